//! The key files of a state folder: looks at them, and executes the steps that `logic::envelope` names, one at a time.
//! Never decides which file may go, and never replaces one before its successor was read back and opens.
//! Called by `vault::key`; whatever changes something needs the lock of the state folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use logic::envelope::{KeyCopy, KeyFiles, RotationStep};
use logic::fault::{Code, Fault, FileAct, FileCause, KeyLack};
use logic::seal::{Key, OVERHEAD, Sealer};

use super::{KEY_NAME, SEALED_NAME, WRAPPED_NAME, sealed_folder};
use crate::random;
use system::root::{
    Lock, is_temporary, read_regular, remove_durably, remove_leftover, rename_durably,
    replace_durably, sync_folder, trouble,
};

const WRAP: &[u8] = b"boxsync/1 data key";

/// No healing takes more steps.
const MAX_STEPS: usize = 8;

/// Where the key files lie.
pub(super) struct Files {
    state: PathBuf,
    credentials: Option<PathBuf>,
}

/// What one look at them found.
pub(super) struct KeyFilesLook {
    pub(super) files: KeyFiles,
    /// The wrapped data key; none in a new folder.
    pub(super) wrapped: Option<Vec<u8>>,
    state: PathBuf,
    /// The data key, and where the key lies that opens it.
    opened: Option<(Key, PathBuf)>,
    /// The credential in force.
    credential: Option<(Key, PathBuf)>,
    /// The first key that is at hand.
    first: Option<(Key, PathBuf)>,
    /// Another copy of the wrapped data key that a key at hand opens.
    spare: Option<PathBuf>,
    leftovers: Vec<PathBuf>,
    /// A key file that holds no key.
    malformed: Option<PathBuf>,
    /// A key file that the disk does not give.
    failed: Option<Fault>,
}

impl KeyFilesLook {
    pub(super) fn is_keyless(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.files == other.files && self.wrapped == other.wrapped
    }

    /// The data key.
    ///
    /// # Errors
    /// Why no key at hand opens it: `key.malformed`, `key.wrong`, `key.sealed`, or what the disk says.
    pub(super) fn data_key(self) -> Result<Key, Fault> {
        if let Some((data, _)) = self.opened {
            return Ok(data);
        }
        let wrapped = self.state.join(WRAPPED_NAME);
        Err(match (self.failed, self.malformed, self.first) {
            (Some(trouble), ..) => trouble,
            (_, Some(path), _) => malformed(&path),
            (.., Some((_, origin))) => wrong(&origin, &wrapped),
            (.., None) => sealed_folder(&self.state, KeyLack::Key),
        })
    }
}

impl Files {
    pub(super) fn new(state: &Path, credentials: Option<PathBuf>) -> Self {
        Self {
            state: state.to_owned(),
            credentials,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    fn next(&self) -> PathBuf {
        self.at(&format!("{KEY_NAME}.next"))
    }

    /// Looks at all key files; changes nothing.
    ///
    /// # Errors
    /// What the disk says about `data.key` or the folder.
    pub(super) fn look(&self) -> Result<KeyFilesLook, Fault> {
        let path = self.at(WRAPPED_NAME);
        let wrapped = match read_regular(&path) {
            Ok(wrapped) => Some(wrapped),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(trouble(&path, FileAct::Read, &error)),
        };
        let mut look = KeyFilesLook {
            files: KeyFiles {
                credential: KeyCopy::Absent,
                old_credential: KeyCopy::Absent,
                key: KeyCopy::Absent,
                next: KeyCopy::Absent,
                spare: false,
                leftovers: false,
            },
            state: self.state.clone(),
            wrapped,
            opened: None,
            credential: None,
            first: None,
            spare: None,
            leftovers: Vec::new(),
            malformed: None,
            failed: None,
        };
        let mut keys = Vec::new();
        self.look_at_credentials(&mut look, &mut keys);
        look.files.key = look_at(&self.at(KEY_NAME), &mut look, &mut keys);
        look.files.next = look_at(&self.next(), &mut look, &mut keys);
        self.look_beside(&mut look, &keys)?;
        Ok(look)
    }

    /// The first credential that is a key is the one in force; the others are those before it.
    fn look_at_credentials(&self, look: &mut KeyFilesLook, keys: &mut Vec<Key>) {
        let Some(folder) = &self.credentials else {
            return;
        };
        for name in [SEALED_NAME, KEY_NAME, &format!("{KEY_NAME}.old")] {
            let path = folder.join(name);
            let known = keys.len();
            let held = look_at(&path, look, keys);
            let key = keys.get(known);
            match key.filter(|_| look.credential.is_none() && !name.ends_with(".old")) {
                Some(key) => {
                    look.credential = Some((key.clone(), path));
                    look.files.credential = held;
                }
                None if look.files.old_credential != KeyCopy::Opens && held != KeyCopy::Absent => {
                    look.files.old_credential = held;
                }
                None => {}
            }
        }
    }

    /// Other copies of the wrapped data key, and what a cut left.
    fn look_beside(&self, look: &mut KeyFilesLook, keys: &[Key]) -> Result<(), Fault> {
        let entries = fs::read_dir(&self.state)
            .map_err(|error| trouble(&self.state, FileAct::List, &error))?;
        let mut names: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        let wrapped = format!("{WRAPPED_NAME}.");
        for name in names {
            let bytes = name.as_encoded_bytes();
            let is_wrapped = bytes.starts_with(wrapped.as_bytes());
            let path = self.state.join(&name);
            if is_wrapped && look.opened.is_none() && look.spare.is_none() {
                let sealed = read_regular(&path).unwrap_or_default();
                if keys.iter().any(|key| unwrap(key, &sealed).is_some()) {
                    look.spare = Some(path.clone());
                }
            }
            if is_temporary(&name) && (is_wrapped || bytes.starts_with(KEY_NAME.as_bytes())) {
                look.leftovers.push(path);
            }
        }
        look.files.spare = look.spare.is_some();
        look.files.leftovers = !look.leftovers.is_empty();
        Ok(())
    }

    /// Makes the data key of a new folder, and the envelope key where none is at hand.
    ///
    /// # Errors
    /// `key.malformed`, or what the file system says.
    pub(super) fn make(&self, look: KeyFilesLook) -> Result<(), Fault> {
        let envelope = match (look.first, look.failed, look.malformed) {
            (Some((envelope, _)), ..) => envelope,
            (None, Some(trouble), _) => return Err(trouble),
            (None, None, Some(path)) => return Err(malformed(&path)),
            (None, None, None) => {
                let envelope = Key::new(random());
                self.write_key(&self.at(KEY_NAME), &envelope)?;
                envelope
            }
        };
        self.write_wrapped(&envelope, &Key::new(random()))
    }

    /// Does what is left of a change that was cut, until nothing is.
    ///
    /// # Errors
    /// What the file system says; a key that opened before opens still.
    pub(super) fn heal(&self, _held: &Lock) -> Result<KeyFilesLook, Fault> {
        // What a killed process renamed may not be on the disk yet: nothing goes on the strength of that.
        sync_folder(&self.at(WRAPPED_NAME))?;
        for _ in 0..MAX_STEPS {
            let look = self.look()?;
            match look.files.step() {
                RotationStep::Done | RotationStep::Leave | RotationStep::Locked => return Ok(look),
                RotationStep::WrapWithCredential => self.wrap_with_credential(&look)?,
                RotationStep::NextBecomesKey => {
                    rename_durably(&self.next(), &self.at(KEY_NAME))?;
                    tracing::info!("a new envelope key has taken the place of the one before");
                }
                RotationStep::RemoveNext => remove_durably(&self.next())?,
                RotationStep::SpareBecomesWrapped => self.adopt(&look)?,
                RotationStep::RemoveLeftovers => {
                    // What another process is at work on stays; it is nobody's hindrance.
                    let removed = look.leftovers.iter().filter(|path| remove_leftover(path));
                    if removed.count() < look.leftovers.len() {
                        return Ok(look);
                    }
                }
            }
        }
        let path = self.state.display().to_string();
        Err(Fault::new(Code::StateIo, FileCause::KeysChange { path }))
    }

    /// Replaces the envelope key. Only a folder in which no change is half done begins another one.
    ///
    /// # Errors
    /// What the file system says, or why no key opens; the key before still opens then.
    pub(super) fn rotate(&self, held: &Lock) -> Result<(), Fault> {
        let look = self.heal(held)?;
        if look.files.step() == RotationStep::Leave {
            let path = self.next().display().to_string();
            let unread = Fault::new(Code::StateIo, FileCause::Successor { path });
            return Err(look.failed.unwrap_or(unread));
        }
        let data = look.data_key()?;
        let fresh = Key::new(random());
        let rotated = self
            .write_key(&self.next(), &fresh)
            .and_then(|()| self.write_wrapped(&fresh, &data))
            .and_then(|()| self.heal(held));
        match rotated {
            Ok(_) => Ok(()),
            Err(trouble) => {
                // Back to the key before, or on to the new one, as far as the disk lets it.
                let _ = self.heal(held);
                Err(trouble)
            }
        }
    }

    /// The data key is wrapped with the credential in force; what was used before is of no use any more, but only a
    /// person removes it.
    fn wrap_with_credential(&self, look: &KeyFilesLook) -> Result<(), Fault> {
        let (Some((fresh, path)), Some((data, origin))) = (&look.credential, &look.opened) else {
            return Ok(());
        };
        self.write_wrapped(fresh, data)?;
        tracing::info!(
            "the data is sealed with the credential {} from now on; {} opens nothing any more: remove it",
            path.display(),
            origin.display()
        );
        Ok(())
    }

    /// The copy that opens takes the place of `data.key`; what lay there is kept: another key may open it.
    fn adopt(&self, look: &KeyFilesLook) -> Result<(), Fault> {
        let (Some(spare), wrapped) = (&look.spare, self.at(WRAPPED_NAME)) else {
            return Ok(());
        };
        File::open(spare)
            .and_then(|file| file.sync_all())
            .map_err(|error| trouble(spare, FileAct::Sync, &error))?;
        if wrapped.exists() {
            let aside = (1u32..)
                .map(|number| self.at(&format!("{WRAPPED_NAME}.aside-{number}")))
                .find(|path| path.symlink_metadata().is_err());
            rename_durably(&wrapped, &aside.unwrap_or_else(|| self.at(WRAPPED_NAME)))?;
        }
        rename_durably(spare, &wrapped)
    }

    fn write_key(&self, path: &Path, key: &Key) -> Result<(), Fault> {
        replace_durably(path, key.expose(), |read| {
            parse(read).is_some_and(|read| read.expose() == key.expose())
        })
    }

    fn write_wrapped(&self, envelope: &Key, data: &Key) -> Result<(), Fault> {
        replace_durably(&self.at(WRAPPED_NAME), &wrap(envelope, data), |read| {
            unwrap(envelope, read).is_some_and(|read| read.expose() == data.expose())
        })
    }
}

/// What lies at one place; a key is added to `keys`.
fn look_at(path: &Path, look: &mut KeyFilesLook, keys: &mut Vec<Key>) -> KeyCopy {
    let bytes = match read_regular(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return KeyCopy::Absent,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return KeyCopy::Unread,
        Err(error) => {
            look.failed
                .get_or_insert_with(|| trouble(path, FileAct::Read, &error));
            return KeyCopy::Unread;
        }
    };
    let Some(key) = parse(&bytes) else {
        look.malformed.get_or_insert_with(|| path.to_owned());
        return KeyCopy::Other;
    };
    look.first
        .get_or_insert_with(|| (key.clone(), path.to_owned()));
    keys.push(key.clone());
    match look
        .wrapped
        .as_deref()
        .and_then(|sealed| unwrap(&key, sealed))
    {
        Some(data) => {
            look.opened.get_or_insert_with(|| (data, path.to_owned()));
            KeyCopy::Opens
        }
        None => KeyCopy::Other,
    }
}

fn parse(bytes: &[u8]) -> Option<Key> {
    if let Ok(raw) = <[u8; 32]>::try_from(bytes) {
        return Some(Key::new(raw));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut raw = [0; 32];
    for (byte, at) in raw.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(Key::new(raw))
}

fn wrap(envelope: &Key, data: &Key) -> Vec<u8> {
    Sealer::new(envelope).seal(random(), WRAP, data.expose())
}

fn unwrap(envelope: &Key, sealed: &[u8]) -> Option<Key> {
    if sealed.len() != 32 + OVERHEAD {
        return None;
    }
    let plain = Sealer::new(envelope).open(WRAP, sealed).ok()?;
    Some(Key::new(plain.try_into().ok()?))
}

fn malformed(path: &Path) -> Fault {
    let path = path.display().to_string();
    Fault::new(Code::KeyMalformed, FileCause::KeyMalformed { path })
}

fn wrong(origin: &Path, wrapped: &Path) -> Fault {
    let cause = FileCause::KeyWrong {
        key: origin.display().to_string(),
        data: wrapped.display().to_string(),
    };
    Fault::new(Code::KeyWrong, cause)
}
