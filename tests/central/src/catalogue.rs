//! All resources of the central, who may list them, and how tests change them (protocol 5.1).
//! Never prints JSON and never looks at requests.
//! Called by the fetch handlers and by the mutators of `Central`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::entity::{Entity, Kind, Property, uri};
use crate::package::{Change, Package};
use crate::random::Random;
use crate::seed::EPOCH;

/// The resources.
pub(crate) struct Catalogue {
    pub(crate) namespace: String,
    entities: Vec<Entity>,
    index: HashMap<String, usize>,
    packages: HashMap<String, Package>,
    /// Organisations that central suddenly does not know.
    hidden: HashSet<String>,
    lists: HashMap<(String, Kind), Arc<Vec<usize>>>,
    seed: u64,
    serial: u64,
}

impl Catalogue {
    pub(crate) fn new(namespace: &str, seed: u64) -> Self {
        Self {
            namespace: namespace.to_owned(),
            entities: Vec::new(),
            index: HashMap::new(),
            packages: HashMap::new(),
            hidden: HashSet::new(),
            lists: HashMap::new(),
            seed,
            serial: 0,
        }
    }

    /// Adds a resource or replaces the one of that URI in its place.
    pub(crate) fn add(&mut self, entity: Entity) {
        self.lists.clear();
        match self.index.get(&entity.id) {
            Some(&at) => self.entities[at] = entity,
            None => {
                self.index.insert(entity.id.clone(), self.entities.len());
                self.entities.push(entity);
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Entity> {
        self.index.get(id).map(|&at| &self.entities[at])
    }

    pub(crate) fn at(&self, index: usize) -> &Entity {
        &self.entities[index]
    }

    /// Gives every user and delivery the key of an encrypted central, wrapped and clear; an empty one takes them away.
    pub(crate) fn encrypt(&mut self, application_key: &str) {
        let kinds = [
            Kind::Administrator,
            Kind::Proctor,
            Kind::TestTaker,
            Kind::Delivery,
        ];
        let keyed = self
            .entities
            .iter()
            .filter(|entity| kinds.contains(&entity.kind));
        let keyed: Vec<(String, Kind)> = keyed.map(|e| (e.id.clone(), e.kind)).collect();
        for (at, (id, kind)) in keyed.into_iter().enumerate() {
            let value = match (application_key, kind) {
                ("", _) => Vec::new(),
                (key, Kind::Delivery) => vec![key.to_owned()],
                (_, _) => vec![format!("7TI8ugLGBf4FYcw2N4/{at}==")],
            };
            self.edit(&id, |entity| entity.set(uri::APPLICATION_KEY, value));
        }
    }

    /// A change of one resource; whatever depends on it is forgotten.
    pub(crate) fn edit<T>(&mut self, id: &str, act: impl FnOnce(&mut Entity) -> T) -> Option<T> {
        self.lists.clear();
        let at = *self.index.get(id)?;
        Some(act(&mut self.entities[at]))
    }

    /// Removes a resource; it is no longer listed nor answered. References to it stay, as in TAO.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.lists.clear();
        self.packages.remove(id);
        self.index.remove(id).is_some()
    }

    /// The resources of a type that an organisation sees, in central's order (protocol 5.1).
    pub(crate) fn list(&mut self, organisation: &str, kind: Kind) -> Arc<Vec<usize>> {
        let key = (organisation.to_owned(), kind);
        if let Some(list) = self.lists.get(&key) {
            return Arc::clone(list);
        }
        let list = Arc::new(self.select(organisation, kind));
        self.lists.insert(key, Arc::clone(&list));
        list
    }

    fn select(&self, organisation: &str, kind: Kind) -> Vec<usize> {
        if self.hidden.contains(organisation) {
            return Vec::new();
        }
        let centres: Vec<&str> = self
            .live(Kind::TestCenter)
            .filter(|(_, e)| {
                e.values(uri::ORGANISATION)
                    .iter()
                    .any(|o| o == organisation)
            })
            .map(|(_, e)| e.id.as_str())
            .collect();
        let related = |kind: Kind, relation: &str| -> Vec<usize> {
            self.live(kind)
                .filter(|(_, e)| {
                    e.values(relation)
                        .iter()
                        .any(|c| centres.contains(&c.as_str()))
                })
                .map(|(at, _)| at)
                .collect()
        };
        match kind {
            Kind::TestCenter => centres.iter().map(|c| self.index[*c]).collect(),
            Kind::Administrator => related(kind, uri::ADMINISTRATOR),
            Kind::Proctor => related(kind, uri::ASSIGNED_PROCTOR),
            Kind::Eligibility => related(kind, uri::ELIGIBLE_CENTRE),
            Kind::TestTaker | Kind::Delivery => {
                let relation = if kind == Kind::TestTaker {
                    uri::ELIGIBLE_TAKER
                } else {
                    uri::ELIGIBLE_DELIVERY
                };
                let mut seen = HashSet::new();
                let mut found = Vec::new();
                for eligibility in related(Kind::Eligibility, uri::ELIGIBLE_CENTRE) {
                    // The list comes in the order the relations were made, the property in any order (5.2).
                    let mut members: Vec<usize> = self.entities[eligibility]
                        .values(relation)
                        .iter()
                        .filter_map(|value| self.index.get(value).copied())
                        .collect();
                    members.sort_unstable();
                    found.extend(members.into_iter().filter(|at| seen.insert(*at)));
                }
                found
            }
            Kind::Other => Vec::new(),
        }
    }

    fn live(&self, kind: Kind) -> impl Iterator<Item = (usize, &Entity)> {
        self.entities
            .iter()
            .enumerate()
            .filter(move |(at, e)| e.kind == kind && self.index.get(&e.id) == Some(at))
    }

    /// Every resource of a type, whoever sees it.
    pub(crate) fn all(&self, kind: Kind) -> Vec<String> {
        self.live(kind).map(|(_, e)| e.id.clone()).collect()
    }

    /// Organisation ids that a test centre names.
    pub(crate) fn organisations(&self) -> BTreeSet<String> {
        self.live(Kind::TestCenter)
            .flat_map(|(_, e)| e.values(uri::ORGANISATION).to_vec())
            .collect()
    }

    /// Makes central forget an organisation, or remember it: lists are then `200` and empty.
    pub(crate) fn hide(&mut self, organisation: &str, hidden: bool) {
        self.lists.clear();
        if hidden {
            self.hidden.insert(organisation.to_owned());
        } else {
            self.hidden.remove(organisation);
        }
    }

    /// Exchanges the organisation ids of two organisations' test centres and sync managers.
    pub(crate) fn swap(&mut self, a: &str, b: &str) {
        let ids: Vec<String> = self
            .entities
            .iter()
            .filter(|e| matches!(e.kind, Kind::TestCenter | Kind::Other))
            .filter(|e| !e.values(uri::ORGANISATION).is_empty())
            .map(|e| e.id.clone())
            .collect();
        for id in ids {
            self.edit(&id, |entity| {
                let swapped = entity
                    .values(uri::ORGANISATION)
                    .iter()
                    .map(|o| match o.as_str() {
                        o if o == a => b.to_owned(),
                        o if o == b => a.to_owned(),
                        o => o.to_owned(),
                    })
                    .collect();
                entity.set(uri::ORGANISATION, swapped);
            });
        }
    }

    pub(crate) fn package(&self, delivery: &str) -> Option<&Package> {
        self.index.get(delivery)?;
        self.packages.get(delivery)
    }

    pub(crate) fn put_package(&mut self, delivery: &str, package: Package) {
        self.packages.insert(delivery.to_owned(), package);
    }

    pub(crate) fn remove_package(&mut self, delivery: &str) -> bool {
        self.packages.remove(delivery).is_some()
    }

    /// A new version under the same URI; the paths that changed, or nothing without a package.
    pub(crate) fn change_package(&mut self, delivery: &str, change: Change) -> Option<Vec<String>> {
        let salt = self.salt();
        Some(self.packages.get_mut(delivery)?.change(change, salt))
    }

    /// Publishes a delivery's test again under a new URI; eligibilities follow, the old delivery vanishes.
    pub(crate) fn republish(&mut self, delivery: &str, change: Option<Change>) -> Option<String> {
        let old = self.get(delivery)?;
        let (kind, created) = (old.kind, old.created + 86_400);
        let mut properties = old.properties().to_vec();
        let id = self.fresh_id();
        let local = id.rsplit('#').next().unwrap_or(&id).to_owned();
        for property in &mut properties {
            if property.predicate == uri::PACKAGE {
                property.values = vec![format!("file://synchronisation/{local}%2Fexport.zip")];
            }
        }
        self.add(Entity::new(id.clone(), kind, created, properties));
        if let Some(mut package) = self.packages.get(delivery).cloned() {
            if let Some(change) = change {
                package.change(change, self.salt());
            }
            self.put_package(&id, package);
        }
        for eligibility in self.all(Kind::Eligibility) {
            self.edit(&eligibility, |entity| {
                if entity
                    .values(uri::ELIGIBLE_DELIVERY)
                    .iter()
                    .any(|d| d == delivery)
                {
                    let moved = entity
                        .values(uri::ELIGIBLE_DELIVERY)
                        .iter()
                        .map(|d| if d == delivery { id.clone() } else { d.clone() })
                        .collect();
                    entity.set(uri::ELIGIBLE_DELIVERY, moved);
                }
            });
        }
        self.remove(delivery);
        Some(id)
    }

    /// Adds so many test takers to an organisation's first eligibility.
    pub(crate) fn add_takers(&mut self, organisation: &str, count: usize) -> Vec<String> {
        let list = self.list(organisation, Kind::Eligibility);
        let Some(eligibility) = list.first().map(|at| self.at(*at).id.clone()) else {
            return Vec::new();
        };
        let mut added = Vec::new();
        for _ in 0..count {
            let id = self.fresh_id();
            let n = self.serial;
            let mut random = Random::of(self.seed, &id, 0);
            let login = format!("tt-{organisation}-new-{n}");
            let created = EPOCH + 1_000_000 + n;
            let mut properties = crate::seed::user(
                &mut random,
                &login,
                "new",
                ("New", "Taker"),
                uri::TAKER_ROLE,
                created,
            );
            properties.push(Property::one(uri::TYPE, uri::SUBJECT));
            properties.push(Property::one(uri::ASSIGNMENT, eligibility.clone()));
            self.add(Entity::new(
                id.clone(),
                Kind::TestTaker,
                created,
                properties,
            ));
            added.push(id);
        }
        self.edit(&eligibility, |entity| {
            let mut takers = entity.values(uri::ELIGIBLE_TAKER).to_vec();
            takers.extend(added.iter().cloned());
            entity.set(uri::ELIGIBLE_TAKER, takers);
        });
        added
    }

    /// Changes the label of so many entities of a type, spread over the list; returns their ids.
    pub(crate) fn touch(&mut self, organisation: &str, kind: Kind, count: usize) -> Vec<String> {
        let list = self.list(organisation, kind);
        let count = count.min(list.len());
        self.serial += 1;
        let serial = self.serial;
        let ids: Vec<String> = (0..count)
            .map(|n| self.at(list[n * list.len() / count]).id.clone())
            .collect();
        for id in &ids {
            self.edit(id, |entity| {
                let label = entity.value(uri::LABEL).unwrap_or("").to_owned();
                entity.set(uri::LABEL, vec![format!("{label} ·{serial}")]);
            });
        }
        ids
    }

    /// Makes everything that is made on demand, so that no measured request pays for it.
    pub(crate) fn warm(&mut self) {
        for organisation in self.organisations() {
            for kind in Kind::ALL {
                for at in self.list(&organisation, kind).iter() {
                    self.at(*at).row();
                    self.at(*at).object();
                }
            }
        }
        for package in self.packages.values() {
            package.bytes();
        }
    }

    /// Sizes of all packages by delivery URI.
    pub(crate) fn package_sizes(&self) -> BTreeMap<String, u64> {
        self.packages
            .iter()
            .map(|(id, package)| (id.clone(), package.bytes().len() as u64))
            .collect()
    }

    /// A URI that no resource has.
    pub(crate) fn fresh_id(&mut self) -> String {
        let salt = self.salt();
        format!("{}i6c{}", self.namespace, Random::new(salt).hex(31))
    }

    fn salt(&mut self) -> u64 {
        self.serial += 1;
        Random::of(self.seed, "serial", self.serial as usize).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Dataset, Organisation, plant};

    fn planted() -> Catalogue {
        let mut dataset = Dataset::small(5);
        dataset.organisations.push(Organisation::small("2002"));
        let mut catalogue = Catalogue::new(&dataset.namespace, dataset.seed);
        plant(&dataset, &mut catalogue);
        catalogue
    }

    #[test]
    fn an_organisation_sees_its_own_data() {
        let mut catalogue = planted();
        for (kind, count) in [
            (Kind::TestCenter, 1),
            (Kind::Administrator, 2),
            (Kind::Proctor, 3),
            (Kind::TestTaker, 20),
            (Kind::Eligibility, 3),
            (Kind::Delivery, 3),
        ] {
            let own = catalogue.list("1001", kind);
            assert_eq!(own.len(), count, "{kind:?}");
            assert!(
                catalogue
                    .list("2002", kind)
                    .iter()
                    .all(|at| !own.contains(at))
            );
            assert!(catalogue.list("9999", kind).is_empty());
        }
    }

    #[test]
    fn what_takers_say_of_eligibilities_is_what_eligibilities_say_of_them() {
        let mut catalogue = planted();
        for at in catalogue.list("1001", Kind::TestTaker).iter() {
            let taker = catalogue.at(*at);
            for eligibility in taker.values(uri::ASSIGNMENT) {
                let listed = catalogue
                    .get(eligibility)
                    .unwrap()
                    .values(uri::ELIGIBLE_TAKER);
                assert!(listed.contains(&taker.id));
            }
        }
    }

    #[test]
    fn a_republished_delivery_takes_the_place_of_the_old_one() {
        let mut catalogue = planted();
        let first = catalogue.list("1001", Kind::Delivery)[0];
        let old = catalogue.at(first).id.clone();
        let bytes = catalogue.package(&old).unwrap().bytes();
        let new = catalogue.republish(&old, None).unwrap();
        let list: Vec<String> = catalogue
            .list("1001", Kind::Delivery)
            .iter()
            .map(|at| catalogue.at(*at).id.clone())
            .collect();
        assert!(list.contains(&new) && !list.contains(&old) && list.len() == 3);
        assert_eq!(catalogue.package(&new).unwrap().bytes(), bytes);
        assert!(catalogue.package(&old).is_none());
    }

    #[test]
    fn swapped_organisations_see_each_others_data() {
        let mut catalogue = planted();
        let before = catalogue.list("1001", Kind::TestTaker);
        catalogue.swap("1001", "2002");
        assert_eq!(catalogue.list("2002", Kind::TestTaker), before);
        catalogue.hide("2002", true);
        assert!(catalogue.list("2002", Kind::TestTaker).is_empty());
    }
}
