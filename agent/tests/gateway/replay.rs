//! The contract: every recorded exchange against a gateway that holds what the exchanges themselves show.
//! Never lets an exception outlive its reason: one that matches after all fails.
//! Called by the test runner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agent::gateway::Setup;
use logic::api::Handshake;
use logic::entity::{Entity, EntityType};
use logic::identity::Enrolment;
use serde_json::{Value as Json, json};

use crate::bench::{
    GatewayExchange, GatewayReply, GatewayServed, GatewayStock, VERSION, exchanges,
};

/// Where the gateway differs from central on purpose: first and last exchange, and why.
const EXCEPTIONS: &[(u64, u64, &str)] = &[
    (
        8,
        9,
        "the box keeps one login, that of its sync manager: any other one is unknown, whatever its roles",
    ),
    (
        20,
        20,
        "several tokens live at once: a client that asks again does not lose a run of another one",
    ),
    (
        55,
        56,
        "another organisation is refused: an empty or foreign list would make the client delete everything",
    ),
    (
        70,
        70,
        "creation times never reach the box (protocol 5.8): `startCreatedAt` is not followed",
    ),
    (93, 93, "a role is no entity of the box"),
    (
        95,
        95,
        "what belongs to another organisation is not on the box",
    ),
    (
        98,
        98,
        "classes of the TAO ontology are not kept: every client has them",
    ),
    (
        117,
        117,
        "what belongs to another organisation is not on the box",
    ),
    (
        203,
        204,
        "tokens live an hour: the recording's central had 2 s",
    ),
    (
        206,
        213,
        "pages hold 100 and a chain ends: the recording's central had 2 a page and ended never",
    ),
    (
        215,
        216,
        "pages hold 100: the recording's central had 2 a page",
    ),
    (
        221,
        225,
        "pages hold 100 and a chain ends: the recording's central had 3 a page",
    ),
    (
        226,
        226,
        "pages hold 100: the recording's central had 3 a page",
    ),
    (
        228,
        237,
        "pages hold 100 and a chain ends: the recording's central had 3 a page",
    ),
    (
        238,
        238,
        "pages hold 100: the recording's central had 1 a page",
    ),
    (
        241,
        241,
        "pages hold 100: the recording's central had 1 a page",
    ),
    (
        244,
        244,
        "a resend is acknowledged with `success` 1: it is on disk",
    ),
    (267, 267, "logs are kept until their result is there"),
    (288, 288, "a session is kept until its result is there"),
    (
        294,
        294,
        "nobody without credentials reads a byte, of the readiness files neither (see the next test)",
    ),
    (
        305,
        307,
        "nobody without credentials reads a byte, of the readiness files neither (see the next test)",
    ),
    (310, 310, "the readiness pages for people are not served"),
    (
        834,
        834,
        "a chain ends with its last entity, not with an empty page",
    ),
];

const PASSWORD: &str = "SyncPassw0rd!";

/// Central's own clients in the recordings; the box knows only its own.
const CLIENTS: [(&str, &str); 3] = [
    (
        "3cefc40f584f096b22ab63e8feb8e02f",
        "yeNQe3VmMIILRE0PJT1U7zXHVmvF1YeQ7e8c08b788294b4998a182679f4a7ca604cda655d12dce5647d81e5b7669eab5",
    ),
    (
        "f5b2f9844c16525ee0da2f456dadb8c1",
        "Y6NrnEfRShUP455YWMTadUoF9DLYNWRF29d5e963f90c70c4ca930a8d6d7fa312c99fa1768aaab28acca1c355bbcbbc3d",
    ),
    (
        "ca98b6cc55ceb4b64d19311f3ea450d7",
        "aigNb9Wa7GkKdegTQSSr7nhBLAa0Q7vq9e4b5fa8e1c7e8b42a8a29f8e3cdcc54aa8a18869264bdc8c13a6a8aac5bc845",
    ),
];

fn listed(n: u64) -> Option<&'static str> {
    let mut exceptions = EXCEPTIONS.iter();
    exceptions
        .find(|(first, last, _)| (*first..=*last).contains(&n))
        .map(|(_, _, reason)| *reason)
}

/// Two boxes, of the two organisations that were recorded.
struct Fleet {
    main: GatewayServed,
    other: GatewayServed,
    tokens: BTreeMap<String, String>,
    first_result: Json,
    _stocks: [GatewayStock; 2],
}

impl Fleet {
    fn new(all: &[GatewayExchange]) -> Self {
        let main = GatewayStock::new();
        let details = [58, 60, 62, 64, 66, 68].into_iter().zip(EntityType::ALL);
        let stocked: Vec<_> = details
            .flat_map(|(n, kind)| {
                entities(all, n)
                    .into_iter()
                    .map(move |entity| (kind, entity))
            })
            .collect();
        let own = |class: &Entity| class.id.starts_with("http://central.test/");
        let classes: Vec<_> = [97, 98]
            .into_iter()
            .flat_map(|n| entities_where(all, n, own))
            .collect();
        main.publish("1001", Some(system::clock::now().wall), &stocked, &classes);
        main.package(&delivery(all, 106), &by_number(all, 106).reply.body);
        let big: Vec<u8> = (0..by_number(all, 107).length)
            .map(|n| (n % 251) as u8)
            .collect();
        main.package(&delivery(all, 107), &big);
        let other = GatewayStock::new();
        let takers = entities(all, 831).into_iter();
        let takers: Vec<_> = takers
            .map(|entity| (EntityType::TestTaker, entity))
            .collect();
        other.publish("2000", Some(system::clock::now().wall), &takers, &[]);
        for stock in [&main, &other] {
            enrol(stock, all);
        }
        let results: Json = serde_json::from_str(&by_number(all, 243).body).unwrap();
        let result = results["results"].as_object().unwrap().values().next();
        Self {
            main: serve(&main),
            other: serve(&other),
            tokens: BTreeMap::new(),
            first_result: result.unwrap().clone(),
            _stocks: [main, other],
        }
    }

    fn box_of(&self, exchange: &GatewayExchange) -> &GatewayServed {
        let other = ["organisation_id%5D=2000", "\"organisation_id\": \"2000\""]
            .iter()
            .any(|mark| exchange.path.contains(mark) || exchange.body.contains(mark));
        if other { &self.other } else { &self.main }
    }

    /// Sends what was recorded, with credentials of this box in place of central's. Only a token that central refused
    /// stays as it was, unless the recording shows how it was made.
    fn send(&self, exchange: &GatewayExchange, bearer: bool) -> GatewayReply {
        let served = self.box_of(exchange);
        let ours = |text: &str| {
            let mut text = text.to_owned();
            for (key, secret) in CLIENTS {
                text = text
                    .replace(key, &served.key)
                    .replace(secret, &served.secret);
            }
            text
        };
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in &exchange.headers {
            let value = match name.to_ascii_lowercase().as_str() {
                "host" | "connection" => continue,
                // The recording shows less content than was declared in this one case, and that is its point.
                "content-length" if exchange.n != 301 => continue,
                "authorization" => self.authorization(exchange, value, served),
                _ => value.clone(),
            };
            fields.push((name.clone(), value));
        }
        if bearer {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            fields.push(("Authorization".into(), format!("Bearer {}", served.token())));
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let body = match self.restored(exchange) {
            Some(body) => body,
            None => ours(&exchange.body).into_bytes(),
        };
        served.ask(&exchange.method, &ours(&exchange.path), &fields, &body)
    }

    fn authorization(
        &self,
        exchange: &GatewayExchange,
        value: &str,
        served: &GatewayServed,
    ) -> String {
        let Some((scheme, token)) = value
            .split_once(' ')
            .filter(|(scheme, _)| *scheme != "Basic")
        else {
            return match self.tokens.get(value) {
                Some(token) => token.clone(),
                None => value.to_owned(),
            };
        };
        match self.tokens.get(token) {
            Some(token) => format!("{scheme} {token}"),
            None if exchange.reply.status == 401 => value.to_owned(),
            None => format!("{scheme} {}", served.token()),
        }
    }

    /// Contents that the recordings only begin.
    fn restored(&self, exchange: &GatewayExchange) -> Option<Vec<u8>> {
        if !exchange.body.contains("<<") {
            return None;
        }
        Some(match exchange.name.as_str() {
            "gzip-request-body" => vec![0x1f, 0x8b, 8, 0, 0x3d, 0x57, 4, 0x6b, 2, 0xff, 0x8d, 0xd1],
            "results-chunk10x102vars" => {
                let results: serde_json::Map<_, _> = (0..10)
                    .map(|n| {
                        let first = self.first_result.to_string();
                        let own = first.replace("#exec1", &format!("#execb{n}"));
                        let mut result: Json = serde_json::from_str(&own).unwrap();
                        let variable = result["variables"][0].clone();
                        let variables = (0..102).map(|n| {
                            let mut variable = variable.clone();
                            variable["data"]["identifier"] = format!("RESPONSE_{n}").into();
                            variable
                        });
                        result["variables"] = variables.collect();
                        (format!("http://box.test/local.rdf#execb{n}"), result)
                    })
                    .collect();
                let params = json!({ "tao_version": VERSION, "organisation_id": "1001" });
                json!({ "results": results, "sync_params": params })
                    .to_string()
                    .into_bytes()
            }
            name if name.starts_with("upload-") => [&b"upload="[..], &[b'a'; 1 << 20]].concat(),
            other => panic!("{other}: a content that is not known whole"),
        })
    }
}

fn serve(stock: &GatewayStock) -> GatewayServed {
    let setup = Setup {
        version: VERSION.into(),
        lti_users: false,
        max_age: None,
    };
    let settings = logic::settings::ResultsSettings {
        max_item: logic::settings::Size(16 << 20),
        ..Default::default()
    };
    let intake = agent::intake::Intake::open(&stock.vault, &settings, None).unwrap();
    GatewayServed::new(&stock.vault, setup, Some(Arc::new(intake.of_any_state())))
}

fn enrol(stock: &GatewayStock, all: &[GatewayExchange]) {
    let reply = logic::api::Reply {
        status: 200,
        body: by_number(all, 3).reply.body.clone(),
        ..logic::api::Reply::default()
    };
    let handshake = Handshake::read(&reply).unwrap();
    let enrolment = Enrolment {
        key: handshake.key,
        secret: handshake.secret,
        token_url: handshake.token_url,
        sync_user: Some(handshake.user),
        enrolled_at: 0,
    };
    stock.vault.entry("credentials").put(&enrolment).unwrap();
    let versions = by_number(all, 39).reply.json()["data"].clone();
    let versions: Vec<String> = serde_json::from_value(versions).unwrap();
    agent::engine::versions::remember(&stock.vault, &versions).unwrap();
}

fn by_number(all: &[GatewayExchange], n: u64) -> &GatewayExchange {
    all.iter().find(|exchange| exchange.n == n).unwrap()
}

fn entities(all: &[GatewayExchange], n: u64) -> Vec<Entity> {
    entities_where(all, n, |_| true)
}

fn entities_where(all: &[GatewayExchange], n: u64, which: impl Fn(&Entity) -> bool) -> Vec<Entity> {
    let map = by_number(all, n).reply.json();
    let values = map.as_object().unwrap().values();
    values
        .map(|value| Entity::from_json(value.to_string().as_bytes()).unwrap())
        .filter(which)
        .collect()
}

fn delivery(all: &[GatewayExchange], n: u64) -> String {
    let path = &by_number(all, n).path;
    let (_, encoded) = path.split_once("delivery-uri=").unwrap();
    percent_encoding::percent_decode_str(encoded)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

/// Where a reply differs from the recorded one.
fn difference(exchange: &GatewayExchange, reply: &GatewayReply) -> Option<String> {
    let recorded = &exchange.reply;
    if reply.status != recorded.status {
        let body = String::from_utf8_lossy(&reply.body);
        return Some(format!(
            "status {} for {}: {body:.200}",
            reply.status, recorded.status
        ));
    }
    for name in [
        "Content-Type",
        "Content-Range",
        "Accept-Ranges",
        "ETag",
        "Last-Modified",
    ] {
        let (ours, theirs) = (reply.header(name), recorded.header(name));
        if ours != theirs {
            return Some(format!("{name} {ours:?} for {theirs:?}"));
        }
    }
    if reply.header("WWW-Authenticate").is_some() != recorded.header("WWW-Authenticate").is_some() {
        return Some("WWW-Authenticate".into());
    }
    if exchange.method == "HEAD" {
        return None;
    }
    let Ok(theirs) = serde_json::from_slice::<Json>(&recorded.body) else {
        let is_page = recorded.body.starts_with(b"<html>");
        let same =
            reply.body.len() == exchange.length || is_page && reply.body.starts_with(b"<html>");
        return (!same).then(|| format!("{} bytes for {}", reply.body.len(), exchange.length));
    };
    let Ok(ours) = serde_json::from_slice::<Json>(&reply.body) else {
        return Some(format!("no JSON: {}", String::from_utf8_lossy(&reply.body)));
    };
    // What is made anew each time can only have the same shape.
    let fresh = exchange.path.starts_with("/taoSync/HandShake")
        || exchange.path.starts_with("/taoOauth/TokenApi");
    let same = if fresh && recorded.status == 200 && theirs.get("success").is_none() {
        shape(&ours) == shape(&theirs)
    } else {
        ours == theirs
    };
    (!same).then(|| format!("{ours:.300} for {theirs:.300}"))
}

fn shape(value: &Json) -> Json {
    match value {
        Json::Object(map) => map.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        Json::Array(list) => {
            let shapes: BTreeSet<String> = list.iter().map(|v| shape(v).to_string()).collect();
            json!(shapes)
        }
        Json::String(_) => "text".into(),
        Json::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn the_recorded_exchanges_are_the_contract() {
    let all = exchanges();
    assert!(all.len() > 280);
    let mut fleet = Fleet::new(&all);
    let mut wrong = Vec::new();
    for exchange in &all {
        let reply = fleet.send(exchange, false);
        let differs = difference(exchange, &reply);
        let told = |what: &str| format!("{} {}: {what}", exchange.n, exchange.name);
        match (differs, listed(exchange.n)) {
            (Some(difference), None) => wrong.push(told(&difference)),
            (None, Some(reason)) => wrong.push(told(&format!("matches, though: {reason}"))),
            _ => {}
        }
        // A token that central made there, we made here.
        if let Ok(recorded) = serde_json::from_slice::<Json>(&exchange.reply.body)
            && let Some(theirs) = recorded["access_token"].as_str()
            && reply.status == 200
        {
            let ours = reply.json()["access_token"].as_str().unwrap().to_owned();
            fleet.tokens.insert(theirs.to_owned(), ours);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn with_credentials_the_readiness_routes_are_central_s_too() {
    let all = exchanges();
    let fleet = Fleet::new(&all);
    for exchange in all
        .iter()
        .filter(|exchange| (294..=309).contains(&exchange.n))
    {
        let reply = fleet.send(exchange, true);
        assert_eq!(difference(exchange, &reply), None, "{}", exchange.name);
    }
}

#[test]
fn a_handshake_brings_credentials_that_open_the_box() {
    let all = exchanges();
    let fleet = Fleet::new(&all);
    let served = &fleet.main;
    let body = json!({ "login": "syncmanager1001", "password": PASSWORD }).to_string();
    let reply = served.ask("POST", "/taoSync/HandShake", &[], body.as_bytes());
    let wire = logic::api::Reply {
        status: reply.status,
        body: reply.body,
        ..logic::api::Reply::default()
    };
    let handshake = Handshake::read(&wire).unwrap();
    assert_eq!(
        (&handshake.key, &handshake.secret),
        (&served.key, &served.secret)
    );
    let token_url = format!("http://{}/taoOauth/TokenApi/requestToken", served.at);
    assert_eq!(handshake.token_url, token_url);
    assert_eq!(
        handshake
            .user
            .properties
            .first(logic::entity::uri::ORGANISATION),
        Some("1001")
    );
}
