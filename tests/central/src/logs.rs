//! Delivery logs, LTI users and test sessions (protocol 8.1 to 8.3).
//! Never decides whether an execution exists: the mapping of `results` does.
//! Called by `state` for the three routes of the ResultApi that are not results.

use crate::php::{self, PhpValue};
use crate::results::Results;

/// A row of the central's table `delivery_log`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// The execution on the central.
    pub online: String,
    /// `event_id`, `SYNC_EVENT` for the rows that central adds itself.
    pub event: String,
    /// The stored JSON text.
    pub data: String,
    /// Unix seconds as sent.
    pub created_at: String,
    /// User URI as sent.
    pub created_by: String,
}

/// Acknowledgements as ready JSON in request order, then how many were imported and how many failed.
pub(crate) type Acknowledged = (Vec<(String, String)>, (u64, u64));

const REQUIRED: [&str; 6] = [
    "id",
    "delivery_execution_id",
    "event_id",
    "data",
    "created_at",
    "created_by",
];
const COLUMNS: [&str; 6] = [
    "delivery_execution_id",
    "event_id",
    "data",
    "created_at",
    "created_by",
    "is_synced",
];

/// One group as it is stored: columns and values by position.
struct Prepared<'a> {
    id: &'a PhpValue,
    execution: usize,
    columns: Vec<(String, String)>,
    is_late_irregularity: bool,
    /// Decrypted to bytes that PostgreSQL refuses.
    is_garbage: bool,
}

/// Stores the groups of a request.
pub(crate) fn intake(
    groups: &PhpValue,
    box_id: Option<&PhpValue>,
    user: &str,
    now: u64,
    results: &mut Results,
    rows: &mut Vec<LogRow>,
) -> Option<Acknowledged> {
    let mut acknowledged = Vec::new();
    let mut counted = (0, 0);
    for (id, group) in groups.entries() {
        let prepared: Result<Vec<Option<Prepared<'_>>>, ()> = group
            .entries()
            .into_iter()
            .map(|(_, row)| prepare(row, results))
            .collect();
        let prepared: Vec<Prepared<'_>> = prepared.ok()?.into_iter().flatten().collect();
        let is_away = !prepared.is_empty() && !results.takes();
        let is_garbage = prepared.iter().any(|row| row.is_garbage);
        let inserted = match is_away || is_garbage {
            true => Err(()),
            false => insert(&prepared),
        };
        let ack = match inserted {
            Ok(stored) => {
                rows.extend(stored);
                if let Some(first) = prepared.first() {
                    let name = box_id.cloned().unwrap_or(PhpValue::Null).render();
                    rows.push(LogRow {
                        online: results.executions[first.execution].online.clone(),
                        event: "SYNC_EVENT".into(),
                        data: format!("{{\"box_id\":{name}}}"),
                        created_at: format!("{now}.0000"),
                        created_by: user.to_owned(),
                    });
                }
                for row in prepared.iter().filter(|r| r.is_late_irregularity) {
                    results.executions[row.execution].irregularity_events += 1;
                }
                counted.0 += 1;
                let ids = PhpValue::List(prepared.iter().map(|r| r.id.clone()).collect());
                format!("{{\"success\":1,\"logsSynced\":{}}}", ids.render())
            }
            Err(()) => {
                counted.1 += 1;
                "{\"success\":0}".to_owned()
            }
        };
        acknowledged.push((id, ack));
    }
    Some((acknowledged, counted))
}

/// A row that can be stored; malformed and unmapped rows vanish silently. `Err`: a PHP type error.
fn prepare<'a>(row: &'a PhpValue, results: &Results) -> Result<Option<Prepared<'a>>, ()> {
    if !row.is_array() || REQUIRED.iter().any(|key| row.entry(key).is_none()) {
        return Ok(None);
    }
    let id = row.get("delivery_execution_id").and_then(PhpValue::scalar);
    let Some(execution) = id.and_then(|id| results.mapped(&id)) else {
        return Ok(None);
    };
    let mut is_garbage = false;
    let data = row.entry("data").unwrap_or(&PhpValue::Null);
    let data = match &results.encryption {
        None => data.render(),
        Some(encryption) => match encryption.row(data)? {
            Some(text) => text,
            None => {
                is_garbage = true;
                String::new()
            }
        },
    };
    let text = |value: &PhpValue| value.scalar().unwrap_or_else(|| value.render());
    let columns = row
        .entries()
        .into_iter()
        .filter(|(key, _)| key != "id" && key != "log_is_after_session_sync")
        .map(|(key, value)| {
            let value = match key.as_str() {
                "delivery_execution_id" => results.executions[execution].online.clone(),
                "data" => data.clone(),
                _ => text(value),
            };
            (key, value)
        })
        .collect();
    Ok(row.entry("id").map(|id| Prepared {
        id,
        execution,
        is_garbage,
        columns,
        is_late_irregularity: row.get("event_id").and_then(PhpValue::text)
            == Some("TEST_IRREGULARITY")
            && row.get("log_is_after_session_sync") == Some(&PhpValue::Bool(true)),
    }))
}

/// The multi-row statement: columns of the first row, values of all rows by position.
fn insert(rows: &[Prepared<'_>]) -> Result<Vec<LogRow>, ()> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    if first
        .columns
        .iter()
        .any(|(c, _)| !COLUMNS.contains(&c.as_str()))
    {
        return Err(());
    }
    rows.iter()
        .map(|row| {
            if row.columns.len() != first.columns.len() {
                return Err(());
            }
            let value = |column: &str| {
                first
                    .columns
                    .iter()
                    .position(|(c, _)| c == column)
                    .map(|at| row.columns[at].1.clone())
                    .unwrap_or_default()
            };
            // The column is numeric: a text that slipped into it by position fails the statement.
            if php::numeric(&value("created_at")).is_none() {
                return Err(());
            }
            Ok(LogRow {
                online: value("delivery_execution_id"),
                event: value("event_id"),
                data: value("data"),
                created_at: value("created_at"),
                created_by: value("created_by"),
            })
        })
        .collect()
}

/// `syncTestSessions`; nothing if an element is no string.
pub(crate) fn sessions(
    list: &PhpValue,
    results: &mut Results,
    is_compiled: impl Fn(&str) -> bool,
) -> Option<Acknowledged> {
    let ids: Option<Vec<String>> = list
        .entries()
        .into_iter()
        .map(|(_, v)| v.scalar())
        .collect();
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    let mut counted = (0, 0);
    for id in ids? {
        let at = results.mapped(&id).filter(|at| {
            results.executions[*at].has_session || is_compiled(&results.executions[*at].delivery)
        });
        let success = match at.filter(|_| results.takes()) {
            Some(at) => {
                results.executions[at].has_session = true;
                results.executions[at].created_events += 1;
                counted.0 += 1;
                1
            }
            None => {
                counted.1 += 1;
                0
            }
        };
        let ack = format!("{{\"success\":{success}}}");
        match acknowledged.iter_mut().find(|(known, _)| *known == id) {
            Some(slot) => slot.1 = ack,
            None => acknowledged.push((id, ack)),
        }
    }
    Some((acknowledged, counted))
}
