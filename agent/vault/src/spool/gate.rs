//! Who may change the spool when: many beside each other as long as their ids differ, or one alone.
//! Never looks at what lies there. The locks are the kernel's: they hold between processes and end with them.
//! Called by `spool`; each step behind the gate is short.

use std::fs::File;
use std::path::Path;

use logic::fault::{Fault, FileAct};
use logic::seal::NameHash;
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::libc;

use system::root::{open_lock, trouble};

/// Shared by all beside each other; on it, one byte range an id.
const LOCK: &str = "lock";
/// Held for the moment of asking: whoever waits to be alone is not overtaken for ever.
const TURN: &str = "turn";

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct SpoolLock(#[expect(dead_code, reason = "held until dropped")] Flock<File>);

impl SpoolLock {
    /// For whoever changes the items of these ids and of no others.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn beside(folder: &Path, ids: Vec<NameHash>) -> Result<Self, Fault> {
        let (lock, only_read) = entered(folder, FlockArg::LockShared)?;
        if only_read {
            // Ranges need a file that can be written: nobody is let in beside.
            drop(lock);
            return Self::alone(folder);
        }
        let mut places: Vec<i64> = ids.iter().map(place).collect();
        // In one order everywhere: nobody waits in a circle.
        places.sort_unstable();
        places.dedup();
        for place in places {
            let range = libc::flock {
                l_type: libc::F_WRLCK as libc::c_short,
                l_whence: libc::SEEK_SET as libc::c_short,
                l_start: place,
                l_len: 1,
                l_pid: 0,
            };
            fcntl(&*lock, FcntlArg::F_OFD_SETLKW(&range))
                .map_err(|error| trouble(&folder.join(LOCK), FileAct::Lock, &error.into()))?;
        }
        Ok(Self(lock))
    }

    /// For whoever looks at all items, or changes any.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn alone(folder: &Path) -> Result<Self, Fault> {
        let (lock, _) = entered(folder, FlockArg::LockExclusive)?;
        Ok(Self(lock))
    }
}

/// Whether a file of the spool's folder is one of the gate's.
pub(super) fn owns(path: &Path) -> bool {
    [LOCK, TURN]
        .iter()
        .any(|name| path.file_name() == Some(name.as_ref()))
}

/// The lock, and whether its file can only be read.
fn entered(folder: &Path, how: FlockArg) -> Result<(Flock<File>, bool), Fault> {
    let _turn = taken(&folder.join(TURN), FlockArg::LockExclusive)?;
    taken(&folder.join(LOCK), how)
}

fn taken(path: &Path, how: FlockArg) -> Result<(Flock<File>, bool), Fault> {
    let (file, only_read) =
        open_lock(path).map_err(|error| trouble(path, FileAct::Open, &error))?;
    let lock =
        Flock::lock(file, how).map_err(|(_, error)| trouble(path, FileAct::Lock, &error.into()))?;
    Ok((lock, only_read))
}

/// The byte of the lock file that stands for an id; two ids at one byte only wait for each other.
fn place(id: &NameHash) -> i64 {
    let mut head = [0; 8];
    head.copy_from_slice(&id.0[..8]);
    i64::from_le_bytes(head) & (i64::MAX >> 1)
}
