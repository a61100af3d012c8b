//! What is being sat on this box, as the delivery engine tells it, and what of the catalogue stays as it is meanwhile.
//! Never looks at a clock or a file: how long a signal lasts is told elsewhere.
//! Called by the local API, by `sync` with `manifest` and `guard`, and by whoever shows it.
//!
//! | Signals that last | What stays as it is |
//! |---|---|
//! | none | nothing |
//! | one without executions, whatever the others say | everything that is shown |
//! | all with executions | deliveries with an execution that has not ended, and the test takers told with it |

pub mod termination;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use crate::entity::EntityType;
use crate::fault::ParameterFlaw;
use crate::intake::ExecutionState;
use crate::seal::NameHash;

/// Entries of one signal, at most.
pub const MOST_EXECUTIONS: usize = 1000;
/// Test takers of one signal, at most.
pub const MOST_TEST_TAKERS: usize = 4000;
/// The longest URI, characters.
const LONGEST_ID: usize = 1024;

/// How many executions of a delivery are in a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionCount {
    /// URI of the delivery.
    pub delivery: String,
    /// As TAO names it, or the URI of it (protocol A.4).
    #[serde(deserialize_with = "state")]
    pub state: ExecutionState,
    /// So many.
    #[serde(deserialize_with = "crate::json::count")]
    pub count: u64,
    /// URIs of those who sit, where the engine tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_takers: Vec<String>,
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ExecutionState, D::Error> {
    let text = String::deserialize(deserializer)?;
    let name = text.rsplit("DeliveryExecutionStatus").next();
    let state = name.and_then(|name| name.parse().ok());
    state.ok_or_else(|| {
        let words = ExecutionState::words();
        serde::de::Error::custom(format!("`state`: expected one of {words}"))
    })
}

/// Whether an execution in this state has not ended: TAO's own synchronization asks for these (protocol 8.4).
pub fn is_sat(state: ExecutionState) -> bool {
    use ExecutionState::{Active, Authorized, Awaiting, Paused};
    matches!(state, Active | Paused | Awaiting | Authorized)
}

/// What is wrong with the executions of one signal.
///
/// # Errors
/// The field, and what is wrong with it.
pub fn check(executions: &[ExecutionCount]) -> Result<(), (&'static str, ParameterFlaw)> {
    if executions.len() > MOST_EXECUTIONS {
        let most = MOST_EXECUTIONS;
        return Err(("executions", ParameterFlaw::AtMost { most }));
    }
    let takers = executions.iter().map(|entry| entry.test_takers.len());
    if takers.sum::<usize>() > MOST_TEST_TAKERS {
        let most = MOST_TEST_TAKERS;
        return Err(("test_takers", ParameterFlaw::AtMost { most }));
    }
    let is_uri = |id: &String| {
        !id.is_empty() && id.chars().count() <= LONGEST_ID && !id.contains(char::is_control)
    };
    let deliveries = executions.iter().map(|entry| &entry.delivery);
    if !deliveries.into_iter().all(is_uri) {
        return Err(("delivery", ParameterFlaw::Uris));
    }
    let mut takers = executions.iter().flat_map(|entry| &entry.test_takers);
    match takers.all(is_uri) {
        true => Ok(()),
        false => Err(("test_takers", ParameterFlaw::Uris)),
    }
}

/// The executions of all signals that have not ended, by delivery and state; test takers are left out.
pub fn counts<'a>(executions: impl IntoIterator<Item = &'a ExecutionCount>) -> Vec<ExecutionCount> {
    let mut sums: BTreeMap<(&str, ExecutionState), u64> = BTreeMap::new();
    for entry in executions.into_iter().filter(|entry| is_active(entry)) {
        let sum = sums.entry((&entry.delivery, entry.state)).or_default();
        *sum = sum.saturating_add(entry.count);
    }
    let count = |((delivery, state), count): ((&str, ExecutionState), u64)| ExecutionCount {
        delivery: delivery.to_owned(),
        state,
        count,
        test_takers: Vec::new(),
    };
    sums.into_iter().map(count).collect()
}

/// Whether somebody sits what this entry tells.
pub fn is_active(entry: &ExecutionCount) -> bool {
    entry.count > 0 && is_sat(entry.state)
}

/// How many executions these are.
pub fn sum(executions: &[ExecutionCount]) -> u64 {
    let counts = executions.iter().map(|entry| entry.count);
    counts.fold(0, u64::saturating_add)
}

/// The same by delivery, states together.
pub fn by_delivery(executions: &[ExecutionCount]) -> BTreeMap<&str, u64> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in executions {
        let sum = sums.entry(&entry.delivery).or_default();
        *sum = sum.saturating_add(entry.count);
    }
    sums
}

/// What an exam in progress uses of the catalogue, by type and id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExamUse {
    /// No exam runs.
    #[default]
    Nothing,
    /// An exam runs of which no more is known.
    Everything,
    /// Exactly these.
    Ids(BTreeSet<(EntityType, String)>),
}

impl ExamUse {
    /// By the signals that last: of each the executions, where it tells them.
    pub fn of<'a>(signals: impl IntoIterator<Item = Option<&'a [ExecutionCount]>>) -> Self {
        let mut signals = signals.into_iter().peekable();
        if signals.peek().is_none() {
            return Self::Nothing;
        }
        let mut ids = BTreeSet::new();
        for signal in signals {
            let Some(executions) = signal else {
                return Self::Everything;
            };
            for entry in executions.iter().filter(|entry| is_active(entry)) {
                ids.insert((EntityType::Delivery, entry.delivery.clone()));
                let takers = entry.test_takers.iter().cloned();
                ids.extend(takers.map(|taker| (EntityType::TestTaker, taker)));
            }
        }
        Self::Ids(ids)
    }

    /// What it uses of one type.
    pub fn of_type(&self, kind: EntityType, hash: impl Fn(&str) -> NameHash) -> InUse {
        match self {
            Self::Nothing => InUse::Nothing,
            Self::Everything => InUse::Everything,
            Self::Ids(ids) => {
                let own = ids.iter().filter(|(of, _)| *of == kind);
                InUse::Names(own.map(|(_, id)| hash(id)).collect())
            }
        }
    }
}

/// What of one type is not changed now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InUse {
    /// Everything may change.
    #[default]
    Nothing,
    /// Nothing that is shown changes.
    Everything,
    /// These do not change.
    Names(BTreeSet<NameHash>),
}

impl InUse {
    /// Whether this one stays as it is shown.
    pub fn keeps(&self, name: &NameHash) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

/// The exam in progress as a run and whoever shows it need it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningExam {
    /// What stays as it is.
    pub in_use: ExamUse,
    /// Executions that have not ended, by delivery and state.
    pub executions: Vec<ExecutionCount>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(delivery: &str, state: ExecutionState, count: u64, takers: &[&str]) -> ExecutionCount {
        ExecutionCount {
            delivery: delivery.to_owned(),
            state,
            count,
            test_takers: takers.iter().map(|taker| (*taker).to_owned()).collect(),
        }
    }

    fn hash(id: &str) -> NameHash {
        let mut name = [0; 16];
        name[..id.len()].copy_from_slice(id.as_bytes());
        NameHash(name)
    }

    #[test]
    fn what_stays_as_it_is_follows_from_the_signals() {
        use ExecutionState::{Active, Finished, Paused};
        let one = [
            told("d1", Active, 2, &["t1", "t2"]),
            told("d2", Finished, 9, &["t3"]),
        ];
        let two = [told("d3", Paused, 1, &[]), told("d4", Active, 0, &["t4"])];
        type Signals<'a> = &'a [Option<&'a [ExecutionCount]>];
        let table: [(Signals, &[&str], &[&str]); 6] = [
            (&[], &[], &[]),
            (&[None], &["d1", "d9"], &["t1", "t9"]),
            (&[Some(&[])], &[], &[]),
            (&[Some(&one)], &["d1"], &["t1", "t2"]),
            (&[Some(&one), Some(&two)], &["d1", "d3"], &["t1", "t2"]),
            (&[Some(&one), None], &["d1", "d9"], &["t1", "t9"]),
        ];
        for (signals, deliveries, takers) in table {
            let exam = ExamUse::of(signals.iter().copied());
            for (kind, kept, letter) in [
                (EntityType::Delivery, deliveries, 'd'),
                (EntityType::TestTaker, takers, 't'),
            ] {
                let in_use = exam.of_type(kind, hash);
                for number in [1, 2, 3, 4, 9] {
                    let id = format!("{letter}{number}");
                    let all = in_use == InUse::Everything;
                    let wanted = all || kept.contains(&id.as_str());
                    assert_eq!(in_use.keeps(&hash(&id)), wanted, "{signals:?} {id}");
                }
                let blind = signals.contains(&None);
                assert_eq!(in_use == InUse::Everything, blind, "{signals:?}");
            }
        }
        // Nothing else of the catalogue is sat.
        let exam = ExamUse::of([Some(&one[..])]);
        assert!(
            !exam
                .of_type(EntityType::Eligibility, hash)
                .keeps(&hash("d1"))
        );
    }

    #[test]
    fn counts_are_summed_over_signals_and_what_has_ended_is_left_out() {
        use ExecutionState::{Active, Canceled, Paused};
        let all = [
            told("d2", Active, 1, &["t1"]),
            told("d1", Paused, 2, &[]),
            told("d2", Active, 3, &[]),
            told("d2", Canceled, 7, &[]),
            told("d3", Active, 0, &[]),
        ];
        let sums = counts(&all);
        assert_eq!(
            sums,
            [told("d1", Paused, 2, &[]), told("d2", Active, 4, &[])]
        );
        assert_eq!(sum(&sums), 6);
        assert_eq!(by_delivery(&sums), [("d1", 2), ("d2", 4)].into());
    }

    #[test]
    fn an_entry_is_read_with_the_word_or_the_uri_of_its_state() {
        let read = |state: &str| {
            let text = format!(r#"{{"delivery":"d","state":"{state}","count":1}}"#);
            serde_json::from_slice::<ExecutionCount>(text.as_bytes()).map(|entry| entry.state)
        };
        let uri = "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusAwaiting";
        assert_eq!(read("Active").unwrap(), ExecutionState::Active);
        assert_eq!(read(uri).unwrap(), ExecutionState::Awaiting);
        assert!(read("running").unwrap_err().to_string().contains("Paused"));
        let entry = told("d", ExecutionState::Active, 1, &[]);
        assert_eq!(check(std::slice::from_ref(&entry)), Ok(()));
        let many = vec![entry; MOST_EXECUTIONS + 1];
        for wrong in [
            many,
            vec![told("", ExecutionState::Active, 1, &[])],
            vec![told("d", ExecutionState::Active, 1, &["a\nb"])],
            vec![told(
                "d",
                ExecutionState::Active,
                1,
                &["t"; MOST_TEST_TAKERS + 1],
            )],
        ] {
            assert!(check(&wrong).is_err());
        }
    }
}
