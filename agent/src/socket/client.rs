//! The other end of the local API: `boxsync sync` through the daemon that runs.
//! Never waits for a daemon that is not there.
//! Called by the verbs `sync` and `doctor`, by those that order something of the downloads or bring credentials.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use logic::exam::ExecutionCount;
use logic::fault::{Code, Fault, Finding, ServiceCause, ServiceLoss};
use logic::health::ReportedFault;
use logic::health::seen::ServiceConfig;
use logic::json::of_value;
use logic::package::order::{DownloadOrder, OrdersInForce};
use logic::package_lane::{WaitReason, Waiting};
use logic::report::Report;
use logic::schedule::Errand;
use logic::words::{FaultClass, Outcome};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::net::UnixStream;

use crate::engine::progress::{Progress, RunWatch};
use system::observed::BoxedStream;
use system::root::Root;

/// A daemon that does not answer within this is busy enough.
const WAKING: Duration = Duration::from_secs(2);
/// The same for one that is asked how it stands: it may look at the box for two seconds.
const ASKING: Duration = Duration::from_secs(3);
/// A daemon that does not begin to answer within this, whatever is asked, stands still.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for a question that takes it no time.
const AWAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A run that tells nothing for so long is followed on if the daemon is awake.
const QUIET_PERIOD: Duration = Duration::from_secs(20);
/// The longest event that is read.
const EVENT: usize = 4 << 20;

/// Asks the daemon for a run and follows it to its account; `None` when no daemon answers. A run that had to make room
/// for the next one while packages were coming is followed by that one, as long as packages are waited for.
///
/// # Errors
/// What the daemon says; `daemon.gone` when it ends meanwhile.
pub async fn synchronize(
    root: &Root,
    errand: &Errand,
    watch: &RunWatch,
) -> Result<Option<Vec<Report>>, Fault> {
    let Ok(stream) = UnixStream::connect(root.socket()).await else {
        return Ok(None);
    };
    // First the ear, then the question: nothing that is told in between is missed.
    let events = call(stream, Method::GET, "/v1/sync/events", Bytes::new()).await?;
    let mut events = Events {
        body: succeeded(events).await?.into_body(),
        held: Vec::new(),
    };
    let mut before: Vec<Report> = Vec::new();
    loop {
        let run = ask(root, errand).await?;
        let mut reports = followed(root, &mut events, run, watch).await?;
        for report in &mut reports {
            let same = |one: &&Report| one.organisation_id == report.organisation_id;
            if let Some(before) = before.iter().find(same) {
                report.follows(before);
            }
        }
        let is_coming = |report: &Report| {
            let packages = &report.packages;
            packages.waiting > 0 && packages.waiting_for.is_none_or(passes)
        };
        let is_well = |report: &Report| report.outcome == Outcome::Finished;
        if errand.no_wait || !reports.iter().any(is_coming) || !reports.iter().all(is_well) {
            return Ok(Some(reports));
        }
        before = reports;
    }
}

/// Whether what holds up a package passes while one waits: the line comes back, a window does not open.
fn passes(waiting: Waiting) -> bool {
    matches!(waiting.reason, WaitReason::Link | WaitReason::Central)
}

/// Asks for a run; gives the number of the one that does it.
async fn ask(root: &Root, errand: &Errand) -> Result<u64, Fault> {
    let stream = UnixStream::connect(root.socket())
        .await
        .map_err(unconnected)?;
    let question = serde_json::to_vec(errand).expect("plain data always serialises");
    let answer = call(stream, Method::POST, "/v1/sync", question.into()).await?;
    let answer = succeeded(answer)
        .await?
        .into_body()
        .collect()
        .await
        .map_err(gone)?;
    let accepted: AcceptedBody = serde_json::from_slice(&answer.to_bytes()).map_err(gone)?;
    Ok(accepted.run)
}

/// Orders something of the downloads; gives what is in force then, `None` when no daemon answers.
///
/// # Errors
/// What the daemon says.
pub async fn order(root: &Root, order: &DownloadOrder) -> Result<Option<OrdersInForce>, Fault> {
    #[derive(Deserialize)]
    struct OrdersBody {
        orders: OrdersInForce,
    }
    let body = serde_json::to_vec(order).expect("plain data always serialises");
    let told = exchange::<OrdersBody>(root, Method::POST, "/v1/downloads", body.into()).await?;
    Ok(told.map(|told| told.orders))
}

/// One request and its answer; `None` when no daemon answers.
async fn exchange<T: serde::de::DeserializeOwned>(
    root: &Root,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Option<T>, Fault> {
    let Ok(stream) = UnixStream::connect(root.socket()).await else {
        return Ok(None);
    };
    let answer = call(stream, method, path, body).await?;
    let body = succeeded(answer).await?.into_body().collect().await;
    let told = body.map_err(gone)?.to_bytes();
    serde_json::from_slice(&told).map(Some).map_err(gone)
}

/// Hands on each event of the box, with its name and its id, until `tell` wants no more.
///
/// # Errors
/// `unit.down` without a daemon, `daemon.gone` when it ends meanwhile.
pub async fn watch(
    root: &Root,
    mut tell: impl FnMut(&str, Option<&str>, Json) -> bool,
) -> Result<(), Fault> {
    let stream = UnixStream::connect(root.socket()).await;
    let stream = stream.map_err(|_| Fault::new(Code::UnitDown, ServiceCause::Down))?;
    let events = call(stream, Method::GET, "/v1/events", Bytes::new()).await?;
    let mut events = Events {
        body: succeeded(events).await?.into_body(),
        held: Vec::new(),
    };
    while let Some(ServerEvent { kind, id, data }) = events.next(root).await? {
        // A comment says that the daemon is there, and nothing else.
        if !kind.is_empty() && !tell(&kind, id.as_deref(), data) {
            return Ok(());
        }
    }
    Err(lost(ServiceLoss::Early))
}

/// What the daemon knows of exams.
#[derive(Debug, Deserialize)]
pub struct ExamStanding {
    /// How long the exam may still take that ends last; none when none runs.
    pub exam_seconds_left: Option<u64>,
    /// What is sat.
    pub executions: Vec<ExecutionCount>,
}

/// What is sat; `None` when no daemon answers.
///
/// # Errors
/// What the daemon says.
pub async fn exam(root: &Root) -> Result<Option<ExamStanding>, Fault> {
    #[derive(Deserialize)]
    struct StandingBody {
        daemon: ExamStanding,
    }
    let told = exchange::<StandingBody>(root, Method::GET, "/v1/status", Bytes::new()).await?;
    Ok(told.map(|told| told.daemon))
}

/// How the runs since the start of the daemon ended, each outcome once; `None` when no daemon answers.
///
/// # Errors
/// What the daemon says.
pub async fn ended(root: &Root) -> Result<Option<Vec<String>>, Fault> {
    let told = exchange::<Json>(root, Method::GET, "/v1/status", Bytes::new()).await?;
    Ok(told.map(|told| {
        let ended = told["daemon"]["ended"].as_object();
        ended
            .into_iter()
            .flatten()
            .map(|(word, _)| word.clone())
            .collect()
    }))
}

/// Has the delivery engines end so many executions, and waits for them.
///
/// # Errors
/// `input.terminate` where they are not so many, `exam.not_terminated` where an engine does not answer.
pub async fn terminate(root: &Root, count: u64) -> Result<Option<()>, Fault> {
    let body = json!({ "count": count }).to_string().into();
    let path = "/v1/exam/terminate";
    let told = exchange::<serde::de::IgnoredAny>(root, Method::POST, path, body).await?;
    Ok(told.map(|_| ()))
}

/// Follows a run to its last account; gives that of each organisation.
async fn followed(
    root: &Root,
    events: &mut Events,
    run: u64,
    watch: &RunWatch,
) -> Result<Vec<Report>, Fault> {
    let mut reports = Vec::new();
    while let Some(ServerEvent { kind, data, .. }) = events.next(root).await? {
        let of = data.get("run").and_then(Json::as_u64);
        if of.is_none_or(|of| of < run) {
            continue;
        }
        match kind.as_str() {
            "progress" => {
                if let Ok(progress) = of_value::<Progress>(&data["progress"]) {
                    watch.follow(progress);
                }
            }
            kind @ ("account" | "report") => {
                reports.push(of_value(&data["report"]).map_err(gone)?);
                if kind == "report" {
                    return Ok(reports);
                }
            }
            _ => {}
        }
    }
    Err(lost(ServiceLoss::Early))
}

/// Asks a daemon that runs for a synchronization, and does not wait for it; without a daemon nothing happens.
pub async fn wake(root: &Root) {
    let asked = async {
        let stream = UnixStream::connect(root.socket())
            .await
            .map_err(unconnected)?;
        let question = serde_json::to_vec(&Errand::whole()).expect("plain data always serialises");
        let answer = call(stream, Method::POST, "/v1/sync", question.into()).await?;
        succeeded(answer).await
    };
    // Whoever asks has done its own work already: the daemon finds out by itself at its next interval.
    let _ = tokio::time::timeout(WAKING, asked).await;
}

/// Whether a daemon that is there answers at all; any answer will do. One that is not there is no case of this.
///
/// # Errors
/// `daemon.silent`.
pub async fn awake(root: &Root) -> Result<(), Fault> {
    let asked = async {
        let stream = UnixStream::connect(root.socket())
            .await
            .map_err(unconnected)?;
        begun(stream, Method::GET, "/v1/", Bytes::new()).await
    };
    match tokio::time::timeout(AWAKE_TIMEOUT, asked).await {
        Ok(_) => Ok(()),
        Err(_) => Err(silent(AWAKE_TIMEOUT)),
    }
}

/// How a daemon that runs reaches central, and what it says of its configuration; `None` without one, and where it does
/// not answer this caller at once.
pub async fn in_force(root: &Root) -> Option<ServiceConfig> {
    #[derive(Deserialize)]
    struct StatusBody {
        daemon: DaemonBody,
    }
    #[derive(Deserialize)]
    struct DaemonBody {
        line: ServiceConfig,
        config_fault: Option<ReportedFault>,
        push_fault: Option<ReportedFault>,
    }
    let asked = async {
        let stream = UnixStream::connect(root.socket())
            .await
            .map_err(unconnected)?;
        let answer = call(stream, Method::GET, "/v1/status", Bytes::new()).await?;
        let body = succeeded(answer).await?.into_body();
        body.collect().await.map_err(gone)
    };
    let answer = tokio::time::timeout(ASKING, asked).await.ok()?.ok()?;
    let status: StatusBody = serde_json::from_slice(&answer.to_bytes()).ok()?;
    Some(ServiceConfig {
        fault: status.daemon.config_fault,
        push: status.daemon.push_fault,
        ..status.daemon.line
    })
}

#[derive(Deserialize)]
struct AcceptedBody {
    run: u64,
}

/// A call whose answer begins in time.
async fn call(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Response<Incoming>, Fault> {
    let begun = begun(stream, method, path, body);
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, begun).await;
    answer.unwrap_or_else(|_| Err(silent(ANSWER_TIMEOUT)))
}

async fn begun(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Response<Incoming>, Fault> {
    let stream: BoxedStream = Box::new(stream);
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
    system::task::spawn_local(async move {
        // Its end is seen by whoever reads the answer.
        let _ = connection.await;
    });
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "boxsync")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(gone)?;
    send.send_request(request).await.map_err(gone)
}

/// What the daemon refuses, and why: as a value where it sends one, else in its words.
async fn succeeded(answer: Response<Incoming>) -> Result<Response<Incoming>, Fault> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(gone)?;
    let Finding { code, cause } = serde_json::from_slice(&body.to_bytes()).map_err(|_| {
        let status = status.as_u16();
        lost(ServiceLoss::Status { status })
    })?;
    let fault = match code.known() {
        Some(code) => Fault::new(code, cause),
        // Of a newer service: what it is cannot be explained here, but is told.
        None => Fault::new(Code::DaemonNewer, format!("{cause} [{code}]")),
    };
    Err(fault.classed(FaultClass::Operator).ending(Outcome::Failed))
}

/// One server-sent event (WHATWG HTML 9.2); without a name it is a comment.
struct ServerEvent {
    kind: String,
    id: Option<String>,
    data: Json,
}

/// Server-sent events as they come.
struct Events {
    body: Incoming,
    held: Vec<u8>,
}

impl Events {
    /// The next one; `None` at the end.
    async fn next(&mut self, root: &Root) -> Result<Option<ServerEvent>, Fault> {
        loop {
            if let Some(end) = self.held.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.held.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let data = field("data: ").unwrap_or("null");
                return Ok(Some(ServerEvent {
                    kind: field("event: ").unwrap_or_default().to_owned(),
                    id: field("id: ").map(str::to_owned),
                    data: serde_json::from_slice(data.as_bytes()).map_err(gone)?,
                }));
            }
            if self.held.len() > EVENT {
                return Err(lost(ServiceLoss::Endless));
            }
            let Ok(frame) = tokio::time::timeout(QUIET_PERIOD, self.body.frame()).await else {
                awake(root).await?;
                continue;
            };
            match frame {
                Some(frame) => {
                    if let Ok(data) = frame.map_err(gone)?.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

/// What a library says of an answer that did not come whole.
fn gone(why: impl std::fmt::Display) -> Fault {
    let words = why.to_string().as_str().into();
    lost(ServiceLoss::Answer { words })
}

fn unconnected(error: std::io::Error) -> Fault {
    let why = (&error).into();
    lost(ServiceLoss::Connection { why })
}

fn silent(patience: Duration) -> Fault {
    let seconds = patience.as_secs();
    Fault::new(Code::DaemonSilent, ServiceCause::Silent { seconds }).classed(FaultClass::Operator)
}

fn lost(why: ServiceLoss) -> Fault {
    Fault::new(Code::DaemonGone, ServiceCause::Lost { why })
}
