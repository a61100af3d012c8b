//! Whether an exam runs on this box: a signal with an end, below the folder that a boot empties.
//! Never believes a signal of an earlier boot, and never one without an end.
//! Written by the local API for the delivery engine; read by the gate of downloads.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use logic::fault::Fault;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::root::{Root, trouble};

/// No signal lasts longer: a delivery engine that died must not stop the downloads for ever.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);

#[derive(Serialize, Deserialize)]
struct Signal {
    /// The boot that it counts for.
    boot: String,
    /// Milliseconds since that boot.
    until_ms: u64,
}

fn path(root: &Root) -> PathBuf {
    root.socket().with_file_name("exam")
}

/// The kernel's name of this boot; on a kernel without one all boots are alike.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// An exam runs for at most `lasts` from now, or none runs.
///
/// # Errors
/// What the file system says.
pub fn signal(root: &Root, lasts: Option<Duration>) -> Result<(), Fault> {
    let path = path(root);
    let Some(lasts) = lasts else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(trouble(&path, "remove", &error))
            }
            _ => Ok(()),
        };
    };
    let until = clock::now().mono + lasts.min(LONGEST);
    let signal = Signal {
        boot: boot(),
        until_ms: until.as_millis() as u64,
    };
    let text = serde_json::to_vec(&signal).expect("plain data always serialises");
    // A reader sees the old signal or the new one; nothing has to survive a power cut.
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(|error| trouble(&path, "write", &error))
}

/// How long the running exam may still take; `None` when none runs.
pub fn running(root: &Root) -> Option<Duration> {
    let text = crate::root::read_at_most(&path(root), 64 << 10).ok()?;
    let signal: Signal = serde_json::from_slice(&text).ok()?;
    let left = Duration::from_millis(signal.until_ms).checked_sub(clock::now().mono)?;
    (signal.boot == boot() && !left.is_zero()).then_some(left.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_by_itself_by_word_and_by_a_boot() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        fs::create_dir_all(root.socket().parent().unwrap()).unwrap();
        assert_eq!(running(&root), None);
        signal(&root, Some(Duration::from_secs(3600))).unwrap();
        let left = running(&root).unwrap();
        assert!(left > Duration::from_secs(3500) && left <= Duration::from_secs(3600));
        signal(&root, Some(Duration::MAX / 2)).unwrap();
        assert!(running(&root).unwrap() <= LONGEST);
        signal(&root, Some(Duration::ZERO)).unwrap();
        assert_eq!(running(&root), None);
        signal(&root, None).unwrap();
        signal(&root, None).unwrap();
        assert_eq!(running(&root), None);
        fs::write(
            path(&root),
            r#"{"boot":"another","until_ms":18446744073709551615}"#,
        )
        .unwrap();
        assert_eq!(running(&root), None);
        fs::write(path(&root), "torn").unwrap();
        assert_eq!(running(&root), None);
    }
}
