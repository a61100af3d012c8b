//! Takes a document apart without losing an entry: central's body or the bare content within it.
//! Never lets one of two equal keys vanish.
//! Called by `intake`, and by `spool` for acknowledgements.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::path::At;
use crate::words::Trouble;

/// The entries of an object in their order, equal keys included; an empty list is PHP's empty map.
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    pairs.push((Cow::Owned(key), value));
                }
                Ok(Pairs(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                match seq.next_element::<&RawValue>()? {
                    None => Ok(Pairs(Vec::new())),
                    Some(_) => Err(serde::de::Error::custom("a list that is not empty")),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// What the route's key holds, or the document itself when it is the bare content.
pub(super) fn content<'a>(document: &'a RawValue, key: &str) -> Result<&'a RawValue, Trouble> {
    let Ok(Pairs(pairs)) = serde_json::from_str::<Pairs>(document.get()) else {
        return Ok(document);
    };
    let mut own = pairs.iter().filter(|(name, _)| name == key);
    let Some((_, content)) = own.next() else {
        return Ok(document);
    };
    if own.next().is_some() {
        return Err(At::root(key).malformed("expected this key once"));
    }
    match pairs
        .iter()
        .find(|(name, _)| name != key && name != "sync_params")
    {
        Some((name, _)) => Err(At::root(name).malformed(&format!(
            "expected only `{key}` and `sync_params` beside each other"
        ))),
        None => Ok(content),
    }
}

/// A map of ids, each once.
pub(super) fn map<'a>(
    raw: &'a RawValue,
    at: &At<'_>,
    what: &str,
) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, Trouble> {
    let Pairs(pairs) = serde_json::from_str(raw.get())
        .map_err(|error| at.malformed(&format!("expected {what}: {error}")))?;
    let mut seen = BTreeSet::new();
    for (id, _) in &pairs {
        if id.is_empty() || id.chars().any(char::is_control) {
            return Err(at.key(id).malformed("expected an execution id as key"));
        }
        if !seen.insert(id.as_ref()) {
            return Err(at.key(id).malformed("expected this key once"));
        }
    }
    Ok(pairs)
}

pub(super) fn list<'a>(
    raw: &'a RawValue,
    at: &At<'_>,
    what: &str,
) -> Result<Vec<&'a RawValue>, Trouble> {
    serde_json::from_str(raw.get())
        .map_err(|error| at.malformed(&format!("expected {what}: {error}")))
}
