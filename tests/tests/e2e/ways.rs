//! Ranges that are not heeded as they were asked: the package comes in the next safest way, whole and right.
//! Never a wrong byte, and never more requests or bytes than the way is worth.
//! Its makers of sites are those of `package`.

use central::{Fault, Route};

use crate::package::{finding, on_package, on_wire, site};

/// Bytes of the first look, and a margin for heads of members that are looked at again.
const LOOK: u64 = 200_000;

#[test]
fn a_server_that_refuses_suffixes_is_asked_by_place() {
    for tells_size in [true, false] {
        for size in [3_000, 65_536, 900_000] {
            let site = site(size);
            site.central
                .script(on_package(Fault::RefuseSuffix { tells_size }).always());
            let ran = site.sync().exits(0);
            ran.code("ok");
            assert!(on_wire(&ran) < size + LOOK, "{}", ran.story());
            site.assert_equal_to_central();
            // What is held is known by its end all the same.
            site.sync().exits(0).code("ok");
        }
    }
}

#[test]
fn a_server_that_ignores_ranges_is_read_whole() {
    for size in [30_000, 1_200_000] {
        let site = site(size);
        site.central.script(on_package(Fault::IgnoreRange).always());
        let ran = site.sync().exits(0);
        ran.code("ok");
        assert_eq!(on_wire(&ran), size);
        site.assert_equal_to_central();
    }
}

#[test]
fn a_whole_without_its_length_ends_where_it_ends() {
    // Around a record, around the room that is taken at a time, and small.
    let step = 256 << 16;
    for size in [3_000, 65_536, 65_537, 1_200_000, step, step + 1] {
        let site = site(size);
        site.central.script(on_package(Fault::Unsized).always());
        let ran = site.sync().exits(0);
        ran.code("ok");
        assert_eq!(on_wire(&ran), size);
        site.assert_equal_to_central();
    }
}

#[test]
fn a_whole_without_its_length_that_is_cut_is_not_taken_for_whole() {
    let site = site(1_200_000);
    site.central.script(on_package(Fault::Unsized).always());
    // Well framed, and short: only the directory at the end can tell.
    site.central
        .script(on_package(Fault::Truncate { bytes: 700_000 }).always());
    let ran = site.sync().exits(1);
    let told = ran.object()["code"].as_str().unwrap().to_owned();
    assert!(told.starts_with("package."), "{told}");
    assert!(site.exported(&site.delivery(0)).is_none());
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_server_that_begins_to_ignore_ranges_brings_no_wrong_byte() {
    for fault in [Fault::IgnoreRange, Fault::Unsized, Fault::Placeless] {
        for nth in [2, 3] {
            let site = site(1_500_000);
            site.central
                .script(on_package(fault.clone()).nth(nth).always());
            let ran = site.sync().exits(0);
            ran.code("ok");
            site.assert_equal_to_central();
            assert!(site.asked(Route::Package) < 12, "{}", ran.story());
        }
    }
}

#[test]
fn parts_that_do_not_say_their_place_lead_to_the_whole() {
    for size in [3_000, 900_000] {
        let site = site(size);
        site.central.script(on_package(Fault::Placeless).always());
        let ran = site.sync().exits(0);
        ran.code("ok");
        site.assert_equal_to_central();
        assert!(site.asked(Route::Package) <= 4, "{}", ran.story());
    }
}

#[test]
fn a_shifted_range_is_never_believed() {
    for (by, honest) in [(10, true), (-7, false), (65_536, true)] {
        for nth in [1, 2] {
            let site = site(900_000);
            site.central.script(
                on_package(Fault::ShiftRange { by, honest })
                    .nth(nth)
                    .always(),
            );
            // Bytes that say truly where they belong may be used, if all is checked; else the whole is.
            let ran = site.sync().exits(0);
            ran.code("ok");
            site.assert_equal_to_central();
            assert!(site.asked(Route::Package) <= 8, "{}", ran.story());
        }
    }
}

#[test]
fn a_range_that_goes_on_beyond_what_it_says_is_not_believed() {
    for nth in [1, 2] {
        let site = site(900_000);
        site.central.script(
            on_package(Fault::LongRange { bytes: 5_000 })
                .nth(nth)
                .always(),
        );
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
}

#[test]
fn ranges_that_fail_late_are_left_for_the_whole_and_only_once() {
    let size = 3_000_000;
    let site = site(size);
    let far = Fault::ShiftRange {
        by: 65_536,
        honest: false,
    };
    site.central.script(on_package(far).nth(3).always());
    let ran = site.sync().exits(0);
    ran.code("ok");
    site.assert_equal_to_central();
    assert!(on_wire(&ran) < 2 * size, "{}", ran.story());
    assert!(site.asked(Route::Package) < 12, "{}", ran.story());
}

#[test]
fn one_range_that_fails_costs_that_range() {
    let size = 3_000_000;
    let site = site(size);
    site.central
        .script(on_package(Fault::Placeless).nth(3).times(1));
    let ran = site.sync().exits(0);
    ran.code("ok");
    site.assert_equal_to_central();
    assert!(on_wire(&ran) < size + LOOK, "{}", ran.story());
}

#[test]
fn parts_shorter_than_asked_each_time_still_bring_the_package() {
    for honest in [true, false] {
        for bytes in [100_000, 20_000, 1_000] {
            let site = site(600_000);
            site.central
                .script(on_package(Fault::ShortRange { bytes, honest }).always());
            let ran = site.sync().exits(0);
            ran.code("ok");
            site.assert_equal_to_central();
            let asked = site.asked(Route::Package);
            assert!(asked < 60, "{bytes} {honest}: {asked} requests");
        }
    }
}

#[test]
fn scraps_of_a_changed_package_end_in_the_whole() {
    let site = site(600_000).held();
    let delivery = site.delivery(0);
    site.central.make_package(&delivery, 77, 640_000);
    site.central.touch("1001", central::Kind::Delivery, 1);
    let scraps = Fault::ShortRange {
        bytes: 700,
        honest: true,
    };
    site.central.script(on_package(scraps).nth(2).always());
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
    let asked = site.asked(Route::Package);
    assert!(asked < 60, "{asked} requests");
}

#[test]
fn maintenance_in_the_middle_of_a_package_is_told_and_what_came_is_kept() {
    let script = r#"{"success":false,"type":"Exception","message":"TAO is under maintenance","data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;
    for fault in [Fault::Maintenance, e2e::status(500, script, None)] {
        let site = site(3_000_000);
        site.central.script(on_package(fault).nth(3).always());
        let ran = site.sync().exits(1);
        ran.code("central.maintenance");
        let (before, asked) = (on_wire(&ran), site.asked(Route::Package));
        assert!(before > 100_000 && asked <= 5, "{asked}\n{}", ran.story());
        site.central.clear_script();
        let ran = site.sync().exits(0);
        assert!(on_wire(&ran) < 3_000_000 + LOOK - before, "{}", ran.story());
        site.assert_equal_to_central();
    }
}

#[test]
fn a_page_in_the_middle_of_a_package_is_not_called_a_range() {
    let site = site(3_000_000);
    let page = Fault::Page {
        html: "<html>Welcome to the airport".into(),
    };
    site.central.script(on_package(page).nth(3).always());
    let ran = site.sync().exits(1);
    finding(&ran, "central.foreign");
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}
