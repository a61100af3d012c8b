//! Holds the machine of a download against a virtual central that lies, cuts, stalls, changes and refuses, by script.
//! Never sleeps and never opens a socket: time is a number here, and the bytes are real.
//! Run by `cargo test -p logic --test download`; `PROPTEST_CASES` sets how many scripts each property plays.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "download/central.rs"]
mod central;
#[path = "download/disk.rs"]
mod disk;
#[path = "download/package.rs"]
mod package;
#[path = "download/room.rs"]
mod room;
#[path = "download/siblings.rs"]
mod siblings;
#[path = "download/world.rs"]
mod world;

use central::{PackageCentral, PackageMishap, any_mishap, passing};
use logic::download::Twin;
use logic::fault::Code;
use logic::package_lane::PackageEnd;
use logic::rate::RateOverride;
use logic::zip::Member;
use package::package;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use world::{RECORD, World, WorldScript, directory};

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    }
}

/// A package of so many members, of which these have another content in a later edition.
fn edition(members: usize, bytes: usize, changed: &[usize], number: u64) -> Vec<u8> {
    let member = |at: usize| match changed.contains(&at) {
        true => (1000 * number + at as u64, bytes),
        false => (at as u64 + 1, bytes),
    };
    package(&(0..members).map(member).collect::<Vec<_>>())
}

#[derive(Debug, Clone)]
struct Play {
    members: usize,
    bytes: usize,
    script: Vec<PackageMishap>,
    always: Option<PackageMishap>,
    held: bool,
    /// Another delivery holds the same.
    twin: bool,
    box_script: WorldScript,
}

impl Play {
    fn world(&self) -> World {
        let edition = |number| edition(self.members, self.bytes, &[1, self.members - 1], number);
        let held = self.held.then(|| edition(9));
        let changes = self
            .script
            .iter()
            .filter(|one| **one == PackageMishap::Change)
            .count();
        let central = PackageCentral {
            // As many as it may come to give.
            editions: (1..=4).take(1 + changes).map(edition).collect(),
            script: self.script.clone(),
            always: self.always,
            member: self.bytes as u64,
            ..PackageCentral::default()
        };
        let mut world = World::new(central, self.box_script.clone(), held);
        if self.twin {
            world.twins.push(Twin {
                delivery: "https://central.example/tao.rdf#i2".into(),
                confirmed: self.held,
            });
        }
        world
    }

    /// Runs of one box until one comes to an end that is more than a look.
    fn run(&self) -> (World, PackageEnd) {
        let mut world = self.world();
        for _ in 0..3 {
            match world.run() {
                None => {}
                Some(PackageEnd::Deferred { size, on_wire }) => {
                    let is_any = |edition: &Vec<u8>| edition.len() as u64 == size;
                    assert!(world.central.editions.iter().any(is_any), "{size} bytes");
                    assert!(self.box_script.defers_above < Some(size));
                    assert!(world.store.part.is_none(), "something was written");
                    // The look is one more.
                    world.central.destroyed += on_wire;
                }
                Some(end) => return (world, end),
            }
        }
        panic!("no end in three runs: {:#?}", world.trace);
    }
}

fn play(mishap: impl Strategy<Value = PackageMishap>) -> impl Strategy<Value = Play> {
    let script = vec(mishap, 0..14);
    let sizes = (2usize..9, 1usize..80_000);
    let disk = (
        option::weighted(0.05, 1usize..60),
        option::weighted(0.05, 1usize..9),
    );
    let power = option::weighted(0.2, 1usize..300);
    let exam = option::weighted(0.2, ((0u64..5, 5u64..200), any::<bool>()));
    let rate = prop_oneof![4 => Just(0u64), 1 => 20_000u64..300_000];
    let window = prop_oneof![Just(64u64 << 10), Just(128u64 << 10), Just(2 << 20)];
    (
        script,
        sizes,
        disk,
        power,
        exam,
        rate,
        window,
        1usize..17,
        (any::<bool>(), any::<bool>()),
        option::weighted(0.3, 10_000u64..90_000),
    )
        .prop_map(
            |(
                script,
                (members, bytes),
                (disk_full_at, flush_fails_at),
                power_cut_at,
                hold,
                rate,
                window,
                connections,
                (held, twin),
                defers_above,
            )| Play {
                members,
                bytes,
                script,
                always: None,
                held,
                twin,
                box_script: WorldScript {
                    connections,
                    rate,
                    disk_full_at,
                    flush_fails_at,
                    power_cut_at,
                    exam: hold.map(|(times, _)| times),
                    pause: hold.is_some_and(|(_, pause)| pause),
                    window,
                    defers_above,
                    order: None,
                },
            },
        )
}

/// Names and contents of stored members.
fn contents(package: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let content = |member: &Member| {
        let start = member.header_offset as usize + 30 + member.name.len();
        let content = &package[start..start + member.size as usize];
        (member.name.clone(), content.to_vec())
    };
    directory(package).members.iter().map(content).collect()
}

/// Whatever happened: the right package or a named finding, never a wrong byte, never much more than it takes.
fn holds(play: &Play) -> (World, PackageEnd) {
    let (world, end) = play.run();
    let central = &world.central;
    if let PackageEnd::Fetched { .. } = &end {
        let held = world.held.as_ref().unwrap();
        // No checksum covers a zip's own directory: where a byte came wrong the members count, else every byte.
        let is_corrupt = |mishap: &PackageMishap| matches!(mishap, PackageMishap::Corrupt(_));
        let is_the_same = |edition: &Vec<u8>| match play.script.iter().any(is_corrupt) {
            true => contents(edition) == contents(held),
            false => edition == held,
        };
        let is_any = central.editions.iter().any(is_the_same);
        assert!(is_any, "what is visible is no edition of central");
        if !play.script.contains(&PackageMishap::Change) {
            assert!(is_the_same(&central.editions[0]));
        }
    }
    if let PackageEnd::Failed { trouble, .. } = &end {
        let reason = trouble.reason();
        let named = reason.starts_with("package of ");
        assert!(named && reason.len() > 40, "{trouble:?}");
    }
    let size = central.package().len() as u64;
    let most = size * 103 / 100 + RECORD + central.destroyed;
    assert!(
        world.wire <= most,
        "{} of {most} bytes of {size}: {:#?}",
        world.wire,
        world.trace
    );
    assert!(world.most_open <= play.box_script.connections.max(1) + 1);
    (world, end)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn from_any_script_the_end_is_the_right_package_or_a_finding(play in play(any_mishap())) {
        holds(&play);
    }

    /// What passes by itself never keeps a package from coming, as long as it is not all that there is.
    #[test]
    fn what_passes_is_passed(mut play in play(passing())) {
        play.box_script.disk_full_at = None;
        play.box_script.flush_fails_at = None;
        // Two troubles in a row between what goes well.
        play.script = play.script.chunks(2).flat_map(|two| [two, &[PackageMishap::None; 2]].concat()).collect();
        let (world, end) = holds(&play);
        prop_assert!(matches!(end, PackageEnd::Fetched { .. }), "{:?} {:#?}", end, world.trace);
    }

    /// A server or a proxy that always does the same.
    #[test]
    fn a_habit_of_central_keeps_no_package_from_coming(mut play in play(passing()), habit in prop_oneof![
        Just(PackageMishap::Whole(true)), Just(PackageMishap::Whole(false)), Just(PackageMishap::Placeless), any::<bool>().prop_map(PackageMishap::RefuseSuffix),
        (1u64..60_000).prop_map(|by| PackageMishap::Shift(by, true)), (20_000u64..90_000, any::<bool>()).prop_map(|(bytes, said)| PackageMishap::Short(bytes, said)),
        (1u64..9_000).prop_map(PackageMishap::Long), (5_000u64..90_000).prop_map(PackageMishap::Cut)]) {
        play.script.clear();
        play.box_script.disk_full_at = None;
        play.box_script.flush_fails_at = None;
        // What is smaller than the first look comes whole, if it comes: a cut that always comes before its end lets none.
        if let PackageMishap::Cut(_) = habit {
            play.bytes += 40_000;
        }
        play.always = Some(habit);
        let (world, end) = holds(&play);
        prop_assert!(matches!(end, PackageEnd::Fetched { .. }), "{:?} {:#?}", end, world.trace);
    }

    #[test]
    fn the_same_script_gives_the_same_trace(play in play(any_mishap())) {
        prop_assert_eq!(play.run().0.trace, play.run().0.trace);
    }

    /// A pause or an exam ends what is under way: nothing more is read than is on its way already, no range stays open, and
    /// what came is kept.
    #[test]
    fn a_pause_ends_what_is_under_way_and_costs_nothing_that_came(mut play in play(passing()), from in 0u64..5, pause in any::<bool>()) {
        play.script.clear();
        play.bytes = play.bytes % 30_000 + 20_000;
        play.box_script = WorldScript { connections: play.box_script.connections, window: 2 << 20, ..WorldScript::default() };
        play.box_script.rate = 30_000;
        (play.box_script.exam, play.box_script.pause) = (Some((from, from + 100)), pause);
        let (world, end) = holds(&play);
        prop_assert!(matches!(end, PackageEnd::Fetched { .. }), "{:?} {:#?}", end, world.trace);
        let took = world.now.mono.as_secs() - 1000;
        prop_assert!(took >= from + 100 || took <= from, "{} s in a pause from {} s on", took, from);
        prop_assert_eq!(world.open_in_pause, 0, "ranges stay open: {:#?}", world.trace);
        // The gate says until when: nobody looks for it long after.
        prop_assert!(took <= from + 101 + 40, "{} s with a pause from {} s on", took, from);
    }

    /// Another rate is in force at once: what waited for its turn at the one before is let go, or waits longer.
    #[test]
    fn an_ordered_rate_holds_at_once(mut play in play(passing()), from in 1u64..4, faster in any::<bool>()) {
        play.script.clear();
        (play.held, play.twin, play.members) = (false, false, 8);
        play.bytes = 40_000 + play.bytes % 20_000;
        let (rate, most) = match faster {
            true => (10_000, 0),
            false => (40_000, 4_000),
        };
        play.box_script = WorldScript { connections: 2, window: 2 << 20, rate, ..WorldScript::default() };
        play.box_script.order = Some((from, RateOverride { most, until: None }));
        let (world, end) = holds(&play);
        prop_assert!(matches!(end, PackageEnd::Fetched { .. }), "{:?} {:#?}", end, world.trace);
        let (took, size) = ((world.now.mono.as_secs_f64() - 1000.0), world.wire as f64);
        // One piece for each connection may have been waited for.
        let before = rate as f64 * (from as f64 + 1.0) + 3.0 * 16_384.0;
        match faster {
            true => prop_assert!(took < from as f64 + size / 400_000.0 * 2.0 + 2.0, "{} s for {} bytes", took, size),
            false => prop_assert!(took > (size - before) / 4_000.0, "{} s for {} bytes", took, size),
        }
    }

    /// A bad disk is named as what it is, and the next run brings the package.
    #[test]
    fn a_disk_that_fails_is_named(mut play in play(passing()), at in 1usize..9) {
        play.script.clear();
        play.held = false;
        play.box_script.power_cut_at = None;
        play.box_script.flush_fails_at = None;
        play.box_script.disk_full_at = Some(at);
        let (world, end) = play.run();
        let records = world.central.package().len() as u64 / RECORD + 1;
        match end {
            PackageEnd::Failed { trouble, .. } if (at as u64) <= records => prop_assert!([Code::DiskFull, Code::StateIo].contains(&trouble.code)),
            PackageEnd::Fetched { .. } => prop_assert!(at as u64 > records),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// A small package comes in one answer, which nobody reads in a pause: central gives it up. What came before is kept.
#[test]
fn an_answer_that_broke_in_a_pause_goes_on_where_it_was() {
    let play = Play {
        members: 8,
        bytes: 40_000,
        script: vec![PackageMishap::Cut(100_000)],
        always: None,
        held: false,
        twin: false,
        box_script: WorldScript {
            connections: 1,
            window: 2 << 20,
            rate: 30_000,
            exam: Some((2, 100)),
            pause: true,
            ..WorldScript::default()
        },
    };
    let (world, end) = play.run();
    assert!(matches!(end, PackageEnd::Fetched { .. }), "{end:?}");
    assert_eq!(world.central.requests, 2, "{:#?}", world.trace);
    assert_eq!(world.wire, world.central.package().len() as u64);
}
