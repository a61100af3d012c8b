//! Catalogue and packages of one organisation, exported to a stick and looked at there.
//! Never holds more than one object in memory, and never puts a head in place before everything that it names is durable.
//! Called by the verb `carry`.

mod import;
mod leaving;
mod serve;
mod source;
mod write;

pub(in crate::engine) use import::ORIGIN;
pub use serve::StickCentral;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use logic::carry::{StickEntities, StickHead, entities_name};
use logic::entity::EntityType;
use logic::fault::{Code, Fault, Id, SiteCause, UtcMinute};
use logic::report::Report;
use logic::seal::NameHash;
use logic::site::{ObjectKind, OrganisationKey};
use nix::fcntl::Flock;

use super::{Engine, site_keys, versions};
use leaving::{CatalogueSource, LeavingPackages, LyingHead};
use system::clock;
use vault::carry::{FoundHead, StickFolder};
use vault::catalogue::CatalogueStore;
use vault::encryption;
use vault::package::PackageStore;

/// More deliveries are not named.
const NAMED: usize = 10;

/// Told how many bytes are done, of how many.
pub type SeenBytes<'a> = &'a mut dyn FnMut(u64, u64);

/// What an export is to write.
pub struct StickExport {
    stick: StickFolder,
    /// The place is this process's until the end.
    _claim: Option<Flock<File>>,
    former: Vec<StickFolder>,
    source: CatalogueSource,
    packages: LeavingPackages,
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
    /// Deliveries whose package could not be read on the box: one that lay on the stick goes on in its place.
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
        let mut lying: Vec<LyingHead> = Vec::new();
        if let Some(before) = &before {
            lying.push(LyingHead::new(stick.clone(), before.head.clone()));
        }
        for former in &former {
            let found = former.head()?;
            lying.extend(found.map(|found| LyingHead::new(former.clone(), found.head)));
        }
        let newest = lying.iter().map(|lies| lies.head.complete_at).max();
        if let Some(newest) = newest.filter(|newest| !older && *newest > complete_at) {
            let path = place.display().to_string();
            let (at, own) = (UtcMinute::at(newest), UtcMinute::at(complete_at));
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
        let packages = LeavingPackages::choose(&mut source, &store, lying)?;
        // What central has none for lacks nowhere.
        let without = source.edition.count(EntityType::Delivery) - packages.all.len();
        let absent = Report::absent(&self.history(200).unwrap_or_default());
        head.lacking = (without as u64).saturating_sub(absent);
        head.older.clone_from(&packages.older);
        head.packages = packages.named();
        let (mut done, total) = (0, head.package_bytes());
        for package in &head.packages {
            for span in 0..package.spans() {
                let length = package.length(span);
                plan.needs(package.name(stick.key(), span), length, ObjectKind::Span)?;
                done += length;
                see(done, total);
            }
        }
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

/// Says that packages at a place are older ones.
pub fn older_packages(place: &str, deliveries: &[String]) -> Option<Fault> {
    let (path, count) = (place.to_owned(), deliveries.len() as u64);
    let names = Id::all(&deliveries[..deliveries.len().min(NAMED)]);
    let cause = SiteCause::OlderPackages { path, count, names };
    (count > 0).then(|| Fault::new(Code::CarryOutdated, cause))
}

/// Says that packages which this box holds are older ones.
pub fn older_held(deliveries: &[String]) -> Option<Fault> {
    let count = deliveries.len() as u64;
    let names = Id::all(&deliveries[..deliveries.len().min(NAMED)]);
    let cause = SiteCause::OlderHeld { count, names };
    (count > 0).then(|| Fault::new(Code::CarryOutdated, cause))
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
