//! What candidates did and central has not acknowledged is destroyed by its true number alone.
//! Never a wipe that leaves a readable file.
//! The cuts of a wipe are in `power`.

use std::fs;

use e2e::Site;
use serde_json::json;

use crate::results::{answers, execution, listed, owing, result, send, submit};

fn owe(site: &Site, numbers: std::ops::Range<usize>) {
    let one = |n| {
        let id = execution(n);
        (id.clone(), result(site, &id, &answers(&id, 2)))
    };
    let document: serde_json::Map<_, _> = numbers.map(one).collect();
    submit(site, "results", &json!(document));
}

fn box_id(site: &Site) -> String {
    let who = site.run(&["identity", "--json"]).exits(0).object();
    who["box_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_wipe_that_would_destroy_what_is_owed_is_refused_with_its_number() {
    let site = owing();
    owe(&site, 0..5);
    let session = json!({ execution(1): {
        "deliveryExecutionId": execution(1), "deliveryId": site.delivery(0),
        "testTakerId": "https://central.example/tao.rdf#taker",
    }});
    let with_session = site.path("session.json");
    fs::write(&with_session, session.to_string()).unwrap();
    let id = box_id(&site);
    let files = site.files();
    let told = site.run(&["wipe", "--yes", &id, "--json"]).exits(1);
    let told = told.code("wipe.owed").to_string();
    for part in [
        "5 results",
        "sync --results",
        "results export",
        "--discard-results 5",
    ] {
        assert!(told.contains(part), "{told}");
    }
    for number in ["0", "4", "6"] {
        let words = ["wipe", "--yes", &id, "--discard-results", number, "--json"];
        site.run(&words).exits(1).code("wipe.owed");
    }
    // The number does not stand for the id.
    let words = ["wipe", "--yes", "wrong", "--discard-results", "5", "--json"];
    site.run(&words).exits(2).code("input.wipe");
    assert_eq!(site.files(), files);
    assert_eq!(listed(&site).len(), 5);
    site.run(&["wipe", "--yes", &id, "--discard-results", "5"])
        .exits(0);
    assert!(site.files().is_empty(), "{:?}", site.files());
}

#[test]
fn what_is_home_hinders_no_wipe() {
    let site = owing();
    owe(&site, 0..2);
    send(&site).exits(0);
    owe(&site, 2..3);
    let id = box_id(&site);
    let told = site.run(&["wipe", "--yes", &id, "--json"]).exits(1);
    let told = told.code("wipe.owed").to_string();
    assert!(told.contains("1 result;"), "{told}");
    send(&site).exits(0);
    let words = ["wipe", "--yes", &id, "--discard-results", "1", "--json"];
    site.run(&words).exits(2).code("input.wipe");
    site.run(&["wipe", "--yes", &id]).exits(0);
    assert!(site.files().is_empty(), "{:?}", site.files());
}

#[test]
fn what_nobody_can_open_any_more_is_counted_by_its_files() {
    let site = owing();
    owe(&site, 0..3);
    fs::remove_file(site.state("boxsync.key")).unwrap();
    let told = site.run(&["wipe", "--yes", "wipe", "--json"]).exits(1);
    let told = told.code("wipe.owed").to_string();
    assert!(told.contains("3 items that do not open"), "{told}");
    site.run(&["wipe", "--yes", "wipe", "--discard-results", "3"])
        .exits(0);
    assert!(site.files().is_empty(), "{:?}", site.files());
}

#[test]
fn results_handed_over_beside_a_wipe_are_refused_or_hinder_it() {
    let site = owing();
    let path = site.path("document.json");
    for n in 0..6 {
        let _ = fs::remove_dir_all(site.state(""));
        let wiped = box_id(&site);
        let id = execution(n);
        let document = json!({ id.as_str(): result(&site, &id, &answers(&id, 2)) });
        fs::write(&path, document.to_string()).unwrap();
        let submits = site.start(&["results", "submit", path.to_str().unwrap()]);
        let wipes = site.start(&["wipe", "--yes", &wiped]);
        let (submitted, ended) = (submits.end().ends(), wipes.end().ends());
        if submitted.exit == Some(0) {
            // It heard yes: then it is there, on the box that was or on the one after it.
            assert_eq!(
                listed(&site).len(),
                1,
                "{}\n{}",
                submitted.story(),
                ended.story()
            );
        }
    }
}

#[test]
fn a_box_whose_id_cannot_be_read_asks_for_another_word_and_says_why() {
    let site = Site::synchronized();
    let id = box_id(&site);
    fs::remove_file(site.state("boxsync.key")).unwrap();
    // The key is missing, not the rights: whoever is root already is not sent to become root.
    let told = site.run(&["doctor", "--offline"]).exits(1).out;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let remedy = "What to do: Put the copy of the missing key file back (boxsync.key, data.key)";
    assert!(told.contains(remedy), "{told}");
    let files = site.files();
    let refused = site.run(&["wipe", "--yes", &id]).exits(2).err;
    let expected = "--yes: expected `wipe`: the box id cannot be read";
    assert!(refused.contains(expected), "{refused}");
    assert_eq!(site.files(), files);
    site.run(&["wipe", "--yes", "wipe"]).exits(0);
    assert!(site.files().is_empty(), "{:?}", site.files());
}
