//! The one feed of a delivery engine: what the box tells, in which order, and what a follower gets that comes back.
//! Never lets a change be missed in silence: what cannot be told again is said to be lost, and the state follows.
//! Called by the route `events`; the watch that fills the log is the agent's.
//!
//! Two histories run beside each other. Changes of the catalogue have places of their own that outlive the daemon
//! (`feed`); everything else is in a log that lasts as long as somebody watches. The id of an event names a place in both.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use serde::Serialize;
use serde_json::json;

use crate::access::ApiRole;
use crate::exam::{ExecutionCount, termination};
use crate::feed::{FollowerRefusal, Position};

/// Events that a log keeps, at most.
pub const MAX_EVENTS: usize = 1024;
/// Their data together, bytes.
pub const MAX_EVENT_BYTES: usize = 256 << 10;

/// A place in both histories: what a follower has when it has this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// Drawn when the watch began.
    pub watch: u64,
    /// Number of the newest event of its log.
    pub number: u64,
    /// Behind which change of the catalogue; none for one that does not follow it.
    pub catalogue: Option<Position>,
}

/// As followers see it: a text to be given back as it is.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:016x}.{}", self.watch, self.number)?;
        match self.catalogue {
            Some(place) => write!(f, ".{place}"),
            None => Ok(()),
        }
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let (watch, number) = (parts.next().ok_or(())?, parts.next().ok_or(())?);
        let hex = watch.len() == 16 && watch.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        Ok(Self {
            watch: u64::from_str_radix(watch, 16).map_err(|_| ())?,
            number: number.parse().map_err(|_| ())?,
            catalogue: parts.next().map(str::parse).transpose()?,
        })
    }
}

/// One event, as it is told to everybody who may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxEvent {
    /// Its name.
    pub kind: &'static str,
    /// Who may know it; `None`: whoever may speak.
    pub role: Option<ApiRole>,
    /// JSON, on one line.
    pub data: Rc<str>,
}

/// What was told lately, beside the catalogue.
#[derive(Debug)]
pub struct EventLog {
    watch: u64,
    /// Number of the last event that is not kept any more.
    before: u64,
    kept: VecDeque<BoxEvent>,
    bytes: usize,
}

impl EventLog {
    /// An empty one of a watch that begins; `watch` is drawn.
    pub fn new(watch: u64) -> Self {
        Self {
            watch,
            before: 0,
            kept: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The number of the newest event.
    pub fn newest(&self) -> u64 {
        self.before + self.kept.len() as u64
    }

    /// The watch that it belongs to.
    pub fn watch(&self) -> u64 {
        self.watch
    }

    /// Adds an event; the oldest make room.
    pub fn push(&mut self, event: BoxEvent) {
        self.bytes += event.data.len();
        self.kept.push_back(event);
        while self.kept.len() > MAX_EVENTS || self.bytes > MAX_EVENT_BYTES {
            let Some(oldest) = self.kept.pop_front() else {
                return;
            };
            self.bytes -= oldest.data.len();
            self.before += 1;
        }
    }

    /// Whether everything behind this place is still kept.
    fn reaches(&self, watch: u64, number: u64) -> bool {
        watch == self.watch && (self.before..=self.newest()).contains(&number)
    }

    fn after(&self, number: u64) -> Option<&BoxEvent> {
        let place = number.checked_sub(self.before)?;
        self.kept.get(usize::try_from(place).ok()?)
    }
}

/// How the catalogue stands to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueWay {
    /// It cannot be read now, or this follower may not read it.
    Closed,
    /// What becomes of the follower's place (`feed::enter`), and where one goes on that reads all entities now.
    Open(Option<Result<(Position, bool), FollowerRefusal>>, Position),
}

impl CatalogueWay {
    fn end(self) -> Option<Position> {
        match self {
            Self::Open(_, end) => Some(end),
            Self::Closed => None,
        }
    }
}

/// What a follower is told next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextEvent {
    /// Changes that cannot be told any more: of the catalogue (all entities are to be read again) or of everything else
    /// (the state follows).
    Gone {
        /// Of the catalogue.
        entities: bool,
        /// Of everything else.
        events: bool,
    },
    /// How everything stands.
    State,
    /// One event of the log.
    Event(BoxEvent),
    /// Changes of the catalogue behind this place: `EventStream::passed` says how far they were told.
    Changes(Position),
    /// Nothing, until there is something new.
    Wait,
}

/// One follower.
#[derive(Debug)]
pub struct EventStream {
    /// What it has; none before the first state.
    at: Option<EventId>,
    /// The state has to be told.
    fresh: bool,
}

impl EventStream {
    /// One that begins, or comes back with the id of the last event it had. An id that nobody gave is one of a history
    /// that is lost.
    pub fn new(last: Option<&str>) -> Self {
        let unknown = EventId {
            watch: 0,
            number: 0,
            catalogue: None,
        };
        Self {
            at: last.map(|text| text.parse().unwrap_or(unknown)),
            fresh: last.is_none(),
        }
    }

    /// What it has, as the id of what it is told now. `Gone` is told without one: who hangs up before it read again what
    /// was lost is told so again.
    pub fn id(&self) -> Option<EventId> {
        self.at
    }

    /// Whether the state is told next.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Its place in the catalogue's history.
    pub fn place(&self) -> Option<Position> {
        self.at?.catalogue
    }

    /// What it is told next. `way` is asked only where the catalogue may have moved (`moved`), and where the follower
    /// begins anew.
    pub fn next(
        &mut self,
        log: &EventLog,
        moved: bool,
        way: impl FnOnce() -> CatalogueWay,
    ) -> NextEvent {
        if self.fresh {
            self.fresh = false;
            let place = self.place().or_else(|| way().end());
            self.at = Some(now(log, place));
            return NextEvent::State;
        }
        let Some(mut at) = self.at.filter(|at| log.reaches(at.watch, at.number)) else {
            return self.lost(log, way());
        };
        if let Some(event) = log.after(at.number) {
            at.number += 1;
            self.at = Some(at);
            return NextEvent::Event(event.clone());
        }
        if !moved {
            return NextEvent::Wait;
        }
        match way() {
            CatalogueWay::Closed => NextEvent::Wait,
            CatalogueWay::Open(Some(Ok((place, reads))), _) => {
                at.catalogue = Some(place);
                self.at = Some(at);
                match reads {
                    true => NextEvent::Changes(place),
                    false => NextEvent::Wait,
                }
            }
            CatalogueWay::Open(None | Some(Err(_)), end) => {
                at.catalogue = Some(end);
                self.at = Some(at);
                NextEvent::Gone {
                    entities: true,
                    events: false,
                }
            }
        }
    }

    /// The log does not reach back to what it has. Its place in the catalogue may be good all the same.
    fn lost(&mut self, log: &EventLog, way: CatalogueWay) -> NextEvent {
        self.fresh = true;
        let entities = match way {
            CatalogueWay::Closed => false,
            CatalogueWay::Open(entered, _) => !matches!(entered, Some(Ok(_))),
        };
        let place = self.place().filter(|_| !entities).or(way.end());
        self.at = Some(now(log, place));
        NextEvent::Gone {
            entities,
            events: true,
        }
    }

    /// It was told the changes of the catalogue to this place.
    pub fn passed(&mut self, place: Position) {
        if let Some(at) = &mut self.at {
            at.catalogue = Some(place);
        }
    }
}

fn now(log: &EventLog, catalogue: Option<Position>) -> EventId {
    EventId {
        watch: log.watch,
        number: log.newest(),
        catalogue,
    }
}

/// A delivery's package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageFact {
    /// `held`, `partial`, `damaged`, `unsupported` or `missing`.
    pub state: &'static str,
    /// Plain bytes; 0 while they are not known.
    pub bytes: u64,
    /// The identity of what is held.
    pub edition: Option<String>,
}

/// How the box stands, as far as the log tells it. Results are not in it: their number has no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoxFacts {
    /// Packages by delivery.
    pub packages: BTreeMap<String, PackageFact>,
    /// Signals that an exam runs, by name; each with the time since boot at which it ends, milliseconds.
    pub exams: BTreeMap<String, u64>,
    /// The executions that are to end, while somebody has asked for that.
    pub termination: Option<Vec<ExecutionCount>>,
    /// Deletions that are held back, by type.
    pub held_back: BTreeMap<String, u64>,
    /// The same of each organisation that was added to the first, by its id.
    pub held_back_of: BTreeMap<String, BTreeMap<String, u64>>,
    /// The verdict as JSON; none before the first look.
    pub verdict: Option<serde_json::Value>,
    /// How the box stands for each organisation, on a box of several.
    pub organisations: Option<serde_json::Value>,
}

/// What has become of a package.
fn becomes(before: Option<&PackageFact>, after: Option<&PackageFact>) -> &'static str {
    let edition = |fact: Option<&PackageFact>| fact.and_then(|fact| fact.edition.clone());
    match (edition(before), edition(after), after) {
        (_, _, None) => "withdrawn",
        (Some(old), Some(new), _) if old != new => "edition",
        (None, Some(_), _) => "held",
        (_, _, Some(fact)) if fact.state == "damaged" => "damaged",
        _ => "changed",
    }
}

/// What is to be told where the box stood so and stands so now; `now_ms` is the time since boot.
pub fn changes(before: &BoxFacts, after: &BoxFacts, now_ms: u64) -> Vec<BoxEvent> {
    let mut told = Vec::new();
    let mut tell = |kind, role, data: serde_json::Value| {
        told.push(BoxEvent {
            kind,
            role,
            data: crate::outside::json(&data).into(),
        });
    };
    for delivery in keys(&before.packages, &after.packages) {
        let (old, new) = (before.packages.get(delivery), after.packages.get(delivery));
        if old != new {
            let state = new.map_or("withdrawn", |fact| fact.state);
            tell(
                "package",
                Some(ApiRole::Read),
                json!({
                    "schema": 1, "delivery": delivery, "what": becomes(old, new), "state": state,
                    "bytes": new.map_or(0, |fact| fact.bytes), "edition": new.and_then(|fact| fact.edition.as_ref()),
                }),
            );
        }
    }
    for name in keys(&before.exams, &after.exams) {
        let (old, new) = (before.exams.get(name), after.exams.get(name));
        if old != new {
            let left = new.map(|until| until.saturating_sub(now_ms) / 1000);
            tell(
                "exam",
                None,
                json!({
                    "schema": 1, "name": name, "active": new.is_some(), "seconds_left": left,
                    "running": !after.exams.is_empty(),
                }),
            );
        }
    }
    if before.termination != after.termination {
        tell(
            "terminate",
            None,
            termination::told(after.termination.as_deref()),
        );
    }
    if before.held_back != after.held_back {
        let data = held_back(None, &after.held_back);
        tell("held-back", Some(ApiRole::Read), data);
    }
    for id in keys(&before.held_back_of, &after.held_back_of) {
        let none = BTreeMap::new();
        let old = before.held_back_of.get(id).unwrap_or(&none);
        let new = after.held_back_of.get(id).unwrap_or(&none);
        if old != new {
            tell("held-back", Some(ApiRole::Read), held_back(Some(id), new));
        }
    }
    let verdict = |facts: &BoxFacts| (facts.verdict.clone(), facts.organisations.clone());
    if verdict(before) != verdict(after) {
        let mut data = json!({ "schema": 1, "verdict": after.verdict });
        if let Some(each) = &after.organisations {
            data["organisations"] = each.clone();
        }
        tell("verdict", None, data);
    }
    told
}

/// What is held back of one organisation; none is named of the first.
fn held_back(organisation: Option<&str>, by_type: &BTreeMap<String, u64>) -> serde_json::Value {
    let all: u64 = by_type.values().sum();
    let mut told = json!({ "schema": 1, "held_back": all, "held_back_by_type": by_type });
    if let Some(id) = organisation {
        told["organisation_id"] = json!(id);
    }
    told
}

fn keys<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    gone.chain(after.keys())
}

/// How everything stands, for a follower that begins; `reads`: it may know packages and catalogue, which is at `place`.
pub fn state(
    facts: &BoxFacts,
    now_ms: u64,
    reads: bool,
    place: Option<Position>,
) -> serde_json::Value {
    let exam = |(name, until): (&String, &u64)| json!({ "name": name, "seconds_left": until.saturating_sub(now_ms) / 1000 });
    let exams: Vec<_> = facts.exams.iter().map(exam).collect();
    let mut told = json!({ "schema": 1, "exams": exams, "running": !exams.is_empty(), "verdict": facts.verdict });
    told["terminate"] = termination::told(facts.termination.as_deref());
    if let Some(each) = &facts.organisations {
        told["organisations"] = each.clone();
    }
    if reads {
        let packages = facts.packages.iter().map(|(delivery, fact)| {
            json!({ "delivery": delivery, "state": fact.state, "bytes": fact.bytes, "edition": fact.edition })
        });
        told["packages"] = packages.collect();
        told["held_back"] = json!(facts.held_back.values().sum::<u64>());
        told["held_back_by_type"] = json!(facts.held_back);
        if !facts.held_back_of.is_empty() {
            told["held_back_by_organisation"] = json!(facts.held_back_of);
        }
        told["cursor"] = json!(place.map(|place| place.to_string()));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(state: &'static str, edition: Option<&str>) -> PackageFact {
        PackageFact {
            state,
            bytes: 7,
            edition: edition.map(str::to_owned),
        }
    }

    #[test]
    fn what_becomes_of_a_package_has_a_word() {
        let (none, a, b) = (
            fact("partial", None),
            fact("held", Some("a")),
            fact("held", Some("b")),
        );
        let damaged = fact("damaged", None);
        let table = [
            (None, Some(&none), "changed"),
            (None, Some(&a), "held"),
            (Some(&none), Some(&a), "held"),
            (Some(&a), Some(&b), "edition"),
            (Some(&a), Some(&damaged), "damaged"),
            (Some(&none), Some(&damaged), "damaged"),
            (Some(&a), None, "withdrawn"),
            (Some(&none), None, "withdrawn"),
            (Some(&damaged), Some(&a), "held"),
        ];
        for (before, after, wanted) in table {
            assert_eq!(becomes(before, after), wanted, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_changed_is_told_and_nothing_else() {
        let mut before = BoxFacts::default();
        before.packages.insert("d1".into(), fact("held", Some("a")));
        before.packages.insert("d2".into(), fact("held", Some("b")));
        before.exams.insert("room 1".into(), 5_000);
        let mut after = before.clone();
        assert_eq!(changes(&before, &after, 0), []);
        after.packages.remove("d1");
        after.exams.insert("room 2".into(), 9_000);
        after.held_back.insert("test-taker".into(), 3);
        after.verdict = Some(json!({ "word": "READY" }));
        let told = changes(&before, &after, 4_000);
        let words: Vec<_> = told.iter().map(|event| (event.kind, event.role)).collect();
        let read = Some(ApiRole::Read);
        assert_eq!(
            words,
            [
                ("package", read),
                ("exam", None),
                ("held-back", read),
                ("verdict", None)
            ]
        );
        assert!(told[0].data.contains(r#""what":"withdrawn""#), "{told:?}");
        assert!(told[1].data.contains(r#""seconds_left":5"#), "{told:?}");
    }

    #[test]
    fn an_id_is_read_as_it_was_written_and_nothing_else_is() {
        let place = Position {
            epoch: 9,
            number: 36,
            tag: 0xabc,
        };
        for catalogue in [None, Some(place)] {
            let id = EventId {
                watch: 0xfeed,
                number: 12,
                catalogue,
            };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for odd in [
            "",
            "1",
            "000000000000feed",
            "000000000000feed.",
            "000000000000feed.x",
            "feed.1",
            "000000000000feed.1.2",
        ] {
            assert!(odd.parse::<EventId>().is_err(), "{odd}");
        }
    }

    #[test]
    fn the_log_is_bounded_in_events_and_in_bytes() {
        let event = |length: usize| BoxEvent {
            kind: "exam",
            role: None,
            data: "x".repeat(length).into(),
        };
        let mut log = EventLog::new(7);
        for _ in 0..MAX_EVENTS + 5 {
            log.push(event(1));
        }
        assert_eq!(
            (log.newest(), log.reaches(7, 4), log.reaches(7, 5)),
            (MAX_EVENTS as u64 + 5, false, true)
        );
        assert!(!log.reaches(8, 5) && !log.reaches(7, log.newest() + 1));
        log.push(event(MAX_EVENT_BYTES));
        assert!(log.reaches(7, log.newest() - 1) && !log.reaches(7, log.newest() - 2));
        log.push(event(MAX_EVENT_BYTES + 1));
        assert!(log.reaches(7, log.newest()) && !log.reaches(7, log.newest() - 1));
    }
}
