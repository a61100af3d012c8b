//! Brings an image into the state folder, for systemd-sysupdate to install from there: manifest, signature, root, boot entry.
//! Never gives a file its name before its SHA-256 is that of the manifest; never keeps what no manifest names.
//! Called by the verb `update install`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logic::api::Call;
use logic::fault::{Code, ConfigCause, Fault, FileAct};
use logic::range::{ContentRange, content_length};
use logic::rate::Rate;
use logic::settings::Settings;
use logic::update::image::{ImageAnswer, ImageFile, ImageHash, answer, files_of};

use super::survey;
use nix::fcntl::Flock;
use system::clock;
use system::root::{
    listed, lock_folder, make_folder, remove_durably, rename_durably, trouble, write_durably,
};
use uplink::Uplink;
use vault::Vault;

/// Where the files of an image lie, below the state folder: the source that the transfers of systemd-sysupdate name.
const FOLDER: &str = "image";
const MANIFEST: &str = "SHA256SUMS";
const SIGNATURE: &str = "SHA256SUMS.gpg";
/// Signatures are a hundredth of this long.
const SIGNATURE_LIMIT: usize = 64 << 10;
/// So often a file is gone on with in one go after its line was cut; later calls go on all the same.
const CUTS: u32 = 20;
/// So often it is asked whether the line is needed for something else.
const ASKED: Duration = Duration::from_secs(1);

/// The folder of the image that is to be installed.
pub struct ImageFolder {
    path: PathBuf,
}

impl ImageFolder {
    /// The one of this box.
    pub fn of(vault: &Vault) -> Self {
        Self {
            path: vault.state().join(FOLDER),
        }
    }

    /// Keeps it from other processes: what one brings another one must not take away, and one installs at a time.
    ///
    /// # Errors
    /// What the file system says.
    pub fn hold(&self) -> Result<Flock<File>, Fault> {
        make_folder(&self.path)?;
        lock_folder(&self.path)
    }

    /// Brings a version, into a folder that is held; gives whether all of it is there. It is not where `may_go` said that the line is needed. What was
    /// flushed before a cut is not fetched again.
    ///
    /// # Errors
    /// `update.image` for an image that is not there, damaged or too large; what the line or the disk says.
    pub async fn bring(
        &self,
        source: &Uplink,
        manifest: &str,
        version: &str,
        settings: &Settings,
        may_go: &dyn Fn() -> bool,
    ) -> Result<bool, Fault> {
        let files = files_of(manifest, version).ok_or_else(|| {
            let name = format!("boxsync_{version}");
            Fault::new(Code::UpdateImage, ConfigCause::ImageUnlisted { name })
        })?;
        let signature = signature(source).await?;
        self.keep_only(&files)?;
        write_durably(&self.path.join(MANIFEST), manifest.as_bytes())?;
        write_durably(&self.path.join(SIGNATURE), &signature)?;
        let mut rate = Rate::new(settings.download.max_rate.bytes());
        for file in &files {
            let whole = self.path.join(&file.name);
            // A name says nothing of its content: what lies there may be of a list before this one.
            if whole.exists() {
                if is_whole(&whole, file)? {
                    continue;
                }
                remove_durably(&whole)?;
            }
            let part = self.path.join(file.part());
            if !self
                .fetch(source, file, &part, settings, &mut rate, may_go)
                .await?
            {
                return Ok(false);
            }
            if !is_whole(&part, file)? {
                remove_durably(&part)?;
                let name = file.name.clone();
                return Err(Fault::new(
                    Code::UpdateImage,
                    ConfigCause::ImageDamaged { name },
                ));
            }
            rename_durably(&part, &whole)?;
        }
        Ok(true)
    }

    /// It is installed, or could not be: nothing of it stays.
    ///
    /// # Errors
    /// What the file system says.
    pub fn clear(&self) -> Result<(), Fault> {
        self.keep_only(&[])
    }

    fn keep_only(&self, files: &[ImageFile]) -> Result<(), Fault> {
        for path in listed(&self.path).unwrap_or_default() {
            let is = |name: &str| path.file_name().is_some_and(|found| found == name);
            let is_kept = files.iter().any(|file| is(&file.name) || is(&file.part()));
            if !is_kept {
                remove_durably(&path)?;
            }
        }
        Ok(())
    }

    /// Goes on with a file until it has all of its bytes; gives whether it has.
    async fn fetch(
        &self,
        source: &Uplink,
        file: &ImageFile,
        path: &Path,
        settings: &Settings,
        rate: &mut Rate,
        may_go: &dyn Fn() -> bool,
    ) -> Result<bool, Fault> {
        let failed = |error: &std::io::Error| trouble(path, FileAct::Write, error);
        let mut part = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| failed(&error))?;
        let window = settings.download.window_flush.bytes().max(1 << 16);
        let must_fit = |more: u64| {
            let free = survey::free(&self.path).unwrap_or(u64::MAX);
            let name = file.name.clone();
            match more.saturating_add(settings.download.reserve.bytes()) <= free {
                true => Ok(()),
                false => Err(Fault::new(
                    Code::UpdateImage,
                    ConfigCause::ImageNoRoom { name },
                )),
            }
        };
        let mut held = part.metadata().map_err(|error| failed(&error))?.len();
        let mut cuts = 0;
        loop {
            if !may_go() {
                return Ok(false);
            }
            let before = held;
            let mut opened = source.open(&Call::image(&file.name, held)).await?;
            let field = opened.header("content-range");
            let range = field.and_then(ContentRange::parse);
            let refused_of = field.and_then(ContentRange::unsatisfied);
            match answer(held, opened.status, range, refused_of) {
                ImageAnswer::Whole => return Ok(true),
                ImageAnswer::Take(from) => held = from,
                ImageAnswer::Again => {
                    part.set_len(0).map_err(|error| failed(&error))?;
                    held = 0;
                    continue;
                }
                ImageAnswer::Refused => {
                    let (place, status) = (file.name.clone(), opened.status);
                    let cause = ConfigCause::NoImage { place, status };
                    return Err(Fault::new(Code::UpdateImage, cause));
                }
            }
            let rest = opened.header("content-length").and_then(content_length);
            let rest = rest.or(range.map(|range| range.total.saturating_sub(held)));
            must_fit(rest.unwrap_or(0))?;
            part.set_len(held).map_err(|error| failed(&error))?;
            let (mut flushed, mut asked) = (held, clock::now().mono);
            let ended = loop {
                let piece = match opened.chunk().await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break None,
                    Err(fault) => break Some(fault),
                };
                part.write_all(&piece).map_err(|error| failed(&error))?;
                held += piece.len() as u64;
                let wait = rate.spend(piece.len() as u64, clock::now().mono);
                if held - flushed >= window {
                    part.sync_data().map_err(|error| failed(&error))?;
                    flushed = held;
                    // A length is only what the server says.
                    must_fit(0)?;
                }
                let now = clock::now().mono;
                if now.saturating_sub(asked) >= ASKED {
                    asked = now;
                    if !may_go() {
                        part.sync_data().map_err(|error| failed(&error))?;
                        return Ok(false);
                    }
                }
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
            };
            part.sync_data().map_err(|error| failed(&error))?;
            let is_piece = range.is_some_and(|range| held < range.total);
            cuts += 1;
            match ended {
                // A piece of it, as some servers give: the rest is asked for.
                None if is_piece && held > before && cuts <= CUTS => {}
                None => return Ok(true),
                // A line that gives nothing any more is one to come back to later.
                Some(fault) if held <= before || cuts > CUTS => return Err(fault),
                Some(_) => {}
            }
        }
    }
}

async fn signature(source: &Uplink) -> Result<Vec<u8>, Fault> {
    let reply = source.call(&Call::beside_manifest(SIGNATURE)).await?;
    if reply.status != 200 || reply.body.len() > SIGNATURE_LIMIT {
        let (place, status) = (SIGNATURE.to_owned(), reply.status);
        let cause = ConfigCause::NoImage { place, status };
        return Err(Fault::new(Code::UpdateImage, cause));
    }
    Ok(reply.body)
}

/// Whether the file has the content that the manifest names.
fn is_whole(path: &Path, file: &ImageFile) -> Result<bool, Fault> {
    let failed = |error: std::io::Error| trouble(path, FileAct::Read, &error);
    let mut read = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer) = (ImageHash::default(), vec![0; 64 << 10]);
    loop {
        match read.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hash.is(file)),
            length => hash.take(&buffer[..length]),
        }
    }
}
