//! The rows of the page on packages that come: what is ordered of the downloads, and when each package is there.
//! Never a label of a delivery: its id, as everywhere.
//! Called by `render`.

use logic::health::verdict::{BoxStanding, awaited_at};
use logic::language::Language;
use logic::outside;

use super::super::figure::{bytes, moment, span};
use super::super::words::{put, words};
use super::PageView;
use super::rows::DELIVERIES;

/// What is ordered of the downloads, and when each package is there.
pub(super) fn rows(
    language: Language,
    standing: &BoxStanding,
    view: &PageView,
) -> Vec<(&'static str, String)> {
    let words = words(language);
    let orders = &view.orders;
    let rate = |rate| match rate {
        0 => words.unlimited.to_owned(),
        rate => put(words.at_most, &[&bytes(language, rate)]),
    };
    let pause = orders
        .pause_seconds_left
        .map(|left| put(words.paused, &[&span(language, left)]));
    let first = orders
        .first
        .as_ref()
        .map(|first| put(words.first, &[&outside::id(first)]));
    let told: Vec<String> = [pause, orders.bytes_per_second.map(rate), first]
        .into_iter()
        .flatten()
        .collect();
    let awaited = awaited_at(standing, &standing.awaited)
        .into_iter()
        .take(DELIVERIES);
    let awaited = awaited.filter_map(|(one, at)| {
        let at = put(words.ready_at, &[&moment(language, at?, view.offset)]);
        Some(format!("{} {at}", outside::id(&one.delivery)))
    });
    let awaited: Vec<String> = awaited.collect();
    [(words.orders, told), (words.awaited, awaited)]
        .into_iter()
        .filter(|(_, told)| !told.is_empty())
        .map(|(name, told)| (name, told.join(", ")))
        .collect()
}
