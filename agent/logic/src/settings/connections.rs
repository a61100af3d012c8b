//! How many connections packages may come over at once.
//! Never decides how many are used: that is `pace`.
//! Called by the table of keys, and by the engine, which sets the bound.

use super::value::SettingValue;
use crate::fault::SettingForm;

/// No more than so many, whatever is configured: some central has as few workers.
const MAX_CONNECTIONS: u8 = 16;

/// The bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionLimit {
    /// As many as the link rewards and central bears.
    #[default]
    Auto,
    /// No more than so many of them.
    AtMost(u8),
}

impl ConnectionLimit {
    /// The number.
    pub fn most(self) -> u8 {
        match self {
            Self::Auto => MAX_CONNECTIONS,
            Self::AtMost(most) => most,
        }
    }

    pub(super) fn read(value: &SettingValue) -> Result<Self, SettingForm> {
        if let Ok(most) = value.whole(1, MAX_CONNECTIONS.into()) {
            return Ok(Self::AtMost(most));
        }
        let expected = || SettingForm::OneOf {
            words: format!("\"auto\", 1 to {MAX_CONNECTIONS}"),
        };
        let read = value.read(|text| match text.trim() {
            "auto" => Ok(Self::Auto),
            _ => Err(expected()),
        });
        read.map_err(|_| expected())
    }

    pub(super) fn show(self) -> SettingValue {
        match self {
            Self::Auto => SettingValue::text("auto"),
            Self::AtMost(most) => SettingValue::Whole(most.into()),
        }
    }
}
