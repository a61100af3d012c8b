//! What a person says about an item: tried again, set aside, released, handed over; and what stays as it is whatever is said.
//! Never says yes where nothing changed, and never brings anything to central by itself.
//! Called by `vault`, which writes it down, and for `results` of the command line.

use super::ledger::{ItemState, Ledger, PartState};
use super::trial::{BootTime, ItemTrial};
use crate::words::Now;

impl Ledger {
    /// `results release`: it goes whatever key central has. Says whether anything changed.
    pub fn release(&mut self) -> bool {
        if self.state != ItemState::Held {
            return false;
        }
        self.enclosure.released = true;
        self.state = self.trial.aside.take().unwrap_or(ItemState::Queued);
        true
    }

    /// `results retry`: what was refused is tried again, what is unconfirmed is asked about again, what was set aside
    /// goes on where it was. Of a content that another one superseded nothing does (`is_unfinished`). Says whether anything
    /// changed.
    pub fn retry(&mut self) -> bool {
        let stood = match (self.state, self.trial.aside) {
            (ItemState::SetAside, before) => before.unwrap_or(ItemState::Sending),
            (state, _) => state,
        };
        match stood {
            ItemState::Refused => {
                self.state = ItemState::Queued;
                self.reopen();
            }
            ItemState::Unconfirmed => self.state = ItemState::Sending,
            ItemState::Queued | ItemState::Sending | ItemState::Open | ItemState::Held
                if self.state == ItemState::SetAside =>
            {
                self.state = stood;
            }
            // A person knows that nothing more comes.
            ItemState::Open => self.state = ItemState::Queued,
            ItemState::Queued if self.trial != ItemTrial::default() => {}
            _ => return false,
        }
        let lost = self.trial.lost;
        self.trial = ItemTrial {
            lost,
            ..ItemTrial::default()
        };
        true
    }

    /// `results set-aside`: it is kept, not sent, and has no say in the verdict. Says whether anything changed.
    pub fn set_aside(&mut self) -> bool {
        let stays = [
            ItemState::Acknowledged,
            ItemState::SetAside,
            ItemState::Carried,
        ];
        if stays.contains(&self.state) {
            return false;
        }
        // What it was before it was held is what it is again, should its key come back.
        self.trial.aside = match self.state {
            ItemState::Held => self.trial.aside,
            state => Some(state),
        };
        self.state = ItemState::SetAside;
        // A time that an earlier release left here while it sent what had been handed over says no more.
        self.not_before = 0;
        true
    }

    /// `results export-tao`, `carry export --results`: it lies whole in a file or on a stick since `at` (Unix seconds). What was handed over
    /// before and lies in one more file keeps its time. Says whether it stands as handed over.
    pub fn carry(&mut self, at: i64) -> bool {
        if self.state == ItemState::Queued {
            self.carried(at);
        }
        self.state == ItemState::Carried
    }

    /// `results confirm`: a person knows that central has it. Says whether anything changed.
    pub fn confirm(&mut self, now: Now) -> bool {
        if self.state != ItemState::Carried {
            return false;
        }
        self.state = ItemState::Acknowledged;
        self.not_before = 0;
        self.reason = None;
        self.trial = ItemTrial {
            // Central may be decrypting it.
            lost: self.enclosure.enclosed.then(|| BootTime::of(now)),
            ..self.trial.taken()
        };
        true
    }

    /// `results reclaim`, after central said that it does not have it: the box sends it itself again, as what may be on its
    /// way: it is probed once more, `settle` later, and goes alone. What central cannot be asked for goes in parts of which each
    /// may be there. Says whether anything changed.
    pub fn reclaim(&mut self) -> bool {
        if self.state != ItemState::Carried {
            return false;
        }
        if !Self::can_be_asked_for(&self.key) {
            for (_, part) in self.parts.iter_mut().filter(|(_, part)| part.is_owed()) {
                *part = PartState::Flying;
            }
        }
        self.state = ItemState::Sending;
        self.not_before = 0;
        self.trial = ItemTrial::default();
        true
    }

    /// A person had it sent as it is, though it was not finished (`began`), and the finished one came before any request
    /// carried it: it stands aside, superseded. Says whether anything changed.
    pub fn take_back(&mut self, began: ItemState) -> bool {
        let waits = self.state == ItemState::Queued && self.attempts == 0;
        let taken_back = waits && began == ItemState::Open;
        if taken_back {
            self.state = ItemState::SetAside;
            self.trial.aside = Some(ItemState::Open);
        }
        taken_back
    }

    /// Whether no request has carried it, finished or not.
    pub fn is_unsent(&self) -> bool {
        self.is_unfinished() || (self.state == ItemState::Queued && self.attempts == 0)
    }

    /// Whether it is the content of an execution that was not finished, and was never sent: it waits for the one that
    /// takes its place. Where that one came beside it, because it stood aside then, it is superseded and never goes: what
    /// the candidate changed since would stand on central beside what it was before.
    pub fn is_unfinished(&self) -> bool {
        match self.state {
            ItemState::SetAside => self.trial.aside == Some(ItemState::Open),
            state => state == ItemState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::ItemKind;
    use crate::spool::ledger::tests::{self, item};

    fn fresh() -> Ledger {
        let item = item(ItemKind::Results, 1, &[1]);
        tests::fresh(Ledger::admit(item, &[], None)).0
    }

    #[test]
    fn what_is_set_aside_goes_on_where_it_was() {
        let fresh = fresh();
        for (state, after) in [
            (ItemState::Queued, ItemState::Queued),
            (ItemState::Sending, ItemState::Sending),
            (ItemState::Unconfirmed, ItemState::Sending),
            (ItemState::Refused, ItemState::Queued),
        ] {
            let mut ledger = fresh.clone();
            ledger.state = state;
            assert!(ledger.set_aside() && !ledger.set_aside());
            assert_eq!(ledger.state, ItemState::SetAside);
            assert!(ledger.retry() && !ledger.retry());
            assert_eq!(ledger.state, after, "{state:?}");
        }
        let mut home = fresh.clone();
        home.state = ItemState::Acknowledged;
        assert!(!home.set_aside());
    }

    #[test]
    fn what_was_never_sent_is_unfinished_wherever_it_stands() {
        let mut ledger = fresh();
        assert!(!ledger.is_unfinished());
        ledger.set_aside();
        assert!(!ledger.is_unfinished(), "it was to be sent");
        ledger.state = ItemState::Open;
        assert!(ledger.is_unfinished());
        ledger.set_aside();
        assert!(ledger.is_unfinished());
        assert!(ledger.retry() && ledger.state == ItemState::Open);
        assert!(
            ledger.retry() && !ledger.is_unfinished(),
            "it goes as it is"
        );
    }

    #[test]
    fn only_what_waits_is_handed_over_and_only_that_is_confirmed_or_reclaimed() {
        let states = [
            (ItemState::Queued, true),
            (ItemState::Sending, false),
            (ItemState::Acknowledged, false),
            (ItemState::Refused, false),
            (ItemState::Unconfirmed, false),
            (ItemState::SetAside, false),
            (ItemState::Open, false),
            (ItemState::Held, false),
        ];
        let now = Now::default();
        for (state, goes) in states {
            let mut ledger = fresh();
            ledger.state = state;
            assert!(!ledger.confirm(now) && !ledger.reclaim(), "{state:?}");
            assert_eq!(ledger.carry(1), goes, "{state:?}");
            let stands = if goes { ItemState::Carried } else { state };
            assert_eq!(ledger.state, stands);
        }
        let mut carried = fresh();
        carried.carry(1);
        // No other word moves it.
        assert!(!carried.retry() && !carried.set_aside() && !carried.release());
        assert!(!carried.is_unfinished() && !carried.is_unsent() && !carried.maps());
        let mut reclaimed = carried.clone();
        assert!(reclaimed.reclaim() && !reclaimed.reclaim());
        assert_eq!(
            reclaimed.state,
            ItemState::Sending,
            "it is asked for once more"
        );
        let mut later = carried.clone();
        later.key.edition = 1;
        assert!(later.reclaim() && later.parts[0].1 == PartState::Flying);
        assert!(carried.confirm(now) && !carried.confirm(now) && carried.maps());
        assert_eq!(carried.carried_at(), None);
    }
}
