//! Counts what the line carried: requests, connections, bytes of the sockets, and a sample per call.
//! Never grows without bound: the newest samples are kept.
//! Called by `dial`, `opened` and the exchange; read by the engine for pace and statistics.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use system::observed::{Observed, Observer};

/// So many samples are kept.
const SAMPLES: usize = 512;

/// What the line carried since the uplink was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meter {
    /// Requests sent, those for tokens and repeated ones included.
    pub requests: u64,
    /// Connections opened.
    pub connections: u64,
    /// Bytes read from sockets, TLS and headers included.
    pub received: u64,
    /// Bytes written to sockets, TLS and headers included.
    pub sent: u64,
    /// The newest calls, oldest first.
    pub samples: Vec<CallSample>,
}

impl Meter {
    /// What was carried after an earlier reading of the same line.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        let seen = before.samples.last().map_or(0, |sample| sample.nth);
        let new = self.samples.into_iter().filter(|sample| sample.nth > seen);
        Self {
            requests: self.requests - before.requests,
            connections: self.connections - before.connections,
            received: self.received - before.received,
            sent: self.sent - before.sent,
            samples: new.collect(),
        }
    }
}

/// One call as the line saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSample {
    /// Counts up from 1 over all calls: what was already seen can be told from what is new.
    pub nth: u64,
    /// `Call::name`, or `token`.
    pub name: &'static str,
    /// Bytes of content as they came, before inflating.
    pub bytes: u64,
    /// Bytes of content of the request.
    pub sent: u64,
    /// From the request to the head of the answer.
    pub first_byte: Duration,
    /// From the request to the end of the content, pauses of the reader included.
    pub took: Duration,
    /// Whether the answer came to its end; false also for one that was dropped in the middle.
    pub ok: bool,
}

/// The counters behind `Meter`.
#[derive(Debug, Default)]
pub(super) struct MeterCounters {
    requests: Cell<u64>,
    connections: Cell<u64>,
    wire: Arc<SocketBytes>,
    nth: Cell<u64>,
    samples: RefCell<VecDeque<CallSample>>,
}

impl MeterCounters {
    pub(super) fn request(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    /// Counts the connection and wraps its stream.
    pub(super) fn tap<S>(&self, stream: S) -> (Observed<S, Tap>, Arc<SocketBytes>) {
        self.connections.set(self.connections.get() + 1);
        Tap::observe(stream, Some(self.wire.clone()))
    }

    pub(super) fn sample(&self, sample: CallSample) {
        self.nth.set(self.nth.get() + 1);
        let mut samples = self.samples.borrow_mut();
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(CallSample {
            nth: self.nth.get(),
            ..sample
        });
    }

    pub(super) fn moved(&self) -> u64 {
        self.wire.received() + self.wire.sent.load(Ordering::Relaxed)
    }

    pub(super) fn meter(&self) -> Meter {
        Meter {
            requests: self.requests.get(),
            connections: self.connections.get(),
            received: self.wire.received(),
            sent: self.wire.sent.load(Ordering::Relaxed),
            samples: self.samples.borrow().iter().copied().collect(),
        }
    }
}

/// Bytes of one socket, or of all.
#[derive(Debug, Default)]
pub(super) struct SocketBytes {
    received: AtomicU64,
    sent: AtomicU64,
    /// The first two bytes that came, big end first, with a mark above them.
    first: AtomicU32,
}

impl SocketBytes {
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether the peer's first bytes were a TLS record: an alert or a handshake, version 3.x (RFC 8446 5.1).
    pub(super) fn began_with_tls(&self) -> bool {
        let first = self.first.load(Ordering::Relaxed);
        matches!(first, 0x1_1503 | 0x1_1603)
    }

    /// Whether the peer's first bytes can be those of a status line, well written or not.
    pub(super) fn began_with_http(&self) -> bool {
        let first = self.first.load(Ordering::Relaxed);
        matches!(first, 0x1_4854 | 0x1_6874)
    }

    fn read(&self, bytes: &[u8]) {
        if let [a, b, ..] = bytes
            && self.received() == 0
        {
            let first = 0x1_0000 | u32::from(*a) << 8 | u32::from(*b);
            self.first.store(first, Ordering::Relaxed);
        }
        self.received
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Counts what passes one stream: the socket itself, and above TLS the plain text.
#[derive(Debug)]
pub(super) struct Tap {
    own: Arc<SocketBytes>,
    /// The socket counts for the whole line too.
    all: Option<Arc<SocketBytes>>,
}

impl Tap {
    /// Counts what passes `stream` by itself.
    pub(super) fn over<S>(stream: S) -> (Observed<S, Self>, Arc<SocketBytes>) {
        Self::observe(stream, None)
    }

    fn observe<S>(
        stream: S,
        all: Option<Arc<SocketBytes>>,
    ) -> (Observed<S, Self>, Arc<SocketBytes>) {
        let own = Arc::new(SocketBytes::default());
        let tap = Self {
            own: own.clone(),
            all,
        };
        (Observed::new(stream, tap), own)
    }

    fn wires(&self) -> impl Iterator<Item = &SocketBytes> {
        std::iter::once(&*self.own).chain(self.all.as_deref())
    }
}

impl Observer for Tap {
    fn on_read(&self, bytes: &[u8]) {
        self.wires().for_each(|wire| wire.read(bytes));
    }

    fn on_write(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(n)) = result {
            for wire in self.wires() {
                wire.sent.fetch_add(*n as u64, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_samples_are_kept_and_numbered() {
        let ledger = MeterCounters::default();
        for bytes in 0..SAMPLES as u64 + 3 {
            ledger.sample(CallSample {
                nth: 0,
                name: "package",
                bytes,
                sent: 0,
                first_byte: Duration::ZERO,
                took: Duration::ZERO,
                ok: true,
            });
        }
        let samples = ledger.meter().samples;
        assert_eq!(samples.len(), SAMPLES);
        assert_eq!((samples[0].nth, samples[0].bytes), (4, 3));
        let before = ledger.meter();
        assert_eq!(ledger.meter().since(&before), Meter::default());
        ledger.request();
        ledger.sample(samples[0]);
        let since = ledger.meter().since(&before);
        assert_eq!((since.requests, since.samples.len()), (1, 1));
    }

    #[test]
    fn an_alert_is_told_from_text() {
        for (bytes, tls) in [
            (&b"\x15\x03\x01"[..], true),
            (b"HT", false),
            (b"\x15", false),
        ] {
            let wire = SocketBytes::default();
            wire.read(bytes);
            assert_eq!(wire.began_with_tls(), tls);
            assert_eq!(wire.began_with_http(), bytes == b"HT");
        }
    }
}
