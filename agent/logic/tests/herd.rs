//! Ten thousand boxes regain power in the same second, before a central that serves fifty requests a second.
//! Never waits: a virtual clock and a queue of moments; the boxes run the real schedule and the real back-off.
//! Run by `cargo test`; prints its table with `--nocapture`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use logic::retry::{REFUSED_ATTEMPTS, Refusals, mix};
use logic::schedule::{Policy, RunEnd, RunParts, Schedule, ScheduleCommand, ScheduleEvent};
use logic::words::Now;

const BOXES: usize = 10_000;
/// Requests a second that central serves; what is beyond is refused with 503 and `Retry-After`.
const CAPACITY: u32 = 50;
/// What central asks of those it refuses.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Calls of a run with nothing new: token, versions, six types, confirmation.
const CALLS: u32 = 9;
/// Seconds played; naive clients are played for a part of it, they only repeat themselves.
const HORIZON: u64 = 4 * 3600;
const NAIVE_HORIZON: u64 = 2000;
/// Central has this long, in seconds, before what reaches it is judged; then over spans of so many.
const FIRST_MINUTE: u64 = 60;
const SPAN: u64 = 10;
const POLICY: Policy = Policy {
    on_boot: true,
    interval: Duration::from_secs(3600),
    parts: RunParts::ALL,
};

/// Milliseconds since the power came back.
type HerdMoment = u64;

#[derive(Default)]
struct HerdCentral {
    /// Requests by second.
    load: BTreeMap<u64, u32>,
    served: u64,
    refused: u64,
}

impl HerdCentral {
    fn serves(&mut self, at: HerdMoment) -> bool {
        let load = self.load.entry(at / 1000).or_default();
        *load += 1;
        let serves = *load <= CAPACITY;
        *if serves {
            &mut self.served
        } else {
            &mut self.refused
        } += 1;
        serves
    }

    fn peak(&self) -> u32 {
        self.load.values().copied().max().unwrap_or(0)
    }

    /// Most requests a second over spans of ten seconds, from a second on.
    fn later_peak(&self, from: u64) -> f64 {
        let mut spans: BTreeMap<u64, u32> = BTreeMap::new();
        for (second, load) in self.load.range(from..) {
            *spans.entry(second / SPAN).or_default() += load;
        }
        f64::from(spans.into_values().max().unwrap_or(0)) / SPAN as f64
    }
}

/// One box: when it wants to be woken next, and what it does then.
trait HerdClient {
    /// Acts at a moment; gives the next one, and whether a run has just come to its good end.
    fn act(&mut self, at: HerdMoment, central: &mut HerdCentral) -> (HerdMoment, bool);
}

struct Ours {
    schedule: Schedule,
    random: u64,
    /// While a run is under way.
    run: Option<Run>,
}

/// A run of a box, as `sync` does it.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Calls that are done.
    done: u32,
    /// Attempts of the present one that were refused.
    refused: u32,
    refusals: Refusals,
}

fn now(at: HerdMoment) -> Now {
    Now {
        mono: Duration::from_millis(at),
        wall: 0,
    }
}

fn millis(span: Duration) -> HerdMoment {
    span.as_micros().div_ceil(1000) as HerdMoment
}

impl Ours {
    fn new(number: usize) -> Self {
        let seed = number as u64;
        Self {
            schedule: Schedule::new(POLICY, seed, mix(seed), now(0)),
            random: mix(!seed),
            run: None,
        }
    }

    fn ends(&mut self, end: RunEnd, at: HerdMoment) -> HerdMoment {
        self.run = None;
        self.schedule.handle(ScheduleEvent::Ended(end), now(at));
        let (due, _) = self
            .schedule
            .due()
            .expect("an idle box waits for something");
        millis(due.mono)
    }
}

impl HerdClient for Ours {
    fn act(&mut self, at: HerdMoment, central: &mut HerdCentral) -> (HerdMoment, bool) {
        if self.run.is_none() {
            self.schedule.handle(ScheduleEvent::Woken, now(at));
            while let Some(command) = self.schedule.next() {
                if matches!(command, ScheduleCommand::Start(_)) {
                    self.run = Some(Run::default());
                }
            }
        }
        let Some(mut run) = self.run else {
            let (due, _) = self
                .schedule
                .due()
                .expect("an idle box waits for something");
            return (millis(due.mono), false);
        };
        if central.serves(at) {
            (run.done, run.refused) = (run.done + 1, 0);
            run.refusals.served();
            self.run = Some(run);
            return match run.done == CALLS {
                true => (self.ends(RunEnd::Done, at), true),
                false => (at + 50, false),
            };
        }
        run.refused += 1;
        if run.refused == REFUSED_ATTEMPTS {
            return (self.ends(RunEnd::Unreached(Some(RETRY_AFTER)), at), false);
        }
        self.random = mix(self.random);
        let wait = run.refusals.refused(RETRY_AFTER, self.random);
        self.run = Some(run);
        (at + millis(wait), false)
    }
}

/// What most clients do: each refused call ends the run, the next one begins five seconds later, from the start.
struct Naive {
    done: u32,
}

impl HerdClient for Naive {
    fn act(&mut self, at: HerdMoment, central: &mut HerdCentral) -> (HerdMoment, bool) {
        if !central.serves(at) {
            self.done = 0;
            return (at + 5_000, false);
        }
        self.done += 1;
        if self.done < CALLS {
            return (at + 50, false);
        }
        self.done = 0;
        (at + millis(POLICY.interval), true)
    }
}

struct HerdOutcome {
    peak: u32,
    requests: u64,
    refused: u64,
    /// Seconds until so many of a hundred boxes were in step once.
    half: Option<u64>,
    nearly_all: Option<u64>,
    /// And until the last one was.
    all: Option<u64>,
    /// Most requests a second, on average over ten, after the first minute.
    later_peak: f64,
}

fn play<C: HerdClient>(mut boxes: Vec<C>, horizon: u64) -> HerdOutcome {
    let mut central = HerdCentral::default();
    let mut queue: BinaryHeap<Reverse<(HerdMoment, usize)>> = (0..boxes.len())
        .map(|number| Reverse((0, number)))
        .collect();
    let (mut in_step, mut count) = (vec![false; boxes.len()], 0);
    let (mut half, mut nearly_all, mut all) = (None, None, None);
    while let Some(Reverse((at, number))) = queue.pop() {
        if at > horizon * 1000 {
            break;
        }
        let (next, good) = boxes[number].act(at, &mut central);
        if good && !std::mem::replace(&mut in_step[number], true) {
            count += 1;
            if count * 2 >= boxes.len() {
                half.get_or_insert(at / 1000);
            }
            if count * 100 >= boxes.len() * 99 {
                nearly_all.get_or_insert(at / 1000);
            }
            if count == boxes.len() {
                all.get_or_insert(at / 1000);
            }
        }
        queue.push(Reverse((next.max(at + 1), number)));
    }
    HerdOutcome {
        peak: central.peak(),
        requests: central.served + central.refused,
        refused: central.refused,
        half,
        nearly_all,
        all,
        later_peak: central.later_peak(FIRST_MINUTE),
    }
}

#[test]
fn ten_thousand_boxes_come_in_step_without_breaking_central() {
    let ours = play((0..BOXES).map(Ours::new).collect(), HORIZON);
    let naive = play(
        (0..BOXES).map(|_| Naive { done: 0 }).collect(),
        NAIVE_HORIZON,
    );
    let floor = BOXES as u64 * u64::from(CALLS) / u64::from(CAPACITY);
    println!(
        "{BOXES} boxes, {CALLS} calls each, central {CAPACITY}/s with Retry-After 30 s; no client can do better than {floor} s"
    );
    println!(
        "{:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "", "peak req/s", "after 60 s", "requests", "refused", "50 % in", "99 % in", "all in"
    );
    for (name, outcome) in [("boxsync", &ours), ("naive", &naive)] {
        let time = |at: Option<u64>| at.map_or("not yet".to_owned(), |at| format!("{at} s"));
        println!(
            "{name:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
            outcome.peak,
            outcome.later_peak,
            outcome.requests,
            outcome.refused,
            time(outcome.half),
            time(outcome.nearly_all),
            time(outcome.all)
        );
    }
    let nearly_all = ours.nearly_all.expect("the fleet comes in step");
    let all = ours.all.expect("every box comes in step");
    assert!(2 * nearly_all < 3 * floor, "{nearly_all} s");
    assert!(all < 2 * floor, "{all} s");
    assert!(
        ours.later_peak <= 3.0 * f64::from(CAPACITY),
        "{} requests a second",
        ours.later_peak
    );
    assert!(
        ours.peak * 4 < naive.peak,
        "{} of {}",
        ours.peak,
        naive.peak
    );
    assert!(naive.nearly_all.is_none_or(|naive| nearly_all < naive));
}
