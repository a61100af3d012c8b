//! Looks at the way to central below TLS: interfaces, routes, gateway, name, connection, ten small requests.
//! Never sends anything but one byte to the gateway and the handshakes of TCP, and never judges: `logic::health::way` does.
//! Called by `doctor`, beside the talk with central.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use logic::health::way::{ConnectFailure, GatewayStation, Interface, Name, Sources, TRIES, route};
use logic::health::{Check, PlannedCheck};
use logic::resolver::LookupFailure;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::first::target;
use super::{SeenSoFar, limit, made};
use uplink::{UplinkConfig, is_listed, resolve};

/// The port of a service that nobody offers (discard, RFC 863): a station that is there refuses it.
const DISCARD: u16 = 9;
/// So often the kernel is asked whether the gateway has answered.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Small requests begin this far apart.
const APART: Duration = Duration::from_millis(30);
/// A small request that takes longer is lost: the kernel has repeated it after one second, not yet after three.
const LOST_AFTER: Duration = Duration::from_millis(2500);

/// Everything on the way.
pub(super) async fn look(steps: &[PlannedCheck], line: Option<&UplinkConfig>, found: &SeenSoFar) {
    let literal = line.and_then(|line| target(line).0.parse::<IpAddr>().ok());
    if made(steps, Check::Link) {
        let interfaces = interfaces();
        found.see(|seen| seen.way.interfaces = interfaces);
    }
    if made(steps, Check::Address) {
        let sources = sources(literal);
        found.see(|seen| seen.way.sources = Some(sources));
    }
    let connected = Notify::new();
    tokio::join!(gateway(steps, literal, found, &connected), async {
        connection(steps, line, found, &connected).await;
    });
}

/// All interfaces but loopback, by what the kernel tells whoever asks; `None` where it tells nothing.
fn interfaces() -> Option<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for entry in getifaddrs().ok()? {
        if entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let address = entry.address.as_ref().and_then(|address| {
            let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
            four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
        });
        let known = found
            .iter()
            .position(|one| one.name == entry.interface_name);
        let at = known.unwrap_or_else(|| {
            found.push(Interface {
                name: entry.interface_name.clone(),
                enabled: entry.flags.contains(InterfaceFlags::IFF_UP),
                carrier: entry.flags.contains(InterfaceFlags::IFF_RUNNING),
                addresses: Vec::new(),
            });
            found.len() - 1
        });
        found[at].addresses.extend(address);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Some(found)
}

/// The addresses that the kernel would send from; nothing is sent. Toward anywhere outside, or toward central itself.
fn sources(literal: Option<IpAddr>) -> Sources {
    // Addresses for documents (RFC 5737, RFC 3849) are reached by the default route alone.
    let mut four: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
    let mut six: IpAddr = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into();
    match literal {
        Some(ip @ IpAddr::V4(_)) => four = ip,
        Some(ip @ IpAddr::V6(_)) => six = ip,
        None => {}
    }
    let source = |to| {
        let socket = std::net::UdpSocket::bind(unspecified(to)).ok()?;
        socket.connect((to, DISCARD)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    Sources {
        four: source(four),
        six: source(six),
    }
}

fn unspecified(to: IpAddr) -> SocketAddr {
    match to {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    }
}

/// Whether the gateway of the route answers; ends as soon as a connection through it came about.
async fn gateway(
    steps: &[PlannedCheck],
    literal: Option<IpAddr>,
    found: &SeenSoFar,
    connected: &Notify,
) {
    if !made(steps, Check::Gateway) {
        return;
    }
    let read = |name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let Some((address, name)) = route::gateway(&read("route"), &read("ipv6_route"), literal) else {
        return;
    };
    let told = |answers| {
        found.see(|seen| seen.way.gateway = Some(GatewayStation { address, answers }));
    };
    told(None);
    let asked = timeout(limit(steps, Check::Gateway), answers(address, &name));
    tokio::select! {
        answered = asked => told(answered.unwrap_or(None)),
        () = connected.notified() => {}
    }
}

/// Whether a neighbour answers: it refuses what nobody offers, or the kernel has found it anew, or given it up.
async fn answers(address: IpAddr, interface: &str) -> Option<bool> {
    let socket = UdpSocket::bind(unspecified(address)).await.ok()?;
    let place: SocketAddr = match address {
        IpAddr::V4(_) => (address, DISCARD).into(),
        IpAddr::V6(six) => {
            let scope = if_nametoindex(interface).unwrap_or(0);
            SocketAddrV6::new(six, DISCARD, 0, scope).into()
        }
    };
    socket.connect(place).await.ok()?;
    // Without these the kernel keeps to itself that a neighbour was given up (ip(7), ipv6(7)).
    match address {
        IpAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true).ok()?,
        IpAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true).ok()?,
    }
    let known = is_known(address);
    socket.send(&[0]).await.ok()?;
    let refused = async {
        match socket.recv(&mut [0; 16]).await {
            Err(error) if error.kind() == ErrorKind::HostUnreachable => Some(false),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Some(true),
            Err(_) => None,
            Ok(_) => Some(true),
        }
    };
    let met = async {
        // Of one that was known before nobody can say when it answered last.
        loop {
            sleep(LOOK_AGAIN).await;
            if !known && is_known(address) {
                return;
            }
        }
    };
    tokio::select! {
        answered = refused => answered,
        () = met => Some(true),
    }
}

/// Whether the kernel has the hardware address of a neighbour (proc(5), `/proc/net/arp`); of IPv6 it does not tell.
fn is_known(address: IpAddr) -> bool {
    let table = fs::read_to_string("/proc/self/net/arp").unwrap_or_default();
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // `ATF_COM`, a completed entry.
        fields.first().is_some_and(|ip| *ip == address.to_string())
            && fields.get(2).is_some_and(|flags| *flags != "0x0")
    })
}

/// Whether the name of central (or of the proxy) has an address, and whether it accepts connections.
async fn connection(
    steps: &[PlannedCheck],
    line: Option<&UplinkConfig>,
    found: &SeenSoFar,
    connected: &Notify,
) {
    let Some(line) = line.filter(|_| made(steps, Check::Dns)) else {
        return;
    };
    let (host, port) = target(line);
    let name = Name {
        host: host.to_owned(),
        port,
        proxy: line.proxy.is_some() && host != line.root.host,
        listed: is_listed(host),
        servers: servers(),
        ..Name::default()
    };
    found.see(|seen| seen.way.name = Some(name));
    let resolved = resolve(host, port, limit(steps, Check::Dns)).await;
    let answer = match &resolved {
        Ok(addresses) => Ok(addresses.iter().map(SocketAddr::ip).collect()),
        Err(failure) => Err(*failure),
    };
    let known = matches!(
        resolved,
        Err(LookupFailure::NoName | LookupFailure::NoAddress)
    );
    found.see(|seen| {
        if let Some(name) = &mut seen.way.name {
            name.known = known;
            name.answer = Some(answer);
        }
    });
    let Ok(addresses) = resolved else { return };
    let patience = limit(steps, Check::Connect);
    let first = addresses.first().copied();
    let joined = match timeout(patience, any(addresses)).await {
        Ok(Ok(address)) => Ok(address),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(ConnectFailure::Late(patience.as_secs())),
    };
    if joined.is_ok() {
        connected.notify_one();
    }
    // Where many packets are lost, the first connection may be among those that do not come about.
    let address = joined.as_ref().ok().copied();
    let address = address.or(first.filter(|_| matches!(joined, Err(ConnectFailure::Late(_)))));
    let told = joined.map(|address| address.to_string());
    let wait = told.is_err();
    if !wait {
        found.see(|seen| seen.way.connect = Some(told.clone()));
    }
    let mut times = Vec::new();
    if let Some(address) = address.filter(|_| made(steps, Check::Loss)) {
        times = tries(address).await;
    }
    let come = times.iter().any(Option::is_some);
    found.see(|seen| {
        seen.way.connect = Some(match (told, address) {
            (Err(_), Some(address)) if come => Ok(address.to_string()),
            (told, _) => told,
        });
        seen.way.tries = times;
    });
}

fn refusal(error: &io::Error) -> ConnectFailure {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        ErrorKind::NetworkUnreachable => ConnectFailure::NoRoute,
        ErrorKind::HostUnreachable => ConnectFailure::Unreachable,
        ErrorKind::PermissionDenied => ConnectFailure::Forbidden,
        ErrorKind::TimedOut => ConnectFailure::Unreachable,
        ErrorKind::ConnectionReset => ConnectFailure::Refused,
        _ => ConnectFailure::Other(error.to_string()),
    }
}

/// The name servers in /etc/resolv.conf, for the technician.
fn servers() -> Vec<String> {
    let text = fs::read("/etc/resolv.conf").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.map(|server| server.trim().to_owned()).collect()
}

/// The first address that accepts; the error is that of the last.
async fn any(addresses: Vec<SocketAddr>) -> io::Result<SocketAddr> {
    let mut tries = JoinSet::new();
    for address in addresses {
        tries.spawn(async move { TcpStream::connect(address).await.map(|_| address) });
    }
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    while let Some(joined) = tries.join_next().await {
        match joined {
            Ok(Ok(address)) => return Ok(address),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

/// Opens and closes a few connections and takes their times.
async fn tries(address: SocketAddr) -> Vec<Option<u32>> {
    let mut tries = JoinSet::new();
    for nth in 0..TRIES as u32 {
        tries.spawn(async move {
            sleep(APART * nth).await;
            let begun = Instant::now();
            let opened = timeout(LOST_AFTER, TcpStream::connect(address)).await;
            // One that is refused has made its way, too.
            opened.ok().map(|_| begun.elapsed().as_millis() as u32)
        });
    }
    let mut times = Vec::new();
    while let Some(time) = tries.join_next().await {
        times.extend(time.ok());
    }
    times
}
