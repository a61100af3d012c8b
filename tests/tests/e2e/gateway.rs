//! A TAO on the box that synchronizes from boxsync: one edition a run, sudden ends, retries, its word to central.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::collections::BTreeMap;

use central::Kind;
use e2e::{LIMIT, Running, Site, Tao, wait_until};
use nix::sys::signal::Signal;

const EXECUTION: &str = "http://box.test/local.rdf#exec1";

/// A box that holds everything, and its daemon, which begins nothing by itself.
fn served(test: u8) -> (Site, Running, Tao) {
    let mut site = Site::synchronized();
    site.set("sync", "on_boot", "false");
    let at = site.set_gateway(test);
    let tao = site.tao(at, 1);
    let running = started(&site, &tao);
    (site, running, tao)
}

fn started(site: &Site, tao: &Tao) -> Running {
    let mut running = site.start(&["run"]);
    assert!(running.until("the gateway", || tao.token().is_ok()));
    running
}

fn sent(site: &Site, tao: &Tao) -> u16 {
    let taker = &site.ids(Kind::TestTaker)[0];
    let token = tao.token().unwrap();
    let said = tao
        .result(&token, EXECUTION, &site.delivery(0), taker)
        .unwrap();
    assert_eq!(said.json()[EXECUTION]["success"], 1);
    said.status
}

#[test]
fn a_run_sees_one_edition_while_a_synchronization_changes_the_store() {
    let (site, running, tao) = served(81);
    let token = tao.token().unwrap();
    let centres = tao.list(&token, Kind::TestCenter).unwrap();
    let before = site.entities();
    site.central.touch("1001", Kind::TestTaker, 10);
    site.central.add_test_takers("1001", 10);
    site.sync().exits(0);
    assert_ne!(site.entities(), before);
    let takers = tao.list(&token, Kind::TestTaker).unwrap();
    let ids: Vec<&String> = takers.keys().collect();
    assert_eq!(tao.details(&token, Kind::TestTaker, &ids).unwrap(), takers);
    let held =
        |entities: &BTreeMap<(String, String), e2e::ExpectedEntity>| -> BTreeMap<String, String> {
            let of = entities
                .iter()
                .filter(|((kind, _), _)| kind == "test-taker");
            of.map(|((_, id), entity)| (id.clone(), entity.checksum.clone()))
                .collect()
        };
    assert_eq!(takers, held(&before));
    assert_eq!(tao.list(&token, Kind::TestCenter).unwrap(), centres);
    let next = Tao { sync_id: 2, ..tao };
    let brought = next.run().unwrap();
    let now = held(&site.entities());
    assert!(
        now.iter()
            .all(|(id, checksum)| brought.entities.get(id) == Some(checksum))
    );
    assert_eq!(brought.packages.len(), 3);
    drop(running);
}

#[test]
fn a_sudden_end_in_the_middle_of_a_run_loses_nothing_that_was_acknowledged() {
    let (site, running, tao) = served(82);
    let token = tao.token().unwrap();
    let takers = tao.list(&token, Kind::TestTaker).unwrap();
    assert_eq!(sent(&site, &tao), 200);
    running.kill().was_killed();
    assert!(tao.get(&token, "taoSync/api/supportedVm").is_err());
    let running = started(&site, &tao);
    // The old token is refused as an expired one is; with a new one the run goes on.
    assert_eq!(
        tao.get(&token, "taoSync/api/supportedVm").unwrap().status,
        401
    );
    let token = tao.token().unwrap();
    let ids: Vec<&String> = takers.keys().collect();
    assert_eq!(tao.details(&token, Kind::TestTaker, &ids).unwrap(), takers);
    // A client that did not hear the answer sends again; central gets it once.
    assert_eq!(sent(&site, &tao), 200);
    site.sync().exits(0);
    assert_eq!(site.central.executions().len(), 1);
    assert!(site.central.execution(EXECUTION).is_some());
    assert_eq!(sent(&site, &tao), 200);
    site.sync().exits(0);
    assert_eq!(site.central.executions().len(), 1);
    running.signal(Signal::SIGTERM);
    running.end().exits(0);
}

#[test]
fn wrong_credentials_get_no_token_and_read_nothing() {
    let (_site, running, tao) = served(83);
    let wrong = Tao {
        secret: "x".repeat(tao.secret.len()),
        ..tao.clone()
    };
    assert!(wrong.token().is_err());
    for token in ["", "x"] {
        for path in [
            "taoSync/api/supportedVm",
            "taoSync/SynchronisationApi/fetchEntityChecksums?type=proctor",
        ] {
            assert_eq!(tao.get(token, path).unwrap().status, 401);
        }
    }
    assert!(tao.run().is_ok());
    drop(running);
}

#[test]
fn what_a_client_confirmed_is_told_to_central_once_also_when_the_link_was_down() {
    let (site, running, tao) = served(84);
    site.central.set_listening(false);
    tao.run().unwrap();
    let token = tao.token().unwrap();
    let failed = serde_json::json!({
        "params": Tao { sync_id: 2, ..tao.clone() }.params(), "failure-reason": "Disk full",
    });
    let path = "taoSync/SynchronisationApi/confirmSyncFailed";
    assert_eq!(tao.post(&token, path, &failed).unwrap().status, 200);
    assert_eq!(sent(&site, &tao), 200);
    site.central.set_listening(true);
    site.sync().exits(0);
    let told = |state: &serde_json::Map<String, serde_json::Value>, n: u64| {
        state
            .get(&format!("client_sync_{n}"))
            .map(|of| of["finished"] == true)
    };
    let row = site.central.sync_rows().pop().unwrap();
    assert_eq!(row.status, "Success", "{:?}", row.report);
    assert_eq!(told(&row.client_state, 1), Some(true));
    assert_eq!(told(&row.client_state, 2), Some(false));
    assert!(site.central.execution(EXECUTION).is_some());
    site.sync().exits(0);
    let row = site.central.sync_rows().pop().unwrap();
    assert_eq!(
        (told(&row.client_state, 1), told(&row.client_state, 2)),
        (None, None)
    );
    wait_until("nothing more", LIMIT, || {
        site.central.sync_rows().len() == 3
    });
    drop(running);
}
