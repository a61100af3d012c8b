//! What outlives a pass: the lock of the state folder, the line to central with its token, and the lane of packages.
//! Never runs two passes at a time, and never goes on with packages over a line of other credentials.
//! Called by the worker, which makes pass after pass in it, and by `Engine::synchronize` for a single one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use logic::download::Carriage;
use logic::fault::{Code, EnrolCause, Fault};
use logic::identity::{BoxIdentity, Enrolment};
use logic::package::waiting::{HoldFacts, held_back};
use logic::package_lane::{WaitReason, Waiting};
use logic::rate::{Rate, RateOverride};
use logic::report::Report;
use logic::trace::is_stopped;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::carry::StickCentral;
use super::download::SiblingLinks;
use super::downloads::Downloads;
use super::link::{Limits, Link};
use super::progress::RunWatch;
use super::{Engine, LOCK_TIMEOUT, Request, exam, orders};
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

/// One pass after the other of each organisation in turn, and packages beside them.
pub struct SyncSession<'a> {
    engine: &'a Engine,
    watch: RunWatch,
    shared: SharedByOrganisations,
    organisations: Vec<(Engine, SessionState)>,
}

/// What the organisations of a box share in a session.
#[derive(Clone)]
struct SharedByOrganisations {
    /// The lock of the state folder, held until the session ends.
    lock: Rc<RefCell<Option<Rc<Lock>>>>,
    /// Of one organisation at a time a package comes: they share the line, its rate and the store.
    turn: Rc<Semaphore>,
    /// What answers in the place of central.
    stick: Option<Rc<StickCentral>>,
}

impl<'a> SyncSession<'a> {
    /// Nothing is opened before the first pass.
    pub fn new(engine: &'a Engine, watch: &RunWatch) -> Self {
        Self {
            engine,
            watch: watch.clone(),
            shared: SharedByOrganisations {
                lock: Rc::default(),
                turn: Rc::new(Semaphore::new(1)),
                stick: None,
            },
            organisations: Vec::new(),
        }
    }

    /// A session that is answered by a stick and not by central.
    pub fn with_stick(engine: &'a Engine, watch: &RunWatch, stick: Rc<StickCentral>) -> Self {
        let mut session = Self::new(engine, watch);
        session.shared.stick = Some(stick);
        session
    }

    /// Enrols a box that was given a login, before the first pass; later ones hold the lock that enrolment needs.
    ///
    /// # Errors
    /// As `Engine::enrol_by_credential`.
    pub async fn enrols(&self, engine: &Engine) -> Result<(), Fault> {
        let is_locked = self.shared.lock.borrow().is_some();
        match is_locked {
            false => engine.enrol_by_credential().await,
            true => Ok(()),
        }
    }

    /// One pass, from the token to the confirmation, of each organisation that is asked for, in turn; the account of each.
    /// What goes wrong for one does not hold up the next.
    pub async fn pass(
        &mut self,
        request: &Request,
        orders: &mut mpsc::UnboundedReceiver<PassOrder>,
    ) -> Vec<Report> {
        self.watch.pass_begins();
        let reports = self.passes(request, orders).await;
        self.watch.pass_ends();
        reports
    }

    async fn passes(&mut self, request: &Request, orders: &mut PassOrders) -> Vec<Report> {
        let unread = self.look_up();
        let asked = |engine: &Engine| {
            let id = engine.organisation_id();
            let named = |asked: &String| id.as_ref() == Some(asked);
            request.organisations.is_empty() || request.organisations.iter().any(named)
        };
        let mut heard = Vec::new();
        let mut reports = Vec::new();
        for (engine, state) in &mut self.organisations {
            if !asked(engine) {
                continue;
            }
            if reports.last().is_some_and(is_stopped) {
                break;
            }
            let (send, mut receive) = mpsc::unbounded_channel();
            // What was said during the pass of another is meant for the whole run.
            heard.iter().for_each(|order| {
                let _ = send.send(*order);
            });
            let pass = engine.pass(state, request, &mut receive);
            tokio::pin!(pass);
            let report = loop {
                tokio::select! {
                    report = &mut pass => break report,
                    Some(order) = orders.recv() => {
                        heard.push(order);
                        let _ = send.send(order);
                    }
                }
            };
            reports.push(report);
        }
        match (reports.first_mut(), unread) {
            (Some(report), Some(trouble)) => report.find(&trouble),
            (None, trouble) => {
                let trouble = trouble.unwrap_or_else(|| {
                    let id = request.organisations.join(", ");
                    Fault::new(
                        Code::InputOrganisation,
                        EnrolCause::UnknownOrganisation { id },
                    )
                });
                reports.push(self.engine.unbegun(&trouble));
            }
            (Some(_), None) => {}
        }
        reports
    }

    /// Which organisations the box has now. Where that cannot be read the first goes on, and why is told.
    fn look_up(&mut self) -> Option<Fault> {
        let (found, unread) = match self.engine.organisations() {
            Ok(found) => (found, None),
            Err(trouble) => (vec![self.engine.clone()], Some(trouble)),
        };
        let mut before = std::mem::take(&mut self.organisations);
        for engine in found {
            let home = engine.vault.home().to_owned();
            let held = before.iter().position(|(one, _)| one.vault.home() == home);
            let state = match held {
                Some(at) => before.swap_remove(at).1,
                None => SessionState {
                    watch: self.watch.clone(),
                    shared: self.shared.clone(),
                    line: None,
                },
            };
            self.organisations.push((engine, state));
        }
        unread
    }

    /// How the lanes of packages stand, taken together.
    pub fn lane(&self) -> PackageLaneState {
        let states = self.organisations.iter().map(|(_, state)| state.lane());
        states.fold(PackageLaneState::default(), PackageLaneState::and)
    }

    /// Ends when a lane of packages has come to a stand or goes on.
    pub async fn changed(&self) {
        let lanes = self.organisations.iter().filter_map(|(_, state)| {
            let line = state.line.as_ref()?;
            let lane = line.downloads.borrow().lane().clone();
            Some(Box::pin(async move { lane.changed.notified().await }))
        });
        let mut lanes: Vec<_> = lanes.collect();
        std::future::poll_fn(|context| {
            let changed = lanes
                .iter_mut()
                .any(|lane| lane.as_mut().poll(context).is_ready());
            match changed {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl PackageLaneState {
    /// Two lanes taken together: what one brings is under way, and what holds up either is told.
    fn and(self, other: Self) -> Self {
        Self {
            active: self.active || other.active,
            waiting: self.waiting.or(other.waiting),
            held_up: match (self.held_up, other.held_up) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            failed: self.failed || other.failed,
            news: self.news || other.news,
        }
    }
}

/// What a session keeps of one organisation from one pass to the next.
pub(super) struct SessionState {
    watch: RunWatch,
    shared: SharedByOrganisations,
    line: Option<CentralClient>,
}

impl SessionState {
    /// The lock of the state folder, held until the session ends.
    pub(super) fn lock(&self, root: &Root) -> Result<Rc<Lock>, Fault> {
        let mut held = self.shared.lock.borrow_mut();
        let lock = match held.take() {
            Some(lock) => lock,
            None => Rc::new(Lock::take(root, LOCK_TIMEOUT)?),
        };
        Ok(held.insert(lock).clone())
    }

    /// What answers in the place of central.
    pub(super) fn stick(&self) -> Option<Rc<StickCentral>> {
        self.shared.stick.clone()
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
            None => CentralClient::open(engine, enrolment, identity, &self.watch, &self.shared)?,
        };
        Ok(self.line.insert(line))
    }

    /// How the lane of packages stands.
    fn lane(&self) -> PackageLaneState {
        let Some(line) = &self.line else {
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
        shared: &SharedByOrganisations,
    ) -> Result<Self, Fault> {
        let stick = shared.stick.as_ref();
        let who = Some((enrolment, identity));
        let uplink = match stick {
            Some(stick) => engine.uplink_to(stick, identity)?,
            None => engine.uplink(who)?,
        };
        let at_once = Rc::new(Cell::new(false));
        // Pauses, windows and rates are for the link; a running exam comes before a stick, too.
        let gate = match stick {
            Some(_) => exam(engine.root.clone()),
            None => gate(engine, at_once.clone()),
        };
        let download = &engine.settings.download;
        let (held_back, in_use) = (gate.clone(), exam(engine.root.clone()));
        let limits = Limits {
            reserve: download.reserve.bytes(),
            asked: Cell::new(false),
            gate: Box::new(move || held_back()),
            exam: Box::new(move || in_use()),
            rate: match stick {
                Some(_) => Box::new(|| None),
                None => ordered_rate(engine),
            },
            first: ordered_first(engine),
            look_again: Notify::new(),
        };
        let mut link = Link::new(
            uplink.clone(),
            PackageStore::open(&engine.vault)?,
            watch.clone(),
            limits,
            Carriage::new(
                // Each lends a span that is open in memory: more of them bring nothing from one device.
                stick.map_or(usize::from(download.connections.most()), |_| 2),
                Rate::new(stick.map_or(download.max_rate.bytes(), |_| 0)),
                download.window_flush.bytes(),
            ),
            &engine.root,
            shared.turn.clone(),
        )?;
        link.siblings = siblings(engine).filter(|_| stick.is_none());
        if let Some(stick) = stick {
            link.older = stick.older().into();
        }
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

/// The other boxes of the site; without a key of the site there are none.
fn siblings(engine: &Engine) -> Option<Rc<SiblingLinks>> {
    let (peers, finds) = (engine.peers(), engine.settings.site.discovers());
    if peers.is_empty() && !finds {
        return None;
    }
    let member = engine.package_taker().ok()?;
    let root = finds.then(|| engine.root.clone());
    if let Some(look) = engine.looks_around() {
        // What it finds is asked as soon as it is noted; without a thread those are asked that were found before.
        let _ = std::thread::Builder::new().spawn(look);
    }
    SiblingLinks::new(member, peers, root).map(Rc::new)
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

/// The delivery whose package a person wants before the others, unless only another organisation names it.
fn ordered_first(engine: &Engine) -> Box<dyn Fn() -> Option<String>> {
    let engine = engine.clone();
    Box::new(move || {
        let kept = orders::kept(&engine.vault);
        kept.first()
            .filter(|id| engine.may_bring(id))
            .map(str::to_owned)
    })
}
