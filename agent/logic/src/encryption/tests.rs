//! The table of what is known of central, the vectors of protocol 13, and envelopes of the right shape.
//! Never a private key: the reference central opens what is closed here (`tests/central`).
//! Run by `cargo test -p logic`.

use serde_json::json;

use super::*;

/// Public keys of 1024 bits, made by openssl, with the line ends of TAO.
const FIRST_KEY: &str = "-----BEGIN PUBLIC KEY-----\r\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDHEyrEuXwP/xlX1nMUjOkIU1gO\r\nQAfdf3dpJJrUd+iLKj/cXvEqv+eFSUzOQl5OS1CRLcKxdB1c4ILAuGxJOcxKdr2H\r\nVOmeq5FW8ZRk8sVCNl7t4B36lDQugVLTzzUcPkuZcZaltLf/JTae3PD1xojn5FCh\r\nB43n9R89lUBR44TLuwIDAQAB\r\n-----END PUBLIC KEY-----";
const SECOND_KEY: &str = "-----BEGIN PUBLIC KEY-----\r\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDd2Sgp8/1gzKfyXYClK0t56jzx\r\n0HJhNNMkn2mgN6vYYnyaXPdFnRgfcFSXX+4yrEGG06DkR4Mb3T4sE2wM9tyikAiO\r\nHFKI/Vt7IJ1aK84PGX4FNATO5aG0qSXLn0RIYSttNMrCZGSNgTrS7niTFnu/BMEb\r\nGBF47jcSx/hBjg0yHQIDAQAB\r\n-----END PUBLIC KEY-----";

fn heard(key: &str) -> KeyAnswer {
    KeyAnswer::Key(key.to_owned())
}

#[test]
fn what_central_says_of_its_key_is_told_apart_and_remembered() {
    let new = CentralEncryption::default();
    let keyed = || Some("secret".to_owned());
    let held = new.after(Some(&heard(FIRST_KEY)), keyed());
    assert_eq!(
        (held.mode, held.current()),
        (EncryptionMode::Encrypted, Some(KeyPrint::of(FIRST_KEY)))
    );
    // Each answer, to a box with and without a key, whose deliveries carry one or not.
    let table = [
        (&new, heard(FIRST_KEY), false, EncryptionMode::Encrypted),
        (
            &new,
            heard("-----BEGIN PUBLIC KEY-----"),
            true,
            EncryptionMode::KeyMissing,
        ),
        (&new, KeyAnswer::Nothing, false, EncryptionMode::KeyMissing),
        (&new, KeyAnswer::NoExtension, true, EncryptionMode::Plain),
        (&new, KeyAnswer::Denied, true, EncryptionMode::RoleMissing),
        (&new, KeyAnswer::Denied, false, EncryptionMode::Plain),
        (&held, KeyAnswer::Nothing, true, EncryptionMode::Encrypted),
        (&held, heard(SECOND_KEY), true, EncryptionMode::Encrypted),
        (&held, KeyAnswer::NoExtension, true, EncryptionMode::Plain),
        (&held, KeyAnswer::Denied, true, EncryptionMode::RoleMissing),
    ];
    for (before, answer, deliveries, expected) in table {
        let after = before.after(Some(&answer), keyed().filter(|_| deliveries));
        assert_eq!(after.mode, expected, "{answer:?}");
        let waits = matches!(
            expected,
            EncryptionMode::KeyMissing | EncryptionMode::RoleMissing
        );
        assert_eq!(after.waits().is_some(), waits);
        assert_eq!(
            after.current().is_some(),
            expected == EncryptionMode::Encrypted
        );
        // Whoever had a key keeps it, and answers are closed with it while central is silent.
        assert_eq!(
            after.key.is_some(),
            before.key.is_some() || expected == EncryptionMode::Encrypted
        );
        let closes = after.key.is_some() && expected != EncryptionMode::Plain;
        assert_eq!(after.encrypts().is_some(), closes);
    }
    assert_eq!(held.after(None, None), held, "silence changes nothing");
    let second = held.after(Some(&heard(SECOND_KEY)), None);
    assert_eq!(second.current(), Some(KeyPrint::of(SECOND_KEY)));
    assert_eq!(second.application_key, keyed());
    assert_eq!(new.checksum(), None);
    assert_eq!(held.checksum().map(|text| text.len()), Some(8));
}

#[test]
fn a_key_is_read_as_central_gave_it() {
    let key = ResultsKey::read(FIRST_KEY).unwrap();
    assert_eq!((key.entropy(), key.print()), (190, KeyPrint::of(FIRST_KEY)));
    assert_ne!(
        KeyPrint::of(FIRST_KEY),
        KeyPrint::of(&FIRST_KEY.replace("\r\n", "\n"))
    );
    for odd in [
        "",
        "PEM",
        &FIRST_KEY[..200],
        &FIRST_KEY.replace("PUBLIC", "RSA PUBLIC"),
    ] {
        assert_eq!(ResultsKey::read(odd), None);
    }
}

/// Protocol 13.2: the vectors with the short application key.
#[test]
fn the_application_key_closes_log_rows() {
    let key = "QUFBQUFBQUFBQUFBQUFBQQ==";
    let sealed = with_application_key(key, br#"{"type":"sample","n":1}"#);
    assert_eq!(sealed, "w/C2UbwQZ3luxy8TXlSud+/7PlQBZ9Y=");
    assert_eq!(
        with_application_key("7c0b9c78", key.as_bytes()),
        "IvuU/+BiDW/vlU5fz25Kp+Y1ICzt4U7F"
    );
    let user = "9184f2a7a1cf4b20ace767a78fc70788";
    assert_eq!(
        with_application_key(user, b"Ada Lovelace"),
        "ZXQs8Nt2CzY+OWOX"
    );
}

fn payload(identifiers: &[&str]) -> Vec<u8> {
    let variable = |identifier: &&str| {
        json!({
            "type": "taoResultServer_models_classes_TraceVariable", "callIdItem": "e.i.0", "callIdTest": null,
            "test": "t", "item": "it", "data": {
                "identifier": identifier, "cardinality": "single", "baseType": "string", "epoch": "0.1 1",
                "trace": "what a candidate did",
            },
        })
    };
    let variables: Vec<Json> = identifiers.iter().map(variable).collect();
    let result = json!({
        "deliveryExecutionId": "e", "deliveryId": "d", "details": {"state": "s"}, "variables": variables,
    });
    result.to_string().into_bytes()
}

#[test]
fn a_result_becomes_a_map_of_references_that_tells_nothing() {
    let key = ResultsKey::read(FIRST_KEY).unwrap();
    let plain = payload(&["A", "B", "A"]);
    assert!(!is_map(&plain));
    let random: Vec<u8> = (0..3 * key.entropy()).map(|at| at as u8).collect();
    let map = rows(&plain, &key, &random).unwrap();
    assert!(is_map(&map));
    assert!(!String::from_utf8_lossy(&map).contains("candidate"));
    let map: Json = serde_json::from_slice(&map).unwrap();
    assert_eq!(
        (&map["deliveryId"], &map["details"]),
        (&json!("d"), &json!({"state": "s"}))
    );
    let variables = map["variables"].as_object().unwrap();
    // Of two with one reference both are there.
    assert_eq!(variables.len(), 3);
    // md5("e_e.i.0_A")
    let envelope = variables["6827e27a6a64e2021c327b4906ea472a"]
        .as_str()
        .unwrap();
    assert!(envelope.starts_with("158") && envelope.len() > 3 + 344);
    assert!(
        rows(&plain, &key, &random[1..]).is_err(),
        "every variable has random bytes of its own"
    );
    assert!(rows(b"{", &key, &random).is_err());
    let none = rows(&payload(&[]), &key, &[]).unwrap();
    assert!(is_map(&none));
}

#[test]
fn log_rows_are_closed_once() {
    let rows = br#"[{"id":"1","data":{"type":"sample","n":1},"created_at":1},{"id":"2","data":"b3Blbg==","x":"data"}]"#;
    let key = "QUFBQUFBQUFBQUFBQUFBQQ==";
    let closed = log_rows(rows.to_vec(), key);
    let expected = r#"[{"id":"1","data":"w/C2UbwQZ3luxy8TXlSud+/7PlQBZ9Y=","created_at":1},{"id":"2","data":"b3Blbg==","x":"data"}]"#;
    assert_eq!(String::from_utf8(closed.clone()).unwrap(), expected);
    assert_eq!(log_rows(closed.clone(), key), closed);
    assert_eq!(log_rows(b"odd".to_vec(), key), b"odd");
}
