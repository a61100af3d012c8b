//! What became of results that were handed in: of all, of one by its id.
//! Never says what a candidate did, and never holds up others: accounts are read beside the loop.
//! Called by the routes `results` and `results/{id}`.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use logic::fault::{ApiCause, Code, CodeName, Fault, Finding, ParameterFlaw, remedy};
use logic::intake::ItemKind;
use logic::outside;
use logic::spool::{ItemState, PartState};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::body::ResponseBody;
use super::content::LINES;
use super::query::{Query, parameter};
use super::state::SharedState;
use super::wire::{object, with_type};
use crate::engine::Engine;
use vault::spool::{Fate, Spool};

/// What the list takes.
pub(super) const PARAMETERS: [&str; 1] = ["state"];
const STATES: [ItemState; 9] = [
    ItemState::Queued,
    ItemState::Sending,
    ItemState::Acknowledged,
    ItemState::Refused,
    ItemState::Unconfirmed,
    ItemState::SetAside,
    ItemState::Open,
    ItemState::Held,
    ItemState::Carried,
];

/// What somebody is to do about an item in this state.
fn advice(state: ItemState, reason: Option<&Finding>) -> &'static str {
    let known = reason.and_then(|reason| reason.code.known());
    match state {
        ItemState::Acknowledged => "Nothing: central has it.",
        ItemState::SetAside => "`boxsync results retry ID` takes it up again.",
        ItemState::Carried => {
            "Bring the file to central; `boxsync results confirm ID` when central has it, `boxsync results reclaim ID` when the file is lost."
        }
        ItemState::Open => {
            "Submit it again when the execution is finished; `boxsync results retry ID` sends it as it is."
        }
        ItemState::Queued | ItemState::Sending if reason.is_none() => {
            "Nothing: it goes to central with the next synchronization."
        }
        ItemState::Unconfirmed if reason.is_none() => {
            "Ask the operator of central whether it is there; `boxsync results retry ID` sends it again."
        }
        _ => remedy(known),
    }
}

/// One edition of an item, as it is told everywhere.
pub(super) fn edition(fate: &Fate) -> Json {
    let ledger = &fate.ledger;
    let stored = ledger
        .parts
        .iter()
        .filter(|(_, part)| *part == PartState::Stored);
    let code: Option<&CodeName> = ledger.reason.as_ref().map(|reason| &reason.code);
    json!({
        "edition": ledger.key.edition, "state": ledger.state.word(), "attempts": ledger.attempts,
        "code": code, "reason": ledger.reason.as_ref().map(Finding::reason),
        "what_to_do": match fate.superseded {
            true => remedy(Some(Code::ResultsSuperseded)),
            false => advice(ledger.state, ledger.reason.as_ref()),
        },
        "came_at": fate.came, "changed_at": fate.changed,
        "bytes": ledger.size, "parts": ledger.parts.len(), "stored": stored.count(),
    })
}

fn open(shared: &SharedState) -> impl FnOnce() -> Result<Spool, Fault> + Send + 'static {
    let (root, settings) = (shared.root().clone(), (*shared.settings()).clone());
    move || Spool::open(Engine::open(&root, settings)?.vault())
}

/// One result: its editions in order, and of the newest one how it stands.
pub(super) async fn one(shared: &SharedState, id: &str) -> Result<Response<ResponseBody>, Fault> {
    let (open, wanted) = (open(shared), id.to_owned());
    let read = move || {
        let fates = open()?.fates(ItemKind::Results, &wanted)?;
        Ok::<Vec<Json>, Fault>(fates.iter().map(edition).collect())
    };
    let read = system::task::spawn_blocking(read);
    let editions = read.await.map_err(|error| unread(&error))??;
    let Some(newest) = editions.last() else {
        let id = id.into();
        return Err(Fault::new(Code::ResultsUnknown, ApiCause::NoResult { id }));
    };
    let mut told = json!({ "schema": 1, "id": id });
    for key in ["state", "code", "reason", "what_to_do"] {
        told[key] = newest[key].clone();
    }
    told["editions"] = json!(editions);
    Ok(object(StatusCode::OK, told))
}

/// A task that reads accounts ended before it had.
pub(super) fn unread(error: &tokio::task::JoinError) -> Fault {
    let why = error.to_string().as_str().into();
    Fault::new(Code::IntakeFailed, ApiCause::Unread { why })
}

/// All of them, an edition a line: what is owed, then what is done. As fast as they are read.
pub(super) fn list(shared: &SharedState, query: &Query) -> Result<Response<ResponseBody>, Fault> {
    let wanted = match query.text("state") {
        None => None,
        Some(word) => {
            let state = STATES.into_iter().find(|state| state.word() == word);
            let words = STATES.map(ItemState::word).join(", ");
            let flaw = ParameterFlaw::OneOf { words };
            Some(state.ok_or_else(|| parameter("state", flaw))?)
        }
    };
    let (lines, receive) = mpsc::channel(4);
    let open = open(shared);
    system::task::spawn_blocking(move || {
        let mut piece = Vec::new();
        let read = open().and_then(|spool| {
            spool.each(&mut |ledger| {
                let fits = wanted.is_none_or(|state| state == ledger.state);
                if ledger.key.kind != ItemKind::Results || !fits {
                    return Ok(());
                }
                let id = ledger.key.id.clone();
                let mut line = edition(&spool.fate(ledger));
                line["id"] = json!(id);
                piece.extend_from_slice(outside::json(&line).as_bytes());
                piece.push(b'\n');
                if piece.len() < GATHER {
                    return Ok(());
                }
                // Who hung up reads no further.
                let gone = |_| Fault::new(Code::ApiSlow, ApiCause::ReaderGone);
                let full = Bytes::from(std::mem::take(&mut piece));
                lines.blocking_send(Ok(full)).map_err(gone)
            })
        });
        let last = read.map(|()| Bytes::from(piece));
        let _ = lines.blocking_send(last);
    });
    Ok(with_type(
        StatusCode::OK,
        LINES,
        ResponseBody::Lines(receive),
    ))
}

/// Lines are gathered to about so many bytes before they are handed on.
const GATHER: usize = 32 << 10;
