//! What readers of the catalogue share: its edition, its feed and the open files, as they were published last.
//! Never kept when nobody reads, and never shown once something newer lies on the disk.
//! Called by the routes `entities`, `feed` and `packages`; one watcher looks for all who wait.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use logic::entity::{Entity, EntityType};
use logic::fault::Fault;
use logic::feed::{Extent, FollowerRefusal, Position, Stand, end, enter, stand};
use logic::seal::NameHash;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

use super::login::Logins;
use super::member::Directories;
use super::package::NamedEditions;
use super::state::SharedState;
use crate::engine::Engine;
use system::root::is_locked;
use vault::Vault;
use vault::catalogue::{CatalogueReader, CatalogueRevision, CatalogueStore, FileStamp};
use vault::feed::{Feed, FeedChange, Snapshot};

/// What was read stays in memory for so long after its last use.
const SNAPSHOT_LIFETIME: Duration = Duration::from_secs(10);
/// While somebody waits, a publication that no run of the daemon told of is seen within this.
const LOOK: Duration = Duration::from_secs(5);
/// Pages of events that are kept for followers a little behind the first one.
const EVENT_PAGES: usize = 4;
/// A publication that comes between two looks is looked at again, so often.
const LOOKS: usize = 8;

/// The files that a publication replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Marks {
    edition: Option<FileStamp>,
    head: Option<FileStamp>,
}

impl Marks {
    fn of(state: &Path) -> Self {
        Self {
            edition: FileStamp::of(&state.join("catalogue")),
            head: Feed::stamp(state),
        }
    }
}

/// What a rendered answer of the feed depends on beside the shelf that it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeedPageKey {
    /// From where.
    pub(super) from: Position,
    /// How much.
    pub(super) limit: u64,
    /// With the contents of entities.
    pub(super) contents: bool,
    /// With the secrets in them.
    pub(super) secrets: bool,
}

/// What a rendered page of events depends on beside the shelf that it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventPage {
    /// From where.
    pub(super) from: Position,
    /// The place in the other history that its ids name.
    pub(super) id: Option<(u64, u64)>,
    /// With the contents of entities.
    pub(super) contents: bool,
    /// With the secrets in them.
    pub(super) secrets: bool,
}

/// A page, and the place behind it.
type Rendered = (Bytes, Position);

/// One publication, open.
pub(super) struct FeedSnapshot {
    vault: Vault,
    edition: CatalogueRevision,
    /// What the publication of this edition drew.
    drawn: u64,
    reader: RefCell<CatalogueReader>,
    snapshot: Option<Snapshot>,
    marks: Marks,
    page: RefCell<Option<(FeedPageKey, Bytes)>>,
    event_pages: RefCell<VecDeque<(EventPage, Rendered)>>,
    logins: Logins,
}

impl FeedSnapshot {
    fn open(shared: &SharedState) -> Result<Self, Fault> {
        // Before the files are read: what is published meanwhile is noticed by the next one who asks.
        let marks = Marks::of(&shared.home());
        let engine = Engine::open(shared.root(), (*shared.settings()).clone())?;
        let vault = shared.as_home(engine.vault());
        let catalogue = CatalogueStore::open(&vault)?;
        let snapshot = Feed::of(&vault).snapshot()?;
        let (edition, drawn) = catalogue.drawn()?;
        Ok(Self {
            edition,
            drawn,
            reader: RefCell::new(catalogue.reader()),
            snapshot,
            marks,
            page: RefCell::default(),
            event_pages: RefCell::default(),
            logins: Logins::default(),
            vault,
        })
    }

    /// The open state folder.
    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// What is shown.
    pub(super) fn edition(&self) -> &CatalogueRevision {
        &self.edition
    }

    /// By what name the entity of an id stands.
    pub(super) fn name(&self, kind: EntityType, id: &str) -> NameHash {
        self.vault.keys().name(kind.word(), id)
    }

    /// Whether an entity is shown.
    pub(super) fn shows(&self, kind: EntityType, id: &str) -> bool {
        let rows = self.edition.types.get(&kind);
        rows.is_some_and(|rows| rows.contains_key(&self.name(kind, id)))
    }

    /// The entity at a place of its type's list; `None` behind the last.
    ///
    /// # Errors
    /// As `CatalogueReader::entity`.
    pub(super) fn entity(&self, kind: EntityType, place: usize) -> Result<Option<Entity>, Fault> {
        let rows = self.edition.types.get(&kind);
        let found = rows.and_then(|rows| rows.at(place));
        let read = |(name, row)| self.reader.borrow_mut().entity(kind, name, row);
        found.map(read).transpose()
    }

    /// The entity of an id, if it is shown.
    ///
    /// # Errors
    /// As `entity`.
    pub(super) fn find(&self, kind: EntityType, id: &str) -> Result<Option<Entity>, Fault> {
        let rows = self.edition.types.get(&kind);
        match rows.and_then(|rows| rows.position(&self.name(kind, id))) {
            Some(place) => self.entity(kind, place),
            None => Ok(None),
        }
    }

    /// The table of logins.
    pub(super) fn logins(&self) -> &Logins {
        &self.logins
    }

    /// An answer of the feed that was made before.
    pub(super) fn page(&self, asked: FeedPageKey) -> Option<Bytes> {
        let page = self.page.borrow();
        let (made, bytes) = page.as_ref()?;
        (*made == asked).then(|| bytes.clone())
    }

    /// Keeps an answer for the next one who asks the same: followers that keep up all do.
    pub(super) fn keep(&self, asked: FeedPageKey, page: &Bytes) {
        *self.page.borrow_mut() = Some((asked, page.clone()));
    }

    /// A page of events, as it was made for another follower or is made now.
    pub(super) fn event_page(&self, page: EventPage, make: impl FnOnce() -> Rendered) -> Rendered {
        let mut pages = self.event_pages.borrow_mut();
        if let Some((_, made)) = pages.iter().find(|(of, _)| *of == page) {
            return made.clone();
        }
        let made = make();
        pages.push_back((page, made.clone()));
        if pages.len() > EVENT_PAGES {
            pages.pop_front();
        }
        made
    }

    fn stand(&self) -> Stand {
        let leads_to = self.snapshot.as_ref().map(Snapshot::generation);
        let shown = self.edition.generation;
        match stand(leads_to, shown, false) {
            Stand::Apart => {
                let running = is_locked(&self.vault.state().join("lock"));
                stand(leads_to, shown, running)
            }
            leads => leads,
        }
    }

    fn is_current(&self) -> bool {
        Marks::of(self.vault.home()) == self.marks
    }
}

/// The feed as it is followed now.
pub(super) struct Followed {
    /// What it belongs to.
    pub(super) shelf: Rc<FeedSnapshot>,
    stand: Stand,
}

impl Followed {
    /// The feed beside the catalogue that is shown. A cut between the publications of the two leaves one that does not
    /// lead there: until the next publication begins a new epoch there is none, and whoever read all entities has
    /// nothing to follow yet.
    ///
    /// # Errors
    /// As `SharedState::shelf`.
    pub(super) fn now(shared: &SharedState) -> Result<Self, Fault> {
        let mut looks = 0;
        loop {
            let shelf = shared.shelf()?;
            let stand = shelf.stand();
            looks += 1;
            // Whose run ended between the look at the files and the one at its lock has published.
            if stand != Stand::Apart || looks == LOOKS || shelf.is_current() {
                return Ok(Self { shelf, stand });
            }
        }
    }

    /// Whether no run is between the publications of catalogue and feed.
    pub(super) fn is_settled(&self) -> bool {
        self.stand != Stand::Behind
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        let snapshot = self.shelf.snapshot.as_ref();
        snapshot.filter(|_| self.stand != Stand::Apart)
    }

    fn own(&self) -> Extent {
        let edition = &self.shelf.edition;
        let is_empty = EntityType::ALL.iter().all(|kind| edition.count(*kind) == 0);
        Extent::of_edition(self.shelf.drawn, is_empty)
    }

    /// What there is to follow.
    pub(super) fn extent(&self) -> Extent {
        self.snapshot().map_or_else(|| self.own(), Snapshot::extent)
    }

    /// From where a follower goes on, and whether it reads on now.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn enter(
        &self,
        asked: logic::feed::FeedRequest,
    ) -> Result<(Position, bool), FollowerRefusal> {
        let snapshot = self.snapshot();
        let tag = |number| snapshot?.tag(number);
        enter(
            asked,
            self.stand,
            self.own(),
            snapshot.map(Snapshot::extent),
            tag,
        )
    }

    /// Where a follower goes on that reads all entities of this moment.
    pub(super) fn end(&self) -> Option<Position> {
        let feed = self.snapshot();
        let feed = feed.and_then(|feed| feed.position(feed.extent().newest));
        end(self.stand, self.own(), feed)
    }

    /// The changes after a number, each with the place behind it.
    pub(super) fn changes(
        &self,
        after: u64,
    ) -> impl Iterator<Item = (Position, FeedChange)> + use<> {
        let changes = self.snapshot().map(|held| held.changes(after));
        changes.into_iter().flatten()
    }
}

/// The shelf that is open, and those who wait for the next one.
#[derive(Default)]
pub(super) struct Library {
    open: RefCell<Option<Rc<FeedSnapshot>>>,
    /// When it was last used; there is a sweeper as long as this is known.
    used: Cell<Option<Instant>>,
    waiting: Cell<usize>,
    /// Somebody looks for them.
    looking: Cell<bool>,
    published: Notify,
    /// How often that was.
    publications: Cell<u64>,
    directories: RefCell<Directories>,
    noted: RefCell<NamedEditions>,
}

impl Library {
    /// Directories of packages that are read.
    pub(super) fn directories(&self) -> &RefCell<Directories> {
        &self.directories
    }

    /// Editions of packages that readers named lately.
    pub(super) fn noted(&self) -> &RefCell<NamedEditions> {
        &self.noted
    }

    /// Publications that were seen so far, while somebody watched.
    pub(super) fn publications(&self) -> u64 {
        self.publications.get()
    }

    /// Ends with the next publication, while somebody watches.
    pub(super) fn published(&self) -> Notified<'_> {
        self.published.notified()
    }
}

impl SharedState {
    /// What was published last; it is read only when something else has taken its place.
    ///
    /// # Errors
    /// As `Engine::open` and `CatalogueStore::edition`.
    pub(super) fn shelf(&self) -> Result<Rc<FeedSnapshot>, Fault> {
        let library = self.library();
        let open = library.open.borrow().clone();
        let shelf = match open.filter(|shelf| shelf.is_current()) {
            Some(shelf) => shelf,
            None => {
                // The one before goes first: there are not two in memory for a moment, if nobody streams from it.
                library.open.take();
                let shelf = Rc::new(FeedSnapshot::open(self)?);
                *library.open.borrow_mut() = Some(shelf.clone());
                shelf
            }
        };
        if library.used.replace(Some(Instant::now())).is_none() {
            system::task::spawn_local(sweep(self.clone()));
        }
        Ok(shelf)
    }

    /// Looks for publications from now on, as long as what is given is kept.
    pub(super) fn watch(&self) -> FeedWaiter {
        let waiting = &self.library().waiting;
        waiting.set(waiting.get() + 1);
        if !self.library().looking.replace(true) {
            let seen = Marks::of(&self.home());
            system::task::spawn_local(look(self.clone(), seen));
        }
        FeedWaiter(self.clone())
    }
}

/// Somebody waits for a publication.
pub(super) struct FeedWaiter(SharedState);

impl Drop for FeedWaiter {
    fn drop(&mut self) {
        let waiting = &self.0.library().waiting;
        waiting.set(waiting.get() - 1);
    }
}

/// Closes the shelf when nobody has used it for a while.
async fn sweep(shared: SharedState) {
    while let Some(used) = shared.library().used.get() {
        let end = used + SNAPSHOT_LIFETIME;
        if end <= Instant::now() {
            shared.library().open.take();
            shared.library().directories.take();
            shared.library().used.take();
            return;
        }
        tokio::time::sleep_until(end).await;
    }
}

/// Looks for all who wait: whenever a run tells something, and now and then.
async fn look(shared: SharedState, mut seen: Marks) {
    let mut told = shared.follow();
    let library = shared.library();
    while library.waiting.get() > 0 {
        let heard = tokio::time::timeout(LOOK, told.recv()).await;
        if matches!(heard, Ok(Err(broadcast::error::RecvError::Closed))) {
            break;
        }
        let now = Marks::of(&shared.home());
        if now != seen {
            seen = now;
            library.publications.set(library.publications.get() + 1);
            library.published.notify_waiters();
        }
    }
    library.looking.set(false);
}
