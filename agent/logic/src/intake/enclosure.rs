//! What an item is beside its content: how far its execution is, and whether its content is closed to the box itself.
//! Never the content.
//! Called by intake, by the settings and by the spool.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::IntakeItem;
use crate::encryption::{self, KeyPrint, ResultsKey};
use crate::fault::{Code, Fault};

/// State of an execution: the name behind `…#DeliveryExecutionStatus` (protocol A.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are TAO's words")]
pub enum ExecutionState {
    Active,
    Paused,
    Finished,
    Terminated,
    Awaiting,
    Authorized,
    Canceled,
}

impl ExecutionState {
    /// All that central knows.
    pub const ALL: [Self; 7] = [
        Self::Active,
        Self::Paused,
        Self::Finished,
        Self::Terminated,
        Self::Awaiting,
        Self::Authorized,
        Self::Canceled,
    ];

    /// Its words, for a message.
    pub fn words() -> String {
        Self::ALL.map(|state| state.to_string()).join(", ")
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "Active",
            Self::Paused => "Paused",
            Self::Finished => "Finished",
            Self::Terminated => "Terminated",
            Self::Awaiting => "Awaiting",
            Self::Authorized => "Authorized",
            Self::Canceled => "Canceled",
        })
    }
}

impl FromStr for ExecutionState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = |state: &Self| state.to_string() == text;
        Self::ALL.into_iter().find(named).ok_or(())
    }
}

/// Whether the answers of a result are closed to everybody but central (protocol 7.7), and with which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Enclosure {
    /// Its variables are a map of encrypted rows.
    pub enclosed: bool,
    /// The key of central that they were encrypted with, as far as that is known.
    pub key: Option<KeyPrint>,
    /// A person has decided that it goes whatever key central has.
    pub released: bool,
}

impl IntakeItem {
    /// Closes a result with a key of central; `random` has `ResultsKey::entropy` bytes for each variable. Which content it
    /// is stays known by the print of the whole: no variable is known by a print of its own any more.
    ///
    /// # Errors
    /// `intake.malformed`, if it is not what intake made.
    pub fn enclose(&mut self, key: &ResultsKey, random: &[u8]) -> Result<(), Fault> {
        self.payload = encryption::rows(&self.payload, key, random)
            .map_err(|why| Fault::new(Code::IntakeMalformed, why))?;
        self.parts = Vec::new();
        self.enclosure = Enclosure {
            enclosed: true,
            key: Some(key.print()),
            released: false,
        };
        Ok(())
    }
}
