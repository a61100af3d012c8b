//! Past synchronizations, each with its report to unfold.
//! Never more than fit a page: the command line tells all.
//! Called by `render`.

use logic::language::Language;
use logic::report::{EntityCount, Report};
use logic::words::Outcome;

use super::super::figure::{bytes, decimal, escape, moment, span};
use super::super::markup;
use super::super::words::{put, words};
use super::section;

/// So many are shown.
const SHOWN: usize = 20;

pub(super) fn history(language: Language, reports: &[Report], offset: i64) -> String {
    let words = words(language);
    if reports.is_empty() {
        let body = format!("<p>{}</p>", escape(words.history_none));
        return section("history", "", words.history, &body);
    }
    let shown = reports.iter().take(SHOWN);
    let mut body: String = shown.map(|one| report(language, one, offset)).collect();
    if reports.len() > SHOWN {
        body += &format!(
            "<p class=\"soft\">{}<code>boxsync history</code></p>",
            escape(words.history_more)
        );
    }
    section("history", "", words.history, &body)
}

fn report(language: Language, report: &Report, offset: i64) -> String {
    let words = words(language);
    let number = report.sync_id.to_string();
    let (class, sign) = match report.outcome {
        Outcome::Finished => ("pass", "✔"),
        Outcome::Offline => ("warn", "!"),
        _ => ("fail", "✖"),
    };
    let mut out = format!(
        "<details id=\"run-{number}\" class=\"{class}\"><summary>{}{} {} <b><span aria-hidden=\"true\">{sign} </span>{}</b></summary>",
        escape(&put(words.run, &[&number])),
        super::colon(language),
        escape(&moment(language, report.started_at, offset)),
        words.outcome(report.outcome)
    );
    out += &format!(
        "<table><caption>{}</caption><tbody>",
        escape(&put(words.report, &[&number]))
    );
    for (name, text) in rows(language, report, offset) {
        out += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            escape(name),
            escape(&text)
        );
    }
    out += "</tbody></table>";
    if !report.findings.is_empty() {
        out += &format!("<h3>{}</h3><ul>", escape(words.went_wrong));
        for finding in &report.findings {
            out += &format!(
                "<li>{} <code>{}</code></li>",
                markup::cause(language, Some(&finding.code), &finding.cause),
                escape(finding.code.as_str())
            );
        }
        out += "</ul>";
    }
    out + "</details>"
}

fn rows(language: Language, report: &Report, offset: i64) -> Vec<(&'static str, String)> {
    let words = words(language);
    let mut entities = [0; 5];
    for count in report.entities.values() {
        let counts = [
            count.created,
            count.updated,
            count.deleted,
            count.held_back,
            count.failed,
        ];
        for (sum, count) in entities.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let (packages, results, link) = (&report.packages, &report.results, &report.connection);
    let lasted = u64::try_from(report.finished_at - report.started_at).unwrap_or(0);
    let mut rows = vec![
        (words.began, moment(language, report.started_at, offset)),
        (words.lasted, span(language, lasted)),
        (words.entities_run, counts(words.entity_counts, &entities)),
        (
            words.packages,
            counts(
                words.package_counts,
                &[packages.downloaded, packages.unchanged, packages.failed],
            ),
        ),
        (
            words.results_run,
            counts(
                words.results_counts,
                &[
                    results.acknowledged,
                    results.refused,
                    results.unconfirmed,
                    results.queued,
                ],
            ),
        ),
        (
            words.traffic,
            put(
                words.received,
                &[
                    &bytes(language, link.bytes_received),
                    &bytes(language, link.bytes_sent),
                ],
            ),
        ),
    ];
    let by_type = |count: fn(&EntityCount) -> u64| {
        let counts = report.entities.iter();
        let counts = counts.map(|(word, each)| (word.clone(), count(each)));
        super::rows::by_type(&counts.filter(|(_, count)| *count > 0).collect::<Vec<_>>())
    };
    for (name, told) in [
        (words.hidden_run, by_type(|count| count.deleted)),
        (words.held_back_run, by_type(|count| count.held_back)),
    ] {
        if !told.is_empty() {
            rows.push((name, told));
        }
    }
    if link.download_mbit_s > 0.0 || link.upload_mbit_s > 0.0 {
        let rate = |rate: f64| match rate > 0.0 {
            true => decimal(language, rate),
            false => "–".to_owned(),
        };
        let (down, up) = (rate(link.download_mbit_s), rate(link.upload_mbit_s));
        rows.push((words.link, put(words.link_rate, &[&down, &up])));
    }
    rows
}

fn counts(text: &str, counts: &[u64]) -> String {
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    let counts: Vec<&str> = counts.iter().map(String::as_str).collect();
    put(text, &counts)
}
