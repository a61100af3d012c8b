//! What a link and a central by script lead the number of lanes to.
//! Never sleeps: time is a number here.
//! Run by `cargo test -p logic pace`.

use super::*;

const WAIT: Duration = Duration::from_millis(50);

/// Plays a link for `seconds`; each connection carries `each` bytes/s, all together at most `all`.
fn play(pace: &mut ConcurrencyController, now: &mut Now, seconds: u64, each: f64, all: f64) {
    play_at(pace, now, seconds, each, all, WAIT);
}

/// The same at another wait for a first byte.
fn play_at(
    pace: &mut ConcurrencyController,
    now: &mut Now,
    seconds: u64,
    each: f64,
    all: f64,
    wait: Duration,
) {
    const TICK: Duration = Duration::from_millis(100);
    let mut came = 0.0;
    let begun = *now;
    for _ in 0..seconds * 10 {
        *now = now.after(TICK);
        let lanes = pace.lanes() as f64;
        let tick = (each * lanes).min(all) * TICK.as_secs_f64();
        came += tick;
        pace.waited(wait, false, *now);
        pace.came(tick as u64, pace.lanes(), *now);
        let range = pace.range();
        if came >= range as f64 {
            came = 0.0;
            let took = Duration::from_secs_f64(range as f64 / each.min(all / lanes));
            let (asked, end) = (now.mono, RangeEnd::Whole);
            pace.learn(
                RangeSample {
                    asked,
                    bytes: range,
                    took,
                    end,
                },
                *now,
            );
        }
    }
    assert_eq!(now.mono - begun.mono, Duration::from_secs(seconds));
}

/// The share of `seconds` that were spent with each number of lanes.
fn used(
    pace: &mut ConcurrencyController,
    now: &mut Now,
    seconds: u64,
    each: f64,
    all: f64,
) -> Vec<f64> {
    let mut used = vec![0.0; 17];
    for _ in 0..seconds {
        play(pace, now, 1, each, all);
        used[pace.lanes()] += 1.0 / seconds as f64;
    }
    used
}

#[test]
fn one_connection_on_a_clean_link() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    let used = used(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
    assert!(used[1] > 0.95, "{used:?}");
}

/// The number of lanes in each second of a long link, on which one connection carries what no loss holds back.
fn long_link(each: f64, all: f64) -> Vec<usize> {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    let mut second = |_| {
        play_at(
            &mut pace,
            &mut now,
            1,
            each,
            all,
            Duration::from_millis(200),
        );
        pace.lanes()
    };
    (0..120).map(&mut second).collect()
}

#[test]
fn one_that_carries_a_large_window_is_left_alone_and_then_joined_by_one() {
    let lanes = long_link(1.2e6, 1.2e6);
    assert!(lanes[..30].iter().all(|lanes| *lanes == 1), "{lanes:?}");
    assert_eq!(lanes.iter().max(), Some(&2), "{lanes:?}");
    // Where each is shaped, more bring more: they are found one doubling after the other.
    let lanes = long_link(1.2e6, 12e6);
    assert!(lanes[60..].iter().all(|lanes| *lanes >= 8), "{lanes:?}");
    // One that loss holds back carries too little.
    assert_eq!(long_link(5e5, 12e6)[6], 16);
}

#[test]
fn a_cut_while_the_first_comes_to_speed_does_not_make_the_link_look_slow() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    let long = Duration::from_millis(200);
    play_at(&mut pace, &mut now, 1, 60e3, 1.2e6, long);
    pace.learn(ended(60_000, RangeEnd::Cut, now), now);
    // It begins slowly once more, and is at speed when it would have been without the cut.
    play_at(&mut pace, &mut now, 1, 60e3, 1.2e6, long);
    play_at(&mut pace, &mut now, 20, 1.2e6, 1.2e6, long);
    assert_eq!(pace.lanes(), 1);
}

#[test]
fn many_where_each_is_throttled_and_soon() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 6, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16);
    let used = used(&mut pace, &mut now, 600, 60e3, 1.2e6);
    assert!(used[16] > 0.95, "{used:?}");
}

#[test]
fn as_many_as_the_link_rewards() {
    for (each, all, enough) in [(400e3, 1.2e6, 3), (700e3, 1.2e6, 2), (150e3, 1.2e6, 8)] {
        let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
        play(&mut pace, &mut now, 300, each, all);
        let used = used(&mut pace, &mut now, 3000, each, all);
        let few: f64 = used[..enough].iter().sum();
        let many: f64 = used[enough * 2 + 1..].iter().sum();
        assert!(few < 0.1 && many < 0.1, "{enough}: {used:?}");
    }
}

#[test]
fn the_number_follows_the_link() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 120, 60e3, 1.2e6);
    play(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
    let clean = used(&mut pace, &mut now, 600, 1.2e6, 1.2e6);
    assert!(clean[1] > 0.9, "after the loss has gone: {clean:?}");
    play(&mut pace, &mut now, 600, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16, "after it has come back");
}

#[test]
fn what_is_not_open_is_not_measured() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    for _ in 0..600 {
        now = now.after(Duration::from_millis(100));
        pace.came(6_000, 0, now);
    }
    assert_eq!(pace.lanes(), 1);
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16);
}

fn ended(bytes: u64, end: RangeEnd, asked: Now) -> RangeSample {
    let (asked, took) = (asked.mono, Duration::from_secs(1));
    RangeSample {
        asked,
        bytes,
        took,
        end,
    }
}

#[test]
fn a_cut_begins_the_measurement_again_but_not_for_ever() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    let cut = |now: Now| ended(60_000, RangeEnd::Cut, now);
    // The first bytes show that all are open, the settling takes half a second, the measurement one.
    for tick in 0..10 {
        now = now.after(Duration::from_millis(100));
        pace.came(6_000, 1, now);
        if tick == 9 {
            pace.learn(cut(now), now);
        }
    }
    play(&mut pace, &mut now, 1, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 1, "it would have ended without the cut");
    play(&mut pace, &mut now, 1, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16);
    let mut pace = ConcurrencyController::new(16);
    for _ in 0..10 {
        play(&mut pace, &mut now, 1, 60e3, 1.2e6);
        pace.learn(cut(now), now);
    }
    assert_eq!(pace.lanes(), 16, "a cut each second");
}

#[test]
fn connections_that_are_refused_are_given_up() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    // Each is throttled, but more than four are refused: the sum grows to four of them and no further.
    for _ in 0..300 {
        play(&mut pace, &mut now, 1, 60e3, 240e3);
        for _ in 4..pace.lanes() {
            pace.learn(ended(0, RangeEnd::Cut, now), now);
        }
    }
    assert!((2..=4).contains(&pace.lanes()), "{}", pace.lanes());
}

#[test]
fn a_pause_is_no_slow_link() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    let mut used = Vec::new();
    for _ in 0..60 {
        play(&mut pace, &mut now, 7, 1.2e6, 1.2e6);
        used.push(pace.lanes());
        now = now.after(Duration::from_secs(7200));
    }
    assert!(
        used.iter().filter(|lanes| **lanes == 1).count() > 55,
        "{used:?}"
    );
}

#[test]
fn a_slow_link_is_no_pause() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    for _ in 0..20 {
        now = now.after(Duration::from_secs(5));
        let lanes = pace.lanes();
        pace.came(16_000 * lanes as u64, lanes, now);
    }
    assert_eq!(pace.lanes(), 16);
}

#[test]
fn packages_too_short_to_measure_take_one_connection() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 2, 1.2e6, 1.2e6);
    assert_eq!(pace.lanes(), 16, "a trial began");
    for _ in 0..10 {
        pace.begins(now);
        play(&mut pace, &mut now, 1, 1.2e6, 1.2e6);
        assert_eq!(pace.lanes(), 1);
    }
}

#[test]
fn a_busy_central_is_asked_by_fewer_and_left_in_peace() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    let asked = now;
    now = now.after(Duration::from_secs(1));
    for _ in 0..4 {
        pace.learn(ended(0, RangeEnd::Busy, asked), now);
    }
    // They come back one by one, and central is still busy.
    for _ in 0..4 {
        now = now.after(Duration::from_secs(1));
        pace.learn(ended(0, RangeEnd::Busy, now), now);
    }
    assert_eq!(pace.lanes(), 8, "one event");
    let used = used(&mut pace, &mut now, 25, 60e3, 1.2e6);
    assert!(used[8] > 0.99, "{used:?}");
}

#[test]
fn cuts_without_end_do_not_keep_the_number_low() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    pace.learn(ended(0, RangeEnd::Busy, now), now);
    assert_eq!(pace.lanes(), 8);
    for _ in 0..200 {
        play(&mut pace, &mut now, 1, 60e3, 1.2e6);
        pace.learn(ended(60_000, RangeEnd::Cut, now), now);
    }
    assert_eq!(pace.lanes(), 16);
}

#[test]
fn a_central_that_is_busy_with_many_is_asked_by_as_many_as_before() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 2, 1.2e6, 1.2e6);
    assert_eq!(pace.lanes(), 16, "a trial began");
    pace.learn(ended(0, RangeEnd::Busy, now), now);
    assert_eq!(pace.lanes(), 1);
}

#[test]
fn a_range_is_sized_by_the_link() {
    let mut now = Now::default();
    for (each, least, most) in [
        (10e3, MIN_RANGE, 512 << 10),
        (1e6, 1 << 20, 4 << 20),
        (100e6, LARGEST, LARGEST),
    ] {
        let mut pace = ConcurrencyController::new(1);
        play(&mut pace, &mut now, 200, each, each);
        assert!(
            (least..=most).contains(&pace.range()),
            "{each}: {}",
            pace.range()
        );
        assert_eq!(pace.range() % MIN_RANGE, 0);
    }
}

/// Sixteen lanes on a lossy link, and ranges of which so many have waited so long, `served` of them with a first byte.
fn overdue(waiting: usize, served: usize, waited: Duration) -> usize {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16);
    let asked = now.mono;
    now = now.after(waited);
    let wait = |first_byte| RangeWait {
        asked,
        first_byte,
        is_fresh: false,
    };
    let waits = std::iter::repeat_n(wait(None), waiting);
    let served = std::iter::repeat_n(wait(Some(asked + WAIT)), served);
    let brakes = pace.brakes(waits.chain(served), now);
    assert_eq!(brakes, pace.lanes() < 16);
    pace.lanes()
}

#[test]
fn ranges_that_are_overdue_brake_to_what_was_served() {
    let soon = OVERDUE_LEAST + WAIT * OVERDUE;
    let late = soon + Duration::from_millis(1);
    for (waiting, served, waited, lanes) in [
        (16, 0, soon, 16),
        (5, 11, late, 16),
        (6, 10, late, 8),
        (13, 3, late, 3),
        (16, 0, late, 1),
        (1, 0, late, 16),
    ] {
        assert_eq!(
            overdue(waiting, served, waited),
            lanes,
            "{waiting} {served} {waited:?}"
        );
    }
}

#[test]
fn ranges_that_are_late_one_after_the_other_brake_a_lost_packet_does_not() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    for _ in 0..200 {
        pace.waited(Duration::from_secs(1), false, now);
        (0..7).for_each(|_| pace.waited(WAIT, false, now));
    }
    assert_eq!(pace.lanes(), 16, "one in eight");
    let mut ranges = 0;
    while pace.lanes() == 16 {
        pace.waited(Duration::from_secs(1), false, now);
        ranges += 1;
    }
    assert!((8..=32).contains(&ranges), "{ranges}");
    assert_eq!(pace.lanes(), 8);
    // Whoever is alone holds one worker at most: nothing to give up.
    let mut pace = ConcurrencyController::new(1);
    (0..100).for_each(|_| pace.waited(Duration::from_secs(9), false, now));
    assert_eq!(pace.lanes(), 1);
}

#[test]
fn after_a_brake_no_more_are_tried_for_a_time_that_grows() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    let mut rests = Vec::new();
    for _ in 0..4 {
        let begun = now.mono;
        pace.learn(ended(0, RangeEnd::Busy, now), now);
        let braked = pace.lanes();
        while pace.lanes() <= braked {
            play(&mut pace, &mut now, 1, 60e3, 1.2e6);
        }
        rests.push((now.mono - begun).as_secs());
        play(&mut pace, &mut now, 20, 60e3, 1.2e6);
    }
    assert!(rests[0] >= CEILING.as_secs(), "{rests:?}");
    assert!(rests.windows(2).all(|two| two[1] > 2 * two[0]), "{rests:?}");
}

#[test]
fn a_central_that_bears_more_for_long_is_trusted_as_before() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    // For how long no more are tried after a brake.
    let brake = |pace: &mut ConcurrencyController, now: &mut Now| {
        *now = now.after(RECOVERS);
        pace.learn(ended(0, RangeEnd::Busy, *now), *now);
        pace.ceiling_until - now.mono
    };
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    let rests = [CEILING, CEILING * 4, CEILING * 16, MAX_CEILING, MAX_CEILING];
    for rest in rests {
        assert_eq!(brake(&mut pace, &mut now), rest);
    }
    // It bears as many as before for the time that they were not tried, and less for a quarter of it.
    play(
        &mut pace,
        &mut now,
        2 * MAX_CEILING.as_secs() + 10,
        60e3,
        1.2e6,
    );
    assert_eq!(brake(&mut pace, &mut now), MAX_CEILING / 4);
    // A day without a brake, in the same session.
    play(&mut pace, &mut now, 86_400, 60e3, 1.2e6);
    assert_eq!(pace.lanes(), 16);
    assert_eq!(brake(&mut pace, &mut now), CEILING);
}

#[test]
fn a_connection_that_is_opened_is_not_late() {
    let (mut pace, mut now) = (ConcurrencyController::new(16), Now::default());
    play(&mut pace, &mut now, 10, 60e3, 1.2e6);
    for _ in 0..100 {
        pace.waited(WAIT * 4, true, now);
    }
    assert_eq!(pace.lanes(), 16, "TCP and TLS take three more");
    let mut pace = ConcurrencyController::new(4);
    assert!(!pace.asks(), "that of the look at the package");
    assert!(pace.asks() && pace.asks());
    pace.learn(ended(9, RangeEnd::Whole, now), now);
    pace.learn(ended(9, RangeEnd::Cut, now), now);
    assert!(!pace.asks() && pace.asks(), "one was left, the other cut");
}
