//! Everything a central knows, and the way from a request to its answer.
//! Never waits, never touches a socket; one lock around it makes requests atomic, as one PHP worker would.
//! Called by `serve` for each request and by `Central` for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::catalogue::Catalogue;
use crate::diagnostic;
use crate::fault::FaultScript;
use crate::fetch::{self, Fetched};
use crate::ledger::SyncLedger;
use crate::logs::{self, LogRow};
use crate::php::{self, PhpValue};
use crate::results::{IntakeOutcome, Results};
use crate::route::Route;
use crate::token::{Gate, Session};
use crate::wire::{self, HttpRequest, HttpResponse};

/// One request as it was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Request method.
    pub method: String,
    /// Path below the root URL.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// What the path means.
    pub route: Route,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The request body.
    pub body: Bytes,
    /// The status that was sent, nothing while there is none or if the connection died first.
    pub status: Option<u16>,
    /// Bytes of the answer's body handed to the connection so far.
    pub sent: u64,
    /// The connection, counted from 1.
    pub connection: u64,
    /// Whether a scripted fault befell it.
    pub is_struck: bool,
}

/// A request of the log whose answer may still be under way.
pub(crate) struct OpenRequest {
    pub(crate) seen: Seen,
    pub(crate) sent: Arc<AtomicU64>,
}

/// What has gone over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests, `/_control` not counted.
    pub requests: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Bytes received, heads included; ciphertext with TLS.
    pub bytes_received: u64,
    /// Bytes sent, heads included; ciphertext with TLS.
    pub bytes_sent: u64,
}

/// The state.
pub(crate) struct CentralState {
    pub(crate) gate: Gate,
    pub(crate) catalogue: Catalogue,
    pub(crate) results: Results,
    pub(crate) logs: Vec<LogRow>,
    pub(crate) lti_users: Vec<serde_json::Value>,
    pub(crate) ledger: SyncLedger,
    pub(crate) script: FaultScript,
    pub(crate) noted: Vec<OpenRequest>,
    pub(crate) requests: u64,
    pub(crate) root: String,
    pub(crate) versions: Vec<String>,
    pub(crate) page_size: usize,
    pub(crate) body_limit: u64,
    pub(crate) buffer: u64,
    pub(crate) is_under_maintenance: bool,
    pub(crate) takes_lti_users: bool,
    pub(crate) clock_offset: i64,
    pub(crate) latency_ms: u64,
    pub(crate) keeps_log: bool,
}

impl CentralState {
    /// Central's wall clock, Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        real.saturating_add_signed(self.clock_offset)
    }

    /// Writes a request into the log; its place.
    pub(crate) fn note(
        &mut self,
        request: &HttpRequest,
        connection: u64,
        sent: &Arc<AtomicU64>,
    ) -> usize {
        self.requests += 1;
        if !self.keeps_log {
            return usize::MAX;
        }
        let headers = request
            .headers
            .iter()
            .map(|(n, v)| {
                (
                    n.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        self.noted.push(OpenRequest {
            seen: Seen {
                method: request.method.to_string(),
                path: request.path.clone(),
                query: request.query.clone(),
                route: request.route,
                headers,
                body: request.body.clone(),
                status: None,
                sent: 0,
                connection,
                is_struck: false,
            },
            sent: Arc::clone(sent),
        });
        self.noted.len() - 1
    }

    /// The log so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.noted
            .iter()
            .map(|noted| Seen {
                sent: noted.sent.load(Ordering::Relaxed),
                ..noted.seen.clone()
            })
            .collect()
    }

    /// The answer to a request; nothing if the process died of the budget for stored variables.
    pub(crate) fn answer(
        &mut self,
        request: &HttpRequest,
        budget: Option<u64>,
    ) -> Option<HttpResponse> {
        if self.is_under_maintenance && request.route != Route::Bandwidth {
            return Some(wire::maintenance(request));
        }
        let now = self.now();
        let answer = match request.route {
            Route::Token => self.gate.token(request, now),
            Route::Handshake => {
                let root = self.root.clone();
                self.gate
                    .handshake(request, &mut self.catalogue, &root, now)
            }
            Route::Upload => diagnostic::upload(request),
            Route::WhichBrowser => diagnostic::which_browser(request),
            Route::Bandwidth => diagnostic::bandwidth(request),
            Route::PublicKey if self.results.encryption.is_none() => wire::forbidden(request, ""),
            Route::Unknown => wire::forbidden(request, ""),
            _ => match self.gate.session(request, now) {
                None => wire::unauthorized(),
                Some(session) if !session.has_role || request.route == Route::UnknownController => {
                    wire::forbidden(request, "Access denied. Please renew your authentication!")
                }
                Some(_) if !request.is_acceptable() => wire::not_acceptable(),
                Some(session) => return self.rest(request, &session, now, budget),
            },
        };
        Some(answer)
    }

    fn rest(
        &mut self,
        request: &HttpRequest,
        session: &Session,
        now: u64,
        budget: Option<u64>,
    ) -> Option<HttpResponse> {
        Some(match request.route {
            Route::SupportedVm => self.supported_vm(request),
            Route::Checksums => {
                let fetched = fetch::checksums(
                    request,
                    session,
                    &mut self.catalogue,
                    &self.versions,
                    self.page_size,
                );
                self.enter(fetched, now)
            }
            Route::Details => {
                let fetched = fetch::details(request, session, &self.catalogue, &self.versions);
                self.enter(fetched, now)
            }
            Route::Classes => fetch::classes(request, &self.catalogue),
            Route::Package => fetch::package(request, &self.catalogue, self.buffer),
            Route::Finished => self.ledger.finished(request, now),
            Route::Failed => self.ledger.failed(request, now),
            Route::Results => return self.results(request, now, budget),
            Route::Logs => self.logs(request, session, now),
            Route::LtiUsers => self.lti_users(request),
            Route::Sessions => self.sessions(request, now),
            Route::PublicKey => match &self.results.encryption {
                Some(encryption) => encryption.public_key(request),
                None => wire::forbidden(request, ""),
            },
            _ => wire::no_such_action(),
        })
    }

    fn supported_vm(&self, request: &HttpRequest) -> HttpResponse {
        match request.method.as_str() {
            "GET" => {
                let versions = self
                    .versions
                    .iter()
                    .map(|v| PhpValue::Text(v.clone()))
                    .collect();
                let list = PhpValue::List(versions).render();
                wire::success(format!("{{\"success\":true,\"data\":{list}}}"))
            }
            "POST" => wire::not_implemented(),
            "PUT" | "DELETE" => wire::no_such_action(),
            _ => wire::forbidden(request, "Access denied. Please renew your authentication!"),
        }
    }

    fn enter(&mut self, fetched: Fetched, now: u64) -> HttpResponse {
        let params = fetched.params.as_ref();
        match &fetched.told {
            Ok(message) => self.ledger.note(params, now, "info", message),
            Err(message) => self.ledger.note(params, now, "error", message),
        }
        if let Some((kind, pushed)) = fetched.pushed {
            self.ledger
                .count(params, now, kind.name(), "pushed", pushed);
        }
        fetched.answer
    }

    /// Body and checked parameters of a ResultApi call, or why it goes no further.
    fn opened(
        &self,
        request: &HttpRequest,
        key: &str,
    ) -> Result<(PhpValue, PhpValue), HttpResponse> {
        let body = request
            .json()
            .filter(|_| request.is_post())
            .ok_or_else(wire::unexpected)?;
        let content = body
            .get(key)
            .filter(|v| v.is_array())
            .cloned()
            .ok_or_else(wire::unexpected)?;
        let params = body.get("sync_params");
        fetch::check_version(params, &self.versions).map_err(|refusal| refusal.answer())?;
        Ok((content, params.cloned().unwrap_or(PhpValue::Null)))
    }

    fn results(
        &mut self,
        request: &HttpRequest,
        now: u64,
        budget: Option<u64>,
    ) -> Option<HttpResponse> {
        let (content, params) = match self.opened(request, "results") {
            Ok(opened) => opened,
            Err(answer) => return Some(answer),
        };
        self.ledger.row(Some(&params), now);
        match self.results.intake(&content, budget) {
            IntakeOutcome::Crashed => None,
            IntakeOutcome::TypeError => Some(wire::type_error()),
            IntakeOutcome::Acknowledged(acks) => {
                let (imported, failed) = self.results.counted;
                let what = "delivery execution";
                self.ledger
                    .count(Some(&params), now, what, "imported", imported);
                self.ledger
                    .count(Some(&params), now, what, "import failed", failed);
                if !acks.is_empty() {
                    self.ledger
                        .note(Some(&params), now, "info", "Results successfully imported.");
                }
                Some(wire::success(php::render_map(&acks)))
            }
        }
    }

    fn logs(&mut self, request: &HttpRequest, session: &Session, now: u64) -> HttpResponse {
        let (content, params) = match self.opened(request, "delivery_logs") {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let Some((acks, (imported, failed))) = logs::intake(
            &content,
            params.get("box_id"),
            &session.user,
            now,
            &mut self.results,
            &mut self.logs,
        ) else {
            return wire::type_error();
        };
        self.tell("delivery log", &params, now, imported, failed);
        wire::success(php::render_map(&acks))
    }

    fn sessions(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let (content, params) = match self.opened(request, "test_sessions") {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let catalogue = &self.catalogue;
        let is_compiled = |delivery: &str| catalogue.get(delivery).is_some();
        match logs::sessions(&content, &mut self.results, is_compiled) {
            None => wire::type_error(),
            Some((acks, (imported, failed))) => {
                self.tell("sync session", &params, now, imported, failed);
                wire::success(php::render_map(&acks))
            }
        }
    }

    fn tell(&mut self, what: &str, params: &PhpValue, now: u64, imported: u64, failed: u64) {
        self.ledger.row(Some(params), now);
        self.ledger
            .count(Some(params), now, what, "imported", imported);
        self.ledger
            .count(Some(params), now, what, "import failed", failed);
        if failed > 0 {
            self.ledger
                .note(Some(params), now, "error", &format!("{what} import failed"));
        }
    }

    /// 500 on the public extensions; a private one is imitated by an acknowledgement for each element.
    fn lti_users(&mut self, request: &HttpRequest) -> HttpResponse {
        let (content, _) = match self.opened(request, "lti_users") {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        if !self.takes_lti_users {
            return wire::unexpected();
        }
        let mut acks = Vec::new();
        for (at, user) in content.entries() {
            let id = user.get("id").and_then(PhpValue::scalar).unwrap_or(at);
            self.lti_users.push(user.json());
            acks.push((id, "{\"success\":1}".to_owned()));
        }
        wire::success(php::render_map(&acks))
    }
}
