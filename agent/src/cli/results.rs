//! `results`: what the box owes to central, and what became of it.
//! Never prints what a candidate did, unless it is exported to a file that was named.
//! Called by `cli`.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use logic::fault::{
    Cause, Code, Fault, FileCause, Finding, Id, InputCause, IntakeCause, ItemCause,
};
use logic::intake::ItemKind;
use logic::language::{Language, Localized, figure};
use logic::outside;
use logic::phrase;
use logic::spool::{ItemKey, ItemState, Ledger, PartState};
use serde_json::json;

use super::adopt;
use super::caller::{Input, Output};
use super::carry;
use super::screen::{ListLayout, ListRow, Screen};
use super::service;
use super::status::ago;
use super::words::{self, ListTerm, StatusTerm};
use crate::engine::{Engine, Whose};
use crate::intake::Intake;
use system::clock;
use system::root::Root;
use vault::spool::{RetriedItems, Spool};

/// What to do with what the box owes.
#[derive(Debug, Subcommand)]
pub(super) enum ResultsVerb {
    /// Lets in what candidates did; durable when this returns.
    Submit {
        /// results, logs, sessions or lti-users.
        #[arg(long, default_value = "results", value_parser = kind())]
        kind: ItemKind,
        /// JSON in the shape that central's own route takes for this kind; `-` reads standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Tries again what was refused, is unconfirmed or waits; what was set aside when it is named.
    Retry {
        /// Ids; none means all.
        ids: Vec<String>,
    },
    /// Keeps items out of the way: not sent, and without a say in the verdict, until `retry` names them.
    SetAside {
        /// Ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Sends what is held although central has another key than it was encrypted with.
    Release {
        /// Ids; none means all.
        ids: Vec<String>,
    },
    /// What a person can show of items: when each was accepted, size, SHA-256, state, where it lies.
    Receipt {
        /// Execution ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Takes over what a lost box left as second copies: central is asked about each before it is sent.
    #[command(
        after_help = "The folder is the one that `copy_to` of the lost box named, on the device that was in it; an id is of a box\nof the room that gave its copies to this one. This box needs\nthe same site key (`boxsync site key import FILE`) and enrolment for the same organisation.\n\nExamples:\n  boxsync results adopt /media/stick --look\n  boxsync results adopt /media/stick\n  boxsync results adopt 5e0b1c2d3f4a5\n  boxsync sync --results"
    )]
    Adopt {
        /// Folder of second copies; or the id of a box: then what this box keeps of it, or the folder that its own `copy_to` names.
        #[arg(value_name = "DIR|BOX_ID")]
        from: PathBuf,
        /// Only what this box left.
        #[arg(long = "box", value_name = "ID")]
        of: Option<String>,
        /// Also of a box that was heard of within a day, when it is the only such one or named.
        #[arg(long)]
        force: bool,
        /// Only show what is there.
        #[arg(long, conflicts_with_all = ["force", "of"])]
        look: bool,
    },
    /// Writes an item in clear to a new file, after asking.
    Export {
        /// Execution id.
        id: String,
        /// New file.
        file: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Hands results over in a zip that central's own import takes; the box asks for them and sends them no more.
    ExportTao(carry::ExportOrder),
    /// Says that central has what was handed over, after asking twice.
    Confirm(carry::ConfirmOrder),
    /// Has the box send again what was handed over and central says that it does not have.
    Reclaim {
        /// Ids; none means all.
        ids: Vec<String>,
    },
}

/// The words of the kinds, which shells complete too.
fn kind() -> impl TypedValueParser<Value = ItemKind> {
    PossibleValuesParser::new(ItemKind::ALL.map(ItemKind::word))
        .map(|word| word.parse().expect("only words of kinds are possible"))
}

pub(super) fn act(root: &Root, act: Option<ResultsVerb>, screen: &Screen) -> Result<u8, Fault> {
    match act {
        Some(ResultsVerb::ExportTao(order)) => carry::export(root, &order, screen),
        Some(ResultsVerb::Confirm(order)) => carry::confirm(root, &order, screen),
        Some(ResultsVerb::Reclaim { ids }) => carry::reclaim(root, &ids, screen),
        Some(ResultsVerb::Submit { kind, files }) => {
            let inputs = Input::open(&files)?;
            submit(&super::open(root)?, kind, inputs, screen)
        }
        Some(ResultsVerb::Receipt { ids }) => adopt::receipt(root, &ids, screen),
        Some(ResultsVerb::Adopt {
            from,
            of,
            force,
            look,
        }) => {
            let of = of.as_deref();
            let whose = match look {
                true => Whose::Nobodys,
                false => Whose::Lost { of, force },
            };
            adopt::adopt(root, &from, whose, screen)
        }
        Some(ResultsVerb::Export { id, file, yes }) => {
            if !yes {
                confirm(screen)?;
            }
            let out = Output::make(&file)?;
            export(&spool(root)?, &id, &file, out, screen)
        }
        None => {
            let done = list(&spool(root)?, screen)?;
            service::tell(root, screen);
            Ok(done)
        }
        Some(ResultsVerb::Retry { ids }) => {
            let spool = spool(root)?;
            let RetriedItems { count, superseded } = spool.retry(&ids)?;
            if count == 0 && superseded > 0 {
                return Err(Fault::new(Code::ResultsSuperseded, ItemCause::Superseded));
            }
            if count == 0 && !ids.is_empty() {
                let ids = Id::all(&ids);
                return Err(unknown(ItemCause::NoneToRetry { ids }));
            }
            screen.done(&ListTerm::TriedAgain {
                count: count as u64,
            });
            Ok(0)
        }
        Some(ResultsVerb::Release { ids }) => {
            let count = spool(root)?.release(&ids)?;
            if count == 0 && !ids.is_empty() {
                let ids = Id::all(&ids);
                return Err(unknown(ItemCause::NoneHeld { ids }));
            }
            screen.done(&ListTerm::Released {
                count: count as u64,
            });
            Ok(0)
        }
        Some(ResultsVerb::SetAside { ids }) => {
            let count = spool(root)?.set_aside(&ids)?;
            if count == 0 {
                let ids = Id::all(&ids);
                return Err(unknown(ItemCause::NoneOwed { ids }));
            }
            screen.done(&ListTerm::PutAside {
                count: count as u64,
            });
            Ok(0)
        }
    }
}

fn spool(root: &Root) -> Result<Spool, Fault> {
    Spool::open(super::open(root)?.vault())
}

/// Each account is told as it is read: of 30,000 the first stand there at once, and none is kept.
fn list(spool: &Spool, screen: &Screen) -> Result<u8, Fault> {
    let (mut owed, mut acknowledged) = (BTreeSet::<ItemKey>::new(), 0);
    let mut carried: Vec<i64> = Vec::new();
    let mut list = ListLayout::new(screen.width);
    spool.each(&mut |ledger| {
        // What was acknowledged since it was told of is met again where it moved to.
        if ledger.state == ItemState::Acknowledged && owed.contains(&ledger.key) {
            return Ok(());
        }
        if screen.json {
            screen.object(object(&ledger));
        }
        if ledger.state == ItemState::Acknowledged {
            acknowledged += 1;
            return Ok(());
        }
        carried.extend(ledger.carried_at());
        if !screen.json {
            let lines = list.push(thing(&ledger, screen.language));
            lines.iter().for_each(|line| screen.line(line));
        }
        owed.insert(ledger.key);
        Ok(())
    })?;
    if !screen.json {
        list.end().iter().for_each(|line| screen.line(line));
        let owed = owed.len() as u64;
        screen.say(&screen.told(&ListTerm::Owed { owed, acknowledged }));
        if let Some(first) = carried.iter().min() {
            let since = ago(screen.language, *first, clock::now().wall);
            let count = carried.len() as u64;
            screen.say(&screen.told(&StatusTerm::Carried { count, since }));
        }
    }
    Ok(0)
}

fn object(ledger: &Ledger) -> serde_json::Value {
    let reason = ledger.reason.as_ref().map(Finding::reason);
    let stored = ledger
        .parts
        .iter()
        .filter(|(_, part)| *part == PartState::Stored);
    json!({
        "id": ledger.key.id, "kind": ledger.key.kind.word(), "edition": ledger.key.edition,
        "state": ledger.state.word(), "attempts": ledger.attempts, "reason": reason,
        "bytes": ledger.size, "parts": ledger.parts.len(), "stored": stored.count(),
        "origin": ledger.origin.as_ref().map(|origin| &origin.box_id),
        "carried_at": ledger.carried_at(),
    })
}

fn thing(ledger: &Ledger, language: Language) -> ListRow {
    let told =
        |reason: &logic::fault::Finding| phrase::cause(language, Some(&reason.code), &reason.cause);
    let reason = ledger.reason.as_ref().map(told);
    let cells = vec![
        words::item(ledger.state).localized(language),
        words::kind(ledger.key.kind).localized(language),
        figure::bytes(language, ledger.size),
    ];
    (cells, ledger.key.id.clone(), reason.unwrap_or_default())
}

fn submit(
    engine: &Engine,
    kind: ItemKind,
    inputs: Vec<Input>,
    screen: &Screen,
) -> Result<u8, Fault> {
    let settings = &engine.settings().results;
    let intake = Intake::open(engine.vault(), settings, engine.copy_follower())?;
    for input in inputs {
        let file = input.path().to_owned();
        let document = input.read()?;
        let receipt = intake.submit(kind, &document).map_err(|trouble| {
            let file = file.display().to_string();
            trouble.because(|why| IntakeCause::OfFile { file, why })
        })?;
        for warning in &receipt.warnings {
            let told = phrase::cause(screen.language, Some(&warning.code), &warning.cause);
            screen.say(&format!("{}: {told}", file.display()));
        }
        if receipt.items.is_empty() && !screen.json {
            let file = file.display().to_string();
            screen.say(&screen.told(&ListTerm::NoItem { file }));
        }
        for (id, fresh) in &receipt.items {
            if screen.json {
                screen.object(json!({ "id": id, "kind": kind.word(), "new": fresh }));
            } else {
                let word = match fresh {
                    true => ListTerm::Queued,
                    false => ListTerm::Known,
                };
                screen.line(&format!("{}  {}", outside::escaped(id), screen.told(&word)));
            }
        }
    }
    Ok(0)
}

fn export(
    spool: &Spool,
    id: &str,
    file: &Path,
    mut out: Output,
    screen: &Screen,
) -> Result<u8, Fault> {
    let ledgers: Vec<Ledger> = spool
        .accounts()?
        .into_iter()
        .filter(|ledger| ledger.key.id == id)
        .collect();
    let newest = ledgers
        .iter()
        .filter(|ledger| ledger.key.kind == ItemKind::Results)
        .max_by_key(|l| l.key.edition);
    let ledger = newest
        .or(ledgers.last())
        .ok_or_else(|| unknown(FileCause::NoItem { id: id.into() }))?;
    let loaded = spool.load(&ledger.key)?;
    out.write(&loaded.payload)?;
    out.done();
    screen.done(&ListTerm::InClear {
        bytes: loaded.payload.len().to_string(),
        path: file.display().to_string(),
    });
    Ok(0)
}

fn unknown(cause: impl Into<Cause>) -> Fault {
    Fault::new(Code::ResultsUnknown, cause)
}

pub(super) fn confirm(screen: &Screen) -> Result<(), Fault> {
    let refused = |cause: InputCause| Fault::new(Code::InputExport, cause);
    if !std::io::stdin().is_terminal() {
        return Err(refused(InputCause::NoTerminal {
            option: "--yes".into(),
        }));
    }
    screen.say(&screen.told(&ListTerm::ConfirmExport));
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(_) if line.trim() == "yes" => Ok(()),
        _ => Err(refused(InputCause::NotWritten)),
    }
}
