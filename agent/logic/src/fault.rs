//! A fault as a value: which of the known codes it is, what failed in words, and what it asks of the one who meets it.
//! Never words for a code: those stand in the tables; and never a comparison of codes by their text.
//! Called by every rule and adapter that can fail, and by whatever tells a fault to somebody.

#[macro_use]
mod local;
#[macro_use]
mod net;
#[macro_use]
mod central;
#[macro_use]
mod data;
#[macro_use]
mod work;
#[macro_use]
mod service;
mod cause;
mod code;
mod event;
mod french;
mod name;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cause::{Cause, Lack};
pub use code::{Area, Code, Sent, nearest, remedy};
pub use name::CodeName;

use crate::outside;
use crate::words::{Class, Outcome};

/// One failure, told once: what failed on what, how it is classed, and how a run that meets it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Fault {
    /// Which of the known ones.
    pub code: Code,
    /// What failed on what, in words for a person.
    pub reason: String,
    /// What it asks of the one who meets it: as the table has it, unless `classed` says otherwise.
    pub class: Class,
    /// How a run ends that cannot get past it: as the table has it, unless `ending` says otherwise.
    pub outcome: Outcome,
    /// Central's wish to be left alone for so long (`Retry-After`, bounded by the parser).
    pub retry_after: Option<Duration>,
    /// The head of an answer had come before it failed: the request was processed, whatever the code says.
    #[serde(skip)]
    pub answered: bool,
}

/// A code and its words as records keep them: something that went wrong in a run, or why an item waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable and dotted.
    pub code: CodeName,
    /// In words.
    pub reason: String,
}

impl Fault {
    /// A failure as the table classes it, without a wish for a wait.
    pub fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            // Whatever a reason repeats: nothing of it moves a cursor.
            reason: outside::escaped_lines(&reason.into()).into_owned(),
            class: code.class(),
            outcome: code.outcome(),
            retry_after: None,
            answered: false,
        }
    }

    /// The same, where what is met at this place asks for something else than the code does elsewhere.
    #[must_use]
    pub fn classed(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// The same, where a run that meets it at this place ends otherwise than the table says.
    #[must_use]
    pub fn ending(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// The status of an answer of the local API that ends in it (RFC 9110, section 15).
    pub fn status(&self) -> u16 {
        match (self.code.status(), self.class) {
            // An item of a kind that is refused as it is may be refused for want of time, too.
            (Some(422) | None, Class::Retry) => 503,
            (Some(status), _) => status,
            (None, _) => 500,
        }
    }
}
