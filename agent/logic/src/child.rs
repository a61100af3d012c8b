//! Judges a child process of the daemon: whether it stands still, and what ended it.
//! Never looks at a process or a clock: what was seen, and the time since some moment, are arguments.
//! Called by the daemon's end of a worker, at every line that comes and every `LOOK`.

use std::time::Duration;

use crate::fault::ProcessEnd;

/// So often the daemon looks at a worker that says nothing.
pub const LOOK: Duration = Duration::from_secs(10);
/// A worker whose loop goes round says so at least this often, whatever it waits for.
pub const BEAT: Duration = Duration::from_secs(5);
/// Silent for so long without using the processor or waiting for the disk, it is stopped or stuck.
pub const STILL: Duration = Duration::from_secs(150);
/// Silent for so long, whatever it does, it goes round in a circle, or its disk does not answer.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// What a look at a process shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessSeen {
    /// Processor time used so far, in any unit.
    pub used: u64,
    /// It waits for the disk.
    pub waits_for_disk: bool,
}

/// How long a child has been silent. Only time that the daemon itself has seen pass counts: where both were stopped or
/// asleep, neither is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StallWatch {
    looked: Duration,
    silent: Duration,
    still: Duration,
    used: u64,
}

impl StallWatch {
    /// Begins to count. `now`: a time that never steps, since any moment.
    pub fn new(now: Duration) -> Self {
        Self {
            looked: now,
            ..Self::default()
        }
    }

    /// It has said something.
    pub fn heard(&mut self, now: Duration) {
        (self.silent, self.still, self.looked) = (Duration::ZERO, Duration::ZERO, now);
    }

    /// A look at it: whether it is to be killed, and after how long a silence.
    pub fn look(&mut self, now: Duration, seen: ProcessSeen) -> Option<Duration> {
        let passed = now.saturating_sub(self.looked).min(LOOK * 2);
        self.looked = now;
        self.silent += passed;
        self.still = match seen.waits_for_disk || seen.used != self.used {
            true => Duration::ZERO,
            false => self.still + passed,
        };
        self.used = seen.used;
        if self.still >= STILL {
            Some(self.still)
        } else {
            (self.silent >= STALL_TIMEOUT).then_some(self.silent)
        }
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildEnd<'a> {
    /// The daemon has killed it after so long a silence.
    Still(Duration),
    /// A signal, by its name.
    Signal(&'a str),
    /// It ended by itself with a status.
    Status(i32),
    /// Nobody knows.
    Unknown,
}

/// What ended it, in words that go on after "the process …". `killed`: processes of the service that the kernel has
/// killed at the memory limit, before the child began and after its end.
pub fn cause(ending: ChildEnd<'_>, killed: (Option<u64>, Option<u64>)) -> ProcessEnd {
    match ending {
        ChildEnd::Still(silence) => ProcessEnd::Still {
            seconds: silence.as_secs(),
        },
        ChildEnd::Signal("SIGKILL") => match killed {
            (Some(before), Some(after)) if after > before => ProcessEnd::MemoryLimit,
            (Some(_), Some(_)) => ProcessEnd::KilledOutside,
            _ => ProcessEnd::Killed,
        },
        ChildEnd::Signal(name) => ProcessEnd::Signal { name: name.into() },
        ChildEnd::Status(code) => ProcessEnd::Status { code: code.into() },
        ChildEnd::Unknown => ProcessEnd::Unknown,
    }
}

/// Processes that were killed at the memory limit, of a cgroup's `memory.events`.
pub fn killed_at_limit(events: &str) -> Option<u64> {
    let mut lines = events.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Cause, RunCause};

    /// Looks for so many seconds at a child that is seen so; when it is to be killed.
    fn watched(
        seconds: u64,
        step: u64,
        seen: impl Fn(u64) -> ProcessSeen,
        beats: bool,
    ) -> Option<u64> {
        let mut silence = StallWatch::new(Duration::ZERO);
        (1..=seconds / step).map(|at| at * step).find(|at| {
            let now = Duration::from_secs(*at);
            if beats {
                silence.heard(now);
            }
            silence.look(now, seen(*at)).is_some()
        })
    }

    #[test]
    fn a_child_that_stands_still_is_told_from_one_that_works() {
        let idle = |_| ProcessSeen::default();
        let works = |at| ProcessSeen {
            used: at,
            ..ProcessSeen::default()
        };
        let disk = |_| ProcessSeen {
            waits_for_disk: true,
            ..ProcessSeen::default()
        };
        let day = 24 * 60 * 60;
        assert_eq!(watched(day, 10, idle, false), Some(150), "stopped");
        assert_eq!(watched(day, 10, idle, true), None, "waits, and says so");
        assert_eq!(watched(day, 10, works, false), Some(1800), "a circle");
        assert_eq!(watched(day, 10, disk, false), Some(1800), "a disk");
        assert_eq!(watched(1200, 10, works, false), None, "a long reckoning");
        // The machine slept, or both were stopped: one look counts for little.
        assert_eq!(watched(day, day, idle, false), None);
    }

    #[test]
    fn what_ended_it_is_told_as_far_as_it_is_known() {
        let both = |before, after| (Some(before), Some(after));
        for (ending, killed, words) in [
            (
                ChildEnd::Signal("SIGKILL"),
                both(2, 3),
                "memory limit of the service (MemoryMax=)",
            ),
            (
                ChildEnd::Signal("SIGKILL"),
                both(3, 3),
                "limit of the service was not reached",
            ),
            (
                ChildEnd::Signal("SIGKILL"),
                (None, Some(3)),
                "by hand, or since memory ran out",
            ),
            (
                ChildEnd::Signal("SIGSEGV"),
                both(2, 3),
                "was ended by SIGSEGV",
            ),
            (ChildEnd::Status(134), both(0, 0), "status 134"),
            (ChildEnd::Still(STILL), both(0, 0), "no progress for 150 s"),
        ] {
            let told = Cause::from(RunCause::WorkerDied {
                how: cause(ending, killed),
            })
            .en();
            assert!(told.contains(words), "{told}");
        }
        let events = "low 0\nhigh 12\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n";
        assert_eq!(killed_at_limit(events), Some(2));
        assert_eq!(killed_at_limit("oom 1\n"), None);
    }
}
