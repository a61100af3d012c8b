//! The figures as Prometheus' own tools take them: promtool, and node_exporter with its textfile collector.
//! Never judges a figure that the golden files of `logic` hold. Without the tools the reason is on standard error.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{LIMIT, Site, mode, options, wait_until};
use nix::sys::signal::Signal;

use crate::results::{answers, execution, result};

/// A box with a file of metrics in a folder of its own.
fn site() -> (Site, PathBuf) {
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000)));
    let folder = site.path("textfile");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("boxsync.prom");
    site.set("metrics", "textfile", &format!("{file:?}"));
    (site, file)
}

pub(super) fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// The value of a sample, by all that stands before it.
#[track_caller]
pub(super) fn figure(text: &str, sample: &str) -> f64 {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("no {sample} in\n{text}"));
    assert_eq!(values.next(), None, "{sample} twice");
    value.parse().unwrap()
}

pub(super) fn submit(site: &Site, number: usize) {
    let id = execution(number);
    let document = site.path("result.json");
    let content = serde_json::json!({ &id: result(site, &id, &answers(&id, 1)) });
    fs::write(&document, content.to_string()).unwrap();
    let arguments = ["results", "submit", document.to_str().unwrap()];
    let _ = site.run(&arguments).exits(0);
}

/// Whether promtool finds nothing to say about a text; `None` where it is missing.
pub(super) fn promtool(text: &str) -> Option<()> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: promtool is missing here (Debian's package prometheus)");
        return None;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    Some(())
}

/// A server of Debian's on a port of this machine; it ends with the value.
pub(super) struct Server(Child, pub(super) u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

impl Server {
    /// A program of a package, listening on `port`; `None` where it is missing.
    pub(super) fn start(
        program: &str,
        package: &str,
        port: u16,
        arguments: &[String],
    ) -> Option<Self> {
        let started = Command::new(program)
            .args(arguments)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => Some(Self(child, port)),
            Err(_) => {
                eprintln!("skipped: {program} is missing here (Debian's package {package})");
                None
            }
        }
    }

    /// The status and the content that it answers a request with.
    pub(super) fn ask(&self, method: &str, path: &str, content: &str) -> Option<(u16, String)> {
        use std::io::Read;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.1)).ok()?;
        let length = content.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + content).as_bytes()).ok()?;
        let mut told = String::new();
        stream.read_to_string(&mut told).ok()?;
        let (head, content) = told.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, content.to_owned()))
    }
}

/// node_exporter with nothing but the files of a folder.
pub(super) struct Exporter(pub(super) Server);

impl Exporter {
    /// node_exporter with nothing but the files of a folder; `None` where it is missing.
    pub(super) fn start(folder: &Path) -> Option<Self> {
        let program = "prometheus-node-exporter";
        let arguments = [
            "--collector.disable-defaults".to_owned(),
            "--collector.textfile".to_owned(),
            format!("--collector.textfile.directory={}", folder.display()),
        ];
        Server::start(program, program, free_port(), &arguments).map(Self)
    }

    /// What it exports.
    fn scraped(&self) -> String {
        let mut told = String::new();
        wait_until("node_exporter", LIMIT, || {
            told = self.ask().unwrap_or_default();
            told.contains("node_textfile_scrape_error")
        });
        told
    }

    fn ask(&self) -> Option<String> {
        let (_, told) = self.0.ask("GET", "/metrics", "")?;
        Some(told)
    }
}

#[test]
fn prometheus_tools_take_the_file_that_verbs_keep() {
    let (site, file) = site();
    // What a process left that was killed in the middle of it; node_exporter would stumble over it.
    let leftover = file.with_file_name("boxsync.prom.77-0.new");
    fs::write(&leftover, "half a li").unwrap();
    let _ = site.sync().exits(0);
    let of_sync = text(&file);
    assert_eq!(mode(&file), 0o644);
    let left = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "{} goes", leftover.display());
    assert_eq!(
        figure(&of_sync, "boxsync_ready{organisation=\"1001\"}"),
        1.0
    );
    assert_eq!(figure(&of_sync, "boxsync_packages{state=\"held\"}"), 2.0);
    assert_eq!(figure(&of_sync, "boxsync_package_bytes_left"), 0.0);
    assert_eq!(figure(&of_sync, "boxsync_oldest_owed_age_seconds"), 0.0);
    let run = figure(&of_sync, "boxsync_last_run_timestamp_seconds");
    assert!(run > 1e9 && figure(&of_sync, "boxsync_last_contact_timestamp_seconds") >= run);
    // A verb that changes what is owed.
    submit(&site, 1);
    let of_submit = text(&file);
    let queued = "boxsync_owed_items{kind=\"results\",state=\"queued\"}";
    assert_eq!(
        (figure(&of_sync, queued), figure(&of_submit, queued)),
        (0.0, 1.0)
    );
    assert!(figure(&of_submit, "boxsync_owed_oldest_timestamp_seconds") > 1e9);
    promtool(&of_submit);
    if let Some(exporter) = Exporter::start(file.parent().unwrap()) {
        let told = exporter.scraped();
        assert_eq!(figure(&told, "node_textfile_scrape_error"), 0.0, "{told}");
        for sample in [queued, "boxsync_ready{organisation=\"1001\"}"] {
            assert_eq!(figure(&told, sample), 1.0);
        }
        let version = format!(
            "boxsync_build_info{{version=\"{}\"}}",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(figure(&told, &version), 1.0);
    }
}

#[test]
fn the_daemon_keeps_the_file_whole_with_each_change_of_the_verdict() {
    let (mut site, file) = site();
    let daemon = site.start_daemon();
    let ready = "boxsync_ready{organisation=\"1001\"} 1";
    let holds = |line: &str| text(&file).lines().any(|held| held == line);
    wait_until("the first run's figures", LIMIT, || {
        holds(ready) && holds("boxsync_runs_total{outcome=\"finished\"} 1")
    });
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !ended.load(Ordering::Relaxed) {
                let text = text(&file);
                let last = text.lines().next_back().unwrap_or_default();
                assert!(
                    text.ends_with('\n') && last.starts_with("boxsync_info{"),
                    "{text}"
                );
                read += 1;
            }
            read
        });
        // The configuration breaks, is mended, and a run is asked for.
        site.set("sync", "intervall", "1");
        daemon.signal(Signal::SIGHUP);
        wait_until("READY, BUT …", LIMIT, || {
            holds("boxsync_verdict{verdict=\"ready_but\"} 1")
        });
        site.unset("sync", "intervall");
        daemon.signal(Signal::SIGHUP);
        wait_until("READY", LIMIT, || {
            holds("boxsync_verdict{verdict=\"ready\"} 1")
        });
        let _ = site.sync().exits(0);
        wait_until("the second run's figures", LIMIT, || {
            holds("boxsync_runs_total{outcome=\"finished\"} 2")
        });
        ended.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(mode(&file), 0o644);
    promtool(&text(&file));
    let _ = daemon.kill();
}

#[test]
fn openmetrics_is_answered_where_it_is_asked_for() {
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000))).held();
    site.set("sync", "on_boot", "false");
    let _daemon = site.start_daemon();
    let ask = |accept: &str| {
        let answer = site.api().get_as("/v1/metrics", accept).unwrap();
        assert!(
            answer.head.contains("\r\nvary: accept\r\n"),
            "{}",
            answer.head
        );
        (answer.head, String::from_utf8(answer.body).unwrap())
    };
    let (head, classic) = ask("*/*");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    promtool(&classic);
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let (head, open) = ask(prometheus);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(open.ends_with("\n# EOF\n") && !classic.contains("# EOF"));
    for text in [&classic, &open] {
        assert_eq!(figure(text, "boxsync_ready{organisation=\"1001\"}"), 1.0);
    }
}

#[test]
fn a_file_that_cannot_be_written_stops_nothing_and_is_told() {
    let mut site = Site::enrolled(options(3, 1, (40_000, 40_000)));
    let file = site.path("no/such/folder/boxsync.prom");
    site.set("metrics", "textfile", &format!("{file:?}"));
    let _ = site.sync().exits(0).code("ok");
    let check = site.run(&["config", "check", "--json"]).exits(0).object();
    assert_eq!(check["warnings"][0]["code"], "config.textfile", "{check}");
    let doctor = site.run(&["doctor", "--offline", "--json"]).ends();
    assert!(doctor.out.contains("\"config.textfile\""), "{}", doctor.out);
    // Of another name node_exporter reads nothing.
    site.set("metrics", "textfile", "\"/run/boxsync.txt\"");
    let refused = site.run(&["config", "check"]).exits(2);
    assert!(refused.err.contains("ends in .prom"), "{}", refused.err);
}
