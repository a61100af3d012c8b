//! The figures of the box as Prometheus takes them: classic text, or OpenMetrics for who asks for it.
//! Never judges (`verdict` does), and never writes a value from outside unescaped.
//! Called by the route `metrics`, and by whoever keeps the file of node_exporter's textfile collector.

mod accept;
mod table;

use std::fmt::Write;

use super::verdict::BoxStanding;
use crate::intake::ItemKind;

/// What the figures are taken from.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricsInput<'a> {
    /// Where the box stands; `None` where nobody could look in time.
    pub standing: Option<&'a BoxStanding>,
    /// What only the daemon knows; `None` without one.
    pub daemon: Option<&'a DaemonFigures>,
    /// Version of this boxsync.
    pub version: &'a str,
    /// Seconds from one synchronization to the next; `None` without a configuration.
    pub interval: Option<f64>,
}

/// How the daemon stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DaemonFigures {
    /// Seconds since it started.
    pub up: f64,
    /// A run is under way.
    pub running: bool,
    /// Tries since central could last be used.
    pub offline_tries: u32,
    /// Only a probe now and then tries central.
    pub breaker_open: bool,
    /// Runs ended since it started, by outcome.
    pub ended: Vec<(&'static str, u64)>,
}

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// The text format of Prometheus, version 0.0.4 (prometheus.io, "Exposition formats").
    Text,
    /// OpenMetrics 1.0.0 (draft-richih-opsawg-openmetrics-00).
    OpenMetrics,
}

impl MetricsFormat {
    /// The media type of an answer.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What somebody gets who sent these values of `Accept` (RFC 9110, section 12.5.1): OpenMetrics when it is named and
    /// nothing is liked better, else classic text.
    pub fn accepted(values: &[&str]) -> Self {
        accept::form(values)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MetricKind {
    Gauge,
    Counter,
    /// A constant 1 whose labels tell something.
    Info,
}

/// One row of the table.
struct MetricFamily {
    /// The name of its samples.
    name: &'static str,
    kind: MetricKind,
    /// Names of its labels, in order.
    labels: &'static [&'static str],
    help: &'static str,
    /// Its samples; none where nothing is known.
    of: fn(&MetricsInput) -> Vec<MetricSample>,
    /// A fleet is watched by it: it is pushed.
    fleet: bool,
}

/// One sample: the values of the labels, and the figure.
struct MetricSample(Vec<String>, f64);

/// Most series that a box pushes: a server that watches thousands of boxes keeps each of them. Two more are the
/// Pushgateway's own.
pub const MOST_PUSHED: usize = 58;
/// So many organisations of a box are pushed, those that are not ready first.
const ORGANISATIONS: usize = 12;

/// The figures that a fleet is watched by, as a Pushgateway takes them: without time stamps of samples, which it refuses.
pub fn pushed(sample: &MetricsInput) -> String {
    let mut text = String::new();
    for family in table::FAMILIES.iter().filter(|family| family.fleet) {
        let mut lines = (family.of)(sample);
        match family.name {
            // Results are what an exam leaves; the other kinds stand in the file and at the socket.
            "boxsync_owed_items" => lines.retain(|line| line.0[0] == ItemKind::Results.word()),
            "boxsync_ready" => {
                lines.sort_by(|a, b| a.1.total_cmp(&b.1));
                lines.truncate(ORGANISATIONS);
            }
            _ => {}
        }
        family.write(&lines, MetricsFormat::Text, &mut text);
    }
    text
}

/// The figures of a sample as text.
pub fn render(sample: &MetricsInput, form: MetricsFormat) -> String {
    let mut text = String::new();
    for family in table::FAMILIES {
        family.write(&(family.of)(sample), form, &mut text);
    }
    if form == MetricsFormat::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

impl MetricFamily {
    /// OpenMetrics names a counter without its suffix, and an info without its own.
    fn name_in(&self, form: MetricsFormat) -> &'static str {
        let suffix = match (form, self.kind) {
            (MetricsFormat::OpenMetrics, MetricKind::Counter) => "_total",
            (MetricsFormat::OpenMetrics, MetricKind::Info) => "_info",
            _ => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// Classic text has no type for an info.
    fn kind_in(&self, form: MetricsFormat) -> &'static str {
        match (self.kind, form) {
            (MetricKind::Counter, _) => "counter",
            (MetricKind::Info, MetricsFormat::OpenMetrics) => "info",
            (MetricKind::Gauge | MetricKind::Info, _) => "gauge",
        }
    }

    /// The base unit that the name ends in.
    fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| {
            let rest = self.name.strip_suffix(unit);
            rest.is_some_and(|rest| rest.ends_with('_'))
        })
    }

    /// Head and samples, where there are any.
    fn write(&self, lines: &[MetricSample], form: MetricsFormat, text: &mut String) {
        if !lines.is_empty() {
            self.head(form, text);
        }
        for line in lines {
            self.line(line, text);
        }
    }

    fn head(&self, form: MetricsFormat, text: &mut String) {
        let (name, kind) = (self.name_in(form), self.kind_in(form));
        let help = match form {
            MetricsFormat::Text => escaped(self.help, false),
            MetricsFormat::OpenMetrics => escaped(self.help, true),
        };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        if let (MetricsFormat::OpenMetrics, Some(unit)) = (form, self.unit()) {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }

    fn line(&self, MetricSample(values, figure): &MetricSample, text: &mut String) {
        text.push_str(self.name);
        let pairs = self.labels.iter().zip(values);
        let pairs: Vec<String> = pairs
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value, true)))
            .collect();
        if !pairs.is_empty() {
            let _ = write!(text, "{{{}}}", pairs.join(","));
        }
        let _ = writeln!(text, " {figure}");
    }
}

/// Backslashes and line feeds end no line, quotes no value.
fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out
}

/// The table as `docs/metrics.md` shows it.
pub fn document() -> String {
    let mut text =
        String::from("| Name | Type | Labels | Pushed | Meaning |\n|---|---|---|---|---|\n");
    for family in table::FAMILIES {
        let labels = family.labels.iter().map(|label| format!("`{label}`"));
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            family.name,
            family.kind_in(MetricsFormat::Text),
            labels.collect::<Vec<_>>().join(", "),
            if family.fleet { "yes" } else { "" },
            family.help
        );
    }
    text
}

#[cfg(test)]
mod tests;
