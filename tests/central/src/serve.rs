//! Listener, connections and the life of one request, scripted faults included.
//! Never decides what an answer says.
//! Runs on the thread that `Central` starts.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, DATE, HOST};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::control;
use crate::fault::{Fault, FaultStage, Passage, distort, instead};
use crate::flow::{Pace, PacedBody, Severed};
use crate::line::{CountedSocket, LinkState};
use crate::route::Route;
use crate::state::CentralState;
use crate::wire::{self, HttpRequest, HttpResponse};

/// What the server thread and the tests share.
pub(crate) struct Shared {
    state: Mutex<CentralState>,
    pub(crate) pace: Arc<Mutex<Pace>>,
    pub(crate) connections: AtomicU64,
    pub(crate) read: Arc<AtomicU64>,
    pub(crate) written: Arc<AtomicU64>,
    prefix: String,
}

impl Shared {
    pub(crate) fn new(state: CentralState, rate: u64, prefix: String) -> Self {
        Self {
            state: Mutex::new(state),
            pace: Arc::new(Mutex::new(Pace::new(rate))),
            connections: AtomicU64::new(0),
            read: Arc::default(),
            written: Arc::default(),
            prefix,
        }
    }

    /// A panic of a test must not hide behind a poisoned lock.
    pub(crate) fn state(&self) -> MutexGuard<'_, CentralState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tests tell the server thread; each is acknowledged when done.
pub(crate) enum Order {
    /// Close the listening socket, or open it again on the same port.
    Listen(bool, mpsc::Sender<()>),
    /// End every connection at once.
    Sever(mpsc::Sender<()>),
}

/// Accepts connections until the orders end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut orders: UnboundedReceiver<Order>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Listen(open, done)) => {
                    listener = if open { reopen(address, listener.take()).await } else { None };
                    let _ = done.send(());
                }
                Some(Order::Sever(done)) => {
                    connections.shutdown().await;
                    let _ = done.send(());
                }
            },
            accepted = accept(listener.as_ref()) => {
                let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
                if !shared.state().script.strike(FaultStage::Accepted, None).is_empty() {
                    let _ = accepted.set_zero_linger();
                    continue;
                }
                let _ = accepted.set_nodelay(true);
                let line = Arc::new(LinkState::new(
                    number,
                    Arc::clone(&shared.read),
                    Arc::clone(&shared.written),
                ));
                let wire = CountedSocket::new(accepted, Arc::clone(&line));
                connections.spawn(connection(Arc::clone(&shared), wire, line, tls.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> tokio::net::TcpStream {
    loop {
        match listener {
            None => std::future::pending::<()>().await,
            Some(listener) => match listener.accept().await {
                Ok((socket, _)) => return socket,
                // Out of descriptors or an aborted connection: the next one may be well.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
}

async fn reopen(address: SocketAddr, old: Option<TcpListener>) -> Option<TcpListener> {
    match old {
        Some(open) => Some(open),
        None => TcpListener::bind(address).await.ok(),
    }
}

async fn connection(
    shared: Arc<Shared>,
    wire: CountedSocket,
    line: Arc<LinkState>,
    tls: Option<TlsAcceptor>,
) {
    match tls {
        None => speak(shared, wire, line).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(wire).await {
                speak(shared, stream, line).await;
            }
        }
    }
}

async fn speak(
    shared: Arc<Shared>,
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
    line: Arc<LinkState>,
) {
    let service = service_fn(|request| handle(Arc::clone(&shared), Arc::clone(&line), request));
    // A connection may end in any way: the client's side tells tests what happened.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(io), service)
        .await;
}

/// One request: head faults, body, processing, answer faults.
async fn handle(
    shared: Arc<Shared>,
    line: Arc<LinkState>,
    incoming: hyper::Request<Incoming>,
) -> Result<Response<PacedBody>, Severed> {
    let (head, body) = incoming.into_parts();
    let target = head.uri.path();
    let path = match target.strip_prefix(shared.prefix.as_str()) {
        Some(path) => path.to_owned(),
        None => format!("/{target}"),
    };
    let mut request = HttpRequest {
        route: Route::of(&path),
        method: head.method,
        path,
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers,
        body: Bytes::new(),
        is_kept: line.requests.fetch_add(1, Ordering::Relaxed) > 0,
    };
    let sent = Arc::new(AtomicU64::new(0));
    if request.path == "_control" {
        request.body = collect(body, u64::MAX).await.unwrap_or_default();
        let answer = control::act(&shared, &request);
        return Ok(respond(&shared, answer, Passage::default(), sent, line));
    }

    let head_faults = shared
        .state()
        .script
        .strike(FaultStage::Head, Some(&request));
    if let Some(fault) = head_faults.first() {
        if let Fault::CutUpload { after } = fault {
            let _ = collect(body, *after).await;
        }
        let place = shared.state().note(&request, line.number, &sent);
        struck(&shared, place);
        return sever(&line);
    }
    let limit = shared.state().body_limit;
    let announced = request
        .header(&CONTENT_LENGTH)
        .and_then(|text| text.parse::<u64>().ok());
    let mut is_too_large = announced.is_some_and(|length| length > limit);
    if !is_too_large {
        match collect(body, limit).await {
            Some(content) => {
                is_too_large = content.len() as u64 > limit;
                request.body = content;
            }
            None => return sever(&line),
        }
    }
    let done = process(&shared, &line, &request, &sent, is_too_large);
    match done {
        Handled::Answer(answer, passage) => {
            if passage.latency_ms > 0 {
                tokio::time::sleep(Duration::from_millis(passage.latency_ms)).await;
            }
            Ok(respond(&shared, *answer, passage, sent, line))
        }
        Handled::Dead => sever(&line),
        Handled::Silent => std::future::pending().await,
    }
}

/// The request that a cache would have answered with what it has; nothing where it may not.
fn cached(fault: &Fault, request: &HttpRequest) -> Option<HttpRequest> {
    let Fault::Cached { delivery } = fault else {
        return None;
    };
    let is_let_through = request
        .header(&hyper::header::CACHE_CONTROL)
        .is_some_and(|value| value.contains("no-cache"));
    (!is_let_through).then(|| HttpRequest {
        query: format!(
            "delivery-uri={}",
            delivery
                .replace('%', "%25")
                .replace('#', "%23")
                .replace('&', "%26")
        ),
        ..request.clone()
    })
}

enum Handled {
    Answer(Box<HttpResponse>, Passage),
    Dead,
    Silent,
}

/// What happens at one instant: the log, the faults, the handler.
fn process(
    shared: &Shared,
    line: &LinkState,
    request: &HttpRequest,
    sent: &Arc<AtomicU64>,
    is_too_large: bool,
) -> Handled {
    let mut state = shared.state();
    let place = state.note(request, line.number, sent);
    let faults = state.script.strike(FaultStage::Complete, Some(request));
    if !faults.is_empty()
        && let Some(noted) = state.noted.get_mut(place)
    {
        noted.seen.is_struck = true;
    }
    let mut budget = None;
    for fault in &faults {
        match fault {
            Fault::Silence => return Handled::Silent,
            Fault::CrashBefore => return Handled::Dead,
            Fault::CrashInside { variables } => budget = Some(*variables),
            Fault::StorageAway { after } => state.results.away = Some(*after),
            Fault::ChangePackage(change) => {
                let parameters = request.parameters();
                let delivery = parameters
                    .get("delivery-uri")
                    .and_then(crate::php::PhpValue::scalar);
                if let Some(delivery) = delivery {
                    state.catalogue.change_package(&delivery, *change);
                }
            }
            _ => {}
        }
    }
    let cached = faults.iter().find_map(|fault| cached(fault, request));
    let request = cached.as_ref().unwrap_or(request);
    let replaced = faults.iter().find_map(|fault| instead(fault, request));
    let answer = if is_too_large {
        Some(wire::nginx(413, "Request Entity Too Large"))
    } else {
        replaced.or_else(|| state.answer(request, budget))
    };
    state.results.away = None;
    let Some(mut answer) = answer else {
        return Handled::Dead;
    };
    if faults.contains(&Fault::CrashAfter) {
        return Handled::Dead;
    }
    let mut passage = Passage {
        latency_ms: state.latency_ms,
        ..Passage::default()
    };
    for fault in &faults {
        distort(fault, request, &mut answer, &mut passage);
    }
    if let Some(noted) = state.noted.get_mut(place) {
        noted.seen.status = Some(answer.status);
    }
    if state.clock_offset != 0 {
        let now = Duration::from_secs(state.now());
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + now);
        answer.text(DATE, &date);
    }
    if request.method == hyper::Method::HEAD {
        answer.parts.clear();
        answer.sized = false;
    }
    Handled::Answer(Box::new(answer), passage)
}

fn struck(shared: &Shared, place: usize) {
    if let Some(noted) = shared.state().noted.get_mut(place) {
        noted.seen.is_struck = true;
    }
}

fn sever(line: &LinkState) -> Result<Response<PacedBody>, Severed> {
    line.sever(true);
    Err(Severed)
}

fn respond(
    shared: &Shared,
    answer: HttpResponse,
    passage: Passage,
    sent: Arc<AtomicU64>,
    line: Arc<LinkState>,
) -> Response<PacedBody> {
    let mut response = Response::new(PacedBody::new(
        answer.parts,
        answer.sized,
        passage,
        Arc::clone(&shared.pace),
        sent,
        line,
    ));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        hyper::header::SERVER,
        hyper::header::HeaderValue::from_static("nginx/1.22.1"),
    );
    for (name, value) in answer.headers {
        headers.insert(name, value);
    }
    headers.remove(HOST);
    response
}

/// The body until it is longer than a limit; nothing if the client went away.
async fn collect(mut body: Incoming, limit: u64) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    let mut only: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if let Some(first) = only.take() {
            whole.extend_from_slice(&first);
        }
        if whole.is_empty() {
            only = Some(data);
        } else {
            whole.extend_from_slice(&data);
        }
        let length = only.as_ref().map_or(whole.len(), Bytes::len) as u64;
        if length > limit {
            break;
        }
    }
    Some(only.unwrap_or_else(|| whole.freeze()))
}

/// The runtime of the server thread.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}
