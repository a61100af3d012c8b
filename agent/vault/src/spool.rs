//! What candidates did, at rest: one sealed file an item, its account in another, outside sled.
//! Never answers yes before the item is on disk, synced and renamed; never takes a damaged account for a new item.
//! Called by the local API, the gateway and `results submit` (intake), and by `engine` while results are sent.
//!
//! `<name>-<edition>.item` holds the item with the account it began with; it exists or it was not accepted.
//! `<name>-<edition>.state` replaces the account once something was decided. What central acknowledged moves to
//! `done/`, so that a run looks only at what is owed.

mod carry;
mod copied;
mod enclose;
mod fate;
mod folder;
mod gate;
mod person;
mod tally;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use logic::fault::{Code, Fault, FileCause, Id, Sealed};
use logic::intake::{IntakeItem, ItemKind};
use logic::spool::{
    BootTime, ItemAdmission, ItemKey, ItemState, Ledger, LedgerChange, Loaded, Others, OwedItem,
};

use super::{SealedFile, Vault, damaged};
pub use copied::SpoolPrint;
pub use fate::{Fate, FateMarks};
use folder::SpoolFolder;
use gate::SpoolLock;
pub use person::RetriedItems;
use system::root::{make_folder, remove_durably, sync_folder, write_all_durably};
pub use tally::{HeldUp, sum};

/// The folder `spool/`.
#[derive(Clone)]
pub struct Spool {
    files: SpoolFolder,
    witness: SealedFile,
    filter: Option<ItemFilter>,
}

/// Whether an item of this delivery, where one is known, goes with the organisation that asks.
pub type ItemFilter = Arc<dyn Fn(Option<&str>) -> bool + Send + Sync>;

/// What the other items of the same kind and id say about one.
#[derive(Debug, Clone, Copy, Default)]
struct OtherEditions {
    /// Central knows the execution through one of them.
    mapped: bool,
    /// Since when it may be decrypting that one.
    decrypted_since: Option<BootTime>,
    /// One came after it.
    has_later: bool,
    /// One came before it that goes, went or was lost.
    is_behind: bool,
}

/// Held by somebody before whose work nothing more may be let in, nor sent.
#[derive(Debug)]
pub struct Closed(#[expect(dead_code, reason = "held until dropped")] SpoolLock);

/// Closes the spool of a state folder; it is made if it is missing, for somebody may be about to.
///
/// # Errors
/// What the file system says.
pub fn closed(state: &Path) -> Result<Closed, Fault> {
    let folder = state.join("spool");
    make_folder(&folder)?;
    Ok(Closed(SpoolLock::alone(&folder)?))
}

/// Bytes of one document that become durable together, at most.
const TOGETHER: usize = 4 << 20;

impl Spool {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault) -> Result<Self, Fault> {
        let [folder, done] = spool_folders(vault.state());
        make_folder(&done)?;
        let keys = vault.keys().clone();
        let files = SpoolFolder {
            folder,
            done,
            quarantine: vault.state().join("quarantine"),
            aside: Arc::default(),
            unread: Arc::default(),
            sealer: keys.sealer("spool"),
            keys,
        };
        Ok(Self {
            files,
            witness: vault.entry("witness"),
            filter: None,
        })
    }

    /// The same, where only what goes with one organisation is owed; `None`: all.
    #[must_use]
    pub fn filtered(self, filter: Option<ItemFilter>) -> Self {
        Self { filter, ..self }
    }

    /// Whether a part of what is owed goes with others.
    pub fn is_part(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether an item is owed here. Logs and sessions go with the result of their execution.
    fn is_own(&self, ledger: &Ledger) -> Result<bool, Fault> {
        let Some(is_own) = &self.filter else {
            return Ok(true);
        };
        if ledger.delivery.is_some() || ledger.key.kind == ItemKind::Results {
            return Ok(is_own(ledger.delivery.as_deref()));
        }
        let results = self.files.same(ItemKind::Results, &ledger.key.id)?;
        let delivery = results.iter().rev().find_map(|one| one.delivery.as_deref());
        Ok(is_own(delivery))
    }

    /// Accepts items: they are durable when this returns. Gives for each whether anything of it was new.
    ///
    /// Others may be accepted meanwhile, but of these ids: whoever waits for the disk lets no one wait but the
    /// next of the same id, so that one commit of the file system's journal serves all who came while the last one ran.
    ///
    /// # Errors
    /// `disk.full` or what the file system says; then nothing counts as accepted, and the same again is answered as
    /// if it were the first time or known.
    pub fn admit(&self, items: Vec<IntakeItem>) -> Result<Vec<bool>, Fault> {
        let _gate = self.beside(items.iter().map(|item| item.id.as_str()))?;
        // Whoever wipes the box closes the spool meanwhile: behind the gate this is settled.
        self.files.keys.must_be_in_force()?;
        let mut told = Vec::with_capacity(items.len());
        let mut written = BTreeSet::new();
        let (mut files, mut bytes, mut finished) = (Vec::new(), 0, Vec::new());
        for item in items {
            // What came before it in the same document counts.
            let again = !written.insert(item.id.clone());
            if again || files.len() >= folder::TOGETHER || bytes >= TOGETHER {
                self.let_in(&files)?;
                files.clear();
                bytes = 0;
            }
            let same = self.files.same(item.kind, &item.id)?;
            // Handed in again, since its answer was lost: a cut may have come before what stands aside for it did.
            let waits =
                |kept: &&Ledger| kept.content == item.content && kept.state == ItemState::Queued;
            finished.extend(same.iter().filter(waits).map(|kept| kept.key.clone()));
            let fresh = self.judged(item, &same)?;
            told.push(fresh.is_some());
            if let Some((ledger, payload)) = fresh {
                bytes += payload.len();
                if ledger.state == ItemState::Queued {
                    finished.push(ledger.key.clone());
                }
                files.push(self.files.item(ledger, &payload));
            }
        }
        self.let_in(&files)?;
        self.take_back_before(&finished)?;
        if files.is_empty() {
            // What is known may have been renamed by one who died before the folder was synced.
            sync_folder(&self.files.folder.join("item"))?;
        }
        Ok(told)
    }

    /// Writes items. What stood open in the place of one has its account no more: it was of the content before. A cut
    /// between leaves it, and whoever reads it takes the item's word (`SpoolFolder::account`).
    fn let_in(&self, files: &[(PathBuf, Vec<u8>)]) -> Result<(), Fault> {
        write_all_durably(files)?;
        let account = |(item, _): &(PathBuf, _)| remove_durably(&item.with_extension("state"));
        files.iter().try_for_each(account)
    }

    /// What is to be kept of a submission, if anything of it is new beside the `same` of its kind and id.
    fn judged(
        &self,
        item: IntakeItem,
        same: &[Ledger],
    ) -> Result<Option<(Ledger, Vec<u8>)>, Fault> {
        let result = match item.kind {
            ItemKind::Sessions => self
                .files
                .same(ItemKind::Results, &item.id)?
                .last()
                .map(|ledger| ledger.content),
            _ => None,
        };
        Ok(match Ledger::admit(item, same, result) {
            ItemAdmission::Known => None,
            ItemAdmission::Fresh(ledger, payload) => Some((*ledger, payload)),
        })
    }

    /// What is not acknowledged, in the order in which it came. Damaged files are moved to `quarantine/` and told.
    ///
    /// # Errors
    /// What the file system says.
    pub fn owed(&self) -> Result<Vec<OwedItem>, Fault> {
        let _gate = SpoolLock::alone(&self.files.folder)?;
        let mut found = Vec::new();
        let ledgers = self.files.ledgers(&self.files.folder)?;
        let mut others = self.others(&ledgers)?;
        for ledger in ledgers {
            if ledger.state == ItemState::Acknowledged {
                // A power cut between the last word and the move.
                self.files.retire(&[&ledger.key])?;
                continue;
            }
            if !self.is_own(&ledger)? {
                continue;
            }
            let path = self.files.path(&self.files.folder, &ledger.key, "item");
            let came = modified(&path);
            let owed = ledger.owed(&[]);
            let others = others.remove(&ledger.key).unwrap_or_default();
            let seconds = came.duration_since(SystemTime::UNIX_EPOCH);
            let seconds = seconds.map_or(0, |since| since.as_secs() as i64);
            found.push((
                came,
                OwedItem {
                    came: seconds,
                    mapped: owed.mapped || others.mapped,
                    decrypted_since: others.decrypted_since,
                    has_later: others.has_later,
                    is_behind: others.is_behind,
                    ..owed
                },
            ));
        }
        found.sort_by(|a, b| (a.0, &a.1.key).cmp(&(b.0, &b.1.key)));
        Ok(found.into_iter().map(|(_, owed)| owed).collect())
    }

    /// What the other items of the same kind and id say about each. Every account is read once, however many there are.
    fn others(&self, ledgers: &[Ledger]) -> Result<BTreeMap<ItemKey, OtherEditions>, Fault> {
        let mut groups: BTreeMap<(ItemKind, &str), BTreeMap<u32, &Ledger>> = BTreeMap::new();
        for ledger in ledgers {
            let group = groups.entry((ledger.key.kind, &ledger.key.id));
            group.or_default().insert(ledger.key.edition, ledger);
        }
        let mut others = BTreeMap::new();
        for ((kind, id), group) in groups {
            let editions = self.files.each_edition(None, |edition| {
                let id = id.to_owned();
                let told = |ledger: &Ledger| {
                    let is_unfinished = ledger.is_unfinished();
                    (
                        edition,
                        is_unfinished,
                        ledger.maps(),
                        ledger.decrypted_since(),
                    )
                };
                Ok(match group.get(&edition) {
                    Some(ledger) => Some(told(ledger)),
                    None => {
                        let ledger = self.files.ledger(&ItemKey { kind, id, edition })?;
                        ledger.as_ref().map(told)
                    }
                })
            })?;
            let since = editions.iter().filter_map(|(.., since)| *since).next_back();
            let maps = editions.iter().filter(|(.., maps, _)| *maps);
            let mapping: BTreeSet<u32> = maps.map(|(edition, ..)| *edition).collect();
            let last = editions.last().map(|(edition, ..)| *edition);
            others.extend(group.iter().map(|(edition, ledger)| {
                let mapped = mapping.len() > usize::from(mapping.contains(edition));
                let said = OtherEditions {
                    mapped,
                    decrypted_since: since.filter(|_| mapped),
                    has_later: last > Some(*edition),
                    is_behind: ledger.is_behind(editions.iter().map(|one| (one.0, one.1))),
                };
                (ledger.key.clone(), said)
            }));
        }
        Ok(others)
    }

    /// Lends every account, one after the other: what is owed, then what is done. What moves meanwhile may be met twice.
    ///
    /// # Errors
    /// What the file system says, or `take`.
    pub fn each(&self, take: &mut dyn FnMut(Ledger) -> Result<(), Fault>) -> Result<(), Fault> {
        self.files.each(&self.files.folder, take)?;
        self.files.each(&self.files.done, take)
    }

    /// All accounts: what is owed, then what is done.
    ///
    /// # Errors
    /// What the file system says.
    pub fn accounts(&self) -> Result<Vec<Ledger>, Fault> {
        let mut ledgers = self.files.ledgers(&self.files.folder)?;
        let done = self.files.ledgers(&self.files.done)?;
        // What moved in between was met twice.
        let moved: BTreeSet<&ItemKey> = done.iter().map(|ledger| &ledger.key).collect();
        ledgers.retain(|ledger| !moved.contains(&ledger.key));
        ledgers.extend(done);
        Ok(ledgers)
    }

    /// What was set aside since this was asked last, as one finding.
    pub fn set_aside_since(&self) -> Option<Fault> {
        let names = std::mem::take(
            &mut *self
                .files
                .aside
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        (!names.is_empty()).then(|| {
            let folder = self.files.quarantine.display().to_string();
            Fault::new(
                Code::ResultsQuarantined,
                FileCause::SetAside { folder, names },
            )
        })
    }

    /// Files of the spool that were set aside and still lie there, foreign ones too.
    pub fn quarantined(&self) -> Vec<String> {
        let mut names = super::quarantined(&self.files.quarantine);
        names.retain(|name| !super::is_small_file(name));
        names
    }

    /// Opens an item to send it.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn load(&self, key: &ItemKey) -> Result<Loaded, Fault> {
        let (began, payload) = match self.files.content(key)? {
            Some(content) => content,
            None => self.content_or_lost(key)?,
        };
        let mut ledger = match self.files.find(key, "state") {
            Some(_) => self.files.ledger(key)?.ok_or_else(|| unknown(&key.id))?,
            None => began.clone(),
        };
        if began.enclosure.enclosed && !ledger.enclosure.enclosed {
            // A cut between the content that was closed and its account.
            ledger = ledger.enclosed(began.enclosure, payload.len());
        }
        let mut others = Others::of(key, &self.files.others(key)?);
        others.mapped |= self.files.may_be_known(&ledger);
        Ok(Loaded {
            ledger,
            payload,
            others,
        })
    }

    /// Looks once more at an item whose content did not open, alone: one that is owed and lost is put aside.
    fn content_or_lost(&self, key: &ItemKey) -> Result<(Ledger, Vec<u8>), Fault> {
        // Central has what is acknowledged; whoever persists that looks at it behind the gate.
        self.not_acknowledged(key)?;
        let _gate = self.beside(std::iter::once(key.id.as_str()))?;
        if let Some(content) = self.files.content(key)? {
            return Ok(content);
        }
        let ledger = self.not_acknowledged(key)?;
        self.files.lose(&ledger)?;
        let cause = FileCause::ItemLost {
            kind: ledger.key.kind.word().to_owned(),
            id: Id::from(&key.id),
            folder: self.files.quarantine.display().to_string(),
        };
        Err(Fault::new(Code::ResultsQuarantined, cause))
    }

    /// The account of an item that is owed.
    fn not_acknowledged(&self, key: &ItemKey) -> Result<Ledger, Fault> {
        let ledger = self.files.ledger(key)?.ok_or_else(|| unknown(&key.id))?;
        match self.files.find(key, "item") {
            _ if ledger.state != ItemState::Acknowledged => Ok(ledger),
            Some(path) => Err(damaged(&path, Sealed::Item)),
            None => Err(unknown(&key.id)),
        }
    }

    /// Ids of items that were put aside and that nobody has handed over again; of one whose account does not open
    /// either, the name of its file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn lost(&self) -> Result<Vec<String>, Fault> {
        let mut ids = Vec::new();
        for (name, ledger) in self.files.lost() {
            let Some(lost) = ledger else {
                ids.push(name);
                continue;
            };
            let same = self.files.same(lost.key.kind, &lost.key.id)?;
            if same.iter().all(|ledger| ledger.content != lost.content) {
                ids.push(lost.key.id);
            }
        }
        ids.dedup();
        Ok(ids)
    }

    /// What the disk did not give since this was asked last, as one finding.
    pub fn unread_since(&self) -> Option<Fault> {
        let unread = &mut *self
            .files
            .unread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut causes = std::mem::take(unread);
        let why = match causes.len() {
            0 => return None,
            1 => FileCause::OneUnread {
                why: Box::new(causes.remove(0)),
            },
            count => FileCause::Unread {
                count,
                why: causes.into(),
            },
        };
        Some(Fault::new(Code::DiskFailing, why))
    }

    /// Writes down what was decided; durable when this returns. With `forget`, payloads of acknowledged items go. Nothing is
    /// written where some was decided on what is no more so: gives those items, as they stand.
    ///
    /// # Errors
    /// What the file system says; then nothing may be sent on the strength of it. Where that results may be under way is
    /// all there is to say, and no account can be written for want of room, they are marked, which is as durable.
    pub fn persist(
        &self,
        changes: &[LedgerChange],
        forget: bool,
    ) -> Result<Vec<(ItemKey, ItemState)>, Fault> {
        let _gate = self.beside(changes.iter().map(|change| change.key.id.as_str()))?;
        let mut changed: Vec<Ledger> = Vec::with_capacity(changes.len());
        let (mut marks, mut moved) = (true, Vec::new());
        for change in changes {
            match changed.iter_mut().find(|ledger| ledger.key == change.key) {
                Some(ledger) => ledger.apply(change),
                None => {
                    if let Some(mut ledger) = self.files.ledger(&change.key)? {
                        if ledger.is_stale(change) {
                            moved.push((ledger.key, ledger.state));
                            continue;
                        }
                        marks &= ledger.can_be_marked(change);
                        ledger.apply(change);
                        changed.push(ledger);
                    }
                }
            }
        }
        if !moved.is_empty() {
            return Ok(moved);
        }
        if let Err(trouble) = self.files.write_states(&changed) {
            let marked = |ledger: &Ledger| self.files.mark(&ledger.key).is_ok();
            return match marks && changed.iter().all(marked) {
                true => Ok(moved),
                false => Err(trouble),
            };
        }
        self.retired(changed, forget).map(|()| moved)
    }

    /// What is acknowledged of these moves out of the way. Behind the gate of their ids, or of a person's word: nobody else
    /// changes what is acknowledged.
    fn retired(&self, mut changed: Vec<Ledger>, forget: bool) -> Result<(), Fault> {
        changed.retain(|ledger| ledger.state == ItemState::Acknowledged);
        if forget && !changed.is_empty() {
            self.keep_witness(&changed);
        }
        for ledger in changed.iter().filter(|_| forget) {
            self.files.forget(&ledger.key)?;
        }
        let keys: Vec<&ItemKey> = changed.iter().map(|ledger| &ledger.key).collect();
        self.files.retire(&keys)
    }

    /// The gate for whoever changes items of these ids alone.
    fn beside<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<SpoolLock, Fault> {
        let names = ids.map(|id| self.files.keys.name("gate", id));
        SpoolLock::beside(&self.files.folder, names.collect())
    }
}

/// The folder of what is owed, and in it that of what is home.
fn spool_folders(state: &Path) -> [PathBuf; 2] {
    let folder = state.join("spool");
    let done = folder.join("done");
    [folder, done]
}

fn modified(path: &Path) -> SystemTime {
    let meta = fs::metadata(path);
    meta.and_then(|meta| meta.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn unknown(id: &str) -> Fault {
    Fault::new(Code::ResultsUnknown, FileCause::NoItem { id: id.into() })
}

#[cfg(test)]
mod tests;
