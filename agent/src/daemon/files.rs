//! Hears from the kernel that files of the state folder were replaced, came or went (inotify(7)), whoever did it.
//! Never reads what changed, and never wakes the daemon where nothing does: nobody polls.
//! Called by the keeper of the flags and of the metrics' file.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::net::unix::pipe::Receiver;

use system::root::{ORGANISATIONS, is_temporary};

/// Folders of the state folder whose files the flags tell of.
const WATCHED: [&str; 5] = ["", "catalogue", "packages", "spool", ORGANISATIONS];

/// A subscription to changes of the state folder.
pub(super) struct FileWatch {
    state: PathBuf,
    inotify: Inotify,
    /// The same descriptor once more: tokio waits for it as for a pipe, which needs no unsafe code.
    ready: Receiver,
}

impl FileWatch {
    /// # Errors
    /// What the kernel says: a user has so many subscriptions.
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let ready = inotify.as_fd().try_clone_to_owned()?;
        Ok(Self {
            state: state.to_owned(),
            ready: Receiver::from_owned_fd_unchecked(ready)?,
            inotify,
        })
    }

    /// Watches the folders that there are now, and forgets what happened so far.
    pub(super) fn begin(&self) {
        let changes = AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ONLYDIR;
        let added = std::fs::read_dir(self.state.join(ORGANISATIONS));
        let added = added.into_iter().flatten().flatten();
        let added = added.flat_map(|entry| [entry.path(), entry.path().join("catalogue")]);
        let own = WATCHED.into_iter().map(|name| self.state.join(name));
        for folder in own.chain(added) {
            // One that is not there yet comes with a change of the folder that it is in.
            let _ = self.inotify.add_watch(&folder, changes);
        }
        while self.read().is_ok() {}
    }

    /// Whether what happened since is of interest.
    ///
    /// # Errors
    /// `WouldBlock` where nothing did, or what the kernel says.
    fn read(&self) -> io::Result<bool> {
        let events = self.inotify.read_events()?;
        Ok(events.iter().any(|event| {
            let name = event.name.as_ref();
            name.is_none_or(|name| !is_temporary(name))
        }))
    }

    /// Ends when something has changed since `begin`, not before `rest` is over.
    pub(super) async fn changed(&self, rest: Duration) {
        tokio::time::sleep(rest).await;
        loop {
            let read = match self.ready.readable().await {
                Ok(()) => self.ready.try_io(|| self.read()),
                Err(error) => Err(error),
            };
            match read {
                Ok(true) => return,
                Err(error) if !passes(&error) => {
                    return std::future::pending().await;
                }
                Ok(false) | Err(_) => {}
            }
        }
    }
}

/// Whether there is only nothing to read yet.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Whether a change is told at once.
    async fn tells(watch: &FileWatch) -> bool {
        let changed = watch.changed(Duration::ZERO);
        let soon = Duration::from_secs(5);
        tokio::time::timeout(soon, changed).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_replaced_comes_or_goes_is_told_and_no_trial() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let watch = FileWatch::open(dir.path()).unwrap();
        watch.begin();
        assert!(!tells(&watch).await);
        fs::create_dir(at("spool")).unwrap();
        assert!(tells(&watch).await, "a folder");
        watch.begin();
        // A trial of the disk, and what is read.
        fs::write(at("spool/trial.1.new"), "").unwrap();
        fs::remove_file(at("spool/trial.1.new")).unwrap();
        fs::read_dir(at("spool")).unwrap().count();
        assert!(!tells(&watch).await);
        fs::write(at("spool/a.item.new"), "").unwrap();
        fs::rename(at("spool/a.item.new"), at("spool/a.item")).unwrap();
        assert!(tells(&watch).await, "an item");
        watch.begin();
        assert!(!tells(&watch).await);
        fs::create_dir_all(at("organisations/b/catalogue")).unwrap();
        watch.begin();
        fs::write(at("organisations/b/catalogue/edition"), "").unwrap();
        assert!(tells(&watch).await, "another organisation");
        fs::remove_file(at("spool/a.item")).unwrap();
        assert!(tells(&watch).await, "what goes");
    }
}
