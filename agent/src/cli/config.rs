//! `config`: whether the configuration is sound, and what is in force.
//! Never opens the state folder and never prints a secret.
//! Called by `cli`.

use clap::Subcommand;
use logic::fault::{Code, ConfigCause, Fault, Finding, FoundAt};
use logic::phrase;
use logic::settings::Settings;
use serde_json::json;

use super::screen::Screen;
use super::words::ActTerm;
use crate::engine;
use crate::metrics;
use crate::settings;
use system::root::{Root, become_owner};
use uplink::Uplink;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Reads it and tells what is wrong.
    Check,
    /// Prints what is in force, and where each value comes from.
    Show,
    /// Prints every key with its meaning and its default.
    Defaults,
}

pub(super) fn act(root: &Root, act: ConfigVerb, screen: &Screen) -> Result<u8, Fault> {
    match act {
        ConfigVerb::Defaults => screen.text("text", &Settings::document()),
        ConfigVerb::Show => {
            let settings = settings::read(root)?;
            if screen.json {
                screen.object(settings.json())
            } else {
                screen.text("text", &settings.explain())
            }
        }
        ConfigVerb::Check => {
            let warnings = check(root)?;
            for warning in &warnings {
                let told = phrase::cause(screen.language, Some(&warning.code), &warning.cause);
                let code = warning.code.to_string();
                screen.say(&screen.told(&ActTerm::Warning { told, code }));
            }
            if screen.json {
                screen.object(json!({ "outcome": "finished", "code": "ok", "warnings": warnings }));
            }
            screen.say(&screen.told(&ActTerm::Sound));
        }
    }
    Ok(0)
}

/// Everything that a synchronization needs of it, the files that it names too; what is unwise is told, and is no fault.
fn check(root: &Root) -> Result<Vec<Finding>, Fault> {
    let settings = settings::read(root)?;
    let url = settings.central()?;
    // As the service sees the files; somebody who may not become its user sees them as he can.
    let _ = become_owner(root);
    let line = engine::line(&settings, String::new())?;
    Uplink::new(line, None)?;
    let mut warnings = Vec::new();
    if !url.https && !uplink::loopback(&url.host) {
        let place = settings.origin("central", "url");
        let place = place.map(|place| place.to_string());
        let cause = ConfigCause::PlainHttp {
            place: place.map(|place| FoundAt::At { place }),
            url: url.to_string(),
        };
        warnings.push(Finding::new(Code::ConfigPlainHttp, cause));
    }
    let textfile = settings.metrics.textfile.as_deref();
    if let Some(Err(fault)) = textfile.map(metrics::check) {
        warnings.push(Finding::new(fault.code, fault.cause));
    }
    Ok(warnings)
}
