//! What a ledger admits, keeps and becomes, and that each earlier form of it opens.
//! Never builds a ledger that no release has written.
//! Run by `cargo test -p logic`.

use super::*;
use crate::fault::Code;
use crate::intake::IntakeItem;
use crate::words::Now;

pub(in crate::spool) fn item(kind: ItemKind, content: u8, parts: &[u8]) -> IntakeItem {
    let rows: Vec<_> = parts.iter().map(u8::to_string).collect();
    IntakeItem {
        kind,
        id: "e".into(),
        delivery: None,
        test_taker: None,
        payload: format!("[{}]", rows.join(",")).into_bytes(),
        parts: parts.iter().map(|part| Print([*part; 16])).collect(),
        content: Print([content; 16]),
        execution: None,
        open: false,
        enclosure: Enclosure::default(),
    }
}

pub(in crate::spool) fn fresh(admission: ItemAdmission) -> (Ledger, Vec<u8>) {
    match admission {
        ItemAdmission::Fresh(ledger, payload) => (*ledger, payload),
        ItemAdmission::Known => panic!("known"),
    }
}

#[test]
fn equal_content_is_known_and_other_content_the_next_edition() {
    let (first, _) = fresh(Ledger::admit(
        item(ItemKind::Results, 1, &[1, 2]),
        &[],
        None,
    ));
    assert_eq!(first.key.edition, 0);
    let held = [first];
    let again = Ledger::admit(item(ItemKind::Results, 1, &[1, 2]), &held, None);
    assert_eq!(again, ItemAdmission::Known);
    let (next, _) = fresh(Ledger::admit(
        item(ItemKind::Results, 2, &[1, 2, 3]),
        &held,
        None,
    ));
    assert_eq!((next.key.edition, next.parts.len()), (1, 3));
}

#[test]
fn only_rows_that_are_new_enter_again() {
    let (first, _) = fresh(Ledger::admit(item(ItemKind::Logs, 1, &[1, 2]), &[], None));
    let held = [first];
    let (next, payload) = fresh(Ledger::admit(
        item(ItemKind::Logs, 2, &[2, 3, 1]),
        &held,
        None,
    ));
    assert_eq!(payload, b"[3]");
    assert_eq!(next.parts, [(Print([3; 16]), PartState::Owed)]);
    let subset = Ledger::admit(item(ItemKind::Logs, 3, &[2]), &held, None);
    assert_eq!(subset, ItemAdmission::Known);
}

#[test]
fn a_session_is_told_again_once_its_execution_was_reactivated() {
    let session = || item(ItemKind::Sessions, 1, &[]);
    let (a, b) = (Some(Print([7; 16])), Some(Print([8; 16])));
    let (first, _) = fresh(Ledger::admit(session(), &[], a));
    let held = [first];
    assert_eq!(Ledger::admit(session(), &held, a), ItemAdmission::Known);
    assert_eq!(fresh(Ledger::admit(session(), &held, b)).0.key.edition, 1);
}

#[test]
fn others_hold_what_was_acknowledged_whole_or_in_parts() {
    let (mut first, _) = fresh(Ledger::admit(
        item(ItemKind::Results, 1, &[1, 2]),
        &[],
        None,
    ));
    first.state = ItemState::Refused;
    let (second, _) = fresh(Ledger::admit(
        item(ItemKind::Results, 2, &[2, 3]),
        std::slice::from_ref(&first),
        None,
    ));
    let of = |first: &Ledger| Others::of(&second.key, &[first.clone(), second.clone()]);
    assert_eq!(of(&first), Others::default());
    first.parts[1].1 = PartState::Stored;
    assert_eq!(of(&first).stored, [Print([2; 16])].into());
    first.state = ItemState::Acknowledged;
    assert_eq!(of(&first).stored.len(), 2);
    assert!(second.owed(&[first]).mapped);
}

#[test]
fn a_ledger_survives_the_store() {
    let (mut ledger, _) = fresh(Ledger::admit(item(ItemKind::Logs, 1, &[1, 2]), &[], None));
    assert_eq!(Ledger::from_bytes(&ledger.to_bytes()), Some(ledger.clone()));
    ledger.trial = ItemTrial::default().stumbled(Now::default());
    ledger.parts[1].1 = PartState::Accused;
    ledger.state = ItemState::SetAside;
    let bytes = ledger.to_bytes();
    assert_eq!(Ledger::from_bytes(&bytes), Some(ledger));
    assert_eq!(Ledger::from_bytes(&bytes[..bytes.len() - 1]), None);
}

/// The account of the release before the trial: fields by position, nothing behind them.
#[test]
fn a_ledger_of_an_earlier_release_opens() {
    const BYTES: &str = "000d6b76655f64655f303030303037008010011968747470733a2f2f632e6578616d706c652f742e72646623640909090909\
        09090909090909090909090303020110726573756c74732e72656a65637465644863656e7472616c206661696c6564206f6e\
        2074686520636f6e74656e74206f6620746865207265717565737420287374617475732035303020776974686f7574206120\
        626f6479294507323032322e3131040101010101010101010101010101010102020202020202020202020202020202020303\
        030303030303030303030303030303000404040404040404040404040404040401";
    let bytes: Vec<u8> = (0..BYTES.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&BYTES[at..at + 2], 16).unwrap())
        .collect();
    let ledger = Ledger::from_bytes(&bytes).unwrap();
    assert_eq!(ledger.key.id, "kve_de_000007");
    assert_eq!(
        (ledger.state, ledger.attempts, ledger.failures),
        (ItemState::Refused, 3, 2)
    );
    assert_eq!(ledger.reason.as_ref().unwrap().code, Code::ResultsRejected);
    let parts: Vec<PartState> = ledger.parts.iter().map(|(_, part)| *part).collect();
    assert_eq!(
        parts,
        [
            PartState::Stored,
            PartState::Refused,
            PartState::Owed,
            PartState::Flying
        ]
    );
    assert_eq!(ledger.trial, ItemTrial::default());
    // What an earlier rule refused is tried again by itself.
    assert!(ledger.trial.is_due(Now::default()));
    // And it is written as that release reads it: the same bytes first.
    assert_eq!(ledger.to_bytes(), bytes);
}

#[test]
fn a_run_under_way_does_not_undo_what_a_person_set_aside() {
    let (mut ledger, _) = fresh(Ledger::admit(item(ItemKind::Results, 1, &[1]), &[], None));
    ledger.set_aside();
    let change = |state| LedgerChange {
        key: ledger.key.clone(),
        state,
        attempts: 1,
        failures: 0,
        reason: None,
        trial: ItemTrial::default(),
        central: String::new(),
        parts: Vec::new(),
        reopen: false,
        of_carried: false,
    };
    let (sending, home) = (change(ItemState::Sending), change(ItemState::Acknowledged));
    ledger.apply(&sending);
    assert_eq!(ledger.state, ItemState::SetAside);
    assert_eq!(ledger.trial.aside, Some(ItemState::Sending));
    ledger.apply(&home);
    assert_eq!(ledger.state, ItemState::Acknowledged);
}

/// What the release before reads: the state by its number, where it knows eight.
#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "each stands for its number")]
enum FormerState {
    Queued,
    Sending,
    Acknowledged,
    Refused,
    Unconfirmed,
    SetAside,
    Open,
    Held,
}

#[derive(serde::Deserialize)]
struct FormerLedger {
    _key: ItemKey,
    _size: u64,
    _delivery: Option<String>,
    _content: Print,
    state: FormerState,
    _attempts: u32,
    _failures: u32,
    _reason: Option<Finding>,
    _not_before: u64,
    _central: String,
    _parts: Vec<(Print, PartState)>,
}

#[test]
fn what_was_handed_over_opens_here_and_stays_aside_in_the_release_before() {
    let (mut ledger, _) = fresh(Ledger::admit(item(ItemKind::Results, 1, &[1]), &[], None));
    assert_eq!(ledger.carried_at(), None);
    assert!(ledger.carry(1_796_000_000) && ledger.state == ItemState::Carried);
    let opened = Ledger::from_bytes(&ledger.to_bytes()).unwrap();
    assert_eq!(opened, ledger);
    assert_eq!(opened.carried_at(), Some(1_796_000_000));
    // One more file changes nothing about it, its time included.
    assert!(ledger.carry(1_797_000_000) && ledger.carried_at() == Some(1_796_000_000));
    let (former, _) = postcard::take_from_bytes::<FormerLedger>(&ledger.to_bytes()).unwrap();
    assert!(matches!(former.state, FormerState::SetAside));
    // A box without a clock hands over, too; what is merely set aside was not, however often an early release tried it.
    ledger.state = ItemState::Queued;
    assert!(ledger.carry(-5) && ledger.carried_at() == Some(0));
    assert_eq!(Ledger::from_bytes(&ledger.to_bytes()), Some(ledger.clone()));
    ledger.state = ItemState::SetAside;
    ledger.not_before = 7;
    let aside = Ledger::from_bytes(&ledger.to_bytes()).unwrap();
    assert_eq!(
        (aside.state, aside.carried_at()),
        (ItemState::SetAside, None)
    );
}

/// What follows an account as the release before reads it.
#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "each stands for its number")]
enum FormerTail {
    First(ItemTrial),
    Second(ItemTrial, Enclosure),
}

#[test]
fn what_was_adopted_opens_in_the_release_before() {
    let (ledger, _) = fresh(Ledger::admit(item(ItemKind::Results, 1, &[1]), &[], None));
    for enclosed in [false, true] {
        let enclosure = Enclosure {
            enclosed,
            ..Enclosure::default()
        };
        let was = ledger.clone();
        let adopted = Ledger {
            enclosure,
            ..ledger.clone()
        };
        let adopted = adopted.adopted(&was, "b");
        let tail = adopted.tail();
        let former = postcard::from_bytes::<FormerTail>(&tail);
        assert!(matches!(former, Ok(FormerTail::Second(_, read)) if read == enclosure));
        assert_eq!(Ledger::from_bytes(&adopted.to_bytes()), Some(adopted));
    }
}
