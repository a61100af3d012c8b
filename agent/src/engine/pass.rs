//! One pass from the lock to the account: what the machine is given, its number, and what is kept of its end.
//! Never lets central see a number that is not durable.
//! Called by `engine/session`.

use std::rc::Rc;
use std::time::Duration;

use logic::entity::EntityType;
use logic::fault::{Code, ConfigCause, EnrolCause, Fault};
use logic::guard::Memory;
use logic::health::standing::is_of_other;
use logic::report::{KeptReport, Report};
use logic::settings::SyncStep;
use logic::small_map::SmallMap;
use logic::spool;
use logic::sync::SyncPlan;
use logic::words::SyncParams;
use tokio::sync::Notify;

use super::encryption::{self, KeyRequest};
use super::owed::Pass;
use super::progress::RunWatch;
use super::run::{self, ActiveRun, RunResources};
use super::session::{PassOrders, SessionState};
use super::trace::{self, Tracer};
use super::unkept::{Unkept, Unmarked};
use super::{Engine, Request};
use system::clock;
use system::journal::event;
use uplink::Uplink;
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::history::History;
use vault::index::IndexStore;
use vault::random;
use vault::spool::Spool;

/// Pages of the list of test takers that are under way at once at most; central's answers tell how many it bears.
pub(crate) const PAGES_AT_ONCE: usize = 8;

/// A pass that nobody waits for gives packages that come soon this long, and a quarter of an interval at most.
const PACKAGES_GRACE: Duration = Duration::from_secs(10);

/// Whoever does not wait for packages is told what holds them up: that shows within this.
const PACKAGES_BEGIN: Duration = Duration::from_secs(1);

impl Engine {
    /// The account of a run that cannot begin.
    pub(super) fn unbegun(&self, trouble: &Fault) -> Report {
        let mut report = Report::new(&self.unnumbered(), clock::now().wall);
        report.stop(trouble);
        report
    }

    /// What is known of the parameters of a run before the box is looked at.
    fn unnumbered(&self) -> SyncParams {
        let this_box = &self.settings.this_box;
        SyncParams {
            organisation_id: this_box.organisation_id.clone().unwrap_or_default(),
            sync_id: 0,
            box_id: String::new(),
            tao_version: this_box.tao_version.clone().unwrap_or_default(),
        }
    }

    /// The parameters of a question to central that is asked outside of runs.
    ///
    /// # Errors
    /// `config.no_organisation`, `config.no_version`, or what the state folder says.
    pub(super) fn params_without_run(&self, box_id: &str) -> Result<SyncParams, Fault> {
        Ok(SyncParams {
            organisation_id: self.organisation()?,
            sync_id: 0,
            box_id: box_id.to_owned(),
            tao_version: self.version()?,
        })
    }

    /// One pass within a session. Whatever happens, there is an account of it.
    pub(super) async fn pass(
        &self,
        session: &mut SessionState,
        request: &Request,
        orders: &mut PassOrders,
    ) -> Report {
        let begun = clock::now().wall;
        let mut params = self.unnumbered();
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
        let mut identity = self.settled(&lock)?;
        params.box_id.clone_from(&identity.box_id);
        params.sync_id = identity.sync_id;
        let stick = session.stick();
        let enrolment = match &stick {
            Some(stick) => stick.enrolment(),
            None => self.enrolment()?.ok_or_else(not_enrolled)?,
        };
        params.organisation_id = match &stick {
            Some(stick) => stick.organisation().to_owned(),
            None => self.organisation()?,
        };
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
            .next_number(
                &tracer,
                &identity,
                request,
                Some(&uplink).filter(|_| stick.is_none()),
            )
            .await?;
        let before = params.sync_id;
        params.sync_id = identity.sync_id;
        let request = &Request {
            // Without the store there is nothing to compare the catalogue with.
            data: request.data && index.is_some(),
            ..request.clone()
        };
        let mut plan = self.plan(request, params, std::mem::take(&mut edition.memory));
        plan.measure &= stick.is_none() && (request.measure || !measured);
        if stick.is_none() {
            plan.untold = tracer.with(|trace| trace.untold.clone());
        }
        line.wants(request.now, request.asked);
        let mut means = RunResources {
            root: self.root.clone(),
            origin: stick.as_ref().map(|stick| stick.origin()),
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
            engine: self.clone(),
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
        let mut numbered = false;
        if stick.is_none() {
            let begun = tracer.begin(&identity, trace::begun(request, params));
            numbered = unkept.or(begun.map(|()| true), false)?;
        }
        numbered = numbered || tracer.number(&identity).is_ok();
        // A run without a number confirms nothing: a stick is told nothing, and central never hears of this one.
        if !numbered || stick.is_some() {
            // What is owed leaves all the same, without a number that another run would have, too.
            (plan.params.sync_id, means.sending.1.params.sync_id) = (0, 0);
        }
        let run = ActiveRun::new(means, index, edition, &plan);
        let (mut report, run) = run.drive(plan, orders).await;
        match numbered {
            true => report.sync_id = identity.sync_id,
            false => report.sync_id = before,
        }
        if let Some(stick) = &stick {
            stick.account(&mut report);
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
    pub(super) fn belongs_elsewhere(
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
        memory: SmallMap<EntityType, Memory>,
    ) -> SyncPlan {
        let all = request.types.is_empty();
        let steps = &self.settings.sync.steps;
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
            owed_first: SyncStep::is_owed_first(steps),
            measure: request.measure
                || (self.settings.sync.measure
                    && request.data
                    && all
                    && steps.contains(&SyncStep::Speed)),
            asked: request.asked,
            allow_deletes: request.allow_deletes,
            delete_limit: self.settings.sync.delete_limit,
            lanes: usize::from(self.settings.sync.lanes),
            batch: usize::from(self.settings.sync.page_size),
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
            rows: usize::from(results.log_rows),
            only: request.owed.clone(),
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
            spool: Spool::open(&self.vault)?.filtered(self.item_filter(true)?),
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
}

/// Central's own speed check moves 2 MiB: once a day is enough for a link that carries nothing else.
fn is_recent_measure(report: &Report, now: i64) -> bool {
    const DAY: i64 = 24 * 60 * 60;
    report.connection.download_mbit_s > 0.0 && (0..DAY).contains(&(now - report.started_at))
}

pub(super) fn not_enrolled() -> Fault {
    Fault::new(Code::AuthNotEnrolled, EnrolCause::NotEnrolled)
}
