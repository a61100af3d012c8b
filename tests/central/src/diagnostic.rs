//! The anonymous endpoints of taoClientDiagnostic: upload, bandwidth files, browser (protocol 10).
//! Never stores anything.
//! Called by `state`.

use std::sync::OnceLock;

use bytes::Bytes;
use hyper::header::{IF_NONE_MATCH, RANGE, USER_AGENT};

use crate::php::PhpValue;
use crate::random::Random;
use crate::token::form_fields;
use crate::wire::{self, HttpRequest, HttpResponse};

/// `CompatibilityChecker/upload` (protocol 10.2).
pub(crate) fn upload(request: &HttpRequest) -> HttpResponse {
    if !request.is_post() {
        return wire::success("{\"success\":false,\"error\":\"Only post method is accepted.\"}");
    }
    let fields = form_fields(request);
    match fields
        .as_ref()
        .and_then(|f| f.get("upload"))
        .and_then(PhpValue::text)
    {
        Some(text) => wire::success(format!("{{\"success\":true,\"size\":{}}}", text.len())),
        None => {
            wire::success("{\"success\":false,\"error\":\"'upload' POST variable is missed.\"}")
        }
    }
}

/// A bandwidth file (protocol 10.3).
pub(crate) fn bandwidth(request: &HttpRequest) -> HttpResponse {
    let (size, stamp) = match request.path.rsplit('/').next() {
        Some("bin10KB.data") => (10_240, "\"6335873c-2800\""),
        Some("bin100KB.data") => (102_400, "\"6335873c-19000\""),
        Some("bin1MB.data") => (1_048_576, "\"6335873c-100000\""),
        _ => return wire::nginx(404, "Not Found"),
    };
    static CONTENT: OnceLock<Bytes> = OnceLock::new();
    let content = CONTENT
        .get_or_init(|| Random::new(10).bytes(1_048_576).into())
        .slice(..size);
    if request.header(&IF_NONE_MATCH) == Some(stamp) {
        let mut answer = wire::file(Bytes::new(), None, stamp);
        answer.status = 304;
        answer.sized = false;
        for name in [
            hyper::header::CONTENT_TYPE,
            hyper::header::CONTENT_LENGTH,
            hyper::header::ACCEPT_RANGES,
        ] {
            answer.unset(&name);
        }
        return answer;
    }
    let range = request
        .header(&RANGE)
        .and_then(|text| crate::fetch::ranges(text, size as u64))
        .and_then(|parts| parts.first().copied());
    wire::file(content, range, stamp)
}

/// `CompatibilityChecker/whichBrowser` (protocol 10.4), as far as a box cares.
pub(crate) fn which_browser(request: &HttpRequest) -> HttpResponse {
    let agent = request.header(&USER_AGENT).unwrap_or("");
    let version = agent
        .split_once("Chrome/")
        .and_then(|(_, rest)| rest.split(' ').next())
        .map(|number| number.split('.').take(2).collect::<Vec<_>>().join("."));
    let browser = if version.is_some() {
        "Chrome"
    } else {
        "unknown"
    };
    let version = version.unwrap_or_else(|| "unknown".into());
    let os = if agent.contains("Linux") {
        "Linux"
    } else {
        "unknown"
    };
    wire::success(format!(
        "{{\"browser\":\"{browser}\",\"browserVersion\":\"{version}\",\"os\":\"{os}\",\"osVersion\":\"unknown\",\"isMobile\":false}}"
    ))
}
