//! What the spool holds, and what that means: refused, unconfirmed, held up, stuck, or on its way.
//! Never takes what waits for a link for stuck.
//! Called by `health/holdings`.

use super::{Check, CheckFinding, CheckStatus, HoldingsMessage, KindCount, Names, ReportedFault};
use crate::fault::{Code, Finding};
use crate::health::standing::OwedCounts;
use crate::language::figure::Seconds;
use crate::report::Report;
use crate::words::Outcome;

/// `held_up`: why central holds up what waits; `aside`: names of files that did not open; `reports`: newest first.
pub(super) fn spool(
    owed: OwedCounts,
    held_up: Option<&Finding>,
    aside: &[String],
    reports: &[Report],
    now: i64,
) -> CheckFinding {
    let since = crate::spool::since(owed.oldest_at, now);
    let since = since.map(|age| HoldingsMessage::OldestWaits { age: Seconds(age) });
    // The first kind is the summary, the others are lines.
    let told = |code: Code, each: Vec<KindCount>, tell: fn(KindCount) -> HoldingsMessage| {
        let mut told = each.into_iter().map(tell);
        let first = told.next().unwrap_or(HoldingsMessage::NothingOwed);
        CheckFinding::warn(code, first).details(told)
    };
    if !aside.is_empty() {
        let count = aside.len() as u64;
        let summary = HoldingsMessage::SpoolUnopened { count };
        CheckFinding::warn(Code::ResultsQuarantined, summary)
            .details(aside.iter().map(|name| Names::of([name])))
    } else if owed.refused > 0 {
        let tell = |items| HoldingsMessage::Refused { items };
        told(Code::ResultsRefused, owed.refused(), tell)
    } else if owed.unconfirmed > 0 {
        let tell = |items| HoldingsMessage::Unconfirmed { items };
        told(Code::ResultsUnconfirmed, owed.unconfirmed(), tell).details(since)
    } else if let Some(held_up) = held_up {
        let count = owed.not_taken();
        CheckFinding::warn(&held_up.code, HoldingsMessage::NotTaken { count })
            .detail(ReportedFault::from(held_up.clone()))
            .details(since)
    } else if owed.queued == 0 && owed.carried > 0 {
        let count = owed.carried;
        let since = crate::spool::since(owed.carried_at, now);
        let since = since.map(|age| HoldingsMessage::OldestWaits { age: Seconds(age) });
        CheckFinding::pass(Check::Spool, HoldingsMessage::Carried { count }).details(since)
    } else if owed.queued == 0 {
        CheckFinding::pass(Check::Spool, HoldingsMessage::NothingOwed)
    } else if stuck(reports) {
        let tell = |items| HoldingsMessage::Stuck { items };
        let finding = told(Code::ResultsStuck, owed.queued(), tell).details(since);
        CheckFinding {
            status: CheckStatus::Fail,
            ..finding
        }
    } else {
        let mut told = owed
            .queued()
            .into_iter()
            .map(|items| HoldingsMessage::Waits { items });
        let first = told.next().unwrap_or(HoldingsMessage::NothingOwed);
        CheckFinding::pass(Check::Spool, first).details(told)
    }
}

/// Three runs in a row reached central and acknowledged nothing of what waits.
fn stuck(reports: &[Report]) -> bool {
    let idle = |report: &Report| {
        matches!(report.outcome, Outcome::Finished | Outcome::Failed)
            && report.results.queued > 0
            && report.results.acknowledged == 0
    };
    reports.len() >= 3 && reports.iter().take(3).all(idle)
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;
    use crate::language::Localized;

    #[test]
    fn results_that_never_leave_are_stuck_and_those_of_an_offline_box_wait() {
        let owed = |queued| OwedCounts {
            queued,
            ..OwedCounts::default()
        };
        let reached = vec![report(3, Outcome::Finished); 3];
        let offline = vec![report(3, Outcome::Offline); 3];
        assert_eq!(
            spool(owed(3), None, &[], &reached, 0).code,
            Code::ResultsStuck
        );
        assert_eq!(
            spool(owed(3), None, &[], &offline, 0).code,
            Code::ResultsSpool
        );
        assert_eq!(
            spool(owed(0), None, &[], &reached, 0).summary.english(),
            "nothing is owed"
        );
        let refused = OwedCounts {
            refused: 1,
            ..OwedCounts::default()
        };
        assert_eq!(
            spool(refused, None, &[], &reached, 0).code,
            Code::ResultsRefused
        );
        let carried = OwedCounts {
            carried: 2,
            carried_at: 1_000_000,
            ..owed(0)
        };
        let told = spool(carried, None, &[], &reached, 1_000_000 + 2 * 86_400);
        assert_eq!(told.status, CheckStatus::Pass);
        assert_eq!(told.json()["detail"], "the oldest waits since 2 d");
        let waiting = OwedCounts {
            waiting: 2,
            oldest_at: 1_000_000,
            ..owed(2)
        };
        let cause = Finding::new(Code::ResultsTooLong, "because");
        let told = spool(waiting, Some(&cause), &[], &[], 1_000_000 + 3 * 3600);
        assert_eq!(told.code, Code::ResultsTooLong);
        let told = told.json();
        assert_eq!(told["summary"], "central does not take 2 items for now");
        assert_eq!(told["detail"], "because\nthe oldest waits since 3 h");
        let aside = ["a.item".to_owned()];
        let told = spool(owed(0), None, &aside, &reached, 0);
        assert_eq!(
            (told.code.known(), told.json()["detail"].as_str()),
            (Some(Code::ResultsQuarantined), Some("a.item"))
        );
    }
}
