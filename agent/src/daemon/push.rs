//! Pushes the figures to a Pushgateway, where one is configured: each push is a process of its own.
//! Never lets TLS into the daemon, and never holds up its loop or the flags; a failure is told once, until one arrives.
//! Called by the keeper of the flags, whose look it is.

use std::cell::RefCell;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use logic::fault::{Code, Fault, Finding, ProcessEnd};
use logic::health::Verdict;
use logic::health::push::{PushNews, PushPlan, PushReason};
use tokio::io::AsyncWriteExt;

use crate::metrics;
use crate::socket::of_daemon;
use crate::socket::sample::BoxView;
use crate::socket::state::SharedState;
use crate::worker::{self, child};
use system::clock;

/// The process that pushes has ended by then, with the time that its start takes on a busy box.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(20);

/// The pushes of a daemon.
#[derive(Default)]
pub(super) struct Pusher(Rc<RefCell<PushPlan>>);

impl Pusher {
    /// Pushes what a look has found, where that is due; it goes on by itself.
    pub(super) fn look(&self, shared: &SharedState, found: &BoxView) {
        let settings = shared.settings();
        // A box that has no id yet is no group of the gateway's.
        let id = found.box_id.clone().filter(|id| !id.is_empty());
        let (Some(to), Some(box_id)) = (&settings.metrics.push, id) else {
            if settings.metrics.push.is_none() {
                *self.0.borrow_mut() = PushPlan::default();
                shared.pushed(None);
            }
            return;
        };
        let last = found.standing.last.as_ref();
        let reason = PushReason {
            verdict: Verdict::of(&found.standing).word,
            runs: (
                shared.ended().values().sum(),
                last.map(|last| last.finished_at),
            ),
            to: to.to_string(),
        };
        if !self.0.borrow_mut().begin(&reason, clock::now().mono) {
            return;
        }
        let daemon = of_daemon(shared);
        let sample = metrics::sample(settings.sync.interval, Some(&found.standing), Some(&daemon));
        let figures = logic::health::metrics::pushed(&sample);
        let (plan, shared) = (self.0.clone(), shared.clone());
        system::task::spawn_local(async move {
            let fault = push(&shared, &box_id, figures).await.err();
            let ended = plan.borrow_mut().end(fault.is_none(), clock::now().mono);
            shared.pushed(fault.clone());
            match (ended.0, fault) {
                (Some(PushNews::Fails), Some(fault)) => {
                    tracing::warn!(code = %fault.code, "{}", fault.reason());
                }
                (Some(PushNews::Arrives), _) => {
                    tracing::info!("the figures reach the Pushgateway again");
                }
                _ => {}
            }
            if ended.1 {
                shared.news().any();
            }
        });
    }
}

/// Has a process of its own push; why it did not arrive.
async fn push(shared: &SharedState, box_id: &str, figures: String) -> Result<(), Finding> {
    let died = |how: ProcessEnd| {
        let fault = worker::died(how);
        Finding::new(Code::MetricsPush, fault.cause)
    };
    let started = child(shared.root(), "push-worker")
        .stdin(Stdio::piped())
        .spawn();
    let mut process = started.map_err(|error| {
        died(ProcessEnd::NotStarted {
            why: (&error).into(),
        })
    })?;
    let order = serde_json::to_vec(&(box_id, figures)).expect("plain data always serialises");
    let told = async {
        if let Some(mut input) = process.stdin.take() {
            // One that is gone already is told by its end.
            let _ = input.write_all(&order).await;
        }
        process.wait_with_output().await
    };
    match tokio::time::timeout(PROCESS_TIMEOUT, told).await {
        Ok(Ok(output)) => match serde_json::from_slice::<Option<Finding>>(&output.stdout) {
            Ok(None) => Ok(()),
            Ok(Some(fault)) => Err(fault),
            Err(_) => Err(died(worker::ended(output.status))),
        },
        Ok(Err(error)) => Err(died(ProcessEnd::Lost {
            why: (&error).into(),
        })),
        Err(_) => Err(died(ProcessEnd::Silent {
            seconds: PROCESS_TIMEOUT.as_secs(),
        })),
    }
}

/// The process that pushes: the id of the box and its figures as JSON; gives what is told of it.
pub async fn work(order: &[u8], settings: &logic::settings::Settings) -> Option<Finding> {
    let read = serde_json::from_slice::<(String, String)>(order);
    let (Ok((box_id, figures)), Some(to)) = (read, &settings.metrics.push) else {
        let lost = worker::died(ProcessEnd::NoOrders {
            why: (&std::io::Error::from(std::io::ErrorKind::InvalidData)).into(),
        });
        return Some(Finding::new(Code::MetricsPush, lost.cause));
    };
    let pushed = metrics::push(settings, to, &box_id, figures).await;
    pushed.err().map(|fault: Fault| fault.finding())
}
