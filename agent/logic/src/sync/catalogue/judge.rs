//! The end of the catalogue phase: what of a run becomes visible, what is hidden, what is held back, and how that is told.
//! Never decides about one entity: `manifest` and `guard` do.
//! Called by the catalogue phase when nothing is under way any more.

use super::super::{CatalogueChange, Publication, SyncMachine};
use super::TypeState;
use crate::entity::EntityType;
use crate::exam::InUse;
use crate::guard::RetainedLists;
use crate::report::EntityCount;
use crate::words::Now;

impl TypeState {
    /// What of this run's arrivals becomes visible, and how many updates wait for the end of an exam that began while
    /// they came: they are fetched again after it.
    fn arrivals(&mut self, count: &mut EntityCount, in_use: &InUse) -> (CatalogueChange, u64) {
        let manifest = &self.manifest;
        count.unchanged = manifest.unchanged;
        count.created += manifest.restore.len() as u64;
        for name in &manifest.reuse {
            match manifest.holds(name) {
                true => count.updated += 1,
                false => count.created += 1,
            }
        }
        let mut put = std::mem::take(&mut self.put);
        put.extend(&manifest.reuse);
        let before = put.len();
        put.retain(|name| !(in_use.keeps(name) && manifest.holds(name)));
        let deferred = (before - put.len()) as u64;
        count.updated -= deferred.min(count.updated);
        count.unchanged += deferred;
        let change = CatalogueChange {
            put,
            restore: std::mem::take(&mut self.manifest.restore),
            hide: Vec::new(),
        };
        (change, deferred)
    }
}

impl SyncMachine {
    /// Judges every type's absent entities and gathers what becomes visible.
    pub(super) fn judge(&mut self, now: Now) -> Publication {
        let mut publication = Publication {
            memory: std::mem::take(&mut self.plan.memory),
            running: self.running(now),
            ..Publication::default()
        };
        if self.catalogue.elsewhere {
            for count in self.report.entities.values_mut() {
                *count = EntityCount {
                    failed: count.failed,
                    ..Default::default()
                };
            }
            return publication;
        }
        let centre = self.catalogue.kinds.get(&EntityType::TestCenter);
        let centre_named = centre
            .is_none_or(|kind| kind.listed && !kind.failed && kind.manifest.names_a_held_one());
        let mut whole = EntityType::ALL
            .iter()
            .all(|kind| self.catalogue.kinds.contains_key(kind));
        let (exam, hash) = (&self.catalogue.in_use, &self.plan.hash);
        let mut judged = RetainedLists::default();
        for (kind, state) in &mut self.catalogue.kinds {
            let count = self
                .report
                .entities
                .entry(kind.word().to_owned())
                .or_default();
            let in_use = exam.of_type(*kind, |id| hash(*kind, id));
            let (change, deferred) = state.arrivals(count, &in_use);
            let change = publication.changes.entry(*kind).or_insert(change);
            whole &= state.listed && !state.failed;
            if state.failed || !state.listed {
                // A part of a list judges nothing, but what it said was said.
                publication.memory.insert(*kind, state.manifest.cease());
                continue;
            }
            let arriving = count.created;
            let closing = state
                .manifest
                .close(centre_named, arriving, deferred, in_use);
            count.deleted = closing.hide.len() as u64;
            count.held_back = closing.memory.held_back;
            change.hide = closing.hide;
            whole &= closing.memory.waiting == 0;
            judged.add(*kind, &closing.memory);
            publication.memory.insert(*kind, closing.memory);
        }
        publication.complete = whole;
        publication.visible = whole || publication.changes.values().any(CatalogueChange::is_some);
        for found in judged.contradicted().into_iter().chain(judged.held_back()) {
            self.report.find(&found);
        }
        // What waits for the end of an exam comes by itself: the run has not failed.
        if let Some(waits) = judged.waiting() {
            self.report.note(&waits);
        }
        publication
    }
}

#[cfg(test)]
mod tests {
    use crate::small_map::SmallMap;
    use std::rc::Rc;

    use super::*;
    use crate::api::Reply;
    use crate::entity::Checksum;
    use crate::fault::{Code, Fault};
    use crate::guard::Memory;
    use crate::manifest::{HeldRows, IndexRows};
    use crate::seal::NameHash;
    use crate::sync::{SyncCommand, SyncEvent, SyncPlan};
    use crate::words::SyncParams;

    fn name(id: &str) -> NameHash {
        let mut hash = [0; 16];
        hash[..id.len()].copy_from_slice(id.as_bytes());
        NameHash(hash)
    }

    fn begun(memory: SmallMap<EntityType, Memory>) -> SyncMachine {
        let plan = SyncPlan {
            params: SyncParams {
                organisation_id: "1001".into(),
                sync_id: 9,
                box_id: "box".into(),
                tao_version: "2022.11".into(),
            },
            types: vec![EntityType::TestTaker],
            packages: false,
            owed: false,
            measure: false,
            asked: false,
            allow_deletes: false,
            delete_limit: 0.5,
            owed_first: false,
            batch: 128,
            lanes: 1,
            pages: 1,
            memory,
            running: 1_000,
            hash: Rc::new(|_, id| name(id)),
            patience: None,
            interval: std::time::Duration::from_secs(900),
            untold: Vec::new(),
            random: 1,
        };
        SyncMachine::new(plan, Now::default())
    }

    /// The list names `a`, edited, and then breaks off; nothing else is answered either.
    fn publication(mut sync: SyncMachine) -> Publication {
        const PAGE: &str = r#"{"nextCallUrl":"/taoSync/SynchronizationApi/fetchEntityChecksums?offset=1",
            "entities":{"a":{"id":"a","checksum":"ffffffffffffffffffffffffffffffff"}}}"#;
        let mut pages = vec![PAGE];
        loop {
            let event = match sync.next().expect("a run goes on until it publishes") {
                SyncCommand::Ask(ticket, call) => {
                    let body = match call.name {
                        "versions" => Some(r#"{"success":true,"data":["2022.11"]}"#),
                        "checksums" => pages.pop(),
                        _ => None,
                    };
                    let answered = body.map(|body| Reply {
                        status: 200,
                        body: body.to_owned().into(),
                        ..Reply::default()
                    });
                    let failed = || Fault::new(Code::CentralRefused, "no");
                    SyncEvent::Answered(ticket, answered.ok_or_else(failed))
                }
                SyncCommand::Index(kind) => {
                    let shown: IndexRows =
                        ["a", "gone"].map(|id| (name(id), Checksum([1; 16]))).into();
                    let held = HeldRows {
                        shown,
                        ..HeldRows::default()
                    };
                    SyncEvent::Indexed(kind, held)
                }
                SyncCommand::Publish(publication) => return publication,
                _ => continue,
            };
            sync.handle(event, Now::default());
        }
    }

    #[test]
    fn a_list_that_broke_off_forgets_nothing_and_what_it_said_was_said() {
        let remembered = Memory {
            read_at: Some(100),
            absent: [(name("gone"), Some(50))].into(),
            held_back: 1,
            ..Memory::default()
        };
        let memory = SmallMap::from([
            (EntityType::TestTaker, remembered.clone()),
            (EntityType::Proctor, remembered.clone()),
        ]);
        let publication = publication(begun(memory));
        assert_eq!(publication.memory[&EntityType::Proctor], remembered);
        let mut kept = publication.memory[&EntityType::TestTaker].clone();
        assert!(kept.said.remove(&name("a")).is_some());
        assert_eq!(kept, remembered);
        assert!(!publication.changes[&EntityType::TestTaker].is_some());
    }
}
