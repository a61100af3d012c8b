//! What a run is asked to do, why it begins, and how its end counts for the next one.
//! Never decides a time.
//! Called by `schedule`; errands travel over the local socket and to the worker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entity::EntityType;
use crate::fault::{Area, Code};
use crate::report::Report;
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
            allow_deletes: false,
            now: false,
            no_wait: false,
            measure: false,
            organisations: Vec::new(),
        }
    }

    /// Whether doing this does all of the other.
    pub fn covers(&self, other: &Self) -> bool {
        let types = !other.data
            || self.types.is_empty()
            || (!other.types.is_empty()
                && other.types.iter().all(|kind| self.types.contains(kind)));
        let named = |id| self.organisations.contains(id);
        let organisations = self.organisations.is_empty()
            || (!other.organisations.is_empty() && other.organisations.iter().all(named));
        types
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
