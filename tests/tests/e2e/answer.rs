//! Answers that are broken, endless or odd: each is named, the others are kept, nothing is lost.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Fault, Kind, Route, Rule};
use e2e::{Ran, Running, Site, options, status};
use serde_json::{Value, json};

fn said(body: &Value) -> Fault {
    status(200, &body.to_string(), None)
}

/// What central would list of a type, to be changed by hand.
fn listed(site: &Site, kind: Kind) -> Value {
    let entries = site.ids(kind).into_iter().map(|id| {
        let checksum = site.central.resource(&id).unwrap().checksum;
        (
            id.clone(),
            json!({"id": id, "checksum": checksum, "properties": []}),
        )
    });
    json!({"type": kind.name(), "entities": entries.collect::<serde_json::Map<_, _>>()})
}

fn list_of(kind: &str, fault: Fault) -> Rule {
    Rule::on(Route::Checksums, fault).containing(&format!("type={kind}"))
}

#[track_caller]
fn finding(ran: &Ran, code: &str) -> String {
    let object = ran.object();
    let findings = object["findings"].as_array().unwrap().clone();
    let found = findings.iter().find(|f| f["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}\n{}", ran.story()))["reason"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn broken_lists_and_details_are_named_and_the_rest_comes() {
    for (fault, code) in [
        (Fault::Truncate { bytes: 40 }, "central.foreign"),
        (Fault::Deep { depth: 200_000 }, "central.foreign"),
        (Fault::NotUtf8, "central.foreign"),
        (status(200, "", None), "central.foreign"),
        (status(200, "null", None), "central.foreign"),
        (status(302, "", None), "central.foreign"),
    ] {
        let site = Site::small();
        site.central
            .script(list_of("proctor", fault.clone()).always());
        let ran = site.sync().exits(1);
        assert!(
            finding(&ran, code).starts_with("proctor list"),
            "{}",
            ran.story()
        );
        assert_eq!(ran.object()["entities"]["test-taker"]["created"], 20);
        site.central.clear_script();
        site.sync().exits(0);
        site.assert_equal_to_central();

        // The same in details, of a box that holds them all: what was held stays.
        site.central.touch("1001", Kind::Proctor, 3);
        site.central.touch("1001", Kind::TestTaker, 3);
        let fault = Rule::on(Route::Details, fault)
            .containing("\"proctor\"")
            .always();
        site.central.script(fault);
        let ran = site.sync().exits(1);
        finding(&ran, code);
        let object = ran.object();
        assert_eq!(object["entities"]["proctor"]["failed"], 3);
        assert_eq!(object["entities"]["test-taker"]["updated"], 3);
        assert_eq!(site.entities().len(), 32);
        site.central.clear_script();
        site.sync().exits(0);
        site.assert_equal_to_central();
    }
}

#[test]
fn an_answer_without_end_is_not_held_in_memory() {
    let site = Site::synchronized();
    site.central
        .script(list_of("proctor", Fault::Huge { bytes: 64 << 20 }));
    let ran = site.sync().exits(1);
    assert!(finding(&ran, "central.too_large").starts_with("proctor list"));
    assert!(
        ran.object()["connection"]["bytes_received"]
            .as_u64()
            .unwrap()
            < 40 << 20
    );
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_broken_class_answer_does_not_hold_the_entities_back() {
    let site = Site::small();
    site.central
        .script(Rule::on(Route::Classes, Fault::Truncate { bytes: 10 }).always());
    let ran = site.sync().exits(1);
    finding(&ran, "central.foreign");
    site.assert_equal_to_central();
}

#[test]
fn list_entries_without_id_or_checksum_are_told_and_nothing_is_deleted_for_them() {
    let site = Site::synchronized();
    let mut list = listed(&site, Kind::Proctor);
    let ids = site.ids(Kind::Proctor);
    list["entities"][&ids[0]] = json!({"checksum": "x"});
    site.central.script(list_of("proctor", said(&list)));
    let ran = site.sync().exits(1);
    finding(&ran, "catalogue.entity");
    let count = ran.object()["entities"]["proctor"].clone();
    assert_eq!(
        (count["failed"].as_u64(), count["unchanged"].as_u64()),
        (Some(1), Some(2))
    );
    assert_eq!(count["held_back"], 0);
    assert_eq!(
        count["deleted"], 0,
        "an entry that cannot be read is no word about the entity: {count}"
    );
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn odd_property_values_cost_their_entity_and_no_other() {
    for value in [
        json!(7),
        json!(null),
        json!(true),
        json!({"a": "b"}),
        json!(["a", 1]),
        json!([["a"]]),
    ] {
        let site = Site::small();
        let ids = site.ids(Kind::Administrator);
        let details: serde_json::Map<String, Value> = ids.iter().enumerate().map(|(n, id)| {
            let resource = site.central.resource(id).unwrap();
            let odd = if n == 0 { value.clone() } else { json!("fine") };
            (id.clone(), json!({"id": id, "checksum": resource.checksum, "properties": {"http://example/odd": odd}}))
        }).collect();
        let rule = Rule::on(Route::Details, said(&json!(details))).containing("\"administrator\"");
        site.central.script(rule.always());
        let ran = site.sync().exits(1);
        let reason = finding(&ran, "catalogue.entity");
        assert!(reason.contains(&ids[0]), "{reason}");
        assert!(
            reason.contains("http://example/odd"),
            "the predicate is named: {reason}"
        );
        let own = site.entities();
        assert!(!own.contains_key(&("administrator".into(), ids[0].clone())));
        assert!(own.contains_key(&("administrator".into(), ids[1].clone())));
        assert_eq!(ran.object()["entities"]["administrator"]["failed"], 1);
        site.central.clear_script();
        site.sync().exits(0);
        assert!(
            site.entities()
                .contains_key(&("administrator".into(), ids[0].clone()))
        );
    }
}

#[test]
fn a_checksum_that_does_not_fit_is_asked_for_again_told_and_kept() {
    let site = Site::small();
    let id = site.ids(Kind::TestCenter)[0].clone();
    let checksum = site.central.resource(&id).unwrap().checksum;
    let entity =
        json!({&id: {"id": &id, "checksum": checksum, "properties": {"http://example/a": "b"}}});
    let rule = |times| {
        Rule::on(Route::Details, said(&entity))
            .containing("test-center")
            .times(times)
    };
    // Once: a slip of the line, mended by asking again.
    site.central.script(rule(1));
    site.sync().exits(0);
    site.assert_equal_to_central();
    // Always: central's own way of formatting, told and kept as received.
    site.central.touch("1001", Kind::TestCenter, 1);
    let checksum = site.central.resource(&id).unwrap().checksum;
    let entity =
        json!({&id: {"id": &id, "checksum": checksum, "properties": {"http://example/a": "b"}}});
    site.central.script(
        Rule::on(Route::Details, said(&entity))
            .containing("test-center")
            .times(2),
    );
    let ran = site.sync().exits(1);
    assert!(finding(&ran, "catalogue.checksum").contains(&id));
    assert_eq!(
        site.entities()[&("test-center".to_owned(), id)].properties,
        json!({"http://example/a": "b"})
    );
    // It is not asked for again by every run.
    site.central.reset_log();
    site.sync().exits(0);
    assert_eq!(site.asked(Route::Details), 0);
}

#[test]
fn listed_but_not_given_is_a_finding() {
    let site = Site::small();
    site.central
        .script(Rule::on(Route::Details, said(&json!([]))).containing("\"proctor\""));
    let ran = site.sync().exits(1);
    finding(&ran, "catalogue.entity");
    assert_eq!(ran.object()["entities"]["proctor"]["failed"], 3);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn details_that_were_not_asked_for_are_not_believed() {
    let site = Site::small();
    let own = site.ids(Kind::TestCenter)[0].clone();
    let resource = site.central.resource(&own).unwrap();
    let stranger = json!({"id": "http://evil.example/#1", "checksum": "00000000000000000000000000000000", "properties": {"http://example/a": "b"}});
    let mut entity = json!({"id": &own, "checksum": resource.checksum, "properties": {}});
    entity["properties"] = resource
        .properties
        .iter()
        .map(|p| {
            let value = if p.values.len() == 1 {
                json!(p.values[0])
            } else {
                json!(p.values)
            };
            (p.predicate.clone(), value)
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = json!({"http://evil.example/#1": stranger, &own: entity});
    site.central
        .script(Rule::on(Route::Details, said(&body)).containing("test-center"));
    site.sync().ends();
    assert!(site.entities().keys().all(|(_, id)| !id.contains("evil")));
}

#[test]
fn a_next_page_that_leads_astray_is_not_followed() {
    let site = Site::synchronized();
    let mut list = listed(&site, Kind::Proctor);
    for next in [
        "http://evil.example/x?y",
        "//evil.example/x",
        "",
        "x",
        "/taoSync/HandShake",
    ] {
        list["nextCallUrl"] = json!(next);
        site.central.reset_log();
        site.central.script(list_of("proctor", said(&list)));
        let ran = site.sync().exits(1);
        assert!(
            finding(&ran, "central.foreign").contains("next page"),
            "{}",
            ran.story()
        );
        assert_eq!(site.asked(Route::Checksums), 6);
        assert_eq!(site.central.requests_on(Route::Unknown).len(), 0);
        site.assert_catalogue();
    }
}

#[test]
fn an_error_of_central_in_one_batch_costs_one_entity() {
    // A PHP error by content comes as 500 without a body: the batch is halved until the offender stands alone.
    let site = Site::small();
    let offender = site.ids(Kind::TestTaker)[11].clone();
    let empty = status(500, "", None);
    site.central.script(
        Rule::on(Route::Details, empty)
            .containing(&format!("{offender}\""))
            .always(),
    );
    let ran = site.sync().exits(1);
    let count = ran.object()["entities"]["test-taker"].clone();
    assert_eq!(
        (count["created"].as_u64(), count["failed"].as_u64()),
        (Some(19), Some(1)),
        "{}",
        ran.story()
    );
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

/// A central with so many test takers to bring, and how many requests a run made that was answered so.
fn requests(fault: Fault, route: Route) -> (Ran, u64) {
    let site = Site::enrolled(options(600, 2, (20_000, 30_000)));
    site.central.script(Rule::on(route, fault).always());
    let ran = site.sync().exits(1);
    let requests = site.central.counters().requests;
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
    (ran, requests)
}

#[test]
fn a_foreign_page_ends_the_catalogue_and_nobody_is_blamed_for_it() {
    let portal = || Fault::Page {
        html: "<!DOCTYPE html><title>Welcome to the airport</title>".into(),
    };
    // Details alone: what is under way comes back, nothing more is asked for. Packages are asked for all the same.
    let (ran, asked) = requests(portal(), Route::Details);
    finding(&ran, "central.foreign");
    assert!(asked <= 30, "{asked} requests\n{}", ran.story());
    let (ran, asked) = requests(portal(), Route::Checksums);
    finding(&ran, "central.foreign");
    assert!(asked <= 10, "{asked} requests\n{}", ran.story());
    // A path that leads elsewhere is no entity's fault either.
    let (ran, asked) = requests(status(302, "", None), Route::Details);
    finding(&ran, "central.foreign");
    assert!(asked <= 40, "{asked} requests\n{}", ran.story());
}

#[test]
fn a_portal_in_the_middle_of_a_run_ends_the_catalogue_and_what_came_stays() {
    let site = Site::enrolled(options(1_200, 2, (20_000, 30_000)));
    let portal = Fault::Page {
        html: "<html><title>Log in</title></html>".into(),
    };
    site.central
        .script(Rule::on(Route::Details, portal).nth(6).always());
    let ran = site.sync().exits(1);
    finding(&ran, "central.foreign");
    let details = site.asked(Route::Details);
    assert!(details <= 10, "{details} requests for details");
    let shown = site.entities().len();
    assert!(shown > 100, "{shown}");
    site.central.clear_script();
    site.central.reset_log();
    let again = site.sync().exits(0).code("ok");
    let held = again["entities"]["test-taker"]["unchanged"].as_u64();
    assert!(held > Some(50), "{again}");
    site.assert_equal_to_central();
}

#[test]
fn an_entity_that_breaks_central_is_still_found_by_halves() {
    let site = Site::enrolled(options(200, 2, (20_000, 30_000)));
    let poisoned = site.ids(Kind::TestTaker)[77].clone();
    site.central.script(
        Rule::on(Route::Details, status(500, "", None))
            .containing(&poisoned)
            .always(),
    );
    let ran = site.sync().exits(1);
    assert_eq!(ran.object()["entities"]["test-taker"]["failed"], 1);
    assert_eq!(ran.object()["entities"]["test-taker"]["created"], 199);
}

#[test]
fn a_page_of_very_many_ids_takes_memory_in_proportion_to_them() {
    let site = Site::enrolled(central::Options {
        page_size: 40_000,
        keeps_log: false,
        ..options(40_000, 1, (20_000, 20_000))
    });
    // The list alone is measured: no details come.
    let portal = Fault::Page {
        html: "<html>".into(),
    };
    site.central.script(
        Rule::on(Route::Details, portal)
            .containing("test-taker")
            .always(),
    );
    let sync = site.command(&["sync", "--json"]);
    // In KiB of memory that the process writes to (RLIMIT_DATA), its program and libraries left out: the debug build's are
    // larger than all that it holds. Each id has a few hundred bytes to itself.
    let script = "ulimit -d 200000 && exec \"$0\" \"$@\"";
    let mut bounded = std::process::Command::new("sh");
    bounded
        .env_clear()
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .args(["-c", script])
        .arg(sync.get_program())
        .args(sync.get_args());
    let ran = Running::start(bounded).end().exits(1);
    finding(&ran, "central.foreign");
    let failed = ran.object()["entities"]["test-taker"]["failed"].as_u64();
    assert_eq!(failed, Some(40_000), "{}", ran.story());
}

/// The code of the first check of `doctor` that fails.
fn first_of_doctor(site: &Site) -> Value {
    let told = site.run(&["doctor", "--json"]).ends().object();
    let checks = told["checks"].as_array().unwrap().clone();
    let first = checks.iter().find(|check| check["status"] == "fail");
    first.map_or(Value::Null, |check| check["code"].clone())
}

#[test]
fn sync_and_doctor_name_whoever_answers_instead_of_central_alike() {
    let page = |code| status(code, "<html><h1>Welcome</h1></html>", None);
    let certificate = "<html><center>400 No required SSL certificate was sent</center></html>";
    let notice =
        "<br />\n<b>Notice</b>:  Undefined index in <b>/a.php</b> on line <b>7</b><br />\n{}";
    let table = [
        ("a portal", page(200), "central.foreign"),
        ("… that says 401", page(401), "central.foreign"),
        ("a filter", page(403), "central.foreign"),
        (
            "a portal elsewhere",
            status(302, "", None),
            "central.foreign",
        ),
        ("a network's own word", page(511), "central.foreign"),
        ("a wrong path", page(404), "central.not_found"),
        (
            "mutual TLS",
            status(400, certificate, None),
            "net.tls_client",
        ),
        ("words of PHP", status(200, notice, None), "central.php"),
        (
            "a maintenance page",
            Fault::Maintenance,
            "central.maintenance",
        ),
        ("a proxy alone", page(502), "central.unavailable"),
    ];
    let site = Site::enrolled(options(3, 1, (4_000, 4_000)));
    for (what, fault, code) in table {
        site.central.script(Rule::any(fault).always());
        let ran = site.sync().ends();
        assert_eq!(ran.object()["code"], code, "{what}\n{}", ran.story());
        assert_eq!(first_of_doctor(&site), code, "{what}");
        site.central.clear_script();
    }
    site.sync().exits(0);
    site.assert_equal_to_central();
}
