//! Reads the configuration, and keeps the last one that was good for the daemon (`logic::settings::force`).
//! Never waits at a file that is none, and never keeps what somebody else than the daemon has read.
//! Called by `cli`, by the daemon and its workers.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logic::fault::{Code, ConfigCause, Fault, OsCause};
use logic::settings::{Settings, SettingsInForce, Source};

use system::root::{Root, read_at_most, write_durably};

/// No configuration is a hundredth of this long.
const MAX_CONFIGURATION_BYTES: u64 = 1 << 20;

/// Reads the configuration: file, drop-ins in the order of their names, environment.
///
/// # Errors
/// `config.file` for a file or folder that cannot be read, or as `Settings::read`.
pub fn read(root: &Root) -> Result<Settings, Fault> {
    let mut texts = Vec::new();
    texts.extend(text(&root.config())?);
    for path in drop_ins(&root.drop_ins())? {
        texts.extend(text(&path)?);
    }
    let sources: Vec<Source> = texts
        .iter()
        .map(|(name, text)| Source { name, text })
        .collect();
    let settings = Settings::read(&sources, variables(std::env::vars_os()))?;
    Ok(zoned(root, settings))
}

/// The configuration that the daemon and its workers use.
pub fn in_force(root: &Root) -> SettingsInForce {
    SettingsInForce::of(read(root), || kept(root))
}

/// The last good configuration of the daemon; one that does not read is none.
pub fn kept(root: &Root) -> Option<Settings> {
    let (name, text) = text(&place(root)).ok()??;
    let source = Source {
        name: &name,
        text: &text,
    };
    let settings = Settings::read(&[source], std::iter::empty()).ok()?;
    Some(zoned(root, settings))
}

/// Keeps a good configuration, durably, where it is another one than before. The state folder is open already: what
/// lies in one that is new would keep a key from being made.
///
/// # Errors
/// What the file system says; then the one before is still kept.
pub fn keep(root: &Root, settings: &Settings) -> Result<(), Fault> {
    let path = place(root);
    let new = settings.kept();
    match read_at_most(&path, MAX_CONFIGURATION_BYTES) {
        Ok(old) if old == new.as_bytes() => Ok(()),
        _ => write_durably(&path, new.as_bytes()),
    }
}

fn place(root: &Root) -> PathBuf {
    root.state().join("configuration")
}

fn zoned(root: &Root, mut settings: Settings) -> Settings {
    settings.download.zone = crate::host::zone(root);
    settings
}

/// A file's name and text; `None` where there is none.
fn text(path: &Path) -> Result<Option<(String, String)>, Fault> {
    let bytes = match read_at_most(path, MAX_CONFIGURATION_BYTES) {
        Ok(bytes) => bytes,
        // A link to nothing is a mistake, a file that is not there is none.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(path, &io::Error::other(OsCause::NotUtf8)))?;
    Ok(Some((path.display().to_string(), text)))
}

/// The `*.toml` of the folder, in the order of their names.
fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(|error| unreadable(folder, &error))?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    Ok(paths)
}

/// The environment may hold any bytes; what of boxsync's is no UTF-8 is told as a value that cannot be used.
fn variables(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (String, String)> {
    let text = |bytes: OsString| bytes.to_string_lossy().into_owned();
    all.map(move |(name, value)| (text(name), text(value)))
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let cause = ConfigCause::Unreadable {
        path: path.display().to_string(),
        why: error.into(),
    };
    Fault::new(Code::ConfigFile, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_one_is_kept_for_its_owner_alone_and_rewritten_only_when_it_changes() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        vault::Vault::open(&root).unwrap();
        assert_eq!(kept(&root), None);
        let source = Source {
            name: "a",
            text: "[central]\nurl = \"http://127.0.0.1:9/\"\n",
        };
        let settings = Settings::read(&[source], std::iter::empty()).unwrap();
        keep(&root, &settings).unwrap();
        let first = fs::metadata(place(&root)).unwrap();
        assert_eq!(first.mode() & 0o777, 0o600);
        keep(&root, &settings).unwrap();
        assert_eq!(fs::metadata(place(&root)).unwrap().ino(), first.ino());
        assert_eq!(kept(&root).unwrap().central, settings.central);
        fs::write(place(&root), "[centr").unwrap();
        assert_eq!(kept(&root), None);
        keep(&root, &settings).unwrap();
        assert!(kept(&root).is_some());
    }

    #[test]
    fn folders_and_files_that_are_none_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let folder = root.drop_ins();
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let told = |what: &str, named: &Path| {
            let trouble = read(&root).unwrap_err();
            assert_eq!(trouble.code, Code::ConfigFile, "{what}");
            assert!(
                trouble.reason().contains(named.to_str().unwrap()),
                "{what}: {trouble}"
            );
        };
        read(&root).unwrap();
        fs::write(&folder, "").unwrap();
        told("a file", &folder);
        fs::remove_file(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &folder).unwrap();
        told("a loop", &folder);
        fs::remove_file(&folder).unwrap();
        std::os::unix::fs::symlink("nowhere", &folder).unwrap();
        told("a link to nothing", &folder);
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        let one = folder.join("10.toml");
        nix::unistd::mkfifo(&one, nix::sys::stat::Mode::S_IRWXU).unwrap();
        told("a FIFO", &one);
        fs::remove_file(&one).unwrap();
        fs::create_dir(&one).unwrap();
        told("a folder", &one);
    }
}
