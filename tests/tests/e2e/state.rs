//! The state folder: sealed at rest, damaged, full, read-only, of another time, held by another process.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use central::{Fault, Kind, Route, Rule};
use e2e::{Site, mode, options};
use serde_json::json;

fn tiny() -> Site {
    Site::enrolled(options(12, 2, (90_000, 200_000)))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn nothing_at_rest_is_readable_and_nobody_else_may_look() {
    // Larger than what comes in one piece.
    let site = Site::enrolled(options(12, 2, (2_150_000, 2_200_000)));
    // A run that was cut leaves things under way too.
    let last = site.delivery(1);
    site.central.script(
        Rule::on(Route::Package, Fault::Stall { after: 100_000 })
            .containing(&last)
            .nth(3),
    );
    let mut running = site.start(&["sync", "--json"]);
    assert!(running.until("the last package", || {
        let requests = site.central.requests_on(Route::Package);
        requests.iter().any(|seen| seen.sent == 100_000)
    }));
    running.kill().was_killed();
    let look = |site: &Site| {
        let mut needles: Vec<Vec<u8>> = vec![
            b"http://www.tao.lu".to_vec(),
            b"test-taker".to_vec(),
            b"imsmanifest.xml".to_vec(),
            b"PK\x01\x02".to_vec(),
        ];
        for kind in Kind::ALL {
            for id in site.ids(kind) {
                needles.push(id.rsplit('#').next().unwrap().as_bytes().to_vec());
                for property in site.central.resource(&id).unwrap().properties {
                    needles.extend(
                        property
                            .values
                            .iter()
                            .filter(|value| value.len() > 7)
                            .map(|value| value.as_bytes().to_vec()),
                    );
                }
            }
        }
        for delivery in site.ids(Kind::Delivery) {
            let package = site.central.package(&delivery).unwrap();
            needles.extend(
                package
                    .chunks(8_000)
                    .filter(|chunk| chunk.len() == 8_000)
                    .map(|chunk| chunk[..24].to_vec()),
            );
        }
        let (login, password) = site.central.manager("1001").unwrap();
        needles.extend([login.into_bytes(), password.into_bytes()]);
        for consumer in site.central.consumers() {
            needles.extend([consumer.key.into_bytes(), consumer.secret.into_bytes()]);
            needles.extend(consumer.token.map(|(token, _)| token.into_bytes()));
        }
        let box_id = site.run(&["identity", "--json"]).exits(0).object()["box_id"]
            .as_str()
            .unwrap()
            .to_owned();
        needles.push(box_id.into_bytes());
        needles.sort();
        needles.dedup();
        assert!(needles.len() > 100);
        let files = site.files();
        assert!(files.len() > 6, "{files:?}");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let name = file.to_string_lossy().into_owned();
            for needle in &needles {
                let text = String::from_utf8_lossy(needle).into_owned();
                assert!(!contains(&bytes, needle), "{name} holds {text}");
                assert!(
                    !contains(name.as_bytes(), needle),
                    "the name {name} holds {text}"
                );
            }
        }
    };
    look(&site);
    site.central.clear_script();
    site.sync().exits(0);
    look(&site);
    assert_eq!(mode(&site.state("")), 0o700);
    for file in site.files() {
        let inside_sled = file.starts_with(site.state("index"));
        assert!(
            inside_sled || mode(&file) == 0o600,
            "{}: {:o}",
            file.display(),
            mode(&file)
        );
        let folder = file.parent().unwrap();
        let is_closed = |folder: &Path| mode(folder) == 0o700;
        assert!(
            inside_sled || is_closed(folder),
            "{}: {:o}",
            folder.display(),
            mode(folder)
        );
    }
}

#[test]
fn another_key_and_a_missing_key_are_named_and_nothing_is_made_anew() {
    let site = tiny().held();
    let key = site.state("boxsync.key");
    let good = fs::read(&key).unwrap();
    let count = site.files().len();
    for (content, code) in [
        (Some(vec![7; 32]), "key.wrong"),
        (Some(b"short".to_vec()), "key.malformed"),
        (None, "key.sealed"),
    ] {
        match content {
            Some(content) => fs::write(&key, content).unwrap(),
            None => fs::remove_file(&key).unwrap(),
        }
        for verb in [
            &["sync", "--json"][..],
            &["entities", "--json"],
            &["packages", "--json"],
            &["status", "--json"],
        ] {
            site.run(verb).exits(1).code(code);
        }
    }
    assert_eq!(site.files().len(), count - 1);
    fs::write(&key, good).unwrap();
    site.assert_equal_to_central();
    assert_eq!(
        site.central.counters().requests,
        site.asked(Route::Details) as u64
    );
}

#[test]
fn the_key_may_come_from_the_credentials_directory() {
    let site = tiny().held();
    let folder = site.path("credentials");
    fs::create_dir(&folder).unwrap();
    fs::rename(site.state("boxsync.key"), folder.join("boxsync.key")).unwrap();
    site.sync().exits(1).code("key.sealed");
    let out = site
        .command(&["status", "--json"])
        .env("CREDENTIALS_DIRECTORY", &folder)
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    assert!(!site.state("boxsync.key").exists());
}

#[test]
fn a_command_beside_the_service_finds_the_credential_that_the_service_was_given() {
    let site = tiny().held();
    let folder = site.path("run/credentials/boxsync.service");
    fs::create_dir_all(&folder).unwrap();
    fs::rename(site.state("boxsync.key"), folder.join("boxsync.key.sealed")).unwrap();
    site.run(&["status", "--json"]).exits(0);
    site.run(&["key", "rotate", "--json"])
        .exits(1)
        .code("key.elsewhere");
    // The service is stopped: systemd takes its credentials away.
    fs::remove_dir_all(folder).unwrap();
    site.run(&["status", "--json"]).exits(1).code("key.sealed");
}

#[test]
fn a_new_envelope_key_costs_nothing() {
    let site = tiny().held();
    let old = fs::read(site.state("boxsync.key")).unwrap();
    site.run(&["key", "rotate"]).exits(0);
    let new = fs::read(site.state("boxsync.key")).unwrap();
    assert_ne!(old, new);
    assert_eq!(
        site.sync().exits(0).object()["packages"]["bytes_on_wire"],
        0
    );
    site.assert_equal_to_central();
    fs::write(site.state("boxsync.key"), old).unwrap();
    site.sync().exits(1).code("key.wrong");
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let site = tiny().held();
    fs::write(site.state("version"), "99\n").unwrap();
    for verb in [
        &["sync", "--json"][..],
        &["status", "--json"],
        &["entities", "--json"],
    ] {
        site.run(verb).exits(1).code("state.newer");
    }
    fs::write(site.state("version"), "x").unwrap();
    site.sync().exits(1).code("state.version");
    fs::write(site.state("version"), "1\n").unwrap();
    site.assert_equal_to_central();
}

/// `layout-1` was written by boxsync 0.1.0 as of November 2026 (the store left out, since it is rebuilt): three test
/// takers, two packages, a result that waits.
pub(crate) fn put_first_layout(site: &Site) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/layout-1");
    for file in everything(&fixture) {
        let copy = site.state(file.strip_prefix(&fixture).unwrap().to_str().unwrap());
        if file.is_dir() {
            fs::create_dir_all(copy).unwrap();
        } else {
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(file, copy).unwrap();
        }
    }
}

#[test]
fn a_box_of_the_first_layout_holds_what_it_held() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    put_first_layout(&site);
    let who = site.run(&["identity", "--json"]).exits(0).object();
    assert_eq!(who["box_id"], "e2dcc496c4d974b45e23");
    assert_eq!(site.entities().len(), 13);
    assert_eq!(
        site.packages().values().collect::<Vec<_>>(),
        ["held", "held"]
    );
    site.run(&["packages", "verify"]).exits(0);
    let owed = site.run(&["results", "--json"]).exits(0);
    assert!(
        owed.out.contains("kve_de_000001") && owed.out.contains("queued"),
        "{}",
        owed.out
    );
    let last = site.run(&["status", "--json"]).ends().object();
    assert_eq!(last["last"]["sync_id"], 1, "{last}");
}

#[test]
fn a_damaged_edition_is_named_by_readers_and_healed_by_the_next_run() {
    let site = tiny().held();
    for at in [0, 40, usize::MAX] {
        let file = site.state("catalogue/edition");
        let good = fs::read(&file).unwrap();
        flip(&file, at);
        for verb in [
            &["entities", "--json"][..],
            &["packages", "--json"],
            &["status", "--json"],
        ] {
            let ran = site.run(verb).exits(1);
            let told = ran.code("store.damaged").to_string();
            assert!(told.contains("edition"), "{}", ran.story());
        }
        fs::write(&file, &good[..good.len() / 2]).unwrap();
        site.run(&["entities", "--json"])
            .exits(1)
            .code("store.damaged");
        // The packages are whole: only the catalogue comes again, and the damaged file is kept aside.
        let object = site.sync().exits(0).object();
        assert_eq!(object["packages"]["downloaded"], 0);
        assert!(site.state("quarantine/edition").exists());
        site.assert_equal_to_central();
    }
    site.assert_equal_to_central();
}

#[test]
fn a_damaged_entity_is_named() {
    let site = tiny().held();
    for file in site.files_of("seg") {
        flip(&file, 200);
    }
    let ran = site.run(&["entities", "--json"]).exits(1);
    let last: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["code"], "store.damaged", "{}", ran.story());
    // What does not open is brought again.
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn damaged_credentials_are_named() {
    let site = tiny().held();
    flip(&site.state("credentials"), 30);
    let ran = site.sync().exits(1);
    assert_eq!(ran.object()["code"], "store.damaged", "{}", ran.story());
    assert_eq!(site.asked(Route::Token), 0);
    // Another enrolment mends it.
    site.enroll().exits(0);
    site.sync().exits(0);
}

#[test]
fn a_damaged_description_of_a_package_costs_that_package_only() {
    let site = tiny().held();
    let file = site.files_of("meta").remove(0);
    flip(&file, 30);
    assert!(site.packages().values().any(|state| state == "damaged"));
    assert!(site.packages().values().any(|state| state == "held"));
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["packages"]["downloaded"], 1);
    assert_eq!(ran["packages"]["unchanged"], 1);
    site.assert_equal_to_central();
}

#[test]
fn a_package_whose_content_is_gone_is_not_called_whole() {
    let site = tiny().held();
    for file in site.files_of("data") {
        fs::remove_file(file).unwrap();
    }
    let delivery = site.delivery(0);
    assert!(site.exported(&delivery).is_none());
    site.run(&["packages", "verify"]).exits(1);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn the_sled_store_may_be_deleted_whole() {
    let site = tiny().held();
    fs::remove_dir_all(site.state("index")).unwrap();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["packages"]["bytes_on_wire"], 0);
    assert_eq!(ran["sync_id"], 2, "the number lives elsewhere");
    assert_eq!(site.asked(Route::Details), 0);
    site.assert_equal_to_central();
}

#[test]
fn a_sled_store_full_of_garbage_is_put_aside() {
    for content in [&b"garbage"[..], &[0; 5_000], b""] {
        let site = tiny().held();
        for file in site.files() {
            if file.starts_with(site.state("index")) {
                fs::write(file, content).unwrap();
            }
        }
        // As after a power cut: the mark of an unclean end is there.
        fs::write(site.state("index.open"), "").unwrap();
        let ran = site.sync().exits(0);
        assert_eq!(ran.object()["packages"]["bytes_on_wire"], 0);
        assert_eq!(site.asked(Route::Details), 0);
        site.run(&["history", "--json"]).exits(0);
        site.assert_equal_to_central();
    }
}

#[test]
fn a_read_only_state_folder_is_named() {
    let site = tiny().held();
    let state = site.state("");
    let owner = nix::unistd::Uid::from_raw(65_534);
    if nix::unistd::geteuid().is_root() {
        // Root writes everywhere; boxsync run as root takes the owner's identity.
        for folder in ["", "var", "var/lib"] {
            fs::set_permissions(site.path(folder), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for path in [state.clone()].into_iter().chain(everything(&state)) {
            nix::unistd::chown(&path, Some(owner), None).unwrap();
        }
    }
    for path in everything(&state).into_iter().chain([state.clone()]) {
        let bits = if path.is_dir() { 0o500 } else { 0o400 };
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    }
    let ran = site.sync().exits(1);
    assert_eq!(ran.object()["code"], "state.read_only", "{}", ran.story());
    // Reading goes on.
    assert_eq!(site.entities().len(), 22);
    for path in [state.clone()].into_iter().chain(everything(&state)) {
        let bits = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    }
    for path in everything(&state) {
        let bits = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    }
    site.sync().exits(0);
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::fs::MetadataExt;
        for path in everything(&state) {
            assert_eq!(
                fs::metadata(&path).unwrap().uid(),
                65_534,
                "{} is root's",
                path.display()
            );
        }
    }
}

fn everything(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            paths.extend(everything(&path));
        }
        paths.push(path);
    }
    paths
}

#[test]
fn disk_space_that_is_kept_free_is_not_taken() {
    let mut site = tiny();
    site.set("download", "reserve", "\"900TiB\"");
    let ran = site.sync().exits(1);
    let object = ran.code("disk.full");
    assert_eq!(object["packages"]["failed"], 2);
    assert_eq!(object["entities"]["test-taker"]["created"], 12);
    site.assert_catalogue();
    site.set("download", "reserve", "\"0\"");
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_full_disk_is_a_state_with_a_name_and_nothing_is_lost() {
    let site = Site::enrolled(options(12, 2, (90_000, 9_000_000)));
    // A small file system of its own holds the state while the binary runs; what it left is brought back.
    let script = "mount -t tmpfs -o size=4m tmpfs /mnt; cp -a \"$3\"/. /mnt/; mount --move /mnt \"$3\"; \
                  status=0; \"$1\" --root \"$2\" sync --json || status=$?; \
                  mkdir \"$2/left\"; cp -a \"$3\"/. \"$2/left/\"; exit $status";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("skipped: a small file system of its own needs root and mount namespaces");
        return;
    };
    let ran = ran.exits(1);
    let object = ran.code("disk.full");
    assert_eq!(
        (
            object["packages"]["downloaded"].as_u64(),
            object["packages"]["failed"].as_u64()
        ),
        (Some(1), Some(1))
    );
    fs::remove_dir_all(site.state("")).unwrap();
    fs::rename(site.path("left"), site.state("")).unwrap();
    site.assert_catalogue();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["packages"]["unchanged"], 1);
    site.assert_equal_to_central();
}

#[test]
fn a_second_process_hears_who_runs_and_readers_are_not_disturbed() {
    let site = tiny().held();
    site.central.touch("1001", Kind::TestTaker, 2);
    site.central
        .script(Rule::on(Route::Checksums, Fault::Silence).containing("type=delivery"));
    let mut first = site.start(&["sync", "--json"]);
    assert!(first.until("a list that is not answered", || {
        site.central
            .requests_on(Route::Checksums)
            .iter()
            .any(|seen| seen.query.contains("type=delivery"))
    }));
    let second = site.sync().exits(1);
    let told = second.code("state.busy");
    assert!(
        told["reason"]
            .as_str()
            .unwrap()
            .contains(&first.id().to_string()),
        "{told}"
    );
    assert_eq!(site.entities().len(), 22);
    assert_eq!(site.packages().len(), 2);
    site.run(&["status", "--json"]).exits(0);
    // The line is cut: the first one asks again and comes to its end.
    site.central.sever();
    first.end().exits(0);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn processes_that_start_together_take_turns() {
    let site = tiny();
    let all: Vec<_> = (0..4).map(|_| site.start(&["sync", "--json"])).collect();
    let mut ids: Vec<u64> = all
        .into_iter()
        .map(|running| running.end().exits(0).object()["sync_id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
    site.assert_equal_to_central();
}

/// What the verbs say of the state folder after `make` changed the mount on which it lies: status, doctor, and the
/// handing over of a result; nothing where this machine does not allow it.
fn said(site: &Site, make: &str) -> Option<[serde_json::Value; 3]> {
    let one = json!({"kve_kept": crate::results::result(site, "kve_kept", &["a".into()])});
    fs::write(site.path("one.json"), one.to_string()).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=200m,nr_inodes=500 tmpfs /mnt; cp -a \"$3\"/. /mnt/; mount --move /mnt \"$3\"; {make}; \
         for verb in 'status --json' 'doctor --offline --json' \"results submit --json $2/one.json\"; do \
         \"$1\" --root \"$2\" $verb 2>/dev/null | tr -d '\\n' || true; echo; done"
    );
    let ran = site.in_own_mounts(&script)?.exits(0);
    let object = |line: &str| serde_json::from_str(line).unwrap_or_default();
    let objects: Vec<_> = ran.out.lines().map(object).collect();
    Some(objects.try_into().unwrap())
}

#[test]
fn a_box_that_can_keep_no_answer_is_not_ready() {
    let site = tiny().held();
    let no_inodes = "n=0; while touch \"$3/fill.$n\" 2>/dev/null; do n=$((n+1)); done";
    let read_only = "mount -o remount,ro \"$3\"";
    for (make, code) in [
        (no_inodes, "disk.inodes"),
        (read_only, "state.read_only"),
        // The folder is a copy by then, and says so.
        (":", "box.restored"),
    ] {
        let Some([status, doctor, submitted]) = said(&site, make) else {
            eprintln!("skipped: a file system of its own needs root and mount namespaces");
            return;
        };
        assert_eq!(status["verdict"]["code"], code, "{status}");
        let checks = doctor["checks"].as_array().unwrap().iter();
        let failed: Vec<_> = checks
            .filter(|check| check["status"] == "fail")
            .map(|check| check["code"].clone())
            .collect();
        if make == ":" {
            assert_eq!(submitted["new"], true, "{submitted}");
            assert_eq!(failed, Vec::<serde_json::Value>::new(), "{doctor}");
        } else {
            assert_eq!(status["verdict"]["word"], "not_ready");
            assert_eq!(failed, [code], "{doctor}");
            assert_ne!(submitted["new"], true);
        }
    }
}

#[test]
fn a_user_who_may_only_read_is_told_nothing_of_his_own_rights() {
    let site = tiny().held();
    let script = "mount -t tmpfs tmpfs /mnt; cp -a \"$2\" /mnt/box; cp \"$1\" /mnt/boxsync; chmod -R a+rX /mnt/box; \
                  setpriv --reuid 65534 --clear-groups /mnt/boxsync --root /mnt/box status --json";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("skipped: another user needs root and mount namespaces");
        return;
    };
    // The folder is a copy, and says so; the box is ready all the same.
    assert_eq!(ran.exits(0).object()["verdict"]["code"], "box.restored");
}
