//! What the box keeps of the version that is offered: since when it waits, and when it will be renewed, as far as that is known.
//! Never the version that runs, and never a promise: what holds it back then is looked at then.
//! Written by the verb `update`; read by the page and by what looks for findings.

use serde::{Deserialize, Serialize};

use super::{UpdateSeen, UpdateStep};

/// So long a version may wait without a word, seconds.
const LONG: i64 = 14 * 86_400;

/// A version that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNote {
    /// Which.
    pub version: String,
    /// Since when it is known, Unix seconds.
    pub since: i64,
    /// When nothing will hold it back any more, Unix seconds; `None` where that is not known, or never.
    pub at: Option<i64>,
}

/// What the box keeps of renewing itself, as it stood when the source was asked: looking again would mount the ESP each time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdateKept {
    /// The version that is to come.
    pub note: Option<UpdateNote>,
    /// Versions that were tried and did not come up.
    pub failed: Vec<String>,
    /// Places for images; 0 where the one that runs is none of ours.
    pub places: u64,
}

impl UpdateKept {
    /// What is to be kept of a look, with what was kept before.
    pub fn of(seen: &UpdateSeen, step: &UpdateStep, before: Option<Self>) -> Self {
        let places = seen.running.as_ref().map_or(0, |_| seen.slots as u64);
        Self {
            note: UpdateNote::of(step, before.and_then(|before| before.note), seen.now),
            failed: seen.failed.clone(),
            places,
        }
    }
}

impl UpdateNote {
    /// What is to be kept, with what was kept before; `None` where nothing is to come.
    pub fn of(step: &UpdateStep, before: Option<Self>, now: i64) -> Option<Self> {
        let (version, at) = match step {
            UpdateStep::Nothing => return None,
            UpdateStep::Install { version } | UpdateStep::Reboot { version } => {
                (version, Some(now))
            }
            UpdateStep::Held { version, by } => {
                // One end that is not known leaves all of it unknown.
                let ends: Option<Vec<i64>> = by.iter().map(|hold| hold.until()).collect();
                (version, ends.and_then(|ends| ends.into_iter().max()))
            }
        };
        let before = before.filter(|before| before.version == *version);
        Some(Self {
            version: version.clone(),
            since: before.map_or(now, |before| before.since),
            at: at.filter(|at| *at < i64::MAX),
        })
    }

    /// Days for which it has waited, where they are too many.
    pub fn waits_long(&self, now: i64) -> Option<u64> {
        let waited = now.saturating_sub(self.since);
        (waited > LONG).then(|| (waited / 86_400).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::super::UpdateHold;
    use super::*;

    #[test]
    fn a_version_is_known_since_it_was_first_seen_and_comes_when_the_last_hold_ends() {
        let held = |version: &str, by: &[UpdateHold]| UpdateStep::Held {
            version: version.into(),
            by: by.to_vec(),
        };
        let (window, exam) = (
            UpdateHold::Window { until: 500 },
            UpdateHold::Exam { until: 700 },
        );
        let first = UpdateNote::of(&held("2", &[exam, window]), None, 100).unwrap();
        assert_eq!((first.since, first.at), (100, Some(700)));
        let next = UpdateNote::of(
            &held("2", &[window, UpdateHold::Owed { items: 1 }]),
            Some(first.clone()),
            200,
        );
        let next = next.unwrap();
        assert_eq!((next.since, next.at), (100, None));
        let other = UpdateNote::of(
            &UpdateStep::Install {
                version: "3".into(),
            },
            Some(next),
            300,
        )
        .unwrap();
        assert_eq!(
            (&*other.version, other.since, other.at),
            ("3", 300, Some(300))
        );
        assert_eq!(UpdateNote::of(&UpdateStep::Nothing, Some(other), 400), None);
        assert_eq!(first.waits_long(100 + LONG), None);
        assert_eq!(first.waits_long(101 + LONG), Some(14));
        // Whoever never has a turn is promised none.
        let never = UpdateNote::of(
            &held("2", &[UpdateHold::Share { until: i64::MAX }]),
            None,
            1,
        )
        .unwrap();
        assert_eq!(never.at, None);
    }
}
