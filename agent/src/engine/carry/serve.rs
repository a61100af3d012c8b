//! A stick in the place of central: answers the calls of a synchronization within this process, by the gateway's pure half.
//! Never listens anywhere, never takes anything in, and never answers for another organisation.
//! Called by the session that synchronizes with a stick.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use logic::carry::{SPAN, StickPackage};
use logic::fault::{Code, Fault, Id, SiteCause, UtcMinute};
use logic::gateway::catalogue::{Checksums, ClassesRequest, DetailsRequest};
use logic::gateway::login::{self, GatewayClient};
use logic::gateway::query::QueryParams;
use logic::gateway::{self, AnswerSigner, GatewayAnswer, GatewayRoute, span};
use logic::identity::Enrolment;
use logic::places::{Caller, ConnectionLimits};
use logic::report::{ConnectionStats, Report, StickOrigin};
use logic::settings::Url;
use system::blocking::ended;
use system::clock;
use system::observed::BoxedStream;
use system::task::{spawn_blocking, spawn_local};
use tokio::task::JoinHandle;

use super::older_packages;
use super::source::StickSource;
use crate::connections::Connections;
use crate::server::{self, ConnectionOptions, ExactBody, ExactContent, Stall};
use uplink::InProcess;

/// Bytes that are on their way between the two halves of a connection.
const ON_THE_WAY: usize = 256 << 10;
/// Both ends are this process: what pauses does so on purpose.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);
const OPTIONS: ConnectionOptions = ConnectionOptions {
    head_timeout: NEVER,
    head_limit: None,
    stall: Stall::NotTaken(NEVER),
    title_case: false,
    is_busy: true,
};
/// As many as a session ever opens, and some.
const CONNECTIONS: ConnectionLimits = ConnectionLimits {
    most: 64,
    each: 64,
    denied: 0,
};
/// More files that are lacking are not named.
const NAMED: usize = 10;
/// Where it seems to be: a name that is nobody's (RFC 2606 2).
const URL: &str = "http://stick.invalid/";

/// Answers from a stick.
pub struct StickCentral {
    source: Rc<StickSource>,
    client: GatewayClient,
    voice: AnswerSigner,
}

impl StickCentral {
    /// For a box of this VM version; `secret` is only ever shown by this process to itself.
    pub fn new(source: Rc<StickSource>, version: String, secret: String) -> Rc<Self> {
        let key = "stick".to_owned();
        Rc::new(Self {
            source,
            client: GatewayClient { key, secret },
            voice: AnswerSigner { version },
        })
    }

    /// Whose data it has.
    pub fn organisation(&self) -> &str {
        &self.source.head().organisation
    }

    /// Where the data comes from, if it is taken now.
    pub fn origin(&self) -> StickOrigin {
        let found = self.source.found();
        StickOrigin {
            box_id: found.box_id.clone(),
            exported_at: found.at,
            complete_at: found.head.complete_at,
            imported_at: clock::now().wall,
        }
    }

    /// Notes in the account of a run what it was answered by, and what turned out to be missing there. What passed within this
    /// process is no link.
    pub fn account(&self, report: &mut Report) {
        report.connection = ConnectionStats::default();
        let found = self.source.found();
        let id = Id::from(&found.box_id);
        let at = UtcMinute::at(found.head.complete_at);
        let path = self.source.place().to_owned();
        let cause = SiteCause::Carried { path, id, at };
        report.note(&Fault::new(Code::CarryTaken, cause));
        let mut names = self.source.flaws();
        let path = self.source.place().to_owned();
        // It says nothing of central that a stick has no package, unless the box that exported was told so itself.
        if !names.is_empty() || found.head.lacking > 0 {
            report.retell(Code::PackageMissing, |count| {
                Fault::new(Code::CarryChanged, SiteCause::NotCarried { path, count })
            });
        }
        if !names.is_empty() {
            let missing = names.len() as u64;
            names.truncate(NAMED);
            let cause = SiteCause::CarriedUnwhole { missing, names };
            let trouble = Fault::new(Code::CarryChanged, cause);
            report.find(&trouble);
            report.rename(Code::CentralNotFound, &trouble);
        }
        if let Some(trouble) = older_packages(self.source.place(), self.older()) {
            report.find(&trouble);
        }
    }

    /// Deliveries whose package here is an older one.
    pub fn older(&self) -> &[String] {
        &self.source.head().older
    }

    /// Where it seems to be.
    pub fn url() -> Url {
        Url::parse(URL).expect("a URL of boxsync's own")
    }

    /// The credentials that it takes.
    pub fn enrolment(&self) -> Enrolment {
        Enrolment {
            key: self.client.key.clone(),
            secret: self.client.secret.clone(),
            token_url: format!("{URL}taoOauth/TokenApi/requestToken"),
            sync_user: None,
            enrolled_at: 0,
        }
    }

    /// What opens connections to it. Needs a `LocalSet`.
    pub fn connector(self: &Rc<Self>) -> InProcess {
        let central = self.clone();
        let connections = Connections::new(CONNECTIONS);
        InProcess(Rc::new(move || -> BoxedStream {
            let (near, far) = tokio::io::duplex(ON_THE_WAY);
            let here = Caller::at(IpAddr::V4(Ipv4Addr::LOCALHOST));
            if let Some(ticket) = connections.enter(here) {
                let central = central.clone();
                let answer = move |request| central.clone().answer(request);
                let forever = std::future::pending();
                drop(spawn_local(server::converse(
                    far, ticket, OPTIONS, forever, answer,
                )));
            }
            Box::new(near)
        }))
    }

    async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Response<ExactBody> {
        let (head, body) = request.into_parts();
        let place = GatewayRoute::of(head.uri.path());
        let query = head.uri.query().unwrap_or_default();
        let limit = usize::try_from(place.limit()).unwrap_or(usize::MAX);
        let Ok(body) = Limited::new(body, limit).collect().await else {
            return whole(GatewayAnswer::too_large());
        };
        let body = body.to_bytes();
        if place == GatewayRoute::Package {
            let range = head.headers.get(header::RANGE);
            return self.package(query, range.and_then(|range| range.to_str().ok()));
        }
        whole(self.reply(place, query, &body).unwrap_or_else(|trouble| {
            tracing::warn!(code = %trouble.code, "{trouble}");
            self.voice.later(404, &trouble.reason())
        }))
    }

    fn reply(&self, place: GatewayRoute, query: &str, body: &[u8]) -> Result<GatewayAnswer, Fault> {
        let (voice, head) = (&self.voice, self.source.head());
        let organisation = Some(&*head.organisation);
        match place {
            GatewayRoute::Token => Ok(login::token_request(
                query,
                body,
                &self.client,
                voice,
                || {
                    let ends = clock::system() + login::LIFETIME.as_secs() as i64;
                    (self.client.secret.clone(), ends)
                },
            )),
            GatewayRoute::Versions => Ok(gateway::versions(&head.versions)),
            GatewayRoute::Checksums => {
                match Checksums::read(query, organisation, &head.versions, voice) {
                    Ok(asked) => asked.answer(&*self.source, voice),
                    Err(refused) => Ok(refused),
                }
            }
            GatewayRoute::Details => match DetailsRequest::read(body, &head.versions, voice) {
                Ok(asked) => asked.answer(&*self.source, voice),
                Err(refused) => Ok(refused),
            },
            GatewayRoute::Classes => match ClassesRequest::read(body, voice) {
                Ok(asked) => asked.answer(&*self.source),
                Err(refused) => Ok(refused),
            },
            GatewayRoute::PublicKey => Ok(gateway::public_key(body, &head.encryption, voice)),
            // Nothing is told to a stick, and nothing goes home with it.
            _ => Ok(voice.generic(404)),
        }
    }

    fn package(&self, query: &str, range: Option<&str>) -> Response<ExactBody> {
        let query = QueryParams::read(query.as_bytes());
        let delivery = query.text("delivery-uri").map(str::trim);
        let Some(package) = delivery.and_then(|delivery| self.source.package(delivery)) else {
            return whole(self.voice.generic(404));
        };
        let size = package.size;
        let asked = range.map(|range| span::spans(range, size));
        let (status, wanted) = match asked.as_ref().map(|asked| asked.as_deref()) {
            None => (StatusCode::OK, 0..size),
            Some(Some([(first, last)])) => (StatusCode::PARTIAL_CONTENT, *first..last + 1),
            // As central does; the box asks for one span at a time.
            Some(_) => return whole(GatewayAnswer::json("")),
        };
        let mut told = Response::builder().status(status);
        if status == StatusCode::PARTIAL_CONTENT {
            let (first, last) = (wanted.start, wanted.end - 1);
            told = told.header(
                header::CONTENT_RANGE,
                format!("bytes {first}-{last}/{size}"),
            );
        }
        let content = ExactBody::new(SpanStream {
            source: self.source.clone(),
            package: package.clone(),
            wanted,
            opening: None,
            ready: Bytes::new(),
        });
        told.body(content).expect("fields of boxsync's own")
    }
}

fn whole(answer: GatewayAnswer) -> Response<ExactBody> {
    let mut told = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        told = told.header(*name, value);
    }
    let content = ExactBody::new(Bytes::from(answer.body));
    told.body(content).expect("fields of boxsync's own")
}

/// A part of a package, opened object by object on another thread.
struct SpanStream {
    source: Rc<StickSource>,
    package: StickPackage,
    /// What is still to be lent.
    wanted: Range<u64>,
    opening: Option<JoinHandle<Result<Option<Vec<u8>>, Fault>>>,
    ready: Bytes,
}

/// Bytes that are lent at once.
const PIECE: usize = 64 << 10;

impl SpanStream {
    /// The whole object that holds this part.
    fn poll_span(&mut self, at: u64, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        let (name, opener) = self.source.span(&self.package, at);
        if let Some(span) = self.source.opened(name) {
            // Another stream opened it meanwhile: what is opened here is not the next span.
            self.opening = None;
            return Poll::Ready(Ok(span));
        }
        let opening = self
            .opening
            .get_or_insert_with(|| spawn_blocking(move || opener.open()));
        let opened = ready!(Pin::new(opening).poll(cx));
        self.opening = None;
        let opened = opened
            .map_err(|error| ended(&error))
            .and_then(|opened| opened);
        Poll::Ready(match opened {
            Ok(Some(span)) => {
                let span = Bytes::from(span);
                self.source.keep(name, span.clone());
                Ok(span)
            }
            Ok(None) => Err(self.source.flaw(name)),
            Err(trouble) => Err(trouble),
        })
    }
}

impl ExactContent for SpanStream {
    fn left(&self) -> u64 {
        self.wanted.end - self.wanted.start
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        if self.ready.is_empty() {
            let at = self.wanted.start / SPAN;
            let span = ready!(self.poll_span(at, cx))?;
            let begin = (self.wanted.start - at * SPAN) as usize;
            let end = span.len().min((self.wanted.end - at * SPAN) as usize);
            self.ready = span.slice(begin..end);
        }
        let piece = self.ready.split_to(self.ready.len().min(PIECE));
        self.wanted.start += piece.len() as u64;
        Poll::Ready(Ok(piece))
    }
}

#[cfg(test)]
mod tests {
    use logic::carry::StickHead;
    use logic::site::{ObjectKind, SiteKey, SiteObject};
    use tokio::task::LocalSet;

    use super::*;
    use vault::carry::{FoundHead, StickFolder};

    /// Two answers of one package at once: what the other one opened meanwhile is not taken for the next span.
    #[tokio::test]
    async fn a_span_that_is_at_hand_meanwhile_is_not_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let key = SiteKey::new([1; 32]).of_organisation("1001");
        let folder = StickFolder::new(dir.path(), key);
        let package = StickPackage {
            delivery: "d".into(),
            size: SPAN + 2,
            tail: [7; 32],
        };
        let last = SiteObject {
            kind: ObjectKind::Span,
            box_id: "b".into(),
            generation: 0,
            at: 1,
            body: vec![2; 2],
        };
        let name = package.name(folder.key(), 1);
        folder.write(&[(name, last)]).unwrap();
        let found = FoundHead {
            number: 1,
            box_id: "b".into(),
            at: 1,
            head: StickHead::default(),
        };
        let source = Rc::new(StickSource::new(dir.path(), folder, found));
        let (first, _) = source.span(&package, 0);
        source.keep(first, Bytes::from_static(&[1]));
        let local = LocalSet::new();
        let lent = local.run_until(async {
            let mut stream = SpanStream {
                source: source.clone(),
                wanted: 0..package.size,
                package,
                // As it was asked for before the other one had it.
                opening: Some(spawn_blocking(|| Ok(Some(vec![1])))),
                ready: Bytes::new(),
            };
            let mut lent = Vec::new();
            for at in 0..2 {
                lent.push(std::future::poll_fn(|cx| stream.poll_span(at, cx)).await);
            }
            lent
        });
        let lent: Vec<Bytes> = lent.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(lent, [&[1][..], &[2; 2]]);
    }
}
