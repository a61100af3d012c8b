//! A fleet as an operator sees it (image/fleet): the rules and the panels with Debian's own promtool, Prometheus and
//! Pushgateway, on the figures of a real box and of simulated ones made of them.
//! Never judges what a box says of itself: `metrics` and the golden files of `logic` do.
//! Run by `cargo test -p e2e`; without the tools the reason is on standard error.

pub(crate) mod push;
mod servers;
mod state;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Site, options};
use serde_json::{Value, json};

use crate::metrics::text;
use state::{FleetChange, FleetSample, STATES, T0, changed, samples};

/// A file of image/fleet.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../image/fleet")
        .join(name)
}

/// The names of the alerts.
fn alerts() -> BTreeSet<String> {
    let rules = text(&file("rules.yml"));
    let lines = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    lines.map(str::to_owned).collect()
}

/// What a real box pushes that is ready: its samples, and now by its clock.
fn of_box() -> (Vec<FleetSample>, i64) {
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000)));
    let gateway = push::NotingServer::start();
    site.set("metrics", "push", &gateway.url());
    let _ = site.sync().exits(0);
    let pushed = gateway.pushed().pop().expect("a run pushes");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    (samples(&pushed.content), now)
}

fn series(sample: &FleetSample, instance: &str, values: String) -> Value {
    json!({ "series": sample.of(instance), "values": values })
}

/// A test of promtool: these series for 30 hours, and the alerts that fire at the end.
fn case(name: &str, series: Vec<Value>, fires: &[&str]) -> Value {
    let fires = fires
        .iter()
        .map(|alert| json!({ "labels": format!("{{alertname=\"{alert}\"}}"), "value": 1 }));
    json!({
        "name": name, "interval": "5m", "input_series": series,
        "promql_expr_test": [{
            "expr": "count by (alertname) (ALERTS{alertstate=\"firing\"})",
            "eval_time": "30h",
            "exp_samples": fires.collect::<Vec<_>>(),
        }],
    })
}

/// A box that says this all the time, and is on the list.
fn steady(of_box: &[FleetSample], now: i64, changes: &[(&str, FleetChange)]) -> Vec<Value> {
    let told = changed(of_box, now, T0, changes);
    let told = told
        .iter()
        .map(|sample| series(sample, "box-1", format!("{}+0x400", sample.figure)));
    told.chain([json!({ "series": "boxsync_box_expected{job=\"boxsync-list\",instance=\"box-1\"}", "values": "1+0x400" })])
        .collect()
}

#[test]
fn each_rule_fires_on_its_state_and_on_no_other() {
    let (of_box, now) = of_box();
    let mut cases = Vec::new();
    let mut covered = BTreeSet::new();
    for (name, changes, fires) in STATES {
        cases.push(case(name, steady(&of_box, now, changes), fires.as_slice()));
        covered.extend(fires.map(str::to_owned));
    }
    // A period that has just begun: the box names the next one, and is as little ready.
    let not_ready = [
        ("boxsync_verdict{verdict=\"ready\"}", FleetChange::Is(0.0)),
        (
            "boxsync_verdict{verdict=\"not_ready\"}",
            FleetChange::Is(1.0),
        ),
    ];
    let mut begun = steady(&of_box, now, &not_ready);
    let next = FleetSample::new("boxsync_next_period_start_timestamp_seconds", 0.0);
    let (over, ahead) = (T0 - 3_600, T0 + 30 * 86_400);
    begun.push(series(&next, "box-1", format!("{over}+0x348 {ahead}+0x40")));
    cases.push(case(
        "not ready while a period has begun",
        begun,
        &["BoxsyncNotReadyBeforeExam"],
    ));
    // One that is on the list alone.
    let mut missing = steady(&of_box, now, &[]);
    missing.push(json!({ "series": "boxsync_box_expected{job=\"boxsync-list\",instance=\"box-2\"}", "values": "1+0x400" }));
    cases.push(case("one is missing", missing, &["BoxsyncMissing"]));
    let mut refused = steady(&of_box, now, &[]);
    for (name, at) in [
        ("push_time_seconds", T0 - 60),
        ("push_failure_time_seconds", T0 - 30),
    ] {
        refused.push(series(
            &FleetSample::new(name, 0.0),
            "box-1",
            format!("{at}+0x400"),
        ));
    }
    cases.push(case(
        "the gateway refuses",
        refused,
        &["BoxsyncPushRefused"],
    ));
    covered.extend(["BoxsyncMissing", "BoxsyncPushRefused"].map(str::to_owned));
    assert_eq!(covered, alerts(), "each alert has a state");

    let folder = tempfile::tempdir().unwrap();
    let tests = folder.path().join("tests.yml");
    let whole =
        json!({ "rule_files": [file("rules.yml")], "evaluation_interval": "5m", "tests": cases });
    fs::write(&tests, whole.to_string()).unwrap();
    for arguments in [["check", "rules"], ["test", "rules"]] {
        let asked = if arguments[0] == "check" {
            file("rules.yml")
        } else {
            tests.clone()
        };
        let Ok(output) = Command::new("promtool").args(arguments).arg(asked).output() else {
            eprintln!("skipped: promtool is missing here (Debian's package prometheus)");
            return;
        };
        let told = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&told)
        );
    }
}
