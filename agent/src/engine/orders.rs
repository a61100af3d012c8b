//! Where the orders of a person for the downloads are kept: a sealed file of the state folder.
//! Never decides what an order means or when it ends: that is `logic::package::order`.
//! Written by the daemon alone; read by the gate of downloads, by `status` and by the local API.

use logic::fault::Fault;
use logic::package::order::DownloadOrders;

use system::root::Root;
use vault::Vault;

/// The name of the file.
const ENTRY: &str = "orders";

/// The orders that are kept; a file that does not open is as good as none.
pub fn kept(vault: &Vault) -> DownloadOrders {
    vault.entry(ENTRY).get().ok().flatten().unwrap_or_default()
}

/// Keeps them in place of those before.
///
/// # Errors
/// What the file system says, or why the state folder does not open.
pub fn keep(root: &Root, orders: &DownloadOrders) -> Result<(), Fault> {
    Vault::open(root)?.entry(ENTRY).put(orders)
}

/// The orders that outlive a start of the daemon, at that start; none where the folder does not open yet. What is on
/// disk is in force: where it cannot be written, an order of an earlier start goes on, and is told.
pub fn at_start(root: &Root) -> Option<DownloadOrders> {
    let vault = Vault::open(root).ok()?;
    let before = kept(&vault);
    let mut orders = before.clone();
    if orders.daemon_starts() && vault.entry(ENTRY).put(&orders).is_err() {
        return Some(before);
    }
    Some(orders)
}
