//! What the machine of a download asks for and what it is told: offsets, heads of answers and verdicts, never a byte.
//! Never decides anything.
//! Called by `download`, by `agent`, which executes the commands, and by the virtual world of the tests.

use std::ops::Range as Span;
use std::sync::Arc;
use std::time::Duration;

use crate::api::PackageRange;
use crate::fault::{Cause, Fault};
use crate::package::{EditionFinding, Judged};
use crate::package_lane::Waiting;
use crate::range::ContentRange;
use crate::rate::RateOverride;
use crate::sibling::{FetchedRecord, PackageHoldings, RecordClaim};
use crate::zip::{DeltaPlan, Directory, PackageIdentity, VerificationResult, ZipFlaw};

/// Names a request from `DownloadCommand::Ask` until it has ended, failed or was closed.
pub type RequestId = u32;

/// Names a sibling; all boxes of a site know it by the same name.
pub type SiblingId = u64;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RangeSource {
    /// Central.
    #[default]
    Central,
    /// Another box of the site, for whole records.
    Sibling(SiblingId),
}

/// What siblings are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiblingNews {
    /// Records that came from central since the news before.
    pub fetched: Vec<FetchedRecord>,
    /// What is being fetched from central now.
    pub claims: Vec<RecordClaim>,
}

/// One request for a package or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRequest {
    /// URI of the delivery.
    pub delivery: String,
    /// The part; `None` for the whole.
    pub range: Option<PackageRange>,
    /// The part comes only while the package has this strong entity tag (`If-Range`, RFC 9110 13.1.5).
    pub tag: Option<String>,
    /// Past all caches, with a parameter that none has seen.
    pub nonce: Option<u64>,
    /// Who is asked.
    pub source: RangeSource,
}

/// The head of an answer with status 200, 203, 206 or, where a part was asked for, 416; all others are failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageHead {
    /// Status.
    pub status: u16,
    /// What it says that it is a part of; only a sound one.
    pub range: Option<ContentRange>,
    /// The size that comes with a refusal of the part (RFC 9110 14.4).
    pub refused_of: Option<u64>,
    /// Announced bytes of content.
    pub length: Option<u64>,
    /// Its strong entity tag.
    pub tag: Option<String>,
    /// What its content looks like.
    pub first: FirstBytes,
}

impl PackageHead {
    /// The server gives no such part (RFC 9110 15.5.17).
    pub fn is_refused(&self) -> bool {
        self.status == 416
    }

    /// It calls itself a part and does not say which.
    pub fn is_placeless(&self) -> bool {
        self.status == 206 && self.range.is_none()
    }
}

/// What the first piece of a content looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstBytes {
    /// There is no content.
    Nothing,
    /// It begins as a zip.
    Zip,
    /// It begins otherwise; central's own words, a page, or nothing that is known.
    Other(Option<Fault>),
}

/// Where content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentTarget {
    /// It is only counted.
    Nowhere,
    /// To the end that is being looked at, at this offset of the package.
    End(u64),
    /// Into the records of the package that is coming, at this offset of the package.
    Records(u64),
    /// Into the digest of a record that is held, at this offset of the package: `Event::Sealed` once it is whole.
    Digest(u64),
}

/// What may hold a download back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A window that is closed, an exam that runs, a pause.
    Downloads,
    /// An exam alone: it may use what would be replaced.
    Exam,
}

/// What the executor does next, in this order. Those without an event of their own answer `Event::Disk` alone, when they
/// fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadCommand {
    /// Look whether something holds it back: `Event::Gate`.
    Gate(Hold),
    /// Ask central: `Event::Answered` or `Event::Failed`.
    Ask(RequestId, PackageRequest),
    /// Wait for the next piece of content: `Event::Came`, `Event::Ended` or `Event::Failed`.
    Read(RequestId),
    /// Take so many bytes of the piece that came last.
    Put {
        /// Whose piece.
        request: RequestId,
        /// From its beginning.
        bytes: u64,
        /// Where they go.
        place: ContentTarget,
    },
    /// Close the connection of an answer that is not read to its end.
    Close(RequestId),
    /// Another look begins: what the one before took of an end is forgotten.
    ForgetEnd,
    /// The end that was looked at is that of the package that comes: later looks leave it alone.
    KeepEnd,
    /// Read the directory in the end, from this offset of a package of this size: `Event::End`.
    ReadEnd {
        /// Offset of the first byte that is held.
        from: u64,
        /// Size of the package.
        total: u64,
    },
    /// Tell what is known of this edition, or of the delivery: `Event::Recalled`.
    Recall(Option<PackageIdentity>),
    /// Keep what was found out about an edition of a delivery.
    Judge {
        /// URI.
        delivery: String,
        /// The edition.
        edition: PackageIdentity,
        /// What it is.
        finding: EditionFinding,
        /// Why.
        cause: Cause,
    },
    /// Forget what was found out about the delivery.
    ForgetJudged,
    /// The held package of a delivery is not its own.
    MarkDamaged(String),
    /// Go on with what came of this edition, or begin; `fresh` forgets what came: `Event::Opened`.
    Open {
        /// The edition.
        directory: Arc<Directory>,
        /// Nothing of an earlier download is used.
        fresh: bool,
    },
    /// Begin a package of which only the size is known, or a first guess of it: `Event::Opened`.
    Begin(u64),
    /// Make room for so many bytes more.
    Grow(u64),
    /// The package that was begun ends here.
    EndAt(u64),
    /// Read the directory of what has come to its end on disk, and take it for the package's: `Event::End`.
    Identify,
    /// Look for a held package that shares members with this one: `Event::Related`.
    Relate,
    /// Take bytes of that package: `Event::Copied`.
    Copy {
        /// Absolute range in the held package.
        from: Span<u64>,
        /// Offset in the new one.
        to: u64,
    },
    /// Place bytes that were composed.
    Give {
        /// Offset.
        to: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Place this range of the end that was kept.
    PlaceEnd(Span<u64>),
    /// Forget the beginning of this record.
    Discard(u64),
    /// Forget these records: they are to come again.
    Forget(Span<u64>),
    /// Check every member: `Event::Checked`.
    Verify,
    /// Flush what was written: `Event::Flushed`.
    Flush,
    /// Forget what came of this package.
    Abandon,
    /// Make it visible: `Event::Published`.
    Publish {
        /// Members were taken from a held package.
        rebuilt: bool,
    },
    /// Note that what is held was compared: `Event::Compared`.
    Compare,
    /// Ask all siblings what they hold of the package: `Event::Polled`, then `Event::Heard` for each. Of these it is known
    /// so far: epoch and entries.
    Poll(Vec<(SiblingId, u64, u32)>),
    /// Let siblings know.
    Tell(SiblingNews),
}

/// What the end of a package holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndRead {
    /// The whole directory.
    Whole(Arc<Directory>),
    /// The directory starts earlier, at this offset.
    Need(u64),
}

/// Another delivery that holds the very edition that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// URI.
    pub delivery: String,
    /// Central has confirmed that it is its own.
    pub confirmed: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time has passed, `due` has come.
    Time,
    /// What holds downloads back may have changed.
    GateChanged,
    /// A person has ordered something of the downloads, or an exam has begun: the rate that is in force instead of the
    /// configured one, if there is one; what holds them back is looked at.
    Ordered(Option<RateOverride>),
    /// What holds the download back, and for how long at most.
    Gate(Option<(Waiting, Duration)>),
    /// The head of an answer.
    Answered(RequestId, PackageHead),
    /// So many bytes of content came in one piece.
    Came(RequestId, u64),
    /// The content came to its end.
    Ended(RequestId),
    /// No answer, one that is none, or a content that broke off.
    Failed(RequestId, Fault),
    /// What the end holds.
    End(Result<EndRead, ZipFlaw>),
    /// What is known.
    Recalled {
        /// Other deliveries that hold the edition.
        twins: Vec<Twin>,
        /// What was found out about the delivery's package.
        judged: Option<Judged>,
        /// A person asked for packages: what was found bad is tried once more.
        asked: bool,
    },
    /// What comes is open.
    Opened {
        /// Bytes of a record.
        record: u64,
        /// Which records are there, whole and authentic.
        have: Vec<bool>,
    },
    /// How the package could be built from a held one.
    Related(Option<DeltaPlan>),
    /// A piece of the held package was taken.
    Copied(Result<(), Fault>),
    /// What the members are worth.
    Checked(VerificationResult),
    /// What was written before the command is safe.
    Flushed,
    /// The package is visible.
    Published,
    /// It is noted.
    Compared,
    /// The disk or the store refused.
    Disk(Fault),
    /// So many siblings are being asked.
    Polled(usize),
    /// What a sibling holds; nothing where it did not answer.
    Heard(SiblingId, Option<PackageHoldings>),
    /// A record was written that came over the wire while there are siblings, or was compared: its SHA-256.
    Sealed {
        /// Its number.
        record: u64,
        /// Of its content.
        digest: [u8; 32],
        /// It is on the disk; else it was asked of central to be compared.
        kept: bool,
    },
}
