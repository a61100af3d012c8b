//! A box on an encrypted central, searched whole with its key in hand while it works and after it was killed: no answer
//! of a candidate can be read, from its acknowledgement on.
//! Never believes a search that finds nothing: the same one finds what a box keeps that does not know the key yet.

use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use central::Options;
use e2e::sealed::Search;
use e2e::{LIMIT, Running, Site, options, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::results::{contents, execution, result, send};

/// 12 bytes, which are 16 in base64: repeated, each window of an answer shows it either way.
const WORD: &str = "canaryanswer";

/// An answer of more than 8 KiB.
fn answer() -> String {
    WORD.repeat(700)
}

fn encrypted() -> Site {
    let mut site = Site::enrolled(Options {
        encrypted: true,
        ..options(3, 1, (20_000, 40_000))
    });
    site.set("sync", "on_boot", "false");
    site.set("results", "settle", "\"1s\"");
    site
}

fn document(site: &Site, id: &str) -> Value {
    result(site, id, &[answer()])
}

fn path(id: &str) -> String {
    format!("/v1/results/{id}")
}

/// Hands in over the local API; the answer says that it is durable.
fn put(site: &Site, id: &str) {
    let body = document(site, id).to_string();
    let said = site.api().call("PUT", &path(id), &body).unwrap();
    assert!(matches!(said.status, 200 | 201), "{}", said.head);
}

fn killed(running: Running) -> String {
    let ran = running.kill().was_killed();
    format!("{}{}", ran.out, ran.err)
}

#[test]
fn no_answer_is_read_with_the_key_of_the_box_once_it_was_acknowledged() {
    let site = encrypted();
    let coded = STANDARD.encode(WORD);
    let mut search = Search::new(&site, &[WORD, &coded]);
    // The search finds what waits for central's key.
    let running = site.start_daemon();
    put(&site, "early");
    let found = search.readable();
    assert_eq!(found.len(), 1, "{found:?}");
    let mut journal = killed(running);
    // The first run hears the key, and closes what waited.
    site.sync().exits(0);
    assert_eq!(search.readable(), Vec::<PathBuf>::new());
    // From now on nothing is there from the acknowledgement on, and nothing is left where the power went.
    for n in 0..2 {
        let running = site.start_daemon();
        put(&site, &execution(n));
        journal += &killed(running);
        assert_eq!(search.readable(), Vec::<PathBuf>::new(), "after the cut");
    }
    // The power goes while one comes: after its head, in its middle, when all of it was sent.
    let body = document(&site, "cut").to_string();
    for part in [1, body.len() / 2, body.len()] {
        let running = site.start_daemon();
        let mut stream = site.api().connect().unwrap();
        let (path, length) = (path("cut"), body.len());
        let head = format!("PUT {path} HTTP/1.1\r\nHost: box\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body.as_bytes()[..part]).unwrap();
        journal += &killed(running);
        assert_eq!(search.readable(), Vec::<PathBuf>::new(), "cut after {part}");
    }
    // Nor while they go home, in the accounts of what went, or in what support is sent.
    let running = site.start_daemon();
    put(&site, "cut");
    send(&site).exits(0);
    assert_eq!(search.readable(), Vec::<PathBuf>::new(), "after the upload");
    let bundle = site.path("box.tar");
    site.run(&["doctor", "--json", "--bundle", bundle.to_str().unwrap()])
        .ends();
    running.signal(Signal::SIGTERM);
    let ran = running.end().exits(0);
    journal += &format!("{}{}", ran.out, ran.err);
    let bundle = std::fs::read(bundle).unwrap();
    for word in [WORD, &coded] {
        assert!(!journal.contains(word), "{journal}");
        let in_bundle = bundle
            .windows(word.len())
            .any(|part| part == word.as_bytes());
        assert!(!in_bundle, "the support bundle has it");
    }
    let all = ["early", "cut"].map(str::to_owned);
    for id in all.into_iter().chain((0..2).map(execution)) {
        wait_until("it to be home", LIMIT, || {
            site.central.execution(&id).is_some()
        });
        let found = site.central.execution(&id).unwrap();
        assert_eq!(contents(&found), [answer()], "{id}");
    }
    assert_eq!(site.central.executions().len(), 4);
}
