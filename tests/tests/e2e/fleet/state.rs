//! States of a box as changes of what a healthy one pushes, each with the alert that it deserves.
//! Never a figure of its own beside them: everything else is the text of a real box.
//! Used by the tests of a fleet.

/// One sample: its name and labels as they stand before the figure.
#[derive(Debug, Clone)]
pub(super) struct FleetSample {
    pub(super) name: String,
    pub(super) labels: String,
    pub(super) figure: f64,
}

/// What a sample is in a state.
#[derive(Debug, Clone, Copy)]
pub(super) enum FleetChange {
    /// This figure.
    Is(f64),
    /// A time stamp so many seconds from now.
    In(i64),
}

/// Now in the tests of promtool, which begin at 0: 30 hours.
pub(super) const T0: i64 = 30 * 3600;

const NOT_READY: (&str, FleetChange) = (
    "boxsync_verdict{verdict=\"not_ready\"}",
    FleetChange::Is(1.0),
);
const NO_MORE: (&str, FleetChange) = ("boxsync_verdict{verdict=\"ready\"}", FleetChange::Is(0.0));
const NEXT: &str = "boxsync_next_period_start_timestamp_seconds";
const OLDEST: &str = "boxsync_owed_oldest_timestamp_seconds";
const FINISHED: &str = "boxsync_last_finished_timestamp_seconds";
const OFFSET: &str = "boxsync_clock_offset_seconds";
const FREE: &str = "boxsync_free_bytes";
const RESERVE: &str = "boxsync_reserve_bytes";

/// A state of a box: its name, what is changed, and the alert that fires.
type FleetState = (
    &'static str,
    &'static [(&'static str, FleetChange)],
    Option<&'static str>,
);

pub(super) const STATES: &[FleetState] = &[
    ("as it is", &[], None),
    (
        "not ready for tomorrow",
        &[NOT_READY, NO_MORE, (NEXT, FleetChange::In(86_400))],
        Some("BoxsyncNotReadyBeforeExam"),
    ),
    (
        "not ready, and ten days are left",
        &[NOT_READY, NO_MORE, (NEXT, FleetChange::In(864_000))],
        None,
    ),
    (
        "ready for tomorrow",
        &[(NEXT, FleetChange::In(86_400))],
        None,
    ),
    (
        "owes for a day",
        &[(OLDEST, FleetChange::In(-90_000))],
        Some("BoxsyncResultsOwed"),
    ),
    (
        "owes for an hour",
        &[(OLDEST, FleetChange::In(-3_600))],
        None,
    ),
    (
        "central refuses something",
        &[("boxsync_owed_refused", FleetChange::Is(1.0))],
        Some("BoxsyncResultsRefused"),
    ),
    (
        "silent",
        &[(FINISHED, FleetChange::In(-5_400))],
        Some("BoxsyncSilent"),
    ),
    (
        "between two runs",
        &[(FINISHED, FleetChange::In(-1_700))],
        None,
    ),
    (
        "its clock is ahead",
        &[(OFFSET, FleetChange::Is(400.0))],
        Some("BoxsyncClockOff"),
    ),
    (
        "its clock is behind",
        &[(OFFSET, FleetChange::Is(-400.0))],
        Some("BoxsyncClockOff"),
    ),
    (
        "its clock is near",
        &[(OFFSET, FleetChange::Is(-200.0))],
        None,
    ),
    (
        "less free than kept",
        &[
            (FREE, FleetChange::Is(5e8)),
            (RESERVE, FleetChange::Is(1e9)),
        ],
        Some("BoxsyncDiskShort"),
    ),
    (
        "full, and nothing is kept",
        &[
            (FREE, FleetChange::Is(5e7)),
            (RESERVE, FleetChange::Is(0.0)),
        ],
        Some("BoxsyncDiskShort"),
    ),
    (
        "an old version",
        &[("boxsync_version_supported", FleetChange::Is(0.0))],
        Some("BoxsyncVersionUnsupported"),
    ),
];

impl FleetSample {
    pub(super) fn new(name: &str, figure: f64) -> Self {
        let (name, labels) = match name.split_once('{') {
            Some((name, labels)) => (name, labels.trim_end_matches('}')),
            None => (name, ""),
        };
        Self {
            name: name.to_owned(),
            labels: labels.to_owned(),
            figure,
        }
    }

    /// As it stands before the figure.
    pub(super) fn key(&self) -> String {
        match self.labels.is_empty() {
            true => self.name.clone(),
            false => format!("{}{{{}}}", self.name, self.labels),
        }
    }

    /// The series that a server makes of it.
    pub(super) fn of(&self, instance: &str) -> String {
        let own = format!("job=\"boxsync\",instance=\"{instance}\"");
        match self.labels.is_empty() {
            true => format!("{}{{{own}}}", self.name),
            false => format!("{}{{{},{own}}}", self.name, self.labels),
        }
    }
}

/// The samples of a text.
pub(super) fn samples(text: &str) -> Vec<FleetSample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (key, figure) = line.rsplit_once(' ').unwrap();
        FleetSample::new(key, figure.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// What a box of this state says `to` by the clock of a test, of what a healthy one said `from` by the box's own.
pub(super) fn changed(
    of_box: &[FleetSample],
    from: i64,
    to: i64,
    changes: &[(&str, FleetChange)],
) -> Vec<FleetSample> {
    let mut told = of_box.to_vec();
    for sample in &mut told {
        if sample.name.ends_with("_timestamp_seconds") && sample.figure > 0.0 {
            sample.figure += (to - from) as f64;
        }
    }
    for (key, change) in changes {
        let figure = match change {
            FleetChange::Is(figure) => *figure,
            FleetChange::In(seconds) => (to + seconds) as f64,
        };
        match told.iter_mut().find(|sample| sample.key() == *key) {
            Some(sample) => sample.figure = figure,
            None => told.push(FleetSample::new(key, figure)),
        }
    }
    told
}
