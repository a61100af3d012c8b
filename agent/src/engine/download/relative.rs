//! The held package that shares most with a new one, and the plan to build the new one from it.
//! Never takes a package that does not open: the next best one is taken.
//! Called by `download` when nothing of a package has come yet.

use std::collections::BTreeSet;

use logic::zip::{DeltaPlan, Directory, LocalHeader, Member, plan};

use super::super::content;
use super::super::link::Link;
use vault::package::Content;

/// What one more request costs, in bytes of the link.
const OVERHEAD: u64 = 16 << 10;

/// The plan and the package that it copies from.
pub(super) fn related(link: &Link, new: &Directory) -> Option<(Content, DeltaPlan)> {
    let (old, directory) = relative(link, new)?;
    let header = |member: &Member| {
        let bytes = content::span(&old, member.header()).ok()?;
        LocalHeader::read(member, &bytes).ok()
    };
    let plan = plan(&directory, new, OVERHEAD, header);
    Some((old, plan))
}

/// What makes two members the same.
fn key(member: &Member) -> (&[u8], u32, u64, u16, u64) {
    let Member {
        crc32,
        size,
        method,
        compressed,
        ..
    } = *member;
    (&member.name, crc32, size, method, compressed)
}

/// The held package that shares the most member bytes with the new one.
fn relative(link: &Link, new: &Directory) -> Option<(Content, Directory)> {
    let wanted: BTreeSet<_> = new.members.iter().map(key).collect();
    let shares = |directory: &Directory| -> u64 {
        let shared = directory.members.iter();
        let shared = shared.filter(|member| wanted.contains(&key(member)));
        shared.map(|member| member.compressed).sum()
    };
    let (held, _) = link.packages.list().ok()?;
    let mut best = None;
    for meta in held.iter().filter(|meta| !meta.damaged) {
        let Ok(content) = link.packages.content(meta) else {
            continue;
        };
        let Ok(directory) = content::directory(&content) else {
            continue;
        };
        let shared = shares(&directory);
        if shared > 0 && best.as_ref().is_none_or(|(most, _, _)| shared > *most) {
            best = Some((shared, content, directory));
        }
    }
    best.map(|(_, content, directory)| (content, directory))
}
