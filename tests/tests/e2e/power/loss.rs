//! What a power cut may take, read from a trace of the calls that changed the disk: writes that no flush of their file
//! followed, and names that changed without a flush of their folder. Names of new files are taken only with a rename.
//! Never takes what was flushed: what it puts in its place is what a copy of the folder from before says, or nothing.
//! Called by the sweeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A change of the disk that may be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum DiskChange {
    /// So many bytes at an offset, or at the end of the file; the file's names since, the last one last.
    Write(Vec<PathBuf>, Option<u64>, u64),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

/// What was taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) writes: usize,
    pub(super) names: usize,
}

/// Takes back what was not flushed: each write from its middle on or whole, every other rename and unlink, the even or
/// the odd ones as `turn` says. `before` is a copy of `state` from before the trace.
pub(super) fn lose(log: &str, state: &Path, before: &Path, turn: usize) -> Lost {
    let Unflushed { changes, settled } = unflushed(log);
    let old = |path: &Path| Some(before.join(path.strip_prefix(state).ok()?));
    let (mut lost, mut renamed_back) = (Lost::default(), BTreeSet::new());
    for (index, change) in changes.into_iter().enumerate().rev() {
        let turn = (turn + index).is_multiple_of(2);
        let is_write = matches!(change, DiskChange::Write(..));
        let undone = match change {
            DiskChange::Write(mut names, at, length) => {
                while names.len() > 1 && renamed_back.contains(&names[names.len() - 1]) {
                    names.pop();
                }
                let path = names.pop().unwrap_or_default();
                let kept = if turn { 0 } else { length / 2 };
                old(&path).is_some_and(|old| take_bytes(&path, &old, at, kept..length))
            }
            // What an earlier flushed rename put there is nowhere any more; after an unflushed one there was what was
            // there before the trace.
            DiskChange::Rename(from, to)
                if turn && !settled.contains(&to) && !renamed_back.contains(&to) =>
            {
                let undone = old(&to).is_some_and(|old| {
                    fs::rename(&to, from).is_ok() && (!old.is_file() || fs::copy(old, &to).is_ok())
                });
                undone && renamed_back.insert(to)
            }
            DiskChange::Unlink(path) if turn && !settled.contains(&path) && !path.exists() => {
                old(&path).is_some_and(|old| old.is_file() && fs::copy(old, &path).is_ok())
            }
            _ => false,
        };
        let count = if is_write {
            &mut lost.writes
        } else {
            &mut lost.names
        };
        *count += usize::from(undone);
    }
    lost
}

/// The bytes of a write from `lost` on become what they were.
fn take_bytes(path: &Path, old: &Path, at: Option<u64>, lost: std::ops::Range<u64>) -> bool {
    let Ok(file) = OpenOptions::new().write(true).open(path) else {
        return false;
    };
    let mut bytes = vec![0; (lost.end - lost.start) as usize];
    match at {
        Some(at) => {
            if let Ok(old) = File::open(old) {
                let _ = old.read_at(&mut bytes, at + lost.start).unwrap();
            }
            file.write_all_at(&bytes, at + lost.start).unwrap();
        }
        None => {
            let whole = file.metadata().unwrap().len();
            file.set_len(whole.saturating_sub(bytes.len() as u64))
                .unwrap();
        }
    }
    true
}

/// The changes that no flush covers, in their order, and the names that flushed renames and unlinks changed.
#[derive(Debug, Default)]
struct Unflushed {
    changes: Vec<DiskChange>,
    settled: BTreeSet<PathBuf>,
}

fn unflushed(log: &str) -> Unflushed {
    let (mut changes, mut settled): (Vec<(usize, DiskChange)>, _) = (Vec::new(), BTreeSet::new());
    // Calls under way, by thread, and how many changes there were before each.
    let (mut begun, mut seen) = (BTreeMap::new(), 0);
    for line in log.lines() {
        let Some((thread, line)) = line.split_once(' ') else {
            continue;
        };
        let line = line.trim_start();
        if let Some(call) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (call, seen));
            continue;
        }
        // A call that failed, or on whose entry the process was killed, has changed nothing.
        let result = line.rsplit_once(" = ").map_or("?", |(_, result)| result);
        if !result.starts_with(|first: char| first.is_ascii_digit()) {
            begun.remove(thread);
            continue;
        }
        let (call, mark) = if line.starts_with("<... ") {
            begun.remove(thread).unwrap_or((line, seen))
        } else {
            (line, seen)
        };
        let Some((name, rest)) = call.split_once('(') else {
            continue;
        };
        let change = match (name, opened(rest), &named(rest)[..]) {
            // `, ""..., LENGTH`
            ("write", Some((path, rest)), _) => {
                let length = numbers(rest).next().unwrap_or(0);
                DiskChange::Write(vec![path], None, length)
            }
            // `, ""..., LENGTH, OFFSET`
            ("pwrite64", Some((path, rest)), _) => match numbers(rest).collect::<Vec<_>>()[..] {
                [length, offset, ..] => DiskChange::Write(vec![path], Some(offset), length),
                _ => continue,
            },
            ("rename", _, [from, to]) => DiskChange::Rename(from.into(), to.into()),
            ("unlink", _, [path]) => DiskChange::Unlink(path.into()),
            // `4</folder>, "name", 0`
            ("unlinkat", Some((folder, rest)), _) => match rest.split('"').nth(1) {
                Some(name) => DiskChange::Unlink(folder.join(name)),
                None => continue,
            },
            ("fsync" | "fdatasync", Some((path, _)), _) => {
                changes.retain(|(number, change)| {
                    let covered = *number < mark && is_of(change, &path);
                    if let (DiskChange::Rename(_, name) | DiskChange::Unlink(name), true) =
                        (change, covered)
                    {
                        settled.insert(name.clone());
                    }
                    !covered
                });
                continue;
            }
            _ => continue,
        };
        if let DiskChange::Rename(_, gone) | DiskChange::Unlink(gone) = &change {
            // What was written to the file that had this name is of no account any more.
            changes.retain(|(_, change)| !matches!(change, DiskChange::Write(names, ..) if names.last() == Some(gone)));
        }
        if let DiskChange::Rename(from, to) = &change {
            for (_, change) in &mut changes {
                match change {
                    DiskChange::Write(names, ..) if names.last() == Some(from) => {
                        names.push(to.clone())
                    }
                    _ => {}
                }
            }
        }
        changes.push((seen, change));
        seen += 1;
    }
    Unflushed {
        changes: changes.into_iter().map(|(_, change)| change).collect(),
        settled,
    }
}

fn is_of(change: &DiskChange, flushed: &Path) -> bool {
    match change {
        DiskChange::Write(names, ..) => names.last().is_some_and(|name| name == flushed),
        DiskChange::Rename(_, path) | DiskChange::Unlink(path) => path.parent() == Some(flushed),
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

/// The numbers between commas.
fn numbers(rest: &str) -> impl Iterator<Item = u64> {
    rest.split([',', ')'])
        .filter_map(|word| word.trim().parse().ok())
}

#[test]
fn only_what_no_flush_covers_is_lost() {
    let log = r#"1 write(3</s/a>, ""..., 10) = 10
1 fsync(3</s/a> <unfinished ...>
2 pwrite64(4</s/b>, ""..., 7, 64) = 7
2 write(3</s/a>, ""..., 5 <unfinished ...>
1 <... fsync resumed>)                  = 0
2 <... write resumed>)                  = 5
1 rename("/s/c.new", "/s/c") = 0
1 fsync(5</s>) = 0
1 unlink("/s/d") = 0
1 unlinkat(4</s/sub>, "x", 0) = 0
1 unlink("/s/e") = -1 ENOENT (No such file or directory)
1 write(1<pipe:[7]>, ""..., 3) = 3
1 fdatasync(4</s/b>) = -1 EIO (Input/output error)
1 write(6</s/f.new>, ""..., 9) = 9
1 rename("/s/f.new", "/s/f") = 0
1 fsync(5</s>) = 0
2 write(3</s/a>, ""..., 8) = ?
1 rename("/s/g", "/s/h" <unfinished ...>
2 +++ killed by SIGKILL +++
1 <... rename resumed>) = ?
"#;
    let Unflushed { changes, settled } = unflushed(log);
    let path = |name: &str| PathBuf::from(format!("/s/{name}"));
    let expected = [
        DiskChange::Write(vec![path("b")], Some(64), 7),
        DiskChange::Write(vec![path("a")], None, 5),
        DiskChange::Unlink(path("sub/x")),
        DiskChange::Write(vec![path("f.new"), path("f")], None, 9),
    ];
    assert_eq!(changes, expected);
    assert_eq!(settled, [path("c"), path("d"), path("f")].into());
}

#[test]
fn a_file_that_was_renamed_before_it_was_flushed_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let (state, before) = (dir.path().join("state"), dir.path().join("before"));
    for folder in [&state, &before] {
        fs::create_dir(folder).unwrap();
    }
    let place = state.display();
    fs::write(state.join("a"), "0123456789").unwrap();
    fs::write(before.join("b"), "old old old").unwrap();
    fs::write(state.join("b"), "old NEW old").unwrap();
    fs::write(state.join("c"), "new").unwrap();
    fs::write(before.join("c"), "old").unwrap();
    let log = format!(
        "1 write(3<{place}/a.new>, \"\"..., 10) = 10\n1 rename(\"{place}/a.new\", \"{place}/a\") = 0\n\
         1 fsync(4<{place}>) = 0\n1 pwrite64(5<{place}/b>, \"\"..., 3, 4) = 3\n\
         1 rename(\"{place}/c.new\", \"{place}/c\") = 0\n"
    );
    let lost = Lost {
        writes: 2,
        names: 1,
    };
    assert_eq!(lose(&log, &state, &before, 0), lost);
    let now = |name: &str| fs::read_to_string(state.join(name)).unwrap();
    assert_eq!((now("a"), now("b")), (String::new(), "old Nld old".into()));
    assert_eq!((now("c"), now("c.new")), ("old".into(), "new".into()));
}
