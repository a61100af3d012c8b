//! A result of an execution that central knows already: its new variables, one by one (second table of `spool`).
//! Never sends a variable that central acknowledged; never takes `success 0` for a failure when it may mean "held".
//! Called by the machine of `spool`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::request::{self, Heard};
use super::super::{Change, Key, Loaded, Part, Sending, State, finding};
use super::{Failed, Job};
use crate::api::ack;
use crate::report::Finding;
use crate::words::Now;

/// One variable on its way.
#[derive(Debug)]
pub(in super::super) struct Follow {
    pub(in super::super) key: Key,
    /// Which variable; `None` for the entry without variables.
    part: Option<u32>,
    /// It was sent before and the answer is not known.
    doubt: bool,
    /// The entry without variables that shows whether the storage works.
    check: bool,
}

/// The results that are sent in parts.
#[derive(Debug, Default)]
pub(super) struct Queue {
    queue: VecDeque<Key>,
    /// Central may be at them until then.
    wait: BTreeMap<Key, Now>,
    /// A variable that got `success 0` and may be held.
    check: Option<(Key, u32)>,
    /// Failed in this run, each with its reason until it is refused.
    failed: Failed,
    unproven: Vec<(Key, u32, Finding)>,
    /// Variables that central died on once in this run.
    died: Failed,
    /// Items of which an entry was accepted in this run.
    touched: BTreeSet<Key>,
}

impl Queue {
    pub(super) fn enter(&mut self, key: Key, settled: Option<Now>) {
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
                check: true,
            });
        }
        let queue = &self.results.follow;
        let ready = |key: &Key| {
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
            check: false,
        })
    }

    pub(in super::super) fn mark_follow(
        &mut self,
        mut follow: Follow,
        item: Option<Loaded>,
        now: Now,
    ) {
        let Some(item) = item else { return };
        if !item.others.mapped && !item.ledger.parts.iter().any(|(_, p)| *p == Part::Stored) {
            return self.first_after_all(follow.key, item.ledger.state, now);
        }
        let mut change = Change {
            attempts: 1,
            ..self.change(&follow.key, State::Sending)
        };
        if !follow.check {
            let held = held(&item);
            let failed = &self.results.follow.failed;
            let open = |index: &u32| {
                !held.contains(index) && !failed.contains(&(follow.key.clone(), *index))
            };
            let of = |wanted: Part| {
                (0u32..)
                    .zip(&item.ledger.parts)
                    .filter(move |(_, (_, part))| *part == wanted)
                    .map(|(index, _)| index)
            };
            let next = of(Part::Flying).chain(of(Part::Owed)).find(open);
            follow.doubt = next.is_some_and(|at| item.ledger.parts[at as usize].1 == Part::Flying);
            follow.part = next;
            change.parts = held.iter().map(|at| (*at, Part::Stored)).collect();
            if next.is_none() && self.settled(&follow.key, &item) {
                return self.finish(&follow.key, &item, change);
            }
        }
        let variable = match follow.part {
            Some(at) if !follow.check => Some(at as usize),
            _ => None,
        };
        let payload = match request::single(&item.payload, variable) {
            Ok(payload) => payload,
            Err(error) => {
                let reason = format!(
                    "the kept result of {} cannot be read: {error}",
                    follow.key.id
                );
                return self.complain("results.unreadable", reason);
            }
        };
        if let (Some(at), false) = (follow.part, follow.check) {
            change.parts.push((at, Part::Flying));
        }
        let entry = [(follow.key.id.as_str(), payload.as_slice())];
        let params = request::params(&self.plan.params, false);
        let call = request::results(entry.into_iter(), &params);
        self.mark(Job::Follow(follow), call, vec![change]);
    }

    /// Its earlier contents were refused whole: central does not know the execution, this is its first entry.
    fn first_after_all(&mut self, key: Key, state: State, now: Now) {
        if matches!(state, State::Sending | State::Unconfirmed) {
            let settled = now.after(self.plan.settle);
            self.results.doubt(key, now, settled, None);
        } else {
            self.results.lone.push_back(key);
        }
    }

    /// Whether central has heard of this content: if no variable told it the new state, an empty entry must.
    fn settled(&self, key: &Key, item: &Loaded) -> bool {
        let own = item
            .ledger
            .parts
            .iter()
            .any(|(_, part)| matches!(part, Part::Refused | Part::Stored));
        own || self.results.follow.touched.contains(key)
            || self.results.follow.failed.iter().any(|(of, _)| of == key)
    }

    /// Every variable has been tried.
    fn finish(&mut self, key: &Key, item: &Loaded, change: Change) {
        let unproven = self
            .results
            .follow
            .unproven
            .iter()
            .find(|(of, ..)| of == key);
        if let Some((_, _, reason)) = unproven {
            let failure = self.failure(key, reason.clone());
            return self.note(vec![Change {
                parts: change.parts,
                ..failure
            }]);
        }
        let refused = item
            .ledger
            .parts
            .iter()
            .any(|(_, part)| *part == Part::Refused);
        let end = if refused {
            let reason = item.ledger.reason.clone();
            let reason = reason.unwrap_or_else(|| {
                finding(
                    "results.rejected",
                    "central does not take some of its variables",
                )
            });
            self.refusal(key, reason)
        } else {
            self.acknowledgement(key)
        };
        self.note(vec![Change {
            parts: change.parts,
            ..end
        }]);
    }

    pub(in super::super) fn follow_answered(&mut self, follow: Follow, heard: Heard, now: Now) {
        if follow.check {
            return self.checked(follow, heard);
        }
        let Follow {
            key, part, doubt, ..
        } = follow;
        match heard {
            Heard::Answer(reply) => {
                let acks = ack::entries(&reply).unwrap_or_default();
                match (acks.get(&key.id), part) {
                    (Some(true), _) => self.part_stored(key, part),
                    (Some(false), Some(at)) if !doubt => {
                        let reason = "central answered `success 0` to a variable that it never saw";
                        self.part_failed(
                            key,
                            at,
                            finding("results.not_stored", reason),
                            Part::Owed,
                        );
                    }
                    (Some(false), Some(at)) => self.results.follow.check = Some((key, at)),
                    // Nothing of the variable is known: it stays flying, the next run goes on here.
                    _ => {}
                }
            }
            Heard::TooLong(trouble) => {
                let reason = finding("results.too_long", trouble.reason);
                let mut change = self.change(&key, State::Queued);
                change.parts.extend(part.map(|at| (at, Part::Refused)));
                change.reason = Some(reason);
                self.results.follow.queue.push_front(key);
                self.note(vec![change]);
            }
            Heard::Rejected(trouble) => match part {
                Some(at) if !self.results.follow.died.insert((key.clone(), at)) => {
                    let reason = finding("results.rejected", trouble.reason);
                    self.part_failed(key, at, reason, Part::Flying);
                }
                Some(_) => self.results.follow.queue.push_front(key),
                None => {
                    let reason = finding("results.rejected", trouble.reason);
                    let change = self.failure(&key, reason);
                    self.note(vec![change]);
                }
            },
            Heard::Lost(_) => {
                if self.lost(&key) {
                    let settled = now.after(self.plan.settle);
                    self.results.follow.enter(key, Some(settled));
                }
            }
            Heard::Unsent(_) | Heard::Barred(_) => {
                let (state, before) = if doubt {
                    (State::Sending, Part::Flying)
                } else {
                    (State::Queued, Part::Owed)
                };
                let mut change = self.change(&key, state);
                change.parts.extend(part.map(|at| (at, before)));
                self.results.follow.queue.push_front(key);
                self.note(vec![change]);
            }
        }
    }

    fn part_stored(&mut self, key: Key, part: Option<u32>) {
        let mut change = self.change(&key, State::Queued);
        change.parts.extend(part.map(|at| (at, Part::Stored)));
        let mut changes = vec![change];
        self.results.follow.touched.insert(key.clone());
        self.results.follow.queue.push_front(key);
        // An entry without variables stores none: it proves nothing about those that failed.
        if part.is_some() {
            self.accepted(&mut changes);
        }
        self.note(changes);
    }

    /// `after`: whether central may hold it all the same.
    fn part_failed(&mut self, key: Key, at: u32, reason: Finding, after: Part) {
        let state = if after == Part::Flying {
            State::Sending
        } else {
            State::Queued
        };
        let mut change = self.change(&key, state);
        change.parts.push((at, after));
        change.reason = Some(reason.clone());
        self.results.streak += 1;
        let queue = &mut self.results.follow;
        queue.failed.insert((key.clone(), at));
        queue.unproven.push((key.clone(), at, reason));
        queue.queue.push_front(key);
        self.note(vec![change]);
    }

    /// The entry without variables was answered: `success 1` shows that the storage works, so the variable that got
    /// `success 0` is held.
    fn checked(&mut self, follow: Follow, heard: Heard) {
        let works = match heard {
            Heard::Answer(reply) => {
                ack::entries(&reply).is_ok_and(|acks| acks.get(&follow.key.id) == Some(&true))
            }
            _ => false,
        };
        if let (true, Some(at)) = (works, follow.part) {
            let mut change = self.change(&follow.key, State::Queued);
            change.parts.push((at, Part::Stored));
            self.results.follow.touched.insert(follow.key.clone());
            self.results.follow.queue.push_front(follow.key);
            self.note(vec![change]);
        }
    }

    /// Central is well: the variables that failed before are refused, and their items can end.
    pub(super) fn follow_proven(&mut self, changes: &mut Vec<Change>) {
        for (key, at, reason) in std::mem::take(&mut self.results.follow.unproven) {
            let mut change = self.change(&key, State::Queued);
            change.parts.push((at, Part::Refused));
            change.reason = Some(reason);
            changes.push(change);
            if !self.results.follow.queue.contains(&key) {
                self.results.follow.queue.push_back(key);
            }
        }
    }
}

/// Variables that central holds through other items of the execution.
fn held(item: &Loaded) -> Vec<u32> {
    (0..)
        .zip(&item.ledger.parts)
        .filter(|(_, (print, part))| *part == Part::Owed && item.others.stored.contains(print))
        .map(|(index, _)| index)
        .collect()
}
