//! Lets callers in, so many at once, and speaks HTTP/1.1 with each: what the local API and the status page share.
//! Never answers anything itself, and never lets a caller hold a place for long without asking something.
//! Called by `socket` and by the status page.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// A request's head has at most so many bytes.
const HEAD: usize = 16 << 10;

/// Where callers come from.
pub(crate) trait Entrance {
    /// A caller's connection.
    type Stream;

    /// The next caller.
    async fn caller(&self) -> io::Result<Self::Stream>;
}

impl Entrance for UnixListener {
    type Stream = UnixStream;

    async fn caller(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

impl Entrance for TcpListener {
    type Stream = TcpStream;

    async fn caller(&self) -> io::Result<TcpStream> {
        Ok(self.accept().await?.0)
    }
}

/// Lets callers in until it is dropped, at most `places` at once; the next one waits in the kernel's queue.
pub(crate) async fn receive<E: Entrance, F: Future<Output = ()> + 'static>(
    entrance: E,
    places: usize,
    speak: impl Fn(E::Stream) -> F,
) {
    let places = Arc::new(Semaphore::new(places));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match entrance.caller().await {
            Ok(stream) => {
                let spoken = speak(stream);
                tokio::task::spawn_local(async move {
                    spoken.await;
                    drop(place);
                });
            }
            // Out of file descriptors: others will be given back.
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// One caller, to the end; a head that does not come within `patience` is the end, too.
pub(crate) async fn converse<B, F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    patience: Duration,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    F: Future<Output = Response<B>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A caller that hangs up in the middle is its own business.
    let _ = connection.await;
}
