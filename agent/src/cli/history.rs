//! `history`: past synchronizations, newest first.
//! Never more than was asked for.
//! Called by `cli`.

use logic::fault::Fault;
use logic::report::Report;
use logic::words::Outcome;

use super::screen::{Screen, bytes, fold, span, table, time};
use crate::engine::Engine;

pub(super) fn act(engine: &Engine, limit: usize, screen: &Screen) -> Result<u8, Fault> {
    let reports = engine.history(limit)?;
    if screen.json {
        for report in &reports {
            screen.object(serde_json::to_value(report).unwrap_or_default());
        }
        return Ok(0);
    }
    if reports.is_empty() && limit > 0 {
        screen.say("no synchronization yet");
        return Ok(0);
    }
    // Asked for none, it shows none, and no head of a table either.
    if !reports.is_empty() {
        for line in lines(&reports, screen.width) {
            screen.line(&line);
        }
    }
    Ok(0)
}

/// A narrow screen has room for the code, which `doctor explain` wants whole, but not for the bytes.
fn lines(reports: &[Report], width: usize) -> Vec<String> {
    const ROOMY: usize = 74;
    let cells = |cells: [String; 5]| {
        let [number, began, took, received, end] = cells;
        match width < ROOMY {
            true => vec![number, began, took, end],
            false => vec![number, began, took, received, end],
        }
    };
    let head = cells(["no.", "began (UTC)", "took", "received", "end"].map(str::to_owned));
    let row = |report: &Report| {
        cells([
            report.sync_id.to_string(),
            time(report.started_at).trim_end_matches(" UTC").to_owned(),
            span((report.finished_at - report.started_at).max(0) as u64),
            bytes(report.connection.bytes_received),
            match report.outcome {
                Outcome::Finished => "finished".to_owned(),
                _ => report.code.to_string(),
            },
        ])
    };
    let rows = [vec![head], reports.iter().map(row).collect()].concat();
    let mut table = table(&rows, width).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    for (line, report) in table.zip(reports) {
        lines.push(line);
        let gone = gone(report);
        lines.extend(fold(&gone, width - 4).map(|line| format!("    {line}")));
    }
    lines
}

/// What a run hid and what it held back, by type; empty when there was nothing of it.
fn gone(report: &Report) -> String {
    let mut told = Vec::new();
    for (word, count) in &report.entities {
        for (count, what) in [(count.deleted, "hidden"), (count.held_back, "held back")] {
            if count > 0 {
                told.push(format!("{count} {word} {what}"));
            }
        }
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::held;
    use logic::fault::Code;
    use logic::words::Params;

    #[test]
    fn a_run_is_a_line() {
        let report = |sync_id: u64| {
            let params = Params {
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
        held("history", &lines(&reports, 80), 80);
        held("history-60", &lines(&reports, 60), 60);
    }
}
