//! The sweep of `results export-tao`: whatever is cut, nothing is handed over that does not lie whole in the file.
//! Never takes the box's word for what lies in the file: it is unpacked.
//! Run as the other sweeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use e2e::{Ran, Site, options, wait_until};
use serde_json::{Value, json};

use super::sweep::{Sweep, can_trace};
use crate::results::{answers, execution, listed, result, submit};

/// The ids in the file; `None` where there is no file.
fn lying_in(path: &PathBuf) -> Option<BTreeSet<String>> {
    let zip = fs::read(path).ok()?;
    let files = central::unpack(&zip).unwrap_or_else(|why| panic!("the file is not whole: {why}"));
    let document: Value = serde_json::from_slice(&files[1].1).unwrap();
    Some(
        document["results"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect(),
    )
}

#[test]
fn a_cut_while_results_are_handed_over_loses_none() {
    if !can_trace() {
        return;
    }
    let site = Site::enrolled(options(1, 1, (4_000, 4_000)));
    let ids: BTreeSet<String> = (0..3).map(execution).collect();
    let each = ids
        .iter()
        .map(|id| (id.clone(), result(&site, id, &answers(id, 2))));
    let document: serde_json::Map<_, _> = each.collect();
    submit(&site, "results", &json!(document));
    fs::create_dir_all(site.path("stick")).unwrap();
    let file = site.path("stick/a.zip");
    let part = site.path("stick/a.zip.part");
    let words = [
        "results",
        "export-tao",
        file.to_str().unwrap(),
        "--yes",
        "--json",
    ];
    let sweep = Sweep {
        verb: "results export-tao",
        words: &words,
        heals: &[&["results", "--json"]],
        pairs_of: u64::MAX,
    };
    let prepare = |_: usize| {
        let _ = fs::remove_file(&file);
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        wait_until("the part is gone", Duration::from_secs(10), || {
            !part.exists()
        });
        let lies = lying_in(&file);
        for ((_, id, _), (state, _)) in listed(&site) {
            match state.as_str() {
                "queued" => {}
                "carried" => assert!(
                    lies.as_ref().is_some_and(|ids| ids.contains(&id)),
                    "{told}: {id}"
                ),
                other => panic!("{told}: {id} is {other}"),
            }
        }
        // Once more, whatever there is: all are handed over, and none is twice in a file.
        let _ = fs::remove_file(&file);
        site.run(&[&words[..], &["--again"]].concat()).exits(0);
        assert_eq!(lying_in(&file).as_ref(), Some(&ids), "{told}");
        assert!(
            listed(&site).values().all(|(state, _)| state == "carried"),
            "{told}"
        );
    };
    let cuts = sweep.run(&site, prepare, check);
    assert!(cuts.contains_key("rename"), "{cuts:?}");
}
