//! What goes on beside the catalogue in one pass: the lane of what is owed, and the lane of packages, which outlives it.
//! Never lets one of them wait for another: a pass ends when catalogue and what is owed are done.
//! Called by `sync`, whose machine this is a part of.

use super::{Phase, SyncCommand, SyncMachine, ends_run};
use crate::fault::Fault;
use crate::package_lane::PackageAccount;
use crate::report::{OwedCount, Report};
use crate::words::Now;

/// What is owed is sent once more at the end of a pass, and only once, when its last turn began longer ago than this
/// share of an interval.
const OWED_AGAIN_SHARE: u32 = 10;

/// The lane of what is owed, within one pass.
#[derive(Debug, Default)]
pub(super) struct OwedProgress {
    /// Its turn is under way.
    pub(super) under_way: bool,
    /// When its last turn began.
    begun: Option<Now>,
    /// The turn at the end of the pass has begun: with an interval of seconds every turn would call for another one.
    closing: bool,
    /// The catalogue waits for the end of its first turn.
    opens: bool,
    /// A trouble that would have ended the run, had the catalogue met it.
    trouble: Option<Fault>,
}

/// The lane of packages, as far as this pass knows it.
#[derive(Debug, Default)]
pub(super) struct PackagesProgress {
    /// It was told in this pass what is wanted.
    wanted: bool,
    /// A package is coming.
    active: bool,
    /// When the pass waits for it no longer; unset: as long as a package comes.
    until: Option<Now>,
    /// The pass is to wait for it no longer.
    closed: bool,
}

impl SyncMachine {
    pub(super) fn begin_lanes(&mut self, now: Now) {
        self.phase = Phase::Lanes;
        self.begun = true;
        self.begin_closing();
        self.out.push_back(SyncCommand::PublicKey);
        if self.plan.owed {
            self.begin_owed(now);
        }
        self.owed.opens = self.plan.owed && self.plan.owed_first && !self.plan.types.is_empty();
        if !self.owed.opens {
            self.open_catalogue();
        }
    }

    fn begin_owed(&mut self, now: Now) {
        self.owed.under_way = true;
        self.owed.begun = Some(now);
        self.out.push_back(SyncCommand::Owed(self.central.clone()));
    }

    /// When what is owed is due again within this pass: what came meanwhile waits one interval at most.
    pub(super) fn owed_due(&self) -> Option<(Now, &'static str)> {
        let goes_on = matches!(self.phase, Phase::Lanes | Phase::Packages);
        let begun = self
            .owed
            .begun
            .filter(|_| goes_on && !self.owed.under_way)?;
        Some((begun.after(self.plan.interval), "what is owed to be due"))
    }

    /// When the pass waits for packages no longer.
    pub(super) fn packages_due(&self) -> Option<(Now, &'static str)> {
        let waits = self.phase == Phase::Packages && !self.owed.under_way;
        let until = self.packages.until.filter(|_| waits)?;
        Some((until, "a package that may come soon"))
    }

    pub(super) fn woken_lanes(&mut self, now: Now) {
        if self.owed_due().is_some_and(|(at, _)| at.mono <= now.mono) {
            self.begin_owed(now);
        }
    }

    pub(super) fn owed(&mut self, count: OwedCount, told: Vec<Fault>) {
        self.owed.under_way = false;
        if std::mem::take(&mut self.owed.opens) && self.phase == Phase::Lanes {
            self.open_catalogue();
        }
        add_owed(&mut self.report, count);
        for trouble in told {
            if ends_run(&trouble) {
                self.owed.trouble = Some(trouble);
            } else if self.stopped.is_none() {
                self.report.find_once(&trouble);
            }
        }
    }

    /// The catalogue is done. Every delivery that central names is wanted, changed ones are looked at again.
    pub(super) fn catalogue_done(&mut self) {
        self.catalogue_done = true;
        if self.plan.packages {
            let deliveries = self.catalogue.deliveries();
            self.packages.wanted = true;
            self.packages.active = true;
            let whole = self.catalogue.deliveries_known();
            self.out
                .push_back(SyncCommand::Wanted { deliveries, whole });
        }
    }

    /// The lane of packages has come to a stand, or goes on.
    pub(super) fn lane(&mut self, active: bool) {
        self.packages.active = active;
    }

    /// The pass is to end as soon as catalogue and what is owed are done.
    pub(super) fn close(&mut self) {
        self.packages.closed = true;
    }

    /// Somebody waits from now on, for packages too.
    pub(super) fn waits_for_packages(&mut self) {
        self.plan.patience = None;
        self.packages.until = None;
    }

    /// Moves on where nothing is waited for any more.
    pub(super) fn advance_lanes(&mut self, now: Now) {
        if self.owed.under_way {
            return;
        }
        if self.phase == Phase::Stopping {
            return self.begin_confirm();
        }
        if self.phase == Phase::Lanes && self.catalogue_done {
            if let Some(trouble) = self.owed.trouble.take() {
                // A run that was only to send what is owed has come to nothing.
                if self.plan.types.is_empty() {
                    return self.stop(trouble);
                }
                self.report.find(&trouble);
            }
            self.phase = Phase::Packages;
            self.packages.until = self.plan.patience.map(|patience| now.after(patience));
        }
        let over = self
            .packages
            .until
            .is_some_and(|until| until.mono <= now.mono);
        let ends = self.packages.closed || over || !self.packages.wanted || !self.packages.active;
        if self.phase == Phase::Packages && ends {
            self.end_lanes(now);
        }
    }

    /// What came to be owed since the lane's last turn goes with this pass; then the packages are accounted for.
    fn end_lanes(&mut self, now: Now) {
        let old = self.plan.interval / OWED_AGAIN_SHARE;
        let begun = self
            .owed
            .begun
            .filter(|_| self.plan.owed && !self.owed.closing);
        if begun.is_some_and(|begun| now.mono.saturating_sub(begun.mono) > old) {
            self.owed.closing = true;
            return self.begin_owed(now);
        }
        match self.packages.wanted {
            true => {
                self.phase = Phase::Account;
                self.out.push_back(SyncCommand::Account);
            }
            false => self.begin_measure(),
        }
    }

    pub(super) fn accounted(&mut self, account: PackageAccount) {
        self.report.packages = account.count;
        for trouble in &account.findings {
            self.report.find(trouble);
        }
        if let Some(trouble) = account.stopped {
            return self.stop(trouble);
        }
        // What is still to come may be built from what is named no longer.
        if self.catalogue.deliveries_known() && account.count.waiting == 0 {
            self.out.push_back(SyncCommand::Collect);
        }
        self.begin_measure();
    }
}

/// What was done adds up over the turns; what is left is what the last one saw.
fn add_owed(report: &mut Report, turn: OwedCount) {
    let results = &mut report.results;
    results.acknowledged += turn.results.acknowledged;
    results.refused += turn.results.refused;
    results.unconfirmed = turn.results.unconfirmed;
    results.queued = turn.results.queued;
    results.carried = turn.results.carried;
    results.adopted += turn.results.adopted;
    for (total, turn) in [
        (&mut report.logs, turn.logs),
        (&mut report.sessions, turn.sessions),
    ] {
        total.acknowledged += turn.acknowledged;
        total.refused += turn.refused;
        total.doubled += turn.doubled;
        total.queued = turn.queued;
    }
}
