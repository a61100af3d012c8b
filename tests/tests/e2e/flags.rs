//! What programs at the box watch: files that exist exactly while something is true, and the events a line each.
//! Never waits for a time: for a file to come or go, within a bound.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use central::Kind;
use e2e::{LIMIT, Site, options, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::results::{answers, execution, result, submit};

const FLAGS: [&str; 4] = ["ready", "not-ready", "owed", "exam-blocked"];

fn up(site: &Site) -> Vec<&'static str> {
    let is_up = |flag: &&str| site.path("run/boxsync").join(flag).exists();
    FLAGS.into_iter().filter(is_up).collect()
}

#[track_caller]
fn until(site: &Site, flags: &[&str]) {
    wait_until(&format!("exactly {flags:?}"), LIMIT, || up(site) == flags);
}

fn put(site: &Site, path: &str, body: &Value) {
    let answer = site.api().call("PUT", path, &body.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.head);
}

fn site() -> Site {
    let mut site = Site::enrolled(options(5, 1, (4_000, 6_000)));
    site.set("sync", "on_boot", "false");
    site.set("sync", "interval", "\"1h\"");
    site
}

#[test]
fn a_flag_is_there_exactly_while_it_is_true() {
    let site = site();
    let daemon = site.start_daemon();
    until(&site, &["not-ready"]);
    site.sync().exits(0);
    until(&site, &["ready"]);
    assert_eq!(site.run(&["status"]).exits(0).err, "");

    let id = execution(1);
    let path = format!(
        "/v1/results/{}",
        id.replace(':', "%3A")
            .replace('/', "%2F")
            .replace('#', "%23")
    );
    put(&site, &path, &result(&site, &id, &answers(&id, 2)));
    until(&site, &["ready", "owed"]);
    site.sync_with(&["--results"]).exits(0);
    until(&site, &["ready"]);

    put(
        &site,
        "/v1/exam",
        &json!({ "active": true, "ttl_seconds": 3600 }),
    );
    let taker = &site.ids(Kind::TestTaker)[0];
    let label = "http://www.w3.org/2000/01/rdf-schema#label";
    assert!(site.central.set_property(taker, label, &["edited"]));
    site.sync().exits(0);
    until(&site, &["ready", "exam-blocked"]);
    put(&site, "/v1/exam", &json!({ "active": false }));
    until(&site, &["ready"]);

    // A second daemon is turned away, and takes nothing with it.
    let _ = site.run(&["run"]).ends();
    assert_eq!(up(&site), ["ready"]);
    // Everybody may look.
    let mode = fs::metadata(site.path("run/boxsync/ready")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
        0o644
    );
    daemon.signal(Signal::SIGTERM);
    daemon.end().exits(0);
    assert_eq!(up(&site), [""; 0]);
}

#[test]
fn what_another_process_changes_is_followed_at_once() {
    let mut site = site();
    let file = site.path("run/boxsync.prom");
    site.set("metrics", "textfile", &format!("{file:?}"));
    let daemon = site.start_daemon();
    site.sync().exits(0);
    until(&site, &["ready"]);
    let text = || fs::read_to_string(&file).unwrap_or_default();
    let queued = |count: &str| {
        let line = format!("boxsync_owed_items{{kind=\"results\",state=\"queued\"}} {count}\n");
        wait_until(&line, LIMIT, || text().contains(&line));
    };
    queued("0");
    // Not through the daemon: the verb writes the spool itself.
    let id = execution(1);
    submit(
        &site,
        "results",
        &json!({ &id: result(&site, &id, &answers(&id, 2)) }),
    );
    until(&site, &["ready", "owed"]);
    queued("1");
    // A folder that came later is followed, too, and so is what goes.
    for file in site.files_of("item") {
        fs::remove_file(file).unwrap();
    }
    until(&site, &["ready"]);
    queued("0");
    drop(daemon);
}

#[test]
fn what_a_killed_daemon_left_is_gone_before_the_next_one_serves() {
    let site = site();
    let daemon = site.start_daemon();
    until(&site, &["not-ready"]);
    let _ = daemon.kill().was_killed();
    assert_eq!(
        up(&site),
        ["not-ready"],
        "without systemd nobody takes it away"
    );
    for flag in ["ready", "owed", "exam-blocked"] {
        fs::write(site.path("run/boxsync").join(flag), "").unwrap();
    }
    let daemon = site.start_daemon();
    until(&site, &["not-ready"]);
    daemon.signal(Signal::SIGTERM);
    daemon.end().exits(0);
    assert_eq!(up(&site), [""; 0]);
}

#[test]
fn watch_prints_the_events_until_the_service_ends() {
    let site = site();
    assert_eq!(
        site.run(&["watch", "--json"]).exits(1).object()["code"],
        "unit.down"
    );
    let daemon = site.start_daemon();
    let mut command = site.command(&["watch", "--json"]);
    let mut watch = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = |wanted: &str| loop {
        let line = lines.next().expect("the events go on").unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["schema"], 1, "{told}");
        if told["event"] == wanted {
            return told;
        }
    };
    assert!(next("state")["id"].is_string());
    put(
        &site,
        "/v1/exam",
        &json!({ "name": "hall", "active": true, "ttl_seconds": 60 }),
    );
    assert_eq!(next("exam")["name"], "hall");
    daemon.signal(Signal::SIGTERM);
    daemon.end().exits(0);
    assert_eq!(watch.wait().unwrap().code(), Some(1));
}
