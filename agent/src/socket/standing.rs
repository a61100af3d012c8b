//! How the box and its daemon stand, as one object.
//! Never speaks to central, never opens the store and never judges: the verdict is that of the page.
//! Called by the routes `status`, `metrics` and `sync/events`.

use std::rc::Rc;
use std::time::Duration;

use logic::entity::EntityType;
use logic::fault::{Fault, Finding};
use logic::places::{PlaceClass, SMALL_DOCUMENT};
use serde_json::{Map, Value as Json, json};

use super::sample::{self, BoxView};
use super::state::SharedState;
use crate::doctor::standing::packages_left;
use crate::engine::{self, Engine, exam, survey};
use system::clock;
use vault::catalogue::CatalogueStore;
use vault::identity::Identities;
use vault::package::{Meta, PackageStore};
use vault::spool::Spool;

/// What the folder of the box says; the words of `status --json`.
pub(super) fn of_box(shared: &SharedState) -> Result<Map<String, Json>, Fault> {
    let engine = Engine::open(shared.root(), (*shared.settings()).clone())?;
    let edition = CatalogueStore::open(engine.vault())?.shown()?;
    let (held, coming) = PackageStore::open(engine.vault())?.list()?;
    // Packages of hidden deliveries are kept, but nobody's.
    let keys = engine.vault().keys();
    let is_shown = |meta: &&Meta| {
        let name = keys.name(EntityType::Delivery.word(), &meta.delivery);
        let rows = edition.types.get(&EntityType::Delivery);
        rows.is_some_and(|rows| rows.contains_key(&name))
    };
    let held = held.iter().filter(is_shown);
    let held = held.filter(|meta| !meta.damaged).count();
    let coming = coming.iter().filter(is_shown).count();
    let shown = edition.shown();
    let by_type = |counts: &[(String, u64)]| -> Map<_, _> {
        let counts = counts.iter();
        counts
            .map(|(word, count)| (word.clone(), json!(count)))
            .collect()
    };
    let entities = by_type(&shown.entities);
    // Only read: writing it here could undo the number that a worker has just taken.
    let identity = Identities::of(engine.vault()).read().ok();
    let box_id = identity
        .and_then(|held| held.identity)
        .map(|identity| identity.box_id);
    let owed = engine.vault().state().join("spool").is_dir();
    let owed = owed
        .then(|| Spool::open(engine.vault())?.tally())
        .transpose()?;
    let (owed, held_up) = owed.unwrap_or_default();
    let told = json!({
        "owed": owed,
        "held_up": held_up,
        "box_id": box_id,
        "enrolled": engine.enrolment()?.is_some(),
        "organisation_id": edition.organisation_id,
        "generation": edition.generation,
        "complete_at": edition.complete_at,
        "origin": engine.origin(edition.complete_at),
        "entities": entities,
        "held_back": shown.held_back,
        "held_back_by_type": by_type(&shown.kept),
        "hidden": by_type(&shown.hidden),
        "contradicted": shown.contradicted,
        "waiting_for_exam": shown.waiting,
        "packages": {
            "held": held,
            "wanted": edition.count(EntityType::Delivery),
            "coming": coming,
        },
        "free_bytes": survey::free(engine.vault().state()),
        "last": engine.last().ok().flatten(),
    });
    match told {
        Json::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// How much may be asked at once, and how much of it may come.
fn limits(shared: &SharedState) -> Json {
    let places: Map<_, _> = PlaceClass::ALL
        .into_iter()
        .map(|class| {
            let pool = class.pool();
            let told = json!({ "places": pool.places, "of_one_user": pool.each });
            (class.word().to_owned(), told)
        })
        .collect();
    json!({
        "max_item": shared.settings().results.max_item.bytes(), "small_item": SMALL_DOCUMENT, "places": places,
    })
}

/// How the daemon stands.
pub(super) fn daemon(shared: &SharedState) -> Json {
    let standing = shared.standing();
    let now = clock::now();
    let next = standing.next.map(|(at, why)| {
        let wait = at.mono.saturating_sub(now.mono).as_millis() as u64;
        json!({ "in_ms": wait, "why": why })
    });
    let up = now.mono.saturating_sub(shared.started().mono);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "uptime_seconds": up.as_secs(),
        "running": standing.running,
        "next": next,
        "waiting": standing.waiting,
        "offline_tries": standing.offline.unwrap_or(0),
        "breaker_open": standing.breaker,
        "config_fault": shared.fault().map(|fault| fault.finding()),
        "push_fault": shared.push_fault(),
        "ended": shared.ended(),
        "line": engine::in_force(&shared.settings()),
        "limits": limits(shared),
        "orders": shared.orders().in_force(clock::uptime()),
        "exam_seconds_left": exam::running(shared.root()).map(|left| left.as_secs()),
        "executions": exam::now(shared.root()).executions,
    })
}

/// A person waits no longer for a look at the box than this; what is told without it is true all the same.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// The look with the same verdict as that of `status` and of the page; `None` where the look at the box takes too long.
pub(super) async fn verdict(shared: &SharedState) -> Option<Rc<BoxView>> {
    look(shared, LOOK).await
}

/// The look at the box, where it comes within a time.
pub(super) async fn look(shared: &SharedState, patience: Duration) -> Option<Rc<BoxView>> {
    let shared = shared.clone();
    // It goes on when nobody waits any more: the next one finds it.
    let look = system::task::spawn_local(async move { sample::current(&shared).await });
    tokio::time::timeout(patience, look).await.ok()?.ok()?
}

/// Both; a box whose folder does not open says why under `trouble`.
pub(super) async fn status(shared: &SharedState) -> Json {
    let mut told = Map::new();
    told.insert("schema".into(), json!(1));
    let box_view = look(shared, LOOK).await;
    let verdict = box_view.as_ref().map(|box_view| box_view.verdict());
    told.insert("verdict".into(), json!(verdict));
    if let Some(box_view) = &box_view
        && !box_view.standing.organisations.is_empty()
    {
        let each = json!(box_view.standing.organisations);
        told.insert("organisations".into(), each);
    }
    match of_box(shared) {
        Ok(mut of_box) => {
            if let (Some(box_view), Some(Json::Object(packages))) =
                (box_view, of_box.get_mut("packages"))
            {
                packages.extend(packages_left(&box_view.standing));
            }
            told.extend(of_box);
        }
        Err(trouble) => {
            told.insert("trouble".into(), json!(Finding::from(trouble)));
        }
    }
    told.insert("daemon".into(), daemon(shared));
    Json::Object(told)
}
