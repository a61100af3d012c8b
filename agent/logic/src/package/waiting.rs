//! What packages that are wanted wait for, and what holds them back before central is asked at all.
//! Never looks at a clock or a signal: how long each lasts is told.
//! Called by the gate of downloads, by `package_lane`, by the account of a run, and by whatever tells it.

use std::time::Duration;

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
    /// Whether it ends what is under way, too, and not the next request alone: somebody needs the line, or the box, now.
    pub fn ends_requests(self) -> bool {
        matches!(self, Self::Exam | Self::Pause)
    }

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

    /// Whether it was decided here that none is asked for: nothing is wrong, and nothing slow.
    pub fn is_gate(self) -> bool {
        matches!(self, Self::Window | Self::Exam | Self::Pause)
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

/// What may hold packages back on the box itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldFacts {
    /// How long the pause still takes that a person ordered.
    pub pause: Option<Duration>,
    /// How long the running exam may still take.
    pub exam: Option<Duration>,
    /// How long until a download window opens; nothing while one is open.
    pub window: Duration,
    /// Somebody asked for packages whatever the windows say (`sync --now`).
    pub at_once: bool,
}

/// What holds packages back, and for how long. What ends requests that are under way comes first. Neither a pause nor an
/// exam ends because somebody asked for a run.
pub fn held_back(facts: HoldFacts) -> Option<(WaitReason, Duration)> {
    let pause = facts.pause.map(|left| (WaitReason::Pause, left));
    let exam = facts.exam.map(|left| (WaitReason::Exam, left));
    let is_closed = !facts.at_once && !facts.window.is_zero();
    let window = is_closed.then_some((WaitReason::Window, facts.window));
    pause.or(exam).or(window)
}

/// When what takes so many seconds of open time is done, in Unix seconds: `open` are the times at which packages may come,
/// `None` where that is always. What comes while none is open comes whatever they say. `None` beyond what is known of them.
pub fn done_at(open: Option<&[(i64, i64)]>, now: i64, seconds: u64) -> Option<i64> {
    let at = |from: i64, left: i64| Some(from.saturating_add(left));
    let mut left = i64::try_from(seconds).ok()?;
    let is_open = |open: &&[(i64, i64)]| open.first().is_some_and(|(opens, _)| *opens <= now);
    let Some(open) = open.filter(is_open) else {
        return at(now, left);
    };
    for (opens, closes) in open {
        let from = now.max(*opens);
        let lasts = closes.saturating_sub(from).max(0);
        if left <= lasts {
            return at(from, left);
        }
        left -= lasts;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_a_window_goes_on_in_the_next() {
        let nights = [(100, 160), (200, 260), (300, 360)];
        for (open, now, seconds, done) in [
            (None, 130, 5_000, Some(5_130)),
            (Some(&nights[..]), 130, 10, Some(140)),
            (Some(&nights[..]), 130, 30, Some(160)),
            (Some(&nights[..]), 130, 31, Some(201)),
            (Some(&nights[..]), 130, 30 + 60 + 7, Some(307)),
            (Some(&nights[..]), 130, 30 + 60 + 61, None),
            // Somebody has asked for them outside of the windows.
            (Some(&nights[..]), 50, 70, Some(120)),
            (Some(&nights[..]), 130, u64::MAX, None),
            (Some(&[][..]), 130, 10, Some(140)),
        ] {
            assert_eq!(done_at(open, now, seconds), done, "{seconds} s from {now}");
        }
    }

    #[test]
    fn a_pause_an_exam_and_a_window_hold_back_in_this_order() {
        let hour = Duration::from_secs(3600);
        let minute = Some(Duration::from_secs(60));
        for (pause, exam, window, at_once, reason) in [
            (None, None, Duration::ZERO, false, None),
            (None, None, hour, false, Some(WaitReason::Window)),
            (None, None, hour, true, None),
            (None, minute, hour, false, Some(WaitReason::Exam)),
            (None, minute, hour, true, Some(WaitReason::Exam)),
            (minute, minute, hour, true, Some(WaitReason::Pause)),
            (minute, None, Duration::ZERO, true, Some(WaitReason::Pause)),
        ] {
            let facts = HoldFacts {
                pause,
                exam,
                window,
                at_once,
            };
            assert_eq!(held_back(facts).map(|(reason, _)| reason), reason);
        }
    }
}
