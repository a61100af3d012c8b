//! Destroys the keys and the data of a box.
//! Never removes data before its key: whatever a power cut leaves is unreadable. Never what central has not acknowledged,
//! but by its true number.
//! Called by the verb `wipe`.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use logic::fault::{Code, Fault, FileAct, RunCause};
use logic::spool::ItemState;
use logic::wipe::OwedLoss;

use super::LOCK_TIMEOUT;
use system::root::{self, Lock, Root, trouble};
use vault::Vault;
use vault::key::{KEY_NAME, WRAPPED_NAME};
use vault::spool::{self, Spool};

/// Removes keys and data, durably, if what is owed to central is as many items as `discard` says. Nobody lets in
/// anything meanwhile.
///
/// # Errors
/// `daemon.running`, `state.busy`, `wipe.owed`, or what the file system says.
pub fn wipe(root: &Root, vault: Option<&Vault>, discard: Option<u64>) -> Result<(), Fault> {
    let state = root.state();
    let _lock = Lock::take(root, LOCK_TIMEOUT)?;
    no_daemon(root)?;
    let _closed = spool::closed(&state)?;
    owed(root, vault)?.permits(discard)?;
    // The keys first, and their removal on the disk before anything else goes: what a power cut leaves is whole, or
    // unreadable.
    let paths = listed(&state)?;
    let is_key = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        [KEY_NAME, WRAPPED_NAME]
            .iter()
            .any(|key| name.starts_with(key.as_bytes()))
    };
    for path in paths.iter().filter(is_key) {
        destroy(path)?;
    }
    system::root::sync_folder(&state.join("version"))?;
    for path in paths.iter().filter(|path| !is_key(path)) {
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.map_err(|error| trouble(path, FileAct::Remove, &error))?;
    }
    system::root::sync_folder(&state.join("version"))
}

/// What central has not acknowledged; without the key, and of what does not open, the files are counted.
///
/// # Errors
/// What the file system says.
pub fn owed(root: &Root, vault: Option<&Vault>) -> Result<OwedLoss, Fault> {
    let state = root.state();
    let items = |folder: PathBuf| -> Result<u64, Fault> {
        let is_item = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // In quarantine a number may follow.
            name.ends_with(".item") || name.contains(".item.")
        };
        let paths = match folder.is_dir() {
            true => listed(&folder)?,
            false => Vec::new(),
        };
        Ok(paths.iter().filter(|path| is_item(path)).count() as u64)
    };
    let mut owed = OwedLoss::default();
    let spool = state.join("spool");
    match vault.filter(|_| spool.is_dir()) {
        Some(vault) => {
            for ledger in Spool::open(vault)?.accounts()? {
                if ledger.state != ItemState::Acknowledged {
                    owed.count(ledger.key.kind);
                }
            }
        }
        None => owed.unreadable += items(spool)?,
    }
    owed.unreadable += items(state.join("quarantine"))?;
    Ok(owed)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    root::listed(folder).map_err(|error| trouble(folder, FileAct::List, &error))
}

/// No box is wiped under a running daemon: its gateway and its intake hold the old key, and what they accepted afterwards
/// nobody could ever open.
///
/// # Errors
/// `daemon.running`.
pub fn no_daemon(root: &Root) -> Result<(), Fault> {
    let socket = root.socket();
    if UnixStream::connect(&socket).is_err() {
        return Ok(());
    }
    let path = socket.display().to_string();
    Err(Fault::new(
        Code::DaemonRunning,
        RunCause::RunsNotWiped { path },
    ))
}

/// Overwrites a key file before it is removed; on flash the old cells may still hold it for a while.
fn destroy(path: &Path) -> Result<(), Fault> {
    let length = fs::metadata(path).map_or(0, |meta| meta.len());
    let overwrite = || {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(&vec![0; length as usize])?;
        file.sync_all()?;
        fs::remove_file(path)
    };
    overwrite().map_err(|error| trouble(path, FileAct::Destroy, &error))
}
