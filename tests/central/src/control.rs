//! `/_control`: JSON orders for scripts and demos, on the same listener as the central.
//! Never needed by tests written in Rust, which have `Central`.
//! Called by `serve`.

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::entity::Kind;
use crate::fault::{Fault, Rule};
use crate::flow::Pace;
use crate::package::Change;
use crate::route::Route;
use crate::serve::Shared;
use crate::state::CentralState;
use crate::wire::{HttpRequest, HttpResponse};

/// GET tells the counters; POST takes an object of orders, done in its (sorted) order.
pub(crate) fn act(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    let outcome = if request.is_post() {
        match serde_json::from_slice::<Map<String, Json>>(&request.body) {
            Err(error) => Err(format!("orders are a JSON object: {error}")),
            Ok(orders) => orders
                .iter()
                .map(|(name, value)| order(shared, name, value).map(|told| (name.clone(), told)))
                .collect::<Result<Map<_, _>, _>>(),
        }
    } else {
        Ok(Map::new())
    };
    let (status, body) = match outcome {
        Ok(told) => (200, json!({"done": told, "central": summary(shared)})),
        Err(message) => (400, json!({"error": message})),
    };
    let mut answer = HttpResponse::new(
        status,
        Some("application/json"),
        Bytes::from(format!("{body}\n")),
    );
    answer.announce();
    answer
}

fn summary(shared: &Shared) -> Json {
    let state = shared.state();
    json!({
        "requests": state.requests,
        "connections": shared.connections.load(Ordering::Relaxed),
        "bytes_received": shared.read.load(Ordering::Relaxed),
        "bytes_sent": shared.written.load(Ordering::Relaxed),
        "faults_fired": state.script.fired(),
        "faults_pending": state.script.pending(),
        "executions": state.results.executions.len(),
        "mapped": state.results.executions.iter().filter(|e| e.is_mapped).count(),
        "log_rows": state.logs.len(),
        "organisations": state.catalogue.organisations(),
        "sync_log": state.ledger.rows.iter().map(|r| json!({
            "box_id": r.box_id, "sync_id": r.sync_id, "organization_id": r.organization_id,
            "status": r.status, "data": r.data, "client_state": r.client_state,
        })).collect::<Vec<_>>(),
    })
}

fn order(shared: &Shared, name: &str, value: &Json) -> Result<Json, String> {
    let number = || {
        value
            .as_u64()
            .ok_or(format!("{name}: a number is expected"))
    };
    let flag = || {
        value
            .as_bool()
            .ok_or(format!("{name}: true or false is expected"))
    };
    let mut state = shared.state();
    match name {
        "rate" => {
            *shared.pace.lock().unwrap_or_else(PoisonError::into_inner) = Pace::new(number()?);
        }
        "latency" => state.latency_ms = number()?,
        "page_size" => state.page_size = usize::try_from(number()?).map_err(|e| e.to_string())?,
        "body_limit" => state.body_limit = number()?,
        "maintenance" => state.is_under_maintenance = flag()?,
        "clear" => state.script.clear(),
        "expire_tokens" => state.gate.consumers.iter_mut().for_each(|c| c.token = None),
        "revoke_consumers" => state.gate.consumers.clear(),
        "versions" => {
            state.versions =
                serde_json::from_value(value.clone()).map_err(|e| format!("versions: {e}"))?;
        }
        "change" => return each_delivery(&mut state, value, change),
        "republish" => return each_delivery(&mut state, value, republish),
        "remove_package" => {
            return each_delivery(&mut state, value, |state, delivery, _| {
                Ok(json!(state.catalogue.remove_package(delivery)))
            });
        }
        "touch" => {
            let kind: Kind = field(value, "type")?.unwrap_or(Kind::TestTaker);
            let count = field(value, "count")?.unwrap_or(1);
            let organisation = organisation(&state, value)?;
            return Ok(json!(
                state.catalogue.touch(&organisation, kind, count).len()
            ));
        }
        "add_test_takers" => {
            let count = field(value, "count")?.unwrap_or(1);
            let organisation = organisation(&state, value)?;
            return Ok(json!(state.catalogue.add_takers(&organisation, count)));
        }
        "remove" => {
            let id = value.as_str().ok_or("remove: a URI is expected")?;
            return Ok(json!(state.catalogue.remove(id)));
        }
        fault => {
            let rule = rule(fault, value)?;
            state.script.add(rule);
        }
    }
    Ok(json!(true))
}

/// `{"<fault>": {…fields of the fault…, "route":…, "containing":…, "nth":…, "times":…}}`.
fn rule(name: &str, value: &Json) -> Result<Rule, String> {
    let mut fields = match value {
        Json::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    let mut take = |key: &str| fields.remove(key).unwrap_or(Json::Null);
    let route: Option<Route> = read("route", take("route"))?;
    let containing: Option<String> = read("containing", take("containing"))?;
    let nth: Option<u64> = read("nth", take("nth"))?;
    let times: Option<u64> = read("times", take("times"))?;
    let tagged = if fields.is_empty() {
        // A fault without fields is a bare name, one whose fields all have defaults an empty object.
        let bare: Result<Fault, _> = serde_json::from_value(json!(name));
        bare.or_else(|_| serde_json::from_value(json!({ name: {} })))
    } else {
        serde_json::from_value(json!({ name: fields }))
    };
    let fault = tagged.map_err(|e| format!("{name}: {e}"))?;
    Ok(Rule {
        route,
        containing,
        nth: nth.unwrap_or(1),
        times: times.unwrap_or(1),
        fault,
    })
}

fn read<T: serde::de::DeserializeOwned>(key: &str, value: Json) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| format!("{key}: {e}"))
}

fn field<T: serde::de::DeserializeOwned>(value: &Json, key: &str) -> Result<Option<T>, String> {
    read(key, value.get(key).cloned().unwrap_or(Json::Null))
}

fn organisation(state: &CentralState, value: &Json) -> Result<String, String> {
    field(value, "organisation")?
        .or_else(|| state.catalogue.organisations().into_iter().next())
        .ok_or_else(|| "there is no organisation".into())
}

/// Acts on the named delivery, or on all of them.
fn each_delivery(
    state: &mut CentralState,
    value: &Json,
    act: impl Fn(&mut CentralState, &str, Option<Change>) -> Result<Json, String>,
) -> Result<Json, String> {
    let named: Option<String> = field(value, "delivery")?;
    let percent: Option<f64> = field(value, "percent")?;
    let same_size = field(value, "same_size")?.unwrap_or(false);
    let change = percent.map(|percent| Change { percent, same_size });
    let deliveries = match named {
        Some(one) => vec![one],
        None => state.catalogue.all(Kind::Delivery),
    };
    deliveries
        .iter()
        .map(|delivery| Ok((delivery.clone(), act(state, delivery, change)?)))
        .collect::<Result<Map<_, _>, String>>()
        .map(Json::Object)
}

fn change(
    state: &mut CentralState,
    delivery: &str,
    change: Option<Change>,
) -> Result<Json, String> {
    let change = change.unwrap_or(Change {
        percent: 1.0,
        same_size: false,
    });
    Ok(json!(state.catalogue.change_package(delivery, change)))
}

fn republish(
    state: &mut CentralState,
    delivery: &str,
    change: Option<Change>,
) -> Result<Json, String> {
    Ok(json!(state.catalogue.republish(delivery, change)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_name_faults_as_the_library_does() {
        let told = |name: &str, value: Json| rule(name, &value).unwrap();
        assert_eq!(
            told("stall", json!({"after": 9, "route": "package", "nth": 2})),
            Rule::on(Route::Package, Fault::Stall { after: 9 }).nth(2)
        );
        assert_eq!(told("refuse", json!({})), Rule::any(Fault::Refuse));
        assert_eq!(
            told("gzip", json!({"route": "details", "times": 3})),
            Rule::on(Route::Details, Fault::Gzip { always: false }).times(3)
        );
        assert!(rule("explode", &json!({})).is_err());
        assert!(rule("stall", &json!({"afer": 9})).is_err());
    }
}
