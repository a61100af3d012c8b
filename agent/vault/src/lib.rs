//! Everything that the box keeps, sealed: catalogue, packages, credentials, identity, history, what it owes.
//! Never keeps anything irreplaceable in sled, and never shows half a run.
//! Called by `engine`, `cli` and `socket`. Readers need no lock: what they see was renamed into place.

pub mod carry;
pub mod catalogue;
pub mod copies;
pub mod encryption;
pub mod entry;
pub mod feed;
mod frames;
pub mod handed;
pub mod history;
pub mod identity;
pub mod index;
pub mod key;
mod layout;
mod organisations;
pub mod package;
pub mod spool;
mod time;

pub use entry::SealedFile;
pub use key::Keyring;
pub use organisations::AddedOrganisation;

use std::path::{Path, PathBuf};

use logic::fault::{Code, Fault, FileCause, Sealed};

use organisations::OrganisationHome;
use system::root::Root;

/// The open state folder, seen as one of its organisations: paths and keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    state: PathBuf,
    home: OrganisationHome,
    keys: Keyring,
}

impl Vault {
    /// Opens the state folder with the key of the credentials directory or of the folder itself; makes a key in a
    /// folder that holds nothing yet.
    ///
    /// # Errors
    /// `key.sealed` without a key, `key.wrong` with another one, `state.newer`, or what the files say.
    pub fn open(root: &Root) -> Result<Self, Fault> {
        let held = system::root::prepare(root)?;
        let state = root.state();
        let keys = Keyring::open_with(&state, root.credentials())?;
        let vault = Self {
            state,
            home: OrganisationHome::default(),
            keys,
        };
        layout::bring(root, &vault, held)?;
        vault.open_time();
        Ok(vault)
    }

    /// One of an empty folder.
    #[cfg(test)]
    pub(crate) fn fresh() -> (tempfile::TempDir, Self) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Self::open(&Root::new(dir.path())).unwrap();
        (dir, vault)
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The keys.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// A small sealed file of the box, e.g. its identity.
    pub fn entry(&self, name: &'static str) -> SealedFile {
        SealedFile::new(&self.state, name, &self.keys)
    }
}

/// Small files of the state folder that are put aside when they do not open, since they can be made anew.
const SMALL_FILES: [&str; 10] = [
    "confirmations",
    "copies",
    "edition",
    "encryption",
    "enrolment",
    "identity",
    "last",
    "orders",
    "probe",
    "trace",
];

/// Whether a file of the quarantine, numbered or not, is one of those; others are of the spool.
pub fn is_small_file(name: &str) -> bool {
    let rest = |small: &&str| name.strip_prefix(small);
    let numbered = |rest: &str| {
        rest.split('.')
            .skip(1)
            .all(|part| part.parse::<u32>().is_ok())
    };
    let rest = SMALL_FILES.iter().find_map(rest);
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && numbered(rest)))
}

/// Files that lie in a folder of what did not open, by name; the index store leaves folders.
pub fn quarantined(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A sealed thing that does not open: told by name, never taken as empty.
pub fn damaged(path: &Path, what: Sealed) -> Fault {
    let path = path.display().to_string();
    Fault::new(Code::StoreDamaged, FileCause::Damaged { path, what })
}

/// So many random bytes from the kernel.
pub fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes once it has booted");
    bytes
}

/// Random bytes from the kernel.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes once it has booted");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_told_from_those_of_the_spool() {
        for small in [
            "identity",
            "identity.2",
            "identity.2.3",
            "edition",
            "last.7",
        ] {
            assert!(is_small_file(small), "{small}");
        }
        for other in [
            "notes.txt",
            "ab-0.item",
            "ab-0.state.2",
            "lastly",
            "last.txt",
            "identity2",
        ] {
            assert!(!is_small_file(other), "{other}");
        }
    }
}
