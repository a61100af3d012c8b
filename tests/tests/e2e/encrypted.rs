//! A central with taoEncryption: what candidates did is closed before it lies on the disk, and central opens it.
//! Never trusts what the box says of itself: central decrypts with its own private key, by code of its own.
//! Its steps are those of a key: none yet, this one, another one, none any more.

use std::collections::BTreeSet;
use std::fs;

use central::{KeyPair, Kind, Options, Route, uri};
use e2e::{LIMIT, Site, options, wait_until};
use serde_json::{Value, json};

use crate::results::{answers, contents, execution, listed, result, send, state, submit};

fn encrypted() -> Site {
    let mut site = Site::enrolled(Options {
        encrypted: true,
        ..options(3, 1, (20_000, 40_000))
    });
    site.set("results", "settle", "\"1s\"");
    site
}

fn put(site: &Site, id: &str) {
    let document = json!({ id: result(site, id, &answers(id, 3)) });
    submit(site, "results", &document);
}

/// Holds that central has decrypted exactly these answers, once.
#[track_caller]
fn assert_decrypted(site: &Site, id: &str) {
    let found = site.central.execution(id);
    let found = found.unwrap_or_else(|| panic!("{id} is not home: {:?}", state(site, id)));
    let stored: BTreeSet<String> = contents(&found).into_iter().collect();
    assert_eq!(stored.len(), found.variables.len(), "{id} is doubled");
    assert_eq!(stored, answers(id, 3).into_iter().collect(), "{id}");
    for variable in &found.variables {
        assert_eq!(variable.data["cardinality"], "single");
        assert!(variable.call_id_item.is_some() && variable.call_id_test.is_none());
    }
}

fn codes(object: &Value) -> Vec<&str> {
    let findings = object["findings"].as_array().unwrap();
    findings.iter().filter_map(|f| f["code"].as_str()).collect()
}

/// What a person exports, with the key of the box open, of what was kept.
fn exported(site: &Site, id: &str) -> String {
    let path = site.path("export.json");
    let _ = fs::remove_file(&path);
    site.run(&["results", "export", id, path.to_str().unwrap(), "--yes"])
        .exits(0);
    fs::read_to_string(path).unwrap()
}

#[test]
fn an_encrypted_central_decrypts_what_was_handed_in() {
    let site = encrypted();
    // Before the first word of central: it waits as it came, sealed for the box.
    put(&site, "early");
    assert!(exported(&site, "early").contains("candidateResponse"));
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["results"]["acknowledged"], 1);
    assert_eq!(site.asked(Route::PublicKey), 1, "once a run");
    site.assert_equal_to_central();
    assert_decrypted(&site, "early");
    // From now on the plain form is kept nowhere.
    for n in 0..12 {
        put(&site, &execution(n));
        let kept = exported(&site, &execution(n));
        assert!(!kept.contains("candidateResponse"), "{kept}");
        assert!(kept.contains("\"158"), "an envelope: {kept}");
    }
    put(&site, &execution(0));
    let ran = send(&site).exits(0).code("ok");
    assert_eq!(ran["results"]["acknowledged"], 12);
    (0..12).for_each(|n| assert_decrypted(&site, &execution(n)));
    assert_eq!(site.central.undecrypted(), Vec::<String>::new());
    assert!(site.central.orphans().is_empty());
    site.central.reset_log();
    send(&site).exits(0);
    assert_eq!(site.asked(Route::Results), 0, "each is sent once");
    // What was closed later says nothing of what it was, either.
    assert!(!exported(&site, "early").contains("candidateResponse"));
}

#[test]
fn a_reactivated_execution_goes_once_more_as_a_whole_when_the_first_is_decrypted() {
    let site = encrypted();
    site.sync().exits(0);
    let id = execution(1);
    put(&site, &id);
    let more = json!({ &id: result(&site, &id, &answers(&id, 5)) });
    submit(&site, "results", &more);
    send(&site).exits(0);
    assert_eq!(site.central.execution(&id).unwrap().variables.len(), 3);
    // Ten times `settle` later central has decrypted what it took.
    wait_until("the second content to go", LIMIT, || {
        send(&site).exits(0).object()["results"]["queued"] == 0
    });
    let found = site.central.execution(&id).unwrap();
    let stored: BTreeSet<String> = contents(&found).into_iter().collect();
    assert_eq!((stored.len(), found.variables.len()), (5, 5));
    let sent = site.central.requests_on(Route::Results);
    let last: Value = serde_json::from_slice(&sent.last().unwrap().body).unwrap();
    let map = last["results"][&id]["variables"].as_object().unwrap();
    assert_eq!(map.len(), 5, "the whole map");
}

#[test]
fn what_is_closed_with_a_former_key_is_held_until_it_is_back_or_a_person_decides() {
    let site = encrypted();
    site.sync().exits(0);
    put(&site, "old");
    put(&site, "older");
    site.central.set_key_pair(Some(KeyPair::Second));
    let ran = send(&site).exits(1).object();
    assert!(codes(&ran).contains(&"central.key_changed"), "{ran}");
    assert_eq!(state(&site, "old").0, "held");
    // New ones follow the new key.
    put(&site, "new");
    send(&site).exits(1);
    assert_decrypted(&site, "new");
    assert!(site.central.execution("old").is_none());
    let status = site.run(&["status", "--json"]).ends().object();
    assert_eq!(status["held_up"]["code"], "central.key_changed");
    // The key is back: what is held goes; what was closed meanwhile is home.
    site.central.set_key_pair(Some(KeyPair::First));
    send(&site).exits(0);
    assert_decrypted(&site, "old");
    assert_decrypted(&site, "older");
    // A person decides, and central takes what it cannot read.
    put(&site, "last");
    site.central.set_key_pair(Some(KeyPair::Second));
    send(&site).exits(1);
    site.run(&["results", "release", "nobody"]).exits(1);
    site.run(&["results", "release", "last"]).exits(0);
    send(&site).exits(0);
    assert_eq!(state(&site, "last").0, "acknowledged");
    assert_eq!(site.central.undecrypted(), ["last"]);
}

#[test]
fn without_a_key_or_without_the_role_results_wait_and_it_is_told() {
    let site = encrypted();
    site.central.set_key_pair(None);
    put(&site, "a");
    let ran = site.sync().exits(1).object();
    assert!(codes(&ran).contains(&"central.key_missing"), "{ran}");
    site.central.set_encryption_role(false);
    let ran = send(&site).exits(1).object();
    assert!(codes(&ran).contains(&"central.encryption_role"), "{ran}");
    assert_eq!(state(&site, "a").0, "queued");
    assert_eq!(site.asked(Route::Results), 0);
    site.central.set_encryption_role(true);
    site.central.set_key_pair(Some(KeyPair::First));
    send(&site).exits(0);
    assert_decrypted(&site, "a");
}

#[test]
fn a_central_that_becomes_encrypted_or_plain_is_followed() {
    let site = Site::enrolled(options(3, 1, (20_000, 40_000)));
    site.sync().exits(0);
    put(&site, "a");
    site.central.set_encrypted(true);
    // No word of it has come yet: it is plain on the disk, and closed before it goes.
    send(&site).exits(0);
    assert_decrypted(&site, "a");
    site.sync().exits(0);
    put(&site, "b");
    site.central.set_encrypted(false);
    let ran = site.sync().exits(1).object();
    assert!(codes(&ran).contains(&"central.key_changed"), "{ran}");
    put(&site, "c");
    send(&site).exits(1);
    assert_eq!(
        (state(&site, "b").0, state(&site, "c").0),
        ("held".into(), "acknowledged".into())
    );
    assert_decrypted(&site, "c");
}

#[test]
fn log_rows_of_a_plain_engine_are_what_central_reads() {
    let site = encrypted();
    // The first run brings the deliveries, and with them the key of the rows: those wait for it.
    put(&site, "a");
    let row = |n: usize, data: Value| {
        json!({
            "id": format!("r{n}"), "delivery_execution_id": "a", "event_id": format!("EVENT_{n}"), "data": data,
            "created_at": "1795000000.5", "created_by": "https://central.example/tao.rdf#taker",
        })
    };
    let rows = json!({ "a": [row(0, json!({"context": null, "é": [1, 2]})), row(1, json!([7]))] });
    submit(&site, "logs", &rows);
    submit(&site, "sessions", &json!(["a"]));
    let ran = site.sync().ends().object();
    assert_eq!(
        (&ran["logs"]["queued"], &ran["logs"]["refused"]),
        (&json!(2), &json!(0))
    );
    let ran = send(&site).exits(0).code("ok");
    assert_eq!(
        (
            &ran["logs"]["acknowledged"],
            &ran["sessions"]["acknowledged"]
        ),
        (&json!(2), &json!(1))
    );
    let stored = site.central.log_rows();
    let data = |event: &str| {
        stored
            .iter()
            .find(|row| row.event == event)
            .unwrap()
            .data
            .clone()
    };
    assert_eq!(
        data("EVENT_0"),
        r#"{"context": null, "é": [1, 2]}"#.replace(": ", ":").replace(", ", ",")
    );
    assert_eq!(data("EVENT_1"), "[7]");
    let told = submit(&site, "logs", &rows);
    assert!(
        told.iter().all(|item| item["new"] == false),
        "known as before: {told:?}"
    );
}

#[test]
fn maps_that_are_encrypted_already_pass_unread() {
    let site = encrypted();
    site.sync().exits(0);
    let mut document = result(&site, "a", &[]);
    document["variables"] = json!({ "ref-1": "b3BhcXVl/+==", "ref-2": "not even base64 é" });
    submit(&site, "results", &json!({ "a": document }));
    send(&site).exits(0);
    let sent = site.central.requests_on(Route::Results);
    let sent: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(sent["results"]["a"]["variables"], document["variables"]);
    assert_eq!(
        site.central.undecrypted(),
        ["a"],
        "garbage is acknowledged, and stays"
    );
    // What is no text is refused: it would be the end of a whole request.
    document["variables"] = json!({ "ref": { "a": 1 } });
    document["deliveryExecutionId"] = json!("b");
    let path = site.path("odd.json");
    fs::write(&path, json!({ "b": document }).to_string()).unwrap();
    let ran = site
        .run(&["results", "submit", path.to_str().unwrap()])
        .exits(2);
    assert!(ran.story().contains("encrypted row"), "{}", ran.story());
}

/// The daemon lets a small document in by itself, and has a large one read beside it.
#[test]
fn what_is_not_finished_waits_whichever_way_it_came() {
    let mut site = Site::enrolled(options(3, 1, (20_000, 40_000)));
    site.set("sync", "on_boot", "false");
    let daemon = site.start_daemon();
    let put = |id: &str, answers: &[String], state: &str| {
        let mut document = result(&site, id, answers);
        let uri =
            format!("http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatus{state}");
        document["details"]["state"] = json!(uri);
        let path = format!("/v1/results/{id}");
        let answer = site.api().call("PUT", &path, &document.to_string());
        assert!(matches!(answer.unwrap().status, 200 | 201));
    };
    let large = ["x".repeat(300_000)];
    put("first", &answers("first", 1), "Active");
    put("second", &answers("second", 1), "Paused");
    put("large", &large, "Active");
    put("done", &answers("done", 1), "Finished");
    for id in ["first", "second", "large"] {
        assert_eq!(state(&site, id).0, "open", "{id}");
    }
    assert_eq!(state(&site, "done").0, "queued");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.end().exits(0);
}

/// An execution that is not finished (`[results] states`).
#[test]
fn an_execution_that_is_not_finished_waits_for_the_content_that_replaces_it() {
    for encrypted in [false, true] {
        let site = Site::enrolled(Options {
            encrypted,
            ..options(3, 1, (20_000, 40_000))
        });
        site.sync().exits(0);
        let id = execution(1);
        let document = |state: &str, count: usize| {
            let mut document = result(&site, &id, &answers(&id, count));
            let uri = format!(
                "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatus{state}"
            );
            document["details"]["state"] = json!(uri);
            json!({ &id: document })
        };
        submit(&site, "results", &document("Active", 1));
        submit(&site, "sessions", &json!([id]));
        assert_eq!(state(&site, &id).0, "open");
        send(&site).exits(0);
        submit(&site, "results", &document("Paused", 2));
        send(&site).exits(0);
        assert_eq!(site.asked(Route::Results) + site.asked(Route::Sessions), 0);
        let told = site.run(&["status"]).ends();
        assert!(told.story().contains("1 open"), "{}", told.story());
        submit(&site, "results", &document("Finished", 3));
        assert_eq!(
            listed(&site)
                .keys()
                .filter(|(kind, ..)| kind == "results")
                .count(),
            1
        );
        send(&site).exits(0);
        assert_decrypted(&site, &id);
        assert_eq!(site.central.executions().len(), 1);
        assert_eq!(site.central.execution(&id).unwrap().created_events, 1);
        // A person knows better: it goes as it is.
        let other = execution(2);
        let mut active = result(&site, &other, &answers(&other, 3));
        active["details"]["state"] =
            json!("http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusActive");
        submit(&site, "results", &json!({ &other: active }));
        site.run(&["results", "retry", &other]).exits(0);
        send(&site).exits(0);
        assert_decrypted(&site, &other);
    }
}

#[test]
fn what_an_encrypted_central_brings_is_held_as_it_came() {
    let site = encrypted();
    site.sync().exits(0);
    let told = site
        .run(&["entities", "delivery", "--json"])
        .exits(0)
        .objects();
    let key = &told[0]["properties"][uri::APPLICATION_KEY];
    assert!(key.is_string(), "the engine needs it: {told:?}");
    assert_eq!(site.ids(Kind::Delivery).len(), 1);
}
