//! First contact with a package: its size and its end, believed only from a parsed `Content-Range` (protocol 6.3, 6.4).
//! Never takes an answer for a package before it looks like one, and never believes a range that is not the asked one.
//! Called by `fetch` at the start, at each resume and before a repair.

use std::sync::Arc;

use logic::api::{Call, Range, Reply, answer};
use logic::fault::{Code, Fault};
use logic::range::{ContentRange, content_length, strong_tag};
use logic::words::Outcome;
use logic::zip::{Directory, Identity, Tail};

use bytes::Bytes;

use crate::uplink::{Opened, Uplink};

/// What central has under a delivery's URI.
pub(super) enum Probe {
    /// It serves ranges: the package is known by size and tail.
    Known(Box<Known>),
    /// It served the whole package in one answer, small enough to hold.
    Small(Vec<u8>),
    /// It (or a proxy) ignores ranges: the whole package streams, from its first byte.
    Streaming(Box<Answer>),
}

/// An answer to a request for a package, its content still to come.
pub(super) struct Answer {
    opened: Opened,
    /// Content that was looked at and put back.
    front: Option<Bytes>,
    /// Bytes that may still come, of an answer that says its place.
    left: Option<u64>,
}

impl Answer {
    /// What the answer says it is a part of; believed only when it is sound.
    pub(super) fn content_range(&self) -> Option<ContentRange> {
        ContentRange::parse(self.opened.header("content-range")?)
    }

    /// The strong entity tag of what it is a part of.
    fn tag(&self) -> Option<&str> {
        strong_tag(self.opened.header("etag")?)
    }

    /// Whether it is a part of what has this tag, as far as it says.
    pub(super) fn is_of(&self, tag: &str) -> bool {
        self.content_range().is_some() && self.tag().is_none_or(|own| own == tag)
    }

    /// Announced bytes of content.
    pub(super) fn length(&self) -> Option<u64> {
        content_length(self.opened.header("content-length")?)
    }

    /// The next piece of content; `None` after the last one. What goes on beyond its `Content-Range` lies about its
    /// place: nothing of the excess is handed out.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(front) = self.front.take() {
            return Ok(Some(front));
        }
        let chunk = self.opened.chunk().await?;
        if let (Some(left), Some(chunk)) = (&mut self.left, &chunk) {
            *left = left
                .checked_sub(chunk.len() as u64)
                .ok_or_else(|| dishonest("more bytes came than Content-Range announced"))?;
        }
        Ok(chunk)
    }
}

/// A package known before its bytes have come.
pub(super) struct Known {
    /// Size and tail hash.
    pub(super) identity: Identity,
    /// The directory at its end.
    pub(super) directory: Arc<Directory>,
    /// The last bytes, from the directory's start or before.
    pub(super) tail: Vec<u8>,
    /// The strong entity tag that came with them.
    pub(super) tag: Option<String>,
}

/// A whole package up to this size is held in memory: smaller than the first suffix that is asked for.
const SMALL: usize = Tail::FIRST as usize;

/// Asks for the end of a package; with a nonce past all caches on the way.
///
/// # Errors
/// `package.missing` (404), `package.not_zip`, `package.empty`, `package.range`, or what uplink and central say.
pub(super) async fn probe(
    uplink: &Uplink,
    delivery: &str,
    nonce: Option<u64>,
) -> Result<Probe, Fault> {
    let call = |range| {
        let call = Call::package(delivery, range);
        match nonce {
            Some(nonce) => call.past_caches(nonce),
            None => call,
        }
    };
    let opened = open(uplink, call(Some(Range::Suffix(Tail::FIRST)))).await?;
    let Some(range) = opened.content_range() else {
        // 200 without Content-Range: the whole package, or nothing because it is shorter than the suffix.
        return whole(uplink, call(None), opened).await;
    };
    if range.last + 1 != range.total || range.len() > Tail::FIRST {
        return Err(dishonest(&format!(
            "the last {} bytes were asked for, bytes {}-{} came",
            Tail::FIRST,
            range.first,
            range.last
        )));
    }
    let tag = opened.tag().map(str::to_owned);
    let mut tail = collect(opened, range.len() as usize).await?;
    loop {
        match Tail::read(range.total, &tail).map_err(|flaw| not_zip(&flaw.to_string()))? {
            Tail::Whole(directory) => {
                let identity = directory.identity;
                return Ok(Probe::Known(Box::new(Known {
                    identity,
                    directory: Arc::new(directory),
                    tail,
                    tag,
                })));
            }
            Tail::Need(from) => {
                let had = range.total - tail.len() as u64;
                let asked = (from, had - 1);
                let opened = open(uplink, call(Some(Range::Span(asked.0, asked.1)))).await?;
                let came = opened
                    .content_range()
                    .ok_or_else(|| dishonest("a range was asked for, none came"))?;
                if came.total != range.total {
                    return Err(changed());
                }
                if (came.first, came.last) != asked {
                    return Err(dishonest(&format!(
                        "bytes {}-{} were asked for, {}-{} came",
                        asked.0, asked.1, came.first, came.last
                    )));
                }
                let mut longer = collect(opened, came.len() as usize).await?;
                longer.extend_from_slice(&tail);
                tail = longer;
            }
        }
    }
}

async fn whole(uplink: &Uplink, call: Call, mut opened: Answer) -> Result<Probe, Fault> {
    let mut body = Vec::new();
    match opened.chunk().await? {
        None => {
            opened = open(uplink, call).await?;
            if opened.content_range().is_some() {
                return Err(dishonest("the whole package was asked for, a part came"));
            }
        }
        Some(first) => {
            must_be_zip(&first)?;
            opened.front = Some(first);
        }
    }
    if opened.length().is_none_or(|length| length > SMALL as u64) && opened.length().is_some() {
        return Ok(Probe::Streaming(Box::new(opened)));
    }
    let announced = opened.length();
    while let Some(chunk) = opened.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > SMALL {
            // Unannounced and long: what was read goes back in front.
            opened.front = Some(body.into());
            return Ok(Probe::Streaming(Box::new(opened)));
        }
    }
    if body.is_empty() {
        return Err(trouble(
            Code::PackageEmpty,
            "central answered with an empty package",
        ));
    }
    if announced.is_some_and(|announced| announced != body.len() as u64) {
        return Err(trouble(
            Code::PackageLength,
            "the package is not as long as central announced",
        ));
    }
    must_be_zip(&body)?;
    Ok(Probe::Small(body))
}

/// Opens a package or a part of it; an answer that is none is read and told as what it is.
pub(super) async fn open(uplink: &Uplink, call: Call) -> Result<Answer, Fault> {
    let opened = uplink.open(&call).await?;
    if matches!(opened.status, 200 | 206) {
        let mut answer = Answer {
            opened,
            front: None,
            left: None,
        };
        answer.left = answer.content_range().map(|range| range.len());
        return Ok(answer);
    }
    Err(refused(&opened.reply().await?))
}

fn refused(reply: &Reply) -> Fault {
    let trouble = answer::parse::<serde::de::IgnoredAny>(reply, "a package").err();
    match trouble {
        Some(trouble) if trouble.code == Code::CentralNotFound => {
            let reason = "central has no package for this delivery (it was published before the synchronisation was installed, or its test is gone)";
            Fault {
                reason: reason.into(),
                code: Code::PackageMissing,
                ..trouble
            }
        }
        Some(trouble) => trouble,
        None => dishonest(&format!(
            "status {} to a request for a package",
            reply.status
        )),
    }
}

async fn collect(mut opened: Answer, length: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::with_capacity(length);
    while let Some(chunk) = opened.chunk().await? {
        if body.len() + chunk.len() > length {
            return Err(dishonest("more bytes came than Content-Range announced"));
        }
        body.extend_from_slice(&chunk);
    }
    if body.len() < length {
        return Err(Fault::new(Code::NetCut, "the answer ended early").ending(Outcome::Failed));
    }
    Ok(body)
}

fn must_be_zip(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.starts_with(b"PK") {
        return Ok(());
    }
    // A refusal or a page for people with status 200 (protocol 0.2).
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: bytes.to_vec(),
    };
    match answer::parse::<serde::de::IgnoredAny>(&reply, "a package") {
        Err(trouble)
            if trouble.code != Code::CentralForeign
                || bytes.trim_ascii_start().starts_with(b"<") =>
        {
            Err(trouble)
        }
        _ => Err(not_zip("it does not begin as a zip")),
    }
}

/// The answer is not the range that was asked for.
pub(super) fn dishonest(what: &str) -> Fault {
    trouble(
        Code::PackageRange,
        &format!("central or a proxy is not honest about ranges: {what}"),
    )
}

/// Fewer bytes came than were asked for, whether announced so or not: the rest is asked for again.
pub(super) fn short() -> Fault {
    let reason = "central sent less of the package than it was asked for";
    Fault::new(Code::NetCut, reason).ending(Outcome::Failed)
}

/// The package is not the one whose bytes are held: it is begun anew.
pub(super) fn changed() -> Fault {
    Fault::new(
        Code::PackageChanged,
        "the package changed on central while it was fetched",
    )
}

fn not_zip(why: &str) -> Fault {
    trouble(
        Code::PackageNotZip,
        &format!("what central gives is no zip package: {why}"),
    )
}

fn trouble(code: Code, reason: &str) -> Fault {
    Fault::new(code, reason)
}
