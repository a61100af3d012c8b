//! An answer to a request for a package or a part of it, its content still to come; and what it is when it is neither.
//! Never takes an answer for a package before it looks like one, nor a byte beyond what it says of its place.
//! Called by `probe`, `edition`, `lane`, `rebuild` and `whole`.

use bytes::Bytes;
use logic::api::{Call, Reply, answer};
use logic::fault::{Code, Expected, Fault, PackageCause};
use logic::range::{ContentRange, content_length, strong_tag};
use logic::words::Outcome;

use crate::uplink::{Opened, Uplink};

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

    /// Whether the server gives no such part (RFC 9110 15.5.17).
    pub(super) fn is_refused(&self) -> bool {
        self.opened.status == 416
    }

    /// The size of the package that comes with such a refusal.
    pub(super) fn refused_of(&self) -> Option<u64> {
        let field = self.opened.header("content-range")?;
        ContentRange::unsatisfied(field).filter(|_| self.is_refused())
    }

    /// Whether it calls itself a part and does not say which.
    pub(super) fn is_placeless(&self) -> bool {
        self.opened.status == 206 && self.content_range().is_none()
    }

    /// The strong entity tag of what it is a part of.
    pub(super) fn tag(&self) -> Option<&str> {
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

    /// The first piece of content, which stays the next one.
    pub(super) async fn peek(&mut self) -> Result<Option<Bytes>, Fault> {
        self.front = self.chunk().await?;
        Ok(self.front.clone())
    }

    /// Puts content back that was read.
    pub(super) fn put_back(&mut self, content: Vec<u8>) {
        self.front = Some(content.into());
    }

    /// The content as it was announced, or as much of it as came, at least one byte.
    pub(super) async fn collect(mut self, length: u64) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::with_capacity(length as usize);
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        match body.is_empty() {
            true => Err(short()),
            false => Ok(body),
        }
    }

    /// What it is where a part was asked for and it is none: central's own words, or a range that was not heeded.
    pub(super) async fn instead(mut self) -> Fault {
        match self.peek().await {
            Err(trouble) => trouble,
            Ok(first) => words(&first.unwrap_or_default()).unwrap_or_else(|| {
                dishonest("a range was asked for, an answer without Content-Range came")
            }),
        }
    }
}

/// Opens a package or a part of it; an answer that is neither is read and told as what it is. A refused range is given as
/// an answer: whoever asked for it knows another way.
pub(super) async fn open(uplink: &Uplink, call: Call) -> Result<Answer, Fault> {
    let is_part = call.range.is_some();
    let opened = uplink.open(&call).await?;
    if matches!(opened.status, 200 | 203 | 206) || (is_part && opened.status == 416) {
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
    let trouble = answer::parse::<serde::de::IgnoredAny>(reply, Expected::Package).err();
    match trouble {
        Some(trouble) if trouble.code == Code::CentralNotFound => Fault {
            cause: PackageCause::Missing.into(),
            code: Code::PackageMissing,
            ..trouble
        },
        Some(trouble) => trouble,
        None => dishonest(&format!(
            "status {} to a request for a package",
            reply.status
        )),
    }
}

/// Checks the first bytes of a package.
pub(super) fn must_be_zip(bytes: &[u8]) -> Result<(), Fault> {
    match bytes.starts_with(b"PK") {
        true => Ok(()),
        false => Err(words(bytes).unwrap_or_else(|| not_zip("it does not begin as a zip"))),
    }
}

/// A refusal, a maintenance page, a page for people with status 200 (protocol 0.2), where bytes of a package were due.
fn words(bytes: &[u8]) -> Option<Fault> {
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: bytes.to_vec(),
    };
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    answer::parse::<serde::de::IgnoredAny>(&reply, Expected::Package)
        .err()
        .filter(|trouble| trouble.code != Code::CentralForeign || is_page)
}

/// The answer is not the range that was asked for.
pub(super) fn dishonest(what: &str) -> Fault {
    Fault::new(
        Code::PackageRange,
        format!("central or a proxy is not honest about ranges: {what}"),
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

pub(super) fn not_zip(why: &str) -> Fault {
    Fault::new(
        Code::PackageNotZip,
        format!("what central gives is no zip package: {why}"),
    )
}
