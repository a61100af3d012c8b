//! Lets callers in, so many at once, and speaks HTTP/1.1 with each: what the local API and the status page share.
//! Never answers anything itself, and never lets a caller keep what others need: who asks nothing makes room.
//! Called by `socket` and by the status page.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use logic::places::Caller;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::connections::{Connections, Kept, Ticket, watched};

/// A request's head has at most so many bytes.
const HEAD: usize = 16 << 10;
/// A caller that takes nothing of its answer for so long is cut off, at the latest after twice that.
const STALLED: Duration = Duration::from_secs(20);

/// Where callers come from.
pub(crate) trait Entrance {
    /// A caller's connection.
    type Stream;

    /// The next caller.
    async fn caller(&self) -> io::Result<(Self::Stream, Caller)>;
}

impl Entrance for TcpListener {
    type Stream = TcpStream;

    async fn caller(&self) -> io::Result<(TcpStream, Caller)> {
        let (stream, address) = self.accept().await?;
        Ok((stream, Caller::at(address.ip())))
    }
}

/// Lets callers in until it is dropped. Nobody waits in the kernel's queue: who finds no room is sent away.
pub(crate) async fn receive<E: Entrance, F: Future<Output = ()> + 'static>(
    entrance: E,
    connections: Connections,
    speak: impl Fn(E::Stream, Ticket) -> F,
) {
    loop {
        match entrance.caller().await {
            Ok((stream, caller)) => {
                if let Some(ticket) = connections.enter(caller) {
                    tokio::task::spawn_local(speak(stream, ticket));
                }
            }
            // Out of file descriptors: others will be given back.
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// One caller, to the end: a head that does not come within `patience`, an answer that is not taken, or somebody else who
/// needs the room.
pub(crate) async fn converse<B, F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    ticket: Ticket,
    patience: Duration,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    F: Future<Output = Response<B>>,
{
    let denied = ticket.caller() == Caller::Denied;
    let service = service_fn(|request| {
        // Who may not speak here makes room for others like it, whatever it asks.
        let busy = (!denied).then(|| ticket.busy());
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await.map(|body| Kept::new(body, busy))) }
    });
    let (stream, flow) = watched(stream);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD)
        .keep_alive(!denied)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A caller that hangs up in the middle is its own business.
        _ = connection => {}
        () = ticket.evicted() => {}
        () = flow.stands_still(STALLED) => {}
    }
}
