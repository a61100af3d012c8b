//! Holds the one token of this box: fetched once for all who need it, renewed in time, replaced once when refused.
//! Never writes it anywhere, and never sends the secret where the operator did not allow it.
//! Called by `Uplink` before and after calls that carry a token.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hyper::header::HeaderValue;
use logic::api::stranger::stranger;
use logic::api::{Method, Reply, answer, surely_unsent, without_token};
use logic::fault::{AnswerCause, Area, Code, Expected, Fault, Id};
use logic::grant::{Grant, TokenWatch, life};
use logic::retry;
use logic::words::{FaultClass, Outcome};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AccessToken, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RefreshToken, Scope,
    StandardRevocableToken, TokenResponse, TokenUrl,
};
use tokio::sync::Mutex;

use super::secret::Secret;
use super::tls::boottime;
use super::{PreparedRequest, UplinkState};
use logic::settings::Url;

/// Where the token is asked for below central's root (protocol 1.1).
const ROUTE: &str = "taoOauth/TokenApi/requestToken";
/// A token answer has 114 bytes.
const LIMIT: usize = 64 << 10;

/// The OAuth client of this box at central (protocol 1.4).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// OAuth client id.
    pub key: String,
    /// OAuth client secret.
    pub secret: Secret,
    /// Where central says that tokens are asked for; central's root serves as well.
    pub token_url: String,
}

/// A token and its number.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    /// The value of `Authorization`.
    pub(super) value: HeaderValue,
    pub(super) serial: u64,
    grant: Grant,
}

/// The one who holds the token.
pub(super) struct Holder {
    credentials: Option<Credentials>,
    elsewhere: bool,
    held: Mutex<Option<Bearer>>,
    /// Token requests that came to an end.
    attempts: Cell<u64>,
    failure: RefCell<Option<Fault>>,
    watch: RefCell<TokenWatch>,
}

impl Holder {
    /// `elsewhere`: the secret may be sent to another place than central's root.
    pub(super) fn new(credentials: Option<Credentials>, elsewhere: bool) -> Self {
        Self {
            credentials,
            elsewhere,
            held: Mutex::new(None),
            attempts: Cell::new(0),
            failure: RefCell::new(None),
            watch: RefCell::default(),
        }
    }

    /// A token that is not the `refused` one. All who wait here while one is fetched share what came of it.
    pub(super) async fn bearer(
        &self,
        inner: &Rc<UplinkState>,
        refused: Option<u64>,
    ) -> Result<Bearer, Fault> {
        let Some(credentials) = &self.credentials else {
            return Err(Fault::new(Code::AuthNotEnrolled, AnswerCause::NotEnrolled));
        };
        let before = self.attempts.get();
        let mut held = self.held.lock().await;
        if let Some(serial) = refused {
            self.bury(&mut held, serial);
        }
        let shared = self.attempts.get() != before;
        if let Some(trouble) = self.failure.borrow().clone().filter(|_| shared) {
            return Err(trouble);
        }
        if let Some(bearer) = held
            .as_ref()
            .filter(|bearer| shared || bearer.grant.fresh(boottime()))
        {
            return Ok(bearer.clone());
        }
        if refused.is_some() {
            self.rest().await;
        }
        let fetched = self.fetch(inner, credentials).await;
        self.attempts.set(self.attempts.get() + 1);
        *self.failure.borrow_mut() = fetched.as_ref().err().cloned();
        let bearer = fetched?;
        *held = Some(bearer.clone());
        Ok(bearer)
    }

    /// Central answered a call with a status other than 401: a success says that it took the token.
    pub(super) fn met(&self, status: u16) {
        if (200..300).contains(&status) {
            self.watch.borrow_mut().accepted(boottime());
        }
    }

    /// Central refused the token that had just replaced a refused one.
    pub(super) async fn refused_again(&self, serial: u64) -> Fault {
        self.bury(&mut *self.held.lock().await, serial);
        if self.watch.borrow().shared(boottime()) {
            return Fault::new(Code::AuthShared, AnswerCause::TokenShared);
        }
        Fault::new(Code::AuthRefused, AnswerCause::TokenRefused)
    }

    /// See `Uplink::evicted`.
    pub(super) fn evicted(&self) -> u32 {
        self.watch.borrow().evicted(boottime())
    }

    /// See `Uplink::is_shared`.
    pub(super) fn is_shared(&self) -> bool {
        self.watch.borrow().shared(boottime())
    }

    /// Two boxes with one client take each other's tokens away: each waits longer every time, so that the other one can
    /// come to its end. All who need a token wait with this one.
    async fn rest(&self) {
        let now = boottime();
        let random = retry::mix(now.subsec_nanos().into());
        let rest = self.watch.borrow().rest(now, random);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }

    /// The first refusal of a token ends it; later ones are of calls that were under way.
    fn bury(&self, held: &mut Option<Bearer>, serial: u64) {
        if let Some(dead) = held.take_if(|bearer| bearer.serial == serial) {
            self.watch.borrow_mut().refused(&dead.grant, boottime());
        }
    }

    /// Asks for a token where central said, else at central's root (protocol 0.1).
    async fn fetch(
        &self,
        inner: &Rc<UplinkState>,
        credentials: &Credentials,
    ) -> Result<Bearer, Fault> {
        let own = Url {
            path: inner.root.target(ROUTE),
            ..inner.root.clone()
        };
        let named = Url::parse(&credentials.token_url)
            .ok()
            .filter(|url| *url != own && self.allowed(url, &own));
        if let Some(url) = named {
            match self.ask(inner, credentials, &url).await {
                Err(trouble) if trouble.outcome != Outcome::Unauthorized => {}
                settled => return settled,
            }
        }
        self.ask(inner, credentials, &own).await.map_err(tokenless)
    }

    /// The same place is always allowed, another one if the operator says so, plain text instead of TLS never.
    fn allowed(&self, url: &Url, own: &Url) -> bool {
        let same = url.https == own.https && url.host == own.host && url.port == own.port;
        same || (self.elsewhere && (url.https || !own.https))
    }

    async fn ask(
        &self,
        inner: &Rc<UplinkState>,
        credentials: &Credentials,
        url: &Url,
    ) -> Result<Bearer, Fault> {
        let asked = boottime();
        let answer = RefCell::new(None);
        let deliver = |request: HttpRequest| async {
            let sent = inner.exchange(&ask(url, request)).await;
            let answered = match sent {
                Ok(opened) => opened.reply().await,
                Err(trouble) => Err(trouble),
            };
            *answer.borrow_mut() = Some(answered.clone());
            answered.and_then(|reply| response(&reply))
        };
        let place = TokenUrl::new(url.to_string()).map_err(|_| {
            let url = Id::from(&url.to_string());
            Fault::new(Code::CentralToken, AnswerCause::TokenUrl { url })
        })?;
        let client = TokenClient::new(ClientId::new(credentials.key.clone()))
            .set_client_secret(ClientSecret::new(credentials.secret.reveal().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(place);
        let token = client
            .exchange_client_credentials()
            .request_async(&deliver)
            .await;
        let reply = answer.into_inner().unwrap_or_else(|| {
            let url = Id::from(&url.to_string());
            Err(Fault::new(
                Code::CentralToken,
                AnswerCause::TokenRequest { url },
            ))
        })?;
        let token = match token {
            Ok(token) => token,
            Err(_) if reply.status == 401 && stranger(&reply).is_none() => {
                return Err(Fault::new(Code::AuthRefused, AnswerCause::TokenCredentials));
            }
            Err(_) => answer::parse::<Token>(&reply, Expected::Token).map_err(|trouble| {
                match trouble.code == Code::CentralForeign && stranger(&reply).is_none() {
                    // Central's own words, but no token.
                    true => Fault {
                        code: Code::CentralToken,
                        ..trouble
                    },
                    false => trouble,
                }
            })?,
        };
        self.issue(&token, &reply, asked, inner)
    }

    fn issue(
        &self,
        token: &Token,
        reply: &Reply,
        asked: Duration,
        inner: &Rc<UplinkState>,
    ) -> Result<Bearer, Fault> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.access.secret()))
            .map_err(|_| Fault::new(Code::CentralToken, AnswerCause::TokenUnsendable))?;
        value.set_sensitive(true);
        let date = reply.header("date").and_then(super::seconds);
        Ok(Bearer {
            value,
            serial: inner.serial(),
            grant: Grant::new(asked, life(token.expires, date)),
        })
    }
}

/// A failed request for a token, told apart from a failure of the call that needed it: that one was never sent, and
/// its content is not the cause.
fn tokenless(trouble: Fault) -> Fault {
    let told = [
        Code::CentralMaintenance,
        Code::CentralUnavailable,
        Code::CentralError,
    ];
    let before = trouble.code.is(Area::Net) && surely_unsent(&trouble);
    if before || trouble.outcome == Outcome::Unauthorized || told.contains(&trouble.code) {
        return without_token(trouble);
    }
    // PHP died without a word. Here no content of ours can be the cause.
    if trouble.code == Code::CentralRejected {
        return Fault {
            code: Code::CentralError,
            cause: AnswerCause::FailedMute.into(),
            class: FaultClass::Retry,
            ..without_token(trouble)
        };
    }
    let code = match (trouble.outcome, trouble.code) {
        (Outcome::Offline, _) => Code::NetToken,
        // Whoever answers instead of central is named as everywhere.
        (_, code @ (Code::CentralForeign | Code::CentralPhp | Code::CentralNotFound)) => code,
        _ => Code::CentralToken,
    };
    let trouble = Fault {
        code,
        ..without_token(trouble)
    };
    trouble.because(|why| AnswerCause::NoToken { why })
}

type TokenClient = oauth2::Client<
    BasicErrorResponse,
    Token,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// What central answers instead of RFC 6749 5.1: no type, and an absolute end (protocol 1.1).
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Token {
    #[serde(rename = "access_token")]
    access: AccessToken,
    #[serde(alias = "expires_in")]
    expires: i64,
}

impl TokenResponse for Token {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access
    }

    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    /// Not known without the `Date` of the answer: `logic::grant` decides.
    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

fn ask(url: &Url, request: HttpRequest) -> PreparedRequest<'_> {
    PreparedRequest {
        name: "token",
        url,
        target: url.path.clone(),
        method: Method::Post,
        content_type: Some("application/x-www-form-urlencoded"),
        body: request.into_body().into(),
        bearer: None,
        range: None,
        if_range: None,
        past_caches: false,
        identity: true,
        limit: LIMIT,
        // A second request only supersedes the token of the first.
        repeatable: true,
    }
}

/// As `oauth2` reads it: by status and content, whatever the label.
fn response(reply: &Reply) -> Result<HttpResponse, Fault> {
    let mut response = HttpResponse::new(reply.body.clone());
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).map_err(|_| {
        let status = reply.status;
        Fault::new(Code::CentralToken, AnswerCause::TokenStatus { status })
    })?;
    Ok(response)
}
