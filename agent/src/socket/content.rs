//! What the box holds: entities and packages as lines, the content of a package in clear and in ranges.
//! Never writes anything in clear to a disk: a record is opened when there is room for it in the connection.
//! Called by the routes.

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE,
};
use hyper::{Response, StatusCode};
use logic::entity::EntityType;
use logic::fault::{Code, Fault};
use logic::outside;
use logic::seal::NameHash;
use serde_json::json;

use super::board::Board;
use super::body::{Body, Pieces};
use super::query::{Query, flaw};
use super::wanted::Wanted;
use super::wire::with_type;
use crate::engine::Engine;
use crate::vault::catalogue::Catalogue;
use crate::vault::package::Packages;

/// Lines are gathered to about so many bytes before they are handed on.
const GATHER: usize = 32 << 10;
const LINES: &str = "application/x-ndjson";

fn open(board: &Board) -> Result<Engine, Fault> {
    Engine::open(board.root(), (*board.settings()).clone())
}

/// Entities of one generation, one a line.
pub(super) fn entities(board: &Board, query: &Query) -> Result<Response<Body>, Fault> {
    let kind = match query.text("type") {
        None => None,
        Some(word) => Some(EntityType::of(word).ok_or_else(|| {
            let words: Vec<&str> = EntityType::ALL.iter().map(|kind| kind.word()).collect();
            flaw(&format!(
                "parameter `type`: expected one of {}",
                words.join(", ")
            ))
        })?),
    };
    let engine = open(board)?;
    let catalogue = Catalogue::open(engine.vault())?;
    // Before the edition: a follower that goes on from there misses nothing of it.
    let place = super::feed::place(board);
    let edition = catalogue.shown()?;
    let generation = edition.generation;
    let keys = engine.vault().keys().clone();
    let id = query.text("id").map(str::to_owned);
    let mut rows = edition
        .types
        .into_iter()
        .filter(move |(each, _)| kind.is_none_or(|kind| kind == *each))
        .flat_map(move |(kind, rows)| {
            let wanted = id.as_ref().map(|id| keys.name(kind.word(), id));
            rows.into_iter()
                .filter(move |(name, _)| wanted.is_none_or(|wanted| wanted == *name))
                .map(move |(name, row)| (kind, name, row))
        })
        .peekable();
    if let (Some(id), None) = (query.text("id"), rows.peek()) {
        let reason = format!("the box holds no entity {}", outside::id(id));
        return Err(Fault::new(Code::CatalogueUnknownEntity, reason));
    }
    let mut reader = catalogue.reader();
    let lines = rows.map(move |(kind, name, row)| {
        let entity = reader.entity(kind, &name, &row)?;
        Ok(json!({
            "id": entity.id, "type": kind.word(), "checksum": entity.checksum, "properties": entity.properties,
        }))
    });
    let mut response = with_type(StatusCode::OK, LINES, Body::Pieces(gather(lines), None));
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

/// The packages of the deliveries in the catalogue, one a line; the words of `packages --json`.
pub(super) fn packages(board: &Board) -> Result<Response<Body>, Fault> {
    let engine = open(board)?;
    let catalogue = Catalogue::open(engine.vault())?;
    let edition = catalogue.shown()?;
    let packages = Packages::open(engine.vault())?;
    let mut reader = catalogue.reader();
    let rows = edition
        .types
        .into_iter()
        .filter(|(kind, _)| *kind == EntityType::Delivery)
        .flat_map(|(_, rows)| rows);
    let lines = rows.map(move |(name, row)| {
        let delivery = reader.entity(EntityType::Delivery, &name, &row)?.id;
        let state = packages.state(&delivery)?;
        Ok(json!({
            "delivery": delivery, "bytes": state.bytes, "state": state.word, "rebuilt": state.rebuilt,
        }))
    });
    Ok(with_type(
        StatusCode::OK,
        LINES,
        Body::Pieces(gather(lines), None),
    ))
}

fn gather(mut lines: impl Iterator<Item = Result<serde_json::Value, Fault>> + 'static) -> Pieces {
    Box::new(move || {
        let mut piece = Vec::new();
        while piece.len() < GATHER {
            match lines.next() {
                Some(Ok(line)) => {
                    piece.extend_from_slice(outside::json(&line).as_bytes());
                    piece.push(b'\n');
                }
                Some(Err(trouble)) => return Some(Err(trouble)),
                None => break,
            }
        }
        (!piece.is_empty()).then(|| Ok(piece.into()))
    })
}

/// Whether the catalogue shows a delivery: the package of one that is hidden is kept, but nobody's. Where the catalogue
/// cannot be read, packages are all the same.
fn is_shown(engine: &Engine, delivery: &str) -> bool {
    let edition = Catalogue::open(engine.vault()).and_then(|catalogue| catalogue.shown());
    let name = engine.vault().keys();
    let name = name.name(EntityType::Delivery.word(), delivery);
    edition.map_or(true, |edition| {
        let rows = edition.types.get(&EntityType::Delivery);
        rows.is_some_and(|rows| rows.contains_key(&name))
    })
}

/// The content of a whole package, or one range of it (RFC 9110 14).
pub(super) fn package(
    board: &Board,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response<Body>, Fault> {
    let delivery = query
        .text("delivery")
        .ok_or_else(|| flaw("parameter `delivery` is missing: expected the URI of a delivery"))?;
    let engine = open(board)?;
    let packages = Packages::open(engine.vault())?;
    let meta = packages
        .held(delivery)?
        .filter(|meta| !meta.damaged && is_shown(&engine, delivery))
        .ok_or_else(|| {
            let reason = format!(
                "the box holds no whole package of {}",
                outside::id(delivery)
            );
            Fault::new(Code::PackageNotHeld, reason)
        })?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", NameHash(meta.edition)))
        .map_err(|_| flaw("the edition of the package has no name"))?;
    // A range of another edition would be a piece of another package: then all of it is sent.
    let same = headers.get(IF_RANGE).is_none_or(|value| *value == tag);
    let wanted = headers
        .get(RANGE)
        .filter(|_| same)
        .map_or(Wanted::All, |value| {
            Wanted::read(value.to_str().unwrap_or_default(), meta.size)
        });
    let (status, start, end) = match wanted {
        Wanted::All => (StatusCode::OK, 0, meta.size),
        Wanted::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::Outside => {
            let reason = format!("the package has {} bytes", meta.size);
            let trouble = Fault::new(Code::ApiRange, reason);
            let mut response = super::wire::refusal(&trouble);
            insert(
                &mut response,
                CONTENT_RANGE,
                &format!("bytes */{}", meta.size),
            );
            return Ok(response);
        }
    };
    let size = meta.size;
    let content = packages.content(&meta)?;
    let mut at = start;
    let pieces: Pieces = Box::new(move || {
        if at >= end {
            return None;
        }
        let piece = content.from(at, end - at);
        if let Ok(piece) = &piece {
            at += piece.len() as u64;
        }
        Some(piece.map(Bytes::from))
    });
    let mut response = with_type(
        status,
        "application/zip",
        Body::Pieces(pieces, Some(end - start)),
    );
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, tag);
    if status == StatusCode::PARTIAL_CONTENT {
        let place = format!("bytes {start}-{}/{size}", end - 1);
        insert(&mut response, CONTENT_RANGE, &place);
    }
    Ok(response)
}

fn insert(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
