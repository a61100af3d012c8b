//! Who may ask: client credentials, tokens in a header, the sync manager's login and password (protocol 1, 2, 13.2).
//! Never compares a secret in a way that tells how much of it was right, and never keeps a password.
//! Called by the gateway before it reads anything else.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::Md5;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::query::QueryParams;
use super::{AnswerSigner, GatewayAnswer, NOT_AUTHORIZED};
use crate::entity::{Entity, uri};
use crate::places::Caller;

/// Seconds that a token lives (protocol 1.2).
pub const LIFETIME: Duration = Duration::from_secs(3600);
/// The role that a handshake and a session need.
const ROLE: &str = "http://www.tao.lu/Ontologies/generis.rdf#taoSyncManager";
const ROLES: &str = "http://www.tao.lu/Ontologies/generis.rdf#userRoles";
/// Salt characters of a password hash (protocol 13.2).
const SALT: usize = 10;

/// The credentials that this box gives to the TAO on it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GatewayClient {
    /// 32 hex digits.
    pub key: String,
    /// 96 characters.
    pub secret: String,
}

impl std::fmt::Debug for GatewayClient {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Client({})", self.key)
    }
}

impl GatewayClient {
    /// New credentials in central's form (protocol 1.4) from random bytes.
    pub fn new(random: [u8; 48]) -> Self {
        let (key, salt) = random.split_at(16);
        let key = hex(key);
        let salt = letters(salt);
        let hash = hex(&Sha256::digest([salt.as_bytes(), key.as_bytes()].concat()));
        Self {
            secret: salt + &hash,
            key,
        }
    }

    fn is(&self, key: &str, secret: &str) -> bool {
        // Both are always compared: the time tells nothing.
        same(self.key.as_bytes(), key.as_bytes()) & same(self.secret.as_bytes(), secret.as_bytes())
    }
}

/// A token in central's form (protocol 1.1) from random bytes: 10 letters and 64 hex digits.
pub fn token(random: [u8; 42]) -> String {
    let (salt, hash) = random.split_at(10);
    letters(salt) + &hex(hash)
}

/// The live tokens. Several at once: a client that asks again because a clock jumped does not harm another one.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    live: Vec<(String, Duration)>,
}

impl Tokens {
    /// More than this at once push the oldest out.
    const MAX_TOKENS: usize = 256;

    /// Keeps a new token; `now` is the time since boot, which no step of the clock ages.
    pub fn keep(&mut self, token: String, now: Duration) {
        self.live.retain(|(_, ends)| *ends > now);
        if self.live.len() >= Self::MAX_TOKENS {
            self.live.remove(0);
        }
        self.live.push((token, now + LIFETIME));
    }

    /// Whether a token lives at `now`.
    pub fn hold(&self, token: &str, now: Duration) -> bool {
        let is_it = |(held, ends): &(String, Duration)| {
            same(held.as_bytes(), token.as_bytes()) & (*ends > now)
        };
        self.live
            .iter()
            .fold(false, |found, held| found | is_it(held))
    }
}

/// Answers a token request (protocol 1.1); `grant` makes the token and says when it ends, in Unix seconds.
pub fn token_request(
    query: &str,
    body: &[u8],
    client: &GatewayClient,
    voice: &AnswerSigner,
    grant: impl FnOnce() -> (String, i64),
) -> GatewayAnswer {
    let form = LoginForm::read(query, body);
    let (Some(key), Some(secret)) = (form.text("client_id"), form.text("client_secret")) else {
        let missing =
            "At least one mandatory parameter was required but found missing in your request";
        return voice.failure(400, missing);
    };
    if form
        .text("grant_type")
        .is_some_and(|grant| grant != "client_credentials")
    {
        return voice.generic(501);
    }
    if !client.is(&key, &secret) {
        return voice.failure(401, "You are not authorized to perform this operation");
    }
    let (token, expires) = grant();
    GatewayAnswer::json(json!({ "access_token": token, "expires": expires }).to_string())
}

/// The raw body as JSON; only when that fails, form fields before query parameters.
enum LoginForm {
    Json(Json),
    Fields(QueryParams, QueryParams),
}

impl LoginForm {
    fn read(query: &str, body: &[u8]) -> Self {
        match serde_json::from_slice::<Json>(body) {
            Ok(json @ Json::Object(_)) => Self::Json(json),
            _ => Self::Fields(QueryParams::read(body), QueryParams::read(query.as_bytes())),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = match self {
            Self::Json(json) => json.get(name)?.as_str()?,
            Self::Fields(body, query) => body.text(name).or_else(|| query.text(name))?,
        };
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// What an `Authorization` field shows.
#[derive(Debug, PartialEq, Eq)]
pub enum ShownCredentials {
    /// Whatever stands behind the first seven characters (protocol 0.2).
    Token(String),
    /// HTTP Basic: login and password.
    Login(String, String),
}

/// Reads an `Authorization` field by central's rule; `None` when it shows nothing.
pub fn shown(authorization: Option<&str>) -> Option<ShownCredentials> {
    let value = authorization?;
    if let Some(encoded) = value.strip_prefix("Basic") {
        let plain = BASE64_STANDARD.decode(encoded.trim()).ok()?;
        let plain = String::from_utf8(plain).ok()?;
        let (login, password) = plain.split_once(':')?;
        return Some(ShownCredentials::Login(
            login.to_owned(),
            password.to_owned(),
        ));
    }
    let token = value.get(7..)?.trim();
    (!token.is_empty()).then(|| ShownCredentials::Token(token.to_owned()))
}

/// Login and password of a handshake (protocol 2.1): JSON only, null counts as missing.
///
/// # Errors
/// Central's answer to a body without both.
pub fn handshake(body: &[u8], voice: &AnswerSigner) -> Result<(String, String), GatewayAnswer> {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| match json.get(name)? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    };
    text("login").zip(text("password")).ok_or_else(|| {
        let missing = r#"Valid "login" and "password" parameters are required to access index"#;
        voice.coded(200, super::JSON, "412", missing)
    })
}

/// A login or password that is not the kept one (protocol 2.2).
pub fn refused(voice: &AnswerSigner) -> GatewayAnswer {
    voice.coded(200, super::JSON, "401", NOT_AUTHORIZED)
}

/// Answers a handshake of the kept sync manager, whose password was right (protocol 2.3).
pub fn accepted(
    user: &Entity,
    client: &GatewayClient,
    token_url: &str,
    voice: &AnswerSigner,
) -> GatewayAnswer {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OauthAnswer<'a> {
        key: &'a str,
        secret: &'a str,
        token_url: &'a str,
    }
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct HandshakeAnswer<'a> {
        sync_user: &'a Entity,
        oauth_info: OauthAnswer<'a>,
    }
    if !is_manager(user) {
        return voice.generic(500);
    }
    let wire = HandshakeAnswer {
        sync_user: user,
        oauth_info: OauthAnswer {
            key: &client.key,
            secret: &client.secret,
            token_url,
        },
    };
    GatewayAnswer::json(serde_json::to_vec(&wire).expect("text and maps of text always serialise"))
}

/// Whether a user holds the role itself; an inherited one does not count.
pub fn is_manager(user: &Entity) -> bool {
    user.properties.values(ROLES).any(|role| role == ROLE)
}

/// Whether login and password are those of the user.
pub fn knows(user: &Entity, login: &str, password: &str) -> bool {
    let same_login = is_login(user, login);
    let kept = user.properties.first(uri::PASSWORD).unwrap_or_default();
    matches(kept, password) & same_login
}

/// Whether a password makes a kept hash: 10 characters of salt and the SHA-256 of both, or a bare MD5 of old accounts
/// (protocol 13.2).
pub fn matches(kept: &str, password: &str) -> bool {
    let made = match kept.len() {
        32 => hex(&Md5::digest(password)),
        _ => {
            let Some((salt, _)) = kept.split_at_checked(SALT) else {
                return false;
            };
            let mut hash = Sha256::new();
            hash.update(salt);
            hash.update(password);
            salt.to_owned() + &hex(&hash.finalize())
        }
    };
    same(made.as_bytes(), kept.as_bytes())
}

/// Whether a login is the user's.
pub fn is_login(user: &Entity, login: &str) -> bool {
    user.properties.first(uri::LOGIN) == Some(login)
}

/// Who tries which login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Try {
    /// There is such a login; tries at others cannot succeed, and never push these out of mind.
    real: bool,
    caller: Caller,
    login: [u8; 8],
}

impl Try {
    /// A try of a caller; `real`: there is such a login.
    pub fn new(caller: Caller, login: &str, real: bool) -> Self {
        let hash = Sha256::digest(login);
        let mut short = [0; 8];
        short.copy_from_slice(&hash[..8]);
        Self {
            real,
            caller,
            login: short,
        }
    }
}

/// Bounds how fast passwords can be tried by one caller with one login: nobody else is slowed down. Only wrong ones cost;
/// secrets of 256 bits need no such bound.
#[derive(Debug, Clone, Default)]
pub struct Guesses {
    spent: BTreeMap<Try, Vec<Duration>>,
}

impl Guesses {
    /// Wrong passwords that may come at once.
    pub const BURST: usize = 20;
    /// Time after which one more may come.
    pub const PAUSE: Duration = Duration::from_secs(60);
    /// Callers and logins that are kept in mind, of real logins and of others each.
    const MAX_CALLERS: usize = 512;

    /// Whether another try is let through at `now` (time since boot); else how long to wait.
    ///
    /// # Errors
    /// The wait.
    pub fn allow(&mut self, asked: Try, now: Duration) -> Result<(), Duration> {
        self.spent.retain(|_, spent| {
            spent.retain(|at| now.saturating_sub(*at) < Self::PAUSE);
            !spent.is_empty()
        });
        let spent = self.spent.get(&asked).map_or(&[][..], Vec::as_slice);
        match spent.first() {
            Some(oldest) if spent.len() >= Self::BURST => {
                Err(Self::PAUSE - now.saturating_sub(*oldest))
            }
            _ => Ok(()),
        }
    }

    /// A wrong one was tried at `now`.
    pub fn wrong(&mut self, asked: Try, now: Duration) {
        let alike = self.spent.keys().filter(|kept| kept.real == asked.real);
        if !self.spent.contains_key(&asked) && alike.clone().count() >= Self::MAX_CALLERS {
            let last = |kept: &&Try| self.spent.get(kept).and_then(|spent| spent.last());
            if let Some(oldest) = alike.min_by_key(last).copied() {
                self.spent.remove(&oldest);
            }
        }
        self.spent.entry(asked).or_default().push(now);
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b));
    std::hint::black_box(differs) == 0 && a.len() == b.len()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One letter or digit a byte; the first eight of 62 come a little more often, which costs no strength that counts.
fn letters(bytes: &[u8]) -> String {
    const SET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    bytes
        .iter()
        .map(|byte| char::from(SET[usize::from(*byte) % SET.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> AnswerSigner {
        AnswerSigner {
            version: "2022.11".into(),
        }
    }

    #[test]
    fn the_hashes_of_the_protocol_match() {
        let kept = "a1B2c3D4e55c64a71e56a785063244273dc784c7de5f28b05d5112baa7ad0810895c5a3e0f";
        assert!(matches(kept, "Offline#2024"));
        assert!(!matches(kept, "Offline#2025") && !matches(kept, ""));
        let md5 = "5ebe2294ecd0e0f08eab7690d2a6ee69";
        assert!(matches(md5, "secret") && !matches(md5, "Secret"));
        for odd in ["", "short", "ééééé"] {
            assert!(!matches(odd, "") && !matches(odd, odd), "{odd}");
        }
    }

    #[test]
    fn credentials_and_tokens_have_central_s_form() {
        let client = GatewayClient::new([7; 48]);
        assert_eq!((client.key.len(), client.secret.len()), (32, 96));
        assert_eq!(token([200; 42]).len(), 74);
        assert!(client.is(&client.key, &client.secret));
        assert!(!client.is(&client.key, &client.secret[1..]) && !client.is("", ""));
        assert!(!format!("{client:?}").contains(&client.secret));
    }

    #[test]
    fn a_token_request_is_json_or_a_form_or_a_query() {
        let client = GatewayClient::new([7; 48]);
        let ask = |query: &str, body: &str| {
            token_request(query, body.as_bytes(), &client, &voice(), || {
                ("t".into(), 5)
            })
            .status
        };
        let (key, secret) = (&client.key, &client.secret);
        let form = format!("client_id={key}&client_secret={secret}");
        let json = json!({ "client_id": key, "client_secret": secret }).to_string();
        assert_eq!(ask("", &form), 200);
        assert_eq!(ask(&form, ""), 200);
        assert_eq!(ask("", &json), 200);
        assert_eq!(ask("", &format!("{form}&grant_type=password")), 501);
        assert_eq!(ask("", &format!("client_id={key}&client_secret=x")), 401);
        for missing in [
            "",
            "{\"client_id\":",
            "client_id=x",
            "client_id[]=x&client_secret=y",
            "[]",
        ] {
            assert_eq!(ask("", missing), 400, "{missing}");
        }
    }

    #[test]
    fn what_is_shown_is_cut_as_central_cuts_it() {
        let token = |t: &str| Some(ShownCredentials::Token(t.into()));
        assert_eq!(shown(Some("Bearer abc")), token("abc"));
        assert_eq!(shown(Some("ABCDEF abc")), token("abc"));
        assert_eq!(
            shown(Some("Basic YTpiOmM=")),
            Some(ShownCredentials::Login("a".into(), "b:c".into()))
        );
        for nothing in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Basic ?"),
            Some("Basic YQ=="),
            Some("ééééé"),
        ] {
            assert_eq!(shown(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn tokens_live_an_hour_beside_each_other() {
        let mut tokens = Tokens::default();
        let now = Duration::from_secs(5);
        for n in 0..300 {
            tokens.keep(n.to_string(), now);
        }
        assert!(tokens.hold("299", now) && tokens.hold("44", now) && !tokens.hold("43", now));
        assert!(!tokens.hold("", now) && !tokens.hold("29", now + LIFETIME));
        tokens.keep("new".into(), now + LIFETIME);
        assert_eq!(tokens.live.len(), 1);
    }

    #[test]
    fn wrong_passwords_slow_down_who_shows_them_and_the_wait_ends() {
        let mut guesses = Guesses::default();
        let second = Duration::from_secs(1);
        let at = |address: &str| Caller::at(address.parse().unwrap());
        let thief = Try::new(at("10.0.0.9"), "sync", true);
        for _ in 0..Guesses::BURST {
            guesses.allow(thief, second).unwrap();
            guesses.wrong(thief, second);
        }
        let locked = Err(Guesses::PAUSE - second * 10);
        assert_eq!(guesses.allow(thief, second * 11), locked);
        // Another caller, and the same one with another login.
        let others = [
            Try::new(at("127.0.0.1"), "sync", true),
            Try::new(at("10.0.0.9"), "other", false),
        ];
        for other in others {
            guesses.allow(other, second * 11).unwrap();
        }
        // Logins without end push out no try at the one that there is.
        for n in 0..Guesses::MAX_CALLERS + 9 {
            guesses.wrong(Try::new(at("10.0.0.9"), &n.to_string(), false), second * 11);
        }
        assert_eq!(guesses.allow(thief, second * 11), locked);
        assert_eq!(guesses.spent.len(), 1 + Guesses::MAX_CALLERS);
        guesses.allow(thief, second + Guesses::PAUSE).unwrap();
        guesses.allow(thief, second * 12 + Guesses::PAUSE).unwrap();
        assert!(guesses.spent.is_empty());
    }
}
