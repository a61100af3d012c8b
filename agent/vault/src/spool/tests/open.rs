//! Contents that are not finished: replaced in their place, superseded, and cut on the way.
//! Never waits for a clock.
//! Called by nobody.

use super::*;

fn open(content: &str) -> IntakeItem {
    IntakeItem {
        open: true,
        ..item("a", content)
    }
}

/// How many go on, and how many stay for a later content.
fn retry(spool: &Spool) -> (usize, usize) {
    let told = spool.retry(&["a".into()]).unwrap();
    (told.count, told.superseded)
}

fn states(spool: &Spool) -> Vec<(u32, ItemState)> {
    let owed = spool.owed().unwrap();
    owed.iter()
        .map(|owed| (owed.key.edition, owed.state))
        .collect()
}

/// What is not finished was never sent: the content that follows takes its file, and nothing is left of the one before.
#[test]
fn an_open_item_is_replaced_in_its_place() {
    let (_dir, spool) = spool();
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [false]);
    assert_eq!(spool.admit(vec![open("two")]).unwrap(), [true]);
    assert_eq!(states(&spool), [(0, ItemState::Open)]);
    assert_eq!(spool.tally().unwrap().0.open, 1);
    assert_eq!(spool.admit(vec![item("a", "three")]).unwrap(), [true]);
    assert_eq!(states(&spool), [(0, ItemState::Queued)]);
    let key = spool.owed().unwrap().remove(0).key;
    assert_eq!(spool.load(&key).unwrap().payload, b"three");
    // From then on a further content is another one.
    assert_eq!(spool.admit(vec![open("four")]).unwrap(), [true]);
    assert_eq!(
        states(&spool),
        [(0, ItemState::Queued), (1, ItemState::Open)]
    );
    // A person knows that nothing more comes.
    assert_eq!(retry(&spool), (1, 0));
    assert_eq!(
        states(&spool),
        [(0, ItemState::Queued), (1, ItemState::Queued)]
    );
}

/// An account of its own outlives no content: it said open of the one before, and the last one would never have gone.
#[test]
fn the_content_that_takes_the_place_of_an_open_one_takes_its_account_too() {
    let (_dir, spool) = spool();
    for content in ["one", "two"] {
        assert_eq!(spool.admit(vec![open(content)]).unwrap(), [true]);
        // It stands open as before, now in an account of its own.
        assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
        assert_eq!(retry(&spool), (1, 0));
        assert_eq!(spool.tally().unwrap().0.open, 1, "{content}");
    }
    assert!(admit(&spool, "a", "three"));
    let owed = spool.owed().unwrap();
    let states: Vec<_> = owed.iter().map(|owed| owed.state).collect();
    assert_eq!(states, [ItemState::Queued]);
    assert_eq!(spool.load(&owed[0].key).unwrap().payload, b"three");
    assert!(!admit(&spool, "a", "three"));
}

/// Set aside while it is open, then the final content comes beside it: from then on nothing puts it back.
#[test]
fn a_content_that_a_later_one_superseded_is_never_put_back() {
    let (_dir, spool) = spool();
    let aside = (0, ItemState::SetAside);
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
    assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
    assert!(admit(&spool, "a", "two"));
    assert_eq!(states(&spool), [aside, (1, ItemState::Queued)]);
    for _ in 0..2 {
        assert_eq!(retry(&spool), (0, 1));
        assert_eq!(states(&spool), [aside, (1, ItemState::Queued)]);
    }
    // What is said of both is done to the later one alone.
    assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
    assert_eq!(retry(&spool), (1, 1));
    assert_eq!(states(&spool), [aside, (1, ItemState::Queued)]);
    // Nor does it when the later one is home and lies elsewhere.
    let owed = spool.owed().unwrap();
    assert!(owed[0].has_later && !owed[1].has_later);
    let (first, last) = (&owed[0].key, &owed[1].key);
    spool
        .persist(&[change(last, ItemState::Acknowledged)], true)
        .unwrap();
    assert_eq!(retry(&spool), (0, 1));
    assert_eq!(states(&spool), [aside]);
    let fates = spool.fates(ItemKind::Results, "a").unwrap();
    assert!(fates[0].superseded && !fates[1].superseded);
    assert!(spool.owed().unwrap()[0].has_later);
    // Its account rots: it is not taken for one that may be under way.
    flip(&spool.shelf.path(&spool.shelf.folder, first, "state"));
    assert_eq!(states(&spool), [(0, ItemState::Open)]);
    let tally = spool.tally().unwrap().0;
    assert_eq!(
        (tally.open, tally.set_aside),
        (0, 1),
        "it waits for nothing"
    );
    assert_eq!(retry(&spool), (0, 1));
    assert_eq!(states(&spool), [(0, ItemState::Open)]);
}

/// A word that comes late about a content that was sent stays a word about that one.
#[test]
fn an_answer_that_comes_late_for_an_earlier_content_acknowledges_that_one_alone() {
    let (_dir, spool) = spool();
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
    assert_eq!(retry(&spool), (1, 0));
    let first = spool.owed().unwrap().remove(0).key;
    spool
        .persist(&[change(&first, ItemState::Sending)], false)
        .unwrap();
    assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
    assert!(admit(&spool, "a", "two"));
    spool
        .persist(&[change(&first, ItemState::Acknowledged)], false)
        .unwrap();
    assert_eq!(states(&spool), [(1, ItemState::Queued)]);
    assert!(spool.owed().unwrap()[0].mapped);
    assert_eq!(retry(&spool), (0, 0));
}
