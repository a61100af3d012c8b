//! A text that nobody may read by accident: an OAuth secret, a token, the password of a proxy.
//! Never shown by `Debug`, wiped from memory when dropped.
//! Called by `uplink` and by those who bring credentials.

use std::fmt;

use base64::Engine;
use zeroize::Zeroizing;

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A `user:password` as the field of a request tells it (RFC 7617 2).
pub(super) fn basic(pair: &str) -> Secret {
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    Secret::new(format!("Basic {encoded}"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
