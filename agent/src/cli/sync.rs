//! `sync`: one synchronization now, with progress, and its account at the end.
//! Never leaves anything half done when it is interrupted: what came is kept and goes on next time.
//! Called by `cli`.

use clap::Args;
use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::intake::ItemKind;
use logic::language::figure::{self, Bytes, Decimal, Seconds};
use logic::language::{Language, Localized};
use logic::package_lane::Waiting;
use logic::phrase;
use logic::report::Report;
use logic::schedule::{Errand, RunParts};
use logic::words::Outcome;

use super::screen::{Screen, Tone, advice, fold, pairs, remedied};
use super::service;
use super::words::{self, ActTerm, StatusTerm, SyncTerm};
use super::{bar, preview, runtime, terminate};
use crate::engine::progress::RunWatch;
use crate::engine::{Engine, Request};
use crate::settings;
use crate::socket::client;
use crate::worker::told_to_end;
use system::root::Root;

/// Options of `sync`.
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Only this type; may be given several times.
    #[arg(long = "type", value_name = "TYPE", value_parser = super::entity_type())]
    types: Vec<EntityType>,
    /// Only catalogue and packages.
    #[arg(long)]
    data: bool,
    /// Only what the box owes: results, logs, sessions.
    #[arg(long, conflicts_with_all = ["data", "types"])]
    results: bool,
    /// Only delivery logs; --sessions, --data or --type may stand beside it.
    #[arg(long)]
    logs: bool,
    /// Only test sessions; so may --logs, --data or --type.
    #[arg(long)]
    sessions: bool,
    /// Delete what central no longer names, however much it is.
    #[arg(long)]
    allow_deletes: bool,
    /// Bring packages at once, also outside of the download windows.
    #[arg(long, conflicts_with = "results")]
    now: bool,
    /// Only say what would be done: nothing is changed, and nothing is sent.
    #[arg(long, conflicts_with_all = ["terminate", "results", "logs", "sessions", "now", "no_wait"])]
    dry_run: bool,
    /// First have the delivery engines end what is being sat; asks twice.
    #[arg(long)]
    terminate: bool,
    /// Do not ask before --terminate: the number of executions under way, typed here.
    #[arg(long, value_name = "N", requires = "terminate")]
    yes: Option<u64>,
    /// Do not wait for packages: they go on by themselves where the daemon runs.
    #[arg(long, conflicts_with = "now")]
    no_wait: bool,
    /// Only this organisation of the box; may be given several times.
    #[arg(long = "organisation", value_name = "ID")]
    organisations: Vec<String>,
}

impl SyncArgs {
    fn errand(&self) -> Errand {
        let data = self.data || !self.types.is_empty();
        let parts = [
            (self.logs, ItemKind::Logs),
            (self.sessions, ItemKind::Sessions),
        ];
        let parts = parts.iter().filter(|(asked, _)| *asked && !self.results);
        let owed: Vec<ItemKind> = parts.map(|(_, kind)| *kind).collect();
        let some = self.results || !owed.is_empty();
        Errand {
            types: self.types.clone(),
            data: data || !some,
            results: some || !data,
            owed,
            allow_deletes: self.allow_deletes,
            now: self.now,
            no_wait: self.no_wait,
            measure: false,
            organisations: self.organisations.clone(),
        }
    }
}

pub(super) fn act(root: &Root, options: &SyncArgs, screen: &Screen) -> Result<u8, Fault> {
    // A mistake in the configuration is told to whoever types the command, though the daemon goes on without it; files
    // that he may not read are the daemon's.
    if let Err(fault) = settings::read(root)
        && fault.code != Code::ConfigFile
    {
        return Err(fault);
    }
    if options.dry_run {
        return preview::act(&super::open(root)?, options.errand(), screen);
    }
    if options.terminate {
        terminate::act(root, options.yes, screen)?;
    }
    perform(root, options.errand(), screen, told_all)
}

/// Does an errand, through the daemon where it runs; `told` shows its accounts and gives the exit status.
pub(super) fn perform(
    root: &Root,
    errand: Errand,
    screen: &Screen,
    told: fn(&[Report], &Screen) -> u8,
) -> Result<u8, Fault> {
    let watch = RunWatch::default();
    let through = runtime(async {
        tokio::select! {
            reports = client::synchronize(root, &errand, &watch) => reports.map(Some),
            () = bar::follow(screen, &watch) => Ok(None),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    });
    bar::clear(screen);
    match through? {
        Some(Some(reports)) => return Ok(told(&reports, screen)),
        Some(None) => {}
        None => {
            screen.say(&screen.told(&SyncTerm::Unwatched));
            return Ok(130);
        }
    }
    let engine = super::open(root)?;
    service::tell(root, screen);
    engine.settings().central()?;
    let errand = errand.in_parts(RunParts::of(&engine.settings().sync.steps));
    let request = Request::of(errand, true);
    let reports = runtime(run(&engine, &request, &watch, screen));
    bar::clear(screen);
    match reports {
        Some(reports) if reports.iter().all(|report| report.code != STOPPED) => {
            Ok(told(&reports, screen))
        }
        _ => {
            screen.say(&screen.told(&SyncTerm::Stopped));
            Ok(130)
        }
    }
}

/// The code of a run that a signal ended.
const STOPPED: Code = Code::RunStopped;

/// The run in this process. The first signal lets it tell central that it ends, the second ends it at once.
async fn run(
    engine: &Engine,
    request: &Request,
    watch: &RunWatch,
    screen: &Screen,
) -> Option<Vec<Report>> {
    let signals = async {
        told_to_end().await;
        watch.stop();
        told_to_end().await;
    };
    tokio::select! {
        reports = engine.synchronize(request, watch) => Some(reports),
        () = bar::follow(screen, watch) => None,
        () = signals => None,
    }
}

/// Shows the account of each organisation; gives the exit status, that of the worst.
pub(super) fn told_all(reports: &[Report], screen: &Screen) -> u8 {
    let mut exits = Vec::new();
    for report in reports {
        if reports.len() > 1 && !screen.json {
            let ids = report.organisation_id.clone();
            screen.line(&screen.told(&ActTerm::Organisation { ids }));
        }
        exits.push(told(report, screen));
    }
    exits.into_iter().max().unwrap_or(0)
}

/// Shows the account; gives the exit status.
fn told(report: &Report, screen: &Screen) -> u8 {
    if screen.json {
        screen.object(serde_json::to_value(report).unwrap_or_default());
    } else {
        for line in lines(report, screen) {
            screen.line(&line);
        }
    }
    let usage = report.code.is(Area::Config) || report.code.is(Area::Input);
    if usage { 2 } else { report.outcome.exit() }
}

/// What packages wait for, and until when, by a clock `offset` seconds ahead of UTC.
pub(super) fn wait(language: Language, waiting: Waiting, offset: i64) -> String {
    let what = words::hold(waiting.reason).localized(language);
    match waiting.until {
        None => what,
        Some(until) => {
            let moment = figure::moment(language, until, offset);
            SyncTerm::Until { what, moment }.localized(language)
        }
    }
}

/// A number and its words.
pub(super) type Count = (u64, fn(u64) -> SyncTerm);

/// Those counts that are not zero, each with its words.
pub(super) fn counts(counts: &[Count], language: Language) -> String {
    let told = counts.iter().filter(|(count, _)| *count > 0);
    let told = told.map(|(count, term)| term(*count).localized(language));
    told.collect::<Vec<_>>().join(", ")
}

/// The account of a run for people, on one screen.
fn lines(report: &Report, screen: &Screen) -> Vec<String> {
    let mut lines = pairs(&rows(report, screen.language), screen.width);
    lines.extend(fold(
        &summary(report, screen, screen.language),
        screen.width,
    ));
    for finding in report.findings.iter().take(10) {
        let told = phrase::cause(screen.language, Some(&finding.code), &finding.cause);
        let told = remedied(&told, screen.width - 2);
        lines.extend(told.iter().map(|line| format!("  {line}")));
    }
    if report.findings.len() > 10 {
        let count = report.findings.len() as u64 - 10;
        let more = screen.told(&SyncTerm::More { count });
        lines.extend(fold(&more, screen.width - 2).map(|line| format!("  {line}")));
    }
    if report.outcome != Outcome::Finished {
        lines.extend(advice(screen.language, &report.code, screen.width));
    }
    lines
}

/// How it ended, how long it took and how fast it was.
pub(super) fn summary(report: &Report, screen: &Screen, language: Language) -> String {
    let end = words::outcome(report.outcome).localized(language);
    let (mood, end) = match report.outcome {
        Outcome::Finished => (Tone::Good, end),
        _ => (Tone::Bad, format!("{end} [{}]", report.code)),
    };
    let took = u64::try_from(report.finished_at - report.started_at).unwrap_or(0);
    let (end, time) = (screen.paint(mood, &end), Seconds(took));
    let summary = match report.sync_id {
        // It ended before it had a number.
        0 => SyncTerm::Unnumbered { end, time },
        number => SyncTerm::Summary {
            number: number.to_string(),
            end,
            time,
        },
    }
    .localized(language);
    let link = match report.connection.download_mbit_s {
        0.0 => String::new(),
        rate => SyncTerm::AndRate {
            rate: Decimal(rate),
        }
        .localized(language),
    };
    summary + &link
}

/// What became of entities, packages and results.
pub(super) fn rows(report: &Report, language: Language) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for kind in EntityType::ALL {
        let Some(count) = report.entities.get(kind.word()) else {
            continue;
        };
        let told = counts(
            &[
                (count.created, |count| SyncTerm::Created { count }),
                (count.updated, |count| SyncTerm::Updated { count }),
                (count.unchanged, |count| SyncTerm::Unchanged { count }),
                (count.deleted, |count| SyncTerm::Deleted { count }),
                (count.held_back, |count| SyncTerm::HeldBack { count }),
                (count.failed, |count| SyncTerm::Failed { count }),
            ],
            language,
        );
        let told = match told.is_empty() {
            true => SyncTerm::Nothing.localized(language),
            false => told,
        };
        rows.push((words::entity(kind).localized(language), told));
    }
    let packages = &report.packages;
    let told = counts(
        &[
            (packages.downloaded, |count| SyncTerm::Brought { count }),
            (packages.unchanged, |count| SyncTerm::HeldBefore { count }),
            (packages.failed, |count| SyncTerm::Missing { count }),
            (packages.waiting, |count| SyncTerm::Waiting { count }),
        ],
        language,
    );
    if !told.is_empty() {
        let (stored, wire) = (Bytes(packages.bytes_stored), Bytes(packages.bytes_on_wire));
        let wire = match (stored, wire) {
            (_, Bytes(0)) => String::new(),
            (Bytes(0), wire) => SyncTerm::OnWire { wire }.localized(language),
            (stored, wire) => SyncTerm::StoredAndOnWire { stored, wire }.localized(language),
        };
        rows.push((SyncTerm::Packages.localized(language), told + &wire));
    }
    if let Some(waiting) = packages.waiting_for {
        let name = SyncTerm::WaitFor.localized(language);
        rows.push((name, wait(language, waiting, 0)));
    }
    let mut name = StatusTerm::Exam.localized(language);
    for line in words::executions(&report.executions, language) {
        rows.push((std::mem::take(&mut name), line));
    }
    let results = &report.results;
    let told = counts(
        &[
            (results.acknowledged, |count| SyncTerm::Acknowledged {
                count,
            }),
            (results.adopted, |count| SyncTerm::Adopted { count }),
            (results.refused, |count| SyncTerm::Refused { count }),
            (results.unconfirmed, |count| SyncTerm::Unconfirmed { count }),
            (results.queued, |count| SyncTerm::Waiting { count }),
            (results.carried, |count| SyncTerm::HandedOver { count }),
        ],
        language,
    );
    if !told.is_empty() {
        rows.push((SyncTerm::Results.localized(language), told));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::each;
    use logic::report::EntityCount;
    use logic::words::SyncParams;

    fn report() -> Report {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 12,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 1_795_500_000);
        report.finished_at = report.started_at + 95;
        let counts = [
            ("test-center", 1, 0),
            ("test-taker", 295, 5),
            ("delivery", 7, 0),
        ];
        for (word, unchanged, created) in counts {
            let count = EntityCount {
                unchanged,
                created,
                ..EntityCount::default()
            };
            report.entities.insert(word.to_owned(), count);
        }
        report
    }

    #[test]
    fn the_account_of_a_run_says_what_to_do_when_it_failed() {
        let mut done = report();
        done.packages.downloaded = 1;
        done.packages.unchanged = 6;
        done.packages.bytes_on_wire = 3_000_000;
        done.packages.bytes_stored = 25_000_000;
        done.results.acknowledged = 12;
        done.connection.download_mbit_s = 4.25;
        each("sync", |screen| lines(&done, screen));
        let mut cut = report();
        let host = "central.example:443".to_owned();
        let cause = logic::fault::TlsCause::SignedByUnknown { host };
        cut.stop(&Fault::new(Code::NetTlsIssuer, cause));
        each("sync-failed", |screen| lines(&cut, screen));
    }
}
