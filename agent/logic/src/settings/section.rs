//! What a key of the configuration is, and the sections that keys stand in.
//! Never names a key: the table of `key` does.
//! Called by that table and whoever walks it.

use super::Settings;
use super::value::SettingValue;
use crate::fault::SettingForm;

/// One key of the configuration.
pub(super) struct SettingKey {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// What it does, one sentence or two.
    pub(super) doc: &'static str,
    /// The default as TOML; none for a key that may be absent.
    pub(super) default: Option<&'static str>,
    /// A legal value as TOML.
    pub(super) example: &'static str,
    pub(super) set: fn(&mut Settings, &SettingValue) -> Result<(), SettingForm>,
    /// The value in force; none when the key is absent.
    pub(super) show: fn(&Settings) -> Option<SettingValue>,
}

impl SettingKey {
    /// The environment variable that overrides the key.
    pub(super) fn variable(&self) -> String {
        format!("BOXSYNC_{}_{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// The sections in the order of a printed configuration, and what each is about.
pub(super) const SECTIONS: [(&str, &str); 12] = [
    ("central", "The TAO central server and the way to it."),
    ("box", "Who this box is, and who may speak with it."),
    (
        "api",
        "What each program on this box may do at the local socket.",
    ),
    ("sync", "When and how it synchronizes."),
    ("download", "How test packages are fetched."),
    (
        "results",
        "What candidates produced, on its way to central.",
    ),
    (
        "gateway",
        "The server half of the protocol, for a TAO on this box.",
    ),
    ("site", "What the boxes of the organisation share."),
    ("page", "The status page."),
    ("link", "What the link should be able to do."),
    ("metrics", "Figures for a collector of the site."),
    ("update", "When a new image of the box may be installed."),
];
