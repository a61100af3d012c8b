//! The plan of checks, the folding of effects into causes, and the table of codes.
//! Never a real probe.
//! Run by `cargo test -p logic`.

use std::collections::BTreeSet;

use logic::fault::{Code, CodeName, nearest};
use logic::health::{Check, CheckFinding, CheckStatus, Facts, ReportedFault, fold, plan, worst};
use logic::small_map::SmallMap;

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

fn said(words: &str) -> ReportedFault {
    ReportedFault::new(Code::Ok, words)
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
        Gateway,
        Dns,
        Connect,
        Loss,
        Mtu,
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
            vec![Link, Address, Gateway, Loss, Mtu],
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
            vec![
                Store, Catalogue, Packages, Range, Encryption, Spool, History, Speed,
            ],
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
        // The kernel itself takes eight seconds to see that a gateway has gone; name and connection are tried meanwhile.
        let most = if step.check == Check::Gateway { 10 } else { 7 };
        assert!(step.limit.as_secs() < most);
    }
    assert!(before + limit(Check::Gateway) + limit(Check::Packages) < 15_000);
    // Whether packets are lost shows while central is spoken to; a size is looked for after the first answer failed.
    let talk = limit(Check::Dns) + limit(Check::Tls) + limit(Check::Mtu);
    assert!(talk < 15_000);
}

fn folded(failures: &[(Check, Code)]) -> Vec<(CodeName, CheckStatus)> {
    let steps = plan(&whole());
    let mut found: SmallMap<Check, CheckFinding> = Check::ALL
        .into_iter()
        .map(|check| (check, CheckFinding::pass(check, said("sound"))))
        .collect();
    for (check, code) in failures {
        found.insert(*check, CheckFinding::fail(*code, said("broken")));
    }
    fold(&steps, found)
        .into_iter()
        .filter(|finding| finding.status != CheckStatus::Pass)
        .map(|finding| (finding.code, finding.status))
        .collect()
}

#[test]
fn the_cause_is_told_and_what_follows_is_folded() {
    let told = folded(&[
        (Check::Connect, Code::NetRefused),
        (Check::Tls, Code::NetRefused),
        (Check::Answer, Code::NetRefused),
        (Check::Token, Code::NetRefused),
        (Check::Role, Code::NetRefused),
        (Check::Version, Code::NetRefused),
        (Check::Organisation, Code::NetRefused),
        (Check::History, Code::SyncFailed),
        (Check::Packages, Code::PackageIncomplete),
    ]);
    let expected = [
        (Code::NetRefused, CheckStatus::Fail),
        (Code::NetTls, CheckStatus::Skip),
        (Code::CentralAnswer, CheckStatus::Skip),
        (Code::AuthToken, CheckStatus::Skip),
        (Code::AuthRole, CheckStatus::Skip),
        (Code::VersionSupported, CheckStatus::Skip),
        (Code::CatalogueOrganisation, CheckStatus::Skip),
        (Code::PackageWhole, CheckStatus::Skip),
        (Code::SyncLast, CheckStatus::Skip),
    ];
    assert_eq!(
        told,
        expected.map(|(code, status)| (CodeName::from(code), status))
    );
}

#[test]
fn a_link_that_loses_packets_explains_silence_and_nothing_definite() {
    for cause in [Code::NetLoss, Code::NetMtu] {
        let check = if cause == Code::NetLoss {
            Check::Loss
        } else {
            Check::Mtu
        };
        let told = folded(&[
            (check, cause),
            (Check::Tls, Code::NetTimeout),
            (Check::Packages, Code::PackageIncomplete),
        ]);
        let failed: Vec<_> = told
            .iter()
            .filter(|(_, status)| *status == CheckStatus::Fail)
            .map(|(code, _)| code.known())
            .collect();
        assert_eq!(failed, [Some(cause)]);
        let told = folded(&[(check, cause), (Check::Tls, Code::NetTlsExpired)]);
        assert!(told[0].0 == cause);
        assert_eq!(told[1], (Code::NetTlsExpired.into(), CheckStatus::Fail));
    }
}

#[test]
fn a_finding_is_folded_by_the_code_that_it_names() {
    let steps = plan(&whole());
    let sound = |check| (check, CheckFinding::pass(check, said("sound")));
    let mut found: SmallMap<Check, CheckFinding> = Check::ALL.into_iter().map(sound).collect();
    found.insert(
        Check::Spool,
        CheckFinding::warn(Code::ResultsRefused, said("two")),
    );
    let runs = CheckFinding::warn(Code::SyncFailed, said("no. 3")).follows(Code::ResultsRefused);
    found.insert(Check::History, runs);
    let told = fold(&steps, found.clone());
    let of = |told: &[CheckFinding], code: Code| told.iter().find(|f| f.code == code).cloned();
    let folded = of(&told, Code::SyncLast).unwrap();
    assert_eq!(folded.json()["summary"], "because of results.refused");
    assert_eq!(folded.follows, Some(Code::ResultsRefused.into()));
    // Where that is not told, it stands for itself.
    found.insert(
        Check::Spool,
        CheckFinding::pass(Check::Spool, said("sound")),
    );
    assert!(of(&fold(&steps, found), Code::SyncFailed).is_some());
}

#[test]
fn a_wrong_clock_explains_a_certificate_that_seems_expired() {
    let told = folded(&[(Check::Clock, Code::ClockWrong), (Check::Tls, Code::NetTls)]);
    assert_eq!(told[0], (Code::ClockWrong.into(), CheckStatus::Fail));
    assert_eq!(told[1], (Code::NetTls.into(), CheckStatus::Skip));
}

#[test]
fn lost_bytes_are_told_beside_a_dead_network() {
    let told = folded(&[
        (Check::Dns, Code::NetDns),
        (Check::Packages, Code::PackageDamaged),
    ]);
    assert_eq!(told[0].0, Code::NetDns);
    assert_eq!(told[1], (Code::PackageDamaged.into(), CheckStatus::Fail));
}

#[test]
fn a_check_without_a_result_is_late_and_never_sound() {
    let findings = fold(&plan(&whole()), SmallMap::new());
    assert_eq!(findings[0].code, Code::DoctorLate);
    assert_eq!(worst(&findings), CheckStatus::Fail);
}

#[test]
fn every_check_ends_in_exactly_one_finding() {
    for offline in [true, false] {
        let facts = Facts { offline, ..whole() };
        assert_eq!(fold(&plan(&facts), SmallMap::new()).len(), Check::ALL.len());
    }
}

#[test]
fn a_failure_and_a_warning_have_one_remedy_and_nothing_else_has() {
    for code in Code::ALL.iter().copied() {
        let finding = CheckFinding::fail(code, said("broken"));
        assert_eq!(finding.json()["remedy"], code.remedy());
        assert!(code.remedy().ends_with('.') || code.remedy().ends_with(')'));
    }
    assert_eq!(
        CheckFinding::pass(Check::Dns, said("sound")).json()["remedy"],
        ""
    );
    let newer = CodeName::from("future.code");
    let told = CheckFinding::fail(newer, said("")).json();
    assert!(told["remedy"].as_str().unwrap().contains("bundle"));
}

#[test]
fn codes_are_unique_dotted_and_told_in_full() {
    /// Of a run, of the verdict and of the service as a whole.
    const WHOLE: [Code; 4] = [Code::Ok, Code::Ready, Code::Stopping, Code::Enrolled];
    let mut seen = BTreeSet::new();
    for code in Code::ALL.iter().copied() {
        let name = code.name();
        assert!(seen.insert(name), "{name} stands twice");
        assert_eq!(Code::of(name), Some(code));
        let letters = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
        assert!(name.chars().all(letters), "{name}");
        assert!(
            WHOLE.contains(&code) || name.split('.').count() == 2,
            "{name}"
        );
        assert!(!code.title().is_empty() && code.text().len() > 15 && !code.remedy().is_empty());
        assert!(!code.text().contains("  "), "{name}");
        let status = code.status().unwrap_or(500);
        assert!((400..600).contains(&status), "{name}: {status}");
    }
}

#[test]
fn a_mistyped_code_leads_to_the_nearest_one() {
    for (written, near) in [
        ("net.dsn", Code::NetDns),
        ("NET.TLS", Code::NetTls),
        ("auth.refuse", Code::AuthRefused),
        ("package.mising", Code::PackageMissing),
    ] {
        assert_eq!(nearest(written), Some(near));
    }
    assert_eq!(nearest("foo"), None);
}

#[test]
fn every_code_of_a_kind_belongs_to_the_event_that_leads_it() {
    for code in Code::ALL.iter().copied() {
        if let Some(event) = code.event() {
            assert!(event.leads().is_some(), "{code}: {event} leads nothing");
        }
    }
    let ids: BTreeSet<_> = Code::EVENTS.iter().map(|event| event.leads()).collect();
    assert_eq!(ids.len(), Code::EVENTS.len());
    for event in Code::EVENTS.iter().copied() {
        assert_eq!(
            event.event(),
            Some(event),
            "what leads an event belongs to it"
        );
    }
    for (code, event) in [
        (Code::ConfigValue, Some(Code::ConfigWrong)),
        (Code::DiskInodes, Some(Code::DiskFull)),
        (Code::ResultsRejected, Some(Code::ResultRefused)),
        (Code::NetDns, None),
    ] {
        assert_eq!(code.event(), event, "{code}");
    }
}
