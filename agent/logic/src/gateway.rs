//! The server half of the protocol as values: routes, refusals and answers in the shapes of central (protocol 0 to 10).
//! Never touches the store, a clock or a socket: what the box holds is asked of a `Shelf`, what it takes is an `Offer`.
//! Called by the gateway of `agent`, which serves a TAO on this box.

pub mod catalogue;
pub mod confirm;
pub mod diagnostic;
pub mod login;
pub mod owed;
mod pairs;
pub mod query;
pub mod setup;
pub mod span;

use serde_json::{Value as Json, json};

use crate::encryption::{CentralEncryption, EncryptionMode};

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayRoute {
    /// `taoOauth/TokenApi/requestToken` (protocol 1.1); open, since it is how credentials are shown.
    Token,
    /// `taoSync/HandShake` (protocol 2); open for the same reason.
    HandShake,
    /// `taoSync/api/supportedVm` (protocol 4.1).
    Versions,
    /// `fetchEntityChecksums` (protocol 5.3).
    Checksums,
    /// `fetchEntityDetails` (protocol 5.4).
    Details,
    /// `fetchClassDetails` (protocol 5.5).
    Classes,
    /// `getDeliveryTest` (protocol 6.1).
    Package,
    /// `syncResults` (protocol 7.1).
    Results,
    /// `syncDeliveryLogs` (protocol 8.1).
    Logs,
    /// `syncLtiUsers` (protocol 8.2).
    LtiUsers,
    /// `syncTestSessions` (protocol 8.3).
    Sessions,
    /// `confirmSyncFinished` (protocol 9.1).
    Finished,
    /// `confirmSyncFailed` (protocol 9.3).
    Failed,
    /// `updatePublicKey` (protocol 13.5), with which the client of an encrypted set-up begins.
    PublicKey,
    /// `CompatibilityChecker/upload` (protocol 10.2).
    Upload,
    /// A bandwidth file of so many bytes (protocol 10.3).
    Bandwidth(u64),
    /// A file that is none.
    NoFile,
    /// A controller of the protocol, an action that is none.
    NoAction,
    /// An extension of the protocol, a controller that is none.
    NoController,
    /// Nothing of the protocol, a doubled slash included.
    Nowhere,
}

impl GatewayRoute {
    /// What a path means; a trailing slash after the action is accepted (protocol 0.1).
    pub fn of(path: &str) -> Self {
        let Some(path) = path.strip_prefix('/') else {
            return Self::Nowhere;
        };
        let is_doubled = path.starts_with('/') || path.contains("//");
        let path = path.strip_suffix('/').unwrap_or(path);
        const DATA: &str = "taoClientDiagnostic/views/js/tools/bandwidth/data/";
        if let Some(name) = path.strip_prefix(DATA) {
            return diagnostic::size(name).map_or(Self::NoFile, Self::Bandwidth);
        }
        let mut parts = path.split('/');
        let (extension, controller) = (parts.next(), parts.next());
        let action = parts.next().unwrap_or("index");
        if path.is_empty() || is_doubled || parts.next().is_some() {
            return Self::Nowhere;
        }
        match (
            extension.unwrap_or_default(),
            controller.unwrap_or_default(),
        ) {
            ("taoOauth", "TokenApi") => match action {
                "requestToken" => Self::Token,
                _ => Self::NoAction,
            },
            ("taoSync", "HandShake") => match action {
                "index" => Self::HandShake,
                _ => Self::NoAction,
            },
            ("taoSync", "api") => match action {
                "supportedVm" => Self::Versions,
                _ => Self::NoController,
            },
            ("taoSync", "SynchronisationApi") => match action {
                "fetchEntityChecksums" => Self::Checksums,
                "fetchEntityDetails" => Self::Details,
                "fetchClassDetails" => Self::Classes,
                "getDeliveryTest" => Self::Package,
                "confirmSyncFinished" => Self::Finished,
                "confirmSyncFailed" => Self::Failed,
                _ => Self::NoAction,
            },
            ("taoSync", "ResultApi") => match action {
                "syncResults" => Self::Results,
                "syncDeliveryLogs" => Self::Logs,
                "syncLtiUsers" => Self::LtiUsers,
                "syncTestSessions" => Self::Sessions,
                _ => Self::NoAction,
            },
            ("taoEncryption", "EncryptionApi") => match action {
                "updatePublicKey" => Self::PublicKey,
                _ => Self::NoAction,
            },
            ("taoClientDiagnostic", "CompatibilityChecker") if action == "upload" => Self::Upload,
            ("taoSync" | "taoOauth" | "taoEncryption" | "taoClientDiagnostic", _) => {
                Self::NoController
            }
            _ => Self::Nowhere,
        }
    }

    /// Whether it answers without a session. Central also opens its diagnostic to everybody; the box does not.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Token | Self::HandShake)
    }

    /// The most bytes of content that are read for it.
    pub fn limit(self) -> u64 {
        match self {
            Self::Token | Self::HandShake | Self::PublicKey => 64 << 10,
            Self::Checksums | Self::Package | Self::Bandwidth(_) | Self::Versions => 64 << 10,
            Self::Details | Self::Classes | Self::Finished | Self::Failed => 8 << 20,
            Self::Results | Self::Logs | Self::LtiUsers | Self::Sessions => 64 << 20,
            Self::Upload => 16 << 20,
            Self::NoFile | Self::NoAction | Self::NoController | Self::Nowhere => 64 << 10,
        }
    }

    /// Whether it takes what candidates produced.
    pub fn is_intake(self) -> bool {
        matches!(
            self,
            Self::Results | Self::Logs | Self::LtiUsers | Self::Sessions
        )
    }
}

/// One answer: status, header fields beside the framing, content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayAnswer {
    /// Status code.
    pub status: u16,
    /// What stands behind the status on the first line, where it is not the usual phrase; visible ASCII and blanks.
    pub phrase: Option<String>,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Content.
    pub body: Vec<u8>,
}

const JSON: &str = "application/json; charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";
/// What `returnFailure` says of an exception that is not meant for users (protocol 0.5).
const GENERIC: &str = "Unexpected error. Please contact administrator";
const NO_RIGHTS: &str = "You do not have the required rights to edit this resource.";
/// Of a controller that the role lacks (protocol 0.2).
const DENIED: &str = "Access denied. Please renew your authentication!";
const NOT_AUTHORIZED: &str = "You are not authorized to access this functionality.";

impl GatewayAnswer {
    fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            phrase: None,
            headers: vec![("content-type", kind.to_owned())],
            body: body.into(),
        }
    }

    /// Success with JSON.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, JSON, body)
    }

    /// The bare answer of a PHP type error (protocol 0.4).
    pub fn type_error() -> Self {
        Self::new(500, "application/json", "")
    }

    fn page(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", page)
    }

    /// Content beyond the limit: the page of a web server.
    pub fn too_large() -> Self {
        Self::page(413, "413 Request Entity Too Large")
    }

    /// A file that is none: the page of a web server.
    pub fn no_file() -> Self {
        Self::page(404, "404 Not Found")
    }

    /// The same with another header field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// How this box signs its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSigner {
    /// The platform version that every failure names; the one of the box.
    pub version: String,
}

impl AnswerSigner {
    /// A failure reported by a controller (`returnFailure`, protocol 0.5).
    pub fn failure(&self, status: u16, message: &str) -> GatewayAnswer {
        // Written by hand: the keys keep the order of central.
        let body = format!(
            r#"{{"success":false,"errorCode":0,"errorMsg":{},"version":{}}}"#,
            Json::from(message),
            Json::from(self.version.as_str())
        );
        GatewayAnswer::new(status, "application/json", body)
    }

    /// A failure whose reason central keeps for itself.
    pub fn generic(&self, status: u16) -> GatewayAnswer {
        self.failure(status, GENERIC)
    }

    /// The box cannot answer now, or not this one. The client shows `errorMsg` of every status but 500, of which it
    /// only says that there was an internal error; older ones show the phrase of the status line.
    pub fn later(&self, status: u16, message: &str) -> GatewayAnswer {
        let plain = |c: char| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        };
        GatewayAnswer {
            phrase: Some(message.chars().map(plain).take(200).collect()),
            ..self.failure(status, message)
        }
    }

    /// A failure in the shape of the REST controllers and of the router.
    fn rest(&self, status: u16, message: &str) -> GatewayAnswer {
        let body = format!(
            r#"{{"success":false,"version":{},"errorCode":{status},"errorMsg":{}}}"#,
            Json::from(self.version.as_str()),
            Json::from(message)
        );
        GatewayAnswer::new(status, JSON, body)
    }

    fn coded(&self, status: u16, kind: &str, code: &str, message: &str) -> GatewayAnswer {
        let body = format!(
            r#"{{"success":false,"errorCode":"{code}","errorMsg":{},"version":{}}}"#,
            Json::from(message),
            Json::from(self.version.as_str())
        );
        GatewayAnswer::new(status, kind, body)
    }

    /// No session, whatever the reason (protocol 0.2).
    pub fn unauthorized(&self) -> GatewayAnswer {
        self.coded(401, HTML, "401", NOT_AUTHORIZED)
            .with("www-authenticate", r#"Basic realm="boxsync""#)
    }

    /// An `Accept` that no answer meets (protocol 0.3).
    pub fn not_acceptable(&self, place: GatewayRoute) -> GatewayAnswer {
        match place {
            GatewayRoute::HandShake => GatewayAnswer::new(406, HTML, ""),
            _ => self.failure(406, "The requested content encoding cannot be satisfied"),
        }
    }

    /// What a method on a place means when it is not the one that is served.
    ///
    /// # Errors
    /// The answer of central to it.
    pub fn verb(&self, place: GatewayRoute, method: &str) -> Result<(), GatewayAnswer> {
        let no_rights = || GatewayAnswer::json(json!({ "error": NO_RIGHTS }).to_string());
        match (place, method) {
            (GatewayRoute::Token, _) => Ok(()),
            // Whether central has the extension, and the caller its role, comes before the method.
            (GatewayRoute::PublicKey, _) => Ok(()),
            (GatewayRoute::HandShake, "OPTIONS") => {
                Err(GatewayAnswer::new(200, "application/json", ""))
            }
            (GatewayRoute::Versions, "GET") => Ok(()),
            (GatewayRoute::Versions, "POST") => Err(self.rest(400, "Not implemented.")),
            (GatewayRoute::Versions, "PUT" | "DELETE") => Err(no_rights()),
            (GatewayRoute::Versions, _) => Err(self.rest(403, DENIED)),
            (GatewayRoute::Checksums | GatewayRoute::Package, "GET") => Ok(()),
            (GatewayRoute::Bandwidth(_), "GET" | "HEAD") => Ok(()),
            (GatewayRoute::Bandwidth(_), _) => Err(GatewayAnswer::page(405, "405 Not Allowed")),
            (GatewayRoute::Upload, "POST") => Ok(()),
            (GatewayRoute::Upload, _) => Err(diagnostic::only_post()),
            (GatewayRoute::NoFile, _) => Err(GatewayAnswer::no_file()),
            (GatewayRoute::NoAction, _) => Err(no_rights()),
            (GatewayRoute::NoController, _) => Err(self.rest(403, DENIED)),
            (GatewayRoute::Nowhere, _) => Err(self.rest(403, "")),
            (GatewayRoute::Checksums | GatewayRoute::Package, _) => Err(self.generic(500)),
            (_, "POST") => Ok(()),
            _ => Err(self.generic(500)),
        }
    }
}

/// Whether an `Accept` lets JSON through, by the rule of protocol 0.3; none lets everything through.
pub fn accepts(accept: Option<&str>) -> bool {
    const TYPES: [&str; 4] = [
        "application/json",
        "text/xml",
        "application/xml",
        "application/rdf+xml",
    ];
    let Some(accept) = accept else { return true };
    accept.to_ascii_lowercase().split(',').any(|element| {
        let element = element
            .rsplit_once(";q=")
            .map_or(element, |(media, _)| media);
        element == "*/*" || TYPES.contains(&element.trim())
    })
}

/// Central's loose comparison of versions: numeric texts compare as numbers (protocol 4.1).
pub fn supports(versions: &[String], version: &str) -> bool {
    let number = |text: &str| {
        let digits = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        text.bytes()
            .all(digits)
            .then(|| text.parse::<f64>().ok())
            .flatten()
    };
    versions
        .iter()
        .any(|known| known == version || number(known).is_some_and(|n| number(version) == Some(n)))
}

/// `supportedVm` (protocol 4.1).
pub fn versions(versions: &[String]) -> GatewayAnswer {
    GatewayAnswer::json(json!({ "success": true, "data": versions }).to_string())
}

/// `updatePublicKey` (protocol 13.5) as central answered it: with its key, with none, or as a central that lacks the
/// extension or gives the box no key. `body` is that of a POST; another method has none. What central has not answered
/// yet is nothing that a TAO may conclude from.
pub fn public_key(
    body: &[u8],
    standing: &CentralEncryption,
    voice: &AnswerSigner,
) -> GatewayAnswer {
    match standing.mode {
        EncryptionMode::Plain => return voice.rest(403, ""),
        EncryptionMode::RoleMissing => return voice.rest(403, DENIED),
        EncryptionMode::Unknown => {
            let told =
                "boxsync has not heard yet whether central encrypts: synchronize again later";
            return voice.later(503, told);
        }
        EncryptionMode::Encrypted | EncryptionMode::KeyMissing => {}
    }
    let Ok(Json::Object(asked)) = serde_json::from_slice::<Json>(body) else {
        return voice.generic(500);
    };
    let Some(checksum) = asked.get("public-checksum") else {
        return voice.generic(500);
    };
    let key = standing.key.as_ref().filter(|_| {
        standing.mode == EncryptionMode::Encrypted
            && checksum.as_str() != standing.checksum().as_deref()
    });
    let key = json!(key).to_string();
    let update = key != "null";
    // PHP's `json_encode` escapes slashes; no other can stand there.
    let key = key.replace('/', "\\/");
    GatewayAnswer::json(format!(
        r#"{{"require-update":{update},"public-key":{key}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_what_it_means_to_central() {
        let places = [
            ("/taoSync/HandShake", GatewayRoute::HandShake),
            ("/taoSync/HandShake/index", GatewayRoute::HandShake),
            (
                "/taoSync/SynchronisationApi/fetchEntityChecksums/",
                GatewayRoute::Checksums,
            ),
            ("/taoSync/SynchronisationApi/nope", GatewayRoute::NoAction),
            ("/taoSync/Nope/index", GatewayRoute::NoController),
            ("/nope/Nope/nope", GatewayRoute::Nowhere),
            (
                "//taoSync/SynchronisationApi/fetchEntityChecksums",
                GatewayRoute::Nowhere,
            ),
            ("/", GatewayRoute::Nowhere),
            ("", GatewayRoute::Nowhere),
            ("/taoSync/HandShake//", GatewayRoute::Nowhere),
            ("/taoSync//HandShake", GatewayRoute::Nowhere),
            ("/taoSync/SyApiv1//", GatewayRoute::Nowhere),
            ("/taoSync//", GatewayRoute::Nowhere),
            ("//", GatewayRoute::Nowhere),
            (
                "/taoClientDiagnostic/views/js/tools/bandwidth/data/bin1MB.data",
                GatewayRoute::Bandwidth(1 << 20),
            ),
            (
                "/taoClientDiagnostic/views/js/tools/bandwidth/data/../x",
                GatewayRoute::NoFile,
            ),
        ];
        for (path, place) in places {
            assert_eq!(GatewayRoute::of(path), place, "{path}");
        }
        let open = ["/taoOauth/TokenApi/requestToken", "/taoSync/HandShake"];
        for (path, _) in places {
            assert_eq!(
                GatewayRoute::of(path).is_open(),
                (path.starts_with(open[0]) || path.starts_with(open[1])) && !path.contains("//")
            );
        }
    }

    #[test]
    fn accept_follows_the_rule_of_central() {
        for good in [
            "application/json, text/plain, */*",
            "application/zip,application/json",
            "*/*;q=0.8",
            "APPLICATION/JSON",
        ] {
            assert!(accepts(Some(good)), "{good}");
        }
        for bad in [
            "",
            "application/*",
            "application/zip, */*",
            "application/json; charset=utf-8",
            "text/html",
        ] {
            assert!(!accepts(Some(bad)), "{bad}");
        }
        assert!(accepts(None));
    }

    #[test]
    fn versions_compare_as_php_compares() {
        let known = ["2022.11".to_owned(), "3.4.0-sprint130".to_owned()];
        for good in ["2022.11", "2022.110", "3.4.0-sprint130"] {
            assert!(supports(&known, good), "{good}");
        }
        for bad in ["", "2022.1", "3.4.0", "1.2.3"] {
            assert!(!supports(&known, bad), "{bad}");
        }
    }

    /// The first answer is the recorded one but for its key; the key is checked where it is read.
    #[test]
    fn the_public_key_is_given_as_central_gave_it() {
        let voice = AnswerSigner {
            version: "2022.11".into(),
        };
        let standing = |mode, key: Option<&str>| CentralEncryption {
            mode,
            key: key.map(str::to_owned),
            application_key: None,
        };
        let pem = "-----BEGIN PUBLIC KEY-----\r\nab/c\r\n-----END PUBLIC KEY-----";
        let known = standing(EncryptionMode::Encrypted, Some(pem))
            .checksum()
            .unwrap();
        let update = r#"{"require-update":true,"public-key":"-----BEGIN PUBLIC KEY-----\r\nab\/c\r\n-----END PUBLIC KEY-----"}"#;
        let nothing = r#"{"require-update":false,"public-key":null}"#;
        let forbidden = [
            r#"{"success":false,"version":"2022.11","errorCode":403,"errorMsg":""}"#,
            r#"{"success":false,"version":"2022.11","errorCode":403,"errorMsg":"Access denied. Please renew your authentication!"}"#,
        ];
        let null = r#"{"public-checksum":null}"#.to_owned();
        let with = |checksum: &str| format!(r#"{{"public-checksum":"{checksum}"}}"#);
        let table = [
            (EncryptionMode::Encrypted, null.clone(), 200, Some(update)),
            (
                EncryptionMode::Encrypted,
                with("00000000"),
                200,
                Some(update),
            ),
            (EncryptionMode::Encrypted, with(&known), 200, Some(nothing)),
            (
                EncryptionMode::KeyMissing,
                with("00000000"),
                200,
                Some(nothing),
            ),
            (EncryptionMode::KeyMissing, "{}".to_owned(), 500, None),
            (EncryptionMode::Unknown, null.clone(), 503, None),
            // Recorded: exchanges 317 and 316.
            (EncryptionMode::Plain, null.clone(), 403, Some(forbidden[0])),
            (
                EncryptionMode::Plain,
                String::new(),
                403,
                Some(forbidden[0]),
            ),
            (EncryptionMode::RoleMissing, null, 403, Some(forbidden[1])),
            (
                EncryptionMode::RoleMissing,
                String::new(),
                403,
                Some(forbidden[1]),
            ),
            (EncryptionMode::Encrypted, "{}".to_owned(), 500, None),
            (EncryptionMode::Encrypted, "x".to_owned(), 500, None),
        ];
        for (mode, body, status, expected) in table {
            let answer = public_key(body.as_bytes(), &standing(mode, Some(pem)), &voice);
            assert_eq!(answer.status, status, "{mode:?} {body}");
            if let Some(expected) = expected {
                assert_eq!(
                    String::from_utf8(answer.body).unwrap(),
                    expected,
                    "{mode:?} {body}"
                );
            }
        }
    }

    #[test]
    fn a_message_in_the_status_line_is_harmless() {
        let voice = AnswerSigner {
            version: "2022.11".into(),
        };
        let answer = voice.later(503, "é\r\nX: \"y\"");
        assert_eq!(answer.phrase.as_deref(), Some("???X: \"y\""));
        let body: Json = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["errorMsg"], "é\r\nX: \"y\"");
    }
}
