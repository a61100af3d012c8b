//! One resource of the central: its triples, its checksum, its JSON (protocol 5.2, 5.6, 5.8).
//! Never knows who may see it; properties of seeded test takers are made when first needed.
//! Called by the catalogue and the fetch handlers.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::php::{self, Collapsed};
use crate::seed::Birth;

/// The six synchronised types, and what else can be asked for by URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `test-center`.
    TestCenter,
    /// `administrator`.
    Administrator,
    /// `proctor`.
    Proctor,
    /// `test-taker`.
    TestTaker,
    /// `eligibility`.
    Eligibility,
    /// `delivery`.
    Delivery,
    /// Classes, roles and sync managers: never listed, answered by URI.
    Other,
}

impl Kind {
    /// The synchronised types in central's order (protocol 5.1).
    pub const ALL: [Kind; 6] = [
        Kind::TestCenter,
        Kind::Administrator,
        Kind::Proctor,
        Kind::TestTaker,
        Kind::Eligibility,
        Kind::Delivery,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TestCenter => "test-center",
            Self::Administrator => "administrator",
            Self::Proctor => "proctor",
            Self::TestTaker => "test-taker",
            Self::Eligibility => "eligibility",
            Self::Delivery => "delivery",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The root class of protocol 5.1.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Self::TestCenter => uri::TEST_CENTER,
            Self::Administrator | Self::Proctor | Self::Other => uri::USER,
            Self::TestTaker => uri::SUBJECT,
            Self::Eligibility => uri::ELIGIBILITY,
            Self::Delivery => uri::DELIVERY,
        }
    }

    pub(crate) fn is_user(self) -> bool {
        matches!(self, Self::Administrator | Self::Proctor | Self::TestTaker)
    }

    /// `excludedProperties` of protocol 5.8.
    pub(crate) fn excludes(self, predicate: &str) -> bool {
        match predicate {
            uri::UPDATED_AT | uri::CREATED_AT => self != Self::Other,
            uri::AUTHORIZED_PROCTOR => self == Self::Proctor,
            uri::DELIVERY_ORIGIN
            | uri::DELIVERY_DIRECTORY
            | uri::DELIVERY_TIME
            | uri::DELIVERY_RUNTIME
            | uri::DELIVERY_CONTAINER => self == Self::Delivery,
            _ => false,
        }
    }
}

/// All triples of one predicate, in storage order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Predicate URI.
    pub predicate: String,
    /// Objects, URIs and literals alike.
    pub values: Vec<String>,
}

impl Property {
    /// One predicate with one value.
    #[must_use]
    pub fn one(predicate: &str, value: impl Into<String>) -> Self {
        Self {
            predicate: predicate.to_owned(),
            values: vec![value.into()],
        }
    }

    /// One predicate with several values, in storage order.
    #[must_use]
    pub fn many(predicate: &str, values: Vec<String>) -> Self {
        Self {
            predicate: predicate.to_owned(),
            values,
        }
    }
}

/// One resource.
pub(crate) struct Entity {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// Creation time, Unix seconds.
    pub(crate) created: u64,
    birth: Option<(Arc<Birth>, usize)>,
    properties: OnceLock<Vec<Property>>,
    /// Checksum and row of the list for its own type.
    row: OnceLock<(String, String)>,
    /// The entity object for its own type.
    object: OnceLock<String>,
}

impl Entity {
    pub(crate) fn new(id: String, kind: Kind, created: u64, mut properties: Vec<Property>) -> Self {
        properties.sort_by(|a, b| a.predicate.cmp(&b.predicate));
        Self {
            id,
            kind,
            created,
            birth: None,
            properties: OnceLock::from(properties),
            row: OnceLock::new(),
            object: OnceLock::new(),
        }
    }

    /// A test taker whose properties are made from the seed when they are first needed.
    pub(crate) fn unborn(
        id: String,
        kind: Kind,
        created: u64,
        birth: Arc<Birth>,
        n: usize,
    ) -> Self {
        Self {
            id,
            kind,
            created,
            birth: Some((birth, n)),
            properties: OnceLock::new(),
            row: OnceLock::new(),
            object: OnceLock::new(),
        }
    }

    /// The stored triples, ascending by predicate.
    pub(crate) fn properties(&self) -> &[Property] {
        self.properties.get_or_init(|| {
            let mut made = match &self.birth {
                Some((birth, n)) => birth.properties(*n),
                None => Vec::new(),
            };
            made.sort_by(|a, b| a.predicate.cmp(&b.predicate));
            made
        })
    }

    pub(crate) fn values(&self, predicate: &str) -> &[String] {
        self.properties()
            .iter()
            .find(|p| p.predicate == predicate)
            .map_or(&[], |p| &p.values)
    }

    pub(crate) fn value(&self, predicate: &str) -> Option<&str> {
        self.values(predicate).first().map(String::as_str)
    }

    /// Replaces all triples of a predicate; none removes it.
    pub(crate) fn set(&mut self, predicate: &str, values: Vec<String>) {
        let mut properties = self.properties().to_vec();
        properties.retain(|p| p.predicate != predicate);
        if !values.is_empty() {
            properties.push(Property::many(predicate, values));
            properties.sort_by(|a, b| a.predicate.cmp(&b.predicate));
        }
        self.properties = OnceLock::from(properties);
        self.row = OnceLock::new();
        self.object = OnceLock::new();
    }

    /// The checksum as its own type sees it.
    pub(crate) fn checksum(&self) -> &str {
        &self.rendered().0
    }

    /// `"<id>":{"id":…,"checksum":…,"properties":[]}`, ready for a list.
    pub(crate) fn row(&self) -> &str {
        &self.rendered().1
    }

    fn rendered(&self) -> &(String, String) {
        self.row.get_or_init(|| {
            let checksum = self.hashed(self.kind);
            let mut row = String::with_capacity(self.id.len() * 2 + 90);
            php::quote(&mut row, &self.id);
            row.push(':');
            self.open(&mut row, &checksum);
            row.push_str("[]}");
            (checksum, row)
        })
    }

    fn open(&self, out: &mut String, checksum: &str) {
        out.push_str("{\"id\":");
        php::quote(out, &self.id);
        out.push_str(",\"checksum\":\"");
        out.push_str(checksum);
        out.push_str("\",\"properties\":");
    }

    /// The checksum: of a delivery without the clear key that an encrypted central adds (protocol 5.7).
    fn hashed(&self, kind: Kind) -> String {
        let mut map = self.collapsed(kind);
        map.retain(|(predicate, _)| kind != Kind::Delivery || *predicate != uri::APPLICATION_KEY);
        php::checksum(&map)
    }

    fn collapsed(&self, kind: Kind) -> Vec<(&str, Collapsed<'_>)> {
        self.properties()
            .iter()
            .filter(|p| !kind.excludes(&p.predicate))
            .map(|p| (p.predicate.as_str(), php::collapse(&p.values)))
            .collect()
    }

    /// The entity object of protocol 5.2 with the exclusions of a type.
    pub(crate) fn render(&self, out: &mut String, kind: Kind) {
        if kind == self.kind {
            out.push_str(self.object());
        } else {
            self.render_as(out, kind);
        }
    }

    /// The entity object for its own type, made once.
    pub(crate) fn object(&self) -> &str {
        self.object.get_or_init(|| {
            let mut out = String::new();
            self.render_as(&mut out, self.kind);
            out
        })
    }

    fn render_as(&self, out: &mut String, kind: Kind) {
        let map = self.collapsed(kind);
        if kind == self.kind {
            self.open(out, self.checksum());
        } else {
            self.open(out, &self.hashed(kind));
        }
        if map.is_empty() {
            out.push_str("[]}");
            return;
        }
        for (i, (predicate, value)) in map.iter().enumerate() {
            out.push(if i == 0 { '{' } else { ',' });
            php::quote(out, predicate);
            out.push(':');
            match value {
                Collapsed::One(text) => php::quote(out, text),
                Collapsed::Many(texts) => {
                    out.push('[');
                    for (i, text) in texts.iter().enumerate() {
                        if i > 0 {
                            out.push(',');
                        }
                        php::quote(out, text);
                    }
                    out.push(']');
                }
            }
        }
        out.push_str("}}");
    }
}

/// The URIs of protocol appendix A, spelt as they are.
pub mod uri {
    #![allow(missing_docs, reason = "each name says what the URI says")]
    pub const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
    pub const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";
    pub const COMMENT: &str = "http://www.w3.org/2000/01/rdf-schema#comment";
    pub const SUB_CLASS_OF: &str = "http://www.w3.org/2000/01/rdf-schema#subClassOf";
    pub const UPDATED_AT: &str = "http://www.tao.lu/Ontologies/TAO.rdf#UpdatedAt";
    pub const CREATED_AT: &str = "http://www.taotesting.com/Ontologies/TAO.rdf#CreatedAt";
    pub const ORGANISATION: &str =
        "http://www.taotesting.com/ontologies/synchro.rdf#organisationId";
    pub const PACKAGE: &str = "http://www.taotesting.com/ontologies/synchro.rdf#OriginTestPackage";
    pub const ASSIGNED_SYNC_USER: &str =
        "http://www.taotesting.com/Ontologies/TAOTestCenter.rdf#assignedSyncUser";
    pub const CONSUMER_USER: &str = "http://www.tao.lu/Ontologies/taoSync.rdf#ConsumerUser";
    pub const LOGIN: &str = "http://www.tao.lu/Ontologies/generis.rdf#login";
    pub const PASSWORD: &str = "http://www.tao.lu/Ontologies/generis.rdf#password";
    pub const FIRST_NAME: &str = "http://www.tao.lu/Ontologies/generis.rdf#userFirstName";
    pub const LAST_NAME: &str = "http://www.tao.lu/Ontologies/generis.rdf#userLastName";
    pub const MAIL: &str = "http://www.tao.lu/Ontologies/generis.rdf#userMail";
    pub const ROLES: &str = "http://www.tao.lu/Ontologies/generis.rdf#userRoles";
    pub const UI_LANGUAGE: &str = "http://www.tao.lu/Ontologies/generis.rdf#userUILg";
    pub const LANGUAGE: &str = "http://www.tao.lu/Ontologies/generis.rdf#userDefLg";
    pub const ENGLISH: &str = "http://www.tao.lu/Ontologies/TAO.rdf#Langen-US";
    pub const FIRST_TIME: &str = "http://www.tao.lu/Ontologies/TAO.rdf#FirstTimeInTao";
    pub const TRUE: &str = "http://www.tao.lu/Ontologies/generis.rdf#True";
    pub const ASSIGNMENT: &str = "http://www.tao.lu/Ontologies/TAOTestCenter#UserAssignment";
    pub const ADMINISTRATOR: &str = "http://www.tao.lu/Ontologies/TAOTestCenter.rdf#administrator";
    pub const ASSIGNED_PROCTOR: &str =
        "http://www.tao.lu/Ontologies/TAOTestCenter.rdf#assignedProctor";
    pub const AUTHORIZED_PROCTOR: &str =
        "http://www.tao.lu/Ontologies/TAOTestCenter.rdf#authorizedProctor";
    pub const ELIGIBLE_DELIVERY: &str =
        "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileDelivery";
    pub const ELIGIBLE_CENTRE: &str =
        "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestCenter";
    pub const ELIGIBLE_TAKER: &str =
        "http://www.tao.lu/Ontologies/TAOProctor.rdf#EligibileTestTaker";
    pub const TEST_CENTER: &str = "http://www.tao.lu/Ontologies/TAOTestCenter.rdf#TestCenter";
    pub const USER: &str = "http://www.tao.lu/Ontologies/TAO.rdf#User";
    pub const GENERIS_USER: &str = "http://www.tao.lu/Ontologies/generis.rdf#User";
    pub const SUBJECT: &str = "http://www.tao.lu/Ontologies/TAOSubject.rdf#Subject";
    pub const ELIGIBILITY: &str = "http://www.tao.lu/Ontologies/TAOProctor.rdf#DeliveryEligibility";
    pub const DELIVERY: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDelivery";
    pub const DELIVERY_CLASS: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#Delivery";
    pub const TAO_OBJECT: &str = "http://www.tao.lu/Ontologies/TAO.rdf#TAOObject";
    pub const GENERIS_RESOURCE: &str = "http://www.tao.lu/Ontologies/generis.rdf#generis_Ressource";
    pub const RDFS_RESOURCE: &str = "http://www.w3.org/2000/01/rdf-schema#Resource";
    pub const CLASS: &str = "http://www.w3.org/2000/01/rdf-schema#Class";
    pub const ADMINISTRATOR_ROLE: &str =
        "http://www.tao.lu/Ontologies/TAOProctor.rdf#TestCenterAdministratorRole";
    pub const PROCTOR_ROLE: &str = "http://www.tao.lu/Ontologies/TAOProctor.rdf#ProctorRole";
    pub const TAKER_ROLE: &str = "http://www.tao.lu/Ontologies/TAO.rdf#DeliveryRole";
    pub const SYNC_ROLE: &str = "http://www.tao.lu/Ontologies/generis.rdf#taoSyncManager";
    pub const MAX_EXECUTIONS: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#Maxexec";
    pub const PERIOD_START: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#PeriodStart";
    pub const PERIOD_END: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#PeriodEnd";
    pub const PROCTORED: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#ProctorAccessible";
    pub const PROCTORED_YES: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#ComplyEnabled";
    pub const FEATURES: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryTestRunnerFeatures";
    pub const APPLICATION_KEY: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#applicationKey";
    pub const BACKUP_PATH: &str =
        "http://www.tao.lu/Ontologies/TAOPublishing.rdf#QtiTestBackupPath";
    pub const DELIVERY_ORIGIN: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDeliveryOrigin";
    pub const DELIVERY_DIRECTORY: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDeliveryCompilationDirectory";
    pub const DELIVERY_TIME: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDeliveryCompilationTime";
    pub const DELIVERY_RUNTIME: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDeliveryRuntime";
    pub const DELIVERY_CONTAINER: &str =
        "http://www.tao.lu/Ontologies/TAODelivery.rdf#AssembledDeliveryContainer";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proctor_of_protocol_5_10_has_its_checksum() {
        let one = Property::one;
        let proctor = Entity::new(
            "https://central.example/tao.rdf#i2101".into(),
            Kind::Proctor,
            0,
            vec![
                one(uri::FIRST_TIME, uri::TRUE),
                one(
                    uri::ASSIGNED_PROCTOR,
                    "https://central.example/tao.rdf#i1000",
                ),
                one(uri::LOGIN, "proctor-a"),
                one(
                    uri::PASSWORD,
                    "Zk3LmQ9a1Bed2da351b5966856941b2326893e00e08cd85563f9b86a326404a220c3ecd9d7",
                ),
                one(uri::LANGUAGE, uri::ENGLISH),
                one(uri::FIRST_NAME, "Pia"),
                one(uri::LAST_NAME, "Okafor"),
                one(uri::MAIL, "proctor-a@lyceum.example"),
                one(uri::ROLES, uri::PROCTOR_ROLE),
                one(uri::UI_LANGUAGE, uri::ENGLISH),
                one(uri::TYPE, uri::USER),
                one(uri::LABEL, "Pia Okafor"),
                one(uri::CREATED_AT, "1795446556.6408"),
                one(
                    uri::AUTHORIZED_PROCTOR,
                    "https://central.example/tao.rdf#i1000",
                ),
            ],
        );
        assert_eq!(proctor.checksum(), "f557a219f2128f80ca3e782a5a7ba640");
    }

    #[test]
    fn the_test_taker_of_protocol_5_10_has_its_checksum() {
        let one = Property::one;
        let taker = Entity::new(
            "https://central.example/tao.rdf#i2201".into(),
            Kind::TestTaker,
            0,
            vec![
                one(uri::FIRST_TIME, uri::TRUE),
                one(uri::ASSIGNMENT, "https://central.example/tao.rdf#i3001"),
                one(uri::LOGIN, "tt-0001"),
                one(
                    uri::PASSWORD,
                    "a1B2c3D4e55c64a71e56a785063244273dc784c7de5f28b05d5112baa7ad0810895c5a3e0f",
                ),
                one(uri::LANGUAGE, uri::ENGLISH),
                one(uri::FIRST_NAME, "Ada"),
                one(uri::LAST_NAME, "Lovelace"),
                one(uri::MAIL, "tt-0001@lyceum.example"),
                one(uri::ROLES, uri::TAKER_ROLE),
                one(uri::UI_LANGUAGE, uri::ENGLISH),
                one(uri::TYPE, uri::SUBJECT),
                one(uri::LABEL, "Ada Lovelace"),
            ],
        );
        assert_eq!(taker.checksum(), "448069ca0236105207bfb54debe27a75");
    }
}
