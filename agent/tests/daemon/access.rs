//! Roles at the local API: what each program may do, as another user with groups of its own.
//! Never believed of a name alone: the kernel says who asks, and each refusal names the key to set.
//! Run by `cargo test`; without root it is skipped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use serde_json::Value as Json;

use crate::events::{SocketEvents, exam, hand_in};
use crate::follow::Press;
use crate::house::{DaemonHouse, QUIET, terminate};

/// Set for the process of `somebody_asks`: socket, user, groups, then requests, a line each.
const ASKS: &str = "BOXSYNC_TEST_ASKS";
/// The user that asks, and its primary group.
const ENGINE: u32 = 64_533;

/// Not a test of its own: asks as another user and prints each answer's status and body.
#[test]
#[ignore = "run by the tests beside it as another user"]
fn somebody_asks() {
    let Ok(asks) = std::env::var(ASKS) else {
        return;
    };
    let mut lines = asks.lines();
    let socket = lines.next().unwrap();
    let uid: u32 = lines.next().unwrap().parse().unwrap();
    let groups: Vec<Gid> = lines
        .next()
        .unwrap()
        .split_whitespace()
        .map(|group| Gid::from_raw(group.parse().unwrap()))
        .collect();
    setgroups(&groups).unwrap();
    setgid(Gid::from_raw(uid)).unwrap();
    setuid(Uid::from_raw(uid)).unwrap();
    for line in lines {
        let (ask, body) = line.split_once(' ').unwrap();
        if ask == "EVENTS" {
            println!("told: 200 {}", events(socket, body));
            continue;
        }
        let (path, body) = body.split_once(' ').unwrap_or((body, ""));
        let mut stream = UnixStream::connect(socket).unwrap();
        let length = body.len();
        // One write: whoever is refused may be answered before a second one.
        let request =
            format!("{ask} {path} HTTP/1.0\r\nHost: b\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        let status = told.split(' ').nth(1).unwrap();
        let body = told.split_once("\r\n\r\n").unwrap().1;
        let first = body.lines().next().unwrap_or_default();
        println!("told: {status} {first}");
    }
}

/// The names of the events after one that was had, to `state` or `exam`, and the data of that.
fn events(socket: &str, last: &str) -> Json {
    let mut stream = UnixStream::connect(socket).unwrap();
    let last = match last {
        "-" => String::new(),
        last => format!("Last-Event-ID: {last}\r\n"),
    };
    write!(stream, "GET /v1/events HTTP/1.1\r\nHost: b\r\n{last}\r\n").unwrap();
    let mut names = Vec::new();
    for line in BufReader::new(stream).lines().map(Result::unwrap) {
        if let Some(name) = line.strip_prefix("event: ") {
            names.push(name.to_owned());
        }
        let ends = names
            .last()
            .is_some_and(|name| name == "state" || name == "exam");
        if let Some(data) = line.strip_prefix("data: ").filter(|_| ends) {
            let data: Json = serde_json::from_str(data).unwrap();
            return serde_json::json!({ "names": names, "data": data });
        }
    }
    panic!("the events end after {names:?}");
}

/// The answers to requests of the engine's user whose process has these groups beside its own.
fn asks(house: &DaemonHouse, groups: &str, requests: &[&str]) -> Vec<(u16, Json)> {
    fs::set_permissions(house.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = house.root().socket();
    let (socket, requests) = (socket.display(), requests.join("\n"));
    let asked = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "access::somebody_asks",
            "--nocapture",
        ])
        .env(ASKS, format!("{socket}\n{ENGINE}\n{groups}\n{requests}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(asked.stdout.clone()).unwrap();
    let told = told.lines().filter_map(|line| line.split_once("told: "));
    let answers: Vec<(u16, Json)> = told
        .map(|(_, answer)| {
            let (status, body) = answer.split_once(' ').unwrap();
            let json = serde_json::from_str(body).unwrap_or_default();
            (status.parse().unwrap(), json)
        })
        .collect();
    assert!(asked.status.success(), "{asked:?}");
    answers
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: another user's connections need root");
    }
    is_root
}

const STATUS: &str = "GET /v1/status";
const ENTITIES: &str = "GET /v1/entities?type=test-taker";
const PACKAGES: &str = "GET /v1/packages";
const FEED: &str = "GET /v1/feed?include=entity";
const RESULTS: &str = "GET /v1/results";
const HAND_IN: &str = "PUT /v1/results/i1 {}";
const SYNC: &str = "POST /v1/sync {\"results\":true,\"data\":false}";
const EXAM: &str = "PUT /v1/exam {\"active\":false}";
const ALL: [&str; 8] = [
    STATUS, ENTITIES, PACKAGES, FEED, RESULTS, HAND_IN, SYNC, EXAM,
];
const HASH: &str = "a1B2c3D4e5";
const PASSWORD: &str = "http://www.tao.lu/Ontologies/generis.rdf#password";

/// What is refused for want of which role.
type Refused = &'static [(&'static str, &'static str)];

/// What stands in section `[api]` or `[box]`, the groups of the process, what is refused for want of which role, and
/// whether password hashes are seen.
const TABLE: [(&str, &str, Refused, bool); 7] = [
    (
        "[api]\nread = [\"engine\"]\n",
        "",
        &[
            (RESULTS, "intake"),
            (HAND_IN, "intake"),
            (SYNC, "control"),
            (EXAM, "control"),
        ],
        false,
    ),
    (
        "[api]\nintake = [\"@exam\"]\n",
        "9 700",
        &[
            (ENTITIES, "read"),
            (PACKAGES, "read"),
            (FEED, "read"),
            (SYNC, "control"),
            (EXAM, "control"),
        ],
        false,
    ),
    (
        "[api]\ncontrol = [64533]\nread = [\"@700\"]\n",
        "700",
        &[(RESULTS, "intake"), (HAND_IN, "intake")],
        false,
    ),
    (
        "[api]\nsecrets = [\"engine\"]\n",
        "",
        &[
            (RESULTS, "intake"),
            (HAND_IN, "intake"),
            (SYNC, "control"),
            (EXAM, "control"),
        ],
        true,
    ),
    ("[box]\nallow_uids = [\"engine\"]\n", "", &[], true),
    // The group is the process's alone: /etc/group does not have its user in it.
    ("[box]\nallow_gids = [\"exam\"]\n", "700", &[], true),
    (
        "[box]\nallow_gids = [\"exam\"]\n[api]\nsecrets = []\n",
        "700",
        &[],
        false,
    ),
];

#[test]
fn each_program_may_do_what_its_role_is_for() {
    if !is_root() {
        return;
    }
    let house = DaemonHouse::new(QUIET);
    let mut press = Press::new(&house);
    let changes = press.show(&[1], &[]);
    press.tell(changes);
    let etc = house.dir.path().join("etc");
    fs::write(etc.join("passwd"), "engine:x:64533:64533::/:\n").unwrap();
    fs::write(etc.join("group"), "exam:x:700:other\n").unwrap();
    for (config, groups, refused, secrets) in TABLE {
        house.configure(&format!("{QUIET}{config}"));
        let daemon = house.start();
        // What was made for one who sees secrets is not kept for others.
        assert!(
            house
                .get("/v1/feed?include=entity")
                .json()
                .to_string()
                .contains(HASH)
        );
        for (ask, (status, body)) in ALL.iter().zip(asks(&house, groups, &ALL)) {
            let role = refused.iter().find(|(what, _)| what == ask);
            match role {
                Some((_, role)) => {
                    let told = format!("`{role}` of section [api]");
                    assert_eq!(
                        (status, &body["code"]),
                        (403, &"api.role".into()),
                        "{config} {ask}"
                    );
                    assert!(body["reason"].as_str().unwrap().contains(&told), "{body}");
                }
                None => assert!(
                    ![401, 403].contains(&status),
                    "{config} {ask}: {status} {body}"
                ),
            }
            if *ask == ENTITIES && status == 200 {
                assert_eq!(
                    body["properties"][PASSWORD].is_string(),
                    secrets,
                    "{config} {body}"
                );
                assert_eq!(
                    body["withheld"] == serde_json::json!([PASSWORD]),
                    !secrets,
                    "{body}"
                );
            }
            if *ask == FEED && status == 200 {
                assert_eq!(body.to_string().contains(HASH), secrets, "{config}");
            }
        }
        assert_eq!(terminate(&house, daemon).code(), Some(0));
    }
    // Whom nothing names is refused as ever.
    house.configure(&format!("{QUIET}[api]\nread = [\"other\", \"@other\"]\n"));
    let daemon = house.start();
    for (status, body) in asks(&house, "9", &ALL) {
        assert_eq!((status, &body["code"]), (403, &"api.denied".into()));
    }
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn each_role_hears_of_the_events_that_are_its_own() {
    if !is_root() {
        return;
    }
    let house = DaemonHouse::new(QUIET);
    let etc = house.dir.path().join("etc");
    fs::write(etc.join("passwd"), "engine:x:64533:64533::/:\n").unwrap();
    for (role, value, names) in [
        ("read", "MQ==", &["exam"][..]),
        ("intake", "Mg==", &["result", "exam"]),
        ("control", "Mw==", &["exam"]),
    ] {
        house.configure(&format!("{QUIET}[api]\n{role} = [\"engine\"]\n"));
        let daemon = house.start();
        let mut own = SocketEvents::of(&house, None);
        let (id, _, _) = own.wait("state");
        hand_in(&house, value);
        own.wait("result");
        exam(&house, role, true);
        own.wait("exam");
        let told = asks(
            &house,
            "",
            &["EVENTS -", &format!("EVENTS {}", id.unwrap())],
        );
        let [(_, state), (_, later)] = &told[..] else {
            panic!("{told:?}");
        };
        let reads = role == "read";
        for key in ["packages", "held_back", "cursor"] {
            assert_eq!(state["data"].get(key).is_some(), reads, "{role} {key}");
        }
        assert_eq!(later["names"], serde_json::json!(names), "{role}");
        assert_eq!(terminate(&house, daemon).code(), Some(0));
    }
}
