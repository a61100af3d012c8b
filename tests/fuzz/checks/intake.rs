//! What a delivery engine hands over: what is let in is what central takes, and the same however it comes.
//! Never asks the product what central takes: protocol 7.1 and 8.1 are said again here.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

use std::collections::BTreeSet;

use logic::fault::Area;
use logic::gateway::AnswerSigner;
use logic::gateway::owed::{Batch, OfferOutcome};
use logic::intake::{IntakeItem, ItemKind, read, read_one};
use serde_json::{Value as Json, json};

const LIMIT: usize = 4096;

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    // The first line is an id.
    let at = rest.iter().position(|byte| *byte == b'\n');
    let (id, document) = at.map_or((&[][..], rest), |at| (&rest[..at], &rest[at + 1..]));
    let id = String::from_utf8_lossy(id);
    let kind = ItemKind::ALL[usize::from(how) % ItemKind::ALL.len()];
    let known = |_, _: &str| how & 0x80 == 0;
    match read(kind, document, LIMIT, &known) {
        Ok(intake) => {
            for item in &intake.items {
                sound(item);
                let again = read_one(kind, &item.id, &item.payload, LIMIT, &known);
                assert_eq!(
                    again.expect("what was let in is let in").items.as_slice(),
                    std::slice::from_ref(item)
                );
            }
        }
        Err(trouble) => assert!(trouble.code.is(Area::Intake), "{trouble:?}"),
    }
    // One by its id, and the same in a document: let in by both ways or by none.
    if matches!(kind, ItemKind::Results | ItemKind::Logs)
        && serde_json::from_slice::<Json>(document).is_ok()
    {
        let text = std::str::from_utf8(document).expect("JSON is UTF-8");
        let all = format!("{{\"{}\":{{{}:{text}}}}}", key(kind), Json::from(&*id));
        let all = read(kind, all.as_bytes(), LIMIT, &known);
        let one = read_one(kind, &id, document, LIMIT, &known);
        assert_eq!(one.map(|one| one.items).ok(), all.map(|all| all.items).ok());
    }
}

fn key(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Results => "results",
        ItemKind::Logs => "delivery_logs",
        ItemKind::Sessions => "test_sessions",
        ItemKind::LtiUsers => "lti_users",
    }
}

fn sound(item: &IntakeItem) {
    assert!(item.payload.len() <= LIMIT);
    let payload: Json = serde_json::from_slice(&item.payload).expect("a payload is JSON");
    let parts: BTreeSet<_> = item.parts.iter().collect();
    assert_eq!(parts.len(), item.parts.len(), "no part twice");
    match item.kind {
        ItemKind::Results => {
            let variables = payload["variables"].as_array().expect("variables");
            assert_eq!(variables.len(), item.parts.len());
            variables.iter().for_each(variable);
            details(&payload["details"]);
            taken(item);
        }
        ItemKind::Logs => {
            let rows = payload.as_array().expect("rows");
            assert_eq!(rows.len(), item.parts.len());
            let keys = |row: &Json| {
                row.as_object()
                    .map(|row| row.keys().cloned().collect::<Vec<_>>())
            };
            for row in rows {
                assert_eq!(keys(row), keys(&rows[0]), "one list of columns");
                assert_eq!(row["delivery_execution_id"], item.id);
                assert!(row["created_at"].is_string() || row["created_at"].is_number());
            }
            taken(item);
        }
        ItemKind::Sessions => assert_eq!(payload, item.id),
        ItemKind::LtiUsers => assert!(payload.is_object()),
    }
}

fn details(details: &Json) {
    for key in [
        "identifier",
        "label",
        "test-taker",
        "starttime",
        "finishtime",
        "state",
    ] {
        assert!(details.get(key).is_some(), "details.{key}");
    }
    assert!(details["test-taker"].is_string() && details["state"].is_string());
}

fn variable(variable: &Json) {
    let data = &variable["data"];
    for key in ["identifier", "baseType", "epoch"] {
        assert!(data[key].is_string(), "data.{key}");
    }
    let cardinality = data["cardinality"].as_str().expect("a cardinality");
    assert!(["single", "multiple", "ordered", "record"].contains(&cardinality));
    let content = match variable["type"].as_str().expect("a class") {
        "taoResultServer_models_classes_ResponseVariable" => "candidateResponse",
        "taoResultServer_models_classes_OutcomeVariable" => "value",
        "taoResultServer_models_classes_TraceVariable" => "trace",
        other => panic!("central does not know {other}"),
    };
    assert!(data[content].is_string(), "data.{content}");
    let call = if variable["callIdItem"].is_null() {
        "callIdTest"
    } else {
        "callIdItem"
    };
    assert!(variable[call].is_string() && variable.get("item").is_some());
}

/// The box's own half of central takes it too, and acknowledges it.
fn taken(item: &IntakeItem) {
    let payload = std::str::from_utf8(&item.payload).expect("JSON is UTF-8");
    let id = Json::from(item.id.as_str());
    let key = key(item.kind);
    let body =
        format!(r#"{{"{key}":{{{id}:{payload}}},"sync_params":{{"tao_version":"2022.11"}}}}"#);
    let voice = AnswerSigner {
        version: "2022.11".into(),
    };
    let batch = Batch::read(item.kind, body.as_bytes(), &["2022.11".into()], &voice);
    let batch = batch.expect("it is taken");
    assert_eq!(batch.offers.len(), 1, "{body}");
    let answer = batch.answer(&[OfferOutcome::Durable], &voice);
    let told: Json = serde_json::from_slice(&answer.body).expect("acknowledgements are JSON");
    assert_eq!(told[&item.id]["success"], json!(1), "{body}");
}
