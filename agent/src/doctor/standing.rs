//! Reads where the box stands: catalogue, packages, what is owed, last contact, disk.
//! Never speaks to central, never waits for a run, never judges: `logic::health::Verdict` does. Whether an answer can be
//! kept is tried by a small file, which is gone afterwards.
//! Called by `status`, by the daemon and by the support bundle.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use logic::carry;
use logic::entity::EntityType;
use logic::fault::{Area, CatalogueCause, Code, Fault, FileAct, Finding};
use logic::health::verdict::{
    AwaitedPackage, Last, LastRun, OwedCounts, Stock, awaited_at, awaited_in_turn, package_estimate,
};
use logic::health::{BoxStanding, OrganisationVerdict, Verdict};
use logic::intake::ItemKind;
use logic::package::EditionFinding;
use logic::period;
use logic::report::Report;
use logic::words::Outcome;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde_json::{Map, Value as Json, json};

use crate::engine::carry::older_held;
use crate::engine::{Engine, orders, survey};
use system::clock::{self, Clock};
use system::root::{lacks_inodes, try_write};
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::package::{Meta, PackageStore};
use vault::spool::{self, Spool};

/// So many past runs are asked for the rate of the link.
const RECENT: usize = 20;
/// Bits per second of one Mbit/s as TAO counts them (protocol 9.6).
const MEGABIT: f64 = 1_048_576.0;

/// Where the box stands now; what cannot be read is told in it as `trouble`.
pub fn take(engine: &Engine) -> BoxStanding {
    let mut standing = BoxStanding {
        now: clock::now().wall,
        sure: Some(clock::sure().wall),
        disk: survey::free(engine.vault().state())
            .map(|free| (free, engine.settings().download.reserve.bytes())),
        lacks_central: engine.settings().central().is_err(),
        version: engine.version().ok(),
        organisation: engine.organisation().ok(),
        notices: engine.notices(),
        executions: engine.exam().executions,
        copies: engine.copy_standing(),
        room: engine.room_standing(),
        renewal: engine.renewal(),
        site_key: engine.site_key(),
        ..BoxStanding::default()
    };
    standing.counted.clock_offset = offset();
    standing.intake = intake(engine.vault().state());
    if let Err(trouble) = read(engine, &mut standing) {
        standing.trouble = Some(trouble.into());
    }
    standing
}

/// Seconds that the system clock is ahead of the time that central vouched for; `None` until it has.
fn offset() -> Option<i64> {
    let heard = Clock::shared().estimate().heard();
    heard.then(|| clock::system() - clock::now().wall)
}

/// Why no answer of a candidate could be kept now: a real write decides, where answers go. `None`
/// also for a user who may not write there: his rights say nothing of the box.
pub fn intake(state: &Path) -> Option<Finding> {
    let spool = state.join("spool");
    let folder = if spool.is_dir() { &spool } else { state };
    let own = nix::unistd::geteuid();
    let is_owner = fs::metadata(folder).is_ok_and(|meta| meta.uid() == own.as_raw());
    let rights = access(folder, AccessFlags::W_OK | AccessFlags::X_OK);
    if rights == Err(Errno::EACCES) && !is_owner && !own.is_root() {
        return None;
    }
    if let Err(trouble) = try_write(folder) {
        return Some(trouble.into());
    }
    lacks_inodes(folder).then(|| {
        let full = std::io::Error::from_raw_os_error(Errno::ENOSPC as i32);
        system::root::trouble(folder, FileAct::Write, &full).into()
    })
}

/// Where a box of several organisations stands: as the least ready of them, with the word of each; which that is, and
/// what all of them await.
pub fn take_worst(all: &[Engine]) -> (usize, BoxStanding, Vec<AwaitedPackage>) {
    let mut standings: Vec<BoxStanding> = all.iter().map(take).collect();
    let verdicts: Vec<Verdict> = standings.iter().map(Verdict::of).collect();
    let awaited = awaited_in_turn(&standings);
    let Some(place) = Verdict::worst(&verdicts) else {
        return (0, BoxStanding::default(), awaited);
    };
    let mut each = Vec::new();
    if all.len() > 1 {
        let there = awaited_at(&standings[place], &awaited);
        for ((one, verdict), standing) in all.iter().zip(&verdicts).zip(&standings) {
            let mut own = standing.awaited.iter().map(|own| {
                let of = |(told, _): &&(&AwaitedPackage, _)| told.delivery == own.delivery;
                there.iter().find(of).and_then(|(_, at)| *at)
            });
            // One that is not known leaves the end unknown.
            let last = own.try_fold(None, |last: Option<i64>, at| Some(last.max(Some(at?))));
            each.push(OrganisationVerdict {
                organisation_id: one.organisation_id().unwrap_or_default(),
                verdict: verdict.word,
                finding: Finding::new(verdict.code.clone(), verdict.reason.clone()),
                held: standing.packages.held,
                wanted: standing.packages.wanted,
                ready_at: last.flatten(),
            });
        }
    }
    let now = standings[place].now;
    let starts = standings.iter().map(|one| one.counted.next_start);
    let next_start = starts.fold(None, |known, other| period::nearer(known, other, now));
    let mut standing = standings.swap_remove(place);
    standing.counted.next_start = next_start;
    standing.organisations = each;
    (place, standing, awaited)
}

/// The files of the configuration are wrong, and what was taken stands on the last good one.
pub fn misconfigured(standing: &mut BoxStanding, fault: Option<&Fault>) {
    // Without a good one the fault is why nothing is known.
    if standing.trouble.as_ref().and_then(|told| told.code.known()) != fault.map(|fault| fault.code)
    {
        standing.config = fault.cloned().map(Finding::from);
    }
}

/// Where a box stands whose state folder cannot be opened.
pub fn unreadable(trouble: &Fault) -> BoxStanding {
    BoxStanding {
        now: clock::now().wall,
        trouble: Some(trouble.clone().into()),
        ..BoxStanding::default()
    }
}

/// The newest accounts of runs, newest first; where there is no history yet, the last one alone.
///
/// # Errors
/// `store.damaged` when not even the last one can be read.
pub fn reports(engine: &Engine, most: usize) -> Result<Vec<Report>, Fault> {
    match engine
        .history(most)
        .ok()
        .filter(|reports| !reports.is_empty())
    {
        Some(reports) => Ok(reports),
        None => Ok(engine.last().ok().flatten().into_iter().collect()),
    }
}

fn read(engine: &Engine, standing: &mut BoxStanding) -> Result<(), Fault> {
    // Not all of it decides something here, and some can be made anew: a disk that does not give it is told.
    engine.vault().entry("identity").given()?;
    for name in ["credentials", "last"] {
        engine.vault().home_entry(name).given()?;
    }
    standing.enrolled = engine.enrolment()?.is_some();
    let catalogue = CatalogueStore::open(engine.vault())?;
    let edition = catalogue.shown()?;
    standing.catalogue = edition.shown();
    // A damaged account of the last run is written anew by the next one.
    let last = engine.last().ok().flatten();
    standing.died = engine.died(last.as_ref());
    let reports = reports(engine, RECENT)?;
    standing.rate = rate(&reports);
    standing.package_rate = engine.package_rate();
    let wall = standing.now;
    standing.open_spans = engine.settings().download.open_spans(wall);
    let damaged = unreadable_entities(&catalogue, &edition);
    if damaged > 0 {
        let cause = CatalogueCause::Closed {
            entities: damaged as u64,
        };
        standing.trouble = Some(Finding::new(Code::StoreDamaged, cause));
    }
    standing.origin = engine.origin(edition.complete_at);
    let older = stock(engine, &catalogue, &edition, standing)?;
    standing
        .notices
        .extend(older_held(&older).map(Finding::from));
    standing.packages.absent = Report::absent(&reports);
    // A stick is no central.
    let is_carried = |last: &&Report| {
        last.findings
            .iter()
            .any(|told| told.code == Code::CarryTaken)
    };
    let reached = last
        .as_ref()
        .filter(|last| reached(last) && !is_carried(last));
    let complete_at = edition.complete_at.filter(|_| standing.origin.is_none());
    standing.contact = complete_at.max(reached.map(|report| report.finished_at));
    standing.supported = match &last {
        Some(last) if last.outcome == Outcome::Unsupported => Some(false),
        _ => edition.complete_at.map(|_| true),
    };
    if let Some(spool) = spool(engine)? {
        let (by_kind, held_up) = spool.tally_by_kind()?;
        let owed = spool::sum(by_kind.values().copied());
        standing.held_up = held_up;
        standing.counted.owed = by_word(by_kind);
        standing.unread = spool.unread_since().map(Finding::from);
        standing.lost = spool.lost()?;
        let lost = standing.lost.len() as u64;
        standing.owed = Some(OwedCounts { lost, ..owed });
    } else {
        standing.owed = Some(OwedCounts::default());
        standing.counted.owed = by_word(ItemKind::ALL.map(|kind| (kind, OwedCounts::default())));
    }
    let well = reports
        .iter()
        .find(|report| report.outcome == Outcome::Finished);
    standing.counted.generation = edition.generation;
    standing.counted.went_well_at = well.map(|report| report.finished_at);
    standing.counted.last = last.as_ref().map(|report| LastRun {
        download_mbit: report.connection.download_mbit_s,
        queued: report.results.queued,
        unconfirmed: report.results.unconfirmed,
        refused: report.results.refused,
    });
    standing.last = last.map(|report| Last {
        cause: Some(report.cause()).filter(|cause| !cause.is_said()),
        sync_id: report.sync_id,
        outcome: report.outcome,
        code: report.code,
        reason: report.reason,
        finished_at: report.finished_at,
    });
    Ok(())
}

/// The nearest begin of a period after this moment, Unix seconds, of the deliveries that are shown to any of these.
///
/// # Errors
/// What the catalogue says that does not open.
pub fn next_start(all: &[Engine], after: i64) -> Result<Option<i64>, Fault> {
    let mut next = None;
    for engine in all {
        let catalogue = CatalogueStore::open(engine.vault())?;
        let edition = catalogue.shown()?;
        let mut reader = catalogue.reader();
        for (name, row) in edition.rows(EntityType::Delivery) {
            let delivery = reader.entity(EntityType::Delivery, name, row)?;
            next = period::nearer(next, period::start(&delivery.properties), after);
        }
    }
    Ok(next)
}

fn by_word(by_kind: impl IntoIterator<Item = (ItemKind, OwedCounts)>) -> Vec<(String, OwedCounts)> {
    let by_kind = by_kind.into_iter();
    by_kind
        .map(|(kind, owed)| (kind.word().to_owned(), owed))
        .collect()
}

/// Entities whose records do not open.
pub(super) fn unreadable_entities(
    catalogue: &CatalogueStore,
    edition: &CatalogueRevision,
) -> usize {
    let mut reader = catalogue.reader();
    EntityType::ALL
        .into_iter()
        .flat_map(|kind| edition.rows(kind).map(move |(name, row)| (kind, name, row)))
        .filter(|(kind, name, row)| !reader.holds(*kind, name, row))
        .count()
}

/// Counts the packages. Gives the deliveries whose package is held, but an older one that a stick brought or left: until the
/// next one, or the link, compares it. What came over the link is compared by each run.
fn stock(
    engine: &Engine,
    catalogue: &CatalogueStore,
    edition: &CatalogueRevision,
    standing: &mut BoxStanding,
) -> Result<Vec<String>, Fault> {
    let now = standing.now;
    let is_carried = standing.origin.is_some();
    let is_older = |meta: &Meta, now| match is_carried {
        true => !carry::is_current(meta.entity, Some(now)),
        false => meta.entity == Some(carry::NEVER_COMPARED),
    };
    let packages = PackageStore::open(engine.vault())?;
    let mut reader = catalogue.reader();
    let mut stock = Stock::default();
    let mut awaited = Vec::new();
    let mut older = Vec::new();
    let mut next_start = None;
    for (name, row) in edition.rows(EntityType::Delivery) {
        stock.wanted += 1;
        let delivery = reader.entity(EntityType::Delivery, name, row)?;
        next_start = period::nearer(next_start, period::start(&delivery.properties), now);
        let delivery = delivery.id;
        let left = packages.left(&delivery)?;
        let held = packages.held(&delivery)?;
        let is_sound = |meta: &Meta| !meta.damaged && packages.glance(meta).is_ok();
        if let Some(meta) = held.as_ref().filter(|meta| is_sound(meta)) {
            stock.held += 1;
            if is_older(meta, row.checksum) {
                older.push(delivery);
            }
            continue;
        }
        // What no further run mends is told as that.
        let bad = match packages.judged(&delivery).map(|judged| judged.finding) {
            Some(EditionFinding::Damaged) => Some(&mut stock.broken),
            Some(EditionFinding::Unsupported) => Some(&mut stock.unsupported),
            Some(EditionFinding::Cached) => Some(&mut stock.cached),
            Some(EditionFinding::Confirmed) | None => None,
        };
        if let Some(bad) = bad {
            *bad += 1;
            continue;
        }
        stock.damaged += u64::from(held.is_some());
        let left = left.inspect(|_| stock.coming += 1);
        let noted = || packages.noted_size(&delivery, Some(row.checksum));
        let left = left.or_else(|| noted().inspect(|_| stock.sized += 1));
        match left {
            Some(left) => stock.bytes_left += left,
            None => stock.unknown += 1,
        }
        awaited.push(AwaitedPackage { delivery, left });
    }
    // As the lane brings them: what a person wants first, then by their URIs.
    let orders = orders::kept(engine.vault());
    awaited.sort_by_cached_key(|one| {
        let delivery = one.delivery.clone();
        (orders.first() != Some(&*delivery), delivery)
    });
    older.sort_unstable();
    (standing.packages, standing.awaited) = (stock, awaited);
    standing.counted.next_start = next_start;
    Ok(older)
}

/// The packages that are still to come, each with its bytes and the moment at which it is there, for machines.
pub fn awaited(standing: &BoxStanding) -> Vec<Json> {
    let told = awaited_at(standing, &standing.awaited).into_iter();
    let line = |(one, at): (&AwaitedPackage, Option<i64>)| json!({ "delivery": one.delivery, "bytes_left": one.left, "ready_at": at });
    told.map(line).collect()
}

/// What is left of the packages in bytes and time, for machines.
pub fn packages_left(standing: &BoxStanding) -> Map<String, Json> {
    let stock = &standing.packages;
    let estimate = package_estimate(standing);
    let minutes = |seconds: u64| json!(seconds / 60);
    let told = [
        ("bytes_left", json!(stock.bytes_left)),
        ("unknown", json!(stock.unknown)),
        (
            "minutes_left",
            json!(estimate.map(|estimate| minutes(estimate.seconds))),
        ),
        (
            "minutes_left_at_most",
            json!(estimate.and_then(|estimate| estimate.latest).map(minutes)),
        ),
        (
            "ready_at",
            json!(estimate.and_then(|estimate| estimate.ready_at)),
        ),
        ("awaited", json!(awaited(standing))),
    ];
    told.map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// Bytes per second of the last run that measured the link.
fn rate(reports: &[Report]) -> Option<f64> {
    reports
        .iter()
        .map(|report| report.connection.download_mbit_s)
        .find(|rate| *rate > 0.0)
        .map(|rate| rate * MEGABIT / 8.0)
}

/// The spool, if anything was ever kept there.
fn spool(engine: &Engine) -> Result<Option<Spool>, Fault> {
    let is_there = engine.vault().state().join("spool").is_dir();
    let spool = || Ok(Spool::open(engine.vault())?.filtered(engine.item_filter(false)?));
    is_there.then(spool).transpose()
}

/// Whether central itself answered in this run.
fn reached(report: &Report) -> bool {
    let before = [
        Area::Net,
        Area::Config,
        Area::Key,
        Area::State,
        Area::Store,
        Area::Disk,
    ];
    report.outcome != Outcome::Offline
        && report.code != Code::AuthNotEnrolled
        && !before.into_iter().any(|area| report.code.is(area))
}
