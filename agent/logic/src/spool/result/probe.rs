//! What a probe says of the results in doubt: mapped, not mapped, nothing, or what no sound probe says (protocol 7.5).
//! Never takes an answer for one as long as the control execution is not "not mapped".
//! Called by the machine of `spool`.

use super::super::request::{self, RequestOutcome};
use super::super::{ItemState, LedgerChange, Sending, finding};
use super::{Blame, ItemKey, ProbeState, UncertainResult};
use crate::api::ack;
use crate::fault::{Code, Fault, Id, ItemCause, Unknown};
use crate::words::Now;

/// Probes that central may fail on before the doubts are left to the next run.
const PROBE_FAILURES: u32 = 3;

/// Probes without a complete answer, for the same: one less than end the pass, since central may well answer to
/// results and not to probes.
const PROBE_SILENCES: u32 = super::super::SILENCE - 1;

impl Sending {
    pub(in crate::spool) fn probe_answered(
        &mut self,
        keys: Vec<ItemKey>,
        heard: RequestOutcome,
        now: Now,
    ) {
        let reply = match heard {
            RequestOutcome::Answer(reply) => reply,
            RequestOutcome::Rejected(trouble)
            | RequestOutcome::TooLong(trouble)
            | RequestOutcome::Failed(trouble) => {
                self.void();
                return self.unanswered(trouble, PROBE_FAILURES, now);
            }
            RequestOutcome::Lost(trouble) => return self.unanswered(trouble, PROBE_SILENCES, now),
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => return,
        };
        let acks = ack::rows(&reply).unwrap_or_default();
        let unmapped = |id: &str| acks.get(id).is_some_and(ack::RowsAck::is_unmapped);
        if !unmapped(&request::control(&keys[0].id)) {
            // Even for an execution that nobody has, central does not answer as it should.
            self.results.probe = ProbeState::Unsound;
            self.void();
            return self.send_unasked(true, now);
        }
        self.results.probe = ProbeState::Sound;
        self.results.probe_failures = 0;
        let mut changes = self.carried_answered(&keys, &acks, now);
        for doubt in self.take(&keys) {
            match acks.get(&doubt.key.id) {
                Some(ack) if !ack.success => changes.push(self.mapped(doubt)),
                Some(_) if unmapped(&doubt.key.id) => {
                    changes.extend(self.unmapped(doubt, now));
                }
                Some(ack) if ack.stored.is_some() => {
                    // Rows are stored for mapped executions alone; but then the probe is not silent.
                    changes.push(self.probe_stored(&doubt.key));
                }
                _ => match doubt.unsent {
                    Some(unsent) => self.send_first(doubt.key, unsent),
                    None => changes.push(self.unconfirmed(&doubt.key)),
                },
            }
        }
        self.note(changes);
    }

    pub(super) fn probe_stored(&mut self, key: &ItemKey) -> LedgerChange {
        self.results.probe = ProbeState::Unsound;
        self.ending.probe_stored = true;
        self.complain(Code::CentralProbeStored, ItemCause::ProbeStored);
        self.acknowledgement(key)
    }

    /// A probe brought nothing. After `most` of them the doubts are left, and what is owed beside them goes on.
    fn unanswered(&mut self, trouble: Fault, most: u32, now: Now) {
        self.results.probe_failures += 1;
        if self.results.probe_failures >= most {
            // They stay `sending`: the next run asks again. What was not sent yet is.
            self.send_unasked(false, now);
            self.results.doubts.clear();
            self.results.carried.clear();
            self.results.follow.give_up();
            self.find(trouble);
        } else if self.pause.is_none() {
            self.pause = Some(now.after(super::super::QUICK));
        }
    }

    /// The doubts that were asked about.
    fn take(&mut self, keys: &[ItemKey]) -> Vec<UncertainResult> {
        let (asked, rest): (Vec<_>, _) = self
            .results
            .doubts
            .drain(..)
            .partition(|doubt| keys.contains(&doubt.key));
        self.results.doubts = rest.into();
        asked
    }

    /// Central knows the execution. Where that cannot come of this item alone, its variables go one by one.
    pub(super) fn mapped(&mut self, doubt: UncertainResult) -> LedgerChange {
        if let Some(unsent) = doubt.unsent {
            self.known(unsent);
        }
        let never = doubt.unsent.is_some_and(|unsent| unsent.never);
        // It had failed for good, and further contents may have gone without a mark: then it is they that central knows.
        let failed = doubt.unsent.is_some_and(|unsent| unsent.suspect);
        let others = failed && self.editions(doubt.key.kind, &doubt.key.id).count() > 1;
        match never || doubt.partial || others {
            true if self.results.unproving => {
                let change = self.unsent(&doubt.key);
                self.results.whole.push((doubt.key, None));
                change
            }
            true => self.apart(doubt.key),
            false => self.acknowledgement(&doubt.key),
        }
    }

    fn unmapped(&mut self, mut doubt: UncertainResult, now: Now) -> Vec<LedgerChange> {
        match doubt.failed {
            Some(Blame::Item(reason)) => return vec![self.suspected(doubt.key, reason, now)],
            Some(Blame::Encrypted) => {
                // Every other plain result would meet the same, and leave an orphan each.
                self.results.sick = true;
                let reason = finding(Code::CentralEncrypted, ItemCause::Encrypted);
                let mut changes = vec![self.stumble(&doubt.key, reason, now)];
                let lone = std::mem::take(&mut self.results.lone);
                changes.extend(lone.iter().map(|key| self.unsent(key)));
                return changes;
            }
            Some(Blame::Central(reason)) => {
                self.results.streak += 1;
                return vec![self.stumble(&doubt.key, reason, now)];
            }
            None => {}
        }
        if now.mono >= doubt.settled.mono {
            match doubt.unsent {
                Some(unsent) => {
                    self.unknown(&doubt.key);
                    self.send_first(doubt.key, unsent);
                }
                None => self.results.lone.push_back(doubt.key),
            }
        } else {
            // It may become mapped any moment; asking is cheap, waiting is not.
            let soon = now.after((self.plan.settle / 4).max(super::super::QUICK));
            doubt.probe = soon.min(doubt.settled);
            self.results.doubts.push_back(doubt);
        }
        Vec::new()
    }

    /// Doubts that cannot be resolved, as the probe says nothing.
    pub(in crate::spool) fn unprobed(&mut self) -> Vec<LedgerChange> {
        if self.results.can_probe() {
            return Vec::new();
        }
        let doubts: Vec<UncertainResult> = self.results.doubts.drain(..).collect();
        doubts
            .iter()
            .map(|doubt| self.unconfirmed(&doubt.key))
            .collect()
    }

    fn unconfirmed(&mut self, key: &ItemKey) -> LedgerChange {
        self.unknowable(key, Unknown::OtherProbe)
    }

    /// Whether central holds it cannot be known, and sending it again may double it.
    pub(super) fn unknowable(&mut self, key: &ItemKey, why: Unknown) -> LedgerChange {
        let id = Id::from(&key.id);
        let cause = ItemCause::Unknowable { id, why };
        LedgerChange {
            reason: Some(finding(Code::ResultsUnconfirmed, cause)),
            ..self.change(key, ItemState::Unconfirmed)
        }
    }
}
