//! The data of a stick in the shape in which central gives it: lists, entities, classes, spans of packages.
//! Never lends what did not open under its name, and never holds a package whole: lists and classes, one body of
//! entities, the spans that connections lend and three more.
//! Called by `serve`, which answers a synchronization from it.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use bytes::Bytes;
use logic::carry::{StickHead, StickPackage, entities};
use logic::entity::{Entity, EntityType};
use logic::fault::{Code, Fault, SiteCause};
use logic::gateway::catalogue::CatalogueView;
use logic::seal::NameHash;
use logic::site::ObjectKind;

use vault::carry::{FoundHead, StickFolder};

/// What one synchronization is answered from.
pub struct StickSource {
    stick: StickFolder,
    place: String,
    found: FoundHead,
    lists: [OnceCell<KindList>; EntityType::ALL.len()],
    classes: OnceCell<BTreeMap<String, Entity>>,
    /// The body that was opened last: entities are asked for in the order of the lists.
    open: RefCell<Option<(NameHash, Vec<Entity>)>>,
    /// Spans that were opened last: ranges begin and end within them.
    spans: RefCell<VecDeque<(NameHash, Bytes)>>,
    flawed: RefCell<BTreeSet<NameHash>>,
    /// Types whose list is not here, or not whole.
    unlisted: RefCell<BTreeSet<EntityType>>,
}

/// So many spans are kept open.
const SPANS: usize = 3;

/// The list of one type.
struct KindList {
    all: Vec<(String, String)>,
    /// The first id of each body.
    firsts: Vec<String>,
}

impl StickSource {
    /// The data of a head.
    pub fn new(place: &Path, stick: StickFolder, found: FoundHead) -> Self {
        Self {
            stick,
            place: place.display().to_string(),
            found,
            lists: Default::default(),
            classes: OnceCell::new(),
            open: RefCell::default(),
            spans: RefCell::default(),
            flawed: RefCell::default(),
            unlisted: RefCell::default(),
        }
    }

    /// Where it lies.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whose data it is, and of when.
    pub fn found(&self) -> &FoundHead {
        &self.found
    }

    pub(super) fn head(&self) -> &StickHead {
        &self.found.head
    }

    /// What turned out to be missing or changed, by the names of its files, and types without a whole list.
    pub fn flaws(&self) -> Vec<String> {
        let (flawed, unlisted) = (self.flawed.borrow(), self.unlisted.borrow());
        let files = flawed.iter().copied().map(StickFolder::file_name);
        let types = unlisted.iter().map(|kind| kind.word().to_owned());
        files.chain(types).collect()
    }

    pub(super) fn flaw(&self, name: NameHash) -> Fault {
        self.flawed.borrow_mut().insert(name);
        unwhole(StickFolder::file_name(name))
    }

    /// The package of a delivery; one of which something was missing before is not tried again.
    pub(super) fn package(&self, delivery: &str) -> Option<&StickPackage> {
        let mut packages = self.found.head.packages.iter();
        let package = packages.find(|package| package.delivery == delivery)?;
        let flawed = self.flawed.borrow();
        let mut names = (0..package.spans()).map(|span| package.name(self.stick.key(), span));
        names.all(|name| !flawed.contains(&name)).then_some(package)
    }

    /// A span that was opened before, if it is still at hand.
    pub(super) fn opened(&self, name: NameHash) -> Option<Bytes> {
        let spans = self.spans.borrow();
        let found = spans.iter().find(|(held, _)| *held == name);
        found.map(|(_, span)| span.clone())
    }

    /// Keeps a span at hand.
    pub(super) fn keep(&self, name: NameHash, span: Bytes) {
        let mut spans = self.spans.borrow_mut();
        spans.truncate(SPANS - 1);
        spans.push_front((name, span));
    }

    /// What opens a span of a package on another thread.
    pub(super) fn span(&self, package: &StickPackage, span: u64) -> (NameHash, SpanOpener) {
        let name = package.name(self.stick.key(), span);
        let length = package.length(span);
        let stick = self.stick.clone();
        (
            name,
            SpanOpener {
                stick,
                name,
                length,
            },
        )
    }

    fn body(&self, name: NameHash) -> Result<Vec<Entity>, Fault> {
        let body = self.stick.body(ObjectKind::Entities, name)?;
        let all = body.and_then(|body| entities(&body));
        all.ok_or_else(|| self.flaw(name))
    }

    fn bodies(&self, kind: EntityType) -> &[NameHash] {
        let listed = self.head().entities(kind);
        listed.map_or(&[], |one| &one.bodies)
    }

    fn read_list(&self, kind: EntityType) -> Result<KindList, Fault> {
        let (mut all, mut firsts) = (Vec::new(), Vec::new());
        for name in self.bodies(kind) {
            let body = self.body(*name)?;
            firsts.push(body.first().map(|one| one.id.clone()).unwrap_or_default());
            all.extend(body.into_iter().map(|one| (one.id, one.checksum)));
        }
        // A type that the head does not know of is not one without entities, and a list that ends early is none.
        let count = self.head().entities(kind).map(|listed| listed.count);
        if count != Some(all.len() as u64) {
            self.unlisted.borrow_mut().insert(kind);
            return Err(unwhole(kind.word().to_owned()));
        }
        Ok(KindList { all, firsts })
    }

    fn kind_list(&self, kind: EntityType) -> Result<&KindList, Fault> {
        let slot = &self.lists[kind as usize];
        match slot.get() {
            Some(list) => Ok(list),
            None => {
                let list = self.read_list(kind)?;
                Ok(slot.get_or_init(|| list))
            }
        }
    }
}

fn unwhole(name: String) -> Fault {
    let (missing, names) = (1, vec![name]);
    let cause = SiteCause::CarriedUnwhole { missing, names };
    Fault::new(Code::CarryChanged, cause)
}

impl CatalogueView for StickSource {
    fn organisation(&self) -> &str {
        &self.found.head.organisation
    }

    fn list(&self, kind: EntityType) -> Result<&[(String, String)], Fault> {
        self.kind_list(kind).map(|list| &*list.all)
    }

    fn entity(&self, kind: EntityType, id: &str) -> Result<Option<Entity>, Fault> {
        let list = self.kind_list(kind)?;
        let at = list.firsts.partition_point(|first| &**first <= id);
        let Some(name) = at.checked_sub(1).and_then(|at| self.bodies(kind).get(at)) else {
            return Ok(None);
        };
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_none_or(|(held, _)| held != name) {
            *open = Some((*name, self.body(*name)?));
        }
        let mut held = open.iter().flat_map(|(_, body)| body);
        Ok(held.find(|entity| entity.id == id).cloned())
    }

    fn class(&self, id: &str) -> Result<Option<Entity>, Fault> {
        let classes = match self.classes.get() {
            Some(classes) => classes,
            None => {
                let mut classes = BTreeMap::new();
                for name in &self.found.head.classes {
                    let body = self.body(*name)?;
                    classes.extend(body.into_iter().map(|one| (one.id.clone(), one)));
                }
                self.classes.get_or_init(|| classes)
            }
        };
        Ok(classes.get(id).cloned())
    }
}

/// Opens one span of a package.
pub(super) struct SpanOpener {
    stick: StickFolder,
    name: NameHash,
    length: u64,
}

impl SpanOpener {
    /// Its bytes; `None` where it is missing or was changed.
    pub(super) fn open(&self) -> Result<Option<Vec<u8>>, Fault> {
        let body = self.stick.body(ObjectKind::Span, self.name)?;
        Ok(body.filter(|body| body.len() as u64 == self.length))
    }
}

#[cfg(test)]
mod tests {
    use logic::carry::{EntityCutter, StickEntities, entities_name};
    use logic::settings::Settings;
    use logic::site::{SiteKey, SiteObject};
    use system::root::Root;
    use tokio::task::LocalSet;

    use super::*;
    use crate::engine::Engine;
    use crate::engine::carry::StickCentral;
    use crate::engine::progress::RunWatch;
    use vault::catalogue::CatalogueStore;

    /// A stick with three entities of each type but these; those that it counts short end their list early.
    fn stick(place: &Path, at: i64, without: &[EntityType], short: &[EntityType]) -> StickSource {
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        let folder = StickFolder::new(place, key);
        let mut head = StickHead {
            organisation: "1001".into(),
            versions: vec!["2022.11".into()],
            complete_at: at,
            ..StickHead::default()
        };
        for kind in EntityType::ALL {
            if without.contains(&kind) {
                continue;
            }
            let mut cutter = EntityCutter::default();
            let mut bodies = Vec::new();
            let wanted = if short.contains(&kind) { 1 } else { 3 };
            for of in 0..wanted {
                bodies.extend(cutter.add(&entity(kind, of)));
            }
            bodies.extend(cutter.end());
            let mut names = Vec::new();
            for body in bodies {
                let name = entities_name(folder.key(), &body);
                names.push(name);
                let object = SiteObject {
                    kind: ObjectKind::Entities,
                    box_id: "b".into(),
                    generation: 0,
                    at,
                    body,
                };
                folder.write(&[(name, object)]).unwrap();
            }
            let (count, bodies) = (3, names);
            head.types.push(StickEntities {
                kind,
                count,
                bodies,
            });
        }
        let box_id = "b".to_owned();
        let found = FoundHead {
            number: at as u64,
            box_id,
            at,
            head,
        };
        folder.place(&found).unwrap();
        StickSource::new(place, folder, found)
    }

    fn entity(kind: EntityType, of: u32) -> Entity {
        let properties = logic::entity::Properties::default();
        Entity {
            id: format!("https://central.example/tao.rdf#{}{of}", kind.word()),
            checksum: logic::php::checksum(&properties, &[]),
            properties,
        }
    }

    #[test]
    fn a_type_without_a_whole_list_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let (gone, short) = (EntityType::Proctor, EntityType::TestTaker);
        let source = stick(dir.path(), 1, &[gone], &[short]);
        for kind in EntityType::ALL {
            let list = source.list(kind);
            let is_whole = ![gone, short].contains(&kind);
            assert_eq!(list.is_ok(), is_whole, "{kind:?}");
            if let Err(trouble) = list {
                assert_eq!(trouble.code, Code::CarryChanged);
            }
        }
        assert_eq!(source.flaws().len(), 2, "{:?}", source.flaws());
    }

    /// Whatever is asked for: what a stick says nothing of does not go.
    #[test]
    fn a_head_that_lacks_a_type_deletes_nothing_of_it() {
        let (home, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut settings = Settings::default();
        settings.this_box.organisation_id = Some("1001".into());
        settings.this_box.tao_version = Some("2022.11".into());
        let engine = Engine::open(&Root::new(home.path()), settings).unwrap();
        let import = |source: StickSource| {
            let central = StickCentral::new(source.into(), "2022.11".into(), "s".into());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let watch = RunWatch::default();
            let import = engine.import_data(central, true, &watch);
            LocalSet::new().block_on(&runtime, import).remove(0)
        };
        let counts = || {
            let edition = CatalogueStore::open(engine.vault()).unwrap();
            let edition = edition.edition().unwrap();
            EntityType::ALL.map(|kind| edition.count(kind))
        };
        let report = import(stick(place.path(), 10, &[], &[]));
        assert_eq!(counts(), [3; 6], "{report:?}");
        let report = import(stick(
            place.path(),
            20,
            &[EntityType::Proctor],
            &[EntityType::TestTaker],
        ));
        assert_eq!(counts(), [3; 6], "{report:?}");
        assert!(
            report
                .findings
                .iter()
                .any(|found| found.code == Code::CarryChanged)
        );
    }
}
