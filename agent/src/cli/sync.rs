//! `sync`: one synchronization now, with progress, and its account at the end.
//! Never leaves anything half done when it is interrupted: what came is kept and goes on next time.
//! Called by `cli`.

use clap::Args;
use logic::entity::EntityType;
use logic::report::Report;
use logic::schedule::Errand;
use logic::words::{Outcome, Trouble};

use super::screen::{Mood, Screen, bytes, span, table};
use super::{bar, runtime};
use crate::engine::Request;
use crate::engine::progress::Watch;
use crate::root::Root;
use crate::socket::client;

/// Options of `sync`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only this type; may be given several times.
    #[arg(long = "type", value_name = "TYPE", value_parser = super::entity_type)]
    types: Vec<EntityType>,
    /// Only catalogue and packages.
    #[arg(long)]
    data: bool,
    /// Only what the box owes: results, logs, sessions.
    #[arg(long, conflicts_with_all = ["data", "types"])]
    results: bool,
    /// Delete what central no longer names, however much it is.
    #[arg(long)]
    allow_deletes: bool,
}

impl Options {
    fn errand(&self) -> Errand {
        let some = self.data || self.results || !self.types.is_empty();
        Errand {
            types: self.types.clone(),
            data: !self.results,
            results: !some || self.results,
            allow_deletes: self.allow_deletes,
        }
    }
}

pub(super) fn act(root: &Root, options: &Options, screen: &Screen) -> Result<u8, Trouble> {
    let watch = Watch::default();
    let errand = options.errand();
    let through = runtime(async {
        tokio::select! {
            report = client::synchronize(root, &errand, &watch) => report.map(Some),
            () = bar::follow(screen, &watch) => Ok(None),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    });
    bar::clear(screen);
    match through? {
        Some(Some(report)) => return Ok(told(&report, screen)),
        Some(None) => {}
        None => {
            screen.say("no longer watched; the daemon goes on with the synchronization");
            return Ok(130);
        }
    }
    let engine = super::open(root)?;
    engine.settings().central()?;
    let request = Request {
        types: errand.types,
        data: errand.data,
        results: errand.results,
        allow_deletes: errand.allow_deletes,
        asked: true,
    };
    let report = runtime(async {
        tokio::select! {
            report = engine.synchronize(&request, &watch) => Some(report),
            () = bar::follow(screen, &watch) => None,
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    bar::clear(screen);
    let Some(report) = report else {
        screen.say("stopped; what came is kept, the next run goes on from here");
        return Ok(130);
    };
    Ok(told(&report, screen))
}

/// Shows the account; gives the exit status.
fn told(report: &Report, screen: &Screen) -> u8 {
    if screen.json {
        screen.object(serde_json::to_value(report).unwrap_or_default());
    } else {
        show(report, screen);
    }
    let usage = report.code.starts_with("config.");
    if usage { 2 } else { report.outcome.exit() }
}

/// The account of a run for people, on one screen.
pub(super) fn show(report: &Report, screen: &Screen) {
    let mut rows = Vec::new();
    for kind in EntityType::ALL {
        let Some(count) = report.entities.get(kind.word()) else {
            continue;
        };
        let words = words(&[
            (count.created, "new"),
            (count.updated, "changed"),
            (count.unchanged, "unchanged"),
            (count.deleted, "deleted"),
            (count.held_back, "held back"),
            (count.failed, "failed"),
        ]);
        rows.push(vec![
            kind.word().to_owned(),
            if words.is_empty() {
                "none".into()
            } else {
                words
            },
        ]);
    }
    let packages = &report.packages;
    let counts = words(&[
        (packages.downloaded, "brought"),
        (packages.unchanged, "held before"),
        (packages.failed, "missing"),
    ]);
    if !counts.is_empty() {
        let wire = match packages.bytes_on_wire {
            0 => String::new(),
            wire => format!(
                " ({}, {} on the wire)",
                bytes(packages.bytes_stored),
                bytes(wire)
            ),
        };
        rows.push(vec!["packages".into(), counts + &wire]);
    }
    let results = &report.results;
    let counts = words(&[
        (results.acknowledged, "acknowledged"),
        (results.refused, "refused"),
        (results.unconfirmed, "unconfirmed"),
        (results.queued, "waiting"),
    ]);
    if !counts.is_empty() {
        rows.push(vec!["results".into(), counts]);
    }
    for line in table(&rows) {
        screen.line(&line);
    }
    let took = span((report.finished_at - report.started_at).max(0) as u64);
    let (mood, word) = match report.outcome {
        Outcome::Finished => (Mood::Good, "finished".to_owned()),
        outcome => (Mood::Bad, format!("{} [{}]", outcome.word(), report.code)),
    };
    let link = match report.connection.download_mbit_s {
        0.0 => String::new(),
        rate => format!(", {rate} Mbit/s"),
    };
    screen.line(&format!(
        "synchronization {} {} in {took}{link}",
        report.sync_id,
        screen.paint(mood, &word)
    ));
    for finding in report.findings.iter().take(10) {
        screen.line(&format!("  {}", finding.reason));
    }
    if report.findings.len() > 10 {
        screen.line(&format!(
            "  … and {} more (boxsync history --json)",
            report.findings.len() - 10
        ));
    }
}

/// The counts that are not zero, with their words.
fn words(counts: &[(u64, &str)]) -> String {
    let told = counts.iter().filter(|(n, _)| *n > 0);
    told.map(|(n, word)| format!("{n} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
}
