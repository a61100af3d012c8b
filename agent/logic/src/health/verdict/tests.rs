//! Holds each state of a box against its word and its reason.
//! Never a real box.
//! Run with the tests of `logic`.

use super::*;

const NOW: i64 = 1_795_500_000;

/// A box that is ready, as the tests of the command line and of the page know it.
fn sound() -> Standing {
    let text = include_str!("../../../../../tests/fixtures/standing.json");
    serde_json::from_str(text).unwrap()
}

fn last(outcome: Outcome, code: &str) -> Last {
    Last {
        sync_id: 12,
        outcome,
        code: code.into(),
        reason: if code == "ok" { "" } else { "because" }.into(),
        finished_at: NOW - 600,
    }
}

#[test]
fn each_state_has_its_word_and_its_reason() {
    type Case = (fn(&mut Standing), Word, &'static str);
    let table: [Case; 34] = [
        (|_| {}, Word::Ready, "ready"),
        (
            |s| s.trouble = Some(("key.wrong".into(), "another key".into())),
            Word::NotReady,
            "key.wrong",
        ),
        (
            |s| s.intake = Some(("disk.inodes".into(), "no more files".into())),
            Word::NotReady,
            "disk.inodes",
        ),
        (
            |s| {
                s.intake = Some(("state.read_only".into(), "read-only".into()));
                s.trouble = Some(("store.damaged".into(), "damaged".into()));
            },
            Word::NotReady,
            "store.damaged",
        ),
        (
            |s| {
                s.intake = Some(("state.read_only".into(), "read-only".into()));
                (s.packages.held, s.packages.damaged) = (6, 1);
            },
            Word::NotReady,
            "state.read_only",
        ),
        (
            |s| (s.enrolled, s.catalogue.complete_at) = (false, None),
            Word::NotReady,
            "auth.not_enrolled",
        ),
        (
            |s| (s.last, s.catalogue.complete_at) = (None, None),
            Word::NotReady,
            "catalogue.incomplete",
        ),
        (
            |s| {
                s.catalogue.complete_at = None;
                s.last = Some(last(Outcome::Offline, "net.dns"));
            },
            Word::NotReady,
            "net.dns",
        ),
        (
            |s| s.organisation = Some("1002".into()),
            Word::NotReady,
            "catalogue.other_organisation",
        ),
        (
            |s| s.packages = Stock::default(),
            Word::NotReady,
            "catalogue.empty",
        ),
        (
            |s| s.disk = Some((1 << 20, 1 << 30)),
            Word::NotReady,
            "disk.full",
        ),
        (
            |s| (s.packages.held, s.packages.coming) = (5, 2),
            Word::NotReady,
            "package.incomplete",
        ),
        (
            |s| (s.packages.held, s.disk) = (5, Some((1 << 29, 1 << 30))),
            Word::NotReady,
            "disk.reserve",
        ),
        (
            |s| (s.packages.held, s.packages.damaged) = (6, 1),
            Word::NotReady,
            "package.damaged",
        ),
        (
            |s| (s.packages.held, s.packages.broken) = (6, 1),
            Word::NotReady,
            "package.damaged",
        ),
        (
            |s| (s.packages.held, s.packages.unsupported) = (6, 1),
            Word::NotReady,
            "package.unsupported",
        ),
        (
            |s| (s.packages.held, s.packages.cached) = (6, 1),
            Word::NotReady,
            "package.cache",
        ),
        (
            |s| (s.packages.held, s.packages.wanted, s.packages.absent) = (0, 2, 2),
            Word::NotReady,
            "package.missing",
        ),
        (
            |s| (s.packages.held, s.packages.absent) = (5, 1),
            Word::NotReady,
            "package.incomplete",
        ),
        (
            |s| (s.packages.held, s.packages.absent) = (6, 1),
            Word::ReadyBut,
            "package.missing",
        ),
        (
            |s| s.disk = Some((1 << 29, 1 << 30)),
            Word::ReadyBut,
            "disk.reserve",
        ),
        (
            |s| s.unread = Some("1 file cannot be read".into()),
            Word::ReadyBut,
            "disk.failing",
        ),
        (
            |s| s.lost = vec!["kve_one".into()],
            Word::ReadyBut,
            "results.quarantined",
        ),
        (
            |s| {
                s.owed = Some(Owed {
                    queued: 3,
                    refused: 1,
                    unconfirmed: 1,
                    ..Owed::default()
                })
            },
            Word::ReadyBut,
            "results.refused",
        ),
        (
            |s| {
                s.owed = Some(Owed {
                    queued: 3,
                    refused: 0,
                    unconfirmed: 1,
                    ..Owed::default()
                })
            },
            Word::ReadyBut,
            "results.unconfirmed",
        ),
        (
            |s| {
                s.owed = Some(Owed {
                    queued: 3,
                    ..Owed::default()
                })
            },
            Word::ReadyBut,
            "results.queued",
        ),
        (|s| s.enrolled = false, Word::ReadyBut, "auth.not_enrolled"),
        (
            |s| s.supported = Some(false),
            Word::ReadyBut,
            "version.unsupported",
        ),
        (
            |s| s.catalogue.complete_at = Some(NOW - OLD - 1),
            Word::ReadyBut,
            "catalogue.old",
        ),
        (|s| s.now = 86_400, Word::ReadyBut, "clock.behind"),
        (
            |s| s.catalogue.held_back = 40,
            Word::ReadyBut,
            "catalogue.held_back",
        ),
        (
            |s| {
                s.catalogue.held_back = 3;
                s.catalogue.taken_back = 3;
                s.catalogue.contradicted = 4;
            },
            Word::ReadyBut,
            "central.contradicts",
        ),
        (
            |s| s.last = Some(last(Outcome::Unauthorized, "auth.refused")),
            Word::ReadyBut,
            "sync.failed",
        ),
        (
            |s| s.last = Some(last(Outcome::Offline, "net.dns")),
            Word::Ready,
            "ready",
        ),
    ];
    for (at, (change, word, code)) in table.iter().enumerate() {
        let mut standing = sound();
        change(&mut standing);
        let verdict = Verdict::of(&standing);
        assert_eq!(
            (verdict.word, verdict.code.as_str()),
            (*word, *code),
            "case {at}: {verdict:?}"
        );
        assert!(!verdict.reason.is_empty());
    }
}

#[test]
fn what_else_needs_a_look_is_told_in_order_of_weight() {
    let mut standing = sound();
    standing.owed = Some(Owed {
        queued: 12,
        refused: 1,
        unconfirmed: 0,
        ..Owed::default()
    });
    standing.catalogue.held_back = 1;
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.reason, "central did not accept 1 result");
    assert_eq!(
        verdict.also,
        [
            "central no longer names 1 entity, which was kept",
            "12 results are still to go to central"
        ]
    );
    assert_eq!(verdict.word.exit(), 0);
}

#[test]
fn a_failed_run_is_mended_by_the_remedy_of_its_own_code() {
    let mut standing = sound();
    standing.last = Some(last(Outcome::Unauthorized, "auth.refused"));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.code, "sync.failed");
    assert_eq!(verdict.cause(&standing), "auth.refused");
    // Another run cannot bring what is missing before that.
    standing.packages.held = 5;
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.code, "package.incomplete");
    assert_eq!(verdict.cause(&standing), "auth.refused");
    assert_eq!(
        verdict.also,
        ["the last synchronization was refused: because"]
    );
    standing.last = Some(last(Outcome::Failed, "central.error"));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.cause(&standing), "package.incomplete");
    assert_eq!(verdict.also, Vec::<String>::new());
}

#[test]
fn a_wrong_configuration_is_told_first_while_the_last_good_one_is_used() {
    let mut standing = sound();
    let reason = "boxsync.d/9.toml:3: unknown key \"intervall\"\nboxsync.d/9.toml:4: more";
    standing.config = Some(("config.unknown_key".into(), reason.into()));
    standing.enrolled = false;
    let verdict = Verdict::of(&standing);
    let told = "the configuration is wrong, the last good one is used: boxsync.d/9.toml:3: unknown key \"intervall\" (and 1 more)";
    assert_eq!(
        (verdict.word, verdict.code.as_str(), verdict.reason.as_str()),
        (Word::ReadyBut, "config.unknown_key", told)
    );
    assert_eq!(verdict.also.len(), 1);
    // What makes an exam impossible comes before it.
    standing.packages.held = 5;
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.word, Word::NotReady);
    assert!(verdict.also.contains(&told.to_owned()));
}

#[test]
fn a_worker_that_dies_again_and_again_is_the_cause_of_what_is_missing() {
    let mut standing = sound();
    standing.packages.held = 5;
    assert_eq!(
        Verdict::of(&standing).cause(&standing),
        "package.incomplete"
    );
    standing.died = Some(("was ended by SIGKILL".into(), 3));
    let verdict = Verdict::of(&standing);
    assert_eq!(verdict.word, Word::NotReady);
    assert_eq!(verdict.cause(&standing), "worker.died");
    let told = "3 synchronizations in a row ended before their work was done: was ended by SIGKILL";
    assert!(verdict.also.contains(&told.to_owned()), "{verdict:?}");
    standing.packages.held = standing.packages.wanted;
    let verdict = Verdict::of(&standing);
    assert_eq!(
        (verdict.word, verdict.code.as_str()),
        (Word::ReadyBut, "worker.died")
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
    assert_eq!(minutes_left(&standing), None);
    standing.rate = Some(500_000.0);
    assert_eq!(minutes_left(&standing), Some(20));
    standing.packages.unknown = 1;
    assert_eq!(minutes_left(&standing), None);
}
