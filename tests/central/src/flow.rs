//! The body of an answer on its way: pieces without copies, pace, stall, cut, corruption.
//! Never looks at what the bytes mean.
//! Polled by hyper; made by `serve`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::fault::Passage;
use crate::line::LinkState;

/// A link of limited speed, shared by all bodies that go over it.
#[derive(Default)]
pub(crate) struct Pace {
    /// Bytes per second, 0 = no limit.
    pub(crate) rate: u64,
    free: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(rate: u64) -> Self {
        Self { rate, free: None }
    }

    /// How many of these bytes go next, and when they have passed.
    fn reserve(&mut self, length: usize) -> Option<(usize, Instant)> {
        if self.rate == 0 {
            return None;
        }
        let piece = usize::try_from(self.rate / 50)
            .unwrap_or(usize::MAX)
            .clamp(256, 65_536);
        let piece = piece.min(length);
        let now = Instant::now();
        let start = self.free.map_or(now, |free| free.max(now));
        let end = start + Duration::from_secs_f64(piece as f64 / self.rate as f64);
        self.free = Some(end);
        Some((piece, end))
    }
}

/// The connection ended as the script says.
#[derive(Debug)]
pub(crate) struct Severed;

impl std::fmt::Display for Severed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("severed by the script")
    }
}

impl std::error::Error for Severed {}

/// A body.
pub(crate) struct PacedBody {
    pub(crate) parts: VecDeque<Bytes>,
    pub(crate) sized: bool,
    pub(crate) passage: Passage,
    /// The link of the whole central and the one of this answer alone.
    pub(crate) paces: Vec<Arc<Mutex<Pace>>>,
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) line: Arc<LinkState>,
    position: u64,
    waiting: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl PacedBody {
    pub(crate) fn new(
        parts: Vec<Bytes>,
        sized: bool,
        passage: Passage,
        pace: Arc<Mutex<Pace>>,
        sent: Arc<AtomicU64>,
        line: Arc<LinkState>,
    ) -> Self {
        let mut paces = vec![pace];
        if let Some(rate) = passage.rate {
            paces.push(Arc::new(Mutex::new(Pace::new(rate))));
        }
        Self {
            parts: parts.into(),
            sized,
            passage,
            paces,
            sent,
            line,
            position: 0,
            waiting: None,
        }
    }

    fn left(&self) -> u64 {
        let waiting = self.waiting.as_ref().map_or(0, |(piece, _)| piece.len());
        self.parts.iter().map(|p| p.len() as u64).sum::<u64>() + waiting as u64
    }

    /// The next piece that may go, at most up to the next place where something happens.
    fn take(&mut self) -> Option<Bytes> {
        let first = self.parts.front_mut()?;
        let mut length = first.len();
        let bounds = [self.passage.stall, self.passage.cut.map(|(at, _)| at)];
        for bound in bounds.into_iter().flatten() {
            let room = usize::try_from(bound - self.position).unwrap_or(usize::MAX);
            length = length.min(room);
        }
        let mut end = None;
        for pace in &self.paces {
            let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((piece, at)) = pace.reserve(length) {
                length = length.min(piece);
                end = end.max(Some(at));
            }
        }
        let mut piece = first.split_to(length);
        if first.is_empty() {
            self.parts.pop_front();
        }
        let range = self.position..self.position + length as u64;
        if self.passage.corrupt.iter().any(|at| range.contains(at)) {
            let mut bytes = piece.to_vec();
            for at in self.passage.corrupt.iter().filter(|at| range.contains(at)) {
                bytes[(at - self.position) as usize] ^= 0xff;
            }
            piece = bytes.into();
        }
        self.position += length as u64;
        if let Some(end) = end {
            self.waiting = Some((piece, Box::pin(sleep_until(end))));
            return None;
        }
        Some(piece)
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        if self.passage.hangs_up {
            self.line.hang_up();
        }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Severed;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Severed>>> {
        let flow = self.get_mut();
        loop {
            if let Some((piece, sleep)) = &mut flow.waiting {
                std::task::ready!(sleep.as_mut().poll(cx));
                let piece = std::mem::take(piece);
                flow.waiting = None;
                flow.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if let Some((at, reset)) = flow.passage.cut
                && flow.position >= at
            {
                // What was sent so far must have left before the connection dies.
                std::task::ready!(flow.line.poll_flushed(cx));
                flow.line.sever(reset);
                return Poll::Ready(Some(Err(Severed)));
            }
            if flow.passage.stall.is_some_and(|at| flow.position >= at) {
                return Poll::Pending;
            }
            match flow.take() {
                Some(piece) => {
                    flow.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                None if flow.waiting.is_some() => {}
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // An empty body of unknown length is framed as chunks too, as PHP's are.
        self.sized && self.left() == 0 && self.passage.cut.is_none() && self.passage.stall.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized {
            SizeHint::with_exact(self.left())
        } else {
            SizeHint::default()
        }
    }
}
