//! What the boxes of a room hold of one package, who fetches what from central, and which range comes next from where.
//! Never sees a byte: digests are told. Never takes a sibling's word for more than where to ask.
//! Called by `download::siblings`, which asks and believes as this says.
//!
//! | Rule | Where |
//! |---|---|
//! | What no sibling has and nobody claims comes from central; the rest from siblings | `central_run`, `sibling_run` |
//! | A piece belongs to the box of those that fetch whose hash with it is the lowest; each begins with its own lowest ones | `owner`, `rank` |
//! | Another's piece is taken when its owner needs more than `BEHIND` for what it has left, or nothing was under way for `IDLE` | `central_run` |
//! | A claimed piece is taken as well when nothing was under way for `END` | `central_run` |
//! | From siblings the rarest comes first; ties by a hash of the box | `sibling_run` |
//! | A sibling that fails rests, twice as long each time; after the second time nobody counts on it | `trouble`, `counts` |
//! | Three bad ranges, or one record that central has otherwise, and it is out | `strike`, `expel` |
//! | One record in `COMPARED` times the boxes that comes from a sibling is asked of central too | `compares` |

mod poll;

use std::ops::Range;
use std::time::Duration;

use super::command::{SiblingId, SiblingNews};
use super::records::RecordMap;
use super::view::{BAD, SiblingView};
use crate::chunk::RecordWorklist;
use crate::retry;
use crate::sibling::{
    CLAIM_MOST, CLAIMS, FetchedRecord, PackageHoldings, RANGE_RECORDS, RecordClaim,
};
use crate::small_map::SmallMap;

/// Siblings that are counted on, at most.
const SIBLINGS: usize = 256;
/// A package has about so many pieces: what one box takes at once from central while others take the rest.
const PIECES: u64 = 512;
/// Ranges under way from all siblings.
pub(super) const FROM_ALL: usize = 8;
/// An owner needs more than this for what it has left: others help.
const BEHIND: Duration = Duration::from_secs(3);
/// Nothing was under way for so long, up to twice by a hash of the box: another's piece is taken.
const IDLE: Duration = Duration::from_secs(1);
/// The same for what is claimed.
const END: Duration = Duration::from_secs(3);
/// A range of a sibling may take so long, and as long again for each MiB.
const RANGE_TIME: Duration = Duration::from_secs(4);
/// The rest after a failure of a sibling; twice as long each time, so many times.
const REST: Duration = Duration::from_secs(2);
const RESTS: u32 = 5;
/// One record in so many, times the boxes that fetch, is compared with central.
const COMPARED: u64 = 64;

/// Where the content of a record came from, with its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum RecordOrigin {
    /// It was there before, or was put together.
    #[default]
    Unknown,
    /// Central.
    Central,
    /// A sibling.
    Sibling(SiblingId, [u8; 32]),
}

/// The room, as this box sees it.
#[derive(Debug)]
pub(super) struct Swarm {
    own: SiblingId,
    random: u64,
    /// Records of a piece.
    piece: u64,
    siblings: SmallMap<SiblingId, SiblingView>,
    origins: Vec<RecordOrigin>,
    /// Comes from central alone.
    central_only: Vec<bool>,
    /// How many that count have a record in their lists; those who have all are counted once.
    holders: Vec<u16>,
    whole: u16,
    /// Whose a piece is.
    owners: Vec<SiblingId>,
    is_stale: bool,
    /// When what was heard is to be thought over, where that was put off.
    thinks: Option<Duration>,
    polled: Option<Duration>,
    /// When they were asked for the first time, and how often since.
    began: Option<Duration>,
    polls: u32,
    /// Answers to the last poll that are still waited for.
    awaited: Option<usize>,
    /// Something was under way then.
    busy: Duration,
    /// Where central is to be asked for what a sibling gave.
    compare: Vec<u64>,
    /// What siblings gave that was wrong together with other records: central decides.
    doubts: Vec<(u64, SiblingId, [u8; 32])>,
    /// What siblings gave and others said, while it was checked, that they have otherwise.
    put_off: Vec<(u64, SiblingId, [u8; 32])>,
    /// What others are to be told.
    news: SiblingNews,
}

/// The place of a box at a piece: the lowest one owns it.
fn rank(sibling: SiblingId, piece: u64) -> u64 {
    retry::mix(sibling ^ retry::mix(piece))
}

impl Swarm {
    pub(super) fn new(own: SiblingId, records: &RecordMap, random: u64, now: Duration) -> Self {
        let count = records.have.len();
        let piece = (count as u64 / PIECES).clamp(1, RANGE_RECORDS);
        Self {
            own,
            random,
            piece,
            siblings: SmallMap::new(),
            origins: vec![RecordOrigin::Unknown; count],
            central_only: vec![false; count],
            holders: vec![0; count],
            whole: 0,
            owners: Vec::new(),
            is_stale: true,
            thinks: None,
            polled: None,
            began: None,
            polls: 0,
            awaited: None,
            busy: now,
            compare: Vec::new(),
            doubts: Vec::new(),
            put_off: Vec::new(),
            news: SiblingNews::default(),
        }
    }

    /// Whether there is anybody to share with.
    pub(super) fn is_shared(&self) -> bool {
        self.siblings.values().any(SiblingView::is_in)
    }

    /// What a sibling holds; without `said` it has not answered.
    /// Gives the records that another sibling gave otherwise: record, who, and what it was.
    pub(super) fn heard(
        &mut self,
        id: SiblingId,
        said: Option<PackageHoldings>,
        now: Duration,
    ) -> Vec<(u64, SiblingId, [u8; 32])> {
        self.awaited = self.awaited.map(|left| left.saturating_sub(1));
        self.is_stale = true;
        let mut disputed = Vec::new();
        let Some(said) = said else { return disputed };
        let is_new = !self.siblings.contains_key(&id);
        if id == self.own || (is_new && self.siblings.len() >= SIBLINGS) {
            return disputed;
        }
        if is_new {
            self.siblings.insert(id, SiblingView::default());
        }
        let Some(view) = self.siblings.get_mut(&id) else {
            return disputed;
        };
        view.silent = 0;
        if said.epoch != view.epoch || said.from > view.entries {
            (view.epoch, view.entries, view.since) = (said.epoch, 0, None);
            view.digests.clear();
        }
        if said.from == view.entries {
            for one in &said.fetched {
                view.digests.insert(one.record, one.digest);
                if let Some(RecordOrigin::Sibling(from, digest)) =
                    self.origins.get(one.record as usize)
                    && (*from, *digest) != (id, one.digest)
                    && *digest != one.digest
                    && view.bad < BAD
                {
                    disputed.push((u64::from(one.record), *from, *digest));
                }
            }
            view.entries += said.fetched.len() as u32;
        }
        (view.is_whole, view.is_fetching) = (said.is_whole, said.is_fetching);
        if !said.is_fetching {
            view.since = None;
        } else if view.since.is_none() {
            view.since = Some((now, view.entries));
        }
        let claim = |claim: &RecordClaim| {
            let first = u64::from(claim.first);
            let lasts = Duration::from_millis(u64::from(claim.lasts.min(CLAIM_MOST)));
            (first..first + u64::from(claim.count), now + lasts)
        };
        view.claims = said.claims.iter().take(CLAIMS).map(claim).collect();
        disputed
    }

    /// All ranges are begun anew: none is under way.
    pub(super) fn begins(&mut self) {
        self.siblings.values_mut().for_each(|view| view.open = 0);
    }

    /// Counts holders and owners anew where something has changed.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        self.whole = 0;
        self.holders.fill(0);
        for view in self.siblings.values().filter(|view| view.counts()) {
            if view.is_whole {
                self.whole += 1;
                continue;
            }
            for record in view.digests.keys() {
                if let Some(holders) = self.holders.get_mut(*record as usize) {
                    *holders += 1;
                }
            }
        }
        let fetch = |view: &SiblingView| view.counts() && view.is_fetching && !view.is_whole;
        let who = self.siblings.iter().filter(|(_, view)| fetch(view));
        let who: Vec<SiblingId> = who.map(|(id, _)| *id).chain([self.own]).collect();
        let pieces = (self.origins.len() as u64).div_ceil(self.piece);
        let owner = |piece| who.iter().copied().min_by_key(|id| (rank(*id, piece), *id));
        self.owners = (0..pieces)
            .map(|piece| owner(piece).unwrap_or(self.own))
            .collect();
    }

    fn is_offered(&self, record: u64) -> bool {
        let at = record as usize;
        !self.central_only[at] && (self.whole > 0 || self.holders[at] > 0)
    }

    fn is_claimed(&self, run: &Range<u64>, now: Duration) -> bool {
        let views = self.siblings.values().filter(|view| view.counts());
        let mut claims = views.flat_map(|view| &view.claims);
        claims.any(|(of, until)| *until > now && of.start < run.end && run.start < of.end)
    }

    // What comes next.

    /// Something is under way.
    pub(super) fn is_busy(&mut self, now: Duration) {
        self.busy = now;
    }

    /// The next run from central of at most so many records.
    pub(super) fn central_run(
        &mut self,
        work: &RecordWorklist,
        records: &RecordMap,
        most: u64,
        now: Duration,
    ) -> Option<Range<u64>> {
        self.refresh();
        let (mut own, mut others, mut claimed) = (Vec::new(), Vec::new(), Vec::new());
        let mut left: SmallMap<SiblingId, u64> = SmallMap::new();
        for run in work.runs() {
            let mut at = run.start;
            while at < run.end {
                let piece = at / self.piece;
                let end = ((piece + 1) * self.piece).min(run.end);
                let Some(start) = (at..end).find(|record| !self.is_offered(*record)) else {
                    at = end;
                    continue;
                };
                let is_over =
                    |record: &u64| self.is_offered(*record) || records.begun.contains_key(record);
                let stop = (start + 1..end).find(is_over).unwrap_or(end);
                at = stop;
                let run = start..stop;
                let owner = self.owners[piece as usize];
                let is_own = owner == self.own || self.central_only[start as usize];
                if !self.central_only[start as usize] && self.is_claimed(&run, now) {
                    claimed.push((piece, run));
                } else if is_own {
                    own.push((rank(self.own, piece), run));
                } else {
                    match left.get_mut(&owner) {
                        Some(left) => *left += run.end - run.start,
                        None => {
                            left.insert(owner, run.end - run.start);
                        }
                    }
                    others.push((piece, owner, run));
                }
            }
        }
        let run = own.into_iter().min_by_key(|(rank, _)| *rank);
        let run = run.map(|(_, run)| run).or_else(|| {
            let idle = now.saturating_sub(self.busy);
            let share = |least: Duration| {
                let least = least.max(self.interval() * 2);
                least + least.mul_f64((self.own >> 40) as f64 / (1u64 << 24) as f64)
            };
            let is_behind = |owner: &SiblingId| {
                let view = self.siblings.get(owner)?;
                view.needs(*left.get(owner)?, now)
            };
            let may = |owner: &SiblingId| {
                idle >= share(IDLE) || is_behind(owner).is_some_and(|needs| needs > BEHIND)
            };
            // Not in the order of the owner: it begins with the pieces where it is the lowest.
            let key = |piece: u64| retry::mix(rank(self.own, piece));
            let other = others.into_iter().filter(|(_, owner, _)| may(owner));
            let other = other.min_by_key(|(piece, ..)| key(*piece));
            let other = other.map(|(_, _, run)| run);
            other.or_else(|| {
                let end = claimed.into_iter().filter(|_| idle >= share(END));
                let end = end.min_by_key(|(piece, _)| key(*piece));
                end.map(|(_, run)| run)
            })
        })?;
        Some(run.start..run.end.min(run.start + most.max(1)))
    }

    /// The next run from any sibling that may be asked, and whom.
    pub(super) fn sibling_run(
        &mut self,
        work: &RecordWorklist,
        records: &RecordMap,
        now: Duration,
    ) -> Option<(SiblingId, Range<u64>)> {
        self.refresh();
        if !work.runs().flatten().any(|record| self.is_offered(record)) {
            return None;
        }
        let free = self.siblings.iter();
        let free = free.filter(|(_, view)| view.may_be_asked(now));
        let mut free: Vec<(SiblingId, &SiblingView)> = free.map(|(id, view)| (*id, view)).collect();
        // Those that did not fail lately, then those with nothing under way; else by a hash of both.
        free.sort_by_key(|(id, view)| {
            let by_hash = rank(self.own ^ *id, self.polled_seconds());
            (view.failed.min(2), view.open, by_hash)
        });
        for (id, view) in free {
            let fits = |record: u64| {
                view.has(record)
                    && !self.central_only[record as usize]
                    && !records.begun.contains_key(&record)
            };
            let mut best: Option<((u16, u64), Range<u64>)> = None;
            for run in work.runs() {
                let mut at = run.start;
                while at < run.end {
                    let Some(start) = (at..run.end).find(|record| fits(*record)) else {
                        break;
                    };
                    // One that failed shows with one record whether it is slow.
                    let count = if view.failed > 0 { 1 } else { RANGE_RECORDS };
                    let most = run.end.min(start + count);
                    let stop = (start + 1..most).find(|record| !fits(*record));
                    let stop = stop.unwrap_or(most);
                    let key = (self.holders[start as usize], rank(self.own, start));
                    if best.as_ref().is_none_or(|(best, _)| key < *best) {
                        best = Some((key, start..stop));
                    }
                    at = stop;
                }
            }
            if let Some((_, run)) = best {
                return Some((id, run));
            }
        }
        None
    }

    fn polled_seconds(&self) -> u64 {
        self.polled.unwrap_or_default().as_secs()
    }

    /// A range of this sibling is asked for; gives when it is given up.
    pub(super) fn asks(&mut self, id: SiblingId, bytes: u64, now: Duration) -> Duration {
        if let Some(view) = self.siblings.get_mut(&id) {
            view.open += 1;
        }
        now + RANGE_TIME + RANGE_TIME.mul_f64(bytes as f64 / (1 << 20) as f64)
    }

    /// A range of this sibling is over.
    pub(super) fn closed(&mut self, id: SiblingId) {
        if let Some(view) = self.siblings.get_mut(&id) {
            view.open = view.open.saturating_sub(1);
        }
    }

    /// It gave what was asked for.
    pub(super) fn served(&mut self, id: SiblingId) {
        if let Some(view) = self.siblings.get_mut(&id) {
            self.is_stale |= view.failed > 0;
            (view.failed, view.rests) = (0, None);
        }
    }

    /// It failed: slow, silent, busy or gone.
    pub(super) fn trouble(&mut self, id: SiblingId, wish: Option<Duration>, now: Duration) {
        if let Some(view) = self.siblings.get_mut(&id) {
            let rest = REST * (1 << view.failed.min(RESTS));
            view.failed = view.failed.saturating_add(1);
            view.rests = Some(
                now + wish
                    .unwrap_or_default()
                    .max(rest)
                    .min(retry::MAX_WAIT_IN_RUN),
            );
            if wish.is_some() {
                // It said itself that it gives nothing now.
                view.failed = view.failed.max(2);
            }
            self.is_stale = true;
        }
    }

    /// What it gave was no record of this package, or not what it says itself; whether it is out.
    pub(super) fn strike(&mut self, id: SiblingId) -> bool {
        let Some(view) = self.siblings.get_mut(&id) else {
            return false;
        };
        view.bad += 1;
        self.is_stale = true;
        view.bad >= BAD
    }

    /// It is out; gives the records that came from it.
    pub(super) fn expel(&mut self, id: SiblingId) -> Vec<u64> {
        if !self.siblings.contains_key(&id) {
            self.siblings.insert(id, SiblingView::default());
        }
        if let Some(view) = self.siblings.get_mut(&id) {
            view.bad = BAD;
        }
        self.is_stale = true;
        let of =
            |origin: &RecordOrigin| matches!(origin, RecordOrigin::Sibling(from, _) if *from == id);
        let records = self.origins.iter().enumerate();
        let given = records.filter(|(_, origin)| of(origin));
        given.map(|(record, _)| record as u64).collect()
    }

    // What came.

    pub(super) fn origin(&self, record: u64) -> RecordOrigin {
        self.origins
            .get(record as usize)
            .copied()
            .unwrap_or_default()
    }

    /// A record is to come again.
    pub(super) fn forget(&mut self, record: u64, central_only: bool) {
        if let Some(origin) = self.origins.get_mut(record as usize) {
            *origin = RecordOrigin::Unknown;
        }
        if let Some(only) = self.central_only.get_mut(record as usize) {
            *only |= central_only;
        }
    }

    /// Central decides whether what a sibling gave was right.
    pub(super) fn doubts(&mut self, record: u64, id: SiblingId, digest: [u8; 32]) {
        self.doubts.push((record, id, digest));
    }

    /// These are settled once nothing is checked any more.
    pub(super) fn put_off(&mut self, disputed: Vec<(u64, SiblingId, [u8; 32])>) {
        self.put_off.extend(disputed);
    }

    /// What was put off and has not been replaced since.
    pub(super) fn take_put_off(&mut self) -> Vec<(u64, SiblingId, [u8; 32])> {
        let mut disputed = std::mem::take(&mut self.put_off);
        disputed.retain(|(record, id, digest)| {
            self.origin(*record) == RecordOrigin::Sibling(*id, *digest)
        });
        disputed.sort_unstable();
        disputed.dedup_by_key(|(record, ..)| *record);
        disputed
    }

    /// A record came from central; gives the siblings that gave or told another one.
    pub(super) fn central_gave(
        &mut self,
        record: u64,
        digest: [u8; 32],
        kept: bool,
    ) -> Vec<SiblingId> {
        let told = self.siblings.iter().filter(|(_, view)| {
            let said = view.digests.get(&(record as u32));
            view.is_in() && said.is_some_and(|said| *said != digest)
        });
        let mut liars: Vec<SiblingId> = told.map(|(id, _)| *id).collect();
        let wrong = |(of, _, said): &&(u64, SiblingId, [u8; 32])| *of == record && *said != digest;
        liars.extend(self.doubts.iter().filter(wrong).map(|(_, id, _)| *id));
        self.doubts.retain(|(of, ..)| *of != record);
        if let RecordOrigin::Sibling(id, said) = self.origin(record)
            && said != digest
        {
            liars.push(id);
        }
        if kept && let Some(origin) = self.origins.get_mut(record as usize) {
            *origin = RecordOrigin::Central;
            let record = record as u32;
            self.news.fetched.push(FetchedRecord { record, digest });
        }
        liars.sort_unstable();
        liars.dedup();
        liars
    }

    /// A record came from a sibling. Gives whether it is kept, and whether it is bad by the sibling's own word.
    pub(super) fn sibling_gave(
        &mut self,
        record: u64,
        id: SiblingId,
        digest: [u8; 32],
    ) -> GivenRecord {
        let said = |view: &SiblingView| view.digests.get(&(record as u32)).copied();
        let own = self.siblings.get(&id).and_then(said);
        if own.is_some_and(|own| own != digest) {
            return GivenRecord::Bad;
        }
        let others = self
            .siblings
            .iter()
            .filter(|(of, view)| **of != id && view.is_in());
        let mut others = others.filter_map(|(_, view)| said(view));
        if others.any(|other| other != digest) {
            return GivenRecord::Disputed;
        }
        if let Some(origin) = self.origins.get_mut(record as usize) {
            *origin = RecordOrigin::Sibling(id, digest);
        }
        self.random = retry::mix(self.random);
        let boxes = 1 + self.siblings.values().filter(|view| view.is_in()).count() as u64;
        if (self.random >> 16).is_multiple_of(COMPARED * boxes) {
            self.compare.push(record);
        }
        GivenRecord::Kept
    }

    /// The next record that is to be compared with central.
    pub(super) fn compares(&mut self) -> Option<u64> {
        while let Some(record) = self.compare.pop() {
            if matches!(self.origin(record), RecordOrigin::Sibling(..)) {
                return Some(record);
            }
        }
        None
    }

    // What the others are told.

    /// What is new for others, where something is; `claims` are what is asked of central now.
    pub(super) fn news(&mut self, claims: Vec<RecordClaim>) -> Option<SiblingNews> {
        let same = self
            .news
            .claims
            .iter()
            .map(|claim| (claim.first, claim.count));
        let is_same = same.eq(claims.iter().map(|claim| (claim.first, claim.count)));
        if is_same && self.news.fetched.is_empty() {
            return None;
        }
        self.news.claims = claims;
        let fetched = std::mem::take(&mut self.news.fetched);
        Some(SiblingNews {
            fetched,
            claims: self.news.claims.clone(),
        })
    }

    /// Claims are told again with the next news.
    pub(super) fn tells_again(&mut self) {
        self.news.claims.clear();
    }
}

/// What a record of a sibling is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenRecord {
    /// It is taken, until its members were checked.
    Kept,
    /// Another one fetched other bytes from central: central is asked.
    Disputed,
    /// It is not what the sibling says itself.
    Bad,
}
