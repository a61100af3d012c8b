//! A worker that ended without an account: kept in the file `died` until a run leaves one.
//! Never a reason to stop anything.
//! Written by the daemon, read by whoever tells where the box stands.

use logic::fault::{self, Cause, Code, Finding};
use logic::report::Report;
use serde::{Deserialize, Serialize};

use super::Engine;
use system::clock;
use system::journal;

/// The last worker that ended without an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Death {
    /// Unix seconds.
    at: i64,
    /// In a row, without an account between them.
    times: u32,
    reason: String,
    /// The same as a value; an older boxsync wrote none.
    #[serde(deserialize_with = "fault::or_none")]
    cause: String,
}

impl Engine {
    /// Writes one down.
    pub fn note_death(&self, how: &Cause) {
        let before = self.since_last(self.last().ok().flatten().as_ref());
        let death = Death {
            at: clock::now().wall,
            times: before.map_or(0, |before| before.times) + 1,
            reason: how.en(),
            cause: how.in_row(),
        };
        if let Err(trouble) = self.vault.entry("died").put(&death) {
            journal::trouble(&trouble);
        }
    }

    /// Why workers ended since the last account, and how many in a row.
    pub fn died(&self, last: Option<&Report>) -> Option<(Finding, u32)> {
        let death = self.since_last(last)?;
        let how = Cause::of_row(&death.cause, death.reason);
        Some((Finding::new(Code::WorkerDied, how), death.times))
    }

    fn since_last(&self, last: Option<&Report>) -> Option<Death> {
        // One that does not open tells nothing.
        let death = self.vault.entry("died").get::<Death>().ok().flatten()?;
        // An account of the same second came after it: a run takes longer to begin than a worker to die.
        let is_newer = last.is_none_or(|last| last.finished_at < death.at);
        is_newer.then_some(death)
    }
}

#[cfg(test)]
mod tests {
    use logic::fault::{ProcessEnd, RunCause};
    use logic::settings::Settings;
    use system::root::Root;

    use super::*;

    /// As a boxsync wrote it that kept no values.
    #[derive(Serialize, Deserialize)]
    struct OldDeath {
        at: i64,
        times: u32,
        reason: String,
    }

    #[test]
    fn what_a_worker_died_of_is_kept_as_a_value_and_older_records_open() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(&Root::new(dir.path()), Settings::default()).unwrap();
        let how = RunCause::WorkerDied {
            how: ProcessEnd::MemoryLimit,
        };
        let how = Cause::from(how);
        engine.note_death(&how);
        engine.note_death(&how);
        let told = Finding::new(Code::WorkerDied, how.clone());
        assert_eq!(engine.died(None), Some((told, 2)));
        // An older boxsync reads it, and passes over the value.
        let entry = engine.vault.entry("died");
        let mut old: OldDeath = entry.get().unwrap().unwrap();
        assert_eq!((old.times, &old.reason), (2, &how.en()));
        // What it writes has words alone.
        old.times = 1;
        entry.put(&old).unwrap();
        let words = Finding::new(Code::WorkerDied, how.en());
        assert_eq!(engine.died(None), Some((words, 1)));
    }
}
