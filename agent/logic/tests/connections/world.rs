//! A central with few workers, boxes that bring packages from it, and others who ask it for something short.
//! Never asks the product how busy central is: who waits for a worker is counted here.
//! Called by the tests of `connections.rs`.

use std::collections::VecDeque;
use std::time::Duration;

use logic::pace::{ConcurrencyController, RangeEnd, RangeSample, RangeWait};
use logic::words::Now;

const TICK_MS: u64 = 20;
/// What central needs before the first byte, and for a short request in all.
const START_MS: u64 = 40;
/// A lost packet at the beginning of a range costs this.
const LOST_MS: u64 = 1_000;
/// Who was refused comes back after this, and up to so much later: no two of them in step with others for ever.
const REFUSED_MS: u64 = 2_000;
const SPREAD_MS: u64 = 1_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkModel {
    /// Bytes a second of one connection, and of all of a box.
    pub(crate) each: f64,
    pub(crate) all: f64,
    pub(crate) round_trip_ms: u64,
    /// Each range of this number loses a packet as it begins; 0: none.
    pub(crate) lost_each: u64,
    /// All connections of a box are cut each time it has brought so many bytes; 0: never.
    pub(crate) cut_each: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkerPool {
    /// Each is held as long as a range comes.
    pub(crate) workers: usize,
    /// So many may wait for one; others are refused.
    pub(crate) queue: usize,
    /// Somebody asks for something short.
    pub(crate) others_each_ms: u64,
}

#[derive(Debug, Clone, Copy)]
enum RangeStage {
    /// On its way to central, or back from it; or the wait after a refusal.
    Until(u64, RangeTurn),
    /// Waits for a worker.
    Queued,
    /// Bytes come.
    Comes,
}

#[derive(Debug, Clone, Copy)]
enum RangeTurn {
    Arrives,
    Begins,
    Refused,
    Over,
}

#[derive(Debug)]
struct RangeUnderWay {
    id: u64,
    asked: u64,
    is_fresh: bool,
    first_byte: Option<u64>,
    size: f64,
    came: f64,
    stage: RangeStage,
    works: bool,
}

struct PacedBox {
    pace: ConcurrencyController,
    ranges: Vec<RangeUnderWay>,
    asked: u64,
    brought: f64,
    held: f64,
    refused: u64,
    changes: usize,
}

/// Who waits for a worker.
enum WorkerWait {
    Range(usize, u64),
    Other(u64),
}

pub(crate) struct SharedCentral {
    central: WorkerPool,
    link: LinkModel,
    most: usize,
    now: u64,
    boxes: Vec<PacedBox>,
    queue: VecDeque<WorkerWait>,
    /// When each short request that is being served ends.
    served: Vec<u64>,
    /// Milliseconds that others waited for their answer.
    others: Vec<u64>,
}

impl SharedCentral {
    pub(crate) fn new(central: WorkerPool, link: LinkModel, boxes: usize, most: usize) -> Self {
        let one = |_| PacedBox {
            pace: ConcurrencyController::new(most),
            ranges: Vec::new(),
            asked: 0,
            brought: 0.0,
            held: 0.0,
            refused: 0,
            changes: 0,
        };
        Self {
            central,
            link,
            most,
            now: 1_000_000,
            boxes: (0..boxes).map(one).collect(),
            queue: VecDeque::new(),
            served: Vec::new(),
            others: Vec::new(),
        }
    }

    pub(crate) fn lanes(&self, at: usize) -> usize {
        self.boxes[at].pace.lanes()
    }

    /// Bytes so far.
    pub(crate) fn brought(&self, at: usize) -> f64 {
        self.boxes[at].brought
    }

    /// Seconds that its ranges were under way, one for each.
    pub(crate) fn held(&self, at: usize) -> f64 {
        self.boxes[at].held
    }

    pub(crate) fn refused(&self, at: usize) -> u64 {
        self.boxes[at].refused
    }

    /// How often its number of lanes became another one.
    pub(crate) fn changes(&self, at: usize) -> usize {
        self.boxes[at].changes
    }

    pub(crate) fn forget_others(&mut self) {
        self.others.clear();
    }

    /// What this share of the others did not wait longer for, milliseconds.
    pub(crate) fn others(&self, share: f64) -> u64 {
        let mut sorted = self.others.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() as f64 * share) as usize]
    }

    pub(crate) fn play(&mut self, seconds: u64) {
        for _ in 0..seconds * 1000 / TICK_MS {
            self.tick();
        }
    }

    pub(crate) fn until_refused(&mut self) {
        for _ in 0..100_000 {
            self.tick();
            if self.boxes[0].refused > 0 {
                return;
            }
        }
        panic!("central refused nothing");
    }

    fn time(&self) -> Now {
        let wall = 1_795_000_000 + (self.now / 1000) as i64;
        let mono = Duration::from_millis(self.now);
        Now { mono, wall }
    }

    fn tick(&mut self) {
        self.now += TICK_MS;
        if self.now.is_multiple_of(self.central.others_each_ms) {
            self.queue.push_back(WorkerWait::Other(self.now));
        }
        self.serves();
        for at in 0..self.boxes.len() {
            self.box_goes_on(at);
        }
    }

    /// Free workers take who waits longest.
    fn serves(&mut self) {
        let now = self.now;
        self.served.retain(|until| *until > now);
        let works = |one: &PacedBox| one.ranges.iter().filter(|range| range.works).count();
        let mut busy = self.served.len() + self.boxes.iter().map(works).sum::<usize>();
        while busy < self.central.workers
            && let Some(first) = self.queue.pop_front()
        {
            match first {
                WorkerWait::Other(asked) => {
                    self.served.push(now + START_MS);
                    self.others.push(now + START_MS - asked);
                }
                WorkerWait::Range(at, id) => {
                    // Who left is not there any more.
                    let mut ranges = self.boxes[at].ranges.iter_mut();
                    let Some(range) = ranges.find(|range| range.id == id) else {
                        continue;
                    };
                    range.works = true;
                    let until = now + START_MS + self.link.round_trip_ms / 2;
                    range.stage = RangeStage::Until(until, RangeTurn::Begins);
                }
            }
            busy += 1;
        }
    }

    fn box_goes_on(&mut self, at: usize) {
        let (now, time, link) = (self.now, self.time(), self.link);
        let full = self.queue.len() >= self.central.queue
            && (self.central.queue > 0 || self.busy() >= self.central.workers);
        let one = &mut self.boxes[at];
        let before = one.pace.lanes();
        let brought = one.brought as u64;
        while one.ranges.len() < one.pace.lanes() {
            one.asked += 1;
            let lost = link.lost_each > 0 && one.asked.is_multiple_of(link.lost_each);
            let is_fresh = one.pace.asks();
            // TCP and TLS.
            let opens = if is_fresh { 2 * link.round_trip_ms } else { 0 };
            let until = now + link.round_trip_ms / 2 + opens + if lost { LOST_MS } else { 0 };
            one.ranges.push(RangeUnderWay {
                id: one.asked,
                asked: now,
                is_fresh,
                first_byte: None,
                size: one.pace.range() as f64,
                came: 0.0,
                stage: RangeStage::Until(until, RangeTurn::Arrives),
                works: false,
            });
        }
        one.held += one.ranges.len() as f64 * TICK_MS as f64 / 1000.0;
        let coming = one.ranges.iter().filter(|range| range.is_coming());
        let each = link.each.min(link.all / coming.count().max(1) as f64);
        for index in 0..one.ranges.len() {
            let range = &mut one.ranges[index];
            match range.stage {
                RangeStage::Until(until, next) if until <= now => match next {
                    RangeTurn::Arrives if full => {
                        range.stage =
                            RangeStage::Until(now + link.round_trip_ms / 2, RangeTurn::Refused);
                    }
                    RangeTurn::Arrives => {
                        range.stage = RangeStage::Queued;
                        self.queue.push_back(WorkerWait::Range(at, range.id));
                    }
                    RangeTurn::Begins => range.stage = RangeStage::Comes,
                    RangeTurn::Refused => {
                        one.refused += 1;
                        let back = now + REFUSED_MS + range.id * 370 % SPREAD_MS;
                        range.stage = RangeStage::Until(back, RangeTurn::Over);
                        let asked = Duration::from_millis(range.asked);
                        one.pace.learn(ended(asked, 0, 0, RangeEnd::Busy), time);
                    }
                    RangeTurn::Over => range.size = 0.0,
                },
                RangeStage::Until(..) | RangeStage::Queued => {}
                RangeStage::Comes => one.comes(index, each * TICK_MS as f64 / 1000.0, time),
            }
        }
        if link.cut_each > 0 && one.brought as u64 / link.cut_each > brought / link.cut_each {
            one.cut(time);
        }
        one.ranges.retain(|range| range.came < range.size);
        one.changes += usize::from(one.pace.lanes() != before);
        assert!((1..=self.most).contains(&one.pace.lanes()));
        let beyond = usize::from(before > one.pace.lanes()) * before;
        assert!(one.ranges.len() <= self.most.max(beyond));
    }

    fn busy(&self) -> usize {
        let works = |one: &PacedBox| one.ranges.iter().filter(|range| range.works).count();
        self.served.len() + self.boxes.iter().map(works).sum::<usize>()
    }
}

impl RangeUnderWay {
    fn is_coming(&self) -> bool {
        matches!(self.stage, RangeStage::Comes)
    }
}

fn ended(asked: Duration, bytes: u64, took_ms: u64, end: RangeEnd) -> RangeSample {
    let took = Duration::from_millis(took_ms);
    RangeSample {
        asked,
        bytes,
        took,
        end,
    }
}

impl PacedBox {
    /// Every range is cut, and what waits for its answer too.
    fn cut(&mut self, now: Now) {
        for range in std::mem::take(&mut self.ranges) {
            let asked = Duration::from_millis(range.asked);
            let took = (range.first_byte).map_or(0, |at| now.mono.as_millis() as u64 - at);
            let sample = ended(asked, range.came as u64, took, RangeEnd::Cut);
            self.pace.learn(sample, now);
        }
    }

    /// Bytes of a range have come: what `download` does then.
    fn comes(&mut self, index: usize, bytes: f64, now: Now) {
        let (open, mono) = (self.ranges.len(), now.mono.as_millis() as u64);
        let range = &mut self.ranges[index];
        if range.first_byte.is_none() {
            range.first_byte = Some(mono);
            let waited = Duration::from_millis(mono - range.asked);
            self.pace.waited(waited, range.is_fresh, now);
        }
        range.came += bytes;
        self.brought += bytes;
        if range.came >= range.size {
            range.works = false;
            let asked = Duration::from_millis(range.asked);
            let took = mono - range.first_byte.unwrap_or(mono);
            let sample = ended(asked, range.size as u64, took, RangeEnd::Whole);
            self.pace.came(bytes as u64, open, now);
            return self.pace.learn(sample, now);
        }
        self.pace.came(bytes as u64, open, now);
        let waits = self.ranges.iter().map(|range| RangeWait {
            asked: Duration::from_millis(range.asked),
            first_byte: range.first_byte.map(Duration::from_millis),
            is_fresh: range.is_fresh,
        });
        if self.pace.brakes(waits, now) {
            let mut more = self.ranges.len().saturating_sub(self.pace.lanes());
            for range in self.ranges.iter_mut().rev() {
                let waits = range.first_byte.is_none() && !range.works && more > 0;
                if waits {
                    // Gone with the end of this tick, and from the queue when its turn comes.
                    (range.size, range.came) = (0.0, 0.0);
                    more -= 1;
                }
            }
        }
    }
}
