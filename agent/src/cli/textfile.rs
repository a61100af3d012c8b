//! Keeps the file of figures after a verb that may have changed something, and pushes them after a run, where no daemon does.
//! Never fails the verb: `doctor` and `config check` tell of a file that cannot be written.
//! Called by `cli` when a verb has ended.

use std::os::unix::net::UnixStream;

use logic::health::BoxStanding;
use logic::health::metrics::pushed;
use logic::settings::SettingsInForce;

use super::screen::Screen;
use crate::doctor::{opened, standing};
use system::clock;
use system::root::Root;

use crate::{metrics, settings};

/// Writes the file after a verb that may have changed something, where one is configured, and pushes the figures if the
/// verb was a run (`is_run`). A daemon does it itself.
pub(super) fn after_verb(root: &Root, is_run: bool, screen: &Screen) {
    let SettingsInForce {
        settings, fault, ..
    } = settings::in_force(root);
    let Some(settings) = settings else { return };
    let path = settings.metrics.textfile.as_deref();
    let push = settings.metrics.push.as_ref().filter(|_| is_run);
    if path.is_none() && push.is_none() {
        return;
    }
    if UnixStream::connect(root.socket()).is_ok() {
        return;
    }
    let engine = opened(root, &settings);
    let mut stands = match &engine {
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
    let sample = metrics::sample(settings.sync.interval, Some(&stands), None);
    // `doctor` and `config check` tell it; the verb has done its work.
    if let Some(Err(fault)) = path.map(|path| metrics::write(path, &sample)) {
        tracing::debug!(code = %fault.code, "{fault}");
    }
    let identity = engine.as_ref().and_then(|engine| engine.identity().ok());
    if let (Some(to), Some(identity)) = (push, identity) {
        let figures = pushed(&sample);
        let sent = metrics::push(&settings, to, &identity.box_id, figures);
        if let Err(fault) = super::runtime(sent) {
            screen.notice(&fault);
        }
    }
}
