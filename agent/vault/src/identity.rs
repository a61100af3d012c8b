//! Who this box is, kept twice: `identity` and `identity.2` are written together, and either is enough. On a full disk
//! the older one is written over.
//! Never takes a copy that cannot be read for one that is not there.
//! Called by `engine`, which decides what the identity is; read by whoever names the box.

use std::path::PathBuf;

use logic::fault::{Code, Fault, Sealed};
use logic::identity::{BoxIdentity, newer};

use super::{SealedFile, Vault, damaged};
use system::root::{overwrite_durably, write_all_durably};

/// Both copies.
pub struct Identities {
    first: SealedFile,
    second: SealedFile,
}

/// What the copies say.
#[derive(Debug)]
pub struct IdentityCopies {
    /// Who this box is; `None` when no copy says so.
    pub identity: Option<BoxIdentity>,
    /// Copies that are there and do not open, by name.
    pub damaged: Vec<(&'static str, Fault)>,
    /// Both copies are there and say the same.
    pub whole: bool,
}

const IDENTITY_ENTRY: &str = "identity";
const SECOND: &str = "identity.2";

impl Identities {
    /// Those of an open state folder.
    pub fn of(vault: &Vault) -> Self {
        Self {
            first: vault.entry(IDENTITY_ENTRY),
            second: vault.entry(SECOND),
        }
    }

    /// Reads both. One that opens is enough, whatever is wrong with the other.
    ///
    /// # Errors
    /// What the file system says when no copy opens: what cannot be read now may be read again.
    pub fn read(&self) -> Result<IdentityCopies, Fault> {
        let mut damaged = Vec::new();
        let mut unread = None;
        let mut open = |name, entry: &SealedFile| match entry.get::<BoxIdentity>() {
            Ok(held) => held,
            Err(trouble) => {
                if trouble.code == Code::StoreDamaged {
                    damaged.push((name, trouble));
                } else {
                    unread = Some(trouble);
                }
                None
            }
        };
        let copies = (
            open(IDENTITY_ENTRY, &self.first),
            open(SECOND, &self.second),
        );
        let whole = matches!(&copies, (Some(first), Some(second)) if first == second);
        let identity = match copies {
            (Some(first), Some(second)) => Some(newer(first, second)),
            (first, second) => first.or(second),
        };
        match unread {
            Some(trouble) if identity.is_none() => Err(trouble),
            _ => Ok(IdentityCopies {
                identity,
                damaged,
                whole,
            }),
        }
    }

    /// Replaces both, durably, together with other files. A cut leaves each as it was or as it is to be, and the
    /// second one is never the older.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(
        &self,
        identity: &BoxIdentity,
        beside: impl IntoIterator<Item = (PathBuf, Vec<u8>)>,
    ) -> Result<(), Fault> {
        let mut files = vec![self.second.sealed(identity), self.first.sealed(identity)];
        files.extend(beside);
        write_all_durably(&files)
    }

    /// Writes the older copy over in its place, where there is room for no new file: the newer one stays whole meanwhile,
    /// and a cut that leaves the older one in pieces takes back no number that was used.
    ///
    /// # Errors
    /// What the file system says; then the number may not be used.
    pub fn overwrite(&self, identity: &BoxIdentity) -> Result<(), Fault> {
        let copy = |entry: &SealedFile| entry.get::<BoxIdentity>().ok().flatten();
        let number = |entry: &SealedFile| {
            let held = copy(entry).filter(|held| held.box_id == identity.box_id);
            held.map(|held| held.sync_id)
        };
        let (first, second) = (number(&self.first), number(&self.second));
        // Without one that stays whole the box itself would be at stake.
        let older = match (first, second) {
            (Some(first), Some(second)) if first < second => &self.first,
            (Some(_), _) => &self.second,
            (None, Some(_)) => &self.first,
            (None, None) => return Err(damaged(&self.first.sealed(identity).0, Sealed::File)),
        };
        let (path, sealed) = older.sealed(identity);
        overwrite_durably(&path, &sealed)?;
        match copy(older).as_ref() == Some(identity) {
            true => Ok(()),
            false => Err(damaged(&path, Sealed::File)),
        }
    }

    /// Keeps copies that do not open in `quarantine/`; they stay in their places until `put` replaces them, so that a
    /// cut in between does not make a box with a damaged identity one without any.
    ///
    /// # Errors
    /// What the file system says.
    pub fn link_aside(&self, held: &IdentityCopies) -> Result<(), Fault> {
        held.damaged.iter().try_for_each(|(name, why)| {
            let entry = if *name == IDENTITY_ENTRY {
                &self.first
            } else {
                &self.second
            };
            entry.link_aside(why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fingerprint::Fingerprint;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    fn numbered(sync_id: u64) -> BoxIdentity {
        BoxIdentity {
            sync_id,
            ..BoxIdentity::new([7; 10], Fingerprint::default())
        }
    }

    #[test]
    fn either_copy_is_enough_and_a_cut_between_them_takes_no_number_back() {
        let (_dir, vault) = Vault::fresh();
        let identities = Identities::of(&vault);
        let read = || identities.read().unwrap();
        assert!(read().identity.is_none() && read().damaged.is_empty() && !read().whole);
        identities.put(&numbered(1), []).unwrap();
        assert!(read().whole);
        // The second is renamed first: a cut in between.
        identities.second.put(&numbered(2)).unwrap();
        assert_eq!(read().identity, Some(numbered(2)));
        assert!(!read().whole);
        // The first is damaged, with the second as the cut left it.
        fs::write(vault.state().join(IDENTITY_ENTRY), "damaged").unwrap();
        assert_eq!(read().identity, Some(numbered(2)));
        assert_eq!(read().damaged[0].0, IDENTITY_ENTRY);
        identities.link_aside(&read()).unwrap();
        assert_eq!(
            read().damaged[0].0,
            IDENTITY_ENTRY,
            "a cut here loses nothing"
        );
        identities.put(&numbered(2), []).unwrap();
        assert!(read().whole && read().damaged.is_empty());
        let aside = vault.state().join("quarantine").join(IDENTITY_ENTRY);
        assert_eq!(fs::read(aside).unwrap(), b"damaged");
        for name in [IDENTITY_ENTRY, SECOND] {
            fs::write(vault.state().join(name), "damaged").unwrap();
        }
        assert!(read().identity.is_none());
        assert_eq!(read().damaged.len(), 2);
    }

    #[test]
    fn a_number_is_kept_where_no_new_file_can_be_made_and_the_newer_copy_stays_whole() {
        let (_dir, vault) = Vault::fresh();
        let identities = Identities::of(&vault);
        identities.put(&numbered(126), []).unwrap();
        let held = |name| vault.entry(name).get::<BoxIdentity>().ok().flatten();
        let inode = |name| fs::metadata(vault.state().join(name)).unwrap().ino();
        let inodes = (inode(IDENTITY_ENTRY), inode(SECOND));
        // The number grows by a byte on the way.
        for (number, older) in [
            (127, SECOND),
            (128, IDENTITY_ENTRY),
            (129, SECOND),
            (16_384, IDENTITY_ENTRY),
        ] {
            let newer = if older == IDENTITY_ENTRY {
                SECOND
            } else {
                IDENTITY_ENTRY
            };
            let before = held(newer);
            identities.overwrite(&numbered(number)).unwrap();
            assert_eq!(identities.read().unwrap().identity, Some(numbered(number)));
            assert_eq!((held(older), held(newer)), (Some(numbered(number)), before));
        }
        assert_eq!((inode(IDENTITY_ENTRY), inode(SECOND)), inodes);
        // A cut in the middle of one: the other one tells the last number that was used.
        fs::write(vault.state().join(SECOND), "half").unwrap();
        assert_eq!(identities.read().unwrap().identity, Some(numbered(16_384)));
        identities.overwrite(&numbered(16_385)).unwrap();
        assert_eq!(held(IDENTITY_ENTRY), Some(numbered(16_384)));
        assert_eq!(held(SECOND), Some(numbered(16_385)));
        // Another box's copies, and copies of which none opens, are not touched.
        let other = BoxIdentity::new([8; 10], Fingerprint::default());
        identities.overwrite(&other).unwrap_err();
        for name in [IDENTITY_ENTRY, SECOND] {
            fs::write(vault.state().join(name), "damaged").unwrap();
        }
        identities.overwrite(&numbered(16_386)).unwrap_err();
        assert_eq!(
            fs::read(vault.state().join(IDENTITY_ENTRY)).unwrap(),
            b"damaged"
        );
        // A copy that is not there would need a new file.
        fs::remove_file(vault.state().join(SECOND)).unwrap();
        vault.entry(IDENTITY_ENTRY).put(&numbered(5)).unwrap();
        identities.overwrite(&numbered(6)).unwrap_err();
        assert_eq!(held(IDENTITY_ENTRY), Some(numbered(5)));
    }

    #[test]
    fn the_one_file_of_an_earlier_boxsync_is_enough() {
        let (_dir, vault) = Vault::fresh();
        vault.entry(IDENTITY_ENTRY).put(&numbered(41)).unwrap();
        let held = Identities::of(&vault).read().unwrap();
        assert_eq!(held.identity, Some(numbered(41)));
        assert!(!held.whole, "the next who holds the lock writes both");
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_none_that_is_missing() {
        let (_dir, vault) = Vault::fresh();
        fs::create_dir(vault.state().join(IDENTITY_ENTRY)).unwrap();
        assert_eq!(
            Identities::of(&vault).read().unwrap_err().code,
            Code::StateIo
        );
        vault.entry(SECOND).put(&numbered(3)).unwrap();
        let held = Identities::of(&vault).read().unwrap();
        assert_eq!(held.identity, Some(numbered(3)));
    }
}
