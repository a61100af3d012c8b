//! What the box holds and owes, and what that means: catalogue, packages, results, last runs, the rate of the link.
//! Never reads a file and never repairs anything: the next synchronization does.
//! Called by `seen`.

use serde::{Deserialize, Serialize};

use super::seen::Told;
use super::standing::{Owed, Standing, Stock, told_by_type};
use super::verdict::counted;
use super::{Check, Finding};
use crate::fault::{Area, Code, CodeName};
use crate::package::Finding as Bad;
use crate::report::Report;
use crate::words::Outcome;

/// A complete catalogue older than this is told, in seconds.
const OLD: i64 = 48 * 60 * 60;

/// What was read of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holdings {
    /// Where the box stands.
    pub standing: Standing,
    /// How many entities do not open, or why the catalogue cannot be read.
    pub unreadable: Result<u64, Told>,
    /// The packages, or why they cannot be read.
    pub packages: Result<Packages, Told>,
    /// Past runs, newest first, or why they cannot be read.
    pub reports: Result<Vec<Report>, Told>,
    /// Files of the spool that did not open, by name.
    pub aside: Vec<String>,
    /// Rates that are expected of the link, Mbit/s: down, up.
    pub expected: (f64, f64),
}

/// The packages as they lie on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Packages {
    /// So many are whole, as far as their descriptions say.
    pub held: u64,
    /// Those that are not: each with what was seen, a line each.
    pub broken: Vec<String>,
    /// What no further run mends: each with why, a line each.
    pub judged: Vec<(Bad, String)>,
    /// Every byte was read.
    pub deep: bool,
}

impl Holdings {
    /// What it means, check by check.
    pub fn judge(&self) -> Vec<(Check, Finding)> {
        let now = &self.standing;
        let mut found = Vec::new();
        if let Some((code, reason)) = &now.intake {
            let check = match code.is(Area::State) {
                true => Check::State,
                false => Check::Disk,
            };
            let summary = format!("answers of candidates cannot be kept: {reason}");
            found.push((check, Finding::fail(code, summary)));
        }
        found.push((Check::Catalogue, self.catalogue()));
        let packages = self.packages();
        if let Some((free, reserve)) = now.disk.filter(|(free, reserve)| free < reserve)
            && packages.code == Code::PackageIncomplete
        {
            let (free, reserve) = (free >> 20, reserve >> 20);
            let summary =
                format!("{free} MiB free, {reserve} MiB kept for results: packages find no room");
            found.push((Check::Disk, Finding::fail(Code::DiskReserve, summary)));
        }
        let told_packages = packages.code.clone();
        found.push((Check::Packages, packages));
        let reports = match &self.reports {
            Ok(reports) => reports,
            Err(told) => {
                found.extend([Check::Spool, Check::History].map(|check| (check, told.fails())));
                return found;
            }
        };
        let spool = self.spool(reports);
        let told_intake = now.intake.as_ref().map(|(code, _)| code);
        let told = [Some(&told_packages), Some(&spool.code), told_intake];
        let told: Vec<&CodeName> = told.into_iter().flatten().collect();
        let runs = history(reports, &told);
        found.push((Check::Spool, spool));
        let history = match now.notices.first() {
            Some((code, reason)) => Finding::warn(code, reason.as_str()).detail(runs.summary),
            None => runs,
        };
        found.push((Check::History, history));
        let (download, upload) = self.expected;
        found.push((Check::Speed, speed(reports, download, upload)));
        found
    }

    fn catalogue(&self) -> Finding {
        match &self.unreadable {
            Err(told) => return told.fails(),
            Ok(0) => {}
            Ok(damaged) => {
                let summary = format!("{damaged} entities of the catalogue do not open");
                return Finding::fail(Code::StoreDamaged, summary);
            }
        }
        let now = &self.standing;
        let shown = &now.catalogue;
        let Some(at) = shown.complete_at else {
            return Finding::fail(
                Code::CatalogueIncomplete,
                "no synchronization has read the whole catalogue yet",
            );
        };
        let wanted = now.organisation.as_ref();
        if let Some(wanted) = wanted.filter(|id| **id != shown.organisation) {
            let summary = format!(
                "the catalogue is of organisation {}, the box belongs to {wanted}",
                shown.organisation
            );
            return Finding::fail(Code::CatalogueOtherOrganisation, summary);
        }
        let words: Vec<String> = shown
            .entities
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let summary = format!("complete, of organisation {}", shown.organisation);
        let mut detail = words.join(", ");
        for (what, counts) in [("held back", &shown.kept), ("hidden", &shown.hidden)] {
            if !counts.is_empty() {
                detail += &format!("; {what}: {}", told_by_type(counts).join(", "));
            }
        }
        if shown.count("delivery") == 0 {
            let summary = format!("organisation {} has no delivery", shown.organisation);
            Finding::warn(Code::CatalogueEmpty, summary).detail(detail)
        } else if shown.contradicted > 0 && shown.held_back == shown.taken_back {
            let summary = counted(
                shown.contradicted,
                "entity changes back and forth on central",
                "entities change back and forth on central",
            );
            Finding::warn(Code::CentralContradicts, summary).detail(detail)
        } else if shown.held_back > 0 {
            let summary = counted(
                shown.held_back,
                "deletion is held back",
                "deletions are held back",
            );
            Finding::warn(Code::CatalogueHeldBack, summary).detail(detail)
        } else if now.now - at > OLD {
            let summary = format!("complete, but {} days old", (now.now - at) / 86_400);
            Finding::warn(Code::CatalogueOld, summary).detail(detail)
        } else {
            Finding::pass(Check::Catalogue, summary).detail(detail)
        }
    }

    fn packages(&self) -> Finding {
        let packages = match &self.packages {
            Err(told) => return told.fails(),
            Ok(packages) => packages,
        };
        let now = &self.standing;
        if let Some((code, reason)) = &now.trouble {
            // What could not be counted is not "none".
            return Finding::fail(code, reason.as_str());
        }
        let stock = &now.packages;
        let (held, broken) = (packages.held, &packages.broken);
        if !broken.is_empty() {
            let summary = format!(
                "{} of {} packages {} damaged",
                broken.len(),
                held,
                if broken.len() == 1 { "is" } else { "are" }
            );
            return Finding::fail(Code::PackageDamaged, summary).detail(broken.join("\n"));
        }
        if let Some(finding) = bad_on_central(&packages.judged, stock) {
            return finding;
        }
        let summary = format!("{} of {} packages held", stock.held, stock.wanted);
        let lacking = stock.wanted.saturating_sub(stock.held);
        if stock.wanted == 0 {
            return Finding::skip(Check::Packages, "the catalogue names no delivery");
        }
        match lacking {
            0 if packages.deep => {
                Finding::pass(Check::Packages, format!("{summary}, every byte checked"))
            }
            0 => Finding::pass(Check::Packages, summary),
            lacking if lacking <= stock.absent && stock.held == 0 => {
                let deliveries = counted(lacking, "delivery", "deliveries");
                let summary = format!("central has no package for {deliveries}");
                Finding::fail(Code::PackageMissing, summary)
            }
            lacking if lacking <= stock.absent => Finding::warn(
                Code::PackageMissing,
                format!("{summary}; central has none for the others"),
            ),
            _ => {
                let mib = stock.bytes_left.div_ceil(1 << 20);
                let begun = match stock.coming {
                    0 => "none of the others has begun".to_owned(),
                    coming => format!("{coming} begun, of which {mib} MiB are to come"),
                };
                Finding::fail(Code::PackageIncomplete, summary).detail(begun)
            }
        }
    }

    fn spool(&self, reports: &[Report]) -> Finding {
        let now = &self.standing;
        if let Some(reason) = &now.unread {
            return Finding::fail(Code::DiskFailing, reason.as_str());
        }
        let owed = now.owed.unwrap_or_default();
        let mut told = spool(owed, now.held_up.as_ref(), &self.aside, reports, now.now);
        // Whose they are, where that is known beside the names of the files.
        let ids = now.lost.iter().filter(|id| !self.aside.contains(id));
        if told.code == Code::ResultsQuarantined {
            let lines = ids.chain([&told.detail]).cloned();
            told.detail = lines.collect::<Vec<_>>().join("\n");
        }
        told
    }
}

/// What no further run mends: the worst kind by its code, each package with its member.
fn bad_on_central(judged: &[(Bad, String)], stock: &Stock) -> Option<Finding> {
    let kinds = [
        (
            stock.cached,
            Bad::Cached,
            "comes from a cache as another one",
            "come from a cache as others",
        ),
        (
            stock.unsupported,
            Bad::Unsupported,
            "cannot be checked",
            "cannot be checked",
        ),
        (
            stock.broken,
            Bad::Damaged,
            "is damaged on central",
            "are damaged on central",
        ),
    ];
    let (count, bad, one, many) = kinds.into_iter().find(|(count, ..)| *count > 0)?;
    let of_it = judged.iter().filter(|(finding, _)| *finding == bad);
    let lines: Vec<&str> = of_it.map(|(_, line)| line.as_str()).collect();
    let what = if count == 1 { one } else { many };
    let summary = format!("{count} of {} packages {what}", stock.wanted);
    let code = bad.code().unwrap_or(Code::PackageDamaged);
    Some(Finding::fail(code, summary).detail(lines.join("\n")))
}

/// `held_up`: why central holds up what waits; `aside`: names of files that did not open; `reports`: newest first.
fn spool(
    owed: Owed,
    held_up: Option<&(CodeName, String)>,
    aside: &[String],
    reports: &[Report],
    now: i64,
) -> Finding {
    let since = crate::spool::age(owed.oldest_at, now);
    let since = since.map_or_else(String::new, |age| format!("the oldest waits since {age}"));
    if !aside.is_empty() {
        let files = counted(aside.len() as u64, "file", "files");
        let summary = format!("{files} of the spool did not open");
        Finding::warn(Code::ResultsQuarantined, summary).detail(aside.join("\n"))
    } else if owed.refused > 0 {
        let (summary, rest) = first(owed.refused_told());
        Finding::warn(Code::ResultsRefused, summary).detail(rest)
    } else if owed.unconfirmed > 0 {
        let (summary, rest) = first(owed.unconfirmed_told());
        Finding::warn(Code::ResultsUnconfirmed, summary).detail(format!("{rest}\n{since}").trim())
    } else if let Some((code, reason)) = held_up {
        let items = counted(owed.waiting, "item", "items");
        let summary = format!("central does not take {items} for now");
        Finding::warn(code, summary).detail(format!("{reason}\n{since}").trim_end())
    } else if owed.queued == 0 {
        Finding::pass(Check::Spool, "nothing is owed")
    } else if stuck(reports) {
        let (summary, rest) = first(owed.queued_told("although central was reached"));
        Finding::fail(Code::ResultsStuck, summary).detail(format!("{rest}\n{since}").trim())
    } else {
        let (summary, rest) = first(owed.queued_told("to be sent"));
        Finding::pass(Check::Spool, summary).detail(rest)
    }
}

/// The first sentence, and the others as lines.
fn first(mut told: Vec<String>) -> (String, String) {
    let rest = told.split_off(told.len().min(1));
    (told.pop().unwrap_or_default(), rest.join("\n"))
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

/// `told`: the codes under which packages and what is owed are told already.
fn history(reports: &[Report], told: &[&CodeName]) -> Finding {
    let Some(last) = reports.first() else {
        return Finding::warn(Code::SyncNever, "no synchronization has finished yet");
    };
    if last.outcome == Outcome::Finished {
        let summary = format!("no. {} finished", last.sync_id);
        return Finding::pass(Check::History, summary);
    }
    if told.contains(&&last.code) {
        return Finding::skip(Check::History, format!("because of {}", last.code))
            .follows(&last.code);
    }
    let failed = reports
        .iter()
        .take_while(|report| report.outcome != Outcome::Finished)
        .count();
    let summary = format!("no. {} ended with {}", last.sync_id, last.code);
    let row = match failed {
        1 => String::new(),
        failed => format!("\n{failed} in a row did not finish"),
    };
    Finding::warn(Code::SyncFailed, summary)
        .detail(format!("{}{row}", last.reason))
        .follows(&last.code)
}

fn speed(reports: &[Report], download: f64, upload: f64) -> Finding {
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
        return Finding::skip(Check::Speed, "no synchronization has measured the link yet");
    };
    let summary = match up {
        Some(up) => format!("{rate:.1} Mbit/s down, {up:.1} up"),
        None => format!("{rate:.1} Mbit/s down"),
    };
    if rate < download || up.is_some_and(|up| up < upload) {
        let detail = format!("expected: {download} Mbit/s down, {upload} up");
        return Finding::warn(Code::LinkSlow, summary).detail(detail);
    }
    Finding::pass(Check::Speed, summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::words::Params;

    fn report(queued: u64, outcome: Outcome) -> Report {
        let params = Params {
            organisation_id: "1".into(),
            sync_id: 4,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 0);
        report.results.queued = queued;
        report.connection.download_mbit_s = 2.0;
        if outcome != Outcome::Finished {
            report.stop(&Fault::new(Code::NetDns, "no address").ending(outcome));
        }
        report
    }

    #[test]
    fn results_that_never_leave_are_stuck_and_those_of_an_offline_box_wait() {
        let owed = |queued| Owed {
            queued,
            ..Owed::default()
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
            spool(owed(0), None, &[], &reached, 0).summary,
            "nothing is owed"
        );
        let refused = Owed {
            refused: 1,
            ..Owed::default()
        };
        assert_eq!(
            spool(refused, None, &[], &reached, 0).code,
            Code::ResultsRefused
        );
        let waiting = Owed {
            waiting: 2,
            oldest_at: 1_000_000,
            ..owed(2)
        };
        let cause = (CodeName::from(Code::ResultsTooLong), "because".to_owned());
        let told = spool(waiting, Some(&cause), &[], &[], 1_000_000 + 3 * 3600);
        assert_eq!(told.code, Code::ResultsTooLong);
        assert_eq!(told.summary, "central does not take 2 items for now");
        assert_eq!(told.detail, "because\nthe oldest waits since 3h");
        let aside = ["a.item".to_owned()];
        let told = spool(owed(0), None, &aside, &reached, 0);
        assert_eq!(
            (told.code.known(), told.detail.as_str()),
            (Some(Code::ResultsQuarantined), "a.item")
        );
    }

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
        assert_eq!(failed.detail, "no address\n3 in a row did not finish");
        let known = history(&[report(0, Outcome::Offline)], &[&Code::NetDns.into()]);
        assert_eq!(known.status, crate::health::Status::Skip);
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
