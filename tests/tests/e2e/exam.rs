//! While candidates sit, what they use stays as it is, and everything else goes on.
//! Never waits for a time: for what is told or shown, within a bound.
//! Run by `cargo test -p e2e`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use central::{Kind, Resource};
use e2e::{Site, options};
use serde_json::{Value, json};

/// An enrolled box with a daemon that runs when it is asked.
fn site() -> Site {
    let mut site = Site::enrolled(options(20, 3, (40_000, 60_000)));
    site.set("sync", "on_boot", "false");
    site.set("sync", "interval", "\"1h\"");
    site
}

fn signal(site: &Site, body: &Value) -> Value {
    let answer = site.api().call("PUT", "/v1/exam", &body.to_string());
    let answer = answer.expect("the daemon answers");
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.json()
}

fn label(site: &Site, id: &str) -> String {
    let shown = site.run(&["entities", "--id", id, "--json"]);
    let object: Value = serde_json::from_str(shown.out.trim()).expect("one entity");
    object["properties"]["http://www.w3.org/2000/01/rdf-schema#label"].to_string()
}

fn relabel(site: &Site, id: &str, text: &str) {
    let label = "http://www.w3.org/2000/01/rdf-schema#label";
    assert!(site.central.set_property(id, label, &[text]), "{id}");
}

fn take(site: &Site, id: &str) -> Resource {
    let resource = site.central.resource(id).unwrap();
    assert!(site.central.remove(id));
    resource
}

fn is_shown(site: &Site, id: &str) -> bool {
    site.entities().keys().any(|(_, shown)| shown == id)
}

fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let code = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
    findings.map(code).collect()
}

#[test]
fn what_is_sat_stays_as_it_is_until_the_exam_is_over() {
    let site = site();
    let _daemon = site.start_daemon();
    site.sync().exits(0);
    let takers = site.ids(Kind::TestTaker);
    let (sat, idle) = (site.delivery(0), site.delivery(1));
    let executions = json!([
        { "delivery": sat, "state": "Active", "count": 2, "test_takers": [takers[0], takers[1]] },
        { "delivery": sat, "state": "Paused", "count": 1 },
        { "delivery": idle, "state": "Finished", "count": 5, "test_takers": [takers[3]] },
    ]);
    let told = signal(
        &site,
        &json!({ "executions": executions, "ttl_seconds": 3600 }),
    );
    let counts = json!([
        { "delivery": sat, "state": "Active", "count": 2 },
        { "delivery": sat, "state": "Paused", "count": 1 },
    ]);
    assert_eq!(
        (&told["active"], &told["executions"]),
        (&json!(true), &counts)
    );

    for id in [&sat, &idle, &takers[0], &takers[3]] {
        relabel(&site, id, "edited");
    }
    let (gone, also_gone) = (take(&site, &takers[1]), take(&site, &takers[2]));
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(codes(&ran), ["catalogue.in_use"], "{ran}");
    let reason = ran["findings"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("2 test-taker, 1 delivery"), "{reason}");
    assert_eq!(ran["executions"], counts);
    assert_eq!(ran["entities"]["test-taker"]["deleted"], 1);
    for (id, edited) in [
        (&sat, false),
        (&takers[0], false),
        (&idle, true),
        (&takers[3], true),
    ] {
        assert_eq!(label(&site, id).contains("edited"), edited, "{id}");
    }
    assert!(is_shown(&site, &gone.id) && !is_shown(&site, &also_gone.id));

    let status = site.run(&["status", "--json"]).object();
    assert_eq!(status["exam"]["executions"], counts);
    assert_eq!(status["exam"]["waiting"], 3);
    assert_eq!(status["exam"]["code"], "catalogue.in_use");
    let daemon = site.api().get("/v1/status").unwrap().json();
    assert_eq!(daemon["daemon"]["executions"], counts);
    let text = site.run(&["status"]).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        format!("{sat}: 3 executions under way"),
        "3 changes wait for its end [catalogue.in_use]".to_owned(),
    ] {
        assert!(text.contains(&told), "{told}: {text}");
    }
    let text = site.run(&["sync"]).exits(0).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("{sat}: 3 executions")), "{text}");

    // The first run after the exam brings it, and nobody has to ask for it by name.
    let told = signal(&site, &json!({ "executions": [], "ttl_seconds": 3600 }));
    assert_eq!(
        (&told["active"], &told["executions"]),
        (&json!(false), &json!([]))
    );
    let ran = site.sync().exits(0).code("ok");
    assert_eq!((codes(&ran), &ran["executions"]), (vec![], &json!([])));
    site.assert_equal_to_central();
    assert_eq!(
        site.run(&["status", "--json"]).object()["exam"]["code"],
        Value::Null
    );
}

#[test]
fn an_exam_of_which_no_more_is_told_keeps_everything_as_it_is() {
    let site = site();
    let _daemon = site.start_daemon();
    site.sync().exits(0);
    let (sat, idle) = (site.delivery(0), site.delivery(1));
    let executions = json!([{ "delivery": sat, "state": "Active", "count": 1 }]);
    signal(
        &site,
        &json!({ "name": "a", "executions": executions, "ttl_seconds": 3600 }),
    );
    signal(
        &site,
        &json!({ "name": "b", "active": true, "ttl_seconds": 3600 }),
    );
    relabel(&site, &idle, "edited");
    let ran = site.sync().exits(0).object();
    assert_eq!(codes(&ran), ["catalogue.in_use"], "{ran}");
    signal(&site, &json!({ "name": "b", "active": false }));
    let ran = site.sync().exits(0).object();
    assert_eq!(codes(&ran), [""; 0], "{ran}");
    assert!(label(&site, &idle).contains("edited"));
}

#[test]
fn executions_that_say_nothing_clear_are_refused() {
    let site = site();
    let _daemon = site.start_daemon();
    let one = |state: &str| json!({ "delivery": "http://d", "state": state, "count": 1 });
    for body in [
        json!({}),
        json!({ "executions": [one("Active")] }),
        json!({ "executions": [] }),
        json!({ "active": true, "executions": [one("Active")] }),
        json!({ "active": false, "executions": [one("Active")], "ttl_seconds": 60 }),
        json!({ "executions": [one("active")], "ttl_seconds": 60 }),
        json!({ "executions": [{ "delivery": "", "state": "Active", "count": 1 }], "ttl_seconds": 60 }),
        json!({ "executions": [{ "delivery": "d", "state": "Active", "count": 1, "who": [] }], "ttl_seconds": 60 }),
    ] {
        let answer = site
            .api()
            .call("PUT", "/v1/exam", &body.to_string())
            .unwrap();
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["code"], "api.request");
    }
    let status = site.api().get("/v1/status").unwrap().json();
    assert_eq!(status["daemon"]["exam_seconds_left"], Value::Null);
}

/// A delivery engine that follows the events of the box.
struct EngineFollower(BufReader<UnixStream>);

impl EngineFollower {
    fn new(site: &Site) -> Self {
        let mut stream = site.api().connect().expect("the daemon listens");
        stream
            .write_all(b"GET /v1/events HTTP/1.1\r\nHost: box\r\n\r\n")
            .unwrap();
        Self(BufReader::new(stream))
    }

    /// The data of the next event of this name.
    fn hears(&mut self, wanted: &str) -> Value {
        let mut kind = String::new();
        loop {
            let mut line = String::new();
            let read = self
                .0
                .read_line(&mut line)
                .expect("the box goes on telling");
            assert!(read > 0, "no event {wanted}");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim().clone_into(&mut kind);
            }
            if let Some(data) = line.strip_prefix("data: ").filter(|_| kind == wanted) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

fn sat(site: &Site, name: &str, count: u64, ttl: u64) -> Value {
    let delivery = site.delivery(0);
    let executions = json!([{ "delivery": delivery, "state": "Active", "count": count }]);
    json!({ "name": name, "executions": executions, "ttl_seconds": ttl })
}

#[test]
fn what_is_sat_is_terminated_by_the_engine_before_the_run() {
    let site = site();
    let _daemon = site.start_daemon();
    site.sync().exits(0);
    signal(&site, &sat(&site, "hall", 2, 3600));
    site.central.reset_log();
    // Nobody is asked, and nothing is sent, before the number was given.
    for options in [&["--terminate"][..], &["--terminate", "--yes", "3"]] {
        let ran = site.sync_with(options).exits(2);
        assert_eq!(ran.object()["code"], "input.terminate", "{}", ran.story());
    }
    let mut engine = EngineFollower::new(&site);
    assert_eq!(engine.hears("state")["terminate"]["asked"], false);
    let running = site.start(&["sync", "--terminate", "--yes", "2", "--json"]);
    let told = engine.hears("terminate");
    let reason = json!({
        "reasons": { "category": "Technical" }, "comment": "Terminated to proceed with synchronization.",
    });
    assert_eq!((&told["asked"], &told["reason"]), (&json!(true), &reason));
    assert_eq!(told["executions"][0]["count"], 2);
    // One candidate after the other; the run waits for the last.
    signal(&site, &sat(&site, "hall", 1, 3600));
    let told = engine.hears("terminate");
    assert_eq!(told["executions"][0]["count"], 1);
    assert_eq!(site.central.requests().len(), 0);
    signal(&site, &sat(&site, "hall", 0, 3600));
    running.end().exits(0).code("ok");
    assert!(!site.central.requests().is_empty());
    assert_eq!(engine.hears("terminate")["asked"], false);
    // Nothing is sat any more: there is nobody to ask.
    site.sync_with(&["--terminate"]).exits(0).code("ok");
}

#[test]
fn an_engine_that_dies_in_the_middle_is_named_and_nothing_is_forced() {
    let mut site = site();
    site.set("sync", "terminate_timeout", "\"2s\"");
    let _daemon = site.start_daemon();
    site.sync().exits(0);
    signal(&site, &sat(&site, "hall", 2, 3600));
    signal(&site, &sat(&site, "annexe", 1, 1));
    site.central.reset_log();
    let mut engine = EngineFollower::new(&site);
    let running = site.start(&["sync", "--terminate", "--yes", "3", "--json"]);
    while engine.hears("terminate")["asked"] != true {}
    signal(&site, &sat(&site, "hall", 1, 3600));
    drop(engine);
    // The signal of the other one runs out, which is no answer.
    let ran = running.end().exits(1);
    let told = ran.object();
    assert_eq!(told["code"], "exam.not_terminated", "{}", ran.story());
    let reason = told["reason"].as_str().unwrap();
    for engine in ["hall", "annexe"] {
        assert!(reason.contains(engine), "{reason}");
    }
    assert!(reason.contains("(1 go on)"), "{reason}");
    assert_eq!(site.central.requests().len(), 0, "nothing was begun");
    let status = site.run(&["status", "--json"]).object();
    assert_eq!(
        status["exam"]["executions"][0]["count"], 1,
        "nothing was forced"
    );
    // It is started anew while it is asked again: the state tells it.
    let mut before = EngineFollower::new(&site);
    let running = site.start(&["sync", "--terminate", "--yes", "1", "--json"]);
    while before.hears("terminate")["asked"] != true {}
    assert_eq!(
        EngineFollower::new(&site).hears("state")["terminate"]["asked"],
        true
    );
    signal(&site, &json!({ "name": "hall", "active": false }));
    running.end().exits(0).code("ok");
}
