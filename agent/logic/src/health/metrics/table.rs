//! The table of figures: name, type, labels, meaning, and where each comes from.
//! Never a name of a person or a URI in a label: organisations, types, states, outcomes and versions alone.
//! Called by `metrics`, which writes them, and by its document.

use super::{DaemonFigures, MetricFamily, MetricKind, MetricSample, MetricsInput};
use crate::copies::CopyStanding;
use crate::entity::EntityType;
use crate::health::OrganisationVerdict;
use crate::health::verdict::{BoxStanding, OwedCounts, Verdict, Word};

/// A gauge.
const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    of: fn(&MetricsInput) -> Vec<MetricSample>,
) -> MetricFamily {
    MetricFamily {
        name,
        kind: MetricKind::Gauge,
        labels,
        help,
        of,
        fleet: false,
    }
}

impl MetricFamily {
    /// The same, and a fleet is watched by it: it is pushed.
    const fn pushed(mut self) -> Self {
        self.fleet = true;
        self
    }
}

/// Where the folder of the box was read to its end; figures of one that was not would be zeros that nobody counted.
fn read<'a>(sample: &MetricsInput<'a>) -> Option<&'a BoxStanding> {
    sample.standing.filter(|standing| standing.owed.is_some())
}

fn one(value: Option<f64>) -> Vec<MetricSample> {
    value
        .map(|value| MetricSample(Vec::new(), value))
        .into_iter()
        .collect()
}

/// A figure of the box.
fn of_box(
    sample: &MetricsInput,
    figure: impl Fn(&BoxStanding) -> Option<f64>,
) -> Vec<MetricSample> {
    one(read(sample).and_then(figure))
}

/// A figure of what is owed.
fn of_owed(sample: &MetricsInput, figure: impl Fn(&OwedCounts) -> f64) -> Vec<MetricSample> {
    of_box(sample, |standing| standing.owed.as_ref().map(&figure))
}

/// A figure of second copies.
fn of_copies(sample: &MetricsInput, figure: fn(&CopyStanding, i64) -> f64) -> Vec<MetricSample> {
    let standing = sample.standing;
    one(standing.and_then(|it| Some(figure(it.copies.as_ref()?, it.now))))
}

/// A figure of the daemon.
fn of_daemon(sample: &MetricsInput, figure: impl Fn(&DaemonFigures) -> f64) -> Vec<MetricSample> {
    one(sample.daemon.map(figure))
}

fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

/// A number of each type, those that nobody counted as 0, so that one that is over goes back.
fn by_type(
    sample: &MetricsInput,
    counts: impl Fn(&BoxStanding) -> &Vec<(String, u64)>,
) -> Vec<MetricSample> {
    let Some(standing) = read(sample) else {
        return Vec::new();
    };
    let counts = counts(standing);
    let count = |kind: EntityType| {
        let found = counts.iter().find(|(word, _)| word == kind.word());
        found.map_or(0, |(_, count)| *count)
    };
    let line = |kind: EntityType| MetricSample(vec![kind.word().to_owned()], count(kind) as f64);
    EntityType::ALL.into_iter().map(line).collect()
}

fn ready(sample: &MetricsInput) -> Vec<MetricSample> {
    let Some(standing) = sample.standing else {
        return Vec::new();
    };
    let organisation = standing.organisation.clone();
    let organisation = organisation.unwrap_or_else(|| standing.catalogue.organisation.clone());
    if !standing.organisations.is_empty() {
        let each = standing.organisations.iter();
        let line = |one: &OrganisationVerdict| {
            let ready = flag(one.verdict != Word::NotReady);
            MetricSample(vec![one.organisation_id.clone()], ready)
        };
        return each.map(line).collect();
    }
    let ready = Verdict::of(standing).word != Word::NotReady;
    vec![MetricSample(vec![organisation], flag(ready))]
}

fn verdict(sample: &MetricsInput) -> Vec<MetricSample> {
    let Some(standing) = sample.standing else {
        return Vec::new();
    };
    let is = Verdict::of(standing).word;
    let words = [Word::Ready, Word::ReadyBut, Word::NotReady];
    let line = |word: Word| MetricSample(vec![word.word().to_owned()], flag(word == is));
    words.into_iter().map(line).collect()
}

fn owed_items(sample: &MetricsInput) -> Vec<MetricSample> {
    let Some(standing) = read(sample) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (kind, owed) in &standing.counted.owed {
        for (state, count) in [
            ("queued", owed.queued.saturating_sub(owed.waiting)),
            ("waiting", owed.waiting),
            ("unconfirmed", owed.unconfirmed),
            ("refused", owed.refused),
            ("set_aside", owed.set_aside),
            ("open", owed.open),
            ("held", owed.held),
            ("carried", owed.carried),
        ] {
            lines.push(MetricSample(
                vec![kind.clone(), state.to_owned()],
                count as f64,
            ));
        }
    }
    lines
}

/// The states together are the deliveries of the catalogue.
fn packages(sample: &MetricsInput) -> Vec<MetricSample> {
    let Some(stock) = read(sample).map(|standing| standing.packages) else {
        return Vec::new();
    };
    let awaited = stock.unknown + stock.sized;
    let absent = stock.absent.min(awaited);
    let line = |(state, count): (&str, u64)| MetricSample(vec![state.to_owned()], count as f64);
    let states = [
        ("held", stock.held),
        ("coming", stock.coming),
        ("awaited", awaited - absent),
        ("absent", absent),
        ("broken", stock.broken),
        ("unsupported", stock.unsupported),
        ("cached", stock.cached),
    ];
    states.into_iter().map(line).collect()
}

fn runs(sample: &MetricsInput) -> Vec<MetricSample> {
    let ended = sample.daemon.map_or(&[][..], |daemon| &daemon.ended);
    let line =
        |(outcome, count): &(&str, u64)| MetricSample(vec![(*outcome).to_owned()], *count as f64);
    ended.iter().map(line).collect()
}

/// Every figure there is.
#[rustfmt::skip]
pub(super) const FAMILIES: &[MetricFamily] = &[
    gauge("boxsync_ready", &["organisation"],
        "Whether an exam can run, by the verdict of status and page.", ready).pushed(),
    gauge("boxsync_verdict", &["verdict"],
        "The verdict: 1 for the one of ready, ready_but and not_ready that it is.", verdict).pushed(),
    gauge("boxsync_last_contact_timestamp_seconds", &[],
        "When central last answered, by the clock of the box.",
        |s| of_box(s, |b| b.contact.map(|at| at as f64))).pushed(),
    gauge("boxsync_last_run_timestamp_seconds", &[],
        "When the last synchronization that went well ended, by the clock of the box.",
        |s| of_box(s, |b| b.counted.went_well_at.map(|at| at as f64))).pushed(),
    gauge("boxsync_last_finished_timestamp_seconds", &[],
        "When the last synchronization ended, however it went, by the clock of the box.",
        |s| of_box(s, |b| b.last.as_ref().map(|last| last.finished_at as f64))).pushed(),
    gauge("boxsync_owed_items", &["kind", "state"],
        "Items of candidates that central does not have for certain: queued, held up by central (waiting), sent without \
         an answer (unconfirmed), refused by central, set aside by a person.", owed_items).pushed(),
    gauge("boxsync_uncopied_items", &[],
        "Items that are owed and have no second copy, where second copies are configured.", |s| of_copies(s, |copies, _| {
            copies.owed.saturating_sub(copies.copied) as f64
        })).pushed(),
    gauge("boxsync_oldest_uncopied_age_seconds", &[],
        "How long the oldest of them waits for its copy; 0 where there is none.", |s| of_copies(s, |copies, now| {
            copies.oldest_at.map_or(0.0, |at| (now - at).max(0) as f64)
        })),
    gauge("boxsync_oldest_owed_age_seconds", &[],
        "How long the oldest item has been here that is queued or unconfirmed; 0 when nothing is.",
        |s| of_box(s, |b| b.owed.map(|owed| match owed.oldest_at {
            0 => 0.0,
            at => (b.now - at).max(0) as f64,
        }))),
    gauge("boxsync_lost_items", &[],
        "Items of candidates that do not open any more and that nobody has handed over again.",
        |s| of_box(s, |b| Some(b.lost.len() as f64))).pushed(),
    gauge("boxsync_packages", &["state"],
        "Test packages of the deliveries of the catalogue: whole (held), begun (coming), not begun (awaited), not on \
         central (absent), damaged on central (broken), with a member that cannot be checked (unsupported), another \
         one's from a cache (cached).", packages).pushed(),
    gauge("boxsync_packages_damaged", &[],
        "Test packages that were whole, and were found damaged later.",
        |s| of_box(s, |b| Some(b.packages.damaged as f64))).pushed(),
    gauge("boxsync_package_bytes_left", &[],
        "Bytes still to come of the test packages that were begun.",
        |s| of_box(s, |b| Some(b.packages.bytes_left as f64))).pushed(),
    gauge("boxsync_packages_held", &[],
        "Test packages that are whole.",
        |s| of_box(s, |b| Some(b.packages.held as f64))),
    gauge("boxsync_packages_wanted", &[],
        "Deliveries in the catalogue.",
        |s| of_box(s, |b| Some(b.packages.wanted as f64))),
    gauge("boxsync_enrolled", &[],
        "Whether the box has credentials.",
        |s| of_box(s, |b| Some(flag(b.enrolled)))).pushed(),
    gauge("boxsync_generation", &[],
        "Generation of the catalogue.",
        |s| of_box(s, |b| Some(b.counted.generation as f64))),
    gauge("boxsync_complete_timestamp_seconds", &[],
        "When the catalogue was last complete, by the clock of the box.",
        |s| of_box(s, |b| b.catalogue.complete_at.map(|at| at as f64))).pushed(),
    gauge("boxsync_entities", &["type"],
        "Entities in the catalogue.", |s| by_type(s, |b| &b.catalogue.entities)),
    gauge("boxsync_entities_held_back", &["type"],
        "Entities that central no longer names, kept until it is sure.", |s| by_type(s, |b| &b.catalogue.kept)),
    gauge("boxsync_entities_hidden", &["type"],
        "Entities that central no longer names, hidden and kept for a while.", |s| by_type(s, |b| &b.catalogue.hidden)),
    gauge("boxsync_entities_contradicted", &[],
        "Entities kept as they are, since central takes back within hours what it says.",
        |s| of_box(s, |b| Some(b.catalogue.contradicted as f64))),
    gauge("boxsync_free_bytes", &[],
        "Free on the volume of the state folder.",
        |s| of_box(s, |b| b.disk.map(|(free, _)| free as f64))).pushed(),
    gauge("boxsync_reserve_bytes", &[],
        "What packages leave free for results on that volume.",
        |s| of_box(s, |b| b.disk.map(|(_, reserve)| reserve as f64))).pushed(),
    gauge("boxsync_last_download_mbit", &[],
        "Mbit/s towards the box in the last run.",
        |s| of_box(s, |b| b.counted.last.map(|last| last.download_mbit))).pushed(),
    gauge("boxsync_next_period_start_timestamp_seconds", &[],
        "When the next period begins of a delivery that is shown (PeriodStart); absent where none is ahead.",
        |s| of_box(s, |b| b.counted.next_start.map(|at| at as f64))).pushed(),
    gauge("boxsync_interval_seconds", &[],
        "From one synchronization to the next, as configured.", |s| one(s.interval)).pushed(),
    gauge("boxsync_clock_offset_seconds", &[],
        "How far the system clock is ahead of the time that central vouched for; absent until it has.",
        |s| of_box(s, |b| b.counted.clock_offset.map(|by| by as f64))).pushed(),
    gauge("boxsync_version_supported", &[],
        "Whether central supports the VM version of the box; absent until it was asked.",
        |s| of_box(s, |b| b.supported.map(flag))).pushed(),
    gauge("boxsync_owed_waiting", &[],
        "Items that central holds up.", |s| of_owed(s, |owed| owed.waiting as f64)),
    gauge("boxsync_owed_refused", &[],
        "Items that central refused and that are kept.", |s| of_owed(s, |owed| owed.refused as f64)).pushed(),
    gauge("boxsync_owed_set_aside", &[],
        "Items that a person keeps out of the way.", |s| of_owed(s, |owed| owed.set_aside as f64)),
    gauge("boxsync_owed_oldest_timestamp_seconds", &[],
        "When the oldest item came that central does not have, by the clock of the box; 0 when nothing is owed.",
        |s| of_owed(s, |owed| owed.oldest_at as f64)).pushed(),
    gauge("boxsync_owed_carried_timestamp_seconds", &[],
        "When the first item was handed over that central does not have, by the clock of the box; 0 when there is none.",
        |s| of_owed(s, |owed| owed.carried_at as f64)),
    gauge("boxsync_results_queued", &[],
        "Results that central did not have after the last run.",
        |s| of_box(s, |b| b.counted.last.map(|last| last.queued as f64))),
    gauge("boxsync_results_unconfirmed", &[],
        "Results of which nobody knew after the last run whether central has them.",
        |s| of_box(s, |b| b.counted.last.map(|last| last.unconfirmed as f64))),
    gauge("boxsync_results_refused", &[],
        "Results that central refused in the last run.",
        |s| of_box(s, |b| b.counted.last.map(|last| last.refused as f64))),
    gauge("boxsync_uptime_seconds", &[],
        "Since the daemon started.", |s| of_daemon(s, |daemon| daemon.up)),
    gauge("boxsync_synchronizing", &[],
        "Whether a run is under way.", |s| of_daemon(s, |daemon| flag(daemon.running))),
    gauge("boxsync_offline_tries", &[],
        "Tries since central could last be used.", |s| of_daemon(s, |daemon| f64::from(daemon.offline_tries))).pushed(),
    gauge("boxsync_breaker_open", &[],
        "Whether only a probe now and then tries central.", |s| of_daemon(s, |daemon| flag(daemon.breaker_open))),
    MetricFamily {
        name: "boxsync_runs_total",
        kind: MetricKind::Counter,
        labels: &["outcome"],
        help: "Runs ended since the daemon started.",
        of: runs,
        fleet: true,
    },
    gauge("boxsync_build_info", &["version"],
        "Which boxsync this is; always 1.", |s| vec![MetricSample(vec![s.version.to_owned()], 1.0)]).pushed(),
    MetricFamily {
        name: "boxsync_info",
        kind: MetricKind::Info,
        labels: &["version"],
        help: "The same under its earlier name.",
        of: |s| vec![MetricSample(vec![s.version.to_owned()], 1.0)],
        fleet: false,
    },
];
