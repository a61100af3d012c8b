//! Builds the calls: method, path below central's root, body, and which credentials go with them.
//! Never joins with a root URL and never holds a secret longer than the call.
//! Called by the machines of `logic`; sent by `uplink`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use crate::entity::EntityType;
use crate::words::SyncParams;

/// Request method; central answers any other one with 500 (protocol 0.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, RFC 9110 9.3.1.
    Get,
    /// POST, RFC 9110 9.3.3.
    Post,
    /// PUT, RFC 9110 9.3.4: a Pushgateway alone is asked so, never central.
    Put,
}

/// The content of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallBody {
    /// No content.
    Empty,
    /// `application/json`, without a byte order mark and never compressed (protocol 0.3).
    Json(Vec<u8>),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<u8>),
    /// `text/plain` in the version of Prometheus' text format.
    Figures(Vec<u8>),
}

/// A part of a package, RFC 9110 14.1.2; central takes one range and clamps nothing (protocol 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageRange {
    /// `bytes=first-last`, both inclusive.
    Span(u64, u64),
    /// `bytes=-n`: the last n bytes; of a shorter package central gives nothing at all.
    Suffix(u64),
    /// `bytes=first-`: everything from there on.
    From(u64),
}

impl std::fmt::Display for PackageRange {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Span(first, last) => write!(f, "bytes={first}-{last}"),
            Self::Suffix(n) => write!(f, "bytes=-{n}"),
            Self::From(first) => write!(f, "bytes={first}-"),
        }
    }
}

/// One request to central, relative to its root URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// A stable short name for journal, statistics and tests: `checksums`, `details`, `package`, …
    pub name: &'static str,
    /// Request method.
    pub method: Method,
    /// Path and query below the root URL, without a leading slash (protocol 0.1: a doubled slash is 403).
    pub path: String,
    /// Content.
    pub body: CallBody,
    /// Whether a bearer token and the box id header go with it (protocol 0.2, 3.1).
    pub bearer: bool,
    /// The part that is asked for; `identity` encoding is asked for with it (protocol 6.3).
    pub range: Option<PackageRange>,
    /// The entity tag that the whole must still have for its part to come (`If-Range`, RFC 9110 13.1.5).
    pub if_range: Option<String>,
    /// Whether no cache on the way may answer (`Cache-Control: no-cache`, RFC 9111 5.2.1.4).
    pub past_caches: bool,
    /// Whether the content must not be compressed on the way (the package, protocol 0.3).
    pub identity: bool,
    /// The most bytes of content that will be read; more is a failure `central.too_large`.
    pub limit: usize,
}

/// The default bound of an answer: a page of unpaged entities is far below it, a hostile one above.
pub const ANSWER_LIMIT: usize = 32 << 20;

/// Query values keep only RFC 3986 unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Call {
    fn get(name: &'static str, path: String) -> Self {
        Self {
            name,
            method: Method::Get,
            path,
            body: CallBody::Empty,
            bearer: true,
            range: None,
            if_range: None,
            past_caches: false,
            identity: false,
            limit: ANSWER_LIMIT,
        }
    }

    fn post(name: &'static str, path: &str, body: &Json) -> Self {
        Self {
            method: Method::Post,
            body: CallBody::Json(body.to_string().into_bytes()),
            ..Self::get(name, path.into())
        }
    }

    /// `PUT` of figures to a group of a Pushgateway, relative to the URL of its job: replaces all that the group holds.
    pub fn push(path: String, figures: String) -> Self {
        Self {
            method: Method::Put,
            body: CallBody::Figures(figures.into_bytes()),
            bearer: false,
            limit: 4 << 10,
            ..Self::get("push", path)
        }
    }

    /// `GET SHA256SUMS` of a folder of images, relative to it.
    pub fn manifest() -> Self {
        Self {
            bearer: false,
            past_caches: true,
            limit: 256 << 10,
            ..Self::get("manifest", "SHA256SUMS".into())
        }
    }

    /// `GET` of a file beside the manifest, from the byte `held` on (RFC 9110 14.1.2).
    pub fn image(name: &str, held: u64) -> Self {
        Self {
            bearer: false,
            identity: true,
            range: (held > 0).then_some(PackageRange::From(held)),
            limit: 256 << 10,
            ..Self::get("image", utf8_percent_encode(name, QUERY).to_string())
        }
    }

    /// `GET` of a file that says something of images, as the manifest does: never from a cache.
    pub fn beside_manifest(name: &str) -> Self {
        Self {
            past_caches: true,
            ..Self::image(name, 0)
        }
    }

    /// `POST taoSync/HandShake` (protocol 2.1): anonymous, JSON only.
    pub fn handshake(login: &str, password: &str) -> Self {
        let body = json!({ "login": login, "password": password });
        Self {
            bearer: false,
            ..Self::post("handshake", "taoSync/HandShake", &body)
        }
    }

    /// `GET taoSync/api/supportedVm` (protocol 4.1).
    pub fn versions() -> Self {
        Self::get("versions", "taoSync/api/supportedVm".into())
    }

    /// `POST updatePublicKey` (protocol 13.5) with the checksum of the key that the box has; the key must be there.
    pub fn public_key(checksum: Option<&str>) -> Self {
        let body = json!({ "public-checksum": checksum });
        let path = "taoEncryption/EncryptionApi/updatePublicKey";
        Self::post("public_key", path, &body)
    }

    /// The first page of `fetchEntityChecksums` (protocol 5.3); later pages follow `Call::next_page`.
    pub fn checksums(kind: EntityType, params: &SyncParams) -> Self {
        let query = encode(params);
        Self::get(
            "checksums",
            format!(
                "taoSync/SynchronisationApi/fetchEntityChecksums?type={}&{query}",
                kind.word()
            ),
        )
    }

    /// The page that `nextCallUrl` names: joined with the root, never resolved against the request (protocol 0.1).
    pub fn next_page(next: &str) -> Self {
        Self::get("checksums", next.trim_start_matches('/').to_owned())
    }

    /// `POST fetchEntityDetails` (protocol 5.4).
    pub fn details(kind: EntityType, ids: &[String], params: &SyncParams) -> Self {
        let params = params.on_the_wire();
        let body = json!({ "type": kind.word(), "entityIds": ids, "params": params });
        Self::post(
            "details",
            "taoSync/SynchronisationApi/fetchEntityDetails",
            &body,
        )
    }

    /// `POST fetchClassDetails` (protocol 5.5): no params, no version check.
    pub fn classes(kind: EntityType, classes: &[String]) -> Self {
        let body = json!({ "type": kind.word(), "requested-classes": classes });
        Self::post(
            "classes",
            "taoSync/SynchronisationApi/fetchClassDetails",
            &body,
        )
    }

    /// `GET getDeliveryTest` (protocol 6.1), whole or one range.
    pub fn package(delivery: &str, range: Option<PackageRange>) -> Self {
        let uri = utf8_percent_encode(delivery, QUERY);
        let path = format!("taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={uri}");
        Self {
            range,
            identity: true,
            ..Self::get("package", path)
        }
    }

    /// The same, but all of it where its strong entity tag is another one by now.
    #[must_use]
    pub fn if_tag(mut self, tag: Option<&str>) -> Self {
        self.if_range = tag.map(str::to_owned);
        self
    }

    /// The same past all caches: they are told so, and those that do not listen meet a parameter that none has seen and
    /// that central ignores.
    #[must_use]
    pub fn past_caches(mut self, nonce: u64) -> Self {
        self.path.push_str(&format!("&_={nonce:016x}"));
        self.past_caches = true;
        self
    }

    /// `POST confirmSyncFinished` with the client state of protocol 9.2, or without one.
    pub fn confirm_finished(params: &SyncParams, client_state: Option<&Json>) -> Self {
        let mut map = params.on_the_wire();
        if let (Some(state), Some(object)) = (client_state, map.as_object_mut()) {
            object.insert("client_state".into(), state.clone());
        }
        Self::post(
            "confirm",
            "taoSync/SynchronisationApi/confirmSyncFinished",
            &json!({ "params": map }),
        )
    }

    /// `POST confirmSyncFailed` with a string reason (protocol 9.3).
    pub fn confirm_failed(params: &SyncParams, reason: &str) -> Self {
        let body = json!({ "params": params.on_the_wire(), "failure-reason": reason });
        Self::post(
            "confirm",
            "taoSync/SynchronisationApi/confirmSyncFailed",
            &body,
        )
    }

    /// `POST syncResults` (protocol 7.1). `results` maps execution id to Result.
    pub fn results(results: &Json, params: &Json) -> Self {
        let body = json!({ "results": results, "sync_params": params });
        Self::post("results", "taoSync/ResultApi/syncResults", &body)
    }

    /// `POST syncDeliveryLogs` (protocol 8.1); with `params` of `tao_version` alone it is unlogged, as the silent probe.
    pub fn logs(delivery_logs: &Json, params: &Json) -> Self {
        let body = json!({ "delivery_logs": delivery_logs, "sync_params": params });
        Self::post("logs", "taoSync/ResultApi/syncDeliveryLogs", &body)
    }

    /// `POST syncLtiUsers` (protocol 8.2): only where configured.
    pub fn lti_users(users: &Json, params: &Json) -> Self {
        let body = json!({ "lti_users": users, "sync_params": params });
        Self::post("lti_users", "taoSync/ResultApi/syncLtiUsers", &body)
    }

    /// `POST syncTestSessions` (protocol 8.3).
    pub fn sessions(ids: &[String], params: &Json) -> Self {
        let body = json!({ "test_sessions": ids, "sync_params": params });
        Self::post("sessions", "taoSync/ResultApi/syncTestSessions", &body)
    }

    /// The upload half of the speed check (protocol 10.1): a form, so that central really parses it.
    pub fn speed_upload(bytes: usize) -> Self {
        let mut form = b"upload=".to_vec();
        form.resize(form.len() + bytes, b'a');
        let path = "taoClientDiagnostic/CompatibilityChecker/upload".to_owned();
        Self {
            method: Method::Post,
            body: CallBody::Form(form),
            bearer: false,
            ..Self::get("speed", path)
        }
    }

    /// The download half of the speed check; the time in the query defeats caches (protocol 10.1).
    pub fn speed_download(now_wall: i64) -> Self {
        let path =
            format!("taoClientDiagnostic/views/js/tools/bandwidth/data/bin1MB.data?{now_wall}");
        Self {
            bearer: false,
            identity: true,
            ..Self::get("speed", path)
        }
    }
}

/// `params[key]=value` with brackets percent-encoded as PHP's `http_build_query` does (protocol 4.4).
fn encode(params: &SyncParams) -> String {
    let sync_id = params.sync_id.to_string();
    let all = [
        ("organisation_id", params.organisation_id.as_str()),
        ("sync_id", sync_id.as_str()),
        ("box_id", params.box_id.as_str()),
        ("tao_version", params.tao_version.as_str()),
    ];
    let on_the_wire = |(key, _): &(&str, &str)| *key != "sync_id" || params.sync_id > 0;
    all.into_iter()
        .filter(on_the_wire)
        .map(|(key, value)| format!("params%5B{key}%5D={}", utf8_percent_encode(value, QUERY)))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> SyncParams {
        SyncParams {
            organisation_id: "3005 é".into(),
            sync_id: 12,
            box_id: "5e0b1c2d3f4a5".into(),
            tao_version: "2022.11".into(),
        }
    }

    #[test]
    fn checksums_are_asked_with_bracketed_params() {
        let call = Call::checksums(EntityType::TestTaker, &params());
        assert_eq!(
            call.path,
            "taoSync/SynchronisationApi/fetchEntityChecksums?type=test-taker&params%5Borganisation_id%5D=3005%20%C3%A9\
             &params%5Bsync_id%5D=12&params%5Bbox_id%5D=5e0b1c2d3f4a5&params%5Btao_version%5D=2022.11"
        );
    }

    #[test]
    fn a_run_that_could_keep_no_number_has_none_on_the_wire() {
        let params = SyncParams {
            sync_id: 0,
            ..params()
        };
        let body = |call: Call| match call.body {
            CallBody::Json(body) => serde_json::from_slice::<Json>(&body).unwrap(),
            _ => panic!("not JSON"),
        };
        for body in [
            body(Call::details(EntityType::Delivery, &[], &params)),
            body(Call::confirm_finished(&params, None)),
            body(Call::confirm_failed(&params, "x")),
        ] {
            let params = body["params"].as_object().unwrap();
            assert!(!params.contains_key("sync_id") && params["box_id"].is_string());
        }
        let path = Call::checksums(EntityType::Delivery, &params).path;
        assert!(!path.contains("sync_id") && path.contains("organisation_id"));
    }

    #[test]
    fn ids_travel_as_strings_and_the_counter_as_a_number() {
        let CallBody::Json(body) = Call::confirm_failed(&params(), "x").body else {
            panic!("not JSON")
        };
        let body: Json = serde_json::from_slice(&body).unwrap();
        assert!(body["params"]["box_id"].is_string());
        assert!(body["params"]["organisation_id"].is_string());
        assert!(body["params"]["sync_id"].is_u64());
        assert!(body["failure-reason"].is_string());
    }

    #[test]
    fn a_next_page_never_doubles_the_slash() {
        assert_eq!(Call::next_page("/taoSync/x?y=1").path, "taoSync/x?y=1");
    }
}
