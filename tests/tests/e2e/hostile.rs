//! Everything at once: processes that are killed while others run, enrolments, folders that are put back and copied.
//! Never trusts what the box says of itself: central is counted.
//! `BOXSYNC_SEED` repeats a case, `BOXSYNC_HOSTILE` sets how many rounds it has.

use std::collections::{BTreeMap, BTreeSet};

use central::{Fault, Route, Rule};
use e2e::{LIMIT, Site, wait_until};
use serde_json::{Value, json};

use crate::results::{answers, contents, execution, listed, owing, result, results, send, submit};
use crate::trace::{at, copy, twin};

mod organisations;

/// Rounds, unless the environment says otherwise.
const ROUNDS: usize = 4;
/// Results of a round.
const WAVE: usize = 12;

/// Draws by a seed that is printed.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX generator; the low bits are the weak ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How one request for results goes wrong.
pub(crate) fn fault(draw: &mut Draw) -> Option<Rule> {
    let fault = match draw.below(6) {
        0 => Fault::CrashAfter,
        1 => Fault::CrashBefore,
        2 => Fault::CrashInside { variables: 3 },
        3 => Fault::Latency { ms: 1_500 },
        4 => Fault::Stall { after: 0 },
        _ => return None,
    };
    let nth = 1 + draw.below(2);
    Some(results(fault).nth(nth))
}

/// Waits until central has seen so many more requests for results, or everybody has ended.
pub(crate) fn until_seen(site: &Site, more: usize, all: &mut [e2e::Running]) {
    let before = site.asked(Route::Results);
    wait_until("requests, or the end", LIMIT, || {
        let ended = all.iter_mut().all(|one| !one.runs());
        ended || site.asked(Route::Results) >= before + more
    });
}

#[test]
fn whatever_comes_together_loses_and_doubles_no_result() {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = number("BOXSYNC_SEED").unwrap_or(now.as_nanos() as u64);
    println!("BOXSYNC_SEED={seed}");
    let rounds = number("BOXSYNC_HOSTILE").map_or(ROUNDS, |rounds| rounds as usize);
    let mut draw = Draw(seed);
    let site = owing();
    site.sync().exits(0);
    let kept = site.path("kept");
    copy(&site.state(""), &kept);
    let mut truth: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all = |truth: &BTreeMap<String, Vec<String>>| -> Value {
        let of = |(id, answers): (&String, &Vec<String>)| (id.clone(), result(&site, id, answers));
        json!(truth.iter().map(of).collect::<serde_json::Map<_, _>>())
    };
    for round in 0..rounds {
        for _ in 0..WAVE {
            let id = execution(truth.len());
            let answers = answers(&id, 1 + draw.below(5) as usize);
            truth.insert(id, answers);
        }
        submit(&site, "results", &all(&truth));
        let event = draw.below(5);
        let root = (event == 0).then(|| twin(&site));
        if event == 1 {
            copy(&site.state(""), &kept);
        }
        fault(&mut draw)
            .into_iter()
            .for_each(|rule| site.central.script(rule));
        // A daemon in every other round, and two who ask at once; one of them is the box's copy.
        let words = ["sync", "--results", "--json"];
        let daemon = (draw.below(2) == 0).then(|| site.start_daemon());
        let mut asked = vec![site.start(&words)];
        asked.push(match &root {
            Some(root) => at(&site, root, &words),
            None => site.start(&words),
        });
        until_seen(&site, 1 + draw.below(4) as usize, &mut asked);
        let told = format!("round {round}, event {event}");
        if event == 2 {
            // New credentials while results are on their way.
            let _ = site.enroll().ends();
        }
        let (killed, left): (Vec<_>, Vec<_>) = asked.into_iter().partition(|_| draw.below(2) == 0);
        killed.into_iter().for_each(|one| drop(one.kill()));
        daemon.into_iter().for_each(|daemon| drop(daemon.kill()));
        site.central.sever();
        left.into_iter().for_each(|one| drop(one.end()));
        site.central.clear_script();
        if event == 3 {
            // An older state: what was acknowledged since is owed again.
            copy(&kept, &site.state(""));
        }
        // Whoever was not told hands everything in again.
        submit(&site, "results", &all(&truth));
        println!("{told}: {} on central", site.central.executions().len());
    }
    for _ in 0..20 {
        let home = |(state, _): &(String, String)| state == "acknowledged";
        if listed(&site).values().all(home) {
            break;
        }
        let _ = send(&site).ends();
    }
    assert_each_is_home_once(&site, &truth, seed);
}

/// Holds that central has each of these executions once, with its answers, and no other one.
#[track_caller]
pub(crate) fn assert_each_is_home_once(
    site: &Site,
    truth: &BTreeMap<String, Vec<String>>,
    seed: u64,
) {
    let mapped = site
        .central
        .executions()
        .into_iter()
        .filter(|e| e.is_mapped);
    let mut doubled = BTreeSet::new();
    let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in mapped {
        let mut answers = contents(&one);
        answers.sort();
        if stored.insert(one.offline.clone(), answers).is_some() {
            doubled.insert(one.offline);
        }
    }
    let seed = format!("BOXSYNC_SEED={seed}");
    assert_eq!(doubled, BTreeSet::new(), "{seed}");
    for (id, answers) in truth {
        let mut answers = answers.clone();
        answers.sort();
        let why = listed(site).remove(&("results".into(), id.clone(), 0));
        assert_eq!(stored.get(id), Some(&answers), "{seed} {id} {why:?}");
    }
    assert_eq!(stored.len(), truth.len());
}
