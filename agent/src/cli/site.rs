//! `site key`: the key of the organisation's boxes, made, taken from another box, and known by its fingerprint.
//! Never prints a key, and never overwrites one: those before stay in the file, so that what they sealed can be read.
//! Called by `cli`.

mod status;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use logic::fault::{Code, Fault, FileAct, SiteCause};
use logic::site::SiteKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::caller::{Output, unmade};
use super::screen::Screen;
use super::words::ActTerm;
use crate::engine::{site_key_file, site_keys};
use crate::settings;
use system::root::{Root, permits, trouble, write_durably};

/// What is done with what the boxes share.
#[derive(Debug, Subcommand)]
pub(super) enum SiteVerb {
    /// Its fingerprint; or makes one, or takes that of another box.
    Key {
        #[command(subcommand)]
        act: Option<SiteKeyVerb>,
    },
    /// Asks each box of `peers` in section [site] how it stands.
    Status,
}

/// What is done with the site key.
#[derive(Debug, Subcommand)]
pub(super) enum SiteKeyVerb {
    /// Makes a key in a new file.
    New {
        /// New file.
        file: PathBuf,
    },
    /// Takes the key of another box; those before stay, so that what they sealed can be read.
    Import {
        /// File that was made on another box.
        file: PathBuf,
    },
}

pub(super) fn act(root: &Root, act: SiteVerb, screen: &Screen) -> Result<u8, Fault> {
    let act = match act {
        SiteVerb::Key { act } => act,
        SiteVerb::Status => return status::status(&super::open(root)?, screen),
    };
    match act {
        None => {
            permits(root)?;
            let settings = settings::read(root)?;
            let keys = site_keys(&settings)?;
            let path = settings.site.key_file.unwrap_or_default();
            tell(&keys, &path, screen);
        }
        Some(SiteKeyVerb::New { file }) => {
            let keys = [SiteKey::new(vault::random())];
            let mut made = Output::make(&file)?;
            made.write(Zeroizing::new(SiteKey::file(&keys)).as_bytes())?;
            made.sync()?;
            made.done();
            hand_over(root, &file)?;
            tell(&keys, &file, screen);
            let path = file.display().to_string();
            screen.say(&screen.told(&ActTerm::NameSiteKey { path }));
        }
        Some(SiteKeyVerb::Import { file }) => {
            permits(root)?;
            let new = site_key_file(&file)?;
            let held = settings::read(root)?.site.key_file;
            let held = held.ok_or_else(|| Fault::new(Code::SiteNoKey, SiteCause::NoKeyFile))?;
            let former = match held.exists() {
                true => site_key_file(&held)?,
                false => Vec::new(),
            };
            let keys = SiteKey::before(new, former);
            write_durably(&held, Zeroizing::new(SiteKey::file(&keys)).as_bytes())?;
            hand_over(root, &held)?;
            tell(&keys, &held, screen);
        }
    }
    Ok(0)
}

fn tell(keys: &[SiteKey], path: &Path, screen: &Screen) {
    let mut prints = keys.iter().map(SiteKey::fingerprint);
    let print = prints.next().unwrap_or_default();
    let path = path.display().to_string();
    match screen.json {
        true => screen.object(json!({
            "fingerprint": print, "former": prints.collect::<Vec<_>>(), "path": path,
        })),
        false => screen.line(&screen.told(&ActTerm::SiteKey { print, path })),
    }
}

/// What root made for the service is the service's: mode 0600, of the owner of the state folder.
fn hand_over(root: &Root, path: &Path) -> Result<(), Fault> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let Ok(owner) = fs::metadata(root.state()) else {
        return Ok(());
    };
    chown(path, Some(owner.uid()), Some(owner.gid())).map_err(|error| unmade(path, &error))?;
    let file = fs::File::open(path).and_then(|file| file.sync_all());
    file.map_err(|error| trouble(path, FileAct::Sync, &error))
}
