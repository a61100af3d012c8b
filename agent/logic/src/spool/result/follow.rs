//! A result of an execution that central knows already: its new variables, one by one (second table of `spool`).
//! Never sends a variable that central acknowledged; never takes `success 0` for a failure when it may mean "held".
//! Called by the machine of `spool`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::request::{self, RequestOutcome};
use super::super::trial::{BootTime, ItemTrial};
use super::super::{ItemKey, ItemState, LedgerChange, Loaded, PartState, Sending, finding};
use super::{Failed, Job, witness};
use crate::api::ack;
use crate::fault::Finding;
use crate::fault::{Code, Id, ItemCause, Unknown};
use crate::words::Now;

/// One variable on its way.
#[derive(Debug)]
pub(in super::super) struct Follow {
    pub(in super::super) key: ItemKey,
    /// Which variable; `None` for the entry without variables.
    part: Option<u32>,
    /// It was sent before and the answer is not known.
    doubt: bool,
    /// It stands accused.
    accused: bool,
    /// The entry without variables that shows whether the storage works.
    check: bool,
}

/// The results that are sent in parts.
#[derive(Debug, Default)]
pub(super) struct FollowQueue {
    queue: VecDeque<ItemKey>,
    /// Central may be at them until then.
    wait: BTreeMap<ItemKey, Now>,
    /// A variable that got `success 0` and may be held.
    check: Option<(ItemKey, u32)>,
    /// Failed in this run: not sent again in it.
    failed: Failed,
    /// Between two witnesses as soon as the next one is taken.
    unproven: Vec<Unproven>,
    /// Variables that central died on once in this run.
    died: Failed,
    /// The execution of one of them, which the probe is asked about before it goes again: a central that is down for a
    /// moment is down for the probe too.
    vouch: Option<String>,
    /// Items of which an entry was accepted in this run.
    touched: BTreeSet<ItemKey>,
}

/// A variable that got an empty 500 alone, twice, behind a witness.
#[derive(Debug)]
struct Unproven {
    key: ItemKey,
    part: u32,
    reason: Finding,
    accused: bool,
    /// What its item had been through before.
    before: ItemTrial,
}

impl FollowQueue {
    pub(super) fn waits_for_witness(&self) -> bool {
        !self.unproven.is_empty()
    }

    pub(super) fn void(&mut self) {
        self.unproven.clear();
    }

    pub(super) fn first(&self) -> Option<&ItemKey> {
        self.queue.front()
    }

    pub(super) fn vouch(&mut self) -> Option<String> {
        self.vouch.take()
    }

    pub(super) fn enter(&mut self, key: ItemKey, settled: Option<Now>) {
        if let Some(settled) = settled {
            self.wait.insert(key.clone(), settled);
        }
        self.queue.push_back(key);
    }

    pub(super) fn waits(&self) -> impl Iterator<Item = Now> {
        self.queue
            .iter()
            .filter_map(|key| self.wait.get(key).copied())
    }

    pub(super) fn holds(&self, key: &ItemKey) -> bool {
        let checked = self.check.as_ref().is_some_and(|(of, _)| of == key);
        checked || self.queue.contains(key)
    }

    /// Nothing more of it goes in this run.
    pub(super) fn leave(&mut self, key: &ItemKey) {
        self.queue.retain(|other| other != key);
        self.check.take_if(|(of, _)| of == key);
        self.unproven.retain(|unproven| unproven.key != *key);
    }

    pub(super) fn give_up(&mut self) {
        self.queue.clear();
        self.check = None;
    }
}

impl Sending {
    pub(super) fn next_follow(&mut self, now: Now) -> Option<Follow> {
        if let Some((key, index)) = self.results.follow.check.take() {
            return Some(Follow {
                key,
                part: Some(index),
                doubt: true,
                accused: false,
                check: true,
            });
        }
        let queue = &self.results.follow;
        let ready = |key: &ItemKey| {
            let waits = queue.wait.get(key).is_some_and(|at| at.mono > now.mono);
            !waits && !self.comes_later(key)
        };
        let at = queue.queue.iter().position(ready)?;
        let key = self.results.follow.queue.remove(at)?;
        self.results.follow.wait.remove(&key);
        Some(Follow {
            key,
            part: None,
            doubt: false,
            accused: false,
            check: false,
        })
    }

    pub(in super::super) fn mark_follow(
        &mut self,
        mut follow: Follow,
        item: Option<Loaded>,
        now: Now,
    ) {
        let Some(mut item) = item else { return };
        // Only what central knows is sent in parts.
        if !item.others.mapped && item.ledger.parts.iter().all(|(_, p)| *p == PartState::Owed) {
            return self.first_after_all(follow.key, item.ledger.state, now);
        }
        let mut change = self.sent(&follow.key);
        change.parts = sent_whole(&mut item);
        if !follow.check {
            let held = held(&item);
            let failed = &self.results.follow.failed;
            let open = |index: &u32| {
                !held.contains(index) && !failed.contains(&(follow.key.clone(), *index))
            };
            let of = |wanted: PartState| {
                (0u32..)
                    .zip(&item.ledger.parts)
                    .filter(move |(_, (_, part))| *part == wanted)
                    .map(|(index, _)| index)
            };
            // What stands accused goes last, so that the others may be its witnesses.
            let next = of(PartState::Flying)
                .chain(of(PartState::Owed))
                .chain(of(PartState::Accused))
                .find(open);
            let stands = next.map(|at| item.ledger.parts[at as usize].1);
            follow.accused = stands == Some(PartState::Accused);
            // Another state of this box may have sent it. Without a sign of one, `success 0` is the storage's: a
            // variable that it never takes must not be read as held.
            let again = self.is_doubtful() && stands.is_some();
            follow.doubt = again || follow.accused || stands == Some(PartState::Flying);
            if follow.doubt && !self.plan.takes_none_twice() {
                let held = held.iter().map(|at| (*at, PartState::Stored));
                change.parts.extend(held);
                let open = self.unknowable(&follow.key, Unknown::Twice);
                return self.note(vec![LedgerChange {
                    parts: change.parts,
                    ..open
                }]);
            }
            follow.part = next;
            change
                .parts
                .extend(held.iter().map(|at| (*at, PartState::Stored)));
            if next.is_none() && self.settled(&follow.key, &item) {
                return self.finish(&follow.key, &item, change, now);
            }
        }
        let variable = match follow.part {
            Some(at) if !follow.check => Some(at as usize),
            _ => None,
        };
        let payload = match request::single(&item.payload, variable) {
            Ok(payload) => payload,
            Err(why) => {
                let id = Id::from(&follow.key.id);
                let cause = ItemCause::ResultUnreadable { id, why };
                return self.complain(Code::ResultsUnreadable, cause);
            }
        };
        if let (Some(at), false, false) = (follow.part, follow.check, follow.accused) {
            change.parts.push((at, PartState::Flying));
        }
        let entry = [(follow.key.id.as_str(), payload.as_slice())];
        let params = request::params(&self.plan.params, false);
        let call = request::results(entry.into_iter(), &params);
        self.mark(Job::Follow(follow), call, vec![change]);
    }

    /// Central knows the execution, and perhaps not all of its variables: each may be held. Written down as such, so that
    /// the next run goes on here and not by the mapping alone.
    pub(super) fn apart(&mut self, key: ItemKey) -> LedgerChange {
        let owed = self.entries.get(&key).map_or(0, |entry| entry.owed);
        if owed == 0 {
            return self.acknowledgement(&key);
        }
        let parts = (0..owed).map(|at| (at, PartState::Flying)).collect();
        if !self.plan.takes_none_twice() {
            return LedgerChange {
                parts,
                ..self.unknowable(&key, Unknown::Twice)
            };
        }
        let change = LedgerChange {
            parts,
            ..self.change(&key, ItemState::Sending)
        };
        self.results.follow.enter(key, None);
        change
    }

    /// Its earlier contents were refused whole: central does not know the execution, this is its first entry.
    fn first_after_all(&mut self, key: ItemKey, state: ItemState, now: Now) {
        if matches!(state, ItemState::Sending | ItemState::Unconfirmed) {
            let settled = now.after(self.plan.settle);
            self.results.doubt(key, now, settled, None);
        } else if self.plan.probe_first {
            let settled = self.plan.unmarked_until(now).unwrap_or(now);
            self.results.doubt(key, now, settled, None);
            if let Some(doubt) = self.results.doubts.back_mut() {
                doubt.partial = true;
            }
        } else {
            self.results.lone.push_back(key);
        }
    }

    /// Whether central has heard of this content: if no variable told it the new state, an empty entry must.
    fn settled(&self, key: &ItemKey, item: &Loaded) -> bool {
        let own = item
            .ledger
            .parts
            .iter()
            .any(|(_, part)| matches!(part, PartState::Refused | PartState::Stored));
        own || self.results.follow.touched.contains(key)
            || self.results.follow.failed.iter().any(|(of, _)| of == key)
    }

    /// Every variable has been tried.
    fn finish(&mut self, key: &ItemKey, item: &Loaded, change: LedgerChange, now: Now) {
        let parts = &item.ledger.parts;
        let end = if parts.iter().any(|(_, part)| part.is_owed())
            && self.results.follow.failed.iter().any(|(of, _)| of == key)
        {
            // Some failed in this run, and what they have been through is written down.
            let state = match item.ledger.trial.refused {
                true => ItemState::Refused,
                false => ItemState::Queued,
            };
            self.change(key, state)
        } else if parts.iter().any(|(_, part)| *part == PartState::Refused) {
            let again = self.change(key, ItemState::Refused);
            match again.trial.refused {
                true => again,
                false => {
                    let reason = item.ledger.reason.clone();
                    let reason = reason.unwrap_or_else(witness::refused_parts);
                    self.refusal(key, reason, again.trial.refuse(now))
                }
            }
        } else {
            self.acknowledgement(key)
        };
        self.note(vec![LedgerChange {
            parts: change.parts,
            ..end
        }]);
    }

    pub(in super::super) fn follow_answered(
        &mut self,
        follow: Follow,
        heard: RequestOutcome,
        now: Now,
    ) {
        if follow.check {
            return self.checked(follow, heard);
        }
        let Follow {
            key,
            part,
            doubt,
            accused,
            ..
        } = follow;
        let before = match (accused, doubt) {
            (true, _) => PartState::Accused,
            (_, true) => PartState::Flying,
            _ => PartState::Owed,
        };
        match heard {
            RequestOutcome::Answer(reply) => {
                let acks = ack::entries(&reply).unwrap_or_default();
                match (acks.get(&key.id), part) {
                    (Some(true), _) => self.part_stored(key, part, now),
                    (Some(false), Some(at)) if !doubt => {
                        let reason = finding(Code::ResultsNotStored, ItemCause::VariableNotStored);
                        self.void();
                        // Were it taken for perhaps stored, the next `success` 0 would be read as "held", and a
                        // variable that the storage never takes would be lost.
                        self.part_troubled(key, Some((at, PartState::Owed)), reason, now);
                    }
                    (Some(false), Some(at)) => self.results.follow.check = Some((key, at)),
                    // Nothing of the variable is known: it stays flying, the next run goes on here.
                    _ => {}
                }
            }
            RequestOutcome::TooLong(trouble) => {
                let reason = finding(Code::ResultsTooLong, trouble.cause);
                let part = part.map(|at| (at, before));
                self.part_troubled(key, part, reason, now);
            }
            RequestOutcome::Rejected(trouble) => match part {
                Some(at) if !self.results.follow.died.insert((key.clone(), at)) => {
                    let reason = finding(Code::ResultsRejected, trouble.cause);
                    self.part_failed(key, at, reason, accused, now);
                }
                Some(_) => {
                    self.results.follow.vouch = Some(key.id.clone());
                    self.results.follow.queue.push_front(key);
                }
                None => {
                    let reason = finding(Code::ResultsRejected, trouble.cause);
                    self.part_troubled(key, None, reason, now);
                }
            },
            RequestOutcome::Failed(_) => {
                // It may be stored: central failed after it, or before.
                let after = if accused {
                    PartState::Accused
                } else {
                    PartState::Flying
                };
                let part = part.map(|at| (at, after));
                let reason = finding(Code::CentralError, ItemCause::FailedAlone);
                self.part_troubled(key, part, reason, now);
            }
            RequestOutcome::Lost(_) => {
                let change = self.lost_now(std::slice::from_ref(&key), BootTime::of(now));
                if self.lost(&key) {
                    let settled = now.after(self.plan.settle);
                    self.results.follow.enter(key, Some(settled));
                }
                self.note(change);
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                let state = if doubt {
                    ItemState::Sending
                } else {
                    ItemState::Queued
                };
                let mut change = self.change(&key, state);
                change.parts.extend(part.map(|at| (at, before)));
                self.results.follow.queue.push_front(key);
                self.note(vec![change]);
            }
        }
    }

    fn part_stored(&mut self, key: ItemKey, part: Option<u32>, now: Now) {
        let mut change = self.change(&key, ItemState::Queued);
        change.parts.extend(part.map(|at| (at, PartState::Stored)));
        let mut changes = vec![change];
        self.results.follow.touched.insert(key.clone());
        self.results.follow.queue.push_front(key);
        // An entry without variables stores none: it proves nothing about those that failed.
        if part.is_some() {
            self.accepted(&mut changes, now);
        }
        self.note(changes);
    }

    /// Central's trouble: `part` stands where it is said, and nothing of it is sent again in this run.
    fn part_troubled(
        &mut self,
        key: ItemKey,
        part: Option<(u32, PartState)>,
        reason: Finding,
        now: Now,
    ) {
        let mut change = self.stumble(&key, reason, now);
        self.results.streak += 1;
        if let Some((at, after)) = part {
            if after != PartState::Owed && change.state == ItemState::Queued {
                change.state = ItemState::Sending;
            }
            change.parts.push((at, after));
            self.results.follow.failed.insert((key.clone(), at));
            self.results.follow.queue.push_front(key);
        }
        self.note(vec![change]);
    }

    /// An empty 500, twice: perhaps the variable's fault.
    fn part_failed(&mut self, key: ItemKey, part: u32, reason: Finding, accused: bool, now: Now) {
        let mut change = self.stumble(&key, reason.clone(), now);
        let before = self.entries.get(&key).map(|entry| entry.trial);
        let before = before.unwrap_or_default();
        let after = match (before.refused, accused) {
            (true, _) => PartState::Refused,
            (_, true) => PartState::Accused,
            _ => PartState::Flying,
        };
        change.parts.push((part, after));
        self.results.streak += 1;
        let well = self.results.well;
        let queue = &mut self.results.follow;
        queue.failed.insert((key.clone(), part));
        queue.queue.push_front(key.clone());
        if well && !before.refused {
            queue.unproven.push(Unproven {
                key,
                part,
                reason,
                accused,
                before,
            });
        }
        self.note(vec![change]);
    }

    /// The entry without variables was answered: `success 1` shows that the storage works, so the variable that got
    /// `success 0` is held.
    fn checked(&mut self, follow: Follow, heard: RequestOutcome) {
        let works = match heard {
            RequestOutcome::Answer(reply) => {
                ack::entries(&reply).is_ok_and(|acks| acks.get(&follow.key.id) == Some(&true))
            }
            _ => false,
        };
        if let (true, Some(at)) = (works, follow.part) {
            let mut change = self.change(&follow.key, ItemState::Queued);
            change.parts.push((at, PartState::Stored));
            self.results.follow.touched.insert(follow.key.clone());
            self.results.follow.queue.push_front(follow.key);
            self.note(vec![change]);
        }
    }

    /// Central is well: the variables that failed since the last witness are convicted.
    pub(super) fn follow_proven(&mut self, changes: &mut Vec<LedgerChange>, now: Now) {
        let mut last: Option<(ItemKey, ItemTrial)> = None;
        for suspect in std::mem::take(&mut self.results.follow.unproven) {
            let Unproven {
                key,
                part,
                reason,
                accused,
                before,
            } = suspect;
            let before = match &last {
                Some((of, trial)) if *of == key => *trial,
                _ => before,
            };
            let (part_after, trial) = self.judge_part(accused, before, now);
            last = Some((key.clone(), trial));
            changes.push(LedgerChange {
                parts: vec![(part, part_after)],
                reason: Some(reason),
                trial,
                ..self.change(&key, ItemState::Queued)
            });
            // The item may be at its end now.
            if !self.results.follow.queue.contains(&key) {
                self.results.follow.queue.push_back(key);
            }
        }
    }
}

/// What was sent whole, before central knew the execution through another item, and whose answer is not known: each of
/// its variables may be held.
fn sent_whole(item: &mut Loaded) -> Vec<(u32, PartState)> {
    let parts = &mut item.ledger.parts;
    let whole =
        item.ledger.state == ItemState::Sending && parts.iter().all(|(_, p)| *p == PartState::Owed);
    let mut flying = Vec::new();
    for (at, (_, part)) in (0u32..).zip(parts).filter(|_| whole) {
        *part = PartState::Flying;
        flying.push((at, PartState::Flying));
    }
    flying
}

/// Variables that central holds through other items of the execution.
fn held(item: &Loaded) -> Vec<u32> {
    (0..)
        .zip(&item.ledger.parts)
        .filter(|(_, (print, part))| part.is_owed() && item.others.stored.contains(print))
        .map(|(index, _)| index)
        .collect()
}
