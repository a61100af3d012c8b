//! A synchronization with a stick in the place of central: the same machine, guards, packages, account and history.
//! Never takes older data unless it is asked for, never sends anything, and tells nobody but the box itself.
//! Called by the verb `carry import`.

use std::path::Path;
use std::rc::Rc;

use logic::carry::may_be_taken;
use logic::fault::Fault;
use logic::identity::BoxIdentity;
use logic::report::{Report, StickOrigin};
use logic::seal::NameHash;
use tokio::sync::mpsc;

use super::serve::StickCentral;
use super::source::StickSource;
use crate::engine::line::line_within;
use crate::engine::progress::RunWatch;
use crate::engine::{Engine, Request, SyncSession};
use uplink::Uplink;
use vault::catalogue::CatalogueStore;
use vault::random;

/// The file that says where the catalogue came from.
pub(in crate::engine) const ORIGIN: &str = "origin";

impl Engine {
    /// The stick that the catalogue came from which was complete then; `None` where that is central's own.
    pub fn origin(&self, complete_at: Option<i64>) -> Option<StickOrigin> {
        let kept: Option<StickOrigin> = self.vault.home_entry(ORIGIN).get().ok().flatten();
        kept.filter(|origin| origin.is_of(complete_at))
    }

    /// What a place holds of this organisation, ready to answer a synchronization.
    ///
    /// # Errors
    /// `carry.older`; as `carried`; `config.no_version`.
    pub fn stick_central(&self, place: &Path, older: bool) -> Result<Rc<StickCentral>, Fault> {
        let (stick, found) = self.carried(place)?;
        // One that does not open is brought anew, from whatever there is.
        let held = CatalogueStore::open(&self.vault)?.shown().ok();
        let held = held.and_then(|edition| edition.complete_at);
        let path = place.display().to_string();
        may_be_taken(&path, found.head.complete_at, held, older)?;
        let source = Rc::new(StickSource::new(place, stick, found));
        let secret = NameHash(random()).to_string();
        Ok(StickCentral::new(source, self.version()?, secret))
    }

    /// One synchronization of its organisation with a stick.
    pub async fn import_data(
        &self,
        stick: Rc<StickCentral>,
        allow_deletes: bool,
        watch: &RunWatch,
    ) -> Vec<Report> {
        let request = Request {
            results: false,
            allow_deletes,
            now: true,
            organisations: vec![stick.organisation().to_owned()],
            ..Request::default()
        };
        let (_orders, mut none) = mpsc::unbounded_channel();
        let mut session = SyncSession::with_stick(self, watch, stick);
        session.pass(&request, &mut none).await
    }

    /// A line to a stick.
    pub(in crate::engine) fn uplink_to(
        &self,
        stick: &Rc<StickCentral>,
        identity: &BoxIdentity,
    ) -> Result<Uplink, Fault> {
        let box_id = identity.box_id.clone();
        let line = line_within(
            &self.settings,
            box_id,
            StickCentral::url(),
            stick.connector(),
        );
        Self::over(line, Some((&stick.enrolment(), identity)))
    }
}
