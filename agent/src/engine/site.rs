//! The site keys of the box, as the configuration names their file.
//! Never makes a key, and never takes a file that cannot be read for none.
//! Called by whatever leaves the box sealed, by `doctor` and `status`, and by the verb `site`.

use std::path::Path;

use logic::fault::{Code, ConfigCause, Fault, SiteCause};
use logic::settings::Settings;
use logic::site::SiteKey;

use system::root::read_at_most;

/// More than a file of keys ever holds.
const KEY_FILE_LIMIT: u64 = 64 << 10;

/// The keys of the configuration, the one in force first.
///
/// # Errors
/// `site.no_key` where no file is named, `site.key_file` where it cannot be read or holds something else.
pub fn site_keys(settings: &Settings) -> Result<Vec<SiteKey>, Fault> {
    match &settings.site.key_file {
        Some(path) => site_key_file(path),
        None => Err(Fault::new(Code::SiteNoKey, SiteCause::NoKeyFile)),
    }
}

/// The keys of a file.
///
/// # Errors
/// `site.key_file`.
pub fn site_key_file(path: &Path) -> Result<Vec<SiteKey>, Fault> {
    let name = path.display().to_string();
    let bytes = read_at_most(path, KEY_FILE_LIMIT).map_err(|error| {
        let (path, why) = (name.clone(), (&error).into());
        Fault::new(Code::SiteKeyFile, ConfigCause::Unreadable { path, why })
    })?;
    let keys = String::from_utf8(bytes).ok();
    let keys = keys.and_then(|text| SiteKey::read(&text));
    keys.ok_or_else(|| Fault::new(Code::SiteKeyFile, SiteCause::NoKeyIn { path: name }))
}
