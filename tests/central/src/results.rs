//! The intake of results: executions, variables, the mapping, and how it goes wrong (protocol 7.1 to 7.5).
//! Never cleans up: what a failed entry left behind stays, as on a real central.
//! Called by `state` for `syncResults`, and by tests that inspect what arrived.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encryption::Encryption;
use crate::php::PhpValue;

/// One variable as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Class name of the variable as sent.
    pub class: String,
    /// Call id of an item variable.
    pub call_id_item: Option<String>,
    /// Call id of a test variable.
    pub call_id_test: Option<String>,
    /// Test identifier as sent.
    pub test: Option<String>,
    /// Item identifier as sent.
    pub item: Option<String>,
    /// `data.identifier`.
    pub identifier: String,
    /// Decoded bytes of `candidateResponse` or `value`, or the text of `trace`.
    pub content: Vec<u8>,
    /// `data` as sent.
    pub data: serde_json::Value,
}

/// One execution on the central.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its id on the central.
    pub online: String,
    /// The id on the box, as sent.
    pub offline: String,
    /// Delivery URI as sent.
    pub delivery: String,
    /// Test taker URI as sent.
    pub test_taker: String,
    /// State URI as sent last.
    pub state: String,
    /// What was stored, in order.
    pub variables: Vec<Variable>,
    /// Whether the mapping points here: all variables of one entry were stored.
    pub is_mapped: bool,
    /// Whether central has a test session for it.
    pub has_session: bool,
    /// How often `ResultCreated` was fired.
    pub created_events: u64,
    /// How often `DeliveryExecutionIrregularityReport` was fired.
    pub irregularity_events: u64,
}

/// How an intake ended.
pub(crate) enum IntakeOutcome {
    /// Acknowledgements as ready JSON by execution id, in request order.
    Acknowledged(Vec<(String, String)>),
    /// An uncaught PHP type error: 500 with an empty body.
    TypeError,
    /// The scripted crash came first.
    Crashed,
}

/// Why one entry failed.
enum EntryFailure {
    /// `success` 0.
    Refused,
    TypeError,
    Crashed,
}

/// All executions and the mapping of box ids to them.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) executions: Vec<Execution>,
    mapping: HashMap<String, usize>,
    hashes: HashMap<usize, HashSet<String>>,
    /// taoEncryption, where it is set up.
    pub(crate) encryption: Option<Encryption>,
    /// What the storage still takes of this request before it goes away.
    pub(crate) away: Option<u64>,
    /// Entries acknowledged with 1 and with 0 in the last request.
    pub(crate) counted: (u64, u64),
}

impl Results {
    pub(crate) fn new(encryption: Option<Encryption>) -> Self {
        Self {
            encryption,
            ..Self::default()
        }
    }

    /// The execution that a box id is mapped to.
    pub(crate) fn mapped(&self, offline: &str) -> Option<usize> {
        self.mapping.get(offline).copied()
    }

    /// Takes in one request; with a budget the process dies when so many variables were stored.
    pub(crate) fn intake(&mut self, results: &PhpValue, mut budget: Option<u64>) -> IntakeOutcome {
        let mut acknowledged = Vec::new();
        // Not reset between entries, as in the PHP loop: a failed entry shows the one before.
        let mut delivery: Option<String> = None;
        self.counted = (0, 0);
        for (id, entry) in results.entries() {
            let success = match self.entry(&id, entry, &mut delivery, &mut budget) {
                Ok(()) => 1,
                Err(EntryFailure::Refused) => 0,
                Err(EntryFailure::TypeError) => return IntakeOutcome::TypeError,
                Err(EntryFailure::Crashed) => return IntakeOutcome::Crashed,
            };
            if success == 1 {
                self.counted.0 += 1;
            } else {
                self.counted.1 += 1;
            }
            let mut ack = format!("{{\"success\":{success}");
            if let Some(delivery) = &delivery {
                ack.push_str(",\"deliveryId\":");
                crate::php::quote(&mut ack, delivery);
            }
            ack.push('}');
            acknowledged.push((id, ack));
        }
        IntakeOutcome::Acknowledged(acknowledged)
    }

    fn entry(
        &mut self,
        id: &str,
        entry: &PhpValue,
        delivery: &mut Option<String>,
        budget: &mut Option<u64>,
    ) -> Result<(), EntryFailure> {
        let has = |value: &PhpValue, keys: &[&str]| keys.iter().all(|k| value.entry(k).is_some());
        if !entry.is_array()
            || !has(
                entry,
                &["deliveryId", "deliveryExecutionId", "details", "variables"],
            )
        {
            return Err(EntryFailure::Refused);
        }
        let details = entry.entry("details").unwrap_or(&PhpValue::Null);
        if !details.is_array() {
            return Err(EntryFailure::TypeError);
        }
        const DETAILS: [&str; 6] = [
            "identifier",
            "label",
            "test-taker",
            "starttime",
            "finishtime",
            "state",
        ];
        if !has(details, &DETAILS) {
            return Err(EntryFailure::Refused);
        }
        let text = |value: &PhpValue, key: &str| {
            value
                .get(key)
                .and_then(PhpValue::scalar)
                .unwrap_or_default()
        };
        let delivery_id = text(entry, "deliveryId");
        *delivery = Some(delivery_id.clone());
        let at = match self.mapped(id) {
            Some(at) => at,
            None => self.spawn(id, delivery_id, text(details, "test-taker")),
        };
        // Null leaves the state alone.
        if details
            .get("state")
            .is_some_and(|state| *state != PhpValue::Null)
        {
            self.executions[at].state = text(details, "state");
        }
        if let Some(variables) = entry.get("variables") {
            for (reference, variable) in variables.entries() {
                if *budget == Some(0) {
                    return Err(EntryFailure::Crashed);
                }
                match self.encryption.is_some() {
                    true => self.write(at, &reference, variable)?,
                    false => self.store(at, read_variable(variable)?)?,
                }
                if let Some(left) = budget {
                    *left -= 1;
                }
            }
        }
        if *budget == Some(0) {
            return Err(EntryFailure::Crashed);
        }
        self.mapping.insert(id.to_owned(), at);
        self.executions[at].is_mapped = true;
        if let Some(encryption) = &mut self.encryption {
            encryption.tasks.push(at);
        }
        Ok(())
    }

    /// Whether the storage takes one thing more.
    pub(crate) fn takes(&mut self) -> bool {
        match &mut self.away {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    fn spawn(&mut self, offline: &str, delivery: String, test_taker: String) -> usize {
        let at = self.executions.len();
        self.executions.push(Execution {
            online: format!("https://central.example/tao.rdf#execution-{at}"),
            offline: offline.to_owned(),
            delivery,
            test_taker,
            state: String::new(),
            variables: Vec::new(),
            is_mapped: false,
            has_session: false,
            created_events: 0,
            irregularity_events: 0,
        });
        at
    }

    /// An encrypted row, unread; anything but a text is a type error.
    fn write(&mut self, at: usize, reference: &str, row: &PhpValue) -> Result<(), EntryFailure> {
        if !self.takes() {
            return Err(EntryFailure::Refused);
        }
        let written = self
            .encryption
            .as_mut()
            .map(|e| e.write(at, reference, row));
        written.flatten().ok_or(EntryFailure::TypeError)
    }

    /// Runs the tasks `Decrypt Delivery Execution` that wait; a variable that is there is skipped.
    pub(crate) fn decrypt(&mut self) {
        let Some(mut encryption) = self.encryption.take() else {
            return;
        };
        for at in std::mem::take(&mut encryption.tasks) {
            for variable in encryption.decrypt(at) {
                let _ = self.store(at, variable);
            }
        }
        self.encryption = Some(encryption);
    }

    fn store(&mut self, at: usize, stored: Variable) -> Result<(), EntryFailure> {
        // taoOutcomeRds: a unique hash over execution, identifiers and the serialised variable.
        let hash = format!(
            "{:?}|{:?}|{:?}|{:?}|{}|{}",
            stored.call_id_item,
            stored.call_id_test,
            stored.test,
            stored.item,
            stored.class,
            stored.data
        );
        if !self.takes() {
            return Err(EntryFailure::Refused);
        }
        if !self.hashes.entry(at).or_default().insert(hash) {
            return Err(EntryFailure::Refused);
        }
        self.executions[at].variables.push(stored);
        Ok(())
    }
}

fn read_variable(variable: &PhpValue) -> Result<Variable, EntryFailure> {
    if !variable.is_array() {
        return Err(EntryFailure::TypeError);
    }
    let class = variable
        .get("type")
        .and_then(PhpValue::scalar)
        .ok_or(EntryFailure::Refused)?;
    let data = variable.get("data").filter(|d| d.is_array());
    let data = data.ok_or(EntryFailure::TypeError)?;
    let typed = |key: &str| {
        data.get(key)
            .and_then(PhpValue::text)
            .map(str::to_owned)
            .ok_or(EntryFailure::TypeError)
    };
    let identifier = typed("identifier")?;
    let cardinality = typed("cardinality")?;
    if !["single", "multiple", "ordered", "record"].contains(&cardinality.as_str()) {
        return Err(EntryFailure::Refused);
    }
    typed("baseType")?;
    typed("epoch")?;
    let content = match class.as_str() {
        "taoResultServer_models_classes_ResponseVariable" => decode(data, "candidateResponse")?,
        "taoResultServer_models_classes_TraceVariable" => typed("trace")?.into_bytes(),
        _ => decode(data, "value")?,
    };
    let optional = |key: &str| variable.get(key).and_then(PhpValue::scalar);
    let call_id_item = optional("callIdItem");
    let needed = if call_id_item.is_some() {
        ["test", "item"]
    } else {
        ["test", "callIdTest"]
    };
    if needed.iter().any(|key| variable.entry(key).is_none()) {
        return Err(EntryFailure::Refused);
    }
    Ok(Variable {
        class,
        call_id_test: optional("callIdTest"),
        test: optional("test"),
        item: optional("item"),
        call_id_item,
        identifier,
        content,
        data: data.json(),
    })
}

/// `base64_decode`: null is the empty string, what is no base64 is skipped as PHP skips it.
fn decode(data: &PhpValue, key: &str) -> Result<Vec<u8>, EntryFailure> {
    let Some(value) = data.get(key) else {
        return Ok(Vec::new());
    };
    let text = value.scalar().ok_or(EntryFailure::TypeError)?;
    let clean: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
        .collect();
    let whole = &clean[..clean.len() - usize::from(clean.len() % 4 == 1)];
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    Ok(STANDARD
        .decode(&text)
        .or_else(|_| lenient.decode(whole))
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, variables: &str) -> PhpValue {
        let text = format!(
            r#"{{"{id}":{{"deliveryId":"d","deliveryExecutionId":"{id}","details":{{"identifier":"{id}","label":"l","test-taker":"t","starttime":"0.1 1","finishtime":null,"state":"s"}},"variables":[{variables}]}}}}"#
        );
        PhpValue::parse(text.as_bytes()).unwrap()
    }

    fn variable(name: &str, value: &str, cardinality: &str) -> String {
        format!(
            r#"{{"type":"taoResultServer_models_classes_OutcomeVariable","callIdItem":"e.i.0","callIdTest":null,"test":"t","item":"i","data":{{"identifier":"{name}","cardinality":"{cardinality}","baseType":"float","epoch":"0.1 1","value":"{value}"}}}}"#
        )
    }

    fn success(results: &mut Results, request: &PhpValue) -> Option<bool> {
        match results.intake(request, None) {
            IntakeOutcome::Acknowledged(acks) => Some(acks[0].1.contains("\"success\":1")),
            _ => None,
        }
    }

    fn names(results: &Results, at: usize) -> Vec<&str> {
        results.executions[at]
            .variables
            .iter()
            .map(|v| v.identifier.as_str())
            .collect()
    }

    #[test]
    fn resends_follow_the_table_of_protocol_7_5() {
        let (a, b, c) = (
            variable("A", "MQ==", "single"),
            variable("B", "MQ==", "single"),
            variable("C", "MQ==", "single"),
        );
        let mut results = Results::default();
        assert_eq!(success(&mut results, &request("e", &a)), Some(true));
        assert_eq!(success(&mut results, &request("e", &a)), Some(false));
        assert_eq!(
            success(&mut results, &request("e", &format!("{a},{b}"))),
            Some(false)
        );
        assert_eq!(names(&results, 0), ["A"]);
        assert_eq!(
            success(&mut results, &request("e", &format!("{b},{a},{c}"))),
            Some(false)
        );
        assert_eq!(names(&results, 0), ["A", "B"]);
        let other = variable("A", "Mg==", "single");
        assert_eq!(success(&mut results, &request("e", &other)), Some(true));
        assert_eq!(names(&results, 0), ["A", "B", "A"]);
        assert_eq!(results.executions.len(), 1);
    }

    #[test]
    fn a_bad_cardinality_leaves_an_orphan_and_each_resend_one_more() {
        let bad = format!(
            "{},{}",
            variable("A", "MQ==", "single"),
            variable("B", "MQ==", "odd")
        );
        let mut results = Results::default();
        assert_eq!(success(&mut results, &request("e", &bad)), Some(false));
        assert_eq!(success(&mut results, &request("e", &bad)), Some(false));
        assert_eq!(results.executions.len(), 2);
        assert_eq!(names(&results, 1), ["A"]);
        assert_eq!(results.mapped("e"), None);
        assert_eq!(
            success(
                &mut results,
                &request("e", &variable("A", "MQ==", "single"))
            ),
            Some(true)
        );
        assert_eq!(results.mapped("e"), Some(2));
    }

    #[test]
    fn a_crash_inside_stores_what_came_before_it() {
        let two = format!(
            "{},{}",
            variable("A", "MQ==", "single"),
            variable("B", "MQ==", "single")
        );
        let mut results = Results::default();
        assert!(matches!(
            results.intake(&request("e", &two), Some(1)),
            IntakeOutcome::Crashed
        ));
        assert_eq!(names(&results, 0), ["A"]);
        assert_eq!(results.mapped("e"), None);
        assert!(matches!(
            results.intake(&request("f", &two), Some(2)),
            IntakeOutcome::Crashed
        ));
        assert_eq!((names(&results, 1).len(), results.mapped("f")), (2, None));
    }

    #[test]
    fn a_null_base_type_is_a_type_error() {
        let null = variable("A", "MQ==", "record").replace("\"float\"", "null");
        assert_eq!(success(&mut Results::default(), &request("e", &null)), None);
    }
}
