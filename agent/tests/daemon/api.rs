//! Its local API: what the delivery engine reads and hands over, what is refused, what is described.
//! Never a status that the description does not name.
//! Run by `cargo test`.

use std::io::{Read, Write};
use std::time::Duration;

use logic::entity::{Entity, EntityType, Value, uri};
use logic::fault::{Finding, Wording};
use serde_json::Value as Json;
use vault::Vault;
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::package::{PackageStore, PartialPackage};

use crate::house::*;

#[test]
fn what_is_no_request_is_refused_with_a_code() {
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    let large = format!("{{\"types\":[{}]}}", "\"delivery\",".repeat(4000));
    let table = [
        ("GET", "/v1/nothing", "", 404, "api.unknown_route"),
        ("GET", "/", "", 404, "api.unknown_route"),
        ("GET", "/v1/sync", "", 405, "api.method"),
        ("DELETE", "/v1/status", "", 405, "api.method"),
        ("POST", "/v1/sync", "{", 400, "api.request"),
        ("POST", "/v1/sync", "[]", 400, "api.request"),
        ("PUT", "/v1/exam", "[false,null]", 400, "api.request"),
        ("POST", "/v1/sync", "{\"typ\":[]}", 400, "api.request"),
        (
            "POST",
            "/v1/sync",
            "{\"types\":[\"exam\"]}",
            400,
            "api.request",
        ),
        ("POST", "/v1/sync", &large, 413, "api.too_large"),
        ("PUT", "/v1/exam", "{}", 400, "api.request"),
        ("PUT", "/v1/exam", "{\"active\":true}", 400, "api.request"),
        (
            "PUT",
            "/v1/exam",
            "{\"active\":false,\"name\":\"\\n\"}",
            400,
            "api.request",
        ),
        (
            "PUT",
            "/v1/exam",
            "{\"active\":true,\"ttl_seconds\":0.5}",
            400,
            "api.request",
        ),
        ("GET", "/v1/entities?type=exam", "", 400, "api.request"),
        (
            "GET",
            "/v1/entities?id=x",
            "",
            404,
            "catalogue.unknown_entity",
        ),
        ("GET", "/v1/feed?since=-1", "", 400, "api.request"),
        ("GET", "/v1/feed?limit=0", "", 400, "api.request"),
        ("GET", "/v1/feed?epoch=7", "", 410, "feed.gone"),
        ("GET", "/v1/feed?since=7", "", 400, "api.request"),
        ("GET", "/v1/feed?cursor=7", "", 400, "api.request"),
        ("GET", "/v1/feed?wait=301s", "", 400, "api.request"),
        ("GET", "/v1/feed?wait=60", "", 400, "api.request"),
        ("GET", "/v1/feed?include=all", "", 400, "api.request"),
        (
            "GET",
            "/v1/feed?cursor=0-0-0000000000000000&since=1",
            "",
            400,
            "api.request",
        ),
        ("GET", "/v1/packages/content", "", 400, "api.request"),
        (
            "GET",
            "/v1/packages/content?delivery=x",
            "",
            404,
            "package.not_held",
        ),
        (
            "GET",
            "/v1/packages/content?delivery=x&edition=3",
            "",
            400,
            "api.request",
        ),
        ("GET", "/v1/packages//members", "", 400, "api.request"),
        ("GET", "/v1/status?x=1", "", 400, "api.request"),
        ("GET", "/v1/status?%ff", "", 400, "api.request"),
        ("GET", "/v1/feed?since=1&since=2", "", 400, "api.request"),
        ("GET", "/v1/feed?include=entity&x=1", "", 400, "api.request"),
        ("GET", "/v1/results?state=lost", "", 400, "api.request"),
        ("GET", "/v1/results/x", "", 404, "results.unknown"),
        ("PUT", "/v1/results/", "{}", 400, "api.request"),
        ("PUT", "/v1/results/x?send=later", "{}", 400, "api.request"),
        ("GET", "/v1/entities?login=x&id=y", "", 400, "api.request"),
        (
            "GET",
            "/v1/entities?login=x",
            "",
            404,
            "catalogue.unknown_entity",
        ),
        (
            "PUT",
            "/v1/exam",
            r#"{"active":true,"ttl_seconds":1,"name":"\n"}"#,
            400,
            "api.request",
        ),
        (
            "POST",
            "/v1/downloads",
            r#"{"act":"pause","ttl_seconds":0}"#,
            400,
            "api.request",
        ),
    ];
    for (method, path, body, status, code) in table {
        let answer = house.call(method, path, "", body);
        assert_eq!(answer.status, status, "{method} {path}");
        let told = answer.json();
        assert_eq!(
            (&told["schema"], &told["code"]),
            (&1.into(), &code.into()),
            "{method} {path}"
        );
        assert!(
            told["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
        // The same as a value, which has a sentence in French. Words of a library stand in it as a detail.
        let finding: Finding = serde_json::from_value(told.clone()).unwrap();
        let french = finding.cause.fr_words();
        let is_english = |words: &Wording| matches!(words, Wording::English(_));
        assert!(!french.iter().any(is_english), "{told}");
    }
    let on = house.call(
        "PUT",
        "/v1/exam",
        "",
        r#"{"active":true,"ttl_seconds":3600.0}"#,
    );
    assert_eq!(on.status, 200);
    let left = agent::engine::exam::running(&house.root()).unwrap();
    assert!(left > Duration::from_secs(3000), "{left:?}");
    let room = r#"{"active":true,"ttl_seconds":60,"name":"room 1"}"#;
    let told = house.call("PUT", "/v1/exam", "", room).json();
    assert!(told["exam_seconds_left"].as_u64().unwrap() > 3000, "{told}");
    house.call("PUT", "/v1/exam", "", r#"{"active":false}"#);
    let left = agent::engine::exam::running(&house.root()).unwrap();
    assert!(left <= Duration::from_secs(60), "{left:?}");
    house.call("PUT", "/v1/exam", "", r#"{"active":false,"name":"room 1"}"#);
    assert_eq!(agent::engine::exam::running(&house.root()), None);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn every_route_is_described() {
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    let described = house.get("/v1/openapi.json").json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3."));
    for (path, acts) in described["paths"].as_object().unwrap() {
        for (method, act) in acts.as_object().unwrap() {
            let query = act["parameters"].as_array().into_iter().flatten();
            let needed: Vec<String> = query
                .filter(|parameter| parameter["required"] == true)
                .map(|parameter| format!("{}=x", parameter["name"].as_str().unwrap()))
                .collect();
            if ["/v1/sync/events", "/v1/events"].contains(&path.as_str()) {
                continue;
            }
            let url = format!(
                "{}?{}",
                path.replace("{id}", "i5001")
                    .replace("{delivery}", "d")
                    .replace("{name}", "n"),
                needed.join("&")
            );
            let answer = house.call(&method.to_uppercase(), &url, "", "{}");
            let status = answer.status.to_string();
            assert!(
                act["responses"].get(&status).is_some(),
                "{method} {path} answers {status}"
            );
        }
    }
    let paths = described["paths"].as_object().unwrap().len();
    assert_eq!(paths, 22);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

pub(crate) const EXECUTION: &str = "https://box.example/tao.rdf#i5001";

/// What the delivery engine hands over of one execution (protocol 7.1).
pub(crate) fn result(value: &str) -> Json {
    serde_json::json!({
        "deliveryId": DELIVERY, "deliveryExecutionId": EXECUTION,
        "details": {
            "identifier": EXECUTION, "label": "Algebra B1", "test-taker": "https://central.example/tao.rdf#t17",
            "starttime": "0.10000000 1795000000", "finishtime": null,
            "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished",
        },
        "variables": [{
            "type": "taoResultServer_models_classes_OutcomeVariable", "callIdTest": EXECUTION, "callIdItem": null,
            "test": "https://central.example/tao.rdf#test", "item": null,
            "data": {
                "identifier": "SCORE", "cardinality": "single", "baseType": "float", "epoch": "0.9 1795003600",
                "normalMinimum": null, "normalMaximum": 1.5, "value": value,
            },
        }],
    })
}

#[test]
fn what_a_candidate_did_is_on_disk_before_the_answer_and_never_doubled() {
    let house = DaemonHouse::new("[sync]\non_boot = false\n[results]\nmax_item = \"1MiB\"\n");
    let daemon = house.start();
    let path = format!("/v1/results/{}", EXECUTION.replace('#', "%23"));
    let one = result("MC41").to_string();
    for new in [true, false] {
        let kept = house.call("PUT", &path, "", &one);
        let told = kept.json();
        assert_eq!(
            (kept.status, &told["items"][0]["id"]),
            (200, &EXECUTION.into())
        );
        assert_eq!(told["items"][0]["new"], new);
        assert_eq!(
            told["items"][0]["means"],
            if new { "first" } else { "known" }
        );
        assert!(told.get("run").is_none());
    }
    let all = serde_json::json!({ "results": { EXECUTION: result("MC41") } }).to_string();
    let again = house.call("POST", "/v1/results", "", &all);
    assert_eq!(
        (again.status, &again.json()["items"][0]["new"]),
        (200, &false.into())
    );
    let mut wrong = result("MC41");
    wrong["variables"][0]["data"]["normalMaximum"] = "much".into();
    let refused = house.call("PUT", &path, "", &wrong.to_string());
    assert_eq!(refused.status, 422);
    let reason = refused.json()["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("variables[0].data.normalMaximum"),
        "{reason}"
    );
    let sent = house
        .call("PUT", &format!("{path}?send=now"), "", &one)
        .json();
    assert_eq!(
        (&sent["items"][0]["new"], &sent["run"]),
        (&false.into(), &1.into())
    );
    assert_eq!(
        house
            .call("PUT", &format!("{path}?send=later"), "", &one)
            .status,
        400
    );
    // Larger ones pass through a process of their own, with the same answers.
    let large = result(&"A".repeat(300 << 10)).to_string();
    for (new, means) in [(true, "added"), (false, "known")] {
        let kept = house.call("PUT", &path, "", &large);
        let item = &kept.json()["items"][0];
        assert_eq!(
            (kept.status, &item["new"], &item["means"]),
            (200, &new.into(), &means.into())
        );
    }
    wrong["label"] = "x".repeat(300 << 10).into();
    assert_eq!(house.call("PUT", &path, "", &wrong.to_string()).status, 422);
    let larger = result(&"A".repeat(2 << 20)).to_string();
    assert_eq!(house.call("PUT", &path, "", &larger).status, 413);
    whoever_sends_too_much_is_heard_out(&house, &path, larger.as_bytes());
    let limits = &house.get("/v1/status").json()["daemon"]["limits"];
    assert_eq!(
        (&limits["max_item"], &limits["places"]["intake"]["places"]),
        (&1_048_576.into(), &24.into())
    );
    assert_eq!(house.call("PUT", "/v1/results/", "", &one).status, 400);
    assert_eq!(house.call("GET", "/v1/logs", "", "").status, 405);
    what_became_of_it(&house, &path);
    // It outlives the daemon that accepted it, however that ended.
    drop(daemon);
    let held = house.cli(&["results", "--json"]);
    let held = String::from_utf8(held.stdout).unwrap();
    let held: Vec<Json> = held
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        held.len(),
        2,
        "the execution as it was first, and as it was when reactivated"
    );
    let held = &held[0];
    assert_eq!(
        (&held["id"], &held["state"]),
        (&EXECUTION.into(), &"queued".into())
    );
}

/// It sends all of it before it reads, as plain clients do: the answer is there then.
fn whoever_sends_too_much_is_heard_out(house: &DaemonHouse, path: &str, body: &[u8]) {
    for head in [
        format!("Content-Length: {}\r\n\r\n", body.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()),
    ] {
        let mut stream = house.connect();
        stream
            .write_all(format!("PUT {path} HTTP/1.1\r\nHost: b\r\n{head}").as_bytes())
            .unwrap();
        stream.write_all(body).unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 413");
    }
}

/// Each edition has its account, and the newest one speaks for the result.
fn what_became_of_it(house: &DaemonHouse, path: &str) {
    let told = house.get(path).json();
    assert_eq!(
        (&told["id"], &told["state"]),
        (&EXECUTION.into(), &"queued".into())
    );
    let editions = told["editions"].as_array().unwrap();
    let numbers: Vec<&Json> = editions.iter().map(|edition| &edition["edition"]).collect();
    assert_eq!(numbers, [0, 1]);
    for edition in editions {
        assert!(
            edition["came_at"].as_i64().unwrap() > 1_700_000_000,
            "{edition}"
        );
        assert_eq!(
            (&edition["changed_at"], &edition["code"]),
            (&Json::Null, &Json::Null)
        );
        assert!(
            edition["what_to_do"]
                .as_str()
                .unwrap()
                .starts_with("Nothing")
        );
    }
    let lines = house.get("/v1/results").lines();
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line["id"] == EXECUTION && line["state"] == "queued")
    );
    assert_eq!(house.get("/v1/results?state=refused").body, b"");
    assert_eq!(house.get("/v1/results?state=lost").status, 400);
    let none = house.get("/v1/results/i5");
    assert_eq!(
        (none.status, &none.json()["code"]),
        (404, &"results.unknown".into())
    );
    // Asked to be set aside, it says how it comes back.
    assert!(
        house
            .cli(&["results", "set-aside", EXECUTION])
            .status
            .success()
    );
    let told = house.get(path).json();
    assert_eq!(told["state"], "set-aside");
    assert!(
        told["what_to_do"]
            .as_str()
            .unwrap()
            .contains("results retry"),
        "{told}"
    );
    assert!(told["editions"][0]["changed_at"].as_i64().is_some());
    let again = house.cli(&["results", "retry", EXECUTION]);
    assert!(again.status.success());
    assert_eq!(house.get(path).json()["state"], "queued");
}

/// A catalogue of some entities and one package, as a run would leave it.
pub(crate) fn provision(house: &DaemonHouse, content: &[u8]) {
    let vault = Vault::open(&house.root()).unwrap();
    let catalogue = CatalogueStore::open(&vault).unwrap();
    let mut edition = CatalogueRevision {
        generation: 7,
        ..CatalogueRevision::default()
    };
    let mut writer = catalogue.writer().unwrap();
    for number in 0..3000 {
        let (kind, id) = match number {
            0 => (EntityType::Delivery, DELIVERY.to_owned()),
            _ => (
                EntityType::TestTaker,
                format!("https://central.example/tao.rdf#t{number}"),
            ),
        };
        let label = Value::One(format!("label {number}"));
        let login = Value::One(format!("login {}", number % 2000));
        let properties = [(uri::LABEL, label), (uri::LOGIN, login)];
        let properties = properties.map(|(name, value)| (name.to_owned(), value));
        let properties = properties.into_iter().collect();
        let entity = Entity {
            checksum: logic::php::checksum(&properties, &[]),
            id,
            properties,
        };
        let name = vault.keys().name(kind.word(), &entity.id);
        let row = writer.entity(kind, name, &entity).unwrap();
        edition.types.entry(kind).or_default().insert(name, row);
    }
    catalogue
        .publish(
            &CatalogueRevision::default().segments(),
            &edition,
            Some(writer),
        )
        .unwrap();
    hold(house, content);
}

/// A package, as a run would leave it.
pub(crate) fn hold(house: &DaemonHouse, content: &[u8]) {
    let vault = Vault::open(&house.root()).unwrap();
    let packages = PackageStore::open(&vault).unwrap();
    let mut part = packages
        .begin(DELIVERY, content.len() as u64, Some([1; 32]), 0)
        .unwrap();
    for (index, chunk) in content.chunks(part.meta().record as usize).enumerate() {
        let mut buffer = PartialPackage::buffer();
        buffer.extend_from_slice(chunk);
        part.write(index as u64, &mut buffer).unwrap();
    }
    part.publish(false, None).unwrap();
}

#[test]
fn the_delivery_engine_reads_entities_and_ranges_of_a_package() {
    let house = DaemonHouse::new(QUIET);
    let content: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_le_bytes()).collect();
    provision(&house, &content);
    let daemon = house.start();
    let all = house.get("/v1/entities");
    let epoch = all.field("boxsync-epoch");
    assert_ne!(
        epoch, "0",
        "without a feed each catalogue is a history of its own"
    );
    let cursor = format!("{epoch}-0-0000000000000000");
    for (field, value) in [("generation", "7"), ("position", "0"), ("cursor", &cursor)] {
        assert_eq!(all.field(&format!("boxsync-{field}")), value, "{field}");
    }
    let lines = all.lines();
    assert_eq!(lines.len(), 3000);
    assert!(lines.iter().all(|line| {
        line["properties"][uri::LABEL]
            .as_str()
            .unwrap()
            .starts_with("label ")
    }));
    assert_eq!(house.get("/v1/entities?type=delivery").lines().len(), 1);
    let one = house
        .get("/v1/entities?type=test-taker&id=https%3A%2F%2Fcentral.example%2Ftao.rdf%23t17")
        .lines();
    assert_eq!(
        (one.len(), &one[0]["properties"][uri::LABEL]),
        (1, &"label 17".into())
    );
    let id = |number: u32| format!("id=https%3A%2F%2Fcentral.example%2Ftao.rdf%23t{number}");
    let some = house.get(&format!("/v1/entities?{}&{}&id=x", id(3), id(2999)));
    let labels = some.lines();
    let labels = labels.iter().map(|line| &line["properties"][uri::LABEL]);
    assert_eq!(labels.collect::<Vec<_>>(), ["label 3", "label 2999"]);
    let labels = |query: &str| -> Vec<String> {
        let lines = house.get(&format!("/v1/entities?login={query}")).lines();
        let label = |line: &Json| line["properties"][uri::LABEL].as_str().unwrap().to_owned();
        lines.iter().map(label).collect()
    };
    assert_eq!(labels("login%201500"), ["label 1500"]);
    let mut twice = labels("login+17&type=test-taker");
    twice.sort();
    assert_eq!(twice, ["label 17", "label 2017"]);
    // A delivery has no login, whatever it says; who is not there is not named.
    assert_eq!(labels("login%200").len(), 1);
    for (query, status) in [
        ("login=login%2017&type=proctor", 404),
        ("login=x&id=y", 400),
    ] {
        let none = house.get(&format!("/v1/entities?{query}"));
        assert_eq!(none.status, status, "{query}");
        assert!(!String::from_utf8_lossy(&none.body).contains("login 17"));
    }
    let many = vec![id(1); 101].join("&");
    assert_eq!(house.get(&format!("/v1/entities?{many}")).status, 400);
    let packages = house.get("/v1/packages").lines();
    assert_eq!(
        (packages.len(), &packages[0]["state"], &packages[0]["bytes"]),
        (1, &"held".into(), &1_200_000.into())
    );
    let path = format!(
        "/v1/packages/content?delivery={}",
        DELIVERY.replace('#', "%23")
    );
    let whole = house.get(&path);
    assert_eq!(whole.status, 200);
    assert!(whole.body == content && whole.head.contains("content-length: 1200000"));
    let tag = whole.field("etag").to_owned();
    for (range, from, to) in [
        ("0-0", 0, 1),
        ("65530-65545", 65530, 65546),
        ("-4", 1_199_996, 1_200_000),
        ("1199999-", 1_199_999, 1_200_000),
    ] {
        let part = house.call(
            "GET",
            &path,
            &format!("Range: bytes={range}\r\nIf-Range: {tag}\r\n"),
            "",
        );
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == content[from..to], "{range}");
        assert!(
            part.head
                .contains(&format!("content-range: bytes {from}-{}/1200000", to - 1)),
            "{}",
            part.head
        );
    }
    let outside = house.call("GET", &path, "Range: bytes=1200000-\r\n", "");
    assert_eq!(
        (outside.status, &outside.json()["code"]),
        (416, &"api.range".into())
    );
    let other = house.call(
        "GET",
        &path,
        "Range: bytes=0-0\r\nIf-Range: \"other\"\r\n",
        "",
    );
    assert_eq!((other.status, other.body.len()), (200, content.len()));
    // Nobody reads this one: it must not cost the daemon the package in memory, nor keep it from ending.
    let mut idle = house.connect();
    write!(idle, "GET {path} HTTP/1.1\r\nHost: boxsync\r\n\r\n").unwrap();
    // The catalogue came without a feed: nobody who has not read all of it is told that nothing follows.
    let gone = house.get("/v1/feed").json();
    assert_eq!(
        (&gone["code"], &gone["epoch"]),
        (&"feed.gone".into(), &epoch.parse::<u64>().unwrap().into())
    );
    for place in [
        &format!("epoch={epoch}&since=0"),
        &format!("cursor={}", gone["cursor"].as_str().unwrap()),
    ] {
        let feed = house.get(&format!("/v1/feed?{place}")).json();
        assert_eq!(feed["changes"], Json::Array(Vec::new()));
    }
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
