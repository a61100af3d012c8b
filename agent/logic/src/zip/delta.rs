//! Plans how a new version of a package is built from the old one and as few fetched bytes as possible.
//! Never touches a byte of either: it decides, the caller copies, fetches, and verifies the result.
//! Called by the package machine once it holds the new version's directory.

use std::ops::Range;

use super::{Directory, LocalHeader, Member};

/// A part of the new package and where its bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaSegment {
    /// Bytes of the old package.
    Copy {
        /// Absolute range in the old package.
        from: Range<u64>,
        /// Absolute offset in the new package.
        to: u64,
    },
    /// Bytes that the plan composed: local headers.
    Given {
        /// Absolute offset in the new package.
        to: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes to fetch: an absolute range of the new package.
    Fetch(Range<u64>),
    /// Directory and end records of the new package, which the caller holds since it read them.
    Tail(Range<u64>),
}

impl DeltaSegment {
    /// The absolute range of the new package that it fills.
    pub fn range(&self) -> Range<u64> {
        match self {
            Self::Copy { from, to } => *to..*to + (from.end - from.start),
            Self::Given { to, bytes } => *to..*to + bytes.len() as u64,
            Self::Fetch(range) | Self::Tail(range) => range.clone(),
        }
    }
}

/// How the new package comes to be: segments in order, without gaps, from 0 to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaPlan {
    /// In the order of the new package.
    pub segments: Vec<DeltaSegment>,
    overhead: u64,
}

impl DeltaPlan {
    /// The plan that fetches everything but the tail.
    pub fn whole(new: &Directory, overhead: u64) -> Self {
        let mut plan = Self {
            segments: Vec::new(),
            overhead,
        };
        plan.push(DeltaSegment::Fetch(0..new.start));
        plan.push(DeltaSegment::Tail(new.tail()));
        plan
    }

    /// Bytes to fetch, requests not counted.
    pub fn fetched_bytes(&self) -> u64 {
        self.sum(|segment| matches!(segment, DeltaSegment::Fetch(_)))
    }

    /// Bytes taken from the old package.
    pub fn copied_bytes(&self) -> u64 {
        self.sum(|segment| matches!(segment, DeltaSegment::Copy { .. }))
    }

    /// Ranges to fetch.
    pub fn fetches(&self) -> usize {
        let fetch = |segment: &&DeltaSegment| matches!(segment, DeltaSegment::Fetch(_));
        self.segments.iter().filter(fetch).count()
    }

    /// Whether the plan costs less than fetching the package whole, each request counted with the overhead.
    pub fn worthwhile(&self) -> bool {
        let tail = self.sum(|segment| matches!(segment, DeltaSegment::Tail(_)));
        let whole = self.sum(|_| true) - tail;
        let requests = self.overhead.saturating_mul(self.fetches() as u64);
        self.fetched_bytes().saturating_add(requests) < whole.saturating_add(self.overhead)
    }

    fn sum(&self, of: impl Fn(&DeltaSegment) -> bool) -> u64 {
        let length = |segment: &DeltaSegment| segment.range().end - segment.range().start;
        self.segments.iter().filter(|s| of(s)).map(length).sum()
    }

    /// Appends a segment, joined with the last one where both are one.
    fn push(&mut self, segment: DeltaSegment) {
        if segment.range().is_empty() {
            return;
        }
        match (self.segments.last_mut(), &segment) {
            (Some(DeltaSegment::Copy { from: last, .. }), DeltaSegment::Copy { from, .. })
                if last.end == from.start =>
            {
                last.end = from.end;
            }
            (Some(DeltaSegment::Given { bytes: last, .. }), DeltaSegment::Given { bytes, .. }) => {
                last.extend_from_slice(bytes);
            }
            (Some(DeltaSegment::Fetch(last)), DeltaSegment::Fetch(range)) => last.end = range.end,
            _ => self.segments.push(segment),
        }
    }

    /// Fetches through where the bytes between two ranges cost less than another request.
    fn joined(self) -> Self {
        let mut segments: Vec<DeltaSegment> = Vec::with_capacity(self.segments.len());
        let mut last: Option<usize> = None;
        for segment in self.segments {
            let DeltaSegment::Fetch(range) = &segment else {
                segments.push(segment);
                continue;
            };
            if let Some(at) = last
                && let Some(DeltaSegment::Fetch(before)) = segments.get_mut(at)
                && range.start - before.end < self.overhead
            {
                before.end = range.end;
                segments.truncate(at + 1);
                continue;
            }
            last = Some(segments.len());
            segments.push(segment);
        }
        Self {
            segments,
            overhead: self.overhead,
        }
    }
}

/// How a member that the old package holds is taken over.
enum MemberPiece {
    /// Header and data, byte for byte.
    Whole(Range<u64>),
    /// A composed header, then the old data.
    Renewed(Vec<u8>, Range<u64>),
    /// The new header is fetched, since its extra field is not foreseeable; then the old data.
    Data(Range<u64>),
}

/// Plans the new package. Members with the same path, CRC-32, size, method and packed size come from the old one;
/// their local headers, which carry the new timestamps, are composed from the new directory and the old header.
/// Everything else is fetched; ranges with fewer than `overhead` bytes between them (the cost of a request, in
/// bytes) are fetched in one. The result has the new directory and equal members; written by one program, it is
/// the new package byte for byte. It is to be verified like any other: a member that came out wrong is repaired.
///
/// `old_header` gives the local header of an old member (`LocalHeader::read` on the bytes of `Member::header`), or
/// `None` when it cannot be read: that member is fetched. It is asked in the order of the old package.
///
/// When either package is unusual, the plan is the whole one.
pub fn plan(
    old: &Directory,
    new: &Directory,
    overhead: u64,
    mut old_header: impl FnMut(&Member) -> Option<LocalHeader>,
) -> DeltaPlan {
    if old.usual().is_err() || new.usual().is_err() {
        return DeltaPlan::whole(new, overhead);
    }
    let mut pairs = pairs(old, new);
    pairs.sort_unstable_by_key(|(old, _)| old.header_offset);
    let mut pieces: Vec<Option<MemberPiece>> = new.order.iter().map(|_| None).collect();
    for (had, place) in pairs {
        let member = &new.members[new.order[place] as usize];
        pieces[place] = old_header(had).and_then(|header| piece(had, &header, member));
    }
    let mut plan = DeltaPlan {
        segments: Vec::new(),
        overhead,
    };
    for (&at, piece) in new.order.iter().zip(pieces) {
        let member = &new.members[at as usize];
        let (to, data) = (member.header_offset, member.limit - member.compressed);
        match piece {
            None => plan.push(DeltaSegment::Fetch(member.extent())),
            Some(MemberPiece::Whole(from)) => plan.push(DeltaSegment::Copy { from, to }),
            Some(MemberPiece::Renewed(bytes, from)) => {
                plan.push(DeltaSegment::Given { to, bytes });
                plan.push(DeltaSegment::Copy { from, to: data });
            }
            Some(MemberPiece::Data(from)) => {
                plan.push(DeltaSegment::Fetch(to..data));
                plan.push(DeltaSegment::Copy { from, to: data });
            }
        }
    }
    plan.push(DeltaSegment::Tail(new.tail()));
    plan.joined()
}

/// Old members whose content the new package has too, each with its place in the new order.
fn pairs<'a>(old: &'a Directory, new: &Directory) -> Vec<(&'a Member, usize)> {
    let mut held: Vec<&Member> = old.members.iter().collect();
    held.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let same = |old: &Member, new: &Member| {
        (old.crc32, old.size, old.method, old.compressed)
            == (new.crc32, new.size, new.method, new.compressed)
    };
    let find = |(place, &at): (usize, &u32)| {
        let member = &new.members[at as usize];
        let found = held.binary_search_by(|held| held.name.cmp(&member.name));
        let had = *held.get(found.ok()?)?;
        same(had, member).then_some((had, place))
    };
    new.order.iter().enumerate().filter_map(find).collect()
}

/// How one member is taken over; `None` when the old header does not fit the old package.
fn piece(old: &Member, header: &LocalHeader, new: &Member) -> Option<MemberPiece> {
    let start = old.header_offset.checked_add(header.len())?;
    let end = start.checked_add(old.compressed)?;
    if end > old.limit {
        return None;
    }
    let room = new.limit - new.header_offset - new.compressed;
    Some(match header.renewed(old, new, room) {
        Some(bytes) if bytes == header.bytes() => MemberPiece::Whole(old.header_offset..end),
        Some(bytes) => MemberPiece::Renewed(bytes, start..end),
        None => MemberPiece::Data(start..end),
    })
}
