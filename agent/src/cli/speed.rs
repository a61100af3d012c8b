//! `speed`: measures the link with central's own check, now (protocol 10.1).
//! Never sends what is owed and never compares the catalogue: a run with nothing else to do, whose account is kept and told central.
//! Called by `cli`.

use logic::fault::Fault;
use logic::language::Localized;
use logic::language::figure::Decimal;
use logic::report::Report;
use logic::schedule::Errand;
use logic::words::Outcome;
use serde_json::json;

use super::screen::{Screen, pairs};
use super::sync::{perform, told_all};
use super::words::PastTerm;
use system::root::Root;

/// Measures, and says how fast it is each way.
pub(super) fn act(root: &Root, screen: &Screen) -> Result<u8, Fault> {
    let errand = Errand {
        data: false,
        results: false,
        measure: true,
        ..Errand::whole()
    };
    perform(root, errand, screen, told)
}

fn told(reports: &[Report], screen: &Screen) -> u8 {
    let is_well = |report: &Report| report.outcome == Outcome::Finished;
    if !reports.iter().all(is_well) {
        return told_all(reports, screen);
    }
    for report in reports {
        let link = &report.connection;
        if screen.json {
            screen.object(json!({
                "sync_id": report.sync_id, "organisation_id": report.organisation_id, "outcome": report.outcome,
                "code": report.code, "download_mbit_s": link.download_mbit_s, "upload_mbit_s": link.upload_mbit_s,
            }));
            continue;
        }
        let rate = |rate: f64| match rate {
            0.0 => PastTerm::NotMeasured,
            rate => PastTerm::Rate {
                rate: Decimal(rate),
            },
        };
        let rows = [
            (PastTerm::Download, rate(link.download_mbit_s)),
            (PastTerm::Upload, rate(link.upload_mbit_s)),
        ];
        let rows = rows.map(|(name, rate)| {
            let language = screen.language;
            (name.localized(language), rate.localized(language))
        });
        for line in pairs(&rows, screen.width) {
            screen.line(&line);
        }
    }
    0
}
