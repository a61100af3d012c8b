//! Times that stand in sentences of causes: waits, ages, moments.
//! Never reads a clock.
//! Called by the tables of `cause`.

use std::time::Duration;

use serde_json::Value as Json;

use super::Argument;
use crate::language::{Language, figure};
use crate::{retry, span};

/// A wait, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(Duration);

impl From<Duration> for Wait {
    fn from(wait: Duration) -> Self {
        Self(wait)
    }
}

impl Argument for Wait {
    fn en(&self) -> String {
        retry::words(self.0)
    }

    fn fr(&self) -> String {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..=119 => (seconds, "seconde"),
            120..=7199 => (seconds / 60, "minute"),
            _ => (seconds / 3600, "heure"),
        };
        format!("{count} {unit}{}", if count < 2 { "" } else { "s" })
    }

    fn value(&self) -> Json {
        Json::from(self.0.as_secs())
    }

    fn read(value: &Json) -> Option<Self> {
        value
            .as_u64()
            .map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

/// How long ago, in its largest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(u64);

impl Age {
    /// Of so many seconds.
    pub fn of(seconds: u64) -> Self {
        Self(seconds)
    }
}

impl Argument for Age {
    fn en(&self) -> String {
        span::print(Duration::from_secs(self.0))
    }

    fn fr(&self) -> String {
        crate::fault::cause::duree(self.0)
    }

    fn value(&self) -> Json {
        Json::from(self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        value.as_u64().map(Self)
    }
}

/// Date and minute, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcMinute(i64);

impl UtcMinute {
    /// Of a time in Unix seconds.
    pub fn at(seconds: i64) -> Self {
        Self(seconds)
    }
}

impl Argument for UtcMinute {
    fn en(&self) -> String {
        figure::moment(Language::English, self.0, 0)
    }

    fn fr(&self) -> String {
        figure::moment(Language::French, self.0, 0)
    }

    fn value(&self) -> Json {
        Json::from(self.0)
    }

    fn read(value: &Json) -> Option<Self> {
        value.as_i64().map(Self)
    }
}
