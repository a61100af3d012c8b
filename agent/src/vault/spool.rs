//! What candidates did, at rest: one sealed file an item, its account in another, outside sled.
//! Never answers yes before the item is on disk, synced and renamed; never takes a damaged account for a new item.
//! Called by the local API, the gateway and `results submit` (intake), and by `engine` while results are sent.
//!
//! `<name>-<edition>.item` holds the item with the account it began with; it exists or it was not accepted.
//! `<name>-<edition>.state` replaces the account once something was decided. What central acknowledged moves to
//! `done/`, so that a run looks only at what is owed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use logic::intake::{Item, Kind};
use logic::report::Finding;
use logic::seal::Sealer;
use logic::spool::{Admission, Change, Key, Ledger, Loaded, Others, Owed, State};
use logic::words::{Class, Outcome, Trouble};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{Keyring, Vault, damaged, random};
use crate::root::{make_folder, sync_folder, trouble, write_all_durably, write_durably};

/// The folder `spool/`.
#[derive(Clone)]
pub struct Spool {
    folder: PathBuf,
    done: PathBuf,
    quarantine: PathBuf,
    /// Names of what was set aside and is not told yet.
    aside: Arc<Mutex<Vec<String>>>,
    keys: Keyring,
    sealer: Sealer,
}

/// An item as it was accepted.
#[derive(Serialize, Deserialize)]
struct Accepted {
    ledger: Ledger,
    payload: Vec<u8>,
}

impl Spool {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault) -> Result<Self, Trouble> {
        let folder = vault.state().join("spool");
        let done = folder.join("done");
        make_folder(&done)?;
        let keys = vault.keys().clone();
        Ok(Self {
            folder,
            done,
            quarantine: vault.state().join("quarantine"),
            aside: Arc::default(),
            sealer: keys.sealer("spool"),
            keys,
        })
    }

    /// Accepts an item: it is durable when this returns. Gives whether anything of it was new.
    ///
    /// # Errors
    /// `disk.full` or what the file system says; then nothing was accepted.
    pub fn admit(&self, item: Item) -> Result<bool, Trouble> {
        let _lock = self.lock()?;
        let same = self.same(item.kind, &item.id)?;
        let result = match item.kind {
            Kind::Sessions => self
                .same(Kind::Results, &item.id)?
                .last()
                .map(|ledger| ledger.content),
            _ => None,
        };
        match Ledger::admit(item, &same, result) {
            Admission::Known => Ok(false),
            Admission::Fresh(ledger, payload) => {
                let path = self.path(&self.folder, &ledger.key, "item");
                let accepted = Accepted {
                    ledger: *ledger,
                    payload,
                };
                write_durably(&path, &self.seal(&path, &accepted))?;
                Ok(true)
            }
        }
    }

    /// What is not acknowledged, in the order in which it came. Damaged files are moved to `quarantine/` and told.
    ///
    /// # Errors
    /// What the file system says.
    pub fn owed(&self) -> Result<Vec<Owed>, Trouble> {
        let _lock = self.lock()?;
        let mut found = Vec::new();
        for ledger in self.ledgers(&self.folder)? {
            if ledger.state == State::Acknowledged {
                // A power cut between the last word and the move.
                self.retire(&[&ledger.key])?;
                continue;
            }
            let path = self.path(&self.folder, &ledger.key, "item");
            let came = fs::metadata(&path)
                .and_then(|meta| meta.modified())
                .unwrap_or(SystemTime::UNIX_EPOCH);
            let same = self.same(ledger.key.kind, &ledger.key.id)?;
            found.push((came, ledger.owed(&same)));
        }
        found.sort_by(|a, b| (a.0, &a.1.key).cmp(&(b.0, &b.1.key)));
        Ok(found.into_iter().map(|(_, owed)| owed).collect())
    }

    /// All accounts: what is owed, then what is done.
    ///
    /// # Errors
    /// What the file system says.
    pub fn accounts(&self) -> Result<Vec<Ledger>, Trouble> {
        let mut ledgers = self.ledgers(&self.folder)?;
        ledgers.extend(self.ledgers(&self.done)?);
        Ok(ledgers)
    }

    /// What was set aside since this was asked last, as one finding.
    pub fn set_aside_since(&self) -> Option<Trouble> {
        let names = std::mem::take(&mut *self.aside.lock().unwrap_or_else(PoisonError::into_inner));
        (!names.is_empty()).then(|| {
            let reason = format!(
                "files of the spool do not open and lie in {} now: {}",
                self.quarantine.display(),
                names.join(", ")
            );
            Trouble::new(
                "results.quarantined",
                Class::Operator,
                Outcome::Failed,
                reason,
            )
        })
    }

    /// Files that were set aside and still lie there; the index store leaves folders.
    pub fn quarantined(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.quarantine).into_iter().flatten();
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Opens an item to send it.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn load(&self, key: &Key) -> Result<Loaded, Trouble> {
        let same = self.same(key.kind, &key.id)?;
        let ledger = same.iter().find(|ledger| ledger.key == *key).cloned();
        let ledger = ledger.ok_or_else(|| unknown(&key.id))?;
        let others = Others::of(key, &same);
        let path = self.find(key, "item").ok_or_else(|| unknown(&key.id))?;
        Ok(Loaded {
            ledger,
            payload: self.read_item(&path)?.payload,
            others,
        })
    }

    /// Writes down what was decided; durable when this returns. With `forget`, payloads of acknowledged items go.
    ///
    /// # Errors
    /// What the file system says; then nothing may be sent on the strength of it.
    pub fn persist(&self, changes: &[Change], forget: bool) -> Result<(), Trouble> {
        let _lock = self.lock()?;
        let mut changed: Vec<Ledger> = Vec::with_capacity(changes.len());
        for change in changes {
            match changed.iter_mut().find(|ledger| ledger.key == change.key) {
                Some(ledger) => ledger.apply(change),
                None => {
                    if let Some(mut ledger) = self.ledger(&change.key)? {
                        ledger.apply(change);
                        changed.push(ledger);
                    }
                }
            }
        }
        let states: Vec<_> = changed.iter().map(|ledger| self.state(ledger)).collect();
        write_all_durably(&states)?;
        changed.retain(|ledger| ledger.state == State::Acknowledged);
        for ledger in changed.iter().filter(|_| forget) {
            self.forget(&ledger.key)?;
        }
        let keys: Vec<&Key> = changed.iter().map(|ledger| &ledger.key).collect();
        self.retire(&keys)
    }

    /// `results retry`: tries again what was refused or is unconfirmed; all of it when no id is given. Gives how many.
    ///
    /// # Errors
    /// What the file system says.
    pub fn retry(&self, ids: &[String]) -> Result<usize, Trouble> {
        let _lock = self.lock()?;
        let mut count = 0;
        for mut ledger in self.ledgers(&self.folder)? {
            if (ids.is_empty() || ids.contains(&ledger.key.id)) && ledger.retry() {
                self.write_state(&ledger)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// A copied box keeps what it holds but does not send it: the original does. A person may decide otherwise
    /// with `results retry`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn disown(&self, original: &str) -> Result<(), Trouble> {
        let _lock = self.lock()?;
        for mut ledger in self.ledgers(&self.folder)? {
            if matches!(ledger.state, State::Queued | State::Sending) {
                ledger.state = State::Unconfirmed;
                let reason = format!(
                    "this box is a copy of {original}, which sends it: `results retry` if it is gone"
                );
                ledger.reason = Some(Finding {
                    code: "results.copied".into(),
                    reason,
                });
                self.write_state(&ledger)?;
            }
        }
        Ok(())
    }

    /// All accounts of one kind and id, by edition.
    fn same(&self, kind: Kind, id: &str) -> Result<Vec<Ledger>, Trouble> {
        let mut ledgers = Vec::new();
        for edition in 0.. {
            let key = Key {
                kind,
                id: id.to_owned(),
                edition,
            };
            match self.ledger(&key)? {
                Some(ledger) => ledgers.push(ledger),
                None => break,
            }
        }
        Ok(ledgers)
    }

    /// The account of one item: the newest word about it, or the one it began with.
    fn ledger(&self, key: &Key) -> Result<Option<Ledger>, Trouble> {
        if let Some(path) = self.find(key, "state") {
            return match self.read::<Ledger>(&path)? {
                Some(ledger) => Ok(Some(ledger)),
                None => self.doubtful(key, &path),
            };
        }
        match self.find(key, "item") {
            Some(path) => Ok(Some(self.read_item(&path)?.ledger)),
            None => Ok(None),
        }
    }

    /// An account that does not open: what was decided is not known, so the outcome is not either. The item goes on
    /// as one that may have been sent, unless it lies where only acknowledged ones are; the damaged file is kept aside.
    fn doubtful(&self, key: &Key, path: &Path) -> Result<Option<Ledger>, Trouble> {
        self.set_aside(path, "the account of an item")?;
        let Some(item) = self.find(key, "item") else {
            return Ok(None);
        };
        let state = match item.starts_with(&self.done) {
            true => State::Acknowledged,
            false => State::Sending,
        };
        let ledger = Ledger {
            state,
            ..self.read_item(&item)?.ledger
        };
        self.write_state(&ledger)?;
        Ok(Some(ledger))
    }

    fn ledgers(&self, folder: &Path) -> Result<Vec<Ledger>, Trouble> {
        let entries = fs::read_dir(folder).map_err(|error| trouble(folder, "list", &error))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        let mut ledgers = Vec::new();
        for path in &paths {
            let state = path.with_extension("state");
            match path.extension().and_then(|extension| extension.to_str()) {
                // An item whose account exists is met there.
                Some("item") if state.exists() => {}
                Some("item") => match self.read::<Accepted>(path)? {
                    Some(accepted) => ledgers.push(accepted.ledger),
                    None => self.set_aside(path, "an item of the spool")?,
                },
                Some("state") => match self.read::<Ledger>(path)? {
                    Some(ledger) => ledgers.push(ledger),
                    None => match self.read::<Accepted>(&path.with_extension("item"))? {
                        Some(accepted) => {
                            ledgers.extend(self.doubtful(&accepted.ledger.key, path)?)
                        }
                        None => {
                            self.set_aside(path, "the account of an item")?;
                            let item = path.with_extension("item");
                            if item.exists() {
                                self.set_aside(&item, "an item of the spool")?;
                            }
                        }
                    },
                },
                // What is about to be renamed, by this process or another.
                Some("new") => {}
                _ if path.is_dir() || path.file_name() == Some("lock".as_ref()) => {}
                _ => self.set_aside(path, "a file that the spool did not write")?,
            }
        }
        Ok(ledgers)
    }

    fn write_state(&self, ledger: &Ledger) -> Result<(), Trouble> {
        write_all_durably(&[self.state(ledger)])
    }

    /// Where an account belongs, and its sealed bytes.
    fn state(&self, ledger: &Ledger) -> (PathBuf, Vec<u8>) {
        let folder = match self
            .find(&ledger.key, "item")
            .or_else(|| self.find(&ledger.key, "state"))
        {
            Some(path) if path.starts_with(&self.done) => &self.done,
            _ => &self.folder,
        };
        let path = self.path(folder, &ledger.key, "state");
        let bytes = self.seal(&path, ledger);
        (path, bytes)
    }

    /// Moves what is acknowledged out of the way. The account goes last: until then it is found where it was.
    fn retire(&self, keys: &[&Key]) -> Result<(), Trouble> {
        for (key, extension) in keys.iter().flat_map(|key| [(key, "item"), (key, "state")]) {
            let (from, to) = (
                self.path(&self.folder, key, extension),
                self.path(&self.done, key, extension),
            );
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(trouble(&from, "move", &error));
                }
                _ => {}
            }
        }
        let Some(key) = keys.first() else {
            return Ok(());
        };
        sync_folder(&self.path(&self.done, key, "state"))?;
        sync_folder(&self.path(&self.folder, key, "state"))
    }

    fn forget(&self, key: &Key) -> Result<(), Trouble> {
        let path = self.path(&self.folder, key, "item");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(trouble(&path, "remove", &error))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a file that does not open where nobody takes it for an item, and says so.
    fn set_aside(&self, path: &Path, what: &str) -> Result<(), Trouble> {
        make_folder(&self.quarantine)?;
        let aside = self.quarantine.join(path.file_name().unwrap_or_default());
        fs::rename(path, &aside).map_err(|error| trouble(path, "move aside", &error))?;
        tracing::error!(
            code = "results.quarantined",
            "{}",
            damaged(&aside, what).reason
        );
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        let mut names = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        names.push(name.into_owned());
        Ok(())
    }

    fn find(&self, key: &Key, extension: &str) -> Option<PathBuf> {
        [&self.folder, &self.done]
            .into_iter()
            .map(|folder| self.path(folder, key, extension))
            .find(|path| path.exists())
    }

    fn path(&self, folder: &Path, key: &Key, extension: &str) -> PathBuf {
        let name = self.keys.name(key.kind.word(), &key.id);
        folder.join(format!("{name}-{}.{extension}", key.edition))
    }

    fn read_item(&self, path: &Path) -> Result<Accepted, Trouble> {
        self.read(path)?
            .ok_or_else(|| damaged(path, "an item of the spool"))
    }

    /// `None` for a file that does not open.
    fn read<T: serde::de::DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Trouble> {
        let sealed = match fs::read(path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(path, "read", &error)),
        };
        let plain = self.sealer.open(place(path), &sealed).ok();
        Ok(plain.and_then(|plain| postcard::from_bytes(&plain).ok()))
    }

    fn seal<T: Serialize>(&self, path: &Path, value: &T) -> Vec<u8> {
        let plain = postcard::to_allocvec(value).expect("plain data always serialises");
        self.sealer.seal(random(), place(path), &plain)
    }

    /// Intake and sending are different processes; each step of theirs is short.
    fn lock(&self) -> Result<Flock<File>, Trouble> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&path, "open", &error))?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| trouble(&path, "lock", &error.into()))
    }
}

/// The name of the file is bound to its content, the folder is not: it moves when it is done.
fn place(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}

fn unknown(id: &str) -> Trouble {
    Trouble::new(
        "results.unknown",
        Class::GiveUp,
        Outcome::Failed,
        format!("the spool holds no item {id}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use logic::intake::Print;

    fn spool() -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        let spool = Spool::open(&vault).unwrap();
        (dir, spool)
    }

    fn item(id: &str, content: &str) -> Item {
        let print = Print::of(content.as_bytes());
        Item {
            kind: Kind::Results,
            id: id.into(),
            delivery: None,
            test_taker: None,
            payload: content.into(),
            parts: vec![print],
            content: print,
        }
    }

    fn change(key: &Key, state: State) -> Change {
        Change {
            key: key.clone(),
            state,
            attempts: 1,
            failures: 0,
            reason: None,
            not_before: 0,
            central: String::new(),
            parts: Vec::new(),
            reopen: false,
        }
    }

    #[test]
    fn the_same_again_is_known_and_other_content_is_another_edition() {
        let (_dir, spool) = spool();
        assert!(spool.admit(item("a", "one")).unwrap());
        assert!(!spool.admit(item("a", "one")).unwrap());
        let first = spool.owed().unwrap().remove(0).key;
        spool
            .persist(&[change(&first, State::Acknowledged)], false)
            .unwrap();
        assert!(!spool.admit(item("a", "one")).unwrap());
        assert!(spool.admit(item("a", "two")).unwrap());
        let owed = spool.owed().unwrap();
        assert_eq!(
            owed.iter().map(|owed| owed.key.edition).collect::<Vec<_>>(),
            [1]
        );
        assert!(owed[0].mapped);
        assert_eq!(spool.load(&owed[0].key).unwrap().payload, b"two");
        assert_eq!(spool.accounts().unwrap().len(), 2);
    }

    #[test]
    fn acknowledged_is_never_owed_again_whatever_the_cut() {
        let (_dir, spool) = spool();
        spool.admit(item("a", "one")).unwrap();
        let key = spool.owed().unwrap().remove(0).key;
        spool
            .persist(&[change(&key, State::Acknowledged)], true)
            .unwrap();
        // The cut came between the last word and the move.
        for extension in ["item", "state"] {
            let _ = fs::rename(
                spool.path(&spool.done, &key, extension),
                spool.path(&spool.folder, &key, extension),
            );
        }
        assert_eq!(spool.owed().unwrap(), []);
        assert!(!spool.admit(item("a", "one")).unwrap());
        assert!(spool.find(&key, "item").is_none());
    }

    #[test]
    fn a_damaged_account_means_an_unknown_outcome() {
        let (_dir, spool) = spool();
        spool.admit(item("a", "one")).unwrap();
        let key = spool.owed().unwrap().remove(0).key;
        spool
            .persist(&[change(&key, State::Queued)], false)
            .unwrap();
        fs::write(spool.path(&spool.folder, &key, "state"), "x").unwrap();
        assert_eq!(spool.owed().unwrap()[0].state, State::Sending);
        fs::write(spool.path(&spool.folder, &key, "item"), "x").unwrap();
        fs::remove_file(spool.path(&spool.folder, &key, "state")).unwrap();
        assert_eq!(spool.owed().unwrap(), []);
        assert_eq!(fs::read_dir(&spool.quarantine).unwrap().count(), 2);
    }

    #[test]
    fn a_copy_sends_nothing_by_itself() {
        let (_dir, spool) = spool();
        spool.admit(item("a", "one")).unwrap();
        spool.disown("original").unwrap();
        assert_eq!(spool.owed().unwrap()[0].state, State::Unconfirmed);
        assert_eq!(spool.retry(&[]).unwrap(), 1);
        assert_eq!(spool.owed().unwrap()[0].state, State::Sending);
    }
}
