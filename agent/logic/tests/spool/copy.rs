//! A box whose folder is an earlier copy, or another box's: nothing acknowledged is sent again, what is doubled is counted.
//! Never sleeps, never draws: proptest says when the copy is made and put back.
//! Used by `tests/spool.rs`.

use std::collections::{BTreeMap, BTreeSet};

use logic::intake::ItemKind;
use logic::spool::{ItemKey, ItemState, Ledger};
use proptest::prelude::*;
use serde_json::json;

use crate::bench::{Box, Cut, names, result, rows};
use crate::central::{Columns, Mishap, ResultCentral};
use crate::{holds_once, owing, sent, states};

/// Rows and session calls that central holds more often than once.
fn surplus(world: &Box) -> u64 {
    let rows = world.central.rows.values().map(|held| {
        let distinct: BTreeSet<_> = held.iter().collect();
        held.len() - distinct.len()
    });
    let sessions = world
        .central
        .sessions
        .values()
        .map(|told| *told as usize - 1);
    (rows.sum::<usize>() + sessions.sum::<usize>()) as u64
}

fn with_rows(count: usize) -> Box {
    let mut world = owing(count, &[], Vec::new());
    for at in 0..count {
        let id = format!("e{at}");
        world.submit(ItemKind::Logs, &rows(&id, 0..4, None));
        world.submit(ItemKind::Sessions, &json!([id]));
    }
    world
}

#[test]
fn what_another_state_of_the_box_has_sent_is_not_sent_again() {
    // `restored`: it was noticed; else central's answer to the first probe is the first sign.
    for restored in [true, false] {
        let mut world = with_rows(25);
        let copy: BTreeMap<ItemKey, Ledger> = world.ledgers.clone();
        world.pass();
        let executions = world.central.executions.len();
        assert_eq!(surplus(&world), 0);
        world.ledgers = copy;
        world.plan.probe_first = true;
        world.plan.restored = restored;
        let before = world.doubled;
        let ending = world.pass();
        assert_eq!(ending.held_unsent, 25);
        assert_eq!(ending.count.results.acknowledged, 25);
        // Its variables are asked for one by one: central may have held fewer.
        assert_eq!(world.central.executions.len(), executions);
        (0..25).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        // Rows cannot be asked for: each is there twice, and counted.
        assert_eq!(surplus(&world), 25 * 4 + 25);
        assert_eq!(world.doubled - before, surplus(&world));
        assert!(
            states(&world)
                .values()
                .all(|(state, _)| *state == ItemState::Acknowledged)
        );
    }
}

#[test]
fn what_was_queued_before_this_start_costs_one_probe_a_chunk() {
    let mut world = with_rows(25);
    world.plan.probe_first = true;
    let ending = world.pass();
    assert_eq!((ending.trouble, ending.findings), (None, Vec::new()));
    assert_eq!(
        (ending.held_unsent, ending.count.results.acknowledged),
        (0, 25)
    );
    let calls: Vec<_> = world
        .central
        .calls
        .iter()
        .filter(|(name, ..)| ["probe", "results"].contains(name))
        .map(|(name, logged, ids)| (*name, *logged, ids.len()))
        .collect();
    // The first one asks for a single result and a control, as ever.
    let expected = [
        ("probe", false, 2),
        ("probe", false, 11),
        ("results", true, 10),
        ("probe", false, 11),
        ("results", true, 10),
        ("probe", false, 5),
        ("results", true, 4),
        ("results", true, 1),
    ];
    assert_eq!(calls, expected);
    assert_eq!((surplus(&world), world.doubled), (0, 0));
}

#[test]
fn rows_of_results_that_central_did_not_know_are_new_in_a_copy_too() {
    let mut world = with_rows(3);
    world.plan.probe_first = true;
    world.plan.restored = true;
    world.pass();
    assert_eq!((surplus(&world), world.doubled), (0, 0));
    // Of a result that the copy had sent already nobody can say.
    world.submit(ItemKind::Logs, &rows("e0", 4..6, None));
    world.pass();
    assert_eq!((surplus(&world), world.doubled), (0, 2));
}

#[test]
fn a_probe_that_says_nothing_holds_nothing_back() {
    for columns in [Columns::Broken, Columns::Unnamed, Columns::Stored] {
        let mut world = owing(12, &[], Vec::new());
        world.central.columns = columns;
        world.plan.probe_first = true;
        let ending = world.pass();
        assert_eq!(ending.count.results.acknowledged, 12, "{columns:?}");
        assert_eq!(
            (ending.count.results.unconfirmed, ending.held_unsent),
            (0, 0)
        );
        assert_eq!(world.central.executions.len(), 12, "{columns:?}");
        assert_eq!(ending.findings, Vec::new(), "{columns:?}");
    }
    // Neither does a note from an earlier run that central stores probes.
    let mut world = owing(12, &[], Vec::new());
    world.plan.probe_first = true;
    world.plan.probe = false;
    assert_eq!(world.pass().count.results.acknowledged, 12);
    assert_eq!(sent(&world, "probe"), 0);
}

#[test]
fn variables_that_another_state_of_the_box_added_are_not_refused() {
    let mut world = owing(2, &[], Vec::new());
    world.pass();
    world.submit(
        ItemKind::Results,
        &json!({ "e0": result("e0", &names(0..6)) }),
    );
    let copy = world.ledgers.clone();
    world.pass();
    let requests = world.central.executions[world.central.mapping["e0"]]
        .variables
        .len();
    world.ledgers = copy;
    world.plan.probe_first = true;
    world.submit(
        ItemKind::Results,
        &json!({ "w": result("w", &names(0..2)) }),
    );
    // Without a sign of another state of the box nobody can say why central does not take them.
    world.pass();
    assert_eq!(world.state(ItemKind::Results, "e0", 1), ItemState::Queued);
    world.plan.restored = true;
    world.rest(std::time::Duration::from_secs(3600));
    let ending = world.pass();
    assert_eq!(ending.count.results.refused, 0);
    assert_eq!(
        world.state(ItemKind::Results, "e0", 1),
        ItemState::Acknowledged
    );
    let held = world.central.executions[world.central.mapping["e0"]]
        .variables
        .len();
    assert_eq!(held, requests, "none is stored twice");
}

/// The folder was put back to before the first content was submitted; what comes now holds more than central does.
#[test]
fn what_central_knows_with_fewer_variables_is_not_taken_for_home() {
    let cuts = (0..30).flat_map(|after| [(Some(after), false), (Some(after), true)]);
    for (cut, done) in cuts.chain([(None, false)]) {
        // A box that was put back asks first for good. Where that was not noticed, central's `success` 0 tells; only an
        // answer that is lost on top of it tells nothing.
        let alike: &[bool] = if cut.is_none() {
            &[true, false]
        } else {
            &[true]
        };
        for asks in alike.iter().copied() {
            let mut world = Box::new(ResultCentral::new(Vec::new()));
            world.submit(
                ItemKind::Results,
                &json!({ "e": result("e", &names(0..2)) }),
            );
            world.pass();
            world.ledgers.clear();
            world.payloads.clear();
            world.submit(
                ItemKind::Results,
                &json!({ "e": result("e", &names(0..4)) }),
            );
            world.plan.probe_first = asks;
            world.cuts = cut.map(|after| Cut { after, done }).into_iter().collect();
            world.pass();
            // What a cut left is settled by runs that ask nothing first.
            world.plan.probe_first = false;
            world.rest(std::time::Duration::from_secs(3600));
            world.pass();
            assert_eq!(
                world.state(ItemKind::Results, "e", 0),
                ItemState::Acknowledged
            );
            let held = &world.central.executions[world.central.mapping["e"]].variables;
            let distinct: BTreeSet<_> = held.iter().collect();
            assert_eq!(
                (held.len(), distinct.len()),
                (4, 4),
                "{cut:?} {done} {asks}"
            );
            assert_eq!(world.central.executions.len(), 1);
        }
    }
}

/// A storage older than taoOutcomeRds 6.1 takes a variable as often as it comes (protocol 7.5, 15.2).
fn of_old(mut world: Box) -> Box {
    world.central.twice = true;
    world.plan.central = "3.3.0-sprint77".into();
    world
}

fn stored(world: &Box, id: &str) -> Vec<String> {
    let at = world.central.mapping[id];
    world.central.executions[at].variables.clone()
}

#[test]
fn what_an_old_storage_may_hold_is_left_to_a_person_and_not_sent_again() {
    // Asked for, as the folder was put back; or found by central's answer to what was sent blindly: a storage that
    // never fails at what it holds gives none.
    for restored in [true, false] {
        let mut world = of_old(owing(6, &[], Vec::new()));
        let copy = world.ledgers.clone();
        world.pass();
        world.ledgers = copy;
        world.plan.probe_first = true;
        world.plan.restored = restored;
        let results = sent(&world, "results");
        let ending = world.pass();
        assert_eq!(ending.count.results.unconfirmed, 6, "{restored}");
        assert_eq!(sent(&world, "results"), results);
        assert_eq!(
            ending.findings[0].code,
            logic::fault::Code::ResultsUnconfirmed
        );
        assert!(
            ending.findings[0]
                .reason()
                .contains("a storage of its age takes a variable twice")
        );
        // Whoever asks again hears the same; once central is younger they go one by one.
        world.ledgers.values_mut().for_each(|ledger| {
            ledger.retry();
        });
        assert_eq!(world.pass().count.results.unconfirmed, 6);
        assert_eq!(sent(&world, "results"), results);
        world.central.twice = false;
        world.plan.central = "2022.11".into();
        assert_eq!(world.pass().count.results.acknowledged, 6);
        (0..6).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        assert_eq!(world.central.executions.len(), 6);
    }
}

#[test]
fn a_variable_whose_answer_was_lost_does_not_go_to_an_old_storage_again() {
    let mut world = of_old(owing(1, &[], Vec::new()));
    world.pass();
    world.submit(
        ItemKind::Results,
        &json!({ "e0": result("e0", &names(0..6)) }),
    );
    // The second of the new ones is stored, and its answer is lost.
    world.central.script = [Mishap::None, Mishap::CutAfter].into();
    world.pass();
    world.pass();
    assert_eq!(
        world.state(ItemKind::Results, "e0", 1),
        ItemState::Unconfirmed
    );
    assert_eq!(
        stored(&world, "e0"),
        stored(&world, "e0")
            .iter()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(stored(&world, "e0").len(), 5);
}

#[test]
fn where_an_old_storage_gives_no_sound_probe_what_was_put_back_is_not_sent_blindly() {
    for columns in [Columns::Broken, Columns::Unnamed] {
        let mut world = of_old(owing(5, &[], Vec::new()));
        let copy = world.ledgers.clone();
        world.pass();
        world.ledgers = copy;
        world.central.columns = columns;
        world.plan.probe_first = true;
        world.plan.restored = true;
        assert_eq!(world.pass().count.results.unconfirmed, 5, "{columns:?}");
        assert_eq!(world.central.executions.len(), 5);
        (0..5).for_each(|at| holds_once(&world, &format!("e{at}"), 3));
        // A start alone is no sign of an earlier folder.
        let mut world = of_old(owing(5, &[], Vec::new()));
        world.central.columns = columns;
        world.plan.probe_first = true;
        assert_eq!(world.pass().count.results.acknowledged, 5, "{columns:?}");
    }
}

/// A daemon that starts asks first; that is no sign that another state of the box has sent a variable.
#[test]
fn a_variable_that_the_storage_never_takes_is_owed_after_a_start_too() {
    let mut world = owing(1, &[], Vec::new());
    world.pass();
    let mut more = names(0..3);
    more.push("POISON_STORE".to_owned());
    world.submit(ItemKind::Results, &json!({ "e0": result("e0", &more) }));
    world.plan.probe_first = true;
    for _ in 0..3 {
        world.pass();
        assert_eq!(world.state(ItemKind::Results, "e0", 1), ItemState::Queued);
        world.rest(std::time::Duration::from_secs(3600));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    /// Copies made and put back at any moment, power cuts in between: every result is home once, and what central holds
    /// twice of rows and sessions is counted, once a restore is noticed or central's answers show it.
    #[test]
    fn however_often_a_copy_is_put_back_each_result_is_home_once(
        steps in prop::collection::vec((1usize..8, any::<bool>(), any::<Option<prop::sample::Index>>()), 1..10),
        cuts in prop::collection::vec((0usize..30, any::<bool>()), 0..8),
        chunk in 1usize..12,
        old in any::<bool>(),
    ) {
        let mut world = Box::new(ResultCentral::new(Vec::new()));
        if old {
            world = of_old(world);
        }
        world.plan.chunk = chunk;
        world.plan.rows = 7;
        world.cuts = cuts.into_iter().map(|(after, done)| Cut { after, done }).collect();
        let mut copies = vec![(world.ledgers.clone(), world.payloads.clone())];
        let mut submitted = 0;
        for (count, sends, put_back) in steps {
            if let Some(index) = put_back {
                (world.ledgers, world.payloads) = index.get(&copies).clone();
                world.plan.restored = true;
            }
            world.plan.probe_first = true;
            for _ in 0..count {
                let id = format!("e{submitted:03}");
                submitted += 1;
                world.submit(ItemKind::Results, &json!({ &id: result(&id, &names(0..3)) }));
                world.submit(ItemKind::Logs, &rows(&id, 0..3, None));
                world.submit(ItemKind::Sessions, &json!([id]));
            }
            copies.push((world.ledgers.clone(), world.payloads.clone()));
            if sends {
                world.pass();
                copies.push((world.ledgers.clone(), world.payloads.clone()));
            }
        }
        world.cuts.clear();
        world.pass();
        let mut complete = BTreeSet::new();
        for execution in &world.central.executions {
            prop_assert!(complete.insert(&execution.id), "{} is doubled", execution.id);
            prop_assert_eq!(execution.variables.len(), 3);
        }
        for (key, ledger) in &world.ledgers {
            // Of what an old storage may hold nobody can say more.
            let named = old && ledger.state == ItemState::Unconfirmed && key.kind == ItemKind::Results;
            let waits = old && key.kind != ItemKind::Results
                && world.state(ItemKind::Results, &key.id, 0) == ItemState::Unconfirmed;
            prop_assert!(ledger.state == ItemState::Acknowledged || named || waits, "{:?}", ledger);
            prop_assert!(world.central.mapping.contains_key(&key.id), "{:?} is lost", key);
        }
        prop_assert!(surplus(&world) <= world.doubled, "{} doubled, {} counted", surplus(&world), world.doubled);
    }
}
