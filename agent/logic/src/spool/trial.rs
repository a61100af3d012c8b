//! What an item has been through with central: accused, refused, left alone for a while; and the rule that judges it.
//! Never takes central's trouble for the item's fault; never trusts a clock that may have jumped.
//! Called by the machine of `spool`; kept in the ledger.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ItemState;
use crate::words::Now;

/// The first wait after central's trouble with an item; it doubles with each.
const FAILURE_MIN_WAIT: Duration = Duration::from_secs(60);
/// The longest wait after central's trouble with an item.
const FAILURE_MAX_WAIT: Duration = Duration::from_secs(24 * 3600);
/// The first wait of a refused item; it doubles with each try.
const REFUSED_MIN_WAIT: Duration = Duration::from_secs(3600);
/// Tries of a refused item by itself: each leaves an orphan execution on central.
pub const REFUSED_TRIES: u32 = 10;

/// A moment, as it is kept over boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// Milliseconds since the boot of then.
    mono: u64,
    /// Unix seconds as the box believed them.
    wall: i64,
}

impl BootTime {
    /// Before everything: what rests since then has rested.
    pub const LONG_AGO: Self = Self { mono: 0, wall: 0 };

    /// This moment.
    pub fn of(now: Now) -> Self {
        Self {
            mono: now.mono.as_millis() as u64,
            wall: now.wall,
        }
    }

    /// What has passed at least. The clock that never steps counts from the boot: where it has gone on, the difference
    /// is a lower bound, whether or not the box was started anew in between. Where it stands lower, the box was started
    /// anew, and both what has passed since and what the box believes are taken.
    pub fn elapsed(self, now: Now) -> Duration {
        let before = Duration::from_millis(self.mono);
        match now.mono.checked_sub(before) {
            Some(passed) => passed,
            None => {
                let believed = now.wall.saturating_sub(self.wall).max(0) as u64;
                now.mono.max(Duration::from_secs(believed))
            }
        }
    }
}

/// What an item has been through; all that a later run must know of it beside its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemTrial {
    /// Since when it stands accused: an empty 500 alone, between two witnesses.
    pub accused: Option<BootTime>,
    /// It was convicted twice, far enough apart.
    pub refused: bool,
    /// Tries since it was refused.
    pub tries: u32,
    /// Tries in a row that ended with central's trouble, or that nothing could be concluded from.
    pub troubles: u32,
    /// Left alone since then for so many milliseconds.
    pub rest: Option<(BootTime, u64)>,
    /// Since when its answer is lost; `None` while it is under way.
    pub lost: Option<BootTime>,
    /// What it was before it was set aside.
    pub aside: Option<ItemState>,
}

impl ItemTrial {
    /// Whether it may be tried by itself.
    pub fn is_due(&self, now: Now) -> bool {
        let rested = self
            .rest
            .is_none_or(|(since, rest)| since.elapsed(now) >= Duration::from_millis(rest));
        rested && (!self.refused || self.tries < REFUSED_TRIES)
    }

    /// Whether central's trouble or a conviction holds it up.
    pub fn has_failed(&self) -> bool {
        self.troubles > 0 || self.accused.is_some()
    }

    /// How long central may still be at the request whose answer was lost.
    pub fn unsettled(&self, settle: Duration, now: Now) -> Duration {
        self.lost
            .map_or(settle, |lost| settle.saturating_sub(lost.elapsed(now)))
    }

    /// It is on its way.
    #[must_use]
    pub fn sending(self) -> Self {
        Self { lost: None, ..self }
    }

    /// Its rest is over: what rests from now on has failed in this run.
    #[must_use]
    pub fn rested(self) -> Self {
        Self { rest: None, ..self }
    }

    /// Central has taken something of it: what went before counts no more.
    #[must_use]
    pub fn taken(self) -> Self {
        Self {
            aside: self.aside,
            ..Self::default()
        }
    }

    /// Central's trouble, or an empty 500 that no witness stands beside: told, and tried again after a wait that
    /// doubles from a minute to a day. A refused item stays refused.
    #[must_use]
    pub fn stumbled(self, now: Now) -> Self {
        if self.refused {
            return self.refused_again(now);
        }
        let troubles = self.troubles.saturating_add(1);
        Self {
            troubles,
            ..self.resting(doubled(FAILURE_MIN_WAIT, troubles, FAILURE_MAX_WAIT), now)
        }
    }

    /// An empty 500 alone, between two witnesses of the same run. The second, `apart` after the first, refuses it.
    #[must_use]
    pub fn convicted(self, apart: Duration, now: Now) -> Self {
        if self.refused {
            return self.refused_again(now);
        }
        let Some(since) = self.accused else {
            let accused = Self {
                accused: Some(BootTime::of(now)),
                ..self
            };
            return accused.resting(apart, now);
        };
        let passed = since.elapsed(now);
        if passed < apart {
            return self.resting(apart - passed, now);
        }
        self.refuse(now)
    }

    /// Convicted twice: tried again by itself after an hour.
    #[must_use]
    pub fn refuse(self, now: Now) -> Self {
        if self.refused {
            return self.refused_again(now);
        }
        Self {
            refused: true,
            tries: 0,
            ..self.resting(REFUSED_MIN_WAIT, now)
        }
    }

    /// A refused item failed once more.
    fn refused_again(self, now: Now) -> Self {
        let tries = self.tries.saturating_add(1);
        let wait = doubled(REFUSED_MIN_WAIT, tries.saturating_add(1), Duration::MAX);
        Self {
            tries,
            ..self.resting(wait, now)
        }
    }

    fn resting(self, wait: Duration, now: Now) -> Self {
        Self {
            rest: Some((BootTime::of(now), wait.as_millis() as u64)),
            // Central answered: it is at nothing any more.
            lost: Some(BootTime::LONG_AGO),
            ..self
        }
    }
}

/// The `nth` wait of a row that begins with `first` and doubles.
fn doubled(first: Duration, nth: u32, longest: Duration) -> Duration {
    first
        .saturating_mul(1 << nth.saturating_sub(1).min(16))
        .min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(mono: u64) -> Now {
        Now {
            mono: Duration::from_secs(mono),
            wall: 1_795_000_000 + mono as i64,
        }
    }

    #[test]
    fn only_what_surely_passed_counts() {
        let then = BootTime::of(at(1000));
        let of = |mono, wall| {
            let now = Now {
                mono: Duration::from_secs(mono),
                wall,
            };
            then.elapsed(now).as_secs()
        };
        // The same boot: the system clock may jump as it likes.
        assert_eq!(of(1060, 0), 60);
        assert_eq!(of(1060, 4_000_000_000), 60);
        // Started anew: at least since the boot; more if the box believes so.
        assert_eq!(of(20, 0), 20);
        assert_eq!(of(20, 1_795_001_000 + 500), 500);
    }

    #[test]
    fn two_convictions_far_enough_apart_refuse() {
        let first = ItemTrial::default().convicted(HOUR, at(100));
        assert!(first.accused.is_some() && !first.refused && !first.is_due(at(3699)));
        assert!(first.is_due(at(3700)));
        let soon = first.convicted(HOUR, at(2000));
        assert!(!soon.refused && soon.accused == first.accused);
        assert!(!soon.is_due(at(3699)) && soon.is_due(at(3700)));
        assert!(soon.convicted(HOUR, at(3700)).refused);
        // Central's trouble in between neither helps nor harms.
        let troubled = first.stumbled(at(2000));
        assert!(!troubled.refused && troubled.accused == first.accused);
        assert!(troubled.convicted(HOUR, at(3700)).refused);
        assert_eq!(troubled.taken(), ItemTrial::default());
    }

    #[test]
    fn troubles_never_refuse_and_their_waits_double_to_a_day() {
        let mut trial = ItemTrial::default();
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..40 {
            trial = trial.stumbled(now);
            let mut wait = 0;
            while !trial.is_due(now.after(Duration::from_secs(wait))) {
                wait += 60;
            }
            now = now.after(Duration::from_secs(wait));
            waits.push(wait);
        }
        assert_eq!(waits[..4], [60, 120, 240, 480]);
        assert_eq!(waits[39], 24 * 3600);
        assert!(!trial.refused && trial.accused.is_none());
    }

    #[test]
    fn a_refused_item_is_tried_ten_times_more() {
        let mut trial = ItemTrial::default()
            .convicted(HOUR, at(0))
            .convicted(HOUR, at(3600));
        let mut now = at(3600);
        let mut tries = 0;
        for hours in 0..5000 {
            now = now.after(HOUR);
            if trial.is_due(now) {
                tries += 1;
                // Fault or an empty 500, all the same: it may have left an orphan.
                trial = if hours % 2 == 0 {
                    trial.stumbled(now)
                } else {
                    trial.convicted(HOUR, now)
                };
            }
            assert!(trial.refused);
        }
        assert_eq!(tries, REFUSED_TRIES);
    }

    #[test]
    fn a_lost_answer_is_waited_for_once() {
        let settle = Duration::from_secs(60);
        let trial = ItemTrial {
            lost: Some(BootTime::of(at(100))),
            ..ItemTrial::default()
        };
        assert_eq!(ItemTrial::default().unsettled(settle, at(130)), settle);
        assert_eq!(trial.unsettled(settle, at(130)).as_secs(), 30);
        assert_eq!(trial.unsettled(settle, at(900)), Duration::ZERO);
    }
}
