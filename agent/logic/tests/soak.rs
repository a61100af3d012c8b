//! Thirty days of a box's life: outages, sick centrals, cuts, dead workers, restarts, a wall clock that jumps by decades.
//! Never waits: a virtual clock; the box runs the real schedule.
//! Run by `cargo test`; prints its table with `--nocapture`.

use std::time::Duration;

use logic::retry::mix;
use logic::schedule::{
    Policy, RunEnd, RunParts, RunStage, Schedule, ScheduleCommand, ScheduleEvent,
};
use logic::words::Now;

const DAY: u64 = 86_400;
const POLICY: Policy = Policy {
    on_boot: true,
    interval: Duration::from_secs(900),
    parts: RunParts::ALL,
};

/// What a second of the world is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    NoLink,
    Sick,
}

#[derive(Debug, Default)]
struct SoakTally {
    runs: u64,
    good: u64,
    offline: u64,
    sick: u64,
    died: u64,
    restarts: u64,
    jumps: u64,
    told: u64,
    wakes: u64,
    /// The longest time between two good runs that no bad weather explains.
    gap: Duration,
    /// Most runs begun within one minute.
    busiest: u64,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % most
    }
}

fn live(seed: u64) -> SoakTally {
    let mut dice = Dice(seed);
    let mut now = Now {
        mono: Duration::from_secs(20),
        wall: 0,
    };
    let end = now.after(Duration::from_secs(30 * DAY));
    let mut schedule = Schedule::new(POLICY, seed, mix(seed), now);
    let mut tally = SoakTally::default();
    let mut weather = (Weather::Fair, now.mono + Duration::from_secs(3600));
    // When the box was last in step, or could last have known that it may try.
    let mut fair_since = now.mono;
    let mut begun: Vec<Duration> = Vec::new();
    while now.mono < end.mono {
        let (due, _) = schedule.due().expect("an idle box waits for something");
        if due.mono > weather.1 {
            now.mono = weather.1.max(now.mono);
            let next = match (weather.0, dice.below(3)) {
                (Weather::Fair, 0) => Weather::Sick,
                (Weather::Fair, _) => Weather::NoLink,
                _ => Weather::Fair,
            };
            let lasts = match next {
                Weather::Fair => 600 + dice.below(12 * 3600),
                _ => 1 + dice.below(4 * 3600),
            };
            if (weather.0, next) == (Weather::NoLink, Weather::Fair) {
                schedule.handle(ScheduleEvent::Network, now);
            }
            weather = (next, now.mono + Duration::from_secs(lasts));
            fair_since = now.mono;
            if dice.below(4) == 0 {
                now.wall += dice.below(20 * 365 * DAY) as i64 - (10 * 365 * DAY) as i64;
                tally.jumps += 1;
            }
            if dice.below(10) == 0 {
                schedule = Schedule::new(POLICY, seed, dice.below(u64::MAX), now);
                tally.restarts += 1;
            }
            continue;
        }
        now = now.after(due.mono.saturating_sub(now.mono));
        tally.wakes += 1;
        schedule.handle(ScheduleEvent::Woken, now);
        let started = std::iter::from_fn(|| schedule.next())
            .any(|command| matches!(command, ScheduleCommand::Start(_)));
        if !started {
            continue;
        }
        tally.runs += 1;
        begun.push(now.mono);
        begun.retain(|at| now.mono - *at < Duration::from_secs(60));
        tally.busiest = tally.busiest.max(begun.len() as u64);
        let (took, end) = match weather.0 {
            Weather::NoLink => (20, RunEnd::Unreached(None)),
            Weather::Sick => {
                let wish = (dice.below(2) == 0).then(|| Duration::from_secs(dice.below(120)));
                (5, RunEnd::Unreached(wish))
            }
            Weather::Fair if dice.below(50) == 0 => (3, RunEnd::Partly),
            Weather::Fair => (2 + dice.below(60), RunEnd::Done),
        };
        schedule.handle(ScheduleEvent::Reached(RunStage::Comparing), now);
        now = now.after(Duration::from_secs(took));
        match end {
            RunEnd::Done => {
                tally.good += 1;
                tally.gap = tally.gap.max(now.mono - fair_since);
                fair_since = now.mono;
            }
            RunEnd::Partly => tally.died += 1,
            _ if weather.0 == Weather::NoLink => tally.offline += 1,
            _ => tally.sick += 1,
        }
        if weather.0 != Weather::Fair {
            fair_since = now.mono;
        }
        schedule.handle(ScheduleEvent::Ended(end), now);
        while let Some(command) = schedule.next() {
            tally.told += u64::from(matches!(
                command,
                ScheduleCommand::Lost | ScheduleCommand::Found(_)
            ));
        }
    }
    tally
}

#[test]
fn thirty_days_without_a_missed_interval() {
    println!(
        "{:>4} {:>6} {:>6} {:>8} {:>6} {:>6} {:>8} {:>6} {:>6} {:>7} {:>10} {:>8}",
        "seed",
        "runs",
        "good",
        "offline",
        "sick",
        "died",
        "restarts",
        "jumps",
        "lines",
        "wakes",
        "gap",
        "busiest"
    );
    for seed in 0..12 {
        let tally = live(seed);
        println!(
            "{seed:>4} {:>6} {:>6} {:>8} {:>6} {:>6} {:>8} {:>6} {:>6} {:>7} {:>8} s {:>6}/min",
            tally.runs,
            tally.good,
            tally.offline,
            tally.sick,
            tally.died,
            tally.restarts,
            tally.jumps,
            tally.told,
            tally.wakes,
            tally.gap.as_secs(),
            tally.busiest
        );
        // An interval, half of one that lies too near, its jitter, one failed try and the run itself.
        assert!(
            tally.gap < Duration::from_secs(900 * 3 / 2 + 90 + 900 + 120),
            "{tally:?}"
        );
        assert!(
            tally.good > 500 && tally.offline > 50 && tally.jumps > 10,
            "{tally:?}"
        );
        assert!(tally.busiest <= 8, "{tally:?}");
        assert!(
            tally.wakes <= tally.runs + 10,
            "woken for nothing: {tally:?}"
        );
    }
}
