//! Contents of requests and answers: read with a bound and a time limit, made record by record in the stream.
//! Never writes a decrypted byte to disk, and never holds more than one record of a package.
//! Called by the gateway and by hyper.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use logic::seal::NONCE;
use logic::words::Trouble;

use crate::vault::package::Content;

/// A client on this machine that takes longer than this to send one request is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a content was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// More than the limit.
    TooLarge,
    /// The client went away or got stuck.
    Gone,
}

/// Reads a request's content, at most `limit` bytes.
pub(super) async fn read(body: Incoming, limit: u64) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > limit {
        discard(body, limit).await;
        return Err(Unread::TooLarge);
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match tokio::time::timeout(PATIENCE, limited.collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::Gone),
    }
}

/// Reads a content for nothing, at most `limit` bytes and only while it keeps coming: what is left unread when a
/// connection closes can take the answer with it before the client has read it.
pub(super) async fn discard(mut body: Incoming, limit: u64) {
    const PAUSE: Duration = Duration::from_secs(1);
    let mut left = limit;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(PAUSE, body.frame()).await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// An answer's content.
pub(super) enum Out {
    /// All of it.
    Whole(Bytes),
    /// Spans of a package, one behind the other; `left` bytes are still to come.
    Package {
        content: Box<Content>,
        spans: std::vec::IntoIter<Range<u64>>,
        span: Range<u64>,
        left: u64,
    },
    /// So many zeros.
    Zeros(u64),
}

impl Out {
    /// Spans of a package.
    pub(super) fn package(content: Content, spans: Vec<Range<u64>>) -> Self {
        Self::Package {
            content: Box::new(content),
            left: spans.iter().map(|span| span.end - span.start).sum(),
            spans: spans.into_iter(),
            span: 0..0,
        }
    }

    fn left(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Package { left, .. } | Self::Zeros(left) => *left,
        }
    }

    fn next(&mut self) -> Result<Bytes, Trouble> {
        match self {
            Self::Whole(bytes) => Ok(std::mem::take(bytes)),
            Self::Zeros(left) => {
                static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
                let take = (*left).min(ZEROS.len() as u64);
                *left -= take;
                Ok(Bytes::from_static(&ZEROS[..take as usize]))
            }
            Self::Package {
                content,
                spans,
                span,
                left,
            } => {
                while span.is_empty() {
                    match spans.next() {
                        Some(next) => *span = next,
                        None => return Ok(Bytes::new()),
                    }
                }
                let piece = piece(content, span)?;
                span.start += piece.len() as u64;
                *left -= piece.len() as u64;
                Ok(piece)
            }
        }
    }
}

/// The part of a span that lies in its first record, opened in a buffer that is handed on without a copy.
fn piece(content: &Content, span: &Range<u64>) -> Result<Bytes, Trouble> {
    let record = u64::from(content.meta().record);
    let index = span.start / record;
    let mut buffer = Vec::new();
    let length = content.record(index, &mut buffer)?.len();
    let from = (span.start - index * record) as usize;
    let to = length.min((span.end - index * record) as usize);
    // Behind the nonce lie the plain bytes now.
    Ok(Bytes::from(buffer).slice(NONCE + from..NONCE + to))
}

impl Body for Out {
    type Data = Bytes;
    type Error = Trouble;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Trouble>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let next = self.next();
        if let Err(trouble) = &next {
            // The connection ends short of its length, so the client keeps nothing of it.
            tracing::warn!(
                code = trouble.code,
                "a package was cut off: {}",
                trouble.reason
            );
        }
        Poll::Ready(Some(next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
