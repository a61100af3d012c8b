//! Results that leave a box without a link in the zip that central's own import takes: all of them home, each once.
//! Never trusts what the box says of itself: central imports the zip, by code of its own, and is looked at.
//! Full and pulled sticks need root or strace; that is said where it is skipped.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use central::Route;
use e2e::{Ran, Running, Site, mode};
use serde_json::{Value, json};

use crate::organisations::{FIRST, SECOND, both, own_of_second};
use crate::results::{
    answers, assert_home, contents, execution, listed, owing, owing_to, result, send, state, submit,
};

/// More than TAO's own batches of ten.
const OWED: usize = 23;

/// A box that owes results and cannot reach its central.
fn without_a_link(encrypted: bool) -> (Site, Vec<String>) {
    let site = owing_to(encrypted);
    if encrypted {
        // It knew central once.
        send(&site).exits(0);
    }
    let ids: Vec<String> = (0..OWED).map(execution).collect();
    let each = ids
        .iter()
        .map(|id| (id.clone(), result(&site, id, &answers(id, 2))));
    let document: serde_json::Map<_, _> = each.collect();
    submit(&site, "results", &json!(document));
    site.central.set_listening(false);
    site.central.sever();
    site.central.reset_log();
    (site, ids)
}

pub(crate) fn stick(site: &Site, name: &str) -> PathBuf {
    let folder = site.path("stick");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

pub(crate) fn export(site: &Site, name: &str, options: &[&str]) -> Ran {
    let path = stick(site, name);
    let words = [
        "results",
        "export-tao",
        path.to_str().unwrap(),
        "--yes",
        "--json",
    ];
    site.run(&[&words[..], options].concat())
}

fn names(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.path("stick")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[track_caller]
pub(crate) fn all_are(site: &Site, ids: &[String], expected: &str) {
    for id in ids {
        assert_eq!(state(site, id).0, expected, "{id}");
    }
}

#[track_caller]
pub(crate) fn imported(site: &Site, name: &str) -> Vec<bool> {
    let zip = fs::read(stick(site, name)).unwrap();
    let acks = site.central.import(&zip).unwrap();
    acks.into_iter().map(|(_, success)| success).collect()
}

#[test]
fn a_box_without_a_link_hands_its_results_over_and_a_later_link_confirms_them() {
    for encrypted in [false, true] {
        let (site, ids) = without_a_link(encrypted);
        let told = export(&site, "a.zip", &[]).exits(0).object();
        assert_eq!(
            (told["results"].as_u64(), told["organisation_id"].as_str()),
            (Some(23), Some(FIRST))
        );
        assert_eq!(names(&site), ["a.zip"]);
        assert_eq!(mode(&stick(&site, "a.zip")), 0o600);
        all_are(&site, &ids, "carried");
        let status = site.run(&["status", "--json"]).object();
        assert_eq!(status["results"]["carried"], 23);
        assert!(status["results"]["carried_at"].as_i64().unwrap() > 0);
        let list = site.run(&["results"]).exits(0);
        assert!(
            list.err.contains("23 handed over, the first"),
            "{}",
            list.story()
        );
        // It is still owed: no wipe without its number.
        site.run(&["wipe", "--yes", &box_id(&site)]).exits(1);
        send(&site).exits(4);
        all_are(&site, &ids, "carried");
        // One file with all of them, imported twice.
        let files = central::unpack(&fs::read(stick(&site, "a.zip")).unwrap()).unwrap();
        assert_eq!(files.len(), 2, "a manifest, and one file of results");
        assert_eq!(imported(&site, "a.zip"), [true; OWED]);
        // An encrypted central takes the same once more for the same; a plain one fails at what it holds.
        assert_eq!(imported(&site, "a.zip"), [encrypted; OWED]);
        site.central.set_listening(true);
        let ran = send(&site).exits(0).object();
        assert_eq!(ran["results"]["acknowledged"], 23);
        all_are(&site, &ids, "acknowledged");
        assert_eq!(site.asked(Route::Results), 0, "none was sent");
        for id in &ids {
            let mut held = contents(&site.central.execution(id).unwrap());
            // An encrypted one keeps them by their reference.
            held.sort();
            assert_eq!(held, answers(id, 2), "{id}");
        }
        assert_eq!(site.central.executions().len(), OWED);
    }
}

fn box_id(site: &Site) -> String {
    let told = site.run(&["identity", "--json"]).exits(0).object();
    told["box_id"].as_str().unwrap().to_owned()
}

#[test]
fn what_may_not_leave_stays_and_is_named() {
    let mut site = owing();
    site.set("results", "states", "[\"Finished\"]");
    let good = execution(1);
    submit(
        &site,
        "results",
        &json!({ &good: result(&site, &good, &answers(&good, 2)) }),
    );
    let aside = execution(2);
    submit(
        &site,
        "results",
        &json!({ &aside: result(&site, &aside, &answers(&aside, 2)) }),
    );
    site.run(&["results", "set-aside", &aside]).exits(0);
    let mut open = result(&site, "open", &answers("open", 1));
    open["details"]["state"] =
        json!("http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusActive");
    submit(&site, "results", &json!({ "open": open }));
    submit(&site, "sessions", &json!([good]));
    let dry = export(&site, "a.zip", &["--dry-run"]).exits(0).object();
    assert_eq!((dry["results"].as_u64(), names(&site).len()), (Some(1), 0));
    assert_eq!(state(&site, &good).0, "queued");
    let told = export(&site, "a.zip", &[]).exits(0).object();
    assert_eq!(
        told["stays"],
        json!({ "open": ["open"], "set-aside": [aside] })
    );
    assert_eq!(told["others"], 1);
    assert_eq!(state(&site, &aside).0, "set-aside");
    // Nothing is left to hand over, and no file is replaced.
    let again = export(&site, "b.zip", &[]).exits(1).object();
    assert_eq!(
        (again["results"].as_u64(), names(&site)),
        (Some(0), vec!["a.zip".to_owned()])
    );
    let before = fs::read(stick(&site, "a.zip")).unwrap();
    export(&site, "a.zip", &["--again"]).exits(2);
    assert_eq!(fs::read(stick(&site, "a.zip")).unwrap(), before);
    // A lost stick: one more file.
    let told = export(&site, "b.zip", &["--again"]).exits(0).object();
    assert_eq!(told["results"], 1);
    assert_eq!(names(&site), ["a.zip", "b.zip"]);
}

#[test]
fn a_file_takes_so_many_and_the_next_one_the_rest() {
    let (site, ids) = without_a_link(false);
    let told = export(&site, "a.zip", &["--most", "20"]).exits(0).object();
    assert_eq!(
        (
            told["results"].as_u64(),
            told["stays"]["next-file"].as_array().unwrap().len()
        ),
        (Some(20), 3)
    );
    assert_eq!(export(&site, "b.zip", &[]).exits(0).object()["results"], 3);
    assert_eq!(imported(&site, "b.zip"), [true; 3]);
    assert_eq!(imported(&site, "a.zip"), [true; 20]);
    ids.iter()
        .for_each(|id| assert_home(&site, id, &answers(id, 2)));
}

#[test]
fn a_person_confirms_what_central_cannot_be_asked_about_and_no_more() {
    let (site, ids) = without_a_link(false);
    export(&site, "a.zip", &[]).exits(0);
    let path = stick(&site, "a.zip");
    let path = path.to_str().unwrap();
    let confirm =
        |options: &[&str]| site.run(&[&["results", "confirm", "--json"], options].concat());
    // No terminal, another number, a file that is cut, an id that is not handed over.
    confirm(&["--all-of", path]).exits(2).code("input.confirm");
    confirm(&["--all-of", path, "--yes", "22"])
        .exits(2)
        .code("input.confirm");
    let cut = stick(&site, "cut.zip");
    let whole = fs::read(path).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    confirm(&["--all-of", cut.to_str().unwrap(), "--yes", "23"])
        .exits(2)
        .code("input.file");
    let mut changed = whole.clone();
    changed[2000] ^= 1;
    fs::write(&cut, changed).unwrap();
    confirm(&["--all-of", cut.to_str().unwrap(), "--yes", "23"])
        .exits(2)
        .code("input.file");
    confirm(&["nobody", "--yes", "1"])
        .exits(1)
        .code("results.unknown");
    all_are(&site, &ids, "carried");
    // Central answers: it has one, and what it lacks is not confirmed, whatever is said.
    site.central.set_listening(true);
    let one = central_of(&site, &whole, &ids[0]);
    site.central.import(&one).unwrap();
    let told = confirm(&["--all-of", path, "--yes", "23"])
        .exits(1)
        .object();
    assert_eq!(
        (told["arrived"].as_u64(), told["not_arrived"].as_u64()),
        (Some(1), Some(22))
    );
    assert_eq!(state(&site, &ids[0]).0, "acknowledged");
    all_are(&site, &ids[1..], "carried");
    // Nobody can be asked: a person's word counts, and nothing goes when the link is back.
    site.central.set_listening(false);
    site.central.sever();
    let told = confirm(&[&ids[1], "--yes", "1"]).exits(0).object();
    assert_eq!(told["confirmed"], 1);
    let told = confirm(&["--all-of", path, "--yes", "21"])
        .exits(0)
        .object();
    assert_eq!(told["confirmed"], 21);
    all_are(&site, &ids, "acknowledged");
    imported(&site, "a.zip");
    site.central.set_listening(true);
    send(&site).exits(0);
    assert_eq!(site.asked(Route::Results), 0);
    ids.iter()
        .for_each(|id| assert_home(&site, id, &answers(id, 2)));
}

/// The package with one of its results alone.
fn central_of(site: &Site, zip: &[u8], id: &str) -> Vec<u8> {
    let folder = site.path("one");
    fs::create_dir_all(&folder).unwrap();
    for (name, content) in central::unpack(zip).unwrap() {
        let mut document: Value = serde_json::from_slice(&content).unwrap();
        if let Some(results) = document["results"].as_object_mut() {
            results.retain(|other, _| other == id);
        }
        fs::write(folder.join(name), document.to_string()).unwrap();
    }
    let script = "import sys,zipfile,os; z=zipfile.ZipFile('one.zip','w'); \
                  [z.write(os.path.join('one',n),n) for n in sorted(os.listdir('one'))]; z.close()";
    let made = Command::new("python3")
        .args(["-c", script])
        .current_dir(site.path(""))
        .status();
    assert!(made.unwrap().success());
    fs::read(site.path("one.zip")).unwrap()
}

#[test]
fn the_box_takes_back_only_what_central_says_that_it_lacks() {
    let (site, ids) = without_a_link(false);
    export(&site, "a.zip", &[]).exits(0);
    let reclaim = || site.run(&["results", "reclaim", "--json"]);
    // Nobody answers: nothing is taken back, and why is said.
    reclaim().exits(4);
    all_are(&site, &ids, "carried");
    site.central.set_listening(true);
    let zip = fs::read(stick(&site, "a.zip")).unwrap();
    site.central
        .import(&central_of(&site, &zip, &ids[0]))
        .unwrap();
    let told = reclaim().exits(0).object();
    assert_eq!(
        (told["arrived"].as_u64(), told["reclaimed"].as_u64()),
        (Some(1), Some(22))
    );
    assert_eq!(site.asked(Route::Results), 0);
    for _ in 0..3 {
        send(&site).ends();
    }
    all_are(&site, &ids, "acknowledged");
    // The stick is found and imported after all.
    assert!(imported(&site, "a.zip").iter().all(|success| !success));
    ids.iter()
        .for_each(|id| assert_home(&site, id, &answers(id, 2)));
    assert_eq!(site.central.executions().len(), OWED);
}

#[test]
fn each_organisation_has_a_file_of_its_own() {
    let site = both();
    let second = own_of_second(&site)[0].clone();
    let (a, b) = (execution(1), execution(2));
    let mut of_second = result(&site, &b, &answers(&b, 2));
    of_second["deliveryId"] = json!(second);
    submit(
        &site,
        "results",
        &json!({ &a: result(&site, &a, &answers(&a, 2)), &b: of_second }),
    );
    export(&site, "x.zip", &[])
        .exits(2)
        .code("input.organisation");
    assert_eq!(names(&site), Vec::<String>::new());
    // What the first one shares with the second goes with the first.
    for (organisation, id) in [(FIRST, &a), (SECOND, &b)] {
        let name = format!("{organisation}.zip");
        let told = export(&site, &name, &["--organisation", organisation])
            .exits(0)
            .object();
        assert_eq!(told["results"], 1);
        let files = central::unpack(&fs::read(stick(&site, &name)).unwrap()).unwrap();
        let manifest: Value = serde_json::from_slice(&files[0].1).unwrap();
        assert_eq!(manifest["organisation_id"], organisation);
        let listed = String::from_utf8(files[1].1.clone()).unwrap();
        assert!(listed.contains(id.as_str()));
        assert_eq!(imported(&site, &name), [true]);
    }
    let ran = send(&site).exits(0);
    assert_eq!(ran.objects().len(), 2);
    assert!(
        listed(&site)
            .values()
            .all(|(state, _)| state == "acknowledged")
    );
    assert_eq!(site.asked(Route::Results), 0);
}

/// The credentials of the first are refused, so that the second goes on with what both name. Both were asked for it, and what
/// central told the second that it lacks was confirmed, since the first had no answer.
#[test]
fn what_central_lacks_is_not_confirmed_because_another_organisation_cannot_ask() {
    let site = both();
    let id = execution(1);
    submit(
        &site,
        "results",
        &json!({ &id: result(&site, &id, &answers(&id, 2)) }),
    );
    export(&site, "a.zip", &["--organisation", FIRST]).exits(0);
    site.central.revoke_consumers_of(FIRST);
    send(&site).exits(3);
    all_are(&site, std::slice::from_ref(&id), "carried");
    let told = site.run(&["results", "confirm", &id, "--yes", "1", "--json"]);
    let told = told.exits(1).object();
    assert_eq!(
        (&told["not_arrived"], &told["unknown"], &told["confirmed"]),
        (&json!(1), &json!(0), &json!(0))
    );
    all_are(&site, std::slice::from_ref(&id), "carried");
}

#[test]
fn a_full_stick_takes_nothing_over() {
    let (site, ids) = without_a_link(false);
    let script = "mount -t tmpfs -o size=16k tmpfs /mnt; status=0; \
        \"$1\" --root \"$2\" results export-tao /mnt/a.zip --yes --json > \"$2/out\" 2> \"$2/err\" || status=$?; \
        sleep 0; ls -A /mnt > \"$2/left\"; exit $status";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("SKIPPED: a full file system needs root and mount namespaces");
        return;
    };
    ran.exits(2);
    let told = fs::read_to_string(site.path("out")).unwrap();
    assert!(
        told.contains("input.file") && told.contains("the disk is full"),
        "{told}"
    );
    assert_eq!(
        fs::read_to_string(site.path("left")).unwrap(),
        "",
        "no part is left"
    );
    all_are(&site, &ids, "queued");
    assert_eq!(export(&site, "a.zip", &[]).exits(0).object()["results"], 23);
}

/// Whoever came second took the part of the first for one that a cut had left, and the first gave its name to that of the second.
#[test]
fn a_file_that_another_process_is_writing_is_left_to_it() {
    let (site, ids) = without_a_link(false);
    let part = stick(&site, "a.zip.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    let other = fs::File::create(&part).unwrap();
    other.lock().unwrap();
    let told = export(&site, "a.zip", &[]).exits(2);
    assert!(told.out.contains("it is in use"), "{}", told.story());
    assert_eq!(names(&site), ["a.zip.part"]);
    all_are(&site, &ids, "queued");
    // What a cut left is nobody's.
    drop(other);
    assert_eq!(export(&site, "a.zip", &[]).exits(0).object()["results"], 23);
    assert_eq!(names(&site), ["a.zip"]);
}

/// A stick that is pulled: its writes, its flush or its new name fail, each with EIO.
#[test]
fn a_pulled_stick_takes_nothing_over() {
    let site = owing();
    let id = execution(1);
    submit(
        &site,
        "results",
        &json!({ &id: result(&site, &id, &answers(&id, 2)) }),
    );
    let has_strace = Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|ran| ran.status.success());
    if !has_strace {
        eprintln!("SKIPPED: failing writes need strace");
        return;
    }
    for (at, call) in ["write", "pwrite64", "fsync", "rename"]
        .into_iter()
        .enumerate()
    {
        let path = stick(&site, &format!("{at}.zip"));
        let part = format!("{}.part", path.display());
        let mut command = Command::new("strace");
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["-f", "-o"]).arg(site.path("trace"));
        command.args([
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={call}:error=EIO"),
        ]);
        command
            .args(["-P", &part])
            .arg(e2e::binary())
            .arg("--root")
            .arg(site.path(""));
        command.args([
            "results",
            "export-tao",
            path.to_str().unwrap(),
            "--yes",
            "--json",
        ]);
        command.stdin(std::process::Stdio::null());
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let ran = Running::start(command).end().exits(2);
        assert!(ran.out.contains("input.file"), "{call}: {}", ran.story());
        assert_eq!(names(&site), Vec::<String>::new(), "{call}");
        assert_eq!(state(&site, &id).0, "queued", "{call}");
    }
    export(&site, "a.zip", &[]).exits(0);
}
