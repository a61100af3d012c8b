//! Decides what follows from the first look at a delivery's package: size and end, and what was found out about them.
//! Never looks at content, and never lets the same bad edition cost more than that look again and again.
//! Called by `download`; `engine` keeps what was found out beside the packages.

pub mod waiting;

use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};
use crate::zip::Identity;

/// What was found out about one edition of a delivery's package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// Central itself, past all caches, gives it for this delivery.
    Confirmed,
    /// A member is damaged on central: fetched twice, wrong twice in the same way.
    Damaged,
    /// A member cannot be checked: encrypted, packed with an unknown method, or sharing bytes with another one.
    Unsupported,
    /// A cache on the way gives it; central gives another one for this delivery.
    Cached,
}

impl Finding {
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
pub struct Judged {
    /// URI of the delivery.
    pub delivery: String,
    /// Plain bytes of the edition.
    pub size: u64,
    /// SHA-256 of its end record and directory.
    pub tail: [u8; 32],
    /// What it is.
    pub finding: Finding,
    /// The member and what is wrong with it, for people; empty for a confirmed one.
    pub reason: String,
    /// When, Unix seconds by the box's best estimate.
    pub at: i64,
}

impl Judged {
    /// The edition that it is about.
    pub fn identity(&self) -> Identity {
        Identity {
            size: self.size,
            tail: self.tail,
        }
    }

    /// The trouble that it means; none for a confirmed edition.
    pub fn trouble(&self) -> Option<Fault> {
        let code = self.finding.code()?;
        Some(Fault::new(code, &*self.reason))
    }
}

/// What is known when the end of a package was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The package that answers now.
    pub seen: Identity,
    /// The one that is held for this delivery.
    pub held: Option<Identity>,
    /// Another delivery's held package is the very same one.
    pub shared: bool,
    /// What was found out earlier, and about which edition.
    pub found: Option<(Identity, Finding)>,
    /// A person asked for this run.
    pub asked: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is held.
    Keep,
    /// Ask for its end once more, past all caches.
    Confirm,
    /// Leave it, for what was found out about this very edition.
    Leave(Finding),
    /// Bring it.
    Fetch,
}

/// The rule.
pub fn next(look: &Look) -> Step {
    let found = look
        .found
        .filter(|(edition, _)| *edition == look.seen)
        .map(|(_, finding)| finding);
    match found {
        // A cache may be mended without a sign: central is asked at every run.
        Some(Finding::Cached) => Step::Confirm,
        None if look.shared => Step::Confirm,
        _ if look.held == Some(look.seen) => Step::Keep,
        Some(bad @ (Finding::Damaged | Finding::Unsupported)) if !look.asked => Step::Leave(bad),
        // Found bad while no other delivery had it.
        Some(Finding::Damaged | Finding::Unsupported) if look.shared => Step::Confirm,
        _ => Step::Fetch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition(number: u8) -> Identity {
        Identity {
            size: u64::from(number) * 1000,
            tail: [number; 32],
        }
    }

    #[test]
    fn what_was_found_out_counts_for_that_edition_alone() {
        use Finding::{Cached, Confirmed, Damaged, Unsupported};
        let (one, two) = (edition(1), edition(2));
        let held = Some(one);
        let table = [
            ("a new one", None, false, None, false, Step::Fetch),
            ("held", held, false, None, false, Step::Keep),
            ("changed", Some(two), false, None, false, Step::Fetch),
            ("another's, new", None, true, None, false, Step::Confirm),
            ("another's, held", held, true, None, false, Step::Confirm),
            (
                "published twice",
                None,
                true,
                Some((one, Confirmed)),
                false,
                Step::Fetch,
            ),
            (
                "published twice, held",
                held,
                true,
                Some((one, Confirmed)),
                false,
                Step::Keep,
            ),
            (
                "confirmed before it changed",
                held,
                true,
                Some((two, Confirmed)),
                false,
                Step::Confirm,
            ),
            (
                "damaged",
                None,
                false,
                Some((one, Damaged)),
                false,
                Step::Leave(Damaged),
            ),
            (
                "damaged, asked",
                None,
                false,
                Some((one, Damaged)),
                true,
                Step::Fetch,
            ),
            (
                "damaged, then published anew",
                None,
                false,
                Some((two, Damaged)),
                false,
                Step::Fetch,
            ),
            (
                "damaged, an older one held",
                Some(two),
                false,
                Some((one, Damaged)),
                false,
                Step::Leave(Damaged),
            ),
            (
                "unsupported",
                None,
                false,
                Some((one, Unsupported)),
                false,
                Step::Leave(Unsupported),
            ),
            (
                "damaged and another's, asked",
                None,
                true,
                Some((one, Damaged)),
                true,
                Step::Confirm,
            ),
            (
                "a cache's",
                None,
                true,
                Some((one, Cached)),
                false,
                Step::Confirm,
            ),
            (
                "a cache's, the other is gone",
                None,
                false,
                Some((one, Cached)),
                false,
                Step::Confirm,
            ),
            (
                "a cache's, mended",
                None,
                false,
                Some((two, Cached)),
                false,
                Step::Fetch,
            ),
        ];
        for (what, held, shared, found, asked, expected) in table {
            let look = Look {
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
