//! Decides, for one entity type, what a list of central changes on the box: create, update, leave, delete or hold back.
//! Never deletes because a list is empty, short or of another place (design 1, promise 5).
//! Called by `sync` page by page; its votes are kept by `vault` between runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Page;
use crate::entity::{Checksum, EntityType};
use crate::seal::NameHash;

/// Rows of the index of one type: keyed hash of the id, checksum as central gave it.
pub type Index = BTreeMap<NameHash, Checksum>;

/// Since when each absent entity has been absent: keyed hash, Unix seconds of the first run that missed it.
pub type Votes = BTreeMap<NameHash, i64>;

/// Two runs this far apart agree on a deletion that was held back (design 3 "Data").
pub const AGREE_AFTER: i64 = 24 * 60 * 60;

/// No list of a real central is longer; a chain of pages that is gets cut and told.
const PAGE_CAP: u32 = 10_000;

/// What one page asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Ids whose details must be fetched.
    pub wanted: Vec<String>,
    /// The next page, verbatim; `None` when the list has ended.
    pub next: Option<String>,
}

/// What the whole list means for what is held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closing {
    /// To be deleted now.
    pub remove: Vec<NameHash>,
    /// Not named any more, but kept.
    pub held_back: u64,
    /// To be kept for the next run.
    pub votes: Votes,
}

/// What is known besides the list when the deletions are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Share of the type that one sync may delete unasked, inclusive.
    pub limit: f64,
    /// `--allow-deletes`.
    pub allowed: bool,
    /// Whether central still names a test centre that this box holds (true while it holds none).
    pub centre_named: bool,
    /// Unix seconds by the box's best estimate.
    pub wall: i64,
}

/// The running comparison of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    kind: EntityType,
    held: Index,
    staged: Index,
    seen: BTreeSet<NameHash>,
    followed: BTreeSet<String>,
    pages: u32,
    /// Named, different and already staged by an interrupted run: not fetched again.
    pub reuse: Vec<NameHash>,
    /// Named and equal.
    pub unchanged: u64,
    /// Deliveries keep their ids: their packages are asked for by them.
    pub named: Vec<String>,
    /// Why the list was cut, when it was.
    pub cut: Option<String>,
}

impl Manifest {
    /// Begins a comparison with what is held and what an interrupted run left staged.
    pub fn new(kind: EntityType, held: Index, staged: Index) -> Self {
        Self {
            kind,
            held,
            staged,
            seen: BTreeSet::new(),
            followed: BTreeSet::new(),
            pages: 0,
            reuse: Vec::new(),
            unchanged: 0,
            named: Vec::new(),
            cut: None,
        }
    }

    /// Takes one page. The list ends when no next page is named, when it was already followed, when the page
    /// brings no new id (four of the six types repeat for ever at exactly one page, protocol 5.3) or at the cap.
    pub fn page(&mut self, page: &Page, hash: impl Fn(&str) -> NameHash) -> Turn {
        let before = self.seen.len();
        let mut wanted = Vec::new();
        for (id, checksum) in &page.listed {
            let name = hash(id);
            if !self.seen.insert(name) {
                continue;
            }
            if self.kind == EntityType::Delivery {
                self.named.push(id.clone());
            }
            let checksum = Checksum::of(checksum);
            if self.held.get(&name) == Some(&checksum) {
                self.unchanged += 1;
            } else if self.staged.get(&name) == Some(&checksum) {
                self.reuse.push(name);
            } else {
                wanted.push(id.clone());
            }
        }
        // An entry that cannot be read is no word about the entity: what is held of that name is not gone.
        for key in &page.doubtful {
            self.seen.insert(hash(key));
        }
        self.pages += 1;
        let fresh = self.seen.len() > before;
        let next = page
            .next
            .clone()
            .filter(|next| fresh && self.followed.insert(next.clone()));
        if self.pages >= PAGE_CAP && next.is_some() {
            self.cut = Some(format!(
                "the list of {} did not end after {PAGE_CAP} pages",
                self.kind.word()
            ));
            return Turn { wanted, next: None };
        }
        Turn { wanted, next }
    }

    /// Whether an entity is held already: its arrival is an update.
    pub fn holds(&self, name: &NameHash) -> bool {
        self.held.contains_key(name)
    }

    /// Whether the list names at least one entity that is held, or nothing is held yet.
    pub fn names_a_held_one(&self) -> bool {
        self.held.is_empty() || self.held.keys().any(|name| self.seen.contains(name))
    }

    /// Whether the list named nothing at all.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Judges what the list no longer names. Up to the limit it goes; beyond, what two runs a day apart both
    /// missed goes, unless the list is empty or of another place; the rest is held back.
    pub fn close(&self, earlier: &Votes, guard: Guard) -> Closing {
        let absent: Vec<NameHash> = self
            .held
            .keys()
            .filter(|name| !self.seen.contains(*name))
            .copied()
            .collect();
        if absent.is_empty() {
            return Closing::default();
        }
        let share = absent.len() as f64 / self.held.len() as f64;
        let trusted = guard.centre_named && !self.is_empty() && self.cut.is_none();
        if guard.allowed || (trusted && share <= guard.limit) {
            return Closing {
                remove: absent,
                ..Closing::default()
            };
        }
        let mut closing = Closing::default();
        for name in absent {
            let since = earlier
                .get(&name)
                .copied()
                .filter(|since| *since <= guard.wall)
                .unwrap_or(guard.wall);
            if trusted && guard.wall - since >= AGREE_AFTER {
                closing.remove.push(name);
            } else {
                closing.held_back += 1;
                closing.votes.insert(name, since);
            }
        }
        closing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> NameHash {
        let mut hash = [0; 16];
        hash[..id.len()].copy_from_slice(id.as_bytes());
        NameHash(hash)
    }

    fn held(ids: &[&str]) -> Index {
        ids.iter()
            .map(|id| (name(id), Checksum::of("0123456789abcdef0123456789abcdef")))
            .collect()
    }

    fn listed(ids: &[&str], next: Option<&str>) -> Page {
        let listed = ids
            .iter()
            .map(|id| {
                (
                    (*id).to_owned(),
                    "0123456789abcdef0123456789abcdef".to_owned(),
                )
            })
            .collect();
        Page {
            next: next.map(str::to_owned),
            listed,
            odd: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    fn compare(holds: &[&str], names: &[&str]) -> Manifest {
        let mut manifest = Manifest::new(EntityType::TestTaker, held(holds), Index::new());
        manifest.page(&listed(names, None), name);
        manifest
    }

    const GUARD: Guard = Guard {
        limit: 0.5,
        allowed: false,
        centre_named: true,
        wall: 1_000_000,
    };

    #[test]
    fn an_endless_chain_ends_with_the_page_that_brings_nothing_new() {
        let mut manifest = Manifest::new(EntityType::Proctor, Index::new(), Index::new());
        assert_eq!(
            manifest
                .page(&listed(&["a", "b"], Some("/x?offset=2")), name)
                .next
                .as_deref(),
            Some("/x?offset=2")
        );
        let turn = manifest.page(&listed(&["a", "b"], Some("/x?offset=4")), name);
        assert_eq!(turn, Turn::default());
    }

    #[test]
    fn a_next_page_is_followed_once() {
        let mut manifest = Manifest::new(EntityType::Proctor, Index::new(), Index::new());
        assert!(
            manifest
                .page(&listed(&["a"], Some("/x")), name)
                .next
                .is_some()
        );
        assert!(
            manifest
                .page(&listed(&["b"], Some("/x")), name)
                .next
                .is_none()
        );
    }

    #[test]
    fn an_entry_that_cannot_be_read_deletes_nothing() {
        let mut manifest = Manifest::new(EntityType::Proctor, held(&["a", "b", "c"]), Index::new());
        let page = Page {
            doubtful: vec!["b".to_owned()],
            ..listed(&["a", "c"], None)
        };
        manifest.page(&page, name);
        assert_eq!(manifest.close(&Votes::new(), GUARD), Closing::default());
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(
            compare(&["a", "b"], &["a"])
                .close(&Votes::new(), GUARD)
                .remove,
            [name("b")]
        );
        let closing = compare(&["a", "b", "c"], &["a"]).close(&Votes::new(), GUARD);
        assert_eq!(
            (closing.remove.len(), closing.held_back, closing.votes.len()),
            (0, 2, 2)
        );
    }

    #[test]
    fn an_empty_list_deletes_nothing_however_often_it_comes() {
        let manifest = compare(&["a"], &[]);
        let guard = Guard {
            limit: 1.0,
            ..GUARD
        };
        let closing = manifest.close(&Votes::new(), guard);
        assert_eq!((closing.remove.len(), closing.held_back), (0, 1));
        let later = Guard {
            wall: GUARD.wall + 10 * AGREE_AFTER,
            ..guard
        };
        assert_eq!(manifest.close(&closing.votes, later).held_back, 1);
        assert_eq!(
            manifest
                .close(
                    &Votes::new(),
                    Guard {
                        allowed: true,
                        ..guard
                    }
                )
                .remove,
            [name("a")]
        );
    }

    #[test]
    fn two_runs_a_day_apart_agree() {
        let manifest = compare(&["a", "b", "c"], &["a"]);
        let votes = manifest.close(&Votes::new(), GUARD).votes;
        let soon = Guard {
            wall: GUARD.wall + AGREE_AFTER - 1,
            ..GUARD
        };
        assert_eq!(manifest.close(&votes, soon).held_back, 2);
        let later = Guard {
            wall: GUARD.wall + AGREE_AFTER,
            ..GUARD
        };
        assert_eq!(manifest.close(&votes, later).remove.len(), 2);
        let elsewhere = Guard {
            centre_named: false,
            ..later
        };
        assert_eq!(manifest.close(&votes, elsewhere).remove.len(), 0);
    }

    #[test]
    fn a_vote_from_the_future_counts_from_now() {
        let manifest = compare(&["a", "b", "c"], &["a"]);
        let votes: Votes = [(name("b"), i64::MAX), (name("c"), i64::MAX)].into();
        assert_eq!(manifest.close(&votes, GUARD).votes[&name("b")], GUARD.wall);
    }

    #[test]
    fn what_an_interrupted_run_staged_is_not_fetched_again() {
        let mut manifest = Manifest::new(EntityType::TestTaker, Index::new(), held(&["a"]));
        let turn = manifest.page(&listed(&["a", "b"], None), name);
        assert_eq!(
            (turn.wanted, manifest.reuse),
            (vec!["b".to_owned()], vec![name("a")])
        );
    }
}
