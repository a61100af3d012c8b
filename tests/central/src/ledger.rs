//! The synchronisation log of the central: one row for each box and `sync_id` (protocol 9).
//! Never fails a call by itself, except for the malformed client states of 9.2.
//! Called by `state` after each request that the real listeners hear of.

use std::collections::BTreeMap;

use crate::php::PhpValue;
use crate::wire::{self, HttpRequest, HttpResponse};

/// A row of `synchronisation_log`.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRow {
    /// Box id, a string.
    pub box_id: String,
    /// Number of the synchronisation.
    pub sync_id: i64,
    /// Organisation id.
    pub organization_id: String,
    /// `In progress`, `Success` or `Failed`.
    pub status: String,
    /// Counters by type and word, added up over the run.
    pub data: BTreeMap<String, BTreeMap<String, u64>>,
    /// Type and message of each report node, in order.
    pub report: Vec<(String, String)>,
    /// Flat client state (protocol 9.2).
    pub client_state: serde_json::Map<String, serde_json::Value>,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds, once confirmed.
    pub finished_at: Option<u64>,
}

/// All rows, in order of creation.
#[derive(Default)]
pub(crate) struct SyncLedger {
    pub(crate) rows: Vec<SyncRow>,
}

impl SyncLedger {
    /// The row of a run, made if its parameters allow it (protocol 9.4).
    pub(crate) fn row(&mut self, params: Option<&PhpValue>, now: u64) -> Option<&mut SyncRow> {
        let params = params?;
        let text = |key: &str| {
            params
                .get(key)
                .and_then(PhpValue::text)
                .filter(|t| !t.is_empty() && t.len() <= 50)
        };
        let (box_id, organization_id) = (text("box_id")?, text("organisation_id")?);
        let version = params
            .get("tao_version")?
            .scalar()
            .filter(|v| !v.is_empty())?;
        let sync_id: i64 = match params.get("sync_id")? {
            PhpValue::Int(number) => *number,
            other => other.scalar()?.trim().parse().ok()?,
        };
        if sync_id <= 0 {
            return None;
        }
        let known = self
            .rows
            .iter()
            .position(|r| r.sync_id == sync_id && r.box_id == box_id);
        let at = known.unwrap_or_else(|| {
            let mut client_state = serde_json::Map::new();
            client_state.insert("tao_version".into(), version.into());
            self.rows.push(SyncRow {
                box_id: box_id.to_owned(),
                sync_id,
                organization_id: organization_id.to_owned(),
                status: "In progress".into(),
                data: BTreeMap::new(),
                report: vec![("info".into(), "Synchronization started...".into())],
                client_state,
                created_at: now,
                finished_at: None,
            });
            self.rows.len() - 1
        });
        self.rows.get_mut(at)
    }

    /// Appends to the row of a run; nothing happens without one.
    pub(crate) fn note(&mut self, params: Option<&PhpValue>, now: u64, kind: &str, message: &str) {
        if let Some(row) = self.row(params, now) {
            row.report.push((kind.to_owned(), message.to_owned()));
        }
    }

    /// Adds to a counter of the row of a run.
    pub(crate) fn count(
        &mut self,
        params: Option<&PhpValue>,
        now: u64,
        what: &str,
        word: &str,
        number: u64,
    ) {
        if number > 0
            && let Some(row) = self.row(params, now)
        {
            let words = row.data.entry(what.to_owned()).or_default();
            *words.entry(word.to_owned()).or_default() += number;
        }
    }

    /// `confirmSyncFinished` (protocol 9.1, 9.2).
    pub(crate) fn finished(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let Some(body) = request.json().filter(|_| request.is_post()) else {
            return wire::unexpected();
        };
        let params = body.get("params");
        if params.is_some_and(|p| !p.is_array()) {
            return wire::type_error();
        }
        let state = match params.and_then(|p| p.get("client_state")) {
            None => Some(Vec::new()),
            Some(state) => {
                let parsed = match state {
                    PhpValue::Text(text) => PhpValue::parse(text.as_bytes()),
                    other => Some(other.clone()),
                };
                match parsed.filter(has_node_keys) {
                    Some(root) => nodes(&root),
                    None => return wire::type_error(),
                }
            }
        };
        let params = params.cloned();
        // A malformed child is swallowed: the call succeeds and the row stays open.
        if let Some(state) = state
            && let Some(row) = self.row(params.as_ref(), now)
        {
            for node in state {
                if let serde_json::Value::Object(data) = node.data {
                    row.client_state.extend(data);
                }
                row.report.push((node.kind, node.message));
            }
            row.status = if row.report.iter().any(|(kind, _)| kind == "error") {
                "Failed".into()
            } else {
                "Success".into()
            };
            row.finished_at = Some(now);
        }
        confirmed()
    }

    /// `confirmSyncFailed` (protocol 9.3).
    pub(crate) fn failed(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let Some(body) = request.json().filter(|_| request.is_post()) else {
            return wire::unexpected();
        };
        let params = body.get("params");
        if params.is_some_and(|p| !p.is_array()) {
            return wire::type_error();
        }
        let reason = match body.get("failure-reason") {
            None => "Synchronization failed.".to_owned(),
            Some(PhpValue::Text(reason)) => reason.clone(),
            Some(_) => return wire::type_error(),
        };
        if let Some(row) = self.row(params, now) {
            row.report.push(("error".into(), reason));
            row.status = "Failed".into();
            row.finished_at = Some(now);
        }
        confirmed()
    }
}

fn confirmed() -> HttpResponse {
    wire::success("{\"message\":\"Confirmation received.\"}")
}

struct Node {
    kind: String,
    message: String,
    data: serde_json::Value,
}

fn has_node_keys(node: &PhpValue) -> bool {
    node.is_array()
        && ["type", "message", "data"]
            .iter()
            .all(|k| node.entry(k).is_some())
}

/// All nodes of a report, children before parents; nothing if one of them is malformed.
fn nodes(node: &PhpValue) -> Option<Vec<Node>> {
    if !has_node_keys(node) {
        return None;
    }
    let kind = node.get("type").and_then(PhpValue::scalar)?;
    if !matches!(kind.as_str(), "info" | "success" | "warning" | "error") {
        return None;
    }
    let mut found = Vec::new();
    if let Some(children) = node.get("children") {
        for (_, child) in children.entries() {
            found.extend(nodes(child)?);
        }
    }
    found.push(Node {
        kind,
        message: node
            .get("message")
            .and_then(PhpValue::scalar)
            .unwrap_or_default(),
        data: node
            .get("data")
            .map_or(serde_json::Value::Null, PhpValue::json),
    });
    Some(found)
}
