//! The bodies of answers: whole ones, ones read piece by piece as fast as the caller takes them, and events.
//! Never holds more than one piece of what it streams.
//! Called by the routes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use logic::fault::Fault;
use tokio::sync::mpsc;

/// The next piece; `None` at the end.
pub(super) type Pieces = Box<dyn FnMut() -> Option<Result<Bytes, Fault>>>;

/// The body of an answer.
pub(super) enum ResponseBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// Read when there is room for the next piece; of so many bytes, if that is known.
    Pieces(Pieces, Option<u64>),
    /// Whatever comes, to its end: read elsewhere.
    Lines(mpsc::Receiver<Result<Bytes, Fault>>),
    /// Whatever comes, until one side hangs up.
    Events(mpsc::Receiver<Bytes>),
}

impl ResponseBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(next, left) => {
                let piece = next();
                if piece
                    .as_ref()
                    .is_some_and(|piece| piece.as_ref().is_ok_and(Bytes::is_empty))
                {
                    // Nothing yet, after much work: others have their turn first.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if let (Some(left), Some(Ok(bytes))) = (left, &piece) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
            Self::Lines(lines) => lines.poll_recv(context).map(|piece| {
                let piece = piece.filter(|piece| !piece.as_ref().is_ok_and(Bytes::is_empty));
                piece.map(|piece| piece.map(Frame::data))
            }),
            Self::Events(events) => events
                .poll_recv(context)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Pieces(_, Some(0)))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces(_, Some(left)) => SizeHint::with_exact(*left),
            Self::Pieces(_, None) | Self::Lines(_) | Self::Events(_) => SizeHint::new(),
        }
    }
}
