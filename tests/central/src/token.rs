//! Who may speak: accounts, OAuth consumers, tokens, the handshake (protocol 0.2, 1, 2).
//! Never touches data beyond the user that a handshake answers.
//! Called by `state` for each request that needs a session, and for the token and handshake routes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;

use crate::catalogue::Catalogue;
use crate::entity::{Kind, uri};
use crate::package::digest;
use crate::php::{self, PhpValue};
use crate::random::Random;
use crate::wire::{self, HttpRequest, HttpResponse};

/// A user that can log in.
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) uri: String,
    pub(crate) is_manager: bool,
    pub(crate) organisation: Option<String>,
}

/// An OAuth client of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// `client_id`: 32 hexadecimal characters.
    pub key: String,
    /// `client_secret`: 96 characters.
    pub secret: String,
    /// Whether its user holds `taoSyncManager`; without it every call is 403.
    pub has_role: bool,
    /// The one live token and when it expires, Unix seconds by central's clock.
    pub token: Option<(String, u64)>,
    /// How many tokens were issued to it.
    pub issued: u64,
}

/// Who sent a REST request.
pub(crate) struct Session {
    pub(crate) has_role: bool,
    pub(crate) organisation: Option<String>,
    pub(crate) user: String,
}

/// Accounts, consumers and their tokens.
pub(crate) struct Gate {
    pub(crate) accounts: Vec<Account>,
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) lifetime: u64,
    random: Random,
    /// The organisation of the manager whose handshake made a client, by its key.
    made_for: BTreeMap<String, String>,
    /// Every token that was issued, with the client it was issued to.
    tokens: BTreeMap<String, String>,
}

impl Gate {
    pub(crate) fn new(seed: u64, accounts: Vec<Account>, lifetime: u64) -> Self {
        let mut gate = Self {
            accounts,
            consumers: Vec::new(),
            lifetime,
            random: Random::of(seed, "gate", 0),
            made_for: BTreeMap::new(),
            tokens: BTreeMap::new(),
        };
        gate.add_consumer(true);
        gate
    }

    /// One more client, as `GenerateOauthCredentials` makes it (protocol 1.4).
    pub(crate) fn add_consumer(&mut self, has_role: bool) -> Consumer {
        let key = self.random.hex(32);
        let salt = self.random.alphanumeric(32);
        let secret = format!("{salt}{}", digest(format!("{salt}{key}").as_bytes()));
        let consumer = Consumer {
            key,
            secret,
            has_role,
            token: None,
            issued: 0,
        };
        self.consumers.push(consumer.clone());
        consumer
    }

    /// Whose handshake made the client that a token was issued to, whatever became of either since.
    pub(crate) fn organisation_of(&self, token: &str) -> Option<&String> {
        self.made_for.get(self.tokens.get(token)?)
    }

    /// Removes the clients that handshakes of an organisation's manager made.
    pub(crate) fn revoke_of(&mut self, organisation: &str) {
        let made_for = &self.made_for;
        let is_of = |consumer: &Consumer| {
            made_for
                .get(&consumer.key)
                .is_some_and(|of| of == organisation)
        };
        self.consumers.retain(|consumer| !is_of(consumer));
    }

    /// The session of a request, or nothing: every reason is the same 401.
    pub(crate) fn session(&self, request: &HttpRequest, now: u64) -> Option<Session> {
        let header = request.authorization()?;
        if let Some(credentials) = header.strip_prefix(b"Basic") {
            return self.basic(credentials);
        }
        let token = header.get(7..).filter(|t| !t.is_empty())?;
        self.consumers
            .iter()
            .find(|c| {
                c.token
                    .as_ref()
                    .is_some_and(|(t, expires)| t.as_bytes() == token && *expires > now)
            })
            .map(|c| Session {
                has_role: c.has_role,
                organisation: None,
                user: format!("consumer:{}", c.key),
            })
    }

    fn basic(&self, credentials: &[u8]) -> Option<Session> {
        let text = STANDARD.decode(credentials.trim_ascii()).ok()?;
        let text = String::from_utf8(text).ok()?;
        let (login, password) = text.split_once(':')?;
        self.account(login, password).map(|account| Session {
            has_role: account.is_manager,
            organisation: account.organisation.clone(),
            user: account.uri.clone(),
        })
    }

    fn account(&self, login: &str, password: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|a| a.login == login && a.password == password)
    }

    /// `taoOauth/TokenApi/requestToken` (protocol 1.1).
    pub(crate) fn token(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let fields = request.json().unwrap_or_else(|| {
            let form = form_fields(request).unwrap_or(PhpValue::Map(Vec::new()));
            merge(form, request.parameters())
        });
        let field = |name: &str| fields.get(name).and_then(PhpValue::scalar);
        let (Some(key), Some(secret)) = (field("client_id"), field("client_secret")) else {
            return wire::failure(
                400,
                "At least one mandatory parameter was required but found missing in your request",
            );
        };
        if field("grant_type").is_some_and(|g| g != "client_credentials") {
            return wire::failure(501, wire::UNEXPECTED);
        }
        let salt = self.random.alphanumeric(10);
        let noise = self.random.next();
        let lifetime = self.lifetime;
        let mut matching = self
            .consumers
            .iter_mut()
            .filter(|c| c.key == key && c.secret == secret);
        let (Some(consumer), None) = (matching.next(), matching.next()) else {
            return wire::failure(401, "You are not authorized to perform this operation");
        };
        let token = format!("{salt}{}", digest(format!("{salt}{noise}{key}").as_bytes()));
        let expires = now + lifetime;
        let body = format!("{{\"access_token\":\"{token}\",\"expires\":{expires}}}");
        consumer.token = Some((token.clone(), expires));
        consumer.issued += 1;
        self.tokens.insert(token, consumer.key.clone());
        wire::success(body)
    }

    /// `taoSync/HandShake` (protocol 2).
    pub(crate) fn handshake(
        &mut self,
        request: &HttpRequest,
        catalogue: &mut Catalogue,
        root: &str,
        now: u64,
    ) -> HttpResponse {
        if !request.is_acceptable() {
            return wire::not_acceptable_page();
        }
        if request.method == Method::OPTIONS {
            return wire::empty();
        }
        if !request.is_post() {
            return wire::unexpected();
        }
        let body = request.json();
        let field = |name: &str| {
            body.as_ref()
                .and_then(|b| b.get(name))
                .and_then(PhpValue::scalar)
        };
        let (Some(login), Some(password)) = (field("login"), field("password")) else {
            return wire::success(
                "{\"success\":false,\"errorCode\":\"412\",\"errorMsg\":\"Valid \\\"login\\\" and \\\"password\\\" parameters are required to access index\",\"version\":\"2022.11\"}",
            );
        };
        let Some(account) = self.account(&login, &password) else {
            return wire::success(
                "{\"success\":false,\"errorCode\":\"401\",\"errorMsg\":\"You are not authorized to access this functionality.\",\"version\":\"2022.11\"}",
            );
        };
        if !account.is_manager {
            return wire::unexpected();
        }
        let (user, organisation) = (account.uri.clone(), account.organisation.clone());
        let consumer = self.add_consumer(true);
        let made_for = organisation.map(|organisation| (consumer.key.clone(), organisation));
        self.made_for.extend(made_for);
        let consumer_user = catalogue.fresh_id();
        let fraction = self.random.below(10_000);
        catalogue.edit(&user, |entity| {
            entity.set(uri::CONSUMER_USER, vec![consumer_user]);
            entity.set(uri::UPDATED_AT, vec![format!("{now}.{fraction:04}")]);
        });
        let mut out = String::from("{\"syncUser\":");
        match catalogue.get(&user) {
            Some(entity) => entity.render(&mut out, Kind::Other),
            None => return wire::unexpected(),
        }
        out.push_str(",\"oauthInfo\":{\"key\":");
        php::quote(&mut out, &consumer.key);
        out.push_str(",\"secret\":");
        php::quote(&mut out, &consumer.secret);
        out.push_str(",\"tokenUrl\":");
        php::quote(&mut out, &format!("{root}taoOauth/TokenApi/requestToken"));
        out.push_str("}}");
        wire::success(out)
    }
}

/// `$_POST`: a form body, urlencoded or multipart, of a POST request only.
pub(crate) fn form_fields(request: &HttpRequest) -> Option<PhpValue> {
    if !request.is_post() {
        return None;
    }
    let kind = request.header(&hyper::header::CONTENT_TYPE)?;
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Some(crate::query::parse_query(&String::from_utf8_lossy(
            &request.body,
        )));
    }
    let boundary = kind
        .strip_prefix("multipart/form-data")?
        .split_once("boundary=")?
        .1
        .trim_matches('"');
    let text = String::from_utf8_lossy(&request.body);
    let fields = text
        .split(&format!("--{boundary}"))
        .filter_map(|part| {
            let (head, value) = part.split_once("\r\n\r\n")?;
            let name = head.split_once("name=\"")?.1.split_once('"')?.0;
            let value = value.strip_suffix("\r\n").unwrap_or(value);
            Some((name.to_owned(), PhpValue::Text(value.to_owned())))
        })
        .collect();
    Some(PhpValue::Map(fields))
}

fn merge(first: PhpValue, second: PhpValue) -> PhpValue {
    let mut entries: Vec<(String, PhpValue)> = Vec::new();
    for value in [first, second] {
        if let PhpValue::Map(more) = value {
            for (key, value) in more {
                if !entries.iter().any(|(k, _)| *k == key) {
                    entries.push((key, value));
                }
            }
        }
    }
    PhpValue::Map(entries)
}
