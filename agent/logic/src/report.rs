//! The account of one synchronisation: counters, outcome, and the client state that central is told.
//! Never decides how a run goes on.
//! Called by `sync`, which fills it, and by the command line, which prints it.

mod kept;
mod origin;
mod space;
mod sum;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::entity::EntityType;
use crate::exam::ExecutionCount;
use crate::fault::{Cause, Code, CodeName, Fault, Finding, in_text};
use crate::gateway::confirm::Confirmation;
use crate::package::waiting::Waiting;
use crate::words::{Outcome, SyncParams};

pub use kept::KeptReport;
pub use origin::StickOrigin;
use space::space;
pub use sum::sum;

/// Counters of one entity type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityCount {
    /// New on the box.
    pub created: u64,
    /// Changed on central.
    pub updated: u64,
    /// Equal.
    pub unchanged: u64,
    /// Removed, because central no longer names them.
    pub deleted: u64,
    /// Not named any more, but kept (design 1, promise 5).
    pub held_back: u64,
    /// Named, but not brought home.
    pub failed: u64,
}

/// Counters of the test packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageCount {
    /// Fetched, verified and visible since this run.
    pub downloaded: u64,
    /// Held before.
    pub unchanged: u64,
    /// Wanted, but not held.
    pub failed: u64,
    /// Bytes of package content received.
    pub bytes_on_wire: u64,
    /// Plain bytes of the packages that this run made visible.
    pub bytes_stored: u64,
    /// Wanted, and still under way when this run ended: they go on beside the runs.
    #[serde(default, with = "in_text")]
    pub waiting: u64,
    /// What they wait for, if for anything but time.
    #[serde(default, with = "in_text")]
    pub waiting_for: Option<Waiting>,
}

/// Counters of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResultCount {
    /// Stored by central, with its word for it.
    pub acknowledged: u64,
    /// Not accepted by a central that is well.
    pub refused: u64,
    /// May or may not be stored; kept.
    pub unconfirmed: u64,
    /// Waiting.
    pub queued: u64,
    /// Handed over in a file or on a stick, and not known to have arrived.
    #[serde(default, with = "in_text")]
    pub carried: u64,
    /// Of what was stored: accepted by other boxes, and taken over from them.
    #[serde(default, with = "in_text")]
    pub adopted: u64,
}

/// Counters of delivery logs (rows) or test sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCount {
    /// Stored by central, with its word for it.
    pub acknowledged: u64,
    /// Not accepted.
    pub refused: u64,
    /// Waiting.
    pub queued: u64,
    /// Sent again because an answer was lost: central may hold them twice.
    pub doubled: u64,
}

/// What one pass over the spool did and left (design 3 "Results", "Logs and sessions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwedCount {
    /// Results.
    pub results: ResultCount,
    /// Delivery log rows.
    pub logs: RowCount,
    /// Test sessions.
    pub sessions: RowCount,
}

/// The link as this run met it. Mbit/s are 2^20 bits per second, as TAO counts them (protocol 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ConnectionStats {
    /// Mbit/s towards the box; 0 when nothing was measured.
    pub download_mbit_s: f64,
    /// Mbit/s towards central; 0 when nothing was measured.
    pub upload_mbit_s: f64,
    /// Requests sent, token requests included.
    pub requests: u64,
    /// Bytes read from sockets, headers and TLS included.
    pub bytes_received: u64,
    /// Bytes written to sockets, headers and TLS included.
    pub bytes_sent: u64,
}

/// The object that ends `sync --json` (design 4.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this shape.
    pub schema: u8,
    /// Number of this synchronisation.
    pub sync_id: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Stable and dotted; `ok` when all went well.
    pub code: CodeName,
    /// In words; empty when all went well.
    pub reason: String,
    /// Box id.
    pub box_id: String,
    /// VM version of the box.
    pub tao_version: String,
    /// Organisation of the box.
    pub organisation_id: String,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds.
    pub finished_at: i64,
    /// By type, in the words of the wire.
    pub entities: BTreeMap<String, EntityCount>,
    /// Test packages.
    pub packages: PackageCount,
    /// Results.
    pub results: ResultCount,
    /// Delivery log rows.
    pub logs: RowCount,
    /// Test sessions.
    pub sessions: RowCount,
    /// The link.
    pub connection: ConnectionStats,
    /// What was being sat at its end, by delivery and state, as the delivery engine told it.
    #[serde(default, with = "in_text")]
    pub executions: Vec<ExecutionCount>,
    /// Everything that went wrong or waits, in order, each told once: code and reason.
    pub findings: Vec<Finding>,
    /// Central's last wish to be left alone for so long; for the next run's time, not for the account.
    #[serde(skip)]
    pub wish: Option<std::time::Duration>,
    /// How far central's clock is ahead of the box's, in seconds, as it was heard over TLS; for the journal alone.
    #[serde(skip)]
    pub skew: Option<i64>,
}

/// More findings than this are counted, not kept: a run that fails on every entity stays readable.
const FINDINGS_KEPT: usize = 50;

impl Report {
    /// Whether the run found everything as it was: all well, nothing new on either side.
    pub fn is_unchanged(&self) -> bool {
        let still = |count: &EntityCount| {
            EntityCount {
                unchanged: 0,
                ..*count
            } == EntityCount::default()
        };
        let moved = self.packages.downloaded + self.packages.failed + self.packages.waiting;
        let sent = [
            self.results.acknowledged,
            self.results.refused,
            self.results.unconfirmed,
        ]
        .into_iter()
        .chain([self.logs.acknowledged, self.logs.refused])
        .chain([self.sessions.acknowledged, self.sessions.refused]);
        self.outcome == Outcome::Finished
            && self
                .findings
                .iter()
                .all(|found| found.code == Code::CatalogueInUse)
            && self.entities.values().all(still)
            && moved == 0
            && sent.sum::<u64>() == 0
    }

    /// An empty account of a run that begins now.
    pub fn new(params: &SyncParams, started_at: i64) -> Self {
        Self {
            schema: 1,
            sync_id: params.sync_id,
            outcome: Outcome::Finished,
            code: Code::Ok.into(),
            reason: String::new(),
            box_id: params.box_id.clone(),
            tao_version: params.tao_version.clone(),
            organisation_id: params.organisation_id.clone(),
            started_at,
            finished_at: started_at,
            entities: BTreeMap::new(),
            packages: PackageCount::default(),
            results: ResultCount::default(),
            logs: RowCount::default(),
            sessions: RowCount::default(),
            connection: ConnectionStats::default(),
            executions: Vec::new(),
            findings: Vec::new(),
            wish: None,
            skew: None,
        }
    }

    /// The counters of one type.
    pub fn entity(&mut self, kind: EntityType) -> &mut EntityCount {
        self.entities.entry(kind.word().to_owned()).or_default()
    }

    /// Takes in what the run before brought, for whoever waited over both: the same packages, one account.
    pub fn follows(&mut self, before: &Self) {
        self.started_at = before.started_at;
        let (all, first) = (&mut self.packages, &before.packages);
        all.downloaded += first.downloaded;
        // What the one before brought is held before by now.
        all.unchanged = all.unchanged.saturating_sub(first.downloaded);
        all.bytes_on_wire += first.bytes_on_wire;
        all.bytes_stored += first.bytes_stored;
        self.results.acknowledged += before.results.acknowledged;
        self.logs.acknowledged += before.logs.acknowledged;
        self.sessions.acknowledged += before.sessions.acknowledged;
    }

    /// What it ended with: the value that one of its findings has, else its words.
    pub fn cause(&self) -> Cause {
        let named = |told: &&Finding| told.code == self.code && told.reason() == self.reason;
        let cause = self.findings.iter().find(named).map(|told| &told.cause);
        cause.cloned().unwrap_or_else(|| Cause::from(&self.reason))
    }

    /// How many packages central did not have in the last of these runs, newest first, that asked for them.
    pub fn absent(reports: &[Self]) -> u64 {
        let asked = |report: &&Self| {
            let packages = &report.packages;
            packages.downloaded + packages.unchanged + packages.failed > 0
        };
        reports.iter().find(asked).map_or(0, |report| {
            let missing = |finding: &&Finding| finding.code == Code::PackageMissing;
            report.findings.iter().filter(missing).count() as u64
        })
    }

    /// What seems to be one thing is known to be another: `trouble`, made of how many findings seem so, stands for them.
    pub fn retell(&mut self, seems: Code, trouble: impl FnOnce(u64) -> Fault) {
        let before = self.findings.len();
        self.findings.retain(|finding| finding.code != seems);
        let count = (before - self.findings.len()) as u64;
        if count > 0 {
            let trouble = trouble(count);
            self.note(&trouble);
            self.rename(seems, &trouble);
        }
    }

    /// A run that is named by what seems so is named by this.
    pub fn rename(&mut self, seems: Code, trouble: &Fault) {
        if self.code == seems {
            self.code = trouble.code.into();
            self.reason = trouble.reason();
        }
    }

    /// Notes a finding; the first one fails the run and names it.
    pub fn find(&mut self, trouble: &Fault) {
        self.wish = trouble.retry_after.or(self.wish);
        if self.outcome == Outcome::Finished {
            self.code = trouble.code.into();
            self.reason = trouble.reason();
            self.outcome = Outcome::Failed;
        }
        self.note(trouble);
    }

    /// Notes what is to be known and is no failure: the run ends as it would without.
    pub fn note(&mut self, trouble: &Fault) {
        if self.findings.len() < FINDINGS_KEPT {
            self.findings
                .push(Finding::new(trouble.code, trouble.cause.clone()));
        }
    }

    /// Notes a finding that several passes of one run may bring.
    pub fn find_once(&mut self, trouble: &Fault) {
        let same = |told: &Finding| told.code == trouble.code && told.cause == trouble.cause;
        if !self.findings.iter().any(same) {
            self.find(trouble);
        }
    }

    /// Notes the trouble that ends the run: it names the run whatever was found before.
    pub fn stop(&mut self, trouble: &Fault) {
        self.find(trouble);
        self.outcome = trouble.outcome;
        self.code = trouble.code.into();
        self.reason = trouble.reason();
    }
}

/// What the host tells about itself for the client state (protocol 9.2). `None` is "cannot be evaluated".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Survey {
    /// Bytes used below the data path, bytes free on its volume.
    pub disk: Option<(u64, u64)>,
    /// Bytes that the store takes, bytes free on its volume.
    pub database: Option<(u64, u64)>,
    /// What clients of the gateway confirmed and central was not told yet, oldest first.
    pub clients: Vec<Confirmation>,
}

/// The client state of a run in the exact shape of protocol 9.2: complete nodes only, warnings instead of errors,
/// since an error node would mark the run failed on central (design 4.2).
pub fn client_state(report: &Report, survey: &Survey) -> Json {
    let mut children = vec![
        space("Disk space", "disk_space_utilization", survey.disk),
        space("Database", "database_space_utilization", survey.database),
        statistics(&report.connection),
    ];
    children.extend(report.findings.iter().map(|finding| {
        node(
            "warning",
            &format!("{} ({})", finding.reason(), finding.code),
            &Json::Null,
        )
    }));
    children.extend(under_way(&report.packages));
    children.extend(survey.clients.iter().map(client));
    json!({ "type": "info", "message": "Offline machine usage report", "data": null, "children": children })
}

/// The link as it was met. A rate that nothing was measured of is left out: central would take 0 for one.
fn statistics(connection: &ConnectionStats) -> Json {
    let mut told = serde_json::Map::new();
    for (name, rate) in [
        ("download_mbit_s", connection.download_mbit_s),
        ("upload_mbit_s", connection.upload_mbit_s),
    ] {
        if rate > 0.0 {
            told.insert(name.into(), json!(rate));
        }
    }
    told.insert("requests".into(), json!(connection.requests));
    let data = json!({ "connection_statistics": told });
    node("info", "Connection statistics", &data)
}

/// Packages that are not claimed to be there, since they are not.
fn under_way(packages: &PackageCount) -> Option<Json> {
    let count = packages.waiting;
    let noun = if count == 1 {
        "package is"
    } else {
        "packages are"
    };
    let why = packages.waiting_for.map_or_else(String::new, |waiting| {
        format!(", waiting for {}", waiting.reason.words())
    });
    let message = format!("{count} test {noun} still under way{why} (package.waiting)");
    (count > 0).then(|| node("warning", &message, &Json::Null))
}

/// What a client of the gateway said of its run. Its own figures are left out: central merges the data of all nodes by
/// key, and disk and database of the box are told above.
fn client(confirmation: &Confirmation) -> Json {
    let run = confirmation.run.as_ref();
    let number = run.map_or(String::new(), |run| format!(" {}", plain(&run.sync_id, 20)));
    let data = run.map_or(Json::Null, |run| {
        json!({ format!("client_sync_{}", plain(&run.sync_id, 20)): {
            "box_id": plain(&run.box_id, 50),
            "finished": confirmation.finished,
            "at": confirmation.at,
            "tao_version": confirmation.tao_version.as_deref().map(|version| plain(version, 50)),
        }})
    });
    let (kind, end) = match (confirmation.finished, &confirmation.reason) {
        (true, _) => ("info", "finished".to_owned()),
        (false, None) => ("warning", "failed".to_owned()),
        (false, Some(reason)) => ("warning", format!("failed: {}", words(reason))),
    };
    let mut told = node(
        kind,
        &format!("Synchronization{number} of the TAO on this box {end}"),
        &data,
    );
    let state = confirmation
        .client_state
        .as_deref()
        .and_then(|text| serde_json::from_slice(text.as_bytes()).ok());
    let mut wrong = Vec::new();
    collect(&state.unwrap_or_default(), &mut wrong, &|node| {
        matches!(node["type"].as_str(), Some("warning" | "error"))
    });
    told["children"] = wrong
        .iter()
        .map(|message| node("warning", message, &Json::Null))
        .collect();
    told
}

/// A reason in words: the messages of a list of reports, which old clients send, or the text itself.
fn words(reason: &str) -> String {
    let mut messages = Vec::new();
    if let Ok(reports) = serde_json::from_slice::<Json>(reason.as_bytes()) {
        collect(&reports, &mut messages, &|_| true);
    }
    match messages.is_empty() {
        true => plain(reason, 500),
        false => plain(&messages.join("; "), 500),
    }
}

/// The messages of the nodes that count, in order, a few of them.
fn collect(tree: &Json, found: &mut Vec<String>, counts: &dyn Fn(&Json) -> bool) {
    const MAX_MESSAGES: usize = 10;
    if let (Some(message), true) = (tree["message"].as_str(), counts(tree))
        && found.len() < MAX_MESSAGES
    {
        found.push(plain(message, 300));
    }
    let inner = tree.as_array().or_else(|| tree["children"].as_array());
    for node in inner.into_iter().flatten() {
        collect(node, found, counts);
    }
}

/// Text that every database keeps: no control characters, and not longer than `most` characters.
fn plain(text: &str, most: usize) -> String {
    let printable = text.chars().filter(|letter| !letter.is_control());
    printable.take(most).collect()
}

fn node(kind: &str, message: &str, data: &Json) -> Json {
    json!({ "type": kind, "message": message, "data": data, "children": [] })
}

#[cfg(test)]
mod tests;
