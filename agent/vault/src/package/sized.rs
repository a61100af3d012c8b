//! The size of a package that has not begun, sealed beside the packages.
//! Never takes room for a package, and never holds anything that the next look at central could not find out again.
//! Called by `engine`, and by those who tell what is left.

use std::fs;

use logic::entity::Checksum;
use logic::fault::Fault;
use serde::{Deserialize, Serialize};

use super::{Meta, PackageStore};

/// What a look at a package of which nothing is held has found out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SizeNote {
    pub(super) delivery: String,
    /// Plain bytes.
    size: u64,
    /// Checksum of the delivery as it was then: central may have published another package since.
    entity: Option<Checksum>,
}

impl PackageStore {
    pub(super) const SIZE: &str = "size";

    /// Notes the size of a delivery's package, in plain bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn note_size(
        &self,
        delivery: &str,
        size: u64,
        entity: Option<Checksum>,
    ) -> Result<(), Fault> {
        let note = SizeNote {
            delivery: delivery.to_owned(),
            size,
            entity,
        };
        self.write_sealed(&self.meta_path(delivery, Self::SIZE), &note)
    }

    /// The size that was noted for a delivery, as it stands where `entity` is given. A note that does not open counts as none.
    pub fn noted_size(&self, delivery: &str, entity: Option<Checksum>) -> Option<u64> {
        let path = self.meta_path(delivery, Self::SIZE);
        let note: SizeNote = self.read_sealed(&path).ok().flatten()?;
        let is_same = entity.is_none_or(|entity| note.entity == Some(entity));
        (is_same && note.delivery == delivery).then_some(note.size)
    }

    /// The package is held, or is nobody's: a note that stays is of no harm.
    pub(super) fn forget_size(&self, delivery: &str) {
        let _ = fs::remove_file(self.meta_path(delivery, Self::SIZE));
    }

    /// Plain bytes that are still to come of a package that has begun.
    ///
    /// # Errors
    /// As `coming`.
    pub fn left(&self, delivery: &str) -> Result<Option<u64>, Fault> {
        let left = |meta: Meta| {
            let written = self.content(&meta).map_or(0, |content| content.written());
            meta.size.saturating_sub(written)
        };
        Ok(self.coming(delivery)?.map(left))
    }
}
