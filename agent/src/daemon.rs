//! The daemon: one loop that starts synchronizations, tells how it stands, and answers the local socket.
//! Never opens the store, never synchronizes itself: that is done by a worker, a process of its own.
//! Called by the verb `run`; its worker by the hidden verb `sync-worker`.

mod configure;
mod copies;
mod event_log;
mod files;
mod flags;
mod gate;
mod network;
mod outcome;
pub mod push;
mod room;
mod siblings;
mod textfile;
mod trial;
mod wake;

use std::time::Duration;

use logic::fault::Fault;
use logic::package_lane::{WaitReason, Waiting};
use logic::retry;
use logic::schedule::{PackagesState, RunParts, Schedule, ScheduleCommand, ScheduleEvent, Start};
use logic::settings::{Settings, SettingsInForce};
use tokio::sync::mpsc;

use crate::engine::exam;
use crate::engine::progress::Progress;
use crate::engine::{Engine, PackageLaneState};
use crate::page::StatusPage;
use crate::socket::state::{AcceptedRequest, DaemonStanding, RunProgress, RunRequest, SharedState};
use crate::socket::{self, ApiSocket};
use crate::worker::{self, Worker, WorkerOrder};
use configure::policy;
use copies::CopyKeeper;
use event_log::EventNotices;
use flags::FlagKeeper;
use gate::GatewayGate;
use network::Network;
use room::RoomKeeper;
use siblings::SiblingGate;
use system::clock;
use system::journal;
use system::notify::{Notifier, watchdog};
use system::root::Root;
use trial::WriteTrial;
use vault::random;
use wake::{ProcessSignals, WakeReason, changed, sleep, sleep_until, told};

/// Runs until a signal ends it; `read` reads the configuration again. With one that is wrong it runs on the last good
/// one, and where there is none it waits for one and does nothing else.
///
/// # Errors
/// `daemon.running` when another daemon answers on the socket.
pub async fn run(root: &Root, read: &dyn Fn() -> SettingsInForce) -> Result<(), Fault> {
    let first = read();
    let settings = first.settings.clone().unwrap_or_default();
    let mut signals = ProcessSignals::new()?;
    let api_socket = ApiSocket::open(root)?;
    let (shared, asks) = SharedState::new(root, settings.clone(), clock::now());
    let mut daemon = Daemon::new(root, &settings, shared.clone());
    // A box whose folder does not open has no id yet.
    let is_whole = api_socket.is_made() && !daemon.box_id.is_empty();
    // Behind the socket: those of another daemon stay.
    let flags = FlagKeeper::new(root, &shared);
    let served = system::task::spawn_local(socket::serve(api_socket, shared));
    daemon.waits = first.settings.is_none();
    daemon.configured(first);
    // The start is over, whatever came of it: systemd would end a service that never says so.
    daemon.notifier.ready();
    event_log::started(&daemon.box_id, is_whole);
    daemon.turn(&mut signals, asks, read).await;
    event_log::stopping(&daemon.box_id);
    daemon.notifier.stopping();
    drop(flags);
    served.abort();
    drop(daemon.page);
    drop(daemon.siblings);
    let worker = daemon.worker.take();
    // Both have a few seconds, and together no more.
    tokio::join!(daemon.gate.end(), async {
        if let Some(worker) = worker {
            worker.end().await;
        }
    });
    socket::close(root);
    Ok(())
}

/// Running time is written down so often: what a power cut takes of it is at most this.
const KEEP_TIME: Duration = Duration::from_secs(3600);

struct Daemon {
    root: Root,
    shared: SharedState,
    notifier: Notifier,
    schedule: Schedule,
    box_id: String,
    worker: Option<Worker>,
    /// A run is under way in the worker; without one it brings packages alone.
    pass: bool,
    /// How the packages stand, as the worker told after its last run.
    packages: PackageLaneState,
    /// The run under way has been told to end.
    stopping: bool,
    /// The run under way has been told to wait for packages no longer.
    closing: bool,
    /// The configuration has changed since the worker began.
    outdated: bool,
    /// Runs begun so far; the number of the newest.
    runs: u64,
    /// Something that was queued before the daemon started may still be owed.
    unasked: bool,
    /// The run under way sends what is owed.
    sends: bool,
    /// The highest number of a run of this box id.
    seen: u64,
    /// The newest run, as long as it or its packages are under way.
    running: Option<RunProgress>,
    network: Option<Network>,
    gate: GatewayGate,
    page: StatusPage,
    siblings: SiblingGate,
    notices: EventNotices,
    trial: WriteTrial,
    copies: CopyKeeper,
    room: RoomKeeper,
    /// There never was a good configuration.
    waits: bool,
    /// The state that the service manager was told last.
    words: String,
}

impl Daemon {
    fn new(root: &Root, settings: &Settings, shared: SharedState) -> Self {
        // A state folder that does not open is a state with a name: the daemon runs, says so, and tries again.
        let identity = Engine::open(root, settings.clone()).and_then(|engine| engine.identity());
        let box_id = match identity {
            Ok(identity) => identity.box_id,
            Err(trouble) => {
                journal::trouble(&trouble);
                String::new()
            }
        };
        let seed = box_id
            .bytes()
            .fold(0, |seed, byte| retry::mix(seed ^ u64::from(byte)));
        let now = clock::now();
        let schedule = Schedule::new(policy(settings), seed, u64::from_le_bytes(random()), now);
        let page = StatusPage::new(shared.clone(), settings);
        let siblings = SiblingGate::new(shared.clone(), settings);
        Self {
            root: root.clone(),
            shared,
            notifier: Notifier::of_environment(),
            schedule,
            box_id,
            worker: None,
            pass: false,
            packages: PackageLaneState::default(),
            stopping: false,
            closing: false,
            outdated: false,
            runs: 0,
            unasked: true,
            sends: false,
            seen: 0,
            running: None,
            network: None,
            gate: GatewayGate::new(root, settings),
            page,
            siblings,
            notices: EventNotices::default(),
            trial: WriteTrial::new(root.state()),
            copies: CopyKeeper::new(root),
            room: RoomKeeper::new(root),
            waits: false,
            words: String::new(),
        }
    }

    async fn turn(
        &mut self,
        signals: &mut ProcessSignals,
        mut asks: mpsc::Receiver<RunRequest>,
        read: &dyn Fn() -> SettingsInForce,
    ) {
        let watchdog = watchdog();
        let exams = self.shared.exams();
        let orders = self.shared.ordered();
        let mut fed = tokio::time::Instant::now();
        let mut kept = fed;
        loop {
            // Also when something else woke the loop: after a suspend the timer below is late, the clock is not.
            self.schedule.handle(ScheduleEvent::Woken, clock::now());
            self.obey().await;
            self.dismiss();
            self.listen();
            if let Some(news) = self.trial.turn(clock::now()) {
                event_log::intake(&self.box_id, news.as_ref());
                self.shared.keeps(news.clone());
            }
            let settings = self.shared.settings();
            let room = self.room.turn(&settings, clock::now());
            if self.copies.turn(&settings, clock::now()) || room {
                self.shared.copied();
                self.shared.news().any();
            }
            let copies = self.copies.wait(&settings, clock::now());
            let room = self.room.wait(&settings);
            self.show();
            let wait = self
                .schedule
                .due()
                .map(|(at, _)| at.mono.saturating_sub(clock::now().mono));
            let feed = watchdog.map(|every| fed + every);
            let woken = tokio::select! {
                _ = signals.terminate.recv() => WakeReason::End,
                _ = signals.interrupt.recv() => WakeReason::End,
                _ = signals.reload.recv() => WakeReason::Reload,
                Some(ask) = asks.recv() => WakeReason::Asked(ask),
                () = changed(&mut self.network) => WakeReason::Network,
                () = exams.changed() => WakeReason::Exam,
                () = orders.changed() => WakeReason::Ordered,
                told = told(&mut self.worker) => WakeReason::Worker(told),
                () = sleep(wait) => WakeReason::Due,
                () = sleep(copies) => WakeReason::Watchdog,
                () = sleep(room) => WakeReason::Watchdog,
                () = sleep_until(feed) => WakeReason::Watchdog,
                () = sleep_until(Some(kept + KEEP_TIME)) => WakeReason::Hour,
            };
            match woken {
                WakeReason::End => return,
                WakeReason::Reload => self.reload(read),
                WakeReason::Asked(ask) => {
                    self.look_again(read);
                    self.asked(ask).await;
                }
                WakeReason::Network => self.schedule.handle(ScheduleEvent::Network, clock::now()),
                WakeReason::Exam => self.exam().await,
                WakeReason::Ordered => self.ordered().await,
                WakeReason::Worker(told) => self.worker(told),
                WakeReason::Hour => {
                    self.keep_time();
                    kept = tokio::time::Instant::now();
                }
                // A run begins, or nearly.
                WakeReason::Due => self.look_again(read),
                WakeReason::Watchdog => {}
            }
            if feed.is_some_and(|at| at <= tokio::time::Instant::now()) {
                self.notifier.alive();
                fed = tokio::time::Instant::now();
            }
        }
    }

    /// Writes running time down, beside the loop: a slow disk holds nothing up.
    fn keep_time(&self) {
        let (root, settings) = (self.root.clone(), (*self.shared.settings()).clone());
        system::task::spawn_blocking(move || {
            // A folder that does not open is told elsewhere.
            if let Ok(engine) = Engine::open(&root, settings) {
                engine.keep_time();
            }
        });
    }

    /// Does what the schedule commands.
    async fn obey(&mut self) {
        while let Some(command) = self.schedule.next() {
            match command {
                ScheduleCommand::Start(start) => self.start(start).await,
                ScheduleCommand::Stop => {
                    self.stopping = true;
                    if let Some(worker) = &mut self.worker {
                        worker.stop();
                    }
                }
                ScheduleCommand::Close => {
                    self.closing = true;
                    self.order(&WorkerOrder::Close).await;
                }
                ScheduleCommand::Hasten { packages } => {
                    self.order(&WorkerOrder::Asked { packages }).await
                }
                ScheduleCommand::Lost => self.notices.lost(&self.box_id, self.schedule.due()),
                ScheduleCommand::Found(tries) => event_log::found(&self.box_id, tries),
                ScheduleCommand::Wished(wish) => event_log::wished(&self.box_id, wish),
            }
        }
    }

    async fn order(&mut self, order: &WorkerOrder) {
        if let Some(worker) = &mut self.worker {
            worker.order(order).await;
        }
    }

    async fn start(&mut self, start: Start) {
        self.runs += 1;
        (self.stopping, self.closing) = (false, false);
        let before = self.running.take();
        self.running = Some(RunProgress {
            run: self.runs,
            cause: start.cause,
            progress: before.map_or_else(Progress::default, |run| run.progress.of_packages()),
        });
        if start.attempt == 1 {
            self.notices.started(&self.box_id, start.cause);
        }
        let some = !start.errand.organisations.is_empty() || !start.errand.owed.is_empty();
        self.sends = start.errand.results && !some;
        let order = WorkerOrder::Pass {
            errand: start.errand,
            asked: start.cause == logic::schedule::RunReason::Asked,
            probe_first: self.unasked,
            seen: self.seen,
        };
        self.pass = true;
        match &mut self.worker {
            Some(worker) if worker.is_open() && !self.outdated => {
                return worker.order(&order).await;
            }
            _ => {}
        }
        self.packages = PackageLaneState::default();
        // One that is ending still has the state folder.
        if let Some(ending) = self.worker.take() {
            ending.end().await;
        }
        self.outdated = false;
        match Worker::start(&self.root, &order).await {
            Ok(worker) => self.worker = Some(worker),
            Err(trouble) => self.ended(&[worker::account(&trouble)]),
        }
    }

    /// A worker without a run and without a package that can come is let go: an idle box has none.
    fn dismiss(&mut self) {
        let lane = self.packages;
        let at_work = lane.active || (lane.news && !lane.failed);
        let idle = !self.pass && (!at_work || self.outdated);
        let Some(worker) = self.worker.as_mut().filter(|_| idle) else {
            return;
        };
        if worker.is_open() {
            worker.close();
            self.running = None;
            if self.outdated && at_work {
                // The next one goes on with the packages, as they are configured now.
                let soon = PackagesState::HeldUp(Duration::ZERO);
                self.schedule
                    .handle(ScheduleEvent::Packages(soon), clock::now());
            }
            (self.packages.active, self.packages.news) = (false, false);
        }
    }

    /// A person has ordered something of the downloads: whoever brings them looks at once.
    async fn ordered(&mut self) {
        self.order(&WorkerOrder::Ordered).await;
        let orders = self.shared.orders();
        if orders.pause(clock::uptime()).is_some() {
            return;
        }
        self.comes_now(WaitReason::Pause);
        // Nobody is at work who could bring it.
        if orders.first().is_some() && !self.pass && !self.packages.active {
            let soon = ScheduleEvent::Packages(PackagesState::Paused(Duration::ZERO));
            self.schedule.handle(soon, clock::now());
        }
    }

    /// An exam has begun or ended: whoever brings packages looks at once.
    async fn exam(&mut self) {
        self.order(&WorkerOrder::Ordered).await;
        if exam::running(&self.root).is_none() {
            self.comes_now(WaitReason::Exam);
        }
    }

    /// What this held up may come now.
    fn comes_now(&mut self, reason: WaitReason) {
        let held_up = |waiting: Waiting| waiting.reason == reason;
        if self.packages.waiting.is_some_and(held_up) {
            let soon = match reason {
                WaitReason::Pause => PackagesState::Paused(Duration::ZERO),
                _ => PackagesState::HeldUp(Duration::ZERO),
            };
            self.schedule
                .handle(ScheduleEvent::Packages(soon), clock::now());
        }
    }

    async fn asked(&mut self, ask: RunRequest) {
        let before = self.runs;
        let parts = RunParts::of(&self.shared.settings().sync.steps);
        let errand = ask.errand.in_parts(parts);
        self.schedule
            .handle(ScheduleEvent::Asked(errand), clock::now());
        self.obey().await;
        let follows = self.stopping || self.closing;
        let accepted = AcceptedRequest {
            run: self.runs + u64::from(follows),
            joined: !follows && self.runs == before,
        };
        // Whoever asked may be gone; the run goes on.
        let _ = ask.answer.send(accepted);
    }

    /// A box in step does not listen to its network.
    fn listen(&mut self) {
        match (self.schedule.lost(), &self.network) {
            (None, Some(_)) => self.network = None,
            // Where the kernel does not tell, the waits of the schedule are all there is.
            (Some(_), None) => self.network = Network::open().ok(),
            _ => {}
        }
    }

    fn show(&mut self) {
        let standing = DaemonStanding {
            running: self.running.clone(),
            waiting: self.packages.waiting,
            next: self.schedule.due(),
            offline: self.schedule.lost(),
            breaker: self.schedule.open(),
        };
        let mut words = self.notices.words(&standing);
        if let Some(fault) = self.shared.fault() {
            words = event_log::beside(&fault, self.waits, &words);
        }
        self.shared.show(standing);
        if words != self.words {
            self.notifier.status(&words);
            self.words = words;
        }
    }
}
