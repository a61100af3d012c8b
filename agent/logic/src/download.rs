//! Decides how one package comes home: what is asked for, what an answer is worth, when to wait, when it is whole.
//! Never sees a byte, a clock or a file: offsets, heads of answers and verdicts come in, commands go out.
//! Called by `engine::download`, which executes it, and by the virtual world of its tests (`tests/download.rs`).
//!
//! | Rule | Where | Held against real sockets by |
//! |---|---|---|
//! | A way of asking that was not heeded leads to the next one, at last to the whole | `look` | e2e `ways` |
//! | A part is believed only where its `Content-Range` begins where it was asked for and ends no later | `look`, `bring` | `ways::a_shifted_range_…`, `…beyond_what_it_says…` |
//! | A shorter part is taken, its rest asked for; eight scraps in a row are no way | `bring` | `ways::parts_shorter_…`, `scraps_…` |
//! | Ranges that brought something go on, four times at most; else the whole is asked for | `fail` | `ways::ranges_that_fail_late_…`, `one_range_…` |
//! | Size and end are the package: another one means to begin anew, four times at most | `begin_edition` | `package::a_package_that_changes_…` |
//! | Another tag, or a refused part, has the end looked at before anything is thrown away | `doubt` | `package::where_a_server_in_front_tags_…` |
//! | A cut part goes on in the middle of its record | `records` | `package::a_line_that_is_cut_within_every_record_…` |
//! | A large one is only looked at while sizes of others are unknown; nothing is written then | `defer` | e2e `orders` |
//! | What is held or coming is asked for by its end; where nothing is, everything is asked for | `begin_edition` | `package::a_small_package_…` |
//! | Members that a held package has are copied, where that costs less | `build` | e2e `delta` |
//! | A wrong member comes once more, after the end was read again; twice wrong alike is so on central | `checked` | `package::a_byte_that_came_wrong_…`, `…damaged_on_central_…` |
//! | What was found bad does not come again before it changes or somebody asks | `weigh` | `package` (verdicts) |
//! | What another delivery holds too is confirmed past all caches | `confirm` | `package` (caches) |
//! | A failure that passes is tried again: four looks, five rounds of ranges without progress | `retry` | `package::a_central_in_trouble_…` |
//! | Windows, exams and pauses hold back the next request, an exam alone the replacement | `gate` | e2e `lanes` |
//! | A pause and an exam end what is under way, too: ranges are left, other answers are not read | `gate` | e2e `orders` |
//! | What siblings have comes from them, what nobody has is shared out; central's word is above theirs | `swarm`, `siblings` | e2e `siblings` |
//! | At most one window of bytes is without a flush; the rate holds over all connections | `flow` | e2e `resume`, `power`, `package::all_connections_…` |

mod bring;
mod build;
mod command;
mod confirm;
mod faults;
mod flow;
mod look;
mod looking;
mod part;
mod records;
mod siblings;
mod stream;
mod swarm;
mod task;
mod view;

use std::collections::VecDeque;
use std::time::Duration;

pub use command::{
    ContentTarget, DownloadCommand, EndRead, Event, FirstBytes, Hold, PackageHead, PackageRequest,
    RangeSource, RequestId, SiblingId, SiblingNews, Twin,
};
pub use faults::{first_bytes, refused};
pub use task::{Carriage, Task};

use crate::fault::{Code, Fault, Id, PackageCause};
use crate::package::{EditionFinding, Judged};
use crate::package_lane::{PackageEnd, WaitReason, Waiting};
use crate::retry;
use crate::small_map::SmallMap;
use crate::words::{FaultClass, Now};
use crate::zip::PackageTail;
use bring::Bring;
use confirm::Confirm;
use faults::{changed, is_range};
use look::{LookRequest, LookedAt};
use looking::{LookPurpose, Looking};
use part::RangeInFlight;
use stream::Stream;
use swarm::Swarm;

/// How often a package may change under our hands before the run leaves it for the next one.
const EDITIONS: u32 = 4;
/// How often ranges go on after one of them was not what was asked for.
const WAYS: u32 = 4;
/// What ranges must have brought, in bytes, before one of them failed, so that going on with them is worth it.
const WORTH: u64 = 256 << 10;
/// So often a gate that is closed is looked at again.
const GATE_LOOKS: Duration = Duration::from_secs(30);
/// A package of which nothing is held is asked for at once where it is not larger than this, in bytes, and than the
/// window that a power cut may cost.
const SMALL_PACKAGE: u64 = 2 << 20;
/// The same where there are siblings: what is larger crosses the line once.
const SMALL_BESIDE: u64 = 256 << 10;

/// What an answer under way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Look,
    Part,
    Stream,
}

/// A wait before the next attempt.
#[derive(Debug, Clone)]
struct Rest {
    until: Duration,
    why: &'static str,
    waiting: Waiting,
}

/// Where a download stands.
#[derive(Debug)]
enum Stage {
    /// The package is looked at.
    Look,
    /// What is known of it is asked for.
    Recall,
    /// It is compared past all caches.
    Confirm(Confirm),
    /// The records are opened.
    Open,
    /// A held package that shares members is looked for.
    Relate,
    /// Records come.
    Bring,
    /// The members are checked.
    Verify,
    /// The whole comes in one answer.
    Stream(Stream),
    /// It is whole; an exam may still use what it takes the place of.
    Exam,
    /// It is made visible.
    Publish,
    /// What is held is noted as compared.
    Compare,
    /// It is over.
    Ended(PackageEnd),
}

/// The machine of one package.
#[derive(Debug)]
pub struct Download {
    task: Task,
    carriage: Carriage,
    now: Now,
    random: u64,
    commands: VecDeque<DownloadCommand>,
    stage: Stage,
    looking: Option<Looking>,
    requests: SmallMap<RequestId, For>,
    last_request: RequestId,
    /// Requests that wait for the gate.
    asks: Vec<(RequestId, PackageRequest)>,
    /// The gate is being looked at.
    at_gate: bool,
    /// It is closed, and is looked at again then.
    closed: Option<(Waiting, Duration)>,
    seen: Option<LookedAt>,
    twins: Vec<Twin>,
    judged: Option<Judged>,
    /// A person asked.
    asked: bool,
    /// The trouble of other deliveries, told once this one is done.
    told: Option<Fault>,
    bring: Option<Bring>,
    /// The boxes beside this one, where there may be any.
    swarm: Option<Swarm>,
    editions: u32,
    ways: u32,
    /// Bytes that had come when ranges began.
    way_began: u64,
    on_wire: u64,
}

impl Download {
    /// Begins. `met` says that what is held is surely the package that is wanted.
    pub fn new(task: Task, mut carriage: Carriage, met: bool, now: Now) -> Self {
        carriage.flow.begins();
        let mut machine = Self {
            random: task.random,
            task,
            carriage,
            now,
            commands: VecDeque::new(),
            stage: Stage::Look,
            looking: None,
            requests: SmallMap::new(),
            last_request: 0,
            asks: Vec::new(),
            at_gate: false,
            closed: None,
            seen: None,
            twins: Vec::new(),
            judged: None,
            asked: false,
            told: None,
            bring: None,
            swarm: None,
            editions: 0,
            ways: 0,
            way_began: 0,
            on_wire: 0,
        };
        match met {
            true => machine.ends(PackageEnd::Held { on_wire: 0 }),
            false => machine.begin_edition(),
        }
        machine
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&PackageEnd> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// What goes on to the next package.
    pub fn into_carriage(self) -> Carriage {
        self.carriage
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event, now: Now) {
        self.now = now;
        if self.end().is_some() {
            return;
        }
        match event {
            Event::GateChanged => {
                self.closed = self.closed.map(|(waiting, _)| (waiting, Duration::ZERO))
            }
            Event::Ordered(rate) => {
                self.carriage.instead(rate);
                if !self.at_gate {
                    self.look_at_gate();
                }
            }
            Event::Gate(held) => self.gate(held),
            Event::Answered(request, head) => self.answered(request, &head),
            Event::Came(request, bytes) => self.came(request, bytes),
            Event::Ended(request) => self.request_over(request, None),
            Event::Failed(request, fault) => self.request_over(request, Some(fault)),
            Event::End(read) => self.end_read(read),
            Event::Recalled {
                twins,
                judged,
                asked,
            } => self.recalled(twins, judged, asked),
            Event::Opened { record, have } => self.opened(record, have),
            Event::Related(plan) => self.related(plan),
            Event::Copied(result) => self.copied(result),
            Event::Checked(verdict) => self.checked(verdict),
            Event::Flushed => self.carriage.flow.flushed(),
            Event::Published => self.published(),
            Event::Compared => self.over(PackageEnd::Held {
                on_wire: self.on_wire,
            }),
            Event::Disk(fault) => self.fail(fault),
            Event::Polled(asked) => {
                if let Some(swarm) = &mut self.swarm {
                    swarm.polled(asked);
                }
            }
            Event::Heard(sibling, said) => {
                self.heard(sibling, said);
                if let Some(swarm) = &mut self.swarm
                    && !swarm.thinks(now.mono)
                {
                    return;
                }
            }
            Event::Time => {
                if let Some(swarm) = &mut self.swarm {
                    swarm.time(now.mono);
                }
            }
            Event::Sealed {
                record,
                digest,
                kept,
            } => self.sealed(record, digest, kept),
        }
        self.turn();
    }

    #[expect(
        clippy::should_implement_trait,
        reason = "a machine is no iterator: it goes on after `None`"
    )]
    /// What is to be done now; nothing before the next event, when there is none.
    pub fn next(&mut self) -> Option<DownloadCommand> {
        self.commands.pop_front()
    }

    /// When time itself is an event.
    pub fn due(&self) -> Option<Duration> {
        if self.end().is_some() {
            return None;
        }
        let gate = self
            .closed
            .filter(|_| !self.at_gate)
            .map(|(_, until)| until);
        let look = self
            .looking
            .as_ref()
            .and_then(|looking| looking.rest.as_ref());
        let parts = self.bring.iter().flat_map(|bring| bring.rests());
        let rests = look.into_iter().chain(parts).map(|rest| rest.until);
        let others = gate.into_iter().chain(self.carriage.flow.due());
        rests.chain(others).chain(self.siblings_due()).min()
    }

    /// What it waits for, when nothing comes meanwhile: in words, and as status shows it.
    pub fn waiting(&self) -> Option<(&'static str, Waiting)> {
        if let Some((waiting, _)) = self.closed {
            return Some((waiting.reason.words(), waiting));
        }
        if !self.requests.is_empty() || self.end().is_some() {
            return None;
        }
        let look = self
            .looking
            .as_ref()
            .and_then(|looking| looking.rest.as_ref());
        let parts = self.bring.iter().flat_map(|bring| bring.rests());
        let rest = look
            .into_iter()
            .chain(parts)
            .min_by_key(|rest| rest.until)?;
        Some((rest.why, rest.waiting))
    }

    /// What time and free hands allow.
    fn turn(&mut self) {
        if let Some((_, until)) = self.closed
            && until <= self.now.mono
            && !self.at_gate
        {
            self.look_at_gate();
        }
        self.look_again();
        self.advance();
        self.tell();
        if self.end().is_none() && self.carriage.flow.flushes() {
            self.commands.push_back(DownloadCommand::Flush);
        }
        for request in self.carriage.flow.ready(self.now.mono) {
            self.commands.push_back(DownloadCommand::Read(request));
        }
    }

    // Requests.

    /// Asks central, as soon as nothing holds it back.
    fn ask(&mut self, what: For, request: PackageRequest) -> RequestId {
        self.last_request += 1;
        let id = self.last_request;
        self.requests.insert(id, what);
        self.asks.push((id, request));
        if !self.at_gate && self.closed.is_none() {
            self.look_at_gate();
        }
        id
    }

    fn look_at_gate(&mut self) {
        self.at_gate = true;
        let hold = match self.stage {
            Stage::Exam => Hold::Exam,
            _ => Hold::Downloads,
        };
        self.commands.push_back(DownloadCommand::Gate(hold));
    }

    fn gate(&mut self, held: Option<(Waiting, Duration)>) {
        self.at_gate = false;
        if let Some((waiting, wait)) = held {
            let ends = |waiting: &Waiting| waiting.reason.ends_requests();
            let asks = !self.asks.is_empty() || matches!(self.stage, Stage::Exam);
            let before = self.closed.map(|(waiting, _)| waiting);
            if !asks && before.is_none() && !ends(&waiting) {
                // What is under way goes on.
                return;
            }
            let until = self.now.mono + wait.clamp(Duration::from_secs(1), GATE_LOOKS);
            self.closed = Some((waiting, until));
            self.carriage.flow.pause(ends(&waiting));
            if ends(&waiting) && !before.is_some_and(|before| ends(&before)) {
                self.leave_parts();
            }
            return;
        }
        if self.closed.take().is_some() {
            self.carriage.flow.pause(false);
            self.carriage.pace.begins(self.now);
        }
        for (id, request) in std::mem::take(&mut self.asks) {
            if let Some(bring) = &mut self.bring {
                bring.asked(id, self.now.mono);
            }
            self.commands.push_back(DownloadCommand::Ask(id, request));
        }
        if matches!(self.stage, Stage::Exam) {
            self.publish();
        }
    }

    /// Leaves an answer, or a request that was not made yet.
    fn close(&mut self, request: RequestId) {
        if self.requests.remove(&request).is_none() {
            return;
        }
        self.carriage.flow.closed(request);
        let before = self.asks.len();
        self.asks.retain(|(id, _)| *id != request);
        if self.asks.len() == before {
            self.commands.push_back(DownloadCommand::Close(request));
        }
    }

    fn close_all(&mut self) {
        let all: Vec<RequestId> = self.requests.keys().copied().collect();
        all.into_iter().for_each(|request| self.close(request));
    }

    fn answered(&mut self, request: RequestId, head: &PackageHead) {
        match self.requests.get(&request) {
            Some(For::Look) => self.look_answered(request, head),
            Some(For::Part) => self.part_answered(request, head),
            Some(For::Stream) | None => {}
        }
    }

    fn came(&mut self, request: RequestId, bytes: u64) {
        if !self.requests.contains_key(&request) {
            return;
        }
        if !self.is_given(request) {
            self.on_wire += bytes;
        }
        match self.requests.get(&request) {
            Some(For::Look) => self.look_came(request, bytes),
            Some(For::Part) => self.part_came(request, bytes),
            Some(For::Stream) => self.stream_came(request, bytes),
            None => {}
        }
    }

    /// Whether a sibling gives what this request asked for.
    fn is_given(&self, request: RequestId) -> bool {
        let part = self
            .bring
            .as_ref()
            .and_then(|bring| bring.parts.get(&request));
        part.is_some_and(RangeInFlight::is_given)
    }

    /// An answer ended or failed.
    fn request_over(&mut self, request: RequestId, fault: Option<Fault>) {
        self.carriage.flow.closed(request);
        match self.requests.remove(&request) {
            Some(For::Look) => self.look_over(fault),
            Some(For::Part) => self.part_over(request, fault),
            Some(For::Stream) => self.stream_over(fault),
            None => {}
        }
    }

    /// The one place that decides whether a failure is met by another attempt: the wait before it, none at all after
    /// progress (`failed` is 0), or `None`.
    fn retry(&mut self, fault: &Fault, failed: u32, most: u32) -> Option<Duration> {
        if fault.class != FaultClass::Retry || failed >= most {
            return None;
        }
        if failed == 0 {
            return Some(Duration::ZERO);
        }
        self.random = retry::mix(self.random);
        Some(retry::backoff(failed, fault.retry_after, self.random))
    }

    fn rest(&self, why: &'static str, wait: Duration, fault: &Fault) -> Rest {
        Rest {
            until: self.now.mono + wait,
            why,
            waiting: Waiting {
                reason: WaitReason::of(fault),
                until: Some(self.now.after(wait).wall),
            },
        }
    }

    // The package as a whole.

    fn begin_edition(&mut self) {
        self.editions += 1;
        if self.editions > EDITIONS {
            return self.ends_with(changed().classed(FaultClass::GiveUp));
        }
        (self.ways, self.stage) = (0, Stage::Look);
        let nothing = !self.task.is_held && !self.task.is_known && self.editions == 1;
        let small = match self.task.site {
            Some(_) => SMALL_BESIDE,
            None => SMALL_PACKAGE,
        };
        let most = small.min(self.carriage.window);
        let way = match nothing && most > PackageTail::FIRST_REQUEST_BYTES {
            true => LookRequest::Everything(most),
            false => LookRequest::End,
        };
        self.look(LookPurpose::First, way);
    }

    /// Something went wrong for good: with this edition, with ranges, or with the package.
    fn fail(&mut self, fault: Fault) {
        self.close_all();
        self.looking = None;
        if fault.code == Code::PackageChanged {
            if self.bring.take().is_some() || matches!(self.stage, Stage::Stream(_)) {
                self.commands.push_back(DownloadCommand::Abandon);
            }
            self.seen = None;
            return self.begin_edition();
        }
        let by_ranges = self.bring.as_ref().is_some_and(|bring| !bring.whole);
        if !is_range(&fault) || !by_ranges {
            return self.ends_with(fault);
        }
        self.ways += 1;
        if self.on_wire - self.way_began >= WORTH && self.ways < WAYS {
            // One of them was not what was asked for, and what came before it is kept.
            return self.bring_rest();
        }
        self.bring = None;
        self.stage = Stage::Look;
        self.look(LookPurpose::Whole, LookRequest::Whole);
    }

    /// The package is whole and checked.
    fn whole(&mut self) {
        self.stage = Stage::Exam;
        match self.task.is_held {
            // An exam may have begun while the last range was on its way.
            true => self.look_at_gate(),
            false => self.publish(),
        }
    }

    fn publish(&mut self) {
        let rebuilt = self.bring.as_ref().is_some_and(|bring| bring.rebuilt);
        self.stage = Stage::Publish;
        self.commands
            .push_back(DownloadCommand::Publish { rebuilt });
    }

    fn published(&mut self) {
        let bad = |judged: &Judged| judged.finding != EditionFinding::Confirmed;
        if self.judged.as_ref().is_some_and(bad) {
            self.commands.push_back(DownloadCommand::ForgetJudged);
        }
        let bytes = self.seen.as_ref().map_or(0, |seen| seen.identity().size);
        let on_wire = self.on_wire;
        self.over(PackageEnd::Fetched { bytes, on_wire });
    }

    /// It went well here; the trouble of other deliveries is told.
    fn over(&mut self, end: PackageEnd) {
        match self.told.take() {
            Some(fault) => self.ends_with(fault),
            None => self.ends(end),
        }
    }

    /// Leaves a package of this size for later, where that is asked for.
    fn defer(&mut self, size: u64) -> bool {
        let defers = self.task.defers_above.is_some_and(|most| size > most);
        if defers {
            let on_wire = self.on_wire;
            self.over(PackageEnd::Deferred { size, on_wire });
        }
        defers
    }

    fn ends_with(&mut self, fault: Fault) {
        let delivery = Id::from(&self.task.delivery);
        let on_wire = self.on_wire;
        let trouble = fault.because(|why| PackageCause::Of { delivery, why });
        self.ends(PackageEnd::Failed { trouble, on_wire });
    }

    fn ends(&mut self, end: PackageEnd) {
        self.close_all();
        self.looking = None;
        self.stage = Stage::Ended(end);
    }
}
