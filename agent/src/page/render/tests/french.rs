//! No sentence of the page stays English where a French page was asked for.
//! Never part of the product.
//! Run by `cargo test -p agent`.

use super::*;

#[test]
fn every_reason_of_a_verdict_is_told_in_french() {
    let mut cases: Vec<BoxStanding> = vec![standing(); 22];
    let done = Stock {
        wanted: 7,
        held: 7,
        ..Stock::default()
    };
    for case in &mut cases[6..16] {
        case.packages = done;
    }
    for (case, reason) in cases[19..].iter_mut().zip([
        "/var/lib/boxsync/spool: the volume has room, but takes no more files (inodes)",
        "/x: cannot write (is it read-only, or another user's?): EROFS",
        "/x: the disk fails: EIO",
    ]) {
        case.intake = Some(Finding::new(Code::DiskInodes, reason));
    }
    let mut sound = standing();
    sound.packages = done;
    cases.extend([sound.clone(), sound]);
    cases[22].lost = vec!["kve_1".into()];
    cases[22].unread = Some(Finding::new(
        Code::DiskFailing,
        "1 file of what is owed cannot be read now, the others go on: /x: the disk fails: EIO",
    ));
    cases[23].lost = ["kve_1", "kve_2", "kve_3", "kve_4"]
        .map(String::from)
        .into();
    cases[23].unread = Some(Finding::new(
        Code::DiskFailing,
        "2 files of what is owed cannot be read now, the others go on: /x: the disk fails: EIO",
    ));
    cases[16].packages.broken = 1;
    cases[17].packages.unsupported = 2;
    cases[18].packages.cached = 2;
    cases[1].packages.damaged = 1;
    cases[2].packages = Stock::default();
    cases[3].packages.absent = 7;
    cases[4].organisation = Some("2".into());
    cases[5].disk = Some((1, 1));
    // So many of each kind.
    let owing = |each: u64| {
        let kinds = Kinds {
            logs: each,
            sessions: each,
            users: each,
        };
        Some(OwedCounts {
            queued: 4 * each,
            queued_kinds: kinds,
            refused: 4 * each,
            refused_kinds: kinds,
            unconfirmed: 4 * each,
            unconfirmed_kinds: kinds,
            ..OwedCounts::default()
        })
    };
    cases[7].owed = owing(1);
    cases[8].owed = owing(2);
    cases[9].enrolled = false;
    cases[9].supported = Some(false);
    cases[10].catalogue.held_back = 1;
    cases[11].catalogue.held_back = 2;
    cases[11].catalogue.complete_at = Some(NOW - 300_000);
    cases[12].catalogue.complete_at = Some(NOW + 4000);
    cases[12].disk = Some((900_000_000, 1 << 30));
    cases[13].catalogue.complete_at = None;
    cases[14].catalogue.complete_at = None;
    cases[14].enrolled = false;
    cases[15].last = Some(Last {
        cause: None,
        sync_id: 1,
        outcome: Outcome::Failed,
        code: Code::NetDns.into(),
        reason: "the name c has no address: no answer within 4 s".into(),
        finished_at: NOW,
    });
    let mut words = std::collections::BTreeSet::new();
    for case in &cases {
        let verdict = Verdict::of(case);
        words.insert(verdict.word);
        for reason in [&verdict.reason].into_iter().chain(&verdict.also) {
            let told = phrase::cause(Language::French, None, reason);
            assert_eq!(english(&told), Vec::<&str>::new(), "{told}");
        }
    }
    assert_eq!(
        words.into_iter().collect::<Vec<_>>(),
        [Word::Ready, Word::ReadyBut, Word::NotReady]
    );
}

/// What stands on a page in its own language: without what is marked as another one, and without commands and codes.
fn own(page: &str) -> String {
    let mut out = page.split("<main>").nth(1).unwrap().to_owned();
    for (open, close) in [("<span lang=\"en\">", "</span>"), ("<code>", "</code>")] {
        while let Some(at) = out.find(open) {
            let end = at + out[at..].find(close).unwrap() + close.len();
            out.replace_range(at..end, " ");
        }
    }
    read(&format!("<main>{out}"))
}

/// English words that French does not have.
fn english(text: &str) -> Vec<&str> {
    const WORDS: [&str; 30] = [
        "the", "is", "of", "and", "not", "was", "were", "has", "have", "with", "from", "that",
        "this", "for", "are", "cannot", "did", "does", "its", "be", "by", "to", "it", "no", "does",
        "held", "packages", "run", "ask", "set",
    ];
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| WORDS.contains(word)).collect()
}

/// Areas and codes whose sentences are those of checks, which have their French beside their English.
const OF_CHECKS: [&str; 21] = [
    "catalogue.",
    "clock.",
    "disk.",
    "net.disabled",
    "net.dns",
    "net.family",
    "net.filtered",
    "net.gateway",
    "net.link",
    "net.loss",
    "net.mtu",
    "net.no_",
    "net.refused",
    "net.unreachable",
    "package.",
    "results.",
    "store.",
    "sync.",
    "unit.",
    "version.",
    "doctor.",
];

#[test]
fn broken_boxes_are_told_in_french() {
    let table = include_str!("../../../../../tests/fixtures/broken.md");
    let mut rows = 0;
    for row in table.lines().skip(2) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let name = cells[1].trim_matches('`');
        let of_check = OF_CHECKS.iter().any(|area| name.starts_with(area));
        // One code is of both: what connects below TLS, and what speaks through it.
        let connects = ["refused the connection", "not there", "no such name"];
        let below = connects.iter().any(|end| cells[2].ends_with(end));
        if of_check || (name == "net.proxy" && below) {
            continue;
        }
        let code = CodeName::from(cells[1].trim_matches('`'));
        let finding = told(&code, cells[2]);
        // As a finding, as the reason of the verdict, as the end of the last run.
        let mut box_view = box_view(cells[2]);
        box_view.standing.catalogue.complete_at = None;
        box_view.standing.last = Some(Last {
            cause: None,
            sync_id: 1,
            outcome: Outcome::Failed,
            code: code.clone(),
            reason: cells[2].to_owned(),
            finished_at: NOW,
        });
        box_view.reports[0].findings[0].code = code.clone();
        let page = shown(Language::French, &box_view, std::slice::from_ref(&finding));
        let own = own(&page);
        assert_eq!(english(&own), Vec::<&str>::new(), "{code}: {own}");
        assert!(own.contains("Que faire"), "{own}");
        box_view.standing.trouble = Some(Finding::new(code.clone(), cells[2]));
        let own = self::own(&shown(Language::French, &box_view, &[finding]));
        assert_eq!(english(&own), Vec::<&str>::new(), "{code}: {own}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}
