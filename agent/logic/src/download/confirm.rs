//! What the first look at a package leads to: it is kept, confirmed past caches, left for what was found out, or brought.
//! Never takes another delivery's package for this one's, and never brings the same bad edition again unasked.
//! Called by `download`; the rule is `package::next`.

use std::collections::VecDeque;

use super::command::{DownloadCommand, Twin};
use super::faults::{changed, named};
use super::look::{LookRequest, LookedAt};
use super::{Download, LookPurpose, Stage};
use crate::fault::{Cause, Code, Fault, MemberFlaw, PackageCause};
use crate::package::{self, EditionFinding, EditionLook, Judged, PackageStep};
use crate::retry;
use crate::words::FaultClass;
use crate::zip::{Defect, Directory, PackageIdentity};

/// For how long, in seconds, a bad package is taken for the same where the end cannot be looked at.
const DAY: i64 = 24 * 60 * 60;

/// The deliveries that are compared past all caches, this one first.
#[derive(Debug, Default)]
pub(super) struct Confirm {
    current: String,
    left: VecDeque<String>,
}

impl Download {
    pub(super) fn recalled(&mut self, twins: Vec<Twin>, judged: Option<Judged>, asked: bool) {
        (self.judged, self.asked) = (judged, asked);
        if let Stage::Stream(_) = self.stage {
            return self.stream_may_begin();
        }
        self.twins = twins;
        self.weigh();
    }

    /// What follows from what was seen and from what is known.
    fn weigh(&mut self) {
        let Some(seen) = self.seen.as_ref() else {
            return;
        };
        let (edition, whole) = (seen.identity(), seen.whole);
        let found = self.judged.as_ref().map(|j| (j.identity(), j.finding));
        let step = package::next(&EditionLook {
            seen: edition,
            held: self.task.held.filter(|_| self.task.is_held),
            shared: !self.twins.is_empty(),
            found,
            asked: self.asked,
        });
        match step {
            PackageStep::Keep => {
                self.stage = Stage::Compare;
                self.commands.push_back(DownloadCommand::Compare);
            }
            // It has come already: whether it is still bad is seen at once.
            PackageStep::Leave(EditionFinding::Damaged) if whole => self.open(),
            PackageStep::Leave(_) => match self.judged.as_ref().map(left) {
                Some(fault) => self.fail(fault),
                // Nothing can have been found out about an edition without being known.
                None => self.open(),
            },
            PackageStep::Confirm => self.confirm_all(),
            PackageStep::Fetch => {
                if found.is_some_and(|(of, _)| of != edition) {
                    self.judged = None;
                    self.commands.push_back(DownloadCommand::ForgetJudged);
                }
                self.open();
            }
        }
    }

    fn confirm_all(&mut self) {
        let others = self.twins.iter().filter(|twin| !twin.confirmed);
        let left = others.map(|twin| twin.delivery.clone()).collect();
        let current = self.task.delivery.clone();
        self.confirm(Confirm { current, left });
    }

    /// Asks for the end once more, past all caches.
    fn confirm(&mut self, confirm: Confirm) {
        self.random = retry::mix(self.random);
        let (delivery, nonce) = (confirm.current.clone(), Some(self.random));
        self.stage = Stage::Confirm(confirm);
        self.look_at(LookPurpose::Confirm, LookRequest::End, delivery, nonce);
    }

    /// Central's own end; none where ranges are not served: nothing can be compared there.
    pub(super) fn confirmed(&mut self, fresh: Option<PackageIdentity>) {
        let Stage::Confirm(confirm) = std::mem::replace(&mut self.stage, Stage::Look) else {
            return;
        };
        let Some(edition) = self.seen.as_ref().map(LookedAt::identity) else {
            return;
        };
        let own = confirm.current == self.task.delivery;
        if fresh.is_none_or(|fresh| fresh == edition) {
            self.judge(
                &confirm.current,
                edition,
                EditionFinding::Confirmed,
                "".into(),
            );
            return self.confirm_next(confirm);
        }
        if !own || self.task.held == Some(edition) {
            let mark = DownloadCommand::MarkDamaged(confirm.current.clone());
            self.commands.push_back(mark);
        }
        let delivery = confirm.current.as_str().into();
        let fault = Fault::new(Code::PackageCache, PackageCause::Cached { delivery });
        let cause = fault.cause.clone();
        self.judge(&confirm.current, edition, EditionFinding::Cached, cause);
        match own {
            true => self.fail(fault),
            false => {
                self.told = Some(fault);
                self.confirm_next(confirm);
            }
        }
    }

    /// It could not be compared. What else may be wrong with another delivery's, it may be gone from central, its own
    /// turn tells.
    pub(super) fn confirm_failed(&mut self, fault: Fault) {
        let Stage::Confirm(confirm) = std::mem::replace(&mut self.stage, Stage::Look) else {
            return self.fail(fault);
        };
        match confirm.current == self.task.delivery {
            true => self.fail(fault),
            false => self.confirm_next(confirm),
        }
    }

    fn confirm_next(&mut self, mut confirm: Confirm) {
        match confirm.left.pop_front() {
            Some(next) => {
                confirm.current = next;
                self.confirm(confirm);
            }
            None => self.weigh(),
        }
    }

    /// Keeps what was found out about an edition.
    pub(super) fn judge(
        &mut self,
        delivery: &str,
        edition: PackageIdentity,
        finding: EditionFinding,
        cause: Cause,
    ) {
        let delivery = delivery.to_owned();
        if delivery == self.task.delivery {
            self.judged = Some(Judged {
                delivery: delivery.clone(),
                size: edition.size,
                tail: edition.tail,
                finding,
                cause: cause.clone(),
                at: self.now.wall,
            });
        }
        self.commands.push_back(DownloadCommand::Judge {
            delivery,
            edition,
            finding,
            cause,
        });
    }

    /// A package with a member that can never be checked is not brought at all; whether it is such a one.
    pub(super) fn is_unreadable(&mut self, directory: &Directory) -> bool {
        let Some((at, defect)) = directory.unreadable() else {
            return false;
        };
        let (member, why) = (named(directory, at), (&defect).into());
        let cause = PackageCause::Unchecked { member, why };
        let fault = Fault::new(Code::PackageUnsupported, cause);
        self.convict(directory.identity, EditionFinding::Unsupported, &fault);
        self.fail(fault);
        true
    }

    pub(super) fn convict(
        &mut self,
        edition: PackageIdentity,
        finding: EditionFinding,
        why: &Fault,
    ) {
        let delivery = self.task.delivery.clone();
        self.judge(&delivery, edition, finding, why.cause.clone());
    }

    /// The trouble of a member that came wrong twice. What came wrong twice in the same way is so on central, and
    /// remembered; a line that changes bytes on their way would not change them alike.
    pub(super) fn damaged(
        &mut self,
        directory: &Directory,
        at: usize,
        why: Option<&Defect>,
        proven: bool,
    ) -> Fault {
        let why = why.map(MemberFlaw::from);
        let member = named(directory, at);
        let fault = Fault::new(
            Code::PackageDamaged,
            PackageCause::WrongTwice { member, why },
        );
        if proven {
            self.convict(directory.identity, EditionFinding::Damaged, &fault);
        }
        fault
    }

    /// The same of a package that came whole. It has only its own word: it is remembered, so that doctor names it, and
    /// read again when it comes again.
    pub(super) fn damaged_whole(
        &mut self,
        directory: &Directory,
        at: usize,
        why: &Defect,
    ) -> Fault {
        let (member, why) = (named(directory, at), why.into());
        let fault = Fault::new(Code::PackageDamaged, PackageCause::Wrong { member, why });
        self.convict(directory.identity, EditionFinding::Damaged, &fault);
        fault
    }

    /// Where ranges are not served the end cannot be looked at: a bad package is taken for the same one while its length
    /// is, or where nobody says how long it is, for a day.
    pub(super) fn known_as_bad(&self, size: Option<u64>) -> Option<Fault> {
        let recent = |judged: &&Judged| (0..DAY).contains(&self.now.wall.saturating_sub(judged.at));
        let bad = |judged: &&Judged| {
            size.is_none_or(|size| judged.size == size)
                && judged.finding != EditionFinding::Confirmed
        };
        let judged = self.judged.as_ref().filter(recent).filter(bad)?;
        (!self.asked).then(|| left(judged))
    }
}

fn left(judged: &Judged) -> Fault {
    let why = Box::new(judged.cause.clone());
    let code = judged.finding.code().unwrap_or(changed().code);
    // Whatever the code asks for elsewhere: it was found so before.
    Fault::new(code, PackageCause::Left { why }).classed(FaultClass::GiveUp)
}
