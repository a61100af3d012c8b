//! The content of one package, opened record by record.
//! Never lends a byte of a record that does not open at its place of this edition.
//! Called by everybody who reads packages; `part` writes what is read here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use logic::fault::{Fault, FileAct, Sealed};
use logic::seal::{NONCE, OVERHEAD, Sealer};

use super::super::damaged;
use super::Meta;
use system::root::trouble;

/// The content of one package, opened record by record.
pub struct Content {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) sealer: Sealer,
    pub(super) meta: Meta,
}

impl Content {
    /// What is known of the package.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The plain bytes of one record, lent from `buffer`, which is reused from call to call.
    ///
    /// # Errors
    /// `store.damaged` for a record that does not open, or what the file system says.
    pub fn record<'a>(&self, index: u64, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let length = self.room(index);
        if buffer.capacity() < length {
            // Zeros of the allocator cost nothing; those of `resize` are written one by one in code made for size.
            *buffer = vec![0; length];
        }
        buffer.resize(length, 0);
        self.record_in(index, buffer)
    }

    /// How large a buffer for one record must be.
    pub fn room(&self, index: u64) -> usize {
        self.meta.length(index) + OVERHEAD
    }

    /// As `record`, in a buffer with exactly `room` for it: the plain bytes lie behind `NONCE` others.
    ///
    /// # Errors
    /// As `record`.
    pub fn record_in<'a>(&self, index: u64, buffer: &'a mut [u8]) -> Result<&'a [u8], Fault> {
        match self.file.read_exact_at(buffer, self.meta.slot(index)) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(trouble(&self.path, FileAct::Read, &error));
            }
            _ => {}
        }
        let lost = || damaged(&self.path, Sealed::Record { index });
        // Space that was only taken reads as zeros: no need to open that.
        if buffer[..NONCE] == [0; NONCE] {
            return Err(lost());
        }
        self.sealer
            .open_in_place(&self.meta.place(index), buffer)
            .map_err(|_| lost())
    }

    /// Plain bytes of the records that were written, without opening any: space that was only taken reads as zeros.
    pub fn written(&self) -> u64 {
        let mut nonce = [0; NONCE];
        (0..self.meta.records())
            .filter(|index| {
                let read = self.file.read_exact_at(&mut nonce, self.meta.slot(*index));
                read.is_ok() && nonce != [0; NONCE]
            })
            .map(|index| self.meta.length(index) as u64)
            .sum()
    }

    /// Plain bytes from `start`, at most one record of them.
    ///
    /// # Errors
    /// As `record`.
    pub fn from(&self, start: u64, most: u64) -> Result<Vec<u8>, Fault> {
        let record = u64::from(self.meta.record);
        let mut buffer = Vec::new();
        let plain = self.record(start / record, &mut buffer)?;
        let skip = (start % record) as usize;
        let end = plain
            .len()
            .min(skip + usize::try_from(most).unwrap_or(usize::MAX));
        Ok(plain[skip.min(end)..end].to_vec())
    }
}
