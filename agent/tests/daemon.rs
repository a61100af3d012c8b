//! The daemon as systemd and its neighbours meet it: the built program, real signals, real sockets.
//! Never waits for a time: each wait is for something that comes, with a limit that only a failure reaches.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use agent::root::Root;
use agent::vault::Vault;
use agent::vault::catalogue::{Catalogue, Edition};
use agent::vault::package::{Packages, Part};
use logic::entity::{Entity, EntityType, Value, uri};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

const DELIVERY: &str = "https://central.example/tao.rdf#i4001";
const PATIENCE: Duration = Duration::from_secs(60);

struct House {
    dir: tempfile::TempDir,
    notified: UnixDatagram,
}

/// A daemon under test; killed when the test is over.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn lines(&self) -> Vec<Json> {
        let text = std::str::from_utf8(&self.body).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl House {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/boxsync")).unwrap();
        let notified = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        let house = Self { dir, notified };
        house.configure(config);
        house
    }

    /// A box that central never answers: connections are taken and left alone.
    fn before_silence() -> (Self, TcpListener) {
        let central = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", central.local_addr().unwrap());
        let house = Self::new(&format!(
            "[central]\nurl = \"{url}\"\n[box]\norganisation_id = \"1\"\ntao_version = \"2022.11\"\n\
             [sync]\non_boot = false\ninterval = \"1h\"\n"
        ));
        fs::write(house.dir.path().join("secret"), "s\n").unwrap();
        let secret = house.dir.path().join("secret");
        let token_url = format!("{url}token");
        let args = [
            "credentials",
            "import",
            "--key",
            "k",
            "--token-url",
            &token_url,
            "--secret-file",
        ];
        let imported = house.cli(&[&args[..], &[secret.to_str().unwrap()]].concat());
        assert!(imported.status.success(), "{imported:?}");
        (house, central)
    }

    fn configure(&self, config: &str) {
        fs::write(self.dir.path().join("etc/boxsync/boxsync.toml"), config).unwrap();
    }

    fn root(&self) -> Root {
        Root::new(self.dir.path())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boxsync"));
        command.arg("--root").arg(self.dir.path());
        command
    }

    fn cli(&self, args: &[&str]) -> Output {
        self.command()
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn spawn(&self) -> Daemon {
        let child = self
            .command()
            .arg("run")
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", "400000")
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.dir.path().join("journal")).unwrap())
            .spawn()
            .unwrap();
        Daemon(child)
    }

    fn start(&self) -> Daemon {
        let daemon = self.spawn();
        self.notified("READY=1");
        daemon
    }

    /// Waits until systemd would have been told this.
    fn notified(&self, wanted: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length = self
                .notified
                .recv(&mut buffer)
                .expect("the daemon tells its state");
            if String::from_utf8_lossy(&buffer[..length]).starts_with(wanted) {
                return;
            }
        }
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("journal")).unwrap()
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.root().socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: boxsync\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        let cut = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(all[..cut].to_vec())
            .unwrap()
            .to_lowercase();
        let mut body = all[cut + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunk(&body);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body }
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", "")
    }

    /// The events of the daemon from now on; the first one has come.
    fn follow(&self) -> BufReader<UnixStream> {
        let mut stream = self.connect();
        write!(
            stream,
            "GET /v1/sync/events HTTP/1.1\r\nHost: boxsync\r\n\r\n"
        )
        .unwrap();
        let mut events = BufReader::new(stream);
        next(&mut events, "state");
        events
    }

    /// The process ids of the daemon's workers.
    fn workers(&self, daemon: &Daemon) -> Vec<i32> {
        let id = daemon.0.id();
        let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        listed
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect()
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = body
            .windows(2)
            .position(|w| w == b"\r\n")
            .expect("a chunk's length");
        let length =
            usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + length]);
        body = &body[line + 2 + length + 2..];
    }
}

/// The data of the next event of a kind.
fn next(events: &mut BufReader<UnixStream>, kind: &str) -> Json {
    let mut line = String::new();
    let mut here = false;
    loop {
        line.clear();
        assert!(
            events.read_line(&mut line).unwrap() > 0,
            "the events end without `{kind}`"
        );
        match line.trim_end().split_once(": ") {
            Some(("event", name)) => here = name == kind,
            Some(("data", data)) if here => return serde_json::from_str(data).unwrap(),
            _ => {}
        }
    }
}

fn signal(daemon: &Daemon, signal: Signal) {
    kill(Pid::from_raw(daemon.0.id() as i32), signal).unwrap();
}

/// Ends the daemon as systemd does, and holds it to its five seconds.
fn terminate(house: &House, mut daemon: Daemon) -> ExitStatus {
    let begun = Instant::now();
    signal(&daemon, Signal::SIGTERM);
    house.notified("STOPPING=1");
    let status = daemon.0.wait().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    status
}

const QUIET: &str = "[sync]\non_boot = false\n";

#[test]
fn it_is_ready_at_once_answers_and_ends_when_told() {
    let house = House::new(QUIET);
    let daemon = house.start();
    house.notified("STATUS=not synchronized since the start; waiting for the next interval");
    house.notified("WATCHDOG=1");
    let status = house.get("/v1/status");
    assert_eq!(status.status, 200);
    let told = status.json();
    assert_eq!(
        (&told["schema"], &told["enrolled"]),
        (&1.into(), &false.into())
    );
    assert_eq!(told["daemon"]["next"]["why"], "the next interval");
    assert_eq!(told["daemon"]["running"], Json::Null);
    let metrics = house.get("/v1/metrics");
    assert!(metrics.head.contains("application/openmetrics-text"));
    assert!(metrics.body.ends_with(b"\n# EOF\n"));
    let memory = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
    let figures = |name: &str| {
        memory
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    println!(
        "idle: {}, {} (debug build)",
        figures("VmRSS"),
        figures("Threads")
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    assert!(!house.root().socket().exists());
    assert!(house.journal().contains("is ready"));
}

#[test]
fn a_configuration_that_is_wrong_at_the_start_is_no_restart_loop_and_later_changes_nothing() {
    let house = House::new("[sync]\nintervall = \"1h\"\n");
    let mut daemon = house.spawn();
    assert_eq!(daemon.0.wait().unwrap().code(), Some(2));
    assert!(house.journal().contains("interval"), "{}", house.journal());
    house.configure(QUIET);
    let daemon = house.start();
    for (config, word) in [
        ("[sync]\nintervall = 1\n", "stays as it was"),
        (QUIET, "read again"),
    ] {
        house.configure(config);
        signal(&daemon, Signal::SIGHUP);
        house.notified("RELOADING=1");
        house.notified("READY=1");
        assert!(house.journal().contains(word), "{}", house.journal());
    }
    let mut second = house.spawn();
    assert_eq!(second.0.wait().unwrap().code(), Some(1));
    assert!(
        house.journal().contains("daemon.running"),
        "{}",
        house.journal()
    );
    assert_eq!(house.get("/v1/status").status, 200);
    // Killed, it leaves its socket behind; the next one takes the place.
    drop(daemon);
    assert!(house.root().socket().exists());
    let daemon = house.start();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn sync_goes_through_the_daemon_with_the_same_words_and_status() {
    let house = House::new(QUIET);
    let alone = house.cli(&["sync", "--json"]);
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
    house.configure(&format!(
        "{QUIET}[central]\nurl = \"http://127.0.0.1:9/\"\n"
    ));
    let alone = house.cli(&["sync", "--json"]);
    let daemon = house.start();
    let through = house.cli(&["sync", "--json"]);
    assert_eq!(
        (alone.status.code(), through.status.code()),
        (Some(3), Some(3))
    );
    let (alone, through): (Json, Json) = (
        serde_json::from_slice(&alone.stdout).unwrap(),
        serde_json::from_slice(&through.stdout).unwrap(),
    );
    assert_eq!(through["code"], "auth.not_enrolled");
    for key in ["code", "reason", "outcome", "box_id", "sync_id"] {
        assert_eq!(alone[key], through[key], "{key}");
    }
    assert_eq!(
        house.get("/v1/status").json()["daemon"]["running"],
        Json::Null
    );
    let metrics = String::from_utf8(house.get("/v1/metrics").body).unwrap();
    assert!(
        metrics.contains("boxsync_runs_total{outcome=\"unauthorized\"} 1"),
        "{metrics}"
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn a_run_is_joined_or_overtaken_and_a_worker_that_dies_is_told() {
    let (house, central) = House::before_silence();
    let daemon = house.start();
    let mut events = house.follow();
    let first = house.call("POST", "/v1/sync", "", "");
    assert_eq!((first.status, &first.json()["run"]), (202, &1.into()));
    let _held = central.accept().unwrap();
    // The same again is the same run; more than that is another one, which does both.
    let again = house
        .call("POST", "/v1/sync", "", r#"{"types":["delivery"]}"#)
        .json();
    assert_eq!((&again["run"], &again["joined"]), (&1.into(), &true.into()));
    let more = house
        .call("POST", "/v1/sync", "", r#"{"allow_deletes":true}"#)
        .json();
    assert_eq!((&more["run"], &more["joined"]), (&2.into(), &false.into()));
    assert_eq!(next(&mut events, "stopped")["run"], 1);
    let _second = central.accept().unwrap();
    let workers = house.workers(&daemon);
    assert_eq!(workers.len(), 1);
    kill(Pid::from_raw(workers[0]), Signal::SIGKILL).unwrap();
    let told = next(&mut events, "report");
    assert_eq!(
        (&told["run"], &told["report"]["code"]),
        (&2.into(), &"worker.died".into())
    );
    assert!(house.journal().contains("SIGKILL"), "{}", house.journal());
    // It is tried again by itself, and a signal ends the daemon in the middle of that.
    house.notified("STATUS=synchronizing (retry)");
    let _third = central.accept().unwrap();
    let workers = house.workers(&daemon);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    for worker in workers {
        assert!(!PathBuf::from(format!("/proc/{worker}")).exists());
    }
}

#[test]
fn what_is_no_request_is_refused_with_a_code() {
    let house = House::new(QUIET);
    let daemon = house.start();
    let large = format!("{{\"types\":[{}]}}", "\"delivery\",".repeat(4000));
    let table = [
        ("GET", "/v1/nothing", "", 404, "api.unknown_route"),
        ("GET", "/", "", 404, "api.unknown_route"),
        ("GET", "/v1/sync", "", 405, "api.method"),
        ("DELETE", "/v1/status", "", 405, "api.method"),
        ("POST", "/v1/sync", "{", 400, "api.request"),
        ("POST", "/v1/sync", "{\"typ\":[]}", 400, "api.request"),
        (
            "POST",
            "/v1/sync",
            "{\"types\":[\"exam\"]}",
            400,
            "api.request",
        ),
        ("POST", "/v1/sync", &large, 413, "api.too_large"),
        ("PUT", "/v1/exam", "{}", 400, "api.request"),
        ("PUT", "/v1/exam", "{\"active\":true}", 400, "api.request"),
        ("GET", "/v1/entities?type=exam", "", 400, "api.request"),
        (
            "GET",
            "/v1/entities?id=x",
            "",
            404,
            "catalogue.unknown_entity",
        ),
        ("GET", "/v1/feed?since=-1", "", 400, "api.request"),
        ("GET", "/v1/feed?limit=0", "", 400, "api.request"),
        ("GET", "/v1/feed?epoch=7", "", 410, "feed.gone"),
        ("GET", "/v1/packages/content", "", 400, "api.request"),
        (
            "GET",
            "/v1/packages/content?delivery=x",
            "",
            404,
            "package.not_held",
        ),
        ("GET", "/v1/status?x=1", "", 400, "api.request"),
    ];
    for (method, path, body, status, code) in table {
        let answer = house.call(method, path, "", body);
        assert_eq!(answer.status, status, "{method} {path}");
        let told = answer.json();
        assert_eq!(
            (&told["schema"], &told["code"]),
            (&1.into(), &code.into()),
            "{method} {path}"
        );
        assert!(
            told["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
    }
    let on = house.call(
        "PUT",
        "/v1/exam",
        "",
        r#"{"active":true,"ttl_seconds":3600}"#,
    );
    assert_eq!(on.status, 200);
    let left = agent::engine::exam::running(&house.root()).unwrap();
    assert!(left > Duration::from_secs(3000), "{left:?}");
    house.call("PUT", "/v1/exam", "", r#"{"active":false}"#);
    assert_eq!(agent::engine::exam::running(&house.root()), None);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn every_route_is_described() {
    let house = House::new(QUIET);
    let daemon = house.start();
    let described = house.get("/v1/openapi.json").json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3."));
    for (path, acts) in described["paths"].as_object().unwrap() {
        for (method, act) in acts.as_object().unwrap() {
            let query = act["parameters"].as_array().into_iter().flatten();
            let needed: Vec<String> = query
                .filter(|parameter| parameter["required"] == true)
                .map(|parameter| format!("{}=x", parameter["name"].as_str().unwrap()))
                .collect();
            if path == "/v1/sync/events" {
                continue;
            }
            let url = format!("{path}?{}", needed.join("&"));
            let answer = house.call(&method.to_uppercase(), &url, "", "{}");
            let status = answer.status.to_string();
            assert!(
                act["responses"].get(&status).is_some(),
                "{method} {path} answers {status}"
            );
        }
    }
    let paths = described["paths"].as_object().unwrap().len();
    assert_eq!(paths, 9);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

/// A catalogue of some entities and one package, as a run would leave it.
fn provision(house: &House, content: &[u8]) {
    let vault = Vault::open(&house.root()).unwrap();
    let catalogue = Catalogue::open(&vault).unwrap();
    let mut edition = Edition {
        generation: 7,
        ..Edition::default()
    };
    let mut writer = catalogue.writer().unwrap();
    for number in 0..3000 {
        let (kind, id) = match number {
            0 => (EntityType::Delivery, DELIVERY.to_owned()),
            _ => (
                EntityType::TestTaker,
                format!("https://central.example/tao.rdf#t{number}"),
            ),
        };
        let label = Value::One(format!("label {number}"));
        let properties = [(uri::LABEL.to_owned(), label)].into_iter().collect();
        let entity = Entity {
            checksum: logic::php::checksum(&properties, &[]),
            id,
            properties,
        };
        let name = vault.keys().name(kind.word(), &entity.id);
        let row = writer.entity(kind, name, &entity).unwrap();
        edition.types.entry(kind).or_default().insert(name, row);
    }
    catalogue
        .publish(&Edition::default(), &edition, Some(writer))
        .unwrap();
    let packages = Packages::open(&vault).unwrap();
    let mut part = packages
        .begin(DELIVERY, content.len() as u64, Some([1; 32]), 0)
        .unwrap();
    for (index, chunk) in content.chunks(part.meta().record as usize).enumerate() {
        let mut buffer = Part::buffer();
        buffer.extend_from_slice(chunk);
        part.write(index as u64, &mut buffer).unwrap();
    }
    part.publish(false, None).unwrap();
}

#[test]
fn the_delivery_engine_reads_entities_and_ranges_of_a_package() {
    let house = House::new(QUIET);
    let content: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_le_bytes()).collect();
    provision(&house, &content);
    let daemon = house.start();
    let all = house.get("/v1/entities");
    assert!(all.head.contains("boxsync-generation: 7"), "{}", all.head);
    let lines = all.lines();
    assert_eq!(lines.len(), 3000);
    assert!(lines.iter().all(|line| {
        line["properties"][uri::LABEL]
            .as_str()
            .unwrap()
            .starts_with("label ")
    }));
    assert_eq!(house.get("/v1/entities?type=delivery").lines().len(), 1);
    let one = house
        .get("/v1/entities?type=test-taker&id=https%3A%2F%2Fcentral.example%2Ftao.rdf%23t17")
        .lines();
    assert_eq!(
        (one.len(), &one[0]["properties"][uri::LABEL]),
        (1, &"label 17".into())
    );
    let packages = house.get("/v1/packages").lines();
    assert_eq!(
        (packages.len(), &packages[0]["state"], &packages[0]["bytes"]),
        (1, &"held".into(), &1_200_000.into())
    );
    let path = format!(
        "/v1/packages/content?delivery={}",
        DELIVERY.replace('#', "%23")
    );
    let whole = house.get(&path);
    assert_eq!(whole.status, 200);
    assert!(whole.body == content && whole.head.contains("content-length: 1200000"));
    let tag = whole
        .head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap()
        .to_owned();
    for (range, from, to) in [
        ("0-0", 0, 1),
        ("65530-65545", 65530, 65546),
        ("-4", 1_199_996, 1_200_000),
        ("1199999-", 1_199_999, 1_200_000),
    ] {
        let part = house.call(
            "GET",
            &path,
            &format!("Range: bytes={range}\r\nIf-Range: {tag}\r\n"),
            "",
        );
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == content[from..to], "{range}");
        assert!(
            part.head
                .contains(&format!("content-range: bytes {from}-{}/1200000", to - 1)),
            "{}",
            part.head
        );
    }
    let outside = house.call("GET", &path, "Range: bytes=1200000-\r\n", "");
    assert_eq!(
        (outside.status, &outside.json()["code"]),
        (416, &"api.range".into())
    );
    let other = house.call(
        "GET",
        &path,
        "Range: bytes=0-0\r\nIf-Range: \"other\"\r\n",
        "",
    );
    assert_eq!((other.status, other.body.len()), (200, content.len()));
    // Nobody reads this one: it must not cost the daemon the package in memory, nor keep it from ending.
    let mut idle = house.connect();
    write!(idle, "GET {path} HTTP/1.1\r\nHost: boxsync\r\n\r\n").unwrap();
    assert_eq!(
        house.get("/v1/feed").json()["changes"],
        Json::Array(Vec::new())
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
