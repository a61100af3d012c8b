//! What siblings give this box to keep, over the door: listed, kept and let go, each for the box that asks alone.
//! Never opens anything for somebody, and never holds more than two objects in memory at a time.
//! Called by the door's answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use logic::fault::{Code, Fault};
use logic::seal::NameHash;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::engine::{Engine, Kept, KeptBytes};
use crate::site::{SiteAnswer, SiteAsking, whole};
use crate::socket::state::SharedState;

/// Bytes of an object, at most: those of the largest item that is given, with its account, and what seals it.
const OBJECT_MOST: usize = 33 << 20;
/// Objects in memory at a time.
pub(super) const AT_ONCE: usize = 2;

/// What all siblings share of this box.
pub(super) struct CopyRoom {
    /// Whoever holds one has an object in memory.
    pub(super) turns: Semaphore,
    kept: Arc<KeptBytes>,
}

impl Default for CopyRoom {
    fn default() -> Self {
        let (turns, kept) = (Semaphore::new(AT_ONCE), Arc::default());
        Self { turns, kept }
    }
}

/// The next piece of an object comes within this, and all of it: who was switched off in the middle holds nobody else up.
const PIECE_TIMEOUT: Duration = Duration::from_secs(20);
const OBJECT_TIMEOUT: Duration = Duration::from_secs(180);

pub(super) async fn answered(
    shared: &SharedState,
    room: &CopyRoom,
    asking: SiteAsking,
) -> SiteAnswer {
    let (request, of) = (asking.request, asking.sibling.box_id);
    let Some(of) = of else {
        return whole(StatusCode::FORBIDDEN, Bytes::new());
    };
    let path = request.uri().path().strip_prefix("/site/1/copies");
    let name = path.and_then(|rest| rest.strip_prefix('/')?.parse::<NameHash>().ok());
    match (request.method().clone(), name) {
        (Method::GET, None) if path == Some("") => {
            let names = at_work(shared, move |engine| engine.kept_names(&of)).await;
            match names {
                Ok(names) => whole(
                    StatusCode::OK,
                    names.iter().flat_map(|name| name.0).collect::<Vec<u8>>(),
                ),
                Err(trouble) => failed(&trouble),
            }
        }
        (Method::PUT, Some(name)) => {
            let Ok(_turn) = room.turns.acquire().await else {
                return whole(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
            };
            let object = match timeout(OBJECT_TIMEOUT, object(request.into_body())).await {
                Ok(Ok(object)) => object,
                Ok(Err(status)) => return whole(status, Bytes::new()),
                Err(_) => return whole(StatusCode::REQUEST_TIMEOUT, Bytes::new()),
            };
            let bytes = room.kept.clone();
            let kept = at_work(shared, move |engine| engine.keep(&of, name, object, &bytes)).await;
            match kept {
                Ok(kept) => whole(status_of(kept), Bytes::new()),
                Err(trouble) => failed(&trouble),
            }
        }
        (Method::DELETE, Some(name)) => {
            let bytes = room.kept.clone();
            match at_work(shared, move |engine| engine.let_go(&of, name, &bytes)).await {
                Ok(()) => whole(StatusCode::NO_CONTENT, Bytes::new()),
                Err(trouble) => failed(&trouble),
            }
        }
        _ => whole(StatusCode::NOT_FOUND, Bytes::new()),
    }
}

/// An object as it comes; the status of an answer where it is too large or stops in the middle.
async fn object(body: Incoming) -> Result<Vec<u8>, StatusCode> {
    let (mut object, mut body) = (Vec::new(), Limited::new(body, OBJECT_MOST));
    loop {
        match timeout(PIECE_TIMEOUT, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                object.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
            }
            Ok(Some(Err(_))) => return Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(None) => return Ok(object),
            Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

fn status_of(kept: Kept) -> StatusCode {
    match kept {
        Kept::Durable => StatusCode::NO_CONTENT,
        Kept::Foreign => StatusCode::UNPROCESSABLE_ENTITY,
        Kept::Older => StatusCode::CONFLICT,
        Kept::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// Who gave it is told by a number; why is told here.
fn failed(trouble: &Fault) -> SiteAnswer {
    tracing::warn!(code = %trouble.code, "a copy of a sibling was not kept: {trouble}");
    let status = match trouble.code {
        Code::DiskFull | Code::DiskInodes => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    whole(status, Bytes::new())
}

/// Beside the loop: a slow disk holds nothing up.
pub(super) async fn at_work<T: Send + 'static>(
    shared: &SharedState,
    work: impl FnOnce(&Engine) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (root, settings) = (shared.root().clone(), (*shared.settings()).clone());
    let done = system::task::spawn_blocking(move || work(&Engine::open(&root, settings)?));
    done.await.expect("work on files does not panic")
}
