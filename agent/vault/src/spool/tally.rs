//! What is owed, counted by kind and state, for whoever judges the box and for the metrics.
//! Never reads a content: accounts alone.
//! Called by `engine`, `doctor` and the verbs.

use std::time::SystemTime;

use logic::fault::{Fault, Finding};
use logic::health::verdict as health;
use logic::intake::ItemKind;
use logic::small_map::SmallMap;
use logic::spool;
use logic::spool::ItemState;

use super::{Spool, modified};

/// Why central holds something up.
pub type HeldUp = Option<Finding>;

impl Spool {
    /// What is owed by its state, and why central holds up the oldest that it holds up.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tally(&self) -> Result<(health::OwedCounts, HeldUp), Fault> {
        let (by_kind, held_up) = self.tally_by_kind()?;
        let owed = health::OwedCounts {
            // What was found damaged on the way counts, too.
            lost: self.lost()?.len() as u64,
            ..sum(by_kind.into_values())
        };
        Ok((owed, held_up))
    }

    /// The same for each kind.
    ///
    /// # Errors
    /// What the file system says.
    pub fn tally_by_kind(&self) -> Result<(SmallMap<ItemKind, health::OwedCounts>, HeldUp), Fault> {
        let mut by_kind =
            SmallMap::from(ItemKind::ALL.map(|kind| (kind, health::OwedCounts::default())));
        let mut held_up: Option<(i64, Finding)> = None;
        self.files.each(&self.files.folder, &mut |ledger| {
            if !self.is_own(&ledger)? {
                return Ok(());
            }
            let kind = ledger.key.kind;
            let owed = by_kind.entry(kind).or_default();
            match ledger.state {
                ItemState::Queued | ItemState::Sending => {
                    owed.queued += 1;
                    owed.queued_kinds.add(kind);
                }
                ItemState::Refused => {
                    owed.refused += 1;
                    owed.refused_kinds.add(kind);
                }
                ItemState::Unconfirmed => {
                    owed.unconfirmed += 1;
                    owed.unconfirmed_kinds.add(kind);
                }
                ItemState::SetAside => owed.set_aside += 1,
                // It waits for nothing any more.
                ItemState::Open if self.files.is_superseded(&ledger) => owed.set_aside += 1,
                ItemState::Open => owed.open += 1,
                ItemState::Held => owed.held += 1,
                ItemState::Carried => {
                    owed.carried += 1;
                    let at = ledger.carried_at().unwrap_or_default();
                    owed.carried_at = earlier(owed.carried_at, at);
                }
                ItemState::Acknowledged => {}
            }
            if !matches!(
                ledger.state,
                ItemState::Queued | ItemState::Sending | ItemState::Unconfirmed | ItemState::Held
            ) {
                return Ok(());
            }
            let path = self.files.path(&self.files.folder, &ledger.key, "item");
            let came = modified(&path).duration_since(SystemTime::UNIX_EPOCH);
            let came = came.map_or(0, |since| since.as_secs() as i64);
            if came > 0 && (owed.oldest_at == 0 || came < owed.oldest_at) {
                owed.oldest_at = came;
            }
            let cause = spool::cause(ledger.state, &ledger.trial, ledger.reason.as_ref());
            let Some((code, reason)) = cause.filter(|_| ledger.state != ItemState::Unconfirmed)
            else {
                return Ok(());
            };
            if ledger.state != ItemState::Held {
                owed.waiting += 1;
                owed.waiting_kinds.add(kind);
            }
            if held_up.as_ref().is_none_or(|(oldest, ..)| came < *oldest) {
                held_up = Some((came, Finding::new(code, reason)));
            }
            Ok(())
        })?;
        Ok((by_kind, held_up.map(|(_, why)| why)))
    }
}

/// What is owed of all kinds together.
pub fn sum(by_kind: impl IntoIterator<Item = health::OwedCounts>) -> health::OwedCounts {
    by_kind
        .into_iter()
        .fold(health::OwedCounts::default(), |all, owed| {
            health::OwedCounts {
                queued: all.queued + owed.queued,
                refused: all.refused + owed.refused,
                unconfirmed: all.unconfirmed + owed.unconfirmed,
                waiting: all.waiting + owed.waiting,
                set_aside: all.set_aside + owed.set_aside,
                open: all.open + owed.open,
                held: all.held + owed.held,
                carried: all.carried + owed.carried,
                carried_at: earlier(all.carried_at, owed.carried_at),
                lost: all.lost + owed.lost,
                queued_kinds: all.queued_kinds.and(&owed.queued_kinds),
                waiting_kinds: all.waiting_kinds.and(&owed.waiting_kinds),
                refused_kinds: all.refused_kinds.and(&owed.refused_kinds),
                unconfirmed_kinds: all.unconfirmed_kinds.and(&owed.unconfirmed_kinds),
                oldest_at: earlier(all.oldest_at, owed.oldest_at),
            }
        })
}

/// The earlier of two moments, of which 0 is none.
fn earlier(one: i64, other: i64) -> i64 {
    match (one, other) {
        (0, at) | (at, 0) => at,
        (one, other) => one.min(other),
    }
}
