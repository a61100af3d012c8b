//! A delivery engine of another's making runs a small exam on a box while everything around it changes.
//! Never the product's own client: `tests/engine/engine.py` is written by docs/api.md, its client made from the description.
//! Run like every test of this crate; without python3 it says so and is left out.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use central::Kind;
use e2e::{Running, Site, options};
use serde_json::Value;

/// The engine at work.
struct DeliveryEngine {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl DeliveryEngine {
    fn start(site: &Site, candidates: usize, results: usize) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/engine/engine.py");
        let mut child = Command::new("python3")
            .arg("-B")
            .arg(program)
            .arg(site.path("run/boxsync/boxsync.sock"))
            .args([
                site.delivery(0),
                candidates.to_string(),
                results.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, told }
    }

    fn says(&mut self) -> String {
        self.told.next().expect("the engine goes on").unwrap()
    }

    fn goes_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for DeliveryEngine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn killed(daemon: Running, site: &Site) -> Running {
    let _ = daemon.kill().was_killed();
    site.start_daemon()
}

fn edition(site: &Site) -> Value {
    let all = site.api().get("/v1/packages").unwrap().lines();
    let mut own = all
        .into_iter()
        .filter(|one| one["delivery"] == site.delivery(0).as_str());
    own.next().unwrap()["edition"].clone()
}

#[test]
fn an_engine_by_the_document_runs_an_exam_while_everything_changes() {
    if Command::new("python3").arg("-V").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    const RESULTS: usize = 200;
    let mut site = Site::enrolled(options(40, 2, (60_000, 200_000)));
    site.set("sync", "on_boot", "false");
    let mut daemon = site.start_daemon();
    site.sync().exits(0);
    let mut engine = DeliveryEngine::start(&site, 30, RESULTS);
    assert_eq!(engine.says(), "reading");
    // Central publishes another package and other people, the store is made anew, and the daemon dies in between.
    let before = edition(&site);
    site.central.make_package(&site.delivery(0), 77, 150_000);
    site.central.touch("1001", Kind::Delivery, 2);
    site.central.touch("1001", Kind::TestTaker, 9);
    site.central.add_test_takers("1001", 3);
    site.sync().exits(0);
    assert_ne!(edition(&site), before);
    daemon = killed(daemon, &site);
    fs::remove_dir_all(site.state("index")).unwrap();
    site.central.touch("1001", Kind::TestTaker, 5);
    site.sync().exits(0);
    engine.goes_on();
    assert_eq!(engine.says(), "handing in");
    daemon = killed(daemon, &site);
    // All of them are in when it waits for a word; none of them is home yet.
    site.central.reset_log();
    engine.goes_on();
    let told: Value = serde_json::from_str(&engine.says()).unwrap();
    assert_eq!(
        (&told["flaws"], &told["edition"]),
        (&Value::Array(Vec::new()), &before)
    );
    assert!(told["rounds"].as_u64().unwrap() >= 30);
    let known = told["known"].as_object().unwrap();
    let held = site.entities();
    assert_eq!(known.len(), held.len());
    for ((kind, id), entity) in &held {
        assert_eq!(
            known[&format!("{kind} {id}")],
            entity.checksum.as_str(),
            "{id}"
        );
    }
    let states = told["states"].as_object().unwrap();
    assert_eq!(states.len(), RESULTS);
    assert!(states.values().all(|state| state == "queued"), "{states:?}");
    // Home, each once; whoever follows the events has heard of it.
    site.sync().exits(0);
    engine.goes_on();
    let heard: Value = serde_json::from_str(&engine.says()).unwrap();
    assert_eq!(heard["known"], told["known"]);
    assert_eq!(heard["edition"], edition(&site));
    let fates = heard["states"].as_object().unwrap();
    assert_eq!(fates.len(), RESULTS);
    assert!(
        fates.values().all(|fate| fate == "acknowledged"),
        "{fates:?}"
    );
    let seen = heard["seen"].as_array().unwrap();
    for event in ["state", "gone", "entity", "result"] {
        assert!(seen.contains(&event.into()), "{event} is not in {seen:?}");
    }
    let home = site.central.executions();
    assert_eq!(home.len(), RESULTS);
    assert!(
        home.iter()
            .all(|one| one.variables.len() == 1 && one.is_mapped)
    );
    let acknowledged = site
        .api()
        .get("/v1/results?state=acknowledged")
        .unwrap()
        .lines();
    assert_eq!(acknowledged.len(), RESULTS);
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    let _ = daemon.end().exits(0);
    site.assert_equal_to_central();
}

/// Made anew by `BOXSYNC_SNAPSHOTS=1`.
#[test]
fn the_client_of_the_engine_is_made_from_the_description() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/engine");
    let made = Command::new("python3")
        .arg(format!("{folder}/generate.py"))
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../agent/src/socket/openapi.json"
        ))
        .output();
    let Ok(made) = made else {
        eprintln!("skipped: there is no python3");
        return;
    };
    assert!(made.status.success(), "{made:?}");
    let client = format!("{folder}/client.py");
    if std::env::var_os("BOXSYNC_SNAPSHOTS").is_some() {
        fs::write(&client, &made.stdout).unwrap();
    }
    let known = fs::read(&client).unwrap();
    assert!(
        known == made.stdout,
        "BOXSYNC_SNAPSHOTS=1 makes client.py anew"
    );
}
