//! What a client hands over: results, logs, sessions and LTI users, and the acknowledgements it expects (protocol 7, 8).
//! Never acknowledges what was not taken durably, and never changes what it hands on.
//! Called by the gateway: a request becomes `Offer`s, what became of them becomes the answer.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::catalogue::{check_version, params, text};
use super::pairs::Pairs;
use super::{AnswerSigner, GatewayAnswer};
use crate::fault::Fault;
pub use crate::intake::ItemKind;

/// The key of the body of central's route.
fn key(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Results => "results",
        ItemKind::Logs => "delivery_logs",
        ItemKind::Sessions => "test_sessions",
        ItemKind::LtiUsers => "lti_users",
    }
}

/// One thing to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub kind: ItemKind,
    /// Execution id; of an LTI user its id, or nothing when it has none.
    pub id: String,
    /// JSON as it came: a Result, a list of log rows, the id of a session, a user.
    pub content: String,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferOutcome {
    /// It is on disk, synced, since now or since an earlier time.
    Durable,
    /// Its content cannot be taken, now or ever.
    Refused(Fault),
    /// It cannot be taken now: a full disk, a closed store.
    Failed(Fault),
}

/// A request as offers and the acknowledgement that waits for them.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// In the order of the request.
    pub offers: Vec<Offer>,
    lines: Vec<AcknowledgementRow>,
    is_list: bool,
    /// Something would have been a type error on central, which then answers nothing at all.
    broken: bool,
}

/// One acknowledgement.
#[derive(Debug, PartialEq, Eq)]
struct AcknowledgementRow {
    key: String,
    /// The offers that it stands for; none for what central fails by itself.
    offers: Range<usize>,
    failed: bool,
    delivery: Option<Json>,
    rows: Option<Vec<Json>>,
}

impl AcknowledgementRow {
    fn failed(key: String, delivery: Option<Json>) -> Self {
        Self {
            key,
            offers: 0..0,
            failed: true,
            delivery,
            rows: None,
        }
    }
}

impl Batch {
    /// Reads a request.
    ///
    /// # Errors
    /// Central's answer to a request that it refuses as a whole.
    pub fn read(
        kind: ItemKind,
        body: &[u8],
        known: &[String],
        voice: &AnswerSigner,
    ) -> Result<Self, GatewayAnswer> {
        let generic = || voice.generic(500);
        let body: BTreeMap<String, &RawValue> =
            serde_json::from_slice(body).map_err(|_| generic())?;
        let content = body.get(key(kind)).ok_or_else(generic)?;
        let content: Pairs =
            serde_json::from_slice(content.get().as_bytes()).map_err(|_| generic())?;
        let given: Json = match body.get("sync_params") {
            Some(raw) => serde_json::from_slice(raw.get().as_bytes()).map_err(|_| generic())?,
            None => Json::Null,
        };
        let version = text(params(Some(&given))?.get("tao_version"));
        check_version(version.as_deref(), known, voice)?;
        let mut batch = Self {
            offers: Vec::new(),
            lines: Vec::new(),
            is_list: content.is_list,
            broken: false,
        };
        for (key, raw) in content.entries {
            match kind {
                ItemKind::Results => batch.result(key, raw),
                ItemKind::Logs => batch.rows(key, raw),
                ItemKind::Sessions => batch.session(raw),
                ItemKind::LtiUsers => batch.user(key, raw),
            }
        }
        Ok(batch)
    }

    /// The acknowledgement, from what became of the offers, in their order.
    pub fn answer(&self, taken: &[OfferOutcome], voice: &AnswerSigner) -> GatewayAnswer {
        if let Some(trouble) = taken.iter().find_map(|taken| match taken {
            OfferOutcome::Failed(trouble) => Some(trouble),
            _ => None,
        }) {
            let told = format!("This box cannot take it now: {}", trouble.reason());
            return voice.later(503, &told);
        }
        let refused = |at: usize| taken.get(at) != Some(&OfferOutcome::Durable);
        let fatal = |at: usize| refused(at) && self.offers[at].kind != ItemKind::Logs;
        if self.broken || taken.len() != self.offers.len() || (0..taken.len()).any(fatal) {
            // As central would: the client keeps what was not acknowledged, while a second `success` 0 would make it
            // believe that all is well (protocol 7.6). Of logs it keeps what is not named (protocol 8.1).
            return GatewayAnswer::type_error();
        }
        if self.lines.is_empty() {
            return GatewayAnswer::json("[]");
        }
        let acks = self.lines.iter().map(|line| {
            let failed = line.failed || line.offers.clone().any(refused);
            let mut ack = json!({ "success": u8::from(!failed) });
            if let Some(delivery) = &line.delivery {
                ack["deliveryId"] = delivery.clone();
            }
            if let Some(rows) = line.rows.as_ref().filter(|_| !failed) {
                ack["logsSynced"] = rows.clone().into();
            }
            (line.key.clone(), ack)
        });
        let body = if self.is_list {
            Json::Array(acks.map(|(_, ack)| ack).collect()).to_string()
        } else {
            let pairs: Vec<String> = acks
                .map(|(key, ack)| format!("{}:{ack}", Json::from(key)))
                .collect();
            format!("{{{}}}", pairs.join(","))
        };
        GatewayAnswer::json(body)
    }

    fn offer(&mut self, kind: ItemKind, id: String, content: String) -> Range<usize> {
        self.offers.push(Offer { kind, id, content });
        self.offers.len() - 1..self.offers.len()
    }

    fn result(&mut self, key: String, raw: &RawValue) {
        // A failed entry is acknowledged with the delivery of the one before (protocol 7.2).
        let before = self.lines.last().and_then(|line| line.delivery.clone());
        let entry: Json = serde_json::from_slice(raw.get().as_bytes()).unwrap_or_default();
        let whole = ["deliveryId", "deliveryExecutionId", "details", "variables"]
            .iter()
            .all(|key| entry.get(key).is_some());
        if !whole {
            return self.lines.push(AcknowledgementRow::failed(key, before));
        }
        const DETAILS: [&str; 6] = [
            "identifier",
            "label",
            "test-taker",
            "starttime",
            "finishtime",
            "state",
        ];
        let Json::Object(details) = &entry["details"] else {
            self.broken = true;
            return;
        };
        if !DETAILS.iter().all(|key| details.contains_key(*key)) {
            return self.lines.push(AcknowledgementRow::failed(key, before));
        }
        let delivery = Some(entry["deliveryId"].clone());
        match variables(&entry["variables"]) {
            OfferVerdict::Broken => self.broken = true,
            OfferVerdict::Failed => self.lines.push(AcknowledgementRow::failed(key, delivery)),
            OfferVerdict::Sound => {
                let id = match text(entry.get("deliveryExecutionId")) {
                    Some(id) if self.is_list => id,
                    _ => key.clone(),
                };
                let offers = self.offer(ItemKind::Results, id, raw.get().to_owned());
                self.lines.push(AcknowledgementRow {
                    key,
                    offers,
                    failed: false,
                    delivery,
                    rows: None,
                });
            }
        }
    }

    /// Rows without a required key are skipped, an unknown column fails the group (protocol 8.1). A row belongs to the
    /// execution that it names, not to the key of its group.
    fn rows(&mut self, key: String, raw: &RawValue) {
        const REQUIRED: [&str; 6] = [
            "id",
            "delivery_execution_id",
            "event_id",
            "data",
            "created_at",
            "created_by",
        ];
        const COLUMNS: [&str; 8] = [
            "id",
            "delivery_execution_id",
            "event_id",
            "data",
            "created_at",
            "created_by",
            "is_synced",
            "log_is_after_session_sync",
        ];
        let pairs = serde_json::from_slice::<Pairs>(raw.get().as_bytes());
        let mut ids = Vec::new();
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (_, raw) in pairs.into_iter().flat_map(|pairs| pairs.entries) {
            let Ok(Json::Object(row)) = serde_json::from_slice::<Json>(raw.get().as_bytes()) else {
                continue;
            };
            if !REQUIRED.iter().all(|key| row.contains_key(*key)) {
                continue;
            }
            if !row.keys().all(|key| COLUMNS.contains(&key.as_str())) {
                return self.lines.push(AcknowledgementRow::failed(key, None));
            }
            let Some(execution) = text(row.get("delivery_execution_id")) else {
                continue;
            };
            ids.push(row["id"].clone());
            match groups.iter_mut().find(|(known, _)| *known == execution) {
                Some((_, rows)) => rows.push(raw.get()),
                None => groups.push((execution, vec![raw.get()])),
            }
        }
        let first = self.offers.len();
        for (id, rows) in groups {
            self.offer(ItemKind::Logs, id, format!("[{}]", rows.join(",")));
        }
        let offers = first..self.offers.len();
        self.lines.push(AcknowledgementRow {
            key,
            offers,
            failed: false,
            delivery: None,
            rows: Some(ids),
        });
    }

    fn session(&mut self, raw: &RawValue) {
        let id = serde_json::from_slice::<Json>(raw.get().as_bytes()).ok();
        let Some(id) = text(id.as_ref()) else {
            self.broken = true;
            return;
        };
        // Acknowledged by id, though they came as a list.
        self.is_list = false;
        let offers = self.offer(
            ItemKind::Sessions,
            id.clone(),
            Json::from(id.as_str()).to_string(),
        );
        self.lines.push(AcknowledgementRow {
            key: id,
            offers,
            failed: false,
            delivery: None,
            rows: None,
        });
    }

    fn user(&mut self, key: String, raw: &RawValue) {
        let user = serde_json::from_slice::<Json>(raw.get().as_bytes()).unwrap_or_default();
        if !user.is_object() {
            return self.lines.push(AcknowledgementRow::failed(key, None));
        }
        let id = text(user.get("id")).unwrap_or_default();
        let offers = self.offer(ItemKind::LtiUsers, id, raw.get().to_owned());
        self.lines.push(AcknowledgementRow {
            key,
            offers,
            failed: false,
            delivery: None,
            rows: None,
        });
    }
}

enum OfferVerdict {
    Sound,
    /// Central acknowledges the entry with `success` 0.
    Failed,
    /// Central answers the whole request with an empty 500.
    Broken,
}

/// What central makes of the variables of one result (protocol 7.1, 7.2); ciphertext by reference passes (7.7).
fn variables(variables: &Json) -> OfferVerdict {
    let list: Vec<&Json> = match variables {
        Json::Array(list) => list.iter().collect(),
        Json::Object(map) if map.values().all(Json::is_string) => return OfferVerdict::Sound,
        Json::Object(map) => map.values().collect(),
        _ => return OfferVerdict::Sound,
    };
    for variable in list {
        let Some(Json::Object(data)) = variable.get("data") else {
            return OfferVerdict::Broken;
        };
        let is_text = |key: &str| data.get(key).is_some_and(Json::is_string);
        let is_trace = variable["type"] == "taoResultServer_models_classes_TraceVariable";
        if !["identifier", "baseType", "epoch"].into_iter().all(is_text)
            || is_trace && !is_text("trace")
        {
            return OfferVerdict::Broken;
        }
        let cardinality = data.get("cardinality").and_then(Json::as_str);
        if !matches!(
            cardinality,
            Some("single" | "multiple" | "ordered" | "record")
        ) {
            return OfferVerdict::Failed;
        }
    }
    OfferVerdict::Sound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn voice() -> AnswerSigner {
        AnswerSigner {
            version: "2022.11".into(),
        }
    }

    fn read(kind: ItemKind, content: Json) -> Result<Batch, GatewayAnswer> {
        let body = json!({ key(kind): content, "sync_params": { "tao_version": "2022.11" } });
        Batch::read(
            kind,
            body.to_string().as_bytes(),
            &["2022.11".into()],
            &voice(),
        )
    }

    fn ack(batch: &Batch) -> (u16, String) {
        let taken = vec![OfferOutcome::Durable; batch.offers.len()];
        let answer = batch.answer(&taken, &voice());
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    fn result(change: impl FnOnce(&mut Json)) -> Json {
        let mut result = json!({
            "deliveryId": "d#1", "deliveryExecutionId": "e#1",
            "details": { "identifier": "e#1", "label": "", "test-taker": "t", "starttime": "", "finishtime": null, "state": "s" },
            "variables": [{ "type": "taoResultServer_models_classes_OutcomeVariable", "data":
                { "identifier": "SCORE", "cardinality": "single", "baseType": "float", "epoch": "0.1 1" } }],
        });
        change(&mut result);
        result
    }

    #[test]
    fn results_are_acknowledged_one_by_one_and_handed_on_as_they_came() {
        let good = result(|_| {});
        let bad = result(|r| drop(r["details"].as_object_mut().unwrap().remove("state")));
        let odd = result(|r| r["variables"][0]["data"]["cardinality"] = "many".into());
        let batch = read(
            ItemKind::Results,
            json!({ "e0": "x", "e1": good, "e2": bad, "e3": odd }),
        )
        .unwrap();
        assert_eq!(batch.offers.len(), 1);
        assert_eq!(
            serde_json::from_str::<Json>(&batch.offers[0].content).unwrap(),
            good
        );
        let (_, body) = ack(&batch);
        assert_eq!(
            serde_json::from_str::<Json>(&body).unwrap(),
            json!({
                "e0": { "success": 0 },
                "e1": { "success": 1, "deliveryId": "d#1" },
                "e2": { "success": 0, "deliveryId": "d#1" },
                "e3": { "success": 0, "deliveryId": "d#1" },
            })
        );
        assert!(body.find("e0").unwrap() < body.find("e1").unwrap());
        let list = read(ItemKind::Results, json!([good])).unwrap();
        assert_eq!(list.offers[0].id, "e#1");
        assert_eq!(ack(&list).1, r#"[{"deliveryId":"d#1","success":1}]"#);
        assert_eq!(ack(&read(ItemKind::Results, json!({})).unwrap()).1, "[]");
    }

    #[test]
    fn a_type_error_keeps_the_good_ones_and_acknowledges_nothing() {
        for change in [
            (|r| r["details"] = "x".into()) as fn(&mut Json),
            |r| r["variables"][0]["data"] = "x".into(),
            |r| r["variables"][0]["data"]["baseType"] = Json::Null,
            |r| r["variables"][0]["type"] = "taoResultServer_models_classes_TraceVariable".into(),
        ] {
            let batch = read(
                ItemKind::Results,
                json!({ "e1": result(change), "e2": result(|_| {}) }),
            )
            .unwrap();
            assert_eq!(batch.offers.len(), 1);
            assert_eq!(ack(&batch), (500, String::new()));
        }
    }

    #[test]
    fn what_is_not_taken_is_not_acknowledged() {
        let batch = read(ItemKind::Results, json!({ "e1": result(|_| {}) })).unwrap();
        let trouble = |code| Fault::new(code, "the disk is full");
        let failed = batch.answer(&[OfferOutcome::Failed(trouble(Code::DiskFull))], &voice());
        assert_eq!(failed.status, 503);
        assert!(
            String::from_utf8(failed.body)
                .unwrap()
                .contains("the disk is full")
        );
        let refused = batch.answer(
            &[OfferOutcome::Refused(trouble(Code::IntakeMalformed))],
            &voice(),
        );
        assert_eq!((refused.status, refused.body.len()), (500, 0));
        assert_eq!(batch.answer(&[], &voice()).status, 500);
    }

    #[test]
    fn log_rows_are_grouped_by_the_execution_that_they_name() {
        let row = |id: u8, execution: &str| {
            json!({ "id": id, "delivery_execution_id": execution, "event_id": "x",
            "data": {}, "created_at": "1", "created_by": "p" })
        };
        let mut odd = row(9, "e1");
        odd["probe"] = 1.into();
        let logs = json!({
            "e1": [row(1, "e1"), { "id": 2 }, row(3, "e2"), "x", row(4, "e1")],
            "e3": "x", "e4": [row(5, "e4"), odd],
        });
        let batch = read(ItemKind::Logs, logs).unwrap();
        let trouble = Fault::new(Code::IntakeMalformed, "x");
        let half = batch.answer(
            &[OfferOutcome::Durable, OfferOutcome::Refused(trouble)],
            &voice(),
        );
        let half: Json = serde_json::from_slice(&half.body).unwrap();
        assert_eq!(half["e1"], json!({ "success": 0 }));
        assert_eq!(half["e3"]["success"], 1);
        let offers: Vec<_> = batch.offers.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(offers, ["e1", "e2"]);
        assert_eq!(
            serde_json::from_str::<Json>(&ack(&batch).1).unwrap(),
            json!({
                "e1": { "success": 1, "logsSynced": [1, 3, 4] },
                "e3": { "success": 1, "logsSynced": [] },
                "e4": { "success": 0 },
            })
        );
    }

    #[test]
    fn sessions_are_acknowledged_by_id() {
        let batch = read(ItemKind::Sessions, json!(["e1", "e2"])).unwrap();
        assert_eq!(batch.offers[0].content, "\"e1\"");
        assert_eq!(ack(&batch).1, r#"{"e1":{"success":1},"e2":{"success":1}}"#);
        assert_eq!(
            ack(&read(ItemKind::Sessions, json!({ "a": { "x": 1 } })).unwrap()).0,
            500
        );
    }

    #[test]
    fn a_request_that_central_refuses_is_refused() {
        let refuse = |body: &str| {
            let known = ["2022.11".to_owned()];
            Batch::read(ItemKind::Results, body.as_bytes(), &known, &voice())
                .map_or_else(|a| (a.status, a.body.len()), |_| (0, 0))
        };
        for generic in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"results":"x"}"#,
            r#"{"results":null}"#,
        ] {
            assert_eq!(refuse(generic), (500, 111), "{generic}");
        }
        assert_eq!(refuse(r#"{"results":{}}"#), (500, 111));
        assert_eq!(refuse(r#"{"results":{},"sync_params":"x"}"#), (500, 0));
        assert_eq!(
            refuse(r#"{"results":{},"sync_params":{"tao_version":"0.0"}}"#),
            (500, 123)
        );
    }
}
