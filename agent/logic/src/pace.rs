//! How large the next range is and over how many connections ranges come, from what the link has shown.
//! Never measures: samples and the time are arguments. Never exceeds the configured bounds.
//! Called by `engine` around every range.
//!
//! Each range costs central a PHP start (protocol 6, anchors part A 0), so a range is as large as makes that cost
//! small; it is cut into records on arrival, so its size does not matter for what a broken connection loses.
//! One connection is enough on a clean link. Where loss throttles each connection, more of them carry more: a second
//! one is tried, and the number grows as long as the sum grows with it. What has come is counted as it comes: a slow
//! range must not keep the pace in the dark until it ends.

use std::time::Duration;

use crate::words::Now;

/// The smallest range, and the record of the store.
pub const SMALLEST: u64 = 64 << 10;
/// The largest range.
pub const LARGEST: u64 = 16 << 20;

/// A range should take this many times as long as the wait for its first byte.
const WORTH: u32 = 40;
/// The sum of all connections is judged over at least this long, and over so many waits for a first byte: a new
/// connection needs several to come to speed.
const TRIAL: Duration = Duration::from_secs(2);
const TRIAL_WAITS: u32 = 10;
/// After a trial that brought nothing, the next one waits, each time twice as long.
const REST: Duration = Duration::from_secs(15);
const LONGEST_REST: Duration = Duration::from_secs(240);
/// A trial is a success if the sum grew by this factor.
const GAIN: f64 = 1.2;

/// How one range went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Content bytes that arrived.
    pub bytes: u64,
    /// From the request to the first byte of content.
    pub first_byte: Duration,
    /// From the request to the end.
    pub whole: Duration,
    /// How it ended.
    pub end: End,
}

/// How a range ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It came whole.
    Whole,
    /// The connection broke or stalled.
    Cut,
    /// Central answered 5xx or 429.
    Busy,
}

/// What the link has shown so far.
#[derive(Debug, Clone)]
pub struct Pace {
    most: usize,
    lanes: usize,
    /// Smoothed wait for the first byte.
    wait: Option<Duration>,
    /// Smoothed bytes per second of one range after its first byte.
    rate: Option<f64>,
    /// The running trial: since when, bytes so far.
    since: Option<Now>,
    bytes: u64,
    /// Sum before the last change of lanes, bytes per second, and the lanes it was reached with.
    before: Option<(f64, usize)>,
    rest: Duration,
    rest_until: Option<Now>,
}

impl Pace {
    /// Begins with one connection, at most `most`.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            lanes: 1,
            wait: None,
            rate: None,
            since: None,
            bytes: 0,
            before: None,
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
            _ => 1 << 20,
        };
        bytes.clamp(SMALLEST, LARGEST) / SMALLEST * SMALLEST
    }

    /// Learns from a range that ended.
    pub fn learn(&mut self, sample: Sample, now: Now) {
        if sample.bytes > 0 {
            let took = sample
                .whole
                .saturating_sub(sample.first_byte)
                .as_secs_f64()
                .max(1e-4);
            let rate = sample.bytes as f64 / took;
            self.rate = Some(self.rate.map_or(rate, |old| old * 0.6 + rate * 0.4));
            self.wait = Some(self.wait.map_or(sample.first_byte, |old| {
                old.mul_f64(0.6) + sample.first_byte.mul_f64(0.4)
            }));
        }
        if sample.end == End::Busy {
            self.lanes = (self.lanes / 2).max(1);
            self.before = None;
            self.since = None;
            self.rests(now);
        }
    }

    /// Content bytes that have come just now, over any connection. Ends a trial when it has lasted: keeps what was
    /// gained and tries more, or goes back and rests.
    pub fn came(&mut self, bytes: u64, now: Now) {
        self.bytes += bytes;
        let Some(since) = self.since else {
            self.since = Some(now);
            self.bytes = 0;
            return;
        };
        let lasted = now.mono.saturating_sub(since.mono);
        if lasted < TRIAL.max(self.wait.unwrap_or_default() * TRIAL_WAITS) {
            return;
        }
        let sum = self.bytes as f64 / lasted.as_secs_f64();
        self.since = Some(now);
        self.bytes = 0;
        if let Some((earlier, lanes)) = self.before
            && sum < earlier * GAIN
        {
            self.lanes = lanes;
            self.before = None;
            self.rests(now);
            return;
        }
        if self.before.is_some() {
            self.rest = REST;
        }
        let resting = self.rest_until.is_some_and(|until| now.mono < until.mono);
        if resting || self.lanes >= self.most {
            self.before = None;
            return;
        }
        self.before = Some((sum, self.lanes));
        self.lanes = (self.lanes * 2).min(self.most);
    }

    fn rests(&mut self, now: Now) {
        self.rest_until = Some(now.after(self.rest));
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a link for `seconds`; each connection carries `each` bytes/s, all together at most `all`.
    fn play(pace: &mut Pace, now: &mut Now, seconds: u64, each: f64, all: f64) {
        let end = now.after(Duration::from_secs(seconds));
        while now.mono < end.mono {
            let lanes = pace.lanes();
            let rate = each.min(all / lanes as f64);
            let bytes = pace.range();
            let first_byte = Duration::from_millis(50);
            let whole = first_byte + Duration::from_secs_f64(bytes as f64 / rate);
            *now = now.after(whole);
            for _ in 0..lanes {
                pace.came(bytes, *now);
                pace.learn(
                    Sample {
                        bytes,
                        first_byte,
                        whole,
                        end: End::Whole,
                    },
                    *now,
                );
            }
        }
    }

    #[test]
    fn one_connection_on_a_clean_link_and_many_where_each_is_throttled() {
        let (mut pace, mut now) = (Pace::new(16), Now::default());
        let mut used = Vec::new();
        for _ in 0..600 {
            play(&mut pace, &mut now, 1, 1.2e6, 1.2e6);
            used.push(pace.lanes());
        }
        let single = used.iter().filter(|lanes| **lanes == 1).count();
        assert!(
            single * 10 > used.len() * 9,
            "{single} of {} seconds with one connection",
            used.len()
        );
        let mut pace = Pace::new(16);
        play(&mut pace, &mut now, 120, 60e3, 1.2e6);
        assert_eq!(pace.lanes(), 16);
    }

    #[test]
    fn a_slow_range_does_not_keep_the_pace_in_the_dark() {
        let (mut pace, mut now) = (Pace::new(16), Now::default());
        for _ in 0..40 {
            now = now.after(Duration::from_millis(500));
            pace.came(20_000 * pace.lanes() as u64, now);
        }
        assert_eq!(pace.lanes(), 16, "before any range has ended");
    }

    #[test]
    fn a_busy_central_is_asked_by_fewer() {
        let (mut pace, mut now) = (Pace::new(16), Now::default());
        play(&mut pace, &mut now, 120, 60e3, 1.2e6);
        let busy = Sample {
            bytes: 0,
            first_byte: Duration::ZERO,
            whole: Duration::ZERO,
            end: End::Busy,
        };
        pace.learn(busy, now);
        assert_eq!(pace.lanes(), 8);
    }

    #[test]
    fn a_range_is_sized_by_the_link() {
        let mut now = Now::default();
        for (each, least, most) in [
            (10e3, SMALLEST, 512 << 10),
            (1e6, 1 << 20, 4 << 20),
            (100e6, LARGEST, LARGEST),
        ] {
            let mut pace = Pace::new(1);
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
