//! What the box owes through crashes on both sides: exactly once, or named with the true reason.
//! Never shares code with the product beyond the words of the wire; never sleeps.
//! Run by `cargo test -p logic`; the real binary meets real sockets in `tests/`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "spool/bench.rs"]
mod bench;
#[path = "spool/carried.rs"]
mod carried;
#[path = "spool/central.rs"]
mod central;
#[path = "spool/copy.rs"]
mod copy;
#[path = "spool/crash.rs"]
mod crash;
#[path = "spool/encrypted.rs"]
mod encrypted;
#[path = "spool/failed.rs"]
mod failed;
#[path = "spool/keep.rs"]
mod keep;
#[path = "spool/person.rs"]
mod person;
#[path = "spool/reactivated.rs"]
mod reactivated;
#[path = "spool/rows.rs"]
mod row;
#[path = "spool/rule.rs"]
mod rule;

use std::collections::BTreeMap;
use std::time::Duration;

use bench::{Box, names, result, rows};
use central::{Columns, Mishap, ResultCentral};
use logic::fault::Code;
use logic::intake::ItemKind;
use logic::spool::{ItemState, PartState};
use serde_json::json;

/// A box that owes results `e0..`, three variables each, with poison in some.
fn owing(count: usize, poison: &[(usize, &str)], script: Vec<Mishap>) -> Box {
    let mut world = Box::new(ResultCentral::new(script));
    for at in 0..count {
        let id = format!("e{at}");
        let mut variables = names(0..3);
        if let Some((_, name)) = poison.iter().find(|(of, _)| *of == at) {
            variables[1] = (*name).to_owned();
        }
        world.submit(ItemKind::Results, &json!({ &id: result(&id, &variables) }));
    }
    world
}

fn states(world: &Box) -> BTreeMap<String, (ItemState, Option<Code>)> {
    let of = |ledger: &logic::spool::Ledger| {
        let code = ledger.reason.as_ref().and_then(|r| r.code.known());
        (ledger.key.id.clone(), (ledger.state, code))
    };
    world
        .ledgers
        .values()
        .filter(|ledger| ledger.key.kind == ItemKind::Results)
        .map(of)
        .collect()
}

fn holds_once(world: &Box, id: &str, variables: usize) {
    let at = world.central.mapping[id];
    assert_eq!(
        world.central.executions[at].variables.len(),
        variables,
        "{id}"
    );
}

fn sent(world: &Box, name: &str) -> usize {
    world
        .central
        .calls
        .iter()
        .filter(|(of, ..)| *of == name)
        .count()
}

#[test]
fn a_well_central_takes_all_in_chunks_and_the_last_one_alone() {
    let mut world = owing(25, &[], Vec::new());
    let ending = world.pass();
    assert_eq!((ending.trouble, ending.findings), (None, Vec::new()));
    assert_eq!(ending.count.results.acknowledged, 25);
    assert_eq!(ending.count.results.queued, 0);
    let sizes: Vec<_> = world
        .central
        .calls
        .iter()
        .map(|(_, logged, ids)| (*logged, ids.len()))
        .collect();
    assert_eq!(sizes, [(true, 10), (true, 10), (true, 4), (true, 1)]);
    assert_eq!(world.central.executions.len(), 25);
    assert_eq!(world.opened, 10);
    assert_eq!(world.pass().count.results.acknowledged, 0);
    assert_eq!(world.central.calls.len(), 4);
}

/// Protocol 7.2, 7.5: each fate of the first request, for five results; what is then known and what was sent for it.
#[test]
fn each_fate_of_a_chunk_ends_with_everything_stored_once() {
    let table = [
        (Mishap::Unsent, 0, 0),
        (Mishap::CutBefore, 1, 0),
        (Mishap::CutAfter, 1, 0),
        (Mishap::Dies(0), 1, 1),
        (Mishap::Dies(5), 1, 1),
        (Mishap::Died(0), 1, 1),
        (Mishap::Died(9), 1, 1),
        (Mishap::Late, 1, 0),
        (Mishap::Gateway(false), 1, 0),
        (Mishap::Gateway(true), 1, 0),
        (Mishap::Page(false), 1, 0),
        (Mishap::Page(true), 1, 0),
        (Mishap::Busy, 0, 0),
        (Mishap::Slow, 0, 0),
    ];
    for (fault, probes, orphans) in table {
        let mut world = owing(5, &[], vec![fault]);
        let ending = world.pass();
        assert_eq!(ending.count.results.acknowledged, 5, "{fault:?} {ending:?}");
        assert_eq!(sent(&world, "probe") > 0, probes > 0, "{fault:?}");
        assert_eq!(world.central.executions.len(), 5 + orphans, "{fault:?}");
        (0..5).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        // Probes and repetitions are not in central's log.
        let repeated = world
            .central
            .calls
            .iter()
            .filter(|(name, logged, _)| *name == "probe" && *logged);
        assert_eq!(repeated.count(), 0);
    }
}

#[test]
fn a_barred_central_ends_the_pass_and_everything_stays_queued() {
    let mut world = owing(5, &[], vec![Mishap::Maintenance]);
    let ending = world.pass();
    assert_eq!(ending.trouble.unwrap().code, Code::CentralMaintenance);
    assert_eq!(ending.count.results.queued, 5);
    assert!(
        states(&world)
            .values()
            .all(|(state, _)| *state == ItemState::Queued)
    );
    assert_eq!(world.central.calls.len(), 1);
}

#[test]
fn an_unreachable_central_is_asked_three_times() {
    let mut world = owing(5, &[], vec![Mishap::Unsent; 9]);
    let ending = world.pass();
    assert_eq!(ending.trouble.unwrap().code, Code::NetRefused);
    assert_eq!(
        (world.central.calls.len(), ending.count.results.queued),
        (3, 5)
    );
}

#[test]
fn a_sick_central_refuses_nothing_and_is_soon_left_alone() {
    let mut world = owing(20, &[], Vec::new());
    world.central.well_for = 1;
    let ending = world.pass();
    assert_eq!(ending.count.results.acknowledged, 10);
    assert_eq!(
        (ending.count.results.refused, ending.count.results.queued),
        (0, 10)
    );
    assert!(ending.findings.iter().any(|f| f.code == Code::CentralSick));
    // The chunk, and the witness: none of the others is spent on a central that is sick.
    assert_eq!(sent(&world, "results"), 1 + 1 + 1);
    world.central.well_for = usize::MAX;
    world.plan.asked = true;
    world.pass();
    assert!(
        states(&world)
            .values()
            .all(|(state, _)| *state == ItemState::Acknowledged)
    );
}

#[test]
fn a_result_too_long_for_the_web_server_is_told_as_that() {
    let mut world = owing(4, &[], Vec::new());
    world.submit(
        ItemKind::Results,
        &json!({ "big": result("big", &names(0..40)) }),
    );
    world.submit(
        ItemKind::Results,
        &json!({ "z": result("z", &names(0..3)) }),
    );
    world.central.limit = 3000;
    let ending = world.pass();
    let too_long = (ItemState::Queued, Some(Code::ResultsTooLong));
    assert_eq!(states(&world)["big"], too_long);
    let told = &ending.findings[0];
    assert_eq!(told.code, Code::ResultsTooLong);
    assert!(
        told.reason()
            .starts_with("1 result waits: central's web server takes no request")
    );
    assert_eq!(ending.count.results.acknowledged, 5);
    assert_eq!(world.central.executions.len(), 5);
    // It is left alone for a while and told all the same; then it goes by itself, once central's limit is mended.
    let calls = world.central.calls.len();
    assert_eq!(world.pass().findings[0].code, Code::ResultsTooLong);
    assert_eq!(world.central.calls.len(), calls);
    for _ in 0..20 {
        world.rest(Duration::from_secs(24 * 3600));
        world.pass();
    }
    assert_eq!(states(&world)["big"], too_long);
    world.central.limit = usize::MAX;
    world.rest(Duration::from_secs(24 * 3600));
    assert_eq!(world.pass().findings, Vec::new());
    holds_once(&world, "big", 40);
}

#[test]
fn a_probe_that_does_not_mean_what_it_should_resolves_nothing() {
    for (columns, held, stored) in [
        (Columns::Broken, 0, false),
        (Columns::Unnamed, 0, false),
        (Columns::Stored, 1, true),
    ] {
        let mut world = owing(4, &[], vec![Mishap::CutAfter]);
        world.central.columns = columns;
        let ending = world.pass();
        assert_eq!(ending.count.results.unconfirmed, 3 - held, "{columns:?}");
        assert_eq!(ending.probe_stored, stored);
        assert_eq!(
            world.central.executions.len(),
            4,
            "{columns:?}: never sent again"
        );
        assert!(
            ending
                .findings
                .iter()
                .any(|f| f.code.event() == Some(Code::ResultUnconfirmed))
        );
        // Not even later; but `retry` on a central that answers as it should resolves them.
        world.pass();
        assert_eq!(world.central.executions.len(), 4);
        world.central.columns = Columns::Strict;
        world.plan.probe = true;
        world.ledgers.values_mut().for_each(|ledger| {
            ledger.retry();
        });
        world.pass();
        assert!(
            states(&world)
                .values()
                .all(|(state, _)| *state == ItemState::Acknowledged)
        );
        assert_eq!(world.central.executions.len(), 4);
        let probes: usize = world.central.rows.values().map(Vec::len).sum();
        assert_eq!(probes, held as usize);
    }
}

/// Protocol 7.5: reactivated executions take only variables that are not stored yet, one by one.
#[test]
fn a_probe_that_is_not_answered_holds_back_nothing_but_what_is_in_doubt() {
    let lost = [Mishap::CutBefore; 2];
    let mut world = owing(5, &[], [&[Mishap::CutAfter], &lost[..]].concat());
    // Three requests in a row without an answer: central is not there.
    assert_eq!(world.pass().trouble.unwrap().code, Code::NetReset);
    // Two probes: what else is owed goes on.
    world.central.script.extend(lost);
    let ending = world.pass();
    let codes: Vec<_> = ending.findings.iter().map(|f| f.code).collect();
    assert_eq!(
        (ending.trouble, codes),
        (None, vec![Code::NetReset, Code::ResultsDoubt])
    );
    let count = ending.count.results;
    assert_eq!((count.acknowledged, count.queued), (1, 4));
    assert_eq!((sent(&world, "probe"), sent(&world, "results")), (4, 2));
    assert_eq!(states(&world)["e0"].0, ItemState::Sending);
    // The next run asks again, and sends none of them.
    assert_eq!(world.pass().count.results.acknowledged, 4);
    assert_eq!((sent(&world, "probe"), sent(&world, "results")), (6, 2));
    (0..5).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
}

#[test]
fn chunks_shrink_with_slow_answers_and_grow_back() {
    let mut world = owing(45, &[], vec![Mishap::None, Mishap::Slow, Mishap::Slow]);
    world.pass();
    let sizes: Vec<_> = world
        .central
        .calls
        .iter()
        .map(|(.., ids)| ids.len())
        .collect();
    assert_eq!(sizes, [10, 10, 5, 2, 4, 8, 5, 1]);
}

#[test]
fn a_chunk_that_is_too_long_shrinks_by_its_bytes() {
    let mut world = owing(20, &[], Vec::new());
    world.central.limit = 6000;
    let ending = world.pass();
    assert_eq!(ending.count.results.acknowledged, 20);
    let refused = sent(&world, "results");
    assert!(refused <= 10, "{refused} requests");
}
