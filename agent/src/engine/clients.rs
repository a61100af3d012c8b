//! What the clients of the gateway confirmed, until central was told of it.
//! Never grows without bound.
//! Written by the gateway, passed on by `run` with the box's own report.

use logic::fault::Fault;
use logic::gateway::confirm::Confirmation;

use vault::Vault;

/// Confirmations that are kept until they are passed on; older ones go.
const CONFIRMATIONS: usize = 20;

/// Keeps what a client said about the end of its run; what was kept and does not open is put aside.
///
/// # Errors
/// What the file system says.
pub fn confirm(vault: &Vault, confirmation: Confirmation) -> Result<(), Fault> {
    let entry = vault.entry("confirmations");
    let mut kept: Vec<Confirmation> = entry.get_or_set_aside()?.unwrap_or_default();
    if kept.len() >= CONFIRMATIONS {
        kept.drain(..=kept.len() - CONFIRMATIONS);
    }
    kept.push(confirmation);
    entry.put(&kept)
}

/// What clients confirmed since it was last passed on, oldest first.
///
/// # Errors
/// `store.damaged`, or what the file system says.
pub fn confirmations(vault: &Vault) -> Result<Vec<Confirmation>, Fault> {
    Ok(vault.entry("confirmations").get()?.unwrap_or_default())
}

/// Forgets confirmations that central has been told of; those that came since stay.
///
/// # Errors
/// What the file system says.
pub fn forget(vault: &Vault, told: &[Confirmation]) -> Result<(), Fault> {
    let entry = vault.entry("confirmations");
    let mut kept: Vec<Confirmation> = entry.get_or_set_aside()?.unwrap_or_default();
    kept.retain(|confirmation| !told.contains(confirmation));
    entry.put(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_are_bounded_and_forgotten_when_told() {
        let (_dir, vault) = crate::fixture::fresh_vault();
        let voice = logic::gateway::AnswerSigner {
            version: "2022.11".into(),
        };
        for at in 0..30 {
            confirm(&vault, Confirmation::read(true, b"{}", at, &voice).unwrap()).unwrap();
        }
        let kept = confirmations(&vault).unwrap();
        assert_eq!((kept.len(), kept[0].at), (CONFIRMATIONS, 10));
        forget(&vault, &kept[..19]).unwrap();
        assert_eq!(confirmations(&vault).unwrap(), kept[19..]);
    }
}
