//! The other boxes of the site as the virtual box sees them, by script, and what it tells them itself.
//! Never asks the product what would be right: a sibling's bytes are an edition's, or changed as its habit says.
//! Called by `world`; `room` lets several virtual boxes speak with each other.

use std::collections::BTreeMap;
use std::time::Duration;

use logic::download::{
    Event, FirstBytes, PackageHead, RequestId, SiblingId, SiblingNews, first_bytes,
};
use logic::fault::{Code, Fault};
use logic::range::ContentRange;
use logic::sibling::{FetchedRecord, PackageHoldings, RecordClaim};
use logic::zip::PackageIdentity;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::central::Served;
use crate::world::{RECORD, World, identity};

/// How a sibling behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    Honest,
    /// It answers nothing.
    Silent,
    /// It says what it holds, and never gives it.
    Stalls,
    /// So many bytes a second.
    Slow(u64),
    /// An exam runs there.
    Busy,
    /// One byte in each record is wrong, and it says so itself: under the right key.
    Lies,
    /// The same, but what it says of its records is right.
    Contradicts,
    /// What it says of its records is wrong, what it gives is right.
    Slanders,
    /// What it gives does not open.
    Garbage,
    /// Its answers break after so many bytes.
    Cuts(u64),
    /// After so many answers it is gone.
    Leaves(usize),
    /// It claims everything and gives nothing.
    Claims,
}

pub(crate) fn any_habit() -> impl Strategy<Value = Habit> {
    prop_oneof![
        4 => Just(Habit::Honest),
        1 => Just(Habit::Silent),
        1 => Just(Habit::Stalls),
        2 => (1_000u64..50_000).prop_map(Habit::Slow),
        1 => Just(Habit::Busy),
        3 => Just(Habit::Lies),
        1 => Just(Habit::Contradicts),
        1 => Just(Habit::Slanders),
        1 => Just(Habit::Garbage),
        2 => (0u64..40_000).prop_map(Habit::Cuts),
        1 => (1usize..9).prop_map(Habit::Leaves),
        1 => Just(Habit::Claims),
    ]
}

/// One sibling by script.
#[derive(Debug, Clone)]
pub(crate) struct ScriptedSibling {
    pub(crate) habit: Habit,
    /// It holds the whole package; else it fetched every so-many-th record.
    pub(crate) every: Option<u32>,
    /// Its package, which may be another edition.
    pub(crate) content: Vec<u8>,
    pub(crate) answers: usize,
}

impl ScriptedSibling {
    /// What it gives of a range.
    fn bytes(&self, first: u64, last: u64) -> Vec<u8> {
        let mut bytes = self.content[first as usize..=last as usize].to_vec();
        if let Habit::Lies | Habit::Contradicts = self.habit {
            for record in bytes.chunks_mut(RECORD as usize) {
                let middle = record.len() / 2;
                record[middle] ^= 0x11;
            }
        }
        bytes
    }

    fn holdings(&self) -> PackageHoldings {
        let records = (self.content.len() as u64).div_ceil(RECORD) as u32;
        let has = (0..records).filter(|at| self.every.is_some_and(|every| at % every == 0));
        let digest = |record: u32| {
            let first = u64::from(record) * RECORD;
            let last = (first + RECORD).min(self.content.len() as u64) - 1;
            let given = match self.habit {
                Habit::Lies => self.bytes(first, last),
                Habit::Slanders => vec![7],
                _ => self.content[first as usize..=last as usize].to_vec(),
            };
            FetchedRecord {
                record,
                digest: Sha256::digest(given).into(),
            }
        };
        let claims_all = RecordClaim {
            first: 0,
            count: records,
            lasts: 30_000,
        };
        PackageHoldings {
            epoch: 3,
            from: 0,
            fetched: has.map(digest).collect(),
            is_more: false,
            is_whole: self.every.is_none() && self.habit != Habit::Claims,
            is_fetching: self.every.is_some(),
            claims: vec![claims_all; usize::from(self.habit == Habit::Claims)],
        }
    }
}

/// What the box asks of others.
#[derive(Debug)]
pub(crate) enum SiblingAsk {
    Poll(Vec<(SiblingId, u64, u32)>),
    Range {
        id: RequestId,
        sibling: SiblingId,
        first: u64,
        last: u64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct SiblingModel {
    /// The box's own name; without one there are no siblings.
    pub(crate) own: Option<SiblingId>,
    pub(crate) scripted: Vec<ScriptedSibling>,
    /// Boxes of a room beside this one.
    pub(crate) boxes: usize,
    pub(crate) asks: Vec<SiblingAsk>,
    pub(crate) sealed: Vec<Event>,
    /// What the box tells.
    pub(crate) list: PackageHoldings,
    pub(crate) package: Option<PackageIdentity>,
    claims: Vec<(RecordClaim, Duration)>,
    comparing: BTreeMap<u64, Vec<u8>>,
    /// Answers of central to other boxes that are under way on the same line.
    pub(crate) beside: usize,
}

impl SiblingModel {
    pub(crate) fn others(&self) -> usize {
        self.scripted.len() + self.boxes
    }

    /// A package begins or goes on.
    pub(crate) fn opens(&mut self, package: Option<PackageIdentity>) {
        self.package = package;
        self.claims.clear();
        self.list = PackageHoldings {
            epoch: self.list.epoch + 1,
            is_fetching: true,
            ..PackageHoldings::default()
        };
    }

    pub(crate) fn tells(&mut self, news: SiblingNews, now: Duration) {
        self.list.fetched.extend(news.fetched);
        let until = |claim: &RecordClaim| now + Duration::from_millis(u64::from(claim.lasts));
        self.claims = news
            .claims
            .iter()
            .map(|claim| (*claim, until(claim)))
            .collect();
    }

    /// What the box answers to others.
    pub(crate) fn answer(&self, epoch: u64, entries: u32, now: Duration) -> PackageHoldings {
        let claims = self.claims.iter().map(|(claim, until)| RecordClaim {
            lasts: until.saturating_sub(now).as_millis() as u32,
            ..*claim
        });
        PackageHoldings {
            claims: claims.collect(),
            ..self.list.since(epoch, entries)
        }
    }
}

/// The answer of a sibling.
pub(crate) fn given(size: u64, first: u64, content: Vec<u8>, rate: u64) -> (PackageHead, Served) {
    let head = PackageHead {
        status: 206,
        range: Some(ContentRange {
            first,
            last: first + content.len() as u64 - 1,
            total: size,
        }),
        refused_of: None,
        length: Some(content.len() as u64),
        tag: None,
        first: match content.is_empty() {
            true => FirstBytes::Nothing,
            false => first_bytes(&content[..1]),
        },
    };
    let served = Served {
        content,
        ends: Ok(()),
        late: Duration::ZERO,
        rate,
        silence: Duration::ZERO,
    };
    (head, served)
}

const LAN: Duration = Duration::from_millis(2);

impl World {
    /// Which records are whole; nothing where nobody asks.
    pub(crate) fn whole_records(&mut self) -> Vec<bool> {
        match self.room.own {
            None => Vec::new(),
            Some(_) => self.part().records.iter().map(Option::is_some).collect(),
        }
    }

    /// Tells the digests of what became whole.
    pub(crate) fn seals(&mut self, before: Vec<bool>) {
        for (index, had) in before.into_iter().enumerate() {
            if let (false, Some(content)) = (had, &self.part().records[index]) {
                let digest = Sha256::digest(content).into();
                self.room.sealed.push(Event::Sealed {
                    record: index as u64,
                    digest,
                    kept: true,
                });
            }
        }
    }

    pub(crate) fn compares(&mut self, at: u64, bytes: &[u8]) {
        let (record, size) = (at / RECORD, self.part().size);
        let so_far = self.room.comparing.entry(record).or_default();
        if at.is_multiple_of(RECORD) {
            so_far.clear();
        }
        so_far.extend(bytes);
        if so_far.len() as u64 == RECORD.min(size - record * RECORD) {
            let digest = Sha256::digest(&*so_far).into();
            self.room.comparing.remove(&record);
            self.room.sealed.push(Event::Sealed {
                record,
                digest,
                kept: false,
            });
        }
    }

    /// A sibling by script answers; their names are 1, 2 and so on.
    pub(crate) fn asks_scripted(&mut self, ask: SiblingAsk) {
        let package = self.room.package;
        match ask {
            SiblingAsk::Poll(_) => {
                let mut answers = Vec::new();
                for (at, sibling) in self.room.scripted.iter().enumerate() {
                    let is_gone =
                        matches!(sibling.habit, Habit::Leaves(after) if sibling.answers >= after);
                    let is_other = Some(identity(&sibling.content)) != package;
                    answers.push((
                        at as u64 + 1,
                        match sibling.habit {
                            Habit::Silent => None,
                            _ if is_gone => None,
                            _ if is_other => Some(PackageHoldings::default()),
                            _ => Some(sibling.holdings()),
                        },
                    ));
                }
                for (id, said) in answers {
                    let wait = match said {
                        None => Duration::from_secs(3),
                        Some(_) => LAN,
                    };
                    self.later(wait, Event::Heard(id, said));
                }
            }
            SiblingAsk::Range {
                id,
                sibling,
                first,
                last,
            } => {
                let fault = |code| Fault::new(code, "by script");
                let sibling = &mut self.room.scripted[sibling as usize - 1];
                sibling.answers += 1;
                let is_gone =
                    matches!(sibling.habit, Habit::Leaves(after) if sibling.answers > after);
                let size = sibling.content.len() as u64;
                assert!(last < size, "a range of another package");
                let (head, mut served) = given(size, first, sibling.bytes(first, last), 10_000_000);
                let (mut head, mut wait) = (Ok(head), LAN);
                match sibling.habit {
                    _ if is_gone => {
                        head = Err(fault(Code::NetRefused));
                    }
                    Habit::Slow(rate) => served.rate = rate,
                    Habit::Stalls | Habit::Silent => {
                        (head, wait) = (Err(fault(Code::NetStalled)), Duration::from_secs(60));
                    }
                    Habit::Busy => {
                        let wish = Some(Duration::from_secs(60));
                        let busy = fault(Code::CentralUnavailable);
                        head = Err(Fault {
                            retry_after: wish,
                            ..busy
                        });
                    }
                    Habit::Garbage => {
                        served.content.clear();
                        served.ends = Err(fault(Code::PackageRange));
                    }
                    Habit::Cuts(after) if (after as usize) < served.content.len() => {
                        served.content.truncate(after as usize);
                        served.ends = Err(fault(Code::NetCut));
                    }
                    _ => {}
                }
                self.comes(id, head, served, true, true, wait);
            }
        }
    }
}
