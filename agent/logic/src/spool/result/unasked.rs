//! Results that may have been sent by another state of this box: each is asked for before it is sent the first time.
//! Never keeps one back for it: where the probe says nothing, it is sent as ever, since central takes no result twice
//! (protocol 7.5).
//! Called by the machine of `spool` when the plan says so (`Plan::probe_first`).
//!
//! | Probe | Then |
//! |---|---|
//! | mapped, and sent from here before | acknowledged |
//! | mapped, and never sent from here | the state folder was put back, or the box runs twice: what was sent then may have been fewer variables, so they go one by one (second table of `spool`) |
//! | not mapped | sent, its log rows are surely new |
//! | no answer, or one that says nothing | sent |

use std::collections::{BTreeSet, VecDeque};

use super::{Doubt, Probe, Sending};
use crate::spool::{Key, Owed};
use crate::words::Now;

/// Where a result stands once it was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent {
    /// It failed in an earlier run.
    suspect: bool,
    /// No request of this state of the box has carried it.
    pub(super) never: bool,
}

/// Results that are still to be asked for, and what was heard.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    queue: VecDeque<(Key, Unsent)>,
    /// Executions that central knew although they were never sent from here.
    held: u64,
    /// Executions that central did not know.
    unknown: BTreeSet<String>,
}

impl Unasked {
    pub(super) fn enter(&mut self, item: &Owed) {
        let unsent = Unsent {
            suspect: item.failures > 0,
            never: item.attempts == 0,
        };
        self.queue.push_back((item.key.clone(), unsent));
    }
}

impl Sending {
    /// Asks for as many as go into the next request, so that little time lies between answer and sending.
    pub(super) fn ask_first(&mut self, now: Now) {
        let lane = &mut self.results;
        let ready = lane.fresh.len() > 1 || !lane.lone.is_empty();
        let asked = lane.doubts.iter().any(|doubt| doubt.unsent.is_some());
        if lane.unasked.queue.is_empty() || ready || asked || lane.sick || lane.waits_for_witness()
        {
            return;
        }
        let most = match lane.probe {
            Probe::Unsound => return self.send_unasked(),
            Probe::Untried => 1,
            Probe::Sound => self.chunk,
        };
        let some = lane.unasked.queue.len().min(most);
        let next = lane.unasked.queue.drain(..some);
        lane.doubts.extend(next.map(|(key, unsent)| Doubt {
            key,
            probe: now,
            settled: now,
            failed: None,
            unsent: Some(unsent),
            partial: false,
        }));
    }

    /// The probe says nothing: all are sent.
    pub(super) fn send_unasked(&mut self) {
        let queue = std::mem::take(&mut self.results.unasked.queue);
        let doubts = std::mem::take(&mut self.results.doubts);
        for doubt in doubts {
            match doubt.unsent {
                Some(unsent) => self.send_first(doubt.key, unsent),
                None => self.results.doubts.push_back(doubt),
            }
        }
        for (key, unsent) in queue {
            self.send_first(key, unsent);
        }
    }

    pub(super) fn send_first(&mut self, key: Key, unsent: Unsent) {
        if unsent.suspect {
            self.results.suspects.push_back(key);
        } else {
            self.results.fresh.push_back(key);
        }
    }

    /// Central did not know it.
    pub(super) fn unknown(&mut self, key: &Key) {
        if self.is_doubtful() {
            self.results.unasked.unknown.insert(key.id.clone());
        }
    }

    /// Central knew it.
    pub(super) fn known(&mut self, unsent: Unsent) {
        if unsent.never {
            self.results.unasked.held += 1;
            self.ending.held_unsent += 1;
        }
    }

    /// Whether rows and sessions that were never sent from here may be held all the same.
    pub(super) fn is_doubtful(&self) -> bool {
        self.plan.restored || self.results.unasked.held > 0
    }

    /// Whether central may hold rows or the session of this execution from another state of this box: then they count
    /// as doubled when they are sent.
    pub(in crate::spool) fn may_be_held(&self, id: &str) -> bool {
        self.is_doubtful() && !self.results.unasked.unknown.contains(id)
    }
}
