//! A cut before every single call that changes the disk, with what was not flushed lost or torn: the next run is right.
//! Never guesses what a power cut may take: every write is traced, and so is every flush.
//! Needs strace; says so and passes without it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Running, Site, options};

/// What changes the disk.
const CALLS: [&str; 9] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "ftruncate",
    "fallocate",
    "mkdir",
];

/// One run in three of each call is cut where the machine is to be spared; `BOXSYNC_SWEEP=1` cuts them all.
fn stride() -> usize {
    std::env::var("BOXSYNC_SWEEP")
        .ok()
        .and_then(|every| every.parse().ok())
        .unwrap_or(3)
}

#[test]
fn a_cut_before_any_change_of_the_disk_costs_nothing_but_time() {
    if !can_trace() {
        return;
    }
    let mut site = Site::enrolled(options(3, 2, (140_000, 200_000)));
    // Flushes follow closely, so that there are many moments to be cut in.
    site.set("download", "window_flush", "\"64KiB\"");
    let fresh = site.path("fresh");
    copy(&site.state(""), &fresh);
    let (mut cuts, mut damaged) = (BTreeMap::new(), 0);
    for call in CALLS {
        // A thread may make a call less than in the run before: only several runs without a cut are the end.
        let mut missed = 0;
        for nth in (1..).step_by(stride()) {
            fs::remove_dir_all(site.state("")).unwrap();
            copy(&fresh, &site.state(""));
            let log = site.path("trace");
            if !cut(&site, call, nth, &log) {
                missed += 1;
                if missed == 2 {
                    break;
                }
                continue;
            }
            missed = 0;
            damaged += lose(&fs::read_to_string(&log).unwrap(), &site.state(""), nth);
            let ran = site.sync().ends();
            assert_eq!(
                ran.exit,
                Some(0),
                "cut before {call} {nth}\n{}",
                ran.story()
            );
            site.assert_equal_to_central();
            site.run(&["packages", "verify"]).exits(0);
            *cuts.entry(call).or_insert(0) += 1;
        }
    }
    println!("cuts before each call: {cuts:?}; writes that were lost or torn: {damaged}");
    for call in ["write", "pwrite64", "fsync", "rename"] {
        assert!(cuts.contains_key(call), "no {call} was seen: {cuts:?}");
    }
    assert!(damaged > 0, "no cut found anything that was not flushed");
}

fn can_trace() -> bool {
    let works = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .status();
    if works.is_ok_and(|status| status.success()) {
        return true;
    }
    eprintln!("skipped: strace is missing or may not trace (apt-get install strace)");
    false
}

/// One synchronization, killed on entering the nth such call of any of its threads; whether there was one.
fn cut(site: &Site, call: &str, nth: usize, log: &Path) -> bool {
    let own = site.command(&["sync"]);
    let mut command = Command::new("strace");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .args(["-f", "-y", "-s", "0", "-o"])
        .arg(log)
        .arg(format!("--trace={}", CALLS.join(",")))
        .arg(format!("--inject={call}:signal=KILL:when={nth}"))
        .arg(own.get_program())
        .args(own.get_args());
    let ran = Running::start(command).end();
    ran.exit.is_none()
}

/// Takes back what a power cut would: each write that no flush of its file followed is lost, or every other time torn
/// in its middle.
fn lose(log: &str, state: &Path, nth: usize) -> usize {
    let mut lost = 0;
    for (path, writes) in unflushed(log) {
        let Ok(file) = fs::OpenOptions::new().write(true).open(&path) else {
            continue;
        };
        assert!(
            path.starts_with(state),
            "{} is outside the state folder",
            path.display()
        );
        for (offset, written) in writes {
            let kept = if (nth + lost).is_multiple_of(2) {
                0
            } else {
                written / 2
            };
            let zeros = vec![0; (written - kept) as usize];
            file.write_all_at(&zeros, offset + kept).unwrap();
            lost += 1;
        }
    }
    lost
}

/// Offset and length of the writes that no flush covers, by file.
fn unflushed(log: &str) -> BTreeMap<PathBuf, Vec<(u64, u64)>> {
    let mut writes: BTreeMap<PathBuf, Vec<(u64, u64)>> = BTreeMap::new();
    // Flushes under way, by thread: they cover what was written before they began.
    let mut flushes: BTreeMap<&str, (PathBuf, usize)> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, line)) = line.split_once(' ') else {
            continue;
        };
        let line = line.trim_start();
        let place = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        if let (Some((call, _)), Some((path, rest))) = (line.split_once('('), place) {
            let path = PathBuf::from(path);
            match call {
                "pwrite64" => {
                    // `, ""..., LENGTH, OFFSET`, and then its end or ` <unfinished ...>`.
                    let numbers = rest
                        .split([',', ')', '<'])
                        .filter_map(|n| n.trim().parse().ok());
                    if let [length, offset, ..] = numbers.collect::<Vec<u64>>()[..] {
                        writes.entry(path).or_default().push((offset, length));
                    }
                }
                "fsync" | "fdatasync" => {
                    let covered = writes.get(&path).map_or(0, Vec::len);
                    flushes.insert(thread, (path, covered));
                }
                _ => {}
            }
        }
        if line.ends_with("= 0")
            && line.contains("sync")
            && let Some((path, covered)) = flushes.remove(thread)
            && let Some(writes) = writes.get_mut(&path)
        {
            writes.drain(..covered.min(writes.len()));
        }
    }
    writes
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}
