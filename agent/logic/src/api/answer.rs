//! Reads answers: decides whether a reply is what was asked for, and if not, which trouble it is.
//! Never takes a 200 as success before its body has the expected shape (protocol 0.2).
//! Called by the machines of `logic` and by enrolment.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Reply;
use super::notice::{Notice, notice};
use super::stranger::stranger;
use crate::entity::Entity;
use crate::fault::{AnswerCause, Cause, Code, Expected, Fault, Id, Quote, Says};
use crate::outside::Outside;
use crate::range::retry_after;
use crate::retry;

/// One page of `fetchEntityChecksums` (protocol 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChecksumPage {
    /// `nextCallUrl`, verbatim.
    pub next: Option<String>,
    /// Id and checksum in the order of the server.
    pub listed: Vec<(String, String)>,
    /// Entries that name no id or no checksum: what they were, for the report.
    pub odd: Vec<Cause>,
    /// The keys of these entries: central still names them, so nothing of that name is gone.
    pub doubtful: Vec<String>,
}

/// One thing of a map that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its key in the map: the id, unless the map is odd too.
    pub key: String,
    /// What is wrong, for the report.
    pub cause: Cause,
}

/// The entities of `fetchEntityDetails` or `fetchClassDetails`, good ones and odd ones apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// In the order of the server.
    pub entities: Vec<Entity>,
    /// What could not be read, each with the entity and the predicate that are wrong.
    pub odd: Vec<Odd>,
}

/// Classes have the shape of details (protocol 5.5).
pub type Classes = Details;

/// What a handshake brought (protocol 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The sync manager, password hash included.
    pub user: Entity,
    /// OAuth client id.
    pub key: String,
    /// OAuth client secret.
    pub secret: String,
    /// Absolute token URL as central wrote it.
    pub token_url: String,
}

impl ChecksumPage {
    /// Reads a page of checksums.
    ///
    /// # Errors
    /// The trouble that the reply means; `central.foreign` when it is JSON of another shape.
    pub fn read(reply: &Reply) -> Result<Self, Fault> {
        #[derive(serde::Deserialize)]
        struct PageBody<'a> {
            #[serde(rename = "nextCallUrl")]
            next: Option<String>,
            #[serde(borrow)]
            entities: PhpMap<'a>,
        }
        #[derive(serde::Deserialize)]
        struct Entry<'a> {
            #[serde(borrow)]
            id: Option<Cow<'a, str>>,
            #[serde(borrow)]
            checksum: Option<Cow<'a, str>>,
        }
        let wire: PageBody = object(reply, Expected::Checksums)?;
        if let Some(astray) = wire.next.as_ref().filter(|next| !is_next_page(next)) {
            let found = astray.as_str().into();
            return Err(foreign(AnswerCause::NextPage { found }));
        }
        let mut page = Self {
            next: wire.next,
            ..Self::default()
        };
        for (key, raw) in wire.entities.0 {
            match serde_json::from_str::<Entry>(raw.get()) {
                Ok(Entry {
                    id: Some(id),
                    checksum: Some(checksum),
                }) if !id.is_empty() && !checksum.is_empty() => {
                    page.listed.push((id.into_owned(), checksum.into_owned()));
                }
                _ => {
                    let id = Id::from(&*key);
                    page.odd.push(AnswerCause::ListEntry { id }.into());
                    page.doubtful.push(key.into_owned());
                }
            }
        }
        Ok(page)
    }
}

/// Whether a `nextCallUrl` leads to a list at all: a path below the root URL (protocol 0.1), whatever its parameters.
fn is_next_page(next: &str) -> bool {
    let path = next.split('?').next().unwrap_or_default();
    let path = path.strip_prefix('/').unwrap_or(path);
    path.starts_with("taoSync/") && path.trim_end_matches('/').ends_with("fetchEntityChecksums")
}

impl Details {
    /// Reads details of entities or classes.
    ///
    /// # Errors
    /// The trouble that the reply means; `central.foreign` when it is JSON of another shape.
    pub fn read(reply: &Reply) -> Result<Self, Fault> {
        let map: PhpMap = parse(reply, Expected::Entities)?;
        let mut details = Self::default();
        for (key, raw) in map.0 {
            match Entity::from_json(raw.get().as_bytes()) {
                Ok(entity) => details.entities.push(entity),
                Err(error) => details.odd.push(Odd {
                    cause: AnswerCause::Entity {
                        id: Id::from(&*key),
                        found: (&error).into(),
                    }
                    .into(),
                    key: key.into_owned(),
                }),
            }
        }
        Ok(details)
    }
}

impl Handshake {
    /// Reads the answer of a handshake: success is the presence of `syncUser` and `oauthInfo` (protocol 2.2).
    ///
    /// # Errors
    /// `auth.password` for a refused login, `auth.not_sync_manager` for a user without the role,
    /// else what the reply means.
    pub fn read(reply: &Reply) -> Result<Self, Fault> {
        #[derive(serde::Deserialize)]
        struct Oauth {
            key: String,
            secret: String,
            #[serde(rename = "tokenUrl")]
            token_url: String,
        }
        #[derive(serde::Deserialize)]
        struct HandshakeBody<'a> {
            #[serde(borrow, rename = "syncUser")]
            user: &'a RawValue,
            #[serde(rename = "oauthInfo")]
            oauth: Oauth,
        }
        let refused = reply.status == 401 && stranger(reply).is_none();
        if refused || refusal(reply).is_some_and(|r| r.is_code("401")) {
            return Err(Fault::new(Code::AuthPassword, AnswerCause::Password));
        }
        // The generic refusal. With `errorCode` 500 it is the database that is away, whatever the login (protocol 0.2).
        if reply.status == 500 && refusal(reply).is_some_and(|r| r.is_code("0")) {
            return Err(Fault::new(
                Code::AuthNotSyncManager,
                AnswerCause::NotSyncManager,
            ));
        }
        let wire: HandshakeBody = object(reply, Expected::Handshake)?;
        let user = Entity::from_json(wire.user.get().as_bytes()).map_err(|error| {
            let found = (&error).into();
            foreign(AnswerCause::SyncUser { found })
        })?;
        Ok(Self {
            user,
            key: wire.oauth.key,
            secret: wire.oauth.secret,
            token_url: wire.oauth.token_url,
        })
    }
}

/// Reads `supportedVm` (protocol 4.1).
///
/// # Errors
/// The trouble that the reply means.
pub fn versions(reply: &Reply) -> Result<Vec<String>, Fault> {
    #[derive(serde::Deserialize)]
    struct VersionsBody {
        data: Vec<String>,
    }
    object::<VersionsBody>(reply, Expected::Versions).map(|wire| wire.data)
}

/// Whether central supports this version of the VM, by the list of `versions` (design 3).
///
/// # Errors
/// `version.unsupported`.
pub fn supports(versions: &[String], own: &str) -> Result<(), Fault> {
    if versions.iter().any(|version| version == own) {
        return Ok(());
    }
    let (own, known) = (own.to_owned(), Id::all(versions));
    let cause = match known.is_empty() {
        true => AnswerCause::UnsupportedAll { own },
        false => AnswerCause::Unsupported { own, known },
    };
    Err(Fault::new(Code::VersionUnsupported, cause))
}

/// Reads the confirmation of protocol 9.1 and 9.3.
///
/// # Errors
/// The trouble that the reply means; `central.rejected` for the empty 500 of a malformed client state.
pub fn confirmation(reply: &Reply) -> Result<(), Fault> {
    #[derive(serde::Deserialize)]
    struct ConfirmationBody {
        #[serde(rename = "message")]
        _message: String,
    }
    object::<ConfirmationBody>(reply, Expected::Message).map(|_| ())
}

/// The same for a value with keys: a list would be taken for its fields in their order.
fn object<'a, T: Deserialize<'a>>(reply: &'a Reply, expected: Expected) -> Result<T, Fault> {
    let value = parse(reply, expected.clone())?;
    match reply.body.trim_ascii_start().first() {
        Some(b'{') => Ok(value),
        _ => Err(foreign(AnswerCause::AList { expected })),
    }
}

/// Whether the reply is a success in status and in body, as any JSON value of the shape `T`.
///
/// # Errors
/// The trouble that the reply means, in the order: status, maintenance, refusal inside a success, what stands in the place
/// of JSON, shape.
pub fn parse<'a, T: Deserialize<'a>>(reply: &'a Reply, expected: Expected) -> Result<T, Fault> {
    status(reply)?;
    if is_maintenance(reply) {
        return Err(Fault::new(Code::CentralMaintenance, maintenance(reply)));
    }
    if let Some(refusal) = refusal(reply).filter(|r| r.refuses()) {
        let says = says(&refusal.message());
        return Err(Fault::new(
            Code::CentralRefused,
            AnswerCause::RefusedIn200 { says },
        ));
    }
    serde_json::from_slice(&reply.body).map_err(|error| {
        instead(reply).unwrap_or_else(|| {
            let found = (&error).into();
            foreign(AnswerCause::NoShape { expected, found })
        })
    })
}

/// What a status other than success means.
///
/// # Errors
/// One trouble per meaning; the version texts of protocol 4.5 are told apart from other 500s.
fn status(reply: &Reply) -> Result<(), Fault> {
    let said = refusal(reply).map(|r| r.message()).unwrap_or_default();
    let (status, says) = (reply.status, says(&said));
    let (code, cause) = match status {
        // 203 comes from a proxy that changed something (RFC 9110 15.3.4). No other success is one: 202 has done nothing
        // yet, 204 and 205 have no body.
        200 | 203 | 206 => return Ok(()),
        500..=503 if is_maintenance(reply) => (Code::CentralMaintenance, maintenance(reply)),
        201..=299 => (Code::CentralForeign, AnswerCause::StatusNot200 { status }),
        300..=399 => (Code::CentralForeign, redirected(reply)),
        // RFC 6585 6.
        511 => (Code::CentralForeign, AnswerCause::NetworkLogin),
        400 | 403 | 496 if demands_certificate(reply) => {
            (Code::NetTlsClient, AnswerCause::NoCertificate)
        }
        401 | 403 if stranger(reply).is_some() => {
            (Code::CentralForeign, AnswerCause::PageInstead { status })
        }
        401 => (Code::AuthRefused, AnswerCause::Credentials),
        403 => (Code::AuthRole, AnswerCause::Role),
        404 => (Code::CentralNotFound, AnswerCause::NotFound { says }),
        413 => (Code::CentralTooLong, AnswerCause::RequestTooLong),
        500 if said.starts_with("Provided version of TAO VM is not supported")
            || said.contains("\"tao_version\"") =>
        {
            let says = Quote::from(&said);
            (Code::VersionUnsupported, AnswerCause::Version { says })
        }
        500 if reply.body.is_empty() => (Code::CentralRejected, AnswerCause::Rejected),
        // 408 and 425: not processed, to be sent again (RFC 9110 15.5.9, RFC 8470 5.2).
        408 | 425 | 429 | 502..=504 => (
            Code::CentralUnavailable,
            AnswerCause::Unavailable { status, says },
        ),
        500..=599 => (Code::CentralError, AnswerCause::Failed { status, says }),
        _ => (Code::CentralRefused, AnswerCause::Refused { status, says }),
    };
    let wish = reply
        .header("retry-after")
        .and_then(|value| retry_after(value, reply.header("date")));
    let fault = Fault::new(code, cause);
    let told = match wish.filter(|wish| *wish > retry::MAX_WAIT_IN_RUN) {
        Some(wish) => fault.because(|why| AnswerCause::LeftAlone {
            why,
            wait: wish.into(),
        }),
        None => fault,
    };
    Err(Fault {
        retry_after: wish,
        ..told
    })
}

/// nginx with `ssl_verify_client on` lets a handshake without a certificate pass and answers with these words.
fn demands_certificate(reply: &Reply) -> bool {
    String::from_utf8_lossy(&reply.body).contains("SSL certificate was sent")
}

/// What central says, if it says anything.
fn says(said: &Outside) -> Option<Says> {
    Quote::of(said).map(|words| Says::Said { words })
}

/// The `returnFailure` body and its siblings (protocol 0.5).
#[derive(serde::Deserialize)]
struct RefusalBody {
    success: Option<bool>,
    #[serde(rename = "errorCode")]
    code: Option<serde_json::Value>,
    #[serde(rename = "errorMsg")]
    message: Option<Outside>,
    error: Option<Outside>,
}

impl RefusalBody {
    fn refuses(&self) -> bool {
        self.success == Some(false) || self.error.is_some()
    }

    fn is_code(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|c| {
            c.as_str() == Some(code) || c.as_u64().is_some_and(|n| n.to_string() == code)
        })
    }

    fn message(&self) -> Outside {
        self.message
            .clone()
            .or_else(|| self.error.clone())
            .unwrap_or_default()
    }
}

/// The refusal in the body, if it is one; only small bodies are looked at.
fn refusal(reply: &Reply) -> Option<RefusalBody> {
    let small = reply.body.len() < 64 << 10 && reply.body.first() == Some(&b'{');
    small
        .then(|| serde_json::from_slice::<RefusalBody>(&reply.body).ok())
        .flatten()
        .filter(|r| r.success.is_some() || r.error.is_some())
}

/// Where a redirection leads, without what follows the path: it may name a session or a person.
fn redirected(reply: &Reply) -> AnswerCause {
    let to = reply.header("location").unwrap_or_default();
    let place = to.split(['?', '#']).next().unwrap_or_default();
    let status = reply.status;
    match place {
        "" => AnswerCause::Redirected { status },
        place => AnswerCause::RedirectedTo {
            place: place.into(),
            status,
        },
    }
}

fn is_maintenance(reply: &Reply) -> bool {
    notice(&reply.body) == Some(Notice::Maintenance)
}

fn maintenance(reply: &Reply) -> AnswerCause {
    let status = reply.status;
    match reply.body.trim_ascii_start().first() {
        Some(b'<') if status == 200 => AnswerCause::MaintenancePage,
        _ => AnswerCause::Maintenance { status },
    }
}

/// What came where JSON was due, if it is known.
fn instead(reply: &Reply) -> Option<Fault> {
    let (code, cause) = match notice(&reply.body)? {
        Notice::Maintenance => (Code::CentralMaintenance, maintenance(reply)),
        Notice::Php(kind) => {
            let kind = kind.to_owned();
            (Code::CentralPhp, AnswerCause::Php { kind })
        }
        Notice::Page => (Code::CentralForeign, AnswerCause::Page),
    };
    Some(Fault::new(code, cause))
}

fn foreign(cause: AnswerCause) -> Fault {
    Fault::new(Code::CentralForeign, cause)
}

/// A PHP map on the wire: an object, or `[]` when it is empty (protocol 15.1, 4).
pub(crate) struct PhpMap<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for PhpMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PhpMap<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map, or an empty list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    entries.push((Cow::Owned(key), value));
                }
                Ok(PhpMap(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                match seq.next_element::<&RawValue>()? {
                    None => Ok(PhpMap(Vec::new())),
                    Some(_) => Err(serde::de::Error::custom(
                        "a list with elements where a map was due",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests;
