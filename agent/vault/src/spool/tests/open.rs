//! Contents that are not finished: replaced in their place, superseded, and cut on the way.
//! Never waits for a clock.
//! Called by nobody.

use std::thread;

use super::*;
use system::root::fuse;

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
    assert!(!owed[1].is_behind, "it is the first that goes");
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
    flip(&spool.files.path(&spool.files.folder, first, "state"));
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

/// A person had it sent as it is, and was wrong: the finished content comes before it went, or after.
#[test]
fn what_goes_as_it_is_stands_aside_for_the_finished_content_that_comes_before_it_went() {
    for sent in [false, true] {
        let (_dir, spool) = spool();
        assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
        assert_eq!(retry(&spool), (1, 0));
        let first = spool.owed().unwrap().remove(0).key;
        if sent {
            let sending = change(&first, ItemState::Sending);
            spool.persist(&[sending], false).unwrap();
        }
        assert_eq!(spool.admit(vec![open("not yet")]).unwrap(), [true]);
        let stood = states(&spool)[0];
        assert_ne!(stood.1, ItemState::SetAside, "nothing finished has come");
        assert!(admit(&spool, "a", "two"));
        let aside = match sent {
            false => (0, ItemState::SetAside),
            true => (0, ItemState::Sending),
        };
        assert_eq!(states(&spool), [aside, (1, ItemState::Queued)]);
        assert_eq!(retry(&spool), (0, usize::from(!sent)));
    }
}

/// A cut before the unfinished content stood aside: the finished one is handed in again, since nobody had an answer.
#[test]
fn what_was_cut_before_it_stood_aside_does_so_when_the_finished_content_comes_again() {
    let (_dir, spool) = spool();
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
    assert_eq!(retry(&spool), (1, 0));
    let first = spool.owed().unwrap().remove(0).key;
    let account = spool.files.path(&spool.files.folder, &first, "state");
    let before = fs::read(&account).unwrap();
    assert!(admit(&spool, "a", "two"));
    fs::write(&account, before).unwrap();
    assert_eq!(
        states(&spool),
        [(0, ItemState::Queued), (1, ItemState::Queued)]
    );
    assert!(!admit(&spool, "a", "two"), "it is known");
    assert_eq!(
        states(&spool),
        [(0, ItemState::SetAside), (1, ItemState::Queued)]
    );
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

/// Every account is of the content that lies beside it.
fn assert_agrees(spool: &Spool, told: &str) {
    for owed in spool.owed().unwrap() {
        let Loaded {
            ledger, payload, ..
        } = spool.load(&owed.key).unwrap();
        let print = Print::of(&payload);
        let parts: Vec<Print> = ledger.parts.iter().map(|(print, _)| *print).collect();
        assert_eq!((ledger.content, parts), (print, vec![print]), "{told}");
        assert_eq!(ledger.size, payload.len() as u64, "{told}");
        assert_eq!(owed.state, ledger.state, "{told}");
    }
}

/// An open item with an account of its own, as a person leaves it who set it aside and took it up again.
fn open_with_account() -> (tempfile::TempDir, Spool) {
    let (dir, spool) = spool();
    assert_eq!(spool.admit(vec![open("one")]).unwrap(), [true]);
    assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
    assert_eq!(retry(&spool), (1, 0));
    (dir, spool)
}

/// A copy of a folder: making a box anew for each case takes longer than the case.
fn copied(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copied(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// As another process opens the same folder.
fn reopened(dir: &tempfile::TempDir) -> Spool {
    Spool::open(&Vault::open(&Root::new(dir.path())).unwrap()).unwrap()
}

/// What may come after a cut.
const AFTERS: [&str; 5] = ["again", "former", "retry", "aside", "run"];

fn come(spool: &Spool, word: &str) -> Result<(), Fault> {
    match word {
        "again" => spool.admit(vec![item("a", "two")]).map(|_| ()),
        "former" => spool.admit(vec![open("one")]).map(|_| ()),
        "retry" => spool.retry(&["a".into()]).map(|_| ()),
        "aside" => spool.set_aside(&["a".into()]).map(|_| ()),
        _ => spool.owed().map(|_| ()),
    }
}

/// The final content takes the place of an open one and of its account: cut at every change of the disk, in whatever comes
/// next once more, and then two at once. In the end the final content is to be sent, once, and nothing else is.
#[test]
fn no_cut_leaves_the_account_of_one_content_beside_another() {
    let (model, _) = open_with_account();
    let mut between = 0;
    for word in AFTERS {
        for first in 1.. {
            let mut second = 1;
            let was_cut = loop {
                let told = format!("cut at {first}, then in {word} at {second}");
                let dir = tempfile::tempdir().unwrap();
                copied(model.path(), dir.path());
                let spool = reopened(&dir);
                let cut_at = |changes: u64| {
                    fuse::set(Some(changes));
                    move || {
                        let blown = fuse::is_blown();
                        fuse::set(None);
                        blown
                    }
                };
                let end = cut_at(first);
                let told_yes = spool.admit(vec![item("a", "two")]).is_ok();
                let was_cut = end();
                assert!(told_yes || was_cut, "{told}");
                let spool = reopened(&dir);
                let key = spool.files.same(ItemKind::Results, "a").unwrap()[0]
                    .key
                    .clone();
                let path = |extension| spool.files.path(&spool.files.folder, &key, extension);
                let renamed = spool.files.read_item(&path("item")).unwrap().1 == b"two";
                between += usize::from(renamed && path("state").exists());
                assert_agrees(&spool, &told);
                let end = cut_at(second);
                let _ = come(&spool, word);
                let cut_again = end();
                assert_agrees(&reopened(&dir), &told);
                // Two processes at once: whoever hands it over comes back, and a run looks at what is owed.
                let spools = [reopened(&dir), reopened(&dir)];
                thread::scope(|scope| {
                    scope.spawn(|| spools[0].admit(vec![item("a", "two")]).unwrap());
                    scope.spawn(|| assert_agrees(&spools[1], &told));
                });
                let spool = reopened(&dir);
                assert_agrees(&spool, &told);
                // A person may have had the former content sent, or kept the final one aside.
                let _ = spool.retry(&["a".into()]).unwrap();
                let owed = spool.owed().unwrap();
                let going: Vec<_> = owed
                    .iter()
                    .filter(|owed| owed.state == ItemState::Queued)
                    .map(|owed| spool.load(&owed.key).unwrap().payload)
                    .collect();
                let finals = going.iter().filter(|payload| *payload == b"two").count();
                assert_eq!(finals, 1, "{told}: {owed:?}");
                // What was not finished goes beside it where a person had it sent: before the final content came, or handed in
                // again behind it.
                let ordered = ["retry", "former"].contains(&word);
                assert!(ordered || going.len() == 1, "{told}: {owed:?}");
                if !cut_again {
                    break was_cut;
                }
                second += 1;
            };
            if !was_cut {
                break;
            }
        }
    }
    assert!(between > 0, "the cut between the two was never met");
}

/// A release that left the account where it was let a final content in and never sent it: it is found and goes.
#[test]
fn a_final_content_whose_place_an_old_account_holds_goes() {
    let (_dir, spool) = open_with_account();
    let key = spool.owed().unwrap().remove(0).key;
    let account = spool.files.path(&spool.files.folder, &key, "state");
    let old = fs::read(&account).unwrap();
    assert_eq!(retry(&spool), (1, 0));
    let tried_again = fs::read(&account).unwrap();
    fs::write(&account, &old).unwrap();
    assert!(admit(&spool, "a", "two"));
    // Somebody had it tried again there: the account of the one goes with the content of the other.
    fs::write(&account, tried_again).unwrap();
    assert_eq!(states(&spool), [(0, ItemState::Queued)]);
    assert_agrees(&spool, "beside an account that was tried again");
    fs::write(&account, old).unwrap();
    assert_eq!(states(&spool), [(0, ItemState::Queued)]);
    assert_agrees(&spool, "beside an old account");
    assert!(!admit(&spool, "a", "two"), "it is known");
    // Whoever set aside what looked open set the final content aside.
    assert_eq!(spool.set_aside(&["a".into()]).unwrap(), 1);
    assert_eq!(retry(&spool), (1, 0));
    assert_eq!(states(&spool), [(0, ItemState::Queued)]);
}
