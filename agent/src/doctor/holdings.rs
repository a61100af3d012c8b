//! What the box holds and owes: catalogue, packages, results, last runs, the rate that the link carried.
//! Never repairs anything: the next synchronization does.
//! Called by `doctor` in a thread of its own, since disks may be slow.

use logic::fault::{Area, Code, CodeName, Fault};
use logic::health::verdict::{Owed, Standing, Stock, counted, told_by_type};
use logic::health::{Check, Finding};
use logic::outside;
use logic::package::Finding as Bad;
use logic::report::Report;
use logic::words::Outcome;

use super::{Found, standing};
use crate::engine::{Engine, content};
use crate::vault::catalogue::Catalogue;
use crate::vault::package::Packages;
use crate::vault::spool::Spool;

/// So many past runs are looked at.
const RECENT: usize = 20;
/// A complete catalogue older than this is told, in seconds.
const OLD: i64 = 48 * 60 * 60;

/// Looks at everything, in the order of the plan.
pub(super) fn read(engine: &Engine, deep: bool, found: &Found) {
    let now = standing::take(engine);
    if let Some((code, reason)) = &now.intake {
        // A folder that cannot be written is the cause of whatever else fails.
        let check = match code.is(Area::State) {
            true => Check::State,
            false => Check::Disk,
        };
        let summary = format!("answers of candidates cannot be kept: {reason}");
        found.tell_beside(check, Finding::fail(code, summary));
    }
    found.tell(Check::Catalogue, or_trouble(catalogue(engine, &now)));
    let packages = or_trouble(packages(engine, &now, deep));
    if let Some((free, reserve)) = now.disk.filter(|(free, reserve)| free < reserve)
        && packages.code == Code::PackageIncomplete
    {
        let (free, reserve) = (free >> 20, reserve >> 20);
        let summary =
            format!("{free} MiB free, {reserve} MiB kept for results: packages find no room");
        found.tell(Check::Disk, Finding::fail(Code::DiskReserve, summary));
    }
    let told_packages = packages.code.clone();
    found.tell(Check::Packages, packages);
    let reports = standing::reports(engine, RECENT);
    let reports = match reports {
        Ok(reports) => reports,
        Err(trouble) => {
            for check in [Check::Spool, Check::History] {
                found.tell(check, Finding::fail(trouble.code, &trouble.reason));
            }
            return;
        }
    };
    let aside = Spool::open(engine.vault()).map_or_else(|_| Vec::new(), |s| s.quarantined());
    let owed = now.owed.unwrap_or_default();
    let held_up = now.held_up.as_ref();
    let told = match &now.unread {
        Some(reason) => Finding::fail(Code::DiskFailing, reason),
        None => {
            let mut told = spool(owed, held_up, &aside, &reports, now.now);
            // Whose they are, where that is known beside the names of the files.
            let ids = now.lost.iter().filter(|id| !aside.contains(id));
            if told.code == Code::ResultsQuarantined {
                told.detail = ids
                    .chain([&told.detail])
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("\n");
            }
            told
        }
    };
    let told_owed = told.code.clone();
    found.tell(Check::Spool, told);
    let told_intake = now.intake.as_ref().map(|(code, _)| code);
    let told: Vec<_> = [&told_packages, &told_owed]
        .into_iter()
        .chain(told_intake)
        .collect();
    let runs = history(&reports, &told);
    found.tell(
        Check::History,
        match engine.notices().into_iter().next() {
            Some((code, reason)) => Finding::warn(code, reason).detail(runs.summary),
            None => runs,
        },
    );
    let link = &engine.settings().link;
    found.tell(
        Check::Speed,
        speed(&reports, link.expected_download, link.expected_upload),
    );
}

fn or_trouble(result: Result<Finding, Fault>) -> Finding {
    result.unwrap_or_else(|trouble| Finding::fail(trouble.code, trouble.reason))
}

fn catalogue(engine: &Engine, now: &Standing) -> Result<Finding, Fault> {
    let catalogue = Catalogue::open(engine.vault())?;
    let edition = catalogue.shown()?;
    let damaged = standing::unreadable_entities(&catalogue, &edition);
    if damaged > 0 {
        let summary = format!("{damaged} entities of the catalogue do not open");
        return Ok(Finding::fail(Code::StoreDamaged, summary));
    }
    let shown = &now.catalogue;
    let Some(at) = shown.complete_at else {
        return Ok(Finding::fail(
            Code::CatalogueIncomplete,
            "no synchronization has read the whole catalogue yet",
        ));
    };
    let wanted = now.organisation.as_ref();
    if let Some(wanted) = wanted.filter(|id| **id != shown.organisation) {
        let summary = format!(
            "the catalogue is of organisation {}, the box belongs to {wanted}",
            shown.organisation
        );
        return Ok(Finding::fail(Code::CatalogueOtherOrganisation, summary));
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
    Ok(if shown.count("delivery") == 0 {
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
    })
}

fn packages(engine: &Engine, now: &Standing, deep: bool) -> Result<Finding, Fault> {
    let packages = Packages::open(engine.vault())?;
    let (held, _) = packages.list()?;
    let mut broken = Vec::new();
    for meta in &held {
        if meta.damaged
            && packages
                .judged(&meta.delivery)
                .is_some_and(|j| j.finding == Bad::Cached)
        {
            // It was another delivery's: told below.
            continue;
        }
        let sound = if meta.damaged {
            Err("a check found it damaged".to_owned())
        } else if deep {
            whole(&packages, meta)
        } else {
            packages.glance(meta).map_err(|trouble| trouble.reason)
        };
        if let Err(why) = sound {
            broken.push(format!("{}: {why}", outside::id(&meta.delivery)));
        }
    }
    if let Some((code, reason)) = &now.trouble {
        // What could not be counted is not "none".
        return Ok(Finding::fail(code, reason));
    }
    let stock = &now.packages;
    if !broken.is_empty() {
        let summary = format!(
            "{} of {} packages {} damaged",
            broken.len(),
            held.len(),
            if broken.len() == 1 { "is" } else { "are" }
        );
        return Ok(Finding::fail(Code::PackageDamaged, summary).detail(broken.join("\n")));
    }
    if let Some(finding) = bad_on_central(&packages, stock)? {
        return Ok(finding);
    }
    let summary = format!("{} of {} packages held", stock.held, stock.wanted);
    let lacking = stock.wanted.saturating_sub(stock.held);
    if stock.wanted == 0 {
        return Ok(Finding::skip(
            Check::Packages,
            "the catalogue names no delivery",
        ));
    }
    Ok(match lacking {
        0 if deep => Finding::pass(Check::Packages, format!("{summary}, every byte checked")),
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
    })
}

/// What no further run mends: the worst kind by its code, each package with its member.
fn bad_on_central(packages: &Packages, stock: &Stock) -> Result<Option<Finding>, Fault> {
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
    let Some((count, bad, one, many)) = kinds.into_iter().find(|(count, ..)| *count > 0) else {
        return Ok(None);
    };
    let judged = packages.all_judged()?.into_iter();
    let lines: Vec<String> = judged
        .filter(|judged| judged.finding == bad)
        .map(|judged| format!("{}: {}", judged.delivery, judged.reason))
        .collect();
    let what = if count == 1 { one } else { many };
    let summary = format!("{count} of {} packages {what}", stock.wanted);
    let code = bad.code().unwrap_or(Code::PackageDamaged);
    Ok(Some(Finding::fail(code, summary).detail(lines.join("\n"))))
}

fn whole(packages: &Packages, meta: &crate::vault::package::Meta) -> Result<(), String> {
    let verdict = packages
        .content(meta)
        .and_then(|content| content::verify(&content))
        .map_err(|trouble| trouble.reason)?;
    if verdict.clean() {
        return Ok(());
    }
    let members = verdict.bad.len() + verdict.unseen.len();
    Err(counted(members as u64, "damaged member", "damaged members"))
}

/// `held_up`: why central holds up what waits; `aside`: names of files that did not open; `reports`: newest first.
fn spool(
    owed: Owed,
    held_up: Option<&(CodeName, String)>,
    aside: &[String],
    reports: &[Report],
    now: i64,
) -> Finding {
    let since = logic::spool::age(owed.oldest_at, now);
    let since = since.map_or_else(String::new, |age| format!("the oldest waits since {age}"));
    if !aside.is_empty() {
        let files = counted(aside.len() as u64, "file", "files");
        let summary = format!("{files} of the spool did not open");
        Finding::warn(Code::ResultsQuarantined, summary).detail(aside.join("\n"))
    } else if owed.refused > 0 {
        let results = counted(owed.refused, "result", "results");
        let summary = format!("central did not accept {results}");
        Finding::warn(Code::ResultsRefused, summary)
    } else if owed.unconfirmed > 0 {
        let results = counted(owed.unconfirmed, "result", "results");
        let summary = format!("central may or may not have {results}");
        Finding::warn(Code::ResultsUnconfirmed, summary).detail(since)
    } else if let Some((code, reason)) = held_up {
        let items = counted(owed.waiting, "item", "items");
        let summary = format!("central does not take {items} for now");
        Finding::warn(code, summary).detail(format!("{reason}\n{since}").trim_end())
    } else if owed.queued == 0 {
        Finding::pass(Check::Spool, "nothing is owed")
    } else if stuck(reports) {
        let waits = counted(owed.queued, "result waits", "results wait");
        let summary = format!("{waits} although central was reached");
        Finding::fail(Code::ResultsStuck, summary).detail(since)
    } else {
        let waits = counted(owed.queued, "result waits", "results wait");
        Finding::pass(Check::Spool, format!("{waits} to be sent"))
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
        return Finding::skip(Check::History, format!("because of {}", last.code));
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
    Finding::warn(Code::SyncFailed, summary).detail(format!("{}{row}", last.reason))
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
    use logic::words::Params;

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
        let cause = (Code::ResultsTooLong.into(), "because".to_owned());
        let told = spool(waiting, Some(&cause), &[], &[], 1_000_000 + 3 * 3600);
        assert_eq!(told.code, Code::ResultsTooLong);
        assert_eq!(told.summary, "central does not take 2 items for now");
        assert_eq!(told.detail, "because\nthe oldest waits since 3h");
        let aside = ["a.item".to_owned()];
        let told = spool(owed(0), None, &aside, &reached, 0);
        assert_eq!(
            (told.code, told.detail.as_str()),
            (Code::ResultsQuarantined.into(), "a.item")
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
        assert_eq!(known.status, logic::health::Status::Skip);
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
