//! The spool on a real disk: editions, cuts, damage, and many who hand over at once.
//! Never waits for a clock.
//! Called by nobody.

mod adopted;
mod carried;
mod damaged;
mod enclosed;
mod open;

use super::*;
use logic::fault::Code;
use logic::health::verdict as health;
use logic::intake::Print;
use logic::language::Localized;
use system::root::Root;

fn spool() -> (tempfile::TempDir, Spool) {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(&Root::new(dir.path())).unwrap();
    let spool = Spool::open(&vault).unwrap();
    (dir, spool)
}

fn item(id: &str, content: &str) -> IntakeItem {
    let print = Print::of(content.as_bytes());
    IntakeItem {
        kind: ItemKind::Results,
        id: id.into(),
        delivery: None,
        test_taker: None,
        payload: content.into(),
        parts: vec![print],
        content: print,
        execution: None,
        open: false,
        enclosure: logic::intake::Enclosure::default(),
    }
}

fn admit(spool: &Spool, id: &str, content: &str) -> bool {
    spool.admit(vec![item(id, content)]).unwrap() == [true]
}

fn change(key: &ItemKey, state: ItemState) -> LedgerChange {
    LedgerChange {
        key: key.clone(),
        state,
        attempts: 1,
        failures: 0,
        reason: None,
        trial: logic::spool::ItemTrial::default(),
        central: String::new(),
        parts: Vec::new(),
        reopen: false,
        of_carried: false,
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn row(kinds: health::Kinds, total: u64) -> String {
    let each: Vec<String> = kinds.each(total).iter().map(Localized::english).collect();
    each.join(", ")
}

#[test]
fn the_same_again_is_known_and_other_content_is_another_edition() {
    let (_dir, spool) = spool();
    assert!(admit(&spool, "a", "one"));
    assert!(!admit(&spool, "a", "one"));
    let first = spool.owed().unwrap().remove(0).key;
    spool
        .persist(&[change(&first, ItemState::Acknowledged)], false)
        .unwrap();
    assert!(!admit(&spool, "a", "one"));
    assert!(admit(&spool, "a", "two"));
    let owed = spool.owed().unwrap();
    assert_eq!(
        owed.iter().map(|owed| owed.key.edition).collect::<Vec<_>>(),
        [1]
    );
    assert!(owed[0].mapped);
    assert_eq!(spool.load(&owed[0].key).unwrap().payload, b"two");
    assert_eq!(spool.accounts().unwrap().len(), 2);
}

#[test]
fn whatever_is_written_about_an_item_is_met_once_and_nothing_else() {
    let (_dir, spool) = spool();
    admit(&spool, "a", "one");
    let (mut marks, told) = spool.written_since(None).unwrap();
    assert!(told.is_empty(), "there was no look before");
    let mut since = |what: &str| {
        let (now, told) = spool.written_since(Some(&marks)).unwrap();
        marks = now;
        let told = told.iter().map(|one| (one.key.id.clone(), one.state));
        let told: Vec<(String, ItemState)> = told.collect();
        assert!(told.len() < 2, "{what}: {told:?}");
        told.into_iter().next()
    };
    assert_eq!(since("nothing"), None);
    admit(&spool, "b", "one");
    assert_eq!(since("came"), Some(("b".to_owned(), ItemState::Queued)));
    assert!(!admit(&spool, "b", "one"));
    assert_eq!(since("known"), None);
    let key = spool.owed().unwrap().remove(0).key;
    for state in [
        ItemState::Sending,
        ItemState::Queued,
        ItemState::Queued,
        ItemState::Acknowledged,
    ] {
        spool.persist(&[change(&key, state)], false).unwrap();
        assert_eq!(since(state.word()), Some((key.id.clone(), state)));
        assert_eq!(since("nothing"), None);
    }
}

#[test]
fn what_is_owed_is_tallied_by_kind_and_what_is_lost_counts() {
    let (_dir, spool) = spool();
    for (kind, id) in [
        (ItemKind::Results, "a"),
        (ItemKind::Results, "b"),
        (ItemKind::Logs, "a"),
        (ItemKind::Sessions, "a"),
        (ItemKind::Sessions, "b"),
        (ItemKind::LtiUsers, "c"),
    ] {
        let item = IntakeItem {
            kind,
            ..item(id, &format!("{kind:?} {id}"))
        };
        spool.admit(vec![item]).unwrap();
    }
    let tally = || spool.tally().unwrap().0;
    let owed = tally();
    assert_eq!((owed.queued, owed.lost), (6, 0));
    assert_eq!(
        row(owed.queued_kinds, owed.queued),
        "2 results, 1 log, 2 test sessions, 1 LTI user"
    );
    let key = |kind, id: &str| ItemKey {
        kind,
        id: id.into(),
        edition: 0,
    };
    let changes = [
        change(&key(ItemKind::Logs, "a"), ItemState::Refused),
        change(&key(ItemKind::Sessions, "a"), ItemState::Unconfirmed),
    ];
    spool.persist(&changes, false).unwrap();
    // The file of one rots.
    let path = spool
        .files
        .path(&spool.files.folder, &key(ItemKind::Results, "b"), "item");
    fs::write(&path, "rotten").unwrap();
    for _ in 0..2 {
        let owed = tally();
        assert_eq!(
            (owed.queued, owed.refused, owed.unconfirmed, owed.lost),
            (3, 1, 1, 1)
        );
        assert_eq!(
            row(owed.queued_kinds, owed.queued),
            "1 result, 1 test session, 1 LTI user"
        );
        assert_eq!(row(owed.refused_kinds, 1), "1 log");
        assert_eq!(row(owed.unconfirmed_kinds, 1), "1 test session");
    }
    // Whoever hands it over again has it back.
    admit(&spool, "b", "Results b");
    let owed = tally();
    assert_eq!(owed.queued, 4);
}

/// A disk that takes no new file: what may be under way is told all the same, by its mark.
#[test]
fn a_result_is_marked_where_no_account_can_be_written() {
    let (_dir, spool) = spool();
    for (id, content) in [("a", "one"), ("b", "two"), ("c", "three")] {
        admit(&spool, id, content);
    }
    let keys: Vec<ItemKey> = spool.owed().unwrap().into_iter().map(|o| o.key).collect();
    let sends = |key: &ItemKey| change(key, ItemState::Sending);
    let persist = |changes: &[LedgerChange]| {
        system::root::fuse::set(Some(1));
        let kept = spool.persist(changes, false);
        system::root::fuse::set(None);
        kept.map_err(|trouble| trouble.code)
    };
    let states = || -> Vec<(ItemState, u32)> {
        let owed = spool.owed().unwrap();
        let each = owed.iter().map(|owed| (owed.state, owed.attempts));
        let loaded = owed
            .iter()
            .map(|owed| spool.load(&owed.key).unwrap().ledger.state);
        assert!(each.clone().map(|(state, _)| state).eq(loaded));
        each.collect()
    };
    persist(&[sends(&keys[0]), sends(&keys[1])]).unwrap();
    let (queued, sending) = ((ItemState::Queued, 0), (ItemState::Sending, 1));
    assert_eq!(states(), [sending, sending, queued]);
    // A mark says no more than that: what came of it has to be written.
    let failed = change(&keys[2], ItemState::Acknowledged);
    assert_eq!(persist(&[failed]).unwrap_err(), Code::StateIo);
    let flying = LedgerChange {
        parts: vec![(0, logic::spool::PartState::Flying)],
        ..sends(&keys[2])
    };
    assert_eq!(persist(&[flying]).unwrap_err(), Code::StateIo);
    // One that failed before, whose tries are counted, needs an account; so does one that is marked already.
    assert_eq!(persist(&[sends(&keys[0])]).unwrap_err(), Code::StateIo);
    let stumbled = LedgerChange {
        failures: 1,
        ..change(&keys[2], ItemState::Queued)
    };
    spool.persist(&[stumbled], false).unwrap();
    assert_eq!(persist(&[sends(&keys[2])]).unwrap_err(), Code::StateIo);
    assert_eq!(states(), [sending, sending, (ItemState::Queued, 1)]);
    // The next account takes the place of the mark.
    spool
        .persist(
            &[LedgerChange {
                attempts: 0,
                ..change(&keys[0], ItemState::Queued)
            }],
            false,
        )
        .unwrap();
    assert_eq!(states()[0], (ItemState::Queued, 1));
    persist(&[LedgerChange {
        attempts: 0,
        ..sends(&keys[0])
    }])
    .unwrap();
    assert_eq!(states()[0].0, ItemState::Sending);
    spool
        .persist(&[change(&keys[0], ItemState::Acknowledged)], false)
        .unwrap();
    assert_eq!(spool.owed().unwrap().len(), 2);
}

#[test]
fn acknowledged_is_never_owed_again_whatever_the_cut() {
    let (_dir, spool) = spool();
    admit(&spool, "a", "one");
    let key = spool.owed().unwrap().remove(0).key;
    spool
        .persist(&[change(&key, ItemState::Acknowledged)], true)
        .unwrap();
    // The cut came between the last word and the move.
    for extension in ["item", "state"] {
        let _ = fs::rename(
            spool.files.path(&spool.files.done, &key, extension),
            spool.files.path(&spool.files.folder, &key, extension),
        );
    }
    assert_eq!(spool.owed().unwrap(), []);
    assert!(!admit(&spool, "a", "one"));
    assert!(spool.files.find(&key, "item").is_none());
}

#[test]
fn a_damaged_account_means_an_unknown_outcome() {
    let (_dir, spool) = spool();
    admit(&spool, "a", "one");
    let key = spool.owed().unwrap().remove(0).key;
    spool
        .persist(&[change(&key, ItemState::Queued)], false)
        .unwrap();
    fs::write(spool.files.path(&spool.files.folder, &key, "state"), "x").unwrap();
    assert_eq!(spool.owed().unwrap()[0].state, ItemState::Sending);
    fs::write(spool.files.path(&spool.files.folder, &key, "item"), "x").unwrap();
    fs::remove_file(spool.files.path(&spool.files.folder, &key, "state")).unwrap();
    assert_eq!(spool.owed().unwrap(), []);
    assert_eq!(fs::read_dir(&spool.files.quarantine).unwrap().count(), 2);
}

#[test]
fn a_copy_sends_nothing_by_itself() {
    let (_dir, spool) = spool();
    admit(&spool, "a", "one");
    spool.disown("original").unwrap();
    assert_eq!(spool.owed().unwrap()[0].state, ItemState::Unconfirmed);
    assert_eq!(spool.retry(&[]).unwrap().count, 1);
    assert_eq!(spool.owed().unwrap()[0].state, ItemState::Sending);
}

#[test]
fn of_many_who_hand_over_the_same_one_is_told_that_it_was_new() {
    let (_dir, spool) = spool();
    let told = std::thread::scope(|scope| {
        let hand_over = |nth: usize| {
            let spool = spool.clone();
            // Each id comes from four threads, in two contents of two threads each.
            let (id, content) = (format!("id {}", nth / 4), format!("{}", nth % 4 / 2));
            scope.spawn(move || admit(&spool, &id, &content))
        };
        let threads: Vec<_> = (0..32).map(hand_over).collect();
        let told: Vec<bool> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        told
    });
    for two in told.chunks(2) {
        assert_eq!(two.iter().filter(|new| **new).count(), 1, "{told:?}");
    }
    let mut keys: Vec<_> = spool
        .accounts()
        .unwrap()
        .into_iter()
        .map(|l| (l.key.id, l.key.edition))
        .collect();
    keys.sort();
    let expected = (0..8).flat_map(|nth| [(format!("id {nth}"), 0), (format!("id {nth}"), 1)]);
    assert_eq!(keys, expected.collect::<Vec<_>>());
}

#[test]
fn an_id_that_stands_twice_in_a_document_is_compared_with_itself() {
    let (_dir, spool) = spool();
    let items = vec![
        item("a", "one"),
        item("b", "one"),
        item("a", "one"),
        item("a", "two"),
    ];
    assert_eq!(spool.admit(items).unwrap(), [true, true, false, true]);
    let editions = spool
        .accounts()
        .unwrap()
        .into_iter()
        .map(|l| (l.key.id, l.key.edition));
    let mut editions: Vec<_> = editions.collect();
    editions.sort();
    assert_eq!(
        editions,
        [("a".into(), 0), ("a".into(), 1), ("b".into(), 0)]
    );
}

#[test]
fn sending_and_intake_wait_for_each_other_at_one_id_only() {
    let (_dir, spool) = spool();
    admit(&spool, "a", "one");
    let key = spool.owed().unwrap().remove(0).key;
    let held = spool.beside(["a"].into_iter()).unwrap();
    // Neither of these would come back if it waited for the gate.
    admit(&spool, "b", "one");
    let (done, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let (waiting, same) = (spool.clone(), key.clone());
        scope.spawn(move || {
            waiting
                .persist(&[change(&same, ItemState::Acknowledged)], false)
                .unwrap();
            done.send(()).unwrap();
        });
        assert!(told.try_recv().is_err());
        assert_eq!(spool.load(&key).unwrap().ledger.state, ItemState::Queued);
        drop(held);
        told.recv().unwrap();
    });
    assert_eq!(spool.owed().unwrap().len(), 1);
}

#[test]
fn nothing_is_let_in_with_keys_that_were_destroyed() {
    let (dir, spool) = spool();
    let state = Root::new(dir.path()).state();
    assert!(admit(&spool, "a", "one"));
    // A key that a person put elsewhere is still this box's.
    let (key, away) = (state.join("boxsync.key"), state.join("boxsync.key.away"));
    fs::rename(&key, &away).unwrap();
    assert!(admit(&spool, "b", "two"));
    fs::rename(&away, &key).unwrap();
    let refused = |content: &str| spool.admit(vec![item("c", content)]).unwrap_err().code;
    fs::remove_file(state.join("data.key")).unwrap();
    assert_eq!(refused("three"), Code::KeyWrong);
    // Another box was made in its place.
    fs::remove_dir_all(&state).unwrap();
    let vault = Vault::open(&Root::new(dir.path())).unwrap();
    let anew = Spool::open(&vault).unwrap();
    assert_eq!(refused("three"), Code::KeyWrong);
    assert!(admit(&anew, "c", "three"));
}

/// How many files `work` reads.
fn reads(work: impl FnOnce()) -> usize {
    let before = folder::READS.get();
    work();
    folder::READS.get() - before
}

#[test]
fn what_is_owed_is_read_once_however_many_editions_of_one_id_there_are() {
    for items in [20, 40] {
        let (_dir, spool) = spool();
        for nth in 0..items {
            assert!(admit(&spool, "a", &nth.to_string()));
        }
        let count = reads(|| assert_eq!(spool.owed().unwrap().len(), items));
        assert_eq!(count, items, "files read for {items} items");
    }
}

#[test]
fn an_account_is_lent_before_the_next_is_read() {
    let (_dir, spool) = spool();
    for nth in 0..30 {
        admit(&spool, &format!("i{nth}"), "one");
    }
    let (before, mut met) = (folder::READS.get(), 0);
    let mut take = |_| {
        met += 1;
        assert_eq!(folder::READS.get() - before, met);
        Ok(())
    };
    spool.each(&mut take).unwrap();
    assert_eq!(met, 30);
}

#[test]
fn central_knows_an_execution_through_another_item_of_it_or_one_that_goes_in_parts() {
    let (_dir, spool) = spool();
    for content in ["one", "two", "three"] {
        admit(&spool, "a", content);
    }
    let stored = LedgerChange {
        parts: vec![(0, logic::spool::PartState::Stored)],
        ..change(&spool.owed().unwrap()[1].key, ItemState::Queued)
    };
    spool.persist(&[stored], false).unwrap();
    let mapped = |spool: &Spool| -> Vec<(u32, bool)> {
        let owed = spool.owed().unwrap().into_iter();
        let mut mapped: Vec<_> = owed.map(|owed| (owed.key.edition, owed.mapped)).collect();
        mapped.sort_unstable();
        mapped
    };
    // One that goes in parts tells it of itself, too.
    assert_eq!(mapped(&spool), [(0, true), (1, true), (2, true)]);
    let first = spool
        .owed()
        .unwrap()
        .into_iter()
        .find(|owed| owed.key.edition == 0);
    let done = change(&first.unwrap().key, ItemState::Acknowledged);
    spool.persist(&[done], false).unwrap();
    assert_eq!(mapped(&spool), [(1, true), (2, true)]);
}
