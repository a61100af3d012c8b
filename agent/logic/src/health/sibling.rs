//! How a box stands, in the words that it tells its siblings.
//! Never a name, and nothing that is not on the box's own screen.
//! Called by who answers siblings, and by the verb `site`.

use serde::{Deserialize, Serialize};

use super::verdict::{BoxStanding, OwedCounts, Verdict, Word};
use crate::fault::CodeName;

/// How a box stands, as it tells its siblings over a link that it proved the site's key on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingStanding {
    /// Its id.
    pub box_id: String,
    /// Its boxsync.
    pub version: String,
    /// Whether it is ready.
    pub verdict: Word,
    /// The code of its one reason.
    pub code: CodeName,
    /// What central has not acknowledged.
    pub owed: u64,
    /// Those of them that have a second copy, on a device or in the room; `None` where none are configured.
    #[serde(default)]
    pub copied: Option<u64>,
    /// Seconds since its last run that came through; `None` before the first.
    #[serde(default)]
    pub synchronized: Option<u64>,
}

impl SiblingStanding {
    /// How a box of this id stands.
    pub fn of(box_id: &str, version: &str, standing: &BoxStanding) -> Self {
        let verdict = Verdict::of(standing);
        let owed = standing.owed.as_ref();
        let complete = standing.catalogue.complete_at;
        let copied = standing.copies.as_ref().map(|copies| copies.copied);
        let room = standing.room.as_ref().map(|room| room.copied);
        Self {
            box_id: box_id.to_owned(),
            version: version.to_owned(),
            verdict: verdict.word,
            code: verdict.code,
            owed: owed.map_or(0, OwedCounts::unacknowledged),
            copied: copied.max(room),
            synchronized: complete.map(|at| standing.now.saturating_sub(at).max(0) as u64),
        }
    }

    /// What a sibling told; `None` where that is no standing.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let told: Self = serde_json::from_slice(bytes).ok()?;
        let fits = |text: &str| text.len() <= 50 && text.bytes().all(|b| b.is_ascii_graphic());
        (fits(&told.box_id) && fits(&told.version)).then_some(told)
    }
}
