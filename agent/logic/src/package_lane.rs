//! The package lane: which package comes next, what holds it up, and what is told of it to the pass that asks.
//! Never waits for a pass and never holds one up: a pass hands over what is wanted and takes the account.
//! Called by `engine`, which brings the packages, and by the simulations of the lanes.

use std::collections::{BTreeSet, VecDeque};

use crate::entity::Checksum;
use crate::fault::{Code, Fault};
pub use crate::package::waiting::{WaitReason, Waiting};
use crate::report::PackageCount;
use crate::words::Outcome;

/// A delivery whose package is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPackage {
    /// URI.
    pub delivery: String,
    /// It changed in this pass.
    pub changed: bool,
    /// Its checksum; `None` for one that central names but gives no details of.
    pub entity: Option<Checksum>,
    /// Plain bytes that are still to come; `None` while nobody knows its size.
    pub left: Option<u64>,
}

/// How bringing one package home ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageEnd {
    /// Fetched, verified, visible.
    Fetched {
        /// Plain bytes.
        bytes: u64,
        /// Content bytes received for it.
        on_wire: u64,
    },
    /// Only its size was asked for: it comes when those of the others are known.
    Deferred {
        /// Plain bytes.
        size: u64,
        /// Content bytes received to find that out.
        on_wire: u64,
    },
    /// Was held already.
    Held {
        /// Content bytes received to find that out.
        on_wire: u64,
    },
    /// Not held.
    Failed {
        /// Why.
        trouble: Fault,
        /// Content bytes received.
        on_wire: u64,
    },
}

/// What a pass is told of the packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageAccount {
    /// What came, was held and failed since the last account, and what is still under way.
    pub count: PackageCount,
    /// Why packages failed, one each.
    pub findings: Vec<Fault>,
    /// Why the lane tries no more before packages are wanted again.
    pub stopped: Option<Fault>,
}

/// The machine of the lane.
#[derive(Debug, Default)]
pub struct PackageLane {
    queue: VecDeque<WantedPackage>,
    current: Option<WantedPackage>,
    /// It is only looked at, since sizes of others are unknown, and has this place in the queue where it is large.
    sizing: Option<usize>,
    /// What holds up the package under way.
    held_up: Option<Waiting>,
    account: PackageAccount,
    /// Deliveries whose packages came since the last account: they are not `unchanged` beside that.
    came: BTreeSet<String>,
    /// Packages of the last list that are through, and all of it.
    progress: (u64, u64),
    /// The delivery whose package a person wants before the others.
    first: Option<String>,
    /// The one for which that is over, until it is told.
    first_over: Option<String>,
}

impl PackageLane {
    /// Takes over what is wanted now, these and no others where the list is `whole`. `is_met` says whether the held
    /// package is surely the one. Gives whether the package under way has to be left: it is not wanted any more, or another
    /// one comes first.
    pub fn want(
        &mut self,
        list: Vec<WantedPackage>,
        whole: bool,
        is_met: impl Fn(&WantedPackage) -> bool,
    ) -> bool {
        let before = std::mem::take(&mut self.queue);
        // What failed is tried again, so that it has not failed yet.
        self.account.findings.clear();
        self.account.stopped = None;
        (self.account.count.failed, self.account.count.unchanged) = (0, 0);
        let mut all = list.len() as u64;
        let named: BTreeSet<String> = list.iter().map(|one| one.delivery.clone()).collect();
        let is_named = |wanted: &WantedPackage| named.contains(&wanted.delivery);
        // What an earlier list named goes on where this one does not say otherwise.
        let mut is_first_over = whole
            && !self
                .first
                .as_ref()
                .is_some_and(|first| named.contains(first));
        let mut goes_on = !whole && self.current.as_ref().is_some_and(|one| !is_named(one));
        all += u64::from(goes_on);
        for wanted in list {
            if self.is_under_way(&wanted) {
                goes_on = true;
            } else if is_met(&wanted) {
                self.account.count.unchanged += u64::from(!self.came.contains(&wanted.delivery));
                is_first_over |= self.first.as_ref() == Some(&wanted.delivery);
            } else {
                self.queue.push_back(wanted);
            }
        }
        if !whole {
            let unnamed = before.into_iter().filter(|one| !is_named(one));
            all += self.add(unnamed);
        }
        self.progress = (all - self.left(goes_on), all);
        if is_first_over {
            self.first_ends();
        }
        if goes_on {
            return self.prefer();
        }
        self.held_up = None;
        let leaves = self.current.take().is_some();
        self.prefer();
        leaves
    }

    /// The package of this delivery comes before the others, or none does any more. Gives whether the package under way is
    /// left for it: it goes on next after it.
    pub fn first(&mut self, delivery: Option<String>) -> bool {
        self.first = delivery;
        self.prefer()
    }

    /// Puts what comes first at the head of the queue.
    fn prefer(&mut self) -> bool {
        let is_first = |one: &WantedPackage| self.first.as_ref() == Some(&one.delivery);
        let at = self.queue.iter().position(is_first);
        let Some(first) = at.and_then(|at| self.queue.remove(at)) else {
            return false;
        };
        let left = self.current.take();
        let leaves = left.is_some();
        if leaves {
            self.held_up = None;
        }
        self.queue.extend(left);
        self.queue.rotate_right(usize::from(leaves));
        self.queue.push_front(first);
        leaves
    }

    fn first_ends(&mut self) {
        self.first_over = self.first.take().or(self.first_over.take());
    }

    /// The delivery that came first and does so no longer, since its package is held or not wanted any more; told once.
    pub fn take_first_over(&mut self) -> Option<String> {
        self.first_over.take()
    }

    fn add(&mut self, more: impl Iterator<Item = WantedPackage>) -> u64 {
        let before = self.queue.len();
        self.queue.extend(more);
        (self.queue.len() - before) as u64
    }

    /// The package of this very delivery is coming. One whose delivery changed meanwhile is begun anew.
    fn is_under_way(&self, wanted: &WantedPackage) -> bool {
        let same = |current: &&WantedPackage| {
            current.delivery == wanted.delivery
                && !wanted.changed
                && current.entity == wanted.entity
        };
        self.current.as_ref().filter(same).is_some()
    }

    fn left(&self, current: bool) -> u64 {
        self.queue.len() as u64 + u64::from(current)
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "a machine is no iterator: it goes on after `None`"
    )]
    /// The next package to bring, when none is under way.
    pub fn next(&mut self) -> Option<WantedPackage> {
        if self.current.is_some() || self.account.stopped.is_some() {
            return None;
        }
        self.sizing = self.to_size();
        self.current = self.queue.remove(self.sizing.unwrap_or(0));
        self.current.clone()
    }

    /// The place of the next package whose size is not known, where another one could come before it: what is left can be told
    /// before the line is busy for hours. What a person wants first waits for no size.
    fn to_size(&self) -> Option<usize> {
        let head = self.queue.front()?;
        if self.first.as_ref() == Some(&head.delivery) {
            return None;
        }
        let mut unsized_ones = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, one)| one.left.is_none());
        let (at, _) = unsized_ones.next()?;
        (at > 0 || unsized_ones.next().is_some()).then_some(at)
    }

    /// Whether the package under way, where it is a large one, is only looked at: the sizes of those after it come first.
    pub fn defers(&self) -> bool {
        self.sizing.is_some()
    }

    /// Plain bytes that are still to come after the package under way, where all sizes are known.
    pub fn left_after(&self) -> Option<u64> {
        self.queue.iter().map(|one| one.left).sum()
    }

    /// The package under way came to its end.
    pub fn ended(&mut self, end: PackageEnd) {
        let Some(wanted) = self.current.take() else {
            return;
        };
        self.held_up = None;
        let is_held = matches!(end, PackageEnd::Fetched { .. } | PackageEnd::Held { .. });
        if is_held && self.first.as_ref() == Some(&wanted.delivery) {
            self.first_ends();
        }
        let count = &mut self.account.count;
        match end {
            PackageEnd::Fetched { bytes, on_wire } => {
                count.downloaded += 1;
                count.bytes_stored += bytes;
                count.bytes_on_wire += on_wire;
                self.came.insert(wanted.delivery);
            }
            PackageEnd::Deferred { size, on_wire } => {
                count.bytes_on_wire += on_wire;
                let left = Some(size);
                return self.back(WantedPackage { left, ..wanted });
            }
            PackageEnd::Held { on_wire } => {
                count.unchanged += 1;
                count.bytes_on_wire += on_wire;
            }
            PackageEnd::Failed { trouble, on_wire } => {
                count.bytes_on_wire += on_wire;
                if stops(&trouble) {
                    self.account.stopped = Some(trouble);
                    return self.back(wanted);
                }
                count.failed += 1;
                self.account.findings.push(trouble);
            }
        }
        self.progress.0 += 1;
    }

    /// What was under way goes back to its place.
    fn back(&mut self, wanted: WantedPackage) {
        let at = self.sizing.take().unwrap_or(0);
        self.queue.insert(at.min(self.queue.len()), wanted);
    }

    /// The package under way waits for something, or for nothing any more. Gives whether that is new.
    pub fn hold_up(&mut self, waiting: Option<Waiting>) -> bool {
        let waiting = waiting.filter(|_| self.current.is_some());
        std::mem::replace(&mut self.held_up, waiting) != waiting
    }

    /// Whether a package is coming or about to come: nothing but time and the link is needed.
    pub fn is_active(&self) -> bool {
        let gate = self.held_up.is_some_and(|waiting| waiting.reason.is_gate());
        let stands = gate || self.account.stopped.is_some();
        !stands && self.left(self.current.is_some()) > 0
    }

    /// What holds up the lane, if something does.
    pub fn waiting(&self) -> Option<Waiting> {
        let stopped = self.account.stopped.as_ref().map(|trouble| Waiting {
            reason: WaitReason::of(trouble),
            until: None,
        });
        self.held_up.or(stopped)
    }

    /// Whether something failed that another try may bring.
    pub fn has_failed(&self) -> bool {
        let passing = |trouble: &Fault| trouble.class == crate::words::FaultClass::Retry;
        self.account.stopped.is_some() || self.account.findings.iter().any(passing)
    }

    /// Whether packages came that no account has told of.
    pub fn has_news(&self) -> bool {
        self.account.count.downloaded > 0
    }

    /// Packages of the last list that are through, and all of it.
    pub fn progress(&self) -> (u64, u64) {
        self.progress
    }

    /// What is to be told to central and to a person; what came and failed is told once.
    pub fn take_account(&mut self) -> PackageAccount {
        let mut account = self.account.clone();
        account.count.waiting = self.left(self.current.is_some());
        account.count.waiting_for = self.waiting().filter(|_| account.count.waiting > 0);
        self.came.clear();
        self.account = PackageAccount {
            stopped: self.account.stopped.take(),
            ..PackageAccount::default()
        };
        account
    }
}

/// Whether no package can be had at the moment: central cannot be reached, or will not know this box.
fn stops(trouble: &Fault) -> bool {
    matches!(
        trouble.outcome,
        Outcome::Offline | Outcome::Unauthorized | Outcome::Unsupported
    ) || trouble.code == Code::CentralMaintenance
}

#[cfg(test)]
mod tests;
