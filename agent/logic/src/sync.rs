//! One synchronisation as a machine: which call, which write, which wait comes next (design 3).
//! Never sends, stores or reads a clock: commands go out, events come in, time is an argument.
//! Called by `engine`, which executes the commands, and by the virtual world of the tests.

mod attempt;
mod batch;
mod catalogue;
mod closing;
mod confirm;
mod lanes;
mod read_ahead;

use std::collections::VecDeque;
use std::time::Duration;

use crate::api::{Answered, Call, answer};
use crate::entity::{Entity, EntityType};
use crate::fault::{Code, Fault};
use crate::gateway::confirm::Confirmation;
use crate::guard::Memory;
use crate::manifest::HeldRows;
use crate::package_lane::PackageAccount;
use crate::report::{OwedCount, Report, Survey};
use crate::retry::Refusals;
use crate::schedule::RunStage;
use crate::seal::NameHash;
use crate::small_map::SmallMap;
use crate::trace::Ended;
use crate::words::{Now, Outcome, SyncParams};

use attempt::Pending;
use catalogue::CatalogueLane;

/// What this run is to do and what it knows before it begins.
#[derive(Clone)]
pub struct SyncPlan {
    /// Parameters of every call.
    pub params: SyncParams,
    /// The types to compare, in order; empty when only results are sent.
    pub types: Vec<EntityType>,
    /// Whether packages are brought home.
    pub packages: bool,
    /// Whether what the box owes is sent.
    pub owed: bool,
    /// Whether the catalogue waits for the first turn of that.
    pub owed_first: bool,
    /// Most ids in one call for details.
    pub batch: usize,
    /// Whether the link is measured with central's own speed check when nothing else was transferred.
    pub measure: bool,
    /// Somebody waits: an unreachable central is given up after `ASKED_TIMEOUT`.
    pub asked: bool,
    /// `--allow-deletes`.
    pub allow_deletes: bool,
    /// Share of a type that may be hidden unasked within a day of running time, inclusive.
    pub delete_limit: f64,
    /// How many detail calls may be under way at once.
    pub lanes: usize,
    /// How many pages of one long list may be under way at once; 1: each is asked for when the one before has come.
    pub pages: usize,
    /// What the guard of deletions remembers, by type.
    pub memory: SmallMap<EntityType, Memory>,
    /// Seconds that this box has been running, over all its boots, when the run begins.
    pub running: u64,
    /// Keyed hash of an id, as the store computes it.
    pub hash: Hash,
    /// Earlier runs of whose end central is to be told.
    pub untold: Vec<Ended>,
    /// How long the pass waits for packages before it counts them as waiting; `None`: as long as a package comes.
    pub patience: Option<Duration>,
    /// From one pass to the next: what is owed is not to wait longer, however long this pass takes.
    pub interval: Duration,
    /// Seed of the jitter.
    pub random: u64,
}

/// Keyed hash of an id of a type.
pub type Hash = std::rc::Rc<dyn Fn(EntityType, &str) -> NameHash>;

/// A run that was asked for gives up a central from which nothing comes for this time (design 3).
pub const ASKED_TIMEOUT: Duration = Duration::from_secs(50);

/// Names one call under way.
pub type SyncTicket = u64;

/// What the engine is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum SyncCommand {
    /// Send a call; its answer comes back as `SyncEvent::Answered` with the same ticket.
    Ask(SyncTicket, Call),
    /// Read the index of one type: `SyncEvent::Indexed`.
    Index(EntityType),
    /// Seal and write entities of one type into the coming generation: `SyncEvent::Staged`.
    Stage(EntityType, Vec<Entity>),
    /// The same for classes.
    StageClasses(Vec<Entity>),
    /// Which of these classes are unknown to the store: `SyncEvent::Unknown`.
    Classes(EntityType, Vec<String>),
    /// Make the run visible as one generation: `SyncEvent::Published`.
    Publish(Publication),
    /// Ask central for its public key, beside everything else (protocol 13.5): whoever sends what is owed waits for it.
    PublicKey,
    /// Send what the box owes until nothing more can be done in this run: `SyncEvent::Owed`. The text is what is known of
    /// central's version: when it changes, what was refused is tried again.
    Owed(String),
    /// Packages are wanted; the lane of packages brings them: `SyncEvent::Lane` when it comes to a stand or goes on.
    Wanted {
        /// URIs, each with whether the delivery changed: then a held package is compared with central's again.
        deliveries: Vec<(String, bool)>,
        /// These and no others; otherwise central's list was not read to its end.
        whole: bool,
    },
    /// What has become of the packages: `SyncEvent::Accounted`.
    Account,
    /// Remove packages that no delivery names any more, neither a shown nor a hidden one.
    Collect,
    /// Measure disk and store for the client state: `SyncEvent::Surveyed`.
    Survey,
    /// Central was told what these clients confirmed: they are not told again.
    Told(Vec<Confirmation>),
    /// Central knows of the end of the earlier run with this number.
    Closed(u64),
    /// The run is over.
    End(Box<Report>),
}

/// What becomes visible at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publication {
    /// By type: what was staged and is to be shown, what is shown again, what is to be hidden.
    pub changes: SmallMap<EntityType, CatalogueChange>,
    /// What the guard of deletions remembers for the next run.
    pub memory: SmallMap<EntityType, Memory>,
    /// Seconds of running time: when what is hidden now was hidden.
    pub running: u64,
    /// Whether every list of all types was read to its end.
    pub complete: bool,
    /// Whether the whole catalogue is published at all (false: only the guard's memory is kept).
    pub visible: bool,
}

/// What becomes visible of one type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CatalogueChange {
    /// Staged entities to show.
    pub put: Vec<NameHash>,
    /// Hidden entities to show again as they were.
    pub restore: Vec<NameHash>,
    /// Shown entities to hide; they are kept for a while.
    pub hide: Vec<NameHash>,
}

impl CatalogueChange {
    /// Whether readers see a difference.
    pub fn is_some(&self) -> bool {
        !(self.put.is_empty() && self.restore.is_empty() && self.hide.is_empty())
    }
}

/// What the engine reports.
#[derive(Debug)]
pub enum SyncEvent {
    /// A call was answered, or failed before there was an answer.
    Answered(SyncTicket, Answered),
    /// The index of one type.
    Indexed(EntityType, HeldRows),
    /// Entities were written.
    Staged(Result<(), Fault>),
    /// Classes that the store does not hold.
    Unknown(EntityType, Vec<String>),
    /// The generation is visible.
    Published(Result<(), Fault>),
    /// The spool was worked through: what was done and left, and everything that a person should know.
    Owed(OwedCount, Vec<Fault>),
    /// The lane of packages has come to a stand (all brought, or held up by more than time), or goes on.
    Lane {
        /// A package is coming.
        active: bool,
    },
    /// What has become of the packages since the last account.
    Accounted(PackageAccount),
    /// The pass is to wait for packages no longer.
    Close,
    /// Disk and store as they are, and the link as this run met it.
    Surveyed(Survey, crate::report::ConnectionStats),
    /// Bytes of central have come, though no whole answer: who asked waits on.
    Heard,
    /// Somebody waits for this run from now on: no wait is kept any longer, and before the first answer every call
    /// under way is made anew.
    Asked {
        /// Also until the packages have come.
        packages: bool,
    },
    /// Time has passed: a wait may be over.
    Woken,
    /// The process is to end: central is told, and nothing else is begun.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Versions,
    /// What is owed beside the catalogue.
    Lanes,
    /// Both are done, and packages may still come soon.
    Packages,
    Account,
    Measure,
    /// It was stopped, and what is owed comes to an end of its own.
    Stopping,
    Confirm,
    Ended,
}

/// Why a call was made: where its answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CallPurpose {
    Versions,
    Page(EntityType),
    /// A page of the open list that no page has named yet, by its offset.
    Ahead(EntityType, usize),
    Details(EntityType, Vec<String>),
    Classes(EntityType, Vec<String>),
    Upload,
    Download,
    Finished {
        with_state: bool,
    },
    Failed,
    Closing(u64),
}

/// The machine of one run.
pub struct SyncMachine {
    plan: SyncPlan,
    began: Now,
    phase: Phase,
    report: Report,
    survey: Survey,
    out: VecDeque<SyncCommand>,
    /// Calls under way, by ticket.
    pending: SmallMap<SyncTicket, Pending>,
    /// Calls that wait for their next attempt.
    waiting: Vec<(Now, Pending)>,
    tickets: SyncTicket,
    catalogue: CatalogueLane,
    catalogue_done: bool,
    owed: lanes::OwedProgress,
    packages: lanes::PackagesProgress,
    /// Central gave an answer that is of use: it can be reached.
    reached: bool,
    /// When something of use came from central last; the begin of the run before that.
    heard: Now,
    /// Central has answered since with a failure of its own: bytes alone are of no use then.
    sick: bool,
    /// Central names times to come back: how many others it refuses.
    refusals: Refusals,
    /// The proxy, where the last call came no further.
    held_up: Option<Fault>,
    /// The trouble that ended the run early.
    stopped: Option<Fault>,
    /// The versions that central supports, as one text.
    central: String,
    /// Calls with the number of this run were made: central may keep it as under way.
    begun: bool,
    /// Central took the confirmation.
    confirmed: bool,
}

impl SyncMachine {
    /// Begins a run.
    pub fn new(plan: SyncPlan, now: Now) -> Self {
        let report = Report::new(&plan.params, now.wall);
        let mut sync = Self {
            began: now,
            catalogue: CatalogueLane::new(&plan, now),
            plan,
            phase: Phase::Versions,
            report,
            survey: Survey::default(),
            out: VecDeque::new(),
            pending: SmallMap::new(),
            waiting: Vec::new(),
            tickets: 0,
            catalogue_done: false,
            owed: lanes::OwedProgress::default(),
            packages: lanes::PackagesProgress::default(),
            reached: false,
            heard: now,
            sick: false,
            refusals: Refusals::default(),
            held_up: None,
            stopped: None,
            central: String::new(),
            begun: false,
            confirmed: false,
        };
        sync.ask(CallPurpose::Versions, Call::versions());
        sync
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "a machine is no iterator: it goes on after `None`"
    )]
    /// The next thing to do; `None` until the next event or until `due`.
    pub fn next(&mut self) -> Option<SyncCommand> {
        self.out.pop_front()
    }

    /// When the machine wants to be woken without an event, and why.
    pub fn due(&self) -> Option<(Now, &'static str)> {
        let retry = self
            .waiting
            .iter()
            .map(|(at, _)| *at)
            .min()
            .map(|at| (at, "the next attempt"));
        let patience = self.waits_for_central().then(|| {
            (
                self.heard.after(ASKED_TIMEOUT),
                "giving up an unreachable central",
            )
        });
        [retry, patience, self.owed_due(), self.packages_due()]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| at.mono)
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: SyncEvent, now: Now) {
        if self.phase == Phase::Ended {
            return;
        }
        let waited = self.waits_for_central();
        match event {
            SyncEvent::Answered(ticket, answered) => self.answered(ticket, answered, now),
            SyncEvent::Lane { active } => self.lane(active),
            // One that comes while central is told of this run's end changes nothing.
            SyncEvent::Accounted(_) if self.phase != Phase::Account => {}
            SyncEvent::Accounted(account) => self.accounted(account),
            SyncEvent::Close => self.close(),
            SyncEvent::Owed(count, told) => self.owed(count, told),
            SyncEvent::Surveyed(survey, connection) => self.surveyed(survey, connection),
            SyncEvent::Heard if self.sick => {}
            SyncEvent::Heard => self.heard = now,
            SyncEvent::Asked { packages } => self.asked(packages, now),
            SyncEvent::Woken => self.woken(now),
            SyncEvent::Stopped => self.told_to_end(),
            SyncEvent::Indexed(kind, held) => self.indexed(kind, held, now),
            SyncEvent::Staged(result) => self.staged(result),
            SyncEvent::Unknown(kind, classes) => self.unknown(kind, classes),
            SyncEvent::Published(result) => self.published(result),
        }
        if self.phase == Phase::Lanes && !self.catalogue_done {
            self.advance_catalogue(now);
        }
        self.advance_lanes(now);
        if !waited && self.waits_for_central() {
            self.heard = now;
        }
        // The first answer of a run may tell another time than the box had when it began.
        let took = now.mono.saturating_sub(self.began.mono).as_secs();
        self.report.finished_at = now.wall;
        self.report.started_at = now
            .wall
            .saturating_sub(i64::try_from(took).unwrap_or(i64::MAX));
    }

    /// The account so far, for progress and status.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How far the pass is, as far as another one depends on it.
    pub fn stage(&self) -> RunStage {
        match self.phase {
            _ if !self.reached => RunStage::Asking,
            Phase::Packages => RunStage::Packages,
            _ => RunStage::Comparing,
        }
    }

    fn settle(&mut self, purpose: CallPurpose, answered: Answered, now: Now) {
        match purpose {
            CallPurpose::Versions => self.versions(answered, now),
            CallPurpose::Page(kind) => self.page(kind, answered, now),
            CallPurpose::Ahead(kind, offset) => self.page_ahead(kind, offset, answered, now),
            CallPurpose::Details(kind, ids) => self.details(kind, ids, answered),
            CallPurpose::Classes(kind, classes) => self.classes(kind, classes, answered),
            CallPurpose::Upload => self.ask(CallPurpose::Download, Call::speed_download(now.wall)),
            CallPurpose::Download => self.begin_confirm(),
            CallPurpose::Finished { with_state } => self.confirmed(with_state, answered),
            CallPurpose::Failed => self.failed(answered),
            CallPurpose::Closing(sync_id) => self.closed(sync_id, answered),
        }
    }

    /// Preflight: the VM version of this box must be in central's list (design 3).
    fn versions(&mut self, answered: Answered, now: Now) {
        let versions = answered.and_then(|reply| answer::versions(&reply));
        let own = &self.plan.params.tao_version;
        match versions.and_then(|versions| answer::supports(&versions, own).map(|()| versions)) {
            Err(trouble) => self.stop(trouble),
            Ok(versions) => {
                self.central = versions.join(", ");
                self.begin_lanes(now);
            }
        }
    }

    /// Central's own speed check only when the run itself measured nothing (issue: no dummy traffic on a thin link).
    fn begin_measure(&mut self) {
        self.phase = Phase::Measure;
        let packages = &self.report.packages;
        let under_way = packages.waiting > 0 && packages.waiting_for.is_none();
        let measured =
            under_way || packages.bytes_on_wire > 0 || self.report.results.acknowledged > 0;
        if self.plan.measure && !measured {
            self.ask(CallPurpose::Upload, Call::speed_upload(1 << 20));
        } else {
            self.begin_confirm();
        }
    }

    /// Ends the run early: calls under way are forgotten, central is told if it can be reached.
    fn stop(&mut self, trouble: Fault) {
        if self.stopped.is_some() {
            return;
        }
        self.report.stop(&trouble);
        self.stopped = Some(trouble);
        self.pending.clear();
        self.waiting.clear();
        let unsent = |command: &SyncCommand| matches!(command, SyncCommand::Owed(_));
        self.owed.under_way &= !self.out.iter().any(unsent);
        self.out.clear();
        // What is owed and on its way is not left in doubt: it is waited for, which `ASKED_TIMEOUT` bounds.
        if self.owed.under_way {
            self.phase = Phase::Stopping;
        } else {
            self.begin_confirm();
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.pending.clear();
        self.waiting.clear();
        self.out
            .push_back(SyncCommand::End(Box::new(self.report.clone())));
    }
}

/// Whether nothing more can be had from central in this run: it cannot be reached, or will not know this box.
fn ends_run(trouble: &Fault) -> bool {
    matches!(
        trouble.outcome,
        Outcome::Offline | Outcome::Unauthorized | Outcome::Unsupported
    ) || trouble.code == Code::CentralMaintenance
}
