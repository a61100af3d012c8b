//! The witness: an acknowledged result as the entry without variables that proves central well (`logic/spool`).
//! Never keeps more of a content that goes.
//! Called by `engine/owed`, and by the spool before a content goes.

use logic::intake::ItemKind;
use logic::spool::Ledger;
use serde::{Deserialize, Serialize};

use super::Spool;

/// What is kept of an acknowledged result where contents go (`[results] delete_after_send`).
#[derive(Serialize, Deserialize)]
struct Witness {
    id: String,
    /// What was known of central's version.
    central: String,
    /// Its entry without variables.
    entry: Vec<u8>,
}

impl Spool {
    /// A result that a central of this version acknowledged, as the entry without variables that proves it well.
    pub fn witness(&self, central: &str) -> Option<(String, Vec<u8>)> {
        let kept: Option<Witness> = self.witness.get().ok().flatten();
        match kept.filter(|kept| kept.central == central) {
            Some(kept) => Some((kept.id, kept.entry)),
            // What cannot be read is none: nothing is concluded then.
            None => self.files.witness(central).ok().flatten(),
        }
    }

    /// Keeps what is needed of an acknowledged result to serve as a witness, since its content goes. One is enough.
    pub(super) fn keep_witness(&self, ledgers: &[Ledger]) {
        let kept: Option<Witness> = self.witness.get().ok().flatten();
        let results = ledgers.iter().filter(|l| l.key.kind == ItemKind::Results);
        for ledger in results {
            if kept
                .as_ref()
                .is_some_and(|kept| kept.central == ledger.central)
            {
                return;
            }
            let loaded = self.load(&ledger.key).ok();
            let entry = loaded.and_then(|loaded| logic::spool::witness(&loaded.payload));
            if let Some(entry) = entry {
                let witness = Witness {
                    id: ledger.key.id.clone(),
                    central: ledger.central.clone(),
                    entry,
                };
                // Without it nothing is concluded from failures; no result waits for that.
                let _ = self.witness.put(&witness);
                return;
            }
        }
    }
}
