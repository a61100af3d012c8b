//! Recorded answers of an encrypted central (protocol 13): every checksum fits, and nothing is asked for twice.
//! Replays what was asked, too. Never a made-up answer but the confirmation and the classes, which were not recorded.
//! Run by `cargo test -p logic`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::path::Path;

use logic::api::{Call, CallBody, ChecksumPage, Details, Handshake, KeyAnswer, Reply};
use logic::encryption::{CentralEncryption, EncryptionMode};
use logic::entity::{EntityType, uri};
use logic::fault::Code;
use logic::gateway::{self, AnswerSigner};
use logic::intake::{self, ITEM_LIMIT, ItemKind};
use logic::manifest::HeldRows;
use logic::package_lane::PackageAccount;
use logic::php;
use logic::report::{ConnectionStats, OwedCount, Report, Survey};
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::spool::{
    ItemAdmission, ItemState, Ledger, Loaded, Others, Sending, SpoolCommand, SpoolEnding,
    SpoolEvent, SpoolPlan,
};
use logic::sync::{SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use logic::words::{Now, SyncParams};
use serde_json::Value as Json;

/// The reply of the exchange whose name ends so.
fn recorded(name: &str) -> Reply {
    let response = &exchange(name)["response"];
    Reply {
        status: response["status"].as_u64().unwrap().try_into().unwrap(),
        ..reply(response["body"].as_str().unwrap())
    }
}

/// The body of its request.
fn asked_with(name: &str) -> Json {
    let exchange = exchange(name);
    serde_json::from_str(exchange["request"]["body"].as_str().unwrap()).unwrap()
}

fn exchange(name: &str) -> Json {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/encrypted");
    let is_it = |path: &std::path::PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy();
        stem.ends_with(&format!("-enc-{name}"))
    };
    let mut paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let path = paths.find(is_it).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn reply(body: &str) -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
    }
}

#[test]
fn the_wrapped_key_of_a_user_is_in_its_checksum_and_the_clear_key_of_a_delivery_is_not() {
    let mut with_key = BTreeMap::new();
    for kind in EntityType::ALL {
        let page = ChecksumPage::read(&recorded(&format!("checksums-{}", kind.word()))).unwrap();
        let details = Details::read(&recorded(&format!("details-{}", kind.word()))).unwrap();
        assert_eq!((page.odd.len(), details.odd.len()), (0, 0));
        let listed: BTreeMap<String, String> = page.listed.into_iter().collect();
        for entity in details.entities {
            let computed = php::checksum(&entity.properties, kind.outside_checksum());
            assert_eq!(computed, entity.checksum, "{} {}", kind.word(), entity.id);
            assert_eq!(listed[&entity.id], entity.checksum);
            if entity.properties.get(uri::APPLICATION_KEY).is_some() {
                *with_key.entry(kind).or_insert(0) += 1;
            }
        }
    }
    let kinds: Vec<EntityType> = with_key.into_keys().collect();
    let expected = [
        EntityType::Administrator,
        EntityType::Proctor,
        EntityType::TestTaker,
        EntityType::Delivery,
    ];
    assert_eq!(kinds, expected, "the recordings hold keys of all four");
    let user = Handshake::read(&recorded("handshake")).unwrap().user;
    assert_eq!(php::checksum(&user.properties, &[]), user.checksum);
}

#[test]
fn a_run_against_an_encrypted_central_asks_for_everything_once() {
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    let report = run(&mut asked);
    assert_eq!(
        (report.code.as_str(), report.findings.len()),
        ("ok", 0),
        "{report:?}"
    );
    let created: u64 = report.entities.values().map(|count| count.created).sum();
    assert_eq!(asked.len() as u64, created);
    assert!(created >= 16, "{created}");
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

/// What the box knows of the central of the recordings.
fn standing() -> CentralEncryption {
    let answer = KeyAnswer::read(Ok(recorded("updatePublicKey-null"))).unwrap();
    CentralEncryption::default().after(Some(&answer), Some("invented".into()))
}

#[test]
fn the_key_of_central_is_asked_for_and_passed_on_as_recorded() {
    let name = "updatePublicKey-null";
    let call = Call::public_key(CentralEncryption::default().checksum().as_deref());
    assert_eq!(format!("/{}", call.path), exchange(name)["request"]["path"]);
    assert_eq!(body(&call), asked_with(name));
    let standing = standing();
    assert_eq!(standing.mode, EncryptionMode::Encrypted);
    let key = standing.encrypts().unwrap();
    assert_eq!(Some(key.print()), standing.current());
    // Two blocks of RSA with 1024 bits (protocol 13.5).
    let row = key.enclose(b"row", &vec![7; key.entropy()]).unwrap();
    assert_eq!((&row[..3], row.len()), ("158", 3 + 344 + 24));
    // A TAO behind the gateway hears central's own bytes.
    let signer = AnswerSigner {
        version: "2022.11".into(),
    };
    let body = asked_with(name).to_string();
    let answer = gateway::public_key(body.as_bytes(), &standing, &signer);
    let reply = recorded(name);
    assert_eq!((answer.status, answer.body), (reply.status, reply.body));
}

#[test]
fn a_map_of_encrypted_rows_goes_as_recorded_and_is_acknowledged() {
    let (sent, ledger, ending) = send(ItemKind::Results, "syncResults");
    assert_eq!(sent, asked_with("syncResults"));
    assert_eq!(ledger.state, ItemState::Acknowledged);
    assert!(ledger.enclosure.enclosed && ledger.enclosure.key == standing().current());
    assert_eq!(
        (ending.trouble, ending.findings, ending.count.results.queued),
        (None, Vec::new(), 0)
    );
}

/// Central could not decrypt the row: its storage took none (protocol 8.1).
#[test]
fn a_row_that_central_cannot_decrypt_goes_as_recorded_and_stays_owed() {
    let (sent, ledger, ending) = send(ItemKind::Logs, "syncDeliveryLogs");
    assert_eq!(sent, asked_with("syncDeliveryLogs"));
    assert_eq!(ledger.state, ItemState::Queued);
    assert_eq!(
        ledger.reason.unwrap().code.known(),
        Some(Code::LogsNotStored)
    );
    assert_eq!(
        (ending.count.logs.queued, ending.count.logs.refused),
        (1, 0)
    );
}

fn body(call: &Call) -> Json {
    let CallBody::Json(body) = &call.body else {
        panic!("{} goes without JSON", call.name)
    };
    serde_json::from_slice(body).unwrap()
}

/// Lets in what the recorded request carries, sends it, and answers as recorded: what went, the account and the ending.
fn send(kind: ItemKind, name: &str) -> (Json, Ledger, SpoolEnding) {
    let document = asked_with(name).to_string();
    let known = |_: EntityType, _: &str| true;
    let mut read = intake::read(kind, document.as_bytes(), ITEM_LIMIT, &known).unwrap();
    let mut item = read.items.pop().unwrap();
    let standing = standing();
    item.enclosure.key = standing.current();
    let ItemAdmission::Fresh(mut ledger, payload) = Ledger::admit(item, &[], None) else {
        panic!("nothing came before it")
    };
    let plan = SpoolPlan {
        encrypted: standing.is_encrypted(),
        key: standing.current(),
        probe_data: standing.probe(),
        ..SpoolPlan::new(params(), "2022.11".into(), 1)
    };
    let owed = ledger.owed(std::slice::from_ref(&ledger));
    let now = Now::default();
    let mut machine = Sending::new(plan, vec![owed], now);
    let mut sent = Vec::new();
    loop {
        let event = match machine.next().expect("nothing is waited for") {
            SpoolCommand::Load(keys) => {
                let load = |key| {
                    Ok(Loaded {
                        ledger: (*ledger).clone(),
                        payload: payload.clone(),
                        others: Others::of(key, std::slice::from_ref(&ledger)),
                    })
                };
                SpoolEvent::Loaded(keys.iter().map(load).collect())
            }
            SpoolCommand::Persist(changes) => {
                changes.iter().for_each(|change| ledger.apply(change));
                SpoolEvent::Persisted(Ok(()))
            }
            SpoolCommand::Ask(ticket, call) => {
                let mut body = body(&call);
                // The recorded client counts its runs with texts.
                let number = &mut body["sync_params"]["sync_id"];
                *number = number.to_string().into();
                sent.push(body);
                SpoolEvent::Answered(ticket, Ok(recorded(name)))
            }
            SpoolCommand::Witness(_) => SpoolEvent::Found(None),
            SpoolCommand::End(ending) => {
                assert_eq!(sent.len(), 1, "{sent:?}");
                return (sent.remove(0), *ledger, *ending);
            }
        };
        machine.handle(event, now);
    }
}

fn params() -> SyncParams {
    SyncParams {
        organisation_id: "1001".into(),
        sync_id: 1,
        box_id: "box-1".into(),
        tao_version: "2022.11".into(),
    }
}

fn run(asked: &mut BTreeMap<String, u32>) -> Report {
    let plan = SyncPlan {
        params: params(),
        types: EntityType::ALL.to_vec(),
        packages: true,
        owed: true,
        measure: false,
        asked: false,
        allow_deletes: false,
        delete_limit: 0.2,
        owed_first: false,
        batch: 128,
        lanes: 3,
        pages: 8,
        memory: SmallMap::new(),
        running: 0,
        patience: None,
        interval: std::time::Duration::from_secs(900),
        hash: std::rc::Rc::new(|_, id| {
            let mut hash = [0; 16];
            let tail = &id.as_bytes()[id.len() - 16..];
            hash.copy_from_slice(tail);
            NameHash(hash)
        }),
        untold: Vec::new(),
        random: 1,
    };
    let now = Now::default();
    let mut sync = SyncMachine::new(plan, now);
    loop {
        let event = match sync.next().expect("the machine goes on") {
            SyncCommand::Ask(ticket, call) => SyncEvent::Answered(ticket, Ok(answer(&call, asked))),
            SyncCommand::Index(kind) => SyncEvent::Indexed(kind, HeldRows::default()),
            SyncCommand::Stage(..) | SyncCommand::StageClasses(_) => SyncEvent::Staged(Ok(())),
            SyncCommand::Classes(kind, classes) => SyncEvent::Unknown(kind, classes),
            SyncCommand::Publish(_) => SyncEvent::Published(Ok(())),
            SyncCommand::Owed(_) => SyncEvent::Owed(OwedCount::default(), Vec::new()),
            SyncCommand::Wanted { .. } => SyncEvent::Lane { active: false },
            SyncCommand::Account => SyncEvent::Accounted(PackageAccount::default()),
            SyncCommand::Survey => {
                SyncEvent::Surveyed(Survey::default(), ConnectionStats::default())
            }
            SyncCommand::End(report) => return *report,
            SyncCommand::Collect
            | SyncCommand::Told(_)
            | SyncCommand::Closed(_)
            | SyncCommand::PublicKey => {
                continue;
            }
        };
        sync.handle(event, now);
    }
}

fn answer(call: &Call, asked: &mut BTreeMap<String, u32>) -> Reply {
    let of = |path: &str| {
        let kind = path.split("type=").nth(1).unwrap().split('&').next();
        kind.unwrap().to_owned()
    };
    match call.name {
        "versions" => recorded("supportedvm"),
        "checksums" => recorded(&format!("checksums-{}", of(&call.path))),
        "details" => {
            let CallBody::Json(body) = &call.body else {
                panic!("details are asked with JSON")
            };
            let body: Json = serde_json::from_slice(body).unwrap();
            for id in body["entityIds"].as_array().unwrap() {
                *asked.entry(id.as_str().unwrap().to_owned()).or_default() += 1;
            }
            recorded(&format!("details-{}", body["type"].as_str().unwrap()))
        }
        "classes" => reply("[]"),
        _ => reply(r#"{"message":"Confirmation received."}"#),
    }
}
