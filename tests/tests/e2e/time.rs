//! Time: stamps are central's, windows open in the time zone of the box, over plain http by running time; a person's word.
//! The system clock of a test cannot be set: central's is moved instead, which is the same to the box.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{SystemTime, UNIX_EPOCH};

use central::{Certificate, Options, Route};
use e2e::{LIMIT, Running, Site, options, wait_until};
use nix::sys::signal::Signal;

const DAY: i64 = 86_400;
/// What a test may take.
const NEAR: i64 = 600;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs() as i64
}

fn over_tls() -> Options {
    Options {
        tls: Some(Certificate::Good),
        ..options(5, 1, (10_000, 10_000))
    }
}

fn stop(running: Running) {
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

/// What the daemon tells on its socket; empty while it does not answer.
fn told(site: &Site) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = UnixStream::connect(site.path("run/boxsync/boxsync.sock")) {
        let ask = b"GET /v1/status HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n";
        let _ = stream
            .write_all(ask)
            .and_then(|()| stream.read_to_string(&mut text).map(|_| ()));
    }
    text
}

/// A daily window around a moment that is so many hours from now, in UTC.
fn window(hours: i64) -> String {
    let clock = |at: i64| {
        let minute = at.rem_euclid(DAY) / 60;
        format!("{:02}:{:02}", minute / 60, minute % 60)
    };
    let middle = now() + hours * 3600;
    format!("[\"{}-{}\"]", clock(middle - 3600), clock(middle + 3600))
}

/// The daemon synchronizes by itself: it holds its package, or waits for its window.
fn is_open(site: &Site) -> bool {
    site.central.reset_log();
    let running = site.start(&["run"]);
    let mut open = None;
    wait_until("a package, or a wait for its window", LIMIT, || {
        if told(site).contains("{\"reason\":\"window\"") {
            open = Some(false);
        } else if site.asked(Route::Package) > 0 {
            open = Some(true);
        }
        open.is_some()
    });
    stop(running);
    open.unwrap()
}

#[test]
fn stamps_are_central_s_time_not_the_system_clock_s() {
    // To the box, its own clock is 400 days behind.
    let site = Site::new(over_tls());
    site.central.set_clock_offset(400 * DAY);
    site.enroll().exits(0);
    site.sync().exits(0);
    let near = |stamp: &serde_json::Value| {
        let off = stamp.as_i64().unwrap() - now() - 400 * DAY;
        assert!(off.abs() < NEAR, "{stamp} is {off} s off");
    };
    let run = site
        .run(&["history", "--json"])
        .exits(0)
        .objects()
        .remove(0);
    near(&run["started_at"]);
    near(&run["finished_at"]);
    let status = site.run(&["status", "--json"]).exits(0).object();
    near(&status["last_contact"]);
    assert_eq!(status["verdict"]["word"], "ready");
    let clock = site.run(&["clock", "show", "--json"]).exits(0).object();
    near(&clock["time"]);
    assert_eq!(clock["source"], "central");
    assert!((clock["system"].as_i64().unwrap() - now()).abs() < NEAR);
    // One answer is no certainty.
    assert!(clock["floor"].as_i64().unwrap() < now() + DAY);
    // Central's clock is put right: the box follows, and nothing is refused.
    site.central.set_clock_offset(0);
    site.sync().exits(0);
    let status = site.run(&["status", "--json"]).exits(0).object();
    assert_eq!(status["verdict"]["word"], "ready");
    assert!((status["last_contact"].as_i64().unwrap() - now()).abs() < NEAR);
}

#[test]
fn windows_open_and_close_over_plain_http() {
    for (hours, open) in [(0, true), (4, false)] {
        let mut site = Site::enrolled(options(5, 1, (10_000, 10_000)));
        site.set("download", "windows", &window(hours));
        site.set("download", "utc_offset", "\"+00:00\"");
        assert_eq!(is_open(&site), open, "a window in {hours} hours");
        let doctor = site.run(&["doctor", "--json"]).ends();
        assert!(doctor.out.contains("clock.unproven"), "{}", doctor.out);
    }
}

#[test]
fn windows_are_in_the_time_zone_of_the_box_unless_an_offset_is_set() {
    let mut site = Site::enrolled(over_tls());
    let zone = [b"TZif2", &[0; 39][..], b"\nXXX-5\n"].concat();
    fs::write(site.path("etc/localtime"), zone).unwrap();
    // In five hours by UTC: now by the clock on the wall.
    site.set("download", "windows", &window(5));
    site.set("download", "utc_offset", "\"+00:00\"");
    assert!(!is_open(&site));
    site.unset("download", "utc_offset");
    assert!(is_open(&site));
}

#[test]
fn a_person_says_what_time_it_is() {
    let site = Site::small();
    let shown = site.run(&["clock", "show", "--json"]).exits(0).object();
    assert_eq!(
        (&shown["source"], &shown["pending"]),
        (&"setup".into(), &serde_json::Value::Null)
    );
    let accepted = site.run(&["clock", "accept", "--json"]).exits(0).object();
    for key in ["time", "floor"] {
        assert!(
            (accepted[key].as_i64().unwrap() - now()).abs() < NEAR,
            "{key}"
        );
    }
    let shown = site.run(&["clock", "show", "--json"]).exits(0).object();
    assert_eq!(shown["source"], "central");
    site.run(&["clock"]).exits(2);
    site.sync().exits(0);
}
