//! The way into the journal that never waits: what a journal that is not read cannot take is dropped, counted and said
//! later.
//! Never blocks the one thread of the daemon: a full queue of systemd-journald would stop API, signals and runs.
//! Called by `journal`, which puts it around the layer of `tracing_journald`.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where systemd-journald listens (systemd's native journal protocol).
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// A layer that speaks to the journal, asked only while the journal's queue has room.
pub(super) struct Outlet {
    /// Opened with the first record that finds room: opening sends something too.
    journal: OnceLock<tracing_journald::Layer>,
    /// Never sends: asks the kernel whether the queue has room.
    gauge: UnixDatagram,
    dropped: AtomicU64,
}

impl Outlet {
    /// # Errors
    /// No socket can be made.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            journal: OnceLock::new(),
            gauge: UnixDatagram::unbound()?,
            dropped: AtomicU64::new(0),
        })
    }

    /// The journal, if it takes another record now.
    fn journal(&self) -> Option<&tracing_journald::Layer> {
        if !self.has_room() {
            return None;
        }
        if self.journal.get().is_none()
            && let Ok(layer) = connected()
        {
            // Another thread may have been first: its layer is as good.
            let _ = self.journal.set(layer);
        }
        self.journal.get()
    }

    /// Whether the journal takes another record now. Connected anew each time: a journal that was restarted is another
    /// socket.
    fn has_room(&self) -> bool {
        let asked = || -> io::Result<bool> {
            self.gauge.connect(JOURNAL_SOCKET)?;
            let mut gauge = [PollFd::new(self.gauge.as_fd(), PollFlags::POLLOUT)];
            poll(&mut gauge, PollTimeout::ZERO)?;
            Ok(gauge[0]
                .revents()
                .is_some_and(|seen| seen.contains(PollFlags::POLLOUT)))
        };
        asked().unwrap_or(false)
    }
}

impl<S: Subscriber> Layer<S> for Outlet
where
    tracing_journald::Layer: Layer<S>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(journal) = self.journal() else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            // Comes back here, with nothing dropped.
            tracing::warn!("the journal took nothing for a while: {dropped} records are lost");
        }
        journal.on_event(event, context);
    }
}

/// A layer whose socket does not wait: the gauge may be overtaken by another process that fills the queue.
fn connected() -> io::Result<tracing_journald::Layer> {
    let (layer, socket) = opened(tracing_journald::Layer::new)?;
    let kind = rustix::net::sockopt::socket_type(&socket)?;
    if kind != rustix::net::SocketType::DGRAM {
        // Another thread opened something in the same moment; the next record tries again.
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let flags = rustix::fs::fcntl_getfl(&socket)?;
    rustix::fs::fcntl_setfl(&socket, flags | rustix::fs::OFlags::NONBLOCK)?;
    Ok(layer
        .with_field_prefix(None)
        .with_syslog_identifier("boxsync".into()))
}

/// What `open` gives, and a second handle of the one descriptor that it opens and keeps to itself. The kernel gives the
/// lowest free number; a descriptor sent over a socket pair arrives as another handle of the same open file.
fn opened<T>(open: impl FnOnce() -> io::Result<T>) -> io::Result<(T, OwnedFd)> {
    let next = File::open("/dev/null")?;
    let number = next.as_raw_fd();
    drop(next);
    let made = open()?;
    Ok((made, second_handle(number)?))
}

fn second_handle(number: RawFd) -> io::Result<OwnedFd> {
    let (sender, receiver) = UnixDatagram::pair()?;
    let rights = [number];
    let message = [ControlMessage::ScmRights(&rights)];
    let byte = [IoSlice::new(&[0])];
    sendmsg::<()>(sender.as_raw_fd(), &byte, &message, MsgFlags::empty(), None)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut bytes = [io::IoSliceMut::new(&mut byte)];
    recvmsg(&receiver, &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let handle = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut handles) => handles.next(),
        _ => None,
    });
    handle.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_handle_is_of_the_same_open_file() {
        let (_held, other) = UnixDatagram::pair().unwrap();
        let handle = second_handle(other.as_raw_fd()).unwrap();
        let flags = rustix::fs::fcntl_getfl(&handle).unwrap();
        rustix::fs::fcntl_setfl(&handle, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let seen = other.recv(&mut [0]).unwrap_err();
        assert_eq!(seen.kind(), io::ErrorKind::WouldBlock);
    }
}
