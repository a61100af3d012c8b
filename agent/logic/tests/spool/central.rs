//! A central as protocol 7 and 8 describe it: mapping after the last variable, duplicates fail, types kill the request.
//! Never shares code with the product: it reads the bodies as JSON and keeps what a database would.
//! Used by `tests/spool.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use logic::api::{Call, CallBody, Reply};
use logic::fault::{Code, Fault};
use logic::words::Now;
use serde_json::{Value as Json, json};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Nothing.
    None,
    /// No connection: surely not sent.
    Unsent,
    /// Cut before central saw it.
    CutBefore,
    /// Processed, the answer is lost.
    CutAfter,
    /// Central dies after so many stored variables or rows; the connection is cut.
    Dies(usize),
    /// The same, but PHP still says 500 with an empty body.
    Died(usize),
    /// The answer is given up; central processes the request half a minute later.
    Late,
    /// A gateway's 503 before, its 504 after processing.
    Gateway(bool),
    /// A portal's page instead of an answer, after processing or not.
    Page(bool),
    /// 429 with a wish.
    Busy,
    /// TAO's own maintenance page.
    Maintenance,
    /// Processed, but slowly.
    Slow,
    /// TAO fails after so many stored variables or rows and says so: 500 with an `errorCode`.
    Errs(usize),
    /// The storage is away after so many stored variables or rows: `success` 0 for everything from then on.
    Blip(usize),
    /// PHP dies of whatever comes, without a word; as long as it lasts, of probes too.
    Sick,
}

/// How central answers rows with a key that is no column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// The group fails (PostgreSQL, 2022.11).
    Strict,
    /// Every group fails, mapped or not: a broken log.
    Broken,
    /// No row is named (before taoSync 1.4.0).
    Unnamed,
    /// The key is passed over and the row is stored.
    Stored,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct StoredExecution {
    pub(crate) id: String,
    pub(crate) variables: Vec<String>,
    pub(crate) state: String,
    /// All variables of its first entry were stored.
    pub(crate) complete: bool,
    /// An encrypted central decrypts it until then: what is added meanwhile is acknowledged and vanishes.
    busy: Duration,
}

pub(crate) struct ResultCentral {
    pub(crate) executions: Vec<StoredExecution>,
    pub(crate) mapping: BTreeMap<String, usize>,
    /// Row ids by execution, as often as they are stored.
    pub(crate) rows: BTreeMap<String, Vec<String>>,
    pub(crate) sessions: BTreeMap<String, u32>,
    pub(crate) users: Vec<Json>,
    pub(crate) script: VecDeque<Mishap>,
    /// The script befalls requests with the result of this execution alone.
    pub(crate) aim: Option<&'static str>,
    pub(crate) columns: Columns,
    /// Its storage takes a variable that it holds once more (before taoOutcomeRds 6.1).
    pub(crate) twice: bool,
    /// Bytes of a body that the web server takes.
    pub(crate) limit: usize,
    /// Executions that were alone in a request that died or failed by a fault.
    pub(crate) hurt: BTreeSet<String>,
    /// Calls by name, whether they carried a `sync_id`, and their ids.
    pub(crate) calls: Vec<(&'static str, bool, Vec<String>)>,
    /// Requests that it is still at, with the mapping as they found it.
    late: Vec<(Duration, Call, BTreeMap<String, usize>)>,
    /// Requests of results after which every further one dies.
    pub(crate) well_for: usize,
    budget: Option<usize>,
    /// Writes until the storage is away.
    storage: Option<usize>,
    /// Whether the service for LTI users exists.
    pub(crate) lti: bool,
    /// It takes maps of encrypted rows and dies of anything else (protocol 7.7).
    pub(crate) encrypted: bool,
    now: Duration,
}

/// What TAO answers while its database is away (recorded).
const DOWN: &str = r#"{"success":false,"version":"2022.11","errorCode":500,"errorMsg":""}"#;

/// PHP died.
struct PhpCrash;

impl ResultCentral {
    pub(crate) fn new(script: Vec<Mishap>) -> Self {
        Self {
            executions: Vec::new(),
            mapping: BTreeMap::new(),
            rows: BTreeMap::new(),
            sessions: BTreeMap::new(),
            users: Vec::new(),
            script: script.into(),
            aim: None,
            columns: Columns::Strict,
            twice: false,
            limit: usize::MAX,
            hurt: BTreeSet::new(),
            calls: Vec::new(),
            late: Vec::new(),
            well_for: usize::MAX,
            budget: None,
            storage: None,
            lti: false,
            encrypted: false,
            now: Duration::ZERO,
        }
    }

    /// Requests that central was still at.
    pub(crate) fn pass(&mut self, now: Now) {
        let (due, late): (Vec<_>, Vec<_>) =
            self.late.drain(..).partition(|(at, ..)| *at <= now.mono);
        self.late = late;
        for (at, call, found) in due {
            // When it came to it, not when somebody looks.
            self.now = at;
            let known = std::mem::replace(&mut self.mapping, found);
            let _ = self.process(&call);
            let mut mapping = known;
            mapping.append(&mut self.mapping);
            self.mapping = mapping;
        }
        self.now = now.mono;
    }

    /// Its own import takes a file (protocol 11.1): entry by entry as by the route, until one that it dies of.
    pub(crate) fn import(&mut self, file: &Json, now: Now) {
        self.pass(now);
        let _ = self.results(file);
    }

    /// The answer and how long it took.
    pub(crate) fn answer(&mut self, call: &Call, now: Now) -> (Result<Reply, Fault>, Duration) {
        self.pass(now);
        let ids = ids(call);
        let logged = body(call)["sync_params"]["sync_id"].is_u64();
        self.calls.push((call.name, logged, ids.clone()));
        let aimed = |of: &str| call.name == "results" && ids == [of];
        let fault = match self.aim.is_none_or(aimed) {
            true => self.script.pop_front().unwrap_or(Mishap::None),
            false => Mishap::None,
        };
        if fault != Mishap::None && ids.len() <= 2 {
            self.hurt.extend(ids);
        }
        let quick = Duration::from_millis(300);
        let CallBody::Json(bytes) = &call.body else {
            panic!("not JSON")
        };
        if bytes.len() > self.limit && fault != Mishap::Unsent {
            return (Ok(reply(413, "<html>too large")), quick);
        }
        let answer = match fault {
            Mishap::None => Ok(self.process(call)),
            Mishap::Slow => return (Ok(self.process(call)), Duration::from_secs(30)),
            Mishap::Unsent => Err(net(Code::NetRefused)),
            Mishap::CutBefore => Err(net(Code::NetReset)),
            Mishap::CutAfter => {
                let _ = self.process(call);
                Err(net(Code::NetCut))
            }
            Mishap::Dies(after) => {
                self.budget = Some(after);
                let _ = self.process(call);
                self.budget = None;
                Err(net(Code::NetReset))
            }
            Mishap::Died(after) => {
                self.budget = Some(after);
                let answer = self.process(call);
                self.budget = None;
                Ok(answer)
            }
            Mishap::Late => {
                let at = now.mono + Duration::from_secs(30);
                self.late.push((at, call.clone(), self.mapping.clone()));
                Err(net(Code::NetTimeout))
            }
            Mishap::Gateway(after) => {
                if after {
                    let _ = self.process(call);
                }
                Ok(reply(if after { 504 } else { 503 }, ""))
            }
            Mishap::Page(after) => {
                if after {
                    let _ = self.process(call);
                }
                Ok(reply(200, "<html>Welcome to the airport"))
            }
            Mishap::Busy => Ok(Reply {
                headers: vec![("retry-after".into(), "3".into())],
                ..reply(429, "")
            }),
            Mishap::Sick => Ok(reply(500, "")),
            Mishap::Errs(after) => {
                self.budget = Some(after);
                let answer = self.process(call);
                self.budget = None;
                Ok(match answer.status {
                    500 => reply(500, DOWN),
                    _ => answer,
                })
            }
            Mishap::Blip(after) => {
                self.storage = Some(after);
                let answer = self.process(call);
                self.storage = None;
                Ok(answer)
            }
            Mishap::Maintenance => Ok(reply(200, "<html><title>Currently Under Maintenance")),
        };
        (answer, quick)
    }

    fn process(&mut self, call: &Call) -> Reply {
        let body = body(call);
        let done = match call.name {
            "results" => self.results(&body["results"]),
            "logs" | "probe" => self.logs(&body["delivery_logs"]),
            "sessions" => self.sessions(&body["test_sessions"]),
            "lti_users" if self.lti => {
                self.users
                    .extend(body["lti_users"].as_array().unwrap().iter().cloned());
                return reply(200, "[]");
            }
            "lti_users" => {
                return reply(
                    500,
                    r#"{"success":false,"errorCode":0,"errorMsg":"Unexpected error. Please contact administrator"}"#,
                );
            }
            other => panic!("{other}"),
        };
        match done {
            Ok(map) if map.is_empty() => reply(200, "[]"),
            Ok(map) => reply(200, &Json::Object(map).to_string()),
            Err(PhpCrash) => reply(500, ""),
        }
    }

    /// Whether the storage takes one thing more.
    fn stores(&mut self) -> bool {
        match &mut self.storage {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    /// One thing is written; a scripted death comes when the budget is used up.
    fn write(&mut self) -> Result<(), PhpCrash> {
        match &mut self.budget {
            Some(0) => Err(PhpCrash),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn results(&mut self, results: &Json) -> Result<serde_json::Map<String, Json>, PhpCrash> {
        let mut acks = serde_json::Map::new();
        self.well_for = self.well_for.checked_sub(1).ok_or(PhpCrash)?;
        for (id, result) in results.as_object().unwrap() {
            let at = self.mapping.get(id).copied().unwrap_or_else(|| {
                self.executions.push(StoredExecution {
                    id: id.clone(),
                    ..StoredExecution::default()
                });
                self.executions.len() - 1
            });
            // Null leaves the state alone.
            if let Some(state) = result["details"]["state"].as_str() {
                self.executions[at].state = state.to_owned();
            }
            let mut success = true;
            if self.encrypted {
                success = self.encrypted_rows(at, &result["variables"])?;
            }
            for variable in result["variables"].as_array().into_iter().flatten() {
                match variable["data"]["identifier"].as_str().unwrap() {
                    "POISON_TYPE" => return Err(PhpCrash),
                    "POISON_STORE" => success = false,
                    _ => {}
                }
                let text = variable.to_string();
                success &= self.twice || !self.executions[at].variables.contains(&text);
                success &= success && self.stores();
                if !success {
                    break;
                }
                self.write()?;
                self.executions[at].variables.push(text);
            }
            success &= success && self.stores();
            if success {
                self.write()?;
                self.executions[at].complete = true;
                self.mapping.insert(id.clone(), at);
            }
            acks.insert(id.clone(), json!({ "success": u8::from(success) }));
        }
        Ok(acks)
    }

    /// Rows of an encrypted result, unread; the task that opens them is at it for a minute.
    fn encrypted_rows(&mut self, at: usize, variables: &Json) -> Result<bool, PhpCrash> {
        let Some(map) = variables.as_object() else {
            // An empty list is an empty map.
            return match variables.as_array() {
                Some(list) if list.is_empty() => Ok(true),
                _ => Err(PhpCrash),
            };
        };
        let (now, busy) = (self.now, self.executions[at].busy);
        for row in map.values() {
            if !self.stores() {
                return Ok(false);
            }
            self.write()?;
            let execution = &mut self.executions[at];
            let text = row.as_str().unwrap().to_owned();
            let held = execution.variables.contains(&text);
            if !(held || execution.complete && now < busy) {
                execution.variables.push(text);
            }
        }
        self.executions[at].busy = now + Duration::from_secs(60);
        Ok(true)
    }

    fn logs(&mut self, groups: &Json) -> Result<serde_json::Map<String, Json>, PhpCrash> {
        const REQUIRED: [&str; 6] = [
            "id",
            "delivery_execution_id",
            "event_id",
            "data",
            "created_at",
            "created_by",
        ];
        let mut acks = serde_json::Map::new();
        for (id, rows) in groups.as_object().unwrap() {
            let mut stored = Vec::new();
            for row in rows.as_array().unwrap() {
                let valid = REQUIRED.iter().all(|key| !row[key].is_null());
                let mapped = row["delivery_execution_id"].as_str();
                let mapped = mapped.is_some_and(|id| self.mapping.contains_key(id));
                if self.encrypted && valid && mapped && !row["data"].is_string() {
                    return Err(PhpCrash);
                }
                let execution = row["delivery_execution_id"].as_str().unwrap_or_default();
                if valid && self.mapping.contains_key(execution) {
                    stored.push((row.clone(), execution.to_owned()));
                }
            }
            let foreign = stored.iter().any(|(row, _)| row.get("probe").is_some());
            let refused = stored.iter().any(|(row, _)| row["event_id"] == "POISON")
                || (!stored.is_empty() && !self.stores());
            if stored.iter().any(|(row, _)| row["event_id"] == "DEADLY") {
                return Err(PhpCrash);
            }
            let fails = match self.columns {
                Columns::Strict | Columns::Unnamed => foreign,
                Columns::Broken => true,
                Columns::Stored => false,
            };
            if fails || refused {
                acks.insert(id.clone(), json!({ "success": 0 }));
                continue;
            }
            for (row, execution) in &stored {
                self.write()?;
                let text = row["id"].as_str().unwrap().to_owned();
                self.rows.entry(execution.clone()).or_default().push(text);
            }
            let ids: Vec<_> = stored.iter().map(|(row, _)| row["id"].clone()).collect();
            let ack = match self.columns {
                Columns::Unnamed => json!({ "success": 1 }),
                _ => json!({ "success": 1, "logsSynced": ids }),
            };
            acks.insert(id.clone(), ack);
        }
        Ok(acks)
    }

    fn sessions(&mut self, ids: &Json) -> Result<serde_json::Map<String, Json>, PhpCrash> {
        let mut acks = serde_json::Map::new();
        for id in ids.as_array().unwrap() {
            let id = id.as_str().unwrap();
            let mapped = self.mapping.contains_key(id) && self.stores();
            if mapped {
                self.write()?;
                *self.sessions.entry(id.to_owned()).or_default() += 1;
            }
            acks.insert(id.to_owned(), json!({ "success": u8::from(mapped) }));
        }
        Ok(acks)
    }
}

pub(crate) fn body(call: &Call) -> Json {
    match &call.body {
        CallBody::Json(body) => serde_json::from_slice(body).unwrap(),
        _ => panic!("not JSON"),
    }
}

fn ids(call: &Call) -> Vec<String> {
    let body = body(call);
    for key in ["results", "delivery_logs"] {
        if let Some(map) = body[key].as_object() {
            return map.keys().cloned().collect();
        }
    }
    match body["test_sessions"].as_array() {
        Some(list) => list.iter().map(|id| id.as_str().unwrap().into()).collect(),
        None => Vec::new(),
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

fn net(code: Code) -> Fault {
    Fault::new(code, "the line failed")
}
