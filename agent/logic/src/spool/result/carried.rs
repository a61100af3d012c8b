//! Results that were handed over in a file: whether central has them by now.
//! Never sends one: what central does not have stays handed over, whatever the probe says or fails to say.
//! Called by the machine of `spool` when nothing else of results is left to do.
//!
//! | Probe | Then |
//! |---|---|
//! | mapped | acknowledged: central maps an execution only after all variables of its entry (protocol 7.3) |
//! | mapped, and the state folder was put back | perhaps through an earlier content: its variables go one by one (second table of `spool`) |
//! | stored, so mapped | acknowledged, and central is probed no more |
//! | not mapped | carried: the file is on its way |
//! | no answer, or no sound one | carried |

use std::collections::BTreeMap;

use super::{ItemKey, Job, LedgerChange, PROBED, ProbeState, Sending, UncertainResult};
use crate::api::ack::RowsAck;
use crate::words::Now;

impl Sending {
    /// Asks for those that were not asked for in this run; few, until the probe has proved itself.
    pub(super) fn next_carried(&mut self) -> Option<Job> {
        let lane = &self.results;
        let most = match lane.probe {
            ProbeState::Unsound => return None,
            ProbeState::Untried => 1,
            ProbeState::Sound => PROBED,
        };
        let some: Vec<ItemKey> = lane.carried.iter().take(most).cloned().collect();
        (!some.is_empty()).then_some(Job::Probe(some))
    }

    /// What a sound probe says of those among `keys`.
    pub(super) fn carried_answered(
        &mut self,
        keys: &[ItemKey],
        acks: &BTreeMap<String, RowsAck>,
        now: Now,
    ) -> Vec<LedgerChange> {
        // Those that were asked for stand first.
        let carried = &mut self.results.carried;
        let some = carried.iter().take_while(|key| keys.contains(key)).count();
        let asked: Vec<ItemKey> = carried.drain(..some).collect();
        let mut changes = Vec::new();
        for key in asked {
            match acks.get(&key.id) {
                Some(ack) if !ack.success => changes.push(self.mapped(UncertainResult {
                    key,
                    probe: now,
                    settled: now,
                    failed: None,
                    unsent: None,
                    partial: self.plan.restored,
                })),
                Some(ack) if ack.stored.as_ref().is_some_and(|ids| !ids.is_empty()) => {
                    changes.push(self.probe_stored(&key));
                }
                Some(ack) if ack.is_unmapped() => self.ending.not_arrived.push(key),
                _ => {}
            }
        }
        changes
    }
}
