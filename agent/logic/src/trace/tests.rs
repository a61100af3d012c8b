//! What a run leaves behind, and what the next one concludes from it.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use super::*;
use crate::fault::Code;
use crate::words::Outcome;
use proptest::prelude::*;

fn params(sync_id: u64) -> SyncParams {
    SyncParams {
        organisation_id: "1".into(),
        sync_id,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    }
}

fn begun(sync_id: u64) -> Begun {
    Begun {
        params: params(sync_id),
        started_at: 100,
        data: true,
        results: true,
        asked: false,
        logs_doubled: 3,
        sessions_doubled: 1,
    }
}

fn place(inode: u64, made: Option<u64>, changed: i64) -> FileIdentity {
    FileIdentity {
        inode,
        made,
        changed,
    }
}

fn seen(place: Option<FileIdentity>, sync_id: u64, daemon: u64) -> TraceSeen {
    TraceSeen {
        place,
        sync_id,
        daemon,
        now: 1_000,
    }
}

#[test]
fn a_run_that_left_no_account_was_killed_and_is_told_once() {
    let mut trace = Trace::default();
    assert_eq!(trace.bury(None), None);
    trace.begin(begun(7));
    let report = trace.bury(Some(&Report::new(&params(6), 0))).unwrap();
    assert_eq!(
        (report.sync_id, report.code.known()),
        (7, Some(Code::RunKilled))
    );
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!((report.logs.doubled, report.sessions.doubled), (3, 1));
    assert_eq!(trace.untold[0].params, params(7));
    assert_eq!(trace.bury(None), None, "it is buried once");
    trace.told(7);
    assert!(trace.untold.is_empty());
}

#[test]
fn a_run_that_was_cut_after_its_account_is_no_killed_one() {
    let mut trace = Trace::default();
    trace.begin(begun(7));
    assert_eq!(trace.bury(Some(&Report::new(&params(7), 0))), None);
    assert_eq!(trace, Trace::default());
    // The account of another box, whose copy this was, says nothing.
    trace.begin(begun(7));
    let mut foreign = Report::new(&params(7), 0);
    foreign.box_id = "other".into();
    assert!(trace.bury(Some(&foreign)).is_some());
}

#[test]
fn the_open_run_of_a_copy_is_not_told_to_central() {
    let mut trace = Trace {
        open: Some(begun(7)),
        place: Some(place(1, None, 1)),
        ..Trace::default()
    };
    assert!(trace.look(seen(Some(place(2, None, 2)), 7, 0)));
    assert!(trace.bury(None).is_some(), "here it has no account");
    assert!(trace.untold.is_empty(), "there it may have ended well");
}

#[test]
fn only_the_newest_ends_are_kept_for_central() {
    let mut trace = Trace::default();
    for sync_id in 1..=40 {
        trace.begin(begun(sync_id));
        trace.bury(None);
    }
    let kept: Vec<u64> = trace.untold.iter().map(|e| e.params.sync_id).collect();
    assert_eq!(kept, (25..=40).collect::<Vec<_>>());
}

#[test]
fn a_copy_of_a_file_is_another_file() {
    let here = place(10, Some(5), 6);
    let table = [
        ("the same", place(10, Some(5), 6), false),
        ("another owner", place(10, Some(5), 9), false),
        ("copied beside it", place(11, Some(5), 6), true),
        (
            "copied, with the number of the old one",
            place(10, Some(7), 7),
            true,
        ),
        ("the making is not told", place(10, None, 6), false),
        (
            "the making is not told, and it was changed",
            place(10, None, 9),
            true,
        ),
    ];
    for (what, now, another) in table {
        assert_eq!(now.is_another(&here), another, "{what}");
    }
}

#[test]
fn a_folder_that_was_put_back_is_noticed_once() {
    let (here, copy) = (place(1, Some(1), 1), place(2, Some(2), 2));
    let table = [
        ("the first time", None, Some(here), 5, 0, None),
        ("nothing changed", Some(here), Some(here), 5, 5, None),
        ("copied", Some(here), Some(copy), 5, 0, Some(Sign::Copied)),
        (
            "not copied with the others",
            Some(here),
            None,
            5,
            0,
            Some(Sign::Copied),
        ),
        (
            "under the daemon",
            Some(here),
            Some(here),
            5,
            8,
            Some(Sign::Number),
        ),
        ("no file system tells", None, None, 5, 5, None),
    ];
    for (what, then, now, sync_id, daemon, sign) in table {
        let mut trace = Trace {
            place: then,
            ..Trace::default()
        };
        assert_eq!(
            trace.look(seen(now, sync_id, daemon)),
            sign.is_some(),
            "{what}"
        );
        assert_eq!(trace.restored.map(|r| r.sign), sign, "{what}");
        assert_eq!(
            (trace.is_raising(), trace.is_probing()),
            (sign.is_some(), sign.is_some())
        );
        assert!(
            !trace.look(seen(now, sync_id.max(daemon), daemon)),
            "{what}: noticed once"
        );
        trace.raised();
        trace.probed();
        assert!(!trace.is_raising() && !trace.is_probing());
        assert_eq!(
            trace.notices(1_000).len(),
            usize::from(sign.is_some()),
            "{what}"
        );
        assert!(trace.notices(1_000 + SHOWN).is_empty());
    }
}

#[test]
fn a_box_that_runs_twice_is_shown_for_a_week() {
    let trace = Trace {
        twice: Some(Twice { at: 10, evicted: 2 }),
        ..Trace::default()
    };
    assert_eq!(trace.notices(20)[0].code, Code::BoxTwice);
    assert!(trace.notices(10 + SHOWN).is_empty());
}

#[test]
fn a_raised_number_is_above_all_that_were_used_and_fits_central_s_column() {
    // 2026-11-28.
    let now = 1_795_824_000;
    assert_eq!(next(7, 0, false, Some(now)), 8);
    assert_eq!(next(7, 0, true, Some(now)), 217_987_200);
    assert_eq!(next(7, 12, true, None), 13);
    assert_eq!(next(7, 0, true, Some(0)), 8);
    assert_eq!(
        next(7, 0, true, Some(i64::MAX)),
        8,
        "no clock of central's takes the column away"
    );
    assert_eq!(next(7, 0, true, Some(i64::MIN)), 8);
    assert_eq!(next(300_000_000, 0, true, Some(now)), 300_000_001);
}

proptest! {
    /// However often a box is put back to whichever earlier state, a number that is raised by central's time is higher
    /// than each that was used before.
    #[test]
    fn no_number_is_used_twice(steps in prop::collection::vec((1i64..100_000, any::<Option<prop::sample::Index>>()), 1..60)) {
        let mut now = 1_700_000_000;
        let mut kept = vec![0u64];
        let mut used = std::collections::BTreeSet::new();
        let mut stored = 0;
        for (pause, put_back) in steps {
            now += pause;
            let raise = put_back.is_some();
            if let Some(index) = put_back {
                stored = *index.get(&kept);
            }
            stored = next(stored, 0, raise, Some(now));
            prop_assert!(used.last().is_none_or(|last| *last < stored));
            used.insert(stored);
            kept.push(stored);
        }
    }
}
