//! When siblings are asked what they hold, and when enough is known to ask central for the rest.
//! Never waits for one that does not answer.
//! Part of `swarm`.

use std::time::Duration;

use super::super::command::SiblingId;
use super::super::view::SiblingView;
use super::Swarm;

/// Siblings are asked what they hold so often: at least, and for each of them.
const POLL: Duration = Duration::from_millis(500);
const POLL_EACH: Duration = Duration::from_millis(10);
/// For so long the first answers are waited for before central is asked.
const SURVEY: Duration = Duration::from_millis(2500);
/// Answers of many siblings are thought over together, at most so late.
const THINK: Duration = Duration::from_millis(200);
/// They are asked a second time after this.
const SECOND_POLL: Duration = Duration::from_secs(1);

impl Swarm {
    pub(super) fn interval(&self) -> Duration {
        match self.polls {
            1 => SECOND_POLL,
            _ => POLL.max(POLL_EACH * self.siblings.len() as u32),
        }
    }

    /// Whether siblings are asked now what they hold; gives what is known of each.
    pub(in crate::download) fn polls(
        &mut self,
        now: Duration,
    ) -> Option<Vec<(SiblingId, u64, u32)>> {
        if self.polled.is_some_and(|at| at + self.interval() > now) {
            return None;
        }
        self.polled = Some(now);
        self.thinks = None;
        self.began.get_or_insert(now);
        self.polls = self.polls.saturating_add(1);
        for view in self.siblings.values_mut() {
            view.silent = view.silent.saturating_add(1);
        }
        self.is_stale = true;
        let known = self.siblings.iter();
        Some(
            known
                .map(|(id, view)| (*id, view.epoch, view.entries))
                .collect(),
        )
    }

    /// So many were asked.
    pub(in crate::download) fn polled(&mut self, asked: usize) {
        self.awaited = Some(asked);
    }

    /// When time itself changes something.
    pub(in crate::download) fn due(&self, now: Duration) -> Option<Duration> {
        let next = self.polled? + self.interval();
        let next = self.thinks.map_or(next, |at| at.min(next));
        match self.is_surveyed(now) {
            true => Some(next),
            false => Some(next.min(self.began? + SURVEY)),
        }
    }

    /// Whether it is known who is there: nobody, somebody who has something of the package, or after a second look nobody yet
    /// (boxes that begin together have nothing at the first one).
    pub(in crate::download) fn is_surveyed(&self, now: Duration) -> bool {
        let Some(awaited) = self.awaited else {
            return false;
        };
        let is_alone = awaited == 0 && self.siblings.is_empty();
        let takes_part = |view: &SiblingView| view.is_fetching || view.is_whole;
        let looks = match self.siblings.values().any(takes_part) {
            true => 1,
            false => 2,
        };
        is_alone
            || (awaited == 0 && self.polls >= looks)
            || self.began.is_some_and(|at| at + SURVEY <= now)
    }

    /// Whether what was heard is thought over now: once all have answered, or after a moment.
    pub(in crate::download) fn thinks(&mut self, now: Duration) -> bool {
        let at = *self.thinks.get_or_insert(now + THINK);
        let is_time = self.awaited == Some(0) || at <= now;
        if is_time {
            self.thinks = None;
        }
        is_time
    }

    /// Time has passed: what was put off is done in this turn.
    pub(in crate::download) fn time(&mut self, now: Duration) {
        self.thinks = self.thinks.filter(|at| *at > now);
    }
}
