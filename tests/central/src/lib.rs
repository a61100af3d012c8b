//! A reference TAO 2022.11 central: every box-side route, data from a seed, scripted faults.
//! Shares no code with the product, so that a shared mistake about the wire cannot hide; never for production.
//! Started by end-to-end tests as a library and by demos as the binary `central`.

mod catalogue;
mod content;
mod control;
mod diagnostic;
mod encryption;
mod entity;
mod fault;
mod fetch;
mod flow;
mod import;
mod ledger;
mod line;
mod logs;
mod package;
mod php;
mod query;
mod random;
mod received;
mod results;
mod route;
mod seed;
mod serve;
mod state;
mod tls;
mod token;
mod wire;
mod zip;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio_rustls::TlsAcceptor;

pub use content::Resource;
pub use encryption::KeyPair;
pub use entity::{Kind, Property, uri};
pub use fault::{Fault, Rule};
pub use import::unpack;
pub use ledger::SyncRow;
pub use logs::LogRow;
pub use package::Change;
pub use results::{Execution, Variable};
pub use route::Route;
pub use seed::{Dataset, Organisation};
pub use state::{Counters, Seen};
pub use tls::Certificate;
pub use token::Consumer;

use flow::Pace;
use serve::{Order, Shared};
use state::CentralState;

/// How a central starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// HTTPS with this certificate instead of HTTP.
    pub tls: Option<Certificate>,
    /// Path prefix of the installation without slashes at its ends, empty for none.
    pub prefix: String,
    /// Host in [`Central::url`], `127.0.0.1` by default.
    pub host: String,
    /// The data.
    pub dataset: Dataset,
    /// Seconds that a token lives.
    pub token_lifetime: u64,
    /// `chunkSize` of the lists.
    pub page_size: usize,
    /// `supportedVm`.
    pub versions: Vec<String>,
    /// `client_max_body_size`: longer request bodies are 413, bytes.
    pub body_limit: u64,
    /// PHP's `output_buffering`: shorter ranges are sent with status 200; 0 = off.
    pub output_buffer: u64,
    /// Seconds that central's clock is ahead (or behind).
    pub clock_offset: i64,
    /// Milliseconds before the first byte of every answer.
    pub latency_ms: u64,
    /// Bytes per second of all answers' bodies together, 0 = no limit.
    pub rate: u64,
    /// Whether a private extension takes LTI users; the public ones answer 500.
    pub takes_lti_users: bool,
    /// Whether taoEncryption is set up (protocol 13).
    pub encrypted: bool,
    /// Whether requests are kept for [`Central::requests`]; a benchmark counts only.
    pub keeps_log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            prefix: String::new(),
            host: "127.0.0.1".into(),
            dataset: Dataset::small(1),
            token_lifetime: 3600,
            page_size: 100,
            versions: vec!["2022.11".into(), "3.4.0-sprint130".into()],
            body_limit: 100 << 20,
            output_buffer: 4096,
            clock_offset: 0,
            latency_ms: 0,
            rate: 0,
            takes_lti_users: false,
            encrypted: false,
            keeps_log: true,
        }
    }
}

/// A running central; it stops when dropped.
pub struct Central {
    shared: Arc<Shared>,
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
    authority: Option<String>,
}

impl Central {
    /// Starts a central on a thread of its own; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread or certificate can be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let (acceptor, authority) = match options.tls {
            None => (None, None),
            Some(certificate) => {
                let (config, pem) = tls::make(certificate).map_err(io::Error::other)?;
                (Some(TlsAcceptor::from(config)), Some(pem))
            }
        };
        let runtime = serve::runtime()?;
        let listener = runtime.block_on(TcpListener::bind(options.listen))?;
        let address = listener.local_addr()?;
        let prefix = match options.prefix.trim_matches('/') {
            "" => "/".to_owned(),
            prefix => format!("/{prefix}/"),
        };
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let root = format!("{scheme}://{}:{}{prefix}", options.host, address.port());
        let rate = options.rate;
        let shared = Arc::new(Shared::new(state(options, root), rate, prefix));
        let (orders, inbox) = tokio::sync::mpsc::unbounded_channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("central".into())
            .spawn(move || runtime.block_on(serve::run(served, listener, acceptor, inbox)))?;
        Ok(Self {
            shared,
            orders: Some(orders),
            thread: Some(thread),
            address,
            authority,
        })
    }

    /// Root URL with a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.state().root.clone()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Certificate of the authority that signed the server's, PEM; nothing without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Login and password of an organisation's sync manager.
    #[must_use]
    pub fn manager(&self, organisation: &str) -> Option<(String, String)> {
        let state = self.shared.state();
        let mut managers = state.gate.accounts.iter().filter(|a| a.is_manager);
        managers
            .find(|a| a.organisation.as_deref() == Some(organisation))
            .map(|a| (a.login.clone(), a.password.clone()))
    }

    /// URI of an organisation's sync manager.
    #[must_use]
    pub fn manager_uri(&self, organisation: &str) -> Option<String> {
        let state = self.shared.state();
        let mut managers = state.gate.accounts.iter().filter(|a| a.is_manager);
        managers
            .find(|a| a.organisation.as_deref() == Some(organisation))
            .map(|a| a.uri.clone())
    }

    /// Login and password of a user without the role: his handshake is 500.
    #[must_use]
    pub fn plain_user(&self) -> (String, String) {
        ("plain".into(), "Plain#Pass1".into())
    }

    /// The client that exists from the start, as if made by the command line of central.
    #[must_use]
    pub fn consumer(&self) -> Option<Consumer> {
        self.shared.state().gate.consumers.first().cloned()
    }

    /// All clients with their tokens.
    #[must_use]
    pub fn consumers(&self) -> Vec<Consumer> {
        self.shared.state().gate.consumers.clone()
    }

    /// The organisation whose manager's handshake made the client that a token was issued to, whatever became of either.
    #[must_use]
    pub fn organisation_of_token(&self, token: &str) -> Option<String> {
        self.shared.state().gate.organisation_of(token).cloned()
    }

    /// Removes every client that a handshake of this organisation's manager made.
    pub fn revoke_consumers_of(&self, organisation: &str) {
        self.shared.state().gate.revoke_of(organisation);
    }

    /// One more client, with or without the role.
    pub fn add_consumer(&self, has_role: bool) -> Consumer {
        self.shared.state().gate.add_consumer(has_role)
    }

    /// Puts in a client with known credentials.
    pub fn put_consumer(&self, key: &str, secret: &str) {
        self.shared.state().gate.consumers.push(Consumer {
            key: key.into(),
            secret: secret.into(),
            has_role: true,
            token: None,
            issued: 0,
        });
    }

    /// Puts in an account; a manager's resource must be there to be answered by the handshake.
    pub fn put_account(&self, login: &str, password: &str, uri: &str, organisation: Option<&str>) {
        self.shared.state().gate.accounts.push(token::Account {
            login: login.into(),
            password: password.into(),
            uri: uri.into(),
            is_manager: organisation.is_some(),
            organisation: organisation.map(str::to_owned),
        });
    }

    /// Removes a client: its tokens and new token requests are 401.
    pub fn revoke_consumer(&self, key: &str) {
        self.shared.state().gate.consumers.retain(|c| c.key != key);
    }

    /// Makes every live token unknown.
    pub fn expire_tokens(&self) {
        for consumer in &mut self.shared.state().gate.consumers {
            consumer.token = None;
        }
    }

    /// Seconds that tokens issued from now on live.
    pub fn set_token_lifetime(&self, seconds: u64) {
        self.shared.state().gate.lifetime = seconds;
    }

    /// Adds a rule to the script.
    pub fn script(&self, rule: Rule) {
        self.shared.state().script.add(rule);
    }

    /// Forgets all rules.
    pub fn clear_script(&self) {
        self.shared.state().script.clear();
    }

    /// Firings of rules so far, and those still to come (endless rules not counted).
    #[must_use]
    pub fn firings(&self) -> (u64, u64) {
        let state = self.shared.state();
        (state.script.fired(), state.script.pending())
    }

    /// Bytes per second of all answers' bodies together, 0 = no limit.
    pub fn set_rate(&self, rate: u64) {
        *self
            .shared
            .pace
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Pace::new(rate);
    }

    /// Milliseconds before the first byte of every answer.
    pub fn set_latency(&self, ms: u64) {
        self.shared.state().latency_ms = ms;
    }

    /// Seconds that central's clock is ahead (or behind).
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.state().clock_offset = seconds;
    }

    /// `supportedVm` from now on.
    pub fn set_versions(&self, versions: &[&str]) {
        self.shared.state().versions = versions.iter().map(|v| (*v).to_owned()).collect();
    }

    /// `chunkSize` of the lists from now on.
    pub fn set_page_size(&self, size: usize) {
        self.shared.state().page_size = size;
    }

    /// Longest request body in bytes from now on; longer is 413.
    pub fn set_body_limit(&self, bytes: u64) {
        self.shared.state().body_limit = bytes;
    }

    /// PHP's `output_buffering` from now on; 0 = off.
    pub fn set_output_buffer(&self, bytes: u64) {
        self.shared.state().buffer = bytes;
    }

    /// TAO's maintenance mode.
    pub fn set_maintenance(&self, on: bool) {
        self.shared.state().is_under_maintenance = on;
    }

    /// Closes the listening socket (connections are refused) or opens it again on the same port.
    pub fn set_listening(&self, on: bool) {
        self.order(|done| Order::Listen(on, done));
    }

    /// Ends every open connection at once.
    pub fn sever(&self) {
        self.order(Order::Sever);
    }

    fn order(&self, make: impl FnOnce(mpsc::Sender<()>) -> Order) {
        let (done, answer) = mpsc::channel();
        if let Some(orders) = &self.orders
            && orders.send(make(done)).is_ok()
        {
            let _ = answer.recv();
        }
    }

    /// The requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen()
    }

    /// The requests of a route so far, oldest first.
    #[must_use]
    pub fn requests_on(&self, route: Route) -> Vec<Seen> {
        let mut seen = self.requests();
        seen.retain(|s| s.route == route);
        seen
    }

    /// Forgets the requests so far and sets all counters to 0.
    pub fn reset_log(&self) {
        let mut state = self.shared.state();
        state.noted.clear();
        state.requests = 0;
        self.shared.connections.store(0, Ordering::Relaxed);
        self.shared.read.store(0, Ordering::Relaxed);
        self.shared.written.store(0, Ordering::Relaxed);
    }

    /// What has gone over the wire.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            requests: self.shared.state().requests,
            connections: self.shared.connections.load(Ordering::Relaxed),
            bytes_received: self.shared.read.load(Ordering::Relaxed),
            bytes_sent: self.shared.written.load(Ordering::Relaxed),
        }
    }

    /// Makes everything that is made on demand (checksums, packages).
    pub fn warm(&self) {
        self.shared.state().catalogue.warm();
    }

    /// An operator has a package of results imported (protocol 11.1); whether each was taken, in order.
    ///
    /// # Errors
    /// What the report of the failed task says.
    pub fn import(&self, zip: &[u8]) -> Result<Vec<(String, bool)>, String> {
        import::import(zip, &mut self.shared.state().results)
    }

    /// The key pair that an encrypted central has from now on, if any. Without effect on a plain one.
    pub fn set_key_pair(&self, pair: Option<KeyPair>) {
        if let Some(encryption) = &mut self.shared.state().results.encryption {
            encryption.pair = pair;
        }
    }

    /// Whether the sync role of an encrypted central includes EncryptionRole from now on.
    pub fn set_encryption_role(&self, has_role: bool) {
        if let Some(encryption) = &mut self.shared.state().results.encryption {
            encryption.has_role = has_role;
        }
    }

    /// Sets taoEncryption up, or removes it.
    pub fn set_encrypted(&self, encrypted: bool) {
        let mut state = self.shared.state();
        state.results.encryption = encrypted.then(encryption::Encryption::new);
        let key = state
            .results
            .encryption
            .as_ref()
            .map(|e| e.application_key.clone());
        state.catalogue.encrypt(key.as_deref().unwrap_or_default());
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn state(options: Options, root: String) -> CentralState {
    let dataset = &options.dataset;
    let mut catalogue = catalogue::Catalogue::new(&dataset.namespace, dataset.seed);
    let accounts = seed::plant(dataset, &mut catalogue);
    let encryption = options.encrypted.then(encryption::Encryption::new);
    if let Some(encryption) = &encryption {
        catalogue.encrypt(&encryption.application_key);
    }
    CentralState {
        gate: token::Gate::new(dataset.seed, accounts, options.token_lifetime),
        catalogue,
        results: results::Results::new(encryption),
        logs: Vec::new(),
        lti_users: Vec::new(),
        ledger: ledger::SyncLedger::default(),
        script: fault::FaultScript::default(),
        noted: Vec::new(),
        requests: 0,
        root,
        versions: options.versions,
        page_size: options.page_size,
        body_limit: options.body_limit,
        buffer: options.output_buffer,
        is_under_maintenance: false,
        takes_lti_users: options.takes_lti_users,
        clock_offset: options.clock_offset,
        latency_ms: options.latency_ms,
        keeps_log: options.keeps_log,
    }
}
