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
        self.current = self.queue.pop_front();
        self.current.clone()
    }

    /// The package under way came to its end.
    pub fn ended(&mut self, end: PackageEnd) {
        let Some(wanted) = self.current.take() else {
            return;
        };
        self.held_up = None;
        let is_held = !matches!(end, PackageEnd::Failed { .. });
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
            PackageEnd::Held { on_wire } => {
                count.unchanged += 1;
                count.bytes_on_wire += on_wire;
            }
            PackageEnd::Failed { trouble, on_wire } => {
                count.bytes_on_wire += on_wire;
                if stops(&trouble) {
                    self.account.stopped = Some(trouble);
                    self.queue.push_front(wanted);
                    return;
                }
                count.failed += 1;
                self.account.findings.push(trouble);
            }
        }
        self.progress.0 += 1;
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
mod tests {
    use super::*;

    fn wanted(delivery: &str) -> WantedPackage {
        WantedPackage {
            delivery: delivery.to_owned(),
            changed: false,
            entity: None,
        }
    }

    fn list(deliveries: &[&str]) -> Vec<WantedPackage> {
        deliveries.iter().map(|delivery| wanted(delivery)).collect()
    }

    fn fetched() -> PackageEnd {
        PackageEnd::Fetched {
            bytes: 10,
            on_wire: 4,
        }
    }

    fn failed(code: Code, outcome: Outcome) -> PackageEnd {
        PackageEnd::Failed {
            trouble: Fault::new(code, "why").ending(outcome),
            on_wire: 0,
        }
    }

    #[test]
    fn what_is_under_way_goes_on_over_passes_and_is_told_as_waiting() {
        let mut lane = PackageLane::default();
        assert!(
            !lane.want(list(&["a", "b", "c"]), true, |wanted| wanted.delivery
                == "a")
        );
        assert_eq!(lane.next(), Some(wanted("b")));
        let told = lane.take_account().count;
        assert_eq!((told.unchanged, told.waiting, told.downloaded), (1, 2, 0));
        // The next pass wants the same, and one more.
        assert!(
            !lane.want(list(&["a", "b", "c", "d"]), true, |wanted| wanted.delivery
                == "a")
        );
        assert_eq!(lane.next(), None, "it is under way");
        lane.ended(fetched());
        assert_eq!(lane.progress(), (2, 4));
        assert_eq!(lane.next(), Some(wanted("c")));
        lane.ended(failed(Code::PackageMissing, Outcome::Failed));
        assert_eq!(lane.next(), Some(wanted("d")));
        lane.ended(fetched());
        assert!(!lane.is_active());
        let told = lane.take_account();
        let count = told.count;
        assert_eq!(
            (
                count.downloaded,
                count.unchanged,
                count.failed,
                count.waiting
            ),
            (2, 1, 1, 0)
        );
        assert_eq!((count.bytes_stored, told.findings.len()), (20, 1));
        // Told once.
        assert_eq!(lane.take_account(), PackageAccount::default());
    }

    #[test]
    fn what_comes_first_is_brought_next_and_what_was_left_for_it_goes_on() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b", "c"]), true, |_| false);
        lane.next();
        let window = Waiting {
            reason: WaitReason::Link,
            until: None,
        };
        lane.hold_up(Some(window));
        assert!(lane.first(Some("c".to_owned())), "a is left");
        assert!(lane.waiting().is_none() && lane.is_active());
        assert_eq!((lane.next(), lane.progress()), (Some(wanted("c")), (0, 3)));
        assert!(!lane.first(Some("c".to_owned())), "it is under way");
        assert!(!lane.want(list(&["a", "b", "c"]), true, |_| false));
        assert_eq!(lane.take_first_over(), None);
        lane.ended(fetched());
        assert_eq!(lane.take_first_over().as_deref(), Some("c"));
        assert_eq!(lane.take_first_over(), None, "told once");
        assert_eq!(lane.next(), Some(wanted("a")));
        lane.ended(fetched());
        assert_eq!((lane.next(), lane.progress()), (Some(wanted("b")), (2, 3)));
    }

    #[test]
    fn a_list_is_brought_from_what_comes_first_and_failing_does_not_end_that() {
        let order = |lane: &mut PackageLane, failing: bool| {
            let mut order = Vec::new();
            while let Some(next) = lane.next() {
                let fails = failing && next.delivery == "b";
                order.push(next.delivery);
                lane.ended(match fails {
                    true => failed(Code::PackageMissing, Outcome::Failed),
                    false => fetched(),
                });
            }
            order
        };
        let mut lane = PackageLane::default();
        assert!(!lane.first(Some("b".to_owned())), "nothing is under way");
        lane.want(list(&["a", "b"]), true, |_| false);
        assert_eq!(order(&mut lane, true), ["b", "a"]);
        assert_eq!(lane.take_first_over(), None);
        // Wanted again, it is tried at once although another one is under way.
        lane.want(list(&["c"]), true, |_| false);
        lane.next();
        lane.first(Some("b".to_owned()));
        assert!(lane.want(list(&["c", "b"]), true, |_| false));
        assert_eq!(order(&mut lane, false), ["b", "c"]);
        assert_eq!(lane.take_first_over().as_deref(), Some("b"));
    }

    #[test]
    fn what_is_held_or_no_longer_named_comes_first_no_more() {
        for (named, whole, met, over) in [
            (&["a", "b"][..], true, false, false),
            (&["a", "b"], true, true, true),
            (&["a", "b"], false, true, true),
            (&["a"], true, false, true),
            (&["a"], false, false, false),
        ] {
            let mut lane = PackageLane::default();
            lane.first(Some("b".to_owned()));
            lane.want(list(named), whole, |one| met && one.delivery == "b");
            assert_eq!(lane.take_first_over().is_some(), over, "{named:?}");
        }
        let mut lane = PackageLane::default();
        lane.want(list(&["a"]), true, |_| false);
        assert_eq!(lane.take_first_over(), None, "nobody asked");
    }

    #[test]
    fn a_list_of_which_every_package_failed_is_told_whatever_failed() {
        for code in Code::ALL.iter().copied() {
            let mut lane = PackageLane::default();
            lane.want(list(&["a", "b"]), true, |_| false);
            while lane.next().is_some() {
                lane.ended(failed(code, code.outcome()));
            }
            let told = lane.take_account();
            assert_eq!((told.count.downloaded, told.count.unchanged), (0, 0));
            let each = told.findings.len() == 2 && told.count.failed == 2;
            assert!(told.stopped.is_some() || each, "{code}: {told:?}");
        }
    }

    #[test]
    fn what_came_between_two_passes_is_told_once_as_brought() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a"]), true, |_| false);
        lane.next();
        assert_eq!(lane.take_account().count.waiting, 1);
        lane.ended(fetched());
        lane.want(list(&["a"]), true, |_| true);
        let count = lane.take_account().count;
        assert_eq!((count.downloaded, count.unchanged), (1, 0));
        lane.want(list(&["a"]), true, |_| true);
        let count = lane.take_account().count;
        assert_eq!((count.downloaded, count.unchanged), (0, 1));
    }

    #[test]
    fn what_is_not_wanted_any_more_or_has_changed_is_left() {
        for changed in [false, true] {
            let mut lane = PackageLane::default();
            lane.want(list(&["a", "b"]), true, |_| false);
            lane.next();
            let mut again = list(&["b"]);
            if changed {
                again.push(WantedPackage {
                    changed: true,
                    ..wanted("a")
                });
            }
            assert!(lane.want(again, true, |_| false));
            assert_eq!(lane.next(), Some(wanted("b")));
        }
    }

    #[test]
    fn a_list_that_was_not_read_to_its_end_takes_nothing_from_the_lane() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b"]), true, |_| false);
        lane.next();
        assert!(!lane.want(list(&["c"]), false, |_| false));
        assert_eq!(lane.progress(), (0, 3));
        lane.ended(fetched());
        assert_eq!(lane.next(), Some(wanted("c")));
        lane.ended(fetched());
        assert_eq!(lane.next(), Some(wanted("b")));
        lane.ended(fetched());
        assert_eq!((lane.next(), lane.progress()), (None, (3, 3)));
    }

    #[test]
    fn a_closed_window_stops_nothing_but_the_lane() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b"]), true, |_| false);
        lane.next();
        assert!(lane.is_active());
        let window = Waiting {
            reason: WaitReason::Window,
            until: Some(1_795_000_000),
        };
        assert!(lane.hold_up(Some(window)));
        assert!(!lane.hold_up(Some(window)), "told once");
        assert!(!lane.is_active());
        let count = lane.take_account().count;
        assert_eq!((count.waiting, count.waiting_for), (2, Some(window)));
        assert!(lane.hold_up(None) && lane.is_active());
    }

    #[test]
    fn a_central_that_is_away_stops_the_lane_until_packages_are_wanted_again() {
        let mut lane = PackageLane::default();
        lane.want(list(&["a", "b"]), true, |_| false);
        lane.next();
        lane.ended(failed(Code::NetRefused, Outcome::Offline));
        assert!(!lane.is_active() && lane.has_failed());
        assert_eq!(lane.next(), None);
        let told = lane.take_account();
        assert_eq!((told.count.waiting, told.count.failed), (2, 0));
        assert_eq!(told.count.waiting_for.unwrap().reason, WaitReason::Link);
        assert_eq!(told.stopped.unwrap().code, Code::NetRefused);
        lane.want(list(&["a", "b"]), true, |_| false);
        assert_eq!(lane.next(), Some(wanted("a")));
    }

    #[test]
    fn a_cause_is_told_from_its_trouble() {
        for (code, cause) in [
            (Code::DiskFull, WaitReason::Disk),
            (Code::NetDns, WaitReason::Link),
            (Code::CentralMaintenance, WaitReason::Central),
            (Code::AuthRefused, WaitReason::Central),
        ] {
            let trouble = Fault::new(code, "");
            assert_eq!(WaitReason::of(&trouble), cause);
        }
    }
}
