//! Packages to be read: whole, their members by name, in ranges, of the edition that a reader means.
//! Never writes anything in clear to a disk, and never gives pieces of two editions for one.
//! Called by the routes below `packages/`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use hyper::{Method, Response, StatusCode};
use logic::condition::{self, ConditionFields, ConditionOutcome, judge};
use logic::entity::EntityType;
use logic::fault::{ApiCause, Code, Fault, PackageCause, ParameterFlaw};
use logic::keep::{self, stays};
use logic::seal::NameHash;
use tokio::time::Instant;

use super::body::{Pieces, ResponseBody};
use super::query::{Query, parameter};
use super::snapshot::FeedSnapshot;
use super::state::SharedState;
use super::wanted::WantedRange;
use super::wire::{refusal, with_type};
use crate::engine::{Engine, exam};
use vault::package::{Content, Meta, PackageStore};

/// What the routes of one package take.
pub(super) const PARAMETERS: [&str; 1] = ["edition"];
/// An edition that is read all the time is noted as named so often.
const NOTED: Duration = Duration::from_secs(60);
/// Kept editions are looked at so often.
const LOOK: Duration = Duration::from_secs(600);
/// Editions that one request names, at most.
const NAMES: usize = 16;

/// One request about a package.
pub(super) struct PackageRead<'a> {
    pub(super) delivery: &'a str,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    pub(super) method: &'a Method,
}

impl<'a> PackageRead<'a> {
    fn field(&self, name: HeaderName) -> Option<&'a str> {
        // What is no text names nothing.
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap_or_default())
    }

    /// The editions that the reader means; none where any is good.
    fn editions(&self) -> Result<Option<Vec<[u8; 16]>>, Fault> {
        if let Some(text) = self.query.text("edition") {
            let edition = edition(text);
            let flawed = || parameter("edition", ParameterFlaw::Edition);
            return Ok(Some(vec![edition.ok_or_else(flawed)?]));
        }
        let Some(list) = self.field(IF_MATCH).filter(|list| list.trim() != "*") else {
            return Ok(None);
        };
        // The tag of a member begins with the edition of its package.
        let named = condition::strong(list).filter_map(|tag| edition(tag.split('-').next()?));
        Ok(Some(named.take(NAMES).collect()))
    }
}

fn edition(text: &str) -> Option<[u8; 16]> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some(number.to_be_bytes())
}

/// Editions that were noted as named lately.
pub(super) type NamedEditions = BTreeMap<[u8; 16], Instant>;

/// A package that is open.
pub(super) struct OpenedPackage {
    pub(super) meta: Meta,
    pub(super) content: Content,
}

impl OpenedPackage {
    fn of(content: Content) -> Self {
        Self {
            meta: content.meta().clone(),
            content,
        }
    }

    /// As tags and the list of packages name it.
    pub(super) fn edition(&self) -> String {
        NameHash(self.meta.edition).to_string()
    }
}

/// Whether any organisation of the box shows a delivery.
fn shows(shared: &SharedState, shelf: &FeedSnapshot, delivery: &str) -> bool {
    let shown = |shelf: &FeedSnapshot| shelf.shows(EntityType::Delivery, delivery);
    let elsewhere = |one: SharedState| one.shelf().is_ok_and(|shelf| shown(&shelf));
    shown(shelf) || shared.each().unwrap_or_default().into_iter().any(elsewhere)
}

/// Opens the edition that is meant; it is held, or kept since somebody named it while it was.
pub(super) fn open(shared: &SharedState, asked: &PackageRead) -> Result<OpenedPackage, Fault> {
    let delivery = asked.delivery;
    let (packages, is_shown) = match shared.shelf() {
        Ok(shelf) => {
            let is_shown = shows(shared, &shelf, delivery);
            (PackageStore::open(shelf.vault())?, is_shown)
        }
        // Where the catalogue cannot be read, packages are all the same.
        Err(_) => {
            let engine = Engine::open(shared.root(), (*shared.settings()).clone())?;
            (PackageStore::open(engine.vault())?, true)
        }
    };
    // The package of a delivery that is hidden is kept, but nobody's.
    let held = match is_shown {
        true => packages.open_held(delivery)?,
        false => None,
    };
    let Some(meant) = asked.editions()? else {
        return Ok(OpenedPackage::of(held.ok_or_else(|| not_held(delivery))?));
    };
    let is_held = held.is_some();
    if let Some(content) = held.filter(|content| meant.contains(&content.meta().edition)) {
        // Opened first: what is linked then is what was opened.
        note(shared, &packages, content.meta());
        return Ok(OpenedPackage::of(content));
    }
    for edition in meant.iter().filter(|_| is_shown) {
        if let Some(meta) = packages.kept(*edition)?
            && meta.delivery == delivery
        {
            note(shared, &packages, &meta);
            let content = packages.kept_content(&meta)?;
            return Ok(OpenedPackage::of(content));
        }
    }
    Err(match is_held {
        true => other_edition(),
        false => not_held(delivery),
    })
}

/// A reader named this edition: it stays.
fn note(shared: &SharedState, packages: &PackageStore, meta: &Meta) {
    let mut noted = shared.library().noted().borrow_mut();
    if noted
        .get(&meta.edition)
        .is_some_and(|at| at.elapsed() < NOTED)
    {
        return;
    }
    // It is read now in any case; a disk that takes no link is told of elsewhere.
    if packages.keep(meta).is_ok() {
        noted.retain(|_, at| at.elapsed() < NOTED);
        noted.insert(meta.edition, Instant::now());
    }
}

/// Lets go of editions that need not stay, as long as it is polled.
pub(super) async fn sampler(shared: SharedState) {
    loop {
        if shared.root().state().join("packages/kept").exists() {
            // What cannot be done now is done the next time.
            let _ = release(&shared);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn release(shared: &SharedState) -> Result<(), Fault> {
    let settings = shared.settings();
    let engine = Engine::open(shared.root(), (*settings).clone())?;
    let packages = PackageStore::open(engine.vault())?;
    let now = keep::RetentionState {
        exam: exam::running(shared.root()).is_some(),
        scarce: packages.free()? < settings.download.reserve.bytes(),
    };
    packages.release(now.exam, |ago| stays(ago, now))
}

fn not_held(delivery: &str) -> Fault {
    let delivery = delivery.into();
    Fault::new(Code::PackageNotHeld, PackageCause::NotHeld { delivery })
}

fn other_edition() -> Fault {
    Fault::new(Code::PackageEdition, PackageCause::OtherEdition)
}

/// Something that has a tag and ranges.
pub(super) struct Selected {
    /// Strong, with its quotes.
    pub(super) tag: String,
    pub(super) media: &'static str,
    pub(super) size: u64,
    /// Further fields of the answer.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Answers with all of it, a part, or why not (RFC 9110 13 and 14). `pieces` reads a span.
pub(super) fn answer(
    asked: &PackageRead,
    selected: Selected,
    pieces: impl FnOnce(Range<u64>) -> Result<Pieces, Fault>,
) -> Result<Response<ResponseBody>, Fault> {
    let fields = ConditionFields {
        if_match: asked.field(IF_MATCH),
        if_none_match: asked.field(IF_NONE_MATCH),
        if_range: asked.field(IF_RANGE),
    };
    let size = selected.size;
    // A range counts for GET alone (RFC 9110 14.2).
    let range = asked.field(RANGE).filter(|_| asked.method == Method::GET);
    let wanted = match judge(&selected.tag, fields) {
        ConditionOutcome::Failed => return Err(other_edition()),
        ConditionOutcome::NotModified => None,
        ConditionOutcome::Answer { range: false } => Some(WantedRange::All),
        ConditionOutcome::Answer { range: true } => {
            Some(range.map_or(WantedRange::All, |text| WantedRange::read(text, size)))
        }
    };
    let mut response = match wanted {
        None => {
            let body = ResponseBody::whole(Bytes::new());
            with_type(StatusCode::NOT_MODIFIED, selected.media, body)
        }
        Some(WantedRange::All) => {
            let body = ResponseBody::Pieces(pieces(0..size)?, Some(size));
            with_type(StatusCode::OK, selected.media, body)
        }
        Some(WantedRange::Part(start, end)) => {
            let body = ResponseBody::Pieces(pieces(start..end)?, Some(end - start));
            let mut response = with_type(StatusCode::PARTIAL_CONTENT, selected.media, body);
            let place = format!("bytes {start}-{}/{size}", end - 1);
            insert(&mut response, CONTENT_RANGE, &place);
            response
        }
        Some(WantedRange::Outside) => {
            let trouble = Fault::new(Code::ApiRange, ApiCause::Size { size });
            let mut response = refusal(&trouble);
            insert(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(&mut response, ETAG, &selected.tag);
    for (name, value) in selected.fields {
        insert(&mut response, HeaderName::from_static(name), &value);
    }
    Ok(response)
}

/// Adds a field, if its value can be one.
pub(super) fn insert(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The bytes of a span as they stand in the package.
pub(super) fn span(content: Content, span: Range<u64>) -> Pieces {
    let mut at = span.start;
    Box::new(move || {
        if at >= span.end {
            return None;
        }
        let piece = content.from(at, span.end - at);
        if let Ok(piece) = &piece {
            at += piece.len() as u64;
        }
        Some(piece.map(Bytes::from))
    })
}

/// The content of a whole package, or one range of it.
pub(super) fn content(
    shared: &SharedState,
    asked: &PackageRead,
) -> Result<Response<ResponseBody>, Fault> {
    let opened = open(shared, asked)?;
    let edition = opened.edition();
    let selected = Selected {
        tag: format!("\"{edition}\""),
        media: "application/zip",
        size: opened.meta.size,
        fields: vec![("boxsync-edition", edition)],
    };
    answer(asked, selected, |range| Ok(span(opened.content, range)))
}
