//! `config`: whether the configuration is sound, and what is in force.
//! Never opens the state folder and never prints a secret.
//! Called by `cli`.

use clap::Subcommand;
use logic::settings::Settings;
use logic::words::Trouble;

use super::screen::Screen;
use super::settings;
use crate::root::Root;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Reads it and tells what is wrong.
    Check,
    /// Prints what is in force, and where each value comes from.
    Show,
    /// Prints every key with its meaning and its default.
    Defaults,
}

pub(super) fn act(root: &Root, act: Act, screen: &Screen) -> Result<u8, Trouble> {
    match act {
        Act::Defaults => screen.line(Settings::document().trim_end()),
        Act::Show => {
            let settings = settings(root)?;
            if screen.json {
                screen.object(settings.json())
            } else {
                screen.line(settings.explain().trim_end())
            }
        }
        Act::Check => {
            settings(root)?.central()?;
            screen.say("the configuration is sound");
        }
    }
    Ok(0)
}
