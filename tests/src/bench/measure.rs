//! What a process costs: wall, CPU, peak memory, as the kernel accounts them to a parent that waits.
//! Never samples: a wrapper process of its own has one child only, so its account is that child's.
//! Called by every benchmark.

use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use serde_json::{Value, json};

use crate::Result;

/// Names the file in which the wrapper leaves the account.
const ACCOUNT: &str = "BENCH_ACCOUNT";

/// What a run cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds in user and kernel mode.
    pub(crate) cpu: f64,
    /// Largest resident set, MiB.
    pub(crate) rss: f64,
}

/// Runs a program to its end; its exit status is not judged.
pub(crate) fn run(folder: &Path, program: &Path, arguments: &[&str]) -> Result<(Cost, Output)> {
    let account = folder.join("account.json");
    let output = Command::new(std::env::current_exe()?)
        .arg("measure")
        .arg(program)
        .args(arguments)
        .env(ACCOUNT, &account)
        .output()?;
    let told: Value = serde_json::from_slice(&std::fs::read(&account)?)?;
    let number = |key: &str| told[key].as_f64().unwrap_or(f64::NAN);
    let cost = Cost {
        wall: number("wall"),
        cpu: number("cpu"),
        rss: number("rss"),
    };
    Ok((cost, output))
}

/// The wrapper: runs its arguments and accounts for them.
pub(crate) fn wrap(arguments: &[String]) -> ExitCode {
    let begun = Instant::now();
    let status = Command::new(&arguments[0])
        .args(&arguments[1..])
        .env_remove(ACCOUNT)
        .status();
    let wall = begun.elapsed().as_secs_f64();
    let account = getrusage(UsageWho::RUSAGE_CHILDREN)
        .ok()
        .zip(std::env::var_os(ACCOUNT));
    if let Some((usage, path)) = account {
        let told =
            json!({"wall": wall, "cpu": seconds(&usage), "rss": usage.max_rss() as f64 / 1024.0});
        if std::fs::write(path, told.to_string()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    match status.ok().and_then(|status| status.code()) {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(255)),
        None => ExitCode::from(255),
    }
}

/// What work inside this process costs, all its threads together; memory is not told.
pub(crate) fn own<T>(work: impl FnOnce() -> Result<T>) -> Result<(Cost, T)> {
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    let begun = Instant::now();
    let value = work()?;
    let wall = begun.elapsed().as_secs_f64();
    let cpu = seconds(&getrusage(UsageWho::RUSAGE_SELF)?) - seconds(&before);
    Ok((
        Cost {
            wall,
            cpu,
            rss: 0.0,
        },
        value,
    ))
}

fn seconds(usage: &Usage) -> f64 {
    let part = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    part(usage.user_time()) + part(usage.system_time())
}

/// Waits for a condition, looking every millisecond or so.
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
) -> Result<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > limit {
            return Err(format!("waited {limit:?} in vain for {what}").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
