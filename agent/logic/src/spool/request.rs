//! Builds the requests of the spool out of payloads, and tells what an answer means before it is read.
//! Never parses a payload whole: entries are joined as bytes, so that memory stays flat.
//! Called by the machine of `spool`.

use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::api::answer::{PhpMap, parse};
use crate::api::{Answered, Call, CallBody, Reply, surely_unsent};
use crate::fault::{Area, Code, Expected, Fault, PayloadFlaw};
use crate::words::{Now, SyncParams};

use super::SpoolPlan;

/// What came of a request, as far as the outcome of its content goes.
#[derive(Debug)]
pub(super) enum RequestOutcome {
    /// A map of acknowledgements.
    Answer(Reply),
    /// The web server took no request of this size; central did not see it.
    TooLong(Fault),
    /// Central died on it without a word and is done with it; entries before the death are stored. Only this can be
    /// the fault of what was sent.
    Rejected(Fault),
    /// Central failed and says so, and is done with it; entries before the failure may be stored.
    Failed(Fault),
    /// Surely not processed; may be tried again after a wait.
    Unsent(Fault),
    /// Surely not processed, and nothing more will be in this run.
    Barred(Fault),
    /// May be processed, may still be.
    Lost(Fault),
}

/// `any`: the answer's shape is not known (LTI users, protocol 8.2); every JSON that is no refusal will do.
pub(super) fn hear(answered: Answered, any: bool) -> RequestOutcome {
    let reply = match answered {
        Ok(reply) => reply,
        Err(trouble) if surely_unsent(&trouble) => return unsent(trouble),
        Err(trouble) => return RequestOutcome::Lost(trouble),
    };
    let shape = if any {
        parse::<serde::de::IgnoredAny>(&reply, Expected::Json).map(|_| ())
    } else {
        parse::<PhpMap>(&reply, Expected::Acknowledgements).map(|_| ())
    };
    let Err(trouble) = shape else {
        return RequestOutcome::Answer(reply);
    };
    match (reply.status, trouble.code) {
        (_, Code::VersionUnsupported | Code::CentralMaintenance) => RequestOutcome::Barred(trouble),
        (413, _) => RequestOutcome::TooLong(trouble),
        // Not processed: too many, or too early (RFC 8470 5.2).
        (425 | 429, _) => RequestOutcome::Unsent(trouble),
        (200, Code::CentralRefused) => RequestOutcome::Failed(trouble),
        // PHP died: it says nothing. TAO failed: it says so in JSON. A page is a gateway's.
        (500, _) if reply.body.is_empty() => RequestOutcome::Rejected(trouble),
        (500, _) if reply.body.first() == Some(&b'{') => RequestOutcome::Failed(trouble),
        // A gateway's word for a request that it may have passed on.
        (408, _) => RequestOutcome::Lost(trouble),
        (300..=499, _) => RequestOutcome::Barred(trouble),
        _ => RequestOutcome::Lost(trouble),
    }
}

/// Without a token, a configuration or a central that works nothing more can be had in this run.
fn unsent(trouble: Fault) -> RequestOutcome {
    let code = trouble.code;
    let bars = [
        Code::CentralMaintenance,
        Code::CentralToken,
        // Of the token's exchange alone: whoever answers a call so has had it.
        Code::CentralForeign,
        Code::CentralPhp,
        Code::CentralNotFound,
    ];
    match code.is(Area::Auth) || code.is(Area::Config) || bars.contains(&code) {
        true => RequestOutcome::Barred(trouble),
        false => RequestOutcome::Unsent(trouble),
    }
}

/// The parameters of a request: complete, so that central counts it in its log of this run, or without `sync_id`,
/// so that a deliberate repetition does not (protocol 9.4).
pub(super) fn params(params: &SyncParams, logged: bool) -> Json {
    if logged {
        params.on_the_wire()
    } else {
        json!({ "tao_version": params.tao_version })
    }
}

/// A request of results by execution id.
pub(super) fn results<'a>(
    entries: impl Iterator<Item = (&'a str, &'a [u8])>,
    params: &Json,
) -> Call {
    let body = map("results", entries, params);
    with(Call::results(&Json::Null, &Json::Null), body)
}

/// A request of log rows by execution id; each group is a JSON list.
pub(super) fn logs<'a>(groups: impl Iterator<Item = (&'a str, &'a [u8])>, params: &Json) -> Call {
    let body = map("delivery_logs", groups, params);
    with(Call::logs(&Json::Null, &Json::Null), body)
}

/// A request of LTI users.
pub(super) fn lti_users<'a>(users: impl Iterator<Item = &'a [u8]>, params: &Json) -> Call {
    let mut body = br#"{"lti_users":["#.to_vec();
    join(&mut body, users, |body, user| body.extend_from_slice(user));
    close(&mut body, b']', params);
    with(Call::lti_users(&Json::Null, &Json::Null), body)
}

/// The execution that nobody has: its answer says that the probe means what it should.
pub(super) fn control(id: &str) -> String {
    format!("{id}#boxsync-control")
}

/// The silent probe of protocol 7.5: one valid row per execution with a key that is no column, so that a mapped one
/// answers `success` 0 and nothing is stored; and one for an execution that cannot be mapped.
pub(super) fn probe<'a>(ids: impl Iterator<Item = &'a str>, plan: &SpoolPlan, now: Now) -> Call {
    // An encrypted central dies of anything but a text there.
    let data = match &plan.probe_data {
        Some(text) => json!(text),
        None => json!({ "probe": true }),
    };
    let row = |id: &str| {
        let row = json!([{
            "id": "probe",
            "delivery_execution_id": id,
            "event_id": "BOXSYNC_PROBE",
            "data": data,
            "created_at": now.wall.max(0).to_string(),
            "created_by": "boxsync",
            "probe": 1,
        }]);
        (id.to_owned(), row.to_string().into_bytes())
    };
    let mut rows: Vec<_> = ids.map(row).collect();
    if let Some((first, _)) = rows.first() {
        rows.insert(0, row(&control(first)));
    }
    let groups = rows.iter().map(|(id, row)| (id.as_str(), row.as_slice()));
    let call = logs(groups, &params(&plan.params, false));
    Call {
        name: "probe",
        ..call
    }
}

#[derive(serde::Deserialize)]
struct ResultBody<'a> {
    #[serde(borrow, rename = "deliveryId")]
    delivery: &'a RawValue,
    #[serde(borrow, rename = "deliveryExecutionId")]
    execution: &'a RawValue,
    #[serde(borrow)]
    details: &'a RawValue,
    #[serde(borrow)]
    variables: Vec<&'a RawValue>,
}

impl ResultBody<'_> {
    fn entry(&self, details: &str, variable: &str) -> Vec<u8> {
        let (delivery, execution) = (self.delivery, self.execution);
        format!(
            r#"{{"deliveryId":{delivery},"deliveryExecutionId":{execution},"details":{details},"variables":[{variable}]}}"#
        )
        .into_bytes()
    }
}

/// The result of a payload with one of its variables, or with none.
///
/// # Errors
/// The payload is not what intake wrote.
pub(super) fn single(payload: &[u8], variable: Option<usize>) -> Result<Vec<u8>, PayloadFlaw> {
    let wire: ResultBody =
        serde_json::from_slice(payload).map_err(|error| PayloadFlaw::NoJson {
            found: (&error).into(),
        })?;
    let variable = match variable {
        None => "",
        Some(index) => wire
            .variables
            .get(index)
            .ok_or(PayloadFlaw::NoVariable { index })?
            .get(),
    };
    Ok(wire.entry(wire.details.get(), variable))
}

/// The witness: the entry of a result that central has acknowledged, without variables and with a state that TAO
/// leaves alone (null). Central looks up the execution, works through the entry as through any other, and changes
/// nothing. `None` for a payload that is not what intake wrote, or that never had a variable: such a one is taken by an
/// encrypted central too, and proves nothing.
pub fn witness(payload: &[u8]) -> Option<Vec<u8>> {
    let wire: ResultBody = serde_json::from_slice(payload).ok()?;
    let mut details: serde_json::Map<String, Json> =
        serde_json::from_str(wire.details.get()).ok()?;
    details.insert("state".to_owned(), Json::Null);
    (!wire.variables.is_empty()).then(|| wire.entry(&Json::Object(details).to_string(), ""))
}

fn map<'a>(
    key: &str,
    entries: impl Iterator<Item = (&'a str, &'a [u8])>,
    params: &Json,
) -> Vec<u8> {
    let mut body = format!(r#"{{"{key}":{{"#).into_bytes();
    join(&mut body, entries, |body, (id, payload)| {
        body.extend_from_slice(Json::from(id).to_string().as_bytes());
        body.push(b':');
        body.extend_from_slice(payload);
    });
    close(&mut body, b'}', params);
    body
}

fn join<T>(
    body: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        write(body, item);
    }
}

fn close(body: &mut Vec<u8>, bracket: u8, params: &Json) {
    body.push(bracket);
    body.extend_from_slice(format!(r#","sync_params":{params}}}"#).as_bytes());
}

fn with(call: Call, body: Vec<u8>) -> Call {
    Call {
        body: CallBody::Json(body),
        ..call
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::without_token;

    fn body(call: &Call) -> Json {
        let CallBody::Json(body) = &call.body else {
            panic!("not JSON")
        };
        serde_json::from_slice(body).unwrap()
    }

    fn own() -> SyncParams {
        SyncParams {
            organisation_id: "1".into(),
            sync_id: 7,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        }
    }

    #[test]
    fn bodies_have_the_shape_of_the_routes() {
        let entries = [("a\"", &b"{}"[..]), ("b", b"[1]")];
        let call = results(entries.into_iter(), &params(&own(), true));
        assert_eq!(call.path, "taoSync/ResultApi/syncResults");
        let expected = json!({"results": {"a\"": {}, "b": [1]}, "sync_params": own()});
        assert_eq!(body(&call), expected);
        let users = lti_users([&b"{}"[..], b"{}"].into_iter(), &Json::Null);
        assert_eq!(body(&users)["lti_users"], json!([{}, {}]));
    }

    #[test]
    fn a_probe_has_a_control_a_foreign_key_and_no_sync_id() {
        let plan = SpoolPlan::new(own(), String::new(), 1);
        let call = probe(["e1", "e2"].into_iter(), &plan, Now::default());
        let closed = SpoolPlan {
            probe_data: Some("cHJvYmU=".into()),
            ..plan
        };
        let of_closed = body(&probe(["e1"].into_iter(), &closed, Now::default()));
        assert_eq!(of_closed["delivery_logs"]["e1"][0]["data"], "cHJvYmU=");
        let body = body(&call);
        assert_eq!(body["sync_params"], json!({"tao_version": "2022.11"}));
        let groups = body["delivery_logs"].as_object().unwrap();
        assert_eq!(groups.len(), 3);
        for (id, rows) in groups {
            assert_eq!(rows[0]["delivery_execution_id"], json!(id));
            assert_eq!(rows[0]["probe"], json!(1));
            // PHP's `isset` takes null for missing: a row without data tells nothing.
            for key in ["id", "event_id", "data", "created_at", "created_by"] {
                assert!(!rows[0][key].is_null());
            }
        }
        assert!(groups.contains_key(&control("e1")));
    }

    #[test]
    fn a_result_is_taken_apart_by_variable() {
        let payload = br#"{"deliveryExecutionId":"e","deliveryId":"d","details":{"x":1},"variables":[{"a":1},{"b":2}]}"#;
        let one: Json = serde_json::from_slice(&single(payload, Some(1)).unwrap()).unwrap();
        assert_eq!(
            one,
            json!({"deliveryExecutionId":"e","deliveryId":"d","details":{"x":1},"variables":[{"b":2}]})
        );
        let none: Json = serde_json::from_slice(&single(payload, None).unwrap()).unwrap();
        assert_eq!(none["variables"], json!([]));
        assert!(single(payload, Some(2)).is_err() && single(b"{", None).is_err());
    }

    #[test]
    fn a_witness_changes_nothing() {
        let payload = br#"{"deliveryExecutionId":"e","deliveryId":"d","details":{"test-taker":"t","state":"s"},"variables":[{"a":1}]}"#;
        let entry: Json = serde_json::from_slice(&witness(payload).unwrap()).unwrap();
        assert_eq!(
            entry,
            json!({"deliveryExecutionId":"e","deliveryId":"d","details":{"test-taker":"t","state":null},"variables":[]})
        );
        let empty = br#"{"deliveryExecutionId":"e","deliveryId":"d","details":{},"variables":[]}"#;
        assert!(witness(empty).is_none() && witness(b"{").is_none());
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let reply = |status, body: &str| {
            Ok(Reply {
                status,
                body: body.into(),
                ..Reply::default()
            })
        };
        let failure = r#"{"success":false,"errorCode":0,"errorMsg":"Unexpected error."}"#;
        let version = r#"{"success":false,"errorCode":0,"errorMsg":"Provided version of TAO VM is not supported by the application. Provided: \"1\", supported: \"2\""}"#;
        // As recorded while PostgreSQL was stopped.
        let database = r#"{"success":false,"version":"2022.11","errorCode":500,"errorMsg":""}"#;
        let page = "<html>Welcome to the airport";
        let maintenance = "<html><title>Currently Under Maintenance</title>";
        let script = r#"{"success":false,"data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;
        let net = |code| Err(Fault::new(code, ""));
        let no_token = |code| Err(without_token(Fault::new(code, "")));
        let table = [
            (reply(200, r#"{"e":{"success":1}}"#), "Answer"),
            (reply(200, "[]"), "Answer"),
            (reply(200, page), "Lost"),
            (reply(200, ""), "Lost"),
            (reply(200, maintenance), "Barred"),
            (reply(200, failure), "Failed"),
            (reply(500, ""), "Rejected"),
            (reply(500, failure), "Failed"),
            (reply(500, database), "Failed"),
            (reply(500, version), "Barred"),
            (reply(500, page), "Lost"),
            (reply(401, ""), "Barred"),
            (reply(403, failure), "Barred"),
            (reply(404, ""), "Barred"),
            (reply(302, ""), "Barred"),
            (reply(408, ""), "Lost"),
            (reply(413, page), "TooLong"),
            (reply(425, ""), "Unsent"),
            (reply(429, ""), "Unsent"),
            (reply(500, script), "Barred"),
            (reply(502, page), "Lost"),
            (reply(503, ""), "Lost"),
            (reply(504, ""), "Lost"),
            (net(Code::NetDns), "Unsent"),
            (net(Code::NetTls), "Unsent"),
            (net(Code::NetTlsExpired), "Unsent"),
            (net(Code::AuthToken), "Barred"),
            (net(Code::CentralToken), "Barred"),
            (no_token(Code::CentralForeign), "Barred"),
            (no_token(Code::CentralPhp), "Barred"),
            (no_token(Code::CentralNotFound), "Barred"),
            (no_token(Code::NetTimeout), "Unsent"),
            // The call's own answer was not HTTP: it may have been processed.
            (net(Code::CentralForeign), "Lost"),
            // A status is a reply: as a failure it is the token endpoint's.
            (net(Code::CentralUnavailable), "Unsent"),
            (net(Code::CentralError), "Unsent"),
            (net(Code::CentralMaintenance), "Barred"),
            (net(Code::NetReset), "Lost"),
            (net(Code::NetTimeout), "Lost"),
            (net(Code::CentralTooLarge), "Lost"),
        ];
        for (answered, expected) in table {
            let told = format!("{answered:?}");
            let heard = format!("{:?}", hear(answered, false));
            assert!(heard.starts_with(expected), "{told}: {heard}");
        }
    }
}
