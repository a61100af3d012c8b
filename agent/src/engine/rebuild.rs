//! A new version of a test from the old one: members already held are copied, only the rest comes over the link.
//! Never trusts the copy more than the wire: the rebuilt package is verified like any other.
//! Called by `fetch` when nothing of a package has come yet.

use std::collections::BTreeMap;

use logic::fault::{Code, Fault};
use logic::words::Class;
use logic::zip::{Directory, LocalHeader, Member, Segment, plan};

use super::content;
use super::edition::Edition;
use super::incoming::Incoming;
use super::lane::{SCRAP, SCRAPS};
use super::link::Link;
use super::piece::short;
use super::probe::{Known, in_scraps};
use crate::clock;
use crate::vault::package::{Content, Part};

/// What one more request costs, in bytes of the link, when nothing was measured yet.
const OVERHEAD: u64 = 16 << 10;

/// Rebuilds as much as is worthwhile from the held package that shares most with the new one. What does not come
/// stays missing, and is fetched like a package without a relative. Gives whether members were copied.
///
/// # Errors
/// `package.changed`, or what the disk says.
pub(super) async fn from_held(
    link: &Link,
    incoming: &mut Incoming,
    known: &Known,
    edition: &Edition,
    on_wire: &mut u64,
) -> Result<bool, Fault> {
    let Some((old, directory)) = relative(link, &known.directory) else {
        return Ok(false);
    };
    let header = |member: &Member| {
        let bytes = content::span(&old, member.header()).ok()?;
        LocalHeader::read(member, &bytes).ok()
    };
    let plan = plan(&directory, &known.directory, OVERHEAD, header);
    if !plan.worthwhile() {
        return Ok(false);
    }
    let begun = clock::now();
    let mut builder = Builder {
        link,
        edition,
        incoming,
        at: 0,
        buffer: Part::buffer(),
    };
    for segment in &plan.segments {
        let result = match segment {
            Segment::Copy { from, .. } => builder.copy(&old, from.clone()),
            Segment::Given { bytes, .. } => builder.take(bytes),
            Segment::Tail(range) => {
                let skip = known.tail.len() as u64 - (range.end - range.start);
                builder.take(&known.tail[skip as usize..])
            }
            Segment::Fetch(range) => builder.fetch(range.clone(), on_wire).await,
        };
        match result {
            Ok(()) => link.flushed().await?,
            // The old package does not open, or the link broke: what was built is kept, the rest is fetched.
            Err(trouble) if trouble.code == Code::StoreDamaged || trouble.class == Class::Retry => {
                break;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    tracing::debug!(took = ?clock::now().mono.saturating_sub(begun.mono), "rebuilt from a held package");
    Ok(true)
}

/// The held package that shares the most member bytes with the new one.
fn relative(link: &Link, new: &Directory) -> Option<(Content, Directory)> {
    type Key<'a> = (&'a [u8], u32, u64, u16, u64);
    let key = |member: &'_ Member| (member.crc32, member.size, member.method, member.compressed);
    let wanted: BTreeMap<Key<'_>, ()> = new
        .members
        .iter()
        .map(|m| ((&m.name[..], m.crc32, m.size, m.method, m.compressed), ()))
        .collect();
    let shares = |directory: &Directory| -> u64 {
        let shared = |member: &&Member| {
            let (crc32, size, method, compressed) = key(member);
            wanted.contains_key(&(&member.name[..], crc32, size, method, compressed))
        };
        directory
            .members
            .iter()
            .filter(shared)
            .map(|member| member.compressed)
            .sum()
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

/// Writes the new package from its beginning; records that are there already are passed over.
struct Builder<'a> {
    link: &'a Link,
    edition: &'a Edition,
    incoming: &'a mut Incoming,
    /// Offset of the next byte.
    at: u64,
    buffer: Vec<u8>,
}

impl Builder<'_> {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        let record = u64::from(self.incoming.part().meta().record);
        while !bytes.is_empty() {
            let index = self.at / record;
            let length = self.incoming.part().meta().length(index) + logic::seal::NONCE;
            let take = bytes.len().min(length - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            self.at += take as u64;
            if self.buffer.len() == length {
                if self.incoming.part().have()[index as usize] {
                    self.buffer.truncate(logic::seal::NONCE);
                } else {
                    self.incoming.write(index, &mut self.buffer)?;
                    self.link.written(length as u64, self.incoming.part());
                }
            }
        }
        Ok(())
    }

    fn copy(&mut self, old: &Content, from: std::ops::Range<u64>) -> Result<(), Fault> {
        content::each(old, from, |_, piece| self.take(piece))
    }

    async fn fetch(&mut self, range: std::ops::Range<u64>, on_wire: &mut u64) -> Result<(), Fault> {
        let mut next = range.start;
        let (mut failures, mut scraps) = (0, 0);
        while next < range.end {
            self.link.gate().await;
            let before = next;
            let received = self.receive(&mut next, range.end, on_wire).await;
            scraps = match next - before < SCRAP {
                true => scraps + 1,
                false => 0,
            };
            match received {
                Ok(()) => {}
                Err(_) if scraps >= SCRAPS => return Err(in_scraps()),
                Err(trouble)
                    if trouble.class == Class::Retry && (next > before || failures < 3) =>
                {
                    failures = if next > before { 0 } else { failures + 1 };
                    let random = u64::from_le_bytes(crate::vault::random());
                    let wait = logic::retry::backoff(failures + 1, trouble.retry_after, random);
                    if failures > 0 {
                        let why = "the next attempt at a changed member";
                        self.link.wait(why, wait, &trouble).await;
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn receive(&mut self, next: &mut u64, end: u64, on_wire: &mut u64) -> Result<(), Fault> {
        let range = self.edition.range(&self.link.uplink, *next, end - 1);
        let mut opened = range.await?;
        while let Some(chunk) = opened.chunk().await? {
            *on_wire += chunk.len() as u64;
            let take = chunk.len().min((end - *next) as usize);
            *next += take as u64;
            self.take(&chunk[..take])?;
            self.link.flushed().await?;
            self.link.throttle(chunk.len() as u64).await;
        }
        if *next < end { Err(short()) } else { Ok(()) }
    }
}
