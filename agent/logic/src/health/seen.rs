//! Everything that was seen of a box, as one value, and what it means: a finding for each check, causes before effects.
//! Never looks at the world: `agent/doctor` fills the value, and a thing that was not looked at is empty in it.
//! Called by `doctor`.

use serde::{Deserialize, Serialize};

use super::clock::{self, ClockReferences};
use super::holdings::Holdings;
use super::message::{Message, Names, SkipReason, StateMessage};
use super::standing::DiskRoom;
use super::talk::Talk;
use super::unit::Unit;
use super::way::WaySeen;
use super::{Check, CheckFinding, CheckStatus, Facts, fold, plan};
use crate::fault::{Cause, Code, CodeName, ConfigCause, Fault, Finding};
use crate::language::figure::Bytes;
use crate::small_map::SmallMap;

/// A failure as it was told: its code and the words for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Finding", into = "Finding")]
pub struct ReportedFault {
    /// The code.
    pub code: CodeName,
    /// In words.
    pub reason: String,
    /// The cause as a value, where it did not come as words from another process.
    pub cause: Option<Box<Cause>>,
}

impl ReportedFault {
    /// A failure of which there are words alone.
    pub fn new(code: impl Into<CodeName>, reason: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            reason: reason.into(),
            cause: None,
        }
    }

    /// A failure with its cause.
    pub fn because(code: impl Into<CodeName>, cause: Cause) -> Self {
        Self {
            code: code.into(),
            reason: cause.en(),
            cause: Some(Box::new(cause)),
        }
    }

    /// It is what a check found.
    pub fn fails(&self) -> CheckFinding {
        // One mistake a line: the first is the summary.
        let each: Vec<Self> = match &self.cause {
            Some(cause) => ConfigCause::each((**cause).clone())
                .into_iter()
                .map(|cause| Self::because(self.code.clone(), cause))
                .collect(),
            None => self
                .reason
                .lines()
                .map(|line| Self::new(self.code.clone(), line))
                .collect(),
        };
        let mut each = each.into_iter();
        let first = each.next().unwrap_or_else(|| self.clone());
        CheckFinding::fail(&self.code, first).details(each)
    }
}

impl From<Finding> for ReportedFault {
    fn from(finding: Finding) -> Self {
        let Finding { code, cause } = finding;
        match cause {
            Cause::Said(reason) => Self::new(code, reason),
            cause => Self::because(code, cause),
        }
    }
}

impl From<ReportedFault> for Finding {
    fn from(told: ReportedFault) -> Self {
        match told.cause {
            Some(cause) => Self::new(told.code, *cause),
            None => Self::new(told.code, told.reason),
        }
    }
}

impl From<Fault> for ReportedFault {
    fn from(trouble: Fault) -> Self {
        Self::because(trouble.code, trouble.cause)
    }
}

/// What a daemon that runs uses to reach central, without secrets: its environment is not that of a shell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceConfig {
    /// Central's root URL.
    pub url: Option<String>,
    /// The proxy as `http://host:port`.
    pub proxy: Option<String>,
    /// The proxy is told a user.
    pub proxy_user: bool,
    /// Hosts without proxy.
    pub no_proxy: Vec<String>,
    /// What is wrong with the configuration as the daemon reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<ReportedFault>,
    /// Why its figures do not reach the Pushgateway, as long as they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<ReportedFault>,
}

/// What was seen of a box.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// What the plan depends on.
    pub facts: Facts,
    /// Where central is, or what is wrong with the configuration.
    pub config: Option<Result<String, ReportedFault>>,
    /// What is wrong with it as the daemon reads it, which runs as another user and with another environment.
    pub of_daemon: Option<ReportedFault>,
    /// Keys without which no synchronization works, and that nothing else tells.
    pub missing: Vec<ReportedFault>,
    /// Why the file of the metrics cannot be written, where one is configured.
    pub textfile: Option<ReportedFault>,
    /// Why they do not reach the Pushgateway, where one is configured.
    pub push: Option<ReportedFault>,
    /// The state folder.
    pub state: Option<StateFolder>,
    /// Whether the key lies beside the data; `None` when there is no key to look at.
    pub key: Option<Result<bool, ReportedFault>>,
    /// The volume of the state folder.
    pub disk: Option<Disk>,
    /// The index store.
    pub store: Option<IndexState>,
    /// The service.
    pub unit: Option<Unit>,
    /// Why a daemon that is there does not answer.
    pub silent: Option<ReportedFault>,
    /// The way to central.
    pub way: WaySeen,
    /// What the times are compared with.
    pub time: Option<ClockReferences>,
    /// The talk with central.
    pub talk: Talk,
    /// Why there are no credentials.
    pub credentials: Option<ReportedFault>,
    /// What the box holds and owes.
    pub holdings: Option<Holdings>,
}

/// The state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateFolder {
    /// Nothing was ever kept in it.
    New(String),
    /// It opened; files of it that did not, by name: now, and before.
    Opened {
        /// Where it is.
        path: String,
        /// Its layout.
        layout: u32,
        /// Files that do not open now.
        damaged: Vec<String>,
        /// Files that did not open before and lie in quarantine.
        aside: Vec<String>,
    },
    /// It is there, but its key does not open it.
    Locked(String),
    /// It cannot be used.
    Failed(ReportedFault),
}

/// The volume of the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The folder that was asked about.
    pub path: String,
    /// Bytes free; `None` when that cannot be measured.
    pub free: Option<u64>,
    /// Bytes kept for results.
    pub reserve: u64,
    /// It takes more files.
    pub takes_files: bool,
}

/// The index store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// It opens.
    Opens,
    /// A boxsync that runs has it open.
    Used,
    /// It does not open; where it is.
    Damaged(String),
    /// It did not open in time.
    Late,
    /// The disk does not give it.
    Failing(ReportedFault),
}

/// What it all means: findings with failures first, each in the order in which causes lie.
pub fn judge(seen: &Observations) -> Vec<CheckFinding> {
    fold(&plan(&seen.facts), seen.found())
}

impl Observations {
    /// A finding for each check that tells something.
    fn found(&self) -> SmallMap<Check, CheckFinding> {
        let mut found = SmallMap::new();
        found.extend(self.config().map(|finding| (Check::Config, finding)));
        found.extend(self.state.as_ref().map(|s| (Check::State, s.judge())));
        found.extend(self.key().map(|finding| (Check::Key, finding)));
        found.extend(self.disk.as_ref().map(|d| (Check::Disk, d.judge())));
        found.extend(self.store.as_ref().map(|s| (Check::Store, s.judge())));
        let unit = self.unit.as_ref().map(Unit::judge);
        // What systemd takes for well does not answer.
        let unit = match (&self.silent, unit) {
            (Some(silent), None) => Some(silent.fails()),
            (Some(silent), Some(unit)) if unit.status != CheckStatus::Fail => Some(silent.fails()),
            (_, unit) => unit,
        };
        found.extend(unit.map(|finding| (Check::Unit, finding)));
        found.extend(self.way.judge(self.talk.central()));
        found.extend(self.time.map(|time| {
            let finding = clock::judge(self.talk.dated, time);
            (Check::Clock, finding)
        }));
        found.extend(self.talk.judge());
        if let Some(told) = &self.credentials {
            found.insert(Check::Token, told.fails());
        }
        if let Some(holdings) = &self.holdings {
            for (check, finding) in holdings.judge() {
                // A folder that cannot be written is the cause of whatever else fails.
                let beside = matches!(check, Check::State | Check::Disk);
                let failed = |other: &CheckFinding| other.status == CheckStatus::Fail;
                if !(beside && found.get(&check).is_some_and(failed)) {
                    found.insert(check, finding);
                }
            }
        }
        found
    }

    fn config(&self) -> Option<CheckFinding> {
        let root = match self.config.as_ref()? {
            // What somebody cannot read who may not act for the box says nothing of the file.
            Err(told) if told.code == Code::ConfigFile && self.is_other_user() => {
                let cause = CodeName::from(Code::StateOwner);
                let because = Message::Because(cause.clone());
                return Some(CheckFinding::skip(Check::Config, because).follows(cause));
            }
            Err(told) => return Some(told.fails()),
            Ok(root) => root,
        };
        if let Some(told) = &self.of_daemon {
            let mut finding = told.fails();
            finding.detail.insert(0, StateMessage::SaysDaemon.into());
            return Some(finding);
        }
        Some(match self.missing.as_slice() {
            [] => {
                let root = root.clone();
                let central = StateMessage::CentralIs { root };
                match self.textfile.as_ref().or(self.push.as_ref()) {
                    // Nothing depends on it.
                    Some(told) => CheckFinding::warn(&told.code, told).detail(central),
                    None => CheckFinding::pass(Check::Config, central),
                }
            }
            [first, others @ ..] => first.fails().details(others),
        })
    }

    fn is_other_user(&self) -> bool {
        let Some(StateFolder::Failed(told)) = &self.state else {
            return false;
        };
        told.code == Code::StateOwner
    }

    /// A key that lies beside the data keeps nobody with the disk in hand from reading it; that is said, not blamed.
    fn key(&self) -> Option<CheckFinding> {
        Some(match self.key.as_ref() {
            None if matches!(self.state, Some(StateFolder::New(_))) => {
                CheckFinding::skip(Check::Key, SkipReason::NewBox)
            }
            None => return None,
            Some(Err(told)) => told.fails(),
            Some(Ok(true)) => CheckFinding::pass(Check::Key, StateMessage::KeyOpens)
                .detail(StateMessage::KeyBeside),
            Some(Ok(false)) => CheckFinding::pass(Check::Key, StateMessage::KeyCredential),
        })
    }
}

impl StateFolder {
    fn judge(&self) -> CheckFinding {
        match self {
            Self::New(path) => {
                let path = path.clone();
                CheckFinding::warn(Code::StateNew, StateMessage::New { path })
            }
            Self::Locked(path) => {
                let path = path.clone();
                CheckFinding::pass(Check::State, StateMessage::Present { path })
            }
            Self::Failed(told) => told.fails(),
            Self::Opened {
                path,
                layout,
                damaged,
                aside,
            } => opened(path, *layout, damaged, aside),
        }
    }
}

/// The folder can be used; small files of it that did not open are told, since a disk that flips bits goes on doing so.
fn opened(path: &str, layout: u32, damaged: &[String], aside: &[String]) -> CheckFinding {
    let of_identity = |name: &String| name.starts_with("identity");
    let names = || damaged.iter().chain(aside);
    let detail = Names::of(names());
    if names().any(of_identity) {
        let summary = match damaged.iter().any(of_identity) {
            true => StateMessage::IdentityDamaged,
            false => StateMessage::IdentityRewritten,
        };
        return CheckFinding::warn(Code::IdentityDamaged, summary).detail(detail);
    }
    match damaged.len() + aside.len() {
        0 => {
            let (path, layout) = (path.to_owned(), layout.into());
            CheckFinding::pass(Check::State, StateMessage::Writable { path, layout })
        }
        number => {
            let count = number as u64;
            let summary = StateMessage::Unopened { count };
            CheckFinding::warn(Code::StateQuarantined, summary).detail(detail)
        }
    }
}

impl Disk {
    fn judge(&self) -> CheckFinding {
        let Some(free) = self.free else {
            let path = self.path.clone();
            return CheckFinding::fail(Code::StateIo, StateMessage::Unmeasured { path });
        };
        let summary = StateMessage::Free {
            free: Bytes(free),
            reserve: Bytes(self.reserve),
        };
        match DiskRoom::of(free, self.reserve) {
            _ if !self.takes_files => CheckFinding::fail(Code::DiskInodes, StateMessage::NoInodes),
            DiskRoom::Full => CheckFinding::fail(Code::DiskFull, summary),
            DiskRoom::Short => CheckFinding::warn(Code::DiskReserve, summary),
            DiskRoom::Enough => CheckFinding::pass(Check::Disk, summary),
        }
    }
}

impl IndexState {
    fn judge(&self) -> CheckFinding {
        match self {
            Self::Opens => CheckFinding::pass(Check::Store, StateMessage::StoreOpens),
            Self::Used => CheckFinding::pass(Check::Store, StateMessage::StoreUsed),
            Self::Damaged(path) => {
                let path = path.clone();
                CheckFinding::fail(Code::StoreFailed, StateMessage::StoreDamaged { path })
            }
            Self::Late => CheckFinding::warn(Code::DoctorLate, StateMessage::StoreLate),
            Self::Failing(told) => told.fails(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Localized;

    #[test]
    fn disk_is_judged_by_the_reserve() {
        let codes = [
            (Some(2 << 30), true),
            (Some(1 << 29), true),
            (Some(1 << 20), true),
            (Some(2 << 30), false),
            (None, true),
        ]
        .map(|(free, takes_files)| {
            let disk = Disk {
                path: "/var".into(),
                free,
                reserve: 1 << 30,
                takes_files,
            };
            disk.judge().code
        });
        assert_eq!(
            codes,
            [
                Code::DiskSpace,
                Code::DiskReserve,
                Code::DiskFull,
                Code::DiskInodes,
                Code::StateIo
            ]
        );
    }

    #[test]
    fn a_missing_key_of_the_configuration_is_told_first_and_hides_no_other_fault() {
        let facts = Facts {
            url: true,
            opened: true,
            enrolled: true,
            ..Facts::default()
        };
        let mut seen = Observations {
            facts,
            config: Some(Ok("https://central.example/".into())),
            missing: vec![ReportedFault::new(Code::ConfigNoOrganisation, "set it")],
            ..Observations::default()
        };
        let first = |seen: &Observations| judge(seen).remove(0).code;
        assert_eq!(first(&seen), Code::ConfigNoOrganisation);
        seen.way.interfaces = Some(Vec::new());
        let failed: Vec<CodeName> = judge(&seen)
            .into_iter()
            .filter(|finding| {
                finding.status == CheckStatus::Fail && finding.code != Code::DoctorLate
            })
            .map(|finding| finding.code)
            .collect();
        assert_eq!(failed, [Code::ConfigNoOrganisation, Code::NetNoLink]);
    }

    #[test]
    fn what_the_daemon_cannot_read_is_told_though_the_command_can() {
        let seen = Observations {
            config: Some(Ok("https://central.example/".into())),
            of_daemon: Some(ReportedFault::new(
                Code::ConfigFile,
                "/etc/x.toml: cannot be read",
            )),
            ..Observations::default()
        };
        let told = judge(&seen).remove(0);
        assert_eq!(
            (told.code.known(), &*told.summary.english()),
            (Some(Code::ConfigFile), "/etc/x.toml: cannot be read")
        );
    }

    #[test]
    fn whoever_may_not_act_for_the_box_hears_that_and_not_which_file_he_cannot_read() {
        let unread = || ReportedFault::new(Code::ConfigFile, "/etc/x.toml: cannot be read");
        let failed = |seen: &Observations| -> Vec<CodeName> {
            let told = judge(seen).into_iter();
            let failed = told.filter(|finding| {
                finding.status == CheckStatus::Fail && finding.code != Code::DoctorLate
            });
            failed.map(|finding| finding.code).collect()
        };
        let mut seen = Observations {
            config: Some(Err(unread())),
            state: Some(StateFolder::Failed(ReportedFault::new(
                Code::StateOwner,
                "another user's",
            ))),
            ..Observations::default()
        };
        assert_eq!(failed(&seen), [Code::StateOwner]);
        // What is written in a file that he can read is wrong whoever he is, and so is the file for everybody else.
        seen.config = Some(Err(ReportedFault::new(Code::ConfigSyntax, "no TOML")));
        assert_eq!(failed(&seen)[0], Code::ConfigSyntax);
        seen.config = Some(Err(unread()));
        seen.state = Some(StateFolder::Locked("/var/lib/boxsync".into()));
        assert_eq!(failed(&seen), [Code::ConfigFile]);
    }

    #[test]
    fn a_file_of_metrics_that_cannot_be_written_fails_nothing() {
        let mut seen = Observations {
            config: Some(Ok("https://central.example/".into())),
            textfile: Some(ReportedFault::new(Code::ConfigTextfile, "no such folder")),
            ..Observations::default()
        };
        let told = seen.config().unwrap();
        assert_eq!(
            (told.status, told.code.known()),
            (CheckStatus::Warn, Some(Code::ConfigTextfile))
        );
        // So does a Pushgateway that takes none.
        seen.textfile = None;
        seen.push = Some(ReportedFault::new(Code::MetricsPush, "no way to it"));
        let told = seen.config().unwrap();
        assert_eq!(
            (told.status, told.code.known()),
            (CheckStatus::Warn, Some(Code::MetricsPush))
        );
        // What stops synchronizations is told first.
        seen.missing = vec![ReportedFault::new(Code::ConfigNoVersion, "no version")];
        let told = seen.config().unwrap();
        assert_eq!(told.code.known(), Some(Code::ConfigNoVersion));
    }

    #[test]
    fn what_was_seen_survives_json() {
        let seen = Observations {
            config: Some(Err(ReportedFault::new(Code::ConfigSyntax, "a\nb"))),
            state: Some(StateFolder::Locked("/var".into())),
            key: Some(Ok(true)),
            store: Some(IndexState::Damaged("/var/index".into())),
            ..Observations::default()
        };
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Observations>(&text).unwrap(), seen);
        assert_eq!(seen.config().unwrap().json()["detail"], "b");
    }
}
