//! The name of a code as it is told, stored and read again: of this boxsync, or of a newer one.
//! Never loses a name that it does not know: a downgraded box still tells what its records say.
//! Called by reports, findings and whatever reads them back.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Area, Code};

/// A code as records and messages hold it: on disk and on the wire it is its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeName {
    /// One of this boxsync.
    Known(Code),
    /// One that only a newer boxsync can explain.
    Newer(Box<str>),
}

impl CodeName {
    /// The code, if this boxsync knows it.
    pub fn known(&self) -> Option<Code> {
        match self {
            Self::Known(code) => Some(*code),
            Self::Newer(_) => None,
        }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.name(),
            Self::Newer(name) => name,
        }
    }

    /// Whether it is of this area; the name of a newer boxsync tells that, too.
    pub fn is(&self, area: Area) -> bool {
        area.holds(self.as_str())
    }
}

impl From<Code> for CodeName {
    fn from(code: Code) -> Self {
        Self::Known(code)
    }
}

impl From<&CodeName> for CodeName {
    fn from(name: &CodeName) -> Self {
        name.clone()
    }
}

impl From<&str> for CodeName {
    fn from(name: &str) -> Self {
        Code::of(name).map_or_else(|| Self::Newer(name.into()), Self::Known)
    }
}

impl PartialEq<Code> for CodeName {
    fn eq(&self, code: &Code) -> bool {
        self.known() == Some(*code)
    }
}

impl PartialEq<CodeName> for Code {
    fn eq(&self, name: &CodeName) -> bool {
        name == self
    }
}

impl fmt::Display for CodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CodeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Owned, because JSON with an escape in it cannot be lent.
        let name = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(&*name))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    /// Of this boxsync alone: for what one process tells another of the same release.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = CodeName::deserialize(deserializer)?;
        let unknown =
            || serde::de::Error::custom(format_args!("{name} is no code of this boxsync"));
        name.known().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_as_it_was_written_known_or_not() {
        for name in ["net.dns", "ok", "future.code", "odd \"one\""] {
            let json = serde_json::to_string(name).unwrap();
            let read: CodeName = serde_json::from_str(&json).unwrap();
            assert_eq!(read.as_str(), name);
            assert_eq!(read.known(), Code::of(name));
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
            let row = postcard::to_allocvec(name).unwrap();
            let read: CodeName = postcard::from_bytes(&row).unwrap();
            assert_eq!(postcard::to_allocvec(&read).unwrap(), row);
        }
    }
}
