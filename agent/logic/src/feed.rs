//! From where a follower of the change feed may go on, and when it has to read all entities again.
//! Never takes the numbers of one history for those of another: a cursor names the publication that it stands behind.
//! Called by the route of the feed; `vault::feed` keeps what is decided about.

use std::fmt;
use std::str::FromStr;

/// A place in the feed: behind the change of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The epoch that the number belongs to.
    pub epoch: u64,
    /// Number of the last change before it.
    pub number: u64,
    /// Drawn by the publication that appended this change: an earlier copy of the folder cannot know it.
    pub tag: u64,
}

/// As followers see it: a text to be given back as it is.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}-{:016x}", self.epoch, self.number, self.tag)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(());
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().map_err(|_| ()),
            false => Err(()),
        };
        let (epoch, after, tag) = (number(part()?)?, number(part()?)?, part()?);
        let hex = tag.len() == 16 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match parts.next() {
            None if hex => Ok(Self {
                epoch,
                number: after,
                tag: u64::from_str_radix(tag, 16).map_err(|_| ())?,
            }),
            _ => Err(()),
        }
    }
}

/// What a follower asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedRequest {
    /// What follows this number, of an epoch if one is named.
    Since(Option<u64>, u64),
    /// What follows a place that an earlier answer named.
    Cursor(Position),
}

/// What the feed holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Another epoch is another history.
    pub epoch: u64,
    /// The oldest change that is kept; one more than `newest` when there is none.
    pub oldest: u64,
    /// The newest change.
    pub newest: u64,
    /// The epoch began at an empty catalogue: who reads it from its first change misses nothing.
    pub whole: bool,
}

/// What becomes of a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowerAdmission {
    /// Changes after this number.
    After(u64),
    /// The same, if the place behind this number bears this tag; else it is `Gone`.
    AfterTagged(u64, u64),
    /// It has to read all entities again.
    Gone,
    /// A number alone does not say of which history it is.
    NeedsEpoch,
}

/// Whether the feed reaches back to where a follower stands.
pub fn admit(asked: FeedRequest, held: Extent) -> FollowerAdmission {
    let reached = |number: u64| number.saturating_add(1) >= held.oldest && number <= held.newest;
    match asked {
        FeedRequest::Since(None, 0) if held.whole && held.oldest == 1 => {
            FollowerAdmission::After(0)
        }
        FeedRequest::Since(None, 0) => FollowerAdmission::Gone,
        FeedRequest::Since(None, _) => FollowerAdmission::NeedsEpoch,
        FeedRequest::Since(Some(epoch), number) if epoch == held.epoch && reached(number) => {
            FollowerAdmission::After(number)
        }
        FeedRequest::Cursor(at) if at.epoch == held.epoch && reached(at.number) => {
            FollowerAdmission::AfterTagged(at.number, at.tag)
        }
        FeedRequest::Since(Some(_), _) | FeedRequest::Cursor(_) => FollowerAdmission::Gone,
    }
}

/// Why a follower does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowerRefusal {
    /// It has to read all entities again.
    Gone,
    /// A number alone does not say of which history it is.
    NeedsEpoch,
}

/// The place from where a follower goes on. `tag` tells what the place behind a number bears; nothing where the feed
/// cannot tell.
///
/// # Errors
/// Why it does not go on.
pub fn begin(
    asked: FeedRequest,
    held: Extent,
    tag: impl Fn(u64) -> Option<u64>,
) -> Result<Position, FollowerRefusal> {
    let at = |number| {
        let place = |tag| Position {
            epoch: held.epoch,
            number,
            tag,
        };
        tag(number).map(place).ok_or(FollowerRefusal::Gone)
    };
    match admit(asked, held) {
        FollowerAdmission::After(number) => at(number),
        FollowerAdmission::AfterTagged(number, known) => match at(number)? {
            place if place.tag == known => Ok(place),
            _ => Err(FollowerRefusal::Gone),
        },
        FollowerAdmission::Gone => Err(FollowerRefusal::Gone),
        FollowerAdmission::NeedsEpoch => Err(FollowerRefusal::NeedsEpoch),
    }
}

/// How the feed stands to the catalogue that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It leads there.
    Leads,
    /// It leads to an earlier one, and a run is under way that brings the rest, or begins a new epoch.
    Behind,
    /// It leads elsewhere, and nobody is about to add to it.
    Apart,
}

/// How a feed that leads to one generation stands to the one that is shown.
pub fn stand(leads_to: Option<u64>, shown: u64, running: bool) -> Stand {
    match leads_to {
        Some(generation) if generation == shown => Stand::Leads,
        Some(_) if running => Stand::Behind,
        _ => Stand::Apart,
    }
}

/// From where a follower goes on beside a catalogue with its own extent (`Extent::of_edition`) and a feed that stands so
/// to it; and whether it reads on now. Behind the catalogue nobody does: what a change brought would be looked up in a
/// catalogue that is newer than the place which the follower then holds.
///
/// # Errors
/// Why it does not go on.
pub fn enter(
    asked: FeedRequest,
    stand: Stand,
    own: Extent,
    feed: Option<Extent>,
    tag: impl Fn(u64) -> Option<u64>,
) -> Result<(Position, bool), FollowerRefusal> {
    let beside = || begin(asked, own, |_| Some(0)).map(|from| (from, false));
    let along = |reads: bool| {
        let feed = feed.ok_or(FollowerRefusal::Gone)?;
        begin(asked, feed, tag).map(|from| (from, reads && from.number < feed.newest))
    };
    match stand {
        Stand::Apart => beside(),
        Stand::Behind => beside().or_else(|_| along(false)),
        Stand::Leads => along(true),
    }
}

/// Where a follower goes on that reads all entities of a catalogue now; `feed` is the end of the feed. One that stands
/// behind or apart is no help: the place is of this catalogue alone, and with the next publication it has gone.
pub fn end(stand: Stand, own: Extent, feed: Option<Position>) -> Option<Position> {
    match stand {
        Stand::Leads => feed,
        Stand::Behind | Stand::Apart => Some(Position {
            epoch: own.epoch,
            number: own.newest,
            tag: 0,
        }),
    }
}

impl Extent {
    /// What a catalogue without a feed has: an epoch of its own in which nothing happens. `drawn` is a number that the
    /// publication of this catalogue drew; 0 before the first one.
    pub fn of_edition(drawn: u64, is_empty: bool) -> Self {
        Self {
            // JSON carries whole numbers up to 2^53 everywhere (RFC 8259 6).
            epoch: drawn >> 12,
            oldest: 1,
            newest: 0,
            whole: is_empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_leads_to_the_catalogue_or_is_waited_for_only_while_a_run_is_under_way() {
        let table = [
            (Some(4), 4, false, Stand::Leads),
            (Some(4), 4, true, Stand::Leads),
            (Some(3), 4, true, Stand::Behind),
            (Some(3), 4, false, Stand::Apart),
            (None, 4, true, Stand::Apart),
            (None, 0, false, Stand::Apart),
        ];
        for (leads_to, shown, running, wanted) in table {
            assert_eq!(
                stand(leads_to, shown, running),
                wanted,
                "{leads_to:?} {shown} {running}"
            );
        }
        let alone = Extent::of_edition(u64::MAX, false);
        assert!(alone.epoch < 1 << 53);
        let asked = FeedRequest::Since(Some(alone.epoch), 0);
        assert_eq!(admit(asked, alone), FollowerAdmission::After(0));
        assert_eq!(
            admit(FeedRequest::Since(None, 0), alone),
            FollowerAdmission::Gone
        );
    }

    #[test]
    fn a_follower_goes_on_only_where_nothing_can_be_missed() {
        let whole = Extent {
            epoch: 7,
            oldest: 1,
            newest: 5,
            whole: true,
        };
        let trimmed = Extent { oldest: 3, ..whole };
        // The catalogue was there before the feed: what it held then has no numbers.
        let later = Extent {
            oldest: 2,
            whole: false,
            ..whole
        };
        let empty = Extent {
            epoch: 0,
            oldest: 1,
            newest: 0,
            whole: true,
        };
        let since = FeedRequest::Since;
        let table = [
            (since(None, 0), whole, FollowerAdmission::After(0)),
            (since(None, 0), empty, FollowerAdmission::After(0)),
            (since(None, 0), trimmed, FollowerAdmission::Gone),
            (since(None, 0), later, FollowerAdmission::Gone),
            (since(None, 4), whole, FollowerAdmission::NeedsEpoch),
            (since(Some(7), 0), whole, FollowerAdmission::After(0)),
            (since(Some(7), 5), whole, FollowerAdmission::After(5)),
            (since(Some(7), 6), whole, FollowerAdmission::Gone),
            (since(Some(8), 5), whole, FollowerAdmission::Gone),
            (since(Some(7), 1), trimmed, FollowerAdmission::Gone),
            (since(Some(7), 2), trimmed, FollowerAdmission::After(2)),
            (since(Some(7), 0), later, FollowerAdmission::Gone),
            (since(Some(7), 1), later, FollowerAdmission::After(1)),
            (since(Some(7), u64::MAX), whole, FollowerAdmission::Gone),
        ];
        for (asked, held, wanted) in table {
            assert_eq!(admit(asked, held), wanted, "{asked:?} of {held:?}");
        }
        let at = |epoch, number| {
            FeedRequest::Cursor(Position {
                epoch,
                number,
                tag: 9,
            })
        };
        assert_eq!(admit(at(7, 4), whole), FollowerAdmission::AfterTagged(4, 9));
        assert_eq!(admit(at(8, 4), whole), FollowerAdmission::Gone);
        assert_eq!(admit(at(7, 6), whole), FollowerAdmission::Gone);
        assert_eq!(admit(at(7, 1), trimmed), FollowerAdmission::Gone);
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let place = Position {
            epoch: 4_503_599_627_370_495,
            number: 36,
            tag: 0xabc,
        };
        let text = place.to_string();
        assert_eq!(text, "4503599627370495-36-0000000000000abc");
        assert_eq!(text.parse(), Ok(place));
        for odd in [
            "",
            "1",
            "1-2",
            "1-2-3",
            "+1-2-0000000000000abc",
            "1--0000000000000abc",
            "1-2-+000000000000abc",
            "1-2-0000000000000abc-",
            "1-99999999999999999999-0000000000000abc",
        ] {
            assert_eq!(odd.parse::<Position>(), Err(()), "{odd}");
        }
    }
}
