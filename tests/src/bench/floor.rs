//! The floor of a synchronization: the same pages, details and packages over as many connections, thrown away.
//! Never stores, verifies or decrypts; of an answer it reads only what leads to the next request.
//! Called by the catalogue's benchmark.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::Result;
use crate::client::{BenchClient, encode};
use crate::measure::{self, Cost};
use crate::site::BenchCentral;

const KINDS: [&str; 6] = [
    "test-center",
    "administrator",
    "proctor",
    "test-taker",
    "eligibility",
    "delivery",
];
/// As many details as the box asks for in one call at most.
const BATCH: usize = 100;
const API: &str = "/taoSync/SynchronisationApi";

enum FloorJob {
    Page(&'static str, String),
    Details(&'static str, Vec<String>),
    Package(String),
}

#[derive(Default)]
struct Work {
    jobs: VecDeque<FloorJob>,
    busy: usize,
    failed: Option<String>,
    known: HashMap<String, String>,
}

/// A bare client that remembers checksums between its runs, in memory.
#[derive(Default)]
pub(crate) struct Floor {
    known: HashMap<String, String>,
}

impl Floor {
    /// One run over so many connections; its cost is that of this process.
    pub(crate) fn run(&mut self, central: &BenchCentral, connections: usize) -> Result<Cost> {
        let known = std::mem::take(&mut self.known);
        let (cost, known) = measure::own(|| {
            let bearer = central.bearer()?;
            BenchClient::tcp(central.address, &bearer)?.good(
                "GET",
                "/taoSync/api/supportedVm",
                "",
            )?;
            let pages = KINDS.iter().map(|kind| {
                let params = "params%5Borganisation_id%5D=1001&params%5Bsync_id%5D=1&params%5Bbox_id%5D=bench&params%5Btao_version%5D=2022.11";
                FloorJob::Page(kind, format!("{API}/fetchEntityChecksums?type={kind}&{params}"))
            });
            let work = Mutex::new(Work {
                jobs: pages.collect(),
                known,
                ..Work::default()
            });
            let turn = Condvar::new();
            std::thread::scope(|scope| {
                for _ in 0..connections {
                    scope.spawn(|| lane(central, &bearer, &work, &turn));
                }
            });
            let work = work.into_inner().unwrap_or_else(PoisonError::into_inner);
            match work.failed {
                Some(reason) => Err(reason.into()),
                None => Ok(work.known),
            }
        })?;
        self.known = known;
        Ok(cost)
    }
}

fn lane(central: &BenchCentral, bearer: &str, work: &Mutex<Work>, turn: &Condvar) {
    let lock = || work.lock().unwrap_or_else(PoisonError::into_inner);
    let mut client = None;
    loop {
        let mut state = lock();
        let job = loop {
            match state.jobs.pop_front() {
                Some(job) => break job,
                None if state.busy == 0 || state.failed.is_some() => return turn.notify_all(),
                None => {
                    // The others may be long: central closes what is idle.
                    client = None;
                    state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        state.busy += 1;
        drop(state);
        let done = exchange(central, bearer, &mut client, job, work);
        let mut state = lock();
        state.busy -= 1;
        match done {
            // The next page leads to more work than anything else that waits.
            Ok(more) => more.into_iter().for_each(|job| state.jobs.push_front(job)),
            Err(error) => state.failed = Some(error.to_string()),
        }
        turn.notify_all();
    }
}

fn exchange(
    central: &BenchCentral,
    bearer: &str,
    client: &mut Option<BenchClient>,
    job: FloorJob,
    work: &Mutex<Work>,
) -> Result<Vec<FloorJob>> {
    let client = match client {
        Some(client) => client,
        None => client.insert(BenchClient::tcp(central.address, bearer)?),
    };
    match job {
        FloorJob::Package(uri) => {
            client.good(
                "GET",
                &format!("{API}/getDeliveryTest?delivery-uri={}", encode(&uri)),
                "",
            )?;
            Ok(Vec::new())
        }
        FloorJob::Details(kind, ids) => {
            let params = json!({"organisation_id": "1001", "sync_id": 1, "box_id": "bench", "tao_version": "2022.11"});
            let body = json!({"type": kind, "entityIds": ids, "params": params});
            client.good(
                "POST",
                &format!("{API}/fetchEntityDetails"),
                &body.to_string(),
            )?;
            Ok(Vec::new())
        }
        FloorJob::Page(kind, target) => {
            let page: Value = serde_json::from_slice(&client.good("GET", &target, "")?)?;
            Ok(follow(kind, &page, work))
        }
    }
}

/// What a page leads to.
fn follow(kind: &'static str, page: &Value, work: &Mutex<Work>) -> Vec<FloorJob> {
    let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wanted = Vec::new();
    let mut fresh = false;
    for (id, entity) in page["entities"].as_object().into_iter().flatten() {
        let checksum = entity["checksum"].as_str().unwrap_or_default();
        let before = work.known.insert(id.clone(), checksum.to_owned());
        fresh = true;
        if before.as_deref() != Some(checksum) {
            if kind == "delivery" && before.is_none() {
                work.jobs.push_back(FloorJob::Package(id.clone()));
            }
            wanted.push(id.clone());
        }
    }
    for ids in wanted.chunks(BATCH) {
        work.jobs.push_back(FloorJob::Details(kind, ids.to_vec()));
    }
    let next = page["nextCallUrl"].as_str().filter(|_| fresh);
    next.map(|next| FloorJob::Page(kind, next.to_owned()))
        .into_iter()
        .collect()
}
