//! The change feed, for a delivery engine that follows the catalogue.
//! Never opens the store in the daemon: a short-lived process reads it (`feed-worker`).
//! Called by the route `feed`, and by the hidden verb.

use std::time::Duration;

use hyper::{Response, StatusCode};
use logic::words::{Class, Outcome, Trouble};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use super::board::Board;
use super::body::Body;
use super::query::{Query, flaw};
use super::wire::object;
use crate::engine::Engine;
use crate::worker::child;

/// The most changes in one answer, and how many there are unasked.
const MOST: u64 = 10_000;
/// The reader's process has to answer within this.
const PATIENCE: Duration = Duration::from_secs(15);

/// One reader at a time: the store opens once.
static READERS: Semaphore = Semaphore::const_new(1);

/// Changes after a position of an epoch.
pub(super) async fn answer(board: &Board, query: &Query) -> Result<Response<Body>, Trouble> {
    let epoch = query.number("epoch")?;
    let since = query.number("since")?.unwrap_or(0);
    let limit = query.number("limit")?.unwrap_or(MOST);
    if limit == 0 || limit > MOST {
        return Err(flaw(&format!("parameter `limit`: expected 1 to {MOST}")));
    }
    let read = async {
        let _turn = READERS.acquire().await;
        child(board.root(), "feed-worker")
            .args(["--since", &since.to_string(), "--limit", &limit.to_string()])
            .output()
            .await
    };
    let output = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(failed(&format!("cannot be started: {error}"))),
        Err(_) => return Err(busy()),
    };
    let told: Json = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(&format!("ended with {}", output.status)))?;
    if let Some(trouble) = told.get("trouble") {
        return Err(serde_json::from_value(trouble.clone())
            .unwrap_or_else(|_| failed("told nothing that can be read")));
    }
    let number = |name: &str| told.get(name).and_then(Json::as_u64).unwrap_or(0);
    let behind = since.saturating_add(1) < number("oldest");
    let ahead = since > number("newest");
    if epoch.is_some_and(|epoch| epoch != number("epoch")) || behind || ahead {
        let reason = format!(
            "the feed does not go back to {since}: read all entities again, then follow epoch {} from {}",
            number("epoch"),
            number("newest")
        );
        return Err(Trouble::new(
            "feed.gone",
            Class::GiveUp,
            Outcome::Failed,
            reason,
        ));
    }
    Ok(object(StatusCode::OK, told))
}

/// The reader: one object, the changes or the trouble.
pub fn read(engine: Result<Engine, Trouble>, since: u64, limit: usize) -> Json {
    let feed = match engine.and_then(|engine| engine.feed(since, limit)) {
        Ok(feed) => feed,
        Err(trouble) => return json!({ "trouble": trouble }),
    };
    let changes: Vec<Json> = feed
        .changes
        .iter()
        .map(|(number, change)| {
            json!({
                "number": number, "type": change.kind.word(), "id": change.id, "op": change.op,
                "generation": change.generation,
            })
        })
        .collect();
    json!({
        "schema": 1, "epoch": feed.epoch, "oldest": feed.oldest, "newest": feed.newest, "changes": changes,
    })
}

fn busy() -> Trouble {
    let reason = "the store is in use by a synchronization: ask again in a moment";
    Trouble::new("state.busy", Class::Retry, Outcome::Failed, reason)
}

fn failed(how: &str) -> Trouble {
    let reason = format!("the process that reads the change feed {how}");
    Trouble::new("worker.died", Class::Retry, Outcome::Failed, reason)
}
