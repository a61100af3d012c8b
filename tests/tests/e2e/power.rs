//! A cut before every single call that changes the disk, with what was not flushed lost or torn: nothing is lost for it.
//! Never guesses what a power cut may take: every change is traced, and so is every flush.
//! Needs strace; says so and passes without it.

mod loss;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::{Running, Site, options};
use serde_json::json;

use crate::results::{answers, assert_home, execution, owing, result, send, submit};

/// What changes the disk.
const CALLS: [&str; 9] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "ftruncate",
    "fallocate",
    "mkdir",
];

/// Cuts a run of these words before the nth of every call, from one state of the box, and takes what a cut may take.
/// `prepare` and `check` are shown the number of the cut. Gives the cuts by call.
fn sweep(
    site: &Site,
    words: &[&str],
    prepare: impl Fn(usize),
    check: impl Fn(usize, &str),
) -> BTreeMap<&'static str, usize> {
    let (fresh, before) = (site.path("fresh"), site.path("before"));
    copy(&site.state(""), &fresh);
    let (mut cuts, mut number, mut lost) = (BTreeMap::new(), 0, loss::Lost::default());
    for call in CALLS {
        // A thread may make a call less than in the run before: only several runs without a cut are the end.
        let mut missed = 0;
        // What lies between two flushes is lost once by its even and once by its odd changes.
        for nth in (2..).map(|twice| twice / 2) {
            number += 1;
            copy(&fresh, &site.state(""));
            prepare(number);
            copy(&site.state(""), &before);
            let log = site.path("trace");
            if !cut(site, words, call, nth, &log) {
                missed += 1;
                if missed == 4 {
                    break;
                }
                continue;
            }
            missed = 0;
            let log = fs::read_to_string(&log).unwrap();
            let now = loss::lose(&log, &site.state(""), &before, number);
            lost.writes += now.writes;
            lost.names += now.names;
            check(number, &format!("cut before {call} {nth}"));
            *cuts.entry(call).or_insert(0) += 1;
        }
    }
    println!("cuts before each call: {cuts:?}; lost or torn: {lost:?}");
    for call in ["write", "fsync", "rename"] {
        assert!(cuts.contains_key(call), "no {call} was seen: {cuts:?}");
    }
    assert!(
        lost.writes > 0 && lost.names > 0,
        "nothing was lost: {lost:?}"
    );
    cuts
}

#[test]
fn a_cut_before_any_change_of_the_disk_costs_nothing_but_time() {
    if !can_trace() {
        return;
    }
    let mut site = Site::enrolled(options(3, 2, (140_000, 200_000)));
    // Flushes follow closely, so that there are many moments to be cut in.
    site.set("download", "window_flush", "\"64KiB\"");
    let cuts = sweep(
        &site,
        &["sync"],
        |_| {},
        |_, told| {
            let ran = site.sync().ends();
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
    sweep(
        &site,
        &words,
        |number| fs::write(&path, document(&site, number).to_string()).unwrap(),
        |number, told| {
            // Nobody was told that they are safe: they are handed over again.
            let told_again = submit(&site, "results", &document(&site, number));
            assert_eq!(told_again.len(), 3, "{told}");
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
    sweep(
        &site,
        &["sync", "--results"],
        |number| {
            submit(&site, "results", &document(&site, number));
        },
        |number, told| comes_home(&site, number, told),
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
        assert!(!cut(&site, &words, "write", u16::MAX.into(), &log));
        loss::lose(
            &fs::read_to_string(&log).unwrap(),
            &site.state(""),
            &before,
            number,
        );
        comes_home(&site, number, "cut after the acknowledgement");
    }
}

fn can_trace() -> bool {
    let works = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .status();
    if works.is_ok_and(|status| status.success()) {
        return true;
    }
    eprintln!("skipped: strace is missing or may not trace (apt-get install strace)");
    false
}

/// A run of these words, killed on entering the nth such call of any of its threads; whether there was one.
fn cut(site: &Site, words: &[&str], call: &str, nth: usize, log: &Path) -> bool {
    let own = site.command(words);
    let mut command = Command::new("strace");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .args(["-f", "-y", "-s", "0", "-o"])
        .arg(log)
        .arg(format!("--trace={}", CALLS.join(",")))
        .arg(format!("--inject={call}:signal=KILL:when={nth}"))
        .arg(own.get_program())
        .args(own.get_args());
    let ran = Running::start(command).end();
    ran.exit.is_none()
}

/// Puts a copy of a folder in the place of another.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}
