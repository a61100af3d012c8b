//! What one synchronization is asked to do.
//! Never decides when: the schedule does, or a person.
//! Called by the verb `sync` and by the worker.

use logic::entity::EntityType;
use logic::intake::ItemKind;
use logic::schedule::Errand;

/// What one synchronization is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Only these types; empty: all.
    pub types: Vec<EntityType>,
    /// Catalogue and packages.
    pub data: bool,
    /// Results, logs and sessions.
    pub results: bool,
    /// Only these of it; empty: all.
    pub owed: Vec<ItemKind>,
    /// A person has seen the deletions that were held back.
    pub allow_deletes: bool,
    /// Somebody waits for it: an unreachable central is given up soon.
    pub asked: bool,
    /// What is owed may have been sent by another state of this folder: it is asked for before it is sent.
    pub probe_first: bool,
    /// The highest number of a run that the daemon has seen; 0 without one.
    pub seen: u64,
    /// Packages come at once, windows or not.
    pub now: bool,
    /// Whoever asked does not wait for packages.
    pub no_wait: bool,
    /// The link is measured, whatever was measured lately.
    pub measure: bool,
    /// Only these organisations of the box; empty: all.
    pub organisations: Vec<String>,
}

impl Request {
    /// What an errand asks for.
    pub fn of(errand: Errand, asked: bool) -> Self {
        Self {
            types: errand.types,
            data: errand.data,
            results: errand.results,
            owed: errand.owed,
            allow_deletes: errand.allow_deletes,
            asked,
            now: errand.now,
            no_wait: errand.no_wait,
            measure: errand.measure,
            organisations: errand.organisations,
            ..Self::default()
        }
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            data: true,
            results: true,
            owed: Vec::new(),
            allow_deletes: false,
            asked: true,
            probe_first: true,
            seen: 0,
            now: false,
            no_wait: false,
            measure: false,
            organisations: Vec::new(),
        }
    }
}
