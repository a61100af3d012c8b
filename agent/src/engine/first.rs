//! What the first look at a package leads to: it is kept, confirmed past caches, left for what was found out, or brought.
//! Never takes another delivery's package for this one's, and never brings the same bad edition again unasked.
//! Called by `fetch`; the rule is `logic::package`.

use std::collections::{BTreeMap, BTreeSet};

use logic::fault::{Code, Fault};
use logic::outside;
use logic::package::{self, Finding, Look, Step};
use logic::words::Class;
use logic::zip::{Defect, Directory, Identity};

use super::fetch::{directory_of, probe_patiently};
use super::link::Link;
use super::probe::Probe;
use crate::clock;
use crate::vault::package::{Judged, Meta, Packages};

/// The deliveries by the edition that is held for each: one test may be published twice, and a cache that ignores the
/// query gives one package for all.
#[derive(Debug, Default)]
pub(super) struct Twins(BTreeMap<Identity, BTreeSet<String>>);

impl Twins {
    /// Reads what is held.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn read(packages: &Packages) -> Result<Self, Fault> {
        let mut twins = Self::default();
        for meta in packages.list()?.0.iter().filter(|meta| !meta.damaged) {
            twins.add(meta);
        }
        Ok(twins)
    }

    fn add(&mut self, meta: &Meta) {
        if let Some(edition) = meta.identity() {
            let deliveries = self.0.entry(edition).or_default();
            deliveries.insert(meta.delivery.clone());
        }
    }

    /// A package is nobody's any more: what another delivery has in common with it says nothing.
    pub(super) fn forget(&mut self, delivery: &str) {
        for deliveries in self.0.values_mut() {
            deliveries.remove(delivery);
        }
    }

    /// A package has become visible.
    pub(super) fn held(&mut self, meta: &Meta) {
        self.forget(&meta.delivery);
        self.add(meta);
    }

    /// Other deliveries that hold this edition.
    fn of(&self, edition: Identity, but: &str) -> Vec<String> {
        let deliveries = self.0.get(&edition).into_iter();
        let others = deliveries.flatten().filter(|delivery| *delivery != but);
        others.cloned().collect()
    }
}

/// Whether the held package needs no look at all: no other delivery holds the same, or central itself has confirmed it.
pub(super) fn is_settled(link: &Link, held: &Meta) -> bool {
    let Some(edition) = held.identity() else {
        return true;
    };
    link.twins.borrow().of(edition, &held.delivery).is_empty() || is_confirmed(link, held)
}

fn is_confirmed(link: &Link, held: &Meta) -> bool {
    let judged = link.packages.judged(&held.delivery);
    judged.is_some_and(|judged| {
        judged.finding == Finding::Confirmed && held.identity() == Some(judged.identity())
    })
}

/// What the look at `seen` leads to: whether it is to be brought. Gives the trouble of other deliveries that hold what is
/// not theirs, to be told once this one is done.
///
/// # Errors
/// `package.cache`, `package.damaged`, `package.unsupported`, or what uplink and central say.
pub(super) async fn look(
    link: &Link,
    delivery: &str,
    held: Option<&Meta>,
    seen: Identity,
    on_wire: &mut u64,
) -> Result<(bool, Option<Fault>), Fault> {
    let others = link.twins.borrow().of(seen, delivery);
    let mut judged = link.packages.judged(delivery);
    let mut told = None;
    loop {
        let step = package::next(&Look {
            seen,
            held: held.and_then(Meta::identity),
            shared: !others.is_empty(),
            found: judged.as_ref().map(|j| (j.identity(), j.finding)),
            asked: link.limits.asked.get(),
        });
        match (step, &judged) {
            (Step::Keep, _) => return Ok((false, told)),
            (Step::Fetch, Some(judged)) if judged.identity() != seen => {
                link.packages.forget_judged(delivery)?;
                return Ok((true, told));
            }
            (Step::Fetch, _) => return Ok((true, told)),
            (Step::Leave(_), Some(judged)) => return Err(left(judged)),
            // Nothing can have been found out about an edition without being known.
            (Step::Leave(_), None) => return Ok((true, told)),
            (Step::Confirm, _) => {
                judged = Some(confirm(link, delivery, held, seen, on_wire).await?);
                for other in &others {
                    let theirs = link.packages.held(other).ok().flatten();
                    if let Some(theirs) = theirs.filter(|meta| !is_confirmed(link, meta)) {
                        let found = confirm(link, other, Some(&theirs), seen, on_wire).await;
                        // What else may be wrong with it, it may be gone from central, its own turn tells.
                        let cached = found
                            .err()
                            .filter(|trouble| Some(trouble.code) == Finding::Cached.code());
                        told = cached.or(told);
                    }
                }
            }
        }
    }
}

/// Asks for the end once more, past all caches. What is held and is not central's is marked, and fetched again.
async fn confirm(
    link: &Link,
    delivery: &str,
    held: Option<&Meta>,
    seen: Identity,
    on_wire: &mut u64,
) -> Result<Judged, Fault> {
    // What is found out may take a package away: not in the middle of an exam.
    link.gate().await;
    let nonce = u64::from_le_bytes(crate::vault::random());
    let fresh = match probe_patiently(link, delivery, Some(nonce)).await? {
        Probe::Known(known) => {
            *on_wire += known.tail.len() as u64;
            Some(known.identity)
        }
        Probe::Small(bytes) => {
            *on_wire += bytes.len() as u64;
            Some(directory_of(bytes.len() as u64, &bytes)?.identity)
        }
        // Where ranges are not served nothing can be compared.
        Probe::Streaming(_) => None,
    };
    if fresh.is_none_or(|fresh| fresh == seen) {
        return judge(&link.packages, delivery, seen, Finding::Confirmed, "");
    }
    if let Some(meta) = held.filter(|meta| meta.identity() == Some(seen)) {
        link.packages.mark_damaged(meta)?;
        link.twins.borrow_mut().forget(delivery);
    }
    let reason = format!(
        "a cache on the way gives the package of another delivery for {}: past the cache central gives another one",
        outside::id(delivery)
    );
    let judged = judge(&link.packages, delivery, seen, Finding::Cached, &reason)?;
    Err(judged.trouble().unwrap_or_else(super::piece::changed))
}

/// Keeps what was found out about an edition.
///
/// # Errors
/// What the file system says.
pub(super) fn judge(
    packages: &Packages,
    delivery: &str,
    edition: Identity,
    finding: Finding,
    reason: &str,
) -> Result<Judged, Fault> {
    let judged = Judged {
        delivery: delivery.to_owned(),
        size: edition.size,
        tail: edition.tail,
        finding,
        reason: reason.to_owned(),
        at: clock::now().wall,
    };
    // Found again at every run, where nothing can be done about it: not written again.
    let known = packages.judged(delivery).map(|known| Judged {
        at: judged.at,
        ..known
    });
    if known.as_ref() != Some(&judged) {
        packages.judge(&judged)?;
    }
    Ok(judged)
}

/// A package with a member that can never be checked is not brought at all.
///
/// # Errors
/// `package.unsupported` with the member.
pub(super) fn must_be_readable(
    link: &Link,
    delivery: &str,
    directory: &Directory,
) -> Result<(), Fault> {
    let Some((at, fault)) = directory.unreadable() else {
        return Ok(());
    };
    let reason = format!("member {} cannot be checked: {fault}", named(directory, at));
    let (edition, finding) = (directory.identity, Finding::Unsupported);
    let judged = judge(&link.packages, delivery, edition, finding, &reason)?;
    Err(judged.trouble().unwrap_or_else(super::piece::changed))
}

/// The trouble of a member that came wrong. What came wrong twice in the same way is so on central, and remembered; a
/// line that changes bytes on their way would not change them alike.
///
/// # Errors
/// What the file system says.
pub(super) fn damaged(
    link: &Link,
    delivery: &str,
    directory: &Directory,
    (at, fault): (usize, Option<&Defect>),
    is_proven: bool,
) -> Result<Fault, Fault> {
    let why = fault.map(Defect::to_string).unwrap_or_default();
    let member = named(directory, at);
    let reason =
        format!("member {member} is damaged on central: fetched twice, wrong twice ({why})");
    if is_proven {
        let (edition, finding) = (directory.identity, Finding::Damaged);
        judge(&link.packages, delivery, edition, finding, &reason)?;
    }
    Ok(trouble(Code::PackageDamaged, &reason))
}

/// The trouble of a package that came whole with a damaged member.
///
/// # Errors
/// What the file system says.
pub(super) fn damaged_whole(
    link: &Link,
    delivery: &str,
    directory: &Directory,
    at: usize,
    fault: &Defect,
) -> Result<Fault, Fault> {
    let reason = format!("member {} came damaged: {fault}", named(directory, at));
    let (edition, finding) = (directory.identity, Finding::Damaged);
    judge(&link.packages, delivery, edition, finding, &reason)?;
    Ok(trouble(Code::PackageDamaged, &reason))
}

/// Where ranges are not served the end cannot be looked at: a bad package is taken for the same one while its length is,
/// or where nobody says how long it is, for a day.
///
/// # Errors
/// What was found out about it.
pub(super) fn must_be_new(link: &Link, delivery: &str, size: Option<u64>) -> Result<(), Fault> {
    const DAY: i64 = 24 * 60 * 60;
    let now = clock::now().wall;
    let is_recent = |judged: &Judged| (0..DAY).contains(&now.saturating_sub(judged.at));
    let bad = |judged: &Judged| {
        size.is_none_or(|size| judged.size == size)
            && judged.finding != Finding::Confirmed
            && is_recent(judged)
    };
    match link.packages.judged(delivery).filter(bad) {
        Some(judged) if !link.limits.asked.get() => Err(left(&judged)),
        _ => Ok(()),
    }
}

fn left(judged: &Judged) -> Fault {
    let reason = format!(
        "{}; not fetched again before it changes on central, or until somebody asks for a synchronization",
        judged.reason
    );
    let code = judged.finding.code().unwrap_or(Code::PackageChanged);
    // Whatever the code asks for elsewhere: it was found so before.
    trouble(code, &reason).classed(Class::GiveUp)
}

fn trouble(code: Code, reason: &str) -> Fault {
    Fault::new(code, reason)
}

/// The name of a member for people: it comes from outside.
pub(super) fn named(directory: &Directory, at: usize) -> String {
    let name = directory.members.get(at).map_or(&[][..], |m| &m.name[..]);
    outside::quoted(&String::from_utf8_lossy(name))
}
