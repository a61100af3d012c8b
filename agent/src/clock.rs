//! The clocks of the box: the one that counts suspend and never steps, and the one that may be wrong by decades.
//! Never sets a clock.
//! Called by `engine`, `uplink`, the daemon's loop, and whoever shows a date.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use logic::time::Uptime;
use logic::words::Now;
use nix::time::{ClockId, clock_gettime};

/// Both clocks, read together (`CLOCK_BOOTTIME`, `CLOCK_REALTIME`).
pub fn now() -> Now {
    Now {
        mono: read(ClockId::CLOCK_BOOTTIME),
        wall: read(ClockId::CLOCK_REALTIME).as_secs() as i64,
    }
}

fn read(clock: ClockId) -> Duration {
    // Both clocks exist on every kernel since 2.6.39; a wall clock before 1970 reads as 1970.
    clock_gettime(clock).map_or(Duration::ZERO, |time| {
        Duration::new(
            time.tv_sec().max(0) as u64,
            time.tv_nsec().clamp(0, 999_999_999) as u32,
        )
    })
}

/// This boot, and how long it has been up.
pub fn uptime() -> Uptime {
    Uptime {
        boot: boot(),
        seconds: read(ClockId::CLOCK_BOOTTIME).as_secs(),
    }
}

/// The kernel's random id of this boot; 0 on a kernel without one.
fn boot() -> u128 {
    static BOOT: OnceLock<u128> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        u128::from_str_radix(&id.trim().replace('-', ""), 16).unwrap_or(0)
    })
}

/// Unix seconds now, from a time that central stated (`date`, at `mono` on the clock that never steps).
pub fn authenticated(date: i64, mono: Duration) -> i64 {
    date + now().mono.saturating_sub(mono).as_secs() as i64
}

/// The time that certificates are judged by: a lower bound that no wrong clock can move.
///
/// It is the build time, or the last time that central stated over TLS under a valid certificate, plus what has
/// passed since on the clock that never steps. The system's clock is not asked: one that is behind would refuse good
/// certificates, one that is ahead would too, and neither can be told from a right one before central was heard.
/// `uplink` completes the judgement with central's own `Date` (anchors part A, item 5).
#[derive(Debug)]
pub struct Estimate {
    bound: i64,
    since: Duration,
}

impl Estimate {
    /// Begins at the later of the build time and `heard`, Unix seconds.
    pub fn new(heard: Option<i64>) -> Self {
        Self {
            bound: heard.unwrap_or(0).max(built()),
            since: now().mono,
        }
    }
}

/// Unix seconds of the build.
pub fn built() -> i64 {
    env!("BUILT").parse().unwrap_or(0)
}

impl rustls::time_provider::TimeProvider for Estimate {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let passed = now().mono.saturating_sub(self.since);
        let bound = Duration::from_secs(self.bound.max(0) as u64);
        Some(rustls::pki_types::UnixTime::since_unix_epoch(
            bound + passed,
        ))
    }
}

/// Year, month and day of a number of days since 1970 (UTC, proleptic Gregorian); counted in years that begin in March.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let index = (5 * day_of_year + 2) / 153;
    let month = if index < 10 { index + 3 } else { index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * index + 2) / 5 + 1)
}
