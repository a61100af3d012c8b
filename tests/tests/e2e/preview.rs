//! `sync --dry-run` says what the next run does, and does nothing.
//! Never looks inside a file: two states of a folder are compared byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use central::{Kind, Route};
use e2e::Site;
use serde_json::Value;

/// Every file of the state folder, but the one whose content is who holds the lock.
fn at_rest(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = site.files().into_iter();
    let files = files.filter(|path| path.file_name().is_none_or(|name| name != "lock"));
    files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// What a dry run says; nothing changes at rest, and central is asked for nothing but its lists.
fn dry_run(site: &Site, status: i32) -> Value {
    site.central.reset_log();
    let rows = site.central.sync_rows().len();
    let before = at_rest(site);
    let told = site.sync_with(&["--dry-run"]).exits(status).object();
    assert_eq!(at_rest(site), before, "something was written");
    for seen in site.central.requests() {
        let reads = [Route::Token, Route::SupportedVm, Route::Checksums];
        assert!(
            reads.contains(&seen.route),
            "{:?} {}",
            seen.route,
            seen.path
        );
    }
    assert_eq!(
        site.central.sync_rows().len(),
        rows,
        "central keeps a row of it"
    );
    assert_eq!(told["dry_run"], true);
    told
}

/// How many a run changed as the dry run said before it.
#[track_caller]
fn agree(told: &Value, ran: &Value) {
    for (kind, of) in told["entities"].as_object().unwrap() {
        let count = &ran["entities"][kind];
        for (ids, number) in [
            ("created", "created"),
            ("updated", "updated"),
            ("hidden", "deleted"),
        ] {
            let ids = of[ids].as_array().unwrap().len();
            assert_eq!(count[number], ids, "{kind} {number}: {told} {ran}");
        }
        for number in ["unchanged", "held_back"] {
            assert_eq!(count[number], of[number], "{kind} {number}: {told} {ran}");
        }
    }
}

#[test]
fn a_dry_run_says_what_the_next_run_does_and_does_nothing() {
    let site = Site::small();
    let told = dry_run(&site, 0);
    assert_eq!(told["packages"]["fetch"].as_array().unwrap().len(), 3);
    assert_eq!(
        told["entities"]["test-taker"]["created"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    assert!(site.entities().is_empty());
    agree(&told, &site.sync().exits(0).object());

    let takers = site.ids(Kind::TestTaker);
    let added = site.central.add_test_takers("1001", 2);
    let label = "http://www.w3.org/2000/01/rdf-schema#label";
    assert!(site.central.set_property(&takers[0], label, &["edited"]));
    assert!(
        site.central
            .set_property(&site.delivery(0), label, &["edited"])
    );
    assert!(site.central.remove(&takers[1]));
    let told = dry_run(&site, 0);
    let of = &told["entities"]["test-taker"];
    let mut created: Vec<_> = of["created"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    created.sort();
    let mut added = added;
    added.sort();
    assert_eq!(created, added);
    assert_eq!(of["updated"], serde_json::json!([takers[0]]));
    assert_eq!(of["hidden"], serde_json::json!([takers[1]]));
    assert_eq!(
        told["packages"]["compare"],
        serde_json::json!([site.delivery(0)])
    );
    assert_eq!(
        (&told["packages"]["fetch"], &told["packages"]["held"]),
        (&serde_json::json!([]), &2.into())
    );
    agree(&told, &site.sync().exits(0).object());
    site.assert_equal_to_central();

    // What would be held back is named, and so is that.
    for id in &site.ids(Kind::TestTaker)[..12] {
        assert!(site.central.remove(id));
    }
    let told = dry_run(&site, 1);
    assert_eq!(told["findings"][0]["code"], "catalogue.held_back");
    assert_eq!(
        told["entities"]["test-taker"]["kept"]
            .as_array()
            .unwrap()
            .len(),
        12
    );
    agree(&told, &site.sync().exits(1).object());
}

#[test]
fn the_history_shows_a_run_as_a_tree_and_what_several_changed() {
    let site = Site::synchronized();
    site.central.add_test_takers("1001", 2);
    site.sync().exits(0);
    let taker = &site.ids(Kind::TestTaker)[0];
    assert!(site.central.remove(taker));
    site.sync().exits(0);
    let listed = site.run(&["history", "--json"]).exits(0).objects();
    let numbers: Vec<_> = listed
        .iter()
        .map(|run| run["sync_id"].as_u64().unwrap())
        .collect();
    let shown = site
        .run(&["history", "show", &numbers[1].to_string(), "--json"])
        .exits(0)
        .object();
    assert_eq!(shown["report"], listed[1]);
    let told: Vec<_> = shown["children"].as_array().unwrap().iter().collect();
    let is_takers = |node: &&&Value| {
        node["message"]
            .as_str()
            .unwrap()
            .contains("2 new, 20 unchanged")
    };
    assert!(told.iter().any(|node| is_takers(&node)), "{shown}");
    let text = site
        .run(&["history", "show", &numbers[1].to_string()])
        .exits(0)
        .out;
    assert!(text.contains("├ ") && text.contains("2 new"), "{text}");
    site.run(&["history", "show", "999", "--json"])
        .exits(2)
        .code("input.run");

    let last = site.run(&["history", "diff", "--json"]).exits(0).object();
    assert_eq!((&last["runs"], &last["changed"]), (&1.into(), &listed[0]));
    let day = site
        .run(&["history", "diff", "--since", "1d", "--json"])
        .exits(0)
        .object();
    assert_eq!(day["runs"], listed.len());
    let takers = &day["changed"]["entities"]["test-taker"];
    assert_eq!(
        (&takers["created"], &takers["deleted"]),
        (&22.into(), &1.into())
    );
}

#[test]
fn speed_measures_each_way_and_its_result_is_kept_and_told() {
    let mut site = Site::synchronized();
    let row = |site: &Site| {
        serde_json::to_value(
            site.run(&["history", "--limit", "1", "--json"])
                .exits(0)
                .object(),
        )
        .unwrap()
    };
    for with_daemon in [false, true] {
        site.set("sync", "on_boot", "false");
        let daemon = with_daemon.then(|| site.start_daemon());
        site.central.reset_log();
        let told = site.run(&["speed", "--json"]).exits(0).object();
        for way in ["download_mbit_s", "upload_mbit_s"] {
            assert!(told[way].as_f64().unwrap() > 0.0, "{told}");
            assert_eq!(row(&site)["connection"][way], told[way]);
        }
        assert_eq!(site.asked(Route::Checksums) + site.asked(Route::Results), 0);
        assert_eq!(site.asked(Route::Upload), 1);
        // Again, though it was measured a moment ago.
        let again = site.run(&["speed"]).exits(0).out;
        assert!(again.contains("Mbit/s"), "{again}");
        assert_eq!(site.asked(Route::Upload), 2);
        assert_eq!(site.central.sync_rows().last().unwrap().status, "Success");
        if let Some(daemon) = daemon {
            daemon.signal(nix::sys::signal::Signal::SIGTERM);
            daemon.end().exits(0);
        }
    }
}
