//! Flags of the box: what is true of it, each as a file that exists while it is, for programs that watch files.
//! Never judges anew: ready is what the verdict says.
//! Called by the daemon, which keeps the files.
//!
//! | Flag | Up while |
//! |---|---|
//! | `ready` | the verdict is READY or READY, BUT … |
//! | `not-ready` | it is NOT READY |
//! | `owed` | the box holds what central has not acknowledged, or nobody knows whether it does |
//! | `exam-blocked` | an exam runs, and packages or changes of the catalogue wait for its end |
//!
//! Between two looks nothing of it is known to have changed. Of a box that could not be looked at no flag is up but `owed`.

use std::collections::BTreeSet;

use super::verdict::Word;
use super::{BoxStanding, Verdict};
use crate::package::waiting::WaitReason;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoxFlag {
    /// The exam can run.
    Ready,
    /// It cannot.
    NotReady,
    /// Something is owed to central.
    Owed,
    /// An exam in progress holds something up.
    ExamBlocked,
}

impl BoxFlag {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ready, Self::NotReady, Self::Owed, Self::ExamBlocked];

    /// The name of its file below `/run/boxsync`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Owed => "owed",
            Self::ExamBlocked => "exam-blocked",
        }
    }
}

/// What holds something up at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blocking {
    /// An exam runs.
    pub exam: bool,
    /// What packages wait for.
    pub packages: Option<WaitReason>,
}

/// The flags that are up; `standing`: where the box stands, if it could be looked at.
pub fn flags(standing: Option<&BoxStanding>, blocking: Blocking) -> BTreeSet<BoxFlag> {
    let Some(standing) = standing else {
        return [BoxFlag::Owed].into();
    };
    let is_ready = Verdict::of(standing).word != Word::NotReady;
    let owes = standing.owed.is_none_or(|owed| owed.unacknowledged() > 0);
    let waits = standing.catalogue.waiting > 0 || blocking.packages == Some(WaitReason::Exam);
    let all = [
        (BoxFlag::Ready, is_ready),
        (BoxFlag::NotReady, !is_ready),
        (BoxFlag::Owed, owes),
        (BoxFlag::ExamBlocked, blocking.exam && waits),
    ];
    let up = all.into_iter().filter(|(_, is_up)| *is_up);
    up.map(|(flag, _)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::super::verdict::OwedCounts;
    use super::*;

    fn standing(change: impl FnOnce(&mut BoxStanding)) -> BoxStanding {
        let mut standing = BoxStanding {
            enrolled: true,
            owed: Some(OwedCounts::default()),
            ..BoxStanding::default()
        };
        standing.catalogue.complete_at = Some(0);
        (standing.packages.wanted, standing.packages.held) = (1, 1);
        change(&mut standing);
        standing
    }

    #[test]
    fn each_flag_is_up_exactly_while_it_is_true() {
        use BoxFlag::{ExamBlocked, NotReady, Owed, Ready};
        type Change = fn(&mut BoxStanding);
        let idle = Blocking::default();
        let exam = |packages| Blocking {
            exam: true,
            packages,
        };
        let owing = |change: fn(&mut OwedCounts)| {
            let mut owed = OwedCounts::default();
            change(&mut owed);
            standing(|standing| standing.owed = Some(owed))
        };
        let rows: [(Change, Blocking, &[BoxFlag]); 8] = [
            (|_| {}, idle, &[Ready]),
            (|s| s.packages.held = 0, idle, &[NotReady]),
            (|s| s.catalogue.held_back = 3, idle, &[Ready]),
            (|s| s.owed = None, idle, &[Ready, Owed]),
            (|_| {}, exam(None), &[Ready]),
            (|_| {}, exam(Some(WaitReason::Window)), &[Ready]),
            (|_| {}, exam(Some(WaitReason::Exam)), &[Ready, ExamBlocked]),
            (
                |s| s.catalogue.waiting = 1,
                exam(None),
                &[Ready, ExamBlocked],
            ),
        ];
        for (change, blocking, up) in rows {
            let up: BTreeSet<BoxFlag> = up.iter().copied().collect();
            assert_eq!(flags(Some(&standing(change)), blocking), up);
        }
        // What waited for an exam that is over waits for the next run.
        let waits = standing(|s| s.catalogue.waiting = 1);
        assert_eq!(flags(Some(&waits), idle), [Ready].into());
        let owed: [fn(&mut OwedCounts); 6] = [
            |owed| owed.queued = 1,
            |owed| owed.refused = 1,
            |owed| owed.unconfirmed = 1,
            |owed| owed.set_aside = 1,
            |owed| owed.open = 1,
            |owed| owed.held = 1,
        ];
        for change in owed {
            assert_eq!(flags(Some(&owing(change)), idle), [Ready, Owed].into());
        }
        assert_eq!(flags(None, exam(Some(WaitReason::Exam))), [Owed].into());
    }
}
