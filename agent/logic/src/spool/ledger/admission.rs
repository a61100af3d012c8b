//! What a submission is to the spool: known, or an item with a ledger of its own.
//! Never takes the same content twice, nor a log row that is held already.
//! Called by `vault` through `Ledger::admit`.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::{ItemKey, ItemState, Ledger, PartState};
use crate::intake::{IntakeItem, ItemKind, Print};
use crate::spool::trial::ItemTrial;

/// What a submission is to the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemAdmission {
    /// It is held already, or nothing of it is new: answer as the first time, write nothing.
    Known,
    /// Write this payload and this ledger, then answer.
    Fresh(Box<Ledger>, Vec<u8>),
}

impl Ledger {
    /// Decides what a submission is, given all ledgers of the same kind and id, by edition. `result` is the content of the
    /// latest result of the same id: a session is told again once its execution was reactivated. What is `open` waits for
    /// the content that takes its place.
    pub fn admit(item: IntakeItem, same: &[Self], result: Option<Print>) -> ItemAdmission {
        let content = match (item.kind, result) {
            (ItemKind::Sessions, Some(result)) => Print::of(&[item.content.0, result.0].concat()),
            _ => item.content,
        };
        if same.iter().any(|ledger| ledger.content == content) {
            return ItemAdmission::Known;
        }
        let (mut payload, mut parts) = (item.payload, item.parts);
        if item.kind == ItemKind::Logs {
            let known: BTreeSet<Print> = same
                .iter()
                .flat_map(|ledger| ledger.parts.iter().map(|(print, _)| *print))
                .collect();
            (payload, parts) = without(payload, parts, &known);
            if parts.is_empty() {
                return ItemAdmission::Known;
            }
        }
        // What is not finished was never sent: the content that follows takes its place.
        let edition = match same.iter().max_by_key(|ledger| ledger.key.edition) {
            Some(last) if last.state == ItemState::Open => Some(last.key.edition),
            last => last.map(|last| last.key.edition + 1),
        };
        let ledger = Self {
            key: ItemKey {
                kind: item.kind,
                id: item.id,
                edition: edition.unwrap_or(0),
            },
            size: payload.len() as u64,
            delivery: item.delivery,
            content,
            state: if item.open {
                ItemState::Open
            } else {
                ItemState::Queued
            },
            attempts: 0,
            failures: 0,
            reason: None,
            not_before: 0,
            central: String::new(),
            parts: parts
                .into_iter()
                .map(|part| (part, PartState::Owed))
                .collect(),
            trial: ItemTrial::default(),
            enclosure: item.enclosure,
            origin: None,
        };
        ItemAdmission::Fresh(Box::new(ledger), payload)
    }
}

/// Rows that are not known yet. A payload of intake is a list of as many rows as it has parts.
fn without(payload: Vec<u8>, parts: Vec<Print>, known: &BTreeSet<Print>) -> (Vec<u8>, Vec<Print>) {
    if parts.iter().all(|part| !known.contains(part)) {
        return (payload, parts);
    }
    let rows: Vec<&RawValue> = serde_json::from_slice(&payload).unwrap_or_default();
    let (mut kept, mut prints) = (vec![b'['], Vec::new());
    for (row, part) in rows.iter().zip(parts) {
        if known.contains(&part) {
            continue;
        }
        if !prints.is_empty() {
            kept.push(b',');
        }
        kept.extend_from_slice(row.get().as_bytes());
        prints.push(part);
    }
    kept.push(b']');
    (kept, prints)
}
