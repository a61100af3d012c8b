//! One process of the real binary: started, watched, killed when it hangs, its output kept.
//! Never inherits the environment of the tests.
//! Called by `site`.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{LIMIT, wait_until};

/// The file under test: the one that ships, which `scripts/test` names in `E2E_BINARY`; else the debug build beside
/// the test executable, `target/<profile>/boxsync`, whose libc is another one (`scripts/test quick`).
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("E2E_BINARY") {
        let path = PathBuf::from(&named);
        assert!(
            path.is_absolute() && path.is_file(),
            "E2E_BINARY={}: expected the absolute path of a file (scripts/release makes dist/boxsync)",
            path.display()
        );
        return path;
    }
    let own = std::env::current_exe().expect("a process knows its own file");
    // Tests lie in target/<profile>/deps, programs beside it.
    let folders = own.ancestors().skip(1).take(2);
    let mut paths = folders.map(|folder| folder.join("boxsync"));
    let path = paths.find(|path| path.is_file()).unwrap_or_default();
    assert!(
        path.is_file(),
        "{} is missing: build it first with `cargo build -p agent` (scripts/test does)",
        path.display()
    );
    path
}

/// A command with the environment of nobody.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A process that runs.
pub struct Running {
    child: Child,
    told: String,
    out: Option<JoinHandle<Vec<u8>>>,
    err: Option<JoinHandle<Vec<u8>>>,
    begun: Instant,
}

/// How a process ended and what it wrote.
pub struct Ran {
    /// Exit status; nothing after a signal.
    pub exit: Option<i32>,
    /// Data.
    pub out: String,
    /// Words.
    pub err: String,
    /// From start to end.
    pub took: Duration,
    told: String,
}

impl Running {
    /// Starts any command, its output kept.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let told = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{told}: {e}"));
        let out = child.stdout.take().map(drain);
        let err = child.stderr.take().map(drain);
        Self {
            child,
            told,
            out,
            err,
            begun: Instant::now(),
        }
    }

    /// The processes of a daemon that synchronize; those that look at the box come and go.
    #[must_use]
    pub fn workers(&self) -> Vec<i32> {
        let id = self.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter(|child| {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|word| word == b"sync-worker")
        });
        children.filter_map(|child| child.parse().ok()).collect()
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Whether everything that came from this port was taken off the line and the process waits for something.
    #[must_use]
    pub fn has_read_all_from(&self, port: u16) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let waits =
            stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|s| s.starts_with(" S")));
        waits && queued(port) == 0
    }

    /// Waits until something happens outside while the process runs; false when the process ended before.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) -> bool {
        let mut met = false;
        wait_until(what, LIMIT, || {
            met = condition();
            met || !self.runs()
        });
        met
    }

    /// SIGKILL: as sudden as a power cut, as far as a process can tell.
    #[must_use]
    pub fn kill(mut self) -> Ran {
        // It may have ended by itself in the same moment.
        let _ = self.child.kill();
        self.end()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, signal)
            .expect("a child that was not waited for can be signalled");
    }

    /// Waits for its end; what takes longer than the limit is killed.
    ///
    /// # Panics
    /// When it hangs.
    #[must_use]
    pub fn end(mut self) -> Ran {
        let end = Instant::now() + LIMIT;
        let mut hung = false;
        let mut status: Option<ExitStatus> = None;
        wait_until(
            "the end of a process",
            LIMIT + Duration::from_secs(10),
            || {
                if Instant::now() > end && !hung {
                    hung = true;
                    let _ = self.child.kill();
                }
                status = self.child.try_wait().expect("a child can be waited for");
                status.is_some()
            },
        );
        let took = self.begun.elapsed();
        let text = |thread: Option<JoinHandle<Vec<u8>>>| {
            let bytes = thread.map(|t| t.join().expect("a reader does not panic"));
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let ran = Ran {
            exit: status.and_then(|status| status.code()),
            out: text(self.out.take()),
            err: text(self.err.take()),
            took,
            told: std::mem::take(&mut self.told),
        };
        assert!(!hung, "killed after {LIMIT:?}\n{}", ran.story());
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes in the kernel's queues of all connections with this port at either end (proc(5), `/proc/net/tcp`).
fn queued(port: u16) -> u64 {
    let suffix = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let queues = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, remote, state, queues) = (
            fields.get(1)?,
            fields.get(2)?,
            fields.get(3)?,
            fields.get(4)?,
        );
        let concerned = *state == "01" && (local.ends_with(&suffix) || remote.ends_with(&suffix));
        let (sending, receiving) = queues.split_once(':').filter(|_| concerned)?;
        Some(u64::from_str_radix(sending, 16).ok()? + u64::from_str_radix(receiving, 16).ok()?)
    });
    queues.sum()
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

impl Ran {
    /// Everything that helps to see why a test failed.
    #[must_use]
    pub fn story(&self) -> String {
        format!(
            "{}\nexit {:?} after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.told, self.exit, self.took, self.out, self.err
        )
    }

    /// Holds that it ended with this exit status, and never by a panic.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert!(!self.err.contains("panicked"), "a panic\n{}", self.story());
        assert_eq!(self.exit, Some(status), "{}", self.story());
        self
    }

    /// Holds that it ended by itself, with one of the statuses of design 4.2.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn ends(self) -> Self {
        let status = self.exit.filter(|status| (0..=5).contains(status));
        assert!(status.is_some(), "{}", self.story());
        self.exits(status.unwrap_or_default())
    }

    /// Holds that it was killed by a signal.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn was_killed(self) -> Self {
        assert_eq!(self.exit, None, "{}", self.story());
        self
    }

    /// The objects on stdout; each carries its schema.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        let lines = self.out.lines();
        let object = |line| -> Value {
            let object: Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {}", self.story()));
            assert_eq!(object["schema"], 1, "{}", self.story());
            object
        };
        lines.map(object).collect()
    }

    /// The only object on stdout.
    ///
    /// # Panics
    /// When there are more or none.
    #[must_use]
    #[track_caller]
    pub fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "{}", self.story());
        objects.remove(0)
    }

    /// Holds that the run ended with this stable code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn code(&self, code: &str) -> Value {
        let object = self.object();
        // `status` tells it as a part of its verdict.
        let told = object.get("code").unwrap_or(&object["verdict"]["code"]);
        assert_eq!(told, code, "{}", self.story());
        object
    }
}

/// Whether a program can be run at all, e.g. for a part that needs rights this machine does not give.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let status = command(program).args(arguments).status();
    status.is_ok_and(|status| status.success())
}

/// Whether a path exists with exactly this mode.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    let meta =
        std::fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    meta.mode() & 0o7777
}
