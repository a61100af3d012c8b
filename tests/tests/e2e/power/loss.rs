//! What a power cut may take, read from a trace of the calls that changed the disk: writes that no flush of their file
//! followed, and names that changed without a flush of their folder.
//! Never takes what was flushed, and never guesses what stood where before: a copy of the folder tells.
//! Called by the sweeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A change of the disk that may be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// So many bytes at an offset, or at the end of the file.
    Write(PathBuf, Option<u64>, u64),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

/// Takes back every other change that was not flushed: a write whole or from its middle on, a rename, an unlink.
/// `before` is a copy of `state` from before the trace. Gives the number of changes taken back.
pub(super) fn lose(log: &str, state: &Path, before: &Path, nth: usize) -> usize {
    let (changes, settled) = unflushed(log);
    let mut lost = 0;
    for (index, change) in changes.into_iter().enumerate().rev() {
        let turn = (nth + index).is_multiple_of(2);
        let undone = match change {
            Change::Write(path, offset, length) if path.starts_with(state) => {
                let kept = if turn { 0 } else { length / 2 };
                take_bytes(&path, offset, length, kept)
            }
            Change::Rename(from, to) if turn && to.starts_with(state) => {
                // What an earlier rename put there for good is nowhere any more.
                !settled.contains(&to)
                    && fs::rename(&to, from).is_ok()
                    && bring_back(&to, state, before).is_some()
            }
            Change::Unlink(path) if turn && path.starts_with(state) => {
                !path.exists()
                    && !settled.contains(&path)
                    && bring_back(&path, state, before) == Some(true)
            }
            _ => false,
        };
        lost += usize::from(undone);
    }
    lost
}

/// The file as it was before, if it was; whether it was.
fn bring_back(path: &Path, state: &Path, before: &Path) -> Option<bool> {
    let old = before.join(path.strip_prefix(state).ok()?);
    if !old.is_file() {
        return Some(false);
    }
    fs::copy(old, path).ok().map(|_| true)
}

fn take_bytes(path: &Path, offset: Option<u64>, length: u64, kept: u64) -> bool {
    let Ok(file) = OpenOptions::new().write(true).open(path) else {
        return false;
    };
    match offset {
        Some(offset) => {
            let zeros = vec![0; (length - kept) as usize];
            file.write_all_at(&zeros, offset + kept).unwrap();
        }
        None => {
            let whole = file.metadata().unwrap().len();
            file.set_len(whole.saturating_sub(length - kept)).unwrap();
        }
    }
    true
}

/// The changes that no flush covers, in their order, and the names that flushed renames gave.
fn unflushed(log: &str) -> (Vec<Change>, BTreeSet<PathBuf>) {
    let (mut changes, mut settled) = (Vec::new(), BTreeSet::new());
    // Flushes under way, by thread: they cover what was changed before they began.
    let mut flushes: BTreeMap<&str, (PathBuf, usize)> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, line)) = line.split_once(' ') else {
            continue;
        };
        let line = line.trim_start();
        if line.contains(") = -1 ") {
            continue;
        }
        if let Some((call, rest)) = line.split_once('(') {
            match (call, opened(rest), &named(rest)[..]) {
                ("write", Some((path, rest)), _) => {
                    // `, ""..., LENGTH`
                    let length = numbers(rest).next().unwrap_or(0);
                    changes.push(Change::Write(path, None, length));
                }
                ("pwrite64", Some((path, rest)), _) => {
                    // `, ""..., LENGTH, OFFSET`
                    let numbers: Vec<u64> = numbers(rest).collect();
                    if let [length, offset, ..] = numbers[..] {
                        changes.push(Change::Write(path, Some(offset), length));
                    }
                }
                ("rename", _, [from, to]) => changes.push(Change::Rename(from.into(), to.into())),
                ("unlink", _, [path]) => changes.push(Change::Unlink(path.into())),
                ("fsync" | "fdatasync", Some((path, _)), _) => {
                    flushes.insert(thread, (path, changes.len()));
                }
                _ => {}
            }
        }
        if line.ends_with("= 0")
            && line.contains("sync")
            && let Some((path, covered)) = flushes.remove(thread)
        {
            let mut index = 0;
            changes.retain(|change| {
                index += 1;
                let is_covered = index <= covered && is_of(change, &path);
                if let (Change::Rename(_, to), true) = (change, is_covered) {
                    settled.insert(to.clone());
                }
                !is_covered
            });
            // What others flush meanwhile began with more changes before it than there are now.
            let gone = index - changes.len();
            for (_, covered) in flushes.values_mut() {
                *covered = covered.saturating_sub(gone);
            }
        }
    }
    (changes, settled)
}

fn is_of(change: &Change, flushed: &Path) -> bool {
    match change {
        Change::Write(path, ..) => path == flushed,
        Change::Rename(_, path) | Change::Unlink(path) => path.parent() == Some(flushed),
    }
}

/// The file of `3</path>, …`, and what follows.
fn opened(rest: &str) -> Option<(PathBuf, &str)> {
    let (path, rest) = rest.split_once('<')?.1.split_once('>')?;
    path.starts_with('/').then(|| (path.into(), rest))
}

/// The paths of `"/from", "/to"…`.
fn named(rest: &str) -> Vec<&str> {
    let paths = rest.split('"').skip(1).step_by(2);
    paths.filter(|path| path.starts_with('/')).collect()
}

/// The numbers between commas, up to the end or ` <unfinished ...>`.
fn numbers(rest: &str) -> impl Iterator<Item = u64> {
    let words = rest.split([',', ')', '<', '>']);
    words.filter_map(|word| word.trim().parse().ok())
}

#[test]
fn only_what_no_flush_covers_is_lost() {
    let log = r#"1 write(3</s/a>, ""..., 10) = 10
1 fsync(3</s/a> <unfinished ...>
2 pwrite64(4</s/b>, ""..., 7, 64) = 7
2 write(3</s/a>, ""..., 5) = 5
1 <... fsync resumed>) = 0
1 rename("/s/a.new", "/s/a") = 0
1 rename("/s/c.new", "/s/c") = 0
1 fsync(5</s>) = 0
1 unlink("/s/d") = 0
1 unlink("/s/e") = -1 ENOENT (No such file or directory)
1 write(1<pipe:[7]>, ""..., 3) = 3
1 fdatasync(4</s/b>) = -1 EIO (Input/output error)
"#;
    let (changes, settled) = unflushed(log);
    let path = |name: &str| PathBuf::from(format!("/s/{name}"));
    let expected = [
        Change::Write(path("b"), Some(64), 7),
        Change::Write(path("a"), None, 5),
        Change::Unlink(path("d")),
    ];
    assert_eq!(changes, expected);
    assert_eq!(settled, [path("a"), path("c")].into());
}
