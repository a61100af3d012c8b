//! What candidates did: let in whole or not at all, sent, refused, exported; torn files are put aside and named.
//! Never trusts what the box says of itself: central is looked at.
//! Its makers of results serve `oracle` too.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use central::{Execution, Fault, Options, Route, Rule};
use e2e::{Ran, Site, mode, options, status};
use serde_json::{Value, json};

mod parts;

fn variable(id: &str, n: usize, content: &str) -> Value {
    json!({
        "type": "taoResultServer_models_classes_ResponseVariable",
        "callIdItem": format!("{id}.item-{n}.0"), "callIdTest": null,
        "test": "https://central.example/tao.rdf#test", "item": format!("https://central.example/tao.rdf#item-{n}"),
        "data": {
            "identifier": format!("RESPONSE_{n}"), "cardinality": "single", "baseType": "string",
            "epoch": format!("0.12345600 {}", 1_795_000_000 + n), "candidateResponse": STANDARD.encode(content),
            "correctResponse": null,
        },
    })
}

pub(crate) fn execution(n: usize) -> String {
    format!("kve_de_{n:06}")
}

/// The answers of one execution, as they must stand on central.
pub(crate) fn answers(id: &str, variables: usize) -> Vec<String> {
    let answer = |n: usize| format!("answer {n} of {id}");
    (0..variables).map(answer).collect()
}

pub(crate) fn result(site: &Site, id: &str, answers: &[String]) -> Value {
    let variables: Vec<Value> = answers
        .iter()
        .enumerate()
        .map(|(n, answer)| variable(id, n, answer))
        .collect();
    json!({
        "deliveryId": site.delivery(0), "deliveryExecutionId": id,
        "details": {
            "identifier": id, "label": "Mathematics", "test-taker": "https://central.example/tao.rdf#taker",
            "starttime": "0.10000000 1795000000", "finishtime": "0.20000000 1795003600",
            "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished",
        },
        "variables": variables,
    })
}

fn file(site: &Site, name: &str, document: &Value) -> PathBuf {
    let path = site.path(name);
    fs::write(&path, document.to_string()).unwrap();
    path
}

#[track_caller]
pub(crate) fn submit(site: &Site, kind: &str, document: &Value) -> Vec<Value> {
    let path = file(site, "document.json", document);
    let path = path.to_str().unwrap();
    site.run(&["results", "submit", "--kind", kind, path, "--json"])
        .exits(0)
        .objects()
}

#[track_caller]
fn submit_one(site: &Site, id: &str, answers: &[String]) -> bool {
    let told = submit(site, "results", &json!({id: result(site, id, answers)}));
    assert_eq!(told.len(), 1);
    told[0]["new"].as_bool().unwrap()
}

/// State and reason of every item by kind, id and edition.
#[track_caller]
pub(crate) fn listed(site: &Site) -> BTreeMap<(String, String, u64), (String, String)> {
    let ran = site.run(&["results", "--json"]).exits(0);
    let item = |object: Value| {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let key = (
            text("kind"),
            text("id"),
            object["edition"].as_u64().unwrap(),
        );
        (key, (text("state"), text("reason")))
    };
    ran.objects().into_iter().map(item).collect()
}

#[track_caller]
pub(crate) fn state(site: &Site, id: &str) -> (String, String) {
    listed(site)[&("results".to_owned(), id.to_owned(), 0)].clone()
}

pub(crate) fn send(site: &Site) -> Ran {
    site.sync_with(&["--results"])
}

pub(crate) fn contents(execution: &Execution) -> Vec<String> {
    let text = |v: &central::Variable| String::from_utf8(v.content.clone()).unwrap();
    execution.variables.iter().map(text).collect()
}

/// Holds that central has exactly these answers, once.
#[track_caller]
pub(crate) fn assert_home(site: &Site, id: &str, answers: &[String]) {
    let execution = site.central.execution(id);
    let execution = execution.unwrap_or_else(|| panic!("{id} is lost: {:?}", state(site, id)));
    assert_eq!(contents(&execution), answers, "{id}");
}

pub(crate) fn owing() -> Site {
    owing_to(false)
}

pub(crate) fn owing_to(encrypted: bool) -> Site {
    let mut site = Site::enrolled(Options {
        encrypted,
        ..options(3, 1, (20_000, 40_000))
    });
    site.set("results", "settle", "\"1s\"");
    site.set("results", "refuse_after", "\"1s\"");
    site
}

/// Runs until an item is refused: two convictions a second apart, as `owing` configures it; runs take their time.
#[track_caller]
pub(crate) fn send_until_refused(site: &Site, id: &str) {
    for _ in 0..60 {
        send(site).exits(1);
        if state(site, id).0 == "refused" {
            return;
        }
    }
    panic!("{id} is not refused: {:?}", state(site, id));
}

pub(crate) fn results(fault: Fault) -> Rule {
    Rule::on(Route::Results, fault)
}

#[test]
fn the_same_again_is_known_and_other_answers_are_added() {
    let site = owing();
    let id = execution(1);
    let one = answers(&id, 2);
    assert!(submit_one(&site, &id, &one));
    assert!(!submit_one(&site, &id, &one));
    send(&site).exits(0);
    assert!(!submit_one(&site, &id, &one), "also when it is home");
    // The execution was reactivated: one answer more, then one given anew.
    let more = answers(&id, 3);
    assert!(submit_one(&site, &id, &more));
    let mut anew = more.clone();
    anew[0] = "given anew".into();
    assert!(submit_one(&site, &id, &anew));
    site.central.script(results(Fault::CrashAfter));
    send(&site).ends();
    send(&site).exits(0);
    let expected = [&more[..], &anew[..1]].concat();
    assert_home(&site, &id, &expected);
    let told = listed(&site);
    assert_eq!(told.len(), 3);
    assert!(
        told.values().all(|(state, _)| state == "acknowledged"),
        "{told:?}"
    );
    assert!(!submit_one(&site, &id, &one));
    assert!(!submit_one(&site, &id, &anew));
}

#[test]
fn what_central_would_choke_on_stays_outside_with_its_path() {
    let site = owing();
    let id = execution(1);
    let good = result(&site, &id, &answers(&id, 2));
    let broken = |pointer: &str, value: Value| {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        broken
    };
    let table = [
        (
            "/variables/1/data/baseType",
            json!(null),
            "variables[1].data.baseType",
        ),
        (
            "/variables/0/data/cardinality",
            json!("odd"),
            "variables[0].data.cardinality",
        ),
        (
            "/variables/0/data/candidateResponse",
            json!(7),
            "variables[0].data.candidateResponse",
        ),
        ("/variables/1/type", json!("Response"), "variables[1].type"),
        (
            "/variables/0/data/epoch",
            json!("yesterday"),
            "variables[0].data.epoch",
        ),
        ("/details/state", json!("done"), "details.state"),
        ("/details/test-taker", json!(null), "details.test-taker"),
        ("/deliveryId", json!(1), "deliveryId"),
        ("/variables/1", good["variables"][0].clone(), "variables[1]"),
    ];
    for (pointer, value, path) in table {
        // The good one beside it stays outside too: nothing or all.
        let other = execution(2);
        let document = json!({
            &other: result(&site, &other, &answers(&other, 1)), &id: broken(pointer, value),
        });
        let file = file(&site, "document.json", &document);
        let ran = site.run(&["results", "submit", file.to_str().unwrap(), "--json"]);
        let told = ran.exits(2).code("intake.malformed")["reason"].to_string();
        let path = format!("results.{id}.{path}: expected");
        assert!(told.contains(&path), "{path}: {told}");
    }
    let name = site.path("document.json");
    fs::write(&name, " \n").unwrap();
    let ran = site.run(&["results", "submit", name.to_str().unwrap(), "--json"]);
    let told = ran.exits(2).code("intake.malformed")["reason"].to_string();
    assert!(told.contains("document, found nothing"), "{told}");
    fs::write(&name, "{\"results\": {").unwrap();
    site.run(&["results", "submit", name.to_str().unwrap(), "--json"])
        .exits(2)
        .code("intake.malformed");
    assert!(listed(&site).is_empty());
}

#[test]
fn more_than_an_item_may_have_is_refused_at_the_door() {
    let mut site = owing();
    site.set("results", "max_item", "\"64KiB\"");
    let id = execution(1);
    let document = json!({&id: result(&site, &id, &["x".repeat(70_000)])});
    let name = file(&site, "document.json", &document);
    let ran = site.run(&["results", "submit", name.to_str().unwrap(), "--json"]);
    let told = ran.exits(2).code("intake.too_long")["reason"].to_string();
    assert!(told.contains(&id) && told.contains("max_item"), "{told}");
    assert!(listed(&site).is_empty());
}

#[test]
fn a_refused_result_is_shown_exported_and_tried_again() {
    let site = owing();
    let (bad, good) = (execution(1), execution(2));
    submit_one(&site, &bad, &answers(&bad, 3));
    submit_one(&site, &good, &answers(&good, 1));
    let poison = results(Fault::TypeError).containing(&bad).always();
    site.central.script(poison);
    let ran = send(&site).exits(1);
    // Once is not enough.
    assert_eq!(ran.object()["results"]["refused"], 0);
    ran.code("results.rejected");
    assert_eq!(state(&site, &bad).0, "queued");
    send_until_refused(&site, &bad);
    assert_eq!(state(&site, &good).0, "acknowledged");

    let out = site.path("clear.json");
    let name = out.to_str().unwrap();
    site.run(&["results", "export", &bad, name, "--json"])
        .exits(2)
        .code("input.export");
    assert!(!out.exists());
    site.run(&["results", "export", &bad, name, "--yes"])
        .exits(0);
    assert_eq!(mode(&out), 0o600);
    let clear: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(clear["variables"].as_array().unwrap().len(), 3);
    // What was exported can be let in again: it is the same.
    let again = json!({&bad: clear});
    assert_eq!(submit(&site, "results", &again)[0]["new"], false);

    // By itself it stays where it is for an hour; when told to, it goes.
    site.central.clear_script();
    send(&site).exits(0);
    assert!(site.central.execution(&bad).is_none());
    site.run(&["results", "retry", &bad]).exits(0);
    send(&site).exits(0);
    assert_home(&site, &bad, &answers(&bad, 3));
}

#[test]
fn a_sick_central_refuses_nothing() {
    let site = owing();
    for n in 0..6 {
        submit_one(&site, &execution(n), &answers(&execution(n), 2));
    }
    site.central.script(results(status(500, "", None)).always());
    let ran = send(&site).exits(1);
    assert_eq!(ran.object()["results"]["refused"], 0);
    assert_eq!(ran.object()["results"]["queued"], 6);
    site.central.clear_script();
    send(&site).exits(0);
    for n in 0..6 {
        assert_home(&site, &execution(n), &answers(&execution(n), 2));
    }
}

#[test]
fn payloads_go_only_when_they_are_home() {
    let mut site = owing();
    site.set("results", "delete_after_send", "true");
    let (bad, good) = (execution(1), execution(2));
    submit_one(&site, &bad, &answers(&bad, 1));
    submit_one(&site, &good, &answers(&good, 1));
    assert_eq!(site.files_of("item").len(), 2);
    let poison = results(status(500, "", None)).containing(&bad).always();
    site.central.script(poison);
    send(&site).exits(1);
    assert_eq!(site.files_of("item").len(), 1);
    assert_eq!(state(&site, &good).0, "acknowledged", "the ledger is kept");
    assert!(!submit_one(&site, &good, &answers(&good, 1)));
    let out = site.path("clear.json");
    let name = out.to_str().unwrap();
    site.run(&["results", "export", &good, name, "--yes"])
        .exits(1);
    site.run(&["results", "export", &bad, name, "--yes"])
        .exits(0);
}

/// Cut in half, as by a disk that lied about a flush.
fn tear(path: &PathBuf) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn torn_and_foreign_files_are_put_aside_and_named() {
    let site = owing();
    for n in 0..4 {
        submit_one(&site, &execution(n), &answers(&execution(n), 2));
    }
    let newest = site
        .files_of("item")
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
        .unwrap();
    tear(&newest);
    let foreign = ["0123-0.item", "notes.txt", "0123-0.state"];
    for name in foreign {
        fs::write(site.state("spool").join(name), "not a sealed file").unwrap();
    }
    let ran = send(&site).exits(1);
    let object = ran.object();
    let finding = object["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == "results.quarantined");
    let told = finding.unwrap_or_else(|| panic!("not told\n{}", ran.story()))["reason"].to_string();
    let checks = site.run(&["doctor", "--json"]).ends().object()["checks"].clone();
    let check = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["code"] == "results.quarantined");
    let shown = check.unwrap_or_else(|| panic!("{checks}"))["detail"].to_string();
    let torn = newest.file_name().unwrap().to_str().unwrap();
    for name in foreign.iter().chain([&torn]) {
        assert!(!site.state("spool").join(name).exists(), "{name}");
        assert!(site.state("quarantine").join(name).exists(), "{name}");
        assert!(
            told.contains(name) && shown.contains(name),
            "{name}: {told} {shown}"
        );
    }
    for n in 0..3 {
        assert_home(&site, &execution(n), &answers(&execution(n), 2));
    }
    // Whoever still has the fourth hands it over again.
    assert!(submit_one(&site, &execution(3), &answers(&execution(3), 2)));
    send(&site).exits(0);
    assert_home(&site, &execution(3), &answers(&execution(3), 2));
}

#[test]
fn a_torn_account_costs_a_question_and_nothing_else() {
    let site = owing();
    submit_one(&site, &execution(1), &answers(&execution(1), 2));
    // The answer is lost: the account says that it may be home.
    let stall = results(Fault::Stall { after: 0 });
    site.central.script(stall);
    let mut run = site.start(&["sync", "--results", "--json"]);
    assert!(run.until("the first request", || site.central.firings().1 == 0));
    run.kill().was_killed();
    for account in site.files_of("state") {
        if account.starts_with(site.state("spool")) {
            tear(&account);
        }
    }
    site.central.reset_log();
    send(&site).ends();
    assert_eq!(
        site.asked(Route::Results),
        0,
        "central was asked, nothing was sent"
    );
    assert_eq!(state(&site, &execution(1)).0, "acknowledged");
    // The same account torn when all is done: what lies there was acknowledged.
    for account in site.files_of("state") {
        if account.starts_with(site.state("spool/done")) {
            tear(&account);
        }
    }
    assert_eq!(state(&site, &execution(1)).0, "acknowledged");
    assert!(!submit_one(
        &site,
        &execution(1),
        &answers(&execution(1), 2)
    ));
    send(&site).exits(0);
    assert_eq!(site.asked(Route::Results), 0);
    assert_home(&site, &execution(1), &answers(&execution(1), 2));
}

/// Three more items that wait, each with an account beside it; their ids.
fn with_accounts_beside(site: &Site) -> [String; 3] {
    let ids = [0, 1, 2].map(execution);
    for id in &ids {
        submit_one(site, id, &answers(id, 2));
        site.run(&["results", "set-aside", id]).exits(0);
        site.run(&["results", "retry", id]).exits(0);
    }
    ids
}

/// The file of the only item of these that is not there without it.
fn file_of(site: &Site, before: &[PathBuf]) -> PathBuf {
    let mut files = site.files_of("item");
    files.retain(|file| !before.contains(file));
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[track_caller]
fn told_by_doctor(site: &Site, code: &str) -> Value {
    let checks = site.run(&["doctor", "--offline", "--json"]).ends().object()["checks"].clone();
    let found = checks.as_array().unwrap().iter();
    let mut found = found.filter(|check| check["code"] == code).cloned();
    found
        .next()
        .unwrap_or_else(|| panic!("no {code}: {checks}"))
}

#[test]
fn a_rotten_item_beside_a_sound_account_is_told_with_its_id_and_the_others_leave() {
    let site = owing().held();
    let before = site.files_of("item");
    let rotten = execution(9);
    submit_one(&site, &rotten, &answers(&rotten, 2));
    site.run(&["results", "set-aside", &rotten]).exits(0);
    site.run(&["results", "retry", &rotten]).exits(0);
    let file = file_of(&site, &before);
    let ids = with_accounts_beside(&site);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let ran = send(&site).exits(1);
    assert!(
        ran.out.contains("results.quarantined") && ran.out.contains(&rotten),
        "{}",
        ran.story()
    );
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    let told = told_by_doctor(&site, "results.quarantined");
    assert!(told["detail"].to_string().contains(&rotten), "{told}");
    let status = site.run(&["status"]).ends();
    assert!(status.out.contains(&rotten), "{}", status.story());
    assert!(status.out.contains("1 lost"), "{}", status.story());
    let counted = site.run(&["status", "--json"]).ends().object();
    assert_eq!(counted["results"]["lost"], 1, "{counted}");
    assert_eq!(counted["verdict"]["word"], "ready_but", "{counted}");
    assert!(!status.out.contains("brought again"), "{}", status.story());
    // It is told, and no run fails for it any more.
    send(&site).exits(0);
}

#[test]
fn an_item_that_the_disk_does_not_give_stays_and_the_others_leave() {
    let site = owing().held();
    let before = site.files_of("item");
    let unread = execution(9);
    submit_one(&site, &unread, &answers(&unread, 2));
    let file = file_of(&site, &before);
    let ids = with_accounts_beside(&site);
    let Some(ran) = site.where_reading_fails(&file, &["sync", "--results", "--json"]) else {
        return;
    };
    let ran = ran.exits(1);
    assert!(ran.out.contains("disk.failing"), "{}", ran.story());
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
    let status = site
        .where_reading_fails(&file, &["status", "--json"])
        .unwrap();
    assert!(status.out.contains("disk.failing"), "{}", status.story());
    assert!(file.exists() && !site.state("quarantine").exists());
    // The disk has another day: it leaves as if nothing had been.
    send(&site).exits(0);
    assert_home(&site, &unread, &answers(&unread, 2));
}

#[test]
fn a_small_file_that_the_disk_does_not_give_is_neither_missing_nor_damaged() {
    let site = owing().held();
    for name in ["identity", "credentials", "last"] {
        let file = site.state(name);
        let Some(status) = site.where_reading_fails(&file, &["status", "--json"]) else {
            return;
        };
        let verdict = status.exits(1).object()["verdict"].clone();
        assert_eq!(verdict["code"], "disk.failing", "{name}: {verdict}");
        assert!(verdict["reason"].to_string().contains(name), "{verdict}");
        let doctor = site.where_reading_fails(&file, &["doctor", "--offline", "--json"]);
        let doctor = doctor.unwrap().out;
        for wrong in ["auth.not_enrolled", "store.damaged"] {
            assert!(!doctor.contains(wrong), "{name}: {wrong} {doctor}");
        }
    }
}
