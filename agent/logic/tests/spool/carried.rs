//! Results that leave in a file: once home, whichever way and however often they come there.
//! Never sleeps; the file is what the export would write, central's import is the model's.
//! Used by `tests/spool.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use logic::intake::ItemKind;
use logic::spool::{ItemState, LedgerChange};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::bench::{Box, Cut, PassStep, names, result, rows};
use crate::central::{Columns, Mishap, ResultCentral};
use crate::{holds_once, owing, sent, states};

const ALL: usize = usize::MAX;

fn all_are(world: &Box, state: ItemState) {
    for (id, (is, _)) in states(world) {
        assert_eq!(is, state, "{id}");
    }
}

#[test]
fn what_was_handed_over_is_asked_for_and_never_sent() {
    let mut world = owing(25, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("e3", 0..3, None));
    let file = world.export(false, ALL);
    all_are(&world, ItemState::Carried);
    for _ in 0..3 {
        let ending = world.pass();
        assert_eq!(ending.not_arrived.len(), 25);
        assert_eq!((ending.trouble, ending.findings.len()), (None, 0));
        world.rest(Duration::from_secs(3600));
    }
    all_are(&world, ItemState::Carried);
    assert_eq!(sent(&world, "results"), 0);
    assert_eq!(sent(&world, "logs"), 0, "its rows wait for it");
    // Twice, as a person at central may do.
    world.central.import(&file, world.now);
    world.central.import(&file, world.now);
    let ending = world.pass();
    assert_eq!(ending.count.results.acknowledged, 25);
    assert_eq!(
        ending.count.logs.acknowledged, 3,
        "the rows go in the same pass"
    );
    all_are(&world, ItemState::Acknowledged);
    assert_eq!(sent(&world, "results"), 0);
    (0..25).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    assert_eq!(world.central.executions.len(), 25);
}

#[test]
fn a_probe_that_says_nothing_leaves_it_as_it_is() {
    for columns in [Columns::Broken, Columns::Unnamed] {
        let mut world = owing(3, &[], Vec::new());
        let file = world.export(false, ALL);
        world.central.import(&file, world.now);
        world.central.columns = columns;
        let ending = world.pass();
        assert_eq!(ending.not_arrived, Vec::new());
        all_are(&world, ItemState::Carried);
    }
    for lost in [
        Mishap::CutBefore,
        Mishap::Sick,
        Mishap::Unsent,
        Mishap::Maintenance,
    ] {
        let mut world = owing(3, &[], vec![lost; 4]);
        world.export(false, ALL);
        let ending = world.pass();
        assert_eq!(ending.not_arrived, Vec::new(), "{lost:?}");
        all_are(&world, ItemState::Carried);
        assert_eq!(sent(&world, "results"), 0);
    }
    // One that stores its probes is asked no more, and what it named is there.
    let mut world = owing(3, &[], Vec::new());
    let file = world.export(false, ALL);
    world.central.import(&file, world.now);
    world.central.columns = Columns::Stored;
    assert!(world.pass().probe_stored);
    let left = states(&world)
        .values()
        .filter(|(s, _)| *s == ItemState::Carried)
        .count();
    assert_eq!(left, 2);
    world.pass();
    let probes: usize = world.central.rows.values().map(Vec::len).sum();
    assert_eq!(probes, 1);
}

#[test]
fn only_after_central_said_that_it_lacks_it_does_the_box_send_it_again() {
    let mut world = owing(4, &[], Vec::new());
    let file = world.export(false, ALL);
    let some = json!({ "e1": file["e1"].clone() });
    world.central.import(&some, world.now);
    world.reclaim();
    let stands = states(&world);
    assert_eq!(stands["e1"].0, ItemState::Acknowledged);
    assert_eq!(stands["e0"].0, ItemState::Sending);
    assert_eq!(sent(&world, "results"), 0);
    world.pass();
    all_are(&world, ItemState::Acknowledged);
    // Alone, and after a second question.
    let lone = world
        .central
        .calls
        .iter()
        .filter(|(name, ..)| *name == "results");
    assert!(lone.clone().count() == 3 && lone.into_iter().all(|(.., ids)| ids.len() == 1));
    // The stick is found and brought to central after all.
    world.central.import(&file, world.now);
    (0..4).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    assert_eq!(world.central.executions.len(), 4);
}

#[test]
fn a_later_content_waits_until_the_one_in_the_file_has_arrived() {
    for encrypted in [false, true] {
        let mut world = Box::new(ResultCentral::new(Vec::new()));
        if encrypted {
            world.encrypts();
        }
        let submit = |world: &mut Box, last| {
            let document = json!({ "e": result("e", &names(0..last)) });
            world.submit(ItemKind::Results, &document);
        };
        submit(&mut world, 2);
        let file = world.export(false, ALL);
        submit(&mut world, 4);
        assert_eq!(
            world.export(false, ALL),
            json!({}),
            "it stays behind the first"
        );
        world.pass();
        let state = |world: &Box, edition| world.state(ItemKind::Results, "e", edition);
        assert_eq!(
            (state(&world, 0), state(&world, 1)),
            (ItemState::Carried, ItemState::Queued)
        );
        world.central.import(&file, world.now);
        world.pass();
        world.rest(Duration::from_secs(900));
        world.pass();
        assert_eq!(state(&world, 0), ItemState::Acknowledged);
        assert_eq!(state(&world, 1), ItemState::Acknowledged);
        holds_once(&world, "e", 4);
        assert_eq!(world.central.executions.len(), 1);
    }
}

/// While a pass is under way a person writes the file: what was not marked yet does not go, in no request of the pass.
#[test]
fn what_is_handed_over_during_a_pass_is_home_once() {
    for step in [PassStep::Load, PassStep::Persist] {
        for count in [1, 5] {
            let mut world = owing(count, &[], Vec::new());
            world.export_before = Some(step);
            let ending = world.pass();
            let file = world.exported.clone();
            assert_eq!(file.as_object().unwrap().len(), count, "{step:?}");
            all_are(&world, ItemState::Carried);
            assert_eq!(sent(&world, "results"), 0, "{step:?}");
            assert_eq!(ending.count.results.queued, 0, "none of them waits");
            world.rest(Duration::from_secs(3600));
            world.central.import(&file, world.now);
            world.pass();
            all_are(&world, ItemState::Acknowledged);
            (0..count).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
            assert_eq!(world.central.executions.len(), count, "{step:?}");
        }
    }
}

/// A part of a request was handed over before it was marked: the others go, with the next one.
#[test]
fn what_stood_beside_what_was_handed_over_goes_in_the_same_pass() {
    for alone in [false, true] {
        let mut world = owing(6, &[], Vec::new());
        world.submit(ItemKind::Logs, &rows("e1", 0..3, None));
        if alone {
            world.plan.chunk = 1;
        }
        world.export_most = 3;
        world.export_before = Some(PassStep::Persist);
        let ending = world.pass();
        let file = world.exported.clone();
        // The power went before the others were handed over, too: all lie in the file.
        assert_eq!(file.as_object().unwrap().len(), 6);
        assert_eq!(ending.count.results.acknowledged, 3);
        assert_eq!((ending.trouble, ending.findings.len()), (None, 0));
        assert_eq!(world.central.executions.len(), 3, "{alone}");
        world.central.import(&file, world.now);
        world.pass();
        all_are(&world, ItemState::Acknowledged);
        (0..6).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
    }
}

/// On a stick a later content leaves, too: that its execution is mapped says nothing of it, and a person who takes it back has
/// each of its variables asked for.
#[test]
fn a_later_content_on_a_stick_is_not_home_because_the_first_one_is() {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    let submit = |world: &mut Box, last| {
        let document = json!({ "e": result("e", &names(0..last)) });
        world.submit(ItemKind::Results, &document);
    };
    submit(&mut world, 2);
    world.pass();
    submit(&mut world, 4);
    world.submit(ItemKind::Logs, &rows("e", 0..3, None));
    for ledger in world.ledgers.values_mut() {
        ledger.carry(7);
    }
    let state = |world: &Box| {
        let of = |kind, edition| world.state(kind, "e", edition);
        (of(ItemKind::Results, 1), of(ItemKind::Logs, 0))
    };
    let ending = world.pass();
    assert_eq!(state(&world), (ItemState::Carried, ItemState::Carried));
    assert_eq!((ending.not_arrived, ending.findings.len()), (vec![], 0));
    assert_eq!((sent(&world, "results"), sent(&world, "logs")), (1, 0));
    // Whoever adopted it brought a part home.
    world
        .central
        .import(&json!({ "e": result("e", &names(2..3)) }), world.now);
    for ledger in world.ledgers.values_mut() {
        ledger.reclaim();
    }
    for _ in 0..2 {
        world.pass();
        world.rest(Duration::from_secs(3600));
    }
    assert_eq!(
        state(&world),
        (ItemState::Acknowledged, ItemState::Acknowledged)
    );
    holds_once(&world, "e", 4);
}

/// A person's word that central has it, in the moment in which a pass of a box that was put back takes it up.
#[test]
fn what_is_home_since_is_not_taken_up_again() {
    let mut world = owing(1, &[], Vec::new());
    world.export(false, ALL);
    let mut ledger = world.ledger(ItemKind::Results, "e0", 0).clone();
    assert!(ledger.confirm(world.now));
    let change = |state, of_carried| LedgerChange {
        key: ledger.key.clone(),
        state,
        attempts: 0,
        failures: 0,
        reason: None,
        trial: ledger.trial,
        central: String::new(),
        parts: Vec::new(),
        reopen: false,
        of_carried,
    };
    assert!(ledger.is_stale(&change(ItemState::Sending, true)));
    assert!(!ledger.is_stale(&change(ItemState::Acknowledged, true)));
    assert!(
        !ledger.is_stale(&change(ItemState::Sending, false)),
        "no word came"
    );
}

/// A folder that was put back held an earlier content: that the execution is mapped does not say that this one is there.
#[test]
fn where_the_folder_was_put_back_a_mapped_execution_is_asked_variable_by_variable() {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    let before = (world.ledgers.clone(), world.payloads.clone());
    world.submit(
        ItemKind::Results,
        &json!({ "e": result("e", &names(0..2)) }),
    );
    world.pass();
    (world.ledgers, world.payloads) = before;
    world.submit(
        ItemKind::Results,
        &json!({ "e": result("e", &names(0..4)) }),
    );
    let file = world.export(false, ALL);
    world.central.import(&file, world.now);
    holds_once(&world, "e", 2);
    world.plan.restored = true;
    world.pass();
    assert_eq!(
        world.state(ItemKind::Results, "e", 0),
        ItemState::Acknowledged
    );
    holds_once(&world, "e", 4);
}

/// What a person and central do between two passes.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The box writes a file; so many items are handed over before the power goes.
    Export { again: bool, marked: usize },
    /// Central imports a file that was written before, perhaps for the second time.
    Import(prop::sample::Index),
    /// The box may send again what central says that it lacks.
    Reclaim,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (any::<bool>(), prop_oneof![1 => 0usize..6, 1 => Just(ALL)])
            .prop_map(|(again, marked)| Act::Export { again, marked }),
        3 => any::<prop::sample::Index>().prop_map(Act::Import),
        1 => Just(Act::Reclaim),
    ]
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        6 => Just(Mishap::None),
        1 => Just(Mishap::Unsent),
        1 => Just(Mishap::CutBefore),
        2 => Just(Mishap::CutAfter),
        1 => (0usize..30).prop_map(Mishap::Dies),
        1 => (0usize..30).prop_map(Mishap::Died),
        1 => Just(Mishap::Late),
        1 => any::<bool>().prop_map(Mishap::Page),
        1 => Just(Mishap::Maintenance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    /// From any script of files, imports, passes, faults and cuts: lost 0, doubled 0.
    #[test]
    fn whichever_way_it_goes_each_result_is_home_once(
        items in prop::collection::vec((0usize..5, 0usize..3), 1..15),
        acts in prop::collection::vec(prop::collection::vec(act(), 0..4), 1..8),
        script in prop::collection::vec(mishap(), 0..25),
        cuts in prop::collection::vec((0usize..30, any::<bool>()), 0..8),
        rests in prop::collection::vec(prop_oneof![Just(0u64), Just(20), Just(3600)], 8),
        encrypted in any::<bool>(),
        imported in any::<bool>(),
    ) {
        let mut world = Box::new(ResultCentral::new(script));
        let mut items = items;
        if encrypted {
            world.encrypts();
            // While central decrypts what it imported once more, what is added vanishes, and nobody on the box can tell.
            items.iter_mut().for_each(|(_, again)| *again = 0);
        }
        world.cuts = cuts.into_iter().map(|(after, done)| Cut { after, done }).collect();
        let submit = |world: &mut Box, at: usize, variables: usize| {
            let id = format!("e{at:02}");
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &names(0..variables)) }));
            world.submit(ItemKind::Logs, &rows(&id, 0..2, None));
        };
        for (at, (variables, _)) in items.iter().enumerate() {
            submit(&mut world, at, *variables);
        }
        let mut files: Vec<Json> = Vec::new();
        for (round, acts) in acts.iter().enumerate() {
            for act in acts {
                match act {
                    Act::Export { again, marked } => files.push(world.export(*again, *marked)),
                    Act::Import(index) if !files.is_empty() => {
                        // Central is at no request meanwhile: what goes at the same moment finds no mapping either way.
                        world.rest(Duration::from_secs(31));
                        let now = world.now;
                        world.central.import(index.get(&files), now);
                    }
                    Act::Import(_) => {}
                    Act::Reclaim => world.reclaim(),
                }
            }
            world.pass();
            if round == 1 {
                for (at, (variables, again)) in items.iter().enumerate().filter(|(_, (_, again))| *again > 0) {
                    submit(&mut world, at, variables + again);
                }
            }
            world.rest(Duration::from_secs(rests[round]));
            let mut complete = BTreeSet::new();
            for execution in world.central.executions.iter().filter(|e| e.complete) {
                prop_assert!(complete.insert(&execution.id), "{} is doubled", execution.id);
                let distinct: BTreeSet<_> = execution.variables.iter().collect();
                prop_assert_eq!(distinct.len(), execution.variables.len(), "{}", execution.id);
            }
        }
        world.central.script.clear();
        world.cuts.clear();
        if imported {
            world.rest(Duration::from_secs(31));
            let now = world.now;
            files.iter().for_each(|file| world.central.import(file, now));
        }
        world.plan.asked = true;
        for _ in 0..4 {
            world.reclaim();
            world.rest(Duration::from_secs(86_400));
            world.pass();
        }
        for (at, (variables, again)) in items.iter().enumerate() {
            let again = if acts.len() > 1 { *again } else { 0 };
            let id = format!("e{at:02}");
            let held = world.central.mapping.get(&id).map(|at| &world.central.executions[*at].variables);
            let ledgers: Vec<_> = world.ledgers.values().filter(|l| l.key.id == id).collect();
            let refused = ledgers.iter().any(|l| l.state == ItemState::Refused);
            prop_assert!(!refused, "{:?}", ledgers);
            let held = held.map(Vec::len);
            prop_assert_eq!(held, Some(variables + again), "{}: {:?}", &id, ledgers);
            prop_assert!(ledgers.iter().all(|l| l.state == ItemState::Acknowledged), "{:?}", ledgers);
        }
        let complete = world.central.executions.iter().filter(|e| e.complete).count();
        prop_assert_eq!(complete, items.len());
    }
}
