//! Contents of requests and answers: read with a bound and a time limit, made in the stream.
//! Never holds a whole package or bandwidth file.
//! Called by the gateway and by hyper.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use logic::fault::Fault;
use tokio::time::timeout;

use crate::server::ExactContent;

/// A client on this machine that takes longer than this to send one request is stuck.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// The same for one that has shown no right to ask.
const UNAUTHENTICATED_TIMEOUT: Duration = Duration::from_secs(10);
/// A content of which nothing comes for so long is given up.
const STALLED: Duration = Duration::from_secs(10);
/// A content that is of no use is read no longer than this.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a content was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// More than the limit.
    TooLarge,
    /// The client went away or got stuck.
    Gone,
}

/// Reads a request's content, at most `limit` bytes; `open`: nobody has shown a right to ask yet.
pub(super) async fn read(mut body: Incoming, limit: u64, open: bool) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > limit {
        discard(body, limit).await;
        return Err(Unread::TooLarge);
    }
    let reading = async {
        let mut whole = BytesMut::new();
        loop {
            let Ok(frame) = timeout(STALLED, body.frame()).await else {
                return Err(Unread::Gone);
            };
            let Some(frame) = frame else {
                return Ok(whole.freeze());
            };
            let Ok(frame) = frame else {
                return Err(Unread::Gone);
            };
            if let Ok(piece) = frame.into_data() {
                if (whole.len() + piece.len()) as u64 > limit {
                    return Err(Unread::TooLarge);
                }
                whole.extend_from_slice(&piece);
            }
        }
    };
    let patience = if open {
        UNAUTHENTICATED_TIMEOUT
    } else {
        REQUEST_TIMEOUT
    };
    timeout(patience, reading)
        .await
        .unwrap_or(Err(Unread::Gone))
}

/// Reads a content for nothing, at most `limit` bytes and only while it keeps coming: what is left unread when a
/// connection closes can take the answer with it before the client has read it.
pub(super) async fn discard(mut body: Incoming, limit: u64) {
    const PAUSE: Duration = Duration::from_secs(1);
    let reading = async {
        let mut left = limit;
        while let Ok(Some(Ok(frame))) = timeout(PAUSE, body.frame()).await {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whoever sends it drop by drop does so for nothing.
    let _ = timeout(DISCARD_TIMEOUT, reading).await;
}

/// Bytes of one piece of an answer of zeros, at most.
const ZEROS_AT_ONCE: u64 = 64 << 10;

/// So many zeros.
pub(super) struct Zeros(pub(super) u64);

impl ExactContent for Zeros {
    fn left(&self) -> u64 {
        self.0
    }

    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        let take = self.0.min(ZEROS_AT_ONCE);
        self.0 -= take;
        // Made when they are asked for: as a constant they would be part of the file.
        Poll::Ready(Ok(Bytes::from(vec![0; take as usize])))
    }
}
