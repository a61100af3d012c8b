//! Reads what the machine looks like: mainboard, installation, disks, network cards.
//! Never fails: what cannot be read is left out of the picture.
//! Called by `engine` when it asks who this box is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use logic::fingerprint::Fingerprint;

use crate::root::Root;

/// The credential with the DMI product uuid, which only root may read.
const BOARD: &str = "dmi-uuid";

/// The machine as it can be seen from here.
pub fn fingerprint(root: &Root) -> Fingerprint {
    let board = root
        .credentials()
        .and_then(|folder| text(&folder.join(BOARD)))
        .or_else(|| text(&root.host("sys/class/dmi/id/product_uuid")));
    Fingerprint {
        board: board.unwrap_or_default(),
        machine: text(&root.host("etc/machine-id")).unwrap_or_default(),
        disks: each(
            &root.host("sys/class/block"),
            &["device/wwid", "device/serial", "wwid", "serial"],
        ),
        cards: each(&root.host("sys/class/net"), &["address"])
            .into_iter()
            .filter(|address| is_burnt_in(address))
            .collect(),
    }
}

/// The first readable one of `names` in each entry of a folder.
fn each(folder: &Path, names: &[&str]) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| names.iter().find_map(|name| text(&entry.path().join(name))))
        .collect()
}

/// An address that a card was made with: not the loopback's, not one that software gave (IEEE 802: bit 1 of the
/// first octet).
fn is_burnt_in(address: &str) -> bool {
    let first = address
        .get(..2)
        .and_then(|octet| u8::from_str_radix(octet, 16).ok());
    address != "00:00:00:00:00:00" && first.is_some_and(|octet| octet & 2 == 0)
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_cards_count() {
        assert!(is_burnt_in("3c:ec:ef:00:00:01"));
        assert!(
            !is_burnt_in("02:42:ac:11:00:02")
                && !is_burnt_in("00:00:00:00:00:00")
                && !is_burnt_in("")
        );
    }
}
