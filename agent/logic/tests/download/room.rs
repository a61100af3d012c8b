//! A package that comes from central and from siblings: one box with siblings by script, and rooms of boxes on one line.
//! Never sleeps: all boxes live in one virtual time.
//! Part of `cargo test -p logic --test download`.

use std::collections::BTreeSet;
use std::time::Duration;

use logic::download::{Download, Event, SiblingId};
use logic::fault::{Code, Fault};
use logic::package_lane::PackageEnd;
use logic::retry::mix;
use logic::sibling::{FetchedRecord, PackageHoldings};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::central::{PackageCentral, PackageMishap, passing};
use crate::siblings::{Habit, ScriptedSibling, SiblingAsk, any_habit, given};
use crate::world::{RECORD, World, WorldScript};
use crate::{config, contents, edition};

fn central(package: Vec<u8>, script: Vec<PackageMishap>) -> PackageCentral {
    PackageCentral {
        editions: vec![package],
        script,
        ..PackageCentral::default()
    }
}

fn quiet(connections: usize) -> WorldScript {
    WorldScript {
        connections,
        window: 2 << 20,
        ..WorldScript::default()
    }
}

/// One box beside siblings by script, each with the whole package or every so-many-th record of it.
fn beside(
    package: &[u8],
    siblings: &[(Habit, Option<u32>)],
    script: Vec<PackageMishap>,
    box_script: WorldScript,
) -> World {
    let mut world = World::new(central(package.to_vec(), script), box_script, None);
    world.room.own = Some(mix(99));
    let sibling = |(habit, every): &(Habit, Option<u32>)| ScriptedSibling {
        habit: *habit,
        every: *every,
        content: package.to_vec(),
        answers: 0,
    };
    world.room.scripted = siblings.iter().map(sibling).collect();
    world
}

fn runs(world: &mut World) -> PackageEnd {
    (0..3)
        .find_map(|_| world.run())
        .expect("an end in three runs")
}

proptest! {
    #![proptest_config(config())]

    /// Whatever siblings and central do: the right package or a named finding, never a wrong byte.
    #[test]
    fn from_any_siblings_the_end_is_the_right_package_or_a_finding(
        siblings in vec((any_habit(), prop::option::of(1u32..4)), 0..6),
        script in vec(passing(), 0..8),
        size in (4usize..9, 20_000usize..60_000),
        connections in 1usize..5,
        cut in prop::option::weighted(0.2, 1usize..200),
        exam in prop::option::weighted(0.2, (0u64..5, 5u64..100)),
    ) {
        let package = edition(size.0, size.1, &[], 0);
        let script = script.chunks(2).flat_map(|two| [two, &[PackageMishap::None; 2]].concat()).collect();
        let box_script = WorldScript { power_cut_at: cut, exam, ..quiet(connections) };
        let mut world = beside(&package, &siblings, script, box_script);
        let end = runs(&mut world);
        // What passes is passed, whatever siblings do.
        prop_assert!(matches!(end, PackageEnd::Fetched { .. }), "{:?} {:#?}", end, world.trace);
        let held = world.held.clone().unwrap();
        prop_assert_eq!(contents(&package), contents(&held));
        if !siblings.iter().any(|(habit, _)| matches!(habit, Habit::Lies | Habit::Contradicts)) {
            prop_assert!(held == package, "a byte is wrong");
        }
        // Siblings never make it ask central for more than the package, its ends and what is compared.
        let most = package.len() as u64 * 113 / 100 + 2 * RECORD + world.central.destroyed;
        prop_assert!(world.wire <= most, "{} of {} bytes: {:#?}", world.wire, most, world.trace);
    }
}

#[test]
fn what_a_sibling_has_is_not_asked_of_central() {
    let package = edition(40, 50_000, &[], 0);
    let mut world = beside(&package, &[(Habit::Honest, None)], Vec::new(), quiet(4));
    let end = runs(&mut world);
    assert!(matches!(end, PackageEnd::Fetched { .. }), "{end:?}");
    assert!(world.held.as_ref() == Some(&package));
    // The look, what is compared.
    let compared = package.len() as u64 / 20;
    assert!(world.wire <= (64 << 10) + compared, "{} bytes", world.wire);
}

/// Wrong bytes under the right key: found by the members, taken from central, and its giver is out.
#[test]
fn a_sibling_that_lies_is_found_out() {
    let package = edition(40, 50_000, &[], 0);
    for habit in [Habit::Lies, Habit::Contradicts, Habit::Garbage] {
        let siblings = [(habit, None), (Habit::Honest, Some(2))];
        let mut world = beside(&package, &siblings, Vec::new(), quiet(4));
        let end = runs(&mut world);
        assert!(
            matches!(end, PackageEnd::Fetched { .. }),
            "{habit:?}: {end:?}"
        );
        assert!(world.held.as_ref() == Some(&package), "{habit:?}");
        let last = world.room.scripted[0].answers;
        // In a second package of the same session nobody asks it any more.
        assert!(last > 0, "{habit:?}: it was never asked");
        assert!(
            world.wire <= 2 * package.len() as u64,
            "{} bytes",
            world.wire
        );
    }
}

/// What another box says while the members are checked counts as well: bytes of no member are compared in no other way.
#[test]
fn what_is_disputed_while_members_are_checked_comes_from_central() {
    let package = edition(40, 50_000, &[], 0);
    let mut world = beside(&package, &[(Habit::Honest, None)], Vec::new(), quiet(4));
    let mut machine = world.machine();
    let (mut told, record) = (None, 5);
    let end = loop {
        if let Some(end) = world.settle(&mut machine) {
            break end;
        }
        if told.is_none()
            && world
                .trace
                .last()
                .is_some_and(|line| line.ends_with("Verify"))
        {
            told = Some(world.trace.len());
            let digest = [7; 32];
            let said = PackageHoldings {
                fetched: vec![FetchedRecord { record, digest }],
                is_fetching: true,
                ..PackageHoldings::default()
            };
            machine.handle(Event::Heard(77, Some(said)), world.now);
        }
        for ask in std::mem::take(&mut world.room.asks) {
            world.asks_scripted(ask);
        }
        let at = world.next_at(&machine);
        world.step(&mut machine, at);
    };
    assert!(matches!(end, Some(PackageEnd::Fetched { .. })), "{end:?}");
    assert!(world.held.as_ref() == Some(&package));
    let since = &world.trace[told.expect("it was checked")..];
    let again = format!("Forget({record}..{})", record + 1);
    assert!(
        since.iter().any(|line| line.ends_with(&again)),
        "{since:#?}"
    );
}

/// Boxes on one line to central, in one virtual time.
struct Room {
    boxes: Vec<(World, Download, Option<PackageEnd>)>,
    /// Whose line to central is cut off from the others: they do not hear it.
    partition: Vec<usize>,
    /// After so many seconds this one is gone.
    dies: Option<(usize, u64)>,
    /// This one gives wrong bytes.
    lies: Option<usize>,
    /// What this one takes for central gives it wrong bytes, so it gives them on as central's.
    misled: Option<usize>,
}

const CENTRAL: u64 = 200_000;
const LAN_RATE: u64 = 20_000_000;

fn name(at: usize) -> SiblingId {
    mix(1_000 + at as u64)
}

impl Room {
    /// So many boxes begin together.
    fn new(boxes: usize, package: &[u8]) -> Self {
        let begun = |at: usize| {
            let central = PackageCentral {
                always: Some(PackageMishap::Slow(CENTRAL)),
                ..central(package.to_vec(), Vec::new())
            };
            let mut world = World::new(central, quiet(2), None);
            (world.room.own, world.room.boxes) = (Some(name(at)), boxes - 1);
            let machine = world.machine();
            (world, machine, None)
        };
        Self {
            boxes: (0..boxes).map(begun).collect(),
            partition: Vec::new(),
            dies: None,
            lies: None,
            misled: None,
        }
    }

    fn hears(&self, one: usize, other: usize) -> bool {
        let is_apart = |at: usize| self.partition.contains(&at);
        let now = self.boxes[one].0.now.mono.as_secs() - 1000;
        let is_dead = self
            .dies
            .is_some_and(|(at, when)| at == other && now >= when);
        is_apart(one) == is_apart(other) && !is_dead
    }

    fn asks(&mut self, at: usize, ask: SiblingAsk) {
        let now = self.boxes[at].0.now.mono;
        let lan = Duration::from_millis(2);
        match ask {
            SiblingAsk::Poll(known) => {
                for other in (0..self.boxes.len()).filter(|other| *other != at) {
                    let id = name(other);
                    if !self.hears(at, other) {
                        let silent = Event::Heard(id, None);
                        self.boxes[at].0.later(Duration::from_secs(3), silent);
                        continue;
                    }
                    let mark = known.iter().find(|(of, ..)| *of == id);
                    let (epoch, entries) = mark.map_or((0, 0), |(_, epoch, n)| (*epoch, *n));
                    let (world, _, end) = &self.boxes[other];
                    let mut said = world.room.answer(epoch, entries, now);
                    (said.is_whole, said.is_fetching) =
                        (end.is_some(), said.is_fetching && end.is_none());
                    self.boxes[at].0.later(lan, Event::Heard(id, Some(said)));
                }
            }
            SiblingAsk::Range {
                id,
                sibling,
                first,
                last,
            } => {
                let other = (0..self.boxes.len())
                    .find(|at| name(*at) == sibling)
                    .unwrap();
                let world = &self.boxes[other].0;
                let bytes = match (&world.held, &world.store.part) {
                    (Some(held), _) => Some(held[first as usize..=last as usize].to_vec()),
                    (None, Some(part)) => (first / RECORD..=last / RECORD)
                        .map(|record| part.records[record as usize].clone())
                        .collect::<Option<Vec<_>>>()
                        .map(|records| records.concat()),
                    (None, None) => None,
                };
                let size = world.central.package().len() as u64;
                let hears = self.hears(at, other);
                let lies = self.lies == Some(other);
                let world = &mut self.boxes[at].0;
                let Some(mut bytes) = bytes.filter(|_| hears) else {
                    let gone = Fault::new(Code::NetRefused, "by script");
                    return world.later(lan, Event::Failed(id, gone));
                };
                if lies {
                    bytes[5000] ^= 1;
                }
                let (head, served) = given(size, first, bytes, LAN_RATE);
                world.comes(id, Ok(head), served, true, true, lan);
            }
        }
    }

    /// Does what one box has to do now; gives when it goes on.
    fn goes_on(&mut self, at: usize) -> Option<Duration> {
        let (world, machine, end) = &mut self.boxes[at];
        let now = world.now.mono.as_secs();
        if self
            .dies
            .is_some_and(|(who, when)| who == at && now >= 1000 + when)
        {
            world.gives_up();
            return None;
        }
        if let Some(over) = world.settle(machine) {
            *end = over;
            return None;
        }
        for ask in std::mem::take(&mut world.room.asks) {
            self.asks(at, ask);
        }
        let (world, machine, _) = &self.boxes[at];
        Some(world.next_at(machine))
    }

    /// Until all have ended; gives the bytes from central, its requests, and how long it took.
    fn plays(&mut self) -> (u64, usize, Duration) {
        // What one box does next changes by its own events alone.
        let mut agenda: BTreeSet<(Duration, usize)> = BTreeSet::new();
        let mut open = vec![0; self.boxes.len()];
        for at in 0..self.boxes.len() {
            agenda.extend(self.goes_on(at).map(|due| (due, at)));
        }
        while let Some((due, at)) = agenda.pop_first() {
            let (world, machine, _) = &mut self.boxes[at];
            world.room.beside = open.iter().sum::<usize>() - open[at];
            world.step(machine, due);
            agenda.extend(self.goes_on(at).map(|due| (due, at)));
            open[at] = self.boxes[at].0.central_open();
        }
        let bytes = self.boxes.iter().map(|(world, ..)| world.wire).sum();
        let requests = self.boxes.iter().map(|(world, ..)| world.central.requests);
        let ended = self.boxes.iter().filter(|(_, _, end)| end.is_some());
        let took = ended.map(|(world, ..)| world.now.mono).max().unwrap();
        (
            bytes,
            requests.sum(),
            took.saturating_sub(Duration::from_secs(1000)),
        )
    }

    fn all_hold(&self, package: &[u8]) {
        for (at, (world, _, end)) in self.boxes.iter().enumerate() {
            if self.dies.is_some_and(|(who, _)| who == at) || self.misled == Some(at) {
                continue;
            }
            assert!(
                matches!(end, Some(PackageEnd::Fetched { .. })),
                "{at}: {end:?}"
            );
            assert!(
                world.held.as_deref() == Some(package),
                "{at}: a byte is wrong"
            );
        }
    }
}

/// The ends that each box looks at itself.
fn ends(boxes: usize) -> u64 {
    boxes as u64 * (64 << 10)
}

#[test]
fn boxes_that_begin_together_cross_the_line_once() {
    let package = edition(80, 50_000, &[], 0);
    let size = package.len() as u64;
    let (alone, _, time_alone) = Room::new(1, &package).plays();
    assert!(alone <= size + ends(1));
    let mut room = Room::new(8, &package);
    let (bytes, _, time) = room.plays();
    room.all_hold(&package);
    println!("8 boxes: {bytes} of {size} bytes, {time:?}; alone {time_alone:?}");
    assert!(
        bytes <= size * 110 / 100 + ends(8),
        "{bytes} of {size} bytes"
    );
    assert!(
        time <= time_alone.mul_f64(1.25) + Duration::from_secs(5),
        "{time:?} beside {time_alone:?} alone"
    );
}

#[test]
fn a_box_that_dies_lies_or_is_apart_costs_little_and_no_byte() {
    let package = edition(80, 50_000, &[], 0);
    let size = package.len() as u64;
    let (_, _, time_alone) = Room::new(1, &package).plays();
    let mut dies = Room::new(8, &package);
    dies.dies = Some((3, time_alone.as_secs() / 2));
    let mut lies = Room::new(8, &package);
    lies.lies = Some(5);
    let mut apart = Room::new(8, &package);
    apart.partition = vec![0, 1];
    for (what, mut room, most) in [
        ("dies", dies, 135),
        ("lies", lies, 160),
        ("apart", apart, 225),
    ] {
        let (bytes, _, time) = room.plays();
        println!("{what}: {bytes} of {size} bytes, {time:?}; alone {time_alone:?}");
        room.all_hold(&package);
        assert!(
            bytes <= size * most / 100 + ends(8),
            "{what}: {bytes} of {size} bytes"
        );
        assert!(
            time <= time_alone.mul_f64(most as f64 / 100.0) + Duration::from_secs(10),
            "{what}: {time:?} beside {time_alone:?}"
        );
    }
}

/// Its list says of each wrong record what it gives: only the members show that something is wrong, and all of them are.
#[test]
fn a_box_that_is_misled_everywhere_misleads_others_for_one_member() {
    let package = edition(80, 50_000, &[], 0);
    let size = package.len() as u64;
    let mut wrong = package.clone();
    let inner = wrong.len() - (128 << 10);
    let bytes = wrong[..inner].iter_mut().skip(40_000);
    bytes.step_by(50_000).for_each(|byte| *byte ^= 1);
    let mut room = Room::new(8, &package);
    room.misled = Some(2);
    let world = &mut room.boxes[2].0;
    world.central.editions = vec![wrong];
    // It has nearly everything before the others begin.
    world.central.always = Some(PackageMishap::Slow(100 * CENTRAL));
    let (all, _, time) = room.plays();
    room.all_hold(&package);
    let bytes = all - room.boxes[2].0.wire;
    println!("misled: {bytes} of {size} bytes, {time:?}");
    assert!(
        bytes <= size * 160 / 100 + ends(8),
        "{bytes} of {size} bytes"
    );
}

/// Bytes and requests of central do not grow with the boxes, but for the look of each.
fn crowd(boxes: usize, percent: u64) {
    let package = edition(30, 50_000, &[], 0);
    let size = package.len() as u64;
    let mut room = Room::new(boxes, &package);
    let (bytes, requests, time) = room.plays();
    room.all_hold(&package);
    println!("{boxes} boxes: {bytes} of {size} bytes, {requests} requests, {time:?}");
    let most = size * percent / 100 + ends(boxes);
    assert!(bytes <= most, "{bytes} of {size} bytes");
    let ranges = 2 * size.div_ceil(RECORD) as usize;
    assert!(requests <= 2 * boxes + ranges, "{requests} requests");
}

#[test]
fn thirty_boxes_cost_central_hardly_more_than_eight() {
    crowd(30, 130);
}

#[test]
#[ignore = "minutes: 200 boxes that ask each other all the time"]
fn two_hundred_boxes_cost_central_the_package_twice_at_most() {
    crowd(200, 200);
}
