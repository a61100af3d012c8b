//! How the guard's memory is read back: dense for a run, which changes it, without its statements for everybody else.
//! Never changes the stored form, and never writes: who left the statements out has nothing to write.
//! Called by `guard` and by the edition of `vault`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::statement::{Packed, Statements};
use super::{Deletion, Memory};
use crate::seal::NameHash;

/// Reads the statements. A tree that grows in order is half empty, one that is made of all of them at once is full.
pub(super) fn said<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<NameHash, Packed>, D::Error> {
    let mut pairs = Vec::new();
    each(deserializer, |name, packed| pairs.push((name, packed)))?;
    Ok(pairs.into_iter().collect())
}

/// Reads the statements, one after the other, and keeps none.
fn passed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    each(deserializer, |_, _: Statements| {})
}

/// The memory as it is told: its statements were passed over.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(from = "StoredMemory")]
pub struct MemoryShown(pub Memory);

/// The fields of `Memory` in their order.
#[derive(Deserialize)]
struct StoredMemory {
    read_at: Option<u64>,
    absent: BTreeMap<NameHash, Option<u64>>,
    deleted: Vec<Deletion>,
    #[serde(rename = "said", deserialize_with = "passed")]
    _said: (),
    held_back: u64,
    taken_back: u64,
    contradicted: u64,
    waiting: u64,
}

impl From<StoredMemory> for MemoryShown {
    fn from(stored: StoredMemory) -> Self {
        Self(Memory {
            read_at: stored.read_at,
            absent: stored.absent,
            deleted: stored.deleted,
            said: BTreeMap::new(),
            held_back: stored.held_back,
            taken_back: stored.taken_back,
            contradicted: stored.contradicted,
            waiting: stored.waiting,
        })
    }
}

/// Hands on the pairs of a map as they are read.
fn each<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
    take: impl FnMut(NameHash, V),
) -> Result<(), D::Error> {
    struct StoredPairs<V, F>(F, PhantomData<V>);
    impl<'de, V: Deserialize<'de>, F: FnMut(NameHash, V)> Visitor<'de> for StoredPairs<V, F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("values by keyed hash")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((name, value)) = map.next_entry()? {
                (self.0)(name, value);
            }
            Ok(())
        }
    }
    deserializer.deserialize_map(StoredPairs(take, PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Checksum;

    #[test]
    fn what_is_told_is_what_was_remembered_but_for_the_statements() {
        let mut memory = Memory {
            read_at: Some(7),
            held_back: 3,
            waiting: 4,
            ..Memory::default()
        };
        for number in 0..40 {
            let (name, checksum) = (NameHash([number; 16]), Checksum([number; 16]));
            memory.hear(name, Some(checksum), None, 9);
        }
        memory.absent.insert(NameHash([99; 16]), Some(5));
        assert_eq!(memory.said.len(), 40);
        let stored = postcard::to_allocvec(&memory).unwrap();
        assert_eq!(postcard::from_bytes::<Memory>(&stored).unwrap(), memory);
        let MemoryShown(told) = postcard::from_bytes(&stored).unwrap();
        memory.said.clear();
        assert_eq!(told, memory);
    }
}
