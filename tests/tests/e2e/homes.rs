//! Second homes of results with the other boxes of a room: given, dropped, and adopted after a disk has died.
//! Never trusts what a box says: the files of the others are counted, and central is asked what it has.
//! The boxes are processes on loopback addresses of their own.

use std::fs;
use std::path::Path;

use e2e::{Running, Site};
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, owing, result, send, submit};
use crate::room::{address, another, listening, room};
use crate::trace::at;

/// Objects that a box keeps of others, proofs among them.
fn kept(root: &Path) -> usize {
    let folders = fs::read_dir(root.join("var/lib/boxsync/siblings"));
    let folders = folders
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    let names = files.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().ends_with(".bxs"))
        .count()
}

fn submit_all(site: &Site, ids: &[String]) {
    let of = |id: &String| (id.clone(), result(site, id, &answers(id, 2)));
    submit(
        site,
        "results",
        &json!(ids.iter().map(of).collect::<serde_json::Map<_, _>>()),
    );
}

fn room_of(site: &Site) -> Value {
    site.run(&["status", "--json"]).ends().object()["room"].clone()
}

fn until(site: &Site, daemon: &mut Running, what: &str, stands: impl Fn(&Value) -> bool) {
    let up = daemon.until(what, || stands(&room_of(site)));
    assert!(up, "{what}: {}", room_of(site));
}

fn box_id(site: &Site, root: &Path) -> String {
    let told = at(site, root, &["identity", "--json"])
        .end()
        .exits(0)
        .object();
    told["box_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_sibling_brings_home_what_a_dead_box_owed_and_central_has_each_result_once() {
    const TEST: u8 = 63;
    let mut site = room(owing(), TEST, 2);
    let own = site.path("");
    let other = another(&site, TEST, 1);
    let ids: Vec<String> = (0..6).map(execution).collect();
    submit_all(&site, &ids);
    let second = listening(&site, &other, address(TEST, 1));
    let mut first = listening(&site, &own, address(TEST, 0));
    until(&site, &mut first, "six copies", |told| {
        told["owed"] == 6 && told["copied"] == 6 && told["siblings"][0]["keeps"] == 6
    });
    assert_eq!(kept(&other), 7, "six items and the proof");
    assert_eq!(kept(&own), 0);
    let shown = site.run(&["status"]).ends();
    assert!(shown.out.contains("6 of 6 copied"), "{}", shown.out);
    // Central has two of them, one of these without an answer; the copies are still there.
    site.set("results", "chunk_size", "1");
    let lost = crate::results::results(central::Fault::CrashAfter);
    site.central.script(lost.nth(2));
    let lost_id = box_id(&site, &own);
    first.kill().was_killed();
    let _ = send(&site).ends();
    fs::remove_dir_all(site.state("")).unwrap();
    // By itself the sibling sends nothing.
    let before = site.central.requests_on(central::Route::Results).len();
    at(&site, &other, &["sync", "--results", "--json"])
        .end()
        .ends();
    let after = site.central.requests_on(central::Route::Results).len();
    assert_eq!(after, before, "a copy leads to no sending by itself");
    let adopt = |words: &[&str]| {
        let words = [&["results", "adopt", &lost_id, "--json"], words].concat();
        at(&site, &other, &words).end()
    };
    adopt(&[]).exits(1).code("adopt.alive");
    let told = adopt(&["--force"]).exits(0).object();
    assert_eq!(
        (&told["box_id"], &told["adopted"]),
        (&json!(lost_id), &json!(6))
    );
    let again = adopt(&["--force"]).exits(0).object();
    assert_eq!((&again["adopted"], &again["known"]), (&json!(0), &json!(6)));
    for _ in 0..3 {
        at(&site, &other, &["sync", "--results", "--json"])
            .end()
            .ends();
    }
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    let unknown = at(&site, &other, &["results", "adopt", "nobody", "--json"]).end();
    unknown.exits(1).code("adopt.none");
    second.kill().was_killed();
}

#[test]
fn copies_follow_when_a_sibling_is_back_and_go_when_central_has_the_item() {
    const TEST: u8 = 64;
    let site = room(owing(), TEST, 2);
    let own = site.path("");
    let other = another(&site, TEST, 1);
    let ids: Vec<String> = (0..3).map(execution).collect();
    submit_all(&site, &ids);
    // The other box is away.
    let mut first = listening(&site, &own, address(TEST, 0));
    until(&site, &mut first, "nobody there", |told| {
        told["owed"] == 3
            && told["copied"] == 0
            && told["siblings"][0]["trouble"]["code"] == "net.refused"
    });
    let second = listening(&site, &other, address(TEST, 1));
    until(&site, &mut first, "three copies", |told| {
        told["copied"] == 3 && told["siblings"][0]["since"].is_i64()
    });
    // Killed in the middle of nothing, started again: what was kept is kept.
    second.kill().was_killed();
    let second = listening(&site, &other, address(TEST, 1));
    assert_eq!(kept(&other), 4);
    send(&site).exits(0);
    until(&site, &mut first, "nothing owed", |told| {
        told["owed"] == 0 && told["siblings"][0]["keeps"] == 0
    });
    assert_eq!(kept(&other), 1, "the proof alone");
    let told = site.run(&["site", "status", "--json"]).ends().object();
    assert!(told["siblings"][1]["since"].is_i64(), "{told}");
    first.kill().was_killed();
    second.kill().was_killed();
}
