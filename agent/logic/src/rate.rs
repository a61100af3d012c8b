//! A rate that several connections keep together: each is told how long its bytes must make it wait.
//! Another rate may be in force for a time. Never saves up: what a slow minute left unused does not come as a burst.
//! Called by `download` for every piece of a package.

use std::time::Duration;

/// A rate that is in force instead of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateOverride {
    /// Bytes per second; 0 is no limit.
    pub most: u64,
    /// Time since boot at which it ends, where that is known.
    pub until: Option<Duration>,
}

/// At most so many bytes a second, over all who share it.
#[derive(Debug, Clone)]
pub struct Rate {
    /// Bytes per second; 0 is no limit.
    most: u64,
    /// What is in force instead.
    instead: Option<RateOverride>,
    /// When what has come was allowed to have come, since boot.
    until: Duration,
}

impl Rate {
    /// `most` bytes a second, 0 for no limit.
    pub fn new(most: u64) -> Self {
        Self {
            most,
            instead: None,
            until: Duration::ZERO,
        }
    }

    /// Another rate is in force, or this one again. Gives whether that is new: what waits does so no longer then.
    pub fn instead(&mut self, instead: Option<RateOverride>) -> bool {
        let is_new = self.instead != instead;
        if is_new {
            (self.instead, self.until) = (instead, Duration::ZERO);
        }
        is_new
    }

    /// Counts bytes that have come at `now` (since boot); gives how long whoever brought them must wait.
    pub fn spend(&mut self, bytes: u64, now: Duration) -> Duration {
        let instead = self.instead;
        let instead = instead.filter(|rate| rate.until.is_none_or(|until| until > now));
        let most = instead.map_or(self.most, |rate| rate.most);
        if most == 0 {
            return Duration::ZERO;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / most as f64);
        let until = self.until.max(now) + takes;
        // Nobody waits longer than a rate is in force.
        let ends = instead.and_then(|rate| rate.until);
        self.until = ends.map_or(until, |ends| until.min(ends));
        self.until - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However many share it and whatever pieces come: over any long time no more than the rate, and hardly less.
        #[test]
        fn all_together_keep_it(lanes in 1usize..17, sizes in prop::collection::vec(1u64..70_000, 1..20)) {
            const RATE: u64 = 500_000;
            let mut rate = Rate::new(RATE);
            let begun = Duration::from_secs(1000);
            let mut free = vec![begun; lanes];
            let mut sum = 0;
            for size in sizes.iter().cycle().take(4000) {
                let lane = free.iter_mut().min().unwrap();
                sum += size;
                *lane += rate.spend(*size, *lane);
            }
            let took = (*free.iter().max().unwrap() - begun).as_secs_f64();
            let allowed = sum as f64 / RATE as f64;
            prop_assert!((allowed * 0.999..allowed * 1.001 + 0.001).contains(&took), "{took} s, {allowed} s allowed");
        }
    }

    #[test]
    fn another_rate_holds_at_once_and_until_its_end() {
        let at = Duration::from_secs;
        let mut rate = Rate::new(1000);
        assert_eq!(rate.spend(500_000, at(10)), at(500));
        let slow = RateOverride {
            most: 1,
            until: Some(at(30)),
        };
        assert!(rate.instead(Some(slow)) && !rate.instead(Some(slow)));
        assert_eq!(rate.spend(5, at(10)), at(5), "what waited before is over");
        assert_eq!(rate.spend(500, at(15)), at(15), "until its end at most");
        assert_eq!(rate.spend(1000, at(30)), at(1), "the configured one again");
        let unlimited = RateOverride {
            most: 0,
            until: None,
        };
        assert!(rate.instead(Some(unlimited)));
        assert_eq!(rate.spend(u64::MAX, at(31)), Duration::ZERO);
        assert!(rate.instead(None));
        assert_eq!(rate.spend(2000, at(31)), at(2));
    }

    #[test]
    fn a_pause_is_not_saved_up() {
        let mut rate = Rate::new(1000);
        assert_eq!(
            rate.spend(500, Duration::from_secs(10)),
            Duration::from_millis(500)
        );
        assert_eq!(
            rate.spend(500, Duration::from_secs(99)),
            Duration::from_millis(500)
        );
        assert_eq!(Rate::new(0).spend(u64::MAX, Duration::ZERO), Duration::ZERO);
    }
}
