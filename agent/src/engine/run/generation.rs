//! The catalogue of one run: rows that are held, rows as they come, and the generation that readers see next.
//! Never shows half of a run: what was staged is renamed into place at once.
//! Called by `engine/run`, which executes what `logic/sync` commands.

use std::hash::{DefaultHasher, Hash, Hasher};

use logic::entity::{Entity, EntityType};
use logic::fault::{Code, Fault};
use logic::guard::Memory;
use logic::manifest::HeldRows;
use logic::seal::NameHash;
use logic::small_map::SmallMap;
use logic::sync::{Publication, SyncEvent};

use super::ActiveRun;
use crate::engine::carry::ORIGIN;
use crate::engine::exam;
use system::clock;
use vault::catalogue::{self, CatalogueRevision, EntityRows, SegmentWriter};
use vault::feed::{Feed, FeedChange, FeedUpdate, Op};
use vault::index::IndexStore;

impl ActiveRun {
    /// Rows of a type: shown ones, hidden ones, and staged ones that an interrupted run left; those whose records do not
    /// open are brought again.
    pub(super) fn index(&mut self, kind: EntityType) -> SyncEvent {
        let mut reader = self.means.catalogue.reader();
        let rows = self.edition.types.entry(kind).or_default();
        let before = rows.len();
        rows.retain(|name, row| reader.holds(kind, name, row));
        if rows.len() < before {
            let lost = before - rows.len();
            self.unnamed = true;
            tracing::warn!(
                code = %Code::StoreDamaged,
                "{lost} records of type {} do not open: they are brought again",
                kind.word()
            );
        }
        let shown = catalogue::index(rows);
        let hidden = self.edition.hidden.entry(kind).or_default();
        hidden.retain(|name, hidden| reader.holds(kind, name, &hidden.row));
        let hidden = hidden
            .iter()
            .map(|(name, hidden)| (*name, hidden.row.checksum))
            .collect();
        let staged = self
            .index
            .as_ref()
            .and_then(|index| index.staged(kind).ok())
            .unwrap_or_default();
        let staged: EntityRows = staged
            .into_iter()
            .filter(|(name, row)| reader.holds(kind, name, row))
            .collect();
        let held = HeldRows {
            shown,
            staged: catalogue::index(&staged),
            hidden,
        };
        self.staged
            .entry(kind)
            .or_default()
            .extend(staged.into_records());
        SyncEvent::Indexed(kind, held)
    }

    fn writer(&mut self) -> Result<&mut SegmentWriter, Fault> {
        if self.writer.is_none() {
            self.writer = Some(self.means.catalogue.writer()?);
        }
        Ok(self.writer.as_mut().expect("made above"))
    }

    pub(super) fn stage(&mut self, kind: EntityType, entities: &[Entity]) -> Result<(), Fault> {
        let mut rows = Vec::with_capacity(entities.len());
        for entity in entities {
            let name = self.means.vault.keys().name(kind.word(), &entity.id);
            let row = self.writer()?.entity(kind, name, entity)?;
            rows.push((name, row));
        }
        self.writer()?.flush()?;
        self.staged
            .entry(kind)
            .or_default()
            .extend_from_slice(&rows);
        self.index
            .as_ref()
            .map_or(Ok(()), |index| index.stage(kind, &rows))
    }

    pub(super) fn stage_classes(&mut self, classes: &[Entity]) -> Result<(), Fault> {
        for class in classes {
            let mut class = class.clone();
            class.properties.remove(logic::entity::uri::APPLICATION_KEY);
            let name = self.means.vault.keys().name("class", &class.id);
            let row = self.writer()?.class(name, &class)?;
            self.classes.insert(name, row);
        }
        Ok(())
    }

    /// One generation: rows put, restored and hidden, renamed into place at once, then told to the followers.
    pub(super) fn publish(&mut self, publication: Publication) -> Result<(), Fault> {
        // The edition is changed where it is: two of 200,000 test takers are more than the box has room for.
        let mut edition = std::mem::take(&mut self.edition);
        let published = self.publish_as(&mut edition, publication);
        self.edition = match &published {
            // Written, and not asked for again, while the run goes on for as long as packages come.
            Ok(()) => CatalogueRevision {
                memory: SmallMap::new(),
                ..edition
            },
            Err(_) => {
                drop(edition);
                let shown = self.means.catalogue.shown();
                self.unread = shown.is_err();
                shown.unwrap_or_default()
            }
        };
        published?;
        let spare = self.spare_of_all();
        self.means.downloads.borrow().link().may_go(spare);
        // The store is not needed while packages come, which may take a night: others may look into it meanwhile.
        self.index.take().map_or(Ok(()), IndexStore::close)
    }

    /// Makes of what is shown what is to be shown. After an error `edition` is neither.
    fn publish_as(
        &mut self,
        edition: &mut CatalogueRevision,
        publication: Publication,
    ) -> Result<(), Fault> {
        let catalogue = self.means.catalogue.clone();
        let (visible, running) = (publication.visible, publication.running);
        let segments = edition.segments();
        let mut step = FeedUpdate {
            before: edition.generation,
            generation: edition.generation + 1,
            from_empty: EntityType::ALL.iter().all(|kind| edition.count(*kind) == 0),
            complete: true,
        };
        edition.memory = publication.memory;
        let forgot = edition.forget(self.means.keep_deleted.as_secs(), running);
        if !visible {
            return match forgot || fingerprint(&edition.memory) != self.remembered {
                true => catalogue.publish(&segments, edition, None),
                false => Ok(()),
            };
        }
        edition.generation = step.generation;
        if publication.complete {
            // Written before: where the edition does not follow, the two are of different times, and it says nothing.
            let kept = self.means.vault.home_entry(ORIGIN);
            match &self.means.origin {
                Some(origin) => kept.put(origin)?,
                // Within the same second the two times are one.
                None => kept.remove()?,
            }
            let carried = self.means.origin.as_ref().map(|origin| origin.complete_at);
            edition.complete_at = Some(carried.unwrap_or_else(|| clock::now().wall));
        }
        let classes = std::mem::take(&mut self.classes);
        edition.classes.merge(classes.into_records());
        let mut told = Vec::new();
        for (kind, change) in publication.changes {
            told.push(self.apply(edition, kind, change, running));
        }
        let changed = told.iter().any(|told| !told.is_empty());
        let mut writer = match self.writer.take() {
            None if changed => Some(catalogue.writer()?),
            writer => writer,
        };
        if let Some(writer) = &mut writer {
            catalogue.compact(edition, writer)?;
        }
        catalogue.publish(&segments, edition, writer)?;
        step.complete = !std::mem::take(&mut self.unnamed);
        let mut reader = catalogue.reader();
        let changes = told.iter().flat_map(TypeReport::changes);
        let changes = changes.filter_map(|(kind, what)| {
            let (id, op) = match what {
                What::Put(name) => {
                    let row = edition.types.get(&kind)?.get(name)?;
                    (reader.id(kind, name, row), Op::Put)
                }
                What::Removed(id) => (Ok(id.clone()), Op::Remove),
            };
            Some(id.map(|id| FeedChange {
                kind,
                id,
                op,
                generation: step.generation,
            }))
        });
        Feed::of(&self.means.vault).append(step, changes)?;
        self.index.as_ref().map_or(Ok(()), IndexStore::unstage)
    }

    /// Brings the changes of one type into the coming edition; gives what followers are to be told.
    fn apply(
        &mut self,
        edition: &mut CatalogueRevision,
        kind: EntityType,
        change: logic::sync::CatalogueChange,
        running: u64,
    ) -> TypeReport {
        let mut reader = self.means.catalogue.reader();
        let mut put = change.put;
        put.sort_unstable();
        let mut brought = self.staged.remove(&kind).unwrap_or_default();
        // In place; what was written later lies further on.
        brought.sort_unstable_by_key(|(name, row)| (*name, row.segment, row.offset));
        let mut staged = EntityRows::new();
        staged.merge(brought);
        staged.retain(|name, _| put.binary_search(name).is_ok());
        put.retain(|name| staged.contains_key(name));
        put.dedup();
        edition.put(kind, staged.into_records());
        put.append(&mut edition.restore(kind, &change.restore));
        let mut told = TypeReport {
            kind,
            put,
            removed: Vec::new(),
        };
        for (name, row) in edition.hide(kind, &change.hide, running) {
            // A record that no longer opens is hidden all the same.
            match reader.id(kind, &name, &row) {
                Ok(id) => told.removed.push(id),
                Err(_) => self.unnamed = true,
            }
        }
        if self.means.keep_deleted.is_zero() {
            edition.hidden.remove(&kind);
        }
        told
    }

    /// Hidden deliveries, those that were hidden first before the others: their packages go when room is needed.
    fn spare(&self) -> Vec<String> {
        let mut reader = self.means.catalogue.reader();
        let mut spare: Vec<(u64, String)> = self
            .edition
            .hidden(EntityType::Delivery)
            .filter_map(|(name, hidden)| {
                let id = reader.id(EntityType::Delivery, name, &hidden.row);
                Some((hidden.at, id.ok()?))
            })
            .collect();
        spare.sort();
        spare.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// Those of them that no other organisation of the box shows; none where that is not known.
    fn spare_of_all(&self) -> Vec<String> {
        let Ok(shown) = self.means.engine.named_by_others(false) else {
            return Vec::new();
        };
        let mut spare = self.spare();
        spare.retain(|delivery| !shown.contains(&self.name(delivery)));
        spare
    }

    /// By what name a delivery is known in every organisation.
    pub(super) fn name(&self, delivery: &str) -> NameHash {
        let keys = self.means.vault.keys();
        keys.name(EntityType::Delivery.word(), delivery)
    }

    /// Packages that no delivery of any organisation names, shown or hidden, go; of hidden ones as many as results need room. While an exam
    /// runs nothing goes.
    pub(super) fn collect(&mut self) {
        if self.unread || exam::running(&self.means.root).is_some() {
            return;
        }
        let mut reader = self.means.catalogue.reader();
        let mut named: std::collections::BTreeSet<String> = self
            .edition
            .rows(EntityType::Delivery)
            .filter_map(|(name, row)| reader.id(EntityType::Delivery, name, row).ok())
            .collect();
        if named.len() < self.edition.count(EntityType::Delivery) {
            return;
        }
        named.extend(self.spare());
        // What another organisation may name stays where its catalogue does not open.
        let Ok(others) = self.means.engine.named_by_others(true) else {
            return;
        };
        let downloads = self.means.downloads.borrow();
        let link = downloads.link();
        let is_named =
            |delivery: &str| named.contains(delivery) || others.contains(&self.name(delivery));
        // What another organisation is just beginning is not described yet, and looks like nobody's: this waits for the next run.
        let collected = match link.turn.try_acquire() {
            Ok(_turn) => link.packages.collect(&is_named).map(|_| ()),
            Err(_) => Ok(()),
        };
        let collected = collected.and_then(|()| link.free_reserve());
        if let Err(trouble) = collected {
            tracing::warn!(code = %trouble.code, "{trouble}");
        }
    }
}

/// Two memories that differ have different ones.
pub(super) fn fingerprint(memory: &SmallMap<EntityType, Memory>) -> u64 {
    let mut hasher = DefaultHasher::new();
    memory.hash(&mut hasher);
    hasher.finish()
}

/// What followers are told of one type; ids of what is shown are read when they are told.
struct TypeReport {
    kind: EntityType,
    put: Vec<NameHash>,
    removed: Vec<String>,
}

enum What<'a> {
    Put(&'a NameHash),
    Removed(&'a String),
}

impl TypeReport {
    fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }

    fn changes(&self) -> impl Iterator<Item = (EntityType, What<'_>)> {
        let put = self.put.iter().map(What::Put);
        let removed = self.removed.iter().map(What::Removed);
        put.chain(removed).map(|what| (self.kind, what))
    }
}
