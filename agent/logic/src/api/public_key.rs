//! What central answers to the request for its public key (protocol 13.5), and what its silence about it means.
//! Never judges the key: that is `encryption`'s.
//! Called by the engine at the start of each run.

use serde::Deserialize;
use serde_json::Value as Json;

use super::answer::parse;
use super::{Answered, Reply};
use crate::fault::{Expected, Fault};

/// What central said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAnswer {
    /// This key, byte for byte; the box has another one or none.
    Key(String),
    /// Nothing to replace: to a box with a key, that it is still the one; to a box without, that there is none.
    Nothing,
    /// No such extension: the paths of taoEncryption lead nowhere there (protocol 0.2).
    NoExtension,
    /// The route is there, or may be, and the credentials lack its role (EncryptionRole).
    Denied,
}

impl KeyAnswer {
    /// Reads the answer of `Call::public_key`.
    ///
    /// # Errors
    /// The trouble that the reply means: then nothing is known.
    pub fn read(answered: Answered) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct PublicKeyFields {
            #[serde(rename = "require-update")]
            update: bool,
            #[serde(rename = "public-key")]
            key: Option<String>,
        }
        let reply = answered?;
        let said = says(&reply);
        match (reply.status, &said) {
            (403, Some(CoreAnswer::Refusal(message))) if message.is_empty() => {
                return Ok(Self::NoExtension);
            }
            (403, Some(_)) => return Ok(Self::Denied),
            // Older cores; and a controller without this action.
            (404, Some(_)) | (200, Some(CoreAnswer::NoRights)) => return Ok(Self::NoExtension),
            _ => {}
        }
        let wire: PublicKeyFields = parse(&reply, Expected::PublicKey)?;
        Ok(
            match wire.key.filter(|key| wire.update && !key.is_empty()) {
                Some(key) => Self::Key(key),
                None => Self::Nothing,
            },
        )
    }
}

/// TAO's own words; a page of a proxy has none.
enum CoreAnswer {
    Refusal(String),
    NoRights,
}

fn says(reply: &Reply) -> Option<CoreAnswer> {
    let body: Json = serde_json::from_slice(&reply.body).ok()?;
    match (&body["errorMsg"], &body["error"]) {
        (Json::String(message), _) => Some(CoreAnswer::Refusal(message.clone())),
        (_, Json::String(_)) => Some(CoreAnswer::NoRights),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn read(status: u16, body: &str) -> Result<KeyAnswer, Code> {
        let reply = Reply {
            status,
            body: body.into(),
            ..Reply::default()
        };
        KeyAnswer::read(Ok(reply)).map_err(|trouble| trouble.code)
    }

    #[test]
    fn no_key_and_no_such_extension_are_two_things() {
        let refused = |message: &str| {
            format!(
                r#"{{"success":false,"version":"2022.11","errorCode":403,"errorMsg":"{message}"}}"#
            )
        };
        let denied = "Access denied. Please renew your authentication!";
        let no_action = r#"{"error":"You do not have the required rights to edit this resource."}"#;
        let table = [
            (
                200,
                r#"{"require-update":true,"public-key":"PEM"}"#.to_owned(),
                Ok(KeyAnswer::Key("PEM".into())),
            ),
            (
                200,
                r#"{"require-update":false,"public-key":null}"#.to_owned(),
                Ok(KeyAnswer::Nothing),
            ),
            (
                200,
                r#"{"require-update":true,"public-key":""}"#.to_owned(),
                Ok(KeyAnswer::Nothing),
            ),
            // Recorded: exchanges 317 and 316, and 315 for an action that is none.
            (403, refused(""), Ok(KeyAnswer::NoExtension)),
            (403, refused(denied), Ok(KeyAnswer::Denied)),
            (200, no_action.to_owned(), Ok(KeyAnswer::NoExtension)),
            (404, refused(""), Ok(KeyAnswer::NoExtension)),
            // A page that stands in the way says nothing about central.
            (403, "<html>blocked".to_owned(), Err(Code::CentralForeign)),
            (404, "<html>nginx".to_owned(), Err(Code::CentralNotFound)),
            (200, "<html>airport".to_owned(), Err(Code::CentralForeign)),
            (200, "[]".to_owned(), Err(Code::CentralForeign)),
        ];
        for (status, body, expected) in table {
            assert_eq!(read(status, &body), expected, "{status} {body}");
        }
        let net = Err(Fault::new(Code::NetDns, ""));
        assert_eq!(KeyAnswer::read(net).unwrap_err().code, Code::NetDns);
    }
}
