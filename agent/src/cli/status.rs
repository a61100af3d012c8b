//! `status`: whether the box is ready for the exam, on one screen.
//! Never speaks to central.
//! Called by `cli`.

mod organisation;
mod owed;

use logic::fault::{Area, Code, CodeName, Fault, Finding};
use logic::health::message::ByType;
use logic::health::verdict::{BoxStanding, Verdict, Word, is_mended_by_a_run, package_estimate};
use logic::language::figure::{self, Bytes, Seconds, spans};
use logic::language::{Language, Localized, plain};
use logic::outside;
use logic::package::order::OrdersInForce;
use logic::phrase;
use logic::words::Outcome;
use serde_json::{Value as Json, json};

use super::screen::{Screen, Tone, advice, fold, pairs, remedied};
use super::sync::wait;
use super::words::{self, ActTerm, OrderTerm, StatusTerm, Term};
use super::{downloads, service};
use crate::doctor::standing;
use crate::engine::Engine;
use organisation::{OrganisationStatus, StatusExtras};
use system::root::Root;

/// `engine`: the opened box, or why it does not open: then it is not ready, and that is the reason. `fault`: what is
/// wrong with the configuration, whose last good one is in force: the box is judged all the same. `asked`: the
/// organisations that are asked for; none is all.
pub(super) fn act(
    root: &Root,
    engine: Result<Engine, Fault>,
    fault: Option<Fault>,
    asked: &[String],
    screen: &Screen,
) -> Result<u8, Fault> {
    let mut looks = match engine.and_then(|engine| engine.asked_for(asked)) {
        Ok(engines) => engines.iter().map(OrganisationStatus::of).collect(),
        // Nothing can be said of a box that may not be looked at.
        Err(trouble)
            if [Area::Config, Area::Input]
                .iter()
                .any(|area| trouble.code.is(*area))
                || trouble.code == Code::StateOwner =>
        {
            return Err(trouble);
        }
        Err(trouble) => vec![OrganisationStatus::unreadable(&trouble)],
    };
    let service = service::trouble(root);
    for look in &mut looks {
        standing::misconfigured(&mut look.standing, fault.as_ref());
        let notice = service.clone().map(Finding::from);
        look.standing.notices.extend(notice);
    }
    let judged: Vec<Verdict> = looks
        .iter()
        .map(|look| Verdict::of(&look.standing))
        .collect();
    let Some(worst) = Verdict::worst(&judged) else {
        return Ok(0);
    };
    let objects = looks.iter().zip(&judged);
    let objects = objects.map(|(look, verdict)| object(&look.standing, verdict, &look.seen));
    if screen.json && looks.len() > 1 {
        let all: Vec<Json> = objects.collect();
        let mut told = all[worst].clone();
        told["organisations"] = json!(all);
        screen.object(told);
    } else if screen.json {
        objects.for_each(|told| screen.object(told));
    } else {
        for (look, verdict) in looks.iter().zip(&judged) {
            if looks.len() > 1 {
                let ids = look.id.clone().unwrap_or_else(|| "-".to_owned());
                screen.line(&screen.told(&ActTerm::Organisation { ids }));
            }
            for line in lines(&look.standing, verdict, &look.seen, screen) {
                screen.line(&line);
            }
        }
    }
    // The daemon goes on; the command was given a configuration that is wrong.
    Ok(fault.map_or(judged[worst].word.exit(), |_| 2))
}

/// The standing for machines.
fn object(standing: &BoxStanding, verdict: &Verdict, seen: &StatusExtras) -> Json {
    let entities = by_type(&standing.catalogue.entities);
    let stock = &standing.packages;
    let mut told = json!({
        "verdict": verdict,
        "box_id": seen.box_id,
        "running": seen.running,
        "enrolled": standing.enrolled,
        "organisation_id": standing.catalogue.organisation,
        "complete_at": standing.catalogue.complete_at,
        "origin": standing.origin,
        "held_back": standing.catalogue.held_back,
        "held_back_by_type": by_type(&standing.catalogue.kept),
        "hidden": by_type(&standing.catalogue.hidden),
        "contradicted": standing.catalogue.contradicted,
        "waiting_for_exam": standing.catalogue.waiting,
        "exam": {
            "executions": standing.executions,
            "waiting": standing.catalogue.waiting,
            "code": (standing.catalogue.waiting > 0).then_some(CodeName::from(Code::CatalogueInUse)),
        },
        "entities": entities,
        "packages": {
            "held": stock.held, "wanted": stock.wanted, "coming": stock.coming, "damaged": stock.damaged,
            "waiting": seen.waits(standing),
        },
        "orders": seen.orders,
        "results": standing.owed,
        "copies": standing.copies,
        "room": standing.room,
        "site_key": standing.site_key,
        "config_fault": standing.config,
        "held_up": standing.held_up,
        "last_contact": standing.contact,
        "tao_version": standing.version,
        "supported": standing.supported,
        "free_bytes": standing.disk.map(|(free, _)| free),
        "last": standing.last,
        "notices": standing.notices,
    });
    if let Some(packages) = told["packages"].as_object_mut() {
        packages.extend(standing::packages_left(standing));
    }
    told
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

fn lines(
    standing: &BoxStanding,
    verdict: &Verdict,
    seen: &StatusExtras,
    screen: &Screen,
) -> Vec<String> {
    let mood = match verdict.word {
        Word::Ready => Tone::Good,
        Word::ReadyBut => Tone::Doubt,
        Word::NotReady => Tone::Bad,
    };
    let word = screen.told(&words::verdict(verdict.word));
    let word = screen.paint(mood, &word);
    let mut lines = vec![screen.told(&StatusTerm::Question { word })];
    // What a reason may carry is the end of the last run, or why the folder does not open.
    let last = standing.last.as_ref().map(|last| &last.code);
    let about = standing.trouble.as_ref().map(|told| &told.code).or(last);
    for reason in [&verdict.reason].into_iter().chain(&verdict.also) {
        let mut head = "  ";
        let told = phrase::cause(screen.language, about, reason);
        for line in remedied(&told, screen.width - 4) {
            lines.push(format!("{head}{line}"));
            head = "    ";
        }
    }
    if verdict.word != Word::Ready {
        let cause = verdict.cause(standing);
        lines.push(String::new());
        if seen.running && is_mended_by_a_run(&cause, &standing.packages) {
            let remedy = screen.told(&Term::LetItRun);
            let text = screen.told(&Term::Todo { remedy });
            lines.extend(remedied(&text, screen.width));
        } else {
            lines.extend(advice(screen.language, &cause, screen.width));
        }
        let code = cause.to_string();
        let more = screen.told(&StatusTerm::More { code });
        lines.extend(fold(&more, screen.width));
    }
    let rows = rows(standing, seen, screen.language);
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(pairs(&rows, screen.width));
    }
    lines
}

/// The rows below the verdict: a name and what is said of it.
struct Rows {
    language: Language,
    rows: Vec<(String, String)>,
}

impl Rows {
    fn add(&mut self, name: impl Localized, text: impl Localized) {
        let (name, text) = (name.localized(self.language), text.localized(self.language));
        self.rows.push((plain(&name), text));
    }

    /// More of the row before.
    fn more(&mut self, text: String) {
        self.rows.push((String::new(), text));
    }
}

/// Numbers with their nouns, none of them torn apart.
fn unbroken(counts: &[(String, u64)], language: Language) -> String {
    let told = ByType(counts.to_vec()).each(language);
    let told: Vec<String> = told.iter().map(|one| one.replace(' ', "\u{a0}")).collect();
    told.join(",\n")
}

fn rows(standing: &BoxStanding, seen: &StatusExtras, language: Language) -> Vec<(String, String)> {
    let mut rows = Rows {
        language,
        rows: Vec::new(),
    };
    if let Some(box_id) = &seen.box_id {
        rows.add(StatusTerm::BoxId, box_id);
    }
    if standing.trouble.is_none() {
        holdings(standing, seen, &mut rows);
    }
    if let Some((free, reserve)) = standing.disk {
        let (free, reserve) = (Bytes(free), Bytes(reserve));
        rows.add(StatusTerm::Disk, StatusTerm::Free { free, reserve });
    }
    if let Some(last) = &standing.last {
        let end = words::outcome(last.outcome).localized(language);
        let end = match last.outcome {
            Outcome::Finished => end,
            _ => format!("{end} [{}]", last.code),
        };
        let run = StatusTerm::Run {
            number: last.sync_id.to_string(),
            end,
            ago: ago(language, last.finished_at, standing.now),
        };
        rows.add(StatusTerm::LastRun, run);
    }
    if seen.running {
        rows.add(StatusTerm::RightNow, Term::RunsNow);
    }
    rows.rows
}

/// What the box holds and owes.
fn holdings(standing: &BoxStanding, seen: &StatusExtras, rows: &mut Rows) {
    let language = rows.language;
    match standing.enrolled {
        true => rows.add(StatusTerm::Enrolled, Term::Yes),
        false => rows.add(StatusTerm::Enrolled, StatusTerm::NotEnrolled),
    }
    let dated = |at| moment(language, at, standing.now, seen.offset);
    let shown = &standing.catalogue;
    match shown.complete_at {
        Some(at) => {
            let complete = StatusTerm::Complete {
                organisation: shown.organisation.clone(),
                moment: dated(at),
            };
            rows.add(StatusTerm::Catalogue, complete);
        }
        None => rows.add(StatusTerm::Catalogue, StatusTerm::NeverComplete),
    }
    if let Some(origin) = &standing.origin {
        let id = outside::id(&origin.box_id);
        let at = dated(origin.exported_at);
        rows.more(StatusTerm::FromStick { id, at }.localized(language));
    }
    if shown.entities.iter().any(|(_, count)| *count > 0) {
        rows.more(unbroken(&shown.entities, language));
    }
    for (name, counts) in [
        (StatusTerm::HeldBack, &shown.kept),
        (StatusTerm::Hidden, &shown.hidden),
    ] {
        if !counts.is_empty() {
            rows.add(name, unbroken(counts, language));
        }
    }
    let sat = words::executions(&standing.executions, language);
    let waits = (shown.waiting > 0).then(|| {
        let count = shown.waiting;
        StatusTerm::ChangesWait { count }.localized(language)
    });
    let mut told = sat.into_iter().chain(waits);
    if let Some(first) = told.next() {
        rows.add(StatusTerm::Exam, first);
        told.for_each(|line| rows.more(line));
    }
    rows.add(
        StatusTerm::Packages,
        packages(standing, language, seen.offset),
    );
    if let Some(waiting) = seen.waits(standing) {
        let what = wait(language, waiting, seen.offset);
        rows.more(StatusTerm::WaitFor { what }.localized(language));
    }
    if seen.orders != OrdersInForce::default() {
        let terms = downloads::terms(seen.orders.clone()).into_iter();
        let told: Vec<String> = terms.map(|term| term.localized(language)).collect();
        rows.add(OrderTerm::Downloads, told.join("\n"));
    }
    rows.add(StatusTerm::Results, owed::results(standing, language));
    owed::rows(rows, standing);
    match standing.contact {
        Some(at) => rows.add(StatusTerm::LastContact, dated(at)),
        None => rows.add(StatusTerm::LastContact, Term::Never),
    }
    rows.add(StatusTerm::Version, version(standing, language));
}

fn packages(standing: &BoxStanding, language: Language, offset: i64) -> String {
    let stock = &standing.packages;
    if stock.wanted == 0 {
        return match standing.catalogue.complete_at {
            Some(_) => StatusTerm::NoneNamed.localized(language),
            None => Term::NotKnownYet.localized(language),
        };
    }
    let (held, wanted) = (stock.held, stock.wanted);
    let mut parts = vec![StatusTerm::Held { held, wanted }];
    if stock.damaged > 0 {
        let count = stock.damaged;
        parts.push(StatusTerm::Damaged { count });
    }
    if held < wanted {
        let left = Bytes(stock.bytes_left);
        parts.push(match (stock.bytes_left, stock.unknown) {
            (0, count) => StatusTerm::NotBegun { count },
            (_, 0) => StatusTerm::Left { left },
            (_, count) => StatusTerm::LeftAndNotBegun { left, count },
        });
    }
    let parts: Vec<String> = parts.iter().map(|part| part.localized(language)).collect();
    let takes = package_estimate(standing).map(|estimate| {
        let rate = Bytes(estimate.rate);
        let takes = Seconds(estimate.seconds);
        match estimate.ready_at {
            None => StatusTerm::Takes { time: takes, rate },
            Some(at) => {
                let moment = figure::moment(language, at, offset);
                let time = spans(language, estimate.seconds, estimate.latest);
                StatusTerm::ReadyAt { time, rate, moment }
            }
        }
        .localized(language)
    });
    parts.join(", ") + &takes.unwrap_or_default()
}

fn version(standing: &BoxStanding, language: Language) -> String {
    let unknown = || Term::Unknown.localized(language);
    let version = standing.version.clone().unwrap_or_else(unknown);
    match standing.supported {
        Some(true) => StatusTerm::SupportedVersion { version },
        Some(false) => StatusTerm::UnsupportedVersion { version },
        None => StatusTerm::UnaskedVersion { version },
    }
    .localized(language)
}

fn moment(language: Language, at: i64, now: i64, offset: i64) -> String {
    let time = figure::moment(language, at, offset).replace(' ', "\u{a0}");
    format!("{time}, {}", ago(language, at, now))
}

/// How long ago a moment was.
pub(super) fn ago(language: Language, at: i64, now: i64) -> String {
    match u64::try_from(now - at) {
        Ok(seconds) => Term::Ago {
            time: Seconds(seconds),
        },
        Err(_) => Term::AheadOfNow,
    }
    .localized(language)
}

#[cfg(test)]
mod tests {
    use super::owed::results;
    use super::*;
    use crate::cli::screen::{coloured, each};
    use logic::exam::ExecutionCount;
    use logic::health::verdict::{Kinds, Last, OwedCounts, Stock};
    use logic::intake::ExecutionState;
    use logic::package::estimate::PackageRate;
    use logic::time::Uptime;

    /// The ready box of tests/fixtures/standing.json.
    fn ready() -> BoxStanding {
        let text = include_str!("../../../tests/fixtures/standing.json");
        serde_json::from_str(text).unwrap()
    }

    /// The same with two packages on their way and a dead name server.
    fn half() -> BoxStanding {
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
            reason: "the name central.example has no address: no name server answered in time"
                .into(),
            finished_at: standing.now - 60,
        });
        standing
    }

    fn opened() -> StatusExtras {
        StatusExtras {
            box_id: Some("4f1d0c9a8b7e6d5c4b3a".into()),
            ..StatusExtras::default()
        }
    }

    fn shown(name: &str, standing: &BoxStanding, seen: &StatusExtras) {
        each(name, |screen| {
            let lines = lines(standing, &Verdict::of(standing), seen, screen);
            assert!(lines.len() <= 24 || screen.width < 80, "{lines:#?}");
            lines
        });
    }

    #[test]
    fn one_screen_tells_where_the_box_stands() {
        let id = &opened();
        shown("status-ready", &ready(), id);
        let mut sat = ready();
        sat.catalogue.waiting = 2;
        sat.executions = [("i1", 12), ("i2", 1)]
            .map(|(delivery, count)| ExecutionCount {
                delivery: format!("http://c.org/#{delivery}"),
                state: ExecutionState::Active,
                count,
                test_takers: Vec::new(),
            })
            .to_vec();
        shown("status-exam", &sat, id);
        shown("status-not-ready", &half(), id);
        coloured("status", |screen| {
            lines(&half(), &Verdict::of(&half()), id, screen)
        });
        let mut coming = half();
        coming.last = ready().last;
        let running = StatusExtras {
            running: true,
            ..opened()
        };
        shown("status-running", &coming, &running);
        let mut owing = ready();
        owing.owed = Some(OwedCounts {
            queued: 12,
            refused: 0,
            unconfirmed: 1,
            ..OwedCounts::default()
        });
        owing.last = Some(Last {
            cause: Some(logic::fault::AnswerCause::TokenCredentials.into()),
            sync_id: 13,
            outcome: Outcome::Unauthorized,
            code: Code::AuthRefused.into(),
            reason:
                "credentials refused: central does not know the OAuth key and secret of this box"
                    .into(),
            finished_at: owing.now - 60,
        });
        shown("status-ready-but", &owing, id);
    }

    #[test]
    fn what_is_owed_and_what_is_lost_is_counted_by_kind() {
        let mut standing = ready();
        standing.now = 1 + 3 * 86_400;
        let mut told = |owed: OwedCounts| {
            standing.owed = Some(owed);
            results(&standing, Language::English)
        };
        let kinds = Kinds {
            logs: 3,
            sessions: 1,
            users: 0,
        };
        let owed = OwedCounts {
            queued: 7,
            queued_kinds: kinds,
            refused: 1,
            carried: 4,
            carried_at: 1,
            set_aside: 2,
            lost: 1,
            ..OwedCounts::default()
        };
        let expected = "3 results, 3 logs, 1 test session waiting, 1 refused, 4 handed over, the first 3\u{a0}d ago, 2 set aside, 1 lost";
        assert_eq!(told(owed), expected);
        let lost = OwedCounts {
            lost: 2,
            ..OwedCounts::default()
        };
        assert_eq!(told(lost), "2 lost");
        assert_eq!(told(OwedCounts::default()), "nothing owed");
    }

    #[test]
    fn a_new_box_and_one_that_does_not_open_tell_what_is_known() {
        let new = BoxStanding {
            now: ready().now,
            enrolled: true,
            organisation: Some("1001".into()),
            version: Some("2022.11".into()),
            owed: Some(OwedCounts::default()),
            ..BoxStanding {
                version: Some("2022.11".into()),
                ..BoxStanding::default()
            }
        };
        shown("status-new", &new, &opened());
        let trouble = Fault::new(
            Code::KeyWrong,
            "/var/lib/boxsync/boxsync.key: this key does not open /var/lib/boxsync/data.key: it is damaged, or the key of another box",
        );
        let closed = StatusExtras::default();
        shown("status-closed", &standing::unreadable(&trouble), &closed);
    }

    #[test]
    fn while_packages_come_a_moment_is_told_and_its_doubt() {
        let mut standing = half();
        let rate = |mean, slow| {
            let at = Uptime::default();
            Some(PackageRate { mean, slow, at })
        };
        standing.package_rate = rate(1_000_000, 250_000);
        shown("status-coming", &standing, &opened());
        let told = |standing: &BoxStanding| plain(&packages(standing, Language::English, 0));
        standing.package_rate = rate(1_000_000, 1_000_000);
        let sure = "5 of 7 held, 1.2 GB left: 20 min at 1.0 MB/s, ready at 2026-11-24 06:20 UTC";
        assert_eq!(told(&standing), sure);
        // Half of the time nothing came: nobody knows how long it may take.
        standing.package_rate = rate(1_000_000, 0);
        assert_eq!(told(&standing), sure);
        standing.package_rate = rate(0, 0);
        assert_eq!(told(&standing), "5 of 7 held, 1.2 GB left");
    }

    #[test]
    fn machines_read_the_same_verdict() {
        let standing = half();
        let object = object(&standing, &Verdict::of(&standing), &opened());
        assert_eq!(object["verdict"]["word"], "not_ready");
        assert_eq!(object["verdict"]["reason"], "5 of 7 packages held");
        assert_eq!(object["packages"]["minutes_left"], 40);
        assert_eq!(object["packages"]["ready_at"], Json::Null);
        assert_eq!(object["entities"]["test-taker"], 300);
    }
}
