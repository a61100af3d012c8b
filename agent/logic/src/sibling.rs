//! What boxes of a site say to each other about one package: what is held, who fetches what, and ranges of it.
//! Never believed more than bounds allow: what a sibling says is read within limits, and every byte is checked like one of central.
//! Called by `download`, which asks siblings, and by `agent`, which carries the words and answers them (design 4.5).
//!
//! | Path below `/site/1/packages/` | Answer |
//! |---|---|
//! | `SIZE-TAIL?since=EPOCH.N` | `200` and `PackageHoldings` in postcard, from entry N of that epoch on; `404` where nothing of it is held |
//! | `SIZE-TAIL/FIRST-LAST` | `200` and these records, both included, each sealed (`RangeSealer`); `404` where one is not held; `503` while an exam runs |
//!
//! SIZE is the size of the package in bytes, TAIL the SHA-256 of its end in hex (`PackageIdentity`). A record is 64 KiB of
//! content, the last one less; sealed it is 28 bytes longer. A sibling gives what came from central itself, or what lies in a package whose members
//! were all checked.

use std::fmt;

use seal::{Key, NONCE, OVERHEAD, Sealer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::zip::PackageIdentity;

/// Bytes of content in one record.
pub const SIBLING_RECORD: u64 = 64 << 10;
/// Records that one request may ask a sibling for.
pub const RANGE_RECORDS: u64 = 16;
/// Entries of one answer, at most: who has more is asked again.
pub const FETCHED_AT_ONCE: usize = 4096;
/// Claims of one box, at most.
pub const CLAIMS: usize = 64;
/// A claim lasts at most so long, in milliseconds.
pub const CLAIM_MOST: u32 = 30_000;
/// Bytes of an encoded `PackageHoldings`, at most.
pub const HOLDINGS_LIMIT: usize = 256 << 10;

/// A record that a box fetched from central itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedRecord {
    /// Its number.
    pub record: u32,
    /// SHA-256 of its content.
    pub digest: [u8; 32],
}

/// Records that a box is fetching from central.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordClaim {
    /// The first one.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Milliseconds from now on for which others may leave them to it.
    pub lasts: u32,
}

/// What a box says of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageHoldings {
    /// Another one means that the list has begun anew.
    pub epoch: u64,
    /// Number of the first entry of `fetched` in the list of that epoch.
    pub from: u32,
    /// Fetched from central, in the order in which they came; a later entry for the same record replaces an earlier one.
    pub fetched: Vec<FetchedRecord>,
    /// There are more entries.
    pub is_more: bool,
    /// It has the whole package, all members checked.
    pub is_whole: bool,
    /// It is fetching the package now.
    pub is_fetching: bool,
    /// What it is fetching from central.
    pub claims: Vec<RecordClaim>,
}

impl PackageHoldings {
    /// As it goes over the link.
    pub fn bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// What a sibling said of a package of so many records; `None` where it is not sound.
    pub fn read(bytes: &[u8], records: u64) -> Option<Self> {
        if bytes.len() > HOLDINGS_LIMIT {
            return None;
        }
        let mut said: Self = postcard::from_bytes(bytes).ok()?;
        let is_within = |first: u32, count: u32| u64::from(first) + u64::from(count) <= records;
        let sound = said.fetched.len() <= FETCHED_AT_ONCE
            && said.claims.len() <= CLAIMS
            && said.fetched.iter().all(|one| is_within(one.record, 1))
            && said
                .claims
                .iter()
                .all(|claim| is_within(claim.first, claim.count));
        for claim in &mut said.claims {
            claim.lasts = claim.lasts.min(CLAIM_MOST);
        }
        sound.then_some(said)
    }

    /// The part of a list that an asker lacks who has so many entries of `epoch`.
    #[must_use]
    pub fn since(&self, epoch: u64, entries: u32) -> Self {
        let skip = match epoch == self.epoch {
            true => (entries as usize).min(self.fetched.len()),
            false => 0,
        };
        let rest = &self.fetched[skip..];
        Self {
            from: skip as u32,
            fetched: rest[..rest.len().min(FETCHED_AT_ONCE)].to_vec(),
            is_more: rest.len() > FETCHED_AT_ONCE,
            ..self.clone()
        }
    }
}

/// What is asked of a sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageQuestion {
    /// What it holds, beyond so many entries of an epoch.
    Holdings {
        /// The package.
        package: PackageIdentity,
        /// The epoch that the asker knows.
        epoch: u64,
        /// Entries of it that the asker has.
        entries: u32,
    },
    /// Records, both included.
    Range {
        /// The package.
        package: PackageIdentity,
        /// The first record.
        first: u64,
        /// The last one.
        last: u64,
    },
}

/// What all paths of packages begin with.
const PATH: &str = "/site/1/packages/";

impl PackageQuestion {
    /// Reads a path with its query; `None` where it is no question, or asks for more than `RANGE_RECORDS`.
    pub fn read(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(PATH)?;
        if let Some((package, since)) = rest.split_once("?since=") {
            let (epoch, entries) = since.split_once('.')?;
            return Some(Self::Holdings {
                package: package_of(package)?,
                epoch: epoch.parse().ok()?,
                entries: entries.parse().ok()?,
            });
        }
        let (package, range) = rest.split_once('/')?;
        let package = package_of(package)?;
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let is_within = first <= last
            && last - first < RANGE_RECORDS
            && last < package.size.div_ceil(SIBLING_RECORD);
        is_within.then_some(Self::Range {
            package,
            first,
            last,
        })
    }
}

/// The path that asks.
impl fmt::Display for PackageQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Holdings { package, .. } | Self::Range { package, .. }) = self;
        write!(f, "{PATH}{}", package_name(*package))?;
        match self {
            Self::Holdings { epoch, entries, .. } => write!(f, "?since={epoch}.{entries}"),
            Self::Range { first, last, .. } => write!(f, "/{first}-{last}"),
        }
    }
}

/// What names a package among siblings: its size and its tail in hex.
pub fn package_name(package: PackageIdentity) -> String {
    let tail: String = package.tail.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{tail}", package.size)
}

fn package_of(name: &str) -> Option<PackageIdentity> {
    let (size, hex) = name.split_once('-')?;
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut tail = [0; 32];
    for (at, byte) in tail.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    let size = size.parse().ok().filter(|size| *size > 0)?;
    Some(PackageIdentity { size, tail })
}

/// The SHA-256 of a record that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct RecordDigest {
    state: Sha256,
    length: u64,
}

impl RecordDigest {
    /// The same with the bytes that follow.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
        self
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.state.finalize().into()
    }
}

/// Bytes of one record of a package.
pub fn record_length(package: PackageIdentity, record: u64) -> u64 {
    SIBLING_RECORD.min(package.size.saturating_sub(record * SIBLING_RECORD))
}

/// Seals and opens the records of one package between siblings: one that is sealed for another package, another place or with
/// another key does not open.
pub struct RangeSealer {
    sealer: Sealer,
    package: PackageIdentity,
}

impl RangeSealer {
    /// Bytes by which a sealed record is longer.
    pub const OVERHEAD: usize = OVERHEAD;

    /// `key` is the one that the link was proven with.
    pub fn new(key: &Key, package: PackageIdentity) -> Self {
        let info = format!("boxsync site 1 range {}", package_name(package));
        Self {
            sealer: Sealer::new(&key.derive(info.as_bytes())),
            package,
        }
    }

    fn place(&self, record: u64) -> [u8; 16] {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&record.to_le_bytes());
        place[8..].copy_from_slice(&self.package.size.to_le_bytes());
        place
    }

    /// Seals one record; `plain` follows on room for the nonce.
    pub fn seal(&self, record: u64, nonce: [u8; NONCE], buffer: &mut Vec<u8>) {
        buffer[..NONCE].copy_from_slice(&nonce);
        self.sealer.seal_in_place(&self.place(record), buffer);
    }

    /// The content of one record, opened in its buffer; `None` where it is not that record of this package.
    pub fn open<'a>(&self, record: u64, sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = record_length(self.package, record) as usize + OVERHEAD;
        if sealed.len() != length {
            return None;
        }
        self.sealer.open_in_place(&self.place(record), sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn package(size: u64) -> PackageIdentity {
        let tail = std::array::from_fn(|at| at as u8 ^ 0xa5);
        PackageIdentity { size, tail }
    }

    #[test]
    fn a_question_is_read_as_it_was_asked_and_nothing_else_is() {
        let package = package(1_000_000);
        let holdings = PackageQuestion::Holdings {
            package,
            epoch: u64::MAX,
            entries: 7,
        };
        let range = PackageQuestion::Range {
            package,
            first: 2,
            last: 15,
        };
        for question in [holdings, range] {
            let path = question.to_string();
            assert_eq!(PackageQuestion::read(&path), Some(question), "{path}");
            for at in 0..path.len() {
                assert_ne!(PackageQuestion::read(&path[..at]), Some(question));
            }
        }
        let name = package_name(package);
        for range in [
            "3-2",
            "0-16",
            "-1-2",
            "0-99999999999999999999",
            "15-16",
            "",
            "1",
        ] {
            let path = format!("{PATH}{name}/{range}");
            assert_eq!(PackageQuestion::read(&path), None, "{path}");
        }
        for other in [
            name.replace("1000000", "0"),
            name.replace('a', "ä"),
            "5-aa".into(),
        ] {
            let path = format!("{PATH}{other}/0-0");
            assert_eq!(PackageQuestion::read(&path), None, "{path}");
        }
    }

    fn holdings() -> PackageHoldings {
        let fetched = |record| FetchedRecord {
            record,
            digest: [record as u8; 32],
        };
        PackageHoldings {
            epoch: 5,
            from: 0,
            fetched: (0..5000).map(fetched).collect(),
            is_more: false,
            is_whole: false,
            is_fetching: true,
            claims: vec![RecordClaim {
                first: 4,
                count: 3,
                lasts: 9,
            }],
        }
    }

    #[test]
    fn an_asker_gets_what_it_lacks_and_never_more_than_fits() {
        let all = holdings();
        let first = all.since(5, 0);
        assert!(first.is_more && first.fetched.len() == FETCHED_AT_ONCE);
        let rest = all.since(5, 4096);
        assert_eq!(
            (rest.from, rest.fetched.len(), rest.is_more),
            (4096, 904, false)
        );
        assert_eq!(all.since(5, 9999).fetched.len(), 0);
        let other = all.since(4, 4096);
        assert_eq!((other.from, other.fetched.len()), (0, FETCHED_AT_ONCE));
        let mut largest = first.clone();
        largest.claims = vec![
            RecordClaim {
                first: u32::MAX,
                count: u32::MAX,
                lasts: u32::MAX
            };
            CLAIMS
        ];
        assert!(largest.bytes().len() < HOLDINGS_LIMIT);
        assert_eq!(PackageHoldings::read(&first.bytes(), 5000), Some(first));
    }

    #[test]
    fn what_lies_outside_of_the_package_is_not_believed() {
        let said = |change: &dyn Fn(&mut PackageHoldings)| {
            let mut said = holdings().since(5, 4990);
            change(&mut said);
            PackageHoldings::read(&said.bytes(), 5000)
        };
        assert!(said(&|_| {}).is_some());
        assert_eq!(said(&|said| said.fetched[0].record = 5000), None);
        assert_eq!(said(&|said| said.claims[0].first = 4998), None);
        assert_eq!(said(&|said| said.claims[0].count = u32::MAX), None);
        assert_eq!(said(&|said| said.claims = vec![said.claims[0]; 65]), None);
        let long = said(&|said| said.claims[0].lasts = u32::MAX);
        assert_eq!(long.unwrap().claims[0].lasts, CLAIM_MOST);
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), path in ".{0,40}") {
            let _ = PackageHoldings::read(&bytes, 100);
            let _ = PackageQuestion::read(&path);
            let _ = PackageQuestion::read(&format!("{PATH}{path}"));
        }
    }

    #[test]
    fn a_record_opens_at_its_place_of_its_package_alone() {
        let key = Key::new([1; 32]);
        let sealer = RangeSealer::new(&key, package(100_000));
        let length = record_length(package(100_000), 1) as usize;
        assert_eq!(length, 100_000 - 65_536);
        let mut sealed = vec![0; NONCE];
        sealed.extend(vec![7; length]);
        sealer.seal(1, [9; NONCE], &mut sealed);
        let opens = |sealer: &RangeSealer, record, bytes: &[u8]| {
            sealer.open(record, &mut bytes.to_vec()).map(<[u8]>::to_vec)
        };
        assert_eq!(opens(&sealer, 1, &sealed), Some(vec![7; length]));
        assert_eq!(opens(&sealer, 0, &sealed), None);
        assert_eq!(opens(&sealer, 1, &sealed[..sealed.len() - 1]), None);
        let other_key = RangeSealer::new(&Key::new([2; 32]), package(100_000));
        assert_eq!(opens(&other_key, 1, &sealed), None);
        let mut other = package(100_000);
        other.tail[3] ^= 1;
        assert_eq!(opens(&RangeSealer::new(&key, other), 1, &sealed), None);
        sealed[40] ^= 1;
        assert_eq!(opens(&sealer, 1, &sealed), None);
    }
}
