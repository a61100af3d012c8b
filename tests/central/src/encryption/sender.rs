//! What a TAO box with taoEncryption sends: envelopes under central's public key, rows under the application key.
//! Never a private operation, and never code of the product.
//! Called by tests that play such a box.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::envelope::{self, PrivateKey};
use super::{Encryption, KeyPair};
use crate::Central;

impl Central {
    /// The envelope of a row of results under the public key that central has (protocol 7.7); `None` without one.
    #[must_use]
    pub fn enclosed(&self, row: &str) -> Option<String> {
        let key = PrivateKey::of(self.encryption(|encryption| encryption.pair)??);
        Some(key.close(row.as_bytes()))
    }

    /// The data of a log row under the application key (protocol 13.6); `None` on a plain central.
    #[must_use]
    pub fn closed_data(&self, text: &str) -> Option<String> {
        let key = self.encryption(|encryption| STANDARD.encode(&encryption.application_key))?;
        Some(STANDARD.encode(envelope::rc4(key.as_bytes(), text.as_bytes())))
    }

    /// The checksum of central's public key (protocol 13.5); `None` without one.
    #[must_use]
    pub fn key_checksum(&self) -> Option<String> {
        let pair: KeyPair = self.encryption(|encryption| encryption.pair)??;
        Some(envelope::checksum(&PrivateKey::of(pair).public_pem()))
    }

    /// The SHA-256 of the file of central's public key, in hex; `None` without one.
    #[must_use]
    pub fn key_print(&self) -> Option<String> {
        let pair: KeyPair = self.encryption(|encryption| encryption.pair)??;
        let digest = Sha256::digest(PrivateKey::of(pair).public_pem());
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn encryption<T>(&self, of: impl Fn(&Encryption) -> T) -> Option<T> {
        self.shared.state().results.encryption.as_ref().map(of)
    }
}
