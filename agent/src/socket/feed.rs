//! The change feed, for a delivery engine that follows the catalogue.
//! Never waits for a run, never opens the store, and never goes on where a follower could have missed a change.
//! Called by the route `feed`.

use std::fmt::Write;
use std::iter::Peekable;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use logic::fault::{Code, Fault};
use logic::feed::{Admission, Asked, Extent, Position, admit};
use logic::outside;
use serde_json::json;

use super::board::Board;
use super::body::{Body, Pieces};
use super::query::{Query, flaw};
use super::wire::{object, with_type};
use crate::engine::Engine;
use crate::root::is_locked;
use crate::vault::catalogue::Catalogue;
use crate::vault::feed::{Change, Feed, Snapshot};

/// The most changes in one answer, and how many there are unasked.
const MOST: u64 = 10_000;
/// Changes are gathered to about so many bytes before they are handed on.
const GATHER: usize = 32 << 10;
/// A publication takes so long between the catalogue and its feed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Changes after a position of an epoch.
pub(super) fn answer(board: &Board, query: &Query) -> Result<Response<Body>, Fault> {
    let asked = asked(query)?;
    let limit = query.number("limit")?.unwrap_or(MOST);
    if limit == 0 || limit > MOST {
        return Err(flaw(&format!("parameter `limit`: expected 1 to {MOST}")));
    }
    let held = held(board)?;
    let from = match admit(asked, held.extent) {
        Admission::After(number) => held.position(number),
        Admission::AfterTagged(number, tag) => {
            held.position(number).filter(|place| place.tag == tag)
        }
        Admission::Gone => None,
        Admission::NeedsEpoch => {
            let needed = "parameter `since`: above 0 it needs `epoch`, for a number alone does not say of which history \
                          it is; give the `epoch` that the number came with, or `cursor` in place of both";
            return Err(flaw(needed));
        }
    };
    let Some(from) = from else {
        return Ok(gone(&held));
    };
    let mut changes = held.changes(from.number).peekable();
    // A change that cannot be read is passed by nobody.
    if from.number < held.extent.newest && changes.peek().is_none() {
        return Ok(gone(&held));
    }
    let body = Body::Pieces(pieces(held.extent, from, changes, limit), None);
    Ok(with_type(StatusCode::OK, "application/json", body))
}

/// Where a follower goes on that now begins to read all entities; `None` while a run publishes. What it reads may be
/// newer: the changes between are then told once more, which changes nothing.
pub(super) fn place(board: &Board) -> Option<Position> {
    let held = held(board).ok()?;
    held.position(held.extent.newest)
}

fn asked(query: &Query) -> Result<Asked, Fault> {
    let (epoch, since) = (query.number("epoch")?, query.number("since")?);
    match query.text("cursor") {
        None => Ok(Asked::Since(epoch, since.unwrap_or(0))),
        Some(_) if epoch.is_some() || since.is_some() => {
            let reason =
                "parameter `cursor`: it stands for `epoch` and `since`, give one or the other";
            Err(flaw(reason))
        }
        Some(text) => text.parse().map(Asked::Cursor).map_err(|()| {
            flaw("parameter `cursor`: expected what an earlier answer gave as `cursor`")
        }),
    }
}

/// The feed as it is followed now.
struct Held {
    extent: Extent,
    snapshot: Option<Snapshot>,
}

impl Held {
    /// The place behind a change. Without a feed there is but one.
    fn position(&self, number: u64) -> Option<Position> {
        let only = Position {
            epoch: self.extent.epoch,
            number,
            tag: 0,
        };
        match &self.snapshot {
            Some(snapshot) => snapshot.position(number),
            None => Some(only),
        }
    }

    fn changes(&self, after: u64) -> impl Iterator<Item = (Position, Change)> + use<> {
        let changes = self.snapshot.as_ref().map(|held| held.changes(after));
        changes.into_iter().flatten()
    }
}

/// The feed, if it leads to the catalogue that is shown. A cut between the two leaves one that does not: until the next
/// run begins a new epoch there is none, and whoever read all entities has nothing to follow yet.
fn held(board: &Board) -> Result<Held, Fault> {
    let engine = Engine::open(board.root(), (*board.settings()).clone())?;
    let feed = Feed::of(engine.vault());
    let catalogue = Catalogue::open(engine.vault())?;
    // What was published between the two looks is seen by the second one.
    for _ in 0..2 {
        let snapshot = feed.snapshot()?;
        let shown = board.shown(&catalogue)?;
        match snapshot {
            Some(snapshot) if snapshot.generation() == shown.generation => {
                return Ok(Held {
                    extent: snapshot.extent(),
                    snapshot: Some(snapshot),
                });
            }
            Some(_) if is_locked(&engine.vault().state().join("lock")) => {}
            _ => {
                let extent = Extent {
                    epoch: 0,
                    oldest: 1,
                    newest: 0,
                    whole: shown.is_empty,
                };
                return Ok(Held {
                    extent,
                    snapshot: None,
                });
            }
        }
    }
    let reason = "a synchronization is publishing its changes: ask again in a moment";
    let busy = Fault::new(Code::StateBusy, reason);
    Err(Fault {
        retry_after: Some(RETRY_AFTER),
        ..busy
    })
}

/// Where a follower goes on once it has read all entities.
fn gone(held: &Held) -> Response<Body> {
    let (epoch, newest) = (held.extent.epoch, held.extent.newest);
    let reason = format!(
        "the feed does not go back that far: read all entities again, then follow epoch {epoch} from {newest}"
    );
    let told = json!({
        "schema": 1, "code": Code::FeedGone, "reason": reason, "epoch": epoch, "position": newest,
        "cursor": held.position(newest).map(|place| place.to_string()),
    });
    object(StatusCode::GONE, told)
}

/// One object, written as it is read: ten thousand changes are never held at once.
fn pieces(
    extent: Extent,
    from: Position,
    mut changes: Peekable<impl Iterator<Item = (Position, Change)> + 'static>,
    limit: u64,
) -> Pieces {
    let mut text = format!(
        r#"{{"schema":1,"epoch":{},"oldest":{},"newest":{},"changes":["#,
        extent.epoch, extent.oldest, extent.newest
    );
    let (mut place, mut left, mut ended) = (from, limit, false);
    Box::new(move || {
        while !ended && text.len() < GATHER {
            let next = if left > 0 { changes.next() } else { None };
            let Some((behind, change)) = next else {
                // Writing to a text does not fail.
                let _ = writeln!(text, r#"],"cursor":"{place}"}}"#);
                ended = true;
                break;
            };
            let line = json!({
                "number": behind.number, "type": change.kind.word(), "id": change.id, "op": change.op,
                "generation": change.generation,
            });
            let comma = if left < limit { "," } else { "" };
            let _ = write!(text, "{comma}{}", outside::json(&line));
            (place, left) = (behind, left - 1);
        }
        let piece = std::mem::take(&mut text);
        (!piece.is_empty()).then(|| Ok(Bytes::from(piece)))
    })
}
