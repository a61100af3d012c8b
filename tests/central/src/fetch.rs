//! The SynchronisationApi as far as it gives: checksums, details, classes, packages (protocol 4.5, 5, 6).
//! Never changes data.
//! Called by `state` once the session is known.

use bytes::Bytes;
use hyper::header::RANGE;

use crate::catalogue::Catalogue;
use crate::entity::{Kind, uri};
use crate::php::{self, PhpValue};
use crate::query;
use crate::token::Session;
use crate::wire::{self, HttpRequest, HttpResponse};

/// Why a call with parameters cannot go on.
pub(crate) enum Refusal {
    /// An uncaught PHP type error.
    TypeError,
    /// 500 with its message.
    Version(String),
}

impl Refusal {
    pub(crate) fn answer(&self) -> HttpResponse {
        match self {
            Self::TypeError => wire::type_error(),
            Self::Version(message) => wire::failure(500, message),
        }
    }
}

/// `SyncParamsValidator` (protocol 4.5).
pub(crate) fn check_version(params: Option<&PhpValue>, versions: &[String]) -> Result<(), Refusal> {
    if params.is_some_and(|p| !p.is_array()) {
        return Err(Refusal::TypeError);
    }
    match params.and_then(|p| p.get("tao_version")) {
        None => Err(Refusal::Version(
            "Required parameter \"tao_version\" is missing.".into(),
        )),
        Some(version) => {
            let version = version.scalar().unwrap_or_default();
            if versions.iter().any(|v| php::loosely_equal(v, &version)) {
                Ok(())
            } else {
                Err(Refusal::Version(format!(
                    "Provided version of TAO VM is not supported by server: {version}"
                )))
            }
        }
    }
}

/// The text of an unknown type.
const WRONG_TYPE: &str =
    "Wrong request type, try again please or contact your system administrator";

/// What a fetch leaves for the synchronisation log.
pub(crate) struct Fetched {
    pub(crate) answer: HttpResponse,
    /// Parameters, when they could be read.
    pub(crate) params: Option<PhpValue>,
    /// Entities pushed, by type (details only).
    pub(crate) pushed: Option<(Kind, u64)>,
    /// Message of the failure or of the success.
    pub(crate) told: Result<String, String>,
}

impl Fetched {
    fn failed(answer: HttpResponse, params: Option<PhpValue>, told: &str) -> Self {
        Self {
            answer,
            params,
            pushed: None,
            told: Err(told.to_owned()),
        }
    }
}

fn organisation(params: Option<&PhpValue>, session: &Session) -> Option<String> {
    params
        .and_then(|p| p.get("organisation_id"))
        .and_then(PhpValue::scalar)
        .filter(|o| !o.is_empty())
        .or_else(|| session.organisation.clone())
}

/// `fetchEntityChecksums` (protocol 5.3).
pub(crate) fn checksums(
    request: &HttpRequest,
    session: &Session,
    catalogue: &mut Catalogue,
    versions: &[String],
    page_size: usize,
) -> Fetched {
    let parameters = request.parameters();
    let params = parameters.get("params").cloned();
    if !request.is_get() {
        return Fetched::failed(wire::unexpected(), None, "wrong verb");
    }
    let Some(name) = parameters.get("type").and_then(PhpValue::scalar) else {
        return Fetched::failed(wire::unexpected(), params, "type missing");
    };
    if let Err(refusal) = check_version(params.as_ref(), versions) {
        return Fetched::failed(refusal.answer(), params, "version");
    }
    let Some(kind) = Kind::of(&name) else {
        return Fetched::failed(wire::failure(400, WRONG_TYPE), params, WRONG_TYPE);
    };
    let param = |key: &str| {
        params
            .as_ref()
            .and_then(|p| p.get(key))
            .and_then(PhpValue::scalar)
    };
    let offset = match param("offset") {
        None => 0,
        Some(text) => match php::numeric(&text) {
            Some(number) if number >= 0.0 => number as usize,
            _ => return Fetched::failed(wire::type_error(), params, "offset"),
        },
    };
    let Some(organisation) = organisation(params.as_ref(), session) else {
        return Fetched::failed(
            wire::failure(404, wire::UNEXPECTED),
            params,
            "organisation missing",
        );
    };
    let list = catalogue.list(&organisation, kind);
    let is_joined = matches!(kind, Kind::TestTaker | Kind::Eligibility);
    let since = param("startCreatedAt")
        .filter(|_| !is_joined)
        .and_then(|text| php::numeric(&text));
    let is_paged = matches!(kind, Kind::TestCenter | Kind::TestTaker);
    let page = if is_paged && since.is_none() {
        let start = offset.min(list.len());
        &list[start..start.saturating_add(page_size).min(list.len())]
    } else {
        list.as_slice()
    };
    let (skip, take) = if is_paged && since.is_some() {
        (offset, page_size)
    } else {
        (0, usize::MAX)
    };
    let with_properties = kind != Kind::Eligibility
        && param("withProperties").is_some_and(|w| !w.is_empty() && w != "0");
    let mut count = 0;
    let mut entities = String::new();
    let chosen = page
        .iter()
        .map(|at| catalogue.at(*at))
        .filter(|e| since.is_none_or(|s| e.created as f64 >= s))
        .skip(skip)
        .take(take);
    for entity in chosen {
        entities.push(if count == 0 { '{' } else { ',' });
        count += 1;
        if with_properties {
            php::quote(&mut entities, &entity.id);
            entities.push(':');
            entity.render(&mut entities, kind);
        } else {
            entities.push_str(entity.row());
        }
    }
    entities.push_str(if count == 0 { "[]" } else { "}" });
    let mut out = String::with_capacity(entities.len() + 400);
    out.push_str("{\"type\":\"");
    out.push_str(kind.name());
    out.push('"');
    // The quirk of protocol 5.3: whether the type honours the offset or not, a full page has a next one.
    if count == page_size {
        let next = next_parameters(query::parse_query(&request.query), offset + page_size);
        out.push_str(",\"nextCallUrl\":");
        let url = format!(
            "/taoSync/SynchronisationApi/fetchEntityChecksums?{}",
            query::build_query(&next)
        );
        php::quote(&mut out, &url);
    }
    out.push_str(",\"entities\":");
    out.push_str(&entities);
    out.push('}');
    let keys = if count == page_size { 3 } else { 2 };
    Fetched {
        answer: wire::success(out),
        params,
        pushed: None,
        told: Ok(format!(
            "{keys} checksums returned for entity type '{}'",
            kind.name()
        )),
    }
}

fn next_parameters(parameters: PhpValue, offset: usize) -> PhpValue {
    let PhpValue::Map(mut entries) = parameters else {
        return parameters;
    };
    for (key, value) in &mut entries {
        if key == "params"
            && let PhpValue::Map(params) = value
        {
            let next = PhpValue::Text(offset.to_string());
            match params.iter_mut().find(|(k, _)| k == "offset") {
                Some((_, old)) => *old = next,
                None => params.push(("offset".into(), next)),
            }
            return PhpValue::Map(entries);
        }
    }
    PhpValue::Map(entries)
}

/// `fetchEntityDetails` (protocol 5.4).
pub(crate) fn details(
    request: &HttpRequest,
    session: &Session,
    catalogue: &Catalogue,
    versions: &[String],
) -> Fetched {
    if !request.is_post() {
        return Fetched::failed(wire::unexpected(), None, "wrong verb");
    }
    let Some(body) = request.json() else {
        return Fetched::failed(wire::unexpected(), None, "malformed");
    };
    let params = body.get("params").cloned();
    let (Some(name), Some(ids)) = (
        body.get("type").and_then(PhpValue::scalar),
        body.get("entityIds"),
    ) else {
        return Fetched::failed(wire::unexpected(), params, "missing");
    };
    if let Err(refusal) = check_version(params.as_ref(), versions) {
        return Fetched::failed(refusal.answer(), params, "version");
    }
    let ids: Vec<String> = match ids {
        PhpValue::Text(one) => vec![one.clone()],
        other => other
            .entries()
            .into_iter()
            .filter_map(|(_, v)| v.scalar())
            .collect(),
    };
    let kind = Kind::of(&name);
    if ids.is_empty() {
        return Fetched {
            answer: wire::success("[]"),
            params,
            pushed: kind.map(|k| (k, 0)),
            told: Ok("no entities".into()),
        };
    }
    let Some(kind) = kind else {
        return Fetched::failed(wire::failure(400, WRONG_TYPE), params, WRONG_TYPE);
    };
    let organisation = organisation(params.as_ref(), session);
    if kind == Kind::TestCenter && organisation.is_none() {
        return Fetched::failed(
            wire::failure(404, wire::UNEXPECTED),
            params,
            "organisation missing",
        );
    }
    let mut out = String::new();
    let mut seen = std::collections::HashSet::new();
    let mut pushed = 0u64;
    for id in &ids {
        let Some(entity) = catalogue.get(id).filter(|_| seen.insert(id.as_str())) else {
            continue;
        };
        let is_foreign = kind == Kind::TestCenter
            && !entity.values(uri::ORGANISATION).iter().any(|o| {
                organisation
                    .as_deref()
                    .is_some_and(|own| php::loosely_equal(o, own))
            });
        if is_foreign {
            continue;
        }
        out.push(if out.is_empty() { '{' } else { ',' });
        php::quote(&mut out, id);
        out.push(':');
        entity.render(&mut out, kind);
        pushed += 1;
    }
    out.push_str(if out.is_empty() { "[]" } else { "}" });
    Fetched {
        answer: wire::success(out),
        params,
        pushed: Some((kind, pushed)),
        told: Ok(format!("{pushed} entities returned")),
    }
}

/// `fetchClassDetails` (protocol 5.5).
pub(crate) fn classes(request: &HttpRequest, catalogue: &Catalogue) -> HttpResponse {
    let Some(body) = request.json().filter(|_| request.is_post()) else {
        return wire::unexpected();
    };
    let (Some(name), Some(requested)) = (
        body.get("type").and_then(PhpValue::scalar),
        body.get("requested-classes"),
    ) else {
        return wire::unexpected();
    };
    if !requested.is_array() || requested.entries().is_empty() {
        return wire::unexpected();
    }
    let Some(kind) = Kind::of(&name) else {
        return wire::failure(400, WRONG_TYPE);
    };
    let mut answered: Vec<(String, String)> = Vec::new();
    for (_, class) in requested.entries() {
        let Some(class) = class.text() else {
            return wire::type_error();
        };
        let mut chain = ancestors(catalogue, class);
        chain.push(class.to_owned());
        for class in chain {
            let is_excluded = [uri::GENERIS_RESOURCE, uri::RDFS_RESOURCE, kind.root()]
                .contains(&class.as_str())
                || kind.is_user() && [uri::USER, uri::GENERIS_USER].contains(&class.as_str());
            if is_excluded || answered.iter().any(|(c, _)| *c == class) {
                continue;
            }
            let mut text = String::new();
            match catalogue.get(&class) {
                Some(entity) => entity.render(&mut text, kind),
                None => {
                    text.push_str("{\"id\":");
                    php::quote(&mut text, &class);
                    text.push_str(
                        ",\"checksum\":\"40cd750bba9870f18aada2478b24840a\",\"properties\":[]}",
                    );
                }
            }
            answered.push((class, text));
        }
    }
    wire::success(php::render_map(&answered))
}

fn ancestors(catalogue: &Catalogue, class: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = vec![class.to_owned()];
    while let Some(class) = open.pop() {
        if let Some(entity) = catalogue.get(&class) {
            for parent in entity.values(uri::SUB_CLASS_OF) {
                if !found.contains(parent) {
                    found.push(parent.clone());
                    open.push(parent.clone());
                }
            }
        }
    }
    found
}

/// `getDeliveryTest` (protocol 6).
pub(crate) fn package(request: &HttpRequest, catalogue: &Catalogue, buffer: u64) -> HttpResponse {
    if !request.is_get() {
        return wire::unexpected();
    }
    let parameters = request.parameters();
    let Some(delivery) = parameters.get("delivery-uri").and_then(PhpValue::scalar) else {
        return wire::unexpected();
    };
    let Some(package) = catalogue.package(&delivery) else {
        return wire::failure(404, wire::UNEXPECTED);
    };
    let content: Bytes = package.bytes();
    match request.header(&RANGE) {
        None => wire::package(&content, &[], buffer),
        Some(text) => match ranges(text, content.len() as u64) {
            Some(parts) => wire::package(&content, &parts, buffer),
            None => wire::unsatisfiable(),
        },
    }
}

/// The parts of a `Range` header as tao-core understands it (protocol 6.3), or nothing if one of them is bad.
pub(crate) fn ranges(text: &str, size: u64) -> Option<Vec<(u64, u64)>> {
    text.replace("bytes=", "")
        .split(',')
        .map(|part| {
            let (first, last) = part.trim().split_once('-')?;
            let number = |text: &str| {
                text.bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| text.parse::<u64>().ok())
                    .flatten()
            };
            match (first, last) {
                ("", last) => {
                    let count = number(last).filter(|n| (1..=size).contains(n))?;
                    Some((size - count, size - 1))
                }
                (first, "") => Some((number(first).filter(|n| *n < size)?, size - 1)),
                (first, last) => {
                    let (first, last) = (number(first)?, number(last)?);
                    (first <= last && last < size).then_some((first, last))
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_protocol_6_3() {
        let size = 1_639_949;
        for (text, expected) in [
            ("bytes=0-99", Some(vec![(0, 99)])),
            ("bytes=1000-", Some(vec![(1000, size - 1)])),
            ("bytes=0-1639948", Some(vec![(0, size - 1)])),
            ("bytes=-100", Some(vec![(size - 100, size - 1)])),
            ("bytes=0-9,20-29", Some(vec![(0, 9), (20, 29)])),
            ("bytes=0-9, -10", Some(vec![(0, 9), (size - 10, size - 1)])),
            ("0-9", Some(vec![(0, 9)])),
            ("bytes=0-1640049", None),
            ("bytes=1639949-", None),
            ("bytes=-0", None),
            ("bytes=-1639950", None),
            ("bytes=20-10", None),
            ("bytes=abc", None),
            ("items=0-9", None),
        ] {
            assert_eq!(ranges(text, size), expected, "{text}");
        }
    }
}
