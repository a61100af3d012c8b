//! A virtual central that gives packages by script: it lies, cuts, stalls, changes the file, throttles and refuses.
//! Never asks the product what would be right: what it destroys it counts itself.
//! Called by `world`.

use std::time::Duration;

use logic::api::PackageRange;
use logic::download::{FirstBytes, PackageHead, PackageRequest, first_bytes};
use logic::fault::{Code, Fault};
use logic::range::ContentRange;
use proptest::prelude::*;

/// What central does to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackageMishap {
    None,
    /// No connection comes about.
    Refused,
    /// 503, with a wish for so many seconds.
    Unavailable(u64),
    /// 404.
    Missing,
    /// The connection breaks after so many bytes.
    Cut(u64),
    /// So many bytes come, then nothing any more.
    Stall(u64),
    /// A shorter part, said so or not.
    Short(u64, bool),
    /// The part that was asked for, then more.
    Long(u64),
    /// Another part, said so or not.
    Shift(u64, bool),
    /// The whole package, with or without its length.
    Whole(bool),
    /// A part that does not say which.
    Placeless,
    /// Nothing, with status 200.
    Empty,
    /// A page for people.
    Page,
    /// One byte is wrong, this share of the content from its beginning.
    Corrupt(u8),
    /// The package is replaced before the request.
    Change,
    /// 416 to a suffix, with or without the size.
    RefuseSuffix(bool),
    /// A strong tag of one of several servers.
    Tag(u8),
    /// It takes so many milliseconds longer: other answers come before it.
    Late(u64),
    /// So many bytes a second.
    Slow(u64),
}

/// What passes by itself.
pub(crate) fn passing() -> impl Strategy<Value = PackageMishap> {
    let bytes = 0u64..120_000;
    prop_oneof![
        4 => Just(PackageMishap::None),
        1 => Just(PackageMishap::Refused),
        1 => (1u64..100).prop_map(PackageMishap::Unavailable),
        3 => bytes.clone().prop_map(PackageMishap::Cut),
        1 => bytes.clone().prop_map(PackageMishap::Stall),
        2 => (20_000u64..90_000, any::<bool>()).prop_map(|(bytes, said)| PackageMishap::Short(bytes, said)),
        1 => (0u8..4).prop_map(PackageMishap::Tag),
        2 => (0u64..3_000).prop_map(PackageMishap::Late),
        1 => (5_000u64..90_000).prop_map(PackageMishap::Slow),
    ]
}

/// Everything.
pub(crate) fn any_mishap() -> impl Strategy<Value = PackageMishap> {
    prop_oneof![
        8 => passing(),
        1 => Just(PackageMishap::Missing),
        1 => (1u64..90_000).prop_map(PackageMishap::Long),
        2 => (1u64..90_000, any::<bool>()).prop_map(|(by, said)| PackageMishap::Shift(by, said)),
        2 => any::<bool>().prop_map(PackageMishap::Whole),
        1 => Just(PackageMishap::Placeless),
        1 => Just(PackageMishap::Empty),
        1 => Just(PackageMishap::Page),
        3 => any::<u8>().prop_map(PackageMishap::Corrupt),
        2 => Just(PackageMishap::Change),
        1 => any::<bool>().prop_map(PackageMishap::RefuseSuffix),
        1 => (1u64..3_000).prop_map(|bytes| PackageMishap::Short(bytes, true)),
    ]
}

/// An answer on its way.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) content: Vec<u8>,
    /// How it ends.
    pub(crate) ends: Result<(), Fault>,
    pub(crate) late: Duration,
    /// Bytes a second.
    pub(crate) rate: u64,
    /// How long nothing comes before it ends.
    pub(crate) silence: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct PackageCentral {
    pub(crate) editions: Vec<Vec<u8>>,
    /// The one that it gives now.
    pub(crate) edition: usize,
    pub(crate) script: Vec<PackageMishap>,
    /// What it does when the script is over.
    pub(crate) always: Option<PackageMishap>,
    pub(crate) requests: usize,
    /// Bytes that may come again because of what it did.
    pub(crate) destroyed: u64,
    /// It did something that is not honest.
    pub(crate) lied: bool,
    pub(crate) member: u64,
}

impl PackageCentral {
    pub(crate) fn package(&self) -> &[u8] {
        &self.editions[self.edition]
    }

    /// Answers one request; `came` bytes have come before it in all.
    pub(crate) fn answer(
        &mut self,
        request: &PackageRequest,
        came: u64,
    ) -> (Result<PackageHead, Fault>, Served) {
        let scripted = self.script.get(self.requests).copied();
        let mishap = scripted.or(self.always).unwrap_or(PackageMishap::None);
        self.requests += 1;
        if mishap == PackageMishap::Change && self.edition + 1 < self.editions.len() {
            self.edition += 1;
            // Everything that came is of another package; nobody can tell before what comes now was checked, and then the
            // end is looked at, at most twice.
            self.destroyed += came + self.package().len() as u64 + 2 * (72 << 10);
            self.lied = true;
        }
        let size = self.package().len() as u64;
        let asked = match request.range {
            None => Some((0, size - 1)),
            Some(PackageRange::From(first)) => Some((first, size - 1)),
            Some(PackageRange::Suffix(bytes)) => {
                size.checked_sub(bytes).map(|first| (first, size - 1))
            }
            Some(PackageRange::Span(first, last)) => (last < size).then_some((first, last)),
        };
        let (mut first, mut last) = asked.unwrap_or((1, 0));
        let mut head = PackageHead {
            status: 206,
            range: None,
            refused_of: None,
            length: None,
            tag: None,
            first: FirstBytes::Nothing,
        };
        let mut served = Served {
            content: Vec::new(),
            ends: Ok(()),
            late: Duration::ZERO,
            rate: 400_000,
            silence: Duration::ZERO,
        };
        let fault = |code| Fault::new(code, "by script");
        match mishap {
            PackageMishap::Refused => return (Err(fault(Code::NetRefused)), served),
            PackageMishap::Missing => return (Err(fault(Code::PackageMissing)), served),
            PackageMishap::Unavailable(wish) => {
                let wish = Some(Duration::from_secs(wish));
                let fault = Fault {
                    retry_after: wish,
                    ..fault(Code::CentralUnavailable)
                };
                return (Err(fault), served);
            }
            PackageMishap::RefuseSuffix(told)
                if matches!(request.range, Some(PackageRange::Suffix(_))) =>
            {
                (head.status, head.refused_of) = (416, told.then_some(size));
                return (Ok(head), served);
            }
            _ => {}
        }
        let mut says = asked.map(|(first, last)| ContentRange {
            first,
            last,
            total: size,
        });
        match mishap {
            PackageMishap::Whole(_) => (first, last, says) = (0, size - 1, None),
            PackageMishap::Placeless => says = None,
            PackageMishap::Empty => (first, last, says) = (1, 0, None),
            PackageMishap::Page => (first, last, says) = (1, 0, None),
            PackageMishap::Short(bytes, said)
                if request.range.is_some() && last - first.min(last) >= bytes =>
            {
                last = first + bytes - 1;
                if said {
                    says = says.map(|range| ContentRange { last, ..range });
                }
            }
            PackageMishap::Shift(by, said) if first >= by && asked.is_some() => {
                (first, last) = (first - by, last - by);
                if said {
                    says = Some(ContentRange {
                        first,
                        last,
                        total: size,
                    });
                }
            }
            _ => {}
        }
        if request.range.is_none() || (says.is_none() && mishap != PackageMishap::Placeless) {
            (head.status, says) = (200, None);
        }
        if first <= last {
            served.content = self.package()[first as usize..=last as usize].to_vec();
        }
        match mishap {
            PackageMishap::Page => served.content = b"<html>Welcome to the airport</html>".to_vec(),
            PackageMishap::Long(bytes) if says.is_some() => {
                served.content.extend(vec![7; bytes as usize]);
            }
            PackageMishap::Corrupt(share) if !served.content.is_empty() => {
                let at = served.content.len() * usize::from(share) / 256;
                served.content[at] ^= 0x55;
            }
            PackageMishap::Cut(after) if (after as usize) < served.content.len() => {
                served.content.truncate(after as usize);
                served.ends = Err(fault(Code::NetCut));
            }
            PackageMishap::Stall(after) if (after as usize) < served.content.len() => {
                served.content.truncate(after as usize);
                served.ends = Err(fault(Code::NetStalled));
                served.silence = Duration::from_secs(30);
            }
            PackageMishap::Late(wait) => served.late = Duration::from_millis(wait),
            PackageMishap::Slow(rate) => served.rate = rate,
            PackageMishap::Tag(server) => head.tag = Some(format!("\"{server}-{}\"", self.edition)),
            _ => {}
        }
        head.range = says;
        let is_sized = says.is_some() || mishap != PackageMishap::Whole(false);
        head.length = is_sized.then_some(served.content.len() as u64);
        if let PackageMishap::Cut(_) | PackageMishap::Stall(_) = mishap {
            head.length = asked.map(|(first, last)| last - first + 1);
        }
        let shown = head.range.map_or(u64::MAX, |range| range.len()).min(16_384) as usize;
        head.first = first_bytes(&served.content[..served.content.len().min(shown)]);
        // A content that breaks before its first byte has no head that anybody would see.
        if served.content.is_empty()
            && let Err(fault) = &served.ends
        {
            return (Err(fault.clone()), served);
        }
        if request.nonce.is_some() {
            // It only compares.
            self.destroyed += served.content.len() as u64;
        }
        self.counts(mishap, request, size, served.content.len() as u64);
        (Ok(head), served)
    }

    /// What this cost at most beyond what came anyway: every package is looked at again after what may be a change.
    fn counts(&mut self, mishap: PackageMishap, request: &PackageRequest, size: u64, content: u64) {
        const LOOK: u64 = (64 << 10) + 8192;
        let is_look = match request.range {
            Some(PackageRange::Span(first, _)) => first + LOOK >= size,
            _ => true,
        };
        self.destroyed += match mishap {
            PackageMishap::None
            | PackageMishap::Late(_)
            | PackageMishap::Slow(_)
            | PackageMishap::Change => 0,
            PackageMishap::Refused | PackageMishap::Unavailable(_) | PackageMishap::Missing => 0,
            // A look begins anew, and may have taken the whole package; a part goes on where it was cut.
            PackageMishap::Cut(_) | PackageMishap::Stall(_) | PackageMishap::Short(_, false)
                if is_look =>
            {
                content
            }
            PackageMishap::Cut(_) | PackageMishap::Stall(_) | PackageMishap::Short(..) => 0,
            PackageMishap::Tag(_) => LOOK,
            // Its member comes once more, with the records around it.
            PackageMishap::Corrupt(_) => LOOK + self.member + 3 * 8192,
            PackageMishap::RefuseSuffix(_) => LOOK,
            PackageMishap::Long(_)
            | PackageMishap::Shift(..)
            | PackageMishap::Whole(_)
            | PackageMishap::Placeless
            | PackageMishap::Empty
            | PackageMishap::Page => {
                self.lied = true;
                size + LOOK + content
            }
        };
        if matches!(
            mishap,
            PackageMishap::Corrupt(_) | PackageMishap::Missing | PackageMishap::Tag(_)
        ) {
            self.lied = true;
        }
    }
}
