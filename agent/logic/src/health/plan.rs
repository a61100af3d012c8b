//! Which checks are made, in which order, and which follow from which; then: what was found, the cause before its effects.
//! Never makes a check itself.
//! Called by `doctor` before and after its probes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Message, SkipReason};
use crate::fault::{Area, Code, CodeName, remedy};
use crate::language::Localized;
use crate::small_map::SmallMap;

/// One layer that can be looked at, in the order in which causes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Check {
    /// Files and environment.
    Config,
    /// The state folder: there, writable, of a known version.
    State,
    /// The key opens it.
    Key,
    /// Free space.
    Disk,
    /// The index store opens.
    Store,
    /// The service of systemd.
    Unit,
    /// An interface is up.
    Link,
    /// It has an address, and a route leads out.
    Address,
    /// The gateway of that route answers.
    Gateway,
    /// The host (or the proxy) has an address.
    Dns,
    /// It accepts a connection.
    Connect,
    /// Packets arrive.
    Loss,
    /// Packets of every size arrive.
    Mtu,
    /// The clock of the box against central's.
    Clock,
    /// Handshake, chain, host name, expiry.
    Tls,
    /// It is central that answers.
    Answer,
    /// Credentials become a token.
    Token,
    /// The token may synchronize.
    Role,
    /// Central supports the VM version.
    Version,
    /// Central knows the organisation.
    Organisation,
    /// The catalogue on the box.
    Catalogue,
    /// The packages on the box.
    Packages,
    /// Parts of packages come as asked.
    Range,
    /// Central's encryption: the key of results, and whether the TAO behind the gateway fits.
    Encryption,
    /// What is owed.
    Spool,
    /// The last runs.
    History,
    /// The rate of the link.
    Speed,
}

impl Check {
    /// All checks in the order in which causes lie.
    pub const ALL: [Self; 27] = [
        Self::Config,
        Self::State,
        Self::Key,
        Self::Disk,
        Self::Store,
        Self::Unit,
        Self::Link,
        Self::Address,
        Self::Gateway,
        Self::Dns,
        Self::Connect,
        Self::Loss,
        Self::Mtu,
        Self::Clock,
        Self::Tls,
        Self::Answer,
        Self::Token,
        Self::Role,
        Self::Version,
        Self::Organisation,
        Self::Catalogue,
        Self::Packages,
        Self::Range,
        Self::Encryption,
        Self::Spool,
        Self::History,
        Self::Speed,
    ];

    /// The code of the check while nothing is wrong; the catalogue tells what is looked at.
    pub fn code(self) -> Code {
        match self {
            Self::Config => Code::ConfigRead,
            Self::State => Code::StateFolder,
            Self::Key => Code::KeyOpen,
            Self::Disk => Code::DiskSpace,
            Self::Store => Code::StoreOpen,
            Self::Unit => Code::UnitState,
            Self::Link => Code::NetLink,
            Self::Address => Code::NetAddress,
            Self::Gateway => Code::NetGateway,
            Self::Dns => Code::NetDns,
            Self::Connect => Code::NetConnect,
            Self::Loss => Code::NetLoss,
            Self::Mtu => Code::NetMtu,
            Self::Clock => Code::ClockSkew,
            Self::Tls => Code::NetTls,
            Self::Answer => Code::CentralAnswer,
            Self::Token => Code::AuthToken,
            Self::Role => Code::AuthRole,
            Self::Version => Code::VersionSupported,
            Self::Organisation => Code::CatalogueOrganisation,
            Self::Catalogue => Code::CatalogueComplete,
            Self::Packages => Code::PackageWhole,
            Self::Range => Code::PackageRange,
            Self::Encryption => Code::CentralEncrypted,
            Self::Spool => Code::ResultsSpool,
            Self::History => Code::SyncLast,
            Self::Speed => Code::LinkSpeed,
        }
    }

    /// What has to be sound for this one to tell anything.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::Config | Self::State | Self::Unit | Self::Link | Self::Clock => &[],
            Self::Key | Self::Disk => &[Self::State],
            Self::Store => &[Self::State, Self::Disk],
            Self::Address => &[Self::Link],
            Self::Gateway => &[Self::Address],
            Self::Dns => &[Self::Config, Self::Address, Self::Gateway],
            Self::Connect => &[Self::Dns],
            Self::Loss | Self::Mtu => &[Self::Connect],
            Self::Tls => &[Self::Connect, Self::Clock, Self::Loss, Self::Mtu],
            Self::Answer => &[Self::Tls, Self::Loss, Self::Mtu],
            Self::Token => &[Self::Answer, Self::Key, Self::Loss, Self::Mtu],
            Self::Role => &[Self::Token],
            Self::Version => &[Self::Config, Self::Role, Self::Loss, Self::Mtu],
            Self::Organisation => &[Self::Config, Self::Version, Self::Loss, Self::Mtu],
            Self::Catalogue => &[
                Self::Config,
                Self::Key,
                Self::Organisation,
                Self::Loss,
                Self::Mtu,
            ],
            Self::Packages => &[Self::Disk, Self::Catalogue, Self::Loss, Self::Mtu],
            Self::Range => &[Self::Version, Self::Catalogue, Self::Loss, Self::Mtu],
            Self::Encryption => &[Self::Key],
            Self::Spool | Self::Speed => &[Self::Key, Self::Loss, Self::Mtu],
            Self::History => &[
                Self::Config,
                Self::Loss,
                Self::Mtu,
                Self::Key,
                Self::Organisation,
                Self::Catalogue,
                Self::Packages,
                Self::Spool,
            ],
        }
    }

    /// Whether it speaks to anything beyond the box.
    fn remote(self) -> bool {
        matches!(
            self,
            Self::Gateway
                | Self::Dns
                | Self::Connect
                | Self::Loss
                | Self::Mtu
                | Self::Tls
                | Self::Answer
                | Self::Token
                | Self::Role
                | Self::Version
                | Self::Organisation
                | Self::Range
        )
    }
}

/// What is known before the first packet: it decides which checks make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// `--offline`.
    pub offline: bool,
    /// The configuration names a central.
    pub url: bool,
    /// Over TLS.
    pub https: bool,
    /// Through a proxy.
    pub proxy: bool,
    /// Central (or the proxy) is on this very machine.
    pub loopback: bool,
    /// Nothing was ever kept in the state folder.
    pub new: bool,
    /// The state folder opened.
    pub opened: bool,
    /// There are credentials.
    pub enrolled: bool,
    /// Organisation and VM version are known.
    pub identified: bool,
    /// The catalogue names a delivery.
    pub deliveries: bool,
    /// There is an index store.
    pub store: bool,
    /// A past run is remembered.
    pub runs: bool,
    /// systemd runs this machine, and the root is its root.
    pub systemd: bool,
}

/// One check as it is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedCheck {
    /// What is looked at.
    pub check: Check,
    /// It ends within this time, whatever happens.
    pub limit: Duration,
    /// Why it is not made.
    pub skip: Option<SkipReason>,
}

/// The checks for these facts: all of them, in the order in which causes lie, each with its limit or the reason why
/// it is not made.
pub fn plan(facts: &Facts) -> Vec<PlannedCheck> {
    Check::ALL
        .into_iter()
        .map(|check| PlannedCheck {
            check,
            limit: limit(check),
            skip: skip(check, facts),
        })
        .collect()
}

/// The longest chain of limits, that of a network that swallows every packet, stays below 15 s.
fn limit(check: Check) -> Duration {
    Duration::from_millis(match check {
        Check::Config | Check::State | Check::Key | Check::Disk | Check::Link | Check::Address => {
            500
        }
        // One that answered lately is trusted for five seconds, then asked three times, a second apart (arp(7)).
        Check::Gateway => 9000,
        Check::Dns | Check::Store | Check::Unit => 4000,
        Check::Connect => 4000,
        Check::Loss | Check::Mtu => 4000,
        Check::Clock | Check::Tls => 6000,
        Check::Answer | Check::Token | Check::Role | Check::Version => 6000,
        Check::Organisation | Check::Range => 5000,
        Check::Catalogue | Check::Packages | Check::Encryption => 3000,
        Check::Spool | Check::History | Check::Speed => 3000,
    })
}

fn skip(check: Check, facts: &Facts) -> Option<SkipReason> {
    if facts.offline && check.remote() {
        return Some(SkipReason::Offline);
    }
    if check.remote() && !facts.url {
        return Some(SkipReason::NoCentral);
    }
    let reason = |skip: bool, reason: SkipReason| skip.then_some(reason);
    match check {
        Check::Link | Check::Address | Check::Gateway | Check::Loss | Check::Mtu => {
            reason(facts.loopback, SkipReason::Loopback)
        }
        Check::Tls => reason(!facts.https, SkipReason::NoTls),
        Check::Store => reason(!facts.store, SkipReason::NoStore),
        Check::Unit => reason(!facts.systemd, SkipReason::NoSystemd),
        Check::Organisation => reason(!facts.identified, SkipReason::Unidentified),
        Check::Range => reason(!facts.deliveries, SkipReason::NoDelivery),
        Check::Speed => reason(!facts.runs, SkipReason::NeverMeasured),
        Check::Catalogue | Check::Packages | Check::Encryption | Check::Spool | Check::History => {
            reason(!facts.opened, SkipReason::NewBox)
        }
        _ => None,
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Sound.
    Pass,
    /// Not made, or it would tell nothing.
    Skip,
    /// Works, but should be looked at.
    Warn,
    /// Broken.
    Fail,
}

impl CheckStatus {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckFinding {
    /// The code that `doctor explain` tells at length.
    pub code: CodeName,
    /// How it came out.
    pub status: CheckStatus,
    /// What was seen.
    pub summary: Message,
    /// What else was seen, a line each.
    pub detail: Vec<Message>,
    /// The code that it depends on: where that one is told, this one follows from it.
    pub follows: Option<CodeName>,
}

impl CheckFinding {
    /// A sound check.
    pub fn pass(check: Check, summary: impl Into<Message>) -> Self {
        Self::new(check.code(), CheckStatus::Pass, summary)
    }

    /// A check that was not made.
    pub fn skip(check: Check, summary: impl Into<Message>) -> Self {
        Self::new(check.code(), CheckStatus::Skip, summary)
    }

    /// Something to look at.
    pub fn warn(code: impl Into<CodeName>, summary: impl Into<Message>) -> Self {
        Self::new(code, CheckStatus::Warn, summary)
    }

    /// Something broken.
    pub fn fail(code: impl Into<CodeName>, summary: impl Into<Message>) -> Self {
        Self::new(code, CheckStatus::Fail, summary)
    }

    /// With one more line of what was seen.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Message>) -> Self {
        self.detail.push(detail.into());
        self
    }

    /// With more lines of what was seen.
    #[must_use]
    pub fn details<T: Into<Message>>(mut self, details: impl IntoIterator<Item = T>) -> Self {
        self.detail.extend(details.into_iter().map(Into::into));
        self
    }

    /// The one thing to do is to be told.
    pub fn has_remedy(&self) -> bool {
        matches!(self.status, CheckStatus::Warn | CheckStatus::Fail)
    }

    /// As machines read it, in English; what is not told of it is empty.
    pub fn json(&self) -> Json {
        let detail: Vec<String> = self.detail.iter().map(Localized::english).collect();
        let remedy = match self.has_remedy() {
            true => remedy(self.code.known()),
            false => "",
        };
        let mut json = json!({
            "code": self.code,
            "status": self.status,
            "summary": self.summary.english(),
            "detail": detail.join("\n"),
            "remedy": remedy,
        });
        if let Some(follows) = &self.follows {
            json["follows"] = json!(follows);
        }
        json
    }

    /// With the code that it follows from, where that one is told.
    #[must_use]
    pub fn follows(mut self, code: impl Into<CodeName>) -> Self {
        self.follows = Some(code.into());
        self
    }

    fn new(code: impl Into<CodeName>, status: CheckStatus, summary: impl Into<Message>) -> Self {
        Self {
            code: code.into(),
            status,
            summary: summary.into(),
            detail: Vec::new(),
            follows: None,
        }
    }
}

/// What was found, for people and machines: failures, warnings, then the rest, each in the order of the plan. What
/// follows from a failure is not told as one of its own.
pub fn fold(steps: &[PlannedCheck], mut found: SmallMap<Check, CheckFinding>) -> Vec<CheckFinding> {
    let mut causes: SmallMap<Check, CodeName> = SmallMap::new();
    let mut findings: Vec<CheckFinding> = Vec::new();
    for step in steps {
        let check = step.check;
        let finding = found.remove(&check);
        let inherited = inherited(check, finding.as_ref(), &causes);
        let named = finding.as_ref().and_then(|finding| {
            let code = finding.follows.as_ref()?;
            let told =
                |told: &&CheckFinding| told.code == *code && told.status >= CheckStatus::Warn;
            findings.iter().find(told).map(|told| told.code.clone())
        });
        let cause = inherited.clone().or(named);
        let finding = match (finding, cause, step.skip) {
            (Some(finding), _, _)
                if finding.status == CheckStatus::Pass || alone(&finding.code) =>
            {
                finding
            }
            (_, Some(cause), _) => {
                CheckFinding::skip(check, Message::Because(cause.clone())).follows(cause)
            }
            (Some(finding), None, _) => finding,
            (None, None, Some(skip)) => CheckFinding::skip(check, skip),
            (None, None, None) => {
                let code = check.code().into();
                CheckFinding::fail(Code::DoctorLate, Message::NoResult(code))
            }
        };
        // A sound answer from outside ends the chain; a sound file on the box does not mend the network.
        let mends = finding.status == CheckStatus::Pass && check.remote();
        match (finding.status, inherited) {
            (CheckStatus::Fail, _) => {
                causes.insert(check, finding.code.clone());
            }
            (_, Some(cause)) if !mends => {
                causes.insert(check, cause);
            }
            _ => {}
        }
        findings.push(finding);
    }
    findings.sort_by_key(|finding| match finding.status {
        CheckStatus::Fail => 0,
        CheckStatus::Warn => 1,
        CheckStatus::Pass => 2,
        CheckStatus::Skip => 3,
    });
    findings
}

/// The failure among what a check needs that explains what it found, or that it found nothing.
fn inherited(
    check: Check,
    finding: Option<&CheckFinding>,
    causes: &SmallMap<Check, CodeName>,
) -> Option<CodeName> {
    let needed = check.needs().iter().filter_map(|need| causes.get(need));
    let effect = finding.and_then(|finding| finding.code.known());
    let is_seen = finding.is_some();
    let mut explaining = needed.filter(|cause| explains(cause, effect, is_seen));
    explaining.next().cloned()
}

/// What a link that loses packets makes late, cuts or leaves unfinished.
const SLOWED: [Code; 14] = [
    Code::NetTimeout,
    Code::NetReset,
    Code::NetCut,
    Code::NetStalled,
    Code::NetTls,
    Code::NetToken,
    Code::NetProxy,
    Code::CentralUnavailable,
    Code::CatalogueIncomplete,
    Code::PackageIncomplete,
    Code::ResultsStuck,
    Code::SyncFailed,
    Code::LinkSlow,
    Code::DoctorLate,
];

/// What follows from a key of the configuration that is missing: no synchronization begins.
const NOT_BEGUN: [Code; 6] = [
    Code::ConfigNoVersion,
    Code::ConfigNoOrganisation,
    Code::CatalogueIncomplete,
    Code::PackageIncomplete,
    Code::SyncFailed,
    Code::SyncNever,
];

/// Whether a cause explains what was found; `is_seen`: anything was. Most causes stop everything behind them; a link
/// that loses packets lets through what is definite, and a missing key of the configuration concerns no network.
fn explains(cause: &CodeName, effect: Option<Code>, is_seen: bool) -> bool {
    let among = |effects: &[Code]| effect.is_some_and(|effect| effects.contains(&effect));
    match cause.known() {
        Some(Code::NetLoss | Code::NetMtu) => !is_seen || among(&SLOWED),
        Some(Code::ConfigNoVersion | Code::ConfigNoOrganisation) => among(&NOT_BEGUN),
        _ => true,
    }
}

/// What never follows from anything else: lost bytes, results in doubt, a clock without a battery, a box
/// that runs twice.
fn alone(code: &CodeName) -> bool {
    [Area::Store, Area::Disk, Area::Box]
        .into_iter()
        .any(|area| code.is(area))
        || [
            Code::PackageDamaged,
            Code::ResultsRefused,
            Code::ResultsUnconfirmed,
            Code::ResultsQuarantined,
            Code::ClockBehind,
            Code::AuthNotEnrolled,
        ]
        .into_iter()
        .any(|other| *code == other)
}

/// The worst of all.
pub fn worst(findings: &[CheckFinding]) -> CheckStatus {
    let statuses = findings.iter().map(|finding| finding.status);
    statuses
        .filter(|status| *status != CheckStatus::Skip)
        .max()
        .unwrap_or(CheckStatus::Pass)
}
