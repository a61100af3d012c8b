//! Test sessions after their results and logs, LTI users where configured: both at least once (protocol 8.2, 8.3).
//! Never sends a session whose execution still owes anything; never takes silence for an acknowledgement, nor what
//! central says of its own trouble for the session's fault.
//! Called by the machine of `spool`.

use std::collections::{BTreeSet, VecDeque};

use super::request::{self, RequestOutcome};
use super::trial::ItemTrial;
use super::{
    ItemKey, ItemState, Job, LedgerChange, Loaded, OwedItem, Sending, finding, known, put_back,
};
use crate::api::{Call, ack};
use crate::fault::Finding;
use crate::fault::{Code, Id, ItemCause};
use crate::intake::ItemKind;
use crate::words::Now;

/// Failures in a row after which central is taken for sick.
const STREAK: u32 = 3;

/// Sessions or users of a pass.
#[derive(Debug, Default)]
pub(super) struct SessionQueue {
    pub(super) queue: VecDeque<ItemKey>,
    /// Sent before, the answer was lost.
    doubts: BTreeSet<ItemKey>,
    /// Items that go alone, as a request of several failed.
    solo: BTreeSet<ItemKey>,
    /// Got an empty 500 alone, behind one that was accepted; convicted once another one is.
    failed: Vec<(ItemKey, Finding, ItemTrial)>,
    streak: u32,
    /// One was accepted, and nothing but suspects went wrong since.
    well: bool,
}

impl SessionQueue {
    pub(super) fn enter(&mut self, item: &OwedItem) {
        if matches!(item.state, ItemState::Sending | ItemState::Unconfirmed) {
            self.doubts.insert(item.key.clone());
        }
        self.queue.push_back(item.key.clone());
    }

    pub(super) fn void(&mut self) {
        self.well = false;
        self.failed.clear();
    }

    fn requeue(&mut self, keys: Vec<ItemKey>) {
        for key in keys.into_iter().rev() {
            self.queue.push_front(key);
        }
    }
}

impl Sending {
    pub(super) fn next_sessions(&mut self) -> Option<Job> {
        if self.sessions.streak >= STREAK {
            return None;
        }
        let (mut keys, mut passed) = (Vec::<ItemKey>::new(), Vec::new());
        let mut closed = false;
        // What stands behind a full request is not looked at: 30,000 wait for 3,000 requests.
        while let Some(key) = (!closed).then(|| self.sessions.queue.pop_front()).flatten() {
            let owes = |kind| self.pending(kind, &key.id);
            let alone = self.sessions.solo.contains(&key);
            let again = keys.iter().any(|other| other.id == key.id);
            let waits = again || (alone && !keys.is_empty());
            if waits || owes(ItemKind::Results) || owes(ItemKind::Logs) {
                passed.push(key);
                continue;
            }
            keys.push(key);
            closed = alone || keys.len() >= self.chunk;
        }
        put_back(&mut self.sessions.queue, passed);
        (!keys.is_empty()).then_some(Job::Sessions(keys))
    }

    pub(super) fn mark_sessions(&mut self, keys: Vec<ItemKey>) {
        let lane = &self.sessions;
        let again = |key: &ItemKey| lane.doubts.contains(key) || lane.solo.contains(key);
        let params = request::params(&self.plan.params, !keys.iter().any(again));
        let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
        self.ending.count.sessions.doubled += self.sessions_again(&keys);
        let changes = keys.iter().map(|key| self.sent(key)).collect();
        self.mark(Job::Sessions(keys), Call::sessions(&ids, &params), changes);
    }

    /// Sessions that central may have been told already.
    pub(super) fn sessions_again(&self, keys: &[ItemKey]) -> u64 {
        let again = keys
            .iter()
            .filter(|key| self.sessions.doubts.contains(*key) || self.may_be_held(&key.id));
        again.count() as u64
    }

    pub(super) fn sessions_answered(
        &mut self,
        keys: Vec<ItemKey>,
        heard: RequestOutcome,
        now: Now,
    ) {
        let mut changes = Vec::new();
        match heard {
            RequestOutcome::Answer(reply) => {
                let acks = ack::entries(&reply).unwrap_or_default();
                let mut accepted = false;
                for key in keys {
                    match acks.get(&key.id) {
                        Some(true) => {
                            accepted = true;
                            self.ending.count.sessions.acknowledged += 1;
                            let change = self.taken(&key);
                            self.record(&mut changes, change);
                        }
                        Some(false) => {
                            let reason = finding(Code::SessionsFailed, ItemCause::SessionFailed);
                            self.sessions.streak += 1;
                            self.sessions.void();
                            let change = self.stumble(&key, reason, now);
                            self.record(&mut changes, change);
                        }
                        // Not named: it stays `sending`, the next run sends it again.
                        None => {}
                    }
                }
                if accepted {
                    self.sessions_proven(&mut changes, now);
                }
            }
            RequestOutcome::Rejected(_)
            | RequestOutcome::Failed(_)
            | RequestOutcome::TooLong(_)
                if keys.len() > 1 =>
            {
                self.sessions.doubts.extend(keys.iter().cloned());
                self.sessions.solo.extend(keys.iter().cloned());
                self.sessions.requeue(keys);
            }
            RequestOutcome::Rejected(trouble) => {
                for key in keys {
                    let reason = finding(Code::SessionsRejected, trouble.cause.clone());
                    self.session_failed(&mut changes, key, reason, now);
                }
            }
            RequestOutcome::Failed(_) | RequestOutcome::TooLong(_) => {
                for key in keys {
                    self.sessions.streak += 1;
                    let reason = finding(Code::CentralError, ItemCause::FailedAlone);
                    let change = self.stumble(&key, reason, now);
                    self.record(&mut changes, change);
                }
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                for key in &keys {
                    let state = if self.sessions.doubts.contains(key) {
                        ItemState::Sending
                    } else {
                        ItemState::Queued
                    };
                    let change = self.change(key, state);
                    self.record(&mut changes, change);
                }
                self.sessions.requeue(keys);
            }
            RequestOutcome::Lost(_) => {
                self.sessions.doubts.extend(keys.iter().cloned());
                let again = keys.into_iter().filter(|key| self.lost(key)).collect();
                self.sessions.requeue(again);
            }
        }
        self.emit(changes);
    }

    fn session_failed(
        &mut self,
        changes: &mut Vec<LedgerChange>,
        key: ItemKey,
        reason: Finding,
        now: Now,
    ) {
        self.sessions.streak += 1;
        let before = self.entries.get(&key).map(|entry| entry.trial);
        let before = before.unwrap_or_default();
        let change = self.stumble(&key, reason.clone(), now);
        self.record(changes, change);
        if !self.sessions.failed.is_empty() {
            // Two in a row, and none that was completed between them.
            self.sessions.void();
        }
        if self.sessions.well && !before.refused {
            self.sessions.failed.push((key, reason, before));
        }
    }

    /// Central completed another one: what failed since the last one fails by itself.
    fn sessions_proven(&mut self, changes: &mut Vec<LedgerChange>, now: Now) {
        self.sessions.streak = 0;
        self.sessions.well = true;
        for (key, reason, before) in std::mem::take(&mut self.sessions.failed) {
            let trial = before.convicted(self.plan.refuse_after, now);
            let state = match trial.refused {
                true => ItemState::Refused,
                false => ItemState::Queued,
            };
            if trial.refused {
                self.ending.count.sessions.refused += 1;
                let (id, why) = (Id::from(&key.id), Box::new(reason.cause.clone()));
                self.complain(known(&reason), ItemCause::OfSession { id, why });
            }
            let change = LedgerChange {
                reason: Some(reason),
                trial,
                ..self.change(&key, state)
            };
            self.record(changes, change);
        }
    }

    pub(super) fn next_users(&mut self) -> Option<Job> {
        let mut keys = Vec::new();
        let mut bytes = 0;
        while let Some(key) = self.users.queue.front() {
            bytes += self.entries.get(key).map_or(0, |entry| entry.size);
            if keys.len() >= self.chunk || (!keys.is_empty() && bytes > self.plan.chunk_bytes) {
                break;
            }
            keys.extend(self.users.queue.pop_front());
        }
        (!keys.is_empty()).then_some(Job::Users(keys))
    }

    pub(super) fn mark_users(&mut self, items: &[Loaded]) {
        if items.is_empty() {
            return;
        }
        let keys: Vec<ItemKey> = items.iter().map(|item| item.ledger.key.clone()).collect();
        let again = keys.iter().any(|key| self.users.doubts.contains(key));
        let params = request::params(&self.plan.params, !again);
        let payloads = items.iter().map(|item| item.payload.as_slice());
        let call = request::lti_users(payloads, &params);
        let changes = keys.iter().map(|key| self.sent(key)).collect();
        self.mark(Job::Users(keys), call, changes);
    }

    pub(super) fn users_answered(&mut self, keys: Vec<ItemKey>, heard: RequestOutcome, now: Now) {
        let mut changes = Vec::new();
        match heard {
            RequestOutcome::Answer(_) => {
                for key in &keys {
                    changes.push(self.taken(key));
                }
            }
            RequestOutcome::Rejected(trouble)
            | RequestOutcome::Failed(trouble)
            | RequestOutcome::TooLong(trouble) => {
                // No public central has the service (protocol 8.2): one request tells, the others wait with it.
                let cause = match trouble.code {
                    Code::CentralTooLong => trouble.cause,
                    _ => ItemCause::NoUsers.into(),
                };
                for key in keys.into_iter().chain(self.users.queue.split_off(0)) {
                    let reason = finding(Code::LtiUsersUnsupported, cause.clone());
                    changes.push(self.stumble(&key, reason, now));
                }
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                for key in &keys {
                    changes.push(self.unsent(key));
                }
                self.users.requeue(keys);
            }
            RequestOutcome::Lost(_) => {
                self.users.doubts.extend(keys.iter().cloned());
                let again = keys.into_iter().filter(|key| self.lost(key)).collect();
                self.users.requeue(again);
            }
        }
        self.note(changes);
    }
}
