//! The catalogue at rest: sealed entities in append-only segments, one sealed edition that says which of them count.
//! Never shows half a run: an edition is renamed into place whole, and readers of the one before still find its bytes.
//! Called by `engine` (writes) and by every reader of entities; readers take no lock.

mod edition;
mod opened;

pub use edition::{CatalogueRevision, EntityLocation, EntityRows, HiddenEntity, HiddenRows, index};

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use logic::entity::{Checksum, Entity, EntityType};
use logic::fault::{Fault, FileAct, Sealed};
use logic::seal::{NONCE, NameHash, OVERHEAD, Sealer};

use super::organisations::ORGANISATION;
use super::{Vault, damaged, random};
use system::root::{
    ORGANISATIONS, make_folder, open_regular, read_regular, set_aside, sync_folder, trouble,
    write_durably,
};

/// The word that stands for classes where a type is expected.
const CLASS: &str = "class";

/// Tells a file that is replaced whole from the one that took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    path: PathBuf,
    /// Device, inode, length.
    file: (u64, u64, u64),
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl FileStamp {
    /// That of the edition in a folder `catalogue/`; `None` before there is one.
    pub fn of(folder: &Path) -> Option<Self> {
        Self::at(folder.join("edition"))
    }

    /// Those of every organisation of a state folder; one that comes or goes makes a difference.
    pub fn of_all(state: &Path) -> Vec<Self> {
        let added = fs::read_dir(state.join(ORGANISATIONS))
            .into_iter()
            .flatten();
        let added = added.filter_map(|entry| Some(entry.ok()?.path()));
        let mut homes: Vec<PathBuf> = added.collect();
        homes.sort();
        homes.push(state.to_owned());
        let files = |home: PathBuf| {
            let who = Self::at(home.join(ORGANISATION));
            [who, Self::of(&home.join("catalogue"))]
        };
        homes.into_iter().flat_map(files).flatten().collect()
    }

    /// That of any such file.
    pub fn at(path: PathBuf) -> Option<Self> {
        let meta = fs::metadata(&path).ok()?;
        Some(Self {
            file: (meta.dev(), meta.ino(), meta.len()),
            changed: (meta.mtime(), meta.mtime_nsec()),
            path,
        })
    }
}

/// The folder `catalogue/`.
#[derive(Clone)]
pub struct CatalogueStore {
    folder: PathBuf,
    edition: Sealer,
    record: Sealer,
}

impl CatalogueStore {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(vault: &Vault) -> Result<Self, Fault> {
        let folder = vault.home().join("catalogue");
        make_folder(&folder)?;
        Ok(Self {
            folder,
            edition: vault.home_sealer("edition"),
            record: vault.home_sealer("entity"),
        })
    }

    /// What is shown now; an empty edition on a new box. With what the guard remembers, for who writes the next one.
    ///
    /// # Errors
    /// `store.damaged` for one that does not open.
    pub fn edition(&self) -> Result<CatalogueRevision, Fault> {
        self.read(CatalogueRevision::read)
            .map(|(edition, _)| edition)
    }

    /// The same for who only reads: what central lately said of each entity is passed over.
    ///
    /// # Errors
    /// As `edition`.
    pub fn shown(&self) -> Result<CatalogueRevision, Fault> {
        self.drawn().map(|(edition, _)| edition)
    }

    /// The same for who throws away what no catalogue names.
    ///
    /// # Errors
    /// As `edition`; also where records lie there and no edition says of what: it was set aside, and no other came since.
    pub fn named(&self) -> Result<CatalogueRevision, Fault> {
        let shown = self.shown()?;
        if self.stamp().is_none() && !self.segments()?.is_empty() {
            return Err(damaged(&self.folder.join("edition"), Sealed::Edition));
        }
        Ok(shown)
    }

    /// The same with a number that the publication of this edition drew at random; 0 on a new box.
    ///
    /// # Errors
    /// As `edition`.
    pub fn drawn(&self) -> Result<(CatalogueRevision, u64), Fault> {
        self.read(CatalogueRevision::read_shown)
    }

    fn read(
        &self,
        read: fn(&[u8]) -> Option<CatalogueRevision>,
    ) -> Result<(CatalogueRevision, u64), Fault> {
        let path = self.folder.join("edition");
        let mut sealed = match read_regular(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(trouble(&path, FileAct::Read, &error)),
        };
        // The nonce of the seal is one.
        let drawn = sealed
            .first_chunk()
            .map_or(0, |nonce| u64::from_le_bytes(*nonce));
        self.edition
            .open_in_place(b"edition", &mut sealed)
            .ok()
            .and_then(read)
            .map(|edition| (edition, drawn))
            .ok_or_else(|| damaged(&path, Sealed::Edition))
    }

    /// Which file is shown now; another one after every `publish`. `None` on a new box.
    pub fn stamp(&self) -> Option<FileStamp> {
        FileStamp::of(&self.folder)
    }

    /// Keeps an edition that does not open where nobody reads it, and says where.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_aside(&self, vault: &Vault) -> Result<PathBuf, Fault> {
        set_aside(
            &vault.state().join("quarantine"),
            &self.folder.join("edition"),
        )
    }

    /// Makes an edition visible, durably; `writer`'s bytes are synced before. Segments that neither it nor the one
    /// before it needs (`before`) go.
    ///
    /// # Errors
    /// What the file system says; then the edition before is still shown.
    pub fn publish(
        &self,
        before: &BTreeSet<u32>,
        edition: &CatalogueRevision,
        writer: Option<SegmentWriter>,
    ) -> Result<(), Fault> {
        if let Some(writer) = writer {
            writer.sync()?;
        }
        // Sealed where it was written: it is the largest single thing that the box holds in memory.
        let mut sealed = edition.write(random::<NONCE>().to_vec());
        self.edition.seal_in_place(b"edition", &mut sealed);
        write_durably(&self.folder.join("edition"), &sealed)?;
        drop(sealed);
        let needed = edition.segments();
        for (number, path) in self.segments()? {
            if !before.contains(&number) && !needed.contains(&number) {
                fs::remove_file(&path).map_err(|error| trouble(&path, FileAct::Remove, &error))?;
            }
        }
        Ok(())
    }

    /// Moves all living records into `writer` when more than half of the bytes on disk are dead.
    ///
    /// # Errors
    /// `store.damaged` for a record that does not open, or what the file system says.
    pub fn compact(
        &self,
        edition: &mut CatalogueRevision,
        writer: &mut SegmentWriter,
    ) -> Result<(), Fault> {
        const WORTH_IT: u64 = 8 << 20;
        let living: u64 = edition.all().map(|row| u64::from(row.length)).sum();
        let mut total = 0;
        for (_, path) in self.segments()? {
            total += fs::metadata(&path).map_or(0, |meta| meta.len());
        }
        if total < WORTH_IT || living * 2 > total {
            return Ok(());
        }
        let mut reader = self.reader();
        for (word, name, row) in edition.all_mut() {
            if row.segment == writer.number {
                continue;
            }
            let entity = reader.read(word, name, row)?;
            *row = writer.write(word, *name, &entity)?;
        }
        Ok(())
    }

    /// Begins a segment for what a run brings.
    ///
    /// # Errors
    /// What the file system says.
    pub fn writer(&self) -> Result<SegmentWriter, Fault> {
        let number = self
            .segments()?
            .into_keys()
            .next_back()
            .map_or(1, |last| last + 1);
        let path = self.path(number);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&path, FileAct::Make, &error))?;
        Ok(SegmentWriter {
            file,
            path,
            number,
            offset: 0,
            buffer: Vec::new(),
            sealer: self.record.clone(),
        })
    }

    /// Reads records.
    pub fn reader(&self) -> CatalogueReader {
        CatalogueReader {
            catalogue: self.clone(),
            open: BTreeMap::new(),
        }
    }

    fn segments(&self) -> Result<BTreeMap<u32, PathBuf>, Fault> {
        let entries = fs::read_dir(&self.folder)
            .map_err(|error| trouble(&self.folder, FileAct::List, &error))?;
        let number = |path: &Path| {
            path.file_name()?
                .to_str()?
                .strip_suffix(".seg")?
                .parse()
                .ok()
        };
        Ok(entries
            .filter_map(Result::ok)
            .filter_map(|entry| number(&entry.path()).map(|number| (number, entry.path())))
            .collect())
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number}.seg"))
    }
}

/// Appends sealed records to one segment. Nothing counts before an edition names it.
pub struct SegmentWriter {
    file: File,
    path: PathBuf,
    number: u32,
    offset: u64,
    buffer: Vec<u8>,
    sealer: Sealer,
}

impl SegmentWriter {
    /// Bytes gathered before they are handed to the kernel.
    const GATHER: usize = 256 << 10;

    /// Seals and appends one entity of a type.
    ///
    /// # Errors
    /// What the file system says.
    pub fn entity(
        &mut self,
        kind: EntityType,
        name: NameHash,
        entity: &Entity,
    ) -> Result<EntityLocation, Fault> {
        self.write(kind.word(), name, entity)
    }

    /// Seals and appends one class.
    ///
    /// # Errors
    /// What the file system says.
    pub fn class(&mut self, name: NameHash, entity: &Entity) -> Result<EntityLocation, Fault> {
        self.write(CLASS, name, entity)
    }

    fn write(
        &mut self,
        word: &str,
        name: NameHash,
        entity: &Entity,
    ) -> Result<EntityLocation, Fault> {
        let checksum = Checksum::of(&entity.checksum);
        // An eligibility may weigh as much as the rest of the run: it is serialised, sealed and written in one place.
        let mut sealed = plain(entity, random::<NONCE>());
        self.sealer
            .seal_in_place(&place(word, &name, &checksum), &mut sealed);
        let row = EntityLocation {
            checksum,
            segment: self.number,
            offset: self.offset,
            length: sealed.len() as u32,
        };
        self.offset += sealed.len() as u64;
        if self.buffer.len() + sealed.len() > Self::GATHER {
            self.flush()?;
        }
        if sealed.len() > Self::GATHER {
            self.hand_on(&sealed)?;
        } else {
            self.buffer.extend_from_slice(&sealed);
        }
        Ok(row)
    }

    /// Hands what was gathered to the kernel, so that readers of this machine find it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.hand_on(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn hand_on(&self, bytes: &[u8]) -> Result<(), Fault> {
        (&self.file)
            .write_all(bytes)
            .map_err(|error| trouble(&self.path, FileAct::Write, &error))
    }

    fn sync(mut self) -> Result<(), Fault> {
        self.flush()?;
        self.file
            .sync_all()
            .map_err(|error| trouble(&self.path, FileAct::Sync, &error))?;
        sync_folder(&self.path)
    }
}

/// Opens records; keeps the segments' files open while it lives.
pub struct CatalogueReader {
    catalogue: CatalogueStore,
    open: BTreeMap<u32, File>,
}

impl CatalogueReader {
    /// One entity of a type.
    ///
    /// # Errors
    /// `store.damaged` for a record that does not open, or what the file system says.
    pub fn entity(
        &mut self,
        kind: EntityType,
        name: &NameHash,
        row: &EntityLocation,
    ) -> Result<Entity, Fault> {
        self.read(kind.word(), name, row)
    }

    /// One class.
    ///
    /// # Errors
    /// As `entity`.
    pub fn class(&mut self, name: &NameHash, row: &EntityLocation) -> Result<Entity, Fault> {
        self.read(CLASS, name, row)
    }

    /// Whether a row's record is whole and authentic; an interrupted run's rows may name bytes that were never written.
    pub fn holds(&mut self, kind: EntityType, name: &NameHash, row: &EntityLocation) -> bool {
        self.id(kind, name, row).is_ok()
    }

    /// The URI of one entity of a type, without its properties.
    ///
    /// # Errors
    /// As `entity`.
    pub fn id(
        &mut self,
        kind: EntityType,
        name: &NameHash,
        row: &EntityLocation,
    ) -> Result<String, Fault> {
        // The fields of `Entity` in their order.
        let id = |plain: &[u8]| {
            let (id, _) = postcard::take_from_bytes::<&str>(plain).ok()?;
            Some(id.to_owned())
        };
        self.read_as(kind.word(), name, row, id)
    }

    fn read(&mut self, word: &str, name: &NameHash, row: &EntityLocation) -> Result<Entity, Fault> {
        self.read_as(word, name, row, |plain| postcard::from_bytes(plain).ok())
    }

    fn read_as<T>(
        &mut self,
        word: &str,
        name: &NameHash,
        row: &EntityLocation,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Fault> {
        let path = self.catalogue.path(row.segment);
        let file = match self.open.entry(row.segment) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(slot) => slot.insert(
                open_regular(OpenOptions::new().read(true), &path)
                    .map_err(|error| trouble(&path, FileAct::Open, &error))?,
            ),
        };
        let mut sealed = vec![0; row.length as usize];
        match file.read_exact_at(&mut sealed, row.offset) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(trouble(&path, FileAct::Read, &error));
            }
            _ => {}
        }
        self.catalogue
            .record
            .open_in_place(&place(word, name, &row.checksum), &mut sealed)
            .ok()
            .and_then(read)
            .ok_or_else(|| {
                let (kind, name) = (word.to_owned(), name.to_string());
                damaged(&path, Sealed::Entity { kind, name })
            })
    }
}

/// The plain bytes of an entity behind a nonce, in a piece of memory that has room for the tag, too.
fn plain(entity: &Entity, nonce: [u8; NONCE]) -> Vec<u8> {
    let size = postcard::serialize_with_flavor(entity, postcard::ser_flavors::Size::default());
    let size: usize = size.expect("plain data always serialises");
    let mut begun = Vec::with_capacity(size + OVERHEAD);
    begun.extend_from_slice(&nonce);
    postcard::to_extend(entity, begun).expect("plain data always serialises")
}

fn place(word: &str, name: &NameHash, checksum: &Checksum) -> Vec<u8> {
    [word.as_bytes(), &name.0, &checksum.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;

    fn entity(id: &str, label: &str) -> Entity {
        let label = logic::entity::Value::One(label.to_owned());
        let properties = [(logic::entity::uri::LABEL.to_owned(), label)]
            .into_iter()
            .collect();
        let checksum = logic::php::checksum(&properties, &[]);
        Entity {
            id: id.into(),
            checksum,
            properties,
        }
    }

    fn run(vault: &Vault, catalogue: &CatalogueStore, entities: &[Entity]) -> CatalogueRevision {
        let before = catalogue.edition().unwrap();
        let mut edition = CatalogueRevision {
            generation: before.generation + 1,
            ..before.clone()
        };
        let mut writer = catalogue.writer().unwrap();
        let rows = edition.types.entry(EntityType::Proctor).or_default();
        for entity in entities {
            let name = vault.keys().name("proctor", &entity.id);
            rows.insert(
                name,
                writer.entity(EntityType::Proctor, name, entity).unwrap(),
            );
        }
        catalogue.compact(&mut edition, &mut writer).unwrap();
        catalogue
            .publish(&before.segments(), &edition, Some(writer))
            .unwrap();
        edition
    }

    #[test]
    fn a_reader_of_the_edition_before_still_finds_its_bytes() {
        let (_dir, vault) = Vault::fresh();
        let catalogue = CatalogueStore::open(&vault).unwrap();
        let first = run(&vault, &catalogue, &[entity("a", "one")]);
        let second = run(&vault, &catalogue, &[entity("a", "two")]);
        let mut reader = catalogue.reader();
        for (edition, label) in [(&first, "one"), (&second, "two")] {
            let (name, row) = edition.rows(EntityType::Proctor).next().unwrap();
            assert_eq!(
                reader.entity(EntityType::Proctor, name, row).unwrap(),
                entity("a", label)
            );
        }
        run(&vault, &catalogue, &[entity("a", "three")]);
        assert_eq!(catalogue.segments().unwrap().len(), 2);
    }

    #[test]
    fn nothing_at_rest_is_readable_and_damage_is_named() {
        let (_dir, vault) = Vault::fresh();
        let catalogue = CatalogueStore::open(&vault).unwrap();
        let edition = run(
            &vault,
            &catalogue,
            &[entity("https://central#secret", "Ada Lovelace")],
        );
        let path = catalogue.path(1);
        let mut bytes = fs::read(&path).unwrap();
        for word in [&b"Lovelace"[..], b"secret"] {
            assert!(!bytes.windows(word.len()).any(|w| w == word));
        }
        bytes[40] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (name, row) = edition.rows(EntityType::Proctor).next().unwrap();
        let error = catalogue
            .reader()
            .entity(EntityType::Proctor, name, row)
            .unwrap_err();
        assert_eq!(error.code, Code::StoreDamaged);
        fs::write(catalogue.folder.join("edition"), "x").unwrap();
        assert_eq!(catalogue.edition().unwrap_err().code, Code::StoreDamaged);
    }

    #[test]
    fn dead_bytes_are_compacted_away() {
        let (_dir, vault) = Vault::fresh();
        let catalogue = CatalogueStore::open(&vault).unwrap();
        let big = "x".repeat(3 << 20);
        for round in 0..6 {
            run(
                &vault,
                &catalogue,
                &[entity("a", &format!("{round}{big}")), entity("b", "small")],
            );
        }
        let total: u64 = catalogue
            .segments()
            .unwrap()
            .values()
            .map(|p| fs::metadata(p).unwrap().len())
            .sum();
        assert!(total < 10 << 20, "{total} bytes for 3 MiB");
        let edition = catalogue.edition().unwrap();
        let mut reader = catalogue.reader();
        assert!(
            edition
                .rows(EntityType::Proctor)
                .all(|(name, row)| reader.holds(EntityType::Proctor, name, row))
        );
    }
}
