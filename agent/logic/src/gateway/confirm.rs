//! What a client says about the end of its run (protocol 9.1, 9.3), kept for the box's own report to central.
//! Never judges it: what central would choke on is left out when it is passed on, not refused here.
//! Called by the gateway; kept sealed by `agent`.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::catalogue::{ClientRun, params, text};
use super::{AnswerSigner, GatewayAnswer};

/// Longest text of a client that is kept.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// One confirmation of a client's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Unix seconds as the box believes them.
    pub at: i64,
    /// Whether the client says that it finished.
    pub finished: bool,
    /// Which run, when it says.
    pub run: Option<ClientRun>,
    /// VM version of the client.
    pub tao_version: Option<String>,
    /// JSON of the client state (protocol 9.2), at most 64 KiB.
    pub client_state: Option<String>,
    /// Why it failed, in its words.
    pub reason: Option<String>,
}

impl Confirmation {
    /// Reads the body of a confirmation; `at` is the box's time.
    ///
    /// # Errors
    /// Central's answer to a body that it refuses.
    pub fn read(
        finished: bool,
        body: &[u8],
        at: i64,
        voice: &AnswerSigner,
    ) -> Result<Self, GatewayAnswer> {
        let body: Json = serde_json::from_slice(body).map_err(|_| voice.generic(500))?;
        if !body.is_object() && !body.is_array() {
            return Err(voice.generic(500));
        }
        let params = params(body.get("params"))?;
        let state = [
            params.get("client_state"),
            body.get("client_state"),
            body.get("client-state"),
        ]
        .into_iter()
        .flatten()
        .find(|state| !state.is_null());
        let state = state.map(|state| match state {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        });
        let reason = match body.get("failure-reason") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        Ok(Self {
            at,
            finished,
            run: ClientRun::of_json(params),
            tao_version: text(params.get("tao_version")),
            client_state: state.filter(|state| state.len() <= MAX_TEXT_BYTES),
            reason: reason.map(|reason| reason.chars().take(1000).collect()),
        })
    }
}

/// Central's answer to a confirmation.
pub fn received() -> GatewayAnswer {
    GatewayAnswer::json(r#"{"message":"Confirmation received."}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(finished: bool, body: &str) -> Result<Confirmation, u16> {
        let voice = AnswerSigner {
            version: "2022.11".into(),
        };
        Confirmation::read(finished, body.as_bytes(), 5, &voice).map_err(|answer| answer.status)
    }

    #[test]
    fn a_confirmation_is_kept_with_its_run_and_state() {
        let body = r#"{"params":{"sync_id":12,"box_id":"b","tao_version":"1","client_state":"{\"type\":\"info\"}"}}"#;
        let kept = read(true, body).unwrap();
        assert_eq!(kept.run.unwrap().sync_id, "12");
        assert_eq!(kept.client_state.as_deref(), Some(r#"{"type":"info"}"#));
        let kept = read(false, r#"{"failure-reason":[{"type":"error"}]}"#).unwrap();
        assert_eq!(kept.reason.as_deref(), Some(r#"[{"type":"error"}]"#));
        assert!(kept.run.is_none());
        assert!(read(true, "{}").is_ok());
        for bad in ["", "{", "nonsense", "7", r#"{"params":"x"}"#] {
            assert_eq!(read(true, bad).unwrap_err(), 500, "{bad}");
        }
        let long = format!(
            r#"{{"params":{{"client_state":"{}"}}}}"#,
            "x".repeat(MAX_TEXT_BYTES + 1)
        );
        assert_eq!(read(true, &long).unwrap().client_state, None);
    }
}
