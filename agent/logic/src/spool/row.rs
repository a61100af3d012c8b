//! Log rows: at least once, row by row, after their result; what central may hold twice is counted (protocol 8.1).
//! Never takes a row for stored that central does not name; never sends rows whose result is still owed.
//! Called by the machine of `spool`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::value::RawValue;

use super::request::{self, RequestOutcome};
use super::result::WitnessVouch;
use super::trial::ItemTrial;
use super::{
    ItemKey, ItemState, Job, LedgerChange, Loaded, OwedItem, PartState, SLOW, Sending, finding,
    known, put_back,
};
use crate::api::{Reply, ack};
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

    pub(super) fn rows_answered(
        &mut self,
        groups: Vec<RowGroup>,
        heard: RequestOutcome,
        took: Duration,
        now: Now,
    ) {
        let lane = &mut self.rows;
        let total: usize = groups.iter().map(|group| group.rows.len()).sum();
        let mut changes = Vec::new();
        match heard {
            RequestOutcome::Answer(reply) => {
                lane.limit = if took > SLOW {
                    (lane.limit / 2).max(1)
                } else {
                    (lane.limit * 2).min(lane.most)
                };
                return self.rows_acked(groups, &reply, now);
            }
            RequestOutcome::TooLong(trouble) if total <= 1 => {
                let reason = finding(Code::LogsTooLong, trouble.cause);
                for group in groups {
                    let row = &group.rows[0];
                    let (index, stands) = (row.index, before(row));
                    self.row_troubled(&mut changes, &group.key, index, stands, &reason, now);
                }
            }
            RequestOutcome::TooLong(_) => {
                self.plan.chunk_bytes = (self.plan.chunk_bytes / 2).max(1);
                lane.limit = (total / 2).max(1);
                self.rows_stand(&mut changes, groups);
            }
            RequestOutcome::Unsent(_) | RequestOutcome::Barred(_) => {
                self.rows_stand(&mut changes, groups)
            }
            RequestOutcome::Rejected(trouble) => {
                let reason = finding(Code::LogsRejected, trouble.cause);
                let several = groups.len() > 1;
                for group in groups {
                    if several {
                        self.rows.solo.insert(group.key.clone());
                        self.rows.queue.push_back(group.key);
                    } else if group.rows.len() > 1 {
                        self.rows.single.insert(group.key.clone());
                        self.rows.queue.push_front(group.key);
                    } else {
                        self.row_failed(&mut changes, &group, reason.clone(), now);
                    }
                }
            }
            RequestOutcome::Failed(_) => {
                let reason = finding(Code::CentralError, ItemCause::FailedAlone);
                let several = groups.len() > 1;
                for group in groups {
                    if several {
                        self.rows.solo.insert(group.key.clone());
                        self.rows.queue.push_back(group.key);
                    } else {
                        self.rows.streak += 1;
                        for row in &group.rows {
                            self.skip(&group.key, row.index);
                        }
                        let change = LedgerChange {
                            state: ItemState::Sending,
                            ..self.stumble(&group.key, reason.clone(), now)
                        };
                        self.record(&mut changes, change);
                    }
                }
            }
            RequestOutcome::Lost(_) => {
                // What is sent again may be stored twice: less of it.
                lane.limit = (lane.limit / 2).max(1);
                for group in groups.into_iter().rev() {
                    if self.lost(&group.key) {
                        self.rows.queue.push_front(group.key);
                    }
                }
            }
        }
        self.emit(changes);
    }

    fn rows_acked(&mut self, groups: Vec<RowGroup>, reply: &Reply, now: Now) {
        let acks = ack::rows(reply).unwrap_or_default();
        let mut changes = Vec::new();
        let mut stored_any = false;
        for group in groups {
            match acks.get(&group.key.id) {
                Some(ack::RowsAck {
                    success: true,
                    stored: Some(ids),
                }) => {
                    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
                    stored_any |= !ids.is_empty();
                    self.rows_stored(&mut changes, &group, &ids, now);
                }
                Some(ack::RowsAck { success: true, .. }) => {
                    let id = Id::from(&group.key.id);
                    let cause = ItemCause::NoReceipt { id };
                    self.complain(Code::LogsNoReceipt, cause.clone());
                    let change = LedgerChange {
                        reason: Some(finding(Code::LogsNoReceipt, cause)),
                        ..self.change(&group.key, ItemState::Unconfirmed)
                    };
                    self.record(&mut changes, change);
                }
                Some(_) if group.rows.len() > 1 => {
                    self.rows.void();
                    self.rows.single.insert(group.key.clone());
                    self.rows_stand(&mut changes, vec![group]);
                }
                Some(_) => {
                    let reason = finding(Code::LogsNotStored, ItemCause::RowNotStored);
                    let row = &group.rows[0];
                    let (index, stands) = (row.index, before(row));
                    self.rows.void();
                    self.rows.streak += 1;
                    self.row_troubled(&mut changes, &group.key, index, stands, &reason, now);
                    self.rows_sick();
                }
                // Not named: they stay flying, the next run goes on here.
                None => {}
            }
        }
        if stored_any {
            self.rows_proven(&mut changes, now);
        }
        self.emit(changes);
    }

    /// A witness was taken: central is well, and the rows that failed since the last one failed by themselves.
    fn rows_proven(&mut self, changes: &mut Vec<LedgerChange>, now: Now) {
        self.rows.streak = 0;
        self.rows.well = true;
        for suspect in std::mem::take(&mut self.rows.failed) {
            let SuspectRow {
                key,
                index,
                reason,
                accused,
                before,
            } = suspect;
            let (part, trial) = self.judge_part(accused, before, now);
            if part == PartState::Refused {
                self.ending.count.logs.refused += 1;
                let (id, why) = (Id::from(&key.id), Box::new(reason.cause.clone()));
                self.complain(known(&reason), ItemCause::OfRow { id, why });
            }
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.trial = trial;
            }
            self.rows.queue.retain(|other| *other != key);
            self.settle_rows(changes, &key, vec![(index, part)], Some(&reason), now);
        }
    }

    /// Rows that central names are stored; others wait for their result to be known to central.
    fn rows_stored(
        &mut self,
        changes: &mut Vec<LedgerChange>,
        group: &RowGroup,
        ids: &BTreeSet<&str>,
        now: Now,
    ) {
        let mut parts = Vec::new();
        let mut unnamed = false;
        for row in &group.rows {
            if ids.contains(row.id.as_str()) {
                self.ending.count.logs.acknowledged += 1;
                parts.push((row.index, PartState::Stored));
            } else {
                unnamed = true;
                parts.push((row.index, before(row)));
                self.skip(&group.key, row.index);
            }
        }
        let reason = unnamed.then(|| finding(Code::LogsUnmapped, ItemCause::Unmapped));
        self.settle_rows(changes, &group.key, parts, reason.as_ref(), now);
    }

    /// Central surely did not take them now: they stand where they stood.
    fn rows_stand(&mut self, changes: &mut Vec<LedgerChange>, groups: Vec<RowGroup>) {
        for group in groups.into_iter().rev() {
            let parts = group.rows.iter().map(|row| (row.index, before(row)));
            let change = LedgerChange {
                parts: parts.collect(),
                ..self.change(&group.key, ItemState::Queued)
            };
            self.record(changes, change);
            self.rows.queue.push_front(group.key);
        }
    }

    /// An empty 500 for one row alone: perhaps its fault.
    fn row_failed(
        &mut self,
        changes: &mut Vec<LedgerChange>,
        group: &RowGroup,
        reason: Finding,
        now: Now,
    ) {
        self.rows.streak += 1;
        let row = &group.rows[0];
        let trial = self.entries.get(&group.key).map(|entry| entry.trial);
        let trial = trial.unwrap_or_default();
        let (index, accused) = (row.index, row.accused);
        let after = match (trial.refused, accused) {
            (true, _) => PartState::Refused,
            (_, true) => PartState::Accused,
            _ => PartState::Flying,
        };
        let well = self.rows.well;
        self.row_troubled(changes, &group.key, index, after, &reason, now);
        if well && !trial.refused {
            self.rows.failed.push(SuspectRow {
                key: group.key.clone(),
                index,
                reason,
                accused,
                before: trial,
            });
        }
        self.rows_sick();
    }

    /// Nothing of a row is sent again in this run.
    fn row_troubled(
        &mut self,
        changes: &mut Vec<LedgerChange>,
        key: &ItemKey,
        index: u32,
        part: PartState,
        reason: &Finding,
        now: Now,
    ) {
        self.skip(key, index);
        let trial = self.stumble(key, reason.clone(), now).trial;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.trial = trial;
        }
        self.settle_rows(changes, key, vec![(index, part)], Some(reason), now);
    }

    fn rows_sick(&mut self) {
        if self.rows.streak == STREAK {
            self.complain(Code::CentralSick, ItemCause::SickRows);
        }
    }

    fn skip(&mut self, key: &ItemKey, index: u32) {
        let skip = self.rows.skip.entry(key.clone()).or_default();
        skip.insert(index);
    }

    /// Writes down rows and decides what becomes of their item: over, further rows now, or left to a later run.
    fn settle_rows(
        &mut self,
        changes: &mut Vec<LedgerChange>,
        key: &ItemKey,
        parts: Vec<(u32, PartState)>,
        reason: Option<&Finding>,
        now: Now,
    ) {
        let over = |part: &PartState| matches!(part, PartState::Stored | PartState::Refused);
        let settled = parts.iter().filter(|(_, part)| over(part)).count() as u32;
        let refuses = parts.iter().any(|(_, part)| *part == PartState::Refused);
        let Some(entry) = self.entries.get(key) else {
            return;
        };
        let left = entry.owed.saturating_sub(settled);
        let refused = entry.refused > 0 || refuses;
        let skipped = self.rows.skip.get(key).map_or(0, |skip| {
            let done = |index: &u32| parts.iter().any(|(at, part)| at == index && over(part));
            skip.iter().filter(|index| !done(index)).count() as u32
        });
        let mut change = if left == 0 {
            let done = self.change(key, ItemState::Refused);
            let trial = match done.trial.refused {
                true => done.trial,
                false => done.trial.refuse(now),
            };
            if refused {
                LedgerChange { trial, ..done }
            } else {
                self.taken(key)
            }
        } else if skipped >= left {
            let reason = finding(Code::LogsQueued, ItemCause::LaterRows);
            let left = self.change(key, ItemState::Queued);
            if left.trial.rest.is_some() {
                // What went wrong with them in this run is told.
                left
            } else {
                self.stumble(key, reason, now)
            }
        } else {
            self.rows.queue.push_front(key.clone());
            self.change(key, ItemState::Queued)
        };
        change.reason = reason.cloned().or(change.reason);
        change.parts = parts;
        if refuses && let Some(skip) = self.rows.skip.get_mut(key) {
            for (index, _) in &change.parts {
                skip.remove(index);
            }
        }
        self.record(changes, change);
    }
}

fn before(row: &SentRow) -> PartState {
    match (row.accused, row.doubt) {
        (true, _) => PartState::Accused,
        (_, true) => PartState::Flying,
        _ => PartState::Owed,
    }
}
