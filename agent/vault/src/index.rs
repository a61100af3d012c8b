//! The sled store: where the records lie that an interrupted run had staged.
//! Never the only place of anything irreplaceable, and never judged while another process has it: the lock comes first.
//! Called by the run of `engine`; the only file that names sled.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use logic::entity::EntityType;
use logic::fault::{Code, Fault, FileAct, FileCause};
use logic::report::Report;
use logic::seal::{NameHash, Sealer};
use logic::words::FaultClass;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::catalogue::{EntityLocation, EntityRows};
use super::{Keyring, Vault, random};
use system::root::{failing, lock_folder, read_at_most, set_aside, trouble, write_durably};

/// The format of what the store keeps; grows with every change of a row's shape. A store of another format is dropped.
const FORMAT: u32 = 1;

/// Staged rows, those of one answer together: one by one, as the first release kept them in `staged` (still read), sled
/// holds a hundred bytes of memory for each.
const BATCHES: &str = "staged-batches";

/// The trees of an older boxsync that files have taken the place of: `history` is read once, `feed` begins a new epoch.
const OLD_TREES: [&str; 2] = ["history", "feed"];

/// What became of a store that was opened to see whether it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// It opens, and every row of it is read.
    Opens,
    /// It does not.
    Damaged,
    /// Another process has it: nothing is known.
    Busy,
    /// The disk does not give it, or the probe could not be made: nothing is known.
    Unreadable,
}

impl Probed {
    /// The exit status of the process that probed.
    pub fn exit(self) -> u8 {
        match self {
            Self::Opens => 0,
            Self::Damaged => 1,
            Self::Busy => 6,
            Self::Unreadable => 7,
        }
    }

    /// What the end of that process says. One that panicked met damage; one that was killed from outside tells nothing.
    pub fn of(status: ExitStatus) -> Self {
        let known = [Self::Opens, Self::Busy, Self::Unreadable];
        let exit = |probed: &Self| status.code() == Some(i32::from(probed.exit()));
        match status.signal() {
            Some(KILLED | TERMINATED) => Self::Unreadable,
            _ => known.into_iter().find(exit).unwrap_or(Self::Damaged),
        }
    }
}

/// SIGKILL and SIGTERM (signal(7)).
const KILLED: i32 = 9;
const TERMINATED: i32 = 15;

/// The right to open the store, or to judge it: one process at a time has it.
#[derive(Debug)]
pub struct IndexLock(#[expect(dead_code, reason = "held until dropped")] Flock<File>);

impl IndexLock {
    /// Takes the lock beside the store of this state folder, waiting at most `patience`.
    ///
    /// # Errors
    /// `state.busy` while another process has it, or what the file system says.
    pub fn take(state: &Path, patience: Duration) -> Result<Self, Fault> {
        let path = state.join("index.lock");
        let mut file = system::root::lock_file(&path)?;
        let until = Instant::now() + patience;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self(lock)),
                Err((back, Errno::EWOULDBLOCK)) if Instant::now() < until => {
                    file = back;
                    std::thread::sleep(RETRY);
                }
                Err((_, Errno::EWOULDBLOCK)) => return Err(busy(&state.join("index"))),
                Err((_, error)) => return Err(trouble(&path, FileAct::Lock, &error.into())),
            }
        }
    }
}

/// How often a lock that another process holds is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// The open store. Drop it when it is not needed: its lock keeps other processes out.
pub struct IndexStore {
    db: sled::Db,
    path: PathBuf,
    sealer: Sealer,
    keys: Keyring,
    _turn: IndexLock,
    /// What had to be done to open it, for the journal.
    pub rebuilt: Option<String>,
}

impl IndexStore {
    /// Opens the store, waiting for another process at most `patience`. After an unclean end it is first opened by
    /// `probe` (a child process, since a damaged sled may panic); what does not open is moved to `quarantine/`. All of
    /// it under the lock: a store in another process's hands is busy, whatever it looks like from outside.
    ///
    /// # Errors
    /// `state.busy` while another process has it, or what the file system says.
    pub fn open(
        vault: &Vault,
        patience: Duration,
        probe: &dyn Fn(&Path) -> Probed,
    ) -> Result<Self, Fault> {
        Self::open_as(FORMAT, vault, patience, probe)
    }

    fn open_as(
        format: u32,
        vault: &Vault,
        patience: Duration,
        probe: &dyn Fn(&Path) -> Probed,
    ) -> Result<Self, Fault> {
        let until = Instant::now() + patience;
        let turn = IndexLock::take(vault.home(), patience)?;
        let path = vault.home().join("index");
        let open_mark = vault.home().join("index.open");
        let mut rebuilt = fit(vault.home(), &path, format)?;
        while open_mark.exists() && path.exists() {
            match probe(&path) {
                Probed::Opens => break,
                // A boxsync that was updated meanwhile may still have it, without the lock beside it.
                Probed::Busy if Instant::now() < until => std::thread::sleep(RETRY),
                Probed::Busy => return Err(busy(&path)),
                Probed::Unreadable => match failing(&path) {
                    None => return Err(unreadable(&path)),
                    // It holds nothing irreplaceable: what is owed does not wait for the disk to be replaced.
                    Some(trouble) => rebuilt = Some(quarantine(vault, &path, &trouble.reason())?),
                },
                Probed::Damaged => {
                    let why = "it does not open after an unclean end";
                    rebuilt = Some(quarantine(vault, &path, why)?);
                }
            }
        }
        let db = loop {
            match open(&path) {
                Ok(db) => break db,
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    std::thread::sleep(RETRY);
                }
                Err(error) if is_busy(&error) => return Err(busy(&path)),
                Err(error) if is_refused(&error) && failing(&path).is_none() => {
                    let sled::Error::Io(error) = error else {
                        return Err(failed(&path, &error));
                    };
                    return Err(trouble(&path, FileAct::OpenStore, &error));
                }
                Err(error) if rebuilt.is_none() => {
                    rebuilt = Some(quarantine(vault, &path, &error.to_string())?);
                }
                Err(error) => return Err(failed(&path, &error)),
            }
        };
        fs::write(&open_mark, b"").map_err(|error| trouble(&open_mark, FileAct::Write, &error))?;
        let sealer = vault.home_sealer("index");
        Ok(Self {
            db,
            path,
            sealer,
            keys: vault.keys().clone(),
            _turn: turn,
            rebuilt,
        })
    }

    /// Rows that an interrupted run left of one type; they count only if their records open.
    ///
    /// # Errors
    /// What the store says.
    pub fn staged(&self, kind: EntityType) -> Result<EntityRows, Fault> {
        let tree = self.tree("staged")?;
        let mut rows = Vec::new();
        let prefix = self.prefix(kind);
        for entry in tree.scan_prefix(prefix) {
            let (key, value) = entry.map_err(|error| failed(&self.path, &error))?;
            let name = <[u8; 16]>::try_from(&key[prefix.len()..]);
            if let (Ok(name), Some(row)) =
                (name, self.unseal::<EntityLocation>("staged", &key, &value))
            {
                rows.push((NameHash(name), row));
            }
        }
        let batches = self.tree(BATCHES)?;
        for entry in batches.scan_prefix(prefix) {
            let (key, value) = entry.map_err(|error| failed(&self.path, &error))?;
            let batch = self.unseal::<Vec<(NameHash, EntityLocation)>>(BATCHES, &key, &value);
            rows.extend(batch.unwrap_or_default());
        }
        Ok(rows.into_iter().collect())
    }

    /// What the keys of one type's staged rows begin with: not even a type's name is readable.
    fn prefix(&self, kind: EntityType) -> [u8; 16] {
        self.keys.name("staged", kind.word()).0
    }

    /// Remembers where staged records lie.
    ///
    /// # Errors
    /// What the store says.
    pub fn stage(
        &self,
        kind: EntityType,
        rows: &[(NameHash, EntityLocation)],
    ) -> Result<(), Fault> {
        // Grows, over restarts too: of two rows of a name the later one counts.
        let number = self.db.generate_id();
        let number = number.map_err(|error| failed(&self.path, &error))?;
        let key = [&self.prefix(kind)[..], &number.to_be_bytes()].concat();
        let sealed = self.seal(BATCHES, &key, &rows);
        let inserted = self.tree(BATCHES)?.insert(key, sealed);
        inserted
            .map(|_| ())
            .map_err(|error| failed(&self.path, &error))
    }

    /// Forgets what was staged: it was published.
    ///
    /// # Errors
    /// What the store says.
    pub fn unstage(&self) -> Result<(), Fault> {
        for name in ["staged", BATCHES] {
            let cleared = self.tree(name)?.clear();
            cleared.map_err(|error| failed(&self.path, &error))?;
        }
        Ok(())
    }

    /// The accounts that an older boxsync kept here, oldest first; those that do not open are passed over.
    ///
    /// # Errors
    /// What the store says.
    pub fn old_history(&self) -> Result<Vec<Report>, Fault> {
        let mut reports = Vec::new();
        for entry in self.tree("history")?.iter() {
            let (key, value) = entry.map_err(|error| failed(&self.path, &error))?;
            reports.extend(self.unseal::<Report>("history", &key, &value));
        }
        Ok(reports)
    }

    /// Whether an older boxsync kept history or feed here.
    pub fn has_old(&self) -> bool {
        let names = self.db.tree_names();
        names
            .iter()
            .any(|name| OLD_TREES.iter().any(|old| name == old.as_bytes()))
    }

    /// Forgets what an older boxsync kept here: files have it now.
    ///
    /// # Errors
    /// What the store says.
    pub fn forget_old(&self) -> Result<(), Fault> {
        for name in OLD_TREES {
            self.db
                .drop_tree(name)
                .map_err(|error| failed(&self.path, &error))?;
        }
        Ok(())
    }

    /// Makes everything durable and lets go. sled's own flush does not survive a power cut: its file is synced too.
    ///
    /// # Errors
    /// What the store or the file system says.
    pub fn close(self) -> Result<(), Fault> {
        self.db
            .flush()
            .map_err(|error| failed(&self.path, &error))?;
        let file = self.path.join("db");
        fs::File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(|error| trouble(&file, FileAct::Sync, &error))?;
        // The lock is let go after the store, and after the mark.
        let Self {
            db, path, _turn, ..
        } = self;
        drop(db);
        let mark = path.with_extension("open");
        fs::remove_file(&mark).map_err(|error| trouble(&mark, FileAct::Remove, &error))
    }

    fn tree(&self, name: &str) -> Result<sled::Tree, Fault> {
        self.db
            .open_tree(name)
            .map_err(|error| failed(&self.path, &error))
    }

    fn seal<T: Serialize>(&self, tree: &str, key: &[u8], value: &T) -> Vec<u8> {
        let plain = postcard::to_allocvec(value).expect("plain data always serialises");
        self.sealer
            .seal(random(), &[tree.as_bytes(), key].concat(), &plain)
    }

    fn unseal<T: DeserializeOwned>(&self, tree: &str, key: &[u8], value: &[u8]) -> Option<T> {
        let plain = self
            .sealer
            .open(&[tree.as_bytes(), key].concat(), value)
            .ok()?;
        postcard::from_bytes(&plain).ok()
    }
}

/// Whether the store at `path` opens; run in a process of its own, since a damaged sled may panic.
pub fn probe(path: &Path) -> Probed {
    let read = || -> sled::Result<()> {
        let db = open(path)?;
        for name in db.tree_names() {
            db.open_tree(name)?
                .iter()
                .try_for_each(|entry| entry.map(|_| ()))?;
        }
        Ok(())
    };
    match read() {
        Ok(()) => Probed::Opens,
        Err(error) if is_busy(&error) => Probed::Busy,
        Err(error) if is_refused(&error) => Probed::Unreadable,
        Err(_) => Probed::Damaged,
    }
}

fn open(path: &Path) -> sled::Result<sled::Db> {
    sled::Config::new()
        .path(path)
        .cache_capacity(2 << 20)
        .flush_every_ms(Some(1000))
        .open()
}

fn is_busy(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("lock"))
}

/// The operating system said no: that is no damage. A place that no file can have is.
fn is_refused(error: &sled::Error) -> bool {
    let number = |error: &std::io::Error| error.raw_os_error();
    matches!(error, sled::Error::Io(error) if number(error).is_some_and(|n| n != Errno::EINVAL as i32))
}

fn busy(path: &Path) -> Fault {
    let path = path.display().to_string();
    Fault::new(Code::StateBusy, FileCause::StoreBusy { path })
}

fn unreadable(path: &Path) -> Fault {
    let path = path.display().to_string();
    Fault::new(Code::StateIo, FileCause::StoreUnknown { path }).classed(FaultClass::Retry)
}

/// Drops a store of another format, and says so. A power cut leaves the old mark, and all is done again.
fn fit(state: &Path, path: &Path, format: u32) -> Result<Option<String>, Fault> {
    let mark = path.with_extension("format");
    // The first format had no mark.
    let held = || match read_at_most(&mark, 64) {
        Ok(text) => Ok(String::from_utf8_lossy(&text).trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(1),
        Err(error) => Err(trouble(&mark, FileAct::Read, &error)),
    };
    if held()? == format {
        return Ok(None);
    }
    let _lock = lock_folder(state)?;
    let held = held()?;
    if held == format {
        return Ok(None);
    }
    let told = path.exists().then(|| {
        format!("the store had format {held}, this boxsync writes {format}: dropped, rebuilt from the sealed files")
    });
    if told.is_some() {
        fs::remove_dir_all(path).map_err(|error| trouble(path, FileAct::Remove, &error))?;
    }
    write_durably(&mark, format!("{format}\n").as_bytes())?;
    Ok(told)
}

/// Moves the store aside; it holds nothing irreplaceable. A disk that does not give it is named: that is no damage.
fn quarantine(vault: &Vault, path: &Path, why: &str) -> Result<String, Fault> {
    let why = match failing(path) {
        Some(trouble) => format!("the store cannot be read ({})", trouble.reason()),
        None => format!("the store was damaged ({why})"),
    };
    let aside = set_aside(&vault.state().join("quarantine"), path)?;
    Ok(format!(
        "{why}: moved to {}, rebuilt from the sealed files",
        aside.display()
    ))
}

fn failed(path: &Path, error: &sled::Error) -> Fault {
    let path = path.display().to_string();
    let cause = match error {
        sled::Error::Io(error) => FileCause::StoreRefused {
            path,
            why: error.into(),
        },
        _ => FileCause::StoreFailed { path },
    };
    Fault::new(Code::StoreFailed, cause)
}

#[cfg(test)]
mod tests;
