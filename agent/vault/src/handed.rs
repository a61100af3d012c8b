//! The folder of what one box hands over on a stick, and of the lists with which others tell it what central has.
//! Never counts an object as there before it was read back and opened.
//! Called by the engine for `carry export --results` and `carry import --results`; what lies here is adopted as `copies` are.
//!
//! # Which copy is the only one
//!
//! | Moment | The stick | The account | A cut here |
//! |---|---|---|---|
//! | an object is written under a temporary name | in pieces | queued | queued: the pieces are nobody's, and go with the next export |
//! | renamed, its folder flushed, read back | whole | queued | the box sends it, too: whoever adopts it asks central first |
//! | handed over | whole | carried | the box keeps its content, and asks where it can |
//! | another box brought it home and left its list | whole, and listed | carried | the list is read again |
//! | the list is taken | whole, and listed | acknowledged | over: the object goes with the next export |

mod look;

pub use look::{HandedBox, HandedLook, ListedBox, look};

use std::collections::BTreeSet;
use std::path::Path;

use logic::fault::{Code, Fault, FileCause};
use logic::seal::NameHash;
use logic::site::{ObjectKind, OrganisationKey, SiteObject};
use logic::spool::{ArrivedList, ItemKey, Ledger, handed_name};

use crate::copies::CopyFolder;
use crate::spool::Spool;

/// Items, and about how many bytes of them, that are read before they are written together.
const TOGETHER: usize = if cfg!(test) { 2 } else { 32 };
const TOGETHER_BYTES: usize = 4 << 20;

/// The folder of one box at a place, sealed with one key.
pub struct HandedFolder {
    folder: CopyFolder,
    key: OrganisationKey,
}

impl HandedFolder {
    /// That of a box, whether it is there or not.
    pub fn new(place: &Path, key: OrganisationKey, box_id: &str) -> Self {
        let name = key.name(ObjectKind::Handed, &["folder", box_id]);
        Self {
            folder: CopyFolder::named(place, name, key.clone(), box_id),
            key,
        }
    }

    /// The name of what is handed over of an item.
    pub fn name(&self, ledger: &Ledger) -> NameHash {
        handed_name(&self.key, self.folder.box_id(), &ledger.key, ledger.content)
    }

    /// What lies there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn held(&self) -> Result<BTreeSet<NameHash>, Fault> {
        self.folder.held()
    }

    /// Hands items over: each counts as handed over at this moment (Unix seconds) once it lies there. Gives how many do, and how
    /// many have no content that opens.
    ///
    /// # Errors
    /// What `told` makes of what the file system says of the place, or what it says of the spool: then those that were not
    /// reached stay as they are.
    pub fn hand_over(
        &self,
        spool: &Spool,
        leaving: Vec<Ledger>,
        at: i64,
        told: &dyn Fn(Fault) -> Fault,
    ) -> Result<(u64, u64), Fault> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        let (mut count, mut unread) = (0, 0);
        let mut rest = leaving.into_iter().peekable();
        while let Some(ledger) = rest.next() {
            let came = spool.came(&ledger.key);
            let ledger = ledger.leaving();
            match spool.body(&ledger)? {
                Some(body) => {
                    bytes += body.len();
                    some.push((ledger, came, body));
                }
                None => unread += 1,
            }
            if bytes >= TOGETHER_BYTES || some.len() >= TOGETHER || rest.peek().is_none() {
                self.write(&some).map_err(told)?;
                let keys: Vec<ItemKey> = some.drain(..).map(|(it, ..)| it.key).collect();
                count += spool.carry(&keys, at)?;
                bytes = 0;
            }
        }
        Ok((count, unread))
    }

    /// Writes items with their accounts. They are durable, and were read back, when this returns; what lies there whole is not
    /// written again.
    ///
    /// # Errors
    /// What the file system says; `state.io` where something reads back otherwise.
    fn write(&self, items: &[(Ledger, i64, Vec<u8>)]) -> Result<(), Fault> {
        let names: BTreeSet<NameHash> = items.iter().map(|(it, ..)| self.name(it)).collect();
        let lacking: BTreeSet<NameHash> = self.folder.damaged(&names).into_iter().collect();
        let mut objects = Vec::new();
        for (ledger, came, body) in items {
            let name = self.name(ledger);
            if lacking.contains(&name) {
                let body = body.clone();
                objects.push((name, self.folder.object(ObjectKind::Handed, 0, *came, body)));
            }
        }
        self.folder.write(&objects)?;
        match self.folder.damaged(&names).first() {
            None => Ok(()),
            Some(name) => {
                let path = self.folder.path(*name).display().to_string();
                Err(Fault::new(Code::StateIo, FileCause::NotReadBack { path }))
            }
        }
    }

    /// Removes what central has.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, names: &[NameHash]) -> Result<(), Fault> {
        self.folder.remove(names)
    }

    /// Leaves the list of another box (`from`) for this one, where it is another than before. Says whether it was.
    ///
    /// # Errors
    /// What the file system says.
    pub fn leave(&self, from: &str, at: i64, names: BTreeSet<NameHash>) -> Result<bool, Fault> {
        let to = self.folder.box_id().to_owned();
        let name = self.key.name(ObjectKind::Arrived, &[&to, from]);
        let body = ArrivedList { to, names }.write();
        let lies = self.folder.opened(name);
        if lies.is_some_and(|object| object.body == body) {
            return Ok(false);
        }
        let object = SiteObject {
            kind: ObjectKind::Arrived,
            box_id: from.to_owned(),
            generation: 0,
            at,
            body,
        };
        self.folder.write(&[(name, object)])?;
        Ok(true)
    }

    /// What others say that central has, and the files that do not open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn arrived(&self) -> Result<(BTreeSet<NameHash>, Vec<NameHash>), Fault> {
        let (mut names, mut flawed) = (BTreeSet::new(), Vec::new());
        for name in self.folder.held()? {
            match self.folder.opened(name) {
                Some(object) if object.kind == ObjectKind::Arrived => {
                    let list = ArrivedList::read(&object.body, self.folder.box_id());
                    names.extend(list.into_iter().flat_map(|list| list.names));
                }
                Some(_) => {}
                None => flawed.push(name),
            }
        }
        Ok((names, flawed))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Vault;
    use crate::copies::left;
    use logic::intake::{Enclosure, IntakeItem, ItemKind, Print};
    use logic::site::SiteKey;
    use logic::spool::ItemState;
    use logic::words::Now;
    use system::root::{Root, fuse};

    fn key(of: u8) -> OrganisationKey {
        SiteKey::new([of; 32]).of_organisation("1001")
    }

    fn owing(count: u8) -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(&Vault::open(&Root::new(dir.path())).unwrap()).unwrap();
        let item = |of: u8| IntakeItem {
            kind: [ItemKind::Results, ItemKind::Logs][usize::from(of % 2)],
            id: format!("e{of}"),
            delivery: None,
            test_taker: None,
            payload: vec![of; 5000],
            parts: vec![Print::of(&[of])],
            content: Print::of(&[of]),
            execution: None,
            open: false,
            enclosure: Enclosure::default(),
        };
        spool.admit((0..count).map(item).collect()).unwrap();
        (dir, spool)
    }

    fn hand_over(spool: &Spool, place: &Path) -> Result<(u64, u64), Fault> {
        let folder = HandedFolder::new(place, key(1), "lost");
        let mut leaving = spool.unacknowledged()?;
        leaving.retain(|ledger| ledger.state == ItemState::Queued);
        folder.hand_over(spool, leaving, 7, &|trouble| trouble)
    }

    /// Cut before each change of stick and box: what counts as handed over lies there whole, and the same again brings the rest.
    #[test]
    fn a_pulled_stick_takes_over_only_what_lies_on_it() {
        const COUNT: u8 = 5;
        let (mut cuts, mut partly) = (0, false);
        for changes in 1.. {
            let (_dir, spool) = owing(COUNT);
            let stick = tempfile::tempdir().unwrap();
            fuse::set(Some(changes));
            let done = hand_over(&spool, stick.path());
            let cut = fuse::is_blown();
            fuse::set(None);
            assert_eq!(done.is_err(), cut, "after {changes} changes");
            let folder = HandedFolder::new(stick.path(), key(1), "lost");
            let mut carried = 0;
            for ledger in spool.unacknowledged().unwrap() {
                let lies = folder.folder.opened(folder.name(&ledger)).is_some();
                match ledger.state {
                    ItemState::Carried => {
                        assert!(lies, "after {changes} changes");
                        carried += 1;
                    }
                    state => assert_eq!(state, ItemState::Queued),
                }
            }
            partly |= (1..COUNT).contains(&carried);
            assert_eq!(
                hand_over(&spool, stick.path()).unwrap(),
                (u64::from(COUNT - carried), 0)
            );
            let (boxes, flawed) = left(stick.path(), &[key(1)]).unwrap();
            let items = boxes[&("lost".to_owned(), true)].items();
            assert_eq!(
                (items.0.len(), items.1, flawed),
                (usize::from(COUNT), 0, vec![])
            );
            if !cut {
                break;
            }
            cuts = changes;
        }
        assert!(cuts > 20 && partly, "{cuts} cuts");
    }

    #[test]
    fn what_lies_there_is_not_written_again_and_a_rotten_one_is() {
        let ((_dir, spool), stick) = (owing(3), tempfile::tempdir().unwrap());
        hand_over(&spool, stick.path()).unwrap();
        let folder = HandedFolder::new(stick.path(), key(1), "lost");
        let paths: Vec<_> = folder
            .held()
            .unwrap()
            .into_iter()
            .map(|name| folder.folder.path(name))
            .collect();
        let before: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        fs::write(&paths[1], &before[1][..4096]).unwrap();
        let again = folder.hand_over(&spool, spool.unacknowledged().unwrap(), 9, &|trouble| {
            trouble
        });
        assert_eq!(again.unwrap(), (3, 0));
        let after: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
        assert!(after[1] != before[1] && after[1].len() == before[1].len());
    }

    /// A list of another site, of another box, of another content, and one that was changed.
    #[test]
    fn a_list_counts_for_what_it_names_alone() {
        let ((_dir, spool), stick) = (owing(4), tempfile::tempdir().unwrap());
        hand_over(&spool, stick.path()).unwrap();
        let ledgers = spool.unacknowledged().unwrap();
        let own = HandedFolder::new(stick.path(), key(1), "lost");
        let names: Vec<NameHash> = ledgers.iter().map(|ledger| own.name(ledger)).collect();
        let two: BTreeSet<NameHash> = names[..2].iter().copied().collect();
        assert!(own.leave("linked", 10, two.clone()).unwrap());
        assert!(
            !own.leave("linked", 11, two.clone()).unwrap(),
            "the same once more"
        );
        assert_eq!(own.arrived().unwrap(), (two.clone(), vec![]));
        let all: BTreeSet<NameHash> = names.iter().copied().collect();
        let path = |folder: &HandedFolder, to: &str| {
            folder
                .folder
                .path(folder.key.name(ObjectKind::Arrived, &[to, "linked"]))
        };
        // Lists for another box and of another site, laid into the folder of this one under the names they have.
        for other in [
            HandedFolder::new(stick.path(), key(1), "other"),
            HandedFolder::new(stick.path(), key(2), "lost"),
        ] {
            other.leave("linked", 12, all.clone()).unwrap();
            let from = path(&other, other.folder.box_id());
            fs::copy(
                &from,
                path(&own, "lost").with_file_name(from.file_name().unwrap()),
            )
            .unwrap();
        }
        let (arrived, flawed) = own.arrived().unwrap();
        assert_eq!(
            (&arrived, flawed.len()),
            (&two, 1),
            "that of another site does not open"
        );
        // A changed one says nothing.
        let listed = path(&own, "lost");
        let mut bytes = fs::read(&listed).unwrap();
        bytes[100] ^= 1;
        fs::write(&listed, bytes).unwrap();
        let (arrived, flawed) = own.arrived().unwrap();
        assert_eq!((arrived.len(), flawed.len()), (0, 2));
        // What stands otherwise by now is not moved: nothing but what is handed over can arrive so.
        let keys: Vec<ItemKey> = ledgers.iter().map(|ledger| ledger.key.clone()).collect();
        assert_eq!(spool.reclaim(&keys[..1]).unwrap(), 1);
        spool.confirm(&keys[..2], Now::default(), false).unwrap();
        let states: Vec<ItemState> = keys
            .iter()
            .map(|key| spool.load(key).unwrap().ledger.state)
            .collect();
        use ItemState::{Acknowledged, Carried, Sending};
        assert_eq!(states, [Sending, Acknowledged, Carried, Carried]);
    }
}
