//! The box at work: opens the state, speaks to central, brings one synchronization to its end.
//! Never holds the store while it is idle, and never runs twice at a time on one state folder.
//! Called by `cli` and by the daemon's worker.

pub mod carry;
pub mod clients;
pub mod content;
pub mod exam;
pub mod orders;
pub mod progress;
pub mod rate;
pub mod survey;
pub mod versions;

mod checker;
mod copies;
mod credentials;
mod death;
mod download;
mod downloads;
mod encryption;
mod enrol;
mod give;
mod handed;
mod handover;
pub mod image;
mod incoming;
mod kept;
mod line;
mod link;
mod organisations;
mod owed;
mod pass;
pub mod preview;
mod request;
mod run;
mod session;
mod site;
pub mod slots;
mod spread;
mod told;
mod trace;
mod twins;
mod unkept;
mod who;
mod wipe;

pub use copies::{AdoptedBox, Adoption, StandingFile, Whose};
pub use credentials::StoredCredentials;
pub use give::PackageGiver;
pub use handed::{ArrivedItems, HandedItems};
pub use handover::{CarriedAnswer, Handover};
pub use kept::{Kept, KeptBytes};
pub use line::{in_force, line, line_to, secret_file, secret_line};
pub use request::Request;
pub use session::{PackageLaneState, PassOrder, SyncSession};
pub use site::{site_key_file, site_keys};
pub use wipe::{no_daemon, owed, wipe};

use std::fs;
use std::path::Path;
use std::time::Duration;

use logic::exam::RunningExam;
use logic::fault::{Code, Fault};
use logic::identity::{self, BoxIdentity, Enrolment};
use logic::package::estimate::PackageRate;
use logic::package_lane::Waiting;
use logic::report::{KeptReport, Report};
use logic::settings::Settings;
use tokio::sync::mpsc;

use system::clock;
use system::journal::event;
use system::own;
use system::root::Root;
use uplink::{self, Credentials, Secret, Uplink};
use vault::Vault;
use vault::history::History;
use vault::index::{IndexStore, Probed};

use progress::RunWatch;

/// How long a second process waits for the first one's lock before it says who holds it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the store may be in another process's hands.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// The opened box, seen as one of its organisations.
#[derive(Clone)]
pub struct Engine {
    root: Root,
    settings: Settings,
    vault: Vault,
}

impl Engine {
    /// Opens the state folder.
    ///
    /// # Errors
    /// What `Vault::open` says.
    pub fn open(root: &Root, settings: Settings) -> Result<Self, Fault> {
        Ok(Self {
            root: root.clone(),
            settings,
            vault: Vault::open(root)?,
        })
    }

    /// The open state folder.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The configuration in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What enrolment brought, if the box is enrolled.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, Fault> {
        self.vault.home_entry("credentials").get()
    }

    /// The exam in progress, as the delivery engine tells it.
    pub fn exam(&self) -> RunningExam {
        exam::now(&self.root)
    }

    /// VM version of the box.
    ///
    /// # Errors
    /// `config.no_version`.
    pub fn version(&self) -> Result<String, Fault> {
        version(&self.root, &self.settings)
    }

    /// The organisation of the box.
    ///
    /// # Errors
    /// `config.no_organisation`.
    pub fn organisation(&self) -> Result<String, Fault> {
        let chosen = || self.vault.chosen_organisation().ok().flatten();
        identity::organisation(
            self.settings.this_box.organisation_id.as_deref(),
            self.enrolment()?.as_ref(),
            chosen,
        )
    }

    /// The account of the last run.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn last(&self) -> Result<Option<Report>, Fault> {
        let kept = self.vault.home_entry("last").get::<KeptReport>()?;
        Ok(kept.map(Report::from))
    }

    /// The numbered runs, newest first; also while a run is under way. Before an updated boxsync has run for the first
    /// time, the last one alone.
    ///
    /// # Errors
    /// What the file system says, `store.damaged`.
    pub fn history(&self, most: usize) -> Result<Vec<Report>, Fault> {
        let history = History::of(&self.vault);
        match history.exists() {
            true => history.newest(most),
            false => Ok(self.last()?.into_iter().take(most).collect()),
        }
    }

    /// One synchronization of each organisation that is asked for, from the token to the confirmation, and the packages
    /// as far as they are waited for.
    pub async fn synchronize(&self, request: &Request, watch: &RunWatch) -> Vec<Report> {
        let (_orders, mut none) = mpsc::unbounded_channel();
        let mut session = SyncSession::new(self, watch);
        session.pass(request, &mut none).await
    }

    /// What packages waited for when the last run ended; a note that does not open is as good as none. A pause counts as
    /// long as it lasts.
    pub fn waiting(&self) -> Option<Waiting> {
        let kept = self.kept_waiting();
        orders::kept(&self.vault).waiting(kept, clock::uptime(), clock::now().wall)
    }

    /// The rate at which packages come now.
    pub fn package_rate(&self) -> Option<PackageRate> {
        rate::measured(&self.root)
    }

    fn kept_waiting(&self) -> Option<Waiting> {
        self.vault
            .home_entry("waiting")
            .get()
            .ok()
            .flatten()
            .flatten()
    }

    fn store(&self) -> Result<IndexStore, Fault> {
        let index = IndexStore::open(&self.vault, STORE_TIMEOUT, &opens_in_a_child)?;
        if let Some(told) = &index.rebuilt {
            let message_id = event::STORE_REBUILT.id;
            tracing::warn!(message_id, code = %Code::StoreRebuilt, "{told}");
        }
        // An older boxsync kept history and feed in the store: the feed begins a new epoch.
        if index.has_old() {
            let history = History::of(&self.vault);
            if !history.exists() {
                history.adopt(&index.old_history()?)?;
            }
            index.forget_old()?;
        }
        Ok(index)
    }

    /// Writes down running time and what was heard of the time, where it can be written.
    pub fn keep_time(&self) {
        if let Err(trouble) = self.vault.keep_time() {
            tracing::debug!(code = %trouble.code, "{trouble}");
        }
    }

    /// The line to central, with the credentials of the box or without any (for the handshake).
    ///
    /// # Errors
    /// `config.no_url`, or a CA file or proxy password that cannot be read.
    pub fn uplink(&self, who: Option<(&Enrolment, &BoxIdentity)>) -> Result<Uplink, Fault> {
        let box_id = who.map(|(_, identity)| identity.box_id.clone());
        let line = line(&self.settings, box_id.unwrap_or_default())?;
        Self::over(line, who)
    }

    /// The same over a line that was prepared; its box id counts.
    ///
    /// # Errors
    /// As `Uplink::new`.
    pub fn over(
        line: uplink::UplinkConfig,
        who: Option<(&Enrolment, &BoxIdentity)>,
    ) -> Result<Uplink, Fault> {
        let credentials = who.map(|(enrolment, _)| Credentials {
            key: enrolment.key.clone(),
            secret: Secret::new(enrolment.secret.clone()),
            token_url: enrolment.token_url.clone(),
        });
        Uplink::new(line, credentials)
    }
}

/// The VM version, also of a box that was never opened.
///
/// # Errors
/// `config.no_version`.
pub fn version(root: &Root, settings: &Settings) -> Result<String, Fault> {
    let release = fs::read_to_string(root.os_release()).unwrap_or_default();
    identity::version(settings.this_box.tao_version.as_deref(), &release)
}

/// Opens a doubtful store in a child process first: a damaged sled may panic, which then ends the child.
fn opens_in_a_child(path: &Path) -> Probed {
    let child = own::command("probe-store")
        .arg(path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    child.map_or(Probed::Unreadable, Probed::of)
}
