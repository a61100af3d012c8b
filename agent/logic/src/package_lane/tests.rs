//! What the package lane promises, list after list.
//! Never a clock or a file: each package ends as the test says.
//! Run with the library's own tests.

use super::*;

fn wanted(delivery: &str) -> WantedPackage {
    WantedPackage {
        delivery: delivery.to_owned(),
        changed: false,
        entity: None,
        left: Some(10),
    }
}

fn list(deliveries: &[&str]) -> Vec<WantedPackage> {
    deliveries.iter().map(|delivery| wanted(delivery)).collect()
}

fn fetched() -> PackageEnd {
    PackageEnd::Fetched {
        bytes: 10,
        on_wire: 4,
    }
}

fn failed(code: Code, outcome: Outcome) -> PackageEnd {
    PackageEnd::Failed {
        trouble: Fault::new(code, "why").ending(outcome),
        on_wire: 0,
    }
}

#[test]
fn what_is_under_way_goes_on_over_passes_and_is_told_as_waiting() {
    let mut lane = PackageLane::default();
    assert!(
        !lane.want(list(&["a", "b", "c"]), true, |wanted| wanted.delivery
            == "a")
    );
    assert_eq!(lane.next(), Some(wanted("b")));
    let told = lane.take_account().count;
    assert_eq!((told.unchanged, told.waiting, told.downloaded), (1, 2, 0));
    // The next pass wants the same, and one more.
    assert!(
        !lane.want(list(&["a", "b", "c", "d"]), true, |wanted| wanted.delivery
            == "a")
    );
    assert_eq!(lane.next(), None, "it is under way");
    lane.ended(fetched());
    assert_eq!(lane.progress(), (2, 4));
    assert_eq!(lane.next(), Some(wanted("c")));
    lane.ended(failed(Code::PackageMissing, Outcome::Failed));
    assert_eq!(lane.next(), Some(wanted("d")));
    lane.ended(fetched());
    assert!(!lane.is_active());
    let told = lane.take_account();
    let count = told.count;
    assert_eq!(
        (
            count.downloaded,
            count.unchanged,
            count.failed,
            count.waiting
        ),
        (2, 1, 1, 0)
    );
    assert_eq!((count.bytes_stored, told.findings.len()), (20, 1));
    // Told once.
    assert_eq!(lane.take_account(), PackageAccount::default());
}

#[test]
fn the_sizes_of_all_are_known_before_a_large_one_comes_and_the_order_stays() {
    // What comes of a lane: a look at a large one, a small one that comes with it, a package.
    let brought = |sizes: &[(&str, Option<u64>)], first: Option<&str>| {
        let mut lane = PackageLane::default();
        lane.first(first.map(str::to_owned));
        let list = sizes.iter().map(|(delivery, left)| WantedPackage {
            left: *left,
            ..wanted(delivery)
        });
        lane.want(list.collect(), true, |_| false);
        let mut order = Vec::new();
        while let Some(next) = lane.next() {
            let is_look = lane.defers() && next.delivery != "small";
            let left = lane.left_after();
            order.push(match is_look {
                true => format!("{}?", next.delivery),
                false => format!(
                    "{} {}",
                    next.delivery,
                    left.map_or("-".to_owned(), |left| left.to_string())
                ),
            });
            lane.ended(match is_look {
                true => PackageEnd::Deferred {
                    size: 9,
                    on_wire: 3,
                },
                false => fetched(),
            });
        }
        let told = lane.take_account().count;
        assert_eq!(told.downloaded, sizes.len() as u64);
        let looks = order.iter().filter(|one| one.ends_with('?')).count() as u64;
        assert_eq!(told.bytes_on_wire, 4 * told.downloaded + 3 * looks);
        order.join(", ")
    };
    for (sizes, first, order) in [
        (&[("a", None)][..], None, "a 0"),
        (&[("a", Some(5)), ("b", Some(7))], None, "a 7, b 0"),
        // The sizes of the others are known: nothing is to be asked before it.
        (&[("a", None), ("b", Some(7))], None, "a 7, b 0"),
        (&[("a", None), ("b", None)], None, "a?, b?, a 9, b 0"),
        (&[("a", Some(5)), ("b", None)], None, "b?, a 9, b 0"),
        (
            &[("a", None), ("small", None), ("c", None)],
            None,
            "a?, small -, c?, a 9, c 0",
        ),
        (&[("a", None), ("b", None)], Some("b"), "b -, a 0"),
    ] {
        assert_eq!(brought(sizes, first), order, "{sizes:?}");
    }
}

#[test]
fn what_comes_first_is_brought_next_and_what_was_left_for_it_goes_on() {
    let mut lane = PackageLane::default();
    lane.want(list(&["a", "b", "c"]), true, |_| false);
    lane.next();
    let window = Waiting {
        reason: WaitReason::Link,
        until: None,
    };
    lane.hold_up(Some(window));
    assert!(lane.first(Some("c".to_owned())), "a is left");
    assert!(lane.waiting().is_none() && lane.is_active());
    assert_eq!((lane.next(), lane.progress()), (Some(wanted("c")), (0, 3)));
    assert!(!lane.first(Some("c".to_owned())), "it is under way");
    assert!(!lane.want(list(&["a", "b", "c"]), true, |_| false));
    assert_eq!(lane.take_first_over(), None);
    lane.ended(fetched());
    assert_eq!(lane.take_first_over().as_deref(), Some("c"));
    assert_eq!(lane.take_first_over(), None, "told once");
    assert_eq!(lane.next(), Some(wanted("a")));
    lane.ended(fetched());
    assert_eq!((lane.next(), lane.progress()), (Some(wanted("b")), (2, 3)));
}

#[test]
fn a_list_is_brought_from_what_comes_first_and_failing_does_not_end_that() {
    let order = |lane: &mut PackageLane, failing: bool| {
        let mut order = Vec::new();
        while let Some(next) = lane.next() {
            let fails = failing && next.delivery == "b";
            order.push(next.delivery);
            lane.ended(match fails {
                true => failed(Code::PackageMissing, Outcome::Failed),
                false => fetched(),
            });
        }
        order
    };
    let mut lane = PackageLane::default();
    assert!(!lane.first(Some("b".to_owned())), "nothing is under way");
    lane.want(list(&["a", "b"]), true, |_| false);
    assert_eq!(order(&mut lane, true), ["b", "a"]);
    assert_eq!(lane.take_first_over(), None);
    // Wanted again, it is tried at once although another one is under way.
    lane.want(list(&["c"]), true, |_| false);
    lane.next();
    lane.first(Some("b".to_owned()));
    assert!(lane.want(list(&["c", "b"]), true, |_| false));
    assert_eq!(order(&mut lane, false), ["b", "c"]);
    assert_eq!(lane.take_first_over().as_deref(), Some("b"));
}

#[test]
fn what_is_held_or_no_longer_named_comes_first_no_more() {
    for (named, whole, met, over) in [
        (&["a", "b"][..], true, false, false),
        (&["a", "b"], true, true, true),
        (&["a", "b"], false, true, true),
        (&["a"], true, false, true),
        (&["a"], false, false, false),
    ] {
        let mut lane = PackageLane::default();
        lane.first(Some("b".to_owned()));
        lane.want(list(named), whole, |one| met && one.delivery == "b");
        assert_eq!(lane.take_first_over().is_some(), over, "{named:?}");
    }
    let mut lane = PackageLane::default();
    lane.want(list(&["a"]), true, |_| false);
    assert_eq!(lane.take_first_over(), None, "nobody asked");
}

#[test]
fn a_list_of_which_every_package_failed_is_told_whatever_failed() {
    for code in Code::ALL.iter().copied() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b"]), true, |_| false);
        while lane.next().is_some() {
            lane.ended(failed(code, code.outcome()));
        }
        let told = lane.take_account();
        assert_eq!((told.count.downloaded, told.count.unchanged), (0, 0));
        let each = told.findings.len() == 2 && told.count.failed == 2;
        assert!(told.stopped.is_some() || each, "{code}: {told:?}");
    }
}

#[test]
fn what_came_between_two_passes_is_told_once_as_brought() {
    let mut lane = PackageLane::default();
    lane.want(list(&["a"]), true, |_| false);
    lane.next();
    assert_eq!(lane.take_account().count.waiting, 1);
    lane.ended(fetched());
    lane.want(list(&["a"]), true, |_| true);
    let count = lane.take_account().count;
    assert_eq!((count.downloaded, count.unchanged), (1, 0));
    lane.want(list(&["a"]), true, |_| true);
    let count = lane.take_account().count;
    assert_eq!((count.downloaded, count.unchanged), (0, 1));
}

#[test]
fn what_is_not_wanted_any_more_or_has_changed_is_left() {
    for changed in [false, true] {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b"]), true, |_| false);
        lane.next();
        let mut again = list(&["b"]);
        if changed {
            again.push(WantedPackage {
                changed: true,
                ..wanted("a")
            });
        }
        assert!(lane.want(again, true, |_| false));
        assert_eq!(lane.next(), Some(wanted("b")));
    }
}

#[test]
fn a_list_that_was_not_read_to_its_end_takes_nothing_from_the_lane() {
    let mut lane = PackageLane::default();
    lane.want(list(&["a", "b"]), true, |_| false);
    lane.next();
    assert!(!lane.want(list(&["c"]), false, |_| false));
    assert_eq!(lane.progress(), (0, 3));
    lane.ended(fetched());
    assert_eq!(lane.next(), Some(wanted("c")));
    lane.ended(fetched());
    assert_eq!(lane.next(), Some(wanted("b")));
    lane.ended(fetched());
    assert_eq!((lane.next(), lane.progress()), (None, (3, 3)));
}

#[test]
fn a_closed_window_stops_nothing_but_the_lane() {
    let mut lane = PackageLane::default();
    lane.want(list(&["a", "b"]), true, |_| false);
    lane.next();
    assert!(lane.is_active());
    let window = Waiting {
        reason: WaitReason::Window,
        until: Some(1_795_000_000),
    };
    assert!(lane.hold_up(Some(window)));
    assert!(!lane.hold_up(Some(window)), "told once");
    assert!(!lane.is_active());
    let count = lane.take_account().count;
    assert_eq!((count.waiting, count.waiting_for), (2, Some(window)));
    assert!(lane.hold_up(None) && lane.is_active());
}

#[test]
fn a_central_that_is_away_stops_the_lane_until_packages_are_wanted_again() {
    let mut lane = PackageLane::default();
    lane.want(list(&["a", "b"]), true, |_| false);
    lane.next();
    lane.ended(failed(Code::NetRefused, Outcome::Offline));
    assert!(!lane.is_active() && lane.has_failed());
    assert_eq!(lane.next(), None);
    let told = lane.take_account();
    assert_eq!((told.count.waiting, told.count.failed), (2, 0));
    assert_eq!(told.count.waiting_for.unwrap().reason, WaitReason::Link);
    assert_eq!(told.stopped.unwrap().code, Code::NetRefused);
    lane.want(list(&["a", "b"]), true, |_| false);
    assert_eq!(lane.next(), Some(wanted("a")));
}

#[test]
fn a_cause_is_told_from_its_trouble() {
    for (code, cause) in [
        (Code::DiskFull, WaitReason::Disk),
        (Code::NetDns, WaitReason::Link),
        (Code::CentralMaintenance, WaitReason::Central),
        (Code::AuthRefused, WaitReason::Central),
    ] {
        let trouble = Fault::new(code, "");
        assert_eq!(WaitReason::of(&trouble), cause);
    }
}
