//! The folder of sealed objects that a box leaves on another device: second copies, and its proof that it lives.
//! Never takes a file there for whole before it opened, and never removes one that it was not told to.
//! Called by `agent::copies` for a box's own folder, and for adoption for those of others.
//!
//! `<place>/<hash of the box>/<hash>.bxs`; a name is 32 hex digits, which every file system can hold. A file appears by a rename
//! after it was synced; what a cut left under a temporary name is removed. On FAT a folder holds about 16,000 such names.

mod kept;

pub use kept::KeptFolder;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use logic::copies::{self, CopyPlaceLook};
use logic::fault::{Code, Fault, FileAct, FileCause, SiteCause};
use logic::intake::ItemKind;
use logic::seal::NameHash;
use logic::site::{self, ObjectFlaw, ObjectKind, OrganisationKey, SiteObject};
use logic::spool::{ItemState, Ledger};

use crate::carry::data_folder;
use crate::random;
use crate::spool::Spool;
use system::root::{
    self, is_temporary, make_folder_durably, read_at_most, remove_durably, remove_leftover,
    trouble, write_all_durably,
};

/// What the names of objects end in.
pub(super) const EXTENSION: &str = "bxs";
/// Objects that become durable together, at most, and their bytes.
const TOGETHER: usize = 32;
/// Bytes of an object, at most: far more than the largest item with its account has.
const OBJECT_LIMIT: u64 = 256 << 20;

/// The folder of one box at a place.
#[derive(Clone)]
pub struct CopyFolder {
    place: PathBuf,
    folder: PathBuf,
    key: OrganisationKey,
    box_id: String,
}

/// What `place` and the state folder are now.
pub fn look(place: &Path, state: &Path) -> CopyPlaceLook {
    let device = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        meta.is_dir().then(|| meta.dev())
    };
    CopyPlaceLook {
        device: device(place),
        state_device: device(state),
    }
}

impl CopyFolder {
    /// That of a box, whether it is there or not.
    pub fn new(place: &Path, key: OrganisationKey, box_id: &str) -> Self {
        let name = key.name(ObjectKind::Proof, &["folder", box_id]);
        Self::named(place, name, key, box_id)
    }

    /// One of another name.
    pub(super) fn named(place: &Path, name: NameHash, key: OrganisationKey, box_id: &str) -> Self {
        Self {
            place: place.to_owned(),
            folder: place.join(name.to_string()),
            key,
            box_id: box_id.to_owned(),
        }
    }

    /// The folder that was configured.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The box whose folder it is.
    pub fn box_id(&self) -> &str {
        &self.box_id
    }

    /// The name of the copy of an item as it stands. A later content, one that was closed, one that a person set aside or
    /// that central refused is another copy of the same item.
    pub fn name(&self, ledger: &Ledger) -> NameHash {
        let key = &ledger.key;
        let edition = key.edition.to_string();
        let what = [&*self.box_id, key.kind.word(), &key.id, &edition];
        let standing = match ledger.state {
            ItemState::SetAside => "aside",
            ItemState::Refused => "refused",
            ItemState::Open => "open",
            ItemState::Carried => "carried",
            _ => "owed",
        };
        let enclosed = ["plain", "enclosed"][usize::from(ledger.enclosure.enclosed)];
        let content = ledger.content.to_string();
        let version = [&what[..], &[&*content, standing, enclosed]].concat();
        copies::name(
            self.key.name(ObjectKind::Item, &what),
            self.key.name(ObjectKind::Item, &version),
        )
    }

    /// The name of the proof.
    pub fn proof_name(&self) -> NameHash {
        self.key.name(ObjectKind::Proof, &["proof", &self.box_id])
    }

    pub(super) fn path(&self, name: NameHash) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }

    /// When the copy of this name was written, Unix seconds.
    pub fn written_at(&self, name: NameHash) -> Option<i64> {
        Some(fs::metadata(self.path(name)).ok()?.mtime())
    }

    /// Writes objects; they are durable when this returns.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, objects: &[(NameHash, SiteObject)]) -> Result<(), Fault> {
        make_folder_durably(&self.folder)?;
        for some in objects.chunks(TOGETHER) {
            let sealed = |(name, object): &(NameHash, SiteObject)| {
                (self.path(*name), self.sealed(*name, object))
            };
            write_all_durably(&some.iter().map(sealed).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// The bytes of an object under this name.
    pub fn sealed(&self, name: NameHash, object: &SiteObject) -> Vec<u8> {
        self.key.seal(random(), name, object)
    }

    /// An object of this box.
    pub fn object(&self, kind: ObjectKind, generation: u64, at: i64, body: Vec<u8>) -> SiteObject {
        SiteObject {
            kind,
            box_id: self.box_id.clone(),
            generation,
            at,
            body,
        }
    }

    /// The copies that lie there. What a cut left is removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn held(&self) -> Result<BTreeSet<NameHash>, Fault> {
        let mut held = BTreeSet::new();
        for path in listed(&self.folder)? {
            if path.file_name().is_some_and(is_temporary) {
                remove_leftover(&path);
            }
            held.extend(named(&path));
        }
        held.remove(&self.proof_name());
        Ok(held)
    }

    /// An object that lies there; `None` where there is none that can be read and opens.
    pub(super) fn opened(&self, name: NameHash) -> Option<SiteObject> {
        let bytes = read_object(&self.path(name)).ok()?;
        site::open(std::slice::from_ref(&self.key), name, &bytes).ok()
    }

    /// Those of these copies that do not open any more, or cannot be read.
    pub fn damaged(&self, held: &BTreeSet<NameHash>) -> Vec<NameHash> {
        let damaged = held.iter().filter(|name| self.opened(**name).is_none());
        damaged.copied().collect()
    }

    /// Removes copies, durably.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, names: &[NameHash]) -> Result<(), Fault> {
        names
            .iter()
            .try_for_each(|name| remove_durably(&self.path(*name)))
    }

    /// The generation of the proof that lies there; `None` where there is none that opens.
    pub fn proof(&self) -> Option<u64> {
        let proof = self.opened(self.proof_name())?;
        (proof.kind == ObjectKind::Proof).then_some(proof.generation)
    }

    /// Proves the place by an object that is written, read back and removed; then writes the proof of this generation, which
    /// names what lies there.
    ///
    /// # Errors
    /// What the file system says; `state.io` where it reads back otherwise.
    pub fn prove(&self, generation: u64, at: i64, held: &BTreeSet<NameHash>) -> Result<(), Fault> {
        let body: Vec<u8> = held.iter().flat_map(|name| name.0).collect();
        let proof = self.object(ObjectKind::Proof, generation, at, body);
        let nonce: [u8; 16] = random();
        let trial = NameHash(nonce);
        self.write(&[(trial, proof.clone())])?;
        let path = self.path(trial);
        let read = read_object(&path).map_err(|error| trouble(&path, FileAct::Read, &error))?;
        let opened = site::open(std::slice::from_ref(&self.key), trial, &read);
        remove_durably(&path)?;
        if opened.as_ref() != Ok(&proof) {
            let path = path.display().to_string();
            return Err(Fault::new(Code::StateIo, FileCause::NotReadBack { path }));
        }
        self.write(&[(self.proof_name(), proof)])
    }
}

/// Reads a file of the place, which anybody may have laid there: one without an end is no object.
pub(super) fn read_object(path: &Path) -> std::io::Result<Vec<u8>> {
    read_at_most(path, OBJECT_LIMIT)
}

/// Files of a folder, in order; none where it is not there.
pub(super) fn listed(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    match root::listed(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        paths => paths.map_err(|error| trouble(folder, FileAct::List, &error)),
    }
}

/// The name of an object's file.
pub(super) fn named(path: &Path) -> Option<NameHash> {
    let is_object = path.extension().is_some_and(|e| e == EXTENSION);
    is_object
        .then(|| path.file_stem()?.to_str()?.parse().ok())
        .flatten()
}

/// What one box left.
#[derive(Debug, Default)]
pub struct LeftCopies {
    /// When it was heard of last, Unix seconds.
    pub heard_at: i64,
    /// Generation of its proof; 0 without one.
    generation: u64,
    /// By which of the keys that proof was made: that of a former one counts where there is none of a later one.
    key: Option<usize>,
    /// What the proof lists.
    listed: BTreeSet<NameHash>,
    /// Its items.
    items: Vec<LeftItem>,
}

/// An item that a box left. Its content stays at the place until it is asked for: all together may be more than memory.
#[derive(Debug)]
pub struct LeftItem {
    path: PathBuf,
    name: NameHash,
    generation: u64,
    /// When it came, Unix seconds.
    pub at: i64,
    /// Kind, id and edition, by which it is let in; `None` where nothing of it can be read.
    pub order: Option<(ItemKind, String, u32)>,
}

impl LeftItem {
    /// What it holds; `None` where it does not open any more.
    pub fn body(&self, keys: &[OrganisationKey]) -> Option<Vec<u8>> {
        let bytes = read_object(&self.path).ok()?;
        Some(site::open(keys, self.name, &bytes).ok()?.body)
    }
}

impl LeftCopies {
    /// What may be adopted, and how many were put back: older than the proof, which does not list them.
    pub fn items(&self) -> (Vec<&LeftItem>, u64) {
        let is_put_back = |item: &&LeftItem| {
            let is_listed = self.listed.contains(&item.name);
            copies::is_put_back(item.generation, is_listed, self.generation)
        };
        let good = self.items.iter().filter(|item| !is_put_back(item));
        let good: Vec<&LeftItem> = good.collect();
        let put_back = (self.items.len() - good.len()) as u64;
        (good, put_back)
    }

    fn add(&mut self, path: PathBuf, name: NameHash, object: SiteObject, key: usize) {
        self.heard_at = self.heard_at.max(object.at);
        match object.kind {
            ObjectKind::Item | ObjectKind::Handed => self.items.push(LeftItem {
                path,
                name,
                generation: object.generation,
                at: object.at,
                order: Spool::order_of(&object.body),
            }),
            ObjectKind::Proof
                if self.key.is_none_or(|held| {
                    (Reverse(key), object.generation) >= (Reverse(held), self.generation)
                }) =>
            {
                (self.generation, self.key) = (object.generation, Some(key));
                let names = object.body.chunks_exact(16);
                let name = |bytes: &[u8]| bytes.try_into().ok().map(NameHash);
                self.listed = names.filter_map(name).collect();
            }
            _ => {}
        }
    }
}

/// What lies at a place, by box and by whether it handed that over itself, and the files that are not used, each with its reason.
pub type FoundCopies = (
    BTreeMap<(String, bool), LeftCopies>,
    Vec<(PathBuf, ObjectFlaw)>,
);

/// Hands over every object that lies at a place: in it, or in the folders in it. The data of these organisations, which may
/// lie there too, is large and nobody's copy: it is passed over. Each comes with the place of its key among these. What is to
/// become of a folder in it that cannot be listed says `unlisted`.
///
/// # Errors
/// What the file system says.
pub(super) fn each_object(
    place: &Path,
    keys: &[OrganisationKey],
    unlisted: &dyn Fn(Fault) -> Result<(), Fault>,
    take: &mut dyn FnMut(PathBuf, NameHash, usize, Result<SiteObject, ObjectFlaw>),
) -> Result<(), Fault> {
    let mut paths = listed(place)?;
    let data = keys.iter().map(|key| data_folder(place, key));
    let data: BTreeSet<PathBuf> = data.collect();
    let is_left = |path: &&PathBuf| path.is_dir() && !data.contains(*path);
    let folders: Vec<PathBuf> = paths.iter().filter(is_left).cloned().collect();
    for folder in folders {
        match listed(&folder) {
            Ok(found) => paths.extend(found),
            Err(trouble) => unlisted(trouble)?,
        }
    }
    for path in paths {
        let Some(name) = named(&path) else { continue };
        // What cannot be read is as good as changed: the others do not wait for that.
        let (key, opened) = match read_object(&path) {
            Ok(bytes) => {
                let key = keys.iter().position(|key| key.is_of(&bytes));
                (key, site::open(keys, name, &bytes))
            }
            Err(_) => (None, Err(ObjectFlaw::Changed)),
        };
        take(path, name, key.unwrap_or(keys.len()), opened);
    }
    Ok(())
}

/// Reads what boxes left at a place: in it, or in the folders in it. `keys`: those in force first.
///
/// # Errors
/// What the file system says; `copies.missing` where there is no folder.
pub fn left(place: &Path, keys: &[OrganisationKey]) -> Result<FoundCopies, Fault> {
    use ObjectKind::{Handed, Item, Proof};
    if !place.is_dir() {
        let path = place.display().to_string();
        return Err(Fault::new(Code::CopiesMissing, SiteCause::Missing { path }));
    }
    let (mut boxes, mut flawed) = (BTreeMap::<(String, bool), LeftCopies>::new(), Vec::new());
    // None is missed without a word.
    each_object(
        place,
        keys,
        &Err,
        &mut |path, name, key, opened| match opened {
            Ok(object) if matches!(object.kind, Handed | Item | Proof) => boxes
                .entry((object.box_id.clone(), object.kind == Handed))
                .or_default()
                .add(path, name, object, key),
            Ok(_) => {}
            Err(flaw) => flawed.push((path, flaw)),
        },
    )?;
    Ok((boxes, flawed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::site::SiteKey;
    use system::root::fuse;

    fn key(of: u8) -> OrganisationKey {
        SiteKey::new([of; 32]).of_organisation("1001")
    }

    fn objects(folder: &CopyFolder, count: u8) -> Vec<(NameHash, SiteObject)> {
        let object = |n: u8| {
            let object = folder.object(ObjectKind::Item, 1, 10, vec![n; 5000]);
            (NameHash([n; 16]), object)
        };
        (1..=count).map(object).collect()
    }

    /// Cut before each change of the place, until no cut comes: what is there is whole, and the same again brings the rest.
    #[test]
    fn a_cut_leaves_whole_copies_alone() {
        let (mut cuts, mut partly) = (0, false);
        for changes in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let folder = CopyFolder::new(dir.path(), key(1), "b");
            let objects = objects(&folder, 5);
            fuse::set(Some(changes));
            let all = objects.iter().map(|(name, _)| *name).collect();
            let act = || {
                folder.write(&objects)?;
                folder.remove(&[objects[4].0])?;
                folder.prove(3, 20, &all)
            };
            let done = act();
            let cut = fuse::is_blown();
            fuse::set(None);
            assert_eq!(done.is_err(), cut, "after {changes} changes");
            let held = folder.held().unwrap();
            assert_eq!(folder.damaged(&held), [], "after {changes} changes");
            partly |= !held.is_empty() && held.len() < 4;
            act().unwrap();
            let whole = objects[..4].iter().map(|(name, _)| *name);
            // An object of a trial that was cut may lie there, too: the next pass does not know it.
            assert!(
                whole
                    .clone()
                    .all(|name| folder.held().unwrap().contains(&name))
            );
            assert_eq!(folder.proof(), Some(3));
            let names = fs::read_dir(&folder.folder).unwrap();
            let left = names.filter(|name| is_temporary(&name.as_ref().unwrap().file_name()));
            assert_eq!(left.count(), 0, "what the cut left is removed");
            if !cut {
                break;
            }
            cuts = changes;
        }
        assert!(cuts > 20 && partly, "{cuts} cuts");
    }

    #[test]
    fn what_was_changed_moved_or_made_by_another_site_is_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = CopyFolder::new(dir.path(), key(1), "b");
        let objects = objects(&folder, 4);
        folder.write(&objects).unwrap();
        CopyFolder::new(dir.path(), key(2), "b")
            .write(&objects[..1])
            .unwrap();
        let path = |n: usize| folder.path(objects[n].0);
        let mut bytes = fs::read(path(1)).unwrap();
        bytes[3000] ^= 1;
        fs::write(path(1), bytes).unwrap();
        fs::copy(path(0), path(2)).unwrap();
        let held = folder.held().unwrap();
        assert_eq!(folder.damaged(&held), [objects[1].0, objects[2].0]);
        // More than the memory of any box: it is not read.
        let endless = fs::File::create(path(2)).unwrap();
        endless.set_len(1 << 40).unwrap();
        assert_eq!(folder.damaged(&held), [objects[1].0, objects[2].0]);
        let (boxes, flawed) = left(dir.path(), &[key(1)]).unwrap();
        assert_eq!(boxes[&("b".to_owned(), false)].items().0.len(), 2);
        let flaws: Vec<ObjectFlaw> = flawed.iter().map(|(_, flaw)| *flaw).collect();
        let count = |of| flaws.iter().filter(|flaw| **flaw == of).count();
        assert_eq!(count(ObjectFlaw::Changed), 2);
        assert_eq!(count(ObjectFlaw::OtherKey), 1);
        assert!(flawed.iter().any(|(flawed, _)| *flawed == path(1)));
        assert_eq!(
            left(&dir.path().join("none"), &[]).unwrap_err().code,
            Code::CopiesMissing
        );
    }

    #[test]
    fn a_copy_that_was_dropped_and_put_back_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = CopyFolder::new(dir.path(), key(1), "b");
        let objects = objects(&folder, 2);
        folder.write(&objects).unwrap();
        let kept = fs::read(folder.path(objects[0].0)).unwrap();
        folder.remove(&[objects[0].0]).unwrap();
        folder.prove(2, 50, &folder.held().unwrap()).unwrap();
        let found = || {
            left(dir.path(), &[key(1)])
                .unwrap()
                .0
                .remove(&("b".to_owned(), false))
                .unwrap()
        };
        assert_eq!((found().items().0.len(), found().items().1), (1, 0));
        assert_eq!(found().heard_at, 50);
        fs::write(folder.path(objects[0].0), kept).unwrap();
        assert_eq!((found().items().0.len(), found().items().1), (1, 1));
        // What was proven with a former key, however high, counts no more.
        let former = CopyFolder::new(dir.path(), key(2), "b");
        former.prove(99, 40, &BTreeSet::new()).unwrap();
        for keys in [[key(1), key(2)], [key(2), key(1)]] {
            let mut found = left(dir.path(), &keys).unwrap().0;
            let found = found.remove(&("b".to_owned(), false)).unwrap();
            let is_believed = keys[0].is_of(&fs::read(former.path(former.proof_name())).unwrap());
            let expected = if is_believed { (0, 2) } else { (1, 1) };
            assert_eq!((found.items().0.len() as u64, found.items().1), expected);
        }
        former.remove(&[former.proof_name()]).unwrap();
        // One that came since the proof is none.
        let since = folder.object(ObjectKind::Item, 3, 60, vec![1]);
        folder.write(&[(NameHash([9; 16]), since)]).unwrap();
        assert_eq!((found().items().0.len(), found().items().1), (2, 1));
    }
}
