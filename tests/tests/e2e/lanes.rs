//! What holds up packages holds up nothing else: windows, exams, slow lines, sick routes, a central that asks for hours.
//! Never pauses but for what comes; intervals are of seconds.
//! Run by `cargo test -p e2e`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use central::{Certificate, Fault, Options, Route, Rule};
use e2e::{LIMIT, Running, Site, options, status, wait_until};
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, result, submit};

/// A box whose daemon synchronizes every so often, beside a central with so many packages of a size.
fn site(interval: &str, packages: usize, size: u64, tls: bool) -> Site {
    let mut site = Site::enrolled(Options {
        tls: tls.then_some(Certificate::Good),
        ..options(3, packages, (size, size))
    });
    site.set("sync", "interval", &format!("\"{interval}\""));
    site.set("download", "connections", "1");
    site.set("results", "settle", "\"1s\"");
    site
}

fn ended(running: Running) -> String {
    running.signal(nix::sys::signal::Signal::SIGTERM);
    running.end().exits(0).err
}

/// One request to the daemon; its answer's body.
fn ask(site: &Site, method: &str, path: &str, body: &str) -> Value {
    let socket = site.path("run/boxsync/boxsync.sock");
    let mut answer = String::new();
    wait_until("the daemon", LIMIT, || {
        let Ok(mut stream) = UnixStream::connect(&socket) else {
            return false;
        };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        answer.clear();
        stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 2")
    });
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let json = body.find('{').zip(body.rfind('}'));
    json.map_or(Value::Null, |(from, to)| {
        serde_json::from_str(&body[from..=to]).unwrap()
    })
}

fn daemon(site: &Site) -> Value {
    ask(site, "GET", "/v1/status", "")["daemon"].clone()
}

/// Passes that central was told have finished.
fn passes(site: &Site) -> usize {
    let rows = site.central.sync_rows();
    rows.iter().filter(|row| row.status == "Success").count()
}

fn until_passes(site: &Site, more: usize) {
    let before = passes(site);
    wait_until("passes", LIMIT, || passes(site) >= before + more);
}

fn owe(site: &Site, n: usize) -> String {
    let id = execution(n);
    submit(
        site,
        "results",
        &json!({ id.as_str(): result(site, &id, &answers(&id, 2)) }),
    );
    id
}

#[track_caller]
fn goes_home(site: &Site, id: &str) {
    wait_until("a result at home", LIMIT, || {
        site.central.execution(id).is_some()
    });
    assert_home(site, id, &answers(id, 2));
}

/// What central was told last of packages under way.
fn told_waiting(site: &Site) -> Option<String> {
    let row = site.central.sync_rows().pop()?;
    let mut told = row.report.into_iter();
    told.find(|(kind, text)| kind == "warning" && text.contains("package.waiting"))
        .map(|(_, text)| text)
}

/// A window that is open half a day from now alone.
fn closed_window() -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = (since / 3600 + 12) % 24;
    format!("[\"{hour:02}:00-{hour:02}:30\"]")
}

#[test]
fn a_closed_window_holds_up_packages_alone() {
    let mut site = site("1s", 1, 60_000, true);
    site.set("download", "windows", &closed_window());
    let running = site.start(&["run"]);
    until_passes(&site, 2);
    let id = owe(&site, 1);
    until_passes(&site, 5);
    goes_home(&site, &id);
    assert_eq!(site.asked(Route::Package), 0);
    let told = site.run(&["status", "--json"]).object();
    assert_eq!(told["packages"]["waiting"]["reason"], "window", "{told}");
    let until = told["packages"]["waiting"]["until"].as_i64().unwrap();
    let now = told["last"]["finished_at"].as_i64().unwrap();
    assert!(until > now + 10 * 3600, "{told}");
    let words = site.run(&["status"]).out;
    assert!(
        words.contains("wait for the next download window, until"),
        "{words}"
    );
    let central = told_waiting(&site).unwrap();
    assert!(
        central.contains("waiting for the next download window"),
        "{central}"
    );
    // A person who asks does not wait for the window, and does not open it either.
    let ran = site.sync().exits(0);
    let packages = &ran.code("ok")["packages"];
    assert_eq!(
        (&packages["waiting"], &packages["downloaded"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(packages["waiting_for"]["reason"], "window");
    // Unless that is asked for.
    let ran = site.sync_with(&["--now"]).exits(0).object();
    assert_eq!(
        (&ran["packages"]["waiting"], &ran["packages"]["downloaded"]),
        (&json!(0), &json!(1))
    );
    wait_until("an idle box", LIMIT, || running.workers().is_empty());
    ended(running);
    site.assert_package(&site.delivery(0));
}

#[test]
fn an_exam_holds_up_packages_alone_and_its_end_brings_them() {
    let site = site("1s", 1, 60_000, false);
    let exam = r#"{"active": true, "ttl_seconds": 3600}"#;
    site.central
        .script(Rule::on(Route::SupportedVm, Fault::Latency { ms: 1_000 }));
    let running = site.start(&["run"]);
    ask(&site, "PUT", "/v1/exam", exam);
    until_passes(&site, 2);
    let id = owe(&site, 1);
    until_passes(&site, 3);
    goes_home(&site, &id);
    assert_eq!(site.asked(Route::Package), 0);
    let told = site.run(&["status", "--json"]).object();
    assert_eq!(told["packages"]["waiting"]["reason"], "exam", "{told}");
    assert!(told_waiting(&site).unwrap().contains("the running exam"));
    wait_until("the daemon's word", LIMIT, || {
        daemon(&site)["waiting"]["reason"] == "exam"
    });
    ask(&site, "PUT", "/v1/exam", r#"{"active": false}"#);
    wait_until("the package", LIMIT, || {
        site.packages()[&site.delivery(0)] == "held"
    });
    ended(running);
    site.assert_equal_to_central();
}

#[test]
fn a_package_that_takes_for_ever_holds_up_neither_results_nor_the_catalogue() {
    let site = site("2s", 1, 600_000, false);
    // It would take an hour.
    site.central
        .script(Rule::on(Route::Package, Fault::Throttle { rate: 150 }).always());
    let running = site.start(&["run"]);
    wait_until("the package under way", LIMIT, || {
        site.asked(Route::Package) >= 1
    });
    until_passes(&site, 1);
    let before = running.workers();
    let id = owe(&site, 1);
    until_passes(&site, 5);
    goes_home(&site, &id);
    // In the same worker, over the same request.
    assert_eq!(running.workers(), before);
    assert_eq!(site.asked(Route::Package), 1);
    assert_ne!(site.packages()[&site.delivery(0)], "held");
    let central = told_waiting(&site).unwrap();
    assert!(
        central.starts_with("1 test package is still under way ("),
        "{central}"
    );
    let under_way = || daemon(&site)["running"]["progress"]["packages"].clone();
    assert_eq!(under_way(), json!([0, 1]));
    // Who does not wait for packages has the account at once.
    let ran = site.sync_with(&["--no-wait"]).exits(0).object();
    assert_eq!(ran["packages"]["waiting"], 1);
    assert_eq!(running.workers(), before);
    ended(running);
}

#[test]
fn who_waits_for_packages_sees_them_come_over_several_intervals() {
    let site = site("2s", 1, 300_000, false);
    site.central
        .script(Rule::on(Route::Package, Fault::Throttle { rate: 40_000 }).always());
    let running = site.start(&["run"]);
    wait_until("the package under way", LIMIT, || {
        site.asked(Route::Package) >= 1
    });
    let ran = site.sync().exits(0);
    let told = ran.code("ok");
    assert_eq!(told["packages"]["waiting"], 0, "{}", ran.story());
    assert_eq!(told["packages"]["failed"], 0);
    assert!(passes(&site) > 2, "the interval came beside it");
    // It is told once, by whichever run met it: to central and in the history.
    let history = site.run(&["history", "--json"]).exits(0).objects();
    let brought = history
        .iter()
        .filter_map(|run| run["packages"]["downloaded"].as_u64());
    assert_eq!(brought.sum::<u64>(), 1);
    assert_eq!(told_waiting(&site), None);
    ended(running);
    site.assert_equal_to_central();
}

#[test]
fn a_sick_route_of_results_holds_up_no_package_and_the_run_says_so() {
    let mut site = site("1h", 3, 60_000, false);
    site.set("results", "settle", "\"2s\"");
    for n in 0..5 {
        owe(&site, n);
    }
    let page = "<html><body>504 Gateway Time-out</body></html>";
    site.central
        .script(Rule::on(Route::Results, status(504, page, None)).always());
    let ran = site.sync().exits(1);
    let told = ran.object();
    assert_eq!(told["packages"]["downloaded"], 3, "{}", ran.story());
    assert_eq!(told["results"]["acknowledged"], 0);
    let code = told["code"].as_str().unwrap();
    assert!(
        code.starts_with("central.") || code.starts_with("results."),
        "{code}"
    );
    // All packages came while the results were still being tried.
    let order: Vec<Route> = site
        .central
        .requests()
        .iter()
        .map(|seen| seen.route)
        .collect();
    let last = |route| order.iter().rposition(|seen| *seen == route).unwrap();
    assert!(last(Route::Package) < last(Route::Results), "{order:?}");
    site.assert_equal_to_central();
    site.sync().exits(0);
    assert_home(&site, &execution(0), &answers(&execution(0), 2));
}

fn asks_for_a_day() -> Rule {
    Rule::on(Route::SupportedVm, status(503, "", Some(86_400)))
}

#[test]
fn a_wish_of_central_for_a_day_is_no_wait_for_a_person() {
    let site = site("1h", 1, 20_000, false);
    site.central.script(asks_for_a_day());
    site.sync().exits(0).code("ok");
    site.central.script(asks_for_a_day().always());
    let ran = site.sync().exits(1);
    let told = ran.code("central.unavailable");
    let reason = told["reason"].as_str().unwrap();
    assert!(
        reason.contains("asks to be left alone for 6 hours"),
        "{reason}"
    );
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
}

#[test]
fn a_wish_of_central_for_a_day_parks_the_daemon_for_minutes_and_is_told() {
    let site = site("1h", 1, 20_000, false);
    site.central.script(asks_for_a_day());
    let running = site.start(&["run"]);
    let next = || daemon(&site)["next"].clone();
    wait_until("the refusal", LIMIT, || {
        site.asked(Route::SupportedVm) == 1 && next()["in_ms"].is_u64()
    });
    let told = next();
    let wait = told["in_ms"].as_u64().unwrap();
    assert!(wait > 60_000 && wait < 17 * 60_000, "{told}");
    // A person ends the wait.
    site.sync().exits(0).code("ok");
    let journal = ended(running);
    let line = journal.lines().find(|line| line.contains("[central.wish]"));
    let line = line.unwrap_or_else(|| panic!("{journal}"));
    assert!(line.contains("left alone for 15 minutes"), "{line}");
}

#[test]
fn who_joins_a_run_that_waits_ends_its_wait() {
    let site = site("1h", 1, 20_000, false);
    let page = Rule::on(Route::Checksums, status(503, "", Some(110)));
    site.central.script(page.containing("type=test-taker"));
    let running = site.start(&["run"]);
    wait_until("the wait", LIMIT, || {
        daemon(&site)["running"]["progress"]["waits"] == "the next attempt"
    });
    let ran = site.sync().exits(0);
    ran.code("ok");
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    // It was joined: central saw one run.
    assert_eq!(site.central.sync_rows().len(), 1);
    ended(running);
}
