//! Which records of a package are still to be fetched, and which run of them goes into the next range.
//! Never gives the same record to two ranges at once.
//! Called by `download`, which asks for the ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// The records that nobody has and nobody is fetching, as disjoint runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordWorklist {
    /// Start of a run to its end, exclusive.
    runs: BTreeMap<u64, u64>,
}

impl RecordWorklist {
    /// What is missing, by record.
    pub fn missing(have: &[bool]) -> Self {
        let mut work = Self::default();
        for (index, _) in have.iter().enumerate().filter(|(_, have)| !**have) {
            work.give_back(index as u64..index as u64 + 1);
        }
        work
    }

    /// Whether nothing is left to be given out.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Records that are left.
    pub fn records(&self) -> u64 {
        self.runs.iter().map(|(start, end)| end - start).sum()
    }

    /// The next run of at most `most` records (at least one), from the front.
    pub fn take(&mut self, most: u64) -> Option<Range<u64>> {
        let (start, end) = self.runs.pop_first()?;
        let cut = end.min(start + most.max(1));
        if cut < end {
            self.runs.insert(cut, end);
        }
        Some(start..cut)
    }

    /// What is left, in disjoint runs.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(|(start, end)| *start..*end)
    }

    /// Gives out a part of one run.
    pub fn remove(&mut self, run: &Range<u64>) {
        let around = self.runs.range(..=run.start).next_back();
        let Some((start, end)) = around.map(|(start, end)| (*start, *end)) else {
            return;
        };
        self.runs.remove(&start);
        self.give_back(start..run.start.min(end));
        self.give_back(run.end.max(start)..end);
    }

    /// Takes back what was given out and did not come.
    pub fn give_back(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        let (mut start, mut end) = (run.start, run.end);
        if let Some((before, till)) = self.runs.range(..=start).next_back()
            && *till >= start
        {
            (start, end) = (*before, end.max(*till));
        }
        while let Some((after, till)) = self.runs.range(start..).next() {
            if *after > end {
                break;
            }
            end = end.max(*till);
            let after = *after;
            self.runs.remove(&after);
        }
        self.runs.insert(start, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_are_cut_to_size_and_joined_again() {
        let mut work = RecordWorklist::missing(&[false, false, false, true, false]);
        assert_eq!(work.take(2), Some(0..2));
        assert_eq!(work.take(9), Some(2..3));
        assert_eq!(work.take(9), Some(4..5));
        assert_eq!(work.take(9), None);
        work.give_back(1..2);
        work.give_back(0..1);
        work.give_back(2..3);
        assert_eq!(work.take(9), Some(0..3));
        assert!(work.is_empty());
    }

    proptest! {
        /// Whatever is taken and given back: every missing record is given out, none twice, none that is there.
        #[test]
        fn every_missing_record_comes_once(have in prop::collection::vec(any::<bool>(), 0..200), sizes in prop::collection::vec((1u64..20, any::<bool>()), 1..50)) {
            let mut work = RecordWorklist::missing(&have);
            let mut got = have.clone();
            let mut sizes = sizes.into_iter().cycle();
            let mut kept = 0;
            while let Some(run) = work.take(sizes.next().unwrap().0) {
                let fails = sizes.next().unwrap().1 && kept < 300;
                kept += 1;
                // A range that fails has brought its first half.
                let middle = if fails { run.start + (run.end - run.start) / 2 } else { run.end };
                for index in run.start..middle {
                    prop_assert!(!std::mem::replace(&mut got[index as usize], true));
                }
                work.give_back(middle..run.end);
            }
            prop_assert!(got.iter().all(|have| *have));
            prop_assert_eq!(work.records(), 0);
        }
    }
}
