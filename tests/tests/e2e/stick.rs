//! Catalogue and packages on a stick: what is written, what is not written again, and what is told of a stick.
//! Never trusts what the box says of a stick: its files are looked at.
//! A full stick needs root and mount namespaces; that is said where it is skipped.

use std::fs;
use std::path::{Path, PathBuf};

use central::Kind;
use e2e::{Ran, Site, options};
use serde_json::{Value, json};

/// A box that holds everything its central has, and a site key.
fn with_a_link() -> Site {
    let mut site = Site::enrolled(options(300, 3, (40_000, 200_000)));
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
