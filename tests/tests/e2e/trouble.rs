//! Central in trouble while it takes what is owed: what is its own fault refuses nobody, and is told; what is an item's
//! fault is found, refused by two convictions, and told.
//! Never trusts what the box says of itself: central is looked at.

use central::{Fault, Route, Rule};
use e2e::{Site, status};
use serde_json::{Value, json};

use crate::results::{
    answers, assert_home, execution, listed, owing, result, results, send, send_until_refused,
    state, submit,
};

fn owe(site: &Site, n: usize) -> String {
    let id = execution(n);
    submit(
        site,
        "results",
        &json!({ &id: result(site, &id, &answers(&id, 2)) }),
    );
    id
}

fn owe_logs(site: &Site, id: &str) {
    let row = |n: usize| {
        json!({
            "id": format!("{id}-{n}"), "delivery_execution_id": id, "event_id": format!("EVENT_{n}"),
            "data": {"n": n}, "created_at": format!("{}.1234", 1_795_000_000 + n),
            "created_by": "https://central.example/tao.rdf#taker",
        })
    };
    let rows: Vec<Value> = (0..3).map(row).collect();
    submit(site, "logs", &json!({ id: rows }));
}

/// What `status --json` and `doctor --json` say of what central holds up.
#[track_caller]
fn told(site: &Site) -> (Value, Value) {
    let status = site.run(&["status", "--json"]).ends().object();
    let checks = site.run(&["doctor", "--offline", "--json"]).ends().object();
    let checks = checks["checks"].as_array().unwrap().clone();
    let spool = checks
        .into_iter()
        .find(|check| {
            let code = check["code"].as_str().unwrap();
            code.starts_with("results.")
        })
        .unwrap();
    (status, spool)
}

/// A11: nothing else is owed. An entry without variables of what central acknowledged before is the witness.
#[test]
fn a_lone_result_that_central_dies_of_is_told_at_once_and_refused_by_two_convictions() {
    let site = owing();
    let good = owe(&site, 1);
    send(&site).exits(0);
    let before = site.central.execution(&good).unwrap();
    let bad = owe(&site, 2);
    site.central
        .script(results(Fault::TypeError).containing(&bad).always());
    let ran = send(&site).exits(1);
    let reason = ran.code("results.rejected")["reason"].to_string();
    assert!(reason.contains("1 result waits"), "{reason}");
    assert_eq!(state(&site, &bad).0, "queued");
    let (status, spool) = told(&site);
    assert_eq!(status["held_up"]["code"], "results.rejected");
    assert_eq!(status["results"]["waiting"], 1);
    assert_eq!(spool["code"], "results.rejected");
    send_until_refused(&site, &bad);
    assert_eq!(told(&site).1["code"], "results.refused");
    // The witness changed nothing on central, and central's log knows of none.
    let after = site.central.execution(&good).unwrap();
    assert_eq!(after, before);
    // Set aside, it has no say any more; taken up again it goes.
    site.run(&["results", "set-aside", &bad]).exits(0);
    assert_eq!(state(&site, &bad).0, "set-aside");
    let (status, spool) = told(&site);
    assert_eq!(
        (
            &status["results"]["set_aside"],
            &status["results"]["refused"]
        ),
        (&json!(1), &json!(0))
    );
    assert_eq!(spool["status"], "pass");
    site.run(&["results", "retry"]).exits(0);
    assert_eq!(state(&site, &bad).0, "set-aside", "only when it is named");
    site.run(&["results", "set-aside", "nobody", "--json"])
        .exits(1)
        .code("results.unknown");
    site.central.clear_script();
    site.run(&["results", "retry", &bad]).exits(0);
    send(&site).exits(0);
    assert_home(&site, &bad, &answers(&bad, 2));
}

/// A12: a web server whose limit is below one result, and below one log row.
#[test]
fn what_central_s_web_server_does_not_let_through_waits_for_it() {
    let site = owing();
    let id = owe(&site, 1);
    site.central.set_body_limit(600);
    for _ in 0..3 {
        send(&site).exits(1).code("results.too_long");
        assert_eq!(state(&site, &id).0, "queued");
    }
    assert_eq!(told(&site).1["code"], "results.too_long");
    site.central.set_body_limit(1 << 20);
    send(&site).exits(0);
    assert_home(&site, &id, &answers(&id, 2));

    owe_logs(&site, &id);
    site.central.set_body_limit(200);
    send(&site).exits(1).code("logs.too_long");
    let logs = ("logs".to_owned(), id.clone(), 0);
    assert_eq!(listed(&site)[&logs].0, "queued");
    site.central.set_body_limit(1 << 20);
    send(&site).exits(0);
    assert_eq!(listed(&site)[&logs].0, "acknowledged");
}

/// A28: the token ends in mid-run and its endpoint is not available.
#[test]
fn a_token_that_cannot_be_had_leaves_nothing_in_doubt() {
    for route in [Route::Results, Route::Logs] {
        let site = owing();
        let id = owe(&site, 1);
        owe_logs(&site, &id);
        // The first request for logs is the probe of what was queued before this start.
        let nth = if route == Route::Logs { 2 } else { 1 };
        site.central
            .script(Rule::on(route, Fault::Unauthorized).nth(nth));
        let busy = status(503, "<html>busy", None);
        site.central
            .script(Rule::on(Route::Token, busy).nth(2).always());
        let ran = send(&site).exits(1).code("central.unavailable");
        let told = |ran: &Value| {
            let logs = &ran["logs"];
            (
                logs["doubled"].clone(),
                ran["results"]["unconfirmed"].clone(),
            )
        };
        assert_eq!(told(&ran), (json!(0), json!(0)));
        for ((kind, ..), (state, _)) in listed(&site) {
            let home = kind == "results" && route == Route::Logs;
            assert_eq!(
                state,
                if home { "acknowledged" } else { "queued" },
                "{kind}"
            );
        }
        site.central.clear_script();
        assert_eq!(told(&send(&site).exits(0).object()), (json!(0), json!(0)));
        assert_home(&site, &id, &answers(&id, 2));
        assert_eq!(site.central.execution(&id).unwrap().created_events, 0);
        let rows = site.central.log_rows();
        assert_eq!(rows.iter().filter(|row| row.event == "EVENT_1").count(), 1);
    }
}

/// A31: central's database goes away in the middle of requests of each kind, as a real central tells it.
#[test]
fn a_blip_of_central_s_database_refuses_nothing() {
    let away = |after| Fault::StorageAway { after };
    for (fault, times) in [
        (away(0), 1),
        (away(3), 1),
        (away(1), 4),
        (Fault::DatabaseDown, 1),
        (Fault::DatabaseDown, 2),
    ] {
        let site = owing();
        let ids: Vec<String> = (0..6).map(|n| owe(&site, n)).collect();
        for id in &ids {
            owe_logs(&site, id);
        }
        submit(&site, "sessions", &json!(ids));
        for route in [Route::Results, Route::Logs, Route::Sessions] {
            site.central
                .script(Rule::on(route, fault.clone()).times(times));
        }
        // However long it takes: each run is asked for, so that nothing rests.
        let mut runs = 0;
        while listed(&site)
            .values()
            .any(|(state, _)| state != "acknowledged")
        {
            let ran = send(&site).ends().object();
            for kind in ["results", "logs", "sessions"] {
                assert_eq!(ran[kind]["refused"], 0, "{fault:?} {ran}");
            }
            runs += 1;
            assert!(runs < 10, "{fault:?}: {:?}", listed(&site));
        }
        for id in &ids {
            assert_home(&site, id, &answers(id, 2));
            let execution = site.central.execution(id).unwrap();
            assert!(execution.has_session, "{id}");
        }
        send(&site).exits(0);
    }
}

/// B35: nothing that is owed can be stored, in every run.
#[test]
fn a_run_of_which_every_result_failed_is_no_good_run() {
    let site = owing();
    for n in 0..4 {
        owe(&site, n);
    }
    site.central
        .script(results(Fault::StorageAway { after: 0 }).always());
    for _ in 0..2 {
        let ran = send(&site).exits(1).object();
        assert_eq!(ran["outcome"], "failed");
        let codes: Vec<&str> = ran["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["code"].as_str().unwrap())
            .collect();
        assert!(codes.contains(&"results.not_stored"), "{codes:?}");
        assert!(codes.contains(&"central.sick"), "{codes:?}");
    }
    let (status, spool) = told(&site);
    assert_eq!(status["held_up"]["code"], "results.not_stored");
    assert_ne!(status["results"]["oldest_at"], 0);
    assert_eq!(spool["code"], "results.not_stored");
    assert_eq!(spool["status"], "warn");
    site.central.clear_script();
    send(&site).exits(0);
    for n in 0..4 {
        assert_home(&site, &execution(n), &answers(&execution(n), 2));
    }
}

/// A27: a server that drops every second request of a kept connection.
#[test]
fn a_server_that_drops_kept_connections_costs_one_doubt() {
    let mut site = owing();
    site.set("results", "chunk_size", "1");
    for n in 0..12 {
        owe(&site, n);
    }
    let drops = |route| Rule::on(route, Fault::DropKept).always();
    site.central.script(drops(Route::Results));
    site.central.script(drops(Route::Logs));
    send(&site).exits(0);
    for n in 0..12 {
        assert_home(&site, &execution(n), &answers(&execution(n), 2));
    }
    // Results, and the probes that go before them.
    let requests = [Route::Results, Route::Logs].map(|route| site.central.requests_on(route));
    let lost = requests.iter().flatten().filter(|seen| seen.is_struck);
    assert_eq!(lost.count(), 1, "then fresh connections are used");
}

/// A10: 504 with a page for results: the doubt is told with its code and its age, and the run is no good one.
#[test]
fn lost_answers_are_a_finding_of_the_run() {
    let site = owing();
    let id = owe(&site, 1);
    site.central
        .script(results(status(504, "<html>late", None)).always());
    let ran = send(&site).exits(1).object();
    assert_eq!(ran["code"], "results.doubt");
    let reason = ran["reason"].as_str().unwrap();
    assert!(reason.contains("; the oldest since "), "{reason}");
    let (status, spool) = told(&site);
    assert_eq!(status["held_up"]["code"], "results.doubt");
    assert_eq!(spool["code"], "results.doubt");
    assert!(spool["remedy"].as_str().unwrap().contains("Nothing to do"));
    site.central.clear_script();
    send(&site).exits(0);
    assert_home(&site, &id, &answers(&id, 2));
}
