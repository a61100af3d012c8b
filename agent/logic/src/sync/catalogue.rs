//! The catalogue phase of a run: six lists in order, details beside them, classes, then one publication.
//! Never shows half a catalogue: what arrives is staged, and a run that is cut short publishes nothing.
//! Called by `sync`, whose machine this is a part of.

mod judge;
mod pages;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::batch::{self, After};
use super::read_ahead::ReadAhead;
use super::{CallPurpose, Phase, SyncCommand, SyncMachine, SyncPlan, ends_run};
use crate::api::stranger::{Stranger, answered_by};
use crate::api::{Answered, Call, Classes, Details};
use crate::entity::{Entity, EntityType, uri};
use crate::exam::{ExamUse, RunningExam};
use crate::fault::{CatalogueCause, Cause, Code, Fault, Id};
use crate::guard::Terms;
use crate::manifest::{HeldRows, Manifest};
use crate::php;
use crate::small_map::SmallMap;
use crate::words::Now;

/// Ids that may wait for their details before the next page of a list is asked for: lists are fast, details are not, and
/// a list may name hundreds of thousands.
const LISTED_AHEAD: usize = 2_000;
/// Types whose entities are users, in the order of their lists: what one weighs is a guess of what the next one does.
const USERS: [EntityType; 3] = [
    EntityType::Administrator,
    EntityType::Proctor,
    EntityType::TestTaker,
];
/// Classes of the TAO ontology exist on every TAO and are never stored (protocol 5.5).
const ONTOLOGY: &str = "http://www.tao.lu/Ontologies/";

pub(super) struct CatalogueLane {
    /// Types whose lists are still to come.
    order: VecDeque<EntityType>,
    kinds: SmallMap<EntityType, TypeState>,
    batches: VecDeque<(EntityType, Vec<String>)>,
    /// The next page of the open list, which waits until fewer ids do.
    next_page: Option<(EntityType, String)>,
    /// What is read ahead of the open list.
    ahead: ReadAhead,
    /// Lists, details and class calls under way or waiting for their next attempt.
    calls: usize,
    details: usize,
    /// An eligibility is under way, which may be heavy.
    heavy: bool,
    /// Writes and questions to the store without an answer.
    stores: usize,
    state: CatalogueState,
    /// Central names a test centre, but none that this box holds.
    elsewhere: bool,
    /// A foreign page came: nothing more is asked for.
    ended: bool,
    /// What an exam in progress uses: it stays as it is shown.
    in_use: ExamUse,
    /// When the run began, to know how long the box has been running since.
    began: Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CatalogueState {
    Reading,
    Classes,
    Publishing,
    Done,
}

struct TypeState {
    manifest: Manifest,
    /// Ids that wait until a batch is full.
    partial: Vec<String>,
    /// Ids of one batch; none before the first one is cut.
    batch: Option<usize>,
    /// Bytes of one entity in the details that came last.
    weight: Option<usize>,
    put: Vec<crate::seal::NameHash>,
    listed: bool,
    failed: bool,
    /// Its details lead elsewhere: no more of them are asked for.
    ended: bool,
    classes: BTreeSet<String>,
    /// Deliveries whose details came: their packages are looked at.
    changed: BTreeSet<String>,
    /// Entities whose checksum did not fit their properties, with what was computed: asked for once more.
    doubted: BTreeMap<String, String>,
}

impl CatalogueLane {
    pub(super) fn new(plan: &SyncPlan, now: Now) -> Self {
        Self {
            began: now,
            order: plan.types.iter().copied().collect(),
            kinds: SmallMap::new(),
            batches: VecDeque::new(),
            next_page: None,
            ahead: ReadAhead::default(),
            calls: 0,
            details: 0,
            heavy: false,
            stores: 0,
            state: CatalogueState::Reading,
            elsewhere: false,
            ended: false,
            in_use: ExamUse::Nothing,
        }
    }

    /// Deliveries that central names, each with whether its entity changed in this run.
    pub(super) fn deliveries(&self) -> Vec<(String, bool)> {
        let Some(kind) = self
            .kinds
            .get(&EntityType::Delivery)
            .filter(|_| !self.elsewhere)
        else {
            return Vec::new();
        };
        kind.manifest
            .named
            .iter()
            .map(|id| (id.clone(), kind.changed.contains(id)))
            .collect()
    }

    /// Whether the list of deliveries was read to its end: only then may unnamed packages go.
    pub(super) fn deliveries_known(&self) -> bool {
        let whole = |kind: &TypeState| kind.listed && !kind.failed;
        !self.elsewhere && self.kinds.get(&EntityType::Delivery).is_some_and(whole)
    }
}

impl SyncMachine {
    pub(super) fn open_catalogue(&mut self) {
        match self.catalogue.order.pop_front() {
            Some(kind) => {
                self.catalogue.stores += 1;
                self.out.push_back(SyncCommand::Index(kind));
            }
            None if self.catalogue.kinds.is_empty() => self.catalogue_done(),
            None => {}
        }
    }

    /// The exam in progress. What it uses stays as it is shown: updates and deletions of that wait for its end.
    pub fn exam_runs(&mut self, exam: RunningExam) {
        self.catalogue.in_use = exam.in_use;
        self.report.executions = exam.executions;
    }

    /// Seconds that this box has been running, over all its boots.
    fn running(&self, now: Now) -> u64 {
        let passed = now.mono.saturating_sub(self.catalogue.began.mono);
        self.plan.running + passed.as_secs()
    }

    pub(super) fn indexed(&mut self, kind: EntityType, held: HeldRows, now: Now) {
        self.catalogue.stores -= 1;
        // What is remembered may weigh as much as what is shown: it moves along. Of the test centres it stays as it was,
        // too: another organisation's list teaches nothing.
        let memory = match kind {
            EntityType::TestCenter => self.plan.memory.get(&kind).cloned(),
            _ => self.plan.memory.remove(&kind),
        };
        let terms = Terms {
            limit: self.plan.delete_limit,
            allowed: self.plan.allow_deletes,
            running: self.running(now),
        };
        let kind_state = TypeState {
            manifest: Manifest::new(kind, held, memory.unwrap_or_default(), terms),
            partial: Vec::new(),
            batch: None,
            weight: None,
            put: Vec::new(),
            listed: false,
            failed: false,
            ended: false,
            classes: BTreeSet::new(),
            changed: BTreeSet::new(),
            doubted: BTreeMap::new(),
        };
        self.catalogue.kinds.insert(kind, kind_state);
        if self.catalogue.ended {
            return self.drop_wanted(None);
        }
        self.open_list(kind, now);
    }

    fn ask_catalogue(&mut self, purpose: CallPurpose, call: Call) {
        self.catalogue.calls += 1;
        self.ask(purpose, call);
    }

    fn fill_batches(&mut self, kind: EntityType, all: bool) {
        if self.kind(kind).ended {
            return self.drop_wanted(Some(kind));
        }
        if self.kind(kind).batch.is_none() {
            if self.waits_for_weight(kind) {
                return;
            }
            self.kind(kind).batch = Some(self.first_batch(kind));
        }
        let state = self.kind(kind);
        let size = state.batch.unwrap_or(1);
        let ready = batch::cut(&mut state.partial, size, all);
        let ready = ready.into_iter().map(|ids| (kind, ids));
        self.catalogue.batches.extend(ready);
    }

    /// How many are asked for at first of a type.
    fn first_batch(&self, kind: EntityType) -> usize {
        let kinds = &self.catalogue.kinds;
        let weights = USERS.iter().filter_map(|user| kinds.get(user)?.weight);
        let takers = kinds.get(&EntityType::TestTaker);
        let listed = takers.filter(|takers| takers.listed && !takers.failed);
        let listed = listed.map(|takers| takers.manifest.named_count());
        batch::first(kind, weights.max(), listed).min(self.plan.batch)
    }

    /// Whether the first batch of a type waits until other users were weighed, whose details are on their way.
    fn waits_for_weight(&self, kind: EntityType) -> bool {
        let is_user = |kind: EntityType| USERS.contains(&kind);
        let kinds = &self.catalogue.kinds;
        let is_weighed = |user| kinds.get(user).is_some_and(|user| user.weight.is_some());
        if !is_user(kind) || USERS.iter().any(is_weighed) {
            return false;
        }
        let waiting = self.waiting.iter().map(|(_, pending)| pending);
        let calls = self.pending.values().chain(waiting);
        let mut calls = calls.map(|pending| match &pending.purpose {
            CallPurpose::Details(kind, _) => is_user(*kind),
            _ => false,
        });
        let mut batches = self.catalogue.batches.iter();
        calls.any(|is_user| is_user) || batches.any(|(kind, _)| is_user(*kind))
    }

    /// Details came, or did not: whose first batch waited for that waits no longer.
    fn cut_waiting(&mut self) {
        for kind in USERS {
            let state = self.catalogue.kinds.get(&kind);
            let all = state.filter(|state| state.batch.is_none() && !state.partial.is_empty());
            if let Some(all) = all.map(|state| state.listed) {
                self.fill_batches(kind, all);
            }
        }
    }

    /// Somebody else answers in central's place: every further call of the catalogue would bring the same page. What
    /// came is shown, what is missing comes with the next run, and no type's absent entities are judged.
    fn end_lane(&mut self, trouble: &Fault) {
        if !std::mem::replace(&mut self.catalogue.ended, true) {
            self.report.find(trouble);
        }
        self.catalogue.order.clear();
        self.catalogue.next_page = None;
        self.drop_ahead();
        self.drop_wanted(None);
    }

    /// Gives up for this run what was not asked for yet: of one type, or of all.
    fn drop_wanted(&mut self, only: Option<EntityType>) {
        let goes = |kind: EntityType| only.is_none_or(|only| only == kind);
        for (kind, ids) in std::mem::take(&mut self.catalogue.batches) {
            if goes(kind) {
                self.report.entity(kind).failed += ids.len() as u64;
            } else {
                self.catalogue.batches.push_back((kind, ids));
            }
        }
        for (kind, state) in &mut self.catalogue.kinds {
            if goes(*kind) {
                (state.failed, state.ended) = (true, true);
                let partial = std::mem::take(&mut state.partial);
                self.report.entity(*kind).failed += partial.len() as u64;
            }
        }
    }

    pub(super) fn details(&mut self, kind: EntityType, ids: Vec<String>, answered: Answered) {
        self.catalogue.calls -= 1;
        self.catalogue.details -= 1;
        self.catalogue.heavy &= kind != EntityType::Eligibility;
        let weight = answered.as_ref().map_or(0, |reply| reply.body.len());
        let stranger = answered_by(&answered);
        let details = match answered.and_then(|reply| Details::read(&reply)) {
            Ok(details) => details,
            Err(trouble) if ends_run(&trouble) => return self.stop(trouble),
            Err(trouble) => return self.details_failed(kind, ids, &trouble, stranger),
        };
        if let Some(each) = weight.checked_div(ids.len()).filter(|each| *each > 0) {
            let size = batch::size(each).min(self.plan.batch);
            let state = self.kind(kind);
            state.batch = Some(size);
            let is_first = state.weight.replace(each).is_none();
            if is_first && kind == EntityType::Eligibility {
                self.cut_anew(kind);
            }
        }
        let mut missing: BTreeSet<String> = ids.into_iter().collect();
        let mut good = Vec::new();
        for entity in details.entities {
            // What was not asked for is not believed: this answer is not limited by type (protocol 5.4).
            if missing.remove(&entity.id) && self.trusts(kind, &entity) {
                self.count_arrival(kind, &entity);
                good.push(entity);
            }
        }
        for odd in details.odd {
            if missing.remove(&odd.key) {
                self.fail_entity(kind, odd.cause);
            }
        }
        for id in missing {
            let id = Id::from(&id);
            self.fail_entity(kind, CatalogueCause::NoDetails { id });
        }
        if !good.is_empty() {
            self.catalogue.stores += 1;
            self.out.push_back(SyncCommand::Stage(kind, good));
        }
        self.cut_waiting();
    }

    fn details_failed(
        &mut self,
        kind: EntityType,
        mut ids: Vec<String>,
        trouble: &Fault,
        stranger: Option<Stranger>,
    ) {
        let after = batch::after(trouble.code, stranger, ids.len());
        if after == After::Split {
            let rest = ids.split_off(ids.len() / 2);
            self.kind(kind).batch = Some(ids.len());
            self.catalogue.batches.push_front((kind, rest));
            self.catalogue.batches.push_front((kind, ids));
            return;
        }
        self.report.entity(kind).failed += ids.len() as u64;
        let of = kind.word().to_owned();
        let trouble = trouble
            .clone()
            .because(|why| CatalogueCause::Details { kind: of, why });
        match after {
            After::EndLane => self.end_lane(&trouble),
            After::EndType => {
                self.report.find(&trouble);
                self.drop_wanted(Some(kind));
            }
            After::Split | After::Skip => self.report.find(&trouble),
        }
        self.cut_waiting();
    }

    /// Recomputes the checksum over the properties (protocol 5.6). A mismatch is asked for once more: the same
    /// again is central's own way of formatting and is kept as received; both are told.
    fn trusts(&mut self, kind: EntityType, entity: &Entity) -> bool {
        let computed = php::checksum(&entity.properties, kind.outside_checksum());
        if computed == entity.checksum {
            self.kind(kind).doubted.remove(&entity.id);
            return true;
        }
        if self.kind(kind).doubted.get(&entity.id) == Some(&computed) {
            let cause = CatalogueCause::Checksum {
                id: Id::from(&entity.id),
                checksum: Id::from(&entity.checksum),
                computed,
            };
            self.report
                .find(&Fault::new(Code::CatalogueChecksum, cause));
            return true;
        }
        self.kind(kind).doubted.insert(entity.id.clone(), computed);
        self.catalogue
            .batches
            .push_front((kind, vec![entity.id.clone()]));
        false
    }

    fn count_arrival(&mut self, kind: EntityType, entity: &Entity) {
        let name = (self.plan.hash)(kind, &entity.id);
        let state = self.kind(kind);
        state.put.push(name);
        if kind == EntityType::Delivery {
            state.changed.insert(entity.id.clone());
        }
        state.classes.extend(
            entity
                .properties
                .values(uri::TYPE)
                .filter(|class| !class.starts_with(ONTOLOGY))
                .map(str::to_owned),
        );
        let held = state.manifest.holds(&name);
        let count = self.report.entity(kind);
        if held {
            count.updated += 1
        } else {
            count.created += 1
        }
    }

    fn fail_entity(&mut self, kind: EntityType, cause: impl Into<Cause>) {
        self.report.entity(kind).failed += 1;
        let cause = CatalogueCause::OfType {
            kind: kind.word().to_owned(),
            why: Box::new(cause.into()),
        };
        self.report.find(&Fault::new(Code::CatalogueEntity, cause));
    }

    pub(super) fn staged(&mut self, result: Result<(), Fault>) {
        self.catalogue.stores -= 1;
        if let Err(trouble) = result {
            self.stop(trouble);
        }
    }

    pub(super) fn unknown(&mut self, kind: EntityType, classes: Vec<String>) {
        self.catalogue.stores -= 1;
        if !classes.is_empty() {
            let call = Call::classes(kind, &classes);
            self.ask_catalogue(CallPurpose::Classes(kind, classes), call);
        }
    }

    pub(super) fn classes(&mut self, kind: EntityType, asked: Vec<String>, answered: Answered) {
        self.catalogue.calls -= 1;
        match answered.and_then(|reply| Classes::read(&reply)) {
            Ok(found) => {
                let own = |class: &Entity| !class.id.starts_with(ONTOLOGY);
                let found: Vec<Entity> = found.entities.into_iter().filter(own).collect();
                self.catalogue.stores += 1;
                self.out.push_back(SyncCommand::StageClasses(found));
            }
            Err(trouble) if ends_run(&trouble) => self.stop(trouble),
            Err(trouble) => {
                let (kind, count) = (kind.word().to_owned(), asked.len());
                let tell = |why| CatalogueCause::Classes { kind, count, why };
                self.report.find(&trouble.because(tell));
            }
        }
    }

    /// Gives free lanes their batches and moves on when nothing is under way.
    pub(super) fn advance_catalogue(&mut self, now: Now) {
        if self.catalogue.ended {
            self.drop_wanted(None);
        }
        self.ask_details();
        while self.turn_page(now) {
            self.ask_details();
        }
        if self.catalogue.calls + self.catalogue.stores > 0 || !self.catalogue.order.is_empty() {
            return;
        }
        match self.catalogue.state {
            CatalogueState::Reading => {
                self.catalogue.state = CatalogueState::Classes;
                self.ask_unknown_classes();
                self.advance_catalogue(now);
            }
            CatalogueState::Classes => {
                self.catalogue.state = CatalogueState::Publishing;
                self.publish(now);
            }
            CatalogueState::Publishing | CatalogueState::Done => {}
        }
    }

    fn ask_details(&mut self) {
        while self.catalogue.details < self.plan.lanes {
            let Some((kind, ids)) = self.next_batch() else {
                break;
            };
            self.catalogue.details += 1;
            let call = Call::details(kind, &ids, &self.plan.params);
            self.ask_catalogue(CallPurpose::Details(kind, ids), call);
        }
    }

    /// The next batch that may be asked for. An eligibility may name every test taker of the box: of those that are heavy,
    /// or may be, there is one under way at a time.
    fn next_batch(&mut self) -> Option<(EntityType, Vec<String>)> {
        let state = self.catalogue.kinds.get(&EntityType::Eligibility);
        let waits = self.catalogue.heavy && state.is_some_and(|state| state.batch == Some(1));
        let mut batches = self.catalogue.batches.iter();
        let at = batches.position(|(kind, _)| !(waits && *kind == EntityType::Eligibility))?;
        let next = self.catalogue.batches.remove(at)?;
        self.catalogue.heavy |= next.0 == EntityType::Eligibility;
        Some(next)
    }

    /// Cuts what waits of a type anew, now that its weight is known.
    fn cut_anew(&mut self, kind: EntityType) {
        let mut ids = Vec::new();
        self.catalogue.batches.retain_mut(|(each, batch)| {
            if *each == kind {
                ids.append(batch);
            }
            *each != kind
        });
        let state = self.kind(kind);
        ids.append(&mut state.partial);
        state.partial = ids;
        let all = state.listed;
        self.fill_batches(kind, all);
    }

    fn ask_unknown_classes(&mut self) {
        for (kind, state) in &self.catalogue.kinds {
            if !state.classes.is_empty() {
                self.catalogue.stores += 1;
                self.out.push_back(SyncCommand::Classes(
                    *kind,
                    state.classes.iter().cloned().collect(),
                ));
            }
        }
    }

    fn publish(&mut self, now: Now) {
        let publication = self.judge(now);
        self.catalogue.stores += 1;
        self.out.push_back(SyncCommand::Publish(publication));
    }

    pub(super) fn published(&mut self, result: Result<(), Fault>) {
        self.catalogue.stores -= 1;
        self.catalogue.state = CatalogueState::Done;
        if let Err(trouble) = result {
            for count in self.report.entities.values_mut() {
                *count = crate::report::EntityCount {
                    failed: count.failed,
                    ..Default::default()
                };
            }
            return self.stop(trouble);
        }
        if self.phase == Phase::Lanes {
            self.catalogue_done();
        }
    }

    fn kind(&mut self, kind: EntityType) -> &mut TypeState {
        self.catalogue
            .kinds
            .get_mut(&kind)
            .expect("a type is opened before its answers arrive")
    }
}

/// The same trouble, said of the list of one type.
fn about_list(kind: EntityType, trouble: Fault) -> Fault {
    let kind = kind.word().to_owned();
    trouble.because(|why| CatalogueCause::List { kind, why })
}
