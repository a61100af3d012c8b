//! What convicts an item and what does not: the first table of `logic::spool`, row by row, and for any troubles of
//! central.
//! Never sleeps: hours pass by adding them.
//! Used by `tests/spool.rs`.

use std::time::Duration;

use logic::fault::Code;
use logic::intake::ItemKind;
use logic::spool::{ItemState, PartState, REFUSED_TRIES};
use proptest::prelude::*;
use serde_json::json;

use crate::bench::{Box, names, result, rows};
use crate::central::{Mishap, ResultCentral};
use crate::{holds_once, owing, sent, states};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn state(world: &Box, id: &str) -> (ItemState, Option<Code>) {
    states(world)[id]
}

fn waits(code: Code) -> (ItemState, Option<Code>) {
    (ItemState::Queued, Some(code))
}

#[test]
fn an_empty_500_alone_between_witnesses_twice_and_an_hour_apart_refuses() {
    let mut world = owing(8, &[(3, "POISON_TYPE")], Vec::new());
    let ending = world.pass();
    assert_eq!(state(&world, "e3"), waits(Code::ResultsRejected));
    assert_eq!(
        (
            ending.count.results.acknowledged,
            ending.count.results.refused
        ),
        (7, 0)
    );
    // It is told, though nothing is decided yet.
    assert_eq!(ending.findings[0].code, Code::ResultsRejected);
    assert_eq!(ending.findings[0].code.event(), Some(Code::ResultRefused));
    // One orphan by the chunk, one by the attempt alone.
    assert_eq!(world.central.executions.len(), 7 + 2);
    // Half an hour later it is left alone, and told; somebody who asks makes no second conviction of it.
    world.rest(world.plan.refuse_after / 2);
    let calls = world.central.calls.len();
    assert_eq!(world.pass().findings[0].code, Code::ResultsRejected);
    assert_eq!(world.central.calls.len(), calls);
    world.plan.asked = true;
    world.pass();
    assert_eq!(state(&world, "e3"), waits(Code::ResultsRejected));
    world.plan.asked = false;
    world.rest(world.plan.refuse_after / 2);
    let ending = world.pass();
    assert_eq!(
        state(&world, "e3"),
        (ItemState::Refused, Some(Code::ResultsRejected))
    );
    assert_eq!(ending.count.results.refused, 1);
    (0..8)
        .filter(|at| *at != 3)
        .for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    assert_eq!(world.pass().findings, Vec::new());
}

/// A11: nothing else is owed, so that no new result can be the witness.
#[test]
fn an_execution_that_central_acknowledged_is_witness_enough() {
    let mut world = owing(2, &[], Vec::new());
    world.pass();
    world.submit(
        ItemKind::Results,
        &json!({ "bad": result("bad", &["POISON_TYPE".to_owned()]) }),
    );
    world.pass();
    // It was new: nobody asked for a witness before it went.
    assert_eq!(state(&world, "bad"), waits(Code::ResultsRejected));
    let calls = world.central.calls.len();
    world.judge();
    assert_eq!(state(&world, "bad").0, ItemState::Refused);
    // The witness changed nothing.
    assert_eq!(
        world.central.executions[0].state,
        world.central.executions[1].state
    );
    (0..2).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    // Central logs it in no run.
    assert!(
        world.central.calls[calls..]
            .iter()
            .all(|(_, logged, _)| !logged)
    );
}

#[test]
fn without_any_witness_nothing_is_refused_and_it_is_told() {
    let mut world = owing(1, &[(0, "POISON_TYPE")], Vec::new());
    for _ in 0..5 {
        let ending = world.pass();
        assert_eq!(ending.findings[0].code, Code::ResultsRejected);
        assert_eq!(state(&world, "e0"), waits(Code::ResultsRejected));
        world.rest(DAY);
    }
    // A witness comes: it goes before the suspect, and what central then knows stands behind it.
    world.submit(
        ItemKind::Results,
        &json!({ "w": result("w", &names(0..2)) }),
    );
    world.judge();
    assert_eq!(state(&world, "e0").0, ItemState::Refused);
}

/// The order of the names decides nothing: each poison is found and refused, wherever it stands.
#[test]
fn every_poison_of_a_set_is_refused_whatever_its_place() {
    for places in [[0, 1], [0, 5], [4, 5], [2, 3]] {
        let poison = places.map(|at| (at, "POISON_TYPE"));
        let mut world = owing(6, &poison, Vec::new());
        world.judge();
        for at in 0..6 {
            let expected = match places.contains(&at) {
                true => ItemState::Refused,
                false => ItemState::Acknowledged,
            };
            assert_eq!(
                state(&world, &format!("e{at}")).0,
                expected,
                "{places:?} e{at}"
            );
        }
    }
}

/// Each answer that is central's trouble, for a result sent alone, again and again: it stays queued, is told with its
/// cause, and goes home when central has mended itself.
#[test]
fn central_s_troubles_convict_nobody() {
    let table = [
        (Mishap::Blip(1), Code::ResultsNotStored),
        (Mishap::Errs(1), Code::CentralError),
        (Mishap::Errs(0), Code::CentralError),
    ];
    for (fault, code) in table {
        let mut world = owing(3, &[], Vec::new());
        world.pass();
        world.submit(
            ItemKind::Results,
            &json!({ "x": result("x", &names(0..3)) }),
        );
        world.central.aim = Some("x");
        for _ in 0..6 {
            world.central.script = vec![fault].into();
            let ending = world.pass();
            assert_eq!(state(&world, "x"), waits(code), "{fault:?}");
            assert_eq!(ending.findings[0].code, code, "{fault:?}");
            assert!(ending.findings[0].reason().contains("; the oldest since "));
            world.rest(DAY);
        }
        assert_eq!(world.pass().findings, Vec::new(), "{fault:?}");
        holds_once(&world, "x", 3);
    }
}

/// A31, as a real central did it: its database away for a moment, in the middle of a request of each kind.
#[test]
fn a_blip_of_central_s_database_refuses_nothing() {
    for fault in [
        Mishap::Blip(4),
        Mishap::Errs(4),
        Mishap::Blip(0),
        Mishap::Errs(0),
    ] {
        let mut world = owing(12, &[], Vec::new());
        for at in 0..12 {
            let id = format!("e{at}");
            world.submit(ItemKind::Logs, &rows(&id, 0..5, None));
            world.submit(ItemKind::Sessions, &json!([id]));
        }
        for before in 0..20 {
            let mut script = vec![Mishap::None; before];
            script.push(fault);
            world.central.script = script.into();
            let count = world.pass().count;
            assert_eq!(
                (
                    count.results.refused,
                    count.logs.refused,
                    count.sessions.refused
                ),
                (0, 0, 0)
            );
            world.central.script.clear();
            world.rest(DAY);
        }
        world.pass();
        for ledger in world.ledgers.values() {
            assert_eq!(
                ledger.state,
                ItemState::Acknowledged,
                "{fault:?} {:?}",
                ledger.key
            );
        }
        (0..12).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    }
}

#[test]
fn a_refused_item_is_tried_ten_times_and_then_when_central_changes_or_somebody_asks() {
    let mut world = owing(4, &[(1, "POISON_TYPE")], Vec::new());
    world.judge();
    assert_eq!(state(&world, "e1").0, ItemState::Refused);
    let orphans = |world: &Box| world.central.executions.len() - 3;
    let before = orphans(&world);
    // Asking alone is no reason.
    world.plan.asked = true;
    world.pass();
    assert_eq!(orphans(&world), before);
    world.plan.asked = false;
    for _ in 0..400 {
        world.rest(3 * DAY);
        assert_eq!(
            world.pass().count.results.refused,
            0,
            "it is refused already"
        );
        assert_eq!(state(&world, "e1").0, ItemState::Refused);
    }
    assert_eq!(orphans(&world), before + REFUSED_TRIES as usize);
    world.plan.central = "2023.05".into();
    world.pass();
    assert_eq!(orphans(&world), before + REFUSED_TRIES as usize + 1);
    assert_eq!(state(&world, "e1"), waits(Code::ResultsRejected));
    let key = world.ledger(ItemKind::Results, "e1", 0).key.clone();
    world.ledgers.get_mut(&key).unwrap().retry();
    world.pass();
    assert_eq!(orphans(&world), before + REFUSED_TRIES as usize + 2);
}

#[test]
fn what_is_set_aside_is_neither_sent_nor_told() {
    let mut world = owing(3, &[], Vec::new());
    let key = world.ledger(ItemKind::Results, "e1", 0).key.clone();
    assert!(world.ledgers.get_mut(&key).unwrap().set_aside());
    let ending = world.pass();
    assert_eq!(
        (
            ending.count.results.acknowledged,
            ending.count.results.queued
        ),
        (2, 0)
    );
    assert_eq!(ending.findings, Vec::new());
    assert_eq!(state(&world, "e1").0, ItemState::SetAside);
    assert!(world.ledgers.get_mut(&key).unwrap().retry());
    world.pass();
    holds_once(&world, "e1", 3);
}

#[test]
fn a_log_row_is_refused_alone_and_by_the_same_rule() {
    let mut world = owing(2, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("e0", 0..6, Some((2, "DEADLY"))));
    world.submit(ItemKind::Logs, &rows("e1", 0..6, None));
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.refused),
        (11, 0)
    );
    let ledger = world.ledger(ItemKind::Logs, "e0", 0);
    assert_eq!(
        (ledger.state, ledger.parts[2].1),
        (ItemState::Queued, PartState::Accused)
    );
    assert_eq!(ending.findings[0].code, Code::LogsRejected);
    assert_eq!(ending.findings[0].code.event(), Some(Code::ResultRefused));
    world.rest(world.plan.refuse_after);
    assert_eq!(world.pass().count.logs.refused, 1);
    let ledger = world.ledger(ItemKind::Logs, "e0", 0);
    assert_eq!(
        (ledger.state, ledger.parts[2].1),
        (ItemState::Refused, PartState::Refused)
    );
    assert_eq!(world.central.rows["e0"].len(), 5);
}

#[test]
fn a_log_row_that_the_storage_does_not_take_waits() {
    let mut world = owing(2, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("e0", 0..6, Some((2, "POISON"))));
    for _ in 0..4 {
        let ending = world.pass();
        assert_eq!(ending.count.logs.refused, 0);
        assert_eq!(ending.findings[0].code, Code::LogsNotStored);
        world.rest(DAY);
    }
    assert_eq!(world.state(ItemKind::Logs, "e0", 0), ItemState::Queued);
    assert_eq!(world.central.rows["e0"].len(), 5);
}

/// A35: `settle` is paid once, from when the answer was lost; what does not linger leaves it to the next run.
#[test]
fn a_lost_answer_is_settled_once_and_beside_everything_else() {
    let mut world = owing(1, &[], vec![Mishap::CutBefore]);
    world.submit(ItemKind::Logs, &rows("other", 0..3, None));
    world.plan.lingers = false;
    let began = world.now.mono;
    let ending = world.pass();
    assert!(world.now.mono - began < Duration::from_secs(10));
    assert_eq!(ending.findings[0].code, Code::ResultsDoubt);
    assert_eq!(sent(&world, "logs"), 1, "other kinds go on meanwhile");
    world.rest(world.plan.settle);
    let began = world.now.mono;
    let ending = world.pass();
    assert_eq!(ending.count.results.acknowledged, 1);
    assert!(world.now.mono - began < Duration::from_secs(10));
    holds_once(&world, "e0", 3);
}

fn trouble() -> impl Strategy<Value = Vec<Mishap>> {
    let one = prop_oneof![
        8 => Just(Mishap::None),
        1 => Just(Mishap::Unsent),
        1 => Just(Mishap::CutBefore),
        1 => Just(Mishap::CutAfter),
        1 => (0usize..30).prop_map(Mishap::Dies),
        1 => Just(Mishap::Late),
        1 => any::<bool>().prop_map(Mishap::Gateway),
        1 => any::<bool>().prop_map(Mishap::Page),
        1 => Just(Mishap::Busy),
        1 => Just(Mishap::Maintenance),
        2 => (0usize..30).prop_map(Mishap::Errs),
        2 => (0usize..30).prop_map(Mishap::Blip),
    ];
    prop_oneof![
        12 => one.prop_map(|fault| vec![fault]),
        // Dying without a word is central's trouble where it befalls what is sent next as well.
        1 => (2usize..6).prop_map(|times| vec![Mishap::Sick; times]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn no_script_of_central_s_troubles_convicts_a_good_item_and_every_poison_is_convicted(
        poison in prop::collection::vec(prop::bool::weighted(0.2), 2..16),
        script in prop::collection::vec(trouble(), 0..60),
        rests in prop::collection::vec(0u64..4000, 10),
        chunk in 1usize..6,
        asked in any::<bool>(),
    ) {
        let mut world = Box::new(ResultCentral::new(script.concat()));
        world.plan.chunk = chunk;
        world.plan.rows = 5;
        world.plan.asked = asked;
        for (at, poison) in poison.iter().enumerate() {
            let id = format!("e{at:02}");
            let mut variables = names(0..3);
            if *poison {
                variables[1] = "POISON_TYPE".into();
            }
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &variables) }));
            let deadly = (at.is_multiple_of(5)).then_some((1, "DEADLY"));
            world.submit(ItemKind::Logs, &rows(&id, 0..3, deadly));
            world.submit(ItemKind::Sessions, &json!([id]));
        }
        let good = |key: &logic::spool::ItemKey| {
            let at: usize = key.id[1..].parse().unwrap();
            !(poison[at] || key.kind == ItemKind::Logs && at.is_multiple_of(5))
        };
        let innocent = |world: &Box| {
            let refused = |ledger: &&logic::spool::Ledger| ledger.state == ItemState::Refused;
            world.ledgers.values().filter(refused).find(|ledger| good(&ledger.key)).map(|l| l.key.clone())
        };
        for rest in rests {
            world.pass();
            prop_assert_eq!(innocent(&world), None);
            world.rest(Duration::from_secs(rest));
        }
        // Central is well: within `refuse_after` and two runs each poison is refused, everything else is home.
        world.central.script.clear();
        world.submit(ItemKind::Results, &json!({ "w0": result("w0", &names(0..2)) }));
        world.plan.asked = true;
        world.judge();
        for ledger in world.ledgers.values().filter(|ledger| ledger.key.id.starts_with('e')) {
            let at: usize = ledger.key.id[1..].parse().unwrap();
            let expected = match (ledger.key.kind, poison[at], at.is_multiple_of(5)) {
                (ItemKind::Results, true, _) => ItemState::Refused,
                // What follows an execution that central does not have waits for it.
                (_, true, _) => ItemState::Queued,
                (ItemKind::Logs, _, true) => ItemState::Refused,
                (ItemKind::Sessions, _, true) => ItemState::Queued,
                _ => ItemState::Acknowledged,
            };
            prop_assert_eq!(ledger.state, expected, "{:?} {:?}", ledger.key, ledger.reason);
            if ledger.key.kind == ItemKind::Results && expected == ItemState::Acknowledged {
                holds_once(&world, &ledger.key.id, 3);
            }
        }
    }
}
