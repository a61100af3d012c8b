//! Which request is answered by what, and what a failure looks like on the wire.
//! Never lets anybody in who was not admitted, and never reads more of a body than its route takes.
//! Called for every request of every connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use logic::schedule::Errand;
use logic::words::{Class, Outcome, Trouble};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};

use super::board::Board;
use super::body::Body;
use super::query::{Query, flaw};
use super::receive::{self, Target};
use super::{content, feed, metrics, standing};
use crate::engine::exam;

/// The largest body of a request that is no intake.
const SMALL: usize = 16 << 10;
/// A body has to come within this.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// What a caller is asked to wait where a store is busy, seconds.
const BUSY: u64 = 5;

/// The description of this API.
const OPENAPI: &str = include_str!("openapi.json");

/// Answers one request.
pub(super) async fn answer(
    board: &Board,
    allowed: bool,
    request: Request<Incoming>,
) -> Response<Body> {
    board.count();
    if !allowed {
        let reason =
            "this user may not speak with boxsync: see allow_uids and allow_gids in section [box]";
        let denied = Trouble::new("api.denied", Class::Operator, Outcome::Failed, reason);
        return refusal(&denied);
    }
    dispatch(board, request)
        .await
        .unwrap_or_else(|trouble| refusal(&trouble))
}

async fn dispatch(board: &Board, request: Request<Incoming>) -> Result<Response<Body>, Trouble> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(str::to_owned);
    let query = |known: &[&str]| Query::read(query.as_deref(), known);
    let route = path.strip_prefix("/v1/").unwrap_or_default();
    let target = Target::of(route).transpose()?;
    let allow = match (route, &target) {
        (_, Some((_, method))) => method.clone(),
        _ => method_of(&path, route)?,
    };
    if request.method() != allow {
        let reason = format!("{path} is used with {allow}");
        let trouble = Trouble::new("api.method", Class::GiveUp, Outcome::Failed, reason);
        let mut response = refusal(&trouble);
        if let Ok(allow) = HeaderValue::from_str(allow.as_str()) {
            response.headers_mut().insert(ALLOW, allow);
        }
        return Ok(response);
    }
    if let Some((target, _)) = target {
        query(&[])?;
        return receive::answer(board, target, request).await;
    }
    match route {
        "status" => {
            query(&[])?;
            Ok(object(StatusCode::OK, standing::status(board)))
        }
        "sync" => {
            query(&[])?;
            let errand: Errand = read(request).await?;
            let accepted = board.ask(errand).await?;
            let told = json!({ "schema": 1, "run": accepted.run, "joined": accepted.joined });
            Ok(object(StatusCode::ACCEPTED, told))
        }
        "sync/events" => {
            query(&[])?;
            Ok(events(board))
        }
        "entities" => content::entities(board, &query(&["type", "id"])?),
        "feed" => feed::answer(board, &query(&["epoch", "since", "limit"])?).await,
        "packages" => {
            query(&[])?;
            content::packages(board)
        }
        "packages/content" => {
            let query = query(&["delivery"])?;
            content::package(board, &query, request.headers())
        }
        "exam" => {
            query(&[])?;
            signal_exam(board, read(request).await?)
        }
        "metrics" => {
            query(&[])?;
            Ok(metrics::answer(board))
        }
        _ => {
            query(&[])?;
            Ok(with_type(
                StatusCode::OK,
                "application/json",
                Body::whole(OPENAPI),
            ))
        }
    }
}

fn method_of(path: &str, route: &str) -> Result<Method, Trouble> {
    match route {
        "status" | "sync/events" | "entities" | "feed" | "packages" | "packages/content"
        | "metrics" | "openapi.json" => Ok(Method::GET),
        "sync" => Ok(Method::POST),
        "exam" => Ok(Method::PUT),
        _ => {
            let reason = format!("there is no {path}; /v1/openapi.json describes what there is");
            Err(Trouble::new(
                "api.unknown_route",
                Class::GiveUp,
                Outcome::Failed,
                reason,
            ))
        }
    }
}

/// The body of `PUT /v1/exam`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exam {
    active: bool,
    ttl_seconds: Option<u64>,
}

fn signal_exam(board: &Board, wanted: Exam) -> Result<Response<Body>, Trouble> {
    let lasts = match (wanted.active, wanted.ttl_seconds) {
        (false, _) => None,
        (true, Some(seconds)) if seconds > 0 => {
            Some(Duration::from_secs(seconds).min(exam::LONGEST))
        }
        (true, _) => {
            return Err(flaw(
                "an exam that runs needs `ttl_seconds` above 0: send it again before it is over",
            ));
        }
    };
    exam::signal(board.root(), lasts)?;
    let seconds = lasts.map(|lasts| lasts.as_secs());
    let told = json!({ "schema": 1, "active": wanted.active, "ttl_seconds": seconds });
    Ok(object(StatusCode::OK, told))
}

/// Reads a body as JSON; an empty one is an empty object.
async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Trouble> {
    let bytes = whole(request, SMALL, BODY_PATIENCE).await?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| flaw(&format!("the body: {error}")))
}

/// Reads a body of at most so many bytes within a time.
pub(super) async fn whole(
    request: Request<Incoming>,
    most: usize,
    patience: Duration,
) -> Result<Bytes, Trouble> {
    // What says so itself is not read at all.
    if request.body().size_hint().lower() > most as u64 {
        return Err(too_large(most as u64));
    }
    let body = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(patience, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(most as u64)),
        Ok(Err(error)) => Err(flaw(&format!("the body did not come whole: {error}"))),
        Err(_) => Err(slow(patience)),
    }
}

pub(super) fn too_large(most: u64) -> Trouble {
    let reason = format!("the body is longer than {most} bytes");
    Trouble::new("api.too_large", Class::GiveUp, Outcome::Failed, reason)
}

pub(super) fn slow(patience: Duration) -> Trouble {
    let reason = format!("the body did not come within {} s", patience.as_secs());
    Trouble::new("api.slow", Class::Retry, Outcome::Failed, reason)
}

/// Server-sent events (WHATWG HTML 9.2): how it stands now, then whatever is told.
fn events(board: &Board) -> Response<Body> {
    let mut told = board.follow();
    let (send, receive) = mpsc::channel(16);
    let first = event("state", &standing::daemon(board).to_string());
    tokio::task::spawn_local(async move {
        if send.send(first).await.is_err() {
            return;
        }
        loop {
            let next = tokio::select! {
                next = told.recv() => next,
                () = send.closed() => return,
            };
            match next {
                Ok(next) => {
                    if send.send(event(next.kind, &next.data)).await.is_err() {
                        return;
                    }
                }
                // A slow reader misses progress; what comes next is newer.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    with_type(StatusCode::OK, "text/event-stream", Body::Events(receive))
}

fn event(kind: &str, data: &str) -> Bytes {
    format!("event: {kind}\ndata: {data}\n\n").into()
}

/// A JSON object as an answer.
pub(super) fn object(status: StatusCode, object: serde_json::Value) -> Response<Body> {
    let mut text = object.to_string();
    text.push('\n');
    with_type(status, "application/json", Body::whole(text))
}

/// An answer of a type; nothing of it may be kept by anybody in between.
pub(super) fn with_type(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A trouble on the wire: its code and reason, and the status that fits.
pub(super) fn refusal(trouble: &Trouble) -> Response<Body> {
    let status = match trouble.code.as_str() {
        "api.request" => StatusCode::BAD_REQUEST,
        "api.denied" => StatusCode::FORBIDDEN,
        "api.unknown_route" | "catalogue.unknown_entity" | "package.not_held" => {
            StatusCode::NOT_FOUND
        }
        "api.method" => StatusCode::METHOD_NOT_ALLOWED,
        "api.slow" => StatusCode::REQUEST_TIMEOUT,
        "feed.gone" => StatusCode::GONE,
        "api.too_large" | "intake.too_long" => StatusCode::PAYLOAD_TOO_LARGE,
        "disk.full" => StatusCode::INSUFFICIENT_STORAGE,
        "api.range" => StatusCode::RANGE_NOT_SATISFIABLE,
        code if code.starts_with("intake.") && trouble.class != Class::Retry => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ if trouble.class == Class::Retry => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let told = json!({ "schema": 1, "code": trouble.code, "reason": trouble.reason });
    let mut response = object(status, told);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = trouble.retry_after.map_or(BUSY, |wait| wait.as_secs());
        response.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    response
}
