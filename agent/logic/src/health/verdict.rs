//! Decides whether the box is ready for an exam, and tells the one reason if it is not.
//! Never measures anything: what stands is an argument.
//! Called by `status`, by the daemon for journal and socket, and by the status page.

use serde::{Deserialize, Serialize};

use super::clock;
use super::standing::DiskRoom;
pub use super::standing::{
    AwaitedPackage, BoxStanding, CollectorFigures, Kinds, Last, LastRun, OwedCounts,
    ShownCatalogue, Stock, told_by_type,
};
use crate::fault::{Area, Cause, Code, CodeName, ConfigCause, Finding, ItemCause, Lack};
use crate::outside;
use crate::package::estimate::time_left;
use crate::package::waiting::done_at;
use crate::spool;
use crate::words::Outcome;

/// So many ids stand in a sentence.
const IDS: usize = 3;

/// The answer in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The exam can run, and central is up to date.
    Ready,
    /// The exam can run; something else needs a look.
    ReadyBut,
    /// The exam cannot run as planned.
    NotReady,
}

impl Word {
    /// As people read it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::ReadyBut => "READY, BUT …",
            Self::NotReady => "NOT READY",
        }
    }

    /// As machines read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::ReadyBut => "ready_but",
            Self::NotReady => "not_ready",
        }
    }

    /// The exit status of `status`.
    pub fn exit(self) -> u8 {
        u8::from(self == Self::NotReady)
    }
}

/// Whether the box is ready, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The answer.
    pub word: Word,
    /// The code that `doctor explain` tells at length; `ready` when there is nothing to tell.
    pub code: CodeName,
    /// The one reason; of a ready box, what it is ready with.
    pub reason: Cause,
    /// What else needs a look, in order of weight.
    pub also: Vec<Cause>,
}

impl Verdict {
    /// The place of the one that counts for all: the least ready, the first of several.
    pub fn worst(all: &[Self]) -> Option<usize> {
        let word = |verdict: &Self| verdict.word as u8;
        let least = all.iter().map(word).max()?;
        all.iter().position(|verdict| word(verdict) == least)
    }

    /// Judges what stands.
    pub fn of(standing: &BoxStanding) -> Self {
        if let Some((code, reason)) = blocked(standing) {
            // What is missing would be there if the last run had come through.
            let last = standing.last.as_ref();
            let also = last.filter(|last| missed(&code, last));
            return Self {
                word: Word::NotReady,
                also: also
                    .map(ended)
                    .into_iter()
                    .chain(died(standing))
                    .chain(misconfigured(standing).map(|(_, reason)| reason))
                    .collect(),
                code,
                reason,
            };
        }
        let mut looks = looks(standing).into_iter();
        match looks.next() {
            None => Self {
                word: Word::Ready,
                code: Code::Ready.into(),
                reason: Cause::Ready {
                    organisation: standing.catalogue.organisation.clone(),
                    held: standing.packages.held,
                },
                also: Vec::new(),
            },
            Some((code, reason)) => Self {
                word: Word::ReadyBut,
                code,
                reason,
                also: looks.map(|(_, reason)| reason).collect(),
            },
        }
    }

    /// The code whose remedy helps: that of the last run, where nothing else stands in the way.
    pub fn cause(&self, standing: &BoxStanding) -> CodeName {
        let unfinished = [Code::PackageIncomplete, Code::CatalogueIncomplete];
        match &standing.last {
            _ if standing.died.is_some() && unfinished.iter().any(|code| self.code == *code) => {
                Code::WorkerDied.into()
            }
            Some(last) if self.code == Code::SyncFailed || missed(&self.code, last) => {
                last.code.clone()
            }
            _ => self.code.clone(),
        }
    }
}

/// When the packages are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageEstimate {
    /// Seconds that the rest takes, in whole minutes.
    pub seconds: u64,
    /// The same at the rate of the slower half of the last minutes, where it was measured in them.
    pub latest: Option<u64>,
    /// Bytes a second.
    pub rate: u64,
    /// Unix seconds; only while packages come.
    pub ready_at: Option<i64>,
}

/// When the packages are there, by the rate of the last minutes or else of the last run; `None` without a rate, with a
/// size that is unknown, or where nothing is left.
pub fn package_estimate(standing: &BoxStanding) -> Option<PackageEstimate> {
    let left = standing.packages.bytes_left;
    if standing.packages.unknown > 0 || left == 0 {
        return None;
    }
    let minutes = |seconds: u64| seconds.div_ceil(60) * 60;
    if let Some(recent) = standing.package_rate {
        let takes = time_left(left, recent)?;
        return Some(PackageEstimate {
            seconds: minutes(takes.likely),
            latest: takes.latest.map(minutes),
            rate: recent.mean,
            ready_at: done_at(standing.open_spans.as_deref(), standing.now, takes.likely),
        });
    }
    let rate = standing.rate.filter(|rate| *rate > 0.0)?;
    Some(PackageEstimate {
        seconds: (left as f64 / rate / 60.0).ceil() as u64 * 60,
        latest: None,
        rate: rate as u64,
        ready_at: None,
    })
}

/// What several organisations await, in the order in which it comes: of each in turn one package, what two name once.
pub fn awaited_in_turn(all: &[BoxStanding]) -> Vec<AwaitedPackage> {
    let longest = all.iter().map(|one| one.awaited.len()).max();
    let mut told: Vec<AwaitedPackage> = Vec::new();
    for place in 0..longest.unwrap_or(0) {
        for one in all.iter().filter_map(|one| one.awaited.get(place)) {
            if told.iter().all(|told| told.delivery != one.delivery) {
                told.push(one.clone());
            }
        }
    }
    told
}

/// When each package that is awaited is there, Unix seconds, in the order in which they come: all before it come first.
/// `None` where no package comes now, and from one of unknown size on.
pub fn awaited_at<'a>(
    standing: &BoxStanding,
    awaited: &'a [AwaitedPackage],
) -> Vec<(&'a AwaitedPackage, Option<i64>)> {
    let mut before = Some(0);
    let at = |awaited: &'a AwaitedPackage| {
        before = before.zip(awaited.left).map(|(before, left)| before + left);
        let takes = before
            .zip(standing.package_rate)
            .and_then(|(left, rate)| time_left(left, rate));
        let open = standing.open_spans.as_deref();
        (
            awaited,
            takes.and_then(|takes| done_at(open, standing.now, takes.likely)),
        )
    };
    awaited.iter().map(at).collect()
}

/// What makes an exam impossible, the cause before its effects.
fn blocked(standing: &BoxStanding) -> Option<(CodeName, Cause)> {
    if let Some(Finding { code, cause }) = &standing.trouble {
        return Some((code.clone(), cause.clone()));
    }
    if let Some(Finding { code, cause }) = &standing.intake {
        return Some((code.clone(), Cause::AnswersNotKept(Box::new(cause.clone()))));
    }
    let shown = &standing.catalogue;
    let told = |code: Code, cause| Some((CodeName::from(code), cause));
    if shown.complete_at.is_none() {
        if let Some(lacks) = lacks(standing) {
            return Some(lacks);
        }
        if !standing.enrolled {
            return told(Code::AuthNotEnrolled, Cause::NotEnrolled);
        }
        let why = standing.last.as_ref().filter(|last| last.code != Code::Ok);
        return match why {
            Some(last) => Some((
                last.code.clone(),
                Cause::NeverComplete(Some(Box::new(last.cause()))),
            )),
            None => told(Code::CatalogueIncomplete, Cause::NeverComplete(None)),
        };
    }
    let organisation = shown.organisation.clone();
    if let Some(own) = standing.other_organisation() {
        let cause = Cause::OtherOrganisation {
            held: organisation,
            own: own.to_owned(),
        };
        return told(Code::CatalogueOtherOrganisation, cause);
    }
    if standing.packages.wanted == 0 {
        return told(Code::CatalogueEmpty, Cause::NothingToTake { organisation });
    }
    if standing.room() == Some(DiskRoom::Full) {
        return told(Code::DiskFull, Cause::DiskFull);
    }
    let (code, cause) = lacking(standing)?;
    told(code, cause)
}

/// What is the matter with the packages that are not held, if an exam needs them.
fn lacking(standing: &BoxStanding) -> Option<(Code, Cause)> {
    let stock = &standing.packages;
    let lacking = stock.wanted.saturating_sub(stock.held);
    if lacking == 0 || (lacking <= stock.absent && stock.held > 0 && stock.damaged == 0) {
        return None;
    }
    let packages = |lack| Cause::Packages {
        held: stock.held,
        wanted: stock.wanted,
        lack,
    };
    let broken = [
        (
            stock.damaged,
            Code::PackageDamaged,
            Lack::Damaged(stock.damaged),
        ),
        (stock.cached, Code::PackageCache, Lack::Cached(stock.cached)),
        (
            stock.unsupported,
            Code::PackageUnsupported,
            Lack::Unchecked(stock.unsupported),
        ),
        (
            stock.broken,
            Code::PackageDamaged,
            Lack::Broken(stock.broken),
        ),
    ];
    if let Some((_, code, lack)) = broken.into_iter().find(|(count, ..)| *count > 0) {
        return Some((code, packages(lack)));
    }
    if lacking <= stock.absent {
        return Some((Code::PackageMissing, Cause::PackagesAbsent(lacking)));
    }
    if is_short(standing) {
        return Some((Code::DiskReserve, packages(Lack::NoRoom)));
    }
    Some((Code::PackageIncomplete, packages(Lack::Unbrought)))
}

/// Whether part of what is kept for results is used.
fn is_short(standing: &BoxStanding) -> bool {
    matches!(standing.room(), Some(DiskRoom::Short | DiskRoom::Full))
}

/// A key of the configuration without which no synchronization begins, of a box that never had one: where central is
/// comes first, since an enrolment needs it too.
fn lacks(standing: &BoxStanding) -> Option<(CodeName, Cause)> {
    if standing.lacks_central {
        return Some((Code::ConfigNoUrl.into(), Cause::CentralUnknown));
    }
    if standing.version.is_none() {
        return Some((Code::ConfigNoVersion.into(), Cause::VersionUnknown));
    }
    (standing.enrolled && standing.organisation.is_none()).then(|| {
        let code = Code::ConfigNoOrganisation;
        (code.into(), Cause::OrganisationUnknown)
    })
}

/// What does not stop an exam, but needs a look; what may cost answers comes first.
fn looks(standing: &BoxStanding) -> Vec<(CodeName, Cause)> {
    let shown = &standing.catalogue;
    let mut looks = Vec::new();
    let mut look = |code: CodeName, cause| looks.push((code, cause));
    if let Some((code, cause)) = misconfigured(standing) {
        look(code.into(), cause);
    }
    // A box that is served by sticks needs no central for its exam; what it then owes does.
    let is_served = standing.origin.is_some()
        && standing
            .owed
            .is_some_and(|owed| owed.queued + owed.carried == 0);
    if standing.lacks_central && !is_served {
        look(Code::ConfigNoUrl.into(), Cause::CentralUnknown);
    }
    if is_short(standing) {
        look(Code::DiskReserve.into(), Cause::ReserveShort);
    }
    if let Some(Finding { cause, .. }) = &standing.unread {
        look(Code::DiskFailing.into(), cause.clone());
    }
    if !standing.lost.is_empty() {
        let mut ids = outside::ids(&standing.lost[..standing.lost.len().min(IDS)]);
        if standing.lost.len() > IDS {
            ids.push_str(", …");
        }
        let items = standing.lost.len() as u64;
        look(Code::ResultsQuarantined.into(), Cause::Lost { items, ids });
    }
    let owed = standing.owed.unwrap_or_default();
    for items in owed.refused() {
        let what = items.kind.count(items.count);
        look(
            Code::ResultsRefused.into(),
            ItemCause::NotAccepted { what }.into(),
        );
    }
    for items in owed.unconfirmed() {
        let what = items.kind.count(items.count);
        look(
            Code::ResultsUnconfirmed.into(),
            ItemCause::Unconfirmed { what }.into(),
        );
    }
    if let Some(held_up) = standing.held_up.as_ref().filter(|_| owed.not_taken() > 0) {
        // A code of a newer boxsync is told in general words.
        let code = CodeName::from(held_up.code.known().unwrap_or(Code::ResultsStuck));
        let since = spool::since(owed.oldest_at, standing.now);
        look(code, Cause::NotTaken(owed.not_taken(), since));
    }
    if !standing.enrolled && !is_served {
        look(Code::AuthNotEnrolled.into(), Cause::NotEnrolledOwing);
    }
    if standing.supported == Some(false) {
        let cause = Cause::VersionRefused(standing.version.clone());
        look(Code::VersionUnsupported.into(), cause);
    }
    let lacking = standing
        .packages
        .wanted
        .saturating_sub(standing.packages.held);
    if lacking > 0 {
        look(Code::PackageMissing.into(), Cause::PackagesAbsent(lacking));
    }
    for Finding { code, cause } in &standing.notices {
        look(code.clone(), cause.clone());
    }
    if let Some(at) = shown.complete_at {
        if at - standing.now > clock::TOLERANCE {
            look(Code::ClockBehind.into(), Cause::ClockBehind);
        } else if let Some(days) = standing.days_old() {
            let days = i64::try_from(days).unwrap_or(i64::MAX);
            look(Code::CatalogueOld.into(), Cause::CatalogueOld(days));
        }
    }
    let held_back = shown.held_back.saturating_sub(shown.taken_back);
    if held_back > 0 {
        look(Code::CatalogueHeldBack.into(), Cause::HeldBack(held_back));
    }
    if shown.contradicted > 0 {
        let cause = Cause::Contradicted(shown.contradicted);
        look(Code::CentralContradicts.into(), cause);
    }
    let told = |last: &&Last| {
        let of_what_is_owed = [Area::Results, Area::Logs, Area::Sessions];
        owed.not_taken() + owed.refused + owed.unconfirmed > 0
            && (last.code == Code::CentralSick
                || last.code == Code::CentralEncrypted
                || last.code == Code::CentralKeyChanged
                || of_what_is_owed.into_iter().any(|area| last.code.is(area)))
    };
    if let Some(reason) = died(standing) {
        look(Code::WorkerDied.into(), reason);
    }
    let last = standing.last.as_ref().filter(|last| weighs(last));
    if let Some(last) = last.filter(|last| !told(last)) {
        look(Code::SyncFailed.into(), ended(last));
    }
    // Those that central holds up are told above.
    let queued = owed.queued.saturating_sub(owed.waiting);
    let kinds = owed.queued_kinds.less(&owed.waiting_kinds);
    for items in kinds.each(queued) {
        let what = items.kind.count(items.count);
        let cause = match items.count {
            1 => ItemCause::ToSendOne { what },
            _ => ItemCause::ToSend { what },
        };
        look(Code::ResultsQueued.into(), cause.into());
    }
    looks
}

/// The last synchronizations left no account: another one may end like them.
fn died(standing: &BoxStanding) -> Option<Cause> {
    let (how, times) = standing.died.as_ref()?;
    Some(Cause::Died(*times, Box::new(how.cause.clone())))
}

/// The files of the configuration are wrong and the last good one is used: whatever else is seen follows from that one.
fn misconfigured(standing: &BoxStanding) -> Option<(Code, Cause)> {
    let Finding { code, cause } = standing.config.as_ref()?;
    // A code of a newer boxsync is told in general words.
    let code = code.known().unwrap_or(Code::ConfigWrong);
    Some((
        code,
        Cause::Misconfigured(Box::new(ConfigCause::in_short(cause.clone()))),
    ))
}

/// Whether the end of the last run is news: being offline is how a box works, the others are told above.
fn weighs(last: &Last) -> bool {
    let told = [
        Code::VersionUnsupported,
        Code::PackageMissing,
        Code::CatalogueHeldBack,
        Code::CentralContradicts,
        Code::AuthNotEnrolled,
    ];
    !matches!(last.outcome, Outcome::Finished | Outcome::Offline)
        && !told.into_iter().any(|code| last.code == code)
}

/// Whether a run that is under way mends what a code tells: nobody should begin another one.
pub fn is_mended_by_a_run(code: &CodeName, stock: &Stock) -> bool {
    match code.known() {
        Some(Code::PackageIncomplete | Code::CatalogueIncomplete) => true,
        // What is damaged on central stays so.
        Some(Code::PackageDamaged) => stock.damaged > 0,
        _ => false,
    }
}

/// Whether packages are missing because the last run did not get as far.
fn missed(code: &CodeName, last: &Last) -> bool {
    let stopped = matches!(
        last.outcome,
        Outcome::Offline | Outcome::Unauthorized | Outcome::Unsupported
    );
    stopped && (*code == Code::PackageIncomplete || *code == Code::PackageDamaged)
}

fn ended(last: &Last) -> Cause {
    Cause::LastRun(last.outcome, Box::new(last.cause()))
}

/// A number and what is counted, in its right form.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
