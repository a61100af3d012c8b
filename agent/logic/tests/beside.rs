//! A box's passes, its packages and what it owes beside one another, in virtual time: the three machines that decide it.
//! Never waits: time is a value. Central answers well; windows, exams, askers and the sizes of packages are drawn.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;
use std::time::Duration;

use logic::api::{Answered, Call, Reply};
use logic::entity::{Checksum, EntityType};
use logic::manifest::{HeldRows, IndexRows};
use logic::package_lane::{PackageEnd, PackageLane, WaitReason, Waiting, WantedPackage};
use logic::report::{ConnectionStats, OwedCount, Report, Survey};
use logic::schedule::{self, Errand, PackagesState, Policy, RunEnd, RunParts, Schedule};
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sync::{SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use logic::words::{Now, Outcome, SyncParams};
use proptest::prelude::*;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const CHECKSUM: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// What is drawn.
#[derive(Debug, Clone)]
struct ProcessWorld {
    seed: u64,
    interval: Duration,
    /// What central needs for one answer.
    request: Duration,
    /// What each package needs while nothing holds it up; `None`: for ever.
    packages: Vec<Option<Duration>>,
    /// When downloads are held up, and for how long.
    gates: Vec<(Duration, Duration)>,
    /// When results are handed over.
    owed: Vec<Duration>,
    /// When somebody asks, and whether for packages too.
    asks: Vec<(Duration, bool)>,
    horizon: Duration,
}

fn world() -> impl Strategy<Value = ProcessWorld> {
    let times = |most: usize| prop::collection::vec(0u64..40_000, 0..most);
    let package = prop::option::weighted(0.7, 1u64..3_000);
    (
        any::<u64>(),
        60u64..2_000,
        100u64..5_000,
        prop::collection::vec(package, 0..5),
        prop::collection::vec((0u64..40_000, 1u64..20_000), 0..6),
        times(30),
        prop::collection::vec((0u64..40_000, any::<bool>()), 0..6),
    )
        .prop_map(|(seed, interval, request, packages, gates, owed, asks)| {
            let seconds = Duration::from_secs;
            ProcessWorld {
                seed,
                interval: seconds(interval),
                request: Duration::from_millis(request),
                packages: packages.into_iter().map(|p| p.map(seconds)).collect(),
                gates: gates
                    .into_iter()
                    .map(|(at, lasts)| (seconds(at), seconds(lasts)))
                    .collect(),
                owed: owed.into_iter().map(seconds).collect(),
                asks: asks
                    .into_iter()
                    .map(|(at, waits)| (seconds(at), waits))
                    .collect(),
                horizon: seconds(45_000),
            }
        })
}

fn name(id: &str) -> NameHash {
    let mut name = [0; 16];
    for (at, byte) in id.bytes().enumerate() {
        name[at % 16] ^= byte.rotate_left(at as u32 % 7);
    }
    NameHash(name)
}

/// A pass under way.
struct ProcessPass {
    sync: SyncMachine,
    coming: Vec<(Duration, SyncEvent)>,
    stage: schedule::RunStage,
}

#[derive(Debug, Default)]
struct ProcessTally {
    passes: u64,
    /// The longest time from the hand-over to the turn that sent it, without the turn that was under way then.
    longest: Duration,
    sent: usize,
    held: BTreeSet<String>,
    /// What passes told of packages.
    downloaded: u64,
}

struct ProcessSite {
    world: ProcessWorld,
    now: Now,
    schedule: Schedule,
    pass: Option<ProcessPass>,
    lane: PackageLane,
    /// What the package under way still needs.
    left: Option<Option<Duration>>,
    /// Handed over and not sent: when.
    queued: Vec<Duration>,
    /// The turn of the lane of what is owed: from when to when.
    turn: (Duration, Duration),
    tally: ProcessTally,
}

impl ProcessSite {
    fn new(world: ProcessWorld) -> Self {
        let now = Now::default();
        let policy = Policy {
            on_boot: true,
            interval: world.interval,
            parts: RunParts::ALL,
        };
        Self {
            schedule: Schedule::new(policy, world.seed, !world.seed, now),
            world,
            now,
            pass: None,
            lane: PackageLane::default(),
            left: None,
            queued: Vec::new(),
            turn: (Duration::ZERO, Duration::ZERO),
            tally: ProcessTally::default(),
        }
    }

    fn deliveries(&self) -> Vec<String> {
        (0..self.world.packages.len())
            .map(|at| format!("package {at}"))
            .collect()
    }

    /// When the gate that is closed now opens.
    fn gate(&self) -> Option<Duration> {
        let closed = |(from, lasts): &(Duration, Duration)| {
            (*from <= self.now.mono && self.now.mono < *from + *lasts).then_some(*from + *lasts)
        };
        self.world.gates.iter().filter_map(closed).max()
    }

    fn plan(&self, errand: &Errand, asked: bool) -> SyncPlan {
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
            hash: std::rc::Rc::new(|_, id| name(id)),
            patience: match (asked, errand.no_wait) {
                (true, false) => None,
                (true, true) => Some(Duration::ZERO),
                (false, _) => Some((10 * SECOND).min(self.world.interval / 4)),
            },
            interval: self.world.interval,
            untold: Vec::new(),
            random: self.world.seed,
        }
    }

    fn answer(&self, call: &Call) -> Answered {
        let body = match call.name {
            "versions" => json!({ "success": true, "data": ["2022.11"] }),
            "checksums" => {
                let of = |kind: &EntityType| call.path.contains(&format!("type={}&", kind.word()));
                let kind = EntityType::ALL.into_iter().find(of).unwrap();
                let ids = match kind {
                    EntityType::Delivery => self.deliveries(),
                    EntityType::TestCenter => vec!["centre".into()],
                    _ => Vec::new(),
                };
                let entities: serde_json::Map<_, _> = ids
                    .into_iter()
                    .map(|id| {
                        (
                            id.clone(),
                            json!({ "id": id, "checksum": CHECKSUM, "properties": [] }),
                        )
                    })
                    .collect();
                json!({ "type": kind.word(), "entities": entities })
            }
            "confirm" => json!({ "message": "Confirmation received." }),
            _ => json!([]),
        };
        Ok(Reply {
            status: 200,
            headers: Vec::new(),
            body: body.to_string().into(),
        })
    }

    /// Everything that is due at this moment, until nothing more is.
    fn act(&mut self) {
        for _ in 0..1_000 {
            while let Some(command) = self.schedule.next() {
                self.obey(command);
            }
            if !self.pass_acts() && !self.lane_acts() && !self.worker_ends() {
                break;
            }
        }
        assert!(self.schedule.next().is_none(), "it never comes to rest");
    }

    fn obey(&mut self, command: schedule::ScheduleCommand) {
        match command {
            schedule::ScheduleCommand::Start(start) => {
                assert!(self.pass.is_none(), "two passes at once");
                let asked = start.cause == schedule::RunReason::Asked;
                self.tally.passes += 1;
                self.pass = Some(ProcessPass {
                    sync: SyncMachine::new(self.plan(&start.errand, asked), self.now),
                    coming: Vec::new(),
                    stage: schedule::RunStage::Asking,
                });
            }
            schedule::ScheduleCommand::Stop => {
                // The worker is ended, and the lane with it.
                self.pass = None;
                (self.lane, self.left) = (PackageLane::default(), None);
                let stopped = schedule::ScheduleEvent::Ended(RunEnd::Stopped);
                self.schedule.handle(stopped, self.now);
            }
            schedule::ScheduleCommand::Close => self.tell(SyncEvent::Close),
            schedule::ScheduleCommand::Hasten { packages } => {
                self.tell(SyncEvent::Asked { packages })
            }
            _ => {}
        }
    }

    fn tell(&mut self, event: SyncEvent) {
        let now = self.now;
        if let Some(pass) = &mut self.pass {
            pass.sync.handle(event, now);
        }
    }

    /// Does what the pass commands and hands it what has come; whether there was anything.
    fn pass_acts(&mut self) -> bool {
        let Some(mut pass) = self.pass.take() else {
            return false;
        };
        let mut acted = false;
        while let Some(command) = pass.sync.next() {
            acted = true;
            let (takes, event) = match command {
                SyncCommand::Ask(ticket, call) => {
                    let answered = self.answer(&call);
                    (self.world.request, SyncEvent::Answered(ticket, answered))
                }
                SyncCommand::Index(kind) => {
                    let named = match kind {
                        EntityType::Delivery => self.deliveries(),
                        EntityType::TestCenter => vec!["centre".into()],
                        _ => Vec::new(),
                    };
                    let shown: IndexRows = named
                        .iter()
                        .map(|id| (name(id), Checksum::of(CHECKSUM)))
                        .collect();
                    let held = HeldRows {
                        shown,
                        ..HeldRows::default()
                    };
                    (Duration::ZERO, SyncEvent::Indexed(kind, held))
                }
                SyncCommand::Stage(..) | SyncCommand::StageClasses(_) => {
                    (Duration::ZERO, SyncEvent::Staged(Ok(())))
                }
                SyncCommand::Classes(kind, _) => {
                    (Duration::ZERO, SyncEvent::Unknown(kind, Vec::new()))
                }
                SyncCommand::Publish(_) => (Duration::ZERO, SyncEvent::Published(Ok(()))),
                SyncCommand::Owed(_) => (
                    self.owed_turn(),
                    SyncEvent::Owed(OwedCount::default(), Vec::new()),
                ),
                SyncCommand::Wanted { deliveries, whole } => {
                    let list = deliveries
                        .into_iter()
                        .map(|(delivery, changed)| WantedPackage {
                            delivery,
                            changed,
                            entity: Some(Checksum::of(CHECKSUM)),
                            left: Some(0),
                        });
                    let held = self.tally.held.clone();
                    let is_met = |wanted: &WantedPackage| held.contains(&wanted.delivery);
                    if self.lane.want(list.collect(), whole, is_met) {
                        self.left = None;
                    }
                    self.lane_acts();
                    let active = self.lane.is_active();
                    (Duration::ZERO, SyncEvent::Lane { active })
                }
                SyncCommand::Account => {
                    let account = self.lane.take_account();
                    self.tally.downloaded += account.count.downloaded;
                    let under_way = self.world.packages.len() - self.tally.held.len();
                    assert_eq!(account.count.waiting, under_way as u64);
                    (Duration::ZERO, SyncEvent::Accounted(account))
                }
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
                SyncCommand::End(report) => {
                    self.ended(&report);
                    return true;
                }
            };
            pass.coming.push((self.now.mono + takes, event));
        }
        let came = |(at, _): &(Duration, SyncEvent)| *at <= self.now.mono;
        if let Some(at) = pass.coming.iter().position(came) {
            let (_, event) = pass.coming.remove(at);
            pass.sync.handle(event, self.now);
            acted = true;
        } else if pass
            .sync
            .due()
            .is_some_and(|(at, _)| at.mono <= self.now.mono)
        {
            pass.sync.handle(SyncEvent::Woken, self.now);
            acted = true;
        }
        let stage = pass.sync.stage();
        if stage != pass.stage {
            pass.stage = stage;
            self.schedule
                .handle(schedule::ScheduleEvent::Reached(stage), self.now);
        }
        self.pass = Some(pass);
        acted
    }

    /// One turn over what is owed: everything that is there now goes, one request each.
    fn owed_turn(&mut self) -> Duration {
        let now = self.now.mono;
        for at in std::mem::take(&mut self.queued) {
            let (begun, ended) = self.turn;
            let busy = if begun <= at && at < ended {
                ended - at
            } else {
                Duration::ZERO
            };
            self.tally.longest = self.tally.longest.max((now - at).saturating_sub(busy));
            self.tally.sent += 1;
        }
        let takes = self.world.request;
        self.turn = (now, now + takes);
        takes
    }

    fn ended(&mut self, report: &Report) {
        assert_eq!(report.outcome, Outcome::Finished, "{:?}", report.findings);
        self.schedule.handle(
            schedule::ScheduleEvent::Ended(RunEnd::of(report, None)),
            self.now,
        );
    }

    /// Begins the next package, follows the gate, ends what is whole; whether anything has changed.
    fn lane_acts(&mut self) -> bool {
        let mut acted = false;
        if let Some(wanted) = self.lane.next() {
            let at: usize = wanted.delivery["package ".len()..].parse().unwrap();
            self.left = Some(self.world.packages[at]);
            self.tally.held.remove(&wanted.delivery);
            acted = true;
        }
        let waiting = self.gate().map(|until| Waiting {
            reason: WaitReason::Window,
            until: Some(until.as_secs() as i64),
        });
        acted |= self.lane.hold_up(waiting.filter(|_| self.left.is_some()));
        if self.left == Some(Some(Duration::ZERO)) {
            let (done, _) = self.lane.progress();
            let name = self.coming();
            self.tally.held.insert(name);
            self.left = None;
            self.lane.ended(PackageEnd::Fetched {
                bytes: 1,
                on_wire: 1,
            });
            assert!(self.lane.progress().0 > done);
            acted = true;
        }
        if acted {
            let active = self.lane.is_active();
            self.tell(SyncEvent::Lane { active });
        }
        acted
    }

    /// The first delivery that is not held: packages come in order.
    fn coming(&self) -> String {
        let missing = |delivery: &String| !self.tally.held.contains(delivery);
        self.deliveries().into_iter().find(missing).unwrap()
    }

    /// Without a pass and without a package that can come there is no worker.
    fn worker_ends(&mut self) -> bool {
        if self.pass.is_some() || self.lane.is_active() {
            return false;
        }
        let packages = match self.gate().filter(|_| self.lane.waiting().is_some()) {
            Some(opens) => PackagesState::HeldUp(opens - self.now.mono),
            None => PackagesState::Stand,
        };
        let told = self.lane.waiting().is_some();
        (self.lane, self.left) = (PackageLane::default(), None);
        if told {
            let event = schedule::ScheduleEvent::Packages(packages);
            self.schedule.handle(event, self.now);
        }
        false
    }

    /// Moves on to the next moment at which something happens.
    fn pass_time(&mut self, outside: Duration) {
        let mut next = vec![outside];
        next.extend(self.schedule.due().map(|(at, _)| at.mono));
        if let Some(pass) = &self.pass {
            next.extend(pass.sync.due().map(|(at, _)| at.mono));
            next.extend(pass.coming.iter().map(|(at, _)| *at));
        }
        let edges = self
            .world
            .gates
            .iter()
            .flat_map(|(from, lasts)| [*from, *from + *lasts]);
        next.extend(edges.filter(|at| *at > self.now.mono));
        let runs = self.gate().is_none();
        if let (Some(Some(left)), true) = (self.left, runs) {
            next.push(self.now.mono + left);
        }
        let at = next.into_iter().min().unwrap().max(self.now.mono);
        let passed = at - self.now.mono;
        if let (Some(Some(left)), true) = (&mut self.left, runs) {
            *left = left.saturating_sub(passed);
        }
        self.now = self.now.after(passed);
        self.schedule
            .handle(schedule::ScheduleEvent::Woken, self.now);
    }

    fn live(mut self) -> ProcessTally {
        let world = self.world.clone();
        let mut outside: Vec<(Duration, Option<bool>)> = Vec::new();
        outside.extend(world.owed.iter().map(|at| (*at, None)));
        outside.extend(world.asks.iter().map(|(at, waits)| (*at, Some(*waits))));
        outside.sort();
        let mut outside = outside.into_iter().peekable();
        self.act();
        for _ in 0..1_000_000 {
            let next = outside.peek().map_or(world.horizon, |(at, _)| *at);
            self.pass_time(next);
            if self.now.mono >= world.horizon {
                return self.tally;
            }
            while let Some((_, what)) = outside.next_if(|(at, _)| *at <= self.now.mono) {
                match what {
                    None => self.queued.push(self.now.mono),
                    Some(waits) => {
                        let errand = Errand {
                            no_wait: !waits,
                            ..Errand::whole()
                        };
                        self.schedule
                            .handle(schedule::ScheduleEvent::Asked(errand), self.now);
                    }
                }
            }
            self.act();
        }
        panic!("it spins");
    }
}

/// One interval and its spread: the point of the grid may be too near to the last run, and each is spread by a tenth.
fn bound(world: &ProcessWorld) -> Duration {
    // A pass is eight calls; what came to be owed while it confirms goes with the next one.
    world.interval * 13 / 10 + world.request * 4 + 10 * SECOND
}

proptest! {
    #[test]
    fn nothing_owed_waits_longer_than_an_interval_whatever_holds_up_packages(world in world()) {
        let owed = world.owed.len();
        let (interval, bound) = (world.interval, bound(&world));
        let last = world.owed.iter().max().copied().unwrap_or_default();
        let horizon = world.horizon;
        let tally = ProcessSite::new(world).live();
        prop_assert!(tally.longest <= bound, "{:?} > {bound:?}", tally.longest);
        if last + 2 * interval + 60 * SECOND < horizon {
            prop_assert_eq!(tally.sent, owed);
        }
        let least = horizon.as_secs() / (bound + 60 * SECOND).as_secs();
        prop_assert!(tally.passes >= least, "{} passes, at least {least}", tally.passes);
    }
}

#[test]
fn a_package_that_takes_for_ever_holds_up_nothing_and_is_told_as_waiting() {
    let seconds = Duration::from_secs;
    let world = ProcessWorld {
        seed: 7,
        interval: seconds(900),
        request: SECOND,
        packages: vec![Some(seconds(2_000)), None],
        gates: Vec::new(),
        owed: vec![seconds(1_000), seconds(5_000)],
        asks: vec![(seconds(4_000), true)],
        horizon: seconds(45_000),
    };
    let most = bound(&world);
    let tally = ProcessSite::new(world).live();
    assert!(tally.passes >= 45_000 / 1_170, "{tally:?}");
    assert_eq!((tally.sent, tally.downloaded, tally.held.len()), (2, 1, 1));
    assert!(tally.longest <= most, "{tally:?}");
}

#[test]
fn a_package_comes_when_its_window_opens_and_not_before() {
    let seconds = Duration::from_secs;
    let world = ProcessWorld {
        seed: 7,
        interval: seconds(7_200),
        request: SECOND,
        packages: vec![Some(seconds(60))],
        gates: vec![(Duration::ZERO, seconds(20_000))],
        owed: vec![seconds(100)],
        asks: Vec::new(),
        horizon: seconds(20_200),
    };
    let mut shut = world.clone();
    shut.horizon = seconds(20_000);
    assert_eq!(ProcessSite::new(shut).live().held.len(), 0);
    // Not at the next interval, but when it opens.
    assert_eq!(ProcessSite::new(world).live().held.len(), 1);
}
