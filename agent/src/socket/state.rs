//! What the daemon shows to whoever asks, and the way to ask it for a run.
//! Never decides anything: the loop writes, the connections read.
//! Called by the daemon's loop and by every route.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use logic::fault::{Code, Fault, Finding, ParameterFlaw, ServiceCause};
use logic::organisation;
use logic::outside;
use logic::package::order::{DownloadOrder, DownloadOrders};
use logic::package_lane::Waiting;
use logic::report::Report;
use logic::schedule::{Errand, RunReason};
use logic::settings::{ResultsSettings, Settings, SiteSettings};
use logic::words::Now;
use serde::Serialize;
use serde_json::json;
use tokio::sync::futures::Notified;
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot};

use super::content;
use super::priority::Priority;
use super::sample::BoxSample;
use super::snapshot::Library;
use super::watch::EventHub;
use super::wire;
use crate::engine::progress::Progress;
use crate::engine::{Engine, orders};
use crate::intake::Intake;
use system::clock;
use system::root::Root;
use vault::Vault;

/// Somebody wants a run.
#[derive(Debug)]
pub struct RunRequest {
    /// What it is to do.
    pub errand: Errand,
    /// Where the loop says which run will do it.
    pub answer: oneshot::Sender<AcceptedRequest>,
}

/// Which run does what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AcceptedRequest {
    /// Its number since the daemon started; the first report of this run or a later one answers the asker.
    pub run: u64,
    /// It was under way already.
    pub joined: bool,
}

/// One thing told to the followers.
#[derive(Debug, Clone)]
pub struct ApiEvent {
    /// `progress`, `account`, `report`, `stopped` or `state`.
    pub kind: &'static str,
    /// JSON, on one line.
    pub data: Rc<str>,
}

/// A run under way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunProgress {
    /// Its number since the daemon started.
    pub run: u64,
    /// Why it began.
    pub cause: RunReason,
    /// How far it is.
    pub progress: Progress,
}

/// Changes that the flags of the box may depend on.
#[derive(Clone, Default)]
pub struct FlagNews(Rc<(Notify, Notify)>);

impl FlagNews {
    /// Something has changed.
    pub fn any(&self) {
        self.0.0.notify_one();
    }

    /// Something was handed in.
    pub(super) fn handed_in(&self) {
        self.0.1.notify_one();
    }

    /// Ends with the next change; what is handed in is none where something is owed already.
    pub async fn changed(&self, is_owed: bool) {
        tokio::select! {
            () = self.0.0.notified() => {}
            () = self.0.1.notified(), if !is_owed => {}
        }
    }
}

/// Somebody waits for executions to end.
pub(super) struct TerminationRequest(SharedState);

impl Drop for TerminationRequest {
    fn drop(&mut self) {
        self.0.count_terminations(-1);
    }
}

/// How the daemon stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DaemonStanding {
    /// The newest run, as long as it or its packages are under way.
    pub running: Option<RunProgress>,
    /// What holds up the packages.
    pub waiting: Option<Waiting>,
    /// When the next one begins, and what that wait is called.
    pub next: Option<(Now, &'static str)>,
    /// Tries since central could last be used.
    pub offline: Option<u32>,
    /// Whether only a probe now and then tries central.
    pub breaker: bool,
}

/// What the loop waits for that a request has changed: the end of an exam, an order for the downloads.
pub struct ChangeSignal(Rc<Notify>);

impl ChangeSignal {
    /// Ends when there is a change.
    pub async fn changed(&self) {
        self.0.notified().await;
    }
}

/// Shared by the loop and all connections; cheap to clone.
#[derive(Clone)]
pub struct SharedState(Rc<SharedInner>, Option<Rc<AddedLibrary>>);

/// What readers of the catalogue of an organisation share that was added to the first.
struct AddedLibrary {
    id: String,
    home: PathBuf,
    library: Library,
}

/// What the way in for results depends on.
pub(super) type IntakeSettings = (ResultsSettings, SiteSettings);

struct SharedInner {
    root: Root,
    started: Now,
    settings: RefCell<Rc<Settings>>,
    fault: RefCell<Option<Rc<Fault>>>,
    /// Why the figures do not reach the Pushgateway.
    push_fault: RefCell<Option<Finding>>,
    standing: RefCell<DaemonStanding>,
    ended: RefCell<BTreeMap<&'static str, u64>>,
    requests: Cell<u64>,
    library: Library,
    added: RefCell<BTreeMap<String, Rc<AddedLibrary>>>,
    events: EventHub,
    priority: Priority,
    /// The way in that the last small document took, and the settings that it was opened with.
    way_in: RefCell<Option<(IntakeSettings, Intake)>>,
    exams: Rc<Notify>,
    /// Whoever waits for executions to end is told of each signal.
    signals: Notify,
    /// What flags of the box depend on has changed: anything, or that something was handed in.
    news: FlagNews,
    /// So many wait for that.
    terminations: Cell<usize>,
    /// What a person has ordered of the downloads, as it is on disk, once that could be read; and that it is new.
    orders: RefCell<Option<DownloadOrders>>,
    ordered: Rc<Notify>,
    /// Why no answer of a candidate could be kept when that was tried last.
    intake: RefCell<Option<Finding>>,
    /// The last look at the box.
    sample: Mutex<Option<BoxSample>>,
    told: broadcast::Sender<ApiEvent>,
    asks: mpsc::Sender<RunRequest>,
}

impl SharedState {
    /// An empty shared, and where its askers are heard.
    pub fn new(
        root: &Root,
        settings: Settings,
        started: Now,
    ) -> (Self, mpsc::Receiver<RunRequest>) {
        let (asks, heard) = mpsc::channel(16);
        let (told, _) = broadcast::channel(64);
        let inner = SharedInner {
            root: root.clone(),
            started,
            settings: RefCell::new(Rc::new(settings)),
            fault: RefCell::default(),
            push_fault: RefCell::default(),
            standing: RefCell::default(),
            ended: RefCell::default(),
            requests: Cell::new(0),
            library: Library::default(),
            added: RefCell::default(),
            events: EventHub::default(),
            priority: Priority::default(),
            way_in: RefCell::default(),
            exams: Rc::default(),
            signals: Notify::new(),
            news: FlagNews::default(),
            terminations: Cell::new(0),
            orders: RefCell::new(orders::at_start(root)),
            ordered: Rc::default(),
            intake: RefCell::default(),
            sample: Mutex::default(),
            told,
            asks,
        };
        (Self(Rc::new(inner), None), heard)
    }

    /// Where everything lies.
    pub fn root(&self) -> &Root {
        &self.0.root
    }

    /// When the daemon started.
    pub fn started(&self) -> Now {
        self.0.started
    }

    /// The configuration in force.
    pub fn settings(&self) -> Rc<Settings> {
        self.0.settings.borrow().clone()
    }

    /// Another configuration is in force.
    pub fn configure(&self, settings: Settings) {
        *self.0.settings.borrow_mut() = Rc::new(settings);
    }

    /// What is wrong with the files of the configuration; what is in force is the last good one.
    pub fn fault(&self) -> Option<Rc<Fault>> {
        self.0.fault.borrow().clone()
    }

    /// The files of the configuration were read again.
    pub fn faulty(&self, fault: Option<Fault>) {
        *self.0.fault.borrow_mut() = fault.map(Rc::new);
        self.0.news.any();
    }

    /// Why the figures do not reach the Pushgateway, as long as they do not.
    pub fn push_fault(&self) -> Option<Finding> {
        self.0.push_fault.borrow().clone()
    }

    /// The last push arrived, or why it did not.
    pub fn pushed(&self, fault: Option<Finding>) {
        *self.0.push_fault.borrow_mut() = fault;
    }

    /// How the daemon stands.
    pub fn standing(&self) -> DaemonStanding {
        self.0.standing.borrow().clone()
    }

    /// Shows how the daemon stands.
    pub fn show(&self, standing: DaemonStanding) {
        let before = self.0.standing.replace(standing);
        if before.waiting != self.0.standing.borrow().waiting {
            self.0.news.any();
        }
    }

    /// The run has come so far.
    pub fn progress(&self, progress: Progress) {
        let mut standing = self.0.standing.borrow_mut();
        if let Some(running) = &mut standing.running {
            self.tell(
                "progress",
                json!({ "run": running.run, "progress": progress }),
            );
            running.progress = progress;
        }
    }

    /// A run has ended with an account of each organisation: the last of them ends it for those who follow.
    pub fn reports(&self, run: u64, reports: &[Report]) {
        if let Some(worst) = organisation::worst(reports) {
            let word = worst.outcome.word();
            *self.0.ended.borrow_mut().entry(word).or_default() += 1;
        }
        for (place, report) in reports.iter().enumerate() {
            let kind = match place + 1 == reports.len() {
                true => "report",
                false => "account",
            };
            self.0.news.any();
            self.tell(kind, json!({ "run": run, "report": report }));
        }
    }

    /// A run was stopped; the next one does what was asked of it.
    pub fn stopped(&self, run: u64) {
        *self.0.ended.borrow_mut().entry("stopped").or_default() += 1;
        self.tell("stopped", json!({ "run": run, "next": run + 1 }));
    }

    /// Why no answer of a candidate could be kept when that was tried last.
    pub fn intake(&self) -> Option<Finding> {
        self.0.intake.borrow().clone()
    }

    /// The last look at the box; whoever holds it looks for all.
    pub fn sample(&self) -> &Mutex<Option<BoxSample>> {
        &self.0.sample
    }

    /// What the last trial found.
    pub fn keeps(&self, intake: Option<Finding>) {
        *self.0.intake.borrow_mut() = intake;
        self.0.news.any();
        self.0.events.judge();
    }

    /// The second copies stand otherwise than before.
    pub fn copied(&self) {
        self.0.news.any();
        self.0.events.judge();
    }

    /// Runs ended so far, by outcome.
    pub fn ended(&self) -> BTreeMap<&'static str, u64> {
        self.0.ended.borrow().clone()
    }

    /// Somebody said that an exam runs, or that none does any more.
    pub fn exam_told(&self) {
        self.0.exams.notify_one();
        self.0.signals.notify_waiters();
        self.0.news.any();
    }

    /// What the flags of the box depend on, as far as the daemon hears of changes.
    pub fn news(&self) -> FlagNews {
        self.0.news.clone()
    }

    /// Ends with the next signal of an exam.
    pub(super) fn signal(&self) -> Notified<'_> {
        self.0.signals.notified()
    }

    /// Whether executions are to end.
    pub(super) fn terminates(&self) -> bool {
        self.0.terminations.get() > 0
    }

    /// Executions are to end, until what is given is dropped.
    pub(super) fn ask_termination(&self) -> TerminationRequest {
        self.count_terminations(1);
        TerminationRequest(self.clone())
    }

    fn count_terminations(&self, more: isize) {
        let count = &self.0.terminations;
        count.set(count.get().saturating_add_signed(more));
        self.events().done();
    }

    /// Where the loop hears that.
    pub fn exams(&self) -> ChangeSignal {
        ChangeSignal(self.0.exams.clone())
    }

    /// What a person has ordered of the downloads.
    pub fn orders(&self) -> DownloadOrders {
        let mut orders = self.0.orders.borrow_mut();
        if orders.is_none() {
            *orders = orders::at_start(&self.0.root);
        }
        orders.clone().unwrap_or_default()
    }

    /// Takes an order, which is on disk then, and tells the loop.
    ///
    /// # Errors
    /// `api.request` for one that is none; `catalogue.unknown_entity`; what the file system says.
    pub(super) fn order(&self, order: &DownloadOrder) -> Result<(), Fault> {
        let mut orders = self.orders();
        let taken = orders.take(order, clock::uptime());
        taken.map_err(|flaw| wire::field("ttl_seconds", flaw.into()))?;
        if let DownloadOrder::First { delivery } = order
            && !content::is_wanted(self, delivery)?
        {
            orders.first_over(delivery);
        }
        orders::keep(&self.0.root, &orders)?;
        *self.0.orders.borrow_mut() = Some(orders);
        self.0.ordered.notify_one();
        Ok(())
    }

    /// The package of this delivery is held, or its delivery no longer named. Where that cannot be written the order goes
    /// on, and ends when the worker says so again.
    pub fn first_over(&self, delivery: &str) {
        let mut orders = self.orders();
        if orders.first_over(delivery) && orders::keep(&self.0.root, &orders).is_ok() {
            *self.0.orders.borrow_mut() = Some(orders);
        }
    }

    /// Where the loop hears of orders.
    pub fn ordered(&self) -> ChangeSignal {
        ChangeSignal(self.0.ordered.clone())
    }

    /// Counts a request; gives the number so far.
    pub fn count(&self) -> u64 {
        self.0.requests.set(self.0.requests.get() + 1);
        self.0.requests.get()
    }

    /// Everything that is told from now on.
    pub fn follow(&self) -> broadcast::Receiver<ApiEvent> {
        self.0.told.subscribe()
    }

    /// The open way in under these settings; none before the first one.
    pub(super) fn intake_of(&self, settings: &IntakeSettings) -> Option<Intake> {
        let open = self.0.way_in.borrow();
        let open = open.as_ref().filter(|(of, _)| of == settings);
        open.map(|(_, intake)| intake.clone())
    }

    /// Keeps it for the next one.
    pub(super) fn keep_intake(&self, settings: IntakeSettings, intake: Intake) {
        *self.0.way_in.borrow_mut() = Some((settings, intake));
    }

    /// Who goes first.
    pub(super) fn priority(&self) -> &Priority {
        &self.0.priority
    }

    /// What followers of the events share.
    pub(super) fn events(&self) -> &EventHub {
        &self.0.events
    }

    /// What readers of the catalogue share.
    pub(super) fn library(&self) -> &Library {
        match &self.1 {
            None => &self.0.library,
            Some(added) => &added.library,
        }
    }

    /// The same with the catalogue of one organisation of the box; none named is the first.
    ///
    /// # Errors
    /// `api.request` for one that the box has not; as `Engine::open`.
    pub(super) fn at(&self, organisation: Option<&str>) -> Result<Self, Fault> {
        let Some(id) = organisation else {
            return Ok(self.clone());
        };
        let engine = Engine::open(&self.0.root, (*self.settings()).clone())?;
        let mut found = engine.asked_for(&[id.to_owned()]).map_err(|trouble| {
            match trouble.code == Code::InputOrganisation {
                true => super::query::parameter("organisation", ParameterFlaw::Organisation),
                false => trouble,
            }
        })?;
        let home = found.pop().map(|engine| engine.vault().clone());
        let Some(home) = home.filter(|home| !home.is_first()) else {
            return Ok(self.clone());
        };
        Ok(self.with_added(id, &home))
    }

    /// The same with the catalogue of an organisation that was added.
    fn with_added(&self, id: &str, home: &Vault) -> Self {
        let mut held = self.0.added.borrow_mut();
        let added = held.entry(id.to_owned()).or_insert_with(|| {
            Rc::new(AddedLibrary {
                id: id.to_owned(),
                home: home.home().to_owned(),
                library: Library::default(),
            })
        });
        Self(self.0.clone(), Some(added.clone()))
    }

    /// The same with the catalogue of each organisation of the box, the first one first.
    ///
    /// # Errors
    /// As `Engine::organisations`.
    pub(super) fn each(&self) -> Result<Vec<Self>, Fault> {
        let engine = Engine::open(&self.0.root, (*self.settings()).clone())?;
        let vault = engine.vault();
        let added = vault.added_organisations()?.into_iter();
        let added = added.map(|one| self.with_added(&one.id, &vault.of_organisation(&one.id)));
        let first = Self(self.0.clone(), None);
        Ok(std::iter::once(first).chain(added).collect())
    }

    /// Which organisation it is of; none is the first.
    pub(super) fn added_id(&self) -> Option<&str> {
        self.1.as_ref().map(|added| &*added.id)
    }

    /// The folder of the organisation.
    pub(super) fn home(&self) -> PathBuf {
        match &self.1 {
            None => self.0.root.state(),
            Some(added) => added.home.clone(),
        }
    }

    /// An open state folder as this organisation.
    pub(super) fn as_home(&self, vault: &Vault) -> Vault {
        match &self.1 {
            None => vault.clone(),
            Some(added) => vault.of_organisation(&added.id),
        }
    }

    /// Asks the loop for a run.
    ///
    /// # Errors
    /// `daemon.stopping`.
    pub async fn ask(&self, errand: Errand) -> Result<AcceptedRequest, Fault> {
        let (answer, heard) = oneshot::channel();
        let stopping = || Fault::new(Code::DaemonStopping, ServiceCause::Stopping);
        let ask = RunRequest { errand, answer };
        self.0.asks.send(ask).await.map_err(|_| stopping())?;
        heard.await.map_err(|_| stopping())
    }

    fn tell(&self, kind: &'static str, data: serde_json::Value) {
        // Nobody may be following.
        let _ = self.0.told.send(ApiEvent {
            kind,
            data: outside::json(&data).into(),
        });
    }
}
