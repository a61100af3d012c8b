//! What became of one item, for whoever handed it in and asks, and of which something was written since a look.
//! Never changes anything, and never opens what a candidate did.
//! Called by the local API.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use logic::fault::{Fault, FileAct};
use logic::intake::ItemKind;
use logic::spool::{ItemKey, Ledger};

use super::Spool;
use system::root::trouble;

/// One edition of an item.
#[derive(Debug)]
pub struct Fate {
    /// Its account.
    pub ledger: Ledger,
    /// When it was accepted, Unix seconds; unknown where its content went after it was sent.
    pub came: Option<i64>,
    /// When something was decided about it last; `None` before anything was.
    pub changed: Option<i64>,
    /// A later content stands for it: it stays on the box and never goes.
    pub superseded: bool,
}

/// How the files of the spool were met, each as two numbers: of which file, and as it was written last.
#[derive(Debug, Default)]
pub struct FateMarks(BTreeMap<u64, u64>);

fn mark(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Spool {
    /// How its files are met now, and the accounts of those that were met otherwise before; none where there was no
    /// look before. A file is written anew or moved for every word about an item, and never changed in its place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn written_since(
        &self,
        before: Option<&FateMarks>,
    ) -> Result<(FateMarks, Vec<Ledger>), Fault> {
        let (mut now, mut changed) = (FateMarks::default(), Vec::<(u64, PathBuf)>::new());
        for folder in [&self.files.folder, &self.files.done] {
            let entries =
                fs::read_dir(folder).map_err(|error| trouble(folder, FileAct::List, &error))?;
            for entry in entries.filter_map(Result::ok) {
                let path = entry.path();
                let is_own = path
                    .extension()
                    .is_some_and(|e| e == "item" || e == "state");
                // What moved meanwhile is met where it went.
                let Some(meta) = is_own.then(|| entry.metadata().ok()).flatten() else {
                    continue;
                };
                let changed_at = (
                    meta.mtime(),
                    meta.mtime_nsec(),
                    meta.ctime(),
                    meta.ctime_nsec(),
                );
                let written = (meta.ino(), changed_at);
                let (file, written) = (mark(&path), mark(written));
                now.0.insert(file, written);
                if before.is_some_and(|before| before.0.get(&file) != Some(&written)) {
                    changed.push((file, path));
                }
            }
        }
        let mut ledgers = Vec::new();
        for (file, path) in changed {
            match self.files.met(&path) {
                Ok(ledger) => ledgers.extend(ledger),
                // The disk does not give it now: it counts as not met, and the others do not wait for that.
                Err(_) => {
                    now.0.remove(&file);
                }
            }
        }
        Ok((now, ledgers))
    }

    /// What became of each edition of an id, in order; none where nothing came under it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn fates(&self, kind: ItemKind, id: &str) -> Result<Vec<Fate>, Fault> {
        let ledgers = self.files.same(kind, id)?;
        Ok(ledgers
            .into_iter()
            .map(|ledger| self.fate(ledger))
            .collect())
    }

    /// The account with its times.
    pub fn fate(&self, ledger: Ledger) -> Fate {
        let at = |extension| {
            let path = self.files.find(&ledger.key, extension)?;
            let at = fs::metadata(path).and_then(|file| file.modified()).ok()?;
            let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_secs()).ok()
        };
        Fate {
            came: at("item"),
            changed: at("state"),
            superseded: self.files.is_superseded(&ledger),
            ledger,
        }
    }

    /// Whether more than one edition of an id came.
    pub fn is_added_to(&self, kind: ItemKind, id: &str) -> bool {
        let key = ItemKey {
            kind,
            id: id.to_owned(),
            edition: 1,
        };
        let there = |extension| self.files.find(&key, extension).is_some();
        there("item") || there("state")
    }
}
