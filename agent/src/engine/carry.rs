//! Catalogue and packages of one organisation, exported to a stick and looked at there.
//! Never holds more than one object in memory, and never puts a head in place before everything that it names is durable.
//! Called by the verb `carry`.

mod import;
mod serve;
mod source;

pub(in crate::engine) use import::ORIGIN;
pub use serve::StickCentral;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use logic::carry::{
    EntityCutter, SPAN, StickEntities, StickHead, StickPackage, entities_name, is_current,
};
use logic::entity::{Entity, EntityType};
use logic::fault::{Code, Fault, Id, SiteCause};
use logic::language::{Language, figure};
use logic::report::Report;
use logic::seal::NameHash;
use logic::site::{ObjectKind, OrganisationKey, SiteObject};
use nix::fcntl::Flock;

use super::{Engine, content, site_keys, versions};
use system::clock;
use vault::carry::{FoundHead, StickFolder};
use vault::catalogue::{CatalogueReader, CatalogueRevision, CatalogueStore};
use vault::encryption;
use vault::package::{Meta, PackageStore};

/// Objects that become durable together, at most, and about how many bytes of them are held for that.
const TOGETHER: usize = 32;
const TOGETHER_BYTES: u64 = 2 * SPAN;

/// Told how many bytes are done, of how many.
pub type SeenBytes<'a> = &'a mut dyn FnMut(u64, u64);

/// What an export is to write.
pub struct StickExport {
    stick: StickFolder,
    /// The place is this process's until the end.
    _claim: Option<Flock<File>>,
    former: Vec<StickFolder>,
    source: CatalogueSource,
    packages: Vec<(StickPackage, Meta)>,
    store: PackageStore,
    box_id: String,
    found: FoundHead,
    /// The head that is in place says the same.
    unchanged: bool,
    missing: BTreeSet<NameHash>,
    /// Bytes of the files to write.
    pub bytes: u64,
    /// Bytes of the files that need not be written again.
    pub kept: u64,
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedStick {
    /// The head that is in place.
    pub found: FoundHead,
    /// Objects and bytes that were written.
    pub written: (u64, u64),
    /// Bytes that lay there whole.
    pub kept: u64,
    /// Deliveries whose package could not be read on the box.
    pub unread: Vec<String>,
}

/// What lies on a stick of one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickLook {
    /// Its head.
    pub found: FoundHead,
    /// Names of files that are missing or do not open.
    pub lacking: Vec<String>,
    /// Seconds since the catalogue was read from central.
    pub age: u64,
}

impl Engine {
    /// The folders of this organisation at a place, that of the key in force first.
    ///
    /// # Errors
    /// `site.no_key`, `site.key_file`, `config.no_organisation`.
    pub fn sticks(&self, place: &Path) -> Result<Vec<StickFolder>, Fault> {
        let keys = site_keys(&self.settings)?;
        let id = match self.organisation_id() {
            Some(id) => id,
            None => self.organisation()?,
        };
        let keys = keys.iter().map(|key| key.of_organisation(&id));
        Ok(keys.map(|key| StickFolder::new(place, key)).collect())
    }

    /// The head at a place that counts for this organisation, whichever key of the site sealed it.
    ///
    /// # Errors
    /// `carry.none`; as `sticks`; `carry.medium`.
    pub fn carried(&self, place: &Path) -> Result<(StickFolder, FoundHead), Fault> {
        let mut newest: Option<(StickFolder, FoundHead)> = None;
        if !place.is_dir() {
            let path = place.display().to_string();
            return Err(Fault::new(Code::CarryMedium, SiteCause::NoStick { path }));
        }
        for stick in self.sticks(place)? {
            let Some(found) = stick.head()? else { continue };
            let is_newer =
                |(_, before): &(_, FoundHead)| before.head.complete_at < found.head.complete_at;
            if newest.as_ref().is_none_or(is_newer) {
                newest = Some((stick, found));
            }
        }
        newest.ok_or_else(|| {
            let id = Id::from(&self.organisation_id().unwrap_or_default());
            let path = place.display().to_string();
            Fault::new(Code::CarryNone, SiteCause::NothingCarried { path, id })
        })
    }

    /// Opens everything that lies at a place of this organisation.
    ///
    /// # Errors
    /// As `carried`.
    pub fn look_at_stick(&self, place: &Path, see: SeenBytes<'_>) -> Result<StickLook, Fault> {
        let (stick, found) = self.carried(place)?;
        let total = found.head.package_bytes();
        let mut done = 0;
        let lacking = stick.unwhole(&found.head, &mut |bytes| {
            done += bytes;
            see(done.min(total), total);
        })?;
        let age = clock::now().wall.saturating_sub(found.head.complete_at);
        Ok(StickLook {
            lacking: lacking.into_iter().map(StickFolder::file_name).collect(),
            age: age.max(0) as u64,
            found,
        })
    }

    /// What is to be written so that a stick holds the data of this organisation; what opens there is not written again.
    ///
    /// # Errors
    /// `carry.unready`, `carry.older`, `carry.full`, `carry.medium`; as `sticks`; what the state folder says.
    pub fn stick_export(
        &self,
        place: &Path,
        older: bool,
        see: SeenBytes<'_>,
    ) -> Result<StickExport, Fault> {
        let mut former = self.sticks(place)?;
        let stick = former.remove(0);
        let claim = stick.claim()?;
        let organisation = self.organisation_id().unwrap_or_default();
        let (edition, reader) = CatalogueStore::open(&self.vault)?.opened()?;
        let complete_at = edition.complete_at;
        let Some(complete_at) = complete_at.filter(|_| edition.organisation_id == organisation)
        else {
            return Err(Fault::new(Code::CarryUnready, SiteCause::Unready));
        };
        let mut source = CatalogueSource { edition, reader };
        let store = PackageStore::open(&self.vault)?;
        let before = stick.head()?;
        // What a former key sealed goes with this export: it may be newer, too.
        let mut newest = before.as_ref().map(|before| before.head.complete_at);
        for former in &former {
            newest = newest.max(former.head()?.map(|found| found.head.complete_at));
        }
        if let Some(newest) = newest.filter(|newest| !older && *newest > complete_at) {
            let path = place.display().to_string();
            let at = |at| figure::moment(Language::English, at, 0);
            let (at, own) = (at(newest), at(complete_at));
            return Err(Fault::new(
                Code::CarryOlder,
                SiteCause::NewerCarried { path, at, own },
            ));
        }
        let mut head = StickHead {
            organisation,
            versions: versions::known(&self.vault, &self.version()?)?,
            encryption: encryption::standing(&self.vault),
            complete_at,
            ..StickHead::default()
        };
        let mut plan = ExportPlan {
            stick: &stick,
            box_id: self.identity()?.box_id,
            sizes: Vec::new(),
            seen: BTreeSet::new(),
            missing: BTreeSet::new(),
            kept: 0,
        };
        for kind in EntityType::ALL {
            let count = source.edition.count(kind) as u64;
            let mut bodies = Vec::new();
            source.each_body(Some(kind), &mut |body| {
                let name = entities_name(stick.key(), &body);
                bodies.push(name);
                plan.needs(name, body.len() as u64, ObjectKind::Entities)
            })?;
            head.types.push(StickEntities {
                kind,
                count,
                bodies,
            });
        }
        source.each_body(None, &mut |body| {
            let name = entities_name(stick.key(), &body);
            head.classes.push(name);
            plan.needs(name, body.len() as u64, ObjectKind::Entities)
        })?;
        let packages = source.packages(&store)?;
        // What central has none for lacks nowhere.
        let without = source.edition.count(EntityType::Delivery) as u64 - packages.len() as u64;
        head.lacking =
            without.saturating_sub(Report::absent(&self.history(200).unwrap_or_default()));
        let total: u64 = packages.iter().map(|(package, _)| package.size).sum();
        let mut done = 0;
        for (package, _) in &packages {
            for span in 0..package.spans() {
                let length = package.length(span);
                plan.needs(package.name(stick.key(), span), length, ObjectKind::Span)?;
                done += length;
                see(done, total);
            }
        }
        head.packages = packages
            .iter()
            .map(|(package, _)| package.clone())
            .collect();
        let ExportPlan {
            box_id,
            mut sizes,
            missing,
            kept,
            ..
        } = plan;
        let unchanged =
            missing.is_empty() && before.as_ref().is_some_and(|before| before.head == head);
        let bytes = sizes.iter().sum();
        if !unchanged {
            sizes.push(OrganisationKey::sealed_size(
                &box_id,
                head.write().len() as u64,
            ));
            stick.clean();
            stick.must_fit(&sizes)?;
        }
        let next = before.as_ref().map_or(1, |before| before.number + 1);
        let found = match before.filter(|_| unchanged) {
            Some(before) => before,
            None => FoundHead {
                number: next,
                box_id: box_id.clone(),
                at: clock::now().wall,
                head,
            },
        };
        Ok(StickExport {
            stick,
            _claim: claim,
            former,
            source,
            packages,
            store,
            box_id,
            found,
            unchanged,
            missing,
            bytes,
            kept,
        })
    }
}

/// What an export finds at its place.
struct ExportPlan<'a> {
    stick: &'a StickFolder,
    box_id: String,
    /// Bytes of the files to write.
    sizes: Vec<u64>,
    seen: BTreeSet<NameHash>,
    missing: BTreeSet<NameHash>,
    kept: u64,
}

impl ExportPlan<'_> {
    fn needs(&mut self, name: NameHash, body: u64, kind: ObjectKind) -> Result<(), Fault> {
        if !self.seen.insert(name) {
            return Ok(());
        }
        let size = OrganisationKey::sealed_size(&self.box_id, body);
        match self
            .stick
            .holds(name, (kind == ObjectKind::Span).then_some(body))?
        {
            true => self.kept += size,
            false => {
                self.sizes.push(size);
                self.missing.insert(name);
            }
        }
        Ok(())
    }
}

impl StickExport {
    /// What the stick holds after it.
    pub fn head(&self) -> &StickHead {
        &self.found.head
    }

    /// Writes what is missing, then the head, and removes what it does not need.
    ///
    /// # Errors
    /// `carry.full`, `carry.medium`: then the data before is whole, and the same export goes on. What the state folder says.
    pub fn write(mut self, see: SeenBytes<'_>) -> Result<ExportedStick, Fault> {
        let mut writer = StickWriter {
            stick: &self.stick,
            box_id: &self.box_id,
            at: self.found.at,
            missing: std::mem::take(&mut self.missing),
            waiting: Vec::new(),
            bytes: 0,
            written: (0, 0),
        };
        let total = self.bytes;
        for kind in EntityType::ALL.into_iter().map(Some).chain([None]) {
            self.source.each_body(kind, &mut |body| {
                let name = entities_name(writer.stick.key(), &body);
                writer.add(name, ObjectKind::Entities, || Ok(body))?;
                see(writer.written.1, total);
                Ok(())
            })?;
        }
        let mut unread = Vec::new();
        for (package, meta) in &self.packages {
            let written = write_package(&mut writer, &self.store, package, meta, &mut |written| {
                see(written, total)
            });
            match written {
                // Another edition took its place, or its records do not open: it stays away.
                Err(trouble) if !is_of_stick(&trouble) => {
                    tracing::warn!(code = %trouble.code, "{trouble}: the package is not carried");
                    unread.push(package.delivery.clone());
                }
                written => written?,
            }
        }
        writer.flush()?;
        let written = writer.written;
        if !unread.is_empty() {
            let head = &mut self.found.head;
            head.packages
                .retain(|package| !unread.contains(&package.delivery));
            head.lacking += unread.len() as u64;
        }
        if !self.unchanged {
            self.stick.place(&self.found)?;
        }
        // What a former key sealed has a successor.
        self.former
            .iter()
            .filter(|stick| stick.exists())
            .try_for_each(StickFolder::leave)?;
        Ok(ExportedStick {
            found: self.found,
            written,
            kept: self.kept,
            unread,
        })
    }
}

fn is_of_stick(trouble: &Fault) -> bool {
    [Code::CarryFull, Code::CarryMedium].contains(&trouble.code)
}

fn write_package(
    writer: &mut StickWriter<'_>,
    store: &PackageStore,
    package: &StickPackage,
    meta: &Meta,
    see: &mut dyn FnMut(u64),
) -> Result<(), Fault> {
    let names = (0..package.spans()).map(|span| package.name(writer.stick.key(), span));
    let names: Vec<NameHash> = names.collect();
    if names.iter().all(|name| !writer.missing.contains(name)) {
        return Ok(());
    }
    let held = store.content(meta)?;
    for (span, name) in (0..).zip(names) {
        let begin = span * SPAN;
        let end = begin + package.length(span);
        writer.add(name, ObjectKind::Span, || content::span(&held, begin..end))?;
        see(writer.written.1);
    }
    Ok(())
}

/// Seals and writes objects, some at a time.
struct StickWriter<'a> {
    stick: &'a StickFolder,
    box_id: &'a str,
    at: i64,
    missing: BTreeSet<NameHash>,
    waiting: Vec<(NameHash, SiteObject)>,
    bytes: u64,
    written: (u64, u64),
}

impl StickWriter<'_> {
    /// Writes an object that is missing; the others are not even read.
    fn add(
        &mut self,
        name: NameHash,
        kind: ObjectKind,
        body: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<(), Fault> {
        if !self.missing.contains(&name) {
            return Ok(());
        }
        let body = body()?;
        self.missing.remove(&name);
        self.bytes += body.len() as u64;
        let object = SiteObject {
            kind,
            box_id: self.box_id.to_owned(),
            generation: 0,
            at: self.at,
            body,
        };
        self.waiting.push((name, object));
        match self.bytes >= TOGETHER_BYTES || self.waiting.len() >= TOGETHER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let objects = std::mem::take(&mut self.waiting);
        if !objects.is_empty() {
            self.stick.write(&objects)?;
        }
        for (_, object) in &objects {
            let size = OrganisationKey::sealed_size(self.box_id, object.body.len() as u64);
            self.written = (self.written.0 + 1, self.written.1 + size);
        }
        self.bytes = 0;
        Ok(())
    }
}

/// One edition of the catalogue, read to its end whatever is published meanwhile.
struct CatalogueSource {
    edition: CatalogueRevision,
    reader: CatalogueReader,
}

impl CatalogueSource {
    /// The bodies of a type in the order of its ids; those of classes with `None`.
    fn each_body(
        &mut self,
        kind: Option<EntityType>,
        take: &mut dyn FnMut(Vec<u8>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut cutter = EntityCutter::default();
        for (_, name) in self.order(kind)? {
            if let Some(body) = cutter.add(&self.read(kind, &name)?) {
                take(body)?;
            }
        }
        cutter.end().map_or(Ok(()), take)
    }

    /// Ids and names, in the order of the ids: the same on every box.
    fn order(&mut self, kind: Option<EntityType>) -> Result<Vec<(String, NameHash)>, Fault> {
        let mut order = Vec::new();
        match kind {
            Some(kind) => {
                for (name, row) in self.edition.rows(kind) {
                    order.push((self.reader.id(kind, name, row)?, *name));
                }
            }
            None => {
                for (name, row) in &self.edition.classes {
                    order.push((self.reader.class(name, row)?.id, *name));
                }
            }
        }
        order.sort();
        Ok(order)
    }

    fn read(&mut self, kind: Option<EntityType>, name: &NameHash) -> Result<Entity, Fault> {
        let rows = match kind {
            Some(kind) => self.edition.types.get(&kind),
            None => Some(&self.edition.classes),
        };
        let row = rows
            .and_then(|rows| rows.get(name))
            .expect("it is of this edition");
        match kind {
            Some(kind) => self.reader.entity(kind, name, row),
            None => self.reader.class(name, row),
        }
    }

    /// The packages that go: held whole, and compared with central's since their delivery changed.
    fn packages(&mut self, store: &PackageStore) -> Result<Vec<(StickPackage, Meta)>, Fault> {
        let mut packages = Vec::new();
        for (delivery, name) in self.order(Some(EntityType::Delivery))? {
            let rows = self.edition.types.get(&EntityType::Delivery);
            let row = rows.and_then(|rows| rows.get(&name));
            let held = match store.held(&delivery) {
                Err(trouble) if trouble.code == Code::StoreDamaged => None,
                held => held?.filter(|held| !held.damaged),
            };
            let current = held.filter(|held| is_current(held.entity, row.map(|row| row.checksum)));
            if let Some((meta, identity)) =
                current.and_then(|meta| meta.identity().map(|of| (meta, of)))
            {
                packages.push((StickPackage::new(&delivery, identity), meta));
            }
        }
        Ok(packages)
    }
}
