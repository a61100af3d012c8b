//! Results let in by the daemon with an fsync each, beside the bare flush, and their way home.
//! Never counts the daemon's start.
//! Called by `main`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{BenchClient, encode};
use crate::measure;
use crate::site::{BenchCentral, BenchSite, Process, folder};
use crate::{Result, cells, table};

const VARIABLES: usize = 40;
const QUIET: &str = "[sync]\nmeasure = false\non_boot = false\n[download]\nreserve = \"0\"\n";

/// Prints the tables for so many results; on a central with taoEncryption if `encrypted`.
pub(crate) fn run(items: usize, encrypted: bool) -> Result<()> {
    let home = folder()?;
    let mut options = vec![
        "--test-takers",
        "20",
        "--deliveries",
        "1",
        "--package-sizes",
        "40kB",
    ];
    options.extend(encrypted.then_some("--encrypted"));
    let central = BenchCentral::start(home.path(), &options)?;
    let mut rows = vec![cells(["", "items/s", "ms each", "/ floor"])];
    let site = BenchSite::new(&central, None, QUIET)?;
    // With its results: before them it asks for central's key.
    site.good(&["sync"])?;
    let delivery: Value = serde_json::from_slice(&site.good(&["packages", "--json"])?.stdout)?;
    let delivery = delivery["delivery"].as_str().unwrap_or_default().to_owned();
    let documents: Vec<(String, String)> = (0..items).map(|nth| result(nth, &delivery)).collect();
    let mut daemon = Process(
        site.command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let socket = site.root.path().join("run/boxsync/boxsync.sock");
    measure::until("the socket", Duration::from_secs(20), || {
        BenchClient::unix(&socket).is_ok()
    })?;
    let mut from = 0;
    for lanes in [1, 4] {
        let part = &documents[from..from + items / 2];
        from += items / 2;
        let floor = bare(site.root.path(), part, lanes)?;
        let own = intake(&socket, part, lanes)?;
        for (name, seconds) in [
            ("bare write, fsync, rename, fsync", floor),
            ("boxsync, PUT over the socket", own),
        ] {
            let each = seconds / part.len() as f64;
            let name = format!("{name}, {lanes} at a time");
            rows.push(vec![
                name,
                format!("{:.0}", 1.0 / each),
                format!("{:.2}", each * 1e3),
                format!("{:.2}", seconds / floor),
            ]);
        }
    }
    table(
        &format!(
            "intake of results with {VARIABLES} variables ({} kB each)",
            documents[0].1.len() / 1000
        ),
        &rows,
    );
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id()))?;
    println!(
        "  daemon's peak resident memory: {:.1} MiB",
        field(&status, "VmHWM:") / 1024.0
    );
    daemon.0.kill()?;
    daemon.0.wait()?;

    let traffic = central.traffic()?;
    let (cost, output) = site.measured(&["sync", "--results", "--json"])?;
    let traffic = central.traffic_since(traffic)?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let rows = vec![
        cells([
            "",
            "acknowledged",
            "wall s",
            "items/s",
            "CPU s",
            "peak MiB",
            "requests",
            "connections",
            "MB up",
        ]),
        vec![
            "upload".into(),
            report["results"]["acknowledged"].to_string(),
            format!("{:.2}", cost.wall),
            format!("{:.0}", from as f64 / cost.wall),
            format!("{:.2}", cost.cpu),
            format!("{:.1}", cost.rss),
            traffic.requests.to_string(),
            traffic.connections.to_string(),
            format!("{:.2}", traffic.received / 1e6),
        ],
    ];
    table(
        &format!(
            "{from} results x {VARIABLES} variables to central; the PHP client: 8 items/s, central's own work there 98 ms each"
        ),
        &rows,
    );
    Ok(())
}

fn intake(socket: &Path, documents: &[(String, String)], lanes: usize) -> Result<f64> {
    spread(documents, lanes, || {
        let mut client = BenchClient::unix(socket)?;
        Ok(move |(id, document): &(String, String)| {
            client
                .good("PUT", &format!("/v1/results/{}", encode(id)), document)
                .map(|_| ())
        })
    })
}

/// The least that a promise costs: the same bytes written, flushed, renamed, and the folder flushed.
fn bare(folder: &Path, documents: &[(String, String)], lanes: usize) -> Result<f64> {
    let folder = folder.join(format!("bare{lanes}"));
    fs::create_dir(&folder)?;
    let directory = File::open(&folder)?;
    let (folder, directory) = (&folder, &directory);
    spread(documents, lanes, || {
        Ok(move |(id, document): &(String, String)| -> Result<()> {
            let name = encode(id);
            let partial = folder.join(format!("{name}.partial"));
            let mut file = File::create(&partial)?;
            file.write_all(document.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, folder.join(name))?;
            Ok(directory.sync_all()?)
        })
    })
}

/// Seconds until every document was handled, by so many threads, each with a handler of its own.
fn spread<H>(
    documents: &[(String, String)],
    lanes: usize,
    make: impl Fn() -> Result<H> + Sync,
) -> Result<f64>
where
    H: FnMut(&(String, String)) -> Result<()>,
{
    let next = AtomicUsize::new(0);
    let work = || -> std::result::Result<(), String> {
        let mut handle = make().map_err(|error| error.to_string())?;
        while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
            handle(document).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..lanes).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".into()))
        });
        ended.collect::<std::result::Result<(), String>>()
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

/// A number of `/proc/PID/status`.
pub(crate) fn field(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(f64::NAN)
}

/// An execution as the delivery engine hands it over (protocol 7.1).
pub(crate) fn result(nth: usize, delivery: &str) -> (String, String) {
    let id = format!("https://box.example/tao.rdf#i{}", 500_000 + nth);
    let variables = (0..VARIABLES).map(|at| {
        let item = at / 2;
        let data = if at % 2 == 0 {
            json!({"identifier": "RESPONSE", "cardinality": "single", "baseType": "identifier",
                   "epoch": format!("0.50000000 {}", 1_795_000_300 + at), "correctResponse": null,
                   "candidateResponse": "Y2hvaWNlXzI="})
        } else {
            json!({"identifier": "SCORE", "cardinality": "single", "baseType": "float",
                   "epoch": format!("0.50100000 {}", 1_795_000_300 + at), "normalMinimum": null, "normalMaximum": 1,
                   "value": "MQ=="})
        };
        let kind = if at % 2 == 0 { "Response" } else { "Outcome" };
        json!({"type": format!("taoResultServer_models_classes_{kind}Variable"), "callIdTest": null,
               "callIdItem": format!("{id}.item-{item}.0"), "test": "https://central.example/tao.rdf#test-algebra",
               "item": format!("https://central.example/tao.rdf#item-{item}"), "data": data})
    });
    let document = json!({
        "deliveryId": delivery, "deliveryExecutionId": id,
        "details": {"identifier": id, "label": "Algebra B1", "test-taker": "https://central.example/tao.rdf#t17",
                    "starttime": "0.10000000 1795000000", "finishtime": "0.20000000 1795003600",
                    "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished"},
        "variables": variables.collect::<Vec<_>>(),
    });
    (id, document.to_string())
}
