//! What a technician asks of the box: where it stands, and what is wrong, layer by layer.
//! Never changes what it looks at: no key or folder is made by looking, nothing is logged on central. A small file is
//! made and removed where answers go, to see whether one can be kept. Never judges: `logic::health::seen` does.
//! Called by the verbs `doctor` and `status`, and by whoever shows the same elsewhere.

mod first;
mod holdings;
mod host;
mod size;
mod talk;
mod way;

pub mod standing;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logic::fault::{Code, EnrolCause, Fault};
use logic::health::seen::{ReportedFault, ServiceConfig, judge};
use logic::health::{Check, CheckFinding, Facts, Observations, PlannedCheck, plan};
use logic::settings::Settings;
use tokio::time::{Instant, timeout, timeout_at};

use crate::engine::Engine;
use system::root::{Root, permits};

/// What the technician asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoctorOptions {
    /// Nothing beyond the box is spoken to.
    pub offline: bool,
    /// Every member of every package is read and checked, however long it takes.
    pub deep: bool,
    /// What a daemon that runs uses to reach central.
    pub daemon: Option<ServiceConfig>,
    /// Why a daemon that is there tells nothing of it.
    pub silent: Option<Fault>,
    /// A person asks, who may be a user that may not act for the box; not the service.
    pub person: bool,
    /// The box is looked at as this organisation, which was added to the first.
    pub organisation: Option<String>,
}

/// Everything that speaks to the network ends by then: the whole answer comes within 15 s.
const NETWORK: Duration = Duration::from_secs(13);
/// Reading what the box holds, unless all of it is asked for.
const DISK: Duration = Duration::from_secs(12);

/// What is seen, as it comes; what came before a limit is kept.
#[derive(Debug, Clone, Default)]
struct SeenSoFar(Arc<Mutex<Observations>>);

impl SeenSoFar {
    fn see(&self, add: impl FnOnce(&mut Observations)) {
        add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn look<T>(&self, at: impl FnOnce(&Observations) -> T) -> T {
        at(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The limit of a check in a plan.
fn limit(steps: &[PlannedCheck], check: Check) -> Duration {
    let step = steps.iter().find(|step| step.check == check);
    step.map_or(Duration::from_secs(1), |step| step.limit)
}

/// Whether a check is to be made.
fn made(steps: &[PlannedCheck], check: Check) -> bool {
    steps
        .iter()
        .any(|step| step.check == check && step.skip.is_none())
}

/// Looks at the box. `settings`: the configuration, or what is wrong with it.
pub fn examine(
    root: &Root,
    settings: Result<Settings, Fault>,
    options: DoctorOptions,
) -> Vec<CheckFinding> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs only file descriptors");
    let findings = runtime.block_on(look(root, settings, options));
    // A name server that does not answer holds a thread for half a minute: nobody waits for it.
    runtime.shutdown_background();
    findings
}

/// Looks at the box as each organisation that was added to the first, and gives what is found of it alone: what
/// `of_first` has found is of the box.
pub fn examine_added(
    root: &Root,
    settings: &Result<Settings, Fault>,
    options: &DoctorOptions,
    of_first: &[CheckFinding],
) -> Vec<(String, Vec<CheckFinding>)> {
    let in_force = settings.clone().unwrap_or_default();
    let engine = permits(root).ok().and_then(|()| opened(root, &in_force));
    let all = engine.and_then(|engine| engine.organisations().ok());
    let added = all.into_iter().flatten().skip(1);
    let ids: Vec<String> = added.filter_map(|one| one.organisation_id()).collect();
    let found = ids.into_iter().map(|id| {
        let options = DoctorOptions {
            organisation: Some(id.clone()),
            ..options.clone()
        };
        let mut findings = examine(root, settings.clone(), options);
        findings.retain(|finding| !of_first.contains(finding));
        (id, findings)
    });
    found.collect()
}

/// Whether systemd should run the daemon of this root.
pub fn is_served(root: &Root) -> bool {
    first::systemd(root)
}

/// The opened box, unless it is new or does not open; nothing is made.
pub fn opened(root: &Root, settings: &Settings) -> Option<Engine> {
    let kept = !first::is_new(&root.state());
    kept.then(|| Engine::open(root, settings.clone()).ok())
        .flatten()
}

async fn look(
    root: &Root,
    settings: Result<Settings, Fault>,
    options: DoctorOptions,
) -> Vec<CheckFinding> {
    let found = SeenSoFar::default();
    let daemon = options.daemon.as_ref();
    let readable = settings.is_ok();
    let settings = settings.unwrap_or_else(|trouble| {
        found.see(|seen| seen.config = Some(Err(trouble.into())));
        // What the daemon uses meanwhile, where it has one.
        crate::settings::kept(root).unwrap_or_default()
    });
    if first::systemd(root) {
        host::unit(&found).await;
    }
    let permitted = if options.person {
        permits(root)
    } else {
        Ok(())
    };
    let engine = first::open(root, permitted, &settings, &found).await;
    let engine = engine.and_then(|engine| match &options.organisation {
        Some(id) => engine.asked_for(std::slice::from_ref(id)).ok()?.pop(),
        None => Some(engine),
    });
    let settings = engine
        .as_ref()
        .map_or(settings, |engine| engine.settings().clone());
    let engine = engine.map(Arc::new);
    let of_daemon = readable.then(|| first::of_daemon(root, daemon)).flatten();
    let line = first::line(&settings, daemon, &found);
    let missing = first::missing(root, &settings, engine.as_deref());
    let facts = Facts {
        offline: options.offline,
        ..first::facts(root, &settings, engine.as_deref(), line.as_ref())
    };
    let steps = plan(&facts);
    let credentials = credentials(&facts, engine.as_deref());
    let textfile = settings.metrics.textfile.as_deref();
    let textfile = textfile.and_then(|path| crate::metrics::check(path).err());
    found.see(|seen| {
        seen.silent = options.silent.clone().map(Into::into);
        seen.textfile = textfile.map(Into::into);
        seen.push = daemon.and_then(|daemon| daemon.push.clone());
        seen.facts = facts;
        seen.of_daemon = of_daemon;
        seen.missing = missing;
        seen.credentials = credentials;
    });
    let means = talk::TalkMeans {
        steps: &steps,
        settings: &settings,
        daemon,
    };
    let end = Instant::now() + NETWORK;
    let network = async {
        // Beyond the limit what was seen so far counts.
        let _ = timeout_at(end, async {
            tokio::join!(
                way::look(&steps, line.as_ref(), &found),
                talk::speak(&means, engine.as_deref(), &found),
            )
        })
        .await;
    };
    let holdings = async {
        let Some(engine) = engine.clone() else { return };
        let deep = options.deep;
        let reading = system::task::spawn_blocking(move || holdings::read(&engine, deep));
        let read = match deep {
            true => reading.await.ok(),
            false => timeout(DISK, reading).await.ok().and_then(Result::ok),
        };
        found.see(|seen| seen.holdings = read);
    };
    // The store opens in one process at a time: its child looks before the history is read.
    let store = async {
        host::store(&steps, root, &found).await;
        holdings.await;
    };
    tokio::join!(network, store);
    found.look(judge)
}

/// Why there are no credentials, or why they cannot be read: enrolling again would take those away from the box.
fn credentials(facts: &Facts, engine: Option<&Engine>) -> Option<ReportedFault> {
    let unread = engine.and_then(|engine| engine.enrolment().err());
    if let Some(trouble) = unread.filter(|trouble| trouble.code == Code::DiskFailing) {
        return Some(trouble.into());
    }
    let lacks = !facts.enrolled && (facts.opened || facts.new);
    lacks.then(|| {
        let cause = EnrolCause::NoCredentials.into();
        ReportedFault::because(Code::AuthNotEnrolled, cause)
    })
}
