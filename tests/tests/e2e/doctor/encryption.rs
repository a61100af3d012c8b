//! Boxes whose central encrypts, and where that goes wrong: at central, between its keys, with the TAO on the box.
//! Never decrypts: `encrypted` does.
//! Its rows stand in the table of `doctor`.

use std::net::SocketAddr;

use central::{Fault, KeyPair, Options, Route, Rule};
use e2e::{Running, Site, Tao};
use serde_json::json;

use super::{Broken, at, broken, owe, small};

/// A box that was enrolled with an encrypted central.
fn encrypted() -> Site {
    Site::enrolled(Options {
        encrypted: true,
        ..small()
    })
}

pub(super) fn table() -> Vec<Broken> {
    vec![
        broken(
            "an encrypted central hides its key and dies of results",
            "central.encrypted",
            || {
                let site = encrypted();
                site.central
                    .script(Rule::on(Route::PublicKey, missing()).always());
                site.sync().ends();
                owe(&site, &["kve_one"]);
                site.sync_with(&["--results"]).exits(1);
                at(site)
            },
        ),
        broken(
            "an encrypted central has no key",
            "central.key_missing",
            || {
                let site = encrypted();
                site.central.set_key_pair(None);
                owe(&site, &["kve_one"]);
                site.sync().exits(1);
                at(site)
            },
        ),
        broken(
            "the sync role lacks EncryptionRole",
            "central.encryption_role",
            || {
                let site = encrypted();
                site.central.set_encryption_role(false);
                site.sync().ends();
                owe(&site, &["kve_one"]);
                site.sync_with(&["--results"]).exits(1);
                at(site)
            },
        ),
        broken(
            "an encrypted central has another key",
            "central.key_changed",
            || {
                let site = encrypted().held();
                owe(&site, &["kve_one"]);
                site.central.set_key_pair(Some(KeyPair::Second));
                site.sync_with(&["--results"]).exits(1);
                at(site)
            },
        ),
        broken(
            "a plain TAO on the box of an encrypted central",
            "gateway.encryption",
            || {
                let mut site = encrypted().held();
                let (running, tao) = behind(&mut site, 94);
                tao.run().unwrap();
                running.kill().was_killed();
                at(site)
            },
        ),
        broken(
            "an encrypted TAO on the box of a plain central",
            "gateway.encryption",
            || {
                let mut site = Site::enrolled(small()).held();
                let (running, tao) = behind(&mut site, 95);
                let body = json!({ "public-checksum": null });
                let path = "taoEncryption/EncryptionApi/updatePublicKey";
                let said = tao.post(&tao.token().unwrap(), path, &body).unwrap();
                assert_eq!(said.status, 403);
                running.kill().was_killed();
                at(site)
            },
        ),
    ]
}

/// What an old core says of an extension that is not there.
fn missing() -> Fault {
    let body = r#"{"success":false,"version":"2022.11","errorCode":404,"errorMsg":""}"#;
    e2e::status(404, body, None)
}

/// A TAO behind the gateway of the box, and the daemon that answers it.
fn behind(site: &mut Site, test: u8) -> (Running, Tao) {
    site.set("sync", "on_boot", "false");
    let listens: SocketAddr = site.set_gateway(test);
    let tao = site.tao(listens, 1);
    let mut running = site.start(&["run"]);
    assert!(running.until("the gateway", || tao.token().is_ok()));
    (running, tao)
}

#[test]
fn the_key_of_results_is_named_by_a_check_of_its_own() {
    let told = |site: &Site| {
        let checks = site.run(&["doctor", "--json"]).exits(0).object();
        let checks = checks["checks"].as_array().unwrap().clone();
        let of = |check: &&serde_json::Value| check["code"] == "central.encrypted";
        checks.iter().find(of).unwrap().clone()
    };
    let plain = Site::enrolled(small()).held();
    assert_eq!(told(&plain)["status"], "skip");
    let site = encrypted().held();
    let first = told(&site);
    assert_eq!(first["status"], "pass");
    // As `sha256sum` tells it of the file public.key on central.
    let print = site.central.key_print().unwrap();
    let summary = first["summary"].as_str().unwrap();
    assert!(summary.contains(&print[..32]), "{summary}: {print}");
    site.central.set_key_pair(Some(KeyPair::Second));
    site.sync().exits(0);
    assert_ne!(told(&site), first);
}

#[test]
fn a_tao_that_differs_from_central_is_told_where_its_credentials_are() {
    let mut site = encrypted().held();
    let identity = |site: &Site| {
        let ran = site.run(&["identity", "gateway", "--json"]).exits(0);
        (ran.err.clone(), ran.object()["tao_encrypted"].clone())
    };
    // Before it was ever seen: what it needs.
    let (told, seen) = identity(&site);
    assert!(
        told.contains("needs taoEncryption too") && seen.is_null(),
        "{told}"
    );
    let (running, tao) = behind(&mut site, 96);
    tao.run().unwrap();
    let (told, seen) = identity(&site);
    assert!(
        told.contains("it shows no names") && seen == json!(false),
        "{told}"
    );
    // It was set up meanwhile: it asks for the key, and then begins.
    let token = tao.token().unwrap();
    let path = "taoEncryption/EncryptionApi/updatePublicKey";
    tao.post(&token, path, &json!({ "public-checksum": null }))
        .unwrap();
    Tao { sync_id: 2, ..tao }.run().unwrap();
    let (told, seen) = identity(&site);
    assert!(
        !told.contains("it shows no names") && seen == json!(true),
        "{told}"
    );
    // Central is no longer encrypted.
    site.central.set_encrypted(false);
    site.sync().ends();
    let (told, _) = identity(&site);
    assert!(told.contains("nobody could read its results"), "{told}");
    let ran = running.kill().was_killed();
    let warned = ran.err.matches("gateway.encryption").count();
    assert_eq!(warned, 1, "on the edge: {}", ran.story());
}
