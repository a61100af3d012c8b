//! The content of an answer whose length is known: what is lent piece by piece, and ends where it was said to end.
//! Never holds more than the piece that is asked for.
//! Called by the gateway, and by the engine where a stick answers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use logic::fault::Fault;

/// What lends the bytes of an answer.
pub(crate) trait ExactContent {
    /// Bytes that are still to come.
    fn left(&self) -> u64;

    /// The next of them, while any are left.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>>;
}

impl ExactContent for Bytes {
    fn left(&self) -> u64 {
        self.len() as u64
    }

    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        Poll::Ready(Ok(std::mem::take(self)))
    }
}

/// An answer's content of a length that its head tells.
pub(crate) struct ExactBody(Box<dyn ExactContent>);

impl ExactBody {
    pub(crate) fn new(content: impl ExactContent + 'static) -> Self {
        Self(Box::new(content))
    }
}

impl Body for ExactBody {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if self.0.left() == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(self.0.poll_piece(cx));
        if let Err(trouble) = &piece {
            // The connection ends short of its length, so whoever asked keeps nothing of it.
            tracing::warn!(code = %trouble.code, "an answer was cut off: {}", trouble.reason());
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.left())
    }
}
