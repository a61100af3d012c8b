//! Results that may have been sent by another state of this box: each is asked for before it is sent the first time.
//! Never keeps one back for it: where the probe says nothing, it is sent as ever, since central takes no result twice
//! (protocol 7.5).
//! Called by the machine of `spool` when the plan says so (`Plan::probe_first`).
//!
//! | Probe | Then |
//! |---|---|
//! | mapped, and sent from here before | acknowledged |
//! | mapped, it had failed, and further contents of the same execution wait | it may be they that central knows: its variables go one by one |
//! | mapped, and never sent from here | the state folder was put back, or the box runs twice: what was sent then may have been fewer variables, so they go one by one (second table of `spool`) |
//! | not mapped | sent, its log rows are surely new; not before central is surely at no request that went without a mark |
//! | no answer | sent; left to the next run where central may be at one that went without a mark, or may take a variable twice |
//! | says nothing | the same, but unconfirmed where central may take a variable twice and it may have been sent: the folder was put back, or one went without a mark |

use std::collections::{BTreeSet, VecDeque};

use super::{ProbeState, Sending, UncertainResult};
use crate::spool::{ItemKey, OwedItem};
use crate::words::Now;

/// Where a result stands once it was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent {
    /// It failed in an earlier run.
    pub(super) suspect: bool,
    /// No request of this state of the box has carried it.
    pub(super) never: bool,
}

/// What becomes of results that cannot be asked for.
#[derive(Debug, Clone, Copy)]
enum Blind {
    Send,
    Leave,
    Unconfirmed,
}

/// Results that are still to be asked for, and what was heard.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    queue: VecDeque<(ItemKey, Unsent)>,
    /// Executions that central knew although they were never sent from here.
    held: u64,
    /// Executions that central did not know.
    unknown: BTreeSet<String>,
}

impl Unasked {
    pub(super) fn enter(&mut self, item: &OwedItem) {
        let unsent = Unsent {
            suspect: item.failures > 0,
            never: item.attempts == 0,
        };
        self.queue.push_back((item.key.clone(), unsent));
    }

    /// One that was about to go the first time.
    pub(super) fn put(&mut self, key: ItemKey) {
        let unsent = Unsent {
            suspect: false,
            never: true,
        };
        self.queue.push_back((key, unsent));
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
            ProbeState::Unsound => return self.send_unasked(true, now),
            ProbeState::Untried => 1,
            ProbeState::Sound => self.chunk,
        };
        let settled = self.plan.unmarked_until(now).unwrap_or(now);
        let some = lane.unasked.queue.len().min(most);
        let next = lane.unasked.queue.drain(..some);
        lane.doubts
            .extend(next.map(|(key, unsent)| UncertainResult {
                key,
                probe: now,
                settled,
                failed: None,
                unsent: Some(unsent),
                partial: false,
            }));
    }

    /// The probe says nothing, or was not answered: all are sent as ever, but for those that central may be at, and
    /// those that a storage may take twice.
    pub(super) fn send_unasked(&mut self, answered: bool, now: Now) {
        let unmarked = self.plan.unmarked;
        let twice = !self.plan.takes_none_twice();
        let sent = self.plan.restored || unmarked.is_some();
        let blind = match answered {
            // The next run may hear more.
            _ if self.plan.unmarked_until(now).is_some() => Blind::Leave,
            false if twice => Blind::Leave,
            true if twice && sent => Blind::Unconfirmed,
            _ => Blind::Send,
        };
        let queue = std::mem::take(&mut self.results.unasked.queue);
        for (key, unsent) in queue {
            self.sent_blind(blind, key, unsent);
        }
        for doubt in std::mem::take(&mut self.results.doubts) {
            match doubt.unsent {
                Some(unsent) => self.sent_blind(blind, doubt.key, unsent),
                None => self.results.doubts.push_back(doubt),
            }
        }
    }

    fn sent_blind(&mut self, blind: Blind, key: ItemKey, unsent: Unsent) {
        match blind {
            Blind::Send => self.send_first(key, unsent),
            Blind::Leave => {}
            // The probe is unsound: so is a doubt.
            Blind::Unconfirmed => self
                .results
                .doubt(key, Now::default(), Now::default(), None),
        }
    }

    pub(super) fn send_first(&mut self, key: ItemKey, unsent: Unsent) {
        if unsent.suspect {
            self.results.suspects.push_back(key);
        } else {
            self.results.fresh.push_back(key);
        }
    }

    /// Central did not know it.
    pub(super) fn unknown(&mut self, key: &ItemKey) {
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
