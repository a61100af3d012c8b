//! What can be wrong with a package on its way, each with its words.
//! Never decides what follows.
//! Called by `download` and by `agent`, which reads first bytes.

use super::command::{FirstBytes, PackageHead};
use crate::api::{Reply, answer};
use crate::fault::{Code, Expected, Fault, PackageCause, PartFlaw, Quote, ZipLack};
use crate::words::Outcome;
use crate::zip::{Directory, ZipFlaw};

/// Whether ranges are the trouble: the next way may do without.
pub(super) fn is_range(fault: &Fault) -> bool {
    fault.code == Code::PackageRange
}

/// The answer is not the range that was asked for.
pub(super) fn dishonest(what: PartFlaw) -> Fault {
    Fault::new(Code::PackageRange, PackageCause::Dishonest { what })
}

/// Another part than the one asked for.
pub(super) fn misplaced(first: u64, last: u64, came: (u64, u64)) -> Fault {
    let (from, to) = came;
    dishonest(PartFlaw::Other {
        first,
        last,
        from,
        to,
    })
}

/// More content than was announced.
pub(super) fn beyond() -> Fault {
    dishonest(PartFlaw::Beyond)
}

/// Ranges are answered, but so little at a time that the whole is cheaper.
pub(super) fn in_scraps() -> Fault {
    dishonest(PartFlaw::Scraps)
}

/// Fewer bytes came than were asked for, whether announced so or not: the rest is asked for again.
pub(super) fn short() -> Fault {
    Fault::new(Code::NetCut, PackageCause::Short).ending(Outcome::Failed)
}

/// The package is not the one whose bytes are held: it is begun anew.
pub(super) fn changed() -> Fault {
    Fault::new(Code::PackageChanged, PackageCause::Changed)
}

/// No package at all.
pub(super) fn not_zip(why: ZipLack) -> Fault {
    Fault::new(Code::PackageNotZip, PackageCause::NoZip { why })
}

/// The end of a package is none of a zip.
pub(super) fn flawed(flaw: &ZipFlaw) -> Fault {
    let words = flaw.to_string().as_str().into();
    not_zip(ZipLack::Flaw { words })
}

pub(super) fn empty() -> Fault {
    Fault::new(Code::PackageEmpty, PackageCause::Empty)
}

/// What does not begin as a zip where the first byte was due.
pub(super) fn no_beginning(first: &FirstBytes) -> Fault {
    match first {
        FirstBytes::Other(Some(fault)) => fault.clone(),
        _ => not_zip(ZipLack::Beginning),
    }
}

/// What an answer is where a part was asked for and it is none: central's own words, or a range that was not heeded.
pub(super) fn instead(head: &PackageHead) -> Fault {
    match &head.first {
        // What calls itself a part is no page, whatever its first byte looks like.
        FirstBytes::Other(Some(fault)) if !head.is_placeless() => fault.clone(),
        _ => dishonest(PartFlaw::NoRange),
    }
}

/// What the first piece of a content looks like: a package, a refusal, a maintenance page or a page for people with
/// status 200 (protocol 0.2).
pub fn first_bytes(bytes: &[u8]) -> FirstBytes {
    if bytes.is_empty() {
        return FirstBytes::Nothing;
    }
    if bytes.starts_with(b"PK") || bytes == b"P" {
        return FirstBytes::Zip;
    }
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: bytes.to_vec(),
    };
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    let fault = answer::parse::<serde::de::IgnoredAny>(&reply, Expected::Package).err();
    FirstBytes::Other(fault.filter(|fault| fault.code != Code::CentralForeign || is_page))
}

/// What an answer of another status means where a package was asked for.
pub fn refused(reply: &Reply) -> Fault {
    let fault = answer::parse::<serde::de::IgnoredAny>(reply, Expected::Package).err();
    match fault {
        Some(fault) if fault.code == Code::CentralNotFound => Fault {
            cause: PackageCause::Missing.into(),
            code: Code::PackageMissing,
            ..fault
        },
        Some(fault) => fault,
        None => dishonest(PartFlaw::Status {
            status: reply.status,
        }),
    }
}

/// The name of a member for people: it comes from outside.
pub(super) fn named(directory: &Directory, at: usize) -> Quote {
    let name = directory.members.get(at).map_or(&[][..], |m| &m.name[..]);
    Quote::from(&*String::from_utf8_lossy(name))
}
