//! A virtual box in virtual time: executes what the machine of a download says, with real bytes and a disk that can fail.
//! Never sleeps, and never decides anything: what is wrong with a command it says at once.
//! Called by the tests of `download.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use logic::api::PackageRange;
use logic::download::{
    Carriage, ContentTarget, Download, DownloadCommand, EndRead, Event, PackageHead, RangeSource,
    RequestId, Task, Twin,
};
use logic::fault::Fault;
use logic::package::Judged;
use logic::package_lane::{PackageEnd, WaitReason, Waiting};
use logic::rate::{Rate, RateOverride};
use logic::words::Now;
use logic::zip::{Directory, LocalHeader, PackageIdentity, PackageTail, plan};

use crate::central::{PackageCentral, Served};
use crate::disk::ModelStore;
use crate::siblings::{SiblingAsk, SiblingModel};

/// Bytes of a record here.
pub(crate) const RECORD: u64 = 8 << 10;
/// Bytes of one piece of content.
const PIECE: usize = 16 << 10;
/// More commands mean that the machine goes round in circles.
const COMMANDS: usize = 12_000;

/// What the disk and the box do.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorldScript {
    pub(crate) connections: usize,
    /// Bytes a second, 0 for no limit.
    pub(crate) rate: u64,
    /// The write of this number, and all later ones, fail.
    pub(crate) disk_full_at: Option<usize>,
    /// The flush of this number fails.
    pub(crate) flush_fails_at: Option<usize>,
    /// After so many commands the power goes.
    pub(crate) power_cut_at: Option<usize>,
    /// Seconds from and to which an exam runs; the machine is told when it begins.
    pub(crate) exam: Option<(u64, u64)>,
    /// It is a pause instead.
    pub(crate) pause: bool,
    pub(crate) window: u64,
    /// The first look leaves a package that is larger than this.
    pub(crate) defers_above: Option<u64>,
    /// From this second on another rate is in force.
    pub(crate) order: Option<(u64, RateOverride)>,
}

/// An answer that is being read.
#[derive(Debug)]
struct Flight {
    served: Served,
    at: usize,
    piece: Vec<u8>,
    /// It is one range of several.
    is_part: bool,
    /// A sibling gives it.
    is_given: bool,
}

pub(crate) struct World {
    pub(crate) central: PackageCentral,
    pub(crate) script: WorldScript,
    pub(crate) now: Now,
    pub(crate) store: ModelStore,
    flights: BTreeMap<RequestId, Flight>,
    /// What happens when.
    agenda: BTreeMap<(Duration, u64), Event>,
    number: u64,
    /// Times in a row at which nothing came of the time.
    idle: usize,
    judged: Option<Judged>,
    /// Its size was found out, and that was all.
    sized: bool,
    /// The package that is held, and its content once it is published.
    pub(crate) held: Option<Vec<u8>>,
    pub(crate) wire: u64,
    pub(crate) commands: usize,
    pub(crate) trace: Vec<String>,
    pub(crate) most_open: usize,
    gate_open: bool,
    /// Pieces that were read since a pause or an exam began.
    paused_reads: usize,
    /// Ranges that stayed open in one.
    pub(crate) open_in_pause: usize,
    pub(crate) asked: bool,
    /// Other deliveries that hold the same edition, whatever it is.
    pub(crate) twins: Vec<Twin>,
    /// The other boxes of the site, and this one among them.
    pub(crate) room: SiblingModel,
}

pub(crate) fn identity(package: &[u8]) -> PackageIdentity {
    directory(package).identity
}

pub(crate) fn directory(package: &[u8]) -> Directory {
    match PackageTail::read(package.len() as u64, package) {
        Ok(PackageTail::Whole(directory)) => directory,
        other => panic!("not a package: {other:?}"),
    }
}

impl World {
    pub(crate) fn new(central: PackageCentral, script: WorldScript, held: Option<Vec<u8>>) -> Self {
        Self {
            central,
            script,
            now: Now {
                mono: Duration::from_secs(1000),
                wall: 1_795_000_000,
            },
            store: ModelStore::default(),
            flights: BTreeMap::new(),
            agenda: BTreeMap::new(),
            number: 0,
            idle: 0,
            judged: None,
            sized: false,
            held,
            wire: 0,
            commands: 0,
            trace: Vec::new(),
            most_open: 0,
            gate_open: false,
            paused_reads: 0,
            open_in_pause: 0,
            asked: false,
            twins: Vec::new(),
            room: SiblingModel::default(),
        }
    }

    /// A machine for one run.
    pub(crate) fn machine(&mut self) -> Download {
        let task = Task {
            delivery: "https://central.example/tao.rdf#i1".into(),
            is_held: self.held.is_some(),
            held: self.held.as_deref().map(identity),
            is_known: self.store.part.is_some() || self.judged.is_some() || self.sized,
            defers_above: self.script.defers_above.take(),
            random: 7,
            site: self.room.own,
        };
        let rate = Rate::new(self.script.rate);
        let carriage = Carriage::new(self.script.connections.max(1), rate, self.script.window);
        let machine = Download::new(task, carriage, false, self.now);
        let (from, _) = self.script.exam.unwrap_or_default();
        let begins = Duration::from_secs(1000 + from);
        if self.script.exam.is_some() && begins > self.now.mono {
            self.later(begins - self.now.mono, Event::Ordered(None));
        }
        if let Some((after, rate)) = self.script.order {
            self.later(Duration::from_secs(after), Event::Ordered(Some(rate)));
        }
        machine
    }

    /// One run of a box; `None` where the power went.
    pub(crate) fn run(&mut self) -> Option<PackageEnd> {
        let mut machine = self.machine();
        loop {
            if let Some(end) = self.settle(&mut machine) {
                return end;
            }
            for ask in std::mem::take(&mut self.room.asks) {
                self.asks_scripted(ask);
            }
            let at = self.next_at(&machine);
            self.step(&mut machine, at);
        }
    }

    /// Does what the machine says; gives its end, or none where the power went.
    pub(crate) fn settle(&mut self, machine: &mut Download) -> Option<Option<PackageEnd>> {
        while let Some(command) = machine.next() {
            self.commands += 1;
            assert!(
                self.commands < COMMANDS,
                "goes round in circles: {:#?}",
                &self.trace[self.trace.len() - 40..]
            );
            if self.script.power_cut_at == Some(self.commands) {
                self.power_goes();
                return Some(None);
            }
            let what = match &command {
                DownloadCommand::Open { directory, .. } => {
                    format!("Open {:?}", directory.identity)
                }
                DownloadCommand::Read(id) => format!("Read {id}"),
                other => format!("{other:?}"),
            };
            self.trace.push(format!("{:?} {what}", self.now.mono));
            let happened = self.execute(command);
            if let Some(event) = happened {
                machine.handle(event, self.now);
            }
            for event in std::mem::take(&mut self.room.sealed) {
                machine.handle(event, self.now);
            }
            self.idle = 0;
        }
        if self.script.exam.is_some() && !self.gate_open {
            let parts = self.flights.values().filter(|flight| flight.is_part);
            self.open_in_pause = self.open_in_pause.max(parts.count());
        }
        // Each connection may have one piece on its way, and the end is placed at once.
        let given = 8 * u64::from(self.room.own.is_some());
        let pieces = (self.script.connections as u64 + 1 + given) * PIECE as u64;
        let most = self.script.window + pieces + RECORD + (64 << 10);
        let unflushed = self.store.most_unflushed;
        assert!(
            unflushed <= most,
            "{unflushed} of {most} bytes are without a flush"
        );
        if let Some(end) = machine.end() {
            self.flights.clear();
            self.agenda.clear();
            self.sized |= matches!(end, PackageEnd::Deferred { .. });
            return Some(Some(end.clone()));
        }
        None
    }

    /// When something happens next.
    pub(crate) fn next_at(&self, machine: &Download) -> Duration {
        let next = self.agenda.keys().next().map(|(at, _)| *at);
        match next.into_iter().chain(machine.due()).min() {
            Some(at) => at,
            None => panic!("waits for nothing: {:#?}", self.trace),
        }
    }

    /// What happens at that time.
    pub(crate) fn step(&mut self, machine: &mut Download, at: Duration) {
        let next = self
            .agenda
            .keys()
            .next()
            .copied()
            .filter(|next| next.0 <= at);
        let event = next.and_then(|next| self.agenda.remove(&next));
        self.goes_to(at);
        match event {
            Some(event) => {
                if event == Event::Flushed {
                    self.flushed();
                }
                machine.handle(event, self.now);
            }
            None => {
                self.idle += 1;
                assert!(
                    self.idle < 4,
                    "is due again and again and does nothing: {:?}",
                    machine.waiting()
                );
                machine.handle(Event::Time, self.now);
            }
        }
    }

    fn goes_to(&mut self, at: Duration) {
        let passed = at.saturating_sub(self.now.mono);
        self.now.mono += passed;
        self.now.wall = 1_795_000_000 + self.now.mono.as_secs() as i64;
    }

    pub(crate) fn later(&mut self, after: Duration, event: Event) {
        self.number += 1;
        let at = self.now.mono + after;
        self.agenda.insert((at, self.number), event);
    }

    /// Everything that no flush covers is gone.
    fn power_goes(&mut self) {
        self.script.power_cut_at = None;
        // What was on its way to each connection is lost with it.
        let pieces = self.agenda.values().map(|event| match event {
            Event::Came(_, bytes) => *bytes,
            _ => 0,
        });
        self.central.destroyed += pieces.sum::<u64>();
        self.flights.clear();
        self.agenda.clear();
        self.central.destroyed += self.store.unflushed;
        self.central.destroyed += self
            .store
            .begun
            .values()
            .map(|begun| begun.len() as u64)
            .sum::<u64>();
        // The end is looked at once more; what was looked at and not placed yet comes again.
        let looked = self.store.end.values().chain(self.store.kept.values());
        self.central.destroyed += (64 << 10) + looked.map(|piece| piece.len() as u64).sum::<u64>();
        let part = self.store.part.take().map(|mut part| {
            for (record, flushed) in part.records.iter_mut().zip(&part.flushed) {
                if !flushed {
                    *record = None;
                }
            }
            part
        });
        self.store = ModelStore {
            part,
            ..ModelStore::default()
        };
    }

    fn execute(&mut self, command: DownloadCommand) -> Option<Event> {
        match command {
            DownloadCommand::Gate(_) => return Some(Event::Gate(self.exam())),
            DownloadCommand::Ask(id, request) => {
                assert!(self.gate_open, "asks while an exam runs");
                if let RangeSource::Sibling(sibling) = request.source {
                    let Some(PackageRange::Span(first, last)) = request.range else {
                        panic!("a sibling is asked for no range");
                    };
                    self.room.asks.push(SiblingAsk::Range {
                        id,
                        sibling,
                        first,
                        last,
                    });
                    return None;
                }
                let (head, served) = self.central.answer(&request, self.wire);
                let wait = Duration::from_millis(40) + served.late;
                let is_part = matches!(request.range, Some(PackageRange::Span(..)));
                self.comes(id, head, served, is_part, false, wait);
            }
            DownloadCommand::Read(id) => {
                self.paused_reads += usize::from(!self.gate_open && self.script.exam.is_some());
                let most = self.script.connections.max(1) + 1;
                assert!(self.paused_reads <= most, "reads on in a pause");
                self.read(id);
            }
            DownloadCommand::Put {
                request,
                bytes,
                place,
            } => {
                let piece = self
                    .flights
                    .get(&request)
                    .map(|f| f.piece.clone())
                    .unwrap_or_default();
                assert!(bytes as usize <= piece.len(), "more than came");
                let piece = &piece[..bytes as usize];
                match place {
                    ContentTarget::Nowhere => {}
                    ContentTarget::End(at) => self.put_end(at, piece),
                    ContentTarget::Records(at) => {
                        let before = self.whole_records();
                        let failed = self.place(at, piece);
                        self.seals(before);
                        return failed;
                    }
                    ContentTarget::Digest(at) => self.compares(at, piece),
                }
            }
            DownloadCommand::Close(id) => {
                if self.script.exam.is_some() && !self.gate_open {
                    let pieces = self.agenda.values().map(|event| match event {
                        Event::Came(of, bytes) if *of == id => *bytes,
                        _ => 0,
                    });
                    self.central.destroyed += pieces.sum::<u64>();
                }
                self.flights.remove(&id);
                self.agenda.retain(|_, event| !is_of(event, id));
            }
            DownloadCommand::ForgetEnd => self.store.end.clear(),
            DownloadCommand::KeepEnd => self.store.kept = std::mem::take(&mut self.store.end),
            DownloadCommand::ReadEnd { from, total } => {
                let read =
                    PackageTail::read(total, &self.end_from(from, &self.store.end)).map(|tail| {
                        match tail {
                            PackageTail::Whole(directory) => EndRead::Whole(Arc::new(directory)),
                            PackageTail::Need(from) => EndRead::Need(from),
                        }
                    });
                return Some(Event::End(read));
            }
            DownloadCommand::Recall(_) => {
                return Some(Event::Recalled {
                    twins: self.twins.clone(),
                    judged: self.judged.clone(),
                    asked: self.asked,
                });
            }
            DownloadCommand::Judge {
                delivery,
                edition,
                finding,
                cause,
            } => {
                let (size, tail, at) = (edition.size, edition.tail, self.now.wall);
                self.judged = Some(Judged {
                    delivery,
                    size,
                    tail,
                    finding,
                    cause,
                    at,
                });
            }
            DownloadCommand::ForgetJudged => self.judged = None,
            DownloadCommand::MarkDamaged(_) => self.held = None,
            DownloadCommand::Open { directory, fresh } => {
                let identity = Some(directory.identity);
                self.store.begun.clear();
                let same = self
                    .store
                    .part
                    .as_ref()
                    .is_some_and(|part| part.identity == identity);
                if fresh || !same {
                    self.begin(directory.identity.size, identity);
                }
                self.store.directory = Some(directory);
                self.room.opens(identity);
                return Some(self.opened());
            }
            DownloadCommand::Begin(size) => {
                self.begin(size, None);
                return Some(self.opened());
            }
            DownloadCommand::Grow(more) => self.resize(|size| size + more),
            DownloadCommand::EndAt(size) => {
                self.resize(|_| size);
                if let Some((index, begun)) = self.store.begun.pop_first() {
                    return self.write(index, begun);
                }
            }
            DownloadCommand::Identify => return Some(self.identify()),
            DownloadCommand::Relate => {
                let old = self.held.clone();
                let new = self.store.directory.clone()?;
                let related = old.map(|old| {
                    let header = |member: &logic::zip::Member| {
                        let at = member.header();
                        LocalHeader::read(member, &old[at.start as usize..at.end as usize]).ok()
                    };
                    plan(&directory(&old), &new, 16 << 10, header)
                });
                return Some(Event::Related(related));
            }
            DownloadCommand::Copy { from, to } => {
                let old = self.held.clone().expect("a held package");
                let bytes = &old[from.start as usize..from.end as usize];
                let failed = self.place(to, bytes);
                return Some(match failed {
                    Some(Event::Disk(fault)) => Event::Copied(Err(fault)),
                    _ => Event::Copied(Ok(())),
                });
            }
            DownloadCommand::Give { to, bytes } => return self.place(to, &bytes),
            DownloadCommand::PlaceEnd(range) => {
                let bytes = self.end_from(range.start, &self.store.kept);
                let length = (range.end - range.start) as usize;
                return self.place(range.start, &bytes[..length]);
            }
            DownloadCommand::Discard(index) => {
                self.store.begun.remove(&index);
            }
            DownloadCommand::Forget(records) => {
                for index in records {
                    self.store.begun.remove(&index);
                    self.part().records[index as usize] = None;
                }
            }
            DownloadCommand::Verify => {
                let verdict = self.verdict();
                self.later(Duration::from_millis(3), Event::Checked(verdict));
            }
            DownloadCommand::Flush => return self.flush(),
            DownloadCommand::Abandon => self.store.part = None,
            DownloadCommand::Publish { .. } => {
                let part = self.store.part.take().expect("a package to publish");
                let records = part.records.into_iter();
                let records: Vec<Vec<u8>> = records
                    .map(|record| record.expect("every record"))
                    .collect();
                self.held = Some(records.concat());
                return Some(Event::Published);
            }
            DownloadCommand::Compare => return Some(Event::Compared),
            DownloadCommand::Poll(known) => {
                let asked = self.room.others();
                self.room.asks.push(SiblingAsk::Poll(known));
                return Some(Event::Polled(asked));
            }
            DownloadCommand::Tell(news) => self.room.tells(news, self.now.mono),
        }
        None
    }

    /// An answer is on its way.
    pub(crate) fn comes(
        &mut self,
        id: RequestId,
        head: Result<PackageHead, Fault>,
        served: Served,
        is_part: bool,
        is_given: bool,
        wait: Duration,
    ) {
        let head = match head {
            Ok(head) => head,
            Err(fault) => return self.later(wait, Event::Failed(id, fault)),
        };
        let flight = Flight {
            served,
            at: 0,
            piece: Vec::new(),
            is_part,
            is_given,
        };
        self.flights.insert(id, flight);
        self.most_open = self.most_open.max(self.central_open());
        self.later(wait, Event::Answered(id, head));
    }

    /// The box is gone.
    pub(crate) fn gives_up(&mut self) {
        self.flights.clear();
    }

    /// Answers of central under way.
    pub(crate) fn central_open(&self) -> usize {
        let central = self.flights.values().filter(|flight| !flight.is_given);
        central.count()
    }

    fn exam(&mut self) -> Option<(Waiting, Duration)> {
        let (from, to) = self.script.exam.unwrap_or_default();
        let now = self.now.mono.saturating_sub(Duration::from_secs(1000));
        let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
        let left = to
            .checked_sub(now)
            .filter(|left| now >= from && !left.is_zero());
        self.gate_open = left.is_none();
        if self.gate_open {
            self.paused_reads = 0;
        }
        left.map(|left| {
            let reason = match self.script.pause {
                true => WaitReason::Pause,
                false => WaitReason::Exam,
            };
            let until = None;
            (Waiting { reason, until }, left)
        })
    }

    fn read(&mut self, id: RequestId) {
        let own = self
            .flights
            .values()
            .filter(|flight| !flight.is_given)
            .count();
        let open = (own + self.room.beside).max(1) as u64;
        let Some(flight) = self.flights.get_mut(&id) else {
            panic!("reads what is closed");
        };
        let rest = &flight.served.content[flight.at..];
        let piece = rest[..rest.len().min(PIECE)].to_vec();
        flight.at += piece.len();
        let late = Duration::from_secs_f64(piece.len() as f64 / flight.served.rate as f64);
        if piece.is_empty() {
            let silence = flight.served.silence;
            let event = match flight.served.ends.clone() {
                Ok(()) => Event::Ended(id),
                Err(fault) => Event::Failed(id, fault),
            };
            self.flights.remove(&id);
            return self.later(silence, event);
        }
        let open = if flight.is_given { 1 } else { open };
        if !flight.is_given {
            self.wire += piece.len() as u64;
        }
        let length = piece.len() as u64;
        flight.piece = piece;
        self.later(late * open as u32, Event::Came(id, length));
    }
}

fn is_of(event: &Event, id: RequestId) -> bool {
    matches!(event, Event::Answered(of, _) | Event::Came(of, _) | Event::Ended(of) | Event::Failed(of, _) if *of == id)
}
