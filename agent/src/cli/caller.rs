//! Files that the caller names, opened with the caller's rights: before those of the box's owner are taken.
//! Never leaves a new file that was not written to its end, as far as the rights allow it.
//! Called by the verbs that take such a file, before they open the box.

mod placed;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use logic::fault::{Code, ConfigCause, Fault, FileAct};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use system::root::{sync_folder, trouble};

pub(super) use placed::{PlacedFile, place};

/// So many files are open beside those that the caller names, at most.
const OTHER_FILES: u64 = 256;

/// A file that is read.
pub(super) struct Input {
    path: PathBuf,
    file: Box<dyn Read>,
}

impl Input {
    /// Opens all of them, `-` as standard input; nothing is done with any before each can be opened.
    ///
    /// # Errors
    /// `input.file`, which names the one that cannot.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Vec<Self>, Fault> {
        make_room_for(paths.len() as u64);
        let open = |path: &PathBuf| {
            if path.as_os_str() == "-" {
                return Ok(Self {
                    path: "standard input".into(),
                    file: Box::new(std::io::stdin()),
                });
            }
            match File::open(path) {
                Ok(file) => Ok(Self {
                    path: path.clone(),
                    file: Box::new(file),
                }),
                Err(error) => Err(unreadable(path, &error)),
            }
        };
        paths.iter().map(open).collect()
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds, as it is read.
    pub(super) fn reader(self) -> Box<dyn Read> {
        self.file
    }

    /// What it holds.
    ///
    /// # Errors
    /// `input.file`.
    pub(super) fn read(mut self) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        match self.file.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    let cause = ConfigCause::Unreadable {
        path: path.display().to_string(),
        why: error.into(),
    };
    Fault::new(Code::InputFile, cause)
}

/// Why a file that the caller names was not made: mostly the name, not the state folder.
pub(super) fn unmade(path: &Path, error: &std::io::Error) -> Fault {
    let told = trouble(path, FileAct::Make, error);
    match told.code {
        Code::StateIo | Code::StateReadOnly => Fault::new(Code::InputFile, told.cause),
        _ => told,
    }
}

/// More files than a process usually has open; where that is not allowed the first that is too many is told.
fn make_room_for(files: u64) {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && files + OTHER_FILES > soft
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(files + OTHER_FILES), hard);
    }
}

/// A new file that only its maker reads.
pub(super) struct Output {
    path: PathBuf,
    file: File,
    whole: bool,
}

impl Output {
    /// Makes it; one that exists is never overwritten.
    ///
    /// # Errors
    /// `input.file`, or what the disk says.
    pub(super) fn make(path: &Path) -> Result<Self, Fault> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| unmade(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            whole: false,
        })
    }

    /// Appends.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file
            .write_all(bytes)
            .map_err(|error| trouble(&self.path, FileAct::Write, &error))
    }

    /// Makes it durable: for what has no second copy.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        self.file
            .sync_all()
            .map_err(|error| trouble(&self.path, FileAct::Sync, &error))?;
        sync_folder(&self.path)
    }

    /// It is whole and stays.
    pub(super) fn done(mut self) {
        self.whole = true;
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.whole {
            // Where the folder is root's alone it stays, empty: the rights to remove it are gone.
            let _ = self.file.set_len(0);
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_stays_only_when_it_is_whole_and_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let mut output = Output::make(&path).unwrap();
        output.write(b"half").unwrap();
        drop(output);
        assert!(!path.exists());
        let mut output = Output::make(&path).unwrap();
        output.write(b"whole").unwrap();
        output.done();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(Output::make(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn all_files_are_opened_before_one_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().join("a"), dir.path().join("b")];
        fs::write(&paths[0], "x").unwrap();
        let trouble = Input::open(&paths).err().unwrap();
        assert_eq!(trouble.code, Code::InputFile);
        assert!(trouble.reason().contains("/b"), "{trouble}");
        fs::write(&paths[1], "y").unwrap();
        let read: Vec<_> = Input::open(&paths).unwrap();
        let read: Vec<_> = read
            .into_iter()
            .map(|input| input.read().unwrap())
            .collect();
        assert_eq!(read, [b"x", b"y"]);
    }
}
