//! The calls of a run and their attempts: which is tried again and when, and when central counts as out of reach.
//! Never tries what a wish of central's leaves to the schedule.
//! Called by `sync`, whose machine this is a part of.

use std::time::Duration;

use super::{ASKED_TIMEOUT, CallPurpose, Phase, SyncCommand, SyncMachine, SyncTicket};
use crate::api::{Answered, Call, answer};
use crate::fault::{Area, Code, Expected, Fault, NetCause};
use crate::retry;
use crate::words::{FaultClass, Now};

#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) purpose: CallPurpose,
    pub(super) call: Call,
    pub(super) attempt: u32,
}

/// Attempts of one call within a run, the first included.
const ATTEMPTS: u32 = 4;

impl SyncMachine {
    pub(super) fn ask(&mut self, purpose: CallPurpose, call: Call) {
        self.send(Pending {
            purpose,
            call,
            attempt: 1,
        });
    }

    fn send(&mut self, pending: Pending) {
        self.tickets += 1;
        self.out
            .push_back(SyncCommand::Ask(self.tickets, pending.call.clone()));
        self.pending.insert(self.tickets, pending);
    }

    pub(super) fn answered(&mut self, ticket: SyncTicket, answered: Answered, now: Now) {
        let Some(pending) = self.pending.remove(&ticket) else {
            return;
        };
        let trouble = match &answered {
            Err(trouble) => Some(trouble.clone()),
            Ok(reply) => answer::parse::<serde::de::IgnoredAny>(reply, Expected::Json)
                .err()
                .filter(|t| t.class == FaultClass::Retry),
        };
        self.held_up = trouble.clone().filter(|t| t.code == Code::NetProxy);
        match &trouble {
            None => {
                (self.reached, self.sick) = (true, false);
                self.refusals.served();
                self.heard = now;
            }
            Some(trouble) => self.sick |= trouble.code.is(Area::Central),
        }
        match trouble {
            Some(trouble) if self.tries_again(&pending, &trouble) => {
                self.retry(pending, &trouble, now)
            }
            _ => self.settle(pending.purpose, answered, now),
        }
    }

    /// Whether a call is tried again in this run; a long wish of central is left to the schedule.
    fn tries_again(&self, pending: &Pending, trouble: &Fault) -> bool {
        let attempts = match self.wish(trouble) {
            Some(_) => retry::REFUSED_ATTEMPTS,
            None => ATTEMPTS,
        };
        let speed = matches!(pending.purpose, CallPurpose::Upload | CallPurpose::Download);
        trouble.class == FaultClass::Retry
            && pending.attempt < attempts
            && self.stopped.is_none()
            && !speed
            && self
                .wish(trouble)
                .is_none_or(|wish| wish <= retry::MAX_WAIT_IN_RUN)
    }

    /// Central's wish to be left alone, which counts only while nobody waits for the run.
    pub(super) fn wish(&self, trouble: &Fault) -> Option<Duration> {
        trouble.retry_after.filter(|_| !self.plan.asked)
    }

    fn retry(&mut self, mut pending: Pending, trouble: &Fault, now: Now) {
        if matches!(
            pending.purpose,
            CallPurpose::Page(_) | CallPurpose::Ahead(..)
        ) {
            self.catalogue.read_no_further_ahead();
        }
        self.plan.random = retry::mix(self.plan.random);
        let wait = match self.wish(trouble) {
            Some(wish) => self.refusals.refused(wish, self.plan.random),
            None => retry::backoff(pending.attempt, None, self.plan.random),
        };
        pending.attempt += 1;
        self.waiting.push((now.after(wait), pending));
    }

    pub(super) fn woken(&mut self, now: Now) {
        let (ready, waiting): (Vec<_>, Vec<_>) = self
            .waiting
            .drain(..)
            .partition(|(at, _)| at.mono <= now.mono);
        self.waiting = waiting;
        for (_, pending) in ready {
            self.send(pending);
        }
        if self.waits_for_central() && now.mono >= self.heard.after(ASKED_TIMEOUT).mono {
            return self.give_up();
        }
        self.woken_lanes(now);
    }

    /// Whether somebody waits while nothing but central can bring the run on.
    pub(super) fn waits_for_central(&self) -> bool {
        let waits = !self.pending.is_empty() || !self.waiting.is_empty() || self.owed.under_way;
        self.plan.asked && waits && self.phase != Phase::Ended
    }

    /// From now on somebody waits: whatever waited for its time is sent at once.
    pub(super) fn asked(&mut self, packages: bool, now: Now) {
        self.plan.asked = true;
        if packages {
            self.waits_for_packages();
        }
        self.heard = now;
        // A central that has not answered yet is asked anew: the way to it may be another one by now.
        if !self.reached {
            for pending in std::mem::take(&mut self.pending).into_values() {
                self.send(pending);
            }
        }
        for (_, pending) in std::mem::take(&mut self.waiting) {
            self.send(pending);
        }
    }

    /// Nothing came from central for as long as whoever asked is to wait.
    fn give_up(&mut self) {
        let under_way = self.pending.values().next();
        let call = under_way.or_else(|| self.waiting.first().map(|(_, pending)| pending));
        let seconds = ASKED_TIMEOUT.as_secs();
        let cause = match call {
            Some(pending) => NetCause::GivenUpWaiting {
                seconds,
                request: pending.call.name.to_owned(),
            },
            None => NetCause::GivenUpOwed { seconds },
        };
        let trouble = match self.held_up.take() {
            // The way was never open: what stood in it is known.
            Some(trouble) => trouble.because(|why| NetCause::GivenUp { why, seconds }),
            None => Fault::new(Code::NetTimeout, cause),
        };
        // What is owed may be on its way: the next run asks what came of it.
        self.owed.under_way = false;
        if self.phase == Phase::Confirm {
            self.report.find(&trouble);
            return self.end();
        }
        self.stop(trouble);
    }
}
