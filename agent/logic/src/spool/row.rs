//! Log rows: at least once, row by row, after their result; what central may hold twice is counted (protocol 8.1).
//! Never takes a row for stored that central does not name; never sends rows whose result is still owed.
//! Called by the machine of `spool`.

mod answered;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::value::RawValue;

use super::request;
use super::result::WitnessVouch;
use super::trial::ItemTrial;
use super::{ItemKey, Job, LedgerChange, Loaded, OwedItem, PartState, Sending, put_back};
use crate::fault::Finding;
use crate::fault::{Code, Id, ItemCause};
use crate::intake::ItemKind;
use crate::words::Now;

/// Failures in a row after which central is taken for sick.
const STREAK: u32 = 3;
/// Items that do not fit beside others before a request counts as full.
const UNFIT: usize = 50;

/// The rows of one execution in one request.
#[derive(Debug)]
pub(super) struct RowGroup {
    key: ItemKey,
    rows: Vec<SentRow>,
}

impl RowGroup {
    pub(super) fn key(&self) -> ItemKey {
        self.key.clone()
    }
}

#[derive(Debug)]
struct SentRow {
    index: u32,
    id: String,
    /// It was sent before and the answer was lost.
    doubt: bool,
    /// It stands accused.
    accused: bool,
}

/// A row that got an empty 500 alone, behind a witness.
#[derive(Debug)]
struct SuspectRow {
    key: ItemKey,
    index: u32,
    reason: Finding,
    accused: bool,
    /// What its item had been through before.
    before: ItemTrial,
}

/// The log rows of a pass.
#[derive(Debug)]
pub(super) struct RowQueue {
    pub(super) queue: VecDeque<ItemKey>,
    /// Rows in the next request.
    limit: usize,
    most: usize,
    /// Items that go alone, as a request of several failed.
    solo: BTreeSet<ItemKey>,
    /// Items that go row by row, as their group failed.
    single: BTreeSet<ItemKey>,
    /// Rows that are left to the next run.
    skip: BTreeMap<ItemKey, BTreeSet<u32>>,
    /// Between two witnesses as soon as the next one is taken.
    failed: Vec<SuspectRow>,
    streak: u32,
    /// Rows were stored, or central vouched for their execution, and nothing but suspects went wrong since.
    well: bool,
    /// The probe did not vouch: it is not asked again in this run.
    mute: bool,
}

impl RowQueue {
    pub(super) fn new(most: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit: most.max(1),
            most: most.max(1),
            solo: BTreeSet::new(),
            single: BTreeSet::new(),
            skip: BTreeMap::new(),
            failed: Vec::new(),
            streak: 0,
            well: false,
            mute: false,
        }
    }

    pub(super) fn enter(&mut self, item: &OwedItem) {
        if item.trial.has_failed() {
            self.solo.insert(item.key.clone());
        }
        self.queue.push_back(item.key.clone());
    }

    pub(super) fn void(&mut self) {
        self.well = false;
        self.failed.clear();
    }

    pub(super) fn leave(&mut self, key: &ItemKey) {
        self.queue.retain(|other| other != key);
        self.failed.retain(|suspect| suspect.key != *key);
    }

    fn goes_alone(&self, key: &ItemKey) -> bool {
        self.solo.contains(key) || self.single.contains(key)
    }
}

impl Sending {
    pub(super) fn next_rows(&mut self) -> Option<Job> {
        if self.rows.streak >= STREAK {
            return None;
        }
        // The probe of the rows' own execution, over the same route, is the witness that can always be had.
        let vouches = !self.rows.mute && self.results.can_probe();
        if let Some(suspect) = self.rows.failed.first() {
            if vouches {
                let id = suspect.key.id.clone();
                let whose = WitnessVouch::Rows;
                return Some(Job::Vouch { id, whose });
            }
            self.rows.failed.clear();
        }
        let (mut keys, mut passed) = (Vec::<ItemKey>::new(), Vec::new());
        let (mut rows, mut bytes, mut closed, mut unfit) = (0, 0, false, 0);
        // What stands behind a full request is not looked at: 30,000 wait for as many requests.
        while let Some(key) = (!closed).then(|| self.rows.queue.pop_front()).flatten() {
            let entry = self.entries.get(&key);
            let (size, owed) = entry.map_or((0, 0), |entry| (entry.size, entry.owed as usize));
            let fits = keys.is_empty()
                || (rows + owed <= self.rows.limit
                    && bytes + size <= self.plan.chunk_bytes
                    && !self.rows.goes_alone(&key)
                    && keys.iter().all(|other| other.id != key.id));
            if !fits || self.pending(ItemKind::Results, &key.id) {
                unfit += usize::from(!fits);
                closed = unfit >= UNFIT;
                passed.push(key);
                continue;
            }
            (rows, bytes) = (rows + owed, bytes + size);
            closed = self.rows.goes_alone(&key) || rows >= self.rows.limit;
            keys.push(key);
        }
        put_back(&mut self.rows.queue, passed);
        if let [key] = keys.as_slice()
            && self.rows.goes_alone(key)
            && !self.rows.well
            && vouches
        {
            let id = key.id.clone();
            self.rows.queue.extend(keys.pop());
            self.rows.queue.rotate_right(1);
            let whose = WitnessVouch::Rows;
            return Some(Job::Vouch { id, whose });
        }
        (!keys.is_empty()).then(|| Job::Rows {
            keys,
            groups: Vec::new(),
        })
    }

    pub(super) fn rows_vouched(&mut self, sound: bool, now: Now) {
        self.rows.mute |= !sound;
        if sound {
            let mut changes = Vec::new();
            self.rows_proven(&mut changes, now);
            self.emit(changes);
        }
    }

    pub(super) fn mark_rows(&mut self, items: Vec<Loaded>, now: Now) {
        let mut budget = self.rows.limit;
        let mut bytes = self.plan.chunk_bytes;
        let (mut groups, mut bodies, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for item in &items {
            let key = &item.ledger.key;
            let Ok(raw) = serde_json::from_slice::<Vec<&RawValue>>(&item.payload) else {
                let id = Id::from(&key.id);
                self.complain(Code::LogsUnreadable, ItemCause::RowsUnreadable { id });
                continue;
            };
            let most = if self.rows.single.contains(key) {
                1
            } else {
                budget
            };
            let (rows, body) = self.choose(item, &raw, most, &mut bytes);
            if rows.is_empty() {
                let over = |(_, part): &_| matches!(part, PartState::Stored | PartState::Refused);
                if item.ledger.parts.iter().all(over) {
                    self.settle_rows(&mut changes, key, Vec::new(), None, now);
                }
                continue;
            }
            budget = budget.saturating_sub(rows.len());
            let flying = rows.iter().filter(|row| !row.accused);
            let flying = flying.map(|row| (row.index, PartState::Flying));
            changes.push(LedgerChange {
                parts: flying.collect(),
                ..self.sent(key)
            });
            bodies.push(body);
            groups.push(RowGroup {
                key: key.clone(),
                rows,
            });
        }
        if groups.is_empty() {
            return self.emit(changes);
        }
        self.ending.count.logs.doubled += self.rows_again(&groups);
        let again = groups.iter().any(|group| {
            self.rows.goes_alone(&group.key) || group.rows.iter().any(|row| row.doubt)
        });
        let params = request::params(&self.plan.params, !again);
        let entries = groups
            .iter()
            .zip(&bodies)
            .map(|(group, body)| (group.key.id.as_str(), body.as_slice()));
        let call = request::logs(entries, &params);
        let keys = Vec::new();
        self.mark(Job::Rows { keys, groups }, call, changes);
    }

    /// Rows that central may hold already.
    pub(super) fn rows_again(&self, groups: &[RowGroup]) -> u64 {
        let held = |group: &RowGroup| self.may_be_held(&group.key.id);
        let again = |group: &RowGroup| {
            group
                .rows
                .iter()
                .filter(|row| row.doubt || held(group))
                .count()
        };
        groups.iter().map(again).sum::<usize>() as u64
    }

    /// The rows of one item that go into this request.
    fn choose(
        &self,
        item: &Loaded,
        raw: &[&RawValue],
        most: usize,
        bytes: &mut u64,
    ) -> (Vec<SentRow>, Vec<u8>) {
        #[derive(serde::Deserialize)]
        struct RowHead {
            id: serde_json::Value,
        }
        let skip = self.rows.skip.get(&item.ledger.key);
        let (mut rows, mut body) = (Vec::new(), vec![b'[']);
        for ((index, (_, part)), raw) in (0u32..).zip(&item.ledger.parts).zip(raw) {
            if !part.is_owed() || skip.is_some_and(|skip| skip.contains(&index)) {
                continue;
            }
            let size = raw.get().len() as u64;
            if rows.len() >= most || (!rows.is_empty() && size > *bytes) {
                break;
            }
            let Ok(RowHead { id }) = serde_json::from_str(raw.get()) else {
                continue;
            };
            *bytes = bytes.saturating_sub(size);
            if !rows.is_empty() {
                body.push(b',');
            }
            body.extend_from_slice(raw.get().as_bytes());
            rows.push(SentRow {
                index,
                id: id.as_str().map_or_else(|| id.to_string(), str::to_owned),
                doubt: *part != PartState::Owed,
                accused: *part == PartState::Accused,
            });
        }
        body.push(b']');
        (rows, body)
    }
}
