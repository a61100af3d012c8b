//! `update install` and `update health`: an image comes over a bad line, what installs and boots it is asked in time and with the
//! caller's rights, and what a boot must show before it is blessed. What installs is a script here; the real one runs in `image/appliance/check`.
//! Run by `cargo test -p e2e`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use e2e::{Site, options};
use sha2::{Digest, Sha256};

/// A folder of images that gives ranges, and cuts its next long answers after so many bytes.
#[derive(Clone, Default)]
struct ImageSource {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    cuts: Arc<Mutex<Vec<usize>>>,
    /// Whether its answers have no length, and end with the connection.
    lengthless: Arc<Mutex<bool>>,
    /// Name and first byte of each request.
    asked: Arc<Mutex<Vec<(String, usize)>>>,
}

impl ImageSource {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                own.answer(&mut stream.unwrap());
            }
        });
        format!("\"http://127.0.0.1:{port}/box/\"")
    }

    fn answer(&self, stream: &mut TcpStream) {
        let (mut head, mut buffer) = (String::new(), [0; 4096]);
        while !head.contains("\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(length) => head += &String::from_utf8_lossy(&buffer[..length]),
            }
        }
        let name = head.split(' ').nth(1).unwrap_or_default();
        let name = name.trim_start_matches("/box/").to_owned();
        let range = head.lines().find_map(|line| {
            let (field, value) = line.split_once(": bytes=")?;
            field
                .eq_ignore_ascii_case("range")
                .then(|| value.trim_end_matches('-').parse().unwrap())
        });
        let first: usize = range.unwrap_or(0);
        self.asked.lock().unwrap().push((name.clone(), first));
        let Some(file) = self.files.lock().unwrap().get(&name).cloned() else {
            let _ = stream
                .write_all(b"HTTP/1.1 404 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return;
        };
        let (total, rest) = (file.len(), &file[first.min(file.len())..]);
        let (status, field) = match (range, rest.is_empty()) {
            (None, _) => (200, String::new()),
            (_, true) => (416, format!("content-range: bytes */{total}\r\n")),
            _ => (
                206,
                format!("content-range: bytes {first}-{}/{total}\r\n", total - 1),
            ),
        };
        let length = match *self.lengthless.lock().unwrap() {
            true => String::new(),
            false => format!("content-length: {}\r\n", rest.len()),
        };
        let head = format!("HTTP/1.1 {status} x\r\n{field}{length}connection: close\r\n\r\n");
        let mut cuts = self.cuts.lock().unwrap();
        let most = match cuts.last() {
            Some(most) if *most < rest.len() => cuts.pop().unwrap(),
            _ => rest.len(),
        };
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&rest[..most]));
    }

    /// Publishes a version; its root has `root` as content.
    fn publish(&self, version: &str, root: &[u8]) {
        let (root_name, entry) = (
            format!("boxsync_{version}.root.raw.xz"),
            format!("boxsync_{version}.efi"),
        );
        let line = |name: &str, content: &[u8]| format!("{:x}  {name}\n", Sha256::digest(content));
        let manifest = line(&root_name, root) + &line(&entry, b"entry");
        let mut files = self.files.lock().unwrap();
        files.insert(root_name, root.to_vec());
        files.insert(entry, b"entry".to_vec());
        files.insert("SHA256SUMS".into(), manifest.into_bytes());
        files.insert("SHA256SUMS.gpg".into(), b"signature".to_vec());
    }

    fn asked_for(&self, end: &str) -> Vec<usize> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(name, _)| name.ends_with(end))
            .map(|(_, first)| *first)
            .collect()
    }
}

fn write(site: &Site, name: &str, content: &str, mode: u32) {
    let path = site.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What the scripts were asked.
fn acts(site: &Site) -> String {
    fs::read_to_string(site.path("acts")).unwrap_or_default()
}

/// A box whose image is 2022.10, with scripts in the place of what installs and of what boots.
fn site(source: &ImageSource) -> Site {
    let mut site = Site::enrolled(options(3, 1, (40_000, 40_000)));
    site.central.set_versions(&["2022.10", "2022.11"]);
    site.unset("box", "tao_version");
    let root = site.path("");
    let root = root.display();
    write(&site, "etc/os-release", "IMAGE_VERSION=2022.10\n", 0o644);
    write(&site, "dev/disk/by-partlabel/boxsync_2022.10", "", 0o644);
    write(&site, "dev/disk/by-partlabel/_empty", "", 0o644);
    write(&site, "efi/EFI/Linux/boxsync_2022.10.efi", "", 0o644);
    // It takes what was brought, as the transfers of image/update say.
    let installer = format!(
        "#!/bin/sh\necho \"$@\" >>{root}/acts\ncp {root}/var/lib/boxsync/image/boxsync_$2.root.raw.xz {root}/taken || exit 1\n\
         test -s {root}/var/lib/boxsync/image/SHA256SUMS.gpg || exit 2\n[ -e {root}/refuse ] && exit 1\n\
         cp {root}/var/lib/boxsync/image/boxsync_$2.efi {root}/efi/EFI/Linux/boxsync_$2+3.efi\n"
    );
    write(
        &site,
        "usr/lib/systemd/systemd-sysupdate",
        &installer,
        0o755,
    );
    write(
        &site,
        "usr/bin/systemctl",
        &format!("#!/bin/sh\necho \"$@\" >>{root}/acts\n"),
        0o755,
    );
    site.set("update", "source", &source.start());
    let _ = site.sync().exits(0);
    site
}

#[test]
fn an_image_comes_over_a_line_that_is_cut_and_is_installed_and_booted() {
    let source = ImageSource::default();
    let root: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    source.publish("2022.11", &root);
    source.cuts.lock().unwrap().extend([900_000, 1_000_000]);
    let site = site(&source);
    let dry = site
        .run(&["update", "install", "--dry-run", "--json"])
        .exits(0)
        .object();
    assert_eq!(dry["step"]["step"], "install", "{dry}");
    assert!(source.asked_for(".xz").is_empty() && acts(&site).is_empty());
    let _ = site.run(&["update", "install"]).exits(0);
    assert_eq!(acts(&site), "update 2022.11\nreboot\n");
    assert_eq!(fs::read(site.path("taken")).unwrap(), root);
    // Each cut was gone on from: nothing was asked for twice.
    assert_eq!(source.asked_for(".xz"), [0, 1_000_000, 1_900_000]);
    let left = fs::read_dir(site.path("var/lib/boxsync/image"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "what is installed is of no more use");
}

#[test]
fn what_was_brought_before_a_power_cut_is_gone_on_from_and_what_is_damaged_is_not_installed() {
    let source = ImageSource::default();
    let root = vec![7; 2_000_000];
    source.publish("2022.11", &root);
    let site = site(&source);
    // As a cut leaves it: the name has the beginning of the hash that is to come.
    let hash = format!("{:x}", Sha256::digest(&root));
    let part = format!(
        "var/lib/boxsync/image/boxsync_2022.11.root.raw.xz.{}.part",
        &hash[..16]
    );
    write(&site, &part, "", 0o600);
    fs::write(site.path(&part), &root[..1_500_000]).unwrap();
    // Of another content of the same name nothing is put together with it.
    write(
        &site,
        "var/lib/boxsync/image/boxsync_2022.11.root.raw.xz.0123456789abcdef.part",
        "other",
        0o600,
    );
    write(&site, "refuse", "", 0o644);
    let refused = site.run(&["update", "install"]).exits(1);
    assert!(
        refused.err.contains("[update.install]"),
        "{}",
        refused.story()
    );
    assert_eq!(source.asked_for(".xz"), [1_500_000]);
    assert_eq!(fs::read(site.path("taken")).unwrap(), root);
    // What was refused is not fetched again as long as it is what the manifest says.
    let _ = site.run(&["update", "install"]).exits(1);
    assert_eq!(source.asked_for(".xz"), [1_500_000]);
    assert_eq!(acts(&site), "update 2022.11\nupdate 2022.11\n");
    // What is held fits no more: the right length, another content.
    fs::remove_file(site.path("refuse")).unwrap();
    fs::remove_file(site.path("var/lib/boxsync/image/boxsync_2022.11.root.raw.xz")).unwrap();
    fs::write(site.path(&part), vec![8; 2_000_000]).unwrap();
    let damaged = site.run(&["update", "install"]).exits(1);
    assert!(
        damaged.err.contains("[update.image]"),
        "{}",
        damaged.story()
    );
    assert_eq!(acts(&site), "update 2022.11\nupdate 2022.11\n");
    let _ = site.run(&["update", "install"]).exits(0);
    assert!(
        acts(&site).ends_with("\nupdate 2022.11\nreboot\n"),
        "{}",
        acts(&site)
    );
}

#[test]
fn what_is_held_back_is_brought_and_waits() {
    let source = ImageSource::default();
    source.publish("2022.11", &[1; 100_000]);
    let mut site = site(&source);
    let day = (std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400 + 3 + 3) % 7;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day as usize];
    site.set("download", "utc_offset", "\"+00:00\"");
    site.set("update", "windows", &format!("[\"{day} 12:00-12:01\"]"));
    let held = site.run(&["update", "install"]).exits(1);
    assert!(held.out.contains("held back"), "{}", held.story());
    assert!(acts(&site).is_empty());
    assert!(
        site.path("var/lib/boxsync/image/boxsync_2022.11.efi")
            .exists()
    );
    let asked = source.asked_for(".xz").len();
    let _ = site.run(&["update", "install"]).exits(1);
    assert_eq!(source.asked_for(".xz").len(), asked, "it is here");
    // No room: nothing is begun that cannot end, and what does not say how long it is does not fill the disk.
    site.set("download", "reserve", "\"1000000TiB\"");
    for lengthless in [false, true] {
        *source.lengthless.lock().unwrap() = lengthless;
        source.publish("2022.11", &[2 + u8::from(lengthless); 100_000]);
        let full = site.run(&["update", "install"]).exits(1);
        assert!(
            full.err.contains("[update.image]") && full.err.contains("no room"),
            "{}",
            full.story()
        );
    }
    *source.lengthless.lock().unwrap() = false;
    site.unset("download", "reserve");
    // While an exam runs the line is the exam's.
    site.set("sync", "on_boot", "false");
    let daemon = site.start_daemon();
    let exam = "{\"active\": true, \"ttl_seconds\": 600}";
    assert_eq!(
        site.api().call("PUT", "/v1/exam", exam).unwrap().status,
        200
    );
    let asked = source.asked_for(".xz").len();
    let _ = site.run(&["update", "install"]).exits(1);
    assert_eq!(source.asked_for(".xz").len(), asked);
    let _ = daemon.kill();
}

#[test]
fn a_boot_is_good_once_a_run_ended_with_a_word_about_central() {
    let source = ImageSource::default();
    let mut site = site(&source);
    let health = |site: &Site, status: i32| {
        site.run(&["update", "health", "--json"])
            .exits(status)
            .object()["health"]
            .clone()
    };
    assert_eq!(health(&site, 1), "not_yet", "no daemon answers");
    site.set("sync", "on_boot", "false");
    let daemon = site.start_daemon();
    assert_eq!(health(&site, 0), "works", "no run comes with the boot");
    let _ = daemon.kill();
    site.unset("sync", "on_boot");
    site.central.set_versions(&["2022.11"]);
    let daemon = site.start_daemon();
    let _ = site.sync().exits(5);
    assert_eq!(health(&site, 1), "refused");
    site.central.set_versions(&["2022.10"]);
    let _ = site.sync().exits(0);
    assert_eq!(health(&site, 0), "works");
    let _ = daemon.kill();
}

#[test]
fn a_roll_out_in_steps_lets_nothing_come_before_its_turn_and_the_box_says_what_is_to_come() {
    let source = ImageSource::default();
    source.publish("2022.11", &[1; 100_000]);
    let plan = |text: &str| {
        source
            .files
            .lock()
            .unwrap()
            .insert("ROLLOUT".into(), text.into())
    };
    plan("2022.11 2199-01-01 1 50\n");
    let site = site(&source);
    let by = |site: &Site| {
        let step = site.run(&["update", "install", "--json"]).exits(1).object()["step"].clone();
        step["by"][0].clone()
    };
    let hold = by(&site);
    assert!(
        hold["by"] == "share" && hold["until"].as_i64().unwrap() > 7_000_000_000,
        "{hold}"
    );
    assert!(
        source.asked_for(".xz").is_empty(),
        "the source is not asked for it"
    );
    plan("2022.11 soon\n");
    assert_eq!(by(&site)["by"], "share");
    let said = site.run(&["update", "check"]).exits(1).out;
    assert!(said.contains("cannot be read"), "{said}");
    plan("2022.11 2020-01-01 1 50\n");
    // What is wrong with renewing it is told by doctor: an image that failed, and a box that cannot.
    let doctor = |site: &Site| site.run(&["doctor", "--offline", "--json"]).ends().out;
    assert!(!doctor(&site).contains("update."), "{}", doctor(&site));
    write(&site, "efi/EFI/Linux/boxsync_2022.11+0-3.efi", "", 0o644);
    assert_eq!(by(&site)["by"], "failed");
    assert!(doctor(&site).contains("update.failed"));
    fs::remove_file(site.path("dev/disk/by-partlabel/_empty")).unwrap();
    fs::remove_file(site.path("efi/EFI/Linux/boxsync_2022.11+0-3.efi")).unwrap();
    assert_eq!(by(&site)["by"], "impossible");
    let told = doctor(&site);
    assert!(
        told.contains("update.impossible") && !told.contains("update.failed"),
        "{told}"
    );
    let status = site.run(&["status", "--json"]).ends().out;
    assert!(status.contains("update.impossible"), "{status}");
}
