//! Running time: the seconds that this box has been up, summed over its boots. `estimate`: what time it is.
//! Never reads a clock and never goes back: a wrong system clock has no say in it.
//! Called by `vault`, which keeps it; asked by every rule that counts hours between two runs.

mod estimate;

pub use estimate::{ChainReason, ChainVerdict, DatedAnswer, Estimate, Moment, judge};

use serde::{Deserialize, Serialize};

/// A moment on the clock that never steps: which boot, and how long it has been up (suspend included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Uptime {
    /// The kernel's random id of the boot; 0 where the kernel has none.
    pub boot: u128,
    /// Seconds since that boot.
    pub seconds: u64,
}

/// Seconds of running time, known at one moment of one boot.
///
/// Between two boots nothing counts; of a boot that ended, what had passed when it was last written counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunningTime {
    total: u64,
    at: Uptime,
}

impl RunningTime {
    /// Running time at a later moment, in seconds. Grows within a boot as that boot's clock does; a new boot adds what
    /// it has been up so far.
    pub fn at(&self, now: Uptime) -> u64 {
        let passed = match (now.boot == self.at.boot, now.boot, self.at.boot) {
            // A machine that was put back to an earlier state of the same boot: nothing that is known has passed.
            (true, 1.., _) => now.seconds.saturating_sub(self.at.seconds),
            // Where one of them has no id they may be of one boot; a clock that is behind itself is the sign of a new one.
            (_, 0, _) | (_, _, 0) => now
                .seconds
                .checked_sub(self.at.seconds)
                .unwrap_or(now.seconds),
            (false, ..) => now.seconds,
        };
        self.total.saturating_add(passed)
    }

    /// The same running time, known at a later moment.
    #[must_use]
    pub fn advance(&self, now: Uptime) -> Self {
        Self {
            total: self.at(now),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(boot: u128, seconds: u64) -> Uptime {
        Uptime { boot, seconds }
    }

    #[test]
    fn running_time_adds_up_over_boots_and_never_steps_back() {
        let mut running = RunningTime::default();
        // (moment, running time): the first boot was up for 100 s before anything was written.
        let script = [
            (up(7, 100), 100),
            (up(7, 400), 400),
            // A new boot that was up for a minute, then for an hour.
            (up(8, 60), 460),
            (up(8, 3600), 4000),
            // A snapshot of the same boot was put back.
            (up(8, 10), 4000),
            (up(8, 20), 4010),
            // A kernel without ids: each clock that is behind itself is a new boot.
            (up(0, 5), 4015),
            (up(0, 9), 4019),
            (up(0, 3), 4022),
        ];
        for (now, expected) in script {
            assert_eq!(running.at(now), expected, "{now:?}");
            running = running.advance(now);
            assert_eq!(running.at(now), expected, "{now:?}");
        }
    }

    /// Within the sandbox of a service the id may be hidden that a command beside it sees: neither is another boot to the other.
    #[test]
    fn a_process_that_sees_no_id_counts_no_time_twice() {
        let mut running = RunningTime::default().advance(up(0, 1000));
        for (now, expected) in [
            (up(7, 1010), 1010),
            (up(0, 1020), 1020),
            (up(7, 1030), 1030),
            // A boot, seen by either.
            (up(0, 5), 1035),
            (up(8, 9), 1039),
        ] {
            assert_eq!(running.at(now), expected, "{now:?}");
            running = running.advance(now);
        }
    }

    #[test]
    fn readers_between_two_writes_agree() {
        let running = RunningTime::default().advance(up(7, 1000));
        assert_eq!(running.at(up(7, 1500)), 1500);
        assert_eq!(running.at(up(8, 30)), 1030);
        assert_eq!(running.advance(up(8, 10)).at(up(8, 30)), 1030);
        assert_eq!(
            running.advance(up(7, u64::MAX)).at(up(8, u64::MAX)),
            u64::MAX
        );
    }
}
