//! When the packages are there: the rate of the last minutes, how much it varied, and what follows for the rest.
//! Never counts the time of a pause, a window or an exam, and never tells a time while a size is unknown.
//! Called by `engine`, which counts what comes, and by `health`, which tells it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// Bytes are counted over spans of this many seconds.
const SPAN_SECONDS: u64 = 5;
/// So many spans count: five minutes.
const MAX_SPANS: usize = 60;
/// Fewer whole spans say nothing yet.
const FEWEST_SPANS: usize = 3;
/// A rate that nothing was added to for this long is of earlier.
const RATE_HOLDS: Duration = Duration::from_secs(60);

/// What comes, counted by spans of time.
#[derive(Debug, Clone, Default)]
pub struct RateMeter {
    /// The span that is under way: its number since the boot, and its bytes.
    current: Option<(u64, u64)>,
    /// Bytes of the whole spans before, the newest last.
    spans: VecDeque<u64>,
}

/// The rate of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRate {
    /// Bytes a second, the mean.
    pub mean: u64,
    /// Bytes a second, the mean of the slower half of the time.
    pub slow: u64,
    /// When it was measured.
    pub at: Uptime,
}

impl PackageRate {
    /// Whether it is the rate of now.
    pub fn holds(&self, now: Uptime) -> bool {
        let age = now.seconds.checked_sub(self.at.seconds);
        self.at.boot == now.boot && age.is_some_and(|age| age <= RATE_HOLDS.as_secs())
    }
}

impl RateMeter {
    /// So many bytes came. Gives whether a span became whole, so that the rate is another one.
    pub fn came(&mut self, bytes: u64, now: Uptime) -> bool {
        let number = now.seconds / SPAN_SECONDS;
        let Some((span, so_far)) = self.current else {
            // The rest of a span that began before would count as a slow one.
            self.current = Some((number + 1, 0));
            return false;
        };
        if number < span {
            return false;
        }
        if number == span {
            self.current = Some((span, so_far + bytes));
            return false;
        }
        self.spans.push_back(so_far);
        // Spans in which nothing came.
        let idle = usize::try_from(number - span - 1).unwrap_or(MAX_SPANS);
        self.spans
            .extend(std::iter::repeat_n(0, idle.min(MAX_SPANS)));
        let surplus = self.spans.len().saturating_sub(MAX_SPANS);
        self.spans.drain(..surplus);
        self.current = Some((number, bytes));
        true
    }

    /// Packages wait, or none is under way: what comes later is counted anew, for the link may be another one by then.
    pub fn rests(&mut self) {
        *self = Self::default();
    }

    /// The rate, once enough is known.
    pub fn rate(&self, now: Uptime) -> Option<PackageRate> {
        if self.spans.len() < FEWEST_SPANS {
            return None;
        }
        let mut spans: Vec<u64> = self.spans.iter().copied().collect();
        spans.sort_unstable();
        let mean = |spans: &[u64]| spans.iter().sum::<u64>() / (spans.len() as u64 * SPAN_SECONDS);
        Some(PackageRate {
            mean: mean(&spans),
            slow: mean(&spans[..spans.len().div_ceil(2)]),
            at: now,
        })
    }
}

/// How long the rest takes, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeft {
    /// At the mean rate.
    pub likely: u64,
    /// At the rate of the slower half of the time; `None` where nothing came in it.
    pub latest: Option<u64>,
}

/// How long so many bytes take; `None` where nothing came.
pub fn time_left(bytes: u64, rate: PackageRate) -> Option<TimeLeft> {
    let takes = |rate: u64| (rate > 0).then(|| bytes.div_ceil(rate));
    Some(TimeLeft {
        likely: takes(rate.mean)?,
        latest: takes(rate.slow),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime { boot: 1, seconds }
    }

    /// Bytes of each span, from the second 1000 on; the first only begins the count.
    fn metered(spans: &[u64]) -> RateMeter {
        let mut meter = RateMeter::default();
        meter.came(77, at(995));
        for (nth, bytes) in (0..).zip(spans.iter().chain([&1])) {
            if *bytes > 0 {
                meter.came(*bytes, at(1000 + SPAN_SECONDS * nth));
            }
        }
        meter
    }

    fn rate(spans: &[u64]) -> Option<(u64, u64)> {
        let rate = metered(spans).rate(at(2000))?;
        Some((rate.mean, rate.slow))
    }

    #[test]
    fn the_rate_is_of_whole_spans_and_its_doubt_of_the_slower_half() {
        for (spans, expected) in [
            (&[][..], None),
            (&[500, 500], None),
            (&[500, 500, 500], Some((100, 100))),
            (&[900, 100, 200], Some((80, 30))),
            (&[500, 0, 0, 500, 500], Some((60, 33))),
            (&[0, 0, 0, 500], Some((25, 0))),
        ] {
            assert_eq!(rate(spans), expected, "{spans:?}");
        }
        // Only the last five minutes count.
        let mut long = vec![9_000; 70];
        long.extend([100; 60]);
        assert_eq!(rate(&long), Some((20, 20)));
    }

    #[test]
    fn a_rest_begins_anew_and_a_long_silence_is_slow_time() {
        let mut meter = metered(&[500, 500, 500]);
        meter.rests();
        assert_eq!(meter.rate(at(1_020)), None, "of a link that was");
        assert!(!meter.came(100, at(9_003)));
        for (nth, bytes) in [(1, 300), (2, 300), (3, 300), (4, 1)] {
            meter.came(bytes, at(9_000 + SPAN_SECONDS * nth));
        }
        assert_eq!(meter.rate(at(9_020)).unwrap().mean, 60);
        // A million seconds without a byte, and no end of memory.
        assert!(meter.came(1, at(1_009_010)));
        assert_eq!(meter.rate(at(1_009_010)).unwrap().mean, 0);
        assert_eq!(meter.spans.len(), MAX_SPANS);
    }

    #[test]
    fn a_rate_is_of_now_for_a_minute_of_the_same_boot() {
        let rate = metered(&[500; 4]).rate(at(2_000)).unwrap();
        assert!(rate.holds(at(2_000)) && rate.holds(at(2_060)));
        assert!(!rate.holds(at(2_061)) && !rate.holds(at(1_999)));
        let boot = Uptime {
            boot: 2,
            seconds: 2_000,
        };
        assert!(!rate.holds(boot));
    }

    #[test]
    fn the_rest_takes_as_long_as_the_rate_says() {
        let of = |mean, slow| {
            time_left(
                1_000,
                PackageRate {
                    mean,
                    slow,
                    at: at(0),
                },
            )
        };
        let expected = |likely, latest| Some(TimeLeft { likely, latest });
        assert_eq!(of(100, 50), expected(10, Some(20)));
        assert_eq!(of(3, 1), expected(334, Some(1000)));
        assert_eq!(of(100, 0), expected(10, None));
        assert_eq!(of(0, 0), None);
    }
}
