//! Has written down what was decided, and decides what goes on where that cannot be: what central can be asked about.
//! Never sends without a mark what nobody could tell from a second sending; never stops one item for another's sake.
//! Called by the machine of `spool` and by its lanes.
//!
//! # Where a result is, and which copy is the only one
//!
//! | Moment | Its account on disk | Central | A cut here |
//! |---|---|---|---|
//! | accepted, not sent | queued | | sent as ever: the item on disk is the only copy, and nothing but an account removes it |
//! | marked, the answer is out | sending | perhaps | probed; `settle` is waited for, then sent alone |
//! | sent without a mark, the answer is out | queued | perhaps | every start asks before it sends (`Plan::probe_first`), and waits for `settle` since one went without a mark (`Plan::unmarked`) |
//! | acknowledged, not written down | queued or sending | whole | mapped: home, not sent again |
//! | acknowledged, written down | acknowledged | whole | over |
//!
//! # What goes on when it cannot be written down (`Event::Unkept`)
//!
//! | What | Then |
//! |---|---|
//! | a first content of an execution is to go, and never failed | it goes: central's mapping is the account of it. First the probe must have answered in this run, unless central's storage takes no variable twice |
//! | one that failed before | waits: each try leaves an orphan on central, and how many there were could not be kept |
//! | a variable of a known execution is to go | waits: `success` 0 would mean "held" or "never taken", and nobody could tell which |
//! | rows, sessions, users are to go | wait: nobody can ask central for them, so each run would store them again |
//! | what came of a whole result | is remembered to the end of the run, further contents of its execution wait; the next run asks first |
//! | what came of a part | the item is left for this run: its account on disk is older than what is known |

use super::{ItemKey, ItemState, Job, LedgerChange, PartState, Sending, SpoolCommand, SpoolStep};
use crate::api::Call;
use crate::fault::Fault;
use crate::intake::ItemKind;
use crate::words::Now;

/// A request whose items are being marked.
#[derive(Debug)]
pub(super) struct MarkRequest {
    pub(super) job: Job,
    pub(super) call: Call,
    /// Where its items stood.
    stood: Vec<(ItemKey, ItemState)>,
}

impl Sending {
    /// Writes down that items may be on their way, then sends.
    pub(super) fn mark(&mut self, job: Job, call: Call, changes: Vec<LedgerChange>) {
        let stood = changes.iter().map(|change| &change.key);
        let stood = stood
            .filter_map(|key| Some((key.clone(), self.entries.get(key)?.state)))
            .collect();
        self.remember(&changes);
        self.out.push_back(SpoolCommand::Persist(changes));
        self.step = SpoolStep::Marking(Box::new(MarkRequest { job, call, stood }));
    }

    /// Writes down what came of it.
    pub(super) fn note(&mut self, changes: Vec<LedgerChange>) {
        self.remember(&changes);
        self.emit(changes);
    }

    /// Has those changes written down that are of none of these items.
    pub(super) fn note_others(
        &mut self,
        moved: &[(ItemKey, ItemState)],
        mut changes: Vec<LedgerChange>,
        but: &[ItemKey],
    ) {
        changes.retain(|change| {
            let is_moved = moved.iter().any(|(key, _)| *key == change.key);
            !is_moved && !but.contains(&change.key)
        });
        self.emit(changes);
    }

    /// A request is not made, for a word about some of its items came before they were marked: these stand as was said, the
    /// others where they stood, and go with the next one.
    pub(super) fn unmade(
        &mut self,
        mark: MarkRequest,
        moved: Vec<(ItemKey, ItemState)>,
        changes: Vec<LedgerChange>,
    ) {
        self.stand(&mark.stood);
        self.unsend(&mark.job);
        let mut keys = mark.job.keys();
        self.moved(&moved);
        self.note_others(&moved, changes, &keys);
        keys.retain(|key| moved.iter().all(|(other, _)| other != key));
        for key in keys.into_iter().rev() {
            match (&mark.job, key.kind) {
                (Job::Results { logged: true, .. }, _) => self.results.fresh.push_front(key),
                (_, ItemKind::Results) => self.results.lone.push_front(key),
                (_, ItemKind::Logs) => self.rows.queue.push_front(key),
                (_, ItemKind::Sessions) => self.sessions.queue.push_front(key),
                (_, ItemKind::LtiUsers) => self.users.queue.push_front(key),
            }
        }
    }

    /// Items stand so since the pass began, by a person's word: nothing more of them is sent in it.
    pub(super) fn moved(&mut self, moved: &[(ItemKey, ItemState)]) {
        for (key, state) in moved {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.state = *state;
            }
            self.leave(key);
            if key.kind == ItemKind::Results && *state == ItemState::Acknowledged {
                self.wake(&key.id);
            }
        }
    }

    /// Adds a change that the next one may depend on.
    pub(super) fn record(&mut self, changes: &mut Vec<LedgerChange>, change: LedgerChange) {
        self.remember(std::slice::from_ref(&change));
        changes.push(change);
    }

    /// Has changes written down that are remembered already.
    pub(super) fn emit(&mut self, changes: Vec<LedgerChange>) {
        if !changes.is_empty() {
            let keys = changes.iter().map(|change| change.key.clone()).collect();
            self.out.push_back(SpoolCommand::Persist(changes));
            self.step = SpoolStep::Noting(keys);
        }
    }

    fn remember(&mut self, changes: &[LedgerChange]) {
        for change in changes {
            let Some(entry) = self.entries.get_mut(&change.key) else {
                continue;
            };
            entry.state = change.state;
            entry.failures += change.failures;
            entry.trial = change.trial;
            if change.reason.is_some() {
                entry.cause.clone_from(&change.reason);
            }
            for (_, part) in &change.parts {
                if matches!(part, PartState::Stored | PartState::Refused) {
                    entry.owed = entry.owed.saturating_sub(1);
                    entry.refused += u32::from(*part == PartState::Refused);
                }
            }
            if change.key.kind == ItemKind::Results && change.state == ItemState::Acknowledged {
                self.wake(&change.key.id);
            }
        }
    }

    /// A request has no mark: it goes if central can be asked what became of it.
    pub(super) fn unmarked(&mut self, mark: MarkRequest, trouble: Fault, now: Now) {
        self.unkept(trouble);
        let MarkRequest { job, call, stood } = mark;
        match &job {
            Job::Results { keys, .. } if keys.iter().all(|key| self.is_new(key)) => {
                if self.results.is_sound() || self.plan.takes_none_twice() {
                    return self.ask(job, call, now);
                }
                self.stand(&stood);
                if self.results.can_probe() {
                    self.results.ask_later(keys);
                } else {
                    keys.iter().for_each(|key| self.leave(key));
                }
            }
            _ => {
                self.stand(&stood);
                self.unsend(&job);
                stood.iter().for_each(|(key, _)| self.leave(key));
            }
        }
    }

    /// What came of items could not be written down.
    pub(super) fn unnoted(&mut self, keys: Vec<ItemKey>, trouble: Fault) {
        self.unkept(trouble);
        for key in &keys {
            let parts = self.results.goes_in_parts(key);
            if key.kind == ItemKind::Logs || parts {
                self.leave(key);
            }
            if let Some(entry) = self.entries.get_mut(key).filter(|_| parts)
                && entry.state == ItemState::Sending
                && entry.trial.lost.is_none()
            {
                // It was asked about, not sent.
                entry.state = ItemState::Queued;
            }
            if key.kind == ItemKind::Results {
                self.leave_later(key);
            }
        }
    }

    /// Further contents of an execution go behind the account of this one.
    fn leave_later(&mut self, key: &ItemKey) {
        let later = self.editions(key.kind, &key.id);
        let later = later.filter(|(other, _)| other.edition > key.edition);
        let later: Vec<ItemKey> = later.map(|(other, _)| other.clone()).collect();
        later.iter().for_each(|other| self.leave(other));
    }

    /// Told once. From now on nothing is sent that was not asked for.
    fn unkept(&mut self, trouble: Fault) {
        self.plan.probe_first = true;
        if !std::mem::replace(&mut self.ending.unkept, true) {
            self.ending.findings.insert(0, trouble);
        }
    }

    /// A request that is not made doubles nothing.
    fn unsend(&mut self, job: &Job) {
        match job {
            Job::Rows { groups, .. } => {
                let again = self.rows_again(groups);
                let logs = &mut self.ending.count.logs;
                logs.doubled = logs.doubled.saturating_sub(again);
            }
            Job::Sessions(keys) => {
                let again = self.sessions_again(keys);
                let sessions = &mut self.ending.count.sessions;
                sessions.doubled = sessions.doubled.saturating_sub(again);
            }
            _ => {}
        }
    }

    /// Nothing is known of it but that it came.
    fn is_new(&self, key: &ItemKey) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.failures == 0 && !entry.trial.refused)
    }

    /// They stand where they stood.
    fn stand(&mut self, stood: &[(ItemKey, ItemState)]) {
        for (key, state) in stood {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.state = *state;
            }
        }
    }

    /// Nothing more of it is sent in this run.
    fn leave(&mut self, key: &ItemKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.left = true;
        }
        self.results.leave(key);
        self.rows.leave(key);
    }
}
