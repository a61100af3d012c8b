//! The one way in for what candidates did: validated by `logic::intake`, durable in the spool before anyone hears yes.
//! Never lets in half a document.
//! Called by `results submit`, the local API and the gateway.

use logic::entity::EntityType;
use logic::intake::{self, Kind};
use logic::report::Finding;
use logic::words::Trouble;

use crate::vault::Vault;
use crate::vault::catalogue::{Catalogue, Edition};
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
    /// What central takes, but somebody should look at.
    pub warnings: Vec<Finding>,
}

impl Intake {
    /// Opens the spool; an item may have at most `limit` bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault, limit: u64) -> Result<Self, Trouble> {
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
    pub fn submit(&self, kind: Kind, document: &[u8]) -> Result<Receipt, Trouble> {
        let edition = self.edition();
        let known = |kind: EntityType, id: &str| self.knows(&edition, kind, id);
        self.keep(intake::read(kind, document, self.limit, &known)?)
    }

    /// Lets in one item under its id; the same again is answered the same.
    ///
    /// # Errors
    /// As `submit`.
    pub fn put(&self, kind: Kind, id: &str, document: &[u8]) -> Result<Receipt, Trouble> {
        let edition = self.edition();
        let known = |kind: EntityType, id: &str| self.knows(&edition, kind, id);
        self.keep(intake::read_one(kind, id, document, self.limit, &known)?)
    }

    fn keep(&self, read: intake::Intake) -> Result<Receipt, Trouble> {
        let ids: Vec<String> = read.items.iter().map(|item| item.id.clone()).collect();
        let new = self.spool.admit(read.items)?;
        Ok(Receipt {
            items: ids.into_iter().zip(new).collect(),
            warnings: read.warnings,
        })
    }

    /// What candidates did is let in whatever the state of the catalogue: it only feeds warnings.
    fn edition(&self) -> Option<Edition> {
        Catalogue::open(&self.vault).ok()?.edition().ok()
    }

    fn knows(&self, edition: &Option<Edition>, kind: EntityType, id: &str) -> bool {
        let Some(rows) = edition
            .as_ref()
            .and_then(|edition| edition.types.get(&kind))
        else {
            return true;
        };
        rows.contains_key(&self.vault.keys().name(kind.word(), id))
    }
}
