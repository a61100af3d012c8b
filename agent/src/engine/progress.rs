//! What a run is doing right now, for whoever watches it: terminal, socket, page.
//! Never decides anything and never blocks the run.
//! Written by `run`, `fetch` and `lane`; read through `Watch`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use logic::report::Report;
use logic::schedule::Stage;
use serde::{Deserialize, Serialize};

use crate::vault::package::Meta;

/// A snapshot of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, in words.
    pub doing: String,
    /// How far it is, as far as another run depends on it.
    pub stage: Stage,
    /// What the run waits for, when it waits.
    pub waits: Option<String>,
    /// Entities compared so far, over all types.
    pub entities: u64,
    /// The package under way.
    pub package: Option<PackageProgress>,
    /// Packages done and wanted in this run.
    pub packages: (u64, u64),
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
pub struct Watch(Rc<RefCell<Progress>>, Rc<Stop>);

/// Whether the run is to end.
#[derive(Default)]
struct Stop {
    told: Cell<bool>,
    notify: tokio::sync::Notify,
}

impl Watch {
    /// The run is to end within seconds: it tells central so.
    pub fn stop(&self) {
        self.1.told.set(true);
        self.1.notify.notify_one();
    }

    /// Waits until the run is to end.
    pub(super) async fn stopped(&self) {
        while !self.1.told.get() {
            self.1.notify.notified().await;
        }
    }

    /// The present state.
    pub fn snapshot(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Takes over what another process tells of its run.
    pub fn follow(&self, progress: Progress) {
        *self.0.borrow_mut() = progress;
    }

    pub(super) fn reached(&self, stage: Stage) {
        let mut progress = self.0.borrow_mut();
        progress.stage = progress.stage.max(stage);
    }

    pub(super) fn does(&self, what: &str) {
        let mut progress = self.0.borrow_mut();
        if progress.doing != what {
            what.clone_into(&mut progress.doing);
        }
    }

    pub(super) fn waits(&self, why: Option<&'static str>) {
        self.0.borrow_mut().waits = why.map(str::to_owned);
    }

    pub(super) fn report(&self, report: &Report) {
        let seen =
            |count: &logic::report::EntityCount| count.created + count.updated + count.unchanged;
        self.0.borrow_mut().entities = report.entities.values().map(seen).sum();
    }

    pub(super) fn packages(&self, done: u64, wanted: u64) {
        let mut progress = self.0.borrow_mut();
        progress.packages = (done, wanted);
        progress.package = None;
    }

    pub(super) fn begins(&self, delivery: &str) {
        self.0.borrow_mut().package = Some(PackageProgress {
            delivery: delivery.to_owned(),
            ..PackageProgress::default()
        });
    }

    /// Another record of the package under way is on disk.
    pub(super) fn package(&self, meta: &Meta, have: &[bool]) {
        let mut progress = self.0.borrow_mut();
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
