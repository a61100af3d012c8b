//! What a stick holds of one organisation's data: how the catalogue and its packages are cut into sealed objects, the head
//! that names them all, and which head counts.
//! Never a path, file, clock or key: whoever calls seals, opens, reads and writes.
//! Called by `vault::carry`, which has the files, and by the engine, which exports and imports.
//!
//! # What lies on a stick
//!
//! | Object (`logic::site`) | Its name is a keyed hash of | Its body |
//! |---|---|---|
//! | head | its place, of two | version, then `StickHead` in postcard |
//! | entities | the SHA-256 of its body | entities of one type, or classes, in postcard, one behind the other |
//! | span | the size of the package, the SHA-256 of its end, its number | 8 MiB of the package; the last one less |
//!
//! An object whose name is what it is made of never has to be written twice, by whichever box, and cannot be put in the place
//! of another. A head has one of two names, so that the one before is whole until its successor is: what only the one before
//! names goes after that. No name tells anything; a size tells no more than whole 4 KiB.
//!
//! # Which head counts
//!
//! | On the stick | Then |
//! |---|---|
//! | no head opens | the stick has nothing for this site |
//! | one | that one |
//! | two: a stick was pulled after the second was written | the one with the higher number |

mod choice;

pub use choice::{NEVER_COMPARED, PackageChoice, choose, is_current};

use seal::NameHash;
use serde::{Deserialize, Serialize};

use crate::encryption::CentralEncryption;
use crate::entity::{Entity, EntityType};
use crate::fault::{Code, Fault, SiteCause, UtcMinute};
use crate::intake::sha256;
use crate::site::{ObjectKind, OrganisationKey};
use crate::zip::PackageIdentity;

/// Bytes of a package in one object, at most: little is lost with a stick that is pulled, and every file system can hold it.
pub const SPAN: u64 = 8 << 20;
/// What a body of entities has at most, unless one of them alone has more.
const ENTITIES: usize = 1 << 20;
/// A body of entities ends behind one of so many, chosen by its id: one that comes or goes leaves the other bodies as they are.
const CUT: u32 = 256;
/// A head that asks for more spans than these 8 TiB is none.
const MOST_SPANS: u64 = 1 << 20;
/// The first byte of a head.
const VERSION: u8 = 1;

/// What a stick holds of one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StickHead {
    /// Whose data it is.
    pub organisation: String,
    /// VM versions that central supported when the box heard of it last (protocol 4.1).
    pub versions: Vec<String>,
    /// How central encrypts, with the key that the box had of it (protocol 13.5).
    pub encryption: CentralEncryption,
    /// When the catalogue was read from central to its end, Unix seconds.
    pub complete_at: i64,
    /// Entities by type, in the order of a synchronization.
    pub types: Vec<StickEntities>,
    /// Bodies of classes.
    pub classes: Vec<NameHash>,
    /// Packages that are whole.
    pub packages: Vec<StickPackage>,
    /// Deliveries whose package the box did not hold, beside those for which central had none.
    pub lacking: u64,
    /// Deliveries whose package is an older one (`choose`), in the order of their ids. These packages are written behind
    /// everything else and count as lacking before it: a boxsync that does not know of them would take them for current.
    #[serde(skip)]
    pub older: Vec<String>,
}

/// What a stick holds of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickEntities {
    /// The type.
    pub kind: EntityType,
    /// How many there are.
    pub count: u64,
    /// Their bodies, in order.
    pub bodies: Vec<NameHash>,
}

/// A package on a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickPackage {
    /// URI of the delivery.
    pub delivery: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the end record and the central directory.
    pub tail: [u8; 32],
}

impl StickPackage {
    /// Of a package that is held whole.
    pub fn new(delivery: &str, identity: PackageIdentity) -> Self {
        Self {
            delivery: delivery.to_owned(),
            size: identity.size,
            tail: identity.tail,
        }
    }

    /// How many objects it takes.
    pub fn spans(&self) -> u64 {
        self.size.div_ceil(SPAN)
    }

    /// Bytes of one of them.
    pub fn length(&self, span: u64) -> u64 {
        let begin = span.saturating_mul(SPAN);
        self.size.saturating_sub(begin).min(SPAN)
    }

    /// The name of one of them.
    pub fn name(&self, key: &OrganisationKey, span: u64) -> NameHash {
        let tail: String = self.tail.iter().map(|byte| format!("{byte:02x}")).collect();
        let what = [&*self.size.to_string(), &tail, &span.to_string()];
        key.name(ObjectKind::Span, &what)
    }
}

impl StickHead {
    /// As it is sealed.
    pub fn write(&self) -> Vec<u8> {
        let is_older = |one: &StickPackage| self.older.contains(&one.delivery);
        let (older, packages): (Vec<_>, _) = self.packages.iter().cloned().partition(is_older);
        let plain = Self {
            packages,
            lacking: self.lacking + older.len() as u64,
            ..self.clone()
        };
        let head = postcard::to_extend(&plain, vec![VERSION]);
        let written = head.and_then(|head| match older.is_empty() {
            true => Ok(head),
            false => postcard::to_extend(&older, head),
        });
        written.expect("plain data always serialises")
    }

    /// As it was opened; `None` for that of a newer boxsync.
    pub fn read(body: &[u8]) -> Option<Self> {
        let (version, rest) = body.split_first()?;
        let whole = (*version == VERSION).then(|| postcard::take_from_bytes::<Self>(rest).ok());
        let (mut head, rest) = whole??;
        if !rest.is_empty() {
            let older: Vec<StickPackage> = postcard::from_bytes(rest).ok()?;
            head.lacking = head.lacking.checked_sub(older.len() as u64)?;
            head.older = older.iter().map(|one| one.delivery.clone()).collect();
            head.packages.extend(older);
            head.packages.sort_by(|a, b| a.delivery.cmp(&b.delivery));
            head.older.sort_unstable();
            // Of one delivery there is one package, which is an older one or is not.
            if !head.packages.is_sorted_by(|a, b| a.delivery < b.delivery) {
                return None;
            }
        }
        let spans = head.packages.iter().map(StickPackage::spans);
        let spans = spans.fold(0, u64::saturating_add);
        (spans <= MOST_SPANS).then_some(head)
    }

    /// Everything that it needs, each name once, with the bytes of its body where they are known.
    pub fn needs(&self, key: &OrganisationKey) -> Vec<(NameHash, Option<u64>)> {
        let bodies = self.types.iter().flat_map(|one| &one.bodies);
        let bodies = bodies.chain(&self.classes).map(|name| (*name, None));
        let spans = self.packages.iter().flat_map(|package| {
            let span = |at| (package.name(key, at), Some(package.length(at)));
            (0..package.spans()).map(span)
        });
        let mut needs: Vec<_> = bodies.chain(spans).collect();
        needs.sort_unstable();
        needs.dedup_by_key(|(name, _)| *name);
        needs
    }

    /// Its list of a type; `None` where it has none, which says nothing of what there is.
    pub fn entities(&self, kind: EntityType) -> Option<&StickEntities> {
        self.types.iter().find(|one| one.kind == kind)
    }

    /// Bytes of its packages.
    pub fn package_bytes(&self) -> u64 {
        self.packages.iter().map(|package| package.size).sum()
    }
}

/// The two names that a head may have.
pub fn head_names(key: &OrganisationKey) -> [NameHash; 2] {
    ["0", "1"].map(|place| key.name(ObjectKind::Head, &[place]))
}

/// The place of the head with this number: not that of the one before.
pub fn head_place(number: u64) -> usize {
    (number % 2) as usize
}

/// The name of a body of entities.
pub fn entities_name(key: &OrganisationKey, body: &[u8]) -> NameHash {
    key.name(ObjectKind::Entities, &[&sha256(body)])
}

/// Whether a stick may be taken.
///
/// # Errors
/// `carry.older` for data that was read from central before that of the box, unless it is asked for.
pub fn may_be_taken(path: &str, carried: i64, held: Option<i64>, older: bool) -> Result<(), Fault> {
    match held.filter(|held| !older && carried < *held) {
        None => Ok(()),
        Some(held) => {
            let (at, own) = (UtcMinute::at(carried), UtcMinute::at(held));
            let path = path.to_owned();
            let cause = SiteCause::OlderCarried { path, at, own };
            Err(Fault::new(Code::CarryOlder, cause))
        }
    }
}

/// Cuts entities, which come in the order of their ids, into bodies.
#[derive(Debug, Default)]
pub struct EntityCutter {
    body: Vec<u8>,
}

impl EntityCutter {
    /// Takes one; a body that ends with it.
    pub fn add(&mut self, entity: &Entity) -> Option<Vec<u8>> {
        let body = std::mem::take(&mut self.body);
        self.body = postcard::to_extend(entity, body).expect("plain data always serialises");
        let ends = crc32fast::hash(entity.id.as_bytes()).is_multiple_of(CUT);
        (ends || self.body.len() >= ENTITIES).then(|| std::mem::take(&mut self.body))
    }

    /// What is left.
    pub fn end(self) -> Option<Vec<u8>> {
        (!self.body.is_empty()).then_some(self.body)
    }
}

/// The entities of a body; `None` where it is none.
pub fn entities(mut body: &[u8]) -> Option<Vec<Entity>> {
    let mut all = Vec::new();
    while !body.is_empty() {
        let (entity, rest) = postcard::take_from_bytes(body).ok()?;
        all.push(entity);
        body = rest;
    }
    Some(all)
}

/// What a device takes for a file: whole blocks of it, and something for its name.
pub fn room_of(file: u64, block: u64) -> u64 {
    file.next_multiple_of(block.max(1)) + block
}

/// Whether what is to be written fits.
///
/// # Errors
/// `carry.full`.
pub fn must_fit(path: &str, bytes: u64, free: u64) -> Result<(), Fault> {
    if bytes <= free {
        return Ok(());
    }
    let path = path.to_owned();
    Err(Fault::new(
        Code::CarryFull,
        SiteCause::NoRoom { path, bytes, free },
    ))
}

/// The code of a fault of the stick: those of the state folder mean the box's own disk.
pub fn fault(path: &str, trouble: Fault) -> Fault {
    let code = match trouble.code {
        Code::DiskFull | Code::DiskInodes => Code::CarryFull,
        Code::StateReadOnly | Code::StateIo | Code::DiskFailing => Code::CarryMedium,
        _ => return trouble,
    };
    let path = path.to_owned();
    let why = Box::new(trouble.cause);
    Fault::new(code, SiteCause::Stick { path, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{Value, uri};
    use crate::site::SiteKey;

    fn entity(id: u32, label: &str) -> Entity {
        let label = Value::One(label.to_owned());
        Entity {
            id: format!("https://central.example/tao.rdf#i{id:05}"),
            checksum: "0".repeat(32),
            properties: [(uri::LABEL.to_owned(), label)].into_iter().collect(),
        }
    }

    fn bodies(all: &[Entity]) -> Vec<Vec<u8>> {
        let mut cutter = EntityCutter::default();
        let mut bodies: Vec<Vec<u8>> = all.iter().filter_map(|one| cutter.add(one)).collect();
        bodies.extend(cutter.end());
        bodies
    }

    #[test]
    fn a_change_of_one_entity_changes_one_body() {
        let mut all: Vec<Entity> = (0..3000).map(|id| entity(id, "x")).collect();
        let before = bodies(&all);
        assert!((5..40).contains(&before.len()), "{}", before.len());
        let read = before.iter().flat_map(|body| entities(body).unwrap());
        assert!(read.eq(all.iter().cloned()));
        let differ = |all: &[Entity]| {
            let after = bodies(all);
            after.iter().filter(|body| !before.contains(body)).count()
        };
        all[1500] = entity(1500, "y");
        assert_eq!(differ(&all), 1);
        all.remove(700);
        assert!(differ(&all) <= 2);
        // A body has a bound all the same.
        let long = entity(1, &"x".repeat(700_000));
        assert_eq!(bodies(&vec![long; 5]).len(), 3);
        assert_eq!(entities(&before[0][..before[0].len() - 1]), None);
        assert_eq!(entities(b""), Some(Vec::new()));
    }

    fn head() -> StickHead {
        let tail = [7; 32];
        let package = |delivery: &str, size| StickPackage {
            delivery: delivery.into(),
            size,
            tail,
        };
        StickHead {
            organisation: "1001".into(),
            versions: vec!["2022.11".into()],
            complete_at: -5,
            types: vec![StickEntities {
                kind: EntityType::Delivery,
                count: 2,
                bodies: vec![NameHash([1; 16]), NameHash([2; 16])],
            }],
            classes: vec![NameHash([2; 16])],
            packages: vec![package("a", 2 * SPAN + 1), package("b", 2 * SPAN + 1)],
            ..StickHead::default()
        }
    }

    #[test]
    fn a_head_reads_as_it_was_written_and_names_everything_once() {
        let head = head();
        let written = head.write();
        assert_eq!(StickHead::read(&written), Some(head.clone()));
        let older = StickHead {
            older: vec!["b".into()],
            ..head.clone()
        };
        assert_eq!(StickHead::read(&older.write()), Some(older.clone()));
        // As a boxsync of before reads it: what it would take for current is lacking.
        let before: StickHead = postcard::from_bytes(&older.write()[1..]).unwrap();
        assert_eq!(before.packages, older.packages[..1]);
        assert_eq!((before.lacking, head.lacking), (1, 0));
        // An older one is not current, too, and is counted.
        let behind = |head: &StickHead| postcard::to_extend(&head.packages, head.write()).unwrap();
        assert_eq!(StickHead::read(&behind(&head)), None);
        let lacking = 2;
        assert_eq!(
            StickHead::read(&behind(&StickHead {
                lacking,
                ..head.clone()
            })),
            None
        );
        let newer = [&[VERSION + 1], &written[1..]].concat();
        let mut endless = head.clone();
        endless.packages[0].size = u64::MAX;
        assert_eq!(StickHead::read(&endless.write()), None);
        for foreign in [&b""[..], &newer, &written[..written.len() - 1]] {
            assert_eq!(StickHead::read(foreign), None);
        }
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        // Two deliveries of one package need it once, and a body of two types is one.
        let needs = head.needs(&key);
        assert_eq!(needs.len(), 2 + 3);
        let bytes: u64 = needs.iter().filter_map(|(_, bytes)| *bytes).sum();
        assert_eq!(bytes, 2 * SPAN + 1);
    }

    #[test]
    fn a_package_of_another_size_end_or_place_has_another_name() {
        let keys = ["1001", "1002"].map(|id| SiteKey::new([1; 32]).of_organisation(id));
        let one = head().packages.remove(0);
        let name = one.name(&keys[0], 0);
        let mut other = one.clone();
        other.tail[31] ^= 1;
        let larger = StickPackage {
            size: one.size + 1,
            ..one.clone()
        };
        let others = [
            one.name(&keys[0], 1),
            one.name(&keys[1], 0),
            other.name(&keys[0], 0),
            larger.name(&keys[0], 0),
        ];
        assert!(!others.contains(&name));
        let [first, second] = head_names(&keys[0]);
        assert_ne!(first, second);
        assert_ne!(head_place(4), head_place(5));
    }

    #[test]
    fn older_data_is_taken_only_when_it_is_asked_for() {
        for (carried, held, older, taken) in [
            (5, None, false, true),
            (5, Some(4), false, true),
            (5, Some(5), false, true),
            (4, Some(5), false, false),
            (4, Some(5), true, true),
        ] {
            let told = may_be_taken("/media/x", carried, held, older);
            assert_eq!(told.is_ok(), taken, "{carried} {held:?} {older}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_before_anything_is_written() {
        assert_eq!(room_of(1, 32_768), 65_536);
        assert!(must_fit("/media/x", 10, 10).is_ok());
        let told = must_fit("/media/x", 11, 10).unwrap_err();
        assert_eq!(told.code, Code::CarryFull);
        assert!(told.reason().contains("/media/x"), "{told}");
        let gone = Fault::new(Code::StateIo, SiteCause::Hangs { path: "p".into() });
        assert_eq!(fault("/media/x", gone).code, Code::CarryMedium);
    }
}
