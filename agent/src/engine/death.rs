//! A worker that ended without an account: kept in the file `died` until a run leaves one.
//! Never a reason to stop anything.
//! Written by the daemon, read by whoever tells where the box stands.

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
}

impl Engine {
    /// Writes one down.
    pub fn note_death(&self, reason: String) {
        let before = self.since_last(self.last().ok().flatten().as_ref());
        let death = Death {
            at: clock::now().wall,
            times: before.map_or(0, |before| before.times) + 1,
            reason,
        };
        if let Err(trouble) = self.vault.entry("died").put(&death) {
            journal::trouble(&trouble);
        }
    }

    /// Why workers ended since the last account, and how many in a row.
    pub fn died(&self, last: Option<&Report>) -> Option<(String, u32)> {
        let death = self.since_last(last)?;
        Some((death.reason, death.times))
    }

    fn since_last(&self, last: Option<&Report>) -> Option<Death> {
        // One that does not open tells nothing.
        let death = self.vault.entry("died").get::<Death>().ok().flatten()?;
        // An account of the same second came after it: a run takes longer to begin than a worker to die.
        let is_newer = last.is_none_or(|last| last.finished_at < death.at);
        is_newer.then_some(death)
    }
}
