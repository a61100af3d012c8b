//! The plan of checks, the folding of effects into causes, and the catalogue of codes held against the source.
//! Never a real probe.
//! Run by `cargo test -p logic`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use logic::health::{Check, Facts, Finding, Status, catalogue, fold, plan, worst};

fn whole() -> Facts {
    Facts {
        offline: false,
        url: true,
        https: true,
        proxy: false,
        loopback: false,
        new: false,
        opened: true,
        enrolled: true,
        identified: true,
        deliveries: true,
        store: true,
        runs: true,
        systemd: true,
    }
}

fn skipped(facts: &Facts) -> Vec<Check> {
    let steps = plan(facts).into_iter();
    steps
        .filter(|step| step.skip.is_some())
        .map(|step| step.check)
        .collect()
}

#[test]
fn what_makes_no_sense_is_not_planned() {
    use Check::*;
    let remote = vec![
        Dns,
        Connect,
        Tls,
        Answer,
        Token,
        Role,
        Version,
        Organisation,
        Range,
    ];
    let table: Vec<(&str, Facts, Vec<Check>)> = vec![
        ("everything", whole(), vec![]),
        (
            "--offline",
            Facts {
                offline: true,
                ..whole()
            },
            remote.clone(),
        ),
        (
            "no central",
            Facts {
                url: false,
                ..whole()
            },
            remote,
        ),
        (
            "plain http",
            Facts {
                https: false,
                ..whole()
            },
            vec![Tls],
        ),
        (
            "central on this machine",
            Facts {
                loopback: true,
                ..whole()
            },
            vec![Link, Address],
        ),
        (
            "a new box",
            Facts {
                opened: false,
                enrolled: false,
                deliveries: false,
                store: false,
                runs: false,
                ..whole()
            },
            vec![Store, Catalogue, Packages, Range, Spool, History, Speed],
        ),
        (
            "no organisation",
            Facts {
                identified: false,
                ..whole()
            },
            vec![Organisation],
        ),
        (
            "outside of systemd",
            Facts {
                systemd: false,
                ..whole()
            },
            vec![Unit],
        ),
    ];
    for (name, facts, expected) in table {
        assert_eq!(skipped(&facts), expected, "{name}");
    }
}

#[test]
fn a_network_that_swallows_every_packet_takes_less_than_fifteen_seconds() {
    // What comes after a failed layer is not waited for; those of one stage overlap.
    let limit = |check: Check| plan(&whole())[check as usize].limit.as_millis();
    let before = [Check::Config, Check::State, Check::Key]
        .map(limit)
        .iter()
        .sum::<u128>();
    let way = limit(Check::Dns) + limit(Check::Connect);
    assert!(before + way.max(limit(Check::Tls)) + limit(Check::Packages) < 15_000);
    for step in plan(&whole()) {
        assert!(step.limit.as_secs() < 7);
    }
}

fn folded(failures: &[(Check, &str)]) -> Vec<(String, Status)> {
    let steps = plan(&whole());
    let mut found: BTreeMap<Check, Finding> = Check::ALL
        .into_iter()
        .map(|check| (check, Finding::pass(check, "sound")))
        .collect();
    for (check, code) in failures {
        found.insert(*check, Finding::fail(code, "broken"));
    }
    fold(&steps, found)
        .into_iter()
        .filter(|finding| finding.status != Status::Pass)
        .map(|finding| (finding.code, finding.status))
        .collect()
}

#[test]
fn the_cause_is_told_and_what_follows_is_folded() {
    let told = folded(&[
        (Check::Connect, "net.refused"),
        (Check::Tls, "net.refused"),
        (Check::Answer, "net.refused"),
        (Check::Token, "net.refused"),
        (Check::Role, "net.refused"),
        (Check::Version, "net.refused"),
        (Check::Organisation, "net.refused"),
        (Check::History, "sync.failed"),
        (Check::Packages, "package.incomplete"),
    ]);
    let expected = [
        ("net.refused", Status::Fail),
        ("net.tls", Status::Skip),
        ("central.answer", Status::Skip),
        ("auth.token", Status::Skip),
        ("auth.role", Status::Skip),
        ("version.supported", Status::Skip),
        ("catalogue.organisation", Status::Skip),
        ("package.whole", Status::Skip),
        ("sync.last", Status::Skip),
    ];
    assert_eq!(
        told,
        expected.map(|(code, status)| (code.to_owned(), status))
    );
}

#[test]
fn a_wrong_clock_explains_a_certificate_that_seems_expired() {
    let told = folded(&[(Check::Clock, "clock.wrong"), (Check::Tls, "net.tls")]);
    assert_eq!(told[0], ("clock.wrong".to_owned(), Status::Fail));
    assert_eq!(told[1], ("net.tls".to_owned(), Status::Skip));
}

#[test]
fn lost_bytes_are_told_beside_a_dead_network() {
    let told = folded(&[
        (Check::Dns, "net.dns"),
        (Check::Packages, "package.damaged"),
    ]);
    assert_eq!(told[0].0, "net.dns");
    assert_eq!(told[1], ("package.damaged".to_owned(), Status::Fail));
}

#[test]
fn a_check_without_a_result_is_late_and_never_sound() {
    let findings = fold(&plan(&whole()), BTreeMap::new());
    assert_eq!(findings[0].code, "doctor.late");
    assert_eq!(worst(&findings), Status::Fail);
}

#[test]
fn every_check_ends_in_exactly_one_finding() {
    for offline in [true, false] {
        let facts = Facts { offline, ..whole() };
        assert_eq!(fold(&plan(&facts), BTreeMap::new()).len(), Check::ALL.len());
    }
}

#[test]
fn a_failure_and_a_warning_have_one_remedy_and_nothing_else_has() {
    for code in catalogue::all() {
        let finding = Finding::fail(code.code, "broken");
        assert_eq!(finding.remedy, code.remedy);
        assert!(finding.remedy.ends_with('.') || finding.remedy.ends_with(')'));
    }
    assert_eq!(Finding::pass(Check::Dns, "sound").remedy, "");
    assert!(Finding::fail("future.code", "").remedy.contains("bundle"));
}

#[test]
fn codes_are_unique_dotted_and_told_in_full() {
    let mut seen = BTreeSet::new();
    for code in catalogue::all() {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        assert!(code.code == "ready" || code.code.split('.').count() == 2);
        assert!(!code.title.is_empty() && code.text.len() > 15 && !code.remedy.is_empty());
        assert!(!code.text.contains("  "), "{}", code.code);
    }
    for check in Check::ALL {
        assert!(catalogue::find(check.code()).is_some(), "{}", check.code());
    }
}

#[test]
fn a_mistyped_code_leads_to_the_nearest_one() {
    for (written, nearest) in [
        ("net.dsn", "net.dns"),
        ("NET.TLS", "net.tls"),
        ("auth.refuse", "auth.refused"),
        ("package.mising", "package.missing"),
    ] {
        assert_eq!(catalogue::nearest(written).unwrap().code, nearest);
    }
    assert_eq!(catalogue::nearest("foo"), None);
}

/// Dotted words in the source that are no codes.
const NO_CODES: [&str; 8] = [
    "gateway.lock",
    "key.old",
    "central.example",
    "central.test",
    "central.other",
    "central.tess",
    "central.crt",
    "net.dsn",
];

#[test]
fn every_code_in_the_source_is_in_the_catalogue() {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["src", "logic/src"] {
        sources(&agent.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the source tree was not found");
    let areas: BTreeSet<&str> = catalogue::all()
        .filter_map(|code| code.code.split_once('.'))
        .map(|(area, _)| area)
        .collect();
    let mut missing = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (literal, given) in literals(&text) {
            let Some((area, _)) = literal.split_once('.') else {
                continue;
            };
            let code = given || (areas.contains(area) && !literal.ends_with(".json"));
            if code && !NO_CODES.contains(&literal) && catalogue::find(literal).is_none() {
                missing.insert(format!("{literal} ({})", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no entry for {missing:#?}");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the source tree is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Literals of the shape `area.word`, and whether one surely is a code: the first argument of `Trouble::new`.
fn literals(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let parts: Vec<&str> = text.split('"').collect();
    let shaped = |literal: &str| {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        literal
            .split_once('.')
            .is_some_and(|(area, rest)| word(area) && word(rest))
    };
    let found: Vec<(&str, bool)> = parts
        .windows(2)
        .filter(|pair| shaped(pair[1]))
        .map(|pair| {
            let before = pair[0].trim_end();
            (
                pair[1],
                before.ends_with("Trouble::new(") || before.ends_with("code:"),
            )
        })
        .collect();
    found.into_iter()
}
