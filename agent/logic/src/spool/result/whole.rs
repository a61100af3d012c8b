//! An encrypted result whose execution central knows already: it goes once more as the whole map, alone (protocol 7.7).
//! Never while central may decrypt an earlier content of it: what is added then is acknowledged and vanishes. Never in parts,
//! since nobody can read which parts there are.
//! Called by the machine of `spool`.
//!
//! | Answer | Then |
//! |---|---|
//! | `success 1` | acknowledged |
//! | lost | sending: the next run sends the whole map again, which central takes as the same |
//! | `success 0`, an empty 500, a failure by central's own words | central's trouble: queued, told, tried again after a wait |
//! | unsent | queued |

use super::super::request::{self, RequestOutcome};
use super::super::trial::BootTime;
use super::super::{ItemKey, ItemState, Job, Loaded, OwedItem, Sending, finding};
use super::Fit;
use crate::api::ack;
use crate::fault::{Code, ItemCause};
use crate::intake::ItemKind;
use crate::words::Now;

/// Central's queue of tasks has decrypted what it took after so many times `settle`, as far as anybody can know.
const DECRYPTS: u32 = 10;

/// Those that go so, each with when central is surely at it no more.
pub(super) type WholeQueue = Vec<(ItemKey, Option<Now>)>;

impl Sending {
    /// Whether central may still decrypt an earlier content of the same execution.
    pub(in super::super) fn is_being_decrypted(&self, item: &OwedItem, now: Now) -> bool {
        let rest = self.plan.settle * DECRYPTS;
        item.decrypted_since
            .is_some_and(|since| since.elapsed(now) < rest)
    }

    pub(super) fn next_whole(&mut self, now: Now) -> Option<Job> {
        let waits = |until: &Option<Now>| until.is_some_and(|until| until.mono > now.mono);
        let queue = &self.results.whole;
        let ready =
            |(key, until): &(ItemKey, Option<Now>)| !waits(until) && !self.is_decrypting(key);
        let at = queue.iter().position(ready)?;
        let (key, _) = self.results.whole.remove(at);
        Some(Job::Whole(key))
    }

    /// Whether another content of the same execution is on its way in this run, or was.
    fn is_decrypting(&self, key: &ItemKey) -> bool {
        let under_way = |state| {
            matches!(
                state,
                ItemState::Queued
                    | ItemState::Sending
                    | ItemState::Acknowledged
                    | ItemState::Carried
            )
        };
        self.editions(ItemKind::Results, &key.id)
            .take_while(|(other, _)| other.edition < key.edition)
            .any(|(_, entry)| under_way(entry.state))
    }

    pub(in super::super) fn mark_whole(&mut self, item: Option<Loaded>) {
        let Some(item) = item else { return };
        let key = item.ledger.key;
        if super::fit(item.ledger.enclosure, &self.plan) != Fit::Goes {
            let held = self.held(&key);
            return self.note(vec![held]);
        }
        let params = request::params(&self.plan.params, false);
        let entry = (key.id.as_str(), item.payload.as_slice());
        let call = request::results([entry].into_iter(), &params);
        let change = self.sent(&key);
        self.mark(Job::Whole(key), call, vec![change]);
    }

    pub(in super::super) fn whole_answered(
        &mut self,
        key: ItemKey,
        heard: RequestOutcome,
        now: Now,
    ) {
        let reason = match heard {
            RequestOutcome::Answer(reply) => {
                match ack::entries(&reply).unwrap_or_default().get(&key.id) {
                    Some(true) => {
                        let change = self.acknowledgement(&key);
                        return self.note(vec![change]);
                    }
                    Some(false) => finding(Code::ResultsNotStored, ItemCause::NotStored),
                    None => finding(Code::ResultsUnanswered, ItemCause::NotNamed),
                }
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                let change = self.unsent(&key);
                return self.note(vec![change]);
            }
            RequestOutcome::Lost(_) => {
                let changes = self.lost_now(&[key], BootTime::of(now));
                return self.note(changes);
            }
            RequestOutcome::TooLong(trouble) => finding(Code::ResultsTooLong, trouble.cause),
            RequestOutcome::Rejected(_) => finding(Code::CentralError, ItemCause::EnclosedDied),
            RequestOutcome::Failed(_) => finding(Code::CentralError, ItemCause::FailedAlone),
        };
        self.void();
        self.results.streak += 1;
        let change = self.stumble(&key, reason, now);
        self.note(vec![change]);
    }
}
