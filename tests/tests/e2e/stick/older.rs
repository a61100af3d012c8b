//! Packages that are older than their deliveries: none is dropped from a stick, and none is taken for central's.
//! Never trusts what the box says of a stick: what comes from it is compared with what central had.
//! Runs everywhere.

use std::fs;

use central::Kind;
use serde_json::{Value, json};

use super::{carry, codes, export, files, import, keyed, status, stick, without_a_link};
use crate::trace::{at, copy};
use e2e::{Site, options};

/// Central publishes one delivery anew, and its package has not come yet.
fn in_the_middle() -> (Site, String, Vec<u8>) {
    let mut site = Site::enrolled(options(20, 3, (40_000, 60_000)));
    keyed(&mut site);
    fs::create_dir(stick(&site)).unwrap();
    site.sync().exits(0);
    export(&site);
    let delivery = site.ids(Kind::Delivery)[0].clone();
    let before = site.exported(&delivery).unwrap();
    site.central.touch("1001", Kind::Delivery, 1);
    site.central.make_package(&delivery, 9, 900_000);
    site.set("download", "max_rate", "\"1kB\"");
    site.sync_with(&["--no-wait"]).ends();
    (site, delivery, before)
}

#[test]
fn an_export_in_the_middle_of_an_update_keeps_the_package_that_was_whole() {
    let (mut site, delivery, before) = in_the_middle();
    let ran = carry(&site, &["export"]).exits(1);
    let told = ran.objects();
    assert_eq!(
        (&told[0]["packages"], &told[0]["older"], &told[0]["lacking"]),
        (&json!(3), &json!([delivery]), &json!(0)),
        "{}",
        ran.story()
    );
    assert_eq!(told[1]["code"], "carry.outdated");
    assert!(told[1]["reason"].as_str().unwrap().contains(&delivery));
    let shown = carry(&site, &["show"]).exits(0).object();
    assert_eq!(
        (&shown["whole"], &shown["older"]),
        (&json!(true), &json!([delivery]))
    );
    // On a box that has none it is better than nothing; that it is an older one is said, and stays so on its way.
    let root = without_a_link(&site);
    let ran = import(&site, &root, &[]).exits(1);
    let report = ran.object();
    assert_eq!(
        codes(&report),
        ["carry.taken", "carry.outdated"],
        "{}",
        ran.story()
    );
    assert_eq!(report["packages"]["downloaded"], 3);
    let file = site.path("older.zip");
    let words = ["packages", "export", &delivery, file.to_str().unwrap()];
    at(&site, &root, &words).end().exits(0);
    assert_eq!(fs::read(file).unwrap(), before);
    // Nothing but a comparison ends that, whatever is asked for.
    for words in [&["sync"][..], &["sync", "--results"]] {
        at(&site, &root, words).end().ends();
        let verdict = &status(&site, &root)["verdict"];
        assert_eq!(verdict["code"], "carry.outdated", "{verdict}");
        assert!(verdict["reason"].as_str().unwrap().contains(&delivery));
        assert_ne!(verdict["word"], "ready");
    }
    let place = stick(&site);
    let words = ["carry", "export", place.to_str().unwrap(), "--json"];
    let again = at(&site, &root, &words).end().exits(1).objects();
    assert_eq!(again[0]["older"], json!([delivery]));
    // Once it has come, all is as it should be.
    site.unset("download", "max_rate");
    site.sync().exits(0);
    assert_eq!(export(&site)["older"], json!([]));
    let report = import(&site, &root, &[]).exits(0).object();
    assert_eq!(
        (
            &report["packages"]["downloaded"],
            &report["packages"]["unchanged"]
        ),
        (&json!(1), &json!(2))
    );
    assert_eq!(status(&site, &root)["verdict"]["word"], "ready");
}

/// A box that was put back to an earlier state exports what it has for a delivery that changed again: whoever holds the package in
/// between keeps it.
#[test]
fn an_older_package_takes_the_place_of_no_whole_one() {
    let (mut site, delivery, _) = in_the_middle();
    let kept = site.path("kept");
    copy(&site.state(""), &kept);
    site.unset("download", "max_rate");
    site.sync().exits(0);
    export(&site);
    let root = without_a_link(&site);
    import(&site, &root, &[]).exits(0);
    fs::remove_dir_all(site.state("")).unwrap();
    copy(&kept, &site.state(""));
    site.central.touch("1001", Kind::Delivery, 1);
    site.set("download", "max_rate", "\"1kB\"");
    site.sync_with(&["--no-wait"]).ends();
    let told = carry(&site, &["export", "--older"]).ends().objects();
    assert_eq!(told[0]["older"], json!([delivery]));
    let report = import(&site, &root, &["--older"]).exits(1).object();
    assert_eq!(report["packages"]["downloaded"], 0, "{report}");
    let file = site.path("held.zip");
    let words = ["packages", "export", &delivery, file.to_str().unwrap()];
    at(&site, &root, &words).end().exits(0);
    assert_eq!(fs::metadata(file).unwrap().len(), 900_000);
}

/// The box that exports lost its packages: what another one had written for the same deliveries is as good.
#[test]
fn what_lies_on_the_stick_goes_on_where_the_box_has_none() {
    let mut site = Site::enrolled(options(20, 3, (40_000, 60_000)));
    keyed(&mut site);
    fs::create_dir(stick(&site)).unwrap();
    site.sync().exits(0);
    export(&site);
    let before = files(&stick(&site));
    fs::remove_dir_all(site.state("packages")).unwrap();
    site.central.touch("1001", Kind::Delivery, 1);
    site.set("download", "max_rate", "\"1kB\"");
    site.sync_with(&["--no-wait"]).ends();
    let changed = site.ids(Kind::Delivery)[0].clone();
    let told = carry(&site, &["export"]).exits(1).objects();
    assert_eq!(
        (&told[0]["packages"], &told[0]["older"], &told[0]["lacking"]),
        (&json!(3), &json!([changed]), &json!(0))
    );
    // Under another key it is sealed anew, and nothing is lost.
    let other = site.path("other.key");
    site.run(&["site", "key", "new", other.to_str().unwrap()])
        .exits(0);
    site.run(&["site", "key", "import", other.to_str().unwrap()])
        .exits(0);
    let told: Value = carry(&site, &["export"]).exits(1).objects()[0].clone();
    assert_eq!(
        (&told["packages"], &told["older"]),
        (&json!(3), &json!([changed]))
    );
    assert_eq!(carry(&site, &["show"]).exits(0).object()["whole"], true);
    let after = files(&stick(&site));
    assert!(
        after
            .iter()
            .all(|(path, _)| !before.iter().any(|(was, _)| was == path))
    );
}
