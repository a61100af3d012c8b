//! Whether an exam runs on this box: signals with an end, each of whoever gave it, below the folder that a boot empties.
//! Never believes a signal of an earlier boot, never one without an end, and never ends that of another one.
//! Written by the local API for the delivery engine; read by runs, by the gate of downloads and by whoever shows it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logic::exam::termination::{EngineSignal, EngineSignals};
use logic::exam::{self, ExamUse, ExecutionCount, RunningExam};
use logic::fault::{Fault, FileAct};
use serde::{Deserialize, Serialize};

use system::clock;
use system::root::{Root, remove_file, trouble};

/// No signal lasts longer: a delivery engine that died must not stop the downloads for ever.
pub const MAX_EXAM_TTL: Duration = Duration::from_secs(12 * 3600);
/// Names that have a signal at once, at most.
pub const MAX_EXAM_SIGNALS: usize = 64;
/// All signals together, bytes.
pub const MAX_SIGNALS_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Signal {
    /// The boot that it counts for.
    boot: String,
    /// Milliseconds since that boot: the latest end of all. The first release knows this one alone.
    until_ms: u64,
    /// The same of each name; that without a name is empty.
    #[serde(default)]
    names: BTreeMap<String, u64>,
    /// What is sat, by the same names, where that is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    executions: BTreeMap<String, Vec<ExecutionCount>>,
}

/// One signal, as it is given.
#[derive(Debug, Default)]
pub struct ExamSignal<'a> {
    /// Whose; that without a name is empty.
    pub name: &'a str,
    /// For how long from now; `None`: it has ended.
    pub lasts: Option<Duration>,
    /// What is sat, where the delivery engine tells it.
    pub executions: Option<Vec<ExecutionCount>>,
}

fn path(root: &Root) -> PathBuf {
    root.socket().with_file_name("exam")
}

/// The kernel's name of this boot; on a kernel without one all boots are alike.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// Milliseconds since boot.
pub fn now_ms() -> u64 {
    clock::now().mono.as_millis() as u64
}

/// The signals that last, by their names, with the time since boot at which each ends, milliseconds.
pub fn names(root: &Root) -> BTreeMap<String, u64> {
    read(root).map_or_else(BTreeMap::new, |signal| signal.names)
}

/// The exam in progress: what it uses, and the executions that have not ended.
pub fn now(root: &Root) -> RunningExam {
    let Some(signal) = read(root) else {
        return RunningExam::default();
    };
    let executions = |name| signal.executions.get(name).map(Vec::as_slice);
    RunningExam {
        in_use: ExamUse::of(signal.names.keys().map(executions)),
        executions: exam::counts(signal.executions.values().flatten()),
    }
}

/// The signals that last, as an order to end executions sees them.
pub fn engines(root: &Root) -> EngineSignals {
    let Some(signal) = read(root) else {
        return EngineSignals::new();
    };
    let going_on = |name: &String| {
        let told = signal.executions.get(name)?;
        Some(exam::sum(&exam::counts(told)))
    };
    let names = signal.names.iter().map(|(name, until_ms)| {
        let engine = EngineSignal {
            until_ms: *until_ms,
            going_on: going_on(name),
        };
        (name.clone(), engine)
    });
    names.collect()
}

/// The signals that last; none of an earlier boot.
fn read(root: &Root) -> Option<Signal> {
    let text = system::root::read_at_most(&path(root), MAX_SIGNALS_BYTES as u64).ok()?;
    let mut signal: Signal = serde_json::from_slice(&text).ok()?;
    if signal.boot != boot() {
        return None;
    }
    if signal.names.is_empty() {
        signal.names.insert(String::new(), signal.until_ms);
    }
    let now = now_ms();
    signal.names.retain(|_, until| *until > now);
    let names = &signal.names;
    signal.executions.retain(|name, _| names.contains_key(name));
    Some(signal)
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalOutcome {
    /// It is noted.
    Noted,
    /// `MAX_EXAM_SIGNALS` names have one already.
    TooMany,
    /// Together with the others it would be longer than `MAX_SIGNALS_BYTES`.
    TooLong,
}

/// The exam of this name runs for at most `lasts` from now, or has ended; those of other names go on.
///
/// # Errors
/// What the file system says.
pub fn signal(root: &Root, given: ExamSignal) -> Result<SignalOutcome, Fault> {
    let path = path(root);
    let (mut names, mut executions) =
        read(root).map_or_else(Default::default, |held| (held.names, held.executions));
    let name = given.name;
    executions.remove(name);
    match given.lasts {
        None => {
            names.remove(name);
        }
        Some(_) if names.len() >= MAX_EXAM_SIGNALS && !names.contains_key(name) => {
            return Ok(SignalOutcome::TooMany);
        }
        Some(lasts) => {
            let until = clock::now().mono + lasts.min(MAX_EXAM_TTL);
            names.insert(name.to_owned(), until.as_millis() as u64);
            executions.extend(given.executions.map(|told| (name.to_owned(), told)));
        }
    }
    let Some(until_ms) = names.values().copied().max() else {
        return remove_file(&path).map(|()| SignalOutcome::Noted);
    };
    let signal = Signal {
        boot: boot(),
        until_ms,
        names,
        executions,
    };
    let text = serde_json::to_vec(&signal).expect("plain data always serialises");
    if text.len() > MAX_SIGNALS_BYTES {
        return Ok(SignalOutcome::TooLong);
    }
    // A reader sees the old signal or the new one; nothing has to survive a power cut.
    let beside = path.with_extension("new");
    write_own(&beside, &text)
        .and_then(|()| fs::rename(&beside, &path))
        .map(|()| SignalOutcome::Noted)
        .map_err(|error| trouble(&path, FileAct::Write, &error))
}

/// Who sits is nobody else's to read.
fn write_own(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let options = options.create(true).truncate(true).write(true).mode(0o600);
    options.open(path)?.write_all(text)
}

/// How long the exam may still take that ends last; `None` when none runs.
pub fn running(root: &Root) -> Option<Duration> {
    let signal = read(root)?;
    let left = Duration::from_millis(signal.until_ms).checked_sub(clock::now().mono)?;
    (!left.is_zero()).then_some(left.min(MAX_EXAM_TTL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(root: &Root, name: &str, lasts: Option<Duration>) -> bool {
        told(root, name, lasts) == SignalOutcome::Noted
    }

    fn told(root: &Root, name: &str, lasts: Option<Duration>) -> SignalOutcome {
        let given = ExamSignal {
            name,
            lasts,
            executions: None,
        };
        signal(root, given).unwrap()
    }

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
        say(&root, "", Some(HOUR));
        let left = running(&root).unwrap();
        assert!(left > Duration::from_secs(3500) && left <= HOUR);
        say(&root, "", Some(Duration::MAX / 2));
        assert!(running(&root).unwrap() <= MAX_EXAM_TTL);
        say(&root, "", Some(Duration::ZERO));
        assert_eq!(running(&root), None);
        say(&root, "", None);
        say(&root, "", None);
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
        say(&root, "room 1", Some(HOUR));
        assert!(over(HOUR), "the one without a name goes on");
        say(&root, "", None);
        assert!(over(HOUR / 2) && !over(HOUR));
        say(&root, "room 2", Some(HOUR * 3));
        say(&root, "room 1", Some(HOUR / 4));
        assert!(over(HOUR * 2), "the shorter one shortens its own alone");
        say(&root, "room 2", None);
        assert!(over(HOUR / 8) && !over(HOUR / 4));
        say(&root, "room 1", None);
        assert_eq!(running(&root), None);
        for number in 0..MAX_EXAM_SIGNALS {
            assert!(say(&root, &number.to_string(), Some(HOUR)));
        }
        assert_eq!(told(&root, "one more", Some(HOUR)), SignalOutcome::TooMany);
        assert!(say(&root, "0", Some(HOUR)));
    }

    #[test]
    fn what_is_sat_lasts_as_long_as_its_signal() {
        let (_dir, root) = house();
        let tell = |name, lasts, told: &[ExecutionCount]| {
            let executions = Some(told.to_vec());
            let given = ExamSignal {
                name,
                lasts,
                executions,
            };
            signal(&root, given).unwrap()
        };
        let text = br#"{"delivery":"d","state":"Active","count":3,"test_takers":["t"]}"#;
        let one: ExecutionCount = serde_json::from_slice(text).unwrap();
        tell("room 1", Some(HOUR), std::slice::from_ref(&one));
        let exam = now(&root);
        assert_eq!(exam::sum(&exam.executions), 3);
        assert!(matches!(&exam.in_use, ExamUse::Ids(ids) if ids.len() == 2));
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(path(&root)).unwrap());
        assert_eq!(mode & 0o077, 0);
        // A signal that tells nothing of what is sat holds back everything, as long as it lasts.
        say(&root, "room 2", Some(HOUR));
        assert_eq!(now(&root).in_use, ExamUse::Everything);
        say(&root, "room 2", None);
        assert_eq!(now(&root), exam);
        // The same name says it anew.
        tell("room 1", Some(HOUR), &[]);
        assert_eq!(now(&root).executions, []);
        assert!(running(&root).is_some());
        tell("room 1", Some(Duration::ZERO), std::slice::from_ref(&one));
        assert_eq!(now(&root), RunningExam::default());
        let long = ExecutionCount {
            test_takers: vec!["t".repeat(1000); 1100],
            ..one
        };
        let outcome = tell("room 1", Some(HOUR), &[long]);
        assert_eq!(outcome, SignalOutcome::TooLong);
    }
}
