//! What a run leaves behind before its first request, and what the next one makes of it: a run that never ended is
//! counted and told to central, a state folder that was put back is noticed, a box that runs twice is named.
//! Never reads a clock, a file or a socket: what is seen is an argument.
//! Called by `engine`, which keeps the trace sealed in the file `trace`, and by `doctor`.
//!
//! A run is *open* from the moment its number is durable until its account is. Whoever holds the lock and finds an open
//! run knows that it was killed: two never run at a time.
//!
//! | Found at the start of a run | It was | What is done |
//! |---|---|---|
//! | nothing open | ended | |
//! | open, and the last account has its number | cut after its account was written | closed |
//! | open | killed, or the power went | an account `run.killed` with what it doubled; central is told |
//!
//! Central is told of a run that ended without its confirmation by the next one that gets through: `confirmSyncFailed`
//! with the number and the parameters of that run (protocol 9.3). Telling it twice does no harm.
//!
//! How a state folder that was put back is noticed, and what cannot be:
//!
//! | Sign | Seen when |
//! |---|---|
//! | the file `place` is another file than the one that was made here | files were copied back: a backup, an archive, `cp -a` |
//! | the number of the last run is lower than the daemon has seen | under a running daemon |
//! | central holds a result that was never sent from here | any, a disk image too, once such a result is owed |
//!
//! A disk image that was put back while the box was off, with nothing owed, looks like a box that was off: central keeps
//! no number that a box could ask for (protocol 9.4), and its log then continues the rows of the old runs.

use serde::{Deserialize, Serialize};

use crate::fault::{Cause, Code, Fault, Finding, RunCause};
use crate::report::Report;
use crate::words::SyncParams;

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its parameters, number included.
    pub params: SyncParams,
    /// Unix seconds.
    pub started_at: i64,
    /// It brings catalogue and packages.
    pub data: bool,
    /// It sends what is owed.
    pub results: bool,
    /// Somebody waits for it.
    pub asked: bool,
    /// Log rows that it sent although central may have held them.
    pub logs_doubled: u64,
    /// The same of sessions.
    pub sessions_doubled: u64,
}

/// A run that ended and of whose end central has not heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its parameters, number included.
    pub params: SyncParams,
    /// Why, in words of this box.
    pub reason: String,
}

/// Which file the file `place` is: a copy of the folder cannot have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Its number on the volume.
    pub inode: u64,
    /// When it was made, in nanoseconds, where the file system tells.
    pub made: Option<u64>,
    /// When its description was changed last, in nanoseconds.
    pub changed: i64,
}

impl FileIdentity {
    /// Whether this is another file than `earlier`. A changed description (another owner, other rights) of a file whose
    /// making is known proves nothing.
    pub fn is_another(&self, earlier: &Self) -> bool {
        let made = self.made.zip(earlier.made);
        self.inode != earlier.inode
            || made.map_or(self.changed != earlier.changed, |(now, then)| now != then)
    }
}

/// Why the state folder is taken for an earlier copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// `FileIdentity` is another.
    Copied,
    /// The daemon has seen higher numbers.
    Number,
    /// Central holds what was never sent from here.
    Held,
}

/// The state folder was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Unix seconds, when it was noticed.
    pub at: i64,
    /// By what.
    pub sign: Sign,
    /// The next number is still to be raised above all that may have been used.
    pub raise: bool,
    /// What is owed since before is still to be asked for before it is sent.
    pub probe: bool,
}

/// Another box works with the credentials of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice {
    /// Unix seconds, when it was noticed last.
    pub at: i64,
    /// Tokens that died early in that run.
    pub evicted: u32,
}

/// What the file `trace` holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Trace {
    /// The run under way, or one that was killed.
    pub open: Option<Begun>,
    /// Runs of whose end central is still to be told, oldest first.
    pub untold: Vec<Ended>,
    /// The folder, as it was seen first.
    pub place: Option<FileIdentity>,
    /// It was put back.
    pub restored: Option<Restored>,
    /// The box runs twice.
    pub twice: Option<Twice>,
}

/// More ends than this are not kept for central: a box that is killed every minute must not tell for hours.
const UNTOLD_KEPT: usize = 16;
/// So long it is shown that the folder was put back or that the box runs twice, in seconds.
const SHOWN: i64 = 7 * 24 * 60 * 60;
/// Numbers from the time are seconds since 2020-01-01. Central keeps an int (protocol 9.4): they fit until 2088.
const NUMBERED_SINCE: i64 = 1_577_836_800;
/// The highest number that every central can keep.
const HIGHEST: u64 = i32::MAX as u64;

/// What is seen of the folder and of the box before a run begins.
#[derive(Debug, Clone, Copy)]
pub struct TraceSeen {
    /// The file `place` as it is.
    pub place: Option<FileIdentity>,
    /// The number of the last run by the identity.
    pub sync_id: u64,
    /// The highest number that the daemon has seen; 0 without one.
    pub daemon: u64,
    /// Unix seconds.
    pub now: i64,
}

impl Trace {
    /// A run begins; it must be durable before anything is sent.
    pub fn begin(&mut self, begun: Begun) {
        self.open = Some(begun);
    }

    /// Takes an open run for killed and gives its account, unless `last` is it.
    pub fn bury(&mut self, last: Option<&Report>) -> Option<Report> {
        let open = self.open.take()?;
        let same = |last: &&Report| {
            last.sync_id == open.params.sync_id && last.box_id == open.params.box_id
        };
        if last.filter(same).is_some() {
            return None;
        }
        let mut report = Report::new(&open.params, open.started_at);
        report.logs.doubled = open.logs_doubled;
        report.sessions.doubled = open.sessions_doubled;
        let trouble = killed();
        report.stop(&trouble);
        // The open run of an earlier copy may have ended well after the copy was made: central knows better.
        if !self.is_raising() {
            self.ended(Ended {
                params: open.params,
                reason: trouble.reason(),
            });
        }
        Some(report)
    }

    /// The run under way has its account; `untold`: central has not heard of its end.
    pub fn end(&mut self, untold: Option<Ended>) {
        self.open = None;
        if let Some(ended) = untold {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Ended) {
        self.untold.push(ended);
        let over = self.untold.len().saturating_sub(UNTOLD_KEPT);
        self.untold.drain(..over);
    }

    /// Central knows of the end of this run.
    pub fn told(&mut self, sync_id: u64) {
        self.untold.retain(|ended| ended.params.sync_id != sync_id);
    }

    /// Compares the folder with what it was, before a run begins. Says whether a folder that was put back is noticed now.
    pub fn look(&mut self, seen: TraceSeen) -> bool {
        let copied = self
            .place
            .zip(seen.place)
            .is_some_and(|(then, now)| now.is_another(&then));
        // A file that is gone was not copied with the others.
        let gone = self.place.is_some() && seen.place.is_none();
        let sign = if copied || gone {
            Some(Sign::Copied)
        } else if seen.daemon > seen.sync_id {
            Some(Sign::Number)
        } else {
            None
        };
        self.place = seen.place;
        match sign {
            Some(sign) => self.restore(sign, seen.now),
            None => return false,
        }
        true
    }

    /// The folder was put back: the next number is raised, and what is owed is asked for before it is sent.
    pub fn restore(&mut self, sign: Sign, now: i64) {
        self.restored = Some(Restored {
            at: now,
            sign,
            raise: true,
            probe: true,
        });
    }

    /// The next number is to be raised by `above`.
    pub fn is_raising(&self) -> bool {
        self.restored.is_some_and(|restored| restored.raise)
    }

    /// What is owed may have been sent from the copy that this folder was.
    pub fn is_probing(&self) -> bool {
        self.restored.is_some_and(|restored| restored.probe)
    }

    /// The number was raised.
    pub fn raised(&mut self) {
        if let Some(restored) = &mut self.restored {
            restored.raise = false;
        }
    }

    /// Everything that was owed when it was noticed has been asked for.
    pub fn probed(&mut self) {
        if let Some(restored) = &mut self.restored {
            restored.probe = false;
        }
    }

    /// What is to be shown to people, the weightier first.
    pub fn notices(&self, now: i64) -> Vec<Finding> {
        let shown = |at: i64| now.saturating_sub(at) < SHOWN;
        let mut notices = Vec::new();
        if let Some(twice) = self.twice.filter(|twice| shown(twice.at)) {
            let tokens = u64::from(twice.evicted);
            notices.push(Finding::new(Code::BoxTwice, RunCause::BoxTwice { tokens }));
        }
        if let Some(restored) = self.restored.filter(|restored| shown(restored.at)) {
            notices.push(Finding::new(Code::BoxRestored, restored.sign.cause()));
        }
        notices
    }
}

impl Sign {
    /// The sign as a cause.
    pub fn cause(self) -> Cause {
        let cause = match self {
            Self::Copied => RunCause::StateCopied,
            Self::Number => RunCause::StateOlder,
            Self::Held => RunCause::ResultsNeverSent,
        };
        cause.into()
    }
}

/// The number of the next run. `raise`: above every number that an unknown later state of this box may have used, by
/// central's time where it was heard: numbers grow by one a run, and runs are further apart than a second.
pub fn next(stored: u64, daemon: u64, raise: bool, heard: Option<i64>) -> u64 {
    let next = stored.max(daemon) + 1;
    let timed = heard
        .filter(|_| raise)
        .and_then(|heard| u64::try_from(heard.saturating_sub(NUMBERED_SINCE)).ok())
        .filter(|timed| *timed <= HIGHEST);
    next.max(timed.unwrap_or(0))
}

/// Whether what ended in this could not be written down: the disk takes nothing, or not this. Nothing that is owed waits
/// for it.
pub fn is_unkept(code: Code) -> bool {
    matches!(
        code,
        Code::DiskFull | Code::DiskInodes | Code::DiskFailing | Code::StateReadOnly | Code::StateIo
    )
}

/// The trouble of a run that left no account.
pub fn killed() -> Fault {
    Fault::new(Code::RunKilled, RunCause::Killed)
}

/// The trouble of a run that was told to end.
pub fn stopped() -> Fault {
    Fault::new(Code::RunStopped, RunCause::Stopped)
}

/// Whether this is the account of one.
pub fn is_stopped(report: &Report) -> bool {
    report.code == Code::RunStopped
}

#[cfg(test)]
mod tests;
