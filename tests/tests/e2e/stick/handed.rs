//! Sticks on which there is no data: what an import says of them, and what is shown.
//! Never takes an exit status alone for the verdict: the words are looked at.
//! Runs everywhere.

use std::fs;

use serde_json::json;

use super::{carry, import, keyed, stick, without_a_link};
use crate::results::{answers, execution, owing, result, state, submit};
use crate::trace::at;
use e2e::Site;

fn owing_with_a_key() -> Site {
    let mut site = owing();
    keyed(&mut site);
    fs::create_dir(stick(&site)).unwrap();
    site
}

#[test]
fn a_stick_with_results_alone_is_no_stick_without_anything() {
    let site = owing_with_a_key();
    let root = without_a_link(&site);
    let id = execution(1);
    let document = json!({ &id: result(&site, &id, &answers(&id, 2)) });
    let file = site.path("document.json");
    fs::write(&file, document.to_string()).unwrap();
    at(&site, &root, &["results", "submit", file.to_str().unwrap()])
        .end()
        .exits(0);
    let place = stick(&site);
    let words = ["carry", "export", place.to_str().unwrap(), "--results"];
    at(&site, &root, &words).end().exits(0);
    // The box with a link is told what lies there, and which verb takes it.
    let ran = carry(&site, &["import"]).exits(1);
    assert!(
        ran.out.contains("carry.none") && ran.out.contains("results adopt"),
        "{}",
        ran.story()
    );
    let shown = carry(&site, &["show"]).exits(0).object();
    let one = &shown["handed_over"][0];
    assert_eq!((&one["items"], &shown["whole"]), (&json!(1), &json!(true)));
    assert_eq!(shown["arrived"], json!([]));
    let words = carry_words(&site, "show");
    assert!(words.contains("handed over 1 item"), "{words}");
    // For the box itself there is nothing yet.
    let none = import(&site, &root, &[]).exits(1);
    assert!(none.out.contains("carry.none"), "{}", none.story());
    // It came home: the word of it is all that lies there for the first box, and that is well.
    let adopt = ["results", "adopt", place.to_str().unwrap(), "--json"];
    site.run(&adopt).exits(0);
    site.sync().exits(0);
    carry(&site, &["export", "--results"]).exits(0);
    let shown = carry(&site, &["show"]).exits(0).object();
    assert_eq!(shown["arrived"][0]["items"], 1);
    assert_eq!(shown["arrived"][0]["box_id"], one["box_id"]);
    let ran = import(&site, &root, &[]).exits(0);
    assert_eq!(ran.object()["acknowledged"], 1);
    assert!(
        ran.err.contains("neither catalogue nor packages"),
        "{}",
        ran.story()
    );
    // The same list once more.
    let again = import(&site, &root, &[]).exits(0).object();
    assert_eq!(
        (&again["organisation_id"], &again["data"]),
        (&json!("1001"), &json!(false))
    );
    // What would come is asked for: nothing would.
    let would = import(&site, &root, &["--dry-run"]).exits(1);
    assert!(would.out.contains("carry.none"), "{}", would.story());
    // A file that was changed is named by what shows it.
    for (path, mut bytes) in super::files(&place) {
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let ran = carry(&site, &["show"]).exits(1);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            ran.out.contains(name) && ran.out.contains("carry.changed"),
            "{}",
            ran.story()
        );
    }
    // Beside data it is told, too.
    site.sync().exits(0);
    carry(&site, &["export"]).exits(0);
    let told = carry(&site, &["show"]).exits(1).objects();
    assert_eq!(
        (&told[0]["whole"], &told[1]["whole"]),
        (&json!(true), &json!(false))
    );
}

fn carry_words(site: &Site, verb: &str) -> String {
    let place = stick(site);
    site.run(&["carry", verb, place.to_str().unwrap()]).out
}

#[test]
fn a_stick_without_room_takes_no_result_over() {
    let site = owing_with_a_key();
    let id = execution(1);
    let document = json!({ &id: result(&site, &id, &answers(&id, 2)) });
    submit(&site, "results", &document);
    let script = "mount -t tmpfs -o size=4k tmpfs /mnt; status=0; \
        \"$1\" --root \"$2\" carry export /mnt --results --json > \"$2/out\" 2> \"$2/err\" || status=$?; \
        ls -A /mnt > \"$2/left\"; exit $status";
    let Some(ran) = site.in_own_mounts(script) else {
        eprintln!("SKIPPED: a full file system needs root and mount namespaces");
        return;
    };
    ran.exits(1);
    let told = fs::read_to_string(site.path("out")).unwrap();
    assert!(told.contains("carry.full"), "{told}");
    assert_eq!(fs::read_to_string(site.path("left")).unwrap(), "");
    assert_eq!(state(&site, &id).0, "queued");
}
