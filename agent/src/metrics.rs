//! The figures of the box in a file, as node_exporter's textfile collector takes them.
//! Never shows half a file, and never fails or holds up what it tells of.
//! Called by the daemon, by verbs that change something, and by whoever tells that the file cannot be written.

use std::os::unix::net::UnixStream;
use std::path::Path;

use logic::fault::{Code, Fault};
use logic::health::Standing;
use logic::health::metrics::{Daemon, Form, Sample, render};
use logic::settings::InForce;

use crate::clock;
use crate::doctor::{opened, standing};
use crate::root::{self, Root};
use crate::settings;

/// Writes the file, readable for everybody.
///
/// # Errors
/// `config.textfile`, with what the file system says.
pub fn write(path: &Path, standing: &Standing, daemon: Option<&Daemon>) -> Result<(), Fault> {
    let sample = Sample {
        standing: Some(standing),
        daemon,
        version: env!("CARGO_PKG_VERSION"),
    };
    let text = render(&sample, Form::Text);
    root::write_for_all(path, text.as_bytes()).map_err(unwritable)
}

/// Whether the file can be written, tried beside it.
///
/// # Errors
/// As `write`.
pub fn check(path: &Path) -> Result<(), Fault> {
    root::try_beside(path).map_err(unwritable)
}

fn unwritable(fault: Fault) -> Fault {
    let reason = format!("the metrics cannot be written: {}", fault.reason);
    Fault::new(Code::ConfigTextfile, reason)
}

/// Writes the file after a verb that may have changed something, where one is configured. A daemon does it itself.
pub fn after_verb(root: &Root) {
    let InForce {
        settings, fault, ..
    } = settings::in_force(root);
    let Some(settings) = settings else { return };
    let Some(path) = &settings.metrics.textfile else {
        return;
    };
    if UnixStream::connect(root.socket()).is_ok() {
        return;
    }
    let mut stands = match opened(root, &settings) {
        Some(engine) => standing::take(&engine),
        // New, wiped or closed: not ready, and nothing is counted.
        None => Standing {
            now: clock::now().wall,
            organisation: settings.this_box.organisation_id.clone(),
            ..Standing::default()
        },
    };
    standing::misconfigured(&mut stands, fault.as_ref());
    // `doctor` and `config check` tell it; the verb has done its work.
    if let Err(fault) = write(path, &stands, None) {
        tracing::debug!(code = %fault.code, "{fault}");
    }
}
