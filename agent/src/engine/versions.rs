//! The versions that central supports, as it last said: what the gateway answers while the link is down.
//! Never asks central.
//! Written by `run`, read by the gateway.

use logic::fault::{Code, Fault};

use vault::Vault;

/// Keeps what central answered.
///
/// # Errors
/// What the file system says.
pub fn remember(vault: &Vault, versions: &[String]) -> Result<(), Fault> {
    let entry = vault.entry("versions");
    if entry.get::<Vec<String>>().ok().flatten().as_deref() == Some(versions) {
        return Ok(());
    }
    entry.put(&versions)
}

/// The versions last seen from central, that of the box at least. A damaged list is as good as none: the next run
/// writes it anew.
///
/// # Errors
/// What the file system says.
pub fn known(vault: &Vault, own: &str) -> Result<Vec<String>, Fault> {
    let mut versions: Vec<String> = match vault.entry("versions").get() {
        Err(trouble) if trouble.code == Code::StoreDamaged => Vec::new(),
        held => held?.unwrap_or_default(),
    };
    if !versions.iter().any(|known| known == own) {
        versions.push(own.to_owned());
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use system::root::Root;

    #[test]
    fn the_box_s_own_version_is_always_supported() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        assert_eq!(known(&vault, "2022.11").unwrap(), ["2022.11"]);
        remember(&vault, &["3.4".into(), "2022.11".into()]).unwrap();
        assert_eq!(known(&vault, "2022.11").unwrap(), ["3.4", "2022.11"]);
        assert_eq!(known(&vault, "5").unwrap(), ["3.4", "2022.11", "5"]);
        std::fs::write(vault.state().join("versions"), "damaged").unwrap();
        assert_eq!(known(&vault, "5").unwrap(), ["5"]);
        remember(&vault, &["6".into()]).unwrap();
        assert_eq!(known(&vault, "6").unwrap(), ["6"]);
    }
}
