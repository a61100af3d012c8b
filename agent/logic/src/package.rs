//! Decides what follows from the first look at a delivery's package: size and end, and what was found out about them.
//! Never looks at content, and never lets the same bad edition cost more than that look again and again.
//! Called by `download`; `engine` keeps what was found out beside the packages.

pub mod estimate;
pub mod order;
pub mod waiting;

use serde::{Deserialize, Serialize};

use crate::fault::{self, Cause, Code, Fault};
use crate::zip::PackageIdentity;

/// What was found out about one edition of a delivery's package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EditionFinding {
    /// Central itself, past all caches, gives it for this delivery.
    Confirmed,
    /// A member is damaged on central: fetched twice, wrong twice in the same way.
    Damaged,
    /// A member cannot be checked: encrypted, packed with an unknown method, or sharing bytes with another one.
    Unsupported,
    /// A cache on the way gives it; central gives another one for this delivery.
    Cached,
}

impl EditionFinding {
    /// The code of the trouble that it means; none for a sound package.
    pub fn code(self) -> Option<Code> {
        match self {
            Self::Confirmed => None,
            Self::Damaged => Some(Code::PackageDamaged),
            Self::Unsupported => Some(Code::PackageUnsupported),
            Self::Cached => Some(Code::PackageCache),
        }
    }
}

/// What was found out about one edition, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "JudgedRow", into = "JudgedRow")]
pub struct Judged {
    /// URI of the delivery.
    pub delivery: String,
    /// Plain bytes of the edition.
    pub size: u64,
    /// SHA-256 of its end record and directory.
    pub tail: [u8; 32],
    /// What it is.
    pub finding: EditionFinding,
    /// The member and what is wrong with it; no words for a confirmed one.
    pub cause: Cause,
    /// When, Unix seconds by the box's best estimate.
    pub at: i64,
}

impl Judged {
    /// The edition that it is about.
    pub fn identity(&self) -> PackageIdentity {
        PackageIdentity {
            size: self.size,
            tail: self.tail,
        }
    }

    /// The trouble that it means; none for a confirmed edition.
    pub fn trouble(&self) -> Option<Fault> {
        let code = self.finding.code()?;
        Some(Fault::new(code, self.cause.clone()))
    }
}

/// The same in a row of the store.
#[derive(Serialize, Deserialize)]
struct JudgedRow {
    delivery: String,
    size: u64,
    tail: [u8; 32],
    finding: EditionFinding,
    /// In English.
    reason: String,
    at: i64,
    /// The reason as a value; an older boxsync wrote none.
    #[serde(deserialize_with = "fault::or_none")]
    cause: String,
}

impl From<Judged> for JudgedRow {
    fn from(judged: Judged) -> Self {
        Self {
            delivery: judged.delivery,
            size: judged.size,
            tail: judged.tail,
            finding: judged.finding,
            reason: judged.cause.en(),
            at: judged.at,
            cause: judged.cause.in_row(),
        }
    }
}

impl From<JudgedRow> for Judged {
    fn from(row: JudgedRow) -> Self {
        Self {
            delivery: row.delivery,
            size: row.size,
            tail: row.tail,
            finding: row.finding,
            cause: Cause::of_row(&row.cause, row.reason),
            at: row.at,
        }
    }
}

/// What is known when the end of a package was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditionLook {
    /// The package that answers now.
    pub seen: PackageIdentity,
    /// The one that is held for this delivery.
    pub held: Option<PackageIdentity>,
    /// Another delivery's held package is the very same one.
    pub shared: bool,
    /// What was found out earlier, and about which edition.
    pub found: Option<(PackageIdentity, EditionFinding)>,
    /// A person asked for this run.
    pub asked: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageStep {
    /// Nothing: it is held.
    Keep,
    /// Ask for its end once more, past all caches.
    Confirm,
    /// Leave it, for what was found out about this very edition.
    Leave(EditionFinding),
    /// Bring it.
    Fetch,
}

/// The rule.
pub fn next(look: &EditionLook) -> PackageStep {
    let found = look
        .found
        .filter(|(edition, _)| *edition == look.seen)
        .map(|(_, finding)| finding);
    match found {
        // A cache may be mended without a sign: central is asked at every run.
        Some(EditionFinding::Cached) => PackageStep::Confirm,
        None if look.shared => PackageStep::Confirm,
        _ if look.held == Some(look.seen) => PackageStep::Keep,
        Some(bad @ (EditionFinding::Damaged | EditionFinding::Unsupported)) if !look.asked => {
            PackageStep::Leave(bad)
        }
        // Found bad while no other delivery had it.
        Some(EditionFinding::Damaged | EditionFinding::Unsupported) if look.shared => {
            PackageStep::Confirm
        }
        _ => PackageStep::Fetch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{MemberFlaw, PackageCause, Wording};

    fn edition(number: u8) -> PackageIdentity {
        PackageIdentity {
            size: u64::from(number) * 1000,
            tail: [number; 32],
        }
    }

    #[test]
    fn a_finding_is_kept_as_a_value_and_older_rows_open() {
        let why = MemberFlaw::Crc {
            said: "0a1b2c3d".into(),
            found: "00000000".into(),
        };
        let cause = PackageCause::WrongTwice {
            member: "a.xml".into(),
            why: Some(why),
        };
        let judged = Judged {
            delivery: "d".into(),
            size: 1000,
            tail: [7; 32],
            finding: EditionFinding::Damaged,
            cause: cause.into(),
            at: 3,
        };
        // As a boxsync wrote it that kept words alone.
        let words = "member “a.xml” is damaged on central: fetched twice, wrong twice (its CRC-32 is 00000000, the directory says 0a1b2c3d)";
        let (head, tail) = (&b"\x01d\xe8\x07"[..], [7; 32]);
        let old = [head, &tail, b"\x01\x7a", words.as_bytes(), b"\x06"].concat();
        let read: Judged = postcard::from_bytes(&old).unwrap();
        let worded = Judged {
            cause: words.into(),
            ..judged.clone()
        };
        assert_eq!(read, worded);
        let new = postcard::to_allocvec(&judged).unwrap();
        // It is the same row with the value behind it: an older boxsync reads it.
        assert!(new.starts_with(&old));
        assert_eq!(postcard::from_bytes::<Judged>(&new).unwrap(), judged);
        let french = judged.cause.fr_words();
        let is_english = |words: &Wording| !matches!(words, Wording::French(_));
        assert!(!french.iter().any(is_english), "{french:?}");
        // A value that says something else than the words is not believed.
        let forged = [&new[..new.len() - 3], b"xx]"].concat();
        let forged: Judged = postcard::from_bytes(&forged).unwrap();
        assert!(forged.cause.is_said(), "{:?}", forged.cause);
    }

    #[test]
    fn what_was_found_out_counts_for_that_edition_alone() {
        use EditionFinding::{Cached, Confirmed, Damaged, Unsupported};
        let (one, two) = (edition(1), edition(2));
        let held = Some(one);
        let table = [
            ("a new one", None, false, None, false, PackageStep::Fetch),
            ("held", held, false, None, false, PackageStep::Keep),
            ("changed", Some(two), false, None, false, PackageStep::Fetch),
            (
                "another's, new",
                None,
                true,
                None,
                false,
                PackageStep::Confirm,
            ),
            (
                "another's, held",
                held,
                true,
                None,
                false,
                PackageStep::Confirm,
            ),
            (
                "published twice",
                None,
                true,
                Some((one, Confirmed)),
                false,
                PackageStep::Fetch,
            ),
            (
                "published twice, held",
                held,
                true,
                Some((one, Confirmed)),
                false,
                PackageStep::Keep,
            ),
            (
                "confirmed before it changed",
                held,
                true,
                Some((two, Confirmed)),
                false,
                PackageStep::Confirm,
            ),
            (
                "damaged",
                None,
                false,
                Some((one, Damaged)),
                false,
                PackageStep::Leave(Damaged),
            ),
            (
                "damaged, asked",
                None,
                false,
                Some((one, Damaged)),
                true,
                PackageStep::Fetch,
            ),
            (
                "damaged, then published anew",
                None,
                false,
                Some((two, Damaged)),
                false,
                PackageStep::Fetch,
            ),
            (
                "damaged, an older one held",
                Some(two),
                false,
                Some((one, Damaged)),
                false,
                PackageStep::Leave(Damaged),
            ),
            (
                "unsupported",
                None,
                false,
                Some((one, Unsupported)),
                false,
                PackageStep::Leave(Unsupported),
            ),
            (
                "damaged and another's, asked",
                None,
                true,
                Some((one, Damaged)),
                true,
                PackageStep::Confirm,
            ),
            (
                "a cache's",
                None,
                true,
                Some((one, Cached)),
                false,
                PackageStep::Confirm,
            ),
            (
                "a cache's, the other is gone",
                None,
                false,
                Some((one, Cached)),
                false,
                PackageStep::Confirm,
            ),
            (
                "a cache's, mended",
                None,
                false,
                Some((two, Cached)),
                false,
                PackageStep::Fetch,
            ),
        ];
        for (what, held, shared, found, asked, expected) in table {
            let look = EditionLook {
                seen: one,
                held,
                shared,
                found,
                asked,
            };
            assert_eq!(next(&look), expected, "{what}");
        }
    }
}
