//! The daemon beside its central: a box that enrols by itself.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;

use central::{Kind, Route};
use e2e::{LIMIT, Running, Site, options, wait_until};

fn site() -> Site {
    let mut site = Site::new(options(5, 1, (10_000, 10_000)));
    site.set("sync", "interval", "\"1h\"");
    site
}

fn given(site: &Site, name: &str, login: &str, password: &str) -> PathBuf {
    let folder = site.path("credentials");
    fs::create_dir_all(&folder).unwrap();
    let text = serde_json::json!({ "login": login, "password": password }).to_string();
    fs::write(folder.join(name), text).unwrap();
    folder
}

/// Ends it as systemd does and gives what it told.
fn ended(running: Running) -> String {
    running.signal(nix::sys::signal::Signal::SIGTERM);
    running.end().exits(0).err
}

#[test]
fn a_box_that_was_given_a_login_enrols_and_synchronizes_by_itself() {
    for name in ["boxsync.enroll", "boxsync.enroll.sealed"] {
        let site = site();
        let (login, password) = site.central.manager("1001").unwrap();
        let folder = given(&site, name, &login, &password);
        let running = site.start_with(&folder);
        wait_until("a first synchronization", LIMIT, || {
            site.central
                .sync_rows()
                .iter()
                .any(|row| row.status == "Success")
        });
        let told = ended(running);
        assert!(
            told.contains("[enrolled]") && !told.contains(&password),
            "{told}"
        );
        site.assert_equal_to_central();
        // Once: it is enrolled now.
        let asked = site.asked(Route::Handshake);
        let running = site.start_with(&folder);
        wait_until("a second synchronization", LIMIT, || {
            site.central.sync_rows().len() > 1
        });
        ended(running);
        assert_eq!(site.asked(Route::Handshake), asked);
    }
}

#[test]
fn a_box_is_not_wiped_under_its_daemon() {
    let mut site = site();
    site.set("sync", "on_boot", "false");
    let mut running = site.start(&["run"]);
    let socket = site.path("run/boxsync/boxsync.sock");
    assert!(running.until("the daemon", || UnixStream::connect(&socket).is_ok()));
    // The last thing that its start writes.
    let configuration = site.state("configuration");
    assert!(running.until("its configuration", || configuration.exists()));
    let who = site.run(&["identity", "--json"]).exits(0).object();
    // The daemon tries the disk now and then, beside this test.
    let files = |site: &Site| {
        let mut files = site.files();
        files.retain(|file| file.extension().is_none_or(|end| end != "new"));
        files
    };
    let before = files(&site);
    let wipe = ["wipe", "--yes", who["box_id"].as_str().unwrap(), "--json"];
    let told = site.run(&wipe).exits(1).code("daemon.running").to_string();
    assert!(told.contains("systemctl stop boxsync.service"), "{told}");
    assert_eq!(files(&site), before);
    ended(running);
    site.run(&wipe).exits(0);
    assert_eq!(site.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_refused_login_is_told_and_not_tried_again_before_it_changes() {
    let mut site = site();
    site.set("sync", "on_boot", "false");
    let (login, password) = site.central.manager("1001").unwrap();
    let folder = given(&site, "boxsync.enroll", &login, "wrong");
    let mut running = site.start_with(&folder);
    let socket = site.path("run/boxsync/boxsync.sock");
    assert!(running.until("the daemon", || UnixStream::connect(&socket).is_ok()));
    // The second run meets the refusal, and does not go to central for it.
    for _ in 0..2 {
        let ran = site.run(&["sync", "--json"]).exits(3);
        let _ = ran.code("auth.password");
    }
    assert_eq!(site.asked(Route::Handshake), 1);
    given(&site, "boxsync.enroll", &login, &password);
    site.run(&["sync", "--json"]).exits(0).code("ok");
    let told = ended(running);
    assert!(
        told.contains("[auth.password]") && !told.contains(&password),
        "{told}"
    );
}

#[test]
fn a_journal_that_is_not_read_holds_nothing_up() {
    let mut site = Site::small();
    site.set("sync", "interval", "\"1s\"");
    // Its queue is full, and nobody takes anything out.
    fs::create_dir(site.path("journal")).unwrap();
    let _journal = UnixDatagram::bind(site.path("journal/socket")).unwrap();
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler
        .send_to(b"MESSAGE=full\n", site.path("journal/socket"))
        .is_ok()
    {}
    let script = "mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; \
        mount --bind \"$2/journal\" /run/systemd/journal; touch \"$2/journal/err\"; \
        JOURNAL_STREAM=$(stat -c %d:%i \"$2/journal/err\"); export JOURNAL_STREAM; \
        exec \"$1\" --root \"$2\" run 2>\"$2/journal/err\"";
    let Some(mut running) = site.start_in_own_mounts(script) else {
        eprintln!("skipped: this machine allows no mount namespaces");
        return;
    };
    let api = site.api();
    let up = running.until("the daemon", || api.connect().is_some());
    assert!(up, "{}", running.end().story());
    assert!(running.until("three runs", || site.central.sync_rows().len() > 2));
    assert!(api.connect().is_some());
    let begun = std::time::Instant::now();
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(running.end().exit, Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn runs_that_change_nothing_are_told_once() {
    let mut site = Site::enrolled(options(3, 1, (4_000, 6_000))).held();
    site.set("sync", "interval", "\"1s\"");
    let mut daemon = site.start_daemon();
    let runs = |count: usize| site.asked(Route::Finished) >= count;
    assert!(daemon.until("four runs", || runs(4)));
    // Something changes: one more line.
    let before = site.asked(Route::Finished);
    site.central.touch("1001", Kind::TestTaker, 1);
    assert!(daemon.until("two more runs", || runs(before + 3)));
    let journal = ended(daemon);
    let told = |code: &str| journal.lines().filter(|line| line.ends_with(code)).count();
    assert_eq!(
        (told("[sync.started]"), told("[sync.finished]")),
        (1, 2),
        "{journal}"
    );
}

#[test]
fn a_daemon_that_stands_still_is_told_by_every_verb_in_time() {
    let site = Site::enrolled(options(3, 1, (4_000, 4_000))).held();
    let mut site = site;
    site.set("sync", "on_boot", "false");
    let daemon = site.start(&["run"]);
    wait_until("its socket", LIMIT, || {
        UnixStream::connect(site.path("run/boxsync/boxsync.sock")).is_ok()
    });
    // A daemon that is well is no finding.
    let told = site.run(&["status", "--json"]).ends().object()["verdict"].to_string();
    assert!(!told.contains("daemon.silent"), "{told}");
    daemon.signal(nix::sys::signal::Signal::SIGSTOP);
    let begun = std::time::Instant::now();
    let shown = site.run(&["status"]).ends();
    assert!(
        shown.out.contains("[daemon.silent]") || shown.out.contains("daemon.silent"),
        "{}",
        shown.story()
    );
    let doctor = site
        .run(&["doctor", "--offline", "--json"])
        .exits(1)
        .object();
    assert_eq!(doctor["checks"][0]["code"], "daemon.silent", "{doctor}");
    for words in [&["sync"][..], &["pause"], &["resume"]] {
        let ran = site.run(words).exits(1);
        assert!(ran.err.contains("[daemon.silent]"), "{}", ran.story());
    }
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    // One that goes on is well again.
    daemon.signal(nix::sys::signal::Signal::SIGCONT);
    let told = site.run(&["status", "--json"]).ends().object()["verdict"].to_string();
    assert!(!told.contains("daemon.silent"), "{told}");
    ended(daemon);
}
