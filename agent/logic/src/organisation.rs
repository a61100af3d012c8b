//! With whose credentials an item goes home on a box of several organisations, and how their runs count together.
//! Never sees an id: an organisation is its place in the order of the box, the first one before those that were added.
//! Called by `engine` for what is owed, and by the daemon and `sync` when all have had their run.

use crate::report::Report;
use crate::schedule::RunEnd;

/// The organisation that an item goes home with, by who names its delivery, in the order of the box. Central ties
/// neither results nor logs to an organisation (protocol 7, 8), so that each choice is good; it has to be one alone, and
/// may change between two passes: what is unknown of an item is asked of central whoever goes on with it.
///
/// | the delivery is named by | |
/// |---|---|
/// | one | that one |
/// | several | the first of them whose credentials are not refused; the first of them where all are |
/// | none (an LTI user, a delivery that is gone) | the first of the box |
pub fn carrier(all: impl IntoIterator<Item = NamedDelivery>) -> usize {
    let named = all.into_iter().enumerate().filter(|(_, one)| one.named);
    // Of several that are equal `min_by_key` gives the first.
    let first = named.min_by_key(|(_, one)| one.refused);
    first.map_or(0, |(place, _)| place)
}

/// How an organisation stands to a delivery.
#[derive(Debug, Clone, Copy)]
pub struct NamedDelivery {
    /// Its catalogue names it.
    pub named: bool,
    /// Central refused its credentials when it was asked last.
    pub refused: bool,
}

/// Which of the accounts of one run is told as its end: that with the highest exit status, the first of several.
pub fn worst(reports: &[Report]) -> Option<&Report> {
    let exit = |report: &Report| report.outcome.exit();
    let highest = reports.iter().map(exit).max()?;
    reports.iter().find(|report| exit(report) == highest)
}

/// How a run of several organisations counts for the next one.
///
/// | each ended as | all together |
/// |---|---|
/// | all the same | that; of central's wishes the longest |
/// | one was stopped | stopped |
/// | one unreached or partly, another otherwise | partly: central was well for somebody |
/// | done, standing | done |
pub fn end(reports: &[Report]) -> RunEnd {
    let ends = reports.iter().map(|report| RunEnd::of(report, report.wish));
    ends.reduce(|one, other| match (one, other) {
        (RunEnd::Unreached(one), RunEnd::Unreached(other)) => RunEnd::Unreached(one.max(other)),
        (one, other) if one == other => one,
        (RunEnd::Stopped, _) | (_, RunEnd::Stopped) => RunEnd::Stopped,
        (RunEnd::Done | RunEnd::Standing, RunEnd::Done | RunEnd::Standing) => RunEnd::Done,
        _ => RunEnd::Partly,
    })
    .unwrap_or(RunEnd::Done)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::{Code, Fault};
    use crate::words::{Outcome, SyncParams};

    fn ended(code: Option<Code>) -> Report {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 1,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 0);
        if let Some(code) = code {
            report.stop(&Fault::new(code, "why"));
        }
        report
    }

    #[test]
    fn an_item_goes_with_one_organisation_alone() {
        // `n` names it, `r` does and is refused, `R` is refused and does not, `-` neither.
        let table = [
            ("n--", 0),
            ("-n-", 1),
            ("-nn", 1),
            ("nnn", 0),
            ("---", 0),
            ("", 0),
            ("rnn", 1),
            ("r-n", 2),
            ("Rnn", 1),
            ("rr-", 0),
            ("-rr", 1),
            ("r--", 0),
            ("R--", 0),
        ];
        for (all, expected) in table {
            let one = |letter| NamedDelivery {
                named: matches!(letter, 'n' | 'r'),
                refused: matches!(letter, 'r' | 'R'),
            };
            assert_eq!(carrier(all.chars().map(one)), expected, "{all}");
        }
    }

    #[test]
    fn the_worst_end_is_told() {
        let good = ended(None);
        let offline = ended(Some(Code::NetDns));
        let refused = ended(Some(Code::AuthRefused));
        let told = |reports: &[Report]| worst(reports).map(|report| report.outcome);
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[good.clone(), good.clone()]), Some(Outcome::Finished));
        for reports in [
            [good.clone(), offline.clone(), refused.clone()],
            [offline.clone(), refused, good.clone()],
        ] {
            assert_eq!(told(&reports), Some(Outcome::Offline));
        }
        assert_eq!(told(&[offline, good]), Some(Outcome::Offline));
    }

    #[test]
    fn one_of_whom_central_was_well_proves_it_reachable() {
        let good = || ended(None);
        let offline = || ended(Some(Code::NetDns));
        let wished = |seconds| Report {
            wish: Some(Duration::from_secs(seconds)),
            ..offline()
        };
        let refused = || ended(Some(Code::AuthRefused));
        let longest = RunEnd::Unreached(Some(Duration::from_secs(9)));
        let table = [
            (vec![], RunEnd::Done),
            (vec![good()], RunEnd::Done),
            (vec![offline()], RunEnd::Unreached(None)),
            (vec![offline(), wished(9), wished(3)], longest),
            (vec![good(), offline()], RunEnd::Partly),
            (vec![offline(), refused()], RunEnd::Partly),
            (vec![refused(), refused()], RunEnd::Standing),
            (vec![refused(), good()], RunEnd::Done),
        ];
        for (reports, expected) in table {
            let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
            assert_eq!(end(&reports), expected, "{outcomes:?}");
        }
    }
}
