//! The way in for what candidates did: read whole, handed to the intake, answered when it is on disk.
//! Never answers yes before that, and never reads more than one item may have.
//! Called by the routes `results`, `logs`, `lti-users` and `sessions`.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, StatusCode};
use logic::fault::{ApiCause, Area, Code, Fault, ParameterFlaw};
use logic::intake::ItemKind;
use logic::json::of_value;
use logic::places::SMALL_DOCUMENT;
use logic::schedule::Errand;
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::body::ResponseBody;
use super::query::{Query, flaw, parameter};
use super::state::SharedState;
use super::target::RouteTarget;
use super::wire::{linger, next_piece, object, slow, too_large, whole};
use crate::engine::Engine;
use crate::intake::{Intake, Receipt};
use crate::worker::child;

/// A large item from a busy delivery engine has to come within this.
const ITEM_TIMEOUT: Duration = Duration::from_secs(60);

/// What a document may have around its item.
const ENVELOPE: u64 = 64 << 10;
/// Follows the document on its way to the worker; no JSON ends with it.
const END: u8 = 0x04;

/// What the routes take.
pub(super) const PARAMETERS: [&str; 1] = ["send"];

/// Lets in what the body holds.
pub(super) async fn answer(
    shared: &SharedState,
    target: RouteTarget,
    query: &Query,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Fault> {
    let now = match query.text("send") {
        None => false,
        Some("now") => true,
        Some(_) => {
            return Err(parameter(
                "send",
                ParameterFlaw::Expected { word: "now".into() },
            ));
        }
    };
    let settings = shared.settings();
    let limit = settings.results.max_item.bytes();
    let size = request.body().size_hint();
    if size.lower() > limit.saturating_add(ENVELOPE) {
        linger(request.into_body());
        return Err(too_large(limit));
    }
    let kept = if size.upper().is_some_and(|most| most <= SMALL_DOCUMENT) {
        let document = whole(request, SMALL_DOCUMENT as usize, ITEM_TIMEOUT).await?;
        here(shared, target, document).await
    } else {
        let kept = tokio::time::timeout(ITEM_TIMEOUT, elsewhere(shared, &target, request, limit));
        kept.await.map_err(|_| slow(ITEM_TIMEOUT))?
    };
    shared.events().done();
    shared.news().handed_in();
    let mut told = kept?;
    if now {
        // It is kept whatever comes of that: a daemon that stops sends it when it has started again.
        told["run"] = json!(shared.ask(send()).await.ok().map(|accepted| accepted.run));
    }
    Ok(object(StatusCode::OK, told))
}

/// A small document is let in by the daemon itself, through what the one before it has opened. Where that fails for
/// anything but the document, it is opened anew: the state folder may be another one by now.
async fn here(shared: &SharedState, target: RouteTarget, document: Bytes) -> Result<Json, Fault> {
    let (root, settings) = (shared.root().clone(), (*shared.settings()).clone());
    let of = (settings.results.clone(), settings.site.clone());
    let open = shared.intake_of(&of);
    // The disk may take its time to sync: others are answered meanwhile.
    let kept = system::task::spawn_blocking(move || {
        if let Some(open) = open {
            match keep(&open, &target, &document) {
                Err(trouble) if !trouble.code.is(Area::Intake) => {}
                kept => return Ok::<_, Fault>((open, kept)),
            }
        }
        let engine = Engine::open(&root, settings)?;
        let settings = &engine.settings().results;
        let open = Intake::open(engine.vault(), settings, engine.copy_follower())?;
        let kept = keep(&open, &target, &document);
        Ok((open, kept))
    });
    let (open, kept) = kept.await.map_err(failed)??;
    shared.keep_intake(of, open);
    kept.map(|receipt| told(&receipt))
}

/// A run that takes home what is owed.
fn send() -> Errand {
    Errand {
        data: false,
        no_wait: true,
        ..Errand::whole()
    }
}

/// A large document is handed on as it comes to a process of its own: read here, its memory would stay with the daemon.
async fn elsewhere(
    shared: &SharedState,
    target: &RouteTarget,
    request: Request<Incoming>,
    limit: u64,
) -> Result<Json, Fault> {
    let mut command = child(shared.root(), "intake-worker");
    command.arg(target.kind.word());
    if let Some(id) = &target.id {
        command.arg("--id").arg(id);
    }
    let mut worker = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
    let mut input = worker.stdin.take();
    let mut body = request.into_body();
    let mut left = limit.saturating_add(ENVELOPE);
    let end = Instant::now() + ITEM_TIMEOUT;
    while let Some(piece) = next_piece(&mut body, end, ITEM_TIMEOUT).await? {
        // Dropped, the worker is killed before it saw the document's end: nothing of it was let in.
        let Some(less) = left.checked_sub(piece.len() as u64) else {
            linger(body);
            return Err(too_large(limit));
        };
        left = less;
        if let Some(pipe) = &mut input {
            // A worker that is gone is told by its answer.
            if pipe.write_all(&piece).await.is_err() {
                input = None;
            }
        }
    }
    // The end of the document is said, so that one that was cut is never taken for a whole one.
    if let Some(mut pipe) = input.take() {
        let _ = pipe.write_all(&[END]).await;
    }
    let output = worker.wait_with_output().await.map_err(failed)?;
    let told: Json = serde_json::from_slice(&output.stdout).map_err(failed)?;
    match told.get("trouble") {
        Some(trouble) => Err(of_value(trouble).map_err(failed)?),
        None => Ok(told),
    }
}

/// The worker: reads a document to its marked end and lets it in; one object, the receipt or the trouble.
pub fn work(
    engine: Result<Engine, Fault>,
    kind: ItemKind,
    id: Option<String>,
    mut document: Vec<u8>,
) -> Json {
    if document.pop() != Some(END) {
        return json!({ "trouble": flaw(ApiCause::DocumentCut) });
    }
    let kept = engine.and_then(|engine| {
        let settings = &engine.settings().results;
        let intake = Intake::open(engine.vault(), settings, engine.copy_follower())?;
        keep(&intake, &RouteTarget { kind, id }, &document)
    });
    match kept {
        Ok(receipt) => told(&receipt),
        Err(trouble) => json!({ "trouble": trouble }),
    }
}

fn keep(intake: &Intake, target: &RouteTarget, document: &[u8]) -> Result<Receipt, Fault> {
    match &target.id {
        Some(id) => intake.put(target.kind, id, document),
        None => intake.submit(target.kind, document),
    }
}

fn failed(error: impl std::fmt::Display) -> Fault {
    let why = error.to_string().as_str().into();
    Fault::new(Code::IntakeFailed, ApiCause::NotKept { why })
}

fn told(receipt: &Receipt) -> Json {
    let item = |(id, new): &(String, bool)| {
        let added = receipt.added.contains(id);
        let means = match new {
            false => "known",
            true if added => "added",
            true => "first",
        };
        json!({ "id": id, "new": new, "means": means })
    };
    json!({
        "schema": 1,
        "items": receipt.items.iter().map(item).collect::<Vec<_>>(),
        "warnings": receipt.warnings,
    })
}
