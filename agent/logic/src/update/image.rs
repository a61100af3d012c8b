//! Decides how the files of an image come: which they are, what an answer is worth, whether what came is what was signed for.
//! Never touches a file or a socket, and never looks at a signature: systemd-sysupdate does before it installs.
//! Called by `engine::image`.

use sha2::{Digest, Sha256};

use super::version::{BOOT_SUFFIX, IMAGE_PREFIX, listed, root_of};
use super::{UpdateHold, UpdateStep};
use crate::range::ContentRange;

/// A file of an image, as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Its name, below the source.
    pub name: String,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl ImageFile {
    /// What it is called while it comes: a file of the same name with another content has another one, so that none is ever
    /// put together from two.
    pub fn part(&self) -> String {
        let print = self.sha256.get(..16).unwrap_or_default();
        format!("{}.{print}.part", self.name)
    }
}

/// The files that a version is made of, root before boot entry; `None` unless the manifest names one of each.
pub fn files_of(manifest: &str, version: &str) -> Option<[ImageFile; 2]> {
    let entry = format!("{IMAGE_PREFIX}{version}{BOOT_SUFFIX}");
    let one = |is: &dyn Fn(&str) -> bool| {
        let (hash, name) = listed(manifest).find(|(_, name)| is(name))?;
        Some(ImageFile {
            name: name.to_owned(),
            sha256: hash.to_ascii_lowercase(),
        })
    };
    let root = one(&|name| root_of(name).is_some_and(|of| of == version))?;
    Some([root, one(&|name| name == entry)?])
}

/// The version that may be brought now, whether or not it may be installed: into the state folder, where it is in nobody's way.
///
/// | step | is brought |
/// |---|---|
/// | install | yes |
/// | held by the window, a period, what is owed, an image that is being tried | yes |
/// | held by an exam | no: the line is the exam's |
/// | held since its turn in the roll-out has not come | no: the source is to be loaded evenly |
/// | held since it is impossible, failed or not supported | no: it would not be installed |
/// | reboot, nothing | there is nothing to bring |
pub fn to_bring(step: &UpdateStep) -> Option<&str> {
    let hinders = |hold: &UpdateHold| match hold {
        UpdateHold::Impossible
        | UpdateHold::Failed
        | UpdateHold::Unsupported
        | UpdateHold::Exam { .. }
        | UpdateHold::Share { .. } => true,
        UpdateHold::Unblessed
        | UpdateHold::Quiet { .. }
        | UpdateHold::Owed { .. }
        | UpdateHold::Window { .. } => false,
    };
    match step {
        UpdateStep::Install { version } => Some(version),
        UpdateStep::Held { version, by } => (!by.iter().any(hinders)).then_some(version),
        UpdateStep::Nothing | UpdateStep::Reboot { .. } => None,
    }
}

/// What an answer to a request for the rest of a file is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageAnswer {
    /// Its content belongs at this offset; what is held behind it goes.
    Take(u64),
    /// All of it is held.
    Whole,
    /// What is held fits nothing that the server has: it goes, and everything is asked for.
    Again,
    /// The server does not have it, or has something else to say.
    Refused,
}

/// How `held` bytes of a file go on:
///
/// | status | range | held | is |
/// |---|---|---|---|
/// | 200 | | any | take from the beginning: no part was given |
/// | 206 | begins where was asked | more than 0 | take from there |
/// | 206 | begins elsewhere, or is none | any | refused |
/// | 416 | of as many bytes as are held | more than 0 | whole |
/// | 416 | another, or none | more than 0 | again |
/// | any other | | any | refused |
pub fn answer(
    held: u64,
    status: u16,
    range: Option<ContentRange>,
    total: Option<u64>,
) -> ImageAnswer {
    match (status, held) {
        (200, _) => ImageAnswer::Take(0),
        (206, 1..) if range.is_some_and(|range| range.first == held) => ImageAnswer::Take(held),
        (416, 1..) if total == Some(held) => ImageAnswer::Whole,
        (416, 1..) => ImageAnswer::Again,
        _ => ImageAnswer::Refused,
    }
}

/// The SHA-256 of what goes through it.
#[derive(Debug, Default)]
pub struct ImageHash(Sha256);

impl ImageHash {
    /// The next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether all of it was this file.
    pub fn is(self, file: &ImageFile) -> bool {
        format!("{:x}", self.0.finalize()) == file.sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_root_and_its_boot_entry() {
        let (a, b) = ("a".repeat(64), "B".repeat(64));
        let manifest =
            format!("{b}  boxsync_3.root.raw\n{a}  boxsync_2.root.raw.xz\n{b} *boxsync_2.efi\n");
        let [root, entry] = files_of(&manifest, "2").unwrap();
        assert_eq!((&*root.name, &*root.sha256), ("boxsync_2.root.raw.xz", &*a));
        assert_eq!(
            (&*entry.name, entry.sha256),
            ("boxsync_2.efi", "b".repeat(64))
        );
        assert_eq!(root.part(), "boxsync_2.root.raw.xz.aaaaaaaaaaaaaaaa.part");
        assert_eq!(files_of(&manifest, "3"), None);
        assert_eq!(files_of(&manifest, "1"), None);
    }

    #[test]
    fn each_row_of_the_answers() {
        use ImageAnswer::{Again, Refused, Take, Whole};
        let from = |first: u64| ContentRange::parse(&format!("bytes {first}-9/10"));
        let table = [
            (0, 200, None, None, Take(0)),
            (5, 200, None, None, Take(0)),
            (5, 206, from(5), None, Take(5)),
            (5, 206, from(4), None, Refused),
            (5, 206, None, None, Refused),
            (0, 206, from(0), None, Refused),
            (10, 416, None, Some(10), Whole),
            (12, 416, None, Some(10), Again),
            (12, 416, None, None, Again),
            (0, 416, None, Some(0), Refused),
            (5, 404, None, None, Refused),
            (0, 503, None, None, Refused),
        ];
        for (held, status, range, total, is) in table {
            let found = answer(held, status, range, total);
            assert_eq!(found, is, "{held} {status} {range:?} {total:?}");
        }
    }

    #[test]
    fn what_is_held_for_a_while_is_brought_all_the_same() {
        let held = |by: &[UpdateHold]| UpdateStep::Held {
            version: "2".into(),
            by: by.to_vec(),
        };
        let (until, start, items) = (9, 8, 1);
        let brought = [
            UpdateHold::Window { until },
            UpdateHold::Quiet { start, until },
            UpdateHold::Owed { items },
            UpdateHold::Unblessed,
        ];
        let left = [
            UpdateHold::Impossible,
            UpdateHold::Failed,
            UpdateHold::Unsupported,
            UpdateHold::Exam { until },
            UpdateHold::Share { until },
        ];
        assert_eq!(to_bring(&held(&brought)), Some("2"));
        for hold in left {
            assert_eq!(to_bring(&held(&[brought[0], hold])), None, "{hold:?}");
        }
        let version = || "2".into();
        assert_eq!(
            to_bring(&UpdateStep::Install { version: version() }),
            Some("2")
        );
        assert_eq!(to_bring(&UpdateStep::Reboot { version: version() }), None);
        assert_eq!(to_bring(&UpdateStep::Nothing), None);
    }

    #[test]
    fn the_hash_is_that_of_all_that_came() {
        let file = ImageFile {
            name: "x".into(),
            // FIPS 180-2, B.1.
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        };
        let hash = |pieces: &[&[u8]]| {
            let mut hash = ImageHash::default();
            pieces.iter().for_each(|piece| hash.take(piece));
            hash.is(&file)
        };
        assert!(hash(&[b"a", b"bc"]));
        assert!(!hash(&[b"abd"]));
    }
}
