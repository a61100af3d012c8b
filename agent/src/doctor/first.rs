//! The first layers: configuration, state folder, key, disk; and the facts that the plan depends on.
//! Never makes a state folder, a key or an identity, and never judges: `logic::health::seen` does.
//! Called by `doctor` before anything else.

use std::fs;
use std::path::Path;

use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault, FileAct};
use logic::health::Facts;
use logic::health::seen::{Disk, ReportedFault, ServiceConfig, StateFolder};
use logic::settings::{Proxy, Settings};
use nix::unistd::{AccessFlags, access};

use super::SeenSoFar;
use crate::engine::{self, Engine, survey};
use system::root::{Root, become_owner, is_temporary, lacks_inodes};
use uplink::{UplinkConfig, loopback};
use vault::catalogue::CatalogueStore;
use vault::{is_small_file, quarantined};

/// Opens the state folder if there is one, and if that is permitted; state, key and disk are told.
pub(super) async fn open(
    root: &Root,
    permitted: Result<(), Fault>,
    settings: &Settings,
    found: &SeenSoFar,
) -> Option<Engine> {
    let state = root.state();
    let path = state.display().to_string();
    if is_new(&state) {
        let disk = disk(&existing(&state), settings);
        found.see(|seen| {
            seen.state = Some(StateFolder::New(path));
            seen.disk = Some(disk);
        });
        return None;
    }
    let disk = disk(&state, settings);
    found.see(|seen| seen.disk = Some(disk));
    let opened = permitted
        .and_then(|()| become_owner(root))
        .and_then(|()| writable(&state))
        .and_then(|()| Engine::open(root, settings.clone()));
    match opened {
        Ok(engine) => {
            let folder = StateFolder::Opened {
                path,
                layout: system::root::LAYOUT,
                damaged: engine
                    .damaged()
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
                aside: aside(&state),
            };
            let beside = state.join(vault::key::KEY_NAME).exists();
            found.see(|seen| {
                seen.state = Some(folder);
                seen.key = Some(Ok(beside));
            });
            Some(engine)
        }
        Err(trouble) if trouble.code.is(Area::Key) => {
            found.see(|seen| {
                seen.state = Some(StateFolder::Locked(path));
                seen.key = Some(Err(trouble.into()));
            });
            None
        }
        Err(trouble) => {
            found.see(|seen| seen.state = Some(StateFolder::Failed(trouble.into())));
            None
        }
    }
}

/// Small files that did not open before.
fn aside(state: &Path) -> Vec<String> {
    let mut aside = quarantined(&state.join("quarantine"));
    aside.retain(|name| is_small_file(name));
    aside
}

/// Whether nothing was ever kept here: opening such a folder would make a key.
pub(super) fn is_new(state: &Path) -> bool {
    let entries = match fs::read_dir(state) {
        Ok(entries) => entries,
        // What may not be looked at is not new.
        Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
    };
    let mut names = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name());
    // A start that was cut may have left a file under a temporary name.
    !names.any(|name| {
        !["version", "lock", "lost+found"]
            .iter()
            .any(|known| name == **known)
            && !is_temporary(&name)
    })
}

/// The nearest folder above that exists.
fn existing(path: &Path) -> std::path::PathBuf {
    let found = path.ancestors().find(|path| path.is_dir());
    found.unwrap_or(Path::new("/")).to_owned()
}

fn writable(state: &Path) -> Result<(), Fault> {
    access(
        state,
        AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK,
    )
    .map_err(|error| system::root::trouble(state, FileAct::Write, &error.into()))
}

fn disk(folder: &Path, settings: &Settings) -> Disk {
    Disk {
        path: folder.display().to_string(),
        free: survey::free(folder),
        reserve: settings.download.reserve.bytes(),
        takes_files: !lacks_inodes(folder),
    }
}

/// Where central is, by the line that the daemon uses where one runs; a flaw of the configuration is told, unless one
/// is told already.
pub(super) fn line(
    settings: &Settings,
    daemon: Option<&ServiceConfig>,
    found: &SeenSoFar,
) -> Option<UplinkConfig> {
    if found.look(|seen| seen.config.is_some()) {
        return None;
    }
    let line = line_of(settings, daemon, String::new());
    let told = match &line {
        Ok(line) => Ok(line.root.to_string()),
        Err(trouble) => Err(trouble.clone().into()),
    };
    found.see(|seen| seen.config = Some(told));
    line.ok()
}

/// The line that is configured, with the proxy of a daemon that runs: its environment is not that of this command. The
/// password of the proxy's user is known here only where both have the same proxy.
pub(super) fn line_of(
    settings: &Settings,
    daemon: Option<&ServiceConfig>,
    box_id: String,
) -> Result<UplinkConfig, Fault> {
    let mut line = engine::line(settings, box_id)?;
    if let Some(daemon) = daemon {
        let own = line.proxy.as_ref().map(|proxy| proxy.url.origin());
        if own != daemon.proxy {
            let text = daemon.proxy.as_deref();
            line.proxy = text.and_then(|text| Proxy::parse(text).ok());
            line.proxy_password = None;
        }
        line.no_proxy.clone_from(&daemon.no_proxy);
    }
    Ok(line)
}

/// What is wrong with the configuration for the user that the daemon runs as, which this process is by now; or what a
/// daemon that runs says of it.
pub(super) fn of_daemon(root: &Root, daemon: Option<&ServiceConfig>) -> Option<ReportedFault> {
    let told = daemon.and_then(|daemon| daemon.fault.clone());
    told.or_else(|| {
        let trouble = crate::settings::read(root).err();
        trouble
            .filter(|trouble| trouble.code == Code::ConfigFile)
            .map(Into::into)
    })
}

/// Keys that a synchronization needs and that neither the configuration nor anything else tells.
pub(super) fn missing(
    root: &Root,
    settings: &Settings,
    engine: Option<&Engine>,
) -> Vec<ReportedFault> {
    let version = match engine {
        Some(engine) => engine.version(),
        None => engine::version(root, settings),
    };
    let organisation = engine
        .filter(|engine| matches!(engine.enrolment(), Ok(Some(_))))
        .map(Engine::organisation);
    let lacks = [organisation.and_then(Result::err), version.err()];
    lacks
        .into_iter()
        .flatten()
        .filter(|trouble| trouble.code.is(Area::Config))
        .map(Into::into)
        .collect()
}

/// What the plan depends on.
pub(super) fn facts(
    root: &Root,
    settings: &Settings,
    engine: Option<&Engine>,
    line: Option<&UplinkConfig>,
) -> Facts {
    let enrolled = engine.is_some_and(|engine| matches!(engine.enrolment(), Ok(Some(_))));
    let deliveries = engine
        .and_then(|engine| CatalogueStore::open(engine.vault()).ok()?.shown().ok())
        .is_some_and(|edition| edition.count(EntityType::Delivery) > 0);
    let identified =
        engine.is_some_and(|engine| engine.organisation().is_ok() && engine.version().is_ok());
    Facts {
        offline: false,
        url: line.is_some(),
        https: settings.central.url.as_ref().is_some_and(|url| url.https),
        proxy: line.is_some_and(|line| line.proxy.is_some()),
        loopback: line.is_some_and(|line| loopback(target(line).0)),
        new: is_new(&root.state()),
        opened: engine.is_some(),
        enrolled,
        identified,
        deliveries,
        store: root.state().join("index").is_dir(),
        runs: engine.is_some_and(|engine| matches!(engine.last(), Ok(Some(_)))),
        systemd: systemd(root),
    }
}

/// Whether systemd runs this machine, and the root is its root.
pub(super) fn systemd(root: &Root) -> bool {
    root.state().starts_with("/var/lib") && Path::new("/run/systemd/system").is_dir()
}

/// Whom the box connects to: the proxy where there is one, else central.
pub(super) fn target(line: &UplinkConfig) -> (&str, u16) {
    match line.proxy.as_ref().filter(|_| !loopback(&line.root.host)) {
        Some(proxy) => (&proxy.url.host, proxy.url.port),
        None => (&line.root.host, line.root.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_box_is_looked_at_without_making_anything() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("var/lib/boxsync");
        assert!(is_new(&state));
        assert_eq!(existing(&state), dir.path());
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("version"), "1\n").unwrap();
        assert!(is_new(&state));
        fs::write(state.join("data.key"), "x").unwrap();
        assert!(!is_new(&state));
    }
}
