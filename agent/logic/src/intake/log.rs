//! Validates the log rows of one execution and writes them with the same keys in the same order (protocol 8.1).
//! Never changes what an event says: `data` stays byte for byte.
//! Called by `intake`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::document;
use super::exact::Exact;
use super::path::{At, text};
use super::{Enclosure, IntakeItem, ItemKind, Print};
use crate::api::answer::PhpMap as Pairs;
use crate::fault::{Code, Fault};
use crate::fault::{Finding, IntakeFlaw, IntakeValue};

/// What central's columns take, and the id that it acknowledges by. Any other key fails the whole group.
const KEYS: [&str; 6] = [
    "id",
    "delivery_execution_id",
    "event_id",
    "data",
    "created_at",
    "created_by",
];
/// A flag for central, removed before it stores.
const AFTER: &str = "log_is_after_session_sync";
/// The box's own bookkeeping: it says nothing to central.
const SYNCED: &str = "is_synced";

/// One item of all rows; `None` when there are none, as central takes nothing from an empty list.
pub(super) fn read(
    execution: &str,
    raw: &RawValue,
    at: &At<'_>,
    warnings: &mut Vec<Finding>,
) -> Result<Option<IntakeItem>, Fault> {
    let mut seen: BTreeMap<String, Print> = BTreeMap::new();
    let mut parts = Vec::new();
    let mut payload = vec![b'['];
    let mut content = payload.clone();
    for (index, raw) in document::list(raw, at, IntakeValue::Rows)?
        .into_iter()
        .enumerate()
    {
        let at = at.index(index);
        let IntakeRow {
            id,
            print,
            sent,
            told,
        } = row(execution, raw, &at)?;
        match seen.insert(id, print) {
            // The same row twice is one row.
            Some(first) if first == print => {
                let cause = at.cause(IntakeFlaw::RepeatedRow);
                warnings.push(Finding::new(Code::IntakeRepeatedRow, cause));
                continue;
            }
            Some(_) => {
                return Err(at.key("id").malformed(IntakeFlaw::RowTwice));
            }
            None => {}
        }
        if !parts.is_empty() {
            payload.push(b',');
            content.push(b',');
        }
        payload.extend_from_slice(&sent);
        content.extend_from_slice(&told);
        parts.push(print);
    }
    payload.push(b']');
    content.push(b']');
    Ok((!parts.is_empty()).then(|| IntakeItem {
        kind: ItemKind::Logs,
        id: execution.to_owned(),
        delivery: None,
        test_taker: None,
        content: Print::of(&content),
        payload,
        parts,
        execution: None,
        open: false,
        enclosure: Enclosure::default(),
    }))
}

/// One row that central takes.
struct IntakeRow {
    /// Its id as text.
    id: String,
    print: Print,
    /// As it is sent: every number as it came.
    sent: Vec<u8>,
    /// The same with its time as central's PHP reads it: equal rows are equal, however their time was written.
    told: Vec<u8>,
}

fn row(execution: &str, raw: &RawValue, at: &At<'_>) -> Result<IntakeRow, Fault> {
    let Pairs(pairs) = serde_json::from_str(raw.get()).map_err(|error| {
        at.malformed(IntakeFlaw::Unreadable {
            what: IntakeValue::Row,
            found: (&error).into(),
        })
    })?;
    let mut fields: BTreeMap<Cow<str>, &RawValue> = BTreeMap::new();
    for (key, value) in pairs {
        let at = at.key(&key);
        if !KEYS.contains(&key.as_ref()) && key != AFTER && key != SYNCED {
            let keys = KEYS.into_iter().chain([AFTER, SYNCED]);
            let keys = keys.map(str::to_owned).collect();
            return Err(at.malformed(IntakeFlaw::NoColumn { keys }));
        }
        if fields.contains_key(&key) {
            return Err(at.malformed(IntakeFlaw::KeyTwice));
        }
        fields.insert(key, value);
    }
    let field = |key: &str| -> Result<Exact, Fault> {
        let raw = fields
            .get(key)
            .ok_or_else(|| at.key(key).malformed(IntakeFlaw::KeyMissing))?;
        super::value(raw)
    };
    let id = field("id")?;
    let id_text = match &id {
        Exact::Number(number) if id.is_whole() => number.clone(),
        other => text(other, &at.key("id"), IntakeValue::RowId)?,
    };
    let own = field("delivery_execution_id")?;
    if own.as_str() != Some(execution) {
        let what = IntakeValue::RowExecution;
        return Err(at.key("delivery_execution_id").expected(what, &own));
    }
    let event = text(&field("event_id")?, &at.key("event_id"), IntakeValue::Event)?;
    let by = text(
        &field("created_by")?,
        &at.key("created_by"),
        IntakeValue::User,
    )?;
    let created = field("created_at")?;
    let is_time = match &created {
        Exact::Number(_) => true,
        Exact::String(text) => is_seconds(text),
        _ => false,
    };
    if !is_time {
        let what = IntakeValue::Seconds;
        return Err(at.key("created_at").expected(what, &created));
    }
    let after = match fields.get(AFTER).map(|raw| raw.get()) {
        None | Some("null" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(at.key(AFTER).malformed(IntakeFlaw::Boolean)),
    };
    let data = fields
        .get("data")
        .ok_or_else(|| at.key("data").malformed(IntakeFlaw::KeyMissing))?;
    let text = |value: Vec<u8>| String::from_utf8(value).expect("JSON is UTF-8");
    let before = format!(
        r#"{{"id":{},"delivery_execution_id":{},"event_id":{},"data":{},"created_at":"#,
        text(id.canonical()),
        text(own.canonical()),
        text(Exact::from(event.as_str()).canonical()),
        data.get(),
    );
    let behind = format!(
        r#","created_by":{},"{AFTER}":{after}}}"#,
        text(Exact::from(by.as_str()).canonical())
    );
    let sent = [before.as_bytes(), &created.canonical(), behind.as_bytes()].concat();
    let told = [before.as_bytes(), &created.as_doubles(), behind.as_bytes()].concat();
    // The flag says when a row is sent, not what it is.
    let is = Exact::Array(vec![
        id_text.as_str().into(),
        event.into(),
        super::value(data)?,
        created,
        by.into(),
    ]);
    Ok(IntakeRow {
        id: id_text,
        print: Print::of(&is.as_doubles()),
        sent,
        told,
    })
}

fn is_seconds(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((seconds, fraction)) => digits(seconds) && digits(fraction),
        None => digits(text),
    }
}
