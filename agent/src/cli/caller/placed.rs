//! A file of the caller's that has its name only when it is whole and flushed, wherever the caller may write.
//! Never replaces a file that is there, and never leaves a part: a child that keeps the caller's rights sees to both.
//! Called by `results export-tao`, before it opens the box and becomes its owner.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use logic::fault::{Code, Fault, FileAct};
use nix::fcntl::OFlag;
use system::own;
use system::root::trouble;

use super::unmade;

/// What the child is told when the file is whole; anything else, and the end of its input, has the part removed.
const WHOLE: &[u8] = b"whole";

/// A new file beside its name.
pub(in crate::cli) struct PlacedFile {
    path: PathBuf,
    file: File,
    child: Child,
    length: u64,
}

impl PlacedFile {
    /// Makes it, mode 0600.
    ///
    /// # Errors
    /// `input.file` where the name is taken or nothing can be made beside it.
    pub(in crate::cli) fn make(path: &Path) -> Result<Self, Fault> {
        let part = beside(path);
        let made = || -> io::Result<(File, Child)> {
            is_free(path)?;
            let file = own_part(&part)?;
            let mut child = own::command("place-file");
            // The keyboard interrupts the verb, not what cleans up after it.
            child.arg(path).stdin(Stdio::piped()).process_group(0);
            Ok((file, child.spawn()?))
        };
        let (file, child) = made().map_err(|error| unmade(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            child,
            length: 0,
        })
    }

    /// Bytes that it has.
    pub(in crate::cli) fn len(&self) -> u64 {
        self.length
    }

    /// Appends.
    ///
    /// # Errors
    /// `input.file`: the medium is full, or gone.
    pub(in crate::cli) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.failed(&error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes over what stands there.
    ///
    /// # Errors
    /// As `write`.
    pub(in crate::cli) fn replace(&self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|error| self.failed(&error))
    }

    /// It is whole: durable and under its name when this returns.
    ///
    /// # Errors
    /// As `write`; then there is no such file.
    pub(in crate::cli) fn place(mut self) -> Result<(), Fault> {
        let mut placed = || -> io::Result<i32> {
            self.file.sync_all()?;
            if let Some(mut orders) = self.child.stdin.take() {
                orders.write_all(WHOLE)?;
            }
            let ended = self.child.wait()?;
            Ok(ended.code().unwrap_or(nix::libc::EIO))
        };
        match placed() {
            Ok(0) => Ok(()),
            Ok(number) => Err(self.failed(&io::Error::from_raw_os_error(number))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Of the medium that the caller named, not of the state folder.
    fn failed(&self, error: &io::Error) -> Fault {
        Fault::new(
            Code::InputFile,
            trouble(&self.path, FileAct::Write, error).cause,
        )
    }
}

impl Drop for PlacedFile {
    fn drop(&mut self) {
        // At the end of its input the child removes what is not whole.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The child: waits for the word, and gives the file its name or removes it. The exit status is an errno.
pub(in crate::cli) fn place(path: &Path) -> u8 {
    let part = beside(path);
    let mut word = Vec::new();
    let heard = io::stdin().read_to_end(&mut word);
    if heard.is_err() || word != WHOLE {
        let _ = fs::remove_file(&part);
        return 0;
    }
    let placed = || -> io::Result<()> {
        is_free(path)?;
        fs::rename(&part, path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    match placed() {
        Ok(()) => 0,
        Err(error) => {
            let _ = fs::remove_file(&part);
            let number = error.raw_os_error().unwrap_or(nix::libc::EIO);
            u8::try_from(number).unwrap_or(nix::libc::EIO as u8)
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// A new part that is of this process alone, as long as it has it open. What a cut left goes, and a link that somebody laid
/// there, which is not followed; what another process is writing is `EBUSY`.
fn own_part(part: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let left = OpenOptions::new().read(true).custom_flags(flags).open(part);
    left.as_ref().map_or(Ok(()), lock)?;
    let _ = fs::remove_file(part);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    lock(&file)?;
    // Between its making and its lock another one took it for what a cut left.
    match fs::symlink_metadata(part)?.ino() == file.metadata()?.ino() {
        true => Ok(file),
        false => Err(is_busy()),
    }
}

/// A file system that knows no locks gives none.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(is_busy()),
        _ => Ok(()),
    }
}

fn is_busy() -> io::Error {
    io::Error::from_raw_os_error(nix::libc::EBUSY)
}

fn is_free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(io::Error::from_raw_os_error(nix::libc::EEXIST)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
