//! What a download asks siblings for, and what follows from what they give: the same checks as for central, and its word above theirs.
//! Never asks them while downloads are held back, and never waits for them for longer than it takes to ask central.
//! Called by `download` and `bring`; the rules are in `swarm`.

use std::ops::Range as Span;
use std::time::Duration;

use super::command::{DownloadCommand, RangeSource, RequestId, SiblingId};
use super::part::RangeInFlight;
use super::swarm::{FROM_ALL, GivenRecord, RecordOrigin, Swarm};
use super::{Download, Stage};
use crate::fault::Fault;
use crate::sibling::{PackageHoldings, RecordClaim};
use crate::zip::VerificationResult;

use super::faults::is_range;

/// A claim lasts at least so long, and this long where nothing is known.
const CLAIM_LEAST: Duration = Duration::from_secs(2);
const CLAIM_UNKNOWN: Duration = Duration::from_secs(10);

impl Download {
    /// The records of a package are open: there may be siblings.
    pub(super) fn room_opens(&mut self) {
        let (own, bring) = (self.task.site, self.bring.as_ref());
        self.swarm = own.zip(bring).map(|(own, bring)| {
            let random = crate::retry::mix(self.random ^ own);
            Swarm::new(own, &bring.records, random, self.now.mono)
        });
        if let Some(swarm) = &mut self.swarm {
            for id in &self.carriage.expelled {
                swarm.expel(*id);
            }
        }
    }

    /// Whether it is known who is there; so it is where nobody can be.
    pub(super) fn is_surveyed(&self) -> bool {
        let swarm = self.swarm.as_ref();
        swarm.is_none_or(|swarm| swarm.is_surveyed(self.now.mono))
    }

    /// Whether the package comes from siblings, too.
    pub(super) fn is_shared(&self) -> bool {
        self.swarm.as_ref().is_some_and(Swarm::is_shared)
    }

    /// When time itself is an event for what siblings have to do with.
    pub(super) fn siblings_due(&self) -> Option<Duration> {
        let bring = self.bring.as_ref().filter(|bring| {
            matches!(self.stage, Stage::Bring) && self.closed.is_none() && !bring.doubt
        })?;
        let ends = bring.parts.values().filter_map(|part| part.until).min();
        let swarm = self.swarm.as_ref()?.due(self.now.mono);
        ends.into_iter().chain(swarm).min()
    }

    /// Asks siblings what they hold and for what they have; leaves those that are too slow.
    pub(super) fn look_at_siblings(&mut self) {
        let now = self.now.mono;
        let (Some(swarm), Some(bring)) = (&mut self.swarm, &self.bring) else {
            return;
        };
        if self.closed.is_some() {
            return;
        }
        if let Some(known) = swarm.polls(now) {
            self.commands.push_back(DownloadCommand::Poll(known));
            swarm.tells_again();
        }
        let late = bring.parts.iter();
        let late = late.filter(|(_, part)| part.until.is_some_and(|until| until <= now));
        let late: Vec<(RequestId, RangeSource)> =
            late.map(|(id, part)| (*id, part.source)).collect();
        for (request, source) in late {
            self.leave_part(request);
            if let (Some(swarm), RangeSource::Sibling(id)) = (&mut self.swarm, source) {
                swarm.trouble(id, None, now);
            }
        }
        self.ask_siblings();
        if let (Some(swarm), Some(bring)) = (&mut self.swarm, &self.bring)
            && !bring.parts.is_empty()
        {
            swarm.is_busy(now);
        }
    }

    fn ask_siblings(&mut self) {
        let now = self.now.mono;
        loop {
            let (Some(swarm), Some(bring)) = (&mut self.swarm, &mut self.bring) else {
                return;
            };
            let given = bring.parts.values().filter(|part| part.is_given());
            if bring.building || given.count() >= FROM_ALL {
                return;
            }
            let Some((id, run)) = swarm.sibling_run(&bring.work, &bring.records, now) else {
                return;
            };
            bring.work.remove(&run);
            let record = bring.records.record;
            let (at, last) = (
                run.start * record,
                (run.end * record).min(bring.records.size) - 1,
            );
            let until = swarm.asks(id, last + 1 - at, now);
            let request = self.ask_range(RangeSource::Sibling(id), Some(run), at, last);
            let part = self
                .bring
                .as_mut()
                .and_then(|bring| bring.parts.get_mut(&request));
            if let Some(part) = part {
                part.until = Some(until);
            }
        }
    }

    /// The next run from central where others take part; the worklist knows that it is given out.
    pub(super) fn shared_run(&mut self, most: u64) -> Option<Span<u64>> {
        let (swarm, bring) = (self.swarm.as_mut()?, self.bring.as_mut()?);
        let run = swarm.central_run(&bring.work, &bring.records, most, self.now.mono)?;
        bring.work.remove(&run);
        Some(run)
    }

    /// Asks central for a record that a sibling gave, as far as one is to be compared.
    pub(super) fn compare_next(&mut self) -> bool {
        let (Some(swarm), Some(bring)) = (&mut self.swarm, &self.bring) else {
            return false;
        };
        let Some(record) = swarm.compares() else {
            return false;
        };
        let at = record * bring.records.record;
        let last = (at + bring.records.record).min(bring.records.size) - 1;
        let request = self.ask_range(RangeSource::Central, None, at, last);
        let part = self
            .bring
            .as_mut()
            .and_then(|bring| bring.parts.get_mut(&request));
        if let Some(part) = part {
            part.compares = true;
        }
        true
    }

    /// What a sibling said, or that it said nothing.
    pub(super) fn heard(&mut self, id: SiblingId, said: Option<PackageHoldings>) {
        let now = self.now.mono;
        let Some(swarm) = &mut self.swarm else { return };
        let disputed = swarm.heard(id, said, now);
        match self.stage {
            Stage::Bring => {
                for (record, from, digest) in disputed {
                    self.disputes(record, from, digest);
                }
            }
            // Nothing is taken back while it is checked, or its end is looked at.
            _ => swarm.put_off(disputed),
        }
    }

    /// What others said meanwhile that they have otherwise comes from central. Whether there is any.
    pub(super) fn disputes_put_off(&mut self) -> bool {
        let disputed = self.swarm.as_mut().map(Swarm::take_put_off);
        let disputed = disputed.unwrap_or_default();
        for (record, from, digest) in &disputed {
            self.disputes(*record, *from, *digest);
        }
        if !disputed.is_empty() {
            self.bring_rest();
        }
        !disputed.is_empty()
    }

    /// A range of a sibling is over, or left: of a record that it began nothing is kept.
    pub(super) fn parted(&mut self, part: &RangeInFlight) {
        let RangeSource::Sibling(id) = part.source else {
            return;
        };
        if let Some(swarm) = &mut self.swarm {
            swarm.closed(id);
        }
        if let Some(bring) = &mut self.bring {
            let record = part.at / bring.records.record;
            if part.at <= part.last && bring.records.begun.remove(&record).is_some() {
                self.commands.push_back(DownloadCommand::Discard(record));
            }
        }
    }

    /// What follows from the end of a sibling's range: never more than a rest, or that it is out.
    pub(super) fn given(&mut self, id: SiblingId, result: Result<(), Fault>) {
        let now = self.now.mono;
        let Some(swarm) = &mut self.swarm else { return };
        match result {
            Ok(()) => swarm.served(id),
            Err(fault) if is_range(&fault) => {
                swarm.trouble(id, None, now);
                if swarm.strike(id) {
                    self.expel(id);
                }
            }
            Err(fault) => swarm.trouble(id, fault.retry_after, now),
        }
    }

    /// A record was written, or compared.
    pub(super) fn sealed(&mut self, record: u64, digest: [u8; 32], kept: bool) {
        let (Some(swarm), Some(bring)) = (&mut self.swarm, &mut self.bring) else {
            return;
        };
        let source = match kept {
            false => Some(RangeSource::Central),
            true => {
                let at = bring.arrived.iter().position(|(of, _)| *of == record);
                at.map(|at| bring.arrived.swap_remove(at).1)
            }
        };
        match source {
            None => {}
            Some(RangeSource::Central) => {
                let liars = swarm.central_gave(record, digest, kept);
                liars.into_iter().for_each(|id| self.expel(id));
            }
            Some(RangeSource::Sibling(id)) => match swarm.sibling_gave(record, id, digest) {
                GivenRecord::Kept => {}
                GivenRecord::Disputed => self.disputes(record, id, digest),
                GivenRecord::Bad => {
                    let is_out = swarm.strike(id);
                    self.forget_record(record, false);
                    if is_out {
                        self.expel(id);
                    }
                }
            },
        }
    }

    /// Two siblings say two things: central decides.
    fn disputes(&mut self, record: u64, id: SiblingId, digest: [u8; 32]) {
        if let Some(swarm) = &mut self.swarm {
            swarm.doubts(record, id, digest);
        }
        self.forget_record(record, true);
    }

    /// A sibling is out: what came from it comes again.
    fn expel(&mut self, id: SiblingId) {
        let Some(swarm) = &mut self.swarm else { return };
        let given = swarm.expel(id);
        if !self.carriage.expelled.contains(&id) {
            self.carriage.expelled.push(id);
        }
        let open = self.bring.iter().flat_map(|bring| bring.parts.iter());
        let open = open.filter(|(_, part)| part.source == RangeSource::Sibling(id));
        let open: Vec<RequestId> = open.map(|(request, _)| *request).collect();
        open.into_iter()
            .for_each(|request| self.leave_part(request));
        given
            .into_iter()
            .for_each(|record| self.forget_record(record, false));
    }

    fn forget_record(&mut self, record: u64, central_only: bool) {
        let Some(bring) = &mut self.bring else { return };
        bring.records.forget(record..record + 1);
        bring.work.give_back(record..record + 1);
        if let Some(swarm) = &mut self.swarm {
            swarm.forget(record, central_only);
        }
        self.commands
            .push_back(DownloadCommand::Forget(record..record + 1));
    }

    /// Members are wrong that siblings had a part in: what they gave of one of them, the one with the least of it, comes from
    /// central, which shows who was wrong. All else that came from there comes again from anybody: a sibling that lies everywhere
    /// does not make each box ask central for everything. Whether there is any.
    pub(super) fn comes_from_central(&mut self, verdict: &VerificationResult) -> bool {
        let (Some(swarm), Some(bring)) = (&self.swarm, &self.bring) else {
            return false;
        };
        let record = bring.records.record;
        let given = verdict.bad.iter().map(|(at, _)| {
            let extent = bring.directory.extent(*at);
            let records = extent.start / record..extent.end.div_ceil(record);
            let given = records.filter_map(|record| match swarm.origin(record) {
                RecordOrigin::Sibling(id, digest) => Some((record, id, digest)),
                _ => None,
            });
            given.collect()
        });
        let given = given.filter(|given: &Vec<_>| !given.is_empty());
        let given: Option<Vec<(u64, SiblingId, [u8; 32])>> = given.min_by_key(Vec::len);
        let Some(given) = given else { return false };
        for (record, id, digest) in given {
            self.disputes(record, id, digest);
        }
        self.bring_rest();
        true
    }

    /// Lets siblings know what came from central and what is on its way.
    pub(super) fn tell(&mut self) {
        let now = self.now.mono;
        let (Some(swarm), Some(bring)) = (&mut self.swarm, &self.bring) else {
            return;
        };
        let claim = |part: &RangeInFlight| {
            let run = part.run.as_ref().filter(|_| !part.is_given())?;
            let left = (part.last + 1).saturating_sub(part.at) as f64;
            let lasts = match part.bytes {
                0 => CLAIM_UNKNOWN,
                bytes => {
                    let so_far = now.saturating_sub(part.asked);
                    so_far.mul_f64((2.0 * left / bytes as f64).min(1e4)) + CLAIM_LEAST
                }
            };
            Some(RecordClaim {
                first: u32::try_from(run.start).ok()?,
                count: u32::try_from(run.end - run.start).ok()?,
                lasts: u32::try_from(lasts.as_millis())
                    .unwrap_or(u32::MAX)
                    .min(crate::sibling::CLAIM_MOST),
            })
        };
        let claims = bring.parts.values().filter_map(claim);
        let claims = claims.take(crate::sibling::CLAIMS).collect();
        if let Some(news) = swarm.news(claims) {
            self.commands.push_back(DownloadCommand::Tell(news));
        }
    }
}
