//! The server half of the protocol for a TAO on this box: HTTP/1.1 on `[gateway] listen`, answered from the vault.
//! Never lets anybody without the box's own credentials read a byte, and never asks central for anything.
//! Called by the daemon, once: `serve(listener, Gateway::open(vault, Setup::of(&settings, version), intake)?, stop)`.

pub mod intake;
pub mod ledger;

mod ahead;
mod content;
mod handlers;
mod response;
mod revision;
mod run;
mod setup;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logic::fault::{Code, ConfigCause, Fault, OsCause};
use logic::gateway::AnswerSigner;
use logic::gateway::login::{GatewayClient, Guesses, Tokens};
use logic::places::ConnectionLimits;
use logic::settings::Settings;
use system::task::BoxedTasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::connections::{ConnectionTicket, Connections};
use crate::server::{self, ConnectionOptions, Stall};
use intake::ItemSink;
use run::GatewayRuns;
use setup::SeenSetup;
use vault::Vault;
use vault::package::PackageStore;

/// Connections at once. Nobody waits in the listener's queue: the oldest that has shown no right to ask makes room.
const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
    most: 128,
    each: 96,
    denied: 0,
};
/// Requests with what candidates produced that are held in memory at once.
const INTAKES: usize = 2;
/// How a TAO is spoken with.
const OPTIONS: ConnectionOptions = ConnectionOptions {
    head_timeout: Duration::from_secs(15),
    head_limit: None,
    stall: Stall::Silent(Duration::from_secs(120)),
    title_case: true,
    // Who has shown no right to ask makes room.
    is_busy: false,
};
/// What is being answered when the daemon stops may take so much longer.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What the gateway has to know of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// VM version of the box; it signs every failure and is always supported.
    pub version: String,
    /// Whether LTI users are taken (`results.lti_users`); else they are answered as by a central without an extension.
    pub lti_users: bool,
    /// How old the catalogue may be when a client's run begins (`gateway.max_age`); `None`: any age.
    pub max_age: Option<Duration>,
}

impl Setup {
    /// What the configuration says; `version` is the VM version of the box (`Engine::version`).
    pub fn of(settings: &Settings, version: String) -> Self {
        let max_age = settings.gateway.max_age;
        Self {
            version,
            lti_users: settings.results.lti_users,
            max_age: (!max_age.is_zero()).then_some(max_age),
        }
    }
}

/// The opened gateway.
pub struct Gateway {
    vault: Vault,
    setup: Setup,
    voice: AnswerSigner,
    client: GatewayClient,
    runs: GatewayRuns,
    seen: SeenSetup,
    packages: PackageStore,
    intake: Option<Arc<dyn ItemSink>>,
    intakes: Arc<Semaphore>,
    tokens: Mutex<Tokens>,
    guesses: Mutex<Guesses>,
}

impl Gateway {
    /// Prepares it; its credentials are made if there are none yet. Without an `intake` the results stay with the TAO.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn open(
        vault: Vault,
        setup: Setup,
        intake: Option<Arc<dyn ItemSink>>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            client: ledger::client(&vault)?,
            runs: GatewayRuns::open(&vault, setup.max_age)?,
            seen: SeenSetup::open(&vault),
            packages: PackageStore::open(&vault)?,
            voice: AnswerSigner {
                version: setup.version.clone(),
            },
            vault,
            setup,
            intake,
            intakes: Arc::new(Semaphore::new(INTAKES)),
            tokens: Mutex::default(),
            guesses: Mutex::default(),
        })
    }
}

/// Serves until `stop` is done; what is being answered then gets two seconds more. Runs in a `LocalSet`.
///
/// # Errors
/// `gateway.listen` when the listener has no address.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let at = listener.local_addr().map_err(|error| {
        let why = OsCause::from(&error);
        Fault::new(Code::GatewayListen, ConfigCause::GatewayAddress { why })
    })?;
    let gateway = Arc::new(gateway);
    let (stopping, told) = watch::channel(false);
    let mut lines = JoinSet::new();
    let begin = |stream, ticket| {
        while lines.try_join_next().is_some() {}
        lines.spawn_boxed(speak(stream, at, ticket, gateway.clone(), told.clone()));
    };
    // The listener is closed with it.
    tokio::select! {
        () = stop => {}
        () = server::receive(listener, Connections::new(CONNECTION_LIMITS), begin) => {}
    }
    let _ = stopping.send(true);
    let drained = async { while lines.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, drained).await;
    Ok(())
}

/// One connection, to its end. The PHP client opens one for every request.
async fn speak(
    stream: TcpStream,
    at: SocketAddr,
    ticket: ConnectionTicket,
    gateway: Arc<Gateway>,
    mut stopping: watch::Receiver<bool>,
) {
    let answering = ticket.clone();
    let answer = move |request| gateway.clone().answer(at, answering.clone(), request);
    let stop = async move {
        // Whoever would tell is gone: that is the end, too.
        let _ = stopping.changed().await;
    };
    server::converse(stream, ticket, OPTIONS, stop, answer).await;
}

/// The root URL that a TAO on this box is pointed at when the gateway listens there.
pub fn root_url(listen: SocketAddr) -> String {
    let mut local = listen;
    if listen.ip().is_unspecified() {
        local.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{local}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_url_is_one_that_a_tao_reaches() {
        let at: SocketAddr = "127.0.0.1:7380".parse().unwrap();
        assert_eq!(
            root_url("0.0.0.0:80".parse().unwrap()),
            "http://127.0.0.1:80/"
        );
        assert_eq!(root_url("[::]:80".parse().unwrap()), "http://[::1]:80/");
        assert_eq!(root_url(at), "http://127.0.0.1:7380/");
    }
}
