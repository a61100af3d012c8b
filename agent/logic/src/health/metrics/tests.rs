//! The figures as files hold them (tests/fixtures/metrics); `BOXSYNC_SNAPSHOTS=1` writes those anew.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::health::verdict::Word;
use crate::health::verdict::{CollectorFigures, Last, LastRun, OwedCounts, ShownCatalogue, Stock};
use crate::intake::ItemKind;
use crate::words::Outcome;

fn hold(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    if std::env::var_os("BOXSYNC_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(&path, text).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(held, text, "{name}: BOXSYNC_SNAPSHOTS=1 writes it anew");
}

const NOW: i64 = 1_795_000_000;

fn standing() -> BoxStanding {
    let owed = OwedCounts {
        queued: 3,
        waiting: 1,
        refused: 2,
        unconfirmed: 1,
        set_aside: 4,
        carried: 5,
        carried_at: NOW - 7_200,
        oldest_at: NOW - 3_600,
        ..OwedCounts::default()
    };
    let last = Last {
        sync_id: 7,
        outcome: Outcome::Failed,
        code: crate::fault::Code::PackageIncomplete.into(),
        reason: "1 of 6 packages held".into(),
        cause: None,
        finished_at: NOW - 60,
    };
    BoxStanding {
        now: NOW,
        enrolled: true,
        copies: Some(crate::copies::CopyStanding {
            owed: 7,
            copied: 5,
            oldest_at: Some(NOW - 90),
            ..Default::default()
        }),
        organisation: Some("10\"01\\\n# EOF".into()),
        catalogue: ShownCatalogue {
            organisation: "1001".into(),
            complete_at: Some(NOW - 900),
            entities: vec![("test-taker".into(), 200), ("delivery".into(), 10)],
            kept: vec![("proctor".into(), 1)],
            hidden: vec![("delivery".into(), 2)],
            contradicted: 5,
            ..ShownCatalogue::default()
        },
        packages: Stock {
            wanted: 10,
            held: 3,
            coming: 1,
            damaged: 1,
            absent: 1,
            bytes_left: 123_456_789_012,
            unknown: 2,
            sized: 1,
            broken: 1,
            unsupported: 1,
            cached: 1,
        },
        owed: Some(owed),
        lost: vec!["i1".into()],
        last: Some(last),
        contact: Some(NOW - 60),
        disk: Some((5_000_000_000, 1 << 30)),
        counted: CollectorFigures {
            generation: 12,
            went_well_at: Some(NOW - 900),
            last: Some(LastRun {
                download_mbit: 2.5,
                queued: 3,
                unconfirmed: 1,
                refused: 2,
            }),
            next_start: Some(NOW + 3 * 86_400),
            clock_offset: Some(-4),
            owed: vec![
                ("results".into(), owed),
                ("logs".into(), OwedCounts::default()),
            ],
        },
        supported: Some(true),
        ..BoxStanding::default()
    }
}

fn daemon() -> DaemonFigures {
    DaemonFigures {
        up: 12.5,
        running: true,
        offline_tries: 2,
        breaker_open: false,
        ended: vec![("failed", 1), ("finished", 2)],
    }
}

fn of<'a>(standing: &'a BoxStanding, daemon: Option<&'a DaemonFigures>) -> MetricsInput<'a> {
    MetricsInput {
        standing: Some(standing),
        daemon,
        version: "0.1.0",
        interval: Some(900.0),
    }
}

#[test]
fn a_box_with_its_daemon_is_written_as_the_files_hold_it() {
    let (standing, daemon) = (standing(), daemon());
    let sample = of(&standing, Some(&daemon));
    let text = render(&sample, MetricsFormat::Text);
    hold("tests/fixtures/metrics/daemon.prom", &text);
    hold(
        "tests/fixtures/metrics/daemon.openmetrics",
        &render(&sample, MetricsFormat::OpenMetrics),
    );
    // A name from outside is one value of one line.
    assert!(text.contains("boxsync_ready{organisation=\"10\\\"01\\\\\\n# EOF\"} 0\n"));
    assert!(!text.lines().any(|line| line == "# EOF"));
}

/// A box with everything that it could have to tell, and more organisations than are pushed.
fn busy() -> BoxStanding {
    let owed = ItemKind::ALL.map(|kind| (kind.word().to_owned(), OwedCounts::default()));
    let mut standing = standing();
    standing.counted.owed = owed.into();
    let one = |number: u32| crate::health::OrganisationVerdict {
        organisation_id: number.to_string(),
        verdict: if number == 29 {
            Word::NotReady
        } else {
            Word::Ready
        },
        finding: crate::fault::Finding::new(crate::fault::Code::Ready, "ready"),
        held: 1,
        wanted: 1,
        ready_at: None,
    };
    standing.organisations = (0..30).map(one).collect();
    standing
}

#[test]
fn a_box_pushes_so_many_series_at_most_and_none_with_a_time_stamp() {
    let (standing, daemon) = (busy(), daemon());
    let ended = [
        Outcome::Finished,
        Outcome::Failed,
        Outcome::Unauthorized,
        Outcome::Offline,
        Outcome::Unsupported,
    ];
    let ended = ended.map(|outcome| (outcome.word(), 1));
    let daemon = DaemonFigures {
        ended: ended.into_iter().chain([("stopped", 1)]).collect(),
        ..daemon
    };
    let text = pushed(&of(&standing, Some(&daemon)));
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(
        lines.len() <= MOST_PUSHED,
        "{} series:\n{text}",
        lines.len()
    );
    // Every family is told, so that this is all that it can be.
    let told = |family: &&MetricFamily| {
        family.fleet && !text.contains(&format!("# TYPE {} ", family.name))
    };
    let untold: Vec<_> = table::FAMILIES
        .iter()
        .filter(told)
        .map(|it| it.name)
        .collect();
    assert_eq!(untold, [""; 0]);
    for line in lines {
        let (_, figure) = line.rsplit_once(' ').unwrap();
        assert!(figure.parse::<f64>().is_ok(), "{line}");
        assert!(
            !line.contains("} ") || line.matches("} ").count() == 1,
            "{line}"
        );
    }
    assert!(
        text.contains("boxsync_ready{organisation=\"29\"} 0\n"),
        "{text}"
    );
    hold(
        "tests/fixtures/metrics/pushed.prom",
        &pushed(&of(&self::standing(), Some(&self::daemon()))),
    );
}

/// A Pushgateway refuses a type that differs from what any other group holds, so a box that was renewed could not push
/// until all others are: a type that stands here never changes, and a name never goes.
#[test]
fn types_never_change() {
    let types = |text: &str| -> BTreeSet<String> {
        let heads = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        heads.map(str::to_owned).collect()
    };
    let (standing, daemon) = (busy(), daemon());
    let now = types(&render(&of(&standing, Some(&daemon)), MetricsFormat::Text));
    let first = types(include_str!("types.txt"));
    assert!(first.len() > 40);
    let gone: Vec<_> = first.difference(&now).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// Where a box is watched through node_exporter the server keeps what is pushed elsewhere.
#[test]
fn the_recipe_for_node_exporter_keeps_what_is_pushed() {
    let pushed = table::FAMILIES.iter().filter(|family| family.fleet);
    let names: Vec<_> = pushed.map(|family| family.name).collect();
    let recipe = include_str!("../../../../../image/fleet/prometheus.yml");
    assert!(
        recipe.contains(&format!("regex: node_textfile_.*|{}", names.join("|"))),
        "{}",
        names.join("|")
    );
}

#[test]
fn what_nobody_knows_has_no_figure() {
    let names = |text: &str| -> BTreeSet<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.split(['{', ' ']).next().unwrap().to_owned())
            .collect()
    };
    let of_no_box = ["boxsync_build_info", "boxsync_info"].map(str::to_owned);
    let nothing = render(&MetricsInput::default(), MetricsFormat::Text);
    assert_eq!(names(&nothing), of_no_box.clone().into());
    // A folder that does not open: not ready, and nothing counted.
    let closed = BoxStanding {
        now: NOW,
        trouble: Some(crate::fault::Finding::new(
            crate::fault::Code::StateOwner,
            "closed",
        )),
        ..BoxStanding::default()
    };
    let text = render(&of(&closed, None), MetricsFormat::Text);
    assert!(
        text.contains("boxsync_ready{organisation=\"\"} 0\n"),
        "{text}"
    );
    let mut known: BTreeSet<String> = of_no_box.into();
    let of_config = "boxsync_interval_seconds";
    known.extend(["boxsync_ready", "boxsync_verdict", of_config].map(str::to_owned));
    assert_eq!(names(&text), known);
}

#[test]
fn ages_begin_at_0_and_never_lie_ahead() {
    let age = |owed: OwedCounts| {
        let standing = BoxStanding {
            owed: Some(owed),
            ..standing()
        };
        let text = render(&of(&standing, None), MetricsFormat::Text);
        let name = "boxsync_oldest_owed_age_seconds ";
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().unwrap().to_owned()
    };
    let oldest_at = |oldest_at| OwedCounts {
        oldest_at,
        ..OwedCounts::default()
    };
    assert_eq!(age(OwedCounts::default()), "0");
    assert_eq!(age(oldest_at(NOW - 3_600)), "3600");
    assert_eq!(age(oldest_at(NOW + 9)), "0");
}

#[test]
fn the_packages_by_state_are_the_deliveries() {
    let standing = standing();
    let sum: f64 = table::FAMILIES
        .iter()
        .find(|family| family.name == "boxsync_packages")
        .map(|family| {
            (family.of)(&of(&standing, None))
                .iter()
                .map(|line| line.1)
                .sum()
        })
        .unwrap();
    assert_eq!(sum, standing.packages.wanted as f64);
}

#[test]
fn every_name_and_label_is_one_that_prometheus_takes() {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let (standing, daemon) = (standing(), daemon());
    let mut seen = BTreeSet::new();
    for family in table::FAMILIES {
        assert!(
            is_name(family.name) && family.name.starts_with("boxsync_"),
            "{}",
            family.name
        );
        assert!(seen.insert(family.name), "{} twice", family.name);
        assert!(family.labels.iter().all(|label| is_name(label)));
        assert_eq!(
            family.kind == MetricKind::Counter,
            family.name.ends_with("_total")
        );
        let lines = (family.of)(&of(&standing, Some(&daemon)));
        assert!(!lines.is_empty(), "{} is never told", family.name);
        for line in lines {
            assert_eq!(line.0.len(), family.labels.len(), "{}", family.name);
            assert!(line.1.is_finite(), "{}", family.name);
        }
    }
}

/// What stands before the table in docs/metrics.md is written by hand.
#[test]
fn the_document_has_the_table() {
    let path = "docs/metrics.md";
    let whole = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    let held = std::fs::read_to_string(whole).unwrap_or_default();
    let words = held.split("| Name |").next().unwrap_or_default();
    hold(path, &format!("{words}{}", document()));
}
