//! `sync --dry-run`: reads central's lists and says what a run would do.
//! Never writes into the state folder, never asks central for anything but its versions and its lists, and has no number: central
//! keeps no row of it (protocol 9.4).
//! Called by `cli`.

use logic::api::{Call, ChecksumPage, answer};
use logic::entity::EntityType;
use logic::fault::Fault;
use logic::guard::Terms;
use logic::identity::BoxIdentity;
use logic::manifest::HeldRows;
use logic::preview::{CataloguePreview, PreviewMachine, TypePreview};
use logic::small_map::SmallMap;
use logic::words::SyncParams;
use std::rc::Rc;

use super::carry::StickCentral;
use super::pass::not_enrolled;
use super::{Engine, LOCK_TIMEOUT, Request, run};
use crate::host;
use system::root::Lock;
use uplink::Uplink;
use vault::catalogue::{self, CatalogueReader, CatalogueRevision, CatalogueStore};
use vault::identity::Identities;
use vault::package::PackageStore;
use vault::random;

/// What a run would do.
#[derive(Debug, Default)]
pub struct SyncPreview {
    /// The organisation of the box.
    pub organisation: String,
    /// By type.
    pub types: SmallMap<EntityType, TypePreview<String>>,
    /// Deliveries whose packages would be fetched.
    pub fetch: Vec<String>,
    /// Deliveries that changed and whose packages are held: central's would be compared with them.
    pub compare: Vec<String>,
    /// Packages that would stay as they are.
    pub held: u64,
    /// What would fail or be held back.
    pub findings: Vec<Fault>,
}

impl Engine {
    /// What a synchronization would do now.
    ///
    /// # Errors
    /// What would keep a run from beginning; `state.busy` while one is under way.
    pub async fn preview(
        &self,
        request: &Request,
        stick: Option<&Rc<StickCentral>>,
    ) -> Result<SyncPreview, Fault> {
        // One at a time talks to central with the credentials of the box.
        let _lock = Lock::take(&self.root, LOCK_TIMEOUT)?;
        let held = Identities::of(&self.vault).read()?;
        let (identity, uplink, organisation) = match stick {
            Some(stick) => {
                let identity = held
                    .identity
                    .unwrap_or_else(|| BoxIdentity::new(random(), host::fingerprint(&self.root)));
                let uplink = self.uplink_to(stick, &identity)?;
                (identity, uplink, stick.organisation().to_owned())
            }
            None => {
                let enrolment = self.enrolment()?.ok_or_else(not_enrolled)?;
                let identity = held.identity.ok_or_else(not_enrolled)?;
                let uplink = self.uplink(Some((&enrolment, &identity)))?;
                (identity, uplink, self.organisation()?)
            }
        };
        let params = SyncParams {
            organisation_id: organisation,
            sync_id: 0,
            box_id: identity.box_id,
            tao_version: self.version()?,
        };
        let catalogue = CatalogueStore::open(&self.vault)?;
        let mut edition = catalogue.edition()?;
        if edition.organisation_id != params.organisation_id {
            self.belongs_elsewhere(&edition, &params)?;
        }
        let versions = answer::versions(&uplink.call(&Call::versions()).await?)?;
        answer::supports(&versions, &params.tao_version)?;
        let terms = Terms {
            limit: self.settings.sync.delete_limit,
            allowed: request.allow_deletes,
            running: self.vault.running(),
        };
        let hash = run::hash(&self.vault);
        let mut machine = PreviewMachine::new(hash, terms, self.exam().in_use);
        let kinds = EntityType::ALL.into_iter();
        for kind in kinds.filter(|kind| request.types.is_empty() || request.types.contains(kind)) {
            let memory = edition.memory.remove(&kind).unwrap_or_default();
            if !machine.begin(kind, rows(&edition, kind), memory) {
                break;
            }
            match list(&uplink, kind, &params, &mut machine).await {
                Ok(()) => machine.end(&params.organisation_id),
                Err(fault) => machine.fail(fault),
            }
        }
        let mut reader = catalogue.reader();
        self.named(
            params.organisation_id,
            machine.finish(),
            &edition,
            &mut reader,
        )
    }

    /// The same by id, and what it means for the packages.
    fn named(
        &self,
        organisation: String,
        done: CataloguePreview,
        edition: &CatalogueRevision,
        reader: &mut CatalogueReader,
    ) -> Result<SyncPreview, Fault> {
        let mut preview = SyncPreview {
            organisation,
            findings: done.findings,
            ..SyncPreview::default()
        };
        for (kind, of) in done.types {
            let rows = edition.types.get(&kind);
            let by_id = of.by_id(|name| {
                let row = rows?.get(&name)?;
                reader.id(kind, &name, row).ok()
            });
            preview.types.insert(kind, by_id);
        }
        let packages = PackageStore::open(&self.vault)?;
        let deliveries = preview.types.get(&EntityType::Delivery);
        for delivery in done.deliveries {
            let is_held = packages.state(&delivery)?.word == "held";
            let changed = deliveries.is_some_and(|of| of.updated.contains(&delivery));
            match (is_held, changed) {
                (false, _) => preview.fetch.push(delivery),
                (true, true) => preview.compare.push(delivery),
                (true, false) => preview.held += 1,
            }
        }
        Ok(preview)
    }
}

/// What the box has of a type; what an interrupted run left staged is no part of it.
fn rows(edition: &CatalogueRevision, kind: EntityType) -> HeldRows {
    let shown = edition.types.get(&kind);
    let hidden = edition.hidden(kind);
    HeldRows {
        shown: shown.map(catalogue::index).unwrap_or_default(),
        hidden: hidden
            .map(|(name, hidden)| (*name, hidden.row.checksum))
            .collect(),
        ..HeldRows::default()
    }
}

/// Reads one list to its end.
async fn list(
    uplink: &Uplink,
    kind: EntityType,
    params: &SyncParams,
    machine: &mut PreviewMachine,
) -> Result<(), Fault> {
    let mut call = Call::checksums(kind, params);
    loop {
        let page = ChecksumPage::read(&uplink.call(&call).await?)?;
        match machine.page(&page) {
            Some(next) => call = Call::next_page(&next),
            None => return Ok(()),
        }
    }
}
