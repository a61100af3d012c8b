//! The sweep of `carry import`: whatever is cut, the same import goes on and the box holds what central has.
//! Never takes the box's word: entities and packages are compared with central's.
//! Run as the other sweeps.

use std::fs;

use e2e::{Ran, Site, options};

use super::sweep::{Sweep, can_trace};

#[test]
fn a_cut_while_a_stick_is_imported_costs_nothing_but_time() {
    if !can_trace() {
        return;
    }
    let mut site = Site::enrolled(options(2, 1, (140_000, 150_000)));
    site.set("download", "window_flush", "\"64KiB\"");
    let key = site.path("etc/boxsync/site.key");
    site.run(&["site", "key", "new", key.to_str().unwrap()])
        .exits(0);
    site.set("site", "key_file", &format!("{key:?}"));
    site.sync().exits(0);
    let stick = site.path("stick");
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    site.run(&["carry", "export", stick]).exits(0);
    // From here on it is a box that has nothing and no credentials.
    fs::remove_dir_all(site.state("")).unwrap();
    site.run(&["identity"]).exits(0);
    let import = ["carry", "import", stick];
    let healed = ["carry", "import", stick, "--json"];
    let sweep = Sweep {
        verb: "carry import",
        words: &import,
        heals: &[&healed],
        pairs_of: 9,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        site.assert_equal_to_central();
        site.run(&["packages", "verify"]).exits(0);
    };
    let cuts = sweep.run(&site, |_| {}, check);
    assert!(cuts.contains_key("rename"), "{cuts:?}");
}
