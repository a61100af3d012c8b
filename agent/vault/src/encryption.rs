//! What is known of central's encryption, at rest: its public key, and the key that deliveries carry.
//! Never decides what follows from it: that is `logic::encryption`.
//! Written by the engine once a run; read by intake, the gateway and `doctor`.

use logic::encryption::CentralEncryption;

use super::{SealedFile, Vault};

/// The file.
pub fn entry(vault: &Vault) -> SealedFile {
    vault.entry("encryption")
}

/// What is remembered. A damaged file is as good as none: the next run writes it anew.
pub fn standing(vault: &Vault) -> CentralEncryption {
    entry(vault).get().ok().flatten().unwrap_or_default()
}
