//! How the missing records of a package come by ranges: which run next, over how many connections, what a cut leads to.
//! Never takes a byte whose answer was not honest about its place, and never calls a package whole that was not checked.
//! Called by `download`.

use std::collections::VecDeque;
use std::ops::Range as Span;
use std::sync::Arc;
use std::time::Duration;

use super::command::{
    ContentTarget, DownloadCommand, FirstBytes, PackageHead, PackageRequest, RangeSource, RequestId,
};
use super::faults::{beyond, changed, dishonest, in_scraps, instead, misplaced, short};
use super::look::LookRequest;
use super::part::RangeInFlight;
use super::records::RecordMap;
use super::{Download, For, LookPurpose, Rest, Stage};
use crate::api::PackageRange;
use crate::chunk::RecordWorklist;
use crate::fault::{Code, Fault, PartFlaw};
use crate::pace::{RangeEnd, RangeSample, RangeWait};
use crate::retry::Rounds;
use crate::small_map::SmallMap;
use crate::words::FaultClass;
use crate::zip::{Defect, DeltaSegment, Directory, VerificationResult};

/// Failed rounds in a row, without any progress, after which a package is given up for this run.
const ROUNDS: u32 = 5;
/// An answer of fewer bytes, to its end, where more were asked for: a scrap.
pub(super) const SCRAP: u64 = 16 << 10;
/// After so many scraps in a row ranges are of no use: a package of a few MiB would take thousands of requests.
const SCRAPS: u32 = 8;

/// The records of a package on their way.
#[derive(Debug)]
pub(super) struct Bring {
    pub(super) directory: Arc<Directory>,
    pub(super) records: RecordMap,
    /// It came in one answer from a server that serves no ranges.
    pub(super) whole: bool,
    /// Members were taken from a held package.
    pub(super) rebuilt: bool,
    /// Its strong entity tag, while it tells anything (RFC 9110 8.8.3); TAO sends none, a server in front of it may.
    tag: Option<String>,
    pub(super) work: RecordWorklist,
    /// What is still to be taken from a held package, or fetched between, while that goes on.
    pub(super) build: VecDeque<DeltaSegment>,
    pub(super) building: bool,
    /// Where a piece is being copied to.
    pub(super) copying: Option<Span<u64>>,
    pub(super) parts: SmallMap<RequestId, RangeInFlight>,
    /// Records that became whole by one range, until their digests are told.
    pub(super) arrived: Vec<(u64, RangeSource)>,
    rests: Vec<Rest>,
    /// The end is looked at: nothing new is asked for meanwhile.
    pub(super) doubt: bool,
    rounds: Rounds,
    /// Scraps in a row.
    scraps: u32,
    /// Members that were wrong once.
    suspects: SmallMap<usize, Option<Defect>>,
    bad: SmallMap<usize, Option<Defect>>,
}

impl Bring {
    pub(super) fn new(
        directory: Arc<Directory>,
        records: RecordMap,
        tag: Option<String>,
        whole: bool,
    ) -> Self {
        Self {
            directory,
            records,
            whole,
            rebuilt: false,
            tag,
            work: RecordWorklist::default(),
            build: VecDeque::new(),
            building: false,
            copying: None,
            parts: SmallMap::new(),
            arrived: Vec::new(),
            rests: Vec::new(),
            doubt: false,
            rounds: Rounds::default(),
            scraps: 0,
            suspects: SmallMap::new(),
            bad: SmallMap::new(),
        }
    }

    pub(super) fn rests(&self) -> impl Iterator<Item = &Rest> {
        self.rests.iter()
    }

    /// A range goes out now.
    pub(super) fn asked(&mut self, request: RequestId, now: Duration) {
        if let Some(part) = self.parts.get_mut(&request) {
            part.asked = now;
        }
    }

    /// Ranges of central under way, and those that wait for their next attempt.
    fn open(&self) -> usize {
        let given = self.parts.values().filter(|part| part.is_given());
        self.parts.len() - given.count() + self.rests.len()
    }

    /// Nothing is missing, on its way or waited for.
    fn is_over(&self) -> bool {
        self.work.is_empty() && self.parts.is_empty() && self.rests.is_empty()
    }

    /// Gives back what did not come of a part.
    fn give_back(&mut self, part: &RangeInFlight) {
        if let Some(run) = &part.run {
            let next = match part.at > part.last {
                true => run.end,
                false => part.at / self.records.record,
            };
            self.work.give_back(next..run.end);
        } else if !part.compares
            && let Some(DeltaSegment::Fetch(range)) = self.build.front_mut()
        {
            range.start = part.at;
        }
    }

    /// The next run, at most so many records: a record that was begun is only the first of one.
    fn take(&mut self, most: u64) -> Option<Span<u64>> {
        let run = self.work.take(most)?;
        let begun = self
            .records
            .begun
            .range(run.start + 1..run.end.max(run.start + 1));
        match begun.map(|(index, _)| *index).next() {
            Some(index) => {
                self.work.give_back(index..run.end);
                Some(run.start..index)
            }
            None => Some(run),
        }
    }
}

impl Download {
    /// A package that is known and wanted: its records are opened.
    pub(super) fn open(&mut self) {
        let Some(seen) = self.seen.clone() else {
            return;
        };
        if self.is_unreadable(&seen.directory)
            || (seen.from > 0 && self.defer(seen.identity().size))
        {
            return;
        }
        self.stage = Stage::Open;
        self.commands.push_back(DownloadCommand::Open {
            directory: seen.directory,
            fresh: seen.whole,
        });
    }

    pub(super) fn opened(&mut self, record: u64, have: Vec<bool>) {
        if let Stage::Stream(_) = self.stage {
            return self.stream_opened(record, have);
        }
        let Some(seen) = self.seen.clone() else {
            return;
        };
        let size = seen.identity().size;
        let is_begun = have.iter().any(|have| *have);
        let mut records = RecordMap::new(size, record, have);
        // The records that the look brought whole.
        let from = seen.from.div_ceil(records.record) * records.record;
        let written = match from < size {
            true => {
                self.commands
                    .push_back(DownloadCommand::PlaceEnd(from..size));
                records.fill(from, size - from)
            }
            false => 0,
        };
        self.carriage.flow.written(written);
        let is_whole = records.is_whole();
        self.bring = Some(Bring::new(seen.directory, records, seen.tag, seen.whole));
        self.room_opens();
        (self.way_began, self.ways) = (self.on_wire, 0);
        if is_begun || is_whole {
            return self.bring_rest();
        }
        self.stage = Stage::Relate;
        self.commands.push_back(DownloadCommand::Relate);
    }

    /// What is missing comes by ranges.
    pub(super) fn bring_rest(&mut self) {
        self.carriage.pace.begins(self.now);
        self.stage = Stage::Bring;
        if let Some(bring) = &mut self.bring {
            bring.work = RecordWorklist::missing(&bring.records.have);
            (bring.building, bring.doubt, bring.copying) = (false, false, None);
            bring.parts.clear();
            bring.rests.clear();
            bring.arrived.clear();
            (bring.rounds, bring.scraps) = (Rounds::default(), 0);
        }
        if let Some(swarm) = &mut self.swarm {
            swarm.begins();
        }
    }

    /// Asks for what may be asked for now; checks the package once nothing is missing.
    pub(super) fn advance(&mut self) {
        let now = self.now.mono;
        let Some(bring) = self
            .bring
            .as_mut()
            .filter(|_| matches!(self.stage, Stage::Bring))
        else {
            return;
        };
        bring.rests.retain(|rest| rest.until > now);
        if bring.doubt {
            return;
        }
        let building = bring.building;
        self.look_at_siblings();
        if building {
            return self.build();
        }
        if !self.is_surveyed() {
            return;
        }
        let wanted = self.carriage.pace.lanes();
        let is_shared = self.is_shared();
        while let Some(bring) = &mut self.bring
            && bring.open() < wanted
        {
            if self.compare_next() {
                continue;
            }
            let Some(bring) = self.bring.as_mut().filter(|bring| !bring.work.is_empty()) else {
                break;
            };
            let most = self.carriage.pace.range() / bring.records.record;
            // Towards the end all lanes share what is left.
            let share = bring.work.records().div_ceil(wanted as u64);
            let run = match is_shared {
                true => self.shared_run(most),
                false => bring.take(most.min(share)),
            };
            let (Some(run), Some(bring)) = (run, &self.bring) else {
                break;
            };
            let at = bring.records.next(run.start);
            let last = (run.end * bring.records.record).min(bring.records.size) - 1;
            self.ask_part(Some(run), at, last);
        }
        if self.bring.as_ref().is_some_and(Bring::is_over) {
            self.stage = Stage::Verify;
            self.commands.push_back(DownloadCommand::Verify);
        }
    }

    /// Asks for the bytes from `at` to `last`, if the package is still the same (RFC 9110 13.1.5).
    pub(super) fn ask_part(&mut self, run: Option<Span<u64>>, at: u64, last: u64) {
        self.ask_range(RangeSource::Central, run, at, last);
    }

    /// The same of anybody.
    pub(super) fn ask_range(
        &mut self,
        source: RangeSource,
        run: Option<Span<u64>>,
        at: u64,
        last: u64,
    ) -> RequestId {
        let is_central = source == RangeSource::Central;
        let tag = self.bring.as_ref().and_then(|bring| bring.tag.clone());
        let request = PackageRequest {
            delivery: self.task.delivery.clone(),
            range: Some(PackageRange::Span(at, last)),
            tag: tag.filter(|_| is_central),
            nonce: None,
            source,
        };
        let id = self.ask(For::Part, request);
        let part = RangeInFlight {
            run,
            at,
            last,
            asked: self.now.mono,
            first_byte: None,
            is_fresh: is_central && self.carriage.pace.asks(),
            bytes: 0,
            left: 0,
            source,
            until: None,
            compares: false,
        };
        if let Some(bring) = &mut self.bring {
            bring.parts.insert(id, part);
        }
        id
    }

    /// Ranges under way are left: what came of them is kept, the rest is asked for when the gate is open.
    pub(super) fn leave_parts(&mut self) {
        let Some(bring) = &self.bring else { return };
        let parts: Vec<RequestId> = bring.parts.keys().copied().collect();
        parts
            .into_iter()
            .for_each(|request| self.leave_part(request));
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.bring.as_ref().is_some_and(|bring| bring.open() > 0)
    }

    pub(super) fn part_answered(&mut self, request: RequestId, head: &PackageHead) {
        let Some(bring) = &mut self.bring else { return };
        let Some(part) = bring.parts.get_mut(&request) else {
            return;
        };
        let Some(range) = head.range else {
            // Nothing, of a package that has become shorter; or something else.
            return match head.is_refused() || head.first == FirstBytes::Nothing {
                true => self.doubt(request, true),
                false => self.part_ends(request, Err(instead(head)), true),
            };
        };
        let is_other = |own: &String| head.tag.as_ref().is_some_and(|tag| tag != own);
        if bring.tag.as_ref().is_some_and(is_other) {
            return self.doubt(request, false);
        }
        let (at, last) = (part.at, part.last);
        part.left = range.len();
        if range.total != bring.records.size {
            return self.part_ends(request, Err(changed()), true);
        }
        // A shorter answer is honest as long as it says so: it is taken, and the rest asked for again.
        if range.first != at || range.last > last {
            let fault = misplaced(at, last, (range.first, range.last));
            return self.part_ends(request, Err(fault), true);
        }
        self.carriage.flow.read(request, 0, self.now.mono);
    }

    /// Another tag came, or a part was refused: either the package has changed, or that says nothing here. The end is
    /// looked at once for all connections.
    fn doubt(&mut self, request: RequestId, refused: bool) {
        self.close(request);
        let Some(bring) = &mut self.bring else { return };
        if let Some(part) = bring.parts.remove(&request) {
            bring.give_back(&part);
            self.parted(&part);
        }
        let Some(bring) = &mut self.bring else { return };
        if !std::mem::replace(&mut bring.doubt, true) {
            self.look(LookPurpose::Doubt { refused }, LookRequest::End);
        }
    }

    /// The package is the same.
    pub(super) fn undoubted(&mut self, refused: bool) {
        if refused {
            return self.fail(dishonest(PartFlaw::Refused));
        }
        if let Some(bring) = &mut self.bring {
            (bring.doubt, bring.tag) = (false, None);
        }
    }

    pub(super) fn part_came(&mut self, request: RequestId, bytes: u64) {
        let now = self.now;
        let Some(bring) = &mut self.bring else { return };
        let open = bring.open();
        let Some(part) = bring.parts.get_mut(&request) else {
            return;
        };
        if part.first_byte.is_none() {
            part.first_byte = Some(now.mono);
            let waited = now.mono.saturating_sub(part.asked);
            if !part.is_given() {
                self.carriage.pace.waited(waited, part.is_fresh, now);
            }
        }
        part.bytes += bytes;
        let Some(left) = part.left.checked_sub(bytes) else {
            return self.part_ends(request, Err(beyond()), true);
        };
        part.left = left;
        let (at, source) = (part.at, part.source);
        part.at += bytes;
        let (place, written) = match part.compares {
            true => (ContentTarget::Digest(at), 0),
            false => (ContentTarget::Records(at), bring.fill(at, bytes, request)),
        };
        if self.swarm.is_none() {
            bring.arrived.clear();
        }
        bring.rounds.came(bytes);
        if source == RangeSource::Central {
            self.carriage.pace.came(bytes, open, now);
        }
        self.commands.push_back(DownloadCommand::Put {
            request,
            bytes,
            place,
        });
        self.carriage.flow.written(written);
        // The rate is that of the line to central.
        let spent = match source {
            RangeSource::Central => bytes,
            RangeSource::Sibling(_) => 0,
        };
        self.carriage.flow.read(request, spent, now.mono);
        self.brakes();
    }

    /// Where central is overloaded, ranges that it has not begun yet are left to it in time.
    fn brakes(&mut self) {
        let Some(bring) = &self.bring else { return };
        let parts = bring.parts.values().filter(|part| !part.is_given());
        let ranges = parts.map(|part| RangeWait {
            asked: part.asked,
            first_byte: part.first_byte,
            is_fresh: part.is_fresh,
        });
        if !self.carriage.pace.brakes(ranges, self.now) {
            return;
        }
        let more = bring.open().saturating_sub(self.carriage.pace.lanes());
        let waiting = bring.parts.iter().rev();
        // What was answered is on its way already.
        let waiting =
            waiting.filter(|(_, part)| part.left == 0 && part.run.is_some() && !part.is_given());
        let left: Vec<RequestId> = waiting.map(|(request, _)| *request).take(more).collect();
        left.into_iter()
            .for_each(|request| self.leave_part(request));
    }

    /// A range is left: what came of it is kept, the rest is asked for later.
    pub(super) fn leave_part(&mut self, request: RequestId) {
        let Some(bring) = &mut self.bring else { return };
        if let Some(part) = bring.parts.remove(&request) {
            bring.give_back(&part);
            self.parted(&part);
        }
        self.close(request);
    }

    pub(super) fn part_over(&mut self, request: RequestId, fault: Option<Fault>) {
        let part = self
            .bring
            .as_ref()
            .and_then(|bring| bring.parts.get(&request));
        let Some(part) = part else { return };
        let cut = fault.is_some();
        let result = match fault {
            Some(fault) => Err(fault),
            None if part.at <= part.last => Err(short()),
            None => Ok(()),
        };
        self.part_ends(request, result, cut);
    }

    /// A range has come to its end, or is left.
    fn part_ends(&mut self, request: RequestId, result: Result<(), Fault>, cut: bool) {
        self.close(request);
        let now = self.now;
        let Some(bring) = &mut self.bring else { return };
        let Some(part) = bring.parts.remove(&request) else {
            return;
        };
        bring.give_back(&part);
        if let RangeSource::Sibling(id) = part.source {
            self.parted(&part);
            return self.given(id, result);
        }
        let is_changed = |fault: &Fault| fault.code == Code::PackageChanged;
        if part.compares && !result.as_ref().is_err_and(is_changed) {
            // It is no reason to fail.
            return;
        }
        let is_scrap = !cut && result.is_err() && part.bytes < SCRAP;
        bring.scraps = if is_scrap { bring.scraps + 1 } else { 0 };
        let result = match bring.scraps < SCRAPS {
            true => result,
            false => Err(in_scraps()),
        };
        if part.run.is_some() {
            let end = match &result {
                Err(fault)
                    if matches!(fault.code, Code::CentralUnavailable | Code::CentralError) =>
                {
                    RangeEnd::Busy
                }
                Err(_) if cut => RangeEnd::Cut,
                // Shorter than asked, but to its end.
                _ => RangeEnd::Whole,
            };
            let took = part
                .first_byte
                .map_or(Duration::ZERO, |at| now.mono.saturating_sub(at));
            let sample = RangeSample {
                asked: part.asked,
                bytes: part.bytes,
                took,
                end,
            };
            self.carriage.pace.learn(sample, now);
        }
        let Err(fault) = result else { return };
        if fault.class != FaultClass::Retry {
            // Of an answer that was not honest no half record is kept.
            let record = part.at / bring.records.record;
            if bring.records.begun.remove(&record).is_some() {
                self.commands.push_back(DownloadCommand::Discard(record));
            }
        }
        self.part_failed(&part, fault);
    }

    /// What follows from a failed range: a wait before the next one, or the end of the ranges.
    fn part_failed(&mut self, part: &RangeInFlight, fault: Fault) {
        let Some(bring) = &mut self.bring else { return };
        let rounds = match part.bytes >= Rounds::PROGRESS {
            true => 0,
            false => bring.rounds.failed(part.asked, self.now.mono),
        };
        let why = match part.run {
            Some(_) => "the next attempt at a range",
            None => "the next attempt at a changed member",
        };
        match self.retry(&fault, rounds, ROUNDS) {
            None => self.fail(fault),
            Some(wait) if wait.is_zero() => {}
            Some(wait) => {
                let rest = self.rest(why, wait, &fault);
                if let Some(bring) = &mut self.bring {
                    bring.rests.push(rest);
                }
            }
        }
    }

    /// What the members are worth.
    pub(super) fn checked(&mut self, verdict: VerificationResult) {
        if self.disputes_put_off() | self.comes_from_central(&verdict) {
            return;
        }
        if verdict.clean() {
            return self.whole();
        }
        let Some(bring) = &mut self.bring else { return };
        let directory = bring.directory.clone();
        if bring.whole {
            let fault = match verdict.bad.first() {
                None => changed(),
                Some((at, why)) => self.damaged_whole(&directory, *at, why),
            };
            return self.fail(fault);
        }
        let unseen = verdict.unseen.into_iter().map(|member| (member, None));
        let bad = verdict.bad.into_iter().map(|(at, why)| (at, Some(why)));
        let bad: SmallMap<usize, Option<Defect>> = bad.chain(unseen).collect();
        let twice = bad.iter().find(|(at, _)| bring.suspects.contains_key(at));
        if let Some((at, why)) = twice {
            let proven = why.is_some() && bring.suspects.get(at) == Some(why);
            let fault = self.damaged(&directory, *at, why.as_ref(), proven);
            return self.fail(fault);
        }
        bring.bad = bad;
        // Before any repair the end is read again: the same size with another end is another package.
        self.stage = Stage::Look;
        self.look(LookPurpose::Repair, LookRequest::End);
    }

    /// The package is the same: what was wrong comes once more.
    pub(super) fn repair(&mut self) {
        let Some(bring) = &mut self.bring else { return };
        for at in bring.bad.keys() {
            let extent = bring.directory.extent(*at);
            let record = bring.records.record;
            let records = extent.start / record..extent.end.div_ceil(record);
            bring.records.forget(records.clone());
            if let Some(swarm) = &mut self.swarm {
                records
                    .clone()
                    .for_each(|record| swarm.forget(record, true));
            }
            self.commands.push_back(DownloadCommand::Forget(records));
        }
        bring.suspects.extend(std::mem::take(&mut bring.bad));
        self.bring_rest();
    }
}
