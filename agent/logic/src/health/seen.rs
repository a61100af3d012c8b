//! Everything that was seen of a box, as one value, and what it means: a finding for each check, causes before effects.
//! Never looks at the world: `agent/doctor` fills the value, and a thing that was not looked at is empty in it.
//! Called by `doctor`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clock::{self, Vouched};
use super::holdings::Holdings;
use super::talk::Talk;
use super::unit::Unit;
use super::verdict::counted;
use super::way::Way;
use super::{Check, Facts, Finding, Status, fold, plan};
use crate::fault::{Code, CodeName, Fault};

/// Below this much free disk nothing works any more, in bytes.
const ALMOST_FULL: u64 = 64 << 20;

/// A failure as it was told: its code and the words for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The code.
    pub code: CodeName,
    /// In words.
    pub reason: String,
}

impl Told {
    /// A failure.
    pub fn new(code: impl Into<CodeName>, reason: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            reason: reason.into(),
        }
    }

    /// It is what a check found.
    pub fn fails(&self) -> Finding {
        // One mistake a line: the first is the summary.
        let (first, others) = self.reason.split_once('\n').unwrap_or((&self.reason, ""));
        Finding::fail(&self.code, first).detail(others)
    }
}

impl From<Fault> for Told {
    fn from(trouble: Fault) -> Self {
        Self::new(trouble.code, trouble.reason())
    }
}

/// What a daemon that runs uses to reach central, without secrets: its environment is not that of a shell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InForce {
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
    pub fault: Option<Told>,
}

/// What was seen of a box.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// What the plan depends on.
    pub facts: Facts,
    /// Where central is, or what is wrong with the configuration.
    pub config: Option<Result<String, Told>>,
    /// What is wrong with it as the daemon reads it, which runs as another user and with another environment.
    pub of_daemon: Option<Told>,
    /// Keys without which no synchronization works, and that nothing else tells.
    pub missing: Vec<Told>,
    /// Why the file of the metrics cannot be written, where one is configured.
    pub textfile: Option<Told>,
    /// The state folder.
    pub state: Option<State>,
    /// Whether the key lies beside the data; `None` when there is no key to look at.
    pub key: Option<Result<bool, Told>>,
    /// The volume of the state folder.
    pub disk: Option<Disk>,
    /// The index store.
    pub store: Option<Store>,
    /// The service.
    pub unit: Option<Unit>,
    /// The way to central.
    pub way: Way,
    /// What the times are compared with.
    pub time: Option<Vouched>,
    /// The talk with central.
    pub talk: Talk,
    /// Why there are no credentials.
    pub credentials: Option<Told>,
    /// What the box holds and owes.
    pub holdings: Option<Holdings>,
}

/// The state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
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
    Failed(Told),
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
pub enum Store {
    /// It opens.
    Opens,
    /// A boxsync that runs has it open.
    Used,
    /// It does not open; where it is.
    Damaged(String),
    /// It did not open in time.
    Late,
    /// The disk does not give it.
    Failing(String),
}

/// What it all means: findings with failures first, each in the order in which causes lie.
pub fn judge(seen: &Seen) -> Vec<Finding> {
    fold(&plan(&seen.facts), seen.found())
}

impl Seen {
    /// A finding for each check that tells something.
    fn found(&self) -> BTreeMap<Check, Finding> {
        let mut found = BTreeMap::new();
        found.extend(self.config().map(|finding| (Check::Config, finding)));
        found.extend(self.state.as_ref().map(|s| (Check::State, s.judge())));
        found.extend(self.key().map(|finding| (Check::Key, finding)));
        found.extend(self.disk.as_ref().map(|d| (Check::Disk, d.judge())));
        found.extend(self.store.as_ref().map(|s| (Check::Store, s.judge())));
        found.extend(self.unit.as_ref().map(|u| (Check::Unit, u.judge())));
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
                let failed = |other: &Finding| other.status == Status::Fail;
                if !(beside && found.get(&check).is_some_and(failed)) {
                    found.insert(check, finding);
                }
            }
        }
        found
    }

    fn config(&self) -> Option<Finding> {
        let root = match self.config.as_ref()? {
            Err(told) => return Some(told.fails()),
            Ok(root) => root,
        };
        if let Some(told) = &self.of_daemon {
            let finding = told.fails();
            let detail = format!(
                "so says the daemon; whoever runs this command can read it\n{}",
                finding.detail
            );
            return Some(finding.detail(detail.trim_end()));
        }
        Some(match self.missing.as_slice() {
            [] => {
                let central = format!("central is {root}");
                match &self.textfile {
                    // Nothing depends on it.
                    Some(told) => Finding::warn(&told.code, &told.reason).detail(central),
                    None => Finding::pass(Check::Config, central),
                }
            }
            [first, others @ ..] => {
                let others: Vec<&str> = others.iter().map(|told| told.reason.as_str()).collect();
                first.fails().detail(others.join("\n"))
            }
        })
    }

    /// A key that lies beside the data keeps nobody with the disk in hand from reading it; that is said, not blamed.
    fn key(&self) -> Option<Finding> {
        Some(match self.key.as_ref() {
            None if matches!(self.state, Some(State::New(_))) => {
                Finding::skip(Check::Key, "the box is new")
            }
            None => return None,
            Some(Err(told)) => told.fails(),
            Some(Ok(true)) => Finding::pass(Check::Key, "the key opens the data")
                .detail("the key lies beside the data: it does not protect a stolen disk"),
            Some(Ok(false)) => Finding::pass(
                Check::Key,
                "the key is a credential of systemd and opens the data",
            ),
        })
    }
}

impl State {
    fn judge(&self) -> Finding {
        match self {
            Self::New(path) => Finding::warn(
                Code::StateNew,
                format!("{path}: empty or missing, the box is new"),
            ),
            Self::Locked(path) => Finding::pass(Check::State, format!("{path}: there")),
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
fn opened(path: &str, layout: u32, damaged: &[String], aside: &[String]) -> Finding {
    let of_identity = |name: &String| name.starts_with("identity");
    let names = || damaged.iter().chain(aside);
    let detail: Vec<&str> = names().map(String::as_str).collect();
    let detail = detail.join(", ");
    if names().any(of_identity) {
        let summary = match damaged.iter().any(of_identity) {
            true => {
                "a copy of the box's identity does not open: the next synchronization writes it anew"
            }
            false => "a copy of the box's identity did not open and was written anew",
        };
        return Finding::warn(Code::IdentityDamaged, summary).detail(detail);
    }
    match damaged.len() + aside.len() {
        0 => Finding::pass(Check::State, format!("{path}: writable, layout {layout}")),
        number => {
            let summary = counted(
                number as u64,
                "file of the state folder did not open",
                "files of the state folder did not open",
            );
            Finding::warn(Code::StateQuarantined, summary).detail(detail)
        }
    }
}

impl Disk {
    fn judge(&self) -> Finding {
        let Some(free) = self.free else {
            return Finding::fail(Code::StateIo, format!("{}: cannot be measured", self.path));
        };
        let mib = |bytes: u64| bytes >> 20;
        let summary = format!(
            "{} MiB free, {} MiB kept for results",
            mib(free),
            mib(self.reserve)
        );
        if !self.takes_files {
            let summary = "the volume has room, but takes no more files (inodes)";
            Finding::fail(Code::DiskInodes, summary)
        } else if free < ALMOST_FULL {
            Finding::fail(Code::DiskFull, summary)
        } else if free < self.reserve {
            Finding::warn(Code::DiskReserve, summary)
        } else {
            Finding::pass(Check::Disk, summary)
        }
    }
}

impl Store {
    fn judge(&self) -> Finding {
        match self {
            Self::Opens => Finding::pass(Check::Store, "opens"),
            Self::Used => Finding::pass(Check::Store, "in use by a running boxsync"),
            Self::Damaged(path) => Finding::fail(
                Code::StoreFailed,
                format!("{path}: does not open: it is damaged"),
            ),
            Self::Late => Finding::warn(Code::DoctorLate, "the index store takes long to open"),
            Self::Failing(reason) => Finding::fail(Code::DiskFailing, reason.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut seen = Seen {
            facts,
            config: Some(Ok("https://central.example/".into())),
            missing: vec![Told::new(Code::ConfigNoOrganisation, "set it")],
            ..Seen::default()
        };
        let first = |seen: &Seen| judge(seen).remove(0).code;
        assert_eq!(first(&seen), Code::ConfigNoOrganisation);
        seen.way.interfaces = Some(Vec::new());
        let failed: Vec<CodeName> = judge(&seen)
            .into_iter()
            .filter(|finding| finding.status == Status::Fail && finding.code != Code::DoctorLate)
            .map(|finding| finding.code)
            .collect();
        assert_eq!(failed, [Code::ConfigNoOrganisation, Code::NetNoLink]);
    }

    #[test]
    fn what_the_daemon_cannot_read_is_told_though_the_command_can() {
        let seen = Seen {
            config: Some(Ok("https://central.example/".into())),
            of_daemon: Some(Told::new(Code::ConfigFile, "/etc/x.toml: cannot be read")),
            ..Seen::default()
        };
        let told = judge(&seen).remove(0);
        assert_eq!(
            (told.code.known(), told.summary.as_str()),
            (Some(Code::ConfigFile), "/etc/x.toml: cannot be read")
        );
    }

    #[test]
    fn a_file_of_metrics_that_cannot_be_written_fails_nothing() {
        let mut seen = Seen {
            config: Some(Ok("https://central.example/".into())),
            textfile: Some(Told::new(Code::ConfigTextfile, "no such folder")),
            ..Seen::default()
        };
        let told = seen.config().unwrap();
        assert_eq!(
            (told.status, told.code.known()),
            (Status::Warn, Some(Code::ConfigTextfile))
        );
        // What stops synchronizations is told first.
        seen.missing = vec![Told::new(Code::ConfigNoVersion, "no version")];
        let told = seen.config().unwrap();
        assert_eq!(told.code.known(), Some(Code::ConfigNoVersion));
    }

    #[test]
    fn what_was_seen_survives_json() {
        let seen = Seen {
            config: Some(Err(Told::new(Code::ConfigSyntax, "a\nb"))),
            state: Some(State::Locked("/var".into())),
            key: Some(Ok(true)),
            store: Some(Store::Damaged("/var/index".into())),
            ..Seen::default()
        };
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Seen>(&text).unwrap(), seen);
        assert_eq!(seen.config().unwrap().detail, "b");
    }
}
