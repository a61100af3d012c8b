//! The accounts of past synchronizations, sealed, one behind the other.
//! Never waits for a run: readers read what is whole, beside the one process that appends.
//! Called by `engine`, which appends under the lock of the state folder, and by every reader of the history.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use logic::fault::{Fault, FileAct};
use logic::report::Report;
use logic::seal::Sealer;

use super::frames::{Frames, push};
use super::{Vault, random};
use system::root::{make_folder, open_regular, sync_folder, trouble, write_durably};

/// Accounts in one file. The one before it is kept, so that at least as many are remembered.
const ACCOUNTS_PER_FILE: usize = 500;

/// The folder `history/`.
pub struct History {
    folder: PathBuf,
    sealer: Sealer,
    per_file: usize,
}

impl History {
    /// The history of a state folder; nothing is made.
    pub fn of(vault: &Vault) -> Self {
        Self {
            folder: vault.home().join("history"),
            sealer: vault.home_sealer("history"),
            per_file: ACCOUNTS_PER_FILE,
        }
    }

    /// Whether an account was ever kept here.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Keeps what an older boxsync had in its index store, oldest first: all of it or, after a power cut, nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn adopt(&self, reports: &[Report]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        reports
            .iter()
            .for_each(|report| push(&mut bytes, &self.seal(report)));
        let beside = self.folder.with_extension("new");
        make_folder(&beside)?;
        write_durably(&beside.join("1.log"), &bytes)?;
        fs::rename(&beside, &self.folder)
            .map_err(|error| trouble(&self.folder, FileAct::MakeFolder, &error))?;
        sync_folder(&self.folder)
    }

    /// Appends an account, durably. Only one process may do so at a time.
    ///
    /// # Errors
    /// What the file system says.
    pub fn append(&self, report: &Report) -> Result<(), Fault> {
        make_folder(&self.folder)?;
        let files = self.files()?;
        let (mut number, mut whole) = (1, 0);
        if let Some((last, path)) = files.last_key_value() {
            let (count, end) = measured(path)?;
            (number, whole) = match count < self.per_file {
                true => (*last, end),
                false => (last + 1, 0),
            };
        }
        let path = self.folder.join(format!("{number}.log"));
        let mut bytes = Vec::new();
        push(&mut bytes, &self.seal(report));
        let write = || {
            let mut file = open_regular(
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600),
                &path,
            )?;
            if file.metadata()?.len() > whole {
                // The end of an account that a power cut tore.
                file.set_len(whole)?;
            }
            file.seek(SeekFrom::Start(whole))?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|error| trouble(&path, FileAct::Write, &error))?;
        if !files.contains_key(&number) {
            sync_folder(&path)?;
        }
        for (old, path) in files {
            if old + 1 < number {
                fs::remove_file(&path).map_err(|error| trouble(&path, FileAct::Remove, &error))?;
            }
        }
        Ok(())
    }

    /// The newest accounts, newest first. One that does not open is passed over.
    ///
    /// # Errors
    /// What the file system says.
    pub fn newest(&self, most: usize) -> Result<Vec<Report>, Fault> {
        // An account that was written again replaces the first one.
        let mut reports = BTreeMap::new();
        for path in self.files()?.values() {
            let failed = |error: io::Error| trouble(path, FileAct::Read, &error);
            let mut frames = match open(path) {
                Ok(frames) => frames,
                // Removed by a run meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            while let Some(sealed) = frames.next().map_err(failed)? {
                if let Some(report) = self.unseal(&sealed) {
                    reports.insert(report.sync_id, report);
                }
            }
        }
        Ok(reports.into_values().rev().take(most).collect())
    }

    fn files(&self) -> Result<BTreeMap<u64, PathBuf>, Fault> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(trouble(&self.folder, FileAct::List, &error)),
        };
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_suffix(".log")?.parse().ok()
        };
        Ok(entries
            .filter_map(Result::ok)
            .filter_map(|entry| number(&entry.path()).map(|number| (number, entry.path())))
            .collect())
    }

    /// As JSON: an account that gains a field is still read by an older boxsync, and the other way round.
    fn seal(&self, report: &Report) -> Vec<u8> {
        let plain = serde_json::to_vec(report).expect("plain data always serialises");
        self.sealer.seal(random(), b"account", &plain)
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Report> {
        let plain = self.sealer.open(b"account", sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn open(path: &Path) -> io::Result<Frames> {
    let file = open_regular(OpenOptions::new().read(true), path)?;
    let length = file.metadata()?.len();
    Ok(Frames::new(file, length))
}

/// How many whole records a file holds, and where they end.
fn measured(path: &Path) -> Result<(usize, u64), Fault> {
    let measure = || {
        let mut frames = open(path)?;
        let length = frames.left();
        let mut count = 0;
        while frames.skip()? {
            count += 1;
        }
        Ok((count, length - frames.left()))
    };
    measure().map_err(|error| trouble(path, FileAct::Read, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::words::SyncParams;

    fn report(sync_id: u64) -> Report {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        Report::new(&params, sync_id as i64)
    }

    fn numbers(history: &History, most: usize) -> Vec<u64> {
        let reports = history.newest(most).unwrap();
        reports.iter().map(|report| report.sync_id).collect()
    }

    #[test]
    fn the_newest_accounts_come_first_and_old_ones_go() {
        let (_dir, vault) = Vault::fresh();
        let history = History {
            per_file: 10,
            ..History::of(&vault)
        };
        assert_eq!(numbers(&history, 9), Vec::<u64>::new());
        for sync_id in 1..=34 {
            history.append(&report(sync_id)).unwrap();
        }
        assert_eq!(numbers(&history, 3), [34, 33, 32]);
        let kept = numbers(&history, usize::MAX);
        assert_eq!((kept.len(), kept.last()), (14, Some(&21)));
    }

    #[test]
    fn a_torn_end_is_cut_off_and_a_damaged_account_hides_no_other() {
        let (_dir, vault) = Vault::fresh();
        let history = History::of(&vault);
        history.adopt(&[report(1), report(2), report(3)]).unwrap();
        let path = vault.state().join("history/1.log");
        let whole = fs::read(&path).unwrap();
        for torn in 1..whole.len() / 3 {
            fs::write(&path, &whole[..whole.len() - torn]).unwrap();
            assert_eq!(numbers(&history, 9), [2, 1]);
            history.append(&report(4)).unwrap();
            assert_eq!(numbers(&history, 9), [4, 2, 1]);
        }
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(numbers(&history, 9), [3, 1]);
        assert!(!bytes.windows(7).any(|piece| piece == b"2022.11"));
    }
}
