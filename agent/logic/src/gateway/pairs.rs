//! A PHP array on the wire, object or list alike, with its values left as they were written.
//! Never reorders, and never parses a value that nobody asks for.
//! Called by `owed`, which hands each value on as it came.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Keys and raw values in the order received; the keys of a list are its positions.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    pub(super) is_list: bool,
    pub(super) entries: Vec<(String, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairOrList;
        impl<'de> Visitor<'de> for PairOrList {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, &RawValue)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    entries.push((key, value));
                }
                Ok(Pairs {
                    is_list: false,
                    entries,
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(value) = seq.next_element::<&RawValue>()? {
                    entries.push((entries.len().to_string(), value));
                }
                Ok(Pairs {
                    is_list: true,
                    entries,
                })
            }
        }
        deserializer.deserialize_any(PairOrList)
    }
}
