//! What the daemon says: journal lines on the edge, and its state in words for the service manager.
//! Never says the same thing twice in a row, and never a figure that changes all the time.
//! Called by the daemon's loop.

use std::collections::BTreeSet;

use logic::fault::{Code, CodeName, ConfigCause, Fault, Finding};
use logic::health::clock::TOLERANCE;
use logic::language::Localized;
use logic::language::figure::Seconds;
use logic::organisation;
use logic::report::Report;
use logic::retry;
use logic::schedule::{CappedRetryAfter, RunEnd, RunReason};
use logic::words::{Now, Outcome};

use crate::engine::progress::Progress;
use crate::socket::state::DaemonStanding;
use system::clock;
use system::journal::event;

/// What was said already.
#[derive(Default)]
pub(super) struct EventNotices {
    /// Findings told: each is told again only after a run without it. On a box of several organisations with the one that
    /// it was found for.
    told: BTreeSet<(String, CodeName)>,
    /// The last accounts, one an organisation.
    last: Vec<Report>,
    /// The clock was called wrong.
    clock_wrong: bool,
}

/// Whether an answer could be kept, when that has changed: why not, as code and reason.
pub(super) fn intake(box_id: &str, intake: Option<&Finding>) {
    match intake {
        Some(Finding { code, cause }) => tracing::error!(
            message_id = event::ANSWERS_NOT_KEPT.id,
            code = %code,
            box_id,
            "NOT READY: answers of candidates cannot be kept: {cause}"
        ),
        None => tracing::info!(box_id, "answers of candidates can be kept again"),
    }
}

impl EventNotices {
    /// A run begins. One of many is of no interest: the first is, and what a person asked for.
    pub(super) fn started(&self, box_id: &str, cause: RunReason) {
        let (message_id, code) = (event::SYNC_STARTED.id, event::SYNC_STARTED.code);
        let cause_word = cause.word();
        if self.last.is_empty() || cause == RunReason::Asked {
            tracing::info!(message_id, code = %code, box_id, "synchronizing ({cause_word})");
        } else {
            tracing::trace!(message_id, code = %code, box_id, "synchronizing ({cause_word})");
        }
    }

    /// One line for the run of each organisation, one for each finding that is new; a central out of reach is told by
    /// `lost`.
    pub(super) fn accounts(&mut self, reports: &[Report]) {
        let before = std::mem::replace(&mut self.last, reports.to_vec());
        let mut told = BTreeSet::new();
        for report in reports {
            let of = match reports.len() {
                1 => "",
                _ => report.organisation_id.as_str(),
            };
            let same = |one: &&Report| one.organisation_id == report.organisation_id;
            let before = match reports.len() {
                1 => before.last(),
                _ => before.iter().find(same),
            };
            self.account(report, of, before, &mut told);
        }
        self.told = told;
    }

    fn account(
        &mut self,
        report: &Report,
        of: &str,
        before: Option<&Report>,
        all: &mut BTreeSet<(String, CodeName)>,
    ) {
        self.clock(report);
        if report.outcome == Outcome::Finished {
            // The edge is told: the first run, one that changed something, the first good one again.
            let was_good = before.is_some_and(|before| before.outcome == Outcome::Finished);
            finished(report, was_good && report.is_unchanged());
        }
        let is_told = |code: &CodeName| self.told.contains(&(of.to_owned(), code.clone()));
        let mut found = BTreeSet::new();
        let mut named = false;
        for finding in &report.findings {
            let fresh = found.insert(finding.code.clone()) && !is_told(&finding.code);
            if let (true, Some(event)) = (fresh, finding.code.known().and_then(event::of)) {
                named |= finding.code == report.code;
                tracing::warn!(
                    message_id = event.id,
                    code = %finding.code,
                    box_id = %report.box_id,
                    sync_id = report.sync_id,
                    "{}",
                    finding.reason()
                );
            }
        }
        let unreached = matches!(RunEnd::of(report, None), RunEnd::Unreached(_));
        if report.outcome != Outcome::Finished && !unreached && !is_told(&report.code) {
            failed(report, named);
        }
        // A run that did not reach central says nothing about what an earlier one found.
        let kept = self.told.iter().filter(|(id, _)| unreached && id == of);
        all.extend(kept.cloned());
        all.extend(found.into_iter().map(|code| (of.to_owned(), code)));
    }

    /// A run that heard no authenticated time says nothing about the clock.
    fn clock(&mut self, report: &Report) {
        let Some(skew) = report.skew else { return };
        let off = skew.unsigned_abs();
        let (is_wrong, was_wrong) = (off > TOLERANCE.unsigned_abs(), self.clock_wrong);
        self.clock_wrong = is_wrong;
        let (message_id, code) = (event::CLOCK_WRONG.id, event::CLOCK_WRONG.code);
        let way = if skew > 0 { "behind" } else { "ahead of" };
        match (is_wrong, was_wrong) {
            (true, false) => tracing::warn!(
                message_id,
                %code,
                box_id = %report.box_id,
                sync_id = report.sync_id,
                "the clock of this box is {} {way} central's; certificates are not judged by it",
                Seconds(off).english()
            ),
            (false, true) => tracing::info!("the clock of this box is right again"),
            _ => {}
        }
    }

    /// Central cannot be used; `due`: when it is tried again.
    pub(super) fn lost(&self, box_id: &str, due: Option<(Now, &'static str)>) {
        let (code, reason) = match organisation::worst(&self.last) {
            Some(report) => (report.code.clone(), report.reason.as_str()),
            None => (event::NET_OFFLINE.code.into(), "no answer"),
        };
        let wait = due.map_or(0, |(at, _)| {
            at.mono.saturating_sub(clock::now().mono).as_millis() as u64
        });
        tracing::warn!(
            message_id = event::NET_OFFLINE.id,
            %code,
            box_id,
            attempt = 1,
            wait_ms = wait,
            "central cannot be used: {reason}; it is tried again by itself, its return is told here"
        );
    }

    /// The state, for `systemctl status`.
    pub(super) fn words(&self, standing: &DaemonStanding) -> String {
        if let Some(running) = &standing.running {
            return format!(
                "synchronizing ({}): {}",
                running.cause.word(),
                doing(&running.progress)
            );
        }
        let next = standing.next.map_or("", |(_, why)| why);
        let state = match (organisation::worst(&self.last), standing.offline) {
            (_, Some(tries)) => format!("central cannot be used, {tries} tries"),
            (None, None) => "not synchronized since the start".into(),
            (Some(report), None) => match report.code.known() {
                Some(Code::Ok) => format!("synchronization {} finished", report.sync_id),
                Some(Code::AuthNotEnrolled) => "not enrolled: run `boxsync enroll`".into(),
                _ => format!(
                    "synchronization {} {} ({})",
                    report.sync_id,
                    report.outcome.word(),
                    report.code
                ),
            },
        };
        let packages = standing.waiting.map_or_else(String::new, |waiting| {
            format!("; packages wait for {}", waiting.reason.words())
        });
        format!("{state}{packages}; waiting for {next}")
    }
}

/// What a run does, without figures that change all the time.
fn doing(progress: &Progress) -> String {
    match (&progress.waits, &progress.package) {
        (Some(why), _) => format!("waiting for {why}"),
        (None, Some(_)) => format!(
            "package {} of {}",
            progress.packages.0 + 1,
            progress.packages.1
        ),
        (None, None) if progress.doing.is_empty() => "beginning".into(),
        (None, None) => progress.doing.clone(),
    }
}

/// The daemon goes on from now on: it is ready where it has its socket and its state folder; what is missing was told just
/// before.
pub(super) fn started(box_id: &str, is_whole: bool) {
    if !is_whole {
        tracing::warn!(
            box_id,
            "boxsync {} has started, but is not ready: it tries again by itself",
            env!("CARGO_PKG_VERSION")
        );
        return;
    }
    tracing::info!(
        message_id = event::READY.id,
        code = %event::READY.code,
        box_id,
        "boxsync {} is ready",
        env!("CARGO_PKG_VERSION")
    );
}

/// The files of the configuration are wrong; that was told just before.
pub(super) fn misconfigured(waits: bool) {
    match waits {
        true => tracing::warn!(
            "there never was a good configuration: boxsync waits for one, it is read again by itself"
        ),
        false => tracing::warn!(
            "the configuration in force stays as it was: the last good one; it is read again by itself"
        ),
    }
}

/// The state in words while the files of the configuration are wrong.
pub(super) fn beside(fault: &Fault, waits: bool, words: &str) -> String {
    let what = ConfigCause::in_short(fault.cause.clone());
    match waits {
        true => format!("waiting for a good configuration: {what}; {words}"),
        false => format!("{words}; the configuration is wrong, the last good one is used: {what}"),
    }
}

/// A signal ends it.
pub(super) fn stopping(box_id: &str) {
    tracing::info!(
        message_id = event::STOPPING.id,
        code = %event::STOPPING.code,
        box_id,
        "boxsync is stopping"
    );
}

/// Central asked to be left alone for longer than is believed.
pub(super) fn wished(box_id: &str, wish: CappedRetryAfter) {
    tracing::warn!(
        message_id = event::CENTRAL_WISH.id,
        code = %event::CENTRAL_WISH.code,
        box_id,
        wait_ms = wish.honoured.as_millis() as u64,
        "central asks to be left alone for {}; it is left alone for {}, longer only if it asks again: `boxsync sync` tries at once",
        retry::words(wish.wished),
        retry::words(wish.honoured)
    );
}

/// Central is back.
pub(super) fn found(box_id: &str, tries: u32) {
    tracing::info!(
        message_id = event::NET_ONLINE.id,
        code = %event::NET_ONLINE.code,
        box_id,
        attempt = tries,
        "central can be used again, after {tries} tries"
    );
}

fn finished(report: &Report, quietly: bool) {
    let (message_id, code) = (event::SYNC_FINISHED.id, event::SYNC_FINISHED.code);
    let (box_id, sync_id) = (report.box_id.as_str(), report.sync_id);
    let bytes = report.connection.bytes_received;
    let rate = report.connection.download_mbit_s;
    let took = (report.finished_at - report.started_at).max(0);
    if quietly {
        tracing::trace!(message_id, code = %code, box_id, sync_id, bytes, rate, "synchronization {sync_id} finished in {took} s, nothing changed");
    } else {
        tracing::info!(message_id, code = %code, box_id, sync_id, bytes, rate, "synchronization {sync_id} finished in {took} s");
    }
}

/// `named`: the line before said why.
fn failed(report: &Report, named: bool) {
    let why = match named {
        true => String::new(),
        false => format!(": {}", report.reason),
    };
    tracing::warn!(
        message_id = event::SYNC_FAILED.id,
        code = %report.code,
        box_id = %report.box_id,
        sync_id = report.sync_id,
        "synchronization {} ended, {}{why}",
        report.sync_id,
        report.outcome.word()
    );
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing::Subscriber;
    use tracing::field::{Field, Visit};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    use super::*;
    use crate::worker::{account, died};
    use logic::fault::ProcessEnd;

    #[test]
    fn a_wrong_clock_is_wrong_until_a_run_heard_that_it_is_right() {
        let mut notices = EventNotices::default();
        let mut report = account(&died(ProcessEnd::Killed));
        for (skew, wrong) in [
            (None, false),
            (Some(300), false),
            (Some(-301), true),
            (None, true),
            (Some(1_795_000_000), true),
            (Some(0), false),
        ] {
            report.skew = skew;
            notices.accounts(std::slice::from_ref(&report));
            assert_eq!(notices.clock_wrong, wrong, "{skew:?}");
        }
    }
    /// What reaches the journal: MESSAGE_ID and CODE of each line.
    #[derive(Clone, Default)]
    struct LoggedFault(Arc<Mutex<Vec<(String, String)>>>);

    impl<S: Subscriber> Layer<S> for LoggedFault {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            #[derive(Default)]
            struct EventFields(String, String);
            impl Visit for EventFields {
                fn record_str(&mut self, field: &Field, value: &str) {
                    self.record_debug(field, &format_args!("{value}"));
                }
                fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                    match field.name() {
                        "message_id" => self.0 = format!("{value:?}"),
                        "code" => self.1 = format!("{value:?}"),
                        _ => {}
                    }
                }
            }
            let mut fields = EventFields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push((fields.0, fields.1));
        }
    }

    fn told(act: impl FnOnce()) -> Vec<(String, String)> {
        let lines = LoggedFault::default();
        let subscriber = tracing_subscriber::Registry::default().with(lines.clone());
        tracing::subscriber::with_default(subscriber, act);
        let lines = lines.0.lock().unwrap();
        lines
            .iter()
            .filter(|(id, _)| !id.is_empty())
            .cloned()
            .collect()
    }

    /// Told where they happen, in `engine` and `vault`: a constant that nothing uses does not compile.
    const ELSEWHERE: [event::JournalEvent; 7] = [
        event::PACKAGE_HELD,
        event::STORE_REBUILT,
        event::CLONE_FOUND,
        event::ENROLLED,
        event::RUN_KILLED,
        event::BOX_RESTORED,
        event::BOX_TWICE,
    ];

    #[test]
    fn every_event_can_occur_and_has_its_id() {
        let mut report = account(&died(ProcessEnd::Killed));
        let mut acts = told(|| {
            started("b", true);
            stopping("b");
            EventNotices::default().started("b", RunReason::Boot);
            found("b", 3);
            wished(
                "b",
                CappedRetryAfter {
                    wished: Duration::from_secs(9000),
                    honoured: Duration::from_secs(900),
                },
            );
            intake("b", Some(&Finding::new(Code::DiskFull, "full")));
            EventNotices::default().lost("b", None);
            report.skew = Some(4000);
            report.findings.clear();
            report.code = Code::PackageDamaged.into();
            EventNotices::default().accounts(std::slice::from_ref(&report));
            report.outcome = Outcome::Finished;
            EventNotices::default().accounts(std::slice::from_ref(&report));
        });
        acts.extend(ELSEWHERE.map(|event| (event.id.to_owned(), event.code.to_string())));
        let mut seen: BTreeSet<String> = acts.into_iter().map(|(id, _)| id).collect();
        // How a run ended is told of each run, whatever it found.
        let found = |code: &Code| *code != Code::SyncFailed;
        for code in Code::ALL.iter().copied().filter(found) {
            let Some(id) = code.event().and_then(Code::leads) else {
                continue;
            };
            // What a run finds is told by its account, once.
            let mut report = account(&Fault::new(code, "because"));
            report.outcome = Outcome::Failed;
            let lines = told(|| {
                let mut notices = EventNotices::default();
                notices.accounts(std::slice::from_ref(&report));
                notices.accounts(std::slice::from_ref(&report));
            });
            let line = (id.to_owned(), code.to_string());
            assert_eq!(
                lines.iter().filter(|told| **told == line).count(),
                1,
                "{code}: {lines:?}"
            );
            // An event of something that happened is not proved by its code alone.
            if !code.remedy().starts_with("Nothing to do") {
                seen.insert(line.0);
            }
        }
        for event in Code::EVENTS.iter().copied() {
            assert!(
                seen.contains(event.leads().unwrap()),
                "{event} never occurs"
            );
        }
    }
}
