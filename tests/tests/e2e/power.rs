//! A cut before every single call that changes the disk, with what was not flushed lost or torn: nothing is lost for it.
//! Never guesses what a power cut may take: every change is traced, and so is every flush.
//! Needs strace; says so and passes without it.

mod carried;
mod loss;
mod stick;
mod sweep;
mod verbs;

use std::fs;
use std::path::Path;

use e2e::{Site, options};
use serde_json::json;

use crate::open;
use crate::results::{answers, assert_home, execution, owing, result, send, submit};
use sweep::{Sweep, can_trace, copy, cut};

#[test]
fn a_cut_before_any_change_of_the_disk_costs_nothing_but_time() {
    if !can_trace() {
        return;
    }
    let mut site = Site::enrolled(options(3, 2, (140_000, 200_000)));
    // Flushes follow closely, so that there are many moments to be cut in.
    site.set("download", "window_flush", "\"64KiB\"");
    let sweep = Sweep {
        verb: "sync",
        words: &["sync"],
        heals: &[&["sync", "--json"]],
        pairs_of: 7,
    };
    let cuts = sweep.run(
        &site,
        |_| {},
        |_, told, ran| {
            assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
            site.assert_equal_to_central();
            site.run(&["packages", "verify"]).exits(0);
        },
    );
    assert!(cuts.contains_key("pwrite64"), "{cuts:?}");
}

/// Three results of a cut, and their answers.
fn three(number: usize) -> impl Iterator<Item = (String, Vec<String>)> {
    let one = move |n: usize| {
        let id = execution(number * 10 + n);
        let answers = answers(&id, n + 1);
        (id, answers)
    };
    (0..3).map(one)
}

/// The words that hand over what lies in a file.
fn submission(path: &Path) -> [&str; 5] {
    [
        "results",
        "submit",
        "--kind",
        "results",
        path.to_str().unwrap(),
    ]
}

fn document(site: &Site, number: usize) -> serde_json::Value {
    let results = three(number).map(|(id, answers)| (id.clone(), result(site, &id, &answers)));
    json!(results.collect::<serde_json::Map<_, _>>())
}

/// Sends what is owed until nothing is, then holds that central has all of it, once.
fn comes_home(site: &Site, number: usize, told: &str) {
    for _ in 0..3 {
        let ran = send(site).ends();
        if ran.exit == Some(0) {
            break;
        }
        println!("{told}: {}", ran.story());
    }
    for (id, answers) in three(number) {
        assert_home(site, &id, &answers);
    }
}

#[test]
fn a_cut_while_results_are_handed_over_loses_and_doubles_none() {
    if !can_trace() {
        return;
    }
    let site = owing();
    let path = site.path("document.json");
    let words = submission(&path);
    let sweep = Sweep {
        verb: "results submit",
        words: &words,
        heals: &[&words, &["sync", "--results", "--json"]],
        pairs_of: 2,
    };
    sweep.run(
        &site,
        |number| fs::write(&path, document(&site, number).to_string()).unwrap(),
        |number, told, _| {
            // Nobody was told that they are safe: they are handed over again.
            let told_again = submit(&site, "results", &document(&site, number));
            assert_eq!(told_again.len(), 3, "{told}");
            comes_home(&site, number, told);
        },
    );
}

/// The final contents take the place of open ones that have accounts of their own.
#[test]
fn a_cut_while_final_contents_replace_open_ones_loses_and_doubles_none() {
    if !can_trace() {
        return;
    }
    let site = owing();
    let path = site.path("final.json");
    let words = submission(&path);
    let sweep = Sweep {
        verb: "results submit, in the place of open ones",
        words: &words,
        heals: &[&words, &["sync", "--results", "--json"]],
        pairs_of: 4,
    };
    sweep.run(
        &site,
        |number| {
            let mut ids = Vec::new();
            let mut former = serde_json::Map::new();
            for (id, _) in three(number) {
                let answers = [format!("former answer of {id}")];
                let document = open::document(&site, &id, "Active", &answers);
                former.extend(document.as_object().unwrap().clone());
                ids.push(id);
            }
            submit(&site, "results", &json!(former));
            for verb in ["set-aside", "retry"] {
                let ids = ids.iter().map(String::as_str);
                let words: Vec<&str> = ["results", verb].into_iter().chain(ids).collect();
                site.run(&words).exits(0);
            }
            fs::write(&path, document(&site, number).to_string()).unwrap();
        },
        |number, told, _| {
            submit(&site, "results", &document(&site, number));
            comes_home(&site, number, told);
        },
    );
}

#[test]
fn a_cut_while_results_are_sent_loses_and_doubles_none() {
    if !can_trace() {
        return;
    }
    let site = owing();
    let sweep = Sweep {
        verb: "sync --results",
        words: &["sync", "--results"],
        heals: &[&["sync", "--results", "--json"]],
        pairs_of: 6,
    };
    sweep.run(
        &site,
        |number| {
            submit(&site, "results", &document(&site, number));
        },
        |number, told, _| comes_home(&site, number, told),
    );
}

#[test]
fn what_was_acknowledged_survives_a_cut_right_after() {
    if !can_trace() {
        return;
    }
    let site = owing();
    let path = site.path("document.json");
    let (log, before) = (site.path("trace"), site.path("before"));
    for number in 0..4 {
        fs::write(&path, document(&site, number).to_string()).unwrap();
        copy(&site.state(""), &before);
        let words = submission(&path);
        let place = ("write", u16::MAX.into());
        assert!(cut(&site, &words, Some(place), &log).exit.is_some());
        loss::lose(
            &fs::read_to_string(&log).unwrap(),
            &site.state(""),
            &before,
            number,
        );
        comes_home(&site, number, "cut after the acknowledgement");
    }
}
