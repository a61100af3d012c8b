//! Which form of the figures somebody gets, from the header field `Accept` (RFC 9110, section 12.5.1).
//! Never refuses: who accepts neither gets classic text, which every collector reads.
//! Called by `MetricsFormat::accepted`.

use super::MetricsFormat;

/// Versions of OpenMetrics that what is written fits; a range without one takes any.
const OPENMETRICS: [&str; 2] = ["1.0.0", "0.0.1"];
/// The same of classic text.
const TEXT: [&str; 1] = ["0.0.4"];

/// One range of media types with its weight, from 0 to 1.
struct MediaRange {
    name: String,
    version: Option<String>,
    weight: f32,
}

pub(super) fn form(values: &[&str]) -> MetricsFormat {
    let ranges: Vec<MediaRange> = values
        .iter()
        .flat_map(|value| split(value, ','))
        .filter_map(range)
        .collect();
    let weight = |name: &str, versions: &[&str]| {
        let fits = |range: &&MediaRange| {
            let version = range.version.as_deref();
            range.name == name && version.is_none_or(|version| versions.contains(&version))
        };
        let weights = ranges.iter().filter(fits).map(|range| range.weight);
        weights.reduce(f32::max)
    };
    let openmetrics = weight("application/openmetrics-text", &OPENMETRICS).unwrap_or(0.0);
    // The most specific range counts.
    let text = weight("text/plain", &TEXT)
        .or_else(|| weight("text/*", &[]))
        .or_else(|| weight("*/*", &[]));
    match openmetrics > 0.0 && openmetrics >= text.unwrap_or(0.0) {
        true => MetricsFormat::OpenMetrics,
        false => MetricsFormat::Text,
    }
}

/// `type/subtype;version=1.0.0;q=0.5`; what is malformed says nothing.
fn range(text: &str) -> Option<MediaRange> {
    let mut parts = split(text, ';').into_iter().map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let (mut version, mut weight) = (None, 1.0);
    for part in parts {
        let (key, value) = part.split_once('=')?;
        match key.trim().to_ascii_lowercase().as_str() {
            "q" => {
                let read = value.trim().parse().ok();
                weight = read.filter(|weight| (0.0..=1.0).contains(weight))?;
            }
            "version" => version = Some(value.trim().trim_matches('"').to_owned()),
            _ => {}
        }
    }
    Some(MediaRange {
        name,
        version,
        weight,
    })
}

/// Parts between separators that stand outside of quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let splits = c == separator && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        splits
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_comes_only_where_it_is_asked_for() {
        let asked = [
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=1.0.0",
            "application/openmetrics-text;version=\"1.0.0\";charset=utf-8",
            // Prometheus 2.42.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/plain;q=0.5, application/openmetrics-text;q=0.5",
            "text/plain;note=\"a, b;q=1\";q=0.2, application/openmetrics-text;q=0.3",
            "text/plain;version=1.0.0, application/openmetrics-text;q=0.1",
            "*/*;q=0.1, application/openmetrics-text;q=0.2",
        ];
        for accept in asked {
            assert_eq!(form(&[accept]), MetricsFormat::OpenMetrics, "{accept}");
        }
        let not = [
            "",
            "*/*",
            "text/plain",
            "text/*, application/*",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.5, text/plain",
            "application/openmetrics-text;q=0.5, text/*",
            "application/openmetrics-text;q=0.5, */*;q=0.9",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=nan",
            "x=\"application/openmetrics-text, \"",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            "image/png",
        ];
        for accept in not {
            assert_eq!(form(&[accept]), MetricsFormat::Text, "{accept}");
        }
        assert_eq!(form(&[]), MetricsFormat::Text);
        let lines = ["text/plain;q=0.1", "application/openmetrics-text"];
        assert_eq!(form(&lines), MetricsFormat::OpenMetrics);
    }
}
