//! The gateway as a part of the daemon: opened where the configuration says, tried again when it cannot be.
//! Never ends the daemon, and never says twice in a row why it is closed.
//! Called by the daemon's loop at its start, at each new configuration and at its end.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use logic::fault::{Code, ConfigCause, Fault};
use logic::settings::Settings;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::engine::Engine;
use crate::gateway::{Gateway, Setup, root_url, serve};
use crate::intake::Intake;
use system::journal;
use system::root::Root;

/// Wait before a port that is taken, or a store that does not open, is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// The gateway as it is configured, open or waiting to be.
pub(super) struct GatewayGate {
    root: Root,
    settings: Settings,
    open: Option<Open>,
}

struct Open {
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl GatewayGate {
    /// Opens it if the configuration says so.
    pub(super) fn new(root: &Root, settings: &Settings) -> Self {
        let mut gate = Self {
            root: root.clone(),
            settings: settings.clone(),
            open: None,
        };
        gate.turn(None);
        gate
    }

    /// Follows another configuration. One that says the same of the gateway interrupts nobody.
    pub(super) fn configure(&mut self, settings: &Settings) {
        let same = concerns(settings) == concerns(&self.settings);
        self.settings.clone_from(settings);
        if !same {
            let before = self.open.take();
            self.turn(before);
        }
    }

    fn turn(&mut self, before: Option<Open>) {
        let listen = self.settings.gateway.listen;
        let (root, settings) = (self.root.clone(), self.settings.clone());
        let (stop, stopped) = oneshot::channel();
        let served = system::task::spawn_local(async move {
            // The one before may hold the same port until its last answer is sent.
            if let Some(before) = before {
                before.end().await;
            }
            if let Some(at) = listen {
                keep_open(&root, &settings, at, stopped).await;
            }
        });
        self.open = Some(Open { stop, served });
    }

    /// Closes it; what is being answered gets a moment more.
    pub(super) async fn end(&mut self) {
        if let Some(open) = self.open.take() {
            open.end().await;
        }
    }
}

impl Open {
    async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.served.await;
    }
}

/// What of a configuration the open gateway depends on.
fn concerns(settings: &Settings) -> impl PartialEq {
    (
        settings.gateway.clone(),
        settings.results.lti_users,
        settings.results.max_item.bytes(),
        settings.this_box.tao_version.clone(),
    )
}

async fn keep_open(
    root: &Root,
    settings: &Settings,
    at: SocketAddr,
    mut stop: oneshot::Receiver<()>,
) {
    let mut told = None;
    loop {
        match open(root, settings, at).await {
            Ok((listener, gateway)) => {
                tracing::info!("a TAO of this box is served at {}", root_url(at));
                let stopped = async {
                    if (&mut stop).await.is_err() {
                        pending::<()>().await;
                    }
                };
                if let Err(trouble) = serve(listener, gateway, stopped).await {
                    journal::trouble(&trouble);
                }
                return;
            }
            Err(trouble) => {
                if told != Some(trouble.code) {
                    journal::trouble(&trouble);
                    told = Some(trouble.code);
                }
            }
        }
        tokio::select! {
            _ = &mut stop => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn open(
    root: &Root,
    settings: &Settings,
    at: SocketAddr,
) -> Result<(TcpListener, Gateway), Fault> {
    let listener = TcpListener::bind(at).await.map_err(|error| {
        let cause = ConfigCause::GatewayListen {
            at: at.to_string(),
            why: (&error).into(),
        };
        Fault::new(Code::GatewayListen, cause)
    })?;
    let engine = Engine::open(root, settings.clone())?;
    let setup = Setup::of(settings, engine.version()?);
    let intake =
        Intake::open(engine.vault(), &settings.results, engine.copy_follower())?.of_any_state();
    let gateway = Gateway::open(engine.vault().clone(), setup, Some(Arc::new(intake)))?;
    Ok((listener, gateway))
}
