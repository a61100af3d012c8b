//! A box whose catalogue and feed are published in two steps, cut between them, trimmed and put back.
//! Never a file: what lies on the disk is a value.
//! Used by the tests of the followers of the feed and of the events.

use std::collections::BTreeMap;

use logic::feed::{Extent, FeedRequest, FollowerRefusal, Position, Stand, end, enter, stand};

pub(crate) type ModelCatalogue = BTreeMap<u8, u64>;

/// What changed: the entity, and whether it is there now.
pub(crate) type Changes = Vec<(u8, bool)>;

#[derive(Debug, Clone)]
pub(crate) struct ModelChange {
    pub(crate) number: u64,
    pub(crate) tag: u64,
    pub(crate) change: (u8, bool),
}

#[derive(Debug, Clone)]
pub(crate) struct ModelFeed {
    pub(crate) epoch: u64,
    pub(crate) leads_to: u64,
    pub(crate) whole: bool,
    /// Number and tag of the place before the first line.
    pub(crate) before: (u64, u64),
    pub(crate) lines: Vec<ModelChange>,
}

impl ModelFeed {
    pub(crate) fn newest(&self) -> (u64, u64) {
        let last = self.lines.last();
        last.map_or(self.before, |last| (last.number, last.tag))
    }

    pub(crate) fn tag(&self, number: u64) -> Option<u64> {
        let lines = self.lines.iter().map(|line| (line.number, line.tag));
        let mut places = [self.before].into_iter().chain(lines);
        Some(places.find(|(at, _)| *at == number)?.1)
    }
}

/// What lies on the disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FeedDisk {
    pub(crate) catalogue: ModelCatalogue,
    pub(crate) generation: u64,
    /// Drawn by the publication of this catalogue.
    pub(crate) drawn: u64,
    pub(crate) feed: Option<ModelFeed>,
}

/// The box: its disk, a copy of it, and the run that is under way.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) disk: FeedDisk,
    pub(crate) copy: Option<FeedDisk>,
    pub(crate) running: bool,
    /// The catalogue was renamed into place, the feed does not follow yet: what changed, since which generation.
    pub(crate) half: Option<(Changes, u64, bool)>,
    pub(crate) draws: u64,
}

impl Model {
    /// Like the kernel's random numbers: never the same twice.
    pub(crate) fn draw(&mut self) -> u64 {
        self.draws += 1;
        (self.draws << 32) | self.draws
    }

    pub(crate) fn show(&mut self, wanted: Changes) {
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

    pub(crate) fn append(&mut self) {
        let Some((changes, before, whole)) = self.half.take() else {
            return;
        };
        let (epoch, tag, first) = (self.draw() >> 12, self.draw(), self.draw());
        let held = self.disk.feed.take().filter(|feed| feed.leads_to == before);
        let mut feed = held.unwrap_or(ModelFeed {
            epoch,
            leads_to: before,
            whole,
            before: (u64::from(!whole), first),
            lines: Vec::new(),
        });
        for change in changes {
            let number = feed.newest().0 + 1;
            feed.lines.push(ModelChange {
                number,
                tag,
                change,
            });
        }
        feed.leads_to = self.disk.generation;
        self.disk.feed = Some(feed);
    }

    pub(crate) fn trim(&mut self) {
        if let Some(feed) = &mut self.disk.feed
            && feed.lines.len() > 3
        {
            let gone = feed.lines.drain(..2).next_back().unwrap();
            feed.before = (gone.number, gone.tag);
        }
    }

    pub(crate) fn cut(&mut self) {
        (self.running, self.half) = (false, None);
    }

    pub(crate) fn stand(&self) -> Stand {
        let leads_to = self.disk.feed.as_ref().map(|feed| feed.leads_to);
        stand(leads_to, self.disk.generation, self.running)
    }

    pub(crate) fn own(&self) -> Extent {
        Extent::of_edition(self.disk.drawn, self.disk.catalogue.is_empty())
    }

    pub(crate) fn feed_end(&self) -> Option<Position> {
        let feed = self.disk.feed.as_ref()?;
        let (number, tag) = feed.newest();
        let epoch = feed.epoch;
        Some(Position { epoch, number, tag })
    }

    pub(crate) fn end(&self) -> Position {
        end(self.stand(), self.own(), self.feed_end()).unwrap()
    }

    pub(crate) fn enter(&self, asked: FeedRequest) -> Result<(Position, bool), FollowerRefusal> {
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
