//! First contact with a package: its size and its end, believed only from a parsed `Content-Range` (protocol 6.3, 6.4).
//! Never asks for a part in a way that was not heeded when another way is left, and never without end.
//! Called by `fetch` at the start, at each resume and before a repair.
//!
//! | The server, or a proxy before it | is asked |
//! |---|---|
//! | serves the last bytes | for them alone: the package is known by size and end |
//! | refuses that (416), moves it, does not say what came | for its first byte, which tells the size; then for the end by its place |
//! | gives a part of a part | for the rest of it, as long as the pieces are worth it |
//! | heeds no range at all | for the whole, from its first byte |

use logic::fault::{Code, Fault};
use std::sync::Arc;

use logic::api::{Call, Range};
use logic::zip::{Directory, Identity, Tail};

use super::piece::{Answer, changed, dishonest, must_be_zip, not_zip, open};
use crate::uplink::Uplink;

/// What central has under a delivery's URI.
pub(super) enum Probe {
    /// It serves ranges: the package is known by size and tail.
    Known(Box<Known>),
    /// It served the whole package in one answer, small enough to hold.
    Small(Vec<u8>),
    /// It (or a proxy) ignores ranges: the whole package streams, from its first byte.
    Streaming(Box<Answer>),
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
/// So many answers may bring one part of the end; in more pieces ranges are of no use.
const PIECES: usize = 16;

/// Asks for the end of a package, in one way after the other; with a nonce past all caches on the way.
///
/// # Errors
/// `package.missing` (404), `package.not_zip`, `package.empty`, `package.range` when not even the whole comes, or what
/// uplink and central say.
pub(super) async fn probe(
    uplink: &Uplink,
    delivery: &str,
    nonce: Option<u64>,
) -> Result<Probe, Fault> {
    let way = Way {
        uplink,
        delivery,
        nonce,
    };
    match way.by_suffix().await {
        Err(trouble) if is_range(&trouble) => match way.by_place().await {
            Err(trouble) if is_range(&trouble) => way.whole().await,
            looked => looked,
        },
        looked => looked,
    }
}

/// The whole package, without a range.
///
/// # Errors
/// As `probe`.
pub(super) async fn whole(uplink: &Uplink, delivery: &str) -> Result<Probe, Fault> {
    let way = Way {
        uplink,
        delivery,
        nonce: None,
    };
    way.whole().await
}

/// Whether ranges are the trouble: the next way may do without.
pub(super) fn is_range(trouble: &Fault) -> bool {
    trouble.code == Code::PackageRange
}

struct Way<'a> {
    uplink: &'a Uplink,
    delivery: &'a str,
    nonce: Option<u64>,
}

impl Way<'_> {
    async fn open(&self, range: Option<Range>) -> Result<Answer, Fault> {
        let call = Call::package(self.delivery, range);
        let call = match self.nonce {
            Some(nonce) => call.past_caches(nonce),
            None => call,
        };
        open(self.uplink, call).await
    }

    async fn by_suffix(&self) -> Result<Probe, Fault> {
        let opened = self.open(Some(Range::Suffix(Tail::FIRST))).await?;
        if opened.is_refused() {
            return match opened.refused_of() {
                Some(total) => self.by_size(total, Vec::new(), None).await,
                None => Err(dishonest("the last bytes were refused (status 416)")),
            };
        }
        let Some(range) = opened.content_range() else {
            return self.unranged(opened).await;
        };
        let start = range.total.saturating_sub(Tail::FIRST);
        let to_the_end = range.last + 1 == range.total && range.first >= start;
        if !to_the_end && range.first != start {
            return Err(dishonest(&format!(
                "the last {} bytes were asked for, bytes {}-{} came",
                Tail::FIRST,
                range.first,
                range.last
            )));
        }
        let tag = opened.tag().map(str::to_owned);
        let mut tail = opened.collect(range.len()).await?;
        let next = range.first + tail.len() as u64;
        if next < range.total {
            tail.extend(self.span(next, range.total - 1, range.total).await?);
        }
        self.known(range.total, tail, tag).await
    }

    /// The first byte says how long the package is.
    async fn by_place(&self) -> Result<Probe, Fault> {
        let opened = self.open(Some(Range::Span(0, 0))).await?;
        if opened.is_refused() {
            return Err(dishonest("the first byte was refused (status 416)"));
        }
        let Some(range) = opened.content_range() else {
            return Err(opened.instead().await);
        };
        if (range.first, range.last) != (0, 0) {
            return Err(dishonest(&format!(
                "the first byte was asked for, bytes {}-{} came",
                range.first, range.last
            )));
        }
        let tag = opened.tag().map(str::to_owned);
        must_be_first(&opened.collect(1).await?)?;
        self.by_size(range.total, Vec::new(), tag).await
    }

    async fn by_size(
        &self,
        total: u64,
        mut tail: Vec<u8>,
        tag: Option<String>,
    ) -> Result<Probe, Fault> {
        let Some(last) = total.checked_sub(1) else {
            return Err(empty());
        };
        let start = total.saturating_sub(Tail::FIRST);
        tail.extend(self.span(start, last, total).await?);
        self.known(total, tail, tag).await
    }

    /// Status 200 without a place: the whole package, or nothing because it is shorter than the suffix. What does not
    /// begin as a package may be the end of one, its place lost on the way.
    async fn unranged(&self, mut opened: Answer) -> Result<Probe, Fault> {
        match opened.peek().await? {
            None => self.whole().await,
            Some(first) if first.starts_with(b"PK") && !opened.is_placeless() => {
                from_the_beginning(opened).await
            }
            Some(_) => Err(opened.instead().await),
        }
    }

    async fn whole(&self) -> Result<Probe, Fault> {
        let opened = self.open(None).await?;
        match opened.content_range() {
            Some(range) if range.len() < range.total => {
                Err(dishonest("the whole package was asked for, a part came"))
            }
            _ => from_the_beginning(opened).await,
        }
    }

    /// Reads the directory at the end, and as much more of the end as it takes.
    async fn known(
        &self,
        total: u64,
        mut tail: Vec<u8>,
        tag: Option<String>,
    ) -> Result<Probe, Fault> {
        loop {
            match Tail::read(total, &tail).map_err(|flaw| not_zip(&flaw.to_string()))? {
                Tail::Whole(directory) => {
                    return Ok(Probe::Known(Box::new(Known {
                        identity: directory.identity,
                        directory: Arc::new(directory),
                        tail,
                        tag,
                    })));
                }
                Tail::Need(from) => {
                    let had = total - tail.len() as u64;
                    let mut longer = self.span(from, had - 1, total).await?;
                    longer.extend_from_slice(&tail);
                    tail = longer;
                }
            }
        }
    }

    /// The bytes from `first` to `last` of a package of this size, in as many pieces as it takes, but not in very many.
    async fn span(&self, first: u64, last: u64, total: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        for _ in 0..PIECES {
            let next = first + bytes.len() as u64;
            let opened = self.open(Some(Range::Span(next, last))).await?;
            let Some(came) = opened.content_range() else {
                return Err(opened.instead().await);
            };
            if came.total != total {
                return Err(changed());
            }
            if came.first != next || came.last > last {
                return Err(dishonest(&format!(
                    "bytes {next}-{last} were asked for, {}-{} came",
                    came.first, came.last
                )));
            }
            bytes.extend(opened.collect(came.len()).await?);
            if bytes.len() as u64 > last - first {
                return Ok(bytes);
            }
        }
        Err(in_scraps())
    }
}

/// Ranges are answered, but so little at a time that the whole is cheaper.
pub(super) fn in_scraps() -> Fault {
    dishonest("again and again a few bytes came of many that were asked for")
}

fn empty() -> Fault {
    Fault::new(Code::PackageEmpty, "central answered with an empty package")
}

fn must_be_first(bytes: &[u8]) -> Result<(), Fault> {
    match bytes {
        b"P" => Ok(()),
        _ => Err(not_zip("it does not begin as a zip")),
    }
}

/// A package that comes from its first byte.
async fn from_the_beginning(mut opened: Answer) -> Result<Probe, Fault> {
    if let Some(first) = opened.peek().await? {
        must_be_zip(&first)?;
    }
    let announced = opened.length();
    if announced.is_some_and(|length| length > SMALL as u64) {
        return Ok(Probe::Streaming(Box::new(opened)));
    }
    let mut body = Vec::new();
    while let Some(chunk) = opened.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > SMALL {
            // Unannounced and long: what was read goes back in front.
            opened.put_back(body);
            return Ok(Probe::Streaming(Box::new(opened)));
        }
    }
    if body.is_empty() {
        return Err(empty());
    }
    if announced.is_some_and(|announced| announced != body.len() as u64) {
        return Err(Fault::new(
            Code::PackageLength,
            "the package is not as long as central announced",
        ));
    }
    must_be_zip(&body)?;
    Ok(Probe::Small(body))
}
