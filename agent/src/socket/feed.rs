//! The change feed, for a delivery engine that follows the catalogue.
//! Never refuses while a run is under way, never opens the store, and never goes on where a change could be missed.
//! Called by the route `feed`.

use std::fmt::Write;
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use logic::access::{ApiRole, ApiRoles};
use logic::fault::{ApiCause, Code, Fault, Finding, ParameterFlaw};
use logic::feed::{Extent, FeedRequest, FollowerRefusal, Position};
use logic::outside;
use serde_json::json;
use tokio::time::Instant;

use super::body::{Pieces, ResponseBody};
use super::content::line;
use super::query::{Query, parameter};
use super::snapshot::{self, FeedSnapshot, Followed};
use super::state::SharedState;
use super::wire::{object, with_type};
use vault::feed::{FeedChange, Op};

/// What the route takes.
pub(super) const PARAMETERS: [&str; 7] = [
    "epoch",
    "since",
    "cursor",
    "limit",
    "include",
    "wait",
    "organisation",
];
/// The most changes in one answer, and how many there are unasked.
const MAX_CHANGES: u64 = 10_000;
/// Nobody waits longer for a change.
const MAX_FEED_WAIT: Duration = Duration::from_secs(300);
/// Changes are gathered to about so many bytes before they are handed on.
const GATHER: usize = 32 << 10;
/// The longest answer that is kept for the next one who asks the same.
const SHARED: usize = 256 << 10;

/// Changes after a position of an epoch; where there are none yet, after a while or when some come.
pub(super) async fn answer(
    shared: &SharedState,
    roles: ApiRoles,
    query: &Query,
) -> Result<Response<ResponseBody>, Fault> {
    let asked = asked(query)?;
    let limit = query.number("limit")?.unwrap_or(MAX_CHANGES);
    if limit == 0 || limit > MAX_CHANGES {
        return Err(parameter(
            "limit",
            ParameterFlaw::Range { most: MAX_CHANGES },
        ));
    }
    let contents = match query.text("include") {
        None => false,
        Some("entity") => true,
        Some(_) => return Err(not_included()),
    };
    let wait = query.seconds("wait", MAX_FEED_WAIT)?.unwrap_or_default();
    let until = Instant::now() + wait;
    let _watch = (!wait.is_zero()).then(|| shared.watch());
    loop {
        // Heard from here on: what is published between the two looks is not missed.
        let mut published = std::pin::pin!(shared.library().published());
        published.as_mut().enable();
        let held = Followed::now(shared)?;
        let (from, reads) = match held.enter(asked) {
            Ok(entered) => entered,
            Err(FollowerRefusal::Gone) => return Ok(gone(&held)),
            Err(FollowerRefusal::NeedsEpoch) => {
                return Err(parameter("since", ParameterFlaw::NeedsEpoch));
            }
        };
        if reads || Instant::now() >= until {
            let asked = snapshot::FeedPageKey {
                from,
                limit: if reads { limit } else { 0 },
                contents,
                secrets: roles.has(ApiRole::Secrets),
            };
            return page(&held, roles, asked);
        }
        // What is open is not kept for those who wait.
        drop(held);
        let _ = tokio::time::timeout_at(until, published).await;
    }
}

/// `include` names something else than what there is.
pub(super) fn not_included() -> Fault {
    let word = "entity".to_owned();
    parameter("include", ParameterFlaw::Expected { word })
}

fn asked(query: &Query) -> Result<FeedRequest, Fault> {
    let (epoch, since) = (query.number("epoch")?, query.number("since")?);
    match query.text("cursor") {
        None => Ok(FeedRequest::Since(epoch, since.unwrap_or(0))),
        Some(_) if epoch.is_some() || since.is_some() => {
            let other = "`epoch`/`since`".to_owned();
            Err(parameter("cursor", ParameterFlaw::Beside { other }))
        }
        Some(text) => text
            .parse()
            .map(FeedRequest::Cursor)
            .map_err(|()| parameter("cursor", ParameterFlaw::Cursor)),
    }
}

/// Where a follower goes on once it has read all entities.
fn gone(held: &Followed) -> Response<ResponseBody> {
    let end = held.end();
    let (epoch, newest) = end.map_or((0, 0), |end| (end.epoch, end.number));
    let cause = ApiCause::FeedGone { epoch, newest };
    let mut told = json!(Finding::new(Code::FeedGone, cause));
    told["schema"] = json!(1);
    told["epoch"] = json!(epoch);
    told["position"] = json!(newest);
    told["cursor"] = json!(end.map(|place| place.to_string()));
    object(StatusCode::GONE, told)
}

/// The answer; a short one is made once for all who ask the same.
fn page(
    held: &Followed,
    roles: ApiRoles,
    asked: snapshot::FeedPageKey,
) -> Result<Response<ResponseBody>, Fault> {
    let json = |body| Ok(with_type(StatusCode::OK, "application/json", body));
    if let Some(page) = held.shelf.page(asked) {
        return json(ResponseBody::whole(page));
    }
    let extent = held.extent();
    let mut changes = held.changes(asked.from.number).peekable();
    // A change that cannot be read is passed by nobody.
    if asked.limit > 0 && changes.peek().is_none() {
        return Ok(gone(held));
    }
    let contents = asked.contents.then(|| held.shelf.clone());
    let mut rest = pieces(extent, roles, asked, changes, contents);
    let mut first = Vec::new();
    while let Some(piece) = rest() {
        first.extend_from_slice(&piece?);
        if first.len() > SHARED {
            let mut first = Some(Ok(Bytes::from(first)));
            let all: Pieces = Box::new(move || first.take().or_else(&mut rest));
            return json(ResponseBody::Pieces(all, None));
        }
    }
    let page = Bytes::from(first);
    held.shelf.keep(asked, &page);
    json(ResponseBody::whole(page))
}

/// One object, written as it is read: ten thousand changes are never held at once.
fn pieces(
    extent: Extent,
    roles: ApiRoles,
    asked: snapshot::FeedPageKey,
    mut changes: Peekable<impl Iterator<Item = (Position, FeedChange)> + 'static>,
    contents: Option<Rc<FeedSnapshot>>,
) -> Pieces {
    let mut text = format!(
        r#"{{"schema":1,"epoch":{},"oldest":{},"newest":{},"changes":["#,
        extent.epoch, extent.oldest, extent.newest
    );
    let limit = asked.limit;
    let (mut place, mut left, mut ended) = (asked.from, limit, false);
    Box::new(move || {
        while !ended && text.len() < GATHER {
            let next = if left > 0 { changes.next() } else { None };
            let Some((behind, change)) = next else {
                // Writing to a text does not fail.
                let _ = writeln!(text, r#"],"cursor":"{place}"}}"#);
                ended = true;
                break;
            };
            let told = match told(behind, &change, contents.as_deref(), roles) {
                Ok(told) => told,
                Err(trouble) => {
                    ended = true;
                    return Some(Err(trouble));
                }
            };
            let comma = if left < limit { "," } else { "" };
            let _ = write!(text, "{comma}{}", outside::json(&told));
            (place, left) = (behind, left - 1);
        }
        let piece = std::mem::take(&mut text);
        (!piece.is_empty()).then(|| Ok(Bytes::from(piece)))
    })
}

/// One change. Its contents are those that are shown now: where a later change takes the entity away there are none.
pub(super) fn told(
    behind: Position,
    change: &FeedChange,
    contents: Option<&FeedSnapshot>,
    roles: ApiRoles,
) -> Result<serde_json::Value, Fault> {
    let mut told = json!({
        "number": behind.number, "type": change.kind.word(), "id": change.id, "op": change.op,
        "generation": change.generation,
    });
    if let (Op::Put, Some(shelf)) = (change.op, contents) {
        let entity = shelf.find(change.kind, &change.id)?;
        told["entity"] = json!(entity.map(|entity| line(change.kind, entity, roles)));
    }
    Ok(told)
}
