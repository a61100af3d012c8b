//! What the box shows, what it keeps hidden, and what the guard of deletions remembers: one value, replaced whole.
//! Never loses what another release wrote: the first release's shape stands in front, what came later behind it.
//! Called by `catalogue`, which seals it, and by every reader of entities.

use std::collections::{BTreeMap, BTreeSet};

use logic::entity::{Checksum, EntityType};
use logic::guard::{Memory, MemoryShown};
use logic::health::verdict::ShownCatalogue;
use logic::manifest::IndexRows;
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sorted::Sorted;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CLASS;

/// Where one sealed entity lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityLocation {
    /// As central gave it.
    pub checksum: Checksum,
    /// Number of the segment.
    pub segment: u32,
    /// Bytes from its start.
    pub offset: u64,
    /// Sealed bytes.
    pub length: u32,
}

/// Rows of one type by keyed hash of the id.
pub type EntityRows = Sorted<EntityLocation>;

/// An entity that central stopped naming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenEntity {
    /// Where it lies.
    pub row: EntityLocation,
    /// Second of running time at which it was hidden.
    pub at: u64,
}

/// Hidden entities of one type by keyed hash of the id.
pub type HiddenRows = BTreeMap<NameHash, HiddenEntity>;

/// What the box shows: the result of one run, visible as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogueRevision {
    /// Grows with every run that changed or completed something.
    pub generation: u64,
    /// The organisation that it was read for.
    pub organisation_id: String,
    /// Unix seconds of the last run that read all six lists to their ends; `None` before the first.
    pub complete_at: Option<i64>,
    /// Entities by type.
    pub types: SmallMap<EntityType, EntityRows>,
    /// Classes outside the TAO ontology.
    pub classes: EntityRows,
    /// What the guard of deletions remembers.
    pub memory: SmallMap<EntityType, Memory>,
    /// What readers do not see, and what comes back without being fetched when central names it again.
    pub hidden: SmallMap<EntityType, HiddenRows>,
}

/// Shape of what stands behind the first release's: grows when that changes.
const FORMAT: u8 = 1;

/// The first release's shape. The last part were its held back deletions, with seconds of the system's clock: which
/// they were still counts, since when does not.
type Front = (
    u64,
    String,
    Option<i64>,
    SmallMap<EntityType, EntityRows>,
    EntityRows,
    SmallMap<EntityType, BTreeMap<NameHash, i64>>,
);

impl CatalogueRevision {
    /// Rows of a type.
    pub fn rows(&self, kind: EntityType) -> impl Iterator<Item = (&NameHash, &EntityLocation)> {
        self.types.get(&kind).into_iter().flatten()
    }

    /// How many entities of a type are shown.
    pub fn count(&self, kind: EntityType) -> usize {
        self.types.get(&kind).map_or(0, EntityRows::len)
    }

    /// What is hidden of a type.
    pub fn hidden(&self, kind: EntityType) -> impl Iterator<Item = (&NameHash, &HiddenEntity)> {
        self.hidden.get(&kind).into_iter().flatten()
    }

    /// How many entities of a type are hidden.
    pub fn count_hidden(&self, kind: EntityType) -> usize {
        self.hidden.get(&kind).map_or(0, BTreeMap::len)
    }

    /// What of it is told: numbers by type.
    pub fn shown(&self) -> ShownCatalogue {
        let numbers = |count: &dyn Fn(EntityType) -> u64| {
            EntityType::ALL.map(|kind| (kind.word().to_owned(), count(kind)))
        };
        let some = |count: &dyn Fn(EntityType) -> u64| -> Vec<(String, u64)> {
            let numbers = numbers(count).into_iter();
            numbers.filter(|(_, count)| *count > 0).collect()
        };
        let sum = |of: fn(&Memory) -> u64| self.memory.values().map(of).sum();
        ShownCatalogue {
            organisation: self.organisation_id.clone(),
            complete_at: self.complete_at,
            entities: numbers(&|kind| self.count(kind) as u64).into(),
            held_back: sum(|memory| memory.held_back),
            kept: some(&|kind| self.memory.get(&kind).map_or(0, |memory| memory.held_back)),
            hidden: some(&|kind| self.count_hidden(kind) as u64),
            contradicted: sum(|memory| memory.contradicted),
            taken_back: sum(|memory| memory.taken_back),
            waiting: sum(|memory| memory.waiting),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &EntityLocation> {
        let shown = self.types.values().chain([&self.classes]);
        let hidden = self.hidden.values().flat_map(BTreeMap::values);
        shown
            .flat_map(EntityRows::values)
            .chain(hidden.map(|hidden| &hidden.row))
    }

    /// Every row, each with the word of its type and its name.
    pub(super) fn all_mut(
        &mut self,
    ) -> impl Iterator<Item = (&'static str, &NameHash, &mut EntityLocation)> {
        let shown = self
            .types
            .iter_mut()
            .map(|(kind, rows)| (kind.word(), rows));
        let shown = shown.chain([(CLASS, &mut self.classes)]);
        let shown = shown
            .flat_map(|(word, rows)| rows.iter_mut().map(move |(name, row)| (word, name, row)));
        let hidden = self.hidden.iter_mut().flat_map(|(kind, rows)| {
            let word = kind.word();
            rows.iter_mut()
                .map(move |(name, hidden)| (word, name, &mut hidden.row))
        });
        shown.chain(hidden)
    }

    /// Hides shown entities; gives the rows of those that were shown.
    pub fn hide(
        &mut self,
        kind: EntityType,
        names: &[NameHash],
        running: u64,
    ) -> Vec<(NameHash, EntityLocation)> {
        let rows = self.types.entry(kind).or_default().take(names);
        let hidden = self.hidden.entry(kind).or_default();
        hidden.extend(rows.iter().map(|(name, row)| {
            (
                *name,
                HiddenEntity {
                    row: *row,
                    at: running,
                },
            )
        }));
        rows
    }

    /// Shows hidden entities again; gives the names of those that were hidden.
    pub fn restore(&mut self, kind: EntityType, names: &[NameHash]) -> Vec<NameHash> {
        let hidden = self.hidden.entry(kind).or_default();
        let back = |name: &NameHash| Some((*name, hidden.remove(name)?.row));
        let rows: Vec<(NameHash, EntityLocation)> = names.iter().filter_map(back).collect();
        let names = rows.iter().map(|(name, _)| *name).collect();
        self.types.entry(kind).or_default().merge(rows);
        names
    }

    /// Shows entities as they were brought; what was hidden of them is outdated.
    pub fn put(&mut self, kind: EntityType, rows: Vec<(NameHash, EntityLocation)>) {
        if let Some(hidden) = self.hidden.get_mut(&kind) {
            rows.iter().for_each(|(name, _)| {
                hidden.remove(name);
            });
        }
        self.types.entry(kind).or_default().merge(rows);
    }

    /// Forgets what has been hidden for `keep` seconds of running time; whether there was anything.
    pub fn forget(&mut self, keep: u64, running: u64) -> bool {
        let count = |hidden: &SmallMap<_, HiddenRows>| hidden.values().map(BTreeMap::len).sum();
        let before: usize = count(&self.hidden);
        for rows in self.hidden.values_mut() {
            rows.retain(|_, hidden| logic::guard::left(hidden.at, keep, running) > 0);
        }
        self.hidden.retain(|_, rows| !rows.is_empty());
        before > count(&self.hidden)
    }

    /// The segments that it needs.
    pub fn segments(&self) -> BTreeSet<u32> {
        self.all().map(|row| row.segment).collect()
    }

    /// Appends the plain bytes to `begun`. An older release reads the front of them, and forgets the rest.
    pub(super) fn write(&self, mut begun: Vec<u8>) -> Vec<u8> {
        /// A row with its name: 36 bytes, and three numbers that are written as short as they are.
        const ROW_BYTES: usize = 48;
        begun.reserve_exact(self.all().count() * ROW_BYTES + 4096);
        let votes: SmallMap<EntityType, BTreeMap<NameHash, i64>> = SmallMap::new();
        let front = (
            &self.generation,
            &self.organisation_id,
            &self.complete_at,
            &self.types,
            &self.classes,
            votes,
        );
        let back = (FORMAT, &self.memory, &self.hidden);
        postcard::to_extend(&(front, back), begun).expect("plain data always serialises")
    }

    /// Reads what this release or the first one wrote; `None` for anything else.
    pub(super) fn read(plain: &[u8]) -> Option<Self> {
        Self::read_as(plain, |memory: Memory| memory)
    }

    /// The same without the guard's statements. Nobody writes what this gives.
    pub(super) fn read_shown(plain: &[u8]) -> Option<Self> {
        Self::read_as(plain, |MemoryShown(memory)| memory)
    }

    fn read_as<M: DeserializeOwned>(plain: &[u8], memory: fn(M) -> Memory) -> Option<Self> {
        let (front, rest) = postcard::take_from_bytes::<Front>(plain).ok()?;
        let (generation, organisation_id, complete_at, types, classes, votes) = front;
        let (memory, hidden) = match rest {
            [] => (kept(votes), SmallMap::new()),
            [FORMAT, rest @ ..] => {
                let (each, hidden): (SmallMap<EntityType, M>, _) =
                    postcard::from_bytes(rest).ok()?;
                let each = each.into_iter().map(|(kind, each)| (kind, memory(each)));
                (each.collect(), hidden)
            }
            _ => return None,
        };
        Some(Self {
            generation,
            organisation_id,
            complete_at,
            types,
            classes,
            memory,
            hidden,
        })
    }
}

/// What the first release held back is held back still; no list has proved it since.
fn kept(votes: SmallMap<EntityType, BTreeMap<NameHash, i64>>) -> SmallMap<EntityType, Memory> {
    let memory = |names: BTreeMap<NameHash, i64>| Memory {
        held_back: names.len() as u64,
        absent: names.into_keys().map(|name| (name, None)).collect(),
        ..Memory::default()
    };
    let held = votes.into_iter().filter(|(_, names)| !names.is_empty());
    held.map(|(kind, names)| (kind, memory(names))).collect()
}

/// The checksums of rows, as the comparison wants them.
pub fn index(rows: &EntityRows) -> IndexRows {
    rows.iter()
        .map(|(name, row)| (*name, row.checksum))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u8) -> EntityLocation {
        EntityLocation {
            checksum: Checksum([number; 16]),
            segment: u32::from(number),
            offset: 1000 * u64::from(number),
            length: 700,
        }
    }

    fn name(number: u8) -> NameHash {
        NameHash([number; 16])
    }

    /// Written by the release of 2026-11-27: one test centre, three test takers of which two are held back, one
    /// delivery, one class.
    const FIRST_RELEASE: &[u8] =
        include_bytes!("../../../../tests/fixtures/edition-2026-11-27.bin");

    #[test]
    fn what_the_first_release_wrote_opens_and_its_clock_is_not_believed() {
        let edition = CatalogueRevision::read(FIRST_RELEASE).unwrap();
        assert_eq!(
            (edition.generation, edition.organisation_id.as_str()),
            (12, "1001")
        );
        assert_eq!(edition.complete_at, Some(1_795_000_000));
        assert_eq!(edition.types[&EntityType::TestTaker][&name(3)], row(3));
        assert_eq!(edition.count(EntityType::Delivery), 1);
        assert_eq!(edition.classes[&name(6)], row(6));
        assert!(edition.hidden.is_empty());
        let memory = &edition.memory[&EntityType::TestTaker];
        assert_eq!(memory.held_back, 2);
        assert_eq!(memory.absent, [(name(3), None), (name(4), None)].into());
    }

    #[test]
    fn what_is_written_is_read_and_the_first_release_reads_its_part() {
        let mut edition = CatalogueRevision::read(FIRST_RELEASE).unwrap();
        edition.hide(EntityType::TestTaker, &[name(3)], 77);
        let plain = edition.write(Vec::new());
        assert_eq!(CatalogueRevision::read(&plain), Some(edition.clone()));
        // As the first release reads it: what stands behind is ignored.
        let front: Front = postcard::from_bytes(&plain).unwrap();
        assert_eq!(front.3, edition.types);
        // A shape that this release does not know is damage, not an empty memory.
        let mut newer = plain.clone();
        let front = postcard::take_from_bytes::<Front>(&plain).unwrap().1.len();
        let at = newer.len() - front;
        newer[at] = FORMAT + 1;
        assert_eq!(CatalogueRevision::read(&newer), None);
        assert_eq!(CatalogueRevision::read(&plain[..plain.len() - 1]), None);
    }

    #[test]
    fn what_was_hidden_comes_back_or_is_forgotten_in_time() {
        let mut edition = CatalogueRevision::read(FIRST_RELEASE).unwrap();
        let kind = EntityType::TestTaker;
        let before = edition.clone();
        assert_eq!(edition.hide(kind, &[name(2)], 100), [(name(2), row(2))]);
        assert_eq!((edition.count(kind), edition.count_hidden(kind)), (2, 1));
        assert_eq!(edition.all().count(), before.all().count());
        assert!(!edition.forget(50, 149));
        assert_eq!(edition.restore(kind, &[name(2)]), [name(2)]);
        assert_eq!(edition.types, before.types);
        edition.hide(kind, &[name(2)], 100);
        assert!(edition.forget(50, 150));
        assert_eq!(edition.restore(kind, &[name(2)]), []);
        // Another edition of it is brought: the hidden one is outdated.
        edition.put(kind, vec![(name(2), row(2))]);
        edition.hide(kind, &[name(2)], 100);
        edition.put(kind, vec![(name(2), row(9))]);
        assert_eq!(edition.count_hidden(kind), 0);
    }
}
