//! Followers of the change feed that begin, stop, lag and meet a new epoch at any moment end with the catalogue.
//! Never a file: the box is a model of what is published in two steps, cut between them, trimmed and put back.
//! Run by `cargo test`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "followers/model.rs"]
mod model;

use logic::feed::{FeedRequest, FollowerRefusal, Position};
use proptest::prelude::*;

use model::{Changes, Model, ModelCatalogue};

#[derive(Debug, Clone, Copy)]
struct FollowerKind {
    by_cursor: bool,
    /// It begins with all entities; else with the beginning of the feed.
    reads_all: bool,
}

#[derive(Debug)]
struct Following {
    follower: FollowerKind,
    at: Option<Position>,
    knows: ModelCatalogue,
}

impl Following {
    fn of(follower: FollowerKind) -> Self {
        Self {
            follower,
            at: None,
            knows: ModelCatalogue::new(),
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
            None => FeedRequest::Since(None, 0),
            Some(at) if self.follower.by_cursor => FeedRequest::Cursor(at),
            Some(at) => FeedRequest::Since(Some(at.epoch), at.number),
        };
        let (from, reads) = match model.enter(asked) {
            Ok(entered) => entered,
            Err(FollowerRefusal::Gone) => {
                self.read_all(model);
                return true;
            }
            Err(FollowerRefusal::NeedsEpoch) => unreachable!("it names the epoch"),
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
enum FollowerAct {
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
    Begin(FollowerKind),
    Poll(usize, usize),
}

fn act() -> impl Strategy<Value = FollowerAct> {
    let changes = prop::collection::vec((0..7u8, any::<bool>()), 0..6);
    let follower = (any::<bool>(), any::<bool>());
    prop_oneof![
        2 => Just(FollowerAct::Run),
        2 => Just(FollowerAct::End),
        8 => changes.prop_map(FollowerAct::Show),
        7 => Just(FollowerAct::Append),
        2 => Just(FollowerAct::Cut),
        2 => Just(FollowerAct::Trim),
        1 => Just(FollowerAct::Damage),
        1 => Just(FollowerAct::Copy),
        1 => Just(FollowerAct::PutBack),
        3 => follower.prop_map(|(by_cursor, reads_all)| FollowerAct::Begin(FollowerKind { by_cursor, reads_all })),
        9 => (0..6usize, 1..5usize).prop_map(|(who, limit)| FollowerAct::Poll(who, limit)),
    ]
}

fn obey(model: &mut Model, followers: &mut Vec<Following>, act: FollowerAct) {
    match act {
        FollowerAct::Run => model.running = true,
        FollowerAct::End => {
            model.append();
            model.running = false;
        }
        FollowerAct::Show(changes) => model.show(changes),
        FollowerAct::Append => model.append(),
        FollowerAct::Cut => model.cut(),
        FollowerAct::Trim => model.trim(),
        FollowerAct::Damage => model.disk.feed = None,
        FollowerAct::Copy => model.copy = Some(model.disk.clone()),
        FollowerAct::PutBack => {
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
        FollowerAct::Begin(follower) => followers.push(Following::of(follower)),
        FollowerAct::Poll(who, limit) => {
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
