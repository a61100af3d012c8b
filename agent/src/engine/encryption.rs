//! Asks central once in a run for its public key, and keeps what is known of its encryption, sealed.
//! Never decides what an answer means: that is `logic::encryption`. A run does not fail for it.
//! Called by `run`, before what is owed goes.

use logic::api::{Call, KeyAnswer};
use logic::encryption::CentralEncryption;
use logic::entity::{EntityType, uri};
use logic::fault::Fault;
use tokio::sync::OnceCell;

use uplink::Uplink;
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::{SealedFile, Vault, encryption};

/// The key that deliveries carry on an encrypted central (protocol 13.4). One of the first tells as much as all.
pub(super) fn application_key(
    catalogue: &CatalogueStore,
    edition: &CatalogueRevision,
) -> Option<String> {
    const LOOKED_AT: usize = 8;
    let mut reader = catalogue.reader();
    let mut keys = edition
        .rows(EntityType::Delivery)
        .take(LOOKED_AT)
        .filter_map(|(name, row)| reader.entity(EntityType::Delivery, name, row).ok())
        .filter_map(|delivery| {
            delivery
                .properties
                .first(uri::APPLICATION_KEY)
                .map(str::to_owned)
        });
    keys.find(|key| !key.is_empty())
}

/// The question of one run, which is asked once.
pub(super) struct KeyRequest {
    entry: SealedFile,
    before: CentralEncryption,
    application_key: Option<String>,
    heard: OnceCell<CentralEncryption>,
}

impl KeyRequest {
    pub(super) fn new(vault: &Vault, application_key: Option<String>) -> Self {
        Self {
            entry: encryption::entry(vault),
            before: encryption::standing(vault),
            application_key,
            heard: OnceCell::new(),
        }
    }

    /// Whether deliveries carry a key: then central dies of plain results.
    pub(super) fn is_keyed(&self) -> bool {
        self.application_key.is_some()
    }

    /// What central says, kept where it is new. Whoever comes meanwhile waits for the same answer.
    pub(super) async fn asked(&self, uplink: &Uplink) -> &CentralEncryption {
        self.heard.get_or_init(|| self.ask(uplink)).await
    }

    async fn ask(&self, uplink: &Uplink) -> CentralEncryption {
        let checksum = self.before.checksum();
        let answered = uplink.call(&Call::public_key(checksum.as_deref())).await;
        let answer = KeyAnswer::read(answered);
        if let Err(trouble) = &answer {
            tracing::debug!(code = %trouble.code, "central did not tell its public key: {trouble}");
        }
        let after = self
            .before
            .after(answer.as_ref().ok(), self.application_key.clone());
        if after != self.before
            && let Err(trouble) = self.keep(&after)
        {
            // Nothing is lost: what is let in meanwhile is encrypted when it goes, and the next run asks again.
            tracing::warn!(code = %trouble.code, "central's public key could not be kept: {trouble}");
        }
        after
    }

    fn keep(&self, standing: &CentralEncryption) -> Result<(), Fault> {
        self.entry.get_or_set_aside::<CentralEncryption>()?;
        self.entry.put(standing)
    }
}
