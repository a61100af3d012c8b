//! Synchronizations in a process of their own: the daemon's end of the pipe, and the worker's.
//! Never lets the store into the daemon: its threads would wake the machine for ever, and a damaged one may panic.
//! Called by the daemon's loop, and by the hidden verb `sync-worker`.

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use logic::child::{self, ChildEnd, ProcessSeen, StallWatch};
use logic::fault::{Code, Fault, InputCause, ProcessEnd, RunCause};
use logic::organisation;
use logic::report::Report;
use logic::schedule::Errand;
use logic::words::{Outcome, SyncParams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::engine::progress::{Progress, RunWatch};
use crate::engine::{self, Engine, PackageLaneState, Request, SyncSession};
use system::clock;
use system::own;
use system::root::Root;

/// What the worker is to do: a line each on its standard input. When that ends, the worker ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerOrder {
    /// Begin a pass; one at a time.
    Pass {
        /// What it is to do.
        errand: Errand,
        /// Somebody waits for it.
        asked: bool,
        /// What is owed may have been queued before the daemon started: it is asked for before it is sent.
        #[serde(default)]
        probe_first: bool,
        /// The highest number of a run that the daemon has seen.
        #[serde(default)]
        seen: u64,
    },
    /// Somebody waits for the pass under way, until the packages have come if that is said.
    Asked {
        /// For packages too.
        packages: bool,
    },
    /// The pass under way is to wait for packages no longer.
    Close,
    /// A person has ordered something of the downloads, or an exam has begun or ended.
    Ordered,
}

/// A line of the worker's standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkerFrame {
    Progress(Progress),
    /// The account of a pass, and what is not of the account: central's wish, the skew of the clock.
    Report(Box<Report>, Option<Duration>, Option<i64>),
    /// The same of one organisation, where those of others follow.
    Part(Box<Report>, Option<Duration>, Option<i64>),
    /// How the packages stand that no pass waits for; comes before each account and with each change after it.
    Lane(PackageLaneState),
    /// The package of this delivery comes before the others no longer.
    FirstOver(String),
    /// The loop goes round, and there is nothing new.
    Beat,
}

/// What came from the worker.
#[derive(Debug)]
pub(super) enum WorkerMessage {
    /// It has come so far.
    Progress(Progress),
    /// The pass has ended, with the account of each organisation.
    Reports(Vec<Report>),
    /// How the packages stand.
    Lane(PackageLaneState),
    /// The package of this delivery comes before the others no longer.
    FirstOver(String),
    /// It has ended.
    Gone(ProcessEnd),
}

/// The most that one line may have: a report with all its findings is far smaller.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// A worker that was told to end is killed after this.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Another process, in which pass follows pass and packages come beside them.
pub(super) struct Worker {
    child: Child,
    /// Closed when it is to end.
    input: Option<ChildStdin>,
    lines: Lines<BufReader<tokio::io::Take<ChildStdout>>>,
    /// It was told to end, and has until then.
    deadline: Option<Instant>,
    began: Instant,
    silence: StallWatch,
    /// When it is looked at next.
    look: Instant,
    /// Processes that were killed at the memory limit before it began.
    killed: Option<u64>,
    /// Accounts of a pass whose others follow.
    parts: Vec<Report>,
}

impl Worker {
    /// Begins with a pass.
    pub(super) async fn start(root: &Root, order: &WorkerOrder) -> Result<Self, Fault> {
        let mut child = self::child(root, "sync-worker")
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| {
                died(ProcessEnd::NotStarted {
                    why: (&error).into(),
                })
            })?;
        let input = child.stdin.take();
        let output = child
            .stdout
            .take()
            .ok_or_else(|| died(ProcessEnd::NoOutput))?;
        let mut worker = Self::of(child, input, output);
        worker.order(order).await;
        Ok(worker)
    }

    fn of(child: Child, input: Option<ChildStdin>, output: ChildStdout) -> Self {
        let now = Instant::now();
        Self {
            child,
            input,
            lines: BufReader::new(tokio::io::AsyncReadExt::take(output, u64::MAX)).lines(),
            deadline: None,
            began: now,
            silence: StallWatch::new(Duration::ZERO),
            look: now + child::LOOK,
            killed: killed_at_limit(),
            parts: Vec::new(),
        }
    }

    /// Looks at one that says nothing: how long it has been still, when that is too long.
    fn is_still(&mut self) -> Option<Duration> {
        self.look = Instant::now() + child::LOOK;
        let seen = self.child.id().and_then(seen).unwrap_or_default();
        self.silence.look(self.began.elapsed(), seen)
    }

    /// Whether it takes orders.
    pub(super) fn is_open(&self) -> bool {
        self.input.is_some() && self.deadline.is_none()
    }

    /// Tells it what to do. A line fits the pipe; a worker that is gone already is told by its output's end.
    pub(super) async fn order(&mut self, order: &WorkerOrder) {
        let mut text = serde_json::to_vec(order).expect("plain data always serialises");
        text.push(b'\n');
        if let Some(input) = &mut self.input {
            let _ = input.write_all(&text).await;
        }
    }

    /// It has nothing more to do, and ends by itself.
    pub(super) fn close(&mut self) {
        self.input = None;
        self.deadline
            .get_or_insert_with(|| Instant::now() + STOP_TIMEOUT);
    }

    /// The next thing it tells; after `Gone` there is nothing more. May be dropped and called again.
    pub(super) async fn told(&mut self) -> WorkerMessage {
        let mut still = None;
        loop {
            self.lines.get_mut().get_mut().set_limit(MAX_LINE_BYTES);
            let until = self.deadline.unwrap_or(self.look);
            let line = match tokio::time::timeout_at(until, self.lines.next_line()).await {
                Ok(line) => line,
                Err(_) if self.deadline.is_some() => break,
                Err(_) => {
                    still = self.is_still();
                    if still.is_none() {
                        continue;
                    }
                    let _ = self.child.start_kill();
                    break;
                }
            };
            self.silence.heard(self.began.elapsed());
            match line {
                Ok(Some(line)) => match serde_json::from_slice(line.as_bytes()) {
                    Ok(WorkerFrame::Progress(progress)) => {
                        return WorkerMessage::Progress(progress);
                    }
                    Ok(WorkerFrame::Lane(lane)) => return WorkerMessage::Lane(lane),
                    Ok(WorkerFrame::FirstOver(delivery)) => {
                        return WorkerMessage::FirstOver(delivery);
                    }
                    Ok(WorkerFrame::Part(report, wish, skew)) => {
                        self.parts.push(whole(*report, wish, skew));
                    }
                    Ok(WorkerFrame::Report(report, wish, skew)) => {
                        let mut reports = std::mem::take(&mut self.parts);
                        reports.push(whole(*report, wish, skew));
                        return WorkerMessage::Reports(reports);
                    }
                    Ok(WorkerFrame::Beat) => {}
                    // Whatever else a library prints there is none of the protocol's.
                    Err(_) => {}
                },
                Ok(None) | Err(_) => break,
            }
        }
        // Its output is closed: it is over, or nearly.
        let until = self
            .deadline
            .unwrap_or_else(|| Instant::now() + STOP_TIMEOUT);
        let status = match tokio::time::timeout_at(until, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                let _ = self.child.start_kill();
                self.child.wait().await
            }
        };
        WorkerMessage::Gone(match status {
            Ok(status) => ending(status, still, self.killed),
            Err(error) => ProcessEnd::Lost {
                why: (&error).into(),
            },
        })
    }

    /// Asks it to end; whatever it has done so far is kept.
    pub(super) fn stop(&mut self) {
        self.deadline
            .get_or_insert_with(|| Instant::now() + STOP_TIMEOUT);
        if let Some(pid) = self.child.id() {
            // It may be gone already.
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGTERM);
        }
    }

    /// Ends it within `STOP_TIMEOUT`.
    pub(super) async fn end(mut self) {
        self.stop();
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.start_kill();
            let _ = self.child.wait().await;
        }
    }
}

/// An account with what does not travel in it.
fn whole(report: Report, wish: Option<Duration>, skew: Option<i64>) -> Report {
    Report {
        wish,
        skew,
        ..report
    }
}

/// This program again, with a hidden verb and the root.
pub fn child(root: &Root, verb: &str) -> Command {
    let mut command = Command::from(own::command(verb));
    command
        .arg("--root")
        .arg(root.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How a process ended of which nothing else is known.
pub(super) fn ended(status: ExitStatus) -> ProcessEnd {
    ending(status, None, None)
}

fn ending(status: ExitStatus, still: Option<Duration>, killed: Option<u64>) -> ProcessEnd {
    use std::os::unix::process::ExitStatusExt;
    let name = status
        .signal()
        .map(|number| match Signal::try_from(number) {
            Ok(signal) => signal.as_str().to_owned(),
            Err(_) => format!("signal {number}"),
        });
    let ending = match (still, &name, status.code()) {
        (Some(silence), ..) => ChildEnd::Still(silence),
        (None, Some(name), _) => ChildEnd::Signal(name),
        (None, None, Some(code)) => ChildEnd::Status(code),
        (None, None, None) => ChildEnd::Unknown,
    };
    child::cause(ending, (killed, killed_at_limit()))
}

/// What the kernel shows of a process (proc(5), `/proc/PID/stat`).
fn seen(pid: u32) -> Option<ProcessSeen> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(ProcessSeen {
        used: ticks(11)? + ticks(12)?,
        waits_for_disk: fields.first() == Some(&"D"),
    })
}

/// Processes of this service that the kernel has killed at its memory limit; `None` where no cgroup tells.
fn killed_at_limit() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let events = std::path::Path::new("/sys/fs/cgroup").join(path);
    child::killed_at_limit(&std::fs::read_to_string(events.join("memory.events")).ok()?)
}

/// The trouble of a worker that ended without an account.
pub(super) fn died(how: ProcessEnd) -> Fault {
    Fault::new(Code::WorkerDied, RunCause::WorkerDied { how })
}

/// The account of a run that never came to write one.
pub fn account(trouble: &Fault) -> Report {
    let params = SyncParams {
        organisation_id: String::new(),
        sync_id: 0,
        box_id: String::new(),
        tao_version: String::new(),
    };
    let mut report = Report::new(&params, clock::now().wall);
    report.stop(trouble);
    report
}

/// The worker: pass after pass as it is told, and packages beside them, until its standard input ends. Gives the exit
/// status of the last pass.
pub async fn work(engine: Result<Engine, Fault>) -> u8 {
    let watch = RunWatch::default();
    let orders = match WorkerOrders::open() {
        Ok(orders) => orders,
        Err(error) => {
            let report = account(&died(ProcessEnd::NoOrders {
                why: (&error).into(),
            }));
            return tell_reports(&[report]);
        }
    };
    tokio::select! {
        exit = passes(&engine, &watch, orders) => exit,
        () = relay(&watch) => Outcome::Failed.exit(),
        () = tell_first(&watch) => Outcome::Failed.exit(),
        () = stopped(&watch) => Outcome::Failed.exit(),
    }
}

async fn passes(engine: &Result<Engine, Fault>, watch: &RunWatch, mut orders: WorkerOrders) -> u8 {
    let mut exit = 0;
    let mut session = engine
        .as_ref()
        .ok()
        .map(|engine| SyncSession::new(engine, watch));
    let mut told = None;
    loop {
        let order = tokio::select! {
            order = orders.next() => order,
            () = changed(&session) => {
                tell_lane(session.as_ref(), &mut told);
                continue;
            }
            () = watch.stopped() => return exit,
        };
        let Some(order) = order else { return exit };
        if order == WorkerOrder::Ordered {
            watch.orders();
            continue;
        }
        // What else is said came too late for the pass that it was meant for.
        let WorkerOrder::Pass {
            errand,
            asked,
            probe_first,
            seen,
        } = order
        else {
            continue;
        };
        let request = Request {
            probe_first,
            seen,
            ..Request::of(errand, asked)
        };
        let reports = match (&mut session, engine) {
            (Some(session), Ok(engine)) => {
                synchronize(engine, session, &request, &mut orders, watch).await
            }
            (_, Err(trouble)) => vec![account(trouble)],
            (None, Ok(_)) => vec![account(&died(ProcessEnd::NoSession))],
        };
        // First how the packages stand: what the daemon does after the account depends on it.
        told = None;
        tell_lane(session.as_ref(), &mut told);
        exit = tell_reports(&reports);
    }
}

/// Tells the accounts of a pass; gives the exit status.
fn tell_reports(reports: &[Report]) -> u8 {
    for (place, report) in reports.iter().enumerate() {
        let whole = Box::new(report.clone());
        let line = match place + 1 == reports.len() {
            true => WorkerFrame::Report,
            false => WorkerFrame::Part,
        };
        tell(&line(whole, report.wish, report.skew));
    }
    organisation::worst(reports).map_or(0, |worst| worst.outcome.exit())
}

/// Tells how the packages stand, when that is new.
fn tell_lane(session: Option<&SyncSession>, told: &mut Option<PackageLaneState>) {
    let lane = session.map_or_else(PackageLaneState::default, SyncSession::lane);
    let same = |before: &PackageLaneState| {
        (before.active, before.waiting, before.failed) == (lane.active, lane.waiting, lane.failed)
    };
    if !told.as_ref().is_some_and(same) {
        tell(&WorkerFrame::Lane(lane));
        *told = Some(lane);
    }
}

/// Tells which package comes before the others no longer, whenever there is one; never returns.
async fn tell_first(watch: &RunWatch) {
    loop {
        tell(&WorkerFrame::FirstOver(watch.first_over().await));
    }
}

async fn changed(session: &Option<SyncSession<'_>>) {
    match session {
        Some(session) => session.changed().await,
        None => std::future::pending().await,
    }
}

/// Hands a signal on to the run, which tells central and ends; never returns.
async fn stopped(watch: &RunWatch) {
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
async fn synchronize(
    engine: &Engine,
    session: &mut SyncSession<'_>,
    request: &Request,
    orders: &mut WorkerOrders,
    watch: &RunWatch,
) -> Vec<Report> {
    if let Err(trouble) = session.enrols(engine).await {
        return vec![account(&trouble)];
    }
    let (send, mut receive) = mpsc::unbounded_channel();
    let pass = session.pass(request, &mut receive);
    tokio::pin!(pass);
    loop {
        let order = tokio::select! {
            reports = &mut pass => return reports,
            order = orders.next() => order,
        };
        let order = match order {
            Some(WorkerOrder::Asked { packages }) => engine::PassOrder::Asked { packages },
            Some(WorkerOrder::Close) => engine::PassOrder::Close,
            Some(WorkerOrder::Ordered) => {
                watch.orders();
                continue;
            }
            // There is one pass at a time.
            Some(WorkerOrder::Pass { .. }) => continue,
            None => return vec![account(&died(ProcessEnd::LostDaemon))],
        };
        // A pass that ends in this moment needs it no longer.
        let _ = send.send(order);
    }
}

/// The orders on standard input, which is a pipe of the daemon's.
struct WorkerOrders(Lines<BufReader<Receiver>>);

impl WorkerOrders {
    fn open() -> std::io::Result<Self> {
        let input = std::io::stdin().as_fd().try_clone_to_owned()?;
        let receiver = Receiver::from_owned_fd(input)?;
        Ok(Self(BufReader::new(receiver).lines()))
    }

    /// The next order; `None` when there are no more. May be dropped and called again.
    async fn next(&mut self) -> Option<WorkerOrder> {
        loop {
            let line = self.0.next_line().await.ok()??;
            match serde_json::from_slice(line.as_bytes()) {
                Ok(order) => return Some(order),
                Err(error) => {
                    let found = (&error).into();
                    let cause = InputCause::NoOrder { found };
                    system::journal::trouble(&Fault::new(Code::InputOrder, cause));
                }
            }
        }
    }
}

/// Tells each change, five times a second at most, and without one that the loop goes round; ends when nobody reads.
async fn relay(watch: &RunWatch) {
    let mut told = Progress::default();
    let mut beat = Instant::now();
    loop {
        let now = watch.snapshot();
        let line = match now == told {
            false => Some(WorkerFrame::Progress(now.clone())),
            true => (beat.elapsed() >= child::BEAT).then_some(WorkerFrame::Beat),
        };
        if let Some(line) = line {
            if !tell(&line) {
                return;
            }
            (told, beat) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn tell(line: &WorkerFrame) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock of the test goes on by itself as long as nothing comes.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_says_nothing_for_minutes_is_killed_and_that_is_told() {
        let mut process = Command::new("sleep")
            .arg("20")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let mut worker = Worker::of(process, None, output);
        let begun = Instant::now();
        match worker.told().await {
            WorkerMessage::Gone(how) => assert!(matches!(how, ProcessEnd::Still { .. }), "{how:?}"),
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(190));
    }

    #[test]
    fn a_process_is_seen_as_the_kernel_shows_it() {
        let own = seen(std::process::id()).unwrap();
        assert!(!own.waits_for_disk);
        assert_eq!(seen(u32::MAX), None);
    }
}
