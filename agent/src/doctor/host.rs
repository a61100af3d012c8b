//! What the host says: the service of systemd, and whether the index store opens, each asked in a process of its own.
//! Never starts, stops or repairs anything, and never judges: `logic::health` does.
//! Called by `doctor`.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use logic::fault::Code;
use logic::health::seen::IndexState;
use logic::health::unit::{PROPERTIES, Unit, needed};
use logic::health::{Check, PlannedCheck};
use tokio::process::Command;
use tokio::time::timeout;

use super::{SeenSoFar, limit, made};
use system::own;
use system::root::{Root, failing};
use vault::index::{IndexLock, Probed};

/// systemctl answers at once, or its bus hangs.
const UNIT: Duration = Duration::from_secs(3);

/// Opens the index store in a child: a damaged one may panic. Under the lock of the store, so that no run takes the
/// child's hold of it for damage, and none is taken for damage by the child.
pub(super) async fn store(steps: &[PlannedCheck], root: &Root, found: &SeenSoFar) {
    if !made(steps, Check::Store) {
        return;
    }
    let state = root.state();
    let path = state.join("index");
    let turn = match IndexLock::take(&state, Duration::ZERO) {
        Err(trouble) if trouble.code == Code::StateBusy => {
            return found.see(|seen| seen.store = Some(IndexState::Used));
        }
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
    let probed = probed.map(|status| status.map(Probed::of));
    let store = match (failing, probed) {
        // No damage: the disk does not give it.
        (Some(trouble), _) => IndexState::Failing(trouble.into()),
        (None, probed) => of(probed, &path),
    };
    found.see(|seen| seen.store = Some(store));
}

/// What came of a look at the store; an error is one of time, or of starting the look.
fn of<T, U>(probed: Result<Result<Probed, T>, U>, path: &Path) -> IndexState {
    match probed {
        Ok(Ok(Probed::Opens)) => IndexState::Opens,
        Ok(Ok(Probed::Busy)) => IndexState::Used,
        Ok(Ok(Probed::Damaged)) => IndexState::Damaged(path.display().to_string()),
        Ok(Ok(Probed::Unreadable) | Err(_)) | Err(_) => IndexState::Late,
    }
}

/// What systemd says of the service. Asked before root's rights are given up: the files that a unit names are root's.
pub(super) async fn unit(found: &SeenSoFar) {
    let property = format!("--property={PROPERTIES}");
    let asked = Command::new("systemctl")
        .args(["show", "boxsync.service", &property])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let unit = match timeout(UNIT, asked).await {
        Ok(Ok(output)) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let files = needed(&text).into_iter();
            let unreadable = files
                .filter(|file| File::open(file).is_err())
                .map(str::to_owned)
                .collect();
            Unit::Shown { text, unreadable }
        }
        Ok(_) => Unit::Silent,
        Err(_) => Unit::Late,
    };
    found.see(|seen| seen.unit = Some(unit));
}
