//! The estimate of time in drawn worlds: answers that are right, years off or hostile; boots after nights and summers.
//! Never looks inside: only whether the box speaks with central, hour by hour.
//! Run by `cargo test -p logic --test time`.

use logic::time::{ChainVerdict, DatedAnswer, Estimate, Uptime, judge};
use proptest::prelude::*;

const BUILT: i64 = 1_795_000_000;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const HOUR: u64 = 3600;

/// What central shows for a certificate: renewed every 60 days for 90, or once for twenty years by its own authority.
#[derive(Debug, Clone, Copy)]
enum ClockStepKind {
    Short,
    Long,
}

#[derive(Debug, Clone)]
enum ClockStep {
    /// Minutes of running time until central is asked.
    Asked(u64),
    /// Central's clock is this far off when it is asked.
    Off(i64),
    /// The box is off for so many minutes; its clock battery is dead or not, which nobody asks.
    Boot(i64),
}

struct ClockWorld {
    estimate: Estimate,
    now: Uptime,
    truth: i64,
    kind: ClockStepKind,
}

impl ClockWorld {
    fn new(kind: ClockStepKind, age: i64, system: i64) -> Self {
        let now = Uptime {
            boot: 1,
            seconds: 0,
        };
        Self {
            estimate: Estimate::new(BUILT, system, now),
            now,
            truth: BUILT + age,
            kind,
        }
    }

    fn up(&mut self, seconds: u64) {
        self.now.seconds += seconds;
        self.truth += seconds as i64;
    }

    fn boot(&mut self, off: i64) {
        // The daemon wrote within the hour; what came after is lost.
        self.estimate.tick(self.now);
        self.up(HOUR / 2);
        self.truth += off;
        self.now = Uptime {
            boot: self.now.boot + 1,
            seconds: 30,
        };
    }

    fn chain(&self) -> (i64, i64) {
        match self.kind {
            ClockStepKind::Short => {
                let from = self.truth - self.truth.rem_euclid(60 * DAY);
                (from, from + 90 * DAY)
            }
            ClockStepKind::Long => (BUILT - 5 * YEAR, BUILT + 20 * YEAR),
        }
    }

    /// Whether the box speaks with whoever shows this chain and tells this date.
    fn meets(&mut self, (from, to): (i64, i64), date: i64) -> bool {
        let valid = |at: i64| (from..=to).contains(&at);
        if valid(date) {
            let at = self.estimate.moment(self.now);
            self.estimate.answer(DatedAnswer { date, at });
        }
        let (floor, lowest) = (
            self.estimate.floor(self.now),
            self.estimate.lowest(self.now),
        );
        matches!(
            judge(valid, Some(date), floor, lowest),
            ChainVerdict::Accepted(_)
        )
    }

    fn meets_honest(&mut self, off: i64) -> bool {
        let (chain, date) = (self.chain(), self.truth + off);
        self.meets(chain, date)
    }
}

fn kind() -> impl Strategy<Value = ClockStepKind> {
    prop_oneof![Just(ClockStepKind::Short), Just(ClockStepKind::Long)]
}

fn steps(most: usize) -> impl Strategy<Value = Vec<ClockStep>> {
    let years = prop_oneof![-40i64..=-1, 1i64..=12];
    let step = prop_oneof![
        4 => (1u64..240).prop_map(ClockStep::Asked),
        2 => (years, 0i64..YEAR).prop_map(|(years, rest)| ClockStep::Off(years * YEAR - rest.min(YEAR / 2))),
        2 => (1i64..24 * 60).prop_map(ClockStep::Boot),
        1 => (1i64..400 * 24 * 60).prop_map(ClockStep::Boot),
    ];
    proptest::collection::vec(step, 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever was told before by a central whose clock is years off, at times or always: nobody has to do anything.
    #[test]
    fn a_central_that_is_right_is_spoken_with_at_once(
        kind in kind(),
        age in 0i64..3 * YEAR,
        system in prop_oneof![Just(0i64), Just(BUILT), Just(BUILT + 30 * YEAR)],
        steps in steps(200),
    ) {
        let mut world = ClockWorld::new(kind, age, system);
        for step in steps {
            match step {
                ClockStep::Asked(minutes) => {
                    world.up(minutes * 60);
                    if world.truth < BUILT + 14 * YEAR {
                        prop_assert!(world.meets_honest(0), "refused at {}", world.truth);
                    }
                }
                ClockStep::Off(off) => {
                    world.up(HOUR);
                    world.meets_honest(off);
                }
                ClockStep::Boot(minutes) => world.boot(minutes * 60),
            }
        }
    }

    /// Whoever holds central's key for less than a day of running time shows any chain and tells any date, beside the
    /// honest one or instead of it. When it is gone the box is with central again within a day, for good.
    #[test]
    fn a_hostile_one_does_not_outlive_its_key_by_more_than_a_day(
        age in 0i64..3 * YEAR,
        before in steps(30),
        lies in proptest::collection::vec((0u64..5 * HOUR, any::<bool>(), -3 * YEAR..60 * YEAR, any::<bool>()), 1..30),
        after in proptest::collection::vec((60u64..HOUR, proptest::option::weighted(0.2, 1i64..20 * DAY)), 80..200),
    ) {
        let mut world = ClockWorld::new(ClockStepKind::Short, age, 0);
        for step in before {
            match step {
                ClockStep::Asked(minutes) => {
                    world.up(minutes * 60);
                    world.meets_honest(0);
                }
                ClockStep::Off(_) => {}
                ClockStep::Boot(minutes) => world.boot(minutes * 60),
            }
        }
        let began = world.estimate.moment(world.now).running;
        for (wait, boot, off, honest) in lies {
            if boot {
                world.boot(off.rem_euclid(DAY));
            }
            world.up(wait);
            if world.estimate.moment(world.now).running >= began + 24 * HOUR {
                break;
            }
            let date = world.truth + off;
            world.meets((date - DAY, date + DAY), date);
            if honest {
                world.meets_honest(0);
            }
        }
        let gone = world.estimate.moment(world.now).running;
        let mut first = None;
        for (wait, boot) in after {
            if let Some(off) = boot {
                world.boot(off);
            }
            world.up(wait);
            let running = world.estimate.moment(world.now).running;
            let spoken = world.meets_honest(0);
            let first = *first.get_or_insert(running);
            prop_assert!(
                spoken || running < first + 24 * HOUR,
                "refused {} s after the key was lost", running - gone
            );
        }
    }

    /// A key that was stolen before its certificate ended is worth nothing once the box knows that it has ended.
    #[test]
    fn an_ended_certificate_is_no_way_back(
        age in 0i64..3 * YEAR,
        tries in proptest::collection::vec((0u64..HOUR, -3 * YEAR..YEAR), 1..100),
    ) {
        let mut world = ClockWorld::new(ClockStepKind::Short, age, 0);
        for _ in 0..3 {
            world.up(HOUR);
            world.meets_honest(0);
        }
        let ended = world.estimate.floor(world.now) - DAY;
        let began = world.now.seconds;
        for (wait, off) in tries {
            world.up(wait);
            if world.now.seconds >= began + 24 * HOUR {
                break;
            }
            let date = world.truth + off;
            prop_assert!(!world.meets((BUILT - 5 * YEAR, ended), date));
        }
    }
}
