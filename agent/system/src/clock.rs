//! The clocks of the box: the one that counts suspend and never steps, the estimate of what time it is, and the system's,
//! which may be wrong by decades and is only shown.
//! Never sets a clock.
//! Called by `vault`, which keeps the estimate, by `uplink`, which feeds it, and by whoever needs a time.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use logic::time::{DatedAnswer, Estimate, Uptime};
use logic::words::Now;
pub use logic::zone::civil;
use nix::time::{ClockId, clock_gettime};

/// The time since boot, and what time it is by the estimate of this process.
pub fn now() -> Now {
    Now {
        mono: read(ClockId::CLOCK_BOOTTIME),
        wall: Clock::shared().time(),
    }
}

/// The same without what only one answer of central says: for ages that may make the box refuse something.
pub fn sure() -> Now {
    Now {
        mono: read(ClockId::CLOCK_BOOTTIME),
        wall: Clock::shared().sure(),
    }
}

/// Unix seconds by the system clock: only to be shown, and for who reads that clock himself.
pub fn system() -> i64 {
    read(ClockId::CLOCK_REALTIME).as_secs() as i64
}

/// This boot, and how long it has been up.
pub fn uptime() -> Uptime {
    Uptime {
        boot: boot(),
        seconds: read(ClockId::CLOCK_BOOTTIME).as_secs(),
    }
}

/// Unix seconds of the build.
pub fn built() -> i64 {
    env!("BUILT").parse().unwrap_or(0)
}

fn read(clock: ClockId) -> Duration {
    // Both clocks exist on every kernel since 2.6.39; a system clock before 1970 reads as 1970.
    clock_gettime(clock).map_or(Duration::ZERO, |time| {
        Duration::new(
            time.tv_sec().max(0) as u64,
            time.tv_nsec().clamp(0, 999_999_999) as u32,
        )
    })
}

/// The kernel's random id of this boot; 0 on a kernel without one.
fn boot() -> u128 {
    static BOOT: OnceLock<u128> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        u128::from_str_radix(&id.trim().replace('-', ""), 16).unwrap_or(0)
    })
}

/// The estimate of what time it is, and what was heard since it was last written down. Clones are one clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mutex<ClockState>>);

#[derive(Debug)]
struct ClockState {
    estimate: Estimate,
    unsaved: Vec<DatedAnswer>,
    /// A clock that stands, for those who try what follows from a time.
    stands: Option<Uptime>,
}

/// So many answers are kept for the next writing; the newest replaces the last one beyond.
const UNSAVED: usize = 64;

impl Clock {
    /// A clock that goes on from an estimate.
    pub fn new(estimate: Estimate) -> Self {
        Self(Arc::new(Mutex::new(ClockState {
            estimate,
            unsaved: Vec::new(),
            stands: None,
        })))
    }

    /// A clock that stands at this floor, Unix seconds, until `pass` moves it.
    pub fn standing(floor: i64) -> Self {
        let at = Uptime {
            boot: 1,
            seconds: 0,
        };
        let clock = Self::new(Estimate::new(floor, floor, at));
        clock.inner().stands = Some(at);
        clock
    }

    /// The clock of this process. Before a state folder was opened it is that of a box that is being set up.
    pub fn shared() -> Self {
        static SHARED: OnceLock<Clock> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::new(Estimate::new(built(), system(), uptime())))
            .clone()
    }

    /// Moves a clock that stands.
    pub fn pass(&self, seconds: u64) {
        if let Some(at) = &mut self.inner().stands {
            at.seconds += seconds;
        }
    }

    /// What is known now.
    pub fn estimate(&self) -> Estimate {
        self.inner().estimate
    }

    /// The moment that the clock is read at.
    pub fn uptime(&self) -> Uptime {
        self.inner().stands.unwrap_or_else(uptime)
    }

    /// Goes on from what was written down; what was heard since is not lost.
    pub fn install(&self, estimate: Estimate) {
        let mut inner = self.inner();
        inner.estimate = estimate;
        for answer in inner.unsaved.clone() {
            inner.estimate.answer(answer);
        }
    }

    /// Takes the date of an answer under a chain that is valid at that date.
    pub fn answer(&self, date: i64) {
        let now = self.uptime();
        let mut inner = self.inner();
        let answer = DatedAnswer {
            date,
            at: inner.estimate.moment(now),
        };
        inner.estimate.answer(answer);
        if inner.unsaved.len() >= UNSAVED {
            inner.unsaved.pop();
        }
        inner.unsaved.push(answer);
    }

    /// What was heard since the last call, oldest first.
    pub fn take_unsaved(&self) -> Vec<DatedAnswer> {
        std::mem::take(&mut self.inner().unsaved)
    }

    /// It could not be written down: it is kept for the next time.
    pub fn give_back(&self, mut answers: Vec<DatedAnswer>) {
        let mut inner = self.inner();
        answers.append(&mut inner.unsaved);
        inner.unsaved = answers;
    }

    /// What time it is, Unix seconds; see `Estimate::time`.
    pub fn time(&self) -> i64 {
        self.estimate().time(self.uptime())
    }

    /// See `Estimate::sure`, Unix seconds.
    pub fn sure(&self) -> i64 {
        self.estimate().sure(self.uptime())
    }

    /// It is not earlier than this, Unix seconds.
    pub fn floor(&self) -> i64 {
        self.estimate().floor(self.uptime())
    }

    /// What the floor may be taken back to, Unix seconds.
    pub fn lowest(&self) -> i64 {
        self.estimate().lowest(self.uptime())
    }

    fn inner(&self) -> MutexGuard<'_, ClockState> {
        // Nothing in it is half done when a holder panics: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let seconds = u64::try_from(self.time()).ok()?;
        Some(rustls::pki_types::UnixTime::since_unix_epoch(
            Duration::from_secs(seconds),
        ))
    }
}
