//! Items of another box that are let in: once, whole or not at all, and as what may have been sent.
//! Never waits for a clock.
//! Called by nobody.

use system::root::fuse;

use super::*;

/// The body of an item, as a copy holds it.
fn body(id: &str, content: &str) -> Vec<u8> {
    let (_dir, spool) = spool();
    admit(&spool, id, content);
    let ledger = spool.unacknowledged().unwrap().remove(0);
    spool.body(&ledger).unwrap().unwrap()
}

#[test]
fn a_cut_leaves_an_adopted_item_once_or_not_at_all() {
    let body = body("a", "one");
    let mut cuts = 0;
    for changes in 1.. {
        let (_dir, spool) = spool();
        fuse::set(Some(changes));
        let adopted = spool.adopt(&body, "lost", 1_000);
        let cut = fuse::is_blown();
        fuse::set(None);
        assert_eq!(adopted.is_err(), cut, "after {changes} changes");
        let before = spool.owed().unwrap();
        assert!(before.iter().all(|owed| owed.state == ItemState::Sending));
        let again = spool.adopt(&body, "lost", 1_000).unwrap();
        assert_eq!(again, Some(before.is_empty()), "after {changes} changes");
        let owed = spool.owed().unwrap();
        assert_eq!(owed.len(), 1);
        assert_eq!(spool.load(&owed[0].key).unwrap().payload, b"one");
        if !cut {
            assert_eq!(owed[0].came, 1_000, "it is as old as it was");
            break;
        }
        cuts = changes;
    }
    assert!(cuts >= 4, "{cuts} cuts");
}

#[test]
fn what_is_home_is_not_adopted_again_and_whose_it_was_stays_known() {
    let (_dir, spool) = spool();
    let body = body("a", "one");
    assert_eq!(spool.adopt(&body, "lost", 1).unwrap(), Some(true));
    let key = spool.owed().unwrap()[0].key.clone();
    let origin = |spool: &Spool| spool.accounts().unwrap()[0].origin.clone().unwrap();
    assert_eq!(
        (origin(&spool).box_id.as_str(), origin(&spool).edition),
        ("lost", 0)
    );
    let home = change(&key, ItemState::Acknowledged);
    spool.persist(&[home], true).unwrap();
    assert_eq!(origin(&spool).box_id, "lost");
    assert_eq!(spool.adopt(&body, "lost", 1).unwrap(), Some(false));
    assert!(spool.owed().unwrap().is_empty());
    assert_eq!(spool.adopt(b"of a newer boxsync", "lost", 1).unwrap(), None);
}
