//! Keeps the flags of the box: a file each below `/run/boxsync` that exists exactly while it is true, as far as was looked.
//! Never judges (`logic::health::flag`), and never leaves a flag up behind itself: whoever sees one sees a daemon at work.
//! Called by the daemon's loop. A daemon that is killed leaves them to systemd (`ExecStopPost` of its unit).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use logic::fault::Fault;
use logic::health::flag::{Blocking, BoxFlag, flags};
use tokio::task::JoinHandle;

use crate::engine::exam;
use crate::socket::sample;
use crate::socket::state::SharedState;
use system::journal;
use system::root::{Root, remove_file, write_for_all};

/// Without news it is looked so often: verdicts change by themselves.
const FLAG_INTERVAL: Duration = Duration::from_secs(300);
/// News that come faster are looked at together.
const FLAG_PAUSE: Duration = Duration::from_secs(2);

/// The task that keeps them.
pub(super) struct FlagKeeper {
    root: Root,
    task: JoinHandle<()>,
}

impl FlagKeeper {
    /// Begins with no flag up.
    pub(super) fn new(root: &Root, shared: &SharedState) -> Self {
        lower(root);
        let task = system::task::spawn_local(keep(shared.clone()));
        let root = root.clone();
        Self { root, task }
    }
}

impl Drop for FlagKeeper {
    fn drop(&mut self) {
        self.task.abort();
        lower(&self.root);
    }
}

fn path(root: &Root, flag: BoxFlag) -> PathBuf {
    root.socket().with_file_name(flag.file())
}

/// Takes all down.
fn lower(root: &Root) {
    // What cannot be removed is told by whoever keeps them.
    let _ = set(root, &BTreeSet::new());
}

/// Makes these and no others be up. What goes goes first: `ready` and `not-ready` are never there together.
fn set(root: &Root, up: &BTreeSet<BoxFlag>) -> Result<(), Fault> {
    for flag in BoxFlag::ALL.into_iter().filter(|flag| !up.contains(flag)) {
        remove_file(&path(root, flag))?;
    }
    for flag in up {
        let path = path(root, *flag);
        if !path.exists() {
            write_for_all(&path, b"")?;
        }
    }
    Ok(())
}

async fn keep(shared: SharedState) {
    // Told once, until they could be set again.
    let mut told = false;
    loop {
        let news = shared.news();
        let glance = sample::anew(&shared).await;
        let left = exam::running(shared.root());
        let blocking = Blocking {
            exam: left.is_some(),
            packages: shared.standing().waiting.map(|waiting| waiting.reason),
        };
        let up = flags(glance.as_deref().map(|glance| &glance.standing), blocking);
        match set(shared.root(), &up) {
            Err(fault) if !told => {
                journal::trouble(&fault);
                told = true;
            }
            Err(_) => {}
            Ok(()) => told = false,
        }
        tokio::time::sleep(FLAG_PAUSE).await;
        // An exam ends by itself, too.
        let wait = left.map_or(FLAG_INTERVAL, |left| left.min(FLAG_INTERVAL));
        let _ = tokio::time::timeout(wait, news.changed(up.contains(&BoxFlag::Owed))).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn flags_are_files_and_none_outlives_its_truth() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let folder = root.socket().parent().unwrap().to_owned();
        fs::create_dir_all(&folder).unwrap();
        let there = || {
            let names = fs::read_dir(&folder).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<BTreeSet<String>>()
        };
        set(&root, &[BoxFlag::Ready, BoxFlag::Owed].into()).unwrap();
        assert_eq!(there(), ["owed", "ready"].map(str::to_owned).into());
        set(&root, &[BoxFlag::NotReady, BoxFlag::Owed].into()).unwrap();
        assert_eq!(there(), ["not-ready", "owed"].map(str::to_owned).into());
        lower(&root);
        assert_eq!(there(), BTreeSet::new());
    }
}
