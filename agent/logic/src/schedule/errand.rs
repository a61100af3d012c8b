//! What a run is asked to do, why it begins, and how its end counts for the next one.
//! Never decides a time.
//! Called by `schedule`; errands travel over the local socket and to the worker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entity::EntityType;
use crate::fault::{Area, Code};
use crate::intake::ItemKind;
use crate::report::Report;
use crate::settings::SyncStep;
use crate::words::Outcome;

/// What a run is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Errand {
    /// Only these types; empty: all.
    pub types: Vec<EntityType>,
    /// Catalogue and packages.
    pub data: bool,
    /// Results, logs and sessions.
    pub results: bool,
    /// Only these of what the box owes; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<ItemKind>,
    /// A person has seen the deletions that were held back.
    pub allow_deletes: bool,
    /// Packages come at once, windows or not.
    #[serde(skip_serializing_if = "is_unset")]
    pub now: bool,
    /// Whoever asks does not wait for packages.
    #[serde(skip_serializing_if = "is_unset")]
    pub no_wait: bool,
    /// The link is measured with central's own speed check, where nothing else tells how fast it is.
    #[serde(skip_serializing_if = "is_unset")]
    pub measure: bool,
    /// Only these organisations of the box; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organisations: Vec<String>,
}

/// A wish younger than the first release is named only where it is made: between an upgrade and the restart of the
/// daemon, the daemon of that release is asked, which refuses names that it does not know.
fn is_unset(wish: &bool) -> bool {
    !*wish
}

impl Default for Errand {
    fn default() -> Self {
        Self::whole()
    }
}

impl Errand {
    /// Everything.
    pub fn whole() -> Self {
        Self {
            types: Vec::new(),
            data: true,
            results: true,
            owed: Vec::new(),
            allow_deletes: false,
            now: false,
            no_wait: false,
            measure: false,
            organisations: Vec::new(),
        }
    }

    /// The same, where it is to do everything, in the parts that a run has by itself.
    #[must_use]
    pub fn in_parts(self, parts: RunParts) -> Self {
        let some = !self.types.is_empty() || !self.owed.is_empty();
        match self.data && self.results && !some {
            true => Self {
                data: parts.data,
                results: parts.results || parts.logs || parts.sessions,
                owed: parts.owed(),
                ..self
            },
            false => self,
        }
    }

    /// Whether doing this does all of the other.
    pub fn covers(&self, other: &Self) -> bool {
        let types = !other.data || takes_in(&self.types, &other.types);
        let owed = !other.results || takes_in(&self.owed, &other.owed);
        let organisations = takes_in(&self.organisations, &other.organisations);
        types
            && owed
            && organisations
            && (self.data || !other.data)
            && (self.results || !other.results)
            && (self.allow_deletes || !other.allow_deletes)
            && (self.now || !other.now)
            && (self.measure || !other.measure)
    }

    /// Takes the other in.
    pub fn widen(&mut self, other: &Self) {
        match (self.data, other.data) {
            (true, true) if self.types.is_empty() || other.types.is_empty() => self.types.clear(),
            (true, true) => {
                self.types.extend_from_slice(&other.types);
                self.types.sort_unstable();
                self.types.dedup();
            }
            (false, true) => self.types.clone_from(&other.types),
            (_, false) => {}
        }
        match (self.results, other.results) {
            (true, true) if self.owed.is_empty() || other.owed.is_empty() => self.owed.clear(),
            (true, true) => {
                self.owed.extend_from_slice(&other.owed);
                self.owed.sort_unstable();
                self.owed.dedup();
            }
            (false, true) => self.owed.clone_from(&other.owed),
            (_, false) => {}
        }
        if self.organisations.is_empty() || other.organisations.is_empty() {
            self.organisations.clear();
        } else {
            self.organisations.extend_from_slice(&other.organisations);
            self.organisations.sort_unstable();
            self.organisations.dedup();
        }
        self.data |= other.data;
        self.results |= other.results;
        self.allow_deletes |= other.allow_deletes;
        self.now |= other.now;
        self.measure |= other.measure;
        self.no_wait &= other.no_wait;
    }
}

/// Whether some, where none stands for all, take in the others.
fn takes_in<T: PartialEq>(some: &[T], others: &[T]) -> bool {
    some.is_empty() || (!others.is_empty() && others.iter().all(|other| some.contains(other)))
}

/// The parts of a run that nobody asked for in parts (`[sync] steps`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunParts {
    data: bool,
    results: bool,
    logs: bool,
    sessions: bool,
}

impl RunParts {
    /// Everything.
    pub const ALL: Self = Self {
        data: true,
        results: true,
        logs: true,
        sessions: true,
    };

    /// Those of the configuration.
    pub fn of(steps: &[SyncStep]) -> Self {
        let has = |step| steps.contains(&step);
        Self {
            data: has(SyncStep::Data),
            results: has(SyncStep::Results),
            logs: has(SyncStep::Logs),
            sessions: has(SyncStep::Sessions),
        }
    }

    /// What of the owed goes, as an errand has it.
    fn owed(self) -> Vec<ItemKind> {
        let all = [
            (self.results, &[ItemKind::Results, ItemKind::LtiUsers][..]),
            (self.logs, &[ItemKind::Logs]),
            (self.sessions, &[ItemKind::Sessions]),
        ];
        if all.iter().all(|(goes, _)| *goes) {
            return Vec::new();
        }
        let go = all.iter().filter(|(goes, _)| *goes);
        go.flat_map(|(_, kinds)| kinds.iter().copied()).collect()
    }
}

/// Why a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunReason {
    /// The daemon has started.
    Boot,
    /// The interval is over.
    Interval,
    /// The run before failed.
    Retry,
    /// The breaker is open; one run looks whether central is back.
    Probe,
    /// The network changed.
    Network,
    /// Somebody waits for it.
    Asked,
    /// A run was stopped for one that was asked for, and goes on.
    Resumed,
    /// Packages may be fetched from now on (a window opened, an exam is over), or have all come.
    Packages,
}

impl RunReason {
    /// One word for the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Interval => "interval",
            Self::Retry => "retry",
            Self::Probe => "probe",
            Self::Network => "network",
            Self::Asked => "asked",
            Self::Resumed => "resumed",
            Self::Packages => "packages",
        }
    }

    /// What a wait for such a run is called.
    pub(super) fn waits(self) -> &'static str {
        match self {
            Self::Boot => "the synchronization at boot",
            Self::Interval => "the next interval",
            Self::Retry => "the next try after a failure",
            Self::Probe => "a probe of a central that cannot be reached",
            Self::Network => "the network that changed to settle",
            Self::Asked => "a synchronization that was asked for",
            Self::Resumed => "going on with what was interrupted",
            Self::Packages => "a run for packages",
        }
    }
}

/// How a run ended, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// Central was well; whatever failed will not get better sooner than the next interval.
    Done,
    /// A person has to act first: it is tried again at the interval.
    Standing,
    /// Something passing failed (a cut package, a worker that died, a busy store) while central was well.
    Partly,
    /// Central cannot be reached or is sick; it may have wished to be left alone for so long.
    Unreached(Option<Duration>),
    /// It was stopped by the daemon.
    Stopped,
}

impl RunEnd {
    /// What an account says; `wish` is the last Retry-After that the run met.
    pub fn of(report: &Report, wish: Option<Duration>) -> Self {
        match report.outcome {
            Outcome::Finished => Self::Done,
            Outcome::Unauthorized | Outcome::Unsupported => Self::Standing,
            Outcome::Offline => Self::Unreached(wish),
            Outcome::Failed => match report.code.known() {
                Some(
                    Code::CentralUnavailable
                    | Code::CentralError
                    | Code::CentralMaintenance
                    | Code::CentralForeign
                    | Code::CentralGarbled,
                ) => Self::Unreached(wish),
                Some(Code::StateBusy | Code::WorkerDied | Code::StoreFailed) => Self::Partly,
                _ if report.code.is(Area::Net) => Self::Partly,
                _ => Self::Done,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_nobody_asked_for_in_parts_has_those_of_the_configuration() {
        let parts = |steps: &[SyncStep]| Errand::whole().in_parts(RunParts::of(steps));
        assert_eq!(parts(&SyncStep::ALL), Errand::whole());
        assert_eq!(RunParts::of(&SyncStep::ALL), RunParts::ALL);
        let only = parts(&[SyncStep::Logs, SyncStep::Data]);
        let expected = (true, true, &[ItemKind::Logs][..]);
        assert_eq!((only.data, only.results, &only.owed[..]), expected);
        let none = parts(&[SyncStep::Speed]);
        assert!(!none.data && !none.results);
        let results = parts(&[SyncStep::Results]);
        assert_eq!(results.owed, [ItemKind::Results, ItemKind::LtiUsers]);
        assert!(!results.data && results.results);
        for asked in [
            Errand {
                data: false,
                ..Errand::whole()
            },
            Errand {
                owed: vec![ItemKind::Sessions],
                ..Errand::whole()
            },
            Errand {
                types: vec![EntityType::Delivery],
                ..Errand::whole()
            },
        ] {
            let steps = RunParts::of(&[SyncStep::Speed]);
            assert_eq!(asked.clone().in_parts(steps), asked);
        }
    }

    #[test]
    fn a_run_of_some_kinds_does_not_take_in_one_of_others() {
        let of = |kinds: &[ItemKind]| Errand {
            data: false,
            owed: kinds.to_vec(),
            ..Errand::whole()
        };
        let (all, logs) = (of(&[]), of(&[ItemKind::Logs]));
        let both = of(&[ItemKind::Logs, ItemKind::Sessions]);
        assert!(all.covers(&logs) && both.covers(&logs) && logs.covers(&logs));
        assert!(!logs.covers(&all) && !logs.covers(&both) && !both.covers(&all));
        let mut widened = logs.clone();
        widened.widen(&of(&[ItemKind::Sessions]));
        assert_eq!(widened, both);
        widened.widen(&all);
        assert_eq!(widened, all);
        let mut data = Errand {
            results: false,
            ..Errand::whole()
        };
        assert!(!logs.covers(&data) && !data.covers(&logs));
        data.widen(&logs);
        assert!(data.data && data.results && data.covers(&logs) && !data.covers(&all));
    }
}
