//! What the fetching of packages shares: the line, the store, the limits, and room on the disk.
//! Never fetches anything itself.
//! Called by `download` and `downloads`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use logic::download::Carriage;
use logic::fault::{Code, Fault};
use logic::package_lane::{PackageLane, Waiting};
use logic::rate::RateOverride;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::download::SiblingLinks;
use super::progress::RunWatch;
use super::rate::RateFile;
use super::twins::Twins;
use system::root::Root;
use uplink::Uplink;
use vault::package::{PackageStore, PartialPackage};

/// What the fetching of packages shares from one to the next.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) uplink: Uplink,
    pub(super) packages: PackageStore,
    pub(super) root: Root,
    /// The other boxes of the site, where any are known.
    pub(super) siblings: Option<Rc<SiblingLinks>>,
    pub(super) watch: RunWatch,
    pub(super) limits: Rc<Limits>,
    /// What the link has shown, and what is allowed.
    pub(super) carriage: Rc<RefCell<Carriage>>,
    /// Which deliveries hold the same package.
    pub(super) twins: Rc<RefCell<Twins>>,
    /// Deliveries whose packages are kept though they are hidden; the first goes first when room is needed.
    spare: Rc<RefCell<VecDeque<String>>>,
    pub(super) lane: Rc<SharedPackageLane>,
    pub(super) rate: Rc<RateFile>,
    /// Whoever brings a package has it.
    pub(super) turn: Rc<Semaphore>,
    /// Deliveries for which a stick has an older package than central may have.
    pub(super) older: Rc<[String]>,
}

/// What the configuration allows a download.
pub(super) struct Limits {
    /// Disk kept free for results, bytes.
    pub(super) reserve: u64,
    /// A person asked for packages: what was found bad is tried once more.
    pub(super) asked: Cell<bool>,
    /// What holds the next range back, and for how long: a window that is closed, an exam that runs, a pause.
    pub(super) gate: Box<dyn Fn() -> Option<(Waiting, Duration)>>,
    /// The rate that a person ordered, where it is not the configured one.
    pub(super) rate: Box<dyn Fn() -> Option<RateOverride>>,
    /// The delivery whose package a person wants before the others.
    pub(super) first: Box<dyn Fn() -> Option<String>>,
    /// What the gate says may have changed.
    pub(super) look_again: Notify,
    /// The running exam, and how long it may still take: what it uses is not replaced.
    pub(super) exam: Box<dyn Fn() -> Option<(Waiting, Duration)>>,
}

/// The lane of packages as it stands, shared by those who bring them and those who ask.
#[derive(Default)]
pub(super) struct SharedPackageLane {
    pub(super) machine: RefCell<PackageLane>,
    /// It has come to a stand or goes on.
    pub(super) changed: Notify,
}

impl Link {
    /// # Errors
    /// What the file system says.
    pub(super) fn new(
        uplink: Uplink,
        packages: PackageStore,
        watch: RunWatch,
        limits: Limits,
        carriage: Carriage,
        root: &Root,
        turn: Rc<Semaphore>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            uplink,
            root: root.clone(),
            siblings: None,
            twins: Rc::new(RefCell::new(Twins::read(&packages)?)),
            packages,
            watch,
            limits: Rc::new(limits),
            carriage: Rc::new(RefCell::new(carriage)),
            spare: Rc::default(),
            lane: Rc::default(),
            rate: Rc::new(RateFile::new(root)),
            turn,
            older: Rc::default(),
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
    /// What `PackageStore::begin` says when nothing is left that may go.
    pub(super) fn begin(
        &self,
        delivery: &str,
        size: u64,
        tail: Option<[u8; 32]>,
    ) -> Result<PartialPackage, Fault> {
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

    /// Waits until no other organisation of the box brings a package; meanwhile what holds up both is told here too.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        /// So often it is looked whether a window closed or an exam began.
        const LOOK: Duration = Duration::from_secs(5);
        loop {
            tokio::select! {
                biased;
                permit = self.turn.acquire() => {
                    self.held_up(None);
                    // It is never closed.
                    return permit.ok();
                }
                () = tokio::time::sleep(LOOK) => {
                    self.held_up((self.limits.gate)().map(|(waiting, _)| waiting));
                }
            }
        }
    }

    pub(super) fn held_up(&self, waiting: Option<Waiting>) {
        if waiting.is_some_and(|waiting| waiting.reason.is_gate()) {
            self.rate.rests();
        }
        if self.lane.machine.borrow_mut().hold_up(waiting) {
            self.lane.changed.notify_one();
        }
    }
}
