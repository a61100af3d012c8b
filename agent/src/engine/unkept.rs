//! What could not be written down in a run, and the note that a request went without a mark.
//! Never stops a run: what is owed leaves where nothing can be written that is not needed for it.
//! Called by `Engine::run` and by `owed`.
//!
//! The note lies beside the socket, on the volume that the system empties when it starts: it is there where the state
//! folder is full, read-only or failing, and it need not outlive the machine, since central is at no request any more
//! by the time that it is up again.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use logic::fault::Fault;
use logic::trace::is_unkept;
use logic::words::Now;

use system::root::Root;

/// What could not be written down in this run.
#[derive(Default)]
pub(super) struct Unkept(Vec<Fault>);

impl Unkept {
    /// Goes on without what the disk does not take.
    ///
    /// # Errors
    /// Whatever else went wrong.
    pub(super) fn or<T>(&mut self, done: Result<T, Fault>, without: T) -> Result<T, Fault> {
        match done {
            Err(trouble) if is_unkept(trouble.code) => {
                self.0.push(trouble);
                Ok(without)
            }
            done => done,
        }
    }

    /// What is to be told of it, each kind of trouble once.
    pub(super) fn told(mut self) -> Vec<Fault> {
        let mut codes = Vec::new();
        self.0.retain(|trouble| {
            let new = !codes.contains(&trouble.code);
            codes.push(trouble.code);
            new
        });
        self.0
    }
}

/// The note that a request may be under way without a mark.
pub(super) struct Unmarked(PathBuf);

impl Unmarked {
    pub(super) fn of(root: &Root) -> Self {
        Self(root.socket().with_file_name("unmarked"))
    }

    /// A request goes without a mark from here on.
    ///
    /// # Errors
    /// What the file system says; then it must not go.
    pub(super) fn note(&self) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.0, "")
    }

    /// Central is at none of them any more.
    pub(super) fn clear(&self) {
        // One that stays makes the next run wait a little.
        let _ = fs::remove_file(&self.0);
    }

    /// Until when central may be at one that an earlier run left, if it left one: `settle` from the moment at which that
    /// is noticed first.
    pub(super) fn until(&self, settle: Duration, now: Now) -> Option<Now> {
        let told = fs::read_to_string(&self.0).ok()?;
        let noticed = match told.parse().map(Duration::from_millis) {
            Ok(noticed) => noticed,
            Err(_) => {
                let _ = fs::write(&self.0, now.mono.as_millis().to_string());
                now.mono
            }
        };
        // A moment that is still to come is of another start of the machine.
        let left = settle.checked_sub(now.mono.checked_sub(noticed)?)?;
        (!left.is_zero()).then(|| now.after(left))
    }
}

#[cfg(test)]
mod tests {
    use logic::fault::Code;

    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            wall: 1_795_000_000,
        }
    }

    #[test]
    fn the_note_holds_the_next_run_back_for_as_long_as_central_may_be_at_a_request() {
        let dir = tempfile::tempdir().unwrap();
        let note = Unmarked::of(&Root::new(dir.path()));
        let settle = Duration::from_secs(60);
        let until = |seconds| {
            note.until(settle, at(seconds))
                .map(|until| until.mono.as_secs())
        };
        assert_eq!(until(1000), None);
        note.note().unwrap();
        assert_eq!(
            (until(1000), until(1030), until(1060)),
            (Some(1060), Some(1060), None)
        );
        // A run between may leave another one.
        note.note().unwrap();
        assert_eq!(until(2000), Some(2060));
        // The machine was started anew, on a volume that is not emptied.
        assert_eq!(until(20), None);
        note.clear();
        assert_eq!(until(2001), None);
    }

    #[test]
    fn only_what_the_disk_does_not_take_is_gone_without() {
        let trouble = |code| Fault::new(code, "");
        let mut unkept = Unkept::default();
        for code in [Code::DiskFull, Code::StateReadOnly, Code::DiskFull] {
            assert_eq!(unkept.or(Err(trouble(code)), 7).unwrap(), 7);
        }
        assert_eq!(
            unkept
                .or(Err(trouble(Code::StateBusy)), 7)
                .unwrap_err()
                .code,
            Code::StateBusy
        );
        assert_eq!(unkept.or(Ok(1), 7).unwrap(), 1);
        let told: Vec<_> = unkept.told().into_iter().map(|told| told.code).collect();
        assert_eq!(told, [Code::DiskFull, Code::StateReadOnly]);
    }
}
