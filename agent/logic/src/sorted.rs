//! A map by keyed hash in one piece of memory: sorted records, half the size of a tree of them.
//! Never changes the stored form: it reads and writes what a `BTreeMap` of the same content does.
//! Called by `manifest` and by the edition of `vault`, which hold one record for each of 200,000 test takers.

use std::fmt;
use std::marker::PhantomData;

use seal::NameHash;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Records that room is made for on the word of a stored length.
const BELIEVED: usize = 1 << 18;

/// Records in the order of their names. A lookup costs a binary search, a single change a move of what stands behind:
/// many changes go in together (`merge`, `take`).
#[derive(Clone, PartialEq, Eq)]
pub struct Sorted<V>(Vec<(NameHash, V)>);

impl<V> Sorted<V> {
    /// One without records.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a record stands.
    pub fn position(&self, name: &NameHash) -> Option<usize> {
        self.place(name).ok()
    }

    fn place(&self, name: &NameHash) -> Result<usize, usize> {
        self.0.binary_search_by(|(each, _)| each.cmp(name))
    }

    /// The record at a place, counted from 0.
    pub fn at(&self, place: usize) -> Option<(&NameHash, &V)> {
        self.0.get(place).map(pair)
    }

    /// The record of a name.
    pub fn get(&self, name: &NameHash) -> Option<&V> {
        self.position(name).map(|at| &self.0[at].1)
    }

    /// Whether there is a record of a name.
    pub fn contains_key(&self, name: &NameHash) -> bool {
        self.position(name).is_some()
    }

    /// Sets one record; the one before it, if there was one.
    pub fn insert(&mut self, name: NameHash, value: V) -> Option<V> {
        match self.place(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes one record out.
    pub fn remove(&mut self, name: &NameHash) -> Option<V> {
        self.position(name).map(|at| self.0.remove(at).1)
    }

    /// Keeps the records that are meant.
    pub fn retain(&mut self, mut keep: impl FnMut(&NameHash, &mut V) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// Sets many records at once; the last of a name counts, and counts more than what was there.
    pub fn merge(&mut self, mut records: Vec<(NameHash, V)>) {
        records.sort_by_key(|(name, _)| *name);
        records.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        if self.0.is_empty() {
            self.0 = records;
            return;
        }
        // Those of a known name go where it is: room is made for the new ones alone.
        let mut at = 0;
        records.retain_mut(|(name, value)| {
            at += self.0[at..].partition_point(|(known, _)| known < name);
            let known = self.0.get_mut(at).filter(|(known, _)| known == name);
            known
                .map(|(_, known)| std::mem::swap(known, value))
                .is_none()
        });
        if !records.is_empty() {
            self.0.reserve_exact(records.len());
            self.0.append(&mut records);
            self.0.sort_by_key(|(name, _)| *name);
        }
    }

    /// The records in order.
    pub fn iter(&self) -> Iter<'_, V> {
        self.0.iter().map(pair)
    }

    /// The records in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&NameHash, &mut V)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &NameHash> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The records themselves.
    pub fn into_records(self) -> Vec<(NameHash, V)> {
        self.0
    }
}

impl<V: Copy> Sorted<V> {
    /// Takes many records out at once, in order.
    pub fn take(&mut self, names: &[NameHash]) -> Vec<(NameHash, V)> {
        let mut names = names.to_vec();
        names.sort_unstable();
        let mut taken = Vec::with_capacity(names.len().min(self.0.len()));
        self.0.retain(|record| {
            let named = !names.is_empty() && names.binary_search(&record.0).is_ok();
            if named {
                taken.push(*record);
            }
            !named
        });
        taken
    }
}

/// The records of a `Sorted`, lent.
pub type Iter<'a, V> = std::iter::Map<
    std::slice::Iter<'a, (NameHash, V)>,
    fn(&'a (NameHash, V)) -> (&'a NameHash, &'a V),
>;

fn pair<V>((name, value): &(NameHash, V)) -> (&NameHash, &V) {
    (name, value)
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: fmt::Debug> fmt::Debug for Sorted<V> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V> FromIterator<(NameHash, V)> for Sorted<V> {
    fn from_iter<I: IntoIterator<Item = (NameHash, V)>>(records: I) -> Self {
        let mut sorted = Self::new();
        sorted.merge(records.into_iter().collect());
        sorted
    }
}

impl<V, const N: usize> From<[(NameHash, V); N]> for Sorted<V> {
    fn from(records: [(NameHash, V); N]) -> Self {
        records.into_iter().collect()
    }
}

impl<V> std::ops::Index<&NameHash> for Sorted<V> {
    type Output = V;

    fn index(&self, name: &NameHash) -> &V {
        self.get(name).expect("whoever indexes knows the name")
    }
}

impl<V> IntoIterator for Sorted<V> {
    type Item = (NameHash, V);
    type IntoIter = std::vec::IntoIter<(NameHash, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Sorted<V> {
    type Item = (&'a NameHash, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<V: Serialize> Serialize for Sorted<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Sorted<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SortedVisitor(PhantomData))
    }
}

struct SortedVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for SortedVisitor<V> {
    type Value = Sorted<V>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("records by keyed hash")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let told = map.size_hint().unwrap_or(0);
        let mut records = Vec::with_capacity(told.min(BELIEVED));
        while let Some(record) = map.next_entry()? {
            records.push(record);
        }
        let mut sorted = Sorted::new();
        sorted.merge(records);
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn name(number: u8) -> NameHash {
        NameHash([number; 16])
    }

    #[derive(Debug, Clone)]
    enum MergeStep {
        Insert(u8, u32),
        Remove(u8),
        Merge(Vec<(u8, u32)>),
        Take(Vec<u8>),
        RetainEven,
    }

    fn act() -> impl Strategy<Value = MergeStep> {
        prop_oneof![
            (any::<u8>(), any::<u32>()).prop_map(|(n, v)| MergeStep::Insert(n, v)),
            any::<u8>().prop_map(MergeStep::Remove),
            proptest::collection::vec((any::<u8>(), any::<u32>()), 0..20)
                .prop_map(MergeStep::Merge),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(MergeStep::Take),
            Just(MergeStep::RetainEven),
        ]
    }

    proptest! {
        /// The tree is the model: the same content, the same answers, the same stored bytes.
        #[test]
        fn it_is_the_tree_that_it_stands_for(acts in proptest::collection::vec(act(), 0..30)) {
            let (mut sorted, mut tree) = (Sorted::new(), BTreeMap::new());
            for act in acts {
                match act {
                    MergeStep::Insert(n, v) => {
                        prop_assert_eq!(sorted.insert(name(n), v), tree.insert(name(n), v));
                    }
                    MergeStep::Remove(n) => prop_assert_eq!(sorted.remove(&name(n)), tree.remove(&name(n))),
                    MergeStep::Merge(records) => {
                        let records: Vec<_> = records.iter().map(|(n, v)| (name(*n), *v)).collect();
                        tree.extend(records.iter().copied());
                        sorted.merge(records);
                    }
                    MergeStep::Take(names) => {
                        let names: Vec<_> = names.into_iter().map(name).collect();
                        let mut taken: Vec<_> =
                            names.iter().filter_map(|name| tree.remove_entry(name)).collect();
                        taken.sort_unstable();
                        prop_assert_eq!(sorted.take(&names), taken);
                    }
                    MergeStep::RetainEven => {
                        sorted.retain(|_, value| *value % 2 == 0);
                        tree.retain(|_, value| *value % 2 == 0);
                    }
                }
                prop_assert!(sorted.iter().eq(tree.iter()));
                prop_assert_eq!(sorted.len(), tree.len());
                prop_assert!((0..=255).all(|n| sorted.get(&name(n)) == tree.get(&name(n))));
                let bytes = postcard::to_allocvec(&tree).unwrap();
                prop_assert_eq!(&postcard::to_allocvec(&sorted).unwrap(), &bytes);
                prop_assert_eq!(&postcard::from_bytes::<Sorted<u32>>(&bytes).unwrap(), &sorted);
            }
        }
    }
}
