//! The sealed entry `time`: running time summed over boots, and the estimate of what time it is.
//! Never a reason for a verb to fail: what cannot be written is written the next time.
//! Called when the folder is opened, by `engine` at each run, by the daemon once an hour, by `clock accept`, and by
//! whoever asks how long the box has run.

use std::fs::File;

use logic::fault::{Fault, FileAct};
use logic::time::Estimate;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{SealedFile, Vault};
use system::clock::{self, Clock};
use system::root::trouble;

/// What the entry holds. `bound` comes first: a boxsync before this shape wrote nothing else, and reads nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTime {
    /// Unix seconds that it was not earlier than when this was written.
    bound: i64,
    estimate: Estimate,
}

impl Vault {
    /// Seconds that this box has been up, summed over its boots (`CLOCK_BOOTTIME`, suspend included). It never steps
    /// back while the entry is readable; one that was damaged begins at 0 again, so a moment that was kept may lie ahead
    /// of it. What passed between the last write (each run, each hour of the daemon) and the end of a boot is lost.
    pub fn running(&self) -> u64 {
        self.estimate().moment(clock::uptime()).running
    }

    /// Writes down running time and what this process has heard.
    ///
    /// # Errors
    /// What the file system says; nobody fails for it.
    pub fn keep_time(&self) -> Result<(), Fault> {
        self.change_time(|_| {})
    }

    /// The box is set up now, before a person: until central is heard over TLS, its system clock counts.
    ///
    /// # Errors
    /// As `keep_time`.
    pub fn set_up_time(&self) -> Result<(), Fault> {
        self.change_time(|estimate| estimate.set_up(clock::system(), clock::uptime()))
    }

    /// A person says what time it is, Unix seconds.
    ///
    /// # Errors
    /// What the file system says.
    pub fn accept_time(&self, date: i64) -> Result<(), Fault> {
        self.change_time(|estimate| estimate.accept(date, clock::built(), clock::uptime()))
    }

    /// This process goes on from what is written down. A box that never wrote anything down begins now.
    pub(super) fn open_time(&self) {
        match self.time_entry().get::<StoredTime>() {
            Ok(Some(stored)) => Clock::shared().install(newer(stored.estimate)),
            _ => {
                Clock::shared().install(self.estimate());
                if let Err(trouble) = self.keep_time() {
                    tracing::debug!(code = %trouble.code, "{trouble}");
                }
            }
        }
    }

    fn change_time(&self, change: impl FnOnce(&mut Estimate)) -> Result<(), Fault> {
        // A run and the daemon's hour may meet: neither undoes what the other has written.
        let _lock = self.lock_time()?;
        let mut estimate = self.estimate();
        let heard = Clock::shared().take_unsaved();
        for answer in &heard {
            estimate.answer(*answer);
        }
        let now = clock::uptime();
        estimate.tick(now);
        change(&mut estimate);
        let stored = StoredTime {
            bound: estimate.floor(now),
            estimate,
        };
        let written = self.time_entry().put(&stored);
        match written {
            Ok(()) => Clock::shared().install(estimate),
            Err(_) => Clock::shared().give_back(heard),
        }
        written
    }

    fn lock_time(&self) -> Result<Flock<File>, Fault> {
        let path = self.state().join("time.lock");
        let file = system::root::lock_file(&path)?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| trouble(&path, FileAct::Lock, &error.into()))
    }

    /// What is written down; a damaged entry is as good as none: the day of the build is the bound.
    fn estimate(&self) -> Estimate {
        let entry = self.time_entry();
        if let Ok(Some(stored)) = entry.get::<StoredTime>() {
            return newer(stored.estimate);
        }
        let now = clock::uptime();
        let fresh = Estimate::new(clock::built(), clock::system(), now);
        match entry.get::<i64>() {
            Ok(Some(heard)) => fresh.with_bound(heard),
            _ => fresh,
        }
    }

    fn time_entry(&self) -> SealedFile {
        self.entry("time")
    }
}

fn newer(estimate: Estimate) -> Estimate {
    estimate.with_build(clock::built(), clock::uptime())
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::time::{DatedAnswer, Uptime};
    use std::fs;

    const DAY: i64 = 86_400;

    #[test]
    fn running_time_outlives_the_process_and_the_boot() {
        let (_dir, vault) = Vault::fresh();
        let up = clock::uptime().seconds;
        assert!(vault.running() >= up, "what this boot has been up counts");
        // Written 40 s into another boot, after a running time of 1000 s.
        let boot = |boot, seconds| Uptime { boot, seconds };
        let mut estimate = Estimate::new(0, 0, boot(1, 960));
        estimate.tick(boot(2, 40));
        let stored = StoredTime { bound: 0, estimate };
        vault.time_entry().put(&stored).unwrap();
        let now = vault.running();
        assert!(now >= 1000 + up && now <= 1000 + clock::uptime().seconds);
        vault.keep_time().unwrap();
        assert!(vault.running() >= now);
    }

    #[test]
    fn what_the_version_before_wrote_is_read_and_it_reads_what_this_one_writes() {
        let (_dir, vault) = Vault::fresh();
        let bound = clock::built() + 300 * DAY;
        vault.time_entry().put(&bound).unwrap();
        vault.open_time();
        let near = |date: i64| (bound..bound + 60).contains(&date);
        assert!(near(Clock::shared().floor()));
        // It can be taken back: not so in the version before.
        assert!(Clock::shared().lowest() < bound - 299 * DAY);
        let before = vault.time_entry().get::<i64>().unwrap();
        assert!(before.is_some_and(near), "{before:?}");
    }

    #[test]
    fn what_two_processes_heard_is_kept_of_both() {
        let (_dir, vault) = Vault::fresh();
        // Another process wrote what it heard, an hour and more ago.
        let (now, earlier) = (
            clock::uptime(),
            Uptime {
                boot: 1,
                seconds: 9000,
            },
        );
        let mut other = Estimate::new(clock::built(), 0, earlier);
        other.tick(now);
        let date = clock::built() + 100 * DAY;
        let mut at = other.moment(now);
        at.running -= 4000;
        other.answer(DatedAnswer { date, at });
        let stored = StoredTime {
            bound: 0,
            estimate: other,
        };
        vault.time_entry().put(&stored).unwrap();
        vault.open_time();
        Clock::shared().answer(date + 4000);
        vault.keep_time().unwrap();
        assert!(vault.estimate().floor(clock::uptime()) >= date + 4000);
        assert!(Clock::shared().take_unsaved().is_empty());
    }

    #[test]
    fn a_damaged_or_unwritable_entry_stops_nobody() {
        let (_dir, vault) = Vault::fresh();
        fs::write(vault.state().join("time"), "torn").unwrap();
        assert!(vault.estimate().floor(clock::uptime()) >= clock::built());
        assert!(vault.running() >= clock::uptime().seconds);
        // A folder stands where the file should be.
        fs::remove_file(vault.state().join("time")).unwrap();
        fs::create_dir_all(vault.state().join("time/x")).unwrap();
        Clock::shared().answer(clock::built() + 7 * DAY);
        assert!(vault.keep_time().is_err());
        assert_eq!(Clock::shared().take_unsaved().len(), 1, "not lost");
        assert!(vault.running() >= clock::uptime().seconds);
        vault.open_time();
    }

    #[test]
    fn stamps_and_ages_come_from_what_central_said_not_from_the_system_clock() {
        let (_dir, vault) = Vault::fresh();
        // The box was set up by a clock that stands in 1970; then central is heard.
        let now = clock::uptime();
        let stored = StoredTime {
            bound: 0,
            estimate: Estimate::new(clock::built(), 0, now),
        };
        vault.time_entry().put(&stored).unwrap();
        vault.open_time();
        let first = clock::now().wall;
        assert!((clock::built()..clock::built() + 60).contains(&first));
        let date = clock::built() + 20 * DAY;
        Clock::shared().answer(date);
        vault.keep_time().unwrap();
        let stamp = clock::now().wall;
        assert!((date..date + 60).contains(&stamp));
        // Whatever the system clock is set to afterwards, the data is not older than the box has run since.
        assert!(clock::sure().wall - stamp < 60);
    }
}
