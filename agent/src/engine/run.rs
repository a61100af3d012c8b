//! Executes one synchronization: what the machine of `logic` commands is done here, what comes of it goes back.
//! Never decides what comes next.
//! Called by `Engine::synchronize`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use logic::api::Answered;
use logic::entity::{Entity, EntityType};
use logic::manifest::Held;
use logic::package_lane::Wanted;
use logic::report::{Connection, Report, Survey};
use logic::schedule::Stage;
use logic::seal::NameHash;
use logic::spool;
use logic::sync::{Command, Event, Plan, Publication, Sync};
use logic::words::Trouble;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::downloads::Downloads;
use super::owed::{self, Pass};
use super::progress::{BRINGING, Watch};
use super::session::{Order, Orders};
use super::trace::Tracer;
use super::{exam, survey};
use crate::clock;
use crate::root::Root;
use crate::uplink::{Meter, Uplink};
use crate::vault::Vault;
use crate::vault::catalogue::{self, Catalogue, Edition, Rows, Writer};
use crate::vault::feed::{Change, Feed, Op, Step};
use crate::vault::index::Index;

/// What one run works with.
pub(super) struct Means {
    pub(super) root: Root,
    pub(super) vault: Vault,
    pub(super) uplink: Uplink,
    pub(super) catalogue: Catalogue,
    /// What the line carried before this run.
    pub(super) before: Meter,
    pub(super) downloads: Rc<RefCell<Downloads>>,
    pub(super) watch: Watch,
    pub(super) sending: (Rc<Pass>, spool::Plan),
    /// How long what was deleted is kept; running time.
    pub(super) keep_deleted: Duration,
    pub(super) tracer: Rc<Tracer>,
}

/// So often a run that waits looks whether bytes have come.
const LISTENS: Duration = Duration::from_secs(5);

/// One run under way.
pub(super) struct Run {
    means: Means,
    /// Let go when the catalogue is published.
    pub(super) index: Option<Index>,
    edition: Edition,
    /// What this run brought: rows by type, and the ids for the feed.
    staged: BTreeMap<EntityType, Rows>,
    ids: BTreeMap<NameHash, String>,
    /// Something went that cannot be named any more: the feed then begins a new epoch.
    unnamed: bool,
    classes: Rows,
    writer: Option<Writer>,
    /// Central may keep the run as under way.
    pub(super) untold: bool,
    /// Calls under way and the lane of what is owed: they end with the run.
    tasks: JoinSet<()>,
}

impl Run {
    pub(super) fn new(means: Means, index: Index, edition: Edition) -> Self {
        Self {
            means,
            index: Some(index),
            edition,
            staged: BTreeMap::new(),
            ids: BTreeMap::new(),
            unnamed: false,
            classes: Rows::new(),
            writer: None,
            untold: false,
            tasks: JoinSet::new(),
        }
    }

    /// Drives the machine to its end.
    pub(super) async fn drive(mut self, plan: Plan, orders: &mut Orders) -> (Report, Self) {
        let lane = self.means.downloads.borrow().lane().clone();
        let (send, mut receive) = mpsc::unbounded_channel();
        let mut sync = Sync::new(plan, clock::now());
        let mut heard = 0;
        let mut last_word = None;
        loop {
            while let Some(command) = sync.next() {
                if let Command::End(mut report) = command {
                    // The confirmation itself was not yet on the wire when central was told the numbers.
                    report.connection = self.connection();
                    self.untold = sync.is_untold();
                    return (*report, self);
                }
                if let Some(event) = self.execute(command, &send) {
                    sync.exam_runs(exam::running(&self.means.root).is_some());
                    sync.handle(event, clock::now());
                }
            }
            self.means.watch.report(sync.report());
            self.means.watch.reached(sync.stage());
            let wait = sync.due().map(|(at, why)| {
                let wait = at.mono.saturating_sub(clock::now().mono);
                let long = wait > Duration::from_secs(1) && why == "the next attempt";
                self.means.watch.waits(long.then_some(why));
                wait.min(LISTENS)
            });
            let event = tokio::select! {
                event = receive.recv() => event.expect("the sender lives as long as the loop"),
                Some(order) = orders.recv() => self.ordered(order, sync.stage()),
                () = lane.changed.notified() => Event::Lane { active: lane.machine.borrow().is_active() },
                () = elapsed(wait) => Event::Woken,
                () = self.means.watch.stopped(), if last_word.is_none() => {
                    last_word = Some(tokio::time::Instant::now() + LAST_WORD);
                    Event::Stopped
                }
                () = reached(last_word) => {
                    // Central did not answer in time: the next run tells it.
                    self.untold = sync.is_untold();
                    return (sync.report().clone(), self);
                }
            };
            self.means.watch.waits(None);
            while self.tasks.try_join_next().is_some() {}
            let received = self.means.uplink.moved();
            let moved = std::mem::replace(&mut heard, received) < received;
            if moved || self.means.watch.settles() {
                // A long answer over a thin line is no silence.
                sync.handle(Event::Heard, clock::now());
            }
            sync.exam_runs(exam::running(&self.means.root).is_some());
            sync.handle(event, clock::now());
        }
    }

    /// What the pass is told from outside.
    fn ordered(&mut self, order: Order, stage: Stage) -> Event {
        match order {
            Order::Close => Event::Close,
            Order::Asked { packages } => {
                if stage == Stage::Asking {
                    // They are made anew; nothing that is owed is on its way yet.
                    self.tasks.abort_all();
                }
                self.means.sending.0.asked.notify_one();
                Event::Asked { packages }
            }
        }
    }

    /// Does what is commanded: at once, with its event, or in the background, whose event comes over `send`.
    fn execute(&mut self, command: Command, send: &mpsc::UnboundedSender<Event>) -> Option<Event> {
        match command {
            Command::Ask(ticket, call) => {
                self.means.watch.does(doing(call.name));
                let (uplink, send) = (self.means.uplink.clone(), send.clone());
                let vault = self.means.vault.clone();
                self.tasks.spawn_local(async move {
                    let answered: Answered = uplink.call(&call).await;
                    if let Ok(reply) = &answered
                        && call.name == "versions"
                        && let Ok(versions) = logic::api::answer::versions(reply)
                    {
                        // Only for clients of the gateway; a run does not fail for them.
                        let _ = super::versions::remember(&vault, &versions);
                    }
                    // The machine may have ended meanwhile.
                    let _ = send.send(Event::Answered(ticket, answered));
                });
                None
            }
            Command::Index(kind) => Some(self.index(kind)),
            Command::Stage(kind, entities) => Some(Event::Staged(self.stage(kind, &entities))),
            Command::StageClasses(classes) => Some(Event::Staged(self.stage_classes(&classes))),
            Command::Classes(kind, classes) => {
                let known = |class: &String| {
                    let name = self.means.vault.keys().name("class", class);
                    self.edition.classes.contains_key(&name) || self.classes.contains_key(&name)
                };
                Some(Event::Unknown(
                    kind,
                    classes.into_iter().filter(|class| !known(class)).collect(),
                ))
            }
            Command::Publish(publication) => Some(Event::Published(self.publish(publication))),
            Command::Owed(central) => {
                self.means.watch.does("sending what is owed");
                let (pass, plan) = self.means.sending.clone();
                let plan = spool::Plan { central, ..plan };
                let send = send.clone();
                self.tasks.spawn_local(async move {
                    let (count, told) = owed::send(&pass, plan).await;
                    let _ = send.send(Event::Owed(count, told));
                });
                None
            }
            Command::Wanted { deliveries, whole } => {
                self.means.watch.does(BRINGING);
                let wanted = deliveries
                    .into_iter()
                    .map(|(delivery, changed)| self.wanted(delivery, changed));
                let wanted = wanted.collect();
                let mut downloads = self.means.downloads.borrow_mut();
                downloads.want(wanted, whole);
                let active = downloads.lane().machine.borrow().is_active();
                Some(Event::Lane { active })
            }
            Command::Account => {
                let account = self.means.downloads.borrow().account();
                Some(Event::Accounted(account))
            }
            Command::Collect => {
                self.collect();
                None
            }
            Command::Survey => {
                self.means.watch.does("confirming to central");
                let survey = Survey {
                    // What clients of the gateway said is worth telling, but no run fails for it.
                    clients: super::clients::confirmations(&self.means.vault).unwrap_or_default(),
                    ..survey::take(self.means.vault.state())
                };
                Some(Event::Surveyed(survey, self.connection()))
            }
            Command::Told(clients) => {
                if let Err(trouble) = super::clients::forget(&self.means.vault, &clients) {
                    tracing::warn!(code = %trouble.code, "{trouble}");
                }
                None
            }
            Command::Closed(sync_id) => {
                self.means.tracer.with(|trace| trace.told(sync_id));
                // Without it central is told once more, which does no harm.
                let _ = self.means.tracer.write();
                None
            }
            Command::End(_) => None,
        }
    }

    /// Rows of a type: shown ones, hidden ones, and staged ones that an interrupted run left; those whose records do not
    /// open are brought again.
    fn index(&mut self, kind: EntityType) -> Event {
        let mut reader = self.means.catalogue.reader();
        let rows = self.edition.types.entry(kind).or_default();
        let before = rows.len();
        rows.retain(|name, row| reader.holds(kind, name, row));
        if rows.len() < before {
            let lost = before - rows.len();
            self.unnamed = true;
            tracing::warn!(
                code = "store.damaged",
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
        let staged: Rows = staged
            .into_iter()
            .filter(|(name, row)| reader.holds(kind, name, row))
            .collect();
        let held = Held {
            shown,
            staged: catalogue::index(&staged),
            hidden,
        };
        self.staged.entry(kind).or_default().extend(staged);
        Event::Indexed(kind, held)
    }

    fn writer(&mut self) -> Result<&mut Writer, Trouble> {
        if self.writer.is_none() {
            self.writer = Some(self.means.catalogue.writer()?);
        }
        Ok(self.writer.as_mut().expect("made above"))
    }

    fn stage(&mut self, kind: EntityType, entities: &[Entity]) -> Result<(), Trouble> {
        let mut rows = Vec::with_capacity(entities.len());
        for entity in entities {
            let name = self.means.vault.keys().name(kind.word(), &entity.id);
            let row = self.writer()?.entity(kind, name, entity)?;
            self.ids.insert(name, entity.id.clone());
            rows.push((name, row));
        }
        self.writer()?.flush()?;
        self.staged
            .entry(kind)
            .or_default()
            .extend(rows.iter().copied());
        self.index
            .as_ref()
            .map_or(Ok(()), |index| index.stage(kind, &rows))
    }

    fn stage_classes(&mut self, classes: &[Entity]) -> Result<(), Trouble> {
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
    fn publish(&mut self, publication: Publication) -> Result<(), Trouble> {
        let before = self.edition.clone();
        let mut edition = Edition {
            memory: publication.memory,
            ..before.clone()
        };
        let (visible, running) = (publication.visible, publication.running);
        edition.forget(self.means.keep_deleted.as_secs(), running);
        let mut changes = Vec::new();
        if visible {
            edition.generation += 1;
            if publication.complete {
                edition.complete_at = Some(clock::now().wall);
            }
            edition.classes.append(&mut self.classes);
            for (kind, change) in publication.changes {
                self.apply(&mut edition, kind, change, running, &mut changes)?;
            }
            let writer = match self.writer.take() {
                Some(writer) => Some(writer),
                None if changes.is_empty() => None,
                None => Some(self.means.catalogue.writer()?),
            };
            let writer = match writer {
                Some(mut writer) => {
                    self.means.catalogue.compact(&mut edition, &mut writer)?;
                    Some(writer)
                }
                None => None,
            };
            self.means.catalogue.publish(&before, &edition, writer)?;
        } else if edition != before {
            self.means.catalogue.publish(&before, &edition, None)?;
        }
        if visible {
            let step = Step {
                before: before.generation,
                generation: edition.generation,
                from_empty: EntityType::ALL.iter().all(|kind| before.count(*kind) == 0),
                complete: !std::mem::take(&mut self.unnamed),
            };
            Feed::of(&self.means.vault).append(step, &changes)?;
            self.index.as_ref().map_or(Ok(()), Index::unstage)?;
        }
        self.edition = edition;
        let spare = self.spare();
        self.means.downloads.borrow().link().may_go(spare);
        // The store is not needed while packages come, which may take a night: others may look into it meanwhile.
        self.index.take().map_or(Ok(()), Index::close)
    }

    /// Brings the changes of one type into the coming edition, and into what followers are told.
    fn apply(
        &mut self,
        edition: &mut Edition,
        kind: EntityType,
        change: logic::sync::Change,
        running: u64,
        changes: &mut Vec<Change>,
    ) -> Result<(), Trouble> {
        let mut reader = self.means.catalogue.reader();
        let staged = self.staged.remove(&kind).unwrap_or_default();
        let generation = edition.generation;
        let mut tell = |id, op| {
            changes.push(Change {
                kind,
                id,
                op,
                generation,
            });
        };
        for name in change.put {
            let Some(row) = staged.get(&name) else {
                continue;
            };
            let id = match self.ids.remove(&name) {
                Some(id) => id,
                None => reader.entity(kind, &name, row)?.id,
            };
            edition.put(kind, name, *row);
            tell(id, Op::Put);
        }
        for name in change.restore {
            let Some(row) = edition.restore(kind, name) else {
                continue;
            };
            tell(reader.entity(kind, &name, &row)?.id, Op::Put);
        }
        for name in change.hide {
            let Some(row) = edition.hide(kind, name, running) else {
                continue;
            };
            // A record that no longer opens is hidden all the same.
            match reader.entity(kind, &name, &row) {
                Ok(entity) => tell(entity.id, Op::Remove),
                Err(_) => self.unnamed = true,
            }
        }
        if self.means.keep_deleted.is_zero() {
            edition.hidden.remove(&kind);
        }
        Ok(())
    }

    /// Hidden deliveries, those that were hidden first before the others: their packages go when room is needed.
    fn spare(&self) -> Vec<String> {
        let mut reader = self.means.catalogue.reader();
        let mut spare: Vec<(u64, String)> = self
            .edition
            .hidden(EntityType::Delivery)
            .filter_map(|(name, hidden)| {
                let entity = reader.entity(EntityType::Delivery, name, &hidden.row);
                Some((hidden.at, entity.ok()?.id))
            })
            .collect();
        spare.sort();
        spare.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// Packages that no delivery names, shown or hidden, go; of hidden ones as many as results need room. While an exam
    /// runs nothing goes.
    fn collect(&mut self) {
        if exam::running(&self.means.root).is_some() {
            return;
        }
        let mut reader = self.means.catalogue.reader();
        let mut named: std::collections::BTreeSet<String> = self
            .edition
            .rows(EntityType::Delivery)
            .filter_map(|(name, row)| Some(reader.entity(EntityType::Delivery, name, row).ok()?.id))
            .collect();
        if named.len() < self.edition.count(EntityType::Delivery) {
            return;
        }
        named.extend(self.spare());
        let downloads = self.means.downloads.borrow();
        let link = downloads.link();
        let collected = link
            .packages
            .collect(&|delivery| named.contains(delivery))
            .and_then(|_| link.free_reserve());
        if let Err(trouble) = collected {
            tracing::warn!(code = %trouble.code, "{trouble}");
        }
    }

    fn wanted(&self, delivery: String, changed: bool) -> Wanted {
        let name = self
            .means
            .vault
            .keys()
            .name(EntityType::Delivery.word(), &delivery);
        let rows = self.edition.types.get(&EntityType::Delivery);
        Wanted {
            entity: rows
                .and_then(|rows| rows.get(&name))
                .map(|row| row.checksum),
            delivery,
            changed,
        }
    }

    fn connection(&self) -> Connection {
        survey::connection(&self.means.uplink.meter().since(&self.means.before))
    }
}

/// How long a run that was told to end waits for central to hear of it: its process is killed soon after.
const LAST_WORD: Duration = Duration::from_secs(2);

async fn elapsed(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn reached(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The store's own keyed hash of an id.
pub(super) fn hash(vault: &Vault) -> logic::sync::Hash {
    let keys = vault.keys().clone();
    Rc::new(move |kind, id| keys.name(kind.word(), id))
}

fn doing(call: &str) -> &'static str {
    match call {
        "versions" => "asking central for its versions",
        "checksums" => "comparing the catalogue",
        "details" | "classes" => "bringing the catalogue",
        "speed" => "measuring the link",
        _ => "talking to central",
    }
}
