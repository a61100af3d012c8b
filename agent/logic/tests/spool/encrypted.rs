//! Results that are encrypted with central's key: whole, once, and never convicted by it.
//! Never sleeps.
//! Used by `tests/spool.rs`.

use super::*;

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
        let mut world = Box::new(ResultCentral::new(Vec::new()));
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
    let mut world = Box::new(ResultCentral::new(Vec::new()));
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
    let mut world = Box::new(ResultCentral::new(Vec::new()));
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
