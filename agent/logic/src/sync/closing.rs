//! Runs that end without a word to central: earlier ones, of which it is told now, and this one when it is told to end.
//! Never lets a run wait for it, and never tells the end of a run that may still be confirmed.
//! Called by `sync`, whose machine this is a part of.

use super::{CallPurpose, Phase, SyncCommand, SyncMachine};
use crate::api::{Answered, Call, answer};
use crate::trace;

impl SyncMachine {
    /// Tells central of earlier runs that ended without a confirmation, beside the work of this one.
    pub(super) fn begin_closing(&mut self) {
        for ended in std::mem::take(&mut self.plan.untold) {
            let call = Call::confirm_failed(&ended.params, &ended.reason);
            self.ask(CallPurpose::Closing(ended.params.sync_id), call);
        }
    }

    /// What central did not take is told by the next run.
    pub(super) fn closed(&mut self, sync_id: u64, answered: Answered) {
        if answered
            .and_then(|reply| answer::confirmation(&reply))
            .is_ok()
        {
            self.out.push_back(SyncCommand::Closed(sync_id));
        }
    }

    /// The process is to end within seconds. A confirmation under way is waited for; else central is told at once,
    /// without a survey of the disk.
    pub(super) fn told_to_end(&mut self) {
        if matches!(self.phase, Phase::Confirm | Phase::Ended) {
            return;
        }
        let trouble = trace::stopped();
        self.report.stop(&trouble);
        self.stopped = Some(trouble.clone());
        self.pending.clear();
        self.waiting.clear();
        self.out.clear();
        self.phase = Phase::Confirm;
        if self.begun && self.is_numbered() {
            let call = Call::confirm_failed(&self.plan.params, &trouble.reason());
            self.ask(CallPurpose::Failed, call);
        } else {
            self.end();
        }
    }

    pub(super) fn failed(&mut self, answered: Answered) {
        self.confirmed |= answered
            .and_then(|reply| answer::confirmation(&reply))
            .is_ok();
        self.end();
    }

    /// Whether central may keep this run as under way: it has seen its number, and took no confirmation of it.
    pub fn is_untold(&self) -> bool {
        self.begun && self.is_numbered() && !self.confirmed
    }

    /// A run whose number could not be kept has none that central could confuse with another run's.
    pub(super) fn is_numbered(&self) -> bool {
        self.plan.params.sync_id > 0
    }
}

#[cfg(test)]
mod tests {
    use crate::fault::Code;
    use crate::small_map::SmallMap;
    use std::rc::Rc;

    use super::*;
    use crate::api::{CallBody, Reply};
    use crate::fault::Fault;
    use crate::package_lane::PackageAccount;
    use crate::report::{OwedCount, Report};
    use crate::seal::NameHash;
    use crate::sync::{SyncEvent, SyncPlan, SyncTicket};
    use crate::trace::Ended;
    use crate::words::{FaultClass, Now, Outcome, SyncParams};

    fn params(sync_id: u64) -> SyncParams {
        SyncParams {
            organisation_id: "1001".into(),
            sync_id,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        }
    }

    /// A run that only sends what is owed; central is to hear of two earlier ones.
    fn begun() -> SyncMachine {
        let ended = |sync_id| Ended {
            params: params(sync_id),
            reason: "cut off".into(),
        };
        let plan = SyncPlan {
            params: params(9),
            types: Vec::new(),
            packages: false,
            owed: true,
            measure: false,
            asked: false,
            allow_deletes: false,
            delete_limit: 0.5,
            owed_first: false,
            batch: 128,
            lanes: 1,
            pages: 1,
            memory: SmallMap::new(),
            running: 0,
            hash: Rc::new(|_, _| NameHash([0; 16])),
            patience: None,
            interval: std::time::Duration::from_secs(900),
            untold: vec![ended(4), ended(7)],
            random: 1,
        };
        SyncMachine::new(plan, Now::default())
    }

    fn ok(body: &str) -> Answered {
        Ok(Reply {
            status: 200,
            body: body.to_owned().into(),
            ..Reply::default()
        })
    }

    fn answer(sync: &mut SyncMachine, ticket: SyncTicket, answered: Answered) {
        sync.handle(SyncEvent::Answered(ticket, answered), Now::default());
    }

    /// Ticket and number of the ends that central is told.
    fn told(sync: &mut SyncMachine) -> Vec<(SyncTicket, u64)> {
        let mut told = Vec::new();
        while let Some(command) = sync.next() {
            if let SyncCommand::Ask(ticket, call) = command
                && call.path.ends_with("confirmSyncFailed")
                && let CallBody::Json(body) = &call.body
            {
                let body: serde_json::Value = serde_json::from_slice(body).unwrap();
                told.push((ticket, body["params"]["sync_id"].as_u64().unwrap()));
            }
        }
        told
    }

    fn versions(sync: &mut SyncMachine) {
        let Some(SyncCommand::Ask(ticket, _)) = sync.next() else {
            panic!("a run begins with the versions");
        };
        answer(sync, ticket, ok(r#"{"success":true,"data":["2022.11"]}"#));
    }

    fn report(sync: &mut SyncMachine) -> Option<Report> {
        while let Some(command) = sync.next() {
            if let SyncCommand::End(report) = command {
                return Some(*report);
            }
        }
        None
    }

    const CONFIRMED: &str = r#"{"message":"Confirmation received."}"#;

    #[test]
    fn earlier_runs_are_told_beside_the_work_and_each_until_central_took_it() {
        let mut sync = begun();
        versions(&mut sync);
        let asked = told(&mut sync);
        assert_eq!(asked.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [4, 7]);
        answer(&mut sync, asked[0].0, ok(CONFIRMED));
        assert_eq!(sync.next(), Some(SyncCommand::Closed(4)));
        let refused = Fault::new(Code::CentralError, "").classed(FaultClass::GiveUp);
        answer(&mut sync, asked[1].0, Err(refused));
        assert_eq!(sync.next(), None, "the next run tells it");
    }

    #[test]
    fn a_run_that_is_to_end_tells_central_and_begins_nothing_more() {
        let mut sync = begun();
        versions(&mut sync);
        told(&mut sync);
        assert!(sync.is_untold());
        sync.handle(SyncEvent::Stopped, Now::default());
        let asked = told(&mut sync);
        assert_eq!(asked.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [9]);
        // What was under way comes to its end meanwhile.
        let count = OwedCount::default();
        sync.handle(SyncEvent::Owed(count, Vec::new()), Now::default());
        sync.handle(SyncEvent::Lane { active: false }, Now::default());
        let account = PackageAccount::default();
        sync.handle(SyncEvent::Accounted(account), Now::default());
        sync.handle(SyncEvent::Stopped, Now::default());
        assert_eq!(sync.next(), None);
        answer(&mut sync, asked[0].0, ok(CONFIRMED));
        let report = report(&mut sync).unwrap();
        assert_eq!(
            (report.code.known(), report.outcome),
            (Some(Code::RunStopped), Outcome::Failed)
        );
        assert!(!sync.is_untold());
    }

    #[test]
    fn a_run_without_a_number_leaves_none_with_central() {
        let mut sync = begun();
        sync.plan.params.sync_id = 0;
        sync.plan.untold.clear();
        versions(&mut sync);
        assert_eq!(sync.next(), Some(SyncCommand::PublicKey));
        assert!(matches!(sync.next(), Some(SyncCommand::Owed(_))));
        sync.handle(
            SyncEvent::Owed(OwedCount::default(), Vec::new()),
            Now::default(),
        );
        let mut calls = 0;
        while let Some(command) = sync.next() {
            match command {
                SyncCommand::Ask(..) => calls += 1,
                SyncCommand::Survey => {
                    let survey = crate::report::Survey::default();
                    sync.handle(
                        SyncEvent::Surveyed(survey, Default::default()),
                        Now::default(),
                    );
                }
                SyncCommand::Account => {
                    sync.handle(
                        SyncEvent::Accounted(PackageAccount::default()),
                        Now::default(),
                    );
                }
                SyncCommand::End(report) => {
                    assert_eq!((calls, report.code.as_str()), (0, "ok"));
                    assert!(!sync.is_untold());
                    return;
                }
                _ => {}
            }
        }
        panic!("it ends");
    }

    #[test]
    fn a_run_of_which_central_knows_nothing_has_nothing_to_tell() {
        let mut sync = begun();
        sync.handle(SyncEvent::Stopped, Now::default());
        assert!(report(&mut sync).is_some() && !sync.is_untold());
        // One whose word was not taken is told by the next.
        let mut sync = begun();
        versions(&mut sync);
        told(&mut sync);
        sync.handle(SyncEvent::Stopped, Now::default());
        let asked = told(&mut sync);
        let lost = Fault::new(Code::NetTimeout, "");
        answer(&mut sync, asked[0].0, Err(lost));
        assert!(report(&mut sync).is_some() && sync.is_untold());
    }
}
