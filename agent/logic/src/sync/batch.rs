//! Batches of details: how a list of ids is cut into them, and what a failed one means for itself and for the lane.
//! Never holds more of an id than the id; never blames an entity for an answer that is not central's.
//! Called by `sync::catalogue`.

use crate::api::stranger::Stranger;
use crate::entity::EntityType;
use crate::fault::Code;

/// Details of one call are to weigh about this much.
const BATCH_BYTES: usize = 256 << 10;
/// Of a type that central gives without pages the PHP client asks for all at once, else for a page of 100; central has no
/// limit (protocol 5.4), but works longer at more.
const MAX_BATCH: usize = 128;
/// The first batch of a type about whose weight nothing is known.
const BATCH_UNKNOWN: usize = 25;
/// Bytes that an eligibility needs to name one test taker: a URI in JSON.
const NAMED_BYTES: usize = 80;

/// The batch after details of which one weighs so many bytes.
pub(super) fn size(each: usize) -> usize {
    (BATCH_BYTES / each.max(1)).clamp(1, MAX_BATCH)
}

/// The first batch of a type. `user`: bytes of one user of another type, where such details came. `takers`: how many test
/// takers central names, where their list was read to its end; an eligibility may name each of them, and all of a first
/// batch weigh as much then as two calls are to.
pub(super) fn first(kind: EntityType, user: Option<usize>, takers: Option<usize>) -> usize {
    use EntityType::{Administrator, Delivery, Eligibility, Proctor, TestCenter, TestTaker};
    match (kind, user, takers) {
        (Administrator | Proctor | TestTaker, Some(each), _) => size(each),
        (Eligibility, _, Some(takers)) => (2 * BATCH_BYTES)
            .checked_div(takers * NAMED_BYTES)
            .map_or(BATCH_UNKNOWN, |most| most.clamp(1, BATCH_UNKNOWN)),
        (Eligibility, _, None) => 1,
        (TestCenter | Delivery | Administrator | Proctor | TestTaker, ..) => BATCH_UNKNOWN,
    }
}

/// What follows from an answer to a batch that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// One of the batch may be at fault, or its size: it is asked for in halves until the offender stands alone.
    Split,
    /// Somebody else answered all paths, as far as one can tell: nothing more of the catalogue is asked for in this run.
    EndLane,
    /// This path leads elsewhere, or gives nothing that can be read: nothing more of the type is asked for in this run.
    EndType,
    /// The batch is left for the next run, the others go on.
    Skip,
}

/// The rule. `code`: what the answer means; `stranger`: whether it is central's at all; `ids`: how many were asked for.
pub(super) fn after(code: Code, stranger: Option<Stranger>, ids: usize) -> After {
    /// An empty 500, a body that is cut, garbled or of another shape, and what is too large in either direction.
    const BY_CONTENT: [Code; 4] = [
        Code::CentralRejected,
        Code::CentralForeign,
        Code::CentralTooLarge,
        Code::CentralTooLong,
    ];
    match stranger {
        Some(Stranger::Page) => After::EndLane,
        Some(Stranger::Redirect | Stranger::Php) => After::EndType,
        None if ids > 1 && BY_CONTENT.contains(&code) => After::Split,
        None => After::Skip,
    }
}

/// Takes full batches of `size` from the front of `ids`, and what is left as one more where `all` are wanted. Each takes
/// the room of its own ids alone: one page may name tens of thousands.
pub(super) fn cut(ids: &mut Vec<String>, size: usize, all: bool) -> Vec<Vec<String>> {
    let size = size.max(1);
    let take = match all {
        true => ids.len(),
        false => ids.len() - ids.len() % size,
    };
    let rest = ids.split_off(take);
    let mut ids = std::mem::replace(ids, rest).into_iter();
    let mut batches = Vec::with_capacity(take.div_ceil(size));
    while ids.len() > 0 {
        let mut batch = Vec::with_capacity(size.min(ids.len()));
        batch.extend(ids.by_ref().take(size));
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_an_entity_s_fault_is_split() {
        use After::{EndLane, EndType, Skip, Split};
        let (page, other) = (Some(Stranger::Page), Some(Stranger::Redirect));
        let table = [
            ("an empty 500", Code::CentralRejected, None, 100, Split),
            ("the offender, alone", Code::CentralRejected, None, 1, Skip),
            ("JSON that is cut", Code::CentralForeign, None, 100, Split),
            ("… of one", Code::CentralForeign, None, 1, Skip),
            ("more than is held", Code::CentralTooLarge, None, 2, Split),
            ("413", Code::CentralTooLong, None, 100, Split),
            ("a portal's page", Code::CentralForeign, page, 100, EndLane),
            ("… for one", Code::CentralForeign, page, 1, EndLane),
            ("a redirection", Code::CentralForeign, other, 25, EndType),
            (
                "words of PHP",
                Code::CentralPhp,
                Some(Stranger::Php),
                100,
                EndType,
            ),
            ("a 500 with a body", Code::CentralError, None, 100, Skip),
            (
                "a 503 to the end",
                Code::CentralUnavailable,
                None,
                100,
                Skip,
            ),
            ("a 404", Code::CentralNotFound, None, 100, Skip),
            ("a cut line", Code::NetCut, None, 100, Skip),
        ];
        for (what, code, stranger, ids, expected) in table {
            assert_eq!(after(code, stranger, ids), expected, "{what}");
        }
    }

    #[test]
    fn the_first_batch_is_cut_by_what_is_known_of_its_weight() {
        use EntityType::{Delivery, Eligibility, Proctor, TestCenter, TestTaker};
        for (kind, user, takers, most) in [
            (TestCenter, Some(600), Some(10), 25),
            (Delivery, Some(600), Some(10), 25),
            (Proctor, None, None, 25),
            (TestTaker, None, None, 25),
            (TestTaker, Some(0), None, 128),
            (TestTaker, Some(1000), None, 128),
            (TestTaker, Some(4000), None, 65),
            (TestTaker, Some(1 << 20), None, 1),
            (Eligibility, Some(600), None, 1),
            (Eligibility, None, Some(0), 25),
            (Eligibility, None, Some(310), 21),
            (Eligibility, None, Some(3_000), 2),
            (Eligibility, None, Some(40_000), 1),
        ] {
            assert_eq!(
                first(kind, user, takers),
                most,
                "{kind:?} {user:?} {takers:?}"
            );
        }
    }

    #[test]
    fn batches_keep_the_order_and_take_no_room_but_their_own() {
        for (count, size, all, expected) in [
            (0, 25, true, (0, 0)),
            (24, 25, false, (0, 24)),
            (24, 25, true, (1, 0)),
            (75, 25, false, (3, 0)),
            (80, 25, false, (3, 5)),
            (80, 25, true, (4, 0)),
            (40_000, 25, true, (1600, 0)),
            (3, 0, true, (3, 0)),
        ] {
            let mut ids: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            let whole = ids.clone();
            let batches = cut(&mut ids, size, all);
            assert_eq!((batches.len(), ids.len()), expected, "{count} {size}");
            let room: usize = batches.iter().map(Vec::capacity).sum();
            assert!(
                room + ids.capacity() <= 2 * count + size,
                "{room} of {count}"
            );
            assert_eq!([batches.concat(), ids].concat(), whole);
        }
    }
}
