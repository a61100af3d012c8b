//! What was found out about one edition of a delivery's package, sealed beside the packages.
//! Never holds anything that the next look at central could not find out again: a lost file costs that look.
//! Called by `engine`, and by those who show where a package stands.

use logic::fault::{Code, Fault};
use logic::package::EditionFinding;
pub use logic::package::Judged;

use super::{Meta, PackageStore};
use system::root::remove_durably;

/// Where a package stands, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecord {
    /// `held`, `partial`, `damaged`, `unsupported` or `missing` (design 4.2).
    pub word: &'static str,
    /// Plain bytes; 0 while they are not known.
    pub bytes: u64,
    /// Members were taken from an older package.
    pub rebuilt: bool,
}

impl PackageStore {
    const JUDGED: &str = "judged";

    /// What was found out about a delivery's package. One that does not open counts as none: it is found out again.
    pub fn judged(&self, delivery: &str) -> Option<Judged> {
        let path = self.meta_path(delivery, Self::JUDGED);
        let judged: Option<Judged> = self.read_sealed(&path).ok().flatten();
        judged.filter(|judged| judged.delivery == delivery)
    }

    /// Keeps what was found out, durably.
    ///
    /// # Errors
    /// What the file system says.
    pub fn judge(&self, judged: &Judged) -> Result<(), Fault> {
        let path = self.meta_path(&judged.delivery, Self::JUDGED);
        self.write_sealed(&path, judged)
    }

    /// Forgets what was found out about a delivery's package: it is looked at again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget_judged(&self, delivery: &str) -> Result<(), Fault> {
        remove_durably(&self.meta_path(delivery, Self::JUDGED))
    }

    /// Everything that was found out, of all deliveries.
    ///
    /// # Errors
    /// What the file system says.
    pub fn all_judged(&self) -> Result<Vec<Judged>, Fault> {
        let files = self.files()?.into_iter();
        let judged = files.filter(|path| path.extension().is_some_and(|e| e == Self::JUDGED));
        Ok(judged
            .filter_map(|path| self.read_sealed(&path).ok().flatten())
            .collect())
    }

    /// Where the package of a delivery stands, in the words of `packages --json`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn state(&self, delivery: &str) -> Result<PackageRecord, Fault> {
        let opened = |meta: Result<Option<Meta>, Fault>| match meta {
            Err(trouble) if trouble.code == Code::StoreDamaged => Ok(Err(())),
            meta => meta.map(Ok),
        };
        let of = |word, meta: Option<&Meta>| PackageRecord {
            word,
            bytes: meta.map_or(0, |meta| meta.size),
            rebuilt: meta.is_some_and(|meta| meta.rebuilt),
        };
        // A package that was coming and whose description rotted begins anew: nothing of it can be used.
        let coming = opened(self.coming(delivery))?.unwrap_or(None);
        let held = match opened(self.held(delivery))? {
            Err(()) => return Ok(of("damaged", None)),
            Ok(held) => held,
        };
        if let Some(meta) = held.as_ref().filter(|meta| !meta.damaged) {
            return Ok(of("held", Some(meta)));
        }
        let judged = self.judged(delivery);
        let bad = judged.as_ref().and_then(|judged| match judged.finding {
            EditionFinding::Damaged => Some("damaged"),
            EditionFinding::Unsupported => Some("unsupported"),
            EditionFinding::Cached => Some("missing"),
            EditionFinding::Confirmed => None,
        });
        Ok(match (bad, judged) {
            (Some(word), Some(judged)) => PackageRecord {
                bytes: judged.size,
                ..of(word, None)
            },
            _ if held.is_some() => of("damaged", held.as_ref()),
            _ if coming.is_some() => of("partial", coming.as_ref()),
            _ => PackageRecord {
                bytes: self.noted_size(delivery, None).unwrap_or_default(),
                ..of("missing", None)
            },
        })
    }
}
