//! What a person does to editions of one execution, and what must go home all the same.
//! Never takes a content that stands aside for one that is to come.
//! Used by `tests/spool.rs`.

use std::time::Duration;

use logic::intake::ItemKind;
use logic::spool::ItemState;
use serde_json::json;

use crate::bench::{Box, PassStep, names, result, rows};
use crate::central::{Mishap, ResultCentral};
use crate::{holds_once, sent};

/// A result of so many variables, finished or not.
fn submit(world: &mut Box, open: bool, variables: std::ops::Range<usize>) {
    world.open = open;
    world.submit(
        ItemKind::Results,
        &json!({ "e": result("e", &names(variables)) }),
    );
    world.open = false;
}

/// The first edition as a person's words leave it.
fn first(world: &mut Box, word: impl Fn(&mut logic::spool::Ledger) -> bool) {
    let mut all = world.ledgers.values_mut();
    let ledger = all.find(|ledger| ledger.key.kind == ItemKind::Results);
    assert!(word(ledger.unwrap()));
}

/// Set aside, and after its final content came put back to `open` by a release that knew no better, or not.
#[test]
fn an_unfinished_content_holds_up_nothing_of_the_final_one() {
    for put_back in [false, true] {
        let mut world = Box::new(ResultCentral::new(Vec::new()));
        submit(&mut world, true, 0..2);
        first(&mut world, |ledger| ledger.set_aside());
        submit(&mut world, false, 0..4);
        world.submit(ItemKind::Logs, &rows("e", 0..3, None));
        world.submit(ItemKind::Sessions, &json!(["e"]));
        let stands = match put_back {
            true => ItemState::Open,
            false => ItemState::SetAside,
        };
        first(&mut world, |ledger| {
            ledger.state = stands;
            true
        });
        world.pass();
        let state = |kind, edition| world.state(kind, "e", edition);
        assert_eq!(state(ItemKind::Results, 1), ItemState::Acknowledged);
        holds_once(&world, "e", 4);
        assert_eq!(state(ItemKind::Logs, 0), ItemState::Acknowledged);
        assert_eq!(state(ItemKind::Sessions, 0), ItemState::Acknowledged);
        assert_eq!(state(ItemKind::Results, 0), stands, "it stays where it is");
        // What comes later does not wait for it either, now that the final content is gone from what is owed.
        world.submit(ItemKind::Logs, &rows("e", 0..5, None));
        world.pass();
        assert_eq!(world.state(ItemKind::Logs, "e", 1), ItemState::Acknowledged);
        assert_eq!(sent(&world, "results"), 1);
    }
}

/// Ordered to go as it is, it is taken back in the middle of the pass that was to bring it.
#[test]
fn what_is_taken_back_during_a_pass_does_not_go_beside_the_final_one() {
    for step in [PassStep::Load, PassStep::Persist] {
        for mishap in [Mishap::None, Mishap::Late] {
            let mut world = Box::new(ResultCentral::new(vec![mishap]));
            submit(&mut world, true, 0..2);
            first(&mut world, |ledger| ledger.retry());
            world.plan.lingers = false;
            world.final_before = Some(step);
            // The second one follows at once: what became of the request is not settled yet.
            for rest in [0, 0, 3600, 3600] {
                world.pass();
                world.rest(Duration::from_secs(rest));
                world.central.pass(world.now);
            }
            let last = world.state(ItemKind::Results, "e", 1);
            assert_eq!(last, ItemState::Acknowledged, "{step:?} {mishap:?}");
            holds_once(&world, "e", 4);
            assert_eq!(world.central.executions.len(), 1, "{step:?} {mishap:?}");
            if step == PassStep::Load {
                let first = world.state(ItemKind::Results, "e", 0);
                assert_eq!(first, ItemState::SetAside, "it never went");
            }
        }
    }
}

/// It is not finished: that its execution is known from before does not end it.
#[test]
fn the_session_of_an_execution_that_is_taken_up_again_waits_for_its_end() {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    submit(&mut world, false, 0..2);
    world.pass();
    submit(&mut world, true, 0..3);
    world.submit(ItemKind::Sessions, &json!(["e"]));
    world.pass();
    assert_eq!(world.state(ItemKind::Sessions, "e", 0), ItemState::Queued);
    submit(&mut world, false, 0..4);
    world.pass();
    assert_eq!(
        world.state(ItemKind::Results, "e", 1),
        ItemState::Acknowledged
    );
    assert_eq!(
        world.state(ItemKind::Sessions, "e", 0),
        ItemState::Acknowledged
    );
    holds_once(&world, "e", 4);
}

/// What is held for its key waits for a person, the content behind it does not.
#[test]
fn what_is_held_for_a_former_key_holds_up_no_later_content() {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    world.encrypts();
    submit(&mut world, false, 0..2);
    world.central.encrypted = false;
    world.plan.encrypted = false;
    world.plan.key = None;
    submit(&mut world, false, 0..4);
    world.pass();
    let state = |edition| world.state(ItemKind::Results, "e", edition);
    assert_eq!(
        (state(0), state(1)),
        (ItemState::Held, ItemState::Acknowledged)
    );
    holds_once(&world, "e", 4);
}
