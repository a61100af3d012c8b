//! One edition of the catalogue as a client's run sees it: its rows, and its segments kept open.
//! Never changes: a publication, a compaction or a removal on disk does not reach it.
//! Called by the gateway through `logic::gateway::catalogue::Shelf`.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use logic::entity::{Entity, EntityType};
use logic::fault::Fault;
use logic::gateway::catalogue::CatalogueView;

use vault::Keyring;
use vault::catalogue::{CatalogueReader, CatalogueRevision, CatalogueStore};

/// An edition with everything that it needs to be read.
pub(super) struct OpenRevision {
    edition: CatalogueRevision,
    reader: Mutex<CatalogueReader>,
    keys: Keyring,
    lists: [OnceLock<Vec<(String, String)>>; EntityType::ALL.len()],
}

impl OpenRevision {
    /// Opens the edition that is shown now.
    ///
    /// # Errors
    /// As `CatalogueStore::opened`.
    pub(super) fn open(catalogue: &CatalogueStore, keys: &Keyring) -> Result<Self, Fault> {
        let (edition, reader) = catalogue.opened()?;
        Ok(Self {
            edition,
            reader: Mutex::new(reader),
            keys: keys.clone(),
            lists: Default::default(),
        })
    }

    pub(super) fn edition(&self) -> &CatalogueRevision {
        &self.edition
    }

    /// Whether an entity is shown.
    pub(super) fn has(&self, kind: EntityType, id: &str) -> bool {
        let name = self.keys.name(kind.word(), id);
        let rows = self.edition.types.get(&kind);
        rows.is_some_and(|rows| rows.contains_key(&name))
    }

    fn reader(&self) -> MutexGuard<'_, CatalogueReader> {
        // A reader keeps nothing between two reads but open files.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_list(&self, kind: EntityType) -> Result<Vec<(String, String)>, Fault> {
        let mut reader = self.reader();
        let mut list = Vec::with_capacity(self.edition.count(kind));
        for (name, row) in self.edition.rows(kind) {
            let entity = reader.entity(kind, name, row)?;
            list.push((entity.id, entity.checksum));
        }
        list.sort();
        Ok(list)
    }
}

impl CatalogueView for OpenRevision {
    fn organisation(&self) -> &str {
        &self.edition.organisation_id
    }

    fn list(&self, kind: EntityType) -> Result<&[(String, String)], Fault> {
        let slot = &self.lists[kind as usize];
        match slot.get() {
            Some(list) => Ok(list),
            None => {
                let list = self.read_list(kind)?;
                Ok(slot.get_or_init(|| list))
            }
        }
    }

    fn entity(&self, kind: EntityType, id: &str) -> Result<Option<Entity>, Fault> {
        let name = self.keys.name(kind.word(), id);
        let row = self
            .edition
            .types
            .get(&kind)
            .and_then(|rows| rows.get(&name));
        row.map(|row| self.reader().entity(kind, &name, row))
            .transpose()
    }

    fn class(&self, id: &str) -> Result<Option<Entity>, Fault> {
        let name = self.keys.name("class", id);
        let row = self.edition.classes.get(&name);
        row.map(|row| self.reader().class(&name, row)).transpose()
    }
}
