//! Recorded answers of a central in trouble: its database stopped, its maintenance on. Each is central's own fault.
//! Never a made-up answer.
//! Run by `cargo test -p logic`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use logic::fault::{Code, Expected, Fault};
use std::path::Path;

use logic::api::answer::{parse, versions};
use logic::api::{ChecksumPage, Handshake, Reply, ack};
use logic::words::{FaultClass, Outcome};
use serde_json::Value as Json;

/// The reply of a recorded exchange.
fn recorded(name: &str) -> Reply {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let text = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
    let exchange: Json = serde_json::from_slice(&text).unwrap();
    let response = &exchange["response"];
    Reply {
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        headers: Vec::new(),
        body: response["body"].as_str().unwrap().into(),
    }
}

#[test]
fn a_stopped_database_is_central_s_trouble_whatever_was_asked() {
    let troubles: [(&str, Option<Fault>); 4] = [
        (
            "trouble/716-dbdown-checksums",
            ChecksumPage::read(&recorded("trouble/716-dbdown-checksums")).err(),
        ),
        (
            "trouble/717-dbdown-token",
            parse::<Json>(&recorded("trouble/717-dbdown-token"), Expected::Token).err(),
        ),
        (
            "trouble/718-dbdown-handshake",
            Handshake::read(&recorded("trouble/718-dbdown-handshake")).err(),
        ),
        (
            "trouble/719-dbdown-results",
            ack::entries(&recorded("trouble/719-dbdown-results")).err(),
        ),
    ];
    for (name, trouble) in troubles {
        let trouble = trouble.unwrap();
        let met = (trouble.code, trouble.class, trouble.outcome);
        let expected = (Code::CentralError, FaultClass::Retry, Outcome::Failed);
        assert_eq!(met, expected, "{name}");
    }
}

#[test]
fn a_refused_handshake_is_still_told_from_that() {
    let table = [
        ("exchanges/006-handshake-wrong-password", Code::AuthPassword),
        ("exchanges/007-handshake-unknown-user", Code::AuthPassword),
        (
            "exchanges/008-handshake-not-sync-manager",
            Code::AuthNotSyncManager,
        ),
        ("exchanges/009-handshake-admin", Code::AuthNotSyncManager),
    ];
    for (name, code) in table {
        let trouble = Handshake::read(&recorded(name)).unwrap_err();
        assert_eq!((trouble.code, trouble.outcome.exit()), (code, 3), "{name}");
    }
}

#[test]
fn maintenance_is_maintenance_for_every_call() {
    let page = recorded("trouble/710-maintenance-checksums");
    let codes = [
        ChecksumPage::read(&page).unwrap_err().code,
        versions(&page).unwrap_err().code,
        Handshake::read(&page).unwrap_err().code,
        ack::entries(&page).unwrap_err().code,
    ];
    assert_eq!(codes, [Code::CentralMaintenance; 4]);
}
