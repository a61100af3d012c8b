//! How a fault and a finding stand in JSON and in records: the English sentence, and in JSON beside it the cause as a value.
//! Never needs the value: what an older boxsync wrote, or a newer one that knows more causes, is read by its sentence.
//! Called by serde.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::{Cause, Code, CodeName, Fault, Finding};
use crate::words::{FaultClass, Outcome};

/// Fields that stand in JSON alone: the rows of the store have no names, and those of earlier versions have no such
/// field: the account of the last run is one of them. The history keeps text.
pub(crate) mod in_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            value.serialize(serializer)
        } else {
            serializer.serialize_unit()
        }
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        if deserializer.is_human_readable() {
            T::deserialize(deserializer)
        } else {
            Ok(T::default())
        }
    }
}

/// A fault between processes.
#[derive(Serialize, Deserialize)]
pub(super) struct FaultRecord {
    code: Code,
    reason: String,
    class: FaultClass,
    outcome: Outcome,
    retry_after: Option<Duration>,
    #[serde(default, with = "in_text", skip_serializing_if = "Option::is_none")]
    cause: Option<Json>,
}

/// A finding in the account of a run and in that of an item.
#[derive(Serialize, Deserialize)]
pub(super) struct FindingRecord {
    code: CodeName,
    reason: String,
    #[serde(default, with = "in_text", skip_serializing_if = "Option::is_none")]
    cause: Option<Json>,
}

/// A cause beside its sentence, in JSON alone: none where it is not known.
pub mod value {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value as Json;

    use super::Cause;

    /// As a value.
    ///
    /// # Errors
    /// Of the writer.
    pub fn serialize<S: Serializer>(
        cause: &Option<Cause>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let value = cause.as_ref().and_then(Cause::value);
        value.serialize(serializer)
    }

    /// What is not known is left out.
    ///
    /// # Errors
    /// Of the reader.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Cause>, D::Error> {
        let value = Option::<Json>::deserialize(deserializer)?;
        Ok(value.as_ref().and_then(Cause::read))
    }
}

/// A field at the end of a row of the store, which an older boxsync wrote without it.
///
/// # Errors
/// None: what ends before has none.
pub fn or_none<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(T::deserialize(deserializer).unwrap_or_default())
}

impl Cause {
    /// As the end of a row has it, behind its sentence: JSON; empty where there is nothing but words.
    pub fn in_row(&self) -> String {
        let value = self.value().map(|value| value.to_string());
        value.unwrap_or_default()
    }

    /// As it stood in a row. The value is believed where it says what the sentence says.
    pub fn of_row(value: &str, words: String) -> Self {
        let value = serde_json::from_slice(value.as_bytes()).ok();
        let cause = value.as_ref().and_then(Self::read);
        let known = cause.filter(|cause| cause.en() == words);
        known.unwrap_or(Self::Said(words))
    }
}

/// The value, where this boxsync knows it; else the sentence.
fn cause(value: Option<&Json>, reason: String) -> Cause {
    let cause = value.and_then(Cause::read);
    cause.unwrap_or(Cause::Said(reason))
}

impl From<Fault> for FaultRecord {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code,
            reason: fault.reason(),
            class: fault.class,
            outcome: fault.outcome,
            retry_after: fault.retry_after,
            cause: fault.cause.value(),
        }
    }
}

impl From<FaultRecord> for Fault {
    fn from(record: FaultRecord) -> Self {
        Self {
            code: record.code,
            cause: cause(record.cause.as_ref(), record.reason),
            class: record.class,
            outcome: record.outcome,
            retry_after: record.retry_after,
            sent: None,
        }
    }
}

impl From<Finding> for FindingRecord {
    fn from(finding: Finding) -> Self {
        Self {
            reason: finding.reason(),
            cause: finding.cause.value(),
            code: finding.code,
        }
    }
}

impl From<FindingRecord> for Finding {
    fn from(record: FindingRecord) -> Self {
        Self {
            code: record.code,
            cause: cause(record.cause.as_ref(), record.reason),
        }
    }
}
