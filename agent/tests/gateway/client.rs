//! Runs of a client over a store that changes, stops, ages or is damaged.
//! Never waits for time to pass: age and order are put into the store.
//! Called by the test runner.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use agent::gateway::Setup;
use agent::gateway::intake::{ItemKind, ItemSink, Offer, OfferOutcome};
use logic::entity::{Entity, EntityType, Value, uri};
use logic::fault::{Code, Fault};
use serde_json::{Value as Json, json};
use system::clock;
use vault::package::PackageStore;

use crate::bench::{GatewayReply, GatewayServed, GatewayStock, MemorySink, VERSION};

const API: &str = "/taoSync/SynchronisationApi";

fn setup() -> Setup {
    Setup {
        version: VERSION.into(),
        lti_users: false,
        max_age: Some(Duration::from_secs(30 * 86_400)),
    }
}

fn served(stock: &GatewayStock) -> GatewayServed {
    GatewayServed::new(&stock.vault, setup(), Some(Arc::new(MemorySink::default())))
}

fn entity(id: &str, label: &str, class: &str) -> Entity {
    let one = |text: &str| Value::One(text.to_owned());
    let properties = [
        (uri::TYPE.to_owned(), one(class)),
        (uri::LABEL.to_owned(), one(label)),
    ]
    .into_iter()
    .collect();
    Entity {
        id: id.to_owned(),
        checksum: logic::php::checksum(&properties, &[]),
        properties,
    }
}

fn stocked(count: usize, label: &str) -> Vec<(EntityType, Entity)> {
    let kinds = EntityType::ALL.into_iter();
    kinds
        .flat_map(|kind| {
            let word = kind.word();
            let many = if kind == EntityType::TestTaker {
                count
            } else {
                12
            };
            (0..many).map(move |n| {
                let id = format!("https://central.example/tao.rdf#{word}{n}");
                (
                    kind,
                    entity(&id, label, "https://central.example/tao.rdf#class"),
                )
            })
        })
        .collect()
}

fn package(n: usize) -> Vec<u8> {
    (0..150_000 + n)
        .map(|at| ((at * (n + 7)) % 253) as u8)
        .collect()
}

fn stock(label: &str) -> GatewayStock {
    let stock = GatewayStock::new();
    stock.publish("1001", Some(clock::now().wall), &stocked(280, label), &[]);
    for n in 0..12 {
        stock.package(
            &format!("https://central.example/tao.rdf#delivery{n}"),
            &package(n),
        );
    }
    stock
}

/// One run of a client: what it asks, as the PHP client asks it.
struct Client<'a> {
    served: &'a GatewayServed,
    token: String,
    sync_id: u64,
}

impl<'a> Client<'a> {
    fn new(served: &'a GatewayServed, sync_id: u64) -> Self {
        Self {
            token: served.token(),
            served,
            sync_id,
        }
    }

    fn params(&self) -> Json {
        json!({ "organisation_id": "1001", "sync_id": self.sync_id, "box_id": "tao", "tao_version": VERSION })
    }

    fn query(&self, kind: EntityType) -> String {
        format!(
            "{API}/fetchEntityChecksums?type={}&params%5Borganisation_id%5D=1001&params%5Bsync_id%5D={}&params%5Bbox_id%5D=tao&params%5Btao_version%5D={VERSION}",
            kind.word(),
            self.sync_id
        )
    }

    fn get(&self, path: &str) -> GatewayReply {
        self.served.call(&self.token, "GET", path, "")
    }

    fn post(&self, path: &str, body: &Json) -> GatewayReply {
        self.served
            .call(&self.token, "POST", path, &body.to_string())
    }

    fn list(&self, kind: EntityType) -> BTreeMap<String, String> {
        let mut path = self.query(kind);
        let mut listed = BTreeMap::new();
        loop {
            let reply = self.get(&path);
            assert_eq!(
                reply.status,
                200,
                "{}",
                String::from_utf8_lossy(&reply.body)
            );
            let page = reply.json();
            for (id, entity) in page["entities"].as_object().into_iter().flatten() {
                let checksum = entity["checksum"].as_str().unwrap().to_owned();
                assert_eq!(listed.insert(id.clone(), checksum), None);
            }
            match page["nextCallUrl"].as_str() {
                Some(next) => path = next.to_owned(),
                None => return listed,
            }
        }
    }

    fn details(&self, kind: EntityType, ids: &[&String]) -> GatewayReply {
        let body = json!({ "type": kind.word(), "entityIds": ids, "params": self.params() });
        self.post(&format!("{API}/fetchEntityDetails"), &body)
    }

    /// Everything that a type names, with the checksum that list and details agree on.
    fn fetch(&self, kind: EntityType) -> BTreeMap<String, String> {
        let listed = self.list(kind);
        let ids: Vec<&String> = listed.keys().collect();
        let mut held = BTreeMap::new();
        for ids in ids.chunks(100) {
            for (id, entity) in self.details(kind, ids).json().as_object().unwrap() {
                held.insert(id.clone(), entity["checksum"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(held, listed);
        listed
    }

    fn package(&self, id: &str) -> GatewayReply {
        let uri = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        self.get(&format!("{API}/getDeliveryTest?delivery-uri={uri}"))
    }

    fn confirm(&self) -> GatewayReply {
        let body = json!({ "params": self.params() });
        self.post(&format!("{API}/confirmSyncFinished"), &body)
    }
}

fn message(reply: &GatewayReply) -> String {
    let json = reply.json();
    assert_eq!(json["success"], false);
    json["errorMsg"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_s_run_brings_340_entities_and_12_packages() {
    let stock = stock("one");
    let served = served(&stock);
    let client = Client::new(&served, 1);
    let versions = client.get("/taoSync/api/supportedVm").json();
    assert_eq!(versions, json!({ "success": true, "data": [VERSION] }));
    let mut count = 0;
    for kind in EntityType::ALL {
        let held = client.fetch(kind);
        count += held.len();
        if kind == EntityType::Delivery {
            for n in 0..12 {
                let reply = client.package(&format!("https://central.example/tao.rdf#delivery{n}"));
                assert_eq!((reply.status, reply.body), (200, package(n)));
            }
        }
    }
    assert_eq!(count, 340);
    assert_eq!(client.confirm().json()["message"], "Confirmation received.");
    let kept = agent::engine::clients::confirmations(&stock.vault).unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].finished && kept[0].run.as_ref().unwrap().sync_id == "1");
}

#[test]
fn a_run_sees_one_edition_whatever_is_published_meanwhile() {
    let stock = stock("one");
    let served = served(&stock);
    let old = Client::new(&served, 1);
    let centres = old.list(EntityType::TestCenter);
    for label in ["two", "three", "four"] {
        stock.publish("1001", Some(clock::now().wall), &stocked(150, label), &[]);
    }
    // A new token, as after a jump of the clock, is the same run.
    let old = Client {
        token: served.token(),
        ..old
    };
    assert_eq!(old.fetch(EntityType::TestTaker).len(), 280);
    let ids: Vec<&String> = centres.keys().collect();
    let again = old.details(EntityType::TestCenter, &ids).json();
    for (id, checksum) in &centres {
        assert_eq!(again[id]["checksum"], *checksum.as_str());
    }
    let new = Client::new(&served, 2);
    assert_eq!(new.fetch(EntityType::TestTaker).len(), 150);
    assert_ne!(new.list(EntityType::TestCenter), centres);
    assert_eq!(old.fetch(EntityType::TestTaker).len(), 280);
    // A run that begins again, or was confirmed, meets what is shown now.
    assert_eq!(
        old.list(EntityType::TestCenter),
        new.list(EntityType::TestCenter)
    );
    assert_eq!(old.fetch(EntityType::TestTaker).len(), 150);
}

#[test]
fn a_restart_in_the_middle_of_a_run_is_seen_only_when_the_data_changed() {
    let stock = stock("one");
    let first = served(&stock);
    let client = Client::new(&first, 7);
    client.fetch(EntityType::TestCenter);
    let (token, key) = (client.token.clone(), first.key.clone());
    drop(first);

    let second = served(&stock);
    assert_eq!(second.key, key);
    assert_eq!(
        second
            .call(&token, "GET", "/taoSync/api/supportedVm", "")
            .status,
        401
    );
    let client = Client::new(&second, 7);
    client.fetch(EntityType::TestTaker);
    drop(second);

    stock.publish("1001", Some(clock::now().wall), &stocked(150, "two"), &[]);
    let third = served(&stock);
    let client = Client::new(&third, 7);
    let reply = client.get(&client.query(EntityType::Eligibility));
    assert_eq!(reply.status, 503);
    assert!(message(&reply).contains("start the synchronization again"));
    assert_eq!(
        Client::new(&third, 8).fetch(EntityType::TestTaker).len(),
        150
    );
    client.fetch(EntityType::TestCenter);
    assert_eq!(client.fetch(EntityType::TestTaker).len(), 150);
}

#[test]
fn half_a_catalogue_or_an_old_one_is_told_and_not_shown() {
    let stock = GatewayStock::new();
    let served = served(&stock);
    let told = |words: &str| {
        let client = Client::new(&served, 1);
        let id = "https://central.example/tao.rdf#proctor1".to_owned();
        let classes = json!({ "type": "proctor", "requested-classes": [id] });
        for reply in [
            client.get(&client.query(EntityType::TestCenter)),
            client.get(&client.query(EntityType::Proctor)),
            client.details(EntityType::Proctor, &[&id]),
            client.post(&format!("{API}/fetchClassDetails"), &classes),
            client.package(&id),
        ] {
            assert_eq!(reply.status, 503);
            assert!(message(&reply).contains(words), "{}", message(&reply));
            // Older clients show nothing but the phrase of the status line.
            assert!(reply.phrase.contains(words), "{}", reply.phrase);
        }
        assert_eq!(client.get("/taoSync/api/supportedVm").status, 200);
    };
    told("first synchronization");
    stock.publish("1001", None, &stocked(100, "one"), &[]);
    told("first synchronization");
    let old = clock::now().wall - 31 * 86_400;
    stock.publish("1001", Some(old), &stocked(100, "one"), &[]);
    told("31 days old");
    // A dead clock battery makes no data old.
    stock.publish(
        "1001",
        Some(clock::now().wall + 86_400),
        &stocked(100, "one"),
        &[],
    );
    assert_eq!(
        Client::new(&served, 2).fetch(EntityType::TestTaker).len(),
        100
    );
}

#[test]
fn a_package_that_is_not_there_or_is_damaged_is_never_half_of_one() {
    let stock = stock("one");
    stock.publish("1001", Some(clock::now().wall), &stocked(1, "one"), &[]);
    let served = served(&stock);
    let client = Client::new(&served, 1);
    let uri = |n| format!("https://central.example/tao.rdf#delivery{n}");
    let packages = PackageStore::open(&stock.vault).unwrap();
    assert_eq!(
        client
            .package("https://central.example/tao.rdf#nope")
            .status,
        404
    );
    packages
        .mark_damaged(&packages.held(&uri(1)).unwrap().unwrap())
        .unwrap();
    packages.collect(&|delivery| delivery != uri(2)).unwrap();
    for n in [1, 2] {
        let reply = client.package(&uri(n));
        assert_eq!(reply.status, 503);
        assert!(message(&reply).contains("not on the box yet"));
    }
    let folder = stock.vault.state().join("packages");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "data")
        {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[100_000] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    // The connection ends short of the length that was announced: no client takes it as whole.
    let reply = client.package(&uri(3));
    assert_eq!(reply.status, 0);
    assert!(reply.body.len() <= 65_536);
}

#[test]
fn nobody_without_credentials_reads_a_byte() {
    let stock = stock("one");
    let served = served(&stock);
    let paths = [
        "/",
        "/nope",
        "/taoSync/Nope",
        "/taoSync/api/supportedVm",
        "/taoSync/SynchronisationApi/fetchEntityChecksums?type=proctor",
        "/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri=x",
        "/taoSync/ResultApi/syncResults",
        "/taoEncryption/EncryptionApi/updatePublicKey",
        "/taoClientDiagnostic/CompatibilityChecker/upload",
        "/taoClientDiagnostic/views/js/tools/bandwidth/data/bin1MB.data",
    ];
    let reply = served.ask("GET", paths[3], &[("Authorization", "Basic YTpi")], b"");
    assert_eq!(reply.status, 401);
    for path in paths {
        for method in ["GET", "POST", "PUT", "OPTIONS"] {
            for authorization in ["", "Bearer x", "Basic ?", "Bearer "] {
                let fields = [("Authorization", authorization)];
                let reply = served.ask(method, path, &fields, b"x");
                assert_eq!(reply.status, 401, "{method} {path} {authorization}");
                assert_eq!(reply.json()["errorCode"], "401");
            }
        }
    }
}

#[test]
fn wrong_passwords_are_slowed_down_and_tokens_are_not() {
    let stock = stock("one");
    let served = served(&stock);
    let token = served.token();
    let guess = || {
        let body = br#"{"login":"sync","password":"x"}"#;
        served.ask("POST", "/taoSync/HandShake", &[], body)
    };
    for _ in 0..20 {
        let reply = guess();
        assert_eq!(
            (reply.status, &reply.json()["errorCode"]),
            (200, &json!("401"))
        );
    }
    // What is locked is this login, from there: another one is asked for, and refused, as before.
    let other = br#"{"login":"another","password":"x"}"#;
    let reply = served.ask("POST", "/taoSync/HandShake", &[], other);
    assert_eq!(reply.status, 200);
    let reply = guess();
    assert_eq!(reply.status, 429);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait));
    assert_eq!(
        served
            .call(&token, "GET", "/taoSync/api/supportedVm", "")
            .status,
        200
    );
    assert_eq!(served.token().len(), 74);
}

fn result(execution: &str) -> Json {
    json!({
        "deliveryId": "d", "deliveryExecutionId": execution, "variables": [],
        "details": { "identifier": execution, "label": "", "test-taker": "t", "starttime": "0 1", "finishtime": null, "state": "s" },
    })
}

#[test]
fn what_is_acknowledged_was_taken_and_a_resend_is_too() {
    let stock = stock("one");
    let sink = Arc::new(MemorySink::default());
    let served = GatewayServed::new(&stock.vault, setup(), Some(sink.clone()));
    let client = Client::new(&served, 1);
    let body =
        json!({ "results": { "e#1": result("e#1"), "e#2": "x" }, "sync_params": client.params() });
    for _ in 0..2 {
        let ack = client.post("/taoSync/ResultApi/syncResults", &body).json();
        assert_eq!(ack["e#1"], json!({ "success": 1, "deliveryId": "d" }));
        assert_eq!(ack["e#2"]["success"], 0);
    }
    let kept = sink.kept.lock().unwrap();
    let content = &kept[&(ItemKind::Results, "e#1".to_owned())];
    assert_eq!(
        serde_json::from_str::<Json>(content).unwrap(),
        result("e#1")
    );
    assert_eq!(kept.len(), 1);
}

struct Full;

impl ItemSink for Full {
    fn take(&self, offers: &[Offer]) -> Vec<OfferOutcome> {
        let full = Fault::new(Code::DiskFull, "the disk is full");
        vec![OfferOutcome::Failed(full); offers.len()]
    }
}

#[test]
fn what_cannot_be_taken_stays_with_the_client() {
    let stock = stock("one");
    for (intake, words) in [
        (
            Some(Arc::new(Full) as Arc<dyn ItemSink>),
            "the disk is full",
        ),
        (None, "takes no results"),
    ] {
        let served = GatewayServed::new(&stock.vault, setup(), intake);
        let client = Client::new(&served, 1);
        let body = json!({ "results": { "e#1": result("e#1") }, "sync_params": client.params() });
        let reply = client.post("/taoSync/ResultApi/syncResults", &body);
        assert_eq!(reply.status, 503);
        assert!(message(&reply).contains(words));
    }
}

#[test]
fn a_refusal_is_read_even_when_the_content_was_large() {
    let stock = stock("one");
    let served = served(&stock);
    let content = vec![b'x'; 8 << 20];
    for path in [
        "/taoSync/ResultApi/syncResults",
        "/taoSync/SynchronisationApi/nope",
    ] {
        let reply = served.ask(
            "POST",
            path,
            &[("Authorization", "Bearer old")],
            &content[..1 << 20],
        );
        assert_eq!(reply.status, 401);
    }
    let path = "/taoSync/ResultApi/syncResults";
    let reply = served.ask("POST", path, &[("Authorization", "Bearer old")], &content);
    assert_eq!(reply.status, 401);
}

#[test]
fn who_sends_slowly_keeps_nobody_waiting() {
    let stock = stock("one");
    let served = served(&stock);
    let token = served.token();
    let slow: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = TcpStream::connect(served.at).unwrap();
            let path = match number % 2 {
                0 => "/taoOauth/TokenApi/requestToken",
                _ => "/taoSync/HandShake",
            };
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: b\r\nContent-Length: 90\r\n\r\nx"
            )
            .unwrap();
            stream
        })
        .collect();
    // The newest of them are still there, and were not answered.
    let newest = slow.last().unwrap();
    newest.set_nonblocking(true).unwrap();
    assert_eq!(served.token().len(), 74);
    let versions = served.call(&token, "GET", "/taoSync/api/supportedVm", "");
    assert_eq!(versions.status, 200);
    let left = newest.peek(&mut [0]).unwrap_err();
    assert_eq!(left.kind(), std::io::ErrorKind::WouldBlock);
    // The oldest made room.
    assert!(matches!((&slow[0]).read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn contents_are_bounded() {
    let stock = stock("one");
    let served = served(&stock);
    let client = Client::new(&served, 1);
    let long = "x".repeat(65 << 10);
    let reply = served.ask("POST", "/taoSync/HandShake", &[], long.as_bytes());
    assert_eq!(reply.status, 413);
    let bearer = format!("Bearer {}", client.token);
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Content-Length", "70000000"),
    ];
    let reply = served.ask("POST", "/taoSync/ResultApi/syncResults", &fields, b"{");
    assert_eq!(reply.status, 413);
    let chunked = [("Transfer-Encoding", "chunked")];
    let chunk = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let reply = served.ask(
        "POST",
        "/taoOauth/TokenApi/requestToken",
        &chunked,
        chunk.as_bytes(),
    );
    assert_eq!(reply.status, 413);
}
