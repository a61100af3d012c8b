//! What wakes the daemon's loop: signals, the worker, the network, a time.
//! Never decides what follows.
//! Called by `daemon`.

use std::time::Duration;

use logic::fault::{Code, Fault, OsCause, RunCause};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::network::Network;
use crate::socket::state::RunRequest;
use crate::worker::{Worker, WorkerMessage};

/// What woke the loop.
pub(super) enum WakeReason {
    End,
    Reload,
    Asked(RunRequest),
    Network,
    Exam,
    Ordered,
    Worker(WorkerMessage),
    Due,
    Watchdog,
    Hour,
}

pub(super) struct ProcessSignals {
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    pub(super) reload: Signal,
}

impl ProcessSignals {
    pub(super) fn new() -> Result<Self, Fault> {
        let hear = |kind| {
            signal(kind).map_err(|error| {
                let why = OsCause::from(&error);
                Fault::new(Code::DaemonSignals, RunCause::NoSignals { why })
            })
        };
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            reload: hear(SignalKind::hangup())?,
        })
    }
}

pub(super) async fn changed(network: &mut Option<Network>) {
    match network {
        Some(subscription) => {
            if subscription.changed().await.is_err() {
                // It is opened again at the next round; a broken one must not spin.
                *network = None;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn told(worker: &mut Option<Worker>) -> WorkerMessage {
    match worker {
        Some(worker) => worker.told().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

pub(super) async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
