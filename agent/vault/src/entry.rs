//! Small sealed files, each replaced whole: credentials, identity, the account of the last run, …
//! Never takes a damaged file as a missing one.
//! Called by `vault`'s owners through `Vault::entry`.

use std::io;
use std::path::{Path, PathBuf};

use logic::fault::{Code, Fault, FileAct, Sealed};
use logic::seal::Sealer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Keyring, Vault, damaged, random};
use system::journal::event;
use system::root::{link_aside, read_regular, remove_durably, replace_durably, set_aside, trouble};

/// One sealed file. Its name is bound to its content: files that change places do not open.
#[derive(Clone)]
pub struct SealedFile {
    path: PathBuf,
    /// Where it is put aside.
    quarantine: PathBuf,
    /// What its content is bound to.
    name: String,
    sealer: Sealer,
}

impl SealedFile {
    pub(super) fn new(state: &Path, name: &'static str, keys: &Keyring) -> Self {
        Self::bound(state, state.join(name), name.to_owned(), keys)
    }

    /// One at a place of the state folder, bound to a name that no other has.
    pub(super) fn bound(state: &Path, path: PathBuf, name: String, keys: &Keyring) -> Self {
        Self {
            path,
            quarantine: state.join("quarantine"),
            name,
            sealer: keys.sealer("entry"),
        }
    }

    /// What the file holds; `None` when there is none.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        let sealed = match read_regular(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(&self.path, FileAct::Read, &error)),
        };
        self.sealer
            .open(self.name.as_bytes(), &sealed)
            .ok()
            .and_then(|plain| postcard::from_bytes(&plain).ok())
            .map(Some)
            .ok_or_else(|| damaged(&self.path, Sealed::File))
    }

    /// What the file holds, for what can be made anew: a damaged file is moved to `quarantine/`, told in the journal,
    /// and counts as none. Only for who holds the lock.
    ///
    /// # Errors
    /// What the file system says.
    pub fn get_or_set_aside<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        match self.get() {
            Err(trouble) if trouble.code == Code::StoreDamaged => {
                let aside = set_aside(&self.quarantine, &self.path)?;
                told(&trouble, &aside);
                Ok(None)
            }
            held => held,
        }
    }

    /// Keeps a file that does not open in `quarantine/` as well, before it is replaced, and tells the journal why.
    ///
    /// # Errors
    /// What the file system says.
    pub fn link_aside(&self, why: &Fault) -> Result<(), Fault> {
        told(why, &link_aside(&self.quarantine, &self.path)?);
        Ok(())
    }

    /// The file and its content as `root::write_all_durably` takes them, to be written together with others.
    pub fn sealed<T: Serialize>(&self, value: &T) -> (PathBuf, Vec<u8>) {
        let plain = postcard::to_allocvec(value).expect("plain data always serialises");
        let sealed = self.sealer.seal(random(), self.name.as_bytes(), &plain);
        (self.path.clone(), sealed)
    }

    /// Whether the disk gives the file, whatever it holds; one that is not there is given.
    ///
    /// # Errors
    /// `disk.failing` alone.
    pub fn given(&self) -> Result<(), Fault> {
        match read_regular(&self.path).map_err(|error| trouble(&self.path, FileAct::Read, &error)) {
            Err(failing) if failing.code == Code::DiskFailing => Err(failing),
            _ => Ok(()),
        }
    }

    /// Replaces what the file holds, durably: the successor is read back and opens before the predecessor goes.
    ///
    /// # Errors
    /// What the file system says; then the predecessor is still there.
    pub fn put<T: Serialize>(&self, value: &T) -> Result<(), Fault> {
        let plain = postcard::to_allocvec(value).expect("plain data always serialises");
        let sealed = self.sealer.seal(random(), self.name.as_bytes(), &plain);
        let opens = |read: &[u8]| {
            self.sealer.open(self.name.as_bytes(), read).ok().as_ref() == Some(&plain)
        };
        replace_durably(&self.path, &sealed, opens)
    }

    /// Moves the file aside, e.g. one that does not open, before another takes its place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_aside(&self, vault: &Vault) -> Result<PathBuf, Fault> {
        set_aside(&vault.state().join("quarantine"), &self.path)
    }

    /// Removes the file, durably.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Fault> {
        remove_durably(&self.path)
    }
}

fn told(why: &Fault, aside: &Path) {
    tracing::warn!(
        message_id = event::STORE_REBUILT.id,
        code = %event::STORE_REBUILT.code,
        "{why}: it lies in {} now",
        aside.display()
    );
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_entry_survives_and_a_damaged_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keyring::open(dir.path()).unwrap();
        let entry = SealedFile::new(dir.path(), "identity", &keys);
        assert_eq!(entry.get::<String>().unwrap(), None);
        entry.put(&"one".to_owned()).unwrap();
        entry.put(&"two".to_owned()).unwrap();
        assert_eq!(entry.get::<String>().unwrap().as_deref(), Some("two"));
        let bytes = fs::read(dir.path().join("identity")).unwrap();
        assert!(!bytes.windows(3).any(|w| w == b"two"));
        fs::copy(dir.path().join("identity"), dir.path().join("other")).unwrap();
        let other = SealedFile::new(dir.path(), "other", &keys);
        assert_eq!(other.get::<String>().unwrap_err().code, Code::StoreDamaged);
        entry.remove().unwrap();
        entry.remove().unwrap();
        assert_eq!(entry.get::<String>().unwrap(), None);
    }

    #[test]
    fn what_can_be_made_anew_is_put_aside_when_it_does_not_open() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keyring::open(dir.path()).unwrap();
        let entry = SealedFile::new(dir.path(), "last", &keys);
        assert_eq!(entry.get_or_set_aside::<String>().unwrap(), None);
        fs::write(dir.path().join("last"), "damaged").unwrap();
        assert_eq!(entry.get_or_set_aside::<String>().unwrap(), None);
        let aside = fs::read(dir.path().join("quarantine/last")).unwrap();
        assert_eq!(aside, b"damaged");
        entry.put(&"new".to_owned()).unwrap();
        assert_eq!(
            entry.get_or_set_aside::<String>().unwrap().as_deref(),
            Some("new")
        );
    }
}
