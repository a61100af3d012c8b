//! What the box owes goes home as a machine: results exactly once, rows and sessions at least once (issue 4).
//! Never sends before it is written down that it may have been sent (`keep` says when else); never guesses an outcome.
//! Called by `engine`, which executes the commands (`sync` asks for it with `SpoolCommand::Owed`).
//!
//! # What convicts an item
//!
//! | One item sent alone gets | and | Then |
//! |---|---|---|
//! | an empty 500, the probe says "not mapped" | stands between two witnesses of this run | accused; convicted a second time, at least `refuse_after` later: refused |
//! | an empty 500, of a central that encrypts (its deliveries carry a key, protocol 13) | the probe says "not mapped" | central's rule: queued, told, tried again after a wait; no other result is sent in this run |
//! | an empty 500, of a central with whose key the item is encrypted | | central's trouble, since it looks at no content: queued, told, tried again after a wait |
//! | an empty 500 | no witness before or after it, or central's trouble in between | queued, told, tried again after a wait |
//! | `200` `success 0`, or is not named; the probe says "not mapped" | | central's storage: queued, told, tried again after a wait |
//! | 500 with a body (`errorCode`), `200` with a refusal | | central's own failure: the same |
//! | 413 | | central's limit: the same |
//! | a page, a cut, a gateway's word | | an unknown outcome: the tables below |
//!
//! A *witness* is any result accepted alone, or, where there is none, the entry without variables and with a null state
//! of an execution that central has acknowledged with variables and that the probe finds mapped: central works through
//! it as through any other and changes nothing. Of log rows it is a request of which rows were stored, or a sound probe
//! of the rows' own execution; of sessions one that was completed. What goes wrong by central's own trouble on any
//! request voids the witness before it. The wait doubles from a minute to a day; a refused item is tried again ten
//! times, doubling from an hour (each try leaves an orphan execution on central), then only when central's version
//! changes or on `results retry`. See `trial`.
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
//! | in a chunk | `success 0` | probe | mapped | it was there, perhaps with fewer variables (another state of this box): they go one by one, as below |
//! | in a chunk | not named | probe | mapped | acknowledged: it was there |
//! | in a chunk | either | | not mapped | alone |
//! | in a chunk | 500 by PHP or TAO | probe all of the chunk | mapped | acknowledged: it stood before the offender |
//! | | | | not mapped | alone, in order, never by bisection |
//! | in a chunk | 413 | smaller chunk | | queued |
//! | any | lost: cut, timeout, gateway, page, crash of the box | probe at once | mapped | acknowledged |
//! | | | | not mapped | `settle` is waited for beside everything else, since central may still be at it; probe again, then alone |
//! | | | | no answer, twice | sending: the next run goes on here, this one with what else is owed |
//! | alone | `success 1` | | | acknowledged |
//! | alone | `success 0` | probe | mapped | a lost request had stored it, or another state of this box had: one by one |
//! | alone | 500 | probe | mapped | acknowledged: a lost request had stored it, or central failed after it |
//! | | | | not mapped | see above |
//! | any | unsent, 401, 403, version, maintenance | | | queued |
//! | any doubt | | | answers otherwise | unconfirmed |
//!
//! `settle` runs from the moment at which the answer was lost, over runs and boots: it is paid once. A pass that does
//! not linger leaves what is not settled yet to the next run.
//!
//! After three entries alone that failed in a row, whatever of, the witness is asked for; if it fails too, or there is
//! none, central is sick and no result is sent any more in this run.
//!
//! A result whose execution central knows already (a reactivated execution): the probe says "mapped" whatever came of
//! it. So its new variables go one by one, in order, each an entry of its own:
//!
//! | Variable | Answer | State |
//! |---|---|---|
//! | never sent before | `success 1` | stored |
//! | never sent before | `success 0` | central's storage: owed, told; if the storage failed behind the variable, it stays so until a person has looked |
//! | sent before, answer lost | `success 1` | stored: it was not there |
//! | sent before, answer lost | `success 0`, then `success 1` for the entry without variables | stored: it was there. One validated variable of a known execution fails only when it is there or the storage is broken, and the storage is not |
//! | sent before, answer lost | `success 0`, then anything else | flying: the next run goes on here |
//! | any | empty 500, twice | as an item above: accused, then refused |
//!
//! Log rows and sessions are sent again after a lost answer; what central may hold twice is counted as `doubled`.
//!
//! What was handed over in a file (`ItemState::Carried`) is asked for and never sent: the table of `result::carried`. What
//! came as a copy of another box's goes as that box may have sent it: the table of `adopt`. What leaves on a stick for another box to
//! bring home: the table of `stick`. What another state of this box may
//! have sent (`SpoolPlan::probe_first`) is asked for first: the table of `result::unasked`.

mod adopt;
mod carry;
mod change;
mod exchange;
mod fit;
mod keep;
mod ledger;
mod left;
mod person;
mod plan;
mod request;
mod result;
mod row;
mod session;
mod stick;
pub mod sync_export;
mod trial;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::api::{Answered, Call};
use crate::fault::Finding;
use crate::fault::{Cause, Code, Fault};
use crate::intake::ItemKind;
use crate::report::OwedCount;
use crate::retry;
use crate::words::Now;

pub use carry::{StayReason, stays};
pub use exchange::{Loaded, SpoolCommand, SpoolEvent, SpoolTicket};
pub use ledger::{
    ItemAdmission, ItemKey, ItemOrigin, ItemState, Ledger, LedgerChange, Others, OwedItem,
    PartState,
};
pub use left::{age, cause, since};
pub use plan::{SpoolEnding, SpoolPlan};
pub use request::witness;
pub use stick::{ArrivedList, handed_name, stays_here};
pub use trial::{BootTime, ItemTrial, REFUSED_TRIES};

use request::RequestOutcome;

/// What the machine remembers of an item.
#[derive(Debug, Clone)]
struct SpoolEntry {
    size: u64,
    state: ItemState,
    failures: u32,
    owed: u32,
    refused: u32,
    trial: ItemTrial,
    /// Why it is where it is.
    cause: Option<Finding>,
    /// Unix seconds.
    came: i64,
    /// Answers lost in this run.
    lost: u32,
    /// Left to a later run from the beginning.
    left: bool,
    /// Another content of the same id came after it.
    has_later: bool,
    /// Another box accepted it.
    is_adopted: bool,
}

impl SpoolEntry {
    /// It neither goes nor is waited for: a later content stands for it. Where there is none, what is to come of it is
    /// waited for.
    fn is_out_of_the_way(&self) -> bool {
        self.has_later && matches!(self.state, ItemState::SetAside | ItemState::Open)
    }
}

/// One exchange with central.
#[derive(Debug)]
enum Job {
    Results {
        keys: Vec<ItemKey>,
        logged: bool,
    },
    Follow(result::Follow),
    /// An encrypted result of an execution that central knows, once more and whole.
    Whole(ItemKey),
    Probe(Vec<ItemKey>),
    Rows {
        keys: Vec<ItemKey>,
        groups: Vec<row::RowGroup>,
    },
    Sessions(Vec<ItemKey>),
    Users(Vec<ItemKey>),
    /// Looks for a witness.
    Seek,
    /// Asks by the probe whether central knows this execution: a witness's, or one whose rows are suspected.
    Vouch {
        id: String,
        whose: result::WitnessVouch,
    },
    /// The entry that changes nothing.
    Witness,
}

impl Job {
    /// The items that it brings to central.
    fn keys(&self) -> Vec<ItemKey> {
        match self {
            Self::Results { keys, .. } | Self::Sessions(keys) | Self::Users(keys) => keys.clone(),
            Self::Rows { groups, .. } => groups.iter().map(row::RowGroup::key).collect(),
            Self::Follow(result::Follow { key, .. }) | Self::Whole(key) => vec![key.clone()],
            Self::Probe(_) | Self::Seek | Self::Vouch { .. } | Self::Witness => Vec::new(),
        }
    }
}

#[derive(Debug)]
enum SpoolStep {
    Free,
    Loading(Job),
    Marking(Box<keep::MarkRequest>),
    Asking(Job, SpoolTicket, Duration),
    Noting(Vec<ItemKey>),
    Pausing(Now, &'static str),
    Ended,
}

/// The machine of one pass.
pub struct Sending {
    plan: SpoolPlan,
    out: VecDeque<SpoolCommand>,
    step: SpoolStep,
    entries: BTreeMap<ItemKey, SpoolEntry>,
    results: result::ResultQueue,
    rows: row::RowQueue,
    sessions: session::SessionQueue,
    users: session::SessionQueue,
    /// Results or sessions in the next request.
    chunk: usize,
    /// Requests without a complete answer, in a row.
    silence: u32,
    pause: Option<Now>,
    tickets: SpoolTicket,
    ending: SpoolEnding,
    /// The moment of the last event.
    now: Now,
}

/// Requests without a complete answer, in a row, that end the pass.
const SILENCE: u32 = 3;
/// An answer that takes longer makes the next request smaller.
const SLOW: Duration = Duration::from_secs(20);
/// An answer that comes sooner may make it larger again.
const QUICK: Duration = Duration::from_secs(5);
/// More findings are not kept.
const FINDINGS_KEPT: usize = 50;
/// Why the pass waits when nothing else is left to do (`Sending::due`).
pub const SETTLING: &str = "central may still be at a lost request";

impl Sending {
    /// Begins a pass over everything that is not acknowledged, in the order in which it came.
    pub fn new(plan: SpoolPlan, owed: Vec<OwedItem>, now: Now) -> Self {
        let mut sending = Self {
            out: VecDeque::new(),
            step: SpoolStep::Free,
            entries: BTreeMap::new(),
            results: result::ResultQueue::new(&plan),
            rows: row::RowQueue::new(plan.rows),
            sessions: session::SessionQueue::default(),
            users: session::SessionQueue::default(),
            chunk: plan.chunk.max(1),
            silence: 0,
            pause: None,
            tickets: 0,
            ending: SpoolEnding::default(),
            plan,
            now,
        };
        let reopened = owed
            .into_iter()
            .filter_map(|item| sending.enter(item, now))
            .collect();
        sending.tell_what_waits();
        sending.emit(reopened);
        sending.advance(now);
        sending
    }

    /// The next thing to do; `None` until the next event or until `due`.
    #[allow(
        clippy::should_implement_trait,
        reason = "no iterator: `None` is not its end"
    )]
    pub fn next(&mut self) -> Option<SpoolCommand> {
        self.out.pop_front()
    }

    /// When the machine wants to be woken without an event, and why.
    pub fn due(&self) -> Option<(Now, &'static str)> {
        match self.step {
            SpoolStep::Pausing(at, why) => Some((at, why)),
            _ => None,
        }
    }

    /// What was done so far and what is left, for progress.
    pub fn count(&self) -> OwedCount {
        let mut count = self.ending.count;
        for (key, entry) in &self.entries {
            let waits = matches!(entry.state, ItemState::Queued | ItemState::Sending);
            match key.kind {
                ItemKind::Results if waits => count.results.queued += 1,
                ItemKind::Results if entry.state == ItemState::Carried => {
                    count.results.carried += 1;
                }
                ItemKind::Results if entry.state == ItemState::Unconfirmed => {
                    count.results.unconfirmed += 1;
                }
                ItemKind::Logs if waits => count.logs.queued += u64::from(entry.owed),
                ItemKind::Sessions if waits => count.sessions.queued += 1,
                _ => {}
            }
        }
        count
    }

    /// Log rows and sessions that were sent although central may have held them, the next request included.
    pub fn doubled(&self) -> (u64, u64) {
        let count = &self.ending.count;
        (count.logs.doubled, count.sessions.doubled)
    }

    /// Takes what happened; what was not asked for is passed over.
    pub fn handle(&mut self, event: SpoolEvent, now: Now) {
        self.now = now;
        match (std::mem::replace(&mut self.step, SpoolStep::Free), event) {
            (SpoolStep::Loading(job), SpoolEvent::Loaded(items)) => self.loaded(job, items, now),
            (SpoolStep::Marking(mark), SpoolEvent::Persisted(Ok(()))) => {
                self.ask(mark.job, mark.call, now)
            }
            (SpoolStep::Marking(mark), SpoolEvent::Unkept(trouble)) => {
                self.unmarked(*mark, trouble, now)
            }
            (SpoolStep::Loading(Job::Seek), SpoolEvent::Found(found)) => self.sought(found),
            (SpoolStep::Pausing(_, SETTLING), SpoolEvent::Hurry) => {
                self.plan.lingers = false;
            }
            (step, SpoolEvent::Hurry) => {
                self.plan.lingers = false;
                self.step = step;
            }
            (SpoolStep::Asking(job, ticket, sent), SpoolEvent::Answered(of, answered))
                if ticket == of =>
            {
                self.answered(job, answered, now.mono.saturating_sub(sent), now);
            }
            (SpoolStep::Noting(_), SpoolEvent::Persisted(Ok(()))) => {}
            (SpoolStep::Marking(mark), SpoolEvent::Moved(moved, changes)) => {
                self.unmade(*mark, moved, changes);
            }
            (SpoolStep::Noting(_), SpoolEvent::Moved(moved, changes)) => {
                self.moved(&moved);
                self.note_others(&moved, changes, &[]);
            }
            (SpoolStep::Noting(keys), SpoolEvent::Unkept(trouble)) => self.unnoted(keys, trouble),
            (SpoolStep::Marking(_) | SpoolStep::Noting(_), SpoolEvent::Persisted(Err(trouble))) => {
                // What cannot be written down is not sent, and what was sent is resolved by the next run.
                self.ending.trouble = Some(trouble);
            }
            (SpoolStep::Pausing(until, _), SpoolEvent::Woken) if until.mono <= now.mono => {}
            (SpoolStep::Pausing(_, why), SpoolEvent::Asked) if why != SETTLING => {
                self.plan.asked = true
            }
            (step, _) => self.step = step,
        }
        self.advance(now);
    }

    /// Begins the next exchange when none is under way.
    fn advance(&mut self, now: Now) {
        while matches!(self.step, SpoolStep::Free) {
            if self.ending.trouble.is_some() {
                return self.end(now);
            }
            if let Some(until) = self.pause.take() {
                self.step = SpoolStep::Pausing(until, "the next attempt");
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
                    Some(until) if self.plan.lingers => {
                        self.step = SpoolStep::Pausing(until, SETTLING);
                    }
                    _ => return self.end(now),
                },
            }
        }
    }

    fn begin(&mut self, job: Job, now: Now) {
        match job {
            Job::Probe(keys) => {
                let ids = keys.iter().map(|key| key.id.as_str());
                let call = request::probe(ids, &self.plan, now);
                self.ask(Job::Probe(keys), call, now);
            }
            Job::Sessions(keys) => self.mark_sessions(keys),
            Job::Seek => {
                let central = self.plan.central.clone();
                self.out.push_back(SpoolCommand::Witness(central));
                self.step = SpoolStep::Loading(Job::Seek);
            }
            Job::Vouch { ref id, .. } => {
                let call = request::probe([id.as_str()].into_iter(), &self.plan, now);
                self.ask(job, call, now);
            }
            Job::Witness => self.ask_witness(now),
            Job::Results { ref keys, .. } | Job::Rows { ref keys, .. } | Job::Users(ref keys) => {
                self.out.push_back(SpoolCommand::Load(keys.clone()));
                self.step = SpoolStep::Loading(job);
            }
            Job::Whole(ref key) | Job::Follow(result::Follow { ref key, .. }) => {
                self.out.push_back(SpoolCommand::Load(vec![key.clone()]));
                self.step = SpoolStep::Loading(job);
            }
        }
    }

    fn loaded(&mut self, job: Job, items: Vec<Result<Loaded, Fault>>, now: Now) {
        let mut good = Vec::with_capacity(items.len());
        for item in items {
            match item {
                // Handed over since the pass began.
                Ok(loaded) if loaded.ledger.state == ItemState::Carried => {
                    self.moved(&[(loaded.ledger.key, ItemState::Carried)]);
                }
                // Set aside, or taken back for a finished content.
                Ok(loaded)
                    if loaded.ledger.key.kind == ItemKind::Results
                        && matches!(loaded.ledger.state, ItemState::SetAside | ItemState::Open) => {
                }
                Ok(loaded) => good.push(loaded),
                Err(trouble) => self.find(trouble),
            }
        }
        match job {
            Job::Results { logged, .. } => self.mark_results(good, logged, now),
            Job::Follow(follow) => self.mark_follow(follow, good.pop(), now),
            Job::Whole(_) => self.mark_whole(good.pop()),
            Job::Rows { .. } => self.mark_rows(good, now),
            Job::Users(_) => self.mark_users(&good),
            Job::Probe(_) | Job::Sessions(_) | Job::Seek | Job::Vouch { .. } | Job::Witness => {}
        }
    }

    fn ask(&mut self, job: Job, call: Call, now: Now) {
        self.tickets += 1;
        self.out.push_back(SpoolCommand::Ask(self.tickets, call));
        self.step = SpoolStep::Asking(job, self.tickets, now.mono);
    }

    /// Central knows the execution from now on: rows and sessions that it did not take before are due at once.
    fn wake(&mut self, id: &str) {
        let due = |kind| -> Vec<ItemKey> {
            self.editions(kind, id)
                .filter(|(_, entry)| entry.left && entry.state == ItemState::Queued)
                .map(|(key, _)| key.clone())
                .collect()
        };
        let due = |kind| match self.plan.sends(kind) {
            true => due(kind),
            false => Vec::new(),
        };
        let (rows, sessions) = (due(ItemKind::Logs), due(ItemKind::Sessions));
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
            RequestOutcome::Lost(trouble)
            | RequestOutcome::Unsent(trouble)
            | RequestOutcome::Failed(trouble) => {
                self.void();
                self.silence += 1;
                self.chunk = (self.chunk / 2).max(1);
                // Whoever asked waits for no wish of central; a long one is left to the schedule.
                let wish = trouble.retry_after.filter(|_| !self.plan.asked);
                if self.silence >= SILENCE || wish.is_some_and(|wish| wish > retry::MAX_WAIT_IN_RUN)
                {
                    self.ending.trouble = Some(trouble.clone());
                } else {
                    self.plan.random = retry::mix(self.plan.random);
                    let wait = retry::backoff(self.silence, wish, self.plan.random);
                    self.pause = Some(now.after(wait));
                }
            }
            RequestOutcome::Barred(trouble) => {
                self.void();
                self.ending.trouble = Some(trouble.clone());
            }
            _ => {
                self.silence = 0;
                if took > SLOW {
                    self.chunk = (self.chunk / 2).max(1);
                } else if took < QUICK && matches!(heard, RequestOutcome::Answer(_)) {
                    self.chunk = (self.chunk * 2).min(self.plan.chunk.max(1));
                }
            }
        }
        match job {
            Job::Results { keys, logged } => self.results_answered(keys, logged, heard, now),
            Job::Follow(follow) => self.follow_answered(follow, heard, now),
            Job::Whole(key) => self.whole_answered(key, heard, now),
            Job::Probe(keys) => self.probe_answered(keys, heard, now),
            Job::Rows { groups, .. } => self.rows_answered(groups, heard, took, now),
            Job::Sessions(keys) => self.sessions_answered(keys, heard, now),
            Job::Users(keys) => self.users_answered(keys, heard, now),
            Job::Vouch { id, whose } => self.vouched(&id, whose, heard, now),
            Job::Witness => self.witness_answered(heard, now),
            Job::Seek => {}
        }
    }

    /// Something of central's went wrong: nobody stands between two witnesses any more.
    fn void(&mut self) {
        self.results.void();
        self.rows.void();
        self.sessions.void();
    }

    fn end(&mut self, now: Now) {
        self.ending.count = self.count();
        for left in self.left(now) {
            self.find(left);
        }
        let mut results = self
            .entries
            .iter()
            .filter(|(key, _)| key.kind == ItemKind::Results);
        // One that an earlier run sent without a mark stands queued.
        let unmarked = self.plan.unmarked_until(now).is_some();
        self.ending.flying = results.any(|(_, entry)| {
            entry.state == ItemState::Sending || (unmarked && entry.state == ItemState::Queued)
        });
        self.step = SpoolStep::Ended;
        let ending = std::mem::take(&mut self.ending);
        self.ending.count = ending.count;
        // A second reading of the counters must not add what is left twice.
        self.entries.clear();
        self.out.push_back(SpoolCommand::End(Box::new(ending)));
    }

    /// Another answer of this item was lost; says whether it may be sent again in this run.
    fn lost(&mut self, key: &ItemKey) -> bool {
        self.entries.get_mut(key).is_some_and(|entry| {
            entry.lost += 1;
            entry.lost < SILENCE
        })
    }

    /// Whether something of this kind and id is still to be acknowledged.
    fn pending(&self, kind: ItemKind, id: &str) -> bool {
        self.editions(kind, id)
            .any(|(_, entry)| entry.state != ItemState::Acknowledged && !entry.is_out_of_the_way())
    }

    fn editions(&self, kind: ItemKind, id: &str) -> impl Iterator<Item = (&ItemKey, &SpoolEntry)> {
        let of = |edition| ItemKey {
            kind,
            id: id.to_owned(),
            edition,
        };
        self.entries.range(of(0)..=of(u32::MAX))
    }

    fn find(&mut self, trouble: Fault) {
        if self.ending.findings.len() < FINDINGS_KEPT && !self.ending.findings.contains(&trouble) {
            self.ending.findings.push(trouble);
        }
    }

    fn complain(&mut self, code: Code, cause: impl Into<Cause>) {
        self.find(Fault::new(code, cause));
    }
}

/// Puts what was passed over back to where it stood: before everything that was not looked at.
fn put_back(queue: &mut VecDeque<ItemKey>, passed: Vec<ItemKey>) {
    for key in passed.into_iter().rev() {
        queue.push_front(key);
    }
}

/// The code of a kept reason; one of a newer boxsync is told in general words.
fn known(reason: &Finding) -> Code {
    reason.code.known().unwrap_or(Code::ResultsStuck)
}

fn finding(code: Code, cause: impl Into<Cause>) -> Finding {
    Finding::new(code, cause)
}
