//! Second copies of what the box owes: whether their place counts, which go and which stay, and how they stand.
//! Never a path, file or clock. A copy is never a reason to refuse or to lose what was handed in.
//! Called by `agent::copies`, which writes them, and by whoever shows how they stand.

mod spread;

pub use spread::{CopySpread, MetSibling, RoomStanding, choice};

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
    /// What was of no use there when it was looked at last: such a file is told once, however long it lies there.
    #[serde(skip)]
    pub useless: BTreeSet<NameHash>,
}

impl CopyStanding {
    /// These are of no use now. Gives those that were not told before.
    pub fn found_useless(&mut self, names: Vec<NameHash>) -> Vec<NameHash> {
        let useless = names.into_iter().collect();
        let before = std::mem::replace(&mut self.useless, useless);
        self.useless.difference(&before).copied().collect()
    }

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

/// A box that left something at a place.
#[derive(Debug, Clone, Copy)]
pub struct LeavingBox<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was heard of last, Unix seconds.
    pub heard_at: i64,
    /// It is the box that asks.
    pub own: bool,
    /// It handed this over itself, to be adopted.
    pub handed: bool,
}

impl LeavingBox<'_> {
    /// What is ahead of now was heard of by a clock that nobody vouches for: it is not old.
    fn is_alive(&self, now: i64) -> bool {
        !self.own && !self.handed && now.saturating_sub(self.heard_at) < ALIVE
    }
}

/// Which boxes' copies are adopted; `chosen`: those of one box alone.
///
/// | At the place | Then |
/// |---|---|
/// | boxes that were not heard of within a day, what a box handed over, and the box's own copies | adopted |
/// | others that were, beside them | passed over: a place that boxes share has the copies of those at work |
/// | nothing but boxes that were | refused |
/// | one that was, alone or chosen, with `force` | adopted |
/// | several that were, none chosen, with `force` | refused: nobody means them all |
///
/// # Errors
/// `adopt.alive`; `adopt.none` where the chosen box left nothing.
pub fn adopted(
    all: &[LeavingBox<'_>],
    now: i64,
    chosen: Option<&str>,
    force: bool,
) -> Result<Vec<bool>, Fault> {
    let is_meant = |one: &&LeavingBox<'_>| chosen.is_none_or(|id| id == one.id);
    if let Some(id) = chosen.filter(|_| all.iter().find(is_meant).is_none()) {
        let cause = SiteCause::NothingOf { id: id.into() };
        return Err(Fault::new(Code::AdoptNone, cause));
    }
    let is_alive = |one: &LeavingBox<'_>| one.is_alive(now);
    let alive = all.iter().filter(is_meant).filter(|one| is_alive(one));
    let forced = force && alive.clone().count() == 1;
    let adopted = |one: &LeavingBox<'_>| is_meant(&one) && (forced || !is_alive(one));
    let adopted: Vec<bool> = all.iter().map(adopted).collect();
    match alive.clone().next() {
        Some(one) if !forced && (force || !adopted.contains(&true)) => {
            let cause = SiteCause::Alive {
                id: one.id.into(),
                hours: now.saturating_sub(one.heard_at).max(0) as u64 / 3600,
            };
            Err(Fault::new(Code::AdoptAlive, Cause::from(cause)))
        }
        _ => Ok(adopted),
    }
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
    fn a_box_that_was_heard_of_today_is_adopted_when_it_alone_is_meant() {
        const NOW: i64 = 10 * ALIVE;
        // `d` is dead, `a` and `b` are alive, `f` is ahead of this clock, `o` is the box itself, `h` is alive and handed over.
        let of = |id: char| LeavingBox {
            id: match id {
                'd' => "d",
                'a' => "a",
                'b' => "b",
                'f' => "f",
                'h' => "h",
                _ => "o",
            },
            heard_at: match id {
                'd' => NOW - ALIVE,
                'f' => NOW + ALIVE,
                _ => NOW - ALIVE + 1,
            },
            own: id == 'o',
            handed: id == 'h',
        };
        let table = [
            ("d", None, false, Some("d")),
            ("a", None, false, None),
            ("f", None, false, None),
            ("o", None, false, Some("o")),
            ("dab", None, false, Some("d")),
            ("oa", None, false, Some("o")),
            ("h", None, false, Some("h")),
            ("ha", None, false, Some("h")),
            ("ha", Some("a"), false, None),
            ("ab", None, false, None),
            ("a", None, true, Some("a")),
            ("da", None, true, Some("da")),
            ("dab", None, true, None),
            ("dab", Some("a"), false, None),
            ("dab", Some("a"), true, Some("a")),
            ("dab", Some("d"), false, Some("d")),
            ("dab", Some("x"), true, None),
            ("", None, false, Some("")),
        ];
        for (all, chosen, force, expected) in table {
            let boxes: Vec<LeavingBox<'_>> = all.chars().map(of).collect();
            let adopted = adopted(&boxes, NOW, chosen, force).ok();
            let adopted = adopted.map(|adopted| {
                let adopted = boxes.iter().zip(adopted).filter(|(_, is)| *is);
                adopted.map(|(one, _)| one.id).collect::<String>()
            });
            assert_eq!(adopted.as_deref(), expected, "{all} {chosen:?} {force}");
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
