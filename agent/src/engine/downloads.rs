//! The lane of packages at work: one package after the other, beside the passes and from one to the next.
//! Never decides which package comes next, and never outlives the session that owns it.
//! Called by `run`, which hands over what is wanted, and by the worker, which waits for it.

use std::rc::Rc;

use logic::package_lane::{PackageAccount, PackageEnd, WantedPackage};
use tokio::task::JoinHandle;

use super::download::{fetch, is_met};
use super::link::{Link, SharedPackageLane};
use system::journal::event;

/// The lane and whoever is at work in it.
pub(super) struct Downloads {
    link: Link,
    task: Option<JoinHandle<()>>,
}

impl Downloads {
    /// An idle lane.
    pub(super) fn new(link: Link) -> Self {
        Self { link, task: None }
    }

    /// Takes over what is wanted, these and no others where the list is `whole`, and goes on with it.
    pub(super) fn want(&mut self, list: Vec<WantedPackage>, whole: bool) {
        let link = &self.link;
        let is_met = |wanted: &WantedPackage| is_met(link, wanted);
        let leaves = {
            let mut machine = self.lane().machine.borrow_mut();
            // What is left for another one is left below, with what is not wanted any more.
            let first = machine.first((link.limits.first)());
            machine.want(list, whole, is_met) || first
        };
        tell_first(link);
        if leaves && let Some(task) = self.task.take() {
            task.abort();
            self.link.watch.packages_wait(None, None);
        }
        if self.task.as_ref().is_none_or(JoinHandle::is_finished) {
            self.task = Some(system::task::spawn_local(bring(self.link.clone())));
        }
        self.lane().changed.notify_one();
    }

    /// Whether a person asked for packages, and what the gate says may have changed.
    pub(super) fn asked(&self, asked: bool) {
        self.link.limits.asked.set(asked);
        self.link.limits.look_again.notify_one();
    }

    /// What has come of it since the last account.
    pub(super) fn account(&self) -> PackageAccount {
        self.lane().machine.borrow_mut().take_account()
    }

    /// The lane as it stands.
    pub(super) fn lane(&self) -> &Rc<SharedPackageLane> {
        &self.link.lane
    }

    /// What the lane works with.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// Brings what is wanted until nothing more can be done.
async fn bring(link: Link) {
    loop {
        let (next, defers) = {
            let mut machine = link.lane.machine.borrow_mut();
            let next = machine.next();
            link.watch
                .packages(machine.progress(), machine.left_after());
            (next, machine.defers())
        };
        let Some(package) = next else {
            link.rate.rests();
            break;
        };
        link.watch.begins(&package.delivery);
        let end = tokio::select! {
            end = in_turn(&link, &package, defers) => end,
            // What has come of it is kept: it goes on later.
            () = another_first(&link) => {
                link.watch.packages_wait(None, None);
                continue;
            }
        };
        if let PackageEnd::Fetched { bytes, .. } = end {
            let message_id = event::PACKAGE_HELD.id;
            tracing::info!(message_id, code = %event::PACKAGE_HELD.code, "type" = "delivery", entity = %package.delivery, bytes, "a test package is held");
        }
        if let PackageEnd::Deferred { size, .. } = end {
            let noted = link
                .packages
                .note_size(&package.delivery, size, package.entity);
            if let Err(trouble) = noted {
                // It is told again, and what is left is not told meanwhile.
                tracing::warn!(code = %trouble.code, "{trouble}");
            }
        }
        link.lane.machine.borrow_mut().ended(end);
        tell_first(&link);
        link.lane.changed.notify_one();
    }
    link.lane.changed.notify_one();
}

/// Brings one package when it is this organisation's turn.
async fn in_turn(link: &Link, package: &WantedPackage, defers: bool) -> PackageEnd {
    let _turn = link.turn().await;
    fetch(link, package, defers).await
}

/// Ends when the package under way is to be left, for a person wants another one first.
async fn another_first(link: &Link) {
    loop {
        link.watch.lane_ordered().await;
        let first = (link.limits.first)();
        if link.lane.machine.borrow_mut().first(first) {
            return;
        }
    }
}

/// Tells once that an order to bring one package first has come to its end.
fn tell_first(link: &Link) {
    let over = link.lane.machine.borrow_mut().take_first_over();
    if let Some(delivery) = over {
        link.watch.first_is_over(delivery);
    }
}
