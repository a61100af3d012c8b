//! A stream whose bytes are sealed in records (`logic::site::link`).
//! Never gives a byte of a record that did not open, and never takes a stream that was cut for one that has ended.
//! Made by `proof`.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use logic::rate::Rate;
use logic::site::link::{LinkRecords, RECORD_CONTENT, RECORD_HEAD, RecordSeal};
use system::observed::BoxedStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What siblings are given, all together.
#[derive(Clone)]
pub(super) struct GivenRate(Arc<Mutex<Rate>>, Instant);

impl GivenRate {
    /// `most` bytes a second, 0 for no limit.
    pub(super) fn new(most: u64) -> Self {
        Self(Arc::new(Mutex::new(Rate::new(most))), Instant::now())
    }

    /// Counts bytes that are given now; says until when nothing more is.
    fn spend(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        let mut rate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now + rate.spend(bytes as u64, now - self.1)
    }
}

/// The sealed stream.
pub(super) struct SealedStream {
    below: BoxedStream,
    records: LinkRecords,
    /// Of the record that comes: its head and what has come of it.
    coming: Vec<u8>,
    /// What is still to come of it, or of its head.
    missing: usize,
    /// Content that was not read yet.
    content: Vec<u8>,
    taken: usize,
    /// The other side has ended its direction.
    ended: bool,
    /// Sealed and not sent yet.
    going: Vec<u8>,
    sent: usize,
    /// This side has ended its direction.
    closed: bool,
    pace: Option<(GivenRate, Pin<Box<Sleep>>)>,
}

impl SealedStream {
    /// Over a stream on which nothing but records follows.
    pub(super) fn new(below: BoxedStream, records: LinkRecords, rate: Option<GivenRate>) -> Self {
        let pace = rate.map(|rate| (rate, Box::pin(tokio::time::sleep(Default::default()))));
        Self {
            below,
            records,
            coming: Vec::new(),
            missing: RECORD_HEAD,
            content: Vec::new(),
            taken: 0,
            ended: false,
            going: Vec::new(),
            sent: 0,
            closed: false,
            pace,
        }
    }

    /// Reads until a whole record has come, and opens it.
    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.missing > 0 {
                let mut piece = [0; 8 << 10];
                let most = self.missing.min(piece.len());
                let mut buffer = ReadBuf::new(&mut piece[..most]);
                ready!(Pin::new(&mut self.below).poll_read(cx, &mut buffer))?;
                let got = buffer.filled();
                if got.is_empty() {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                self.missing -= got.len();
                self.coming.extend_from_slice(got);
            }
            let flaw = || io::Error::from(io::ErrorKind::InvalidData);
            if let [high, low] = self.coming[..] {
                self.missing = RecordSeal::length([high, low]).ok_or_else(flaw)?;
                continue;
            }
            let record = &self.coming[RECORD_HEAD..];
            self.content = self.records.received.open(record).ok_or_else(flaw)?;
            self.taken = 0;
            self.coming.clear();
            self.missing = RECORD_HEAD;
            self.ended = self.content.is_empty();
            return Poll::Ready(Ok(()));
        }
    }

    /// Sends what is sealed.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.going.len() {
            let rest = &self.going[self.sent..];
            let sent = ready!(Pin::new(&mut self.below).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.going.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SealedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken == self.content.len() && !self.ended {
            ready!(self.poll_record(cx))?;
        }
        let rest = &self.content[self.taken..];
        let some = &rest[..rest.len().min(buffer.remaining())];
        buffer.put_slice(some);
        self.taken += some.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SealedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        if let Some((_, wait)) = &mut self.pace {
            ready!(wait.as_mut().poll(cx));
        }
        let some = &bytes[..bytes.len().min(RECORD_CONTENT)];
        // An empty record is the end.
        if self.closed || some.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Self { records, going, .. } = &mut *self;
        records.sent.seal(some, going);
        if let Some((rate, wait)) = &mut self.pace {
            wait.as_mut().reset(rate.spend(some.len()));
        }
        // What does not go at once goes with the next write or flush.
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.below).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            self.closed = true;
            let Self { records, going, .. } = &mut *self;
            records.sent.seal(b"", going);
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.below).poll_shutdown(cx)
    }
}
