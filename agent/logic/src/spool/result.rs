//! Results: which request comes next, what its answer means for each item (the tables of `spool`).
//! Never sends a result again before the probe has said that central does not hold it.
//! Called by the machine of `spool`.

mod carried;
mod follow;
mod probe;
mod unasked;
mod whole;
mod witness;

use std::collections::{BTreeSet, VecDeque};

use super::fit::{Fit, fit};
use super::request::{self, RequestOutcome};
use super::trial::{BootTime, ItemTrial};
use super::{
    ItemKey, ItemState, Job, LedgerChange, Loaded, OwedItem, Sending, SpoolPlan, finding, known,
};
use crate::api::{Reply, ack};
use crate::fault::{Code, Finding, Id, ItemCause};
use crate::intake::ItemKind;
use crate::words::Now;

pub(super) use follow::Follow;
use unasked::{Unasked, Unsent};
pub(super) use witness::{WitnessState, WitnessVouch};

/// Executions in one probe, once the probe has proved itself.
const PROBED: usize = 50;
/// Failures in a row, whatever their cause, after which a witness must prove central well.
const STREAK: u32 = 3;
/// Who is to blame if central does not hold what was sent alone.
#[derive(Debug)]
enum Blame {
    /// An empty 500: perhaps the item.
    Item(Finding),
    /// Central, by its own words.
    Central(Finding),
    /// Central, which wants it encrypted.
    Encrypted,
}

/// A result whose outcome is unknown.
#[derive(Debug)]
struct UncertainResult {
    key: ItemKey,
    /// When to probe.
    probe: Now,
    /// From then on central is surely not at it any more.
    settled: Now,
    /// It was sent alone and failed: if it is not mapped, this is why. Else it is sent alone.
    failed: Option<Blame>,
    /// It was not sent in this run: it is asked for first.
    unsent: Option<Unsent>,
    /// Central answered `success` 0: it may know the execution with fewer variables, through another state of this box.
    partial: bool,
}

/// What is known of the probe in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProbeState {
    Untried,
    Sound,
    Unsound,
}

/// An item that got an empty 500 alone, behind a witness, and waits for the next one.
#[derive(Debug)]
struct SuspectResult {
    key: ItemKey,
    reason: Finding,
    /// What it had been through before.
    before: ItemTrial,
}

/// The results of a pass.
#[derive(Debug)]
pub(super) struct ResultQueue {
    /// Never tried, or surely not sent.
    pub(super) fresh: VecDeque<ItemKey>,
    /// Failed in earlier runs.
    suspects: VecDeque<ItemKey>,
    /// Surely not on central, to be sent alone.
    pub(super) lone: VecDeque<ItemKey>,
    doubts: VecDeque<UncertainResult>,
    /// Between two witnesses as soon as the next one is taken.
    failed: Vec<SuspectResult>,
    follow: follow::FollowQueue,
    /// Encrypted results of executions that central knows.
    whole: whole::WholeQueue,
    /// Central takes an entry without variables whatever its state: it proves nothing (protocol 7.7).
    unproving: bool,
    unasked: Unasked,
    /// Handed over in a file: asked for when nothing else is left to do.
    carried: VecDeque<ItemKey>,
    /// Entries alone that failed in a row.
    streak: u32,
    /// A witness was taken, and nothing but suspects went wrong since.
    well: bool,
    /// A request of several died without a word: one of those that go alone now is the offender.
    offended: bool,
    /// The witness itself was not taken: no result is sent any more in this run.
    sick: bool,
    witness: WitnessState,
    probe: ProbeState,
    probe_failures: u32,
}

impl ResultQueue {
    pub(super) fn new(plan: &SpoolPlan) -> Self {
        Self {
            fresh: VecDeque::new(),
            suspects: VecDeque::new(),
            lone: VecDeque::new(),
            doubts: VecDeque::new(),
            failed: Vec::new(),
            follow: follow::FollowQueue::default(),
            whole: whole::WholeQueue::default(),
            unproving: plan.key.is_some(),
            unasked: Unasked::default(),
            carried: VecDeque::new(),
            streak: 0,
            well: false,
            offended: false,
            sick: false,
            witness: WitnessState::Unasked,
            probe: if plan.probe {
                ProbeState::Untried
            } else {
                ProbeState::Unsound
            },
            probe_failures: 0,
        }
    }

    /// `ask`: what was not sent in this run is asked for first.
    pub(super) fn enter(&mut self, item: &OwedItem, now: Now, settled: Now, ask: bool) {
        let key = item.key.clone();
        if item.state == ItemState::Carried {
            return self.carried.push_back(key);
        }
        let unknown = matches!(item.state, ItemState::Sending | ItemState::Unconfirmed);
        let known = item.mapped || item.is_behind;
        if known && (item.enclosure.enclosed || self.unproving) {
            self.whole.push((key, unknown.then_some(settled)));
        } else if known {
            self.follow.enter(key, unknown.then_some(settled));
        } else if unknown {
            self.doubt(key, now, settled, None);
        } else if ask {
            self.unasked.enter(item);
        } else if item.failures > 0 || item.state == ItemState::Refused {
            self.suspects.push_back(key);
        } else {
            self.fresh.push_back(key);
        }
    }

    fn doubt(&mut self, key: ItemKey, probe: Now, settled: Now, failed: Option<Blame>) {
        self.doubts.push_back(UncertainResult {
            key,
            probe,
            settled,
            failed,
            unsent: None,
            partial: false,
        });
    }

    /// When something that waits can go on.
    pub(super) fn waits_for(&self, now: Now) -> Option<Now> {
        let doubts = self.doubts.iter().map(|doubt| doubt.probe);
        let whole = self.whole.iter().filter_map(|(_, until)| *until);
        doubts
            .chain(self.follow.waits())
            .chain(whole)
            .filter(|at| at.mono > now.mono)
            .min_by_key(|at| at.mono)
    }

    /// Something of central's went wrong: whoever stands between two witnesses stands there no longer.
    pub(super) fn void(&mut self) {
        self.well = false;
        self.failed.clear();
        self.follow.void();
    }

    pub(super) fn can_probe(&self) -> bool {
        self.probe != ProbeState::Unsound
    }

    /// The probe has proved itself in this run.
    pub(super) fn is_sound(&self) -> bool {
        self.probe == ProbeState::Sound
    }

    /// They were to go and did not: they are asked for first.
    pub(super) fn ask_later(&mut self, keys: &[ItemKey]) {
        for key in keys {
            self.unasked.put(key.clone());
        }
    }

    pub(super) fn goes_in_parts(&self, key: &ItemKey) -> bool {
        self.follow.holds(key)
    }

    /// Nothing more of it goes in this run.
    pub(super) fn leave(&mut self, key: &ItemKey) {
        self.follow.leave(key);
        self.whole.retain(|(other, _)| other != key);
    }
}

impl Sending {
    pub(super) fn next_result(&mut self, now: Now) -> Option<Job> {
        self.ask_first(now);
        let lane = &mut self.results;
        let most = if lane.probe == ProbeState::Sound {
            PROBED
        } else {
            1
        };
        let mut due = Vec::new();
        for doubt in &lane.doubts {
            if doubt.probe.mono <= now.mono && due.len() < most {
                due.push(doubt.key.clone());
            }
        }
        if !due.is_empty() {
            return Some(Job::Probe(due));
        }
        if lane.sick {
            return None;
        }
        if let Some(id) = lane.follow.vouch().filter(|_| lane.can_probe()) {
            let whose = WitnessVouch::Part;
            return Some(Job::Vouch { id, whose });
        }
        if lane.waits_for_witness() {
            if let Some(job) = self.next_witness() {
                return Some(job);
            }
            if self.results.streak >= STREAK {
                self.fall_sick();
                return None;
            }
            // Nobody can prove central well: nothing follows from the failures.
            self.results.void();
        }
        let lane = &mut self.results;
        if !lane.lone.is_empty() {
            let unproven = lane.offended && !lane.well;
            let first = unproven.then(|| lane.seek()).flatten();
            return first.or_else(|| self.results.lone.pop_front().map(|key| alone(key, false)));
        }
        // The last one goes alone and last: it may serve as a witness.
        if lane.fresh.len() > 1 {
            return Some(self.next_chunk());
        }
        if !lane.suspects.is_empty() {
            let first = (!lane.well).then(|| self.next_witness()).flatten();
            return first.or_else(|| {
                let key = self.results.suspects.pop_front();
                key.map(|key| alone(key, false))
            });
        }
        if !lane.well
            && let Some(key) = lane.follow.first()
            && self
                .entries
                .get(key)
                .is_some_and(|entry| entry.trial.has_failed())
            && let Some(job) = self.next_witness()
        {
            return Some(job);
        }
        if let Some(follow) = self.next_follow(now) {
            return Some(Job::Follow(follow));
        }
        if let Some(whole) = self.next_whole(now) {
            return Some(whole);
        }
        let last = self.results.fresh.pop_front();
        last.map(|key| alone(key, true))
            .or_else(|| self.next_carried())
    }

    fn next_chunk(&mut self) -> Job {
        let mut keys = Vec::new();
        let mut bytes = 0;
        while keys.len() < self.chunk && self.results.fresh.len() > 1 {
            let size = self.results.fresh.front().map_or(0, |key| self.size(key));
            if !keys.is_empty() && bytes + size > self.plan.chunk_bytes {
                break;
            }
            bytes += size;
            keys.extend(self.results.fresh.pop_front());
        }
        Job::Results { keys, logged: true }
    }

    fn size(&self, key: &ItemKey) -> u64 {
        self.entries.get(key).map_or(0, |entry| entry.size)
    }

    pub(super) fn mark_results(&mut self, items: Vec<Loaded>, logged: bool, now: Now) {
        // The item's own file is right about what its content is.
        let (items, odd): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| fit(item.ledger.enclosure, &self.plan) == Fit::Goes);
        let held: Vec<LedgerChange> = odd.iter().map(|item| self.held(&item.ledger.key)).collect();
        // An execution that central got to know through another item takes its variables one by one.
        let (known, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.others.mapped);
        for item in known {
            let unknown = item.ledger.state == ItemState::Sending;
            let settled = now.after(self.plan.settle);
            let settled = unknown.then_some(settled);
            match item.ledger.enclosure.enclosed {
                true => self.results.whole.push((item.ledger.key, settled)),
                false => self.results.follow.enter(item.ledger.key, settled),
            }
        }
        if items.is_empty() {
            return self.note(held);
        }
        let params = request::params(&self.plan.params, logged);
        let entries = items
            .iter()
            .map(|item| (item.ledger.key.id.as_str(), item.payload.as_slice()));
        let call = request::results(entries, &params);
        let keys: Vec<ItemKey> = items.into_iter().map(|item| item.ledger.key).collect();
        let sent = keys.iter().map(|key| self.sent(key));
        let changes = sent.chain(held).collect();
        self.mark(Job::Results { keys, logged }, call, changes);
    }

    pub(super) fn results_answered(
        &mut self,
        keys: Vec<ItemKey>,
        logged: bool,
        heard: RequestOutcome,
        now: Now,
    ) {
        let alone = keys.len() == 1;
        match heard {
            RequestOutcome::Answer(reply) => self.results_acked(keys, &reply, now),
            RequestOutcome::TooLong(trouble) if alone => {
                let bytes = self.size(&keys[0]);
                let cause = trouble
                    .because(|why| ItemCause::TooLong { why, bytes })
                    .cause;
                let change = self.stumble(&keys[0], finding(Code::ResultsTooLong, cause), now);
                self.note(vec![change]);
            }
            RequestOutcome::TooLong(_) => {
                let bytes: u64 = keys.iter().map(|key| self.size(key)).sum();
                self.plan.chunk_bytes = bytes / 2;
                self.requeue(keys, logged);
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => self.requeue(keys, logged),
            RequestOutcome::Rejected(trouble) => {
                self.results.offended |= !alone;
                for key in keys {
                    let reason = finding(Code::ResultsRejected, trouble.cause.clone());
                    let failed = alone.then_some(match (self.plan.key, self.plan.encrypted) {
                        (Some(_), _) => {
                            Blame::Central(finding(Code::CentralError, ItemCause::EnclosedDied))
                        }
                        (None, true) => Blame::Encrypted,
                        (None, false) => Blame::Item(reason),
                    });
                    self.results.doubt(key, now, now, failed);
                }
            }
            RequestOutcome::Failed(_) => {
                for key in keys {
                    let reason = finding(Code::CentralError, ItemCause::FailedAlone);
                    let failed = alone.then_some(Blame::Central(reason));
                    self.results.doubt(key, now, now, failed);
                }
            }
            RequestOutcome::Lost(_) => {
                let settled = now.after(self.plan.settle);
                // From when on central may still be at it: the next run need not wait for that again.
                let changes = self.lost_now(&keys, BootTime::of(now));
                for key in keys {
                    if self.lost(&key) {
                        self.results.doubt(key, now, settled, None);
                    }
                }
                self.note(changes);
            }
        }
    }

    /// Central surely did not see them: they stand where they stood.
    fn requeue(&mut self, keys: Vec<ItemKey>, logged: bool) {
        let changes = keys.iter().map(|key| self.unsent(key)).collect();
        for key in keys.into_iter().rev() {
            if logged {
                self.results.fresh.push_front(key);
            } else {
                self.results.lone.push_front(key);
            }
        }
        self.note(changes);
    }

    fn results_acked(&mut self, keys: Vec<ItemKey>, reply: &Reply, now: Now) {
        let acks = ack::entries(reply).unwrap_or_default();
        let alone = keys.len() == 1;
        let mut changes = Vec::new();
        for key in keys {
            let reason = match acks.get(&key.id) {
                Some(true) => {
                    changes.push(self.acknowledgement(&key));
                    continue;
                }
                Some(false) => finding(Code::ResultsNotStored, ItemCause::NotStored),
                None => finding(Code::ResultsUnanswered, ItemCause::NotNamed),
            };
            self.results.void();
            let partial = acks.get(&key.id) == Some(&false);
            let failed = alone.then_some(Blame::Central(reason));
            self.results.doubt(key, now, now, failed);
            if let Some(doubt) = self.results.doubts.back_mut() {
                doubt.partial = partial;
            }
        }
        if alone && !changes.is_empty() {
            self.accepted(&mut changes, now);
        }
        self.note(changes);
    }

    fn acknowledgement(&mut self, key: &ItemKey) -> LedgerChange {
        let is_adopted = self.entries.get(key).is_some_and(|it| it.is_adopted);
        self.ending.count.results.acknowledged += 1;
        self.ending.count.results.adopted += u64::from(is_adopted);
        self.taken(key)
    }

    fn refusal(&mut self, key: &ItemKey, reason: Finding, trial: ItemTrial) -> LedgerChange {
        self.ending.count.results.refused += 1;
        let (id, why) = (Id::from(&key.id), Box::new(reason.cause.clone()));
        self.complain(known(&reason), ItemCause::OfResult { id, why });
        LedgerChange {
            reason: Some(reason),
            trial,
            ..self.change(key, ItemState::Refused)
        }
    }

    /// Whether an earlier content of the same execution is still on its way. What a person has to decide about is not, nor
    /// what is superseded: nobody knows for how long.
    fn comes_later(&self, key: &ItemKey) -> bool {
        let on_its_way = |state| {
            matches!(
                state,
                ItemState::Queued
                    | ItemState::Sending
                    | ItemState::Unconfirmed
                    | ItemState::Carried
            )
        };
        self.editions(ItemKind::Results, &key.id)
            .take_while(|(other, _)| other.edition < key.edition)
            .any(|(_, entry)| on_its_way(entry.state))
    }
}

fn alone(key: ItemKey, logged: bool) -> Job {
    Job::Results {
        keys: vec![key],
        logged,
    }
}

/// Which variables failed in this run, by item.
type Failed = BTreeSet<(ItemKey, u32)>;
