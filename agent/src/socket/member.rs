//! The members of a package: their list, and the content of one, inflated or as it is stored.
//! Never unpacks to anywhere, and never holds more of a member than one piece.
//! Called by the routes `packages/{delivery}/members` and below.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use hyper::header::ACCEPT_ENCODING;
use hyper::{Response, StatusCode};
use logic::condition::accepts;
use logic::fault::{ApiCause, Code, Fault, MemberFlaw, PackageCause};
use logic::inflate::{Damaged, Inflate};
use logic::media;
use logic::zip::{Directory, LocalHeader, Member};
use serde_json::{Value as Json, json};

use super::body::{Pieces, ResponseBody};
use super::content::{LINES, gather};
use super::package::{OpenedPackage, PackageRead, Selected, answer, insert, open, span};
use super::query::{decode, flaw};
use super::state::SharedState;
use super::wire::with_type;
use crate::engine::content;
use vault::package::Content;

/// Methods of members (APPNOTE 4.4.5) that are read: what is held was verified, so there is no other.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Content is gathered to about so many bytes before it is handed on.
const GATHER: usize = 64 << 10;
/// Inflated at once: a byte becomes a thousand at most.
const SLICE: usize = 2 << 10;
/// Slices before others have their turn.
const SLICES: usize = 32;
/// Directories that are kept while packages are read.
const DIRECTORIES: usize = 4;

/// What a path below `packages/` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemberTarget {
    /// URI of the delivery.
    pub(super) delivery: String,
    /// The member; all of them where there is none.
    pub(super) member: Option<String>,
}

impl MemberTarget {
    /// Reads `packages/{delivery}/members` and `packages/{delivery}/members/{name}`.
    pub(super) fn of(route: &str) -> Option<Result<Self, Fault>> {
        let rest = route.strip_prefix("packages/")?;
        let (delivery, member) = match rest.split_once("/members/") {
            Some((delivery, member)) => (delivery, Some(member)),
            None => (rest.strip_suffix("/members")?, None),
        };
        let target = || {
            let target = Self {
                delivery: decode(delivery)?,
                member: member.map(decode).transpose()?,
            };
            let empty = target.delivery.is_empty() || target.member.as_deref() == Some("");
            match empty {
                true => Err(flaw(ApiCause::NoMemberName)),
                false => Ok(target),
            }
        };
        Some(target())
    }
}

/// The directories that were read last, by edition.
pub(super) type Directories = Vec<([u8; 16], Rc<Directory>)>;

fn directory(shared: &SharedState, opened: &OpenedPackage) -> Result<Rc<Directory>, Fault> {
    let known = shared.library().directories();
    let edition = opened.meta.edition;
    let found = |known: &Directories| {
        let found = known.iter().find(|(of, _)| *of == edition);
        found.map(|(_, directory)| directory.clone())
    };
    if let Some(directory) = found(&known.borrow()) {
        return Ok(directory);
    }
    let directory = Rc::new(content::directory(&opened.content)?);
    let mut known = known.borrow_mut();
    known.truncate(DIRECTORIES - 1);
    known.insert(0, (edition, directory.clone()));
    Ok(directory)
}

fn name(member: &Member) -> String {
    String::from_utf8_lossy(&member.name).into_owned()
}

fn line(member: &Member) -> Json {
    let name = name(member);
    json!({
        "name": name, "bytes": member.size, "stored_bytes": member.compressed,
        "stored": if member.method == DEFLATED { "deflate" } else { "identity" },
        "crc32": format!("{:08x}", member.crc32), "media_type": media::of(&name),
    })
}

/// The members, one a line, in the order of the package.
pub(super) fn list(
    shared: &SharedState,
    asked: &PackageRead,
) -> Result<Response<ResponseBody>, Fault> {
    let opened = open(shared, asked)?;
    let directory = directory(shared, &opened)?;
    let count = directory.members.len();
    let lines = (0..count).map(move |place| Ok(line(&directory.members[place])));
    let mut response = with_type(
        StatusCode::OK,
        LINES,
        ResponseBody::Pieces(gather(lines), None),
    );
    let edition = opened.edition();
    insert(
        &mut response,
        hyper::header::ETAG,
        &format!("\"{edition}\""),
    );
    let field = hyper::header::HeaderName::from_static("boxsync-edition");
    insert(&mut response, field, &edition);
    Ok(response)
}

/// The content of one member.
pub(super) fn read(
    shared: &SharedState,
    asked: &PackageRead,
    wanted: &str,
) -> Result<Response<ResponseBody>, Fault> {
    let opened = open(shared, asked)?;
    let directory = directory(shared, &opened)?;
    let is_it = |member: &Member| member.name == wanted.as_bytes() || name(member) == wanted;
    let found = directory.members.iter().position(is_it);
    let place = found.ok_or_else(|| {
        let member = wanted.into();
        Fault::new(
            Code::PackageUnknownMember,
            PackageCause::NoMember { member },
        )
    })?;
    let member = &directory.members[place];
    let accepted = asked.headers.get(ACCEPT_ENCODING);
    let accepted = accepted.and_then(|field| field.to_str().ok());
    let deflated = member.method == DEFLATED;
    let gzip = deflated && accepted.is_some_and(|field| accepts(field, "gzip"));
    let edition = opened.edition();
    let coding = if gzip { "-gzip" } else { "" };
    let mut fields = vec![
        ("boxsync-edition", edition.clone()),
        ("boxsync-crc32", format!("{:08x}", member.crc32)),
    ];
    if deflated {
        fields.push(("vary", "accept-encoding".into()));
    }
    if gzip {
        fields.push(("content-encoding", "gzip".into()));
    }
    let selected = Selected {
        tag: format!("\"{edition}-{place}{coding}\""),
        media: media::of(wanted),
        size: match gzip {
            true => member.compressed + (GZIP_HEAD.len() + GZIP_TAIL) as u64,
            false => member.size,
        },
        fields,
    };
    let data = data(&opened.content, member)?;
    answer(asked, selected, |range| match member.method {
        _ if gzip => Ok(gzipped(opened.content, data, member, range)),
        STORED => {
            let at = data.start;
            Ok(span(opened.content, at + range.start..at + range.end))
        }
        DEFLATED => Ok(inflated(opened.content, data, range)),
        method => {
            let why = MemberFlaw::Method { method };
            Err(Fault::new(
                Code::PackageUnsupported,
                PackageCause::Member { why },
            ))
        }
    })
}

/// Where the packed content of a member lies.
fn data(content: &Content, member: &Member) -> Result<Range<u64>, Fault> {
    let head = content::span(content, member.header())?;
    let header = LocalHeader::read(member, &head).map_err(|flaw| {
        let why = (&flaw).into();
        Fault::new(Code::StoreDamaged, PackageCause::Member { why })
    })?;
    let start = member.header_offset + header.len();
    Ok(start..start + member.compressed)
}

/// What stands before a deflate stream in gzip (RFC 1952 2.3): no time, no name, no system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// Bytes of what stands behind it: CRC-32 and length, which the directory of a zip has. (What HTTP calls `deflate` ends
/// with an Adler-32, which it has not.)
const GZIP_TAIL: usize = 8;

fn gzipped(content: Content, data: Range<u64>, member: &Member, range: Range<u64>) -> Pieces {
    let head = GZIP_HEAD.len() as u64;
    let tail = [
        member.crc32.to_le_bytes(),
        (member.size as u32).to_le_bytes(),
    ]
    .concat();
    let behind = head + (data.end - data.start);
    let cut = |bytes: &[u8], at: u64| -> Option<Bytes> {
        let from = range.start.max(at);
        let to = range.end.min(at + bytes.len() as u64);
        let cut = bytes.get((from - at.min(from)) as usize..to.saturating_sub(at) as usize)?;
        (!cut.is_empty()).then(|| Bytes::copy_from_slice(cut))
    };
    let (mut before, mut after) = (cut(&GZIP_HEAD, 0), cut(&tail, behind));
    let place = |at: u64| data.start + at.clamp(head, behind) - head;
    let mut middle = span(content, place(range.start)..place(range.end));
    Box::new(move || {
        let first = before.take().map(Ok);
        first.or_else(&mut middle).or_else(|| after.take().map(Ok))
    })
}

/// The content of a deflated member, from a place in it: what lies before is passed over.
fn inflated(content: Content, data: Range<u64>, range: Range<u64>) -> Pieces {
    let mut packed = span(content, data);
    let mut inflate = Inflate::default();
    let (mut skip, mut left) = (range.start, range.end - range.start);
    let mut held = Bytes::new();
    Box::new(move || {
        let mut made = Vec::new();
        for _ in 0..SLICES {
            if left == 0 || made.len() >= GATHER {
                break;
            }
            if held.is_empty() {
                held = match packed() {
                    Some(Ok(piece)) => piece,
                    Some(Err(trouble)) => return Some(Err(trouble)),
                    None => return Some(Err(torn())),
                };
            }
            let slice = held.split_to(held.len().min(SLICE));
            let fed = inflate.feed(&slice, |part| {
                let passed = skip.min(part.len() as u64);
                skip -= passed;
                let rest = &part[passed as usize..];
                let taken = left.min(rest.len() as u64);
                left -= taken;
                made.extend_from_slice(&rest[..taken as usize]);
                Ok::<(), Damaged>(())
            });
            if fed.is_err() {
                return Some(Err(torn()));
            }
        }
        // Empty where all was passed over: it goes on when others had their turn.
        (left > 0 || !made.is_empty()).then(|| Ok(made.into()))
    })
}

fn torn() -> Fault {
    let why = MemberFlaw::Deflate;
    Fault::new(Code::StoreDamaged, PackageCause::Member { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_delivery_and_the_member() {
        let target = |route| MemberTarget::of(route).map(|target| target.map_err(|_| ()));
        let of = |delivery: &str, member: Option<&str>| {
            Some(Ok(MemberTarget {
                delivery: delivery.into(),
                member: member.map(Into::into),
            }))
        };
        assert_eq!(
            target("packages/https%3A%2F%2Fc%23i1/members"),
            of("https://c#i1", None)
        );
        assert_eq!(
            target("packages/d/members/a%20b/c.xml"),
            of("d", Some("a b/c.xml"))
        );
        assert_eq!(
            target("packages/d/members/members/x"),
            of("d", Some("members/x"))
        );
        for none in [
            "packages",
            "packages/content",
            "packages/d",
            "results/x/members",
        ] {
            assert_eq!(target(none), None, "{none}");
        }
        for flawed in [
            "packages//members",
            "packages/d/members/",
            "packages/%ff/members",
        ] {
            assert_eq!(target(flawed), Some(Err(())), "{flawed}");
        }
    }
}
