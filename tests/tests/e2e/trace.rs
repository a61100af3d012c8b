//! What a run leaves when it is killed, what a box is that was put back or that runs twice, and an identity that rots.
//! Never trusts what the box says of itself: central's log and rows are counted.
//! Run beside a central of its own each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use central::{Fault, Route, Rule};
use e2e::{LIMIT, Running, Site, options, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, listed, owing, result, send, submit};

const ROWS: usize = 40;

pub(crate) fn rows(id: &str) -> Value {
    let row = |n: usize| {
        json!({
            "id": format!("{id}-{n}"), "delivery_execution_id": id, "event_id": format!("ROW_{id}_{n}"),
            "data": {"n": n}, "created_at": format!("{}.1234", 1_795_000_000 + n),
            "created_by": "https://central.example/tao.rdf#taker",
        })
    };
    Value::Array((0..ROWS).map(row).collect())
}

fn submit_results(site: &Site, ids: &[String]) {
    let all = ids
        .iter()
        .map(|id| (id.clone(), result(site, id, &answers(id, 2))));
    let all: serde_json::Map<String, Value> = all.collect();
    submit(site, "results", &all.into());
}

fn submit_rows(site: &Site, ids: &[String]) {
    let all: serde_json::Map<String, Value> = ids.iter().map(|id| (id.clone(), rows(id))).collect();
    submit(site, "logs", &all.into());
}

/// Rows of candidates that central has more than once.
fn surplus(site: &Site) -> u64 {
    let mut counted = BTreeMap::<String, u64>::new();
    for row in site.central.log_rows() {
        if row.event.starts_with("ROW_") {
            *counted.entry(row.event).or_default() += 1;
        }
    }
    counted.values().map(|times| times - 1).sum()
}

fn history(site: &Site) -> Vec<Value> {
    site.run(&["history", "--json"]).exits(0).objects()
}

fn doubled(site: &Site) -> u64 {
    let doubled = |report: &Value| report["logs"]["doubled"].as_u64().unwrap();
    history(site).iter().map(doubled).sum()
}

/// The state of each run on central by its number.
fn on_central(site: &Site) -> BTreeMap<i64, String> {
    let rows = site.central.sync_rows().into_iter();
    rows.map(|row| (row.sync_id, row.status)).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Codes that `doctor` tells as no pass.
fn told(site: &Site) -> Vec<String> {
    let ran = site.run(&["doctor", "--offline", "--json"]).ends();
    let checks = ran.object()["checks"].as_array().unwrap().clone();
    let bad = checks
        .iter()
        .filter(|check| check["status"] == "warn" || check["status"] == "fail");
    bad.map(|check| check["code"].as_str().unwrap().to_owned())
        .collect()
}

fn reasons(site: &Site) -> Vec<String> {
    let failed = site.central.requests_on(Route::Failed);
    let reason = |seen: &central::Seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        body["failure-reason"].as_str().unwrap().to_owned()
    };
    failed.iter().map(reason).collect()
}

/// A daemon that has just begun a run, and central gives no list.
fn in_a_run(site: &Site) -> Running {
    site.central
        .script(Rule::on(Route::Checksums, Fault::Silence).always());
    let mut running = site.start(&["run"]);
    assert!(running.until("a run under way", || site.asked(Route::Checksums) > 0));
    running
}

#[test]
fn a_killed_run_is_in_the_history_what_it_doubled_is_counted_and_central_is_told() {
    let site = owing();
    let ids: Vec<String> = (0..3).map(execution).collect();
    submit_results(&site, &ids);
    send(&site).exits(0);
    submit_rows(&site, &ids);
    const KILLS: usize = 4;
    for kill in 1..=KILLS {
        // Central stores the rows, and the box never hears of it.
        site.central
            .script(Rule::on(Route::Logs, Fault::Latency { ms: 60_000 }));
        let mut running = site.start(&["sync", "--results", "--json"]);
        let stored = || {
            site.central
                .log_rows()
                .iter()
                .filter(|row| row.event.starts_with("ROW_"))
                .count()
        };
        assert!(running.until("rows under way", || stored() >= kill * ids.len() * ROWS));
        running.kill().was_killed();
        site.central.sever();
    }
    site.central.clear_script();
    send(&site).exits(0);
    assert_eq!(surplus(&site), (KILLS * ids.len() * ROWS) as u64);
    assert_eq!(doubled(&site), surplus(&site), "{:?}", history(&site));
    let runs: Vec<_> = history(&site)
        .into_iter()
        .map(|run| {
            (
                run["sync_id"].as_u64().unwrap(),
                run["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let mut expected = vec![(1, "ok".to_owned())];
    expected.extend((2..6).map(|number| (number, "run.killed".to_owned())));
    expected.push((6, "ok".to_owned()));
    expected.reverse();
    assert_eq!(runs, expected);
    let central = on_central(&site);
    assert!(
        central.values().all(|status| status != "In progress"),
        "{central:?}"
    );
    assert!(
        (2..6).all(|number| central[&number] == "Failed"),
        "{central:?}"
    );
    // A run that is killed before central's answer has it told again, one that ended does not.
    let told = reasons(&site).len();
    assert!(told >= KILLS);
    send(&site).exits(0);
    assert_eq!(reasons(&site).len(), told);
    assert!(
        reasons(&site)
            .iter()
            .all(|reason| reason.contains("cut off"))
    );
}

#[test]
fn a_run_that_is_told_to_end_tells_central_before_it_does() {
    let mut site = Site::small();
    site.set("sync", "interval", "\"1h\"");
    let running = in_a_run(&site);
    let begun = Instant::now();
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(on_central(&site), [(1, "Failed".to_owned())].into());
    assert!(
        reasons(&site)[0].contains("told to end"),
        "{:?}",
        reasons(&site)
    );
    assert_eq!(history(&site)[0]["code"], "run.stopped");
    site.central.clear_script();
    site.sync().exits(0);
    assert_eq!(reasons(&site).len(), 1, "once");
    assert_eq!(history(&site).len(), 2);
    // The same of a run in a terminal.
    site.central
        .script(Rule::on(Route::Checksums, Fault::Silence).always());
    let before = site.asked(Route::Checksums);
    let mut running = site.start(&["sync"]);
    assert!(running.until("a run", || site.asked(Route::Checksums) > before));
    running.signal(Signal::SIGTERM);
    running.end().exits(130);
    assert_eq!(on_central(&site)[&3], "Failed");
}

#[test]
fn a_central_that_does_not_hear_of_the_end_is_told_by_the_next_run() {
    let mut site = Site::small();
    site.set("sync", "interval", "\"1h\"");
    let running = in_a_run(&site);
    site.central.script(Rule::on(Route::Failed, Fault::Silence));
    let begun = Instant::now();
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
    assert!(begun.elapsed() < Duration::from_secs(5));
    site.central.clear_script();
    site.sync().exits(0);
    assert_eq!(on_central(&site)[&1], "Failed");
    assert_eq!(history(&site)[1]["code"], "run.stopped");
    // So is one whose worker was killed under the daemon.
    site.central.reset_log();
    let running = in_a_run(&site);
    let worker = running.workers()[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), Signal::SIGKILL).unwrap();
    site.central.clear_script();
    wait_until("the next run", LIMIT, || {
        on_central(&site).get(&4).is_some_and(|s| s == "Success")
    });
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
    assert_eq!(on_central(&site)[&3], "Failed");
    assert_eq!(history(&site)[1]["code"], "run.killed");
}

#[test]
fn a_box_that_was_put_back_is_named_and_sends_nothing_twice() {
    // With its files copied back, and as an image of the disk, whose files are the same to every look.
    for image in [false, true] {
        let site = owing();
        let ids: Vec<String> = (0..5).map(execution).collect();
        submit_results(&site, &ids);
        submit_rows(&site, &ids);
        let (kept, place) = (site.path("kept"), site.path("place"));
        send(&site).exits(0);
        // The copy is made of a box that has run, and owes.
        let more: Vec<String> = (5..10).map(execution).collect();
        submit_results(&site, &more);
        submit_rows(&site, &more);
        copy(&site.state(""), &kept);
        for _ in 0..3 {
            send(&site).exits(0);
        }
        let used = on_central(&site).into_keys().max().unwrap();
        let (results, before) = (site.asked(Route::Results), doubled(&site));
        assert_eq!((surplus(&site), before), (0, 0));
        fs::rename(site.state("place"), &place).unwrap();
        copy(&kept, &site.state(""));
        if image {
            fs::rename(&place, site.state("place")).unwrap();
        }
        let ran = send(&site).exits(0).object();
        // Of what was never sent from here central may hold fewer variables: each is asked for, with the entry that shows
        // the storage well. None is stored twice (`assert_home`).
        let asked = site.asked(Route::Results) - results;
        assert_eq!(asked, more.len() * 2 * 2, "image {image}: sent again");
        ids.iter()
            .chain(&more)
            .for_each(|id| assert_home(&site, id, &answers(id, 2)));
        assert!(
            listed(&site)
                .values()
                .all(|(state, _)| state == "acknowledged")
        );
        assert_eq!(surplus(&site), (more.len() * ROWS) as u64);
        assert_eq!(doubled(&site), surplus(&site));
        if !image {
            assert!(ran["sync_id"].as_i64().unwrap() > used, "{ran}");
        }
        assert!(
            told(&site).contains(&"box.restored".to_owned()),
            "{:?}",
            told(&site)
        );
        let status = site.run(&["status", "--json"]).ends().object().to_string();
        assert!(status.contains("box.restored"), "{status}");
        // Of an image the numbers were raised once central's answers had shown it.
        let next = send(&site).exits(0).object()["sync_id"].as_i64().unwrap();
        assert!(next > used);
        let after = send(&site).exits(0).object()["sync_id"].as_i64().unwrap();
        assert_eq!(after, next + 1);
        assert!(history(&site).len() > 3, "what was before is still told");
    }
}

#[test]
fn a_box_that_was_put_back_offline_waits_for_central_s_time() {
    let site = owing().held();
    let kept = site.path("kept");
    copy(&site.state(""), &kept);
    site.sync().exits(0);
    copy(&kept, &site.state(""));
    site.central.set_listening(false);
    site.sync().exits(4);
    site.central.set_listening(true);
    let ran = site.sync().exits(0).object();
    assert!(ran["sync_id"].as_i64().unwrap() > 1_000_000, "{ran}");
    let numbers: Vec<i64> = site
        .central
        .sync_rows()
        .iter()
        .map(|row| row.sync_id)
        .collect();
    assert_eq!(numbers.len(), 3, "no row was continued: {numbers:?}");
}

/// The same folder on another machine with the same fingerprint.
pub(crate) fn twin(site: &Site) -> std::path::PathBuf {
    let root = site.path("twin");
    fs::create_dir_all(root.join("var/lib")).unwrap();
    copy(&site.path("etc"), &root.join("etc"));
    copy(&site.state(""), &root.join("var/lib/boxsync"));
    root
}

pub(crate) fn at(site: &Site, root: &Path, words: &[&str]) -> Running {
    let own = site.command(&[]);
    let mut command = Command::new(own.get_program());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.arg("--root").arg(root).args(words);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    Running::start(command)
}

#[test]
fn two_boxes_of_one_image_send_once_and_are_named() {
    let mut site = Site::enrolled(options(200, 1, (20_000, 40_000)));
    site.set("sync", "lanes", "1");
    let ids: Vec<String> = (0..12).map(execution).collect();
    submit_results(&site, &ids);
    let root = twin(&site);
    send(&site).exits(0);
    let results = site.asked(Route::Results);
    at(&site, &root, &["sync", "--results", "--json"])
        .end()
        .exits(0);
    // Each variable is asked for, with the entry that shows the storage well; none is stored twice (`assert_home`).
    let asked = site.asked(Route::Results) - results;
    assert_eq!(asked, ids.len() * 2 * 2, "the image's results are home");
    ids.iter()
        .for_each(|id| assert_home(&site, id, &answers(id, 2)));
    let numbers: Vec<i64> = site
        .central
        .sync_rows()
        .iter()
        .map(|row| row.sync_id)
        .collect();
    assert!(
        numbers
            .iter()
            .all(|n| numbers.iter().filter(|m| *m == n).count() == 1),
        "{numbers:?}"
    );
    // Both at once: each token ends the other's.
    site.central.reset_log();
    site.central.set_latency(200);
    let begun = Instant::now();
    let one = site.start(&["sync", "--data", "--json"]);
    let other = at(&site, &root, &["sync", "--data", "--json"]);
    let (one, other) = (one.end().ends(), other.end().ends());
    let took = begun.elapsed().as_secs();
    let tokens = site.asked(Route::Token) as u64;
    // Once a second today; two for each box at once, then one in 2, 4, 8 … s.
    assert!(tokens <= 8 + took / 4, "{tokens} tokens in {took} s");
    site.central.set_latency(0);
    let shown = at(&site, &root, &["doctor", "--offline", "--json"])
        .end()
        .ends();
    let named = told(&site).contains(&"box.twice".to_owned()) || shown.out.contains("box.twice");
    assert!(named, "{}\n{}", one.story(), other.story());
    // Another enrolment is the end of it.
    site.enroll().exits(0);
    assert!(!told(&site).contains(&"box.twice".to_owned()));
}

#[test]
fn an_identity_that_rots_is_named_and_the_box_works_on() {
    let copies = |site: &Site| [site.state("identity"), site.state("identity.2")];
    let who = |site: &Site| site.run(&["identity", "--json"]).exits(0).object();
    let verbs: [&[&str]; 6] = [
        &["status"],
        &["history"],
        &["entities"],
        &["packages"],
        &["results"],
        &["identity"],
    ];
    // One copy, the other one, both.
    for damaged in [vec![0], vec![1], vec![0, 1]] {
        let site = Site::small().held();
        site.sync().exits(0);
        let before = who(&site);
        let files = copies(&site);
        damaged.iter().for_each(|at| flip(&files[*at]));
        if damaged.len() == 1 {
            assert_eq!(told(&site), ["identity.damaged"]);
        }
        for verb in verbs {
            let ran = site.run(verb).ends();
            assert!(
                !ran.err.contains("damaged") || ran.exit == Some(0),
                "{verb:?}: {}",
                ran.story()
            );
        }
        let ran = site.sync().exits(0).object();
        assert_eq!(ran["box_id"], before["box_id"]);
        assert_eq!(ran["sync_id"], 3, "{damaged:?}");
        assert_eq!(
            told(&site),
            ["identity.damaged"],
            "a disk that rots goes on"
        );
        assert_eq!(fs::read(&files[0]).is_ok(), fs::read(&files[1]).is_ok());
        fs::remove_dir_all(site.state("quarantine")).unwrap();
        assert_eq!(told(&site), Vec::<String>::new());
    }
}

#[test]
fn an_identity_of_which_nothing_tells_is_made_anew() {
    let site = Site::small().held();
    let before = site.run(&["identity", "--json"]).exits(0).object();
    for name in ["identity", "identity.2", "last"] {
        flip(&site.state(name));
    }
    let ran = site.sync().exits(0).object();
    assert_ne!(ran["box_id"], before["box_id"]);
    assert_eq!(told(&site), ["identity.damaged"]);
    site.assert_equal_to_central();
}

#[test]
fn the_files_of_an_earlier_release_are_enough() {
    let site = Site::small().held();
    for name in ["identity.2", "trace", "place"] {
        fs::remove_file(site.state(name)).unwrap();
    }
    let ran = site.sync().exits(0).object();
    assert_eq!(ran["sync_id"], 2);
    assert!(site.state("identity.2").is_file());
    assert_eq!(told(&site), Vec::<String>::new());
}
