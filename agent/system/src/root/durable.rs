//! How files of the state folder are replaced, renamed and removed so that a power cut leaves the old or the new one.
//! Never writes to a name that is read, and never to a temporary name that another process has.
//! Called by everybody who keeps something below the state folder.
//!
//! A temporary file is called `<name>.<process>-<number>.new` and is locked as long as its process is at work on it.
//! What a cut left is unlocked: whoever takes the lock of the state folder removes it (`clean`).

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use logic::fault::{Code, Fault, FileAct, FileCause};
use nix::fcntl::{Flock, FlockArg};

use super::{lock_folder, make_folder, open_regular, trouble};

/// What temporary names end in; those of earlier releases too.
const TEMPORARY: &str = ".new";

/// One commit of the file system's journal serves all that ask for it at the same time.
const SYNCED_AT_ONCE: usize = 8;

/// Whether a name of the state folder is a temporary one: it counts for nothing.
pub fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(TEMPORARY.as_bytes())
}

/// A file that is written and has not the name yet that it will have. What is not renamed is removed.
struct Temporary {
    path: PathBuf,
    file: Flock<File>,
    renamed: bool,
}

impl Temporary {
    /// An empty file of its own beside `path`, mode 0600.
    fn beside(path: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            fuse::spend()?;
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{number}{TEMPORARY}", std::process::id()));
            let path = path.with_file_name(name);
            let made = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            let file = match made {
                Ok(file) => file,
                // One of a process before this one, which had the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            let file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
            // Whoever cleans may have met it in the moment before it was locked.
            if file.metadata()?.nlink() > 0 {
                return Ok(Self {
                    path,
                    file,
                    renamed: false,
                });
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        fuse::spend()
            .or_else(|cut| self.file.write_all(&bytes[..bytes.len() / 2]).and(Err(cut)))?;
        self.file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        fuse::spend()?;
        self.file.sync_all()
    }

    fn becomes(mut self, path: &Path) -> io::Result<()> {
        fuse::spend()?;
        fs::rename(&self.path, path)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed && !fuse::is_blown() {
            // The disk may be full of such: an error on the way must not leave one.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Replaces a file whole or not at all: written beside it, synced, renamed, folder synced. Mode 0600.
///
/// # Errors
/// As `trouble` says.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    write_all_durably(&[(path.to_owned(), bytes)])
}

/// As `write_durably`, for several files at the price of few flushes: all are written before the first is synced, and
/// none is renamed before all are synced. After a power cut some may be replaced and others not, but each is whole.
///
/// # Errors
/// As `trouble` says.
pub fn write_all_durably<B: AsRef<[u8]>>(files: &[(PathBuf, B)]) -> Result<(), Fault> {
    let mut written = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        let failed = |error: io::Error| trouble(path, FileAct::Write, &error);
        let mut temporary = Temporary::beside(path).map_err(failed)?;
        temporary.write(bytes.as_ref()).map_err(failed)?;
        written.push((path, temporary));
    }
    for group in written.chunks(SYNCED_AT_ONCE) {
        sync_together(group)?;
    }
    let mut folders: Vec<_> = files.iter().map(|(path, _)| path.parent()).collect();
    for (path, temporary) in written {
        temporary
            .becomes(path)
            .map_err(|error| trouble(path, FileAct::Write, &error))?;
    }
    folders.sort_unstable();
    folders.dedup();
    folders
        .into_iter()
        .try_for_each(|folder| sync_this(folder.unwrap_or(Path::new("/"))))
}

/// Writes over a file that is there, in its place: for a second copy where there is room for no new file. A cut leaves
/// the file in pieces.
///
/// # Errors
/// As `trouble` says.
pub fn overwrite_durably(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let written = || -> io::Result<()> {
        let mut file = open_regular(OpenOptions::new().write(true), path)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    written().map_err(|error| trouble(path, FileAct::Write, &error))
}

/// Replaces a file that others read whole or not at all, mode 0644; it need not survive a power cut. What an earlier
/// process left beside it goes.
///
/// # Errors
/// As `trouble` says.
pub fn write_for_all(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let failed = |error: io::Error| trouble(path, FileAct::Write, &error);
    remove_leftovers_of(path);
    let mut temporary = Temporary::beside(path).map_err(failed)?;
    temporary.write(bytes).map_err(failed)?;
    let mode = Permissions::from_mode(0o644);
    temporary.file.set_permissions(mode).map_err(failed)?;
    temporary.becomes(path).map_err(failed)
}

/// Whether a file could be replaced: an empty one is made beside it and goes again.
///
/// # Errors
/// As `trouble` says.
pub fn try_beside(path: &Path) -> Result<(), Fault> {
    let failed = |error: io::Error| trouble(path, FileAct::Write, &error);
    if path.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Temporary::beside(path).map(drop).map_err(failed)
}

/// Temporary files of one name that no process is at work on.
fn remove_leftovers_of(path: &Path) {
    let mut begins = path.file_name().unwrap_or_default().to_owned();
    begins.push(".");
    let folder = path.parent().unwrap_or(Path::new("/"));
    let entries = fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_own = name
            .as_encoded_bytes()
            .starts_with(begins.as_encoded_bytes());
        if is_own && is_temporary(&name) {
            remove_leftover(&entry.path());
        }
    }
}

/// As `write_durably`, for what has no second copy: the successor is read back and must be what `holds` expects before
/// the predecessor goes.
///
/// # Errors
/// `state.io` for a successor that reads differently; or as `trouble` says. Then the predecessor is still there.
pub fn replace_durably(
    path: &Path,
    bytes: &[u8],
    holds: impl FnOnce(&[u8]) -> bool,
) -> Result<(), Fault> {
    let failed = |error: io::Error| trouble(path, FileAct::Write, &error);
    let mut temporary = Temporary::beside(path).map_err(failed)?;
    temporary.write(bytes.as_ref()).map_err(failed)?;
    temporary.sync().map_err(failed)?;
    let read = fs::read(&temporary.path).map_err(failed)?;
    if !holds(&read) {
        let path = path.display().to_string();
        return Err(Fault::new(Code::StateIo, FileCause::NotReadBack { path }));
    }
    temporary.becomes(path).map_err(failed)?;
    sync_folder(path)
}

fn sync_together(group: &[(&PathBuf, Temporary)]) -> Result<(), Fault> {
    let sync = |(path, temporary): &(&PathBuf, Temporary)| {
        temporary
            .sync()
            .map_err(|error| trouble(path, FileAct::Write, &error))
    };
    let [first, others @ ..] = group else {
        return Ok(());
    };
    std::thread::scope(|scope| {
        let spawn = |one| {
            let builder = std::thread::Builder::new().name("flush".into());
            (one, builder.spawn_scoped(scope, move || sync(one)).ok())
        };
        let threads: Vec<_> = others.iter().map(spawn).collect();
        let own = sync(first);
        let all = threads.into_iter().map(|(one, thread)| {
            // Where no thread could be made, this one does it.
            match thread.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(synced)) => synced,
                _ => sync(one),
            }
        });
        all.fold(own, |so_far, synced| so_far.and(synced))
    })
}

/// Bytes of a trial: as much as an answer of a few items.
const TRIED: usize = 4 << 10;

/// Whether `folder` can keep one more file now: a small one is made, written and synced, and gone when this returns.
/// What a volume says of itself decides nothing: one that Linux has closed after an error may still call itself
/// writable.
///
/// # Errors
/// As `trouble` says.
pub fn try_write(folder: &Path) -> Result<(), Fault> {
    let attempt = || {
        let mut temporary = Temporary::beside(&folder.join("trial"))?;
        temporary.write(&vec![0; TRIED])?;
        temporary.sync()
    };
    attempt().map_err(|error| trouble(folder, FileAct::Write, &error))
}

/// Renames a file within its folder, durably.
///
/// # Errors
/// As `trouble` says.
pub fn rename_durably(from: &Path, to: &Path) -> Result<(), Fault> {
    fuse::spend()
        .and_then(|()| fs::rename(from, to))
        .map_err(|error| trouble(to, FileAct::Replace, &error))?;
    sync_folder(to)
}

/// Removes a file; one that is not there is removed. After a power cut it may be there again.
///
/// # Errors
/// As `trouble` says.
pub fn remove_file(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(trouble(path, FileAct::Remove, &error))
        }
        _ => Ok(()),
    }
}

/// Removes a file, durably; one that is not there is removed.
///
/// # Errors
/// As `trouble` says.
pub fn remove_durably(path: &Path) -> Result<(), Fault> {
    match fuse::spend().and_then(|()| fs::remove_file(path)) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(trouble(path, FileAct::Remove, &error)),
    }
}

/// Moves what does not open into the folder `quarantine`, under a name that nothing there has yet: what was put aside
/// before stays. Durable when it returns: what takes its place comes later on the disk too.
///
/// # Errors
/// As `trouble` says.
pub fn set_aside(quarantine: &Path, path: &Path) -> Result<PathBuf, Fault> {
    aside(quarantine, path, |from, to| fs::rename(from, to))
}

/// As `set_aside`, for what is about to be replaced: until then the file stays where it is too, so that a cut in between
/// does not make it a missing one.
///
/// # Errors
/// As `trouble` says.
pub fn link_aside(quarantine: &Path, path: &Path) -> Result<PathBuf, Fault> {
    aside(quarantine, path, |from, to| fs::hard_link(from, to))
}

fn aside(
    quarantine: &Path,
    path: &Path,
    bring: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<PathBuf, Fault> {
    make_folder(quarantine)?;
    // Two processes may find the same name free.
    let _lock = lock_folder(quarantine)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut aside = quarantine.join(&*name);
    for number in 2u32.. {
        if aside.symlink_metadata().is_err() {
            break;
        }
        aside = quarantine.join(format!("{name}.{number}"));
    }
    bring(path, &aside).map_err(|error| trouble(path, FileAct::MoveAside, &error))?;
    sync_this(quarantine)?;
    sync_folder(path)?;
    Ok(aside)
}

/// Makes a rename or removal of `path` durable.
///
/// # Errors
/// As `trouble` says.
pub fn sync_folder(path: &Path) -> Result<(), Fault> {
    sync_this(path.parent().unwrap_or(Path::new("/")))
}

fn sync_this(folder: &Path) -> Result<(), Fault> {
    fuse::spend()
        .and_then(|()| File::open(folder))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| trouble(folder, FileAct::Sync, &error))
}

/// Removes the temporary files of a folder that no process is at work on. Those of the key files are left to
/// `vault::key`, which knows whether they are of use. What cannot be removed is met again by the next one.
pub(super) fn clean(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        let is_key = bytes.starts_with(b"boxsync.key") || bytes.starts_with(b"data.key");
        if is_temporary(&name) && !is_key {
            remove_leftover(&entry.path());
        }
    }
}

/// Removes a temporary file, unless a process is at work on it. Whether it is gone.
pub fn remove_leftover(path: &Path) -> bool {
    let Ok(file) = open_regular(OpenOptions::new().read(true), path) else {
        return false;
    };
    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    locked.is_ok() && fuse::spend().is_ok() && fs::remove_file(path).is_ok()
}

/// Cuts the process short, as far as the disk can tell: after so many changes every further one fails. Tests alone.
#[cfg(any(test, feature = "cut"))]
pub mod fuse {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Lets this thread make so many changes, or all.
    pub fn set(changes: Option<u64>) {
        LEFT.set(changes);
    }

    /// Whether no further change is let through.
    pub fn is_blown() -> bool {
        LEFT.get() == Some(0)
    }

    pub(super) fn spend() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("cut")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                if left == 1 {
                    return Err(io::Error::other("cut"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(not(any(test, feature = "cut")))]
mod fuse {
    pub(super) const fn spend() -> std::io::Result<()> {
        Ok(())
    }

    pub(super) const fn is_blown() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn many_writers_of_one_file_never_share_a_temporary_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        std::thread::scope(|scope| {
            for byte in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for length in 0..20 {
                        write_durably(path, &vec![byte; 1000 + length]).unwrap();
                        let read = fs::read(path).unwrap();
                        assert!(read.iter().all(|b| *b == read[0]) && read.len() >= 1000);
                    }
                });
            }
        });
        assert_eq!(names(dir.path()), ["identity"]);
    }

    #[test]
    fn what_a_cut_left_is_removed_and_what_is_being_written_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for changes in 1..4 {
            fuse::set(Some(changes));
            write_durably(&at("last"), b"new").unwrap_err();
            fuse::set(None);
        }
        // Before the file is made, in the middle of its content, before it is synced.
        assert_eq!(names(dir.path()).len(), 2);
        fs::write(at("data.key.1-1.new"), "").unwrap();
        fs::write(at("old.new"), "of an earlier release").unwrap();
        let mut busy = Temporary::beside(&at("busy")).unwrap();
        clean(dir.path());
        let left = names(dir.path());
        assert!(left.len() == 2 && left[0].starts_with("busy."), "{left:?}");
        busy.write(b"whole").unwrap();
        busy.becomes(&at("busy")).unwrap();
        assert_eq!(fs::read(at("busy")).unwrap(), b"whole");
        clean(dir.path());
        assert_eq!(names(dir.path()), ["busy", "data.key.1-1.new"]);
    }

    #[test]
    fn a_successor_that_reads_differently_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        write_durably(&path, b"good").unwrap();
        let failed = replace_durably(&path, b"bad", |read| read == b"else").unwrap_err();
        assert_eq!(failed.code, Code::StateIo);
        assert_eq!(fs::read(&path).unwrap(), b"good");
        replace_durably(&path, b"better", |read| read == b"better").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"better");
        assert_eq!(names(dir.path()), ["identity"]);
    }

    #[test]
    fn a_trial_leaves_nothing_and_fails_where_nothing_can_be_kept() {
        let dir = tempfile::tempdir().unwrap();
        try_write(dir.path()).unwrap();
        assert_eq!(names(dir.path()), Vec::<String>::new());
        // Making the file, writing it, syncing it.
        for changes in 1..4 {
            fuse::set(Some(changes));
            let failed = try_write(dir.path());
            fuse::set(None);
            assert_eq!(failed.unwrap_err().code, Code::StateIo, "{changes}");
        }
        try_write(&dir.path().join("missing")).unwrap_err();
        // Whoever takes the lock of the state folder removes what a cut left.
        clean(dir.path());
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        // A folder stands where the file belongs: only the rename fails.
        fs::create_dir(dir.path().join("last")).unwrap();
        let files = [
            (dir.path().join("first"), vec![1]),
            (dir.path().join("last"), vec![2]),
        ];
        write_all_durably(&files).unwrap_err();
        assert_eq!(names(dir.path()), ["first", "last"]);
    }

    #[test]
    fn what_is_put_aside_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (dir.path().join("quarantine"), dir.path().join("edition"));
        for (content, name) in [("a", "edition"), ("b", "edition.2"), ("c", "edition.3")] {
            fs::write(&path, content).unwrap();
            assert_eq!(set_aside(&folder, &path).unwrap(), folder.join(name));
        }
        assert_eq!(fs::read(folder.join("edition")).unwrap(), b"a");
        assert_eq!(fs::read(folder.join("edition.3")).unwrap(), b"c");
        assert_eq!(set_aside(&folder, &path).unwrap_err().code, Code::StateIo);
    }
}
