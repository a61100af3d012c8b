//! Second copies on another device, the site key that seals them, receipts, and a box that adopts what a lost one left.
//! Never trusts what a box says: the files of the place are looked at, and central is counted.
//! The other device is /dev/shm.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Running, Site, mode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::results::{answers, assert_home, execution, owing, result, send, submit};
use crate::trace::{at, copy};

/// A folder on another device than that of the box.
pub(crate) fn place() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap()
}

/// A box with a site key and a place for second copies.
pub(crate) fn copying() -> (Site, TempDir) {
    let mut site = owing();
    let place = place();
    let key = site.path("etc/boxsync/site.key");
    site.run(&["site", "key", "new", key.to_str().unwrap()])
        .exits(0);
    site.set("site", "key_file", &format!("{key:?}"));
    site.set("results", "copy_to", &format!("{:?}", place.path()));
    (site, place)
}

/// The objects at a place, the proof and those under way apart.
pub(crate) fn objects(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(objects(&path));
        } else if path.extension().is_some_and(|e| e == "bxs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn all(site: &Site, ids: &[String]) -> Value {
    let of = |id: &String| (id.clone(), result(site, id, &answers(id, 2)));
    json!(ids.iter().map(of).collect::<serde_json::Map<_, _>>())
}

pub(crate) fn submit_all(site: &Site, ids: &[String]) {
    submit(site, "results", &all(site, ids));
}

/// Another box of the same organisation with the same configuration, enrolled.
fn second(site: &Site) -> PathBuf {
    other_box(site, "second")
}

pub(crate) fn other_box(site: &Site, name: &str) -> PathBuf {
    let root = site.path(name);
    fs::create_dir_all(&root).unwrap();
    copy(&site.path("etc"), &root.join("etc"));
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.secret(&password);
    let words = ["enroll", "--login", &login, "--password-file"];
    let words = [&words[..], &[file.to_str().unwrap()]].concat();
    at(site, &root, &words).end().exits(0);
    root
}

/// The disk of a box dies.
pub(crate) fn dies(site: &Site) {
    fs::remove_dir_all(site.state("")).unwrap();
}

/// Starts the daemon and waits until its copies stand so.
fn copied(site: &Site, what: &str, stands: impl Fn(&Value) -> bool) -> Running {
    // What a daemon before it saw is not waited for.
    let _ = fs::remove_file(site.path("run/boxsync/copies"));
    let mut daemon = site.start_daemon();
    until_copies(site, &mut daemon, what, stands);
    daemon
}

fn until_copies(site: &Site, daemon: &mut Running, what: &str, stands: impl Fn(&Value) -> bool) {
    let up = daemon.until(what, || stands(&standing(site)));
    assert!(up, "{what}: {}", standing(site));
}

fn standing(site: &Site) -> Value {
    site.run(&["status", "--json"]).ends().object()["copies"].clone()
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(execution).collect()
}

#[test]
fn a_site_key_is_made_taken_and_never_overwritten() {
    let mut site = Site::new(e2e::options(1, 1, (20_000, 40_000)));
    site.run(&["site", "key", "--json"])
        .exits(1)
        .code("site.no_key");
    let (first, other) = (site.path("first.key"), site.path("other.key"));
    for path in [&first, &other] {
        let told = site.run(&["site", "key", "new", path.to_str().unwrap(), "--json"]);
        assert!(told.exits(0).object()["fingerprint"].is_string());
        assert_eq!(mode(path), 0o600);
    }
    let before = fs::read(&first).unwrap();
    site.run(&["site", "key", "new", first.to_str().unwrap()])
        .exits(2);
    assert_eq!(fs::read(&first).unwrap(), before);
    site.set("site", "key_file", &format!("{first:?}"));
    let print = |site: &Site| site.run(&["site", "key", "--json"]).exits(0).object();
    let own = print(&site)["fingerprint"].clone();
    let import = ["site", "key", "import", other.to_str().unwrap()];
    site.run(&import).exits(0);
    assert_ne!(print(&site)["fingerprint"], own);
    assert_eq!(print(&site)["former"], json!([own]));
    assert_eq!(mode(&first), 0o600);
    // The same once more changes nothing.
    site.run(&import).exits(0);
    assert_eq!(print(&site)["former"], json!([own]));
    fs::write(&first, "something else").unwrap();
    site.run(&["site", "key", "--json"])
        .exits(1)
        .code("site.key_file");
}

#[test]
fn what_is_let_in_is_copied_sealed_and_dropped_once_central_has_it() {
    let (site, place) = copying();
    let ids = ids(3);
    submit_all(&site, &ids);
    let held = objects(place.path());
    assert_eq!(held.len(), 3, "the verb that lets in waits for the copies");
    for path in &held {
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes.len() % 4096, 0);
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("answer") && !text.contains("kve_de"));
        assert_eq!(mode(path), 0o600);
    }
    submit_all(&site, &ids);
    assert_eq!(
        objects(place.path()),
        held,
        "the same again is the same copy"
    );
    send(&site).exits(0);
    // The daemon was off meanwhile: it drops them at its start, and leaves its proof.
    let daemon = copied(&site, "the proof", |told| {
        told["owed"] == 0 && told["proven_at"].is_i64()
    });
    assert_eq!(objects(place.path()).len(), 1, "the proof alone");
    daemon.kill().was_killed();
}

#[test]
fn what_was_let_in_before_or_while_the_place_was_away_is_copied_when_it_is_there() {
    let (mut site, place) = copying();
    let kept = place.path().to_owned();
    let away = kept.with_extension("away");
    site.unset("results", "copy_to");
    site.set("sync", "on_boot", "false");
    let ids = ids(4);
    submit_all(&site, &ids[..2]);
    site.set("results", "copy_to", &format!("{kept:?}"));
    fs::rename(&kept, &away).unwrap();
    let mut daemon = copied(&site, "a missing place", |told| {
        told["trouble"]["code"] == "copies.missing"
    });
    submit_all(&site, &ids[2..]);
    let verdict = site.run(&["status", "--json"]).ends().object();
    let told = verdict.to_string();
    assert!(told.contains("copies.missing"), "{told}");
    fs::rename(&away, &kept).unwrap();
    until_copies(&site, &mut daemon, "four copies", |told| {
        told["copied"] == 4 && told["owed"] == 4 && told["trouble"].is_null()
    });
    assert_eq!(objects(&kept).len(), 5);
    daemon.kill().was_killed();
}

#[test]
fn a_folder_on_the_disk_of_the_box_is_no_place() {
    let (mut site, _place) = copying();
    let own = site.path("mount-point");
    fs::create_dir(&own).unwrap();
    site.set("results", "copy_to", &format!("{own:?}"));
    site.set("sync", "on_boot", "false");
    submit_all(&site, &ids(1));
    let daemon = copied(&site, "no place", |told| {
        told["trouble"]["code"] == "copies.missing" && told["owed"] == 1 && told["copied"] == 0
    });
    assert_eq!(objects(&own), Vec::<PathBuf>::new());
    daemon.kill().was_killed();
}

#[test]
fn a_receipt_tells_what_is_kept_and_where_it_lies() {
    let (site, place) = copying();
    let ids = ids(1);
    submit_all(&site, &ids);
    let receipt = |site: &Site| {
        let ran = site.run(&["results", "receipt", &ids[0], "--json"]);
        ran.exits(0).object()
    };
    let told = receipt(&site);
    assert_eq!(told["state"], "queued");
    assert_eq!(told["copied"]["place"], json!(place.path()));
    assert!(told["accepted_at"].is_i64() && told["acknowledged_at"].is_null());
    let file = site.path("exported.json");
    let export = [
        "results",
        "export",
        &ids[0],
        file.to_str().unwrap(),
        "--yes",
    ];
    site.run(&export).exits(0);
    let sum = std::process::Command::new("sha256sum").arg(&file).output();
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    assert_eq!(sum.split(' ').next(), told["sha256"].as_str());
    assert!(!told.to_string().contains("#taker"));
    send(&site).exits(0);
    let told = receipt(&site);
    assert_eq!(told["state"], "acknowledged");
    assert!(told["acknowledged_at"].is_i64());
    let shown = site.run(&["results", "receipt", &ids[0]]).exits(0);
    assert!(
        shown.out.contains("acknowledged by central"),
        "{}",
        shown.out
    );
    site.run(&["results", "receipt", "none", "--json"])
        .exits(1)
        .code("results.unknown");
}

#[test]
fn a_box_adopts_what_a_dead_one_left_and_central_has_each_result_once() {
    let (mut site, place) = copying();
    let ids = ids(6);
    submit_all(&site, &ids);
    // Central has two of them, one of these without an answer; the copies are still there.
    site.set("results", "chunk_size", "1");
    let lost = crate::results::results(central::Fault::CrashAfter);
    site.central.script(lost.nth(2));
    let _ = send(&site).ends();
    dies(&site);
    let root = second(&site);
    let adopt = |words: &[&str]| {
        let folder = place.path().to_str().unwrap();
        let words = [&["results", "adopt", folder, "--json"], words].concat();
        at(&site, &root, &words).end()
    };
    adopt(&[]).exits(1).code("adopt.alive");
    let look = adopt(&["--look"]).exits(0).object();
    assert_eq!((&look["items"], &look["adopted"]), (&json!(6), &json!(0)));
    let other = adopt(&["--force", "--box", "other"]).exits(1);
    other.code("adopt.none");
    let id = look["box_id"].as_str().unwrap();
    adopt(&["--box", id]).exits(1).code("adopt.alive");
    // By its id alone: the place is the one that this box is configured with.
    let by_id = |id: &str| {
        let words = ["results", "adopt", id, "--json"];
        at(&site, &root, &words).end().exits(1)
    };
    by_id(id).code("adopt.alive");
    by_id("somebody").code("adopt.none");
    let told = adopt(&["--force"]).exits(0).object();
    assert_eq!((&told["adopted"], &told["known"]), (&json!(6), &json!(0)));
    let again = adopt(&["--force"]).exits(0).object();
    assert_eq!((&again["adopted"], &again["known"]), (&json!(0), &json!(6)));
    let listed = at(&site, &root, &["results", "--json"]).end().exits(0);
    for item in listed.objects() {
        assert_eq!(item["state"], "sending");
        assert_eq!(item["origin"], look["box_id"]);
    }
    let mut home = 0;
    for _ in 0..3 {
        let ran = at(&site, &root, &["sync", "--results", "--json"]);
        let told = ran.end().ends().object()["results"].clone();
        assert_eq!(told["adopted"], told["acknowledged"]);
        home += told["adopted"].as_u64().unwrap();
    }
    assert_eq!(home, 6, "the history tells how many came from another box");
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    let again = adopt(&["--force"]).exits(0).object();
    assert_eq!(again["known"], 6, "what is home stays known");
}

/// Starts the daemon where the place is a file system of its own.
fn on_a_mount(site: &Site, place: &Path, options: &str) -> Option<Running> {
    let script = format!("mount -t tmpfs -o {options} t {place:?}; exec \"$1\" --root \"$2\" run");
    site.start_in_own_mounts(&script)
}

#[test]
fn a_place_that_is_full_or_read_only_is_told_and_nothing_is_refused() {
    for (options, code) in [("size=12k", "copies.full"), ("ro", "copies.read_only")] {
        let (mut site, place) = copying();
        site.unset("results", "copy_to");
        let ids = ids(8);
        submit_all(&site, &ids);
        site.set("results", "copy_to", &format!("{:?}", place.path()));
        site.set("sync", "on_boot", "false");
        let Some(mut daemon) = on_a_mount(&site, place.path(), options) else {
            eprintln!("SKIPPED: no mount namespaces here");
            return;
        };
        until_copies(&site, &mut daemon, code, |told| {
            told["trouble"]["code"] == code && told["owed"] == 8 && told["oldest_at"].is_i64()
        });
        let status = site.run(&["status"]).ends();
        assert!(status.out.contains("of 8 copied"), "{}", status.out);
        let doctor = site.run(&["doctor", "--offline", "--json"]).ends();
        assert!(doctor.out.contains(code), "{}", doctor.out);
        daemon.kill().was_killed();
        site.sync().exits(0);
        for id in &ids {
            assert_home(&site, id, &answers(id, 2));
        }
    }
}

#[test]
fn a_rotten_copy_is_named_and_written_anew() {
    let (mut site, place) = copying();
    site.set("sync", "on_boot", "false");
    let ids = ids(3);
    submit_all(&site, &ids);
    let rotten = objects(place.path())[1].clone();
    let mut bytes = fs::read(&rotten).unwrap();
    bytes[2000] ^= 1;
    fs::write(&rotten, bytes).unwrap();
    let root = second(&site);
    let folder = place.path().to_str().unwrap();
    let adopted = at(
        &site,
        &root,
        &["results", "adopt", folder, "--force", "--json"],
    )
    .end();
    let told = adopted.exits(1);
    let name = rotten.file_name().unwrap().to_str().unwrap();
    assert!(told.err.contains(name), "{}", told.err);
    assert!(told.out.contains("adopt.changed") && told.out.contains("\"adopted\":2"));
    let daemon = copied(&site, "the rotten one", |told| {
        told["odd"]["code"] == "copies.changed" && told["copied"] == 3
    });
    daemon.kill().was_killed();
    let again = at(
        &site,
        &root,
        &["results", "adopt", folder, "--force", "--json"],
    )
    .end();
    assert_eq!(again.exits(0).object()["adopted"], 1);
}

#[test]
fn copies_of_another_site_are_not_used_and_a_new_key_takes_them_over() {
    let (mut site, place) = copying();
    site.set("sync", "on_boot", "false");
    submit_all(&site, &ids(2));
    let root = second(&site);
    let other = site.path("other.key");
    site.run(&["site", "key", "new", other.to_str().unwrap()])
        .exits(0);
    fs::copy(&other, root.join("etc/boxsync/site.key")).unwrap();
    let config = root.join("etc/boxsync/boxsync.toml");
    let text = fs::read_to_string(&config).unwrap();
    let own = site.path("etc/boxsync/site.key");
    let theirs = root.join("etc/boxsync/site.key");
    let text = text.replace(own.to_str().unwrap(), theirs.to_str().unwrap());
    fs::write(&config, text).unwrap();
    let folder = place.path().to_str().unwrap().to_owned();
    let adopt = || {
        let words = ["results", "adopt", &folder, "--force", "--json"];
        at(&site, &root, &words).end()
    };
    let told = adopt().exits(1);
    assert!(told.out.contains("adopt.changed"), "{}", told.out);
    assert!(told.err.contains("another site key"), "{}", told.err);
    // The box takes the other key: what lies there is sealed anew, and nothing stays under the former one.
    site.run(&["site", "key", "import", other.to_str().unwrap()])
        .exits(0);
    let daemon = copied(&site, "the new key", |told| {
        told["copied"] == 2 && told["proven_at"].is_i64()
    });
    daemon.kill().was_killed();
    assert_eq!(objects(place.path()).len(), 3, "two copies and a proof");
    assert_eq!(adopt().exits(0).object()["adopted"], 2);
}

#[test]
fn a_copy_that_was_put_back_after_it_was_home_is_told_and_not_adopted() {
    let (mut site, place) = copying();
    site.set("sync", "on_boot", "false");
    let ids = ids(3);
    submit_all(&site, &ids[..2]);
    let old: Vec<_> = objects(place.path())
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    send(&site).exits(0);
    submit_all(&site, &ids[2..]);
    let proven = |told: &Value| told["copied"] == 1 && told["proven_at"].is_i64();
    copied(&site, "the proof", proven).kill().was_killed();
    // The proof that is written next is younger than both.
    copied(&site, "one more proof", proven).kill().was_killed();
    for (bytes, path) in &old {
        fs::write(path, bytes).unwrap();
    }
    dies(&site);
    let root = second(&site);
    let folder = place.path().to_str().unwrap();
    let adopted = at(
        &site,
        &root,
        &["results", "adopt", folder, "--force", "--json"],
    )
    .end();
    let told = adopted.exits(0).object();
    assert_eq!(
        (&told["adopted"], &told["put_back"]),
        (&json!(1), &json!(2))
    );
}

#[test]
fn kills_and_copies_together_lose_and_double_nothing() {
    let (mut site, place) = copying();
    site.set("results", "chunk_size", "2");
    let ids = ids(18);
    for (round, wave) in ids.chunks(6).enumerate() {
        let lost = crate::results::results(central::Fault::CrashAfter);
        site.central.script(lost.nth(2));
        submit_all(&site, wave);
        let mut daemon = site.start_daemon();
        let requests = site.asked(central::Route::Results);
        // Killed while results are on their way, and copies written and dropped.
        daemon.until("requests", || {
            site.asked(central::Route::Results) > requests + round
        });
        daemon.kill().was_killed();
        site.central.clear_script();
    }
    // What the last kill left open is copied again; then the disk dies.
    site.central.set_listening(false);
    let daemon = copied(&site, "all that is owed", |told| {
        told["copied"] == told["owed"] && told["proven_at"].is_i64()
    });
    daemon.kill().was_killed();
    site.central.set_listening(true);
    dies(&site);
    let root = second(&site);
    let folder = place.path().to_str().unwrap();
    let adopted = at(
        &site,
        &root,
        &["results", "adopt", folder, "--force", "--json"],
    );
    let _ = adopted.end().ends();
    for _ in 0..3 {
        let sync = ["sync", "--results", "--json"];
        at(&site, &root, &sync).end().ends();
    }
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
}
