//! Items that leave the box as second copies, and those of another box that are let in.
//! Never lets in what is known, and never as if nobody had sent it: central is asked about each before it goes.
//! Called by `agent::copies`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use logic::fault::Fault;
use logic::intake::{IntakeItem, ItemKind};
use logic::retry::mix;
use logic::spool::{ItemAdmission, ItemKey, ItemState, Ledger};

use super::{Spool, enclose, folder, modified, spool_folders};
use system::root::{is_temporary, listed, write_all_durably};

/// How the spool stood when it was looked at: what lies in it, and when the folder of what is done was changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolPrint {
    /// When the folders of the spool and of what is done were changed last.
    changed: [SystemTime; 2],
    /// Names and times of the files in the spool.
    files: u64,
}

impl SpoolPrint {
    /// As it stands below this state folder. Looks at each file of the spool.
    pub fn of(state: &Path) -> Self {
        let changed = changed_at(state);
        let [folder, _] = spool_folders(state);
        let files = listed(&folder).unwrap_or_default();
        let files = files.iter().filter(|path| path.is_file());
        let files = files.filter(|path| !path.file_name().is_some_and(is_temporary));
        let files = files.fold(0, |all, path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let name = name
                .iter()
                .fold(0, |seed, byte| mix(seed ^ u64::from(*byte)));
            let since = modified(path).duration_since(SystemTime::UNIX_EPOCH);
            all ^ mix(name ^ since.map_or(0, |since| since.as_nanos() as u64))
        });
        Self { changed, files }
    }

    /// Whether what lies there is another one since. What was tried there and is gone, which changes the time of the folder, is
    /// nothing; the files are looked at only once after the folder was changed.
    pub fn has_changed(&mut self, state: &Path) -> bool {
        if self.changed == changed_at(state) {
            return false;
        }
        let now = Self::of(state);
        let same = (now.files, now.changed[1]) == (self.files, self.changed[1]);
        if same {
            *self = now;
        }
        !same
    }
}

fn changed_at(state: &Path) -> [SystemTime; 2] {
    spool_folders(state).map(|folder| modified(&folder))
}

impl Spool {
    /// The accounts of everything that central has not acknowledged, and what it holds.
    ///
    /// # Errors
    /// What the file system says.
    pub fn unacknowledged(&self) -> Result<Vec<Ledger>, Fault> {
        let mut ledgers = self.files.ledgers(&self.files.folder)?;
        ledgers.retain(|ledger| ledger.state != ItemState::Acknowledged);
        Ok(ledgers)
    }

    /// The accounts of everything that central has acknowledged, one after the other.
    ///
    /// # Errors
    /// What the file system says.
    pub fn each_acknowledged(&self, take: &mut dyn FnMut(Ledger)) -> Result<(), Fault> {
        self.files.each(&self.files.done, &mut |ledger| {
            take(ledger);
            Ok(())
        })
    }

    /// When an item came, Unix seconds.
    pub fn came(&self, key: &ItemKey) -> i64 {
        let path = self.files.path(&self.files.folder, key, "item");
        let came = modified(&path).duration_since(SystemTime::UNIX_EPOCH);
        came.map_or(0, |since| since.as_secs() as i64)
    }

    /// An item with its account as a copy holds it; `None` where its content is not there or does not open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn body(&self, ledger: &Ledger) -> Result<Option<Vec<u8>>, Fault> {
        let Some((began, payload)) = self.files.content(&ledger.key)? else {
            return Ok(None);
        };
        let ledger = match began.enclosure.enclosed && !ledger.enclosure.enclosed {
            true => ledger.clone().enclosed(began.enclosure, payload.len()),
            false => ledger.clone(),
        };
        Ok(Some(folder::body(ledger, &payload)))
    }

    /// Lets in an item of another box, `None` as body of which nothing can be read. It is durable when this returns. Says
    /// whether it was new here.
    ///
    /// # Errors
    /// What the file system says.
    pub fn adopt(&self, body: &[u8], box_id: &str, came: i64) -> Result<Option<bool>, Fault> {
        let Some((origin, payload)) = folder::accepted(body) else {
            return Ok(None);
        };
        let _gate = self.beside(std::iter::once(origin.key.id.as_str()))?;
        self.files.keys.must_be_in_force()?;
        let same = self.files.same(origin.key.kind, &origin.key.id)?;
        let item = IntakeItem {
            kind: origin.key.kind,
            id: origin.key.id.clone(),
            delivery: origin.delivery.clone(),
            test_taker: None,
            payload: payload.to_vec(),
            parts: origin.parts.iter().map(|(print, _)| *print).collect(),
            content: origin.content,
            execution: None,
            open: origin.state == ItemState::Open,
            enclosure: origin.enclosure,
        };
        let ItemAdmission::Fresh(ledger, payload) = Ledger::admit(item, &same, None) else {
            return Ok(Some(false));
        };
        let (path, bytes) = self.files.item(ledger.adopted(&origin, box_id), &payload);
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(came.max(0) as u64);
        write_all_durably(&[(path.clone(), bytes)])?;
        enclose::keep_age(&path, when);
        Ok(Some(true))
    }

    /// The item's kind and id, as its copy tells them.
    pub fn order_of(body: &[u8]) -> Option<(ItemKind, String, u32)> {
        let key = folder::accepted(body)?.0.key;
        Some((key.kind, key.id, key.edition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file that is tried there and gone changes the time of the folder, not what lies in it.
    #[test]
    fn what_is_tried_and_gone_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let [folder, done] = spool_folders(dir.path());
        fs::create_dir_all(&done).unwrap();
        // The times of folders are told apart, however coarse the clock of files is.
        let at = |folder: &Path, seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::open(folder).unwrap().set_modified(time).unwrap();
        };
        at(&folder, 1);
        let mut print = SpoolPrint::of(dir.path());
        let trial = folder.join("trial.1-0.new");
        fs::write(&trial, b"x").unwrap();
        at(&folder, 2);
        assert!(!print.has_changed(dir.path()));
        fs::remove_file(&trial).unwrap();
        at(&folder, 3);
        assert!(!print.has_changed(dir.path()));
        fs::write(folder.join("item"), b"x").unwrap();
        at(&folder, 4);
        assert!(print.has_changed(dir.path()));
        assert!(print.has_changed(dir.path()), "until it is looked at anew");
        let mut print = SpoolPrint::of(dir.path());
        assert!(!print.has_changed(dir.path()));
        fs::write(done.join("item"), b"x").unwrap();
        at(&done, 5);
        assert!(print.has_changed(dir.path()));
    }
}
