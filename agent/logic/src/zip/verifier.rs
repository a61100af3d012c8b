//! Checks every member against the directory while the package streams by: header, size, CRC-32.
//! Never copies stored bytes, never holds more than one inflate window, never inflates past the promised size.
//! Called while a package is fetched, rebuilt or re-checked, and for a single member that was fetched again.

use std::borrow::Borrow;

use crc32fast::Hasher;

use super::directory::LOCAL;
use super::header::Fixed;
use super::{Defect, Directory, Member, STORED};
use crate::inflate::{Damaged, Inflate};

/// What a verification found. Every member asked about is in exactly one list, each list in the order of the
/// directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerificationResult {
    /// Members whose content is what the directory says.
    pub good: Vec<usize>,
    /// Members that are not, each with the first thing wrong.
    pub bad: Vec<(usize, Defect)>,
    /// Members of which bytes were missing.
    pub unseen: Vec<usize>,
}

impl VerificationResult {
    /// Whether every member is good.
    pub fn clean(&self) -> bool {
        self.bad.is_empty() && self.unseen.is_empty()
    }
}

/// A verification under way. `D` is a directory, or a shared one (`&Directory`, `Arc<Directory>`).
#[derive(Debug)]
pub struct Verifier<D> {
    directory: D,
    /// Members to check, by header offset.
    queue: Vec<u32>,
    /// Position in `queue` of the member whose bytes come next.
    turn: usize,
    /// Absolute offset of the next byte.
    at: u64,
    stage: MemberStage,
    work: MemberCheck,
    verdict: VerificationResult,
}

/// Where in the current member the stream stands.
#[derive(Debug, Clone, Copy)]
enum MemberStage {
    /// Before its local header.
    Before,
    /// In the 30 bytes before its name: so many are had.
    Fixed(usize),
    /// In its name: so many bytes are had, and so long is the extra field behind it.
    Name(usize, u16),
    /// In its extra field: so many bytes are left.
    Extra(u16),
    /// In its packed content: so many bytes are left.
    Data(u64),
}

/// What the check of one member needs; reused for the next one.
#[derive(Debug)]
struct MemberCheck {
    fixed: [u8; LOCAL as usize],
    crc: Hasher,
    /// Bytes of content so far.
    size: u64,
    inflate: Option<Box<Inflate>>,
}

impl<D: Borrow<Directory>> Verifier<D> {
    /// Checks every member.
    pub fn new(directory: D) -> Self {
        let queue = directory.borrow().order.clone();
        Self::start(directory, queue)
    }

    /// Checks only these members (positions in the directory): the ones that were fetched again.
    pub fn only(directory: D, members: &[usize]) -> Self {
        let all = &directory.borrow().members;
        let place = |&at: &u32| Some((all.get(at as usize)?.header_offset, at));
        let mut queue: Vec<u32> = members
            .iter()
            .filter_map(|&at| u32::try_from(at).ok())
            .filter(|at| place(at).is_some())
            .collect();
        queue.sort_by_key(place);
        queue.dedup();
        Self::start(directory, queue)
    }

    fn start(directory: D, queue: Vec<u32>) -> Self {
        Self {
            directory,
            queue,
            turn: 0,
            at: 0,
            stage: MemberStage::Before,
            work: MemberCheck {
                fixed: [0; LOCAL as usize],
                crc: Hasher::new(),
                size: 0,
                inflate: None,
            },
            verdict: VerificationResult::default(),
        }
    }

    /// Takes the bytes of the package at `offset`. Offsets only grow: bytes before one already passed are ignored,
    /// and a member that misses bytes because the offset jumped stays unseen.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) {
        let passed = self.at.saturating_sub(offset);
        let Some(mut rest) = usize::try_from(passed).ok().and_then(|n| bytes.get(n..)) else {
            return;
        };
        if rest.is_empty() {
            return;
        }
        if offset > self.at {
            if !matches!(self.stage, MemberStage::Before) {
                self.verdict.unseen.push(self.queue[self.turn] as usize);
                self.pass();
            }
            self.at = offset;
        }
        while !rest.is_empty() {
            let took = self.step(rest).min(rest.len());
            self.at = self.at.saturating_add(took as u64);
            rest = &rest[took..];
        }
    }

    /// Members settled as bad up to here, in the order of their bytes: repair may start before the stream ends.
    pub fn bad(&self) -> &[(usize, Defect)] {
        &self.verdict.bad
    }

    /// Ends the verification: what was not seen whole is unseen.
    pub fn finish(mut self) -> VerificationResult {
        let rest = self.queue.get(self.turn..).unwrap_or_default();
        for &at in rest {
            let member = &self.directory.borrow().members[at as usize];
            match member.unreadable() {
                Some(fault) => self.verdict.bad.push((at as usize, fault)),
                None => self.verdict.unseen.push(at as usize),
            }
        }
        self.verdict.good.sort_unstable();
        self.verdict.bad.sort_unstable_by_key(|(at, _)| *at);
        self.verdict.unseen.sort_unstable();
        self.verdict
    }

    /// Goes on to the next member.
    fn pass(&mut self) {
        self.turn += 1;
        self.stage = MemberStage::Before;
    }

    /// Takes as many bytes as the stage wants and says how many; with none taken the stage or the member changes,
    /// so the stream always moves on.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let Some(&at) = self.queue.get(self.turn) else {
            return bytes.len();
        };
        let member = &self.directory.borrow().members[at as usize];
        let (took, turn) = match self.stage {
            MemberStage::Before => before(member, self.at),
            stage => self.work.advance(member, stage, bytes, self.at),
        };
        match turn {
            VerifierTurn::Stay(stage) => self.stage = stage,
            VerifierTurn::Unseen => {
                self.verdict.unseen.push(at as usize);
                self.pass();
            }
            VerifierTurn::Settled(Ok(())) => {
                self.verdict.good.push(at as usize);
                self.pass();
            }
            VerifierTurn::Settled(Err(fault)) => {
                self.verdict.bad.push((at as usize, fault));
                self.pass();
            }
        }
        took
    }
}

/// What a step leads to.
enum VerifierTurn {
    Stay(MemberStage),
    Unseen,
    Settled(Result<(), Defect>),
}

/// Before a member: skips to its header, or says why it is not read.
fn before(member: &Member, at: u64) -> (usize, VerifierTurn) {
    if let Some(fault) = member.unreadable() {
        return (0, VerifierTurn::Settled(Err(fault)));
    }
    match member.header_offset.checked_sub(at) {
        None => (0, VerifierTurn::Unseen),
        Some(0) => (0, VerifierTurn::Stay(MemberStage::Fixed(0))),
        Some(skip) => (
            usize::try_from(skip).unwrap_or(usize::MAX),
            VerifierTurn::Stay(MemberStage::Before),
        ),
    }
}

impl MemberCheck {
    /// Inside a member: header, name, extra field, data. Each ends in the next without waiting for more bytes.
    fn advance(
        &mut self,
        member: &Member,
        stage: MemberStage,
        bytes: &[u8],
        at: u64,
    ) -> (usize, VerifierTurn) {
        match stage {
            MemberStage::Before | MemberStage::Fixed(LOCAL_END..) => (0, VerifierTurn::Unseen),
            MemberStage::Fixed(have) => {
                let took = bytes.len().min(LOCAL_END - have);
                self.fixed[have..have + took].copy_from_slice(&bytes[..took]);
                if have + took < LOCAL_END {
                    return (took, VerifierTurn::Stay(MemberStage::Fixed(have + took)));
                }
                let fixed = Fixed(&self.fixed);
                if let Err(fault) = fixed.agrees(member) {
                    return (took, VerifierTurn::Settled(Err(fault)));
                }
                let behind = (fixed.name() + fixed.extra()) as u64;
                let end = (took as u64 + behind)
                    .saturating_add(at)
                    .saturating_add(member.compressed);
                if end > member.limit {
                    let fault = Defect::Header("it leaves no room for the data");
                    return (took, VerifierTurn::Settled(Err(fault)));
                }
                let stage = MemberStage::Name(0, fixed.extra() as u16);
                (took, self.settle(member, stage))
            }
            MemberStage::Name(have, extra) => {
                let left = member.name.get(have..).unwrap_or_default();
                let took = bytes.len().min(left.len());
                if bytes[..took] != left[..took] {
                    let fault = Defect::Header("it has another name than the directory");
                    return (took, VerifierTurn::Settled(Err(fault)));
                }
                (
                    took,
                    self.settle(member, MemberStage::Name(have + took, extra)),
                )
            }
            MemberStage::Extra(left) => {
                let took = bytes.len().min(left.into());
                (
                    took,
                    self.settle(member, MemberStage::Extra(left - took as u16)),
                )
            }
            MemberStage::Data(left) => {
                let took = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let left = left - took as u64;
                match self.content(member, &bytes[..took], left == 0) {
                    Err(fault) => (took, VerifierTurn::Settled(Err(fault))),
                    Ok(()) if left > 0 => (took, VerifierTurn::Stay(MemberStage::Data(left))),
                    Ok(()) => (took, VerifierTurn::Settled(self.whole(member))),
                }
            }
        }
    }

    /// Passes through stages that want no bytes, so that an empty member settles with its header.
    fn settle(&mut self, member: &Member, stage: MemberStage) -> VerifierTurn {
        match stage {
            MemberStage::Name(have, extra) if have == member.name.len() => {
                self.settle(member, MemberStage::Extra(extra))
            }
            MemberStage::Extra(0) => match self.open(member) {
                Ok(()) if member.compressed > 0 => {
                    VerifierTurn::Stay(MemberStage::Data(member.compressed))
                }
                Ok(()) => VerifierTurn::Settled(
                    self.content(member, &[], true)
                        .and_then(|()| self.whole(member)),
                ),
                Err(fault) => VerifierTurn::Settled(Err(fault)),
            },
            stage => VerifierTurn::Stay(stage),
        }
    }

    fn open(&mut self, member: &Member) -> Result<(), Defect> {
        self.crc.reset();
        self.size = 0;
        let (said, found) = (member.size, member.compressed);
        if member.method == STORED {
            return match found {
                _ if found > said => Err(Defect::Longer { said, found }),
                _ if found < said => Err(Defect::Shorter { said, found }),
                _ => Ok(()),
            };
        }
        self.inflate.get_or_insert_with(Box::default).open();
        Ok(())
    }

    /// Takes packed content; `last` when nothing of it follows.
    fn content(&mut self, member: &Member, bytes: &[u8], last: bool) -> Result<(), Defect> {
        if member.method == STORED {
            self.crc.update(bytes);
            self.size += bytes.len() as u64;
            return Ok(());
        }
        let Self {
            crc, size, inflate, ..
        } = self;
        let inflate = inflate.get_or_insert_with(Box::default);
        let taken = inflate.feed(bytes, |content| {
            crc.update(content);
            *size += content.len() as u64;
            let (said, found) = (member.size, *size);
            match found > said {
                true => Err(Defect::Longer { said, found }),
                false => Ok(()),
            }
        })?;
        // Bytes behind the end of the stream are no content, and a stream without an end is none.
        match taken == bytes.len() && (inflate.is_done() || !last) {
            true => Ok(()),
            false => Err(Defect::Deflate),
        }
    }

    /// The member is at its end: size and CRC-32 decide.
    fn whole(&self, member: &Member) -> Result<(), Defect> {
        if self.size < member.size {
            return Err(Defect::Shorter {
                said: member.size,
                found: self.size,
            });
        }
        let found = self.crc.clone().finalize();
        match member.crc32 {
            said if said == found => Ok(()),
            said => Err(Defect::Crc { said, found }),
        }
    }
}

impl From<Damaged> for Defect {
    fn from(_: Damaged) -> Self {
        Self::Deflate
    }
}

const LOCAL_END: usize = LOCAL as usize;
