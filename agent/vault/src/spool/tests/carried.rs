//! A pass that sends and a person who hands over, at the same time: each item goes one way.
//! Never waits for a clock.
//! Called by nobody.

use std::thread;

use super::*;

/// In chunks from the front, while they are handed over one by one from the end.
#[test]
fn what_is_handed_over_while_a_pass_marks_goes_one_way_each() {
    let (_dir, spool) = spool();
    let all = (0..60).map(|at| item(&format!("e{at:02}"), "one"));
    spool.admit(all.collect()).unwrap();
    let keys: Vec<ItemKey> = spool.owed().unwrap().into_iter().map(|o| o.key).collect();
    let marks = || {
        let mut sent = Vec::new();
        for some in keys.chunks(8) {
            let changes: Vec<LedgerChange> = some
                .iter()
                .map(|key| change(key, ItemState::Sending))
                .collect();
            let moved = spool.persist(&changes, false).unwrap();
            assert!(moved.iter().all(|(_, state)| *state == ItemState::Carried));
            if moved.is_empty() {
                sent.extend(some.iter().cloned());
            }
        }
        sent
    };
    let hands_over = || {
        let carried = |key: &&ItemKey| spool.carry(std::slice::from_ref(*key), 7).unwrap() == 1;
        let carried = keys.iter().rev().filter(carried);
        carried.cloned().collect::<Vec<ItemKey>>()
    };
    let (carried, sent) = thread::scope(|scope| {
        let sent = scope.spawn(marks);
        (hands_over(), sent.join().unwrap())
    });
    for owed in spool.owed().unwrap() {
        let ways = (sent.contains(&owed.key), carried.contains(&owed.key));
        let expected = match ways {
            (true, false) => ItemState::Sending,
            (false, true) => ItemState::Carried,
            // It stood beside one that was handed over: it goes with the next request.
            (false, false) => ItemState::Queued,
            (true, true) => panic!("both ways: {:?}", owed.key),
        };
        assert_eq!(owed.state, expected, "{:?}", owed.key);
    }
}

/// What stands beside it in the same request is not written down as sent either: the request is not made.
#[test]
fn nothing_of_a_request_is_marked_where_a_part_was_handed_over() {
    let (_dir, spool) = spool();
    let all = ["a", "b"].map(|id| item(id, "one"));
    spool.admit(all.into()).unwrap();
    let keys: Vec<ItemKey> = spool.owed().unwrap().into_iter().map(|o| o.key).collect();
    assert_eq!(spool.carry(&keys[1..], 7).unwrap(), 1);
    let sent = [0, 1].map(|at| change(&keys[at], ItemState::Sending));
    let moved = spool.persist(&sent, false).unwrap();
    assert_eq!(moved, [(keys[1].clone(), ItemState::Carried)]);
    let states: Vec<ItemState> = spool.owed().unwrap().iter().map(|o| o.state).collect();
    assert_eq!(states, [ItemState::Queued, ItemState::Carried]);
    // What central has it has, whatever was said.
    let home = change(&keys[1], ItemState::Acknowledged);
    assert_eq!(spool.persist(&[home], false).unwrap(), []);
    assert_eq!(spool.owed().unwrap().len(), 1);
}
