//! Holds each state of a box against its word and its reason.
//! Never a real box.
//! Run with the tests of `logic`.

use super::super::standing::CATALOGUE_OLD_AFTER;
use super::*;
use crate::fault::{Code, Finding, ProcessEnd, RunCause, ServiceCause, Wording};
use crate::language::Localized;
use crate::package::estimate::PackageRate;
use crate::report::StickOrigin;
use crate::settings::{Settings, Source};
use crate::time::Uptime;

const NOW: i64 = 1_795_500_000;

/// A box that is ready, as the tests of the command line and of the page know it.
fn sound() -> BoxStanding {
    let text = include_str!("../../../../../tests/fixtures/standing.json");
    serde_json::from_str(text).unwrap()
}

fn last(outcome: Outcome, code: Code) -> Last {
    Last {
        sync_id: 12,
        outcome,
        code: code.into(),
        reason: if code == Code::Ok { "" } else { "because" }.into(),
        cause: None,
        finished_at: NOW - 600,
    }
}

/// What else needs a look, in English.
fn also(verdict: &Verdict) -> Vec<String> {
    verdict.also.iter().map(Cause::to_string).collect()
}

#[test]
fn what_is_told_beside_a_standing_has_its_sentence_in_each_language() {
    let mut standing = sound();
    standing.notices = vec![Finding::new(Code::UnitDown, ServiceCause::Down)];
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.reason, ServiceCause::Down.into());
    assert!(verdict.reason.fr().starts_with("le service ne fonctionne"));
}

#[test]
fn of_several_the_least_ready_counts() {
    let ready = sound();
    let mut but = sound();
    but.notices = vec![Finding::new(Code::UnitDown, ServiceCause::Down)];
    let mut not = sound();
    not.trouble = Some(Finding::new(Code::KeyWrong, "another key"));
    let worst = |all: &[&BoxStanding]| {
        let all: Vec<Verdict> = all.iter().map(|standing| Verdict::of(standing)).collect();
        Verdict::worst(&all)
    };
    assert_eq!(worst(&[]), None);
    assert_eq!(worst(&[&ready, &ready]), Some(0));
    assert_eq!(worst(&[&ready, &but]), Some(1));
    assert_eq!(worst(&[&but, &not, &ready]), Some(1));
}

#[test]
fn each_state_has_its_word_and_its_reason() {
    type Case = (fn(&mut BoxStanding), Word, Code);
    let table: [Case; 40] = [
        (|_| {}, Word::Ready, Code::Ready),
        (
            |s| s.trouble = Some(Finding::new(Code::KeyWrong, "another key")),
            Word::NotReady,
            Code::KeyWrong,
        ),
        (
            |s| (s.catalogue.complete_at, s.organisation) = (None, None),
            Word::NotReady,
            Code::ConfigNoOrganisation,
        ),
        (
            |s| {
                (s.catalogue.complete_at, s.version) = (None, None);
                s.enrolled = false;
            },
            Word::NotReady,
            Code::ConfigNoVersion,
        ),
        (
            |s| {
                (s.catalogue.complete_at, s.version) = (None, None);
                (s.enrolled, s.lacks_central) = (false, true);
            },
            Word::NotReady,
            Code::ConfigNoUrl,
        ),
        (
            |s| s.lacks_central = true,
            Word::ReadyBut,
            Code::ConfigNoUrl,
        ),
        (
            |s| s.intake = Some(Finding::new(Code::DiskInodes, "no more files")),
            Word::NotReady,
            Code::DiskInodes,
        ),
        (
            |s| {
                s.intake = Some(Finding::new(Code::StateReadOnly, "read-only"));
                s.trouble = Some(Finding::new(Code::StoreDamaged, "damaged"));
            },
            Word::NotReady,
            Code::StoreDamaged,
        ),
        (
            |s| {
                s.intake = Some(Finding::new(Code::StateReadOnly, "read-only"));
                (s.packages.held, s.packages.damaged) = (6, 1);
            },
            Word::NotReady,
            Code::StateReadOnly,
        ),
        (
            |s| (s.enrolled, s.catalogue.complete_at) = (false, None),
            Word::NotReady,
            Code::AuthNotEnrolled,
        ),
        (
            |s| (s.last, s.catalogue.complete_at) = (None, None),
            Word::NotReady,
            Code::CatalogueIncomplete,
        ),
        (
            |s| {
                s.catalogue.complete_at = None;
                s.last = Some(last(Outcome::Offline, Code::NetDns));
            },
            Word::NotReady,
            Code::NetDns,
        ),
        (
            |s| s.organisation = Some("1002".into()),
            Word::NotReady,
            Code::CatalogueOtherOrganisation,
        ),
        (
            |s| s.packages = Stock::default(),
            Word::NotReady,
            Code::CatalogueEmpty,
        ),
        (
            |s| s.disk = Some((1 << 20, 1 << 30)),
            Word::NotReady,
            Code::DiskFull,
        ),
        (
            |s| (s.packages.held, s.packages.coming) = (5, 2),
            Word::NotReady,
            Code::PackageIncomplete,
        ),
        (
            |s| (s.packages.held, s.disk) = (5, Some((1 << 29, 1 << 30))),
            Word::NotReady,
            Code::DiskReserve,
        ),
        (
            |s| (s.packages.held, s.packages.damaged) = (6, 1),
            Word::NotReady,
            Code::PackageDamaged,
        ),
        (
            |s| (s.packages.held, s.packages.broken) = (6, 1),
            Word::NotReady,
            Code::PackageDamaged,
        ),
        (
            |s| (s.packages.held, s.packages.unsupported) = (6, 1),
            Word::NotReady,
            Code::PackageUnsupported,
        ),
        (
            |s| (s.packages.held, s.packages.cached) = (6, 1),
            Word::NotReady,
            Code::PackageCache,
        ),
        (
            |s| (s.packages.held, s.packages.wanted, s.packages.absent) = (0, 2, 2),
            Word::NotReady,
            Code::PackageMissing,
        ),
        (
            |s| (s.packages.held, s.packages.absent) = (5, 1),
            Word::NotReady,
            Code::PackageIncomplete,
        ),
        (
            |s| (s.packages.held, s.packages.absent) = (6, 1),
            Word::ReadyBut,
            Code::PackageMissing,
        ),
        (
            |s| s.disk = Some((1 << 29, 1 << 30)),
            Word::ReadyBut,
            Code::DiskReserve,
        ),
        (
            |s| s.unread = Some(Finding::new(Code::DiskFailing, "1 file cannot be read")),
            Word::ReadyBut,
            Code::DiskFailing,
        ),
        (
            |s| s.lost = vec!["kve_one".into()],
            Word::ReadyBut,
            Code::ResultsQuarantined,
        ),
        (
            |s| {
                s.owed = Some(OwedCounts {
                    queued: 3,
                    refused: 1,
                    unconfirmed: 1,
                    ..OwedCounts::default()
                })
            },
            Word::ReadyBut,
            Code::ResultsRefused,
        ),
        (
            |s| {
                s.owed = Some(OwedCounts {
                    queued: 3,
                    refused: 0,
                    unconfirmed: 1,
                    ..OwedCounts::default()
                })
            },
            Word::ReadyBut,
            Code::ResultsUnconfirmed,
        ),
        (
            |s| {
                s.owed = Some(OwedCounts {
                    queued: 3,
                    ..OwedCounts::default()
                })
            },
            Word::ReadyBut,
            Code::ResultsQueued,
        ),
        (
            |s| s.enrolled = false,
            Word::ReadyBut,
            Code::AuthNotEnrolled,
        ),
        // Served by sticks, and owing nothing.
        (
            |s| {
                (s.enrolled, s.lacks_central, s.contact) = (false, true, None);
                s.origin = Some(StickOrigin::default());
            },
            Word::Ready,
            Code::Ready,
        ),
        (
            |s| {
                (s.enrolled, s.lacks_central) = (false, true);
                s.origin = Some(StickOrigin::default());
                s.owed = Some(OwedCounts {
                    carried: 1,
                    ..OwedCounts::default()
                });
            },
            Word::ReadyBut,
            Code::ConfigNoUrl,
        ),
        (
            |s| s.supported = Some(false),
            Word::ReadyBut,
            Code::VersionUnsupported,
        ),
        (
            |s| s.catalogue.complete_at = Some(NOW - CATALOGUE_OLD_AFTER - 1),
            Word::ReadyBut,
            Code::CatalogueOld,
        ),
        (|s| s.now = 86_400, Word::ReadyBut, Code::ClockBehind),
        (
            |s| s.catalogue.held_back = 40,
            Word::ReadyBut,
            Code::CatalogueHeldBack,
        ),
        (
            |s| {
                s.catalogue.held_back = 3;
                s.catalogue.taken_back = 3;
                s.catalogue.contradicted = 4;
            },
            Word::ReadyBut,
            Code::CentralContradicts,
        ),
        (
            |s| s.last = Some(last(Outcome::Unauthorized, Code::AuthRefused)),
            Word::ReadyBut,
            Code::SyncFailed,
        ),
        (
            |s| s.last = Some(last(Outcome::Offline, Code::NetDns)),
            Word::Ready,
            Code::Ready,
        ),
    ];
    for (at, (change, word, code)) in table.iter().enumerate() {
        let mut standing = sound();
        change(&mut standing);
        let verdict = Verdict::of(&standing);
        assert_eq!(
            (verdict.word, verdict.code.known()),
            (*word, Some(*code)),
            "case {at}: {verdict:?}"
        );
        assert!(!verdict.reason.to_string().is_empty());
    }
}

#[test]
fn what_else_needs_a_look_is_told_in_order_of_weight() {
    let mut standing = sound();
    standing.owed = Some(OwedCounts {
        queued: 12,
        refused: 1,
        unconfirmed: 0,
        ..OwedCounts::default()
    });
    standing.catalogue.held_back = 1;
    let verdict = Verdict::of(&standing);
    assert_eq!(
        verdict.reason.to_string(),
        "central did not accept 1 result"
    );
    assert_eq!(
        also(&verdict),
        [
            "central no longer names 1 entity, which was kept",
            "12 results are still to go to central"
        ]
    );
    assert_eq!(verdict.word.exit(), 0);
}

fn row(kinds: Kinds, total: u64) -> String {
    let each: Vec<String> = kinds.each(total).iter().map(Localized::english).collect();
    each.join(", ")
}

#[test]
fn what_is_owed_is_told_each_by_its_kind() {
    let kinds = Kinds {
        logs: 3,
        sessions: 1,
        users: 0,
    };
    let mut standing = sound();
    standing.owed = Some(OwedCounts {
        queued: 7,
        queued_kinds: kinds,
        ..OwedCounts::default()
    });
    let looks = |standing: &BoxStanding| {
        let verdict = Verdict::of(standing);
        assert_eq!(verdict.word, Word::ReadyBut);
        let causes = [vec![verdict.reason], verdict.also].concat();
        causes.iter().map(Cause::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        looks(&standing),
        [
            "3 results are still to go to central",
            "3 logs are still to go to central",
            "1 test session is still to go to central",
        ]
    );
    // What central holds up is told as that, not once more.
    standing.held_up = Some(Finding::new(Code::CentralError, "why"));
    standing.owed = Some(OwedCounts {
        queued: 7,
        queued_kinds: kinds,
        waiting: 4,
        waiting_kinds: kinds,
        ..OwedCounts::default()
    });
    assert_eq!(
        looks(&standing)[1..],
        ["3 results are still to go to central"]
    );
    // So is what is encrypted with a key that central no longer has; that the last run ended with it is not told beside.
    let before = standing.clone();
    standing.held_up = Some(Finding::new(Code::CentralKeyChanged, "why"));
    standing.last = Some(last(Outcome::Failed, Code::CentralKeyChanged));
    standing.owed = Some(OwedCounts {
        held: 2,
        ..OwedCounts::default()
    });
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.code, Code::CentralKeyChanged);
    assert_eq!(looks(&standing), ["central does not take 2 items for now"]);
    standing = before;
    standing.owed = Some(OwedCounts {
        refused: 1,
        refused_kinds: Kinds {
            logs: 1,
            ..Kinds::default()
        },
        unconfirmed: 2,
        unconfirmed_kinds: Kinds {
            logs: 1,
            ..Kinds::default()
        },
        ..OwedCounts::default()
    });
    assert_eq!(
        looks(&standing),
        [
            "central did not accept 1 log",
            "central may or may not have 1 result",
            "central may or may not have 1 log",
        ]
    );
    assert_eq!(row(kinds, 7), "3 results, 3 logs, 1 test session");
    // A boxsync that did not tell kinds counted results.
    assert_eq!(row(Kinds::default(), 1), "1 result");
}

#[test]
fn a_failed_run_is_mended_by_the_remedy_of_its_own_code() {
    let mut standing = sound();
    standing.last = Some(last(Outcome::Unauthorized, Code::AuthRefused));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.code, Code::SyncFailed);
    assert_eq!(verdict.cause(&standing), Code::AuthRefused);
    // Another run cannot bring what is missing before that.
    standing.packages.held = 5;
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.code, Code::PackageIncomplete);
    assert_eq!(verdict.cause(&standing), Code::AuthRefused);
    assert_eq!(
        also(&verdict),
        ["the last synchronization was refused: because"]
    );
    standing.last = Some(last(Outcome::Failed, Code::CentralError));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.cause(&standing), Code::PackageIncomplete);
    assert_eq!(also(&verdict), Vec::<String>::new());
}

#[test]
fn a_wrong_configuration_is_told_first_while_the_last_good_one_is_used() {
    let mut standing = sound();
    let file = Source {
        name: "boxsync.d/9.toml",
        text: "[sync]\nlanes = 1\nintervall = 1\nlanez = 2\n",
    };
    let wrong = Settings::read(&[file], std::iter::empty()).unwrap_err();
    standing.config = Some(wrong.into());
    standing.enrolled = false;
    let verdict = Verdict::of(&standing);
    let told = "the configuration is wrong, the last good one is used: boxsync.d/9.toml:3: unknown key \"intervall\" in [sync]; the nearest known key is \"interval\" (and 1 more)";
    assert_eq!(
        (
            verdict.word,
            verdict.code.known(),
            &*verdict.reason.to_string()
        ),
        (Word::ReadyBut, Some(Code::ConfigUnknownKey), told)
    );
    assert_eq!(verdict.also.len(), 1);
    // What makes an exam impossible comes before it.
    standing.packages.held = 5;
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.word, Word::NotReady);
    assert!(also(&verdict).contains(&told.to_owned()));
}

#[test]
fn a_worker_that_dies_again_and_again_is_the_cause_of_what_is_missing() {
    let mut standing = sound();
    standing.packages.held = 5;
    assert_eq!(
        Verdict::of(&standing).cause(&standing),
        Code::PackageIncomplete
    );
    let how = ProcessEnd::Signal {
        name: "SIGABRT".into(),
    };
    let how = Finding::new(Code::WorkerDied, RunCause::WorkerDied { how });
    standing.died = Some((how, 3));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.word, Word::NotReady);
    assert_eq!(verdict.cause(&standing), Code::WorkerDied);
    let told = "3 synchronizations in a row ended before their work was done: the process of this synchronization was ended by SIGABRT; what it brought is kept, the next one goes on from there";
    assert!(also(&verdict).contains(&told.to_owned()), "{verdict:?}");
    // Between the process that looks and the one that tells it stays a value.
    let sent = serde_json::to_vec(&standing).unwrap();
    let mut standing: BoxStanding = serde_json::from_slice(&sent).unwrap();
    let french = died(&standing).unwrap().fr_words();
    let is_english = |words: &Wording| !matches!(words, Wording::French(_));
    assert!(!french.iter().any(is_english), "{french:?}");
    standing.packages.held = standing.packages.wanted;
    let verdict = Verdict::of(&standing);
    assert_eq!(
        (verdict.word, verdict.code.known()),
        (Word::ReadyBut, Some(Code::WorkerDied))
    );
}

#[test]
fn entities_are_counted_as_people_say_it() {
    assert_eq!(
        sound().catalogue.told(),
        [
            "1 test-center",
            "2 administrators",
            "4 proctors",
            "300 test-takers",
            "7 eligibilities",
            "7 deliveries"
        ]
    );
}

#[test]
fn minutes_are_told_only_when_they_are_known() {
    let mut standing = sound();
    standing.packages.bytes_left = 600_000_000;
    standing.rate = None;
    assert_eq!(package_estimate(&standing), None);
    standing.rate = Some(500_000.0);
    let last_run = PackageEstimate {
        seconds: 20 * 60,
        latest: None,
        rate: 500_000,
        ready_at: None,
    };
    assert_eq!(package_estimate(&standing), Some(last_run));
    // What comes now counts before what came then.
    standing.package_rate = Some(PackageRate {
        mean: 1_000_000,
        slow: 250_000,
        at: Uptime::default(),
    });
    let now = PackageEstimate {
        seconds: 10 * 60,
        latest: Some(40 * 60),
        rate: 1_000_000,
        ready_at: Some(standing.now + 600),
    };
    assert_eq!(package_estimate(&standing), Some(now));
    // The window closes after five minutes, and opens again a day later.
    let opens = standing.now - 60;
    standing.open_spans = Some(vec![
        (opens, standing.now + 300),
        (opens + 86_400, opens + 90_000),
    ]);
    let ready_at = Some(opens + 86_400 + 300);
    assert_eq!(
        package_estimate(&standing),
        Some(PackageEstimate { ready_at, ..now })
    );
    standing.open_spans = None;
    standing.packages.unknown = 1;
    assert_eq!(package_estimate(&standing), None);
}

#[test]
fn each_exam_is_there_when_all_before_it_are() {
    let mut standing = sound();
    standing.awaited = [
        ("a", Some(60)),
        ("b", Some(40)),
        ("c", None),
        ("d", Some(5)),
    ]
    .map(|(delivery, left)| AwaitedPackage {
        delivery: delivery.to_owned(),
        left,
    })
    .to_vec();
    let told = |standing: &BoxStanding| -> Vec<Option<i64>> {
        let at = awaited_at(standing, &standing.awaited).into_iter();
        at.map(|(_, at)| at.map(|at| at - standing.now)).collect()
    };
    assert_eq!(told(&standing), [None; 4], "none comes now");
    standing.package_rate = Some(PackageRate {
        mean: 2,
        slow: 1,
        at: Uptime::default(),
    });
    assert_eq!(told(&standing), [Some(30), Some(50), None, None]);
    // The window closes in between.
    let now = standing.now;
    standing.open_spans = Some(vec![(now, now + 40), (now + 100, now + 200)]);
    assert_eq!(told(&standing), [Some(30), Some(110), None, None]);
}
