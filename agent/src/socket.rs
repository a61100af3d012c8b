//! The local API: HTTP/1.1 and JSON over a unix socket, for the delivery engine and the command line (design 4.3).
//! Never reachable over a network, never a path in the file system of the caller, never a body without a limit.
//! Called by the daemon; `client` is the other end, for `boxsync sync`.

mod body;
pub mod client;
mod content;
mod events;
mod exam;
mod feed;
mod login;
mod member;
mod metrics;
mod package;
mod peer;
mod priority;
mod query;
pub mod receive;
mod results;
mod route;
pub mod sample;
mod snapshot;
mod standing;
pub mod state;
mod target;
mod wanted;
mod watch;
mod wire;

pub(crate) use metrics::of_daemon;

use std::fs;
use std::future::pending;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use logic::access::{self, ApiRoles};
use logic::fault::{Code, Fault, FileAct, ServiceCause};
use logic::places::{Caller, ConnectionLimits};
use tokio::net::{UnixListener, UnixStream};

use crate::connections::{ConnectionTicket, Connections};
use crate::server::{self, ConnectionOptions, Stall};
use state::SharedState;
use system::root::{Root, read_at_most, trouble};

/// Connections at once: more than all places together (`logic::places`), so that one which asks for nothing yet always
/// finds room; those who may not speak here are told so, a few at a time.
const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
    most: 240,
    each: 200,
    denied: 16,
};
/// How callers are spoken with.
const OPTIONS: ConnectionOptions = ConnectionOptions {
    head_timeout: Duration::from_secs(10),
    head_limit: Some(16 << 10),
    stall: Stall::NotTaken(Duration::from_secs(20)),
    title_case: false,
    is_busy: true,
};
/// The files of users and groups are read up to this, bytes.
const USERS: u64 = 1 << 20;
/// The same for those who may not speak here.
const DENIED_TIMEOUT: Duration = Duration::from_secs(2);

/// So long a process may take from its making to its own program; a daemon that answers keeps a silent caller for longer.
const EXEC_TIMEOUT: Duration = Duration::from_secs(1);
/// A killed daemon was making no more of them at once.
const HOLDING_CHILDREN: usize = 8;

/// The socket, before anybody is let in.
pub struct ApiSocket(Option<UnixListener>);

impl ApiSocket {
    /// Whether the socket could be made.
    pub fn is_made(&self) -> bool {
        self.0.is_some()
    }

    /// Makes the socket. Where it cannot be made the daemon works without it, and says so.
    ///
    /// # Errors
    /// `daemon.running` when another daemon answers there.
    pub fn open(root: &Root) -> Result<Self, Fault> {
        let path = root.socket();
        if is_held(&path) {
            let path = path.display().to_string();
            let cause = ServiceCause::Another { path };
            return Err(Fault::new(Code::DaemonRunning, cause));
        }
        let make = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let listener = UnixListener::bind(&path)?;
            // Who may speak is decided by the caller's ids, not by the file.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
            Ok(listener)
        };
        Ok(Self(match make() {
            Ok(listener) => Some(listener),
            Err(error) => {
                system::journal::trouble(&trouble(&path, FileAct::MakeSocket, &error));
                None
            }
        }))
    }
}

/// Whether another daemon has the socket. What a killed one left behind is removed. A process that it was just making when it
/// was killed holds the listener until it executes its own program: then the connection ends by itself.
fn is_held(path: &Path) -> bool {
    for _ in 0..HOLDING_CHILDREN {
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(mut stream) => {
                let ended = stream
                    .set_read_timeout(Some(EXEC_TIMEOUT))
                    .and_then(|()| stream.read(&mut [0]));
                let waits = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
                match ended {
                    Ok(0) => {}
                    Err(error) if !waits.contains(&error.kind()) => {}
                    _ => return true,
                }
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::ConnectionRefused {
                    let _ = fs::remove_file(path);
                }
                return false;
            }
        }
    }
    true
}

/// Takes the socket away, so that the command line works by itself.
pub fn close(root: &Root) {
    // It may never have been made.
    let _ = fs::remove_file(root.socket());
}

/// Answers until it is dropped.
pub async fn serve(api_socket: ApiSocket, shared: SharedState) {
    let Some(listener) = api_socket.0 else {
        return pending().await;
    };
    let gate = PeerListener {
        listener,
        shared: shared.clone(),
    };
    system::task::spawn_local(package::sampler(shared.clone()));
    let begin = |(stream, roles), ticket| {
        system::task::spawn_local(speak(stream, roles, ticket, shared.clone()));
    };
    server::receive(gate, Connections::new(CONNECTION_LIMITS), begin).await;
}

/// The socket, which knows its callers by their ids.
struct PeerListener {
    listener: UnixListener,
    shared: SharedState,
}

impl server::Entrance for PeerListener {
    type Stream = (UnixStream, ApiRoles);

    async fn caller(&self) -> io::Result<(Self::Stream, Caller)> {
        let (stream, _) = self.listener.accept().await?;
        let roles = roles(&self.shared, &stream);
        let caller = match stream.peer_cred() {
            Ok(peer) if !roles.is_empty() => Caller::User(peer.uid()),
            _ => Caller::Denied,
        };
        Ok(((stream, roles), caller))
    }
}

async fn speak(stream: UnixStream, roles: ApiRoles, ticket: ConnectionTicket, shared: SharedState) {
    let options = match ticket.caller() {
        Caller::Denied => ConnectionOptions {
            head_timeout: DENIED_TIMEOUT,
            ..OPTIONS
        },
        _ => OPTIONS,
    };
    let answering = ticket.clone();
    let answer = move |request| {
        let (shared, ticket) = (shared.clone(), answering.clone());
        async move { route::answer(&shared, &ticket, roles, request).await }
    };
    server::converse(stream, ticket, options, pending(), answer).await;
}

/// What a caller may do: root and the daemon's own user everything, others what the configuration says.
fn roles(shared: &SharedState, stream: &UnixStream) -> ApiRoles {
    let Ok(peer) = stream.peer_cred() else {
        return ApiRoles::default();
    };
    let own = nix::unistd::geteuid().as_raw();
    if peer.uid() == 0 || peer.uid() == own {
        return ApiRoles::all();
    }
    let settings = shared.settings();
    let access = settings.access();
    if access.is_empty() {
        return ApiRoles::default();
    }
    // What cannot be read names nobody.
    let file = |path: &Path| {
        let text = read_at_most(path, USERS).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    };
    let mut gids = peer::groups(stream).unwrap_or_default();
    gids.push(peer.gid());
    let (passwd, group) = shared.root().users();
    access.roles(&access::PeerCredentials {
        uid: peer.uid(),
        gids: &gids,
        passwd: &file(&passwd),
        group: &file(&group),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Result<ApiSocket, Fault> {
        let root = Root::new(dir);
        fs::create_dir_all(root.socket().parent().unwrap()).unwrap();
        ApiSocket::open(&root)
    }

    #[tokio::test]
    async fn the_listener_of_a_process_that_was_just_being_made_is_no_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let held = open(dir.path()).unwrap().0.unwrap();
        // A daemon lets a silent caller wait.
        let told = open(dir.path()).err().unwrap();
        assert_eq!(told.code, Code::DaemonRunning);
        // The child executes its own program: what waits for the listener is reset, and nobody answers any more.
        let child = tokio::spawn(async move { drop(held.accept().await) });
        let path = dir.path().to_owned();
        let opened = tokio::task::spawn_blocking(move || open(&path).map(|made| made.is_made()));
        assert!(opened.await.unwrap().unwrap());
        child.await.unwrap();
    }
}
