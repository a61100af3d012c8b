//! Editions of packages that a reader named: they stay readable when another one takes their place.
//! Never copies a byte (hard links), and never outlives what `logic::package::stays` grants.
//! Called by the local API, which alone writes here.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use logic::fault::{Fault, FileAct};
use logic::seal::NameHash;

use super::{Content, Meta, PackageStore};
use system::root::{listed, make_folder, sync_folder, trouble};

impl PackageStore {
    fn kept_path(&self, edition: [u8; 16], extension: &str) -> PathBuf {
        let name = NameHash(edition);
        self.folder.join("kept").join(format!("{name}.{extension}"))
    }

    /// Keeps an edition that a reader named now. One that is kept already counts as named anew.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(&self, meta: &Meta) -> Result<(), Fault> {
        let described = self.kept_path(meta.edition, "meta");
        if described.exists() {
            return self.named_now(meta);
        }
        let data = self.kept_path(meta.edition, "data");
        make_folder(&self.folder.join("kept"))?;
        match fs::hard_link(self.data_path(meta), &data) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(trouble(&data, FileAct::Link, &error));
            }
            _ => {}
        }
        sync_folder(&data)?;
        self.write_meta(&described, meta)
    }

    fn named_now(&self, meta: &Meta) -> Result<(), Fault> {
        let path = self.kept_path(meta.edition, "meta");
        let named = File::options().append(true).open(&path);
        named
            .and_then(|file| file.set_modified(SystemTime::now()))
            .map_err(|error| trouble(&path, FileAct::Touch, &error))
    }

    /// The kept edition of this name, whatever is held now.
    ///
    /// # Errors
    /// As `held`.
    pub fn kept(&self, edition: [u8; 16]) -> Result<Option<Meta>, Fault> {
        self.read_meta(&self.kept_path(edition, "meta"))
    }

    /// Opens the content of a kept edition.
    ///
    /// # Errors
    /// What the file system says.
    pub fn kept_content(&self, meta: &Meta) -> Result<Content, Fault> {
        self.content_at(meta, self.kept_path(meta.edition, "data"))
    }

    /// Lets go of what does not stay: `stays` is told how many seconds ago an edition was named last. While `renew` is
    /// set all that are kept count as named now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn release(&self, renew: bool, stays: impl Fn(u64) -> bool) -> Result<(), Fault> {
        let folder = self.folder.join("kept");
        let paths = match listed(&folder) {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(trouble(&folder, FileAct::List, &error)),
        };
        let is = |path: &PathBuf, extension: &str| path.extension().is_some_and(|e| e == extension);
        for path in paths.iter().filter(|path| is(path, "meta")) {
            if renew {
                if let Ok(Some(meta)) = self.read_meta(path) {
                    self.named_now(&meta)?;
                }
                continue;
            }
            let named = fs::metadata(path).and_then(|file| file.modified());
            // A clock that went back says nothing: it counts from now.
            let ago = named.ok().and_then(|at| at.elapsed().ok());
            if !stays(ago.map_or(0, |ago| ago.as_secs())) {
                fs::remove_file(path).map_err(|error| trouble(path, FileAct::Remove, &error))?;
            }
        }
        // Content that nothing describes: of what went now, or of a link that a power cut left alone.
        for path in paths.iter().filter(|path| is(path, "data")) {
            if !path.with_extension("meta").exists() {
                fs::remove_file(path).map_err(|error| trouble(path, FileAct::Remove, &error))?;
            }
        }
        Ok(())
    }
}
