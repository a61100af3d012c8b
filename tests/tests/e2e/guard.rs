//! A wrong answer cannot wipe a box (design 1, promise 5).

use central::{Dataset, Fault, Kind, Options, Organisation, Route, Rule};
use e2e::Site;

/// Everything that the box showed before is shown now, and every package can be read.
#[track_caller]
fn nothing_lost(site: &Site, before: &impl PartialEq<Held>) {
    assert!(*before == held(site), "the box lost something");
}

type Held = (
    std::collections::BTreeMap<(String, String), e2e::Entity>,
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
    assert!(
        site.files_of("data").is_empty(),
        "packages that nobody names are collected"
    );
    site.central.hide_organisation("1001", false);
    site.sync().exits(0);
    site.assert_equal_to_central();
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
fn half_of_a_type_may_go_and_the_limit_is_the_operator_s() {
    let mut site = Site::synchronized();
    site.ids(Kind::TestTaker)[..10]
        .iter()
        .for_each(|id| assert!(site.central.remove(id)));
    assert_eq!(
        site.sync().exits(0).object()["entities"]["test-taker"]["deleted"],
        10
    );
    site.set("sync", "delete_limit", "0.0");
    assert!(site.central.remove(&site.ids(Kind::TestTaker)[0]));
    assert_eq!(
        site.sync().exits(1).code("catalogue.held_back")["entities"]["test-taker"]["held_back"],
        1
    );
    site.set("sync", "delete_limit", "1.0");
    assert_eq!(
        site.sync().exits(0).object()["entities"]["test-taker"]["deleted"],
        1
    );
    site.assert_equal_to_central();
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
                told == code || (route == Route::Token && told == "auth.token"),
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
