//! Lets callers in, so many at once, and speaks HTTP/1.1 with each: what local API, status page and gateway share.
//! Never answers anything itself, and never lets a caller keep what others need: who asks nothing makes room.
//! Called by `socket`, `page` and `gateway`.

mod exact;

pub(crate) use exact::{ExactBody, ExactContent};

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use logic::places::Caller;
use system::observed::{BoxedStream, ByteStream};
use tokio::net::{TcpListener, TcpStream};

use crate::connections::{ConnectionFlow, ConnectionTicket, Connections, KeptContent, watched};

/// Wait after a listener failed, for want of file descriptors mostly: others will be given back.
const LISTENER_REST: Duration = Duration::from_millis(200);

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
        // Answers are written whole: there is nothing to gather.
        let _ = stream.set_nodelay(true);
        Ok((stream, Caller::at(address.ip())))
    }
}

/// Lets callers in until it is dropped; `begin` starts to speak with each. Nobody waits in the kernel's queue: who finds
/// no room is sent away. A listener that fails is told once, until it works again.
pub(crate) async fn receive<E: Entrance>(
    entrance: E,
    connections: Connections,
    mut begin: impl FnMut(E::Stream, ConnectionTicket),
) {
    let mut failing = false;
    loop {
        match entrance.caller().await {
            Ok((stream, caller)) => {
                failing = false;
                if let Some(ticket) = connections.enter(caller) {
                    begin(stream, ticket);
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!("a listener failed: {error}");
                }
                failing = true;
                tokio::time::sleep(LISTENER_REST).await;
            }
        }
    }
}

/// When a connection stands still for too long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stall {
    /// The other side takes nothing of an answer for so long, twice that at most.
    NotTaken(Duration),
    /// Nothing moves either way for so long, twice that at most.
    Silent(Duration),
}

impl Stall {
    async fn comes(self, flow: ConnectionFlow) {
        match self {
            Self::NotTaken(limit) => flow.stands_still(limit).await,
            Self::Silent(limit) => flow.is_silent(limit).await,
        }
    }
}

/// What doors differ in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionOptions {
    /// A request's head has to come within this; so long a connection may be kept without one.
    pub(crate) head_timeout: Duration,
    /// The most bytes that a head may have; `None`: as hyper has it.
    pub(crate) head_limit: Option<usize>,
    /// When it is cut off.
    pub(crate) stall: Stall,
    /// Header fields are written `Content-Type`, as old clients of PHP compare them.
    pub(crate) title_case: bool,
    /// Whoever asks makes room for nobody until it is answered. Else the door itself says when (`ConnectionTicket::busy`).
    pub(crate) is_busy: bool,
}

/// One caller, to the end: a head that does not come, a connection that stands still, somebody else who needs the room.
/// When `stop` ends, what is being answered is answered, and nothing after it.
pub(crate) fn converse<B, F>(
    stream: impl ByteStream + 'static,
    ticket: ConnectionTicket,
    options: ConnectionOptions,
    stop: impl Future<Output = ()> + 'static,
    answer: impl Fn(Request<Incoming>) -> F + 'static,
) -> impl Future<Output = ()>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<BoxedError> + 'static,
    F: Future<Output = Response<B>> + 'static,
{
    let answer = move |request| -> BoxedAnswer {
        let answer = answer(request);
        Box::pin(async {
            answer
                .await
                .map(|body| -> BoxedBody { Box::pin(body.map_err(Into::into)) })
        })
    };
    let (stream, flow) = watched(stream);
    converse_boxed(
        Box::new(stream),
        flow,
        ticket,
        options,
        Box::pin(stop),
        Box::new(answer),
    )
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;
type BoxedBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxedError>>>;
type BoxedAnswer = Pin<Box<dyn Future<Output = Response<BoxedBody>>>>;

/// The same for all doors: hyper's server stands once in the program.
async fn converse_boxed(
    stream: BoxedStream,
    flow: ConnectionFlow,
    ticket: ConnectionTicket,
    options: ConnectionOptions,
    stop: Pin<Box<dyn Future<Output = ()>>>,
    answer: Box<dyn Fn(Request<Incoming>) -> BoxedAnswer>,
) {
    let denied = ticket.caller() == Caller::Denied;
    let service = service_fn(|request| {
        // Who may not speak here makes room for others like it, whatever it asks.
        let busy = (options.is_busy && !denied).then(|| ticket.busy());
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await.map(|body| KeptContent::new(body, busy))) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .title_case_headers(options.title_case)
        .keep_alive(!denied);
    if let Some(limit) = options.head_limit {
        server.max_buf_size(limit);
    }
    let connection = server.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A caller that hangs up in the middle is its own business.
        _ = &mut connection => return,
        () = ticket.evicted() => return,
        () = options.stall.comes(flow) => return,
        () = stop => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
