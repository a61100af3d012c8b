//! This program again, as a process of its own: the one way to start it.
//! Never by a path: the file may have been replaced by a newer version, and the name of a removed one starts nothing.
//! Called by whoever gives work to a child: worker, page, intake, and those who look at the index store.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// This very program with a hidden verb; its input is empty.
pub fn command(verb: &str) -> Command {
    // The kernel's link to the file that runs here, whatever lies at its path by now.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("boxsync").arg(verb).stdin(Stdio::null());
    // Only the daemon itself speaks with the service manager.
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    command
}
