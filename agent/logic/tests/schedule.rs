//! The machine of the daemon's times under any order of events: what must hold whatever happens.
//! Never waits: time is a value.
//! Run by `cargo test`.

use std::time::Duration;

use logic::entity::EntityType;
use logic::intake::ItemKind;
use logic::schedule::{
    CappedRetryAfter, Errand, PackagesState, Policy, RunEnd, RunParts, RunReason, RunStage,
    Schedule, ScheduleCommand, ScheduleEvent, Start,
};
use logic::words::Now;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const QUARTER: Policy = Policy {
    on_boot: true,
    interval: Duration::from_secs(900),
    parts: RunParts::ALL,
};

fn drain(schedule: &mut Schedule) -> Vec<ScheduleCommand> {
    std::iter::from_fn(|| schedule.next()).collect()
}

/// Moves the time to what is due and gives the run that begins.
fn run(schedule: &mut Schedule, now: &mut Now) -> Start {
    let (at, _) = schedule.due().expect("an idle machine waits for something");
    *now = now.after(at.mono.saturating_sub(now.mono));
    schedule.handle(ScheduleEvent::Woken, *now);
    match drain(schedule).pop() {
        Some(ScheduleCommand::Start(start)) => start,
        other => panic!("expected a start, not {other:?}"),
    }
}

fn only_results() -> Errand {
    Errand {
        data: false,
        ..Errand::whole()
    }
}

#[test]
fn the_first_run_follows_the_boot_and_the_next_ones_the_interval() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 7, 9, now);
    let boot = run(&mut schedule, &mut now);
    assert_eq!((boot.cause, boot.attempt), (RunReason::Boot, 1));
    assert!(now.mono <= 5 * SECOND);
    let mut before = now;
    for round in 0..100 {
        schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
        assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Interval);
        let gap = now.mono - before.mono;
        // No interval is left out, and none follows on the heels of another.
        let least = if round == 0 { 180 } else { 800 };
        assert!(
            gap >= least * SECOND && gap <= 1_170 * SECOND,
            "{round}: {gap:?}"
        );
        before = now;
    }
    let off = Policy {
        on_boot: false,
        ..QUARTER
    };
    let mut now = Now::default();
    let mut schedule = Schedule::new(off, 7, 9, now);
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Interval);
}

#[test]
fn boxes_of_one_fleet_are_spread_over_the_interval() {
    let mut slots = [0u32; 10];
    for seed in 0..1000 {
        let mut now = Now::default();
        let mut schedule = Schedule::new(QUARTER, seed, 1, now);
        run(&mut schedule, &mut now);
        schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
        run(&mut schedule, &mut now);
        let phase = now.mono.as_secs() % 900;
        slots[(phase / 90) as usize] += 1;
    }
    assert!(
        slots.iter().all(|boxes| (60..=140).contains(boxes)),
        "{slots:?}"
    );
}

#[test]
fn failures_are_told_on_the_edge_and_the_breaker_leaves_one_probe() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    let mut told = Vec::new();
    for _ in 0..20 {
        run(&mut schedule, &mut now);
        schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(None)), now);
        told.extend(drain(&mut schedule));
    }
    assert_eq!(told, [ScheduleCommand::Lost]);
    assert!(schedule.open());
    let before = now;
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Probe);
    assert!(now.mono - before.mono >= 450 * SECOND);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
    assert_eq!(drain(&mut schedule), [ScheduleCommand::Found(20)]);
    assert!(!schedule.open());
}

#[test]
fn who_asks_ends_every_wait_and_leaves_no_breaker() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    for _ in 0..10 {
        run(&mut schedule, &mut now);
        schedule.handle(
            ScheduleEvent::Ended(RunEnd::Unreached(Some(40 * MINUTE))),
            now,
        );
    }
    assert!(schedule.open());
    drain(&mut schedule);
    schedule.handle(ScheduleEvent::Asked(only_results()), now);
    let start = Start {
        errand: only_results(),
        cause: RunReason::Asked,
        attempt: 11,
    };
    assert_eq!(drain(&mut schedule), [ScheduleCommand::Start(start)]);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(None)), now);
    assert!(!schedule.open());
    let before = now;
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Retry);
    assert!(now.mono - before.mono <= 10 * SECOND);
}

#[test]
fn a_long_wish_of_central_is_believed_for_minutes_and_longer_when_it_repeats() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    let day = Duration::from_secs(86_400);
    for least in [15, 30, 60, 60] {
        run(&mut schedule, &mut now);
        let before = now;
        schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(Some(day))), now);
        let wished = CappedRetryAfter {
            wished: day,
            honoured: 15 * MINUTE,
        };
        let told = drain(&mut schedule);
        // On the edge alone, with both spans.
        assert_eq!(told.contains(&ScheduleCommand::Wished(wished)), least == 15);
        let (at, _) = schedule.due().unwrap();
        let wait = at.mono - before.mono;
        assert!(
            wait >= least * MINUTE && wait <= (least + 16) * MINUTE,
            "{wait:?}"
        );
    }
    // Whoever asks waits for nothing, and a good run forgets it.
    schedule.handle(ScheduleEvent::Asked(Errand::whole()), now);
    assert!(matches!(
        &drain(&mut schedule)[..],
        [ScheduleCommand::Start(_)]
    ));
    schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
    run(&mut schedule, &mut now);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(Some(day))), now);
    let told = drain(&mut schedule);
    assert!(
        matches!(
            &told[..],
            [_, ScheduleCommand::Wished(_)] | [ScheduleCommand::Wished(_), _]
        ),
        "{told:?}"
    );
}

#[test]
fn a_run_that_waits_for_packages_makes_room_for_who_asks_and_for_the_interval() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    run(&mut schedule, &mut now);
    schedule.handle(ScheduleEvent::Reached(RunStage::Packages), now);
    schedule.handle(ScheduleEvent::Asked(only_results()), now);
    assert_eq!(drain(&mut schedule), [ScheduleCommand::Close]);
    // Somebody else asks before the first run has ended: both get one run.
    let types = Errand {
        types: vec![EntityType::Proctor],
        results: false,
        ..Errand::whole()
    };
    schedule.handle(ScheduleEvent::Asked(types), now);
    assert_eq!(drain(&mut schedule), []);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
    let started = drain(&mut schedule);
    assert!(
        matches!(&started[..], [ScheduleCommand::Start(start)]
            if start.cause == RunReason::Asked && start.errand.results && start.errand.types == [EntityType::Proctor]),
        "{started:?}"
    );
    // That one waits for packages as well; the interval comes all the same.
    schedule.handle(ScheduleEvent::Reached(RunStage::Packages), now);
    let (at, _) = schedule.due().expect("the next interval");
    assert!(at.mono - now.mono <= 1_125 * SECOND);
    now = now.after(at.mono - now.mono);
    schedule.handle(ScheduleEvent::Woken, now);
    assert_eq!(drain(&mut schedule), [ScheduleCommand::Close]);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
    let started = drain(&mut schedule);
    assert!(
        matches!(&started[..], [ScheduleCommand::Start(start)]
            if start.cause == RunReason::Interval && start.errand == Errand::whole()),
        "{started:?}"
    );
}

#[test]
fn packages_that_wait_bring_the_next_run_forward_and_never_put_it_off() {
    let begin = || {
        let mut now = Now::default();
        let mut schedule = Schedule::new(QUARTER, 3, 4, now);
        run(&mut schedule, &mut now);
        schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
        let (at, _) = schedule.due().unwrap();
        (schedule, now, at.mono - now.mono)
    };
    for (packages, most, cause) in [
        (PackagesState::Stand, None, RunReason::Interval),
        (
            PackagesState::HeldUp(12 * 3600 * SECOND),
            None,
            RunReason::Interval,
        ),
        (
            PackagesState::HeldUp(60 * SECOND),
            Some(90),
            RunReason::Packages,
        ),
        (
            PackagesState::HeldUp(Duration::ZERO),
            Some(31),
            RunReason::Packages,
        ),
        (
            PackagesState::Paused(3 * SECOND),
            Some(4),
            RunReason::Packages,
        ),
        (
            PackagesState::Paused(Duration::ZERO),
            Some(1),
            RunReason::Packages,
        ),
        (PackagesState::Came, Some(1), RunReason::Packages),
        (PackagesState::Failed, Some(10), RunReason::Retry),
    ] {
        let (mut schedule, mut now, interval) = begin();
        let before = now;
        schedule.handle(ScheduleEvent::Packages(packages), now);
        let start = run(&mut schedule, &mut now);
        assert_eq!(start.cause, cause, "{packages:?}");
        let waited = now.mono - before.mono;
        assert!(
            waited <= most.map_or(interval, |most| most * SECOND),
            "{packages:?}"
        );
    }
}

#[test]
fn a_run_that_does_what_is_asked_is_joined_and_hastened_and_any_other_stopped() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    run(&mut schedule, &mut now);
    schedule.handle(ScheduleEvent::Reached(RunStage::Comparing), now);
    schedule.handle(ScheduleEvent::Asked(Errand::whole()), now);
    let hastened = [ScheduleCommand::Hasten { packages: true }];
    assert_eq!(drain(&mut schedule), hastened);
    schedule.handle(
        ScheduleEvent::Asked(Errand {
            allow_deletes: true,
            ..Errand::whole()
        }),
        now,
    );
    assert_eq!(drain(&mut schedule), [ScheduleCommand::Stop]);
    let mut schedule = Schedule::new(QUARTER, 3, 4, Now::default());
    run(&mut schedule, &mut now);
    schedule.handle(ScheduleEvent::Asked(Errand::whole()), now);
    assert_eq!(drain(&mut schedule), hastened);
}

#[test]
fn a_network_that_comes_is_tried_soon_but_a_flapping_one_rarely() {
    let mut now = Now::default();
    let mut schedule = Schedule::new(QUARTER, 3, 4, now);
    for _ in 0..10 {
        run(&mut schedule, &mut now);
        schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(None)), now);
    }
    drain(&mut schedule);
    schedule.handle(ScheduleEvent::Network, now);
    let before = now;
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Network);
    assert!(now.mono - before.mono <= 4 * SECOND);
    schedule.handle(ScheduleEvent::Ended(RunEnd::Unreached(None)), now);
    schedule.handle(ScheduleEvent::Network, now);
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Probe);
    // A box in step does not care about its network.
    schedule.handle(ScheduleEvent::Ended(RunEnd::Done), now);
    drain(&mut schedule);
    schedule.handle(ScheduleEvent::Network, now.after(MINUTE));
    assert_eq!(run(&mut schedule, &mut now).cause, RunReason::Interval);
}

#[derive(Debug, Clone)]
enum ScheduleAct {
    /// Whatever is due happens.
    Due,
    /// So much passes, in milliseconds, and the wall clock jumps by so much.
    Pass(u64, i64),
    Asked(Errand),
    Network,
    Reached(RunStage),
    Packages(PackagesState),
    Ended(RunEnd),
    Interval(u64),
}

fn errand() -> impl Strategy<Value = Errand> {
    let types = prop::sample::subsequence(EntityType::ALL.to_vec(), 0..=6);
    let organisations = prop::sample::subsequence(vec!["A".to_owned(), "B".to_owned()], 0..=2);
    let owed = prop::sample::subsequence(ItemKind::ALL.to_vec(), 0..=4);
    let flags = (any::<bool>(), any::<bool>(), organisations, owed);
    (types, any::<bool>(), any::<bool>(), any::<bool>(), flags).prop_map(
        |(types, data, results, allow_deletes, (now, no_wait, organisations, owed))| Errand {
            types,
            data,
            results,
            owed,
            allow_deletes,
            now,
            no_wait,
            measure: no_wait,
            organisations,
        },
    )
}

fn act() -> impl Strategy<Value = ScheduleAct> {
    let end = prop_oneof![
        Just(RunEnd::Done),
        Just(RunEnd::Standing),
        Just(RunEnd::Partly),
        prop::option::of(0u64..90_000)
            .prop_map(|wish| RunEnd::Unreached(wish.map(Duration::from_secs))),
        Just(RunEnd::Stopped),
    ];
    let stage = prop_oneof![
        Just(RunStage::Asking),
        Just(RunStage::Comparing),
        Just(RunStage::Packages)
    ];
    let packages = prop_oneof![
        Just(PackagesState::Stand),
        Just(PackagesState::Came),
        Just(PackagesState::Failed),
        (0u64..90_000).prop_map(|wait| PackagesState::HeldUp(Duration::from_secs(wait))),
        (0u64..90_000).prop_map(|wait| PackagesState::Paused(Duration::from_secs(wait))),
    ];
    prop_oneof![
        4 => Just(ScheduleAct::Due),
        2 => (0u64..2_000_000, -400_000_000i64..400_000_000).prop_map(|(ms, jump)| ScheduleAct::Pass(ms, jump)),
        1 => errand().prop_map(ScheduleAct::Asked),
        1 => Just(ScheduleAct::Network),
        2 => stage.prop_map(ScheduleAct::Reached),
        1 => packages.prop_map(ScheduleAct::Packages),
        4 => end.prop_map(ScheduleAct::Ended),
        1 => (1u64..100_000).prop_map(ScheduleAct::Interval),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_one_run_at_a_time_no_busy_loop_and_always_a_next_time(
        seed in any::<u64>(), first in 1u64..100_000, acts in prop::collection::vec(act(), 1..200)
    ) {
        let mut policy = Policy { on_boot: seed % 2 == 0, interval: Duration::from_secs(first), parts: RunParts::ALL };
        let mut now = Now { mono: Duration::from_secs(seed % 1_000_000), wall: 0 };
        let mut schedule = Schedule::new(policy, seed, !seed, now);
        let mut running: Option<Errand> = None;
        let (mut wish_until, mut last_failure) = (Duration::ZERO, None::<Duration>);
        let mut waiting: Vec<Errand> = Vec::new();
        let (mut stopping, mut long_wishes) = (false, 0);
        // The run under way is through with its work and waits for packages alone.
        let mut through = false;
        for act in acts {
            match act {
                ScheduleAct::Due => {
                    if let Some((at, _)) = schedule.due() {
                        now = now.after(at.mono.saturating_sub(now.mono));
                    }
                    schedule.handle(ScheduleEvent::Woken, now);
                }
                ScheduleAct::Pass(ms, jump) => {
                    now = now.after(Duration::from_millis(ms));
                    now.wall += jump;
                    schedule.handle(ScheduleEvent::Woken, now);
                }
                ScheduleAct::Asked(errand) => {
                    waiting.push(errand.clone());
                    wish_until = Duration::ZERO;
                    schedule.handle(ScheduleEvent::Asked(errand), now);
                }
                ScheduleAct::Network => schedule.handle(ScheduleEvent::Network, now),
                ScheduleAct::Reached(stage) => {
                    through |= running.is_some() && stage == RunStage::Packages;
                    schedule.handle(ScheduleEvent::Reached(stage), now);
                }
                ScheduleAct::Packages(packages) => schedule.handle(ScheduleEvent::Packages(packages), now),
                ScheduleAct::Ended(end) => {
                    // Nothing stops that was not told to.
                    let end = if end == RunEnd::Stopped && !stopping { RunEnd::Partly } else { end };
                    stopping = false;
                    if let Some(errand) = running.take() {
                        if end != RunEnd::Stopped {
                            waiting.retain(|asked| !errand.covers(asked));
                        }
                        if matches!(end, RunEnd::Done | RunEnd::Standing) {
                            (wish_until, long_wishes) = (Duration::ZERO, 0);
                        }
                        if let RunEnd::Unreached(wish) = end {
                            last_failure = Some(now.mono);
                            if let Some(wish) = wish {
                                let bound = [15, 30, 60][long_wishes.min(2)] * MINUTE;
                                wish_until = now.mono + wish.min(bound);
                                long_wishes = if wish > bound { long_wishes + 1 } else { 0 };
                            }
                        }
                    }
                    schedule.handle(ScheduleEvent::Ended(end), now);
                }
                ScheduleAct::Interval(seconds) => {
                    policy.interval = Duration::from_secs(seconds);
                    schedule.handle(ScheduleEvent::Policy(policy), now);
                }
            }
            while let Some(command) = schedule.next() {
                match command {
                    ScheduleCommand::Start(start) => {
                        prop_assert!(running.is_none(), "two runs at once");
                        if start.cause != RunReason::Asked {
                            prop_assert!(now.mono >= wish_until, "{:?} against central's wish", start.cause);
                            if let (Some(failure), true) = (last_failure, start.cause != RunReason::Resumed) {
                                prop_assert!(now.mono - failure >= Duration::from_millis(500));
                            }
                        }
                        (running, through) = (Some(start.errand), false);
                    }
                    ScheduleCommand::Close | ScheduleCommand::Hasten { .. } => prop_assert!(running.is_some()),
                    ScheduleCommand::Stop => {
                        prop_assert!(running.is_some());
                        stopping = true;
                    }
                    ScheduleCommand::Lost | ScheduleCommand::Found(_) | ScheduleCommand::Wished(_) => {}
                }
            }
            match schedule.due() {
                Some((at, _)) => {
                    prop_assert!(running.is_none() || through);
                    let longest = Duration::from_secs(100_000) * 8 / 5 + Duration::from_secs(3600);
                    prop_assert!(at.mono <= now.mono + longest);
                }
                None => prop_assert!(running.is_some(), "an idle machine that waits for nothing"),
            }
        }
        // Whoever asked is served in the end: the run under way does it, or the one that follows its stop.
        for _ in 0..3 {
            if running.take().is_some_and(|errand| { waiting.retain(|asked| !errand.covers(asked)); true }) {
                schedule.handle(ScheduleEvent::Ended(RunEnd::Stopped), now);
            }
            while let Some(command) = schedule.next() {
                if let ScheduleCommand::Start(start) = command {
                    running = Some(start.errand);
                }
            }
        }
        prop_assert!(waiting.is_empty() || running.is_some_and(|errand| waiting.iter().all(|asked| errand.covers(asked))));
    }

    #[test]
    fn what_is_widened_covers_both(one in errand(), other in errand()) {
        let mut both = one.clone();
        both.widen(&other);
        prop_assert!(both.covers(&one) && both.covers(&other));
        let all = Errand { allow_deletes: true, now: true, measure: true, ..Errand::whole() };
        prop_assert!(all.covers(&both));
    }
}

#[test]
fn a_plain_errand_names_only_what_the_first_release_knows() {
    let told = |errand: &Errand| serde_json::to_value(errand).unwrap();
    let plain =
        serde_json::json!({"types": [], "data": true, "results": true, "allow_deletes": false});
    assert_eq!(told(&Errand::whole()), plain);
    let wished = Errand {
        now: true,
        no_wait: true,
        ..Errand::whole()
    };
    assert_eq!(told(&wished)["now"], true);
    assert_eq!(told(&wished)["no_wait"], true);
    assert_eq!(
        serde_json::from_value::<Errand>(plain).unwrap(),
        Errand::whole()
    );
}
