//! What the fetching of packages shares: the line, the store, the pace, the limits, and every wait with its name.
//! Never fetches anything itself.
//! Called by `fetch`, `lane` and `rebuild`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use logic::pace::Pace;
use logic::rate::Rate;
use logic::words::Trouble;

use super::first::Twins;
use super::flush::Flusher;
use super::progress::Watch;
use crate::clock;
use crate::uplink::Uplink;
use crate::vault::package::{Packages, Part};

/// What the fetching of packages shares from one to the next.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) uplink: Uplink,
    pub(super) packages: Packages,
    pub(super) watch: Watch,
    pub(super) limits: Rc<Limits>,
    pub(super) pace: Rc<RefCell<Pace>>,
    /// Which deliveries hold the same package.
    pub(super) twins: Rc<RefCell<Twins>>,
    flusher: Rc<Flusher>,
}

/// What the configuration allows a download.
pub(super) struct Limits {
    /// Disk kept free for results, bytes.
    pub(super) reserve: u64,
    /// Bytes per second, over all connections.
    pub(super) rate: RefCell<Rate>,
    /// A person asked for this run: what was found bad is tried once more.
    pub(super) asked: bool,
    /// How long to wait before the next range: a window that is closed, an exam that runs.
    pub(super) gate: Box<dyn Fn() -> Option<(&'static str, Duration)>>,
}

impl Link {
    /// # Errors
    /// What the file system says.
    pub(super) fn new(
        uplink: Uplink,
        packages: Packages,
        watch: Watch,
        limits: Limits,
        connections: usize,
        window: u64,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            uplink,
            twins: Rc::new(RefCell::new(Twins::read(&packages)?)),
            packages,
            watch,
            limits: Rc::new(limits),
            pace: Rc::new(RefCell::new(Pace::new(connections))),
            flusher: Rc::new(Flusher::new(window)),
        })
    }

    /// Waits while downloads are not allowed; whether it had to.
    pub(super) async fn gate(&self) -> bool {
        let mut waited = false;
        while let Some((why, wait)) = (self.limits.gate)() {
            self.wait(why, wait.min(Duration::from_secs(30))).await;
            waited = true;
        }
        waited
    }

    /// A wait with a name.
    pub(super) async fn wait(&self, why: &'static str, wait: Duration) {
        self.watch.waits(Some(why));
        tokio::time::sleep(wait).await;
        self.watch.waits(None);
    }

    /// Keeps the configured rate: the time that these bytes may take is slept away.
    pub(super) async fn throttle(&self, bytes: u64) {
        let wait = self
            .limits
            .rate
            .borrow_mut()
            .spend(bytes, clock::now().mono);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts written bytes towards the next flush and the progress.
    pub(super) fn written(&self, bytes: u64, part: &Part) {
        self.flusher.written(bytes, part);
        self.watch.package(part.meta(), part.have());
    }

    /// Waits until no more than one window of bytes is unflushed.
    pub(super) async fn flushed(&self) -> Result<(), Trouble> {
        self.flusher.settle().await
    }
}
