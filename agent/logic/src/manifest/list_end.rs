//! What the end of a list says, beyond the entities that it names: that it was cut, and whose box this is.
//! Never judges what the list no longer names: `guard` does.
//! Called by `sync` and by `preview`, when a list has ended.

use super::Manifest;
use crate::entity::EntityType;
use crate::fault::{CatalogueCause, Code, Fault};

/// What is told when a list has ended.
#[derive(Debug)]
pub struct ListEnd {
    /// In the order in which it is told.
    pub findings: Vec<Fault>,
    /// Central names another test centre altogether, and nobody has said that it may: nothing changes.
    pub elsewhere: bool,
}

impl Manifest {
    /// Where the list has ended. Of one that `failed` nothing follows but that it was cut. `organisation`: whose list it is.
    pub fn ended(&self, failed: bool, organisation: &str) -> ListEnd {
        let cut = self.cut.clone();
        let cut = cut.map(|cause| Fault::new(Code::CatalogueEndless, cause));
        let speaks = self.kind == EntityType::TestCenter && !failed;
        let unknown = (speaks && self.is_empty()).then(|| {
            let organisation = organisation.to_owned();
            let cause = CatalogueCause::NoTestCentre { organisation };
            Fault::new(Code::CatalogueUnknownOrganisation, cause)
        });
        let elsewhere =
            speaks && !self.is_empty() && !self.names_a_held_one() && !self.terms.allowed;
        let other =
            elsewhere.then(|| Fault::new(Code::CatalogueOtherCentre, CatalogueCause::OtherCentre));
        ListEnd {
            findings: [cut, unknown, other].into_iter().flatten().collect(),
            elsewhere,
        }
    }
}
