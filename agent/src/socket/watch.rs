//! Looks for all followers of the events what has changed on the box, and writes it into one log.
//! Never runs while nobody follows, never reads again what nobody wrote, and never a process for a follower.
//! Started by the route `events`; woken by what the daemon does itself, and now and then for what others do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use logic::access::ApiRole;
use logic::entity::EntityType;
use logic::events::{BoxEvent, BoxFacts, EventLog, PackageFact, changes};
use logic::fault::Fault;
use logic::intake::ItemKind;
use logic::outside;
use logic::seal::NameHash;
use serde_json::json;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use super::sample::BoxView;
use super::state::SharedState;
use super::{results, standing};
use crate::engine::{Engine, exam};
use system::clock;
use vault::catalogue::FileStamp;
use vault::package::PackageStore;
use vault::random;
use vault::spool::{FateMarks, Spool};

/// What other processes do is seen within this.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks; what happens faster is told together.
const PAUSE: Duration = Duration::from_millis(200);
/// A look that takes long is repeated so many times its length later.
const SHARE: u32 = 4;
/// The log outlives its last follower by this: one that comes back is told what it missed.
const LOG_LIFETIME: Duration = Duration::from_secs(60);
/// The verdict is looked at again so often; a run that ends asks for it at once.
const JUDGED: Duration = Duration::from_secs(300);

/// What the followers share.
#[derive(Default)]
pub(super) struct EventHub {
    watched: RefCell<Option<Watched>>,
    followers: Cell<usize>,
    /// There is a watch, or it is about to begin.
    running: Cell<bool>,
    /// The log has grown.
    pub(super) news: Notify,
    /// Something was done that the watch may want to look at.
    done: Notify,
    /// The verdict may be another one.
    judged: Notify,
}

/// The log and what it leads to.
pub(super) struct Watched {
    pub(super) log: EventLog,
    pub(super) facts: BoxFacts,
}

impl EventHub {
    /// The daemon has done something that followers may have to know.
    pub(super) fn done(&self) {
        self.done.notify_one();
    }

    /// What the verdict depends on may have changed.
    pub(super) fn judge(&self) {
        self.judged.notify_one();
    }

    /// Lends the log, once there was a first look.
    pub(super) fn with<T>(&self, take: impl FnOnce(&Watched) -> T) -> Option<T> {
        self.watched.borrow().as_ref().map(take)
    }

    fn change(&self, change: impl FnOnce(&mut Watched)) {
        if let Some(watched) = self.watched.borrow_mut().as_mut() {
            let before = watched.log.newest();
            change(watched);
            if watched.log.newest() != before {
                self.news.notify_waiters();
            }
        }
    }
}

/// Somebody follows, until this is dropped.
pub(super) struct Attendance(SharedState);

impl Drop for Attendance {
    fn drop(&mut self) {
        let followers = &self.0.events().followers;
        followers.set(followers.get() - 1);
        self.0.events().done();
    }
}

/// Somebody follows from now on; the watch is begun for the first one.
pub(super) fn attend(shared: &SharedState) -> Attendance {
    let events = shared.events();
    events.followers.set(events.followers.get() + 1);
    if !events.running.replace(true) {
        system::task::spawn_local(watch(shared.clone()));
    }
    Attendance(shared.clone())
}

/// Files that were written since the look before.
#[derive(Default)]
struct WatchMarks {
    catalogues: Vec<FileStamp>,
    packages: Option<FileStamp>,
    spool: [Option<FileStamp>; 2],
    fates: Option<Arc<FateMarks>>,
}

async fn watch(shared: SharedState) {
    let events = shared.events();
    let mut marks = WatchMarks::default();
    let mut facts = BoxFacts::default();
    let _ = look(&shared, &mut marks, &mut facts).await;
    judged(&mut facts, standing::verdict(&shared).await.as_deref());
    let log = EventLog::new(u64::from_le_bytes(random()));
    *events.watched.borrow_mut() = Some(Watched { log, facts });
    events.news.notify_waiters();
    let judging = system::task::spawn_local(judge(shared.clone()));
    let mut told = shared.follow();
    let mut followed = Instant::now();
    while events.followers.get() > 0 || followed.elapsed() < LOG_LIFETIME {
        if events.followers.get() > 0 {
            followed = Instant::now();
        }
        let begun = Instant::now();
        turn(&shared, &mut marks).await;
        tokio::time::sleep(PAUSE.max(begun.elapsed() * SHARE)).await;
        let until = Instant::now() + wait(&shared);
        tokio::select! {
            () = events.done.notified() => {}
            heard = told.recv() => {
                if matches!(heard, Err(broadcast::error::RecvError::Closed)) {
                    break;
                }
            }
            () = tokio::time::sleep_until(until) => {}
        }
    }
    judging.abort();
    events.watched.take();
    events.running.set(false);
}

/// Until something may have changed of which nobody tells: a file of another process, the end of an exam.
fn wait(shared: &SharedState) -> Duration {
    let now = clock::now().mono.as_millis() as u64;
    let ends = shared.events().with(|watched| {
        let ends = watched.facts.exams.values();
        ends.map(|end| end.saturating_sub(now)).min()
    });
    let ends = ends.flatten().map(Duration::from_millis);
    ends.map_or(LOOK, |ends| LOOK.min(ends + PAUSE))
}

/// Looks once, and tells what it finds.
async fn turn(shared: &SharedState, marks: &mut WatchMarks) {
    let events = shared.events();
    let Some(mut facts) = events.with(|watched| watched.facts.clone()) else {
        return;
    };
    // What cannot be read now is looked at again.
    let results = look(shared, marks, &mut facts).await.unwrap_or_default();
    let now = clock::now().mono.as_millis() as u64;
    events.change(|watched| {
        // The verdict is another one's to tell, and may have been told meanwhile.
        facts.verdict.clone_from(&watched.facts.verdict);
        facts.organisations.clone_from(&watched.facts.organisations);
        for event in changes(&watched.facts, &facts, now)
            .into_iter()
            .chain(results)
        {
            watched.log.push(event);
        }
        watched.facts = facts;
    });
}

/// What has changed since the look before; the results among it as events.
async fn look(
    shared: &SharedState,
    marks: &mut WatchMarks,
    facts: &mut BoxFacts,
) -> Result<Vec<BoxEvent>, Fault> {
    facts.exams = exam::names(shared.root());
    let sat = || exam::now(shared.root()).executions;
    facts.termination = shared.terminates().then(sat);
    let state = shared.root().state();
    let (catalogues, packages) = (
        FileStamp::of_all(&state),
        FileStamp::at(state.join("packages")),
    );
    if (&catalogues, &packages) != (&marks.catalogues, &marks.packages) {
        let mut deliveries = Vec::new();
        let mut held_back = Vec::new();
        let mut held = None;
        for one in shared.each()? {
            let shelf = one.shelf()?;
            let edition = shelf.edition();
            let kept: BTreeMap<String, u64> = edition.shown().kept.into_iter().collect();
            held_back.push((one.added_id().map(str::to_owned), kept));
            for place in 0..edition.count(EntityType::Delivery) {
                let delivery = shelf.entity(EntityType::Delivery, place)?;
                deliveries.extend(delivery.map(|delivery| delivery.id));
            }
            held.get_or_insert(PackageStore::open(shelf.vault())?);
        }
        if let Some(held) = held {
            facts.packages = beside(move || packages_of(&held, deliveries)).await?;
        }
        facts.held_back_of.clear();
        for (id, kept) in held_back {
            match id {
                Some(id) => drop(facts.held_back_of.insert(id, kept)),
                None => facts.held_back = kept,
            }
        }
        (marks.catalogues, marks.packages) = (catalogues, packages);
    }
    let spool = state.join("spool");
    let written = [FileStamp::at(spool.join("done")), FileStamp::at(spool)];
    if written == marks.spool && marks.fates.is_some() {
        return Ok(Vec::new());
    }
    let (root, settings) = (shared.root().clone(), (*shared.settings()).clone());
    // Kept until a look has come through: what was written since is told then.
    let before = marks.fates.clone();
    let (fates, told) = beside(move || {
        let spool = Spool::open(Engine::open(&root, settings)?.vault())?;
        let (fates, ledgers) = spool.written_since(before.as_deref())?;
        let ledgers = ledgers.into_iter();
        let results = ledgers.filter(|ledger| ledger.key.kind == ItemKind::Results);
        let told = results.map(|ledger| {
            let id = ledger.key.id.clone();
            let mut told = results::edition(&spool.fate(ledger));
            told["schema"] = json!(1);
            told["id"] = json!(id);
            outside::json(&told)
        });
        Ok((fates, told.collect::<Vec<String>>()))
    })
    .await?;
    marks.fates = Some(Arc::new(fates));
    marks.spool = written;
    let event = |data: String| BoxEvent {
        kind: "result",
        role: Some(ApiRole::Intake),
        data: data.into(),
    };
    Ok(told.into_iter().map(event).collect())
}

/// Takes the verdict of a look, where there is one.
fn judged(facts: &mut BoxFacts, box_view: Option<&BoxView>) {
    if let Some(box_view) = box_view {
        facts.verdict = Some(json!(box_view.verdict()));
        let each = &box_view.standing.organisations;
        facts.organisations = (!each.is_empty()).then(|| json!(each));
    }
}

fn packages_of(
    packages: &PackageStore,
    deliveries: Vec<String>,
) -> Result<BTreeMap<String, PackageFact>, Fault> {
    let fact = |delivery: String| {
        let state = packages.state(&delivery)?;
        let held = packages.held(&delivery).ok().flatten();
        let held = held.filter(|meta| !meta.damaged);
        let fact = PackageFact {
            state: state.word,
            bytes: state.bytes,
            edition: held.map(|meta| NameHash(meta.edition).to_string()),
        };
        Ok((delivery, fact))
    };
    deliveries.into_iter().map(fact).collect()
}

/// Reads files beside the loop.
async fn beside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let read = system::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(results::unread(&error)))
}

/// Tells each change of the verdict: looked at when a run has ended, when answers can or cannot be kept, and now and
/// then.
async fn judge(shared: SharedState) {
    let events = shared.events();
    let mut told = shared.follow();
    loop {
        let until = Instant::now() + JUDGED;
        loop {
            let heard = tokio::select! {
                () = events.judged.notified() => break,
                heard = told.recv() => heard,
                () = tokio::time::sleep_until(until) => break,
            };
            match heard {
                Ok(heard) if heard.kind == "progress" => {}
                Err(broadcast::error::RecvError::Closed) => return,
                _ => break,
            }
        }
        let Some(box_view) = standing::verdict(&shared).await else {
            // The look takes longer: its outcome is there soon.
            tokio::time::sleep(LOOK).await;
            events.judge();
            continue;
        };
        events.change(|watched| {
            let mut facts = watched.facts.clone();
            judged(&mut facts, Some(&box_view));
            for event in changes(&watched.facts, &facts, 0) {
                watched.log.push(event);
            }
            watched.facts = facts;
        });
    }
}
