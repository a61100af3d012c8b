//! Names a field within a document by its path and says what was expected there.
//! Never repeats the value that was found: it may be a candidate's answer; a key is the caller's text, and quoted as such.
//! Called by the readers of `intake`.

use std::fmt;

use super::exact::{Exact, ObjectFields};
use crate::fault::{Code, Fault, FoundValue, IntakeCause, IntakeFlaw, IntakeValue};
use crate::outside;

/// A place in a document; printed as `results["…"].variables[3].data.epoch`.
pub(super) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: PathStep<'a>,
}

enum PathStep<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    pub(super) fn root(name: &'a str) -> Self {
        Self {
            parent: None,
            step: PathStep::Key(name),
        }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: PathStep::Key(key),
        }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: PathStep::Index(index),
        }
    }

    pub(super) fn expected(&self, what: IntakeValue, found: &Exact) -> Fault {
        let found = sort(found);
        self.malformed(IntakeFlaw::Expected { what, found })
    }

    pub(super) fn malformed(&self, flaw: IntakeFlaw) -> Fault {
        Fault::new(Code::IntakeMalformed, self.cause(flaw))
    }

    pub(super) fn cause(&self, flaw: IntakeFlaw) -> IntakeCause {
        let path = self.to_string();
        IntakeCause::At { path, flaw }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let plain = |key: &str| {
            key.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        match self.step {
            PathStep::Key(key) if self.parent.is_none() => f.write_str(&outside::id(key)),
            PathStep::Key(key) if plain(key) => write!(f, ".{key}"),
            PathStep::Key(key) => match outside::id(key) {
                told if told == key => write!(f, "[\"{key}\"]"),
                told => write!(f, "[{told}]"),
            },
            PathStep::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn sort(found: &Exact) -> FoundValue {
    match found {
        Exact::Null => FoundValue::Null,
        Exact::Bool(_) => FoundValue::Boolean,
        Exact::Number(_) => FoundValue::Number,
        Exact::String(text) if text.is_empty() => FoundValue::EmptyText,
        Exact::String(_) => FoundValue::OtherText,
        Exact::Array(_) => FoundValue::List,
        Exact::Object(_) => FoundValue::Object,
    }
}

pub(super) fn object<'v>(
    value: &'v Exact,
    at: &At<'_>,
    what: IntakeValue,
) -> Result<&'v ObjectFields, Fault> {
    value.as_object().ok_or_else(|| at.expected(what, value))
}

/// A key that must exist, whatever its value.
pub(super) fn field<'v>(map: &'v ObjectFields, key: &str, at: &At<'_>) -> Result<&'v Exact, Fault> {
    map.get(key)
        .ok_or_else(|| at.key(key).malformed(IntakeFlaw::KeyMissing))
}

/// Whether a text can name something: not empty, and without control characters, which PostgreSQL may refuse.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// A text that names something.
pub(super) fn text(value: &Exact, at: &At<'_>, what: IntakeValue) -> Result<String, Fault> {
    match value {
        Exact::String(text) if is_name(text) => Ok(text.clone()),
        Exact::String(text) if !text.is_empty() => Err(at.malformed(IntakeFlaw::Control { what })),
        other => Err(at.expected(what, other)),
    }
}
