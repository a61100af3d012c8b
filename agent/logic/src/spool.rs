//! What the box owes goes home as a machine: results exactly once, rows and sessions at least once (issue 4).
//! Never sends before it is written down that it may have been sent; never guesses an outcome.
//! Called by `engine`, which executes the commands (`sync` asks for it with `Command::Owed`).
//!
//! # How an outcome is known
//!
//! Central maps an execution only after all variables of its entry are stored, fails at a variable that it holds
//! already, and dies at a wrong type (protocol 7.3, 7.5). The *probe* is the silent one of 7.5; beside the executions
//! in question it asks for one that cannot be mapped, and only if that one is "not mapped" does it count.
//!
//! A result whose execution central does not know through an earlier item:
//!
//! | Sent | Answer | Then | Probe | State |
//! |---|---|---|---|---|
//! | in a chunk | `success 1` | | | acknowledged |
//! | in a chunk | `success 0`, or not named | probe | mapped | acknowledged: it was there |
//! | | | | not mapped | alone |
//! | in a chunk | 500 by PHP | probe all of the chunk | mapped | acknowledged: it stood before the offender |
//! | | | | not mapped | alone, in order, never by bisection |
//! | in a chunk | 413 | smaller chunk | | queued |
//! | any | lost: cut, timeout, gateway, page, crash of the box | probe | mapped | acknowledged |
//! | | | | not mapped | `settle` is waited for, since central may still be at it; probe again, then alone |
//! | | | | no answer, twice | sending: the next run goes on here, this one with what else is owed |
//! | alone | `success 1` | | | acknowledged |
//! | alone | `success 0` | probe | mapped | acknowledged: a lost request had stored it |
//! | | | | not mapped | failed: an orphan with some variables is left on central |
//! | alone | 500 by PHP | probe | mapped | acknowledged: central died after it |
//! | | | | not mapped | failed: a type that central does not take |
//! | alone | 413 | | | refused, `results.too_long` |
//! | any | unsent, 401, 403, version, maintenance | | | queued |
//! | any doubt | | | answers otherwise | unconfirmed |
//!
//! *Failed* becomes refused as soon as another result is accepted afterwards in the same run: that proves central
//! well. Else it stays queued and is left alone for 2, 4, … 64 runs. After three failures in a row another result is
//! sent as a witness; if it fails too, central is sick and nothing more is sent. The last fresh result of a run goes
//! alone and last, so that there is a witness.
//!
//! A result whose execution central knows already (a reactivated execution): the probe says "mapped" whatever came of
//! it. So its new variables go one by one, in order, each an entry of its own:
//!
//! | Variable | Answer | State |
//! |---|---|---|
//! | never sent before | `success 1` | stored |
//! | never sent before | `success 0` | failed |
//! | sent before, answer lost | `success 1` | stored: it was not there |
//! | sent before, answer lost | `success 0`, then `success 1` for the entry without variables | stored: it was there. One validated variable of a known execution fails only when it is there or the storage is broken, and the storage is not |
//! | sent before, answer lost | `success 0`, then anything else | flying: the next run goes on here |
//! | any | 500 by PHP, twice | failed |
//!
//! Log rows and sessions are sent again after a lost answer; what central may hold twice is counted as `doubled`.

mod ledger;
mod plan;
mod request;
mod result;
mod row;
mod session;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::api::{Answered, Call};
use crate::intake::Kind;
use crate::report::{Finding, OwedCount};
use crate::retry;
use crate::words::{Class, Now, Outcome, Trouble};

pub use ledger::{Admission, Change, Key, Ledger, Others, Owed, Part, State};
pub use plan::{Ending, Plan};

use request::Heard;

/// Names one call under way.
pub type Ticket = u64;

/// What the engine is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open these items: `Event::Loaded` with all of them in this order.
    Load(Vec<Key>),
    /// Apply the changes to the ledgers and make them durable: `Event::Persisted`.
    Persist(Vec<Change>),
    /// Send a call: `Event::Answered` with the same ticket.
    Ask(Ticket, Call),
    /// Nothing more can be done in this run.
    End(Box<Ending>),
}

/// One opened item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its account.
    pub ledger: Ledger,
    /// What intake wrote.
    pub payload: Vec<u8>,
    /// What central holds through the other items of this id.
    pub others: Others,
}

/// What the engine reports.
#[derive(Debug)]
pub enum Event {
    /// Items were opened, or could not be.
    Loaded(Vec<Result<Loaded, Trouble>>),
    /// Changes are durable, or not.
    Persisted(Result<(), Trouble>),
    /// A call was answered, or failed before there was an answer.
    Answered(Ticket, Answered),
    /// Time has passed.
    Woken,
}

/// What the machine remembers of an item.
#[derive(Debug, Clone)]
struct Entry {
    size: u64,
    state: State,
    failures: u32,
    owed: u32,
    refused: u32,
    /// Answers lost in this run.
    lost: u32,
    /// Left to a later run from the beginning.
    left: bool,
}

/// One exchange with central.
#[derive(Debug)]
enum Job {
    Results {
        keys: Vec<Key>,
        logged: bool,
    },
    Follow(result::Follow),
    Probe(Vec<Key>),
    Rows {
        keys: Vec<Key>,
        groups: Vec<row::Group>,
    },
    Sessions(Vec<Key>),
    Users(Vec<Key>),
}

#[derive(Debug)]
enum Step {
    Free,
    Loading(Job),
    Marking(Job, Box<Call>),
    Asking(Job, Ticket, Duration),
    Noting,
    Pausing(Now, &'static str),
    Ended,
}

/// The machine of one pass.
pub struct Sending {
    plan: Plan,
    out: VecDeque<Command>,
    step: Step,
    entries: BTreeMap<Key, Entry>,
    results: result::Lane,
    rows: row::Lane,
    sessions: session::Lane,
    users: session::Lane,
    /// Results or sessions in the next request.
    chunk: usize,
    /// Requests without a complete answer, in a row.
    silence: u32,
    pause: Option<Now>,
    tickets: Ticket,
    ending: Ending,
}

/// Requests without a complete answer, in a row, that end the pass.
const SILENCE: u32 = 3;
/// An answer that takes longer makes the next request smaller.
const SLOW: Duration = Duration::from_secs(20);
/// An answer that comes sooner may make it larger again.
const QUICK: Duration = Duration::from_secs(5);
/// More findings are not kept.
const FINDINGS_KEPT: usize = 50;

impl Sending {
    /// Begins a pass over everything that is not acknowledged, in the order in which it came.
    pub fn new(plan: Plan, owed: Vec<Owed>, now: Now) -> Self {
        let mut sending = Self {
            out: VecDeque::new(),
            step: Step::Free,
            entries: BTreeMap::new(),
            results: result::Lane::new(plan.probe),
            rows: row::Lane::new(plan.rows),
            sessions: session::Lane::default(),
            users: session::Lane::default(),
            chunk: plan.chunk.max(1),
            silence: 0,
            pause: None,
            tickets: 0,
            ending: Ending::default(),
            plan,
        };
        let reopened = owed
            .into_iter()
            .filter_map(|item| sending.enter(item, now))
            .collect();
        sending.emit(reopened);
        sending.advance(now);
        sending
    }

    /// The next thing to do; `None` until the next event or until `due`.
    #[allow(
        clippy::should_implement_trait,
        reason = "no iterator: `None` is not its end"
    )]
    pub fn next(&mut self) -> Option<Command> {
        self.out.pop_front()
    }

    /// When the machine wants to be woken without an event, and why.
    pub fn due(&self) -> Option<(Now, &'static str)> {
        match self.step {
            Step::Pausing(at, why) => Some((at, why)),
            _ => None,
        }
    }

    /// What was done so far and what is left, for progress.
    pub fn count(&self) -> OwedCount {
        let mut count = self.ending.count;
        for (key, entry) in &self.entries {
            let waits = matches!(entry.state, State::Queued | State::Sending);
            match key.kind {
                Kind::Results if waits => count.results.queued += 1,
                Kind::Results if entry.state == State::Unconfirmed => {
                    count.results.unconfirmed += 1;
                }
                Kind::Logs if waits => count.logs.queued += u64::from(entry.owed),
                Kind::Sessions if waits => count.sessions.queued += 1,
                _ => {}
            }
        }
        count
    }

    /// Takes what happened; what was not asked for is passed over.
    pub fn handle(&mut self, event: Event, now: Now) {
        match (std::mem::replace(&mut self.step, Step::Free), event) {
            (Step::Loading(job), Event::Loaded(items)) => self.loaded(job, items, now),
            (Step::Marking(job, call), Event::Persisted(Ok(()))) => self.ask(job, *call, now),
            (Step::Asking(job, ticket, sent), Event::Answered(of, answered)) if ticket == of => {
                self.answered(job, answered, now.mono.saturating_sub(sent), now);
            }
            (Step::Noting, Event::Persisted(Ok(()))) => {}
            (Step::Marking(..) | Step::Noting, Event::Persisted(Err(trouble))) => {
                // What cannot be written down is not sent, and what was sent is resolved by the next run.
                self.ending.trouble = Some(trouble);
            }
            (Step::Pausing(until, _), Event::Woken) if until.mono <= now.mono => {}
            (step, _) => self.step = step,
        }
        self.advance(now);
    }

    fn enter(&mut self, mut item: Owed, now: Now) -> Option<Change> {
        let changed = item.central != self.plan.central;
        let due = match item.state {
            State::Queued => self.plan.asked || item.not_before <= self.plan.params.sync_id,
            State::Sending => true,
            State::Refused | State::Unconfirmed => changed,
            State::Acknowledged => false,
        };
        let stood = item.state;
        if due && stood == State::Refused {
            (item.owed, item.refused) = (item.owed + item.refused, 0);
            item.state = State::Queued;
            // It is known to have failed, whatever was counted.
            item.failures = item.failures.max(1);
        } else if due && stood == State::Unconfirmed {
            item.state = State::Sending;
        }
        let entry = Entry {
            size: item.size,
            state: item.state,
            failures: item.failures,
            owed: item.owed,
            refused: item.refused,
            lost: 0,
            left: !due,
        };
        self.entries.insert(item.key.clone(), entry);
        if !due {
            return None;
        }
        let reopened = (stood != item.state).then(|| Change {
            reopen: true,
            ..self.change(&item.key, item.state)
        });
        match item.key.kind {
            Kind::Results => self.results.enter(&item, now, now.after(self.plan.settle)),
            Kind::Logs => self.rows.queue.push_back(item.key),
            Kind::Sessions => self.sessions.enter(&item),
            Kind::LtiUsers if self.plan.lti_users => self.users.enter(&item),
            Kind::LtiUsers => {}
        }
        reopened
    }

    /// Begins the next exchange when none is under way.
    fn advance(&mut self, now: Now) {
        while matches!(self.step, Step::Free) {
            if self.ending.trouble.is_some() {
                return self.end();
            }
            if let Some(until) = self.pause.take() {
                self.step = Step::Pausing(until, "the next attempt");
                return;
            }
            let hopeless = self.unprobed();
            if !hopeless.is_empty() {
                return self.note(hopeless);
            }
            let job = self
                .next_result(now)
                .or_else(|| self.next_rows())
                .or_else(|| self.next_sessions())
                .or_else(|| self.next_users());
            match job {
                Some(job) => self.begin(job, now),
                None => match self.results.waits_for(now) {
                    Some(until) => {
                        self.step = Step::Pausing(until, "central may still be at a lost request");
                    }
                    None => return self.end(),
                },
            }
        }
    }

    fn begin(&mut self, job: Job, now: Now) {
        match job {
            Job::Probe(keys) => {
                let ids = keys.iter().map(|key| key.id.as_str());
                let call = request::probe(ids, &self.plan.params, now);
                self.ask(Job::Probe(keys), call, now);
            }
            Job::Sessions(keys) => self.mark_sessions(keys),
            Job::Results { ref keys, .. } | Job::Rows { ref keys, .. } | Job::Users(ref keys) => {
                self.out.push_back(Command::Load(keys.clone()));
                self.step = Step::Loading(job);
            }
            Job::Follow(ref follow) => {
                self.out.push_back(Command::Load(vec![follow.key.clone()]));
                self.step = Step::Loading(job);
            }
        }
    }

    fn loaded(&mut self, job: Job, items: Vec<Result<Loaded, Trouble>>, now: Now) {
        let mut good = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Ok(loaded) => good.push(loaded),
                Err(trouble) => self.find(trouble),
            }
        }
        match job {
            Job::Results { logged, .. } => self.mark_results(good, logged, now),
            Job::Follow(follow) => self.mark_follow(follow, good.pop(), now),
            Job::Rows { .. } => self.mark_rows(good),
            Job::Users(_) => self.mark_users(&good),
            Job::Probe(_) | Job::Sessions(_) => {}
        }
    }

    /// Writes down that items may be on their way, then sends.
    fn mark(&mut self, job: Job, call: Call, changes: Vec<Change>) {
        self.remember(&changes);
        self.out.push_back(Command::Persist(changes));
        self.step = Step::Marking(job, Box::new(call));
    }

    fn ask(&mut self, job: Job, call: Call, now: Now) {
        self.tickets += 1;
        self.out.push_back(Command::Ask(self.tickets, call));
        self.step = Step::Asking(job, self.tickets, now.mono);
    }

    /// Writes down what came of it.
    fn note(&mut self, changes: Vec<Change>) {
        self.remember(&changes);
        self.emit(changes);
    }

    /// Adds a change that the next one may depend on.
    fn record(&mut self, changes: &mut Vec<Change>, change: Change) {
        self.remember(std::slice::from_ref(&change));
        changes.push(change);
    }

    /// Has changes written down that are remembered already.
    fn emit(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.out.push_back(Command::Persist(changes));
            self.step = Step::Noting;
        }
    }

    fn remember(&mut self, changes: &[Change]) {
        for change in changes {
            let Some(entry) = self.entries.get_mut(&change.key) else {
                continue;
            };
            entry.state = change.state;
            entry.failures += change.failures;
            for (_, part) in &change.parts {
                if matches!(part, Part::Stored | Part::Refused) {
                    entry.owed = entry.owed.saturating_sub(1);
                    entry.refused += u32::from(*part == Part::Refused);
                }
            }
            if change.key.kind == Kind::Results && change.state == State::Acknowledged {
                self.wake(&change.key.id);
            }
        }
    }

    /// Central knows the execution from now on: rows and sessions that it did not take before are due at once.
    fn wake(&mut self, id: &str) {
        let due = |kind| -> Vec<Key> {
            self.editions(kind, id)
                .filter(|(_, entry)| entry.left && entry.state == State::Queued)
                .map(|(key, _)| key.clone())
                .collect()
        };
        let (rows, sessions) = (due(Kind::Logs), due(Kind::Sessions));
        for key in rows.iter().chain(&sessions) {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.left = false;
            }
        }
        self.rows.queue.extend(rows);
        self.sessions.queue.extend(sessions);
    }

    fn answered(&mut self, job: Job, answered: Answered, took: Duration, now: Now) {
        let heard = request::hear(answered, matches!(job, Job::Users(_)));
        match &heard {
            Heard::Lost(trouble) | Heard::Unsent(trouble) => {
                self.silence += 1;
                self.chunk = (self.chunk / 2).max(1);
                // Whoever asked waits for no wish of central; a long one is left to the schedule.
                let wish = trouble.retry_after.filter(|_| !self.plan.asked);
                if self.silence >= SILENCE || wish.is_some_and(|wish| wish > retry::LONGEST) {
                    self.ending.trouble = Some(trouble.clone());
                } else {
                    self.plan.random = retry::mix(self.plan.random);
                    let wait = retry::backoff(self.silence, wish, self.plan.random);
                    self.pause = Some(now.after(wait));
                }
            }
            Heard::Barred(trouble) => self.ending.trouble = Some(trouble.clone()),
            _ => {
                self.silence = 0;
                if took > SLOW {
                    self.chunk = (self.chunk / 2).max(1);
                } else if took < QUICK && matches!(heard, Heard::Answer(_)) {
                    self.chunk = (self.chunk * 2).min(self.plan.chunk.max(1));
                }
            }
        }
        match job {
            Job::Results { keys, logged } => self.results_answered(keys, logged, heard, now),
            Job::Follow(follow) => self.follow_answered(follow, heard, now),
            Job::Probe(keys) => self.probe_answered(keys, heard, now),
            Job::Rows { groups, .. } => self.rows_answered(groups, heard, took),
            Job::Sessions(keys) => self.sessions_answered(keys, heard),
            Job::Users(keys) => self.users_answered(keys, heard),
        }
    }

    fn end(&mut self) {
        self.ending.count = self.count();
        self.step = Step::Ended;
        let ending = std::mem::take(&mut self.ending);
        self.ending.count = ending.count;
        // A second reading of the counters must not add what is left twice.
        self.entries.clear();
        self.out.push_back(Command::End(Box::new(ending)));
    }

    /// A change of state and nothing else.
    fn change(&self, key: &Key, state: State) -> Change {
        Change {
            key: key.clone(),
            state,
            attempts: 0,
            failures: 0,
            reason: None,
            not_before: 0,
            central: self.plan.central.clone(),
            parts: Vec::new(),
            reopen: false,
        }
    }

    /// Central surely did not take it: queued, and left alone for some runs.
    fn failure(&self, key: &Key, reason: Finding) -> Change {
        let failures = self.entries.get(key).map_or(0, |entry| entry.failures) + 1;
        Change {
            failures: 1,
            reason: Some(reason),
            not_before: self.plan.params.sync_id + (1 << failures.min(6)),
            ..self.change(key, State::Queued)
        }
    }

    /// Another answer of this item was lost; says whether it may be sent again in this run.
    fn lost(&mut self, key: &Key) -> bool {
        self.entries.get_mut(key).is_some_and(|entry| {
            entry.lost += 1;
            entry.lost < SILENCE
        })
    }

    /// Whether something of this kind and id is not acknowledged.
    fn pending(&self, kind: Kind, id: &str) -> bool {
        self.editions(kind, id)
            .any(|(_, entry)| entry.state != State::Acknowledged)
    }

    fn editions(&self, kind: Kind, id: &str) -> impl Iterator<Item = (&Key, &Entry)> {
        let of = |edition| Key {
            kind,
            id: id.to_owned(),
            edition,
        };
        self.entries.range(of(0)..=of(u32::MAX))
    }

    fn find(&mut self, trouble: Trouble) {
        if self.ending.findings.len() < FINDINGS_KEPT && !self.ending.findings.contains(&trouble) {
            self.ending.findings.push(trouble);
        }
    }

    fn complain(&mut self, code: &str, reason: String) {
        self.find(Trouble::new(code, Class::Operator, Outcome::Failed, reason));
    }
}

fn finding(code: &str, reason: impl Into<String>) -> Finding {
    Finding {
        code: code.into(),
        reason: reason.into(),
    }
}
