//! The organisations that the box is enrolled for: the same box seen as each of them, and what one has to heed of others.
//! Never decides whose an item is: that is `logic::organisation`.
//! Called by the session, by `run` for packages that others name too, and by whoever shows the box.

use std::collections::BTreeSet;
use std::sync::Arc;

use logic::entity::EntityType;
use logic::fault::{Code, EnrolCause, Fault};
use logic::organisation::{self, NamedDelivery};
use logic::report::Report;
use logic::seal::NameHash;
use logic::site::link::{LinkKey, LinkTrust};
use logic::words::Outcome;

use super::{Engine, LOCK_TIMEOUT};
use system::root::Lock;
use vault::Vault;
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::spool::{ItemFilter, Spool};

impl Engine {
    /// The same box as each of its organisations: as the first, then as those that were added, in that order.
    ///
    /// # Errors
    /// `store.damaged` where an added one does not say who it is, or what the file system says.
    pub fn organisations(&self) -> Result<Vec<Self>, Fault> {
        let added = self.vault.added_organisations()?;
        let added = added.into_iter().map(|added| self.as_added(&added.id));
        Ok([self.of_first()].into_iter().chain(added).collect())
    }

    /// The same box as one organisation that was added; the configuration names the first.
    pub(super) fn as_added(&self, id: &str) -> Self {
        let mut settings = self.settings.clone();
        settings.this_box.organisation_id = Some(id.to_owned());
        Self {
            root: self.root.clone(),
            vault: self.vault.of_organisation(id),
            settings,
        }
    }

    /// The same box as those of its organisations that are asked for; none asked for is all.
    ///
    /// # Errors
    /// `input.organisation` for one that it has not; as `organisations`.
    pub fn asked_for(&self, asked: &[String]) -> Result<Vec<Self>, Fault> {
        let all = self.organisations()?;
        if asked.is_empty() {
            return Ok(all);
        }
        let held: Vec<Option<String>> = all.iter().map(Self::organisation_id).collect();
        let unknown = asked
            .iter()
            .find(|id| held.iter().flatten().all(|held| held != *id));
        if let Some(unknown) = unknown {
            let cause = EnrolCause::UnknownOrganisation {
                id: unknown.clone(),
            };
            return Err(Fault::new(Code::InputOrganisation, cause));
        }
        let is_asked = |id: &Option<String>| id.as_ref().is_some_and(|id| asked.contains(id));
        let all = all.into_iter().zip(held);
        Ok(all
            .filter_map(|(engine, id)| is_asked(&id).then_some(engine))
            .collect())
    }

    /// Which organisation this is, as far as that is known: by configuration or enrolment, else by the catalogue.
    pub fn organisation_id(&self) -> Option<String> {
        self.organisation()
            .ok()
            .or_else(|| self.held_organisation())
    }

    /// The numbered runs of all organisations, newest first.
    ///
    /// # Errors
    /// As `history`.
    pub fn history_of_all(&self, most: usize) -> Result<Vec<Report>, Fault> {
        let all = self.organisations()?;
        let each = all.iter().map(|one| one.history(most));
        let mut reports: Vec<Report> = each.collect::<Result<Vec<_>, _>>()?.concat();
        if all.len() > 1 {
            reports.sort_by_key(|report| std::cmp::Reverse(report.sync_id));
            reports.truncate(most);
        }
        Ok(reports)
    }

    /// How many items are to go home for this organisation, refused and doubtful ones included.
    ///
    /// # Errors
    /// What the file system says.
    pub fn owed_items(&self) -> Result<u64, Fault> {
        if !self.vault.state().join("spool").is_dir() {
            return Ok(0);
        }
        let spool = Spool::open(&self.vault)?.filtered(self.item_filter(false)?);
        Ok(spool.owed()?.len() as u64)
    }

    /// Whether an organisation may be taken away, by somebody who says how much is still to go home for it.
    ///
    /// # Errors
    /// `input.organisation`, or what the file system says.
    pub fn removable(&self, id: &str, owed: Option<u64>) -> Result<(), Fault> {
        let refused = |cause| Err(Fault::new(Code::InputOrganisation, cause));
        let all = match self.asked_for(&[id.to_owned()]) {
            // One that cannot say who it is stands in the way of all: it can be taken away by its id, and what it would
            // have brought home goes with the first already.
            Err(trouble)
                if trouble.code == Code::StoreDamaged
                    && self
                        .vault
                        .of_organisation(id)
                        .chosen_organisation()
                        .is_err() =>
            {
                return Ok(());
            }
            all => all?,
        };
        let Some(one) = all.first().filter(|one| !one.vault.is_first()) else {
            return refused(EnrolCause::FirstOrganisation { id: id.to_owned() });
        };
        let count = one.owed_items()?;
        if count != owed.unwrap_or(0) {
            let first = self.of_first().organisation_id().unwrap_or_default();
            return refused(EnrolCause::OrganisationOwes {
                id: id.to_owned(),
                count,
                first,
            });
        }
        Ok(())
    }

    /// Takes an organisation away; what is owed for it goes with the first from now on, and packages that no other names
    /// go with the next synchronization.
    ///
    /// # Errors
    /// As `removable`; `state.busy`.
    pub fn remove_organisation(&self, id: &str, owed: Option<u64>) -> Result<(), Fault> {
        let _lock = Lock::take(&self.root, LOCK_TIMEOUT)?;
        self.removable(id, owed)?;
        self.vault.remove_organisation(id)
    }

    pub(super) fn of_first(&self) -> Self {
        Self {
            vault: self.vault.of_first(),
            ..self.clone()
        }
    }

    /// The box as each of the other organisations.
    fn other_homes(&self) -> Result<Vec<Vault>, Fault> {
        let all = self.organisations()?.into_iter().map(|one| one.vault);
        Ok(all
            .filter(|vault| vault.home() != self.vault.home())
            .collect())
    }

    /// Deliveries that other organisations of the box show, by name; with `hidden` also those that they keep.
    ///
    /// # Errors
    /// What their catalogues say: then nothing of what they may name is to go.
    pub(super) fn named_by_others(&self, hidden: bool) -> Result<BTreeSet<NameHash>, Fault> {
        let mut names = BTreeSet::new();
        for vault in self.other_homes()? {
            let edition = CatalogueStore::open(&vault)?.named()?;
            names.extend(deliveries(&edition, hidden));
        }
        Ok(names)
    }

    /// Which deliveries' packages who proved this key may have and hear of: all where it is that of `key_file`, else those that
    /// the organisation whose enrolment it follows from shows or keeps.
    ///
    /// # Errors
    /// As `organisations`; what its catalogue says.
    pub(super) fn given_to(&self, key: &LinkKey) -> Result<impl Fn(&str) -> bool, Fault> {
        let mut named = BTreeSet::new();
        let is_of_site = key.trust == LinkTrust::KeyFile;
        if !is_of_site {
            for one in self.organisations()? {
                if one.is_enrolled_by(key) {
                    named.extend(deliveries(&shown(&one.vault)?, true));
                }
            }
        }
        let keys = self.vault.keys().clone();
        let name = move |delivery: &str| keys.name(EntityType::Delivery.word(), delivery);
        Ok(move |delivery: &str| is_of_site || named.contains(&name(delivery)))
    }

    /// Whether a package is this organisation's to bring: always where no other one names its delivery.
    pub(super) fn may_bring(&self, delivery: &str) -> bool {
        let name = self
            .vault
            .keys()
            .name(EntityType::Delivery.word(), delivery);
        let others = self.named_by_others(false).unwrap_or_default();
        let own =
            || shown(&self.vault).is_ok_and(|own| deliveries(&own, false).any(|one| one == name));
        !others.contains(&name) || own()
    }

    /// Which items go with the credentials of this organisation; `None` on a box of one, where all do, and for the first
    /// where it cannot be read which others there are: then no other one has a run. `tries`: it has its pass now, so that
    /// what central said of its credentials before counts no more.
    ///
    /// # Errors
    /// As `organisations`, for one that was added.
    pub fn item_filter(&self, tries: bool) -> Result<Option<ItemFilter>, Fault> {
        let all = match self.organisations() {
            Err(_) if self.vault.is_first() => return Ok(None),
            all => all?,
        };
        let own = all
            .iter()
            .position(|one| one.vault.home() == self.vault.home());
        let Some(own) = own.filter(|_| all.len() > 1) else {
            return Ok(None);
        };
        // What a catalogue that does not open names goes with the first: it waits for nobody to mend that.
        let names = |one: &Self| match shown(&one.vault) {
            Ok(edition) => deliveries(&edition, true).collect(),
            Err(_) => BTreeSet::new(),
        };
        let names = |(place, one): (usize, &Self)| {
            let refused = one.is_refused() && !(tries && place == own);
            (names(one), refused)
        };
        let all: Vec<(BTreeSet<NameHash>, bool)> = all.iter().enumerate().map(names).collect();
        let keys = self.vault.keys().clone();
        Ok(Some(Arc::new(move |delivery| {
            let name = delivery.map(|id| keys.name(EntityType::Delivery.word(), id));
            let named = |(named, refused): &(BTreeSet<NameHash>, bool)| NamedDelivery {
                named: name.is_some_and(|name| named.contains(&name)),
                refused: *refused,
            };
            organisation::carrier(all.iter().map(named)) == own
        })))
    }

    /// Whether it has no credentials, or central refused them when it was asked last.
    fn is_refused(&self) -> bool {
        let is_enrolled = matches!(self.enrolment(), Ok(Some(_)));
        let last = self.last().ok().flatten();
        !is_enrolled || last.is_some_and(|last| last.outcome == Outcome::Unauthorized)
    }
}

fn shown(vault: &Vault) -> Result<CatalogueRevision, Fault> {
    CatalogueStore::open(vault)?.shown()
}

/// Names of the deliveries that an edition shows; with `hidden` also of those that it keeps.
fn deliveries(edition: &CatalogueRevision, hidden: bool) -> impl Iterator<Item = NameHash> + '_ {
    let shown = edition.rows(EntityType::Delivery).map(|(name, _)| *name);
    let kept = edition.hidden(EntityType::Delivery).map(|(name, _)| *name);
    shown.chain(kept.filter(move |_| hidden))
}

#[cfg(test)]
pub(super) mod tests {
    use logic::entity::{Entity, Value, uri};
    use logic::settings::Settings;
    use system::root::Root;
    use vault::AddedOrganisation;

    use super::*;

    /// A box of two organisations that have credentials.
    pub(in crate::engine) fn both() -> (tempfile::TempDir, Engine, Engine) {
        let dir = tempfile::tempdir().unwrap();
        let first = Engine::open(&Root::new(dir.path()), Settings::default()).unwrap();
        let added = AddedOrganisation {
            id: "B".into(),
            added_at: 1,
        };
        first.vault.add_organisation(&added, &"whole").unwrap();
        let second = first.as_added("B");
        (dir, first, second)
    }

    /// Has the organisation show this delivery.
    pub(in crate::engine) fn shows(of: &Engine, delivery: &str) {
        let catalogue = CatalogueStore::open(&of.vault).unwrap();
        let mut edition = catalogue.edition().unwrap();
        let label = Value::One("a test".to_owned());
        let entity = Entity {
            id: delivery.into(),
            checksum: "0".repeat(32),
            properties: [(uri::LABEL.to_owned(), label)].into_iter().collect(),
        };
        let name = of.vault.keys().name(EntityType::Delivery.word(), delivery);
        let mut writer = catalogue.writer().unwrap();
        let row = writer.entity(EntityType::Delivery, name, &entity).unwrap();
        let rows = edition.types.entry(EntityType::Delivery).or_default();
        rows.insert(name, row);
        let before = edition.segments();
        catalogue.publish(&before, &edition, Some(writer)).unwrap();
    }

    #[test]
    fn nothing_goes_that_a_catalogue_put_aside_may_have_named() {
        let (_dir, first, second) = both();
        let named = || first.named_by_others(true).map(|named| named.len());
        assert_eq!(named().unwrap(), 0, "it has had no run");
        shows(&second, "d");
        assert_eq!(named().unwrap(), 1);
        let edition = second.vault.home().join("catalogue/edition");
        std::fs::write(&edition, "damaged").unwrap();
        assert_eq!(named().unwrap_err().code, Code::StoreDamaged);
        // Its own run puts it aside, and ends before it has another one.
        let catalogue = CatalogueStore::open(&second.vault).unwrap();
        catalogue.set_aside(&second.vault).unwrap();
        assert_eq!(named().unwrap_err().code, Code::StoreDamaged);
        shows(&second, "e");
        assert_eq!(named().unwrap(), 1);
    }

    #[test]
    fn where_it_is_unknown_which_others_there_are_everything_goes_with_the_first() {
        let (_dir, first, second) = both();
        shows(&second, "d");
        let carries = |of: &Engine| {
            of.item_filter(true)
                .unwrap()
                .map(|carries| carries(Some("d")))
        };
        assert_eq!(
            (carries(&first), carries(&second)),
            (Some(false), Some(true))
        );
        let who = second.vault.home().join("organisation");
        std::fs::write(who, "damaged").unwrap();
        assert_eq!(carries(&first), None);
        let told = second.item_filter(true).map(|_| ()).unwrap_err();
        assert_eq!(told.code, Code::StoreDamaged);
        // Whoever knows its id takes it away, and the box is whole again.
        let told = first.remove_organisation("C", None).unwrap_err();
        assert_eq!(told.code, Code::StoreDamaged);
        first.remove_organisation("B", None).unwrap();
        assert_eq!(first.organisations().unwrap().len(), 1);
    }
}
