//! What a run is doing right now, for whoever watches it: terminal, socket, page.
//! Never decides anything and never blocks the run.
//! Written by `run` and `download`; read through `RunWatch`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use logic::package_lane::Waiting;
use logic::report::Report;
use logic::schedule::RunStage;
use serde::{Deserialize, Serialize};

use vault::package::Meta;

/// What a run does while packages come.
pub(super) const BRINGING: &str = "bringing packages";

/// A snapshot of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, in words.
    pub doing: String,
    /// How far it is, as far as another run depends on it.
    pub stage: RunStage,
    /// What the run waits for, when it waits.
    pub waits: Option<String>,
    /// Entities compared so far, over all types.
    pub entities: u64,
    /// The package under way.
    pub package: Option<PackageProgress>,
    /// Packages done and wanted.
    pub packages: (u64, u64),
    /// Bytes of the packages after the one under way, where all sizes are known.
    #[serde(default)]
    pub left_after: Option<u64>,
    /// What holds up the packages, and until when.
    #[serde(default)]
    pub waiting: Option<Waiting>,
}

impl Progress {
    /// What of it goes on beside the passes.
    #[must_use]
    pub fn of_packages(self) -> Self {
        Self {
            package: self.package,
            packages: self.packages,
            left_after: self.left_after,
            waiting: self.waiting,
            ..Self::default()
        }
    }
}

/// How far one package is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageProgress {
    /// URI of the delivery.
    pub delivery: String,
    /// Plain bytes on disk.
    pub bytes: u64,
    /// Plain bytes in all.
    pub size: u64,
}

/// Shared between a run and its watchers.
#[derive(Clone, Default)]
pub struct RunWatch(Rc<RefCell<ProgressState>>, Rc<StopSignal>);

/// Whether the run is to end.
#[derive(Default)]
struct StopSignal {
    told: Cell<bool>,
    notify: tokio::sync::Notify,
    /// A person has ordered something of the downloads: told to whoever brings a package, and to the lane.
    ordered: tokio::sync::Notify,
    lane_ordered: tokio::sync::Notify,
    /// The delivery that came first and does so no longer, and that it is new.
    first_over: RefCell<Option<String>>,
    first_told: tokio::sync::Notify,
}

#[derive(Default)]
struct ProgressState {
    progress: Progress,
    /// What the lane of what is owed waits for.
    owed: Option<&'static str>,
    /// What the lane of packages waits for.
    packages: Option<&'static str>,
}

impl RunWatch {
    /// The run is to end within seconds: it tells central so.
    pub fn stop(&self) {
        self.1.told.set(true);
        self.1.notify.notify_one();
    }

    /// Waits until the run is to end.
    pub async fn stopped(&self) {
        while !self.1.told.get() {
            self.1.notify.notified().await;
        }
    }

    /// A person has ordered something of the downloads: whoever brings a package looks at once.
    pub fn orders(&self) {
        self.1.ordered.notify_one();
        // The lane of each organisation, and one that is about to wait.
        self.1.lane_ordered.notify_waiters();
        self.1.lane_ordered.notify_one();
    }

    /// Ends when there is an order for the lane.
    pub(super) async fn lane_ordered(&self) {
        self.1.lane_ordered.notified().await;
    }

    /// This delivery's package comes before the others no longer.
    pub(super) fn first_is_over(&self, delivery: String) {
        *self.1.first_over.borrow_mut() = Some(delivery);
        self.1.first_told.notify_one();
    }

    /// Ends with the next delivery that comes first no longer.
    pub async fn first_over(&self) -> String {
        loop {
            if let Some(delivery) = self.1.first_over.take() {
                return delivery;
            }
            self.1.first_told.notified().await;
        }
    }

    /// Ends when there is an order.
    pub(super) async fn ordered(&self) {
        self.1.ordered.notified().await;
    }

    /// The present state.
    pub fn snapshot(&self) -> Progress {
        let state = self.0.borrow();
        let mut progress = state.progress.clone();
        let lanes = state.owed.or(state.packages).map(str::to_owned);
        progress.waits = progress.waits.or(lanes);
        if progress.doing.is_empty() && progress.package.is_some() {
            BRINGING.clone_into(&mut progress.doing);
        }
        progress
    }

    /// Takes over what another process tells of its run.
    pub fn follow(&self, progress: Progress) {
        self.0.borrow_mut().progress = progress;
    }

    /// A pass begins; packages may be under way since the one before.
    pub(super) fn pass_begins(&self) {
        let progress = &mut self.0.borrow_mut().progress;
        *progress = std::mem::take(progress).of_packages();
    }

    /// A pass has ended; what goes on are packages.
    pub(super) fn pass_ends(&self) {
        let mut state = self.0.borrow_mut();
        state.progress.doing.clear();
        (state.progress.waits, state.owed) = (None, None);
    }

    pub(super) fn owed_waits(&self, why: Option<&'static str>) {
        self.0.borrow_mut().owed = why;
    }

    /// Whether what is owed waits for central to be through with a request whose answer was lost.
    pub(super) fn settles(&self) -> bool {
        self.0.borrow().owed == Some(logic::spool::SETTLING)
    }

    pub(super) fn packages_wait(&self, why: Option<&'static str>, waiting: Option<Waiting>) {
        let mut state = self.0.borrow_mut();
        state.packages = why;
        state.progress.waiting = waiting;
    }

    pub(super) fn reached(&self, stage: RunStage) {
        let progress = &mut self.0.borrow_mut().progress;
        progress.stage = progress.stage.max(stage);
    }

    pub(super) fn does(&self, what: &str) {
        let progress = &mut self.0.borrow_mut().progress;
        if progress.doing != what {
            what.clone_into(&mut progress.doing);
        }
    }

    pub(super) fn waits(&self, why: Option<&'static str>) {
        self.0.borrow_mut().progress.waits = why.map(str::to_owned);
    }

    pub(super) fn report(&self, report: &Report) {
        let seen =
            |count: &logic::report::EntityCount| count.created + count.updated + count.unchanged;
        self.0.borrow_mut().progress.entities = report.entities.values().map(seen).sum();
    }

    pub(super) fn packages(&self, (done, wanted): (u64, u64), left_after: Option<u64>) {
        let progress = &mut self.0.borrow_mut().progress;
        (progress.packages, progress.left_after) = ((done, wanted), left_after);
        progress.package = None;
    }

    pub(super) fn begins(&self, delivery: &str) {
        self.0.borrow_mut().progress.package = Some(PackageProgress {
            delivery: delivery.to_owned(),
            ..PackageProgress::default()
        });
    }

    /// Another record of the package under way is on disk.
    pub(super) fn package(&self, meta: &Meta, have: &[bool]) {
        let progress = &mut self.0.borrow_mut().progress;
        let Some(package) = progress.package.as_mut() else {
            return;
        };
        if package.size == meta.size && package.bytes > 0 {
            package.bytes = (package.bytes + u64::from(meta.record)).min(meta.size);
            return;
        }
        let records = have.iter().filter(|have| **have).count() as u64;
        package.size = meta.size;
        package.bytes = (records * u64::from(meta.record)).min(meta.size);
    }
}
