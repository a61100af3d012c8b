//! What the box holds: entities and packages as lines.
//! Never holds more of them than one piece: an entity is opened when there is room for it in the connection.
//! Called by the routes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use hyper::header::HeaderName;
use hyper::{Response, StatusCode};
use logic::access::{ApiRole, ApiRoles, is_secret};
use logic::entity::{Entity, EntityType};
use logic::fault::{ApiCause, CatalogueCause, Cause, Code, Fault, Id, ParameterFlaw};
use logic::health::verdict::awaited_at;
use logic::outside;
use logic::seal::NameHash;
use serde_json::{Value as Json, json};

use super::body::{Pieces, ResponseBody};
use super::login;
use super::package::insert;
use super::query::{Query, parameter};
use super::snapshot::{FeedSnapshot, Followed};
use super::standing;
use super::state::SharedState;
use super::wire::with_type;
use vault::package::PackageStore;

/// Lines are gathered to about so many bytes before they are handed on.
const GATHER: usize = 32 << 10;
pub(super) const LINES: &str = "application/x-ndjson";
/// Entities of one request by their ids, at most.
const IDS: usize = 100;
/// Feed and catalogue are published one behind the other: how long that is looked at again, and how often.
const MOMENT: Duration = Duration::from_millis(10);
const MOMENTS: usize = 50;

/// Entities of one generation, one a line.
pub(super) async fn entities(
    shared: &SharedState,
    roles: ApiRoles,
    query: &Query,
) -> Result<Response<ResponseBody>, Fault> {
    let kinds = match query.text("type") {
        None => EntityType::ALL.to_vec(),
        Some(word) => vec![EntityType::of(word).ok_or_else(|| {
            let words: Vec<&str> = EntityType::ALL.iter().map(|kind| kind.word()).collect();
            let words = words.join(", ");
            parameter("type", ParameterFlaw::OneOf { words })
        })?],
    };
    let ids = query.all("id");
    if ids.len() > IDS {
        return Err(parameter("id", ParameterFlaw::AtMost { most: IDS }));
    }
    let login = query.text("login");
    if login.is_some() && !ids.is_empty() {
        let other = "`id`".to_owned();
        return Err(parameter("login", ParameterFlaw::Beside { other }));
    }
    let held = match ids.is_empty() && login.is_none() {
        true => settled(shared).await?,
        false => Followed::now(shared)?,
    };
    let (shelf, place) = (held.shelf.clone(), held.end());
    let generation = shelf.edition().generation;
    let body = match login {
        Some(login) => ResponseBody::whole(called(&shelf, roles, &kinds, login).await?),
        None if ids.is_empty() => ResponseBody::Pieces(gather(all(shelf, roles, kinds)), None),
        None => ResponseBody::whole(named(&shelf, roles, &kinds, ids)?),
    };
    let mut response = with_type(StatusCode::OK, LINES, body);
    let headers = response.headers_mut();
    headers.insert("boxsync-generation", generation.into());
    if let Some(place) = place {
        headers.insert("boxsync-epoch", place.epoch.into());
        headers.insert("boxsync-position", place.number.into());
        let cursor = HeaderName::from_static("boxsync-cursor");
        insert(&mut response, cursor, &place.to_string());
    }
    Ok(response)
}

/// Feed and catalogue of one moment. For the one between their publications it is waited a little; where it lasts, the
/// feed's end is a place from where nothing is missed all the same.
pub(super) async fn settled(shared: &SharedState) -> Result<Followed, Fault> {
    for _ in 0..MOMENTS {
        let held = Followed::now(shared)?;
        if held.is_settled() {
            return Ok(held);
        }
        drop(held);
        tokio::time::sleep(MOMENT).await;
    }
    Followed::now(shared)
}

fn all(
    shelf: Rc<FeedSnapshot>,
    roles: ApiRoles,
    kinds: Vec<EntityType>,
) -> impl Iterator<Item = Result<Json, Fault>> + 'static {
    let counts = shelf.clone();
    let places = kinds.into_iter().flat_map(move |kind| {
        let count = counts.edition().count(kind);
        (0..count).map(move |place| (kind, place))
    });
    places.filter_map(move |(kind, place)| {
        let entity = shelf.entity(kind, place).transpose()?;
        Some(entity.map(|entity| line(kind, entity, roles)))
    })
}

/// The entities of some ids. Of several, those that are not there are left out.
fn named(
    shelf: &FeedSnapshot,
    roles: ApiRoles,
    kinds: &[EntityType],
    ids: &[String],
) -> Result<Vec<u8>, Fault> {
    let mut lines = Vec::new();
    for id in ids {
        for kind in kinds {
            if let Some(entity) = shelf.find(*kind, id)? {
                push(&mut lines, &line(*kind, entity, roles));
            }
        }
    }
    let first = Id::from(ids.first().map_or("", String::as_str));
    let none = match ids.len() {
        0 | 1 => CatalogueCause::NoEntity { id: first }.into(),
        count => ApiCause::NoneOf { count, first }.into(),
    };
    some(lines, none)
}

/// The entities with a login.
async fn called(
    shelf: &FeedSnapshot,
    roles: ApiRoles,
    kinds: &[EntityType],
    login: &str,
) -> Result<Vec<u8>, Fault> {
    let mut lines = Vec::new();
    for (kind, entity) in login::find(shelf, kinds, login).await? {
        push(&mut lines, &line(kind, entity, roles));
    }
    // Not which one: a login is a person's name, often.
    some(lines, ApiCause::NoLogin.into())
}

fn some(lines: Vec<u8>, none: Cause) -> Result<Vec<u8>, Fault> {
    match lines.is_empty() {
        true => Err(Fault::new(Code::CatalogueUnknownEntity, none)),
        false => Ok(lines),
    }
}

/// An entity as it is told everywhere. What a caller may not see is left out, and named.
pub(super) fn line(kind: EntityType, mut entity: Entity, roles: ApiRoles) -> Json {
    let mut withheld: Vec<String> = Vec::new();
    if !roles.has(ApiRole::Secrets) {
        let names = entity.properties.iter().map(|(name, _)| name);
        withheld.extend(
            names
                .filter(|name| is_secret(kind, name))
                .map(str::to_owned),
        );
    }
    for name in &withheld {
        entity.properties.remove(name);
    }
    let mut told = json!({
        "id": entity.id, "type": kind.word(), "checksum": entity.checksum, "properties": entity.properties,
    });
    if !withheld.is_empty() {
        told["withheld"] = json!(withheld);
    }
    told
}

/// The packages of the deliveries in the catalogue, one a line; the words of `packages --json`, when those that are
/// still to come are there, and on a box of several organisations which of them name the delivery.
pub(super) async fn packages(shared: &SharedState) -> Result<Response<ResponseBody>, Fault> {
    let mut seen = BTreeSet::new();
    let shelves = shared.each()?.into_iter().map(|shared| shared.shelf());
    let shelves = shelves.collect::<Result<Vec<_>, Fault>>()?;
    let first = shared.shelf()?;
    let packages = PackageStore::open(first.vault())?;
    let there = ready_at(shared, &shelves, &packages).await?;
    let all = shelves.clone();
    let places = shelves.into_iter().flat_map(|shelf| {
        let count = shelf.edition().count(EntityType::Delivery);
        (0..count).map(move |place| (shelf.clone(), place))
    });
    let lines = places.filter_map(move |(shelf, place)| {
        let delivery = shelf.entity(EntityType::Delivery, place).transpose()?;
        // What two organisations name is held once.
        if delivery.as_ref().is_ok_and(|one| !seen.insert(one.id.clone())) {
            return None;
        }
        Some(delivery.and_then(|delivery| {
            let delivery = delivery.id;
            let state = packages.state(&delivery)?;
            let held = packages.held(&delivery).ok().flatten();
            let held = held.filter(|meta| !meta.damaged);
            let coming = there.get(&delivery).copied().unwrap_or_default();
            let mut told = json!({
                "delivery": delivery, "bytes": state.bytes, "state": state.word, "rebuilt": state.rebuilt,
                "edition": held.map(|meta| NameHash(meta.edition).to_string()), "bytes_left": coming.0, "ready_at": coming.1,
            });
            if all.len() > 1 {
                let named = all.iter().filter(|one| one.shows(EntityType::Delivery, &delivery));
                let named = named.map(|one| &one.edition().organisation_id);
                told["organisations"] = json!(named.collect::<Vec<_>>());
            }
            Ok(told)
        }))
    });
    let body = ResponseBody::Pieces(gather(lines), None);
    Ok(with_type(StatusCode::OK, LINES, body))
}

/// Of each package that is still to come what is left, and when it is there; the box is looked at where one is.
async fn ready_at(
    shared: &SharedState,
    shelves: &[Rc<FeedSnapshot>],
    packages: &PackageStore,
) -> Result<BTreeMap<String, (Option<u64>, Option<i64>)>, Fault> {
    let is_due = |shelf: &Rc<FeedSnapshot>, place| {
        let delivery = shelf.entity(EntityType::Delivery, place)?;
        let state = delivery
            .map(|delivery| packages.state(&delivery.id))
            .transpose()?;
        Ok::<_, Fault>(state.is_some_and(|state| state.word != "held"))
    };
    for shelf in shelves {
        for place in 0..shelf.edition().count(EntityType::Delivery) {
            if is_due(shelf, place)? {
                let Some(look) = standing::look(shared, standing::LOOK).await else {
                    return Ok(BTreeMap::new());
                };
                let there = awaited_at(&look.standing, &look.awaited).into_iter();
                let told = there.map(|(one, at)| (one.delivery.clone(), (one.left, at)));
                return Ok(told.collect());
            }
        }
    }
    Ok(BTreeMap::new())
}

/// Whether the package of a delivery is still to come: it is not held as the catalogue names it.
///
/// # Errors
/// `catalogue.unknown_entity` where the catalogue names no such delivery.
pub(super) fn is_wanted(shared: &SharedState, delivery: &str) -> Result<bool, Fault> {
    for one in shared.each()? {
        let shelf = one.shelf()?;
        let rows = shelf.edition().types.get(&EntityType::Delivery);
        let name = shelf.name(EntityType::Delivery, delivery);
        if let Some(row) = rows.and_then(|rows| rows.get(&name)) {
            let held = PackageStore::open(shelf.vault())?;
            let held = held.held(delivery).ok().flatten();
            return Ok(!held.is_some_and(|held| !held.damaged && held.entity == Some(row.checksum)));
        }
    }
    let id = delivery.into();
    Err(Fault::new(
        Code::CatalogueUnknownEntity,
        CatalogueCause::NoEntity { id },
    ))
}

fn push(lines: &mut Vec<u8>, line: &Json) {
    lines.extend_from_slice(outside::json(line).as_bytes());
    lines.push(b'\n');
}

/// Lines as a body takes them.
pub(super) fn gather(mut lines: impl Iterator<Item = Result<Json, Fault>> + 'static) -> Pieces {
    Box::new(move || {
        let mut piece = Vec::new();
        while piece.len() < GATHER {
            match lines.next() {
                Some(Ok(line)) => {
                    push(&mut piece, &line);
                }
                Some(Err(trouble)) => return Some(Err(trouble)),
                None => break,
            }
        }
        (!piece.is_empty()).then(|| Ok(piece.into()))
    })
}
