//! Test packages at rest: a grid of sealed records in one file, visible only when whole and verified.
//! Never trusts a journal about what is on disk: a record counts if it opens at its place of this edition.
//! Called by `engine` (writes) and by every reader of package content; readers take no lock.
//!
//! A record *is* its own journal: it authenticates or it is fetched again. So there is no second file whose order of
//! writes would matter, records may arrive in any order over several connections, and what a torn range left is kept.

mod content;
mod judged;
mod kept;
mod part;
mod sized;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use judged::{Judged, PackageRecord};
pub use part::PartialPackage;
use sized::SizeNote;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use logic::entity::Checksum;
use logic::fault::{Code, Fault, FileAct, FileCause, Sealed};
use logic::seal::{NameHash, OVERHEAD, Sealer};
use logic::zip::PackageIdentity;
use nix::fcntl::{FallocateFlags, fallocate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Keyring, Vault, damaged, random};
use system::root::{
    listed, make_folder, open_regular, read_regular, remove_file, sync_folder, trouble,
    write_durably,
};

/// Plain bytes of a record; the last one of a package is shorter. At most this much is lost per connection when the
/// process dies.
pub const RECORD: u32 = logic::pace::MIN_RANGE as u32;

/// What is known of one package; the content lies in a file of its own, named by the edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// URI of the delivery.
    pub delivery: String,
    /// Plain bytes.
    pub size: u64,
    /// SHA-256 of the end record and the central directory; `None` while a server without ranges streams it whole.
    pub tail: Option<[u8; 32]>,
    /// Random, new for each download that starts at nothing: records of another edition do not open.
    pub edition: [u8; 16],
    /// Plain bytes of a record.
    pub record: u32,
    /// Members were taken from an older package.
    pub rebuilt: bool,
    /// A later check found it damaged.
    pub damaged: bool,
    /// Checksum of the delivery that it was last compared for: central's package may be another one since.
    pub entity: Option<Checksum>,
}

impl Meta {
    /// Size and end, once the end is known.
    pub fn identity(&self) -> Option<PackageIdentity> {
        let tail = self.tail?;
        let size = self.size;
        Some(PackageIdentity { size, tail })
    }

    /// How many records the package has.
    pub fn records(&self) -> u64 {
        self.size.div_ceil(u64::from(self.record))
    }

    /// Plain bytes of one record.
    pub fn length(&self, index: u64) -> usize {
        let start = index.saturating_mul(u64::from(self.record));
        self.size.saturating_sub(start).min(u64::from(self.record)) as usize
    }

    fn slot(&self, index: u64) -> u64 {
        index.saturating_mul(u64::from(self.record) + OVERHEAD as u64)
    }

    fn sealed_size(&self) -> u64 {
        self.records()
            .saturating_mul(OVERHEAD as u64)
            .saturating_add(self.size)
    }

    fn place(&self, index: u64) -> Vec<u8> {
        let length = self.length(index) as u32;
        [
            &self.edition[..],
            &index.to_be_bytes(),
            &length.to_be_bytes(),
        ]
        .concat()
    }
}

/// The folder `packages/`.
#[derive(Clone)]
pub struct PackageStore {
    folder: PathBuf,
    keys: Keyring,
    meta: Sealer,
}

impl PackageStore {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault) -> Result<Self, Fault> {
        let folder = vault.state().join("packages");
        make_folder(&folder)?;
        let keys = vault.keys().clone();
        Ok(Self {
            folder,
            meta: keys.sealer("package meta"),
            keys,
        })
    }

    /// The whole, verified package of a delivery.
    ///
    /// # Errors
    /// `store.damaged` for a meta file that does not open.
    pub fn held(&self, delivery: &str) -> Result<Option<Meta>, Fault> {
        self.read_meta(&self.meta_path(delivery, "meta"))
    }

    /// Opens the package of a delivery, unless it is damaged. One that another edition takes the place of between the
    /// look and the opening is not missed: the other is opened.
    ///
    /// # Errors
    /// As `held` and `content`.
    pub fn open_held(&self, delivery: &str) -> Result<Option<Content>, Fault> {
        let mut held = self.held(delivery)?;
        loop {
            let Some(meta) = held.filter(|meta| !meta.damaged) else {
                return Ok(None);
            };
            match self.content(&meta) {
                Ok(content) => return Ok(Some(content)),
                Err(fault) => {
                    held = self.held(delivery)?;
                    if held.as_ref().is_some_and(|now| now.edition == meta.edition) {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// The package of a delivery that is still coming.
    ///
    /// # Errors
    /// As `held`.
    pub fn coming(&self, delivery: &str) -> Result<Option<Meta>, Fault> {
        self.read_meta(&self.meta_path(delivery, "part"))
    }

    /// All packages: held ones, then coming ones, each list in the order of their file names. One whose description does
    /// not open is in neither.
    ///
    /// # Errors
    /// As `held`.
    pub fn list(&self) -> Result<(Vec<Meta>, Vec<Meta>), Fault> {
        let mut lists = (Vec::new(), Vec::new());
        for path in self.files()? {
            let list = match path.extension().and_then(|e| e.to_str()) {
                Some("meta") => &mut lists.0,
                Some("part") => &mut lists.1,
                _ => continue,
            };
            match self.read_meta(&path) {
                // One description that rotted must not hide all others; its package is fetched again.
                Err(trouble) if trouble.code == Code::StoreDamaged => {}
                meta => list.extend(meta?),
            }
        }
        Ok(lists)
    }

    /// Opens the content of a package.
    ///
    /// # Errors
    /// What the file system says.
    pub fn content(&self, meta: &Meta) -> Result<Content, Fault> {
        self.content_at(meta, self.data_path(meta))
    }

    fn content_at(&self, meta: &Meta, path: PathBuf) -> Result<Content, Fault> {
        let file = open_regular(OpenOptions::new().read(true), &path)
            .map_err(|error| trouble(&path, FileAct::Open, &error))?;
        Ok(Content {
            sealer: self.sealer(meta),
            file,
            path,
            meta: meta.clone(),
        })
    }

    /// Begins a download at nothing: what came of an earlier edition is forgotten. Space is taken at once, so that a
    /// full disk is met before the first byte; `reserve` bytes stay free for results.
    ///
    /// # Errors
    /// `disk.full`, or what the file system says.
    pub fn begin(
        &self,
        delivery: &str,
        size: u64,
        tail: Option<[u8; 32]>,
        reserve: u64,
    ) -> Result<PartialPackage, Fault> {
        self.abandon(delivery)?;
        let meta = Meta {
            delivery: delivery.to_owned(),
            size,
            tail,
            edition: random(),
            record: RECORD,
            rebuilt: false,
            damaged: false,
            entity: None,
        };
        self.must_fit(meta.sealed_size(), reserve)?;
        let path = self.data_path(&meta);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&path, FileAct::Make, &error))?;
        if let Err(error) = take_space(&file, &path, meta.sealed_size()) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.write_meta(&self.meta_path(delivery, "part"), &meta)?;
        let have = vec![false; meta.records() as usize];
        Ok(PartialPackage {
            content: Content {
                sealer: self.sealer(&meta),
                file,
                path,
                meta,
            },
            have,
            packages: self.clone(),
        })
    }

    /// Goes on with a download: every record on disk is opened, and what is whole and authentic counts. `see` is shown
    /// the plain bytes of each such record, in the order of the package.
    ///
    /// # Errors
    /// What the file system says.
    pub fn resume(
        &self,
        meta: Meta,
        mut see: impl FnMut(u64, &[u8]),
    ) -> Result<PartialPackage, Fault> {
        let path = self.data_path(&meta);
        let file = open_regular(
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600),
            &path,
        )
        .map_err(|error| trouble(&path, FileAct::Open, &error))?;
        let mut part = PartialPackage {
            have: vec![false; meta.records() as usize],
            content: Content {
                sealer: self.sealer(&meta),
                file,
                path,
                meta,
            },
            packages: self.clone(),
        };
        let mut buffer = Vec::new();
        for index in 0..part.content.meta.records() {
            if let Ok(plain) = part.content.record(index, &mut buffer) {
                see(index, plain);
                part.have[index as usize] = true;
            }
        }
        Ok(part)
    }

    /// Forgets a download that is still coming.
    ///
    /// # Errors
    /// What the file system says.
    pub fn abandon(&self, delivery: &str) -> Result<(), Fault> {
        self.drop_files(&self.meta_path(delivery, "part"))
    }

    /// Removes everything of packages whose deliveries `named` does not name, and stray content files.
    /// Gives the number of packages removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn collect(&self, named: &dyn Fn(&str) -> bool) -> Result<u64, Fault> {
        let mut removed = 0;
        let (held, coming) = self.list()?;
        for (extension, metas) in [("meta", &held), ("part", &coming)] {
            for meta in metas.iter().filter(|meta| !named(&meta.delivery)) {
                self.drop_files(&self.meta_path(&meta.delivery, extension))?;
                removed += 1;
            }
        }
        for judged in self.all_judged()? {
            if !named(&judged.delivery) {
                self.forget_judged(&judged.delivery)?;
            }
        }
        for path in self.files()? {
            let is_note = path.extension().is_some_and(|e| e == Self::SIZE);
            let note = is_note.then(|| self.read_sealed::<SizeNote>(&path));
            if let Some(Ok(Some(note))) = note
                && !named(&note.delivery)
            {
                self.forget_size(&note.delivery);
            }
        }
        let living: Vec<PathBuf> = held
            .iter()
            .chain(&coming)
            .map(|meta| self.data_path(meta))
            .collect();
        for path in self.files()? {
            if path.extension().is_some_and(|e| e == "data") && !living.contains(&path) {
                fs::remove_file(&path).map_err(|error| trouble(&path, FileAct::Remove, &error))?;
            }
        }
        Ok(removed)
    }

    /// Marks a held package as damaged: it is fetched again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn mark_damaged(&self, meta: &Meta) -> Result<(), Fault> {
        let meta = Meta {
            damaged: true,
            ..meta.clone()
        };
        self.write_meta(&self.meta_path(&meta.delivery, "meta"), &meta)
    }

    /// A quick look at a held package: its file is as long as it must be, its first and its last record open.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn glance(&self, meta: &Meta) -> Result<(), Fault> {
        let content = self.content(meta)?;
        let length = content.file.metadata().map(|file| file.len());
        if length.is_ok_and(|length| length != meta.sealed_size()) {
            return Err(damaged(&content.path, Sealed::Short));
        }
        let mut buffer = Vec::new();
        for index in [0, meta.records().saturating_sub(1)] {
            content.record(index, &mut buffer)?;
        }
        Ok(())
    }

    /// Notes that a held package is central's as the delivery stands now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn compared(&self, meta: &Meta, entity: Option<Checksum>) -> Result<(), Fault> {
        if meta.entity == entity {
            return Ok(());
        }
        let meta = Meta {
            entity,
            ..meta.clone()
        };
        self.write_meta(&self.meta_path(&meta.delivery, "meta"), &meta)
    }

    /// Bytes free on the volume.
    ///
    /// # Errors
    /// What the file system says.
    pub fn free(&self) -> Result<u64, Fault> {
        let stat = nix::sys::statvfs::statvfs(&self.folder)
            .map_err(|error| trouble(&self.folder, FileAct::Measure, &error.into()))?;
        Ok(stat.blocks_available() as u64 * stat.fragment_size() as u64)
    }

    /// Removes everything of one delivery; whether there was anything.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, delivery: &str) -> Result<bool, Fault> {
        let mut removed = false;
        for extension in ["part", "meta"] {
            let path = self.meta_path(delivery, extension);
            removed |= path.exists();
            self.drop_files(&path)?;
        }
        self.forget_judged(delivery)?;
        self.forget_size(delivery);
        Ok(removed)
    }

    fn must_fit(&self, bytes: u64, reserve: u64) -> Result<(), Fault> {
        let free = self.free()?;
        if bytes.saturating_add(reserve) <= free {
            return Ok(());
        }
        let cause = FileCause::NoRoom {
            path: self.folder.display().to_string(),
            bytes,
            reserve,
            free,
        };
        Err(Fault::new(Code::DiskFull, cause))
    }

    fn publish(&self, meta: &Meta) -> Result<(), Fault> {
        let old = self.held(&meta.delivery).ok().flatten();
        self.write_meta(&self.meta_path(&meta.delivery, "meta"), meta)?;
        let part = self.meta_path(&meta.delivery, "part");
        fs::remove_file(&part).map_err(|error| trouble(&part, FileAct::Remove, &error))?;
        sync_folder(&part)?;
        self.forget_size(&meta.delivery);
        if let Some(old) = old.filter(|old| old.edition != meta.edition) {
            // Readers that have it open keep it until they close it.
            let _ = fs::remove_file(self.data_path(&old));
        }
        Ok(())
    }

    fn drop_files(&self, meta_path: &Path) -> Result<(), Fault> {
        let meta = self.read_meta(meta_path).ok().flatten();
        remove_file(meta_path)?;
        if let Some(meta) = meta {
            let _ = fs::remove_file(self.data_path(&meta));
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<PathBuf>, Fault> {
        listed(&self.folder).map_err(|error| trouble(&self.folder, FileAct::List, &error))
    }

    fn read_meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        self.read_sealed(path)
    }

    fn read_sealed<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Fault> {
        let sealed = match read_regular(path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(path, FileAct::Read, &error)),
        };
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        self.meta
            .open(name, &sealed)
            .ok()
            .and_then(|plain| postcard::from_bytes(&plain).ok())
            .map(Some)
            .ok_or_else(|| damaged(path, Sealed::Description))
    }

    fn write_meta(&self, path: &Path, meta: &Meta) -> Result<(), Fault> {
        self.write_sealed(path, meta)
    }

    fn write_sealed(&self, path: &Path, value: &impl Serialize) -> Result<(), Fault> {
        let plain = postcard::to_allocvec(value).expect("plain data always serialises");
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        write_durably(path, &self.meta.seal(random(), name, &plain))
    }

    fn meta_path(&self, delivery: &str, extension: &str) -> PathBuf {
        self.folder.join(format!(
            "{}.{extension}",
            self.keys.name("package", delivery)
        ))
    }

    fn data_path(&self, meta: &Meta) -> PathBuf {
        self.folder.join(format!("{}.data", NameHash(meta.edition)))
    }

    fn sealer(&self, meta: &Meta) -> Sealer {
        self.keys
            .sealer(&format!("package {}", NameHash(meta.edition)))
    }
}

/// Takes the space of a file at once, where the file system can.
fn take_space(file: &fs::File, path: &Path, bytes: u64) -> Result<(), Fault> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes.max(1) as i64) {
        Ok(()) | Err(nix::errno::Errno::EOPNOTSUPP) => Ok(()),
        Err(error) => Err(trouble(path, FileAct::TakeSpace, &error.into())),
    }
}
