//! When the next piece of content may be read: the configured rate, and at most one window of bytes that no flush covers.
//! Never lets a power cut cost more than the window, over all connections together.
//! Called by `download` for every piece.

use std::time::Duration;

use super::command::RequestId;
use crate::rate::{Rate, RateOverride};
use crate::small_map::SmallMap;

/// What holds up reading; goes from one package to the next.
#[derive(Debug, Clone)]
pub(super) struct FlowControl {
    rate: Rate,
    /// Half of the window: one half may gather while the other is being flushed.
    half: u64,
    gathered: u64,
    flushing: bool,
    /// A pause or an exam: nothing is read.
    paused: bool,
    /// Requests that wait to be read, and until when the rate makes them wait.
    waiting: SmallMap<RequestId, Duration>,
}

impl FlowControl {
    pub(super) fn new(rate: Rate, window: u64) -> Self {
        Self {
            rate,
            half: (window / 2).max(1),
            gathered: 0,
            flushing: false,
            paused: false,
            waiting: SmallMap::new(),
        }
    }

    /// Another package begins.
    pub(super) fn begins(&mut self) {
        self.waiting.clear();
        (self.flushing, self.paused) = (false, false);
    }

    /// Nothing is read, or it goes on.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Another rate is in force, or the configured one again: who waits is let go.
    pub(super) fn instead(&mut self, rate: Option<RateOverride>) {
        if self.rate.instead(rate) {
            self.waiting
                .values_mut()
                .for_each(|until| *until = Duration::ZERO);
        }
    }

    /// The next piece of this request is wanted, after `bytes` of it have come.
    pub(super) fn read(&mut self, request: RequestId, bytes: u64, now: Duration) {
        let wait = match bytes {
            0 => Duration::ZERO,
            bytes => self.rate.spend(bytes, now),
        };
        self.waiting.insert(request, now + wait);
    }

    pub(super) fn closed(&mut self, request: RequestId) {
        self.waiting.remove(&request);
    }

    /// Bytes were written.
    pub(super) fn written(&mut self, bytes: u64) {
        self.gathered += bytes;
    }

    /// Whether a flush is to begin now.
    pub(super) fn flushes(&mut self) -> bool {
        let begins = self.gathered >= self.half && !self.flushing;
        if begins {
            (self.flushing, self.gathered) = (true, 0);
        }
        begins
    }

    /// Bytes that may be written before a flush has to begin; never none.
    pub(super) fn room(&self) -> u64 {
        self.half.saturating_sub(self.gathered).max(1)
    }

    pub(super) fn flushed(&mut self) {
        self.flushing = false;
    }

    /// Whether nothing more may be written before a flush has ended.
    pub(super) fn is_full(&self) -> bool {
        self.flushing && self.gathered >= self.half
    }

    /// The requests that may be read now.
    pub(super) fn ready(&mut self, now: Duration) -> Vec<RequestId> {
        if self.is_full() || self.paused {
            return Vec::new();
        }
        let ready: Vec<RequestId> = self
            .waiting
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in &ready {
            self.waiting.remove(id);
        }
        ready
    }

    /// When the next one may be read, as far as time decides.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.is_full() || self.paused {
            true => None,
            false => self.waiting.values().min().copied(),
        }
    }
}
