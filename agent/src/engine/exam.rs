//! Whether an exam runs on this box: signals with an end, each of whoever gave it, below the folder that a boot empties.
//! Never believes a signal of an earlier boot, never one without an end, and never ends that of another one.
//! Written by the local API for the delivery engine; read by the gate of downloads.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use logic::fault::{Fault, FileAct};
use serde::{Deserialize, Serialize};

use system::clock;
use system::root::{Root, trouble};

/// No signal lasts longer: a delivery engine that died must not stop the downloads for ever.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Names that have a signal at once, at most.
pub const MOST: usize = 64;

#[derive(Serialize, Deserialize)]
struct Signal {
    /// The boot that it counts for.
    boot: String,
    /// Milliseconds since that boot: the latest end of all. The first release knows this one alone.
    until_ms: u64,
    /// The same of each name; that without a name is empty.
    #[serde(default)]
    names: BTreeMap<String, u64>,
}

fn path(root: &Root) -> PathBuf {
    root.socket().with_file_name("exam")
}

/// The kernel's name of this boot; on a kernel without one all boots are alike.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

fn now_ms() -> u64 {
    clock::now().mono.as_millis() as u64
}

/// The signals that last, by their names, with the time since boot at which each ends, milliseconds.
pub fn names(root: &Root) -> BTreeMap<String, u64> {
    let Some(signal) = read(root) else {
        return BTreeMap::new();
    };
    let mut names = signal.names;
    if names.is_empty() {
        names.insert(String::new(), signal.until_ms);
    }
    let now = now_ms();
    names.retain(|_, until| *until > now);
    names
}

fn read(root: &Root) -> Option<Signal> {
    let text = system::root::read_at_most(&path(root), 64 << 10).ok()?;
    let signal: Signal = serde_json::from_slice(&text).ok()?;
    (signal.boot == boot()).then_some(signal)
}

/// The exam of this name runs for at most `lasts` from now, or has ended; those of other names go on. `false` where too
/// many names have one.
///
/// # Errors
/// What the file system says.
pub fn signal(root: &Root, name: &str, lasts: Option<Duration>) -> Result<bool, Fault> {
    let path = path(root);
    let mut names = names(root);
    match lasts {
        None => {
            names.remove(name);
        }
        Some(_) if names.len() >= MOST && !names.contains_key(name) => return Ok(false),
        Some(lasts) => {
            let until = clock::now().mono + lasts.min(LONGEST);
            names.insert(name.to_owned(), until.as_millis() as u64);
        }
    }
    let Some(until_ms) = names.values().copied().max() else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(trouble(&path, FileAct::Remove, &error))
            }
            _ => Ok(true),
        };
    };
    let signal = Signal {
        boot: boot(),
        until_ms,
        names,
    };
    let text = serde_json::to_vec(&signal).expect("plain data always serialises");
    // A reader sees the old signal or the new one; nothing has to survive a power cut.
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, &path))
        .map(|()| true)
        .map_err(|error| trouble(&path, FileAct::Write, &error))
}

/// How long the exam may still take that ends last; `None` when none runs.
pub fn running(root: &Root) -> Option<Duration> {
    let signal = read(root)?;
    let left = Duration::from_millis(signal.until_ms).checked_sub(clock::now().mono)?;
    (!left.is_zero()).then_some(left.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn house() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        fs::create_dir_all(root.socket().parent().unwrap()).unwrap();
        (dir, root)
    }

    #[test]
    fn a_signal_ends_by_itself_by_word_and_by_a_boot() {
        let (_dir, root) = house();
        assert_eq!(running(&root), None);
        signal(&root, "", Some(HOUR)).unwrap();
        let left = running(&root).unwrap();
        assert!(left > Duration::from_secs(3500) && left <= HOUR);
        signal(&root, "", Some(Duration::MAX / 2)).unwrap();
        assert!(running(&root).unwrap() <= LONGEST);
        signal(&root, "", Some(Duration::ZERO)).unwrap();
        assert_eq!(running(&root), None);
        signal(&root, "", None).unwrap();
        signal(&root, "", None).unwrap();
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

    #[test]
    fn two_rooms_do_not_shorten_each_other() {
        let (_dir, root) = house();
        // As the first release wrote it.
        let until = now_ms() + 7_200_000;
        let old = format!("{{\"boot\":{:?},\"until_ms\":{until}}}", boot());
        fs::write(path(&root), old).unwrap();
        let over = |left: Duration| running(&root).is_some_and(|still| still > left);
        signal(&root, "room 1", Some(HOUR)).unwrap();
        assert!(over(HOUR), "the one without a name goes on");
        signal(&root, "", None).unwrap();
        assert!(over(HOUR / 2) && !over(HOUR));
        signal(&root, "room 2", Some(HOUR * 3)).unwrap();
        signal(&root, "room 1", Some(HOUR / 4)).unwrap();
        assert!(over(HOUR * 2), "the shorter one shortens its own alone");
        signal(&root, "room 2", None).unwrap();
        assert!(over(HOUR / 8) && !over(HOUR / 4));
        signal(&root, "room 1", None).unwrap();
        assert_eq!(running(&root), None);
        for number in 0..MOST {
            assert!(signal(&root, &number.to_string(), Some(HOUR)).unwrap());
        }
        assert!(!signal(&root, "one more", Some(HOUR)).unwrap());
        assert!(signal(&root, "0", Some(HOUR)).unwrap());
    }
}
