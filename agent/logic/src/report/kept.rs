//! The account of the last run as the store keeps it: its rows have no names, so the causes stand behind it as values.
//! Never needs them: an older boxsync reads the account before them, and one of an older boxsync is read without.
//! Called by `engine`.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::fault::Cause;

/// An account in a file of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptReport {
    report: Report,
    /// Of each finding in its order, as JSON; empty where it has words alone.
    #[serde(deserialize_with = "crate::fault::or_none")]
    causes: Vec<String>,
}

impl From<&Report> for KeptReport {
    fn from(report: &Report) -> Self {
        let causes = report.findings.iter().map(|told| told.cause.in_row());
        Self {
            causes: causes.collect(),
            report: report.clone(),
        }
    }
}

impl From<KeptReport> for Report {
    fn from(kept: KeptReport) -> Self {
        let mut report = kept.report;
        for (told, value) in report.findings.iter_mut().zip(&kept.causes) {
            told.cause = Cause::of_row(value, told.reason());
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Code, Fault, NetCause};
    use crate::words::SyncParams;

    fn report() -> Report {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 7,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 3);
        report.find(&Fault::new(Code::StoreFailed, "words alone"));
        let place = "c.example:443".to_owned();
        report.stop(&Fault::new(Code::NetRefused, NetCause::Refused { place }));
        report
    }

    #[test]
    fn an_account_keeps_its_causes_and_is_read_by_older_and_of_older_ones() {
        let report = report();
        let bytes = postcard::to_allocvec(&KeptReport::from(&report)).unwrap();
        let read = Report::from(postcard::from_bytes::<KeptReport>(&bytes).unwrap());
        assert_eq!(read, report);
        assert_eq!(read.cause().fr(), "c.example:443 a refusé la connexion");
        // An older boxsync reads the account, and passes over what follows.
        let old = postcard::to_allocvec(&report).unwrap();
        assert!(bytes.starts_with(&old));
        let worded = postcard::from_bytes::<Report>(&bytes).unwrap();
        assert_eq!(worded.reason, report.reason);
        // What it wrote has no causes.
        let read = Report::from(postcard::from_bytes::<KeptReport>(&old).unwrap());
        assert_eq!(read, worded);
        assert!(read.cause().is_said());
    }
}
