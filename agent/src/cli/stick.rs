//! `carry`: catalogue and packages leave on a stick, and what lies on one is shown.
//! Never says that a stick is whole before everything on it opened.
//! Called by `cli`.

mod owed;
mod told;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::fault::{Code, Fault, SiteCause};
use logic::language::figure;
use logic::outside;
use serde_json::json;

use super::screen::Screen;
use super::words::SyncTerm;
use super::{bar, preview, runtime, sync};
use crate::engine::carry::{StickLook, older_packages};
use crate::engine::progress::RunWatch;
use crate::engine::{Engine, Request};
use crate::worker::told_to_end;
use bar::ByteLine;
use system::root::Root;
use vault::handed::HandedLook;
use words::StickTerm;

/// What is done with a stick.
#[derive(Debug, Subcommand)]
pub(super) enum StickVerb {
    /// Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again.
    #[command(
        after_help = "Pulled at any moment, the data before it or its successor is whole; the same command goes on.\n\nExamples:\n  boxsync carry export /media/stick\n  boxsync carry export /media/stick --organisation 1001\n  boxsync carry export /media/stick --results"
    )]
    Export(StickOrder),
    /// Takes catalogue and packages from a folder: a synchronization that is answered by it and not by central.
    #[command(
        after_help = "The box need not be enrolled; its organisation is that of its configuration. Data that is older than what the box has\nis not taken, and deletions are held back as with central.\n\nExamples:\n  boxsync carry import /media/stick --dry-run\n  boxsync carry import /media/stick"
    )]
    Import(ImportOrder),
    /// From which box, of when and whether whole: everything is read and opened.
    Show {
        /// The folder.
        dir: PathBuf,
        /// Only this organisation of the box; may be given several times.
        #[arg(long = "organisation", value_name = "ID")]
        organisations: Vec<String>,
    },
}

impl StickVerb {
    /// Whether the box may stand otherwise after it.
    pub(super) fn may_change(&self) -> bool {
        match self {
            Self::Import(order) => !order.dry_run,
            Self::Export(order) => order.results,
            Self::Show { .. } => false,
        }
    }
}

/// What goes where.
#[derive(Debug, Args)]
pub(super) struct StickOrder {
    /// The folder.
    dir: PathBuf,
    /// Catalogue and packages; so also where nothing is said.
    #[arg(long)]
    data: bool,
    /// What is owed: it counts as handed over from then on, and the box that adopts it brings it home.
    #[arg(long)]
    results: bool,
    /// Also what was handed over before: its stick is lost.
    #[arg(long, requires = "results")]
    again: bool,
    /// Only this organisation of the box; may be given several times.
    #[arg(long = "organisation", value_name = "ID")]
    organisations: Vec<String>,
    /// Also in the place of newer data.
    #[arg(long)]
    older: bool,
}

/// What is taken from where.
#[derive(Debug, Args)]
pub(super) struct ImportOrder {
    /// The folder.
    dir: PathBuf,
    /// Only this organisation of the box; may be given several times.
    #[arg(long = "organisation", value_name = "ID")]
    organisations: Vec<String>,
    /// Only say what would be done: nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// Delete what the data no longer names, however much it is.
    #[arg(long)]
    allow_deletes: bool,
    /// Also data that is older than what the box has.
    #[arg(long)]
    older: bool,
    /// Only what the stick says of what this box handed over: what central has is acknowledged.
    #[arg(long, conflicts_with_all = ["dry_run", "allow_deletes", "older"])]
    results: bool,
}

pub(super) fn act(root: &Root, act: &StickVerb, screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    match act {
        StickVerb::Export(order) => each(&engine, &order.organisations, screen, |one| {
            // What is owed first: it is small, and data may fill the stick.
            let status = match order.results {
                true => owed::hand_over(one, &order.dir, order.again, screen)?,
                false => owed::tell_arrived(one, &order.dir, screen)?,
            };
            let data = order.data || !order.results;
            let data = data.then(|| export(one, order, screen)).transpose()?;
            Ok(status.max(data.unwrap_or(0)))
        }),
        StickVerb::Import(order) => each(&engine, &order.organisations, screen, |one| {
            if order.results {
                return owed::import(one, &order.dir, screen);
            }
            let is_told = !order.dry_run && one.has_handed_over();
            let status = match is_told {
                true => owed::import_beside(one, &order.dir, screen),
                false => 0,
            };
            match import(one, order, screen) {
                Err(trouble) if trouble.code == Code::CarryNone => {
                    owed::only(one, order, is_told, trouble, screen).map(|()| status)
                }
                imported => Ok(imported?.max(status)),
            }
        }),
        StickVerb::Show { dir, organisations } => {
            let handed = engine.look_at_handed(dir)?;
            let shown = each(&engine, organisations, screen, |one| {
                show(one, dir, &handed, screen)
            });
            let told = owed::show(&handed, screen);
            shown.and_then(|status| told.map(|()| status))
        }
    }
}

/// Does it for each organisation; what goes wrong with one of several does not hold up the next.
fn each(
    engine: &Engine,
    asked: &[String],
    screen: &Screen,
    mut act: impl FnMut(&Engine) -> Result<u8, Fault>,
) -> Result<u8, Fault> {
    let mut organisations = engine.asked_for(asked)?;
    let last = organisations.pop();
    let mut status = 0;
    for one in &organisations {
        status = status.max(act(one).unwrap_or_else(|trouble| {
            screen.trouble(&trouble);
            1
        }));
    }
    Ok(last.map_or(Ok(0), |one| act(&one))?.max(status))
}

fn export(engine: &Engine, order: &StickOrder, screen: &Screen) -> Result<u8, Fault> {
    let mut line = ByteLine::new(screen);
    let mut checked = |done, total| {
        line.draw(done, total, &|done, total| {
            checked_words(done, total, screen)
        })
    };
    let planned = engine.stick_export(&order.dir, order.older, &mut checked);
    bar::clear(screen);
    let planned = planned?;
    let id = planned.head().organisation.clone();
    let size = |bytes| figure::bytes(screen.language, bytes);
    screen.say_folded(&StickTerm::Writes {
        id: outside::id(&id),
        bytes: size(planned.bytes),
        kept: size(planned.kept),
    });
    let mut line = ByteLine::new(screen);
    let written = planned.write(&mut |done, total| {
        let words = |done, total| screen.told(&StickTerm::Written { done, total });
        line.draw(done, total, &words);
    });
    bar::clear(screen);
    let done = written?;
    told::head(
        &done.found,
        None,
        screen,
        &json!({
            "written_objects": done.written.0, "written_bytes": done.written.1, "kept_bytes": done.kept,
            "unread": done.unread,
        }),
    );
    let path = order.dir.display().to_string();
    let older = older_packages(&path, &done.found.head.older);
    if !screen.json {
        screen.line_folded(&StickTerm::Durable { path });
    }
    match older {
        Some(trouble) => Err(trouble),
        None => Ok(u8::from(!done.unread.is_empty())),
    }
}

fn import(engine: &Engine, order: &ImportOrder, screen: &Screen) -> Result<u8, Fault> {
    let stick = engine.stick_central(&order.dir, order.older)?;
    if order.dry_run {
        let request = Request {
            allow_deletes: order.allow_deletes,
            ..Request::default()
        };
        let preview = runtime(engine.preview(&request, Some(&stick)))?;
        return Ok(preview::told(&preview, screen));
    }
    let watch = RunWatch::default();
    let reports = runtime(async {
        tokio::select! {
            reports = engine.import_data(stick, order.allow_deletes, &watch) => Some(reports),
            () = bar::follow(screen, &watch) => None,
            // What came is kept, and the same command goes on.
            () = told_to_end() => None,
        }
    });
    bar::clear(screen);
    match reports {
        Some(reports) => Ok(sync::told_all(&reports, screen)),
        None => {
            screen.say(&screen.told(&SyncTerm::Stopped));
            Ok(130)
        }
    }
}

fn checked_words(done: String, total: String, screen: &Screen) -> String {
    screen.told(&StickTerm::Checked { done, total })
}

fn show(engine: &Engine, dir: &Path, handed: &HandedLook, screen: &Screen) -> Result<u8, Fault> {
    let mut line = ByteLine::new(screen);
    let look = engine.look_at_stick(dir, &mut |done, total| {
        line.draw(done, total, &|done, total| {
            checked_words(done, total, screen)
        });
    });
    bar::clear(screen);
    let StickLook {
        found,
        lacking,
        age,
    } = match look {
        // What boxes handed over lies there alone.
        Err(trouble) if trouble.code == Code::CarryNone && !handed.is_empty() => return Ok(0),
        look => look?,
    };
    let whole = lacking.is_empty();
    let more = json!({ "age_seconds": age, "whole": whole, "missing": lacking });
    told::head(&found, Some((age, whole)), screen, &more);
    if whole {
        return Ok(0);
    }
    let missing = lacking.len() as u64;
    let names = lacking.into_iter().take(NAMED).collect();
    Err(Fault::new(
        Code::CarryChanged,
        SiteCause::CarriedUnwhole { missing, names },
    ))
}

/// More files are not named.
const NAMED: usize = 10;
