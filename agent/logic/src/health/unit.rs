//! What systemd says of the service, and what it means.
//! Never asks systemd: the text of `systemctl show` is an argument.
//! Called by `seen`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::verdict::counted;
use super::{Check, Finding};
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
    pub fn judge(&self) -> Finding {
        match self {
            Self::Silent => Finding::skip(Check::Unit, "systemctl does not answer"),
            Self::Late => Finding::warn(Code::DoctorLate, "systemctl does not answer in time"),
            Self::Shown { text, unreadable } => shown(text, unreadable),
        }
    }
}

fn shown(text: &str, unreadable: &[String]) -> Finding {
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let files = [field("FragmentPath"), field("DropInPaths")]
        .join(" ")
        .trim()
        .to_owned();
    match field("LoadState") {
        "not-found" => {
            return Finding::skip(Check::Unit, "boxsync is not installed as a service");
        }
        "masked" => return Finding::fail(Code::UnitMasked, "the service is masked"),
        "bad-setting" | "error" => {
            // The name of an error of D-Bus, then the words for it in quotation marks.
            let why = field("LoadError").split('"').nth(1).unwrap_or_default();
            let summary = match why {
                "" => "systemd cannot load the unit of the service".to_owned(),
                why => format!("systemd cannot load the unit of the service: {why}"),
            };
            return Finding::fail(Code::UnitUnusable, summary).detail(files);
        }
        _ => {}
    }
    let state = format!("{} ({})", field("ActiveState"), field("SubState"));
    let runs = ["active", "reloading"].contains(&field("ActiveState"));
    if let Some(file) = unreadable.first().filter(|_| !runs) {
        let summary = format!("{file}: the unit names it, and it cannot be read");
        return Finding::fail(Code::UnitUnreadable, summary).detail(files);
    }
    let restarts: u64 = field("NRestarts").parse().unwrap_or(0);
    let watchdog = match field("WatchdogUSec") {
        "" | "0" | "infinity" => "no watchdog".to_owned(),
        every => format!("watchdog {every}"),
    };
    match field("ActiveState") {
        "failed" => {
            let why = why(field("ExecMainStatus")).unwrap_or(field("Result"));
            let summary = format!("the service has failed: {why}");
            Finding::fail(Code::UnitFailed, summary)
                .detail(counted(restarts, "restart", "restarts"))
        }
        "active" | "activating" | "reloading" if restarts > 0 => {
            let often = match restarts {
                1 => "once".to_owned(),
                often => format!("{often} times"),
            };
            let summary = format!("{state}, restarted {often} since it was started");
            let why = why(field("ExecMainStatus")).unwrap_or(&watchdog);
            Finding::warn(Code::UnitRestarts, summary).detail(why)
        }
        "active" | "activating" | "reloading" => {
            Finding::pass(Check::Unit, format!("{state}, {watchdog}"))
        }
        _ => Finding::warn(Code::UnitDown, format!("the service is {state}"))
            .detail(format!("at boot: {}", field("UnitFileState"))),
    }
}

/// What systemd itself means by an exit status (systemd.exec(5), "Process Exit Codes").
fn why(status: &str) -> Option<&'static str> {
    Some(match status {
        "203" => "its program is missing or is no program",
        "217" => "the user that it runs as does not exist",
        "226" => "a folder that it needs or may not see cannot be set up",
        "238" => "its folder in /var/lib cannot be made",
        "243" => "its credentials cannot be read",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn the_service_is_judged_by_what_systemd_shows() {
        let table = [
            (
                "LoadState=not-found\nActiveState=inactive\n",
                Code::UnitState,
                Status::Skip,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n",
                Code::UnitState,
                Status::Pass,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=3\n",
                Code::UnitRestarts,
                Status::Warn,
            ),
            (
                "LoadState=loaded\nActiveState=failed\nResult=watchdog\n",
                Code::UnitFailed,
                Status::Fail,
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nSubState=dead\n",
                Code::UnitDown,
                Status::Warn,
            ),
            (
                "LoadState=masked\nActiveState=inactive\nSubState=dead\nUnitFileState=masked\n",
                Code::UnitMasked,
                Status::Fail,
            ),
            // Masked while it ran: it goes on until the next boot, which is when it is missed.
            (
                "LoadState=masked\nActiveState=active\nSubState=running\n",
                Code::UnitMasked,
                Status::Fail,
            ),
            (
                "LoadState=bad-setting\nActiveState=inactive\n",
                Code::UnitUnusable,
                Status::Fail,
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
        assert!(told("failed").summary.starts_with("/etc/default/boxsync: "));
        assert!(told("failed").detail.ends_with("/etc/a.conf"));
        assert_eq!(told("active").status, Status::Pass);
    }

    #[test]
    fn why_it_failed_is_told_in_words_where_systemd_has_a_number() {
        let unit = Unit::Shown {
            text: "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=217\n"
                .into(),
            unreadable: Vec::new(),
        };
        assert_eq!(
            unit.judge().summary,
            "the service has failed: the user that it runs as does not exist"
        );
    }
}
