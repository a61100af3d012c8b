//! One request to central, ready to be sent as often as it may be: its head, and how long its answer may take.
//! Never sends anything.
//! Called by the exchange and by `token`.

use logic::fault::{Code, Fault, NetCause};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use logic::api::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::UplinkState;
use super::dial::OpenConnection;
use logic::settings::Url;

/// The head of an answer comes within this time after the request could have been carried.
pub(super) const HEAD: Duration = Duration::from_secs(60);
/// Central needs seconds for each chunk of results (protocol 15.1, 40).
const HEAD_RESULTS: Duration = Duration::from_secs(120);
/// A probe asks for no more than a few mappings, and everything else that is owed waits for it.
const HEAD_PROBE: Duration = Duration::from_secs(20);
/// A request is given a second for so many bytes: 64 kbit/s.
const UPLOAD: u64 = 8 << 10;
/// What no request target may hold; everything else of central's own paths is left as it is.
const TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One request, ready to be sent as often as it may be.
pub(super) struct PreparedRequest<'a> {
    pub(super) name: &'static str,
    /// The host; its path does not count.
    pub(super) url: &'a Url,
    /// Path and query.
    pub(super) target: String,
    pub(super) method: Method,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
    pub(super) bearer: Option<HeaderValue>,
    pub(super) range: Option<String>,
    pub(super) if_range: Option<&'a str>,
    pub(super) past_caches: bool,
    pub(super) identity: bool,
    pub(super) limit: usize,
    /// Whether it may be sent a second time when a used connection fails before any byte of an answer.
    pub(super) repeatable: bool,
}

impl PreparedRequest<'_> {
    /// Whether it carries what only central may see.
    pub(super) fn is_private(&self) -> bool {
        self.bearer.is_some() || self.method != Method::Get
    }

    /// A question for the same place that says nothing of the box.
    pub(super) fn anonymous(&self) -> PreparedRequest<'_> {
        let path = self.target.split('?').next().unwrap_or_default();
        PreparedRequest {
            name: "date",
            url: self.url,
            target: path.to_owned(),
            method: Method::Get,
            content_type: None,
            body: Bytes::new(),
            bearer: None,
            range: None,
            if_range: None,
            // A cache repeats the date at which it stored.
            past_caches: true,
            identity: true,
            limit: self.limit,
            repeatable: true,
        }
    }

    /// How long the head of the answer may take, the way up included.
    pub(super) fn patience(&self) -> Duration {
        let head = match self.name {
            "results" | "logs" | "sessions" | "lti_users" => HEAD_RESULTS,
            "probe" => HEAD_PROBE,
            _ => HEAD,
        };
        head + Duration::from_secs(self.body.len() as u64 / UPLOAD)
    }

    pub(super) fn request(
        &self,
        lane: &OpenConnection,
        inner: &UplinkState,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let target = utf8_percent_encode(&self.target, TARGET).to_string();
        let uri = match lane.forward {
            None => target,
            Some(_) => format!("{}{target}", self.url.origin()),
        };
        let unmade = || {
            let request = self.name.to_owned();
            Fault::new(Code::CentralForeign, NetCause::RequestUnmade { request })
        };
        let uri: Uri = uri.parse().map_err(|_| unmade())?;
        let method = match self.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
            Method::Put => hyper::Method::PUT,
        };
        let encoding = if self.identity { "identity" } else { "gzip" };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, self.url.authority())
            .header(
                header::USER_AGENT,
                concat!("boxsync/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, encoding);
        if let Some(kind) = self.content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(range) = &self.range {
            request = request.header(header::RANGE, range);
        }
        if self.past_caches {
            request = request.header(header::CACHE_CONTROL, "no-cache");
        }
        if let Some(tag) = self.if_range {
            request = request.header(header::IF_RANGE, tag);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, bearer);
            if !inner.box_id.is_empty() {
                request = request.header("x-tao-box-id", &inner.box_id);
            }
        }
        let authorization = lane.forward.as_ref().and_then(|v| v.authorization.as_ref());
        if let Some(authorization) = authorization {
            request = request.header(header::PROXY_AUTHORIZATION, authorization.reveal());
        }
        request
            .body(Full::new(self.body.clone()))
            .map_err(|_| unmade())
    }
}
