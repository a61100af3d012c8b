//! A first synchronization, one with nothing to do and one of 1 % changed, beside the floor.
//! Never counts the enrolment; the box's wall holds its start, its store and its confirmation.
//! Called by `main`.

use serde_json::json;

use crate::floor::Floor;
use crate::measure::Cost;
use crate::site::{BenchCentral, BenchSite, Traffic, folder};
use crate::{Result, cells, median, table};

/// `sync.lanes` for details and one connection for the lists.
const CONNECTIONS: usize = 5;
/// By added latency (ms), the aims over the floor: a first synchronization, nothing changed, 1 % changed. The floor reads
/// the pages of a list one after the other.
const AIMS: [(u64, [&str; 3]); 3] = [
    (600, ["", "0.3", ""]),
    (40, ["1.5", "0.4", ""]),
    (0, ["", "", ""]),
];
const QUIET: &str = "[sync]\nmeasure = false\n[download]\nreserve = \"0\"\n";

#[derive(Clone)]
struct Pair {
    floor: (Cost, Traffic),
    own: (Cost, Traffic),
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.own.0.wall / self.floor.0.wall
    }
}

/// Prints the table for so many test takers.
pub(crate) fn run(test_takers: usize) -> Result<()> {
    let home = folder()?;
    let takers = test_takers.to_string();
    let arguments = [
        "--test-takers",
        &takers,
        "--deliveries",
        "4",
        "--package-sizes",
        "40kB",
    ];
    let central = BenchCentral::start(home.path(), &arguments)?;
    let changed = json!({"touch": {"count": (test_takers / 100).max(1)}});
    for (latency, aims) in AIMS {
        let rounds = if test_takers > 10_000 || latency > 100 {
            1
        } else {
            3
        };
        central.order(&json!({"latency": latency}))?;
        let (mut first, mut idle, mut touched) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (mut floor, site) = (Floor::default(), BenchSite::new(&central, None, QUIET)?);
            first.push(pair(&central, &mut floor, &site)?);
            idle.push(pair(&central, &mut floor, &site)?);
            central.order(&changed)?;
            touched.push(pair(&central, &mut floor, &site)?);
        }
        let mut rows = vec![cells([
            "",
            "wall s",
            "floor",
            "ratio",
            "aim",
            "CPU s",
            "floor",
            "requests",
            "floor",
            "connections",
            "floor",
            "MB down",
            "floor",
            "MB up",
            "peak MiB",
        ])];
        let names = ["first", "nothing changed", "1 % changed"];
        for ((name, pairs), aim) in names.iter().zip([first, idle, touched]).zip(aims) {
            rows.push(row(name, &median(pairs, Pair::ratio), aim));
        }
        let title = format!(
            "{test_takers} test takers, {latency} ms added latency, median of {rounds} by ratio"
        );
        table(&title, &rows);
    }
    Ok(())
}

fn pair(central: &BenchCentral, floor: &mut Floor, site: &BenchSite) -> Result<Pair> {
    let before = central.traffic()?;
    let cost = floor.run(central, CONNECTIONS)?;
    let floor = (cost, central.traffic_since(before)?);
    let before = central.traffic()?;
    let (cost, _) = site.measured(&["sync", "--data", "--json"])?;
    Ok(Pair {
        floor,
        own: (cost, central.traffic_since(before)?),
    })
}

fn row(name: &str, pair: &Pair, aim: &str) -> Vec<String> {
    let Pair {
        floor: (floor, least),
        own: (own, traffic),
    } = pair;
    let megabytes = |bytes: f64| format!("{:.2}", bytes / 1e6);
    vec![
        name.to_owned(),
        format!("{:.2}", own.wall),
        format!("{:.2}", floor.wall),
        format!("{:.2}", pair.ratio()),
        aim.to_owned(),
        format!("{:.2}", own.cpu),
        format!("{:.2}", floor.cpu),
        traffic.requests.to_string(),
        least.requests.to_string(),
        traffic.connections.to_string(),
        least.connections.to_string(),
        megabytes(traffic.sent),
        megabytes(least.sent),
        megabytes(traffic.received),
        format!("{:.1}", own.rss),
    ]
}
