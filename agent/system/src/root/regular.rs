//! Opens files that may be anything: a FIFO, a device, a link into a circle, a file without an end.
//! Never waits for another process at the far end of a FIFO, and never reads what is no regular file.
//! Called by whoever reads a file of the configuration or of the state folder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use logic::fault::OsCause;

use nix::fcntl::OFlag;

/// Opens a regular file as `options` say; whatever else has its name is an error that says what it is.
///
/// # Errors
/// What the file system says, or `InvalidInput`.
pub fn open_regular(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = options.clone().custom_flags(flags.bits()).open(path);
    let file = match opened {
        Ok(file) => file,
        // A FIFO that nobody reads, a socket: the kernel's word for that helps nobody.
        Err(error) => {
            let kind = std::fs::metadata(path).map(|meta| meta.file_type());
            return Err(match kind {
                Ok(kind) if !kind.is_file() => irregular(kind),
                _ => error,
            });
        }
    };
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(irregular(kind))
}

/// Reads a regular file whole.
///
/// # Errors
/// As `open_regular`; what the disk says.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, u64::MAX)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As `open_regular`; `InvalidData` for a longer one.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(OpenOptions::new().read(true), path)?;
    let mut bytes = Vec::new();
    let is_longer = file.metadata()?.len() > most;
    if !is_longer {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if is_longer || bytes.len() as u64 > most {
        let why = OsCause::LongerThan { bytes: most };
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

fn irregular(kind: std::fs::FileType) -> io::Error {
    let why = if kind.is_dir() {
        OsCause::FolderFound
    } else if kind.is_fifo() {
        OsCause::FifoFound
    } else if kind.is_socket() {
        OsCause::SocketFound
    } else {
        OsCause::DeviceFound
    };
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_file_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "abc").unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink(at("fifo"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read_regular(&at("file")).unwrap(), b"abc");
        assert_eq!(read_at_most(&at("file"), 3).unwrap(), b"abc");
        let told = |path: &Path| read_regular(path).unwrap_err().to_string();
        assert!(read_at_most(&at("file"), 2).is_err());
        assert!(
            told(&at("fifo")).contains("a FIFO"),
            "{}",
            told(&at("fifo"))
        );
        assert!(told(&at("link")).contains("a FIFO"));
        assert!(told(&at("socket")).contains("a socket"));
        assert!(told(dir.path()).contains("a folder"));
        assert!(told(Path::new("/dev/null")).contains("a device"));
        assert!(read_regular(&at("loop")).is_err());
        let mut write = OpenOptions::new();
        write.write(true).create(true).truncate(false);
        let written = open_regular(&write, &at("fifo")).unwrap_err();
        assert!(written.to_string().contains("a FIFO"), "{written}");
        open_regular(&write, &at("new")).unwrap();
    }
}
