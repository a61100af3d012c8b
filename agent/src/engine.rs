//! The box at work: opens the state, speaks to central, brings one synchronization to its end.
//! Never holds the store while it is idle, and never runs twice at a time on one state folder.
//! Called by `cli` and by the daemon's worker.

pub mod clients;
pub mod content;
pub mod exam;
pub mod orders;
pub mod progress;
pub mod rate;
pub mod survey;
pub mod versions;

mod checker;
mod credentials;
mod death;
mod download;
mod downloads;
mod encryption;
mod enrol;
mod incoming;
mod line;
mod link;
mod owed;
mod run;
mod session;
mod trace;
mod twins;
mod unkept;
mod who;
mod wipe;

pub use credentials::StoredCredentials;
pub use line::{in_force, line, secret_file, secret_line};
pub use session::{PackageLaneState, PassOrder, SyncSession};
pub use wipe::{no_daemon, owed, wipe};

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use logic::entity::EntityType;
use logic::fault::{Code, ConfigCause, EnrolCause, Fault};
use logic::guard::Memory;
use logic::health::standing::is_of_other;
use logic::identity::{self, BoxIdentity, Enrolment};
use logic::package::estimate::PackageRate;
use logic::package_lane::Waiting;
use logic::report::{KeptReport, Report};
use logic::schedule::Errand;
use logic::settings::Settings;
use logic::spool;
use logic::sync::SyncPlan;
use logic::words::SyncParams;
use tokio::sync::{Notify, mpsc};

use system::clock;
use system::journal::event;
use system::own;
use system::root::Root;
use uplink::{self, Credentials, Secret, Uplink};
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::history::History;
use vault::index::{IndexStore, Probed};
use vault::spool::Spool;
use vault::{Vault, random};

use encryption::KeyRequest;
use owed::Pass;
use progress::RunWatch;
use run::{ActiveRun, RunResources};
use session::{PassOrders, SessionState};
use trace::Tracer;
use unkept::{Unkept, Unmarked};

/// What one synchronization is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Only these types; empty: all.
    pub types: Vec<EntityType>,
    /// Catalogue and packages.
    pub data: bool,
    /// Results, logs and sessions.
    pub results: bool,
    /// A person has seen the deletions that were held back.
    pub allow_deletes: bool,
    /// Somebody waits for it: an unreachable central is given up soon.
    pub asked: bool,
    /// What is owed may have been sent by another state of this folder: it is asked for before it is sent.
    pub probe_first: bool,
    /// The highest number of a run that the daemon has seen; 0 without one.
    pub seen: u64,
    /// Packages come at once, windows or not.
    pub now: bool,
    /// Whoever asked does not wait for packages.
    pub no_wait: bool,
}

impl Request {
    /// What an errand asks for.
    pub fn of(errand: Errand, asked: bool) -> Self {
        Self {
            types: errand.types,
            data: errand.data,
            results: errand.results,
            allow_deletes: errand.allow_deletes,
            asked,
            now: errand.now,
            no_wait: errand.no_wait,
            ..Self::default()
        }
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            data: true,
            results: true,
            allow_deletes: false,
            asked: true,
            probe_first: true,
            seen: 0,
            now: false,
            no_wait: false,
        }
    }
}

/// Pages of the list of test takers that are under way at once at most; central's answers tell how many it bears.
pub(crate) const PAGES_AT_ONCE: usize = 8;
/// How long a second process waits for the first one's lock before it says who holds it.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// A pass that nobody waits for gives packages that come soon this long, and a quarter of an interval at most.
const PACKAGES_GRACE: Duration = Duration::from_secs(10);
/// Whoever does not wait for packages is told what holds them up: that shows within this.
const PACKAGES_BEGIN: Duration = Duration::from_secs(1);
/// How long the store may be in another process's hands.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// The opened box.
pub struct Engine {
    root: Root,
    settings: Settings,
    vault: Vault,
}

impl Engine {
    /// Opens the state folder.
    ///
    /// # Errors
    /// What `Vault::open` says.
    pub fn open(root: &Root, settings: Settings) -> Result<Self, Fault> {
        Ok(Self {
            root: root.clone(),
            settings,
            vault: Vault::open(root)?,
        })
    }

    /// The open state folder.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The configuration in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What enrolment brought, if the box is enrolled.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, Fault> {
        self.vault.home_entry("credentials").get()
    }

    /// VM version of the box.
    ///
    /// # Errors
    /// `config.no_version`.
    pub fn version(&self) -> Result<String, Fault> {
        version(&self.root, &self.settings)
    }

    /// The organisation of the box.
    ///
    /// # Errors
    /// `config.no_organisation`.
    pub fn organisation(&self) -> Result<String, Fault> {
        identity::organisation(
            self.settings.this_box.organisation_id.as_deref(),
            self.enrolment()?.as_ref(),
        )
    }

    /// The account of the last run.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn last(&self) -> Result<Option<Report>, Fault> {
        let kept = self.vault.home_entry("last").get::<KeptReport>()?;
        Ok(kept.map(Report::from))
    }

    /// The numbered runs, newest first; also while a run is under way. Before an updated boxsync has run for the first
    /// time, the last one alone.
    ///
    /// # Errors
    /// What the file system says, `store.damaged`.
    pub fn history(&self, most: usize) -> Result<Vec<Report>, Fault> {
        let history = History::of(&self.vault);
        match history.exists() {
            true => history.newest(most),
            false => Ok(self.last()?.into_iter().take(most).collect()),
        }
    }

    /// One synchronization, from the token to the confirmation, and the packages as far as they are waited for.
    pub async fn synchronize(&self, request: &Request, watch: &RunWatch) -> Report {
        let (_orders, mut none) = mpsc::unbounded_channel();
        let mut session = SyncSession::new(self, watch);
        session.pass(request, &mut none).await
    }

    /// One pass within a session. Whatever happens, there is an account of it.
    async fn pass(
        &self,
        session: &mut SessionState,
        request: &Request,
        orders: &mut PassOrders,
    ) -> Report {
        let begun = clock::now().wall;
        let mut params = SyncParams {
            organisation_id: self
                .settings
                .this_box
                .organisation_id
                .clone()
                .unwrap_or_default(),
            sync_id: 0,
            box_id: String::new(),
            tao_version: self
                .settings
                .this_box
                .tao_version
                .clone()
                .unwrap_or_default(),
        };
        let ended = self.run(session, request, orders, &mut params).await;
        self.keep_time();
        match ended {
            Ok(report) => report,
            Err(trouble) => {
                let mut report = Report::new(&params, begun);
                report.stop(&trouble);
                report
            }
        }
    }

    async fn run(
        &self,
        session: &mut SessionState,
        request: &Request,
        orders: &mut PassOrders,
        params: &mut SyncParams,
    ) -> Result<Report, Fault> {
        let lock = session.lock(&self.root)?;
        let mut identity = self.settled(lock)?;
        params.box_id.clone_from(&identity.box_id);
        params.sync_id = identity.sync_id;
        let enrolment = self.enrolment()?.ok_or_else(not_enrolled)?;
        params.organisation_id = self.organisation()?;
        params.tao_version = self.version()?;
        let line = session.line(self, &enrolment, &identity)?;
        let uplink = line.uplink.clone();
        let catalogue = CatalogueStore::open(&self.vault)?;
        let mut edition = self.edition(&catalogue)?;
        if edition.organisation_id != params.organisation_id {
            self.belongs_elsewhere(&edition, params)?;
            edition.organisation_id.clone_from(&params.organisation_id);
        }
        let mut unkept = Unkept::default();
        let index = unkept.or(self.store().map(Some), None)?;
        let measured = self.history(200);
        let measured = unkept.or(measured, Vec::new())?;
        let measured = measured
            .iter()
            .any(|report| is_recent_measure(report, clock::now().wall));
        let tracer = Tracer::open(&self.vault, &mut unkept)?;
        self.look_back(&tracer, &identity, request, &mut unkept)?;
        identity.sync_id = self
            .next_number(&tracer, &identity, request, &uplink)
            .await?;
        let before = params.sync_id;
        params.sync_id = identity.sync_id;
        let request = &Request {
            // Without the store there is nothing to compare the catalogue with.
            data: request.data && index.is_some(),
            ..request.clone()
        };
        let mut plan = self.plan(request, params, std::mem::take(&mut edition.memory));
        plan.measure &= !measured;
        plan.untold = tracer.with(|trace| trace.untold.clone());
        line.wants(request.now, request.asked);
        let mut means = RunResources {
            root: self.root.clone(),
            keep_deleted: self.settings.sync.keep_deleted,
            sending: self.sending(
                request,
                &uplink,
                params,
                &tracer,
                &line.watch,
                KeyRequest::new(
                    &self.vault,
                    encryption::application_key(&catalogue, &edition),
                ),
            )?,
            vault: self.vault.clone(),
            before: uplink.meter(),
            uplink: uplink.clone(),
            catalogue,
            downloads: line.downloads.clone(),
            watch: line.watch.clone(),
            tracer: tracer.clone(),
        };
        // The number and the run are durable before central sees them: after a power cut the one is not used again, and
        // the other is not forgotten. Nothing may fail between this and the account.
        let begun = tracer.begin(&identity, trace::begun(request, params));
        let mut numbered = unkept.or(begun.map(|()| true), false)?;
        numbered = numbered || tracer.number(&identity).is_ok();
        if !numbered {
            // What is owed leaves all the same, without a number that another run would have, too.
            (plan.params.sync_id, means.sending.1.params.sync_id) = (0, 0);
        }
        let run = ActiveRun::new(means, index, edition, &plan);
        let (mut report, run) = run.drive(plan, orders).await;
        if !numbered {
            report.sync_id = before;
        }
        let unkept = unkept.told();
        unkept.iter().for_each(|trouble| report.find_once(trouble));
        report.skew = uplink.heard().map(|_| clock::now().wall - clock::system());
        self.look_at_tokens(&tracer, &uplink);
        let remembered = self.remember(run.index, &report, numbered);
        // A full disk at the end takes nothing from the account of the run.
        let closed = tracer.end(&report, run.untold);
        for trouble in [remembered, closed].into_iter().filter_map(Result::err) {
            report.find(&trouble);
        }
        Ok(report)
    }

    /// What is shown now. A damaged edition cannot be read by anyone: it is kept aside, and the run brings a new one.
    fn edition(&self, catalogue: &CatalogueStore) -> Result<CatalogueRevision, Fault> {
        match catalogue.edition() {
            Err(trouble) if trouble.code == Code::StoreDamaged => {
                let aside = catalogue.set_aside(&self.vault)?;
                tracing::warn!(
                    message_id = event::STORE_REBUILT.id,
                    code = %event::STORE_REBUILT.code,
                    "{trouble}: moved to {}, the catalogue is brought anew",
                    aside.display()
                );
                Ok(CatalogueRevision::default())
            }
            edition => edition,
        }
    }

    /// A catalogue of another organisation is not overwritten by a changed configuration: a person decides.
    fn belongs_elsewhere(
        &self,
        edition: &CatalogueRevision,
        params: &SyncParams,
    ) -> Result<(), Fault> {
        let holds = EntityType::ALL.iter().any(|kind| edition.count(*kind) > 0);
        if !holds || !is_of_other(&edition.organisation_id, &params.organisation_id) {
            return Ok(());
        }
        let cause = ConfigCause::OtherOrganisation {
            held: edition.organisation_id.clone(),
            own: params.organisation_id.clone(),
        };
        Err(Fault::new(Code::CatalogueOtherOrganisation, cause))
    }

    fn plan(
        &self,
        request: &Request,
        params: &SyncParams,
        memory: BTreeMap<EntityType, Memory>,
    ) -> SyncPlan {
        let all = request.types.is_empty();
        let types = EntityType::ALL
            .into_iter()
            .filter(|kind| all || request.types.contains(kind));
        SyncPlan {
            params: params.clone(),
            types: if request.data {
                types.collect()
            } else {
                Vec::new()
            },
            packages: request.data && (all || request.types.contains(&EntityType::Delivery)),
            owed: request.results,
            measure: self.settings.sync.measure && request.data && all,
            asked: request.asked,
            allow_deletes: request.allow_deletes,
            delete_limit: self.settings.sync.delete_limit,
            lanes: usize::from(self.settings.sync.lanes),
            pages: PAGES_AT_ONCE,
            memory,
            running: self.vault.running(),
            patience: match (request.asked, request.no_wait) {
                (true, false) => None,
                (true, true) => Some(PACKAGES_BEGIN),
                (false, _) => Some(PACKAGES_GRACE.min(self.settings.sync.interval / 4)),
            },
            interval: self.settings.sync.interval,
            hash: run::hash(&self.vault),
            untold: Vec::new(),
            random: u64::from_le_bytes(random()),
        }
    }

    /// How what is owed goes home in this run.
    fn sending(
        &self,
        request: &Request,
        uplink: &Uplink,
        params: &SyncParams,
        tracer: &Rc<Tracer>,
        watch: &RunWatch,
        encryption: KeyRequest,
    ) -> Result<(Rc<Pass>, spool::SpoolPlan), Fault> {
        // What was home when the folder was put back may be submitted again with more at any time: it is asked for first
        // from then on.
        let was_restored = tracer.with(|trace| trace.restored.is_some());
        let restored = tracer.with(|trace| trace.is_probing());
        let results = &self.settings.results;
        let probe = self.vault.entry("probe");
        let unmarked = Unmarked::of(&self.root);
        let plan = spool::SpoolPlan {
            chunk: usize::from(results.chunk_size),
            lti_users: results.lti_users,
            settle: results.settle,
            refuse_after: results.refuse_after,
            // Whoever asked waits for what is settled within this run; an interval's run leaves it to the next one.
            lingers: request.asked,
            asked: request.asked,
            probe: probe.get_or_set_aside().ok().flatten().unwrap_or(true),
            probe_first: request.probe_first || was_restored,
            restored,
            unmarked: unmarked.until(results.settle, clock::now()),
            encrypted: encryption.is_keyed(),
            ..spool::SpoolPlan::new(params.clone(), String::new(), u64::from_le_bytes(random()))
        };
        let pass = Pass {
            spool: Spool::open(&self.vault)?,
            uplink: uplink.clone(),
            forget: results.delete_after_send,
            probe,
            tracer: tracer.clone(),
            watch: watch.clone(),
            asked: Notify::new(),
            unmarked,
            encryption,
        };
        Ok((Rc::new(pass), plan))
    }

    /// The history is of numbered runs.
    fn remember(
        &self,
        index: Option<IndexStore>,
        report: &Report,
        numbered: bool,
    ) -> Result<(), Fault> {
        self.vault
            .home_entry("last")
            .put(&KeptReport::from(report))?;
        self.wait_for_packages(report)?;
        if numbered {
            History::of(&self.vault).append(report)?;
        }
        index.map_or(Ok(()), IndexStore::close)
    }

    /// Keeps what packages wait for, for `status`, which has no run to ask.
    fn wait_for_packages(&self, report: &Report) -> Result<(), Fault> {
        let entry = self.vault.home_entry("waiting");
        match report.packages.waiting_for {
            waiting @ Some(_) if self.kept_waiting() != waiting => entry.put(&waiting),
            None if self.kept_waiting().is_some() => entry.remove(),
            _ => Ok(()),
        }
    }

    /// What packages waited for when the last run ended; a note that does not open is as good as none. A pause counts as
    /// long as it lasts.
    pub fn waiting(&self) -> Option<Waiting> {
        let kept = self.kept_waiting();
        orders::kept(&self.vault).waiting(kept, clock::uptime(), clock::now().wall)
    }

    /// The rate at which packages come now.
    pub fn package_rate(&self) -> Option<PackageRate> {
        rate::measured(&self.root)
    }

    fn kept_waiting(&self) -> Option<Waiting> {
        self.vault
            .home_entry("waiting")
            .get()
            .ok()
            .flatten()
            .flatten()
    }

    fn store(&self) -> Result<IndexStore, Fault> {
        let index = IndexStore::open(&self.vault, STORE_PATIENCE, &opens_in_a_child)?;
        if let Some(told) = &index.rebuilt {
            let message_id = event::STORE_REBUILT.id;
            tracing::warn!(message_id, code = %Code::StoreRebuilt, "{told}");
        }
        // An older boxsync kept history and feed in the store: the feed begins a new epoch.
        if index.has_old() {
            let history = History::of(&self.vault);
            if !history.exists() {
                history.adopt(&index.old_history()?)?;
            }
            index.forget_old()?;
        }
        Ok(index)
    }

    /// Writes down running time and what was heard of the time, where it can be written.
    pub fn keep_time(&self) {
        if let Err(trouble) = self.vault.keep_time() {
            tracing::debug!(code = %trouble.code, "{trouble}");
        }
    }

    /// The line to central, with the credentials of the box or without any (for the handshake).
    ///
    /// # Errors
    /// `config.no_url`, or a CA file or proxy password that cannot be read.
    pub fn uplink(&self, who: Option<(&Enrolment, &BoxIdentity)>) -> Result<Uplink, Fault> {
        let box_id = who.map(|(_, identity)| identity.box_id.clone());
        let line = line(&self.settings, box_id.unwrap_or_default())?;
        Self::over(line, who)
    }

    /// The same over a line that was prepared; its box id counts.
    ///
    /// # Errors
    /// As `Uplink::new`.
    pub fn over(
        line: uplink::UplinkConfig,
        who: Option<(&Enrolment, &BoxIdentity)>,
    ) -> Result<Uplink, Fault> {
        let credentials = who.map(|(enrolment, _)| Credentials {
            key: enrolment.key.clone(),
            secret: Secret::new(enrolment.secret.clone()),
            token_url: enrolment.token_url.clone(),
        });
        Uplink::new(line, credentials)
    }
}

/// The VM version, also of a box that was never opened.
///
/// # Errors
/// `config.no_version`.
pub fn version(root: &Root, settings: &Settings) -> Result<String, Fault> {
    let release = fs::read_to_string(root.os_release()).unwrap_or_default();
    identity::version(settings.this_box.tao_version.as_deref(), &release)
}

/// Central's own speed check moves 2 MiB: once a day is enough for a link that carries nothing else.
fn is_recent_measure(report: &Report, now: i64) -> bool {
    const DAY: i64 = 24 * 60 * 60;
    report.connection.download_mbit_s > 0.0 && (0..DAY).contains(&(now - report.started_at))
}

fn not_enrolled() -> Fault {
    Fault::new(Code::AuthNotEnrolled, EnrolCause::NotEnrolled)
}

/// Opens a doubtful store in a child process first: a damaged sled may panic, which then ends the child.
fn opens_in_a_child(path: &Path) -> Probed {
    let child = own::command("probe-store")
        .arg(path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    child.map_or(Probed::Unreadable, Probed::of)
}
