//! What systemd says of the service, and what it means.
//! Never asks systemd: the text of `systemctl show` is an argument.
//! Called by `seen`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::{ExitCause, Names, UnitMessage, UnitState, Watchdog};
use super::{Check, CheckFinding};
use crate::fault::Code;

/// What `systemctl show` has to tell, by its names.
pub const PROPERTIES: &str = "LoadState,LoadError,ActiveState,SubState,Result,ExecMainStatus,NRestarts,WatchdogUSec,\
                              UnitFileState,EnvironmentFiles,FragmentPath,DropInPaths";

/// What was seen of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// What `systemctl show` told, a line a property.
    Shown {
        /// The lines.
        text: String,
        /// Files that it names and that cannot be read.
        unreadable: Vec<String>,
    },
    /// systemctl is missing or failed.
    Silent,
    /// systemctl did not answer in time.
    Late,
}

/// The files that have to be there for the service to start: `EnvironmentFile=` without a `-`.
pub fn needed(text: &str) -> Vec<&str> {
    let files = text
        .lines()
        .filter_map(|line| line.strip_prefix("EnvironmentFiles="));
    files
        .filter_map(|file| file.strip_suffix(" (ignore_errors=no)"))
        .collect()
}

impl Unit {
    /// What it means.
    pub fn judge(&self) -> CheckFinding {
        match self {
            Self::Silent => CheckFinding::skip(Check::Unit, UnitMessage::NoAnswer),
            Self::Late => CheckFinding::warn(Code::DoctorLate, UnitMessage::LateAnswer),
            Self::Shown { text, unreadable } => shown(text, unreadable),
        }
    }
}

fn shown(text: &str, unreadable: &[String]) -> CheckFinding {
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let files = [field("FragmentPath"), field("DropInPaths")].join(" ");
    let files = Some(files.trim()).filter(|files| !files.is_empty());
    let files = files.map(|files| Names::of([files]));
    match field("LoadState") {
        "not-found" => {
            return CheckFinding::skip(Check::Unit, UnitMessage::NotInstalled);
        }
        "masked" => return CheckFinding::fail(Code::UnitMasked, UnitMessage::Masked),
        "bad-setting" | "error" => {
            // The name of an error of D-Bus, then the words for it in quotation marks.
            let why = field("LoadError").split('"').nth(1).unwrap_or_default();
            let summary = match why {
                "" => UnitMessage::Unloadable,
                why => UnitMessage::UnloadableFor { why: why.into() },
            };
            return CheckFinding::fail(Code::UnitUnusable, summary).details(files);
        }
        _ => {}
    }
    let state = UnitState {
        active: field("ActiveState").into(),
        sub: field("SubState").into(),
    };
    let runs = ["active", "reloading"].contains(&field("ActiveState"));
    if let Some(file) = unreadable.first().filter(|_| !runs) {
        let summary = UnitMessage::Unreadable { file: file.clone() };
        return CheckFinding::fail(Code::UnitUnreadable, summary).details(files);
    }
    let restarts: u64 = field("NRestarts").parse().unwrap_or(0);
    let watchdog = match field("WatchdogUSec") {
        "" | "0" | "infinity" => Watchdog::Without,
        every => Watchdog::Every { time: every.into() },
    };
    match field("ActiveState") {
        "failed" => {
            let word = field("Result").to_owned();
            let why = why(field("ExecMainStatus")).unwrap_or(ExitCause::Result { word });
            CheckFinding::fail(Code::UnitFailed, UnitMessage::Failed { why })
                .detail(UnitMessage::Restarts { count: restarts })
        }
        "active" | "activating" | "reloading" if restarts > 0 => {
            let count = restarts;
            let summary = match count {
                1 => UnitMessage::RestartedOnce { state },
                _ => UnitMessage::Restarted { state, count },
            };
            let detail = match why(field("ExecMainStatus")) {
                Some(why) => UnitMessage::EndedWith { why },
                None => UnitMessage::WatchedBy { watchdog },
            };
            CheckFinding::warn(Code::UnitRestarts, summary).detail(detail)
        }
        "active" | "activating" | "reloading" => {
            CheckFinding::pass(Check::Unit, UnitMessage::Runs { state, watchdog })
        }
        _ => {
            let setting = field("UnitFileState").to_owned();
            CheckFinding::warn(Code::UnitDown, UnitMessage::Down { state })
                .detail(UnitMessage::AtBoot { setting })
        }
    }
}

/// What systemd itself means by an exit status (systemd.exec(5), "Process Exit Codes").
fn why(status: &str) -> Option<ExitCause> {
    Some(match status {
        "203" => ExitCause::NoProgram,
        "217" => ExitCause::NoUser,
        "226" => ExitCause::NoNamespace,
        "238" => ExitCause::NoStateFolder,
        "243" => ExitCause::NoCredentials,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::CheckStatus;
    use crate::language::Localized;

    #[test]
    fn the_service_is_judged_by_what_systemd_shows() {
        let table = [
            (
                "LoadState=not-found\nActiveState=inactive\n",
                Code::UnitState,
                CheckStatus::Skip,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n",
                Code::UnitState,
                CheckStatus::Pass,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=3\n",
                Code::UnitRestarts,
                CheckStatus::Warn,
            ),
            (
                "LoadState=loaded\nActiveState=failed\nResult=watchdog\n",
                Code::UnitFailed,
                CheckStatus::Fail,
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nSubState=dead\n",
                Code::UnitDown,
                CheckStatus::Warn,
            ),
            (
                "LoadState=masked\nActiveState=inactive\nSubState=dead\nUnitFileState=masked\n",
                Code::UnitMasked,
                CheckStatus::Fail,
            ),
            // Masked while it ran: it goes on until the next boot, which is when it is missed.
            (
                "LoadState=masked\nActiveState=active\nSubState=running\n",
                Code::UnitMasked,
                CheckStatus::Fail,
            ),
            (
                "LoadState=bad-setting\nActiveState=inactive\n",
                Code::UnitUnusable,
                CheckStatus::Fail,
            ),
        ];
        for (text, code, status) in table {
            let unit = Unit::Shown {
                text: text.into(),
                unreadable: Vec::new(),
            };
            let told = unit.judge();
            assert_eq!(
                (told.code.known(), told.status),
                (Some(code), status),
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_that_the_unit_names_is_told_where_the_service_does_not_run() {
        let text = |state: &str| {
            format!(
                "LoadState=loaded\nActiveState={state}\nResult=resources\n\
                 EnvironmentFiles=/etc/default/boxsync (ignore_errors=no)\n\
                 EnvironmentFiles=/etc/default/maybe (ignore_errors=yes)\n\
                 FragmentPath=/lib/systemd/system/boxsync.service\nDropInPaths=/etc/a.conf\n"
            )
        };
        assert_eq!(needed(&text("failed")), ["/etc/default/boxsync"]);
        let told = |state: &str| {
            let unit = Unit::Shown {
                text: text(state),
                unreadable: vec!["/etc/default/boxsync".into()],
            };
            unit.judge()
        };
        assert_eq!(told("failed").code, Code::UnitUnreadable);
        assert!(
            told("failed")
                .summary
                .english()
                .starts_with("/etc/default/boxsync: ")
        );
        assert!(
            told("failed").json()["detail"]
                .as_str()
                .unwrap()
                .ends_with("/etc/a.conf")
        );
        assert_eq!(told("active").status, CheckStatus::Pass);
    }

    #[test]
    fn why_it_failed_is_told_in_words_where_systemd_has_a_number() {
        let unit = Unit::Shown {
            text: "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=217\n"
                .into(),
            unreadable: Vec::new(),
        };
        assert_eq!(
            unit.judge().summary.english(),
            "the service has failed: the user that it runs as does not exist"
        );
    }
}
