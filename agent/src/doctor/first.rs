//! The first layers: configuration, state folder, key, disk; and the facts that the plan depends on.
//! Never makes a state folder, a key or an identity.
//! Called by `doctor` before anything else.

use std::fs;
use std::path::Path;

use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::health::verdict::counted;
use logic::health::{Check, Facts, Finding};
use logic::settings::Settings;
use nix::unistd::{AccessFlags, access};

use super::Found;
use crate::engine::{self, Engine, survey};
use crate::root::{Root, become_owner, is_temporary, lacks_inodes};
use crate::uplink::{Line, loopback};
use crate::vault::catalogue::Catalogue;
use crate::vault::{is_small_file, quarantined};

/// Below this much free disk nothing works any more.
const ALMOST_FULL: u64 = 64 << 20;

/// Opens the state folder if there is one; state, key and disk are told.
pub(super) async fn open(root: &Root, settings: &Settings, found: &Found) -> Option<Engine> {
    let state = root.state();
    if is_new(&state) {
        let summary = format!("{}: empty or missing, the box is new", state.display());
        found.tell(Check::State, Finding::warn(Code::StateNew, summary));
        found.tell(Check::Key, Finding::skip(Check::Key, "the box is new"));
        disk(&existing(&state), settings, found);
        return None;
    }
    disk(&state, settings, found);
    match become_owner(root).and_then(|()| writable(&state)) {
        Ok(()) => {}
        Err(trouble) => {
            found.tell(Check::State, Finding::fail(trouble.code, trouble.reason));
            return None;
        }
    }
    match Engine::open(root, settings.clone()) {
        Ok(engine) => {
            found.tell(Check::State, folder(&engine, &state));
            found.tell(Check::Key, key(&state));
            Some(engine)
        }
        Err(trouble) if trouble.code.is(Area::Key) => {
            let summary = format!("{}: there", state.display());
            found.tell(Check::State, Finding::pass(Check::State, summary));
            found.tell(Check::Key, Finding::fail(trouble.code, trouble.reason));
            None
        }
        Err(trouble) => {
            found.tell(Check::State, Finding::fail(trouble.code, trouble.reason));
            None
        }
    }
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
    .map_err(|error| crate::root::trouble(state, "write", &error.into()))
}

/// The folder can be used; small files of it that did not open are told, since a disk that flips bits goes on doing so.
fn folder(engine: &Engine, state: &Path) -> Finding {
    let damaged = engine.damaged();
    let mut aside = quarantined(&state.join("quarantine"));
    aside.retain(|name| is_small_file(name));
    let of_identity = |name: &str| name.starts_with("identity");
    let names = || {
        damaged
            .iter()
            .copied()
            .chain(aside.iter().map(String::as_str))
    };
    let detail = names().collect::<Vec<_>>().join(", ");
    if names().any(of_identity) {
        let now = damaged.iter().any(|name| of_identity(name));
        let summary = match now {
            true => {
                "a copy of the box's identity does not open: the next synchronization writes it anew"
            }
            false => "a copy of the box's identity did not open and was written anew",
        };
        return Finding::warn(Code::IdentityDamaged, summary).detail(detail);
    }
    match damaged.len() + aside.len() {
        0 => {
            let layout = crate::root::LAYOUT;
            let summary = format!("{}: writable, layout {layout}", state.display());
            Finding::pass(Check::State, summary)
        }
        number => {
            let summary = counted(
                number as u64,
                "file of the state folder did not open",
                "files of the state folder did not open",
            );
            Finding::warn(Code::StateQuarantined, summary).detail(detail)
        }
    }
}

/// A key that lies beside the data keeps nobody with the disk in hand from reading it; that is said, not blamed.
fn key(state: &Path) -> Finding {
    let beside = state.join(crate::vault::key::KEY_NAME).exists();
    if beside {
        Finding::pass(Check::Key, "the key opens the data")
            .detail("the key lies beside the data: it does not protect a stolen disk")
    } else {
        Finding::pass(
            Check::Key,
            "the key is a credential of systemd and opens the data",
        )
    }
}

fn disk(folder: &Path, settings: &Settings, found: &Found) {
    let finding = match survey::free(folder) {
        Some(free) => room(
            free,
            settings.download.reserve.bytes(),
            !lacks_inodes(folder),
        ),
        None => Finding::fail(
            Code::StateIo,
            format!("{}: cannot be measured", folder.display()),
        ),
    };
    found.tell(Check::Disk, finding);
}

fn room(free: u64, reserve: u64, nodes: bool) -> Finding {
    let mib = |bytes: u64| bytes >> 20;
    let summary = format!(
        "{} MiB free, {} MiB kept for results",
        mib(free),
        mib(reserve)
    );
    if !nodes {
        Finding::fail(
            Code::DiskInodes,
            "the volume has room, but takes no more files (inodes)",
        )
    } else if free < ALMOST_FULL {
        Finding::fail(Code::DiskFull, summary)
    } else if free < reserve {
        Finding::warn(Code::DiskReserve, summary)
    } else {
        Finding::pass(Check::Disk, summary)
    }
}

/// Where central is; a flaw of the configuration is told, unless one is told already.
pub(super) fn line(settings: &Settings, found: &Found) -> Option<Line> {
    let told = found
        .0
        .lock()
        .is_ok_and(|found| found.contains_key(&Check::Config));
    if told {
        return None;
    }
    match engine::line(settings, String::new()) {
        Ok(line) => {
            let summary = format!("central is {}", line.root);
            found.tell(Check::Config, Finding::pass(Check::Config, summary));
            Some(line)
        }
        Err(trouble) => {
            found.tell(Check::Config, Finding::fail(trouble.code, trouble.reason));
            None
        }
    }
}

/// What the plan depends on.
pub(super) fn facts(
    root: &Root,
    settings: &Settings,
    engine: Option<&Engine>,
    line: Option<&Line>,
) -> Facts {
    let enrolled = engine.is_some_and(|engine| matches!(engine.enrolment(), Ok(Some(_))));
    let deliveries = engine
        .and_then(|engine| Catalogue::open(engine.vault()).ok()?.shown().ok())
        .is_some_and(|edition| edition.count(EntityType::Delivery) > 0);
    let identified =
        engine.is_some_and(|engine| engine.organisation().is_ok() && engine.version().is_ok());
    Facts {
        offline: false,
        url: line.is_some(),
        https: settings.central.url.as_ref().is_some_and(|url| url.https),
        proxy: settings.central.proxy.is_some(),
        loopback: line.is_some_and(|line| loopback(target(line).0)),
        new: is_new(&root.state()),
        opened: engine.is_some(),
        enrolled,
        identified,
        deliveries,
        store: root.state().join("index").is_dir(),
        runs: engine.is_some_and(|engine| matches!(engine.last(), Ok(Some(_)))),
        systemd: root.state().starts_with("/var/lib") && Path::new("/run/systemd/system").is_dir(),
    }
}

/// Whom the box connects to: the proxy where there is one, else central.
pub(super) fn target(line: &Line) -> (&str, u16) {
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

    #[test]
    fn disk_is_judged_by_the_reserve() {
        let codes = [
            (2 << 30, true),
            (1 << 29, true),
            (1 << 20, true),
            (2 << 30, false),
        ]
        .map(|(free, nodes)| room(free, 1 << 30, nodes).code);
        assert_eq!(
            codes,
            [
                Code::DiskSpace,
                Code::DiskReserve,
                Code::DiskFull,
                Code::DiskInodes
            ]
        );
    }
}
