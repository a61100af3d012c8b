//! Keeps the flags of the box, a file each below `/run/boxsync` that exists exactly while it is true as far as was looked, and the
//! file of the metrics and their pushes, by one look for all: on news of the daemon, when somebody changed the state folder, and now and then.
//! Never judges (`logic::health::flag`), and never leaves a flag up behind itself: whoever sees one sees a daemon at work.
//! Called by the daemon's loop. A daemon that is killed leaves them to systemd (`ExecStopPost` of its unit).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use logic::fault::Fault;
use logic::health::flag::{Blocking, BoxFlag, flags};
use tokio::task::JoinHandle;

use super::files::FileWatch;
use super::push::Pusher;
use super::textfile::Textfile;
use crate::engine::exam;
use crate::socket::sample;
use crate::socket::state::SharedState;
use system::journal;
use system::root::{Root, remove_file, write_for_all};

/// Without news it is looked so often: verdicts change by themselves.
const FLAG_INTERVAL: Duration = Duration::from_secs(300);
/// News that come faster are looked at together.
const FLAG_PAUSE: Duration = Duration::from_secs(2);
/// While a run is under way, which changes files all the time, they are no reason to look more often.
const FILES_PAUSE: Duration = Duration::from_secs(30);

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

/// Ends when somebody has changed the state folder; never where that is not heard.
async fn changed(files: Option<&FileWatch>, rest: Duration) {
    match files {
        Some(files) => files.changed(rest).await,
        None => std::future::pending().await,
    }
}

async fn keep(shared: SharedState) {
    // Told once, until they could be set again.
    let mut told = false;
    let mut textfile = Textfile::default();
    let pusher = Pusher::default();
    let files = FileWatch::open(&shared.root().state());
    if let Err(error) = &files {
        tracing::warn!("flags follow what others change every few minutes alone: {error}");
    }
    let files = files.ok();
    loop {
        let news = shared.news();
        if let Some(files) = &files {
            files.begin();
        }
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
        if let Some(glance) = &glance {
            textfile.write(&shared, &glance.standing).await;
            pusher.look(&shared, glance);
        }
        tokio::time::sleep(FLAG_PAUSE).await;
        // An exam ends by itself, too.
        let wait = left.map_or(FLAG_INTERVAL, |left| left.min(FLAG_INTERVAL));
        let rest = match shared.standing().running {
            Some(_) => FILES_PAUSE,
            None => Duration::ZERO,
        };
        tokio::select! {
            () = news.changed(up.contains(&BoxFlag::Owed)) => {}
            () = changed(files.as_ref(), rest) => {}
            () = tokio::time::sleep(wait) => {}
        }
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
