//! How large the next range is and over how many connections ranges come, from what the link has shown.
//! Never measures: samples and the time are arguments. Never exceeds the configured bounds.
//! Called by `download` around every range.
//!
//! Each range costs central a PHP start (protocol 6, anchors part A 0), so a range is as large as makes that cost
//! small; it is cut into records on arrival, so its size does not matter for what a broken connection loses.
//! One connection is enough on a clean link. Where loss throttles each connection, more of them carry more. Which link
//! it is shows a trial: the sum of all connections is measured, their number changed, the sum measured again once the
//! new ones have come to speed. All that are allowed are tried first; more must bring more, fewer must bring as much: so
//! a number that luck made too large, or that a slower central no longer rewards, falls again. A new connection is
//! faster than it stays until it meets its first losses, so what a trial found counts only while it lasts. What has come
//! is counted as it comes: a slow range must not keep the pace in the dark until it ends.

use std::time::Duration;

use crate::words::Now;

/// The smallest range, and the record of the store.
pub const SMALLEST: u64 = 64 << 10;
/// The largest range.
pub const LARGEST: u64 = 16 << 20;

/// A range should take this many times as long as the wait for its first byte.
const WORTH: u32 = 80;
/// A new connection needs this long, and so many waits for a first byte, to come to speed: three for TCP, TLS and the
/// request, the rest for slow start. Where some were closed, the others need less.
const SETTLE: Duration = Duration::from_millis(500);
const SETTLE_NEW: u32 = 6;
const SETTLE_FEWER: u32 = 2;
/// Then the sum of all connections is measured for so long.
const MEASURE: Duration = Duration::from_secs(1);
const MEASURE_WAITS: u32 = 5;
/// A central that is too busy is given so long before it is halved again.
const RECOVERS: Duration = Duration::from_secs(10);
/// After a trial that changed nothing the next one waits, each time twice as long.
const REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(240);
/// More connections are kept if the sum grew by this factor.
const GAIN: f64 = 1.25;
/// Fewer are kept if the sum stayed above this share of itself.
const AS_MUCH: f64 = 0.9;
/// Twice below this share of what the last trial ended with, the sum is that of another link: the rest is over.
const CHANGED: f64 = 0.7;
/// So many measurements in a row are begun again because a connection was cut; then one with a cut in it counts.
const SPOILT: u8 = 3;
/// When nothing came for so long, it was no slow link but a pause: an exam, a wait, a suspended box.
const PAUSE: Duration = Duration::from_secs(15);

/// A trial of more lanes takes all that are allowed.
const ALL: usize = usize::MAX;

/// How one range went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeSample {
    /// When it was asked for, since boot.
    pub asked: Duration,
    /// Content bytes that arrived.
    pub bytes: u64,
    /// From the first byte of content to the end.
    pub took: Duration,
    /// How it ended.
    pub end: RangeEnd,
}

/// How a range ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeEnd {
    /// It came whole.
    Whole,
    /// The connection broke or stalled.
    Cut,
    /// Central answered 5xx or 429.
    Busy,
}

/// What the link has shown so far.
#[derive(Debug, Clone)]
pub struct ConcurrencyController {
    most: usize,
    lanes: usize,
    /// Wait for the first byte on this link: falls at once, rises slowly, for what is loaded or new waits longer.
    wait: Option<Duration>,
    /// Smoothed bytes per second of one range after its first byte.
    rate: Option<f64>,
    /// From when the sum of the lanes is measured; none until all of them are open.
    from: Option<Now>,
    /// Bytes since then.
    bytes: u64,
    /// Waits for a first byte before that.
    settle: u32,
    /// When something last came.
    last: Duration,
    spoilt: u8,
    trial: Option<ConcurrencyTrial>,
    /// Whether the next trial is one of more lanes.
    up: bool,
    /// By how much a trial of more lanes multiplies them.
    step: usize,
    /// Bytes per second that the last trial ended with, for the lanes that were kept.
    known: f64,
    /// Whether the last measurement was far below that.
    low: bool,
    /// What was asked for before this met the same event in which central was too busy.
    busy: Option<Duration>,
    rest: Duration,
    rest_until: Option<Now>,
}

/// What another number of lanes must compare with.
#[derive(Debug, Clone, Copy)]
struct ConcurrencyTrial {
    /// Bytes per second, of all lanes together.
    sum: f64,
    lanes: usize,
}

impl ConcurrencyTrial {
    fn is_won_by(&self, sum: f64, lanes: usize) -> bool {
        sum >= self.sum * if lanes > self.lanes { GAIN } else { AS_MUCH }
    }
}

impl ConcurrencyController {
    /// Begins with one connection, at most `most`.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            lanes: 1,
            wait: None,
            rate: None,
            from: None,
            bytes: 0,
            settle: SETTLE_NEW,
            last: Duration::ZERO,
            spoilt: 0,
            trial: None,
            up: true,
            step: ALL,
            known: 0.0,
            low: false,
            busy: None,
            rest: REST,
            rest_until: None,
        }
    }

    /// How many ranges may be under way.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Bytes of the next range, a multiple of `SMALLEST`.
    pub fn range(&self) -> u64 {
        let bytes = match (self.rate, self.wait) {
            (Some(rate), Some(wait)) => (rate * (wait * WORTH).as_secs_f64().max(1.0)) as u64,
            // Nothing is known: large enough to learn from, small enough to lose.
            _ => 512 << 10,
        };
        bytes.clamp(SMALLEST, LARGEST) / SMALLEST * SMALLEST
    }

    /// A package begins: the pause before it must not count as a slow link, and a trial that the one before was too
    /// short for has shown nothing.
    pub fn begins(&mut self) {
        if let Some(trial) = self.trial.take() {
            self.goes_with(trial.lanes);
        }
        self.settles(SETTLE_NEW);
    }

    /// Learns how long a range took to begin.
    pub fn waited(&mut self, first_byte: Duration) {
        self.wait = Some(match self.wait {
            Some(wait) if wait < first_byte => wait.mul_f64(0.97) + first_byte.mul_f64(0.03),
            _ => first_byte,
        });
    }

    /// Learns from a range that ended.
    pub fn learn(&mut self, sample: RangeSample, now: Now) {
        if sample.bytes > 0 {
            // What comes in one burst says little about the next range.
            let took = sample.took.max(self.wait.unwrap_or_default()).as_secs_f64();
            let rate = sample.bytes as f64 / took.max(1e-4);
            self.rate = Some(self.rate.map_or(rate, |old| old * 0.6 + rate * 0.4));
        }
        match sample.end {
            RangeEnd::Whole => {}
            RangeEnd::Cut if sample.bytes > 0 => self.cut(now),
            // Refused: nothing that was measured has changed.
            RangeEnd::Cut => {}
            RangeEnd::Busy if self.busy.is_some_and(|busy| sample.asked < busy) => {}
            RangeEnd::Busy => {
                let half = (self.lanes / 2).max(1);
                let before = self.trial.take().map_or(half, |trial| trial.lanes);
                self.goes_with(half.min(before));
                (self.up, self.step, self.known) = (false, 2, 0.0);
                self.busy = Some(now.mono + RECOVERS);
                self.rests(now);
            }
        }
    }

    /// A connection that carried was cut while the sum was measured: what comes in its place begins slowly, and then is
    /// faster for a while than it stays.
    fn cut(&mut self, now: Now) {
        if self.from.is_none_or(|from| now.mono < from.mono) {
            return;
        }
        match self.trial {
            // It would flatter the fewer. Where cuts are so frequent, the next trial is one of more.
            Some(trial) if !self.up => {
                (self.trial, self.up) = (None, true);
                self.goes_with(trial.lanes);
                self.rests(now);
            }
            _ if self.spoilt < SPOILT => {
                self.spoilt += 1;
                self.settles(SETTLE_NEW);
            }
            _ => {}
        }
    }

    /// Content bytes that have come just now, over any connection; `open` ranges are under way. Ends a trial when it has
    /// lasted: keeps what was gained and tries further, or goes back and rests.
    pub fn came(&mut self, bytes: u64, open: usize, now: Now) {
        if open != self.lanes {
            // Not all are open yet, some are on their way out, or the package has no more work for them.
            self.from = None;
            return;
        }
        let gap = now
            .mono
            .saturating_sub(std::mem::replace(&mut self.last, now.mono));
        if gap > PAUSE {
            self.settles(SETTLE_NEW);
        }
        let wait = self.wait.unwrap_or_default();
        let Some(from) = self.from else {
            self.from = Some(now.after(SETTLE.max(wait * self.settle)));
            self.bytes = 0;
            return;
        };
        let Some(lasted) = now.mono.checked_sub(from.mono) else {
            return;
        };
        self.bytes += bytes;
        if lasted < MEASURE.max(wait * MEASURE_WAITS) {
            return;
        }
        let sum = self.bytes as f64 / lasted.as_secs_f64();
        self.from = Some(now);
        self.bytes = 0;
        self.spoilt = 0;
        self.judge(sum, now);
    }

    fn judge(&mut self, sum: f64, now: Now) {
        let low = std::mem::replace(&mut self.low, sum < self.known * CHANGED) && self.low;
        match self.trial.take() {
            Some(trial) if !trial.is_won_by(sum, self.lanes) => {
                self.known = trial.sum;
                self.goes_with(trial.lanes);
                self.step = if self.up { 2 } else { self.step };
                self.up = !self.up;
                self.rests(now);
                return;
            }
            Some(_) => {
                self.known = sum;
                self.rest = REST;
                self.step = if self.up { ALL } else { self.step };
                if self.further() == self.lanes {
                    self.up = !self.up;
                    self.rests(now);
                    return;
                }
            }
            None if low && self.lanes == self.most => {
                self.known = sum;
                return;
            }
            None if low => (self.up, self.step, self.rest) = (true, ALL, REST),
            None if self.rest_until.is_some_and(|until| now.mono < until.mono) => return,
            None => {}
        }
        if self.further() == self.lanes {
            self.up = !self.up;
        }
        let lanes = self.further();
        if lanes != self.lanes {
            self.trial = Some(ConcurrencyTrial {
                sum,
                lanes: self.lanes,
            });
            self.goes_with(lanes);
        }
    }

    /// The lanes of the next trial; as many as now at the end of that way.
    fn further(&self) -> usize {
        if self.up {
            self.lanes.saturating_mul(self.step).min(self.most)
        } else {
            self.lanes.div_ceil(2)
        }
    }

    fn goes_with(&mut self, lanes: usize) {
        self.settles(if lanes > self.lanes {
            SETTLE_NEW
        } else {
            SETTLE_FEWER
        });
        self.lanes = lanes;
        (self.spoilt, self.low) = (0, false);
    }

    fn settles(&mut self, waits: u32) {
        self.settle = waits;
        self.from = None;
    }

    fn rests(&mut self, now: Now) {
        self.rest_until = Some(now.after(self.rest));
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(50);

    /// Plays a link for `seconds`; each connection carries `each` bytes/s, all together at most `all`.
    fn play(pace: &mut ConcurrencyController, now: &mut Now, seconds: u64, each: f64, all: f64) {
        const TICK: Duration = Duration::from_millis(100);
        let mut came = 0.0;
        let begun = *now;
        for _ in 0..seconds * 10 {
            *now = now.after(TICK);
            let lanes = pace.lanes() as f64;
            let tick = (each * lanes).min(all) * TICK.as_secs_f64();
            came += tick;
            pace.waited(WAIT);
            pace.came(tick as u64, pace.lanes(), *now);
            let range = pace.range();
            if came >= range as f64 {
                came = 0.0;
                let took = Duration::from_secs_f64(range as f64 / each.min(all / lanes));
                let (asked, end) = (now.mono, RangeEnd::Whole);
                pace.learn(
                    RangeSample {
                        asked,
                        bytes: range,
                        took,
                        end,
                    },
                    *now,
                );
            }
        }
        assert_eq!(now.mono - begun.mono, Duration::from_secs(seconds));
    }

    /// The share of `seconds` that were spent with each number of lanes.
    fn used(
        pace: &mut ConcurrencyController,
        now: &mut Now,
        seconds: u64,
        each: f64,
        all: f64,
    ) -> Vec<f64> {
        let mut used = vec![0.0; 17];
        for _ in 0..seconds {
            play(pace, now, 1, each, all);
            used[pace.lanes()] += 1.0 / seconds as f64;
        }
        used
    }

    #[test]
    fn one_connection_on_a_clean_link() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        let used = used(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
        assert!(used[1] > 0.95, "{used:?}");
    }

    #[test]
    fn many_where_each_is_throttled_and_soon() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 6, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 16);
        let used = used(&mut pace, &mut now, 600, 60e3, 1.2e6);
        assert!(used[16] > 0.95, "{used:?}");
    }

    #[test]
    fn as_many_as_the_link_rewards() {
        for (each, all, enough) in [(400e3, 1.2e6, 3), (700e3, 1.2e6, 2), (150e3, 1.2e6, 8)] {
            let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
            play(&mut pace, &mut now, 300, each, all);
            let used = used(&mut pace, &mut now, 3000, each, all);
            let few: f64 = used[..enough].iter().sum();
            let many: f64 = used[enough * 2 + 1..].iter().sum();
            assert!(few < 0.1 && many < 0.1, "{enough}: {used:?}");
        }
    }

    #[test]
    fn the_number_follows_the_link() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 120, 60e3, 1.2e6);
        play(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
        let clean = used(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
        assert!(clean[1] > 0.9, "after the loss has gone: {clean:?}");
        play(&mut pace, &mut now, 600, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 16, "after it has come back");
    }

    #[test]
    fn what_is_not_open_is_not_measured() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        for _ in 0..600 {
            now = now.after(Duration::from_millis(100));
            pace.came(6_000, 0, now);
        }
        assert_eq!(pace.lanes(), 1);
        play(&mut pace, &mut now, 10, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 16);
    }

    fn ended(bytes: u64, end: RangeEnd, asked: Now) -> RangeSample {
        let (asked, took) = (asked.mono, Duration::from_secs(1));
        RangeSample {
            asked,
            bytes,
            took,
            end,
        }
    }

    #[test]
    fn a_cut_begins_the_measurement_again_but_not_for_ever() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        let cut = |now: Now| ended(60_000, RangeEnd::Cut, now);
        // The first bytes show that all are open, the settling takes half a second, the measurement one.
        for tick in 0..10 {
            now = now.after(Duration::from_millis(100));
            pace.came(6_000, 1, now);
            if tick == 9 {
                pace.learn(cut(now), now);
            }
        }
        play(&mut pace, &mut now, 1, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 1, "it would have ended without the cut");
        play(&mut pace, &mut now, 1, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 16);
        let mut pace = ConcurrencyController::new(16);
        for _ in 0..10 {
            play(&mut pace, &mut now, 1, 60e3, 1.2e6);
            pace.learn(cut(now), now);
        }
        assert_eq!(pace.lanes(), 16, "a cut each second");
    }

    #[test]
    fn connections_that_are_refused_are_given_up() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        // Each is throttled, but more than four are refused: the sum grows to four of them and no further.
        for _ in 0..300 {
            play(&mut pace, &mut now, 1, 60e3, 240e3);
            for _ in 4..pace.lanes() {
                pace.learn(ended(0, RangeEnd::Cut, now), now);
            }
        }
        assert!((2..=4).contains(&pace.lanes()), "{}", pace.lanes());
    }

    #[test]
    fn a_pause_is_no_slow_link() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        let mut used = Vec::new();
        for _ in 0..60 {
            play(&mut pace, &mut now, 7, 1.2e6, 1.2e6);
            used.push(pace.lanes());
            now = now.after(Duration::from_secs(7200));
        }
        assert!(
            used.iter().filter(|lanes| **lanes == 1).count() > 55,
            "{used:?}"
        );
    }

    #[test]
    fn a_slow_link_is_no_pause() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        for _ in 0..20 {
            now = now.after(Duration::from_secs(5));
            let lanes = pace.lanes();
            pace.came(16_000 * lanes as u64, lanes, now);
        }
        assert_eq!(pace.lanes(), 16);
    }

    #[test]
    fn packages_too_short_to_measure_take_one_connection() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 2, 1.2e6, 1.2e6);
        assert_eq!(pace.lanes(), 16, "a trial began");
        for _ in 0..10 {
            pace.begins();
            play(&mut pace, &mut now, 1, 1.2e6, 1.2e6);
            assert_eq!(pace.lanes(), 1);
        }
    }

    #[test]
    fn a_busy_central_is_asked_by_fewer_and_left_in_peace() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 10, 60e3, 1.2e6);
        let asked = now;
        now = now.after(Duration::from_secs(1));
        for _ in 0..4 {
            pace.learn(ended(0, RangeEnd::Busy, asked), now);
        }
        // They come back one by one, and central is still busy.
        for _ in 0..4 {
            now = now.after(Duration::from_secs(1));
            pace.learn(ended(0, RangeEnd::Busy, now), now);
        }
        assert_eq!(pace.lanes(), 8, "one event");
        let used = used(&mut pace, &mut now, 25, 60e3, 1.2e6);
        assert!(used[8] > 0.99, "{used:?}");
    }

    #[test]
    fn cuts_without_end_do_not_keep_the_number_low() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 10, 60e3, 1.2e6);
        pace.learn(ended(0, RangeEnd::Busy, now), now);
        assert_eq!(pace.lanes(), 8);
        for _ in 0..200 {
            play(&mut pace, &mut now, 1, 60e3, 1.2e6);
            pace.learn(ended(60_000, RangeEnd::Cut, now), now);
        }
        assert_eq!(pace.lanes(), 16);
    }

    #[test]
    fn a_central_that_is_busy_with_many_is_asked_by_as_many_as_before() {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 2, 1.2e6, 1.2e6);
        assert_eq!(pace.lanes(), 16, "a trial began");
        pace.learn(ended(0, RangeEnd::Busy, now), now);
        assert_eq!(pace.lanes(), 1);
    }

    #[test]
    fn a_range_is_sized_by_the_link() {
        let mut now = Now::default();
        for (each, least, most) in [
            (10e3, SMALLEST, 512 << 10),
            (1e6, 1 << 20, 4 << 20),
            (100e6, LARGEST, LARGEST),
        ] {
            let mut pace = ConcurrencyController::new(1);
            play(&mut pace, &mut now, 200, each, each);
            assert!(
                (least..=most).contains(&pace.range()),
                "{each}: {}",
                pace.range()
            );
            assert_eq!(pace.range() % SMALLEST, 0);
        }
    }
}
