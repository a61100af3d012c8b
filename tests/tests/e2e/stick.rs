//! Catalogue and packages on a stick: what is written, what is not written again, and what is told of a stick.
//! Never trusts what the box says of a stick: its files are looked at.
//! A full stick needs root and mount namespaces; that is said where it is skipped.

mod handed;
mod older;

use std::fs;
use std::path::{Path, PathBuf};

use central::Kind;
use e2e::{Ran, Site, options};
use serde_json::{Value, json};

use crate::trace::{at, copy};

/// A box that holds everything its central has, and a site key.
fn with_a_link() -> Site {
    with(300, (40_000, 200_000))
}

fn with(test_takers: usize, packages: (u64, u64)) -> Site {
    let mut site = Site::enrolled(options(test_takers, 3, packages));
    keyed(&mut site);
    fs::create_dir(stick(&site)).unwrap();
    site.held()
}

fn keyed(site: &mut Site) {
    let key = site.path("etc/boxsync/site.key");
    site.run(&["site", "key", "new", key.to_str().unwrap()])
        .exits(0);
    site.set("site", "key_file", &format!("{key:?}"));
}

fn stick(site: &Site) -> PathBuf {
    site.path("stick")
}

fn carry(site: &Site, words: &[&str]) -> Ran {
    let place = stick(site);
    let words = [
        &["carry", words[0], place.to_str().unwrap(), "--json"],
        &words[1..],
    ]
    .concat();
    site.run(&words)
}

fn export(site: &Site) -> Value {
    carry(site, &["export"]).exits(0).object()
}

/// The files below a folder, with their contents.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn an_export_writes_what_is_missing_and_a_stick_says_what_it_holds() {
    let site = with_a_link();
    let none = carry(&site, &["show"]).exits(1);
    assert!(none.out.contains("carry.none"), "{}", none.story());
    let first = export(&site);
    assert_eq!(
        (&first["packages"], &first["lacking"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(first["entities"]["test-taker"], 300);
    assert_eq!(first["organisation_id"], "1001");
    let shown = carry(&site, &["show"]).exits(0).object();
    assert_eq!(
        (&shown["whole"], &shown["box_id"]),
        (&json!(true), &first["box_id"])
    );
    assert!(shown["age_seconds"].as_u64().unwrap() < 600);
    // The same once more writes nothing at all.
    let before = files(&stick(&site));
    let again = export(&site);
    assert_eq!(
        (&again["written_objects"], &again["export"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(files(&stick(&site)), before);
    // What one change is part of, and the head.
    site.central.touch("1001", Kind::TestTaker, 1);
    site.sync().exits(0);
    let changed = export(&site);
    assert_eq!(
        (&changed["written_objects"], &changed["export"]),
        (&json!(1), &json!(2))
    );
    let after = files(&stick(&site));
    let kept = after.iter().filter(|file| before.contains(file)).count();
    assert_eq!((after.len(), before.len() - kept), (before.len(), 2));
    assert_eq!(carry(&site, &["show"]).exits(0).object()["whole"], true);
}

#[test]
fn a_found_stick_tells_nothing() {
    let site = with_a_link();
    export(&site);
    let needles: Vec<Vec<u8>> = [
        site.delivery(0),
        "1001".into(),
        "http".into(),
        "PK\u{5}\u{6}".into(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    for (path, bytes) in files(&stick(&site)) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let stem = name.strip_suffix(".bxs").unwrap();
        assert!(
            stem.len() == 32 && stem.bytes().all(|b| b.is_ascii_hexdigit()),
            "{name}"
        );
        assert_eq!(bytes.len() % 4096, 0, "{name}");
        let holds =
            |needle: &&Vec<u8>| bytes.windows(needle.len()).any(|window| window == **needle);
        // Four bytes may come by chance; the others do not.
        let found = needles
            .iter()
            .filter(holds)
            .filter(|needle| needle.len() > 4);
        assert_eq!(found.count(), 0, "{name}");
    }
}

#[test]
fn what_is_changed_or_lost_on_a_stick_is_named_and_written_anew() {
    let mut site = with_a_link();
    let whole = export(&site);
    let before = files(&stick(&site));
    let largest = before.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let mut bytes = largest.1.clone();
    bytes[5000] ^= 1;
    fs::write(&largest.0, bytes).unwrap();
    let told = carry(&site, &["show"]).exits(1);
    let name = largest.0.file_name().unwrap().to_str().unwrap();
    assert!(
        told.out.contains(name) && told.out.contains("carry.changed"),
        "{}",
        told.story()
    );
    let mended = export(&site);
    assert_eq!(
        (&mended["written_objects"], &mended["package_bytes"]),
        (&json!(1), &whole["package_bytes"])
    );
    assert_eq!(carry(&site, &["show"]).exits(0).object()["whole"], true);
    // Another key in force: everything is sealed anew, and what the former one sealed goes.
    let other = site.path("other.key");
    site.run(&["site", "key", "new", other.to_str().unwrap()])
        .exits(0);
    site.run(&["site", "key", "import", other.to_str().unwrap()])
        .exits(0);
    assert_eq!(
        carry(&site, &["show"]).exits(0).object()["whole"],
        true,
        "a former key opens"
    );
    export(&site);
    let after = files(&stick(&site));
    assert_eq!(after.len(), before.len());
    assert!(
        after
            .iter()
            .all(|file| !before.iter().any(|before| before.0 == file.0))
    );
    // Another site's box finds nothing.
    site.set("site", "key_file", &format!("{:?}", site.path("third.key")));
    let third = site.path("third.key");
    carry(&site, &["show"]).exits(1);
    site.run(&["site", "key", "new", third.to_str().unwrap()])
        .exits(0);
    let none = carry(&site, &["show"]).exits(1);
    assert!(none.out.contains("carry.none"), "{}", none.story());
    site.unset("site", "key_file");
    let none = carry(&site, &["export"]).exits(1);
    assert!(none.out.contains("site.no_key"), "{}", none.story());
}

#[test]
fn a_stick_without_room_is_left_as_it_is() {
    let site = with_a_link();
    let script = "mount -t tmpfs -o size=256k tmpfs /mnt; status=0; \
        \"$1\" --root \"$2\" carry export /mnt --json > \"$2/out\" 2> \"$2/err\" || status=$?; \
        ls -A /mnt > \"$2/left\"; exit $status";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("SKIPPED: a full file system needs root and mount namespaces");
        return;
    };
    ran.exits(1);
    let told = fs::read_to_string(site.path("out")).unwrap();
    assert!(told.contains("carry.full"), "{told}");
    assert_eq!(fs::read_to_string(site.path("left")).unwrap(), "");
    // A folder that is none.
    let none = site.run(&[
        "carry",
        "export",
        site.path("none").to_str().unwrap(),
        "--json",
    ]);
    assert!(none.exits(1).out.contains("carry.medium"));
}

/// A box of the same organisation that has the site key and has never had a link; the path of its root.
fn without_a_link(site: &Site) -> PathBuf {
    let root = site.path("second");
    fs::create_dir_all(root.join("etc/boxsync")).unwrap();
    let key = site.path("etc/boxsync/site.key");
    let config = format!(
        "[box]\norganisation_id = \"1001\"\ntao_version = \"2022.11\"\n[download]\nreserve = \"0\"\n[site]\nkey_file = {key:?}\n"
    );
    fs::write(root.join("etc/boxsync/boxsync.toml"), config).unwrap();
    root
}

fn import(site: &Site, root: &Path, options: &[&str]) -> Ran {
    let place = stick(site);
    let words = ["carry", "import", place.to_str().unwrap(), "--json"];
    at(site, root, &[&words[..], options].concat()).end()
}

fn status(site: &Site, root: &Path) -> Value {
    at(site, root, &["status", "--json"]).end().object()
}

/// Entities of all types and what is held of packages, as lines.
fn holdings(site: &Site, root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for verb in ["entities", "packages"] {
        let told = at(site, root, &[verb, "--json"]).end().exits(0).out;
        lines.extend(told.lines().map(str::to_owned));
    }
    lines.sort();
    lines
}

fn codes(report: &Value) -> Vec<String> {
    let found = report["findings"].as_array().unwrap().iter();
    found
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_box_without_a_link_gets_everything_from_a_stick_twice() {
    let site = with_a_link();
    let exported = export(&site);
    let root = without_a_link(&site);
    let would = import(&site, &root, &["--dry-run"]).exits(0).object();
    let created = would["entities"]["test-taker"]["created"].as_array();
    assert_eq!(created.unwrap().len(), 300);
    assert_eq!(would["packages"]["fetch"].as_array().unwrap().len(), 3);
    assert_eq!(
        status(&site, &root)["complete_at"],
        Value::Null,
        "nothing was changed"
    );
    let report = import(&site, &root, &[]).exits(0).object();
    assert_eq!(codes(&report), ["carry.taken"]);
    assert_eq!(report["packages"]["downloaded"], 3);
    assert_eq!(report["entities"]["test-taker"]["created"], 300);
    let own = site.path("");
    assert_eq!(holdings(&site, &root), holdings(&site, &own));
    for n in 0..3 {
        let delivery = site.delivery(n);
        let file = site.path(&format!("{n}.zip"));
        at(
            &site,
            &root,
            &["packages", "export", &delivery, file.to_str().unwrap()],
        )
        .end()
        .exits(0);
        assert_eq!(fs::read(file).unwrap(), site.exported(&delivery).unwrap());
    }
    let stands = status(&site, &root);
    assert_eq!(stands["verdict"]["word"], "ready", "{stands}");
    assert_eq!(stands["origin"]["box_id"], exported["box_id"]);
    assert_eq!(
        (&stands["complete_at"], &stands["last_contact"]),
        (&exported["complete_at"], &Value::Null)
    );
    let history = at(&site, &root, &["history", "--json"])
        .end()
        .exits(0)
        .object();
    assert_eq!(codes(&history), ["carry.taken"]);
    // A change in between, and the round once more.
    site.central.touch("1001", Kind::TestTaker, 1);
    // Ages are told in seconds: the second list is one of a later one.
    while status(&site, &own)["complete_at"] == exported["complete_at"] {
        site.sync().exits(0);
    }
    let before = files(&stick(&site));
    export(&site);
    let report = import(&site, &root, &[]).exits(0).object();
    let counts = &report["entities"]["test-taker"];
    assert_eq!(
        (&counts["updated"], &counts["unchanged"]),
        (&json!(1), &json!(299))
    );
    assert_eq!(report["packages"]["unchanged"], 3);
    assert_eq!(holdings(&site, &root), holdings(&site, &own));
    // The stick of before is put back: noticed, and taken only when it is meant.
    fs::remove_dir_all(stick(&site)).unwrap();
    for (path, bytes) in before {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let older = import(&site, &root, &[]).exits(1);
    assert!(older.out.contains("carry.older"), "{}", older.story());
    assert_eq!(holdings(&site, &root), holdings(&site, &own));
    let report = import(&site, &root, &["--older", "--allow-deletes"])
        .exits(0)
        .object();
    assert_eq!(report["entities"]["test-taker"]["updated"], 1);
    assert_eq!(status(&site, &root)["complete_at"], exported["complete_at"]);
}

#[test]
fn what_a_stick_lacks_is_named_and_deletes_nothing() {
    let site = with(20, (400_000, 600_000));
    export(&site);
    let root = without_a_link(&site);
    let whole = files(&stick(&site));
    let largest = whole.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    fs::remove_file(&largest.0).unwrap();
    let ran = import(&site, &root, &[]).exits(1);
    let report = ran.object();
    let name = largest.0.file_name().unwrap().to_str().unwrap();
    assert!(
        codes(&report).contains(&"carry.changed".to_owned()) && ran.out.contains(name),
        "{}",
        ran.story()
    );
    assert_eq!(report["packages"]["downloaded"], 2);
    assert_eq!(report["entities"]["delivery"]["created"], 3);
    export(&site);
    assert_eq!(
        import(&site, &root, &[]).exits(0).object()["packages"]["downloaded"],
        1
    );
    let held = holdings(&site, &root);
    // A body of every type is gone: no list is read to its end, and nothing goes.
    for (path, bytes) in &whole {
        if bytes.len() < 400_000 {
            let mut changed = bytes.clone();
            changed[100] ^= 1;
            fs::write(path, changed).unwrap();
        }
    }
    import(&site, &root, &["--allow-deletes"]).exits(1);
    assert_eq!(holdings(&site, &root), held);
}

#[test]
fn deletions_are_held_back_and_central_hears_of_nothing() {
    let mut site = with_a_link();
    export(&site);
    let root = without_a_link(&site);
    import(&site, &root, &[]).exits(0);
    let taken = site.ids(Kind::TestTaker);
    for id in taken.iter().take(200) {
        site.central.remove(id);
    }
    site.sync_with(&["--allow-deletes"]).exits(0);
    export(&site);
    site.central.reset_log();
    let report = import(&site, &root, &[]).exits(1).object();
    assert_eq!(report["entities"]["test-taker"]["held_back"], 200);
    let report = import(&site, &root, &["--allow-deletes"]).exits(0).object();
    assert_eq!(report["entities"]["test-taker"]["deleted"], 200);
    // A box with a link takes it, too; central is not asked, and the link's next data is central's own again.
    site.set("download", "max_rate", "\"1kB\"");
    let own = site.path("");
    import(&site, &own, &[]).exits(0);
    assert_eq!(
        status(&site, &own)["origin"]["box_id"],
        status(&site, &own)["box_id"]
    );
    assert_eq!(site.central.requests().len(), 0);
    site.sync().exits(0);
    assert_eq!(status(&site, &own)["origin"], Value::Null);
}

/// The key was changed on one box before the other: what the former one sealed is newer, and goes only when that is meant.
#[test]
fn newer_data_under_a_former_key_is_not_replaced_by_older() {
    let site = with(20, (4000, 9000));
    export(&site);
    let root = without_a_link(&site);
    import(&site, &root, &[]).exits(0);
    let taken = status(&site, &root)["complete_at"].clone();
    // The times of catalogues are whole seconds.
    while status(&site, &site.path(""))["complete_at"] == taken {
        site.central.touch("1001", Kind::TestTaker, 1);
        site.sync().exits(0);
    }
    let newer = export(&site);
    let (own, other) = (site.path("root.key"), site.path("other.key"));
    fs::copy(site.path("etc/boxsync/site.key"), &own).unwrap();
    let config = root.join("etc/boxsync/boxsync.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("etc/boxsync/site.key", "root.key")).unwrap();
    site.run(&["site", "key", "new", other.to_str().unwrap()])
        .exits(0);
    at(
        &site,
        &root,
        &["site", "key", "import", other.to_str().unwrap()],
    )
    .end()
    .exits(0);
    let place = stick(&site);
    let words = ["carry", "export", place.to_str().unwrap(), "--json"];
    let before = files(&place);
    let told = at(&site, &root, &words).end().exits(1);
    assert!(told.out.contains("carry.older"), "{}", told.story());
    assert_eq!(files(&place), before, "nothing was changed");
    assert_eq!(
        carry(&site, &["show"]).exits(0).object()["complete_at"],
        newer["complete_at"]
    );
}

/// A stick knows no time that is above all numbers which a later state of the folder used.
#[test]
fn a_box_that_was_put_back_is_not_numbered_by_a_stick() {
    let site = with(20, (4000, 9000));
    export(&site);
    let kept = site.path("kept");
    copy(&site.state(""), &kept);
    site.sync().exits(0);
    copy(&kept, &site.state(""));
    let taken = import(&site, &site.path(""), &[]).exits(0).object();
    assert!(taken["sync_id"].as_i64().unwrap() < 1000, "{taken}");
    let ran = site.sync().exits(0).object();
    assert!(ran["sync_id"].as_i64().unwrap() > 1_000_000, "{ran}");
}

#[test]
fn a_stick_that_is_not_there_is_said_to_be_none() {
    let site = with(20, (4000, 9000));
    let none = site.path("none");
    for verb in ["show", "import"] {
        let told = site.run(&["carry", verb, none.to_str().unwrap(), "--json"]);
        assert!(told.exits(1).out.contains("carry.medium"), "{verb}");
    }
}

/// A stick says nothing of central: a package that it does not have is not one that central lacks, and the box is not ready.
#[test]
fn a_package_that_a_stick_lacks_leaves_a_box_that_is_not_ready() {
    let mut site = Site::enrolled(options(20, 3, (40_000, 60_000)));
    keyed(&mut site);
    fs::create_dir(stick(&site)).unwrap();
    // Central has none for one delivery: that lacks nowhere, and is told as over the link.
    let without = site.delivery(1);
    site.central.remove_package(&without);
    site.sync().exits(1);
    let told = export(&site);
    assert_eq!(
        (&told["packages"], &told["lacking"]),
        (&json!(2), &json!(0))
    );
    let root = without_a_link(&site);
    let fresh = |site: &Site| {
        let _ = fs::remove_dir_all(root.join("var"));
        let report = import(site, &root, &[]).ends().object();
        let verdict = status(site, &root)["verdict"]["word"].clone();
        (codes(&report), report["code"].clone(), verdict)
    };
    let (told, code, but) = fresh(&site);
    assert_eq!(told, ["package.missing", "carry.taken"]);
    assert_eq!(code, "package.missing");
    assert_eq!(but, status(&site, &site.path(""))["verdict"]["word"]);
    // A span is lost.
    let whole = files(&stick(&site));
    let largest = whole.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    fs::remove_file(&largest.0).unwrap();
    let (told, code, verdict) = fresh(&site);
    assert!(!told.contains(&"package.missing".to_owned()), "{told:?}");
    assert_eq!(code, "carry.changed");
    assert!(verdict != but && verdict != "ready", "{verdict}");
    // The box that exports has not brought one yet.
    site.central.make_package(&without, 7, 400_000);
    site.set("download", "max_rate", "\"1kB\"");
    site.sync_with(&["--no-wait"]).ends();
    assert_eq!(export(&site)["lacking"], 1);
    let (told, code, verdict) = fresh(&site);
    assert!(!told.contains(&"package.missing".to_owned()), "{told:?}");
    assert_eq!(code, "carry.changed");
    assert!(verdict != but && verdict != "ready", "{verdict}");
}
