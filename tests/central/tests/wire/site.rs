//! A box at a central: sends what a box sends and reads what comes back.
//! Never asserts; panics only when a probe tells nothing.
//! Called by the tests of this crate.

use central::{Central, Kind, Options};
use serde_json::{Value as Json, json};

use crate::client::{self, ClientAnswer};

pub(crate) struct WireSite {
    pub(crate) central: Central,
    pub(crate) token: String,
}

impl WireSite {
    pub(crate) fn new(options: Options) -> Self {
        let central = Central::start(options).unwrap();
        let token = token(&central);
        Self { central, token }
    }

    pub(crate) fn small() -> Self {
        Self::new(Options::default())
    }

    pub(crate) fn request(&self, method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
        let (token, length) = (&self.token, body.len());
        format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    }

    pub(crate) fn get(&self, target: &str, headers: &str) -> ClientAnswer {
        client::send(
            self.central.address(),
            &self.request("GET", target, headers, ""),
        )
    }

    pub(crate) fn post(&self, target: &str, body: &Json) -> ClientAnswer {
        let request = self.request("POST", target, "", &body.to_string());
        client::send(self.central.address(), &request)
    }

    pub(crate) fn versions(&self) -> ClientAnswer {
        self.get("/taoSync/api/supportedVm", "")
    }

    pub(crate) fn list(&self, organisation: &str, kind: Kind) -> Json {
        let name = kind.name();
        let answer = self.get(
            &format!("/taoSync/SynchronisationApi/fetchEntityChecksums?type={name}&params[tao_version]=2022.11&params[organisation_id]={organisation}"),
            "",
        );
        json_of(&answer)
    }

    pub(crate) fn delivery(&self) -> String {
        self.central.ids("1001", Kind::Delivery)[0].clone()
    }

    pub(crate) fn package(&self, headers: &str) -> ClientAnswer {
        let uri = self.delivery().replace('#', "%23");
        let target = format!("/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={uri}");
        self.get(&target, headers)
    }

    pub(crate) fn results(&self, ids: &[&str]) -> ClientAnswer {
        let variable = |name: &str, id: &str| {
            json!({
                "type": "taoResultServer_models_classes_OutcomeVariable", "callIdItem": format!("{id}.i.0"),
                "callIdTest": null, "test": "t", "item": "i",
                "data": {"identifier": name, "cardinality": "single", "baseType": "float", "epoch": "0.1 1", "value": "MQ=="},
            })
        };
        let entry = |id: &str| {
            json!({
                "deliveryId": self.delivery(), "deliveryExecutionId": id,
                "details": {"identifier": id, "label": "l", "test-taker": "t", "starttime": "0.1 1", "finishtime": null, "state": "s"},
                "variables": [variable("A", id), variable("B", id)],
            })
        };
        let results: serde_json::Map<String, Json> =
            ids.iter().map(|id| ((*id).to_owned(), entry(id))).collect();
        let body = json!({"results": results, "sync_params": {"tao_version": "2022.11"}});
        self.post("/taoSync/ResultApi/syncResults", &body)
    }

    /// The silent probe of protocol 7.5.
    pub(crate) fn is_mapped(&self, id: &str) -> bool {
        let row = json!({"id": 1, "delivery_execution_id": id, "event_id": "TEST_RUN", "data": {}, "created_at": "1.5", "created_by": "u", "probe": 1});
        let body = json!({"delivery_logs": {id: [row]}, "sync_params": {"tao_version": "2022.11"}});
        let answer = json_of(&self.post("/taoSync/ResultApi/syncDeliveryLogs", &body));
        match answer[id]["success"].as_u64() {
            Some(0) => true,
            Some(1) if answer[id]["logsSynced"] == json!([]) => false,
            _ => panic!("the probe tells nothing: {answer}"),
        }
    }
}

pub(crate) fn token(central: &Central) -> String {
    let consumer = central.consumer().unwrap();
    let target = format!(
        "GET {}taoOauth/TokenApi/requestToken?client_id={}&client_secret={} HTTP/1.1\r\nHost: x\r\n\r\n",
        prefix(central),
        consumer.key,
        consumer.secret
    );
    let answer = client::send(central.address(), target.as_bytes());
    json_of(&answer)["access_token"]
        .as_str()
        .unwrap_or("")
        .to_owned()
}

fn prefix(central: &Central) -> String {
    let url = central.url();
    let path = url.splitn(4, '/').nth(3).unwrap();
    format!("/{path}")
}

pub(crate) fn json_of(answer: &ClientAnswer) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or(Json::Null)
}
