//! What is kept of each thing that the box owes: its state, its attempts, the state of each variable or row.
//! Never holds the payload; never forgets what central has acknowledged; opens what earlier releases wrote.
//! Called by `vault`, which seals the ledgers, and by the machine of `spool`, which changes them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::fault::Finding;
use crate::intake::{Enclosure, IntakeItem, ItemKind, Print};
use crate::spool::trial::{BootTime, ItemTrial};

/// Names one item: what was submitted under one id, counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemKey {
    /// What it is.
    pub kind: ItemKind,
    /// Execution id or user id.
    pub id: String,
    /// 0 for the first content of this id; a reactivated execution and later rows count on.
    pub edition: u32,
}

/// How far an item is (design 3 "Results").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Waits; central surely does not hold what is owed of it.
    Queued,
    /// May be on its way: found so at start, its outcome is unknown.
    Sending,
    /// Central holds it whole.
    Acknowledged,
    /// A central that is well does not take it.
    Refused,
    /// Nobody can say whether central holds it.
    Unconfirmed,
    /// A person keeps it out of the way: it is neither sent nor counted.
    #[serde(rename = "set-aside")]
    SetAside,
    /// The execution is not finished: it waits for the content that replaces this one.
    Open,
    /// Encrypted with a key that central no longer has: it would take it and could not read it.
    Held,
}

impl ItemState {
    /// The word of `results --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
            Self::Unconfirmed => "unconfirmed",
            Self::SetAside => "set-aside",
            Self::Open => "open",
            Self::Held => "held",
        }
    }
}

/// How far one variable or one log row is; of a result that was never sent in parts all stay `OwedItem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartState {
    /// To be sent.
    Owed,
    /// Was sent, the answer is not known.
    Flying,
    /// Central holds it.
    Stored,
    /// A central that is well does not take it.
    Refused,
    /// Was sent alone, and convicted once: owed all the same.
    Accused,
}

impl PartState {
    /// Whether central is still to take it.
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Owed | Self::Flying | Self::Accused)
    }
}

/// The account of one item. Its own fields are stored in their order, and an item's file begins with them: what came
/// later stands in the trial, which follows them where there is one (`to_bytes`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Which item.
    pub key: ItemKey,
    /// Bytes of the payload.
    pub size: u64,
    /// URI of the delivery, of a result.
    pub delivery: Option<String>,
    /// The print of the whole content.
    pub content: Print,
    /// How far it is.
    pub state: ItemState,
    /// Requests that carried it.
    pub attempts: u32,
    /// How often central surely did not take it.
    pub failures: u32,
    /// Why it is where it is, or what went wrong with it last.
    pub reason: Option<Finding>,
    /// Not used any more; earlier releases counted runs here.
    pub not_before: u64,
    /// What was known of central's version when something was decided last.
    pub central: String,
    /// Variables or rows, in the order of the payload.
    pub parts: Vec<(Print, PartState)>,
    /// What it has been through with central.
    #[serde(skip)]
    pub trial: ItemTrial,
    /// Whether its content is closed to the box. The item's own file is right about that, this is its copy: whoever
    /// loads the item looks there.
    #[serde(skip)]
    pub enclosure: Enclosure,
}

/// What follows the account in its own file, and the content in the item's. Further kinds may come; none is ever changed.
#[derive(Serialize, Deserialize)]
enum ItemTail {
    First(ItemTrial),
    Second(ItemTrial, Enclosure),
}

/// What the machine writes down about an item; `Ledger::apply` does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerChange {
    /// Which item.
    pub key: ItemKey,
    /// Its state from now on.
    pub state: ItemState,
    /// Requests to add.
    pub attempts: u32,
    /// Failures to add.
    pub failures: u32,
    /// Why; `None` leaves what was said before, until it is acknowledged.
    pub reason: Option<Finding>,
    /// What it has been through, this change included.
    pub trial: ItemTrial,
    /// What is known of central's version.
    pub central: String,
    /// Index and new state of variables or rows.
    pub parts: Vec<(u32, PartState)>,
    /// Refused variables or rows are owed again, before `parts` apply.
    pub reopen: bool,
}

/// What a submission is to the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemAdmission {
    /// It is held already, or nothing of it is new: answer as the first time, write nothing.
    Known,
    /// Write this payload and this ledger, then answer.
    Fresh(Box<Ledger>, Vec<u8>),
}

/// What central holds of an execution through the other items of the same id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Others {
    /// Central knows the execution: variables can only be added (protocol 7.5).
    pub mapped: bool,
    /// Variables that it holds.
    pub stored: BTreeSet<Print>,
}

/// What the machine must know of an item before it loads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedItem {
    /// Which item.
    pub key: ItemKey,
    /// Bytes of the payload.
    pub size: u64,
    /// How far it is.
    pub state: ItemState,
    /// Requests that carried it.
    pub attempts: u32,
    /// How often central surely did not take it.
    pub failures: u32,
    /// What it has been through with central.
    pub trial: ItemTrial,
    /// Why it is where it is.
    pub reason: Option<Finding>,
    /// When it came, Unix seconds as the box believed them.
    pub came: i64,
    /// What was known of central's version when it was refused or left unconfirmed.
    pub central: String,
    /// Variables or rows that are neither stored nor refused.
    pub owed: u32,
    /// Variables or rows that are refused.
    pub refused: u32,
    /// Whether central knows the execution through another item, or knew it before this one was sent.
    pub mapped: bool,
    /// Whether its content is closed to the box, and with which key.
    pub enclosure: Enclosure,
    /// Since when central may be decrypting an earlier content of the same execution.
    pub decrypted_since: Option<BootTime>,
    /// Whether another content of the same id came after it.
    pub has_later: bool,
    /// Whether one came before it that goes, went or was lost: central may know the execution through that.
    pub is_behind: bool,
}

impl Ledger {
    /// Decides what a submission is, given all ledgers of the same kind and id, by edition. `result` is the content of the
    /// latest result of the same id: a session is told again once its execution was reactivated. What is `open` waits for
    /// the content that takes its place.
    pub fn admit(item: IntakeItem, same: &[Self], result: Option<Print>) -> ItemAdmission {
        let content = match (item.kind, result) {
            (ItemKind::Sessions, Some(result)) => Print::of(&[item.content.0, result.0].concat()),
            _ => item.content,
        };
        if same.iter().any(|ledger| ledger.content == content) {
            return ItemAdmission::Known;
        }
        let (mut payload, mut parts) = (item.payload, item.parts);
        if item.kind == ItemKind::Logs {
            let known: BTreeSet<Print> = same
                .iter()
                .flat_map(|ledger| ledger.parts.iter().map(|(print, _)| *print))
                .collect();
            (payload, parts) = without(payload, parts, &known);
            if parts.is_empty() {
                return ItemAdmission::Known;
            }
        }
        // What is not finished was never sent: the content that follows takes its place.
        let edition = match same.iter().max_by_key(|ledger| ledger.key.edition) {
            Some(last) if last.state == ItemState::Open => Some(last.key.edition),
            last => last.map(|last| last.key.edition + 1),
        };
        let ledger = Self {
            key: ItemKey {
                kind: item.kind,
                id: item.id,
                edition: edition.unwrap_or(0),
            },
            size: payload.len() as u64,
            delivery: item.delivery,
            content,
            state: if item.open {
                ItemState::Open
            } else {
                ItemState::Queued
            },
            attempts: 0,
            failures: 0,
            reason: None,
            not_before: 0,
            central: String::new(),
            parts: parts
                .into_iter()
                .map(|part| (part, PartState::Owed))
                .collect(),
            trial: ItemTrial::default(),
            enclosure: item.enclosure,
        };
        ItemAdmission::Fresh(Box::new(ledger), payload)
    }

    /// As it is kept in a file of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = postcard::to_allocvec(self).expect("plain data always serialises");
        bytes.extend(self.tail());
        bytes
    }

    /// What follows the account, or the content: nothing where nothing is to be said, so that an earlier release reads it.
    pub fn tail(&self) -> Vec<u8> {
        let tail = match (self.trial, self.enclosure) {
            (trial, enclosure) if enclosure != Enclosure::default() => {
                ItemTail::Second(trial, enclosure)
            }
            (trial, _) if trial != ItemTrial::default() => ItemTail::First(trial),
            _ => return Vec::new(),
        };
        postcard::to_allocvec(&tail).expect("plain data always serialises")
    }

    /// What `to_bytes` wrote, or an earlier release, which knew no trial.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ledger, tail) = postcard::take_from_bytes::<Self>(bytes).ok()?;
        ledger.with_tail(tail)
    }

    /// The same with what `tail` wrote.
    pub fn with_tail(self, tail: &[u8]) -> Option<Self> {
        let (trial, enclosure) = match tail {
            [] => Default::default(),
            tail => match postcard::from_bytes(tail).ok()? {
                ItemTail::First(trial) => (trial, Enclosure::default()),
                ItemTail::Second(trial, enclosure) => (trial, enclosure),
            },
        };
        Some(Self {
            trial,
            enclosure,
            ..self
        })
    }

    /// The account of an item whose content was closed: its variables go together from now on. `size` is the new content's.
    #[must_use]
    pub fn enclosed(self, enclosure: Enclosure, size: usize) -> Self {
        Self {
            size: size as u64,
            parts: Vec::new(),
            enclosure,
            ..self
        }
    }

    /// Writes down what the machine decided. What a person set aside meanwhile stays there, unless central has it; what was
    /// taken back meanwhile goes.
    pub fn apply(&mut self, change: &LedgerChange) {
        let aside = std::mem::replace(&mut self.trial, change.trial).aside;
        match (self.state, change.state) {
            // Taken back for a finished content in the moment in which its request was made: what becomes of that is to be
            // known before the finished one goes.
            (ItemState::SetAside, ItemState::Sending) if aside == Some(ItemState::Open) => {
                self.state = ItemState::Sending;
            }
            (ItemState::SetAside, state) if state != ItemState::Acknowledged => {
                self.trial.aside = Some(state);
            }
            (_, state) => self.state = state,
        }
        self.attempts = self.attempts.saturating_add(change.attempts);
        self.failures = self.failures.saturating_add(change.failures);
        if change.reason.is_some() || change.state == ItemState::Acknowledged {
            self.reason.clone_from(&change.reason);
        }
        self.not_before = 0;
        self.central.clone_from(&change.central);
        if change.reopen {
            self.reopen();
        }
        for (index, part) in &change.parts {
            if let Some(entry) = self.parts.get_mut(*index as usize) {
                entry.1 = *part;
            }
        }
    }

    /// Whether it is marked without an account of its own, where none can be written: a first sending of a whole item.
    pub fn can_be_marked(&self, change: &LedgerChange) -> bool {
        let whole = self.parts.iter().all(|(_, part)| *part == PartState::Owed);
        let first =
            self.state == ItemState::Queued && self.failures == 0 && !self.trial.has_failed();
        let sent = change.state == ItemState::Sending && change.parts.is_empty() && !change.reopen;
        self.key.kind == ItemKind::Results && whole && first && sent
    }

    /// It was marked so.
    pub fn marked(&mut self) {
        if self.state == ItemState::Queued {
            self.state = ItemState::Sending;
            self.attempts = self.attempts.saturating_add(1);
            self.trial = self.trial.sending();
        }
    }

    /// Whether it is a result that is sent in parts: that begins only once central knows the execution.
    fn is_apart(&self) -> bool {
        self.key.kind == ItemKind::Results
            && self.parts.iter().any(|(_, part)| *part != PartState::Owed)
    }

    pub(super) fn reopen(&mut self) {
        for (_, part) in &mut self.parts {
            if matches!(*part, PartState::Refused) {
                *part = PartState::Owed;
            }
        }
    }

    /// Whether central knows the execution, as this item tells: all of it or a part is stored there, or it goes in parts.
    pub fn maps(&self) -> bool {
        let stored = |(_, part): &(Print, PartState)| *part == PartState::Stored;
        self.state == ItemState::Acknowledged || self.parts.iter().any(stored) || self.is_apart()
    }

    /// What the machine must know, given all ledgers of the same kind and id (this one may be among them). When it came
    /// is for the caller to say.
    pub fn owed(&self, same: &[Self]) -> OwedItem {
        let count = |wanted: &dyn Fn(PartState) -> bool| {
            self.parts.iter().filter(|(_, part)| wanted(*part)).count() as u32
        };
        OwedItem {
            key: self.key.clone(),
            size: self.size,
            state: self.state,
            attempts: self.attempts,
            failures: self.failures,
            trial: self.trial,
            reason: self.reason.clone(),
            came: 0,
            central: self.central.clone(),
            owed: count(&PartState::is_owed),
            refused: count(&|part| part == PartState::Refused),
            mapped: self.is_apart() || Others::of(&self.key, same).mapped,
            enclosure: self.enclosure,
            decrypted_since: same.iter().filter_map(Self::decrypted_since).next_back(),
            has_later: same
                .iter()
                .any(|other| other.key.edition > self.key.edition),
            is_behind: self.is_behind(
                same.iter()
                    .map(|other| (other.key.edition, other.is_unfinished())),
            ),
        }
    }

    /// Whether one came before it that is not unfinished, given the editions of the same id that are there.
    pub fn is_behind(&self, same: impl Iterator<Item = (u32, bool)>) -> bool {
        let own = self.key.edition;
        let before = same.filter(|(edition, is_unfinished)| *edition < own && *is_unfinished);
        before.count() < own as usize
    }

    /// Since when central may be decrypting it.
    pub fn decrypted_since(&self) -> Option<BootTime> {
        let taken = self.enclosure.enclosed && self.state == ItemState::Acknowledged;
        self.trial.lost.filter(|_| taken)
    }
}

impl Others {
    /// Gathers it from all ledgers of the same kind and id; the one of `key` itself is passed over.
    pub fn of(key: &ItemKey, same: &[Ledger]) -> Self {
        let mut others = Self::default();
        for ledger in same.iter().filter(|ledger| ledger.key != *key) {
            let whole = ledger.state == ItemState::Acknowledged;
            for (print, part) in &ledger.parts {
                if whole || *part == PartState::Stored {
                    others.stored.insert(*print);
                }
            }
            others.mapped |= ledger.maps();
        }
        others
    }
}

/// Rows that are not known yet. A payload of intake is a list of as many rows as it has parts.
fn without(payload: Vec<u8>, parts: Vec<Print>, known: &BTreeSet<Print>) -> (Vec<u8>, Vec<Print>) {
    if parts.iter().all(|part| !known.contains(part)) {
        return (payload, parts);
    }
    let rows: Vec<&RawValue> = serde_json::from_slice(&payload).unwrap_or_default();
    let (mut kept, mut prints) = (vec![b'['], Vec::new());
    for (row, part) in rows.iter().zip(parts) {
        if known.contains(&part) {
            continue;
        }
        if !prints.is_empty() {
            kept.push(b',');
        }
        kept.extend_from_slice(row.get().as_bytes());
        prints.push(part);
    }
    kept.push(b']');
    (kept, prints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;
    use crate::words::Now;

    fn item(kind: ItemKind, content: u8, parts: &[u8]) -> IntakeItem {
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

    fn fresh(admission: ItemAdmission) -> (Ledger, Vec<u8>) {
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
        };
        let (sending, home) = (change(ItemState::Sending), change(ItemState::Acknowledged));
        ledger.apply(&sending);
        assert_eq!(ledger.state, ItemState::SetAside);
        assert_eq!(ledger.trial.aside, Some(ItemState::Sending));
        ledger.apply(&home);
        assert_eq!(ledger.state, ItemState::Acknowledged);
    }
}
