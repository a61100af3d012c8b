//! Whether a box may be wiped: what candidates did and central has not acknowledged goes only by its true number.
//! Never counts what central has.
//! Called by the verb `wipe`, before it asks and once more when nobody can let in anything any more.

use crate::fault::{Code, Fault, ItemCause, OtherNumber, OwedItems};
use crate::intake::ItemKind;

/// What would be destroyed that central has not acknowledged, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwedLoss {
    /// What candidates did in one execution each.
    pub results: u64,
    /// Delivery logs of one execution each.
    pub logs: u64,
    /// Test sessions.
    pub sessions: u64,
    /// LTI users.
    pub lti_users: u64,
    /// Items that do not open, for want of a key or because they are damaged.
    pub unreadable: u64,
}

impl OwedLoss {
    /// Counts one item.
    pub fn count(&mut self, kind: ItemKind) {
        *match kind {
            ItemKind::Results => &mut self.results,
            ItemKind::Logs => &mut self.logs,
            ItemKind::Sessions => &mut self.sessions,
            ItemKind::LtiUsers => &mut self.lti_users,
        } += 1;
    }

    /// Items of all kinds: the number that `--discard-results` takes.
    pub fn total(&self) -> u64 {
        self.results + self.logs + self.sessions + self.lti_users + self.unreadable
    }

    /// The number of each kind, e.g. `5 results, 1 test session`.
    pub fn what(&self) -> Vec<OwedItems> {
        let kinds = [
            (ItemKind::Results, self.results),
            (ItemKind::Logs, self.logs),
            (ItemKind::Sessions, self.sessions),
            (ItemKind::LtiUsers, self.lti_users),
        ];
        let kinds = kinds.into_iter().filter(|(_, count)| *count > 0);
        let closed = match self.unreadable {
            0 => None,
            1 => Some(OwedItems::OneClosed),
            count => Some(OwedItems::Closed { count }),
        };
        kinds
            .map(|(kind, count)| kind.count(count))
            .chain(closed)
            .collect()
    }

    /// Whether the box may be wiped by somebody who gave this number, or none.
    ///
    /// # Errors
    /// `wipe.owed`, with the number of each kind and what to do with them; `input.wipe` for another number.
    pub fn permits(&self, discard: Option<u64>) -> Result<(), Fault> {
        let total = self.total();
        match discard {
            None if total == 0 => Ok(()),
            Some(given) if given == total => Ok(()),
            Some(given) if total == 0 => {
                let cause = ItemCause::WipeOfNothing { given };
                Err(Fault::new(Code::InputWipe, cause))
            }
            given => {
                let cause = ItemCause::WipeOwed {
                    given: given.map(|given| OtherNumber::Given { given }),
                    what: self.what(),
                    total,
                };
                Err(Fault::new(Code::WipeOwed, cause))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_goes_only_by_its_true_number() {
        let nothing = OwedLoss::default();
        let five = OwedLoss {
            results: 4,
            unreadable: 1,
            ..nothing
        };
        let table = [
            (nothing, None, None),
            (nothing, Some(0), None),
            (nothing, Some(1), Some(Code::InputWipe)),
            (five, None, Some(Code::WipeOwed)),
            (five, Some(0), Some(Code::WipeOwed)),
            (five, Some(4), Some(Code::WipeOwed)),
            (five, Some(6), Some(Code::WipeOwed)),
            (five, Some(5), None),
        ];
        for (owed, discard, code) in table {
            let told = owed.permits(discard).err().map(|trouble| trouble.code);
            assert_eq!(told, code, "{owed:?} {discard:?}");
        }
    }

    #[test]
    fn each_kind_is_told_by_its_number() {
        let mut owed = OwedLoss::default();
        for kind in ItemKind::ALL {
            owed.count(kind);
        }
        owed.count(ItemKind::Results);
        assert_eq!(owed.total(), 5);
        let expected = "2 results, 1 log, 1 test session, 1 LTI user";
        let reason = owed.permits(None).unwrap_err().reason();
        for part in [expected, "sync --results", "export", "--discard-results 5"] {
            assert!(reason.contains(part), "{reason}");
        }
    }
}
