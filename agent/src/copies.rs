//! Second copies of what the box owes, on another device: written beside an intake, and kept in step by the daemon.
//! Never before the item is durable on the box, and never a reason to refuse it or to make its sender wait for long.
//! Called by `intake` for what was just let in, and by the daemon for everything else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use logic::copies::{self, CopyPlan, CopyStanding};
use logic::fault::{Code, Fault, Finding, SiteCause};
use logic::intake::ItemKind;
use logic::seal::NameHash;
use logic::site::{ObjectKind, OrganisationKey, SiteObject};
use logic::spool::{ItemState, Ledger};

use system::clock;
use vault::copies::{CopyFolder, look};
use vault::spool::Spool;
use vault::{SealedFile, Vault};

/// So long a sender waits for the copy.
const COPY_WAIT: Duration = Duration::from_millis(200);
/// So many documents wait for a slow place; the daemon copies the others.
const COPY_QUEUE: usize = 4;
/// Bytes of items that are read before they are written together.
const TOGETHER: usize = 4 << 20;

/// The second copies of one box.
#[derive(Clone)]
pub struct Copies {
    state: PathBuf,
    folder: CopyFolder,
    /// What was sealed with keys before: it goes once it is there under the one in force.
    former: Vec<CopyFolder>,
    spool: Spool,
    /// The generation of the last proof.
    generation: SealedFile,
}

impl Copies {
    /// Those of this box at a place, under the key in force.
    ///
    /// # Errors
    /// What the file system says of the spool.
    pub fn new(
        vault: &Vault,
        place: &Path,
        key: OrganisationKey,
        former: Vec<OrganisationKey>,
        box_id: &str,
    ) -> Result<Self, Fault> {
        let former = former.into_iter();
        Ok(Self {
            state: vault.state().to_owned(),
            folder: CopyFolder::new(place, key, box_id),
            former: former
                .map(|key| CopyFolder::new(place, key, box_id))
                .collect(),
            spool: Spool::open(vault)?,
            generation: vault.entry("copies"),
        })
    }

    /// Holds that the place is there, on another device than the state folder.
    fn is_there(&self) -> Result<(), Fault> {
        if look(self.folder.place(), &self.state).counts() {
            return Ok(());
        }
        let path = self.folder.place().display().to_string();
        Err(Fault::new(Code::CopiesMissing, SiteCause::Missing { path }))
    }

    fn told(&self, trouble: Fault) -> Fault {
        copies::fault(&self.folder.place().display().to_string(), trouble)
    }

    /// The generation of the last proof; one that does not open counts as none, since that of the place is higher.
    fn last_generation(&self) -> u64 {
        self.generation.get().ok().flatten().unwrap_or(0)
    }

    /// Copies what was just let in under these ids. What is there already is not written again.
    ///
    /// # Errors
    /// Why there is no copy.
    pub fn copy(&self, items: &[(ItemKind, String)]) -> Result<(), Fault> {
        self.is_there()?;
        let mut owed = Vec::new();
        for (kind, id) in items {
            let fates = self.spool.fates(*kind, id)?;
            owed.extend(fates.into_iter().map(|fate| fate.ledger));
        }
        owed.retain(|ledger| {
            let is_owed = ledger.state != ItemState::Acknowledged;
            is_owed && self.folder.written_at(self.folder.name(ledger)).is_none()
        });
        let written = self.write(&owed).map(drop);
        written.map_err(|trouble| self.told(trouble))
    }

    /// Writes the copies of items. Gives those that do not open on the box, of which none is written.
    fn write<'a>(&self, owed: &'a [Ledger]) -> Result<Vec<&'a Ledger>, Fault> {
        let generation = self.last_generation() + 1;
        let (mut some, mut bytes) = (Vec::<(NameHash, SiteObject)>::new(), 0);
        let mut unwritten = Vec::new();
        for ledger in owed {
            let Some(body) = self.spool.body(ledger)? else {
                unwritten.push(ledger);
                continue;
            };
            bytes += body.len();
            let came = self.spool.came(&ledger.key);
            let object = self.folder.object(ObjectKind::Item, generation, came, body);
            some.push((self.folder.name(ledger), object));
            if bytes >= TOGETHER {
                self.folder.write(&some)?;
                self.is_there()?;
                (some, bytes) = (Vec::new(), 0);
            }
        }
        self.folder.write(&some)?;
        // A stick that was pulled meanwhile leaves a folder on the box's own disk: what lies there is no copy.
        self.is_there().map(|()| unwritten)
    }

    /// Where and since when an item has a copy.
    pub fn copied(&self, ledger: &Ledger) -> Option<(String, i64)> {
        self.is_there().ok()?;
        let at = self.folder.written_at(self.folder.name(ledger))?;
        Some((self.folder.place().display().to_string(), at))
    }

    /// Whether the place is still there; nothing else is looked at.
    pub fn glance(&self, before: CopyStanding) -> CopyStanding {
        match self.is_there() {
            Ok(()) => before,
            Err(trouble) => before.failed(trouble),
        }
    }

    /// Brings the place in step with what is owed; with `prove` every copy is read and the place is proven. Gives how they
    /// stand.
    pub fn pass(&self, prove: bool, before: CopyStanding) -> CopyStanding {
        // The place first: what is copied after that was let in before.
        let held = self.is_there().and_then(|()| self.folder.held());
        let owed = match self.spool.unacknowledged() {
            Ok(owed) => owed,
            Err(trouble) => return before.failed(trouble),
        };
        let mut standing = CopyStanding {
            owed: owed.len() as u64,
            ..before
        };
        let done = held.and_then(|held| self.brought(prove, held, &owed, &mut standing));
        standing.trouble = done
            .map_err(|trouble| self.told(trouble))
            .err()
            .map(Finding::from);
        let held = match self.is_there() {
            Ok(()) => self.folder.held().unwrap_or_default(),
            Err(_) => BTreeSet::new(),
        };
        let uncopied = owed
            .iter()
            .filter(|ledger| !held.contains(&self.folder.name(ledger)));
        let came: Vec<i64> = uncopied
            .map(|ledger| self.spool.came(&ledger.key))
            .collect();
        standing.copied = standing.owed - came.len() as u64;
        standing.oldest_at = came.into_iter().min();
        standing
    }

    fn brought(
        &self,
        prove: bool,
        mut held: BTreeSet<NameHash>,
        owed: &[Ledger],
        standing: &mut CopyStanding,
    ) -> Result<(), Fault> {
        if prove {
            standing.proven_at = None;
            standing.odd = self.odd(&mut held, standing);
        }
        let plan = self.planned(&self.folder, &held, owed)?;
        self.folder.remove(&plan.done)?;
        let missing: BTreeSet<NameHash> = plan.write.iter().copied().collect();
        let is_missing = |one: &&Ledger| missing.contains(&self.folder.name(one));
        let missing: Vec<Ledger> = owed.iter().filter(is_missing).cloned().collect();
        let unwritten = self.write(&missing)?;
        let only = |folder: &CopyFolder| -> BTreeSet<[u8; 12]> {
            let name = |ledger: &&Ledger| copies::item(folder.name(ledger));
            unwritten.iter().map(name).collect()
        };
        let replaced = plan.unwritten(&only(&self.folder)).replaced;
        self.folder.remove(&replaced)?;
        for former in &self.former {
            let plan = self.planned(former, &former.held()?, owed)?;
            let plan = plan.unwritten(&only(former));
            former.remove(&[plan.done, plan.replaced, plan.stays].concat())?;
        }
        if prove {
            let generation = self.last_generation().max(self.folder.proof().unwrap_or(0)) + 1;
            // Remembered first: a proof that is older than this was put back.
            self.generation.put(&generation)?;
            let at = clock::now().wall;
            let mut listed = self.folder.held()?;
            // What stays under a former key was not put back.
            for former in &self.former {
                listed.extend(former.held()?);
            }
            self.folder.prove(generation, at, &listed)?;
            self.is_there()?;
            standing.proven_at = Some(at);
        }
        Ok(())
    }

    /// What is to be done in a folder; which of it is acknowledged is looked up only where that decides something.
    fn planned(
        &self,
        folder: &CopyFolder,
        held: &BTreeSet<NameHash>,
        owed: &[Ledger],
    ) -> Result<CopyPlan, Fault> {
        let names: BTreeSet<NameHash> = owed.iter().map(|one| folder.name(one)).collect();
        let plan = copies::plan(held, &names, &BTreeSet::new());
        if plan.unknown.is_empty() {
            return Ok(plan);
        }
        let mut acknowledged = BTreeSet::new();
        self.spool.each_acknowledged(&mut |ledger| {
            acknowledged.insert(copies::item(folder.name(&ledger)));
        })?;
        Ok(copies::plan(held, &names, &acknowledged))
    }

    /// What is not as it was left: copies that do not open, which are written anew where they are of something that is owed, or
    /// a place that was put back to an earlier time, which is brought in step.
    fn odd(&self, held: &mut BTreeSet<NameHash>, standing: &mut CopyStanding) -> Option<Finding> {
        let damaged = self.folder.damaged(held);
        held.retain(|name| !damaged.contains(name));
        let damaged = standing.found_useless(damaged);
        let path = self.folder.place().display().to_string();
        let is_older = self
            .folder
            .proof()
            .is_some_and(|generation| generation < self.last_generation());
        let cause = match damaged.len() {
            0 if is_older => SiteCause::PutBack { path },
            0 => return None,
            count => SiteCause::CopiesChanged {
                path,
                count,
                names: damaged.iter().take(3).map(NameHash::to_string).collect(),
            },
        };
        Some(Finding::new(Code::CopiesChanged, cause))
    }
}

/// One document's items, and where it is said that they are copied.
type CopyJob = (Vec<(ItemKind, String)>, SyncSender<()>);

/// Writes copies beside the intake, on a thread of its own.
pub struct CopyFollower(SyncSender<CopyJob>);

impl CopyFollower {
    /// Follows with what writes them.
    pub fn start(mut write: impl FnMut(&[(ItemKind, String)]) + Send + 'static) -> Option<Self> {
        let (jobs, next) = sync_channel::<CopyJob>(COPY_QUEUE);
        let follow = move || {
            for (items, done) in next {
                write(&items);
                // Whoever waited may have left.
                let _ = done.try_send(());
            }
        };
        let thread = std::thread::Builder::new().name("copies".into());
        thread.spawn(follow).is_ok().then_some(Self(jobs))
    }

    /// Has items copied and waits for it, 200 ms at most. Says whether it was done by then; else it follows.
    pub fn copied_in_time(&self, items: Vec<(ItemKind, String)>) -> bool {
        let (done, heard) = sync_channel(1);
        self.0.try_send((items, done)).is_ok() && heard.recv_timeout(COPY_WAIT).is_ok()
    }
}

impl From<Copies> for Option<CopyFollower> {
    fn from(copies: Copies) -> Self {
        CopyFollower::start(move |items| {
            // The daemon tells why, and tries again.
            if let Err(trouble) = copies.copy(items) {
                tracing::debug!(code = %trouble.code, "not copied yet: {trouble}");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use logic::intake::{Enclosure, IntakeItem, Print};
    use logic::site::SiteKey;
    use system::root::Root;
    use vault::copies::left;

    use super::*;

    /// The other device is /dev/shm.
    #[test]
    fn the_only_content_that_opens_stays_at_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let place = tempfile::TempDir::new_in("/dev/shm").unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        let spool = Spool::open(&vault).unwrap();
        let key = |of: u8| SiteKey::new([of; 32]).of_organisation("1001");
        let print = Print::of(b"one");
        let item = IntakeItem {
            kind: ItemKind::Results,
            id: "e".into(),
            delivery: None,
            test_taker: None,
            payload: b"one".to_vec(),
            parts: vec![print],
            content: print,
            execution: None,
            open: false,
            enclosure: Enclosure::default(),
        };
        assert_eq!(spool.admit(vec![item]).unwrap(), [true]);
        let pass = |of: u8, former| {
            let copies = Copies::new(&vault, place.path(), key(of), former, "b").unwrap();
            let standing = copies.pass(true, CopyStanding::default());
            assert_eq!(standing.trouble, None);
            standing.copied
        };
        let lies = || {
            let boxes = left(place.path(), &[key(2), key(1)]).unwrap().0;
            let (items, put_back) = boxes[&("b".to_owned(), false)].items();
            (items.len(), put_back)
        };
        assert_eq!((pass(1, vec![]), lies()), (1, (1, 0)));
        // It stands otherwise from now on, and its content on the box is damaged.
        let owed = spool.unacknowledged().unwrap().remove(0);
        assert_eq!(spool.carry(&[owed.key], 5).unwrap(), 1);
        let files = fs::read_dir(vault.state().join("spool")).unwrap();
        let paths = files.map(|entry| entry.unwrap().path());
        let of_item = |path: &PathBuf| path.extension().is_some_and(|e| e == "item");
        let path = paths.into_iter().find(of_item).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!((pass(1, vec![]), lies()), (0, (1, 0)), "as it stood before");
        let former = pass(2, vec![key(1)]);
        assert_eq!((former, lies()), (0, (1, 0)), "under a former key");
    }

    fn items(id: &str) -> Vec<(ItemKind, String)> {
        vec![(ItemKind::Results, id.to_owned())]
    }

    /// The place is let go by the test alone: however slow the machine, nothing is copied before.
    #[test]
    fn a_slow_place_holds_a_sender_for_200_ms_and_the_copy_follows() {
        let (go, gate) = channel::<()>();
        let (told, written) = channel();
        let follower = CopyFollower::start(move |items| {
            let _ = gate.recv();
            let _ = told.send(items[0].1.clone());
        });
        let follower = follower.unwrap();
        let begun = Instant::now();
        assert!(!follower.copied_in_time(items("a")));
        assert!(begun.elapsed() >= COPY_WAIT, "it is given its time");
        // The queue fills, and whoever finds it full does not wait at all.
        for id in ["b", "c", "d", "e", "f"] {
            assert!(!follower.copied_in_time(items(id)), "{id}");
        }
        assert!(written.try_recv().is_err());
        for _ in 0..5 {
            go.send(()).unwrap();
        }
        let all: Vec<String> = (0..5).map(|_| written.recv().unwrap()).collect();
        assert_eq!(
            all,
            ["a", "b", "c", "d", "e"],
            "the daemon copies the last one"
        );
        drop(go);
        assert!((0..100).any(|_| follower.copied_in_time(items("g"))));
    }
}
