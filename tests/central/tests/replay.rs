//! Replays every recorded exchange of a real central against this one: same status, same shape.
//! Decides nothing about the product; what differs for a reason is listed below with that reason.
//! Run by `cargo test -p central`.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where it stopped"
)]

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use central::{Central, Dataset, Kind, Options, Property, uri};
use serde_json::Value as Json;

/// Recorded exchanges that this central answers otherwise, each with its reason.
const EXCEPTIONS: &[(u64, &str)] = &[(
    55,
    "the triples of organisation 1002's centre were never recorded, so its checksum cannot be made",
)];

const NAMESPACE: &str = "http://central.test/tao.rdf#";

struct RecordedExchange {
    number: u64,
    name: String,
    request: Json,
    response: Json,
}

impl RecordedExchange {
    fn path(&self) -> &str {
        self.request["path"].as_str().unwrap_or("")
    }

    fn body(&self) -> &str {
        self.response["body"].as_str().unwrap_or("")
    }
}

fn header(side: &Json, name: &str) -> Option<String> {
    side["headers"].as_array()?.iter().find_map(|pair| {
        let is_it = pair[0].as_str()?.eq_ignore_ascii_case(name);
        is_it.then(|| pair[1].as_str().map(str::to_owned))?
    })
}

fn recorded() -> Vec<RecordedExchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/exchanges");
    let mut exchanges: Vec<RecordedExchange> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let json: Json = serde_json::from_str(&text).unwrap();
            RecordedExchange {
                number: json["n"].as_u64().unwrap(),
                name: json["name"].as_str().unwrap().to_owned(),
                request: json["request"].clone(),
                response: json["response"].clone(),
            }
        })
        .collect();
    exchanges.sort_by_key(|e| e.number);
    exchanges
}

#[test]
fn every_recorded_exchange_gets_the_same_status_and_shape() {
    let exchanges = recorded();
    assert_eq!(exchanges.len(), 308);
    let central = resembling(&exchanges);
    let mut tokens = BTreeMap::new();
    let mut reports = Vec::new();
    for exchange in &exchanges {
        prepare(&central, exchange, &mut tokens);
        let answer = client::send(central.address(), &raw(exchange, &tokens));
        learn(exchange.body(), &answer, &mut tokens);
        let listed = EXCEPTIONS.iter().find(|(n, _)| *n == exchange.number);
        match (difference(exchange, &answer), listed) {
            (None, None) | (Some(_), Some(_)) => {}
            (Some(difference), None) => {
                reports.push(format!(
                    "{} {}: {difference}",
                    exchange.number, exchange.name
                ));
            }
            (None, Some((_, reason))) => reports.push(format!(
                "{} {} is listed as an exception ({reason}) but matches",
                exchange.number, exchange.name
            )),
        }
    }
    assert!(
        reports.is_empty(),
        "{} differ:\n{}",
        reports.len(),
        reports.join("\n")
    );
}

/// A central with the entities, accounts, clients and packages that the recorded one showed.
fn resembling(exchanges: &[RecordedExchange]) -> Central {
    let central = Central::start(Options {
        dataset: Dataset::empty(NAMESPACE),
        output_buffer: 0,
        ..Options::default()
    })
    .unwrap();
    for exchange in exchanges {
        let body: Json = serde_json::from_str(exchange.body()).unwrap_or(Json::Null);
        if let Some(manager) = body.get("syncUser") {
            put(&central, manager, Kind::Other);
        }
        let asked = exchange.request["body"].as_str().unwrap_or("");
        let asked: Json = serde_json::from_str(asked).unwrap_or(Json::Null);
        let is_classes = exchange.path().ends_with("fetchClassDetails");
        if exchange.response["status"] != 200
            || !(is_classes || exchange.path().ends_with("fetchEntityDetails"))
        {
            continue;
        }
        let kind = match asked["type"].as_str() {
            // 93 asks under another type than the entities have.
            Some(name) if !is_classes && exchange.number != 93 => {
                Kind::ALL.into_iter().find(|k| k.name() == name)
            }
            _ => None,
        };
        for (id, entity) in body.as_object().into_iter().flatten() {
            let is_new = central.resource(id).is_none() || is_classes;
            if is_new && entity["properties"].is_object() {
                put(&central, entity, kind.unwrap_or(Kind::Other));
            }
        }
    }
    put_unseen(&central, exchanges);
    put_access(&central, exchanges);
    put_packages(&central, exchanges);
    central
}

fn put(central: &Central, entity: &Json, kind: Kind) {
    let texts = |many: &Json| {
        let values = many.as_array().into_iter().flatten();
        values
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let properties = entity["properties"].as_object().into_iter().flatten();
    let properties = properties
        .map(|(predicate, value)| match value {
            Json::String(one) => Property::one(predicate, one.as_str()),
            many => Property::many(predicate, texts(many)),
        })
        .collect();
    central.put_resource(entity["id"].as_str().unwrap(), kind, properties);
}

/// What lists or downloads showed but no details answered: another centre, the 300 of organisation 2000, deliveries.
fn put_unseen(central: &Central, exchanges: &[RecordedExchange]) {
    let local = |id: &str| format!("{NAMESPACE}{id}");
    let centre = |id: &str, organisation: &str| {
        let properties = vec![
            Property::one(uri::LABEL, "Elsewhere"),
            Property::one(uri::TYPE, uri::TEST_CENTER),
            Property::one(uri::ORGANISATION, organisation),
        ];
        central.put_resource(&local(id), Kind::TestCenter, properties);
    };
    centre("i6b04571c08acd2278021e76695526b083c", "1002");
    centre("i2000-centre", "2000");
    let mut takers: Vec<String> = Vec::new();
    for exchange in exchanges.iter().filter(|e| (832..=835).contains(&e.number)) {
        let body: Json = serde_json::from_str(exchange.body()).unwrap();
        let entities = body["entities"].as_object().into_iter().flatten();
        takers.extend(entities.map(|(id, _)| id.clone()));
    }
    assert_eq!(takers.len(), 300);
    central.put_resource(
        &local("i2000-eligibility"),
        Kind::Eligibility,
        vec![
            Property::one(uri::ELIGIBLE_CENTRE, local("i2000-centre")),
            Property::many(uri::ELIGIBLE_TAKER, takers),
            Property::one(uri::TYPE, uri::ELIGIBILITY),
        ],
    );
    for id in [
        "i6b04571baca7e227809abc513f3db745e6",
        "i6b04571bf1fb52278035acd4d0e5761e06",
    ] {
        let properties = vec![
            Property::one(uri::LABEL, "Elsewhere"),
            Property::one(uri::TYPE, uri::DELIVERY),
        ];
        central.put_resource(&local(id), Kind::Delivery, properties);
    }
}

fn put_access(central: &Central, exchanges: &[RecordedExchange]) {
    let handshake = exchanges.iter().find(|e| e.number == 3).unwrap();
    let body: Json = serde_json::from_str(handshake.body()).unwrap();
    let manager = body["syncUser"]["id"].as_str().unwrap();
    central.put_account("syncmanager1001", "SyncPassw0rd!", manager, Some("1001"));
    central.put_account("plainuser", "PlainPassw0rd!", "", None);
    central.put_account("admin", "Admin123!", "", None);
    let mut known = BTreeSet::new();
    for exchange in exchanges {
        let form = exchange.request["body"].as_str().unwrap_or("");
        let field = |name: &str| {
            let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
        };
        if exchange.response["status"] == 200
            && let (Some(key), Some(secret)) = (field("client_id"), field("client_secret"))
            && known.insert(key.clone())
        {
            central.put_consumer(&key, &secret);
        }
    }
}

/// The real packages where they were recorded whole, else seeded ones of the same size.
fn put_packages(central: &Central, exchanges: &[RecordedExchange]) {
    for exchange in exchanges {
        let Some((_, uri)) = exchange.path().split_once("getDeliveryTest?delivery-uri=") else {
            continue;
        };
        let size = exchange.response["body_bytes"].as_u64().unwrap();
        let is_whole = exchange.response["status"] == 200 && size > 0;
        if !is_whole || header(&exchange.request, "range").is_some() {
            continue;
        }
        let delivery = uri
            .replace("%3A", ":")
            .replace("%2F", "/")
            .replace("%23", "#");
        match exchange.response["body_base64"].as_str() {
            Some(text) => {
                let engine = base64::engine::general_purpose::STANDARD;
                central.put_package(&delivery, engine.decode(text).unwrap());
            }
            None => central.make_package(&delivery, 7, size),
        }
    }
}

/// What the recorder did to the central between exchanges.
fn prepare(central: &Central, exchange: &RecordedExchange, tokens: &mut BTreeMap<String, String>) {
    match exchange.number {
        201 => central.set_token_lifetime(2),
        // The recorder waited until the token had expired.
        203 => central.set_clock_offset(4),
        205 => {
            central.set_token_lifetime(3600);
            central.set_page_size(2);
        }
        220 => central.set_page_size(3),
        238 => central.set_page_size(1),
        243 => central.set_page_size(100),
        _ => {}
    }
    // Tokens whose request was not recorded.
    let authorization = header(&exchange.request, "authorization").unwrap_or_default();
    let token = authorization.strip_prefix("Bearer ").unwrap_or("");
    if token.len() == 74 && !tokens.contains_key(token) {
        let consumer = central.add_consumer(true);
        let target = format!(
            "GET /taoOauth/TokenApi/requestToken?client_id={}&client_secret={} HTTP/1.1\r\nHost: x\r\n\r\n",
            consumer.key, consumer.secret
        );
        let answer = client::send(central.address(), target.as_bytes());
        learn(
            &format!("{{\"access_token\":\"{token}\"}}"),
            &answer,
            tokens,
        );
    }
}

/// The request as bytes, recorded tokens replaced by those this central issued.
fn raw(exchange: &RecordedExchange, tokens: &BTreeMap<String, String>) -> Vec<u8> {
    let method = exchange.request["method"].as_str().unwrap();
    let mut head = format!("{method} {} HTTP/1.1\r\n", exchange.path());
    // Some bodies the recording only tells of.
    let told: Option<Vec<u8>> = match exchange.number {
        149 => Some(b"\x1f\x8b\x08\x00 a compressed body is no JSON".to_vec()),
        263 => Some(ten_executions()),
        294..=296 => Some(format!("upload={}", "a".repeat(1 << 20)).into()),
        _ => None,
    };
    let recorded = exchange.request["body"].as_str().unwrap_or("");
    let body = told.clone().unwrap_or_else(|| recorded.into());
    for pair in exchange.request["headers"].as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        let value = match name {
            "Content-Length" if told.is_some() => body.len().to_string(),
            _ => value.to_owned(),
        };
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    for (old, new) in tokens {
        head = head.replace(old, new);
    }
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

/// 10 executions of 102 variables, as exchange 263 sent them.
fn ten_executions() -> Vec<u8> {
    let mut results = serde_json::Map::new();
    for n in 0..10 {
        let id = format!("http://box.test/local.rdf#execb{n}");
        let variables: Vec<Json> = (0..102)
            .map(|v| {
                serde_json::json!({
                    "type": "taoResultServer_models_classes_ResponseVariable",
                    "callIdTest": null, "callIdItem": format!("{id}.item-{v}.0"), "test": "t", "item": "i",
                    "data": {"identifier": "RESPONSE", "baseType": "identifier", "cardinality": "single",
                        "epoch": "0.50000000 1795445000", "candidateResponse": "Y2hvaWNlXzE=", "correctResponse": null},
                })
            })
            .collect();
        let result = serde_json::json!({
            "deliveryId": "http://central.test/tao.rdf#i6b0457192ab7322780cfdc17dc1e6496f9",
            "deliveryExecutionId": id,
            "details": {"identifier": id, "label": "l", "test-taker": "t", "starttime": "0.1 1", "finishtime": null, "state": "s"},
            "variables": variables,
        });
        results.insert(id, result);
    }
    serde_json::json!({"results": results, "sync_params": {"tao_version": "2022.11"}})
        .to_string()
        .into()
}

/// Pairs the recorded token with the one that this central issued.
fn learn(recorded: &str, answer: &client::ClientAnswer, tokens: &mut BTreeMap<String, String>) {
    let token = |body: &str| {
        let json: Json = serde_json::from_str(body).ok()?;
        json["access_token"].as_str().map(str::to_owned)
    };
    let here = String::from_utf8_lossy(&answer.body);
    if let (Some(old), Some(new)) = (token(recorded), token(&here)) {
        tokens.insert(old, new);
    }
}

/// Headers whose presence is part of the shape.
const HEADERS: &[&str] = &[
    "Content-Range",
    "Accept-Ranges",
    "Content-Length",
    "Transfer-Encoding",
    "WWW-Authenticate",
    "ETag",
    "Last-Modified",
    "Location",
    "Content-Encoding",
    "X-Powered-By",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    "Strict-Transport-Security",
];

fn difference(exchange: &RecordedExchange, answer: &client::ClientAnswer) -> Option<String> {
    let status = exchange.response["status"].as_u64().unwrap();
    if status != u64::from(answer.status) {
        let body: String = String::from_utf8_lossy(&answer.body)
            .chars()
            .take(200)
            .collect();
        return Some(format!("status {status}, here {}: {body}", answer.status));
    }
    for name in HEADERS {
        let there = header(&exchange.response, name).is_some();
        if there != answer.header(name).is_some() {
            return Some(format!("header {name} there {there}, here {}", !there));
        }
    }
    for name in ["Content-Type", "Content-Range"] {
        let there = header(&exchange.response, name);
        let here = answer.header(name);
        if there.as_deref() != here {
            return Some(format!("{name} there {there:?}, here {here:?}"));
        }
    }
    let there = exchange.response["body_bytes"].as_u64().unwrap();
    let here = answer.body.len() as u64;
    let Ok(expected) = serde_json::from_str::<Json>(exchange.body()) else {
        return (there != here).then(|| format!("{there} bytes of body, here {here}"));
    };
    match serde_json::from_slice::<Json>(&answer.body) {
        Err(error) => Some(format!("no JSON here: {error}")),
        Ok(own) => shape(&expected, &own, "$"),
    }
}

/// The first place where two JSON values differ; of values that no two runs share only the types count.
fn shape(there: &Json, here: &Json, at: &str) -> Option<String> {
    match (there, here) {
        (Json::Object(a), Json::Object(b)) => {
            let (names, own): (BTreeSet<_>, BTreeSet<_>) = (a.keys().collect(), b.keys().collect());
            if names != own {
                let missing: Vec<_> = names.difference(&own).take(3).collect();
                let extra: Vec<_> = own.difference(&names).take(3).collect();
                return Some(format!("{at}: missing {missing:?}, extra {extra:?}"));
            }
            a.iter()
                .find_map(|(key, value)| shape(value, &b[key], &format!("{at}.{key}")))
        }
        (Json::Array(a), Json::Array(b)) if a.len() != b.len() => {
            Some(format!("{at}: {} elements, here {}", a.len(), b.len()))
        }
        (Json::Array(a), Json::Array(b)) => {
            (a.iter().zip(b).enumerate()).find_map(|(i, (x, y))| shape(x, y, &format!("{at}[{i}]")))
        }
        (Json::String(a), Json::String(b)) if is_made_anew(at) => {
            (a.is_empty() != b.is_empty()).then(|| format!("{at}: {a:?}, here {b:?}"))
        }
        (Json::Number(_), Json::Number(_)) if is_made_anew(at) => None,
        (a, b) => (a != b).then(|| format!("{at}: {a}, here {b}")),
    }
}

/// Values that no two runs share.
fn is_made_anew(at: &str) -> bool {
    const MADE: &[&str] = &[
        "$.access_token",
        "$.expires",
        "$.oauthInfo.key",
        "$.oauthInfo.secret",
        "$.oauthInfo.tokenUrl",
        "$.syncUser.checksum",
        "#UpdatedAt",
        "#ConsumerUser",
    ];
    MADE.iter().any(|end| at.ends_with(end))
}
