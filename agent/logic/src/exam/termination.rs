//! Executions that are to end so that a synchronization goes on: which engines were asked, and which have answered.
//! Never takes the end of a signal's time for an answer: an engine that died has ended nothing.
//! Called by the route `exam/terminate`.
//!
//! | The signal of an engine that was asked | Has it answered? |
//! |---|---|
//! | tells its executions, and none goes on | yes |
//! | was taken back before its time was over | yes |
//! | tells some that go on, or does not tell its executions | no |
//! | is gone since its time is over | no |
//!
//! Whoever has answered and tells new executions later is asked again. Who has not answered in time is named.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::ExecutionCount;
use crate::fault::SilentEngine;

/// What TAO itself gives as the comment where a synchronization ends executions (protocol 8.4).
const COMMENT: &str = "Terminated to proceed with synchronization.";

/// The signal of one engine, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSignal {
    /// Until then it lasts, milliseconds since boot.
    pub until_ms: u64,
    /// Its executions that go on; `None` where it does not tell them.
    pub going_on: Option<u64>,
}

/// By the names of the engines.
pub type EngineSignals = BTreeMap<String, EngineSignal>;

/// Engines that were asked to end their executions.
#[derive(Debug)]
pub struct Termination {
    /// Who has not answered, as its signal was seen last.
    unanswered: EngineSignals,
}

impl Termination {
    /// Asks everybody whose signal lasts.
    pub fn new(signals: &EngineSignals) -> Self {
        let mut asked = Self {
            unanswered: signals.clone(),
        };
        asked.look(signals, 0);
        asked
    }

    /// Looks at the signals as they are now; whether everybody has answered.
    pub fn look(&mut self, signals: &EngineSignals, now_ms: u64) -> bool {
        for (name, signal) in signals {
            if signal.going_on != Some(0) {
                self.unanswered.insert(name.clone(), *signal);
            }
        }
        self.unanswered
            .retain(|name, seen| match signals.get(name) {
                Some(signal) => signal.going_on != Some(0),
                None => now_ms >= seen.until_ms,
            });
        self.unanswered.is_empty()
    }

    /// Who has not answered.
    pub fn silent(&self) -> Vec<SilentEngine> {
        let named =
            |(name, signal): (&String, &EngineSignal)| match (name.as_str(), signal.going_on) {
                ("", Some(count)) => SilentEngine::Unnamed { count },
                ("", None) => SilentEngine::UnnamedUntold,
                (name, Some(count)) => SilentEngine::Named {
                    name: name.into(),
                    count,
                },
                (name, None) => SilentEngine::Untold { name: name.into() },
            };
        self.unanswered.iter().map(named).collect()
    }
}

/// What followers are told: that executions are to end and why, or that this is over.
pub fn told(asked: Option<&[ExecutionCount]>) -> Json {
    let reason =
        asked.map(|_| json!({ "reasons": { "category": "Technical" }, "comment": COMMENT }));
    json!({
        "schema": 1, "asked": asked.is_some(), "reason": reason, "executions": asked.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(all: &[(&str, u64, Option<u64>)]) -> EngineSignals {
        let signal = |(name, until_ms, going_on): &(&str, u64, Option<u64>)| {
            let (until_ms, going_on) = (*until_ms, *going_on);
            ((*name).to_owned(), EngineSignal { until_ms, going_on })
        };
        all.iter().map(signal).collect()
    }

    #[test]
    fn who_has_answered_follows_from_its_signal() {
        let begin = signals(&[("a", 100, Some(2))]);
        for (now, later, answered) in [
            (50, &[("a", 100, Some(2))][..], false),
            (50, &[("a", 150, Some(1))], false),
            (50, &[("a", 150, Some(0))], true),
            (50, &[("a", 150, None)], false),
            (50, &[], true),
            (100, &[], false),
            (500, &[], false),
            // It is back after its end, and has ended them.
            (500, &[("a", 900, Some(0))], true),
            // Another one has begun meanwhile.
            (50, &[("b", 100, Some(1))], false),
            (50, &[("b", 100, Some(0))], true),
        ] {
            let mut asked = Termination::new(&begin);
            assert!(!asked.look(&begin, 10));
            assert_eq!(
                asked.look(&signals(later), now),
                answered,
                "{now} {later:?}"
            );
            assert_eq!(asked.silent().is_empty(), answered, "{now} {later:?}");
        }
    }

    #[test]
    fn what_was_seen_last_of_a_signal_counts() {
        let mut asked = Termination::new(&signals(&[("a", 100, Some(2))]));
        assert!(!asked.look(&signals(&[("a", 300, Some(1))]), 90));
        // It was given more time before it was taken back.
        assert!(asked.look(&signals(&[]), 200));
        // It answers, and lets somebody begin: it is asked again.
        assert!(!asked.look(&signals(&[("a", 400, Some(1))]), 210));
        assert!(!asked.look(&signals(&[]), 400));
        let name = "a".into();
        assert_eq!(asked.silent(), [SilentEngine::Named { name, count: 1 }]);
    }

    #[test]
    fn nobody_is_asked_where_nothing_goes_on() {
        assert!(Termination::new(&signals(&[])).look(&signals(&[]), 1));
        let idle = signals(&[("a", 100, Some(0))]);
        assert!(Termination::new(&idle).look(&idle, 1));
        // An exam of which no more is told has to be taken back.
        let untold = signals(&[("", 100, None)]);
        let mut asked = Termination::new(&untold);
        assert!(!asked.look(&untold, 1));
        assert_eq!(asked.silent(), [SilentEngine::UnnamedUntold]);
        assert!(asked.look(&signals(&[]), 2));
    }
}
