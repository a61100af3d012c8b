//! One connection as the script sees it: counted bytes, and an end that is a reset when told so.
//! Never speaks HTTP or TLS.
//! Wrapped around each accepted socket by `serve`.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a connection shares with the bodies that go over it.
#[derive(Default)]
pub(crate) struct LinkState {
    pub(crate) number: u64,
    pub(crate) read: Arc<AtomicU64>,
    pub(crate) written: Arc<AtomicU64>,
    /// Requests so far.
    pub(crate) requests: AtomicU64,
    reset: AtomicBool,
    /// The body has been handed over and the connection is to end without notice.
    hangs_up: AtomicBool,
    /// What was handed over has left: reading finds the end.
    is_over: AtomicBool,
    flush: Mutex<Flush>,
}

#[derive(Default)]
struct Flush {
    waker: Option<Waker>,
    done: bool,
}

impl LinkState {
    pub(crate) fn new(number: u64, read: Arc<AtomicU64>, written: Arc<AtomicU64>) -> Self {
        Self {
            number,
            read,
            written,
            ..Self::default()
        }
    }

    /// Ready once everything written before the first call has been handed to the kernel.
    pub(crate) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        if flush.done {
            return Poll::Ready(());
        }
        flush.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Makes the end of the connection a reset.
    pub(crate) fn sever(&self, reset: bool) {
        self.reset.store(reset, Ordering::Relaxed);
    }

    /// Counts before the bytes leave: whoever has read them finds them counted.
    fn counted(
        &self,
        length: usize,
        write: impl FnOnce() -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.written.fetch_add(length as u64, Ordering::Relaxed);
        let outcome = write();
        let written = match &outcome {
            Poll::Ready(Ok(written)) => *written,
            _ => 0,
        };
        self.written
            .fetch_sub((length - written) as u64, Ordering::Relaxed);
        outcome
    }

    /// Lets the connection end once everything handed over has left.
    pub(crate) fn hang_up(&self) {
        self.hangs_up.store(true, Ordering::Relaxed);
    }

    fn flushed(&self, cx: &Context<'_>) {
        if self.hangs_up.load(Ordering::Relaxed) && !self.is_over.swap(true, Ordering::Relaxed) {
            cx.waker().wake_by_ref();
        }
        let mut flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = flush.waker.take() {
            flush.done = true;
            waker.wake();
        }
    }
}

/// The socket of a connection.
pub(crate) struct CountedSocket {
    socket: TcpStream,
    line: Arc<LinkState>,
}

impl CountedSocket {
    pub(crate) fn new(socket: TcpStream, line: Arc<LinkState>) -> Self {
        Self { socket, line }
    }
}

impl Drop for CountedSocket {
    fn drop(&mut self) {
        if self.line.reset.load(Ordering::Relaxed) {
            // A connection that is gone already cannot be reset: nothing to be done about it.
            let _ = self.socket.set_zero_linger();
        }
    }
}

impl AsyncRead for CountedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.line.is_over.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        let read = (buf.filled().len() - before) as u64;
        self.line.read.fetch_add(read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CountedSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = Arc::clone(&self.line);
        line.counted(buf.len(), || Pin::new(&mut self.socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = Arc::clone(&self.line);
        let length = bufs.iter().map(|b| b.len()).sum();
        line.counted(length, || {
            Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.line.flushed(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
