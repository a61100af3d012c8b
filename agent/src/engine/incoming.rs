//! A package while it comes: every record is checked on its way to the disk, in the order of the package.
//! Never calls a member good whose bytes it did not see: what came out of order is read back from the disk.
//! Called by `download`, which brings the records.

use std::sync::Arc;

use logic::fault::Fault;
use logic::seal::NONCE;
use logic::zip::{Directory, VerificationResult};

use super::checker::Checker;
use system::blocking::run_blocking;
use vault::package::{Meta, PackageStore, PartialPackage};

/// Records that are read back at most for each one that is written: enough to catch up, too little to hold anything up.
const BACK: u64 = 2;

/// A part, and how far its content was checked.
///
/// A record is checked as plain bytes, which the check is given just before it is sealed; from there on its seal vouches for it, and one that the
/// disk loses does not open. So nothing is read twice on a link that brings the records in their order.
pub(super) struct Incoming {
    part: PartialPackage,
    directory: Arc<Directory>,
    checker: Checker,
    /// The record that is to be checked next; all before it were.
    next: u64,
    buffer: Vec<u8>,
}

impl Incoming {
    /// A part of which nothing was checked yet.
    pub(super) fn new(part: PartialPackage, directory: Arc<Directory>) -> Self {
        Self {
            checker: Checker::new(directory.clone()),
            part,
            directory,
            next: 0,
            buffer: Vec::new(),
        }
    }

    /// Goes on with a part that is on disk: what opens counts, and is checked in the same pass.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn resume(
        packages: &PackageStore,
        meta: Meta,
        directory: Arc<Directory>,
    ) -> Result<Self, Fault> {
        let (mut checker, mut next) = (Checker::new(directory.clone()), 0);
        let record = u64::from(meta.record);
        let part = packages.resume(meta, |index, plain| {
            if index == next {
                checker.feed(index * record, plain);
                next += 1;
            }
        })?;
        Ok(Self {
            checker,
            next,
            ..Self::new(part, directory)
        })
    }

    /// What comes.
    pub(super) fn part(&self) -> &PartialPackage {
        &self.part
    }

    /// What it holds.
    pub(super) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Seals and writes one record; as `PartialPackage::write`.
    ///
    /// # Errors
    /// As `PartialPackage::write`.
    pub(super) fn write(&mut self, index: u64, buffer: &mut Vec<u8>) -> Result<(), Fault> {
        if index == self.next {
            let at = index * u64::from(self.part.meta().record);
            self.checker.feed(at, &buffer[NONCE..]);
            self.next += 1;
        }
        if let Err(trouble) = self.part.write(index, buffer) {
            // What was checked is not what is on disk.
            self.anew();
            return Err(trouble);
        }
        self.read_back(BACK);
        Ok(())
    }

    /// Forgets one record: it is to be fetched again.
    pub(super) fn forget(&mut self, index: u64) {
        self.part.forget(index);
        if index < self.next {
            self.anew();
        }
    }

    /// Checks what was not checked on its way, away from the event loop, and says what all members are worth. After
    /// that the check begins anew: whatever is repaired, the whole package is read once more.
    ///
    /// # Errors
    /// None of the package's own: a record that does not open leaves its members unseen.
    pub(super) async fn verdict(mut self) -> Result<(Self, VerificationResult), Fault> {
        run_blocking(move || {
            let records = self.part.meta().records();
            while self.next < records {
                self.read_back(records);
                // A record that is missing.
                self.next += 1;
            }
            let verdict = self.anew().finish();
            (self, verdict)
        })
        .await
    }

    /// The part, to be published.
    pub(super) fn into_part(self) -> PartialPackage {
        self.part
    }

    fn anew(&mut self) -> Checker {
        self.next = 0;
        std::mem::replace(&mut self.checker, Checker::new(self.directory.clone()))
    }

    fn read_back(&mut self, most: u64) {
        let record = u64::from(self.part.meta().record);
        for _ in 0..most {
            if self.part.have().get(self.next as usize) != Some(&true) {
                return;
            }
            // One that does not open leaves a gap: its members are found unseen, and fetched again.
            if let Ok(plain) = self.part.content().record(self.next, &mut self.buffer) {
                self.checker.feed(self.next * record, plain);
            }
            self.next += 1;
        }
    }
}
