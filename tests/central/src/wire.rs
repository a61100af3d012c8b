//! One request as a handler sees it, one answer as it leaves, and the answers every controller gives.
//! Decides framing and headers (protocol 0.2, 0.3, 0.5); never touches sockets.
//! Called by every handler and by `serve`.

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName,
    HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Method};

use crate::php::{self, PhpValue};
use crate::query;
use crate::route::Route;

/// What a handler reads.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    pub(crate) route: Route,
    pub(crate) method: Method,
    /// Path below the root URL.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection has carried a request before.
    pub(crate) is_kept: bool,
}

impl HttpRequest {
    pub(crate) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The raw body as JSON; only arrays count, as in every controller.
    pub(crate) fn json(&self) -> Option<PhpValue> {
        PhpValue::parse(&self.body).filter(PhpValue::is_array)
    }

    /// GET parameters; top-level strings are cleaned as tao-core does (protocol 0.4).
    pub(crate) fn parameters(&self) -> PhpValue {
        match query::parse_query(&self.query) {
            PhpValue::Map(entries) => PhpValue::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| match value {
                        PhpValue::Text(text) => (key, PhpValue::Text(query::clean(&text))),
                        other => (key, other),
                    })
                    .collect(),
            ),
            other => other,
        }
    }

    /// The `Accept` rule of protocol 0.3.
    pub(crate) fn is_acceptable(&self) -> bool {
        let Some(value) = self.headers.get(ACCEPT) else {
            return true;
        };
        let value = String::from_utf8_lossy(value.as_bytes()).to_lowercase();
        value.split(',').any(|element| {
            let element = match element.rsplit_once(";q=") {
                Some((kind, weight)) if php::numeric(weight).is_some() => kind,
                _ => element,
            };
            element == "*/*"
                || matches!(
                    element.trim(),
                    "application/json" | "text/xml" | "application/xml" | "application/rdf+xml"
                )
        })
    }

    pub(crate) fn authorization(&self) -> Option<&[u8]> {
        self.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes)
    }
}

/// What leaves the server.
#[derive(Clone)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body in pieces that share the memory they come from.
    pub(crate) parts: Vec<Bytes>,
    /// Whether the length is announced; else the framing is chunked, as nginx does for PHP.
    pub(crate) sized: bool,
    /// For a package: its whole content and the offset of the first byte of this answer.
    pub(crate) package: Option<(Bytes, u64)>,
}

impl HttpResponse {
    pub(crate) fn new(status: u16, content_type: Option<&'static str>, body: Bytes) -> Self {
        let mut answer = Self {
            status,
            headers: Vec::with_capacity(8),
            parts: if body.is_empty() {
                Vec::new()
            } else {
                vec![body]
            },
            sized: false,
            package: None,
        };
        if let Some(kind) = content_type {
            answer.set(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        answer
    }

    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.unset(&name);
        self.headers.push((name, value));
    }

    pub(crate) fn unset(&mut self, name: &HeaderName) {
        self.headers.retain(|(n, _)| n != name);
    }

    pub(crate) fn text(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.set(name, value);
        }
    }

    pub(crate) fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    pub(crate) fn length(&self) -> u64 {
        self.parts.iter().map(|p| p.len() as u64).sum()
    }

    /// All of the body in one piece.
    pub(crate) fn whole(&self) -> Bytes {
        match self.parts.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }

    pub(crate) fn replace_body(&mut self, body: Bytes) {
        self.parts = vec![body];
        self.package = None;
    }

    /// Sets the length announced by the header to that of the parts.
    pub(crate) fn announce(&mut self) {
        self.sized = true;
        let length = self.length();
        self.set(CONTENT_LENGTH, HeaderValue::from(length));
    }

    fn with_php(mut self) -> Self {
        for (name, value) in [
            ("x-powered-by", "PHP/8.2.36"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "frame-ancestors 'self'"),
            ("strict-transport-security", "max-age=0; includeSubDomains;"),
        ] {
            self.headers.push((
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ));
        }
        self
    }

    fn with_php_only(mut self) -> Self {
        self.headers.push((
            HeaderName::from_static("x-powered-by"),
            HeaderValue::from_static("PHP/8.2.36"),
        ));
        self
    }
}

const JSON: &str = "application/json; charset=UTF-8";
const BARE_JSON: &str = "application/json";
const HTML: &str = "text/html; charset=UTF-8";

/// The generic text of an exception that is not user-readable.
pub(crate) const UNEXPECTED: &str = "Unexpected error. Please contact administrator";

/// `returnJson`: 200 with a JSON text.
pub(crate) fn success(json: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::new(200, Some(JSON), json.into()).with_php()
}

/// `returnFailure` (protocol 0.5).
pub(crate) fn failure(status: u16, message: &str) -> HttpResponse {
    let mut body = String::from("{\"success\":false,\"errorCode\":0,\"errorMsg\":");
    php::quote(&mut body, message);
    body.push_str(",\"version\":\"2022.11\"}");
    HttpResponse::new(status, Some(BARE_JSON), body.into()).with_php()
}

/// 500 with the generic text: wrong verb, missing keys, malformed JSON.
pub(crate) fn unexpected() -> HttpResponse {
    failure(500, UNEXPECTED)
}

/// What TAO answers while its database is away (recorded: `dbdown-*`).
pub(crate) fn database_down() -> HttpResponse {
    let body = "{\"success\":false,\"version\":\"2022.11\",\"errorCode\":500,\"errorMsg\":\"\"}";
    HttpResponse::new(500, Some(JSON), body.into()).with_php_only()
}

/// A PHP `TypeError` that nobody catches: 500, JSON content type, no body (protocol 0.4).
pub(crate) fn type_error() -> HttpResponse {
    HttpResponse::new(500, Some(BARE_JSON), Bytes::new()).with_php()
}

/// 200 with an empty body and the bare content type (`OPTIONS`, unsatisfiable ranges).
pub(crate) fn empty() -> HttpResponse {
    HttpResponse::new(200, Some(BARE_JSON), Bytes::new()).with_php()
}

/// Every authentication failure of a REST session (protocol 0.2).
pub(crate) fn unauthorized() -> HttpResponse {
    let body = "{\"success\":false,\"errorCode\":\"401\",\"errorMsg\":\"You are not authorized to access this functionality.\",\"version\":\"2022.11\"}";
    let mut answer = HttpResponse::new(401, Some(HTML), body.into()).with_php_only();
    answer.set(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"mytao\""),
    );
    answer
}

/// The resolver's failures: a missing right or an unknown route (protocol 0.2).
pub(crate) fn forbidden(request: &HttpRequest, message: &str) -> HttpResponse {
    let accept = request.header(&ACCEPT).unwrap_or("").to_lowercase();
    let first = accept.split(',').next().unwrap_or("");
    match first.split(';').next().unwrap_or("").trim() {
        "" | "application/json" | "text/json" => {
            let mut body = String::from(
                "{\"success\":false,\"version\":\"2022.11\",\"errorCode\":403,\"errorMsg\":",
            );
            php::quote(&mut body, message);
            body.push('}');
            HttpResponse::new(403, Some(JSON), body.into()).with_php_only()
        }
        "text/html" | "*/*" => {
            let mut answer = HttpResponse::new(302, Some(HTML), Bytes::new()).with_php_only();
            answer.set(
                hyper::header::LOCATION,
                HeaderValue::from_static("/tao/Main/login"),
            );
            answer
        }
        _ => HttpResponse::new(406, Some(HTML), Bytes::new()).with_php_only(),
    }
}

/// 406 of a REST controller (protocol 0.3).
pub(crate) fn not_acceptable() -> HttpResponse {
    let mut answer = failure(406, "The requested content encoding cannot be satisfied");
    answer
        .headers
        .retain(|(n, _)| *n == CONTENT_TYPE || n.as_str() == "x-powered-by");
    answer
}

/// 406 of a plain controller: no body.
pub(crate) fn not_acceptable_page() -> HttpResponse {
    HttpResponse::new(406, Some(HTML), Bytes::new()).with_php_only()
}

/// `Not implemented.` of a REST verb that is not overridden.
pub(crate) fn not_implemented() -> HttpResponse {
    let mut answer = success(
        "{\"success\":false,\"version\":\"2022.11\",\"errorCode\":400,\"errorMsg\":\"Not implemented.\"}",
    );
    answer.status = 400;
    answer
}

/// What a REST action that does not exist answers.
pub(crate) fn no_such_action() -> HttpResponse {
    success("{\"error\":\"You do not have the required rights to edit this resource.\"}")
}

/// TAO's maintenance page: 200, HTML (protocol 0.2).
pub(crate) fn maintenance(request: &HttpRequest) -> HttpResponse {
    let ajax = request
        .headers
        .get("x-requested-with")
        .is_some_and(|v| v.as_bytes() == b"XMLHttpRequest");
    if ajax {
        let body = "{\"success\":false,\"type\":\"Exception\",\"message\":\"TAO is under maintenance\",\"data\":{\"ExceptionType\":\"common_exception_SystemUnderMaintenance\"}}";
        return HttpResponse::new(500, Some(BARE_JSON), body.into()).with_php_only();
    }
    let body = "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"><title>Currently Under Maintenance</title></head>\n<body><h1>Currently Under Maintenance</h1><p>TAO is being updated. Please come back later.</p></body>\n</html>\n";
    HttpResponse::new(200, Some(HTML), body.into()).with_php_only()
}

/// An error page of nginx itself.
pub(crate) fn nginx(status: u16, words: &str) -> HttpResponse {
    let title = format!("{status} {words}");
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
    );
    let mut answer = HttpResponse::new(status, Some("text/html"), body.into());
    answer.announce();
    answer
}

/// A file of the web server with its validators; the caller cuts the range.
pub(crate) fn file(content: Bytes, range: Option<(u64, u64)>, stamp: &str) -> HttpResponse {
    let total = content.len() as u64;
    let body = match range {
        Some((first, last)) => slice(&content, first, last),
        None => content,
    };
    let mut answer = HttpResponse::new(
        if range.is_some() { 206 } else { 200 },
        Some("application/octet-stream"),
        body,
    );
    answer.announce();
    match range {
        Some((first, last)) => {
            answer.text(CONTENT_RANGE, &format!("bytes {first}-{last}/{total}"));
        }
        None => answer.set(ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    }
    answer.text(hyper::header::ETAG, stamp);
    answer.set(
        hyper::header::LAST_MODIFIED,
        HeaderValue::from_static("Thu, 29 Sep 2022 11:53:32 GMT"),
    );
    answer
}

/// Bytes `first ..= last` of a content that has them.
pub(crate) fn slice(content: &Bytes, first: u64, last: u64) -> Bytes {
    let end = usize::try_from(last + 1)
        .unwrap_or(usize::MAX)
        .min(content.len());
    let start = usize::try_from(first).unwrap_or(usize::MAX).min(end);
    content.slice(start..end)
}

/// A package or a part of it (protocol 6.3); `parts` are inclusive byte runs.
pub(crate) fn package(content: &Bytes, parts: &[(u64, u64)], buffer: u64) -> HttpResponse {
    let mut answer = HttpResponse::new(200, Some(BARE_JSON), Bytes::new()).with_php();
    answer.parts = if parts.is_empty() {
        vec![content.clone()]
    } else {
        parts.iter().map(|(a, b)| slice(content, *a, *b)).collect()
    };
    answer.announce();
    answer.set(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some((first, last)) = parts.first() {
        let total = content.len();
        answer.text(CONTENT_RANGE, &format!("bytes {first}-{last}/{total}"));
        // PHP's output buffering: a short answer has left before the status was set.
        if answer.length() >= buffer {
            answer.status = 206;
        }
    }
    answer.package = Some((content.clone(), parts.first().map_or(0, |p| p.0)));
    answer
}

/// Tags an answer with a package as a server in front does; one whose `If-Range` names another tag gets the whole.
pub(crate) fn tag(request: &HttpRequest, answer: &mut HttpResponse, server: &str, weak: bool) {
    let Some((content, _)) = answer.package.clone() else {
        return;
    };
    let sum = crc32fast::hash(&content);
    let tag = format!("{}\"{server}-{sum:08x}\"", if weak { "W/" } else { "" });
    let wished = request.header(&hyper::header::IF_RANGE);
    if wished.is_some_and(|wished| weak || *wished != tag) {
        *answer = package(&content, &[], 0);
    }
    answer.text(hyper::header::ETAG, &tag);
}

/// The empty 200 of an unsatisfiable range (protocol 6.3).
pub(crate) fn unsatisfiable() -> HttpResponse {
    let mut answer = empty();
    answer.set(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(value));
        HttpRequest {
            route: Route::SupportedVm,
            method: Method::GET,
            path: String::new(),
            query: String::new(),
            headers,
            body: Bytes::new(),
            is_kept: false,
        }
        .is_acceptable()
    }

    #[test]
    fn accept_follows_protocol_0_3() {
        for value in [
            "application/json, text/plain, */*",
            "application/zip,application/json",
            "*/*;q=0.8",
            "APPLICATION/JSON",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ] {
            assert!(accepts(value), "{value}");
        }
        for value in [
            "application/json; charset=utf-8",
            "application/*",
            "application/zip, */*",
            "text/html",
            "",
        ] {
            assert!(!accepts(value), "{value}");
        }
    }

    #[test]
    fn a_short_range_is_a_200_with_content_range() {
        let content = Bytes::from(vec![7; 10_000]);
        let short = package(&content, &[(0, 99)], 4096);
        assert_eq!((short.status, short.length()), (200, 100));
        assert_eq!(short.get(&CONTENT_RANGE).unwrap(), "bytes 0-99/10000");
        assert_eq!(package(&content, &[(0, 4095)], 4096).status, 206);
        assert_eq!(package(&content, &[(0, 9)], 0).status, 206);
    }
}
