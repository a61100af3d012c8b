//! A virtual world for the machine of a run: a central that answers by script, a store that can be cut, no real time.
//! Never shares code with the product beyond the words of the wire; never sleeps.
//! Run by `cargo test -p logic`; the real binary meets real sockets in `tests/`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use logic::api::{Call, CallBody, Reply};
use logic::entity::{Checksum, Entity, EntityType, Properties, Value};
use logic::fault::{Code, Fault};
use logic::guard::Memory;
use logic::manifest::{HeldRows, IndexRows};
use logic::package_lane::PackageAccount;
use logic::report::{ConnectionStats, OwedCount, Report, Survey};
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sync::{Publication, SyncCommand, SyncEvent, SyncMachine, SyncPlan};
use logic::words::{Now, Outcome, SyncParams};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// What central does to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunMishap {
    None,
    Offline,
    Error,
    Rejected,
    Page,
    Portal,
    Redirect,
    Truncated,
    Empty,
    Unavailable,
    /// The box loses power instead of hearing the answer.
    PowerCut,
}

fn fault() -> impl Strategy<Value = RunMishap> {
    prop_oneof![
        6 => Just(RunMishap::None),
        1 => Just(RunMishap::Offline),
        1 => Just(RunMishap::Error),
        1 => Just(RunMishap::Rejected),
        1 => Just(RunMishap::Page),
        1 => Just(RunMishap::Portal),
        1 => Just(RunMishap::Redirect),
        1 => Just(RunMishap::Truncated),
        1 => Just(RunMishap::Empty),
        1 => Just(RunMishap::Unavailable),
        1 => Just(RunMishap::PowerCut),
    ]
}

fn name(kind: EntityType, id: &str) -> NameHash {
    let text = format!("{}/{id}", kind.word());
    let mut hash = [0u8; 16];
    for (at, byte) in text.bytes().enumerate() {
        hash[at % 16] = hash[at % 16].wrapping_mul(31).wrapping_add(byte);
    }
    NameHash(hash)
}

type CentralCatalogue = BTreeMap<EntityType, BTreeMap<String, Entity>>;

struct FaultyCentral {
    catalogue: CentralCatalogue,
    page: usize,
    script: VecDeque<RunMishap>,
    details_asked: Vec<String>,
    confirmed: Vec<String>,
    /// Types of which it hid entities behind a well-formed list: nobody can tell such a list from a true one.
    hidden: BTreeSet<EntityType>,
}

impl FaultyCentral {
    fn answer(&mut self, call: &Call) -> Result<Reply, Option<Fault>> {
        let fault = self.script.pop_front().unwrap_or(RunMishap::None);
        let good = self.good(call);
        let reply = |status: u16, body: &str| Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        match fault {
            RunMishap::None => Ok(reply(200, &good.to_string())),
            RunMishap::Offline => Err(Some(Fault::new(Code::NetReset, "connection reset"))),
            RunMishap::Error => Ok(reply(
                500,
                r#"{"success":false,"errorCode":0,"errorMsg":"Unexpected error."}"#,
            )),
            RunMishap::Rejected => Ok(reply(500, "")),
            RunMishap::Page => Ok(reply(
                200,
                "<html><title>Currently Under Maintenance</title>",
            )),
            RunMishap::Portal => Ok(reply(200, "<html><title>Welcome to the airport</title>")),
            RunMishap::Redirect => Ok(reply(302, "")),
            RunMishap::Truncated => Ok(reply(200, &good.to_string()[..good.to_string().len() / 2])),
            RunMishap::Empty if call.name == "checksums" => {
                let of = |kind: &EntityType| call.path.contains(&format!("type={}&", kind.word()));
                self.hidden
                    .extend(EntityType::ALL.iter().find(|kind| of(kind)));
                Ok(reply(200, r#"{"type":"x","entities":[]}"#))
            }
            RunMishap::Empty => Ok(reply(200, &good.to_string())),
            RunMishap::Unavailable => Ok(reply(503, "")),
            RunMishap::PowerCut => Err(None),
        }
    }

    fn good(&mut self, call: &Call) -> Json {
        match call.name {
            "versions" => json!({ "success": true, "data": ["2022.11"] }),
            "checksums" => self.list(&call.path),
            "details" => self.details(call),
            "confirm" => {
                self.confirmed.push(call.path.clone());
                json!({ "message": "Confirmation received." })
            }
            _ => json!([]),
        }
    }

    fn list(&self, path: &str) -> Json {
        let query: BTreeMap<&str, &str> = path
            .split_once('?')
            .unwrap()
            .1
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let kind = *EntityType::ALL
            .iter()
            .find(|kind| kind.word() == query["type"])
            .unwrap();
        let offset: usize = query
            .get("params%5Boffset%5D")
            .map_or(0, |text| text.parse().unwrap());
        let all = &self.catalogue[&kind];
        // Two types are paged; the others answer everything always, for ever at exactly one page (protocol 5.3).
        let paged = matches!(kind, EntityType::TestCenter | EntityType::TestTaker);
        let (skip, take) = if paged {
            (offset, self.page)
        } else {
            (0, usize::MAX)
        };
        let entities: serde_json::Map<String, Json> = all
            .values()
            .skip(skip)
            .take(take)
            .map(|e| {
                (
                    e.id.clone(),
                    json!({ "id": e.id, "checksum": e.checksum, "properties": [] }),
                )
            })
            .collect();
        let mut answer = json!({ "type": kind.word() });
        if entities.len() == self.page {
            let base = path.split("&params%5Boffset").next().unwrap();
            answer["nextCallUrl"] =
                json!(format!("/{base}&params%5Boffset%5D={}", offset + self.page));
        }
        answer["entities"] = if entities.is_empty() {
            json!([])
        } else {
            Json::Object(entities)
        };
        answer
    }

    fn details(&mut self, call: &Call) -> Json {
        let CallBody::Json(body) = &call.body else {
            panic!("details are asked with JSON")
        };
        let body: Json = serde_json::from_slice(body).unwrap();
        let kind = *EntityType::ALL
            .iter()
            .find(|kind| kind.word() == body["type"])
            .unwrap();
        let mut map = serde_json::Map::new();
        for id in body["entityIds"].as_array().unwrap() {
            let id = id.as_str().unwrap();
            self.details_asked.push(id.to_owned());
            if let Some(entity) = self.catalogue[&kind].get(id) {
                map.insert(id.to_owned(), serde_json::to_value(entity).unwrap());
            }
        }
        if map.is_empty() {
            json!([])
        } else {
            Json::Object(map)
        }
    }
}

/// What survives a power cut: what was staged, what is visible or hidden, the guard's memory.
#[derive(Default)]
struct FaultyDisk {
    staged: BTreeMap<(EntityType, NameHash), Entity>,
    visible: BTreeMap<(EntityType, NameHash), Entity>,
    hidden: BTreeMap<(EntityType, NameHash), Entity>,
    memory: SmallMap<EntityType, Memory>,
}

impl FaultyDisk {
    fn index(
        &self,
        kind: EntityType,
        rows: &BTreeMap<(EntityType, NameHash), Entity>,
    ) -> IndexRows {
        rows.iter()
            .filter(|((k, _), _)| *k == kind)
            .map(|((_, n), e)| (*n, Checksum::of(&e.checksum)))
            .collect()
    }

    fn publish(&mut self, publication: Publication) {
        self.memory = publication.memory;
        for (kind, change) in publication.changes {
            for put in change.put {
                let entity = self.staged[&(kind, put)].clone();
                self.hidden.remove(&(kind, put));
                self.visible.insert((kind, put), entity);
            }
            for back in change.restore {
                let entity = self.hidden.remove(&(kind, back));
                let entity = entity.expect("only what is hidden is shown again");
                self.visible.insert((kind, back), entity);
            }
            for gone in change.hide {
                let entity = self.visible.remove(&(kind, gone));
                let entity = entity.expect("only what is shown is hidden");
                self.hidden.insert((kind, gone), entity);
            }
        }
        self.staged.clear();
    }

    fn shows(&self, kind: EntityType) -> BTreeMap<String, Entity> {
        self.visible
            .iter()
            .filter(|((k, _), _)| *k == kind)
            .map(|(_, e)| (e.id.clone(), e.clone()))
            .collect()
    }
}

fn plan(disk: &FaultyDisk, random: u64) -> SyncPlan {
    SyncPlan {
        params: SyncParams {
            organisation_id: "1001".into(),
            sync_id: 1,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        },
        types: EntityType::ALL.to_vec(),
        packages: true,
        owed: true,
        measure: false,
        asked: false,
        allow_deletes: false,
        delete_limit: 0.5,
        owed_first: false,
        batch: 128,
        lanes: 3,
        pages: 8,
        memory: disk.memory.clone(),
        running: 0,
        patience: None,
        interval: Duration::from_secs(900),
        hash: std::rc::Rc::new(name),
        untold: Vec::new(),
        random,
    }
}

/// Runs one synchronisation to its end; `None` when the box lost power.
fn run(
    central: &mut FaultyCentral,
    disk: &mut FaultyDisk,
    now: &mut Now,
    random: u64,
) -> Option<Report> {
    let mut sync = SyncMachine::new(plan(disk, random), *now);
    let mut events = VecDeque::new();
    for _ in 0..10_000 {
        while let Some(command) = sync.next() {
            match command {
                SyncCommand::Ask(ticket, call) => match central.answer(&call) {
                    Ok(reply) => events.push_back(SyncEvent::Answered(ticket, Ok(reply))),
                    Err(Some(trouble)) => {
                        events.push_back(SyncEvent::Answered(ticket, Err(trouble)))
                    }
                    Err(None) => return None,
                },
                SyncCommand::Index(kind) => {
                    let held = HeldRows {
                        shown: disk.index(kind, &disk.visible),
                        staged: disk.index(kind, &disk.staged),
                        hidden: disk.index(kind, &disk.hidden),
                    };
                    events.push_back(SyncEvent::Indexed(kind, held));
                }
                SyncCommand::Stage(kind, entities) => {
                    disk.staged
                        .extend(entities.into_iter().map(|e| ((kind, name(kind, &e.id)), e)));
                    events.push_back(SyncEvent::Staged(Ok(())));
                }
                SyncCommand::StageClasses(_) => events.push_back(SyncEvent::Staged(Ok(()))),
                SyncCommand::Classes(kind, _) => {
                    events.push_back(SyncEvent::Unknown(kind, Vec::new()))
                }
                SyncCommand::Publish(publication) => {
                    disk.publish(publication);
                    events.push_back(SyncEvent::Published(Ok(())));
                }
                SyncCommand::Owed(_) => {
                    events.push_back(SyncEvent::Owed(OwedCount::default(), Vec::new()))
                }
                SyncCommand::Wanted { .. } => events.push_back(SyncEvent::Lane { active: false }),
                SyncCommand::Account => {
                    events.push_back(SyncEvent::Accounted(PackageAccount::default()))
                }
                SyncCommand::Collect
                | SyncCommand::Told(_)
                | SyncCommand::Closed(_)
                | SyncCommand::PublicKey => {}
                SyncCommand::Survey => events.push_back(SyncEvent::Surveyed(
                    Survey::default(),
                    ConnectionStats::default(),
                )),
                SyncCommand::End(report) => return Some(*report),
            }
        }
        match events.pop_front() {
            Some(event) => sync.handle(event, *now),
            None => {
                let (at, reason) = sync
                    .due()
                    .expect("a machine that is not done waits for something");
                assert!(!reason.is_empty() && at.mono > now.mono, "{reason}");
                *now = at;
                sync.handle(SyncEvent::Woken, *now);
            }
        }
    }
    panic!("the run does not end");
}

fn entity(id: &str, label: &str) -> Entity {
    let properties = Properties::from_iter([
        (
            "http://www.w3.org/1999/02/22-rdf-syntax-ns#type".to_owned(),
            Value::One("http://www.tao.lu/Ontologies/x".into()),
        ),
        (
            "http://www.w3.org/2000/01/rdf-schema#label".to_owned(),
            Value::One(label.into()),
        ),
    ]);
    let checksum = logic::php::checksum(&properties, &[]);
    Entity {
        id: id.into(),
        checksum,
        properties,
    }
}

fn dataset(sizes: [usize; 6], edition: usize) -> CentralCatalogue {
    EntityType::ALL
        .into_iter()
        .zip(sizes)
        .map(|(kind, size)| {
            let one = |at: usize| {
                let id = format!("https://central.example/tao.rdf#{}{at}", kind.word());
                // Every third entity changes from edition to edition.
                let label = if at.is_multiple_of(3) {
                    format!("{at} edition {edition}")
                } else {
                    at.to_string()
                };
                (id.clone(), entity(&id, &label))
            };
            (kind, (0..size).map(one).collect())
        })
        .collect()
}

fn central(catalogue: CentralCatalogue, page: usize, script: Vec<RunMishap>) -> FaultyCentral {
    FaultyCentral {
        catalogue,
        page,
        script: script.into(),
        details_asked: Vec::new(),
        confirmed: Vec::new(),
        hidden: BTreeSet::new(),
    }
}

fn start() -> Now {
    Now {
        mono: Duration::from_secs(100),
        wall: 1_795_000_000,
    }
}

#[test]
fn a_first_run_brings_everything_and_a_second_one_asks_for_no_details() {
    let (mut disk, mut now) = (FaultyDisk::default(), start());
    let mut central = central(dataset([1, 10, 10, 35, 10, 10], 0), 10, Vec::new());
    let report = run(&mut central, &mut disk, &mut now, 1).unwrap();
    assert_eq!(
        (report.outcome, report.code.known()),
        (Outcome::Finished, Some(Code::Ok)),
        "{:?}",
        report.findings
    );
    for kind in EntityType::ALL {
        assert_eq!(disk.shows(kind), central.catalogue[&kind]);
    }
    central.details_asked.clear();
    let report = run(&mut central, &mut disk, &mut now, 2).unwrap();
    assert_eq!(central.details_asked, Vec::<String>::new());
    assert_eq!(report.entities["test-taker"].unchanged, 35);
    assert_eq!(central.confirmed.len(), 2);
}

#[test]
fn another_test_centre_changes_nothing_at_all() {
    let (mut disk, mut now) = (FaultyDisk::default(), start());
    let mut here = central(dataset([1, 2, 2, 6, 2, 2], 0), 10, Vec::new());
    run(&mut here, &mut disk, &mut now, 1).unwrap();
    let before = disk.visible.clone();
    let mut elsewhere = here.catalogue.clone();
    elsewhere.insert(
        EntityType::TestCenter,
        [("x".to_owned(), entity("x", "Elsewhere"))].into(),
    );
    elsewhere
        .get_mut(&EntityType::TestTaker)
        .unwrap()
        .insert("y".into(), entity("y", "New"));
    let report = run(
        &mut central(elsewhere, 10, Vec::new()),
        &mut disk,
        &mut now,
        2,
    )
    .unwrap();
    assert_eq!(
        (report.outcome, report.code.known()),
        (Outcome::Failed, Some(Code::CatalogueOtherCentre))
    );
    assert_eq!(disk.visible, before);
}

#[test]
fn an_unreachable_central_is_given_up_and_nothing_is_lost() {
    let (mut disk, mut now) = (FaultyDisk::default(), start());
    run(
        &mut central(dataset([1, 2, 2, 6, 2, 2], 0), 10, Vec::new()),
        &mut disk,
        &mut now,
        1,
    )
    .unwrap();
    let before = disk.visible.clone();
    let mut gone = central(dataset([0; 6], 0), 10, vec![RunMishap::Offline; 1000]);
    let report = run(&mut gone, &mut disk, &mut now, 2).unwrap();
    assert_eq!(
        (report.outcome, report.code.known()),
        (Outcome::Offline, Some(Code::NetReset))
    );
    assert_eq!(disk.visible, before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Any fault script ends in equality with central or in a named finding; one good run heals whatever came before.
    #[test]
    fn any_fault_script_ends_in_equality_or_in_a_named_finding(
        sizes in (1usize..3, 0usize..12, 0usize..12, 0usize..40, 0usize..12, 0usize..12),
        page in 1usize..12,
        scripts in prop::collection::vec(prop::collection::vec(fault(), 0..40), 1..4),
        random in any::<u64>(),
    ) {
        let sizes = [sizes.0, sizes.1, sizes.2, sizes.3, sizes.4, sizes.5];
        let (mut disk, mut now) = (FaultyDisk::default(), start());
        for (edition, script) in scripts.into_iter().enumerate() {
            let before: BTreeMap<EntityType, usize> = EntityType::ALL.map(|k| (k, disk.shows(k).len())).into();
            let mut faulty = central(dataset(sizes, edition), page, script);
            let report = run(&mut faulty, &mut disk, &mut now, random);
            for kind in EntityType::ALL {
                // Nothing was really deleted on central, so nothing may be missing beyond the limit.
                prop_assert!(disk.shows(kind).len() * 2 >= before[&kind], "{} shrank", kind.word());
                for entity in disk.shows(kind).into_values() {
                    let computed = logic::php::checksum(&entity.properties, &[]);
                    prop_assert_eq!(entity.checksum, computed);
                }
            }
            if let Some(report) = report {
                prop_assert_eq!(report.code == Code::Ok, report.findings.is_empty());
                prop_assert_eq!(report.code == Code::Ok, report.outcome == Outcome::Finished);
                if report.outcome == Outcome::Finished {
                    for kind in EntityType::ALL {
                        if !faulty.hidden.contains(&kind) && report.entities[kind.word()].deleted == 0 {
                            prop_assert_eq!(disk.shows(kind), faulty.catalogue[&kind].clone());
                        }
                    }
                }
            }
        }
        let mut good = central(dataset(sizes, 99), page, Vec::new());
        let staged_before = disk.staged.len();
        let report = run(&mut good, &mut disk, &mut now, random).expect("no power cut is scripted");
        prop_assert_eq!(report.outcome, Outcome::Finished, "{:?}", report.findings);
        for kind in EntityType::ALL {
            prop_assert_eq!(disk.shows(kind), good.catalogue[&kind].clone());
        }
        prop_assert!(staged_before == 0 || disk.staged.is_empty());
    }
}
