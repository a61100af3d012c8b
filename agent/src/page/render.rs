//! The document and the words of the progress, from what is known: the same values give the same page.
//! Never puts a text into the document unescaped, and never tells the delivery or a person by name.
//! Called by `page`.

use logic::health::stats::Stats;
use logic::health::verdict::{BoxStanding, is_mended_by_a_run};
use logic::health::{CheckStatus, OrganisationVerdict};
use logic::language::Language;
use logic::package::order::OrdersInForce;
use logic::package_lane::Waiting;
use logic::phrase::{self, remedy, title};
use serde::Serialize;

use super::chart;
use super::figure::{bytes, decimal, escape, moment, span};
use super::markup::{self, html};
use super::words::{put, words};
use crate::socket::sample::{BoxView, Examined};
use crate::socket::state::RunProgress;
use rows::{packages, rows};

mod coming;
mod past;
mod rows;

const DOCUMENT: &str = include_str!("document.html");

/// Everything that is shown.
pub(super) struct PageView<'a> {
    /// Where the box stands; `None` before the first look.
    pub(super) box_view: Option<&'a BoxView>,
    /// What doctor found; `None` before the first time.
    pub(super) findings: Option<&'a [Examined]>,
    /// The run under way.
    pub(super) running: Option<&'a RunProgress>,
    /// Seconds until the next one.
    pub(super) next: Option<u64>,
    /// What holds up the packages.
    pub(super) waiting: Option<Waiting>,
    /// What a person has ordered of the downloads.
    pub(super) orders: OrdersInForce,
    /// Seconds by which local time is ahead of UTC.
    pub(super) offset: i64,
    /// Number of this state.
    pub(super) stamp: u64,
}

/// The words of the progress.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Live {
    /// What is being done, or that nothing is.
    doing: String,
    /// How much was done.
    counts: String,
    /// How far the package under way is.
    part: String,
    /// The same in thousandths; `None` without a package under way.
    value: Option<u64>,
}

/// The progress in words.
pub(super) fn live(
    language: Language,
    running: Option<&RunProgress>,
    next: Option<u64>,
    waiting: Option<Waiting>,
) -> Live {
    let words = words(language);
    let Some(running) = running else {
        let mut doing = words.idle.to_owned();
        if let Some(next) = next {
            doing.push(' ');
            // Whole minutes: a screen reader is told when it changes.
            let next = if next < 60 { next } else { next / 60 * 60 };
            doing += &put(words.next, &[&span(language, next)]);
        }
        if let Some(waiting) = waiting {
            let what = phrase::text(language, None, waiting.reason.words());
            doing += &format!(" {}", put(words.packages_wait, &[&what]));
        }
        return Live {
            doing,
            counts: String::new(),
            part: String::new(),
            value: None,
        };
    };
    let progress = &running.progress;
    let mut doing = words.running.to_owned();
    if !progress.doing.is_empty() {
        doing += &format!(": {}", phrase::text(language, None, &progress.doing));
        if language == Language::French {
            doing = doing.replacen(": ", "\u{a0}: ", 1);
        }
    }
    if let Some(why) = &progress.waits {
        let why = phrase::text(language, None, why);
        doing += &format!(" ({})", put(words.waits, &[&why]));
    }
    doing.push('.');
    let mut counts = Vec::new();
    if progress.entities > 0 {
        counts.push(put(words.compared, &[&progress.entities.to_string()]));
    }
    let (done, wanted) = progress.packages;
    if wanted > 0 {
        let (done, wanted) = (done.to_string(), wanted.to_string());
        counts.push(put(words.packages_done, &[&done, &wanted]));
    }
    let package = progress.package.as_ref().filter(|one| one.size > 0);
    Live {
        doing,
        counts: counts.join(" "),
        part: package.map_or_else(String::new, |package| {
            let (have, size) = (
                bytes(language, package.bytes),
                bytes(language, package.size),
            );
            put(words.package_done, &[&have, &size])
        }),
        value: package.map(|package| (package.bytes.saturating_mul(1000) / package.size).min(1000)),
    }
}

/// The whole document.
pub(super) fn page(language: Language, view: &PageView, nonce: &str) -> String {
    let words = words(language);
    let box_id = view
        .box_view
        .and_then(|box_view| box_view.box_id.as_deref());
    let box_id = box_id.map_or_else(String::new, |id| {
        format!(
            "<p class=\"soft\">{} <code>{}</code></p>",
            words.box_id,
            escape(id)
        )
    });
    let foot = put(words.foot, &[env!("CARGO_PKG_VERSION")]);
    let values = [
        ("lang", language.tag().to_owned()),
        ("title", escape(words.title)),
        ("nonce", escape(nonce)),
        ("stamp", view.stamp.to_string()),
        ("skip", escape(words.skip)),
        ("box", box_id),
        ("lost", escape(words.lost)),
        ("main", main(language, view)),
        ("foot", escape(&foot)),
    ];
    // One pass over the document: what a value holds is never taken for a place.
    let mut out = String::with_capacity(DOCUMENT.len() + (32 << 10));
    let mut rest = DOCUMENT;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            out.push_str(value);
        }
        rest = after;
    }
    out + rest
}

fn main(language: Language, view: &PageView) -> String {
    let words = words(language);
    let Some(box_view) = view.box_view else {
        return section(
            "verdict",
            "verdict",
            words.question,
            &format!("<p class=\"word\">{}</p>", escape(words.looking)),
        ) + &now(language, view);
    };
    let stats = Stats::of(&box_view.reports, box_view.standing.now, view.offset);
    verdict(language, box_view, view.running.is_some(), view.offset)
        + &now(language, view)
        + &holdings(language, &box_view.standing, view)
        + &doctor(language, view.findings)
        + &link(language, &stats)
        + &past::history(language, &box_view.reports, view.offset)
}

fn section(id: &str, class: &str, title: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\" class=\"{class}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{}</h2>{body}</section>\n",
        escape(title)
    )
}

fn verdict(language: Language, box_view: &BoxView, runs: bool, offset: i64) -> String {
    let words = words(language);
    let verdict = box_view.verdict();
    let sign = match verdict.word {
        logic::health::Word::Ready => "✔",
        logic::health::Word::ReadyBut => "!",
        logic::health::Word::NotReady => "✖",
    };
    // What a reason may carry is the end of the last run.
    let last = box_view.standing.last.as_ref().map(|last| &last.code);
    let about = match (&box_view.standing.trouble, last) {
        (Some(told), _) => Some(&told.code),
        (None, last) => last,
    };
    let mut body = format!(
        "<div role=\"status\"><p class=\"word\"><span aria-hidden=\"true\">{sign} </span>{}</p><p class=\"reason\">{}</p>",
        escape(words.verdict(verdict.word)),
        markup::cause(language, about, &verdict.reason)
    );
    if !verdict.also.is_empty() {
        let also = verdict
            .also
            .iter()
            .map(|cause| markup::cause(language, about, cause));
        body += &list("", also);
    }
    body += "</div>";
    let each = &box_view.standing.organisations;
    if !each.is_empty() {
        body += &list(
            "found",
            each.iter().map(|one| organisation(language, one, offset)),
        );
    }
    if verdict.word != logic::health::Word::Ready {
        let cause = verdict.cause(&box_view.standing);
        let remedy = match runs && is_mended_by_a_run(&cause, &box_view.standing.packages) {
            true => escape(words.let_it_run),
            false => remedied(&escape(&remedy(language, &cause))),
        };
        body += &format!(
            "<div class=\"remedy\"><h3>{}</h3><p>{remedy}</p><p class=\"soft\">{} <code>boxsync doctor explain {}</code></p></div>",
            words.to_do,
            words.more,
            escape(cause.as_str())
        );
    }
    let class = format!("verdict {}", verdict.word.word());
    section("verdict", &class, words.question, &body)
}

/// How the box stands for one of its organisations.
fn organisation(language: Language, one: &OrganisationVerdict, offset: i64) -> String {
    let words = words(language);
    let word = words.verdict(one.verdict);
    let name = put(words.of_organisation, &[&one.organisation_id, word]);
    let why = markup::cause(language, Some(&one.finding.code), &one.finding.cause);
    let there = one
        .ready_at
        .map(|at| put(words.ready_at, &[&moment(language, at, offset)]));
    let there = there.map_or_else(String::new, |at| format!(", {}", escape(&at)));
    format!("<b>{}</b> {why}{there}", escape(&name))
}

/// Commands between backticks, of a text that is HTML already.
fn remedied(html: &str) -> String {
    let mut out = String::new();
    for (number, part) in html.split('`').enumerate() {
        if number % 2 == 1 {
            out += &format!("<code>{part}</code>");
        } else {
            out += part;
        }
    }
    out
}

fn list(class: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<li>{item}</li>")).collect();
    match class {
        "" => format!("<ul>{items}</ul>"),
        _ => format!("<ul class=\"{class}\">{items}</ul>"),
    }
}

fn now(language: Language, view: &PageView) -> String {
    let words = words(language);
    let live = live(language, view.running, view.next, view.waiting);
    let (hidden, value) = match live.value {
        Some(value) => ("", value),
        None => (" hidden", 0),
    };
    let body = format!(
        "<div aria-live=\"polite\"><p id=\"doing\">{}</p></div><p id=\"counts\">{}</p>\
         <progress id=\"progress\" max=\"1000\" value=\"{value}\" aria-label=\"{}\"{hidden}></progress><p id=\"part\" class=\"soft\">{}</p>",
        escape(&live.doing),
        escape(&live.counts),
        escape(words.progress),
        escape(&live.part)
    );
    section("now", "", words.now, &body)
}

fn holdings(language: Language, standing: &BoxStanding, view: &PageView) -> String {
    let (words, offset) = (words(language), view.offset);
    if standing.trouble.is_some() && standing.catalogue.entities.is_empty() {
        return String::new();
    }
    let stock = &standing.packages;
    let held = stock.held.to_string();
    let mut body = format!(
        "<p>{}</p><progress max=\"{}\" value=\"{held}\" aria-label=\"{}\"></progress>",
        escape(&packages(language, standing, offset)),
        stock.wanted.max(1),
        words.held_bar
    );
    let mut rows = rows(language, standing, offset);
    rows.extend(coming::rows(language, standing, view));
    body += &format!(
        "<table><caption class=\"far\">{}</caption><tbody>",
        escape(words.details)
    );
    for (name, text) in rows {
        body += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            escape(name),
            escape(&text)
        );
    }
    body += "</tbody></table>";
    section("holdings", "", words.holdings, &body)
}

fn doctor(language: Language, findings: Option<&[Examined]>) -> String {
    let words = words(language);
    let Some(findings) = findings else {
        let body = format!("<p>{}</p>", escape(words.looking));
        return section("doctor", "", words.doctor, &body);
    };
    let told: Vec<_> = findings
        .iter()
        .filter(|finding| matches!(finding.status, CheckStatus::Fail | CheckStatus::Warn))
        .collect();
    let mut body = if told.is_empty() {
        format!("<p>{}</p>", escape(words.all_well))
    } else {
        let items: String = told.iter().map(|one| finding(language, one)).collect();
        format!("<ul class=\"found\">{items}</ul>")
    };
    body += &format!(
        "<details id=\"checks\"><summary>{}</summary><table><caption class=\"far\">{}</caption><thead><tr>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        words.others,
        escape(words.doctor),
        words.check,
        words.result,
        words.seen
    );
    for finding in findings {
        body += &format!(
            "<tr class=\"{}\"><td>{}</td><td><b>{}</b></td><td>{}</td></tr>",
            class(finding.status),
            escape(&title(language, &finding.code)),
            words.status(finding.status),
            seen(language, finding)
        );
    }
    body += &format!(
        "</tbody></table></details><p class=\"soft\">{}<code>boxsync doctor</code></p>",
        words.doctor_note
    );
    section("doctor", "", words.doctor, &body)
}

/// What was seen, as HTML.
fn seen(language: Language, finding: &Examined) -> String {
    match (language, &finding.french) {
        (Language::French, Some(french)) => escape(french),
        _ => html(language, Some(&finding.code), &finding.english),
    }
}

fn finding(language: Language, finding: &Examined) -> String {
    let words = words(language);
    let sign = if finding.status == CheckStatus::Fail {
        "✖"
    } else {
        "!"
    };
    let mut out = format!(
        "<li class=\"{}\"><p><b><span aria-hidden=\"true\">{sign} </span>{}</b> {} <code>{}</code></p>",
        class(finding.status),
        words.status(finding.status),
        seen(language, finding),
        escape(finding.code.as_str())
    );
    out += &format!(
        "<p>{}{} {}</p>",
        words.to_do,
        colon(language),
        remedied(&escape(&remedy(language, &finding.code)))
    );
    out + "</li>"
}

/// French sets a space before it.
fn colon(language: Language) -> &'static str {
    match language {
        Language::English => ":",
        Language::French => "\u{a0}:",
    }
}

fn class(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "pass",
        CheckStatus::Skip => "skip",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "fail",
    }
}

fn link(language: Language, stats: &Stats) -> String {
    let words = words(language);
    let Some(spread) = &stats.download else {
        let body = format!("<p>{}</p>", escape(words.link_none));
        return section("link", "", words.link, &body);
    };
    let rate = |rate: f64| decimal(language, rate);
    let spread = put(
        words.link_words,
        &[&rate(spread.p50), &rate(spread.p10), &rate(spread.p90)],
    );
    let counts = [stats.failed, stats.runs, stats.offline].map(|count| count.to_string());
    let failed = put(words.link_failed, &counts.each_ref().map(String::as_str));
    let mut body = format!("<p>{}</p>", escape(&spread));
    if stats.failed > 0 {
        body += &format!("<p>{}</p>", escape(&failed));
    }
    if let Some(night) = &stats.night {
        let (carries, least) = (
            bytes(language, night.bytes),
            bytes(language, night.at_least),
        );
        let text = match carries == least {
            true => words.link_night,
            false => words.link_night_slow,
        };
        body += &format!("<p>{}</p>", escape(&put(text, &[&carries, &least])));
    }
    body += &chart::svg(language, stats);
    if stats.days.iter().any(|day| day.failed > 0) {
        body += &format!("<p class=\"soft\">{}</p>", escape(words.chart_failed));
    }
    body += &format!(
        "<details id=\"chart-data\"><summary>{}</summary>{}</details>",
        escape(words.chart_table),
        chart::table(language, stats)
    );
    section("link", "", words.link, &body)
}

#[cfg(test)]
mod tests;
