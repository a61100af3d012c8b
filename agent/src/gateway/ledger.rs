//! Small things that outlive the process: the gateway's credentials, central's versions, what clients confirmed.
//! Never makes credentials twice, and never grows without bound.
//! Called by the gateway, by `identity gateway`, and by whoever reports to central.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use logic::gateway::confirm::Confirmation;
use logic::gateway::login::Client;
use logic::words::Trouble;
use nix::fcntl::{Flock, FlockArg};

use crate::root::trouble;
use crate::vault::{Vault, random};

/// Confirmations that are kept until they are passed on; older ones go.
const CONFIRMATIONS: usize = 20;

/// The credentials for the TAO on this box, made at first need.
///
/// # Errors
/// `store.damaged`, or what the file system says.
pub fn client(vault: &Vault) -> Result<Client, Trouble> {
    let entry = vault.entry("gateway");
    if let Some(client) = entry.get()? {
        return Ok(client);
    }
    // Two processes may need them first at once; the one that waits finds those of the other.
    let path = vault.state().join("gateway.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| trouble(&path, "open", &error))?;
    let _lock = Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, error)| trouble(&path, "lock", &error.into()))?;
    if let Some(client) = entry.get()? {
        return Ok(client);
    }
    let client = Client::new(random());
    entry.put(&client)?;
    Ok(client)
}

/// Keeps what a client said about the end of its run.
///
/// # Errors
/// `store.damaged`, or what the file system says.
pub fn confirm(vault: &Vault, confirmation: Confirmation) -> Result<(), Trouble> {
    let entry = vault.entry("confirmations");
    let mut kept: Vec<Confirmation> = entry.get()?.unwrap_or_default();
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
pub fn confirmations(vault: &Vault) -> Result<Vec<Confirmation>, Trouble> {
    Ok(vault.entry("confirmations").get()?.unwrap_or_default())
}

/// Forgets confirmations that central has been told of; those that came since stay.
///
/// # Errors
/// `store.damaged`, or what the file system says.
pub fn forget(vault: &Vault, told: &[Confirmation]) -> Result<(), Trouble> {
    let mut kept = confirmations(vault)?;
    kept.retain(|confirmation| !told.contains(confirmation));
    vault.entry("confirmations").put(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        (dir, vault)
    }

    #[test]
    fn credentials_are_made_once_even_by_many_at_once() {
        let (_dir, vault) = vault();
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let vault = vault.clone();
                std::thread::spawn(move || client(&vault).unwrap())
            })
            .collect();
        let made: Vec<_> = makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect();
        assert!(made.iter().all(|client| *client == made[0]));
        assert_eq!(client(&vault).unwrap(), made[0]);
    }

    #[test]
    fn confirmations_are_bounded_and_forgotten_when_told() {
        let (_dir, vault) = vault();
        let voice = logic::gateway::Voice {
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
