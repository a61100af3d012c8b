//! How large the next range is and over how many connections ranges come, from what the link has shown.
//! Never measures: samples and the time are arguments. Never exceeds the configured bounds.
//! Called by `download` around every range.
//!
//! Each range costs central a PHP start (protocol 6, anchors part A 0), so a range is as large as makes that cost
//! small; it is cut into records on arrival, so its size does not matter for what a broken connection loses.
//! One connection is enough on a clean link. Where loss throttles each connection, more of them carry more. Which link
//! it is shows a trial: the sum of all connections is measured, their number changed, the sum measured again once the
//! new ones have come to speed. All that are allowed are tried first; more must bring more, fewer must bring as much: so
//! a number that luck made too large, or that a slower central no longer rewards, falls again. A new connection is
//! faster than it stays until it meets its first losses, so what a trial found counts only while it lasts. What has come
//! is counted as it comes: a slow range must not keep the pace in the dark until it ends.
//!
//! Central's health is the brake, whatever the sum says: more connections may take from others what they bring here.
//!
//! | Seen | Follows |
//! |---|---|
//! | one carried `LARGE_WINDOW` in a wait: the link is clear | a rest first, then twice as many are tried, not all |
//! | more lanes bring a quarter more | they are kept, and more are tried |
//! | they bring less | the number before, and a rest that doubles |
//! | fewer lanes bring nine tenths | they are kept |
//! | a third of the ranges, two at least, are overdue (`OVERDUE`) | half at most, and none that waits |
//! | one range after the other is late (`LATE`) | half |
//! | central refuses (5xx, 429) | half |
//! | after each of the last three | no more than central served well, for a time that grows with each brake; then twice as many |
//! | no brake for as long after that | that time is a quarter again |

use std::time::Duration;

use crate::words::Now;

/// The smallest range, and the record of the store.
pub const MIN_RANGE: u64 = 64 << 10;
/// The largest range.
pub const LARGEST: u64 = 16 << 20;

/// A range should take this many times as long as the wait for its first byte; less where several hold workers of central,
/// so that others have their turn and that a central that is too busy is noticed soon.
const WORTH: u32 = 80;
const WORTH_BESIDE: u32 = 40;
/// A new connection needs this long, and so many waits for a first byte, to come to speed: three for TCP, TLS and the
/// request, the rest for slow start. Where some were closed, the others need less.
const SETTLE: Duration = Duration::from_millis(500);
const SETTLE_NEW: u32 = 6;
const SETTLE_FEWER: u32 = 2;
/// Then the sum of all connections is measured for so long.
const MEASURE: Duration = Duration::from_secs(1);
const MEASURE_WAITS: u32 = 5;
/// A central that is too busy is given so long before it is halved again.
const RECOVERS: Duration = Duration::from_secs(10);
/// After a trial that changed nothing the next one waits, each time twice as long.
const REST: Duration = Duration::from_secs(30);
const MAX_REST: Duration = Duration::from_secs(960);
/// A first byte is overdue after so many times the usual wait for one, and this long.
const OVERDUE: u32 = 3;
const OVERDUE_LEAST: Duration = Duration::from_millis(500);
/// So many ranges that are overdue at the same time brake at least, and this share of all.
const OVERDUE_RANGES: usize = 2;
const OVERDUE_SHARE: usize = 3;
/// Opening a connection takes so many waits more: TCP, TLS and what both lose.
const OPENS: u32 = 3;
/// A first byte over a connection that was there is late after so many times the usual wait for one, and this long.
const LATE: u32 = 2;
const LATE_LEAST: Duration = Duration::from_millis(100);
/// The share of late ranges that brakes, and what the newest one of each lane counts in it.
const LATE_BRAKES: f64 = 0.5;
const LATE_NEWEST: f64 = 0.7;
/// After a brake no more are tried than central served well; each time four times as long.
const CEILING: Duration = Duration::from_secs(60);
const MAX_CEILING: Duration = Duration::from_secs(3840);
/// Where there are more lanes than before, the first ranges of each are to be so short, in seconds, as if all together
/// brought no more than before: what a failed trial left behind ends soon, and a busy central shows soon.
const NEW_RANGES: u32 = 3;
const NEW_RANGE: f64 = 3.0;
/// Where the sum grew by this factor, loss holds each back and no ranges need to be short.
const SURELY: f64 = 4.0;
/// More connections are kept if the sum grew by this factor.
const GAIN: f64 = 1.25;
/// Fewer are kept if the sum stayed above this share of itself.
const AS_MUCH: f64 = 0.9;
/// A connection that carries so many bytes in the wait for a first byte meets less than one loss in 5,000 packets (Mathis et
/// al. 1997: a window is 1.22 packets / sqrt(loss)): what more bring they mostly take from it, and leave it slow for seconds.
const LARGE_WINDOW: f64 = 131_072.0;
/// Twice below this share of what the last trial ended with, the sum is that of another link: the rest is over.
const CHANGED: f64 = 0.7;
/// So many measurements in a row are begun again because a connection was cut; then one with a cut in it counts.
const SPOILT: u8 = 3;
/// When nothing came for so long, it was no slow link but a pause: an exam, a wait, a suspended box.
const PAUSE: Duration = Duration::from_secs(15);

/// A trial of more lanes takes all that are allowed.
const ALL: usize = usize::MAX;

/// How one range went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeSample {
    /// When it was asked for, since boot.
    pub asked: Duration,
    /// Content bytes that arrived.
    pub bytes: u64,
    /// From the first byte of content to the end.
    pub took: Duration,
    /// How it ended.
    pub end: RangeEnd,
}

/// How a range ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeEnd {
    /// It came whole.
    Whole,
    /// The connection broke or stalled.
    Cut,
    /// Central answered 5xx or 429.
    Busy,
}

/// How long a range that is under way waits, or waited, for its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeWait {
    /// When it was asked for, since boot.
    pub asked: Duration,
    /// When its first byte came.
    pub first_byte: Option<Duration>,
    /// It goes over a connection that was opened for it.
    pub is_fresh: bool,
}

/// What the link has shown so far.
#[derive(Debug, Clone)]
pub struct ConcurrencyController {
    most: usize,
    lanes: usize,
    /// Wait for the first byte on this link: falls at once, rises slowly, for what is loaded or new waits longer.
    wait: Option<Duration>,
    /// Smoothed bytes per second of one range after its first byte.
    rate: Option<f64>,
    /// From when the sum of the lanes is measured; none until all of them are open.
    from: Option<Now>,
    /// Bytes since then.
    bytes: u64,
    /// Waits for a first byte before that.
    settle: u32,
    /// When something last came.
    last: Duration,
    spoilt: u8,
    trial: Option<ConcurrencyTrial>,
    /// Whether the next trial is one of more lanes.
    up: bool,
    /// By how much a trial of more lanes multiplies them.
    step: usize,
    /// No loss holds a connection back: one has carried `LARGE_WINDOW`.
    is_clear: bool,
    /// Bytes per second that the last trial ended with, for the lanes that were kept.
    known: f64,
    /// Whether the last measurement was far below that.
    low: bool,
    /// What was asked for before this met the same event in which central was too busy.
    busy: Option<Duration>,
    rest: Duration,
    rest_until: Option<Now>,
    /// Connections that ranges have come over to their end and none uses, as far as one can tell.
    idle: usize,
    /// The usual wait for a first byte over a connection that is there, where central is not overloaded.
    usual: Option<Duration>,
    /// The share of late ranges since the number of lanes changed, the newest counting most.
    late: f64,
    /// Ranges that have begun since then, and how many of them were late.
    new: (u32, u32),
    /// How many lanes there were before, where they were fewer.
    fewer: Option<usize>,
    /// What was asked for before this was asked for beside another number of lanes.
    changed: Duration,
    /// No trial goes beyond, until then; how long that lasts after the next brake.
    ceiling: usize,
    ceiling_until: Duration,
    ceiling_lasts: Duration,
    /// It was raised since the last brake.
    is_raised: bool,
}

/// What another number of lanes must compare with.
#[derive(Debug, Clone, Copy)]
struct ConcurrencyTrial {
    /// Bytes per second, of all lanes together.
    sum: f64,
    lanes: usize,
}

impl ConcurrencyTrial {
    fn is_won_by(&self, sum: f64, lanes: usize) -> bool {
        sum >= self.sum * if lanes > self.lanes { GAIN } else { AS_MUCH }
    }
}

impl ConcurrencyController {
    /// Begins with one connection, at most `most`.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            lanes: 1,
            wait: None,
            rate: None,
            from: None,
            bytes: 0,
            settle: SETTLE_NEW,
            last: Duration::ZERO,
            spoilt: 0,
            trial: None,
            up: true,
            step: ALL,
            is_clear: false,
            known: 0.0,
            low: false,
            busy: None,
            rest: REST,
            rest_until: None,
            idle: 1,
            usual: None,
            late: 0.0,
            new: (0, 0),
            fewer: None,
            changed: Duration::ZERO,
            ceiling: usize::MAX,
            ceiling_until: Duration::ZERO,
            ceiling_lasts: CEILING,
            is_raised: false,
        }
    }

    /// How many ranges may be under way.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Bytes of the next range, a multiple of `MIN_RANGE`.
    pub fn range(&self) -> u64 {
        let bytes = match (self.rate, self.wait) {
            (Some(rate), Some(wait)) => {
                let worth = if self.lanes > 1 { WORTH_BESIDE } else { WORTH };
                (rate * (wait * worth).as_secs_f64().max(1.0)) as u64
            }
            // Nothing is known: large enough to learn from, small enough to lose.
            _ => 512 << 10,
        };
        let bytes = match (self.fewer.filter(|_| self.is_new()), self.rate) {
            (Some(fewer), Some(rate)) => {
                let share = fewer as f64 / self.lanes as f64;
                bytes.min((rate * NEW_RANGE * share) as u64)
            }
            _ => bytes,
        };
        bytes.clamp(MIN_RANGE, LARGEST) / MIN_RANGE * MIN_RANGE
    }

    /// A package begins: the pause before it must not count as a slow link, and a trial that the one before was too
    /// short for has shown nothing.
    pub fn begins(&mut self, now: Now) {
        if let Some(trial) = self.trial.take() {
            self.goes_with(trial.lanes, now);
        }
        // That of the look at the package; others may have been closed meanwhile.
        self.idle = 1;
        self.settles(SETTLE_NEW);
    }

    /// A range is asked for: whether a connection has to be opened for it, as far as one can tell.
    pub fn asks(&mut self) -> bool {
        let is_fresh = self.idle == 0;
        self.idle = self.idle.saturating_sub(1);
        is_fresh
    }

    /// Learns how long a range took to begin; half of the lanes are given up where one after the other is late. What the
    /// opening of a connection took says nothing about central.
    pub fn waited(&mut self, first_byte: Duration, is_fresh: bool, now: Now) {
        self.wait = Some(match self.wait {
            Some(wait) if wait < first_byte => wait.mul_f64(0.97) + first_byte.mul_f64(0.03),
            _ => first_byte,
        });
        if is_fresh && self.usual.is_some() {
            return;
        }
        let is_late = self.is_beyond(first_byte, LATE, LATE_LEAST);
        let newest = LATE_NEWEST / self.lanes.max(2) as f64;
        self.late = self.late * (1.0 - newest) + if is_late { newest } else { 0.0 };
        self.usual = Some(match self.usual {
            None => first_byte,
            Some(usual) if first_byte < usual => (usual + first_byte) / 2,
            // A central that is overloaded by several must not become what is usual.
            Some(usual) => {
                let part = if self.lanes > 1 { 0.02 } else { 0.1 };
                usual.mul_f64(1.0 - part) + first_byte.min(usual * 2).mul_f64(part)
            }
        });
        self.new.0 += 1;
        self.new.1 += u32::from(is_late);
        let is_hit = self.is_new() && self.new.1 >= (self.lanes as u32).max(2);
        if self.lanes > 1 && (is_hit || self.late > LATE_BRAKES) {
            self.brake(self.lanes / 2, now);
        }
    }

    /// Whether the number of lanes is as new as that few of its ranges have begun.
    fn is_new(&self) -> bool {
        self.new.0 <= NEW_RANGES * self.lanes as u32
    }

    /// Whether a wait for a first byte is longer than so many usual ones, and so long besides.
    fn is_beyond(&self, wait: Duration, times: u32, least: Duration) -> bool {
        self.usual.is_some_and(|usual| wait > usual * times + least)
    }

    /// Looks at the ranges that are under way: whether too many of them wait too long, so that fewer are allowed now. Those
    /// without a first byte beyond that number are to be left.
    pub fn brakes(&mut self, ranges: impl Iterator<Item = RangeWait>, now: Now) -> bool {
        let (mut open, mut overdue, mut served) = (0_usize, 0, 0);
        for range in ranges {
            open += 1;
            served += usize::from(range.first_byte.is_some());
            let until = range.first_byte.unwrap_or(now.mono);
            let waited = until.saturating_sub(range.asked);
            let is_new = range.asked >= self.changed;
            let times = OVERDUE + if range.is_fresh { OPENS } else { 0 };
            let is_overdue = self.is_beyond(waited, times, OVERDUE_LEAST);
            overdue += usize::from(is_new && is_overdue);
        }
        let brakes = self.lanes > 1 && overdue >= OVERDUE_RANGES.max(open.div_ceil(OVERDUE_SHARE));
        if brakes {
            self.brake(served, now);
        }
        brakes
    }

    /// Central is asked by fewer: by half at most, and by no more than it served well.
    fn brake(&mut self, served: usize, now: Now) {
        let half = (self.lanes / 2).min(served).max(1);
        let before = self.trial.take().map_or(half, |trial| trial.lanes);
        self.ceiling = served.max(1);
        self.ceiling_until = now.mono + self.ceiling_lasts;
        self.ceiling_lasts = (self.ceiling_lasts * 4).min(MAX_CEILING);
        self.is_raised = false;
        self.goes_with(half.min(before), now);
        (self.up, self.step, self.known) = (false, 2, 0.0);
        self.rests(now);
    }

    /// How many may be tried: where a brake is long past, twice as many as before. Where central bore that for as long, it
    /// is trusted sooner after the next one.
    fn most(&mut self, now: Now) -> usize {
        let is_limited = self.ceiling < self.most || self.ceiling_lasts > CEILING;
        if is_limited && self.ceiling_until <= now.mono {
            if std::mem::replace(&mut self.is_raised, true) {
                self.ceiling_lasts = (self.ceiling_lasts / 4).max(CEILING);
            }
            self.ceiling = self.ceiling.saturating_mul(2);
            self.ceiling_until = now.mono + self.ceiling_lasts;
        }
        self.ceiling.max(self.lanes).min(self.most)
    }

    /// Learns from a range that ended.
    pub fn learn(&mut self, sample: RangeSample, now: Now) {
        if sample.bytes > 0 {
            // What comes in one burst says little about the next range.
            let took = sample.took.max(self.wait.unwrap_or_default()).as_secs_f64();
            let rate = sample.bytes as f64 / took.max(1e-4);
            self.rate = Some(self.rate.map_or(rate, |old| old * 0.6 + rate * 0.4));
        }
        match sample.end {
            RangeEnd::Whole => self.idle = (self.idle + 1).min(self.most),
            RangeEnd::Cut if sample.bytes > 0 => self.cut(now),
            // Refused: nothing that was measured has changed.
            RangeEnd::Cut => {}
            RangeEnd::Busy if self.busy.is_some_and(|busy| sample.asked < busy) => {}
            RangeEnd::Busy => {
                self.busy = Some(now.mono + RECOVERS);
                self.brake(self.lanes / 2, now);
            }
        }
    }

    /// A connection that carried was cut while the sum was measured, or came to speed for that: what comes in its place
    /// begins slowly, and then is faster for a while than it stays.
    fn cut(&mut self, now: Now) {
        let Some(from) = self.from else { return };
        match self.trial {
            // Trials are short: central has others to serve.
            Some(_) if now.mono < from.mono => {}
            // It would flatter the fewer. Where cuts are so frequent, the next trial is one of more.
            Some(trial) if !self.up => {
                (self.trial, self.up) = (None, true);
                self.goes_with(trial.lanes, now);
                self.rests(now);
            }
            _ if self.spoilt < SPOILT => {
                self.spoilt += 1;
                self.settles(SETTLE_NEW);
            }
            _ => {}
        }
    }

    /// Content bytes that have come just now, over any connection; `open` ranges are under way. Ends a trial when it has
    /// lasted: keeps what was gained and tries further, or goes back and rests.
    pub fn came(&mut self, bytes: u64, open: usize, now: Now) {
        if open != self.lanes {
            // Not all are open yet, some are on their way out, or the package has no more work for them.
            self.from = None;
            return;
        }
        let gap = now
            .mono
            .saturating_sub(std::mem::replace(&mut self.last, now.mono));
        if gap > PAUSE {
            self.settles(SETTLE_NEW);
        }
        let wait = self.wait.unwrap_or_default();
        let Some(from) = self.from else {
            self.from = Some(now.after(SETTLE.max(wait * self.settle)));
            self.bytes = 0;
            return;
        };
        let Some(lasted) = now.mono.checked_sub(from.mono) else {
            return;
        };
        self.bytes += bytes;
        if lasted < MEASURE.max(wait * MEASURE_WAITS) {
            return;
        }
        let sum = self.bytes as f64 / lasted.as_secs_f64();
        self.from = Some(now);
        self.bytes = 0;
        self.spoilt = 0;
        self.judge(sum, now);
    }

    fn judge(&mut self, sum: f64, now: Now) {
        let most = self.most(now);
        let low = std::mem::replace(&mut self.low, sum < self.known * CHANGED) && self.low;
        let wait = self.wait.unwrap_or_default().as_secs_f64();
        self.is_clear |= sum / self.lanes as f64 * wait >= LARGE_WINDOW;
        match self.trial.take() {
            Some(trial) if !trial.is_won_by(sum, self.lanes) => {
                self.known = trial.sum;
                self.goes_with(trial.lanes, now);
                self.step = if self.up { 2 } else { self.step };
                self.up = !self.up;
                self.rests(now);
                return;
            }
            Some(trial) => {
                if sum >= trial.sum * SURELY {
                    self.fewer = None;
                }
                self.known = sum;
                self.rest = REST;
                self.step = if self.up { ALL } else { self.step };
                if self.further(most) == self.lanes {
                    self.up = !self.up;
                    self.rests(now);
                    return;
                }
            }
            None if low && self.lanes == most => {
                self.known = sum;
                return;
            }
            None if low => {
                self.is_clear = false;
                (self.up, self.step, self.rest) = (true, ALL, REST);
            }
            None if self.rest_until.is_none() && self.is_clear => {
                self.known = sum;
                self.rests(now);
                return;
            }
            None if self.rest_until.is_some_and(|until| now.mono < until.mono) => return,
            None => {}
        }
        if self.further(most) == self.lanes {
            self.up = !self.up;
        }
        let lanes = self.further(most);
        if lanes != self.lanes {
            self.trial = Some(ConcurrencyTrial {
                sum,
                lanes: self.lanes,
            });
            self.goes_with(lanes, now);
        }
    }

    /// The lanes of the next trial; as many as now at the end of that way.
    fn further(&self, most: usize) -> usize {
        if self.up {
            let step = if self.is_clear { 2 } else { self.step };
            self.lanes.saturating_mul(step).min(most)
        } else {
            self.lanes.div_ceil(2)
        }
    }

    fn goes_with(&mut self, lanes: usize, now: Now) {
        self.settles(if lanes > self.lanes {
            SETTLE_NEW
        } else {
            SETTLE_FEWER
        });
        self.fewer = (lanes > self.lanes).then_some(self.lanes);
        self.lanes = lanes;
        (self.changed, self.late, self.new) = (now.mono, 0.0, (0, 0));
        (self.spoilt, self.low) = (0, false);
    }

    fn settles(&mut self, waits: u32) {
        self.settle = waits;
        self.from = None;
    }

    fn rests(&mut self, now: Now) {
        self.rest_until = Some(now.after(self.rest));
        self.rest = (self.rest * 2).min(MAX_REST);
    }
}

#[cfg(test)]
mod tests;
