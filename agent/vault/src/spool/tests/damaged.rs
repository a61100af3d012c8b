//! Items that no longer open beside their accounts: what is lost, under which id, and what goes on.
//! Never waits for a clock.
//! Called by nobody.

use super::*;

/// An item with an account beside it, and its file.
fn stated(spool: &Spool, id: &str, state: ItemState) -> (ItemKey, std::path::PathBuf) {
    admit(spool, id, id);
    let owed = spool.owed().unwrap();
    let key = owed.into_iter().find(|owed| owed.key.id == id).unwrap().key;
    spool.persist(&[change(&key, state)], false).unwrap();
    let path = spool.files.path(&spool.files.folder, &key, "item");
    (key, path)
}

#[test]
fn an_item_that_rots_beside_its_account_is_lost_with_its_id_and_the_others_go_on() {
    let (_dir, spool) = spool();
    let (key, path) = stated(&spool, "kve_rotten", ItemState::Sending);
    let (other, _) = stated(&spool, "kve_sound", ItemState::Queued);
    flip(&path);
    let failed = spool.load(&key).unwrap_err();
    assert_eq!(failed.code, Code::ResultsQuarantined);
    assert!(failed.reason().contains("kve_rotten"), "{failed}");
    assert_eq!(spool.load(&other).unwrap().payload, b"kve_sound");
    let owed = spool.owed().unwrap();
    assert_eq!(owed.iter().map(|o| &o.key).collect::<Vec<_>>(), [&other]);
    assert_eq!(spool.lost().unwrap(), ["kve_rotten"]);
    assert_eq!(spool.quarantined().len(), 2);
    // Whoever still has it hands it over again; other content goes variable by variable.
    assert!(admit(&spool, "kve_rotten", "more"));
    let again = spool.owed().unwrap();
    let again = again.iter().find(|owed| owed.key.id == "kve_rotten");
    assert!(spool.load(&again.unwrap().key).unwrap().others.mapped);
    assert!(admit(&spool, "kve_rotten", "kve_rotten"));
    assert_eq!(spool.lost().unwrap(), Vec::<String>::new());
}

#[test]
fn a_cut_while_a_rotten_item_is_put_aside_is_made_good() {
    let (_dir, spool) = spool();
    let (key, path) = stated(&spool, "kve_rotten", ItemState::Queued);
    // The item is aside, its account is not.
    flip(&path);
    make_folder(&spool.files.quarantine).unwrap();
    fs::rename(
        &path,
        spool.files.quarantine.join(path.file_name().unwrap()),
    )
    .unwrap();
    assert_eq!(spool.owed().unwrap().len(), 1);
    assert_eq!(spool.load(&key).unwrap_err().code, Code::ResultsQuarantined);
    assert_eq!(spool.owed().unwrap(), []);
    assert_eq!(spool.lost().unwrap(), ["kve_rotten"]);
}

#[test]
fn an_edition_that_is_gone_hides_none_behind_it() {
    let (_dir, spool) = spool();
    let (first, path) = stated(&spool, "a", ItemState::Queued);
    assert!(admit(&spool, "a", "second"));
    flip(&path);
    spool.load(&first).unwrap_err();
    assert!(!admit(&spool, "a", "second"), "it is known");
    assert!(admit(&spool, "a", "third"));
    let owed = spool.owed().unwrap();
    let editions: Vec<u32> = owed.iter().map(|owed| owed.key.edition).collect();
    assert_eq!(editions, [1, 2]);
}

#[test]
fn a_rotten_item_that_was_never_sent_does_not_bar_its_id() {
    let (_dir, spool) = spool();
    assert!(admit(&spool, "a", "one"));
    let key = spool.owed().unwrap().remove(0).key;
    flip(&spool.files.path(&spool.files.folder, &key, "item"));
    assert!(admit(&spool, "a", "one"));
    assert_eq!(spool.load(&key).unwrap().payload, b"one");
}
