//! A TAO with taoEncryption behind the gateway of a box, on an encrypted central: what it reads and hands over passes as
//! it is, and goes to central once. Central decrypts with its own private key, by code of its own.
//! Never a word of the product about itself: central's answers and central's storage are compared.

use std::collections::BTreeMap;

use central::{Execution, KeyPair, Kind, Options, Route, uri};
use e2e::{Running, Site, Tao, options};
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};

use crate::results::{answers, contents, send};

const KEY_PATH: &str = "taoEncryption/EncryptionApi/updatePublicKey";

/// A box on an encrypted central, its daemon, which begins nothing by itself, the TAO behind it, and one that was
/// pointed at central itself.
fn behind(test: u8) -> (Site, Running, Tao, Tao) {
    let mut site = Site::new(Options {
        encrypted: true,
        ..options(3, 1, (20_000, 40_000))
    });
    let manager = site.central.manager_uri("1001").unwrap();
    for (property, value) in [
        (uri::APPLICATION_KEY, "IvuU/+BiDW/v"),
        (uri::LABEL, "ZXQs8Nt2"),
    ] {
        assert!(site.central.set_property(&manager, property, &[value]));
    }
    site.enroll().exits(0);
    site.set("sync", "on_boot", "false");
    site.set("results", "settle", "\"1s\"");
    let at = site.set_gateway(test);
    let tao = site.tao(at, 1);
    let consumer = site.central.consumer().unwrap();
    let direct = Tao {
        at: site.central.address(),
        key: consumer.key,
        secret: consumer.secret,
        ..tao.clone()
    };
    let running = started(&site, &tao);
    (site, running, tao, direct)
}

fn started(site: &Site, tao: &Tao) -> Running {
    let mut running = site.start(&["run"]);
    assert!(running.until("the gateway", || tao.token().is_ok()));
    running
}

/// Status and content of each answer to a TAO that asks for central's public key, in every way it can be asked.
fn key_answers(tao: &Tao, checksum: Option<&str>) -> Vec<(u16, String)> {
    let token = tao.token().unwrap();
    let own = checksum.unwrap_or("00000000");
    let bodies = [
        json!({ "public-checksum": null }),
        json!({ "public-checksum": "ffffffff" }),
        json!({ "public-checksum": own }),
        json!({}),
    ];
    let posted = bodies.iter().map(|body| tao.post(&token, KEY_PATH, body));
    let all = posted.chain([tao.get(&token, KEY_PATH)]);
    let read = |said: e2e::TaoAnswer| (said.status, String::from_utf8(said.body).unwrap());
    all.map(|said| read(said.unwrap())).collect()
}

#[test]
fn the_gateway_says_of_the_key_what_central_says() {
    let (site, running, tao, direct) = behind(91);
    // Nobody has asked central yet: that is not "there is none".
    let unknown = key_answers(&tao, None);
    assert!(
        unknown.iter().all(|(status, _)| *status == 503),
        "{unknown:?}"
    );
    let same = |what: &str, expected: &[u16]| {
        site.sync().ends();
        let checksum = site.central.key_checksum();
        let own = key_answers(&tao, checksum.as_deref());
        assert_eq!(own, key_answers(&direct, checksum.as_deref()), "{what}");
        let statuses: Vec<u16> = own.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, expected, "{what}: {own:?}");
        own
    };
    site.central.set_key_pair(None);
    same("no key", &[200, 200, 200, 500, 500]);
    site.central.set_encryption_role(false);
    let role = same("role missing", &[403; 5]);
    site.central.set_encryption_role(true);
    site.central.set_key_pair(Some(KeyPair::First));
    let first = same("the first key", &[200, 200, 200, 500, 500]);
    site.central.set_key_pair(Some(KeyPair::Second));
    let second = same("another key", &[200, 200, 200, 500, 500]);
    assert_ne!(first[0], second[0]);
    site.central.set_encrypted(false);
    let plain = same("a plain central", &[403; 5]);
    assert_ne!(
        role[0], plain[0],
        "two refusals that a client can tell apart"
    );
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

/// Details by id, as they came.
fn details(tao: &Tao, site: &Site, kind: Kind) -> Value {
    let body = json!({ "type": kind.name(), "entityIds": site.ids(kind), "params": tao.params() });
    let path = "taoSync/SynchronisationApi/fetchEntityDetails";
    tao.post(&tao.token().unwrap(), path, &body).unwrap().json()
}

#[test]
fn users_and_deliveries_reach_a_tao_as_central_gives_them() {
    let (site, running, tao, direct) = behind(92);
    site.sync().exits(0);
    for kind in Kind::ALL {
        let own = details(&tao, &site, kind);
        assert_eq!(own, details(&direct, &site, kind), "{}", kind.name());
        let keyed = matches!(
            kind,
            Kind::Administrator | Kind::Proctor | Kind::TestTaker | Kind::Delivery
        );
        let has_key = |entity: &Value| entity["properties"][uri::APPLICATION_KEY].is_string();
        let entities = own.as_object().unwrap();
        assert!(!entities.is_empty() && entities.values().all(|e| has_key(e) == keyed));
    }
    assert_eq!(tao.run().unwrap(), direct.run().unwrap());
    // The sync manager, whom only a handshake brings; each one at central makes another client of his.
    let (login, password) = site.central.manager("1001").unwrap();
    let user = |tao: &Tao| {
        let body = json!({ "login": login, "password": password });
        let said = tao.post("", "taoSync/HandShake", &body).unwrap().json();
        let mut user = said["syncUser"]["properties"].as_object().unwrap().clone();
        user.remove(uri::CONSUMER_USER);
        user.remove(uri::UPDATED_AT);
        user
    };
    let own = user(&tao);
    assert_eq!(own[uri::APPLICATION_KEY], "IvuU/+BiDW/v");
    assert_eq!(own[uri::LABEL], "ZXQs8Nt2");
    assert_eq!(own, user(&direct));
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

/// The row of a variable, as taoEncryption on a box writes it (protocol 7.7).
fn row(execution: &str, n: usize, answer: &str) -> String {
    use base64::Engine as _;
    let class = "taoResultServer_models_classes_ResponseVariable";
    let text = |text: &str| format!("s:{}:\"{text}\";", text.len());
    let content = base64::engine::general_purpose::STANDARD.encode(answer);
    let members = [
        ("identifier", text(&format!("RESPONSE_{n}"))),
        ("cardinality", text("single")),
        ("baseType", text("string")),
        ("epoch", text("0.12345600 1795000300")),
        ("correctResponse", "N;".to_owned()),
        ("candidateResponse", text(&content)),
    ];
    let members = members.map(|(name, value)| text(&format!("\0*\0{name}")) + &value);
    let variable = format!("O:47:\"{class}\":6:{{{}}}", members.concat());
    let call = format!("{execution}.item-{n}.0");
    json!({
        "deliveryResultIdentifier": execution, "test": "https://central.example/tao.rdf#test",
        "item": format!("https://central.example/tao.rdf#item-{n}"), "variable": variable, "callIdItem": call,
        "uri": format!("{execution}{call}"), "callIdTest": null, "class": class,
    })
    .to_string()
}

/// What the TAO behind the gateway has in its tables: encrypted once, and sent as it lies there each time.
struct Produced {
    results: Map<String, Value>,
    logs: Map<String, Value>,
    texts: BTreeMap<String, String>,
}

const VARIABLES: usize = 4;

fn produced(site: &Site, executions: &[String]) -> Produced {
    let mut produced = Produced {
        results: Map::new(),
        logs: Map::new(),
        texts: BTreeMap::new(),
    };
    for (at, id) in executions.iter().enumerate() {
        let row = |(n, answer): (usize, String)| {
            let envelope = site.central.enclosed(&row(id, n, &answer)).unwrap();
            (format!("{at:016x}{n:016x}"), json!(envelope))
        };
        let rows: Map<String, Value> = answers(id, VARIABLES)
            .into_iter()
            .enumerate()
            .map(row)
            .collect();
        let mut result = crate::results::result(site, id, &[]);
        result["variables"] = rows.into();
        produced.results.insert(id.clone(), result);
        let event = format!("EVENT_{at}");
        let text = json!({ "proctorUri": "https://central.example/tao.rdf#p", "é": [at] });
        let data = site.central.closed_data(&text.to_string()).unwrap();
        let row = json!({
            "id": (at + 41).to_string(), "delivery_execution_id": id, "event_id": event, "data": data,
            "created_at": "1795000100.1234", "created_by": "https://central.example/tao.rdf#p",
            "is_synced": "0", "log_is_after_session_sync": false,
        });
        produced.logs.insert(id.clone(), json!([row]));
        produced.texts.insert(event, text.to_string());
    }
    produced
}

/// One upload of the TAO: results, then logs, then sessions, all acknowledged.
fn upload(tao: &Tao, produced: &Produced) {
    let token = tao.token().unwrap();
    let ids: Vec<&String> = produced.results.keys().collect();
    for (path, key, content) in [
        ("syncResults", "results", json!(produced.results)),
        ("syncDeliveryLogs", "delivery_logs", json!(produced.logs)),
        ("syncTestSessions", "test_sessions", json!(ids)),
    ] {
        let body = json!({ key: content, "sync_params": tao.params() });
        let path = format!("taoSync/ResultApi/{path}");
        let said = tao.post(&token, &path, &body).unwrap().json();
        let taken = ids.iter().filter(|id| said[id.as_str()]["success"] == 1);
        assert_eq!(taken.count(), ids.len(), "{path}: {said}");
    }
}

/// Counts, at central, what is not there and what is there more than once.
fn lost_and_doubled(site: &Site, executions: &[String], produced: &Produced) -> (usize, usize) {
    let (mut lost, mut doubled) = (0, 0);
    let mut count = |expected: &str, found: &[String]| match found
        .iter()
        .filter(|text| *text == expected)
        .count()
    {
        0 => lost += 1,
        times => doubled += times - 1,
    };
    let all = site.central.executions();
    for id in executions {
        let of: Vec<&Execution> = all.iter().filter(|e| e.offline == *id).collect();
        let found: Vec<String> = of.iter().flat_map(|e| contents(e)).collect();
        answers(id, VARIABLES)
            .iter()
            .for_each(|answer| count(answer, &found));
        let sessions: u64 = of.iter().map(|e| e.created_events).sum();
        count(id, &vec![id.clone(); usize::try_from(sessions).unwrap()]);
    }
    let rows = site.central.log_rows();
    for (event, text) in &produced.texts {
        let of = rows.iter().filter(|row| row.event == *event);
        let found: Vec<String> = of.map(|row| row.data.clone()).collect();
        count(text, &found);
    }
    (lost, doubled)
}

#[test]
fn what_an_encrypted_tao_hands_over_is_decrypted_by_central_once() {
    let (site, running, tao, _) = behind(93);
    site.sync().exits(0);
    let executions: Vec<String> = (0..12)
        .map(|n| format!("http://box.test/local.rdf#e{n}"))
        .collect();
    let produced = produced(&site, &executions);
    upload(&tao, &produced);
    assert_eq!(
        lost_and_doubled(&site, &executions, &produced).0,
        12 * (VARIABLES + 2),
        "nothing is home before it was sent"
    );
    // The power goes before the TAO hears the answer: it hands over the same again.
    running.kill().was_killed();
    let running = started(&site, &tao);
    upload(&tao, &produced);
    site.central.reset_log();
    send(&site).exits(0).code("ok");
    upload(&tao, &produced);
    send(&site).exits(0).code("ok");
    assert_eq!(lost_and_doubled(&site, &executions, &produced), (0, 0));
    assert_eq!(site.central.undecrypted(), Vec::<String>::new());
    assert!(site.central.orphans().is_empty());
    // Each map went in one request alone, with the texts that the TAO wrote.
    let mut sent = Map::new();
    for request in site.central.requests_on(Route::Results) {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        for (id, result) in body["results"].as_object().unwrap() {
            assert!(
                sent.insert(id.clone(), result.clone()).is_none(),
                "{id} went twice"
            );
        }
    }
    assert_eq!(sent, produced.results);
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}
