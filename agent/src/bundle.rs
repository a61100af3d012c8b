//! The support bundle: one tar with everything a supporter needs, without secrets and without names: each word in it is one of
//! boxsync's own (`health/redact/sieve`).
//! Never leaves the box by itself, and is never written when a known secret is still in it.
//! Called by `doctor --bundle`; its redactor by the status page too.

mod known;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use logic::fault::{Code, Fault, RunCause};
use logic::health::redact::Redactor;
use logic::health::redact::sieve::Sieve;
use logic::health::stats::Stats;
use logic::health::tar::tar;
use logic::health::{CheckFinding, Verdict, worst};
use logic::settings::Settings;
use serde_json::{Map, Value as Json, json};
use tokio::process::Command;

use crate::doctor::{opened, standing};
use crate::engine::{Engine, survey};
use system::clock;
use system::root::Root;
use vault::random;

// Sorted numbers of all words in sentences and names of the sources (build.rs).
include!(concat!(env!("OUT_DIR"), "/vocabulary.rs"));

/// Past synchronizations told.
const HISTORY: usize = 200;
/// Lines of the journal told.
const JOURNAL: &str = "--lines=2000";
/// The journal is asked for so long.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The fields of a journal entry that are told (design 4.4); command lines and environments are not.
const FIELDS: [&str; 17] = [
    "__REALTIME_TIMESTAMP",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "MESSAGE_ID",
    "MESSAGE",
    "CODE",
    "BOX_ID",
    "SYNC_ID",
    "TYPE",
    "ENTITY",
    "BYTES",
    "RATE",
    "ATTEMPT",
    "WAIT_MS",
    "UNIT",
    "JOB_RESULT",
    "_PID",
];

/// The service's recent journal, one JSON object a line; empty where there is none. Asked before root's rights are
/// given up, since the journal is not everybody's.
pub fn journal() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs only file descriptors");
    let output = runtime.block_on(async {
        let asked = Command::new("journalctl")
            .args([
                "--unit=boxsync.service",
                "--output=json",
                "--no-pager",
                "--quiet",
                JOURNAL,
            ])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(JOURNAL_TIMEOUT, asked).await
    });
    match output {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => String::new(),
    }
}

/// The finished bytes.
///
/// # Errors
/// `bundle.secret` when a known secret is still in them: then nothing may be written.
pub fn make(
    root: &Root,
    settings: &Result<Settings, Fault>,
    findings: &[CheckFinding],
    journal: &str,
) -> Result<Vec<u8>, Fault> {
    let defaults = Settings::default();
    let in_force = settings.as_ref().unwrap_or(&defaults);
    let engine = opened(root, in_force);
    let redactor = redactor(root, in_force, engine.as_ref());
    let mut files = BTreeMap::new();
    let sieve = Sieve::new(&redactor, &VOCABULARY, &places(in_force));
    let checks: Vec<Json> = findings.iter().map(CheckFinding::json).collect();
    let mut put = |name, value: Json| {
        let text = serde_json::to_string_pretty(&sieve.json(&value)).unwrap_or_default() + "\n";
        files.insert(name, text);
    };
    put(
        "doctor.json",
        json!({ "schema": 1, "checks": checks, "worst": worst(findings) }),
    );
    put("configuration.json", configuration(settings));
    put("store.json", figures(root));
    put(
        "version.json",
        json!({
            "boxsync": env!("CARGO_PKG_VERSION"), "layout": system::root::LAYOUT, "made_at": clock::now().wall, "system_clock": clock::system(),
            "uptime_s": clock::now().mono.as_secs(), "machine": std::env::consts::ARCH, "kernel": kernel(),
        }),
    );
    if let Some(engine) = &engine {
        let mut standing = standing::take(engine);
        // How many there are is told; which ones is nobody's business.
        standing.awaited.clear();
        let reports = standing::reports(engine, HISTORY).unwrap_or_default();
        let offset = in_force.download.offset(clock::now().wall).seconds();
        put(
            "status.json",
            json!({ "verdict": Verdict::of(&standing), "standing": standing }),
        );
        put("report.json", json!(reports.first()));
        put(
            "link.json",
            json!(Stats::of(&reports, standing.now, offset)),
        );
        put("history.json", json!(reports));
        let added = engine
            .organisations()
            .unwrap_or_default()
            .into_iter()
            .skip(1);
        let added: Vec<Json> = added.map(|one| organisation(&one, offset)).collect();
        if !added.is_empty() {
            put("organisations.json", json!(added));
        }
    }
    let entries = lines(journal);
    let entries = entries
        .iter()
        .map(|entry| format!("{}\n", sieve.json(entry)));
    files.insert("journal.jsonl", entries.collect());
    finish(&redactor, &files)
}

/// What is told of an organisation that was added to the first.
fn organisation(engine: &Engine, offset: i64) -> Json {
    let mut standing = standing::take(engine);
    standing.awaited.clear();
    let reports = standing::reports(engine, HISTORY).unwrap_or_default();
    json!({
        "organisation_id": engine.organisation_id(), "verdict": Verdict::of(&standing),
        "link": Stats::of(&reports, standing.now, offset), "history": reports, "standing": standing,
    })
}

/// Where central is, and the proxy: a supporter needs it.
fn places(settings: &Settings) -> Vec<String> {
    let central = &settings.central;
    let url = central.url.as_ref().map(ToString::to_string);
    let proxy = central.proxy.as_ref().map(|proxy| proxy.url.to_string());
    url.into_iter().chain(proxy).collect()
}

/// Knows every secret of this box and everybody of its catalogue, to take them out of a text.
pub fn redactor(root: &Root, settings: &Settings, engine: Option<&Engine>) -> Redactor {
    let mut redactor = Redactor::new(random());
    known::secrets(root, settings, engine, &mut redactor);
    known::people(engine, &mut redactor);
    redactor
}

/// Packs what was sieved, and looks once more.
fn finish(redactor: &Redactor, files: &BTreeMap<&str, String>) -> Result<Vec<u8>, Fault> {
    let parts = files.iter().map(|(name, text)| (*name, text.as_bytes()));
    let bytes = tar(parts);
    match redactor.remains(&bytes) {
        None => Ok(bytes),
        Some(what) => {
            let what = what.into();
            Err(Fault::new(
                Code::BundleSecret,
                RunCause::SecretInBundle { what },
            ))
        }
    }
}

fn configuration(settings: &Result<Settings, Fault>) -> Json {
    match settings {
        Ok(settings) => settings.json(),
        Err(trouble) => json!({ "schema": 1, "code": trouble.code, "reason": trouble.reason() }),
    }
}

/// Files and bytes of each folder of the state.
fn figures(root: &Root) -> Json {
    let state = root.state();
    let mut folders = Map::new();
    let names = [
        "catalogue",
        "feed",
        "history",
        "index",
        "packages",
        "spool",
        "quarantine",
    ];
    for name in names {
        let (files, bytes) = measure(&state.join(name));
        folders.insert(name.into(), json!({ "files": files, "bytes": bytes }));
    }
    json!({ "schema": 1, "folders": folders, "free_bytes": survey::free(&state) })
}

fn measure(folder: &Path) -> (u64, u64) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => measure(&entry.path()),
            Ok(meta) => (1, meta.len()),
            Err(_) => (1, 0),
        })
        .fold((0, 0), |(files, bytes), (more, length)| {
            (files + more, bytes + length)
        })
}

fn kernel() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    text.trim().to_owned()
}

/// The told fields of each entry; a field that is no text (journald writes such as a list of bytes) is left out.
fn lines(journal: &str) -> Vec<Json> {
    let told = |line: &str| {
        let entry = serde_json::from_slice::<Map<String, Json>>(line.as_bytes()).ok()?;
        let fields = FIELDS.iter().filter_map(|field| {
            let value = entry.get(*field)?.as_str()?;
            Some(((*field).to_owned(), json!(value)))
        });
        Some(Json::Object(fields.collect()))
    };
    journal.lines().filter_map(told).collect()
}

#[cfg(test)]
mod tests;
