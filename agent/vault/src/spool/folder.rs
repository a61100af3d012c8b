//! The files of the spool: where an item and its account lie, how they are sealed, and what becomes of damaged ones.
//! Never decides about an item, and never waits for anybody.
//! Called by `spool`, which says who may when.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use logic::fault::{Cause, Code, Fault, FileAct, Sealed};
use logic::intake::ItemKind;
use logic::outside;
use logic::seal::Sealer;
use logic::spool::{ItemKey, ItemState, Ledger, PartState};
use serde::{Deserialize, Serialize, Serializer};

use super::gate;
use crate::{Keyring, damaged, random};
use system::root::{self, listed, remove_file, sync_folder, trouble, write_all_durably};

/// Files that become durable together, at most: each is open meanwhile.
pub(super) const TOGETHER: usize = 64;
/// The mode of a file whose item may be under way although its account says queued.
const MARKED: u32 = 0o400;
/// Accounts that are looked at for a witness, at most.
const WITNESSES: usize = 5_000;
/// Behind an edition that is not there so many more are looked for, where something was set aside.
const GAP: u32 = 8;

#[cfg(test)]
thread_local! {
    /// Files that this thread read: work is counted, not timed.
    pub(super) static READS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The folder `spool/`, `done/` in it, and where damaged files go.
#[derive(Clone)]
pub(super) struct SpoolFolder {
    pub(super) folder: PathBuf,
    pub(super) done: PathBuf,
    pub(super) quarantine: PathBuf,
    /// Names of what was set aside and is not told yet.
    pub(super) aside: Arc<Mutex<Vec<String>>>,
    /// What the disk did not give and is not told yet.
    pub(super) unread: Arc<Mutex<Vec<Cause>>>,
    pub(super) keys: Keyring,
    pub(super) sealer: Sealer,
}

/// An item as it was accepted. The account comes first: whoever wants it alone reads no further.
#[derive(Serialize, Deserialize)]
struct AcceptedItem<'a> {
    ledger: Ledger,
    /// As bytes: a sequence of numbers, for which serde takes a vector, costs a call for each.
    #[serde(borrow, serialize_with = "bytes")]
    payload: &'a [u8],
}

fn bytes<S: Serializer>(payload: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(payload)
}

/// What became of reading a file.
enum FileRead<T> {
    Whole(T),
    /// It does not open.
    Damaged,
    /// It is not there, or no longer: what is acknowledged moves.
    Gone,
}

impl SpoolFolder {
    /// An item that is accepted: where it belongs, and its sealed bytes.
    pub(super) fn item(&self, ledger: Ledger, payload: &[u8]) -> (PathBuf, Vec<u8>) {
        let path = self.path(&self.folder, &ledger.key, "item");
        let sealed = self.seal_bytes(&path, &body(ledger, payload));
        (path, sealed)
    }

    /// A result that a central of this version acknowledged, as the entry that proves it well; `None` if there is none
    /// whose content is kept.
    pub(super) fn witness(&self, central: &str) -> Result<Option<(String, Vec<u8>)>, Fault> {
        let entries = fs::read_dir(&self.done);
        let entries = entries.map_err(|error| trouble(&self.done, FileAct::List, &error))?;
        let mut looked = 0;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path
                .extension()
                .is_none_or(|extension| extension != "state")
            {
                continue;
            }
            // Any will do; a folder of damaged or foreign ones is not read through in every run.
            looked += 1;
            if looked > WITNESSES {
                break;
            }
            let FileRead::Whole(ledger) = self.account(&path)? else {
                continue;
            };
            let fits = ledger.key.kind == ItemKind::Results
                && ledger.state == ItemState::Acknowledged
                && ledger.central == central;
            let item = path.with_extension("item");
            if !fits || !item.exists() {
                continue;
            }
            let entry = self.read_item(&item).ok();
            let entry = entry.and_then(|(_, payload)| logic::spool::witness(&payload));
            if let Some(entry) = entry {
                return Ok(Some((ledger.key.id, entry)));
            }
        }
        Ok(None)
    }

    /// All accounts of one kind and id, by edition.
    pub(super) fn same(&self, kind: ItemKind, id: &str) -> Result<Vec<Ledger>, Fault> {
        self.editions(kind, id, None)
    }

    /// The accounts of the other items of the same kind and id.
    pub(super) fn others(&self, key: &ItemKey) -> Result<Vec<Ledger>, Fault> {
        self.editions(key.kind, &key.id, Some(key.edition))
    }

    fn editions(&self, kind: ItemKind, id: &str, but: Option<u32>) -> Result<Vec<Ledger>, Fault> {
        self.each_edition(but, |edition| {
            let id = id.to_owned();
            self.ledger(&ItemKey { kind, id, edition })
        })
    }

    /// What `look` finds of each edition of one id, in order, as far as there are any.
    pub(super) fn each_edition<T>(
        &self,
        but: Option<u32>,
        mut look: impl FnMut(u32) -> Result<Option<T>, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut found = Vec::new();
        // One that was set aside leaves a gap: those behind it count all the same.
        let beyond = if self.quarantine.exists() { GAP } else { 0 };
        let mut gap = 0;
        for edition in (0..).filter(|edition| Some(*edition) != but) {
            match look(edition)? {
                Some(one) => {
                    gap = 0;
                    found.push(one);
                }
                None if gap < beyond => gap += 1,
                None => break,
            }
        }
        Ok(found)
    }

    /// The account of one item: the newest word about it, or the one it began with.
    pub(super) fn ledger(&self, key: &ItemKey) -> Result<Option<Ledger>, Fault> {
        if let Some(path) = self.find(key, "state") {
            return match self.account(&path)? {
                FileRead::Whole(ledger) => Ok(Some(ledger)),
                FileRead::Damaged | FileRead::Gone => self.doubtful(key, &path),
            };
        }
        match self.find(key, "item") {
            Some(path) => match self.read_whole(&path)? {
                FileRead::Whole((ledger, _)) => Ok(Some(ledger)),
                FileRead::Gone => Ok(None),
                // It was never sent, since it has no account yet: whoever hands it over again is let in.
                FileRead::Damaged
                    if path.starts_with(&self.folder) && !path.starts_with(&self.done) =>
                {
                    self.set_aside(&path, Sealed::Item)?;
                    Ok(None)
                }
                FileRead::Damaged => Err(damaged(&path, Sealed::Item)),
            },
            None => Ok(None),
        }
    }

    /// An account that does not open: what was decided is not known, so the outcome is not either. The item goes on
    /// as one that may have been sent, unless it lies where only acknowledged ones are; the damaged file is kept aside.
    fn doubtful(&self, key: &ItemKey, path: &Path) -> Result<Option<Ledger>, Fault> {
        self.set_aside(path, Sealed::Account)?;
        let Some(item) = self.find(key, "item") else {
            return Ok(None);
        };
        let began = self.read_item(&item)?.0;
        let state = match item.starts_with(&self.done) {
            true => ItemState::Acknowledged,
            false if self.is_superseded(&began) => ItemState::Open,
            false => ItemState::Sending,
        };
        let ledger = Ledger { state, ..began };
        self.write_states(std::slice::from_ref(&ledger))?;
        Ok(Some(ledger))
    }

    pub(super) fn ledgers(&self, folder: &Path) -> Result<Vec<Ledger>, Fault> {
        let mut ledgers = Vec::new();
        self.each(folder, &mut |ledger| {
            ledgers.push(ledger);
            Ok(())
        })?;
        Ok(ledgers)
    }

    /// Lends every account of a folder, in the order of their files' names.
    pub(super) fn each(
        &self,
        folder: &Path,
        take: &mut dyn FnMut(Ledger) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let paths = listed(folder).map_err(|error| trouble(folder, FileAct::List, &error))?;
        for path in &paths {
            match self.met(path) {
                Ok(ledger) => ledger.map_or(Ok(()), &mut *take)?,
                // It is there, and the disk does not give it now: the others do not wait for that.
                Err(trouble) if trouble.code == Code::DiskFailing => {
                    let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
                    unread.push(trouble.cause);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// The account that a file of the folder is met with, if it is to be met there.
    pub(super) fn met(&self, path: &Path) -> Result<Option<Ledger>, Fault> {
        let read = match path.extension().and_then(|extension| extension.to_str()) {
            // An item whose account exists is met there.
            Some("item") if path.with_extension("state").exists() => return Ok(None),
            Some("item" | "state") => self.account(path)?,
            // What is about to be renamed, by this process or another.
            Some("new") => return Ok(None),
            _ if path.is_dir() || gate::owns(path) => return Ok(None),
            _ => {
                self.set_aside(path, Sealed::Foreign)?;
                return Ok(None);
            }
        };
        match read {
            FileRead::Whole(ledger) => Ok(Some(ledger)),
            FileRead::Gone => Ok(None),
            FileRead::Damaged if path.extension().is_some_and(|e| e == "state") => {
                self.without_account(path)
            }
            FileRead::Damaged => {
                self.set_aside(path, Sealed::Item)?;
                Ok(None)
            }
        }
    }

    /// The account that an item began with and its content; `None` when it is not there or does not open.
    pub(super) fn content(&self, key: &ItemKey) -> Result<Option<(Ledger, Vec<u8>)>, Fault> {
        let Some(path) = self.find(key, "item") else {
            return Ok(None);
        };
        Ok(match self.read_whole(&path)? {
            FileRead::Whole(item) => Some(item),
            FileRead::Damaged | FileRead::Gone => None,
        })
    }

    /// Puts an item whose content is lost aside, and its account after it: a cut between leaves an account without an
    /// item, which is met and put aside by the next one that wants to send it. What is known of it stays in its
    /// account: its id is told.
    pub(super) fn lose(&self, ledger: &Ledger) -> Result<(), Fault> {
        for extension in ["item", "state"] {
            let path = self.path(&self.folder, &ledger.key, extension);
            if path.exists() {
                self.set_aside(&path, Sealed::Item)?;
                let mut names = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(name) = names.last_mut() {
                    name.push_str(&format!(" (of {})", outside::id(&ledger.key.id)));
                }
            }
        }
        Ok(())
    }

    /// The accounts of items that were put aside, with their files' names.
    pub(super) fn lost(&self) -> Vec<(String, Option<Ledger>)> {
        let entries = fs::read_dir(&self.quarantine).into_iter().flatten();
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
        let mut names: Vec<_> = paths.filter_map(|path| name(&path)).collect();
        names.sort();
        let account = |name: &str| {
            let (place, _) = name.split_once(".state")?;
            let mut sealed = fs::read(self.quarantine.join(name)).ok()?;
            let place = format!("{place}.state");
            let plain = self.sealer.open_in_place(place.as_bytes(), &mut sealed);
            Ledger::from_bytes(plain.ok()?)
        };
        let mut lost: Vec<(String, Option<Ledger>)> = Vec::new();
        for name in &names {
            let account = account(name);
            let item = name.replacen(".state", ".item", 1);
            if account.is_some() || (name.contains(".item") && !lost.iter().any(|l| l.0 == item)) {
                lost.retain(|(other, _)| *other != item);
                lost.push((item, account));
            }
        }
        lost
    }

    /// Whether a later content of the same execution stands for this one, which was never sent: whatever is said of it, it
    /// does not go.
    pub(super) fn is_superseded(&self, ledger: &Ledger) -> bool {
        let is_there = |edition| {
            let key = ItemKey {
                edition,
                ..ledger.key.clone()
            };
            ["item", "state"].map(|extension| self.find(&key, extension)) != [None, None]
        };
        let own = ledger.key.edition;
        // One that was lost leaves a gap.
        ledger.is_unfinished() && (own + 1..=own + 1 + GAP).any(is_there)
    }

    /// Whether central may know the execution of this item through another one whose content was lost: then it takes
    /// its variables one by one. The same content needs no such care: an execution that is mapped has all of it.
    pub(super) fn may_be_known(&self, ledger: &Ledger) -> bool {
        let key = &ledger.key;
        let sent = [
            ItemState::Sending,
            ItemState::Unconfirmed,
            ItemState::Carried,
        ];
        self.quarantine.exists()
            && self.lost().into_iter().any(|(_, lost)| {
                lost.is_some_and(|lost| {
                    lost.key.kind == key.kind
                        && lost.key.id == key.id
                        && lost.content != ledger.content
                        && (sent.contains(&lost.state)
                            || lost
                                .parts
                                .iter()
                                .any(|(_, part)| *part == PartState::Stored))
                })
            })
    }

    /// What is left of an item whose account does not open.
    fn without_account(&self, path: &Path) -> Result<Option<Ledger>, Fault> {
        let item = path.with_extension("item");
        if let FileRead::Whole(began) = self.account(&item)? {
            return self.doubtful(&began.key, path);
        }
        self.set_aside(path, Sealed::Account)?;
        if item.exists() {
            self.set_aside(&item, Sealed::Item)?;
        }
        Ok(None)
    }

    /// Accounts, durable when this returns.
    pub(super) fn write_states(&self, ledgers: &[Ledger]) -> Result<(), Fault> {
        for part in ledgers.chunks(TOGETHER) {
            let states: Vec<_> = part.iter().map(|ledger| self.state(ledger)).collect();
            write_all_durably(&states)?;
        }
        Ok(())
    }

    /// Marks an item as one that may be under way, where its account cannot be replaced: its owner may write the file no
    /// more. That needs neither room nor a new file. The next account takes its place, mark and all.
    pub(super) fn mark(&self, key: &ItemKey) -> Result<(), Fault> {
        let path = self.find(key, "state").or_else(|| self.find(key, "item"));
        let path = path.ok_or_else(|| super::unknown(&key.id))?;
        let marked = || -> io::Result<()> {
            let file = fs::File::open(&path)?;
            file.set_permissions(fs::Permissions::from_mode(MARKED))?;
            file.sync_all()
        };
        marked().map_err(|error| trouble(&path, FileAct::Mark, &error))
    }

    /// Where an account belongs, and its sealed bytes.
    pub(super) fn state(&self, ledger: &Ledger) -> (PathBuf, Vec<u8>) {
        let folder = match self
            .find(&ledger.key, "item")
            .or_else(|| self.find(&ledger.key, "state"))
        {
            Some(path) if path.starts_with(&self.done) => &self.done,
            _ => &self.folder,
        };
        let path = self.path(folder, &ledger.key, "state");
        let bytes = self.seal_bytes(&path, &ledger.to_bytes());
        (path, bytes)
    }

    /// Moves what is acknowledged out of the way. The account goes last: until then it is found where it was.
    pub(super) fn retire(&self, keys: &[&ItemKey]) -> Result<(), Fault> {
        for (key, extension) in keys.iter().flat_map(|key| [(key, "item"), (key, "state")]) {
            let (from, to) = (
                self.path(&self.folder, key, extension),
                self.path(&self.done, key, extension),
            );
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(trouble(&from, FileAct::Move, &error));
                }
                _ => {}
            }
        }
        let Some(key) = keys.first() else {
            return Ok(());
        };
        sync_folder(&self.path(&self.done, key, "state"))?;
        sync_folder(&self.path(&self.folder, key, "state"))
    }

    pub(super) fn forget(&self, key: &ItemKey) -> Result<(), Fault> {
        remove_file(&self.path(&self.folder, key, "item"))
    }

    /// Keeps a file that does not open where nobody takes it for an item, and says so.
    fn set_aside(&self, path: &Path, what: Sealed) -> Result<(), Fault> {
        let aside = root::set_aside(&self.quarantine, path)?;
        tracing::error!(
            code = %Code::ResultsQuarantined,
            "{}",
            damaged(&aside, what)
        );
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        let mut names = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        names.push(name.into_owned());
        Ok(())
    }

    pub(super) fn find(&self, key: &ItemKey, extension: &str) -> Option<PathBuf> {
        [&self.folder, &self.done]
            .into_iter()
            .map(|folder| self.path(folder, key, extension))
            // What cannot be looked at is there: reading it says why.
            .find(|path| path.try_exists().unwrap_or(true))
    }

    pub(super) fn path(&self, folder: &Path, key: &ItemKey, extension: &str) -> PathBuf {
        let name = self.keys.name(key.kind.word(), &key.id);
        folder.join(format!("{name}-{}.{extension}", key.edition))
    }

    pub(super) fn read_item(&self, path: &Path) -> Result<(Ledger, Vec<u8>), Fault> {
        match self.read_whole(path)? {
            FileRead::Whole(item) => Ok(item),
            FileRead::Damaged | FileRead::Gone => Err(damaged(path, Sealed::Item)),
        }
    }

    fn read_whole(&self, path: &Path) -> Result<FileRead<(Ledger, Vec<u8>)>, Fault> {
        let whole = |plain: &[u8]| {
            let (ledger, payload) = accepted(plain)?;
            Some((ledger, payload.to_vec()))
        };
        let mut read = self.read(path, whole)?;
        if let FileRead::Whole((ledger, _)) = &mut read
            && is_marked(path)
        {
            ledger.marked();
        }
        Ok(read)
    }

    /// The account in a `.state`, or the one that an `.item` began with. An item that takes the place of an open one does so
    /// before the account of that one goes: where the two are of different contents, the item is right.
    fn account(&self, path: &Path) -> Result<FileRead<Ledger>, Fault> {
        let is_item = path
            .extension()
            .is_some_and(|extension| extension == "item");
        let mut read = self.read(path, |plain| match is_item {
            true => accepted(plain).map(|(ledger, _)| ledger),
            false => Ledger::from_bytes(plain),
        })?;
        if let FileRead::Whole(ledger) = &mut read
            && !is_item
            && ledger.is_unsent()
            && let FileRead::Whole(mut began) = self.account(&path.with_extension("item"))?
            && began.content != ledger.content
        {
            if ledger.state == ItemState::SetAside {
                began.set_aside();
            }
            *ledger = began;
        }
        if let FileRead::Whole(ledger) = &mut read
            && is_marked(path)
        {
            ledger.marked();
        }
        Ok(read)
    }

    fn read<T>(
        &self,
        path: &Path,
        take: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<FileRead<T>, Fault> {
        #[cfg(test)]
        READS.set(READS.get() + 1);
        let mut sealed = match system::root::read_regular(path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileRead::Gone),
            Err(error) => return Err(trouble(path, FileAct::Read, &error)),
        };
        let plain = self.sealer.open_in_place(place(path), &mut sealed).ok();
        Ok(plain
            .and_then(take)
            .map_or(FileRead::Damaged, FileRead::Whole))
    }

    fn seal_bytes(&self, path: &Path, plain: &[u8]) -> Vec<u8> {
        self.sealer.seal(random(), place(path), plain)
    }
}

/// What an item holds, on the box and as a copy.
pub(super) fn body(ledger: Ledger, payload: &[u8]) -> Vec<u8> {
    let tail = ledger.tail();
    let ledger = ledger.as_written();
    let plain = postcard::to_allocvec(&AcceptedItem { ledger, payload });
    let mut plain = plain.expect("plain data always serialises");
    plain.extend(tail);
    plain
}

/// What an item holds: the account that it began with, which what came later follows behind the content.
pub(super) fn accepted(plain: &[u8]) -> Option<(Ledger, &[u8])> {
    let (accepted, tail) = postcard::take_from_bytes::<AcceptedItem>(plain).ok()?;
    Some((accepted.ledger.with_tail(tail)?, accepted.payload))
}

/// Whoever marks all files by hand has them asked for before they are sent: no harm is in a mark too many.
fn is_marked(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o200 == 0)
}

/// The name of the file is bound to its content, the folder is not: it moves when it is done.
fn place(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}
