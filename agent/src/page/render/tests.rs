//! The page as files hold it, and that nothing that was read becomes markup.
//! Never part of the product.
//! Run by `cargo test -p agent`.

use super::*;
use crate::engine::progress::{PackageProgress, Progress};
use crate::fixture;
use logic::copies::CopyStanding;
use logic::fault::{Code, CodeName, Fault, Finding};
use logic::health::message::{HoldingsMessage, KindCount, StateMessage};
use logic::health::verdict::{AwaitedPackage, Kinds, Last, OwedCounts, Stock, Verdict};
use logic::health::{Check, CheckFinding, OrganisationVerdict, ReportedFault, Word};
use logic::intake::ItemKind;
use logic::language::figure::Bytes;
use logic::package::estimate::PackageRate;
use logic::report::Report;
use logic::schedule::RunReason;
use logic::time::Uptime;
use logic::words::{Outcome, SyncParams};

mod french;

const NOW: i64 = 1_795_500_000;
const NASTY: &str = "<script>alert(\"x\")</script>&'";

/// The ready box of tests/fixtures/standing.json, with two packages still on their way.
fn standing() -> BoxStanding {
    let text = include_str!("../../../../tests/fixtures/standing.json");
    let mut standing: BoxStanding = serde_json::from_str(text).unwrap();
    standing.last = None;
    standing.packages = Stock {
        held: 5,
        coming: 2,
        bytes_left: 1_200_000_000,
        ..standing.packages
    };
    standing
}

fn report(reason: &str) -> Report {
    let params = SyncParams {
        organisation_id: "1001".into(),
        sync_id: 12,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    };
    let mut report = Report::new(&params, NOW - 900);
    report.finished_at = NOW - 720;
    report.connection.download_mbit_s = 4.0;
    report.packages.downloaded = 5;
    report.stop(&Fault::new(Code::NetDns, reason));
    report
}

fn box_view(reason: &str) -> BoxView {
    BoxView {
        standing: standing(),
        box_id: Some("4f1d0c9a8b7e6d5c4b3a".into()),
        reports: vec![report(reason)],
        awaited: Vec::new(),
    }
}

fn running() -> RunProgress {
    RunProgress {
        run: 3,
        cause: RunReason::Boot,
        progress: Progress {
            doing: "bringing packages".into(),
            entities: 307,
            package: Some(PackageProgress {
                delivery: "https://central.example/tao.rdf#i1".into(),
                bytes: 10_000_000,
                size: 25_000_000,
            }),
            packages: (2, 7),
            ..Progress::default()
        },
    }
}

/// A finding as the page gets it.
fn examined(finding: &CheckFinding) -> Examined {
    Examined::of(finding.clone(), str::to_owned)
}

fn held(held: u64, wanted: u64) -> HoldingsMessage {
    HoldingsMessage::Held { held, wanted }
}

fn told(code: &CodeName, words: &str) -> Examined {
    examined(&CheckFinding::fail(code, ReportedFault::new(code, words)))
}

fn shown(language: Language, box_view: &BoxView, findings: &[Examined]) -> String {
    let running = running();
    let view = PageView {
        box_view: Some(box_view),
        findings: Some(findings),
        running: Some(&running),
        next: None,
        waiting: None,
        orders: OrdersInForce::default(),
        offset: 3600,
        stamp: 9,
    };
    page(language, &view, "bm9uY2U=")
}

/// What a reader sees: no markup, one blank between words.
fn read(page: &str) -> String {
    let main = page.split("<main>").nth(1).unwrap();
    let main = main.split("</main>").next().unwrap();
    let mut out = String::new();
    let mut inside = false;
    for c in main.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_in_both_languages() {
    let box_view = box_view("the name central.example has no address: no answer within 4 s");
    let findings = [
        examined(&CheckFinding::fail(Code::PackageIncomplete, held(5, 7))),
        examined(&CheckFinding::pass(Check::Key, StateMessage::KeyOpens)),
    ];
    let english = read(&shown(Language::English, &box_view, &findings));
    assert!(
        english.starts_with(
            "Ready for the exam? ✖ NOT READY 5 of 7 packages held What to do A synchronization is running: let it finish. \
             More on the box: boxsync doctor explain package.incomplete Right now A synchronization is running: \
             bringing packages. Entities compared: 307. Packages of this run: 2 of 7. Package under way: 10.0 MB of \
             25.0 MB. What the box holds 5 of 7 packages held, \
             1.2 GB left, about 40 min at 500.0 kB/s Details of the box Catalogue organisation 1001, complete 2026-11-24 06:48 UTC+01:00 \
             (12 min ago) Entities 321 Results to send none"
        ),
        "{english}"
    );
    assert!(english.contains("✖ broken 5 of 7 packages held package.incomplete What to do: Run"));
    assert!(english.contains("No. 12: 2026-11-24 06:45 UTC+01:00 ! central not reached"));
    let french = read(&shown(Language::French, &box_view, &findings));
    assert!(
        french.starts_with(
            "Prête pour l’examen ? ✖ PAS PRÊTE paquets présents : 5 sur 7 Que faire Une synchronisation est en cours : la \
             laisser aboutir. En savoir plus, sur la box : boxsync doctor explain package.incomplete En ce moment \
             Synchronisation en cours : réception des paquets. Entités comparées : 307."
        ),
        "{french}"
    );
    assert!(
        french.contains("le nom central.example n’a pas d’adresse : pas de réponse en 4 s net.dns")
    );
    assert!(french.contains("clé des données bon la clé ouvre les données"));
}

/// Two weeks of a box: a run a day, the link now better, now worse, twice dead; results refused, packages brought.
fn fortnight() -> BoxView {
    let mut box_view = box_view("");
    let rates = [
        4.2, 5.1, 3.8, 0.0, 4.9, 6.3, 6.0, 2.2, 1.4, 5.5, 0.0, 4.4, 5.8, 6.1,
    ];
    let newest = rates.iter().rev().zip(0i64..);
    box_view.reports = newest
        .map(|(rate, day)| {
            let mut report =
                report("the name central.example has no address: no answer within 4 s");
            report.sync_id = 140 - day as u64;
            report.started_at = NOW - 720 - 40 - day * 86_400;
            report.finished_at = report.started_at + 40;
            report.connection.download_mbit_s = *rate;
            report.connection.bytes_received = (rate * 5e6) as u64;
            if *rate > 0.0 {
                report.outcome = Outcome::Finished;
                report.code = "ok".into();
                report.findings.clear();
            }
            report
        })
        .collect();
    box_view
}

#[test]
fn the_pages_of_the_pictures() {
    let incomplete = [examined(&CheckFinding::fail(
        Code::PackageIncomplete,
        held(5, 7),
    ))];
    let page =
        |language, box_view: &BoxView, findings: &[Examined], running: Option<&RunProgress>| {
            let view = PageView {
                box_view: Some(box_view),
                findings: Some(findings),
                running,
                next: Some(480),
                waiting: None,
                orders: OrdersInForce::default(),
                offset: 3600,
                stamp: 9,
            };
            page(language, &view, "bm9uY2U=")
        };
    let coming = page(
        Language::English,
        &fortnight(),
        &incomplete,
        Some(&running()),
    );
    fixture::held("page-en.html", &coming);
    let mut owing = fortnight();
    owing.standing.packages.held = 7;
    owing.standing.packages.bytes_left = 0;
    owing.standing.owed = Some(OwedCounts {
        queued: 12,
        refused: 1,
        unconfirmed: 0,
        ..OwedCounts::default()
    });
    let items = KindCount {
        kind: ItemKind::Results,
        count: 1,
    };
    let free = StateMessage::Free {
        free: Bytes(12_000_000_000),
        reserve: Bytes(1 << 30),
    };
    let refused = [
        CheckFinding::warn(Code::ResultsRefused, HoldingsMessage::Refused { items }),
        CheckFinding::pass(Check::Disk, free),
        CheckFinding::pass(Check::Packages, held(7, 7)),
    ]
    .map(|finding| examined(&finding));
    let page = page(Language::French, &owing, &refused, None);
    fixture::held("page-fr.html", &page);
}

#[test]
fn each_organisation_of_a_box_of_several_is_told() {
    let mut two = box_view("why");
    let (english, french) = (Language::English, Language::French);
    assert!(!shown(english, &two, &[]).contains("Organisation"));
    let one = |id: &str, verdict, code: Code, ready_at| OrganisationVerdict {
        organisation_id: id.into(),
        verdict,
        finding: Finding::new(code, "<because>"),
        held: 1,
        wanted: 2,
        ready_at,
    };
    two.standing.organisations = vec![
        one("1001", Word::Ready, Code::Ok, None),
        one("<2002>", Word::NotReady, Code::PackageMissing, Some(NOW)),
    ];
    let page = shown(english, &two, &[]);
    assert!(page.contains("<b>Organisation 1001: READY</b>"), "{page}");
    let other = "<b>Organisation &lt;2002&gt;: NOT READY</b>";
    assert!(
        page.contains(other) && !page.contains("<because>"),
        "{page}"
    );
    assert!(page.contains(", ready at "), "{page}");
    let page = shown(french, &two, &[]);
    assert!(
        page.contains("<b>Organisation 1001\u{a0}: PRÊTE</b>"),
        "{page}"
    );
}

#[test]
fn what_is_lost_or_owed_beside_results_is_counted() {
    let mut owing = fortnight();
    owing.standing.owed = Some(OwedCounts {
        queued: 6,
        queued_kinds: Kinds {
            logs: 3,
            sessions: 2,
            users: 0,
        },
        lost: 1,
        ..OwedCounts::default()
    });
    let told = read(&shown(Language::English, &owing, &[]));
    assert!(
        told.contains("1 waiting, logs waiting: 3, test sessions waiting: 2, 1 lost"),
        "{told}"
    );
    // Nothing is owed but what is lost: that is not nothing.
    owing.standing.owed = Some(OwedCounts {
        lost: 2,
        ..OwedCounts::default()
    });
    assert!(read(&shown(Language::English, &owing, &[])).contains("2 lost"));
    owing.standing.owed = Some(OwedCounts {
        carried: 2,
        carried_at: owing.standing.now - 3 * 86_400,
        ..OwedCounts::default()
    });
    let told = read(&shown(Language::English, &owing, &[]));
    assert!(told.contains("2 handed over, the first 3"), "{told}");
}

#[test]
fn how_many_are_copied_is_told() {
    let mut owing = fortnight();
    let shown = |owing: &BoxView| read(&shown(Language::English, owing, &[]));
    assert!(!shown(&owing).contains("copied"), "none are configured");
    owing.standing.copies = Some(CopyStanding {
        owed: 7,
        copied: 5,
        oldest_at: Some(NOW - 3_600),
        ..CopyStanding::default()
    });
    let told = shown(&owing);
    assert!(told.contains("5 of 7 copied, the oldest"), "{told}");
}

#[test]
fn what_is_ordered_and_when_each_package_is_there_has_a_row() {
    let mut coming = box_view("b");
    coming.standing.awaited = vec![AwaitedPackage {
        delivery: "https://central.example/tao.rdf#i4001".into(),
        left: Some(600_000_000),
    }];
    let rows = |box_view: &BoxView, orders: OrdersInForce| {
        let view = PageView {
            box_view: Some(box_view),
            findings: None,
            running: None,
            next: None,
            waiting: None,
            orders,
            offset: 0,
            stamp: 1,
        };
        read(&page(Language::English, &view, "nonce"))
    };
    let none = rows(&coming, OrdersInForce::default());
    assert!(
        !none.contains("as ordered") && !none.contains("on their way"),
        "{none}"
    );
    coming.standing.package_rate = Some(PackageRate {
        mean: 1_000_000,
        slow: 1_000_000,
        at: Uptime::default(),
    });
    let orders = OrdersInForce {
        bytes_per_second: Some(500_000),
        first: Some("https://central.example/tao.rdf#i4001".into()),
        ..OrdersInForce::default()
    };
    let told = rows(&coming, orders);
    assert!(
        told.contains("at most 500.0 kB/s, first https://central.example/tao.rdf#i4001"),
        "{told}"
    );
    assert!(told.contains("tao.rdf#i4001 ready at 2026-11-24"), "{told}");
}

#[test]
fn nothing_that_was_read_becomes_markup() {
    let mut box_view = box_view(NASTY);
    box_view.standing.version = Some(NASTY.into());
    box_view.standing.catalogue.organisation = NASTY.into();
    box_view.standing.organisation = Some("1".into());
    box_view.box_id = Some(NASTY.into());
    let findings = [told(&NASTY.into(), NASTY)];
    for language in [Language::English, Language::French] {
        let page = shown(language, &box_view, &findings);
        assert_eq!(page.matches("<script").count(), 1, "only its own");
        assert!(!page.contains("alert(\""));
    }
}

#[test]
fn a_value_is_never_a_place() {
    let mut box_view = box_view("{{nonce}} {{main}}");
    box_view.standing.version = Some("{{nonce}}".into());
    let page = shown(Language::English, &box_view, &[]);
    assert_eq!(page.matches("bm9uY2U=").count(), 2);
    assert!(page.contains("{{nonce}}, supported by central"));
}

#[test]
fn nothing_is_loaded_and_nothing_is_styled_from_outside() {
    for page in [
        shown(Language::English, &box_view("x"), &[]),
        shown(Language::French, &box_view("x"), &[]),
    ] {
        for forbidden in [
            "src=", "http://", "https://", "style=", "onclick", "@import", "url(",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn before_the_first_look_it_says_so() {
    let view = PageView {
        box_view: None,
        findings: None,
        running: None,
        next: Some(90),
        waiting: None,
        orders: OrdersInForce::default(),
        offset: 0,
        stamp: 0,
    };
    assert_eq!(
        read(&page(Language::English, &view, "n")),
        "Ready for the exam? The box is being looked at … Right now No synchronization is running. The next one \
         begins in 60 s."
    );
}

#[test]
fn the_page_can_be_read_without_eyes() {
    let findings = [told(&Code::ClockSkew.into(), "x")];
    let page = shown(Language::French, &box_view("x"), &findings);
    assert!(page.contains("<html lang=\"fr\">") && page.contains("<main>"));
    assert!(page.contains("aria-live=\"polite\"") && page.contains("role=\"status\""));
    assert_eq!(
        page.matches("<table").count(),
        page.matches("<caption").count()
    );
    assert_eq!(page.matches("<h1").count(), 1);
    let mut ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands twice");
    for named in page.split("aria-labelledby=\"").skip(1) {
        let id = named.split('"').next().unwrap();
        assert!(ids.contains(&id), "{id}");
    }
}
