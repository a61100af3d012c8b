//! Progress survives a sudden end (design 1, promise 2): what lies sealed on disk is never fetched again.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Change, Fault, Kind, Route, Rule};
use e2e::{Site, options};

const RECORD: u64 = 64 << 10;
const SIZE: u64 = 6_000_000;

/// One package; ranges come one after the other, its end first: a box that may lose no more than a record asks for no
/// package at once.
fn site() -> Site {
    let mut site = Site::enrolled(options(2, 1, (SIZE, SIZE)));
    site.set("download", "connections", "1");
    site.set("download", "window_flush", "\"64KiB\"");
    site
}

/// Bytes of package content that central has handed out.
fn sent(site: &Site) -> u64 {
    let requests = site.central.requests_on(Route::Package);
    requests.iter().map(|seen| seen.sent).sum()
}

/// Runs until so many bytes of a range have come and were taken, then kills. A run looks at the package's end first.
fn cut_after(site: &Site, bytes: u64) {
    site.central.clear_script();
    let stall = Rule::on(Route::Package, Fault::Stall { after: bytes });
    site.central.script(stall.nth(2).always());
    let asked = site.asked(Route::Package);
    let port = site.central.address().port();
    let mut running = site.start(&["sync", "--json"]);
    let mut begun = false;
    let met = running.until("a range under way", || {
        let requests = site.central.requests_on(Route::Package);
        begun = requests.len() >= asked + 2 && requests[asked + 1].sent >= bytes;
        begun
    });
    assert!(met, "{}", running.end().story());
    e2e::wait_until("the range to be taken", e2e::LIMIT, || {
        running.has_read_all_from(port)
    });
    running.kill().was_killed();
    site.central.clear_script();
}

#[test]
fn ten_sudden_ends_cost_no_more_than_a_record_each() {
    let site = site();
    let delivery = site.delivery(0);
    for round in 0..10 {
        cut_after(&site, 500_000);
        assert_eq!(site.packages()[&delivery], "partial", "round {round}");
        assert!(site.exported(&delivery).is_none());
    }
    let ran = site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
    // Each run looks at the package's end again, and each end hits a record in the middle.
    let most = SIZE + SIZE * 3 / 100 + 10 * 2 * RECORD;
    let sent = sent(&site);
    assert!(sent <= most, "{sent} bytes for {SIZE}");
    let last = ran["packages"]["bytes_on_wire"].as_u64().unwrap();
    assert!(last < SIZE - 10 * 400_000, "the last run brought {last}");
}

#[test]
fn a_sudden_end_between_two_packages_keeps_the_first() {
    let mut site = Site::enrolled(options(2, 3, (200_000, 900_000)));
    site.set("download", "connections", "1");
    let last = site.delivery(2);
    site.central.script(
        Rule::on(Route::Package, Fault::Silence)
            .containing(&last)
            .always(),
    );
    let mut running = site.start(&["sync", "--json"]);
    assert!(running.until("the last package", || {
        site.central
            .requests_on(Route::Package)
            .iter()
            .any(|seen| seen.query.contains(last.rsplit('#').next().unwrap()))
    }));
    running.kill().was_killed();
    site.central.clear_script();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(
        (
            ran["packages"]["unchanged"].as_u64(),
            ran["packages"]["downloaded"].as_u64()
        ),
        (Some(2), Some(1))
    );
    site.assert_equal_to_central();
}

#[test]
fn details_that_came_before_a_sudden_end_are_not_asked_for_again() {
    let site = Site::enrolled(options(400, 1, (5_000, 5_000)));
    site.central.script(
        Rule::on(Route::Checksums, Fault::Silence)
            .containing("type=delivery")
            .always(),
    );
    let port = site.central.address().port();
    let mut running = site.start(&["sync", "--json"]);
    assert!(running.until("the last list", || {
        let requests = site.central.requests();
        requests
            .iter()
            .any(|seen| seen.query.contains("type=delivery"))
            && requests
                .iter()
                .all(|seen| seen.route != Route::Details || seen.status.is_some())
    }));
    e2e::wait_until("the details to be taken", e2e::LIMIT, || {
        running.has_read_all_from(port)
    });
    running.kill().was_killed();
    assert!(
        site.entities().is_empty(),
        "half a catalogue is never shown"
    );
    site.central.clear_script();
    site.central.reset_log();
    let ran = site.sync().exits(0).code("ok");
    assert_eq!(ran["entities"]["test-taker"]["created"], 400);
    // What the store had flushed before counts; it flushes by itself twice a second.
    let asked = site.central.requests_on(Route::Details).len();
    assert!(asked <= 20, "{asked} calls for details");
    site.assert_equal_to_central();
}

#[test]
fn a_package_that_changed_while_the_box_was_off_is_begun_anew() {
    for same_size in [true, false] {
        let site = site();
        cut_after(&site, 500_000);
        site.central.change_package(
            &site.delivery(0),
            Change {
                percent: 40.0,
                same_size,
            },
        );
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
}

#[test]
fn records_that_rot_while_the_box_is_off_are_fetched_again() {
    let site = site();
    cut_after(&site, 500_000);
    let file = site.files_of("data").remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    for at in (0..400_000).step_by(50_000) {
        bytes[at] ^= 0xff;
    }
    std::fs::write(&file, bytes).unwrap();
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
}

#[test]
fn a_polite_end_keeps_what_came() {
    let site = site();
    site.central.script(
        Rule::on(Route::Package, Fault::Stall { after: 700_000 })
            .nth(2)
            .always(),
    );
    let port = site.central.address().port();
    let mut running = site.start(&["sync", "--json"]);
    assert!(running.until("a range", || sent(&site) > 700_000));
    e2e::wait_until("the range to be taken", e2e::LIMIT, || {
        running.has_read_all_from(port)
    });
    running.signal(nix::sys::signal::Signal::SIGINT);
    running.end().exits(130);
    site.central.clear_script();
    let ran = site.sync().exits(0).code("ok");
    assert!(ran["packages"]["bytes_on_wire"].as_u64().unwrap() < SIZE - 500_000);
    site.assert_equal_to_central();
}

#[test]
fn a_second_box_folder_is_another_box() {
    let one = site();
    let ran = one.sync_with(&["--type", "test-center"]).exits(0).object();
    let other = site();
    let told = other
        .sync_with(&["--type", "test-center"])
        .exits(0)
        .object();
    assert_ne!(ran["box_id"], told["box_id"]);
    assert_eq!(one.ids(Kind::TestCenter), other.ids(Kind::TestCenter));
}
