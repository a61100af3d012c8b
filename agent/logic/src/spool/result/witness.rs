//! Who stands between two witnesses: the rule of conviction as it is carried out (first table of `spool`).
//! Never concludes anything from a failure that no witness stands behind; never lets a witness change central.
//! Called by the machine of `spool` and by `result`.

use super::super::request::{self, RequestOutcome};
use super::super::trial::ItemTrial;
use super::super::{ItemKey, ItemState, Job, LedgerChange, PartState, Sending, finding};
use super::{STREAK, SuspectResult, alone};
use crate::api::ack;
use crate::fault::Finding;
use crate::fault::{Code, ItemCause};
use crate::words::Now;

/// What is known of an execution that can serve as a witness.
#[derive(Debug)]
pub(in super::super) enum WitnessState {
    /// Nobody was asked yet.
    Unasked,
    /// There is none, or it is not what it should be.
    None,
    /// Its id, its entry without variables, and whether the probe found it mapped: an entry for an execution that
    /// central has lost would make it anew.
    Entry {
        id: String,
        entry: Vec<u8>,
        mapped: bool,
    },
}

/// What an execution is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum WitnessVouch {
    /// It is to be the witness.
    Witness,
    /// Central died on one of its variables.
    Part,
    /// Its log rows are suspected.
    Rows,
}

impl super::ResultQueue {
    /// Whether nothing else should go before a witness.
    pub(super) fn waits_for_witness(&self) -> bool {
        !self.failed.is_empty() || self.follow.waits_for_witness() || self.streak >= STREAK
    }

    /// The next step towards the entry without variables.
    pub(super) fn seek(&self) -> Option<Job> {
        match &self.witness {
            _ if self.unproving => None,
            WitnessState::Unasked => Some(Job::Seek),
            WitnessState::Entry { mapped: true, .. } => Some(Job::Witness),
            WitnessState::Entry { id, .. } if self.can_probe() => Some(Job::Vouch {
                id: id.clone(),
                whose: WitnessVouch::Witness,
            }),
            WitnessState::Entry { .. } | WitnessState::None => None,
        }
    }
}

impl Sending {
    /// What goes alone anyway serves as a witness, as long as central is not suspected itself; else the entry without
    /// variables, which leaves nothing behind if it fails.
    pub(super) fn next_witness(&mut self) -> Option<Job> {
        let lane = &mut self.results;
        let other = |lane: &mut super::ResultQueue| {
            let lone = lane.lone.pop_front().map(|key| alone(key, false));
            lone.or_else(|| lane.fresh.pop_front().map(|key| alone(key, true)))
        };
        if lane.streak < 2
            && let Some(job) = other(lane)
        {
            return Some(job);
        }
        let entry = lane.seek();
        if entry.is_some() || lane.streak > STREAK {
            return entry;
        }
        other(lane)
    }

    pub(in super::super) fn sought(&mut self, found: Option<(String, Vec<u8>)>) {
        self.results.witness = match found {
            None => WitnessState::None,
            Some((id, entry)) => WitnessState::Entry {
                id,
                entry,
                mapped: false,
            },
        };
    }

    /// The probe of an execution that must be mapped. One that is not sound voids what stood before it.
    pub(in super::super) fn vouched(
        &mut self,
        id: &str,
        whose: WitnessVouch,
        heard: RequestOutcome,
        now: Now,
    ) {
        let acks = match heard {
            RequestOutcome::Answer(reply) => ack::rows(&reply).unwrap_or_default(),
            _ => Default::default(),
        };
        let control = acks.get(&request::control(id));
        let sound = control.is_some_and(ack::RowsAck::is_unmapped)
            && acks.get(id).is_some_and(|ack| !ack.success);
        if !sound {
            self.void();
        }
        match (whose, &mut self.results.witness) {
            (WitnessVouch::Witness, WitnessState::Entry { mapped, .. }) if sound => *mapped = true,
            (WitnessVouch::Witness, witness) => *witness = WitnessState::None,
            (WitnessVouch::Part, _) => {}
            (WitnessVouch::Rows, _) => self.rows_vouched(sound, now),
        }
    }

    pub(in super::super) fn ask_witness(&mut self, now: Now) {
        let WitnessState::Entry { id, entry, .. } = &self.results.witness else {
            return;
        };
        let params = request::params(&self.plan.params, false);
        let call = request::results([(id.as_str(), entry.as_slice())].into_iter(), &params);
        self.ask(Job::Witness, call, now);
    }

    pub(in super::super) fn witness_answered(&mut self, heard: RequestOutcome, now: Now) {
        let WitnessState::Entry { id, .. } = &self.results.witness else {
            return;
        };
        let taken = match heard {
            RequestOutcome::Answer(reply) => {
                ack::entries(&reply).is_ok_and(|acks| acks.get(id) == Some(&true))
            }
            // The line's trouble: what stood between two witnesses does so no longer; it is asked again.
            RequestOutcome::Lost(_) | RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                return;
            }
            _ => false,
        };
        if !taken {
            self.void();
            return self.fall_sick();
        }
        let mut changes = Vec::new();
        self.accepted(&mut changes, now);
        self.note(changes);
    }

    /// Central does not even take what it took before: no result is sent any more in this run.
    pub(super) fn fall_sick(&mut self) {
        self.results.sick = true;
        self.complain(Code::CentralSick, ItemCause::SickResults);
    }

    /// An empty 500 alone, and the probe says that central does not hold it.
    pub(super) fn suspected(&mut self, key: ItemKey, reason: Finding, now: Now) -> LedgerChange {
        self.results.streak += 1;
        let before = self.entries.get(&key).map(|entry| entry.trial);
        let before = before.unwrap_or_default();
        let change = self.stumble(&key, reason.clone(), now);
        if self.results.well && !before.refused {
            self.results.failed.push(SuspectResult {
                key,
                reason,
                before,
            });
        }
        change
    }

    /// A witness was taken: central is well, and what failed since the last witness failed by itself.
    pub(super) fn accepted(&mut self, changes: &mut Vec<LedgerChange>, now: Now) {
        self.results.streak = 0;
        self.results.well = true;
        for suspect in std::mem::take(&mut self.results.failed) {
            changes.push(self.convict(suspect, now));
        }
        self.follow_proven(changes, now);
    }

    fn convict(&mut self, suspect: SuspectResult, now: Now) -> LedgerChange {
        let SuspectResult {
            key,
            reason,
            before,
        } = suspect;
        let trial = before.convicted(self.plan.refuse_after, now);
        if trial.refused {
            return self.refusal(&key, reason, trial);
        }
        LedgerChange {
            reason: Some(reason),
            trial,
            ..self.change(&key, ItemState::Queued)
        }
    }

    /// Parts of an item are convicted one by one, the item keeps since when the last of them stands accused.
    /// Gives what becomes of the part, and what the item has been through.
    pub(in super::super) fn judge_part(
        &self,
        accused: bool,
        before: ItemTrial,
        now: Now,
    ) -> (PartState, ItemTrial) {
        let since = before.accused.filter(|_| accused);
        let before = ItemTrial {
            accused: since,
            ..before
        };
        let after = before.convicted(self.plan.refuse_after, now);
        match after.refused {
            // The part is refused; the item is when nothing else of it is owed.
            true => (PartState::Refused, before),
            false => (PartState::Accused, after),
        }
    }
}

/// Why an item of several parts is refused when none of them says so.
pub(super) fn refused_parts() -> Finding {
    finding(Code::ResultsRejected, ItemCause::RefusedParts)
}
