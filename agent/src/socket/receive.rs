//! The way in for what candidates did: read whole, handed to the intake, answered when it is on disk.
//! Never answers yes before that, and never reads more than one item may have.
//! Called by the routes `results`, `logs`, `lti-users` and `sessions`.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use logic::intake::Kind;
use logic::words::{Class, Outcome, Trouble};
use serde_json::json;
use tokio::sync::Semaphore;

use super::board::Board;
use super::body::Body;
use super::query::{decode, flaw};
use super::route::{object, whole};
use crate::engine::Engine;
use crate::intake::{Intake, Receipt};

/// A large item from a busy delivery engine has to come within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Items that are read at once; each may be as large as the largest item. Others wait before their bodies are read.
static PLACES: Semaphore = Semaphore::const_new(4);

/// What a route takes: the kind, and the id of a single item.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    kind: Kind,
    id: Option<String>,
}

impl Target {
    /// The intake that a path names, and the method it is used with.
    pub(super) fn of(route: &str) -> Option<Result<(Self, Method), Trouble>> {
        let (word, id) = match route.split_once('/') {
            Some((word, id)) => (word, Some(id)),
            None => (route, None),
        };
        let kind = word.parse::<Kind>().ok()?;
        let Some(id) = id else {
            return Some(Ok((Self { kind, id: None }, Method::POST)));
        };
        // An id is a URI: its slashes may be written as they are or encoded.
        Some(decode(id).and_then(|id| {
            if id.is_empty() {
                return Err(flaw("the id of the item is missing at the end of the path"));
            }
            let id = Some(id);
            Ok((Self { kind, id }, Method::PUT))
        }))
    }
}

/// Lets in what the body holds.
pub(super) async fn answer(
    board: &Board,
    target: Target,
    request: Request<Incoming>,
) -> Result<Response<Body>, Trouble> {
    let settings = board.settings();
    let limit = settings.results.max_item.bytes();
    let _place = PLACES.acquire().await;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let document = whole(request, most, PATIENCE).await?;
    let intake = Engine::open(board.root(), (*settings).clone())
        .and_then(|engine| Intake::open(engine.vault(), limit))?;
    // The disk may take its time to sync: others are answered meanwhile.
    let kept = tokio::task::spawn_blocking(move || keep(&intake, &target, &document));
    let receipt = kept.await.map_err(|error| {
        let reason = format!("the item was not kept: {error}");
        Trouble::new("intake.failed", Class::Retry, Outcome::Failed, reason)
    })??;
    Ok(object(StatusCode::OK, told(&receipt)))
}

fn keep(intake: &Intake, target: &Target, document: &Bytes) -> Result<Receipt, Trouble> {
    match &target.id {
        Some(id) => intake.put(target.kind, id, document),
        None => intake.submit(target.kind, document),
    }
}

fn told(receipt: &Receipt) -> serde_json::Value {
    let item = |(id, new): &(String, bool)| json!({ "id": id, "new": new });
    json!({
        "schema": 1,
        "items": receipt.items.iter().map(item).collect::<Vec<_>>(),
        "warnings": receipt.warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_kind_and_the_id() {
        let target = |route| Target::of(route).map(Result::unwrap);
        let one = Target {
            kind: Kind::Results,
            id: Some("https://box/tao.rdf#i1".into()),
        };
        let route = "results/https%3A%2F%2Fbox%2Ftao.rdf%23i1";
        assert_eq!(target(route), Some((one, Method::PUT)));
        let all = Target {
            kind: Kind::LtiUsers,
            id: None,
        };
        assert_eq!(target("lti-users"), Some((all, Method::POST)));
        assert_eq!(target("exam"), None);
        assert!(Target::of("logs/").is_some_and(|target| target.is_err()));
    }
}
