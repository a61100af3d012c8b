//! Where everything lies: the paths below `--root`, the state folder's version, its lock and its owner (design 4.1).
//! Never reads what the files hold.
//! Called by `main`, which enters the folder once, and by `vault` and `socket` for their paths.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logic::fault::{Code, Fault, FileAct, FileCause, LockHolder, OsCause};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

mod durable;
mod regular;

#[cfg(any(test, feature = "cut"))]
pub use durable::fuse;
pub use durable::remove_leftover;
pub use durable::{
    is_temporary, link_aside, overwrite_durably, remove_durably, remove_file, rename_durably,
    replace_durably, set_aside, sync_folder, try_beside, try_write, write_all_durably,
    write_durably, write_for_all,
};

pub use regular::{open_regular, read_at_most, read_regular};

/// The version of the state folder's layout that this boxsync writes.
pub const LAYOUT: u32 = 1;

/// All paths of one installation.
#[derive(Debug, Clone)]
pub struct Root {
    root: PathBuf,
}

impl Root {
    /// Everything below `root` (default `/`).
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that everything lies below.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// `etc/boxsync/boxsync.toml`.
    pub fn config(&self) -> PathBuf {
        self.root.join("etc/boxsync/boxsync.toml")
    }

    /// `etc/boxsync/boxsync.d`, whose `*.toml` are read in the order of their names.
    pub fn drop_ins(&self) -> PathBuf {
        self.root.join("etc/boxsync/boxsync.d")
    }

    /// The operating system's own description (os-release(5)).
    pub fn os_release(&self) -> PathBuf {
        let etc = self.root.join("etc/os-release");
        if etc.exists() {
            etc
        } else {
            self.root.join("usr/lib/os-release")
        }
    }

    /// The file of the host below the root, e.g. `etc/machine-id`.
    pub fn host(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The state folder, `var/lib/boxsync`.
    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/boxsync")
    }

    /// The files of users and of groups.
    pub fn users(&self) -> (PathBuf, PathBuf) {
        let etc = self.root.join("etc");
        (etc.join("passwd"), etc.join("group"))
    }

    /// Where systemd left the secrets of this machine: for the service itself where it says, for a command of root's
    /// beside a running service where that one's are.
    pub fn credentials(&self) -> Option<PathBuf> {
        match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(folder) => Some(folder.into()),
            None => {
                let folder = self.root.join("run/credentials/boxsync.service");
                folder.is_dir().then_some(folder)
            }
        }
    }

    /// The local API's socket, `run/boxsync/boxsync.sock`.
    pub fn socket(&self) -> PathBuf {
        self.root.join("run/boxsync/boxsync.sock")
    }
}

/// Whether this user may act for the box: root, the owner of the state folder, or whom its rights let in.
///
/// # Errors
/// `state.owner` for a user who is none of these: somebody at the box who has forgotten `sudo`.
pub fn permits(root: &Root) -> Result<(), Fault> {
    let Ok(owner) = fs::metadata(root.state()) else {
        return Ok(());
    };
    let own = nix::unistd::geteuid();
    if own.is_root() || owner.uid() == own.as_raw() {
        return Ok(());
    }
    let (folder, read) = (root.state(), AccessFlags::R_OK);
    // Who may read all of a folder of root's may look at it, and is told what else he may not where he tries it.
    let permitted = match owner.uid() {
        0 => access(&folder, read | AccessFlags::X_OK)
            .and_then(|()| access(&folder.join("version"), read))
            .or_else(|errno| match errno {
                Errno::ENOENT => Ok(()),
                errno => Err(errno),
            }),
        _ => access(&folder, read | AccessFlags::W_OK | AccessFlags::X_OK),
    };
    permitted.map_err(|_| {
        let path = root.state().display().to_string();
        Fault::new(Code::StateOwner, FileCause::OtherUser { path })
    })
}

/// Takes the identity of the state folder's owner when run as root, so that nothing of root's is left in it. A folder of
/// root's is let pass: the service meets it as the user that it has, and then the folder is what is wrong.
///
/// # Errors
/// `state.owner` when the identity cannot be taken, or as `permits`.
pub fn become_owner(root: &Root) -> Result<(), Fault> {
    let owner = match fs::metadata(root.state()) {
        Ok(owner) if owner.uid() != 0 => owner,
        _ => return Ok(()),
    };
    permits(root)?;
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = (
        nix::unistd::Uid::from_raw(owner.uid()),
        nix::unistd::Gid::from_raw(owner.gid()),
    );
    nix::unistd::setgroups(&[gid])
        .and_then(|()| nix::unistd::setgid(gid))
        .and_then(|()| nix::unistd::setuid(uid))
        .map_err(|error| {
            let cause = FileCause::NoIdentity {
                path: root.state().display().to_string(),
                why: OsCause::of(error as i32),
            };
            Fault::new(Code::StateOwner, cause)
        })
}

/// Makes the state folder if it is missing and says which layout it has; an empty or missing one is new.
///
/// # Errors
/// `state.newer` for a folder of a newer boxsync, `state.version`, `state.read_only`, `disk.full` or `state.io`.
pub fn prepare(root: &Root) -> Result<u32, Fault> {
    let state = root.state();
    if let Some(parent) = state.parent() {
        // What lies above is everybody's, as far as the umask lets it.
        fs::create_dir_all(parent).map_err(|error| trouble(parent, FileAct::MakeFolder, &error))?;
    }
    make_folder(&state)?;
    let path = state.join("version");
    if !path.exists() {
        let _lock = lock_folder(&state)?;
        if !path.exists() {
            set_layout(root, LAYOUT)?;
        }
    }
    match layout(root)? {
        newer if newer > LAYOUT => {
            let cause = FileCause::NewerLayout {
                path: path.display().to_string(),
                layout: newer,
                known: LAYOUT,
            };
            Err(Fault::new(Code::StateNewer, cause))
        }
        held => Ok(held),
    }
}

/// The layout that the state folder has, whether it is known or not.
///
/// # Errors
/// `state.version` for what is no number, or what the file system says.
pub fn layout(root: &Root) -> Result<u32, Fault> {
    let path = root.state().join("version");
    let bytes = read_at_most(&path, 64).map_err(|error| trouble(&path, FileAct::Read, &error))?;
    match String::from_utf8_lossy(&bytes).trim().parse() {
        Ok(layout @ 1..) => Ok(layout),
        _ => {
            let path = path.display().to_string();
            Err(Fault::new(Code::StateVersion, FileCause::NoLayout { path }))
        }
    }
}

/// The state folder has this layout from now on.
///
/// # Errors
/// As `trouble` says.
pub fn set_layout(root: &Root, layout: u32) -> Result<(), Fault> {
    let path = root.state().join("version");
    write_durably(&path, format!("{layout}\n").as_bytes())
}

/// Holds a new state folder for the one process that fills it: the others find what it made.
///
/// # Errors
/// As `trouble` says.
pub fn lock_folder(state: &Path) -> Result<Flock<File>, Fault> {
    let folder = File::open(state).map_err(|error| trouble(state, FileAct::Open, &error))?;
    Flock::lock(folder, FlockArg::LockExclusive)
        .map_err(|(_, error)| trouble(state, FileAct::Lock, &error.into()))
}

/// Makes a folder that only its owner enters.
///
/// # Errors
/// As `trouble` says.
pub fn make_folder(path: &Path) -> Result<(), Fault> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| trouble(path, FileAct::MakeFolder, &error))
}

/// As `make_folder`, on a device that may be pulled: a new one stands in its own folder durably when this returns. FAT writes
/// that down with nothing that lies in it.
///
/// # Errors
/// As `trouble` says.
pub fn make_folder_durably(path: &Path) -> Result<(), Fault> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(path)?;
    sync_folder(path)
}

/// The folder of the state folder in which each further organisation has a folder, laid out like the state folder.
pub const ORGANISATIONS: &str = "organisations";

/// Folders of the state folder in which files are replaced.
const WRITTEN_TO: [&str; 7] = [
    "",
    "catalogue",
    "feed",
    "history",
    "packages",
    "spool",
    "spool/done",
];

/// Only one process at a time changes the state; readers need no lock.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held until dropped")] Flock<File>);

impl Lock {
    /// Takes the lock, waiting at most `patience`, and removes what a cut left under temporary names.
    ///
    /// # Errors
    /// `state.busy`, which names the holder; or as `trouble` says.
    pub fn take(root: &Root, patience: Duration) -> Result<Self, Fault> {
        Self::of(&root.state(), patience)
    }

    /// As `take`, for those who know the state folder alone.
    ///
    /// # Errors
    /// As `take`.
    pub fn of(state: &Path, patience: Duration) -> Result<Self, Fault> {
        let lock = Self::wait(state, patience)?;
        let further = fs::read_dir(state.join(ORGANISATIONS))
            .into_iter()
            .flatten();
        let further = further.filter_map(Result::ok).map(|entry| entry.path());
        for home in further.chain([state.to_owned()]) {
            for folder in WRITTEN_TO {
                durable::clean(&home.join(folder));
            }
        }
        Ok(lock)
    }

    fn wait(state: &Path, patience: Duration) -> Result<Self, Fault> {
        let path = state.join("lock");
        let (mut file, _) =
            open_lock(&path).map_err(|error| trouble(&path, FileAct::Open, &error))?;
        let until = Instant::now() + patience;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut lock) => {
                    let line = format!("{}\n", std::process::id());
                    // Only told to people; the lock itself is the kernel's.
                    let _ = lock
                        .set_len(0)
                        .and_then(|()| lock.write_all(line.as_bytes()));
                    return Ok(Self(lock));
                }
                Err((back, Errno::EWOULDBLOCK)) if Instant::now() < until => {
                    file = back;
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err((_, Errno::EWOULDBLOCK)) => return Err(busy(&path)),
                Err((_, error)) => return Err(trouble(&path, FileAct::Lock, &error.into())),
            }
        }
    }
}

/// Opens the file of a lock, and makes it where it is missing.
///
/// # Errors
/// What the file system says.
pub fn lock_file(path: &Path) -> Result<File, Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    open_regular(&options, path).map_err(|error| trouble(path, FileAct::Open, &error))
}

/// A file that is there to be locked, made if it is missing; and whether it can only be read, on a volume that takes no
/// writes: what is owed leaves from there all the same.
///
/// # Errors
/// As `open_regular`.
pub fn open_lock(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    match open_regular(&options, path) {
        Err(error) if error.raw_os_error() == Some(Errno::EROFS as i32) => {
            Ok((open_regular(OpenOptions::new().read(true), path)?, true))
        }
        opened => Ok((opened?, false)),
    }
}

/// Whether another process has locked a file; nothing stays locked by the question.
pub fn is_locked(path: &Path) -> bool {
    let Ok(file) = open_regular(OpenOptions::new().read(true), path) else {
        return false;
    };
    matches!(
        Flock::lock(file, FlockArg::LockSharedNonblock),
        Err((_, Errno::EWOULDBLOCK))
    )
}

fn busy(path: &Path) -> Fault {
    let holder = read_at_most(path, 64).unwrap_or_default();
    let holder = String::from_utf8_lossy(&holder);
    let holder = match holder.trim() {
        "" => LockHolder::Somebody,
        pid => LockHolder::Process { pid: pid.into() },
    };
    let path = path.display().to_string();
    Fault::new(Code::StateBusy, FileCause::Busy { holder, path })
}

/// What a failed operation on a file of the state folder means. A disk that cannot give or take bytes is named as
/// that: what lies on it is neither missing nor damaged.
pub fn trouble(path: &Path, act: FileAct, error: &io::Error) -> Fault {
    let code = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC) if lacks_inodes(path) => Code::DiskInodes,
        Some(Errno::ENOSPC | Errno::EDQUOT) => Code::DiskFull,
        Some(Errno::EROFS | Errno::EACCES | Errno::EPERM) => Code::StateReadOnly,
        // The device; a file system that found itself broken; one that was shut down after an error.
        Some(Errno::EIO | Errno::EUCLEAN | Errno::EBADMSG | Errno::ESHUTDOWN) => Code::DiskFailing,
        _ => Code::StateIo,
    };
    let path = path.display().to_string();
    let why = OsCause::from(error);
    let cause = match code {
        Code::DiskFull => FileCause::DiskFull { path },
        Code::DiskInodes => FileCause::NoInodes { path },
        Code::DiskFailing => FileCause::DiskFailing { path, why },
        Code::StateReadOnly => FileCause::ReadOnly { path, act, why },
        _ => FileCause::Failed { path, act, why },
    };
    Fault::new(code, cause)
}

/// What is in a folder, in the order of the names; what goes meanwhile is left out.
///
/// # Errors
/// That the folder cannot be listed.
pub fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// What the disk does not give below a folder; `None` when every byte can be read, whatever it says.
pub fn failing(path: &Path) -> Option<Fault> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            let trouble = trouble(path, FileAct::List, &error);
            return Some(trouble).filter(|trouble| trouble.code == Code::DiskFailing);
        }
    };
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths.find_map(|path| match path.is_dir() {
        true => failing(&path),
        false => {
            let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
            let trouble = trouble(&path, FileAct::Read, &read.err()?);
            Some(trouble).filter(|trouble| trouble.code == Code::DiskFailing)
        }
    })
}

/// With so few inodes left a volume counts as having none: a run alone takes more.
const INODES: u64 = 16;

/// Whether the volume of `path` takes no more files though it has room. Some file systems count no inodes at all.
pub fn lacks_inodes(path: &Path) -> bool {
    let stat = path.ancestors().find_map(|path| statvfs(path).ok());
    stat.is_some_and(|stat| {
        stat.files() > 0 && stat.files_available() <= INODES && stat.blocks_available() > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_disk_is_no_missing_right_and_no_full_one() {
        let dir = tempfile::tempdir().unwrap();
        let code = |errno: Errno| {
            let error = io::Error::from_raw_os_error(errno as i32);
            trouble(&dir.path().join("new/file"), FileAct::Read, &error).code
        };
        for errno in [Errno::EIO, Errno::EUCLEAN, Errno::EBADMSG, Errno::ESHUTDOWN] {
            assert_eq!(code(errno), Code::DiskFailing, "{errno}");
        }
        assert_eq!(code(Errno::EROFS), Code::StateReadOnly);
        assert_eq!(code(Errno::ENOSPC), Code::DiskFull);
        assert_eq!(code(Errno::EISDIR), Code::StateIo);
    }

    #[test]
    fn a_folder_of_a_newer_layout_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        prepare(&root).unwrap();
        prepare(&root).unwrap();
        fs::write(root.state().join("version"), "2\n").unwrap();
        assert_eq!(prepare(&root).unwrap_err().code, Code::StateNewer);
        for nonsense in ["0\n", "x", ""] {
            fs::write(root.state().join("version"), nonsense).unwrap();
            assert_eq!(prepare(&root).unwrap_err().code, Code::StateVersion);
        }
    }

    #[test]
    fn only_the_state_folder_itself_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path().join("new"));
        assert_eq!(prepare(&root).unwrap(), LAYOUT);
        let mode = |path: &str| {
            let path = root.path().join(path);
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        let beside = dir.path().join("beside");
        fs::create_dir(&beside).unwrap();
        let usual = fs::metadata(beside).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(""), mode("var"), mode("var/lib")], [usual; 3]);
        assert_eq!(mode("var/lib/boxsync"), 0o700);
    }

    #[test]
    fn the_second_process_hears_who_holds_the_state() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        prepare(&root).unwrap();
        let held = Lock::take(&root, Duration::ZERO).unwrap();
        let busy = Lock::take(&root, Duration::ZERO).unwrap_err();
        assert!(
            busy.reason().contains(&std::process::id().to_string()),
            "{}",
            busy.reason()
        );
        drop(held);
        Lock::take(&root, Duration::ZERO).unwrap();
    }
}
