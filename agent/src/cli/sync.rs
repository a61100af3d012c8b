//! `sync`: one synchronization now, with progress, and its account at the end.
//! Never leaves anything half done when it is interrupted: what came is kept and goes on next time.
//! Called by `cli`.

use clap::Args;
use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::package_lane::Waiting;
use logic::report::Report;
use logic::schedule::Errand;
use logic::words::Outcome;

use super::screen::{Mood, Screen, advice, bytes, counts, fold, span, table, time};
use super::{bar, runtime};
use crate::engine::progress::Watch;
use crate::engine::{Engine, Request};
use crate::root::Root;
use crate::settings;
use crate::socket::client;
use crate::worker::told_to_end;

/// Options of `sync`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only this type; may be given several times.
    #[arg(long = "type", value_name = "TYPE", value_parser = super::entity_type())]
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
    /// Bring packages at once, also outside of the download windows.
    #[arg(long, conflicts_with = "results")]
    now: bool,
    /// Do not wait for packages: they go on by themselves where the daemon runs.
    #[arg(long, conflicts_with = "now")]
    no_wait: bool,
}

impl Options {
    fn errand(&self) -> Errand {
        let some = self.data || self.results || !self.types.is_empty();
        Errand {
            types: self.types.clone(),
            data: !self.results,
            results: !some || self.results,
            allow_deletes: self.allow_deletes,
            now: self.now,
            no_wait: self.no_wait,
        }
    }
}

pub(super) fn act(root: &Root, options: &Options, screen: &Screen) -> Result<u8, Fault> {
    // A mistake in the configuration is told to whoever types the command, though the daemon goes on without it; files
    // that he may not read are the daemon's.
    if let Err(fault) = settings::read(root)
        && fault.code != Code::ConfigFile
    {
        return Err(fault);
    }
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
    let request = Request::of(errand, true);
    let report = runtime(run(&engine, &request, &watch, screen));
    bar::clear(screen);
    match report {
        Some(report) if report.code != STOPPED => Ok(told(&report, screen)),
        _ => {
            screen.say("stopped; what came is kept, the next run goes on from here");
            Ok(130)
        }
    }
}

/// The code of a run that a signal ended.
const STOPPED: Code = Code::RunStopped;

/// The run in this process. The first signal lets it tell central that it ends, the second ends it at once.
async fn run(engine: &Engine, request: &Request, watch: &Watch, screen: &Screen) -> Option<Report> {
    let signals = async {
        told_to_end().await;
        watch.stop();
        told_to_end().await;
    };
    tokio::select! {
        report = engine.synchronize(request, watch) => Some(report),
        () = bar::follow(screen, watch) => None,
        () = signals => None,
    }
}

/// Shows the account; gives the exit status.
fn told(report: &Report, screen: &Screen) -> u8 {
    if screen.json {
        screen.object(serde_json::to_value(report).unwrap_or_default());
    } else {
        for line in lines(report, screen) {
            screen.line(&line);
        }
    }
    let usage = report.code.is(Area::Config);
    if usage { 2 } else { report.outcome.exit() }
}

/// What packages wait for, and until when.
pub(super) fn wait(waiting: Waiting) -> String {
    let until = waiting
        .until
        .map_or_else(String::new, |at| format!(", until {}", time(at)));
    format!("{}{until}", waiting.reason.words())
}

/// The account of a run for people, on one screen.
fn lines(report: &Report, screen: &Screen) -> Vec<String> {
    let mut rows = Vec::new();
    for kind in EntityType::ALL {
        let Some(count) = report.entities.get(kind.word()) else {
            continue;
        };
        let words = counts(&[
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
    let told = counts(&[
        (packages.downloaded, "brought"),
        (packages.unchanged, "held before"),
        (packages.failed, "missing"),
        (packages.waiting, "waiting"),
    ]);
    if !told.is_empty() {
        let wire = match (packages.bytes_stored, packages.bytes_on_wire) {
            (_, 0) => String::new(),
            (0, wire) => format!(" ({} on the wire)", bytes(wire)),
            (stored, wire) => format!(" ({}, {} on the wire)", bytes(stored), bytes(wire)),
        };
        rows.push(vec!["packages".into(), told + &wire]);
    }
    if let Some(waiting) = packages.waiting_for {
        rows.push(vec!["wait for".into(), wait(waiting)]);
    }
    let results = &report.results;
    let told = counts(&[
        (results.acknowledged, "acknowledged"),
        (results.refused, "refused"),
        (results.unconfirmed, "unconfirmed"),
        (results.queued, "waiting"),
    ]);
    if !told.is_empty() {
        rows.push(vec!["results".into(), told]);
    }
    let mut lines = table(&rows, screen.width);
    let took = span((report.finished_at - report.started_at).max(0) as u64);
    let (mood, word) = match report.outcome {
        Outcome::Finished => (Mood::Good, "finished".to_owned()),
        outcome => (Mood::Bad, format!("{} [{}]", outcome.word(), report.code)),
    };
    let link = match report.connection.download_mbit_s {
        0.0 => String::new(),
        rate => format!(", {rate:.1} Mbit/s"),
    };
    lines.push(format!(
        "synchronization {} {} in {took}{link}",
        report.sync_id,
        screen.paint(mood, &word)
    ));
    for finding in report.findings.iter().take(10) {
        let told = fold(&finding.reason(), screen.width - 2);
        lines.extend(told.map(|line| format!("  {line}")));
    }
    if report.findings.len() > 10 {
        lines.push(format!(
            "  … and {} more (boxsync history --json)",
            report.findings.len() - 10
        ));
    }
    if report.outcome != Outcome::Finished {
        lines.extend(advice(report.code.known(), screen.width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::held;
    use logic::report::EntityCount;
    use logic::words::Params;

    fn report() -> Report {
        let params = Params {
            organisation_id: "1001".into(),
            sync_id: 12,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 1_795_500_000);
        report.finished_at = report.started_at + 95;
        let counts = [
            ("test-center", 1, 0),
            ("test-taker", 295, 5),
            ("delivery", 7, 0),
        ];
        for (word, unchanged, created) in counts {
            let count = EntityCount {
                unchanged,
                created,
                ..EntityCount::default()
            };
            report.entities.insert(word.to_owned(), count);
        }
        report
    }

    #[test]
    fn the_account_of_a_run_says_what_to_do_when_it_failed() {
        let screen = Screen::plain(80);
        let mut done = report();
        done.packages.downloaded = 1;
        done.packages.unchanged = 6;
        done.packages.bytes_on_wire = 3_000_000;
        done.packages.bytes_stored = 25_000_000;
        done.results.acknowledged = 12;
        done.connection.download_mbit_s = 4.25;
        held("sync", &lines(&done, &screen), 80);
        let mut cut = report();
        cut.stop(&Fault::new(Code::NetTlsIssuer, "the certificate of central.example:443 was signed by an authority that this box does not know"));
        held("sync-failed", &lines(&cut, &screen), 80);
        held("sync-failed-60", &lines(&cut, &Screen::plain(60)), 60);
    }
}
