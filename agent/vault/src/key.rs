//! The keys at rest: an envelope key from the credentials directory or from a file, a data key wrapped by it.
//! Never makes a second key beside data that another one sealed, and never waits for the lock when a key opens.
//! Called by `vault` when the state folder is opened, and by `key rotate`.

mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logic::envelope::RotationStep;
use logic::fault::{Code, Fault, FileAct, FileCause, KeyLack};
use logic::seal::{Key, NameHash, Sealer};

use files::{Files, KeyFilesLook};
use system::root::{Lock, is_temporary, lock_folder, trouble};

/// The credential and the file that hold the envelope key: 32 bytes, or 64 hex digits.
pub const KEY_NAME: &str = "boxsync.key";

/// The file that holds the data key, wrapped by the envelope key.
pub const WRAPPED_NAME: &str = "data.key";

/// The same as a credential that was sealed for this machine; systemd opens it (systemd-creds(1)).
const SEALED_NAME: &str = "boxsync.key.sealed";

/// Files that a new state folder may hold before its first key is made.
const NOT_DATA: [&str; 3] = ["version", "lock", "lost+found"];

/// How long a change of keys waits for another process that changes the state.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// The data key and what is derived from it.
#[derive(Debug, Clone)]
pub struct Keyring {
    data: Key,
    names: Key,
    /// The state folder that they belong to.
    state: PathBuf,
    /// The folder that an envelope key of the service manager comes from.
    credentials: Option<PathBuf>,
}

impl Keyring {
    /// As `open_with`, for a state folder whose key is its own.
    #[cfg(test)]
    pub fn open(state: &Path) -> Result<Self, Fault> {
        Self::open_with(state, None)
    }

    /// Opens the data key of a state folder, or makes it in an empty one. The envelope key is a credential, or a file of
    /// the folder. A change of keys that was cut is brought to its end, unless another process has the state in its
    /// hands: then the next start does it.
    ///
    /// # Errors
    /// `key.sealed` when the folder holds data and no key is at hand; `key.wrong` when the key at hand is another one.
    pub fn open_with(state: &Path, credentials: Option<PathBuf>) -> Result<Self, Fault> {
        let files = Files::new(state, credentials.clone());
        let look = match files.look()? {
            look if look.wrapped.is_none() => made(state, &files)?,
            look => settled(&files, look)?,
        };
        let look = match look.files.step() {
            RotationStep::Done | RotationStep::Leave | RotationStep::Locked => look,
            _ => healed(state, &files, look)?,
        };
        let data = look.data_key()?;
        Ok(Self {
            names: data.derive(b"boxsync/1 names"),
            data,
            state: state.to_owned(),
            credentials,
        })
    }

    /// Holds that these keys are still those of the state folder: what is sealed after a wipe nobody could ever open. What
    /// cannot be read proves nothing: these keys opened the folder once.
    ///
    /// # Errors
    /// `key.wrong` when they are gone, or others have taken their place.
    pub fn must_be_in_force(&self) -> Result<(), Fault> {
        let files = Files::new(&self.state, self.credentials.clone());
        let is_gone = match files.look() {
            Err(_) => false,
            Ok(look) if look.wrapped.is_none() => true,
            Ok(look) => look
                .data_key()
                .is_ok_and(|data| data.expose() != self.data.expose()),
        };
        if !is_gone {
            return Ok(());
        }
        let path = self.state.display().to_string();
        Err(Fault::new(Code::KeyWrong, FileCause::Wiped { path }))
    }

    /// Wraps the same data key with a new envelope key; nothing else is touched. A power cut at any point leaves a
    /// pair that opens: the new envelope is kept beside the old one until it opens the wrapped key that took its place.
    ///
    /// # Errors
    /// `key.elsewhere` when the envelope key is a credential, which boxsync cannot replace; `state.busy` while another
    /// process changes the state, e.g. by a rotation; or what the files say. Then the key before still opens.
    pub fn rotate(&self, state: &Path) -> Result<(), Fault> {
        let folder = self.credentials.as_deref();
        let held = |name: &&str| folder.is_some_and(|folder| folder.join(name).exists());
        if let Some(name) = [SEALED_NAME, KEY_NAME].iter().find(|name| held(name)) {
            let cause = FileCause::KeyElsewhere {
                name: (*name).to_owned(),
                old: format!("{KEY_NAME}.old"),
            };
            return Err(Fault::new(Code::KeyElsewhere, cause));
        }
        let lock = Lock::of(state, LOCK_TIMEOUT)?;
        Files::new(state, self.credentials.clone()).rotate(&lock)
    }

    /// Seals and opens the records of one purpose.
    pub fn sealer(&self, purpose: &str) -> Sealer {
        Sealer::new(&self.data.derive(format!("boxsync/1 {purpose}").as_bytes()))
    }

    /// The keyed hash that stands for an identifier.
    pub fn name(&self, kind: &str, id: &str) -> NameHash {
        self.names.name(kind, id)
    }
}

/// Makes the keys of a folder that holds nothing.
fn made(state: &Path, files: &Files) -> Result<KeyFilesLook, Fault> {
    // Two processes may meet a new folder at once; the one that waits finds the key that the other made.
    let _lock = lock_folder(state)?;
    let look = files.look()?;
    if look.wrapped.is_some() || look.files.spare {
        return Ok(look);
    }
    must_be_empty(
        state,
        match look.is_keyless() {
            true => KeyLack::Key,
            false => KeyLack::DataKey,
        },
    )?;
    files.make(look)?;
    files.look()
}

/// A look that found no key may have met a rotation between two of its files: it is believed when it is seen twice.
fn settled(files: &Files, mut look: KeyFilesLook) -> Result<KeyFilesLook, Fault> {
    while !look.files.opens() {
        let again = files.look()?;
        if again.is_like(&look) {
            break;
        }
        look = again;
    }
    Ok(look)
}

/// Brings a change of keys to its end that was cut. Where a key opens, whatever hinders it is left to the next start.
fn healed(state: &Path, files: &Files, look: KeyFilesLook) -> Result<KeyFilesLook, Fault> {
    let opens = look.files.opens();
    let patience = if opens { Duration::ZERO } else { LOCK_TIMEOUT };
    let healed = Lock::of(state, patience).and_then(|lock| files.heal(&lock));
    match healed {
        Err(trouble) if opens => {
            tracing::debug!("a change of keys that was cut is left to the next start: {trouble}");
            Ok(look)
        }
        healed => healed,
    }
}

/// Whether a file of this name, in a state folder, holds something that a key sealed.
fn is_data(name: &std::ffi::OsStr) -> bool {
    let known = NOT_DATA.iter().any(|not| name == *not);
    let is_key = name.as_encoded_bytes().starts_with(KEY_NAME.as_bytes());
    !(known || is_key || is_temporary(name))
}

fn must_be_empty(state: &Path, lack: KeyLack) -> Result<(), Fault> {
    let mut entries = fs::read_dir(state)
        .map_err(|error| trouble(state, FileAct::List, &error))?
        .filter_map(Result::ok);
    match entries.any(|entry| is_data(&entry.file_name())) {
        false => Ok(()),
        true => Err(sealed_folder(state, lack)),
    }
}

fn sealed_folder(state: &Path, lack: KeyLack) -> Fault {
    let cause = FileCause::SealedFolder {
        path: state.display().to_string(),
        lack,
        name: KEY_NAME.to_owned(),
    };
    Fault::new(Code::KeySealed, cause)
}

#[cfg(test)]
mod tests;
