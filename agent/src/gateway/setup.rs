//! Keeps what the requests of the TAO on this box show of its encryption, and tells once when it does not fit central.
//! Never fails a request.
//! Called by `handlers`; read by `doctor` and by `identity gateway`.

use std::sync::{Mutex, PoisonError};

use logic::fault::Code;
use logic::gateway::setup::{TaoRequest, TaoSetup, mismatch};
use logic::health::message::HoldingsMessage;
use logic::language::Localized;
use vault::{Vault, encryption};

/// What was seen so far.
pub(super) struct SeenSetup {
    vault: Vault,
    kept: Mutex<TaoSetup>,
}

impl SeenSetup {
    pub(super) fn open(vault: &Vault) -> Self {
        Self {
            vault: vault.clone(),
            kept: Mutex::new(encryption::tao(vault)),
        }
    }

    /// Takes what a request shows; what is new is kept.
    pub(super) fn see(&self, request: TaoRequest) {
        // It is replaced whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let after = kept.after(request);
        if after == *kept {
            return;
        }
        if let Err(trouble) = encryption::tao_entry(&self.vault).put(&after) {
            tracing::debug!(code = %trouble.code, "what the TAO on this box shows is not kept: {trouble}");
        }
        let central = encryption::standing(&self.vault).mode;
        let differs = mismatch(central, &after);
        if let Some(differs) = differs.filter(|_| after.has_encryption != kept.has_encryption) {
            let code = Code::GatewayEncryption;
            tracing::warn!(%code, "{}", HoldingsMessage::from(differs).english());
        }
        *kept = after;
    }
}
