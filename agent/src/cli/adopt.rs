//! `results adopt` and `results receipt`: what other boxes left, let in here; and what a person can show of an item.
//! Never sends anything: the next synchronization does, and asks central first. Never tells a name or what a candidate did.
//! Called by `results`.

use std::path::Path;

use logic::fault::{Code, Fault, Id, ItemCause, SiteCause};
use logic::intake::sha256;
use logic::language::figure::{self, Seconds};
use logic::outside;
use logic::site::ObjectFlaw;
use logic::spool::{ItemState, Ledger};
use serde_json::json;

use super::runtime;
use super::screen::Screen;
use crate::copies::Copies;
use crate::engine::{AdoptedBox, Adoption, Whose};
use crate::socket::client;
use system::root::Root;
use vault::spool::{Fate, Spool};

logic::sentences! {
    /// What `results receipt` and `results adopt` say.
    enum ReceiptTerm {
        State { state: String }: "state: {state}", "état : {state}";
        Accepted { at: String }: "accepted: {at}", "accepté : {at}";
        Kept { bytes: u64, hash: String }:
            "on this box: {bytes} bytes, SHA-256 of what `results export` writes: {hash}",
            "sur cette box : {bytes} octets, SHA-256 de ce qu’écrit `results export` : {hash}";
        KeptEncrypted { bytes: u64, hash: String }:
            "on this box: {bytes} bytes, encrypted for central, SHA-256 of that: {hash}",
            "sur cette box : {bytes} octets, chiffrés pour le serveur central, SHA-256 de cela : {hash}";
        NotKept: "no longer on this box", "plus sur cette box";
        Copied { place: String, at: String }: "copied: {place}, {at}", "copié : {place}, {at}";
        Acknowledged { at: String }: "acknowledged by central: {at}", "confirmé par le serveur central : {at}";
        Origin { id: String }: "adopted from box {id}", "repris de la box {id}";
        BoxLeft { id: String, items: u64, age: Seconds }:
            "box {id}: items {items}, heard of {age} ago", "box {id} : éléments {items}, dernier signe il y a {age}";
        Adopted { new: u64, known: u64 }: "  adopted: {new}, held already: {known}", "  repris : {new}, déjà là : {known}";
        NotAdopted: "  not adopted", "  non repris";
        PutBack { count: u64 }:
            "  put back after central had acknowledged them, and not adopted: {count}",
            "  remis en place après confirmation par le serveur central, et non repris : {count}";
    }
}

/// More files that are of no use are not named.
const NAMED: usize = 10;

pub(super) fn adopt(
    root: &Root,
    place: &Path,
    whose: Whose<'_>,
    screen: &Screen,
) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    let adoption = match kept_of(place) {
        None => engine.adopt(place, whose)?,
        Some(id) => match (
            engine.adopt_kept(id, whose),
            &engine.settings().results.copy_to,
        ) {
            // It gave this box nothing: its copies may lie where this one has its own.
            (Err(trouble), Some(place)) if trouble.code == Code::AdoptNone => {
                engine.adopt(place, whose.only(id))?
            }
            (adopted, _) => adopted?,
        },
    };
    let of_ours = adoption.boxes.iter().map(|one| one.items + one.put_back);
    if of_ours.sum::<u64>() == 0 && adoption.flawed.is_empty() {
        let path = place.display().to_string();
        return Err(Fault::new(Code::AdoptNone, SiteCause::NothingLeft { path }));
    }
    adoption.boxes.iter().for_each(|one| tell(one, screen));
    if adoption.boxes.iter().any(|one| one.new > 0) {
        runtime(client::wake(root));
    }
    unused(&adoption)
}

/// The id of a box, where that is meant: a folder is there, or has a separator in its name.
fn kept_of(place: &Path) -> Option<&str> {
    let id = place.to_str()?;
    (!id.contains('/') && !place.exists()).then_some(id)
}

fn tell(one: &AdoptedBox, screen: &Screen) {
    if screen.json {
        return screen.object(json!({
            "box_id": one.box_id, "heard_at": one.heard_at, "items": one.items, "adopted": one.new,
            "known": one.known, "handed_over": one.handed, "unreadable": one.unread, "put_back": one.put_back,
        }));
    }
    screen.line(&screen.told(&ReceiptTerm::BoxLeft {
        id: outside::id(&one.box_id),
        items: one.items,
        age: Seconds(one.age),
    }));
    screen.line(&screen.told(&match one.is_adopted {
        true => ReceiptTerm::Adopted {
            new: one.new,
            known: one.known,
        },
        false => ReceiptTerm::NotAdopted,
    }));
    if one.put_back > 0 {
        let count = one.put_back;
        screen.line(&screen.told(&ReceiptTerm::PutBack { count }));
    }
}

/// What is of no use is named, and is a failure: a person believes that everything came.
fn unused(adoption: &Adoption) -> Result<u8, Fault> {
    let unread: u64 = adoption.boxes.iter().map(|one| one.unread).sum();
    let count = adoption.flawed.len() + unread as usize;
    if count == 0 {
        return Ok(0);
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
    let of = |wanted: ObjectFlaw| {
        let flawed = adoption.flawed.iter();
        flawed.filter(move |(_, flaw)| *flaw == wanted).count()
    };
    let names = adoption.flawed.iter().take(NAMED);
    let names = names.map(|(path, _)| name(path)).collect();
    let cause = match of(ObjectFlaw::OtherKey) {
        all if all == count => SiteCause::OtherKey { count, names },
        _ => SiteCause::Changed { count, names },
    };
    Err(Fault::new(Code::AdoptChanged, cause))
}

/// What a person can show of items.
pub(super) fn receipt(root: &Root, ids: &[String], screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    let spool = Spool::open(engine.vault())?;
    let mut ledgers = spool.accounts()?;
    ledgers.retain(|ledger| ids.contains(&ledger.key.id));
    let missing = ids
        .iter()
        .filter(|id| ledgers.iter().all(|ledger| ledger.key.id != **id));
    let missing: Vec<String> = missing.cloned().collect();
    if !missing.is_empty() {
        let ids = Id::all(&missing);
        return Err(Fault::new(
            Code::ResultsUnknown,
            ItemCause::NoneOwed { ids },
        ));
    }
    ledgers.sort_by(|a, b| a.key.cmp(&b.key));
    let copies = engine.copies().ok().flatten();
    for ledger in ledgers {
        one(copies.as_ref(), &spool, spool.fate(ledger), screen);
    }
    Ok(0)
}

fn one(copies: Option<&Copies>, spool: &Spool, fate: Fate, screen: &Screen) {
    let Fate {
        ledger,
        came,
        changed,
        ..
    } = fate;
    // Of what is kept: the same bytes that `results export` writes. Nothing of it is kept where it went after it was sent.
    let kept = spool.load(&ledger.key).ok().map(|loaded| loaded.payload);
    let hash = kept.as_deref().map(sha256);
    let copied = copies.and_then(|copies| copies.copied(&ledger));
    let acknowledged = changed.filter(|_| ledger.state == ItemState::Acknowledged);
    let bytes = kept.as_ref().map(Vec::len);
    if screen.json {
        return screen.object(json!({
            "id": ledger.key.id, "kind": ledger.key.kind.word(), "edition": ledger.key.edition,
            "state": ledger.state.word(), "accepted_at": came, "bytes": bytes, "sha256": hash,
            "sha256_of": hash.as_ref().map(|_| of_what(&ledger)), "on_this_box": kept.is_some(),
            "copied": copied.map(|(place, at)| json!({ "place": place, "at": at })),
            "acknowledged_at": acknowledged, "origin": ledger.origin.map(|origin| origin.box_id),
        }));
    }
    let at = |at: Option<i64>| {
        let told = at.map(|at| figure::moment(screen.language, at, 0));
        told.unwrap_or_else(|| "-".to_owned())
    };
    let line = |term: &ReceiptTerm| screen.line(&format!("  {}", screen.told(term)));
    screen.line(&outside::id(&ledger.key.id));
    let state = screen.told(&super::words::item(ledger.state));
    line(&ReceiptTerm::State { state });
    line(&ReceiptTerm::Accepted { at: at(came) });
    match (bytes, hash) {
        (Some(bytes), Some(hash)) if ledger.enclosure.enclosed => {
            let bytes = bytes as u64;
            line(&ReceiptTerm::KeptEncrypted { bytes, hash });
        }
        (Some(bytes), Some(hash)) => {
            let bytes = bytes as u64;
            line(&ReceiptTerm::Kept { bytes, hash });
        }
        _ => line(&ReceiptTerm::NotKept),
    }
    if let Some((place, when)) = copied {
        let at = at(Some(when));
        line(&ReceiptTerm::Copied { place, at });
    }
    if let Some(when) = acknowledged {
        let at = at(Some(when));
        line(&ReceiptTerm::Acknowledged { at });
    }
    if let Some(origin) = ledger.origin {
        let id = outside::id(&origin.box_id);
        line(&ReceiptTerm::Origin { id });
    }
}

/// What the hash is of.
fn of_what(ledger: &Ledger) -> &'static str {
    match ledger.enclosure.enclosed {
        true => "kept, encrypted for central",
        false => "kept, as export writes it",
    }
}
