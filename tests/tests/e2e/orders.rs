//! What a person orders of the downloads: it acts at once, on packages alone, and ends by itself.
//! Never pauses but for what comes; intervals are of seconds.
//! Run by `cargo test -p e2e`.

use central::{Fault, Route, Rule};
use e2e::{LIMIT, Running, Site, options, status, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, result, submit};

/// A box beside a central with one package of this size.
fn site(interval: &str, size: u64) -> Site {
    let mut site = Site::enrolled(options(3, 1, (size, size)));
    site.set("sync", "interval", &format!("\"{interval}\""));
    site.set("download", "connections", "1");
    site.set("results", "settle", "\"1s\"");
    site
}

fn throttled(site: &Site, rate: u64) {
    let rule = Rule::on(Route::Package, Fault::Throttle { rate });
    site.central.script(rule.always());
}

fn ended(running: Running) {
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

/// How the daemon says that it stands.
fn daemon(site: &Site) -> Value {
    let answer = site.api().get("/v1/status");
    answer.map_or(Value::Null, |answer| answer.json()["daemon"].clone())
}

fn until_under_way(site: &Site) {
    wait_until("the package under way", LIMIT, || {
        let package = daemon(site)["running"]["progress"]["package"].clone();
        package["bytes"].as_u64().is_some_and(|bytes| bytes > 0)
    });
}

fn until_held(site: &Site) {
    let delivery = site.delivery(0);
    wait_until("the package", LIMIT, || {
        site.packages()[&delivery] == "held"
    });
    site.assert_package(&delivery);
}

fn until_passes(site: &Site, more: usize) {
    let passes = || {
        let rows = site.central.sync_rows();
        rows.iter().filter(|row| row.status == "Success").count()
    };
    let before = passes();
    wait_until("passes", LIMIT, || passes() >= before + more);
}

/// Gives an order; what is in force then.
fn order(site: &Site, line: &[&str]) -> Value {
    let ran = site.run(&[line, &["--json"]].concat()).exits(0);
    ran.object()["orders"].clone()
}

#[test]
fn while_a_package_comes_it_is_told_when_it_is_there() {
    let site = site("1s", 8_000_000);
    throttled(&site, 200_000);
    let running = site.start_daemon();
    until_under_way(&site);
    let packages = || site.run(&["status", "--json"]).object()["packages"].clone();
    wait_until("a moment", LIMIT, || packages()["ready_at"].is_i64());
    let told = packages();
    // Eight million bytes at 200 kB a second, as far as the machine keeps that.
    let (minutes, at_most) = (&told["minutes_left"], &told["minutes_left_at_most"]);
    assert!((1..=2).contains(&minutes.as_u64().unwrap()), "{told}");
    assert!(
        at_most.is_null() || at_most.as_u64() >= minutes.as_u64(),
        "{told}"
    );
    // Who pauses it is promised nothing.
    order(&site, &["pause"]);
    wait_until("no moment", LIMIT, || packages()["ready_at"].is_null());
    ended(running);
}

/// What is left is known before the first large package is fetched, and takes no room until its turn.
#[test]
fn the_sizes_of_all_are_known_before_the_first_is_fetched() {
    let mut site = Site::enrolled(options(3, 3, (3_000_000, 3_000_000)));
    site.set("download", "connections", "1");
    throttled(&site, 400_000);
    let running = site.start_daemon();
    let packages = || site.run(&["status", "--json"]).object()["packages"].clone();
    let mut told = Value::Null;
    wait_until("all sizes, or a package", LIMIT, || {
        told = packages();
        let is_known = told["wanted"] == 3 && told["unknown"] == 0;
        is_known || told["held"].as_u64() > Some(0)
    });
    assert_eq!(told["held"], 0, "{told}");
    assert!(told["coming"].as_u64() < Some(2), "{told}");
    assert!(told["bytes_left"].as_u64() > Some(8_000_000), "{told}");
    // A look at each, and what the first has asked for since.
    assert!(site.asked(Route::Package) <= 3 + 4);
    let sizes = site.run(&["packages", "--json"]).objects();
    assert!(
        sizes
            .iter()
            .all(|one| one["bytes"].as_u64() > Some(2_000_000)),
        "{sizes:?}"
    );
    wait_until("what is left after the one under way", LIMIT, || {
        daemon(&site)["running"]["progress"]["left_after"].as_u64() > Some(5_000_000)
    });
    // The daemon looks at the box itself every few seconds.
    wait_until("the same over the socket", LIMIT, || {
        let told = site.api().get("/v1/status").unwrap().json();
        told["packages"]["bytes_left"].as_u64() > Some(5_000_000)
    });
    site.central.clear_script();
    wait_until("all packages", LIMIT, || packages()["held"] == 3);
    (0..3).for_each(|nth| site.assert_package(&site.delivery(nth)));
    ended(running);
}

#[test]
fn a_pause_ends_what_is_under_way_and_holds_up_packages_alone() {
    let site = site("1s", 4_000_000);
    throttled(&site, 400_000);
    let running = site.start_daemon();
    until_under_way(&site);
    let orders = order(&site, &["pause"]);
    let left = orders["pause_seconds_left"].as_u64().unwrap();
    assert!((7_000..=7_200).contains(&left), "{orders}");
    wait_until("the pause", LIMIT, || {
        daemon(&site)["waiting"]["reason"] == "pause"
    });
    let asked = site.asked(Route::Package);
    let id = execution(1);
    let document = json!({ id.as_str(): result(&site, &id, &answers(&id, 2)) });
    submit(&site, "results", &document);
    until_passes(&site, 3);
    assert_home(&site, &id, &answers(&id, 2));
    // Who asks for a run, windows or not, does not end it.
    let ran = site.sync_with(&["--now"]).exits(0).object();
    assert_eq!(ran["packages"]["waiting_for"]["reason"], "pause", "{ran}");
    // It goes on over a start of the service.
    ended(running);
    let running = site.start_daemon();
    until_passes(&site, 1);
    assert_eq!(site.asked(Route::Package), asked);
    let told = site.run(&["status", "--json"]).object();
    assert_eq!(told["packages"]["waiting"]["reason"], "pause", "{told}");
    assert!(told["orders"]["pause_seconds_left"].is_u64(), "{told}");
    let words = site.run(&["status"]).out;
    let folded = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(folded.contains("wait for the end of the pause"), "{words}");
    assert!(folded.contains("downloads paused: no package"), "{words}");
    let orders = order(&site, &["resume"]);
    assert_eq!(orders["pause_seconds_left"], Value::Null);
    until_held(&site);
    ended(running);
}

#[test]
fn a_pause_ends_by_itself_and_what_it_held_up_comes() {
    let site = site("1h", 4_000_000);
    throttled(&site, 400_000);
    let running = site.start_daemon();
    until_under_way(&site);
    order(&site, &["pause", "--for", "3s"]);
    wait_until("the pause", LIMIT, || {
        daemon(&site)["waiting"]["reason"] == "pause"
    });
    until_held(&site);
    assert_eq!(daemon(&site)["orders"]["pause_seconds_left"], Value::Null);
    ended(running);
}

#[test]
fn an_exam_ends_what_is_under_way_and_its_end_brings_the_rest() {
    let site = site("1s", 4_000_000);
    // After the beginning and the end comes the first range, which takes minutes.
    let slow = Rule::on(Route::Package, Fault::Throttle { rate: 4_000 });
    site.central.script(slow.nth(3).always());
    let running = site.start_daemon();
    wait_until("the first range", LIMIT, || site.asked(Route::Package) == 3);
    let exam = |body: &str| {
        let answer = site.api().call("PUT", "/v1/exam", body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json());
    };
    exam(r#"{"active": true, "ttl_seconds": 3600}"#);
    wait_until("the exam", LIMIT, || {
        daemon(&site)["waiting"]["reason"] == "exam"
    });
    let asked = site.asked(Route::Package);
    until_passes(&site, 2);
    assert_eq!(site.asked(Route::Package), asked);
    site.central.clear_script();
    exam(r#"{"active": false}"#);
    until_held(&site);
    ended(running);
}

#[test]
fn a_rate_holds_at_once_until_another_word_or_start_of_the_service() {
    let mut site = site("1s", 4_000_000);
    // It would take more than three minutes.
    site.set("download", "max_rate", "\"20kB\"");
    let running = site.start_daemon();
    until_under_way(&site);
    let orders = order(&site, &["rate", "1B", "--for", "1h"]);
    assert_eq!(orders["bytes_per_second"], 1, "{orders}");
    assert!(orders["rate_seconds_left"].as_u64() > Some(3500));
    until_passes(&site, 3);
    assert_eq!(site.packages()[&site.delivery(0)], "partial");
    let words = site.run(&["status"]).out;
    assert!(words.contains("at most 1 B/s for"), "{words}");
    // What waits for its turn at the rate before is let go.
    let orders = order(&site, &["rate", "0"]);
    assert_eq!(
        (&orders["bytes_per_second"], &orders["rate_seconds_left"]),
        (&json!(0), &Value::Null)
    );
    until_held(&site);
    ended(running);
    let running = site.start_daemon();
    assert_eq!(daemon(&site)["orders"]["bytes_per_second"], Value::Null);
    ended(running);
}

#[test]
fn one_package_comes_first_and_the_one_under_way_goes_on_behind_it() {
    let mut site = Site::enrolled(options(3, 3, (3_000_000, 3_000_000)));
    site.set("sync", "interval", "\"1h\"");
    site.set("download", "connections", "1");
    throttled(&site, 300_000);
    let running = site.start_daemon();
    until_under_way(&site);
    let under_way = || daemon(&site)["running"]["progress"]["package"]["delivery"].clone();
    let left = under_way().as_str().unwrap().to_owned();
    let wanted = (0..3).map(|nth| site.delivery(nth));
    // Neither the one under way nor, by the order of the list, the next one: it is the last of them.
    let last = wanted.filter(|delivery| *delivery != left).max().unwrap();
    let orders = order(&site, &["packages", "first", &last]);
    assert_eq!(orders["first"], json!(last));
    wait_until("the one that comes first", LIMIT, || {
        under_way() == json!(last)
    });
    assert_eq!(site.packages()[&left], "partial");
    let words = site.run(&["status"]).out;
    assert!(words.contains("first comes the package of"), "{words}");
    site.central.clear_script();
    wait_until("all of them", LIMIT, || {
        let packages = site.packages();
        assert!(packages[&last] == "held" || packages.values().all(|state| state != "held"));
        packages.values().all(|state| state == "held")
    });
    (0..3).for_each(|nth| site.assert_package(&site.delivery(nth)));
    wait_until("the end of the order", LIMIT, || {
        daemon(&site)["orders"]["first"].is_null()
    });
    // Of one that is held there is nothing to bring.
    let ran = site.run(&["packages", "first", &last]).exits(0);
    assert!(ran.err.contains("this package is held"), "{}", ran.story());
    assert!(daemon(&site)["orders"]["first"].is_null());
    ended(running);
}

#[test]
fn a_package_that_did_not_come_is_tried_at_once_when_it_is_to_come_first() {
    let site = site("1h", 4_000);
    let gone = Rule::on(Route::Package, status(404, "", None));
    site.central.script(gone.always());
    let running = site.start_daemon();
    until_passes(&site, 1);
    let delivery = site.delivery(0);
    assert_eq!(site.packages()[&delivery], "missing");
    site.central.clear_script();
    let ran = site.run(&["packages", "first", "https://x/#none"]);
    assert!(ran.exits(2).err.contains("[catalogue.unknown_entity]"));
    assert!(daemon(&site)["orders"]["first"].is_null());
    order(&site, &["packages", "first", &delivery]);
    until_held(&site);
    ended(running);
}

#[test]
fn what_is_no_order_changes_nothing_and_says_why() {
    let site = site("1h", 4_000);
    let ran = site.run(&["pause", "--json"]).exits(1);
    assert_eq!(ran.object()["code"], "unit.down", "{}", ran.story());
    let running = site.start_daemon();
    for line in [
        &["pause", "--for", "25h"][..],
        &["pause", "--for", "0"],
        &["rate", "fast"],
        &["rate", "5kB", "--for", "soon"],
    ] {
        site.run(line).exits(2);
    }
    for body in [
        r#"{"act":"pause","ttl_seconds":86401}"#,
        r#"{"act":"pause","ttl_seconds":0}"#,
        r#"{"act":"stop"}"#,
        r#"{"act":"first"}"#,
        "{}",
    ] {
        let answer = site.api().call("POST", "/v1/downloads", body).unwrap();
        let told = answer.json();
        assert_eq!(told["code"], "api.request", "{told}");
    }
    let orders = daemon(&site)["orders"].clone();
    assert!(orders.as_object().unwrap().values().all(Value::is_null));
    ended(running);
}
