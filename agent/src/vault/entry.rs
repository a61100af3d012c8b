//! Small sealed files, each replaced whole: credentials, identity, the account of the last run, …
//! Never takes a damaged file as a missing one.
//! Called by `vault`'s owners through `Vault::entry`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logic::seal::Sealer;
use logic::words::Trouble;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Keyring, Vault, damaged, random};
use crate::root::{remove_durably, replace_durably, set_aside, trouble};

/// One sealed file. Its name is bound to its content: files that change places do not open.
#[derive(Clone)]
pub struct Entry {
    path: PathBuf,
    name: &'static str,
    sealer: Sealer,
}

impl Entry {
    pub(super) fn new(state: &Path, name: &'static str, keys: &Keyring) -> Self {
        Self {
            path: state.join(name),
            name,
            sealer: keys.sealer("entry"),
        }
    }

    /// What the file holds; `None` when there is none.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn get<T: DeserializeOwned>(&self) -> Result<Option<T>, Trouble> {
        let sealed = match fs::read(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(&self.path, "read", &error)),
        };
        self.sealer
            .open(self.name.as_bytes(), &sealed)
            .ok()
            .and_then(|plain| postcard::from_bytes(&plain).ok())
            .map(Some)
            .ok_or_else(|| damaged(&self.path, "this file"))
    }

    /// Replaces what the file holds, durably: the successor is read back and opens before the predecessor goes.
    ///
    /// # Errors
    /// What the file system says; then the predecessor is still there.
    pub fn put<T: Serialize>(&self, value: &T) -> Result<(), Trouble> {
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
    pub fn set_aside(&self, vault: &Vault) -> Result<PathBuf, Trouble> {
        set_aside(&vault.state().join("quarantine"), &self.path)
    }

    /// Removes the file, durably.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Trouble> {
        remove_durably(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_and_a_damaged_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keyring::open(dir.path()).unwrap();
        let entry = Entry::new(dir.path(), "identity", &keys);
        assert_eq!(entry.get::<String>().unwrap(), None);
        entry.put(&"one".to_owned()).unwrap();
        entry.put(&"two".to_owned()).unwrap();
        assert_eq!(entry.get::<String>().unwrap().as_deref(), Some("two"));
        let bytes = fs::read(dir.path().join("identity")).unwrap();
        assert!(!bytes.windows(3).any(|w| w == b"two"));
        fs::copy(dir.path().join("identity"), dir.path().join("other")).unwrap();
        let other = Entry::new(dir.path(), "other", &keys);
        assert_eq!(other.get::<String>().unwrap_err().code, "store.damaged");
        entry.remove().unwrap();
        entry.remove().unwrap();
        assert_eq!(entry.get::<String>().unwrap(), None);
    }
}
