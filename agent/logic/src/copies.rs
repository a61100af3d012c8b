//! Second copies of what the box owes: whether their place counts, which go and which stay, and how they stand.
//! Never a path, file or clock. A copy is never a reason to refuse or to lose what was handed in.
//! Called by `agent::copies`, which writes them, and by whoever shows how they stand.

use std::collections::{BTreeMap, BTreeSet};

use seal::NameHash;
use serde::{Deserialize, Serialize};

use crate::fault::{Cause, Code, Fault, Finding, SiteCause};

/// What is seen of the folder of copies, and of the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyPlaceLook {
    /// It is a folder on this device; `None` where there is none.
    pub device: Option<u64>,
    /// The device of the state folder.
    pub state_device: Option<u64>,
}

impl CopyPlaceLook {
    /// Whether copies count there. A stick that is pulled leaves its mount point, a folder on the box's own disk: that is
    /// none.
    ///
    /// | The folder | Then |
    /// |---|---|
    /// | is not there | missing |
    /// | is on the device of the state folder, or nobody knows which that is | missing |
    /// | is on another device | counts |
    pub fn counts(self) -> bool {
        match (self.device, self.state_device) {
            (Some(place), Some(state)) => place != state,
            _ => false,
        }
    }
}

/// The code of a fault of the place: those of the state folder mean the box's own disk.
pub fn fault(path: &str, trouble: Fault) -> Fault {
    let code = match trouble.code {
        Code::DiskFull | Code::DiskInodes => Code::CopiesFull,
        Code::StateReadOnly => Code::CopiesReadOnly,
        Code::CopiesMissing | Code::SiteNoKey | Code::SiteKeyFile => return trouble,
        _ => Code::CopiesUnproven,
    };
    let path = path.to_owned();
    let why = Box::new(trouble.cause);
    Fault::new(code, SiteCause::Copies { path, why })
}

/// The name of a copy: which item it is of (12 bytes), and of which content and standing of it (4 bytes).
pub fn name(item: NameHash, version: NameHash) -> NameHash {
    let mut name = item.0;
    name[12..].copy_from_slice(&version.0[..4]);
    NameHash(name)
}

/// Which item a copy is of.
pub fn item(name: NameHash) -> [u8; 12] {
    let mut item = [0; 12];
    item.copy_from_slice(&name.0[..12]);
    item
}

/// What is to be done at the place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyPlan {
    /// What is owed and not there.
    pub write: Vec<NameHash>,
    /// What central has: it goes first, which makes room.
    pub done: Vec<NameHash>,
    /// What goes once all of what is to be written is there.
    pub replaced: Vec<NameHash>,
    /// What is owed and there, as it stands.
    pub stays: Vec<NameHash>,
    /// Copies of which nobody knows whether central has them: some may be the only ones.
    pub unknown: Vec<NameHash>,
}

impl CopyPlan {
    /// The same where these items cannot be written, since the box's own content of them does not open: what lies at the place
    /// may be the only one.
    #[must_use]
    pub fn unwritten(mut self, items: &BTreeSet<[u8; 12]>) -> Self {
        self.replaced.retain(|name| !items.contains(&item(*name)));
        self.stays.retain(|name| !items.contains(&item(*name)));
        self
    }
}

/// Compares what lies at the place with what is owed.
///
/// | A copy is of | Then |
/// |---|---|
/// | what is owed, as it stands | stays |
/// | what is owed, as it stood before | goes once that one's successor is there; stays where that cannot be written |
/// | what is acknowledged | goes |
/// | anything else: of a file that was set aside or is not read now | stays, it may be the only one |
pub fn plan(
    held: &BTreeSet<NameHash>,
    owed: &BTreeSet<NameHash>,
    acknowledged: &BTreeSet<[u8; 12]>,
) -> CopyPlan {
    let items: BTreeMap<[u8; 12], NameHash> =
        owed.iter().map(|name| (item(*name), *name)).collect();
    let mut plan = CopyPlan {
        write: owed.difference(held).copied().collect(),
        stays: owed.intersection(held).copied().collect(),
        ..CopyPlan::default()
    };
    for name in held.difference(owed) {
        let of = item(*name);
        match items.contains_key(&of) {
            true => plan.replaced.push(*name),
            false if acknowledged.contains(&of) => plan.done.push(*name),
            false => plan.unknown.push(*name),
        }
    }
    plan
}

/// How the copies stand, as the daemon saw it last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CopyStanding {
    /// Items that are owed.
    pub owed: u64,
    /// Those of them that have a copy.
    pub copied: u64,
    /// When the oldest of the others came, Unix seconds.
    pub oldest_at: Option<i64>,
    /// When the place was proven last, Unix seconds.
    pub proven_at: Option<i64>,
    /// Why there are none, or not all.
    pub trouble: Option<Finding>,
    /// What was found there and is not as it was left: told once it is seen, until the place is proven again.
    pub odd: Option<Finding>,
}

impl CopyStanding {
    /// What a person should know.
    pub fn notices(&self) -> impl Iterator<Item = Finding> {
        self.trouble.iter().chain(&self.odd).cloned()
    }

    /// Nothing is known of the place yet but this.
    pub fn failed(self, trouble: Fault) -> Self {
        Self {
            trouble: Some(trouble.into()),
            ..self
        }
    }
}

/// A copy counts as put back where the newest proof does not list it although it is older.
pub fn is_put_back(generation: u64, listed: bool, proof: u64) -> bool {
    !listed && generation < proof
}

/// The original is taken for alive when it was heard of within so many seconds.
pub const ALIVE: i64 = 24 * 60 * 60;

/// Whether another box may adopt what this one left; `own`: they are the copies of the box that asks.
///
/// # Errors
/// `adopt.alive`.
pub fn may_adopt(
    box_id: &str,
    heard_at: i64,
    now: i64,
    own: bool,
    force: bool,
) -> Result<(), Fault> {
    // What is ahead of now was heard of by a clock that nobody vouches for: it is not old.
    if own || force || now.saturating_sub(heard_at) >= ALIVE {
        return Ok(());
    }
    let cause = SiteCause::Alive {
        id: box_id.into(),
        hours: now.saturating_sub(heard_at).max(0) as u64 / 3600,
    };
    Err(Fault::new(Code::AdoptAlive, Cause::from(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_on_another_device_alone() {
        let table = [
            (None, None, false),
            (None, Some(1), false),
            (Some(1), None, false),
            (Some(1), Some(1), false),
            (Some(2), Some(1), true),
        ];
        for (device, state_device, expected) in table {
            let look = CopyPlaceLook {
                device,
                state_device,
            };
            assert_eq!(look.counts(), expected, "{look:?}");
        }
    }

    fn named(of: u8, version: u8) -> NameHash {
        name(NameHash([of; 16]), NameHash([version; 16]))
    }

    #[test]
    fn what_is_neither_owed_nor_acknowledged_stays() {
        let held = [
            named(1, 1),
            named(2, 1),
            named(3, 1),
            named(4, 1),
            named(5, 1),
        ];
        let owed = [named(1, 1), named(2, 2), named(6, 1)];
        let acknowledged = [item(named(3, 9)), item(named(5, 1))];
        let plan = plan(
            &held.into_iter().collect(),
            &owed.into_iter().collect(),
            &acknowledged.into_iter().collect(),
        );
        assert_eq!(plan.write, [named(2, 2), named(6, 1)]);
        assert_eq!(plan.done, [named(3, 1), named(5, 1)]);
        assert_eq!(plan.replaced, [named(2, 1)]);
        assert_eq!(plan.stays, [named(1, 1)]);
        assert_eq!(plan.unknown, [named(4, 1)]);
        let kept = plan.unwritten(&[item(named(2, 2)), item(named(1, 1))].into());
        assert!(kept.replaced.is_empty() && kept.stays.is_empty());
    }

    #[test]
    fn a_box_that_was_heard_of_today_is_not_adopted() {
        let day = ALIVE;
        let table = [
            (0, day - 1, false, false, false),
            (0, day, false, false, true),
            (0, day - 1, true, false, true),
            (0, day - 1, false, true, true),
            (5 * day, 0, false, false, false),
        ];
        for (heard, now, own, force, expected) in table {
            let may = may_adopt("b", heard, now, own, force);
            assert_eq!(may.is_ok(), expected, "{heard} {now} {own} {force}");
        }
    }

    #[test]
    fn a_copy_that_a_newer_proof_does_not_list_was_put_back() {
        assert!(is_put_back(1, false, 2));
        // It came since.
        assert!(!is_put_back(2, false, 2));
        assert!(!is_put_back(3, false, 2));
        assert!(!is_put_back(1, true, 2));
    }
}
