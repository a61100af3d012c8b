//! What a synchronization would do to the catalogue, list by list, without doing it.
//! Never judges otherwise than a run: the same `manifest` compares, the same `guard` holds back.
//! Called by `engine`, which brings the lists, for `sync --dry-run`.

use std::collections::BTreeSet;

use crate::api::ChecksumPage;
use crate::entity::EntityType;
use crate::exam::ExamUse;
use crate::fault::Fault;
use crate::guard::{Memory, RetainedLists, Terms};
use crate::manifest::{HeldRows, Manifest};
use crate::seal::NameHash;
use crate::small_map::SmallMap;
use crate::sync::Hash;

/// What would become of one type.
///
/// What central does not name any more it gives no id of: it has its name `N` until somebody looks that up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePreview<N = NameHash> {
    /// New, or shown again: by id.
    pub created: Vec<String>,
    /// Changed: by id.
    pub updated: Vec<String>,
    /// Would be hidden.
    pub hidden: Vec<N>,
    /// Not named any more, and kept all the same.
    pub kept: Vec<N>,
    /// Equal, or left as they are.
    pub unchanged: u64,
    /// Of those that are kept: held back by the guard.
    pub held_back: u64,
    /// Changes that would wait for the end of an exam.
    pub waiting: u64,
    /// The list did not come to its end: nothing is known of what it would no longer name.
    pub failed: bool,
}

impl<N> Default for TypePreview<N> {
    fn default() -> Self {
        Self {
            created: Vec::new(),
            updated: Vec::new(),
            hidden: Vec::new(),
            kept: Vec::new(),
            unchanged: 0,
            held_back: 0,
            waiting: 0,
            failed: false,
        }
    }
}

impl TypePreview {
    /// The same by id alone; `id` looks one up, where it can be.
    pub fn by_id(self, mut id: impl FnMut(NameHash) -> Option<String>) -> TypePreview<String> {
        let mut ids = |names: Vec<NameHash>| names.into_iter().filter_map(&mut id).collect();
        TypePreview {
            hidden: ids(self.hidden),
            kept: ids(self.kept),
            created: self.created,
            updated: self.updated,
            unchanged: self.unchanged,
            held_back: self.held_back,
            waiting: self.waiting,
            failed: self.failed,
        }
    }
}

/// The whole, when all lists were read.
#[derive(Debug, Default)]
pub struct CataloguePreview {
    /// By type, as far as lists were asked for.
    pub types: SmallMap<EntityType, TypePreview>,
    /// Ids of the deliveries that central names.
    pub deliveries: Vec<String>,
    /// What would fail or be held back.
    pub findings: Vec<Fault>,
}

/// The comparison under way, one list after the other in the order of a run.
pub struct PreviewMachine {
    hash: Hash,
    terms: Terms,
    exam: ExamUse,
    open: Option<(EntityType, Manifest, TypePreview)>,
    /// Whether central still names a test centre that the box holds; true before that list was read.
    centre_named: bool,
    /// Central names another test centre: a run would change nothing.
    elsewhere: bool,
    judged: RetainedLists,
    done: CataloguePreview,
}

impl PreviewMachine {
    /// Begins.
    pub fn new(hash: Hash, terms: Terms, exam: ExamUse) -> Self {
        Self {
            hash,
            terms,
            exam,
            open: None,
            centre_named: true,
            elsewhere: false,
            judged: RetainedLists::default(),
            done: CataloguePreview::default(),
        }
    }

    /// Begins the list of a type; `false`: a run would not ask for it any more.
    pub fn begin(&mut self, kind: EntityType, held: HeldRows, memory: Memory) -> bool {
        if !self.elsewhere {
            let manifest = Manifest::new(kind, held, memory, self.terms);
            self.open = Some((kind, manifest, TypePreview::default()));
        }
        !self.elsewhere
    }

    /// Takes a page of the open list; gives the one to ask for next.
    pub fn page(&mut self, page: &ChecksumPage) -> Option<String> {
        let (kind, manifest, preview) = self.open.as_mut()?;
        let (kind, hash) = (*kind, self.hash.clone());
        let in_use = self.exam.of_type(kind, |id| hash(kind, id));
        let before = manifest.restore.len();
        let turn = manifest.page(page, &in_use, |id| hash(kind, id));
        for id in turn.wanted {
            match manifest.holds(&hash(kind, &id)) {
                true => preview.updated.push(id),
                false => preview.created.push(id),
            }
        }
        let restored: BTreeSet<NameHash> = manifest.restore[before..].iter().copied().collect();
        let again = page.listed.iter().map(|(id, _)| id);
        let again = again.filter(|id| restored.contains(&hash(kind, id)));
        preview.created.extend(again.cloned());
        turn.next
    }

    /// The open list breaks off.
    pub fn fail(&mut self, why: Fault) {
        if let Some((kind, manifest, mut preview)) = self.open.take() {
            (preview.failed, preview.unchanged) = (true, manifest.unchanged);
            self.done.types.insert(kind, preview);
            self.centre_named &= kind != EntityType::TestCenter;
        }
        self.done.findings.push(why);
    }

    /// The open list has ended.
    pub fn end(&mut self, organisation: &str) {
        let Some((kind, mut manifest, mut preview)) = self.open.take() else {
            return;
        };
        let end = manifest.ended(false, organisation);
        self.done.findings.extend(end.findings);
        if kind == EntityType::TestCenter {
            self.centre_named = manifest.names_a_held_one();
        }
        if end.elsewhere {
            self.elsewhere = true;
            return;
        }
        preview.unchanged = manifest.unchanged;
        self.done.deliveries.append(&mut manifest.named);
        let hash = self.hash.clone();
        let in_use = self.exam.of_type(kind, |id| hash(kind, id));
        let arriving = preview.created.len() as u64;
        let closing = manifest.close(self.centre_named, arriving, 0, in_use);
        self.judged.add(kind, &closing.memory);
        preview.hidden = closing.hide;
        preview.held_back = closing.memory.held_back;
        preview.waiting = closing.memory.waiting;
        preview.kept = closing.memory.absent.into_keys().collect();
        self.done.types.insert(kind, preview);
    }

    /// What came of it.
    pub fn finish(mut self) -> CataloguePreview {
        let left = [self.judged.held_back(), self.judged.contradicted()];
        self.done.findings.extend(left.into_iter().flatten());
        self.done
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::entity::Checksum;
    use crate::exam::ExecutionCount;
    use crate::fault::Code;
    use crate::intake::ExecutionState;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "ffffffffffffffffffffffffffffffff";

    fn name(id: &str) -> NameHash {
        let mut hash = [0; 16];
        hash[..id.len()].copy_from_slice(id.as_bytes());
        NameHash(hash)
    }

    fn page(entries: &[(&str, &str)]) -> ChecksumPage {
        let own = |(id, checksum): &(&str, &str)| ((*id).to_owned(), (*checksum).to_owned());
        ChecksumPage {
            next: None,
            listed: entries.iter().map(own).collect(),
            odd: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    fn held(shown: &[&str], hidden: &[&str]) -> HeldRows {
        let rows = |ids: &[&str]| ids.iter().map(|id| (name(id), Checksum::of(OLD))).collect();
        HeldRows {
            shown: rows(shown),
            hidden: rows(hidden),
            ..HeldRows::default()
        }
    }

    fn machine(exam: ExamUse) -> PreviewMachine {
        let terms = Terms {
            limit: 0.5,
            allowed: false,
            running: 1_000,
        };
        PreviewMachine::new(Rc::new(|_, id| name(id)), terms, exam)
    }

    fn centre(preview: &mut PreviewMachine, named: &str) {
        assert!(preview.begin(EntityType::TestCenter, held(&["c"], &[]), Memory::default()));
        assert_eq!(preview.page(&page(&[(named, OLD)])), None);
        preview.end("1001");
    }

    #[test]
    fn a_list_is_sorted_by_what_would_become_of_it() {
        let sat = ExecutionCount {
            delivery: "sat".into(),
            state: ExecutionState::Active,
            count: 1,
            test_takers: Vec::new(),
        };
        let mut preview = machine(ExamUse::of([Some(std::slice::from_ref(&sat))]));
        centre(&mut preview, "c");
        let shown = held(&["same", "edited", "sat", "gone"], &["back"]);
        assert!(preview.begin(EntityType::Delivery, shown, Memory::default()));
        let listed = [
            ("same", OLD),
            ("edited", NEW),
            ("sat", NEW),
            ("back", OLD),
            ("fresh", NEW),
        ];
        assert_eq!(preview.page(&page(&listed)), None);
        preview.end("1001");
        let done = preview.finish();
        let of = &done.types[&EntityType::Delivery];
        assert_eq!(of.created, ["fresh", "back"]);
        assert_eq!(of.updated, ["edited"]);
        assert_eq!(of.hidden, [name("gone")]);
        assert_eq!((of.unchanged, of.waiting, of.held_back), (2, 1, 0));
        assert_eq!(done.deliveries, ["same", "edited", "sat", "back", "fresh"]);
        assert!(done.findings.is_empty(), "{:?}", done.findings);
    }

    #[test]
    fn what_a_run_would_hold_back_is_held_back() {
        let codes = |done: &CataloguePreview| {
            let codes = done.findings.iter().map(|fault| fault.code);
            codes.collect::<Vec<_>>()
        };
        // More than the limit.
        let mut preview = machine(ExamUse::Nothing);
        centre(&mut preview, "c");
        let shown = held(&["a", "b", "d", "e"], &[]);
        preview.begin(EntityType::TestTaker, shown, Memory::default());
        preview.page(&page(&[("a", OLD)]));
        preview.end("1001");
        let done = preview.finish();
        let of = &done.types[&EntityType::TestTaker];
        assert_eq!((of.hidden.len(), of.held_back, of.kept.len()), (0, 3, 3));
        assert_eq!(codes(&done), [Code::CatalogueHeldBack]);
        // Another test centre: nothing at all.
        let mut preview = machine(ExamUse::Nothing);
        centre(&mut preview, "x");
        assert!(!preview.begin(EntityType::TestTaker, held(&["a"], &[]), Memory::default()));
        assert_eq!(codes(&preview.finish()), [Code::CatalogueOtherCentre]);
        // A list that breaks off hides nothing, and neither do the lists behind a centre that is not known.
        let mut preview = machine(ExamUse::Nothing);
        preview.begin(EntityType::TestCenter, held(&["c"], &[]), Memory::default());
        preview.fail(Fault::new(Code::CentralError, "cut"));
        preview.begin(
            EntityType::TestTaker,
            held(&["a", "b"], &[]),
            Memory::default(),
        );
        preview.page(&page(&[("a", OLD)]));
        preview.end("1001");
        let done = preview.finish();
        assert!(done.types[&EntityType::TestCenter].failed);
        assert!(done.types[&EntityType::TestTaker].hidden.is_empty());
        assert_eq!(codes(&done), [Code::CentralError, Code::CatalogueHeldBack]);
    }
}
