//! Makes the data of a central from a seed: the same seed, the same bytes.
//! Never uses a clock or a random source; test takers are made when somebody asks for them.
//! Called once when a central starts, and by mutators that add entities.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::entity::{Entity, Kind, Property, uri};
use crate::package::Package;
use crate::random::Random;
use crate::token::Account;

/// 2026-09-01T08:00:00Z, when the seeded data was created.
pub(crate) const EPOCH: u64 = 1_788_249_600;

/// What a central holds when it starts.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Everything is derived from it.
    pub seed: u64,
    /// Ontology namespace, ending in `#`.
    pub namespace: String,
    /// One test centre each.
    pub organisations: Vec<Organisation>,
}

/// One organisation with its test centre.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Organisation id, a string on the wire.
    pub id: String,
    /// Test-centre administrators.
    pub administrators: usize,
    /// Proctors.
    pub proctors: usize,
    /// Test takers; each is in one to three eligibilities.
    pub test_takers: usize,
    /// Deliveries; each in exactly one eligibility.
    pub deliveries: usize,
    /// The last so many deliveries have no package (404).
    pub without_package: usize,
    /// Smallest and largest package in bytes; sizes grow geometrically from delivery to delivery.
    pub package_sizes: (u64, u64),
}

impl Organisation {
    /// A small organisation: 2 administrators, 3 proctors, 20 test takers, 3 deliveries of 40 to 400 kB.
    #[must_use]
    pub fn small(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            administrators: 2,
            proctors: 3,
            test_takers: 20,
            deliveries: 3,
            without_package: 0,
            package_sizes: (40_000, 400_000),
        }
    }
}

impl Dataset {
    /// No data at all; entities are put in by hand.
    #[must_use]
    pub fn empty(namespace: &str) -> Self {
        Self {
            seed: 0,
            namespace: namespace.to_owned(),
            organisations: Vec::new(),
        }
    }

    /// Organisation `1001` of [`Organisation::small`] size.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            namespace: "https://central.example/tao.rdf#".into(),
            organisations: vec![Organisation::small("1001")],
        }
    }

    /// Organisation `1001` with so many test takers and deliveries, packages within the given sizes in bytes.
    #[must_use]
    pub fn sized(seed: u64, test_takers: usize, deliveries: usize, sizes: (u64, u64)) -> Self {
        Self {
            organisations: vec![Organisation {
                test_takers,
                deliveries,
                package_sizes: sizes,
                ..Organisation::small("1001")
            }],
            ..Self::small(seed)
        }
    }
}

const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Alan",
    "Amina",
    "Björn",
    "Chloé",
    "Daria",
    "Étienne",
    "Fatoumata",
    "Grace",
    "Hélène",
    "Ivo",
    "Jana",
    "Kofi",
    "Łukasz",
    "Mei",
    "Nguyễn",
    "Oisín",
    "Pia",
    "Quentin",
    "Rania",
    "Søren",
    "Tomás",
    "Uma",
    "Vera",
    "Wen",
    "学",
    "Yara",
    "Zoë",
];
const LAST_NAMES: &[&str] = &[
    "Achebe",
    "Bauer",
    "Çelik",
    "D'Souza",
    "Eriksen",
    "Fernández",
    "García-López",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lovelace",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Okafor",
    "Papadopoulos",
    "Quist",
    "Rossi",
    "Schmidt",
    "Turing",
    "Ünal",
    "van der \"Berg\"",
    "Weber",
    "生",
    "Yılmaz",
    "Zhang",
];

/// What the test takers of one organisation have in common.
pub(crate) struct Birth {
    seed: u64,
    organisation: String,
    classes: Vec<String>,
    eligibilities: Vec<String>,
}

impl Birth {
    /// The triples of the n-th test taker (protocol 5.10).
    pub(crate) fn properties(&self, n: usize) -> Vec<Property> {
        let mut random = Random::of(self.seed, &self.organisation, n);
        let (first, last) = (random.pick(FIRST_NAMES), random.pick(LAST_NAMES));
        let login = format!("tt-{}-{:05}", self.organisation, n + 1);
        let mut properties = user(
            &mut random,
            &login,
            &format!("pw-{n}"),
            (first, last),
            uri::TAKER_ROLE,
            EPOCH + n as u64,
        );
        let class = self
            .classes
            .get(n % (self.classes.len() + 1))
            .map_or(uri::SUBJECT, String::as_str);
        properties.push(Property::one(uri::TYPE, class));
        let member: Vec<String> = memberships(n, self.eligibilities.len())
            .into_iter()
            .map(|e| self.eligibilities[e].clone())
            .collect();
        if !member.is_empty() {
            properties.push(Property::many(uri::ASSIGNMENT, member));
        }
        properties
    }
}

/// Which eligibilities the n-th test taker is in: one to three.
fn memberships(n: usize, eligibilities: usize) -> BTreeSet<usize> {
    let mut member = BTreeSet::new();
    if eligibilities > 0 {
        member.insert(n % eligibilities);
        if n.is_multiple_of(3) {
            member.insert((n / 3 + 1) % eligibilities);
        }
        if n % 20 == 7 {
            member.insert((n / 7 + 2) % eligibilities);
        }
    }
    member
}

/// The triples every user has, without its type and its relations.
pub(crate) fn user(
    random: &mut Random,
    login: &str,
    password: &str,
    name: (&str, &str),
    role: &str,
    created: u64,
) -> Vec<Property> {
    let second = created % 60;
    let minute = created / 60 % 60;
    vec![
        Property::one(uri::FIRST_TIME, uri::TRUE),
        Property::one(uri::LOGIN, login),
        Property::one(
            uri::PASSWORD,
            password_hash(&random.alphanumeric(10), password),
        ),
        Property::one(uri::LANGUAGE, uri::ENGLISH),
        Property::one(uri::UI_LANGUAGE, uri::ENGLISH),
        Property::one(uri::FIRST_NAME, name.0),
        Property::one(uri::LAST_NAME, name.1),
        Property::one(uri::MAIL, format!("{login}@lyceum.example")),
        Property::one(uri::ROLES, role),
        Property::one(
            uri::COMMENT,
            format!("User Created on 2026-09-01T08:{minute:02}:{second:02}+0000"),
        ),
        Property::one(uri::LABEL, format!("{} {}", name.0, name.1)),
        Property::one(
            uri::CREATED_AT,
            format!("{created}.{:04}", random.below(10_000)),
        ),
        Property::one(
            uri::UPDATED_AT,
            format!("{created}.{:04}", random.below(10_000)),
        ),
    ]
}

/// TAO's stored form: salt, then the hexadecimal SHA-256 of salt and password.
pub(crate) fn password_hash(salt: &str, password: &str) -> String {
    format!(
        "{salt}{}",
        crate::package::digest(format!("{salt}{password}").as_bytes())
    )
}

/// Fills a catalogue; returns the accounts that can log in.
pub(crate) fn plant(dataset: &Dataset, catalogue: &mut Catalogue) -> Vec<Account> {
    plant_ontology(catalogue);
    let mut accounts = vec![plain_account()];
    for organisation in &dataset.organisations {
        accounts.push(plant_organisation(dataset.seed, organisation, catalogue));
    }
    accounts
}

fn plain_account() -> Account {
    Account {
        login: "plain".into(),
        password: "Plain#Pass1".into(),
        uri: String::new(),
        is_manager: false,
        organisation: None,
    }
}

/// Classes and roles of TAO itself, as far as calls can reach them.
fn plant_ontology(catalogue: &mut Catalogue) {
    let translations = |word: &str, n: usize| (0..n).map(|i| format!("{word} {i}")).collect();
    for (class, parent) in [
        (uri::TEST_CENTER, uri::TAO_OBJECT),
        (uri::ELIGIBILITY, uri::TAO_OBJECT),
        (uri::DELIVERY, uri::DELIVERY_CLASS),
        (uri::DELIVERY_CLASS, uri::TAO_OBJECT),
        (uri::TAO_OBJECT, uri::GENERIS_RESOURCE),
        (uri::SUBJECT, uri::USER),
        (uri::USER, uri::GENERIS_USER),
        (uri::GENERIS_USER, uri::GENERIS_RESOURCE),
    ] {
        let word = class.rsplit('#').next().unwrap_or(class);
        let properties = vec![
            Property::many(uri::COMMENT, translations(word, 10)),
            Property::many(uri::LABEL, translations(word, 9)),
            Property::one(uri::SUB_CLASS_OF, parent),
        ];
        catalogue.add(Entity::new(class.into(), Kind::Other, 0, properties));
    }
    catalogue.add(Entity::new(
        uri::SYNC_ROLE.into(),
        Kind::Other,
        0,
        vec![
            Property::many(
                "http://www.tao.lu/Ontologies/generis.rdf#includesRole",
                vec![
                    "http://www.tao.lu/Ontologies/generis.rdf#taoTaskQueueManager".into(),
                    "http://www.tao.lu/Ontologies/TAO.rdf#BackOfficeRole".into(),
                ],
            ),
            Property::many(
                "http://www.tao.lu/Ontologies/taoFuncACL.rdf#GrantAccess",
                vec![
                    "http://www.tao.lu/Ontologies/taoFuncACL.rdf#m_taoSync_SynchronizationHistory"
                        .into(),
                    "http://www.tao.lu/Ontologies/taoFuncACL.rdf#e_taoSync".into(),
                ],
            ),
            Property::one(
                uri::TYPE,
                "http://www.tao.lu/Ontologies/generis.rdf#UserRole",
            ),
            Property::many(
                uri::COMMENT,
                vec![
                    "The Sync Manager Role".into(),
                    "Le rôle du gestionnaire de synchronisation".into(),
                ],
            ),
            Property::one(uri::LABEL, "Sync Manager"),
        ],
    ));
}

fn plant_organisation(seed: u64, plan: &Organisation, catalogue: &mut Catalogue) -> Account {
    let namespace = catalogue.namespace.clone();
    let id = |name: &str, n: usize| {
        let name = format!("{}/{name}", plan.id);
        format!("{namespace}i6b{}", Random::of(seed, &name, n).hex(31))
    };
    let class = |catalogue: &mut Catalogue, uri_: &str, label: &str, parent: &str| {
        let properties = vec![
            Property::one(uri::LABEL, label),
            Property::one(uri::SUB_CLASS_OF, parent),
        ];
        catalogue.add(Entity::new(uri_.to_owned(), Kind::Other, EPOCH, properties));
        uri_.to_owned()
    };

    let centre_class = class(
        catalogue,
        &id("class/centre", 0),
        "Schools",
        uri::TEST_CENTER,
    );
    let grade = class(catalogue, &id("class/taker", 0), "Grade 4", uri::SUBJECT);
    let grade_b = class(catalogue, &id("class/taker", 1), "Grade 4 B", &grade);
    let session = class(
        catalogue,
        &id("class/delivery", 0),
        "Spring session",
        uri::DELIVERY,
    );
    let maths = class(
        catalogue,
        &id("class/delivery", 1),
        "Spring session maths",
        &session,
    );

    let centre = id("centre", 0);
    catalogue.add(Entity::new(
        centre.clone(),
        Kind::TestCenter,
        EPOCH,
        vec![
            Property::one(uri::LABEL, format!("Lyceum {}", plan.id)),
            Property::one(uri::TYPE, centre_class),
            Property::one(uri::ORGANISATION, plan.id.clone()),
            Property::one(uri::CREATED_AT, format!("{EPOCH}.0001")),
            Property::one(uri::UPDATED_AT, format!("{EPOCH}.0002")),
        ],
    ));
    for (kind, count, word, role, relation) in [
        (
            Kind::Administrator,
            plan.administrators,
            "admin",
            uri::ADMINISTRATOR_ROLE,
            uri::ADMINISTRATOR,
        ),
        (
            Kind::Proctor,
            plan.proctors,
            "proctor",
            uri::PROCTOR_ROLE,
            uri::ASSIGNED_PROCTOR,
        ),
    ] {
        for n in 0..count {
            let mut random = Random::of(seed, word, n);
            let name = (random.pick(FIRST_NAMES), random.pick(LAST_NAMES));
            let login = format!("{word}-{}-{}", plan.id, n + 1);
            let created = EPOCH + n as u64;
            let mut properties = user(
                &mut random,
                &login,
                &format!("{word}-pw-{n}"),
                name,
                role,
                created,
            );
            properties.push(Property::one(relation, centre.clone()));
            properties.push(Property::one(uri::TYPE, uri::USER));
            if kind == Kind::Proctor {
                properties.push(Property::one(uri::AUTHORIZED_PROCTOR, centre.clone()));
            }
            catalogue.add(Entity::new(id(word, n), kind, created, properties));
        }
    }

    let deliveries: Vec<String> = (0..plan.deliveries).map(|n| id("delivery", n)).collect();
    let eligibilities: Vec<String> = (0..plan.deliveries).map(|n| id("eligibility", n)).collect();
    let takers: Vec<String> = (0..plan.test_takers).map(|n| id("taker", n)).collect();
    let birth = Arc::new(Birth {
        seed,
        organisation: plan.id.clone(),
        classes: vec![grade, grade_b],
        eligibilities: eligibilities.clone(),
    });
    let mut members = vec![Vec::new(); eligibilities.len()];
    for (n, taker) in takers.into_iter().enumerate() {
        for e in memberships(n, eligibilities.len()) {
            members[e].push(taker.clone());
        }
        let created = EPOCH + n as u64;
        catalogue.add(Entity::unborn(
            taker,
            Kind::TestTaker,
            created,
            Arc::clone(&birth),
            n,
        ));
    }
    for (n, (eligibility, takers)) in eligibilities.into_iter().zip(members).enumerate() {
        catalogue.add(Entity::new(
            eligibility,
            Kind::Eligibility,
            EPOCH + n as u64,
            vec![
                Property::one(uri::ELIGIBLE_DELIVERY, deliveries[n].clone()),
                Property::one(uri::ELIGIBLE_CENTRE, centre.clone()),
                Property::many(uri::ELIGIBLE_TAKER, takers),
                Property::one(uri::TYPE, uri::ELIGIBILITY),
                Property::one(uri::CREATED_AT, format!("{}.5", EPOCH + n as u64)),
            ],
        ));
    }
    for (n, delivery) in deliveries.into_iter().enumerate() {
        let types = [uri::DELIVERY, session.as_str(), maths.as_str()];
        let has_package = n + plan.without_package < plan.deliveries;
        let properties = delivery_properties(seed, &delivery, n, types[n % 3], has_package);
        if has_package {
            let size = geometric(plan.package_sizes, n, plan.deliveries);
            let package = Package::new(Random::of(seed, &delivery, n).next(), size);
            catalogue.put_package(&delivery, package);
        }
        catalogue.add(Entity::new(
            delivery,
            Kind::Delivery,
            EPOCH + n as u64,
            properties,
        ));
    }
    plant_manager(seed, plan, &id("manager", 0), &centre, catalogue)
}

fn geometric((low, high): (u64, u64), n: usize, count: usize) -> u64 {
    if count < 2 || low == 0 || high <= low {
        return low.max(if count < 2 { high } else { low });
    }
    let ratio = high as f64 / low as f64;
    (low as f64 * ratio.powf(n as f64 / (count - 1) as f64)).round() as u64
}

fn delivery_properties(
    seed: u64,
    delivery: &str,
    n: usize,
    class: &str,
    has_package: bool,
) -> Vec<Property> {
    let mut random = Random::of(seed, delivery, n);
    let local = delivery.rsplit('#').next().unwrap_or(delivery);
    let mut properties = vec![
        Property::one(
            uri::FEATURES,
            if n.is_multiple_of(2) {
                ""
            } else {
                "security,progressbar"
            },
        ),
        Property::one(uri::MAX_EXECUTIONS, (1 + n % 3).to_string()),
        Property::one(uri::PERIOD_START, "1767225600"),
        Property::one(uri::PERIOD_END, "1893456000"),
        Property::one(uri::PROCTORED, uri::PROCTORED_YES),
        Property::one(
            uri::BACKUP_PATH,
            format!("{}/qti_test_export.zip", random.hex(32)),
        ),
        Property::one(uri::TYPE, class),
        Property::one(uri::LABEL, format!("Algebra B{}", n + 1)),
        Property::one(uri::CREATED_AT, format!("{}.25", EPOCH + n as u64)),
        Property::one(uri::DELIVERY_TIME, (EPOCH + n as u64).to_string()),
        Property::one(uri::DELIVERY_ORIGIN, format!("{delivery}-test")),
    ];
    if has_package {
        properties.push(Property::one(
            uri::PACKAGE,
            format!("file://synchronisation/{local}%2Fexport.zip"),
        ));
    }
    properties
}

fn plant_manager(
    seed: u64,
    plan: &Organisation,
    id: &str,
    centre: &str,
    catalogue: &mut Catalogue,
) -> Account {
    let login = format!("sync-{}", plan.id);
    let password = format!("Box#Pass-{}", plan.id);
    let mut random = Random::of(seed, &login, 0);
    let mut properties = user(
        &mut random,
        &login,
        &password,
        ("Sam", "Sync"),
        uri::SYNC_ROLE,
        EPOCH,
    );
    properties.push(Property::one(uri::TYPE, uri::USER));
    properties.push(Property::one(uri::ORGANISATION, plan.id.clone()));
    properties.push(Property::one(uri::ASSIGNED_SYNC_USER, centre));
    catalogue.add(Entity::new(id.to_owned(), Kind::Other, EPOCH, properties));
    Account {
        login,
        password,
        uri: id.to_owned(),
        is_manager: true,
        organisation: Some(plan.id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_stored_as_tao_stores_it() {
        assert_eq!(
            password_hash("IusqpQlIvn", "SyncPassw0rd!"),
            "IusqpQlIvn360e490a1a6693f2f88615b9e8a55b8e60724fc0add96153ea60f517ae522fbe"
        );
    }

    #[test]
    fn sizes_span_the_range_that_was_asked_for() {
        let sizes: Vec<u64> = (0..12)
            .map(|n| geometric((40_000, 25_000_000), n, 12))
            .collect();
        assert_eq!((sizes[0], sizes[11]), (40_000, 25_000_000));
        assert!(sizes.is_sorted());
    }
}
