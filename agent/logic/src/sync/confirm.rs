//! The end of a run: the host is surveyed and central is told how it went (protocol 9).
//! Never hides a run's outcome behind a confirmation that failed.
//! Called by `sync`, whose machine this is a part of.

use super::{CallPurpose, Phase, SyncCommand, SyncMachine};
use crate::api::{Answered, Call, answer};
use crate::fault::{AnswerCause, Code, Fault};
use crate::report::{ConnectionStats, Survey, client_state};
use crate::words::Outcome;

impl SyncMachine {
    pub(super) fn begin_confirm(&mut self) {
        self.phase = Phase::Confirm;
        self.out.push_back(SyncCommand::Survey);
    }

    pub(super) fn surveyed(&mut self, survey: Survey, connection: ConnectionStats) {
        self.survey = survey;
        self.report.connection = connection;
        let params = self.plan.params.clone();
        match self.stopped.clone() {
            _ if !self.is_numbered() => self.end(),
            None => self.confirm_finished(true),
            Some(trouble) if can_be_told(&trouble) => {
                self.ask(
                    CallPurpose::Failed,
                    Call::confirm_failed(&params, &trouble.reason()),
                );
            }
            Some(_) => self.end(),
        }
    }

    fn confirm_finished(&mut self, with_state: bool) {
        let state = with_state.then(|| client_state(&self.report, &self.survey));
        let call = Call::confirm_finished(&self.plan.params, state.as_ref());
        self.ask(CallPurpose::Finished { with_state }, call);
    }

    /// After the empty 500 that a client state can cause it is said again without one (protocol 9.2).
    pub(super) fn confirmed(&mut self, with_state: bool, answered: Answered) {
        match answered.and_then(|reply| answer::confirmation(&reply)) {
            Ok(()) => {
                self.confirmed = true;
                // Also when central refused the state: it may have been for what a client said, and this box's own state
                // is not to be refused for that again and again.
                let told = std::mem::take(&mut self.survey.clients);
                if !told.is_empty() {
                    self.out.push_back(SyncCommand::Told(told));
                }
                self.end();
            }
            Err(trouble) if with_state && trouble.code == Code::CentralRejected => {
                self.confirm_finished(false)
            }
            Err(trouble) => {
                let trouble = trouble.ending(Outcome::Failed);
                self.report
                    .find(&trouble.because(|why| AnswerCause::Unconfirmed { why }));
                self.end();
            }
        }
    }
}

/// A central that cannot be reached, or that does not know this box, cannot be told anything.
fn can_be_told(trouble: &Fault) -> bool {
    !matches!(trouble.outcome, Outcome::Offline | Outcome::Unauthorized)
        && trouble.code != Code::CentralMaintenance
}
