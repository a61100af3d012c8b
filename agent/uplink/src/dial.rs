//! Opens connections: name, address, proxy, TLS, HTTP/1.1.
//! Never sends a request and never trusts what answers.
//! Called by the exchange when the pool has no idle connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use logic::fault::{Code, Fault, NetCause, OsCause, TlsCause};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpMaxSeg;
use rustls::pki_types::ServerName;
use system::observed::BoxedStream;
use tokio::io::BufReader;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

use super::fault::{is_demand, passing};
use super::meter::{MeterCounters, SocketBytes, Tap};
use super::names::resolve;
use super::route::{ProxyRoute, Via};
use super::tls::{Chain, Tls};
use super::tunnel::tunnel;
use super::{HEADER_FIELDS, HEADER_LIMIT};
use logic::settings::Url;

/// Name and connection, all addresses together.
const CONNECT: Duration = Duration::from_secs(10);
/// An address has this head start before the next one is tried beside it (RFC 8305 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// So often an open connection looks whether the box still has the address that it came from.
const ADDRESS_CHECK: Duration = Duration::from_secs(1);
/// The handshake carries a chain of some KiB over a thin link.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Bytes that one read takes from a socket under TLS: rustls by itself asks for 4 KiB at a time.
const READ: usize = 64 << 10;
/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) https: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Destination {
    pub(super) fn of(url: &Url) -> Self {
        Self {
            https: url.https,
            host: url.host.clone(),
            port: url.port,
        }
    }
}

/// One open connection.
pub(super) struct OpenConnection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// The other side has ended it for want of a certificate of the box (TLS 1.3 says so after the handshake).
    pub(super) demands: Arc<AtomicBool>,
    pub(super) place: Destination,
    /// Bytes of HTTP, below it nothing.
    pub(super) wire: Arc<SocketBytes>,
    /// What central showed, over TLS.
    pub(super) chain: Option<Chain>,
    /// Whether requests go in absolute form to a proxy, and with which credentials.
    pub(super) forward: Option<Via>,
    /// When it was last given back.
    pub(super) idle_since: Instant,
}

/// Opens a connection to the host of `url`, through the proxy where there is one.
pub(super) async fn dial(
    url: &Url,
    route: &ProxyRoute,
    tls: &Tls,
    ledger: &MeterCounters,
) -> Result<OpenConnection, Fault> {
    let via = route.via(url);
    let stream = match via {
        None => connect(&url.host, url.port, route.segment).await?,
        Some(via) => connect(&via.host, via.port, route.segment)
            .await
            .map_err(|trouble| {
                let why = Box::new(trouble.cause);
                passing(Code::NetProxy, NetCause::ProxyUnreachable { why })
            })?,
    };
    let own = stream.local_addr().ok();
    let (mut tap, wire) = ledger.tap(stream);
    if !url.https {
        let spoken = speak(Box::new(tap), own, url).await?;
        return Ok(lane(spoken, url, wire, None, via.cloned()));
    }
    if let Some(via) = via {
        match timeout(route.patience, tunnel(&mut tap, via, &url.endpoint())).await {
            Ok(result) => result?,
            Err(_) => {
                return Err(passing(
                    Code::NetProxy,
                    NetCause::ProxyTimeout {
                        proxy: via.place(),
                        target: url.endpoint(),
                        seconds: route.patience.as_secs(),
                    },
                ));
            }
        }
    }
    let name = ServerName::try_from(url.host.clone()).map_err(|_| {
        Fault::new(
            Code::NetTls,
            TlsCause::NoName {
                host: url.host.clone(),
            },
        )
    })?;
    let stream = BufReader::with_capacity(READ, tap);
    let connecting = TlsConnector::from(tls.config.clone()).connect(name.clone(), stream);
    let stream = match timeout(HANDSHAKE, connecting).await {
        Ok(result) => result.map_err(|error| tls.failure(&error, &url.endpoint()))?,
        Err(_) => {
            return Err(passing(
                Code::NetTls,
                TlsCause::HandshakeTimeout {
                    host: url.endpoint(),
                    seconds: HANDSHAKE.as_secs(),
                },
            ));
        }
    };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = tls.chain(shown, name);
    // Alerts and session tickets of TLS are no answer: what central said is counted above it.
    let (stream, wire) = Tap::over(stream);
    let spoken = speak(Box::new(stream), own, url).await?;
    Ok(lane(spoken, url, wire, Some(chain), None))
}

/// Speaks over a stream whose other end is in this process.
pub(super) async fn in_process(
    url: &Url,
    stream: BoxedStream,
    ledger: &MeterCounters,
) -> Result<OpenConnection, Fault> {
    let (tap, wire) = ledger.tap(stream);
    let spoken = speak(Box::new(tap), None, url).await?;
    Ok(lane(spoken, url, wire, None, None))
}

fn lane(
    (sender, demands): (SendRequest<Full<Bytes>>, Arc<AtomicBool>),
    url: &Url,
    wire: Arc<SocketBytes>,
    chain: Option<Chain>,
    forward: Option<Via>,
) -> OpenConnection {
    OpenConnection {
        sender,
        demands,
        place: Destination::of(url),
        wire,
        chain,
        forward,
        idle_since: Instant::now(),
    }
}

/// HTTP/1.1 on a stream, and whether it ended for want of a certificate; the connection's own task ends with it, or when the box loses the address `own` that it came
/// from: nothing could arrive on it any more.
async fn speak(
    stream: BoxedStream,
    own: Option<SocketAddr>,
    url: &Url,
) -> Result<(SendRequest<Full<Bytes>>, Arc<AtomicBool>), Fault> {
    let demands = Arc::new(AtomicBool::new(false));
    let demanded = demands.clone();
    let (sender, connection) = http1::Builder::new()
        // TAO behind PHP reads `Range` in exactly this case (protocol 6.3).
        .title_case_headers(true)
        // Folded lines (RFC 9112 5.2), a blank before the colon, a line that is no field: old PHP and middleboxes write
        // them, curl and wget read past them. On a connection with one answer at a time they cannot hide a second one.
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(HEADER_FIELDS)
        .max_header_size(HEADER_LIMIT)
        .max_buf_size(2 * HEADER_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| {
            let place = url.endpoint();
            Fault::new(Code::NetRefused, NetCause::NotSpoken { place })
        })?;
    tokio::spawn(async move {
        // Whoever waits for an answer hears of the failure; nobody else needs to.
        tokio::select! {
            ended = connection => {
                if ended.is_err_and(|error| is_demand(&error)) {
                    demanded.store(true, Ordering::Relaxed);
                }
            }
            () = gone(own) => {}
        }
    });
    Ok((sender, demands))
}

/// Ends when the box has lost this address: what is sent to it arrives nowhere, and TCP itself would wait for minutes.
async fn gone(own: Option<SocketAddr>) {
    let Some(own) = own.filter(|own| !own.ip().is_loopback()) else {
        return std::future::pending().await;
    };
    let mut place = own;
    place.set_port(0);
    loop {
        sleep(ADDRESS_CHECK).await;
        // The kernel lets nobody bind to an address that is none of its own.
        let bound = std::net::UdpSocket::bind(place);
        if bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable) {
            return;
        }
    }
}

/// A connection to a host and port that is not central, by the box's own resolver.
///
/// # Errors
/// `net.dns`, `net.refused`, `net.unreachable`.
pub async fn connect_to(host: &str, port: u16) -> Result<TcpStream, Fault> {
    connect(host, port, None).await
}

/// Resolves and connects within `CONNECT`.
async fn connect(host: &str, port: u16, segment: Option<u16>) -> Result<TcpStream, Fault> {
    let end = Instant::now() + CONNECT;
    let addresses = resolve(host, port, CONNECT).await.map_err(|why| {
        let host = host.to_owned();
        Fault::new(Code::NetDns, NetCause::NoAddress { host, why })
    })?;
    let place = format!("{host}:{port}");
    match tokio::time::timeout_at(end, race(addresses.into(), segment)).await {
        Ok(Ok(stream)) => {
            // Small requests must not wait for acknowledgements; without it they only take longer.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(Fault::new(Code::NetRefused, NetCause::Refused { place }))
        }
        Ok(Err(error)) => {
            let why = OsCause::from(&error);
            let cause = NetCause::Unreachable { place, why };
            Err(Fault::new(Code::NetUnreachable, cause))
        }
        Err(_) => Err(Fault::new(
            Code::NetUnreachable,
            NetCause::ConnectTimeout {
                place,
                seconds: CONNECT.as_secs(),
            },
        )),
    }
}

/// The first of the addresses that accepts; each has a head start before the next. The error is that of the last.
async fn race(mut addresses: VecDeque<SocketAddr>, segment: Option<u16>) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let Some(address) = addresses.pop_front() else {
            match tries.join_next().await {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(_)) => {}
                None => return Err(last),
            }
            continue;
        };
        tries.spawn(open(address, segment));
        if addresses.is_empty() {
            continue;
        }
        tokio::select! {
            Some(joined) = tries.join_next() => match joined {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            },
            () = sleep(HEAD_START) => {}
        }
    }
}

/// Connects; with `segment` neither side sends more bytes in one packet (RFC 9293 3.7.1).
async fn open(address: SocketAddr, segment: Option<u16>) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(segment) = segment {
        setsockopt(&socket, TcpMaxSeg, &u32::from(segment))?;
    }
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_address_the_box_has_lost_ends() {
        let url = Url::parse("http://central.example/").unwrap();
        // An address for documentation (RFC 5737): it is none of this machine's.
        let (near, _far) = tokio::io::duplex(1 << 10);
        let lost = Some("192.0.2.1:49152".parse().unwrap());
        let (mut sender, _) = speak(Box::new(near), lost, &url).await.unwrap();
        let request = hyper::Request::get("/").body(Full::default()).unwrap();
        let answered = timeout(10 * ADDRESS_CHECK, sender.send_request(request)).await;
        assert!(answered.unwrap().is_err());
        // One that it has is kept.
        let own = Some("[::1]:49152".parse().unwrap());
        let waited = timeout(10 * ADDRESS_CHECK, gone(own)).await;
        assert!(waited.is_err());
    }
}
