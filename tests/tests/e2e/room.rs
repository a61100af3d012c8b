//! Boxes of one room: who answers whom, with which key, and what stays shut.
//! Never trusts what one box says of another: each is asked itself, and sockets are opened by the test.
//! The boxes are processes on loopback addresses of their own.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use e2e::net::Net;
use e2e::{Running, Site, options, wait_until};
use serde_json::Value;

use crate::trace::{at, copy};

/// Where the box of this number listens, of this process and test alone.
pub(crate) fn address(test: u8, number: u8) -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    SocketAddr::from((
        [127, test, high, low.clamp(1, 254)],
        7382 + u16::from(number),
    ))
}

/// The first box of a room of `count`, with a site key and everybody as `peers`.
pub(crate) fn room(mut site: Site, test: u8, count: u8) -> Site {
    let key = site.path("etc/boxsync/site.key");
    site.run(&["site", "key", "new", key.to_str().unwrap()])
        .exits(0);
    let peers: Vec<String> = (0..count).map(|n| address(test, n).to_string()).collect();
    site.set("site", "key_file", &format!("{key:?}"));
    site.set("site", "peers", &format!("{peers:?}"));
    site.set("site", "listen", &format!("\"{}\"", address(test, 0)));
    site.set("sync", "on_boot", "false");
    site
}

/// Another box of the room, enrolled by a manager of its own.
pub(crate) fn another(site: &Site, test: u8, number: u8) -> PathBuf {
    let root = site.path(&format!("box-{number}"));
    fs::create_dir_all(&root).unwrap();
    copy(&site.path("etc"), &root.join("etc"));
    configure(
        &root,
        &address(test, 0).to_string(),
        &address(test, number).to_string(),
    );
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.secret(&password);
    let words = ["enroll", "--login", &login, "--password-file"];
    let words = [&words[..], &[file.to_str().unwrap()]].concat();
    at(site, &root, &words).end().exits(0);
    root
}

/// Changes where a box listens: `listen` stands alone in its line, `peers` stays as it is.
fn configure(root: &Path, from: &str, to: &str) {
    let file = root.join("etc/boxsync/boxsync.toml");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replace(
        &format!("listen = \"{from}\""),
        &format!("listen = \"{to}\""),
    );
    // The key is the box's own file.
    let own = root.join("etc/boxsync/site.key").display().to_string();
    let lines = changed
        .lines()
        .map(|line| match line.starts_with("key_file") {
            true => format!("key_file = {own:?}\n"),
            false => format!("{line}\n"),
        });
    fs::write(&file, lines.collect::<String>()).unwrap();
}

/// A daemon whose port is open.
pub(crate) fn listening(site: &Site, root: &Path, at_address: SocketAddr) -> Running {
    let daemon = at(site, root, &["run"]);
    wait_until("the port", e2e::LIMIT, || {
        TcpStream::connect(at_address).is_ok()
    });
    daemon
}

fn siblings(site: &Site) -> Vec<Value> {
    let told = site.run(&["site", "status", "--json"]).ends().object();
    told["siblings"].as_array().unwrap().clone()
}

#[test]
fn the_boxes_of_a_room_are_known_by_the_key_that_they_prove() {
    const TEST: u8 = 61;
    let site = room(Site::enrolled(options(3, 1, (4_000, 6_000))), TEST, 3);
    let root = another(&site, TEST, 1);
    // Nobody listens yet.
    let told = siblings(&site);
    assert!(
        told.iter().all(|one| one["code"] == "net.refused"),
        "{told:?}"
    );
    let own = listening(&site, site.path("").as_path(), address(TEST, 0));
    let second = listening(&site, &root, address(TEST, 1));
    let told = siblings(&site);
    assert_eq!(told[0]["state"], "own", "{told:?}");
    assert_eq!(told[1]["state"], "proven", "{told:?}");
    assert_eq!(told[1]["key"], "key_file", "{told:?}");
    let id = at(&site, &root, &["identity", "--json"])
        .end()
        .exits(0)
        .object()["box_id"]
        .clone();
    assert_eq!(told[1]["standing"]["box_id"], id, "{told:?}");
    assert_eq!(
        told[1]["standing"]["verdict"], "not_ready",
        "it has no catalogue"
    );
    assert_eq!(told[2]["code"], "net.refused", "{told:?}");
    let shown = site.run(&["site", "status"]).exits(1);
    assert!(
        shown.out.contains("NOT READY") && shown.out.contains("this box"),
        "{}",
        shown.out
    );
    second.kill().was_killed();
    // The same room with another key: what follows from enrolment is left, and tells nothing. A stranger hangs up.
    let key = root.join("etc/boxsync/site.key");
    fs::remove_file(&key).unwrap();
    at(&site, &root, &["site", "key", "new", key.to_str().unwrap()])
        .end()
        .exits(0);
    let second = listening(&site, &root, address(TEST, 1));
    let stranger = TcpListener::bind(address(TEST, 2)).unwrap();
    // The daemons meet it, too: each of them is hung up on, until the test's process ends.
    std::thread::spawn(move || stranger.incoming().for_each(drop));
    let told = siblings(&site);
    assert_eq!(told[1]["key"], "enrolment", "{told:?}");
    assert!(told[1]["standing"].is_null(), "{told:?}");
    assert_eq!(told[2]["code"], "site.unproven", "{told:?}");
    assert!(
        !told[1].to_string().contains(id.as_str().unwrap()),
        "{told:?}"
    );
    own.kill().was_killed();
    second.kill().was_killed();
}

#[test]
fn a_port_is_open_where_it_is_configured_and_answers_nobody_else() {
    const TEST: u8 = 62;
    let mut site = room(Site::enrolled(options(3, 1, (4_000, 6_000))), TEST, 1);
    let daemon = listening(&site, site.path("").as_path(), address(TEST, 0));
    for sent in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "BOXLINK\x01",
        "\x16\x03\x01",
    ] {
        let mut stream = TcpStream::connect(address(TEST, 0)).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut got = Vec::new();
        let _ = stream.read_to_end(&mut got);
        assert_eq!(got, b"", "after {sent:?}");
    }
    daemon.kill().was_killed();
    site.unset("site", "listen");
    let daemon = site.start_daemon();
    assert!(
        TcpStream::connect(address(TEST, 0)).is_err(),
        "off when absent"
    );
    daemon.kill().was_killed();
}

/// Nobody names the other box: each is found by the network, as long as it listens, and proves its key as always.
#[test]
fn boxes_find_each_other_where_none_is_named() {
    let Some(net) = Net::new() else { return };
    const TEST: u8 = 70;
    let mut site = room(Site::enrolled(options(3, 1, (4_000, 6_000))), TEST, 2);
    let root = another(&site, TEST, 1);
    let file = root.join("etc/boxsync/boxsync.toml");
    let text = fs::read_to_string(&file).unwrap();
    let is_site = |line: &&str| !line.starts_with("peers") && !line.starts_with("listen");
    let lines = text.lines().filter(is_site).map(|line| match line {
        "[site]" => format!("[site]\nlisten = \"0.0.0.0:{PORT}\"\n"),
        line => format!("{line}\n"),
    });
    fs::write(&file, lines.collect::<String>()).unwrap();
    site.unset("site", "peers");
    site.set("site", "listen", &format!("\"0.0.0.0:{PORT}\""));
    const PORT: u16 = 7382;
    let near = |words: &[&str]| {
        let mut command = net.command(&site.command(words));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(command)
    };
    let told = || -> Vec<Value> {
        let told = near(&["site", "status", "--json"]).end().ends().object();
        assert_eq!(told["open"], true, "{told}");
        told["siblings"].as_array().unwrap().clone()
    };
    let own = near(&["run"]);
    wait_until("the own port", e2e::LIMIT, || {
        let told = near(&["site", "status", "--json"]).end().ends().object();
        told["open"] == true
    });
    assert_eq!(told(), Vec::<Value>::new(), "the box itself is nobody");
    let second = net.at_router(|| at(&site, &root, &["run"]));
    wait_until("the other box", e2e::LIMIT, || !told().is_empty());
    let found = told();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["peer"], format!("{}:{PORT}", e2e::net::ROUTER));
    assert_eq!(found[0]["state"], "proven", "{found:?}");
    assert_eq!(found[0]["key"], "key_file", "{found:?}");
    // What is nobody's answer is none: any packet may come to the port.
    net.at_router(|| {
        let socket = UdpSocket::bind((e2e::net::ROUTER, 0)).unwrap();
        for packet in [&b""[..], &[0; 1500], &[0xff; 40]] {
            socket.send_to(packet, (e2e::net::NEAR, 5353)).unwrap();
        }
    });
    assert_eq!(told().len(), 1);
    second.kill().was_killed();
    own.kill().was_killed();
}
