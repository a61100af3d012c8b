//! The long list of test takers in virtual time: a central that pages by script, answers that come in any order.
//! Never compares with what the code says of itself: the same script is read one page after the other, and counted.
//! Run by `cargo test -p logic`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use logic::api::{Answered, Call, CallBody, Reply};
use logic::entity::{Checksum, Entity, EntityType, Properties, Value};
use logic::fault::{Code, Fault};
use logic::manifest::HeldRows;
use logic::package_lane::PackageAccount;
use logic::report::{ConnectionStats, OwedCount, Report, Survey};
use logic::retry::mix;
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sync::{Publication, SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use logic::words::{Now, SyncParams};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const KIND: EntityType = EntityType::TestTaker;
const LATENCY: Duration = Duration::from_millis(40);

fn name(id: &str) -> NameHash {
    let mut hash = [0; 16];
    hash[..id.len()].copy_from_slice(id.as_bytes());
    NameHash(hash)
}

fn entity(id: &str, edition: u32) -> Entity {
    let properties = Properties::from_iter([(
        "http://www.w3.org/2000/01/rdf-schema#label".to_owned(),
        Value::One(format!("{id} {edition}")),
    )]);
    let checksum = logic::php::checksum(&properties, &[]);
    Entity {
        id: id.into(),
        checksum,
        properties,
    }
}

fn takers(count: usize) -> Vec<Entity> {
    (0..count).map(|n| entity(&format!("t{n}"), 0)).collect()
}

/// What one page has that the next one does not follow from, or how the call for it fails.
#[derive(Debug, Clone, Copy)]
enum PageOddity {
    /// `nextCallUrl` is missing, though the list goes on.
    NoNext,
    /// It leads to this same page.
    Same,
    /// It leaves out a page.
    Leaps,
    /// It names a resource beside the offset, as taoSync 6.13 does.
    Resource,
    /// It has a parameter more.
    Parameter,
    /// An entry without a checksum.
    Entry,
    /// The entities of page 1 once more.
    Repeats,
    /// One entity is left out, though the page names the next one.
    Short,
    /// One entity of the next page stands here, too.
    Long,
    /// So many answers fail first.
    Fails(u32, PageFailure),
}

#[derive(Debug, Clone, Copy)]
enum PageFailure {
    Unavailable,
    Error,
    Rejected,
    Portal,
    Redirect,
    Reset,
    Cut,
}

fn odd() -> impl Strategy<Value = PageOddity> {
    let failure = prop_oneof![
        3 => Just(PageFailure::Unavailable),
        1 => Just(PageFailure::Error),
        1 => Just(PageFailure::Rejected),
        1 => Just(PageFailure::Portal),
        1 => Just(PageFailure::Redirect),
        2 => Just(PageFailure::Reset),
        1 => Just(PageFailure::Cut),
    ];
    prop_oneof![
        Just(PageOddity::NoNext),
        Just(PageOddity::Same),
        Just(PageOddity::Leaps),
        Just(PageOddity::Resource),
        Just(PageOddity::Parameter),
        Just(PageOddity::Entry),
        Just(PageOddity::Repeats),
        Just(PageOddity::Short),
        Just(PageOddity::Long),
        (1u32..6, failure).prop_map(|(times, failure)| PageOddity::Fails(times, failure)),
    ]
}

/// What central does, by the number of the page.
type PageScript = BTreeMap<usize, PageOddity>;

#[derive(Debug, Clone)]
struct PagingCentral {
    takers: Vec<Entity>,
    size: usize,
    script: PageScript,
    /// How often each address was asked for.
    asked: BTreeMap<String, u32>,
    offsets: Vec<usize>,
    /// Answers to lists on their way, and most of them at once.
    open: usize,
    most: usize,
    /// Enters somebody at the front of the list when so many pages were asked for.
    enters_after: Option<usize>,
}

impl PagingCentral {
    fn new(takers: Vec<Entity>, size: usize, script: PageScript) -> Self {
        Self {
            takers,
            size,
            script,
            asked: BTreeMap::new(),
            offsets: Vec::new(),
            open: 0,
            most: 0,
            enters_after: None,
        }
    }

    fn answer(&mut self, call: &Call) -> Answered {
        match call.name {
            "versions" => reply(200, json!({ "success": true, "data": ["2022.11"] })),
            "checksums" => self.list(&call.path),
            "details" => reply(200, self.details(call)),
            "confirm" => reply(200, json!({ "message": "Confirmation received." })),
            _ => reply(200, json!([])),
        }
    }

    fn list(&mut self, path: &str) -> Answered {
        if self.enters_after == Some(self.offsets.len()) {
            self.takers.insert(0, entity("new", 0));
        }
        let offset = path
            .split_once("params%5Boffset%5D=")
            .map_or(0, |(_, text)| {
                text.split('&').next().unwrap().parse().unwrap()
            });
        self.offsets.push(offset);
        self.open += 1;
        self.most = self.most.max(self.open);
        let times = self.asked.entry(path.to_owned()).or_default();
        *times += 1;
        let times = *times;
        let odd = self.script.get(&(offset / self.size)).copied();
        let good = self.page(path, offset, odd);
        match odd {
            Some(PageOddity::Fails(count, failure)) if times <= count => fails(failure, &good),
            _ => reply(200, good),
        }
    }

    fn page(&self, path: &str, offset: usize, odd: Option<PageOddity>) -> Json {
        let (from, to) = match odd {
            Some(PageOddity::Repeats) => (0, self.size),
            Some(PageOddity::Short) => (offset, offset + self.size - 1),
            Some(PageOddity::Long) => (offset, offset + self.size + 1),
            _ => (offset, offset + self.size),
        };
        let all = self.takers.iter().skip(from).take(to - from);
        let mut entities = serde_json::Map::new();
        for (at, taker) in all.enumerate() {
            let entry = match odd {
                Some(PageOddity::Entry) if at == 0 => json!({ "id": taker.id }),
                _ => json!({ "id": taker.id, "checksum": taker.checksum, "properties": [] }),
            };
            entities.insert(taker.id.clone(), entry);
        }
        let full = self.takers.len() >= offset + self.size;
        let base = path.split("&params%5Boffset").next().unwrap();
        let to = |offset: usize| format!("/{base}&params%5Boffset%5D={offset}");
        let next = offset + self.size;
        let next = match odd {
            Some(PageOddity::NoNext) => None,
            Some(PageOddity::Same) => Some(to(offset)),
            Some(PageOddity::Leaps) => Some(to(next + self.size)),
            Some(PageOddity::Resource) => Some(format!("{}&params%5BnextResource%5D=x", to(next))),
            Some(PageOddity::Parameter) => Some(format!("{}&params%5Bx%5D=1", to(next))),
            _ => full.then(|| to(next)),
        };
        let mut page = json!({ "type": KIND.word(), "entities": entities });
        if entities_is_empty(&page) {
            page["entities"] = json!([]);
        }
        if let Some(next) = next {
            page["nextCallUrl"] = json!(next);
        }
        page
    }

    fn details(&self, call: &Call) -> Json {
        let CallBody::Json(body) = &call.body else {
            panic!("details are asked with JSON")
        };
        let body: Json = serde_json::from_slice(body).unwrap();
        let wanted: BTreeSet<&str> = body["entityIds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap())
            .collect();
        let found = self.takers.iter().filter(|t| wanted.contains(&*t.id));
        let found = found.map(|t| (t.id.clone(), serde_json::to_value(t).unwrap()));
        Json::Object(found.collect())
    }
}

fn entities_is_empty(page: &Json) -> bool {
    page["entities"]
        .as_object()
        .is_some_and(|map| map.is_empty())
}

fn reply(status: u16, body: Json) -> Answered {
    text(status, body.to_string())
}

fn text(status: u16, body: String) -> Answered {
    Ok(Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
    })
}

fn fails(failure: PageFailure, good: &Json) -> Answered {
    match failure {
        PageFailure::Unavailable => text(503, String::new()),
        PageFailure::Error => reply(
            500,
            json!({"success": false, "errorCode": 0, "errorMsg": "Unexpected error."}),
        ),
        PageFailure::Rejected => text(500, String::new()),
        PageFailure::Portal => text(200, "<html><title>Welcome</title>".into()),
        PageFailure::Redirect => text(302, String::new()),
        PageFailure::Reset => Err(Fault::new(Code::NetReset, "connection reset")),
        PageFailure::Cut => {
            let good = good.to_string();
            text(200, good[..good.len() / 2].to_owned())
        }
    }
}

fn plan(pages: usize) -> SyncPlan {
    SyncPlan {
        params: SyncParams {
            organisation_id: "1001".into(),
            sync_id: 1,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        },
        types: vec![KIND],
        packages: false,
        owed: false,
        measure: false,
        asked: false,
        allow_deletes: false,
        delete_limit: 0.5,
        owed_first: false,
        batch: 128,
        lanes: 3,
        pages,
        memory: SmallMap::new(),
        running: 0,
        patience: None,
        interval: Duration::from_secs(900),
        hash: std::rc::Rc::new(|_, id| name(id)),
        untold: Vec::new(),
        random: 7,
    }
}

/// What came of a run.
struct Played {
    publication: Option<Publication>,
    report: Report,
    took: Duration,
}

/// One run of a box that shows `held`. Each answer takes the latency and up to `spread` times it more.
fn play(
    central: &mut PagingCentral,
    held: &[Entity],
    pages: usize,
    spread: u32,
    seed: u64,
) -> Played {
    let begin = Now {
        mono: Duration::from_secs(100),
        wall: 1_795_000_000,
    };
    let mut now = begin;
    let mut sync = SyncMachine::new(plan(pages), now);
    let mut answers = BinaryHeap::new();
    let mut kept: BTreeMap<u64, Answered> = BTreeMap::new();
    let mut lists = BTreeSet::new();
    let (mut seed, mut publication) = (seed, None);
    for _ in 0..100_000 {
        let mut events = Vec::new();
        while let Some(command) = sync.next() {
            match command {
                SyncCommand::Ask(ticket, call) => {
                    if call.name == "checksums" {
                        lists.insert(ticket);
                    }
                    seed = mix(seed);
                    let takes = LATENCY + LATENCY * (seed % u64::from(spread + 1)) as u32;
                    answers.push(Reverse((now.mono + takes, ticket)));
                    kept.insert(ticket, central.answer(&call));
                }
                SyncCommand::Index(kind) => {
                    let shown = held
                        .iter()
                        .map(|t| (name(&t.id), Checksum::of(&t.checksum)));
                    let held = HeldRows {
                        shown: shown.collect(),
                        ..HeldRows::default()
                    };
                    events.push(SyncEvent::Indexed(kind, held));
                }
                SyncCommand::Stage(..) | SyncCommand::StageClasses(_) => {
                    events.push(SyncEvent::Staged(Ok(())))
                }
                SyncCommand::Classes(kind, _) => events.push(SyncEvent::Unknown(kind, Vec::new())),
                SyncCommand::Publish(published) => {
                    publication = Some(published);
                    events.push(SyncEvent::Published(Ok(())));
                }
                SyncCommand::Owed(_) => {
                    events.push(SyncEvent::Owed(OwedCount::default(), Vec::new()))
                }
                SyncCommand::Wanted { .. } => events.push(SyncEvent::Lane { active: false }),
                SyncCommand::Account => {
                    events.push(SyncEvent::Accounted(PackageAccount::default()))
                }
                SyncCommand::Collect
                | SyncCommand::Told(_)
                | SyncCommand::Closed(_)
                | SyncCommand::PublicKey => {}
                SyncCommand::Survey => {
                    events.push(SyncEvent::Surveyed(
                        Survey::default(),
                        ConnectionStats::default(),
                    ));
                }
                SyncCommand::End(report) => {
                    let took = now.mono - begin.mono;
                    return Played {
                        publication,
                        report: *report,
                        took,
                    };
                }
            }
        }
        if !events.is_empty() {
            events.into_iter().for_each(|event| sync.handle(event, now));
            continue;
        }
        let due = sync.due().map(|(at, _)| at.mono);
        let comes = answers.peek().map(|Reverse((at, _))| *at);
        let at = due
            .into_iter()
            .chain(comes)
            .min()
            .expect("it waits for something");
        now = now.after(at.saturating_sub(now.mono));
        if comes == Some(at) {
            let Reverse((_, ticket)) = answers.pop().unwrap();
            if lists.remove(&ticket) {
                central.open -= 1;
            }
            sync.handle(
                SyncEvent::Answered(ticket, kept.remove(&ticket).unwrap()),
                now,
            );
        } else {
            sync.handle(SyncEvent::Woken, now);
        }
    }
    panic!("the run does not end");
}

/// What a run leaves, without when it did so.
///
/// A run that central's line ends may end between the lists or behind them, as the failures fall: what it then makes
/// visible is nothing either way, and it counts what it read or does not.
fn end_state(played: &Played) -> String {
    let shows = |publication: &Publication| {
        let mut changes = publication.changes.values();
        publication.complete
            || publication.visible
            || changes.any(|of| !(of.put.is_empty() && of.hide.is_empty() && of.restore.is_empty()))
    };
    let mut publication = played.publication.clone().filter(shows);
    let counts = publication.as_ref().map(|_| &played.report.entities);
    for publication in publication.iter_mut() {
        publication.running = 0;
        for change in publication.changes.values_mut() {
            change.put.sort_unstable();
            change.hide.sort_unstable();
            change.restore.sort_unstable();
        }
    }
    let report = &played.report;
    let mut findings: Vec<String> = report.findings.iter().map(|f| format!("{f:?}")).collect();
    findings.sort();
    format!(
        "{publication:?} {:?} {:?} {:?} {findings:#?}",
        report.outcome, report.code, counts
    )
}

/// Central's list beside the box's: some left it, some entered it, some were edited.
fn edited(held: &[Entity], edits: &[(usize, u8)]) -> Vec<Entity> {
    let mut takers = held.to_vec();
    for (at, what) in edits {
        let at = at % (takers.len() + 1);
        match what {
            0 if at < takers.len() => drop(takers.remove(at)),
            1 if at < takers.len() => takers[at] = entity(&takers[at].id, 1),
            _ => takers.insert(at, entity(&format!("n{}", takers.len()), 0)),
        }
    }
    takers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// From any script the end is that of reading one page after the other.
    #[test]
    fn pages_read_ahead_lead_to_the_same_end(
        count in 0usize..60,
        size in 2usize..6,
        edits in prop::collection::vec((any::<usize>(), 0u8..4), 0..6),
        script in prop::collection::btree_map(0usize..16, odd(), 0..4),
        pages in 2usize..10,
        spread in 0u32..6,
        seed in any::<u64>(),
    ) {
        let held = takers(count);
        let mut one = PagingCentral::new(edited(&held, &edits), size, script);
        let mut many = one.clone();
        let after_another = play(&mut one, &held, 1, spread, seed);
        let ahead = play(&mut many, &held, pages, spread, seed);
        prop_assert_eq!(end_state(&ahead), end_state(&after_another));
        prop_assert_eq!(one.most, 1);
        prop_assert!(many.most <= pages.max(2), "{} at once", many.most);
        let furthest = one.offsets.iter().max().copied().unwrap_or(0);
        let bound = furthest.max(count + size);
        prop_assert!(many.offsets.iter().all(|offset| *offset <= bound), "{:?}", many.offsets);
        prop_assert!(many.offsets.iter().take(3).eq(one.offsets.iter().take(3)), "{:?}", many.offsets);
        let (least, asked) = (one.offsets.len(), many.offsets.len());
        let missing = ahead.publication.as_ref().is_some_and(|p| {
            let change = &p.changes[&KIND];
            !change.hide.is_empty() || p.memory.get(&KIND).is_some_and(|m| m.held_back > 0)
        });
        if many.script.is_empty() && !missing {
            prop_assert!(asked <= least + 1, "{asked} of {least}");
        }
        // A list that ends where none of its pages says so: what was under way or kept for its turn was asked in vain.
        prop_assert!(asked <= 2 * least + 1 + 2 * pages, "{asked} of {least}");
        if many.script.is_empty() {
            prop_assert!(asked <= 2 * least + 1, "{asked} of {least}");
        }
    }
}

#[test]
fn ten_thousand_unchanged_are_read_in_a_quarter_of_the_time_with_no_page_more() {
    let held = takers(10_000);
    let mut one = PagingCentral::new(held.clone(), 100, PageScript::new());
    let mut many = one.clone();
    let after_another = play(&mut one, &held, 1, 0, 1);
    let ahead = play(&mut many, &held, 8, 0, 1);
    assert_eq!(end_state(&ahead), end_state(&after_another));
    assert_eq!((one.offsets.len(), many.offsets.len()), (101, 101));
    let share = ahead.took.as_secs_f64() / after_another.took.as_secs_f64();
    assert!(share < 0.25, "{share}");
}

#[test]
fn a_list_that_was_cut_short_costs_one_page_more() {
    let held = takers(1_000);
    let mut one = PagingCentral::new(held[..350].to_vec(), 10, PageScript::new());
    let mut many = one.clone();
    play(&mut one, &held, 1, 0, 1);
    play(&mut many, &held, 8, 0, 1);
    assert_eq!(many.offsets.len(), one.offsets.len() + 1);
    assert_eq!(many.offsets[3], 990);
}

/// Whoever is entered at the front while pages come out of their order moves everybody else: nobody is lost by that.
#[test]
fn nobody_is_hidden_because_somebody_is_entered_meanwhile() {
    let held = takers(400);
    for after in 3..38 {
        let mut central = PagingCentral::new(held.clone(), 10, PageScript::new());
        central.enters_after = Some(after);
        let played = play(&mut central, &held, 8, 3, after as u64);
        let change = played.publication.unwrap().changes.remove(&KIND).unwrap();
        assert_eq!(change.hide, Vec::new(), "entered after {after} pages");
    }
}

/// What fails may fail because of so many at once: every further page waits for the one before it, and all come.
#[test]
fn an_answer_that_fails_ends_reading_ahead() {
    let held = takers(400);
    let script = PageScript::from([(12, PageOddity::Fails(1, PageFailure::Unavailable))]);
    let mut central = PagingCentral::new(held.clone(), 10, script);
    let played = play(&mut central, &held, 8, 0, 1);
    assert_eq!(played.report.entities[KIND.word()].unchanged, 400);
    let failed = central.offsets.iter().position(|o| *o == 120).unwrap();
    let after = &central.offsets[failed + 8..];
    assert!(after.is_sorted(), "{after:?}");
}
