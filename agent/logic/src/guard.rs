//! Guards what the box shows against what central stops naming: how much of a type may be hidden, and since when.
//! Never hides the last of a type, and never believes the system's clock: all spans are seconds of running time.
//! Called by `manifest`; its memory is kept by `vault` in the edition, so that it is as durable as what it guards.

mod retained;
pub mod statement;
mod stored;

pub use retained::RetainedLists;
pub use stored::MemoryShown;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entity::Checksum;
use crate::exam::InUse;
use crate::seal::NameHash;
use statement::{Packed, Statements};

/// Deletions of so many seconds of running time count together.
pub const DELETION_WINDOW: u64 = 24 * 60 * 60;
/// Two lists so many seconds of running time apart agree on a deletion that was held back (design 3 "Data").
pub const AGREE_AFTER: u64 = 24 * 60 * 60;

/// A deletion that counts against the share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deletion {
    /// What was hidden.
    pub name: NameHash,
    /// Second of running time.
    pub at: u64,
    /// Entities of the type before it.
    pub held: u64,
}

/// What the guard remembers of one type between runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Second of running time of the last whole list; `None` before the first.
    pub read_at: Option<u64>,
    /// Not named any more, but kept: the second of running time of the first list that proved it, if one did.
    pub absent: BTreeMap<NameHash, Option<u64>>,
    /// Deletions of the last day, oldest first.
    pub deleted: Vec<Deletion>,
    /// What central lately said of those that changed.
    #[serde(deserialize_with = "stored::said")]
    pub said: BTreeMap<NameHash, Packed>,
    /// Not named in the last list, and kept; without those that wait for the end of an exam.
    pub held_back: u64,
    /// Those of them that are kept since central named them within hours.
    pub taken_back: u64,
    /// Kept as they are, since central took back within hours what it had said: `taken_back` and edits.
    pub contradicted: u64,
    /// Changes that wait for the end of an exam.
    pub waiting: u64,
}

/// What holds for every type in one run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Share of a type that may be hidden unasked within `DELETION_WINDOW`, inclusive.
    pub limit: f64,
    /// `--allow-deletes`: a person has seen it.
    pub allowed: bool,
    /// Seconds that this box has been running, over all its boots; never the system's clock.
    pub running: u64,
}

/// One list, as far as deletions are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListedType {
    /// Entities that are shown.
    pub held: u64,
    /// New ones that this run brings.
    pub arriving: u64,
    /// Shown ones that the list does not name.
    pub absent: Vec<NameHash>,
    /// The list is whole, not empty, and of the place that this box belongs to.
    pub trusted: bool,
    /// What an exam in progress keeps as it is shown.
    pub in_use: InUse,
}

impl Memory {
    /// Takes what a list says of one entity; `shown` is what the box shows of it.
    pub fn hear(
        &mut self,
        name: NameHash,
        state: Option<Checksum>,
        shown: Option<Checksum>,
        running: u64,
    ) {
        if let Some(packed) = self.said.get_mut(&name) {
            let mut statements = packed.open();
            statements.say(state, running);
            match statements.is_settled() {
                true => drop(self.said.remove(&name)),
                false => *packed = Packed::of(&statements),
            }
        } else if let Some(read_at) = self.read_at.filter(|_| shown != state) {
            let mut statements = Statements::new(shown, read_at.min(running));
            statements.say(state, running);
            if !statements.is_settled() {
                self.said.insert(name, Packed::of(&statements));
            }
        }
        if state.is_some() {
            self.absent.remove(&name);
        }
        // Only what is hidden can be among the deletions: what is shown, the usual case, costs no search.
        if state.is_some() && shown.is_none() {
            self.deleted.retain(|deletion| deletion.name != name);
        }
    }

    /// Whether what central says of an entity now takes back what it said within hours.
    pub fn contradicts(&self, name: &NameHash, running: u64) -> bool {
        self.said
            .get(name)
            .is_some_and(|packed| packed.open().takes_back(running))
    }

    /// Judges what a list no longer names: gives what is to be hidden, and counts what is kept. Up to the limit it
    /// goes; beyond, what trusted lists a day apart both missed goes; the rest is held back.
    pub fn judge(&mut self, list: ListedType, terms: Terms) -> Vec<NameHash> {
        let running = terms.running;
        for deletion in &mut self.deleted {
            deletion.at = deletion.at.min(running);
        }
        self.deleted
            .retain(|deletion| running - deletion.at < DELETION_WINDOW);
        (self.held_back, self.taken_back) = (0, 0);
        (self.contradicted, self.waiting) = (0, 0);
        if terms.allowed && !list.absent.iter().any(|name| list.in_use.keeps(name)) {
            self.absent.clear();
            self.deleted.clear();
            list.absent.iter().for_each(|name| {
                self.said.remove(name);
            });
            return list.absent;
        }
        let votes = self.vote(&list, running);
        let (taken_back, absent): (Vec<NameHash>, Vec<NameHash>) = list
            .absent
            .iter()
            .partition(|name| self.contradicts(name, running) && !terms.allowed);
        let agreed = |name: &NameHash| {
            let since = votes.get(name).copied().flatten();
            list.trusted && since.is_some_and(|since| running - since >= AGREE_AFTER)
        };
        let within = list.trusted && self.within(absent.len(), list.held, terms.limit);
        let (mut remove, kept): (Vec<NameHash>, Vec<NameHash>) = absent
            .into_iter()
            .partition(|name| terms.allowed || within || agreed(name));
        let mut held_back = kept.len() + taken_back.len();
        if !terms.allowed && remove.len() as u64 == list.held && list.arriving == 0 {
            // Never the last of a type.
            held_back += usize::from(remove.pop().is_some());
        }
        let all = remove.len();
        remove.retain(|name| !list.in_use.keeps(name));
        self.waiting += (all - remove.len()) as u64;
        self.held_back = held_back as u64;
        self.taken_back = taken_back.len() as u64;
        self.contradicted = self.taken_back;
        self.absent = votes;
        for name in &remove {
            self.absent.remove(name);
            if terms.allowed {
                // A person has seen it: as without an exam, it counts against nothing.
                self.said.remove(name);
                continue;
            }
            self.deleted.push(Deletion {
                name: *name,
                at: running,
                held: list.held,
            });
        }
        remove
    }

    /// Since when each absent entity has been absent, this list included: only a trusted one proves anything.
    fn vote(&self, list: &ListedType, running: u64) -> BTreeMap<NameHash, Option<u64>> {
        let vote = |name: &NameHash| {
            let earlier = self.absent.get(name).copied().flatten();
            let now = list.trusted.then_some(running);
            (*name, earlier.map(|since| since.min(running)).or(now))
        };
        list.absent.iter().map(vote).collect()
    }

    /// Whether so many more may go: together with those of the last day, not more than the share of what was held
    /// before the first of them, or one entity. A limit of 0 lets nothing go.
    fn within(&self, more: usize, held: u64, limit: f64) -> bool {
        let count = self.deleted.len() + more;
        let before = self.deleted.first().map_or(held, |first| first.held);
        limit > 0.0 && (count <= 1 || count as f64 / before.max(1) as f64 <= limit)
    }
}

/// How many seconds of running time something hidden is still kept; a mark that lies ahead counts from now.
pub fn left(hidden_at: u64, keep: u64, running: u64) -> u64 {
    keep.saturating_sub(running.saturating_sub(hidden_at))
}

#[cfg(test)]
mod tests;
