//! The lanes of a run in virtual time: what holds up one of them holds up no other, and whoever asked waits for nothing.
//! Never waits: time is a value, and every answer takes as long as the test says.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use logic::api::{Answered, Call, Reply};
use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::manifest::HeldRows;
use logic::package_lane::PackageAccount;
use logic::report::{ConnectionStats, OwedCount, Report, Survey};
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sync::{SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use logic::words::{Now, Outcome, SyncParams};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(900);
/// The head of an answer is waited for as long as this (`uplink`).
const HEAD: Duration = Duration::from_secs(60);
/// Design 3: whoever asked is answered within this where central is away.
const ASKED: Duration = Duration::from_secs(60);

fn plan(asked: bool) -> SyncPlan {
    SyncPlan {
        params: SyncParams {
            organisation_id: "1001".into(),
            sync_id: 1,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        },
        types: EntityType::ALL.to_vec(),
        packages: true,
        owed: true,
        measure: false,
        asked,
        allow_deletes: false,
        delete_limit: 0.5,
        owed_first: false,
        batch: 128,
        lanes: 3,
        pages: 8,
        memory: SmallMap::new(),
        running: 0,
        patience: (!asked).then_some(10 * SECOND),
        interval: INTERVAL,
        hash: std::rc::Rc::new(|_, id| {
            let mut name = [0; 16];
            for (at, byte) in id.bytes().enumerate() {
                name[at % 16] ^= byte.rotate_left(at as u32 % 7);
            }
            NameHash(name)
        }),
        untold: Vec::new(),
        random: 7,
    }
}

/// What central does to a call: its answer and how long that takes.
type Does<'a> = &'a mut dyn FnMut(&Call) -> (Duration, Answered);

fn good(call: &Call) -> Answered {
    let body = match call.name {
        "versions" => json!({ "success": true, "data": ["2022.11"] }),
        "checksums" => {
            let kind = EntityType::ALL
                .into_iter()
                .find(|kind| call.path.contains(&format!("type={}&", kind.word())));
            json!({ "type": kind.unwrap().word(), "entities": [] })
        }
        "confirm" => json!({ "message": "Confirmation received." }),
        _ => json!([]),
    };
    Ok(reply(200, body.to_string(), None))
}

fn reply(status: u16, body: String, retry_after: Option<u64>) -> Reply {
    let wish = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
    Reply {
        status,
        headers: wish.into_iter().collect(),
        body: body.into(),
    }
}

/// No answer at all, as `uplink` tells it.
fn silence() -> (Duration, Answered) {
    let reason = "central.example did not answer";
    let trouble = Fault::new(Code::NetTimeout, reason);
    (HEAD, Err(trouble))
}

/// Somebody waits for the run from then on.
type JoinedAfter = Option<Duration>;

/// Plays one run to its end.
fn play(plan: SyncPlan, joined: JoinedAfter, central: Does) -> (Report, Duration) {
    play_owing(plan, joined, Duration::ZERO, central)
}

/// The same, where each turn of what is owed takes as long as that.
fn play_owing(
    plan: SyncPlan,
    joined: JoinedAfter,
    owed_takes: Duration,
    central: Does,
) -> (Report, Duration) {
    let begun = Now {
        mono: 100 * SECOND,
        wall: 1_795_000_000,
    };
    let mut now = begun;
    let mut sync = SyncMachine::new(plan, now);
    let mut coming: Vec<(Duration, SyncEvent)> = Vec::new();
    coming.extend(joined.map(|after| (now.mono + after, SyncEvent::Asked { packages: true })));
    for _ in 0..10_000 {
        while let Some(command) = sync.next() {
            let (takes, event) = match command {
                SyncCommand::Ask(ticket, call) => {
                    let (takes, answered) = central(&call);
                    (takes, SyncEvent::Answered(ticket, answered))
                }
                SyncCommand::Index(kind) => (
                    Duration::ZERO,
                    SyncEvent::Indexed(kind, HeldRows::default()),
                ),
                SyncCommand::Stage(..) | SyncCommand::StageClasses(_) => {
                    (Duration::ZERO, SyncEvent::Staged(Ok(())))
                }
                SyncCommand::Classes(kind, _) => {
                    (Duration::ZERO, SyncEvent::Unknown(kind, Vec::new()))
                }
                SyncCommand::Publish(_) => (Duration::ZERO, SyncEvent::Published(Ok(()))),
                SyncCommand::Owed(_) => (
                    owed_takes,
                    SyncEvent::Owed(OwedCount::default(), Vec::new()),
                ),
                SyncCommand::Wanted { .. } => (Duration::ZERO, SyncEvent::Lane { active: false }),
                SyncCommand::Account => (
                    Duration::ZERO,
                    SyncEvent::Accounted(PackageAccount::default()),
                ),
                SyncCommand::Collect
                | SyncCommand::Told(_)
                | SyncCommand::Closed(_)
                | SyncCommand::PublicKey => {
                    continue;
                }
                SyncCommand::Survey => {
                    let surveyed =
                        SyncEvent::Surveyed(Survey::default(), ConnectionStats::default());
                    (Duration::ZERO, surveyed)
                }
                SyncCommand::End(report) => return (*report, now.mono - begun.mono),
            };
            coming.push((now.mono + takes, event));
        }
        let next = (0..coming.len()).min_by_key(|at| coming[*at].0);
        let due = sync.due().map(|(at, _)| at.mono);
        match next {
            Some(next) if due.is_none_or(|due| coming[next].0 <= due) => {
                let (at, event) = coming.remove(next);
                now = now.after(at.saturating_sub(now.mono));
                sync.handle(event, now);
            }
            _ => {
                let due = due.expect("a run that is not over waits for something");
                now = now.after(due.saturating_sub(now.mono));
                sync.handle(SyncEvent::Woken, now);
            }
        }
    }
    panic!("the run does not end");
}

fn unavailable() -> (Duration, Answered) {
    (SECOND / 10, Ok(reply(503, String::new(), Some(86_400))))
}

#[test]
fn a_long_wish_ends_a_run_that_nobody_waits_for_and_is_left_to_the_schedule() {
    let (report, took) = play(plan(false), None, &mut |_| unavailable());
    assert_eq!(report.code, Code::CentralUnavailable);
    assert!(report.wish.is_some_and(|wish| wish >= 3600 * SECOND));
    assert!(
        report.reason.contains("left alone for 6 hours"),
        "{}",
        report.reason
    );
    assert!(took < SECOND, "{took:?}");
}

#[test]
fn who_asked_waits_for_no_wish_of_central() {
    for name in ["versions", "checksums", "confirm"] {
        let mut met = false;
        let (report, took) = play(plan(true), None, &mut |call| match call.name == name
            && !std::mem::replace(&mut met, call.name == name)
        {
            true => unavailable(),
            false => (SECOND / 10, good(call)),
        });
        assert!(
            report
                .findings
                .iter()
                .all(|found| !found.code.is(Area::Central))
        );
        assert!(took < 5 * SECOND, "{name}: {took:?}");
    }
}

/// Of many that are refused and come back, each waits for longer; a person does not wait for that.
#[test]
fn who_is_refused_again_makes_room_for_longer() {
    let refused = |asked, times: u32| {
        let mut met = 0;
        let (report, took) = play(plan(asked), None, &mut |call| {
            met += u32::from(call.name == "versions");
            match call.name == "versions" && met <= times {
                true => (SECOND / 10, Ok(reply(503, String::new(), Some(5)))),
                false => (SECOND / 10, good(call)),
            }
        });
        (met, report.code.is(Area::Catalogue), took)
    };
    let (_, _, once) = refused(false, 1);
    assert!(once > 5 * SECOND && once < 27 * SECOND, "{once:?}");
    let (calls, served, often) = refused(false, 4);
    assert_eq!((calls, served), (5, true));
    assert!(often > 100 * SECOND, "{often:?}");
    let (calls, served, _) = refused(false, 5);
    assert_eq!((calls, served), (5, false));
    let (_, served, asked) = refused(true, 3);
    assert!(served && asked < 20 * SECOND, "{asked:?}");
}

#[test]
fn who_joins_a_run_ends_its_waits() {
    let mut answers = 0;
    let minute = (SECOND / 10, Ok(reply(503, String::new(), Some(100))));
    let (_, took) = play(plan(false), Some(7 * SECOND), &mut |call| {
        answers += 1;
        if answers == 1 {
            minute.clone()
        } else {
            (SECOND / 10, good(call))
        }
    });
    assert!(took > 7 * SECOND && took < 10 * SECOND, "{took:?}");
}

#[test]
fn who_joins_a_run_that_was_never_answered_asks_anew() {
    let mut calls = 0;
    let (report, took) = play(plan(false), Some(7 * SECOND), &mut |call| {
        calls += 1;
        // The way to central has come back in the meantime.
        if calls == 1 {
            silence()
        } else {
            (SECOND / 10, good(call))
        }
    });
    assert!(took < 10 * SECOND, "{took:?}");
    assert!(report.code.is(Area::Catalogue), "{}", report.code);
}

#[test]
fn who_asked_is_answered_within_a_minute_wherever_central_goes_away() {
    for answered in 0..12 {
        for sick in [false, true] {
            let mut calls = 0;
            let (report, took) = play(plan(true), None, &mut |call| {
                calls += 1;
                match (calls <= answered, sick) {
                    (true, _) => (SECOND / 10, good(call)),
                    (false, true) => unavailable(),
                    (false, false) => silence(),
                }
            });
            if calls > answered {
                assert_ne!(report.outcome, Outcome::Finished, "{answered}");
            }
            assert!(
                took <= ASKED,
                "{answered} answers, then away ({sick}): {took:?}"
            );
        }
    }
}

#[test]
fn who_gives_up_on_a_stalled_proxy_is_told_of_the_proxy() {
    let reason = "the proxy p:3128 did not open a way to central.example:443 within 20 s";
    let stalled = Fault::new(Code::NetProxy, reason);
    let (report, took) = play(plan(true), None, &mut |_| {
        (20 * SECOND, Err(stalled.clone()))
    });
    assert!(took <= ASKED, "{took:?}");
    assert_eq!(report.code, Code::NetProxy);
    assert!(report.reason.starts_with(reason), "{}", report.reason);
}

#[test]
fn an_interval_of_seconds_does_not_keep_a_pass_open() {
    // Something stays owed, and each turn takes longer than the interval.
    for asked in [false, true] {
        let plan = SyncPlan {
            interval: SECOND,
            ..plan(asked)
        };
        let (_, took) = play_owing(plan, None, 3 * SECOND, &mut |call| (SECOND, good(call)));
        assert!(took < ASKED, "{took:?}");
    }
}
