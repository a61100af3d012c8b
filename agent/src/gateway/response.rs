//! Answers as hyper sends them: status line, fields, content.
//! Never decides what to answer.
//! Called by `handlers`.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use logic::gateway::{GatewayAnswer, diagnostic, span};

use super::ahead::SpanReader;
use super::content::Zeros;
use crate::server::ExactBody;
use vault::package::Content;

/// An answer whose content is at hand.
pub(super) fn plain(answer: GatewayAnswer) -> Response<ExactBody> {
    let mut head = response(answer.status, &[]);
    for (name, value) in &answer.headers {
        put(&mut head, name, value);
    }
    if let Some(Ok(phrase)) = answer.phrase.map(hyper::ext::ReasonPhrase::try_from) {
        head.extensions_mut().insert(phrase);
    }
    filled(head, ExactBody::new(Bytes::from(answer.body)))
}

/// A package, or the spans of it that a `Range` names (protocol 6.3).
pub(super) fn package(content: Content, range: Option<&str>) -> Response<ExactBody> {
    let size = content.meta().size;
    let head = |status| {
        let fields = [
            ("content-type", "application/json"),
            ("accept-ranges", "bytes"),
        ];
        response(status, &fields)
    };
    let Some(range) = range else {
        return filled(
            head(200),
            ExactBody::new(SpanReader::new(content, std::iter::once(0..size).collect())),
        );
    };
    match span::spans(range, size) {
        // Central's way to say that a range cannot be satisfied.
        None => filled(head(200), ExactBody::new(Bytes::new())),
        Some(spans) => {
            let (first, last) = spans[0];
            let spans = spans.into_iter().map(|(first, last)| first..last + 1);
            let mut answer = filled(
                head(206),
                ExactBody::new(SpanReader::new(content, spans.collect())),
            );
            let told = format!("bytes {first}-{last}/{size}");
            put(&mut answer, "content-range", &told);
            answer
        }
    }
}

/// A bandwidth file, made in the stream (protocol 10.3).
pub(super) fn bandwidth(
    size: u64,
    if_none_match: Option<&str>,
    range: Option<&str>,
) -> Response<ExactBody> {
    let tag = diagnostic::tag(size);
    let validators = [
        ("last-modified", diagnostic::CHANGED),
        ("etag", tag.as_str()),
    ];
    if diagnostic::unchanged(if_none_match, size) {
        return filled(response(304, &validators), ExactBody::new(Zeros(0)));
    }
    let head = |status| {
        let mut head = response(status, &validators);
        put(&mut head, "content-type", "application/octet-stream");
        head
    };
    let Some(range) = range else {
        let mut answer = filled(head(200), ExactBody::new(Zeros(size)));
        put(&mut answer, "accept-ranges", "bytes");
        return answer;
    };
    match span::spans(range, size).as_deref() {
        Some([(first, last)]) => {
            let mut answer = filled(head(206), ExactBody::new(Zeros(last - first + 1)));
            let told = format!("bytes {first}-{last}/{size}");
            put(&mut answer, "content-range", &told);
            answer
        }
        _ => {
            let mut answer = filled(head(416), ExactBody::new(Zeros(0)));
            put(&mut answer, "content-range", &format!("bytes */{size}"));
            answer
        }
    }
}

fn response(status: u16, fields: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put(&mut response, "x-content-type-options", "nosniff");
    for (name, value) in fields {
        put(&mut response, name, value);
    }
    response
}

fn put<T>(response: &mut Response<T>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response
            .headers_mut()
            .append(HeaderName::from_static(name), value);
    }
}

fn filled(head: Response<()>, content: ExactBody) -> Response<ExactBody> {
    head.map(|()| content)
}
