//! The keys at rest: an envelope key from the credentials directory or from a file, a data key wrapped by it.
//! Never makes a second key beside data that another one sealed.
//! Called by `vault` when the state folder is opened, and by `key rotate`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logic::seal::{Key, NameHash, OVERHEAD, Sealer};
use logic::words::{Class, Outcome, Trouble};

use super::random;
use crate::root::{lock_folder, trouble, write_durably};

/// The credential and the file that hold the envelope key: 32 bytes, or 64 hex digits.
pub const KEY_NAME: &str = "boxsync.key";

/// The same as a credential that was sealed for this machine; systemd opens it (systemd-creds(1)).
const SEALED_NAME: &str = "boxsync.key.sealed";

/// Files that a new state folder may hold before its first key is made.
const NOT_DATA: [&str; 3] = ["version", "lock", "lost+found"];

const WRAP: &[u8] = b"boxsync/1 data key";

/// The data key and what is derived from it.
#[derive(Debug, Clone)]
pub struct Keyring {
    data: Key,
    names: Key,
    /// The folder that an envelope key of the service manager comes from.
    credentials: Option<PathBuf>,
}

impl Keyring {
    /// As `open_with`, for a state folder whose key is its own.
    #[cfg(test)]
    pub fn open(state: &Path) -> Result<Self, Trouble> {
        Self::open_with(state, None)
    }

    /// Opens the data key of a state folder, or makes it in an empty one. The envelope key is a credential, or a file of
    /// the folder.
    ///
    /// # Errors
    /// `key.sealed` when the folder holds data and no key is at hand; `key.wrong` when the key at hand is another one.
    pub fn open_with(state: &Path, credentials: Option<PathBuf>) -> Result<Self, Trouble> {
        let wrapped = state.join("data.key");
        // Two processes may meet a new folder at once; the one that waits finds the key that the other made.
        let _lock = match wrapped.exists() {
            true => None,
            false => Some(lock_folder(state)?),
        };
        let sealed = match fs::read(&wrapped) {
            Ok(sealed) => Some(sealed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(trouble(&wrapped, "read", &error)),
        };
        let data = match (envelope(state, credentials.as_deref())?, sealed) {
            (Some((envelope, origin)), Some(sealed)) => {
                let data = unwrap(&envelope, &sealed).ok_or_else(|| wrong(&origin, &wrapped))?;
                rewrap(credentials.as_deref(), &origin, &wrapped, &data)?;
                data
            }
            (Some((envelope, _)), None) => {
                must_be_empty(state, "its data key `data.key` is missing")?;
                make(&wrapped, &envelope)?
            }
            (None, Some(_)) => return Err(sealed_folder(state, "no key is at hand")),
            (None, None) => {
                must_be_empty(state, "no key is at hand")?;
                let envelope = Key::new(random());
                write_durably(&state.join(KEY_NAME), envelope.expose())?;
                make(&wrapped, &envelope)?
            }
        };
        Ok(Self {
            names: data.derive(b"boxsync/1 names"),
            data,
            credentials,
        })
    }

    /// Wraps the same data key with a new envelope key; nothing else is touched. A power cut at any point leaves a
    /// pair that opens: the new envelope is kept beside the old one until the wrapped key is replaced.
    ///
    /// # Errors
    /// `key.elsewhere` when the envelope key is a credential, which boxsync cannot replace; or what the files say.
    pub fn rotate(&self, state: &Path) -> Result<(), Trouble> {
        let folder = self.credentials.as_deref();
        let held = |name: &&str| folder.is_some_and(|folder| folder.join(name).exists());
        if let Some(name) = [SEALED_NAME, KEY_NAME].iter().find(|name| held(name)) {
            let reason = format!(
                "the envelope key is the credential {name}: replace it there, with the old one as {KEY_NAME}.old"
            );
            return Err(Trouble::new(
                "key.elsewhere",
                Class::Operator,
                Outcome::Failed,
                reason,
            ));
        }
        let fresh = Key::new(random());
        let next = state.join(format!("{KEY_NAME}.next"));
        write_durably(&next, fresh.expose())?;
        write_durably(&state.join("data.key"), &wrap(&fresh, &self.data))?;
        let path = state.join(KEY_NAME);
        fs::rename(&next, &path).map_err(|error| trouble(&path, "replace", &error))?;
        crate::root::sync_folder(&path)
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

fn make(wrapped: &Path, envelope: &Key) -> Result<Key, Trouble> {
    let data = Key::new(random());
    write_durably(wrapped, &wrap(envelope, &data))?;
    Ok(data)
}

/// The envelope key at hand and where it came from: the credential, else the file, else what a rotation left.
fn envelope(state: &Path, credentials: Option<&Path>) -> Result<Option<(Key, PathBuf)>, Trouble> {
    let old = format!("{KEY_NAME}.old");
    let credential = |name: &str| credentials.map(|folder| folder.join(name));
    let candidates = [
        credential(SEALED_NAME),
        credential(KEY_NAME),
        credential(&old),
        Some(state.join(KEY_NAME)),
        Some(state.join(format!("{KEY_NAME}.next"))),
    ];
    let wrapped = fs::read(state.join("data.key")).ok();
    let mut first = None;
    for path in candidates.into_iter().flatten() {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
            Err(error) => return Err(trouble(&path, "read", &error)),
        };
        let key = parse(&bytes).ok_or_else(|| {
            let reason = format!(
                "{}: expected a key of 32 bytes or 64 hex digits",
                path.display()
            );
            Trouble::new("key.malformed", Class::Operator, Outcome::Failed, reason)
        })?;
        if wrapped
            .as_ref()
            .is_none_or(|wrapped| unwrap(&key, wrapped).is_some())
        {
            return Ok(Some((key, path)));
        }
        first.get_or_insert((key, path));
    }
    Ok(first)
}

/// A credential is at hand, but another key opened the data: the credential before, or the file of a box that had none.
/// The data key is wrapped with the new one; what was used before is of no use any more, but only a person removes it.
fn rewrap(
    credentials: Option<&Path>,
    origin: &Path,
    wrapped: &Path,
    data: &Key,
) -> Result<(), Trouble> {
    let wanted = [SEALED_NAME, KEY_NAME].iter().find_map(|name| {
        let path = credentials?.join(name);
        Some((parse(&fs::read(&path).ok()?)?, path))
    });
    match wanted {
        Some((fresh, path)) if path != origin => {
            write_durably(wrapped, &wrap(&fresh, data))?;
            tracing::info!(
                "the data is sealed with the credential {} from now on; {} opens nothing any more: remove it",
                path.display(),
                origin.display()
            );
            Ok(())
        }
        _ => Ok(()),
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

fn must_be_empty(state: &Path, why: &str) -> Result<(), Trouble> {
    let entries = fs::read_dir(state).map_err(|error| trouble(state, "list", &error))?;
    let data = entries.filter_map(Result::ok).find(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        !NOT_DATA.contains(&&*name) && !name.starts_with(KEY_NAME) && !name.ends_with(".new")
    });
    match data {
        None => Ok(()),
        Some(_) => Err(sealed_folder(state, why)),
    }
}

fn sealed_folder(state: &Path, why: &str) -> Trouble {
    let reason = format!(
        "{} is sealed and {why}: run boxsync as its owner, or with the credential {KEY_NAME}",
        state.display()
    );
    Trouble::new("key.sealed", Class::Operator, Outcome::Failed, reason)
}

fn wrong(origin: &Path, wrapped: &Path) -> Trouble {
    let reason = format!(
        "{}: this key does not open {}: it is damaged, or the key of another box",
        origin.display(),
        wrapped.display()
    );
    Trouble::new("key.wrong", Class::Operator, Outcome::Failed, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Keyring, Trouble>) -> String {
        result.unwrap_err().code
    }

    #[test]
    fn a_key_is_made_once_and_only_in_an_empty_folder() {
        let dir = tempfile::tempdir().unwrap();
        let made = Keyring::open(dir.path()).unwrap();
        let again = Keyring::open(dir.path()).unwrap();
        assert_eq!(made.name("a", "b"), again.name("a", "b"));
        fs::write(dir.path().join("credentials"), "x").unwrap();
        fs::remove_file(dir.path().join("data.key")).unwrap();
        assert_eq!(code(Keyring::open(dir.path())), "key.sealed");
        fs::remove_file(dir.path().join(KEY_NAME)).unwrap();
        assert_eq!(code(Keyring::open(dir.path())), "key.sealed");
    }

    #[test]
    fn many_that_meet_a_new_folder_at_once_have_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let state = dir.path().to_owned();
                std::thread::spawn(move || Keyring::open(&state).unwrap().name("a", "b"))
            })
            .collect();
        let mut names: Vec<_> = openers.into_iter().map(|o| o.join().unwrap()).collect();
        names.dedup();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn another_key_is_named_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        Keyring::open(dir.path()).unwrap();
        fs::write(dir.path().join(KEY_NAME), [9; 32]).unwrap();
        assert_eq!(code(Keyring::open(dir.path())), "key.wrong");
        fs::write(dir.path().join(KEY_NAME), "short").unwrap();
        assert_eq!(code(Keyring::open(dir.path())), "key.malformed");
    }

    #[test]
    fn a_credential_opens_under_either_name_and_a_replaced_one_wraps_anew() {
        let (state, creds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = || Keyring::open_with(state.path(), Some(creds.path().to_owned()));
        let put = |name: &str, byte: u8| fs::write(creds.path().join(name), [byte; 32]).unwrap();
        let drop = |name: &str| fs::remove_file(creds.path().join(name)).unwrap();
        put(SEALED_NAME, 1);
        let name = open().unwrap().name("a", "b");
        assert!(!state.path().join(KEY_NAME).exists());
        drop(SEALED_NAME);
        put(KEY_NAME, 1);
        assert_eq!(open().unwrap().name("a", "b"), name);
        // Replaced by a sealed one, the old one beside it once.
        drop(KEY_NAME);
        put(SEALED_NAME, 2);
        assert_eq!(code(open()), "key.wrong");
        put("boxsync.key.old", 1);
        assert_eq!(open().unwrap().name("a", "b"), name);
        drop("boxsync.key.old");
        assert_eq!(open().unwrap().name("a", "b"), name);
        drop(SEALED_NAME);
        assert_eq!(code(open()), "key.sealed");
    }

    #[test]
    fn a_credential_takes_the_place_of_the_file() {
        let (state, creds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = || Keyring::open_with(state.path(), Some(creds.path().to_owned()));
        let name = open().unwrap().name("a", "b");
        let file = state.path().join(KEY_NAME);
        fs::write(creds.path().join(SEALED_NAME), [5; 32]).unwrap();
        let keys = open().unwrap();
        assert_eq!(keys.name("a", "b"), name);
        assert_eq!(keys.rotate(state.path()).unwrap_err().code, "key.elsewhere");
        // The file is left to a person, and opens nothing: a disk without the credential is sealed.
        assert!(file.exists());
        assert_eq!(code(Keyring::open(state.path())), "key.wrong");
        fs::remove_file(file).unwrap();
        assert_eq!(open().unwrap().name("a", "b"), name);
        assert_eq!(code(Keyring::open(state.path())), "key.sealed");
    }

    #[test]
    fn a_rotation_cut_anywhere_leaves_a_folder_that_opens() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keyring::open(dir.path()).unwrap();
        let name = keys.name("a", "b");
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        let (old, wrapped) = (read(KEY_NAME), read("data.key"));
        keys.rotate(dir.path()).unwrap();
        let (new, rewrapped) = (read(KEY_NAME), read("data.key"));
        assert_ne!(old, new);
        // After the new envelope, after the wrapped key, after the rename.
        let next = format!("{KEY_NAME}.next");
        for (key, data, left) in [
            (&old, &wrapped, Some(&new)),
            (&old, &rewrapped, Some(&new)),
            (&new, &rewrapped, None),
        ] {
            fs::write(dir.path().join(KEY_NAME), key).unwrap();
            fs::write(dir.path().join("data.key"), data).unwrap();
            let _ = fs::remove_file(dir.path().join(&next));
            if let Some(left) = left {
                fs::write(dir.path().join(&next), left).unwrap();
            }
            assert_eq!(Keyring::open(dir.path()).unwrap().name("a", "b"), name);
        }
    }
}
