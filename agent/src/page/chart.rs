//! The link of the last days as a drawing and as a table that says the same.
//! Never colour alone: a day with a failure bears a cross, a rate its figure.
//! Called by `render`.

use std::fmt::Write;

use logic::health::stats::{DayStats, Stats};
use logic::language::Language;

use super::figure::{date, decimal, escape, month_day};
use super::words::words;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Space for the days' names below and the figures above.
const BELOW: f64 = 34.0;
const ABOVE: f64 = 40.0;

/// An SVG as part of the document.
pub(super) fn svg(language: Language, stats: &Stats) -> String {
    let words = words(language);
    let most = stats
        .days
        .iter()
        .filter_map(|day| day.rate)
        .fold(0.0, f64::max);
    let step = WIDTH / stats.days.len().max(1) as f64;
    let mut out = format!(
        "<svg viewBox=\"-16 0 {} {HEIGHT}\" role=\"img\" aria-labelledby=\"chart-title\">\
         <title id=\"chart-title\">{}</title>",
        // The names of the first and the last day stand out a little.
        WIDTH + 32.0,
        escape(words.chart)
    );
    let ground = HEIGHT - BELOW;
    let _ = write!(
        out,
        "<line class=\"ground\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{ground}\" y2=\"{ground}\"/>"
    );
    for (number, day) in stats.days.iter().enumerate() {
        let middle = (number as f64 + 0.5) * step;
        if let Some(rate) = day.rate {
            let tall = if most > 0.0 {
                (rate / most * (ground - ABOVE)).max(2.0)
            } else {
                2.0
            };
            let _ = write!(
                out,
                "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" rx=\"3\"/>\
                 <text class=\"figure\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
                middle - step * 0.36,
                ground - tall,
                step * 0.72,
                ground - tall - 6.0,
                figure(language, rate)
            );
        }
        if day.failed > 0 {
            let _ = write!(
                out,
                "<text class=\"cross\" x=\"{middle:.1}\" y=\"14\">✕</text>"
            );
        }
        // Every other day has room for its name on a phone; the last one, today, always has it.
        if (stats.days.len() - 1 - number).is_multiple_of(2) {
            let _ = write!(
                out,
                "<text class=\"day\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
                HEIGHT - 10.0,
                month_day(language, day.noon, stats.offset)
            );
        }
    }
    out + "</svg>"
}

/// The same for who cannot see it.
pub(super) fn table(language: Language, stats: &Stats) -> String {
    let words = words(language);
    let mut out = format!(
        "<table><caption>{}</caption><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        escape(words.chart),
        words.day,
        words.rate,
        words.runs,
        words.unfinished
    );
    for day in stats.days.iter().rev() {
        out += &row(language, day, stats.offset);
    }
    out + "</tbody></table>"
}

fn row(language: Language, day: &DayStats, offset: i64) -> String {
    let rate = day
        .rate
        .map_or_else(|| "–".into(), |rate| decimal(language, rate));
    format!(
        "<tr><th scope=\"row\">{}</th><td>{rate}</td><td>{}</td><td>{}</td></tr>",
        date(language, day.noon, offset),
        day.runs,
        day.failed
    )
}

/// Short enough for a bar.
fn figure(language: Language, rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}"),
        _ => decimal(language, rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::report::Report;
    use logic::words::SyncParams;

    #[test]
    fn a_day_has_a_bar_a_figure_and_a_cross() {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 1,
            box_id: "b".into(),
            tao_version: "v".into(),
        };
        let mut report = Report::new(&params, 1_795_500_000);
        report.connection.download_mbit_s = 12.5;
        report.outcome = logic::words::Outcome::Failed;
        let stats = Stats::of(&[report], 1_795_500_000, 0);
        let drawn = svg(Language::French, &stats);
        assert_eq!(drawn.matches("<rect").count(), 1);
        assert_eq!(drawn.matches("✕").count(), 1);
        assert!(drawn.contains(">12,5</text>") && drawn.contains(">24/11</text>"));
        let told = table(Language::English, &stats);
        assert!(told.contains(
            "<tr><th scope=\"row\">2026-11-24</th><td>12.5</td><td>1</td><td>1</td></tr>"
        ));
        assert_eq!(told.matches("<tr>").count(), 15);
    }
}
