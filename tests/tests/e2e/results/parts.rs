//! Parts of a run by the command line and the configuration, and how much goes in one request.
//! Never trusts what the box says of itself: central is looked at.
//! What follows something else never goes before it.

use central::Route;
use e2e::Site;
use serde_json::{Value, json};

use super::{answers, assert_home, execution, owing, submit, submit_one};
use crate::trace::rows;

/// What central has: executions, rows of candidates, and how often it was told of a session or asked for a list.
fn has(site: &Site) -> (usize, usize, usize, usize) {
    let rows = site.central.log_rows().into_iter();
    let rows = rows.filter(|row| row.event.starts_with("ROW_")).count();
    let executions = site.central.executions().len();
    let told = site.asked(Route::Sessions);
    (
        executions,
        rows.min(1),
        told,
        site.asked(Route::Checksums).min(1),
    )
}

#[test]
fn a_part_of_a_run_goes_alone_or_with_others_and_nothing_before_what_it_follows() {
    let mut site = owing();
    let id = execution(1);
    submit_one(&site, &id, &answers(&id, 2));
    submit(&site, "logs", &json!({ &id: rows(&id) }));
    submit(&site, "sessions", &json!([&id]));
    site.sync_with(&["--logs", "--sessions"]).ends();
    assert_eq!(has(&site), (0, 0, 0, 0), "both follow their result");
    site.set("sync", "steps", "[\"results\"]");
    site.sync().ends();
    assert_eq!(has(&site), (1, 0, 0, 0), "the configured part");
    site.sync_with(&["--sessions"]).ends();
    assert_eq!(has(&site), (1, 0, 0, 0), "a session follows its rows");
    site.sync_with(&["--logs"]).exits(0);
    assert_eq!(has(&site), (1, 1, 0, 0));
    site.sync_with(&["--sessions", "--type", "test-center"])
        .exits(0);
    assert_eq!(has(&site), (1, 1, 1, 1));
    let lists = site.central.requests_on(Route::Checksums).into_iter();
    let other = lists.filter(|seen| !seen.query.contains("type=test-center"));
    assert_eq!(other.count(), 0, "no other type");
    // What is owed first, the catalogue behind it.
    site.set("sync", "steps", "[\"logs\", \"results\", \"data\"]");
    let second = execution(2);
    submit_one(&site, &second, &answers(&second, 2));
    site.central.reset_log();
    site.sync().exits(0);
    let routes: Vec<Route> = site
        .central
        .requests()
        .iter()
        .map(|seen| seen.route)
        .collect();
    let last = routes
        .iter()
        .rposition(|route| *route == Route::Results)
        .unwrap();
    let first = routes
        .iter()
        .position(|route| *route == Route::Checksums)
        .unwrap();
    assert!(last < first, "{routes:?}");
    assert_home(&site, &second, &answers(&second, 2));
    site.assert_catalogue();
    site.set("sync", "steps", "[\"session\"]");
    let told = site.sync().exits(2).code("config.value");
    assert!(
        told.to_string()
            .contains("one of data, results, logs, sessions, speed"),
        "{told}"
    );
}

#[test]
fn rows_of_logs_and_entities_go_in_requests_as_large_as_configured() {
    let mut site = owing();
    site.set("results", "log_rows", "7");
    site.set("sync", "page_size", "2");
    site.sync().exits(0);
    let details = site.central.requests_on(Route::Details);
    let ids = |seen: &central::Seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        body["entityIds"].as_array().unwrap().len()
    };
    let most = details.iter().map(ids).max();
    assert_eq!(most, Some(2), "of three test takers");
    let id = execution(1);
    submit_one(&site, &id, &answers(&id, 2));
    submit(&site, "logs", &json!({ &id: rows(&id) }));
    site.sync_with(&["--results"]).exits(0);
    let logs = site.central.requests_on(Route::Logs);
    let count = |seen: &central::Seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        body["delivery_logs"][&id].as_array().map_or(0, Vec::len)
    };
    assert_eq!(logs.iter().map(count).max(), Some(7));
}
