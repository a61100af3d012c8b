//! Fifty boxes on a Pushgateway and one behind node_exporter, as Prometheus sees them with the files of image/fleet.
//! Never waits for an alert to have lasted: whether it is pending or fires is the same here.
//! Run by `cargo test -p e2e`; without Debian's servers the reason is on standard error.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use e2e::{LIMIT, Site, options, wait_until};
use serde_json::Value;

use super::state::{FleetSample, STATES, changed};
use super::{file, of_box};
use crate::metrics::{Exporter, Server, free_port, text};

/// Boxes that push; one more is on the list alone, and one's last push is refused.
const BOXES: usize = 50;

fn encoded(query: &str) -> String {
    let mut out = String::new();
    for byte in query.bytes() {
        let _ = write!(out, "%{byte:02X}");
    }
    out
}

fn query(prometheus: &Server, expression: &str) -> Vec<Value> {
    let path = format!("/api/v1/query?query={}", encoded(expression));
    let (_, told) = prometheus.ask("GET", &path, "").unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["status"], "success", "{expression}: {told}");
    told["data"]["result"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// The text of samples. Each has its type: a gateway takes one that has none for another than that of the same name.
fn content(samples: &[FleetSample]) -> String {
    let mut text = String::new();
    let mut before = "";
    for sample in samples {
        if sample.name != before {
            let kind = if sample.name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            let _ = writeln!(text, "# TYPE {} {kind}", sample.name);
            before = &sample.name;
        }
        let _ = writeln!(text, "{} {}", sample.key(), sample.figure);
    }
    text
}

/// Puts the whole fleet on the gateway; gives the alerts that it deserves, with the box.
fn push_all(gateway: &Server) -> BTreeSet<(String, String)> {
    let (of_box, now) = of_box();
    let mut deserved = BTreeSet::new();
    let mut list = String::new();
    let put = |path: &str, content: &str| gateway.ask("PUT", path, content).unwrap().0;
    for number in 1..=BOXES {
        let (_, changes, alert) = STATES[number % STATES.len()];
        let told = content(&changed(&of_box, now, now, changes));
        let path = format!("/metrics/job/boxsync/instance/box-{number}");
        assert_eq!(put(&path, &told), 200, "{told}");
        let _ = writeln!(list, "boxsync_box_expected{{instance=\"box-{number}\"}} 1");
        deserved.extend(alert.map(|alert| (alert.to_owned(), format!("box-{number}"))));
    }
    list.push_str("boxsync_box_expected{instance=\"box-51\"} 1\n");
    deserved.insert(("BoxsyncMissing".into(), "box-51".into()));
    assert_eq!(put("/metrics/job/boxsync-list", &list), 200, "{list}");
    // Another type than the others have: the gateway refuses the push, and keeps what it has.
    let other = "# TYPE boxsync_enrolled counter\nboxsync_enrolled 1\n";
    assert_eq!(put("/metrics/job/boxsync/instance/box-50", other), 400);
    deserved.insert(("BoxsyncPushRefused".into(), "box-50".into()));
    deserved
}

/// A server with the files of image/fleet, every second instead of every minute.
fn start(folder: &Path, gateway: &Server, exporter: &Exporter) -> Option<Server> {
    fs::copy(file("rules.yml"), folder.join("rules.yml")).unwrap();
    let boxes = folder.join("boxes");
    fs::create_dir(&boxes).unwrap();
    let at = format!(
        "- targets: ['127.0.0.1:{}']\n  labels: {{instance: box-0}}\n",
        exporter.0.1
    );
    fs::write(boxes.join("3005.yml"), at).unwrap();
    let config = text(&file("prometheus.yml"));
    let config = config
        .replace("localhost:9091", &format!("127.0.0.1:{}", gateway.1))
        .replace("/etc/prometheus/boxes", &boxes.display().to_string())
        .replace("_interval: 1m", "_interval: 1s");
    let path = folder.join("prometheus.yml");
    fs::write(&path, config).unwrap();
    let arguments = [
        format!("--config.file={}", path.display()),
        format!("--storage.tsdb.path={}", folder.join("data").display()),
    ];
    Server::start("prometheus", "prometheus", free_port(), &arguments)
}

#[test]
fn fifty_boxes_have_the_alerts_that_they_deserve_and_each_panel_has_data() {
    let gateway = Server::start(
        "prometheus-pushgateway",
        "prometheus-pushgateway",
        free_port(),
        &[],
    );
    let Some(gateway) = gateway else { return };
    wait_until("the Pushgateway", LIMIT, || {
        gateway
            .ask("GET", "/-/ready", "")
            .is_some_and(|(status, _)| status == 200)
    });
    let folder = tempfile::tempdir().unwrap();
    let textfile = folder.path().join("textfile");
    fs::create_dir(&textfile).unwrap();
    let mut site = Site::enrolled(options(3, 2, (40_000, 60_000)));
    let metrics = textfile.join("boxsync.prom");
    site.set("metrics", "textfile", &format!("{metrics:?}"));
    // The real way to the real gateway, too.
    let url = format!("\"http://127.0.0.1:{}/metrics/job/boxsync\"", gateway.1);
    site.set("metrics", "push", &url);
    let told = site.run(&["sync"]).exits(0).err;
    assert!(!told.contains("Pushgateway"), "{told}");
    let Some(exporter) = Exporter::start(&textfile) else {
        return;
    };
    let mut deserved = push_all(&gateway);
    let Some(prometheus) = start(folder.path(), &gateway, &exporter) else {
        return;
    };
    deserved.retain(|(_, instance)| instance != "box-0");
    let mut seen = BTreeSet::new();
    wait_until("the alerts", LIMIT, || {
        let told = prometheus.ask("GET", "/api/v1/alerts", "");
        let told = told.and_then(|(_, told)| serde_json::from_str::<Value>(&told).ok());
        let alerts = told.and_then(|told| told["data"]["alerts"].as_array().cloned());
        let label = |alert: &Value, name: &str| {
            alert["labels"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let alerts = alerts.unwrap_or_default();
        seen = alerts
            .iter()
            .map(|alert| (label(alert, "alertname"), label(alert, "instance")))
            .collect();
        seen == deserved
    });
    // Those that push, the one behind node_exporter, which takes a moment longer to be found, and the real one that pushed.
    wait_until("all boxes", LIMIT, || {
        let boxes = query(&prometheus, "count(max by (instance) (boxsync_build_info))");
        let count = boxes.first().and_then(|all| all["value"][1].as_str());
        count == Some(&(BOXES + 2).to_string())
    });
    let most = query(
        &prometheus,
        "max(count by (instance) ({job=\"boxsync\",__name__!~\"ALERTS.*|node_.*|scrape_.*|up\"}))",
    );
    let most: usize = most[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(most <= 60, "{most} series of one box");
    let dashboard: Value = serde_json::from_str(&text(&file("dashboard.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap().replace("$instance", ".*");
            let data = query(&prometheus, &expression);
            assert!(!data.is_empty(), "{}: {expression}", panel["title"]);
        }
    }
}
