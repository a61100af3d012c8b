//! The site keys of the box, as the configuration names their file.
//! Never makes a key, and never takes a file that cannot be read for none.
//! Called by whatever leaves the box sealed, by `doctor` and `status`, and by the verb `site`.

use std::path::Path;

use logic::entity::uri;
use logic::fault::{Code, ConfigCause, Fault, SiteCause};
use logic::settings::{Settings, SitePeer};
use logic::site::link::{LINK_KEYS, LinkKey};
use logic::site::talk::believed;
use logic::site::{OrganisationKey, SiteKey};

use super::Engine;
use crate::site::{self, SiteMember};

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

impl Engine {
    /// The keys of the file for this organisation, the one in force first.
    ///
    /// # Errors
    /// As `site_keys`; `config.no_organisation`.
    pub(super) fn organisation_keys(&self) -> Result<Vec<OrganisationKey>, Fault> {
        let keys = site_keys(&self.settings)?;
        let id = self.organisation()?;
        Ok(keys.iter().map(|key| key.of_organisation(&id)).collect())
    }

    /// The other boxes, as they are named or were found.
    pub fn peers(&self) -> Vec<SitePeer> {
        match self.settings.site.discovers() {
            true => site::found(&self.root),
            false => self.settings.site.peers.clone(),
        }
    }

    /// What asks the network for other boxes, for a second; `None` where it is not asked.
    pub fn looks_around(&self) -> Option<impl FnOnce() + Send + use<>> {
        let site = &self.settings.site;
        let port = site.listen.filter(|_| site.discovers())?.port();
        let root = self.root.clone();
        Some(move || site::look_around(&root, port))
    }

    /// Asks it, and waits for that.
    pub fn look_around(&self) {
        if let Some(look) = self.looks_around() {
            look();
        }
    }

    /// The box among those of its site. It proves the key of the file that is in force, for each of its organisations, and then
    /// those that follow from enrolment; a former key of the file proves nothing.
    ///
    /// # Errors
    /// `site.key_file`; `site.no_key` where there is no key at all; what the state folder says.
    pub fn site_member(&self) -> Result<SiteMember, Fault> {
        let file = match self.settings.site.key_file {
            Some(_) => site_keys(&self.settings)?.into_iter().next(),
            None => None,
        };
        let (mut keys, mut enrolled) = (Vec::new(), Vec::new());
        for one in self.organisations()? {
            // One that nobody knows the organisation of has no link yet.
            let Ok(id) = one.organisation() else { continue };
            keys.extend(file.as_ref().map(|key| key.of_organisation(&id).link()));
            enrolled.extend(one.enrolment_key(&id)?);
        }
        keys.extend(enrolled);
        keys.truncate(LINK_KEYS);
        match keys.is_empty() {
            true => Err(Fault::new(Code::SiteNoKey, SiteCause::NoKeyFile)),
            false => Ok(SiteMember {
                keys,
                box_id: self.of_first().identity()?.box_id,
            }),
        }
    }

    /// The same as who takes packages of this organisation: it proves, and tells their names to, those alone that it believes.
    ///
    /// # Errors
    /// As `site_member`; `config.no_organisation`.
    pub(super) fn package_taker(&self) -> Result<SiteMember, Fault> {
        let member = self.site_member()?;
        let own = self.enrolment_key(&self.organisation()?)?;
        let keys = believed(member.keys, own);
        Ok(SiteMember { keys, ..member })
    }

    /// The key that follows from the enrolment of this organisation, where its manager is known.
    fn enrolment_key(&self, id: &str) -> Result<Option<LinkKey>, Fault> {
        let enrolment = self.enrolment()?;
        let manager = enrolment.as_ref().and_then(|held| held.sync_user.as_ref());
        let hash = manager.and_then(|user| user.properties.first(uri::PASSWORD));
        Ok(hash.map(|hash| LinkKey::of_enrolment(id, hash)))
    }

    /// Whether this key follows from the enrolment of this organisation; not where that cannot be read.
    pub(super) fn is_enrolled_by(&self, key: &LinkKey) -> bool {
        let own = self.organisation().and_then(|id| self.enrolment_key(&id));
        let own = own.ok().flatten();
        own.is_some_and(|own| own.pseudonym("") == key.pseudonym(""))
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
