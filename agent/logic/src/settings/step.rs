//! The parts of a run that `[sync] steps` names.
//! Never decides when a run is, nor what one does that somebody asks for in parts.
//! Called by `settings` and by `schedule`, which makes the errand of a run of it.

use std::fmt;
use std::str::FromStr;

/// One of them (`tasksToRunOnSync` of TAO, protocol 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncStep {
    /// Catalogue and packages.
    Data,
    /// Results, and LTI users.
    Results,
    /// Delivery logs.
    Logs,
    /// Test sessions.
    Sessions,
    /// Central's own speed check.
    Speed,
}

impl SyncStep {
    /// All of them, in TAO's order.
    pub const ALL: [Self; 5] = [
        Self::Data,
        Self::Results,
        Self::Logs,
        Self::Sessions,
        Self::Speed,
    ];

    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Results => "results",
            Self::Logs => "logs",
            Self::Sessions => "sessions",
            Self::Speed => "speed",
        }
    }

    /// Whether the catalogue waits for the first turn of what is owed: it is named behind a part of that. What is owed
    /// never waits for the catalogue, and goes as the protocol wants it: results, logs, sessions (protocol 8.3).
    pub fn is_owed_first(steps: &[Self]) -> bool {
        let of = |owed: bool| {
            let is_it = move |step: &Self| match step {
                Self::Data => !owed,
                Self::Speed => false,
                _ => owed,
            };
            steps.iter().position(is_it)
        };
        matches!((of(true), of(false)), (Some(owed), Some(data)) if owed < data)
    }
}

impl fmt::Display for SyncStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for SyncStep {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = |step: &Self| step.word() == text;
        Self::ALL.into_iter().find(named).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_waits_only_where_it_is_named_behind_what_is_owed() {
        let steps = |text: &str| -> Vec<SyncStep> {
            text.split(' ').map(|word| word.parse().unwrap()).collect()
        };
        assert!(!SyncStep::is_owed_first(&SyncStep::ALL));
        for (text, expected) in [
            ("results data", true),
            ("speed logs data results", true),
            ("data results", false),
            ("speed data sessions", false),
            ("results logs", false),
            ("data", false),
        ] {
            assert_eq!(SyncStep::is_owed_first(&steps(text)), expected, "{text}");
        }
        assert!("Data".parse::<SyncStep>().is_err());
    }
}
