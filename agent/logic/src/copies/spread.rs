//! Second copies with the other boxes of the room: what each is given, and what goes there.
//! Never gives an item to more boxes than are asked for, and never lets a copy go that may be the only one.
//! Called by `engine::spread`, which asks the boxes.

use std::collections::BTreeSet;

use seal::NameHash;
use serde::{Deserialize, Serialize};

use super::item;
use crate::fault::{Code, Finding, SiteCause};
use crate::retry::mix;

/// Where the copies of what is owed lie now.
#[derive(Debug, Clone, Default)]
pub struct CopySpread {
    /// The names of each owed item as it stands: under the key in force, then under former ones.
    items: Vec<Vec<NameHash>>,
    /// What of this box lies with each sibling, the first choice first.
    places: Vec<BTreeSet<NameHash>>,
    /// With how many siblings each item is to lie.
    copies: usize,
}

impl CopySpread {
    /// What is owed, what lies where, and how many copies are wanted.
    pub fn new(items: Vec<Vec<NameHash>>, places: Vec<BTreeSet<NameHash>>, copies: usize) -> Self {
        Self {
            items,
            places,
            copies,
        }
    }

    fn lies(&self, place: usize, of: usize) -> bool {
        let name = self.items[of].first();
        name.is_some_and(|name| self.places[place].contains(name))
    }

    fn count(&self, of: usize) -> usize {
        (0..self.places.len())
            .filter(|place| self.lies(*place, of))
            .count()
    }

    /// Items that this sibling is to be given, by their place in the list: asked of one sibling after the other, each with
    /// what those before it took.
    pub fn lacking(&self, place: usize) -> Vec<usize> {
        let lacks = |of: &usize| !self.lies(place, *of) && self.count(*of) < self.copies;
        (0..self.items.len()).filter(lacks).collect()
    }

    /// The sibling has it now.
    pub fn lies_now(&mut self, place: usize, of: usize) {
        let name = self.items[of].first().copied();
        self.places[place].extend(name);
    }

    /// What is to go from this sibling.
    ///
    /// | A copy is of | Then |
    /// |---|---|
    /// | what is owed, as it stands, under the key in force | stays |
    /// | what is owed, under a former key or as it stood before | goes once enough siblings have it as it stands |
    /// | what is owed, as it stands, and more siblings have it than asked for | goes where there is no room: `full` |
    /// | what is acknowledged | goes |
    /// | anything else | stays, it may be the only one |
    pub fn going(
        &mut self,
        place: usize,
        acknowledged: &BTreeSet<[u8; 12]>,
        full: bool,
    ) -> Vec<NameHash> {
        let goes = |name: &&NameHash| {
            let owed = self.items.iter().position(|names| {
                let same = |own: &NameHash| item(*own) == item(**name);
                names.iter().any(same)
            });
            match owed {
                Some(of) if self.items[of].first() == Some(*name) => {
                    full && self.count(of) > self.copies
                }
                Some(of) => self.count(of) >= self.copies,
                None => acknowledged.contains(&item(**name)),
            }
        };
        let going: Vec<NameHash> = self.places[place].iter().filter(goes).copied().collect();
        // What goes from here counts for no other place.
        self.places[place].retain(|name| !going.contains(name));
        going
    }

    /// What lies with this sibling.
    pub fn left(&self, place: usize) -> Vec<NameHash> {
        self.places[place].iter().copied().collect()
    }

    /// Whether something lies with a sibling of which the box must know whether it is acknowledged.
    pub fn has_others(&self) -> bool {
        let owed = |name: &NameHash| {
            let mut names = self.items.iter().flatten();
            names.any(|own| item(*own) == item(*name))
        };
        !self.places.iter().flatten().all(owed)
    }

    /// Items that lie with fewer siblings than asked for.
    pub fn uncopied(&self) -> Vec<usize> {
        let all = 0..self.items.len();
        all.filter(|of| self.count(*of) < self.copies).collect()
    }
}

/// In which order a box gives its copies to siblings: each box in another one, so that no box of the room keeps those of all.
pub fn choice(own: &str, sibling: &str) -> u64 {
    let bytes = own.bytes().chain([0]).chain(sibling.bytes());
    bytes.fold(0, |seed, byte| mix(seed ^ u64::from(byte)))
}

/// A box of the room, as the daemon met it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetSibling {
    /// Where it answers.
    pub peer: String,
    /// Its id; `None` where it proved no key of `key_file`.
    pub box_id: Option<String>,
    /// Since when it has answered each time, Unix seconds; `None` where it does not answer.
    pub since: Option<i64>,
    /// Copies of this box that lie there.
    pub keeps: u64,
    /// Why nothing could be given to it.
    pub trouble: Option<Finding>,
}

/// How the copies with the boxes of the room stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoomStanding {
    /// Items that are owed.
    pub owed: u64,
    /// Those of them that lie with as many siblings as asked for.
    pub copied: u64,
    /// With how many that is: `[results] copies`, or all there are.
    pub copies: u64,
    /// When the oldest of the others came, Unix seconds.
    pub oldest_at: Option<i64>,
    /// The boxes of `peers`, the box itself apart.
    pub siblings: Vec<MetSibling>,
    /// Why nothing could be asked of any.
    pub trouble: Option<Finding>,
}

impl RoomStanding {
    /// What a person should know: nothing could be asked, or what is owed lies on this box alone since no box of the room takes it.
    pub fn notices(&self) -> impl Iterator<Item = Finding> {
        let count = self.owed.saturating_sub(self.copied);
        let takes = |one: &MetSibling| one.box_id.is_some() && one.trouble.is_none();
        let is_alone = count > 0 && !self.siblings.iter().any(takes);
        let alone = is_alone.then(|| Finding::new(Code::CopiesAlone, SiteCause::Alone { count }));
        self.trouble.clone().or(alone).into_iter()
    }

    /// Since when each box has answered, where it answered before this look, too.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        for one in &mut self.siblings {
            let known = before.siblings.iter().find(|known| known.peer == one.peer);
            let since = known.and_then(|known| known.since);
            one.since = one.since.map(|now| since.unwrap_or(now));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(of: u8, version: u8) -> NameHash {
        super::super::name(NameHash([of; 16]), NameHash([version; 16]))
    }

    fn places(held: &[&[NameHash]]) -> Vec<BTreeSet<NameHash>> {
        held.iter()
            .map(|held| held.iter().copied().collect())
            .collect()
    }

    #[test]
    fn each_item_goes_to_as_many_as_asked_and_no_more() {
        let items = || vec![vec![named(1, 1)], vec![named(2, 1)]];
        let none: &[NameHash] = &[];
        /// What lies where, how many are asked for, what each place lacks, how many lie nowhere in the end.
        type SpreadCase<'a> = (&'a [&'a [NameHash]], usize, [&'a [usize]; 2], usize);
        let table: [SpreadCase<'_>; 5] = [
            (&[none, none], 1, [&[0, 1], &[]], 0),
            (&[none, none], 2, [&[0, 1], &[0, 1]], 0),
            // What lies with the second choice stays there.
            (&[none, &[named(1, 1)]], 1, [&[1], &[]], 0),
            (&[none, none], 3, [&[0, 1], &[0, 1]], 2),
            (&[none, none], 0, [&[], &[]], 0),
        ];
        for (held, copies, expected, left) in table {
            let mut spread = CopySpread::new(items(), places(held), copies);
            for (place, expected) in expected.iter().enumerate() {
                let lacking = spread.lacking(place);
                assert_eq!(lacking, *expected, "{held:?} {copies}");
                for of in lacking {
                    spread.lies_now(place, of);
                }
            }
            assert_eq!(spread.uncopied().len(), left, "{held:?} {copies}");
        }
        // A box that takes nothing: the next one is given it.
        let mut spread = CopySpread::new(items(), places(&[none, none]), 1);
        assert_eq!(spread.lacking(1), [0, 1]);
        spread.lies_now(1, 0);
        assert_eq!(spread.uncopied(), [1]);
    }

    #[test]
    fn what_may_be_the_only_copy_stays() {
        let stands = named(1, 2);
        let (before, former) = (named(1, 1), named(7, 2));
        let (done, unknown) = (named(3, 1), named(4, 1));
        let items = vec![vec![stands, former]];
        let acknowledged: BTreeSet<_> = [item(done)].into();
        let all = [before, former, done, unknown];
        let mut spread = CopySpread::new(items, places(&[&all, &[]]), 1);
        assert_eq!(
            spread.clone().going(0, &acknowledged, false),
            [done],
            "the successor is nowhere"
        );
        spread.lies_now(1, 0);
        let going: BTreeSet<_> = spread.going(0, &acknowledged, false).into_iter().collect();
        assert_eq!(going, [before, former, done].into());
        assert_eq!(spread.going(1, &acknowledged, true), []);
        assert!(spread.has_others());
    }

    proptest! {
        /// Whatever lies where and whoever takes nothing: what is owed and lay somewhere still lies somewhere, and
        /// what nobody knows is never let go.
        #[test]
        fn nothing_owed_is_ever_left_without_its_copy(
            held in prop::collection::vec(prop::collection::btree_set((0u8..6, 0u8..3), 0..8), 1..4),
            owed in prop::collection::btree_map(0u8..6, 0u8..3, 0..5),
            done in prop::collection::btree_set(0u8..6, 0..4),
            takes in prop::collection::vec(any::<bool>(), 4), full in prop::collection::vec(any::<bool>(), 4), copies in 0usize..3,
        ) {
            let items: Vec<_> = owed.iter().map(|(of, version)| vec![named(*of, *version)]).collect();
            let sets: Vec<BTreeSet<_>> = held.iter().map(|set| set.iter().map(|(of, version)| named(*of, *version)).collect()).collect();
            let done: BTreeSet<_> = done.iter().filter(|of| !owed.contains_key(of)).map(|of| item(named(*of, 0))).collect();
            let mut spread = CopySpread::new(items.clone(), sets.clone(), copies);
            for (place, takes) in takes.iter().enumerate().take(sets.len()) {
                for of in spread.lacking(place) {
                    if *takes { spread.lies_now(place, of); }
                }
            }
            let mut left = BTreeSet::new();
            let before: Vec<usize> = (0..items.len()).map(|of| spread.count(of)).collect();
            for (place, full) in full.iter().enumerate().take(sets.len()) {
                spread.going(place, &done, *full);
                left.extend(spread.left(place));
            }
            for (of, before) in before.into_iter().enumerate() {
                prop_assert!(spread.count(of) >= before.min(copies));
            }
            let items_left: BTreeSet<_> = left.iter().map(|name| item(*name)).collect();
            for name in sets.iter().flatten() {
                let is_owed = items.iter().any(|names| item(names[0]) == item(*name));
                prop_assert!(done.contains(&item(*name)) || !is_owed || copies == 0 || items_left.contains(&item(*name)));
                prop_assert!(is_owed || done.contains(&item(*name)) || left.contains(name));
            }
        }
    }

    /// What more boxes keep than asked for goes from a full one, and from one of two that are both full.
    #[test]
    fn a_full_box_lets_go_what_others_keep_too() {
        let (one, two) = (named(1, 1), named(2, 1));
        let all: &[NameHash] = &[one, two];
        let spread = || CopySpread::new(vec![vec![one], vec![two]], places(&[all, &[one]]), 1);
        let none = BTreeSet::new();
        assert_eq!(spread().going(0, &none, false), []);
        let mut spread = spread();
        assert_eq!(spread.going(0, &none, true), [one]);
        assert_eq!(spread.left(0), [two]);
        assert_eq!(spread.going(1, &none, true), []);
    }

    #[test]
    fn boxes_of_a_room_choose_each_in_its_own_order() {
        let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let first = |own: &str| {
            let others = ids.iter().filter(|id| **id != own);
            *others.min_by_key(|id| choice(own, id)).unwrap()
        };
        let chosen: BTreeSet<&str> = ids.iter().map(|own| first(own)).collect();
        assert!(chosen.len() >= 4, "{chosen:?}");
    }

    #[test]
    fn what_lies_on_this_box_alone_is_told_where_nobody_takes_it() {
        let met = |box_id: Option<&str>, away: bool| MetSibling {
            peer: "a".into(),
            box_id: box_id.map(str::to_owned),
            since: None,
            keeps: 0,
            trouble: away.then(|| Finding::new(Code::SiteUnproven, SiteCause::NoKeyFile)),
        };
        let table = [
            (3, 3, vec![], false),
            (3, 2, vec![], true),
            (3, 2, vec![met(Some("b"), false)], false),
            (3, 2, vec![met(Some("b"), true), met(None, false)], true),
            (3, 3, vec![met(None, true)], false),
        ];
        for (owed, copied, siblings, expected) in table {
            let room = RoomStanding {
                owed,
                copied,
                siblings,
                ..RoomStanding::default()
            };
            let told = room.notices().next().map(|finding| finding.code);
            let expected = expected.then(|| Code::CopiesAlone.into());
            assert_eq!(told, expected, "{room:?}");
        }
    }

    #[test]
    fn a_box_answers_since_it_answered_first() {
        let met = |peer: &str, since| MetSibling {
            peer: peer.into(),
            box_id: None,
            since,
            keeps: 0,
            trouble: None,
        };
        let room = |siblings| RoomStanding {
            siblings,
            ..RoomStanding::default()
        };
        let before = room(vec![met("a", Some(5)), met("b", None)]);
        let now = room(vec![
            met("a", Some(9)),
            met("b", Some(9)),
            met("c", Some(9)),
        ]);
        let since: Vec<_> = now
            .after(&before)
            .siblings
            .iter()
            .map(|one| one.since)
            .collect();
        assert_eq!(since, [Some(5), Some(9), Some(9)]);
        let gone = room(vec![met("a", None)]).after(&before);
        assert_eq!(gone.siblings[0].since, None);
    }
}
