//! One synchronization in a process of its own: the daemon's end of the pipe, and the worker's.
//! Never lets the store into the daemon: its threads would wake the machine for ever, and a damaged one may panic.
//! Called by the daemon's loop, and by the hidden verb `sync-worker`.

use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use logic::report::Report;
use logic::schedule::Errand;
use logic::words::{Class, Outcome, Params, Trouble};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::signal::unix::SignalKind;
use tokio::time::Instant;

use crate::clock;
use crate::engine::progress::{Progress, Watch};
use crate::engine::{Engine, Request};
use crate::root::Root;

/// What the worker is to do: the one line on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// What the run is to do.
    pub errand: Errand,
    /// Somebody waits for it.
    pub asked: bool,
    /// What is owed may have been queued before the daemon started: it is asked for before it is sent.
    #[serde(default)]
    pub probe_first: bool,
    /// The highest number of a run that the daemon has seen.
    #[serde(default)]
    pub seen: u64,
}

/// A line of the worker's standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(Progress),
    /// The account, and what is not of the account: central's wish, the skew of the clock.
    Report(Box<Report>, Option<Duration>, Option<i64>),
}

/// What came from the worker.
#[derive(Debug)]
pub(super) enum Told {
    /// It has come so far.
    Progress(Progress),
    /// It has ended, with its account.
    Report(Box<Report>),
    /// It has ended without an account.
    Gone(String),
}

/// The most that one line may have: a report with all its findings is far smaller.
const LINE: u64 = 1 << 20;
/// A worker that was told to end is killed after this.
const PATIENCE: Duration = Duration::from_secs(3);

/// A run under way in another process.
pub(super) struct Worker {
    child: Child,
    lines: Lines<BufReader<tokio::io::Take<ChildStdout>>>,
    account: Option<Box<Report>>,
    /// It was told to end, and has until then.
    deadline: Option<Instant>,
}

impl Worker {
    /// Begins a run.
    pub(super) async fn start(root: &Root, order: &Order) -> Result<Self, Trouble> {
        let mut child = child(root, "sync-worker")
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| died(&format!("cannot be started: {error}")))?;
        let mut text = serde_json::to_vec(order).expect("plain data always serialises");
        text.push(b'\n');
        if let Some(mut input) = child.stdin.take() {
            // One line fits the pipe; a worker that is gone already is told by its output's end.
            let _ = input.write_all(&text).await;
        }
        let output = child
            .stdout
            .take()
            .ok_or_else(|| died("has no standard output"))?;
        Ok(Self {
            child,
            lines: BufReader::new(tokio::io::AsyncReadExt::take(output, u64::MAX)).lines(),
            account: None,
            deadline: None,
        })
    }

    /// The next thing it tells; after `Report` and `Gone` there is nothing more. May be dropped and called again.
    pub(super) async fn told(&mut self) -> Told {
        loop {
            self.lines.get_mut().get_mut().set_limit(LINE);
            let line = match self.deadline {
                None => self.lines.next_line().await,
                Some(at) => match tokio::time::timeout_at(at, self.lines.next_line()).await {
                    Ok(line) => line,
                    Err(_) => break,
                },
            };
            match line {
                Ok(Some(line)) => match serde_json::from_str(&line) {
                    Ok(Line::Progress(progress)) => return Told::Progress(progress),
                    Ok(Line::Report(report, wish, skew)) => {
                        let whole = Report {
                            wish,
                            skew,
                            ..*report
                        };
                        self.account = Some(Box::new(whole));
                    }
                    // Whatever else a library prints there is none of the protocol's.
                    Err(_) => {}
                },
                Ok(None) | Err(_) => break,
            }
        }
        // Its output is closed: it is over, or nearly.
        let until = self.deadline.unwrap_or_else(|| Instant::now() + PATIENCE);
        let status = match tokio::time::timeout_at(until, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                let _ = self.child.start_kill();
                self.child.wait().await
            }
        };
        match (self.account.take(), status) {
            (Some(report), _) => Told::Report(report),
            (None, Ok(status)) => Told::Gone(ending(status)),
            (None, Err(error)) => Told::Gone(format!("was lost: {error}")),
        }
    }

    /// Asks it to end; whatever it has done so far is kept.
    pub(super) fn stop(&mut self) {
        self.deadline
            .get_or_insert_with(|| Instant::now() + PATIENCE);
        if let Some(pid) = self.child.id() {
            // It may be gone already.
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGTERM);
        }
    }

    /// Ends it within `PATIENCE`.
    pub(super) async fn end(mut self) {
        self.stop();
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.start_kill();
            let _ = self.child.wait().await;
        }
    }
}

/// This program again, with a hidden verb; also after the file was replaced by a newer version.
pub fn child(root: &Root, verb: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("boxsync")
        .arg(verb)
        .arg("--root")
        .arg(root.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    // Only the daemon itself speaks with the service manager.
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    command
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(signal) => format!("was ended by {signal}"),
            Err(_) => format!("was ended by signal {number}"),
        },
        (None, Some(code)) => format!("ended with status {code} and no account"),
        (None, None) => "ended without an account".into(),
    }
}

/// The trouble of a worker that ended without an account.
pub(super) fn died(how: &str) -> Trouble {
    let reason = format!(
        "the process of this synchronization {how}; what it brought is kept, the next one goes on from there"
    );
    Trouble::new("worker.died", Class::Retry, Outcome::Failed, reason)
}

/// The account of a run that never came to write one.
pub fn account(trouble: &Trouble) -> Report {
    let params = Params {
        organisation_id: String::new(),
        sync_id: 0,
        box_id: String::new(),
        tao_version: String::new(),
    };
    let mut report = Report::new(&params, clock::now().wall);
    report.stop(trouble);
    report
}

/// The worker: does what the order says, tells its progress, ends with the account.
pub async fn work(engine: Result<Engine, Trouble>, order: Order) -> Report {
    let watch = Watch::default();
    let request = Request {
        types: order.errand.types,
        data: order.errand.data,
        results: order.errand.results,
        allow_deletes: order.errand.allow_deletes,
        asked: order.asked,
        probe_first: order.probe_first,
        seen: order.seen,
    };
    let report = match &engine {
        Ok(engine) => tokio::select! {
            report = synchronize(engine, &request, &watch) => report,
            () = relay(&watch) => account(&died("lost the daemon")),
            () = stopped(&watch) => account(&logic::trace::stopped()),
        },
        Err(trouble) => account(trouble),
    };
    tell(&Line::Report(
        Box::new(report.clone()),
        report.wish,
        report.skew,
    ));
    report
}

/// Hands a signal on to the run, which tells central and ends; never returns.
async fn stopped(watch: &Watch) {
    told_to_end().await;
    watch.stop();
    std::future::pending().await
}

/// Waits for the signal that ends this process. Where the kernel gives no handler the signal ends it by itself, and the
/// next run tells central.
pub async fn told_to_end() {
    let hear = |kind| tokio::signal::unix::signal(kind).ok();
    let kinds = (SignalKind::terminate(), SignalKind::interrupt());
    let (Some(mut terminate), Some(mut interrupt)) = (hear(kinds.0), hear(kinds.1)) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// A box that was given a login enrols first.
async fn synchronize(engine: &Engine, request: &Request, watch: &Watch) -> Report {
    match engine.enrol_by_credential().await {
        Ok(()) => engine.synchronize(request, watch).await,
        Err(trouble) => account(&trouble),
    }
}

/// Tells each change, five times a second at most; ends when nobody reads.
async fn relay(watch: &Watch) {
    let mut told = Progress::default();
    loop {
        let now = watch.snapshot();
        if now != told {
            if !tell(&Line::Progress(now.clone())) {
                return;
            }
            told = now;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn tell(line: &Line) -> bool {
    let mut text = serde_json::to_vec(line).expect("plain data always serialises");
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).is_ok()
}

/// A worker does not outlive its daemon.
pub fn bind_to_parent() {
    // On a kernel without it the worker ends when its output is closed.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGTERM);
}
