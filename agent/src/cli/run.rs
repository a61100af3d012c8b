//! `run`: the daemon; and the hidden verbs of the processes that it starts.
//! Never returns before a signal ends it.
//! Called by `cli`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use logic::fault::{Code, Fault, InputCause};

use super::screen::Screen;
use crate::daemon;
use crate::engine::Engine;
use crate::settings;
use crate::socket::receive;
use crate::socket::sample;
use crate::worker;
use system::journal;
use system::root::{Root, become_owner};

/// The daemon.
pub(super) fn act(root: &Root) -> Result<u8, Fault> {
    journal::begin();
    run_folder(root);
    become_owner(root)?;
    super::runtime(daemon::run(root, &|| settings::in_force(root)))?;
    Ok(0)
}

/// Synchronizations for the daemon: orders on standard input, progress and accounts on standard output.
pub(super) fn work(root: &Root) -> Result<u8, Fault> {
    journal::begin();
    worker::bind_to_parent();
    Ok(super::runtime(worker::work(open(root))))
}

/// The intake of a large item for the daemon: the document on standard input, the receipt on standard output.
pub(super) fn receive(
    root: &Root,
    kind: &str,
    id: Option<String>,
    screen: &Screen,
) -> Result<u8, Fault> {
    worker::bind_to_parent();
    let input = |cause: InputCause| Fault::new(Code::InputKind, cause);
    let kind = kind
        .parse()
        .map_err(|()| input(InputCause::NoKind { word: kind.into() }))?;
    let mut document = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut document)
        .map_err(|error| {
            input(InputCause::Unread {
                why: (&error).into(),
            })
        })?;
    let receipt = receive::work(open(root), kind, id, document);
    screen.data(format!("{receipt}\n").as_bytes());
    Ok(0)
}

/// The box with the configuration that the daemon uses.
fn open(root: &Root) -> Result<Engine, Fault> {
    super::open_in_force(root, settings::in_force(root))
}

/// What the status page shows, on standard output.
pub(super) fn look(root: &Root, examine: bool, screen: &Screen) -> Result<u8, Fault> {
    worker::bind_to_parent();
    let told = if examine {
        serde_json::to_string(&sample::examine(root, &settings::read(root)))
    } else {
        let in_force = settings::in_force(root);
        let fault = in_force.fault.clone();
        let used = in_force.settings.clone().unwrap_or_default();
        let engine = super::open_in_force(root, in_force);
        serde_json::to_string(&sample::look(root, engine, fault.as_ref(), &used))
    };
    let told = told.expect("plain data always serialises");
    screen.data(format!("{told}\n").as_bytes());
    Ok(0)
}

/// Most that the daemon has pushed at once: a hundred times what a box has to tell.
const MOST_FIGURES: u64 = 1 << 20;

/// Pushes figures for the daemon: they stand on standard input, what became of it on standard output.
pub(super) fn push(root: &Root, screen: &Screen) -> Result<u8, Fault> {
    worker::bind_to_parent();
    let mut order = Vec::new();
    // What is missing of it is told as that.
    let _ = std::io::stdin()
        .lock()
        .take(MOST_FIGURES)
        .read_to_end(&mut order);
    let in_force = settings::in_force(root);
    let settings = in_force.settings.clone().unwrap_or_default();
    // The time that certificates are judged by is kept in the state folder; without it that of the system counts.
    let _opened = super::open_in_force(root, in_force);
    let told = super::runtime(daemon::push::work(&order, &settings));
    let told = serde_json::to_string(&told).expect("plain data always serialises");
    screen.data(format!("{told}\n").as_bytes());
    Ok(0)
}

/// Root makes the socket's folder for the user that the daemon becomes.
fn run_folder(root: &Root) {
    let (Some(folder), Ok(owner)) = (
        root.socket().parent().map(std::path::Path::to_owned),
        fs::metadata(root.state()),
    ) else {
        return;
    };
    if nix::unistd::geteuid().is_root() && owner.uid() != 0 && fs::create_dir_all(&folder).is_ok() {
        // Without it the daemon says that it has no socket.
        let _ = nix::unistd::chown(
            &folder,
            Some(nix::unistd::Uid::from_raw(owner.uid())),
            Some(nix::unistd::Gid::from_raw(owner.gid())),
        );
    }
}
