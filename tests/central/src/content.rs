//! What a test puts into a central's catalogue and packages, or takes out of it, while it runs.
//! Never goes over the wire.
//! Called by end-to-end tests.

use std::collections::BTreeMap;

use crate::entity::Entity;
use crate::{Central, Change, Kind, Property, package, seed};

/// A resource as tests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// URI.
    pub id: String,
    /// Type.
    pub kind: Kind,
    /// Checksum as the list of its type shows it.
    pub checksum: String,
    /// All triples, also those that the type excludes.
    pub properties: Vec<Property>,
}

impl Central {
    /// URIs that an organisation's list of a type names, in order.
    #[must_use]
    pub fn ids(&self, organisation: &str, kind: Kind) -> Vec<String> {
        let mut state = self.shared.state();
        let list = state.catalogue.list(organisation, kind);
        list.iter()
            .map(|at| state.catalogue.at(*at).id.clone())
            .collect()
    }

    /// A resource.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<Resource> {
        self.shared
            .state()
            .catalogue
            .get(id)
            .map(|entity| Resource {
                id: entity.id.clone(),
                kind: entity.kind,
                checksum: entity.checksum().to_owned(),
                properties: entity.properties().to_vec(),
            })
    }

    /// Puts in a resource, or replaces the one of that URI.
    pub fn put_resource(&self, id: &str, kind: Kind, properties: Vec<Property>) {
        let entity = Entity::new(id.to_owned(), kind, seed::EPOCH, properties);
        self.shared.state().catalogue.add(entity);
    }

    /// Replaces all triples of one predicate; none removes it. False without that resource.
    pub fn set_property(&self, id: &str, predicate: &str, values: &[&str]) -> bool {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        let mut state = self.shared.state();
        let edited = state
            .catalogue
            .edit(id, |entity| entity.set(predicate, values));
        edited.is_some()
    }

    /// Changes the label of so many entities of a type; their URIs.
    pub fn touch(&self, organisation: &str, kind: Kind, count: usize) -> Vec<String> {
        self.shared
            .state()
            .catalogue
            .touch(organisation, kind, count)
    }

    /// Adds so many test takers to an organisation's first eligibility; their URIs.
    pub fn add_test_takers(&self, organisation: &str, count: usize) -> Vec<String> {
        self.shared
            .state()
            .catalogue
            .add_takers(organisation, count)
    }

    /// Removes a resource; lists and details no longer know it.
    pub fn remove(&self, id: &str) -> bool {
        self.shared.state().catalogue.remove(id)
    }

    /// Makes central forget an organisation (lists are `200` and empty), or remember it.
    pub fn hide_organisation(&self, organisation: &str, hidden: bool) {
        self.shared.state().catalogue.hide(organisation, hidden);
    }

    /// Exchanges the data of two organisations: each then names the other's test centre.
    pub fn swap_organisations(&self, a: &str, b: &str) {
        self.shared.state().catalogue.swap(a, b);
    }

    /// Content of a delivery's package.
    #[must_use]
    pub fn package(&self, delivery: &str) -> Option<bytes::Bytes> {
        let state = self.shared.state();
        state
            .catalogue
            .package(delivery)
            .map(package::Package::bytes)
    }

    /// Sizes of all packages in bytes.
    #[must_use]
    pub fn package_sizes(&self) -> BTreeMap<String, u64> {
        self.shared.state().catalogue.package_sizes()
    }

    /// Puts in a package, a ZIP or not.
    pub fn put_package(&self, delivery: &str, content: impl Into<bytes::Bytes>) {
        let package = package::Package::raw(content.into());
        self.shared.state().catalogue.put_package(delivery, package);
    }

    /// Makes a seeded package of so many bytes for a delivery.
    pub fn make_package(&self, delivery: &str, seed: u64, size: u64) {
        let package = package::Package::new(seed, size);
        self.shared.state().catalogue.put_package(delivery, package);
    }

    /// Takes a delivery's package away: 404.
    pub fn remove_package(&self, delivery: &str) -> bool {
        self.shared.state().catalogue.remove_package(delivery)
    }

    /// A new version of the package under the same URI; the members that changed.
    pub fn change_package(&self, delivery: &str, change: Change) -> Option<Vec<String>> {
        self.shared
            .state()
            .catalogue
            .change_package(delivery, change)
    }

    /// Publishes a delivery again under a new URI, its package changed or not; the new URI.
    pub fn republish(&self, delivery: &str, change: Option<Change>) -> Option<String> {
        self.shared.state().catalogue.republish(delivery, change)
    }
}
