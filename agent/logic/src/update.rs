//! Decides whether a new image of the box may be installed, or booted, now: what is offered, and what holds it back.
//! Never fetches, verifies or installs an image: `engine::image` and `systemd-sysupdate` do, when they have asked here.
//! Called by the verb `update`.

pub mod health;
pub mod image;
pub mod note;
pub mod share;
pub mod slot;
pub mod version;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use version::newest;

/// So long after the begin of a period it counts as being sat, whether or not anybody has said that an exam runs.
pub const BEGUN: i64 = 12 * 60 * 60;

/// What is known of the box and of what it is offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateSeen {
    /// Version of the image that runs; `None` where it is no image of ours.
    pub running: Option<String>,
    /// The newest version that is installed beside it, to be booted next.
    pub installed: Option<String>,
    /// Versions that the source offers.
    pub offered: Vec<String>,
    /// Versions that central supports, as it last said.
    pub supported: Vec<String>,
    /// The version that the box tells central whichever image runs; `None` where it tells that of the image.
    pub told: Option<String>,
    /// Versions that were tried and did not come up.
    pub failed: Vec<String>,
    /// The image that runs has not been blessed yet: it is still being tried.
    pub unblessed: bool,
    /// Places for images; an image is installed only where there is another than the one that runs.
    pub slots: usize,
    /// Unix seconds.
    pub now: i64,
    /// Seconds for which an exam that was signalled may still run.
    pub exam: Option<u64>,
    /// Begin of the nearest period that is not `BEGUN` ago, Unix seconds.
    pub next_start: Option<i64>,
    /// Nothing begins so long before a period.
    pub quiet_before: Duration,
    /// Items that central does not have, on a box that reached central last time.
    pub could_leave: u64,
    /// Until a window opens; zero where one is open.
    pub window: Duration,
    /// The plan of a staged roll-out, as the source has it (`share`); empty without one.
    pub plan: String,
    /// Who this box is; empty where that is not known.
    pub box_id: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum UpdateStep {
    /// Nothing newer than what runs is offered or installed.
    Nothing,
    /// A newer version may be installed now.
    Install {
        /// Which.
        version: String,
    },
    /// The version that is installed may be booted now.
    Reboot {
        /// Which.
        version: String,
    },
    /// A newer version waits.
    Held {
        /// Which.
        version: String,
        /// Why, all of it, in order of weight.
        by: Vec<UpdateHold>,
    },
}

/// What holds a version back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum UpdateHold {
    /// There is one place for an image, or nothing that installs one.
    Impossible,
    /// It was tried under this number and did not come up.
    Failed,
    /// Central does not support it, or has not said what it supports.
    Unsupported,
    /// The image that runs is still being tried: a second update would overwrite the one to fall back to.
    Unblessed,
    /// An exam runs.
    Exam {
        /// Unix seconds at which its signal ends.
        until: i64,
    },
    /// A period begins soon, or has just begun.
    Quiet {
        /// Unix seconds at which it begins.
        start: i64,
        /// Unix seconds from which it no longer counts.
        until: i64,
    },
    /// Something that candidates did could leave before.
    Owed {
        /// So many items.
        items: u64,
    },
    /// No window is open.
    Window {
        /// Unix seconds at which the next one opens.
        until: i64,
    },
    /// The roll-out has not come to this box.
    Share {
        /// Unix seconds at which it has.
        until: i64,
    },
}

impl UpdateHold {
    /// When it ends by itself, Unix seconds; `None` where that is not known, or never.
    pub fn until(self) -> Option<i64> {
        match self {
            Self::Exam { until }
            | Self::Quiet { until, .. }
            | Self::Window { until }
            | Self::Share { until } => Some(until),
            _ => None,
        }
    }
}

/// What is to be done:
///
/// | newest offered or installed | what else | is |
/// |---|---|---|
/// | not newer than what runs | whatever | nothing |
/// | newer, installed | nothing holds it | reboot |
/// | newer, offered | nothing holds it | install |
/// | newer, offered | one slot, or no image of ours runs | held: impossible |
/// | newer | tried under this number | held: failed |
/// | newer | not among what central supports | held: unsupported |
/// | newer | what runs is not blessed | held: unblessed |
/// | newer | an exam runs | held: exam |
/// | newer | a period begins within `quiet_before`, or began less than `BEGUN` ago | held: quiet |
/// | newer | something owed could leave | held: owed |
/// | newer | no window is open | held: window |
/// | newer, offered | its turn in the roll-out has not come (`share`) | held: share |
///
/// Only the newest counts: what installs takes that one, so an older one that might do is none that could come.
pub fn step(seen: &UpdateSeen) -> UpdateStep {
    let installed = seen.installed.as_deref();
    let newest = newest(seen.offered.iter().map(String::as_str).chain(installed));
    let running = seen.running.as_deref();
    let is_newer =
        |found: &&str| running.is_none_or(|running| version::compare(found, running).is_gt());
    let Some(found) = newest.filter(is_newer) else {
        return UpdateStep::Nothing;
    };
    let version = found.to_owned();
    let is_installed =
        installed.is_some_and(|installed| version::compare(installed, found).is_eq());
    let by = holds(seen, found, is_installed);
    match (by.is_empty(), is_installed) {
        (false, _) => UpdateStep::Held { version, by },
        (true, true) => UpdateStep::Reboot { version },
        (true, false) => UpdateStep::Install { version },
    }
}

fn holds(seen: &UpdateSeen, version: &str, is_installed: bool) -> Vec<UpdateHold> {
    let is = |other: &String| version::compare(other, version).is_eq();
    // Central compares texts.
    let told = seen.told.as_deref().unwrap_or(version);
    let is_supported = seen.supported.iter().any(|known| known == told);
    let end = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        seen.now.saturating_add(seconds)
    };
    let quiet = |start: i64| {
        let before = i64::try_from(seen.quiet_before.as_secs()).unwrap_or(i64::MAX);
        let until = start.saturating_add(BEGUN);
        (start.saturating_sub(before)..until)
            .contains(&seen.now)
            .then_some(UpdateHold::Quiet { start, until })
    };
    let impossible = !is_installed && (seen.slots < 2 || seen.running.is_none());
    let window = seen.window.as_secs();
    [
        impossible.then_some(UpdateHold::Impossible),
        seen.failed.iter().any(is).then_some(UpdateHold::Failed),
        (!is_supported).then_some(UpdateHold::Unsupported),
        seen.unblessed.then_some(UpdateHold::Unblessed),
        seen.exam.map(|left| UpdateHold::Exam { until: end(left) }),
        seen.next_start.and_then(quiet),
        (seen.could_leave > 0).then_some(UpdateHold::Owed {
            items: seen.could_leave,
        }),
        (window > 0).then_some(UpdateHold::Window { until: end(window) }),
        share::turn(&seen.plan, version, &seen.box_id)
            .filter(|until| !is_installed && *until > seen.now)
            .map(|until| UpdateHold::Share { until }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests;
