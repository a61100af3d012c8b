//! One package, from first contact to visible: probe, resume or begin, bring what is missing, verify, repair, publish.
//! Never makes a package visible before every member's CRC-32 was checked over the bytes that were sealed.
//! Called by `downloads` for each package that is wanted.

use std::collections::BTreeMap;
use std::rc::Rc;

use logic::fault::{Code, Fault, Id, PackageCause};
use logic::package::Finding;
use logic::package_lane::{PackageEnd, Wanted};
use logic::words::Class;
use logic::zip::{Defect, Directory};

use super::edition::Edition;
use super::first;
use super::incoming::Incoming;
use super::lane::{self, Shared};
use super::link::Link;
use super::piece::{changed, dishonest, not_zip};
use super::probe::{self, Known, Probe, is_range, probe};
use super::rebuild;
use super::whole::{small, streamed};
use crate::away::away;
use crate::vault::package::{Meta, Part};

/// Whether the held package is surely the wanted one. A run that was cut may have shown a changed delivery and not come
/// to its package: the held one is central's only if it was compared for the delivery as it stands.
fn is_met_by(wanted: &Wanted, held: &Meta) -> bool {
    !wanted.changed && (wanted.entity.is_none() || wanted.entity == held.entity)
}

/// The same for whoever has not looked at what is held.
pub(super) fn is_met(link: &Link, wanted: &Wanted) -> bool {
    let held = link.packages.held(&wanted.delivery).ok().flatten();
    held.is_some_and(|held| {
        !held.damaged && is_met_by(wanted, &held) && first::is_settled(link, &held)
    })
}

/// Brings the package of one delivery home.
pub(super) async fn fetch(link: &Link, wanted: &Wanted) -> PackageEnd {
    let (delivery, mut on_wire) = (&wanted.delivery, 0);
    match bring(link, wanted, &mut on_wire).await {
        Ok(Some(meta)) => PackageEnd::Fetched {
            bytes: meta.size,
            on_wire,
        },
        Ok(None) => PackageEnd::Held { on_wire },
        Err(trouble) => {
            let delivery = Id::from(delivery);
            let trouble = trouble.because(|why| PackageCause::Of { delivery, why });
            PackageEnd::Failed { trouble, on_wire }
        }
    }
}

/// How often a package may change under our hands before the run leaves it for the next one.
const EDITIONS: u32 = 4;
/// What ranges must have brought, in bytes, before one of them failed, so that going on with them is worth it.
const WORTH: u64 = 256 << 10;

/// A package that came whole and was verified, not visible yet.
pub(super) struct Whole {
    pub(super) part: Part,
    pub(super) rebuilt: bool,
}

/// `None` when it was held already.
async fn bring(link: &Link, wanted: &Wanted, on_wire: &mut u64) -> Result<Option<Meta>, Fault> {
    let delivery = &wanted.delivery;
    let held = match link.packages.held(delivery) {
        Err(trouble) if trouble.code == Code::StoreDamaged => {
            tracing::warn!(code = %trouble.code, "{trouble}: the package is fetched again");
            None
        }
        held => held?.filter(|meta| !meta.damaged),
    };
    let is_met = |held: &Meta| is_met_by(wanted, held) && first::is_settled(link, held);
    if held.as_ref().is_some_and(is_met) {
        return Ok(None);
    }
    for _ in 0..EDITIONS {
        link.gate().await;
        let mut others = None;
        let result = match probe_patiently(link, delivery, None).await? {
            Probe::Known(known) => {
                *on_wire += known.tail.len() as u64;
                let looked = first::look(link, delivery, held.as_ref(), known.identity, on_wire);
                let (wanted, told) = looked.await?;
                others = told;
                match wanted {
                    false => Ok(None),
                    true => in_one_way_or_another(link, delivery, &known, on_wire).await,
                }
            }
            Probe::Small(bytes) => {
                *on_wire += bytes.len() as u64;
                let directory = directory_of(bytes.len() as u64, &bytes)?;
                let seen = directory.identity;
                let looked = first::look(link, delivery, held.as_ref(), seen, on_wire).await;
                match looked {
                    // It has come already: whether it is still bad is seen at once.
                    Err(trouble) if trouble.code == Code::PackageDamaged => {
                        small(link, delivery, &bytes, &directory)
                    }
                    looked => {
                        let (wanted, told) = looked?;
                        others = told;
                        match wanted {
                            false => Ok(None),
                            true => small(link, delivery, &bytes, &directory),
                        }
                    }
                }
            }
            Probe::Streaming(opened) => streamed(link, delivery, *opened, on_wire).await.map(Some),
        };
        match result {
            Ok(whole) => {
                // An exam may have begun while the last range was on its way.
                if held.is_some() && whole.is_some() {
                    link.exam_over().await;
                }
                let meta = settle(link, wanted, held.as_ref(), whole)?;
                return others.map_or(Ok(meta), Err);
            }
            Err(trouble) if trouble.code == Code::PackageChanged => {
                link.packages.abandon(delivery)?
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(Fault {
        class: Class::GiveUp,
        ..changed()
    })
}

/// By ranges, as long as they bring something; else the whole, from its first byte.
async fn in_one_way_or_another(
    link: &Link,
    delivery: &str,
    known: &Known,
    on_wire: &mut u64,
) -> Result<Option<Whole>, Fault> {
    for _ in 0..EDITIONS {
        let before = *on_wire;
        match ranged(link, delivery, known, on_wire).await {
            Err(trouble) if !is_range(&trouble) => return Err(trouble),
            Err(trouble) if *on_wire - before < WORTH => {
                tracing::debug!(code = %trouble.code, "{trouble}: the whole is asked for");
                break;
            }
            // One of them was not what was asked for, and what came before it is kept.
            Err(_) => {}
            brought => return brought,
        }
    }
    link.gate().await;
    match probe::whole(&link.uplink, delivery).await? {
        Probe::Streaming(opened) => streamed(link, delivery, *opened, on_wire).await.map(Some),
        Probe::Small(bytes) => {
            *on_wire += bytes.len() as u64;
            let directory = directory_of(bytes.len() as u64, &bytes)?;
            small(link, delivery, &bytes, &directory)
        }
        Probe::Known(_) => Err(dishonest("the whole package was asked for, a part came")),
    }
}

/// Makes visible what came, or notes that what is held was compared.
fn settle(
    link: &Link,
    wanted: &Wanted,
    held: Option<&Meta>,
    whole: Option<Whole>,
) -> Result<Option<Meta>, Fault> {
    let Some(whole) = whole else {
        let compared = held.map(|held| link.packages.compared(held, wanted.entity));
        return compared.transpose().map(|_| None);
    };
    let meta = whole.part.publish(whole.rebuilt, wanted.entity)?;
    link.twins.borrow_mut().held(&meta);
    let judged = link.packages.judged(&wanted.delivery);
    if judged.is_some_and(|judged| judged.finding != Finding::Confirmed) {
        link.packages.forget_judged(&wanted.delivery)?;
    }
    Ok(Some(meta))
}

/// First contact, tried again while the link or central is only passing through a bad moment.
pub(super) async fn probe_patiently(
    link: &Link,
    delivery: &str,
    nonce: Option<u64>,
) -> Result<Probe, Fault> {
    const TRIES: u32 = 4;
    let mut random = u64::from_le_bytes(crate::vault::random());
    for attempt in 1..TRIES {
        match probe(&link.uplink, delivery, nonce).await {
            Err(trouble) if trouble.class == Class::Retry => {
                random = logic::retry::mix(random);
                let wait = logic::retry::backoff(attempt, trouble.retry_after, random);
                let why = "the next attempt at a package";
                link.wait(why, wait, &trouble).await;
            }
            result => return result,
        }
    }
    probe(&link.uplink, delivery, nonce).await
}

/// A package that is known before its bytes come.
async fn ranged(
    link: &Link,
    delivery: &str,
    known: &Known,
    on_wire: &mut u64,
) -> Result<Option<Whole>, Fault> {
    first::must_be_readable(link, delivery, &known.directory)?;
    let mut incoming = open_incoming(link, delivery, known).await?;
    let begun = incoming.part().have().iter().any(|have| *have);
    place_tail(&mut incoming, known)?;
    let edition = Rc::new(Edition::new(delivery, known));
    let rebuilt = if begun {
        false
    } else {
        rebuild::from_held(link, &mut incoming, known, &edition, on_wire).await?
    };
    let mut suspects: BTreeMap<usize, Option<Defect>> = BTreeMap::new();
    loop {
        let verdict;
        incoming = bring_missing(link, &edition, incoming, on_wire).await?;
        (incoming, verdict) = incoming.verdict().await?;
        if verdict.clean() {
            link.flushed().await?;
            let part = incoming.into_part();
            return Ok(Some(Whole { part, rebuilt }));
        }
        let unseen = verdict.unseen.into_iter().map(|member| (member, None));
        let bad = verdict.bad.into_iter().map(|(at, fault)| (at, Some(fault)));
        let bad: BTreeMap<usize, Option<Defect>> = bad.chain(unseen).collect();
        let mut twice = bad.iter().filter(|(at, _)| suspects.contains_key(at));
        if let Some((member, fault)) = twice.next() {
            let proven = fault.is_some() && suspects.get(member) == Some(fault);
            let found = (*member, fault.as_ref());
            return Err(first::damaged(
                link,
                delivery,
                &known.directory,
                found,
                proven,
            )?);
        }
        // Before any repair the end is read again: the same size with another end is another package.
        match probe_patiently(link, delivery, None).await? {
            Probe::Known(again) if again.identity == known.identity => {
                *on_wire += again.tail.len() as u64
            }
            _ => return Err(changed()),
        }
        for member in bad.keys() {
            let extent = known.directory.extent(*member);
            let record = u64::from(incoming.part().meta().record);
            for index in extent.start / record..extent.end.div_ceil(record) {
                incoming.forget(index);
            }
        }
        suspects.extend(bad);
    }
}

/// Goes on with the download of the same package, or begins.
async fn open_incoming(link: &Link, delivery: &str, known: &Known) -> Result<Incoming, Fault> {
    let coming = link.packages.coming(delivery).ok().flatten();
    let same =
        |meta: &Meta| meta.size == known.identity.size && meta.tail == Some(known.identity.tail);
    let directory = known.directory.clone();
    match coming.filter(same) {
        Some(meta) => {
            let packages = link.packages.clone();
            away(move || Incoming::resume(&packages, meta, directory)).await?
        }
        None => {
            let (size, tail) = (known.identity.size, known.identity.tail);
            let part = link.begin(delivery, size, Some(tail))?;
            Ok(Incoming::new(part, directory))
        }
    }
}

/// The records that the probe brought whole.
fn place_tail(incoming: &mut Incoming, known: &Known) -> Result<(), Fault> {
    let record = u64::from(incoming.part().meta().record);
    let start = known.identity.size - known.tail.len() as u64;
    for index in start.div_ceil(record)..incoming.part().meta().records() {
        if !incoming.part().have()[index as usize] {
            let mut buffer = Part::buffer();
            let at = (index * record - start) as usize;
            let length = incoming.part().meta().length(index);
            buffer.extend_from_slice(&known.tail[at..at + length]);
            incoming.write(index, &mut buffer)?;
        }
    }
    Ok(())
}

async fn bring_missing(
    link: &Link,
    edition: &Rc<Edition>,
    incoming: Incoming,
    on_wire: &mut u64,
) -> Result<Incoming, Fault> {
    let pace = link.pace.borrow().clone();
    let shared = Shared::new(incoming, pace);
    let result = lane::run(link, edition, &shared).await;
    let shared = Rc::try_unwrap(shared)
        .ok()
        .expect("all lanes have ended")
        .into_inner();
    *on_wire += shared.on_wire + edition.looked();
    *link.pace.borrow_mut() = shared.pace;
    let flushed = link.flushed().await;
    result.and(flushed).map(|()| shared.incoming)
}

/// The directory of a package whose end is given.
pub(super) fn directory_of(size: u64, tail: &[u8]) -> Result<Directory, Fault> {
    match logic::zip::Tail::read(size, tail) {
        Ok(logic::zip::Tail::Whole(directory)) => Ok(directory),
        Ok(logic::zip::Tail::Need(_)) => Err(not_zip("its directory is cut")),
        Err(flaw) => Err(not_zip(&flaw.to_string())),
    }
}
