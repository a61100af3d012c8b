//! Tells the service manager how the daemon is: ready, what it does, alive, reloading, stopping (sd_notify(3)).
//! Never fails: a manager that does not listen changes nothing.
//! Called by the daemon's loop.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use logic::words::Now;

/// So long a manager that does not read is waited for: a `READY=1` that is lost would cost a healthy start.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    way: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// The socket that `NOTIFY_SOCKET` names; a leading `@` means an abstract one.
    pub fn of_environment() -> Self {
        let way = || {
            let name = std::env::var_os("NOTIFY_SOCKET")?;
            let address = match name.as_bytes() {
                [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest).ok()?,
                _ => SocketAddr::from_pathname(&name).ok()?,
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_write_timeout(Some(NOTIFY_TIMEOUT)).ok()?;
            Some((socket, address))
        };
        Self { way: way() }
    }

    /// The start is over; being offline is no reason to wait.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// What the daemon does, in words; shown by `systemctl status`.
    pub fn status(&self, words: &str) {
        self.tell(&format!("STATUS={}", words.replace('\n', " ")));
    }

    /// The loop goes round.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// The configuration is being read again; `ready` ends that.
    pub fn reloading(&self, now: Now) {
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}",
            now.mono.as_micros()
        ));
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.way {
            // Gone, or full for so long: the daemon does not depend on it.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// How often the manager wants to hear `alive`: half of `WATCHDOG_USEC`; `None` when it watches nobody or another
/// process.
pub fn watchdog() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let own = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let span = number("WATCHDOG_USEC").filter(|usec| own && *usec > 0)?;
    Some(Duration::from_micros(span) / 2)
}
