//! Where a box stands: everything that its verdict depends on, as values.
//! Never judges: `verdict` does.
//! Made by `agent`, which reads the state folder; read by `verdict` and by whoever shows it.

use serde::{Deserialize, Serialize};

use super::message::KindCount;
use super::verdict::{Word, counted};
use crate::copies::{CopyStanding, RoomStanding};
use crate::exam::ExecutionCount;
use crate::fault::{Cause, CodeName, Finding};
use crate::intake::ItemKind;
use crate::package::estimate::PackageRate;
use crate::report::StickOrigin;
use crate::update::note::UpdateNote;
use crate::words::Outcome;

/// How the box stands for one of its organisations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationVerdict {
    /// Its id; empty where that is not known.
    pub organisation_id: String,
    /// The word of `status`.
    pub verdict: Word,
    /// Its code and its reason, as `status` tells them.
    pub finding: Finding,
    /// Packages that are held, of so many.
    pub held: u64,
    /// Deliveries that it names.
    pub wanted: u64,
    /// When the last of its packages is there, Unix seconds; only while packages come.
    pub ready_at: Option<i64>,
}

/// Where the box stands: everything that the verdict depends on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoxStanding {
    /// How each organisation stands, on a box of several; the rest is of the least ready.
    #[serde(default)]
    pub organisations: Vec<OrganisationVerdict>,
    /// Unix seconds by the box's best estimate.
    pub now: i64,
    /// The same without what only one answer of central says: no age is longer than by this. `None`: as `now`.
    pub sure: Option<i64>,
    /// What keeps the state folder from being read.
    pub trouble: Option<Finding>,
    /// Why no answer of a candidate could be kept now; `None` when one can, or nobody knows.
    #[serde(default)]
    pub intake: Option<Finding>,
    /// What is wrong with the configuration, while the last good one is in force.
    #[serde(default)]
    pub config: Option<Finding>,
    /// Whether no central server is configured, in the configuration that is in force.
    #[serde(default)]
    pub lacks_central: bool,
    /// Why the processes of synchronizations ended before their work was done, and how many in a row since the last
    /// account.
    #[serde(default)]
    pub died: Option<(Finding, u32)>,
    /// Whether there are credentials.
    pub enrolled: bool,
    /// Organisation that is configured or was learned; `None` when unknown.
    pub organisation: Option<String>,
    /// The catalogue.
    pub catalogue: ShownCatalogue,
    /// What is being sat: executions that have not ended, by delivery and state.
    #[serde(default)]
    pub executions: Vec<ExecutionCount>,
    /// The test packages.
    pub packages: Stock,
    /// What the box owes to central; `None` when that cannot be told.
    pub owed: Option<OwedCounts>,
    /// Ids of what candidates did that the box had and does not open any more, and that nobody has handed over again.
    #[serde(default)]
    pub lost: Vec<String>,
    /// What of it the disk does not give now.
    #[serde(default)]
    pub unread: Option<Finding>,
    /// Why central holds up what waits: that of the oldest.
    #[serde(default)]
    pub held_up: Option<Finding>,
    /// The last synchronization.
    pub last: Option<Last>,
    /// Unix seconds of the last answer of central, `None` before the first.
    pub contact: Option<i64>,
    /// VM version of the box.
    pub version: Option<String>,
    /// Whether central supports that version; `None` before it was asked.
    pub supported: Option<bool>,
    /// Bytes free on the volume of the state folder, and bytes of it that packages leave to results.
    pub disk: Option<(u64, u64)>,
    /// Bytes per second that the link carried lately.
    pub rate: Option<f64>,
    /// The rate of the last minutes, while packages come.
    #[serde(default)]
    pub package_rate: Option<PackageRate>,
    /// The packages that are still to come, in the order in which they do.
    #[serde(default)]
    pub awaited: Vec<AwaitedPackage>,
    /// The next times at which packages may come, Unix seconds; `None` where that is always.
    #[serde(default)]
    pub open_spans: Option<Vec<(i64, i64)>>,
    /// What is to be told of the box itself: it runs twice, it was put back.
    #[serde(default)]
    pub notices: Vec<Finding>,
    /// Second copies of what is owed; `None` where none are configured.
    #[serde(default)]
    pub copies: Option<CopyStanding>,
    /// Second copies with the other boxes of the room; `None` where there are none, or nobody has met them.
    #[serde(default)]
    pub room: Option<RoomStanding>,
    /// The image that is to come.
    #[serde(default)]
    pub renewal: Option<UpdateNote>,
    /// Fingerprint of the site key.
    #[serde(default)]
    pub site_key: Option<String>,
    /// The stick that the catalogue came from; `None` where it is central's own.
    #[serde(default)]
    pub origin: Option<StickOrigin>,
    /// What is counted for collectors and decides nothing.
    #[serde(default)]
    pub counted: CollectorFigures,
}

/// A complete catalogue older than this may miss what changed on central since, in seconds.
pub const CATALOGUE_OLD_AFTER: i64 = 48 * 60 * 60;
/// Below this much free disk the answers of one exam room may not fit, in bytes.
const ALMOST_FULL: u64 = 64 << 20;

/// How much room the volume of the state folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskRoom {
    /// For packages, too.
    Enough,
    /// Part of what is kept for results is used: no packages.
    Short,
    /// Answers may not fit.
    Full,
}

impl DiskRoom {
    /// Of so many bytes free, and so many kept for results.
    pub fn of(free: u64, reserve: u64) -> Self {
        match free {
            _ if free < ALMOST_FULL => Self::Full,
            _ if free < reserve => Self::Short,
            _ => Self::Enough,
        }
    }
}

/// Whether a catalogue that was read for one organisation is that of another than the box belongs to.
pub fn is_of_other(catalogue: &str, own: &str) -> bool {
    !catalogue.is_empty() && catalogue != own
}

impl BoxStanding {
    /// How much room there is; `None` when nobody knows.
    pub fn room(&self) -> Option<DiskRoom> {
        self.disk.map(|(free, reserve)| DiskRoom::of(free, reserve))
    }

    /// The organisation of the box, where its complete catalogue is that of another.
    pub fn other_organisation(&self) -> Option<&str> {
        self.catalogue.complete_at?;
        let own = self.organisation.as_deref()?;
        is_of_other(&self.catalogue.organisation, own).then_some(own)
    }

    /// Days since the catalogue was complete, where it is old: by what is sure, for no single answer of central makes it
    /// so.
    pub fn days_old(&self) -> Option<u64> {
        let at = self.catalogue.complete_at?;
        let is_old = self.sure.unwrap_or(self.now) - at > CATALOGUE_OLD_AFTER;
        is_old.then(|| u64::try_from((self.now - at) / 86_400).unwrap_or(0))
    }
}

/// What is counted for collectors and decides nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CollectorFigures {
    /// Generation of the catalogue.
    pub generation: u64,
    /// Unix seconds of the end of the newest run that went well, of those that are remembered.
    pub went_well_at: Option<i64>,
    /// Figures of the last run.
    pub last: Option<LastRun>,
    /// What is owed by kind, every kind in the words of the local API.
    pub owed: Vec<(String, OwedCounts)>,
    /// Unix seconds of the first PeriodStart ahead, of the deliveries that are shown.
    #[serde(default)]
    pub next_start: Option<i64>,
    /// Seconds that the system clock is ahead of the time that central vouched for; `None` until it has.
    #[serde(default)]
    pub clock_offset: Option<i64>,
}

/// Figures of the last run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LastRun {
    /// Mbit/s towards the box (protocol 9.6); 0 when nothing was measured.
    pub download_mbit: f64,
    /// Results that central did not have at its end.
    pub queued: u64,
    /// Results of which nobody knew at its end whether central has them.
    pub unconfirmed: u64,
    /// Results that central refused in it.
    pub refused: u64,
}

/// The catalogue as readers see it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShownCatalogue {
    /// The organisation that it was read for; empty before the first run.
    pub organisation: String,
    /// Unix seconds of the last run that read all lists to their ends.
    pub complete_at: Option<i64>,
    /// Entities by type, in the words and the order of the wire.
    pub entities: Vec<(String, u64)>,
    /// Entities that central no longer names and that are kept.
    pub held_back: u64,
    /// The same by type, those types alone that have any.
    #[serde(default)]
    pub kept: Vec<(String, u64)>,
    /// Entities by type that are not shown, since central no longer names them, and that come back when it does.
    #[serde(default)]
    pub hidden: Vec<(String, u64)>,
    /// Entities that are kept as they are, since central takes back within hours what it says.
    #[serde(default)]
    pub contradicted: u64,
    /// Those of them that central does not name now: they are counted in `held_back` too.
    #[serde(default)]
    pub taken_back: u64,
    /// Changes that wait for the end of an exam.
    #[serde(default)]
    pub waiting: u64,
}

impl ShownCatalogue {
    /// How many entities of a type are shown.
    pub fn count(&self, word: &str) -> u64 {
        let found = self.entities.iter().find(|(name, _)| name == word);
        found.map_or(0, |(_, count)| *count)
    }

    /// What is shown, each as people say it: `300 test-takers`, `1 delivery`.
    pub fn told(&self) -> Vec<String> {
        told_by_type(&self.entities)
    }
}

/// Numbers by type as people say them: `300 test-takers`, `1 delivery`.
pub fn told_by_type(by_type: &[(String, u64)]) -> Vec<String> {
    let plural = |word: &str| match word.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{word}s"),
    };
    let told = |(word, count): &(String, u64)| counted(*count, word, &plural(word));
    by_type.iter().map(told).collect()
}

/// Packages, one for each delivery of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stock {
    /// Deliveries of the catalogue.
    pub wanted: u64,
    /// Whole and verified.
    pub held: u64,
    /// Begun.
    pub coming: u64,
    /// Held, but found damaged by a later check.
    pub damaged: u64,
    /// Central said that it has none.
    pub absent: u64,
    /// Bytes still to come of those whose size is known.
    pub bytes_left: u64,
    /// Packages not held whose size is not known yet.
    pub unknown: u64,
    /// Packages not begun whose size is known.
    #[serde(default)]
    pub sized: u64,
    /// Damaged on central itself: fetched twice, wrong twice.
    #[serde(default)]
    pub broken: u64,
    /// With a member that cannot be checked.
    #[serde(default)]
    pub unsupported: u64,
    /// A cache on the way gives another delivery's package.
    #[serde(default)]
    pub cached: u64,
}

/// A package that is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedPackage {
    /// URI of the delivery.
    pub delivery: String,
    /// Plain bytes still to come; `None` while nobody knows its size.
    pub left: Option<u64>,
}

/// How many of a number of items are no results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kinds {
    /// Logs of executions.
    pub logs: u64,
    /// Test sessions.
    pub sessions: u64,
    /// LTI users.
    pub users: u64,
}

impl Kinds {
    /// Counts one more.
    pub fn add(&mut self, kind: ItemKind) {
        match kind {
            ItemKind::Results => {}
            ItemKind::Logs => self.logs += 1,
            ItemKind::Sessions => self.sessions += 1,
            ItemKind::LtiUsers => self.users += 1,
        }
    }

    /// Together with these.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            logs: self.logs + other.logs,
            sessions: self.sessions + other.sessions,
            users: self.users + other.users,
        }
    }

    /// Those that are left when these are taken away.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        Self {
            logs: self.logs.saturating_sub(other.logs),
            sessions: self.sessions.saturating_sub(other.sessions),
            users: self.users.saturating_sub(other.users),
        }
    }

    /// Of `total` items: how many of each kind there are, those kinds alone that there are any of.
    pub fn each(&self, total: u64) -> Vec<KindCount> {
        let results = total.saturating_sub(self.logs + self.sessions + self.users);
        let kinds = [
            (results, ItemKind::Results),
            (self.logs, ItemKind::Logs),
            (self.sessions, ItemKind::Sessions),
            (self.users, ItemKind::LtiUsers),
        ];
        let some = kinds.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, kind)| KindCount { kind, count })
            .collect()
    }
}

/// Results, logs and sessions that central does not have for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwedCounts {
    /// Waiting to be sent.
    pub queued: u64,
    /// Not accepted by central.
    pub refused: u64,
    /// Sent, and the answer was lost.
    pub unconfirmed: u64,
    /// Of those that are queued: held up by central.
    #[serde(default)]
    pub waiting: u64,
    /// Kept out of the way by a person.
    #[serde(default)]
    pub set_aside: u64,
    /// Of executions that are not finished: each waits for the content that takes its place.
    #[serde(default)]
    pub open: u64,
    /// Encrypted with a key that central no longer has.
    #[serde(default)]
    pub held: u64,
    /// Handed over in a file, and not acknowledged yet.
    #[serde(default)]
    pub carried: u64,
    /// When the first of those was handed over, Unix seconds; 0 when there is none or nobody knows.
    #[serde(default)]
    pub carried_at: i64,
    /// When the oldest that is queued or unconfirmed came, Unix seconds; 0 when there is none or nobody knows.
    #[serde(default)]
    pub oldest_at: i64,
    /// Of what the box had: does not open any more, and nobody has handed it over again.
    #[serde(default)]
    pub lost: u64,
    /// Of those that are queued.
    #[serde(default)]
    pub queued_kinds: Kinds,
    /// Of those that central holds up.
    #[serde(default)]
    pub waiting_kinds: Kinds,
    /// Of those that are refused.
    #[serde(default)]
    pub refused_kinds: Kinds,
    /// Of those that are unconfirmed.
    #[serde(default)]
    pub unconfirmed_kinds: Kinds,
}

impl OwedCounts {
    /// What central has not acknowledged, whatever became of it.
    pub fn unacknowledged(&self) -> u64 {
        let counts = [
            self.queued,
            self.refused,
            self.unconfirmed,
            self.set_aside,
            self.open,
            self.held,
            self.carried,
        ];
        counts.iter().sum()
    }

    /// What does not go for now: central holds it up, or it is encrypted with a key that central no longer has.
    pub fn not_taken(&self) -> u64 {
        self.waiting + self.held
    }

    /// What is queued, by kind.
    pub fn queued(&self) -> Vec<KindCount> {
        self.queued_kinds.each(self.queued)
    }

    /// What central did not accept, by kind.
    pub fn refused(&self) -> Vec<KindCount> {
        self.refused_kinds.each(self.refused)
    }

    /// What central may have, by kind.
    pub fn unconfirmed(&self) -> Vec<KindCount> {
        self.unconfirmed_kinds.each(self.unconfirmed)
    }
}

/// The last synchronization in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Its number.
    pub sync_id: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Its code, `ok` when all went well.
    pub code: CodeName,
    /// In words; empty when all went well.
    pub reason: String,
    /// The same as a value, where it is one.
    #[serde(
        default,
        with = "crate::fault::value",
        skip_serializing_if = "Option::is_none"
    )]
    pub cause: Option<Cause>,
    /// Unix seconds.
    pub finished_at: i64,
}

impl Last {
    /// What it died of: a value, or words.
    pub fn cause(&self) -> Cause {
        self.cause
            .clone()
            .unwrap_or_else(|| Cause::from(&self.reason))
    }
}
