//! What others write (central in all that it can say, callers, whoever named a file) leaves the box quoted and escaped, and for journal
//! and bundle not at all.
//! Never asks a person.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use central::{Fault, Kind, Route, Rule};
use e2e::{LIMIT, Site, options, status, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::results::{answers, result};

/// A person whose name no word of boxsync has a part of, in two scripts.
const PERSON: [&str; 3] = ["Zoé", "Canarova", "王小明"];
/// A title for the terminal, a line that lies, an order turned round, and what is not seen.
const MOVES: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nReady for the exam?  READY\n\u{9b}31m\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{200b}\u{feff}\u{7f}";

fn canary() -> String {
    format!("{} {} {} “said” {MOVES}", PERSON[0], PERSON[1], PERSON[2])
}

/// Whatever moves a cursor, turns a line or is not seen, but the end of a line.
fn moves(c: char) -> bool {
    c != '\n'
        && (c.is_control()
            || MOVES
                .chars()
                .any(|m| m == c && !m.is_ascii_graphic() && m != ' '))
}

#[track_caller]
fn is_still(what: &str, text: &str) {
    let line = text.lines().find(|line| line.chars().any(moves));
    assert!(line.is_none(), "{what}: {line:?}");
    let lies = text
        .lines()
        .any(|line| line.trim() == "Ready for the exam?  READY");
    assert!(!lies, "{what} has a line of central's");
}

#[track_caller]
fn names_nobody(what: &str, text: &str) {
    let line = |line: &&str| PERSON.iter().any(|name| line.contains(name));
    assert_eq!(text.lines().find(line), None, "{what}");
    is_still(what, text);
}

/// Every text that a central can say where something goes wrong.
fn sayings() -> Vec<Fault> {
    let said = canary();
    let refusal = |code: u16| {
        let body =
            json!({ "success": false, "errorCode": code, "errorMsg": said, "version": said })
                .to_string();
        status(code, &body, None)
    };
    let json = |value: Value| Fault::Json {
        body: value.to_string(),
    };
    let mut all: Vec<Fault> = [200, 400, 401, 403, 404, 406, 409, 412, 429, 500, 501, 503]
        .map(refusal)
        .into();
    all.extend([
        status(500, &json!({ "error": said }).to_string(), Some(7200)),
        status(
            500,
            &json!({ "success": false, "errorMsg": format!("Provided version of TAO VM is not supported {said}") }).to_string(),
            None,
        ),
        json(json!({ said.clone(): said })),
        json(json!([said])),
        json(json!(said)),
        json(json!({ "data": said, "message": [said], "access_token": said, "expires": said })),
        json(json!({ "data": [said], "message": said })),
        json(json!({ "nextCallUrl": said, "entities": { said.clone(): { "id": said, "checksum": 7 } } })),
        json(json!({ "entities": { "x": { "id": said, "checksum": said } } })),
        json(json!({ said.clone(): { "id": said, "checksum": said, "properties": { said.clone(): { said.clone(): 7 } } } })),
        Fault::Page {
            html: format!("<html><title>{said}</title>{said}"),
        },
        status(302, &said, None),
        status(500, &said, None),
    ]);
    all
}

/// A box whose central has this person in all labels, in ids, and in what the box owes.
fn site() -> Site {
    let site = Site::enrolled(options(4, 2, (4_000, 6_000)));
    let label = "http://www.w3.org/2000/01/rdf-schema#label";
    for kind in Kind::ALL {
        for id in site.ids(kind) {
            site.central.set_property(&id, label, &[&canary()]);
        }
    }
    let odd = site
        .central
        .resource(&site.ids(Kind::TestTaker)[0])
        .unwrap();
    site.central.put_resource(
        &format!("https://x/#{}", canary()),
        Kind::TestTaker,
        odd.properties,
    );
    site
}

/// What candidates did under ids that name them, as far as the intake takes such ids.
fn submission(site: &Site) -> Value {
    let ids = [
        "https://x/#1".to_owned(),
        format!("x {} {} {}\u{202e}", PERSON[0], PERSON[1], PERSON[2]),
    ];
    let entry = |id: &String| (id.clone(), result(site, id, &answers(id, 2)));
    Value::Object(ids.iter().map(entry).collect())
}

#[test]
fn whatever_central_says_moves_no_screen() {
    let site = site();
    let show = |verb: &[&str]| {
        let ran = site.run(verb);
        is_still(&format!("{verb:?}"), &ran.out);
        is_still(&format!("{verb:?}"), &ran.err);
        ran
    };
    show(&["sync"]);
    let file = site.path("results.json");
    fs::write(&file, submission(&site).to_string()).unwrap();
    show(&["results", "submit", file.to_str().unwrap()]);
    let lists: [&[&str]; 7] = [
        &["entities", "test-taker"],
        &["entities", "--json"],
        &["packages"],
        &["packages", "verify"],
        &["results"],
        &["results", "--json"],
        &["results", "retry", &canary()],
    ];
    lists.iter().for_each(|verb| drop(show(verb)));
    for fault in sayings() {
        eprintln!("{fault:?}");
        site.central.clear_script();
        site.central.script(Rule::any(fault).always());
        show(&["sync"]);
        show(&["status"]);
        show(&["doctor"]);
        show(&["history", "--limit", "1", "--json"]);
    }
    // Central's words are told, as central's.
    site.central.clear_script();
    let body = json!({ "success": false, "errorCode": 500, "errorMsg": canary() }).to_string();
    site.central
        .script(Rule::on(Route::Checksums, status(500, &body, None)).always());
    let ran = show(&["sync"]).exits(1);
    assert!(
        ran.out.contains("and says “Zoé Canarova 王小明 \"said\""),
        "{}",
        ran.story()
    );
    // Files that a caller names.
    let file = site.path("one\u{1b}[2J\u{202e}.json");
    fs::write(&file, "[").unwrap();
    show(&["results", "submit", file.to_str().unwrap()]);
}

/// The status page.
fn page(port: u16, language: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Language: {language}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn no_name_is_in_journal_page_socket_metrics_or_bundle() {
    let mut site = site();
    site.set("sync", "interval", "\"1s\"");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    site.set("page", "listen", &format!("\"127.0.0.1:{port}\""));
    let daemon = site.start_daemon();
    let api = site.api();
    let routes = [
        Route::SupportedVm,
        Route::Checksums,
        Route::Details,
        Route::Package,
        Route::Finished,
        Route::Results,
    ];
    let results = submission(&site).to_string();
    let answer = api.call("POST", "/v1/results", &results).unwrap();
    assert!(answer.status < 300, "{}", answer.head);
    is_still("the intake", &String::from_utf8_lossy(&answer.body));
    for (nth, fault) in sayings().into_iter().enumerate() {
        let route = routes[nth % routes.len()];
        site.central.clear_script();
        site.central.reset_log();
        site.central.script(Rule::on(route, fault.clone()).always());
        let asked = api.call("POST", "/v1/sync", "{}").unwrap();
        assert!(asked.status < 500, "{}", asked.head);
        wait_until("a run", LIMIT, || {
            let status = api.get("/v1/status").unwrap();
            status.json()["running"].is_null() && !site.central.requests().is_empty()
        });
        for path in [
            "/v1/status",
            "/v1/metrics",
            "/v1/packages",
            "/v1/entities",
            "/v1/nowhere?Zoé",
        ] {
            let body = api.get(path).unwrap().body;
            is_still(path, &String::from_utf8_lossy(&body));
        }
        names_nobody(
            "metrics",
            &String::from_utf8_lossy(&api.get("/v1/metrics").unwrap().body),
        );
        for language in ["en", "fr"] {
            let page = page(port, language);
            is_still("page", &page);
        }
    }
    let bundle = site.path("bundle.tar");
    let _ = site.run(&["doctor", "--bundle", bundle.to_str().unwrap()]);
    let bundle = fs::read(&bundle).unwrap();
    let text = String::from_utf8_lossy(&bundle).replace('\0', "");
    names_nobody("bundle", &text);
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.end().exits(0);
    names_nobody("journal", &ended.err);
    assert!(ended.err.contains("says “…”"), "{}", ended.err);
}
