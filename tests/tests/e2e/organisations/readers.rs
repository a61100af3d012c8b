//! What readers of a box of two organisations get: events, packages, the bundle, and details at the gateway.
//! Never trusts what the box says of itself where central knows better.
//! Each organisation is told, and nobody of either is named where no person may stand.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use super::*;

/// The lines of a stream of events.
fn follow(site: &Site, path: &str) -> BufReader<UnixStream> {
    let mut stream = site.api().connect().unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: box\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// The next event: its name and its data.
#[track_caller]
fn any(events: &mut BufReader<UnixStream>) -> (String, Value) {
    let (mut line, mut name) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(told) = line.strip_prefix("event: ") {
            name = told.trim().to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return (name, serde_json::from_str(data).unwrap());
        }
    }
}

/// The data of the next event of a name.
#[track_caller]
fn next(events: &mut BufReader<UnixStream>, name: &str) -> Value {
    loop {
        let (told, data) = any(events);
        if told == name {
            return data;
        }
    }
}

#[test]
fn a_bundle_tells_of_each_organisation_and_names_nobody_of_either() {
    let site = both();
    site.central.hide_organisation(SECOND, true);
    site.sync().exits(1);
    let file = site.path("bundle.tar");
    let name = file.to_str().unwrap();
    let _ = site.run(&["doctor", "--offline", "--bundle", name]).ends();
    let bundle = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    assert!(bundle.contains("organisations.json"));
    site.central.hide_organisation(SECOND, false);
    for organisation in [FIRST, SECOND] {
        for kind in [Kind::TestTaker, Kind::Proctor, Kind::Administrator] {
            for id in site.central.ids(organisation, kind) {
                assert!(!bundle.contains(&id), "{id}");
            }
        }
    }
    for client in site.central.consumers() {
        assert!(!bundle.contains(&client.secret), "a secret");
    }
}

#[test]
fn details_that_name_no_organisation_are_of_the_list_that_was_read_or_refused() {
    let mut site = both();
    site.set("sync", "on_boot", "false");
    let at = site.set_gateway(84);
    let tao = Tao {
        organisation: SECOND.into(),
        ..site.tao(at, 7)
    };
    let mut running: Running = site.start(&["run"]);
    assert!(running.until("the gateway", || tao.token().is_ok()));
    let token = tao.token().unwrap();
    let own = &own_of_second(&site)[0];
    let details = |params: Value| {
        let body = json!({ "type": "delivery", "entityIds": [own], "params": params });
        let path = "taoSync/SynchronisationApi/fetchEntityDetails";
        tao.post(&token, path, &body).unwrap()
    };
    let run = json!({ "tao_version": "2022.11", "box_id": "tao", "sync_id": "7" });
    // Nobody knows which organisation is meant: the first would say that it has no such delivery.
    let told = details(run.clone());
    assert_eq!(told.status, 503, "{}", String::from_utf8_lossy(&told.body));
    assert_eq!(details(json!({ "tao_version": "2022.11" })).status, 503);
    tao.list(&token, Kind::TestCenter).unwrap();
    let told = details(run);
    assert_eq!(told.status, 200);
    assert!(told.json().get(own).is_some(), "{}", told.json());
    drop(running);
}

#[test]
fn the_local_api_gives_each_organisation_and_the_packages_of_all() {
    let mut site = both();
    site.set("sync", "on_boot", "false");
    let mut running: Running = site.start(&["run"]);
    let api = site.api();
    assert!(running.until("the socket", || api.get("/v1/status").is_some()));
    for (query, organisation) in [("", FIRST), ("?organisation=2002", SECOND)] {
        let expected: BTreeSet<String> = Kind::ALL
            .into_iter()
            .flat_map(|kind| site.central.ids(organisation, kind))
            .collect();
        let ids = |path: &str, key: &str| -> BTreeSet<String> {
            let lines = api.get(&format!("{path}{query}")).unwrap().lines();
            let id = |line: &Value| line[key].as_str().unwrap().to_owned();
            lines.iter().map(id).collect()
        };
        assert_eq!(ids("/v1/entities", "id"), expected, "{organisation}");
        let feed = api.get(&format!("/v1/feed{query}")).unwrap().json();
        let changes = feed["changes"].as_array().unwrap();
        assert_eq!(changes.len(), expected.len(), "{organisation}: {feed}");
    }
    let packages = api.get("/v1/packages").unwrap().lines();
    assert_eq!(packages.len(), 5);
    let shared = site.delivery(0);
    for one in &packages {
        let delivery = one["delivery"].as_str().unwrap().to_owned();
        let names = |of: &&str| site.central.ids(of, Kind::Delivery).contains(&delivery);
        let named: Vec<&str> = [FIRST, SECOND].into_iter().filter(names).collect();
        assert_eq!(one["organisations"], json!(named), "{delivery}");
        assert_eq!(named.len() == 2, delivery == shared);
        assert_eq!(one["ready_at"], Value::Null, "it is held");
    }
    // A follower of the second one's catalogue is told of its entities, and of everybody's packages.
    let unknown = api.get("/v1/events?organisation=3003").unwrap();
    assert_eq!(unknown.status, 400, "{}", unknown.head);
    let mut events = follow(&site, "/v1/events?organisation=2002");
    let state = next(&mut events, "state");
    assert_eq!(state["packages"].as_array().unwrap().len(), 5);
    assert_eq!(
        state["organisations"].as_array().unwrap().len(),
        2,
        "{state}"
    );
    assert_eq!(state["held_back_by_organisation"], json!({ SECOND: {} }));
    let taker = site.central.ids(SECOND, Kind::TestTaker).pop().unwrap();
    let label = "http://www.w3.org/2000/01/rdf-schema#label";
    assert!(site.central.set_property(&taker, label, &["edited"]));
    site.sync().exits(0);
    assert_eq!(next(&mut events, "entity")["id"], json!(taker));
    let unknown = api.get("/v1/entities?organisation=3003").unwrap();
    assert_eq!(unknown.status, 400, "{}", unknown.head);
    for delivery in own_of_second(&site) {
        let path: String = delivery
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        let content = api.get(&format!("/v1/packages/content?delivery={path}"));
        assert!(content.unwrap().body == site.central.package(&delivery).unwrap());
    }
    // What befalls the second after this is told of it alone, by metrics too.
    site.central.hide_organisation(SECOND, true);
    site.sync().exits(1);
    let status = api.get("/v1/status").unwrap().json();
    let words: Vec<&Value> = status["organisations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["verdict"])
        .collect();
    assert_eq!(words.len(), 2);
    assert_eq!(words[0], "ready");
    assert_ne!(words[1], "ready");
    // Either may be told first.
    let (mut held_back, mut judged) = (false, false);
    while !(held_back && judged) {
        let (name, told) = any(&mut events);
        match name.as_str() {
            "held-back" => {
                assert_eq!(told["organisation_id"], SECOND);
                held_back = true;
            }
            "verdict" => {
                let second = &told["organisations"][1];
                assert_eq!(second["organisation_id"], SECOND, "{told}");
                judged |= second["finding"]["reason"].is_string();
            }
            _ => {}
        }
    }
    drop(events);
    let stats = site.run(&["stats", "--json"]).exits(0).object();
    assert_eq!(stats["organisations"][1]["organisation_id"], SECOND);
    let runs = |told: &Value| told["link"]["runs"].as_u64().unwrap();
    let each: u64 = [0, 1]
        .map(|place| runs(&stats["organisations"][place]))
        .iter()
        .sum();
    assert_eq!(runs(&stats), each, "the line is the box's");
    let text = String::from_utf8(api.get("/v1/metrics").unwrap().body).unwrap();
    for organisation in [FIRST, SECOND] {
        assert!(
            text.contains(&format!(
                "boxsync_ready{{organisation=\"{organisation}\"}} "
            )),
            "{text}"
        );
    }
    drop(running);
}
