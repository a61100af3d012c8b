//! A rate that several connections keep together: each is told how long its bytes must make it wait.
//! Never saves up: what a slow minute left unused does not come as a burst.
//! Called by `download` for every piece of a package.

use std::time::Duration;

/// At most so many bytes a second, over all who share it.
#[derive(Debug, Clone)]
pub struct Rate {
    /// Bytes per second; 0 is no limit.
    most: u64,
    /// When what has come was allowed to have come, since boot.
    until: Duration,
}

impl Rate {
    /// `most` bytes a second, 0 for no limit.
    pub fn new(most: u64) -> Self {
        let until = Duration::ZERO;
        Self { most, until }
    }

    /// Counts bytes that have come at `now` (since boot); gives how long whoever brought them must wait.
    pub fn spend(&mut self, bytes: u64, now: Duration) -> Duration {
        if self.most == 0 {
            return Duration::ZERO;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / self.most as f64);
        self.until = self.until.max(now) + takes;
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
            const MOST: u64 = 500_000;
            let mut rate = Rate::new(MOST);
            let begun = Duration::from_secs(1000);
            let mut free = vec![begun; lanes];
            let mut sum = 0;
            for size in sizes.iter().cycle().take(4000) {
                let lane = free.iter_mut().min().unwrap();
                sum += size;
                *lane += rate.spend(*size, *lane);
            }
            let took = (*free.iter().max().unwrap() - begun).as_secs_f64();
            let allowed = sum as f64 / MOST as f64;
            prop_assert!((allowed * 0.999..allowed * 1.001 + 0.001).contains(&took), "{took} s, {allowed} s allowed");
        }
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
