//! Which results may leave in a file that central's own import takes (protocol 11.1), and why the others stay on the box.
//! Never lets go what central may have through a request, nor what could spoil the import for those behind it.
//! Called by `engine` for `results export-tao`; a pass asks later what has arrived (`result::carried`).
//!
//! | Result | Then |
//! |---|---|
//! | queued, the first content of its execution | goes; one that central failed at by its own words behind all others |
//! | queued, and central knows the execution, or an earlier content goes first | stays: no probe could tell that it has arrived, and the import stops at the first variable that is held (protocol 7.5) |
//! | accused or refused: an empty 500 alone | stays: the import would die of it, and lose what stands behind it |
//! | sending, unconfirmed | stays: central may have it |
//! | open | stays: it is not finished |
//! | held, or encrypted with another key than central has | stays: central could not read it |
//! | set aside | stays: a person said so |
//! | carried | stays; goes into one more file when a person says that the first one is lost |

use serde::Serialize;

use super::fit::{Fit, fit};
use super::{OwedItem, SpoolPlan, stays_here};

/// Why a result stays on the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StayReason {
    /// Central may have it.
    InDoubt,
    /// The execution is not finished.
    Open,
    /// Central died of it.
    Refused,
    /// Central could not read it.
    Unreadable,
    /// An earlier content of the execution goes first, or went.
    Behind,
    /// A person set it aside.
    SetAside,
    /// It was handed over before.
    Carried,
    /// The file has as many as it is to have.
    NextFile,
}

/// Why a result stays; `None`: it goes. `again`: what was handed over before goes once more.
pub fn stays(item: &OwedItem, plan: &SpoolPlan, again: bool) -> Option<StayReason> {
    let reason = stays_here(item.state, again);
    let convicted = item.trial.accused.is_some() || item.trial.refused;
    reason
        .or((item.mapped || item.is_behind).then_some(StayReason::Behind))
        .or(convicted.then_some(StayReason::Refused))
        .or((fit(item.enclosure, plan) != Fit::Goes).then_some(StayReason::Unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::KeyPrint;
    use crate::intake::{Enclosure, ItemKind};
    use crate::spool::{ItemKey, ItemState, ItemTrial};
    use crate::words::{Now, SyncParams};

    fn item(state: ItemState) -> OwedItem {
        OwedItem {
            key: ItemKey {
                kind: ItemKind::Results,
                id: "e".into(),
                edition: 0,
            },
            size: 1,
            state,
            attempts: 0,
            failures: 0,
            trial: ItemTrial::default(),
            reason: None,
            came: 0,
            central: String::new(),
            owed: 1,
            refused: 0,
            mapped: false,
            enclosure: Enclosure::default(),
            decrypted_since: None,
            has_later: false,
            is_behind: false,
            is_adopted: false,
        }
    }

    #[test]
    fn only_what_central_surely_lacks_and_can_take_leaves_in_a_file() {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 0,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let plan = SpoolPlan::new(params, String::new(), 1);
        let of = |state| item(state);
        let queued = || of(ItemState::Queued);
        let trial = ItemTrial::default();
        let convicted = trial.convicted(plan.refuse_after, Now::default());
        let troubled = trial.stumbled(Now::default());
        let enclosed = Enclosure {
            enclosed: true,
            key: Some(KeyPrint([1; 16])),
            released: false,
        };
        let with = |trial| OwedItem { trial, ..queued() };
        let table = [
            (queued(), None, None),
            (with(troubled), None, None),
            (
                with(convicted),
                Some(StayReason::Refused),
                Some(StayReason::Refused),
            ),
            (
                OwedItem {
                    mapped: true,
                    ..queued()
                },
                Some(StayReason::Behind),
                Some(StayReason::Behind),
            ),
            (
                OwedItem {
                    is_behind: true,
                    ..queued()
                },
                Some(StayReason::Behind),
                Some(StayReason::Behind),
            ),
            (
                OwedItem {
                    has_later: true,
                    ..queued()
                },
                None,
                None,
            ),
            // This central has no key.
            (
                OwedItem {
                    enclosure: enclosed,
                    ..queued()
                },
                Some(StayReason::Unreadable),
                Some(StayReason::Unreadable),
            ),
            (
                of(ItemState::Sending),
                Some(StayReason::InDoubt),
                Some(StayReason::InDoubt),
            ),
            (
                of(ItemState::Unconfirmed),
                Some(StayReason::InDoubt),
                Some(StayReason::InDoubt),
            ),
            (
                of(ItemState::Acknowledged),
                Some(StayReason::InDoubt),
                Some(StayReason::InDoubt),
            ),
            (
                of(ItemState::Refused),
                Some(StayReason::Refused),
                Some(StayReason::Refused),
            ),
            (
                of(ItemState::SetAside),
                Some(StayReason::SetAside),
                Some(StayReason::SetAside),
            ),
            (
                of(ItemState::Open),
                Some(StayReason::Open),
                Some(StayReason::Open),
            ),
            (
                of(ItemState::Held),
                Some(StayReason::Unreadable),
                Some(StayReason::Unreadable),
            ),
            (of(ItemState::Carried), Some(StayReason::Carried), None),
        ];
        for (item, first, again) in table {
            assert_eq!(stays(&item, &plan, false), first, "{item:?}");
            assert_eq!(stays(&item, &plan, true), again, "{item:?}");
        }
        let keyed = SpoolPlan {
            key: enclosed.key,
            encrypted: true,
            ..plan
        };
        let item = OwedItem {
            enclosure: enclosed,
            ..queued()
        };
        assert_eq!(stays(&item, &keyed, false), None);
    }
}
