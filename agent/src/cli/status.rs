//! `status`: whether the box is ready for the exam, on one screen.
//! Never speaks to central.
//! Called by `cli`.

use logic::health::verdict::{Standing, Verdict, Word, minutes_left};
use logic::words::{Outcome, Trouble};
use serde_json::{Value as Json, json};

use super::screen::{Mood, Screen, bytes, cut, fold, pairs, span, time};
use crate::doctor::standing;
use crate::engine::Engine;

/// `engine`: the opened box, or why it does not open: then it is not ready, and that is the reason.
pub(super) fn act(engine: Result<Engine, Trouble>, screen: &Screen) -> Result<u8, Trouble> {
    let (standing, box_id) = match engine {
        Ok(engine) => {
            let box_id = engine.identity().map(|identity| identity.box_id).ok();
            (standing::take(&engine), box_id)
        }
        Err(trouble) if trouble.code.starts_with("config.") => return Err(trouble),
        Err(trouble) => (standing::unreadable(&trouble), None),
    };
    let verdict = Verdict::of(&standing);
    if screen.json {
        screen.object(object(&standing, &verdict, box_id.as_deref()));
    } else {
        for line in lines(&standing, &verdict, box_id.as_deref(), screen) {
            screen.line(&line);
        }
    }
    Ok(verdict.word.exit())
}

/// The standing for machines.
pub(super) fn object(standing: &Standing, verdict: &Verdict, box_id: Option<&str>) -> Json {
    let entities: serde_json::Map<String, Json> = standing
        .catalogue
        .entities
        .iter()
        .map(|(word, count)| (word.clone(), json!(count)))
        .collect();
    let stock = &standing.packages;
    json!({
        "verdict": verdict,
        "box_id": box_id,
        "enrolled": standing.enrolled,
        "organisation_id": standing.catalogue.organisation,
        "complete_at": standing.catalogue.complete_at,
        "held_back": standing.catalogue.held_back,
        "entities": entities,
        "packages": {
            "held": stock.held, "wanted": stock.wanted, "coming": stock.coming, "damaged": stock.damaged,
            "bytes_left": stock.bytes_left, "unknown": stock.unknown, "minutes_left": minutes_left(standing),
        },
        "results": standing.owed,
        "last_contact": standing.contact,
        "tao_version": standing.version,
        "supported": standing.supported,
        "free_bytes": standing.disk.map(|(free, _)| free),
        "last": standing.last,
    })
}

fn lines(
    standing: &Standing,
    verdict: &Verdict,
    box_id: Option<&str>,
    screen: &Screen,
) -> Vec<String> {
    let mood = match verdict.word {
        Word::Ready => Mood::Good,
        Word::ReadyBut => Mood::Doubt,
        Word::NotReady => Mood::Bad,
    };
    let word = screen.paint(mood, verdict.word.text());
    let mut lines = vec![format!("Ready for the exam?  {word}")];
    for reason in [&verdict.reason].into_iter().chain(&verdict.also) {
        lines.extend(fold(reason, 76).map(|line| format!("  {line}")));
    }
    let rows = rows(standing, box_id);
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(pairs(&rows));
    }
    if verdict.word != Word::Ready {
        lines.push(String::new());
        lines.push(cut(
            &format!(
                "What to do: boxsync doctor, or boxsync doctor explain {}",
                verdict.code
            ),
            80,
        ));
    }
    lines
}

fn rows(standing: &Standing, box_id: Option<&str>) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
    if let Some(box_id) = box_id {
        row("box", box_id.to_owned());
    }
    if standing.trouble.is_none() {
        row("enrolled", yes(standing.enrolled, "no: boxsync enroll"));
        row("catalogue", catalogue(standing));
        for line in holds(standing) {
            row("", line);
        }
        row("packages", packages(standing));
        row("results", results(standing));
        row(
            "last contact",
            standing
                .contact
                .map_or("never".into(), |at| moment(at, standing.now)),
        );
        row("VM version", version(standing));
    }
    if let Some((free, reserve)) = standing.disk {
        row(
            "disk",
            format!("{} free, {} kept for results", bytes(free), bytes(reserve)),
        );
    }
    if let Some(last) = &standing.last {
        let how = match last.outcome {
            Outcome::Finished => "finished".to_owned(),
            outcome => format!("{} [{}]", outcome.word(), last.code),
        };
        row(
            "last run",
            format!(
                "no. {} {how}, {}",
                last.sync_id,
                ago(last.finished_at, standing.now)
            ),
        );
    }
    rows
}

fn yes(flag: bool, no: &str) -> String {
    (if flag { "yes" } else { no }).to_owned()
}

fn catalogue(standing: &Standing) -> String {
    match standing.catalogue.complete_at {
        Some(at) => format!(
            "organisation {}, complete {}",
            standing.catalogue.organisation,
            moment(at, standing.now)
        ),
        None => "never complete".into(),
    }
}

/// How many of each type, in as many lines as it takes.
fn holds(standing: &Standing) -> Vec<String> {
    let words: Vec<String> = standing
        .catalogue
        .entities
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    fold(&words.join(", "), 64).collect()
}

fn packages(standing: &Standing) -> String {
    let stock = &standing.packages;
    let mut text = format!("{} of {} held", stock.held, stock.wanted);
    if stock.damaged > 0 {
        text += &format!(", {} damaged", stock.damaged);
    }
    if stock.held < stock.wanted {
        text += &match (stock.bytes_left, stock.unknown) {
            (0, unknown) => format!(", {unknown} not begun"),
            (left, 0) => format!(", {} left", bytes(left)),
            (left, unknown) => format!(", {} left and {unknown} not begun", bytes(left)),
        };
    }
    match (minutes_left(standing), standing.rate) {
        (Some(minutes), Some(rate)) => {
            text + &format!(": {} at {}/s", span(minutes * 60), bytes(rate as u64))
        }
        _ => text,
    }
}

fn results(standing: &Standing) -> String {
    match &standing.owed {
        None => "nothing known yet".into(),
        Some(owed) if owed.queued + owed.refused + owed.unconfirmed == 0 => "nothing owed".into(),
        Some(owed) => format!(
            "{} waiting, {} refused, {} unconfirmed",
            owed.queued, owed.refused, owed.unconfirmed
        ),
    }
}

fn version(standing: &Standing) -> String {
    let version = standing.version.as_deref().unwrap_or("unknown");
    let supported = match standing.supported {
        Some(true) => "supported by central",
        Some(false) => "not supported by central",
        None => "central was not asked yet",
    };
    format!("{version}, {supported}")
}

fn moment(at: i64, now: i64) -> String {
    format!("{}, {}", time(at), ago(at, now))
}

fn ago(at: i64, now: i64) -> String {
    match u64::try_from(now - at) {
        Ok(seconds) => format!("{} ago", span(seconds)),
        Err(_) => "by a clock that was ahead of now".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::health::verdict::{Last, Owed, Shown, Stock};

    const NOW: i64 = 1_795_500_000;

    fn standing() -> Standing {
        let entities = [
            ("test-center", 1),
            ("administrator", 2),
            ("proctor", 4),
            ("test-taker", 300),
            ("eligibility", 7),
            ("delivery", 7),
        ];
        Standing {
            now: NOW,
            enrolled: true,
            organisation: Some("1001".into()),
            catalogue: Shown {
                organisation: "1001".into(),
                complete_at: Some(NOW - 720),
                entities: entities
                    .map(|(word, count)| (word.to_owned(), count))
                    .to_vec(),
                held_back: 0,
            },
            packages: Stock {
                wanted: 7,
                held: 5,
                coming: 2,
                bytes_left: 1_200_000_000,
                ..Stock::default()
            },
            owed: Some(Owed::default()),
            last: Some(Last {
                sync_id: 12,
                outcome: Outcome::Offline,
                code: "net.dns".into(),
                reason: "the name central.example has no address".into(),
                finished_at: NOW - 60,
            }),
            contact: Some(NOW - 720),
            version: Some("2022.11".into()),
            supported: Some(true),
            disk: Some((12_000_000_000, 1 << 30)),
            rate: Some(500_000.0),
            trouble: None,
        }
    }

    fn shown(standing: &Standing) -> String {
        let verdict = Verdict::of(standing);
        let lines = lines(
            standing,
            &verdict,
            Some("4f1d0c9a8b7e6d5c4b3a"),
            &Screen::plain(),
        );
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        assert!(lines.len() <= 24);
        lines.join("\n")
    }

    #[test]
    fn packages_that_are_missing_are_told_with_bytes_and_minutes() {
        assert_eq!(
            shown(&standing()),
            "\
Ready for the exam?  NOT READY
  5 of 7 packages held

box           4f1d0c9a8b7e6d5c4b3a
enrolled      yes
catalogue     organisation 1001, complete 2026-11-24 05:48 UTC, 12 min ago
              1 test-center, 2 administrator, 4 proctor, 300 test-taker, 7
              eligibility, 7 delivery
packages      5 of 7 held, 1.2 GB left: 40 min at 500.0 kB/s
results       nothing owed
last contact  2026-11-24 05:48 UTC, 12 min ago
VM version    2022.11, supported by central
disk          12.0 GB free, 1.1 GB kept for results
last run      no. 12 offline [net.dns], 60 s ago

What to do: boxsync doctor, or boxsync doctor explain package.incomplete"
        );
    }

    #[test]
    fn a_ready_box_with_results_owed() {
        let mut standing = standing();
        standing.packages = Stock {
            wanted: 7,
            held: 7,
            ..Stock::default()
        };
        standing.owed = Some(Owed {
            queued: 12,
            refused: 0,
            unconfirmed: 1,
        });
        standing.last = None;
        assert_eq!(
            shown(&standing),
            "\
Ready for the exam?  READY, BUT …
  central may or may not have 1 result
  12 results are still to go to central

box           4f1d0c9a8b7e6d5c4b3a
enrolled      yes
catalogue     organisation 1001, complete 2026-11-24 05:48 UTC, 12 min ago
              1 test-center, 2 administrator, 4 proctor, 300 test-taker, 7
              eligibility, 7 delivery
packages      7 of 7 held
results       12 waiting, 0 refused, 1 unconfirmed
last contact  2026-11-24 05:48 UTC, 12 min ago
VM version    2022.11, supported by central
disk          12.0 GB free, 1.1 GB kept for results

What to do: boxsync doctor, or boxsync doctor explain results.unconfirmed"
        );
    }

    #[test]
    fn a_box_that_does_not_open_tells_only_why() {
        let trouble = Trouble::new(
            "key.wrong",
            logic::words::Class::Operator,
            Outcome::Failed,
            "/var/lib/boxsync/boxsync.key: this key does not open /var/lib/boxsync/data.key: it is damaged, or the key of another box",
        );
        let standing = standing::unreadable(&trouble);
        assert_eq!(
            lines(&standing, &Verdict::of(&standing), None, &Screen::plain()).join("\n"),
            "\
Ready for the exam?  NOT READY
  /var/lib/boxsync/boxsync.key: this key does not open
  /var/lib/boxsync/data.key: it is damaged, or the key of another box

What to do: boxsync doctor, or boxsync doctor explain key.wrong"
        );
    }

    #[test]
    fn machines_read_the_same_verdict() {
        let standing = standing();
        let object = object(&standing, &Verdict::of(&standing), Some("b"));
        assert_eq!(object["verdict"]["word"], "not_ready");
        assert_eq!(object["verdict"]["reason"], "5 of 7 packages held");
        assert_eq!(object["packages"]["minutes_left"], 40);
        assert_eq!(object["entities"]["test-taker"], 300);
    }
}
