//! What a box knows of one sibling and of what it holds: whether it counts, whether it may be asked.
//! Never believes it for longer than it answers.
//! Called by `swarm`.

use std::ops::Range;
use std::time::Duration;

use crate::small_map::SmallMap;

/// Ranges under way from one sibling.
const FROM_ONE: usize = 2;
/// A sibling that has not answered so many polls in a row is gone.
const SILENT: u32 = 4;
/// Bad ranges after which a sibling is out.
pub(super) const BAD: u32 = 3;

/// What is known of one sibling.
#[derive(Debug, Clone, Default)]
pub(super) struct SiblingView {
    pub(super) epoch: u64,
    /// Entries of its list that are known.
    pub(super) entries: u32,
    pub(super) digests: SmallMap<u32, [u8; 32]>,
    pub(super) is_whole: bool,
    pub(super) is_fetching: bool,
    pub(super) claims: Vec<(Range<u64>, Duration)>,
    /// When it was first heard to fetch, and how many entries there were.
    pub(super) since: Option<(Duration, u32)>,
    /// Polls without an answer.
    pub(super) silent: u32,
    pub(super) failed: u32,
    pub(super) rests: Option<Duration>,
    pub(super) bad: u32,
    pub(super) open: usize,
}

impl SiblingView {
    pub(super) fn is_in(&self) -> bool {
        self.bad < BAD && self.silent < SILENT
    }

    /// Whether others may leave to it what it has.
    pub(super) fn counts(&self) -> bool {
        self.is_in() && self.failed < 2
    }

    pub(super) fn may_be_asked(&self, now: Duration) -> bool {
        self.is_in() && self.open < FROM_ONE && self.rests.is_none_or(|until| until <= now)
    }

    pub(super) fn has(&self, record: u64) -> bool {
        self.is_whole || self.digests.contains_key(&(record as u32))
    }

    /// How long it needs for so many records, as it went so far.
    pub(super) fn needs(&self, records: u64, now: Duration) -> Option<Duration> {
        let (since, before) = self.since?;
        let came = f64::from(self.entries.saturating_sub(before));
        let lasted = now.saturating_sub(since).as_secs_f64();
        (lasted > 2.0).then(|| {
            let seconds = lasted * records as f64 / came.max(0.5);
            Duration::from_secs_f64(seconds.min(1e6))
        })
    }
}
