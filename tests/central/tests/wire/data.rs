//! Data, mutators, doors and the log.
//! Never scripts a fault, except through the control path.
//! Run by `cargo test -p central`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use central::{Central, Certificate, Dataset, Kind, Options, Organisation, Route};
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value as Json, json};

use crate::site::{WireSite, json_of, token};

#[test]
fn a_full_page_of_an_unpaged_type_goes_on_for_ever() {
    let site = WireSite::small();
    site.central.set_page_size(3);
    let first = site.list("1001", Kind::Proctor);
    let next = first["nextCallUrl"].as_str().unwrap();
    assert!(next.ends_with("params%5Boffset%5D=3"), "{next}");
    let second = json_of(&site.get(next, ""));
    assert_eq!(second["entities"], first["entities"]);
    assert!(
        second["nextCallUrl"]
            .as_str()
            .unwrap()
            .ends_with("params%5Boffset%5D=6")
    );
    assert_eq!(
        site.list("1001", Kind::Administrator)["nextCallUrl"],
        Json::Null
    );
    let takers = site.list("1001", Kind::TestTaker);
    assert_eq!(takers["entities"].as_object().unwrap().len(), 3);
}

#[test]
fn mutators_show_on_the_wire() {
    let mut dataset = Dataset::small(3);
    dataset.organisations.push(Organisation {
        test_takers: 5,
        ..Organisation::small("2002")
    });
    let site = WireSite::new(Options {
        dataset,
        ..Options::default()
    });
    let count = |organisation: &str| {
        site.list(organisation, Kind::TestTaker)["entities"]
            .as_object()
            .map_or(0, |e| e.len())
    };
    assert_eq!((count("1001"), count("2002"), count("9999")), (20, 5, 0));
    site.central.add_test_takers("2002", 2);
    assert_eq!(count("2002"), 7);
    assert!(
        site.central
            .remove(&site.central.ids("2002", Kind::TestTaker)[0])
    );
    assert_eq!(count("2002"), 6);
    site.central.swap_organisations("1001", "2002");
    assert_eq!((count("1001"), count("2002")), (6, 20));
    site.central.hide_organisation("1001", true);
    assert_eq!(count("1001"), 0);
    site.central.hide_organisation("1001", false);
    let before = site.list("1001", Kind::TestTaker);
    let touched = site.central.touch("1001", Kind::TestTaker, 2);
    let after = site.list("1001", Kind::TestTaker);
    for (id, entity) in before["entities"].as_object().unwrap() {
        assert_eq!(
            *entity != after["entities"][id],
            touched.contains(id),
            "{id}"
        );
    }
    let delivery = site.delivery();
    let new = site.central.republish(&delivery, None).unwrap();
    let list = site.list("1001", Kind::Delivery);
    assert!(list["entities"].get(&new).is_some() && list["entities"].get(&delivery).is_none());
    assert_eq!(site.package("").status, 200);
    site.central.remove_package(&site.delivery());
    assert_eq!(site.package("").status, 404);
}

#[test]
fn the_same_seed_makes_the_same_central() {
    let seen = |seed: u64| {
        let central = Central::start(Options {
            dataset: Dataset::small(seed),
            ..Options::default()
        })
        .unwrap();
        let mut all = Vec::new();
        for kind in Kind::ALL {
            for id in central.ids("1001", kind) {
                all.push((central.resource(&id), central.package(&id)));
            }
        }
        (central.consumer(), all)
    };
    assert!(seen(4) == seen(4));
    assert!(seen(4) != seen(5));
}

#[test]
fn consumers_have_one_live_token_and_need_the_role() {
    let mut site = WireSite::small();
    let old = site.token.clone();
    site.token = token(&site.central);
    assert_eq!(site.versions().status, 200);
    site.token = old;
    assert_eq!(site.versions().status, 401);
    let bare = site.central.add_consumer(false);
    let form = format!("client_id={}&client_secret={}", bare.key, bare.secret);
    let answer = site.get(&format!("/taoOauth/TokenApi/requestToken?{form}"), "");
    site.token = json_of(&answer)["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = site.versions();
    assert_eq!(
        (answer.status, json_of(&answer)["errorCode"].as_u64()),
        (403, Some(403))
    );
    site.central.revoke_consumer(&bare.key);
    assert_eq!(site.versions().status, 401);
    let (login, password) = site.central.manager("1001").unwrap();
    let handshake = |login: &str, password: &str| {
        let body = json!({"login": login, "password": password});
        json_of(&site.post("/taoSync/HandShake", &body))
    };
    let (first, second) = (handshake(&login, &password), handshake(&login, &password));
    assert_ne!(first["oauthInfo"]["key"], second["oauthInfo"]["key"]);
    assert_eq!(
        first["syncUser"]["properties"][central::uri::ORGANISATION],
        "1001"
    );
    assert_eq!(handshake(&login, "nope")["success"], false);
}

#[test]
fn the_log_of_a_run_has_its_counters_and_its_end() {
    let site = WireSite::small();
    let params = |sync_id: u64| json!({"organisation_id": "1001", "box_id": "b1", "sync_id": sync_id, "tao_version": "2022.11"});
    let ids = site.central.ids("1001", Kind::Proctor);
    let details = json!({"type": "proctor", "entityIds": ids, "params": params(7)});
    site.post("/taoSync/SynchronisationApi/fetchEntityDetails", &details);
    let mut finished = params(7);
    let space = json!({"used": 5, "free": 6});
    finished["client_state"] = json!({"type": "info", "message": "Offline machine usage report", "data": null, "children": [
        {"type": "info", "message": "Disk", "data": {"disk_space_utilization": space}, "children": []}]});
    let confirm = "/taoSync/SynchronisationApi/confirmSyncFinished";
    assert_eq!(site.post(confirm, &json!({"params": finished})).status, 200);
    let rows = site.central.sync_rows();
    assert_eq!((rows.len(), rows[0].status.as_str()), (1, "Success"));
    assert_eq!(rows[0].data["proctor"]["pushed"], 3);
    assert_eq!(rows[0].client_state["disk_space_utilization"], space);
    let mut open = params(8);
    open["client_state"] = json!({"type": "info", "message": "m"});
    let answer = site.post(confirm, &json!({"params": open}));
    assert_eq!((answer.status, answer.body.len()), (500, 0));
    let wrong = json!({"type": "banana", "entityIds": ["x"], "params": params(9)});
    site.post("/taoSync/SynchronisationApi/fetchEntityDetails", &wrong);
    site.post(confirm, &json!({"params": params(9)}));
    assert_eq!(site.central.sync_rows()[1].status, "Failed");
    let numbers =
        json!({"organisation_id": 1001, "box_id": 5, "sync_id": 3, "tao_version": "2022.11"});
    assert_eq!(site.post(confirm, &json!({"params": numbers})).status, 200);
    assert_eq!(site.central.sync_rows().len(), 2);
}

#[test]
fn a_prefix_is_part_of_the_root_and_of_nothing_else() {
    let site = WireSite::new(Options {
        prefix: "tao/one".into(),
        ..Options::default()
    });
    assert!(site.central.url().ends_with("/tao/one/"));
    assert_eq!(site.get("/tao/one/taoSync/api/supportedVm", "").status, 200);
    assert_eq!(site.versions().status, 403);
    assert_eq!(
        site.get("/tao/one//taoSync/api/supportedVm", "").status,
        403
    );
}

#[test]
fn a_body_above_the_limit_is_413() {
    let site = WireSite::small();
    site.central.set_body_limit(500);
    assert_eq!(site.results(&["e"]).status, 413);
    assert_eq!(site.versions().status, 200);
}

#[test]
fn orders_come_through_the_control_path() {
    let site = WireSite::small();
    let told = json_of(&site.post(
        "/_control",
        &json!({"status": {"code": 502, "route": "supported-vm"}, "page_size": 7}),
    ));
    assert_eq!(told["central"]["faults_pending"], 1);
    assert_eq!(site.versions().status, 502);
    let told = json_of(&site.post(
        "/_control",
        &json!({"change": {"percent": 1, "delivery": site.delivery()}}),
    ));
    assert_eq!(
        told["done"]["change"][site.delivery()]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(site.post("/_control", &json!({"explode": {}})).status, 400);
    let seen = site.central.requests();
    assert!(seen.iter().all(|s| !s.path.contains("_control")));
}

#[test]
fn requests_are_counted_and_remembered() {
    let site = WireSite::small();
    site.central.reset_log();
    let body = site.package("Range: bytes=0-9\r\n").body.len() as u64;
    let seen = site.central.requests();
    assert_eq!(
        (seen.len(), seen[0].route, seen[0].status, seen[0].sent),
        (1, Route::Package, Some(200), body)
    );
    assert!(
        seen[0]
            .headers
            .contains(&("range".into(), "bytes=0-9".into()))
    );
    let counters = site.central.counters();
    assert_eq!((counters.requests, counters.connections), (1, 1));
    assert!(counters.bytes_sent > body && counters.bytes_received > 100);
}

fn https(central: &Central) -> Result<String, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = central.ca_pem().unwrap();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(config), name)?;
    let mut socket = TcpStream::connect(central.address()).unwrap();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let request = b"GET /taoSync/api/supportedVm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    if let Err(error) = stream.write_all(request) {
        return match error.downcast::<rustls::Error>() {
            Ok(error) => Err(error),
            Err(other) => panic!("no TLS failure: {other}"),
        };
    }
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn https_is_trusted_by_its_own_authority_only_when_it_is_good() {
    let start = |certificate: Certificate| {
        Central::start(Options {
            tls: Some(certificate),
            ..Options::default()
        })
        .unwrap()
    };
    let good = start(Certificate::Good);
    assert!(good.url().starts_with("https://"));
    assert!(https(&good).unwrap().starts_with("HTTP/1.1 401"));
    for bad in [Certificate::Expired, Certificate::WrongHost] {
        let error = https(&start(bad)).unwrap_err();
        assert!(
            matches!(error, rustls::Error::InvalidCertificate(_)),
            "{bad:?}: {error}"
        );
    }
}
