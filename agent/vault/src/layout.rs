//! The way from older layouts of the state folder to the one of this boxsync, step by step, under the lock.
//! Never skips a step, and never counts one as done before it is durable.
//! Called by `Vault::open`; a folder of a newer boxsync was refused before (`root::prepare`).

use std::time::Duration;

use logic::fault::Fault;

use super::Vault;
use system::root::{LAYOUT, Lock, Root, layout, set_layout};

/// From one layout to the next. After a power cut it is done again from its beginning, so it must not mind its own
/// traces; what it leaves must be durable when it returns.
type LayoutStep = fn(&Vault) -> Result<(), Fault>;

/// The first leads from layout 1 to 2. `LAYOUT` cannot grow without one more here.
const STEPS: [LayoutStep; LAYOUT as usize - 1] = [];

/// A synchronization of the version before may still be ending.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Brings a folder of layout `held` to `LAYOUT`.
///
/// # Errors
/// `state.busy` while a synchronization runs, or what a step says: then the steps before it are done, and the next start
/// goes on with this one.
pub(super) fn bring(root: &Root, vault: &Vault, held: u32) -> Result<(), Fault> {
    climb(root, vault, held, &STEPS, LOCK_TIMEOUT)
}

fn climb(
    root: &Root,
    vault: &Vault,
    held: u32,
    steps: &[LayoutStep],
    patience: Duration,
) -> Result<(), Fault> {
    if held as usize > steps.len() {
        return Ok(());
    }
    let _lock = Lock::take(root, patience)?;
    // Another process may have come first.
    for from in layout(root)?.. {
        let Some(step) = steps.get(from as usize - 1) else {
            break;
        };
        step(vault)?;
        set_layout(root, from + 1)?;
        tracing::info!(
            "the state folder had layout {from}, it has {} now",
            from + 1
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;
    use std::fs;

    fn note(vault: &Vault, line: &str) -> Result<(), Fault> {
        let entry = vault.entry("steps");
        let mut lines: Vec<String> = entry.get()?.unwrap_or_default();
        lines.push(line.into());
        entry.put(&lines)
    }

    fn noted(vault: &Vault) -> Vec<String> {
        vault.entry("steps").get().unwrap().unwrap_or_default()
    }

    /// A made-up history: layout 1 has a file `old`, 2 calls it `new`, 3 has it sealed.
    const STEPS: [LayoutStep; 2] = [
        |vault| {
            let (old, new) = (vault.state().join("old"), vault.state().join("new"));
            note(vault, "1 to 2")?;
            if old.exists() {
                fs::rename(old, new).unwrap();
            }
            Ok(())
        },
        |vault| {
            note(vault, "2 to 3")?;
            let plain = vault.state().join("new");
            if plain.with_extension("cut").exists() {
                let reason = "the power is gone".to_owned();
                return Err(Fault::new(Code::RunStopped, reason));
            }
            vault.entry("sealed").put(&fs::read(&plain).unwrap())?;
            fs::remove_file(plain).unwrap();
            Ok(())
        },
    ];

    #[test]
    fn an_old_folder_is_brought_up_step_by_step_and_a_cut_costs_no_step() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let vault = Vault::open(&root).unwrap();
        let state = root.state();
        fs::write(state.join("version"), "1\n").unwrap();
        fs::write(state.join("old"), "what it held").unwrap();
        fs::write(state.join("new.cut"), "").unwrap();
        assert_eq!(
            climb(&root, &vault, 1, &STEPS, Duration::ZERO)
                .unwrap_err()
                .code,
            Code::RunStopped
        );
        assert_eq!(layout(&root).unwrap(), 2);
        fs::remove_file(state.join("new.cut")).unwrap();
        climb(&root, &vault, 2, &STEPS, Duration::ZERO).unwrap();
        assert_eq!(layout(&root).unwrap(), 3);
        assert_eq!(noted(&vault), ["1 to 2", "2 to 3", "2 to 3"]);
        let held: Option<Vec<u8>> = vault.entry("sealed").get().unwrap();
        assert_eq!(held.unwrap(), b"what it held");
        // Whoever waited for the lock finds nothing left to do.
        climb(&root, &vault, 1, &STEPS, Duration::ZERO).unwrap();
        climb(&root, &vault, 3, &STEPS, Duration::ZERO).unwrap();
        assert_eq!(noted(&vault).len(), 3);
    }

    #[test]
    fn no_step_is_made_beside_a_synchronization() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let vault = Vault::open(&root).unwrap();
        let held = Lock::take(&root, Duration::ZERO).unwrap();
        let busy = climb(&root, &vault, 1, &STEPS[..1], Duration::ZERO);
        assert_eq!(busy.unwrap_err().code, Code::StateBusy);
        assert_eq!(noted(&vault), Vec::<String>::new());
        drop(held);
        climb(&root, &vault, 1, &STEPS[..1], Duration::ZERO).unwrap();
        assert_eq!(noted(&vault), ["1 to 2"]);
    }
}
