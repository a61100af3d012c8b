//! Closes to the box itself what was let in before central's key was known (protocol 7.7).
//! Never leaves an instant without a whole copy, and never closes twice: what is closed nobody here can open.
//! Called by `engine` before what is owed goes.
//!
//! # Which copy is the only one
//!
//! | Moment | The item's file | Its account's file, if it has one | A cut here |
//! |---|---|---|---|
//! | before | plain, the only copy | says plain, with a part for each variable | the next run closes it |
//! | the closed content lies in a new file beside it, synced | plain | says plain | the same; the new file is nobody's |
//! | renamed over it, the folder synced | closed, the only copy | says plain | whoever loads it takes the file's word; the next run finds it closed and writes the account |
//! | the account is written | closed | says closed, without parts | over |

use std::fs;
use std::path::Path;

use logic::encryption::{self, ResultsKey};
use logic::fault::{Code, Fault, Id, ItemCause};
use logic::intake::{Enclosure, ItemKind};
use logic::spool::{ItemKey, ItemState, Ledger, Loaded};

use super::{Spool, folder, modified};
use crate::random_bytes;
use system::root::write_all_durably;

impl Spool {
    /// Closes what is owed and plain with this key. Gives how many there were.
    ///
    /// # Errors
    /// What the file system says: then what is left is closed in memory when it goes.
    pub fn enclose(&self, key: &ResultsKey) -> Result<usize, Fault> {
        let mut plain = Vec::new();
        self.files.each(&self.files.folder, &mut |ledger| {
            let results = ledger.key.kind == ItemKind::Results;
            if results && !ledger.enclosure.enclosed && ledger.state != ItemState::Acknowledged {
                plain.push(ledger.key);
            }
            Ok(())
        })?;
        for some in plain.chunks(folder::TOGETHER) {
            self.enclose_some(some, key)?;
        }
        Ok(plain.len())
    }

    fn enclose_some(&self, keys: &[ItemKey], key: &ResultsKey) -> Result<(), Fault> {
        let _gate = self.beside(keys.iter().map(|key| key.id.as_str()))?;
        let (mut items, mut states) = (Vec::new(), Vec::new());
        for of in keys {
            // What moved meanwhile was acknowledged; what does not open is told by whoever sends it.
            let Some((began, payload)) = self.files.content(of)? else {
                continue;
            };
            let item = self.files.path(&self.files.folder, of, "item");
            let account = self.files.path(&self.files.folder, of, "state");
            if !item.exists() {
                continue;
            }
            let (enclosure, size) = match began.enclosure.enclosed {
                true => (began.enclosure, payload.len()),
                false => {
                    let (closed, content) = closed(began, &payload, key)?;
                    let told = (closed.enclosure, content.len());
                    items.push((modified(&item), self.files.item(closed, &content)));
                    told
                }
            };
            if account.exists()
                && let Some(ledger) = self.files.ledger(of)?
            {
                states.push(ledger.enclosed(enclosure, size));
            }
        }
        let (came, files): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        write_all_durably(&files)?;
        for (came, (path, _)) in came.into_iter().zip(&files) {
            keep_age(path, came);
        }
        self.files.write_states(&states)
    }

    /// Opens an item to send it, closed in memory where it is not yet: a full disk keeps nothing from going home. Log rows
    /// are closed here alone, since their key is on the box all the same.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_enclosed(
        &self,
        key: &ItemKey,
        with: Option<&ResultsKey>,
        application_key: Option<&str>,
    ) -> Result<Loaded, Fault> {
        let mut loaded = self.load(key)?;
        if let Some(application_key) = application_key.filter(|_| key.kind == ItemKind::Logs) {
            loaded.payload = encryption::log_rows(loaded.payload, application_key);
        }
        let plain = key.kind == ItemKind::Results && !loaded.ledger.enclosure.enclosed;
        let Some(with) = with.filter(|_| plain) else {
            return Ok(loaded);
        };
        let (ledger, payload) = closed(loaded.ledger, &loaded.payload, with)?;
        Ok(Loaded {
            ledger,
            payload,
            ..loaded
        })
    }
}

/// The account and the content of a result that is closed from now on.
fn closed(began: Ledger, payload: &[u8], key: &ResultsKey) -> Result<(Ledger, Vec<u8>), Fault> {
    // One part a variable; of a result that was closed already there is none.
    let random = random_bytes(key.entropy() * began.parts.len());
    let content = encryption::rows(payload, key, &random).map_err(|why| {
        let id = Id::from(&began.key.id);
        Fault::new(Code::ResultsUnreadable, ItemCause::NotEnclosed { id, why })
    })?;
    let enclosure = Enclosure {
        enclosed: true,
        key: Some(key.print()),
        released: false,
    };
    let size = content.len();
    Ok((began.enclosed(enclosure, size), content))
}

/// When an item came is when its file was written: that it was closed makes it no younger. What cannot be kept of it costs
/// an age that is told, and an order.
pub(super) fn keep_age(path: &Path, came: std::time::SystemTime) {
    let _ = fs::File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(came));
}
