//! Which records of a package are there, and how far those are that were begun.
//! Never counts a byte that does not follow on what is there of its record.
//! Called by `download`; the executor keeps the bytes in the same way.

use std::collections::BTreeMap;
use std::ops::Range;

/// The records of a package that is coming.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordMap {
    /// Bytes of the package.
    pub(super) size: u64,
    /// Bytes of a record.
    pub(super) record: u64,
    pub(super) have: Vec<bool>,
    /// Bytes of records that were begun.
    pub(super) begun: BTreeMap<u64, u64>,
}

impl RecordMap {
    pub(super) fn new(size: u64, record: u64, have: Vec<bool>) -> Self {
        Self {
            size,
            record: record.max(1),
            have,
            begun: BTreeMap::new(),
        }
    }

    /// Bytes of one record.
    fn length(&self, index: u64) -> u64 {
        self.record
            .min(self.size.saturating_sub(index * self.record))
    }

    /// Where the next byte of a record belongs.
    pub(super) fn next(&self, index: u64) -> u64 {
        index * self.record + self.begun.get(&index).copied().unwrap_or(0)
    }

    /// What of a range lies neither in whole records at its beginning nor in such at its end.
    pub(super) fn missing(&self, range: Range<u64>) -> Range<u64> {
        let has = |at: u64| self.have.get((at / self.record) as usize) == Some(&true);
        let (mut start, mut end) = (range.start, range.end);
        while start < end && has(start) {
            start = (start / self.record + 1) * self.record;
        }
        while start < end && has(end - 1) {
            end = (end - 1) / self.record * self.record;
        }
        start..end.max(start)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.have.iter().all(|have| *have)
    }

    /// Bytes were placed at `at`. Gives the bytes of the records that became whole.
    pub(super) fn fill(&mut self, mut at: u64, mut bytes: u64) -> u64 {
        let mut whole = 0;
        while bytes > 0 && at < self.size {
            let index = at / self.record;
            let length = self.length(index);
            let within = at - index * self.record;
            let take = bytes.min(length - within);
            let had = self.begun.get(&index).copied().unwrap_or(0);
            let is_there = self.have.get(index as usize) == Some(&true);
            if !is_there && had == within {
                if within + take == length {
                    self.begun.remove(&index);
                    if let Some(have) = self.have.get_mut(index as usize) {
                        *have = true;
                    }
                    whole += length;
                } else {
                    self.begun.insert(index, within + take);
                }
            }
            at += take;
            bytes -= take;
        }
        whole
    }

    /// The package is so many bytes longer than was known.
    pub(super) fn grow(&mut self, more: u64) {
        self.size += more;
        self.have
            .resize(self.size.div_ceil(self.record) as usize, false);
    }

    /// These records are to come again.
    pub(super) fn forget(&mut self, records: Range<u64>) {
        for index in records {
            if let Some(have) = self.have.get_mut(index as usize) {
                *have = false;
            }
            self.begun.remove(&index);
        }
    }
}
