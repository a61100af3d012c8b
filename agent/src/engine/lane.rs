//! The lanes over which the missing records of a package come: each asks for a run, cuts it into records, seals them.
//! Never writes a record that did not arrive whole in one answer that was honest about its place.
//! Called by `fetch`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use logic::chunk::Work;
use logic::fault::{Code, Fault};
use logic::pace::{End, Pace, Sample};
use logic::retry::{self, Rounds};
use logic::seal::NONCE;
use logic::words::{Class, Now};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::edition::Edition;
use super::incoming::Incoming;
use super::link::Link;
use super::piece::short;
use super::probe::in_scraps;
use crate::clock;
use crate::vault::package::Part;

/// Failed rounds in a row, without any progress, after which a package is given up for this run.
const TRIES: u32 = 5;
/// An answer of fewer bytes, to its end, where more were asked for: a scrap.
pub(super) const SCRAP: u64 = 16 << 10;
/// After so many scraps in a row ranges are of no use: a package of a few MiB would take thousands of requests.
pub(super) const SCRAPS: u32 = 8;

/// What the lanes of one package share.
pub(super) struct Shared {
    pub(super) incoming: Incoming,
    pub(super) work: Work,
    pub(super) pace: Pace,
    /// Content bytes received.
    pub(super) on_wire: u64,
    /// The beginnings of records whose ranges were cut, by record: the next range goes on in the middle.
    begun: BTreeMap<u64, Vec<u8>>,
    /// Ranges under way.
    open: usize,
    /// More lanes may be opened.
    more: Rc<Notify>,
    failures: Rounds,
    /// Scraps in a row.
    scraps: u32,
    /// The trouble that ended the download; the other lanes stop at it.
    trouble: Option<Fault>,
    random: u64,
}

impl Shared {
    /// Prepares what is missing of a part.
    pub(super) fn new(incoming: Incoming, mut pace: Pace) -> Rc<RefCell<Self>> {
        pace.begins();
        let work = Work::missing(incoming.part().have());
        let random = u64::from_le_bytes(crate::vault::random());
        Rc::new(RefCell::new(Self {
            incoming,
            work,
            pace,
            on_wire: 0,
            begun: BTreeMap::new(),
            open: 0,
            more: Rc::default(),
            failures: Rounds::default(),
            scraps: 0,
            trouble: None,
            random,
        }))
    }
}

/// Fetches everything that is missing.
///
/// # Errors
/// `package.changed`, or the trouble that no further attempt got past.
pub(super) async fn run(
    link: &Link,
    edition: &Rc<Edition>,
    shared: &Rc<RefCell<Shared>>,
) -> Result<(), Fault> {
    let mut lanes = JoinSet::new();
    let more = shared.borrow().more.clone();
    loop {
        let (wanted, ended) = {
            let shared = shared.borrow();
            (
                shared.pace.lanes(),
                shared.work.is_empty() || shared.trouble.is_some(),
            )
        };
        while !ended && lanes.len() < wanted && !shared.borrow().work.is_empty() {
            let (link, edition, shared) = (link.clone(), edition.clone(), shared.clone());
            let run = {
                let mut shared = shared.borrow_mut();
                let most = shared.pace.range() / u64::from(shared.incoming.part().meta().record);
                // Towards the end all lanes share what is left.
                let share = shared.work.records().div_ceil(wanted as u64);
                shared.work.take(most.min(share))
            };
            let Some(run) = run else { break };
            lanes.spawn_local(async move { range(&link, &edition, &shared, run).await });
        }
        shared.borrow_mut().open = lanes.len();
        tokio::select! {
            lane = lanes.join_next() => match lane {
                None => break,
                Some(Err(_)) => unreachable!("a lane neither panics nor is aborted while it is joined"),
                Some(Ok(())) => {}
            },
            () = more.notified() => {}
        }
    }
    match shared.borrow_mut().trouble.take() {
        Some(trouble) => Err(trouble),
        None => Ok(()),
    }
}

/// One run of records: asked for, received, or given back as far as it did not come.
async fn range(link: &Link, edition: &Edition, shared: &Rc<RefCell<Shared>>, run: Range<u64>) {
    if link.gate().await {
        shared.borrow_mut().pace.begins();
    }
    let begun_record = shared.borrow_mut().begun.remove(&run.start);
    let mut got = Got {
        next: run.start,
        buffer: begun_record.unwrap_or_else(Part::buffer),
        bytes: 0,
        asked: clock::now().mono,
        first_byte: None,
        ended: false,
    };
    let result = receive(link, edition, shared, &run, &mut got).await;
    let now = clock::now();
    let wait = {
        let mut shared = shared.borrow_mut();
        let result = result.map_err(|trouble| shared.scrap(trouble, &got));
        shared.work.give_back(got.next..run.end);
        let end = match &result {
            Ok(()) => End::Whole,
            Err(trouble)
                if trouble.code == Code::CentralUnavailable
                    || trouble.code == Code::CentralError =>
            {
                End::Busy
            }
            // Shorter than asked, but to its end.
            Err(_) if got.ended => End::Whole,
            Err(_) => End::Cut,
        };
        let sample = Sample {
            asked: got.asked,
            bytes: got.bytes,
            took: got
                .first_byte
                .map_or(Duration::ZERO, |at| now.mono.saturating_sub(at)),
            end,
        };
        shared.pace.learn(sample, now);
        match result {
            Ok(()) => {
                shared.scraps = 0;
                None
            }
            Err(trouble) => {
                if trouble.class == Class::Retry && got.buffer.len() > NONCE {
                    shared.begun.insert(got.next, got.buffer);
                }
                let wait = shared.fail(trouble.clone(), got.bytes, got.asked, now);
                wait.map(|wait| (wait, trouble))
            }
        }
    };
    if let Some((wait, trouble)) = wait {
        let why = "the next attempt at a range";
        link.wait(why, wait, &trouble).await;
    }
}

impl Shared {
    /// Counts what came, and calls for more lanes when the pace wants them.
    fn came(&mut self, bytes: u64, now: Now) {
        self.on_wire += bytes;
        self.failures.came(bytes);
        let before = self.pace.lanes();
        self.pace.came(bytes, self.open, now);
        if self.pace.lanes() > before {
            self.more.notify_one();
        }
    }

    /// What a failed range is when it was one scrap too many.
    fn scrap(&mut self, trouble: Fault, got: &Got) -> Fault {
        self.scraps = match got.ended && got.bytes < SCRAP {
            true => self.scraps + 1,
            false => 0,
        };
        match self.scraps < SCRAPS {
            true => trouble,
            false => in_scraps(),
        }
    }

    /// What follows from a failed range: a wait before the next one, or the end of the download.
    fn fail(&mut self, trouble: Fault, got: u64, asked: Duration, now: Now) -> Option<Duration> {
        let rounds = if got >= Rounds::PROGRESS {
            0
        } else {
            self.failures.failed(asked, now.mono)
        };
        if trouble.class != Class::Retry || rounds >= TRIES {
            self.trouble.get_or_insert(trouble);
            return None;
        }
        self.random = retry::mix(self.random);
        (rounds > 0).then(|| retry::backoff(rounds, trouble.retry_after, self.random))
    }
}

struct Got {
    /// The first record of the run that has not come.
    next: u64,
    /// As much of it as came.
    buffer: Vec<u8>,
    bytes: u64,
    /// When it was asked for.
    asked: Duration,
    first_byte: Option<Duration>,
    /// The answer came to its end.
    ended: bool,
}

async fn receive(
    link: &Link,
    edition: &Edition,
    shared: &Rc<RefCell<Shared>>,
    run: &Range<u64>,
    got: &mut Got,
) -> Result<(), Fault> {
    let (first, last) = {
        let shared = shared.borrow();
        let meta = shared.incoming.part().meta();
        let record = u64::from(meta.record);
        (
            run.start * record + (got.buffer.len() - NONCE) as u64,
            (run.end * record).min(meta.size) - 1,
        )
    };
    let mut opened = edition.range(&link.uplink, first, last).await?;
    while let Some(chunk) = opened.chunk().await? {
        let now = clock::now();
        if got.first_byte.is_none() {
            got.first_byte = Some(now.mono);
            shared
                .borrow_mut()
                .pace
                .waited(now.mono.saturating_sub(got.asked));
        }
        got.bytes += chunk.len() as u64;
        shared.borrow_mut().came(chunk.len() as u64, now);
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            if got.next >= run.end {
                return Err(super::piece::dishonest(
                    "more bytes came than were asked for",
                ));
            }
            let length = shared.borrow().incoming.part().meta().length(got.next) + NONCE;
            let take = rest.len().min(length - got.buffer.len());
            got.buffer.extend_from_slice(&rest[..take]);
            rest = &rest[take..];
            if got.buffer.len() == length {
                let mut shared = shared.borrow_mut();
                shared.incoming.write(got.next, &mut got.buffer)?;
                got.next += 1;
                link.written(length as u64, shared.incoming.part());
            }
        }
        link.flushed().await?;
        link.throttle(chunk.len() as u64).await;
    }
    got.ended = true;
    if got.next < run.end {
        return Err(short());
    }
    Ok(())
}
