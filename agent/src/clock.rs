//! The clocks of the box: the one that counts suspend and never steps, and the one that may be wrong by decades.
//! Never sets a clock.
//! Called by `engine`, `uplink` and the daemon's loop.

use std::time::Duration;

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

/// The time that certificates are judged by: never before this program was built.
#[derive(Debug)]
pub struct Estimate {
    floor: i64,
}

impl Estimate {
    /// Trusts the system's clock above the build time.
    pub fn new() -> Self {
        Self { floor: BUILT }
    }
}

/// Unix seconds of the build; no certificate that matters was valid only before.
pub const BUILT: i64 = 1_795_000_000;

impl rustls::time_provider::TimeProvider for Estimate {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let wall = now().wall.max(self.floor);
        Some(rustls::pki_types::UnixTime::since_unix_epoch(
            Duration::from_secs(wall as u64),
        ))
    }
}
