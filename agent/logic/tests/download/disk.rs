//! The disk of the virtual box: the end that is looked at, the records of a package, what a flush made safe.
//! Never decides where a byte goes.
//! Called by `world`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use logic::download::{EndRead, Event};
use logic::fault::{Code, Fault};
use logic::zip::{Directory, PackageIdentity, PackageTail, VerificationResult, Verifier};

use crate::world::{RECORD, World};

/// What is on disk of a package that is coming.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartOnDisk {
    pub(crate) identity: Option<PackageIdentity>,
    pub(crate) size: u64,
    pub(crate) records: Vec<Option<Vec<u8>>>,
    pub(crate) flushed: Vec<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct ModelStore {
    pub(crate) end: BTreeMap<u64, Vec<u8>>,
    pub(crate) kept: BTreeMap<u64, Vec<u8>>,
    pub(crate) begun: BTreeMap<u64, Vec<u8>>,
    pub(crate) part: Option<PartOnDisk>,
    pub(crate) directory: Option<Arc<Directory>>,
    /// The records that a flush under way covers.
    pub(crate) flushing: Vec<bool>,
    pub(crate) unflushed: u64,
    pub(crate) most_unflushed: u64,
    pub(crate) writes: usize,
    pub(crate) flushes: usize,
}

impl World {
    pub(crate) fn put_end(&mut self, at: u64, bytes: &[u8]) {
        let last = self.store.end.range_mut(..=at).next_back();
        match last {
            Some((start, piece)) if start + piece.len() as u64 == at => piece.extend(bytes),
            _ => drop(self.store.end.insert(at, bytes.to_vec())),
        }
    }

    pub(crate) fn end_from(&self, from: u64, end: &BTreeMap<u64, Vec<u8>>) -> Vec<u8> {
        let mut whole: Vec<u8> = Vec::new();
        for (start, piece) in end {
            let next = from + whole.len() as u64;
            if *start <= next && next < start + piece.len() as u64 {
                whole.extend(&piece[(next - start) as usize..]);
            }
        }
        whole
    }

    pub(crate) fn part(&mut self) -> &mut PartOnDisk {
        self.store.part.as_mut().expect("a package is coming")
    }

    pub(crate) fn begin(&mut self, size: u64, identity: Option<PackageIdentity>) {
        let records = size.div_ceil(RECORD) as usize;
        self.store.begun.clear();
        self.store.unflushed = 0;
        self.store.part = Some(PartOnDisk {
            identity,
            size,
            records: vec![None; records],
            flushed: vec![false; records],
        });
    }

    pub(crate) fn resize(&mut self, size: impl Fn(u64) -> u64) {
        let part = self.part();
        part.size = size(part.size);
        let records = part.size.div_ceil(RECORD) as usize;
        part.records.resize(records, None);
        part.flushed.resize(records, false);
    }

    pub(crate) fn opened(&mut self) -> Event {
        let have = self.part().records.iter().map(Option::is_some).collect();
        Event::Opened {
            record: RECORD,
            have,
        }
    }

    pub(crate) fn place(&mut self, mut at: u64, mut bytes: &[u8]) -> Option<Event> {
        while !bytes.is_empty() {
            let (index, size) = (at / RECORD, self.part().size);
            let length = RECORD.min(size - index * RECORD) as usize;
            let within = (at - index * RECORD) as usize;
            let take = bytes.len().min(length - within);
            if self.part().records[index as usize].is_none() {
                let begun = self.store.begun.entry(index).or_default();
                if begun.len() == within {
                    begun.extend(&bytes[..take]);
                }
                if begun.len() == length {
                    let begun = self.store.begun.remove(&index).unwrap_or_default();
                    let failed = self.write(index, begun);
                    if failed.is_some() {
                        return failed;
                    }
                }
            }
            at += take as u64;
            bytes = &bytes[take..];
        }
        None
    }

    pub(crate) fn write(&mut self, index: u64, record: Vec<u8>) -> Option<Event> {
        self.store.writes += 1;
        if self
            .script
            .disk_full_at
            .is_some_and(|at| self.store.writes >= at)
        {
            return Some(Event::Disk(Fault::new(Code::DiskFull, "by script")));
        }
        self.store.unflushed += record.len() as u64;
        self.store.most_unflushed = self.store.most_unflushed.max(self.store.unflushed);
        let part = self.part();
        part.records[index as usize] = Some(record);
        part.flushed[index as usize] = false;
        None
    }

    pub(crate) fn flush(&mut self) -> Option<Event> {
        self.store.flushes += 1;
        if self.script.flush_fails_at == Some(self.store.flushes) {
            return Some(Event::Disk(Fault::new(Code::StateIo, "by script")));
        }
        if let Some(part) = &self.store.part {
            let whole = part.records.iter().map(Option::is_some);
            self.store.flushing = whole.collect();
        }
        self.later(Duration::from_millis(20), Event::Flushed);
        None
    }

    /// What was written before the flush began is safe.
    pub(crate) fn flushed(&mut self) {
        if let Some(part) = &mut self.store.part {
            for (at, flushed) in part.flushed.iter_mut().enumerate() {
                *flushed |= self.store.flushing.get(at) == Some(&true);
            }
            let at_risk = part
                .records
                .iter()
                .zip(&part.flushed)
                .filter(|(_, flushed)| !**flushed);
            self.store.unflushed = at_risk
                .flat_map(|(record, _)| record)
                .map(|record| record.len() as u64)
                .sum();
        }
    }

    fn content(&mut self) -> Vec<u8> {
        let records: Vec<&[u8]> = self
            .part()
            .records
            .iter()
            .flatten()
            .map(Vec::as_slice)
            .collect();
        records.concat()
    }

    pub(crate) fn identify(&mut self) -> Event {
        let content = self.content();
        match PackageTail::read(content.len() as u64, &content) {
            Ok(PackageTail::Whole(directory)) => {
                let directory = Arc::new(directory);
                self.store.directory = Some(directory.clone());
                self.part().identity = Some(directory.identity);
                Event::End(Ok(EndRead::Whole(directory)))
            }
            Ok(PackageTail::Need(from)) => Event::End(Ok(EndRead::Need(from))),
            Err(flaw) => Event::End(Err(flaw)),
        }
    }

    pub(crate) fn verdict(&mut self) -> VerificationResult {
        let directory = self.store.directory.clone().expect("a directory");
        let mut verifier = Verifier::new(directory);
        for (index, record) in self.part().records.iter().enumerate() {
            if let Some(record) = record {
                verifier.feed(index as u64 * RECORD, record);
            }
        }
        verifier.finish()
    }
}
