//! The configuration as values: files and environment laid over the defaults, every mistake told at once.
//! Never opens a file and never holds a secret: those lie in files of their own.
//! Called by `cli` with the texts it has read; its values are read by everything else.

mod connections;
mod flaw;
pub mod force;
mod key;
mod peer;
mod read;
mod section;
mod sheet;
pub mod size;
mod step;
pub mod url;
mod value;
pub mod window;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

pub use connections::ConnectionLimit;
pub use force::SettingsInForce;
pub use peer::SitePeer;
pub use sheet::{KeyDescription, describe};
pub use size::Size;
pub use step::SyncStep;
pub use url::{Proxy, Url};
pub use window::{Offset, Window};

use crate::access::{Access, AccountName, Principal};
use crate::fault::{Code, ConfigCause, Fault, SettingPlace};
use crate::intake::ExecutionState;
use crate::zone::Zone;
use flaw::SettingFlaw;
use key::{KEYS, SECTIONS, SettingKey};
use value::SettingValue;

/// One configuration file: later ones override earlier ones key by key.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its path, for messages.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// The whole configuration in force (design 4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[central]`
    pub central: CentralSettings,
    /// `[box]`
    pub this_box: ThisBox,
    /// `[api]`
    pub api: LocalApi,
    /// `[sync]`
    pub sync: SyncSettings,
    /// `[download]`
    pub download: DownloadSettings,
    /// `[results]`
    pub results: ResultsSettings,
    /// `[gateway]`
    pub gateway: GatewaySettings,
    /// `[site]`
    pub site: SiteSettings,
    /// `[page]`
    pub page: PageSettings,
    /// `[link]`
    pub link: LinkSettings,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[update]`
    pub update: UpdateSettings,
    /// Beside each key of the table, where its value comes from.
    origins: Vec<Origin>,
}

/// `[central]`: the server and the way to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CentralSettings {
    /// Root URL; ask `Settings::central` for it where there must be one.
    pub url: Option<Url>,
    /// PEM file of certificates trusted beside the built-in roots.
    pub ca_file: Option<PathBuf>,
    /// Proxy; without it the environment's `HTTPS_PROXY` and `NO_PROXY` count.
    pub proxy: Option<Proxy>,
    /// File whose first line is the password of the proxy user.
    pub proxy_password_file: Option<PathBuf>,
    /// Whether the client secret may go to a token URL on another host (protocol 0.1).
    pub token_elsewhere: bool,
}

/// `[box]`: who this box is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThisBox {
    /// At most 50 characters (protocol 9.4).
    pub organisation_id: Option<String>,
    /// Visible ASCII, at most 50 characters (protocol 3.1).
    pub id: Option<String>,
    /// VM version; without it `IMAGE_VERSION` of os-release counts.
    pub tao_version: Option<String>,
    /// Users that may do everything at the local socket.
    pub allow_uids: Vec<AccountName>,
    /// Groups whose members may do everything at the local socket.
    pub allow_gids: Vec<AccountName>,
}

/// `[api]`: what each program may do at the local socket.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LocalApi {
    /// Who reads catalogue and packages.
    pub read: Vec<Principal>,
    /// Who hands in what candidates did.
    pub intake: Vec<Principal>,
    /// Who asks for synchronizations and says that exams run.
    pub control: Vec<Principal>,
    /// Who sees password hashes and keys; without it whom `[box]` allows everything.
    pub secrets: Option<Vec<Principal>>,
}

/// `[sync]`: when and how it synchronizes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncSettings {
    /// Whether the daemon synchronizes when it starts.
    pub on_boot: bool,
    /// From one synchronization to the next; at least a second.
    pub interval: Duration,
    /// Share of a type that may be deleted unasked within a day of running time, 0 to 1.
    pub delete_limit: f64,
    /// How long what was deleted is kept, hidden; running time.
    pub keep_deleted: Duration,
    /// Whether the speed is measured when nothing was transferred (protocol 10.1).
    pub measure: bool,
    /// Calls for details at once, 1 to 16.
    pub lanes: u8,
    /// The parts of a run that is not asked for in parts.
    pub steps: Vec<SyncStep>,
    /// Most entities in one request for details, 1 to 128.
    pub page_size: u16,
    /// How long `sync --terminate` waits for the delivery engines; at least a second.
    pub terminate_timeout: Duration,
}

/// `[download]`: how packages are fetched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DownloadSettings {
    /// Bytes a second over all connections; 0 is no limit.
    pub max_rate: Size,
    /// Disk space kept free for results.
    pub reserve: Size,
    /// Most connections at once.
    pub connections: ConnectionLimit,
    /// When packages may be fetched; empty is always.
    pub windows: Vec<Window>,
    /// Local time of the windows, all year; `None`: that of `zone`.
    pub utc_offset: Option<Offset>,
    /// The time zone of the box; no key: who reads the configuration puts it here.
    pub zone: Zone,
    /// Most bytes received but not yet safe on disk.
    pub window_flush: Size,
}

/// So many openings of the windows are reckoned with: two months of nights.
const SPANS: usize = 64;

impl Settings {
    /// How long until an image may be installed or booted; zero is now. `wall` is Unix seconds that the caller trusts.
    pub fn update_wait(&self, wall: i64) -> Duration {
        let offset = |wall| self.download.offset(wall).seconds();
        window::wait(&self.update.windows, offset, wall)
    }
}

impl DownloadSettings {
    /// How long until packages may be fetched; zero is now. `wall` is Unix seconds that the caller trusts.
    pub fn wait(&self, wall: i64) -> Duration {
        window::wait(&self.windows, |wall| self.offset(wall).seconds(), wall)
    }

    /// The next times at which packages may come, each from one Unix second to before another; `None` where that is always.
    pub fn open_spans(&self, wall: i64) -> Option<Vec<(i64, i64)>> {
        let offset = |wall| self.offset(wall).seconds();
        let spans = || window::open_spans(&self.windows, offset, wall, SPANS);
        (!self.windows.is_empty()).then(spans)
    }

    /// How far local time is ahead of UTC at a moment, Unix seconds.
    pub fn offset(&self, wall: i64) -> Offset {
        self.utc_offset
            .unwrap_or_else(|| Offset::of(self.zone.offset(wall)))
    }
}

/// `[results]`: what candidates produced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultsSettings {
    /// With how many boxes of the room second copies are to lie.
    pub copies: u8,
    /// Most results in one request, 1 to 1000.
    pub chunk_size: u16,
    /// Most rows of delivery logs in one request, 1 to 10000.
    pub log_rows: u16,
    /// Whether content is removed once acknowledged.
    pub delete_after_send: bool,
    /// Largest item accepted.
    pub max_item: Size,
    /// Whether LTI users are sent (protocol 8.2).
    pub lti_users: bool,
    /// How long central may still be at a request whose answer was lost.
    pub settle: Duration,
    /// How far apart two convictions of an item must be.
    pub refuse_after: Duration,
    /// States in which an execution is taken home.
    pub states: Vec<ExecutionState>,
    /// Folder on another device for second copies; none when absent.
    pub copy_to: Option<PathBuf>,
}

/// `[site]`: the boxes of the organisation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteSettings {
    /// The file of the site keys, the one in force first.
    pub key_file: Option<PathBuf>,
    /// Where siblings are listened for; off when absent.
    pub listen: Option<SocketAddr>,
    /// Siblings, `host:port` each.
    pub peers: Vec<SitePeer>,
    /// Bytes a second that siblings are given, all together; 0 is no limit.
    pub max_rate: Size,
}

impl SiteSettings {
    /// Whether the other boxes are looked for in the network: where the box is to be found by them, and none are named.
    pub fn discovers(&self) -> bool {
        self.listen.is_some_and(|at| !at.ip().is_loopback()) && self.peers.is_empty()
    }

    /// Whether there may be other boxes.
    pub fn is_shared(&self) -> bool {
        self.discovers() || !self.peers.is_empty()
    }
}

/// `[gateway]`: the server half of the protocol.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GatewaySettings {
    /// Where it listens; off when absent.
    pub listen: Option<SocketAddr>,
    /// How old the catalogue may be when a client begins; zero: any age.
    pub max_age: Duration,
}

/// `[page]`: the status page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PageSettings {
    /// Where it listens; off when absent.
    pub listen: Option<SocketAddr>,
}

/// `[link]`: what the link should be able to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinkSettings {
    /// Mbit/s below which `doctor` warns.
    pub expected_download: f64,
    /// Mbit/s below which `doctor` warns.
    pub expected_upload: f64,
}

/// `[metrics]`: figures for a collector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    /// The file of node_exporter's textfile collector; off when absent.
    pub textfile: Option<PathBuf>,
    /// Where a Pushgateway takes the figures, to its job; off when absent.
    pub push: Option<Url>,
    /// File whose first line is `user:password` for it.
    pub push_login_file: Option<PathBuf>,
}

/// `[update]`: when a new image may be installed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpdateSettings {
    /// The folder of images; off when absent.
    pub source: Option<Url>,
    /// When an image may be installed and booted; empty is always.
    pub windows: Vec<Window>,
    /// So long before a period none is.
    pub quiet_before: Duration,
}

/// Where the value of a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a file.
    File {
        /// The name of the source.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { name, line } => write!(out, "{}:{line}", printable(name)),
            Self::Environment(name) => write!(out, "environment {name}"),
        }
    }
}

/// File names reach comments and messages of one line each.
fn printable(name: &str) -> String {
    name.replace(char::is_control, "?")
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            central: CentralSettings::default(),
            this_box: ThisBox::default(),
            api: LocalApi::default(),
            sync: SyncSettings::default(),
            download: DownloadSettings::default(),
            results: ResultsSettings::default(),
            gateway: GatewaySettings::default(),
            site: SiteSettings::default(),
            page: PageSettings::default(),
            link: LinkSettings::default(),
            metrics: Metrics::default(),
            update: UpdateSettings::default(),
            origins: vec![Origin::Default; KEYS.len()],
        };
        for key in KEYS {
            let Some(text) = key.default else { continue };
            // The defaults are constants that a test reads one by one, so neither step can fail.
            let value = DeValue::parse(text).expect("every default is TOML");
            let set = (key.set)(&mut settings, &SettingValue::of(value.get_ref()));
            set.expect("every default is a legal value of its key");
        }
        settings
    }
}

impl Settings {
    /// Lays the files and then the variables `BOXSYNC_<SECTION>_<KEY>` of the environment over the defaults; other
    /// variables are ignored.
    ///
    /// # Errors
    /// One `config.syntax`, `config.unknown_key` or `config.value` whose reason has a line for each mistake.
    pub fn read(
        sources: &[Source<'_>],
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Fault> {
        let mut settings = Self::default();
        let mut flaws = Vec::new();
        for source in sources {
            settings.file(source, &mut flaws);
        }
        let mut variables: Vec<_> = env.filter(|(n, _)| n.starts_with("BOXSYNC_")).collect();
        variables.sort();
        for (name, text) in variables {
            match KEYS.iter().position(|key| key.variable() == name) {
                Some(at) => {
                    let place = SettingPlace::Variable { name: name.clone() };
                    let origin = Origin::Environment(name);
                    settings.set(at, &SettingValue::Word(text), place, origin, &mut flaws);
                }
                None => flaws.push(SettingFlaw::unknown_variable(&name)),
            }
        }
        match SettingFlaw::told(flaws) {
            Some(trouble) => Err(trouble),
            None => Ok(settings),
        }
    }

    /// Who may do what at the local socket.
    pub fn access(&self) -> Access<'_> {
        Access {
            users: &self.this_box.allow_uids,
            groups: &self.this_box.allow_gids,
            read: &self.api.read,
            intake: &self.api.intake,
            control: &self.api.control,
            secrets: self.api.secrets.as_deref(),
        }
    }

    /// Central's root URL.
    ///
    /// # Errors
    /// `config.no_url` when none is configured.
    pub fn central(&self) -> Result<&Url, Fault> {
        let none = || Fault::new(Code::ConfigNoUrl, ConfigCause::NoUrl);
        self.central.url.as_ref().ok_or_else(none)
    }

    /// Where the value of a key comes from; none for a key that does not exist.
    pub fn origin(&self, section: &str, name: &str) -> Option<&Origin> {
        let at = position(section, name)?;
        self.origins.get(at)
    }

    fn file(&mut self, source: &Source<'_>, flaws: &mut Vec<SettingFlaw>) {
        let name = printable(source.name);
        let line = |at: usize| source.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        let place = |at: usize| SettingPlace::Line {
            file: name.clone(),
            line: line(at),
        };
        let document = match DeTable::parse(source.text) {
            Ok(document) => document,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                flaws.push(SettingFlaw::syntax(place(at), error.message()));
                return;
            }
        };
        for (section, content) in in_order(document.get_ref()) {
            let here = || place(section.span().start);
            let section = section.get_ref().as_ref();
            let known = SECTIONS.iter().any(|(name, _)| *name == section);
            let DeValue::Table(keys) = content.get_ref() else {
                flaws.push(if known {
                    SettingFlaw::not_a_section(
                        here(),
                        section,
                        &SettingValue::of(content.get_ref()),
                    )
                } else {
                    SettingFlaw::without_section(here(), section)
                });
                continue;
            };
            if !known && keys.is_empty() {
                flaws.push(SettingFlaw::unknown_section(here(), section));
            }
            for (key, value) in in_order(keys) {
                let at = key.span().start;
                match position(section, key.get_ref()) {
                    Some(index) => {
                        let origin = Origin::File {
                            name: source.name.to_owned(),
                            line: line(at),
                        };
                        let value = SettingValue::of(value.get_ref());
                        self.set(index, &value, place(at), origin, flaws);
                    }
                    None => flaws.push(SettingFlaw::unknown_key(place(at), section, key.get_ref())),
                }
            }
        }
    }

    fn set(
        &mut self,
        at: usize,
        value: &SettingValue,
        place: SettingPlace,
        origin: Origin,
        flaws: &mut Vec<SettingFlaw>,
    ) {
        let key: &SettingKey = &KEYS[at];
        match (key.set)(self, value) {
            Ok(()) => self.origins[at] = origin,
            Err(expected) => flaws.push(SettingFlaw::value(place, key, expected, value)),
        }
    }
}

fn position(section: &str, name: &str) -> Option<usize> {
    KEYS.iter()
        .position(|key| key.section == section && key.name == name)
}

type SettingEntry<'t, 'i> = (
    &'t toml::Spanned<std::borrow::Cow<'i, str>>,
    &'t toml::Spanned<DeValue<'i>>,
);

/// The entries as written, so that mistakes are told from top to bottom.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<SettingEntry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

#[cfg(test)]
mod tests;
