//! Boxes that hand over, adopt and synchronize at the same time: each result comes home, each once.
//! Never trusts what a box says of itself: central is looked at.
//! Where the moment counts, central holds it: nothing is timed.

use std::path::Path;

use central::{Fault, Route};
use e2e::Site;
use serde_json::{Value, json};

use crate::carried::{all_are, export, imported};
use crate::copies::{copying, dies, other_box, submit_all};
use crate::results::{answers, assert_home, execution, owing, results};
use crate::trace::at;

/// Its third request hangs while the file is written: what is under way stays, what was to go next does not go any more.
#[test]
fn what_is_exported_during_a_synchronization_is_not_sent_by_it() {
    let mut site = owing();
    site.set("results", "chunk_size", "1");
    let ids: Vec<String> = (0..9).map(execution).collect();
    submit_all(&site, &ids);
    site.central.script(results(Fault::Silence).nth(3));
    let mut sync = site.start(&["sync", "--results", "--json"]);
    assert!(sync.until("the third request", || site.asked(Route::Results) == 3));
    let told = export(&site, "a.zip", &[]).exits(0).object();
    assert_eq!(
        (&told["results"], &told["stays"]),
        (&json!(6), &json!({ "in-doubt": [ids[2]] }))
    );
    all_are(&site, &ids[3..], "carried");
    site.central.sever();
    let ran = sync.end().ends();
    assert_eq!(ran.object()["results"]["carried"], 6);
    all_are(&site, &ids[3..], "carried");
    for id in &ids[3..] {
        assert!(
            site.central.execution(id).is_none(),
            "{id}: {}",
            ran.story()
        );
    }
    assert_eq!(imported(&site, "a.zip"), [true; 6]);
    for _ in 0..2 {
        site.sync_with(&["--results"]).ends();
    }
    all_are(&site, &ids, "acknowledged");
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    assert_eq!(site.central.executions().len(), ids.len());
}

fn adopt(site: &Site, root: &Path, place: &Path) -> Value {
    let words = [
        "results",
        "adopt",
        place.to_str().unwrap(),
        "--force",
        "--json",
    ];
    at(site, root, &words).end().exits(0).object()
}

/// Two that took over the same copies send at once, and answers are lost to both.
#[test]
fn two_boxes_that_adopt_the_same_copies_lose_and_double_nothing() {
    let (mut site, place) = copying();
    site.set("results", "chunk_size", "1");
    let ids: Vec<String> = (0..10).map(execution).collect();
    submit_all(&site, &ids);
    // Central has two of them, one without an answer; the copies are still there.
    site.central.script(results(Fault::CrashAfter).nth(2));
    let _ = site.sync_with(&["--results"]).ends();
    dies(&site);
    let roots = ["second", "third"].map(|name| other_box(&site, name));
    for root in &roots {
        assert_eq!(adopt(&site, root, place.path())["adopted"], 10);
    }
    for round in 0..6 {
        if round < 2 {
            site.central.script(results(Fault::CrashAfter).nth(3));
        }
        let sync = ["sync", "--results", "--json"];
        let both = roots.each_ref().map(|root| at(&site, root, &sync));
        for running in both {
            running.end().ends();
        }
    }
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    assert_eq!(site.central.executions().len(), ids.len());
    for root in &roots {
        let listed = at(&site, root, &["results", "--json"]).end().exits(0);
        let states: Vec<Value> = listed
            .objects()
            .into_iter()
            .map(|one| one["state"].clone())
            .collect();
        assert_eq!(states, vec![json!("acknowledged"); ids.len()]);
    }
}
