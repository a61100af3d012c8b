//! Test packages that are missing, broken, changing or badly served: never a wrong byte becomes visible.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Change, Fault, Kind, Route, Rule};
use e2e::{Ran, Site, options, status};

/// One delivery whose package has this size; ranges come one after the other. A box that may lose no more than a record
/// asks for no package at once.
pub(crate) fn site(size: u64) -> Site {
    let mut site = Site::enrolled(options(2, 1, (size, size)));
    site.set("download", "connections", "1");
    site.set("download", "window_flush", "\"64KiB\"");
    site
}

#[test]
fn a_small_package_of_which_nothing_is_held_comes_with_one_request() {
    for size in [3_000, 65_537, 1_700_000] {
        let site = Site::enrolled(options(2, 1, (size, size)));
        let ran = site.sync().exits(0);
        ran.code("ok");
        assert_eq!(site.asked(Route::Package), 1, "{}", ran.story());
        assert_eq!(on_wire(&ran), size);
        site.assert_equal_to_central();
        // Its end tells at once that it is held.
        site.central.touch("1001", Kind::Delivery, 1);
        site.central.reset_log();
        let ran = site.sync().exits(0);
        assert!(on_wire(&ran) <= 65_536, "{}", ran.story());
        assert!(site.asked(Route::Package) <= 2);
    }
}

#[test]
fn a_first_run_asks_once_for_each_small_package() {
    // The details of administrators and proctors, by which the first test takers are cut, may be late.
    for ms in [0, 400] {
        let site = Site::enrolled(options(310, 12, (40_000, 1_700_000)));
        let late = Rule::on(Route::Details, Fault::Latency { ms });
        site.central.script(late.nth(2).times(2));
        site.central.reset_log();
        let ran = site.sync().exits(0);
        let told = ran.code("ok");
        let entities = told["entities"].as_object().unwrap().values();
        let created: u64 = entities.map(|of| of["created"].as_u64().unwrap()).sum();
        assert!(created >= 340, "{created} entities");
        assert_eq!(site.asked(Route::Package), 12);
        let requests = site.central.requests().len();
        // One of them asks whether central encrypts what candidates do.
        assert!(requests <= 36, "{requests} requests\n{}", ran.story());
        site.assert_equal_to_central();
    }
}

#[test]
fn a_large_package_is_asked_for_at_once_and_left_to_come_by_ranges() {
    let size = 6_000_000;
    let site = Site::enrolled(options(2, 1, (size, size)));
    let ran = site.sync().exits(0);
    ran.code("ok");
    assert!(on_wire(&ran) <= size + 65_536, "{}", ran.story());
    site.assert_equal_to_central();
}

#[test]
fn a_small_package_that_is_cut_goes_on_where_it_was_cut() {
    let size = 1_700_000;
    let site = Site::enrolled(options(2, 1, (size, size)));
    let cut = Fault::Cut {
        after: 300_000,
        reset: false,
    };
    site.central.script(on_package(cut).always());
    let ran = site.sync().exits(0);
    ran.code("ok");
    assert!(on_wire(&ran) <= size, "{}", ran.story());
    assert!(site.asked(Route::Package) < 8, "{}", ran.story());
    site.assert_equal_to_central();
}

pub(crate) fn on_package(fault: Fault) -> Rule {
    Rule::on(Route::Package, fault)
}

#[track_caller]
pub(crate) fn on_wire(ran: &Ran) -> u64 {
    ran.object()["packages"]["bytes_on_wire"].as_u64().unwrap()
}

#[track_caller]
pub(crate) fn finding(ran: &Ran, code: &str) -> String {
    let object = ran.object();
    let findings = object["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code}\n{}", ran.story()));
    found["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_package_that_central_does_not_have_is_a_warning_and_the_others_come() {
    let site = Site::enrolled(options(2, 3, (20_000, 90_000)));
    let missing = site.delivery(1);
    site.central.remove_package(&missing);
    let ran = site.sync().exits(1);
    let object = ran.code("package.missing");
    assert_eq!(
        (
            object["packages"]["downloaded"].as_u64(),
            object["packages"]["failed"].as_u64()
        ),
        (Some(2), Some(1))
    );
    assert!(finding(&ran, "package.missing").contains(&missing));
    let row = site.central.sync_rows().pop().unwrap();
    assert_eq!(
        row.status, "Success",
        "a warning does not fail the run on central"
    );
    assert!(
        row.report
            .iter()
            .any(|(kind, text)| kind == "warning" && text.contains("package.missing")),
        "{:?}",
        row.report
    );
    assert_eq!(site.packages()[&missing], "missing");
    site.assert_equal_to_central();
    // It is asked for again by every run, and comes when central has it.
    site.central.make_package(&missing, 5, 30_000);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn what_is_no_package_is_named_and_never_visible() {
    let site = site(300_000);
    let delivery = site.delivery(0);
    let text = "This is no zip. ".repeat(20_000).into_bytes();
    let cut = site.central.package(&delivery).unwrap()[..250_000].to_vec();
    let page = b"<!DOCTYPE html><html><title>Welcome</title></html>".to_vec();
    for (content, code) in [
        (Vec::new(), "package.empty"),
        (b"hello".to_vec(), "package.not_zip"),
        (text, "package.not_zip"),
        (cut, "package."),
        (page, "central.foreign"),
        (b"PK\x05\x06".to_vec(), "package."),
    ] {
        site.central.put_package(&delivery, content.clone());
        let ran = site.sync().exits(1);
        let told = ran.object()["code"].as_str().unwrap().to_owned();
        let length = content.len();
        assert!(
            told.starts_with(code),
            "{told} instead of {code} for {length} bytes"
        );
        assert_ne!(site.packages()[&delivery], "held");
        assert!(site.exported(&delivery).is_none());
    }
    site.central.make_package(&delivery, 9, 70_000);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn answers_shorter_than_announced_are_asked_for_again() {
    let site = site(1_500_000);
    site.central.script(
        on_package(Fault::Truncate { bytes: 300_000 })
            .nth(2)
            .times(2),
    );
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
}

#[test]
fn a_line_that_is_cut_again_and_again_still_brings_the_package() {
    for reset in [false, true] {
        let site = site(3_000_000);
        site.central.script(
            on_package(Fault::Cut {
                after: 200_000,
                reset,
            })
            .always(),
        );
        let ran = site.sync().exits(0);
        ran.code("ok");
        // Each cut costs at most the record it came in the middle of.
        let most = 3_000_000 + site.asked(Route::Package) as u64 * (64 << 10);
        assert!(on_wire(&ran) <= most, "{} of {most}", on_wire(&ran));
        site.assert_equal_to_central();
    }
}

#[test]
fn a_line_that_is_cut_within_every_record_still_brings_the_package() {
    let site = site(700_000);
    site.central.script(
        on_package(Fault::Cut {
            after: 25_000,
            reset: false,
        })
        .nth(2)
        .always(),
    );
    let ran = site.sync().exits(0);
    ran.code("ok");
    // The end was looked at once; what was cut goes on where it was cut.
    let most = 700_000 + (64 << 10);
    assert!(on_wire(&ran) <= most, "{} of {most}", on_wire(&ran));
    site.assert_equal_to_central();
}

#[test]
fn a_byte_that_came_wrong_costs_its_member_and_no_more() {
    let site = site(900_000);
    // The second request brings the content: one byte in its middle is wrong.
    site.central.script(
        on_package(Fault::Corrupt {
            at: 450_000,
            in_package: true,
        })
        .nth(2),
    );
    let ran = site.sync().exits(0);
    ran.code("ok");
    assert_eq!(site.central.firings().0, 1);
    let again = on_wire(&ran) - 900_000;
    assert!(again > 0 && again < 400_000, "{again} bytes came again");
    site.assert_equal_to_central();
}

#[test]
fn a_package_that_is_damaged_on_central_is_named_and_never_visible() {
    let site = site(900_000);
    site.central.script(
        on_package(Fault::Corrupt {
            at: 450_000,
            in_package: true,
        })
        .always(),
    );
    let ran = site.sync().exits(1);
    assert!(
        finding(&ran, "package.damaged").contains("member “items/"),
        "{}",
        ran.story()
    );
    let delivery = site.delivery(0);
    assert_ne!(site.packages()[&delivery], "held");
    assert!(site.exported(&delivery).is_none());
    assert!(
        on_wire(&ran) < 2 * 900_000,
        "only the bad member comes twice"
    );
    // What is good of it is kept.
    site.central.clear_script();
    let ran = site.sync().exits(0);
    assert!(on_wire(&ran) < 600_000, "{}", on_wire(&ran));
    site.assert_equal_to_central();
}

#[test]
fn a_package_that_changes_while_it_comes_is_begun_anew() {
    for same_size in [true, false] {
        for nth in [2, 3] {
            let site = site(2_500_000);
            let change = Change {
                percent: 30.0,
                same_size,
            };
            site.central
                .script(on_package(Fault::ChangePackage(change)).nth(nth));
            site.sync().exits(0).code("ok");
            assert_eq!(site.central.firings().0, 1);
            site.assert_equal_to_central();
        }
    }
}

#[test]
fn where_a_server_in_front_tags_packages_a_change_costs_no_more_than_was_there() {
    let tagged = |server: &str, weak| {
        let server = server.to_owned();
        on_package(Fault::Tag { server, weak })
    };
    let change = Change {
        percent: 30.0,
        same_size: true,
    };
    let runs = [Some(false), Some(true), None].map(|weak| {
        let site = site(2_500_000);
        site.central
            .script(on_package(Fault::ChangePackage(change)).nth(3));
        if let Some(weak) = weak {
            site.central.script(tagged("front", weak).always());
        }
        let ran = site.sync().exits(0);
        ran.code("ok");
        site.assert_equal_to_central();
        on_wire(&ran)
    });
    // Without a tag, or with a weak one, the change is met when all has come.
    assert!(runs[0] + 1_000_000 < runs[1], "{runs:?}");
    assert_eq!(runs[1], runs[2]);
    // Two servers behind one name give it two tags: its end is looked at once more, and nothing comes twice.
    let site = site(2_500_000);
    for nth in 1..20 {
        let server = ["one", "other"][nth as usize % 2];
        site.central.script(tagged(server, false).nth(nth));
    }
    let ran = site.sync().exits(0);
    ran.code("ok");
    let most = 2_500_000 + 2 * (64 << 10);
    assert!(on_wire(&ran) <= most, "{} of {most}", on_wire(&ran));
    site.assert_equal_to_central();
}

#[test]
fn all_connections_together_keep_the_configured_rate() {
    let mut site = Site::enrolled(options(2, 1, (4_000_000, 4_000_000)));
    site.set("download", "connections", "16");
    site.set("download", "max_rate", "\"1MB\"");
    let begun = std::time::Instant::now();
    site.sync().exits(0).code("ok");
    // However slow the machine is, it may not take less.
    let took = begun.elapsed().as_secs_f64();
    assert!(took > 3.5, "4 MB at 1 MB/s in {took} s");
    site.assert_equal_to_central();
}

#[test]
fn a_package_that_changes_without_end_is_left_for_the_next_run() {
    let site = site(1_500_000);
    let change = Change {
        percent: 10.0,
        same_size: false,
    };
    site.central
        .script(on_package(Fault::ChangePackage(change)).nth(2).always());
    let ran = site.sync().exits(1);
    ran.code("package.changed");
    assert_ne!(site.packages()[&site.delivery(0)], "held");
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_changed_delivery_brings_its_new_package_and_the_old_one_serves_until_then() {
    let site = site(600_000).held();
    let delivery = site.delivery(0);
    let old = site.exported(&delivery).unwrap();
    site.central.touch("1001", Kind::Delivery, 1);
    site.central.change_package(
        &delivery,
        Change {
            percent: 20.0,
            same_size: false,
        },
    );
    site.central.script(on_package(Fault::Maintenance).always());
    site.sync().exits(1).code("central.maintenance");
    assert!(site.exported(&delivery).unwrap() == old);
    // The run before has shown the changed delivery but not brought its package: that is owed, not forgotten.
    site.central.clear_script();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["packages"]["downloaded"], 1, "{ran}");
    site.assert_equal_to_central();
    // A changed delivery with the same package is looked at once, and then no more.
    site.central.touch("1001", Kind::Delivery, 1);
    site.central.reset_log();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["packages"]["unchanged"], 1);
    assert_eq!(site.asked(Route::Package), 1);
    site.sync().exits(0);
    assert_eq!(site.asked(Route::Package), 1);
}

#[test]
fn ranges_shorter_than_asked_are_taken_and_the_rest_asked_for() {
    for honest in [true, false] {
        let site = site(1_000_000);
        site.central.script(
            on_package(Fault::ShortRange {
                bytes: 150_000,
                honest,
            })
            .nth(2)
            .always(),
        );
        let ran = site.sync();
        if honest {
            assert_eq!(ran.exit, Some(0), "{}", ran.story());
        }
        site.central.clear_script();
        site.sync().exits(0);
        site.assert_equal_to_central();
    }
}

#[test]
fn short_ranges_that_come_as_200_are_ranges_all_the_same() {
    // PHP's output buffer: an answer below its size has status 200 and a Content-Range (protocol 6.3).
    for size in [3_000, 65_536, 65_537, 70_000, 1_200_000] {
        let site = site(size);
        site.central.set_output_buffer(4 << 20);
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
}

#[test]
fn sizes_around_a_record_and_the_first_look() {
    for size in [65_535, 65_536, 65_537, 131_072, 131_073] {
        let site = site(size);
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
}

#[test]
fn a_compressed_package_is_read_or_named() {
    for (nth, size) in [(1, 300_000), (2, 900_000)] {
        let site = site(size);
        site.central
            .script(on_package(Fault::Gzip { always: true }).nth(nth).always());
        let ran = site.sync();
        if ran.exit != Some(0) {
            let object = ran.exits(1).object();
            assert_eq!(object["code"], "central.compressed", "{object}");
            assert!(site.exported(&site.delivery(0)).is_none());
        }
        site.central.clear_script();
        site.sync().exits(0);
        site.assert_equal_to_central();
    }
}

#[test]
fn a_central_in_trouble_is_tried_again_within_the_run() {
    let site = site(700_000);
    let busy = |code| status(code, "<html>busy</html>", Some(1));
    site.central.script(on_package(busy(503)));
    site.central.script(on_package(busy(502)).nth(3));
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
}

#[test]
fn a_refusal_labelled_like_a_package_is_no_package() {
    // Error bodies have the label of packages, and some have status 200 (protocol 15.1, 13).
    let body = r#"{"success":false,"errorCode":500,"errorMsg":"","version":"2022.11"}"#;
    let site = site(700_000);
    for nth in [1, 4] {
        site.central
            .script(on_package(status(200, body, None)).nth(nth));
    }
    site.sync().ends();
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_crash_of_central_without_a_body_is_no_package() {
    let site = site(700_000);
    site.central
        .script(on_package(status(500, "", None)).always());
    let ran = site.sync().exits(1);
    assert!(
        ran.object()["code"]
            .as_str()
            .unwrap()
            .starts_with("central."),
        "{}",
        ran.story()
    );
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn verify_finds_damage_and_the_next_run_mends_it() {
    let site = site(500_000).held();
    site.run(&["packages", "verify"]).exits(0);
    let file = site.files_of("data").remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    site.run(&["packages", "verify"]).exits(1);
    let delivery = site.delivery(0);
    assert_eq!(site.packages()[&delivery], "damaged");
    assert!(site.exported(&delivery).is_none());
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn packages_that_no_delivery_names_are_collected() {
    let mut site = Site::enrolled(options(2, 4, (20_000, 60_000))).held();
    site.set("sync", "keep_deleted", "\"0s\"");
    assert_eq!(site.files_of("data").len(), 4);
    let gone = [site.delivery(0), site.delivery(2)];
    gone.iter()
        .for_each(|delivery| assert!(site.central.remove(delivery)));
    site.sync_with(&["--allow-deletes"]).exits(0);
    assert_eq!(site.files_of("data").len(), 2);
    site.assert_equal_to_central();
}

#[test]
fn a_size_beyond_all_disks_is_named_and_nothing_wraps() {
    // A size that no box holds is no size: the package comes without it.
    for total in [(1 << 50) + 1, 18_438_866_140_179_029_544, u64::MAX] {
        let site = site(900_000);
        site.central
            .script(on_package(Fault::RangeTotal { total }).always());
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
    for total in [1 << 50, 1 << 49] {
        let site = site(900_000);
        site.central
            .script(on_package(Fault::RangeTotal { total }).always());
        let ran = site.sync().exits(1);
        let told = ran.object()["code"].as_str().unwrap().to_owned();
        assert!(
            told.starts_with("package.") || told.starts_with("disk."),
            "{told}"
        );
        assert!(site.exported(&site.delivery(0)).is_none());
        site.central.clear_script();
        site.sync().exits(0);
        site.assert_equal_to_central();
    }
}
