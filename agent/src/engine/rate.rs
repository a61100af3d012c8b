//! The rate at which packages come, for whoever asks while they do: a file of /run that no restart needs.
//! Never decides what a rate means: that is `logic::package::estimate`; never a reason for a download to fail.
//! Written by `download` and `downloads`; read by `doctor::standing`.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use logic::package::estimate::{PackageRate, RateMeter};
use system::clock;
use system::root::{Root, read_at_most, write_for_all};

/// What comes, and where its rate is told.
pub(super) struct RateFile {
    meter: RefCell<RateMeter>,
    path: PathBuf,
}

impl RateFile {
    /// Nothing came yet.
    pub(super) fn new(root: &Root) -> Self {
        Self {
            meter: RefCell::default(),
            path: path(root),
        }
    }

    /// Bytes of a package came over the link.
    pub(super) fn came(&self, bytes: u64) {
        let now = clock::uptime();
        let mut meter = self.meter.borrow_mut();
        if meter.came(bytes, now)
            && let Some(rate) = meter.rate(now)
            && let Ok(text) = serde_json::to_vec(&rate)
        {
            // Without a folder nobody reads it.
            let _ = write_for_all(&self.path, &text);
        }
    }

    /// No package comes for now, and none has a rate.
    pub(super) fn rests(&self) {
        self.meter.borrow_mut().rests();
        let _ = fs::remove_file(&self.path);
    }
}

/// The rate of now; `None` where no package comes, or not for long enough.
pub fn measured(root: &Root) -> Option<PackageRate> {
    let text = read_at_most(&path(root), 1 << 10).ok()?;
    let rate: PackageRate = serde_json::from_slice(&text).ok()?;
    rate.holds(clock::uptime()).then_some(rate)
}

fn path(root: &Root) -> PathBuf {
    root.socket().with_file_name("rate")
}
