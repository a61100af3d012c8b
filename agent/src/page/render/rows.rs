//! The rows of the box on the page: catalogue and where it came from, packages, results, exam, version.
//! Never becomes markup: what is told here is escaped by who writes it.
//! Called by `render`.

use logic::exam::{self, ExecutionCount};
use logic::health::verdict::{BoxStanding, package_estimate};
use logic::language::Language;
use logic::outside;

use super::super::figure::{ago, bytes, moment, spans};
use super::super::words::{put, words};

/// The rows about catalogue, results, exam and version, with their names.
pub(super) fn rows(
    language: Language,
    standing: &BoxStanding,
    offset: i64,
) -> Vec<(&'static str, String)> {
    let words = words(language);
    let at = |at: i64| {
        let ago = ago(language, at, standing.now);
        format!("{} ({ago})", moment(language, at, offset))
    };
    let shown = &standing.catalogue;
    let catalogue = match shown.complete_at {
        Some(complete) => {
            let told = put(words.organisation, &[&shown.organisation, &at(complete)]);
            match &standing.origin {
                None => told,
                Some(origin) => {
                    let exported = at(origin.exported_at);
                    let from = put(words.from_stick, &[&outside::id(&origin.box_id), &exported]);
                    format!("{told}, {from}")
                }
            }
        }
        None => words.never_complete.to_owned(),
    };
    let owed = match &standing.owed {
        None => words.not_known.to_owned(),
        Some(owed)
            if owed.queued + owed.refused + owed.unconfirmed + owed.carried + owed.lost == 0 =>
        {
            words.owed_none.to_owned()
        }
        Some(owed) => {
            let kinds = &owed.queued_kinds;
            let others = kinds.logs + kinds.sessions + kinds.users;
            let counts = [
                (owed.queued.saturating_sub(others), words.queued),
                (kinds.logs, words.queued_logs),
                (kinds.sessions, words.queued_sessions),
                (kinds.users, words.queued_users),
                (owed.lost, words.owed_lost),
                (owed.refused, words.refused),
                (owed.unconfirmed, words.unconfirmed),
            ];
            let told = counts.iter().filter(|(count, _)| *count > 0);
            let told = told.map(|(count, text)| put(text, &[&count.to_string()]));
            let carried = (owed.carried > 0).then(|| {
                let since = ago(language, owed.carried_at, standing.now);
                put(words.carried, &[&owed.carried.to_string(), &since])
            });
            told.chain(carried).collect::<Vec<_>>().join(", ")
        }
    };
    let supported = match standing.supported {
        Some(true) => words.supported,
        Some(false) => words.unsupported,
        None => words.unasked,
    };
    let version = standing.version.as_deref().unwrap_or("–");
    let mut rows = vec![
        (words.catalogue, catalogue),
        (
            words.entities,
            shown
                .entities
                .iter()
                .map(|(_, count)| count)
                .sum::<u64>()
                .to_string(),
        ),
        (words.owed, owed),
        (
            words.contact,
            standing.contact.map_or(words.never.to_owned(), at),
        ),
        (words.version, format!("{version}, {supported}")),
        (
            words.enrolled,
            (if standing.enrolled {
                words.yes
            } else {
                words.no
            })
            .to_owned(),
        ),
    ];
    if let Some(note) = &standing.renewal {
        let told = match note.at.filter(|at| *at > standing.now) {
            Some(at) => put(
                words.renewed,
                &[&note.version, &moment(language, at, offset)],
            ),
            None => put(words.renewal_waits, &[&note.version]),
        };
        rows.push((words.renewal, told));
    }
    let kept = [
        (words.held_back, &shown.kept),
        (words.hidden, &shown.hidden),
    ];
    for (name, counts) in kept.into_iter().filter(|(_, counts)| !counts.is_empty()) {
        rows.push((name, by_type(counts)));
    }
    if let Some(copies) = &standing.copies {
        let (copied, owed) = (copies.copied.to_string(), copies.owed.to_string());
        let told = match copies.oldest_at {
            Some(at) => {
                let since = ago(language, at, standing.now);
                put(words.copied_since, &[&copied, &owed, &since])
            }
            None => put(words.copied, &[&copied, &owed]),
        };
        rows.push((words.copies, told));
    }
    if !standing.executions.is_empty() {
        rows.push((words.sitting, sitting(&standing.executions)));
    }
    if shown.waiting > 0 {
        let changes = put(words.changes, &[&shown.waiting.to_string()]);
        rows.push((words.deferred, changes));
    }
    if let Some((free, reserve)) = standing.disk {
        let (free, reserve) = (bytes(language, free), bytes(language, reserve));
        rows.push((words.disk, put(words.disk_free, &[&free, &reserve])));
    }
    rows
}

/// More deliveries than these are told as a number.
pub(super) const DELIVERIES: usize = 10;

/// What is being sat: a number, and by delivery where those are few.
fn sitting(executions: &[ExecutionCount]) -> String {
    let each = exam::by_delivery(executions);
    let all = exam::sum(executions).to_string();
    if each.len() > DELIVERIES {
        return all;
    }
    let told = each.into_iter();
    let told = told.map(|(delivery, count)| format!("{} {count}", outside::id(delivery)));
    format!("{all} ({})", told.collect::<Vec<_>>().join(", "))
}

/// Numbers by type in the words of the wire: `test-taker 3, delivery 1`.
pub(super) fn by_type(counts: &[(String, u64)]) -> String {
    let told = counts.iter().map(|(word, count)| format!("{word} {count}"));
    told.collect::<Vec<_>>().join(", ")
}

pub(super) fn packages(language: Language, standing: &BoxStanding, offset: i64) -> String {
    let words = words(language);
    let stock = &standing.packages;
    let (held, wanted) = (stock.held.to_string(), stock.wanted.to_string());
    let mut parts = vec![put(words.held, &[&held, &wanted])];
    for (count, text) in [
        (stock.damaged, words.damaged),
        (stock.unknown, words.unknown),
    ] {
        if count > 0 {
            parts.push(put(text, &[&count.to_string()]));
        }
    }
    if stock.bytes_left > 0 {
        parts.push(put(words.left, &[&bytes(language, stock.bytes_left)]));
    }
    if let Some(estimate) = package_estimate(standing) {
        let time = spans(language, estimate.seconds, estimate.latest);
        parts.push(put(
            words.minutes,
            &[&time, &bytes(language, estimate.rate)],
        ));
        if let Some(at) = estimate.ready_at {
            parts.push(put(words.ready_at, &[&moment(language, at, offset)]));
        }
    }
    parts.join(", ")
}
