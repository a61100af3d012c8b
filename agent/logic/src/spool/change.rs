//! How an item enters a pass, and the changes that become of it: on its way, back where it stood, taken, left alone.
//! Never writes anything down: the machine does, before it goes on.
//! Called by the machine of `spool` and by its lanes.

use super::fit::Fit;
use super::{BootTime, ItemKey, ItemState, ItemTrial, LedgerChange, OwedItem, Sending, SpoolEntry};
use crate::fault::Finding;
use crate::intake::ItemKind;
use crate::words::Now;

impl Sending {
    /// Puts an item where it goes; a change when it does not stand there as it stood.
    pub(super) fn enter(&mut self, mut item: OwedItem, now: Now) -> Option<LedgerChange> {
        let changed = item.central != self.plan.central;
        let came = item.state;
        let fit = self.hold(&mut item);
        let (stood, rested) = (item.state, item.trial.is_due(now));
        let due = match stood {
            ItemState::Queued | ItemState::Sending => self.plan.asked || rested,
            ItemState::Refused => changed || rested,
            ItemState::Unconfirmed => changed,
            // It is asked for where that says something, and never sent.
            ItemState::Carried => {
                let later = item.mapped || item.is_behind;
                item.key.kind == ItemKind::Results && !later
            }
            ItemState::Acknowledged | ItemState::SetAside | ItemState::Open | ItemState::Held => {
                false
            }
        };
        let rows_wait = item.key.kind == ItemKind::Logs && self.plan.rows_wait;
        let carried = stood == ItemState::Carried;
        let goes = carried || fit == Fit::Goes;
        let due = due && self.plan.sends(item.key.kind);
        let due = due && goes && !rows_wait && !self.is_being_decrypted(&item, now);
        if due {
            item.trial = item.trial.rested();
        }
        let refused = item.refused;
        if due && stood == ItemState::Refused {
            (item.owed, item.refused) = (item.owed + item.refused, 0);
            // It is known to have failed, whatever was counted.
            item.failures = item.failures.max(1);
            if changed {
                item.state = ItemState::Queued;
                item.trial = ItemTrial::default();
            } else {
                // By an earlier release, which knew no trial.
                item.trial.refused = true;
            }
        } else if due && stood == ItemState::Unconfirmed {
            item.state = ItemState::Sending;
        }
        let first = due && item.state == ItemState::Sending && item.trial.lost.is_none();
        if first {
            // It was under way when the last run ended: central may be at it from now on, and no longer than once.
            item.trial.lost = Some(BootTime::of(now));
        }
        let settled = now.after(item.trial.unsettled(self.plan.settle, now));
        // It may have gone once more without a mark.
        let settled = match self.plan.unmarked {
            Some(until) if until.mono > settled.mono => until,
            _ => settled,
        };
        let entry = SpoolEntry {
            size: item.size,
            state: item.state,
            failures: item.failures,
            owed: item.owed,
            refused: item.refused,
            trial: item.trial,
            cause: item.reason.clone(),
            came: item.came,
            lost: 0,
            left: !due,
            has_later: item.has_later,
            is_adopted: item.is_adopted,
        };
        self.entries.insert(item.key.clone(), entry);
        if !due {
            return (came != stood).then(|| LedgerChange {
                reason: item.reason.clone(),
                ..self.change(&item.key, stood)
            });
        }
        let reopen = refused > 0 && stood == ItemState::Refused;
        let reopened = (came != item.state || first || reopen).then(|| LedgerChange {
            reopen: stood == ItemState::Refused,
            ..self.change(&item.key, item.state)
        });
        match item.key.kind {
            ItemKind::Results => {
                let ask = self.plan.probe_first;
                self.results.enter(&item, now, settled, ask);
            }
            ItemKind::Logs => self.rows.enter(&item),
            ItemKind::Sessions => self.sessions.enter(&item),
            ItemKind::LtiUsers if self.plan.lti_users => self.users.enter(&item),
            ItemKind::LtiUsers => {}
        }
        reopened
    }

    /// A change of state and nothing else.
    pub(super) fn change(&self, key: &ItemKey, state: ItemState) -> LedgerChange {
        let entry = self.entries.get(key);
        let trial = entry.map(|entry| entry.trial);
        LedgerChange {
            key: key.clone(),
            state,
            attempts: 0,
            failures: 0,
            reason: None,
            trial: trial.unwrap_or_default(),
            central: self.plan.central.clone(),
            parts: Vec::new(),
            reopen: false,
            of_carried: entry.is_some_and(|entry| entry.state == ItemState::Carried),
        }
    }

    /// It is on its way.
    pub(super) fn sent(&self, key: &ItemKey) -> LedgerChange {
        let change = self.change(key, ItemState::Sending);
        LedgerChange {
            attempts: 1,
            trial: change.trial.sending(),
            ..change
        }
    }

    /// Central surely did not see it: it stands where it stood.
    pub(super) fn unsent(&self, key: &ItemKey) -> LedgerChange {
        let change = self.change(key, ItemState::Queued);
        match change.trial.refused {
            true => LedgerChange {
                state: ItemState::Refused,
                ..change
            },
            false => change,
        }
    }

    /// Central holds it. Of what it decrypts it is remembered since when.
    pub(super) fn taken(&self, key: &ItemKey) -> LedgerChange {
        let change = self.change(key, ItemState::Acknowledged);
        let decrypts = self.plan.key.is_some() && key.kind == ItemKind::Results;
        LedgerChange {
            trial: ItemTrial {
                lost: decrypts.then(|| BootTime::of(self.now)),
                ..change.trial.taken()
            },
            ..change
        }
    }

    /// Its answers were lost at this moment.
    pub(super) fn lost_now(&self, keys: &[ItemKey], lost: BootTime) -> Vec<LedgerChange> {
        let change = |key: &ItemKey| {
            let change = self.change(key, ItemState::Sending);
            let trial = ItemTrial {
                lost: Some(lost),
                ..change.trial
            };
            LedgerChange { trial, ..change }
        };
        keys.iter().map(change).collect()
    }

    /// Central surely did not take it, and nothing is proven against it: queued, and left alone for a while. What is
    /// refused stays so.
    pub(super) fn stumble(&self, key: &ItemKey, reason: Finding, now: Now) -> LedgerChange {
        let change = self.unsent(key);
        let refused = change.trial.refused;
        LedgerChange {
            failures: 1,
            reason: (!refused).then_some(reason),
            trial: change.trial.stumbled(now),
            ..change
        }
    }
}
