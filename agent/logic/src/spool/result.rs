//! Results: which request comes next, what its answer means for each item (the tables of `spool`).
//! Never sends a result again before the probe has said that central does not hold it.
//! Called by the machine of `spool`.

mod follow;

use std::collections::{BTreeSet, VecDeque};

use super::request::{self, Heard};
use super::{Change, Job, Key, Loaded, Owed, Sending, State, finding};
use crate::api::{Reply, ack};
use crate::intake::Kind;
use crate::report::Finding;
use crate::words::{Now, Trouble};

pub(super) use follow::Follow;

/// Executions in one probe, once the probe has proved itself.
const PROBED: usize = 50;
/// Failures in a row after which another result must prove central well.
const STREAK: u32 = 3;
/// Probes that central may fail on before the doubts are left to the next run.
const PROBE_FAILURES: u32 = 3;

/// Probes without a complete answer, for the same: one less than end the pass, since central may well answer to
/// results and not to probes.
const PROBE_SILENCES: u32 = super::SILENCE - 1;

/// A result whose outcome is unknown.
#[derive(Debug)]
struct Doubt {
    key: Key,
    /// When to probe.
    probe: Now,
    /// From then on central is surely not at it any more.
    settled: Now,
    /// It was sent alone and failed: if it is not mapped, this is why. Else it is sent alone.
    failed: Option<Finding>,
}

/// What is known of the probe in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Untried,
    Sound,
    Unsound,
}

/// The results of a pass.
#[derive(Debug)]
pub(super) struct Lane {
    /// Never tried, or surely not sent.
    fresh: VecDeque<Key>,
    /// Failed in earlier runs.
    suspects: VecDeque<Key>,
    /// Surely not on central, to be sent alone.
    lone: VecDeque<Key>,
    doubts: VecDeque<Doubt>,
    /// Failed in this run; refused once another result is accepted.
    failed: Vec<(Key, Finding)>,
    follow: follow::Queue,
    streak: u32,
    probe: Probe,
    probe_failures: u32,
}

impl Lane {
    pub(super) fn new(probe: bool) -> Self {
        Self {
            fresh: VecDeque::new(),
            suspects: VecDeque::new(),
            lone: VecDeque::new(),
            doubts: VecDeque::new(),
            failed: Vec::new(),
            follow: follow::Queue::default(),
            streak: 0,
            probe: if probe {
                Probe::Untried
            } else {
                Probe::Unsound
            },
            probe_failures: 0,
        }
    }

    pub(super) fn enter(&mut self, item: &Owed, now: Now, settled: Now) {
        let key = item.key.clone();
        let unknown = matches!(item.state, State::Sending | State::Unconfirmed);
        if item.mapped || key.edition > 0 {
            self.follow.enter(key, unknown.then_some(settled));
        } else if unknown {
            self.doubt(key, now, settled, None);
        } else if item.failures > 0 || item.state == State::Refused {
            self.suspects.push_back(key);
        } else {
            self.fresh.push_back(key);
        }
    }

    fn doubt(&mut self, key: Key, probe: Now, settled: Now, failed: Option<Finding>) {
        self.doubts.push_back(Doubt {
            key,
            probe,
            settled,
            failed,
        });
    }

    /// When something that waits can go on.
    pub(super) fn waits_for(&self, now: Now) -> Option<Now> {
        let doubts = self.doubts.iter().map(|doubt| doubt.probe);
        doubts
            .chain(self.follow.waits())
            .filter(|at| at.mono > now.mono)
            .min_by_key(|at| at.mono)
    }
}

impl Sending {
    pub(super) fn next_result(&mut self, now: Now) -> Option<Job> {
        let lane = &mut self.results;
        let most = if lane.probe == Probe::Sound {
            PROBED
        } else {
            1
        };
        let mut due = Vec::new();
        let mut later = VecDeque::new();
        for doubt in lane.doubts.drain(..) {
            if doubt.probe.mono <= now.mono && due.len() < most {
                due.push(doubt.key.clone());
            }
            later.push_back(doubt);
        }
        lane.doubts = later;
        if !due.is_empty() {
            return Some(Job::Probe(due));
        }
        if lane.streak >= STREAK {
            return self.next_witness();
        }
        if let Some(key) = lane.lone.pop_front() {
            return Some(alone(key, false));
        }
        // The last one goes alone and last: it is the witness of those that fail before it.
        if lane.fresh.len() > 1 {
            return Some(self.next_chunk());
        }
        if let Some(key) = lane.suspects.pop_front() {
            return Some(alone(key, false));
        }
        if let Some(follow) = self.next_follow(now) {
            return Some(Job::Follow(follow));
        }
        self.results.fresh.pop_front().map(|key| alone(key, true))
    }

    fn next_witness(&mut self) -> Option<Job> {
        let lane = &mut self.results;
        let witness = (lane.streak == STREAK)
            .then(|| lane.fresh.pop_back().or_else(|| lane.lone.pop_back()))
            .flatten();
        if witness.is_none() && lane.streak > 0 {
            let reason = format!(
                "central stored none of {} results in a row that were sent alone: it is taken for sick, all stay queued",
                lane.streak
            );
            self.complain("central.sick", reason);
        }
        witness.map(|key| alone(key, false))
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

    fn size(&self, key: &Key) -> u64 {
        self.entries.get(key).map_or(0, |entry| entry.size)
    }

    pub(super) fn mark_results(&mut self, items: Vec<Loaded>, logged: bool, now: Now) {
        // An execution that central got to know through another item takes its variables one by one.
        let (follow, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.others.mapped);
        for item in follow {
            let unknown = item.ledger.state == State::Sending;
            let settled = now.after(self.plan.settle);
            let settled = unknown.then_some(settled);
            self.results.follow.enter(item.ledger.key, settled);
        }
        if items.is_empty() {
            return;
        }
        let params = request::params(&self.plan.params, logged);
        let entries = items
            .iter()
            .map(|item| (item.ledger.key.id.as_str(), item.payload.as_slice()));
        let call = request::results(entries, &params);
        let keys: Vec<Key> = items.into_iter().map(|item| item.ledger.key).collect();
        let sent = |key: &Key| Change {
            attempts: 1,
            ..self.change(key, State::Sending)
        };
        let changes = keys.iter().map(sent).collect();
        self.mark(Job::Results { keys, logged }, call, changes);
    }

    pub(super) fn results_answered(
        &mut self,
        keys: Vec<Key>,
        logged: bool,
        heard: Heard,
        now: Now,
    ) {
        match heard {
            Heard::Answer(reply) => self.results_acked(keys, &reply, now),
            Heard::TooLong(trouble) if keys.len() == 1 => {
                let reason = format!(
                    "{}; the result takes {} bytes: raise the body limit of central's web server, then `results retry`",
                    trouble.reason,
                    self.size(&keys[0])
                );
                let change = self.refusal(&keys[0], finding("results.too_long", reason));
                self.note(vec![change]);
            }
            Heard::TooLong(_) => {
                let bytes: u64 = keys.iter().map(|key| self.size(key)).sum();
                self.plan.chunk_bytes = bytes / 2;
                self.requeue(keys, logged);
            }
            Heard::Unsent(_) | Heard::Barred(_) => self.requeue(keys, logged),
            Heard::Rejected(trouble) => {
                let alone = keys.len() == 1;
                for key in keys {
                    let failed = alone.then(|| finding("results.rejected", trouble.reason.clone()));
                    self.results.doubt(key, now, now, failed);
                }
            }
            Heard::Lost(_) => {
                let settled = now.after(self.plan.settle);
                for key in keys {
                    if self.lost(&key) {
                        self.results.doubt(key, now, settled, None);
                    }
                }
            }
        }
    }

    /// Central surely did not see them: they stand where they stood.
    fn requeue(&mut self, keys: Vec<Key>, logged: bool) {
        let changes = keys
            .iter()
            .map(|key| self.change(key, State::Queued))
            .collect();
        for key in keys.into_iter().rev() {
            if logged {
                self.results.fresh.push_front(key);
            } else {
                self.results.lone.push_front(key);
            }
        }
        self.note(changes);
    }

    fn results_acked(&mut self, keys: Vec<Key>, reply: &Reply, now: Now) {
        let acks = ack::entries(reply).unwrap_or_default();
        let alone = keys.len() == 1;
        let mut changes = Vec::new();
        for key in keys {
            let reason = match acks.get(&key.id) {
                Some(true) => {
                    changes.push(self.acknowledgement(&key));
                    continue;
                }
                Some(false) => finding(
                    "results.not_stored",
                    "central answered `success 0` and holds no complete execution",
                ),
                None => finding(
                    "results.unanswered",
                    "central's answer does not name the result, and it holds no complete execution",
                ),
            };
            self.results.doubt(key, now, now, alone.then_some(reason));
        }
        if !changes.is_empty() {
            self.accepted(&mut changes);
        }
        self.note(changes);
    }

    pub(super) fn probe_answered(&mut self, keys: Vec<Key>, heard: Heard, now: Now) {
        let reply = match heard {
            Heard::Answer(reply) => reply,
            Heard::Rejected(trouble) | Heard::TooLong(trouble) => {
                return self.unanswered(trouble, PROBE_FAILURES, now);
            }
            Heard::Lost(trouble) => return self.unanswered(trouble, PROBE_SILENCES, now),
            Heard::Unsent(_) | Heard::Barred(_) => return,
        };
        let acks = ack::rows(&reply).unwrap_or_default();
        let unmapped = |id: &str| {
            acks.get(id)
                .is_some_and(|ack| ack.success && ack.stored.as_ref().is_some_and(Vec::is_empty))
        };
        if !unmapped(&request::control(&keys[0].id)) {
            // Even for an execution that nobody has, central does not answer as it should.
            self.results.probe = Probe::Unsound;
            return;
        }
        self.results.probe = Probe::Sound;
        self.results.probe_failures = 0;
        let mut changes = Vec::new();
        for doubt in self.take(&keys) {
            match acks.get(&doubt.key.id) {
                Some(ack) if !ack.success => changes.push(self.acknowledgement(&doubt.key)),
                Some(_) if unmapped(&doubt.key.id) => {
                    changes.extend(self.unmapped(doubt, now));
                }
                Some(ack) if ack.stored.is_some() => {
                    // Rows are stored for mapped executions alone; but then the probe is not silent.
                    changes.push(self.acknowledgement(&doubt.key));
                    self.results.probe = Probe::Unsound;
                    self.ending.probe_stored = true;
                    let reason = "central stored a probe (event BOXSYNC_PROBE) as a log row; it will not be probed again";
                    self.complain("central.probe_stored", reason.into());
                }
                _ => changes.push(self.unconfirmed(&doubt.key)),
            }
        }
        self.note(changes);
    }

    /// A probe brought nothing. After `most` of them the doubts are left, and what is owed beside them goes on.
    fn unanswered(&mut self, trouble: Trouble, most: u32, now: Now) {
        self.results.probe_failures += 1;
        if self.results.probe_failures >= most {
            // They stay `sending`: the next run asks again.
            self.results.doubts.clear();
            self.results.follow.give_up();
            self.find(trouble);
        } else if self.pause.is_none() {
            self.pause = Some(now.after(super::QUICK));
        }
    }

    /// The doubts that were asked about.
    fn take(&mut self, keys: &[Key]) -> Vec<Doubt> {
        let (asked, rest): (Vec<_>, _) = self
            .results
            .doubts
            .drain(..)
            .partition(|doubt| keys.contains(&doubt.key));
        self.results.doubts = rest.into();
        asked
    }

    fn unmapped(&mut self, mut doubt: Doubt, now: Now) -> Option<Change> {
        if let Some(reason) = doubt.failed {
            let change = self.failure(&doubt.key, reason.clone());
            self.results.failed.push((doubt.key, reason));
            self.results.streak += 1;
            return Some(change);
        }
        if now.mono >= doubt.settled.mono {
            self.results.lone.push_back(doubt.key);
        } else {
            // It may become mapped any moment; asking is cheap, waiting is not.
            let soon = now.after((self.plan.settle / 4).max(super::QUICK));
            doubt.probe = soon.min(doubt.settled);
            self.results.doubts.push_back(doubt);
        }
        None
    }

    /// Doubts that cannot be resolved, as the probe says nothing.
    pub(super) fn unprobed(&mut self) -> Vec<Change> {
        if self.results.probe != Probe::Unsound {
            return Vec::new();
        }
        let doubts: Vec<Doubt> = self.results.doubts.drain(..).collect();
        doubts
            .iter()
            .map(|doubt| self.unconfirmed(&doubt.key))
            .collect()
    }

    fn unconfirmed(&mut self, key: &Key) -> Change {
        let reason = format!(
            "whether central holds the result of {} cannot be known: its answer to the probe is not the one of TAO 2022.11. \
             Look for the execution on central; `results retry` asks again, `results export` gives the result to a person",
            key.id
        );
        self.complain("results.unconfirmed", reason.clone());
        Change {
            reason: Some(finding("results.unconfirmed", reason)),
            ..self.change(key, State::Unconfirmed)
        }
    }

    fn acknowledgement(&mut self, key: &Key) -> Change {
        self.ending.count.results.acknowledged += 1;
        self.change(key, State::Acknowledged)
    }

    fn refusal(&mut self, key: &Key, reason: Finding) -> Change {
        self.ending.count.results.refused += 1;
        self.complain(
            &reason.code,
            format!("result of {}: {}", key.id, reason.reason),
        );
        Change {
            reason: Some(reason),
            ..self.change(key, State::Refused)
        }
    }

    /// Central took a result: it is well, and what failed before it failed by itself.
    fn accepted(&mut self, changes: &mut Vec<Change>) {
        self.results.streak = 0;
        for (key, reason) in std::mem::take(&mut self.results.failed) {
            let change = self.refusal(&key, reason);
            changes.push(change);
        }
        self.follow_proven(changes);
    }

    /// Whether an earlier content of the same execution is still on its way.
    fn comes_later(&self, key: &Key) -> bool {
        self.editions(Kind::Results, &key.id)
            .take_while(|(other, _)| other.edition < key.edition)
            .any(|(_, entry)| !matches!(entry.state, State::Acknowledged | State::Refused))
    }
}

fn alone(key: Key, logged: bool) -> Job {
    Job::Results {
        keys: vec![key],
        logged,
    }
}

/// Which variables failed in this run, by item.
type Failed = BTreeSet<(Key, u32)>;
