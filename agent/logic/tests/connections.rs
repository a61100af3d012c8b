//! Holds the number of connections against central's health: boxes that share a central with few workers, in virtual time.
//! Never sleeps and never opens a socket; what others of central meet is counted beside, not asked of the product.
//! Run by `cargo test -p logic --test connections -- --nocapture`, which shows the figures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "connections/world.rs"]
mod world;

use proptest::prelude::*;
use world::{LinkModel, SharedCentral, WorkerPool};

/// Loss throttles each connection; sixteen of them fill the link.
const LOSSY: LinkModel = LinkModel {
    each: 65e3,
    all: 1.25e6,
    round_trip_ms: 200,
    lost_each: 12,
    cut_each: 0,
};
const CLEAN: LinkModel = LinkModel {
    each: 1.25e6,
    all: 1.25e6,
    round_trip_ms: 40,
    lost_each: 0,
    cut_each: 0,
};
/// Far, and whatever stands between cuts every connection now and then.
const CUT: LinkModel = LinkModel {
    round_trip_ms: 200,
    cut_each: 5 << 20,
    ..CLEAN
};
/// So many workers that nobody waits for one.
const IDLE: WorkerPool = WorkerPool {
    workers: 64,
    queue: 1_000,
    others_each_ms: 100,
};
const SMALL_POOL: WorkerPool = WorkerPool { workers: 4, ..IDLE };

fn played(
    central: WorkerPool,
    link: LinkModel,
    boxes: usize,
    most: usize,
    seconds: u64,
) -> SharedCentral {
    let mut world = SharedCentral::new(central, link, boxes, most);
    world.play(seconds);
    world
}

#[test]
fn a_link_that_loses_packets_gets_all_and_soon() {
    let world = played(IDLE, LOSSY, 1, 16, 8);
    assert_eq!(world.lanes(0), 16);
    let world = played(IDLE, LOSSY, 1, 16, 120);
    let share = world.brought(0) / 120.0 / (16.0 * LOSSY.each);
    println!("lossy link, idle central: {share:.2} of what sixteen bring");
    assert!(share > 0.85, "{share}");
}

#[test]
fn a_clean_link_gets_one_and_loses_little_by_trials() {
    let mut world = SharedCentral::new(IDLE, CLEAN, 1, 16);
    world.play(10);
    let before = world.held(0);
    world.play(290);
    let share = world.brought(0) / 300.0 / CLEAN.all;
    let lanes = (world.held(0) - before) / 290.0;
    println!("clean link: {share:.3} of its rate, {lanes:.2} connections");
    assert!(share > 0.95 && lanes < 1.2, "{share} {lanes}");
}

/// What others of a central with four workers wait for, in 20 of 21 cases, where three boxes bring packages.
#[test]
fn others_of_a_small_central_wait_hardly_longer_than_beside_one_connection_each() {
    for (name, link) in [("clean", CLEAN), ("lossy", LOSSY), ("cut", CUT)] {
        let others = |most| {
            let mut world = SharedCentral::new(SMALL_POOL, link, 3, most);
            world.play(10);
            world.forget_others();
            world.play(1_800);
            (
                world.others(0.95),
                (0..3).map(|at| world.brought(at)).sum::<f64>(),
            )
        };
        let ((one, brought_one), (auto, brought)) = (others(1), others(16));
        let gain = brought / brought_one;
        println!(
            "{name}: others wait {one} ms beside one each, {auto} ms beside auto, which brings {gain:.2} x"
        );
        assert!(
            auto as f64 <= one as f64 * 1.2,
            "{name}: {auto} ms, {one} ms"
        );
        assert!(gain > 0.9, "{name}: {gain}");
    }
}

#[test]
fn a_central_that_slows_down_with_more_gets_fewer() {
    let mut world = SharedCentral::new(SMALL_POOL, LOSSY, 1, 16);
    world.play(60);
    let before = world.held(0);
    world.play(600);
    let lanes = (world.held(0) - before) / 600.0;
    println!("lossy link, four workers: {lanes:.2} connections");
    assert!(lanes <= 4.0, "{lanes}");
}

#[test]
fn a_refusal_brakes_at_once_and_refusals_do_not_go_on() {
    let strict = WorkerPool {
        queue: 0,
        ..SMALL_POOL
    };
    let mut world = SharedCentral::new(strict, LOSSY, 1, 16);
    world.until_refused();
    assert!(world.lanes(0) <= 8, "{}", world.lanes(0));
    world.play(60);
    let before = world.refused(0);
    world.play(3_600);
    let refused = world.refused(0) - before;
    let (brought, changes) = (world.brought(0) / 3_660.0 / LOSSY.each, world.changes(0));
    println!(
        "four workers, no queue: {refused} refusals an hour, {brought:.1} x one connection, {changes} changes"
    );
    assert!(refused < 40 && brought > 1.0, "{refused} {brought}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    /// Whatever the link and central are: the bound holds, and the number comes to rest.
    #[test]
    fn the_bound_holds_and_the_number_does_not_swing_for_ever(
        workers in 1usize..20, queue in prop_oneof![Just(0usize), Just(1_000)], each in 5e3f64..1.25e6, round_trip_ms in 1u64..600,
        lost_each in 0u64..20, cut_each in prop_oneof![Just(0u64), 1u64 << 20..9 << 20], boxes in 1usize..4, most in 1usize..17,
    ) {
        let link = LinkModel { each, all: 1.25e6, round_trip_ms, lost_each, cut_each };
        let mut world = SharedCentral::new(WorkerPool { workers, queue, ..IDLE }, link, boxes, most);
        // `play` holds every box to the bound.
        world.play(600);
        let before: Vec<usize> = (0..boxes).map(|at| world.changes(at)).collect();
        world.play(1_200);
        for (at, before) in before.into_iter().enumerate() {
            let changes = world.changes(at) - before;
            prop_assert!(changes <= 2 * 1_200 / 30, "{} changes in 20 minutes", changes);
            prop_assert!(world.brought(at) > 0.0);
        }
    }
}
