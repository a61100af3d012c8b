//! Reads what the machine looks like: mainboard, installation, disks, network cards; and its time zone.
//! Never fails: what cannot be read is left out of the picture.
//! Called by `engine` when it asks who this box is, and by whoever reads the configuration.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use logic::fingerprint::Fingerprint;
use logic::zone::Zone;

use system::root::Root;

/// The credential with the DMI product uuid, which only root may read.
const PRODUCT_UUID_CREDENTIAL: &str = "dmi-uuid";

/// The machine as it can be seen from here.
pub fn fingerprint(root: &Root) -> Fingerprint {
    let board = root
        .credentials()
        .and_then(|folder| text(&folder.join(PRODUCT_UUID_CREDENTIAL)))
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

/// The time zone of the box: that of `TZ` where it is set, else of `etc/localtime`; UTC where neither can be read.
pub fn zone(root: &Root) -> Zone {
    let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let zone = match named {
        Some(name) => zone_named(root, name.trim_start_matches(':')),
        None => zone_file(&root.host("etc/localtime")),
    };
    zone.unwrap_or_default()
}

fn zone_named(root: &Root, name: &str) -> Option<Zone> {
    let of_file = || match name.starts_with('/') {
        true => zone_file(Path::new(name)),
        false => zone_file(&root.host("usr/share/zoneinfo").join(name)),
    };
    Zone::posix(name).or_else(of_file)
}

/// No zone of the world takes as much as a hundredth of this.
const ZONE: u64 = 1 << 20;

fn zone_file(path: &Path) -> Option<Zone> {
    let mut file = Vec::new();
    // A FIFO or a device in its place would hold everything up.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let reader = fs::File::open(path).ok()?;
    reader.take(ZONE).read_to_end(&mut file).ok()?;
    Zone::tzif(&file)
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
    fn the_zone_is_that_of_the_box() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let summer = 1_784_073_600;
        let local = dir.path().join("etc/localtime");
        assert_eq!(zone_file(&local), None);
        fs::create_dir_all(local.parent().unwrap()).unwrap();
        let paris = [b"TZif2", &[0; 39][..], b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"].concat();
        fs::write(&local, &paris).unwrap();
        let zone = zone_file(&local).unwrap();
        assert_eq!(zone.offset(summer), 7200);
        let folder = dir.path().join("usr/share/zoneinfo/Europe");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Paris"), &paris).unwrap();
        assert_eq!(zone_named(&root, "Europe/Paris"), Some(zone));
        assert_eq!(zone_named(&root, "Europe/Nowhere"), None);
        assert_eq!(zone_named(&root, "Europe"), None);
        assert_eq!(zone_named(&root, "EST5").unwrap().offset(summer), -18_000);
    }

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
