//! The one feed of the events as a delivery engine meets it: the state, what changes, what a return brings.
//! Never a time that is waited for: each wait is for an event that has to come.
//! Run by `cargo test`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value as Json;

use crate::api::{EXECUTION, hold, provision, result};
use crate::follow::Press;
use crate::house::*;

/// One event: its id, its name, its data.
pub(crate) type SocketEvent = (Option<String>, String, Json);

/// A connection that follows.
pub(crate) struct SocketEvents(BufReader<UnixStream>);

impl SocketEvents {
    /// From an event on that was had before.
    pub(crate) fn of(house: &DaemonHouse, last: Option<&str>) -> Self {
        Self::asked(house, "", last)
    }

    fn asked(house: &DaemonHouse, query: &str, last: Option<&str>) -> Self {
        let mut stream = house.connect();
        let last = last
            .map(|id| format!("Last-Event-ID: {id}\r\n"))
            .unwrap_or_default();
        write!(
            stream,
            "GET /v1/events{query} HTTP/1.1\r\nHost: b\r\n{last}\r\n"
        )
        .unwrap();
        let mut events = Self(BufReader::new(stream));
        let head = events.line();
        assert_eq!(head, "HTTP/1.1 200 OK");
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the events go on");
        line.trim_end().to_owned()
    }

    /// The next event, whatever it is.
    fn next(&mut self) -> SocketEvent {
        let (mut id, mut kind) = (None, String::new());
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("id", text)) => id = Some(text.to_owned()),
                Some(("event", text)) => kind = text.to_owned(),
                Some(("data", data)) => return (id, kind, serde_json::from_str(data).unwrap()),
                _ => {}
            }
        }
    }

    /// The next event of a kind; what comes before it is no `gone`.
    pub(crate) fn wait(&mut self, kind: &str) -> SocketEvent {
        loop {
            let event = self.next();
            assert!(kind == "gone" || event.1 != "gone", "{event:?}");
            if event.1 == kind {
                return event;
            }
        }
    }
}

pub(crate) fn hand_in(house: &DaemonHouse, value: &str) {
    let path = format!("/v1/results/{}", EXECUTION.replace('#', "%23"));
    let put = house.call("PUT", &path, "", &result(value).to_string());
    assert_eq!(put.status, 200);
}

pub(crate) fn exam(house: &DaemonHouse, name: &str, active: bool) {
    let body = format!(r#"{{"active":{active},"ttl_seconds":600,"name":"{name}"}}"#);
    assert_eq!(house.call("PUT", "/v1/exam", "", &body).status, 200);
}

#[test]
fn the_state_comes_first_and_then_whatever_changes() {
    let house = DaemonHouse::new(QUIET);
    provision(&house, b"content");
    let daemon = house.start();
    let mut events = SocketEvents::of(&house, None);
    let (id, kind, state) = events.next();
    assert_eq!(kind, "state");
    assert!(
        id.is_some() && state["verdict"]["word"].is_string(),
        "{state}"
    );
    assert_eq!(
        (&state["running"], &state["held_back"]),
        (&false.into(), &0.into())
    );
    let package = &state["packages"][0];
    assert_eq!(
        (&package["delivery"], &package["state"]),
        (&DELIVERY.into(), &"held".into())
    );
    // From its place nothing of the catalogue is missed.
    let feed = house.get(&format!(
        "/v1/feed?cursor={}",
        state["cursor"].as_str().unwrap()
    ));
    assert_eq!(feed.json()["changes"], serde_json::json!([]));
    exam(&house, "room 1", true);
    let (_, _, told) = events.wait("exam");
    assert_eq!(
        (&told["name"], &told["active"], &told["running"]),
        (&"room 1".into(), &true.into(), &true.into())
    );
    hand_in(&house, "MC41");
    let (_, _, told) = events.wait("result");
    assert_eq!(
        (&told["id"], &told["state"], &told["edition"]),
        (&EXECUTION.into(), &"queued".into(), &0.into())
    );
    let before = package["edition"].clone();
    hold(&house, b"another content");
    let (_, _, told) = events.wait("package");
    assert_eq!(
        (&told["what"], &told["delivery"]),
        (&"edition".into(), &DELIVERY.into())
    );
    assert_ne!(told["edition"], before);
    exam(&house, "room 1", false);
    let (_, _, told) = events.wait("exam");
    assert_eq!(
        (&told["active"], &told["running"]),
        (&false.into(), &false.into())
    );
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn who_comes_back_is_told_what_it_missed_and_after_another_daemon_that_something_is_lost() {
    let house = DaemonHouse::new(QUIET);
    let mut press = Press::new(&house);
    let changes = press.show(&[1, 2], &[]);
    press.tell(changes);
    let daemon = house.start();
    let mut events = SocketEvents::of(&house, None);
    let (id, _, _) = events.wait("state");
    drop(events);
    // While nobody is there.
    exam(&house, "room 1", true);
    let changes = press.show(&[3], &[1]);
    press.tell(changes);
    let mut events = SocketEvents::asked(&house, "?include=entity", id.as_deref());
    let mut told = Vec::new();
    while told.len() < 3 {
        let (id, kind, data) = events.next();
        assert!(id.is_some());
        told.push((kind, data));
    }
    told.sort_by_key(|(kind, data)| format!("{kind}{}", data["op"]));
    // In the order of their names: an entity put, one gone, the exam.
    let kinds: Vec<_> = told
        .iter()
        .map(|(kind, data)| (kind.as_str(), data["op"].as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("entity", Some("put")),
            ("entity", Some("remove")),
            ("exam", None)
        ]
    );
    assert_eq!(told[0].1["entity"]["id"], Press::id(3));
    assert_eq!(told[1].1["id"], Press::id(1));
    drop(events);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    // What happens meanwhile in the catalogue is told all the same.
    let changes = press.show(&[4], &[]);
    press.tell(changes);
    let daemon = house.start();
    let mut events = SocketEvents::of(&house, id.as_deref());
    let (gone_id, kind, told) = events.next();
    assert_eq!(
        (gone_id, kind.as_str(), &told["lost"]),
        (None, "gone", &serde_json::json!(["events"]))
    );
    assert_eq!(events.next().1, "state");
    let ids: Vec<Json> = (0..3)
        .map(|_| events.wait("entity").2["id"].clone())
        .collect();
    assert!(
        ids.contains(&Press::id(3).into()) && ids.contains(&Press::id(4).into()),
        "{ids:?}"
    );
    // An id of nobody's.
    let mut events = SocketEvents::of(&house, Some("nonsense"));
    let (_, kind, told) = events.next();
    assert_eq!(
        (kind.as_str(), &told["lost"]),
        ("gone", &serde_json::json!(["entities", "events"]))
    );
    assert_eq!(events.next().1, "state");
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn sixty_four_followers_are_told_alike_and_none_has_a_process() {
    let house = DaemonHouse::new(QUIET);
    let mut press = Press::new(&house);
    let changes = press.show(&[1], &[]);
    press.tell(changes);
    let daemon = house.start();
    let mut all: Vec<SocketEvents> = (0..64).map(|_| SocketEvents::of(&house, None)).collect();
    for events in &mut all {
        events.wait("state");
    }
    assert_eq!(house.workers(&daemon).len(), 0);
    let people: Vec<u32> = (2..600).collect();
    let changes = press.show(&people, &[1]);
    press.tell(changes);
    let mut told: Vec<Vec<SocketEvent>> = Vec::new();
    for events in &mut all {
        told.push(
            (0..people.len() + 1)
                .map(|_| events.wait("entity"))
                .collect(),
        );
    }
    assert!(told.iter().all(|one| *one == told[0]));
    assert_eq!(house.workers(&daemon).len(), 0);
    assert_eq!(house.get("/v1/status").status, 200);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

/// Holds an object against a schema of the description: nothing that it needs is missing, nothing is there that it has not.
fn fits(described: &Json, name: &str, object: &Json) {
    let schema = &described["components"]["schemas"][name];
    let known = schema["properties"].as_object().unwrap();
    for needed in schema["required"].as_array().unwrap() {
        let needed = needed.as_str().unwrap();
        assert!(
            object.get(needed).is_some(),
            "{name}: no {needed} in {object}"
        );
    }
    for (key, value) in object.as_object().unwrap() {
        let of = known.get(key);
        let of = of.unwrap_or_else(|| panic!("{name}: {key} is not described: {object}"));
        if let Some(words) = of["enum"].as_array() {
            assert!(words.contains(value), "{name}: {key} is {value}");
        }
        let is = match value {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "integer",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        };
        let fits = match &of["type"] {
            Json::String(kind) => kind == is,
            Json::Array(kinds) => kinds.contains(&is.into()),
            _ => true,
        };
        assert!(fits, "{name}: {key} is {value}");
    }
}

#[test]
fn each_line_and_each_event_has_the_shape_that_is_described() {
    let house = DaemonHouse::new(QUIET);
    provision(&house, b"content");
    let daemon = house.start();
    let described = house.get("/v1/openapi.json").json();
    let mut events = SocketEvents::asked(&house, "?include=entity", None);
    let (id, _, state) = events.wait("state");
    fits(&described, "StateEvent", &state);
    fits(&described, "Verdict", &state["verdict"]);
    hand_in(&house, "MQ==");
    fits(&described, "ResultEvent", &events.wait("result").2);
    exam(&house, "a", true);
    fits(&described, "ExamEvent", &events.wait("exam").2);
    hold(&house, b"another content");
    fits(&described, "PackageEvent", &events.wait("package").2);
    let mut lost = SocketEvents::of(&house, Some("nonsense"));
    fits(&described, "GoneEvent", &lost.wait("gone").2);
    for (path, name) in [
        ("/v1/entities", "Entity"),
        ("/v1/packages", "Package"),
        ("/v1/results", "FateLine"),
    ] {
        let of = &described["paths"][path]["get"]["responses"]["200"]["content"];
        let of = &of["application/x-ndjson"]["schema"]["contentSchema"]["$ref"];
        assert_eq!(of, &format!("#/components/schemas/{name}"));
        let lines = house.get(path).lines();
        assert!(!lines.is_empty(), "{path}");
        lines.iter().for_each(|line| fits(&described, name, line));
    }
    assert!(id.is_some());
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
