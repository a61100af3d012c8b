//! `status`: whether the box is ready for the exam, on one screen.
//! Never speaks to central.
//! Called by `cli`.

use logic::fault::{Area, Code, CodeName, Fault};
use logic::health::verdict::{
    Kinds, Standing, Verdict, Word, counted, is_mended_by_a_run, minutes_left, told_by_type,
};
use logic::package_lane::Waiting;
use logic::words::Outcome;
use serde_json::{Value as Json, json};

use super::screen::{Mood, Screen, advice, bytes, counts, fold, pairs, span, time};
use super::sync::wait;
use crate::doctor::{is_served, standing};
use crate::engine::Engine;
use crate::root::{Root, is_locked};

/// `engine`: the opened box, or why it does not open: then it is not ready, and that is the reason. `fault`: what is
/// wrong with the configuration, whose last good one is in force: the box is judged all the same.
pub(super) fn act(
    root: &Root,
    engine: Result<Engine, Fault>,
    fault: Option<Fault>,
    screen: &Screen,
) -> Result<u8, Fault> {
    let (mut standing, seen) = match engine {
        Ok(engine) => {
            let seen = Seen {
                box_id: engine.identity().map(|identity| identity.box_id).ok(),
                running: is_locked(&engine.vault().state().join("lock")),
                waiting: engine.waiting(),
            };
            (standing::take(&engine), seen)
        }
        // Nothing can be said of a box that may not be looked at.
        Err(trouble) if trouble.code.is(Area::Config) || trouble.code == Code::StateOwner => {
            return Err(trouble);
        }
        Err(trouble) => (standing::unreadable(&trouble), Seen::default()),
    };
    standing::misconfigured(&mut standing, fault.as_ref());
    if is_idle(root) {
        let reason = "the service does not run: nothing is synchronized by itself";
        standing
            .notices
            .push((Code::UnitDown.into(), reason.into()));
    }
    let verdict = Verdict::of(&standing);
    if screen.json {
        screen.object(object(&standing, &verdict, &seen));
    } else {
        for line in lines(&standing, &verdict, &seen, screen) {
            screen.line(&line);
        }
    }
    // The daemon goes on; the command was given a configuration that is wrong.
    Ok(fault.map_or(verdict.word.exit(), |_| 2))
}

/// Whether the daemon that systemd should run here answers nobody.
fn is_idle(root: &Root) -> bool {
    is_served(root) && std::os::unix::net::UnixStream::connect(root.socket()).is_err()
}

/// What the verdict does not depend on.
#[derive(Debug, Default)]
struct Seen {
    /// Id of the box, when its folder opens.
    box_id: Option<String>,
    /// A synchronization is under way.
    running: bool,
    /// What packages that are not held wait for.
    waiting: Option<Waiting>,
}

impl Seen {
    /// Only where a package is missing, and not when the time for it has passed.
    fn waits(&self, standing: &Standing) -> Option<Waiting> {
        let missing = standing.packages.held < standing.packages.wanted;
        self.waiting
            .filter(|waiting| missing && waiting.until.is_none_or(|until| until > standing.now))
    }
}

/// The standing for machines.
fn object(standing: &Standing, verdict: &Verdict, seen: &Seen) -> Json {
    let entities = by_type(&standing.catalogue.entities);
    let notice = |(code, reason): &(CodeName, String)| json!({ "code": code, "reason": reason });
    let notices: Vec<_> = standing.notices.iter().map(notice).collect();
    let stock = &standing.packages;
    json!({
        "verdict": verdict,
        "box_id": seen.box_id,
        "running": seen.running,
        "enrolled": standing.enrolled,
        "organisation_id": standing.catalogue.organisation,
        "complete_at": standing.catalogue.complete_at,
        "held_back": standing.catalogue.held_back,
        "held_back_by_type": by_type(&standing.catalogue.kept),
        "hidden": by_type(&standing.catalogue.hidden),
        "contradicted": standing.catalogue.contradicted,
        "waiting_for_exam": standing.catalogue.waiting,
        "entities": entities,
        "packages": {
            "held": stock.held, "wanted": stock.wanted, "coming": stock.coming, "damaged": stock.damaged,
            "bytes_left": stock.bytes_left, "unknown": stock.unknown, "minutes_left": minutes_left(standing),
            "waiting": seen.waits(standing),
        },
        "results": standing.owed,
        "config_fault": standing.config.as_ref().map(|(code, reason)| json!({ "code": code, "reason": reason })),
        "held_up": standing.held_up.as_ref().map(|(code, reason)| json!({ "code": code, "reason": reason })),
        "last_contact": standing.contact,
        "tao_version": standing.version,
        "supported": standing.supported,
        "free_bytes": standing.disk.map(|(free, _)| free),
        "last": standing.last,
        "notices": notices,
    })
}

/// Numbers by type, in the words of the wire.
fn by_type(counts: &[(String, u64)]) -> Json {
    let counts = counts.iter();
    Json::Object(
        counts
            .map(|(word, count)| (word.clone(), json!(count)))
            .collect(),
    )
}

fn lines(standing: &Standing, verdict: &Verdict, seen: &Seen, screen: &Screen) -> Vec<String> {
    let mood = match verdict.word {
        Word::Ready => Mood::Good,
        Word::ReadyBut => Mood::Doubt,
        Word::NotReady => Mood::Bad,
    };
    let word = screen.paint(mood, verdict.word.text());
    let mut lines = vec![format!("Ready for the exam?  {word}")];
    for reason in [&verdict.reason].into_iter().chain(&verdict.also) {
        let mut head = "  ";
        for line in fold(&reason.to_string(), screen.width - 4) {
            lines.push(format!("{head}{line}"));
            head = "    ";
        }
    }
    if verdict.word != Word::Ready {
        let cause = verdict.cause(standing);
        lines.push(String::new());
        if seen.running && is_mended_by_a_run(&cause, &standing.packages) {
            let text = "What to do: a synchronization is running, let it finish; `boxsync sync` shows how far it is.";
            lines.extend(fold(text, screen.width));
        } else {
            lines.extend(advice(cause.known(), screen.width));
        }
        lines.extend(fold(
            &format!("More: boxsync doctor, or boxsync doctor explain\u{a0}{cause}"),
            screen.width,
        ));
    }
    let rows = rows(standing, seen);
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(pairs(&rows, screen.width));
    }
    lines
}

fn rows(standing: &Standing, seen: &Seen) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
    if let Some(box_id) = &seen.box_id {
        row("box", box_id.clone());
    }
    if standing.trouble.is_none() {
        row("enrolled", yes(standing.enrolled, "no: boxsync enroll"));
        row("catalogue", catalogue(standing));
        let told = standing.catalogue.told().join(",\n");
        if standing
            .catalogue
            .entities
            .iter()
            .any(|(_, count)| *count > 0)
        {
            // A number and its noun stay together.
            row("", told.replace(' ', "\u{a0}"));
        }
        for (name, counts) in [
            ("held back", &standing.catalogue.kept),
            ("hidden", &standing.catalogue.hidden),
        ] {
            if !counts.is_empty() {
                let told = told_by_type(counts).join(",\n");
                row(name, told.replace(' ', "\u{a0}"));
            }
        }
        if standing.catalogue.waiting > 0 {
            let waiting = standing.catalogue.waiting;
            let what = counted(waiting, "change waits", "changes wait");
            row("exam", format!("{what} for its end"));
        }
        row("packages", packages(standing));
        if let Some(waiting) = seen.waits(standing) {
            row("", format!("wait for {}", wait(waiting)));
        }
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
    if seen.running {
        row("right now", "a synchronization is running".into());
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

fn packages(standing: &Standing) -> String {
    let stock = &standing.packages;
    if stock.wanted == 0 {
        let known = standing.catalogue.complete_at.is_some();
        return (if known {
            "the catalogue names none"
        } else {
            "nothing known yet"
        })
        .into();
    }
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
    let Some(owed) = &standing.owed else {
        return "nothing known yet".into();
    };
    let by_kind = |kinds: &Kinds, count: u64, how: &str| {
        let told = match *kinds == Kinds::default() {
            // The row is of results.
            true => count.to_string(),
            false => kinds.row(count),
        };
        (count > 0).then(|| format!("{told} {how}"))
    };
    let rest = counts(&[(owed.set_aside, "set aside"), (owed.lost, "lost")]);
    let told = [
        by_kind(&owed.queued_kinds, owed.queued, "waiting"),
        by_kind(&owed.refused_kinds, owed.refused, "refused"),
        by_kind(&owed.unconfirmed_kinds, owed.unconfirmed, "unconfirmed"),
        Some(rest).filter(|rest| !rest.is_empty()),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    match told.is_empty() {
        true => "nothing owed".into(),
        false => told.join(", "),
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
    format!("{}, {}", time(at).replace(' ', "\u{a0}"), ago(at, now))
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
    use crate::cli::screen::{coloured, held};
    use logic::health::verdict::{Last, Owed, Stock};

    /// The ready box of tests/fixtures/standing.json.
    fn ready() -> Standing {
        let text = include_str!("../../../tests/fixtures/standing.json");
        serde_json::from_str(text).unwrap()
    }

    /// The same with two packages on their way and a dead name server.
    fn half() -> Standing {
        let mut standing = ready();
        standing.packages = Stock {
            held: 5,
            coming: 2,
            bytes_left: 1_200_000_000,
            ..standing.packages
        };
        standing.last = Some(Last {
            cause: None,
            sync_id: 12,
            outcome: Outcome::Offline,
            code: Code::NetDns.into(),
            reason: "the name central.example has no address: no answer within 4 s".into(),
            finished_at: standing.now - 60,
        });
        standing
    }

    fn opened() -> Seen {
        Seen {
            box_id: Some("4f1d0c9a8b7e6d5c4b3a".into()),
            running: false,
            waiting: None,
        }
    }

    fn shown(name: &str, standing: &Standing, seen: &Seen, width: usize) {
        let screen = Screen::plain(width);
        let lines = lines(standing, &Verdict::of(standing), seen, &screen);
        assert!(lines.len() <= 24, "{lines:#?}");
        held(name, &lines, width);
    }

    #[test]
    fn one_screen_tells_where_the_box_stands() {
        let id = &opened();
        shown("status-ready", &ready(), id, 80);
        shown("status-not-ready", &half(), id, 80);
        shown("status-not-ready-60", &half(), id, 60);
        coloured("status", |screen| {
            lines(&half(), &Verdict::of(&half()), id, screen)
        });
        let mut coming = half();
        coming.last = ready().last;
        let running = Seen {
            running: true,
            ..opened()
        };
        shown("status-running", &coming, &running, 80);
        let mut owing = ready();
        owing.owed = Some(Owed {
            queued: 12,
            refused: 0,
            unconfirmed: 1,
            ..Owed::default()
        });
        owing.last = Some(Last {
            cause: None,
            sync_id: 13,
            outcome: Outcome::Unauthorized,
            code: Code::AuthRefused.into(),
            reason:
                "credentials refused: central does not know the OAuth key and secret of this box"
                    .into(),
            finished_at: owing.now - 60,
        });
        shown("status-ready-but", &owing, id, 80);
    }

    #[test]
    fn what_is_owed_and_what_is_lost_is_counted_by_kind() {
        let mut standing = ready();
        let mut told = |owed: Owed| {
            standing.owed = Some(owed);
            results(&standing)
        };
        let kinds = Kinds {
            logs: 3,
            sessions: 1,
            users: 0,
        };
        let owed = Owed {
            queued: 7,
            queued_kinds: kinds,
            refused: 1,
            set_aside: 2,
            lost: 1,
            ..Owed::default()
        };
        let expected = "3 results, 3 logs, 1 test session waiting, 1 refused, 2 set aside, 1 lost";
        assert_eq!(told(owed), expected);
        let lost = Owed {
            lost: 2,
            ..Owed::default()
        };
        assert_eq!(told(lost), "2 lost");
        assert_eq!(told(Owed::default()), "nothing owed");
    }

    #[test]
    fn a_new_box_and_one_that_does_not_open_tell_what_is_known() {
        let new = Standing {
            now: ready().now,
            enrolled: true,
            organisation: Some("1001".into()),
            version: Some("2022.11".into()),
            owed: Some(Owed::default()),
            ..Standing {
                version: Some("2022.11".into()),
                ..Standing::default()
            }
        };
        shown("status-new", &new, &opened(), 80);
        let trouble = Fault::new(
            Code::KeyWrong,
            "/var/lib/boxsync/boxsync.key: this key does not open /var/lib/boxsync/data.key: it is damaged, or the key of another box",
        );
        let closed = Seen::default();
        shown(
            "status-closed",
            &standing::unreadable(&trouble),
            &closed,
            80,
        );
    }

    #[test]
    fn machines_read_the_same_verdict() {
        let standing = half();
        let object = object(&standing, &Verdict::of(&standing), &opened());
        assert_eq!(object["verdict"]["word"], "not_ready");
        assert_eq!(object["verdict"]["reason"], "5 of 7 packages held");
        assert_eq!(object["packages"]["minutes_left"], 40);
        assert_eq!(object["entities"]["test-taker"], 300);
    }
}
