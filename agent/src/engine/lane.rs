//! The lanes over which the missing records of a package come: each asks for a run, cuts it into records, seals them.
//! Never writes a record that did not arrive whole in one answer that was honest about its place.
//! Called by `fetch`.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use logic::api::Range as Span;
use logic::chunk::Work;
use logic::pace::{End, Pace, Sample};
use logic::retry;
use logic::seal::NONCE;
use logic::words::{Class, Trouble};
use tokio::task::JoinSet;

use super::incoming::Incoming;
use super::link::Link;
use super::probe::{is_span, open};
use crate::clock;
use crate::vault::package::Part;

/// Failed attempts in a row, without a single new record, after which a package is given up for this run.
const TRIES: u32 = 5;

/// What the lanes of one package share.
pub(super) struct Shared {
    pub(super) incoming: Incoming,
    pub(super) work: Work,
    pub(super) pace: Pace,
    /// Content bytes received.
    pub(super) on_wire: u64,
    /// Failures in a row without progress.
    failures: u32,
    /// The trouble that ended the download; the other lanes stop at it.
    trouble: Option<Trouble>,
    random: u64,
}

impl Shared {
    /// Prepares what is missing of a part.
    pub(super) fn new(incoming: Incoming, pace: Pace, on_wire: u64) -> Rc<RefCell<Self>> {
        let work = Work::missing(incoming.part().have());
        let random = u64::from_le_bytes(crate::vault::random());
        Rc::new(RefCell::new(Self {
            incoming,
            work,
            pace,
            on_wire,
            failures: 0,
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
    delivery: &str,
    shared: &Rc<RefCell<Shared>>,
) -> Result<(), Trouble> {
    let mut lanes = JoinSet::new();
    loop {
        let (wanted, ended) = {
            let shared = shared.borrow();
            (
                shared.pace.lanes(),
                shared.work.is_empty() || shared.trouble.is_some(),
            )
        };
        while !ended && lanes.len() < wanted && !shared.borrow().work.is_empty() {
            let (link, delivery, shared) = (link.clone(), delivery.to_owned(), shared.clone());
            let run = {
                let mut shared = shared.borrow_mut();
                let most = shared.pace.range() / u64::from(shared.incoming.part().meta().record);
                shared.work.take(most)
            };
            let Some(run) = run else { break };
            lanes.spawn_local(async move { range(&link, &delivery, &shared, run).await });
        }
        match lanes.join_next().await {
            None => break,
            Some(Err(_)) => unreachable!("a lane neither panics nor is aborted while it is joined"),
            Some(Ok(())) => {}
        }
    }
    match shared.borrow_mut().trouble.take() {
        Some(trouble) => Err(trouble),
        None => Ok(()),
    }
}

/// One run of records: asked for, received, or given back as far as it did not come.
async fn range(link: &Link, delivery: &str, shared: &Rc<RefCell<Shared>>, run: Range<u64>) {
    link.gate().await;
    let begun = clock::now();
    let mut got = Got {
        next: run.start,
        bytes: 0,
        first_byte: None,
    };
    let result = receive(link, delivery, shared, &run, &mut got).await;
    let now = clock::now();
    let wait = {
        let mut shared = shared.borrow_mut();
        shared.work.give_back(got.next..run.end);
        let end = match &result {
            Ok(()) => End::Whole,
            Err(trouble)
                if trouble.code == "central.unavailable" || trouble.code == "central.error" =>
            {
                End::Busy
            }
            Err(_) => End::Cut,
        };
        let whole = now.mono.saturating_sub(begun.mono);
        let first_byte = got
            .first_byte
            .map_or(whole, |at| at.saturating_sub(begun.mono));
        shared.pace.learn(
            Sample {
                bytes: got.bytes,
                first_byte,
                whole,
                end,
            },
            now,
        );
        match result {
            Ok(()) => {
                shared.failures = 0;
                None
            }
            Err(trouble) => shared.fail(trouble, got.next > run.start),
        }
    };
    if let Some(wait) = wait {
        link.wait("the next attempt at a range", wait).await;
    }
}

impl Shared {
    /// What follows from a failed range: a wait before the next one, or the end of the download.
    fn fail(&mut self, trouble: Trouble, progress: bool) -> Option<Duration> {
        if progress {
            self.failures = 0;
        } else {
            self.failures += 1;
        }
        if trouble.class != Class::Retry || self.failures >= TRIES {
            self.trouble.get_or_insert(trouble);
            return None;
        }
        self.random = retry::mix(self.random);
        (self.failures > 0).then(|| retry::backoff(self.failures, trouble.retry_after, self.random))
    }
}

struct Got {
    /// The first record of the run that has not come.
    next: u64,
    bytes: u64,
    first_byte: Option<Duration>,
}

async fn receive(
    link: &Link,
    delivery: &str,
    shared: &Rc<RefCell<Shared>>,
    run: &Range<u64>,
    got: &mut Got,
) -> Result<(), Trouble> {
    let (first, last, size) = {
        let shared = shared.borrow();
        let meta = shared.incoming.part().meta();
        let record = u64::from(meta.record);
        (
            run.start * record,
            (run.end * record).min(meta.size) - 1,
            meta.size,
        )
    };
    let mut opened = open(&link.uplink, delivery, Some(Span::Span(first, last))).await?;
    is_span(opened.content_range(), first, last, size)?;
    let mut buffer = Part::buffer();
    while let Some(chunk) = opened.chunk().await? {
        got.first_byte.get_or_insert(clock::now().mono);
        got.bytes += chunk.len() as u64;
        shared.borrow_mut().on_wire += chunk.len() as u64;
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            if got.next >= run.end {
                return Err(super::probe::dishonest(
                    "more bytes came than were asked for",
                ));
            }
            let length = shared.borrow().incoming.part().meta().length(got.next) + NONCE;
            let take = rest.len().min(length - buffer.len());
            buffer.extend_from_slice(&rest[..take]);
            rest = &rest[take..];
            if buffer.len() == length {
                shared.borrow_mut().incoming.write(got.next, &mut buffer)?;
                got.next += 1;
                link.written(length as u64, shared.borrow().incoming.part());
            }
        }
        link.flushed().await?;
        link.throttle(chunk.len() as u64).await;
    }
    if got.next < run.end {
        // Shorter than asked: honest, but what is missing is asked for again.
        let reason = "central sent less of the package than it was asked for";
        return Err(Trouble::new(
            "net.cut",
            Class::Retry,
            logic::words::Outcome::Failed,
            reason,
        ));
    }
    Ok(())
}
