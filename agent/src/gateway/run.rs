//! Which edition a client's run sees: the one that was shown when it began, to its end.
//! Never shows a first synchronization that is incomplete, data beyond its age, or two editions to one run.
//! Called by the gateway for everything that it serves from the catalogue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logic::entity::EntityType;
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
    vault: Vault,
    max_age: Option<Duration>,
    pins: Mutex<Vec<Pin>>,
    /// The last named run and its generation, for a boxsync that starts again in the middle of it.
    kept: SealedFile,
}

struct Pin {
    run: Option<ClientRun>,
    /// The organisation that was added to the box's first, if it is of one.
    added: Option<String>,
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
            vault: vault.clone(),
            max_age,
            pins: Mutex::default(),
            kept: vault.entry("gateway-run"),
        })
    }

    /// The edition for a request that names an organisation; one that the box has not is answered as its first, whose
    /// edition tells that it is another's. `first`: a run begins with it, whatever was shown before.
    pub(super) fn hold(
        &self,
        asker: &Asker,
        organisation: Option<&str>,
        first: bool,
        now: Now,
    ) -> Result<Arc<OpenRevision>, NotShown> {
        // What is wrong with one that was added is no trouble of the first.
        let added = self.vault.added_organisations().unwrap_or_default();
        let added_ids: Vec<String> = added.into_iter().map(|added| added.id).collect();
        let added = added_ids
            .iter()
            .find(|id| organisation == Some(id))
            .cloned();
        let any = organisation.is_none();
        let is_alone = added_ids.is_empty();
        let mut pins = self.pins();
        pins.retain(|pin| {
            let idle = pin.run.as_ref().map_or(IDLE_UNNAMED, |_| IDLE);
            now.mono.saturating_sub(pin.used) < idle
        });
        // What one organisation calls a thing is not what another one does (protocol 5.7).
        if any && !is_alone && *asker != Asker::Beside && lists(&pins, asker) != 1 {
            let told = "This box has several organisations, and the request names none in its parameters (organisation_id). Nothing was changed.";
            return Err(NotShown::Told(told.to_owned()));
        }
        if !first && let Some(pin) = find(&mut pins, asker, |pin| any || pin.added == added) {
            pin.used = now.mono;
            return Ok(pin.held.clone());
        }
        self.begin(&mut pins, asker, added, first, now)
    }

    /// Whether any organisation of the box shows a delivery.
    pub(super) fn shows(&self, delivery: &str) -> Result<bool, Fault> {
        let name = self
            .vault
            .keys()
            .name(EntityType::Delivery.word(), delivery);
        let added = self.vault.added_organisations()?.into_iter();
        let homes = added.map(|added| self.vault.of_organisation(&added.id));
        for home in [self.vault.clone()].into_iter().chain(homes) {
            let edition = CatalogueStore::open(&home)?.shown()?;
            let rows = edition.types.get(&EntityType::Delivery);
            if rows.is_some_and(|rows| rows.contains_key(&name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn begin(
        &self,
        pins: &mut Vec<Pin>,
        asker: &Asker,
        added: Option<String>,
        first: bool,
        now: Now,
    ) -> Result<Arc<OpenRevision>, NotShown> {
        let home = match &added {
            Some(id) => self.vault.of_organisation(id),
            None => self.vault.clone(),
        };
        let fresh = OpenRevision::open(&CatalogueStore::open(&home)?, self.vault.keys())?;
        self.must_be_shown(&fresh, now)?;
        let generation = fresh.edition().generation;
        let shared = pins
            .iter()
            .find(|pin| pin.added == added && pin.held.edition().generation == generation)
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
        pins.retain(|pin| pin.run != run || pin.added != added);
        if pins.len() >= MAX_RUNS
            && let Some(oldest) = (0..pins.len()).min_by_key(|at| pins[*at].used)
        {
            pins.remove(oldest);
        }
        pins.push(Pin {
            run,
            added,
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

/// Of how many organisations an asker has lists.
fn lists(pins: &[Pin], asker: &Asker) -> usize {
    let run = match asker {
        Asker::Run(run) => Some(run),
        _ => None,
    };
    pins.iter().filter(|pin| pin.run.as_ref() == run).count()
}

fn find<'a>(
    pins: &'a mut [Pin],
    asker: &Asker,
    is_of: impl Fn(&Pin) -> bool,
) -> Option<&'a mut Pin> {
    let mut pins = pins.iter_mut().filter(|pin| is_of(pin));
    match asker {
        Asker::Run(run) => pins.find(|pin| pin.run.as_ref() == Some(run)),
        Asker::Unnamed => pins.find(|pin| pin.run.is_none()),
        Asker::Beside => pins.max_by_key(|pin| pin.used),
    }
}
