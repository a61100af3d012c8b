//! Whether the service that systemd should run here does: told by the verbs whose words depend on it.
//! Never starts or stops anything, and never waits long for systemctl.
//! Called by `status`, `results` and `sync`.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use logic::fault::{Code, Fault, ServiceCause};
use tokio::process::Command;

use super::runtime;
use super::screen::Screen;
use crate::doctor::is_served;
use crate::socket::client;
use system::root::Root;

/// systemctl answers at once, or its bus hangs.
const SYSTEMCTL_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nothing is synchronized by itself, where systemd should see to that: the service has failed, or does not run.
pub(super) fn trouble(root: &Root) -> Option<Fault> {
    if answers(root) {
        return silent(root);
    }
    if !is_served(root) {
        return None;
    }
    Some(match has_failed() {
        true => Fault::new(Code::UnitFailed, ServiceCause::Failed),
        false => Fault::new(Code::UnitDown, ServiceCause::Down),
    })
}

/// Why a daemon that is there is as good as none: it does not answer.
pub(super) fn silent(root: &Root) -> Option<Fault> {
    let asked = answers(root).then(|| runtime(client::awake(root)));
    asked.and_then(Result::err)
}

/// The same beside the words of a verb, with its remedy.
pub(super) fn tell(root: &Root, screen: &Screen) {
    if let Some(trouble) = trouble(root) {
        screen.notice(&trouble);
    }
}

/// Whether a daemon is there; one that does not speak with this user is.
fn answers(root: &Root) -> bool {
    match UnixStream::connect(root.socket()) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        ),
    }
}

/// Whether systemd has given it up; where systemd does not say, it has not.
fn has_failed() -> bool {
    let asked = async {
        let mut systemctl = Command::new("systemctl");
        systemctl
            .args(["is-failed", "--quiet", "boxsync.service"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        systemctl.status().await
    };
    let asked = runtime(async { tokio::time::timeout(SYSTEMCTL_TIMEOUT, asked).await });
    matches!(asked, Ok(Ok(status)) if status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_daemon_that_listens_is_there_and_one_that_ended_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        assert!(!answers(&root));
        std::fs::create_dir_all(root.socket().parent().unwrap()).unwrap();
        let listener = UnixListener::bind(root.socket()).unwrap();
        assert!(answers(&root));
        drop(listener);
        assert!(!answers(&root), "its socket stays behind");
        // Not of the root that systemd serves: nothing is said.
        assert_eq!(trouble(&root).map(|trouble| trouble.code), None);
    }
}
