//! Whether the TAO behind the gateway has taoEncryption, as far as its requests show it, and whether that fits central.
//! Never asks it anything and never holds anything back: what does not fit is told.
//! Called by the gateway, which keeps what was seen; read by `doctor` and by `identity gateway`.
//!
//! | Seen of the TAO | It has taoEncryption |
//! |---|---|
//! | it asks for central's public key, as before each synchronization (protocol 13.5) | yes |
//! | a run begins, and it has not asked since the one before | no |
//! | a result whose variables are a map (protocol 7.7) | yes |
//! | a result with a list of variables | no |
//!
//! | Central | The TAO has taoEncryption | What follows |
//! |---|---|---|
//! | encrypts, with a key for the box or without | no | it shows encrypted names; its results are encrypted by the box |
//! | does not | yes | it gets no key; what it encrypted before is held, since nobody could read it |
//! | the same as the TAO, or either is not known | | nothing |

use serde::{Deserialize, Serialize};

use super::catalogue::ClientRun;
use crate::encryption::{EncryptionMode, variables};

/// What a request of a TAO shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaoRequest {
    /// It asks for central's public key.
    PublicKey,
    /// The first list of a run.
    Begin(ClientRun),
    /// A result whose variables are a map.
    Map,
    /// A result with a list of variables.
    List,
}

impl TaoRequest {
    /// What a result shows; nothing where it has no variables.
    pub fn of_result(content: &[u8]) -> Option<Self> {
        let text = variables(content)?.get();
        let inner = text.get(1..text.len() - 1)?.trim_ascii();
        match text.as_bytes().first() {
            _ if inner.is_empty() => None,
            Some(b'{') => Some(Self::Map),
            Some(b'[') => Some(Self::List),
            _ => None,
        }
    }
}

/// What is known of the TAO behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaoSetup {
    /// Whether it has taoEncryption, as far as it was seen.
    pub has_encryption: Option<bool>,
    /// It has asked for the key since the last run began.
    asked: bool,
    /// The last run that began.
    run: Option<ClientRun>,
}

impl TaoSetup {
    /// What is known after a request: the first table.
    #[must_use]
    pub fn after(&self, request: TaoRequest) -> Self {
        let (has_encryption, asked, run) = match request {
            TaoRequest::PublicKey => (true, true, self.run.clone()),
            // Its first list once more.
            TaoRequest::Begin(run) if self.run.as_ref() == Some(&run) => return self.clone(),
            TaoRequest::Begin(run) => (self.asked, false, Some(run)),
            TaoRequest::Map => (true, self.asked, self.run.clone()),
            TaoRequest::List => (false, self.asked, self.run.clone()),
        };
        Self {
            has_encryption: Some(has_encryption),
            asked,
            run,
        }
    }
}

/// How the TAO differs from central.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupMismatch {
    /// Central encrypts, the TAO does not.
    TaoPlain,
    /// The TAO encrypts, central does not.
    CentralPlain,
}

/// The second table.
pub fn mismatch(central: EncryptionMode, tao: &TaoSetup) -> Option<SetupMismatch> {
    let encrypts = match central {
        EncryptionMode::Unknown => return None,
        EncryptionMode::Plain => false,
        EncryptionMode::Encrypted | EncryptionMode::KeyMissing | EncryptionMode::RoleMissing => {
            true
        }
    };
    match (encrypts, tao.has_encryption?) {
        (true, false) => Some(SetupMismatch::TaoPlain),
        (false, true) => Some(SetupMismatch::CentralPlain),
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(sync_id: &str) -> TaoRequest {
        TaoRequest::Begin(ClientRun {
            box_id: "tao".into(),
            sync_id: sync_id.into(),
        })
    }

    #[test]
    fn requests_show_whether_a_tao_encrypts() {
        use TaoRequest::{List, Map, PublicKey};
        let table = [
            (vec![], None),
            (vec![PublicKey], Some(true)),
            (vec![PublicKey, begin("1")], Some(true)),
            // The first list once more, as after a lost answer.
            (vec![PublicKey, begin("1"), begin("1")], Some(true)),
            (vec![begin("1")], Some(false)),
            (vec![PublicKey, begin("1"), begin("2")], Some(false)),
            (vec![begin("1"), PublicKey, begin("2")], Some(true)),
            (vec![begin("1"), Map], Some(true)),
            (vec![PublicKey, begin("1"), List], Some(false)),
        ];
        for (requests, expected) in table {
            let told = format!("{requests:?}");
            let after = |setup: TaoSetup, request| setup.after(request);
            let setup = requests.into_iter().fold(TaoSetup::default(), after);
            assert_eq!(setup.has_encryption, expected, "{told}");
        }
    }

    #[test]
    fn a_result_shows_it_by_its_variables() {
        let of = |variables: &str| {
            let result = format!(r#"{{"deliveryId":"d","variables":{variables},"details":{{}}}}"#);
            TaoRequest::of_result(result.as_bytes())
        };
        assert_eq!(of(r#"{"ref":"row"}"#), Some(TaoRequest::Map));
        assert_eq!(of(r#"[{"type":"t"}]"#), Some(TaoRequest::List));
        for nothing in ["[]", "{ }", "null", "1", r#""{a}""#] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        assert_eq!(TaoRequest::of_result(b"x"), None);
    }

    #[test]
    fn what_differs_from_central_is_named() {
        use EncryptionMode::{Encrypted, KeyMissing, Plain, RoleMissing, Unknown};
        let setup = |has_encryption| TaoSetup {
            has_encryption,
            ..TaoSetup::default()
        };
        for (central, of_plain, of_encrypting) in [
            (Unknown, None, None),
            (Plain, None, Some(SetupMismatch::CentralPlain)),
            (Encrypted, Some(SetupMismatch::TaoPlain), None),
            (KeyMissing, Some(SetupMismatch::TaoPlain), None),
            (RoleMissing, Some(SetupMismatch::TaoPlain), None),
        ] {
            assert_eq!(mismatch(central, &setup(None)), None, "{central:?}");
            assert_eq!(
                mismatch(central, &setup(Some(false))),
                of_plain,
                "{central:?}"
            );
            assert_eq!(
                mismatch(central, &setup(Some(true))),
                of_encrypting,
                "{central:?}"
            );
        }
    }
}
