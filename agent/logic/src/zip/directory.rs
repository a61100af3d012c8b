//! The central directory: what a package promises about its members, and who the package is.
//! Never reads a member; what it says is a promise until the verifier has seen the bytes.
//! Called by `Tail`, the verifier, the delta and the package machine.

#![deny(clippy::arithmetic_side_effects)]

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::{
    DEFLATED, Defect, EXTRA_TIME, EXTRA_ZIP64, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, STORED, ZipFlaw,
    blocks, le16, le32, le64,
};

/// A local header without name and extra field (APPNOTE 4.3.7).
pub(super) const LOCAL: u64 = 30;
/// A directory entry without name, extra field and comment (APPNOTE 4.3.12).
const CENTRAL: usize = 46;

/// Who a package is: equal identities mean the same members, contents and places, CRC-32 willing (design 3).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct PackageIdentity {
    /// Bytes of the whole package.
    pub size: u64,
    /// SHA-256 of the bytes from the start of the directory to the end of the package.
    pub tail: [u8; 32],
}

/// The directory of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Every member, in the order of the directory.
    pub members: Vec<Member>,
    /// Absolute offset of the directory: members end here.
    pub start: u64,
    /// Bytes of the whole package.
    pub size: u64,
    /// Who the package is.
    pub identity: PackageIdentity,
    /// Positions in `members` by header offset.
    pub(super) order: Vec<u32>,
    odd: Option<Unusual>,
}

/// One member as the directory has it (APPNOTE 4.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path, verbatim bytes.
    pub name: Vec<u8>,
    /// 0 stored, 8 deflated, anything else is not understood.
    pub method: u16,
    /// General purpose flags (APPNOTE 4.4.4).
    pub flags: u16,
    /// Version needed to extract.
    pub version: u16,
    /// MS-DOS date (high half) and time (low half).
    pub stamp: u32,
    /// Unix seconds of the last change, when an Info-ZIP timestamp says so.
    pub modified: Option<u32>,
    /// CRC-32 of the content.
    pub crc32: u32,
    /// Bytes of the packed content.
    pub compressed: u64,
    /// Bytes of the content.
    pub size: u64,
    /// Absolute offset of the local header, any prefix included.
    pub header_offset: u64,
    /// Absolute offset of the next thing: what belongs to this member lies before it.
    pub limit: u64,
    /// Whether it carries zip64 numbers.
    pub zip64: bool,
    /// Whether it shares bytes with a member that lies before it.
    pub overlaps: bool,
}

/// Why a package is verified but never built from, nor into, another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusual {
    /// Bytes before the first member.
    #[error("bytes precede its first member")]
    Prefixed,
    /// Bytes between directory and end record.
    #[error("bytes lie between its directory and its end record")]
    Gap,
    /// Bytes behind the end record.
    #[error("bytes follow its end record")]
    Trailing,
    /// Zip64 records or numbers.
    #[error("it uses zip64 records")]
    Zip64,
    /// An encrypted member, by its position.
    #[error("its member {0} is encrypted")]
    Encrypted(usize),
    /// A member with an unknown method: position, method.
    #[error("its member {0} is packed with the unknown method {1}")]
    Method(usize, u16),
    /// A member with a data descriptor (APPNOTE 4.3.9), by its position.
    #[error("its member {0} has its sizes behind its data")]
    Descriptor(usize),
    /// Two members with one name: the position of one of them.
    #[error("its member {0} has the name of another member")]
    Duplicate(usize),
    /// A member that shares bytes with another one, by its position.
    #[error("its member {0} shares bytes with another member")]
    Overlap(usize),
}

/// Where the end records put the directory.
pub(super) struct Layout {
    pub(super) size: u64,
    pub(super) start: u64,
    /// Added to every header offset.
    pub(super) shift: u64,
    /// Bytes of the directory.
    pub(super) bytes: usize,
    /// Members as counted by the end record.
    pub(super) members: u64,
    pub(super) odd: Option<Unusual>,
}

impl Member {
    /// What belongs to this member: local header, data, and whatever lies before the next one.
    /// Fetched alone, these bytes repair it.
    pub fn extent(&self) -> Range<u64> {
        self.header_offset..self.limit
    }

    /// Where its local header lies, at most: reading these bytes suffices for `LocalHeader::read`.
    /// In a package without gaps and descriptors it is exactly the header.
    pub fn header(&self) -> Range<u64> {
        let longest = (LOCAL + u64::from(u16::MAX)).saturating_add(self.name.len() as u64);
        let data = self.limit.saturating_sub(self.compressed);
        let end = data.min(self.header_offset.saturating_add(longest));
        self.header_offset..end
    }

    /// Why its content can never be checked, whatever its bytes are.
    pub(super) fn unreadable(&self) -> Option<Defect> {
        if self.overlaps {
            Some(Defect::Overlap)
        } else if self.flags & FLAG_ENCRYPTED != 0 {
            Some(Defect::Encrypted)
        } else if !matches!(self.method, STORED | DEFLATED) {
            Some(Defect::Method(self.method))
        } else {
            None
        }
    }

    /// The first offset behind local header, name and data, when the local extra field is empty.
    fn least_end(&self) -> Option<u64> {
        self.header_offset
            .checked_add(LOCAL)?
            .checked_add(self.name.len() as u64)?
            .checked_add(self.compressed)
    }

    /// Reads one directory entry: the member and the bytes it took.
    fn parse(bytes: &[u8], shift: u64) -> Result<(Self, usize), &'static str> {
        let entry = bytes.get(..CENTRAL).ok_or("it is cut")?;
        if !entry.starts_with(b"PK\x01\x02") {
            return Err("no entry starts here");
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(le16(entry, at)));
        // Each is at most 65,535.
        let name_end = CENTRAL.saturating_add(name);
        let extra_end = name_end.saturating_add(extra);
        let end = extra_end.saturating_add(comment);
        let rest = bytes.get(..end).ok_or("it is cut")?;
        let (name, extra) = (&rest[CENTRAL..name_end], &rest[name_end..extra_end]);
        let wide = blocks(extra).find(|(id, ..)| *id == EXTRA_ZIP64);
        let mut wide_at = 0;
        // The zip64 block holds, in this order, only the numbers that are saturated in the entry (APPNOTE 4.5.3).
        let mut number = |at: usize| -> Result<u64, &'static str> {
            let (small, Some((_, _, block))) = (le32(entry, at), wide) else {
                return Ok(le32(entry, at).into());
            };
            if small != u32::MAX {
                return Ok(small.into());
            }
            let big = block.get(wide_at..).and_then(|rest| rest.get(..8));
            wide_at = wide_at.saturating_add(8);
            big.map(|big| le64(big, 0))
                .ok_or("its zip64 numbers are missing")
        };
        let size = number(24)?;
        let compressed = number(20)?;
        let offset = number(42)?;
        if !matches!(le16(entry, 34), 0 | u16::MAX) {
            return Err("it lies in another file");
        }
        let modified = blocks(extra)
            .find(|(id, _, body)| *id == EXTRA_TIME && body.len() >= 5 && body[0] & 1 != 0)
            .map(|(_, _, body)| le32(body, 1));
        let member = Self {
            name: name.to_vec(),
            method: le16(entry, 10),
            flags: le16(entry, 8),
            version: le16(entry, 6),
            stamp: le32(entry, 12),
            modified,
            crc32: le32(entry, 16),
            compressed,
            size,
            header_offset: offset.checked_add(shift).ok_or("its offset is too large")?,
            limit: 0,
            zip64: wide.is_some(),
            overlaps: false,
        };
        Ok((member, rest.len()))
    }
}

impl Directory {
    /// Whether the package is plain enough to build another one from it, or it from another one.
    ///
    /// # Errors
    /// The first thing that is not plain about it.
    pub fn usual(&self) -> Result<(), Unusual> {
        self.odd.clone().map_or(Ok(()), Err)
    }

    /// The absolute byte range of one member (see `Member::extent`); empty when there is no such member.
    pub fn extent(&self, member: usize) -> Range<u64> {
        self.members.get(member).map_or(0..0, Member::extent)
    }

    /// The first member whose content can never be checked, whatever its bytes are, and why; by its position.
    pub fn unreadable(&self) -> Option<(usize, Defect)> {
        let mut members = self.members.iter().enumerate();
        members.find_map(|(at, member)| Some((at, member.unreadable()?)))
    }

    /// Bytes of the directory and the end records: what the caller holds once it has this value.
    pub fn tail(&self) -> Range<u64> {
        self.start..self.size
    }

    /// Reads the directory; `tail` are the bytes from its start to the end of the package.
    pub(super) fn parse(layout: &Layout, tail: &[u8]) -> Result<Self, ZipFlaw> {
        let mut rest = tail.get(..layout.bytes).ok_or(ZipFlaw::NotZip)?;
        let count = |found| ZipFlaw::Count {
            said: layout.members,
            found,
        };
        let most = layout.bytes / CENTRAL;
        if layout.members > most as u64 {
            return Err(count(most as u64));
        }
        let mut members = Vec::with_capacity(layout.members as usize);
        while (members.len() as u64) < layout.members {
            let index = members.len() as u64;
            let entry = |what| ZipFlaw::Entry { index, what };
            let (member, took) = Member::parse(rest, layout.shift).map_err(entry)?;
            if member.least_end().is_none_or(|end| end > layout.start) {
                return Err(entry("the member would reach into the directory"));
            }
            members.push(member);
            rest = rest.get(took..).unwrap_or_default();
        }
        if !rest.is_empty() {
            let more = if rest.starts_with(b"PK\x01\x02") {
                1
            } else {
                0
            };
            return Err(match more {
                1 => count(layout.members.saturating_add(1)),
                _ => ZipFlaw::Entry {
                    index: layout.members,
                    what: "no entry starts here",
                },
            });
        }
        let order = settle(&mut members, layout.start);
        let odd = layout.odd.clone().or_else(|| oddity(&members, &order));
        Ok(Self {
            members,
            start: layout.start,
            size: layout.size,
            identity: PackageIdentity {
                size: layout.size,
                tail: Sha256::digest(tail).into(),
            },
            order,
            odd,
        })
    }
}

/// Sorts by place, marks what shares bytes with an earlier member and gives each its limit.
fn settle(members: &mut [Member], start: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..members.len() as u32).collect();
    order.sort_by_key(|&at| (members[at as usize].header_offset, at));
    let mut reach = 0;
    for &at in &order {
        let member = &mut members[at as usize];
        member.overlaps = member.header_offset < reach;
        reach = reach.max(member.least_end().unwrap_or(start));
    }
    let mut next = start;
    for &at in order.iter().rev() {
        let member = &mut members[at as usize];
        member.limit = next;
        if !member.overlaps {
            next = member.header_offset;
        }
    }
    order
}

/// The first thing about the members that is not plain.
fn oddity(members: &[Member], order: &[u32]) -> Option<Unusual> {
    for (at, member) in members.iter().enumerate() {
        match member.unreadable() {
            Some(Defect::Encrypted) => return Some(Unusual::Encrypted(at)),
            Some(Defect::Method(method)) => return Some(Unusual::Method(at, method)),
            Some(_) => return Some(Unusual::Overlap(at)),
            None if member.zip64 => return Some(Unusual::Zip64),
            None if member.flags & FLAG_DESCRIPTOR != 0 => return Some(Unusual::Descriptor(at)),
            None => {}
        }
    }
    let first = order.first().map(|&at| members[at as usize].header_offset);
    if first.is_some_and(|first| first > 0) {
        return Some(Unusual::Prefixed);
    }
    let mut names: Vec<u32> = order.to_vec();
    names.sort_unstable_by(|&a, &b| members[a as usize].name.cmp(&members[b as usize].name));
    names
        .windows(2)
        .find(|pair| members[pair[0] as usize].name == members[pair[1] as usize].name)
        .map(|pair| Unusual::Duplicate(pair[0].max(pair[1]) as usize))
}
