//! Items that wait for central's key and are closed with it, through every cut.
//! Never waits for a clock.
//! Called by nobody.

use super::*;

/// A result of one variable, as intake writes it.
fn plain(id: &str) -> IntakeItem {
    let payload = format!(
        r#"{{"deliveryExecutionId":"{id}","deliveryId":"d","details":{{}},"variables":[{{"callIdItem":null,"callIdTest":"{id}","data":{{"baseType":"string","cardinality":"single","epoch":"0.1 1","identifier":"T","trace":"x"}},"item":null,"test":"t","type":"taoResultServer_models_classes_TraceVariable"}}]}}"#
    );
    item(id, &payload)
}

/// The table of `enclose`: a cut behind each of its moments, and the copy that counts there.
#[test]
fn what_waited_for_a_key_is_closed_through_every_cut() {
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDHEyrEuXwP/xlX1nMUjOkIU1gO\nQAfdf3dpJJrUd+iLKj/cXvEqv+eFSUzOQl5OS1CRLcKxdB1c4ILAuGxJOcxKdr2H\nVOmeq5FW8ZRk8sVCNl7t4B36lDQugVLTzzUcPkuZcZaltLf/JTae3PD1xojn5FCh\nB43n9R89lUBR44TLuwIDAQAB\n-----END PUBLIC KEY-----";
    let key = logic::encryption::ResultsKey::read(KEY).unwrap();
    let (_dir, spool) = spool();
    for id in ["a", "b"] {
        assert_eq!(spool.admit(vec![plain(id)]).unwrap(), [true]);
    }
    let of = |id: &str| ItemKey {
        kind: ItemKind::Results,
        id: id.into(),
        edition: 0,
    };
    // One has an account of its own: its answer was lost.
    spool
        .persist(&[change(&of("a"), ItemState::Sending)], false)
        .unwrap();
    let path = |id: &str, what: &str| spool.files.path(&spool.files.folder, &of(id), what);
    let old_account = fs::read(path("a", "state")).unwrap();
    let old_item = fs::read(path("a", "item")).unwrap();
    let came = modified(&path("b", "item"));
    let enclosed = || -> Vec<(String, bool, ItemState)> {
        let owed = spool.owed().unwrap().into_iter();
        let mut owed: Vec<_> = owed
            .map(|o| (o.key.id, o.enclosure.enclosed, o.state))
            .collect();
        owed.sort();
        owed
    };
    assert_eq!(spool.enclose(&key).unwrap(), 2);
    let both = [
        ("a".into(), true, ItemState::Sending),
        ("b".into(), true, ItemState::Queued),
    ];
    assert_eq!(enclosed(), both);
    assert_eq!(
        modified(&path("b", "item")),
        came,
        "it is no younger for it"
    );
    assert_eq!(spool.enclose(&key).unwrap(), 0, "nothing is closed twice");
    // A cut before the rename: both files are as they were.
    let (closed_item, closed_account) = (
        fs::read(path("a", "item")).unwrap(),
        fs::read(path("a", "state")).unwrap(),
    );
    fs::write(path("a", "item"), &old_item).unwrap();
    fs::write(path("a", "state"), &old_account).unwrap();
    assert!(!logic::encryption::is_map(
        &spool.load(&of("a")).unwrap().payload
    ));
    assert_eq!(spool.enclose(&key).unwrap(), 1);
    assert_eq!(enclosed(), both);
    // A cut between the content and its account: whoever loads it takes the content's word.
    fs::write(path("a", "item"), &closed_item).unwrap();
    fs::write(path("a", "state"), &old_account).unwrap();
    let loaded = spool.load(&of("a")).unwrap();
    assert!(loaded.ledger.enclosure.enclosed && loaded.ledger.parts.is_empty());
    assert_eq!(
        (loaded.ledger.state, loaded.ledger.attempts),
        (ItemState::Sending, 1)
    );
    let in_memory = spool.load_enclosed(&of("a"), Some(&key), None).unwrap();
    assert_eq!(
        in_memory.payload, loaded.payload,
        "it is not closed once more"
    );
    assert_eq!(spool.enclose(&key).unwrap(), 1);
    assert_eq!(enclosed(), both);
    assert_eq!(spool.load(&of("a")).unwrap().payload, loaded.payload);
    assert_ne!(fs::read(path("a", "state")).unwrap(), old_account);
    assert_eq!(
        closed_account.len(),
        fs::read(path("a", "state")).unwrap().len()
    );
    // What central has is left as it is, and what was released stays so.
    spool
        .persist(&[change(&of("b"), ItemState::Held)], false)
        .unwrap();
    assert_eq!(spool.tally().unwrap().0.held, 1);
    assert_eq!(spool.release(&["nobody".into()]).unwrap(), 0);
    assert_eq!(spool.release(&[]).unwrap(), 1);
    let released = spool.load(&of("b")).unwrap().ledger;
    assert!(released.enclosure.released && released.state == ItemState::Queued);
}
