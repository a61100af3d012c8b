//! A package that is still coming: records are sealed and written at their places, in any order.
//! Never visible before it is whole, verified by its caller, and published.
//! Called by `engine`.

use std::fs::File;
use std::os::unix::fs::FileExt;

use logic::entity::Checksum;
use logic::fault::{Fault, FileAct};
use logic::seal::{NONCE, OVERHEAD};

use super::super::random;
use super::{Content, Meta, PackageStore, RECORD, take_space};
use system::root::trouble;

/// A package that is still coming.
pub struct PartialPackage {
    pub(super) content: Content,
    pub(super) have: Vec<bool>,
    pub(super) packages: PackageStore,
}

impl PartialPackage {
    /// What is known of it.
    pub fn meta(&self) -> &Meta {
        self.content.meta()
    }

    /// Which records are on disk, whole and authentic.
    pub fn have(&self) -> &[bool] {
        &self.have
    }

    /// Opens what is on disk.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// An empty buffer for one record: room for the nonce, then the plain bytes are appended.
    pub fn buffer() -> Vec<u8> {
        let mut buffer = Vec::with_capacity(RECORD as usize + OVERHEAD);
        buffer.resize(NONCE, 0);
        buffer
    }

    /// Seals and writes one record; `buffer` as `PartialPackage::buffer` gave it, with the record's plain bytes appended.
    /// It is not durable before `sync`.
    ///
    /// # Errors
    /// `disk.full` or what the file system says.
    pub fn write(&mut self, index: u64, buffer: &mut Vec<u8>) -> Result<(), Fault> {
        let meta = &self.content.meta;
        debug_assert_eq!(buffer.len(), meta.length(index) + NONCE);
        buffer[..NONCE].copy_from_slice(&random::<NONCE>());
        self.content
            .sealer
            .seal_in_place(&meta.place(index), buffer);
        self.content
            .file
            .write_all_at(buffer, meta.slot(index))
            .map_err(|error| trouble(&self.content.path, FileAct::Write, &error))?;
        buffer.truncate(NONCE);
        self.have[index as usize] = true;
        Ok(())
    }

    /// Makes room for `more` bytes, whole records, of a package that comes without its length. `reserve` bytes stay free
    /// for results.
    ///
    /// # Errors
    /// `disk.full`, or what the file system says.
    pub fn grow(&mut self, more: u64, reserve: u64) -> Result<(), Fault> {
        debug_assert_eq!(more % u64::from(self.content.meta.record), 0);
        let meta = Meta {
            size: self.content.meta.size.saturating_add(more),
            ..self.content.meta.clone()
        };
        let before = self.content.meta.sealed_size();
        self.packages
            .must_fit(meta.sealed_size().saturating_sub(before), reserve)?;
        take_space(&self.content.file, &self.content.path, meta.sealed_size())?;
        self.have.resize(meta.records() as usize, false);
        self.content.meta = meta;
        Ok(())
    }

    /// The package ends at `size`, within its last record that was not written yet, or before it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn end_at(&mut self, size: u64) -> Result<(), Fault> {
        self.content.meta.size = size;
        self.have.truncate(self.content.meta.records() as usize);
        self.content
            .file
            .set_len(self.content.meta.sealed_size())
            .map_err(|error| trouble(&self.content.path, FileAct::Shorten, &error))
    }

    /// Forgets one record: it is to be fetched again.
    pub fn forget(&mut self, index: u64) {
        self.have[index as usize] = false;
    }

    /// A second handle on the content file, to be synced away from the event loop.
    ///
    /// # Errors
    /// What the file system says.
    pub fn handle(&self) -> Result<File, Fault> {
        self.content
            .file
            .try_clone()
            .map_err(|error| trouble(&self.content.path, FileAct::Open, &error))
    }

    /// States the identity of a package that was streamed whole.
    ///
    /// # Errors
    /// What the file system says.
    pub fn identify(&mut self, tail: [u8; 32]) -> Result<(), Fault> {
        self.content.meta.tail = Some(tail);
        let path = self.packages.meta_path(&self.content.meta.delivery, "part");
        self.packages.write_meta(&path, &self.content.meta)
    }

    /// Makes the package visible, durably, as that of the delivery with this checksum; the one before goes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn publish(self, rebuilt: bool, entity: Option<Checksum>) -> Result<Meta, Fault> {
        self.content
            .file
            .sync_all()
            .map_err(|error| trouble(&self.content.path, FileAct::Sync, &error))?;
        let meta = Meta {
            rebuilt,
            entity,
            ..self.content.meta.clone()
        };
        self.packages.publish(&meta)?;
        Ok(meta)
    }
}
