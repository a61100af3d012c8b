//! What another box accepted and did not bring home: how it stands on the box that adopts it.
//! Never as if nobody had sent it: the other box may have, with or without an answer, and another one may adopt it too.
//! Called by `vault`, which lets it in.
//!
//! | The other box had it | Then | So that |
//! |---|---|---|
//! | queued, sending, unconfirmed, held: the first content of its execution | sending | the probe is asked: mapped is acknowledged, since all of it was sent in one entry; not mapped goes alone |
//! | the same, a later content | sending, each variable flying | its variables go one by one: that central knows the execution says nothing of them |
//! | the same, a later content that is encrypted | sending | it goes whole once more, which central takes as the same |
//! | refused | refused | central died of it: it is tried again as such |
//! | carried: handed over in a file | carried, since then | central is asked for it, and it is not sent |
//! | open | open | it is no more finished here |
//! | set aside by a person | set aside, sending before | a person decides again |
//!
//! Where the probe says nothing, or central may take a variable twice, it is unconfirmed.

use super::ledger::{ItemOrigin, ItemState, Ledger, PartState};
use crate::intake::ItemKind;

impl Ledger {
    /// The account of an item that came as a copy, which a box of this id had in this state.
    #[must_use]
    pub fn adopted(mut self, was: &Self, box_id: &str) -> Self {
        let is_later = was.key.edition > 0 && self.key.kind == ItemKind::Results;
        self.origin = Some(ItemOrigin {
            box_id: box_id.to_owned(),
            edition: was.key.edition,
        });
        let state = was.state;
        self.state = match state {
            ItemState::Open | ItemState::Refused | ItemState::SetAside => state,
            _ => ItemState::Sending,
        };
        if let Some(at) = was.carried_at() {
            self.carried(at);
        }
        if state == ItemState::SetAside {
            self.trial.aside = Some(ItemState::Sending);
        }
        if is_later && matches!(self.state, ItemState::Sending | ItemState::SetAside) {
            for (_, part) in &mut self.parts {
                *part = PartState::Flying;
            }
        }
        self
    }

    /// Whether central may know the execution through an earlier content that the box of origin brought home.
    pub(super) fn may_be_behind(&self) -> bool {
        self.origin
            .as_ref()
            .is_some_and(|origin| origin.edition > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::IntakeItem;
    use crate::spool::ledger::tests::{fresh, item};

    fn adopted(state: ItemState, edition: u32) -> Ledger {
        let item = IntakeItem {
            open: state == ItemState::Open,
            ..item(ItemKind::Results, 1, &[1])
        };
        let (ledger, _) = fresh(Ledger::admit(item, &[], None));
        let mut was = ledger.clone();
        (was.state, was.key.edition) = (state, edition);
        if state == ItemState::Carried {
            was.carried(7);
        }
        ledger.adopted(&was, "b")
    }

    #[test]
    fn it_stands_as_what_may_have_been_sent() {
        use ItemState::{Carried, Held, Open, Queued, Refused, Sending, SetAside, Unconfirmed};
        let table = [
            (Queued, Sending),
            (Sending, Sending),
            (Unconfirmed, Sending),
            (Held, Sending),
            (Carried, Carried),
            (Refused, Refused),
            (Open, Open),
            (SetAside, SetAside),
        ];
        for (state, expected) in table {
            let ledger = adopted(state, 0);
            assert_eq!(ledger.state, expected, "{state:?}");
            assert_eq!(ledger.parts[0].1, PartState::Owed);
            assert!(!ledger.owed(&[]).mapped);
        }
        assert_eq!(adopted(Carried, 0).carried_at(), Some(7));
        let mut aside = adopted(SetAside, 0);
        assert!(aside.retry() && aside.state == Sending);
    }

    #[test]
    fn a_later_content_goes_in_parts_and_says_nothing_of_the_first() {
        let (first, later) = (adopted(ItemState::Queued, 0), adopted(ItemState::Queued, 1));
        assert_eq!(later.parts[0].1, PartState::Flying);
        assert!(later.owed(&[]).mapped);
        let later = Ledger {
            key: crate::spool::ItemKey {
                edition: 1,
                ..later.key.clone()
            },
            ..later
        };
        assert!(!first.owed(&[first.clone(), later.clone()]).mapped);
        let bytes = later.to_bytes();
        assert_eq!(Ledger::from_bytes(&bytes), Some(later));
    }
}
