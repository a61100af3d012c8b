//! What a machine looks like, and whether an image now runs on another one than the one that made its box id.
//! Never takes a replaced part for another machine: one difference alone proves nothing, unless it is the mainboard's.
//! Called by `engine` before the box says a word to central.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is known of a machine; what cannot be read is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fingerprint {
    /// DMI product uuid: the mainboard's. Only root reads it, so it comes as a credential.
    pub board: String,
    /// `/etc/machine-id` (machine-id(5)): the installation's.
    pub machine: String,
    /// Serial number or wwid of the disks.
    pub disks: BTreeSet<String>,
    /// Hardware addresses of the network cards.
    pub cards: BTreeSet<String>,
}

impl Fingerprint {
    /// Why this machine is another one than `earlier`; `None` while it is the same, perhaps with a new part.
    pub fn clone_of(&self, earlier: &Self) -> Option<String> {
        if !self.board.is_empty() && !earlier.board.is_empty() {
            return (self.board != earlier.board)
                .then(|| "the mainboard is another one".to_owned());
        }
        let apart = |now: &BTreeSet<String>, then: &BTreeSet<String>| {
            !now.is_empty() && !then.is_empty() && now.is_disjoint(then)
        };
        let texts = !self.machine.is_empty()
            && !earlier.machine.is_empty()
            && self.machine != earlier.machine;
        let signs = [
            (texts, "the machine id"),
            (apart(&self.disks, &earlier.disks), "the disks"),
            (apart(&self.cards, &earlier.cards), "the network cards"),
        ];
        let other: Vec<&str> = signs
            .iter()
            .filter(|(differs, _)| *differs)
            .map(|(_, sign)| *sign)
            .collect();
        (other.len() >= 2).then(|| format!("{} are others", other.join(" and ")))
    }

    /// What is kept for the next comparison: what can be read now, and what was known and cannot be read now.
    #[must_use]
    pub fn merged(&self, earlier: &Self) -> Self {
        let text = |now: &String, then: &String| {
            if now.is_empty() {
                then.clone()
            } else {
                now.clone()
            }
        };
        let set = |now: &BTreeSet<String>, then: &BTreeSet<String>| {
            if now.is_empty() {
                then.clone()
            } else {
                now.clone()
            }
        };
        Self {
            board: text(&self.board, &earlier.board),
            machine: text(&self.machine, &earlier.machine),
            disks: set(&self.disks, &earlier.disks),
            cards: set(&self.cards, &earlier.cards),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(board: &str, machine: &str, disk: &str, card: &str) -> Fingerprint {
        let set = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Fingerprint {
            board: board.into(),
            machine: machine.into(),
            disks: set(disk),
            cards: set(card),
        }
    }

    #[test]
    fn a_clone_differs_in_more_than_one_part() {
        let here = of("b1", "m1", "d1", "c1 c2");
        let table = [
            ("the same", of("b1", "m1", "d1", "c1 c2"), false),
            ("another card", of("b1", "m1", "d1", "c9"), false),
            (
                "another card, board unreadable",
                of("", "m1", "d1", "c9"),
                false,
            ),
            ("one card of two", of("", "m9", "d1", "c2"), false),
            (
                "another disk with a restored backup",
                of("b1", "m1", "d9", "c1"),
                false,
            ),
            (
                "the image on another board",
                of("b9", "m1", "d1", "c1"),
                true,
            ),
            (
                "the image on another machine, board unreadable",
                of("", "m1", "d9", "c9"),
                true,
            ),
            (
                "a virtual machine copied and started",
                of("", "m9", "", "c9"),
                true,
            ),
            ("nothing can be read", of("", "", "", ""), false),
        ];
        for (what, now, clone) in table {
            assert_eq!(now.clone_of(&here).is_some(), clone, "{what}");
        }
    }

    #[test]
    fn what_cannot_be_read_today_is_not_forgotten() {
        let merged = of("", "m1", "", "c9").merged(&of("b1", "m1", "d1", "c1"));
        assert_eq!(merged, of("b1", "m1", "d1", "c9"));
    }
}
