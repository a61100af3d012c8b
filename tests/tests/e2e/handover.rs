//! Boxes that hand over, adopt and synchronize at the same time: each result comes home, each once.
//! Never trusts what a box says of itself: central is looked at.
//! Where the moment counts, central holds it: nothing is timed.

use std::fs;
use std::path::{Path, PathBuf};

use central::{Fault, Route};
use e2e::{Ran, Site};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::carried::{all_are, export, imported};
use crate::copies::{copying, dies, objects, other_box, submit_all};
use crate::results::{answers, assert_home, execution, owing, result, results};
use crate::trace::{at, copy};

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

/// A box with the configuration and the site key of the linked one, and without a link: not enrolled, its central unreachable.
fn without_a_link(site: &Site, name: &str) -> PathBuf {
    let root = site.path(name);
    fs::create_dir_all(&root).unwrap();
    copy(&site.path("etc"), &root.join("etc"));
    link(site, &root, false);
    root
}

/// From now on the box reaches central, or not.
fn link(site: &Site, root: &Path, is_there: bool) {
    let path = root.join("etc/boxsync/boxsync.toml");
    let config = fs::read_to_string(&path).unwrap();
    let (central, nowhere) = (site.central.url(), "http://127.0.0.1:9/".to_owned());
    let changed = match is_there {
        true => config.replace(&nowhere, &central),
        false => config.replace(&central, &nowhere),
    };
    assert_ne!(config, changed);
    fs::write(&path, changed).unwrap();
}

/// A linked box whose place of copies serves as a stick.
fn linked() -> (Site, TempDir) {
    let (mut site, stick) = copying();
    site.unset("results", "copy_to");
    (site, stick)
}

fn hand_in(site: &Site, root: &Path, kind: &str, document: &Value) {
    let path = root.join("document.json");
    fs::write(&path, document.to_string()).unwrap();
    let words = [
        "results",
        "submit",
        "--kind",
        kind,
        path.to_str().unwrap(),
        "--json",
    ];
    at(site, root, &words).end().exits(0);
}

fn results_of(site: &Site, ids: &[String]) -> Value {
    let of = |id: &String| (id.clone(), result(site, id, &answers(id, 2)));
    json!(ids.iter().map(of).collect::<serde_json::Map<_, _>>())
}

fn carry(site: &Site, root: &Path, verb: &str, stick: &Path, options: &[&str]) -> Ran {
    let words = ["carry", verb, stick.to_str().unwrap(), "--json"];
    at(site, root, &[&words[..], options].concat()).end()
}

/// How many items of a box stand so.
fn stand(site: &Site, root: &Path, state: &str) -> usize {
    let listed = at(site, root, &["results", "--json"])
        .end()
        .exits(0)
        .objects();
    listed.iter().filter(|one| one["state"] == state).count()
}

fn take_over(site: &Site, stick: &Path) -> u64 {
    let words = ["results", "adopt", stick.to_str().unwrap(), "--json"];
    let boxes = site.run(&words).exits(0).objects();
    boxes
        .iter()
        .map(|one| one["adopted"].as_u64().unwrap())
        .sum()
}

/// Three boxes, one with a link: twice round, with a content that comes later, logs and a session.
#[test]
fn what_boxes_without_a_link_hand_over_comes_home_once_and_they_are_told() {
    let (site, stick) = linked();
    let stick = stick.path();
    site.sync().exits(0);
    let roots = ["one", "two"].map(|name| without_a_link(&site, name));
    let ids = |round: usize, of: usize| -> Vec<String> {
        (0..3)
            .map(|at| execution(100 * round + 10 * of + at))
            .collect()
    };
    let mut all = Vec::new();
    for round in 0..2 {
        for (of, root) in roots.iter().enumerate() {
            let ids = ids(round, of);
            hand_in(&site, root, "results", &results_of(&site, &ids));
            hand_in(&site, root, "sessions", &json!([ids[0]]));
            let told = carry(&site, root, "export", stick, &["--results"])
                .exits(0)
                .object();
            assert_eq!(
                (&told["handed_over"], &told["stays"]),
                (&json!(4), &json!({}))
            );
            assert_eq!(stand(&site, root, "carried"), 4);
            let status = at(&site, root, &["status", "--json"]).end().ends().object();
            assert_eq!(status["results"]["carried"], 4);
            assert!(status["results"]["carried_at"].as_i64().unwrap() > 0);
            // Nothing has arrived, and nothing more is to be handed over.
            let told = carry(&site, root, "import", stick, &["--results"])
                .exits(0)
                .object();
            assert_eq!(
                (&told["acknowledged"], &told["carried"]),
                (&json!(0), &json!(4))
            );
            let told = carry(&site, root, "export", stick, &["--results"])
                .exits(0)
                .object();
            assert_eq!(told["handed_over"], 0);
            all.extend(ids);
        }
        assert_eq!(take_over(&site, stick), 8);
        assert_eq!(take_over(&site, stick), 0, "what is here is known");
        for _ in 0..2 {
            site.sync_with(&["--results", "--sessions"]).ends();
        }
        // The data that goes back to them says what has arrived.
        let told = carry(&site, &site.path(""), "export", stick, &["--data"]).exits(0);
        assert!(
            told.objects().iter().any(|one| one["told_boxes"] == 2),
            "{}",
            told.story()
        );
        for root in &roots {
            let told = carry(&site, root, "import", stick, &["--results"])
                .exits(0)
                .object();
            assert_eq!(
                (&told["acknowledged"], &told["carried"]),
                (&json!(4), &json!(0))
            );
            assert_eq!(stand(&site, root, "acknowledged"), 4 * (round + 1));
            let told = carry(&site, root, "import", stick, &["--results"])
                .exits(0)
                .object();
            assert_eq!(told["acknowledged"], 0, "the same list once more");
        }
    }
    for id in &all {
        assert_home(&site, id, &answers(id, 2));
    }
    assert_eq!(site.central.executions().len(), all.len());
}

/// The linked box brought home a part; the list of before is played again; a person takes back beside it.
#[test]
fn a_list_that_is_old_foreign_or_changed_moves_nothing_that_it_does_not_name() {
    let (site, stick) = linked();
    let stick = stick.path();
    site.sync().exits(0);
    let roots = ["one", "two"].map(|name| without_a_link(&site, name));
    let ids: Vec<String> = (0..4).map(execution).collect();
    hand_in(&site, &roots[0], "results", &results_of(&site, &ids[..2]));
    carry(&site, &roots[0], "export", stick, &["--results"]).exits(0);
    assert_eq!(take_over(&site, stick), 2);
    site.sync_with(&["--results"]).exits(0);
    carry(&site, &site.path(""), "export", stick, &["--results"]).exits(0);
    let old = site.path("old");
    copy(stick, &old);
    // Another box hands over the same executions: what is said of the first one's is nothing of its own.
    hand_in(&site, &roots[1], "results", &results_of(&site, &ids[..2]));
    carry(&site, &roots[1], "export", stick, &["--results"]).exits(0);
    let told = carry(&site, &roots[1], "import", stick, &["--results"])
        .exits(0)
        .object();
    assert_eq!(
        (&told["acknowledged"], &told["carried"]),
        (&json!(0), &json!(2))
    );
    carry(&site, &roots[0], "import", &old, &["--results"]).exits(0);
    // Later results, and the old list.
    hand_in(&site, &roots[0], "results", &results_of(&site, &ids[2..]));
    carry(&site, &roots[0], "export", stick, &["--results"]).exits(0);
    let told = carry(&site, &roots[0], "import", &old, &["--results"])
        .exits(0)
        .object();
    assert_eq!(
        (&told["acknowledged"], &told["carried"]),
        (&json!(0), &json!(2))
    );
    // Every file of the old stick is changed: each is named, and nothing follows from it.
    for path in objects(&old) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let told = carry(&site, &roots[0], "import", &old, &["--results"]).exits(1);
    assert!(told.out.contains("carry.changed"), "{}", told.story());
    assert_eq!(stand(&site, &roots[0], "carried"), 2);
    assert_eq!(take_over(&site, stick), 2);
    site.sync_with(&["--results"]).exits(0);
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    assert_eq!(site.central.executions().len(), ids.len());
}

/// A box is given a link and takes back what central lacks, while the one that adopted the same brings it home.
#[test]
fn what_is_taken_back_while_another_box_brings_it_home_is_there_once() {
    let (site, stick) = linked();
    let stick = stick.path();
    site.sync().exits(0);
    let root = other_box(&site, "one");
    link(&site, &root, false);
    let ids: Vec<String> = (0..6).map(execution).collect();
    hand_in(&site, &root, "results", &results_of(&site, &ids));
    carry(&site, &root, "export", stick, &["--results"]).exits(0);
    assert_eq!(take_over(&site, stick), 6);
    // One of the answers to the two boxes is lost.
    site.central.script(results(Fault::CrashAfter).nth(2));
    link(&site, &root, true);
    let told = at(&site, &root, &["results", "reclaim", "--json"])
        .end()
        .exits(0)
        .object();
    assert_eq!(
        (&told["reclaimed"], &told["arrived"]),
        (&json!(6), &json!(0))
    );
    for _ in 0..4 {
        let sync = ["sync", "--results", "--json"];
        let both = [site.start(&sync), at(&site, &root, &sync)];
        for running in both {
            running.end().ends();
        }
    }
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    assert_eq!(site.central.executions().len(), ids.len());
    assert_eq!(stand(&site, &root, "acknowledged"), 6);
    assert_eq!(stand(&site, &site.path(""), "acknowledged"), 6);
}
