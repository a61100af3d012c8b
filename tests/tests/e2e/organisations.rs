//! A box of two organisations that share a delivery and half of their test takers: each has its own, in turn.
//! Never trusts what the box says of itself: central is looked at.
//! What befalls one leaves the other alone.

use std::collections::BTreeSet;

use central::{Fault, Kind, Organisation, Route, Rule, uri};
use e2e::{LIMIT, Ran, Running, Site, Tao, options};
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, result, submit};
use crate::state::put_first_layout;

mod readers;

pub(crate) const FIRST: &str = "1001";
pub(crate) const SECOND: &str = "2002";

/// A central of two organisations; the box is enrolled for the first.
pub(crate) fn central_of_two() -> Site {
    let site = empty_box_of_two();
    site.enroll().exits(0);
    site.central.reset_log();
    site
}

/// The same with a box that is not enrolled.
pub(crate) fn empty_box_of_two() -> Site {
    let mut options = options(8, 3, (300_000, 400_000));
    options.dataset.organisations.push(Organisation {
        test_takers: 8,
        deliveries: 2,
        package_sizes: (4_000, 40_000),
        ..Organisation::small(SECOND)
    });
    let site = Site::new(options);
    // The second one's eligibility takes in the first one's first delivery, and half of its test takers.
    let eligibility = site.central.ids(SECOND, Kind::Eligibility)[0].clone();
    let share = |predicate: &str, more: &[String]| {
        let held = site.central.resource(&eligibility).unwrap().properties;
        let own = held.into_iter().find(|one| one.predicate == predicate);
        let mut all = own.map_or_else(Vec::new, |own| own.values);
        all.extend_from_slice(more);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert!(site.central.set_property(&eligibility, predicate, &all));
    };
    share(uri::ELIGIBLE_TAKER, &site.ids(Kind::TestTaker)[..4]);
    share(uri::ELIGIBLE_DELIVERY, &[site.delivery(0)]);
    assert!(
        site.central
            .ids(SECOND, Kind::Delivery)
            .contains(&site.delivery(0))
    );
    site
}

pub(crate) fn add(site: &Site, options: &[&str]) -> Ran {
    let (login, password) = site.central.manager(SECOND).unwrap();
    let file = site.secret(&password);
    let words = ["enroll", "--json", "--login", &login, "--password-file"];
    site.run(&[&words[..], &[file.to_str().unwrap()], options].concat())
}

/// The same with both enrolled and held.
pub(crate) fn both() -> Site {
    let site = central_of_two();
    add(&site, &["--add"]).exits(0);
    site.sync().exits(0);
    site.central.reset_log();
    site
}

/// Deliveries that the second organisation alone has.
pub(crate) fn own_of_second(site: &Site) -> Vec<String> {
    let mut own = site.central.ids(SECOND, Kind::Delivery);
    own.retain(|delivery| !site.ids(Kind::Delivery).contains(delivery));
    assert_eq!(own.len(), 2);
    own
}

/// Holds that the box shows for an organisation what central lists for it.
#[track_caller]
pub(crate) fn assert_holds(site: &Site, organisation: &str) {
    let ran = site.run(&["entities", "--json", "--organisation", organisation]);
    let shown: BTreeSet<(String, String)> = ran
        .exits(0)
        .objects()
        .into_iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            (text("type"), text("id"))
        })
        .collect();
    let listed = |kind: Kind| {
        let ids = site.central.ids(organisation, kind).into_iter();
        ids.map(move |id| (kind.name().to_owned(), id))
    };
    let expected: BTreeSet<_> = Kind::ALL.into_iter().flat_map(listed).collect();
    assert_eq!(shown, expected, "organisation {organisation}");
}

/// Outcome and code of each organisation's account.
pub(crate) fn accounts(ran: &Ran) -> Vec<(String, String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let account = |one: &Value| {
        (
            text(one, "organisation_id"),
            text(one, "outcome"),
            text(one, "code"),
        )
    };
    ran.objects().iter().map(account).collect()
}

#[test]
fn another_organisation_is_added_and_each_is_brought_in_turn() {
    let site = central_of_two();
    let told = add(&site, &[]).exits(3).code("auth.other_organisation");
    assert!(told.to_string().contains("enroll --add"), "{told}");
    assert_eq!(add(&site, &["--add"]).exits(0).object()["added"], SECOND);
    let ran = site.sync().exits(0);
    let ids: Vec<Value> = ran
        .objects()
        .iter()
        .map(|one| one["organisation_id"].clone())
        .collect();
    assert_eq!(ids, [FIRST, SECOND]);
    let numbers: Vec<u64> = ran
        .objects()
        .iter()
        .map(|one| one["sync_id"].as_u64().unwrap())
        .collect();
    assert_eq!(
        numbers[1],
        numbers[0] + 1,
        "each pass has a number of its own"
    );
    assert_holds(&site, FIRST);
    assert_holds(&site, SECOND);
    let rows = site.central.sync_rows();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.organization_id.as_str(), row.status.as_str()))
        .collect();
    assert_eq!(rows, [(FIRST, "Success"), (SECOND, "Success")]);
    // What both name was fetched once, but for the look at its end, and is listed once.
    let shared = site.delivery(0);
    let packages = site.packages();
    assert_eq!(packages.len(), 5);
    assert!(
        packages.values().all(|state| state == "held"),
        "{packages:?}"
    );
    site.assert_package(&shared);
    let id = shared.rsplit('#').next().unwrap();
    let asked = site.central.requests_on(Route::Package).into_iter();
    let bytes: u64 = asked
        .filter(|seen| seen.query.contains(id))
        .map(|seen| seen.sent)
        .sum();
    let size = site.central.package(&shared).unwrap().len() as u64;
    assert!(
        bytes < size * 3 / 2,
        "{bytes} bytes for a package of {size}"
    );
    let status = site.run(&["status", "--json"]).exits(0).object();
    assert_eq!(status["verdict"]["word"], "ready");
    let each: Vec<_> = status["organisations"].as_array().unwrap().iter().collect();
    assert_eq!(each.len(), 2);
    assert!(each.iter().all(|one| one["verdict"]["word"] == "ready"));
    // One alone is as on a box of one.
    let second = site
        .sync_with(&["--organisation", SECOND])
        .exits(0)
        .object();
    assert_eq!(second["organisation_id"], SECOND);
    site.sync_with(&["--organisation", "3003"])
        .exits(2)
        .code("input.organisation");
    let one = site
        .run(&["status", "--json", "--organisation", FIRST])
        .exits(0)
        .object();
    assert_eq!(
        (&one["organisation_id"], one.get("organisations")),
        (&json!(FIRST), None)
    );
}

/// `layout-1` is of a boxsync that knew one organisation alone.
#[test]
fn a_box_from_before_stays_as_it_is_and_takes_a_second_organisation() {
    let site = empty_box_of_two();
    put_first_layout(&site);
    let files = ["credentials", "catalogue/edition", "last", "data.key"];
    let read = |name: &&str| std::fs::read(site.state(name)).unwrap();
    let before: Vec<_> = files.iter().map(read).collect();
    let unchanged = || files.iter().map(read).eq(before.iter().cloned());
    let status = || site.run(&["status", "--json"]).ends().object();
    let entities = |options: &[&str]| {
        let ran = site.run(&[&["entities", "--json"][..], options].concat());
        ran.exits(0).objects()
    };
    // One organisation is told as ever: no word of several.
    let told = status();
    assert!(told.get("organisations").is_none(), "{told}");
    assert_eq!(told["organisation_id"], FIRST);
    let all = entities(&[]);
    assert_eq!(all.len(), 13);
    assert!(all.iter().all(|one| one.get("organisation_id").is_none()));
    assert_eq!(site.packages().len(), 2);
    let listed = || {
        site.run(&["organisation", "list", "--json"])
            .exits(0)
            .objects()
    };
    let only = listed();
    assert_eq!(only.len(), 1);
    assert_eq!(
        (&only[0]["first"], &only[0]["owed"]),
        (&json!(true), &json!(1))
    );
    assert!(!site.state("organisations").exists());
    assert!(unchanged());
    // Another one beside it changes none of that.
    add(&site, &["--add"]).exits(0);
    assert!(unchanged());
    assert_eq!(listed().len(), 2);
    assert_eq!(entities(&["--organisation", FIRST]), all);
    let ran = site.sync_with(&["--organisation", SECOND]).exits(0);
    assert_eq!(ran.object()["organisation_id"], SECOND);
    assert_holds(&site, SECOND);
    let mut still = entities(&["--organisation", FIRST]);
    still.retain(|one| all.contains(one));
    assert_eq!(still.len(), 13);
    let held = site
        .packages()
        .into_values()
        .filter(|state| state == "held");
    assert_eq!(held.count(), 2 + 3);
    // And without it the box is what it was.
    let words = ["organisation", "remove", SECOND, "--yes"];
    site.run(&words).exits(0);
    assert_eq!(entities(&[]), all);
    assert_eq!(
        (listed(), status()["box_id"].clone()),
        (only, told["box_id"].clone())
    );
}

#[test]
fn what_befalls_one_organisation_leaves_the_other_alone() {
    let site = both();
    // Empty lists.
    site.central.hide_organisation(SECOND, true);
    let ran = site.sync().exits(1);
    let told = accounts(&ran);
    assert_eq!(told[0], (FIRST.into(), "finished".into(), "ok".into()));
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), (SECOND, "failed"));
    assert_eq!(site.run(&["status", "--organisation", FIRST]).exit, Some(0));
    site.central.hide_organisation(SECOND, false);
    assert_holds(&site, FIRST);
    assert_holds(&site, SECOND);
    // A maintenance page for the second alone.
    site.central.script(Rule {
        containing: Some(format!("organisation_id]={SECOND}")),
        times: u64::MAX,
        ..Rule::on(Route::Checksums, Fault::Maintenance)
    });
    let told = accounts(&site.sync().exits(1));
    assert_eq!(
        (told[0].1.as_str(), told[1].1.as_str()),
        ("finished", "failed")
    );
    site.central.clear_script();
    assert_holds(&site, SECOND);
    let packages = site.packages();
    let is_held = |state: &String| state == "held";
    assert!(
        packages.len() == 5 && packages.values().all(is_held),
        "{packages:?}"
    );
    // The second one's client is unknown all at once, the first one's is not.
    let clients = site.central.consumers();
    site.central.revoke_consumer(&clients.last().unwrap().key);
    let told = accounts(&site.sync().exits(3));
    assert_eq!(
        (told[0].1.as_str(), told[1].1.as_str()),
        ("finished", "unauthorized")
    );
    // It is enrolled again, without a word about adding.
    add(&site, &[]).exits(0);
    site.sync().exits(0);
}

/// A result of one execution of a delivery.
fn of_delivery(site: &Site, n: usize, delivery: &str) -> String {
    let id = execution(n);
    let mut one = result(site, &id, &answers(&id, 2));
    one["deliveryId"] = json!(delivery);
    submit(site, "results", &json!({ &id: one }));
    id
}

/// The token that each request with this execution came with.
fn bearers(site: &Site, id: &str) -> Vec<String> {
    let sent = site.central.requests_on(Route::Results).into_iter();
    let sent = sent.filter(|seen| String::from_utf8_lossy(&seen.body).contains(id));
    let bearer = |seen: central::Seen| {
        let mut headers = seen.headers.into_iter();
        headers.find(|(name, _)| name == "authorization").unwrap().1
    };
    sent.map(bearer).collect()
}

#[test]
fn results_go_home_once_with_the_credentials_of_their_deliverys_organisation() {
    let site = both();
    let own = own_of_second(&site);
    let ids = [
        of_delivery(&site, 1, &site.delivery(1)),
        of_delivery(&site, 2, &site.delivery(0)),
        of_delivery(&site, 3, &own[0]),
    ];
    let owed: Vec<_> = site
        .run(&["organisation", "list", "--json"])
        .exits(0)
        .objects()
        .iter()
        .map(|one| (one["organisation_id"].clone(), one["owed"].clone()))
        .collect();
    assert_eq!(owed, [(json!(FIRST), json!(2)), (json!(SECOND), json!(1))]);
    let ran = site.sync().exits(0);
    let acknowledged: Vec<_> = ran
        .objects()
        .iter()
        .map(|one| one["results"]["acknowledged"].clone())
        .collect();
    assert_eq!(acknowledged, [2, 1]);
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
        assert_eq!(bearers(&site, id).len(), 1, "{id}");
    }
    assert_eq!(site.central.executions().len(), 3, "each is there once");
    assert_eq!(bearers(&site, &ids[0]), bearers(&site, &ids[1]));
    assert_ne!(bearers(&site, &ids[0]), bearers(&site, &ids[2]));
    site.sync().exits(0);
    assert_eq!(site.central.executions().len(), 3);
}

#[test]
fn what_two_name_goes_home_while_the_credentials_of_the_first_are_refused() {
    let site = both();
    let ids = [
        of_delivery(&site, 1, &site.delivery(1)),
        of_delivery(&site, 2, &site.delivery(0)),
    ];
    site.central.revoke_consumers_of(FIRST);
    let told = accounts(&site.sync().exits(3));
    assert_eq!(
        (told[0].1.as_str(), told[1].1.as_str()),
        ("unauthorized", "finished")
    );
    assert_home(&site, &ids[1], &answers(&ids[1], 2));
    assert!(
        site.central.execution(&ids[0]).is_none(),
        "the second does not name it"
    );
    // What comes meanwhile is the second's to send, and said to be.
    let third = of_delivery(&site, 3, &site.delivery(0));
    let owed = site.run(&["organisation", "list", "--json"]).exits(0);
    let owed: Vec<_> = owed
        .objects()
        .iter()
        .map(|one| one["owed"].clone())
        .collect();
    assert_eq!(owed, [1, 1]);
    // The first one tries with its new credentials before it has a good end, and goes first.
    site.enroll().exits(0);
    site.sync().exits(0);
    for (id, holder) in [(&ids[0], FIRST), (&ids[1], SECOND), (&third, FIRST)] {
        assert_home(&site, id, &answers(id, 2));
        let [token] = &bearers(&site, id)[..] else {
            panic!("{id} was sent once");
        };
        let token = token.trim_start_matches("Bearer ");
        let of = site.central.organisation_of_token(token);
        assert_eq!(of.as_deref(), Some(holder), "{id}");
    }
    assert_eq!(site.central.executions().len(), 3);
}

#[test]
fn an_organisation_is_removed_with_what_only_it_names_and_owes_nothing_unsaid() {
    let site = both();
    let own = own_of_second(&site);
    let id = of_delivery(&site, 1, &own[0]);
    let remove = |options: &[&str]| {
        site.run(&[&["organisation", "remove", SECOND, "--json"][..], options].concat())
    };
    let told = remove(&["--yes"]).exits(2).code("input.organisation");
    assert!(told.to_string().contains("--owed 1"), "{told}");
    remove(&["--yes", "--owed", "2"]).exits(2);
    // Nobody is asked where nobody can answer.
    remove(&["--owed", "1"]).exits(2);
    assert_eq!(
        site.run(&["organisation", "list", "--json"])
            .objects()
            .len(),
        2
    );
    site.run(&["organisation", "remove", FIRST, "--yes"])
        .exits(2);
    remove(&["--yes", "--owed", "1"]).exits(0);
    assert_eq!(
        site.run(&["organisation", "list", "--json"])
            .objects()
            .len(),
        1
    );
    // What was owed goes home all the same, and what the first names as well stays.
    assert_eq!(accounts(&site.sync().exits(0)).len(), 1);
    assert_home(&site, &id, &answers(&id, 2));
    assert_holds(&site, FIRST);
    site.assert_package(&site.delivery(0));
    for delivery in own {
        assert_eq!(site.exported(&delivery), None);
    }
    let left = std::fs::read_dir(site.state("organisations"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "nothing of it is left");
}

#[test]
fn a_client_of_the_gateway_gets_the_organisation_that_it_names() {
    let mut site = both();
    site.set("sync", "on_boot", "false");
    let at = site.set_gateway(83);
    let first = site.tao(at, 1);
    let second = Tao {
        sync_id: 2,
        organisation: SECOND.into(),
        ..first.clone()
    };
    let mut running: Running = site.start(&["run"]);
    assert!(running.until("the gateway", || first.token().is_ok()));
    for (tao, organisation) in [(&first, FIRST), (&second, SECOND), (&first, FIRST)] {
        let brought = tao.run().unwrap();
        let expected: BTreeSet<String> = Kind::ALL
            .into_iter()
            .flat_map(|kind| site.central.ids(organisation, kind))
            .collect();
        let ids: BTreeSet<String> = brought.entities.into_keys().collect();
        assert_eq!(ids, expected, "organisation {organisation}");
        let deliveries = site.central.ids(organisation, Kind::Delivery);
        assert_eq!(brought.packages.len(), deliveries.len());
    }
    // One that the box has not is no empty list, on which a client would delete everything.
    let other = Tao {
        organisation: "3003".into(),
        ..second
    };
    let token = other.token().unwrap();
    assert!(other.list(&token, Kind::TestCenter).is_err());
    drop(running);
}

#[test]
fn the_daemon_goes_through_them_and_judges_by_the_least_ready() {
    let site = both();
    site.central.hide_organisation(SECOND, true);
    let mut running: Running = site.start(&["run"]);
    assert!(running.until("the socket", || {
        site.state("../../../run/boxsync/boxsync.sock").exists()
    }));
    let told = accounts(&site.sync().exits(1));
    assert_eq!(
        (told[0].1.as_str(), told[1].1.as_str()),
        ("finished", "failed")
    );
    let status = site.run(&["status", "--json"]).object();
    let words: Vec<_> = status["organisations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"]["word"].clone())
        .collect();
    assert_eq!(words[0], "ready");
    assert_ne!(words[1], "ready");
    assert_eq!(status["organisation_id"], SECOND, "the least ready tells");
    drop(running);
}
