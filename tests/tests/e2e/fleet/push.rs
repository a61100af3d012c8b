//! What a box pushes, when, and that a Pushgateway that is away stops nothing.
//! Never Debian's gateway: one of a few lines here says what it is told to say.
//! Run by `cargo test -p e2e`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use e2e::{LIMIT, Site, options, wait_until};
use nix::sys::signal::Signal;

use crate::metrics::{figure, promtool, submit};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    pub(crate) head: String,
    pub(crate) content: String,
}

/// A server that notes what comes, and says the same to everything.
pub(crate) struct NotingServer {
    port: u16,
    status: Arc<AtomicU16>,
    pushed: Arc<Mutex<Vec<Pushed>>>,
}

impl NotingServer {
    /// A Pushgateway.
    pub(super) fn start() -> Self {
        Self::saying(200, "pushed metrics are invalid: \u{1b}[31mtype\n")
    }

    /// One that answers with this status and this content.
    pub(crate) fn saying(status: u16, said: &str) -> Self {
        let said = said.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let status = Arc::new(AtomicU16::new(status));
        let pushed = Arc::<Mutex<Vec<Pushed>>>::default();
        let (says, notes) = (status.clone(), pushed.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&mut stream) else {
                    continue;
                };
                let status = says.load(Ordering::Relaxed);
                notes.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    said.len()
                );
                let _ = stream.write_all((head + &said).as_bytes());
            }
        });
        Self {
            port,
            status,
            pushed,
        }
    }

    /// As TOML.
    pub(super) fn url(&self) -> String {
        format!("\"{}\"", self.at("metrics/job/boxsync"))
    }

    /// The URL of a path of it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// What has come so far.
    pub(crate) fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap().clone()
    }

    /// Waits until something has come that has this line.
    fn until(&self, line: &str) -> Pushed {
        let has = |pushed: &Pushed| pushed.content.lines().any(|held| held == line);
        wait_until(line, LIMIT, || self.pushed().iter().any(has));
        self.pushed().into_iter().rfind(has).unwrap()
    }
}

fn read(stream: &mut std::net::TcpStream) -> Option<Pushed> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, content)) = text.split_once("\r\n\r\n") {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
            if content.len() >= length {
                let (head, content) = (head.to_owned(), content.to_owned());
                return Some(Pushed { head, content });
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

fn site(gateway: &NotingServer) -> Site {
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000)));
    site.set("metrics", "push", &gateway.url());
    site
}

#[test]
fn a_daemon_pushes_after_each_run_and_each_change_of_the_verdict() {
    let gateway = NotingServer::start();
    let mut site = site(&gateway);
    let login = site.path("etc/boxsync/push-login");
    std::fs::write(&login, "box:s3cret\n").unwrap();
    site.set("metrics", "push_login_file", &format!("{login:?}"));
    let daemon = site.start_daemon();
    let first = gateway.until("boxsync_runs_total{outcome=\"finished\"} 1");
    let id = site.run(&["identity", "--json"]).exits(0).object()["box_id"].clone();
    let id = id.as_str().unwrap();
    let line = format!("PUT /metrics/job/boxsync/instance/{id} HTTP/1.1");
    assert!(first.head.starts_with(&line), "{}", first.head);
    let has = |field: &str| first.head.to_ascii_lowercase().contains(field);
    assert!(
        has("content-type: text/plain; version=0.0.4"),
        "{}",
        first.head
    );
    // RFC 7617: base64 of `box:s3cret`.
    assert!(
        first.head.contains("Basic Ym94OnMzY3JldA=="),
        "{}",
        first.head
    );
    assert!(!has("x-tao-box-id"), "{}", first.head);
    assert_eq!(
        figure(&first.content, "boxsync_verdict{verdict=\"ready\"}"),
        1.0
    );
    assert_eq!(figure(&first.content, "boxsync_interval_seconds"), 900.0);
    promtool(&first.content);
    // The verdict changes without a run.
    site.set("sync", "intervall", "1");
    daemon.signal(Signal::SIGHUP);
    let _ = gateway.until("boxsync_verdict{verdict=\"ready_but\"} 1");
    site.unset("sync", "intervall");
    daemon.signal(Signal::SIGHUP);
    let _ = site.sync().exits(0);
    let second = gateway.until("boxsync_runs_total{outcome=\"finished\"} 2");
    assert_eq!(
        figure(&second.content, "boxsync_verdict{verdict=\"ready\"}"),
        1.0
    );
    let _ = daemon.kill();
}

#[test]
fn a_gateway_that_refuses_fails_no_run_and_is_told_once_until_it_takes_them() {
    let gateway = NotingServer::start();
    gateway.answers(400);
    let site = site(&gateway);
    let daemon = site.start_daemon();
    let pushed = |number: u64| {
        gateway.until(&format!(
            "boxsync_runs_total{{outcome=\"finished\"}} {number}"
        ));
    };
    pushed(1);
    let doctor = || {
        let told = site.run(&["doctor", "--offline", "--json"]).ends().out;
        told.lines()
            .next()
            .unwrap_or_default()
            .contains("metrics.push")
    };
    wait_until("doctor tells it", LIMIT, doctor);
    let _ = site.sync().exits(0).code("ok");
    pushed(2);
    gateway.answers(202);
    let _ = site.sync().exits(0);
    pushed(3);
    wait_until("doctor tells it no longer", LIMIT, || !doctor());
    let told = daemon.kill().err;
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("[metrics.push]"))
        .collect();
    assert_eq!(lines.len(), 1, "{told}");
    // What the gateway says is quoted: it steers no terminal.
    assert!(
        lines[0].contains("400") && !lines[0].contains('\u{1b}'),
        "{told}"
    );
    assert!(told.contains("reach the Pushgateway again"), "{told}");
}

#[test]
fn a_run_without_a_daemon_pushes_and_nothing_else_does() {
    let gateway = NotingServer::start();
    let mut site = site(&gateway);
    let _ = site.sync().exits(0);
    submit(&site, 1);
    let _ = site.run(&["status"]).exits(0);
    assert_eq!(gateway.pushed().len(), 1);
    // Nobody listens there.
    let port = crate::metrics::free_port();
    site.set(
        "metrics",
        "push",
        &format!("\"http://127.0.0.1:{port}/metrics/job/boxsync\""),
    );
    let run = site.sync().exits(0).code("ok");
    assert!(run["outcome"] == "finished", "{run}");
    let told = site.run(&["sync"]).exits(0).err;
    assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
}

#[test]
fn a_push_goes_sealed_or_no_further_than_this_machine() {
    let mut site = Site::new(options(3, 1, (40_000, 40_000)));
    for (url, is_good) in [
        ("https://push.example/metrics/job/boxsync", true),
        (
            "https://push.example/under/metrics/job@base64/Ym94/room/7/",
            true,
        ),
        ("http://localhost:9091/metrics/job/boxsync", true),
        ("http://push.example/metrics/job/boxsync", false),
        ("https://push.example/metrics", false),
        ("https://push.example/metrics/job/", false),
        ("https://box:s3cret@push.example/metrics/job/boxsync", false),
    ] {
        site.set("metrics", "push", &format!("\"{url}\""));
        let check = site
            .run(&["config", "check"])
            .exits(if is_good { 0 } else { 2 });
        let told = check.err.contains("[metrics] push");
        assert_eq!(told, !is_good, "{url}: {}", check.err);
        assert!(!check.err.contains("s3cret"), "{}", check.err);
    }
}
