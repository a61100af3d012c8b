//! What each place answers: who asks is proved first, then the content is read, then the vault is asked.
//! Never reads a request's content for somebody without credentials, token and handshake apart.
//! Called by the gateway for every request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, header};
use logic::entity::{Entity, EntityType, uri};
use logic::fault::Fault;
use logic::gateway::catalogue::{Checksums, ClassesRequest, DetailsRequest};
use logic::gateway::confirm::{Confirmation, received};
use logic::gateway::login::{self, ShownCredentials};
use logic::gateway::owed::{Batch, ItemKind, OfferOutcome};
use logic::gateway::query::QueryParams;
use logic::gateway::setup::TaoRequest;
use logic::gateway::{GatewayAnswer, GatewayRoute, accepts, diagnostic};
use logic::identity::Enrolment;
use logic::places::Caller;
use system::task::spawn_blocking;

use super::content::{self, Unread};
use super::run::{Asker, NotShown};
use super::{Gateway, response};
use crate::connections::{Busy, ConnectionTicket, KeptContent};
use crate::server::ExactBody;
use system::clock;
use vault::Vault;
use vault::package::Content;
use vault::random;

/// A request whose right to ask is proved.
struct GatewaySession {
    /// That of the sync manager, when a login was shown (protocol 5.1).
    organisation: Option<String>,
}

impl Gateway {
    pub(super) async fn answer(
        self: Arc<Self>,
        at: SocketAddr,
        ticket: ConnectionTicket,
        request: Request<Incoming>,
    ) -> Response<KeptContent<ExactBody, Option<Busy>>> {
        let (head, body) = request.into_parts();
        let place = GatewayRoute::of(head.uri.path());
        let caller = ticket.caller();
        let session = match self.admit(place, &head, caller) {
            Ok(session) => session,
            Err(refused) => {
                content::discard(body, place.limit()).await;
                return response::plain(refused).map(|out| KeptContent::new(out, None));
            }
        };
        // Who has shown a right to ask makes room for nobody until the answer is sent; who has not, may have to.
        let busy = (!place.is_open()).then(|| ticket.busy());
        let response = self.respond(at, caller, place, session, &head, body).await;
        response.map(|out| KeptContent::new(out, busy))
    }

    async fn respond(
        self: Arc<Self>,
        at: SocketAddr,
        caller: Caller,
        place: GatewayRoute,
        session: GatewaySession,
        head: &Parts,
        body: Incoming,
    ) -> Response<ExactBody> {
        let field = |name| field(head, name);
        let query = head.uri.query().unwrap_or_default().to_owned();
        let range = field(header::RANGE).map(str::to_owned);
        // Held until the work is done, even when the client hangs up.
        let turn = if place.is_intake() {
            self.intakes.clone().acquire_owned().await.ok()
        } else {
            None
        };
        let body = match content::read(body, place.limit(), place.is_open()).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => {
                return response::plain(GatewayAnswer::too_large().with("connection", "close"));
            }
            Err(Unread::Gone) => {
                return response::plain(
                    self.voice
                        .later(408, "The request did not come whole")
                        .with("connection", "close"),
                );
            }
        };
        match place {
            // The client's speed check puts a content on its GET: it has been read by now.
            GatewayRoute::Package => return self.package(query, range).await,
            GatewayRoute::Bandwidth(size) => {
                return response::bandwidth(size, field(header::IF_NONE_MATCH), range.as_deref());
            }
            _ => {}
        }
        let body = match place {
            GatewayRoute::PublicKey if head.method != Method::POST => Bytes::new(),
            _ => body,
        };
        let token_url = token_url(field(header::HOST), at);
        let kind = field(header::CONTENT_TYPE).map(str::to_owned);
        let work = move || {
            let _turn = turn;
            match place {
                GatewayRoute::Upload => diagnostic::upload(kind.as_deref(), &body),
                _ => self.reply(place, &query, &body, &session, &token_url, caller),
            }
        };
        // The store blocks; the daemon's loop goes on meanwhile.
        match spawn_blocking(work).await {
            Ok(answer) => response::plain(answer),
            Err(_) => response::plain(GatewayAnswer::type_error()),
        }
    }

    /// Whether a request is to be answered at all: credentials first, then what it accepts, then its method.
    fn admit(
        &self,
        place: GatewayRoute,
        head: &Parts,
        caller: Caller,
    ) -> Result<GatewaySession, GatewayAnswer> {
        let session = if place.is_open() {
            GatewaySession { organisation: None }
        } else {
            self.session(field(head, header::AUTHORIZATION), caller)?
        };
        let takes_all = matches!(
            place,
            GatewayRoute::Token | GatewayRoute::Upload | GatewayRoute::Bandwidth(_)
        );
        if !takes_all && !accepts(field(head, header::ACCEPT)) {
            return Err(self.voice.not_acceptable(place));
        }
        self.voice.verb(place, head.method.as_str())?;
        Ok(session)
    }

    fn reply(
        &self,
        place: GatewayRoute,
        query: &str,
        body: &Bytes,
        session: &GatewaySession,
        token_url: &str,
        caller: Caller,
    ) -> GatewayAnswer {
        let voice = &self.voice;
        let answered = match place {
            GatewayRoute::Token => Ok(login::token_request(
                query,
                body,
                &self.client,
                voice,
                || self.grant(),
            )),
            GatewayRoute::HandShake => self.handshake(body, token_url, caller),
            GatewayRoute::Versions => self
                .versions()
                .map(|known| logic::gateway::versions(&known)),
            GatewayRoute::Checksums => self.checksums(query, session),
            GatewayRoute::Details => self.details(body, session),
            GatewayRoute::Classes => self.classes(body),
            GatewayRoute::Results => self.take(ItemKind::Results, body),
            GatewayRoute::Logs => self.take(ItemKind::Logs, body),
            GatewayRoute::Sessions => self.take(ItemKind::Sessions, body),
            GatewayRoute::LtiUsers if !self.setup.lti_users => Ok(voice.generic(500)),
            GatewayRoute::LtiUsers => self.take(ItemKind::LtiUsers, body),
            GatewayRoute::Finished => self.confirm(true, body),
            GatewayRoute::Failed => self.confirm(false, body),
            GatewayRoute::PublicKey => {
                self.seen.see(TaoRequest::PublicKey);
                let standing = vault::encryption::standing(&self.vault);
                Ok(logic::gateway::public_key(body, &standing, voice))
            }
            // Answered before the content was read.
            GatewayRoute::Package
            | GatewayRoute::Upload
            | GatewayRoute::Bandwidth(_)
            | GatewayRoute::NoFile
            | GatewayRoute::NoAction
            | GatewayRoute::NoController
            | GatewayRoute::Nowhere => Ok(voice.generic(404)),
        };
        answered.unwrap_or_else(|hidden| self.hidden(hidden))
    }

    fn hidden(&self, hidden: NotShown) -> GatewayAnswer {
        match hidden {
            NotShown::Told(told) => self.voice.later(503, &told),
            NotShown::Broken(trouble) => {
                tracing::error!(code = %trouble.code, "{}", trouble.reason());
                let told = format!(
                    "boxsync cannot read its own data [{}]. Nothing was changed: see `boxsync doctor` on the box.",
                    trouble.code
                );
                self.voice.later(503, &told)
            }
        }
    }

    fn session(
        &self,
        authorization: Option<&str>,
        caller: Caller,
    ) -> Result<GatewaySession, GatewayAnswer> {
        match login::shown(authorization) {
            Some(ShownCredentials::Token(token))
                if lock(&self.tokens).hold(&token, clock::now().mono) =>
            {
                Ok(GatewaySession { organisation: None })
            }
            Some(ShownCredentials::Login(name, password)) => {
                let user = self
                    .manager(&name, &password, caller)?
                    .filter(login::is_manager)
                    .ok_or_else(|| self.voice.unauthorized())?;
                let organisation = user.properties.first(uri::ORGANISATION).map(str::to_owned);
                Ok(GatewaySession { organisation })
            }
            _ => Err(self.voice.unauthorized()),
        }
    }

    /// The sync managers that enrolment brought, one an organisation.
    fn managers(&self) -> Result<Vec<Entity>, Fault> {
        let enrolment = |home: &Vault| home.home_entry("credentials").get::<Enrolment>();
        // What is wrong with one that was added is no trouble of the first.
        let added = self.vault.added_organisations().unwrap_or_default();
        let added = added.iter().filter_map(|added| {
            let home = self.vault.of_organisation(&added.id);
            enrolment(&home).ok().flatten()
        });
        let all = enrolment(&self.vault)?.into_iter().chain(added);
        Ok(all.filter_map(|enrolment| enrolment.sync_user).collect())
    }

    /// The sync manager of this login, if it and the password are his. Wrong ones slow down the caller that shows
    /// them, with this login, and nobody else.
    fn manager(
        &self,
        name: &str,
        password: &str,
        caller: Caller,
    ) -> Result<Option<Entity>, GatewayAnswer> {
        let now = clock::now().mono;
        let managers = self.managers();
        let managers = managers.map_err(|trouble| self.hidden(NotShown::Broken(trouble)))?;
        let mut managers = managers.into_iter();
        let user = managers.find(|user| login::is_login(user, name));
        let is_his = user
            .as_ref()
            .is_some_and(|user| login::is_login(user, name));
        let asked = login::Try::new(caller, name, is_his);
        if let Err(wait) = lock(&self.guesses).allow(asked, now) {
            let told = "Too many wrong passwords: wait a minute";
            let seconds = wait.as_secs() + 1;
            return Err(self
                .voice
                .later(429, told)
                .with("retry-after", seconds.to_string()));
        }
        let user = user.filter(|user| login::knows(user, name, password));
        if user.is_none() {
            lock(&self.guesses).wrong(asked, now);
        }
        Ok(user)
    }

    fn handshake(
        &self,
        body: &[u8],
        token_url: &str,
        caller: Caller,
    ) -> Result<GatewayAnswer, NotShown> {
        let (name, password) = match login::handshake(body, &self.voice) {
            Ok(shown) => shown,
            Err(refused) => return Ok(refused),
        };
        Ok(match self.manager(&name, &password, caller) {
            Ok(Some(user)) => login::accepted(&user, &self.client, token_url, &self.voice),
            Ok(None) => login::refused(&self.voice),
            Err(refused) => refused,
        })
    }

    /// A new token and the Unix second in which it ends, by the clock that the client on this box reads too.
    fn grant(&self) -> (String, i64) {
        let token = login::token(random());
        lock(&self.tokens).keep(token.clone(), clock::now().mono);
        (token, clock::system() + login::LIFETIME.as_secs() as i64)
    }

    fn versions(&self) -> Result<Vec<String>, NotShown> {
        Ok(crate::engine::versions::known(
            &self.vault,
            &self.setup.version,
        )?)
    }

    fn checksums(&self, query: &str, session: &GatewaySession) -> Result<GatewayAnswer, NotShown> {
        let organisation = session.organisation.as_deref();
        let asked = match Checksums::read(query, organisation, &self.versions()?, &self.voice) {
            Ok(asked) => asked,
            Err(refused) => return Ok(refused),
        };
        if let Some(run) = asked.run().filter(|_| asked.is_first()) {
            self.seen.see(TaoRequest::Begin(run));
        }
        let asker = Asker::of(asked.run());
        let of = Some(asked.organisation());
        let held = self
            .runs
            .hold(&asker, of, asked.is_first(), clock::sure())?;
        Ok(asked.answer(&*held, &self.voice)?)
    }

    fn details(&self, body: &[u8], session: &GatewaySession) -> Result<GatewayAnswer, NotShown> {
        let asked = match DetailsRequest::read(body, &self.versions()?, &self.voice) {
            Ok(asked) => asked,
            Err(refused) => return Ok(refused),
        };
        // As for a list: what the parameters name, else that of the login.
        let of = asked.organisation().or(session.organisation.as_deref());
        let asker = Asker::of(asked.run());
        let held = self.runs.hold(&asker, of, false, clock::sure())?;
        Ok(asked.answer(&*held, &self.voice)?)
    }

    fn classes(&self, body: &[u8]) -> Result<GatewayAnswer, NotShown> {
        let asked = match ClassesRequest::read(body, &self.voice) {
            Ok(asked) => asked,
            Err(refused) => return Ok(refused),
        };
        let held = self.runs.hold(&Asker::Beside, None, false, clock::sure())?;
        Ok(asked.answer(&*held)?)
    }

    fn take(&self, kind: ItemKind, body: &[u8]) -> Result<GatewayAnswer, NotShown> {
        let batch = match Batch::read(kind, body, &self.versions()?, &self.voice) {
            Ok(batch) => batch,
            Err(refused) => return Ok(refused),
        };
        let Some(intake) = &self.intake else {
            let told = "boxsync takes no results on this box: they stay where they are";
            return Ok(self.voice.later(503, told));
        };
        let result = batch.offers.first().filter(|_| kind == ItemKind::Results);
        let shown = result.and_then(|offer| TaoRequest::of_result(offer.content.as_bytes()));
        if let Some(shown) = shown {
            self.seen.see(shown);
        }
        let taken = intake.take(&batch.offers);
        for (offer, taken) in batch.offers.iter().zip(&taken) {
            if let OfferOutcome::Refused(trouble) | OfferOutcome::Failed(trouble) = taken {
                tracing::warn!(
                    code = %trouble.code,
                    entity = offer.id,
                    "not taken from the TAO on this box: {}",
                    trouble.reason()
                );
            }
        }
        Ok(batch.answer(&taken, &self.voice))
    }

    fn confirm(&self, finished: bool, body: &[u8]) -> Result<GatewayAnswer, NotShown> {
        match Confirmation::read(finished, body, clock::now().wall, &self.voice) {
            Ok(confirmation) => {
                self.runs.end(confirmation.run.as_ref());
                crate::engine::clients::confirm(&self.vault, confirmation)?;
                Ok(received())
            }
            Err(refused) => Ok(refused),
        }
    }

    async fn package(self: Arc<Self>, query: String, range: Option<String>) -> Response<ExactBody> {
        let gateway = self.clone();
        let found = spawn_blocking(move || {
            let query = QueryParams::read(query.as_bytes());
            match query.text("delivery-uri").map(str::trim) {
                Some(delivery) => gateway.find(delivery),
                None => Ok(Err(gateway.voice.generic(500))),
            }
        });
        let content = match found.await {
            Ok(Ok(Ok(content))) => content,
            Ok(Ok(Err(refused))) => return response::plain(refused),
            Ok(Err(hidden)) => return response::plain(self.hidden(hidden)),
            Err(_) => return response::plain(GatewayAnswer::type_error()),
        };
        response::package(content, range.as_deref())
    }

    /// The package of a delivery: its content, or why there is none.
    fn find(&self, delivery: &str) -> Result<Result<Content, GatewayAnswer>, NotShown> {
        let held = self.runs.hold(&Asker::Beside, None, false, clock::sure())?;
        if !held.has(EntityType::Delivery, delivery) && !self.runs.shows(delivery)? {
            return Ok(Err(self.voice.generic(404)));
        }
        match self.packages.open_held(delivery)? {
            Some(content) => Ok(Ok(content)),
            None => {
                let told = "The test package of this delivery is not on the box yet: synchronize again later";
                Ok(Err(self.voice.later(503, told)))
            }
        }
    }
}

fn field(head: &Parts, name: HeaderName) -> Option<&str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// Where tokens are asked for, as the one who asks reached this box; else the listener's own address.
fn token_url(host: Option<&str>, at: SocketAddr) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let host = host
        .filter(|host| !host.is_empty() && host.bytes().all(plain))
        .map_or_else(|| at.to_string(), str::to_owned);
    format!("http://{host}/taoOauth/TokenApi/requestToken")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is changed in single steps: a panic of a holder leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_url_is_on_the_host_that_was_asked() {
        let at: SocketAddr = "127.0.0.1:7380".parse().unwrap();
        let url = |host| token_url(host, at);
        let path = "/taoOauth/TokenApi/requestToken";
        assert_eq!(url(Some("box:80")), format!("http://box:80{path}"));
        for odd in [None, Some(""), Some("a/b"), Some("a b"), Some("a@b")] {
            assert_eq!(url(odd), format!("http://127.0.0.1:7380{path}"));
        }
    }
}
