//! The door for siblings: lets in who proves a key of the site, and hands each request that is allowed to who answers it.
//! Never keeps a connection that proves nothing for longer than 5 s, and never more of them than it bears.
//! Called by the daemon.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::{Request, Response, StatusCode};
use logic::places::ConnectionLimits;
use logic::site::link::LinkKey;
use logic::site::talk::{Greeting, SiteRequest};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::SiteMember;
use super::proof::accept;
use super::stream::GivenRate;
use crate::connections::{ConnectionTicket, Connections};
use crate::server::{self, ConnectionOptions, Stall};

/// Connections at once, those that have proven nothing yet among them; who asks nothing makes room.
const CONNECTION_LIMITS: ConnectionLimits = ConnectionLimits {
    most: 96,
    each: 24,
    denied: 0,
};
/// How siblings are spoken with. A rate that many share makes each of them wait.
const OPTIONS: ConnectionOptions = ConnectionOptions {
    head_timeout: Duration::from_secs(120),
    head_limit: Some(16 << 10),
    stall: Stall::NotTaken(Duration::from_secs(60)),
    title_case: false,
    is_busy: true,
};

/// A request that its sender may make.
pub struct SiteAsking {
    /// What it is for.
    pub what: SiteRequest,
    /// The key that both have proven.
    pub key: LinkKey,
    /// Who asks.
    pub sibling: Greeting,
    /// Method, path, fields and content.
    pub request: Request<Incoming>,
}

/// What it is answered.
pub type SiteAnswer = Response<Pin<Box<dyn Body<Data = Bytes, Error = io::Error>>>>;

/// Who answers.
pub type SiteHandler = Rc<dyn Fn(SiteAsking) -> Pin<Box<dyn Future<Output = SiteAnswer>>>>;

/// An answer that is whole.
pub fn whole(status: StatusCode, content: impl Into<Bytes>) -> SiteAnswer {
    let content = Full::new(content.into()).map_err(|never| match never {});
    let mut answer: SiteAnswer = Response::new(Box::pin(content));
    *answer.status_mut() = status;
    answer
}

/// Who says what the box is among those of its site, now: none where it has no key.
pub type SiteKeys = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Rc<SiteMember>>>>>>;

/// Who is let in as what, and who answers.
#[derive(Clone)]
pub struct SiteDoor {
    /// The box as a member of its site.
    pub member: SiteKeys,
    /// Who answers.
    pub handler: SiteHandler,
}

impl SiteDoor {
    /// Answers siblings until it is dropped; `most`: bytes a second that they are given, all together, 0 for no limit.
    pub async fn serve(self, listener: TcpListener, most: u64) {
        let rate = GivenRate::new(most);
        let (_open, closed) = watch::channel(());
        let begin = |stream, ticket| {
            let (door, rate, mut closed) = (self.clone(), rate.clone(), closed.clone());
            system::task::spawn_local(async move {
                tokio::select! {
                    () = door.speak(stream, ticket, rate) => {}
                    _ = closed.changed() => {}
                }
            });
        };
        server::receive(listener, Connections::new(CONNECTION_LIMITS), begin).await;
    }

    async fn speak(self, stream: TcpStream, ticket: ConnectionTicket, rate: GivenRate) {
        let Some(member) = (self.member)().await else {
            return;
        };
        let proven = tokio::select! {
            proven = accept(Box::new(stream), &member, rate) => proven,
            () = ticket.evicted() => return,
        };
        // Who proves nothing is told nothing, and not worth a line in the journal: anybody could fill it.
        let Ok(Some(link)) = proven else { return };
        let (key, sibling, handler) = (link.key, link.sibling, self.handler);
        let answer = move |request: Request<Incoming>| {
            let (handler, sibling, key) = (handler.clone(), sibling.clone(), key.clone());
            async move {
                match SiteRequest::of(request.uri().path()) {
                    None => whole(StatusCode::NOT_FOUND, Bytes::new()),
                    Some(what) if !what.is_allowed(key.trust) => {
                        whole(StatusCode::FORBIDDEN, Bytes::new())
                    }
                    Some(what) => {
                        handler(SiteAsking {
                            what,
                            key,
                            sibling,
                            request,
                        })
                        .await
                    }
                }
            }
        };
        server::converse(link.stream, ticket, OPTIONS, pending(), answer).await;
    }
}
