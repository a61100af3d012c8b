//! The status page: one HTML document for a phone or a laptop beside the box, on `[page] listen` (issue 7, item 4).
//! Never changes anything, never opens the store in the daemon, never names anybody: whoever reaches it may read it.
//! Called by the daemon, at its start and at each new configuration.

mod chart;
mod figure;
mod markup;
mod render;
mod words;

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use logic::fault::{Code, ConfigCause, Fault};
use logic::language::Language;
use logic::outside;
use logic::places::ConnectionLimits;
use logic::settings::Settings;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connections::{ConnectionTicket, Connections};
use crate::server::{self, ConnectionOptions, Stall};
use crate::socket::sample::BoxSampler;
use crate::socket::state::SharedState;
use render::PageView;
use system::clock;
use system::journal;
use vault::random;

/// Connections at once: who asks nothing makes room for others.
const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
    most: 48,
    each: 24,
    denied: 0,
};
/// How visitors are spoken with.
const OPTIONS: ConnectionOptions = ConnectionOptions {
    head_timeout: Duration::from_secs(15),
    head_limit: Some(16 << 10),
    stall: Stall::NotTaken(Duration::from_secs(20)),
    title_case: false,
    is_busy: true,
};
/// An address that is not there yet (a box that waits for its network) is tried again after this.
const REST: Duration = Duration::from_secs(5);
/// A first visitor waits so long for the box to be looked at; then the page says that it is being looked at.
const FIRST_VIEW_TIMEOUT: Duration = Duration::from_secs(6);
/// Who asks again and again waits so long for a look that is old.
const AGAIN: Duration = Duration::from_secs(2);

/// The page as it is configured: off, waiting for its address, or served.
pub struct StatusPage {
    shared: SharedState,
    at: Option<SocketAddr>,
    served: Option<JoinHandle<()>>,
}

impl StatusPage {
    /// Serves it if the configuration says so.
    pub fn new(shared: SharedState, settings: &Settings) -> Self {
        let mut page = Self {
            shared,
            at: None,
            served: None,
        };
        page.configure(settings);
        page
    }

    /// Follows another configuration. One that says the same of the page interrupts nobody.
    pub fn configure(&mut self, settings: &Settings) {
        let at = settings.page.listen;
        if at == self.at {
            return;
        }
        self.at = at;
        let (before, shared) = (self.served.take(), self.shared.clone());
        self.served = Some(system::task::spawn_local(async move {
            // The one before may hold the same port.
            system::task::ended(before).await;
            if let Some(at) = at {
                serve(at, shared).await;
            }
        }));
    }
}

impl Drop for StatusPage {
    fn drop(&mut self) {
        if let Some(served) = &self.served {
            served.abort();
        }
    }
}

/// Answers until it is dropped; who is spoken with then is cut off, so that a page that was switched off is off.
async fn serve(at: SocketAddr, shared: SharedState) {
    let listener = listen(at).await;
    tracing::info!("the status page is served at http://{at}/");
    let sampler = BoxSampler::new(shared);
    let (_open, closed) = watch::channel(());
    let begin = |stream, ticket| {
        let (sampler, mut closed) = (sampler.clone(), closed.clone());
        system::task::spawn_local(async move {
            tokio::select! {
                () = speak(stream, ticket, sampler) => {}
                _ = closed.changed() => {}
            }
        });
    };
    server::receive(listener, Connections::new(CONNECTION_LIMITS), begin).await;
}

async fn listen(at: SocketAddr) -> TcpListener {
    let mut told = false;
    loop {
        match TcpListener::bind(at).await {
            Ok(listener) => return listener,
            Err(error) if !told => {
                let cause = ConfigCause::PageListen {
                    at: at.to_string(),
                    why: (&error).into(),
                };
                let trouble = Fault::new(Code::PageListen, cause);
                journal::trouble(&trouble);
                told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(REST).await;
    }
}

async fn speak(stream: TcpStream, ticket: ConnectionTicket, sampler: Rc<BoxSampler>) {
    let answer = move |request| answered(request, sampler.clone());
    server::converse(stream, ticket, OPTIONS, pending(), answer).await;
}

async fn answered(
    request: Request<hyper::body::Incoming>,
    sampler: Rc<BoxSampler>,
) -> Response<Full<Bytes>> {
    let (head, _) = request.into_parts();
    let host = text(&head.headers, header::HOST);
    let language = Language::of_browser(text(&head.headers, header::ACCEPT_LANGUAGE));
    match (&head.method, head.uri.path()) {
        _ if !own(host, &machine()) => plain(StatusCode::MISDIRECTED_REQUEST),
        (&Method::GET | &Method::HEAD, "/") => document(&sampler, language).await,
        (&Method::GET | &Method::HEAD, "/status.json") => status(&sampler, language).await,
        (&Method::GET | &Method::HEAD, _) => plain(StatusCode::NOT_FOUND),
        _ => {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED);
            let get = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, get);
            answer
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// The name of this machine, empty when it has none.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// Whether a `Host` is this box by address or by its own name. Any other name is a page elsewhere that has pointed its
/// name at this box, to read with a visitor's browser what only its network may read.
fn own(host: &str, machine: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    let named = !machine.is_empty() && (name == machine || name == format!("{machine}.local"));
    name.parse::<IpAddr>().is_ok() || name == "localhost" || named
}

async fn document(sampler: &Rc<BoxSampler>, language: Language) -> Response<Full<Bytes>> {
    let shown = sampler.fresh(FIRST_VIEW_TIMEOUT).await;
    let nonce = STANDARD.encode(random::<16>());
    let standing = sampler.shared().standing();
    let settings = sampler.shared().settings();
    let view = PageView {
        box_view: shown.box_view.as_deref(),
        findings: shown.findings.as_ref().map(|findings| findings.as_slice()),
        running: standing.running.as_ref(),
        next: wait(standing.next),
        waiting: standing.waiting,
        orders: sampler.shared().orders().in_force(clock::uptime()),
        offset: settings.download.offset(clock::now().wall).seconds(),
        stamp: shown.stamp,
    };
    let page = render::page(language, &view, &nonce);
    let mut answer = answer(StatusCode::OK, "text/html; charset=utf-8", page.into());
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let tongue = HeaderValue::from_static(language.tag());
    headers.insert(header::CONTENT_LANGUAGE, tongue);
    answer
}

/// What changes while one looks: the words of the progress, and a stamp that tells when to read the page again.
async fn status(sampler: &Rc<BoxSampler>, language: Language) -> Response<Full<Bytes>> {
    let shown = sampler.fresh(AGAIN).await;
    let standing = sampler.shared().standing();
    let live = render::live(
        language,
        standing.running.as_ref(),
        wait(standing.next),
        standing.waiting,
    );
    let verdict = shown
        .box_view
        .as_ref()
        .map(|box_view| box_view.verdict().word.word());
    let told = json!({
        "schema": 1, "stamp": shown.stamp, "verdict": verdict, "running": standing.running, "live": live,
    });
    let text = format!("{}\n", outside::json(&told));
    answer(StatusCode::OK, "application/json", text.into())
}

fn wait(next: Option<(logic::words::Now, &'static str)>) -> Option<u64> {
    let now = clock::now();
    next.map(|(at, _)| at.mono.saturating_sub(now.mono).as_secs())
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let text = format!("{status}\n");
    answer(status, "text/plain; charset=utf-8", text.into())
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Language"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_this_box_are_answered() {
        for host in [
            "127.0.0.1:7381",
            "[::1]:7381",
            "192.168.1.20",
            "localhost:7381",
            "LOCALHOST",
            "salle-3:7381",
            "salle-3.local",
        ] {
            assert!(own(host, "salle-3"), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7381",
            "salle-3.evil.example",
            ".local",
            "127.0.0.1.evil.example",
        ] {
            assert!(!own(host, "salle-3"), "{host}");
        }
        assert!(!own("", "") && !own(".local", ""));
    }
}
