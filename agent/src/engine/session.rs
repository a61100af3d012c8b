//! What outlives a pass: the lock of the state folder, the line to central with its token, and the lane of packages.
//! Never runs two passes at a time, and never goes on with packages over a line of other credentials.
//! Called by the worker, which makes pass after pass in it, and by `Engine::synchronize` for a single one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use logic::download::Carriage;
use logic::fault::Fault;
use logic::identity::{BoxIdentity, Enrolment};
use logic::package::waiting::{HoldFacts, held_back};
use logic::package_lane::{WaitReason, Waiting};
use logic::rate::{Rate, RateOverride};
use logic::report::Report;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::downloads::Downloads;
use super::link::{Limits, Link};
use super::progress::RunWatch;
use super::rate::RateKeeper;
use super::{Engine, LOCK_PATIENCE, Request, exam, orders};
use system::clock;
use system::root::{Lock, Root};
use uplink::Uplink;
use vault::package::PackageStore;

/// What a pass under way is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassOrder {
    /// Somebody waits for it.
    Asked {
        /// Until the packages have come, too.
        packages: bool,
    },
    /// It is to wait for packages no longer.
    Close,
}

/// Where orders for the pass under way come from.
pub(super) type PassOrders = mpsc::UnboundedReceiver<PassOrder>;

/// How the lane of packages stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageLaneState {
    /// A package is coming.
    pub active: bool,
    /// What holds it up.
    pub waiting: Option<Waiting>,
    /// How long that lasts at most, where it is known.
    pub held_up: Option<Duration>,
    /// Something failed that another try may bring.
    pub failed: bool,
    /// Packages came that no account has told of.
    pub news: bool,
}

/// One pass after the other, and packages beside them.
pub struct SyncSession<'a> {
    engine: &'a Engine,
    state: SessionState,
}

impl<'a> SyncSession<'a> {
    /// Nothing is opened before the first pass.
    pub fn new(engine: &'a Engine, watch: &RunWatch) -> Self {
        let state = SessionState {
            watch: watch.clone(),
            lock: None,
            line: None,
        };
        Self { engine, state }
    }

    /// Enrols a box that was given a login, before the first pass; later ones hold the lock that enrolment needs.
    ///
    /// # Errors
    /// As `Engine::enrol_by_credential`.
    pub async fn enrols(&self, engine: &Engine) -> Result<(), Fault> {
        match self.state.lock {
            None => engine.enrol_by_credential().await,
            Some(_) => Ok(()),
        }
    }

    /// One pass, from the token to the confirmation.
    pub async fn pass(
        &mut self,
        request: &Request,
        orders: &mut mpsc::UnboundedReceiver<PassOrder>,
    ) -> Report {
        self.state.watch.pass_begins();
        let report = self.engine.pass(&mut self.state, request, orders).await;
        self.state.watch.pass_ends();
        report
    }

    /// How the lane of packages stands.
    pub fn lane(&self) -> PackageLaneState {
        let Some(line) = &self.state.line else {
            return PackageLaneState::default();
        };
        let lane = line.downloads.borrow().lane().clone();
        let machine = lane.machine.borrow();
        PackageLaneState {
            active: machine.is_active(),
            waiting: machine.waiting(),
            held_up: (line.gate)().map(|(_, wait)| wait),
            failed: machine.has_failed(),
            news: machine.has_news(),
        }
    }

    /// Ends when the lane of packages has come to a stand or goes on.
    pub async fn changed(&self) {
        match &self.state.line {
            Some(line) => {
                let lane = line.downloads.borrow().lane().clone();
                lane.changed.notified().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// What a session keeps from one pass to the next.
pub(super) struct SessionState {
    watch: RunWatch,
    lock: Option<Lock>,
    line: Option<CentralClient>,
}

impl SessionState {
    /// The lock of the state folder, held until the session ends.
    pub(super) fn lock(&mut self, root: &Root) -> Result<&Lock, Fault> {
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => Lock::take(root, LOCK_PATIENCE)?,
        };
        Ok(self.lock.insert(lock))
    }

    /// The line to central, the same as before as long as the box is the same to central.
    pub(super) fn line(
        &mut self,
        engine: &Engine,
        enrolment: &Enrolment,
        identity: &BoxIdentity,
    ) -> Result<&CentralClient, Fault> {
        let who = (enrolment.clone(), identity.box_id.clone());
        let line = match self.line.take().filter(|line| line.who == who) {
            Some(line) => line,
            None => CentralClient::open(engine, enrolment, identity, &self.watch)?,
        };
        Ok(self.line.insert(line))
    }
}

/// What holds downloads back, and for how long.
type DownloadGate = Rc<dyn Fn() -> Option<(Waiting, Duration)>>;

/// The line to central and what uses it beyond a pass.
pub(super) struct CentralClient {
    who: (Enrolment, String),
    pub(super) uplink: Uplink,
    pub(super) downloads: Rc<RefCell<Downloads>>,
    pub(super) watch: RunWatch,
    /// Somebody asked for packages outside of their windows.
    at_once: Rc<Cell<bool>>,
    /// Somebody asked for the last pass.
    asked: Cell<bool>,
    gate: DownloadGate,
}

impl CentralClient {
    fn open(
        engine: &Engine,
        enrolment: &Enrolment,
        identity: &BoxIdentity,
        watch: &RunWatch,
    ) -> Result<Self, Fault> {
        let uplink = engine.uplink(Some((enrolment, identity)))?;
        let at_once = Rc::new(Cell::new(false));
        let gate = gate(engine, at_once.clone());
        let download = &engine.settings.download;
        let (held_back, in_use) = (gate.clone(), exam(engine.root.clone()));
        let limits = Limits {
            reserve: download.reserve.bytes(),
            asked: Cell::new(false),
            gate: Box::new(move || held_back()),
            exam: Box::new(move || in_use()),
            rate: ordered_rate(engine),
            first: ordered_first(engine),
            look_again: Notify::new(),
        };
        let link = Link::new(
            uplink.clone(),
            PackageStore::open(&engine.vault)?,
            watch.clone(),
            limits,
            Carriage::new(
                usize::from(download.connections.most()),
                Rate::new(download.max_rate.bytes()),
                download.window_flush.bytes(),
            ),
            RateKeeper::new(&engine.root),
        )?;
        Ok(Self {
            who: (enrolment.clone(), identity.box_id.clone()),
            uplink,
            downloads: Rc::new(RefCell::new(Downloads::new(link))),
            watch: watch.clone(),
            at_once,
            asked: Cell::new(false),
            gate,
        })
    }

    /// How a pass wants its packages: at once, windows or not, and whether a person asked. Who asked is not taken at their
    /// word for ever: it counts while the lane is at work.
    pub(super) fn wants(&self, now: bool, asked: bool) {
        let downloads = self.downloads.borrow();
        let at_work = downloads.lane().machine.borrow().is_active();
        self.at_once.set(now || (self.at_once.get() && at_work));
        let before = self.asked.replace(asked);
        downloads.asked(asked || (at_work && before));
    }
}

/// What is waited for, from a moment in Unix seconds on.
fn waiting(reason: WaitReason, now: i64, wait: Duration) -> (Waiting, Duration) {
    let until = Some(now + wait.as_secs() as i64);
    (Waiting { reason, until }, wait)
}

/// The running exam.
fn exam(root: Root) -> DownloadGate {
    Rc::new(move || {
        exam::running(&root).map(|left| waiting(WaitReason::Exam, clock::now().wall, left))
    })
}

/// The gate of downloads: its facts as they are now.
fn gate(engine: &Engine, at_once: Rc<Cell<bool>>) -> DownloadGate {
    let (root, vault) = (engine.root.clone(), engine.vault.clone());
    let hours = engine.settings.download.clone();
    Rc::new(move || {
        let wall = clock::now().wall;
        let facts = HoldFacts {
            pause: orders::kept(&vault).pause(clock::uptime()),
            exam: exam::running(&root),
            window: hours.wait(wall),
            at_once: at_once.get(),
        };
        held_back(facts).map(|(reason, wait)| waiting(reason, wall, wait))
    })
}

/// The rate that a person ordered.
fn ordered_rate(engine: &Engine) -> Box<dyn Fn() -> Option<RateOverride>> {
    let vault = engine.vault.clone();
    Box::new(move || orders::kept(&vault).rate(clock::uptime()))
}

/// The delivery whose package a person wants before the others.
fn ordered_first(engine: &Engine) -> Box<dyn Fn() -> Option<String>> {
    let vault = engine.vault.clone();
    Box::new(move || orders::kept(&vault).first().map(str::to_owned))
}
