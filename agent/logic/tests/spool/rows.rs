//! Log rows, sessions and LTI users: after their results, at least once, and what may be doubled is counted.
//! Never sleeps.
//! Used by `tests/spool.rs`.

use super::*;

#[test]
fn logs_follow_their_results_and_sessions_their_logs() {
    let mut world = owing(3, &[(1, "POISON_TYPE")], Vec::new());
    for at in 0..3 {
        let id = format!("e{at}");
        world.submit(ItemKind::Logs, &rows(&id, 0..150, None));
        world.submit(ItemKind::Sessions, &json!([id]));
    }
    let ending = world.pass();
    assert_eq!(ending.count.logs.acknowledged, 300);
    assert_eq!(
        (ending.count.logs.queued, ending.count.logs.doubled),
        (150, 0)
    );
    assert_eq!(
        (
            ending.count.sessions.acknowledged,
            ending.count.sessions.queued
        ),
        (2, 1)
    );
    let order: Vec<_> = world.central.calls.iter().map(|(name, ..)| *name).collect();
    let first = |name| order.iter().position(|of| *of == name).unwrap();
    assert!(first("results") < first("logs") && first("logs") < first("sessions"));
    assert_eq!(
        world.central.sessions,
        [("e0".into(), 1), ("e2".into(), 1)].into()
    );
    // Rows that came later open the session's execution again only for themselves.
    world.submit(ItemKind::Logs, &rows("e0", 140..160, None));
    let ending = world.pass();
    assert_eq!(ending.count.logs.acknowledged, 10);
    assert_eq!(world.central.rows["e0"].len(), 160);
}

#[test]
fn many_rows_go_in_requests_of_two_hundred() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("e0", 0..450, None));
    world.pass();
    assert_eq!(sent(&world, "logs"), 3);
    assert_eq!(world.central.rows["e0"].len(), 450);
    assert_eq!(
        world.state(ItemKind::Logs, "e0", 0),
        ItemState::Acknowledged
    );
}

#[test]
fn rows_of_a_lost_answer_are_sent_again_and_counted() {
    let mut world = owing(2, &[], Vec::new());
    world.pass();
    world.submit(ItemKind::Logs, &rows("e0", 0..5, None));
    world.central.script = vec![Mishap::CutAfter].into();
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.doubled),
        (5, 5)
    );
    assert_eq!(world.central.rows["e0"].len(), 10);
}

#[test]
fn rows_of_an_unknown_execution_stay_queued() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Logs, &rows("stranger", 0..3, None));
    world.submit(ItemKind::Sessions, &json!(["stranger", "e0"]));
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.queued),
        (0, 3)
    );
    let ledger = world.ledger(ItemKind::Logs, "stranger", 0);
    assert_eq!(ledger.reason.as_ref().unwrap().code, Code::LogsUnmapped);
    assert_eq!(world.central.sessions, [("e0".into(), 1)].into());
    world.submit(
        ItemKind::Results,
        &json!({ "stranger": result("stranger", &names(0..2)) }),
    );
    world.pass();
    assert_eq!(world.central.rows["stranger"].len(), 3);
    assert_eq!(world.central.sessions["stranger"], 1);
}

#[test]
fn a_session_that_central_cannot_complete_waits_beside_one_that_it_can() {
    let mut world = owing(1, &[], Vec::new());
    world.submit(ItemKind::Sessions, &json!(["nobody", "e0"]));
    let ending = world.pass();
    let count = ending.count.sessions;
    assert_eq!((count.acknowledged, count.refused, count.queued), (1, 0, 1));
    assert_eq!(
        world.state(ItemKind::Sessions, "nobody", 0),
        ItemState::Queued
    );
    assert_eq!(ending.findings[0].code, Code::SessionsFailed);
}

#[test]
fn lti_users_are_sent_only_where_configured() {
    let mut world = Box::new(ResultCentral::new(Vec::new()));
    world.submit(ItemKind::LtiUsers, &json!([{"id": "u1"}, {"id": "u2"}]));
    world.pass();
    assert_eq!(world.central.calls.len(), 0);
    world.plan.lti_users = true;
    let ending = world.pass();
    assert_eq!(ending.findings[0].code, Code::LtiUsersUnsupported);
    assert_eq!(world.state(ItemKind::LtiUsers, "u1", 0), ItemState::Queued);
    world.central.lti = true;
    world.plan.asked = true;
    world.pass();
    assert_eq!(world.central.users.len(), 2);
    assert_eq!(
        world.state(ItemKind::LtiUsers, "u2", 0),
        ItemState::Acknowledged
    );
}

#[test]
fn a_row_too_long_for_the_web_server_waits_alone() {
    let mut world = owing(1, &[], Vec::new());
    let mut long = rows("e0", 0..9, None);
    long["e0"][4]["data"] = json!("x".repeat(2000));
    world.submit(ItemKind::Logs, &long);
    world.central.limit = 1500;
    let ending = world.pass();
    assert_eq!(
        (ending.count.logs.acknowledged, ending.count.logs.refused),
        (8, 0)
    );
    let ledger = world.ledger(ItemKind::Logs, "e0", 0);
    let code = ledger.reason.as_ref().unwrap().code.known();
    assert_eq!(
        (ledger.state, code),
        (ItemState::Queued, Some(Code::LogsTooLong))
    );
    assert_eq!(world.central.rows["e0"].len(), 8);
    // Central's limit is mended: it goes by itself.
    world.central.limit = usize::MAX;
    world.rest(Duration::from_secs(24 * 3600));
    world.pass();
    assert_eq!(world.central.rows["e0"].len(), 9);
}
