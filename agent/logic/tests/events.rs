//! Followers of the events that begin, stop, lag, come back with the id of their last event and meet a daemon that was
//! started anew or a catalogue that was put aside, at any moment, end equal to the box.
//! Never by a knowledge of their own: each does what docs/api.md says of `state`, `gone` and the rest, from the JSON alone.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "the rest is for the followers of the feed")]
#[path = "followers/model.rs"]
mod model;

use std::collections::BTreeMap;

use logic::events::{
    BoxEvent, BoxFacts, CatalogueWay, EventLog, EventStream, MAX_EVENTS, NextEvent, PackageFact,
    changes, state,
};
use logic::feed::{FeedRequest, Position};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use model::{Changes, Model, ModelCatalogue};

/// Results by id; each change is another number.
type EventResults = BTreeMap<String, u64>;

/// The box, and what its watch has seen of it.
struct EventWorld {
    model: Model,
    facts: BoxFacts,
    results: EventResults,
    seen: BoxFacts,
    seen_results: EventResults,
    log: EventLog,
    watches: u64,
    writes: u64,
}

impl EventWorld {
    fn new() -> Self {
        Self {
            model: Model::default(),
            facts: BoxFacts::default(),
            results: EventResults::new(),
            seen: BoxFacts::default(),
            seen_results: EventResults::new(),
            log: EventLog::new(1),
            watches: 1,
            writes: 0,
        }
    }

    /// The watch looks: what differs is told.
    fn look(&mut self) {
        for event in changes(&self.seen, &self.facts, 0) {
            self.log.push(event);
        }
        let differs = |(id, write): &(&String, &u64)| self.seen_results.get(*id) != Some(*write);
        for (id, write) in self.results.iter().filter(differs) {
            self.log.push(BoxEvent {
                kind: "result",
                role: None,
                data: json!({ "id": id, "state": write }).to_string().into(),
            });
        }
        self.seen = self.facts.clone();
        self.seen_results = self.results.clone();
    }

    /// Another daemon, which has told nothing yet.
    fn restart(&mut self) {
        self.watches += 1;
        self.log = EventLog::new(self.watches);
        self.seen = self.facts.clone();
        self.seen_results = self.results.clone();
    }

    fn result(&mut self, id: u8) {
        self.writes += 1;
        self.results.insert(id.to_string(), self.writes);
    }

    fn way(&self, place: Option<Position>) -> CatalogueWay {
        let entered = place.map(|place| self.model.enter(FeedRequest::Cursor(place)));
        CatalogueWay::Open(entered, self.model.end())
    }
}

/// A follower and what it made of what it was told.
struct EventClient {
    connection: Option<EventStream>,
    /// The id of the last event that it had.
    last: Option<String>,
    entities: ModelCatalogue,
    packages: BTreeMap<String, Json>,
    exams: Vec<String>,
    running: Json,
    held_back: Json,
    verdict: Json,
    results: EventResults,
    /// What it kept is worth nothing: it has to read these again.
    reads_entities: bool,
    reads_results: bool,
}

impl EventClient {
    fn new() -> Self {
        Self {
            connection: None,
            last: None,
            entities: ModelCatalogue::new(),
            packages: BTreeMap::new(),
            exams: Vec::new(),
            running: Json::Null,
            held_back: Json::Null,
            verdict: Json::Null,
            results: EventResults::new(),
            reads_entities: true,
            reads_results: true,
        }
    }

    /// One step of its connection; whether something came.
    fn step(&mut self, world: &EventWorld, limit: usize) -> bool {
        let connection = self
            .connection
            .get_or_insert_with(|| EventStream::new(self.last.as_deref()));
        let place = connection.place();
        let next = connection.next(&world.log, true, || world.way(place));
        let mut id = connection.id();
        let is_gone = matches!(next, NextEvent::Gone { .. });
        let came = match next {
            NextEvent::Wait => false,
            NextEvent::Gone { entities, events } => {
                (self.reads_entities, self.reads_results) = (
                    self.reads_entities || entities,
                    self.reads_results || events,
                );
                // What it asks for next comes before what the stream brings next.
                if entities {
                    self.read_entities(world);
                }
                true
            }
            NextEvent::State => {
                let told = state(&world.seen, 0, true, connection.place());
                self.take_state(&told, world);
                true
            }
            NextEvent::Event(event) => {
                self.take(event.kind, &serde_json::from_str(&event.data).unwrap());
                true
            }
            NextEvent::Changes(from) => {
                let feed = world.model.disk.feed.as_ref().unwrap();
                let news = feed.lines.iter().filter(|line| line.number > from.number);
                let mut place = from;
                for line in news.take(limit) {
                    place = Position {
                        number: line.number,
                        tag: line.tag,
                        ..from
                    };
                    let (id, is) = line.change;
                    match world.model.disk.catalogue.get(&id).filter(|_| is) {
                        Some(now) => self.entities.insert(id, *now),
                        None => self.entities.remove(&id),
                    };
                }
                connection.passed(place);
                id = connection.id();
                true
            }
        };
        // What says that something was lost names no place: who hangs up before it read that again is told again.
        if came && !is_gone {
            self.last = id.map(|id| id.to_string());
        }
        came
    }

    fn read_entities(&mut self, world: &EventWorld) {
        self.entities.clone_from(&world.model.disk.catalogue);
        self.reads_entities = false;
    }

    fn take_state(&mut self, told: &Json, world: &EventWorld) {
        let packages = told["packages"].as_array().unwrap().iter();
        self.packages = packages
            .map(|one| {
                (
                    one["delivery"].as_str().unwrap().to_owned(),
                    one["edition"].clone(),
                )
            })
            .collect();
        let exams = told["exams"].as_array().unwrap().iter();
        self.exams = exams
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        self.running = told["running"].clone();
        self.held_back = told["held_back"].clone();
        self.verdict = told["verdict"].clone();
        if self.reads_results {
            self.results.clone_from(&world.results);
            self.reads_results = false;
        }
        if self.reads_entities {
            self.read_entities(world);
        }
    }

    fn take(&mut self, kind: &str, told: &Json) {
        let text = |key: &str| told[key].as_str().unwrap().to_owned();
        match kind {
            "package" if told["state"] == "withdrawn" => {
                self.packages.remove(&text("delivery"));
            }
            "package" => {
                self.packages
                    .insert(text("delivery"), told["edition"].clone());
            }
            "exam" => {
                self.exams.retain(|name| *name != text("name"));
                if told["active"] == true {
                    self.exams.push(text("name"));
                }
                self.running = told["running"].clone();
            }
            "held-back" => self.held_back = told["held_back"].clone(),
            "verdict" => self.verdict = told["verdict"].clone(),
            "result" => {
                self.results
                    .insert(text("id"), told["state"].as_u64().unwrap());
            }
            other => panic!("an event {other} that is not described"),
        }
    }

    fn catches_up(&mut self, world: &EventWorld) {
        for _ in 0..5000 {
            if !self.step(world, 3) {
                return;
            }
        }
        panic!("a follower is told the same again and again");
    }

    fn is_equal_to(&self, world: &EventWorld) {
        let facts = &world.facts;
        assert_eq!(self.entities, world.model.disk.catalogue);
        let packages = facts.packages.iter();
        let packages: BTreeMap<_, _> = packages
            .map(|(id, fact)| (id.clone(), json!(fact.edition)))
            .collect();
        assert_eq!(self.packages, packages);
        let mut exams = self.exams.clone();
        exams.sort();
        assert_eq!(exams, facts.exams.keys().cloned().collect::<Vec<_>>());
        assert_eq!(self.running, !facts.exams.is_empty());
        assert_eq!(self.held_back, json!(facts.held_back.values().sum::<u64>()));
        assert_eq!(self.verdict, json!(facts.verdict));
        assert_eq!(self.results, world.results);
    }
}

#[derive(Debug, Clone)]
enum EventAct {
    Show(Changes),
    Append,
    Cut,
    Trim,
    /// The head of the feed does not open any more.
    Damage,
    Package(u8, Option<u8>),
    Exam(u8, bool),
    HeldBack(u64),
    Verdict(u8),
    Result(u8),
    /// More results than the log keeps.
    Flood,
    Look,
    Restart,
    Begin,
    /// A connection ends; it comes back with the id of the last event.
    HangUp(usize),
    Step(usize, usize),
}

fn act() -> impl Strategy<Value = EventAct> {
    let changes = prop::collection::vec((0..7u8, any::<bool>()), 0..6);
    prop_oneof![
        6 => changes.prop_map(EventAct::Show),
        6 => Just(EventAct::Append),
        1 => Just(EventAct::Cut),
        1 => Just(EventAct::Trim),
        1 => Just(EventAct::Damage),
        6 => (0..3u8, prop::option::of(0..3u8)).prop_map(|(id, edition)| EventAct::Package(id, edition)),
        4 => (0..3u8, any::<bool>()).prop_map(|(name, on)| EventAct::Exam(name, on)),
        2 => (0..3u64).prop_map(EventAct::HeldBack),
        2 => (0..3u8).prop_map(EventAct::Verdict),
        6 => (0..5u8).prop_map(EventAct::Result),
        1 => Just(EventAct::Flood),
        9 => Just(EventAct::Look),
        2 => Just(EventAct::Restart),
        3 => Just(EventAct::Begin),
        5 => (0..4usize).prop_map(EventAct::HangUp),
        20 => (0..4usize, 1..4usize).prop_map(|(who, limit)| EventAct::Step(who, limit)),
    ]
}

fn obey(world: &mut EventWorld, clients: &mut Vec<EventClient>, act: EventAct) {
    let facts = &mut world.facts;
    match act {
        EventAct::Show(changes) => world.model.show(changes),
        EventAct::Append => world.model.append(),
        EventAct::Cut => world.model.cut(),
        EventAct::Trim => world.model.trim(),
        EventAct::Damage => world.model.disk.feed = None,
        EventAct::Package(id, None) => {
            facts.packages.remove(&id.to_string());
        }
        EventAct::Package(id, Some(edition)) => {
            let fact = PackageFact {
                state: "held",
                bytes: 1,
                edition: (edition > 0).then(|| edition.to_string()),
            };
            facts.packages.insert(id.to_string(), fact);
        }
        EventAct::Exam(name, true) => {
            facts.exams.insert(name.to_string(), 9_000);
        }
        EventAct::Exam(name, false) => {
            facts.exams.remove(&name.to_string());
        }
        EventAct::HeldBack(count) => {
            facts.held_back = [("test-taker".to_owned(), count)].into();
        }
        EventAct::Verdict(word) => facts.verdict = Some(json!({ "word": word })),
        EventAct::Result(id) => world.result(id),
        EventAct::Flood => {
            for turn in 0..MAX_EVENTS + 200 {
                world.result((turn % 200) as u8);
                if turn % 200 == 199 {
                    world.look();
                }
            }
        }
        EventAct::Look => world.look(),
        EventAct::Restart => {
            for client in clients {
                client.connection = None;
            }
            world.restart();
        }
        EventAct::Begin => clients.push(EventClient::new()),
        EventAct::HangUp(who) => {
            if let Some(client) = clients.get_mut(who) {
                client.connection = None;
            }
        }
        EventAct::Step(who, limit) => {
            if let Some(client) = clients.get_mut(who) {
                client.step(world, limit);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_follower_of_the_events_ends_equal_to_the_box(acts in prop::collection::vec(act(), 1..80)) {
        let (mut world, mut clients) = (EventWorld::new(), Vec::new());
        for act in acts {
            obey(&mut world, &mut clients, act);
        }
        // Whatever the run under way leaves, in this moment and after the next one.
        world.model.cut();
        world.look();
        for client in &mut clients {
            client.catches_up(&world);
            client.is_equal_to(&world);
        }
        world.model.show(vec![(1, true), (2, false)]);
        world.model.append();
        world.model.running = false;
        world.result(1);
        world.look();
        for client in &mut clients {
            client.catches_up(&world);
            client.is_equal_to(&world);
        }
    }
}

#[test]
fn who_lags_is_told_and_who_comes_back_in_time_is_told_only_what_it_missed() {
    let mut world = EventWorld::new();
    let kinds = |client: &mut EventClient, world: &EventWorld| {
        let connection = client
            .connection
            .get_or_insert_with(|| EventStream::new(client.last.as_deref()));
        let mut kinds = Vec::new();
        loop {
            let place = connection.place();
            let next = connection.next(&world.log, true, || world.way(place));
            if !matches!(next, NextEvent::Gone { .. }) {
                client.last = connection.id().map(|id| id.to_string());
            }
            match next {
                NextEvent::Wait => return kinds,
                NextEvent::Event(event) => kinds.push(event.kind),
                NextEvent::State => kinds.push("state"),
                NextEvent::Gone { events: true, .. } => kinds.push("gone"),
                other => panic!("{other:?}"),
            }
        }
    };
    let mut client = EventClient::new();
    assert_eq!(kinds(&mut client, &world), ["state"]);
    client.connection = None;
    obey(&mut world, &mut Vec::new(), EventAct::Exam(1, true));
    obey(&mut world, &mut Vec::new(), EventAct::Look);
    assert_eq!(kinds(&mut client, &world), ["exam"]);
    obey(&mut world, &mut Vec::new(), EventAct::Flood);
    assert_eq!(kinds(&mut client, &world), ["gone", "state"]);
    client.connection = None;
    world.restart();
    assert_eq!(kinds(&mut client, &world), ["gone", "state"]);
    client.connection = None;
    client.last = Some("nonsense".into());
    assert_eq!(kinds(&mut client, &world), ["gone", "state"]);
    // Of a place that nobody gave nothing can be told: not of the catalogue either.
    let mut unknown = EventStream::new(Some("nonsense"));
    let gone = NextEvent::Gone {
        entities: true,
        events: true,
    };
    assert_eq!(unknown.next(&world.log, true, || world.way(None)), gone);
}
