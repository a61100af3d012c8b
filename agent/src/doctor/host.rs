//! What the host says: the service of systemd, and whether the index store opens, each asked in a process of its own.
//! Never starts, stops or repairs anything.
//! Called by `doctor`.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use logic::fault::Code;
use logic::health::verdict::counted;
use logic::health::{Check, Finding, Step};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Found, limit, made};
use crate::own;
use crate::root::{Root, failing};
use crate::vault::index::{Probed, Turn};

/// Opens the index store in a child: a damaged one may panic. Under the lock of the store, so that no run takes the
/// child's hold of it for damage, and none is taken for damage by the child.
pub(super) async fn store(steps: &[Step], root: &Root, found: &Found) {
    if !made(steps, Check::Store) {
        return;
    }
    let state = root.state();
    let path = state.join("index");
    let late = || Finding::warn(Code::DoctorLate, "the index store takes long to open");
    let used = || Finding::pass(Check::Store, "in use by a running boxsync");
    let turn = match Turn::take(&state, Duration::ZERO) {
        Err(trouble) if trouble.code == Code::StateBusy => return found.tell(Check::Store, used()),
        // A folder that cannot be written to is told by its own check; the store can be read all the same.
        turn => turn.ok(),
    };
    let child = Command::from(own::command("probe-store"))
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    let probed = timeout(limit(steps, Check::Store), child).await;
    drop(turn);
    let is_open = matches!(&probed, Ok(Ok(status)) if Probed::of(*status) == Probed::Opens);
    let failing = (!is_open).then(|| failing(&path)).flatten();
    let finding = match probed.map(|status| status.map(Probed::of)) {
        // No damage: the disk does not give it.
        _ if failing.is_some() => {
            let reason = failing.map_or_else(String::new, |trouble| trouble.reason);
            Finding::fail(Code::DiskFailing, reason)
        }
        Ok(Ok(Probed::Opens)) => Finding::pass(Check::Store, "opens"),
        Ok(Ok(Probed::Busy)) => used(),
        Ok(Ok(Probed::Damaged)) => Finding::fail(
            Code::StoreFailed,
            format!("{}: does not open: it is damaged", path.display()),
        ),
        Ok(Ok(Probed::Unreadable) | Err(_)) | Err(_) => late(),
    };
    found.tell(Check::Store, finding);
}

/// What systemd says of the service.
pub(super) async fn unit(steps: &[Step], found: &Found) {
    if !made(steps, Check::Unit) {
        return;
    }
    let asked = Command::new("systemctl")
        .args([
            "show",
            "boxsync.service",
            "--property=LoadState,ActiveState,SubState,Result,NRestarts,WatchdogUSec,UnitFileState",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let finding = match timeout(limit(steps, Check::Unit), asked).await {
        Ok(Ok(output)) if output.status.success() => {
            judge(&String::from_utf8_lossy(&output.stdout))
        }
        Ok(_) => Finding::skip(Check::Unit, "systemctl does not answer"),
        Err(_) => Finding::warn(Code::DoctorLate, "systemctl does not answer in time"),
    };
    found.tell(Check::Unit, finding);
}

fn judge(text: &str) -> Finding {
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let state = format!("{} ({})", field("ActiveState"), field("SubState"));
    let restarts: u64 = field("NRestarts").parse().unwrap_or(0);
    let watchdog = match field("WatchdogUSec") {
        "" | "0" | "infinity" => "no watchdog".to_owned(),
        every => format!("watchdog {every}"),
    };
    match (field("LoadState"), field("ActiveState")) {
        ("not-found", _) => Finding::skip(Check::Unit, "boxsync is not installed as a service"),
        (_, "failed") => {
            let summary = format!("the service has failed: {}", field("Result"));
            Finding::fail(Code::UnitFailed, summary)
                .detail(counted(restarts, "restart", "restarts"))
        }
        (_, "active" | "activating" | "reloading") if restarts > 0 => {
            let often = match restarts {
                1 => "once".to_owned(),
                often => format!("{often} times"),
            };
            let summary = format!("{state}, restarted {often} since it was started");
            Finding::warn(Code::UnitRestarts, summary).detail(watchdog)
        }
        (_, "active" | "activating" | "reloading") => {
            Finding::pass(Check::Unit, format!("{state}, {watchdog}"))
        }
        _ => Finding::warn(Code::UnitDown, format!("the service is {state}"))
            .detail(format!("at boot: {}", field("UnitFileState"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_judged_by_what_systemd_shows() {
        let table = [
            (
                "LoadState=not-found\nActiveState=inactive\n",
                Code::UnitState,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n",
                Code::UnitState,
            ),
            (
                "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=3\n",
                Code::UnitRestarts,
            ),
            (
                "LoadState=loaded\nActiveState=failed\nResult=watchdog\n",
                Code::UnitFailed,
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nSubState=dead\n",
                Code::UnitDown,
            ),
        ];
        for (text, code) in table {
            assert_eq!(judge(text).code, code, "{text}");
        }
    }
}
