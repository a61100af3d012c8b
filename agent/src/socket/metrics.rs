//! The figures of the box as OpenMetrics text 1.0.0, for a collector of the site.
//! Never a name or a URI as a label: only types, outcomes and versions.
//! Called by the route `metrics`.

use std::fmt::Write;

use hyper::{Response, StatusCode};
use logic::entity::EntityType;
use logic::health::Word;
use serde_json::{Map, Value as Json};

use super::board::Board;
use super::body::Body;
use super::standing;
use super::wire::with_type;
use crate::clock;

const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text.
pub(super) async fn answer(board: &Board) -> Response<Body> {
    let verdict = standing::verdict(board).await;
    let of_box = standing::of_box(board).unwrap_or_default();
    let text = text(board, &of_box, verdict.map(|verdict| verdict.word));
    with_type(StatusCode::OK, TYPE, Body::whole(text))
}

fn text(board: &Board, of_box: &Map<String, Json>, verdict: Option<Word>) -> String {
    let standing = board.standing();
    let mut page = Page::default();
    if let Some(word) = verdict {
        page.gauge(
            "boxsync_ready",
            "Whether an exam can run, by the verdict of status and page.",
            flag(word != Word::NotReady),
        );
    }
    page.family("boxsync", "info", "The daemon.");
    page.line(
        "boxsync_info",
        &format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")),
        1.0,
    );
    let up = clock::now().mono.saturating_sub(board.started().mono);
    page.gauge(
        "boxsync_uptime_seconds",
        "Since the daemon started.",
        up.as_secs_f64(),
    );
    page.gauge(
        "boxsync_synchronizing",
        "Whether a run is under way.",
        flag(standing.running.is_some()),
    );
    page.gauge(
        "boxsync_offline_tries",
        "Tries since central could last be used.",
        f64::from(standing.offline.unwrap_or(0)),
    );
    page.gauge(
        "boxsync_breaker_open",
        "Whether only a probe now and then tries central.",
        flag(standing.breaker),
    );
    page.family(
        "boxsync_runs",
        "counter",
        "Runs ended since the daemon started.",
    );
    for (outcome, count) in board.ended() {
        page.line(
            "boxsync_runs_total",
            &format!("{{outcome=\"{outcome}\"}}"),
            count as f64,
        );
    }
    let number = |path: &str| {
        path.split('/')
            .try_fold(None::<&Json>, |at, key| {
                let next = match at {
                    None => of_box.get(key),
                    Some(at) => at.get(key),
                };
                next.map(Some)
            })
            .flatten()
            .and_then(Json::as_f64)
    };
    if let Some(enrolled) = of_box.get("enrolled").and_then(Json::as_bool) {
        page.gauge(
            "boxsync_enrolled",
            "Whether the box has credentials.",
            flag(enrolled),
        );
    }
    for (name, path, help) in [
        (
            "boxsync_generation",
            "generation",
            "Generation of the catalogue.",
        ),
        (
            "boxsync_complete_timestamp_seconds",
            "complete_at",
            "When the catalogue was last complete, by the clock of the box.",
        ),
        (
            "boxsync_packages_held",
            "packages/held",
            "Test packages that are whole.",
        ),
        (
            "boxsync_packages_wanted",
            "packages/wanted",
            "Deliveries in the catalogue.",
        ),
        (
            "boxsync_free_bytes",
            "free_bytes",
            "Free on the volume of the state folder.",
        ),
        (
            "boxsync_last_finished_timestamp_seconds",
            "last/finished_at",
            "When the last run ended, by the clock of the box.",
        ),
        (
            "boxsync_last_download_mbit",
            "last/connection/download_mbit_s",
            "Mbit/s towards the box in the last run.",
        ),
        (
            "boxsync_owed_waiting",
            "owed/waiting",
            "Items that central holds up.",
        ),
        (
            "boxsync_owed_refused",
            "owed/refused",
            "Items that central refused and that are kept.",
        ),
        (
            "boxsync_owed_set_aside",
            "owed/set_aside",
            "Items that a person keeps out of the way.",
        ),
        (
            "boxsync_owed_oldest_timestamp_seconds",
            "owed/oldest_at",
            "When the oldest item came that central does not have, by the clock of the box; 0 when nothing is owed.",
        ),
        (
            "boxsync_results_queued",
            "last/results/queued",
            "Results that central does not have yet.",
        ),
        (
            "boxsync_results_unconfirmed",
            "last/results/unconfirmed",
            "Results of which nobody knows whether central has them.",
        ),
        (
            "boxsync_results_refused",
            "last/results/refused",
            "Results that central refused in the last run.",
        ),
    ] {
        if let Some(value) = number(path) {
            page.gauge(name, help, value);
        }
    }
    if let Some(Json::Object(entities)) = of_box.get("entities") {
        page.family("boxsync_entities", "gauge", "Entities in the catalogue.");
        for (kind, count) in entities {
            page.line(
                "boxsync_entities",
                &format!("{{type=\"{kind}\"}}"),
                count.as_f64().unwrap_or(0.0),
            );
        }
    }
    for (name, path, help) in [
        (
            "boxsync_entities_held_back",
            "held_back_by_type",
            "Entities that central no longer names, kept until it is sure.",
        ),
        (
            "boxsync_entities_hidden",
            "hidden",
            "Entities that central no longer names, hidden and kept for a while.",
        ),
    ] {
        let Some(Json::Object(counts)) = of_box.get(path) else {
            continue;
        };
        page.family(name, "gauge", help);
        // Every type, so that a count that is over goes back to 0.
        for kind in EntityType::ALL {
            let count = counts.get(kind.word()).and_then(Json::as_f64);
            let label = format!("{{type=\"{}\"}}", kind.word());
            page.line(name, &label, count.unwrap_or(0.0));
        }
    }
    if let Some(count) = number("contradicted") {
        let help = "Entities kept as they are, since central takes back within hours what it says.";
        page.gauge("boxsync_entities_contradicted", help, count);
    }
    page.0.push_str("# EOF\n");
    page.0
}

fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.line(name, "", value);
    }
}
