//! A wrong answer cannot wipe a box (design 1, promise 5).
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Dataset, Fault, Kind, Options, Organisation, Route, Rule};
use e2e::{Site, options};
use serde_json::{Value, json};

/// Everything that the box showed before is shown now, and every package can be read.
#[track_caller]
fn nothing_lost(site: &Site, before: &impl PartialEq<Held>) {
    assert!(*before == held(site), "the box lost something");
}

type Held = (
    std::collections::BTreeMap<(String, String), e2e::ExpectedEntity>,
    std::collections::BTreeMap<String, String>,
);

fn held(site: &Site) -> Held {
    (site.entities(), site.packages())
}

#[test]
fn empty_lists_delete_nothing_and_a_person_may_insist() {
    let site = Site::synchronized();
    let before = held(&site);
    site.central.hide_organisation("1001", true);
    for _ in 0..2 {
        let ran = site.sync().exits(1).code("catalogue.unknown_organisation");
        for (kind, number) in [("test-taker", 20), ("delivery", 3), ("test-center", 1)] {
            assert_eq!(ran["entities"][kind]["deleted"], 0);
            assert_eq!(ran["entities"][kind]["held_back"], number, "{kind}");
        }
        let codes: Vec<_> = ran["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["code"].clone())
            .collect();
        assert!(
            codes.iter().any(|code| code == "catalogue.held_back"),
            "{codes:?}"
        );
        nothing_lost(&site, &before);
    }
    assert_eq!(site.asked(Route::Package), 0);
    let ran = site.sync_with(&["--allow-deletes"]).exits(1).object();
    assert_eq!(ran["entities"]["test-taker"]["deleted"], 20);
    assert!(site.entities().is_empty() && site.packages().is_empty());
    assert_eq!(site.files_of("data").len(), 3, "they are hidden and kept");
    site.central.hide_organisation("1001", false);
    site.sync().exits(0);
    site.assert_equal_to_central();
    assert_eq!(site.asked(Route::Package), 0);
}

#[test]
fn a_shrunken_list_is_held_back_until_allowed() {
    let site = Site::synchronized();
    let before = held(&site);
    let gone = site.ids(Kind::TestTaker)[..11].to_vec();
    let resources: Vec<_> = gone
        .iter()
        .map(|id| site.central.resource(id).unwrap())
        .collect();
    gone.iter().for_each(|id| assert!(site.central.remove(id)));
    let ran = site.sync().exits(1).code("catalogue.held_back");
    assert_eq!(ran["outcome"], "failed");
    assert_eq!(ran["entities"]["test-taker"]["held_back"], 11);
    assert_eq!(ran["entities"]["test-taker"]["unchanged"], 9);
    assert!(
        ran["reason"].as_str().unwrap().contains("11 test-taker"),
        "{ran}"
    );
    assert_eq!(site.central.sync_rows().last().unwrap().status, "Success");
    // Changes of others still come, the held-back ones stay.
    let now = held(&site);
    assert!(before.0.keys().all(|name| now.0.contains_key(name)));
    // What comes back is as if it had never gone.
    for resource in resources {
        site.central
            .put_resource(&resource.id, Kind::TestTaker, resource.properties);
    }
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["test-taker"]["deleted"], 0);
    gone.iter().for_each(|id| assert!(site.central.remove(id)));
    site.sync().exits(1);
    let ran = site.sync_with(&["--allow-deletes"]).exits(0).code("ok");
    assert_eq!(ran["entities"]["test-taker"]["deleted"], 11);
    site.assert_equal_to_central();
}

#[test]
fn a_fifth_of_a_type_may_go_and_the_limit_is_the_operator_s() {
    let mut site = Site::synchronized();
    site.ids(Kind::TestTaker)[..4]
        .iter()
        .for_each(|id| assert!(site.central.remove(id)));
    assert_eq!(
        site.sync().exits(0).object()["entities"]["test-taker"]["deleted"],
        4
    );
    // Four of twenty are gone today.
    assert!(site.central.remove(&site.ids(Kind::TestTaker)[0]));
    let held_back = |site: &Site| {
        let ran = site.sync().exits(1).code("catalogue.held_back");
        ran["entities"]["test-taker"]["held_back"].clone()
    };
    assert_eq!(held_back(&site), 1);
    site.set("sync", "delete_limit", "0.0");
    assert_eq!(held_back(&site), 1);
    site.set("sync", "delete_limit", "1.0");
    assert_eq!(
        site.sync().exits(0).object()["entities"]["test-taker"]["deleted"],
        1
    );
    site.assert_equal_to_central();
}

/// A list of one type as an old server of central would give it.
fn says(site: &Site, kind: Kind, ids: &[String], edited: &[(&str, &str)]) {
    let listed: serde_json::Map<String, Value> = ids
        .iter()
        .map(|id| {
            let known = edited.iter().find(|(other, _)| other == id);
            let checksum = match known {
                Some((_, checksum)) => (*checksum).to_owned(),
                None => site.central.resource(id).unwrap().checksum,
            };
            let entry = json!({ "id": id, "checksum": checksum, "properties": [] });
            (id.clone(), entry)
        })
        .collect();
    let body = json!({ "type": kind.name(), "entities": listed }).to_string();
    let rule = Rule::on(Route::Checksums, Fault::Json { body });
    site.central
        .script(rule.containing(&format!("type={}&", kind.name())).always());
}

#[test]
fn lists_halved_at_each_run_take_a_fifth_a_day() {
    let site = Site::enrolled(options(256, 4, (4_000, 9_000))).held();
    let (mut takers, mut deliveries) = (site.ids(Kind::TestTaker), site.ids(Kind::Delivery));
    for _ in 0..8 {
        takers.truncate(takers.len().div_ceil(2));
        deliveries.truncate(deliveries.len().div_ceil(2));
        site.central.clear_script();
        says(&site, Kind::TestTaker, &takers, &[]);
        says(&site, Kind::Delivery, &deliveries, &[]);
        let _ = site.sync().exits(1).code("catalogue.held_back");
    }
    assert_eq!((takers.len(), deliveries.len()), (1, 1));
    let status = site.run(&["status", "--json"]).object();
    assert_eq!(status["entities"]["test-taker"], 256);
    assert_eq!(status["entities"]["delivery"], 4);
    assert_eq!(
        status["held_back_by_type"],
        json!({"test-taker": 255, "delivery": 3})
    );
    assert_eq!(site.packages().len(), 4);
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
    assert_eq!(site.asked(Route::Package), 0);
}

#[test]
fn two_runs_agree_after_a_day_of_running_time_and_of_no_other() {
    let site = Site::enrolled(options(200, 1, (4_000, 9_000))).held();
    says(&site, Kind::TestTaker, &site.ids(Kind::TestTaker)[..1], &[]);
    let deleted = |ran: e2e::Ran| ran.ends().object()["entities"]["test-taker"]["deleted"].clone();
    assert_eq!(deleted(site.sync()), 0);
    // Whatever the clock of the system shows, the box has been running for less than a day.
    let sync = ["sync", "--json"];
    let Some(ran) = site.run_later(86_000, &sync) else {
        return;
    };
    assert_eq!(deleted(ran), 0);
    assert_eq!(site.run(&["status", "--json"]).object()["held_back"], 199);
    let ran = site
        .run_later(86_800, &sync)
        .expect("it was allowed before");
    assert_eq!(deleted(ran), 199);
    let status = site.run(&["status", "--json"]).object();
    assert_eq!(status["hidden"], json!({ "test-taker": 199 }));
    // Hidden, and kept: central comes to its senses.
    site.central.clear_script();
    site.central.reset_log();
    assert_eq!(
        site.sync().exits(0).object()["entities"]["test-taker"]["created"],
        199
    );
    assert_eq!(site.asked(Route::Details), 0);
    site.assert_equal_to_central();
}

#[test]
fn what_is_named_again_comes_back_without_a_download() {
    let mut site = Site::enrolled(options(5, 2, (40_000, 90_000))).held();
    let all = site.ids(Kind::Delivery);
    let before = held(&site);
    says(&site, Kind::Delivery, &all[..1], &[]);
    let ran = site.sync().exits(0).object();
    assert_eq!(ran["entities"]["delivery"]["deleted"], 1);
    // Nobody sees it, but it is kept.
    let hidden = site.run(&["entities", "--hidden", "--json"]).objects();
    assert_eq!(hidden.len(), 1);
    assert_eq!(hidden[0]["id"], *all[1]);
    assert_eq!(site.packages().len(), 1);
    assert_eq!(site.files_of("data").len(), 2);
    let told = site.run(&["status"]).exits(0).out;
    assert!(told.contains("hidden"), "{told}");
    site.central.clear_script();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["delivery"]["created"], 1);
    assert_eq!(ran["packages"]["bytes_on_wire"], 0);
    assert_eq!(site.asked(Route::Package), 0);
    assert_eq!(site.asked(Route::Details), 0);
    nothing_lost(&site, &before);
    site.assert_equal_to_central();
    // An operator who wants nothing kept.
    site.set("sync", "keep_deleted", "\"0s\"");
    says(&site, Kind::Delivery, &all[..1], &[]);
    let _ = site.sync_with(&["--allow-deletes"]).exits(0).code("ok");
    assert_eq!(site.files_of("data").len(), 1);
    assert_eq!(
        site.run(&["entities", "--hidden", "--json"])
            .objects()
            .len(),
        0
    );
}

#[test]
fn what_is_hidden_makes_room_and_nothing_else_does() {
    let mut site = Site::enrolled(options(5, 3, (40_000, 90_000))).held();
    let all = site.ids(Kind::Delivery);
    says(&site, Kind::Delivery, &all[..2], &[]);
    site.sync().exits(0);
    assert_eq!(site.files_of("data").len(), 3);
    // Results want all the room that there is.
    site.set("download", "reserve", "\"800TiB\"");
    site.sync().exits(0);
    assert_eq!(site.files_of("data").len(), 2);
    assert!(site.packages().values().all(|state| state == "held"));
    let hidden = site.run(&["entities", "delivery", "--hidden", "--json"]);
    assert_eq!(hidden.objects().len(), 1);
    // Its package alone has to come again.
    site.set("download", "reserve", "\"0\"");
    site.central.clear_script();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["delivery"]["created"], 1);
    assert_eq!(ran["packages"]["downloaded"], 1);
    site.assert_equal_to_central();
}

#[test]
fn an_old_server_among_those_of_central_changes_nothing() {
    let site = Site::enrolled(options(20, 3, (40_000, 90_000))).held();
    let checksum = |id: &str| site.central.resource(id).unwrap().checksum;
    // What the old server still says.
    let (old_takers, old_deliveries) = (site.ids(Kind::TestTaker), site.ids(Kind::Delivery));
    let (edited, published) = (old_takers[1].clone(), old_deliveries[1].clone());
    let (taker_then, delivery_then) = (checksum(&edited), checksum(&published));
    let gone = old_takers[0].clone();
    let gone_then = checksum(&gone);
    // What the others say since.
    assert!(site.central.remove(&gone));
    site.central
        .set_property(&edited, "http://example/room", &["7"]);
    site.central
        .set_property(&published, "http://example/term", &["2"]);
    site.central.add_test_takers("1001", 1);
    site.sync().exits(0);
    let new = held(&site);
    site.central.reset_log();
    let (mut told, mut deleted) = (0, 0);
    for says_old in [
        true, false, false, true, false, true, false, true, true, false,
    ] {
        site.central.clear_script();
        if says_old {
            let edits = [
                (edited.as_str(), taker_then.as_str()),
                (gone.as_str(), gone_then.as_str()),
            ];
            says(&site, Kind::TestTaker, &old_takers, &edits);
            let edits = [(published.as_str(), delivery_then.as_str())];
            says(&site, Kind::Delivery, &old_deliveries, &edits);
        }
        let ran = site.sync().ends().object();
        told += u64::from(ran["findings"].to_string().contains("central.contradicts"));
        for kind in ["test-taker", "delivery"] {
            deleted += ran["entities"][kind]["deleted"].as_u64().unwrap();
            assert_eq!(ran["entities"][kind]["updated"], 0, "{ran}");
        }
        let now = held(&site);
        assert!(
            new.0
                .iter()
                .all(|(name, entity)| now.0.get(name) == Some(entity))
        );
        assert!(
            now.0.contains_key(&("test-taker".to_owned(), gone.clone())),
            "the union"
        );
    }
    assert!(told >= 8, "{told} of 10 runs told it");
    assert_eq!(deleted, 0);
    assert_eq!(
        (site.asked(Route::Package), site.asked(Route::Details)),
        (0, 0)
    );
    let status = site.run(&["status", "--json"]).object();
    assert_eq!(status["verdict"]["code"], "central.contradicts");
}

#[test]
fn what_is_in_use_during_an_exam_does_not_change() {
    let mut site = Site::enrolled(options(20, 5, (40_000, 90_000))).held();
    site.set("sync", "on_boot", "false");
    site.set("sync", "interval", "\"1h\"");
    let daemon = site.start_daemon();
    let exam = |active: bool| {
        let body = json!({ "active": active, "ttl_seconds": 600 }).to_string();
        let answer = site.api().call("PUT", "/v1/exam", &body).unwrap();
        assert!(answer.status < 300, "{}", answer.head);
    };
    exam(true);
    let before = held(&site);
    let delivery = site.delivery(0);
    let edited = site.ids(Kind::TestTaker)[0].clone();
    let gone = site.ids(Kind::TestTaker)[1].clone();
    assert!(site.central.remove(&delivery) && site.central.remove(&gone));
    site.central
        .set_property(&edited, "http://example/room", &["7"]);
    site.central.add_test_takers("1001", 1);
    for _ in 0..2 {
        let ran = site.sync().exits(0).code("ok");
        let count = &ran["entities"]["test-taker"];
        assert_eq!(
            (&count["deleted"], &count["updated"]),
            (&json!(0), &json!(0)),
            "{ran}"
        );
        assert_eq!(ran["entities"]["delivery"]["deleted"], 0);
    }
    let now = held(&site);
    assert!(
        before
            .0
            .iter()
            .all(|(name, entity)| now.0.get(name) == Some(entity))
    );
    assert!(now.0.len() > before.0.len(), "who is new comes");
    assert_eq!(now.1, before.1);
    let encoded = delivery
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('#', "%23");
    let content = format!("/v1/packages/content?delivery={encoded}");
    assert_eq!(site.api().get(&content).unwrap().status, 200);
    let status = site.run(&["status", "--json"]).object();
    let waiting = status["waiting_for_exam"].as_u64().unwrap();
    assert!(waiting >= 3, "{status}");
    exam(false);
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["delivery"]["deleted"], 1);
    assert_eq!(ran["entities"]["test-taker"]["deleted"], 1);
    assert!(ran["entities"]["test-taker"]["updated"].as_u64().unwrap() >= 1);
    // Hidden, with its package kept: nobody's any more.
    assert_eq!(site.api().get(&content).unwrap().status, 404);
    site.assert_catalogue();
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    let _ = daemon.end().exits(0);
}

#[test]
fn another_test_centre_holds_everything_back_creations_too() {
    let dataset = Dataset {
        organisations: vec![
            Organisation {
                package_sizes: (5_000, 9_000),
                ..Organisation::small("1001")
            },
            Organisation {
                package_sizes: (5_000, 9_000),
                ..Organisation::small("2002")
            },
        ],
        ..Dataset::small(1)
    };
    let site = Site::enrolled(Options {
        dataset,
        ..Options::default()
    })
    .held();
    let before = held(&site);
    site.central.swap_organisations("1001", "2002");
    let ran = site.sync().exits(1).code("catalogue.other_centre");
    for kind in Kind::ALL {
        let count = &ran["entities"][kind.name()];
        assert!(
            ["created", "updated", "deleted"]
                .iter()
                .all(|word| count[word].as_u64().unwrap_or(0) == 0),
            "{kind:?}: {count}"
        );
    }
    assert_eq!(site.asked(Route::Package), 0);
    nothing_lost(&site, &before);
    site.central.swap_organisations("1001", "2002");
    site.sync().exits(0);
    nothing_lost(&site, &before);
    site.central.swap_organisations("1001", "2002");
    site.sync_with(&["--allow-deletes"]).exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_changed_organisation_id_is_not_obeyed_blindly() {
    let mut site = Site::synchronized();
    let before = held(&site);
    site.set("box", "organisation_id", "\"9999\"");
    site.sync().exits(1).code("catalogue.other_organisation");
    assert_eq!(site.asked(Route::Checksums), 0);
    nothing_lost(&site, &before);
}

#[test]
fn a_wrong_organisation_on_a_new_box_is_named() {
    let mut site = Site::small();
    site.set("box", "organisation_id", "\"9999\"");
    let ran = site.sync().exits(1).code("catalogue.unknown_organisation");
    assert!(ran["reason"].as_str().unwrap().contains("9999"), "{ran}");
    site.set("box", "organisation_id", "\"1001\"");
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_page_for_people_with_status_200_changes_nothing_wherever_it_comes() {
    let site = Site::synchronized();
    let before = held(&site);
    let portal = Fault::Page {
        html: "<!DOCTYPE html><html><title>Welcome to the airport</title></html>".into(),
    };
    for (fault, code) in [
        (Fault::Maintenance, "central.maintenance"),
        (portal, "central.foreign"),
    ] {
        for route in [
            Route::Token,
            Route::SupportedVm,
            Route::Checksums,
            Route::Details,
        ] {
            site.central.clear_script();
            site.central.touch("1001", Kind::TestTaker, 3);
            site.central.script(Rule::on(route, fault.clone()).always());
            let ran = site.sync().exits(1).object();
            let told = ran["code"].as_str().unwrap();
            assert!(
                told == code || (route == Route::Token && told == "central.token"),
                "{route:?}: {told}"
            );
            // Never a half of it: what was shown is shown, changed or not.
            let now = held(&site);
            assert!(
                before.0.keys().eq(now.0.keys()) && before.1 == now.1,
                "{route:?}"
            );
        }
        site.central.clear_script();
        site.central
            .script(Rule::on(Route::Package, fault.clone()).always());
        site.central.touch("1001", Kind::Delivery, 3);
        assert_eq!(site.sync().exits(1).object()["code"], code);
        assert_eq!(held(&site).1, before.1);
    }
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn maintenance_in_the_middle_of_a_first_synchronization_shows_nothing_by_halves() {
    let site = Site::small();
    site.central.script(
        Rule::on(Route::Checksums, Fault::Maintenance)
            .containing("type=eligibility")
            .always(),
    );
    let ran = site.sync().exits(1).code("central.maintenance");
    assert!(
        ran["reason"].as_str().unwrap().contains("maintenance"),
        "{ran}"
    );
    assert!(site.entities().is_empty());
    site.central.clear_script();
    site.central.reset_log();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn maintenance_for_all_is_one_short_answer() {
    let site = Site::synchronized();
    let before = held(&site);
    site.central.set_maintenance(true);
    site.sync().exits(1).code("central.maintenance");
    assert!(
        site.central.counters().requests <= 2,
        "central is left alone"
    );
    nothing_lost(&site, &before);
}
