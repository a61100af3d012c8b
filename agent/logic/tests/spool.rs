//! What the box owes through crashes on both sides: exactly once, or named with the true reason.
//! Never shares code with the product beyond the words of the wire; never sleeps.
//! Run by `cargo test -p logic`; the real binary meets real sockets in `tests/`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "spool/bench.rs"]
mod bench;
#[path = "spool/central.rs"]
mod central;
#[path = "spool/copy.rs"]
mod copy;
#[path = "spool/crash.rs"]
mod crash;
#[path = "spool/failed.rs"]
mod failed;
#[path = "spool/keep.rs"]
mod keep;
#[path = "spool/person.rs"]
mod person;
#[path = "spool/rule.rs"]
mod rule;

use std::collections::BTreeMap;
use std::time::Duration;

use bench::{Box, names, result, rows};
use central::{Central, Columns, Mishap};
use logic::fault::Code;
use logic::intake::ItemKind;
use logic::spool::{ItemState, PartState};
use serde_json::json;

/// A box that owes results `e0..`, three variables each, with poison in some.
fn owing(count: usize, poison: &[(usize, &str)], script: Vec<Mishap>) -> Box {
    let mut world = Box::new(Central::new(script));
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
fn a_reactivated_execution_brings_only_what_is_new() {
    let table = [
        Mishap::None,
        Mishap::Unsent,
        Mishap::CutBefore,
        Mishap::CutAfter,
        Mishap::Dies(0),
        Mishap::Dies(1),
        Mishap::Died(0),
        Mishap::Late,
        Mishap::Page(true),
        Mishap::Busy,
    ];
    for fault in table {
        let mut world = owing(1, &[], Vec::new());
        world.pass();
        world.submit(
            ItemKind::Results,
            &json!({ "e0": result("e0", &names(0..6)) }),
        );
        world.submit(
            ItemKind::Results,
            &json!({ "e0": result("e0", &names(0..6)) }),
        );
        world.central.script = vec![fault].into();
        let ending = world.pass();
        assert_eq!(ending.count.results.acknowledged, 1, "{fault:?} {ending:?}");
        assert_eq!(
            world.state(ItemKind::Results, "e0", 1),
            ItemState::Acknowledged
        );
        holds_once(&world, "e0", 6);
        assert_eq!(world.central.executions.len(), 1);
    }
}

#[test]
fn a_new_state_without_new_variables_is_told_once() {
    let mut world = owing(1, &[], Vec::new());
    world.pass();
    let mut other = result("e0", &names(0..3));
    let state = "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusTerminated";
    other["details"]["state"] = json!(state);
    world.submit(ItemKind::Results, &json!({ "e0": other }));
    world.pass();
    assert_eq!(world.central.executions[0].state, state);
    assert_eq!(
        world.state(ItemKind::Results, "e0", 1),
        ItemState::Acknowledged
    );
    assert_eq!(sent(&world, "results"), 2);
}

#[test]
fn a_poisoned_variable_of_a_reactivated_execution_is_refused_alone() {
    for (name, code, state, part) in [
        (
            "POISON_TYPE",
            Code::ResultsRejected,
            ItemState::Refused,
            PartState::Refused,
        ),
        // By its own words the storage is to blame.
        (
            "POISON_STORE",
            Code::ResultsNotStored,
            ItemState::Queued,
            PartState::Owed,
        ),
    ] {
        let mut world = owing(1, &[], Vec::new());
        world.pass();
        let mut variables = names(0..6);
        variables[4] = name.into();
        world.submit(
            ItemKind::Results,
            &json!({ "e0": result("e0", &variables) }),
        );
        world.pass();
        assert_ne!(world.state(ItemKind::Results, "e0", 1), ItemState::Refused);
        holds_once(&world, "e0", 5);
        world.rest(world.plan.refuse_after);
        let ending = world.pass();
        let ledger = world.ledger(ItemKind::Results, "e0", 1);
        let code_of = ledger.reason.as_ref().unwrap().code.known();
        assert_eq!((ledger.state, code_of), (state, Some(code)));
        assert_eq!(ledger.parts[4].1, part);
        assert!(ending.findings.iter().any(|f| f.code == code));
        holds_once(&world, "e0", 5);
    }
}

#[test]
fn a_new_content_waits_for_the_earlier_one_and_replaces_it_when_refused() {
    let mut world = owing(3, &[(0, "POISON_TYPE")], Vec::new());
    world.submit(
        ItemKind::Results,
        &json!({ "e0": result("e0", &names(0..4)) }),
    );
    world.judge();
    world.plan.asked = true;
    world.pass();
    assert_eq!(world.state(ItemKind::Results, "e0", 0), ItemState::Refused);
    assert_eq!(
        world.state(ItemKind::Results, "e0", 1),
        ItemState::Acknowledged
    );
    holds_once(&world, "e0", 4);
    // The refused one comes back: only its variable that central does not have is sent.
    world.plan.central = "2023.05".into();
    world.pass();
    holds_once(&world, "e0", 4);
}

#[test]
fn logs_follow_their_results_and_sessions_their_logs() {
    let mut world = owing(3, &[(1, "POISON_TYPE")], Vec::new());
    for at in 0..3 {
        let id = format!("e{at}");
        world.submit(ItemKind::Logs, &rows(&id, 0..150, None));
        world.submit(ItemKind::Sessions, &json!([id]));
    }
    let ending = world.pass();
    assert_eq!(ending.count.logs.acknowledged, 300);
    assert_eq!(
        (ending.count.logs.queued, ending.count.logs.doubled),
        (150, 0)
    );
    assert_eq!(
        (
            ending.count.sessions.acknowledged,
            ending.count.sessions.queued
        ),
        (2, 1)
    );
    let order: Vec<_> = world.central.calls.iter().map(|(name, ..)| *name).collect();
    let first = |name| order.iter().position(|of| *of == name).unwrap();
    assert!(first("results") < first("logs") && first("logs") < first("sessions"));
    assert_eq!(
        world.central.sessions,
        [("e0".into(), 1), ("e2".into(), 1)].into()
    );
    // Rows that came later open the session's execution again only for themselves.
    world.submit(ItemKind::Logs, &rows("e0", 140..160, None));
    let ending = world.pass();
    assert_eq!(ending.count.logs.acknowledged, 10);
    assert_eq!(world.central.rows["e0"].len(), 160);
}

#[test]
fn many_rows_go_in_requests_of_two_hundred() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("e0", 0..450, None));
    world.pass();
    assert_eq!(sent(&world, "logs"), 3);
    assert_eq!(world.central.rows["e0"].len(), 450);
    assert_eq!(
        world.state(ItemKind::Logs, "e0", 0),
        ItemState::Acknowledged
    );
}

#[test]
fn rows_of_a_lost_answer_are_sent_again_and_counted() {
    let mut world = owing(2, &[], Vec::new());
    world.pass();
    world.submit(ItemKind::Logs, &rows("e0", 0..5, None));
    world.central.script = vec![Mishap::CutAfter].into();
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.doubled),
        (5, 5)
    );
    assert_eq!(world.central.rows["e0"].len(), 10);
}

#[test]
fn rows_of_an_unknown_execution_stay_queued() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("stranger", 0..3, None));
    world.submit(ItemKind::Sessions, &json!(["stranger", "e0"]));
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.queued),
        (0, 3)
    );
    let ledger = world.ledger(ItemKind::Logs, "stranger", 0);
    assert_eq!(ledger.reason.as_ref().unwrap().code, Code::LogsUnmapped);
    assert_eq!(world.central.sessions, [("e0".into(), 1)].into());
    world.submit(
        ItemKind::Results,
        &json!({ "stranger": result("stranger", &names(0..2)) }),
    );
    world.pass();
    assert_eq!(world.central.rows["stranger"].len(), 3);
    assert_eq!(world.central.sessions["stranger"], 1);
}

#[test]
fn a_session_that_central_cannot_complete_waits_beside_one_that_it_can() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Sessions, &json!(["nobody", "e0"]));
    let ending = world.pass();
    let count = ending.count.sessions;
    assert_eq!((count.acknowledged, count.refused, count.queued), (1, 0, 1));
    assert_eq!(
        world.state(ItemKind::Sessions, "nobody", 0),
        ItemState::Queued
    );
    assert_eq!(ending.findings[0].code, Code::SessionsFailed);
}

#[test]
fn lti_users_are_sent_only_where_configured() {
    let mut world = Box::new(Central::new(Vec::new()));
    world.submit(ItemKind::LtiUsers, &json!([{"id": "u1"}, {"id": "u2"}]));
    world.pass();
    assert_eq!(world.central.calls.len(), 0);
    world.plan.lti_users = true;
    let ending = world.pass();
    assert_eq!(ending.findings[0].code, Code::LtiUsersUnsupported);
    assert_eq!(world.state(ItemKind::LtiUsers, "u1", 0), ItemState::Queued);
    world.central.lti = true;
    world.plan.asked = true;
    world.pass();
    assert_eq!(world.central.users.len(), 2);
    assert_eq!(
        world.state(ItemKind::LtiUsers, "u2", 0),
        ItemState::Acknowledged
    );
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

#[test]
fn a_row_too_long_for_the_web_server_waits_alone() {
    let mut world = owing(1, &[], Vec::new());
    let mut long = rows("e0", 0..9, None);
    long["e0"][4]["data"] = json!("x".repeat(2000));
    world.submit(ItemKind::Logs, &long);
    world.central.limit = 1500;
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.refused),
        (8, 0)
    );
    let ledger = world.ledger(ItemKind::Logs, "e0", 0);
    let code = ledger.reason.as_ref().unwrap().code.known();
    assert_eq!(
        (ledger.state, code),
        (ItemState::Queued, Some(Code::LogsTooLong))
    );
    assert_eq!(world.central.rows["e0"].len(), 8);
    // Central's limit is mended: it goes by itself.
    world.central.limit = usize::MAX;
    world.rest(Duration::from_secs(24 * 3600));
    world.pass();
    assert_eq!(world.central.rows["e0"].len(), 9);
}

/// Protocol 7.7: a map goes whole, twice at most, and never while central decrypts what it took before.
#[test]
fn an_encrypted_result_goes_whole_and_once_more_in_another_run() {
    let faults = [
        Mishap::None,
        Mishap::Unsent,
        Mishap::CutAfter,
        Mishap::CutBefore,
        Mishap::Dies(1),
        Mishap::Late,
    ];
    for fault in faults {
        let mut world = Box::new(Central::new(Vec::new()));
        world.encrypts();
        world.submit(
            ItemKind::Results,
            &json!({ "e0": result("e0", &names(0..3)) }),
        );
        world.submit(
            ItemKind::Results,
            &json!({ "e0": result("e0", &names(0..5)) }),
        );
        world.pass();
        // The second content was left for another run: added now it would vanish.
        assert_eq!(
            world.state(ItemKind::Results, "e0", 0),
            ItemState::Acknowledged
        );
        assert_eq!(world.state(ItemKind::Results, "e0", 1), ItemState::Queued);
        holds_once(&world, "e0", 3);
        world.central.script = vec![fault].into();
        for _ in 0..3 {
            world.rest(Duration::from_secs(900));
            world.pass();
        }
        assert_eq!(
            world.state(ItemKind::Results, "e0", 1),
            ItemState::Acknowledged,
            "{fault:?}"
        );
        holds_once(&world, "e0", 5);
        assert_eq!(world.central.executions.len(), 1, "{fault:?}");
    }
}

/// The table of `spool::fit`, as a pass carries it out: held, let go by its key or by a person, and told.
#[test]
fn what_central_could_not_read_is_held() {
    let mut world = Box::new(Central::new(Vec::new()));
    world.encrypts();
    let first = world.plan.key;
    for id in ["a", "b"] {
        world.submit(ItemKind::Results, &json!({ id: result(id, &names(0..2)) }));
        world.submit(ItemKind::Sessions, &json!([id]));
    }
    world.plan.key = Some(logic::encryption::KeyPrint([2; 16]));
    let ending = world.pass();
    assert_eq!(ending.findings[0].code, Code::CentralKeyChanged);
    assert!(
        ending.findings[0].reason().starts_with("2 results wait: "),
        "{:?}",
        ending.findings
    );
    assert!(
        world.central.calls.is_empty(),
        "nor anything that depends on them"
    );
    assert_eq!(
        states(&world)["a"],
        (ItemState::Held, Some(Code::CentralKeyChanged))
    );
    // A plain central would die of it.
    world.plan.key = None;
    world.plan.encrypted = false;
    world.pass();
    assert!(world.central.calls.is_empty());
    world.plan.encrypted = true;
    world.plan.key = Some(logic::encryption::KeyPrint([2; 16]));
    let key = world.ledger(ItemKind::Results, "b", 0).key.clone();
    assert!(world.ledgers.get_mut(&key).unwrap().release());
    world.pass();
    holds_once(&world, "b", 2);
    assert_eq!(world.state(ItemKind::Results, "a", 0), ItemState::Held);
    world.plan.key = first;
    let ending = world.pass();
    assert_eq!(ending.count.sessions.acknowledged, 1);
    holds_once(&world, "a", 2);
    // Without a key nothing goes, and it is told once.
    world.submit(
        ItemKind::Results,
        &json!({ "c": result("c", &names(0..2)) }),
    );
    let why = logic::fault::Fault::new(Code::CentralKeyMissing, "no key");
    world.plan.waits = Some(why);
    let calls = world.central.calls.len();
    let ending = world.pass();
    assert_eq!(ending.findings.len(), 1);
    assert_eq!(ending.findings[0].reason(), "1 result waits: no key");
    assert_eq!(world.central.calls.len(), calls);
    assert_eq!(world.state(ItemKind::Results, "c", 0), ItemState::Queued);
}

#[test]
fn an_empty_500_of_an_encrypted_central_convicts_nobody() {
    let mut world = Box::new(Central::new(Vec::new()));
    world.encrypts();
    for at in 0..4 {
        let id = format!("e{at}");
        world.submit(
            ItemKind::Results,
            &json!({ &id: result(&id, &names(0..2)) }),
        );
    }
    for _ in 0..6 {
        world.central.script = vec![Mishap::Died(0); 2].into();
        world.pass();
        world.rest(Duration::from_secs(24 * 3600));
    }
    world.central.script.clear();
    world.pass();
    assert!(
        states(&world)
            .values()
            .all(|(state, _)| *state == ItemState::Acknowledged)
    );
    // No entry without variables was ever sent: it proves nothing there.
    let empty = world
        .central
        .calls
        .iter()
        .filter(|(name, ..)| *name == "results");
    assert!(empty.count() >= 4);
    (0..4).for_each(|at| holds_once(&world, &format!("e{at}"), 2));
}
