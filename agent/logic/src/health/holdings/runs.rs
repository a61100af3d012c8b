//! What the last runs say: whether they end well, and how fast the link is.
//! Never repeats as a finding of its own what is found already.
//! Called by `health/holdings`.

use super::{Check, CheckFinding, HoldingsMessage, Message, ReportedFault, SkipReason};
use crate::fault::{Code, CodeName};
use crate::language::figure::{Decimal, MegabitRate, Number};
use crate::report::Report;
use crate::words::Outcome;

/// `told`: the codes under which packages and what is owed are told already.
pub(super) fn history(reports: &[Report], told: &[&CodeName]) -> CheckFinding {
    let Some(last) = reports.first() else {
        return CheckFinding::warn(Code::SyncNever, HoldingsMessage::NeverFinished);
    };
    let number = last.sync_id.to_string();
    if last.outcome == Outcome::Finished {
        return CheckFinding::pass(Check::History, HoldingsMessage::Finished { number });
    }
    let code = last.code.clone();
    if told.contains(&&code) {
        return CheckFinding::skip(Check::History, Message::Because(code)).follows(&last.code);
    }
    let failed = reports
        .iter()
        .take_while(|report| report.outcome != Outcome::Finished)
        .count();
    let count = failed as u64;
    let row = (count > 1).then_some(HoldingsMessage::InARow { count });
    let why = ReportedFault::because(code.clone(), last.cause());
    CheckFinding::warn(
        Code::SyncFailed,
        HoldingsMessage::EndedWith { number, code },
    )
    .detail(why)
    .details(row)
    .follows(&last.code)
}

pub(super) fn speed(reports: &[Report], download: f64, upload: f64) -> CheckFinding {
    let middle = |rate: fn(&Report) -> f64| {
        let mut rates: Vec<f64> = reports
            .iter()
            .map(rate)
            .filter(|rate| *rate > 0.0)
            .collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    };
    let down = middle(|report| report.connection.download_mbit_s);
    let up = middle(|report| report.connection.upload_mbit_s);
    let Some(rate) = down else {
        return CheckFinding::skip(Check::Speed, SkipReason::NeverMeasured);
    };
    let summary = match up {
        Some(up) => HoldingsMessage::DownAndUp {
            rate: MegabitRate(rate),
            up: Decimal(up),
        },
        None => HoldingsMessage::Down {
            rate: MegabitRate(rate),
        },
    };
    if rate < download || up.is_some_and(|up| up < upload) {
        let detail = HoldingsMessage::Expected {
            down: Number(download),
            up: Number(upload),
        };
        return CheckFinding::warn(Code::LinkSlow, summary).detail(detail);
    }
    CheckFinding::pass(Check::Speed, summary)
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn the_last_runs_are_told_with_how_many_failed() {
        assert_eq!(history(&[], &[]).code, Code::SyncNever);
        let finished = [report(0, Outcome::Finished)];
        assert_eq!(
            history(&finished, &[&Code::PackageWhole.into()]).code,
            Code::SyncLast
        );
        let failed = history(
            &vec![report(0, Outcome::Offline); 3],
            &[&Code::PackageWhole.into()],
        );
        assert_eq!(failed.code, Code::SyncFailed);
        assert_eq!(
            failed.json()["detail"],
            "no address\n3 in a row did not finish"
        );
        let known = history(&[report(0, Outcome::Offline)], &[&Code::NetDns.into()]);
        assert_eq!(known.status, crate::health::CheckStatus::Skip);
    }

    #[test]
    fn the_rate_is_the_middle_one_of_the_last_runs() {
        let mut reports = vec![report(0, Outcome::Finished); 3];
        reports[0].connection.download_mbit_s = 0.0;
        reports[1].connection.download_mbit_s = 0.2;
        assert_eq!(speed(&reports, 1.0, 1.0).code, Code::LinkSpeed);
        assert_eq!(speed(&reports, 4.0, 1.0).code, Code::LinkSlow);
        assert_eq!(speed(&[], 1.0, 1.0).code, Code::LinkSpeed);
    }
}
