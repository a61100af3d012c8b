//! Its life: start, configuration, runs that are asked for, workers that die, the end.
//! Never a worker left behind.
//! Run by `cargo test`.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use crate::gate::wait;
use crate::house::*;

#[test]
fn it_is_ready_at_once_answers_and_ends_when_told() {
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    house.notified("STATUS=not synchronized since the start; waiting for the next interval");
    house.notified("WATCHDOG=1");
    let status = house.get("/v1/status");
    assert_eq!(status.status, 200);
    let told = status.json();
    assert_eq!(
        (&told["schema"], &told["enrolled"]),
        (&1.into(), &false.into())
    );
    assert_eq!(told["daemon"]["next"]["why"], "the next interval");
    assert_eq!(told["daemon"]["running"], Json::Null);
    let metrics = house.get("/v1/metrics");
    assert!(metrics.head.contains("text/plain; version=0.0.4"));
    assert!(!metrics.body.ends_with(b"\n# EOF\n"));
    let memory = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
    let figures = |name: &str| {
        memory
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    println!(
        "idle: {}, {} (debug build)",
        figures("VmRSS"),
        figures("Threads")
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    assert!(!house.root().socket().exists());
    assert!(house.journal().contains("is ready"));
}

#[test]
fn a_daemon_without_its_socket_or_its_folder_runs_and_is_not_called_ready() {
    let without_socket = |house: &DaemonHouse| {
        let folder = house.root().socket().parent().unwrap().to_owned();
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        fs::write(folder, "in the way").unwrap();
    };
    let without_folder = |house: &DaemonHouse| {
        fs::create_dir_all(house.root().state()).unwrap();
        fs::write(house.root().state().join("version"), "99").unwrap();
    };
    for break_it in [without_socket as fn(&DaemonHouse), without_folder] {
        let house = DaemonHouse::new(QUIET);
        break_it(&house);
        let daemon = house.start();
        assert_eq!(terminate(&house, daemon).code(), Some(0));
        let journal = house.journal();
        assert!(journal.contains("but is not ready"), "{journal}");
        assert!(!journal.contains("is ready\n"), "{journal}");
    }
}

#[test]
fn a_configuration_that_is_wrong_is_waited_out_and_later_changes_nothing() {
    let house = DaemonHouse::new("[sync]\nintervall = \"1h\"\n");
    let daemon = house.start();
    assert!(house.journal().contains("intervall"), "{}", house.journal());
    house.notified("STATUS=waiting for a good configuration: ");
    house.notified("WATCHDOG=1");
    let told = house.get("/v1/status").json();
    let fault = &told["daemon"]["config_fault"];
    assert_eq!(fault["code"], "config.unknown_key");
    assert!(
        fault["reason"].as_str().unwrap().contains("boxsync.toml:2"),
        "{fault}"
    );
    assert_eq!(house.cli(&["status"]).status.code(), Some(2));
    // It reads again when it is told, and by itself with the next run.
    house.configure(QUIET);
    assert_eq!(house.call("POST", "/v1/sync", "", "").status, 202);
    house.notified("STATUS=not enrolled");
    assert_eq!(
        house.get("/v1/status").json()["daemon"]["config_fault"],
        Json::Null
    );
    for (config, word) in [
        ("[sync]\nintervall = 1\n", "stays as it was"),
        (QUIET, "read again"),
    ] {
        house.configure(config);
        signal(&daemon, Signal::SIGHUP);
        house.notified("RELOADING=1");
        house.notified("READY=1");
        assert!(house.journal().contains(word), "{}", house.journal());
    }
    let mut second = house.spawn();
    assert_eq!(second.0.wait().unwrap().code(), Some(1));
    assert!(
        house.journal().contains("daemon.running"),
        "{}",
        house.journal()
    );
    assert_eq!(house.get("/v1/status").status, 200);
    // Killed, it leaves its socket behind; the next one takes the place.
    drop(daemon);
    assert!(house.root().socket().exists());
    let daemon = house.start();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn sync_goes_through_the_daemon_with_the_same_words_and_status() {
    let house = DaemonHouse::new(QUIET);
    let alone = house.cli(&["sync", "--json"]);
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
    house.configure(&format!(
        "{QUIET}[central]\nurl = \"http://127.0.0.1:9/\"\n"
    ));
    let alone = house.cli(&["sync", "--json"]);
    let daemon = house.start();
    let through = house.cli(&["sync", "--json"]);
    assert_eq!(
        (alone.status.code(), through.status.code()),
        (Some(3), Some(3))
    );
    let (alone, through): (Json, Json) = (
        serde_json::from_slice(&alone.stdout).unwrap(),
        serde_json::from_slice(&through.stdout).unwrap(),
    );
    assert_eq!(through["code"], "auth.not_enrolled");
    for key in ["code", "reason", "outcome", "box_id", "sync_id"] {
        assert_eq!(alone[key], through[key], "{key}");
    }
    assert_eq!(
        house.get("/v1/status").json()["daemon"]["running"],
        Json::Null
    );
    let metrics = String::from_utf8(house.get("/v1/metrics").body).unwrap();
    assert!(
        metrics.contains("boxsync_runs_total{outcome=\"unauthorized\"} 1"),
        "{metrics}"
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn credentials_wake_a_daemon_that_waits() {
    let (house, central) = DaemonHouse::before_silence();
    let daemon = house.start();
    house.import(&central);
    house.notified("STATUS=synchronizing (asked)");
    let _held = central.accept().unwrap();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn a_run_is_joined_or_overtaken_and_a_worker_that_dies_is_told() {
    let (house, central) = DaemonHouse::before_silence();
    let daemon = house.start();
    let mut events = house.follow();
    let first = house.call("POST", "/v1/sync", "", "");
    assert_eq!((first.status, &first.json()["run"]), (202, &1.into()));
    let _held = central.accept().unwrap();
    // The same again is the same run; more than that is another one, which does both.
    let again = house
        .call("POST", "/v1/sync", "", r#"{"types":["delivery"]}"#)
        .json();
    assert_eq!((&again["run"], &again["joined"]), (&1.into(), &true.into()));
    let more = house
        .call("POST", "/v1/sync", "", r#"{"allow_deletes":true}"#)
        .json();
    assert_eq!((&more["run"], &more["joined"]), (&2.into(), &false.into()));
    assert_eq!(next(&mut events, "stopped")["run"], 1);
    let _second = central.accept().unwrap();
    // What was accepted may have been the first one's: the second worker is just being made then.
    wait("the worker", || house.workers(&daemon).len() == 1);
    let workers = house.workers(&daemon);
    assert_eq!(workers.len(), 1);
    kill(Pid::from_raw(workers[0]), Signal::SIGKILL).unwrap();
    let told = next(&mut events, "report");
    assert_eq!(
        (&told["run"], &told["report"]["code"]),
        (&2.into(), &"worker.died".into())
    );
    assert!(house.journal().contains("SIGKILL"), "{}", house.journal());
    // It is tried again by itself, and a signal ends the daemon in the middle of that.
    house.notified("STATUS=synchronizing (retry)");
    let _third = central.accept().unwrap();
    let workers = house.workers(&daemon);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    for worker in workers {
        assert!(!PathBuf::from(format!("/proc/{worker}")).exists());
    }
}
