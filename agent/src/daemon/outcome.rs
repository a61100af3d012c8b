//! What the worker says of its run and its packages, and what the schedule is told of it.
//! Never starts a run: the schedule commands that.
//! Called by `daemon`.

use std::time::Duration;

use logic::fault::{Fault, Finding, ProcessEnd};
use logic::organisation;
use logic::package_lane::{WaitReason, Waiting};
use logic::report::Report;
use logic::schedule::{PackagesState, RunEnd, ScheduleEvent};
use logic::trace::{is_stopped, is_unkept};
use logic::words::Outcome;

use super::Daemon;
use crate::engine::{Engine, PackageLaneState};
use crate::worker::{self, WorkerMessage};
use system::clock;
use system::journal;

impl Daemon {
    pub(super) fn worker(&mut self, told: WorkerMessage) {
        match told {
            WorkerMessage::Progress(progress) => {
                if self.pass {
                    self.schedule
                        .handle(ScheduleEvent::Reached(progress.stage), clock::now());
                }
                if let Some(running) = &mut self.running {
                    running.progress = progress.clone();
                }
                self.shared.progress(progress);
            }
            WorkerMessage::Reports(reports) if self.stopping && reports.iter().any(is_stopped) => {
                // Its end follows.
                self.note(&reports);
            }
            WorkerMessage::Reports(reports) => {
                self.ended(&reports);
                self.packages();
            }
            WorkerMessage::Lane(lane) => {
                self.packages = lane;
                self.shared.news().any();
                self.packages();
            }
            WorkerMessage::FirstOver(delivery) => self.shared.first_over(&delivery),
            WorkerMessage::Gone(how) => {
                let open = self.worker.take().is_some_and(|worker| worker.is_open());
                (self.packages.active, self.running) = (false, None);
                match (self.pass, self.stopping) {
                    (true, true) => self.stopped(),
                    (true, false) => self.died(how),
                    // It ended by itself while it brought packages.
                    (false, _) if open => {
                        let trouble = worker::died(how);
                        journal::trouble(&trouble);
                        self.note_death(&trouble);
                        let failed = ScheduleEvent::Packages(PackagesState::Failed);
                        self.schedule.handle(failed, clock::now());
                    }
                    (false, _) => {}
                }
            }
        }
    }

    /// The run was stopped for another one, which does what was asked of it.
    fn stopped(&mut self) {
        self.pass = false;
        self.shared.stopped(self.runs);
        self.schedule
            .handle(ScheduleEvent::Ended(RunEnd::Stopped), clock::now());
    }

    fn died(&mut self, how: ProcessEnd) {
        let trouble = worker::died(how);
        journal::trouble(&trouble);
        self.unasked = true;
        self.note_death(&trouble);
        self.ended(&[worker::account(&trouble)]);
    }

    /// Written down beside the loop: its worker left no account that `status` could read.
    fn note_death(&self, trouble: &Fault) {
        let (root, settings) = (self.root.clone(), (*self.shared.settings()).clone());
        let how = trouble.cause.clone();
        system::task::spawn_blocking(move || {
            // A folder that does not open is told elsewhere.
            if let Ok(engine) = Engine::open(&root, settings) {
                engine.note_death(&how);
            }
        });
    }

    /// What has become of the packages beside the runs.
    fn packages(&mut self) {
        let packages = match self.packages {
            _ if self.pass => return,
            PackageLaneState { active: true, .. } => return,
            // It was ended while the worker told of it.
            PackageLaneState {
                waiting: Some(Waiting { reason, .. }),
                ..
            } if reason == WaitReason::Pause
                && self.shared.orders().pause(clock::uptime()).is_none() =>
            {
                PackagesState::Paused(Duration::ZERO)
            }
            PackageLaneState { failed: true, .. } => PackagesState::Failed,
            PackageLaneState { news: true, .. } => PackagesState::Came,
            PackageLaneState {
                waiting: Some(Waiting { reason, .. }),
                held_up: Some(wait),
                ..
            } => match reason {
                WaitReason::Pause => PackagesState::Paused(wait),
                _ => PackagesState::HeldUp(wait),
            },
            _ => PackagesState::Stand,
        };
        self.schedule
            .handle(ScheduleEvent::Packages(packages), clock::now());
    }

    /// What the next run is to know of this one.
    fn note(&mut self, reports: &[Report]) {
        for report in reports.iter().filter(|report| !report.box_id.is_empty()) {
            if report.box_id != self.box_id {
                self.box_id.clone_from(&report.box_id);
                self.seen = 0;
            }
            self.seen = self.seen.max(report.sync_id);
        }
        // Of a run that was cut short nothing is known.
        let sent = |report: &Report| {
            !report.box_id.is_empty()
                && report.outcome == Outcome::Finished
                && report.results.queued == 0
        };
        self.unasked &= !(self.sends && reports.iter().all(sent));
        // What lies on disk may be older than what was sent.
        let unkept = |found: &Finding| found.code.known().is_some_and(is_unkept);
        let mut findings = reports.iter().flat_map(|report| &report.findings);
        self.unasked |= findings.any(unkept);
    }

    pub(super) fn ended(&mut self, reports: &[Report]) {
        self.note(reports);
        (self.pass, self.closing) = (false, false);
        if self.worker.is_none() {
            self.running = None;
        }
        // What the run heard of the time counts here too.
        self.keep_time();
        self.shared.reports(self.runs, reports);
        let end = organisation::end(reports);
        self.notices.accounts(reports);
        self.schedule
            .handle(ScheduleEvent::Ended(end), clock::now());
    }
}
