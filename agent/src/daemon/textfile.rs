//! Writes the file of the metrics, where one is configured.
//! Never looks at the box itself, and never holds up the loop.
//! Called by the keeper of the flags, whose look it is.

use logic::health::BoxStanding;

use crate::metrics;
use crate::socket::of_daemon;
use crate::socket::state::SharedState;
use system::journal;

/// The file, as far as it was written.
#[derive(Default)]
pub(super) struct Textfile {
    /// That it could not be written was told: once, until it was written again.
    told: bool,
}

impl Textfile {
    /// Writes what a look has found.
    pub(super) async fn write(&mut self, shared: &SharedState, standing: &BoxStanding) {
        let Some(path) = shared.settings().metrics.textfile.clone() else {
            return;
        };
        let (standing, daemon) = (standing.clone(), of_daemon(shared));
        let interval = shared.settings().sync.interval;
        let write = move || {
            let sample = metrics::sample(interval, Some(&standing), Some(&daemon));
            metrics::write(&path, &sample)
        };
        match system::task::spawn_blocking(write).await {
            Ok(Err(fault)) if !self.told => {
                journal::trouble(&fault);
                self.told = true;
            }
            Ok(Ok(())) => self.told = false,
            _ => {}
        }
    }
}
