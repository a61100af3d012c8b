//! Executions that central knows already: only what is new goes, and a new content waits for the one before it.
//! Never sleeps.
//! Used by `tests/spool.rs`.

use super::*;

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
