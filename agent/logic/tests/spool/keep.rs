//! A disk that takes nothing more: results leave all the same, what nobody could ask central about waits, none is doubled.
//! Never sleeps, never draws: what becomes of each write is scripted.
//! Used by `tests/spool.rs`.

use std::time::Duration;

use logic::fault::Code;
use logic::intake::ItemKind;
use logic::spool::{ItemState, REFUSED_TRIES};
use serde_json::json;

use crate::bench::{Box, Cut, Write, names, result, rows};
use crate::central::{Columns, Mishap};
use crate::{holds_once, owing, sent, states};

/// For as long as anybody writes.
fn never() -> [Write; 5000] {
    [Write::Failed; 5000]
}

fn codes(ending: &logic::spool::SpoolEnding) -> Vec<Code> {
    ending.findings.iter().map(|f| f.code).collect()
}

#[test]
fn results_leave_where_nothing_can_be_written_and_once_there_is_room_none_is_doubled() {
    for probe_first in [true, false] {
        let mut world = owing(25, &[], Vec::new());
        world.plan.probe_first = probe_first;
        world.writes = never().into();
        let ending = world.pass();
        assert_eq!(ending.trouble, None);
        assert_eq!(codes(&ending), [Code::DiskFull], "told once");
        assert_eq!(ending.count.results.acknowledged, 25);
        assert!(ending.unkept && !ending.flying);
        (0..25).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        assert!(
            states(&world)
                .values()
                .all(|(s, _)| *s == ItemState::Queued)
        );
        // The disk is still full: they are asked for, a request a chunk, and nothing is sent.
        let before = (sent(&world, "results"), sent(&world, "probe"));
        assert_eq!(codes(&world.pass())[0], Code::DiskFull);
        assert_eq!(sent(&world, "results"), before.0);
        assert!(sent(&world, "probe") - before.1 <= 4);
        // There is room again.
        world.writes.clear();
        let ending = world.pass();
        assert_eq!((ending.trouble, ending.findings), (None, Vec::new()));
        assert!(
            states(&world)
                .values()
                .all(|(s, _)| *s == ItemState::Acknowledged)
        );
        assert_eq!(world.central.executions.len(), 25);
        (0..25).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    }
}

/// The process is killed at any step of a run of which nothing can be written; the next one has room.
#[test]
fn a_kill_while_nothing_can_be_written_doubles_nothing() {
    for fault in [
        Mishap::None,
        Mishap::CutAfter,
        Mishap::Late,
        Mishap::Dies(4),
    ] {
        for (after, done) in (0..30).flat_map(|after| [(after, false), (after, true)]) {
            let mut world = owing(5, &[], vec![Mishap::None, fault]);
            world.writes = never().into();
            world.cuts = [Cut { after, done }].into();
            world.until_cut();
            world.writes.clear();
            for _ in 0..3 {
                world.pass();
                world.rest(Duration::from_secs(120));
            }
            let told = format!("{fault:?} {after} {done}");
            (0..5).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
            let complete = world.central.executions.iter().filter(|e| e.complete);
            assert_eq!(complete.count(), 5, "{told}");
            assert!(
                states(&world)
                    .values()
                    .all(|(s, _)| *s == ItemState::Acknowledged),
                "{told}"
            );
        }
    }
}

#[test]
fn what_central_cannot_be_asked_about_waits_for_room() {
    let mut world = owing(2, &[], Vec::new());
    world.pass();
    world.submit(
        ItemKind::Results,
        &json!({ "e0": result("e0", &names(0..5)) }),
    );
    world.submit(
        ItemKind::Results,
        &json!({ "n": result("n", &names(0..2)) }),
    );
    for id in ["e1", "n"] {
        world.submit(ItemKind::Logs, &rows(id, 0..4, None));
        world.submit(ItemKind::Sessions, &json!([id]));
    }
    for _ in 0..3 {
        world.writes = never().into();
        let ending = world.pass();
        assert_eq!(codes(&ending), [Code::DiskFull]);
        let count = &ending.count;
        // A variable of a known execution, rows and sessions: nothing of them went, nothing is counted as gone.
        assert_eq!((count.logs.acknowledged, count.logs.doubled), (0, 0));
        assert_eq!((count.logs.queued, count.sessions.queued), (8, 2));
        assert!(count.results.queued >= 1);
        holds_once(&world, "n", 2);
        holds_once(&world, "e0", 3);
    }
    assert!(world.central.rows.is_empty() && world.central.sessions.is_empty());
    world.writes.clear();
    for _ in 0..2 {
        world.pass();
    }
    holds_once(&world, "e0", 5);
    assert_eq!(
        world.state(ItemKind::Results, "e0", 1),
        ItemState::Acknowledged
    );
    assert!(world.central.rows.values().all(|rows| rows.len() == 4));
    assert!(world.central.sessions.values().all(|told| *told == 1));
}

/// What failed before leaves an orphan with each try, which could not be counted.
#[test]
fn what_failed_before_is_not_tried_unseen() {
    let mut world = owing(3, &[(0, "POISON_TYPE")], Vec::new());
    world.pass();
    world.writes = never().into();
    world.plan.asked = true;
    let before = world.central.executions.len();
    world.pass();
    world.pass();
    assert_eq!(world.central.executions.len(), before);
}

/// Without a probe only a storage that fails at what it holds keeps a result from being doubled.
#[test]
fn where_central_may_take_a_result_twice_and_cannot_be_asked_it_waits() {
    for (central, leaves) in [("2022.11", true), ("3.4.0-sprint130", false)] {
        let mut world = owing(5, &[], Vec::new());
        world.central.columns = Columns::Broken;
        world.plan.central = central.into();
        world.writes = never().into();
        let ending = world.pass();
        assert_eq!(codes(&ending), [Code::DiskFull], "{central}");
        let stored = world.central.executions.len();
        assert_eq!(stored, if leaves { 5 } else { 0 }, "{central}");
        assert_eq!(ending.count.results.queued, 5 - stored as u64);
        world.writes.clear();
        world.pass();
        let complete = world.central.executions.iter().filter(|e| e.complete);
        assert_eq!(complete.count(), 5, "{central}");
    }
}

/// A disk that takes some writes and not others: what lies there is never newer than what is known.
#[test]
fn a_disk_that_takes_every_other_write_doubles_nothing() {
    for first in [Write::Kept, Write::Failed, Write::Half] {
        let mut world: Box = owing(12, &[], Vec::new());
        world.submit(ItemKind::Logs, &rows("e0", 0..9, None));
        world.plan.rows = 2;
        let pattern = [first, Write::Failed, Write::Kept, Write::Half];
        world.writes = pattern.into_iter().cycle().take(4000).collect();
        for _ in 0..4 {
            world.pass();
        }
        world.writes.clear();
        for _ in 0..2 {
            world.pass();
        }
        (0..12).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        assert_eq!(world.central.executions.len(), 12, "{first:?}");
        let rows = world.central.rows["e0"].len() as u64;
        assert!(
            rows - 9 <= world.doubled,
            "{first:?}: {rows} rows, {} told",
            world.doubled
        );
        assert!(
            states(&world)
                .values()
                .all(|(s, _)| *s == ItemState::Acknowledged)
        );
    }
}

/// Central is still at a result that went without a mark. A run between cannot write down either what it wants to send, and
/// hears all that it asks: that says nothing of the first.
#[test]
fn a_run_between_does_not_end_the_wait_for_what_went_without_a_mark() {
    // A first content, and one behind a content that central refused.
    for edition in [0, 1] {
        let mut world = owing(1, &[], Vec::new());
        world.pass();
        if edition > 0 {
            let former = json!({ "late": result("late", &names(0..1)) });
            world.submit(ItemKind::Results, &former);
            let own = world.ledgers.values_mut().find(|l| l.key.id == "late");
            let own = own.unwrap();
            own.state = ItemState::Refused;
            own.central = world.plan.central.clone();
            own.trial.refused = true;
            own.trial.tries = REFUSED_TRIES;
        }
        world.submit(
            ItemKind::Results,
            &json!({ "late": result("late", &names(0..2)) }),
        );
        world.plan.probe_first = true;
        world.plan.lingers = false;
        world.writes = never().into();
        world.central.script = [Mishap::None, Mishap::Late].into();
        let ending = world.pass();
        assert!(ending.unkept && ending.flying);
        // Nobody can ask for rows: they wait, and nothing else is on its way.
        world.submit(ItemKind::Logs, &rows("e0", 0..3, None));
        let ending = world.pass();
        assert!(ending.unkept && ending.flying, "the first is not settled");
        world.writes.clear();
        for _ in 0..4 {
            world.pass();
            world.rest(Duration::from_secs(30));
        }
        world.rest(Duration::from_secs(60));
        world.pass();
        assert_eq!(world.central.executions.len(), 2, "one is doubled");
        holds_once(&world, "late", 2);
        let state = world.state(ItemKind::Results, "late", edition);
        assert_eq!(state, ItemState::Acknowledged);
    }
}
