//! The figures of the box in a file, as node_exporter's textfile collector takes them.
//! Never shows half a file, and never fails or holds up what it tells of.
//! Called by the daemon, by `cli` after verbs that change something, and by whoever tells that the file cannot be written.

use std::path::Path;

use logic::fault::{Code, ConfigCause, Fault};
use logic::health::BoxStanding;
use logic::health::metrics::{DaemonFigures, MetricsFormat, MetricsInput, render};

use system::root;

/// Writes the file, readable for everybody.
///
/// # Errors
/// `config.textfile`, with what the file system says.
pub fn write(
    path: &Path,
    standing: &BoxStanding,
    daemon: Option<&DaemonFigures>,
) -> Result<(), Fault> {
    let sample = MetricsInput {
        standing: Some(standing),
        daemon,
        version: env!("CARGO_PKG_VERSION"),
    };
    let text = render(&sample, MetricsFormat::Text);
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
    let why = Box::new(fault.cause);
    Fault::new(Code::ConfigTextfile, ConfigCause::Metrics { why })
}
