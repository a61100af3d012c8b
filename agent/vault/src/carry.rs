//! The folder of one organisation's data on a stick: sealed objects and their head.
//! Never takes an object for whole before it opened under its name, and never removes one that a head in place needs.
//! Called by the engine, which exports to it and imports from it.
//!
//! `<place>/<hash of the organisation>/<hash>.bxs`, as `logic::carry` has them; files appear as those of `copies` do. On FAT a
//! folder holds about 16,000 of them, which is 128 GB of packages.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use logic::carry::{StickHead, fault, head_names, head_place, must_fit, room_of};
use logic::fault::{Code, Fault, FileAct, FileCause, SiteCause};
use logic::seal::NameHash;
use logic::site::{self, ObjectFlaw, ObjectKind, OrganisationKey, SiteObject};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::copies::{EXTENSION, listed, named, read_object};
use crate::random;
use system::root::{
    is_temporary, make_folder_durably, remove_durably, remove_leftover, trouble, write_all_durably,
};

/// The data of one organisation at a place, sealed with one key.
#[derive(Clone)]
pub struct StickFolder {
    place: PathBuf,
    folder: PathBuf,
    key: OrganisationKey,
}

/// A head that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHead {
    /// Grows with each export to this folder.
    pub number: u64,
    /// The box that exported.
    pub box_id: String,
    /// When it did, Unix seconds.
    pub at: i64,
    /// What it names.
    pub head: StickHead,
}

/// Where the data of an organisation lies.
pub(super) fn data_folder(place: &Path, key: &OrganisationKey) -> PathBuf {
    let name = key.name(ObjectKind::Head, &["folder"]);
    place.join(name.to_string())
}

impl StickFolder {
    /// That of an organisation's key, whether it is there or not.
    pub fn new(place: &Path, key: OrganisationKey) -> Self {
        Self {
            place: place.to_owned(),
            folder: data_folder(place, &key),
            key,
        }
    }

    /// The key that seals here.
    pub fn key(&self) -> &OrganisationKey {
        &self.key
    }

    /// Whether the organisation has a folder here.
    pub fn exists(&self) -> bool {
        fs::symlink_metadata(&self.folder).is_ok_and(|found| found.is_dir())
    }

    fn path(&self, name: NameHash) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }

    fn told(&self, trouble: Fault) -> Fault {
        fault(&self.place.display().to_string(), trouble)
    }

    /// Keeps the place for this process while what is given is held: of two exports at once one would remove what the other needs.
    /// A file system that knows no locks gives none.
    ///
    /// # Errors
    /// `carry.medium` where another process has it, there is no folder, or a link lies in the place of the organisation's.
    pub fn claim(&self) -> Result<Option<Flock<File>>, Fault> {
        let failed = |error| self.told(trouble(&self.place, FileAct::Open, &error));
        if !self.place.is_dir() {
            let path = self.place.display().to_string();
            return Err(Fault::new(Code::CarryMedium, SiteCause::NoStick { path }));
        }
        // A link would have the export write, and remove, wherever it leads.
        if fs::symlink_metadata(&self.folder).is_ok_and(|found| !found.is_dir()) {
            let odd = trouble(&self.folder, FileAct::Open, &Errno::ENOTDIR.into());
            return Err(self.told(odd));
        }
        let place = File::open(&self.place).map_err(failed)?;
        match Flock::lock(place, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK)) => Err(failed(Errno::EBUSY.into())),
            Err(_) => Ok(None),
        }
    }

    /// The name of an object's file, for people.
    pub fn file_name(name: NameHash) -> String {
        format!("{name}.{EXTENSION}")
    }

    /// The objects that lie here, with their sizes.
    ///
    /// # Errors
    /// `carry.medium`.
    pub fn held(&self) -> Result<BTreeMap<NameHash, u64>, Fault> {
        let paths = listed(&self.folder).map_err(|trouble| self.told(trouble))?;
        let object = |path: &PathBuf| Some((named(path)?, fs::metadata(path).ok()?.len()));
        Ok(paths.iter().filter_map(object).collect())
    }

    /// Removes what a cut left under temporary names.
    pub fn clean(&self) {
        let paths = listed(&self.folder).unwrap_or_default();
        let is_left = |path: &&PathBuf| path.file_name().is_some_and(is_temporary);
        paths.iter().filter(is_left).for_each(|path| {
            remove_leftover(path);
        });
    }

    /// The body of an object of this kind; `None` where there is none that opens.
    ///
    /// # Errors
    /// `carry.medium`, where the device does not give it.
    pub fn body(&self, kind: ObjectKind, name: NameHash) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.object(kind, name)?.ok().map(|object| object.body))
    }

    fn object(
        &self,
        kind: ObjectKind,
        name: NameHash,
    ) -> Result<Result<SiteObject, ObjectFlaw>, Fault> {
        let path = self.path(name);
        let bytes = match read_object(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound};
                return match error.kind() {
                    NotFound | InvalidData | InvalidInput => Ok(Err(ObjectFlaw::Foreign)),
                    _ => Err(self.told(trouble(&path, FileAct::Read, &error))),
                };
            }
        };
        let opened = site::open(std::slice::from_ref(&self.key), name, &bytes);
        Ok(opened.and_then(|object| match object.kind == kind {
            true => Ok(object),
            false => Err(ObjectFlaw::Changed),
        }))
    }

    /// The head that counts; `None` where none opens.
    ///
    /// # Errors
    /// `carry.medium`.
    pub fn head(&self) -> Result<Option<FoundHead>, Fault> {
        let mut newest: Option<FoundHead> = None;
        for name in head_names(&self.key) {
            let Ok(object) = self.object(ObjectKind::Head, name)? else {
                continue;
            };
            let Some(head) = StickHead::read(&object.body) else {
                continue;
            };
            let is_newer = |before: &FoundHead| before.number < object.generation;
            if newest.as_ref().is_none_or(is_newer) {
                newest = Some(FoundHead {
                    number: object.generation,
                    box_id: object.box_id,
                    at: object.at,
                    head,
                });
            }
        }
        Ok(newest)
    }

    /// What a head needs and is not whole here. `see` is told how many bytes were looked at since the last time.
    ///
    /// # Errors
    /// `carry.medium`.
    pub fn unwhole(
        &self,
        head: &StickHead,
        see: &mut dyn FnMut(u64),
    ) -> Result<Vec<NameHash>, Fault> {
        let mut lacking = Vec::new();
        for (name, bytes) in head.needs(&self.key) {
            match self.size_of(name, bytes)? {
                Some(size) => see(size),
                None => lacking.push(name),
            }
        }
        Ok(lacking)
    }

    /// The size of an object's body if it opens: of so many bytes of a package, or of entities.
    fn size_of(&self, name: NameHash, bytes: Option<u64>) -> Result<Option<u64>, Fault> {
        let kind = match bytes {
            Some(_) => ObjectKind::Span,
            None => ObjectKind::Entities,
        };
        let body = self.body(kind, name)?;
        let size = body.map(|body| body.len() as u64);
        Ok(size.filter(|size| bytes.is_none_or(|bytes| bytes == *size)))
    }

    /// Whether an object is here and opens with so many bytes.
    ///
    /// # Errors
    /// `carry.medium`.
    pub fn holds(&self, name: NameHash, bytes: Option<u64>) -> Result<bool, Fault> {
        Ok(self.size_of(name, bytes)?.is_some())
    }

    /// Says whether objects of these sizes fit beside what is here.
    ///
    /// # Errors
    /// `carry.full`, then nothing was changed; `carry.medium`.
    pub fn must_fit(&self, sizes: &[u64]) -> Result<(), Fault> {
        let path = self.place.display().to_string();
        let stat = nix::sys::statvfs::statvfs(&self.place)
            .map_err(|error| self.told(trouble(&self.place, FileAct::Measure, &error.into())))?;
        let block = stat.fragment_size() as u64;
        let free = stat.blocks_available() as u64 * block;
        let needed = sizes.iter().map(|size| room_of(*size, block)).sum();
        must_fit(&path, needed, free)
    }

    /// Writes objects; they are durable when this returns.
    ///
    /// # Errors
    /// `carry.full`, `carry.medium`.
    pub fn write(&self, objects: &[(NameHash, SiteObject)]) -> Result<(), Fault> {
        let sealed = |(name, object): &(NameHash, SiteObject)| {
            (self.path(*name), self.key.seal(random(), *name, object))
        };
        let sealed: Vec<_> = objects.iter().map(sealed).collect();
        make_folder_durably(&self.folder)
            .and_then(|()| write_all_durably(&sealed))
            .map_err(|trouble| self.told(trouble))
    }

    /// Puts a head in place, reads it back, and removes what it does not need: the head before goes first.
    ///
    /// # Errors
    /// `carry.full`, `carry.medium`: then the head before, or this one, is in place, and whole.
    pub fn place(&self, found: &FoundHead) -> Result<(), Fault> {
        let names = head_names(&self.key);
        let own = names[head_place(found.number)];
        let object = SiteObject {
            kind: ObjectKind::Head,
            box_id: found.box_id.clone(),
            generation: found.number,
            at: found.at,
            body: found.head.write(),
        };
        self.write(&[(own, object)])?;
        if self.head()?.as_ref() != Some(found) {
            let path = self.path(own).display().to_string();
            let cause = FileCause::NotReadBack { path };
            return Err(self.told(Fault::new(Code::StateIo, cause)));
        }
        let needs = found.head.needs(&self.key);
        let is_needed = |name: &NameHash| {
            let at = needs.binary_search_by_key(name, |(needed, _)| *needed);
            at.is_ok() || *name == own
        };
        let mut gone: Vec<NameHash> = self.held()?.into_keys().collect();
        gone.retain(|name| !is_needed(name));
        // Without its head nothing else of it is needed.
        gone.sort_by_key(|name| !names.contains(name));
        self.remove(&gone)
    }

    fn remove(&self, names: &[NameHash]) -> Result<(), Fault> {
        names
            .iter()
            .try_for_each(|name| remove_durably(&self.path(*name)))
            .map_err(|trouble| self.told(trouble))
    }

    /// Removes everything: what lies here was sealed with a former key, and has a successor under the one in force.
    ///
    /// # Errors
    /// `carry.medium`.
    pub fn leave(&self) -> Result<(), Fault> {
        let names = head_names(&self.key);
        let mut all: Vec<NameHash> = self.held()?.into_keys().collect();
        all.sort_by_key(|name| !names.contains(name));
        self.remove(&all)?;
        // What is not of boxsync stays, and the folder with it.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
