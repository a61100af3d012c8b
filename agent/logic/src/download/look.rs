//! A look at a package: its size and its end, believed only from a parsed `Content-Range` (protocol 6.3, 6.4).
//! Never asks for a part in a way that was not heeded when another way is left, and never without end.
//! Called by `download` at the start, at each resume, before a repair and when a tag or a refusal leaves a doubt.
//!
//! | The server, or a proxy before it | is asked |
//! |---|---|
//! | holds a package of which this box has nothing | for everything: what is small is read on, what is large is ended |
//! | serves the last bytes | for them alone: the package is known by size and end |
//! | refuses that (416), moves it, does not say what came | for its first byte, which tells the size; then for the end by its place |
//! | gives a part of a part | for the rest of it, as long as the pieces are worth it |
//! | heeds no range at all | for the whole, from its first byte |

use std::ops::Range as Span;
use std::sync::Arc;

use super::bring::SCRAP;
use super::command::{ContentTarget, EndRead, FirstBytes, PackageHead};
use super::faults::{
    beyond, changed, dishonest, empty, flawed, in_scraps, instead, is_range, misplaced,
    no_beginning, not_zip, short,
};
use crate::api::PackageRange;
use crate::fault::{Code, Fault, PackageCause, PartFlaw, ZipLack};
use crate::range::ContentRange;
use crate::retry::Rounds;
use crate::zip::{Directory, PackageIdentity, PackageTail, ZipFlaw};

/// A whole package without ranges is held in memory up to this size.
const MAX_IN_MEMORY: u64 = PackageTail::FIRST_REQUEST_BYTES;
/// So many answers may bring one part of the end; in more pieces ranges are of no use.
const PIECES: u32 = 16;

/// The ways of asking, each taken when the one before was not heeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookRequest {
    /// For everything, where it is not more than so many bytes.
    Everything(u64),
    /// For the last bytes.
    End,
    /// For the first byte, then for the end by its place.
    Place,
    /// Without a range.
    Whole,
}

/// A package that was looked at.
#[derive(Debug, Clone)]
pub(super) struct LookedAt {
    pub(super) directory: Arc<Directory>,
    /// Offset from which its bytes are held, to its end.
    pub(super) from: u64,
    /// The strong entity tag that came with them.
    pub(super) tag: Option<String>,
    /// It came whole from a server that served no range.
    pub(super) whole: bool,
}

impl LookedAt {
    pub(super) fn identity(&self) -> PackageIdentity {
        self.directory.identity
    }
}

/// What follows.
#[derive(Debug)]
pub(super) enum Turn {
    /// Ask for this.
    Ask(Option<PackageRange>),
    /// Read on.
    Read,
    /// Read the directory.
    ReadEnd { from: u64, total: u64 },
    /// The package is known.
    Seen(LookedAt),
    /// The whole comes over this answer; so many bytes of it lie in the end.
    Streams { length: Option<u64>, have: u64 },
    /// It is too large to come with the first answer: so many bytes.
    Large(u64),
    /// This way led to nothing.
    Failed(Fault),
}

/// What is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Everything(u64),
    End,
    FirstByte,
    Span,
    Whole,
}

/// One look.
#[derive(Debug)]
pub(super) struct Look {
    way: LookRequest,
    asked: Asked,
    total: u64,
    /// What is still to come of the part that is being filled.
    fill: Span<u64>,
    /// Where that part begins.
    start: u64,
    /// From here to the end it is held; `total` while nothing is.
    held: u64,
    /// Answers for the part.
    pieces: u32,
    tag: Option<String>,
    /// It comes without ranges, of this announced length.
    whole: bool,
    length: Option<u64>,
    /// Bytes that may still come of this answer, where it says its place.
    left: Option<u64>,
    /// Bytes of this answer.
    came: u64,
}

impl Look {
    /// Begins with this way; gives what to ask for.
    pub(super) fn begin(way: LookRequest) -> (Self, Option<PackageRange>) {
        let mut look = Self {
            way,
            asked: Asked::End,
            total: 0,
            fill: 0..0,
            start: 0,
            held: 0,
            pieces: 0,
            tag: None,
            whole: false,
            length: None,
            left: None,
            came: 0,
        };
        let range = look.first();
        (look, range)
    }

    /// Another attempt after a failure that passes: a part goes on where it was cut; else the look begins anew.
    pub(super) fn again(&mut self) -> Turn {
        let is_begun =
            !self.whole && self.asked != Asked::FirstByte && self.start < self.fill.start;
        if is_begun && self.fill.start < self.fill.end {
            // A cut says nothing about ranges.
            self.pieces = self.pieces.saturating_sub(1);
            return self.ask_rest();
        }
        self.goes(match self.way {
            LookRequest::Everything(_) | LookRequest::Place => LookRequest::End,
            way => way,
        })
    }

    /// Whether the answer that failed brought something worth naming.
    pub(super) fn has_come(&self) -> bool {
        !self.whole && self.came >= Rounds::PROGRESS
    }

    fn first(&mut self) -> Option<PackageRange> {
        let (asked, range) = match self.way {
            LookRequest::Everything(most) => (Asked::Everything(most), Some(PackageRange::From(0))),
            LookRequest::End => (
                Asked::End,
                Some(PackageRange::Suffix(PackageTail::FIRST_REQUEST_BYTES)),
            ),
            LookRequest::Place => (Asked::FirstByte, Some(PackageRange::Span(0, 0))),
            LookRequest::Whole => (Asked::Whole, None),
        };
        self.asked = asked;
        range
    }

    /// Where the bytes of the answer go.
    pub(super) fn place(&self) -> ContentTarget {
        match self.asked {
            Asked::FirstByte => ContentTarget::Nowhere,
            _ => ContentTarget::End(self.fill.start),
        }
    }

    /// Whether nothing that came before is of use.
    pub(super) fn is_anew(&self) -> bool {
        matches!(self.asked, Asked::Whole) || (self.asked != Asked::Span && self.pieces == 0)
    }

    /// The next way, where ranges are the trouble.
    fn trouble(&mut self, fault: Fault) -> Turn {
        let next = match self.way {
            LookRequest::Everything(_) => LookRequest::End,
            LookRequest::End => LookRequest::Place,
            LookRequest::Place => LookRequest::Whole,
            LookRequest::Whole => return Turn::Failed(fault),
        };
        match is_range(&fault) {
            true => self.goes(next),
            false => Turn::Failed(fault),
        }
    }

    /// Goes on with another way.
    pub(super) fn goes(&mut self, way: LookRequest) -> Turn {
        let (look, range) = Self::begin(way);
        *self = look;
        Turn::Ask(range)
    }

    fn ask_whole(&mut self) -> Turn {
        self.asked = Asked::Whole;
        self.pieces = 0;
        Turn::Ask(None)
    }

    /// Asks for the part from `start` on that is to be filled.
    fn ask_span(&mut self, fill: Span<u64>) -> Turn {
        (self.start, self.pieces) = (fill.start, 0);
        self.fill = fill;
        self.ask_rest()
    }

    fn ask_rest(&mut self) -> Turn {
        self.asked = Asked::Span;
        self.pieces += 1;
        if self.pieces > PIECES {
            return self.trouble(in_scraps());
        }
        Turn::Ask(Some(PackageRange::Span(self.fill.start, self.fill.end - 1)))
    }

    /// The size is known: the end is asked for by its place.
    fn by_size(&mut self, total: u64) -> Turn {
        if total == 0 {
            return Turn::Failed(empty());
        }
        (self.total, self.held) = (total, total);
        self.ask_span(total.saturating_sub(PackageTail::FIRST_REQUEST_BYTES)..total)
    }

    /// An answer has come.
    pub(super) fn answered(&mut self, head: &PackageHead) -> Turn {
        self.came = 0;
        self.left = head.range.map(|range| range.len());
        match (self.asked, head.range) {
            (Asked::Whole, Some(range)) if range.len() < range.total => {
                self.trouble(dishonest(PartFlaw::Whole))
            }
            (Asked::Whole, _) => self.whole_comes(head),
            (Asked::Span, Some(range)) => self.span(range),
            (Asked::Span, None) => self.trouble(instead(head)),
            (Asked::FirstByte, range) => self.first_byte(head, range),
            (Asked::End | Asked::Everything(_), None) if !head.is_refused() => self.unranged(head),
            (Asked::End, None) => match head.refused_of {
                Some(total) => self.by_size(total),
                None => self.trouble(dishonest(PartFlaw::Refused)),
            },
            (Asked::Everything(_), None) => self.trouble(dishonest(PartFlaw::Refused)),
            (Asked::End, Some(range)) => self.end_of(head, range),
            (Asked::Everything(most), Some(range)) => self.everything(head, range, most),
        }
    }

    fn everything(&mut self, head: &PackageHead, range: ContentRange, most: u64) -> Turn {
        if range.first != 0 {
            return self.trouble(misplaced(0, range.total - 1, (range.first, range.last)));
        }
        if head.first != FirstBytes::Zip {
            return Turn::Failed(no_beginning(&head.first));
        }
        if range.total > most {
            return Turn::Large(range.total);
        }
        self.takes(head, range, 0)
    }

    fn end_of(&mut self, head: &PackageHead, range: ContentRange) -> Turn {
        let start = range.total.saturating_sub(PackageTail::FIRST_REQUEST_BYTES);
        let to_the_end = range.last + 1 == range.total && range.first >= start;
        if !to_the_end && range.first != start {
            let came = (range.first, range.last);
            return self.trouble(misplaced(start, range.total - 1, came));
        }
        self.takes(head, range, range.first)
    }

    /// The part from `start` to the end comes.
    fn takes(&mut self, head: &PackageHead, range: ContentRange, start: u64) -> Turn {
        self.tag.clone_from(&head.tag);
        (self.total, self.held) = (range.total, range.total);
        (self.start, self.fill) = (start, start..range.total);
        Turn::Read
    }

    fn first_byte(&mut self, head: &PackageHead, range: Option<ContentRange>) -> Turn {
        let Some(range) = range else {
            return match head.is_refused() {
                true => self.trouble(dishonest(PartFlaw::Refused)),
                false => self.trouble(instead(head)),
            };
        };
        if (range.first, range.last) != (0, 0) {
            return self.trouble(misplaced(0, 0, (range.first, range.last)));
        }
        match head.first {
            FirstBytes::Zip => {}
            FirstBytes::Nothing => return Turn::Failed(short()),
            FirstBytes::Other(_) => return Turn::Failed(not_zip(ZipLack::Beginning)),
        }
        self.tag.clone_from(&head.tag);
        self.total = range.total;
        Turn::Read
    }

    fn span(&mut self, range: ContentRange) -> Turn {
        if range.total != self.total {
            return Turn::Failed(changed());
        }
        let (first, last) = (self.fill.start, self.fill.end - 1);
        if range.first != first || range.last > last {
            return self.trouble(misplaced(first, last, (range.first, range.last)));
        }
        Turn::Read
    }

    /// Status 200 without a place: the whole package, or nothing because it is shorter than the suffix. What does not
    /// begin as a package may be the end of one, its place lost on the way.
    fn unranged(&mut self, head: &PackageHead) -> Turn {
        match head.first {
            FirstBytes::Nothing => self.ask_whole(),
            FirstBytes::Zip if !head.is_placeless() => self.whole_comes(head),
            _ => self.trouble(instead(head)),
        }
    }

    /// The package comes from its first byte.
    fn whole_comes(&mut self, head: &PackageHead) -> Turn {
        match &head.first {
            FirstBytes::Nothing => return Turn::Failed(empty()),
            FirstBytes::Zip => {}
            first @ FirstBytes::Other(_) => return Turn::Failed(no_beginning(first)),
        }
        self.asked = Asked::Whole;
        (self.whole, self.length, self.tag) = (true, head.length, None);
        self.fill = 0..u64::MAX;
        match self.length {
            Some(length) if length > MAX_IN_MEMORY => Turn::Streams {
                length: Some(length),
                have: 0,
            },
            _ => Turn::Read,
        }
    }

    /// Whether so many bytes more may come; after that they were put where `place` said.
    pub(super) fn came(&mut self, bytes: u64) -> Turn {
        if let Some(left) = &mut self.left {
            match left.checked_sub(bytes) {
                Some(rest) => *left = rest,
                None => return self.trouble(beyond()),
            }
        }
        self.came += bytes;
        if self.asked != Asked::FirstByte {
            self.fill.start += bytes;
        }
        if self.whole && self.came > MAX_IN_MEMORY {
            return Turn::Streams {
                length: self.length,
                have: self.came,
            };
        }
        Turn::Read
    }

    /// The answer came to its end.
    pub(super) fn ended(&mut self) -> Turn {
        if self.whole {
            return self.whole_ended();
        }
        if self.came == 0 {
            return Turn::Failed(short());
        }
        if self.asked == Asked::FirstByte {
            return self.by_size(self.total);
        }
        if self.fill.start < self.fill.end {
            // A whole package may come in as many pieces as are worth it: what has come of it is not thrown away.
            if self.start == 0 && self.came >= SCRAP {
                self.pieces = self.pieces.saturating_sub(1);
            }
            return self.ask_rest();
        }
        self.held = self.start;
        self.read_end()
    }

    fn whole_ended(&mut self) -> Turn {
        if self.length.is_some_and(|length| length != self.came) {
            let cause = PackageCause::OtherLength;
            return Turn::Failed(Fault::new(Code::PackageLength, cause));
        }
        (self.total, self.held) = (self.came, 0);
        self.read_end()
    }

    fn read_end(&self) -> Turn {
        Turn::ReadEnd {
            from: self.held,
            total: self.total,
        }
    }

    /// What the end holds.
    pub(super) fn end(&mut self, read: Result<EndRead, ZipFlaw>) -> Turn {
        match read {
            Ok(EndRead::Whole(directory)) => Turn::Seen(LookedAt {
                directory,
                from: self.held,
                tag: self.tag.clone(),
                whole: self.whole,
            }),
            Ok(EndRead::Need(_)) if self.held == 0 => Turn::Failed(not_zip(ZipLack::Directory)),
            Ok(EndRead::Need(from)) => self.ask_span(from..self.held),
            Err(flaw) => Turn::Failed(flawed(&flaw)),
        }
    }
}
