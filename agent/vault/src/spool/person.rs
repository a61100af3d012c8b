//! What a person says about items, written down: set aside, tried again, released, another box's.
//! Never sends anything, and never touches a content.
//! Called by `results` of the command line, and by `engine` for a box that is a copy.

use std::collections::BTreeSet;

use logic::fault::{Code, Fault, Finding, ItemCause};
use logic::intake::ItemKind;
use logic::spool::{ItemKey, ItemState, Ledger};

use super::Spool;
use super::gate::SpoolLock;

/// What became of items that were to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetriedItems {
    /// That go on.
    pub count: usize,
    /// Contents that were named and stay, for a later one stands for them.
    pub superseded: usize,
}

impl Spool {
    /// `results set-aside`: keeps everything of these ids, unsent and without a say in the verdict. Gives how many.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_aside(&self, ids: &[String]) -> Result<usize, Fault> {
        let ids: BTreeSet<&String> = ids.iter().collect();
        self.change_each(|ledger| ids.contains(&ledger.key.id) && ledger.set_aside())
    }

    /// `results retry`: tries again what was refused or is unconfirmed; all of it when no id is given.
    /// What was set aside goes on only when it is named, and what is open only then goes as it is; what a later content
    /// superseded stays as it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn retry(&self, ids: &[String]) -> Result<RetriedItems, Fault> {
        let mut superseded = 0;
        let ids: BTreeSet<&String> = ids.iter().collect();
        let count = self.change_each(|ledger| {
            let named = ids.contains(&ledger.key.id);
            let own = matches!(ledger.state, ItemState::SetAside | ItemState::Open);
            let meant = named || (ids.is_empty() && !own);
            let stays = meant && self.files.is_superseded(ledger);
            superseded += usize::from(stays);
            meant && !stays && ledger.retry()
        })?;
        Ok(RetriedItems { count, superseded })
    }

    /// `results release`: what is held goes with the next synchronization, whatever key central has; all of it when no id is
    /// given. Gives how many.
    ///
    /// # Errors
    /// What the file system says.
    pub fn release(&self, ids: &[String]) -> Result<usize, Fault> {
        let ids: BTreeSet<&String> = ids.iter().collect();
        let meant = |ledger: &Ledger| ids.is_empty() || ids.contains(&ledger.key.id);
        self.change_each(|ledger| meant(ledger) && ledger.release())
    }

    /// A copied box keeps what it holds but does not send it: the original does. A person may decide otherwise
    /// with `results retry`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn disown(&self, original: &str) -> Result<(), Fault> {
        self.change_each(|ledger| {
            let goes = matches!(ledger.state, ItemState::Queued | ItemState::Sending);
            if goes {
                ledger.state = ItemState::Unconfirmed;
                let original = original.to_owned();
                let cause = ItemCause::Copied { original };
                ledger.reason = Some(Finding::new(Code::ResultsCopied, cause));
            }
            goes
        })?;
        Ok(())
    }

    /// Says a word about every item, and writes down those that it changed. Gives how many.
    fn change_each(&self, word: impl FnMut(&mut Ledger) -> bool) -> Result<usize, Fault> {
        let _gate = SpoolLock::alone(&self.files.folder)?;
        let mut ledgers = self.files.ledgers(&self.files.folder)?;
        ledgers.retain_mut(word);
        self.files.write_states(&ledgers)?;
        Ok(ledgers.len())
    }

    /// Contents that a person had sent as they are, and that no request has carried yet, stand aside for the finished ones that
    /// come behind them. Those are on disk before: a cut between leaves both to go. Behind the gate of their ids.
    pub(super) fn take_back_before(&self, finished: &[ItemKey]) -> Result<(), Fault> {
        let before = |last: &ItemKey| {
            let (kind, id) = (last.kind, last.id.clone());
            (0..last.edition).map(move |edition| ItemKey {
                kind,
                id: id.clone(),
                edition,
            })
        };
        let results = |key: &&ItemKey| key.kind == ItemKind::Results;
        for key in finished.iter().filter(results).flat_map(before) {
            // One that was never spoken of has no account of its own, and what is done lies elsewhere.
            if !self.files.path(&self.files.folder, &key, "state").exists() {
                continue;
            }
            let (account, content) = (self.files.ledger(&key)?, self.files.content(&key)?);
            if let (Some(mut ledger), Some((began, _))) = (account, content)
                && ledger.take_back(began.state)
            {
                self.files.write_states(&[ledger])?;
            }
        }
        Ok(())
    }
}
