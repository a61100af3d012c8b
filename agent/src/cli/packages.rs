//! `packages`: what test packages the box holds, whether they are whole, which comes first, and a copy in clear.
//! Never writes a package in clear anywhere but where it was told to.
//! Called by `cli`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use logic::entity::{EntityType, uri};
use logic::fault::{Code, Fault, Id, PackageCause};
use logic::health::verdict::awaited_at;
use logic::language::figure;
use logic::outside;
use logic::package::order::DownloadOrder;
use logic::phrase;
use serde_json::json;

use super::caller::Output;
use super::downloads;
use super::screen::{Screen, things};
use super::words::{self, ListTerm};
use crate::doctor::standing;
use crate::engine::{Engine, content};
use system::root::Root;
use vault::catalogue::CatalogueStore;
use vault::package::{PackageRecord, PackageStore};

/// What to do with the packages.
#[derive(Debug, Subcommand)]
pub(super) enum PackagesVerb {
    /// Checks every member of every package held; a damaged one is fetched again by the next run.
    Verify,
    /// Brings the package of one delivery before the others.
    #[command(
        after_help = "Acts at once: a package under way is left, and goes on behind it. Ends by itself when the package is held, or with\n`boxsync resume`."
    )]
    First {
        /// URI of the delivery.
        uri: String,
    },
    /// Writes a package in clear.
    Export {
        /// URI of the delivery.
        uri: String,
        /// New file.
        file: PathBuf,
    },
}

impl PackagesVerb {
    /// Whether it changes what the box holds, by itself.
    pub(super) fn may_change(&self) -> bool {
        !matches!(self, Self::First { .. })
    }
}

pub(super) fn act(root: &Root, act: Option<PackagesVerb>, screen: &Screen) -> Result<u8, Fault> {
    if let Some(PackagesVerb::First { uri: delivery }) = act {
        return downloads::act(root, &DownloadOrder::First { delivery }, screen);
    }
    let out = match &act {
        Some(PackagesVerb::Export { file, .. }) => Some(Output::make(file)?),
        _ => None,
    };
    let engine = super::open(root)?;
    let packages = PackageStore::open(engine.vault())?;
    match (act, out) {
        (Some(PackagesVerb::Export { uri, file }), Some(out)) => {
            export(&packages, &uri, &file, out, screen)
        }
        (Some(PackagesVerb::Verify), _) => verify(&packages, screen),
        _ => list(&engine, &packages, screen),
    }
}

fn list(engine: &Engine, packages: &PackageStore, screen: &Screen) -> Result<u8, Fault> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let all = engine.organisations()?;
    let look = screen.json.then(|| standing::take_worst(&all));
    let awaited = look
        .as_ref()
        .map(|(_, of, awaited)| awaited_at(of, awaited));
    let awaited = awaited.unwrap_or_default();
    for one in &all {
        let catalogue = CatalogueStore::open(one.vault())?;
        let edition = catalogue.shown()?;
        let mut reader = catalogue.reader();
        for (name, row) in edition.rows(EntityType::Delivery) {
            // What two organisations name is held once.
            if !seen.insert(*name) {
                continue;
            }
            let delivery = reader.entity(EntityType::Delivery, name, row)?;
            let PackageRecord {
                word: state,
                bytes: size,
                rebuilt,
            } = packages.state(&delivery.id)?;
            if screen.json {
                let awaited = awaited.iter().find(|(one, _)| one.delivery == delivery.id);
                let (left, ready_at) = awaited.map_or((None, None), |(one, at)| (one.left, *at));
                screen.object(json!({
                    "delivery": delivery.id, "bytes": size, "state": state, "rebuilt": rebuilt, "bytes_left": left,
                    "ready_at": ready_at,
                }));
            } else {
                let label = delivery.properties.first(uri::LABEL).unwrap_or_default();
                rows.push(PackageRow {
                    state,
                    size,
                    label: label.to_owned(),
                    delivery: delivery.id.clone(),
                });
            }
        }
    }
    rows.sort_by(|a, b| {
        a.label
            .cmp(&b.label)
            .then_with(|| a.delivery.cmp(&b.delivery))
    });
    for line in lines(&rows, screen) {
        screen.line(&line);
    }
    if rows.is_empty() && !screen.json {
        screen.say(&screen.told(&ListTerm::NoDelivery));
    }
    Ok(0)
}

/// A package as it is listed.
struct PackageRow {
    state: &'static str,
    /// Bytes, 0 while they are not known.
    size: u64,
    label: String,
    delivery: String,
}

fn lines(rows: &[PackageRow], screen: &Screen) -> Vec<String> {
    let row = |row: &PackageRow| {
        let size = match row.size {
            0 => "-".to_owned(),
            size => figure::bytes(screen.language, size),
        };
        let state = screen.told(&words::package(row.state));
        let cells = vec![state, size, row.label.clone()];
        (cells, row.delivery.clone(), String::new())
    };
    things(&rows.iter().map(row).collect::<Vec<_>>(), screen.width)
}

fn verify(packages: &PackageStore, screen: &Screen) -> Result<u8, Fault> {
    let (held, _) = packages.list()?;
    // What was found out about central's packages is found out again by the next run.
    for judged in packages.all_judged()? {
        packages.forget_judged(&judged.delivery)?;
    }
    if held.is_empty() && !screen.json {
        screen.say(&screen.told(&ListTerm::NoPackage));
    }
    let mut damaged = 0;
    for meta in held {
        let found = packages
            .content(&meta)
            .and_then(|content| content::verify(&content));
        let word = match &found {
            Ok(verdict) if verdict.clean() => ListTerm::Whole,
            Ok(verdict) => {
                let count = (verdict.bad.len() + verdict.unseen.len()) as u64;
                ListTerm::DamagedMembers { count }
            }
            Err(trouble) => {
                let code = trouble.code.into();
                let why = phrase::cause(screen.language, Some(&code), &trouble.cause);
                ListTerm::DamagedBecause { why }
            }
        };
        let whole = word == ListTerm::Whole;
        if !whole {
            damaged += 1;
            packages.mark_damaged(&meta)?;
        }
        if screen.json {
            let state = if whole { "held" } else { "damaged" };
            screen.object(json!({ "delivery": meta.delivery, "bytes": meta.size, "state": state, "rebuilt": meta.rebuilt }));
        } else {
            let word = screen.told(&word);
            screen.line(&format!("{}  {word}", outside::escaped(&meta.delivery)));
        }
    }
    if damaged > 0 {
        let count = damaged;
        screen.say(&screen.told(&ListTerm::DamagedFound { count }));
    }
    Ok(u8::from(damaged > 0))
}

fn export(
    packages: &PackageStore,
    uri: &str,
    file: &Path,
    mut out: Output,
    screen: &Screen,
) -> Result<u8, Fault> {
    let content = packages.open_held(uri)?.ok_or_else(|| {
        let delivery = Id::from(uri);
        Fault::new(Code::PackageNotHeld, PackageCause::NotHeld { delivery })
    })?;
    let size = content.meta().size;
    content::each(&content, 0..size, |_, piece| out.write(piece))?;
    out.done();
    screen.done(&ListTerm::InClear {
        bytes: size.to_string(),
        path: file.display().to_string(),
    });
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::held;
    use logic::language::Language;

    #[test]
    fn a_delivery_is_named_whole() {
        let row = |state, size, label: &str, id: &str| PackageRow {
            state,
            size,
            label: label.to_owned(),
            delivery: format!("https://central.example/{id}"),
        };
        let mut rows = vec![
            row("held", 346_400, "Algebra B1", "tao.rdf#i4001"),
            row("partial", 25_000_000, "Algebra B2", "tao.rdf#i4002"),
            row(
                "missing",
                0,
                "Reading, a text of the year 1900",
                "tao.rdf#i4003",
            ),
        ];
        for language in [Language::English, Language::French] {
            let name = format!("packages-{}", language.tag());
            held(&name, &lines(&rows, &Screen::spoken(100, language)), 100);
        }
        rows[1].delivery += "e2f737978d71ddc1a";
        held("packages-long", &lines(&rows, &Screen::plain(80)), 80);
    }
}
