//! Packages that are bad on central, or another's from a cache: found out once, told with the member, not fetched again.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Fault, Route, Rule};
use e2e::{Ran, Running, Site, options};

/// One delivery whose package has this size; ranges come one after the other, runs every second.
fn site(size: u64) -> Site {
    let mut site = Site::enrolled(options(2, 1, (size, size)));
    site.set("download", "connections", "1");
    // A box that may lose no more than a record asks for no package at once: its end comes first.
    site.set("download", "window_flush", "\"64KiB\"");
    site.set("sync", "interval", "\"1s\"");
    site
}

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    let digits = bytes[at..at + length].iter().rev();
    digits.fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// The largest stored member of a package: its path, the places of its entry and of its local header, its size.
fn stored(package: &[u8]) -> (String, usize, usize, usize) {
    let end = package.len() - 22;
    let mut at = number(package, end + 16, 4);
    let mut found = (String::new(), 0, 0, 0);
    while at < end {
        let (method, size) = (number(package, at + 10, 2), number(package, at + 20, 4));
        let name = number(package, at + 28, 2);
        if method == 0 && size > found.3 {
            let path = String::from_utf8(package[at + 46..at + 46 + name].to_vec()).unwrap();
            found = (path, at, number(package, at + 42, 4), size);
        }
        at += 46 + name;
    }
    found
}

/// Lets the daemon make so many more runs; how many requests for packages and bytes of answers they cost.
fn cost(site: &Site, running: &mut Running, runs: usize) -> (usize, u64) {
    let ended = || site.central.sync_rows().len();
    let begun = ended();
    assert!(running.until("a run", || ended() > begun));
    site.central.reset_log();
    let begun = ended();
    assert!(running.until("more runs", || ended() >= begun + runs));
    (
        site.asked(Route::Package),
        site.central.counters().bytes_sent,
    )
}

fn stop(running: Running) {
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let _ = running.end().exits(0);
}

#[track_caller]
fn finding(ran: &Ran, code: &str) -> String {
    let object = ran.object();
    let findings = object["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code}\n{}", ran.story()));
    found["reason"].as_str().unwrap().to_owned()
}

/// What doctor tells of the packages: its code and its detail.
fn doctor(site: &Site) -> (String, String) {
    let ran = site
        .run(&["doctor", "--offline", "--json"])
        .exits(1)
        .object();
    let checks = ran["checks"].as_array().unwrap();
    let about =
        |check: &&serde_json::Value| check["code"].as_str().unwrap().starts_with("package.");
    let check = checks.iter().find(about).unwrap();
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("detail"))
}

#[test]
fn a_member_that_is_damaged_on_central_is_fetched_once_and_named() {
    let site = site(1_500_000);
    let delivery = site.delivery(0);
    let good = site.central.package(&delivery).unwrap();
    let (member, _, header, size) = stored(&good);
    let mut bad = good.to_vec();
    bad[header + 30 + member.len() + size / 2] ^= 1;
    site.central.put_package(&delivery, bad);

    let mut running = site.start(&["run"]);
    // Nobody asked: after the first run each costs a look at the end, and nothing more.
    assert!(running.until("the verdict", || !site.files_of("judged").is_empty()));
    let (asked, sent) = cost(&site, &mut running, 3);
    assert!((2..=5).contains(&asked), "{asked} requests in 3 runs");
    assert!(sent < 6 * (70 << 10), "{sent} bytes in 3 runs");
    assert_eq!(site.packages()[&delivery], "damaged");
    let (code, detail) = doctor(&site);
    assert_eq!(code, "package.damaged");
    assert!(detail.contains(&member), "{detail}");
    let status = site.run(&["status", "--json"]).exits(1).object();
    assert_eq!(status["verdict"]["code"], "package.damaged", "{status}");
    stop(running);

    // A person asks: the member alone comes once more, and the verdict stands.
    site.central.reset_log();
    let ran = site.sync().exits(1);
    assert!(finding(&ran, "package.damaged").contains(&member));
    let sent = site.central.counters().bytes_sent;
    let least = size as u64;
    assert!(
        sent > least && sent < 2 * least + (400 << 10),
        "{sent} of {least}"
    );

    // Mended in place, with the same end: nobody can see that from here, so a person asks; or verifies.
    site.central.put_package(&delivery, good);
    let mut running = site.start(&["run"]);
    let (_, sent) = cost(&site, &mut running, 2);
    assert!(sent < 5 * (70 << 10), "{sent}");
    site.run(&["packages", "verify"]).exits(0);
    assert!(running.until("the package", || site.packages()[&delivery] == "held"));
    stop(running);
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
    assert!(site.files_of("judged").is_empty());
}

#[test]
fn a_package_that_is_published_anew_is_brought_unasked() {
    let site = site(400_000);
    let delivery = site.delivery(0);
    let mut bad = site.central.package(&delivery).unwrap().to_vec();
    let (member, entry, header, _) = stored(&bad);
    // A method that nobody here can check: 12 is bzip2.
    bad[entry + 10] = 12;
    bad[header + 8] = 12;
    site.central.put_package(&delivery, bad);
    let mut running = site.start(&["run"]);
    assert!(running.until("the verdict", || !site.files_of("judged").is_empty()));
    let all = site.central.counters().bytes_sent;
    assert!(all < 300_000, "{all}: nothing of it is fetched but its end");
    let (asked, _) = cost(&site, &mut running, 2);
    assert!(asked <= 4, "{asked} requests in 2 runs");
    assert_eq!(site.packages()[&delivery], "unsupported");
    let (code, detail) = doctor(&site);
    assert_eq!(code, "package.unsupported");
    assert!(
        detail.contains(&member) && detail.contains("method 12"),
        "{detail}"
    );
    site.central.make_package(&delivery, 5, 420_000);
    assert!(running.until("the package", || site.packages()[&delivery] == "held"));
    stop(running);
    site.assert_equal_to_central();
}

#[test]
fn a_small_package_that_is_damaged_is_named_and_comes_when_it_is_sound() {
    let site = site(30_000);
    let delivery = site.delivery(0);
    let good = site.central.package(&delivery).unwrap();
    let (member, _, header, size) = stored(&good);
    let mut bad = good.to_vec();
    bad[header + 30 + member.len() + size / 2] ^= 1;
    site.central.put_package(&delivery, bad);
    let ran = site.sync().exits(1);
    assert!(finding(&ran, "package.damaged").contains(&member));
    assert_eq!(site.packages()[&delivery], "damaged");
    site.central.put_package(&delivery, good);
    let mut running = site.start(&["run"]);
    assert!(running.until("the package", || site.packages()[&delivery] == "held"));
    stop(running);
    site.assert_equal_to_central();
}

#[test]
fn a_cache_that_gives_one_package_for_all_is_named_and_no_package_is_held_as_another_s() {
    for size in [40_000, 200_000] {
        // The sizes differ, or they would not be others.
        let site = Site::enrolled(options(2, 3, (size, size + 30_000)));
        let cached = Fault::Cached {
            delivery: site.delivery(1),
        };
        site.central
            .script(Rule::on(Route::Package, cached).always());
        let ran = site.sync().exits(1);
        finding(&ran, "package.cache");
        // The first one was held before anybody could see that it is the second's.
        let held = |site: &Site| -> Vec<bool> {
            let packages = site.packages();
            let ids = (0..3).map(|n| site.delivery(n));
            ids.map(|id| packages[&id] == "held").collect()
        };
        assert_eq!(held(&site), [false, true, false], "{}", ran.story());
        site.assert_package(&site.delivery(1));
        assert!(site.exported(&site.delivery(0)).is_none());
        assert_eq!(doctor(&site).0, "package.cache");
        site.sync().exits(1);
        assert_eq!(held(&site), [false, true, false]);
        // The cache is mended: all come by themselves.
        site.central.clear_script();
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
    }
}

#[test]
fn what_a_cache_put_on_a_box_of_an_earlier_version_is_replaced() {
    let site = Site::enrolled(options(2, 2, (70_000, 120_000)));
    // As an earlier version would have left it: both hold the package of the second.
    let (first, second) = (site.delivery(0), site.delivery(1));
    let (own, other) = (
        site.central.package(&first).unwrap(),
        site.central.package(&second).unwrap(),
    );
    site.central.put_package(&first, other);
    site.sync().exits(0).code("ok");
    site.files_of("judged")
        .iter()
        .for_each(|file| std::fs::remove_file(file).unwrap());
    site.central.put_package(&first, own);
    let ran = site.sync();
    assert!(matches!(ran.exit, Some(0 | 1)), "{}", ran.story());
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
}

#[test]
fn one_test_published_twice_is_held_twice_and_asked_about_once() {
    let site = Site::enrolled(options(2, 2, (70_000, 120_000)));
    let content = site.central.package(&site.delivery(0)).unwrap();
    site.central.put_package(&site.delivery(1), content);
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
    site.central.reset_log();
    for _ in 0..2 {
        site.sync().exits(0).code("ok");
        assert_eq!(site.asked(Route::Package), 0);
    }
}
