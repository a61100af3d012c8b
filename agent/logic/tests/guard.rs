//! Scripts of lists against the guard of deletions: what central may say in any order, over any time, through restarts
//! and a running time that loses seconds. An oracle with the true time counts what was lost.
//! Never shares a rule with the product: the oracle knows the lists and the clock, nothing of votes and statements.

use std::collections::{BTreeMap, BTreeSet};

use logic::api::ChecksumPage;
use logic::entity::{Checksum, EntityType};
use logic::exam::InUse;
use logic::guard::{Memory, Terms};
use logic::manifest::{HeldRows, IndexRows, Manifest};
use logic::seal::NameHash;
use proptest::prelude::*;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const LIMIT: f64 = 0.2;
/// Entities that central has when it tells all of them.
const ALL: u8 = 20;
/// A fifth of them.
const FIFTH: usize = 4;

/// A list: the entities that it names, each with the version of its content.
type GuardedList = BTreeMap<u8, u8>;

fn name(number: u8) -> NameHash {
    NameHash([number; 16])
}

fn text(version: u8) -> String {
    format!("{version:032x}")
}

/// A box, as far as one type is concerned.
#[derive(Default)]
struct GuardWorld {
    shown: IndexRows,
    hidden: IndexRows,
    memory: Memory,
    /// Seconds of running time, as the box knows them.
    running: u64,
    fetched: Vec<u8>,
    edited: Vec<(u8, u8)>,
    hides: Vec<u8>,
}

impl GuardWorld {
    fn hear(&mut self, list: &GuardedList) {
        let held = HeldRows {
            shown: self.shown.clone(),
            hidden: self.hidden.clone(),
            ..HeldRows::default()
        };
        let terms = Terms {
            limit: LIMIT,
            allowed: false,
            running: self.running,
        };
        let mut manifest = Manifest::new(
            EntityType::TestTaker,
            held,
            std::mem::take(&mut self.memory),
            terms,
        );
        let page = ChecksumPage {
            next: None,
            listed: list
                .iter()
                .map(|(number, version)| (number.to_string(), text(*version)))
                .collect(),
            odd: Vec::new(),
            doubtful: Vec::new(),
        };
        let turn = manifest.page(&page, &InUse::Nothing, |id| {
            name(id.parse().expect("a number"))
        });
        let mut arriving = 0;
        for id in turn.wanted {
            let number: u8 = id.parse().expect("a number");
            let checksum = Checksum::of(&text(list[&number]));
            assert_ne!(
                self.hidden.get(&name(number)),
                Some(&checksum),
                "{number} is hidden as central has it, and was asked for"
            );
            self.hidden.remove(&name(number));
            match self.shown.insert(name(number), checksum) {
                Some(_) => self.edited.push((number, list[&number])),
                None => arriving += 1,
            }
            self.fetched.push(number);
        }
        for back in &manifest.restore {
            let checksum = self.hidden.remove(back).expect("it was hidden");
            self.shown.insert(*back, checksum);
            arriving += 1;
        }
        let closing = manifest.close(true, arriving, 0, InUse::Nothing);
        for gone in closing.hide {
            let checksum = self.shown.remove(&gone).expect("it was shown");
            self.hidden.insert(gone, checksum);
            self.hides.push(gone.0[0]);
        }
        self.memory = closing.memory;
    }
}

#[derive(Debug, Clone)]
enum GuardStep {
    /// A list that names these, after so many seconds.
    List(GuardedList, u64),
    /// Nothing is heard for so many seconds.
    Silence(u64),
    /// Power is lost: so many seconds of running time were not written down.
    Restart(u64),
    /// The entry that counts them was damaged: they begin at 0.
    Forgotten,
}

fn list() -> impl Strategy<Value = GuardedList> {
    let numbers = prop::collection::btree_map(0..ALL, 0u8..2, 0..=usize::from(ALL));
    let halves = (0u32..1 << ALL).prop_map(|bits| {
        let named = (0..ALL).filter(|number| bits >> number & 1 == 1);
        named.map(|number| (number, 0)).collect::<GuardedList>()
    });
    let all = Just((0..ALL).map(|number| (number, 0)).collect::<GuardedList>());
    prop_oneof![2 => numbers, 2 => halves, 1 => all]
}

fn step() -> impl Strategy<Value = GuardStep> {
    let soon = prop_oneof![Just(900u64), 1u64..2 * HOUR, HOUR..30 * HOUR];
    prop_oneof![
        10 => (list(), soon).prop_map(|(list, after)| GuardStep::List(list, after)),
        1 => (1u64..3 * DAY).prop_map(GuardStep::Silence),
        1 => (0u64..HOUR).prop_map(GuardStep::Restart),
        1 => Just(GuardStep::Forgotten),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Within any 24 hours not more than the share is lost unasked; what goes beside it was named by no list for a day.
    #[test]
    fn no_script_of_lists_shows_less_than_the_guard_allows(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = GuardWorld { running: 500, ..GuardWorld::default() };
        world.hear(&(0..ALL).map(|number| (number, 0)).collect());
        let mut now = 0u64;
        // What was shown after each list, when; and when each entity was named last.
        let mut past: Vec<(u64, BTreeSet<u8>)> = vec![(0, (0..ALL).collect())];
        let mut named: BTreeMap<u8, u64> = (0..ALL).map(|number| (number, 0)).collect();
        let mut agreed: Vec<(u64, u8)> = Vec::new();
        for step in steps {
            match step {
                GuardStep::Silence(span) => {
                    now += span;
                    world.running += span;
                }
                GuardStep::Restart(lost) => world.running -= lost.min(world.running),
                GuardStep::Forgotten => world.running = 0,
                GuardStep::List(list, after) => {
                    now += after;
                    world.running += after;
                    let before = world.hides.len();
                    world.hear(&list);
                    for gone in world.hides[before..].iter().filter(|gone| now - named[gone] >= DAY) {
                        agreed.push((now, *gone));
                    }
                    for number in list.keys() {
                        named.insert(*number, now);
                    }
                    let shown: BTreeSet<u8> = world.shown.keys().map(|name| name.0[0]).collect();
                    prop_assert!(!shown.is_empty(), "the last one is gone");
                    for (at, then) in past.iter().filter(|(at, _)| now - at < DAY) {
                        let unasked = then.difference(&shown).filter(|gone| {
                            !agreed.iter().any(|(when, name)| name == *gone && when > at)
                        });
                        let lost = unasked.count();
                        prop_assert!(lost <= FIFTH, "{} lost since {} s ago", lost, now - at);
                    }
                    past.push((now, shown));
                }
            }
        }
    }

    /// A server with an old list between those with the new one: everything that either names is shown, nothing is
    /// edited back, and nothing is fetched twice.
    #[test]
    fn while_central_flips_the_union_is_kept(script in prop::collection::vec(any::<bool>(), 4..200)) {
        let old: GuardedList = (0..10).map(|number| (number, 0)).collect();
        let mut new = old.clone();
        // One is gone, one is edited, two are made.
        new.remove(&0);
        new.insert(1, 1);
        new.extend([(10, 0), (11, 0)]);
        let mut world = GuardWorld { running: DAY, ..GuardWorld::default() };
        for list in [&old, &old, &new] {
            world.running += 900;
            world.hear(list);
        }
        world.fetched.clear();
        world.edited.clear();
        let mut streak = (true, 0);
        let mut old_heard = false;
        for says_new in script {
            // No server answers four times in a row: that would be believed after an hour.
            streak = if streak.0 == says_new { (says_new, streak.1 + 1) } else { (says_new, 1) };
            let says_new = if streak.1 > 3 { streak = (!says_new, 1); !says_new } else { says_new };
            world.running += 900;
            world.hear(if says_new { &new } else { &old });
            old_heard |= !says_new;
            for number in 1..12 {
                prop_assert!(world.shown.contains_key(&name(number)), "{} is gone", number);
            }
            prop_assert!(!old_heard || world.shown.contains_key(&name(0)), "0 is gone again");
            prop_assert_eq!(world.shown[&name(1)], Checksum::of(&text(1)));
            prop_assert!(world.fetched.is_empty() && world.edited.is_empty());
        }
    }
}

#[test]
fn a_list_halved_at_each_run_takes_a_fifth_a_day() {
    let mut world = GuardWorld::default();
    let mut list: GuardedList = (0..16).map(|number| (number, 0)).collect();
    world.hear(&list);
    for _ in 0..8 {
        world.running += 900;
        let keep = list.len().div_ceil(2);
        list = list.into_iter().take(keep).collect();
        world.hear(&list);
    }
    assert_eq!(list.len(), 1);
    assert!(
        world.shown.len() >= 13,
        "{} of 16 are left",
        world.shown.len()
    );
    assert!(world.memory.held_back > 0);
}
