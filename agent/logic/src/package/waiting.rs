//! What packages that are wanted wait for.
//! Never decides whether they wait: `package_lane` and the daemon do.
//! Called by `package_lane`, by the account of a run, and by whatever tells it.

use serde::{Deserialize, Serialize};

use crate::fault::{Area, Fault};

/// Why packages that are wanted do not come right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// No download window is open.
    Window,
    /// An exam runs.
    Exam,
    /// A person has paused the downloads.
    Pause,
    /// The link to central is cut or stands still.
    Link,
    /// There is no room on the disk.
    Disk,
    /// Central gives none at the moment.
    Central,
}

impl WaitReason {
    /// What is waited for, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Window => "the next download window",
            Self::Exam => "the running exam",
            Self::Pause => "the end of the pause",
            Self::Link => "the link to central",
            Self::Disk => "room on the disk",
            Self::Central => "central",
        }
    }

    /// What a trouble that is waited out, or that ended the lane's work for now, says of it.
    pub fn of(trouble: &Fault) -> Self {
        match trouble.code {
            code if code.is(Area::Disk) => Self::Disk,
            code if code.is(Area::Net) => Self::Link,
            _ => Self::Central,
        }
    }
}

/// What the packages wait for, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What is waited for.
    pub reason: WaitReason,
    /// Unix seconds at which that is over; `None` where nobody knows.
    pub until: Option<i64>,
}
