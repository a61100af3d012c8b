//! Words that every rule uses: time as a value, the synchronisation's parameters, the class of a failure.
//! Never reads a clock and never touches the world.
//! Called by every module of `logic` and by the adapters of `agent`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One reading of both clocks of the box, taken together.
///
/// `mono` drives every wait and every age: it counts suspend and never steps (`CLOCK_BOOTTIME`).
/// `wall` is what the box believes, in Unix seconds; it may be wrong by decades and is only shown
/// or compared with what central says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Now {
    /// Time since boot, suspend included.
    pub mono: Duration,
    /// Unix seconds as the box believes them.
    pub wall: i64,
}

impl Now {
    /// The same moment moved forward on both clocks.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self {
            mono: self.mono + span,
            wall: self.wall + span.as_secs() as i64,
        }
    }
}

/// What accompanies every call of one synchronisation (protocol 4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncParams {
    /// Organisation of the box; a string on the wire, always.
    pub organisation_id: String,
    /// Grows for ever per box id; > 0. 0 where none could be kept: then none is on the wire, and central's log has no
    /// row of the run (protocol 9.4), which another run could be taken for.
    pub sync_id: u64,
    /// At most 50 characters; a string on the wire, always.
    pub box_id: String,
    /// VM version of the box, e.g. `2022.11`.
    pub tao_version: String,
}

impl SyncParams {
    /// As they travel in a body (protocol 4.3).
    pub fn on_the_wire(&self) -> serde_json::Value {
        let mut all = serde_json::json!(self);
        if self.sync_id == 0 {
            all.as_object_mut().map(|all| all.remove("sync_id"));
        }
        all
    }
}

/// What a failure asks of the one who meets it (design 2, house rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    /// Passing: try again after a wait.
    Retry,
    /// The token is not accepted: fetch another one, once.
    Refresh,
    /// This request can never succeed as it is.
    GiveUp,
    /// A person has to act.
    Operator,
}

/// How a run or a verb ends; the exit status follows from it (design 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All well.
    Finished,
    /// Finished with something failed or held back, or central answered nonsense.
    Failed,
    /// Not enrolled, wrong password, credentials refused, role missing.
    Unauthorized,
    /// DNS, connection, proxy, TLS, timeout.
    Offline,
    /// VM version not in `supportedVm`.
    Unsupported,
}

impl Outcome {
    /// The exit status of design 4.2.
    pub fn exit(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Failed => 1,
            Self::Unauthorized => 3,
            Self::Offline => 4,
            Self::Unsupported => 5,
        }
    }

    /// The word of `sync --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Unauthorized => "unauthorized",
            Self::Offline => "offline",
            Self::Unsupported => "unsupported",
        }
    }
}
