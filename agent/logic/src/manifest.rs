//! Decides, for one entity type, what a list of central changes on the box: create, update, leave, hide or hold back.
//! Never hides because a list is empty, short or of another place (design 1, promise 5): `guard` judges that.
//! Called by `sync` page by page; the guard's memory is kept by `vault` between runs.

mod list_end;

use std::collections::BTreeSet;

use crate::api::ChecksumPage;
use crate::entity::{Checksum, EntityType};
use crate::exam::InUse;
use crate::fault::CatalogueCause;
use crate::guard::{ListedType, Memory, Terms};
use crate::seal::NameHash;
use crate::sorted::Sorted;

/// Rows of the index of one type: keyed hash of the id, checksum as central gave it.
pub type IndexRows = Sorted<Checksum>;

/// No list of a real central is longer; a chain of pages that is gets cut and told.
const PAGE_CAP: u32 = 10_000;
/// Pages before the mark.
const MARKED_PAGES: u32 = 2;

/// What the box has of one type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldRows {
    /// What readers see.
    pub shown: IndexRows,
    /// What an interrupted run left staged.
    pub staged: IndexRows,
    /// What central stopped naming, and is kept.
    pub hidden: IndexRows,
}

/// What one page asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// Ids whose details must be fetched.
    pub wanted: Vec<String>,
    /// The next page, verbatim; `None` when the list has ended.
    pub next: Option<String>,
    /// How many of the ids that the page names no page before it named.
    pub fresh: usize,
}

/// What the whole list means for what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closing {
    /// To be hidden now.
    pub hide: Vec<NameHash>,
    /// To be kept for the next run, with what was held back or waits.
    pub memory: Memory,
}

/// The running comparison of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    kind: EntityType,
    held: HeldRows,
    memory: Memory,
    terms: Terms,
    seen: ListedIds,
    followed: BTreeSet<String>,
    pages: u32,
    /// What the pages until now named, and the page after them: reading can begin there once more.
    mark: Option<(ListedIds, String)>,
    /// What the list named since it was begun once more, and before the mark; it ends by this then.
    again: Option<ListedIds>,
    /// Edits that take back what was said within hours: what is shown stays.
    taken_back: u64,
    /// Edits that wait for the end of the exam.
    waiting: u64,
    /// Named, different and already staged by an interrupted run: not fetched again.
    pub reuse: Vec<NameHash>,
    /// Named again, and still kept as they were: shown again without being fetched.
    pub restore: Vec<NameHash>,
    /// Named and equal, or left as they are.
    pub unchanged: u64,
    /// Deliveries keep their ids: their packages are asked for by them.
    pub named: Vec<String>,
    /// Why the list was cut, when it was.
    pub cut: Option<CatalogueCause>,
}

/// What a list named so far. Of what is shown a mark each is enough: most lists name nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ListedIds {
    /// In the order of what is shown.
    shown: Vec<bool>,
    /// Everything else that was named.
    others: BTreeSet<NameHash>,
    count: usize,
}

impl ListedIds {
    fn of(shown: &IndexRows) -> Self {
        Self {
            shown: vec![false; shown.len()],
            others: BTreeSet::new(),
            count: 0,
        }
    }

    /// Marks a name; whether it was not marked before.
    fn insert(&mut self, shown: &IndexRows, name: NameHash) -> bool {
        let fresh = match shown.position(&name) {
            Some(at) => !std::mem::replace(&mut self.shown[at], true),
            None => self.others.insert(name),
        };
        self.count += usize::from(fresh);
        fresh
    }

    fn holds(&self, shown: &IndexRows, name: &NameHash) -> bool {
        match shown.position(name) {
            Some(at) => self.shown[at],
            None => self.others.contains(name),
        }
    }

    fn len(&self) -> usize {
        self.count
    }
}

impl Manifest {
    /// Begins a comparison with what the box has and what the guard remembers.
    pub fn new(kind: EntityType, held: HeldRows, memory: Memory, terms: Terms) -> Self {
        Self {
            kind,
            seen: ListedIds::of(&held.shown),
            held,
            memory,
            terms,
            followed: BTreeSet::new(),
            pages: 0,
            mark: None,
            again: None,
            taken_back: 0,
            waiting: 0,
            reuse: Vec::new(),
            restore: Vec::new(),
            unchanged: 0,
            named: Vec::new(),
            cut: None,
        }
    }

    /// Takes one page. The list ends when no next page is named, when it was already followed, when the page
    /// brings no new id (four of the six types repeat for ever at exactly one page, protocol 5.3) or at the cap.
    /// `in_use`: what an exam in progress keeps as it is shown.
    pub fn page(
        &mut self,
        page: &ChecksumPage,
        in_use: &InUse,
        hash: impl Fn(&str) -> NameHash,
    ) -> PageRequest {
        let (before, before_again) = (self.seen.len(), self.again.as_ref().map(ListedIds::len));
        let mut wanted = Vec::new();
        for (id, checksum) in &page.listed {
            let name = hash(id);
            if let Some(again) = &mut self.again {
                again.insert(&self.held.shown, name);
            }
            if !self.seen.insert(&self.held.shown, name) {
                continue;
            }
            if self.kind == EntityType::Delivery {
                self.named.push(id.clone());
            }
            if self.wants(name, Checksum::of(checksum), in_use) {
                wanted.push(id.clone());
            }
        }
        // An entry that cannot be read is no word about the entity: what is held of that name is not gone.
        let named = self.seen.len();
        for key in &page.doubtful {
            let name = hash(key);
            self.seen.insert(&self.held.shown, name);
            if let Some(again) = &mut self.again {
                again.insert(&self.held.shown, name);
            }
        }
        self.pages += 1;
        let brings = match (&self.again, before_again) {
            (Some(again), Some(before)) => again.len() > before,
            _ => self.seen.len() > before,
        };
        let fresh = named - before;
        let next = page
            .next
            .clone()
            .filter(|next| brings && self.followed.insert(next.clone()));
        if self.pages >= PAGE_CAP && next.is_some() {
            self.cut = Some(CatalogueCause::Endless {
                kind: self.kind.word().to_owned(),
                pages: PAGE_CAP as u64,
            });
            return PageRequest {
                wanted,
                next: None,
                fresh,
            };
        }
        PageRequest {
            wanted,
            next,
            fresh,
        }
    }

    /// How many entities of the type are shown.
    pub fn count(&self) -> usize {
        self.held.shown.len()
    }

    /// Whether the list before named all that is shown, as far as one knows.
    pub fn was_whole(&self) -> bool {
        self.memory.absent.is_empty() && self.memory.waiting == 0
    }

    /// How many the pages have named so far.
    pub fn named_count(&self) -> usize {
        self.seen.len()
    }

    /// Whether a page named it already.
    pub fn has_named(&self, name: &NameHash) -> bool {
        self.seen.holds(&self.held.shown, name)
    }

    /// From `next` on the list can be read once more.
    pub fn mark(&mut self, next: &str) {
        self.mark = Some((self.seen.clone(), next.to_owned()));
    }

    /// Whether the list is being read once more: what is odd in it was told.
    pub fn is_again(&self) -> bool {
        self.again.is_some()
    }

    /// Begins the list once more at the mark if something that is shown was not named: gives the page to go on with.
    /// What either reading names is named.
    pub fn again(&mut self) -> Option<String> {
        let lacks = self.seen.shown.contains(&false);
        let (seen, next) = self.mark.take_if(|_| lacks)?;
        self.followed = BTreeSet::from([next.clone()]);
        self.again = Some(seen);
        self.pages = MARKED_PAGES;
        Some(next)
    }

    /// Sorts one entry of the list; whether its details must be fetched.
    fn wants(&mut self, name: NameHash, checksum: Checksum, in_use: &InUse) -> bool {
        let shown = self.held.shown.get(&name).copied();
        let running = self.terms.running;
        self.memory.hear(name, Some(checksum), shown, running);
        let edited = shown.is_some_and(|shown| shown != checksum);
        if shown == Some(checksum) {
            self.unchanged += 1;
        } else if edited && !self.terms.allowed && self.memory.contradicts(&name, running) {
            self.taken_back += 1;
            self.unchanged += 1;
        } else if edited && in_use.keeps(&name) {
            self.waiting += 1;
            self.unchanged += 1;
        } else if shown.is_none() && self.held.hidden.get(&name) == Some(&checksum) {
            self.restore.push(name);
        } else if self.held.staged.get(&name) == Some(&checksum) {
            self.reuse.push(name);
        } else {
            return true;
        }
        false
    }

    /// Whether an entity is shown already: its arrival is an update.
    pub fn holds(&self, name: &NameHash) -> bool {
        self.held.shown.contains_key(name)
    }

    /// Whether the list names at least one entity that is shown, or nothing is shown yet.
    pub fn names_a_held_one(&self) -> bool {
        self.held.shown.is_empty() || self.seen.shown.contains(&true)
    }

    /// Whether the list named nothing at all.
    pub fn is_empty(&self) -> bool {
        self.seen.len() == 0
    }

    /// Ends without a judgement, since the list was not read to its end: gives back what is remembered.
    pub fn cease(&mut self) -> Memory {
        (self.held, self.seen) = (HeldRows::default(), ListedIds::default());
        std::mem::take(&mut self.memory)
    }

    /// Judges what the list no longer names, once. `centre_named`: central still names a test centre that this box holds;
    /// `arriving`: new entities that this run brings, those shown again included; `deferred`: edits that came and
    /// wait, since an exam began meanwhile.
    pub fn close(
        &mut self,
        centre_named: bool,
        arriving: u64,
        deferred: u64,
        in_use: InUse,
    ) -> Closing {
        let trusted = centre_named && !self.is_empty() && self.cut.is_none();
        // Nobody asks for them any more, and the publication that follows needs the room.
        let (held, seen) = (
            std::mem::take(&mut self.held),
            std::mem::take(&mut self.seen),
        );
        let terms = self.terms;
        let mut memory = std::mem::take(&mut self.memory);
        let absent: Vec<NameHash> = held
            .shown
            .keys()
            .zip(&seen.shown)
            .filter(|(_, seen)| !**seen)
            .map(|(name, _)| *name)
            .collect();
        if trusted {
            for name in &absent {
                let shown = held.shown.get(name).copied();
                memory.hear(*name, None, shown, terms.running);
            }
            let others: Vec<NameHash> = memory
                .said
                .keys()
                .filter(|name| !seen.others.contains(*name) && !held.shown.contains_key(name))
                .copied()
                .collect();
            for name in others {
                memory.hear(name, None, None, terms.running);
            }
        }
        let list = ListedType {
            held: held.shown.len() as u64,
            arriving,
            absent,
            trusted,
            in_use,
        };
        let hide = memory.judge(list, terms);
        memory.contradicted += self.taken_back;
        memory.waiting += self.waiting + deferred;
        if trusted || (self.cut.is_none() && held.shown.is_empty()) {
            memory.read_at = Some(terms.running);
        }
        Closing { hide, memory }
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

    const CHECKSUM: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    fn index(ids: &[&str]) -> IndexRows {
        ids.iter()
            .map(|id| (name(id), Checksum::of(CHECKSUM)))
            .collect()
    }

    fn shown(ids: &[&str]) -> HeldRows {
        HeldRows {
            shown: index(ids),
            ..HeldRows::default()
        }
    }

    fn listed(ids: &[&str], next: Option<&str>) -> ChecksumPage {
        let listed = ids
            .iter()
            .map(|id| ((*id).to_owned(), CHECKSUM.to_owned()))
            .collect();
        ChecksumPage {
            next: next.map(str::to_owned),
            listed,
            odd: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    const TERMS: Terms = Terms {
        limit: 0.5,
        allowed: false,
        running: 1_000_000,
    };

    fn compare(held: HeldRows) -> Manifest {
        Manifest::new(EntityType::TestTaker, held, Memory::default(), TERMS)
    }

    #[test]
    fn an_endless_chain_ends_with_the_page_that_brings_nothing_new() {
        let mut manifest = compare(HeldRows::default());
        assert_eq!(
            manifest
                .page(
                    &listed(&["a", "b"], Some("/x?offset=2")),
                    &InUse::Nothing,
                    name
                )
                .next
                .as_deref(),
            Some("/x?offset=2")
        );
        let turn = manifest.page(
            &listed(&["a", "b"], Some("/x?offset=4")),
            &InUse::Nothing,
            name,
        );
        assert_eq!(turn, PageRequest::default());
    }

    #[test]
    fn a_next_page_is_followed_once() {
        let mut manifest = compare(HeldRows::default());
        assert!(
            manifest
                .page(&listed(&["a"], Some("/x")), &InUse::Nothing, name)
                .next
                .is_some()
        );
        assert!(
            manifest
                .page(&listed(&["b"], Some("/x")), &InUse::Nothing, name)
                .next
                .is_none()
        );
    }

    #[test]
    fn an_entry_that_cannot_be_read_hides_nothing() {
        let mut manifest = compare(shown(&["a", "b", "c"]));
        let page = ChecksumPage {
            doubtful: vec!["b".to_owned()],
            ..listed(&["a", "c"], None)
        };
        manifest.page(&page, &InUse::Nothing, name);
        let closing = manifest.close(true, 0, 0, InUse::Nothing);
        assert_eq!((closing.hide, closing.memory.held_back), (Vec::new(), 0));
    }

    #[test]
    fn what_an_interrupted_run_staged_is_not_fetched_again() {
        let held = HeldRows {
            staged: index(&["a"]),
            ..HeldRows::default()
        };
        let mut manifest = compare(held);
        let turn = manifest.page(&listed(&["a", "b"], None), &InUse::Nothing, name);
        assert_eq!(
            (turn.wanted, manifest.reuse),
            (vec!["b".to_owned()], vec![name("a")])
        );
    }

    #[test]
    fn what_is_named_again_as_it_was_is_not_fetched() {
        let held = HeldRows {
            hidden: index(&["a", "b"]),
            ..shown(&["c"])
        };
        let mut manifest = compare(held);
        let mut page = listed(&["a", "b", "c"], None);
        page.listed[1].1 = OTHER.to_owned();
        let turn = manifest.page(&page, &InUse::Nothing, name);
        assert_eq!(
            (turn.wanted, manifest.restore),
            (vec!["b".to_owned()], vec![name("a")])
        );
    }

    #[test]
    fn nothing_that_is_shown_changes_while_an_exam_runs() {
        let mut manifest = compare(shown(&["a", "b", "c"]));
        let mut page = listed(&["a", "b", "d"], None);
        page.listed[1].1 = OTHER.to_owned();
        // What is new comes; what is edited or gone waits.
        assert_eq!(manifest.page(&page, &InUse::Everything, name).wanted, ["d"]);
        let closing = manifest.close(true, 1, 0, InUse::Everything);
        assert_eq!((closing.hide, closing.memory.waiting), (Vec::new(), 2));
        assert_eq!(closing.memory.held_back, 0);
        // After its end both happen.
        let mut manifest = Manifest::new(
            EntityType::TestTaker,
            shown(&["a", "b", "c", "d"]),
            closing.memory,
            TERMS,
        );
        assert_eq!(manifest.page(&page, &InUse::Nothing, name).wanted, ["b"]);
        let closing = manifest.close(true, 0, 0, InUse::Nothing);
        assert_eq!((closing.hide, closing.memory.waiting), (vec![name("c")], 0));
    }

    #[test]
    fn what_is_sat_stays_as_it_is_and_the_rest_goes_on() {
        let sat = || InUse::Names([name("b"), name("d"), name("x")].into());
        let held = || shown(&["a", "b", "c", "d", "e", "f"]);
        let mut page = listed(&["a", "b", "e", "x"], None);
        page.listed[0].1 = OTHER.to_owned();
        page.listed[1].1 = OTHER.to_owned();
        let mut manifest = compare(held());
        // `b` is edited and `d` gone: both wait. `a` is edited and `c` gone: both happen. `x` is new.
        assert_eq!(manifest.page(&page, &sat(), name).wanted, ["a", "x"]);
        let closing = manifest.close(true, 1, 0, sat());
        assert_eq!(closing.hide, [name("c"), name("f")]);
        assert_eq!(closing.memory.waiting, 2);
        // A person's word does not end it, and holds for all others.
        let allowed = Terms {
            allowed: true,
            ..TERMS
        };
        let mut manifest = Manifest::new(EntityType::TestTaker, held(), Memory::default(), allowed);
        assert_eq!(manifest.page(&page, &sat(), name).wanted, ["a", "x"]);
        let closing = manifest.close(true, 1, 0, sat());
        assert_eq!(closing.hide, [name("c"), name("f")]);
        assert_eq!(closing.memory.waiting, 2);
        assert!(closing.memory.deleted.is_empty());
        // After the end of the exam both come by themselves.
        let mut manifest = Manifest::new(
            EntityType::TestTaker,
            shown(&["a", "b", "d", "e", "x"]),
            closing.memory,
            TERMS,
        );
        page.listed[0].1 = CHECKSUM.to_owned();
        let turn = manifest.page(&page, &InUse::Nothing, name);
        assert_eq!(turn.wanted, ["b"]);
        let closing = manifest.close(true, 0, 0, InUse::Nothing);
        assert_eq!((closing.hide, closing.memory.waiting), (vec![name("d")], 0));
    }
}
