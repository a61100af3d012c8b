//! Takes a document apart without losing an entry: central's body or the bare content within it.
//! Never lets one of two equal keys vanish.
//! Called by `intake`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::path::{At, is_name};
use crate::api::answer::PhpMap as Pairs;
use crate::fault::{Fault, IntakeFlaw, IntakeValue};

/// What the route's key holds, or the document itself when it is the bare content.
pub(super) fn content<'a>(document: &'a RawValue, key: &str) -> Result<&'a RawValue, Fault> {
    let Ok(Pairs(pairs)) = serde_json::from_str::<Pairs>(document.get()) else {
        return Ok(document);
    };
    let mut own = pairs.iter().filter(|(name, _)| name == key);
    let Some((_, content)) = own.next() else {
        return Ok(document);
    };
    if own.next().is_some() {
        return Err(At::root(key).malformed(IntakeFlaw::KeyTwice));
    }
    match pairs
        .iter()
        .find(|(name, _)| name != key && name != "sync_params")
    {
        Some((name, _)) => Err(At::root(name).malformed(IntakeFlaw::OtherKey { key: key.into() })),
        None => Ok(content),
    }
}

/// A map of ids, each once.
pub(super) fn map<'a>(
    raw: &'a RawValue,
    at: &At<'_>,
    what: IntakeValue,
) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, Fault> {
    let Pairs(pairs) = serde_json::from_str(raw.get()).map_err(|error| {
        at.malformed(IntakeFlaw::Unreadable {
            what,
            found: (&error).into(),
        })
    })?;
    let mut seen = BTreeSet::new();
    for (id, _) in &pairs {
        if !is_name(id) {
            return Err(at.key(id).malformed(IntakeFlaw::ExecutionKey));
        }
        if !seen.insert(id.as_ref()) {
            return Err(at.key(id).malformed(IntakeFlaw::KeyTwice));
        }
    }
    Ok(pairs)
}

pub(super) fn list<'a>(
    raw: &'a RawValue,
    at: &At<'_>,
    what: IntakeValue,
) -> Result<Vec<&'a RawValue>, Fault> {
    serde_json::from_str(raw.get()).map_err(|error| {
        at.malformed(IntakeFlaw::Unreadable {
            what,
            found: (&error).into(),
        })
    })
}
