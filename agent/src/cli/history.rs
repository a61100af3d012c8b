//! `history`: past synchronizations, newest first; one as a tree, and what several changed together.
//! Never more than was asked for.
//! Called by `cli`.

mod show;

use std::time::Duration;

use clap::Subcommand;
use logic::fault::Fault;
use logic::health::message::WireCounts;
use logic::language::{Language, Localized, figure};
use logic::report::{Report, sum};
use logic::words::Outcome;

use serde_json::json;

use super::screen::{Screen, fold, pairs, table, time};
use super::sync::rows;
use super::words::{PastTerm, RunCount, Term};
use crate::engine::Engine;
use system::clock;

/// What of the history is shown.
#[derive(Debug, Subcommand)]
pub(super) enum HistoryVerb {
    /// One of them as a tree, as central shows its report of it.
    Show {
        /// Its number, as `history` lists it.
        #[arg(value_name = "N")]
        number: u64,
    },
    /// What changed: in the last one, or in all since a time.
    Diff {
        /// All that ended within this time: 1d is since yesterday at this hour.
        #[arg(long, value_name = "TIME", value_parser = super::downloads::lasts)]
        since: Option<Duration>,
    },
}

pub(super) fn act(
    engine: &Engine,
    limit: usize,
    verb: Option<HistoryVerb>,
    screen: &Screen,
) -> Result<u8, Fault> {
    match verb {
        Some(HistoryVerb::Show { number }) => show::act(engine, number, screen),
        Some(HistoryVerb::Diff { since }) => diff(engine, since, screen),
        None => list(engine, limit, screen),
    }
}

/// What the last run changed, or all that ended within a time, as one account.
fn diff(engine: &Engine, since: Option<Duration>, screen: &Screen) -> Result<u8, Fault> {
    let reports = match since {
        None => engine.history_of_all(1)?,
        Some(since) => {
            let began = clock::now().wall.saturating_sub_unsigned(since.as_secs());
            let mut reports = engine.history_of_all(usize::MAX)?;
            reports.retain(|report| report.finished_at >= began);
            reports
        }
    };
    let runs = reports.len() as u64;
    let all = sum(&reports);
    if screen.json {
        let changed = all.map(|all| serde_json::to_value(all).unwrap_or_default());
        screen.object(json!({ "runs": runs, "changed": changed }));
        return Ok(0);
    }
    let Some(all) = all else {
        screen.say(&screen.told(&Term::NoRunYet));
        return Ok(0);
    };
    screen.line(&screen.told(&RunCount::Counted { count: runs }));
    for line in pairs(&rows(&all, screen.language), screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

fn list(engine: &Engine, limit: usize, screen: &Screen) -> Result<u8, Fault> {
    let reports = engine.history_of_all(limit)?;
    if screen.json {
        for report in &reports {
            screen.object(serde_json::to_value(report).unwrap_or_default());
        }
        return Ok(0);
    }
    if reports.is_empty() && limit > 0 {
        screen.say(&screen.told(&Term::NoRunYet));
        return Ok(0);
    }
    // Asked for none, it shows none, and no head of a table either.
    if !reports.is_empty() {
        for line in lines(&reports, screen) {
            screen.line(&line);
        }
    }
    Ok(0)
}

/// A narrow screen has room for the code, which `doctor explain` wants whole, but not for the bytes.
fn lines(reports: &[Report], screen: &Screen) -> Vec<String> {
    const ROOMY: usize = 74;
    let (language, width) = (screen.language, screen.width);
    let cells = |cells: [String; 5]| {
        let [number, began, took, received, end] = cells;
        match width < ROOMY {
            true => vec![number, began, took, end],
            false => vec![number, began, took, received, end],
        }
    };
    let head = [
        PastTerm::Number,
        PastTerm::Began,
        PastTerm::Took,
        PastTerm::Received,
        PastTerm::End,
    ];
    let head = cells(head.map(|term| screen.told(&term)));
    let row = |report: &Report| {
        cells([
            report.sync_id.to_string(),
            time(language, report.started_at)
                .trim_end_matches(" UTC")
                .to_owned(),
            figure::span(
                language,
                u64::try_from(report.finished_at - report.started_at).unwrap_or(0),
            ),
            figure::bytes(language, report.connection.bytes_received),
            match report.outcome {
                Outcome::Finished => screen.told(&Term::Finished),
                _ => report.code.to_string(),
            },
        ])
    };
    let rows = [vec![head], reports.iter().map(row).collect()].concat();
    let mut table = table(&rows, width).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    for (line, report) in table.zip(reports) {
        let code = report.code.as_str();
        let is_cut = report.outcome != Outcome::Finished && !line.ends_with(code);
        match is_cut.then(|| line.rfind("  ")).flatten() {
            // `doctor explain` wants it whole.
            Some(end) => {
                lines.push(line[..end].trim_end().to_owned());
                lines.push(format!("    {code}"));
            }
            None => lines.push(line),
        }
        let gone = gone(report, language);
        lines.extend(fold(&gone, width - 4).map(|line| format!("    {line}")));
    }
    lines
}

/// What a run hid and what it held back, by type; empty when there was nothing of it.
fn gone(report: &Report, language: Language) -> String {
    let mut told = Vec::new();
    for (word, count) in &report.entities {
        let of = |count: u64| WireCounts(vec![(word.clone(), count)]);
        let gone = [
            (
                count.deleted,
                PastTerm::HiddenOf {
                    entities: of(count.deleted),
                },
            ),
            (
                count.held_back,
                PastTerm::KeptOf {
                    entities: of(count.held_back),
                },
            ),
        ];
        let gone = gone.iter().filter(|(count, _)| *count > 0);
        told.extend(gone.map(|(_, term)| term.localized(language)));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::each;
    use logic::fault::Code;
    use logic::words::SyncParams;

    #[test]
    fn a_run_is_a_line() {
        let report = |sync_id: u64| {
            let params = SyncParams {
                organisation_id: "1001".into(),
                sync_id,
                box_id: "b".into(),
                tao_version: "2022.11".into(),
            };
            let mut report = Report::new(&params, 1_795_500_000 + sync_id as i64 * 900);
            report.finished_at = report.started_at + 7 * sync_id as i64;
            report.connection.bytes_received = 40_000 * sync_id;
            report
        };
        let mut reports: Vec<Report> = [131, 20, 9].map(report).into();
        reports[1].stop(
            &Fault::new(Code::CatalogueUnknownOrganisation, "x").ending(Outcome::Unauthorized),
        );
        let count = reports[2].entity(logic::entity::EntityType::TestTaker);
        (count.deleted, count.held_back) = (3, 128);
        each("history", |screen| lines(&reports, screen));
    }
}
