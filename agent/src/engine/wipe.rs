//! Destroys the keys and the data of a box.
//! Never removes data before its key: whatever a power cut leaves is unreadable.
//! Called by the verb `wipe`.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use logic::words::{Class, Outcome, Trouble};

use super::LOCK_PATIENCE;
use crate::root::{Lock, Root, trouble};
use crate::vault::key::KEY_NAME;

/// Removes keys and data, durably.
///
/// # Errors
/// `daemon.running`, `state.busy`, or what the file system says.
pub fn wipe(root: &Root) -> Result<(), Trouble> {
    let state = root.state();
    let _lock = Lock::take(root, LOCK_PATIENCE)?;
    no_daemon(root)?;
    // The keys first: whatever a power cut leaves is unreadable from here on.
    for name in [KEY_NAME, &format!("{KEY_NAME}.next"), "data.key"] {
        destroy(&state.join(name))?;
    }
    let entries = fs::read_dir(&state).map_err(|error| trouble(&state, "list", &error))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(|error| trouble(&path, "remove", &error))?;
    }
    crate::root::sync_folder(&state.join("version"))
}

/// No box is wiped under a running daemon: its gateway and its intake hold the old key, and what they accepted afterwards
/// nobody could ever open.
///
/// # Errors
/// `daemon.running`.
pub fn no_daemon(root: &Root) -> Result<(), Trouble> {
    let socket = root.socket();
    if UnixStream::connect(&socket).is_err() {
        return Ok(());
    }
    let reason = format!(
        "{}: boxsync is running, nothing was destroyed; stop it first: `systemctl stop boxsync.service`",
        socket.display()
    );
    let code = "daemon.running";
    Err(Trouble::new(code, Class::Operator, Outcome::Failed, reason))
}

/// Overwrites a key file before it is removed; on flash the old cells may still hold it for a while.
fn destroy(path: &Path) -> Result<(), Trouble> {
    if !path.exists() {
        return Ok(());
    }
    let length = fs::metadata(path).map_or(0, |meta| meta.len());
    let overwrite = || {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(&vec![0; length as usize])?;
        file.sync_all()?;
        fs::remove_file(path)
    };
    overwrite().map_err(|error| trouble(path, "destroy", &error))
}
