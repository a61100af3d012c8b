//! Keeps the file of the metrics: after each run, where something changed that the verdict may depend on, and now and
//! then, since verdicts and ages change by themselves.
//! Never looks where no file is configured, and never holds up the loop.
//! Called by the daemon's loop.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::metrics;
use crate::socket::state::SharedState;
use crate::socket::{of_daemon, sample};
use system::journal;

/// Without news the file is written so often.
const EVERY: Duration = Duration::from_secs(300);
/// News that come faster are written together.
const PAUSE: Duration = Duration::from_secs(2);

/// The task that writes; it ends with its owner.
pub(super) struct Textfile {
    news: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Textfile {
    pub(super) fn new(shared: &SharedState) -> Self {
        let news = Rc::new(Notify::new());
        let task = system::task::spawn_local(keep(shared.clone(), news.clone()));
        Self { news, task }
    }

    /// Something has changed.
    pub(super) fn news(&self) {
        self.news.notify_one();
    }
}

impl Drop for Textfile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(shared: SharedState, news: Rc<Notify>) {
    // Told once, until it was written again.
    let mut told = false;
    loop {
        let Some(path) = shared.settings().metrics.textfile.clone() else {
            news.notified().await;
            continue;
        };
        if let Some(box_view) = sample::anew(&shared).await {
            let (standing, daemon) = (box_view.standing.clone(), of_daemon(&shared));
            let write = move || metrics::write(&path, &standing, Some(&daemon));
            match system::task::spawn_blocking(write).await {
                Ok(Err(fault)) if !told => {
                    journal::trouble(&fault);
                    told = true;
                }
                Ok(Ok(())) => told = false,
                _ => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
        // Too late is no harm: the next turn looks anyway.
        let _ = tokio::time::timeout(EVERY, news.notified()).await;
    }
}
