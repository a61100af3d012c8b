//! Decides whether the box is ready for an exam, and tells the one reason if it is not.
//! Never measures anything: what stands is an argument.
//! Called by `status`, by the daemon for journal and socket, and by the status page.

use serde::{Deserialize, Serialize};

pub use super::standing::{
    Counted, Kinds, Last, LastRun, Owed, Shown, Standing, Stock, told_by_type,
};
use crate::fault::{Area, Code, CodeName};
use crate::outside;
use crate::settings::force::in_short;
use crate::spool;
use crate::words::Outcome;

/// A catalogue that is older than this may miss what changed on central since.
const OLD: i64 = 48 * 60 * 60;
/// Below this much free disk the answers of one exam room may not fit.
const ALMOST_FULL: u64 = 64 << 20;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The answer.
    pub word: Word,
    /// The code that `doctor explain` tells at length; `ready` when there is nothing to tell.
    pub code: CodeName,
    /// The one reason, in words; of a ready box, what it is ready with.
    pub reason: String,
    /// What else needs a look, in order of weight.
    pub also: Vec<String>,
}

impl Verdict {
    /// Judges what stands.
    pub fn of(standing: &Standing) -> Self {
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
                reason: format!(
                    "the catalogue of organisation {} is complete, {} held",
                    standing.catalogue.organisation,
                    match standing.packages.held {
                        1 => "1 package is".to_owned(),
                        held => format!("all {held} packages are"),
                    }
                ),
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
    pub fn cause(&self, standing: &Standing) -> CodeName {
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

/// Minutes that the rest of the packages takes at the measured rate; `None` without a rate or with sizes unknown.
pub fn minutes_left(standing: &Standing) -> Option<u64> {
    let rate = standing.rate.filter(|rate| *rate > 0.0)?;
    let known = standing.packages.unknown == 0 && standing.packages.bytes_left > 0;
    known.then(|| (standing.packages.bytes_left as f64 / rate / 60.0).ceil() as u64)
}

/// What makes an exam impossible, the cause before its effects.
fn blocked(standing: &Standing) -> Option<(CodeName, String)> {
    if let Some(trouble) = &standing.trouble {
        return Some(trouble.clone());
    }
    if let Some((code, reason)) = &standing.intake {
        let reason = format!("answers of candidates cannot be kept: {reason}");
        return Some((code.clone(), reason));
    }
    let shown = &standing.catalogue;
    let stock = &standing.packages;
    let told = |code: Code, reason: String| Some((CodeName::from(code), reason));
    if shown.complete_at.is_none() {
        if let Some(lacks) = lacks(standing) {
            return Some(lacks);
        }
        if !standing.enrolled {
            return told(
                Code::AuthNotEnrolled,
                "the box has no credentials for central".into(),
            );
        }
        let why = standing.last.as_ref().filter(|last| last.code != Code::Ok);
        return match why {
            Some(last) => Some((
                last.code.clone(),
                format!("the catalogue was never complete: {}", last.reason),
            )),
            None => told(
                Code::CatalogueIncomplete,
                "the catalogue was never complete: no synchronization has finished yet".into(),
            ),
        };
    }
    if let Some(wanted) = standing
        .organisation
        .as_ref()
        .filter(|id| **id != shown.organisation)
    {
        return told(
            Code::CatalogueOtherOrganisation,
            format!(
                "the box holds the catalogue of organisation {}, but belongs to {wanted}",
                shown.organisation
            ),
        );
    }
    if stock.wanted == 0 {
        return told(
            Code::CatalogueEmpty,
            format!(
                "the catalogue of organisation {} names no delivery: there is nothing to take",
                shown.organisation
            ),
        );
    }
    if standing.disk.is_some_and(|(free, _)| free < ALMOST_FULL) {
        return told(
            Code::DiskFull,
            "the disk is full: answers of candidates cannot be kept".into(),
        );
    }
    let lacking = stock.wanted.saturating_sub(stock.held);
    if lacking == 0 || (lacking <= stock.absent && stock.held > 0 && stock.damaged == 0) {
        return None;
    }
    if stock.damaged > 0 {
        return told(
            Code::PackageDamaged,
            format!(
                "{} of {} packages held, {} damaged: the next synchronization mends that",
                stock.held, stock.wanted, stock.damaged
            ),
        );
    }
    for (count, code, what) in [
        (
            stock.cached,
            Code::PackageCache,
            "come as those of other deliveries from a cache on the way",
        ),
        (
            stock.unsupported,
            Code::PackageUnsupported,
            "have a member that cannot be checked",
        ),
        (stock.broken, Code::PackageDamaged, "are damaged on central"),
    ] {
        if count > 0 {
            let (held, wanted) = (stock.held, stock.wanted);
            return told(
                code,
                format!("{held} of {wanted} packages held, {count} {what}"),
            );
        }
    }
    if lacking <= stock.absent {
        return told(
            Code::PackageMissing,
            format!(
                "central has no package for {}",
                counted(lacking, "delivery", "deliveries")
            ),
        );
    }
    let summary = format!("{} of {} packages held", stock.held, stock.wanted);
    if standing.disk.is_some_and(|(free, reserve)| free < reserve) {
        return told(
            Code::DiskReserve,
            format!("{summary}: there is no room for the others beside what is kept for results"),
        );
    }
    told(Code::PackageIncomplete, summary)
}

/// A key of the configuration without which no synchronization begins, of a box that never had one: central is asked
/// with both.
fn lacks(standing: &Standing) -> Option<(CodeName, String)> {
    let needed = [
        (
            standing.version.is_none(),
            Code::ConfigNoVersion,
            "the VM version is unknown: set `tao_version` in section [box] of boxsync.toml",
        ),
        (
            standing.enrolled && standing.organisation.is_none(),
            Code::ConfigNoOrganisation,
            "the organisation of the box is unknown: set `organisation_id` in section [box] of boxsync.toml",
        ),
    ];
    let (_, code, reason) = needed.into_iter().find(|(lacks, ..)| *lacks)?;
    Some((code.into(), reason.into()))
}

/// What does not stop an exam, but needs a look; what may cost answers comes first.
fn looks(standing: &Standing) -> Vec<(CodeName, String)> {
    let shown = &standing.catalogue;
    let mut looks = Vec::new();
    let mut look = |code: CodeName, reason: String| looks.push((code, reason));
    if let Some((code, reason)) = misconfigured(standing) {
        look(code.into(), reason);
    }
    if let Some((free, reserve)) = standing.disk
        && free < reserve
    {
        look(
            Code::DiskReserve.into(),
            "less disk is free than is kept for results".into(),
        );
    }
    if let Some(reason) = &standing.unread {
        look(Code::DiskFailing.into(), reason.clone());
    }
    if !standing.lost.is_empty() {
        let items = counted(
            standing.lost.len() as u64,
            "item does not open any more and is lost",
            "items do not open any more and are lost",
        );
        let mut ids = outside::ids(&standing.lost[..standing.lost.len().min(IDS)]);
        if standing.lost.len() > IDS {
            ids.push_str(", …");
        }
        look(Code::ResultsQuarantined.into(), format!("{items}: {ids}"));
    }
    let owed = standing.owed.unwrap_or_default();
    for reason in owed.refused_told() {
        look(Code::ResultsRefused.into(), reason);
    }
    for reason in owed.unconfirmed_told() {
        look(Code::ResultsUnconfirmed.into(), reason);
    }
    if let Some((code, _)) = standing.held_up.as_ref().filter(|_| owed.waiting > 0) {
        // A code of a newer boxsync is told in general words.
        let code = CodeName::from(code.known().unwrap_or(Code::ResultsStuck));
        let mut reason = format!(
            "central does not take {} for now",
            counted(owed.waiting, "item", "items")
        );
        if let Some(age) = spool::age(owed.oldest_at, standing.now) {
            reason.push_str(&format!(", the oldest waits since {age}"));
        }
        look(code, reason);
    }
    if !standing.enrolled {
        look(
            Code::AuthNotEnrolled.into(),
            "the box has no credentials: results cannot go to central".into(),
        );
    }
    if standing.supported == Some(false) {
        let version = standing.version.as_deref().unwrap_or("of this box");
        look(
            Code::VersionUnsupported.into(),
            format!("central does not support VM version {version}: results cannot go to central"),
        );
    }
    let lacking = standing
        .packages
        .wanted
        .saturating_sub(standing.packages.held);
    if lacking > 0 {
        look(
            Code::PackageMissing.into(),
            format!(
                "central has no package for {}",
                counted(lacking, "delivery", "deliveries")
            ),
        );
    }
    for (code, reason) in &standing.notices {
        look(code.clone(), reason.clone());
    }
    if let Some(at) = shown.complete_at {
        let age = standing.now - at;
        if age < -300 {
            look(
                Code::ClockBehind.into(),
                "the clock of the box is behind the time of its own catalogue".into(),
            );
        } else if standing.sure.unwrap_or(standing.now) - at > OLD {
            look(
                Code::CatalogueOld.into(),
                format!(
                    "the catalogue is {} days old: later changes on central are not on the box",
                    age / 86_400
                ),
            );
        }
    }
    let held_back = shown.held_back.saturating_sub(shown.taken_back);
    if held_back > 0 {
        look(
            Code::CatalogueHeldBack.into(),
            format!(
                "central no longer names {} kept",
                counted(held_back, "entity, which was", "entities, which were")
            ),
        );
    }
    if shown.contradicted > 0 {
        look(
            Code::CentralContradicts.into(),
            format!(
                "central contradicts itself about {} kept as before",
                counted(
                    shown.contradicted,
                    "entity, which is",
                    "entities, which are"
                )
            ),
        );
    }
    let told = |last: &&Last| {
        let of_what_is_owed = [Area::Results, Area::Logs, Area::Sessions];
        owed.waiting + owed.refused + owed.unconfirmed > 0
            && (last.code == Code::CentralSick
                || last.code == Code::CentralEncrypted
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
    for (count, told) in kinds.told(queued) {
        let verb = if count == 1 { "is" } else { "are" };
        let reason = format!("{told} {verb} still to go to central");
        look(Code::ResultsQueued.into(), reason);
    }
    looks
}

/// The last synchronizations left no account: another one may end like them.
fn died(standing: &Standing) -> Option<String> {
    let (reason, times) = standing.died.as_ref()?;
    let often = match times {
        0 | 1 => "the last synchronization ended before its work was done".to_owned(),
        times => format!("{times} synchronizations in a row ended before their work was done"),
    };
    Some(format!("{often}: {reason}"))
}

/// The files of the configuration are wrong and the last good one is used: whatever else is seen follows from that one.
fn misconfigured(standing: &Standing) -> Option<(Code, String)> {
    let (code, reason) = standing.config.as_ref()?;
    // A code of a newer boxsync is told in general words.
    let code = code.known().unwrap_or(Code::ConfigWrong);
    let reason = in_short(reason);
    Some((
        code,
        format!("the configuration is wrong, the last good one is used: {reason}"),
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

fn ended(last: &Last) -> String {
    let how = match last.outcome {
        Outcome::Unauthorized => "was refused",
        Outcome::Offline => "did not reach central",
        _ => "failed",
    };
    format!("the last synchronization {how}: {}", last.reason)
}

/// A number and what is counted, in its right form.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
