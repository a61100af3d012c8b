//! Sealed records one behind the other in a file, each with its length before it.
//! Never believes a length further than the file reaches, and never tells why a record does not open.
//! Called by `feed` and `history`; one process writes, any number read.

use std::fs::File;
use std::io::{self, BufReader, Read};

/// Bytes of the length before each record.
pub(super) const LENGTH: u64 = 4;
/// The longest record that is read: far more than any writer makes.
const MAX_RECORD_BYTES: u32 = 1 << 20;

/// Appends one sealed record to a buffer.
pub(super) fn push(buffer: &mut Vec<u8>, sealed: &[u8]) {
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(sealed);
}

/// Reads records from the beginning of a file, as far as it was published.
pub(super) struct Frames {
    file: BufReader<File>,
    left: u64,
}

impl Frames {
    /// The first `length` bytes of a file that stands at its beginning.
    pub(super) fn new(file: File, length: u64) -> Self {
        Self {
            file: BufReader::with_capacity(32 << 10, file),
            left: length,
        }
    }

    /// Bytes that were not read yet; what is left at the end is no whole record.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next sealed record; `None` at the end, or where no whole record follows.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let mut sealed = vec![0; length as usize];
        self.file.read_exact(&mut sealed)?;
        self.left -= LENGTH + u64::from(length);
        Ok(Some(sealed))
    }

    /// Passes over the next record; `false` at the end.
    pub(super) fn skip(&mut self) -> io::Result<bool> {
        let Some(length) = self.length()? else {
            return Ok(false);
        };
        self.file.seek_relative(i64::from(length))?;
        self.left -= LENGTH + u64::from(length);
        Ok(true)
    }

    /// The length of the next whole record. After `None` nothing more may be read.
    fn length(&mut self) -> io::Result<Option<u32>> {
        if self.left < LENGTH {
            return Ok(None);
        }
        let mut length = [0; LENGTH as usize];
        match self.file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let length = u32::from_le_bytes(length);
        let whole =
            (1..=MAX_RECORD_BYTES).contains(&length) && u64::from(length) <= self.left - LENGTH;
        Ok(whole.then_some(length))
    }
}
