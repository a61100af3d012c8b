//! It always starts: whatever the configuration, the environment and the state folder hold, and whatever became of the
//! program's file.
//! Run by `cargo test -p e2e`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use e2e::{LIMIT, Running, Site, options, wait_until};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

const WRONG: &str = "# by hand\n[sync]\nintervall = \"1h\"\n";

fn ended(running: Running) -> String {
    running.signal(Signal::SIGTERM);
    running.end().exits(0).err
}

/// Asks the daemon for a run.
fn asked(site: &Site) {
    let answer = site.api().call("POST", "/v1/sync", "").unwrap();
    assert_eq!(answer.status, 202);
}

fn status(site: &Site) -> serde_json::Value {
    site.api().get("/v1/status").unwrap().json()
}

fn drop_in(site: &Site) -> std::path::PathBuf {
    let folder = site.path("etc/boxsync/boxsync.d");
    fs::create_dir_all(&folder).unwrap();
    folder.join("90-site.toml")
}

#[test]
fn a_misspelt_key_leaves_the_last_good_configuration_in_force() {
    let mut site = Site::synchronized();
    site.set("sync", "on_boot", "false");
    site.set("sync", "interval", "\"1h\"");
    let mut daemon = site.start_daemon();
    let kept = site.state("configuration");
    assert!(daemon.until("what is kept", || kept.exists()));
    ended(daemon);
    assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
    fs::write(drop_in(&site), WRONG).unwrap();
    let daemon = site.start_daemon();
    // Told everywhere, by its place and its key.
    let told = |text: &str| {
        for word in ["90-site.toml:3", "intervall"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    };
    let shown = site.run(&["status"]).exits(2);
    assert!(shown.out.contains("READY, BUT"), "{}", shown.story());
    told(&shown.out.split_whitespace().collect::<Vec<_>>().join(" "));
    let shown = site.run(&["status", "--json"]).exits(2).object();
    let verdict = shown["verdict"].clone();
    assert_eq!(
        (&verdict["word"], &verdict["code"]),
        (&"ready_but".into(), &"config.unknown_key".into())
    );
    told(&shown["config_fault"]["reason"].to_string());
    let api = status(&site);
    told(&api["daemon"]["config_fault"]["reason"].to_string());
    // A command ends with it, the daemon's own work goes on.
    site.run(&["sync", "--json"])
        .exits(2)
        .code("config.unknown_key");
    let runs = site.central.sync_rows().len();
    asked(&site);
    wait_until("a run on the last good configuration", LIMIT, || {
        let rows = site.central.sync_rows();
        rows.len() > runs && rows.iter().all(|row| row.status == "Success")
    });
    wait_until("its end", LIMIT, || {
        status(&site)["daemon"]["running"].is_null()
    });
    // Mended, the next run takes it.
    fs::remove_file(drop_in(&site)).unwrap();
    asked(&site);
    wait_until("the end of the fault", LIMIT, || {
        status(&site)["daemon"]["config_fault"].is_null()
    });
    let journal = ended(daemon);
    told(&journal);
    assert!(journal.contains("[config.unknown_key]"), "{journal}");
    site.run(&["status"]).exits(0);
}

#[test]
fn a_file_that_a_cut_left_empty_takes_nothing_away() {
    let mut site = Site::synchronized();
    site.set("sync", "on_boot", "false");
    ended(site.start_daemon());
    fs::write(site.path("etc/boxsync/boxsync.toml"), "").unwrap();
    let daemon = site.start_daemon();
    let runs = site.central.sync_rows().len();
    asked(&site);
    wait_until("a run", LIMIT, || site.central.sync_rows().len() > runs);
    let told = ended(daemon);
    assert!(told.contains("[config.no_url]"), "{told}");
}

#[test]
fn the_environment_may_hold_any_bytes() {
    let mut site = Site::synchronized();
    let odd = OsStr::from_bytes(b"a\xff\xfe");
    for verb in [
        &["status"][..],
        &["doctor", "--offline"],
        &["config", "check"],
        &["config", "show"],
        &["sync"],
        &["entities"],
        &["packages"],
        &["results"],
        &["identity"],
        &["history"],
        &["stats"],
        &["clock", "show"],
    ] {
        let mut command = site.command(verb);
        command
            .env("LESSCHARSET", odd)
            .env(OsStr::from_bytes(b"N\xff"), "1")
            .env("NO_PROXY", odd)
            .env("TZ", odd);
        Running::start(command).end().exits(0);
    }
    // One of its own is a value like any other that cannot be used.
    let mut command = site.command(&["sync", "--json"]);
    command.env("BOXSYNC_BOX_ID", odd);
    Running::start(command).end().exits(2).code("config.value");
    site.set("sync", "on_boot", "false");
    let mut command = site.command(&["run"]);
    command.env("ODD", odd);
    let mut daemon = Running::start(command);
    let api = site.api();
    assert!(daemon.until("the daemon", || api.connect().is_some()));
    ended(daemon);
}

#[test]
fn the_check_opens_what_the_configuration_names() {
    let mut site = Site::new(options(1, 1, (4_000, 4_000)));
    let other = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let (missing, junk, fifo, empty) =
        (other("none"), other("junk"), other("fifo"), other("empty"));
    fs::write(&junk, [0xff, 0, 1, 2]).unwrap();
    fs::write(&empty, "").unwrap();
    mkfifo(fifo.as_str(), Mode::S_IRWXU).unwrap();
    for (key, file, code) in [
        ("ca_file", &missing, "config.file"),
        ("ca_file", &junk, "config.ca_file"),
        ("ca_file", &empty, "config.ca_file"),
        ("ca_file", &fifo, "config.file"),
        ("proxy_password_file", &missing, "config.file"),
        ("proxy_password_file", &junk, "config.file"),
        ("proxy_password_file", &empty, "config.file"),
        ("proxy_password_file", &fifo, "config.file"),
    ] {
        site.set("central", key, &format!("{file:?}"));
        let ran = site.run(&["config", "check"]).exits(2);
        assert!(ran.err.contains(code), "{key} {file}: {}", ran.story());
        assert!(
            ran.err.contains(file.as_str()) || ran.err.contains(key),
            "{key} {file}: {}",
            ran.story()
        );
        site.unset("central", key);
    }
    site.run(&["config", "check"]).exits(0);
    let folder = site.path("etc/boxsync/boxsync.d");
    let told = |site: &Site, what: &str| {
        let ran = site.run(&["config", "check"]).exits(2);
        assert!(
            ran.err.contains("config.file") && ran.err.contains("boxsync.d"),
            "{what}: {}",
            ran.story()
        );
    };
    fs::write(&folder, "").unwrap();
    told(&site, "a file");
    fs::remove_file(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    told(&site, "a loop");
    fs::remove_file(&folder).unwrap();
    mkfifo(&drop_in(&site), Mode::S_IRWXU).unwrap();
    told(&site, "a FIFO");
    fs::remove_dir_all(&folder).unwrap();
    let ran = site.run(&["config", "check"]).exits(0);
    assert!(!ran.err.contains("warning"), "loopback: {}", ran.story());
    site.set("central", "url", "\"http://central.example/\"");
    let ran = site.run(&["config", "check"]).exits(0);
    assert!(
        ran.err.contains("warning") && ran.err.contains("config.plain_http"),
        "{}",
        ran.story()
    );
    site.set("central", "url", "\"https://central.example/\"");
    let ran = site.run(&["config", "check"]).exits(0);
    assert!(!ran.err.contains("warning"), "{}", ran.story());
}

#[test]
fn what_is_no_file_in_the_place_of_a_file_of_the_state_holds_nothing_up() {
    let site = Site::synchronized();
    let names = [
        "version",
        "lock",
        "index.lock",
        "time.lock",
        "identity",
        "credentials",
        "last",
        "time",
        "data.key",
        "boxsync.key",
        "configuration",
        "catalogue/edition",
        "feed/head",
        "spool/lock",
        "spool/turn",
    ];
    for name in names {
        let path = site.state(name);
        let beside = site.path("aside");
        let was = path.exists();
        if was {
            fs::rename(&path, &beside).unwrap();
        } else if !path.parent().unwrap().is_dir() {
            continue;
        }
        for link in [false, true] {
            if link {
                std::os::unix::fs::symlink(&path, &path).unwrap();
            } else {
                mkfifo(&path, Mode::S_IRWXU).unwrap();
            }
            for verb in [
                &["status", "--json"][..],
                &["sync", "--json"],
                &["doctor", "--offline"],
            ] {
                // Whatever it says, it ends by itself, with a status of its own.
                let ran = site.run(verb).ends();
                if verb[0] == "sync" && ran.exit != Some(0) {
                    assert!(
                        ran.object()["code"]
                            .as_str()
                            .is_some_and(|code| code.contains('.'))
                    );
                }
            }
            let _ = fs::remove_file(&path);
        }
        if was {
            fs::rename(&beside, &path).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    site.sync().exits(0);
}

#[test]
fn a_program_that_was_replaced_starts_itself_all_the_same() {
    let mut site = Site::small();
    site.set("sync", "on_boot", "false");
    let program = site.path("boxsync");
    let shipped = site.command(&[]).get_program().to_owned();
    fs::copy(&shipped, &program).unwrap();
    let command = || {
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .arg("--root")
            .arg(site.path(""))
            .arg("run")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command
    };
    // An end that is none: the run is killed while its store is open.
    site.central.set_rate(20_000);
    let mut run = site.start(&["sync"]);
    assert!(run.until("an open store", || site.state("index/db").exists()));
    let _ = run.kill();
    site.central.set_rate(0);
    let mut daemon = Running::start(command());
    let api = site.api();
    assert!(daemon.until("the daemon", || api.connect().is_some()));
    // As a package manager does: a new file takes the name, the old one is gone.
    fs::copy(&shipped, site.path("boxsync.new")).unwrap();
    fs::rename(site.path("boxsync.new"), &program).unwrap();
    asked(&site);
    wait_until("a run", LIMIT, || {
        site.central
            .sync_rows()
            .iter()
            .any(|row| row.status == "Success")
    });
    ended(daemon);
    assert!(
        !site.state("quarantine").exists(),
        "a sound store was set aside"
    );
    site.assert_equal_to_central();
}

#[test]
fn a_worker_that_is_killed_three_times_is_told_with_its_cause() {
    let mut site = Site::small();
    site.set("sync", "on_boot", "false");
    site.set("sync", "interval", "\"1h\"");
    site.central.set_rate(2_000);
    let daemon = site.start_daemon();
    let worker = || daemon.workers().first().copied();
    for round in 0..3 {
        asked(&site);
        wait_until("a worker at work", LIMIT, || worker().is_some());
        let pid: i32 = worker().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        wait_until("its end to be noted", LIMIT, || {
            let shown = site.run(&["status", "--json"]).ends().object();
            let told = shown["verdict"].to_string();
            told.contains("SIGKILL") && (round < 2 || told.contains("3 synchronizations"))
        });
    }
    let shown = site.run(&["status"]).ends();
    let text = shown.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("SIGKILL") && text.contains("worker.died"),
        "{text}"
    );
    assert!(!text.contains("let it finish"), "{text}");
    let mut french = site.command(&["status"]);
    french.env("LANG", "fr_FR.UTF-8");
    let shown = Running::start(french).end();
    let text = shown.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = "le processus de cette synchronisation a été arrêté par SIGKILL";
    assert!(text.contains(whole), "{text}");
    assert!(!text.contains("was ended"), "{text}");
    site.central.set_rate(0);
    let journal = ended(daemon);
    assert!(journal.contains("[worker.died]"), "{journal}");
    site.sync().exits(0);
    let shown = site.run(&["status"]).ends();
    assert!(!shown.out.contains("SIGKILL"), "{}", shown.story());
}

#[test]
fn a_box_without_a_central_hears_that_first_from_status_as_from_doctor() {
    let first = |site: &Site| {
        let told = site.run(&["doctor", "--offline", "--json"]).exits(1);
        let checks = told.object()["checks"].clone();
        let failed = checks.as_array().unwrap().iter();
        let failed: Vec<_> = failed.filter(|check| check["status"] == "fail").collect();
        failed[0]["code"].clone()
    };
    let verdict = |site: &Site, exit| site.run(&["status", "--json"]).exits(exit).object();
    // A new box: neither the VM version nor an enrolment helps before.
    let mut new = Site::new(options(1, 1, (4_000, 4_000)));
    new.unset("central", "url");
    new.unset("box", "tao_version");
    let told = verdict(&new, 1)["verdict"].clone();
    assert_eq!(told["word"], "not_ready", "{told}");
    assert_eq!(told["code"], "config.no_url", "{told}");
    assert_eq!(first(&new), "config.no_url");
    // One that holds everything can give the exam, and cannot send what comes of it.
    let mut full = Site::synchronized();
    full.unset("central", "url");
    let told = verdict(&full, 0)["verdict"].clone();
    assert_eq!(told["word"], "ready_but", "{told}");
    assert_eq!(told["code"], "config.no_url", "{told}");
    assert_eq!(first(&full), "config.no_url");
}
