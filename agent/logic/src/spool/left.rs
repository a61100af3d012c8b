//! What a pass leaves behind for a reason of central's: one finding for each reason, with how much and since when.
//! Never counts what waits for the box itself, nor what a person set aside.
//! Called by the machine of `spool` at its end.

use std::time::Duration;

use super::{ItemState, ItemTrial, Sending, SpoolEntry};
use crate::fault::Finding;
use crate::fault::{Age, Cause, Code, CodeName, Fault, ItemCause, OwedItems};
use crate::intake::ItemKind;
use crate::small_map::SmallMap;
use crate::span;
use crate::words::Now;

/// Reasons that are the box's own: rows whose result is still to come.
const OWN: [Code; 2] = [Code::LogsUnmapped, Code::LogsQueued];

/// What waits because an answer was lost.
const DOUBT_CODE: Code = Code::ResultsDoubt;

/// An age beyond this is the clock's, in seconds.
const MAX_AGE: u64 = 10 * 365 * 86_400;

/// What is left for one reason.
#[derive(Debug, Default)]
struct Left {
    counts: SmallMap<ItemKind, u64>,
    /// Of the item that came first.
    oldest: i64,
    cause: Option<Cause>,
}

impl Sending {
    pub(super) fn left(&self, now: Now) -> Vec<Fault> {
        let mut left: SmallMap<CodeName, Left> = SmallMap::new();
        for (key, entry) in &self.entries {
            let sent = key.kind != ItemKind::LtiUsers || self.plan.lti_users;
            let Some((code, cause)) = self.waits(entry).filter(|_| sent) else {
                continue;
            };
            let left = left.entry(code).or_default();
            if left.counts.is_empty() || entry.came < left.oldest {
                left.oldest = entry.came;
                left.cause = Some(cause);
            }
            *left.counts.entry(key.kind).or_default() += 1;
        }
        left.iter()
            // A code of a newer boxsync is told in general words.
            .map(|(code, left)| left.told(code.known().unwrap_or(Code::ResultsStuck), now))
            .collect()
    }

    /// Why an item is left behind, if the reason is central's. What ended the pass early is told itself.
    fn waits(&self, entry: &SpoolEntry) -> Option<(CodeName, Cause)> {
        let cause = cause(entry.state, &entry.trial, entry.cause.as_ref())?;
        let told = cause.0 == DOUBT_CODE && self.ending.trouble.is_some();
        (!told).then_some(cause)
    }
}

/// Why an item waits, as code and words, if the reason is central's: one decision for the run, `status` and `doctor`.
pub fn cause(
    state: ItemState,
    trial: &ItemTrial,
    reason: Option<&Finding>,
) -> Option<(CodeName, Cause)> {
    let reason = reason.map(|reason| (reason.code.clone(), reason.cause.clone()));
    match state {
        ItemState::Queued if trial.has_failed() => {
            reason.filter(|(code, _)| !OWN.iter().any(|own| code == own))
        }
        ItemState::Sending if trial.has_failed() && reason.is_some() => reason,
        ItemState::Sending => Some((DOUBT_CODE.into(), ItemCause::Doubt.into())),
        ItemState::Unconfirmed => reason.filter(|(code, _)| *code == Code::ResultsUnconfirmed),
        ItemState::Held => reason.filter(|(code, _)| *code == Code::CentralKeyChanged),
        _ => None,
    }
}

impl Left {
    fn told(&self, code: Code, now: Now) -> Fault {
        let counts = self.counts.iter().map(|(kind, count)| kind.count(*count));
        let what: Vec<OwedItems> = counts.collect();
        let why = Box::new(self.cause.clone().unwrap_or_else(|| "".into()));
        let one = self.counts.values().sum::<u64>() == 1;
        let cause = match (one, since(self.oldest, now.wall).map(Age::of)) {
            (true, Some(age)) => ItemCause::WaitsSince { what, why, age },
            (false, Some(age)) => ItemCause::WaitSince { what, why, age },
            (true, None) => ItemCause::Waits { what, why },
            (false, None) => ItemCause::Wait { what, why },
        };
        Fault::new(code, cause)
    }
}

/// How long ago (both in Unix seconds), in its largest unit; `None` when nobody knows.
pub fn age(came: i64, now: i64) -> Option<String> {
    since(came, now).map(|seconds| span::print(Duration::from_secs(seconds)))
}

/// The same in seconds, cut to the largest unit.
pub fn since(came: i64, now: i64) -> Option<u64> {
    let seconds = u64::try_from(now.checked_sub(came)?).ok()?;
    if came <= 0 || seconds > MAX_AGE {
        return None;
    }
    let unit = [86_400, 3_600, 60, 1]
        .into_iter()
        .find(|unit| seconds >= *unit);
    let unit = unit.unwrap_or(1);
    Some(seconds / unit * unit)
}
