//! `results export-tao`, `confirm`, `reclaim`: results leave in a file, are known to have arrived, or are taken back.
//! Never hands over what does not lie whole and durable in the file, and never confirms what central says it lacks.
//! Called by `cli/results`.

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use crc32fast::Hasher;
use logic::fault::{Code, EnrolCause, Fault, Id, InputCause, ItemCause};
use logic::language::figure;
use logic::phrase;
use logic::spool::{ItemKey, Ledger, StayReason, sync_export};
use logic::zip::{StoredMember, stored_end};
use serde_json::json;

use super::caller::{Input, PlacedFile};
use super::prompt::typed;
use super::screen::Screen;
use super::{results, runtime};
use crate::engine::{Engine, Handover};
use system::clock;
use system::root::Root;
use vault::spool::Spool;
use words::{CarryTerm, stays};

/// What leaves in which file.
#[derive(Debug, Args)]
pub(super) struct ExportOrder {
    /// New file.
    file: PathBuf,
    /// Of this organisation, on a box of several.
    #[arg(long, value_name = "ID")]
    organisation: Option<String>,
    /// Also what was handed over before: its file is lost.
    #[arg(long)]
    again: bool,
    /// So many results in the file, where central takes no larger one.
    #[arg(long, value_name = "N")]
    most: Option<usize>,
    /// Says what would go, and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What is said to be at central.
#[derive(Debug, Args)]
#[group(required = true)]
pub(super) struct ConfirmOrder {
    /// Ids.
    ids: Vec<String>,
    /// All that lies in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "ids")]
    all_of: Option<PathBuf>,
    /// Do not ask: so many that central could not be asked about.
    #[arg(long, value_name = "N")]
    yes: Option<u64>,
}

pub(super) fn export(root: &Root, order: &ExportOrder, screen: &Screen) -> Result<u8, Fault> {
    let file = match order.dry_run {
        true => None,
        false => Some(PlacedFile::make(&order.file)?),
    };
    let engine = super::open(root)?;
    let asked: Vec<String> = order.organisation.iter().cloned().collect();
    let mut organisations = engine.asked_for(&asked)?;
    if organisations.len() > 1 {
        let ids = organisations.iter().filter_map(Engine::organisation_id);
        let ids: Vec<Id> = ids.map(|id| Id::from(&id)).collect();
        let cause = EnrolCause::WhichOrganisation { ids };
        return Err(Fault::new(Code::InputOrganisation, cause));
    }
    let one = organisations.pop().unwrap_or(engine);
    let handover = one.handover(order.again, order.most.unwrap_or(usize::MAX))?;
    tell_stays(&handover.stays, screen);
    if handover.others > 0 {
        let count = handover.others;
        screen.say(&screen.told(&CarryTerm::Others { count }));
    }
    let count = handover.goes.len() as u64;
    let bytes = handover.goes.iter().map(|item| item.size).sum();
    let size = |bytes| figure::bytes(screen.language, bytes);
    let Some(mut file) = file else {
        screen.say(&screen.told(&CarryTerm::Would {
            count,
            bytes: size(bytes),
        }));
        tell(&handover, None, count, bytes, screen);
        return Ok(0);
    };
    if count == 0 {
        screen.say(&screen.told(&CarryTerm::Nothing));
        tell(&handover, None, 0, 0, screen);
        return Ok(1);
    }
    screen.say(&screen.told(&CarryTerm::Warning { count }));
    if !order.yes {
        results::confirm(screen)?;
    }
    let keys = write(&handover, &mut file)?;
    let bytes = file.len();
    file.place()?;
    let count = keys.len() as u64;
    let path = order.file.display().to_string();
    screen.say(&screen.told(&CarryTerm::Whole {
        count,
        path,
        bytes: size(bytes),
    }));
    let carried = handover.carried(&keys)?;
    if carried < count {
        let count = count - carried;
        screen.say(&screen.told(&CarryTerm::Unmarked { count }));
    }
    screen.say(&screen.told(&CarryTerm::Next));
    tell(&handover, Some(&order.file), carried, bytes, screen);
    Ok(0)
}

/// How many stay on the box, by the reason.
pub(super) fn tell_stays(all: &BTreeMap<StayReason, Vec<String>>, screen: &Screen) {
    for (why, ids) in all {
        let (count, why) = (ids.len() as u64, screen.told(&stays(*why)));
        screen.say_folded(&CarryTerm::Stays { count, why });
    }
}

fn tell(handover: &Handover, file: Option<&Path>, results: u64, bytes: u64, screen: &Screen) {
    if screen.json {
        screen.object(json!({
            "file": file.map(|file| file.display().to_string()), "organisation_id": handover.params().organisation_id,
            "results": results, "bytes": bytes, "stays": handover.stays, "others": handover.others,
        }));
    }
}

/// Writes the whole zip. Gives what lies in it; what does not open on the box does not.
fn write(handover: &Handover, file: &mut PlacedFile) -> Result<Vec<ItemKey>, Fault> {
    let manifest = sync_export::manifest(handover.params());
    let mut first = StoredMember {
        name: sync_export::MANIFEST.to_owned(),
        ..StoredMember::default()
    };
    filled(&mut first, &manifest);
    file.write(&first.header())?;
    file.write(&manifest)?;
    let mut member = StoredMember {
        name: sync_export::results_name(clock::now().wall),
        offset: file.len() as u32,
        ..StoredMember::default()
    };
    // Its length and its CRC-32 are known behind the last result.
    file.write(&member.header())?;
    let (begin, mut hasher) = (file.len(), Hasher::new());
    let mut append = |file: &mut PlacedFile, bytes: &[u8]| {
        hasher.update(bytes);
        file.write(bytes)
    };
    append(file, sync_export::BEGIN)?;
    let mut keys = Vec::new();
    for item in &handover.goes {
        if let Some(content) = handover.content(item)? {
            let line = sync_export::entry(&item.key.id, &content, keys.is_empty());
            append(file, &line)?;
            keys.push(item.key.clone());
        }
    }
    append(file, sync_export::END)?;
    member.size = (file.len() - begin) as u32;
    member.crc32 = hasher.finalize();
    file.replace(member.offset.into(), &member.header())?;
    let end = stored_end(&[first, member], file.len() as u32);
    file.write(&end)?;
    Ok(keys)
}

fn filled(member: &mut StoredMember, content: &[u8]) {
    member.size = content.len() as u32;
    member.crc32 = crc32fast::hash(content);
}

pub(super) fn confirm(root: &Root, order: &ConfirmOrder, screen: &Screen) -> Result<u8, Fault> {
    let ids = match &order.all_of {
        Some(path) => ids_in(path)?,
        None => order.ids.iter().cloned().collect(),
    };
    let engine = super::open(root)?;
    let asked = ask(&engine, Some(&ids), screen)?;
    let count = asked.unknown.len() as u64;
    if count > 0 {
        meant(count, order.yes, screen)?;
        let forget = engine.settings().results.delete_after_send;
        let spool = Spool::open(engine.vault())?;
        let count = spool.confirm(&asked.unknown, clock::now(), forget)?;
        screen.say(&screen.told(&CarryTerm::Confirmed { count }));
    }
    asked.tell(count, 0, screen);
    Ok(u8::from(!asked.not_arrived.is_empty()))
}

/// Asks twice, unless the number was given.
fn meant(count: u64, yes: Option<u64>, screen: &Screen) -> Result<(), Fault> {
    let refused = |cause| Err(Fault::new(Code::InputConfirm, cause));
    match yes {
        Some(given) if given == count => return Ok(()),
        Some(_) => return refused(ItemCause::OtherCarried { count }.into()),
        None if !std::io::stdin().is_terminal() => {
            let option = format!("--yes {count}");
            return refused(logic::fault::Cause::from(InputCause::NoTerminal { option }));
        }
        None => {}
    }
    screen.say(&screen.told(&CarryTerm::ConfirmWarning { count }));
    let is_meant = typed(&screen.told(&CarryTerm::TypeConfirm), "confirm", screen)
        && typed(
            &screen.told(&CarryTerm::TypeCount { count }),
            &count.to_string(),
            screen,
        );
    match is_meant {
        true => Ok(()),
        false => refused(ItemCause::NotConfirmed.into()),
    }
}

pub(super) fn reclaim(root: &Root, ids: &[String], screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    let ids: BTreeSet<String> = ids.iter().cloned().collect();
    let asked = ask(&engine, Some(&ids).filter(|ids| !ids.is_empty()), screen)?;
    let mut keys = asked.not_arrived.clone();
    if asked.trouble.is_none() && !ids.is_empty() {
        // Central can say nothing of these: they go where they were named.
        let unasked = asked.unknown.iter();
        keys.extend(
            unasked
                .filter(|key| !Ledger::can_be_asked_for(key))
                .cloned(),
        );
    }
    let count = Spool::open(engine.vault())?.reclaim(&keys)?;
    if count > 0 {
        screen.say(&screen.told(&CarryTerm::Reclaimed { count }));
    }
    asked.tell(0, count, screen);
    match asked.trouble {
        Some(trouble) if !asked.unknown.is_empty() => Err(trouble),
        _ => Ok(0),
    }
}

/// What became of results that were handed over and that central was asked about.
#[derive(Default)]
struct AskedResults {
    arrived: u64,
    not_arrived: Vec<ItemKey>,
    /// Nobody could say.
    unknown: Vec<ItemKey>,
    trouble: Option<Fault>,
}

/// Asks central, with the credentials of each organisation, for what is handed over of these; of all where `None` is given.
fn ask(
    engine: &Engine,
    ids: Option<&BTreeSet<String>>,
    screen: &Screen,
) -> Result<AskedResults, Fault> {
    let mut asked = AskedResults::default();
    let mut met = 0;
    for one in engine.organisations()? {
        // Each is asked for once: what a refused one names goes on with another that names it.
        let spool = Spool::open(one.vault())?.filtered(one.item_filter(false)?);
        let keys = spool.carried(ids)?;
        if keys.is_empty() {
            continue;
        }
        met += keys.len();
        let answer = runtime(one.ask_for_carried(&keys))?;
        let left = spool.carried(ids)?;
        asked.arrived += (keys.len() - left.len()) as u64;
        let lacking: BTreeSet<&ItemKey> = answer.not_arrived.iter().collect();
        let lacks = |key: &ItemKey| lacking.contains(key);
        let (not_arrived, unknown): (Vec<_>, Vec<_>) = left.into_iter().partition(lacks);
        asked.not_arrived.extend(not_arrived);
        asked.unknown.extend(unknown);
        asked.trouble = asked.trouble.or(answer.trouble);
    }
    if met == 0 {
        return Err(Fault::new(Code::ResultsUnknown, ItemCause::NoneCarried));
    }
    let told = |term: CarryTerm| screen.say(&screen.told(&term));
    if asked.arrived > 0 {
        told(CarryTerm::Arrived {
            count: asked.arrived,
        });
    }
    if !asked.not_arrived.is_empty() {
        told(CarryTerm::NotArrived {
            count: asked.not_arrived.len() as u64,
        });
    }
    if let Some(trouble) = &asked.trouble {
        let why = phrase::cause(screen.language, Some(&trouble.code.into()), &trouble.cause);
        told(CarryTerm::Unasked { why });
    }
    Ok(asked)
}

impl AskedResults {
    fn tell(&self, confirmed: u64, reclaimed: u64, screen: &Screen) {
        if screen.json {
            screen.object(json!({
                "arrived": self.arrived, "not_arrived": self.not_arrived.len(), "confirmed": confirmed,
                "reclaimed": reclaimed, "unknown": self.unknown.len() as u64 - confirmed,
            }));
        }
    }
}

/// The ids in a file that `export` wrote, read from its begin; it must be whole.
fn ids_in(path: &Path) -> Result<BTreeSet<String>, Fault> {
    let input = Input::open(&[path.to_owned()])?.pop();
    let ids = input.and_then(|input| read_ids(&mut BufReader::new(input.reader())));
    ids.ok_or_else(|| {
        let path = path.display().to_string();
        Fault::new(Code::InputFile, ItemCause::NoSyncExport { path })
    })
}

fn read_ids(file: &mut dyn BufRead) -> Option<BTreeSet<String>> {
    let manifest = header(file)?;
    let mut content = vec![
        0;
        usize::try_from(manifest.size)
            .ok()
            .filter(|size| *size < 4096)?
    ];
    file.read_exact(&mut content).ok()?;
    let member = header(file)?;
    let (mut left, mut hasher) = (u64::from(member.size), Hasher::new());
    let (mut ids, mut line) = (BTreeSet::new(), Vec::new());
    while left > 0 {
        line.clear();
        let read = file.take(left).read_until(b'\n', &mut line).ok()?;
        if read == 0 {
            return None;
        }
        left -= read as u64;
        hasher.update(&line);
        ids.extend(sync_export::line_id(&line));
    }
    let whole = manifest.name == sync_export::MANIFEST && hasher.finalize() == member.crc32;
    whole.then_some(ids)
}

/// The header of the member that begins here.
fn header(file: &mut dyn BufRead) -> Option<StoredMember> {
    let mut bytes = vec![0; 30];
    file.read_exact(&mut bytes).ok()?;
    bytes.resize(30 + usize::from(bytes[26]), 0);
    file.read_exact(&mut bytes[30..]).ok()?;
    Some(StoredMember::read(&bytes)?.0)
}
