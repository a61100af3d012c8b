//! The sealed entry `time`: running time summed over boots, and the last time that central stated.
//! Never a reason for a verb to fail: what cannot be written is written the next time.
//! Called by `engine` at each run, by the daemon once an hour, and by whoever asks how long the box has run.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use logic::time::Running;
use logic::words::Trouble;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{Entry, Vault};
use crate::clock;
use crate::root::trouble;

/// What the entry holds. `heard` comes first: a boxsync before this shape wrote nothing else, and reads nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Stored {
    /// Unix seconds of the latest authenticated time; 0 before there is one.
    heard: i64,
    running: Running,
}

impl Vault {
    /// Seconds that this box has been up, summed over its boots (`CLOCK_BOOTTIME`, suspend included). It never steps
    /// back while the entry is readable; one that was damaged begins at 0 again, so a moment that was kept may lie ahead
    /// of it. What passed between the last write (each run, each hour of the daemon) and the end of a boot is lost.
    pub fn running(&self) -> u64 {
        self.stored_time().running.at(clock::uptime())
    }

    /// Writes running time down.
    ///
    /// # Errors
    /// What the file system says; nobody fails for it.
    pub fn keep_time(&self) -> Result<(), Trouble> {
        self.change_time(|_| {})
    }

    /// The last authenticated time, Unix seconds. A damaged entry is as good as none: the build time is the bound.
    pub fn heard(&self) -> Option<i64> {
        Some(self.stored_time().heard).filter(|heard| *heard != 0)
    }

    /// Raises the bound to what central stated under a valid certificate.
    ///
    /// # Errors
    /// What the file system says.
    pub fn hear(&self, date: i64) -> Result<(), Trouble> {
        self.change_time(|stored| stored.heard = stored.heard.max(date))
    }

    fn change_time(&self, change: impl FnOnce(&mut Stored)) -> Result<(), Trouble> {
        // A run and the daemon's hour may meet: neither undoes what the other has written.
        let _lock = self.lock_time()?;
        let mut stored = self.stored_time();
        stored.running = stored.running.advance(clock::uptime());
        change(&mut stored);
        self.time_entry().put(&stored)
    }

    fn lock_time(&self) -> Result<Flock<File>, Trouble> {
        let path = self.state().join("time.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&path, "open", &error))?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| trouble(&path, "lock", &error.into()))
    }

    fn stored_time(&self) -> Stored {
        let entry = self.time_entry();
        let before = || {
            let heard = entry.get::<i64>().ok().flatten();
            Stored {
                heard: heard.unwrap_or(0),
                ..Stored::default()
            }
        };
        entry.get::<Stored>().ok().flatten().unwrap_or_else(before)
    }

    fn time_entry(&self) -> Entry {
        self.entry("time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::time::Uptime;
    use std::fs;

    #[test]
    fn running_time_outlives_the_process_and_the_boot() {
        let (_dir, vault) = Vault::fresh();
        let up = clock::uptime().seconds;
        assert!(vault.running() >= up, "what this boot has been up counts");
        // Written 40 s into another boot, after a running time of 1000 s.
        let other = Running::default()
            .advance(Uptime {
                boot: 1,
                seconds: 960,
            })
            .advance(Uptime {
                boot: 2,
                seconds: 40,
            });
        let stored = Stored {
            heard: 0,
            running: other,
        };
        vault.time_entry().put(&stored).unwrap();
        let now = vault.running();
        assert!(now >= 1000 + up && now <= 1000 + clock::uptime().seconds);
        vault.keep_time().unwrap();
        assert!(vault.running() >= now);
    }

    #[test]
    fn what_the_version_before_wrote_is_read_and_it_reads_what_this_one_writes() {
        let (_dir, vault) = Vault::fresh();
        vault.time_entry().put(&1_795_500_000i64).unwrap();
        assert_eq!(vault.heard(), Some(1_795_500_000));
        assert!(vault.running() >= clock::uptime().seconds);
        vault.hear(1_795_600_000).unwrap();
        vault.hear(1_795_400_000).unwrap();
        assert_eq!(vault.heard(), Some(1_795_600_000));
        let before = vault.time_entry().get::<i64>().unwrap();
        assert_eq!(before, Some(1_795_600_000));
    }

    #[test]
    fn a_damaged_or_unwritable_entry_stops_nobody() {
        let (_dir, vault) = Vault::fresh();
        vault.hear(1_795_500_000).unwrap();
        fs::write(vault.state().join("time"), "torn").unwrap();
        assert_eq!(vault.heard(), None);
        assert!(vault.running() >= clock::uptime().seconds);
        // A folder stands where the file should be.
        fs::remove_file(vault.state().join("time")).unwrap();
        fs::create_dir_all(vault.state().join("time/x")).unwrap();
        assert!(vault.keep_time().is_err());
        assert!(vault.running() >= clock::uptime().seconds);
    }
}
