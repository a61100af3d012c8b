//! Keeps the file of figures after a verb that may have changed something, where no daemon does.
//! Never fails the verb: `doctor` and `config check` tell of a file that cannot be written.
//! Called by `cli` when a verb has ended.

use std::os::unix::net::UnixStream;

use logic::health::BoxStanding;
use logic::settings::SettingsInForce;

use crate::doctor::{opened, standing};
use system::clock;
use system::root::Root;

use crate::{metrics, settings};

/// Writes the file after a verb that may have changed something, where one is configured. A daemon does it itself.
pub(super) fn after_verb(root: &Root) {
    let SettingsInForce {
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
        Some(engine) => match engine.organisations() {
            Ok(all) => standing::take_worst(&all).1,
            Err(trouble) => standing::unreadable(&trouble),
        },
        // New, wiped or closed: not ready, and nothing is counted.
        None => BoxStanding {
            now: clock::now().wall,
            organisation: settings.this_box.organisation_id.clone(),
            ..BoxStanding::default()
        },
    };
    standing::misconfigured(&mut stands, fault.as_ref());
    // `doctor` and `config check` tell it; the verb has done its work.
    if let Err(fault) = metrics::write(path, &stands, None) {
        tracing::debug!(code = %fault.code, "{fault}");
    }
}
