//! What the fetching of packages shares: the line, the store, the pace, the limits, and every wait with its name.
//! Never fetches anything itself.
//! Called by `fetch`, `lane` and `rebuild`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use logic::fault::{Code, Fault};
use logic::pace::Pace;
use logic::package_lane::{Cause, PackageLane, Waiting};
use logic::rate::Rate;
use tokio::sync::Notify;

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
    /// Deliveries whose packages are kept though they are hidden; the first goes first when room is needed.
    spare: Rc<RefCell<VecDeque<String>>>,
    pub(super) lane: Rc<Lane>,
    flusher: Rc<Flusher>,
}

/// What the configuration allows a download.
pub(super) struct Limits {
    /// Disk kept free for results, bytes.
    pub(super) reserve: u64,
    /// Bytes per second, over all connections.
    pub(super) rate: RefCell<Rate>,
    /// A person asked for packages: what was found bad is tried once more.
    pub(super) asked: Cell<bool>,
    /// What holds the next range back, and for how long: a window that is closed, an exam that runs.
    pub(super) gate: Box<dyn Fn() -> Option<(Waiting, Duration)>>,
    /// What the gate says may have changed.
    pub(super) look_again: Notify,
    /// The running exam, and how long it may still take: what it uses is not replaced.
    pub(super) exam: Box<dyn Fn() -> Option<(Waiting, Duration)>>,
}

/// The lane of packages as it stands, shared by those who bring them and those who ask.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) machine: RefCell<PackageLane>,
    /// It has come to a stand or goes on.
    pub(super) changed: Notify,
}

/// So often a gate that is closed is looked at again.
const LOOKS: Duration = Duration::from_secs(30);

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
    ) -> Result<Self, Fault> {
        Ok(Self {
            uplink,
            twins: Rc::new(RefCell::new(Twins::read(&packages)?)),
            packages,
            watch,
            limits: Rc::new(limits),
            pace: Rc::new(RefCell::new(Pace::new(connections))),
            spare: Rc::default(),
            lane: Rc::default(),
            flusher: Rc::new(Flusher::new(window)),
        })
    }

    /// Which packages may go when room is needed, in this order: hidden ones, never one that is shown.
    pub(super) fn may_go(&self, deliveries: Vec<String>) {
        // Central has none for them any more: it cannot say whether one that another delivery holds too is theirs.
        let mut twins = self.twins.borrow_mut();
        deliveries.iter().for_each(|hidden| twins.forget(hidden));
        *self.spare.borrow_mut() = deliveries.into();
    }

    /// Begins a download at nothing; packages of hidden deliveries make room for it, one after the other.
    ///
    /// # Errors
    /// What `Packages::begin` says when nothing is left that may go.
    pub(super) fn begin(
        &self,
        delivery: &str,
        size: u64,
        tail: Option<[u8; 32]>,
    ) -> Result<Part, Fault> {
        // Its own old package is of use: members are taken from it.
        self.spare.borrow_mut().retain(|spare| spare != delivery);
        loop {
            match self
                .packages
                .begin(delivery, size, tail, self.limits.reserve)
            {
                Err(trouble)
                    if [Code::DiskFull, Code::DiskInodes].contains(&trouble.code)
                        && self.give_one_up()? => {}
                begun => return begun,
            }
        }
    }

    /// Gives up packages of hidden deliveries while less is free than is kept for results.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn free_reserve(&self) -> Result<(), Fault> {
        while self.packages.free()? < self.limits.reserve && self.give_one_up()? {}
        Ok(())
    }

    /// Gives up the package of the delivery that was hidden first; whether there was one.
    fn give_one_up(&self) -> Result<bool, Fault> {
        loop {
            let Some(delivery) = self.spare.borrow_mut().pop_front() else {
                return Ok(false);
            };
            if self.packages.remove(&delivery)? {
                tracing::info!("the package of a delivery that central stopped naming made room");
                return Ok(true);
            }
        }
    }

    /// Waits while downloads are not allowed; whether it had to.
    pub(super) async fn gate(&self) -> bool {
        self.held_back(&*self.limits.gate).await
    }

    async fn held_back(&self, by: &dyn Fn() -> Option<(Waiting, Duration)>) -> bool {
        let mut waited = false;
        while let Some((waiting, wait)) = by() {
            self.held_up(Some(waiting));
            self.watch
                .packages_wait(Some(waiting.reason.words()), Some(waiting));
            tokio::select! {
                () = tokio::time::sleep(wait.min(LOOKS)) => {}
                () = self.limits.look_again.notified() => {}
            }
            waited = true;
        }
        if waited {
            self.watch.packages_wait(None, None);
            self.held_up(None);
        }
        waited
    }

    /// Waits while an exam runs.
    pub(super) async fn exam_over(&self) {
        self.held_back(&*self.limits.exam).await;
    }

    fn held_up(&self, waiting: Option<Waiting>) {
        if self.lane.machine.borrow_mut().hold_up(waiting) {
            self.lane.changed.notify_one();
        }
    }

    /// Waits before the next attempt at what a trouble kept from coming.
    pub(super) async fn wait(&self, why: &'static str, wait: Duration, trouble: &Fault) {
        let waiting = Waiting {
            reason: Cause::of(trouble),
            until: Some(clock::now().after(wait).wall),
        };
        self.held_up(Some(waiting));
        self.watch.packages_wait(Some(why), Some(waiting));
        tokio::time::sleep(wait).await;
        self.watch.packages_wait(None, None);
        self.held_up(None);
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
    pub(super) async fn flushed(&self) -> Result<(), Fault> {
        self.flusher.settle().await
    }
}
