//! What is known of central's encryption, at rest: its public key, the key that deliveries carry, and whether the TAO on
//! this box has it too.
//! Never decides what follows from it: that is `logic::encryption`.
//! Written by the engine once a run, and by the gateway; read by intake, the gateway and `doctor`.

use logic::encryption::CentralEncryption;
use logic::gateway::setup::TaoSetup;

use super::{SealedFile, Vault};

/// The file.
pub fn entry(vault: &Vault) -> SealedFile {
    vault.entry("encryption")
}

/// What is remembered. A damaged file is as good as none: the next run writes it anew.
pub fn standing(vault: &Vault) -> CentralEncryption {
    entry(vault).get().ok().flatten().unwrap_or_default()
}

/// The file of what the TAO behind the gateway has shown.
pub fn tao_entry(vault: &Vault) -> SealedFile {
    vault.entry("gateway-tao")
}

/// What it has shown. A damaged file is as good as none: its next run shows it again.
pub fn tao(vault: &Vault) -> TaoSetup {
    tao_entry(vault).get().ok().flatten().unwrap_or_default()
}
