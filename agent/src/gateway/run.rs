//! Which edition a client's run sees: the one that was shown when it began, to its end.
//! Never shows a first synchronization that is incomplete, data beyond its age, or two editions to one run.
//! Called by the gateway for everything that it serves from the catalogue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logic::fault::Fault;
use logic::gateway::catalogue::ClientRun;
use logic::words::Now;
use serde::{Deserialize, Serialize};

use super::revision::OpenRevision;
use vault::catalogue::CatalogueStore;
use vault::{SealedFile, Vault};

/// A run that asked for nothing for so long is over; importing one large test takes a client minutes.
const IDLE: Duration = Duration::from_secs(6 * 3600);
/// The same for requests that do not say which run they belong to.
const IDLE_UNNAMED: Duration = Duration::from_secs(600);
/// Runs at once; beyond that the one that was silent longest is forgotten.
const MAX_RUNS: usize = 4;

/// Why nothing is shown.
pub(super) enum NotShown {
    /// To be told to the client, which tries again later.
    Told(String),
    /// The store does not give it.
    Broken(Fault),
}

impl From<Fault> for NotShown {
    fn from(trouble: Fault) -> Self {
        Self::Broken(trouble)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asker {
    /// A request of this run.
    Run(ClientRun),
    /// A list or details without a number.
    Unnamed,
    /// A call that never names its run: classes, packages.
    Beside,
}

impl Asker {
    pub(super) fn of(run: Option<ClientRun>) -> Self {
        run.map_or(Self::Unnamed, Self::Run)
    }
}

/// The runs that are going on.
pub(super) struct GatewayRuns {
    catalogue: CatalogueStore,
    vault: Vault,
    max_age: Option<Duration>,
    pins: Mutex<Vec<Pin>>,
    /// The last named run and its generation, for a boxsync that starts again in the middle of it.
    kept: SealedFile,
}

struct Pin {
    run: Option<ClientRun>,
    held: Arc<OpenRevision>,
    used: Duration,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct KeptRun {
    run: ClientRun,
    generation: u64,
}

impl GatewayRuns {
    pub(super) fn open(vault: &Vault, max_age: Option<Duration>) -> Result<Self, Fault> {
        Ok(Self {
            catalogue: CatalogueStore::open(vault)?,
            vault: vault.clone(),
            max_age,
            pins: Mutex::default(),
            kept: vault.entry("gateway-run"),
        })
    }

    /// The edition for a request. `first`: a run begins with it, whatever was shown before.
    pub(super) fn hold(
        &self,
        asker: &Asker,
        first: bool,
        now: Now,
    ) -> Result<Arc<OpenRevision>, NotShown> {
        let mut pins = self.pins();
        pins.retain(|pin| {
            let idle = pin.run.as_ref().map_or(IDLE_UNNAMED, |_| IDLE);
            now.mono.saturating_sub(pin.used) < idle
        });
        if !first && let Some(pin) = find(&mut pins, asker) {
            pin.used = now.mono;
            return Ok(pin.held.clone());
        }
        self.begin(&mut pins, asker, first, now)
    }

    fn begin(
        &self,
        pins: &mut Vec<Pin>,
        asker: &Asker,
        first: bool,
        now: Now,
    ) -> Result<Arc<OpenRevision>, NotShown> {
        let fresh = OpenRevision::open(&self.catalogue, self.vault.keys())?;
        self.must_be_shown(&fresh, now)?;
        let generation = fresh.edition().generation;
        let shared = pins
            .iter()
            .find(|pin| pin.held.edition().generation == generation)
            .map(|pin| pin.held.clone());
        let held = shared.unwrap_or_else(|| Arc::new(fresh));
        let run = match asker {
            // What stands beside every run begins none.
            Asker::Beside => return Ok(held),
            Asker::Unnamed => None,
            Asker::Run(run) => {
                self.remember(run, generation, first)?;
                Some(run.clone())
            }
        };
        pins.retain(|pin| pin.run != run);
        if pins.len() >= MAX_RUNS
            && let Some(oldest) = (0..pins.len()).min_by_key(|at| pins[*at].used)
        {
            pins.remove(oldest);
        }
        pins.push(Pin {
            run,
            held: held.clone(),
            used: now.mono,
        });
        Ok(held)
    }

    /// A run that goes on after boxsync started again must meet the edition that it began with.
    fn remember(&self, run: &ClientRun, generation: u64, first: bool) -> Result<(), NotShown> {
        let kept: Option<KeptRun> = self.kept.get().ok().flatten();
        match kept {
            Some(kept) if kept.run == *run && kept.generation == generation => return Ok(()),
            Some(kept) if kept.run == *run && !first => {
                let told = "The data on this box changed while boxsync was started again. Nothing is lost: start the synchronization again.";
                return Err(NotShown::Told(told.to_owned()));
            }
            _ => {}
        }
        let kept = KeptRun {
            run: run.clone(),
            generation,
        };
        Ok(self.kept.put(&kept)?)
    }

    /// A run that was confirmed is over.
    pub(super) fn end(&self, run: Option<&ClientRun>) {
        self.pins().retain(|pin| pin.run.as_ref() != run);
    }

    fn must_be_shown(&self, held: &OpenRevision, now: Now) -> Result<(), NotShown> {
        let Some(at) = held.edition().complete_at else {
            let told = "The first synchronization of this box with the central server is not complete yet. Nothing was changed: try again later.";
            return Err(NotShown::Told(told.to_owned()));
        };
        let age = Duration::from_secs(u64::try_from(now.wall.saturating_sub(at)).unwrap_or(0));
        match self.max_age {
            Some(limit) if age > limit => Err(NotShown::Told(format!(
                "The data on this box is {} days old, more than the {} days that are allowed (or its clock is wrong). Nothing was changed: connect the box to the central server first.",
                age.as_secs() / 86_400,
                limit.as_secs() / 86_400
            ))),
            _ => Ok(()),
        }
    }

    fn pins(&self) -> MutexGuard<'_, Vec<Pin>> {
        // No state of it is half done when a holder panics: pins are pushed and removed whole.
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(pins: &'a mut [Pin], asker: &Asker) -> Option<&'a mut Pin> {
    match asker {
        Asker::Run(run) => pins.iter_mut().find(|pin| pin.run.as_ref() == Some(run)),
        Asker::Unnamed => pins.iter_mut().find(|pin| pin.run.is_none()),
        Asker::Beside => pins.iter_mut().max_by_key(|pin| pin.used),
    }
}
