//! Whether central keeps what candidates did encrypted, with which key, and how an answer becomes what central's own
//! taoEncryption would have made of it (protocol 7.7, 13).
//! Never draws a random byte, and never opens what it has closed: the box has no private key.
//! Called by intake, by the spool, by the gateway and by the engine, which keeps the `CentralEncryption` sealed.
//!
//! # What is known of central
//!
//! | Answer to `updatePublicKey` | Deliveries carry a key | The box has a key | CentralEncryption |
//! |---|---|---|---|
//! | a key | | | encrypted, with that key |
//! | a key that is none | | | as without a key: missing |
//! | nothing to replace | | yes | encrypted, with the one it has |
//! | nothing to replace | | no | key missing |
//! | no such extension | | | plain |
//! | denied | yes | | role missing |
//! | denied | no | | plain: the same words as for an extension that is not there, on other cores |
//! | none, or of something in between | | | as before |
//!
//! Results wait while a key or a role is missing. A former key is kept: what was encrypted with it knows it by its print.

mod row;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seal::rsa::PublicKey;
use seal::tao;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::api::KeyAnswer;
use crate::api::answer::PhpMap;
use crate::fault::{Code, Fault, ItemCause};

pub use row::{is_map, rows, variables};

/// Whether central encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EncryptionMode {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// It does not.
    Plain,
    /// It does, and its key is known.
    Encrypted,
    /// It does, and has no key.
    KeyMissing,
    /// It does, and gives the box no key.
    RoleMissing,
}

/// What the box remembers of central's encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CentralEncryption {
    /// Whether central encrypts.
    pub mode: EncryptionMode,
    /// The last public key that central gave, byte for byte, though it may have none now.
    pub key: Option<String>,
    /// The key that deliveries carry in clear (protocol 13.4): a secret.
    pub application_key: Option<String>,
}

/// 128 bits of SHA-256 over a public key as central gave it: what an item is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyPrint(pub [u8; 16]);

impl KeyPrint {
    /// The print of a key.
    pub fn of(pem: &str) -> Self {
        let mut print = [0; 16];
        print.copy_from_slice(&Sha256::digest(pem)[..16]);
        Self(print)
    }
}

impl fmt::Display for KeyPrint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl CentralEncryption {
    /// What is known after an answer, or after none: the table above. `application_key` is the one that deliveries carry.
    #[must_use]
    pub fn after(&self, answer: Option<&KeyAnswer>, application_key: Option<String>) -> Self {
        let keyed = application_key.is_some();
        let (mode, key) = match answer {
            None => (self.mode, None),
            Some(KeyAnswer::Key(pem)) if ResultsKey::read(pem).is_some() => {
                (EncryptionMode::Encrypted, Some(pem.clone()))
            }
            Some(KeyAnswer::Nothing) if self.key.is_some() => (EncryptionMode::Encrypted, None),
            Some(KeyAnswer::Key(_) | KeyAnswer::Nothing) => (EncryptionMode::KeyMissing, None),
            Some(KeyAnswer::Denied) if keyed => (EncryptionMode::RoleMissing, None),
            Some(KeyAnswer::Denied | KeyAnswer::NoExtension) => (EncryptionMode::Plain, None),
        };
        Self {
            mode,
            key: key.or_else(|| self.key.clone()),
            application_key: application_key.or_else(|| self.application_key.clone()),
        }
    }

    /// The checksum to ask with: of the key that the box has.
    pub fn checksum(&self) -> Option<String> {
        self.key.as_ref().map(|pem| tao::checksum(pem.as_bytes()))
    }

    /// The key that results are encrypted with when they are let in: also while central is silent about its key.
    pub fn encrypts(&self) -> Option<ResultsKey> {
        match self.mode {
            EncryptionMode::Encrypted
            | EncryptionMode::KeyMissing
            | EncryptionMode::RoleMissing => self.key.as_deref().and_then(ResultsKey::read),
            EncryptionMode::Unknown | EncryptionMode::Plain => None,
        }
    }

    /// The print of the key that results are encrypted with while central encrypts.
    pub fn fingerprint(&self) -> Option<KeyPrint> {
        self.encrypts().map(|key| key.print())
    }

    /// The print of the key that central has now.
    pub fn current(&self) -> Option<KeyPrint> {
        let key = self
            .key
            .as_deref()
            .filter(|_| self.mode == EncryptionMode::Encrypted);
        key.map(KeyPrint::of)
    }

    /// Whether central encrypts, as far as is known.
    pub fn is_encrypted(&self) -> bool {
        !matches!(self.mode, EncryptionMode::Unknown | EncryptionMode::Plain)
    }

    /// Whether log rows wait: central wants them under a key that no delivery has brought yet (protocol 13.6).
    pub fn rows_wait(&self) -> bool {
        self.is_encrypted() && self.application_key.is_none()
    }

    /// What stands in a row that only asks, where central wants rows encrypted (protocol 7.5).
    pub fn probe(&self) -> Option<String> {
        let key = self.application_key.as_deref().unwrap_or_default();
        let probe = || with_application_key(key, br#"{"probe":true}"#);
        self.is_encrypted().then(probe)
    }

    /// Why no result may go to central now.
    pub fn waits(&self) -> Option<Fault> {
        let (code, why) = match self.mode {
            EncryptionMode::KeyMissing => (Code::CentralKeyMissing, ItemCause::NoKey),
            EncryptionMode::RoleMissing => (Code::CentralEncryptionRole, ItemCause::NoKeyForBox),
            EncryptionMode::Unknown | EncryptionMode::Plain | EncryptionMode::Encrypted => {
                return None;
            }
        };
        Some(Fault::new(code, why))
    }
}

/// Bytes of a session key that TAO draws for each value (protocol 13.5); AES takes the first 32.
const SESSION: usize = 150;

/// A public key of central, ready to encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsKey {
    key: PublicKey,
    print: KeyPrint,
}

impl ResultsKey {
    /// Reads a key as central gave it: X.509 SubjectPublicKeyInfo in PEM (RFC 7468 13).
    pub fn read(pem: &str) -> Option<Self> {
        let body = pem
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")?
            .strip_suffix("-----END PUBLIC KEY-----")?;
        let text: String = body.split_ascii_whitespace().collect();
        Some(Self {
            key: PublicKey::from_der(&STANDARD.decode(text).ok()?)?,
            print: KeyPrint::of(pem),
        })
    }

    /// Its print.
    pub fn print(&self) -> KeyPrint {
        self.print
    }

    /// Random bytes that `enclose` takes for each value.
    pub fn entropy(&self) -> usize {
        SESSION + self.key.seeds(SESSION)
    }

    /// The hybrid envelope of one value (protocol 13.5). `None` if the random bytes are too few.
    pub fn enclose(&self, text: &[u8], random: &[u8]) -> Option<String> {
        let (session, seeds) = random.split_at_checked(SESSION)?;
        let sealed = STANDARD.encode(self.key.encrypt(session, seeds)?);
        let cipher = STANDARD.encode(tao::aes_cbc(session.first_chunk()?, text));
        Some(format!("{:03x}{sealed}{cipher}", sealed.len()))
    }
}

/// The data of a log row for an encrypted central (protocol 13.6): base64 of RC4 under the application key, whose bytes are
/// the base64 of its text (protocol 13.2).
pub fn with_application_key(key: &str, text: &[u8]) -> String {
    STANDARD.encode(tao::rc4(STANDARD.encode(key).as_bytes(), text))
}

/// Log rows as an encrypted central reads them: their data closed under the application key. A text passes as it is: an
/// encrypted box has closed it already, and of one that is not nobody could say so. What intake did not write stays.
pub fn log_rows(payload: Vec<u8>, application_key: &str) -> Vec<u8> {
    let Ok(rows) = serde_json::from_slice::<Vec<PhpMap>>(&payload) else {
        return payload;
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| log_row(row, application_key))
        .collect();
    format!("[{}]", rows.join(",")).into_bytes()
}

fn log_row(row: &PhpMap, application_key: &str) -> String {
    let field = |(name, value): &(std::borrow::Cow<'_, str>, &RawValue)| {
        let closed = name == "data" && !value.get().starts_with('"');
        let value = match closed {
            true => Json::from(with_application_key(
                application_key,
                value.get().as_bytes(),
            ))
            .to_string(),
            false => value.get().to_owned(),
        };
        format!("{}:{value}", Json::from(name.as_ref()))
    };
    let fields: Vec<String> = row.0.iter().map(field).collect();
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests;
