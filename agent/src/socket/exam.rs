//! `PUT /v1/exam`: the delivery engine says whether an exam runs, and what is sat. `POST /v1/exam/terminate`: it is to end that.
//! Never decides what an exam holds up or who has answered: `logic` does. Never ends an execution itself.
//! Called by `route`.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use logic::exam::termination::Termination;
use logic::exam::{self, ExecutionCount};
use logic::fault::{Code, Fault, InputCause, ParameterFlaw, RunCause};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::body::ResponseBody;
use super::route::read_within;
use super::state::SharedState;
use super::wire::{field, object};
use crate::engine::exam::{
    ExamSignal, MAX_EXAM_SIGNALS, MAX_EXAM_TTL, MAX_SIGNALS_BYTES, SignalOutcome, engines, now,
    now_ms, running, signal,
};

/// The longest name of an exam, characters.
const MAX_EXAM_NAME: usize = 100;
/// The largest body: the executions of some hundred candidates, each named.
const MAX_EXAM_BODY: usize = 512 << 10;

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExamRequest {
    /// Left out where `executions` say it.
    active: Option<bool>,
    #[serde(default, deserialize_with = "logic::json::ttl_seconds")]
    ttl_seconds: Option<u64>,
    /// Whose exam it is; each has a signal of its own.
    name: Option<String>,
    /// What is sat.
    executions: Option<Vec<ExecutionCount>>,
}

impl ExamRequest {
    /// For how long it runs; `None`: it has ended, as it was said or as its executions show.
    fn lasts(&self) -> Result<Option<Duration>, Fault> {
        let ttl = self.ttl_seconds.filter(|seconds| *seconds > 0);
        let ttl = ttl.map(|seconds| Duration::from_secs(seconds).min(MAX_EXAM_TTL));
        let executions = self.executions.as_deref();
        match (self.active, executions) {
            (Some(false), Some([_, ..])) => Err(field("executions", ParameterFlaw::NoneEnded)),
            (Some(false), _) => Ok(None),
            (None, None) => Err(field(
                "active",
                ParameterFlaw::BothMissing {
                    other: "executions".to_owned(),
                },
            )),
            _ if ttl.is_none() => Err(field("ttl_seconds", ParameterFlaw::NoEnd)),
            (None, Some(told)) if !told.iter().any(exam::is_active) => Ok(None),
            _ => Ok(ttl),
        }
    }
}

pub(super) async fn answer(
    shared: &SharedState,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Fault> {
    let wanted: ExamRequest = read_within(request, MAX_EXAM_BODY).await?;
    let lasts = wanted.lasts()?;
    let name = wanted.name.unwrap_or_default();
    if name.chars().count() > MAX_EXAM_NAME || name.chars().any(char::is_control) {
        return Err(field(
            "name",
            ParameterFlaw::Name {
                most: MAX_EXAM_NAME,
            },
        ));
    }
    exam::check(wanted.executions.as_deref().unwrap_or_default())
        .map_err(|(name, wrong)| field(name, wrong))?;
    let given = ExamSignal {
        name: &name,
        lasts,
        executions: wanted.executions,
    };
    match signal(shared.root(), given)? {
        SignalOutcome::Noted => {}
        SignalOutcome::TooMany => {
            let count = MAX_EXAM_SIGNALS;
            return Err(field("name", ParameterFlaw::OthersRun { count }));
        }
        SignalOutcome::TooLong => {
            let most = MAX_SIGNALS_BYTES;
            return Err(field("executions", ParameterFlaw::Longer { most }));
        }
    }
    shared.events().done();
    shared.exam_told();
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
    let told = json!({
        "schema": 1, "active": lasts.is_some(), "ttl_seconds": seconds(lasts), "name": name,
        "exam_seconds_left": seconds(running(shared.root())),
        "executions": now(shared.root()).executions,
    });
    Ok(object(StatusCode::OK, told))
}

/// The body of `POST /v1/exam/terminate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TerminateRequest {
    /// So many executions are under way, as whoever asks has seen.
    #[serde(deserialize_with = "logic::json::count")]
    count: u64,
}

/// Asks the engines to end what is sat, by the event `terminate`, and waits for them.
pub(super) async fn terminate(
    shared: &SharedState,
    wanted: TerminateRequest,
) -> Result<Response<ResponseBody>, Fault> {
    let root = shared.root();
    let count = exam::sum(&now(root).executions);
    if wanted.count != count {
        let cause = InputCause::OtherCount { count };
        return Err(Fault::new(Code::InputTerminate, cause));
    }
    tracing::warn!("the delivery engines are asked to end {count} executions");
    let timeout = shared.settings().sync.terminate_timeout;
    let end = Instant::now() + timeout;
    let _asked = shared.ask_termination();
    let mut asked = Termination::new(&engines(root));
    loop {
        // Heard from here on: a signal between look and wait is not missed.
        let mut told = std::pin::pin!(shared.signal());
        told.as_mut().enable();
        if asked.look(&engines(root), now_ms()) {
            let told = json!({ "schema": 1, "terminated": count });
            return Ok(object(StatusCode::OK, told));
        }
        if timeout_at(end, told).await.is_err() {
            let (seconds, who) = (timeout.as_secs(), asked.silent());
            let cause = RunCause::NotTerminated { seconds, who };
            return Err(Fault::new(Code::ExamNotTerminated, cause));
        }
    }
}
