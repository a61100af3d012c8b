//! Reading ahead in one long list: which of its pages are asked for before the page that names them has come.
//! Never says what a page means, and gives none away but under exactly the address that the page before it names.
//! Called by `sync::catalogue::pages`, which takes the pages in their order.
//!
//! | What must hold | else |
//! |---|---|
//! | pages 1 and 2, each asked for alone, name new ids only, as many each | nothing is read ahead |
//! | their `nextCallUrl` differ in an offset alone, which is what was seen; no `nextResource` (protocol 5.3) | the same |
//! | the page in which the list ends by the count of the index comes, and names new ids | the same |
//! | every further page is as long and names the next one so; nothing fails | no page more is read ahead in this run |

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::api::stranger::{Stranger, answered_by};
use crate::api::{Answered, ChecksumPage};
use crate::fault::Fault;
use crate::manifest::PageRequest;
use crate::small_map::SmallMap;
use crate::words::Now;

/// An answer slower than so many times that of page 2, which was asked for alone, takes one page off those under way.
const SLOWER: u32 = 3;
/// Pages that are kept for their turn, over those that may be under way at once.
const KEPT_SHARE: usize = 2;

/// An answer to the question for a page, as it was read.
#[derive(Debug)]
pub(super) struct PageReply {
    /// The page, or what is wrong.
    pub(super) page: Result<ChecksumPage, Fault>,
    /// Whether it is central's answer at all.
    pub(super) stranger: Option<Stranger>,
}

impl PageReply {
    /// Reads it.
    pub(super) fn read(answered: Answered) -> Self {
        let stranger = answered_by(&answered);
        let page = answered.and_then(|reply| ChecksumPage::read(&reply));
        Self { page, stranger }
    }
}

/// What is there of the page that the list goes on with.
#[derive(Debug)]
pub(super) enum NextPage {
    /// It was not asked for.
    NotAsked,
    /// It is under way: `ReadAhead::came` gives it.
    UnderWay,
    /// It has come.
    Arrived(PageReply),
}

/// What the list is read ahead by, known before page 3.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListBounds {
    /// Entities that the box shows: the list is as long as that, as far as one knows.
    pub(super) count: usize,
    /// Pages under way at once at most.
    pub(super) most: usize,
}

/// Reading ahead in the open list.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    /// Nothing more is asked for ahead in this run.
    over: bool,
    /// The page that was asked for as the page before named it is under way since then.
    named_since: Option<Now>,
    /// How page 1 names page 2, and its entities.
    first: Option<(OffsetUrl, usize)>,
    prefetch: Option<Prefetch>,
    /// A page that was read ahead was taken.
    pub(super) used: bool,
}

/// A `nextCallUrl` around the number of its offset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OffsetUrl {
    before: String,
    after: String,
}

impl OffsetUrl {
    /// Reads one whose only `params[offset]` is `offset` and that names no resource.
    fn read(next: &str, offset: usize) -> Option<Self> {
        let query = next.find('?')? + 1;
        let (mut at, mut found) = (query, None);
        for pair in next[query..].split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(name).decode_utf8().ok()?;
            if decoded.contains("nextResource") {
                return None;
            }
            if decoded == "params[offset]" {
                let begin = at + name.len() + 1;
                let new = found.replace((begin, begin + value.len())).is_none();
                new.then_some(())?;
                (value == offset.to_string()).then_some(())?;
            }
            at += pair.len() + 1;
        }
        let (begin, end) = found?;
        Some(Self {
            before: next[..begin].to_owned(),
            after: next[end..].to_owned(),
        })
    }

    fn with(&self, offset: usize) -> String {
        format!("{}{offset}{}", self.before, self.after)
    }
}

/// What is under way, and what has come before its turn.
#[derive(Debug)]
struct Prefetch {
    address: OffsetUrl,
    /// Entities of a page.
    size: usize,
    /// Offset of the page in which the list ends by the count of the index.
    last: usize,
    /// That page came and was as expected: the pages up to here may be asked for.
    until: Option<usize>,
    /// Offset of the page that is taken next.
    turn: usize,
    /// Offset of the page under way that the list waits for.
    awaited: Option<usize>,
    /// Offset of the page that is asked for next.
    next: usize,
    pages: SmallMap<usize, PageSlot>,
    most: usize,
    /// Pages that may be under way now.
    window: usize,
    /// How long page 2 took.
    alone: Duration,
    /// Pages that came.
    came: usize,
}

#[derive(Debug)]
struct PageSlot {
    asked: Now,
    listed: Option<PageReply>,
}

impl Prefetch {
    /// Whether a page is as long as expected and names the next one as expected.
    fn expects(&self, offset: usize, page: &ChecksumPage) -> bool {
        let full = page.listed.len() == self.size
            && page.next.as_deref() == Some(&self.address.with(offset + self.size));
        let end = page.listed.len() < self.size && page.next.is_none();
        page.odd.is_empty() && (full || (end && offset >= self.last))
    }

    /// A page under way came: how long it took tells how many more central bears.
    fn weigh(&mut self, took: Duration) {
        self.came += 1;
        // The first ones opened their connections.
        if self.came <= self.most {
            return;
        }
        if took > self.alone * SLOWER {
            self.window = (self.window - 1).max(1);
        } else if took * 2 < self.alone * SLOWER {
            self.window = (self.window + 1).min(self.most);
        }
    }
}

impl ReadAhead {
    /// A page is asked for as the page before names it.
    pub(super) fn asks_named(&mut self, now: Now) {
        self.named_since = Some(now);
    }

    /// It came; gives how long it took.
    pub(super) fn named_came(&mut self, now: Now) -> Duration {
        let since = self.named_since.take().unwrap_or(now);
        now.mono.saturating_sub(since.mono)
    }

    /// Something is odd: no page more is asked for ahead in this run. What is under way is taken if its turn comes.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    /// The list has ended: forgets what is under way or came.
    pub(super) fn clear(&mut self) {
        (self.first, self.prefetch, self.named_since) = (None, None, None);
    }

    /// A page was taken in its turn, which `turn` is; `took` is how long it took where it was asked for alone. Whether
    /// reading ahead begins with the page after it.
    pub(super) fn turned(
        &mut self,
        page: &ChecksumPage,
        turn: &PageRequest,
        took: Duration,
        bounds: ListBounds,
    ) -> bool {
        let (size, most) = (page.listed.len(), bounds.most);
        let good = !self.over && page.odd.is_empty() && turn.fresh == size && size > 0;
        let next = page.next.as_deref().filter(|_| good && turn.next.is_some());
        if let Some(prefetch) = &mut self.prefetch {
            self.over |= next.is_none() || !prefetch.expects(prefetch.turn, page);
            prefetch.turn += prefetch.size;
            return false;
        }
        self.over |= next.is_none() || most < 2;
        let Some(next) = next.filter(|_| most > 1) else {
            return false;
        };
        let Some((address, first)) = &self.first else {
            self.first = OffsetUrl::read(next, size).map(|address| (address, size));
            self.over = self.first.is_none();
            return false;
        };
        let last = bounds.count.saturating_sub(1) / size * size;
        let same = *first == size && OffsetUrl::read(next, 2 * size).as_ref() == Some(address);
        self.over = !same || last <= 2 * size;
        if self.over {
            return false;
        }
        self.prefetch = Some(Prefetch {
            address: address.clone(),
            size,
            last,
            until: None,
            turn: 2 * size,
            awaited: None,
            next: 2 * size,
            pages: SmallMap::new(),
            most,
            window: most,
            alone: took,
            came: 0,
        });
        true
    }

    /// What there is of the page that the list goes on with.
    pub(super) fn take(&mut self, next: &str) -> NextPage {
        let Some(prefetch) = &mut self.prefetch else {
            return NextPage::NotAsked;
        };
        let address = &prefetch.address;
        self.over |= address.with(prefetch.turn) != next;
        let asked = |offset: &&usize| address.with(**offset) == next;
        let Some(offset) = prefetch.pages.keys().find(asked).copied() else {
            prefetch.next = prefetch.next.max(prefetch.turn + prefetch.size);
            return NextPage::NotAsked;
        };
        match prefetch
            .pages
            .get_mut(&offset)
            .and_then(|slot| slot.listed.take())
        {
            None => {
                prefetch.awaited = Some(offset);
                NextPage::UnderWay
            }
            Some(listed) => {
                prefetch.pages.remove(&offset);
                self.used = true;
                NextPage::Arrived(listed)
            }
        }
    }

    /// A page that was asked for ahead came; gives it back if the list waits for it. `named`: whether a page named an
    /// id before.
    pub(super) fn came(
        &mut self,
        offset: usize,
        listed: PageReply,
        now: Now,
        named: impl Fn(&str) -> bool,
    ) -> Option<PageReply> {
        let prefetch = self.prefetch.as_mut()?;
        let slot = prefetch.pages.get_mut(&offset)?;
        let took = now.mono.saturating_sub(slot.asked.mono);
        let fits = |page: &ChecksumPage| {
            prefetch.expects(offset, page) && !page.listed.iter().any(|(id, _)| named(id))
        };
        let good = listed.page.as_ref().is_ok_and(fits);
        self.over |= !good;
        if good && offset == prefetch.last {
            let full = listed.page.as_ref().is_ok_and(|page| page.next.is_some());
            let some = listed
                .page
                .as_ref()
                .is_ok_and(|page| !page.listed.is_empty());
            self.over |= !some;
            prefetch.until = Some(offset + if full { prefetch.size } else { 0 });
        }
        prefetch.weigh(took);
        if prefetch
            .awaited
            .take_if(|awaited| *awaited == offset)
            .is_some()
        {
            prefetch.pages.remove(&offset);
            self.used = true;
            return Some(listed);
        }
        let slot = prefetch.pages.get_mut(&offset)?;
        slot.listed = Some(listed);
        None
    }

    /// The next page to ask for ahead: offset and address.
    pub(super) fn ask(&mut self, now: Now) -> Option<(usize, String)> {
        let prefetch = self.prefetch.as_mut().filter(|_| !self.over)?;
        let open = prefetch.pages.values().filter(|slot| slot.listed.is_none());
        let under_way = open.count() + usize::from(self.named_since.is_some());
        let offset = match prefetch.until {
            None => Some(prefetch.last),
            Some(until) => {
                while prefetch.pages.contains_key(&prefetch.next) {
                    prefetch.next += prefetch.size;
                }
                let room = prefetch.pages.len() < KEPT_SHARE * prefetch.window;
                Some(prefetch.next).filter(|next| room && *next <= until)
            }
        };
        let fits = |offset: &usize| {
            under_way < prefetch.window
                && *offset >= prefetch.turn
                && !prefetch.pages.contains_key(offset)
        };
        let offset = offset.filter(fits)?;
        let slot = PageSlot {
            asked: now,
            listed: None,
        };
        prefetch.pages.insert(offset, slot);
        Some((offset, prefetch.address.with(offset)))
    }
}
