//! What became of one item, for whoever handed it in and asks.
//! Never changes anything, and never opens what a candidate did.
//! Called by the local API.

use std::fs;
use std::time::SystemTime;

use logic::fault::Fault;
use logic::intake::Kind;
use logic::spool::{Key, Ledger};

use super::Spool;

/// One edition of an item.
#[derive(Debug)]
pub struct Fate {
    /// Its account.
    pub ledger: Ledger,
    /// When it was accepted, Unix seconds; unknown where its content went after it was sent.
    pub came: Option<i64>,
    /// When something was decided about it last; `None` before anything was.
    pub changed: Option<i64>,
}

impl Spool {
    /// What became of each edition of an id, in order; none where nothing came under it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn fates(&self, kind: Kind, id: &str) -> Result<Vec<Fate>, Fault> {
        let ledgers = self.shelf.same(kind, id)?;
        Ok(ledgers
            .into_iter()
            .map(|ledger| self.fate(ledger))
            .collect())
    }

    /// The account with its times.
    pub fn fate(&self, ledger: Ledger) -> Fate {
        let at = |extension| {
            let path = self.shelf.find(&ledger.key, extension)?;
            let at = fs::metadata(path).and_then(|file| file.modified()).ok()?;
            let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_secs()).ok()
        };
        Fate {
            came: at("item"),
            changed: at("state"),
            ledger,
        }
    }

    /// Whether more than one edition of an id came.
    pub fn is_added_to(&self, kind: Kind, id: &str) -> bool {
        let key = Key {
            kind,
            id: id.to_owned(),
            edition: 1,
        };
        let there = |extension| self.shelf.find(&key, extension).is_some();
        there("item") || there("state")
    }
}
