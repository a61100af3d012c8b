//! One range on its way, of central or of a sibling, and the records that it brings.
//! Never decides what is asked for.
//! Called by `bring` and `siblings`.

use std::ops::Range as Span;
use std::time::Duration;

use super::bring::Bring;
use super::command::{RangeSource, RequestId};

/// One range.
#[derive(Debug)]
pub(super) struct RangeInFlight {
    /// The records that were given out; none for what is fetched between copies, or compared.
    pub(super) run: Option<Span<u64>>,
    /// Offset of the next byte, and of the last one.
    pub(super) at: u64,
    pub(super) last: u64,
    pub(super) asked: Duration,
    pub(super) first_byte: Option<Duration>,
    pub(super) is_fresh: bool,
    pub(super) bytes: u64,
    /// Bytes that may still come.
    pub(super) left: u64,
    pub(super) source: RangeSource,
    /// When a sibling is given up.
    pub(super) until: Option<Duration>,
    /// It is compared with what a sibling gave.
    pub(super) compares: bool,
}

impl RangeInFlight {
    /// A sibling gives it.
    pub(super) fn is_given(&self) -> bool {
        self.source != RangeSource::Central
    }
}

impl Bring {
    /// Bytes of a range came; gives those of the records that became whole, and notes which of them it brought all of.
    pub(super) fn fill(&mut self, at: u64, bytes: u64, request: RequestId) -> u64 {
        let part = self.parts.get(&request);
        let part = part.map(|part| (part.at - part.bytes, part.source));
        let record = self.records.record;
        let before = |index: &u64| self.records.have.get(*index as usize) == Some(&false);
        let new: Vec<u64> = (at / record..(at + bytes).div_ceil(record))
            .filter(before)
            .collect();
        let written = self.records.fill(at, bytes);
        for index in new {
            if let Some((began, source)) = part
                && began <= index * record
                && self.records.have[index as usize]
            {
                self.arrived.push((index, source));
            }
        }
        written
    }
}
