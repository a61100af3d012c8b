//! What the names on the disk say of the images: places, boot entries, tries that are left.
//! Never reads a disk: names are arguments.
//! Called by the verb `update`, which lists them.

use super::version::{self, BOOT_SUFFIX, IMAGE_PREFIX, is_version};

/// The label of a place that holds no image (sysupdate.d(5), "MatchPattern").
const EMPTY: &str = "_empty";
/// Labels of the appliance of earlier releases, whose second place nothing fills.
const FIXED: &str = "boxsync-";

/// A boot entry by its file name (systemd, "Automatic Boot Assessment").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootEntry {
    /// The version in it.
    pub version: String,
    /// Tries that are left; `None` for one that is blessed.
    pub left: Option<u32>,
}

impl BootEntry {
    /// Reads `boxsync_VERSION.efi`, `boxsync_VERSION+LEFT.efi` and `boxsync_VERSION+LEFT-DONE.efi`, also of a
    /// `.conf`; `None` for another name.
    pub fn of(name: &str) -> Option<Self> {
        let stem = name
            .strip_suffix(BOOT_SUFFIX)
            .or_else(|| name.strip_suffix(".conf"))?;
        let stem = stem.strip_prefix(IMAGE_PREFIX)?;
        let (version, left) = match stem.rsplit_once('+') {
            None => (stem, None),
            Some((version, counters)) => {
                let (left, done) = counters.split_once('-').unwrap_or((counters, "0"));
                done.parse::<u32>().ok()?;
                (version, Some(left.parse().ok()?))
            }
        };
        is_version(version).then(|| Self {
            version: version.to_owned(),
            left,
        })
    }
}

/// Places for root images, by the labels of the partitions.
pub fn slots<'a>(labels: impl Iterator<Item = &'a str>) -> usize {
    let is_place = |label: &&str| {
        // udev writes so what its links may not have in their names.
        let label = label.replace("\\x7e", "~").replace("\\x5e", "^");
        label == EMPTY || label.strip_prefix(IMAGE_PREFIX).is_some_and(is_version)
    };
    labels
        .filter(|label| !label.starts_with(FIXED))
        .filter(is_place)
        .count()
}

/// What the boot entries say beside the version that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootEntries {
    /// The newest other version that may still be booted.
    pub installed: Option<String>,
    /// Versions of which no try is left.
    pub failed: Vec<String>,
    /// The one that runs is still counted.
    pub unblessed: bool,
}

impl BootEntries {
    /// Reads the names of entries.
    pub fn of(entries: &[BootEntry], running: &str) -> Self {
        let runs = |entry: &&BootEntry| version::compare(&entry.version, running).is_eq();
        let is_failed = |entry: &&BootEntry| entry.left == Some(0) && !runs(entry);
        let others = entries
            .iter()
            .filter(|entry| !runs(entry) && !is_failed(entry));
        Self {
            installed: version::newest(others.map(|entry| &*entry.version)).map(str::to_owned),
            failed: entries
                .iter()
                .filter(is_failed)
                .map(|entry| entry.version.clone())
                .collect(),
            unblessed: entries
                .iter()
                .filter(runs)
                .any(|entry| entry.left.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_by_their_names() {
        let of = |name| BootEntry::of(name).map(|entry| (entry.version, entry.left));
        let table = [
            ("boxsync_2026.1.efi", Some(("2026.1", None))),
            ("boxsync_2026.2+3.efi", Some(("2026.2", Some(3)))),
            ("boxsync_2026.3+0-2.efi", Some(("2026.3", Some(0)))),
            ("boxsync_2026.3+1-2.conf", Some(("2026.3", Some(1)))),
            ("boxsync_.efi", None),
            ("boxsync_2026.3+x.efi", None),
            ("boxsync_2026.3+1-.efi", None),
            ("debian_12.efi", None),
            ("boxsync_2026.1.efi.bak", None),
        ];
        for (name, read) in table {
            let read = read.map(|(version, left)| (version.to_owned(), left));
            assert_eq!(of(name), read, "{name}");
        }
    }

    #[test]
    fn places_are_counted_by_their_labels() {
        let count = |labels: &[&str]| slots(labels.iter().copied());
        assert_eq!(
            count(&["esp", "boxsync_2026.1", "_empty", "boxsync-var"]),
            2
        );
        assert_eq!(count(&["boxsync_2026.1", "boxsync_2026.2"]), 2);
        // As udev's links are called.
        assert_eq!(count(&[r"boxsync_2026.1\x7erc1\x5e2", "_empty"]), 2);
        // The appliance of today: nothing would fill its second place.
        assert_eq!(count(&["boxsync-a", "boxsync-b", "boxsync-var"]), 0);
        assert_eq!(count(&["boxsync-a", "_empty", "boxsync-var"]), 1);
    }

    #[test]
    fn what_was_tried_and_what_is_tried_is_told() {
        let entries = |names: &[&str]| -> Vec<BootEntry> {
            names
                .iter()
                .filter_map(|name| BootEntry::of(name))
                .collect()
        };
        let all = entries(&[
            "boxsync_1.efi",
            "boxsync_2+1-2.efi",
            "boxsync_3+0-3.efi",
            "boxsync_4+3.efi",
        ]);
        let told = BootEntries::of(&all, "2");
        assert!(told.unblessed);
        assert_eq!(
            (told.installed.as_deref(), told.failed),
            (Some("4"), vec!["3".to_owned()])
        );
        let told = BootEntries::of(&entries(&["boxsync_1.efi", "boxsync_2+0-3.efi"]), "1");
        assert!(!told.unblessed && told.installed.is_none());
        assert_eq!(told.failed, ["2"]);
        // Where all are bad the last one is booted all the same, and is still being tried.
        assert!(BootEntries::of(&entries(&["boxsync_2+0-3.efi"]), "2").unblessed);
    }
}
