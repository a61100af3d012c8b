//! The line to central: sends calls over HTTP/1.1 and brings back what came, with one token for all.
//! Never decides what an answer means, never repeats what may have been processed, never follows a redirect.
//! Called by the engine.

mod ask;
mod dial;
mod fault;
mod gunzip;
mod issuer;
mod meter;
mod names;
mod opened;
mod pool;
mod provider;
mod refusal;
mod route;
mod secret;
mod tls;
mod token;
mod trust;
mod tunnel;

use logic::fault::{Code, Fault, NetCause, Sent, TlsCause};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use logic::api::{Answered, Call, CallBody, Method};
use logic::range::{self, Coding};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use system::clock::Clock;
use system::observed::BoxedStream;

pub use dial::connect_to as connect;
pub use logic::api::surely_unsent;
pub use logic::settings::{Proxy, Url};
pub use meter::{CallSample, Meter};
pub use names::{is_listed, resolve};
pub use opened::StreamedAnswer;
pub use route::loopback;
pub use secret::Secret;
pub use tls::AuthenticatedDate;
pub use token::Credentials;

use ask::{HEAD, PreparedRequest};
use dial::{Destination, OpenConnection, dial};
use fault::passing;
use gunzip::Gunzip;
use meter::MeterCounters;
use pool::ConnectionPool;
use route::ProxyRoute;
use tls::Tls;
use token::Holder;

/// The longest header block of an answer.
const HEADER_LIMIT: usize = 64 << 10;
/// The most fields of a header; curl takes 5000 of them.
const HEADER_FIELDS: usize = 1000;
/// An idle connection is used again for so long; nginx keeps it 75 s.
const IDLE: Duration = Duration::from_secs(60);
/// The same for what must not be sent twice: below the 5 s after which Apache closes, so that the two never cross.
const IDLE_ONCE: Duration = Duration::from_secs(3);
/// An idle connection that is not ready by then is not used.
const READY: Duration = Duration::from_secs(5);

/// Where central is, and how it is reached.
#[derive(Debug)]
pub struct UplinkConfig {
    /// Central's root URL; its path ends with `/`.
    pub root: Url,
    /// PEM certificates added to the built-in roots.
    pub ca_pem: Option<Vec<u8>>,
    /// The proxy, for http and https alike; it is itself spoken to in plain http.
    pub proxy: Option<Proxy>,
    /// The password of the proxy's user.
    pub proxy_password: Option<Secret>,
    /// Hosts without proxy, as in NO_PROXY; loopback never has one.
    pub no_proxy: Vec<String>,
    /// Sent as `x-tao-box-id` with every call that carries a token.
    pub box_id: String,
    /// The time that certificates are judged by; authenticated dates of answers feed it.
    pub time: Clock,
    /// Whether the OAuth secret may be sent to another host than central's root.
    pub token_elsewhere: bool,
    /// The most connections open at once.
    pub connections: usize,
    /// The most bytes that one packet of TCP may carry, either way; `None`: as the kernel finds.
    pub segment: Option<u16>,
    /// How long the proxy may take to open a way, for one who waits no longer than that; else 20 s.
    pub proxy_patience: Option<Duration>,
    /// Another part of this process answers in the place of central: nothing is dialled.
    pub in_process: Option<InProcess>,
}

/// Opens a connection to what answers within this process.
#[derive(Clone)]
pub struct InProcess(pub Rc<dyn Fn() -> BoxedStream>);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

/// The line to central. Cheap to clone; clones share connections, token and counters. Needs a tokio runtime.
#[derive(Clone)]
pub struct Uplink {
    inner: Rc<UplinkState>,
}

struct UplinkState {
    root: Url,
    box_id: HeaderValue,
    route: ProxyRoute,
    in_process: Option<InProcess>,
    tls: Tls,
    pool: ConnectionPool,
    ledger: MeterCounters,
    holder: Holder,
    serial: Cell<u64>,
    /// A kept connection ended without an answer to a request that could not be sent again.
    distrusts: Cell<bool>,
}

impl Uplink {
    /// Prepares the line; nothing is opened. Without credentials only calls without a token can be made.
    ///
    /// # Errors
    /// `config.*`: CA certificates that are none, a proxy spoken to over TLS, a box id that no header can carry.
    pub fn new(line: UplinkConfig, credentials: Option<Credentials>) -> Result<Self, Fault> {
        if line.proxy.as_ref().is_some_and(|proxy| proxy.url.https) {
            return Err(Fault::new(Code::ConfigProxy, NetCause::ProxyHttps));
        }
        let box_id = HeaderValue::from_str(&line.box_id)
            .map_err(|_| Fault::new(Code::ConfigBoxId, NetCause::BoxIdNotAscii))?;
        Ok(Self {
            inner: Rc::new(UplinkState {
                root: line.root,
                box_id,
                route: ProxyRoute::new(
                    line.proxy.as_ref(),
                    line.proxy_password.as_ref(),
                    &line.no_proxy,
                )
                .in_segments(line.segment)
                .within(line.proxy_patience),
                in_process: line.in_process,
                tls: Tls::new(line.ca_pem.as_deref(), line.time)?,
                pool: ConnectionPool::new(line.connections),
                ledger: MeterCounters::default(),
                holder: Holder::new(credentials, line.token_elsewhere),
                serial: Cell::new(0),
                distrusts: Cell::new(false),
            }),
        })
    }

    /// Sends a call and reads the whole answer, at most `call.limit` bytes of it, inflated if it came as gzip.
    ///
    /// # Errors
    /// As `open` and `StreamedAnswer::chunk`; `central.too_large` beyond the limit.
    pub async fn call(&self, call: &Call) -> Answered {
        self.open(call).await?.reply().await
    }

    /// Sends a call and gives back status and header; the content follows piece by piece. On 401 one new token is
    /// fetched, shared by all calls under way, and the call is repeated once.
    ///
    /// # Errors
    /// - before the request was sent (`surely_unsent`): `net.dns`, `net.refused`, `net.unreachable` (no route, no
    ///   connection in time), `net.tls` and `net.tls_*`, `net.proxy`; for want of a token `net.token`, `auth.token`,
    ///   `auth.not_enrolled`, `auth.refused` (credentials, or a token twice), `auth.shared`,
    ///   `central.maintenance`, `central.unavailable`, `central.error`;
    /// - afterwards: `net.reset` (closed without an answer), `net.timeout` (no head in time), `net.cut`,
    ///   `central.foreign` (not HTTP), `central.too_large` (header), `central.compressed` (an encoding that was not
    ///   asked for).
    pub async fn open(&self, call: &Call) -> Result<StreamedAnswer, Fault> {
        let inner = &self.inner;
        if !call.bearer {
            return inner.exchange(&inner.ask(call, None)).await;
        }
        let bearer = inner.holder.bearer(inner, None).await?;
        let opened = inner.exchange(&inner.ask(call, Some(bearer.value))).await?;
        if opened.status != 401 {
            inner.holder.met(opened.status);
            return Ok(opened);
        }
        opened.drain().await;
        let bearer = inner.holder.bearer(inner, Some(bearer.serial)).await?;
        let opened = inner.exchange(&inner.ask(call, Some(bearer.value))).await?;
        if opened.status == 401 {
            opened.drain().await;
            return Err(inner.holder.refused_again(bearer.serial).await);
        }
        inner.holder.met(opened.status);
        Ok(opened)
    }

    /// Sends a call with a login (RFC 7617), and reads the whole answer, at most `call.limit` bytes of it.
    ///
    /// # Errors
    /// As `call`, without those of a token.
    pub async fn call_as(&self, call: &Call, login: Option<&Secret>) -> Answered {
        let field = login.map(|pair| {
            let basic = secret::basic(pair.reveal());
            HeaderValue::from_str(basic.reveal()).expect("base64 is ASCII")
        });
        let opened = self.inner.exchange(&self.inner.ask(call, field)).await?;
        opened.reply().await
    }

    /// Bytes that went over all sockets so far, either way.
    pub fn moved(&self) -> u64 {
        self.inner.ledger.moved()
    }

    /// What the line carried so far.
    pub fn meter(&self) -> Meter {
        self.inner.ledger.meter()
    }

    /// Tokens that central refused before their time within the last ten minutes. Two or more: finding `auth.shared`,
    /// another box uses the same OAuth client.
    pub fn evicted(&self) -> u32 {
        self.inner.holder.evicted()
    }

    /// Whether another holder of the same client is the explanation for them.
    pub fn is_shared(&self) -> bool {
        self.inner.holder.is_shared()
    }

    /// The last `Date` that central gave over TLS under a certificate valid at that date: only this may raise the
    /// box's own estimate of time. `None` over plain http, for ever.
    pub fn heard(&self) -> Option<AuthenticatedDate> {
        self.inner.tls.heard()
    }
}

impl UplinkState {
    /// The request that a call is, with a token or without.
    fn ask<'a>(&'a self, call: &'a Call, bearer: Option<HeaderValue>) -> PreparedRequest<'a> {
        let (content_type, body) = match &call.body {
            CallBody::Empty => (None, Bytes::new()),
            CallBody::Json(json) => (Some("application/json"), json.clone().into()),
            CallBody::Form(form) => (
                Some("application/x-www-form-urlencoded"),
                form.clone().into(),
            ),
            CallBody::Figures(text) => (
                Some("text/plain; version=0.0.4; charset=utf-8"),
                text.clone().into(),
            ),
        };
        let idempotent = ["details", "classes", "speed", "push"].contains(&call.name);
        PreparedRequest {
            name: call.name,
            url: &self.root,
            target: self.root.target(&call.path),
            method: call.method,
            content_type,
            body,
            bearer,
            range: call.range.map(|range| range.to_string()),
            if_range: call.if_range.as_deref(),
            past_caches: call.past_caches,
            identity: call.identity,
            limit: call.limit,
            repeatable: call.method == Method::Get || idempotent,
        }
    }

    /// Sends a request on an idle connection or a fresh one. A used one may have been closed by the other side in
    /// the same moment: then a request that may be sent twice, or was not sent at all, goes once over a fresh one.
    async fn exchange(self: &Rc<Self>, ask: &PreparedRequest<'_>) -> Result<StreamedAnswer, Fault> {
        let turn = self.pool.turn().await;
        let place = Destination::of(ask.url);
        let age = if ask.repeatable { IDLE } else { IDLE_ONCE };
        let mut reuse = true;
        loop {
            let reuse_at_all = reuse && (ask.repeatable || !self.distrusts.get());
            let idle = reuse_at_all.then(|| self.pool.take(&place, age)).flatten();
            let reused = idle.is_some();
            let mut lane = match idle {
                Some(lane) => lane,
                None => {
                    self.pool.make_room();
                    self.connect(ask).await?
                }
            };
            if !matches!(timeout(READY, lane.sender.ready()).await, Ok(Ok(()))) {
                if reused {
                    continue;
                }
                return Err(closed(ask, &lane));
            }
            let request = ask.request(&lane, self)?;
            let before = lane.wire.received();
            let began = Instant::now();
            self.ledger.request();
            let sent = timeout(ask.patience(), lane.sender.try_send_request(request)).await;
            let mut failure = match sent {
                Ok(Ok(response)) => return self.opened(ask, lane, turn, response, began),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    self.failed(ask, began);
                    return Err(Fault::new(Code::NetTimeout, unanswered(ask, &lane)));
                }
            };
            let kept = failure.take_message().is_some();
            let answered = lane.wire.received() > before;
            if reused && !answered && (kept || ask.repeatable) {
                reuse = false;
                continue;
            }
            self.failed(ask, began);
            if kept && !fault::is_demand(failure.error()) {
                return Err(closed(ask, &lane));
            }
            if reused && !answered {
                // The other side drops kept connections without notice: what must not be lost goes over fresh ones.
                self.distrusts.set(true);
            }
            if lane.chain.is_none() && lane.wire.began_with_tls() {
                return Err(opened::wants_tls(&ask.url.endpoint()));
            }
            return Err(fault::headless(
                failure.error(),
                &ask.url.endpoint(),
                answered,
                lane.wire.began_with_http(),
            ));
        }
    }

    /// Opens a connection. Where only the date of an answer can prove the chain, an anonymous question comes before
    /// anything secret; a server that closes after it is asked once more.
    async fn connect(&self, ask: &PreparedRequest<'_>) -> Result<OpenConnection, Fault> {
        if let Some(InProcess(open)) = &self.in_process {
            return dial::in_process(ask.url, open(), &self.ledger).await;
        }
        for _ in 0..2 {
            let mut lane = dial(ask.url, &self.route, &self.tls, &self.ledger).await?;
            let doubtful = lane.chain.as_ref().is_some_and(tls::Chain::is_doubtful);
            if !(doubtful && ask.is_private()) || self.prove(ask, &mut lane).await? {
                return Ok(lane);
            }
        }
        Err(unsent(ask))
    }

    /// Asks for the date; whether the connection can be used for more afterwards.
    async fn prove(
        &self,
        ask: &PreparedRequest<'_>,
        lane: &mut OpenConnection,
    ) -> Result<bool, Fault> {
        let place = ask.url.endpoint();
        let request = ask.anonymous().request(lane, self)?;
        self.ledger.request();
        let sent = timeout(HEAD, lane.sender.send_request(request)).await;
        let Ok(Ok(response)) = sent else {
            if lane.demands.load(Ordering::Relaxed) {
                return Err(closed(ask, lane));
            }
            return Err(passing(Code::NetTls, TlsCause::Unjudged { host: place }));
        };
        let field = |name| response.headers().get(name)?.to_str().ok();
        let date = field(header::DATE).filter(|_| field(header::AGE).is_none());
        let date = date.and_then(seconds);
        if let Some(chain) = &mut lane.chain {
            self.tls.attest(chain, date, &place)?;
        }
        let rest = Limited::new(response.into_body(), HEADER_LIMIT);
        let read = timeout(READY, rest.collect()).await;
        Ok(matches!(read, Ok(Ok(_))) && !lane.sender.is_closed())
    }

    /// The head of an answer has come: it is looked at as far as the line is concerned.
    fn opened(
        self: &Rc<Self>,
        ask: &PreparedRequest<'_>,
        mut lane: OpenConnection,
        turn: OwnedSemaphorePermit,
        response: Response<Incoming>,
        began: Instant,
    ) -> Result<StreamedAnswer, Fault> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let place = ask.url.endpoint();
        if let Some(via) = lane.forward.as_ref().filter(|_| status == 407) {
            let offers = head.headers.get_all(header::PROXY_AUTHENTICATE).iter();
            let offers = offers.filter_map(|value| value.to_str().ok());
            return Err(tunnel::refused(status, &via.place(), &place, offers));
        }
        let framed = head.headers.contains_key(header::TRANSFER_ENCODING);
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            // Beside a transfer coding a length says nothing (RFC 9112 6.3).
            .filter(|(name, _)| !(framed && *name == header::CONTENT_LENGTH))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let field = |name: &str| {
            headers
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        if let Some(chain) = &mut lane.chain {
            // A cache repeats the date at which it stored.
            let date = field("date").filter(|_| field("age").is_none());
            let attested = self.tls.attest(chain, date.and_then(seconds), &place);
            // The request is processed all the same: an answer to it has come.
            attested.map_err(|trouble| Fault {
                sent: Some(Sent::Sent),
                ..trouble
            })?;
        }
        let inflate = match range::coding(&headers) {
            Coding::Plain => None,
            Coding::Gzip if !(ask.identity && head.status.is_success()) => {
                Some(Gunzip::new(ask.limit))
            }
            coding => return Err(compressed(ask.name, &coding)),
        };
        let flow = opened::AnswerContent {
            inner: self.clone(),
            inflate: inflate.filter(|_| !hyper::body::Body::is_end_stream(&body)),
            body,
            name: ask.name,
            place,
            limit: ask.limit,
            began,
            first_byte: began.elapsed(),
            hold: Some((lane, turn)),
            bytes: 0,
            sent: ask.body.len() as u64,
            waited: Duration::ZERO,
            paced: 0,
        };
        Ok(StreamedAnswer {
            status,
            headers,
            flow,
        })
    }

    fn failed(&self, ask: &PreparedRequest<'_>, began: Instant) {
        self.ledger.sample(CallSample {
            nth: 0,
            name: ask.name,
            bytes: 0,
            sent: ask.body.len() as u64,
            first_byte: Duration::ZERO,
            took: began.elapsed(),
            ok: false,
        });
    }

    /// The number of the next token.
    fn serial(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }
}

/// Central, or the proxy that speaks for it, did not answer in time.
fn unanswered(ask: &PreparedRequest<'_>, lane: &OpenConnection) -> NetCause {
    let place = ask.url.endpoint();
    let request = ask.name.to_owned();
    let seconds = ask.patience().as_secs();
    match &lane.forward {
        None => NetCause::ResponseTimeout {
            place,
            request,
            seconds,
        },
        Some(via) => NetCause::ResponseTimeoutProxy {
            place,
            proxy: via.place(),
            request,
            seconds,
        },
    }
}

/// The connection ended before the request was on it, maybe with a word why.
fn closed(ask: &PreparedRequest<'_>, lane: &OpenConnection) -> Fault {
    if lane.demands.load(Ordering::Relaxed) {
        let host = ask.url.endpoint();
        return Fault::new(Code::NetTlsClient, TlsCause::ClientCertificate { host });
    }
    unsent(ask)
}

/// The connection ended before the request was on it.
fn unsent(ask: &PreparedRequest<'_>) -> Fault {
    let cause = NetCause::ClosedBefore {
        place: ask.url.endpoint(),
        request: ask.name.to_owned(),
    };
    Fault::new(Code::NetRefused, cause)
}

/// Content that came in a coding that was not asked for.
fn compressed(name: &str, coding: &Coding) -> Fault {
    let coding = match coding {
        Coding::Other(coding) => coding,
        _ => "gzip",
    };
    let cause = NetCause::Compressed {
        request: name.to_owned(),
        coding: coding.into(),
    };
    Fault::new(Code::CentralCompressed, cause)
}

/// Unix seconds of a `Date` field (RFC 9110 5.6.7).
pub fn seconds(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
