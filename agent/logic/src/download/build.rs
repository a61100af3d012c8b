//! A new version of a test from the old one: members already held are copied, only the rest comes over the link.
//! Never trusts the copy more than the wire: the rebuilt package is verified like any other.
//! Called by `download` when nothing of a package has come yet.

use super::command::DownloadCommand;
use super::{Download, Stage};
use crate::fault::{Code, Fault};
use crate::zip::{DeltaPlan, DeltaSegment};

/// So many bytes are copied at once: the connections and the flush have their turn between.
const COPY_STEP: u64 = 1 << 20;

impl Download {
    pub(super) fn related(&mut self, plan: Option<DeltaPlan>) {
        self.bring_rest();
        let Some(plan) = plan.filter(DeltaPlan::worthwhile) else {
            return;
        };
        if let Some(bring) = &mut self.bring {
            bring.build = plan.segments.into();
            (bring.building, bring.rebuilt) = (true, true);
        }
    }

    /// The next segment of the package.
    pub(super) fn build(&mut self) {
        while let Stage::Bring = self.stage {
            if self.is_fetching() || self.carriage.flow.is_full() {
                return;
            }
            let room = self.carriage.flow.room();
            let (is_shared, is_surveyed) = (self.is_shared(), self.is_surveyed());
            let Some(bring) = self.bring.as_mut().filter(|bring| bring.copying.is_none()) else {
                return;
            };
            let Some(segment) = bring.build.pop_front() else {
                // What did not come is fetched like a package without a relative.
                return self.built();
            };
            let range = segment.range();
            match segment {
                DeltaSegment::Copy { from, to } => {
                    let step = (from.end - from.start)
                        .min(COPY_STEP)
                        .min(room.max(bring.records.record));
                    let middle = from.start + step;
                    if middle < from.end {
                        bring.build.push_front(DeltaSegment::Copy {
                            from: middle..from.end,
                            to: to + step,
                        });
                    }
                    bring.copying = Some(to..to + step);
                    let from = from.start..middle;
                    self.commands.push_back(DownloadCommand::Copy { from, to });
                    return;
                }
                DeltaSegment::Given { to, bytes } => {
                    let written = bring.records.fill(to, bytes.len() as u64);
                    self.carriage.flow.written(written);
                    self.commands.push_back(DownloadCommand::Give { to, bytes });
                }
                DeltaSegment::Tail(_) => {
                    let length = range.end - range.start;
                    let written = bring.records.fill(range.start, length);
                    self.carriage.flow.written(written);
                    self.commands.push_back(DownloadCommand::PlaceEnd(range));
                }
                // It comes with the rest, for which others are asked, too.
                DeltaSegment::Fetch(_) if is_shared => {}
                DeltaSegment::Fetch(range) if !is_surveyed => {
                    bring.build.push_front(DeltaSegment::Fetch(range));
                    return;
                }
                DeltaSegment::Fetch(_) => {
                    let missing = bring.records.missing(range);
                    if !missing.is_empty() {
                        // It stays the first one, as far as it is missing.
                        bring.build.push_front(DeltaSegment::Fetch(missing.clone()));
                        return self.ask_part(None, missing.start, missing.end - 1);
                    }
                }
            }
        }
    }

    /// A piece was copied, or the old package does not open: what was built is kept, the rest is fetched.
    pub(super) fn copied(&mut self, result: Result<(), Fault>) {
        let Some(bring) = &mut self.bring else { return };
        let Some(copied) = bring.copying.take() else {
            return;
        };
        match result {
            Ok(()) => {
                let bytes = copied.end - copied.start;
                let written = bring.records.fill(copied.start, bytes);
                self.carriage.flow.written(written);
            }
            Err(fault) if fault.code == Code::StoreDamaged => {
                let record = bring.records.record;
                for index in copied.start / record..copied.end.div_ceil(record) {
                    bring.records.begun.remove(&index);
                    self.commands.push_back(DownloadCommand::Discard(index));
                }
                self.built();
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn built(&mut self) {
        if let Some(bring) = &mut self.bring {
            bring.build.clear();
        }
        self.bring_rest();
        self.advance();
    }
}
