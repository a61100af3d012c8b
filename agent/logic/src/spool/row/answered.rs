//! What an answer to log rows means for each row and for its item (protocol 8.1).
//! Never refuses a row that did not fail alone, twice, between two witnesses.
//! Called by the machine of `spool`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::request::RequestOutcome;
use super::super::{ItemKey, ItemState, LedgerChange, PartState, SLOW, Sending, finding, known};
use super::{RowGroup, STREAK, SentRow, SuspectRow};
use crate::api::{Reply, ack};
use crate::fault::{Code, Finding, Id, ItemCause};
use crate::words::Now;

impl Sending {
    pub(in crate::spool) fn rows_answered(
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
    pub(super) fn rows_proven(&mut self, changes: &mut Vec<LedgerChange>, now: Now) {
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

    pub(super) fn rows_sick(&mut self) {
        if self.rows.streak == STREAK {
            self.complain(Code::CentralSick, ItemCause::SickRows);
        }
    }

    pub(super) fn skip(&mut self, key: &ItemKey, index: u32) {
        let skip = self.rows.skip.entry(key.clone()).or_default();
        skip.insert(index);
    }

    /// Writes down rows and decides what becomes of their item: over, further rows now, or left to a later run.
    pub(super) fn settle_rows(
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
