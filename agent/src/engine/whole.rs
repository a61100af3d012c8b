//! A package that comes whole in one answer: small enough to hold, or streamed because ranges are of no use here.
//! Never makes anything visible, and trusts no byte before every member's CRC-32 was checked.
//! Called by `fetch`, when it knows no safer way; a cut costs everything that came.

use logic::fault::{Code, Fault};
use std::sync::Arc;

use logic::seal::NONCE;
use logic::words::Outcome;
use logic::zip::{Directory, Verdict, Verifier};

use super::fetch::Whole;
use super::first;
use super::incoming::Incoming;
use super::link::Link;
use super::piece::{Answer, changed, dishonest};
use crate::vault::package::{Part, RECORD};

/// Room is taken in steps of this where nothing says how long the package will be: a multiple of a record.
const STEP: u64 = 256 * RECORD as u64;

/// A package that came whole in one small answer.
pub(super) fn small(
    link: &Link,
    delivery: &str,
    bytes: &[u8],
    directory: &Directory,
) -> Result<Option<Whole>, Fault> {
    first::must_be_readable(link, delivery, directory)?;
    let identity = directory.identity;
    let mut verifier = Verifier::new(directory);
    verifier.feed(0, bytes);
    sound(link, delivery, &verifier.finish(), directory)?;
    let mut part = link.begin(delivery, identity.size, Some(identity.tail))?;
    let record = part.meta().record as usize;
    for (index, chunk) in bytes.chunks(record).enumerate() {
        let mut buffer = Part::buffer();
        buffer.extend_from_slice(chunk);
        part.write(index as u64, &mut buffer)?;
    }
    Ok(Some(Whole {
        part,
        rebuilt: false,
    }))
}

/// The last way: a server that ignores ranges streams the whole package. Where it does not say how long it is (a chunked
/// answer), its end is where the answer ends.
pub(super) async fn streamed(
    link: &Link,
    delivery: &str,
    mut opened: Answer,
    on_wire: &mut u64,
) -> Result<Whole, Fault> {
    let announced = opened.length();
    first::must_be_new(link, delivery, announced)?;
    let mut stream = Stream {
        link,
        announced,
        part: link.begin(delivery, announced.unwrap_or(STEP), None)?,
        buffer: Part::buffer(),
        index: 0,
    };
    while let Some(chunk) = opened.chunk().await? {
        *on_wire += chunk.len() as u64;
        stream.take(&chunk)?;
        link.flushed().await?;
        link.throttle(chunk.len() as u64).await;
    }
    let mut part = stream.end()?;
    link.flushed().await?;
    let directory = Arc::new(super::content::directory(part.content())?);
    part.identify(directory.identity.tail)?;
    first::must_be_readable(link, delivery, &directory)?;
    let (incoming, verdict) = Incoming::new(part, directory.clone()).verdict().await?;
    sound(link, delivery, &verdict, &directory)?;
    Ok(Whole {
        part: incoming.into_part(),
        rebuilt: false,
    })
}

/// A package on its way to the disk, from its first byte on.
struct Stream<'a> {
    link: &'a Link,
    announced: Option<u64>,
    part: Part,
    buffer: Vec<u8>,
    /// The record that is being filled.
    index: u64,
}

impl Stream<'_> {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if self.index == self.part.meta().records() {
                self.go_on()?;
            }
            let length = self.part.meta().length(self.index) + NONCE;
            let take = bytes.len().min(length - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.buffer.len() == length {
                self.write()?;
            }
        }
        Ok(())
    }

    /// It is longer than there is room for.
    fn go_on(&mut self) -> Result<(), Fault> {
        match self.announced {
            Some(_) => Err(dishonest("more bytes came than Content-Length announced")),
            None => self.part.grow(STEP, self.link.limits.reserve),
        }
    }

    fn write(&mut self) -> Result<(), Fault> {
        let length = self.buffer.len() as u64;
        self.part.write(self.index, &mut self.buffer)?;
        self.link.written(length, &self.part);
        self.index += 1;
        Ok(())
    }

    /// The answer has ended.
    fn end(mut self) -> Result<Part, Fault> {
        if self.announced.is_none() {
            let record = u64::from(self.part.meta().record);
            let begun = (self.buffer.len() - NONCE) as u64;
            self.part.end_at(self.index * record + begun)?;
            if begun > 0 {
                self.write()?;
            }
        }
        if self.index < self.part.meta().records() {
            return Err(Fault::new(Code::NetCut, "the package ended early").ending(Outcome::Failed));
        }
        Ok(self.part)
    }
}

/// What came whole has only its own word: it is remembered, so that doctor names it, and read again when it comes again.
fn sound(
    link: &Link,
    delivery: &str,
    verdict: &Verdict,
    directory: &Directory,
) -> Result<(), Fault> {
    match verdict.bad.first() {
        None if verdict.unseen.is_empty() => Ok(()),
        None => Err(changed()),
        Some((at, fault)) => Err(first::damaged_whole(link, delivery, directory, *at, fault)?),
    }
}
