//! Executes one synchronization: what the machine of `logic` commands is done here, what comes of it goes back.
//! Never decides what comes next.
//! Called by `Engine::synchronize`.

mod generation;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use logic::api::Answered;
use logic::entity::EntityType;
use logic::package_lane::WantedPackage;
use logic::report::{ConnectionStats, Report, StickOrigin, Survey};
use logic::schedule::RunStage;
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::spool;
use logic::sync::{SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use generation::fingerprint;

use super::Engine;
use super::download::left;
use super::downloads::Downloads;
use super::owed::{self, Pass};
use super::progress::{BRINGING, RunWatch};
use super::session::{PassOrder, PassOrders};
use super::trace::Tracer;
use super::{exam, survey};
use system::clock;
use system::root::Root;
use system::task::BoxedTasks;
use uplink::{Meter, Uplink};
use vault::Vault;
use vault::catalogue::{
    CatalogueRevision, CatalogueStore, EntityLocation, EntityRows, SegmentWriter,
};
use vault::index::IndexStore;

/// What one run works with.
pub(super) struct RunResources {
    pub(super) root: Root,
    /// The box as the organisation of this run.
    pub(super) engine: Engine,
    pub(super) vault: Vault,
    pub(super) uplink: Uplink,
    pub(super) catalogue: CatalogueStore,
    /// What the line carried before this run.
    pub(super) before: Meter,
    pub(super) downloads: Rc<RefCell<Downloads>>,
    pub(super) watch: RunWatch,
    pub(super) sending: (Rc<Pass>, spool::SpoolPlan),
    /// The stick that answers in the place of central.
    pub(super) origin: Option<StickOrigin>,
    /// How long what was deleted is kept; running time.
    pub(super) keep_deleted: Duration,
    pub(super) tracer: Rc<Tracer>,
}

/// So often a run that waits looks whether bytes have come.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// One run under way.
pub(super) struct ActiveRun {
    means: RunResources,
    /// Let go when the catalogue is published.
    pub(super) index: Option<IndexStore>,
    /// What is shown, without what the guard remembers: that is the machine's while it compares.
    edition: CatalogueRevision,
    /// Tells whether the guard remembers something else than when the run began.
    remembered: u64,
    /// The edition that is shown could not be read after a publication that failed: nothing follows from `edition`.
    unread: bool,
    /// What this run brought, by type, as it came. Of 200,000 entities nothing but this is kept: ids are read again.
    staged: SmallMap<EntityType, Vec<(NameHash, EntityLocation)>>,
    /// Something went that cannot be named any more: the feed then begins a new epoch.
    unnamed: bool,
    classes: EntityRows,
    writer: Option<SegmentWriter>,
    /// Central may keep the run as under way.
    pub(super) untold: bool,
    /// Calls under way and the lane of what is owed: they end with the run.
    tasks: JoinSet<()>,
}

impl ActiveRun {
    pub(super) fn new(
        means: RunResources,
        index: Option<IndexStore>,
        edition: CatalogueRevision,
        plan: &SyncPlan,
    ) -> Self {
        Self {
            remembered: fingerprint(&plan.memory),
            means,
            index,
            edition,
            unread: false,
            staged: SmallMap::new(),
            unnamed: false,
            classes: EntityRows::new(),
            writer: None,
            untold: false,
            tasks: JoinSet::new(),
        }
    }

    /// Drives the machine to its end.
    pub(super) async fn drive(mut self, plan: SyncPlan, orders: &mut PassOrders) -> (Report, Self) {
        let lane = self.means.downloads.borrow().lane().clone();
        let (send, mut receive) = mpsc::unbounded_channel();
        let mut sync = SyncMachine::new(plan, clock::now());
        let mut heard = 0;
        let mut last_word = None;
        loop {
            while let Some(command) = sync.next() {
                if let SyncCommand::End(mut report) = command {
                    // The confirmation itself was not yet on the wire when central was told the numbers.
                    report.connection = self.connection();
                    self.untold = sync.is_untold();
                    return (*report, self);
                }
                if let Some(event) = self.execute(command, &send) {
                    sync.exam_runs(exam::now(&self.means.root));
                    sync.handle(event, clock::now());
                }
            }
            self.means.watch.report(sync.report());
            self.means.watch.reached(sync.stage());
            let wait = sync.due().map(|(at, why)| {
                let wait = at.mono.saturating_sub(clock::now().mono);
                let long = wait > Duration::from_secs(1) && why == "the next attempt";
                self.means.watch.waits(long.then_some(why));
                wait.min(PROGRESS_INTERVAL)
            });
            let event = tokio::select! {
                event = receive.recv() => event.expect("the sender lives as long as the loop"),
                Some(order) = orders.recv() => self.ordered(order, sync.stage()),
                () = lane.changed.notified() => SyncEvent::Lane { active: lane.machine.borrow().is_active() },
                () = elapsed(wait) => SyncEvent::Woken,
                () = self.means.watch.stopped(), if last_word.is_none() => {
                    last_word = Some(tokio::time::Instant::now() + LAST_WORD);
                    SyncEvent::Stopped
                }
                () = reached(last_word) => {
                    // Central did not answer in time: the next run tells it.
                    self.untold = sync.is_untold();
                    return (sync.report().clone(), self);
                }
            };
            self.means.watch.waits(None);
            while self.tasks.try_join_next().is_some() {}
            let received = self.means.uplink.moved();
            let moved = std::mem::replace(&mut heard, received) < received;
            if moved || self.means.watch.settles() {
                // A long answer over a thin line is no silence.
                sync.handle(SyncEvent::Heard, clock::now());
            }
            sync.exam_runs(exam::now(&self.means.root));
            sync.handle(event, clock::now());
        }
    }

    /// What the pass is told from outside.
    fn ordered(&mut self, order: PassOrder, stage: RunStage) -> SyncEvent {
        match order {
            PassOrder::Close => SyncEvent::Close,
            PassOrder::Asked { packages } => {
                if stage == RunStage::Asking {
                    // They are made anew; nothing that is owed is on its way yet.
                    self.tasks.abort_all();
                }
                self.means.sending.0.asked.notify_one();
                SyncEvent::Asked { packages }
            }
        }
    }

    /// Does what is commanded: at once, with its event, or in the background, whose event comes over `send`.
    fn execute(
        &mut self,
        command: SyncCommand,
        send: &mpsc::UnboundedSender<SyncEvent>,
    ) -> Option<SyncEvent> {
        match command {
            SyncCommand::Ask(ticket, call) => {
                self.means.watch.does(doing(call.name));
                let (uplink, send) = (self.means.uplink.clone(), send.clone());
                let vault = self.means.vault.clone();
                self.tasks.spawn_boxed(async move {
                    let answered: Answered = uplink.call(&call).await;
                    if let Ok(reply) = &answered
                        && call.name == "versions"
                        && let Ok(versions) = logic::api::answer::versions(reply)
                    {
                        // Only for clients of the gateway; a run does not fail for them.
                        let _ = super::versions::remember(&vault, &versions);
                    }
                    // The machine may have ended meanwhile.
                    let _ = send.send(SyncEvent::Answered(ticket, answered));
                });
                None
            }
            SyncCommand::Index(kind) => Some(self.index(kind)),
            SyncCommand::Stage(kind, entities) => {
                Some(SyncEvent::Staged(self.stage(kind, &entities)))
            }
            SyncCommand::StageClasses(classes) => {
                Some(SyncEvent::Staged(self.stage_classes(&classes)))
            }
            SyncCommand::Classes(kind, classes) => {
                let known = |class: &String| {
                    let name = self.means.vault.keys().name("class", class);
                    self.edition.classes.contains_key(&name) || self.classes.contains_key(&name)
                };
                Some(SyncEvent::Unknown(
                    kind,
                    classes.into_iter().filter(|class| !known(class)).collect(),
                ))
            }
            SyncCommand::Publish(publication) => {
                Some(SyncEvent::Published(self.publish(publication)))
            }
            SyncCommand::PublicKey => {
                let (pass, _) = self.means.sending.clone();
                self.tasks.spawn_boxed(async move {
                    pass.encryption.asked(&pass.uplink).await;
                });
                None
            }
            SyncCommand::Owed(central) => {
                self.means.watch.does("sending what is owed");
                let (pass, plan) = self.means.sending.clone();
                let plan = spool::SpoolPlan { central, ..plan };
                let send = send.clone();
                self.tasks.spawn_boxed(async move {
                    let (count, told) = owed::send(&pass, plan).await;
                    let _ = send.send(SyncEvent::Owed(count, told));
                });
                None
            }
            SyncCommand::Wanted { deliveries, whole } => {
                self.means.watch.does(BRINGING);
                let wanted = deliveries
                    .into_iter()
                    .map(|(delivery, changed)| self.wanted(delivery, changed));
                let wanted = wanted.collect();
                let mut downloads = self.means.downloads.borrow_mut();
                downloads.want(wanted, whole);
                let active = downloads.lane().machine.borrow().is_active();
                Some(SyncEvent::Lane { active })
            }
            SyncCommand::Account => {
                let account = self.means.downloads.borrow().account();
                Some(SyncEvent::Accounted(account))
            }
            SyncCommand::Collect => {
                self.collect();
                None
            }
            SyncCommand::Survey => {
                self.means.watch.does("confirming to central");
                let survey = Survey {
                    // What clients of the gateway said is worth telling, but no run fails for it.
                    clients: super::clients::confirmations(&self.means.vault).unwrap_or_default(),
                    ..survey::take(self.means.vault.state())
                };
                Some(SyncEvent::Surveyed(survey, self.connection()))
            }
            SyncCommand::Told(clients) => {
                if let Err(trouble) = super::clients::forget(&self.means.vault, &clients) {
                    tracing::warn!(code = %trouble.code, "{trouble}");
                }
                None
            }
            SyncCommand::Closed(sync_id) => {
                self.means.tracer.with(|trace| trace.told(sync_id));
                // Without it central is told once more, which does no harm.
                let _ = self.means.tracer.write();
                None
            }
            SyncCommand::End(_) => None,
        }
    }

    fn wanted(&self, delivery: String, changed: bool) -> WantedPackage {
        let name = self.name(&delivery);
        let rows = self.edition.types.get(&EntityType::Delivery);
        let row = rows.and_then(|rows| rows.get(&name));
        let entity = row.map(|row| row.checksum);
        let downloads = self.means.downloads.borrow();
        WantedPackage {
            left: left(&downloads.link().packages, &delivery, entity),
            entity,
            delivery,
            changed,
        }
    }

    fn connection(&self) -> ConnectionStats {
        survey::connection(&self.means.uplink.meter().since(&self.means.before))
    }
}

/// How long a run that was told to end waits for central to hear of it: its process is killed soon after.
const LAST_WORD: Duration = Duration::from_secs(2);

async fn elapsed(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn reached(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The store's own keyed hash of an id.
pub(super) fn hash(vault: &Vault) -> logic::sync::Hash {
    let keys = vault.keys().clone();
    Rc::new(move |kind, id| keys.name(kind.word(), id))
}

fn doing(call: &str) -> &'static str {
    match call {
        "versions" => "asking central for its versions",
        "checksums" => "comparing the catalogue",
        "details" | "classes" => "bringing the catalogue",
        "public_key" => "asking central for its public key",
        "speed" => "measuring the link",
        _ => "talking to central",
    }
}
