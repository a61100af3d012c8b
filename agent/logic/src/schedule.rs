//! When the daemon synchronizes: at boot, at intervals, again after a failure, when the network comes, when asked.
//! Never reads a clock, never starts anything itself, and never follows the wall clock: it may be wrong by decades.
//! Called by the daemon's loop, and by the simulations of a fleet.
//!
//! A whole fleet regains power in the same second, and central carries fifty requests a second. So every wait is spread:
//! the interval by a phase of the box, each wait after a failure by full jitter, and whoever was told to come back later
//! comes back later than that, spread again.

mod errand;

use std::collections::VecDeque;
use std::time::Duration;

pub use errand::{Errand, RunEnd, RunParts, RunReason};
use serde::{Deserialize, Serialize};

use crate::retry;
use crate::words::Now;

/// What the configuration says about the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether the first run follows the start of the daemon at once.
    pub on_boot: bool,
    /// From one run to the next; more than zero.
    pub interval: Duration,
    /// What such a run does.
    pub parts: RunParts,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleEvent {
    /// Somebody waits for a run.
    Asked(Errand),
    /// A link came up or an address changed.
    Network,
    /// The run has come so far.
    Reached(RunStage),
    /// The run is over.
    Ended(RunEnd),
    /// What has become of the packages beside the runs.
    Packages(PackagesState),
    /// The configuration was read again.
    Policy(Policy),
    /// Time has passed: a wait may be over.
    Woken,
}

/// How the packages stand that no run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackagesState {
    /// Nothing is to be done for them before the next run.
    Stand,
    /// They may be fetched after so long: a window opens, an exam is over. Other boxes wait for the same moment.
    HeldUp(Duration),
    /// They may be fetched after so long: a person paused them on this box, and waits for them to go on.
    Paused(Duration),
    /// Something passing kept them from coming.
    Failed,
    /// What came since the last run has all come: central is to know.
    Came,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStage {
    /// Central has not answered yet.
    #[default]
    Asking,
    /// Central answers.
    Comparing,
    /// Catalogue and what is owed are done; the run waits for packages, which may take a night.
    Packages,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleCommand {
    /// Begin a run; how it went comes back as `ScheduleEvent::Ended`.
    Start(Start),
    /// End the run under way; `ScheduleEvent::Ended(End::Stopped)` follows.
    Stop,
    /// The run under way is to wait for packages no longer; its end follows.
    Close,
    /// Somebody waits for the run under way: it is to wait for nothing but central, and for packages if that is said.
    Hasten {
        /// For packages too.
        packages: bool,
    },
    /// Central could not be used: told once, when it begins.
    Lost,
    /// Central asked to be left alone for longer than is believed: told once, when it begins.
    Wished(CappedRetryAfter),
    /// Central is back after so many tries.
    Found(u32),
}

/// A wish of central that is not honoured in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CappedRetryAfter {
    /// How long central asked to be left alone.
    pub wished: Duration,
    /// How long it is left alone by a box that nobody asks.
    pub honoured: Duration,
}

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// What it is to do.
    pub errand: Errand,
    /// Why it begins.
    pub cause: RunReason,
    /// Which try it is since central could last be used; 1 is the first.
    pub attempt: u32,
}

#[derive(Debug, Clone)]
struct ScheduledRun {
    errand: Errand,
    asked: bool,
    stage: RunStage,
}

/// The boot run waits at most this long, so that a thousand boxes do not knock in one second.
const BOOT: Duration = Duration::from_secs(5);
/// The first wait after a failure is drawn below this.
const BACKOFF_BASE: Duration = Duration::from_secs(10);
/// Runs at intervals are spread over this share of an interval.
const SPREAD_SHARE: u32 = 10;
/// No wait of our own after a failure is longer.
const MAX_BACKOFF: Duration = Duration::from_secs(15 * 60);
/// Nor cut below this by a short interval.
const SHORTEST_CEILING: Duration = Duration::from_secs(60);
/// No wait after a failure is shorter.
const LEAST: Duration = Duration::from_millis(500);
/// So many failures in a row open the breaker: then only one run in a long while tries.
const BREAKER: u32 = 6;
/// A changed network is tried after a moment (addresses and routes come one by one), spread.
const SETTLE: Duration = Duration::from_secs(2);
/// Boxes whose windows open in the same second are spread over this.
const OPENING: Duration = Duration::from_secs(30);
/// A link that flaps is tried at most this often.
const FLAP: Duration = Duration::from_secs(60);

/// The machine of the daemon's times.
#[derive(Debug, Clone)]
pub struct Schedule {
    policy: Policy,
    /// The phase of this box, as a share of the interval.
    phase: u64,
    random: u64,
    /// The grid of intervals counts from here.
    origin: Now,
    wake: Option<(Now, RunReason)>,
    /// Central wished to be left alone until then; only a person ends that.
    not_before: Option<Now>,
    /// The wish was short, so the run sat it out, and was refused to its end: very many others wait as well.
    refused: bool,
    /// Runs in a row that ended with a wish longer than it was believed.
    wishes: u32,
    /// Failures in a row.
    failures: u32,
    /// Times in a row that packages failed beside runs that went well.
    package_failures: u32,
    /// Tries since central could last be used, for the journal.
    lost: Option<u32>,
    running: Option<ScheduledRun>,
    /// What begins as soon as the run under way has ended, and why.
    pending: Option<(Errand, RunReason)>,
    /// When the last run began.
    started: Option<Now>,
    /// A wider run was stopped for one that was asked for: it goes on afterwards.
    resume: bool,
    network_rest: Option<Now>,
    out: VecDeque<ScheduleCommand>,
}

impl Schedule {
    /// The daemon begins. `box_seed` is a number of this box that stays (its phase), `random` one of this start.
    pub fn new(policy: Policy, box_seed: u64, random: u64, now: Now) -> Self {
        let mut schedule = Self {
            policy,
            phase: retry::mix(box_seed),
            random: retry::mix(box_seed ^ random),
            origin: now,
            wake: None,
            not_before: None,
            refused: false,
            wishes: 0,
            failures: 0,
            package_failures: 0,
            lost: None,
            running: None,
            pending: None,
            started: None,
            resume: false,
            network_rest: None,
            out: VecDeque::new(),
        };
        schedule.wake = Some(if policy.on_boot {
            let most = BOOT.min(policy.interval / 4);
            (now.after(schedule.jitter(most)), RunReason::Boot)
        } else {
            schedule.interval(now)
        });
        schedule
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "a machine is no iterator: it goes on after `None`"
    )]
    /// The next thing to do; `None` until the next event or until `due`.
    pub fn next(&mut self) -> Option<ScheduleCommand> {
        self.out.pop_front()
    }

    /// When the machine wants to be woken, and why; `None` while a run is under way that is not through with its work.
    pub fn due(&self) -> Option<(Now, &'static str)> {
        self.wake.map(|(at, cause)| (at, cause.waits()))
    }

    /// Whether the breaker is open: only a probe now and then, and whoever asks, tries central.
    pub fn open(&self) -> bool {
        self.failures >= BREAKER
    }

    /// Tries since central could last be used; `None` while it can.
    pub fn lost(&self) -> Option<u32> {
        self.lost
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: ScheduleEvent, now: Now) {
        match event {
            ScheduleEvent::Asked(errand) => self.asked(errand, now),
            ScheduleEvent::Network => self.network(now),
            ScheduleEvent::Reached(stage) => self.reached(stage, now),
            ScheduleEvent::Packages(packages) => self.packages(packages, now),
            ScheduleEvent::Ended(end) => self.ended(end, now),
            ScheduleEvent::Policy(policy) => self.changed(policy, now),
            ScheduleEvent::Woken => match self.wake {
                Some((at, cause)) if at.mono <= now.mono => self.is_time(cause, now),
                _ => {}
            },
        }
    }

    /// A run that does what is asked is joined, and waits for nothing any more. One that waits for packages alone makes
    /// room; any other is stopped, which loses nothing, and what it still had to do is done after what was asked for.
    fn asked(&mut self, errand: Errand, now: Now) {
        self.failures = 0;
        self.not_before = None;
        if let Some((pending, cause)) = &mut self.pending {
            pending.widen(&errand);
            *cause = RunReason::Asked;
            return;
        }
        let Some(running) = &mut self.running else {
            return self.start(errand, RunReason::Asked, now);
        };
        if running.stage != RunStage::Packages && running.errand.covers(&errand) {
            running.asked = true;
            running.errand.no_wait &= errand.no_wait;
            return self.out.push_back(ScheduleCommand::Hasten {
                packages: !errand.no_wait,
            });
        }
        let mut wanted = errand;
        if running.stage == RunStage::Packages {
            self.pending = Some((wanted, RunReason::Asked));
            return self.close();
        }
        if running.asked {
            wanted.widen(&running.errand);
        }
        self.resume = !wanted.covers(&running.errand);
        self.pending = Some((wanted, RunReason::Asked));
        self.out.push_back(ScheduleCommand::Stop);
    }

    fn close(&mut self) {
        self.wake = None;
        self.out.push_back(ScheduleCommand::Close);
    }

    fn routine(&self) -> Errand {
        Errand::whole().in_parts(self.policy.parts)
    }

    /// The time of the next run has come. A run that waits for packages makes room for it.
    fn is_time(&mut self, cause: RunReason, now: Now) {
        if self.running.is_none() {
            return self.start(self.routine(), cause, now);
        }
        self.pending = Some((self.routine(), cause));
        self.close();
    }

    /// The next run comes at its interval, also beside packages that somebody waits for.
    fn reached(&mut self, stage: RunStage, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        let before = running.stage;
        running.stage = running.stage.max(stage);
        let waits = before < RunStage::Packages && stage == RunStage::Packages;
        if waits && self.pending.is_none() {
            self.wake = Some(self.interval(now));
        }
    }

    /// Packages that wait for a time or for another try bring the next run forward, and never put it off. While runs
    /// themselves fail, the next try is set already.
    fn packages(&mut self, packages: PackagesState, now: Now) {
        self.package_failures = match packages {
            PackagesState::Failed => (self.package_failures + 1).min(BREAKER - 1),
            _ => 0,
        };
        let well = self.running.is_none() && self.failures == 0;
        let Some((at, _)) = self.wake.filter(|_| well) else {
            return;
        };
        let (soon, cause) = match packages {
            PackagesState::Stand => return,
            PackagesState::HeldUp(wait) => {
                // A thousand boxes have the same window.
                let wait = wait.max(LEAST) + self.jitter(OPENING);
                (self.allowed(now.after(wait)), RunReason::Packages)
            }
            PackagesState::Paused(wait) => (
                self.allowed(now.after(wait.max(LEAST))),
                RunReason::Packages,
            ),
            PackagesState::Came => (self.allowed(now.after(LEAST)), RunReason::Packages),
            PackagesState::Failed => self.after_failures(self.package_failures, now),
        };
        if soon.mono < at.mono {
            self.wake = Some((soon, cause));
        }
    }

    /// Only who waits for central is helped by a new network; central's own wish stands.
    fn network(&mut self, now: Now) {
        let (Some((at, _)), Some(_)) = (self.wake, self.lost) else {
            return;
        };
        if self.network_rest.is_some_and(|rest| now.mono < rest.mono) {
            return;
        }
        let wait = SETTLE + self.jitter(SETTLE);
        let soon = self.allowed(now.after(wait));
        if soon.mono < at.mono {
            self.wake = Some((soon, RunReason::Network));
            self.network_rest = Some(now.after(FLAP));
        }
    }

    fn changed(&mut self, policy: Policy, now: Now) {
        let same = policy.interval == self.policy.interval;
        self.policy = policy;
        if let (Some((_, RunReason::Interval)), false) = (self.wake, same) {
            self.wake = Some(self.interval(now));
        }
    }

    fn start(&mut self, errand: Errand, cause: RunReason, now: Now) {
        self.wake = None;
        self.started = Some(now);
        self.not_before = self.not_before.filter(|at| at.mono > now.mono);
        self.running = Some(ScheduledRun {
            errand: errand.clone(),
            asked: cause == RunReason::Asked,
            stage: RunStage::Asking,
        });
        self.out.push_back(ScheduleCommand::Start(Start {
            errand,
            cause,
            attempt: self.lost.unwrap_or(0) + 1,
        }));
    }

    fn ended(&mut self, end: RunEnd, now: Now) {
        let Some(running) = self.running.take() else {
            return;
        };
        self.tell(end);
        self.wished(end, now);
        self.wake = None;
        match self.pending.take() {
            // Only a person ends a wait that central's state asks for.
            Some((_, cause))
                if cause != RunReason::Asked && matches!(end, RunEnd::Unreached(_)) => {}
            Some((errand, cause)) => return self.start(errand, cause, now),
            None => {}
        }
        let resume = std::mem::take(&mut self.resume);
        self.wake = Some(match end {
            RunEnd::Done if resume => (now, RunReason::Resumed),
            RunEnd::Done | RunEnd::Standing => {
                self.failures = 0;
                self.interval(now)
            }
            RunEnd::Partly => {
                // Not a fault of the line: it counts for the wait, never for the breaker.
                self.failures = (self.failures + 1).min(BREAKER - 1);
                self.again(now)
            }
            RunEnd::Unreached(_) => {
                self.failures = if running.asked { 1 } else { self.failures + 1 };
                self.again(now)
            }
            RunEnd::Stopped => (now.after(LEAST), RunReason::Resumed),
        });
    }

    /// What central wished, as far as it is believed: a long wait only when the wish for it repeats.
    fn wished(&mut self, end: RunEnd, now: Now) {
        match end {
            RunEnd::Done | RunEnd::Standing => {
                self.not_before = None;
                self.wishes = 0;
            }
            RunEnd::Unreached(Some(wished)) => {
                self.refused = wished <= retry::MAX_WAIT_IN_RUN;
                let honoured = retry::believed(wished, self.wishes);
                self.not_before = Some(now.after(honoured));
                if honoured == wished {
                    self.wishes = 0;
                } else {
                    if self.wishes == 0 {
                        self.out
                            .push_back(ScheduleCommand::Wished(CappedRetryAfter {
                                wished,
                                honoured,
                            }));
                    }
                    self.wishes += 1;
                }
            }
            RunEnd::Unreached(None) | RunEnd::Partly | RunEnd::Stopped => {}
        }
    }

    /// Told on the edge only.
    fn tell(&mut self, end: RunEnd) {
        match (end, self.lost) {
            (RunEnd::Unreached(_), None) => {
                self.lost = Some(1);
                self.out.push_back(ScheduleCommand::Lost);
            }
            (RunEnd::Unreached(_), Some(tries)) => self.lost = Some(tries.saturating_add(1)),
            (RunEnd::Done | RunEnd::Standing, Some(tries)) => {
                self.lost = None;
                self.out.push_back(ScheduleCommand::Found(tries));
            }
            _ => {}
        }
    }

    /// The next try after a failure: exponential with full jitter, the interval at the latest; with the breaker open
    /// one probe in the longest wait.
    fn again(&mut self, now: Now) -> (Now, RunReason) {
        let ceiling = MAX_BACKOFF.min(self.policy.interval.max(SHORTEST_CEILING));
        if self.open() {
            let wait = ceiling / 2 + self.jitter(ceiling / 2);
            return (self.allowed(now.after(wait)), RunReason::Probe);
        }
        self.after_failures(self.failures, now)
    }

    fn after_failures(&mut self, failures: u32, now: Now) -> (Now, RunReason) {
        let ceiling = MAX_BACKOFF.min(self.policy.interval.max(SHORTEST_CEILING));
        let doublings = failures.saturating_sub(1).min(16);
        let span = BACKOFF_BASE.min(self.policy.interval) * (1 << doublings);
        // After a wish the whole span comes on top: everybody was told the same second.
        let from = self.not_before.filter(|at| at.mono > now.mono);
        let span = match self.refused && from.is_some() {
            true => span.max(retry::REFUSED_SPREAD),
            false => span,
        };
        let wait = self.jitter(span.min(ceiling)).max(LEAST);
        let retry = from.unwrap_or(now).after(wait);
        let (regular, cause) = self.interval(now);
        if self.allowed(regular).mono < retry.mono && from.is_none() {
            (regular, cause)
        } else {
            (retry, RunReason::Retry)
        }
    }

    /// The next point of this box's own grid, spread a little; the one after it where a run has only just begun. So no
    /// interval is left out, however long a run took.
    fn interval(&mut self, now: Now) -> (Now, RunReason) {
        let interval = self.policy.interval.max(LEAST);
        let phase = retry::jitter(interval, self.phase);
        let since = now.mono.saturating_sub(self.origin.mono);
        let into = (since + interval - phase).as_nanos() % interval.as_nanos();
        let mut wait = interval - nanos(into);
        let apart = |wait: Duration, started: Now| (now.mono + wait).saturating_sub(started.mono);
        let spread = interval / SPREAD_SHARE;
        if self.started.is_some_and(|at| apart(wait, at) < 2 * spread) {
            wait += interval;
        }
        let wait = wait + self.jitter(spread);
        (self.allowed(now.after(wait)), RunReason::Interval)
    }

    fn allowed(&self, at: Now) -> Now {
        match self.not_before {
            Some(least) if least.mono > at.mono => least,
            _ => at,
        }
    }

    fn jitter(&mut self, most: Duration) -> Duration {
        self.random = retry::mix(self.random);
        retry::jitter(most, self.random)
    }
}

fn nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
}
