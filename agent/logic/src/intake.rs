//! Decides what may enter the spool: results, logs, sessions and LTI users in the shapes of central's own routes.
//! Never lets in what central would choke on, never changes what a candidate did, never writes.
//! Called by the local API and by `results submit`; what it lets in is kept by `vault` and sent by `spool`.

mod document;
mod enclosure;
mod exact;
mod log;
mod path;
mod result;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::entity::EntityType;
use crate::fault::{Code, Fault, Finding, Id, IntakeCause, IntakeFlaw, IntakeValue, OwedItems};

pub use enclosure::{Enclosure, ExecutionState};
use exact::Exact;
use path::At;

/// The default bound of one item (issue 4).
pub const ITEM_LIMIT: usize = 16 << 20;

/// What the box owes to central, in the order of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// What a candidate did in one execution (protocol 7).
    Results,
    /// Rows of the delivery log of one execution (protocol 8.1).
    Logs,
    /// One test session (protocol 8.3).
    Sessions,
    /// One LTI user (protocol 8.2).
    LtiUsers,
}

impl ItemKind {
    /// All of them, in the order of sending.
    pub const ALL: [Self; 4] = [Self::Results, Self::Logs, Self::Sessions, Self::LtiUsers];

    /// The word of `results submit --kind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Logs => "logs",
            Self::Sessions => "sessions",
            Self::LtiUsers => "lti-users",
        }
    }

    /// So many of it, as people say it.
    pub fn counted(self, count: u64) -> String {
        let word = match self {
            Self::Results => "result",
            Self::Logs => "log",
            Self::Sessions => "test session",
            Self::LtiUsers => "LTI user",
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {word}{plural}")
    }

    /// So many of it, as a value.
    pub fn count(self, count: u64) -> OwedItems {
        match (self, count) {
            (Self::Results, 1) => OwedItems::OneResult,
            (Self::Results, count) => OwedItems::Results { count },
            (Self::Logs, 1) => OwedItems::OneLog,
            (Self::Logs, count) => OwedItems::Logs { count },
            (Self::Sessions, 1) => OwedItems::OneSession,
            (Self::Sessions, count) => OwedItems::Sessions { count },
            (Self::LtiUsers, 1) => OwedItems::OneUser,
            (Self::LtiUsers, count) => OwedItems::Users { count },
        }
    }

    /// The key of the body of central's route.
    fn key(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Logs => "delivery_logs",
            Self::Sessions => "test_sessions",
            Self::LtiUsers => "lti_users",
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for ItemKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or(())
    }
}

/// 128 bits of SHA-256 over a canonical form: equal prints, equal content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Print(pub [u8; 16]);

impl Print {
    /// The print of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut print = [0; 16];
        print.copy_from_slice(&Sha256::digest(bytes)[..16]);
        Self(print)
    }
}

/// The SHA-256 of some bytes, in hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One thing that the box owes: validated, normalised, ready to be sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeItem {
    /// What it is.
    pub kind: ItemKind,
    /// Execution id; for LTI users their id, or the print of their content.
    pub id: String,
    /// URI of the delivery, of a result.
    pub delivery: Option<String>,
    /// URI of the test taker, of a result.
    pub test_taker: Option<String>,
    /// Canonical JSON: a Result, a list of rows with the same keys in the same order, a session's id, a user.
    pub payload: Vec<u8>,
    /// One print a variable (of a result) or a row (of logs), in the order of the payload; empty for the others.
    pub parts: Vec<Print>,
    /// The print of the whole content.
    pub content: Print,
    /// How far the execution is, of a result.
    pub execution: Option<ExecutionState>,
    /// Whether it waits until it is finished: whoever keeps it decides that by its state.
    pub open: bool,
    /// Whether nobody on the box can read it, and with which key it was closed.
    pub enclosure: Enclosure,
}

/// What one document brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedDocument {
    /// In the order of the document.
    pub items: Vec<IntakeItem>,
    /// What central takes, but somebody should look at; told once each, with its path.
    pub warnings: Vec<Finding>,
}

/// Answers whether the catalogue holds an entity; only `Delivery` and `TestTaker` are asked for.
pub type EntityLookup<'a> = &'a dyn Fn(EntityType, &str) -> bool;

/// Reads a document in the shape that central's route takes for its kind, or the bare map or list within it;
/// `sync_params` are ignored. `limit` bounds the bytes of one item.
///
/// # Errors
/// `intake.malformed` with the path of the offending field; `intake.too_long` with the id of the item. Then nothing
/// of the document was let in.
pub fn read(
    kind: ItemKind,
    document: &[u8],
    limit: usize,
    known: EntityLookup<'_>,
) -> Result<ParsedDocument, Fault> {
    let raw = document_of(document)?;
    let content = document::content(raw, kind.key())?;
    let root = At::root(kind.key());
    let mut intake = ParsedDocument::default();
    match kind {
        ItemKind::Results => {
            for (id, raw) in document::map(content, &root, IntakeValue::ResultMap)? {
                let item = result::read(&id, &value(raw)?, &root.key(&id), known, &mut intake)?;
                intake.items.push(item);
            }
        }
        ItemKind::Logs => {
            for (id, raw) in document::map(content, &root, IntakeValue::RowMap)? {
                if let Some(item) = log::read(&id, raw, &root.key(&id), &mut intake.warnings)? {
                    intake.items.push(item);
                }
            }
        }
        ItemKind::Sessions => {
            let list = document::list(content, &root, IntakeValue::Executions)?;
            for (index, raw) in list.into_iter().enumerate() {
                let at = root.index(index);
                let id = path::text(&value(raw)?, &at, IntakeValue::Execution)?;
                intake.items.push(session(&id));
            }
        }
        ItemKind::LtiUsers => {
            let list = document::list(content, &root, IntakeValue::Users)?;
            for (index, raw) in list.into_iter().enumerate() {
                intake.items.push(lti_user(raw, None, &root.index(index))?);
            }
        }
    }
    bounded(intake, limit)
}

/// Reads one item that is put by its id: a Result, a list of log rows, a user; of a session the id says it all.
///
/// # Errors
/// As `read`.
pub fn read_one(
    kind: ItemKind,
    id: &str,
    document: &[u8],
    limit: usize,
    known: EntityLookup<'_>,
) -> Result<ParsedDocument, Fault> {
    let root = At::root(kind.key());
    let at = root.key(id);
    if !path::is_name(id) {
        return Err(at.malformed(IntakeFlaw::PlainId));
    }
    let mut intake = ParsedDocument::default();
    if kind == ItemKind::Sessions {
        intake.items.push(session(id));
        return Ok(intake);
    }
    let raw = document_of(document)?;
    match kind {
        ItemKind::Results => {
            let item = result::read(id, &value(raw)?, &at, known, &mut intake)?;
            intake.items.push(item);
        }
        ItemKind::Logs => intake
            .items
            .extend(log::read(id, raw, &at, &mut intake.warnings)?),
        ItemKind::LtiUsers => intake.items.push(lti_user(raw, Some(id), &at)?),
        ItemKind::Sessions => {}
    }
    bounded(intake, limit)
}

fn bounded(intake: ParsedDocument, limit: usize) -> Result<ParsedDocument, Fault> {
    match intake.items.iter().find(|item| item.payload.len() > limit) {
        None => Ok(intake),
        Some(item) => {
            let cause = IntakeCause::TooLong {
                kind: item.kind.key().to_owned(),
                id: Id::from(&item.id),
                bytes: item.payload.len(),
                limit,
            };
            Err(Fault::new(Code::IntakeTooLong, cause))
        }
    }
}

fn session(id: &str) -> IntakeItem {
    let payload = Exact::from(id).canonical();
    IntakeItem {
        kind: ItemKind::Sessions,
        id: id.to_owned(),
        delivery: None,
        test_taker: None,
        content: Print::of(&payload),
        payload,
        parts: Vec::new(),
        execution: None,
        open: false,
        enclosure: Enclosure::default(),
    }
}

/// No public extension defines a user (protocol 8.2): any object passes as it is.
fn lti_user(raw: &RawValue, id: Option<&str>, at: &At<'_>) -> Result<IntakeItem, Fault> {
    let user = value(raw)?;
    let Exact::Object(fields) = &user else {
        return Err(at.expected(IntakeValue::LtiUser, &user));
    };
    let payload = user.canonical();
    let content = Print::of(&payload);
    let own = match fields.get("id") {
        // What it could not be put under is no id in a document either.
        Some(own @ Exact::String(text)) if !text.is_empty() => {
            Some(Cow::Owned(path::text(own, &at.key("id"), IntakeValue::Id)?))
        }
        Some(Exact::Number(number)) => Some(Cow::Borrowed(number.as_str())),
        _ => None,
    };
    if let (Some(id), Some(own)) = (id, &own)
        && id != own
    {
        let id = Id::from(id);
        return Err(at.key("id").malformed(IntakeFlaw::OtherId { id }));
    }
    let id = id
        .map(str::to_owned)
        .or(own.map(Cow::into_owned))
        .unwrap_or_else(|| content.to_string());
    Ok(IntakeItem {
        kind: ItemKind::LtiUsers,
        id,
        delivery: None,
        test_taker: None,
        payload,
        parts: Vec::new(),
        content,
        execution: None,
        open: false,
        enclosure: Enclosure::default(),
    })
}

fn document_of(bytes: &[u8]) -> Result<&RawValue, Fault> {
    match bytes.trim_ascii().is_empty() {
        true => Err(Fault::new(Code::IntakeMalformed, IntakeCause::Nothing)),
        false => serde_json::from_slice(bytes).map_err(|error| not_json(&error)),
    }
}

fn value(raw: &RawValue) -> Result<Exact, Fault> {
    Exact::read(raw).map_err(|error| not_json(&error))
}

fn not_json(error: &serde_json::Error) -> Fault {
    let found = error.into();
    Fault::new(Code::IntakeMalformed, IntakeCause::NoDocument { found })
}

#[cfg(test)]
mod tests;
