//! `history`: past synchronizations, newest first.
//! Never more than was asked for.
//! Called by `cli`.

use logic::words::Trouble;

use super::screen::{Screen, bytes, span, table, time};
use crate::engine::Engine;

pub(super) fn act(engine: &Engine, limit: usize, screen: &Screen) -> Result<u8, Trouble> {
    let reports = engine.history(limit)?;
    if screen.json {
        for report in &reports {
            screen.object(serde_json::to_value(report).unwrap_or_default());
        }
        return Ok(0);
    }
    if reports.is_empty() {
        screen.say("no synchronization yet");
        return Ok(0);
    }
    let head = ["no.", "began", "took", "outcome", "received", "code"]
        .map(str::to_owned)
        .to_vec();
    let row = |report: &logic::report::Report| {
        vec![
            report.sync_id.to_string(),
            time(report.started_at),
            span((report.finished_at - report.started_at).max(0) as u64),
            report.outcome.word().to_owned(),
            bytes(report.connection.bytes_received),
            report.code.clone(),
        ]
    };
    for line in table(&[vec![head], reports.iter().map(row).collect()].concat()) {
        screen.line(&line);
    }
    Ok(0)
}
