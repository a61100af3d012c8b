//! A stream whose traffic somebody watches: every byte read, every write and how it went.
//! Never changes, delays or keeps what passes.
//! Called by `connections` (which clients stand still) and `uplink` (what the line carried).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What HTTP is spoken over: hyper stands once in the program, and not for each kind of stream.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Any of them.
pub type BoxedStream = Box<dyn ByteStream>;

/// Sees what passes one stream.
pub trait Observer {
    /// These bytes were read; none at the end of the stream.
    fn on_read(&self, bytes: &[u8]);
    /// So a write went: the number of bytes taken, an error, or that the other side takes nothing now.
    fn on_write(&self, result: &Poll<io::Result<usize>>);
}

/// A stream and who watches it.
#[derive(Debug)]
pub struct Observed<S, O> {
    stream: S,
    observer: O,
}

impl<S, O: Observer> Observed<S, O> {
    /// Watches all that passes `stream` from now on.
    pub fn new(stream: S, observer: O) -> Self {
        Self { stream, observer }
    }
}

impl<S: AsyncRead + Unpin, O: Observer + Unpin> AsyncRead for Observed<S, O> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.observer.on_read(&buffer.filled()[before..]);
        result
    }
}

impl<S: AsyncWrite + Unpin, O: Observer + Unpin> AsyncWrite for Observed<S, O> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.observer.on_write(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.observer.on_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
