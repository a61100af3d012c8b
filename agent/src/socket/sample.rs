//! What the page shows of the box: taken by a short-lived process, kept until it is old or a run has ended.
//! Never opens the store in the daemon, never tells a person or a secret; at most one look at a time.
//! Called by `page`, by the local API for the verdict, and by the hidden verb `page-worker`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use logic::fault::{Code, CodeName, Fault, Finding, ProcessEnd, RunCause};
use logic::health::verdict::AwaitedPackage;
use logic::health::{BoxStanding, CheckFinding, CheckStatus, Message, Verdict};
use logic::language::{Language, Localized};
use logic::report::Report;
use logic::settings::Settings;
use serde::{Deserialize, Serialize};

use super::state::SharedState;
use crate::bundle;
use crate::doctor::{self, standing};
use crate::engine::Engine;
use crate::worker::{self, child};
use system::clock;
use system::journal;
use system::root::Root;
use vault::catalogue::FileStamp;

/// Past synchronizations that the link is drawn from.
const HISTORY: usize = 200;
/// A look at the box serves for so long, while somebody reads the page.
const SAMPLE_LIFETIME: Duration = Duration::from_secs(30);
/// The checks of `doctor --offline` read more: they serve for longer.
const EXAMINED: Duration = Duration::from_secs(300);
/// The process that looks has to answer within this.
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Where the box stands, and its past.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BoxView {
    /// What the verdict depends on.
    pub standing: BoxStanding,
    /// Id of the box, when its folder opens.
    pub box_id: Option<String>,
    /// Past synchronizations, newest first.
    pub reports: Vec<Report>,
    /// What all organisations of the box await, in the order in which it comes.
    pub awaited: Vec<AwaitedPackage>,
}

impl BoxView {
    /// The same verdict as that of `status`.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.standing)
    }
}

/// The looker's process: where the box stands.
pub fn look(
    root: &Root,
    engine: Result<Engine, Fault>,
    fault: Option<&Fault>,
    settings: &Settings,
) -> BoxView {
    let opened = engine.as_ref().map_err(Fault::clone);
    let mut box_view = match opened.and_then(Engine::organisations) {
        Ok(all) => of_organisations(&all),
        Err(trouble) => BoxView {
            standing: standing::unreadable(&trouble),
            ..BoxView::default()
        },
    };
    standing::misconfigured(&mut box_view.standing, fault);
    let redactor = bundle::redactor(root, settings, engine.as_ref().ok());
    let clean = |text: &mut String| *text = redactor.redact(text);
    let standing = &mut box_view.standing;
    let died = standing.died.iter_mut().map(|(how, _)| how);
    let each = standing.organisations.iter_mut();
    let each = each.map(|one| &mut one.finding);
    let findings = standing.trouble.iter_mut().chain(&mut standing.config);
    let findings = findings.chain(each);
    for told in findings.chain(died) {
        told.cause.redact(|text| redactor.redact(text));
    }
    if let Some(last) = &mut box_view.standing.last {
        clean(&mut last.reason);
        if let Some(cause) = &mut last.cause {
            cause.redact(|text| redactor.redact(text));
        }
    }
    for report in &mut box_view.reports {
        clean(&mut report.reason);
        for finding in &mut report.findings {
            finding.cause.redact(|text| redactor.redact(text));
        }
    }
    box_view
}

/// Where the box stands as the least ready of its organisations.
fn of_organisations(all: &[Engine]) -> BoxView {
    let (place, standing, awaited) = standing::take_worst(all);
    let engine = all.get(place);
    let box_id = engine.and_then(|engine| engine.identity().ok());
    let reports = engine.map(|engine| standing::reports(engine, HISTORY));
    BoxView {
        standing,
        box_id: box_id.map(|identity| identity.box_id),
        reports: reports.and_then(Result::ok).unwrap_or_default(),
        awaited,
    }
}

/// What a check found, as the page shows it: its sentence in each language, without names and secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// The code that `doctor explain` tells at length.
    pub code: CodeName,
    /// How it came out.
    pub status: CheckStatus,
    /// What was seen, in English.
    pub english: String,
    /// The same in French; `None` for the words of a fault, which `phrase` tells with what of them is English.
    pub french: Option<String>,
}

impl Examined {
    /// As the page shows it; `clean` takes out names and secrets.
    pub(crate) fn of(finding: CheckFinding, clean: impl Fn(&str) -> String) -> Self {
        let told = |language| clean(&finding.summary.localized(language));
        let is_fault = matches!(finding.summary, Message::Told(_));
        Self {
            english: told(Language::English),
            french: (!is_fault).then(|| told(Language::French)),
            code: finding.code,
            status: finding.status,
        }
    }
}

/// The looker's process: what `doctor --offline` finds.
pub fn examine(root: &Root, settings: &Result<Settings, Fault>) -> Vec<Examined> {
    let options = doctor::DoctorOptions {
        offline: true,
        ..doctor::DoctorOptions::default()
    };
    let findings = doctor::examine(root, settings.clone(), options);
    let defaults = Settings::default();
    let in_force = settings.as_ref().unwrap_or(&defaults);
    let engine = doctor::opened(root, in_force);
    let redactor = bundle::redactor(root, in_force, engine.as_ref());
    let findings = findings.into_iter();
    findings
        .map(|finding| Examined::of(finding, |text| redactor.redact(text)))
        .collect()
}

/// What is shown at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShownSnapshot {
    /// Another number: there is something new to read.
    pub(crate) stamp: u64,
    /// Where the box stands; `None` before the first look.
    pub(crate) box_view: Option<Rc<BoxView>>,
    /// What doctor found; `None` before the first time.
    pub(crate) findings: Option<Rc<Vec<Examined>>>,
}

/// What makes a look old at once, whatever its age: a run has ended, another catalogue is shown, answers can or cannot
/// be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ViewStamp {
    ended: u64,
    editions: Vec<FileStamp>,
    intake: Option<Finding>,
}

impl ViewStamp {
    fn of(shared: &SharedState) -> Self {
        Self {
            ended: shared.ended().values().sum(),
            editions: FileStamp::of_all(&shared.root().state()),
            intake: shared.intake(),
        }
    }
}

/// When something was looked at: the time since boot, and what stood then.
type Looked = RefCell<Option<(Duration, ViewStamp)>>;

/// The last look at the box: one sample, one judgement for the page, `/v1/status` and the metrics.
#[derive(Debug)]
pub struct BoxSample {
    at: Duration,
    mark: ViewStamp,
    box_view: Rc<BoxView>,
}

/// Where the box stands now; a look is taken when the last one is old. Whoever asks meanwhile waits for the same one.
pub async fn current(shared: &SharedState) -> Option<Rc<BoxView>> {
    younger(shared, SAMPLE_LIFETIME).await
}

/// The same, taken now.
pub async fn anew(shared: &SharedState) -> Option<Rc<BoxView>> {
    younger(shared, Duration::ZERO).await
}

/// A look that is not older than this.
async fn younger(shared: &SharedState, old: Duration) -> Option<Rc<BoxView>> {
    let mut sample = shared.sample().lock().await;
    let (at, mark) = (clock::now().mono, ViewStamp::of(shared));
    let is_young = |sample: &&BoxSample| sample.mark == mark && at.saturating_sub(sample.at) <= old;
    if let Some(young) = sample.as_ref().filter(is_young) {
        return Some(young.box_view.clone());
    }
    let mut box_view = ask::<BoxView>(shared.root(), &[]).await?;
    if let Some(known) = &*sample {
        keep(&mut box_view.reports, &known.box_view.reports);
    }
    let box_view = Rc::new(box_view);
    *sample = Some(BoxSample {
        at,
        mark,
        box_view: box_view.clone(),
    });
    Some(box_view)
}

/// Keeps the last look, and takes a new one while somebody reads.
pub(crate) struct BoxSampler {
    shared: SharedState,
    shown: RefCell<ShownSnapshot>,
    looked: Looked,
    examined: Looked,
    looking: Cell<bool>,
}

impl BoxSampler {
    pub(crate) fn new(shared: SharedState) -> Rc<Self> {
        Rc::new(Self {
            shared,
            shown: RefCell::default(),
            looked: RefCell::new(None),
            examined: RefCell::new(None),
            looking: Cell::new(false),
        })
    }

    pub(crate) fn shared(&self) -> &SharedState {
        &self.shared
    }

    /// What is known; a look is taken meanwhile when that is old.
    pub(crate) fn now(self: &Rc<Self>) -> ShownSnapshot {
        self.refresh();
        self.shown.borrow().clone()
    }

    /// The same, but not what is old: a visitor waits a little for the look.
    pub(crate) async fn fresh(self: &Rc<Self>, patience: Duration) -> ShownSnapshot {
        let shown = self.now();
        if shown.box_view.is_some() && !self.is_due(&self.looked, SAMPLE_LIFETIME) {
            return shown;
        }
        // The checks of doctor may be under way, which take longer; whatever is known by then is shown.
        let sampler = self.clone();
        let look = system::task::spawn_local(async move { sampler.box_view().await });
        let _ = tokio::time::timeout(patience, look).await;
        self.shown.borrow().clone()
    }

    fn is_due(&self, looked: &Looked, old: Duration) -> bool {
        looked.borrow().as_ref().is_none_or(|(at, mark)| {
            *mark != ViewStamp::of(&self.shared) || clock::now().mono.saturating_sub(*at) > old
        })
    }

    fn refresh(self: &Rc<Self>) {
        let (box_view, findings) = (
            self.is_due(&self.looked, SAMPLE_LIFETIME),
            self.is_due(&self.examined, EXAMINED),
        );
        if self.looking.get() || !(box_view || findings) {
            return;
        }
        self.looking.set(true);
        let sampler = self.clone();
        system::task::spawn_local(async move {
            // One after the other: the store opens in one process at a time.
            if box_view {
                sampler.box_view().await;
            }
            if findings {
                sampler.findings().await;
            }
            sampler.looking.set(false);
        });
    }

    async fn box_view(&self) {
        let looked = (clock::now().mono, ViewStamp::of(&self.shared));
        if let Some(box_view) = current(&self.shared).await {
            self.shown.borrow_mut().box_view = Some(box_view);
        }
        self.looked.replace(Some(looked));
        self.tell();
    }

    async fn findings(&self) {
        let looked = (clock::now().mono, ViewStamp::of(&self.shared));
        if let Some(findings) = ask(self.shared.root(), &["--examine"]).await {
            self.shown.borrow_mut().findings = Some(Rc::new(findings));
        }
        self.examined.replace(Some(looked));
        self.tell();
    }

    fn tell(&self) {
        self.shown.borrow_mut().stamp += 1;
    }
}

/// While a run holds the store only the last account can be read: those that are known already are not forgotten.
fn keep(reports: &mut Vec<Report>, known: &[Report]) {
    if reports.len() >= known.len() {
        return;
    }
    for report in known {
        if !reports.iter().any(|new| new.sync_id == report.sync_id) {
            reports.push(report.clone());
        }
    }
    reports.sort_by_key(|report| std::cmp::Reverse(report.sync_id));
    reports.truncate(HISTORY);
}

async fn ask<T: serde::de::DeserializeOwned>(root: &Root, options: &[&str]) -> Option<T> {
    let asked = child(root, "page-worker").args(options).output();
    let how = match tokio::time::timeout(SAMPLE_TIMEOUT, asked).await {
        Ok(Ok(output)) => match serde_json::from_slice(&output.stdout) {
            Ok(told) => return Some(told),
            Err(_) => worker::ended(output.status),
        },
        Ok(Err(error)) => ProcessEnd::NotStarted {
            why: (&error).into(),
        },
        Err(_) => ProcessEnd::Silent {
            seconds: SAMPLE_TIMEOUT.as_secs(),
        },
    };
    journal::trouble(&Fault::new(Code::WorkerDied, RunCause::LookDied { how }));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::words::SyncParams;

    fn reports(ids: &[u64]) -> Vec<Report> {
        let report = |id: &u64| {
            let params = SyncParams {
                organisation_id: "1".into(),
                sync_id: *id,
                box_id: "b".into(),
                tao_version: "v".into(),
            };
            Report::new(&params, 0)
        };
        ids.iter().map(report).collect()
    }

    #[test]
    fn a_busy_store_makes_nothing_forgotten() {
        let ids = |reports: &[Report]| reports.iter().map(|r| r.sync_id).collect::<Vec<_>>();
        let mut new = reports(&[4]);
        keep(&mut new, &reports(&[3, 2, 1]));
        assert_eq!(ids(&new), [4, 3, 2, 1]);
        // A store that was begun anew is shorter for good only when the known ones are gone from it too.
        let mut new = reports(&[5, 4, 3]);
        keep(&mut new, &reports(&[4, 3, 2]));
        assert_eq!(ids(&new), [5, 4, 3]);
    }
}
