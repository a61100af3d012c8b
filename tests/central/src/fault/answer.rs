//! What a fault does to an answer, or puts in its place.
//! Never decides whether it strikes: the script of `fault` does.
//! Called by `serve` and `flow`.

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER, VARY,
};

use super::Fault;
use crate::wire::{self, HttpRequest, HttpResponse};

/// What happens to the bytes of a body on their way.
#[derive(Default)]
pub(crate) struct Passage {
    pub(crate) stall: Option<u64>,
    pub(crate) cut: Option<(u64, bool)>,
    pub(crate) corrupt: Vec<u64>,
    pub(crate) rate: Option<u64>,
    pub(crate) latency_ms: u64,
    pub(crate) hangs_up: bool,
}

/// Applies one fault to an answer that a handler gave.
pub(crate) fn distort(
    fault: &Fault,
    request: &HttpRequest,
    answer: &mut HttpResponse,
    passage: &mut Passage,
) {
    match fault {
        Fault::Stall { after } => passage.stall = Some(*after),
        Fault::Cut { after, reset } => passage.cut = Some((*after, *reset)),
        Fault::Corrupt { at, in_package } => {
            let start = answer.package.as_ref().map_or(0, |(_, start)| *start);
            if !in_package {
                passage.corrupt.push(*at);
            } else if answer.package.is_some() && *at >= start && *at - start < answer.length() {
                passage.corrupt.push(*at - start);
            }
        }
        Fault::Throttle { rate } => passage.rate = Some(*rate),
        Fault::Latency { ms } => passage.latency_ms += ms,
        Fault::HangUp => passage.hangs_up = true,
        Fault::Rewrite { find, with } => {
            let text = String::from_utf8_lossy(&answer.whole()).replace(find, with);
            answer.replace_body(text.into());
        }
        Fault::LongRange { bytes } => long_range(answer, *bytes),
        Fault::Gzip { always } => gzip(request, answer, *always),
        Fault::ShortRange { bytes, honest } => short_range(answer, *bytes, *honest),
        Fault::IgnoreRange => {
            if let Some((content, _)) = answer.package.clone() {
                *answer = wire::package(&content, &[], 0);
            }
        }
        Fault::Unsized => {
            if let Some((content, _)) = answer.package.clone() {
                *answer = wire::package(&content, &[], 0);
                answer.sized = false;
                answer.unset(&CONTENT_LENGTH);
                answer.unset(&ACCEPT_RANGES);
            }
        }
        Fault::RefuseSuffix { tells_size } => refuse_suffix(request, answer, *tells_size),
        Fault::Placeless => answer.unset(&CONTENT_RANGE),
        Fault::Tag { server, weak } => wire::tag(request, answer, server, *weak),
        Fault::RangeTotal { total } => range_total(answer, *total),
        Fault::ShiftRange { by, honest } => shift_range(answer, *by, *honest),
        Fault::Truncate { bytes } => {
            let whole = answer.whole();
            let keep = usize::try_from(*bytes)
                .unwrap_or(usize::MAX)
                .min(whole.len());
            answer.replace_body(whole.slice(..keep));
        }
        Fault::Huge { bytes } => {
            let mut body = b"{\"x\":\"".to_vec();
            let fill = usize::try_from(*bytes)
                .unwrap_or(usize::MAX)
                .saturating_sub(8);
            body.resize(6 + fill, b'x');
            body.extend_from_slice(b"\"}");
            answer.replace_body(body.into());
        }
        Fault::Deep { depth } => {
            let depth = usize::try_from(*depth).unwrap_or(usize::MAX);
            answer.replace_body(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into());
        }
        Fault::NotUtf8 => {
            let mut body = answer.whole().to_vec();
            if let Some(at) = body.iter().position(|b| *b == b'"') {
                body.insert(at + 1, 0xff);
            }
            answer.replace_body(body.into());
        }
        _ => {}
    }
    if answer.sized && answer.get(&CONTENT_LENGTH).is_some() {
        answer.announce();
    }
}

/// The answer of a fault that comes instead of processing, if it is one.
pub(crate) fn instead(fault: &Fault, request: &HttpRequest) -> Option<HttpResponse> {
    match fault {
        Fault::Unauthorized => Some(wire::unauthorized()),
        Fault::TypeError => Some(wire::type_error()),
        Fault::DatabaseDown => Some(wire::database_down()),
        Fault::Maintenance => Some(wire::maintenance(request)),
        Fault::Json { body } => Some(wire::success(body.clone())),
        Fault::Page { html } => Some(HttpResponse::new(
            200,
            Some("text/html; charset=UTF-8"),
            Bytes::from(html.clone()),
        )),
        Fault::Status {
            code,
            body,
            retry_after,
            location,
        } => {
            let mut answer = HttpResponse::new(*code, Some("text/html"), Bytes::from(body.clone()));
            answer.announce();
            if let Some(value) = retry_after {
                answer.text(RETRY_AFTER, value);
            }
            if let Some(value) = location {
                answer.text(LOCATION, value);
            }
            Some(answer)
        }
        _ => None,
    }
}

fn gzip(request: &HttpRequest, answer: &mut HttpResponse, always: bool) {
    let is_allowed = request
        .header(&hyper::header::ACCEPT_ENCODING)
        .is_some_and(|value| value.contains("gzip"));
    if !always && (!is_allowed || answer.status == 206) {
        return;
    }
    let content = answer.whole();
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend_from_slice(&miniz_oxide::deflate::compress_to_vec(&content, 6));
    body.extend_from_slice(&crc32fast::hash(&content).to_le_bytes());
    body.extend_from_slice(&(content.len() as u32).to_le_bytes());
    answer.replace_body(body.into());
    answer.sized = false;
    answer.unset(&CONTENT_LENGTH);
    answer.unset(&ACCEPT_RANGES);
    answer.set(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer.set(VARY, HeaderValue::from_static("Accept-Encoding"));
}

fn content_range(answer: &HttpResponse) -> Option<(u64, u64, u64)> {
    let text = answer.get(&CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

fn short_range(answer: &mut HttpResponse, bytes: u64, honest: bool) {
    let Some((first, _, total)) = content_range(answer) else {
        return;
    };
    let whole = answer.whole();
    let keep = bytes.min(whole.len() as u64).max(1);
    answer.parts = vec![wire::slice(&whole, 0, keep - 1)];
    if honest {
        let name: HeaderName = CONTENT_RANGE;
        answer.text(name, &format!("bytes {first}-{}/{total}", first + keep - 1));
    }
}

fn refuse_suffix(request: &HttpRequest, answer: &mut HttpResponse, tells_size: bool) {
    let asked = request.header(&hyper::header::RANGE).unwrap_or_default();
    let Some((content, _)) = answer.package.clone() else {
        return;
    };
    if !asked.starts_with("bytes=-") {
        return;
    }
    *answer = HttpResponse::new(416, Some("text/html"), Bytes::from("<html>416"));
    answer.announce();
    if tells_size {
        answer.text(CONTENT_RANGE, &format!("bytes */{}", content.len()));
    }
}

fn range_total(answer: &mut HttpResponse, total: u64) {
    if let Some((first, last, _)) = content_range(answer) {
        let (first, last) = (total - 1 - (last - first), total - 1);
        answer.text(CONTENT_RANGE, &format!("bytes {first}-{last}/{total}"));
    }
}

fn long_range(answer: &mut HttpResponse, bytes: u64) {
    if let (Some((first, last, total)), Some((content, _))) =
        (content_range(answer), &answer.package)
    {
        let end = last.saturating_add(bytes).min(total - 1);
        answer.parts = vec![wire::slice(content, first, end)];
    }
}

fn shift_range(answer: &mut HttpResponse, by: i64, honest: bool) {
    let Some((first, last, total)) = content_range(answer) else {
        return;
    };
    let first = first.saturating_add_signed(by).min(total - 1);
    let last = last.saturating_add_signed(by).clamp(first, total - 1);
    answer.text(CONTENT_RANGE, &format!("bytes {first}-{last}/{total}"));
    if honest && let Some((content, start)) = &mut answer.package {
        *start = first;
        answer.parts = vec![wire::slice(content, first, last)];
    }
}
