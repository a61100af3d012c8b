//! A new version of a known test costs what changed (design 3).
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Change, Kind, Route};
use e2e::{Site, options};

const SIZE: u64 = 5_000_000;

fn site() -> Site {
    Site::enrolled(options(2, 1, (SIZE, SIZE))).held()
}

fn is_rebuilt(site: &Site, delivery: &str) -> bool {
    let objects = site.run(&["packages", "--json"]).exits(0).objects();
    let package = objects
        .iter()
        .find(|object| object["delivery"] == delivery)
        .unwrap();
    package["rebuilt"] == true
}

#[test]
fn a_republished_test_is_rebuilt_from_the_held_one() {
    let site = site();
    let old = site.delivery(0);
    let new = site
        .central
        .republish(
            &old,
            Some(Change {
                percent: 3.0,
                same_size: false,
            }),
        )
        .unwrap();
    let ran = site.sync_with(&["--allow-deletes"]).exits(0).code("ok");
    assert_eq!(ran["packages"]["downloaded"], 1);
    let on_wire = ran["packages"]["bytes_on_wire"].as_u64().unwrap();
    assert!(on_wire < SIZE / 4, "{on_wire} of {SIZE}");
    assert!(is_rebuilt(&site, &new));
    site.assert_equal_to_central();
    assert_eq!(
        site.files_of("data").len(),
        2,
        "the old one is kept, hidden"
    );
    site.run(&["packages", "verify"]).exits(0);
}

#[test]
fn the_same_test_under_a_new_uri_costs_next_to_nothing() {
    let site = site();
    let new = site.central.republish(&site.delivery(0), None).unwrap();
    let ran = site.sync_with(&["--allow-deletes"]).exits(0).code("ok");
    let on_wire = ran["packages"]["bytes_on_wire"].as_u64().unwrap();
    assert!(on_wire < 200_000, "{on_wire}");
    assert!(is_rebuilt(&site, &new));
    site.assert_equal_to_central();
}

#[test]
fn a_new_version_under_the_same_uri_is_rebuilt_too() {
    for same_size in [true, false] {
        let site = site();
        let delivery = site.delivery(0);
        site.central.touch("1001", Kind::Delivery, 1);
        site.central
            .change_package(
                &delivery,
                Change {
                    percent: 2.0,
                    same_size,
                },
            )
            .unwrap();
        let ran = site.sync().exits(0).code("ok");
        let on_wire = ran["packages"]["bytes_on_wire"].as_u64().unwrap();
        assert!(on_wire < SIZE / 4, "{on_wire}");
        site.assert_equal_to_central();
    }
}

#[test]
fn a_test_with_nothing_in_common_is_fetched_whole() {
    let site = site();
    let delivery = site.delivery(0);
    site.central.touch("1001", Kind::Delivery, 1);
    site.central.make_package(&delivery, 4_711, SIZE / 2);
    let ran = site.sync().exits(0).code("ok");
    assert!(ran["packages"]["bytes_on_wire"].as_u64().unwrap() >= SIZE / 2);
    assert!(!is_rebuilt(&site, &delivery));
    site.assert_equal_to_central();
}

#[test]
fn damage_in_the_held_package_never_gets_into_the_new_one() {
    let site = site();
    let file = site.files_of("data").remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    for at in (100_000..4_000_000).step_by(400_000) {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    site.central
        .republish(
            &site.delivery(0),
            Some(Change {
                percent: 5.0,
                same_size: false,
            }),
        )
        .unwrap();
    site.sync_with(&["--allow-deletes"]).exits(0);
    assert!(site.asked(Route::Package) > 1);
    site.assert_equal_to_central();
}
