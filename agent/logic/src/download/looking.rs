//! What follows from a look at a package's end: who asked for it, when it is tried again, what it shows.
//! Never reads the end itself: `look` says what is asked, the executor what is there.
//! Called by `download`.

use super::command::{
    DownloadCommand, EndRead, PackageHead, PackageRequest, RangeSource, RequestId,
};
use super::faults::changed;
use super::look::{Look, LookRequest, LookedAt, Turn};
use super::{Download, EDITIONS, For, Rest, Stage};
use crate::api::PackageRange;
use crate::fault::Fault;
use crate::zip::ZipFlaw;

/// So often in a row a look may fail.
const LOOK_TRIES: u32 = 4;

/// Why the end is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookPurpose {
    /// To know the package.
    First,
    /// Past all caches.
    Confirm,
    /// Before members come once more.
    Repair,
    /// Another tag came, or a part was refused.
    Doubt { refused: bool },
    /// Ranges are of no use.
    Whole,
}

/// A look under way.
#[derive(Debug)]
pub(super) struct Looking {
    look: Look,
    purpose: LookPurpose,
    delivery: String,
    nonce: Option<u64>,
    request: Option<RequestId>,
    failed: u32,
    pub(super) rest: Option<Rest>,
}

impl Download {
    pub(super) fn look(&mut self, purpose: LookPurpose, way: LookRequest) {
        let delivery = self.task.delivery.clone();
        self.look_at(purpose, way, delivery, None);
    }

    pub(super) fn look_at(
        &mut self,
        purpose: LookPurpose,
        way: LookRequest,
        delivery: String,
        nonce: Option<u64>,
    ) {
        let (look, range) = Look::begin(way);
        self.looking = Some(Looking {
            look,
            purpose,
            delivery,
            nonce,
            request: None,
            failed: 0,
            rest: None,
        });
        self.look_asks(range);
    }

    fn look_asks(&mut self, range: Option<PackageRange>) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        if looking.look.is_anew() {
            self.commands.push_back(DownloadCommand::ForgetEnd);
        }
        let request = PackageRequest {
            delivery: looking.delivery.clone(),
            range,
            tag: None,
            nonce: looking.nonce,
            source: RangeSource::Central,
        };
        let id = self.ask(For::Look, request);
        if let Some(looking) = &mut self.looking {
            looking.request = Some(id);
        }
    }

    /// The wait before another look is over.
    pub(super) fn look_again(&mut self) {
        let now = self.now.mono;
        let Some(looking) = &mut self.looking else {
            return;
        };
        if looking.rest.as_ref().is_some_and(|rest| rest.until <= now) {
            looking.rest = None;
            let turn = looking.look.again();
            self.look_turns(turn, None, 0);
        }
    }

    pub(super) fn look_answered(&mut self, request: RequestId, head: &PackageHead) {
        if let Some(looking) = &mut self.looking {
            let turn = looking.look.answered(head);
            self.look_turns(turn, Some(request), 0);
        }
    }

    pub(super) fn look_came(&mut self, request: RequestId, bytes: u64) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        let place = looking.look.place();
        let turn = looking.look.came(bytes);
        if matches!(turn, Turn::Read | Turn::Streams { .. }) {
            self.commands.push_back(DownloadCommand::Put {
                request,
                bytes,
                place,
            });
        }
        self.look_turns(turn, Some(request), bytes);
    }

    pub(super) fn look_over(&mut self, fault: Option<Fault>) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        looking.request = None;
        let turn = match fault {
            Some(fault) => Turn::Failed(fault),
            None => looking.look.ended(),
        };
        self.look_turns(turn, None, 0);
    }

    pub(super) fn end_read(&mut self, read: Result<EndRead, ZipFlaw>) {
        if let Stage::Stream(_) = self.stage {
            return self.identified(read);
        }
        if let Some(looking) = &mut self.looking {
            let turn = looking.look.end(read);
            self.look_turns(turn, None, 0);
        }
    }

    /// What follows in a look; `request` is still open, and `bytes` of it have come just now.
    fn look_turns(&mut self, turn: Turn, request: Option<RequestId>, bytes: u64) {
        if let (Turn::Read, Some(request)) = (&turn, request) {
            return self.carriage.flow.read(request, bytes, self.now.mono);
        }
        if let Turn::Streams {
            length: Some(length),
            ..
        } = turn
            && self.is_first()
            && self.defer(length)
        {
            return;
        }
        let streams = matches!(turn, Turn::Streams { .. }) && self.may_stream();
        if let Some(request) = request.filter(|_| !streams) {
            self.close(request);
        }
        match turn {
            Turn::Read => {}
            Turn::Ask(range) => self.look_asks(range),
            Turn::ReadEnd { from, total } => {
                self.commands
                    .push_back(DownloadCommand::ReadEnd { from, total });
            }
            Turn::Seen(seen) => self.looked(Some(seen)),
            Turn::Streams { length, have } if streams => {
                self.looking = None;
                self.streams(request.unwrap_or_default(), length, have);
            }
            Turn::Streams { .. } => self.looked(None),
            Turn::Large(size) if self.defer(size) => {}
            Turn::Large(_) => {
                if let Some(looking) = &mut self.looking {
                    let turn = looking.look.goes(LookRequest::End);
                    self.look_turns(turn, None, 0);
                }
            }
            Turn::Failed(fault) => self.look_failed(fault),
        }
    }

    fn is_first(&self) -> bool {
        let purpose = self.looking.as_ref().map(|looking| looking.purpose);
        purpose == Some(LookPurpose::First)
    }

    fn may_stream(&self) -> bool {
        let purpose = self.looking.as_ref().map(|looking| looking.purpose);
        matches!(purpose, Some(LookPurpose::First | LookPurpose::Whole))
    }

    fn look_failed(&mut self, fault: Fault) {
        let Some(looking) = &mut self.looking else {
            return;
        };
        looking.failed = match looking.look.has_come() {
            true => 0,
            false => looking.failed + 1,
        };
        let failed = looking.failed;
        if let Some(wait) = self.retry(&fault, failed, LOOK_TRIES) {
            let rest = self.rest("the next attempt at a package", wait, &fault);
            if let Some(looking) = &mut self.looking {
                looking.rest = Some(rest);
            }
            return;
        }
        match self.looking.take().map(|looking| looking.purpose) {
            Some(LookPurpose::Confirm) => self.confirm_failed(fault),
            _ => self.fail(fault),
        }
    }

    /// The end is known, or that this server gives none.
    fn looked(&mut self, seen: Option<LookedAt>) {
        let Some(looking) = self.looking.take() else {
            return;
        };
        let edition = seen.as_ref().map(LookedAt::identity);
        let is_same = seen.as_ref().is_some_and(|seen| !seen.whole)
            && edition == self.seen.as_ref().map(LookedAt::identity);
        match (looking.purpose, seen) {
            (LookPurpose::Confirm, _) => self.confirmed(edition),
            (LookPurpose::First, Some(seen)) => self.recall(seen),
            (LookPurpose::Whole, Some(seen)) => {
                self.commands.push_back(DownloadCommand::KeepEnd);
                self.seen = Some(seen);
                self.open();
            }
            (LookPurpose::Doubt { refused }, _) if is_same => self.undoubted(refused),
            (LookPurpose::Repair, _) if is_same => self.repair(),
            (_, Some(seen)) if self.editions < EDITIONS => self.changes_to(seen),
            _ => self.fail(changed()),
        }
    }

    fn recall(&mut self, seen: LookedAt) {
        self.stage = Stage::Recall;
        self.commands.push_back(DownloadCommand::KeepEnd);
        self.commands
            .push_back(DownloadCommand::Recall(Some(seen.identity())));
        self.seen = Some(seen);
    }

    /// Another look than the first one shows another package: it is the one that is to come.
    fn changes_to(&mut self, seen: LookedAt) {
        self.close_all();
        self.editions += 1;
        if self.bring.take().is_some() {
            self.commands.push_back(DownloadCommand::Abandon);
        }
        self.recall(seen);
    }
}
