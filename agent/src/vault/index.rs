//! The sled store: what an interrupted run had staged, the change feed, the history and the link's statistics.
//! Never the only place of anything irreplaceable: deleted whole, it is rebuilt and the feed begins a new epoch.
//! Called by `engine` and the readers of history, feed and statistics; the only file that names sled.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logic::entity::EntityType;
use logic::report::Report;
use logic::seal::{NameHash, Sealer};
use logic::words::{Class, Outcome, Trouble};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::catalogue::{Row, Rows};
use super::{Keyring, Vault, damaged, random};
use crate::root::{lock_folder, set_aside, trouble, write_durably};

/// The format of what the store keeps; grows with every change of a row's shape. A store of another format is dropped.
const FORMAT: u32 = 1;

/// Synchronizations remembered.
const HISTORY_KEPT: u64 = 500;
/// Changes remembered: a follower that is further behind reads everything again.
const FEED_KEPT: u64 = 100_000;
/// Lines of the feed in one batch of the store.
const FOLLOWED_AT_ONCE: usize = 100;

/// What happened to one entity in one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Created or updated.
    Put,
    /// No longer there.
    Remove,
}

/// One line of the change feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Type of the entity.
    pub kind: EntityType,
    /// URI of the entity.
    pub id: String,
    /// What happened.
    pub op: Op,
    /// The generation that shows it.
    pub generation: u64,
}

/// Changes after a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Another epoch means: read everything again.
    pub epoch: u64,
    /// Number and change, in order.
    pub changes: Vec<(u64, Change)>,
    /// The oldest number still kept; a follower below it reads everything again.
    pub oldest: u64,
    /// The newest number given so far.
    pub newest: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct FeedHead {
    epoch: u64,
    newest: u64,
    generation: u64,
}

/// The open store. Drop it when it is not needed: its lock keeps other processes out.
pub struct Index {
    db: sled::Db,
    path: PathBuf,
    sealer: Sealer,
    keys: Keyring,
    /// What had to be done to open it, for the journal.
    pub rebuilt: Option<String>,
}

impl Index {
    /// Opens the store, waiting for another process at most `patience`. After an unclean end it is first opened by
    /// `probe` (a child process, since a damaged sled may panic); what does not open is moved to `quarantine/`.
    ///
    /// # Errors
    /// `state.busy` while another process has it, or what the file system says.
    pub fn open(
        vault: &Vault,
        patience: Duration,
        probe: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, Trouble> {
        Self::open_as(FORMAT, vault, patience, probe)
    }

    fn open_as(
        format: u32,
        vault: &Vault,
        patience: Duration,
        probe: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, Trouble> {
        let path = vault.state().join("index");
        let open_mark = vault.state().join("index.open");
        let mut rebuilt = fit(vault.state(), &path, format)?;
        if open_mark.exists() && path.exists() && !probe(&path) {
            rebuilt = Some(quarantine(
                vault,
                &path,
                "it does not open after an unclean end",
            )?);
        }
        let until = Instant::now() + patience;
        let db = loop {
            match open(&path) {
                Ok(db) => break db,
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) if is_busy(&error) => {
                    let reason = format!("{}: another process has the store open", path.display());
                    return Err(Trouble::new(
                        "state.busy",
                        Class::Retry,
                        Outcome::Failed,
                        reason,
                    ));
                }
                Err(sled::Error::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                    return Err(trouble(&path, "open the store", &error));
                }
                Err(error) if rebuilt.is_none() => {
                    rebuilt = Some(quarantine(vault, &path, &error.to_string())?);
                }
                Err(error) => return Err(failed(&path, &error)),
            }
        };
        fs::write(&open_mark, b"").map_err(|error| trouble(&open_mark, "write", &error))?;
        let sealer = vault.keys().sealer("index");
        Ok(Self {
            db,
            path,
            sealer,
            keys: vault.keys().clone(),
            rebuilt,
        })
    }

    /// Rows that an interrupted run left of one type; they count only if their records open.
    ///
    /// # Errors
    /// What the store says.
    pub fn staged(&self, kind: EntityType) -> Result<Rows, Trouble> {
        let tree = self.tree("staged")?;
        let mut rows = Rows::new();
        let prefix = self.prefix(kind);
        for entry in tree.scan_prefix(prefix) {
            let (key, value) = entry.map_err(|error| failed(&self.path, &error))?;
            let name = <[u8; 16]>::try_from(&key[prefix.len()..]);
            if let (Ok(name), Some(row)) = (name, self.unseal::<Row>("staged", &key, &value)) {
                rows.insert(NameHash(name), row);
            }
        }
        Ok(rows)
    }

    /// What the keys of one type's staged rows begin with: not even a type's name is readable.
    fn prefix(&self, kind: EntityType) -> [u8; 16] {
        self.keys.name("staged", kind.word()).0
    }

    /// Remembers where staged records lie.
    ///
    /// # Errors
    /// What the store says.
    pub fn stage(&self, kind: EntityType, rows: &[(NameHash, Row)]) -> Result<(), Trouble> {
        let mut batch = sled::Batch::default();
        for (name, row) in rows {
            let key = [self.prefix(kind), name.0].concat();
            batch.insert(key.clone(), self.seal("staged", &key, row));
        }
        self.tree("staged")?
            .apply_batch(batch)
            .map_err(|error| failed(&self.path, &error))
    }

    /// Forgets what was staged: it was published.
    ///
    /// # Errors
    /// What the store says.
    pub fn unstage(&self) -> Result<(), Trouble> {
        self.tree("staged")?
            .clear()
            .map_err(|error| failed(&self.path, &error))
    }

    /// Appends the changes of one generation. When the generation before is not the feed's last one (the store was
    /// rebuilt, or lost its end in a power cut), a new epoch begins: followers then read everything again.
    ///
    /// # Errors
    /// What the store says.
    pub fn follow(&self, before: u64, generation: u64, changes: &[Change]) -> Result<(), Trouble> {
        let tree = self.tree("feed")?;
        let mut head = match self.head()? {
            Some(head) if head.generation == before => head,
            _ => {
                tree.clear().map_err(|error| failed(&self.path, &error))?;
                FeedHead {
                    epoch: u64::from_be_bytes(random()) >> 12,
                    newest: 0,
                    generation: before,
                }
            }
        };
        // sled frees nothing before a batch has ended: ten thousand changes at once hold 40 MiB. Lines beyond the head
        // are nobody's, so that a cut between two batches shows none of them.
        for part in changes.chunks(FOLLOWED_AT_ONCE) {
            let mut batch = sled::Batch::default();
            for change in part {
                head.newest += 1;
                let key = head.newest.to_be_bytes();
                batch.insert(&key, self.seal("feed", &key, change));
            }
            tree.apply_batch(batch)
                .map_err(|error| failed(&self.path, &error))?;
        }
        head.generation = generation;
        tree.insert(b"head", self.seal("feed", b"head", &head))
            .map_err(|error| failed(&self.path, &error))?;
        self.trim("feed", head.newest.saturating_sub(FEED_KEPT))
    }

    /// Changes after `since`, at most `most`.
    ///
    /// # Errors
    /// What the store says.
    pub fn feed(&self, since: u64, most: usize) -> Result<Feed, Trouble> {
        let tree = self.tree("feed")?;
        let head = self.head()?.unwrap_or(FeedHead {
            epoch: 0,
            newest: 0,
            generation: 0,
        });
        let changes = self.list::<Change>(
            "feed",
            tree.range(since.saturating_add(1).to_be_bytes()..)
                .take_while(|line| match line {
                    Ok((key, _)) => number(key).is_none_or(|at| at <= head.newest),
                    Err(_) => true,
                })
                .take(most),
        )?;
        let oldest = tree
            .iter()
            .keys()
            .next()
            .and_then(Result::ok)
            .and_then(|key| number(&key))
            .filter(|at| *at <= head.newest);
        Ok(Feed {
            epoch: head.epoch,
            changes,
            oldest: oldest.unwrap_or(head.newest + 1),
            newest: head.newest,
        })
    }

    /// Remembers a run.
    ///
    /// # Errors
    /// What the store says.
    pub fn remember(&self, report: &Report) -> Result<(), Trouble> {
        let key = report.sync_id.to_be_bytes();
        let value = self.seal("history", &key, report);
        self.tree("history")?
            .insert(key, value)
            .map_err(|error| failed(&self.path, &error))?;
        self.trim("history", report.sync_id.saturating_sub(HISTORY_KEPT))
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn history(&self, most: usize) -> Result<Vec<Report>, Trouble> {
        let tree = self.tree("history")?;
        // Forwards, then turned: walking a tree backwards brings sled's greatest key into the binary, one MiB of 0xff.
        let older = tree.len().saturating_sub(most);
        let reports = self.list("history", tree.iter().skip(older))?;
        Ok(reports
            .into_iter()
            .rev()
            .map(|(_, report)| report)
            .collect())
    }

    /// Makes everything durable and lets go. sled's own flush does not survive a power cut: its file is synced too.
    ///
    /// # Errors
    /// What the store or the file system says.
    pub fn close(self) -> Result<(), Trouble> {
        self.db
            .flush()
            .map_err(|error| failed(&self.path, &error))?;
        let file = self.path.join("db");
        fs::File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(|error| trouble(&file, "sync", &error))?;
        let Self { db, path, .. } = self;
        drop(db);
        let mark = path.with_extension("open");
        fs::remove_file(&mark).map_err(|error| trouble(&mark, "remove", &error))
    }

    fn head(&self) -> Result<Option<FeedHead>, Trouble> {
        let value = self
            .tree("feed")?
            .get(b"head")
            .map_err(|error| failed(&self.path, &error))?;
        Ok(value.and_then(|value| self.unseal("feed", b"head", &value)))
    }

    fn tree(&self, name: &str) -> Result<sled::Tree, Trouble> {
        self.db
            .open_tree(name)
            .map_err(|error| failed(&self.path, &error))
    }

    fn list<T: DeserializeOwned>(
        &self,
        tree: &str,
        entries: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> Result<Vec<(u64, T)>, Trouble> {
        let mut found = Vec::new();
        for entry in entries {
            let (key, value) = entry.map_err(|error| failed(&self.path, &error))?;
            let Some(at) = number(&key) else { continue };
            let value = self
                .unseal(tree, &key, &value)
                .ok_or_else(|| damaged(&self.path, &format!("row {at} of `{tree}`")))?;
            found.push((at, value));
        }
        Ok(found)
    }

    /// Removes the rows with numbers up to `last`.
    fn trim(&self, name: &str, last: u64) -> Result<(), Trouble> {
        let tree = self.tree(name)?;
        for key in tree.range(0u64.to_be_bytes()..=last.to_be_bytes()).keys() {
            let key = key.map_err(|error| failed(&self.path, &error))?;
            tree.remove(key)
                .map_err(|error| failed(&self.path, &error))?;
        }
        Ok(())
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
pub fn opens(path: &Path) -> bool {
    open(path).is_ok_and(|db| {
        db.tree_names().iter().all(|name| {
            db.open_tree(name)
                .is_ok_and(|tree| tree.iter().all(|entry| entry.is_ok()))
        })
    })
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

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// Drops a store of another format, and says so. A power cut leaves the old mark, and all is done again.
fn fit(state: &Path, path: &Path, format: u32) -> Result<Option<String>, Trouble> {
    let mark = path.with_extension("format");
    // The first format had no mark.
    let held = || match fs::read_to_string(&mark) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(1),
        Err(error) => Err(trouble(&mark, "read", &error)),
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
        fs::remove_dir_all(path).map_err(|error| trouble(path, "remove", &error))?;
    }
    write_durably(&mark, format!("{format}\n").as_bytes())?;
    Ok(told)
}

/// Moves the store aside; it holds nothing irreplaceable.
fn quarantine(vault: &Vault, path: &Path, why: &str) -> Result<String, Trouble> {
    let aside = set_aside(&vault.state().join("quarantine"), path)?;
    Ok(format!(
        "the store was damaged ({why}): moved to {}, rebuilt from the sealed files",
        aside.display()
    ))
}

fn failed(path: &Path, error: &sled::Error) -> Trouble {
    let reason = format!("{}: the store failed: {error}", path.display());
    Trouble::new("store.failed", Class::Operator, Outcome::Failed, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::entity::Checksum;

    fn open(vault: &Vault) -> Index {
        Index::open(vault, Duration::from_secs(10), &|_| true).unwrap()
    }

    fn change(id: &str, generation: u64) -> Change {
        Change {
            kind: EntityType::Proctor,
            id: id.into(),
            op: Op::Put,
            generation,
        }
    }

    #[test]
    fn the_feed_is_numbered_and_a_gap_begins_a_new_epoch() {
        let (_dir, vault) = Vault::fresh();
        let index = open(&vault);
        index
            .follow(0, 1, &[change("a", 1), change("b", 1)])
            .unwrap();
        index.follow(1, 2, &[change("a", 2)]).unwrap();
        let feed = index.feed(1, 10).unwrap();
        assert_eq!(feed.changes, [(2, change("b", 1)), (3, change("a", 2))]);
        assert_eq!((feed.oldest, feed.newest), (1, 3));
        index.follow(7, 8, &[change("c", 8)]).unwrap();
        let after = index.feed(0, 10).unwrap();
        assert_ne!(after.epoch, feed.epoch);
        assert_eq!(after.changes, [(1, change("c", 8))]);
    }

    #[test]
    fn staged_rows_survive_a_close_and_are_forgotten_together() {
        let (_dir, vault) = Vault::fresh();
        let row = Row {
            checksum: Checksum([1; 16]),
            segment: 3,
            offset: 5,
            length: 9,
        };
        let index = open(&vault);
        index
            .stage(EntityType::Proctor, &[(NameHash([2; 16]), row)])
            .unwrap();
        index.close().unwrap();
        let index = open(&vault);
        assert_eq!(
            index.staged(EntityType::Proctor).unwrap(),
            Rows::from([(NameHash([2; 16]), row)])
        );
        assert_eq!(index.staged(EntityType::Delivery).unwrap(), Rows::new());
        index.unstage().unwrap();
        assert_eq!(index.staged(EntityType::Proctor).unwrap(), Rows::new());
    }

    #[test]
    fn a_store_of_another_format_is_dropped_and_that_is_told_once() {
        let (_dir, vault) = Vault::fresh();
        let as_format =
            |format| Index::open_as(format, &vault, Duration::from_secs(10), &|_| true).unwrap();
        let first = as_format(1);
        assert_eq!(first.rebuilt, None);
        first.follow(0, 1, &[change("a", 1)]).unwrap();
        first.close().unwrap();
        let second = as_format(2);
        let told = second.rebuilt.as_deref().unwrap();
        assert!(
            told.contains("format 1") && told.contains("writes 2"),
            "{told}"
        );
        assert_eq!(second.feed(0, 10).unwrap().changes, []);
        second.follow(0, 1, &[change("b", 1)]).unwrap();
        second.close().unwrap();
        let again = as_format(2);
        assert_eq!(again.rebuilt, None);
        assert_eq!(again.feed(0, 10).unwrap().changes, [(1, change("b", 1))]);
        // Back to an older boxsync: as if it were damaged.
        again.close().unwrap();
        assert!(as_format(1).rebuilt.is_some());
    }

    #[test]
    fn another_shape_of_a_row_is_another_format() {
        let params = logic::words::Params {
            organisation_id: "1".into(),
            sync_id: 2,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 3);
        report.entity(EntityType::Delivery).created = 4;
        report.find(&damaged(Path::new("p"), "w"));
        let row = Row {
            checksum: Checksum([1; 16]),
            segment: 3,
            offset: 5,
            length: 9,
        };
        let head = FeedHead {
            epoch: 1,
            newest: 2,
            generation: 3,
        };
        let bytes = postcard::to_allocvec(&(report, row, head, change("a", 1))).unwrap();
        // Another figure: `FORMAT` grows, and so does `LAYOUT`, for `last` is a report too.
        assert_eq!((FORMAT, crc32fast::hash(&bytes)), (1, 2_413_478_802));
    }

    #[test]
    fn a_store_that_does_not_open_is_moved_aside() {
        let (_dir, vault) = Vault::fresh();
        open(&vault).follow(0, 1, &[change("a", 1)]).unwrap();
        let index = Index::open(&vault, Duration::from_secs(10), &|_| false).unwrap();
        assert!(
            index
                .rebuilt
                .as_deref()
                .is_some_and(|told| told.contains("quarantine"))
        );
        assert_eq!(index.feed(0, 10).unwrap().changes, []);
        assert_eq!(
            fs::read_dir(vault.state().join("quarantine"))
                .unwrap()
                .count(),
            1
        );
    }
}
