//! What the box shows of its images: which runs, which lie beside it, which were tried in vain; and what is to come.
//! Never decides what follows: that is `logic::update`.
//! Called by the verb `update`, by `doctor::standing`, and by whoever looks for findings.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use logic::fault::{Code, ConfigCause, Fault, FileAct, Finding};
use logic::identity;
use logic::update::note::{UpdateKept, UpdateNote};
use logic::update::slot::{BootEntries, BootEntry, slots};
use logic::update::{UpdateSeen, UpdateStep};

use super::Engine;
use system::clock;
use system::root::{Root, trouble};
use vault::identity::Identities;

/// Where systemd-sysupdate lies.
pub const INSTALLER: &str = "usr/lib/systemd/systemd-sysupdate";
/// Where the labels of partitions lie.
const LABELS: &str = "dev/disk/by-partlabel";
/// Where boot entries lie (UAPI.1, "The Boot Loader Specification").
const ENTRIES: [&str; 6] = [
    "efi/EFI/Linux",
    "boot/EFI/Linux",
    "boot/efi/EFI/Linux",
    "efi/loader/entries",
    "boot/loader/entries",
    "boot/efi/loader/entries",
];
/// The file of what is to come.
const NOTE: &str = "update";

/// The images of a box.
pub struct ImageSlots {
    /// Version of the one that runs; `None` where it is none of ours.
    pub running: Option<String>,
    /// What the boot entries say.
    pub entries: BootEntries,
    /// Places, where something can fill them.
    pub places: usize,
}

impl ImageSlots {
    /// Looks.
    ///
    /// # Errors
    /// Of a folder that may not be looked at: what was tried in vain would be tried again.
    pub fn of(root: &Root) -> Result<Self, Fault> {
        let release = fs::read_to_string(root.os_release()).unwrap_or_default();
        let running = identity::version(None, &release).ok();
        let mut entries = Vec::new();
        for folder in ENTRIES {
            let names = names(&root.host(folder))?;
            entries.extend(names.iter().filter_map(|name| BootEntry::of(name)));
        }
        let places = match root.host(INSTALLER).exists() {
            true => slots(names(&root.host(LABELS))?.iter().map(String::as_str)),
            false => 0,
        };
        Ok(Self {
            entries: BootEntries::of(&entries, running.as_deref().unwrap_or_default()),
            running,
            places,
        })
    }
}

/// The names in a folder; none where there is none.
fn names(folder: &Path) -> Result<Vec<String>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(Vec::new());
        }
        // What cannot be read now may hold a version that failed.
        Err(error) => return Err(trouble(folder, FileAct::Read, &error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}

impl Engine {
    /// Who this box is, where that can be read.
    pub fn box_id(&self) -> Option<String> {
        let held = Identities::of(&self.vault).read().ok()?;
        held.identity.map(|identity| identity.box_id)
    }

    /// The image that is to come, as far as the source was asked.
    pub fn renewal(&self) -> Option<UpdateNote> {
        self.update_kept()?.note
    }

    fn update_kept(&self) -> Option<UpdateKept> {
        self.settings.update.source.as_ref()?;
        self.vault.entry(NOTE).get().ok().flatten()
    }

    /// Keeps what follows from asking the source.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_renewal(&self, seen: &UpdateSeen, step: &UpdateStep) -> Result<(), Fault> {
        let before = self.update_kept();
        let kept = UpdateKept::of(seen, step, before.clone());
        match before.as_ref() == Some(&kept) {
            true => Ok(()),
            false => self.vault.entry(NOTE).put(&kept),
        }
    }

    /// What is to be told of renewing the box, where a source of images is configured and was asked.
    pub(super) fn update_notices(&self) -> Vec<Finding> {
        let Some(kept) = self.update_kept() else {
            return Vec::new();
        };
        let waits = kept.note.and_then(|note| {
            let days = note.waits_long(clock::now().wall)?;
            let version = note.version;
            Some((Code::UpdateHeld, ConfigCause::ImageWaits { version, days }))
        });
        let failed = (!kept.failed.is_empty()).then(|| {
            let versions = kept.failed.join(", ");
            (Code::UpdateFailed, ConfigCause::ImageFailed { versions })
        });
        let slots = kept.places;
        let impossible =
            (slots < 2).then_some((Code::UpdateImpossible, ConfigCause::NoSecondPlace { slots }));
        let found = [impossible, failed, waits].into_iter().flatten();
        found
            .map(|(code, cause)| Fault::new(code, cause).into())
            .collect()
    }
}
