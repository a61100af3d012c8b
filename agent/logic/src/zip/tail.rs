//! Finds the end record and the directory in the last bytes of a package.
//! Never asks for more than the directory's bound, however large the package says its directory is.
//! Called by the package machine with what a suffix range brought.

use super::directory::Layout;
use super::{DIRECTORY_LIMIT, Directory, MEMBERS_LIMIT, Unusual, ZipFlaw, le16, le32, le64};

/// End record without its comment (APPNOTE 4.3.16).
const END: u64 = 22;
/// Zip64 locator (APPNOTE 4.3.15).
const LOCATOR: u64 = 20;
/// Zip64 end record of version 1 (APPNOTE 4.3.14).
const END64: u64 = 56;
/// An end record with the longest comment.
const REACH: u64 = END + 0xFFFF;
/// The most bytes ever asked for: a directory at its bound, end records and comment.
const ASK_LIMIT: u64 = DIRECTORY_LIMIT + REACH + 4096;

/// What the last bytes of a package tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageTail {
    /// The directory starts earlier: call again with the bytes from this offset to the end of the package.
    /// Always before what was given, so asking again ends.
    Need(u64),
    /// The directory is whole.
    Whole(Directory),
}

impl PackageTail {
    /// A good first request: the end record and the directory of a package of a few hundred members.
    pub const FIRST_REQUEST_BYTES: u64 = 64 << 10;

    /// Reads the last `tail.len()` bytes of a package of `size` bytes.
    ///
    /// # Errors
    /// The flaw that makes the package unreadable; it stays whatever is fetched, unless the package changes.
    pub fn read(size: u64, tail: &[u8]) -> Result<Self, ZipFlaw> {
        let given = tail.len() as u64;
        let base = size
            .checked_sub(given)
            .ok_or(ZipFlaw::TooShort { given, size })?;
        match search(&TailView { size, base, tail }) {
            Ok(directory) => Ok(Self::Whole(directory)),
            Err(SearchStop::Flaw(flaw)) => Err(flaw),
            Err(SearchStop::Need(from)) if size - from > ASK_LIMIT => {
                Err(ZipFlaw::TooLarge(size - from))
            }
            Err(SearchStop::Need(from)) => Ok(Self::Need(from)),
        }
    }
}

/// Why a search ends early.
enum SearchStop {
    Need(u64),
    Flaw(ZipFlaw),
}

impl From<ZipFlaw> for SearchStop {
    fn from(flaw: ZipFlaw) -> Self {
        Self::Flaw(flaw)
    }
}

/// The last bytes of a package, addressed by their place in the whole.
struct TailView<'a> {
    size: u64,
    base: u64,
    tail: &'a [u8],
}

impl<'a> TailView<'a> {
    /// Everything from an offset on; asks for it when it lies before what was given.
    fn from(&self, at: u64) -> Result<&'a [u8], SearchStop> {
        let skip = at.checked_sub(self.base).ok_or(SearchStop::Need(at))?;
        usize::try_from(skip)
            .ok()
            .and_then(|skip| self.tail.get(skip..))
            .ok_or(SearchStop::Flaw(ZipFlaw::NotZip))
    }
}

/// What the end records say of the directory, zip64 or not.
struct DirectoryEnd {
    /// Where the end records begin: the directory ends here or earlier.
    at: u64,
    members: u64,
    bytes: u64,
    offset: u64,
    zip64: bool,
}

fn search(view: &TailView) -> Result<Directory, SearchStop> {
    let (at, exact) = find(view)?;
    let end = records(view, at)?;
    if end.bytes > DIRECTORY_LIMIT {
        return Err(ZipFlaw::TooLarge(end.bytes).into());
    }
    if end.members > MEMBERS_LIMIT as u64 {
        return Err(ZipFlaw::TooMany(end.members).into());
    }
    let truncated = |found| ZipFlaw::Truncated {
        said: end.offset,
        found,
    };
    let flush = end.at.checked_sub(end.bytes).ok_or(truncated(0))?;
    let shift = flush.checked_sub(end.offset).ok_or(truncated(flush))?;
    // A directory that does not touch the end record: either the whole zip sits behind a prefix that its
    // offsets ignore, or bytes lie between directory and end record. The entry's signature decides.
    let prefixed = shift == 0 || end.members == 0 || view.from(flush)?.starts_with(b"PK\x01\x02");
    let (start, shift, odd) = match (prefixed, shift) {
        (true, 0) => (flush, 0, None),
        (true, _) => (flush, shift, Some(Unusual::Prefixed)),
        (false, _) => (end.offset, 0, Some(Unusual::Gap)),
    };
    let odd = odd
        .or((!exact).then_some(Unusual::Trailing))
        .or(end.zip64.then_some(Unusual::Zip64));
    let tail = view.from(start)?;
    let directory = Directory::parse(
        &Layout {
            size: view.size,
            start,
            shift,
            bytes: end.bytes as usize,
            members: end.members,
            odd,
        },
        tail,
    )?;
    Ok(directory)
}

/// The place of the end record, and whether its comment ends with the package. The last record whose comment
/// does wins; one with bytes behind its comment is taken only when there is no other.
fn find(view: &TailView) -> Result<(u64, bool), SearchStop> {
    let reach = REACH.min(view.size);
    let near = view
        .tail
        .get((view.tail.len() as u64).saturating_sub(reach) as usize..)
        .unwrap_or_default();
    let place = |at: usize| view.size - (near.len() - at) as u64;
    let mut loose = None;
    let last = near.len().saturating_sub(END as usize);
    for at in (0..=last).rev() {
        let Some(record) = near.get(at..).filter(|r| r.starts_with(b"PK\x05\x06")) else {
            continue;
        };
        let Some(behind) = record.len().checked_sub(END as usize) else {
            continue;
        };
        match usize::from(le16(record, 20)) {
            comment if comment == behind => return Ok((place(at), true)),
            comment if comment < behind => loose = loose.or(Some(place(at))),
            _ => {}
        }
    }
    if (near.len() as u64) < reach {
        return Err(SearchStop::Need(view.size - reach));
    }
    Ok((loose.ok_or(ZipFlaw::NotZip)?, false))
}

/// Reads the end record at `at` and, when a locator stands before it, the zip64 one (APPNOTE 4.3.14 to 4.3.16).
fn records(view: &TailView, at: u64) -> Result<DirectoryEnd, SearchStop> {
    let record = view.from(at)?;
    let plain = DirectoryEnd {
        at,
        members: le16(record, 10).into(),
        bytes: le32(record, 12).into(),
        offset: le32(record, 16).into(),
        zip64: false,
    };
    let locator = match at.checked_sub(LOCATOR) {
        None => &[],
        // One request brings locator and directory, unless the numbers are kept in the zip64 record.
        Some(place) if place < view.base => {
            let zip64 = plain.bytes == u64::from(u32::MAX);
            let before = if zip64 { LOCATOR + END64 } else { plain.bytes };
            let from = at.saturating_sub(before).min(place);
            return Err(SearchStop::Need(from));
        }
        Some(place) => view.from(place)?,
    };
    if !locator.starts_with(b"PK\x06\x07") {
        let disks = [le16(record, 4), le16(record, 6)];
        if disks != [0, 0] || le16(record, 8) != le16(record, 10) {
            return Err(ZipFlaw::Multidisk.into());
        }
        return Ok(plain);
    }
    if le32(locator, 4) != 0 || le32(locator, 16) > 1 {
        return Err(ZipFlaw::Multidisk.into());
    }
    // Behind a prefix the locator's offset is off, while the record still stands right before the locator.
    let latest = at.checked_sub(LOCATOR + END64).ok_or(ZipFlaw::NoEnd64)?;
    for place in [latest, le64(locator, 8)] {
        if place > latest {
            continue;
        }
        let record = view.from(place)?;
        if !record.starts_with(b"PK\x06\x06") {
            continue;
        }
        let disks = [le32(record, 16), le32(record, 20)];
        if disks != [0, 0] || le64(record, 24) != le64(record, 32) {
            return Err(ZipFlaw::Multidisk.into());
        }
        return Ok(DirectoryEnd {
            at: place,
            members: le64(record, 32),
            bytes: le64(record, 40),
            offset: le64(record, 48),
            zip64: true,
        });
    }
    Err(ZipFlaw::NoEnd64.into())
}
