//! What a technician asks of the box: where it stands, and what is wrong, layer by layer.
//! Never changes what it looks at: no key or folder is made by looking, nothing is logged on central. A small file is
//! made and removed where answers go, to see whether one can be kept.
//! Called by the verbs `doctor` and `status`, and by whoever shows the same elsewhere.

mod first;
mod holdings;
mod host;
mod talk;
mod time;
mod way;

pub mod standing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logic::fault::{Code, Fault};
use logic::health::{Check, Facts, Finding, Status, Step, fold, plan};
use logic::settings::Settings;
use tokio::time::{Instant, timeout, timeout_at};

use crate::engine::Engine;
use crate::root::Root;

/// What the technician asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Nothing beyond the box is spoken to.
    pub offline: bool,
    /// Every member of every package is read and checked, however long it takes.
    pub deep: bool,
}

/// Everything that speaks to the network ends by then: the whole answer comes within 15 s.
const NETWORK: Duration = Duration::from_secs(13);
/// Reading what the box holds, unless all of it is asked for.
const DISK: Duration = Duration::from_secs(12);

/// Findings as they come; what came before a limit is kept.
#[derive(Debug, Clone, Default)]
struct Found(Arc<Mutex<BTreeMap<Check, Finding>>>);

impl Found {
    fn tell(&self, check: Check, finding: Finding) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(check, finding);
    }

    /// As `tell`, unless a failure of this check is told already.
    fn tell_beside(&self, check: Check, finding: Finding) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = found.get(&check).is_some_and(|f| f.status == Status::Fail);
        if !failed {
            found.insert(check, finding);
        }
    }

    fn take(&self) -> BTreeMap<Check, Finding> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The limit of a check in a plan.
fn limit(steps: &[Step], check: Check) -> Duration {
    let step = steps.iter().find(|step| step.check == check);
    step.map_or(Duration::from_secs(1), |step| step.limit)
}

/// Whether a check is to be made.
fn made(steps: &[Step], check: Check) -> bool {
    steps
        .iter()
        .any(|step| step.check == check && step.skip.is_none())
}

/// Looks at the box. `settings`: the configuration, or what is wrong with it.
pub fn examine(root: &Root, settings: Result<Settings, Fault>, options: Options) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs only file descriptors");
    let findings = runtime.block_on(look(root, settings, options));
    // A name server that does not answer holds a thread for half a minute: nobody waits for it.
    runtime.shutdown_background();
    findings
}

/// The opened box, unless it is new or does not open; nothing is made.
pub fn opened(root: &Root, settings: &Settings) -> Option<Engine> {
    let kept = !first::is_new(&root.state());
    kept.then(|| Engine::open(root, settings.clone()).ok())
        .flatten()
}

async fn look(root: &Root, settings: Result<Settings, Fault>, options: Options) -> Vec<Finding> {
    let found = Found::default();
    let settings = match settings {
        Ok(settings) => settings,
        Err(trouble) => {
            // One mistake a line: the first is the summary.
            let (first, others) = trouble
                .reason
                .split_once('\n')
                .unwrap_or((&trouble.reason, ""));
            let finding = Finding::fail(trouble.code, first).detail(others);
            found.tell(Check::Config, finding);
            // What the daemon uses meanwhile, where it has one.
            crate::settings::kept(root).unwrap_or_default()
        }
    };
    let engine = first::open(root, &settings, &found).await.map(Arc::new);
    let line = first::line(&settings, &found);
    let facts = Facts {
        offline: options.offline,
        ..first::facts(root, &settings, engine.as_deref(), line.as_ref())
    };
    let steps = plan(&facts);
    let unread = engine.as_ref().and_then(|engine| engine.enrolment().err());
    if let Some(trouble) = unread.filter(|trouble| trouble.code == Code::DiskFailing) {
        // They are there: enrolling again would take them away from the box.
        found.tell(Check::Token, Finding::fail(trouble.code, trouble.reason));
    } else if !facts.enrolled && (facts.opened || facts.new) {
        let summary = "this box has no credentials for central";
        found.tell(Check::Token, Finding::fail(Code::AuthNotEnrolled, summary));
    }
    let end = Instant::now() + NETWORK;
    let network = async {
        // Beyond the limit what was found so far counts.
        let _ = timeout_at(end, async {
            tokio::join!(
                way::link_and_address(&steps, line.as_ref(), &found),
                way::name_and_connection(&steps, line.as_ref(), &found),
                talk::speak(&steps, &settings, engine.as_deref(), &found),
            )
        })
        .await;
    };
    let holdings = async {
        let Some(engine) = engine.clone() else { return };
        let (found, deep) = (found.clone(), options.deep);
        let reading = tokio::task::spawn_blocking(move || holdings::read(&engine, deep, &found));
        if options.deep {
            let _ = reading.await;
        } else {
            let _ = timeout(DISK, reading).await;
        }
    };
    // The store opens in one process at a time: its child looks before the history is read.
    let store = async {
        host::store(&steps, root, &found).await;
        holdings.await;
    };
    tokio::join!(network, store, host::unit(&steps, &found));
    fold(&steps, found.take())
}
