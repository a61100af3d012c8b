//! One look-up as a machine: questions go out, replies come in, time is an argument (the table is at the head of `resolver`).
//! Never waits for one bad server or one bad type of record while another can answer.
//! Called by `uplink::names`, which sends the questions and ends the look-up at its own limit.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::LookupFailure;
use super::files::Config;
use super::message::{DnsReply, RecordType, query};

/// After so long without an answer the next server, or the next name of the search list, is asked beside it.
pub const STAGGER: Duration = Duration::from_secs(1);
/// IPv4 addresses wait so long for the answer about IPv6 (RFC 8305 3 has 50 ms; name servers far away are slower).
pub const AAAA_DELAY: Duration = Duration::from_millis(150);
/// IPv6 addresses alone wait so long for IPv4 ones: on a network without IPv6 they would be of no use.
pub const A_DELAY: Duration = Duration::from_secs(1);
/// A truncated answer waits so long for the whole one.
pub const TCP_TIMEOUT: Duration = Duration::from_secs(2);

/// What is to be asked of whom. Its place in the order of questions is its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Index into `Config::servers`.
    pub server: usize,
    /// The whole name.
    pub name: String,
    /// The type of record.
    pub kind: RecordType,
    /// By TCP (RFC 7766), else by UDP.
    pub tcp: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupCommand {
    /// Send a question, again and again until it is answered; its reply comes back with the same ticket.
    Ask(usize, Question),
    /// The look-up has ended.
    Done(Result<Vec<IpAddr>, LookupFailure>),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupEvent {
    /// A server answered a question.
    Reply(usize, DnsReply),
    /// A question could not be sent, its connection failed, or the host says that nobody listens there.
    Failed(usize),
}

/// How one question stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum QuestionState {
    /// Asked, nothing heard.
    Open,
    /// Addresses that came truncated and count from then on, unless the question by TCP brings more.
    Partial(Vec<IpAddr>, Duration),
    Addresses(Vec<IpAddr>),
    /// The server knows that there is none; whether the name exists.
    Empty(bool),
    Refused(u8),
    Unreachable,
}

impl QuestionState {
    fn addresses(&self, now: Duration) -> &[IpAddr] {
        match self {
            Self::Addresses(found) => found,
            Self::Partial(found, from) if *from <= now => found,
            _ => &[],
        }
    }
}

/// One server asked for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ServerQuery {
    candidate: usize,
    server: usize,
    a: QuestionState,
    aaaa: QuestionState,
}

/// One look-up.
#[derive(Debug, Clone)]
pub struct Lookup {
    config: Config,
    candidates: Vec<String>,
    steps: Vec<ServerQuery>,
    /// Step and type of each question, by ticket.
    asked: Vec<(usize, RecordType, bool)>,
    /// When the newest step began.
    begun: Duration,
    /// When the first address came.
    found: Option<Duration>,
    out: VecDeque<LookupCommand>,
    ended: bool,
}

impl Lookup {
    /// Begins. `now` is on any clock that never steps.
    pub fn new(config: Config, name: &str, now: Duration) -> Self {
        let mut candidates = config.candidates(name);
        candidates.retain(|name| query(0, name, RecordType::A).is_some());
        let mut lookup = Self {
            config,
            candidates,
            steps: Vec::new(),
            asked: Vec::new(),
            begun: now,
            found: None,
            out: VecDeque::new(),
            ended: false,
        };
        if lookup.candidates.is_empty() {
            lookup.end(Err(LookupFailure::NotAName));
        }
        lookup.advance(now);
        lookup
    }

    /// The next thing to do.
    #[expect(clippy::should_implement_trait, reason = "a machine is no iterator")]
    pub fn next(&mut self) -> Option<LookupCommand> {
        self.out.pop_front()
    }

    /// When `wake` has to be called if nothing happens before; `None`: only an event or the caller's limit goes on.
    pub fn due(&self) -> Option<Duration> {
        let next_step = self.has_more_steps().then(|| self.begun + STAGGER);
        let partial = self.steps.iter().flat_map(|step| [&step.a, &step.aaaa]);
        let partial = partial.filter_map(|state| match state {
            QuestionState::Partial(_, from) => Some(*from),
            _ => None,
        });
        let found = self.found.map(|at| at + self.grace());
        partial.chain(next_step).chain(found).min()
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Duration) {
        self.advance(now);
    }

    /// Takes an event.
    pub fn handle(&mut self, event: LookupEvent, now: Duration) {
        let (ticket, reply) = match event {
            LookupEvent::Reply(ticket, reply) => (ticket, Some(reply)),
            LookupEvent::Failed(ticket) => (ticket, None),
        };
        let Some(&(step, kind, tcp)) = self.asked.get(ticket) else {
            return;
        };
        let state = match kind {
            RecordType::A => &mut self.steps[step].a,
            RecordType::Aaaa => &mut self.steps[step].aaaa,
        };
        let next = match (reply, &*state) {
            (Some(DnsReply::Addresses(found)), _) => QuestionState::Addresses(found),
            (Some(DnsReply::Truncated(found)), QuestionState::Open) if !tcp => {
                *state = QuestionState::Partial(found, now + TCP_TIMEOUT);
                self.ask(step, kind, true);
                return self.advance(now);
            }
            (Some(DnsReply::Truncated(found)), _) if !found.is_empty() => {
                QuestionState::Addresses(found)
            }
            // By TCP nothing more came than was truncated.
            (_, QuestionState::Partial(found, _)) if !found.is_empty() => {
                QuestionState::Addresses(found.clone())
            }
            (Some(DnsReply::NoData), _) => QuestionState::Empty(true),
            (Some(DnsReply::NoName), _) => QuestionState::Empty(false),
            (Some(DnsReply::Refused(code)), _) => QuestionState::Refused(code),
            (Some(DnsReply::Truncated(_)) | None, _) => QuestionState::Unreachable,
        };
        *state = next;
        self.advance(now);
    }

    /// What is to be said if the look-up is ended now: its addresses so far, or why there are none.
    pub fn give_up(&self) -> Result<Vec<IpAddr>, LookupFailure> {
        // Whatever came truncated is better than nothing.
        match self.winner(Duration::MAX) {
            Some(candidate) => Ok(self.addresses(candidate, Duration::MAX)),
            None => Err(self.failure()),
        }
    }

    fn advance(&mut self, now: Duration) {
        if self.ended {
            return;
        }
        if self.steps.is_empty() {
            self.begin(now);
        }
        while !self.judge(now) {
            let settled = self.steps.last().is_some_and(|step| is_settled(step, now));
            if !self.has_more_steps() {
                let all = self.steps.iter().all(|step| is_settled(step, now));
                if all {
                    self.end(self.give_up());
                }
                return;
            }
            if !settled && now < self.begun + STAGGER {
                return;
            }
            self.begin(now);
        }
    }

    /// Ends the look-up where what was found is enough.
    fn judge(&mut self, now: Duration) -> bool {
        let Some(candidate) = self.winner(now) else {
            return false;
        };
        let at = *self.found.get_or_insert(now);
        let steps = || self.steps.iter().filter(|step| step.candidate == candidate);
        let has_a = steps().any(|step| !step.a.addresses(now).is_empty());
        let other_known = match has_a {
            // That no server could say anything about IPv6 is enough where IPv4 is known.
            true => steps().any(|step| !matches!(step.aaaa, QuestionState::Open)),
            false => steps().any(|step| matches!(step.a, QuestionState::Empty(_))),
        };
        let enough = other_known || now >= at + self.grace();
        if enough {
            self.end(Ok(self.addresses(candidate, now)));
        }
        enough
    }

    fn grace(&self) -> Duration {
        let has_a = self.steps.iter().any(|step| {
            matches!(
                step.a,
                QuestionState::Addresses(_) | QuestionState::Partial(..)
            )
        });
        if has_a { AAAA_DELAY } else { A_DELAY }
    }

    /// The first name of the order that has an address.
    fn winner(&self, now: Duration) -> Option<usize> {
        let has = |step: &&ServerQuery| {
            !step.a.addresses(now).is_empty() || !step.aaaa.addresses(now).is_empty()
        };
        self.steps.iter().find(has).map(|step| step.candidate)
    }

    fn addresses(&self, candidate: usize, now: Duration) -> Vec<IpAddr> {
        let steps = || self.steps.iter().filter(|step| step.candidate == candidate);
        // The first server that has some of a type is believed for it.
        let first = |of: fn(&ServerQuery) -> &QuestionState| {
            steps()
                .map(|step| of(step).addresses(now))
                .find(|found| !found.is_empty())
                .unwrap_or_default()
                .to_vec()
        };
        let mut all = first(|step| &step.aaaa);
        all.extend(first(|step| &step.a));
        all
    }

    fn failure(&self) -> LookupFailure {
        let states = || self.steps.iter().flat_map(|step| [&step.a, &step.aaaa]);
        let open = |state: &QuestionState| {
            matches!(state, QuestionState::Open | QuestionState::Partial(..))
        };
        let refused = states().find_map(|state| match state {
            QuestionState::Refused(code) => Some(*code),
            _ => None,
        });
        if states().any(|state| *state == QuestionState::Empty(true)) {
            LookupFailure::NoAddress
        } else if let Some(code) = refused {
            LookupFailure::Refused(code)
        } else if states().any(|state| *state == QuestionState::Empty(false)) {
            LookupFailure::NoName
        } else if states().any(open) {
            LookupFailure::Silent
        } else {
            LookupFailure::Unreachable
        }
    }

    fn has_more_steps(&self) -> bool {
        self.steps.len() < self.candidates.len() * self.config.servers.len()
    }

    /// All servers are asked for one name before the next name is.
    fn begin(&mut self, now: Duration) {
        let servers = self.config.servers.len();
        let (candidate, server) = (self.steps.len() / servers, self.steps.len() % servers);
        self.steps.push(ServerQuery {
            candidate,
            server,
            a: QuestionState::Open,
            aaaa: QuestionState::Open,
        });
        self.begun = now;
        for kind in [RecordType::A, RecordType::Aaaa] {
            self.ask(self.steps.len() - 1, kind, self.config.tcp);
        }
    }

    fn ask(&mut self, step: usize, kind: RecordType, tcp: bool) {
        let ServerQuery {
            candidate, server, ..
        } = self.steps[step];
        let question = Question {
            server,
            name: self.candidates[candidate].clone(),
            kind,
            tcp,
        };
        self.asked.push((step, kind, tcp));
        let ticket = self.asked.len() - 1;
        self.out.push_back(LookupCommand::Ask(ticket, question));
    }

    fn end(&mut self, result: Result<Vec<IpAddr>, LookupFailure>) {
        self.ended = true;
        self.out.push_back(LookupCommand::Done(result));
    }
}

/// Whether nothing more can come of a step by itself.
fn is_settled(step: &ServerQuery, now: Duration) -> bool {
    let settled = |state: &QuestionState| match state {
        QuestionState::Open => false,
        QuestionState::Partial(_, until) => *until <= now,
        _ => true,
    };
    settled(&step.a) && settled(&step.aaaa)
}

#[cfg(test)]
mod tests;
