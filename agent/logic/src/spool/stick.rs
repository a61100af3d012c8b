//! What leaves on a stick for a box with a link to bring home, and the list with which that one tells what central has.
//! Never lets go what may be on its way to central, and never takes a list for more than it names: item and content alike.
//! Called by `engine` for `carry export --results` and `carry import --results`.
//!
//! | Item of any kind | Then |
//! |---|---|
//! | queued, whichever content of its execution | goes: whoever adopts it asks central first (`adopt`) |
//! | carried | stays; goes once more when a person says that the first stick or file is lost |
//! | sending, unconfirmed | stays: central may have it |
//! | refused | stays: central died of it |
//! | held | stays: central could not read it |
//! | open | stays: it is not finished |
//! | set aside | stays: a person said so |

use std::collections::BTreeSet;

use seal::NameHash;

use super::{ItemKey, ItemState, Ledger, StayReason};
use crate::intake::Print;
use crate::site::{ObjectKind, OrganisationKey};

/// Why an item stays; `None`: it goes. `again`: what was handed over before goes once more.
pub fn stays_here(state: ItemState, again: bool) -> Option<StayReason> {
    match state {
        ItemState::Queued => None,
        ItemState::Carried => (!again).then_some(StayReason::Carried),
        // What is acknowledged is not owed.
        ItemState::Sending | ItemState::Unconfirmed | ItemState::Acknowledged => {
            Some(StayReason::InDoubt)
        }
        ItemState::Refused => Some(StayReason::Refused),
        ItemState::SetAside => Some(StayReason::SetAside),
        ItemState::Open => Some(StayReason::Open),
        ItemState::Held => Some(StayReason::Unreadable),
    }
}

/// The name of what a box hands over: of the item as this box counts it, and of its content. Another content, or the same of
/// another box, has another one.
pub fn handed_name(
    key: &OrganisationKey,
    box_id: &str,
    item: &ItemKey,
    content: Print,
) -> NameHash {
    let (edition, content) = (item.edition.to_string(), content.to_string());
    let what = [box_id, item.kind.word(), &item.id, &edition, &content];
    key.name(ObjectKind::Handed, &what)
}

impl Ledger {
    /// The name under which the box that accepted it hands it over; `None` where that is this one.
    pub fn handed_by_origin(&self, key: &OrganisationKey) -> Option<(String, NameHash)> {
        let origin = self.origin.as_ref()?;
        let item = ItemKey {
            edition: origin.edition,
            ..self.key.clone()
        };
        let name = handed_name(key, &origin.box_id, &item, self.content);
        Some((origin.box_id.clone(), name))
    }
}

/// What a box with a link says to one that handed over: of these central has each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArrivedList {
    /// The box that it is for.
    pub to: String,
    /// Names of what that one handed over.
    pub names: BTreeSet<NameHash>,
}

impl ArrivedList {
    /// The body of its object: length of the box id (1), the box id, names of 16 bytes.
    pub fn write(&self) -> Vec<u8> {
        let id = &self.to.as_bytes()[..self.to.len().min(255)];
        let mut body = vec![id.len() as u8];
        body.extend(id);
        body.extend(self.names.iter().flat_map(|name| name.0));
        body
    }

    /// What `write` wrote for this box; `None` for anything else, and for what is for another one.
    pub fn read(body: &[u8], own: &str) -> Option<Self> {
        Self::open(body).filter(|list| list.to == own)
    }

    /// What `write` wrote, for whichever box.
    pub fn open(body: &[u8]) -> Option<Self> {
        let (length, rest) = body.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let names = rest.chunks_exact(16);
        let to = str::from_utf8(id).ok()?.to_owned();
        let is_whole = names.remainder().is_empty();
        let name = |bytes: &[u8]| bytes.try_into().ok().map(NameHash);
        is_whole.then(|| Self {
            to,
            names: names.filter_map(name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::ItemKind;
    use crate::site::SiteKey;
    use crate::spool::ledger::tests::{fresh, item};

    #[test]
    fn only_what_surely_was_not_sent_leaves() {
        use ItemState::{
            Acknowledged, Carried, Held, Open, Queued, Refused, Sending, SetAside, Unconfirmed,
        };
        let table = [
            (Queued, None),
            (Sending, Some(StayReason::InDoubt)),
            (Unconfirmed, Some(StayReason::InDoubt)),
            (Acknowledged, Some(StayReason::InDoubt)),
            (Refused, Some(StayReason::Refused)),
            (SetAside, Some(StayReason::SetAside)),
            (Open, Some(StayReason::Open)),
            (Held, Some(StayReason::Unreadable)),
            (Carried, Some(StayReason::Carried)),
        ];
        for (state, expected) in table {
            assert_eq!(stays_here(state, false), expected, "{state:?}");
            let again = expected.filter(|_| state != Carried);
            assert_eq!(stays_here(state, true), again, "{state:?}");
        }
    }

    #[test]
    fn a_list_is_of_one_box_one_item_and_one_content() {
        let key = |of: u8| SiteKey::new([of; 32]).of_organisation("1001");
        let of = |content: u8| {
            fresh(Ledger::admit(
                item(ItemKind::Results, content, &[content]),
                &[],
                None,
            ))
            .0
        };
        let own = of(1);
        let name = |key: &OrganisationKey, id: &str, ledger: &Ledger| {
            handed_name(key, id, &ledger.key, ledger.content)
        };
        let handed = name(&key(1), "lost", &own);
        // Adopted, it is the second content of the execution here and was the first there.
        let mut adopted = own.clone().adopted(&own, "lost");
        adopted.key.edition = 1;
        assert_eq!(own.handed_by_origin(&key(1)), None);
        let told = adopted.handed_by_origin(&key(1));
        assert_eq!(told, Some(("lost".to_owned(), handed)));
        assert_ne!(name(&key(1), "lost", &of(2)), handed, "another content");
        assert_ne!(name(&key(1), "other", &own), handed, "another box");
        assert_ne!(name(&key(2), "lost", &own), handed, "another site");
        let list = ArrivedList {
            to: "lost".into(),
            names: [handed].into(),
        };
        let body = list.write();
        assert_eq!(ArrivedList::read(&body, "lost"), Some(list));
        assert_eq!(ArrivedList::read(&body, "other"), None);
        assert_eq!(ArrivedList::read(&body[..body.len() - 1], "lost"), None);
        assert_eq!(ArrivedList::read(&[], "lost"), None);
        assert_eq!(ArrivedList::read(&[200, 1], "lost"), None);
    }
}
