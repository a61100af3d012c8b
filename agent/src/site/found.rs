//! The other boxes of the network where none are named: asked for in bursts, answered while `[site] listen` opens a port.
//! Never answers who is not on a link of the box, and never believes more than that something answered there: a box is who proves a key.
//! Called by the daemon, which answers and asks, and by the engine, which asks when downloads begin.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use logic::resolver::service::{GROUP, MESSAGE, announce, announced, asks, browse};
use logic::settings::SitePeer;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt,
};
use system::clock;
use system::root::{Root, read_at_most, write_for_all};
use tokio::time::{sleep, timeout};
use vault::random;

/// A burst takes so long, and the question is sent again in the middle of it.
const BURST: Duration = Duration::from_millis(1000);
const PIECE: Duration = Duration::from_millis(50);
/// Who has not answered for so long is forgotten, milliseconds since boot.
const KEPT: u64 = 60 * 60 * 1000;
/// Boxes that are known, at most: those that are known already stay.
const FOUND: usize = 64;
const FOUND_LIMIT: u64 = 16 << 10;
/// New addresses of the box are looked for so often while it answers, whatever comes meanwhile.
const ADDRESSES: Duration = Duration::from_secs(60);
/// An answer takes this long at least, and so does a failure to receive: who asks all the time gets few.
const ANSWERS: Duration = Duration::from_millis(20);

/// Host, port, and when it answered last, milliseconds since boot.
type FoundPeer = (String, u16, u64);

fn path(root: &Root) -> PathBuf {
    root.socket().with_file_name("found")
}

fn now_ms() -> u64 {
    clock::now().mono.as_millis() as u64
}

fn read(root: &Root) -> Vec<FoundPeer> {
    let text = read_at_most(&path(root), FOUND_LIMIT).ok();
    let found = text.and_then(|text| serde_json::from_slice::<Vec<FoundPeer>>(&text).ok());
    let (mut found, now) = (found.unwrap_or_default(), now_ms());
    found.retain(|(.., at)| now.saturating_sub(*at) < KEPT);
    found
}

/// The boxes that have answered within an hour.
pub fn found(root: &Root) -> Vec<SitePeer> {
    let peer = |(host, port, _): FoundPeer| SitePeer { host, port };
    read(root).into_iter().map(peer).collect()
}

/// The box's own IPv4 addresses with their masks, loopback apart.
fn own_addresses() -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let entries = getifaddrs().ok().into_iter().flatten();
    let is_usable = |flags: InterfaceFlags| {
        let needed = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
        flags.contains(needed) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
    };
    let entries = entries.filter(|entry| is_usable(entry.flags));
    let own = entries.filter_map(|entry| {
        let address = entry.address?.as_sockaddr_in()?.ip();
        Some((address, entry.netmask?.as_sockaddr_in()?.ip()))
    });
    own.collect()
}

/// The box's own address on the link that this one is on.
fn on_link(own: &[(Ipv4Addr, Ipv4Addr)], from: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V4(from) = from else { return None };
    let is_near = |(address, mask): &&(Ipv4Addr, Ipv4Addr)| address & mask == from & mask;
    own.iter().find(is_near).map(|(address, _)| *address)
}

/// Asks the network for other boxes, for a second, and notes who answers; `port`: where the box itself listens.
pub fn look_around(root: &Root, port: u16) {
    let own = own_addresses();
    let id = u16::from_le_bytes(random());
    let bound = own.iter().filter_map(|(address, _)| {
        let socket = UdpSocket::bind((*address, 0)).ok()?;
        socket.set_read_timeout(Some(PIECE)).ok()?;
        Some(socket)
    });
    let sockets: Vec<UdpSocket> = bound.collect();
    let (begun, mut asked) = (clock::now().mono, 0);
    let mut all = read(root);
    let mut message = [0; MESSAGE];
    loop {
        let passed = clock::now().mono.saturating_sub(begun);
        if passed >= BURST || sockets.is_empty() {
            break;
        }
        if passed >= BURST / 2 * asked {
            asked += 1;
            for socket in &sockets {
                let _ = socket.send_to(&browse(id), GROUP);
            }
        }
        for socket in &sockets {
            let Ok((length, from)) = socket.recv_from(&mut message) else {
                continue;
            };
            let Some(its) = announced(&message[..length], id) else {
                continue;
            };
            let is_own = its == port && own.iter().any(|(address, _)| *address == from.ip());
            if is_own || on_link(&own, from.ip()).is_none() {
                continue;
            }
            let (host, at) = (from.ip().to_string(), now_ms());
            let known = all.iter().position(|(known, ..)| *known == host);
            if let Some(known) = known {
                all.swap_remove(known);
            }
            if all.len() < FOUND {
                all.push((host, its, at));
            }
        }
    }
    if let Ok(text) = serde_json::to_vec(&all) {
        let _ = write_for_all(&path(root), &text);
    }
}

fn listening() -> Option<UdpSocket> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let made = socket(AddressFamily::Inet, SockType::Datagram, flags, None).ok()?;
    // Others on this machine may speak multicast DNS, too.
    setsockopt(&made, sockopt::ReuseAddr, &true).ok()?;
    setsockopt(&made, sockopt::ReusePort, &true).ok()?;
    bind(made.as_raw_fd(), &SockaddrIn::new(0, 0, 0, 0, GROUP.1)).ok()?;
    Some(made.into())
}

fn joins(socket: &tokio::net::UdpSocket, address: Ipv4Addr) -> bool {
    let joined = socket.join_multicast_v4(GROUP.0, address);
    // An address that went and came back is joined already.
    joined.map_or_else(|error| error.kind() == ErrorKind::AddrInUse, |()| true)
}

/// Answers who looks for boxes, until it is dropped; `at`: where the box listens.
pub async fn answer(at: SocketAddr) {
    let instance = format!("{:016x}", u64::from_le_bytes(random()));
    let socket = listening().and_then(|socket| tokio::net::UdpSocket::from_std(socket).ok());
    let Some(socket) = socket else {
        // Boxes that are named in `peers` need none of this.
        return tracing::warn!("other boxes cannot find this one: port 5353 is taken");
    };
    let mut message = [0; MESSAGE];
    let (mut own, mut joined) = (Vec::new(), Vec::<Ipv4Addr>::new());
    let mut looked: Option<Duration> = None;
    loop {
        let now = clock::now().mono;
        if looked.is_none_or(|looked| now.saturating_sub(looked) >= ADDRESSES) {
            looked = Some(now);
            own = own_addresses();
            own.retain(|(address, _)| at.ip().is_unspecified() || at.ip() == *address);
            joined.retain(|joined| own.iter().any(|(address, _)| address == joined));
            for (address, _) in &own {
                // What fails is tried again at the next look.
                if !joined.contains(address) && joins(&socket, *address) {
                    joined.push(*address);
                }
            }
        }
        let (length, from) = match timeout(ADDRESSES, socket.recv_from(&mut message)).await {
            Ok(Ok(came)) => came,
            Ok(Err(_)) => {
                sleep(ANSWERS).await;
                continue;
            }
            Err(_) => continue,
        };
        let (Some(id), Some(address)) = (asks(&message[..length]), on_link(&own, from.ip())) else {
            continue;
        };
        let (id, to) = match from.port() == GROUP.1 {
            true => (None, GROUP.into()),
            false => (Some(id), from),
        };
        let told = announce(id, &instance, at.port(), address);
        if id.is_some() && told.len() > length {
            continue;
        }
        let _ = socket.send_to(&told, to).await;
        sleep(ANSWERS).await;
    }
}
