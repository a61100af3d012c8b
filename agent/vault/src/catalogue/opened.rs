//! An edition with its segments open, for who reads it to its end while others publish.
//! Never changes: a publication, a compaction or a removal on disk does not reach it.
//! Called by the gateway for the runs of its clients, and by an export to a stick.

use std::collections::BTreeSet;

use logic::fault::Fault;

use super::{CatalogueReader, CatalogueRevision, CatalogueStore};

impl CatalogueStore {
    /// What is shown now, with its segments open: whatever is published meanwhile, it can be read to its end. Two publications
    /// between its reading and the opening of its segments take them away; then the newer one is opened.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn opened(&self) -> Result<(CatalogueRevision, CatalogueReader), Fault> {
        const TRIES: usize = 3;
        let mut left = TRIES;
        loop {
            let edition = self.shown()?;
            let mut reader = self.reader();
            match reader.open_all(&edition) {
                Ok(()) => return Ok((edition, reader)),
                Err(trouble) if left == 1 => return Err(trouble),
                Err(_) => left -= 1,
            }
        }
    }
}

impl CatalogueReader {
    /// Reads one record of each segment: the reader then holds its file open.
    fn open_all(&mut self, edition: &CatalogueRevision) -> Result<(), Fault> {
        let mut seen = BTreeSet::new();
        for (kind, rows) in &edition.types {
            for (name, row) in rows {
                if seen.insert(row.segment) {
                    self.entity(*kind, name, row)?;
                }
            }
        }
        for (name, row) in &edition.classes {
            if seen.insert(row.segment) {
                self.class(name, row)?;
            }
        }
        Ok(())
    }
}
