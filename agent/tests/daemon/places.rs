//! Places at the local API: who reads, follows, stalls or may not speak at all keeps nobody from what matters.
//! Never measures: what must be answered is answered while the others are still there.
//! Run by `cargo test`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::api::{EXECUTION, provision, result};
use crate::house::{DELIVERY, DaemonHouse, QUIET, terminate};

/// A request that is begun, and left there.
fn begun(house: &DaemonHouse, request: &str) -> UnixStream {
    let mut stream = house.connect();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn hands_in(house: &DaemonHouse, content: &str) -> u16 {
    let path = format!("/v1/results/{}", EXECUTION.replace('#', "%23"));
    house.call("PUT", &path, "", content).status
}

#[test]
fn readers_followers_and_uploads_that_stall_take_no_place_of_others() {
    let house = DaemonHouse::new(QUIET);
    let content: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_le_bytes()).collect();
    provision(&house, &content);
    let daemon = house.start();
    let item = result("MC41").to_string();
    let path = format!(
        "/v1/packages/content?delivery={}",
        DELIVERY.replace('#', "%23")
    );
    let mut followers: Vec<_> = (0..64).map(|_| house.follow()).collect();
    // Each has more to come than the socket holds.
    let readers: Vec<_> = (0..64)
        .map(|_| begun(&house, &format!("GET {path} HTTP/1.1\r\nHost: b\r\n\r\n")))
        .collect();
    let mut uploads: Vec<_> = [900, 900, 900, 900, 300_000, 300_000, 300_000]
        .into_iter()
        .map(|length| {
            let head = "PUT /v1/results/i1 HTTP/1.1\r\nHost: b\r\nContent-Length:";
            begun(&house, &format!("{head} {length}\r\n\r\n{{"))
        })
        .collect();
    // One more of a kind that has too many is told so.
    let busy = house.get("/v1/entities");
    assert_eq!(
        (busy.status, &busy.json()["code"]),
        (503, &"api.busy".into())
    );
    assert!(busy.head.contains("retry-after: 5"), "{}", busy.head);
    assert_eq!(hands_in(&house, &item), 200);
    assert_eq!(house.get("/v1/status").status, 200);
    let exam = r#"{"active":false}"#;
    assert_eq!(house.call("PUT", "/v1/exam", "", exam).status, 200);
    // An upload of which nothing comes is ended with a word.
    let mut told = String::new();
    let _ = uploads[0].read_to_string(&mut told);
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    // Readers that go give their places back.
    drop(readers);
    while house.get("/v1/entities?type=delivery").status == 503 {}
    // Who follows is there to the end.
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    let mut rest = String::new();
    let _ = followers[63].read_to_string(&mut rest);
    assert!(!rest.contains("503"));
}

/// Set for the process of `whoever_may_not_speak_here`: the socket.
const CROWD: &str = "BOXSYNC_TEST_CROWD";

/// Not a test of its own: two hundred connections of whoever runs this, until its standard input ends.
#[test]
#[ignore = "run by `whoever_may_not_speak_here_delays_nobody` as another user"]
fn whoever_may_not_speak_here() {
    let Some(socket) = std::env::var_os(CROWD) else {
        return;
    };
    let open = || UnixStream::connect(&socket).unwrap();
    let _crowd: Vec<UnixStream> = (0..200).map(|_| open()).collect();
    let mut asking = open();
    write!(asking, "GET /v1/status HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
    let mut told = String::new();
    let _ = asking.read_to_string(&mut told);
    eprintln!("told: {}", told.lines().next().unwrap_or_default());
    let _ = std::io::stdin().read_line(&mut told);
}

/// Two hundred connections of nobody, and what it is told that asks behind them.
fn crowd(house: &DaemonHouse) -> (Child, Option<String>) {
    fs::set_permissions(house.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // A copy that nobody may run, wherever the tests were built.
    let program = house.dir.path().join("crowd");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut crowd = Command::new(&program)
        .args([
            "--ignored",
            "--exact",
            "places::whoever_may_not_speak_here",
            "--nocapture",
        ])
        .env(CROWD, house.root().socket())
        .uid(65_534)
        .gid(65_534)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(crowd.stderr.take().unwrap());
    let told = told
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("told: "));
    (crowd, told)
}

#[test]
fn whoever_may_not_speak_here_delays_nobody() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: another user's connections need root");
        return;
    }
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    let (mut crowd, told) = crowd(&house);
    assert_eq!(told.as_deref(), Some("told: HTTP/1.1 403 Forbidden"));
    for _ in 0..9 {
        assert_eq!(house.get("/v1/status").status, 200);
    }
    assert!(crowd.try_wait().unwrap().is_none(), "they are still there");
    drop(crowd.stdin.take());
    crowd.wait().unwrap();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn a_group_that_is_named_lets_in_whom_the_users_of_the_box_have_in_it() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: another user's connections need root");
        return;
    }
    let house = DaemonHouse::new(&format!("{QUIET}[box]\nallow_gids = [\"exam\", 7]\n"));
    let etc = house.dir.path().join("etc");
    fs::write(etc.join("passwd"), "engine:x:65534:65534::/:\n").unwrap();
    for (members, told) in [("other", "403 Forbidden"), ("other,engine", "200 OK")] {
        fs::write(etc.join("group"), format!("exam:x:777:{members}\n")).unwrap();
        let daemon = house.start();
        let (mut crowd, heard) = crowd(&house);
        assert_eq!(heard, Some(format!("told: HTTP/1.1 {told}")), "{members}");
        drop(crowd.stdin.take());
        crowd.wait().unwrap();
        assert_eq!(terminate(&house, daemon).code(), Some(0));
    }
}
