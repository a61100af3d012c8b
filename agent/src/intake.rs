//! The one way in for what candidates did: validated by `logic::intake`, durable in the spool before anyone hears yes.
//! Never lets in half a document.
//! Called by `results submit`, the local API and the gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use logic::entity::EntityType;
use logic::fault::Fault;
use logic::fault::Finding;
use logic::intake::{self, Kind};
use logic::seal::NameHash;

use crate::vault::Vault;
use crate::vault::catalogue::{Catalogue, Rows, Stamp};
use crate::vault::spool::Spool;

/// The way into the spool.
#[derive(Clone)]
pub struct Intake {
    vault: Vault,
    spool: Spool,
    limit: usize,
}

/// What was let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Each item's id and whether anything of it was new; all of them are durable.
    pub items: Vec<(String, bool)>,
    /// Ids under which something else had come before: what is new of it is sent, what came before stays.
    pub added: Vec<String>,
    /// What central takes, but somebody should look at.
    pub warnings: Vec<Finding>,
}

impl Intake {
    /// Opens the spool; an item may have at most `limit` bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault, limit: u64) -> Result<Self, Fault> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Self {
            vault: vault.clone(),
            spool: Spool::open(vault)?,
            limit,
        })
    }

    /// Lets in a document in the shape that central's own route takes.
    ///
    /// # Errors
    /// `intake.*` with the path of the offending field, then nothing was let in; or what the disk says.
    pub fn submit(&self, kind: Kind, document: &[u8]) -> Result<Receipt, Fault> {
        let shown = self.shown();
        let known = |kind: EntityType, id: &str| self.knows(&shown, kind, id);
        self.keep(intake::read(kind, document, self.limit, &known)?)
    }

    /// Lets in one item under its id; the same again is answered the same.
    ///
    /// # Errors
    /// As `submit`.
    pub fn put(&self, kind: Kind, id: &str, document: &[u8]) -> Result<Receipt, Fault> {
        let shown = self.shown();
        let known = |kind: EntityType, id: &str| self.knows(&shown, kind, id);
        self.keep(intake::read_one(kind, id, document, self.limit, &known)?)
    }

    fn keep(&self, read: intake::Intake) -> Result<Receipt, Fault> {
        let of = |item: &intake::Item| (item.kind, item.id.clone());
        let names: Vec<(Kind, String)> = read.items.iter().map(of).collect();
        let new = self.spool.admit(read.items)?;
        let fresh = names.iter().zip(&new).filter(|(_, new)| **new);
        let added = fresh.filter(|((kind, id), _)| self.spool.is_added_to(*kind, id));
        let added = added.map(|((_, id), _)| id.clone()).collect();
        let ids = names.into_iter().map(|(_, id)| id);
        Ok(Receipt {
            added,
            items: ids.zip(new).collect(),
            warnings: read.warnings,
        })
    }

    fn knows(&self, shown: &Option<Arc<Shown>>, kind: EntityType, id: &str) -> bool {
        let Some(names) = shown.as_ref().and_then(|shown| shown.names.get(&kind)) else {
            return true;
        };
        let name = self.vault.keys().name(kind.word(), id);
        names.binary_search(&name).is_ok()
    }

    /// What candidates did is let in whatever the state of the catalogue: it only feeds warnings. Its edition is read
    /// once, not for every item: with ten thousand test takers that costs more than the disk does.
    fn shown(&self) -> Option<Arc<Shown>> {
        static SHOWN: Mutex<Option<Arc<Shown>>> = Mutex::new(None);
        let catalogue = Catalogue::open(&self.vault).ok()?;
        // Taken before the edition is read: if that is replaced in between, it is read once more.
        let stamp = catalogue.stamp()?;
        let mut held = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| held.stamp != stamp) {
            let mut types = catalogue.shown().ok()?.types;
            types.retain(|kind, _| matches!(kind, EntityType::Delivery | EntityType::TestTaker));
            let names = |(kind, rows): (EntityType, Rows)| (kind, rows.keys().copied().collect());
            let names = types.into_iter().map(names).collect();
            *held = Some(Arc::new(Shown { stamp, names }));
        }
        held.clone()
    }
}

/// Names of what the catalogue shows, in order.
struct Shown {
    stamp: Stamp,
    names: BTreeMap<EntityType, Vec<NameHash>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use crate::vault::catalogue::{Edition, Row};
    use logic::entity::Checksum;

    #[test]
    fn a_newer_edition_is_met_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        let intake = Intake::open(&vault, 1 << 20).unwrap();
        let catalogue = Catalogue::open(&vault).unwrap();
        let knows = |id: &str| intake.knows(&intake.shown(), EntityType::TestTaker, id);
        assert!(knows("a"), "nothing is warned of on a new box");
        let mut edition = Edition::default();
        for ids in [&["a"][..], &["a", "b"], &["b"]] {
            let before = edition.clone();
            let row = |id: &&str| {
                let row = Row {
                    checksum: Checksum([0; 16]),
                    segment: 1,
                    offset: 0,
                    length: 0,
                };
                (vault.keys().name(EntityType::TestTaker.word(), id), row)
            };
            let rows = ids.iter().map(row).collect();
            edition.types.insert(EntityType::TestTaker, rows);
            catalogue
                .publish(&before.segments(), &edition, None)
                .unwrap();
            for id in ["a", "b"] {
                assert_eq!(knows(id), ids.contains(&id), "{id} of {ids:?}");
            }
            let untold = intake.knows(&intake.shown(), EntityType::Delivery, "d");
            assert!(untold, "what was never read is not missed");
        }
    }
}
