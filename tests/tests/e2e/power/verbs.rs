//! The sweeps of the verbs that change keys, credentials and identity, or destroy them.
//! Never takes a healed box for a whole one because it starts: what it held before is counted.
//! Run as the other sweeps.

use std::fs;

use central::Consumer;
use e2e::{Ran, Site, options};
use serde_json::json;

use super::sweep::{Sweep, can_trace};
use crate::organisations::{FIRST, SECOND, empty_box_of_two};
use crate::results::{answers, execution, listed, result, submit};
use crate::state::put_first_layout;

const IDENTITY: &[&str] = &["identity", "--json"];
const ROTATE: &[&str] = &["key", "rotate"];

/// The id of a box that opens.
fn box_id(ran: &Ran) -> Option<String> {
    let object = (ran.exit == Some(0)).then(|| ran.object())?;
    Some(object["box_id"].as_str()?.to_owned())
}

/// A small enrolled box that owes three results, and its id.
fn holding() -> (Site, String) {
    let site = Site::enrolled(options(1, 1, (4_000, 4_000)));
    owe_three(&site);
    let id = box_id(&site.run(IDENTITY)).unwrap();
    (site, id)
}

fn owe_three(site: &Site) {
    let one = |n| {
        let id = execution(n);
        (id.clone(), result(site, &id, &answers(&id, 2)))
    };
    let document: serde_json::Map<_, _> = (0..3).map(one).collect();
    assert_eq!(submit(site, "results", &json!(document)).len(), 3);
}

/// Holds that a box is the one it was and owes what it owed, all of it in this state.
#[track_caller]
fn assert_holds(site: &Site, id: &str, state: &str, told: &str) {
    let ran = site.run(IDENTITY);
    assert_eq!(box_id(&ran).as_deref(), Some(id), "{told}\n{}", ran.story());
    let owed = listed(site);
    let states: Vec<&str> = owed.values().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, [state; 3], "{told}");
}

/// Holds that no change of keys is half done, and that another one can be made.
#[track_caller]
fn assert_rotates(site: &Site, told: &str) {
    site.run(ROTATE).exits(0);
    let names = fs::read_dir(site.state("")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut keys: Vec<_> = names.filter(|name| name.contains(".key")).collect();
    keys.sort();
    assert_eq!(keys, ["boxsync.key", "data.key"], "{told}");
}

#[test]
fn a_cut_in_a_rotation_of_the_key_loses_no_box() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    let sweep = Sweep {
        verb: "key rotate",
        words: ROTATE,
        heals: &[IDENTITY, ROTATE],
        pairs_of: 1,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        assert_holds(&site, &id, "queued", told);
        assert_rotates(&site, told);
        assert_holds(&site, &id, "queued", told);
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_in_a_rotation_upon_a_half_done_one_loses_no_box() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    // As releases before this one left it: the wrapped key is replaced, the envelope not yet.
    let (key, next) = (site.state("boxsync.key"), site.state("boxsync.key.next"));
    let old = fs::read(&key).unwrap();
    site.run(ROTATE).exits(0);
    fs::rename(&key, &next).unwrap();
    fs::write(&key, old).unwrap();
    let sweep = Sweep {
        verb: "key rotate, the one before half done",
        words: ROTATE,
        heals: &[ROTATE, IDENTITY],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        assert_holds(&site, &id, "queued", told);
        assert_rotates(&site, told);
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_while_a_credential_takes_the_place_of_the_key_loses_no_box() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    let folder = site.path("run/credentials/boxsync.service");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("boxsync.key.sealed"), [7; 32]).unwrap();
    let sweep = Sweep {
        verb: "the first start with a credential",
        words: IDENTITY,
        heals: &[IDENTITY],
        pairs_of: 1,
    };
    let key = site.state("boxsync.key");
    let check = |_: usize, told: &str, _: &Ran| {
        assert_holds(&site, &id, "queued", told);
        // From now on the file is of no use.
        fs::remove_file(&key).unwrap();
        assert_holds(&site, &id, "queued", told);
    };
    sweep.run(&site, |_| {}, check);
}

/// `layout-1` is of a boxsync that knew one organisation alone.
#[test]
fn a_cut_while_a_box_from_before_takes_a_second_organisation_leaves_it_whole() {
    if !can_trace() {
        return;
    }
    let site = empty_box_of_two();
    put_first_layout(&site);
    let files = ["credentials", "catalogue/edition", "last"];
    let read = |name: &&str| fs::read(site.state(name)).unwrap();
    let before: Vec<_> = files.iter().map(read).collect();
    let id = box_id(&site.run(IDENTITY)).unwrap();
    let (login, password) = site.central.manager(SECOND).unwrap();
    let file = site.secret(&password);
    let file = file.to_str().unwrap();
    let words = [
        "enroll",
        "--add",
        "--login",
        &login,
        "--password-file",
        file,
    ];
    let sweep = Sweep {
        verb: "enroll --add",
        words: &words,
        heals: &[&words, IDENTITY],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        let now = files.iter().map(read);
        assert!(now.eq(before.iter().cloned()), "{told}");
        assert_eq!(box_id(&site.run(IDENTITY)).as_ref(), Some(&id), "{told}");
        let all = || {
            site.run(&["organisation", "list", "--json"])
                .exits(0)
                .objects()
        };
        // It is there with its credentials, or not at all.
        for one in all() {
            assert_eq!(one["enrolled"], true, "{told}: {one}");
        }
        site.run(&words).exits(0);
        assert_eq!(all().len(), 2, "{told}");
        assert_eq!(all()[0]["owed"], 1, "{told}");
        let held = site.run(&["entities", "--json", "--organisation", FIRST]);
        assert_eq!(held.exits(0).objects().len(), 13, "{told}");
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_in_the_first_start_makes_one_box_in_the_end() {
    if !can_trace() {
        return;
    }
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let sweep = Sweep {
        verb: "the first start",
        words: IDENTITY,
        heals: &[IDENTITY],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        let id = box_id(ran).unwrap_or_else(|| panic!("{told}\n{}", ran.story()));
        assert_eq!(box_id(&site.run(IDENTITY)), Some(id), "{told}");
        assert_rotates(&site, told);
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_while_the_credentials_for_the_local_tao_are_made_leaves_one_pair() {
    if !can_trace() {
        return;
    }
    let mut site = Site::enrolled(options(1, 1, (4_000, 4_000)));
    site.set_gateway(61);
    let words: &[&str] = &["identity", "gateway", "--json"];
    let sweep = Sweep {
        verb: "identity gateway",
        words,
        heals: &[words],
        pairs_of: 1,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        assert_eq!(site.run(words).object(), ran.object(), "{told}");
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_in_another_enrolment_leaves_a_box_that_central_knows() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.secret(&password);
    let words: &[&str] = &[
        "enroll",
        "--login",
        &login,
        "--password-file",
        file.to_str().unwrap(),
    ];
    let sweep = Sweep {
        verb: "enroll",
        words,
        heals: &[&["sync", "--data", "--json"], words],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        assert_holds(&site, &id, "queued", told);
        let ran = site.run(&["sync", "--data", "--json"]);
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_in_an_import_of_credentials_leaves_a_box_that_central_knows() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    let Consumer { key, secret, .. } = site.central.add_consumer(true);
    let file = site.secret(&secret);
    let url = format!("{}taoOauth/TokenApi/requestToken", site.central.url());
    let words: &[&str] = &[
        "credentials",
        "import",
        "--key",
        &key,
        "--secret-file",
        file.to_str().unwrap(),
        "--token-url",
        &url,
    ];
    let sweep = Sweep {
        verb: "credentials import",
        words,
        heals: &[&["sync", "--data", "--json"], words],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        assert_holds(&site, &id, "queued", told);
        let ran = site.run(&["sync", "--data", "--json"]);
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
    };
    sweep.run(&site, |_| {}, check);
}

/// Puts the box's disk into another machine.
fn moved_to_another_machine(site: &Site) {
    let folder = site.path("sys/class/dmi/id");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("product_uuid"), "another").unwrap();
}

/// A box with a mainboard that it knows.
fn with_a_board() -> (Site, String) {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let folder = site.path("sys/class/dmi/id");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("product_uuid"), "first").unwrap();
    site.enroll().exits(0);
    owe_three(&site);
    let id = box_id(&site.run(IDENTITY)).unwrap();
    (site, id)
}

#[test]
fn a_cut_while_a_copied_box_takes_its_own_id_loses_and_sends_nothing() {
    if !can_trace() {
        return;
    }
    let (site, original) = with_a_board();
    moved_to_another_machine(&site);
    let sweep = Sweep {
        verb: "the first start of a copied box",
        words: IDENTITY,
        heals: &[IDENTITY],
        pairs_of: 2,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        let id = box_id(ran).unwrap_or_else(|| panic!("{told}\n{}", ran.story()));
        assert_ne!(id, original, "{told}");
        assert_holds(&site, &id, "unconfirmed", told);
        site.run(&["sync", "--json"]).exits(3);
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_cut_while_results_are_to_be_tried_again_loses_none() {
    if !can_trace() {
        return;
    }
    let (site, _) = with_a_board();
    moved_to_another_machine(&site);
    let id = box_id(&site.run(IDENTITY)).unwrap();
    assert_holds(&site, &id, "unconfirmed", "before");
    let words: &[&str] = &["results", "retry"];
    let sweep = Sweep {
        verb: "results retry",
        words,
        heals: &[words],
        pairs_of: 1,
    };
    let check = |_: usize, told: &str, ran: &Ran| {
        assert_eq!(ran.exit, Some(0), "{told}\n{}", ran.story());
        // Central may have them: it is asked first.
        assert_holds(&site, &id, "sending", told);
    };
    sweep.run(&site, |_| {}, check);
}

#[test]
fn a_wipe_that_is_cut_leaves_a_box_that_is_whole_or_can_be_wiped() {
    if !can_trace() {
        return;
    }
    let (site, id) = holding();
    let words: &[&str] = &["wipe", "--yes", &id, "--discard-results", "3"];
    let sweep = Sweep {
        verb: "wipe",
        words,
        heals: &[words, IDENTITY],
        pairs_of: 3,
    };
    let check = |_: usize, told: &str, _: &Ran| {
        if box_id(&site.run(IDENTITY)).as_deref() == Some(&id) {
            // It opens: then nothing is gone.
            assert_holds(&site, &id, "queued", told);
        }
        let wiped = ["wipe", &id].into_iter().any(|word| {
            (0..4).any(|count| {
                let count = count.to_string();
                let words = ["wipe", "--yes", word, "--discard-results", &count];
                site.run(&words).exit == Some(0)
            })
        });
        // A wipe that came to its end before made room for a new box, which has an id of its own.
        let anew = box_id(&site.run(IDENTITY));
        assert!(
            anew.is_some_and(|anew| anew != id),
            "{told}, wiped again: {wiped}"
        );
    };
    sweep.run(&site, |_| {}, check);
}
