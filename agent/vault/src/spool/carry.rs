//! Results that a person carries to central in a file: handed over, known to be there, or taken back to be sent.
//! Never hands over what changed since it was written to the file, and never lets a content go before central has it.
//! Called by `engine` for `results export-tao`, `confirm` and `reclaim`.
//!
//! # Which copy is the only one
//!
//! | Moment | The file | The account | A cut here |
//! |---|---|---|---|
//! | it is written beside its name | in pieces | queued | queued: the pieces are nobody's |
//! | flushed, renamed, its folder flushed | whole | queued | the box sends it, too: central stores nothing twice (protocol 7.5) |
//! | handed over | whole | carried | the box keeps its copy and asks |
//! | central has it, by a probe or a person's word | whole | acknowledged | over |

use std::collections::BTreeSet;

use logic::fault::Fault;
use logic::spool::{ItemKey, ItemState, Ledger};
use logic::words::Now;

use super::{Spool, folder};

impl Spool {
    /// They lie whole in a file since `at`, Unix seconds. What was sent, or met another word, since it was looked at stays as
    /// it is. Gives how many stand as handed over.
    ///
    /// # Errors
    /// What the file system says: then those that were not reached stay as they are.
    pub fn carry(&self, keys: &[ItemKey], at: i64) -> Result<u64, Fault> {
        let mut count = 0;
        self.each_changed(keys, |ledger| {
            let carried = ledger.carry(at);
            count += u64::from(carried);
            carried
        })?;
        Ok(count)
    }

    /// A person knows that central has them. With `forget`, payloads go.
    ///
    /// # Errors
    /// What the file system says.
    pub fn confirm(&self, keys: &[ItemKey], now: Now, forget: bool) -> Result<u64, Fault> {
        for some in keys.chunks(folder::TOGETHER) {
            let changed = self.each_changed(some, |ledger| ledger.confirm(now))?;
            self.retired(changed, forget)?;
        }
        Ok(keys.len() as u64)
    }

    /// The box sends them itself again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn reclaim(&self, keys: &[ItemKey]) -> Result<u64, Fault> {
        Ok(self.each_changed(keys, Ledger::reclaim)?.len() as u64)
    }

    /// Those of these ids that are handed over; all where `None` is given.
    ///
    /// # Errors
    /// What the file system says.
    pub fn carried(&self, ids: Option<&BTreeSet<String>>) -> Result<Vec<ItemKey>, Fault> {
        let mut keys = Vec::new();
        self.files.each(&self.files.folder, &mut |ledger| {
            let meant = ids.is_none_or(|ids| ids.contains(&ledger.key.id));
            if meant && ledger.state == ItemState::Carried && self.is_own(&ledger)? {
                keys.push(ledger.key);
            }
            Ok(())
        })?;
        Ok(keys)
    }

    /// Says a word about each, and writes down those that it changed; some at a time, so that intake goes on.
    fn each_changed(
        &self,
        keys: &[ItemKey],
        mut word: impl FnMut(&mut Ledger) -> bool,
    ) -> Result<Vec<Ledger>, Fault> {
        let mut all = Vec::new();
        for some in keys.chunks(folder::TOGETHER) {
            let _gate = self.beside(some.iter().map(|key| key.id.as_str()))?;
            let mut changed = Vec::new();
            for key in some {
                if let Some(mut ledger) = self.files.ledger(key)?
                    && word(&mut ledger)
                {
                    changed.push(ledger);
                }
            }
            self.files.write_states(&changed)?;
            all.append(&mut changed);
        }
        Ok(all)
    }
}
