//! Whether an answer of a candidate could be kept now: a real write tries it, once a minute.
//! Never wakes the daemon for it, never holds the loop up: a slow disk is tried beside it, and never twice at a time.
//! Called by the daemon's loop whenever something else woke it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logic::fault::Finding;
use logic::words::Now;

use crate::doctor::standing;

/// Why no answer could be kept, as code and reason; `None` when one could.
pub(super) type TrialFailure = Option<Finding>;

/// How often it is tried.
const EVERY: Duration = Duration::from_secs(60);

/// The last trial, and what came of it.
pub(super) struct WriteTrial {
    state: PathBuf,
    /// Time since boot of the last one.
    tried: Option<Duration>,
    /// One is under way.
    busy: bool,
    /// What came of it and was not taken yet.
    seen: Arc<Mutex<Option<TrialFailure>>>,
    /// What was told last.
    told: TrialFailure,
}

impl WriteTrial {
    pub(super) fn new(state: PathBuf) -> Self {
        Self {
            state,
            tried: None,
            busy: false,
            seen: Arc::default(),
            told: None,
        }
    }

    /// Takes what came of the last trial and begins another one when it is time. Gives what is new: another code than
    /// before, or that there is none any more.
    pub(super) fn turn(&mut self, now: Now) -> Option<&TrialFailure> {
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.busy &= seen.is_none();
        let is_due = |at: Duration| now.mono.saturating_sub(at) >= EVERY;
        if !self.busy && self.tried.is_none_or(is_due) {
            self.tried = Some(now.mono);
            let (state, seen) = (self.state.clone(), self.seen.clone());
            let tries = move || {
                let intake = standing::intake(&state);
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(intake);
            };
            // A thread of its own, gone when it is done: one that is kept for more wakes the machine again to end.
            let begun = std::thread::Builder::new()
                .name("trial".into())
                .spawn(tries);
            // Where no thread can be made, the next turn tries again.
            self.busy = begun.is_ok();
        }
        let seen = seen?;
        let code = |intake: &TrialFailure| intake.as_ref().map(|told| told.code.clone());
        let is_news = code(&seen) != code(&self.told);
        self.told = seen;
        is_news.then_some(&self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            ..system::clock::now()
        }
    }

    /// Takes a turn at this second and waits until its trial has ended.
    async fn turned(trial: &mut WriteTrial, seconds: u64) -> Option<TrialFailure> {
        let news = trial.turn(at(seconds)).cloned();
        while trial.busy && trial.seen.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        news
    }

    #[tokio::test]
    async fn a_change_is_told_once_and_tried_once_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let mut trial = WriteTrial::new(state.clone());
        // There is no folder: nothing can be kept.
        assert_eq!(turned(&mut trial, 1).await, None);
        let news = turned(&mut trial, 2)
            .await
            .expect("news")
            .expect("a reason");
        assert_eq!(news.code, Code::StateIo);
        std::fs::create_dir(&state).unwrap();
        for second in [20, 40, 60, 61] {
            assert_eq!(turned(&mut trial, second).await, None, "{second}");
        }
        assert_eq!(trial.tried, Some(Duration::from_secs(61)));
        assert_eq!(turned(&mut trial, 80).await, Some(None));
        for second in [140, 150, 210, 230] {
            assert_eq!(turned(&mut trial, second).await, None, "{second}");
        }
    }
}
