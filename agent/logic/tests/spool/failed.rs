//! A pass that brought nothing of a kind home says so, whatever central did to it: a run of it never ends well.
//! Never sleeps.
//! Used by `tests/spool.rs`.

use logic::intake::ItemKind;
use logic::report::Report;
use logic::spool::ItemState;
use logic::words::{Outcome, SyncParams};
use serde_json::{Value as Json, json};

use crate::bench::{Box, names, result, rows};
use crate::central::{Mishap, ResultCentral};

/// Whatever central, or the way to it, can do to every request of a pass.
const MISHAPS: [Mishap; 15] = [
    Mishap::Unsent,
    Mishap::CutBefore,
    Mishap::CutAfter,
    Mishap::Dies(0),
    Mishap::Died(0),
    Mishap::Late,
    Mishap::Gateway(false),
    Mishap::Gateway(true),
    Mishap::Page(false),
    Mishap::Page(true),
    Mishap::Busy,
    Mishap::Maintenance,
    Mishap::Errs(0),
    Mishap::Blip(0),
    Mishap::Sick,
];

const KINDS: [ItemKind; 4] = [
    ItemKind::Results,
    ItemKind::Logs,
    ItemKind::Sessions,
    ItemKind::LtiUsers,
];

fn document(kind: ItemKind, at: usize) -> Json {
    let id = format!("e{at}");
    match kind {
        ItemKind::Results => json!({ &id: result(&id, &names(0..3)) }),
        ItemKind::Logs => rows(&id, 0..5, None),
        ItemKind::Sessions => json!([id]),
        ItemKind::LtiUsers => json!([{ "user_id": format!("u{at}"), "consumer": "c" }]),
    }
}

/// A box that owes three of a kind; what rows and sessions are of is on central.
fn owing(kind: ItemKind) -> Box {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    world.central.lti = true;
    world.plan.lti_users = true;
    if kind != ItemKind::Results {
        for at in 0..3 {
            world.submit(ItemKind::Results, &document(ItemKind::Results, at));
        }
        assert_eq!(world.pass().told().1, Vec::new());
    }
    for at in 0..3 {
        world.submit(kind, &document(kind, at));
    }
    world
}

/// The account of a run with this pass alone.
fn account(ending: &logic::spool::SpoolEnding) -> Report {
    let params = SyncParams {
        organisation_id: "1001".into(),
        sync_id: 1,
        box_id: "box".into(),
        tao_version: "2022.11".into(),
    };
    let mut report = Report::new(&params, 0);
    ending.told().1.iter().for_each(|told| report.find(told));
    report
}

/// Whether anything of a kind is home.
fn is_home(world: &Box, kind: ItemKind) -> bool {
    let mut of = world.ledgers.values().filter(|l| l.key.kind == kind);
    of.any(|ledger| ledger.state == ItemState::Acknowledged)
}

fn must_be_told(world: &mut Box, kind: ItemKind, what: &str) -> bool {
    let ending = world.pass();
    let report = account(&ending);
    if is_home(world, kind) {
        return false;
    }
    assert_ne!(
        report.outcome,
        Outcome::Finished,
        "{kind:?} {what}: {ending:?}"
    );
    assert_ne!(report.outcome.exit(), 0);
    assert!(!report.reason.is_empty(), "{kind:?} {what}");
    true
}

#[test]
fn a_run_of_which_nothing_of_a_kind_came_home_never_ends_well() {
    for kind in KINDS {
        let mut failed = 0;
        for mishap in MISHAPS {
            let mut world = owing(kind);
            world.central.script = vec![mishap; 500].into();
            let what = format!("{mishap:?}");
            failed += u32::from(must_be_told(&mut world, kind, &what));
            // The next one, later, meets the same.
            world.rest(world.plan.refuse_after * 2);
            world.central.script = vec![mishap; 500].into();
            must_be_told(&mut world, kind, &what);
        }
        assert!(failed >= 10, "{kind:?}: {failed}");
    }
}

#[test]
fn what_central_s_web_server_finds_too_large_is_told() {
    for kind in KINDS {
        let mut world = owing(kind);
        world.central.limit = 1;
        assert!(must_be_told(&mut world, kind, "413"));
    }
}

#[test]
fn users_that_central_has_no_service_for_are_told() {
    let mut world = owing(ItemKind::LtiUsers);
    world.central.lti = false;
    assert!(must_be_told(&mut world, ItemKind::LtiUsers, "no service"));
}
