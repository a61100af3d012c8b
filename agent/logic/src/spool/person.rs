//! What a person says about an item: tried again, set aside, released; and what stays as it is whatever is said.
//! Never says yes where nothing changed, and never brings anything to central by itself.
//! Called by `vault`, which writes it down, and for `results` of the command line.

use super::ledger::{ItemState, Ledger};
use super::trial::ItemTrial;

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
        if matches!(self.state, ItemState::Acknowledged | ItemState::SetAside) {
            return false;
        }
        // What it was before it was held is what it is again, should its key come back.
        self.trial.aside = match self.state {
            ItemState::Held => self.trial.aside,
            state => Some(state),
        };
        self.state = ItemState::SetAside;
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
    use crate::intake::{Enclosure, IntakeItem, ItemKind, Print};
    use crate::spool::ItemAdmission;

    fn fresh() -> Ledger {
        let item = IntakeItem {
            kind: ItemKind::Results,
            id: "e".into(),
            delivery: None,
            test_taker: None,
            payload: b"[1]".to_vec(),
            parts: vec![Print([1; 16])],
            content: Print([1; 16]),
            execution: None,
            open: false,
            enclosure: Enclosure::default(),
        };
        match Ledger::admit(item, &[], None) {
            ItemAdmission::Fresh(ledger, _) => *ledger,
            ItemAdmission::Known => panic!("known"),
        }
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
}
