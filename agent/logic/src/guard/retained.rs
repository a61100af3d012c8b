//! What lists that were judged left as it was, to be told: of all types together, each with its count.
//! Never decides what is left: the judgement of each list has.
//! Called by `sync` and by `preview`, when all lists have been judged.

use super::Memory;
use crate::entity::EntityType;
use crate::fault::{CatalogueCause, Code, CountOf, Fault};

/// What each list left as it was.
#[derive(Debug, Default)]
pub struct RetainedLists(Vec<(EntityType, RetainedList)>);

#[derive(Debug)]
struct RetainedList {
    /// Not named, and held back for that alone.
    held_back: u64,
    /// Taken back by central within hours.
    contradicted: u64,
    /// Changed or not named, and used by an exam in progress.
    waiting: u64,
}

impl RetainedLists {
    /// Adds the list of a type, by what the guard remembers of it when it has judged.
    pub fn add(&mut self, kind: EntityType, memory: &Memory) {
        let list = RetainedList {
            held_back: memory.held_back - memory.taken_back,
            contradicted: memory.contradicted,
            waiting: memory.waiting,
        };
        self.0.push((kind, list));
    }

    /// What central takes back.
    pub fn contradicted(&self) -> Option<Fault> {
        let what = self.counts(|list| list.contradicted)?;
        let cause = CatalogueCause::TakenBack { what };
        Some(Fault::new(Code::CentralContradicts, cause))
    }

    /// What is held back.
    pub fn held_back(&self) -> Option<Fault> {
        let what = self.counts(|list| list.held_back)?;
        let cause = CatalogueCause::HeldBack { what };
        Some(Fault::new(Code::CatalogueHeldBack, cause))
    }

    /// What waits for the end of an exam.
    pub fn waiting(&self) -> Option<Fault> {
        let what = self.counts(|list| list.waiting)?;
        let cause = CatalogueCause::InUse { what };
        Some(Fault::new(Code::CatalogueInUse, cause))
    }

    /// Of each type what is more than none; `None` where there is no such type.
    fn counts(&self, count: impl Fn(&RetainedList) -> u64) -> Option<Vec<CountOf>> {
        let some = self.0.iter().filter(|(_, list)| count(list) > 0);
        let what: Vec<CountOf> = some
            .map(|(kind, list)| CountOf::Type {
                count: count(list),
                kind: kind.word().to_owned(),
            })
            .collect();
        (!what.is_empty()).then_some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_told_as_that_and_not_as_held_back_too() {
        let mut lists = RetainedLists::default();
        lists.add(EntityType::Delivery, &Memory::default());
        let memory = Memory {
            held_back: 3,
            taken_back: 1,
            contradicted: 1,
            ..Memory::default()
        };
        lists.add(EntityType::TestTaker, &memory);
        let told = |found: Option<Fault>| found.map(|found| found.cause);
        let takers = |count| {
            let kind = EntityType::TestTaker.word().to_owned();
            vec![CountOf::Type { count, kind }]
        };
        let held_back = CatalogueCause::HeldBack { what: takers(2) };
        assert_eq!(told(lists.held_back()), Some(held_back.into()));
        let taken_back = CatalogueCause::TakenBack { what: takers(1) };
        assert_eq!(told(lists.contradicted()), Some(taken_back.into()));
        assert_eq!(told(lists.waiting()), None);
    }
}
