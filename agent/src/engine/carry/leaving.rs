//! What leaves with an export: one edition of the catalogue, and for each delivery the package that `logic::carry` chooses.
//! Never leaves behind a whole package that lies on the stick where the box has none, and never holds one in memory.
//! Called by `carry`, which plans an export, and by `write`.

use std::collections::BTreeMap;

use logic::carry::{
    EntityCutter, PackageChoice, StickHead, StickPackage, choose, entities, is_current,
};
use logic::entity::{Checksum, Entity, EntityType};
use logic::fault::{Code, Fault};
use logic::seal::NameHash;
use logic::site::ObjectKind;

use vault::carry::StickFolder;
use vault::catalogue::{CatalogueReader, CatalogueRevision};
use vault::package::{Meta, PackageStore};

/// One edition of the catalogue, read to its end whatever is published meanwhile.
pub(super) struct CatalogueSource {
    pub(super) edition: CatalogueRevision,
    pub(super) reader: CatalogueReader,
}

impl CatalogueSource {
    /// The bodies of a type in the order of its ids; those of classes with `None`.
    pub(super) fn each_body(
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
}

/// A head that lies on the stick, and what it says of deliveries.
pub(super) struct LyingHead {
    folder: StickFolder,
    pub(super) head: StickHead,
    /// Deliveries as they were then; read when they are asked for.
    deliveries: Option<BTreeMap<String, Checksum>>,
}

impl LyingHead {
    pub(super) fn new(folder: StickFolder, head: StickHead) -> Self {
        Self {
            folder,
            head,
            deliveries: None,
        }
    }

    /// Its package of a delivery, if it is whole, and whether it was written for the delivery as it is now.
    fn whole(
        &mut self,
        delivery: &str,
        checksum: Option<Checksum>,
    ) -> Result<Option<(StickPackage, bool)>, Fault> {
        let mut packages = self.head.packages.iter();
        let Some(package) = packages.find(|package| package.delivery == delivery) else {
            return Ok(None);
        };
        let (package, is_older) = (
            package.clone(),
            self.head.older.iter().any(|one| one == delivery),
        );
        for span in 0..package.spans() {
            let name = package.name(self.folder.key(), span);
            match self.folder.holds(name, Some(package.length(span))) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                // The device does not give it: another package may do, and what is needed all the same is looked at again.
                Err(trouble) if trouble.code == Code::CarryMedium => {
                    tracing::warn!(code = %trouble.code, "{trouble}: the package on the stick is not whole");
                    return Ok(None);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let then = self.deliveries()?.get(delivery).copied();
        let is_current = !is_older && then.is_some() && then == checksum;
        Ok(Some((package, is_current)))
    }

    fn deliveries(&mut self) -> Result<&BTreeMap<String, Checksum>, Fault> {
        if self.deliveries.is_none() {
            let mut all = BTreeMap::new();
            let listed = self.head.entities(EntityType::Delivery);
            for name in listed.iter().flat_map(|one| &one.bodies) {
                let body = self.folder.body(ObjectKind::Entities, *name)?;
                let read = body.and_then(|body| entities(&body)).unwrap_or_default();
                all.extend(
                    read.into_iter()
                        .map(|one| (one.id, Checksum::of(&one.checksum))),
                );
            }
            self.deliveries = Some(all);
        }
        Ok(self.deliveries.get_or_insert_default())
    }
}

/// Where the bytes of a package are.
pub(super) enum PackageSource {
    /// On the box.
    Held(Box<Meta>),
    /// On the stick, sealed by this folder's key.
    Lies(Box<StickFolder>),
}

/// The packages that leave.
pub(super) struct LeavingPackages {
    /// In the order of their deliveries.
    pub(super) all: Vec<(StickPackage, PackageSource)>,
    /// Deliveries whose package is an older one.
    pub(super) older: Vec<String>,
    lying: Vec<LyingHead>,
}

impl LeavingPackages {
    /// Chooses for each delivery.
    pub(super) fn choose(
        source: &mut CatalogueSource,
        store: &PackageStore,
        lying: Vec<LyingHead>,
    ) -> Result<Self, Fault> {
        let mut chosen = Self {
            all: Vec::new(),
            older: Vec::new(),
            lying,
        };
        for (delivery, name) in source.order(Some(EntityType::Delivery))? {
            let rows = source.edition.types.get(&EntityType::Delivery);
            let checksum = rows
                .and_then(|rows| rows.get(&name))
                .map(|row| row.checksum);
            let held = match store.held(&delivery) {
                Err(trouble) if trouble.code == Code::StoreDamaged => None,
                held => held?.filter(|held| !held.damaged),
            };
            let own = held.and_then(|meta| meta.identity().map(|of| (meta, of)));
            let is_own = own
                .as_ref()
                .map(|(meta, _)| is_current(meta.entity, checksum));
            let lies = match is_own {
                Some(true) => None,
                _ => chosen.lying(&delivery, checksum)?,
            };
            let is_lying = lies.as_ref().map(|(.., current)| *current);
            let is_older = match (choose(is_own, is_lying), own, lies) {
                (PackageChoice::Own { older }, Some((meta, of)), _) => {
                    let package = StickPackage::new(&delivery, of);
                    let source = PackageSource::Held(Box::new(meta));
                    chosen.all.push((package, source));
                    older
                }
                (PackageChoice::Lies { older }, _, Some((package, folder, _))) => {
                    chosen
                        .all
                        .push((package, PackageSource::Lies(Box::new(folder))));
                    older
                }
                _ => false,
            };
            if is_older {
                chosen.older.push(delivery);
            }
        }
        Ok(chosen)
    }

    /// A whole package of a delivery that lies on the stick: a current one first.
    fn lying(
        &mut self,
        delivery: &str,
        checksum: Option<Checksum>,
    ) -> Result<Option<(StickPackage, StickFolder, bool)>, Fault> {
        let mut found = None;
        for lies in &mut self.lying {
            if let Some((package, current)) = lies.whole(delivery, checksum)? {
                let folder = lies.folder.clone();
                if current {
                    return Ok(Some((package, folder, true)));
                }
                found = found.or(Some((package, folder, false)));
            }
        }
        Ok(found)
    }

    /// What lies whole on the stick for a delivery whose own package does not open.
    pub(super) fn instead(
        &mut self,
        delivery: &str,
    ) -> Result<Option<(StickPackage, StickFolder)>, Fault> {
        let found = self.lying(delivery, None)?;
        Ok(found.map(|(package, folder, _)| (package, folder)))
    }

    /// As a head names them.
    pub(super) fn named(&self) -> Vec<StickPackage> {
        self.all
            .iter()
            .map(|(package, _)| package.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use logic::site::SiteKey;

    use super::*;

    #[test]
    fn a_package_that_the_device_does_not_give_is_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        let folder = StickFolder::new(dir.path(), key);
        let head = StickHead {
            packages: vec![StickPackage {
                delivery: "d".into(),
                size: 5,
                tail: [7; 32],
            }],
            ..StickHead::default()
        };
        let name = head.packages[0].name(folder.key(), 0);
        folder.write(&[]).unwrap();
        // A link to itself is opened by nobody: in the place of a bad sector.
        let below = std::fs::read_dir(dir.path()).unwrap().next().unwrap();
        let file = below.unwrap().path().join(StickFolder::file_name(name));
        std::os::unix::fs::symlink(&file, &file).unwrap();
        let told = folder.holds(name, Some(5)).unwrap_err();
        assert_eq!(told.code, Code::CarryMedium);
        let mut lies = LyingHead::new(folder, head);
        assert!(lies.whole("d", None).unwrap().is_none());
    }
}
