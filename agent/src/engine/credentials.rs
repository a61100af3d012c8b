//! How the box gets credentials: they are tried with central before they replace others.
//! Never replaces credentials by ones that were not tried, unless a person insists; never makes a client on central while
//! another process holds the state, for nothing could be stored then.
//! Called by `enroll`, `credentials import`, and by the worker of a box that is given a login.

use std::time::Duration;

use logic::api::{Call, Handshake, answer};
use logic::credentials::{CredentialsPlace, EnrolWish, KnownOrganisation, judge};
use logic::entity::EntityType;
use logic::fault::{Code, EnrolCause, Fault};
use logic::identity::{BoxIdentity, Enrolment};
use tokio::time::timeout;

use super::trace::Tracer;
use super::unkept::Unkept;
use super::{Engine, LOCK_TIMEOUT};
use system::clock;
use system::root::Lock;
use vault::AddedOrganisation;
use vault::catalogue::CatalogueStore;

/// Central has so long to take new credentials.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// New credentials, sealed and in force.
#[derive(Debug)]
pub struct StoredCredentials {
    /// The credentials.
    pub enrolment: Enrolment,
    /// Why it is not known whether central takes them.
    pub untried: Option<Fault>,
    /// The organisation beside the first that they are for.
    pub added: Option<String>,
}

impl Engine {
    /// Trades a sync manager's login for credentials and keeps them sealed (protocol 2), as those of the organisation that
    /// `wish` means. One more consumer is made on central each time.
    ///
    /// # Errors
    /// `auth.password`, `auth.not_sync_manager`, `auth.other_organisation`, `config.no_organisation`, `state.busy`, or what
    /// a call says; what the box had before is still in force then.
    pub async fn enroll(
        &self,
        login: &str,
        password: &str,
        wish: EnrolWish<'_>,
    ) -> Result<StoredCredentials, Fault> {
        let lock = Lock::take(&self.root, LOCK_TIMEOUT)?;
        let uplink = self.uplink(None)?;
        let reply = uplink.call(&Call::handshake(login, password)).await?;
        let handshake = Handshake::read(&reply)?;
        let enrolment = Enrolment {
            key: handshake.key,
            secret: handshake.secret,
            token_url: handshake.token_url,
            sync_user: Some(handshake.user),
            enrolled_at: clock::now().wall,
        };
        self.replace(&lock, enrolment, wish, false).await
    }

    /// Keeps credentials that were made on central. `insists`: also when central cannot be asked about them and others
    /// are in force. What the box knows of its sync manager stays.
    ///
    /// # Errors
    /// `auth.untried`, central's refusal, `state.busy`, or what the file system says; what the box had before is still in
    /// force then.
    pub async fn import(
        &self,
        enrolment: Enrolment,
        wish: EnrolWish<'_>,
        insists: bool,
    ) -> Result<StoredCredentials, Fault> {
        let lock = Lock::take(&self.root, LOCK_TIMEOUT)?;
        self.replace(&lock, enrolment, wish, insists).await
    }

    async fn replace(
        &self,
        lock: &Lock,
        enrolment: Enrolment,
        wish: EnrolWish<'_>,
        insists: bool,
    ) -> Result<StoredCredentials, Fault> {
        let identity = self.settled(lock)?;
        let place = self.place(&enrolment, wish)?;
        let (of, added) = match &place {
            CredentialsPlace::First(_) => (self.clone(), None),
            CredentialsPlace::Added(id) => (self.as_added(id), Some(id.clone())),
        };
        let (before, damaged) = of.before()?;
        let trial = self.tried(&enrolment, &identity).await;
        let untried = judge(trial, before.is_some(), insists)?;
        let mut enrolment = enrolment;
        if enrolment.sync_user.is_none() {
            enrolment.sync_user = before.and_then(|before| before.sync_user);
        }
        let entry = of.vault.home_entry("credentials");
        if damaged {
            entry.set_aside(&self.vault)?;
        }
        // Who enrols a box has set it up: until central is heard over TLS the system clock of this moment counts. Where
        // that cannot be written nothing fails.
        let _ = self.vault.set_up_time();
        let said = |id: &String| AddedOrganisation {
            id: id.clone(),
            added_at: clock::now().wall,
        };
        match &place {
            CredentialsPlace::Added(id) if of.vault.chosen_organisation()?.is_none() => {
                self.vault.add_organisation(&said(id), &enrolment)?;
            }
            CredentialsPlace::First(Some(id)) => {
                entry.put(&enrolment)?;
                self.vault.choose_organisation(&said(id))?;
            }
            CredentialsPlace::Added(_) | CredentialsPlace::First(None) => entry.put(&enrolment)?,
        }
        // Whoever has the old credentials no longer disturbs this box.
        let tracer = Tracer::open(&self.vault, &mut Unkept::default())?;
        if tracer.with(|trace| trace.twice.take()).is_some() {
            tracer.write()?;
        }
        Ok(StoredCredentials {
            enrolment,
            untried,
            added,
        })
    }

    /// The credentials that are in force; whether there are some that do not open.
    fn before(&self) -> Result<(Option<Enrolment>, bool), Fault> {
        match self.enrolment() {
            Ok(before) => Ok((before, false)),
            Err(trouble) if trouble.code == Code::StoreDamaged => Ok((None, true)),
            Err(trouble) => Err(trouble),
        }
    }

    /// The organisation of the box that new credentials are for.
    fn place(&self, new: &Enrolment, wish: EnrolWish) -> Result<CredentialsPlace, Fault> {
        let (before, _) = self.before()?;
        let chosen = self.vault.chosen_organisation().ok().flatten();
        let named = before.as_ref().map(Enrolment::organisations);
        let named = match (&named, chosen.as_deref()) {
            (Some(ids), Some(chosen)) if ids.len() != 1 => Some(vec![chosen]),
            _ => named,
        };
        let held = self.held_organisation();
        let known = KnownOrganisation {
            configured: self.settings.this_box.organisation_id.as_deref(),
            catalogue: held.as_deref(),
            before: named.as_deref(),
        };
        let added = self.vault.added_organisations()?;
        let added: Vec<&str> = added.iter().map(|one| one.id.as_str()).collect();
        known.place(&new.organisations(), &added, wish)
    }

    /// Whether central takes the credentials: a token, and a call that needs the role and leaves no trace there.
    async fn tried(&self, enrolment: &Enrolment, identity: &BoxIdentity) -> Result<(), Fault> {
        let uplink = self.uplink(Some((enrolment, identity)))?;
        let reply = timeout(TRIAL_TIMEOUT, uplink.call(&Call::versions()))
            .await
            .unwrap_or_else(|_| {
                let seconds = TRIAL_TIMEOUT.as_secs();
                Err(Fault::new(
                    Code::NetTimeout,
                    EnrolCause::NoAnswer { seconds },
                ))
            })?;
        answer::versions(&reply).map(|_| ())
    }

    /// The organisation whose catalogue the box holds; an edition that does not open holds nothing.
    pub(super) fn held_organisation(&self) -> Option<String> {
        let edition = CatalogueStore::open(&self.vault).ok()?.shown().ok()?;
        let holds = EntityType::ALL.iter().any(|kind| edition.count(*kind) > 0);
        (holds && !edition.organisation_id.is_empty()).then_some(edition.organisation_id)
    }
}
