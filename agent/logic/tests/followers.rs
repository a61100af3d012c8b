//! Followers of the change feed that begin, stop, lag and meet a new epoch at any moment end with the catalogue.
//! Never a file: the box is a model of what is published in two steps, cut between them, trimmed and put back.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;

use logic::feed::{Asked, Extent, Position, Refused, Stand, end, enter, stand};
use proptest::prelude::*;

type Catalogue = BTreeMap<u8, u64>;

/// What changed: the entity, and whether it is there now.
type Changes = Vec<(u8, bool)>;

#[derive(Debug, Clone)]
struct Line {
    number: u64,
    tag: u64,
    change: (u8, bool),
}

#[derive(Debug, Clone)]
struct Feed {
    epoch: u64,
    leads_to: u64,
    whole: bool,
    /// Number and tag of the place before the first line.
    before: (u64, u64),
    lines: Vec<Line>,
}

impl Feed {
    fn newest(&self) -> (u64, u64) {
        let last = self.lines.last();
        last.map_or(self.before, |last| (last.number, last.tag))
    }

    fn tag(&self, number: u64) -> Option<u64> {
        let lines = self.lines.iter().map(|line| (line.number, line.tag));
        let mut places = [self.before].into_iter().chain(lines);
        Some(places.find(|(at, _)| *at == number)?.1)
    }
}

/// What lies on the disk.
#[derive(Debug, Clone, Default)]
struct Disk {
    catalogue: Catalogue,
    generation: u64,
    /// Drawn by the publication of this catalogue.
    drawn: u64,
    feed: Option<Feed>,
}

/// The box: its disk, a copy of it, and the run that is under way.
#[derive(Debug, Default)]
struct Model {
    disk: Disk,
    copy: Option<Disk>,
    running: bool,
    /// The catalogue was renamed into place, the feed does not follow yet: what changed, since which generation.
    half: Option<(Changes, u64, bool)>,
    draws: u64,
}

impl Model {
    /// Like the kernel's random numbers: never the same twice.
    fn draw(&mut self) -> u64 {
        self.draws += 1;
        (self.draws << 32) | self.draws
    }

    fn show(&mut self, wanted: Changes) {
        self.append();
        self.running = true;
        let from_empty = self.disk.catalogue.is_empty();
        let before = self.disk.generation;
        self.disk.generation += 1;
        self.disk.drawn = self.draw();
        let (generation, catalogue) = (self.disk.generation, &mut self.disk.catalogue);
        let changed = |(id, is): &(u8, bool)| match is {
            true => catalogue.insert(*id, generation) != Some(generation),
            false => catalogue.remove(id).is_some(),
        };
        let changes = wanted.into_iter().filter(changed).collect();
        self.half = Some((changes, before, from_empty));
    }

    fn append(&mut self) {
        let Some((changes, before, whole)) = self.half.take() else {
            return;
        };
        let (epoch, tag, first) = (self.draw() >> 12, self.draw(), self.draw());
        let held = self.disk.feed.take().filter(|feed| feed.leads_to == before);
        let mut feed = held.unwrap_or(Feed {
            epoch,
            leads_to: before,
            whole,
            before: (u64::from(!whole), first),
            lines: Vec::new(),
        });
        for change in changes {
            let number = feed.newest().0 + 1;
            feed.lines.push(Line {
                number,
                tag,
                change,
            });
        }
        feed.leads_to = self.disk.generation;
        self.disk.feed = Some(feed);
    }

    fn trim(&mut self) {
        if let Some(feed) = &mut self.disk.feed
            && feed.lines.len() > 3
        {
            let gone = feed.lines.drain(..2).next_back().unwrap();
            feed.before = (gone.number, gone.tag);
        }
    }

    fn cut(&mut self) {
        (self.running, self.half) = (false, None);
    }

    fn stand(&self) -> Stand {
        let leads_to = self.disk.feed.as_ref().map(|feed| feed.leads_to);
        stand(leads_to, self.disk.generation, self.running)
    }

    fn own(&self) -> Extent {
        Extent::of_edition(self.disk.drawn, self.disk.catalogue.is_empty())
    }

    fn feed_end(&self) -> Option<Position> {
        let feed = self.disk.feed.as_ref()?;
        let (number, tag) = feed.newest();
        let epoch = feed.epoch;
        Some(Position { epoch, number, tag })
    }

    fn end(&self) -> Position {
        end(self.stand(), self.own(), self.feed_end()).unwrap()
    }

    fn enter(&self, asked: Asked) -> Result<(Position, bool), Refused> {
        let feed = self.disk.feed.as_ref();
        let extent = feed.map(|feed| Extent {
            epoch: feed.epoch,
            oldest: feed.before.0 + 1,
            newest: feed.newest().0,
            whole: feed.whole,
        });
        let tag = |number| feed.and_then(|feed| feed.tag(number));
        enter(asked, self.stand(), self.own(), extent, tag)
    }
}

#[derive(Debug, Clone, Copy)]
struct Follower {
    by_cursor: bool,
    /// It begins with all entities; else with the beginning of the feed.
    reads_all: bool,
}

#[derive(Debug)]
struct Following {
    follower: Follower,
    at: Option<Position>,
    knows: Catalogue,
}

impl Following {
    fn of(follower: Follower) -> Self {
        Self {
            follower,
            at: None,
            knows: Catalogue::new(),
        }
    }

    fn read_all(&mut self, model: &Model) {
        self.knows.clone_from(&model.disk.catalogue);
        self.at = Some(model.end());
    }

    /// Asks once, for so many changes with their contents; whether something came.
    fn poll(&mut self, model: &Model, limit: usize) -> bool {
        let asked = match self.at {
            None if self.follower.reads_all => {
                self.read_all(model);
                return true;
            }
            None => Asked::Since(None, 0),
            Some(at) if self.follower.by_cursor => Asked::Cursor(at),
            Some(at) => Asked::Since(Some(at.epoch), at.number),
        };
        let (from, reads) = match model.enter(asked) {
            Ok(entered) => entered,
            Err(Refused::Gone) => {
                self.read_all(model);
                return true;
            }
            Err(Refused::NeedsEpoch) => unreachable!("it names the epoch"),
        };
        let feed = model.disk.feed.as_ref().filter(|_| reads);
        let lines = feed.map_or(&[][..], |feed| &feed.lines);
        let news = lines.iter().filter(|line| line.number > from.number);
        self.at = Some(from);
        let mut came = false;
        for line in news.take(limit) {
            came = true;
            self.at = Some(Position {
                number: line.number,
                tag: line.tag,
                ..from
            });
            let (id, is) = line.change;
            match model.disk.catalogue.get(&id).filter(|_| is) {
                Some(now) => self.knows.insert(id, *now),
                None => self.knows.remove(&id),
            };
        }
        came
    }

    fn catches_up(&mut self, model: &Model) {
        for _ in 0..1000 {
            if !self.poll(model, 3) {
                return;
            }
        }
        panic!("a follower reads the same again and again");
    }
}

#[derive(Debug, Clone)]
enum Act {
    /// A run begins; it ends, its publications whole.
    Run,
    End,
    /// It publishes the catalogue; the feed behind it.
    Show(Changes),
    Append,
    /// The power goes, in whatever phase.
    Cut,
    Trim,
    /// The head of the feed does not open any more.
    Damage,
    Copy,
    PutBack,
    Begin(Follower),
    Poll(usize, usize),
}

fn act() -> impl Strategy<Value = Act> {
    let changes = prop::collection::vec((0..7u8, any::<bool>()), 0..6);
    let follower = (any::<bool>(), any::<bool>());
    prop_oneof![
        2 => Just(Act::Run),
        2 => Just(Act::End),
        8 => changes.prop_map(Act::Show),
        7 => Just(Act::Append),
        2 => Just(Act::Cut),
        2 => Just(Act::Trim),
        1 => Just(Act::Damage),
        1 => Just(Act::Copy),
        1 => Just(Act::PutBack),
        3 => follower.prop_map(|(by_cursor, reads_all)| Act::Begin(Follower { by_cursor, reads_all })),
        9 => (0..6usize, 1..5usize).prop_map(|(who, limit)| Act::Poll(who, limit)),
    ]
}

fn obey(model: &mut Model, followers: &mut Vec<Following>, act: Act) {
    match act {
        Act::Run => model.running = true,
        Act::End => {
            model.append();
            model.running = false;
        }
        Act::Show(changes) => model.show(changes),
        Act::Append => model.append(),
        Act::Cut => model.cut(),
        Act::Trim => model.trim(),
        Act::Damage => model.disk.feed = None,
        Act::Copy => model.copy = Some(model.disk.clone()),
        Act::PutBack => {
            if let Some(copy) = model.copy.clone() {
                // Plain numbers are given out again there: that is why there are cursors. And who lags has looked up
                // what came later than its place.
                followers.retain_mut(|following| {
                    following.catches_up(model);
                    let ends = [None, Some(model.end()), model.feed_end()];
                    following.follower.by_cursor && ends.contains(&following.at)
                });
                model.cut();
                model.disk = copy;
            }
        }
        Act::Begin(follower) => followers.push(Following::of(follower)),
        Act::Poll(who, limit) => {
            if let Some(following) = followers.get_mut(who) {
                following.poll(model, limit);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_follower_ends_with_the_catalogue(acts in prop::collection::vec(act(), 1..60)) {
        let (mut model, mut followers) = (Model::default(), Vec::new());
        for act in acts {
            obey(&mut model, &mut followers, act);
        }
        // The run ends as it stands, whole or not.
        model.cut();
        for following in &mut followers {
            following.catches_up(&model);
            prop_assert_eq!(&following.knows, &model.disk.catalogue, "{:?}", following.follower);
        }
        // Whatever was cut is healed by the next run.
        model.show(vec![(1, true), (2, false)]);
        for following in &mut followers {
            following.poll(&model, 2);
        }
        model.append();
        model.running = false;
        for following in &mut followers {
            following.catches_up(&model);
            prop_assert_eq!(&following.knows, &model.disk.catalogue, "{:?}", following.follower);
        }
    }
}
