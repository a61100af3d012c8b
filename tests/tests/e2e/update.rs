//! Which image is offered, and what holds it back: `update check` against a source, and on a box in each of its states.
//! Never installs one: what `systemd-sysupdate` does is its own.
//! Run by `cargo test -p e2e`.

use std::fs;

use e2e::{Site, options};
use serde_json::Value;

use crate::fleet::push::NotingServer;
use crate::results::{answers, execution, result};

fn manifest(versions: &[&str]) -> String {
    let line = |version: &&str| {
        let hash = "0123456789abcdef".repeat(4);
        format!("{hash}  boxsync_{version}.root.raw.xz\n{hash}  boxsync_{version}.efi\n")
    };
    versions.iter().map(line).collect()
}

/// A box whose image is 2022.10, with two places and what installs; central supports 2022.10 and 2022.11.
fn site(source: &NotingServer) -> Site {
    let mut site = Site::enrolled(options(3, 1, (40_000, 40_000)));
    site.central.set_versions(&["2022.10", "2022.11"]);
    site.unset("box", "tao_version");
    for (name, content) in [
        ("etc/os-release", "IMAGE_VERSION=2022.10\n"),
        ("usr/lib/systemd/systemd-sysupdate", ""),
        ("dev/disk/by-partlabel/boxsync_2022.10", ""),
        ("dev/disk/by-partlabel/_empty", ""),
        ("efi/EFI/Linux/boxsync_2022.10.efi", ""),
    ] {
        write(&site, name, content);
    }
    site.set("update", "source", &format!("\"{}\"", source.at("box/")));
    let _ = site.sync().exits(0);
    site
}

fn write(site: &Site, name: &str, content: &str) {
    let path = site.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What `update check` says, with its exit status.
#[track_caller]
fn check(site: &Site, status: i32) -> Value {
    site.run(&["update", "check", "--json"])
        .exits(status)
        .object()["step"]
        .clone()
}

/// What holds the offered one back.
#[track_caller]
fn holds(site: &Site) -> Vec<String> {
    let step = check(site, 1);
    assert_eq!(
        (&step["step"], &step["version"]),
        (&"held".into(), &"2022.11".into()),
        "{step}"
    );
    let by = step["by"].as_array().unwrap();
    by.iter()
        .map(|hold| hold["by"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_newer_image_may_be_installed_and_booted_unless_something_holds_it_back() {
    let source = NotingServer::saying(200, &manifest(&["2022.9", "2022.10", "2022.11"]));
    let mut site = site(&source);
    let step = check(&site, 0);
    assert_eq!(
        (&step["step"], &step["version"]),
        (&"install".into(), &"2022.11".into()),
        "{step}"
    );
    let asked = source.pushed();
    let is_manifest =
        |asked: &crate::fleet::push::Pushed| asked.head.starts_with("GET /box/SHA256SUMS ");
    assert!(asked.iter().any(is_manifest));
    let said = site.run(&["update", "check"]).exits(0).out;
    assert!(said.contains("2022.11 may be installed now"), "{said}");
    // Who asks nobody sees what runs, and that is no failure.
    let status = site.run(&["update", "status", "--json"]).exits(0).object();
    assert_eq!(
        (&status["running"], &status["step"]["step"]),
        (&"2022.10".into(), &"nothing".into())
    );
    // Something owed could leave.
    let id = execution(1);
    let document = site.path("result.json");
    let content = serde_json::json!({ &id: result(&site, &id, &answers(&id, 1)) });
    fs::write(&document, content.to_string()).unwrap();
    let _ = site
        .run(&["results", "submit", document.to_str().unwrap()])
        .exits(0);
    assert_eq!(holds(&site), ["owed"]);
    let _ = site.sync().exits(0);
    // It is being tried: a second update would overwrite the one to fall back to.
    let entry = |name: &str| format!("efi/EFI/Linux/boxsync_{name}.efi");
    fs::rename(
        site.path(&entry("2022.10")),
        site.path(&entry("2022.10+2-1")),
    )
    .unwrap();
    assert_eq!(holds(&site), ["unblessed"]);
    fs::rename(
        site.path(&entry("2022.10+2-1")),
        site.path(&entry("2022.10")),
    )
    .unwrap();
    // It was tried, and did not come up.
    write(&site, &entry("2022.11+0-3"), "");
    assert_eq!(holds(&site), ["failed"]);
    fs::rename(
        site.path(&entry("2022.11+0-3")),
        site.path(&entry("2022.11+3")),
    )
    .unwrap();
    let step = check(&site, 0);
    assert_eq!(
        (&step["step"], &step["version"]),
        (&"reboot".into(), &"2022.11".into()),
        "{step}"
    );
    fs::remove_file(site.path(&entry("2022.11+3"))).unwrap();
    // One place alone.
    fs::remove_file(site.path("dev/disk/by-partlabel/_empty")).unwrap();
    assert_eq!(holds(&site), ["impossible"]);
    write(&site, "dev/disk/by-partlabel/_empty", "");
    // No window is open: the only one of the week begins in three days.
    let day = (std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400 + 3 + 3) % 7;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day as usize];
    site.set("download", "utc_offset", "\"+00:00\"");
    site.set("update", "windows", &format!("[\"{day} 12:00-12:01\"]"));
    assert_eq!(holds(&site), ["window"]);
    let said = site.run(&["update", "check"]).exits(1).out;
    assert!(
        said.contains("held back") && said.contains("12:00"),
        "{said}"
    );
    site.unset("update", "windows");
    // An exam runs.
    site.set("sync", "on_boot", "false");
    let daemon = site.start_daemon();
    let exam = site.api().call(
        "PUT",
        "/v1/exam",
        "{\"active\": true, \"ttl_seconds\": 600}",
    );
    assert_eq!(exam.unwrap().status, 200);
    assert_eq!(holds(&site), ["exam"]);
    let _ = daemon.kill();
}

#[test]
fn an_image_that_central_does_not_support_is_not_installed() {
    let source = NotingServer::saying(200, &manifest(&["2022.11"]));
    let site = site(&source);
    site.central.set_versions(&["2022.10"]);
    let _ = site.sync().exits(0);
    assert_eq!(holds(&site), ["unsupported"]);
}

#[test]
fn no_source_and_one_that_has_no_manifest_are_told() {
    let source = NotingServer::saying(404, "<html>");
    let mut site = site(&source);
    let refused = site.run(&["update", "check", "--json"]).ends();
    assert!(refused.out.contains("update.source"), "{}", refused.story());
    site.unset("update", "source");
    let refused = site.run(&["update", "check", "--json"]).ends();
    assert!(
        refused.out.contains("update.no_source"),
        "{}",
        refused.story()
    );
    let _ = site.run(&["update", "status"]).exits(0);
}
