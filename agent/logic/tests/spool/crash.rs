//! Any faults of central, any power cuts of the box, any writes that fail: whatever happens, each item is home once or named.
//! Never sleeps, never draws: proptest scripts the faults.
//! Used by `tests/spool.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logic::fault::Code;
use logic::intake::ItemKind;
use logic::spool::ItemState;
use proptest::prelude::*;
use serde_json::json;

use crate::bench::{Box, Cut, Write, names, result, rows};
use crate::central::{Mishap, ResultCentral};

fn fault() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        6 => Just(Mishap::None),
        1 => Just(Mishap::Unsent),
        1 => Just(Mishap::CutBefore),
        2 => Just(Mishap::CutAfter),
        2 => (0usize..40).prop_map(Mishap::Dies),
        2 => (0usize..40).prop_map(Mishap::Died),
        1 => Just(Mishap::Late),
        1 => any::<bool>().prop_map(Mishap::Gateway),
        1 => any::<bool>().prop_map(Mishap::Page),
        1 => Just(Mishap::Busy),
        1 => Just(Mishap::Maintenance),
        1 => Just(Mishap::Slow),
        1 => (0usize..40).prop_map(Mishap::Errs),
        1 => (0usize..40).prop_map(Mishap::Blip),
        1 => Just(Mishap::Sick),
    ]
}

/// Results with variables, poison, a content before that is not finished, a second content, log rows, sessions.
#[derive(Debug, Clone)]
struct Owing {
    variables: usize,
    poison: Option<bool>,
    /// What was handed in first is not finished; whether it was set aside before the rest came.
    open: Option<bool>,
    again: usize,
    rows: usize,
    session: bool,
}

impl Owing {
    /// The edition of the first content that is to go.
    fn first(&self) -> u32 {
        u32::from(self.open == Some(true))
    }
}

fn owing_strategy() -> impl Strategy<Value = Owing> {
    (
        0usize..8,
        prop_oneof![8 => Just(None), 1 => any::<bool>().prop_map(Some)],
        prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)],
        prop_oneof![2 => Just(0usize), 1 => 1usize..4],
        0usize..6,
        any::<bool>(),
    )
        .prop_map(|(variables, poison, open, again, rows, session)| Owing {
            variables,
            poison,
            open,
            again,
            rows,
            session,
        })
}

fn cut() -> impl Strategy<Value = Cut> {
    (0usize..30, any::<bool>()).prop_map(|(after, done)| Cut { after, done })
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![3 => Just(Write::Kept), 4 => Just(Write::Failed), 1 => Just(Write::Half)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn through_every_crash_each_item_is_home_once_or_named(
        items in prop::collection::vec(owing_strategy(), 1..25),
        script in prop::collection::vec(fault(), 0..40),
        cuts in prop::collection::vec(cut(), 0..12),
        chunk in 1usize..12,
        early in any::<bool>(),
        probe_first in any::<bool>(),
        writes in prop_oneof![Just(Vec::new()), prop::collection::vec(write(), 0..80)],
        encrypted in any::<bool>(),
        // Seconds between the first passes: none, less than central may be at a lost request, and more.
        rests in prop::collection::vec(prop_oneof![Just(0u64), Just(20), Just(3600)], 6),
    ) {
        let mut world = Box::new(ResultCentral::new(script));
        let mut items = items;
        if encrypted {
            world.encrypts();
            // Central looks at no content: there is none that it dies of.
            items.iter_mut().for_each(|item| item.poison = None);
        }
        world.cuts = cuts.into();
        world.writes = writes.into();
        world.plan.chunk = chunk;
        world.plan.rows = 7;
        world.plan.probe_first = probe_first;
        for (at, item) in items.iter().enumerate() {
            let id = format!("e{at:02}");
            let mut variables = names(0..item.variables);
            match item.poison {
                Some(true) => variables.push("POISON_TYPE".into()),
                Some(false) => variables.push("POISON_STORE".into()),
                None => {}
            }
            if let Some(aside) = item.open {
                world.open = true;
                world.submit(ItemKind::Results, &json!({ &id: result(&id, &["FORMER".into()]) }));
                world.open = false;
                let last = world.ledgers.values_mut().rfind(|l| l.key.kind == ItemKind::Results);
                prop_assert!(!aside || last.unwrap().set_aside());
                if early {
                    world.pass();
                }
            }
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &variables) }));
            world.submit(ItemKind::Logs, &rows(&id, 0..item.rows, None));
            if item.session {
                world.submit(ItemKind::Sessions, &json!([id]));
            }
        }
        if !early {
            world.pass();
        }
        for (at, item) in items.iter().enumerate().filter(|(_, item)| item.again > 0) {
            let id = format!("e{at:02}");
            let variables = names(0..item.variables + item.again);
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &variables) }));
        }
        for round in 0..12 {
            // Each round brings one more result: life goes on, and it may be a witness.
            let id = format!("w{round}");
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &names(0..2)) }));
            world.plan.asked = round >= 6;
            world.pass();
            let rest = rests.get(round).map(|seconds| Duration::from_secs(*seconds));
            world.rest(rest.unwrap_or(world.plan.refuse_after));
            // Exactly once, at every moment.
            let mut complete = BTreeSet::new();
            for execution in world.central.executions.iter().filter(|e| e.complete) {
                let id = &execution.id;
                prop_assert!(complete.insert(id), "{} is doubled", id);
                let distinct: BTreeSet<_> = execution.variables.iter().collect();
                prop_assert_eq!(distinct.len(), execution.variables.len(), "{} has doubled variables", id);
            }
        }
        world.central.script.clear();
        world.cuts.clear();
        world.writes.clear();
        let hurt = world.central.hurt.clone();
        // What a fault made look like poison, twice, is refused by a central that was well again: `retry` brings it
        // home.
        for ledger in world.ledgers.values_mut() {
            let item = ledger.key.id.strip_prefix('e').map(|at| &items[at.parse::<usize>().unwrap()]);
            let poison = item.is_some_and(|item| item.poison.is_some() && ledger.key.edition == item.first());
            let kind = matches!(ledger.key.kind, ItemKind::Results | ItemKind::Logs);
            if kind && ledger.state == ItemState::Refused && !poison {
                prop_assert!(hurt.contains(&ledger.key.id), "{:?} was refused for nothing", ledger.key);
                ledger.retry();
            }
        }
        for round in 0..3 {
            let id = format!("x{round}");
            world.submit(ItemKind::Results, &json!({ &id: result(&id, &names(0..2)) }));
            world.pass();
            world.rest(world.plan.refuse_after);
        }
        let mut whole = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            let id = format!("e{at:02}");
            let first = world.ledger(ItemKind::Results, &id, item.first());
            if item.open == Some(true) {
                prop_assert_eq!(world.state(ItemKind::Results, &id, 0), ItemState::SetAside);
            }
            let code = first.reason.as_ref().and_then(|r| r.code.known());
            match item.poison {
                None => prop_assert_eq!(first.state, ItemState::Acknowledged, "{} {:?}", id, code),
                Some(true) => {
                    prop_assert_eq!(first.state, ItemState::Refused, "{} {:?}", id, code);
                    prop_assert_eq!(code, Some(Code::ResultsRejected));
                }
                // By its own words the storage is to blame: it is never refused.
                Some(false) => {
                    prop_assert_eq!(first.state, ItemState::Queued, "{} {:?}", id, code);
                    prop_assert_eq!(code, Some(Code::ResultsNotStored));
                }
            }
            let total = match (item.poison, item.again) {
                (Some(_), 0) | (Some(false), _) => None,
                (_, again) => Some(item.variables + again),
            };
            let held = world.central.mapping.get(&id).map(|at| world.central.executions[*at].variables.len());
            prop_assert_eq!(held, total, "{}", &id);
            // A variable of a known execution behind which the storage failed stays owed, and is named.
            let named = world.ledgers.values().any(|ledger| {
                let stands = ledger.key.id == id && ledger.state == ItemState::Queued;
                stands && ledger.reason.as_ref().is_some_and(|r| r.code == Code::ResultsNotStored)
            });
            if total.is_some() && item.poison.is_none() && !named {
                whole.insert(id, item);
            }
        }
        // Nothing waits that could go, nothing is unconfirmed on a central that answers the probe.
        for ledger in world.ledgers.values() {
            prop_assert_ne!(ledger.state, ItemState::Unconfirmed);
        }
        let mut surplus = 0;
        for (id, item) in &whole {
            let held = world.central.rows.get(id).cloned().unwrap_or_default();
            let distinct: BTreeSet<_> = held.iter().collect();
            let ledgers: Vec<_> = world.ledgers.values().filter(|l| l.key.id == *id).collect();
            prop_assert_eq!(distinct.len(), item.rows, "rows of {}: {:?}", id, ledgers);
            surplus += held.len() - item.rows;
            if item.session {
                let told = world.central.sessions.get(id).copied().unwrap_or(0);
                prop_assert!(told >= 1, "session of {}", id);
                surplus += told as usize - 1;
            }
        }
        prop_assert!(surplus as u64 <= world.doubled, "{} doubled, {} counted", surplus, world.doubled);
    }
}
