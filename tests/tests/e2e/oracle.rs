//! The oracle: many results come home once, through crashes of central, kills of the box and lost stores.
//! Never trusts what the box says of itself: central is looked at.
//! `BOXSYNC_ORACLE_ITEMS` sets how many; then one in two has more than 200 variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Instant;

use central::{Execution, Fault, Route, Rule};
use e2e::{Site, status};
use serde_json::{Value, json};

use crate::results::{
    answers, assert_home, contents, execution, listed, owing_to, result, results, send, state,
    submit,
};

/// Results of the oracle, unless the environment says otherwise.
const ITEMS: usize = 1_000;
/// The same for an encrypted central, whose private key takes its time.
const ITEMS_ENCRYPTED: usize = 150;
/// Variables of the longest result.
const MAX_VARIABLES: usize = 400;
/// Variables of the longest of most results; one in so many may have as many as the longest. Where the environment
/// says how many results there are, all may.
const USUAL: usize = 20;
const RARE: usize = 23;
/// An event that only the box's own probe has (protocol 7.5).
const PROBE: &str = "BOXSYNC_PROBE";
/// The prefix of the events of the log rows.
const EVENT: &str = "EVENT_OF_";

/// Bytes that the web server takes in one request, and hardly more than the longest result.
const WIDE: u64 = 1 << 20;
const NARROW: u64 = 200_000;

fn rows(id: &str) -> Value {
    let row = |n: usize| {
        json!({
            "id": format!("{id}-{n}"), "delivery_execution_id": id, "event_id": format!("{EVENT}{id}_{n}"),
            "data": {"n": n}, "created_at": format!("{}.1234", 1_795_000_000 + n),
            "created_by": "https://central.example/tao.rdf#taker",
        })
    };
    Value::Array((0..3).map(row).collect())
}

/// What a step of the oracle does before its run, how it goes wrong, and where the box dies.
struct Step {
    told: &'static str,
    rules: Vec<Rule>,
    /// The box is killed as soon as the last rule has struck.
    kill: bool,
    before: fn(&Site),
    /// The web server takes hardly more than the longest result.
    narrow: bool,
}

fn nothing(_: &Site) {}

/// The sled folder is gone.
fn lose_index(site: &Site) {
    let _ = fs::remove_dir_all(site.state("index"));
}

/// Every file of the sled folder is rubbish.
fn spoil_index(site: &Site) {
    for path in site.files() {
        if path.starts_with(site.state("index")) {
            fs::write(path, "rubbish").unwrap();
        }
    }
}

fn probe(fault: Fault) -> Rule {
    Rule::on(Route::Logs, fault).containing(PROBE)
}

fn rows_of(fault: Fault) -> Rule {
    Rule::on(Route::Logs, fault).containing(EVENT)
}

fn step(told: &'static str, rules: Vec<Rule>) -> Step {
    Step {
        told,
        rules,
        kill: false,
        before: nothing,
        narrow: false,
    }
}

fn killed(told: &'static str, rules: Vec<Rule>) -> Step {
    Step {
        kill: true,
        ..step(told, rules)
    }
}

/// Every way in which one side dies between an item and the word about it.
fn steps() -> Vec<Step> {
    let cut = |after| Fault::Cut { after, reset: true };
    vec![
        killed(
            "killed with the first request on its way",
            vec![results(Fault::Silence)],
        ),
        killed(
            "killed while an answer comes",
            vec![results(Fault::HangUp).nth(2)],
        ),
        killed(
            "killed after central stored",
            vec![results(Fault::Stall { after: 0 }).nth(2)],
        ),
        Step {
            before: lose_index,
            ..killed(
                "no store; killed while it probes",
                vec![probe(Fault::Silence)],
            )
        },
        step("central dies before", vec![results(Fault::CrashBefore)]),
        step(
            "central dies after, answers are cut",
            vec![results(Fault::CrashAfter), results(cut(20)).nth(3)],
        ),
        Step {
            before: spoil_index,
            ..step(
                "spoilt store; central dies inside",
                vec![
                    results(Fault::CrashInside { variables: 25 }),
                    results(Fault::CrashInside { variables: 1 }).nth(3),
                ],
            )
        },
        killed(
            "killed after central died inside",
            vec![
                results(Fault::CrashInside { variables: 40 }),
                results(Fault::Silence).nth(2),
            ],
        ),
        killed(
            "killed after log rows were stored",
            vec![rows_of(Fault::Stall { after: 0 })],
        ),
        Step {
            before: lose_index,
            ..step(
                "no store; log rows and their answers are lost",
                vec![
                    rows_of(Fault::CrashBefore),
                    rows_of(Fault::CrashAfter).nth(2),
                ],
            )
        },
        killed(
            "killed after sessions were stored",
            vec![Rule::on(Route::Sessions, Fault::Stall { after: 0 })],
        ),
        step(
            "sessions' answer is lost",
            vec![Rule::on(Route::Sessions, Fault::CrashAfter)],
        ),
        step("a proxy says 502 after", {
            vec![
                results(status(502, "<html>bad gateway", None)),
                results(Fault::Page {
                    html: "<html>".into(),
                })
                .nth(3),
            ]
        }),
        Step {
            narrow: true,
            ..step("413 for whatever is long", vec![])
        },
    ]
}

#[test]
fn everything_comes_home_once_or_has_a_name() {
    everything(ITEMS, false);
}

/// The same to a central that decrypts with its own key what the box closed: the same order of troubles.
#[test]
fn everything_comes_home_once_to_an_encrypted_central() {
    everything(ITEMS_ENCRYPTED, true);
}

fn sorted(mut answers: Vec<String>) -> Vec<String> {
    answers.sort();
    answers
}

fn everything(usual: usize, encrypted: bool) {
    let wanted = std::env::var("BOXSYNC_ORACLE_ITEMS").ok();
    let all_long = wanted.is_some();
    let items: usize = wanted.map_or(usual, |n| n.parse().expect("a number of items"));
    let variables = |n: usize| {
        1 + (n * 7)
            % if all_long || n.is_multiple_of(RARE) {
                MAX_VARIABLES
            } else {
                USUAL
            }
    };
    let begun = Instant::now();
    let site = owing_to(encrypted);
    if encrypted {
        // Log rows go under the key that the deliveries bring.
        site.sync().exits(0);
    }
    // One that central dies of, whatever comes with it, and one that no web server lets through.
    let poison = execution(7);
    let giant = execution(8);
    let mut truth: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut logged: BTreeSet<String> = BTreeSet::new();
    let steps = steps();
    // Rows in requests whose answer was lost: no others may stand twice.
    let (mut kills, mut faults, mut flown) = (0, 0, 0);
    let wave = items.div_ceil(steps.len() + 1);
    let fill = |truth: &mut BTreeMap<String, Vec<String>>, logged: &mut BTreeSet<String>| {
        let first = truth.len();
        let (mut new, mut logs, mut sessions) = (json!({}), json!({}), Vec::new());
        for n in first..(first + wave).min(items) {
            let id = execution(n);
            let mut answers = answers(&id, variables(n));
            if id == giant {
                answers.push("x".repeat(WIDE as usize));
            }
            new[&id] = result(&site, &id, &answers);
            truth.insert(id.clone(), answers);
            if n % 2 == 0 && id != giant {
                logs[&id] = rows(&id);
                sessions.push(id.clone());
                logged.insert(id);
            }
        }
        submit(&site, "results", &new);
        submit(&site, "logs", &logs);
        submit(&site, "sessions", &json!(sessions));
        // The same again is known, whatever has become of it.
        let again = submit(&site, "results", &new);
        assert!(again.iter().all(|item| item["new"] == false));
    };
    let poisoned = || results(Fault::TypeError).containing(&poison).always();

    for step in &steps {
        fill(&mut truth, &mut logged);
        (step.before)(&site);
        site.central
            .set_body_limit(if step.narrow { NARROW } else { WIDE });
        site.central.reset_log();
        site.central.clear_script();
        for rule in step.rules.iter().cloned().chain([poisoned()]) {
            site.central.script(rule);
        }
        if step.kill {
            let mut run = site.start(&["sync", "--results", "--json"]);
            let struck = run.until(step.told, || site.central.firings().1 == 0);
            let ran = run.kill();
            assert!(struck, "{}: never struck\n{}", step.told, ran.story());
            kills += 1;
        } else {
            let ran = send(&site).ends();
            let pending = site.central.firings().1;
            assert_eq!(pending, 0, "{}: never struck\n{}", step.told, ran.story());
        }
        faults += site.central.firings().0;
        let struck = site.central.requests_on(Route::Logs);
        let struck = struck.iter().filter(|seen| seen.is_struck);
        flown += struck
            .map(|seen| String::from_utf8_lossy(&seen.body).matches(EVENT).count())
            .sum::<usize>();
    }

    // Nothing goes wrong any more but the poison; one answer is lost to a central that does not know the probe.
    fill(&mut truth, &mut logged);
    site.central.set_body_limit(WIDE);
    let quiet = || {
        site.central.clear_script();
        site.central.script(poisoned());
    };
    quiet();
    site.central.reset_log();
    site.central.script(results(Fault::CrashAfter));
    let odd = Fault::Json {
        body: r#"{"success":true}"#.into(),
    };
    site.central.script(probe(odd).always());
    send(&site).ends();
    faults += site.central.firings().0;
    let lost = site.central.requests_on(Route::Results).remove(0);
    assert!(lost.is_struck);
    let lost: Value = serde_json::from_slice(&lost.body).unwrap();
    let doubtful: BTreeSet<String> = lost["results"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    quiet();
    // Two convictions, a second apart; what central's web server does not let through stays queued.
    for _ in 0..60 {
        let waits = |state: &str| ["queued", "sending"].contains(&state);
        let mut left = listed(&site).into_iter();
        let named = |id: &String| *id == giant || encrypted && *id == poison;
        if !left.any(|((_, id, _), (state, _))| waits(&state) && !named(&id)) {
            break;
        }
        send(&site).ends();
    }

    let told = listed(&site);
    let of = |state: &str| -> BTreeSet<String> {
        let named = told.iter().filter(|(_, (s, _))| s == state);
        named.map(|((_, id, _), _)| id.clone()).collect()
    };
    let (refused, unconfirmed) = (of("refused"), of("unconfirmed"));
    let waits = |((kind, ..), (state, _)): &(&(String, String, u64), &(String, String))| {
        kind == "results" && state == "queued"
    };
    let queued: BTreeSet<String> = told
        .iter()
        .filter(waits)
        .map(|((_, id, _), _)| id.clone())
        .collect();
    let executions = site.central.executions();
    let mut doubled = 0;
    let mut missing = 0;
    for (id, answers) in &truth {
        let mapped: Vec<&Execution> = executions
            .iter()
            .filter(|e| e.offline == *id && e.is_mapped)
            .collect();
        let stored: Vec<String> = mapped.iter().flat_map(|e| contents(e)).collect();
        doubled += stored.len().saturating_sub(answers.len());
        let named = refused.contains(id) || unconfirmed.contains(id) || queued.contains(id);
        if sorted(stored) != sorted(answers.clone()) && !named {
            eprintln!("{id}: {:?}", told[&("results".into(), id.clone(), 0)]);
            missing += 1;
        }
    }
    let own: Vec<String> = site
        .central
        .log_rows()
        .into_iter()
        .map(|row| row.event)
        .collect();
    let mut twice = 0;
    let mut missing_rows = 0;
    // What may not be known waits for it: central takes rows of known executions only (protocol 8.1).
    let settled: Vec<&String> = logged.difference(&unconfirmed).collect();
    for n in settled.iter().flat_map(|id| (0..3).map(move |n| (id, n))) {
        let event = format!("{EVENT}{}_{}", n.0, n.1);
        match own.iter().filter(|e| **e == event).count() {
            0 => missing_rows += 1,
            times => twice += times - 1,
        }
    }
    let sessions = settled
        .iter()
        .filter(|id| !site.central.execution(id).is_some_and(|e| e.has_session))
        .count();
    println!(
        "| Results | Variables (longest) | Kills | Faults | Doubled | Lost | Refused | Unconfirmed | Log rows | Rows twice | Rows lost | Sessions | Sessions lost | Seconds |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n\
         | {} | {} ({}) | {kills} | {faults} | {doubled} | {missing} | {} | {} | {} | {twice} | {missing_rows} | {} | {sessions} | {} |",
        truth.len(),
        truth.values().map(Vec::len).sum::<usize>(),
        truth.values().map(Vec::len).max().unwrap_or_default(),
        refused.len(),
        unconfirmed.len(),
        3 * logged.len(),
        logged.len(),
        begun.elapsed().as_secs(),
    );
    assert_eq!((doubled, missing, missing_rows, sessions), (0, 0, 0, 0));
    assert!(
        !own.iter().any(|event| event == PROBE),
        "a probe was stored"
    );
    // An encrypted central looks at no content: what it dies of is its own trouble, nothing is refused for it, and it is tried
    // again, beside the answer that is lost above too.
    let mut stuck = BTreeSet::from([giant.clone()]);
    let mut unknown = doubtful;
    match (encrypted, unconfirmed.contains(&poison)) {
        (false, _) => assert_eq!(refused, BTreeSet::from([poison.clone()])),
        (true, false) => _ = stuck.insert(poison.clone()),
        (true, true) => _ = unknown.insert(poison.clone()),
    }
    assert_eq!(refused.len(), usize::from(!encrypted));
    // What no web server lets through is answered 413, or cut in the middle of its upload, as the two meet: cut while the
    // probe is silent it is a doubt like the answer that is lost above.
    if unconfirmed.contains(&giant) {
        unknown.insert(giant.clone());
        stuck.remove(&giant);
    }
    assert_eq!(unconfirmed, unknown, "what truly cannot be known");
    assert_eq!(queued, stuck, "central's limit");
    assert_eq!(site.central.undecrypted(), Vec::<String>::new());
    for ((kind, id, _), (state, reason)) in &told {
        let named = refused.contains(id) || unconfirmed.contains(id) || queued.contains(id);
        let home = state == "acknowledged" || named;
        assert!(home, "{kind} of {id}: {state} {reason}");
    }
    let why = state(&site, &poison).1;
    let asked = encrypted && unconfirmed.contains(&poison);
    assert!(why.contains("500") || asked, "{why}");
    assert!(
        unconfirmed.contains(&giant) || state(&site, &giant).1.contains("413"),
        "{:?}",
        state(&site, &giant)
    );
    assert!(
        twice <= flown,
        "{twice} rows stand twice, {flown} were in doubt"
    );

    // Each named item has a way home.
    site.central.clear_script();
    site.central.set_body_limit(4 * WIDE);
    site.run(&["results", "retry"]).exits(0);
    send(&site).exits(0);
    for (id, answers) in &truth {
        match encrypted {
            false => assert_home(&site, id, answers),
            true => {
                let found = site.central.execution(id).unwrap();
                assert_eq!(sorted(contents(&found)), sorted(answers.clone()), "{id}");
            }
        }
    }
    assert!(
        listed(&site)
            .values()
            .all(|(state, _)| state == "acknowledged")
    );
    site.central.reset_log();
    send(&site).exits(0);
    assert_eq!(
        site.asked(Route::Results),
        0,
        "nothing acknowledged is sent again"
    );
}
