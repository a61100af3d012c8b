//! The status page: what it answers, what it never tells, and what a browser shows of it in both languages.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use central::{Fault, Route, Rule};
use e2e::{LIMIT, Running, Site, options, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A box whose daemon serves the page, and its port.
fn served(site: &mut Site) -> (Running, u16) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    site.set("page", "listen", &format!("\"127.0.0.1:{port}\""));
    let daemon = site.start(&["run"]);
    wait_until("the page", LIMIT, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (daemon, port)
}

/// Head and body of an answer.
fn ask(port: u16, method: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let host = match headers.contains("Host:") {
        true => String::new(),
        false => format!("Host: 127.0.0.1:{port}\r\n"),
    };
    let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn status(port: u16) -> Value {
    serde_json::from_str(&ask(port, "GET", "/status.json", "").1).unwrap()
}

/// Waits until the box was looked at and doctor has told what it finds.
fn looked_at(port: u16) {
    wait_until("a look at the box", LIMIT, || {
        status(port)["running"].is_null()
            && !status(port)["verdict"].is_null()
            && ask(port, "GET", "/", "").1.contains("id=\"checks\"")
    });
}

#[test]
fn the_page_only_tells_and_tells_nobody_by_name() {
    let mut site = Site::enrolled(options(20, 2, (4_000, 6_000))).held();
    site.set("sync", "on_boot", "false");
    let (_daemon, port) = served(&mut site);
    looked_at(port);
    assert_eq!(status(port)["verdict"], "ready");
    let (head, english) = ask(port, "GET", "/", "Accept-Language: de, en;q=0.5\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for line in [
        "content-language: en",
        "cache-control: no-store",
        "default-src 'none'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    assert!(english.contains("READY") && english.contains("2 of 2 packages held"));
    let (head, french) = ask(port, "GET", "/", "Accept-Language: fr-LU\r\n");
    assert!(head.contains("content-language: fr"), "{head}");
    assert!(french.contains("PRÊTE") && french.contains("Paquets présents\u{a0}: 2 sur 2"));
    for (method, path, headers, wanted) in [
        ("POST", "/", "Content-Length: 0\r\n", "405"),
        ("DELETE", "/status.json", "", "405"),
        ("GET", "/v1/entities", "", "404"),
        ("GET", "/../etc/passwd", "", "404"),
        ("GET", "/", "Host: elsewhere.example\r\n", "421"),
    ] {
        let (head, _) = ask(port, method, path, headers);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {wanted}")),
            "{method} {path}: {head}"
        );
    }
    let told = english + &french + &ask(port, "GET", "/status.json", "").1;
    let mut people = 0;
    for ((kind, id), entity) in site.entities() {
        if !["test-taker", "proctor", "administrator"].contains(&kind.as_str()) {
            continue;
        }
        assert!(!told.contains(&id), "{id}");
        for (predicate, value) in entity.properties.as_object().unwrap() {
            let names = [
                "#login",
                "#label",
                "#userFirstName",
                "#userLastName",
                "#userMail",
            ];
            let value = value.as_str().unwrap_or_default();
            if names.iter().any(|name| predicate.ends_with(name)) && value.len() > 3 {
                people += 1;
                assert!(!told.contains(value), "{value} of {id}");
            }
        }
    }
    assert!(people > 20, "{people} names were looked for");
}

#[test]
fn a_run_under_way_is_shown() {
    let mut site = Site::enrolled(options(3, 2, (6_000_000, 7_000_000)));
    site.central.set_rate(2_000_000);
    let (_daemon, port) = served(&mut site);
    wait_until("a package under way", LIMIT, || {
        status(port)["live"]["value"]
            .as_u64()
            .is_some_and(|part| part > 0)
    });
    let told = status(port);
    assert_eq!(
        told["live"]["doing"],
        "A synchronization is running: bringing packages."
    );
    site.central.set_rate(0);
    looked_at(port);
    wait_until("the verdict after the run", LIMIT, || {
        status(port)["verdict"] == "ready"
    });
    assert!(ask(port, "GET", "/", "").1.contains("id=\"run-1\""));
}

#[test]
fn a_browser_shows_it_in_both_languages() {
    let works = Command::new("chromium").arg("--version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no `chromium` here (Debian's package of that name)");
        return;
    }
    let mut site = Site::enrolled(options(5, 2, (4_000, 6_000))).held();
    site.set("sync", "on_boot", "false");
    let (_daemon, port) = served(&mut site);
    looked_at(port);
    for (language, wanted) in [
        (
            "en",
            [
                "READY",
                "2 of 2 packages held",
                "No synchronization is running.",
                "Past synchronizations",
            ],
        ),
        (
            "fr",
            [
                "PRÊTE",
                "Paquets présents",
                "Aucune synchronisation en cours.",
                "Synchronisations passées",
            ],
        ),
    ] {
        let shot = site.path(&format!("{language}.png"));
        let profile = site.path(&format!("profile-{language}"));
        let browse = |what: &str| {
            let output = Command::new("timeout")
                .args([
                    "--kill-after=5",
                    "60",
                    "chromium",
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                ])
                .args([
                    "--enable-logging=stderr",
                    "--virtual-time-budget=5000",
                    "--window-size=1280,800",
                ])
                .arg(format!("--user-data-dir={}", profile.display()))
                .args([&format!("--accept-lang={language}"), what])
                .arg(format!("http://127.0.0.1:{port}/"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{told}");
            // What the page's own policy refuses, and what its script stumbles over, is told there.
            assert!(!told.contains("CONSOLE"), "{told}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let dom = browse("--dump-dom");
        assert!(dom.contains(&format!("<html lang=\"{language}\"")), "{dom}");
        assert!(dom.contains("data-live=\"yes\""), "its script ran:\n{dom}");
        for text in wanted {
            assert!(dom.contains(text), "{text}:\n{dom}");
        }
        browse(&format!("--screenshot={}", shot.display()));
        let png = std::fs::read(&shot).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert!(png.len() > 10_000, "an empty picture");
    }
}

#[test]
fn it_is_off_unless_configured_and_waits_for_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut site = Site::enrolled(options(3, 1, (4_000, 6_000)));
    site.set("sync", "on_boot", "false");
    let answers = |site: &Site| {
        let Ok(mut stream) = UnixStream::connect(site.path("run/boxsync/boxsync.sock")) else {
            return false;
        };
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let asked = b"GET /v1/openapi.json HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n";
        let mut text = String::new();
        stream.write_all(asked).is_ok() && stream.read_to_string(&mut text).is_ok_and(|n| n > 0)
    };
    let daemon = site.start(&["run"]);
    wait_until("the daemon", LIMIT, || answers(&site));
    let own = sockets_of(daemon.id());
    assert_eq!(own, 0, "nothing listens on the network");
    let _ = daemon.kill();
    site.set("page", "listen", &format!("\"127.0.0.1:{port}\""));
    let daemon = site.start(&["run"]);
    // The page has tried its address before the socket answers.
    wait_until("the daemon", LIMIT, || answers(&site));
    drop(taken);
    wait_until("the page", LIMIT, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert_eq!(sockets_of(daemon.id()), 1);
    let ran = daemon.kill();
    assert!(ran.err.contains("[page.listen]"), "{}", ran.story());
}

#[test]
fn another_address_counts_from_the_next_reload_on() {
    let mut site = Site::enrolled(options(3, 1, (4_000, 6_000)));
    site.set("sync", "on_boot", "false");
    let (daemon, port) = served(&mut site);
    let closed = |port| TcpStream::connect(("127.0.0.1", port)).is_err();
    // A browser that stays connected does not keep the page where it no longer is.
    let mut visitor = TcpStream::connect(("127.0.0.1", port)).unwrap();
    visitor.set_read_timeout(Some(LIMIT)).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = free.local_addr().unwrap().port();
    drop(free);
    site.set("page", "listen", &format!("\"127.0.0.1:{other}\""));
    daemon.signal(Signal::SIGHUP);
    wait_until("the page at its new address", LIMIT, || {
        TcpStream::connect(("127.0.0.1", other)).is_ok()
    });
    assert!(closed(port));
    assert_eq!(visitor.read(&mut [0; 1]).unwrap(), 0);
    assert!(status(other)["schema"] == 1);
    // The same port at another address waits for nobody.
    site.set("page", "listen", &format!("\"127.0.0.2:{other}\""));
    daemon.signal(Signal::SIGHUP);
    wait_until("the page at another address", LIMIT, || {
        TcpStream::connect(("127.0.0.2", other)).is_ok()
    });
    assert!(closed(other));
    site.unset("page", "listen");
    daemon.signal(Signal::SIGHUP);
    wait_until("the end of the page", LIMIT, || {
        sockets_of(daemon.id()) == 0
    });
    let ran = daemon.kill();
    assert!(!ran.err.contains("[page.listen]"), "{}", ran.story());
}

/// How many TCP sockets of a process listen (proc(5), `/proc/net/tcp`: state 0A, the inode in the tenth field).
fn sockets_of(pid: u32) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listening: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(3) == Some(&"0A"))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|link| {
            listening
                .iter()
                .any(|socket| link.as_os_str() == socket.as_str())
        })
        .count()
}

#[test]
fn page_socket_metrics_and_status_judge_the_same_while_a_run_changes_the_catalogue() {
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000))).held();
    site.set("sync", "on_boot", "false");
    let (_daemon, port) = served(&mut site);
    looked_at(port);
    let words = |site: &Site| {
        let verb = site.run(&["status", "--json"]).ends().object()["verdict"]["word"].clone();
        let socket = site.api().get("/v1/status").unwrap().json()["verdict"]["word"].clone();
        (verb, status(port)["verdict"].clone(), socket)
    };
    let metrics = |site: &Site| {
        let answer = site.api().get("/v1/metrics").unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        text.lines()
            .any(|line| line == r#"boxsync_ready{organisation="1001"} 1"#)
    };
    let all = |word: &str| (Value::from(word), Value::from(word), Value::from(word));
    assert_eq!(words(&site), all("ready"));
    assert!(metrics(&site));
    // A new delivery, whose package does not come.
    site.central.republish(&site.delivery(0), None).unwrap();
    let stall = Fault::Stall { after: 1_000 };
    site.central
        .script(Rule::on(Route::Package, stall).always());
    let running = site.start(&["sync"]);
    wait_until("the new catalogue", LIMIT, || {
        let status = site.run(&["status", "--json"]).ends().object();
        status["verdict"]["word"] == "not_ready"
    });
    assert_eq!(words(&site), all("not_ready"));
    assert!(!metrics(&site));
    running.kill().was_killed();
}

/// What stands between two texts.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.split_once(before);
    let (_, from) = from.unwrap_or_else(|| panic!("no {before:?} in {text}"));
    from.split_once(after).map_or(from, |(told, _)| told).trim()
}

#[test]
fn one_quantity_reads_alike_wherever_it_is_told() {
    // What leads to each: reserve and contact of `status`, span and rate of `sync`, contact of the page.
    let languages = [
        (
            "en_GB.UTF-8",
            "Accept-Language: en\r\n",
            ["free, ", " kept for results"],
            "last contact",
            "finished in ",
        ),
        (
            "fr_FR.UTF-8",
            "Accept-Language: fr\r\n",
            ["dont ", " réservés aux résultats"],
            "dernier contact",
            "terminée en ",
        ),
    ];
    let spoken = |site: &Site, locale: &str, words: &[&str]| {
        let mut command = site.command(words);
        command.env("LANG", locale);
        Running::start(command).end().out
    };
    for (locale, accept, reserve, contact, took) in languages {
        let mut site = Site::enrolled(options(3, 1, (900_000, 900_000)));
        site.set("download", "reserve", "\"1500MB\"");
        site.set("download", "utc_offset", "\"+05:30\"");
        site.set("sync", "on_boot", "false");
        site.set("sync", "interval", "\"1h\"");
        site.central.set_rate(600_000);
        let run = spoken(&site, locale, &["sync"]);
        let (_daemon, port) = served(&mut site);
        looked_at(port);
        let status = spoken(&site, locale, &["status"]);
        let doctor = spoken(&site, locale, &["doctor", "--offline"]);
        let page = ask(port, "GET", "/", accept)
            .1
            .replace(['\u{a0}', '\u{202f}'], " ");
        // Bytes.
        let kept = between(&status, reserve[0], reserve[1]);
        assert!(["1.5 GB", "1,5 Go"].contains(&kept), "{kept}: {status}");
        let disk = format!("{kept}{}", reserve[1]);
        assert!(doctor.contains(&disk), "{disk}: {doctor}");
        assert!(page.contains(&disk), "{disk}: {page}");
        // A moment, in the box's own time.
        let moment = between(&status, contact, ", ");
        assert!(moment.ends_with("UTC+05:30"), "{moment}");
        assert!(page.contains(moment), "{moment}: {page}");
        // A span and a rate.
        let (span, rate) = between(&run, took, "\n").split_once(", ").unwrap();
        assert!(rate.ends_with(" Mbit/s"), "{run}");
        let lasted = format!(">{span}<");
        assert!(page.contains(&lasted), "{lasted}: {page}");
        assert!(page.contains(rate), "{rate}: {page}");
    }
}
