//! First, second and incremental synchronizations: what comes, what is counted, what goes over the wire.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Dataset, Kind, Options, Organisation, Property, Route, uri};
use e2e::{Site, options};
use serde_json::json;

fn counts(created: u64, updated: u64, unchanged: u64, deleted: u64) -> serde_json::Value {
    json!({"created": created, "updated": updated, "unchanged": unchanged, "deleted": deleted, "held_back": 0, "failed": 0})
}

#[test]
fn a_first_synchronization_brings_everything_and_a_second_one_nothing() {
    let site = Site::small();
    let first = site.sync().exits(0).code("ok");
    assert_eq!(first["outcome"], "finished");
    assert_eq!(first["sync_id"], 1);
    assert_eq!(first["organisation_id"], "1001");
    assert_eq!(first["tao_version"], "2022.11");
    for (kind, number) in [
        ("test-center", 1),
        ("administrator", 2),
        ("proctor", 3),
        ("test-taker", 20),
        ("eligibility", 3),
        ("delivery", 3),
    ] {
        assert_eq!(first["entities"][kind], counts(number, 0, 0, 0), "{kind}");
    }
    let sizes: u64 = site.central.package_sizes().values().sum();
    assert_eq!(first["packages"]["downloaded"], 3);
    assert_eq!(first["packages"]["bytes_stored"], sizes);
    // The end of a package is asked for first; the record that it cuts comes a second time.
    let on_wire = first["packages"]["bytes_on_wire"].as_u64().unwrap();
    assert!(
        sizes <= on_wire && on_wire <= sizes + 3 * (64 << 10),
        "{on_wire} of {sizes}"
    );
    site.assert_equal_to_central();

    site.central.reset_log();
    let second = site.sync().exits(0).code("ok");
    assert_eq!(second["sync_id"], 2);
    assert_eq!(second["entities"]["test-taker"], counts(0, 0, 20, 0));
    assert_eq!(second["entities"]["delivery"], counts(0, 0, 3, 0));
    assert_eq!(second["packages"]["unchanged"], 3);
    assert_eq!(second["packages"]["bytes_on_wire"], 0);
    assert_eq!(site.asked(Route::Checksums), 6);
    for route in [Route::Details, Route::Classes, Route::Package] {
        assert_eq!(site.asked(route), 0, "{route:?}");
    }
    assert_eq!(site.asked(Route::Token), 1);
    let requests = second["connection"]["requests"].as_u64().unwrap();
    assert_eq!(requests, site.central.counters().requests);
}

#[test]
fn what_is_new_changed_and_gone_is_told_apart() {
    let site = Site::synchronized();
    let changed = site.central.touch("1001", Kind::TestTaker, 4);
    let gone = site.ids(Kind::TestTaker)[7..10].to_vec();
    let added = site.central.add_test_takers("1001", 2);
    assert!(
        gone.iter()
            .all(|id| !changed.contains(id) && site.central.remove(id))
    );
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["test-taker"], counts(2, 4, 13, 3));
    assert_eq!(ran["entities"]["proctor"], counts(0, 0, 3, 0));
    assert_eq!(ran["packages"]["bytes_on_wire"], 0);
    let asked: String = site
        .central
        .requests_on(Route::Details)
        .iter()
        .map(|seen| String::from_utf8_lossy(&seen.body).replace("\\/", "/"))
        .collect();
    assert!(
        changed
            .iter()
            .chain(&added)
            .all(|id| asked.contains(&format!("\"{id}\"")))
    );
    site.assert_equal_to_central();
}

#[test]
fn properties_stay_exactly_as_they_were_received() {
    let site = Site::small();
    let taker = site.ids(Kind::TestTaker)[0].clone();
    let odd = [
        ("http://example/one", vec!["just one"]),
        ("http://example/two", vec!["a", "b"]),
        ("http://example/same", vec!["a", "a"]),
        ("http://example/empty", vec![""]),
        (
            "http://example/words",
            vec!["\"quoted\" \\ back/slash\u{1F600}\u{0}\n\t é"],
        ),
        ("http://example/number", vec!["007"]),
        ("http://example/null", vec!["null"]),
    ];
    for (predicate, values) in &odd {
        assert!(site.central.set_property(&taker, predicate, values));
    }
    site.sync().exits(0);
    site.assert_equal_to_central();
    let own = &site.entities()[&("test-taker".to_owned(), taker)].properties;
    assert_eq!(own["http://example/one"], "just one");
    assert_eq!(own["http://example/two"], json!(["a", "b"]));
    assert_eq!(own["http://example/empty"], "");
    assert_eq!(own["http://example/number"], "007");
}

#[test]
fn classes_below_tao_s_own_are_fetched_once() {
    let site = Site::small();
    site.sync().exits(0);
    let asked: String = site
        .central
        .requests_on(Route::Classes)
        .iter()
        .map(|seen| String::from_utf8_lossy(&seen.body).into_owned())
        .collect();
    let centre = site
        .central
        .resource(&site.ids(Kind::TestCenter)[0])
        .unwrap();
    let class = centre
        .properties
        .iter()
        .find(|p| p.predicate == uri::TYPE)
        .unwrap()
        .values[0]
        .clone();
    assert!(
        asked.replace("\\/", "/").contains(&class),
        "{class} was not asked for in {asked}"
    );
    site.central.reset_log();
    site.central.touch("1001", Kind::TestCenter, 1);
    site.central.touch("1001", Kind::TestTaker, 20);
    site.sync().exits(0);
    assert_eq!(site.asked(Route::Classes), 0);
    site.assert_catalogue();
}

#[test]
fn a_thousand_test_takers_come_page_by_page() {
    let site = Site::enrolled(options(1000, 1, (20_000, 20_000)));
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["test-taker"]["created"], 1000);
    // Ten full pages and, as the last one is full, an empty one.
    let pages = site.central.requests_on(Route::Checksums);
    assert_eq!(
        pages
            .iter()
            .filter(|seen| seen.query.contains("type=test-taker"))
            .count(),
        11
    );
    site.assert_equal_to_central();
}

#[test]
fn lists_as_long_as_a_page_end_all_the_same() {
    // Four types answer every offset with the same page when their count is the page size (protocol 15.1, 1).
    for size in [1, 2, 3] {
        let dataset = Dataset {
            organisations: vec![Organisation {
                administrators: size,
                proctors: size,
                test_takers: 2 * size,
                deliveries: size,
                package_sizes: (4_000, 8_000),
                ..Organisation::small("1001")
            }],
            ..Dataset::small(size as u64)
        };
        let site = Site::enrolled(Options {
            dataset,
            page_size: size,
            ..Options::default()
        });
        let ran = site.sync().exits(0).code("ok");
        assert_eq!(ran["entities"]["test-taker"]["created"], 2 * size);
        let pages = site.central.requests_on(Route::Checksums);
        let pages_of = |kind: &str| {
            pages
                .iter()
                .filter(|seen| seen.query.contains(&format!("type={kind}")))
                .count()
        };
        for kind in ["administrator", "proctor", "eligibility", "delivery"] {
            assert_eq!(pages_of(kind), 2, "{kind} with pages of {size}");
        }
        assert_eq!(pages_of("test-taker"), 3, "two full pages and an empty one");
        site.assert_equal_to_central();
    }
}

#[test]
fn exactly_a_hundred_of_each_are_brought() {
    let dataset = Dataset {
        organisations: vec![Organisation {
            administrators: 100,
            proctors: 100,
            test_takers: 100,
            deliveries: 100,
            package_sizes: (3_000, 3_000),
            ..Organisation::small("1001")
        }],
        ..Dataset::small(3)
    };
    let site = Site::enrolled(Options {
        dataset,
        ..Options::default()
    });
    let ran = site
        .sync_with(&[
            "--type",
            "administrator",
            "--type",
            "proctor",
            "--type",
            "test-taker",
            "--type",
            "eligibility",
        ])
        .exits(0);
    assert_eq!(ran.code("ok")["entities"]["proctor"], counts(100, 0, 0, 0));
    let ran = site.sync_with(&["--type", "delivery"]).exits(0).code("ok");
    assert_eq!(ran["entities"]["delivery"], counts(100, 0, 0, 0));
    assert_eq!(ran["packages"]["downloaded"], 100);
    let queries: Vec<String> = site
        .central
        .requests_on(Route::Checksums)
        .into_iter()
        .map(|seen| seen.query)
        .collect();
    assert_eq!(queries.len(), 10, "{queries:#?}");
}

#[test]
fn a_changed_organisation_property_is_an_update_not_a_new_entity() {
    let site = Site::synchronized();
    let proctor = site.ids(Kind::Proctor)[1].clone();
    let mut properties = site.central.resource(&proctor).unwrap().properties;
    properties.push(Property::one("http://example/room", "12"));
    site.central
        .put_resource(&proctor, Kind::Proctor, properties);
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["proctor"], counts(0, 1, 2, 0));
    site.assert_catalogue();
}

#[test]
fn an_encrypted_central_costs_no_request_more_than_a_plain_one() {
    // Users carry their wrapped key, a part of their checksum; deliveries the clear one, which is none (protocol 13).
    let runs = [false, true].map(|encrypted| {
        let site = Site::enrolled(options(300, 3, (20_000, 40_000)));
        if encrypted {
            for kind in [
                Kind::Administrator,
                Kind::Proctor,
                Kind::TestTaker,
                Kind::Delivery,
            ] {
                for (n, id) in site.ids(kind).iter().enumerate() {
                    let key = format!("7TI8ugLGBf4FYcw2N4/{n}==");
                    assert!(site.central.set_property(id, uri::APPLICATION_KEY, &[&key]));
                }
            }
            let listed = |id: &String| site.central.resource(id).unwrap().checksum;
            let (user, delivery) = (site.ids(Kind::TestTaker), site.ids(Kind::Delivery));
            let (user, delivery) = (&user[0], &delivery[0]);
            let before = (listed(user), listed(delivery));
            site.central
                .set_property(user, uri::APPLICATION_KEY, &["new"]);
            site.central
                .set_property(delivery, uri::APPLICATION_KEY, &["new"]);
            assert_ne!(listed(user), before.0);
            assert_eq!(listed(delivery), before.1);
        }
        let ran = site.sync().exits(0).code("ok");
        assert_eq!(ran["entities"]["test-taker"]["created"], 300);
        let asked = site.asked(Route::Details);
        site.assert_equal_to_central();
        asked
    });
    assert_eq!(runs[0], runs[1]);
    assert!(runs[1] <= 22, "{runs:?}");
}
