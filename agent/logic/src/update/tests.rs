//! The table of `step`, and what holds for whatever is seen.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_795_000_000;

/// A box that may install 2 now.
fn free() -> UpdateSeen {
    UpdateSeen {
        running: Some("1".into()),
        offered: vec!["1".into(), "2".into()],
        supported: vec!["1".into(), "2".into()],
        slots: 2,
        now: NOW,
        quiet_before: Duration::from_secs(86_400),
        ..UpdateSeen::default()
    }
}

fn held(by: UpdateHold) -> UpdateStep {
    UpdateStep::Held {
        version: "2".into(),
        by: vec![by],
    }
}

#[test]
fn each_row_of_the_table() {
    let install = || UpdateStep::Install {
        version: "2".into(),
    };
    let quiet = |start: i64| {
        held(UpdateHold::Quiet {
            start,
            until: start + BEGUN,
        })
    };
    type Row = (fn(&mut UpdateSeen), UpdateStep);
    let table: [Row; 22] = [
        // The plan names a day long ago, or one that cannot be read.
        (|s| s.plan = "2 2020-01-01 1 50".into(), install()),
        (
            |s| s.plan = "2 soon".into(),
            held(UpdateHold::Share { until: i64::MAX }),
        ),
        (|_| {}, install()),
        (|s| s.offered = vec!["1".into()], UpdateStep::Nothing),
        (|s| s.offered.clear(), UpdateStep::Nothing),
        (|s| s.running = Some("3".into()), UpdateStep::Nothing),
        (
            |s| s.installed = Some("2".into()),
            UpdateStep::Reboot {
                version: "2".into(),
            },
        ),
        // What is installed boots without another place.
        (
            |s| {
                s.installed = Some("2".into());
                s.slots = 1
            },
            UpdateStep::Reboot {
                version: "2".into(),
            },
        ),
        (|s| s.installed = Some("0".into()), install()),
        (|s| s.slots = 1, held(UpdateHold::Impossible)),
        (|s| s.running = None, held(UpdateHold::Impossible)),
        (|s| s.failed = vec!["2".into()], held(UpdateHold::Failed)),
        (
            |s| s.supported = vec!["1".into()],
            held(UpdateHold::Unsupported),
        ),
        (
            |s| {
                s.supported = vec!["t".into()];
                s.told = Some("t".into())
            },
            install(),
        ),
        (|s| s.unblessed = true, held(UpdateHold::Unblessed)),
        (
            |s| s.exam = Some(60),
            held(UpdateHold::Exam { until: NOW + 60 }),
        ),
        (|s| s.next_start = Some(NOW + 86_400), quiet(NOW + 86_400)),
        (|s| s.next_start = Some(NOW + 86_401), install()),
        (
            |s| s.next_start = Some(NOW - BEGUN + 1),
            quiet(NOW - BEGUN + 1),
        ),
        (|s| s.next_start = Some(NOW - BEGUN), install()),
        (|s| s.could_leave = 3, held(UpdateHold::Owed { items: 3 })),
        (
            |s| s.window = Duration::from_secs(3_600),
            held(UpdateHold::Window { until: NOW + 3_600 }),
        ),
    ];
    for (place, (change, is)) in table.into_iter().enumerate() {
        let mut seen = free();
        change(&mut seen);
        assert_eq!(step(&seen), is, "row {place}");
    }
}

fn versions() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[0-4]", 0..4)
}

prop_compose! {
    fn seen()(
        running in proptest::option::of("[0-4]"), installed in proptest::option::of("[0-4]"),
        offered in versions(), supported in versions(), failed in versions(),
        unblessed: bool, slots in 0usize..3, exam in proptest::option::of(any::<u64>()),
        next_start in proptest::option::of(any::<i64>()), quiet in any::<u64>(),
        could_leave in 0u64..2, window in 0u64..2,
    ) -> UpdateSeen {
        UpdateSeen {
            running, installed, offered, supported, failed, unblessed, slots, exam, next_start, could_leave,
            told: None, plan: String::new(), box_id: String::new(), now: NOW, quiet_before: Duration::from_secs(quiet), window: Duration::from_secs(window),
        }
    }
}

proptest! {
    /// What may go now is newer than what runs, supported, never tried in vain, and in nobody's way.
    #[test]
    fn nothing_goes_that_must_wait(seen in seen()) {
        let (UpdateStep::Install { version } | UpdateStep::Reboot { version }) = step(&seen) else { return Ok(()) };
        prop_assert!(seen.supported.contains(&version));
        prop_assert!(!seen.failed.contains(&version));
        prop_assert!(seen.running.is_none_or(|running| version > running));
        prop_assert!(!seen.unblessed && seen.exam.is_none() && seen.could_leave == 0 && seen.window.is_zero());
        let before = i64::try_from(seen.quiet_before.as_secs()).unwrap_or(i64::MAX);
        if let Some(start) = seen.next_start {
            prop_assert!(seen.now < start.saturating_sub(before) || seen.now >= start.saturating_add(BEGUN));
        }
    }

    /// What is held back names what holds it, and goes once nothing of that is so.
    #[test]
    fn what_is_held_back_goes_when_nothing_holds_it(seen in seen()) {
        if let UpdateStep::Held { version, by } = step(&seen) {
            prop_assert!(!by.is_empty());
            let freed = UpdateSeen {
                supported: vec![version.clone()],
                running: seen.running.or(Some("-".into())),
                failed: Vec::new(), unblessed: false, slots: 2, exam: None, next_start: None, could_leave: 0,
                window: Duration::ZERO, ..seen
            };
            let goes = matches!(step(&freed), UpdateStep::Install { version: goes } | UpdateStep::Reboot { version: goes } if goes == version);
            prop_assert!(goes);
        }
    }
}
