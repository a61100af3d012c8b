//! The bytes of a package on their way: the end that is looked at, the records that were begun, those on disk.
//! Never decides where a byte goes, and never writes a record that is not whole.
//! Called by `download`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use logic::download::EndRead;
use logic::fault::{Code, Fault, RunCause};
use logic::seal::NONCE;
use logic::sibling::RecordDigest;
use logic::zip::{Directory, PackageTail, ZipFlaw};

use super::super::content;
use super::super::incoming::Incoming;
use vault::package::{Content, PartialPackage};

/// What is coming.
pub(super) enum Coming {
    Nothing,
    /// Its directory is not known yet.
    Streamed(Box<PartialPackage>),
    /// It is checked on its way.
    Known(Box<Incoming>),
}

/// See the module.
pub(super) struct PackageSink {
    pub(super) coming: Coming,
    /// Pieces of the end that is looked at, by their offset in the package.
    end: BTreeMap<u64, Vec<u8>>,
    /// The end of the package that comes, and its offset.
    kept: (u64, Vec<u8>),
    /// Records that were begun, each behind the room for its nonce.
    begun: BTreeMap<u64, Vec<u8>>,
    /// The buffer of a record that was written: a new one each time has its pages zeroed by the kernel again.
    spare: Option<Vec<u8>>,
    /// Digests of the records that are sealed, where they are wanted.
    pub(super) digests: Option<Vec<(u64, [u8; 32])>>,
    /// A held package that shares members.
    pub(super) old: Option<Content>,
}

impl Default for PackageSink {
    fn default() -> Self {
        Self {
            coming: Coming::Nothing,
            end: BTreeMap::new(),
            kept: (0, Vec::new()),
            begun: BTreeMap::new(),
            spare: None,
            digests: None,
            old: None,
        }
    }
}

impl PackageSink {
    pub(super) fn forget_end(&mut self) {
        self.end.clear();
    }

    /// The end that was looked at last is the package's.
    pub(super) fn keep_end(&mut self) {
        if let Some(piece) = self.end.pop_first() {
            self.kept = piece;
        }
        self.end.clear();
    }

    /// Takes bytes of the end.
    pub(super) fn put_end(&mut self, at: u64, bytes: &[u8]) {
        if let Some((start, piece)) = self.end.range_mut(..=at).next_back()
            && start + piece.len() as u64 == at
        {
            piece.extend_from_slice(bytes);
            return;
        }
        self.end.insert(at, bytes.to_vec());
    }

    /// The bytes of the end from an offset on, as one piece.
    fn end_from(&mut self, from: u64) -> &[u8] {
        if self.end.len() > 1 {
            let mut whole = Vec::new();
            for (start, piece) in std::mem::take(&mut self.end) {
                if start == from + whole.len() as u64 {
                    whole.extend_from_slice(&piece);
                }
            }
            self.end.insert(from, whole);
        }
        self.end.get(&from).map_or(&[], Vec::as_slice)
    }

    /// Reads the directory in the end.
    pub(super) fn read_end(&mut self, from: u64, total: u64) -> Result<EndRead, ZipFlaw> {
        Ok(match PackageTail::read(total, self.end_from(from))? {
            PackageTail::Whole(directory) => EndRead::Whole(Arc::new(directory)),
            PackageTail::Need(from) => EndRead::Need(from),
        })
    }

    /// What comes, where it is known what it is.
    pub(super) fn incoming(&mut self) -> Result<&mut Incoming, Fault> {
        match &mut self.coming {
            Coming::Known(incoming) => Ok(incoming),
            _ => Err(lost()),
        }
    }

    /// Its part on disk.
    pub(super) fn part(&mut self) -> Result<&mut PartialPackage, Fault> {
        match &mut self.coming {
            Coming::Streamed(part) => Ok(part),
            _ => Err(lost()),
        }
    }

    /// Begins with other records.
    pub(super) fn comes(&mut self, coming: Coming) {
        self.begun.clear();
        self.coming = coming;
    }

    /// Forgets the beginning of a record.
    pub(super) fn discard(&mut self, index: u64) {
        self.begun.remove(&index);
    }

    /// Forgets records: they are to come again.
    pub(super) fn forget(&mut self, records: Range<u64>) -> Result<(), Fault> {
        for index in records {
            self.begun.remove(&index);
            self.incoming()?.forget(index);
        }
        Ok(())
    }

    fn at_work(&self) -> Result<&PartialPackage, Fault> {
        match &self.coming {
            Coming::Streamed(part) => Ok(part),
            Coming::Known(incoming) => Ok(incoming.part()),
            Coming::Nothing => Err(lost()),
        }
    }

    /// Takes bytes of records; each one that is whole is sealed and written, and told to `written`.
    pub(super) fn put(
        &mut self,
        mut at: u64,
        mut bytes: &[u8],
        mut written: impl FnMut(&PartialPackage),
    ) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let part = self.at_work()?;
            let record = u64::from(part.meta().record);
            let index = at / record;
            let length = part.meta().length(index);
            let within = (at - index * record) as usize;
            let take = bytes.len().min(length.saturating_sub(within));
            if take == 0 {
                break;
            }
            if !part.have()[index as usize] {
                let spare = || self.spare.take().unwrap_or_else(PartialPackage::buffer);
                let buffer = self.begun.entry(index).or_insert_with(spare);
                if buffer.len() == NONCE + within {
                    buffer.extend_from_slice(&bytes[..take]);
                }
                if buffer.len() == NONCE + length {
                    self.seal(index)?;
                    written(self.at_work()?);
                }
            }
            at += take as u64;
            bytes = &bytes[take..];
        }
        Ok(())
    }

    fn seal(&mut self, index: u64) -> Result<(), Fault> {
        let Some(mut buffer) = self.begun.remove(&index) else {
            return Ok(());
        };
        if let Some(digests) = &mut self.digests {
            let digest = RecordDigest::default().with(&buffer[NONCE..]);
            digests.push((index, digest.finish()));
        }
        match &mut self.coming {
            Coming::Known(incoming) => incoming.write(index, &mut buffer),
            Coming::Streamed(part) => part.write(index, &mut buffer),
            Coming::Nothing => Err(lost()),
        }?;
        self.spare = Some(buffer);
        Ok(())
    }

    /// Places a range of the end that was kept.
    pub(super) fn place_end(
        &mut self,
        range: Range<u64>,
        written: impl FnMut(&PartialPackage),
    ) -> Result<(), Fault> {
        let (start, piece) = std::mem::take(&mut self.kept);
        let within = |at: u64| {
            at.checked_sub(start)
                .and_then(|at| usize::try_from(at).ok())
        };
        let bytes = match (within(range.start), within(range.end)) {
            (Some(from), Some(to)) => piece.get(from..to),
            _ => None,
        };
        let placed = match bytes {
            Some(bytes) => self.put(range.start, bytes, written),
            None => Err(lost()),
        };
        self.kept = (start, piece);
        placed
    }

    /// The package that was streamed ends at `size`: its last record is what was begun.
    pub(super) fn end_at(
        &mut self,
        size: u64,
        mut written: impl FnMut(&PartialPackage),
    ) -> Result<(), Fault> {
        self.part()?.end_at(size)?;
        let last = self.begun.keys().next().copied();
        if let Some(index) = last {
            self.seal(index)?;
            written(self.at_work()?);
        }
        Ok(())
    }

    /// The directory of what was streamed; from here on it is known.
    pub(super) fn identify(&mut self) -> Result<Arc<Directory>, Fault> {
        let part = self.part()?;
        let directory = Arc::new(content::directory(part.content())?);
        part.identify(directory.identity.tail)?;
        if let Coming::Streamed(part) = std::mem::replace(&mut self.coming, Coming::Nothing) {
            let incoming = Incoming::new(*part, directory.clone());
            self.coming = Coming::Known(Box::new(incoming));
        }
        Ok(directory)
    }
}

/// The machine names what is not there: a mistake of the program, told and not hidden.
fn lost() -> Fault {
    Fault::new(Code::EngineWorker, RunCause::PackageLost)
}
