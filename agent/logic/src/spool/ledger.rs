//! What is kept of each thing that the box owes: its state, its attempts, the state of each variable or row.
//! Never holds the payload; never forgets what central has acknowledged; opens what earlier releases wrote.
//! Called by `vault`, which seals the ledgers, and by the machine of `spool`, which changes them.

mod admission;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::fault::Finding;
use crate::intake::{Enclosure, ItemKind, Print};
use crate::spool::trial::{BootTime, ItemTrial};

pub use admission::ItemAdmission;

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
    /// Handed over in a file that a person takes to central: the box asks whether it has come, and sends it no more by
    /// itself. An earlier release reads `SetAside` in its place (`Ledger::to_bytes`).
    Carried,
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
            Self::Carried => "carried",
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
    /// When it was handed over, as `CARRIED` and Unix seconds; 0 where it was not. The earliest releases counted runs here.
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
    /// Another box accepted it; `None`: this one. It stands behind what an earlier release reads (`tail`).
    #[serde(skip)]
    pub origin: Option<ItemOrigin>,
}

/// Where an item was accepted that came here as a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOrigin {
    /// The box that accepted it.
    pub box_id: String,
    /// Its edition there: behind the first, central may know the execution through those before it.
    pub edition: u32,
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
    /// It stood as handed over when this was decided.
    pub of_carried: bool,
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
    /// Whether another box accepted it.
    pub is_adopted: bool,
}

/// Marks the time at which an item was handed over: no release has counted so many runs in its place.
const CARRIED: u64 = 1 << 63;

impl Ledger {
    /// As it is kept in a file of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = self.clone().as_written();
        let mut bytes = postcard::to_allocvec(&written).expect("plain data always serialises");
        bytes.extend(self.tail());
        bytes
    }

    /// As it stands in files. What was handed over stands there as set aside, with the time: an earlier release, which knows no
    /// such state, neither sends it by itself nor lets it go.
    #[must_use]
    pub fn as_written(self) -> Self {
        match self.state {
            ItemState::Carried => Self {
                state: ItemState::SetAside,
                ..self
            },
            _ => self,
        }
    }

    /// What follows the account, or the content: nothing where nothing is to be said. An earlier release, which knows no
    /// origin, reads no further than the enclosure.
    pub fn tail(&self) -> Vec<u8> {
        let tail = match (self.trial, self.enclosure) {
            (trial, enclosure) if enclosure != Enclosure::default() || self.origin.is_some() => {
                ItemTail::Second(trial, enclosure)
            }
            (trial, _) if trial != ItemTrial::default() => ItemTail::First(trial),
            _ => return Vec::new(),
        };
        let mut bytes = postcard::to_allocvec(&tail).expect("plain data always serialises");
        if let Some(origin) = &self.origin {
            bytes.extend(postcard::to_allocvec(origin).expect("plain data always serialises"));
        }
        bytes
    }

    /// What `to_bytes` wrote, or an earlier release, which knew no trial.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ledger, tail) = postcard::take_from_bytes::<Self>(bytes).ok()?;
        ledger.with_tail(tail)
    }

    /// The same with what `tail` wrote.
    pub fn with_tail(self, tail: &[u8]) -> Option<Self> {
        let (trial, enclosure, origin) = match tail {
            [] => Default::default(),
            tail => match postcard::take_from_bytes(tail).ok()? {
                (ItemTail::First(trial), _) => (trial, Enclosure::default(), None),
                (ItemTail::Second(trial, enclosure), []) => (trial, enclosure, None),
                (ItemTail::Second(trial, enclosure), origin) => {
                    (trial, enclosure, Some(postcard::from_bytes(origin).ok()?))
                }
            },
        };
        let is_carried = self.state == ItemState::SetAside && self.not_before & CARRIED != 0;
        Some(Self {
            state: if is_carried {
                ItemState::Carried
            } else {
                self.state
            },
            trial,
            enclosure,
            origin,
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

    /// Whether a change was decided on what is no more so: a run that began before may not send what was handed over since,
    /// nor take back what is home since. `persist` asks, for all changes that are written together, before it writes any.
    ///
    /// | It stands as | The change | Then |
    /// |---|---|---|
    /// | carried | says that central has it, or was decided on what is carried | applies |
    /// | carried | anything else | stale |
    /// | acknowledged | was decided on what is carried, and says anything else | stale |
    /// | anything else | | applies |
    pub fn is_stale(&self, change: &LedgerChange) -> bool {
        let is_home = change.state == ItemState::Acknowledged;
        match self.state {
            ItemState::Carried => !is_home && !change.of_carried,
            ItemState::Acknowledged => !is_home && change.of_carried,
            _ => false,
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

    /// When it was handed over, Unix seconds as the box believed them; `None` where it is not.
    pub fn carried_at(&self) -> Option<i64> {
        let carried = self.state == ItemState::Carried;
        carried.then_some((self.not_before & !CARRIED) as i64)
    }

    /// It was handed over at this moment, Unix seconds.
    pub(super) fn carried(&mut self, at: i64) {
        self.state = ItemState::Carried;
        self.not_before = CARRIED | at.max(0) as u64;
    }

    /// As it leaves on a stick: to be sent, whatever was handed over before.
    #[must_use]
    pub fn leaving(self) -> Self {
        Self {
            state: ItemState::Queued,
            not_before: 0,
            ..self
        }
    }

    /// Whether central can be asked for it alone: for no later content of an execution, which its mapping says nothing of, and
    /// for nothing but results.
    pub fn can_be_asked_for(key: &ItemKey) -> bool {
        key.kind == ItemKind::Results && key.edition == 0
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
        let goes_apart = self.origin.is_none() && self.is_apart();
        self.state == ItemState::Acknowledged || self.parts.iter().any(stored) || goes_apart
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
            is_adopted: self.origin.is_some(),
            mapped: self.is_apart() || self.may_be_behind() || Others::of(&self.key, same).mapped,
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

#[cfg(test)]
pub(super) mod tests;
