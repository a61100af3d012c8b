//! Whether an item may go to central as it is: what is encrypted goes only where it can be read (protocol 7.7, 15.1).
//! Never opens it, and never sends what central would take and could not read, unless a person has decided so.
//! Called by the machine of `spool` when an item enters a pass, and again when it is loaded.
//!
//! | Item | Central has | Then |
//! |---|---|---|
//! | any | encryption, and no key for this box | waits |
//! | plain | no encryption | goes |
//! | plain | a key | goes: it is encrypted when it is loaded |
//! | encrypted with this key, or with one that is not known | a key | goes |
//! | encrypted | another key, or no encryption | held |
//! | released by a person | a key, another one, or no encryption | goes |

use super::{ItemState, LedgerChange, OwedItem, Sending, SpoolPlan, finding};
use crate::fault::{Code, ItemCause};
use crate::intake::{Enclosure, ItemKind};

/// Whether an item may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Goes,
    Waits,
    Held,
}

/// The table above.
pub(super) fn fit(item: Enclosure, plan: &SpoolPlan) -> Fit {
    match (item.key, plan.key) {
        _ if plan.waits.is_some() => Fit::Waits,
        _ if !item.enclosed || item.released => Fit::Goes,
        (Some(own), Some(now)) if own == now => Fit::Goes,
        (None, Some(_)) => Fit::Goes,
        // Its deliveries say that it encrypts.
        (None, None) if plan.encrypted => Fit::Goes,
        _ => Fit::Held,
    }
}

impl Sending {
    /// Holds an item, or lets it go on where it stood, as central's key says.
    pub(super) fn hold(&self, item: &mut OwedItem) -> Fit {
        if item.key.kind != ItemKind::Results {
            return Fit::Goes;
        }
        let fit = fit(item.enclosure, &self.plan);
        let waits = matches!(
            item.state,
            ItemState::Queued | ItemState::Sending | ItemState::Unconfirmed
        );
        if fit == Fit::Held && waits {
            item.trial.aside = Some(item.state);
            item.state = ItemState::Held;
            item.reason = Some(finding(Code::CentralKeyChanged, ItemCause::FormerKey));
        } else if fit == Fit::Goes && item.state == ItemState::Held {
            item.state = item.trial.aside.take().unwrap_or(ItemState::Queued);
            item.reason = None;
        }
        fit
    }

    /// One that turned out not to fit when it was loaded.
    pub(super) fn held(&self, key: &super::ItemKey) -> LedgerChange {
        let change = self.unsent(key);
        let trial = super::ItemTrial {
            aside: Some(change.state),
            ..change.trial
        };
        LedgerChange {
            state: ItemState::Held,
            reason: Some(finding(Code::CentralKeyChanged, ItemCause::FormerKey)),
            trial,
            ..change
        }
    }

    /// What waits for a key of central is told once, with how much it is.
    pub(super) fn tell_what_waits(&mut self) {
        let Some(why) = self.plan.waits.clone() else {
            return;
        };
        let results = self.entries.iter().filter(|(key, entry)| {
            key.kind == ItemKind::Results
                && matches!(entry.state, ItemState::Queued | ItemState::Sending)
        });
        let count = results.count() as u64;
        let what = vec![ItemKind::Results.count(count)];
        self.find(why.because(|why| match count {
            1 => ItemCause::Waits { what, why },
            _ => ItemCause::Wait { what, why },
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::KeyPrint;
    use crate::words::SyncParams;

    fn plan(key: Option<u8>, encrypted: bool, waits: bool) -> SpoolPlan {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 1,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        SpoolPlan {
            key: key.map(|key| KeyPrint([key; 16])),
            encrypted,
            waits: waits.then(|| crate::fault::Fault::new(Code::CentralKeyMissing, "")),
            ..SpoolPlan::new(params, String::new(), 1)
        }
    }

    #[test]
    fn what_is_encrypted_goes_only_where_it_can_be_read() {
        let plain = Enclosure::default();
        let with = |key: Option<u8>| Enclosure {
            enclosed: true,
            key: key.map(|key| KeyPrint([key; 16])),
            released: false,
        };
        let released = Enclosure {
            released: true,
            ..with(Some(1))
        };
        let (open, first, second) = (
            plan(None, false, false),
            plan(Some(1), true, false),
            plan(Some(2), true, false),
        );
        let (keyed, missing) = (plan(None, true, false), plan(Some(1), true, true));
        let table = [
            (plain, &open, Fit::Goes),
            (plain, &first, Fit::Goes),
            (plain, &keyed, Fit::Goes),
            (plain, &missing, Fit::Waits),
            (with(Some(1)), &first, Fit::Goes),
            (with(Some(1)), &second, Fit::Held),
            (with(Some(1)), &open, Fit::Held),
            (with(Some(1)), &keyed, Fit::Held),
            (with(Some(1)), &missing, Fit::Waits),
            (with(None), &first, Fit::Goes),
            (with(None), &keyed, Fit::Goes),
            (with(None), &open, Fit::Held),
            (released, &second, Fit::Goes),
            (released, &open, Fit::Goes),
            (released, &missing, Fit::Waits),
        ];
        for (at, (item, plan, expected)) in table.into_iter().enumerate() {
            assert_eq!(fit(item, plan), expected, "row {at}");
        }
    }
}
