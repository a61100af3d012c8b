//! The credentials of the TAO on this box, which outlive the process.
//! Never makes them twice.
//! Called by the gateway and by `identity gateway`.

use logic::fault::{Fault, FileAct};
use logic::gateway::login::GatewayClient;
use nix::fcntl::{Flock, FlockArg};

use system::root::trouble;
use vault::{Vault, random};

/// The credentials for the TAO on this box, made at first need.
///
/// # Errors
/// `store.damaged`, or what the file system says.
pub fn client(vault: &Vault) -> Result<GatewayClient, Fault> {
    let entry = vault.entry("gateway");
    if let Some(client) = entry.get()? {
        return Ok(client);
    }
    // Two processes may need them first at once; the one that waits finds those of the other.
    let path = vault.state().join("gateway.lock");
    let file = system::root::lock_file(&path)?;
    let _lock = Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, error)| trouble(&path, FileAct::Lock, &error.into()))?;
    if let Some(client) = entry.get()? {
        return Ok(client);
    }
    let client = GatewayClient::new(random());
    entry.put(&client)?;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_made_once_even_by_many_at_once() {
        let (_dir, vault) = crate::fixture::fresh_vault();
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
}
