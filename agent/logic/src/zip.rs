//! The zip format of test packages: directory, identity, verification in the stream, delta between versions.
//! Never unpacks to anywhere, never holds a member whole, never trusts a length that the bytes do not bear out.
//! Called by the package machine; its bytes come from central by ranges and from the box's own packages.
//!
//! Input is hostile: every reader here is bounded in time and memory by what it was given, and no input panics.
//! Format: PKWARE APPNOTE 6.3.10, sections in brackets below.

mod delta;
mod directory;
mod header;
mod stored;
mod tail;
mod verifier;

pub use delta::{DeltaPlan, DeltaSegment, plan};
pub use directory::{Directory, Member, PackageIdentity, Unusual};
pub use header::LocalHeader;
pub use stored::{StoredMember, stored_end};
pub use tail::PackageTail;
pub use verifier::{VerificationResult, Verifier};

use crate::fault::{Code, Fault, MemberFlaw, PackageCause};

/// The most members that a package may have.
pub const MEMBERS_LIMIT: usize = 1_000_000;

/// The most bytes that a central directory may have.
pub const DIRECTORY_LIMIT: u64 = 64 << 20;

/// Why bytes are no package at all: nothing in them can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipFlaw {
    /// No end record (APPNOTE 4.3.16).
    #[error(
        "the package has no end of central directory record: it is no zip, or its end is cut off"
    )]
    NotZip,
    /// More was given as tail than the package has bytes.
    #[error("the tail given has {given} bytes, the package only {size}")]
    TooShort {
        /// Bytes given.
        given: u64,
        /// Size of the package.
        size: u64,
    },
    /// The end record speaks of bytes that are not there.
    #[error(
        "the package is cut: its directory should start at byte {said}, but can start at {found} at most"
    )]
    Truncated {
        /// Start of the directory as the end record has it.
        said: u64,
        /// The last place where a directory of that size fits.
        found: u64,
    },
    /// Spread over several files (APPNOTE 4.4.19).
    #[error("the package is one part of a zip that is split over several files")]
    Multidisk,
    /// Directory or end records above `DIRECTORY_LIMIT`.
    #[error("the package's directory needs {0} bytes, at most 64 MiB are read")]
    TooLarge(u64),
    /// Above `MEMBERS_LIMIT`.
    #[error("the package has {0} members, at most 1000000 are read")]
    TooMany(u64),
    /// A zip64 locator (APPNOTE 4.3.15) that leads to no zip64 end record.
    #[error("the package's zip64 end record is not where its locator says")]
    NoEnd64,
    /// The end record counts other members than the directory holds.
    #[error("the package's end record counts {said} members, its directory holds {found}")]
    Count {
        /// Members as counted by the end record.
        said: u64,
        /// Members found.
        found: u64,
    },
    /// A directory entry (APPNOTE 4.3.12) that is no entry.
    #[error("entry {index} of the package's directory is damaged: {what}")]
    Entry {
        /// Position in the directory, from 0.
        index: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl ZipFlaw {
    /// The stable code of the trouble that this flaw means.
    pub fn code(&self) -> Code {
        match self {
            Self::NotZip => Code::PackageNotZip,
            Self::TooShort { .. } | Self::Truncated { .. } => Code::PackageTruncated,
            Self::Multidisk => Code::PackageMultidisk,
            Self::TooLarge(_) | Self::TooMany(_) => Code::PackageTooLarge,
            Self::NoEnd64 | Self::Count { .. } | Self::Entry { .. } => Code::PackageDirectory,
        }
    }
}

impl From<ZipFlaw> for Fault {
    fn from(flaw: ZipFlaw) -> Self {
        let words = flaw.to_string().as_str().into();
        Self::new(flaw.code(), PackageCause::Zip { flaw: words })
    }
}

/// Why one member is not what the directory promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// Its local header (APPNOTE 4.3.7) is missing or contradicts the directory.
    Header(&'static str),
    /// Its bytes are no deflate stream, or one that ends early or late (RFC 1951).
    Deflate,
    /// Its content has another size than the directory says; `found` is where counting stopped.
    Longer {
        /// Size in the directory.
        said: u64,
        /// Bytes seen before it was given up.
        found: u64,
    },
    /// Its content ends before the size in the directory.
    Shorter {
        /// Size in the directory.
        said: u64,
        /// Bytes of content.
        found: u64,
    },
    /// Its content is not what was packed.
    Crc {
        /// CRC-32 in the directory.
        said: u32,
        /// CRC-32 of the content.
        found: u32,
    },
    /// It shares bytes with a member before it: not read, since such zips grow without bound when unpacked.
    Overlap,
    /// Encrypted: its content cannot be checked (APPNOTE 4.4.4, bit 0).
    Encrypted,
    /// Neither stored (0) nor deflated (8).
    Method(u16),
}

impl From<&Defect> for MemberFlaw {
    fn from(defect: &Defect) -> Self {
        match *defect {
            Defect::Header(what) => Self::Header { what: what.into() },
            Defect::Deflate => Self::Deflate,
            Defect::Longer { said, found } => Self::Longer { said, found },
            Defect::Shorter { said, found } => Self::Shorter { said, found },
            Defect::Crc { said, found } => Self::Crc {
                said: format!("{said:08x}"),
                found: format!("{found:08x}"),
            },
            Defect::Overlap => Self::Overlap,
            Defect::Encrypted => Self::Encrypted,
            Defect::Method(method) => Self::Method { method },
        }
    }
}

impl Defect {
    /// Whether fetching the member again can help: not when the directory itself says that it is unreadable.
    pub fn passing(&self) -> bool {
        !matches!(self, Self::Overlap | Self::Encrypted | Self::Method(_))
    }
}

/// Little-endian number at `at`; 0 beyond the end, which no caller reaches: each has checked the length before.
fn le16(bytes: &[u8], at: usize) -> u16 {
    number::<2>(bytes, at).map_or(0, u16::from_le_bytes)
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    number::<4>(bytes, at).map_or(0, u32::from_le_bytes)
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    number::<8>(bytes, at).map_or(0, u64::from_le_bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The blocks of an extra field (APPNOTE 4.5.1): id, place of the content, content. Ends at the first that does not fit.
fn blocks(extra: &[u8]) -> impl Iterator<Item = (u16, usize, &[u8])> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let head = extra.get(at..at.checked_add(4)?)?;
        let from = at + 4;
        let body = extra.get(from..from + usize::from(le16(head, 2)))?;
        at = from + body.len();
        Some((le16(head, 0), from, body))
    })
}

/// Extra field id of the zip64 numbers (APPNOTE 4.5.3).
const EXTRA_ZIP64: u16 = 0x0001;
/// Extra field id of the Unix timestamps of Info-ZIP.
const EXTRA_TIME: u16 = 0x5455;

/// General purpose flags (APPNOTE 4.4.4): encrypted, data descriptor, strong encryption, masked header.
const FLAG_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const FLAG_DESCRIPTOR: u16 = 1 << 3;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
