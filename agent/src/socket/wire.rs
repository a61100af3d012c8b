//! Bodies in and out: read within bounds of size and time, written as JSON, a failure with the status that fits it.
//! Never decides which route answers.
//! Called by every route.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use logic::fault::{ApiCause, Code, Fault, ParameterFlaw};
use logic::outside;
use serde_json::json;
use tokio::time::Instant;

use super::body::ResponseBody;
use super::query::flaw;

/// What a caller is asked to wait where a store is busy, seconds.
const BUSY: u64 = 5;

/// So long, and so many bytes, a body is thrown away before the connection is closed on it.
const LINGERING_TIME: Duration = Duration::from_secs(5);
const LINGERING_BYTES: usize = 256 << 20;

/// A body of which nothing comes for so long is given up.
const STALLED: Duration = Duration::from_secs(5);

/// Reads a body of at most so many bytes within a time.
pub(super) async fn whole(
    request: Request<Incoming>,
    most: usize,
    patience: Duration,
) -> Result<Bytes, Fault> {
    // What says so itself is not read at all.
    if request.body().size_hint().lower() > most as u64 {
        linger(request.into_body());
        return Err(too_large(most as u64));
    }
    let end = Instant::now() + patience;
    let (mut body, mut bytes) = (request.into_body(), BytesMut::new());
    while let Some(piece) = next_piece(&mut body, end, patience).await? {
        if bytes.len() + piece.len() > most {
            linger(body);
            return Err(too_large(most as u64));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// What is not wanted is read and thrown away for a while: a caller that is still sending would else meet a closed door in
/// place of the answer (RFC 9112 9.6).
pub(super) fn linger(mut body: Incoming) {
    system::task::spawn_local(async move {
        let (end, mut left) = (Instant::now() + LINGERING_TIME, LINGERING_BYTES);
        while let Ok(Some(piece)) = next_piece(&mut body, end, LINGERING_TIME).await {
            match left.checked_sub(piece.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    });
}

/// The next piece of a body; `None` at its end. One that comes too slowly, or not at all for a while, is given up: its
/// place is needed.
pub(super) async fn next_piece(
    body: &mut Incoming,
    end: Instant,
    patience: Duration,
) -> Result<Option<Bytes>, Fault> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let frame = tokio::time::timeout(left.min(STALLED), body.frame()).await;
        match frame {
            Ok(Some(Ok(frame))) => {
                // Trailers are no content.
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Ok(Some(Err(error))) => {
                let why = error.to_string().as_str().into();
                return Err(flaw(ApiCause::BodyCut { why }));
            }
            Ok(None) => return Ok(None),
            Err(_) if left < STALLED => return Err(slow(patience)),
            Err(_) => return Err(slow(STALLED)),
        }
    }
}

/// A field of a body that cannot be what it is.
pub(super) fn field(name: &str, wrong: ParameterFlaw) -> Fault {
    let name = name.to_owned();
    flaw(ApiCause::Field { name, flaw: wrong })
}

pub(super) fn too_large(most: u64) -> Fault {
    Fault::new(Code::ApiTooLarge, ApiCause::BodyLong { most })
}

pub(super) fn slow(patience: Duration) -> Fault {
    let seconds = patience.as_secs();
    Fault::new(Code::ApiSlow, ApiCause::BodySlow { seconds })
}

/// A JSON object as an answer.
pub(super) fn object(status: StatusCode, object: serde_json::Value) -> Response<ResponseBody> {
    let mut text = outside::json(&object);
    text.push('\n');
    with_type(status, "application/json", ResponseBody::whole(text))
}

/// An answer of a type; nothing of it may be kept by anybody in between.
pub(super) fn with_type(
    status: StatusCode,
    kind: &'static str,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A trouble on the wire: its code, its reason, its cause where that is a value, and the status that fits.
pub(super) fn refusal(trouble: &Fault) -> Response<ResponseBody> {
    let status =
        StatusCode::from_u16(trouble.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut told = json!(trouble.finding());
    told["schema"] = 1.into();
    let mut response = object(status, told);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = trouble.retry_after.map_or(BUSY, |wait| wait.as_secs());
        response.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    response
}
