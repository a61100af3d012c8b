//! The one feed of a delivery engine, as server-sent events (WHATWG HTML 9.2): the state, then whatever changes.
//! Never lets a follower miss a change in silence (`logic::events`), and never renders for each what it can for all.
//! Called by the route `events`.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use logic::access::{ApiRole, ApiRoles};
use logic::events::{CatalogueWay, EventId, EventStream, NextEvent, state};
use logic::fault::{ApiCause, Code, Fault, Finding};
use logic::feed::{FeedRequest, Position};
use logic::outside;
use serde_json::json;
use tokio::sync::mpsc;

use super::body::ResponseBody;
use super::content::settled;
use super::query::Query;
use super::snapshot::{EventPage, Followed};
use super::state::SharedState;
use super::wire::with_type;
use super::{feed, watch};
use system::clock;

/// What the route takes.
pub(super) const PARAMETERS: [&str; 2] = ["include", "organisation"];
/// A follower to whom nothing is told hears so often that the daemon is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pieces that wait for a follower; it is not told more before it takes some.
const PIECES: usize = 4;
/// Changes of the catalogue that are rendered together: so many, or so many bytes.
const TOGETHER: usize = 256;
const GATHER: usize = 32 << 10;

/// What was told.
enum FollowerTurn {
    /// One thing; more may follow.
    Told,
    Nothing,
    /// The watch has not had its first look.
    NotYet,
    /// Nobody listens any more.
    Over,
}

/// What is told to one follower.
struct EventFollower {
    shared: SharedState,
    roles: ApiRoles,
    contents: bool,
    following: EventStream,
    send: mpsc::Sender<Bytes>,
}

/// Events until one side hangs up.
pub(super) fn answer(
    shared: &SharedState,
    roles: ApiRoles,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response<ResponseBody>, Fault> {
    let contents = match query.text("include") {
        None => false,
        Some("entity") => true,
        Some(_) => return Err(feed::not_included()),
    };
    let last = headers.get("last-event-id");
    // What is no text was given by nobody.
    let last = last.map(|id| id.to_str().unwrap_or_default());
    let (send, receive) = mpsc::channel(PIECES);
    let follower = EventFollower {
        shared: shared.clone(),
        roles,
        contents,
        following: EventStream::new(last),
        send,
    };
    system::task::spawn_local(follower.follow());
    let body = ResponseBody::Events(receive);
    Ok(with_type(StatusCode::OK, "text/event-stream", body))
}

impl EventFollower {
    async fn follow(mut self) {
        let shared = self.shared.clone();
        let _attendance = watch::attend(&shared);
        let reads = self.roles.has(ApiRole::Read);
        let _watch = reads.then(|| shared.watch());
        // The publication whose changes were told last.
        let mut told = None;
        loop {
            // Heard from here on: what is told between the two looks is not missed.
            let mut news = std::pin::pin!(shared.events().news.notified());
            let mut published = std::pin::pin!(shared.library().published());
            news.as_mut().enable();
            published.as_mut().enable();
            let publication = shared.library().publications();
            match self.tell(reads, told != Some(publication)).await {
                FollowerTurn::Told => continue,
                FollowerTurn::Nothing => told = Some(publication),
                FollowerTurn::NotYet => {}
                FollowerTurn::Over => return,
            }
            let mut heartbeat = tokio::time::interval(HEARTBEAT);
            heartbeat.tick().await;
            loop {
                tokio::select! {
                    () = &mut news => break,
                    () = &mut published, if reads => break,
                    () = self.send.closed() => return,
                    _ = heartbeat.tick() => {
                        if self.send.send(Bytes::from_static(b":\n\n")).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Tells the next thing, if there is one.
    async fn tell(&mut self, reads: bool, moved: bool) -> FollowerTurn {
        if self.following.is_fresh() && reads {
            // Catalogue and feed of one moment: what is between them has no place to go on from.
            let _ = settled(&self.shared).await;
        }
        let place = self.following.place();
        let (shared, following) = (&self.shared, &mut self.following);
        let mut held = None;
        let way = || {
            let followed = reads.then(|| Followed::now(shared).ok()).flatten();
            let Some((end, followed)) = followed.and_then(|held| Some((held.end()?, held))) else {
                return CatalogueWay::Closed;
            };
            let entered = place.map(|place| followed.enter(FeedRequest::Cursor(place)));
            held = Some(followed);
            CatalogueWay::Open(entered, end)
        };
        // Before the first look there is nothing to tell.
        let Some(next) = shared
            .events()
            .with(|watched| following.next(&watched.log, moved, way))
        else {
            return FollowerTurn::NotYet;
        };
        let piece = match next {
            NextEvent::Wait => return FollowerTurn::Nothing,
            NextEvent::Gone { entities, events } => Some(gone(entities, events, following.place())),
            NextEvent::State => self.state(reads),
            NextEvent::Event(event) if event.role.is_some_and(|role| !self.roles.has(role)) => {
                return FollowerTurn::Told;
            }
            NextEvent::Event(event) => Some(rendered(following.id(), event.kind, &event.data)),
            NextEvent::Changes(from) => held.as_ref().map(|held| self.changes(held, from)),
        };
        let Some(piece) = piece else {
            return FollowerTurn::Over;
        };
        match self.send.send(piece).await {
            Ok(()) => FollowerTurn::Told,
            Err(_) => FollowerTurn::Over,
        }
    }

    fn state(&self, reads: bool) -> Option<Bytes> {
        let now = clock::now().mono.as_millis() as u64;
        let place = self.following.place();
        let told = self
            .shared
            .events()
            .with(|watched| state(&watched.facts, now, reads, place))?;
        Some(rendered(
            self.following.id(),
            "state",
            &outside::json(&told),
        ))
    }

    /// Changes of the catalogue behind a place. Followers who keep up ask for the same: it is made once.
    fn changes(&mut self, held: &Followed, from: Position) -> Bytes {
        let page = EventPage {
            from,
            id: self.following.id().map(|id| (id.watch, id.number)),
            contents: self.contents,
            secrets: self.roles.has(ApiRole::Secrets),
        };
        let (bytes, behind) = held.shelf.event_page(page, || self.render(held, from));
        self.following.passed(behind);
        bytes
    }

    fn render(&self, held: &Followed, from: Position) -> (Bytes, Position) {
        let (mut text, mut behind) = (String::new(), from);
        let contents = self.contents.then_some(&*held.shelf);
        for (place, change) in held.changes(from.number).take(TOGETHER) {
            let Ok(mut told) = feed::told(place, &change, contents, self.roles) else {
                break;
            };
            told["schema"] = json!(1);
            told["cursor"] = json!(place.to_string());
            let id = self.following.id().map(|id| EventId {
                catalogue: Some(place),
                ..id
            });
            text.push_str(&event_text(id, "entity", &outside::json(&told)));
            behind = place;
            if text.len() >= GATHER {
                break;
            }
        }
        match (text.is_empty(), held.end()) {
            // A change that cannot be read is passed by nobody: the entities are to be read again.
            (true, Some(end)) => (gone(true, false, Some(end)), end),
            _ => (text.into(), behind),
        }
    }
}

/// Says that something cannot be told any more, and what to do. It has no id: who hangs up before it did that is told
/// again.
fn gone(entities: bool, events: bool, place: Option<Position>) -> Bytes {
    let lost = [(entities, "entities"), (events, "events")];
    let lost = lost.into_iter().filter_map(|(is, word)| is.then_some(word));
    let cause = match entities {
        true => ApiCause::ChangesGone,
        false => ApiCause::EventsGone,
    };
    let mut told = json!(Finding::new(Code::FeedGone, cause));
    told["schema"] = json!(1);
    told["lost"] = json!(lost.collect::<Vec<_>>());
    told["cursor"] = json!(place.map(|place| place.to_string()));
    rendered(None, "gone", &outside::json(&told))
}

fn rendered(id: Option<EventId>, kind: &str, data: &str) -> Bytes {
    event_text(id, kind, data).into()
}

fn event_text(id: Option<EventId>, kind: &str, data: &str) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {kind}\ndata: {data}\n\n")
}
