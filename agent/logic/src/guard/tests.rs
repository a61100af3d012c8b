//! The guard's table; its property test is `tests/guard.rs`.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use super::*;

const DAY: u64 = 24 * 60 * 60;

fn names(numbers: std::ops::Range<u8>) -> Vec<NameHash> {
    numbers.map(|number| NameHash([number; 16])).collect()
}

fn list(held: u64, absent: Vec<NameHash>) -> ListedType {
    ListedType {
        held,
        absent,
        trusted: true,
        ..ListedType::default()
    }
}

fn terms(limit: f64, running: u64) -> Terms {
    Terms {
        limit,
        allowed: false,
        running,
    }
}

#[test]
fn the_share_is_inclusive_and_one_entity_may_always_go() {
    // Held, absent, limit, hidden.
    let table = [
        (10, 2, 0.2, 2),
        (10, 3, 0.2, 0),
        (100, 29, 0.29, 29),
        (4, 2, 0.2, 0),
        (4, 1, 0.2, 1),
        (2, 1, 0.2, 1),
        // Never the last.
        (1, 1, 0.2, 0),
        (1, 1, 1.0, 0),
        (3, 3, 1.0, 2),
        // An operator who says none means none.
        (10, 1, 0.0, 0),
    ];
    for (held, absent, limit, hidden) in table {
        let mut memory = Memory::default();
        let gone = memory.judge(list(held, names(0..absent)), terms(limit, 5));
        assert_eq!(gone.len(), hidden, "{absent} of {held} at {limit}");
        assert_eq!(memory.held_back, u64::from(absent) - hidden as u64);
    }
}

#[test]
fn the_deletions_of_a_day_count_together() {
    let mut memory = Memory::default();
    let judge = |memory: &mut Memory, held, absent, running| {
        memory.judge(list(held, absent), terms(0.2, running)).len()
    };
    assert_eq!(judge(&mut memory, 20, names(0..2), 1000), 2);
    assert_eq!(judge(&mut memory, 18, names(2..4), 2000), 2);
    // Four of twenty are gone; 3 of 16 would be less than a fifth.
    assert_eq!(judge(&mut memory, 16, names(4..7), 3000), 0);
    assert_eq!(judge(&mut memory, 16, names(4..5), 3000), 0);
    // The first two are a day old.
    assert_eq!(judge(&mut memory, 16, names(4..5), 1000 + DAY), 1);
    // Named again: it does not count any more.
    memory.hear(NameHash([4; 16]), Some(Checksum([0; 16])), None, 1001 + DAY);
    assert_eq!(memory.deleted.len(), 2);
}

#[test]
fn two_trusted_lists_a_day_apart_agree() {
    let absent = || names(0..3);
    let mut memory = Memory::default();
    let untrusted = ListedType {
        trusted: false,
        ..list(4, absent())
    };
    // An empty list, or one of another place, proves nothing, however long ago.
    assert!(memory.judge(untrusted.clone(), terms(0.2, 0)).is_empty());
    assert!(memory.judge(list(4, absent()), terms(0.2, DAY)).is_empty());
    assert!(
        memory
            .judge(list(4, absent()), terms(0.2, 2 * DAY - 1))
            .is_empty()
    );
    assert_eq!(memory.held_back, 3);
    let then = terms(0.2, 2 * DAY);
    assert!(memory.clone().judge(untrusted, then).is_empty());
    assert_eq!(memory.judge(list(4, absent()), then).len(), 3);
    assert_eq!((memory.held_back, memory.absent.len()), (0, 0));
}

#[test]
fn what_was_named_between_is_not_agreed_upon() {
    let mut memory = Memory::default();
    memory.judge(list(4, names(0..3)), terms(0.2, 0));
    memory.hear(NameHash([0; 16]), Some(Checksum([0; 16])), None, DAY / 2);
    let gone = memory.judge(list(4, names(0..3)), terms(0.2, DAY));
    assert_eq!(gone, names(1..3));
    assert_eq!(memory.held_back, 1);
}

#[test]
fn a_mark_that_lies_ahead_counts_from_now() {
    // The counter lost its end, or the mark is of a release that wrote the system's clock.
    let mut memory = Memory::default();
    memory.judge(list(4, names(0..3)), terms(0.2, 1_800_000_000));
    assert!(
        memory
            .judge(list(4, names(0..3)), terms(0.2, DAY))
            .is_empty()
    );
    assert!(
        memory
            .judge(list(4, names(0..3)), terms(0.2, 2 * DAY - 1))
            .is_empty()
    );
    assert_eq!(
        memory
            .judge(list(4, names(0..3)), terms(0.2, 2 * DAY))
            .len(),
        3
    );
    assert_eq!(left(500, 100, 20), 100);
    assert_eq!(left(500, 100, 550), 50);
    assert_eq!(left(500, 100, 601), 0);
}

#[test]
fn a_person_may_insist_and_the_count_begins_afresh() {
    let mut memory = Memory::default();
    memory.judge(list(10, names(0..2)), terms(0.2, 0));
    let allowed = Terms {
        allowed: true,
        ..terms(0.2, 10)
    };
    let all = ListedType {
        trusted: false,
        ..list(8, names(2..10))
    };
    assert_eq!(memory.judge(all, allowed).len(), 8);
    assert_eq!(memory, Memory::default());
}

#[test]
fn nothing_is_hidden_while_an_exam_runs() {
    let mut memory = Memory::default();
    let exam = ListedType {
        in_use: InUse::Everything,
        ..list(10, names(0..2))
    };
    assert!(memory.judge(exam.clone(), terms(0.2, 0)).is_empty());
    assert_eq!((memory.waiting, memory.held_back), (2, 0));
    let allowed = Terms {
        allowed: true,
        ..terms(0.2, 10)
    };
    assert!(memory.judge(exam, allowed).is_empty());
    assert!(memory.deleted.is_empty());
    assert_eq!(memory.judge(list(10, names(0..2)), terms(0.2, 20)).len(), 2);
    assert_eq!(memory.waiting, 0);
}

#[test]
fn what_is_taken_back_is_held_and_the_rest_is_judged_by_itself() {
    let mut memory = Memory {
        read_at: Some(0),
        ..Memory::default()
    };
    let made = NameHash([7; 16]);
    // Named for the first time in a list, then gone in the next.
    memory.hear(made, Some(Checksum([1; 16])), None, 900);
    memory.hear(made, None, Some(Checksum([1; 16])), 1800);
    let gone = memory.judge(
        list(10, [names(0..2), vec![made]].concat()),
        terms(0.2, 1800),
    );
    assert_eq!(gone, names(0..2));
    assert_eq!((memory.held_back, memory.contradicted), (1, 1));
}
